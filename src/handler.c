// SPDX-License-Identifier: MIT
// The SQL that handlers run.
#include "action.h"
#include "migration.h"

void ds_bind_text(ds_action *action, const char *name, ds_view text) {
  ds_text json = ds_text_new(action->sql.arena);
  ds_text_json(&json, text);
  ds_binding *made = ds_arena_take(action->sql.arena, sizeof *made);
  *made = (ds_binding){action->bindings, name, ds_text_view(&json)};
  action->bindings = made;
}

void ds_bind_int(ds_action *action, const char *name, int64_t number) {
  ds_binding *made = ds_arena_take(action->sql.arena, sizeof *made);
  *made = (ds_binding){action->bindings, name, ds_sql_number(&action->sql, number)};
  action->bindings = made;
}

void ds_bind_null(ds_action *action, const char *name) {
  ds_binding *made = ds_arena_take(action->sql.arena, sizeof *made);
  *made = (ds_binding){action->bindings, name, DS_LITERAL("null")};
  action->bindings = made;
}

// The bound values as one JSON object. The newest come first, and SQLite takes the first of two members with one name.
static ds_view bound_values(ds_action *action) {
  ds_text json = ds_text_new(action->sql.arena);
  ds_text_str(&json, "{");
  for (ds_binding *bound = action->bindings; bound; bound = bound->next) {
    ds_text_json(&json, ds_view_of(bound->name));
    ds_text_str(&json, ":");
    ds_text_add(&json, bound->json);
    ds_text_str(&json, ",");
  }
  ds_text_str(&json, "\"now\":");
  ds_text_int(&json, action->now);
  ds_text_str(&json, "}");
  return ds_text_view(&json);
}

// Turns the first SQL failure into the action's outcome.
static void settle_failure(ds_action *action) {
  if (action->sql.status == DS_SQL_DONE || ds_failed(action)) return;
  ds_view message = ds_host_text(action->sql.host, action->sql.arena, action->sql.host->sql_message(action->sql.host->context));
  ds_reject_failure(action, action->sql.status, message);
}

// Whether `text` has `word` in it, in whatever case.
static bool mentions(const char *text, const char *word) {
  for (; *text; text++) {
    size_t i = 0;
    while (word[i] && (text[i] | 0x20) == (word[i] | 0x20)) i++;
    if (!word[i]) return true;
  }
  return false;
}

void ds_note_keys(ds_action *action, ds_view sql) {
  action->keys_off |= ds_migration_turns_keys_off(sql);
}

// A statement of the handler's as the host takes it.
typedef struct bound {
  ds_statement statement;
  ds_view parameters[3];
} bound;

// Binds what the statement names; false, and the action rejected, for one that must not run.
static bool bind(ds_action *action, const char *sql, bound *to) {
  if (mentions(sql, "foreign_keys")) ds_note_keys(action, ds_view_of(sql));
  // A key that is looked at only when the turn commits would fail everybody's actions, and no single one.
  if (mentions(sql, "defer_foreign_keys")) {
    action->sql.host->log(action->sql.host->context, DS_LITERAL("a handler must not defer foreign keys"));
    ds_reject(action, DS_INTERNAL, NULL);
  }
  if (ds_failed(action)) return false;
  ds_statement statement = ds_statements_find(action->statements, action->sql.arena, ds_view_of(sql));
  *to = (bound){statement, {action->payload, statement.parameters > 1 ? bound_values(action) : (ds_view){0}, action->identity}};
  return true;
}

void ds_run(ds_action *action, const char *sql) {
  bound bound;
  if (!bind(action, sql, &bound)) return;
  ds_sql_run(&action->sql, bound.statement.sql, bound.parameters, bound.statement.parameters);
  settle_failure(action);
}

int64_t ds_changes(ds_action *action) {
  if (ds_failed(action)) return 0;
  int32_t cursor = ds_sql_open(&action->sql, DS_LITERAL("SELECT changes()"), DS_NO_PARAMETERS);
  int64_t changes = ds_sql_next(&action->sql, cursor) ? ds_sql_integer(&action->sql, cursor, 0) : 0;
  ds_sql_close(&action->sql, cursor);
  settle_failure(action);
  return changes;
}

void ds_run_found(ds_action *action, const char *sql) {
  ds_run(action, sql);
  if (!ds_failed(action) && ds_changes(action) == 0) ds_reject(action, DS_NOT_FOUND, NULL);
}

void ds_require(ds_action *action, const char *expression) {
  ds_text sql = ds_text_new(action->sql.arena);
  ds_text_str(&sql, "SELECT (");
  ds_text_str(&sql, expression);
  ds_text_str(&sql, ") IS TRUE");
  ds_text_add(&sql, (ds_view){"", 1}); // ds_query takes a string that ends by a zero
  ds_rows *rows = ds_query(action, ds_text_view(&sql).at);
  if (ds_next(rows) && !ds_column_int(rows, 0)) ds_reject(action, DS_FORBIDDEN, NULL);
  ds_close(rows);
}

ds_rows *ds_query(ds_action *action, const char *sql) {
  ds_rows *rows = ds_arena_take(action->sql.arena, sizeof *rows);
  *rows = (ds_rows){.next = action->rows, .action = action, .cursor = -1};
  action->rows = rows;
  bound bound;
  if (!bind(action, sql, &bound)) return rows;
  rows->cursor = ds_sql_open(&action->sql, bound.statement.sql, bound.parameters, bound.statement.parameters);
  settle_failure(action);
  return rows;
}

bool ds_next(ds_rows *rows) {
  if (ds_failed(rows->action) || rows->cursor < 0) return false;
  if (ds_sql_next(&rows->action->sql, rows->cursor)) return true;
  rows->cursor = -1;
  settle_failure(rows->action);
  return false;
}

int64_t ds_column_int(ds_rows *rows, uint32_t column) {
  return rows->cursor < 0 ? 0 : ds_sql_integer(&rows->action->sql, rows->cursor, column);
}

ds_view ds_column_text(ds_rows *rows, uint32_t column) {
  return rows->cursor < 0 ? (ds_view){0} : ds_sql_read(&rows->action->sql, rows->cursor, column);
}

void ds_close(ds_rows *rows) {
  ds_sql_close(&rows->action->sql, rows->cursor);
  rows->cursor = -1;
}
