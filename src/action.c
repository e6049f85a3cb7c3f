// SPDX-License-Identifier: MIT
#include "action.h"

#include "error.h"
#include "json.h"
#include "limits.h"

// ---- The outcome

ds_outcome ds_outcome_rejected(ds_code code) {
  return (ds_outcome){.code = code, .message = ds_code_sentence(code)};
}

static void add_member(ds_text *json, const char *name, ds_view value) {
  if (ds_view_absent(value)) return;
  ds_text_fill(json, ",'#':#", DS_VALUES(ds_view_of(name), value));
}

ds_view ds_outcome_json(ds_arena *arena, int64_t number, const ds_outcome *outcome) {
  ds_text json = ds_text_new(arena);
  ds_text_fill(&json, "{'number':#", DS_VALUES(ds_number(arena, number)));
  if (outcome->code == DS_OK) {
    ds_text_str(&json, ",\"status\":\"committed\"");
    add_member(&json, "result", outcome->result);
  } else {
    ds_text_fill(&json, ",'status':'rejected','code':$,'message':$", DS_VALUES(ds_code_wire(outcome->code), outcome->message));
    add_member(&json, "data", outcome->data);
  }
  ds_text_str(&json, "}");
  return ds_text_view(&json);
}

bool ds_failed(const ds_action *action) {
  return action->outcome.code != DS_OK || action->outcome.waits;
}

// What stands around a result or data: the outcome, the list of outcomes, and, on its way, the frame.
enum { OUTCOME_LEVELS = 3 };

// Whether what a handler says can be stored with the outcome and read back. If not, the action is `internal`, and the
// log says why: what cannot be repeated as it was told must not be told.
static bool can_be_kept(ds_action *action, ds_view json, const char *what) {
  ds_json_error error = {.message = "It has more than 65536 bytes."};
  if (json.size <= DS_MAX_RESULT && ds_json_fits(json, OUTCOME_LEVELS, &error)) return true;
  ds_text line = ds_text_new(action->sql.arena);
  ds_text_fill(&line, "an action is refused, since the # that its handler says cannot be kept as JSON: #",
    DS_VALUES(ds_view_of(what), ds_view_of(error.message)));
  action->sql.host->log(action->sql.host->context, ds_text_view(&line));
  action->outcome = ds_outcome_rejected(DS_INTERNAL);
  return false;
}

// The same of a message, which becomes a string.
static bool can_be_said(ds_action *action, ds_view message) {
  ds_text json = ds_text_new(action->sql.arena);
  ds_text_json(&json, message);
  return can_be_kept(action, ds_text_view(&json), "message");
}

void ds_reject_in_words(ds_action *action, ds_code code, ds_view message, ds_view data) {
  if (ds_failed(action)) return;
  // A rejection without a code would be a commit: the caller's mistake, and not one to be guessed at.
  if (code == DS_OK) code = DS_INTERNAL;
  if (ds_view_absent(message)) message = ds_code_sentence(code);
  if (!can_be_said(action, message) || !(ds_view_absent(data) || can_be_kept(action, data, "data"))) return;
  ds_arena *arena = action->sql.arena;
  action->outcome = (ds_outcome){.code = code, .message = ds_arena_copy(arena, message)};
  if (!ds_view_absent(data)) action->outcome.data = ds_arena_copy(arena, data);
}

void ds_reject_with(ds_action *action, ds_code code, const char *message, ds_view data) {
  ds_reject_in_words(action, code, message ? ds_view_of(message) : (ds_view){0}, data);
}

void ds_reject(ds_action *action, ds_code code, const char *message) {
  ds_reject_with(action, code, message, (ds_view){0});
}

void ds_result(ds_action *action, ds_view json) {
  if (ds_failed(action) || ds_view_absent(json) || !can_be_kept(action, json, "result")) return;
  action->outcome.result = ds_arena_copy(action->sql.arena, json);
}

void ds_wait(ds_action *action) {
  if (!ds_failed(action)) action->outcome.waits = true;
}

// ---- Time, chance and names

int64_t ds_now(const ds_action *action) {
  return action->now;
}

void ds_set_alarm(ds_action *action, int64_t time) {
  if (!ds_failed(action)) action->sql.host->set_alarm(action->sql.host->context, time);
}

void ds_random(ds_action *action, char *at, size_t size) {
  action->sql.host->random(action->sql.host->context, at, size);
}

ds_view ds_channel_name(const ds_action *action) {
  return action->channel;
}

ds_view ds_type_name(const ds_action *action) {
  return action->type;
}

// ---- Dispatch

// The savepoint's step. Open cursors are closed here: a rollback would leave them broken.
static int32_t handle(void *argument) {
  ds_action *action = argument;
  if (action->fields) ds_check_fields(action, action->fields);
  if (!ds_failed(action)) action->handler(action);
  for (ds_rows *rows = action->rows; rows; rows = rows->next) ds_close(rows);
  return ds_failed(action) ? 1 : 0;
}

// Whatever the handler made of the statement's failure, and did after it: the action has undone everybody's changes.
static ds_outcome outcome_of_end(ds_action *action) {
  const ds_sql *sql = &action->sql;
  action->outcome = (ds_outcome){0};
  ds_reject_failure(action, DS_SQL_ENDED, ds_host_text(sql->host, sql->arena, sql->host->sql_message(sql->host->context)));
  action->outcome.ended = true;
  return action->outcome;
}

static ds_outcome run(ds_action *action) {
  const ds_host *host = action->sql.host;
  if (ds_view_absent(action->payload)) action->payload = DS_LITERAL("null");
  if (ds_view_absent(action->identity)) action->identity = DS_LITERAL("null");
  int32_t status = host->atomic(host->context, handle, action);
  if (status == DS_SQL_ENDED) return outcome_of_end(action);
  return status != 0 && !ds_failed(action) ? ds_outcome_rejected(DS_INTERNAL) : action->outcome;
}

static const ds_action_type *find_type(const ds_app *app, const ds_sent *sent) {
  for (const ds_action_type *type = app->actions; type && type->channel; type++)
    if (ds_view_is(sent->channel, type->channel) && (!type->type || ds_view_is(sent->type, type->type))) return type;
  return NULL;
}

static bool channel_declared(const ds_app *app, ds_view name) {
  for (const ds_channel *channel = app->channels; channel && channel->name; channel++)
    if (ds_view_is(name, channel->name)) return true;
  return false;
}

ds_outcome ds_action_run(const ds_app *app, const ds_sql *sql, const ds_sent *sent, const ds_actor *actor, int64_t now, ds_statements *statements) {
  if (!channel_declared(app, sent->channel)) return ds_outcome_rejected(DS_UNKNOWN_CHANNEL);
  const ds_action_type *type = find_type(app, sent);
  if (!type) return ds_outcome_rejected(DS_UNKNOWN_ACTION);
  ds_action action = {
    .handler = type->handler,
    .fields = type->fields,
    .sql = {.host = sql->host, .arena = sql->arena},
    .client = actor->client,
    .number = sent->number,
    .channel = sent->channel,
    .type = sent->type,
    .payload = sent->payload,
    .identity = actor->identity,
    .now = now,
    .statements = statements,
  };
  return run(&action);
}

ds_outcome ds_handler_run(ds_handler handler, const ds_sql *sql, ds_view channel, ds_view payload, ds_view identity, int64_t now) {
  if (!handler) return (ds_outcome){0};
  ds_statements statements = {0};
  ds_action action = {
    .handler = handler,
    .sql = {.host = sql->host, .arena = sql->arena},
    .channel = channel,
    .payload = payload,
    .identity = identity,
    .now = now,
    .statements = &statements,
  };
  ds_outcome outcome = run(&action);
  outcome.keys_off = action.keys_off;
  return outcome.waits ? ds_outcome_rejected(DS_INTERNAL) : outcome; // only an action can come again
}
