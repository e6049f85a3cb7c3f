// SPDX-License-Identifier: MIT
#include "sql.h"

// Never a cursor of the host's: what an open that did not happen returns.
enum { NO_CURSOR = -1 };

// Bytes that most texts have no more than, so that they come with the first call.
enum { GUESS = 256 };

static void note(ds_sql *sql, int32_t status) {
  if (status < 0 && sql->status == DS_SQL_DONE) sql->status = (ds_sql_status)status;
}

int32_t ds_sql_open(ds_sql *sql, ds_view statement, const ds_view *parameters, uint32_t count) {
  if (sql->status != DS_SQL_DONE) return NO_CURSOR;
  int32_t cursor = sql->host->sql_open(sql->host->context, statement, parameters, count);
  note(sql, cursor);
  return cursor;
}

int32_t ds_sql_pragma(ds_sql *sql, const char *pragma, ds_view name) {
  ds_text statement = ds_text_new(sql->arena);
  ds_text_str(&statement, pragma);
  ds_text_str(&statement, "(");
  ds_text_identifier(&statement, name);
  ds_text_str(&statement, ")");
  return ds_sql_open(sql, ds_text_view(&statement), DS_NO_PARAMETERS);
}

bool ds_sql_next(ds_sql *sql, int32_t cursor) {
  if (sql->status != DS_SQL_DONE || cursor < 0) return false;
  int32_t status = sql->host->sql_next(sql->host->context, cursor);
  note(sql, status);
  return status == DS_SQL_ROW;
}

void ds_sql_close(ds_sql *sql, int32_t cursor) {
  if (cursor >= 0) sql->host->sql_close(sql->host->context, cursor);
}

void ds_sql_run(ds_sql *sql, ds_view statement, const ds_view *parameters, uint32_t count) {
  if (sql->status != DS_SQL_DONE) return;
  note(sql, sql->host->sql_run(sql->host->context, statement, parameters, count));
}

int64_t ds_sql_integer(ds_sql *sql, int32_t cursor, uint32_t column) {
  if (sql->status != DS_SQL_DONE) return 0;
  return sql->host->sql_integer(sql->host->context, cursor, column);
}

int64_t ds_sql_first(ds_sql *sql, ds_view query, const ds_view *parameters, uint32_t count) {
  int32_t cursor = ds_sql_open(sql, query, parameters, count);
  int64_t first = ds_sql_next(sql, cursor) ? ds_sql_integer(sql, cursor, 0) : 0;
  ds_sql_close(sql, cursor);
  return first;
}

ds_handle ds_sql_keep(ds_sql *sql, int32_t cursor, uint32_t column) {
  if (sql->status != DS_SQL_DONE) return -1;
  return sql->host->sql_text(sql->host->context, cursor, column);
}

ds_view ds_sql_read(ds_sql *sql, int32_t cursor, uint32_t column) {
  if (sql->status != DS_SQL_DONE) return (ds_view){0};
  char guess[GUESS];
  int32_t size = sql->host->sql_read(sql->host->context, cursor, column, guess, sizeof guess);
  if (size < 0) return (ds_view){0};
  if (size <= GUESS) return ds_arena_copy(sql->arena, (ds_view){guess, (size_t)size});
  char *at = ds_arena_take(sql->arena, (size_t)size + 1);
  sql->host->sql_read(sql->host->context, cursor, column, at, (size_t)size);
  return (ds_view){at, (size_t)size};
}

ds_view ds_host_text(const ds_host *host, ds_arena *arena, ds_handle text) {
  if (text < 0) return (ds_view){0};
  size_t size = (size_t)host->text_read(host->context, text, NULL, 0);
  char *at = ds_arena_take(arena, size + 1);
  host->text_read(host->context, text, at, size);
  return (ds_view){at, size};
}

ds_view ds_sql_number(ds_sql *sql, int64_t number) {
  return ds_number(sql->arena, number);
}

void ds_sql_log(ds_sql *sql, const char *what) {
  ds_text line = ds_text_new(sql->arena);
  ds_text_str(&line, what);
  ds_text_str(&line, ": ");
  ds_text_add(&line, ds_host_text(sql->host, sql->arena, sql->host->sql_message(sql->host->context)));
  sql->host->log(sql->host->context, ds_text_view(&line));
}
