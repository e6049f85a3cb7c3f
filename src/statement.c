// SPDX-License-Identifier: MIT
#include "statement.h"

#include <string.h>

static bool name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static size_t name_end(ds_view sql, size_t at) {
  while (at < sql.size && name_char(sql.at[at])) at++;
  return at;
}

// The position after the text that starts at `at` and ends with `close`, or the end of the SQL.
static size_t after(ds_view sql, size_t at, const char *close) {
  size_t size = strlen(close);
  for (; at + size <= sql.size; at++)
    if (memcmp(sql.at + at, close, size) == 0) return at + size;
  return sql.size;
}

// The position after the string, quoted identifier or comment that begins at `at`; `at` itself if none does. A doubled quote is two strings in a row, which
// comes to the same.
static size_t skip_quoted(ds_view sql, size_t at) {
  char next = at + 1 < sql.size ? sql.at[at + 1] : '\0';
  switch (sql.at[at]) {
    case '\'': return after(sql, at + 1, "'");
    case '"': return after(sql, at + 1, "\"");
    case '`': return after(sql, at + 1, "`");
    case '[': return after(sql, at + 1, "]");
    case '-': return next == '-' ? after(sql, at + 2, "\n") : at;
    case '/': return next == '*' ? after(sql, at + 2, "*/") : at;
    default: return at;
  }
}

static void add_parameter(ds_text *text, uint32_t number, ds_view name) {
  ds_text_str(text, "(?");
  ds_text_int(text, number);
  ds_text_str(text, "->>");
  ds_text_sql_string(text, name);
  ds_text_str(text, ")");
}

ds_statement ds_statement_of(ds_arena *arena, ds_view sql) {
  ds_text text = ds_text_new(arena);
  uint32_t parameters = 0;
  for (size_t at = 0; at < sql.size;) {
    size_t end = skip_quoted(sql, at);
    char mark = sql.at[at];
    uint32_t number = mark == ':' ? 1 : mark == '@' ? 2 : mark == '$' ? 3 : 0;
    bool within = at > 0 && name_char(sql.at[at - 1]); // a$b is a name as well
    if (end == at && number && !within && name_end(sql, at + 1) > at + 1) {
      end = name_end(sql, at + 1);
      add_parameter(&text, number, (ds_view){sql.at + at + 1, end - at - 1});
      if (number > parameters) parameters = number;
    } else {
      if (end == at) end = at + 1;
      ds_text_add(&text, (ds_view){sql.at + at, end - at});
    }
    at = end;
  }
  return (ds_statement){ds_text_view(&text), parameters};
}
