// SPDX-License-Identifier: MIT
#include "action.h"

#include "error.h"
#include "json.h"
#include "limits.h"
#include "log.h"
#include "sql.h"
#include "statement.h"

typedef struct binding {
  struct binding *next;
  const char *name;
  ds_view json;
} binding;

struct ds_rows {
  ds_rows *next;
  ds_action *action;
  int32_t cursor; // negative once closed
};

struct ds_action {
  const ds_action_type *type;
  ds_sql sql;
  ds_view payload;
  ds_outcome outcome;
  binding *bindings; // the newest first
  ds_rows *rows;     // every query of the action
  int64_t now;
};

// ---- The outcome

ds_outcome ds_outcome_rejected(ds_code code) {
  return (ds_outcome){.code = code, .message = ds_code_sentence(code)};
}

ds_view ds_outcome_json(ds_arena *arena, int64_t number, const ds_outcome *outcome) {
  ds_text json = ds_text_new(arena);
  ds_text_str(&json, "{\"number\":");
  ds_text_int(&json, number);
  if (outcome->code == DS_OK) {
    ds_text_str(&json, ",\"status\":\"committed\"");
    if (!ds_view_absent(outcome->result)) ds_text_str(&json, ",\"result\":");
    ds_text_add(&json, outcome->result);
  } else {
    ds_text_str(&json, ",\"status\":\"rejected\",\"code\":");
    ds_text_json(&json, ds_code_wire(outcome->code));
    ds_text_str(&json, ",\"message\":");
    ds_text_json(&json, outcome->message);
  }
  ds_text_str(&json, "}");
  return ds_text_view(&json);
}

bool ds_failed(const ds_action *action) {
  return action->outcome.code != DS_OK;
}

static void reject(ds_action *action, ds_code code, ds_view message) {
  if (ds_failed(action)) return;
  action->outcome = (ds_outcome){.code = code, .message = message};
}

void ds_reject(ds_action *action, ds_code code, const char *message) {
  // A rejection without a code would be a commit: the caller's mistake, and not one to be guessed at.
  if (code == DS_OK) code = DS_INTERNAL;
  reject(action, code, message ? ds_arena_copy(action->sql.arena, ds_view_of(message)) : ds_code_sentence(code));
}

void ds_result(ds_action *action, ds_view json) {
  if (ds_failed(action)) return;
  if (json.size > DS_MAX_RESULT || !ds_json_validate(json, NULL)) {
    action->sql.host->log(action->sql.host->context, DS_LITERAL("a handler's result is not JSON, or too large"));
    reject(action, DS_INTERNAL, ds_code_sentence(DS_INTERNAL));
    return;
  }
  action->outcome.result = ds_arena_copy(action->sql.arena, json);
}

// ---- SQL

void ds_bind_text(ds_action *action, const char *name, ds_view text) {
  ds_text json = ds_text_new(action->sql.arena);
  ds_text_json(&json, text);
  binding *made = ds_arena_take(action->sql.arena, sizeof *made);
  *made = (binding){action->bindings, name, ds_text_view(&json)};
  action->bindings = made;
}

void ds_bind_int(ds_action *action, const char *name, int64_t number) {
  binding *made = ds_arena_take(action->sql.arena, sizeof *made);
  *made = (binding){action->bindings, name, ds_sql_number(&action->sql, number)};
  action->bindings = made;
}

void ds_bind_null(ds_action *action, const char *name) {
  binding *made = ds_arena_take(action->sql.arena, sizeof *made);
  *made = (binding){action->bindings, name, DS_LITERAL("null")};
  action->bindings = made;
}

// The bound values as one JSON object. The newest come first, and SQLite takes the first of two members with one name.
static ds_view bound_values(ds_action *action) {
  ds_text json = ds_text_new(action->sql.arena);
  ds_text_str(&json, "{");
  for (binding *bound = action->bindings; bound; bound = bound->next) {
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

static bool begins_with(ds_view text, ds_view start) {
  return text.size >= start.size && ds_view_equal((ds_view){text.at, start.size}, start);
}

static ds_code code_of_failure(ds_action *action) {
  if (action->sql.status != DS_SQL_CONSTRAINT) return DS_INTERNAL;
  ds_view message = ds_sql_text(&action->sql, action->sql.host->sql_message(action->sql.host->context));
  return begins_with(message, DS_LITERAL(DS_RECORD_TOO_LARGE_MARK)) ? DS_RECORD_TOO_LARGE : DS_CONSTRAINT;
}

// Turns the first SQL failure into the action's outcome.
static void settle_failure(ds_action *action) {
  if (action->sql.status == DS_SQL_DONE || ds_failed(action)) return;
  ds_code code = code_of_failure(action);
  if (code == DS_INTERNAL) ds_sql_log(&action->sql, action->type->type);
  reject(action, code, ds_code_sentence(code));
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

static int32_t open_statement(ds_action *action, const char *sql) {
  // A key that is looked at only when the turn commits would fail everybody's actions, and no single one.
  if (mentions(sql, "defer_foreign_keys")) {
    action->sql.host->log(action->sql.host->context, DS_LITERAL("a handler must not defer foreign keys"));
    reject(action, DS_INTERNAL, ds_code_sentence(DS_INTERNAL));
    return -1;
  }
  ds_statement statement = ds_statement_of(action->sql.arena, ds_view_of(sql));
  ds_view values = statement.parameters == 2 ? bound_values(action) : (ds_view){0};
  int32_t cursor =
    ds_sql_open(&action->sql, statement.sql, (const ds_view[]){action->payload, values}, statement.parameters);
  settle_failure(action);
  return cursor;
}

void ds_run(ds_action *action, const char *sql) {
  if (ds_failed(action)) return;
  int32_t cursor = open_statement(action, sql);
  while (ds_sql_next(&action->sql, cursor)) continue;
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

ds_rows *ds_query(ds_action *action, const char *sql) {
  ds_rows *rows = ds_arena_take(action->sql.arena, sizeof *rows);
  *rows = (ds_rows){.next = action->rows, .action = action, .cursor = -1};
  action->rows = rows;
  if (!ds_failed(action)) rows->cursor = open_statement(action, sql);
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

// ---- The payload

ds_view ds_payload(ds_action *action, const char *member) {
  return ds_json_member(action->payload, member);
}

static bool blank(ds_view text) {
  for (size_t i = 0; i < text.size; i++)
    if (text.at[i] != ' ' && text.at[i] != '\t' && text.at[i] != '\n' && text.at[i] != '\r') return false;
  return true;
}

static void reject_member(ds_action *action, const char *member, size_t min, size_t max) {
  ds_text message = ds_text_new(action->sql.arena);
  ds_text_str(&message, "`");
  ds_text_str(&message, member);
  ds_text_str(&message, "` must be a string of ");
  ds_text_int(&message, (int64_t)min);
  ds_text_str(&message, " to ");
  ds_text_int(&message, (int64_t)max);
  ds_text_str(&message, min ? " bytes, and not blank." : " bytes.");
  reject(action, DS_INVALID_PAYLOAD, ds_text_view(&message));
}

ds_view ds_payload_text(ds_action *action, const char *member, size_t min, size_t max) {
  if (ds_failed(action)) return (ds_view){0};
  ds_view text = ds_json_string(action->sql.arena, ds_payload(action, member));
  bool fits = !ds_view_absent(text) && text.size >= min && text.size <= max && !(min && blank(text));
  if (fits) return text;
  reject_member(action, member, min, max);
  return (ds_view){0};
}

// ---- Time and chance

int64_t ds_now(const ds_action *action) {
  return action->now;
}

void ds_random(ds_action *action, char *at, size_t size) {
  action->sql.host->random(action->sql.host->context, at, size);
}

// ---- Dispatch

static const ds_action_type *find_type(const ds_app *app, const ds_sent *sent) {
  for (const ds_action_type *type = app->actions; type && type->channel; type++)
    if (ds_view_is(sent->channel, type->channel) && ds_view_is(sent->type, type->type)) return type;
  return NULL;
}

static bool channel_declared(const ds_app *app, ds_view name) {
  for (const ds_channel *channel = app->channels; channel && channel->name; channel++)
    if (ds_view_is(name, channel->name)) return true;
  return false;
}

// The savepoint's step. Open cursors are closed here: a rollback would leave them broken.
static int32_t handle(void *argument) {
  ds_action *action = argument;
  action->type->handler(action);
  for (ds_rows *rows = action->rows; rows; rows = rows->next) ds_close(rows);
  return (int32_t)action->outcome.code;
}

ds_outcome ds_action_run(const ds_app *app, const ds_host *host, ds_arena *arena, const ds_sent *sent, int64_t now) {
  if (!channel_declared(app, sent->channel)) return ds_outcome_rejected(DS_UNKNOWN_CHANNEL);
  const ds_action_type *type = find_type(app, sent);
  if (!type) return ds_outcome_rejected(DS_UNKNOWN_ACTION);
  ds_action action = {
    .type = type,
    .sql = {.host = host, .arena = arena},
    .payload = ds_view_absent(sent->payload) ? DS_LITERAL("null") : sent->payload,
    .now = now,
  };
  int32_t status = host->atomic(host->context, handle, &action);
  return status != 0 && !ds_failed(&action) ? ds_outcome_rejected(DS_INTERNAL) : action.outcome;
}
