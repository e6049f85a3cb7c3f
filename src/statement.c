// SPDX-License-Identifier: MIT
#include "statement.h"

#include <string.h>

static bool name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (unsigned char)c >= 0x80;
}

static size_t name_end(ds_view sql, size_t at) {
  while (at < sql.size && name_char(sql.at[at])) at++;
  return at;
}

// A name may have dollars in it, but for its beginning.
static size_t identifier_end(ds_view sql, size_t at) {
  while (at < sql.size && (name_char(sql.at[at]) || sql.at[at] == '$')) at++;
  return at;
}

// The position after the text that starts at `at` and ends with `close`, or the end of the SQL.
static size_t after(ds_view sql, size_t at, const char *close) {
  size_t size = ds_view_of(close).size;
  for (; at + size <= sql.size; at++)
    if (memcmp(sql.at + at, close, size) == 0) return at + size;
  return sql.size;
}

// The position after the quoted text that starts at `at`, in which its quote may stand doubled.
static size_t after_quoted(ds_view sql, size_t at, const char *quote) {
  do at = after(sql, at + 1, quote);
  while (at < sql.size && sql.at[at] == *quote);
  return at;
}

// The position after the string, quoted identifier or comment that begins at `at`; `at` itself if none does.
static size_t skip_quoted(ds_view sql, size_t at) {
  char next = at + 1 < sql.size ? sql.at[at + 1] : '\0';
  switch (sql.at[at]) {
    case '\'': return after_quoted(sql, at, "'");
    case '"': return after_quoted(sql, at, "\"");
    case '`': return after_quoted(sql, at, "`");
    case '[': return after(sql, at + 1, "]");
    case '-': return next == '-' ? after(sql, at + 2, "\n") : at;
    case '/': return next == '*' ? after(sql, at + 2, "*/") : at;
    default: return at;
  }
}

// ---- Tokens

static ds_token token(ds_token_kind kind, ds_view sql, size_t at, size_t end) {
  return (ds_token){.kind = kind, .text = {sql.at + at, end - at}};
}

static ds_token quoted_token(ds_view sql, size_t at, size_t end) {
  char mark = sql.at[at];
  bool name = mark == '"' || mark == '`' || mark == '[';
  ds_token quoted = token(name ? DS_TOKEN_NAME : DS_TOKEN_OTHER, sql, at, end);
  if (name && end - at >= 2) quoted.name = (ds_view){sql.at + at + 1, end - at - 2};
  return quoted;
}

ds_token ds_token_at(ds_view sql, size_t at) {
  size_t end = skip_quoted(sql, at);
  if (end > at) return quoted_token(sql, at, end);
  char mark = sql.at[at];
  if (name_char(mark)) {
    ds_token name = token(DS_TOKEN_NAME, sql, at, identifier_end(sql, at));
    name.name = name.text;
    return name;
  }
  end = name_end(sql, at + 1);
  if ((mark != ':' && mark != '@' && mark != '$') || end == at + 1) return token(DS_TOKEN_OTHER, sql, at, at + 1);
  ds_token parameter = token(DS_TOKEN_PARAMETER, sql, at, end);
  parameter.mark = mark;
  parameter.name = (ds_view){sql.at + at + 1, end - at - 1};
  return parameter;
}

// ---- Statements

static void add_parameter(ds_text *text, ds_view json, ds_view name) {
  ds_text_str(text, "(");
  ds_text_add(text, json);
  ds_text_str(text, "->>");
  ds_text_sql_string(text, name);
  ds_text_str(text, ")");
}

ds_statement ds_statement_of(ds_arena *arena, ds_view sql) {
  ds_text text = ds_text_new(arena);
  uint32_t parameters = 0;
  for (size_t at = 0; at < sql.size;) {
    ds_token token = ds_token_at(sql, at);
    if (token.kind == DS_TOKEN_PARAMETER) {
      uint32_t number = token.mark == ':' ? 1 : token.mark == '@' ? 2 : 3;
      add_parameter(&text, ds_view_of(number == 1 ? "?1" : number == 2 ? "?2" : "?3"), token.name);
      if (number > parameters) parameters = number;
    } else {
      ds_text_add(&text, token.text);
    }
    at += token.text.size;
  }
  return (ds_statement){ds_text_view(&text), parameters};
}

struct ds_known_statement {
  struct ds_known_statement *next;
  ds_view source;
  ds_statement statement;
};

// SQL that an app writes anew for each action would make the list long, and is found by nobody.
enum { MOST_KNOWN = 32 };

ds_statement ds_statements_find(ds_statements *known, ds_arena *arena, ds_view sql) {
  for (const struct ds_known_statement *one = known->first; one; one = one->next)
    if (ds_view_equal(one->source, sql)) return one->statement;
  ds_statement statement = ds_statement_of(arena, sql);
  if (known->count == MOST_KNOWN) return statement;
  struct ds_known_statement *made = ds_arena_take(arena, sizeof *made);
  *made = (struct ds_known_statement){.next = known->first, .source = ds_arena_copy(arena, sql), .statement = statement};
  known->first = made;
  known->count++;
  return statement;
}

// A comment is left out: one that begins with -- would take with it what stands behind the condition.
static bool is_comment(const ds_token *token) {
  char mark = token->text.at[0];
  return token->text.size > 1 && (mark == '-' || mark == '/');
}

void ds_statement_where(ds_text *sql, ds_view where, ds_view json) {
  for (size_t at = 0; at < where.size;) {
    ds_token token = ds_token_at(where, at);
    if (token.kind == DS_TOKEN_PARAMETER && token.mark == '$') add_parameter(sql, json, token.name);
    else if (is_comment(&token)) ds_text_str(sql, " ");
    else ds_text_add(sql, token.text);
    at += token.text.size;
  }
}
