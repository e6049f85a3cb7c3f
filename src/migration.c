// SPDX-License-Identifier: MIT
#include "migration.h"

#include "statement.h"
#include "table.h"

#include <string.h>

// ---- Tokens

static bool is_blank(const ds_token *token) {
  if (token->kind != DS_TOKEN_OTHER) return false;
  ds_view text = token->text;
  return strchr(" \t\n\f\r", text.at[0]) ? text.at[0] != '\0' : text.size > 1 && (text.at[0] == '-' || text.at[0] == '/');
}

// SQLite passes over a byte order mark; to ds_token_at it is a part of a name.
static ds_view without_mark(ds_view sql) {
  bool marked = sql.size >= 3 && memcmp(sql.at, "\xEF\xBB\xBF", 3) == 0;
  return marked ? (ds_view){sql.at + 3, sql.size - 3} : sql;
}

// Reads the next token from `*at` on that is neither white space nor a comment; false at the end.
static bool next(ds_view sql, size_t *at, ds_token *token) {
  while (*at < sql.size) {
    *token = ds_token_at(sql, *at);
    *at += token->text.size;
    if (!is_blank(token)) return true;
  }
  return false;
}

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool same_word(ds_view text, const char *word) {
  if (text.size != strlen(word)) return false;
  for (size_t i = 0; i < text.size; i++)
    if (lower(text.at[i]) != word[i]) return false;
  return true;
}

static bool is(const ds_token *token, const char *word) {
  return same_word(token->kind == DS_TOKEN_NAME ? token->name : token->text, word);
}

ds_view ds_migration_statements(ds_view sql) {
  sql = without_mark(sql);
  ds_token token;
  size_t end = 0;
  for (size_t at = 0; next(sql, &at, &token);)
    if (!is(&token, ";")) end = at;
  return (ds_view){sql.at, end};
}

ds_view ds_migration_hash(ds_arena *arena, ds_view sql) {
  sql = ds_migration_statements(sql);
  char *all = ds_arena_take(arena, 2 * sql.size + 1);
  size_t size = 0;
  bool ended = true; // no token of the statement yet
  ds_token token;
  for (size_t at = 0; next(sql, &at, &token);) {
    bool end = is(&token, ";");
    if (end && ended) continue;
    ended = end;
    bool plain = token.kind == DS_TOKEN_NAME && token.name.size == token.text.size;
    for (size_t i = 0; i < token.text.size; i++) all[size++] = plain ? lower(token.text.at[i]) : token.text.at[i];
    all[size++] = ' ';
  }
  return ds_hash(arena, (ds_view){all, size});
}

// ---- Foreign keys that are off

// What SQLite takes for false (sqlite.org/pragma.html), in quotes or not.
static bool is_off(const ds_token *token) {
  ds_view word = token->kind == DS_TOKEN_NAME ? token->name : token->text;
  if (word.size >= 2 && word.at[0] == '\'') word = (ds_view){word.at + 1, word.size - 2};
  return same_word(word, "off") || same_word(word, "no") || same_word(word, "false") || same_word(word, "0");
}

// `at` is behind PRAGMA: foreign_keys = OFF, main.foreign_keys(OFF) and the like.
static bool pragma_turns_off(ds_view sql, size_t at) {
  ds_token name;
  ds_token sign;
  if (!next(sql, &at, &name) || !next(sql, &at, &sign)) return false;
  if (is(&sign, ".") && (!next(sql, &at, &name) || !next(sql, &at, &sign))) return false;
  if (!is(&name, "foreign_keys") || !(is(&sign, "=") || is(&sign, "("))) return false;
  ds_token value;
  return next(sql, &at, &value) && is_off(&value);
}

bool ds_migration_turns_keys_off(ds_view sql) {
  sql = without_mark(sql);
  bool begins = true;
  ds_token token;
  for (size_t at = 0; next(sql, &at, &token); begins = is(&token, ";"))
    if (begins && is(&token, "pragma") && pragma_turns_off(sql, at)) return true;
  return false;
}

// ---- What refers to what

static ds_view read_first(ds_sql *sql, ds_view query, const ds_view *parameters, uint32_t count) {
  int32_t cursor = ds_sql_open(sql, query, parameters, count);
  ds_view first = ds_sql_next(sql, cursor) ? ds_sql_read(sql, cursor, 0) : (ds_view){0};
  ds_sql_close(sql, cursor);
  return first;
}

// A table that is made again stands elsewhere in the schema, and one that is altered does not.
ds_view ds_keys_parents(ds_sql *sql) {
  ds_view query = DS_LITERAL(
    "SELECT json_group_object(name, rowid) FROM sqlite_master WHERE type = 'table' AND lower(name) IN "
    "(SELECT lower(keys.\"table\") FROM sqlite_master AS tables, pragma_foreign_key_list(tables.name) AS keys WHERE tables.type = 'table')");
  return read_first(sql, query, DS_NO_PARAMETERS);
}

bool ds_keys_remade(ds_sql *sql, ds_view parents) {
  ds_view query = DS_LITERAL(
    "SELECT count(*) FROM json_each(?1) AS old JOIN sqlite_master AS new ON new.type = 'table' AND new.name = old.key COLLATE NOCASE "
    "WHERE new.rowid <> old.value");
  return !ds_view_is(parents, "{}") && ds_sql_first(sql, query, DS_PARAMETERS(parents)) > 0;
}

ds_view ds_keys_violations(ds_sql *sql) {
  ds_view query = DS_LITERAL(
    "SELECT json_group_object(\"table\", count) FROM (SELECT \"table\", count(*) AS count FROM pragma_foreign_key_check GROUP BY 1)");
  ds_sql attempt = *sql;
  ds_view violations = read_first(&attempt, query, DS_NO_PARAMETERS);
  if (attempt.status == DS_SQL_STORAGE) sql->status = attempt.status;
  return violations;
}

ds_view ds_keys_violated(ds_sql *sql, ds_view before) {
  if (ds_view_absent(before)) return before;
  ds_view query = DS_LITERAL(
    "SELECT \"table\" FROM pragma_foreign_key_check GROUP BY 1 "
    "HAVING count(*) > ifnull((SELECT value FROM json_each(?1) WHERE key = \"table\"), 0)");
  return read_first(sql, query, DS_PARAMETERS(before));
}
