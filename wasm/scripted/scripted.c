// SPDX-License-Identifier: MIT
// The app that stands for one in JavaScript: what its tables name is asked of the host once, and every handler is a call of the host. With it the core is a module of its own,
// core.wasm, and takes any app that js-shim/script.ts can speak for.
//
//   {"call":"describe"}                                  {"channels":[{"name","table"?,"columns"?,"where"?,"guarded"?}],"migrations":[SQL or null for a function],"origins"?,"version"?,"minVersion"?,"logWindow"?,"logAge"?}
//   {"call":"migrate","number":n}                        an answer, with "keys":[SQL] if any that it has run is about foreign_keys
//   {"call":"read","channel","identity"}                 an answer
//   {"call":"act","channel","type","payload","identity","client","number","now"}      an answer, or {"waits":true}
//
// An answer is {"result"?}, or {"code","message"?,"data"?} for a rejection, or {"failure","status"} with the message of whatever else was
// thrown, and what ds_sql_status that is.
#include "action.h"
#include "error.h"
#include "json.h"
#include "limits.h"
#include "script.h"

static ds_view call(const ds_host *host, ds_arena *arena, const ds_text *request) {
  ds_view view = ds_text_view(request);
  return ds_host_text(host, arena, import_script(view.at, view.size));
}

// ---- Answers

static ds_view view_member(ds_arena *arena, ds_view object, const char *name) {
  return ds_json_string(arena, ds_json_member(object, name));
}

static const char *text_member(ds_arena *arena, ds_view object, const char *name) {
  ds_view text = view_member(arena, object, name);
  return ds_view_absent(text) ? NULL : ds_arena_copy(arena, text).at;
}

// A code that there is not is the app's mistake: nothing of the action remains, and the operator is told.
static void reject(ds_action *action, ds_view wire, ds_view answer) {
  ds_code code = ds_code_of(wire);
  if (code == DS_OK) action->sql.host->log(action->sql.host->context, DS_LITERAL("a SyncError with a code that there is not: say `rejected`, with a message of your own"));
  ds_reject_in_words(action, code, view_member(action->sql.arena, answer, "message"), ds_json_member(answer, "data"));
}

// An answer that the core does not read would not be read back from storage either.
static void refuse(ds_action *action, const char *why) {
  ds_text line = ds_text_new(action->sql.arena);
  ds_text_fill(&line, "what a handler returned or threw cannot be kept as JSON: #", DS_VALUES(ds_view_of(why)));
  action->sql.host->log(action->sql.host->context, ds_text_view(&line));
  ds_reject(action, DS_INTERNAL, NULL);
}

static void settle_read(ds_action *action, ds_view answer) {
  ds_arena *arena = action->sql.arena;
  ds_view failure = view_member(arena, answer, "failure");
  int64_t status = DS_SQL_ERROR;
  ds_json_int(ds_json_member(answer, "status"), &status);
  ds_view code = view_member(arena, answer, "code");
  if (ds_json_type(ds_json_member(answer, "waits")) == DS_JSON_TRUE) ds_wait(action);
  else if (!ds_view_absent(failure)) ds_reject_failure(action, (ds_sql_status)status, failure);
  else if (!ds_view_absent(code)) reject(action, code, answer);
  else ds_result(action, ds_json_member(answer, "result"));
}

static void settle(ds_action *action, ds_view answer) {
  ds_json_error error;
  if (ds_json_validate(answer, &error)) settle_read(action, answer);
  else refuse(action, error.message);
}

// ---- Calls

static ds_text request_of(ds_action *action, const char *name) {
  ds_text request = ds_text_new(action->sql.arena);
  ds_text_fill(&request, "{'call':$,'channel':$,'identity':#", DS_VALUES(ds_view_of(name), action->channel, action->identity));
  return request;
}

static void act(ds_action *action) {
  ds_text request = request_of(action, "act");
  ds_text_fill(&request, ",'type':$,'payload':#,'client':$,'number':#,'now':#}",
    DS_VALUES(action->type, action->payload, action->client, ds_number(request.arena, action->number), ds_number(request.arena, action->now)));
  settle(action, call(action->sql.host, action->sql.arena, &request));
}

static void can_read(ds_action *action) {
  ds_text request = request_of(action, "read");
  ds_text_str(&request, "}");
  settle(action, call(action->sql.host, action->sql.arena, &request));
}

// Its number comes as the payload.
static void migrate(ds_action *action) {
  ds_text request = ds_text_new(action->sql.arena);
  ds_text_fill(&request, "{'call':'migrate','number':#}", &action->payload);
  ds_view answer = call(action->sql.host, action->sql.arena, &request);
  settle(action, answer);
  for (ds_json_iterator sql = ds_json_iterate(ds_json_member(answer, "keys")); ds_json_next(&sql);)
    ds_note_keys(action, ds_json_string(action->sql.arena, sql.value));
}

// ---- The description

static int64_t int_member(ds_view object, const char *name) {
  int64_t number = 0;
  ds_json_int(ds_json_member(object, name), &number);
  return number;
}

// The strings of an array, ended by NULL; NULL if there is no array.
static const char *const *texts_of(ds_arena *arena, ds_view array) {
  if (ds_json_type(array) != DS_JSON_ARRAY) return NULL;
  uint32_t count = 0;
  for (ds_json_iterator item = ds_json_iterate(array); ds_json_next(&item);) count++;
  const char **texts = ds_arena_take(arena, (count + 1) * sizeof *texts);
  count = 0;
  for (ds_json_iterator item = ds_json_iterate(array); ds_json_next(&item);)
    texts[count++] = ds_arena_copy(arena, ds_json_string(arena, item.value)).at;
  return texts;
}

// One channel more than the core takes is passed on, so that it refuses.
static void load_channels(ds_app *app, ds_arena *arena, ds_view list) {
  ds_channel *channels = ds_arena_take(arena, (DS_MAX_CHANNELS + 2) * sizeof *channels);
  ds_action_type *actions = ds_arena_take(arena, (DS_MAX_CHANNELS + 2) * sizeof *actions);
  uint32_t count = 0;
  for (ds_json_iterator item = ds_json_iterate(list); ds_json_next(&item) && count <= DS_MAX_CHANNELS; count++) {
    channels[count] = (ds_channel){
      .name = text_member(arena, item.value, "name"),
      .table = text_member(arena, item.value, "table"),
      .columns = texts_of(arena, ds_json_member(item.value, "columns")),
      .where = text_member(arena, item.value, "where"),
      .can_read = ds_json_type(ds_json_member(item.value, "guarded")) == DS_JSON_TRUE ? can_read : NULL,
    };
    actions[count] = (ds_action_type){.channel = channels[count].name, .handler = act};
  }
  app->channels = channels;
  app->actions = actions;
}

static void load_migrations(ds_app *app, ds_arena *arena, ds_view list) {
  size_t count = 0;
  for (ds_json_iterator item = ds_json_iterate(list); ds_json_next(&item);) count++;
  ds_migration *migrations = ds_arena_take(arena, (count + 1) * sizeof *migrations);
  count = 0;
  for (ds_json_iterator item = ds_json_iterate(list); ds_json_next(&item); count++) {
    ds_view sql = ds_json_string(arena, item.value);
    if (ds_view_absent(sql)) migrations[count].run = migrate;
    else migrations[count].sql = ds_arena_copy(arena, sql).at;
  }
  app->migrations = migrations;
}

static void load(ds_app *app, const ds_host *host, ds_arena *arena) {
  ds_text request = ds_text_new(arena);
  ds_text_str(&request, "{\"call\":\"describe\"}");
  ds_view description = call(host, arena, &request);
  if (!ds_json_validate(description, NULL)) ds_panic();
  load_channels(app, arena, ds_json_member(description, "channels"));
  load_migrations(app, arena, ds_json_member(description, "migrations"));
  app->origins = texts_of(arena, ds_json_member(description, "origins"));
  app->version = (int32_t)int_member(description, "version");
  app->min_version = (int32_t)int_member(description, "minVersion");
  app->log_window = (int32_t)int_member(description, "logWindow");
  app->log_age = int_member(description, "logAge");
}

const ds_app durasync_app = {.load = load};
