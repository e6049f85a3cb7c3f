// SPDX-License-Identifier: MIT
// durasync for people who write their Durable Object in C.
//
// An app is a table: the channels that clients may subscribe to, the migrations that make their tables, the actions that clients may send.
// Define one `const ds_app durasync_app` and link it with the core:
//
//   static const ds_field new_todo[] = {{"id", DS_TEXT, .min = 1, .max = 64}, {"text", DS_TEXT, .min = 1, .max = 500}, {0}};
//
//   static void create(ds_action *action) {
//     ds_run(action, "INSERT INTO todos (id, text) VALUES (:id, :text)");
//   }
//
//   const ds_app durasync_app = {
//     .channels = (const ds_channel[]){{.name = "todos"}, {0}},
//     .migrations = (const ds_migration[]){{"CREATE TABLE todos (id TEXT PRIMARY KEY NOT NULL, text TEXT NOT NULL) STRICT"}, {0}},
//     .actions = (const ds_action_type[]){{"todos", "create", create, new_todo}, {0}},
//   };
//
// A handler runs as a transaction: if it rejects, or any statement of it fails, nothing of it remains. It need not say what it changed: triggers
// note every change to a channel's table, and subscribers get it after the commit.
//
// Errors are sticky. The first failure decides the outcome; from then on every call does nothing and every question is answered by 0 or an absent
// view. So a handler is straight-line code, without checks between its statements.
//
// A handler must be deterministic but for ds_now and ds_random: the same rows, payload and time lead to the same changes.
#ifndef DURASYNC_H
#define DURASYNC_H

#include "bytes.h"

// Every error code, as in errors.def. An app rejects with DS_INVALID_PAYLOAD, DS_NOT_FOUND, DS_CONFLICT, DS_FORBIDDEN or DS_REJECTED.
typedef enum ds_code {
  DS_OK = 0,
#define DS_CODE(name, wire, sentence) DS_##name,
#include "errors.def"
#undef DS_CODE
} ds_code;

// The action being handled. It belongs to the core and ends with the handler. What the object does by itself (ds_event, a migration) is handled as an action as well.
typedef struct ds_action ds_action;

// Handles one action. It may keep nothing beyond its return: views and memory it was given end with it.
typedef void (*ds_handler)(ds_action *action);

// A channel: a table, or a part of one, under the name that clients say. The table must have a primary key; a row whose key is NULL is refused when it is
// written. Several channels may show one table.
typedef struct ds_channel {
  const char *name;           // the declared name; NULL ends the list
  const char *table;          // the table; NULL if it is called like the channel
  const char *const *columns; // the columns that clients see, in their order, ended by NULL; those of the primary key must be among them. NULL for all

  // An SQL expression over the table's columns, without subqueries: only rows for which it is true are records. NULL for all. `$name` is the member `name` of the reader's
  // identity, so that readers see rows of their own: "owner = $user OR shared = 1". Sockets with equal members share one computation.
  const char *where;

  // Decides who may subscribe: it refuses by rejecting, ds_require(action, "$role = 'editor'") for example. NULL lets everyone. It is asked at each subscription and
  // each page, and before an rpc of version 1 is answered with records, not at each change: close the sockets of one who may no longer read (SyncObject.disconnect).
  ds_handler can_read;
} ds_channel;

// What a member of a payload may be.
typedef enum ds_field_type {
  DS_TEXT,    // a string of min to max UTF-8 bytes; if min is above 0, with something in it other than white space
  DS_INTEGER, // an integer from min to max
  DS_NUMBER,  // any number
  DS_BOOLEAN, // true or false
  DS_JSON,    // anything, null included
} ds_field_type;

// A member of an action's payload. Where min and max are both 0 there are no bounds.
typedef struct ds_field {
  const char *name; // NULL ends the list
  ds_field_type type;
  int64_t min;
  int64_t max;
  bool optional; // may be left out, or null
} ds_field;

// An action that clients may send to a channel.
typedef struct ds_action_type {
  const char *channel; // NULL ends the list
  const char *type;    // the action's `type`; NULL takes all that stand nowhere before it in the list
  ds_handler handler;
  // What the payload must be, ended by a field without a name; NULL for no check. A payload that is not an object with these members is rejected by DS_INVALID_PAYLOAD, with
  // data {"path":["<member>"]}; further members are let pass.
  const ds_field *fields;
} ds_action_type;

// One step from an older schema to a newer one: SQL, one or more statements, or a function. Nothing a migration does is sent as a change: clients fetch the channels
// anew whose tables it changed.
typedef struct ds_migration {
  const char *sql; // NULL if `run` does it; both NULL end the list
  ds_handler run;
} ds_migration;

// What may happen to the object besides actions. The payload and the result are JSON; an event that no handler is given for is passed over.
typedef enum ds_event {
  DS_ON_START,   // the object wakes, its migrations are done; in one transaction with them. Rejecting makes it unavailable
  DS_ON_ALARM,   // the time given to ds_set_alarm has come; if it rejects, the platform rings again, a few times
  DS_ON_CONNECT, // a socket wants to connect. Payload: {"url", "headers": {name: value}}. The result, an object, is its identity from then on; rejecting turns it away
  DS_ON_CLOSE,   // a socket has closed; ds_identity tells whose
  DS_ON_REQUEST, // an HTTP request. Payload: {"method", "url", "headers", "body"}, result: {"status", "headers", "body"}, each of them optional; texts only
  DS_EVENTS
} ds_event;

struct ds_host;

// The whole app. The lists are the caller's and constant.
typedef struct ds_app {
  const ds_channel *channels;     // at most DS_MAX_CHANNELS, ended by an entry without a name
  const ds_migration *migrations; // run once each, in order, before the object answers anybody; append only. In one transaction, but for what docs/MIGRATIONS.md says of foreign keys
  const ds_action_type *actions;  // ended by an entry without a channel
  ds_handler on[DS_EVENTS];       // .on = {[DS_ON_ALARM] = remind}
  const char *const *origins; // the web origins whose pages may connect, ended by NULL; "*" for any. NULL: those of the host that the object is reached under
  int32_t version;     // of the app: clients that say a higher one are answered by `app_too_new`; 0 for any
  int32_t min_version; // clients that say a lower one are answered by `app_too_old`; 0 for any
  int32_t log_window; // changed rows per channel that a client can have missed and still resume without a snapshot; 0 for DS_LOG_WINDOW
  int64_t log_age;    // milliseconds that a client can have been away and still resume without a snapshot; 0 for DS_LOG_AGE

  // For an app that is known at run time only: fills in all of the above, once. `host` and `arena` live as long as the core. NULL otherwise.
  void (*load)(struct ds_app *app, const struct ds_host *host, ds_arena *arena);
} ds_app;

// The app of this module.
extern const ds_app durasync_app;

// ---- Running SQL

// Runs one statement. Parameters are named: `:name` is the member `name` of the payload, taken out of its JSON by SQLite, so a string is TEXT, an integer
// INTEGER, a fraction REAL, true and false 1 and 0, null or a missing member NULL, an array or object its JSON as TEXT. `@name` is a value set by
// ds_bind_*, or `@now`, the time of the turn in milliseconds. `$name` is the member `name` of the identity of the one who acts. A failed constraint rejects the action
// with DS_CONSTRAINT and, as data, {"constraint":"unique","name":"todos.id"}; any other SQL error with DS_INTERNAL. If the storage itself fails
// (a full disk), nobody is told: the whole turn is undone, every socket is closed, and the action comes again.
void ds_run(ds_action *action, const char *sql);

// As ds_run, for a statement that must change a row: rejects the action with DS_NOT_FOUND if it changes none.
void ds_run_found(ds_action *action, const char *sql);

// Rejects the action with DS_FORBIDDEN unless the SQL expression is true: ds_require(action, "$role = 'editor' OR EXISTS (SELECT 1 FROM lists WHERE owner = $user)").
void ds_require(ds_action *action, const char *expression);

// Rows changed by the last ds_run itself, not by triggers or cascades.
int64_t ds_changes(ds_action *action);

// Sets `@name` for the statements that follow. `name` is without the @ and must be a literal; the text is copied.
void ds_bind_text(ds_action *action, const char *name, ds_view text);
void ds_bind_int(ds_action *action, const char *name, int64_t number);
void ds_bind_null(ds_action *action, const char *name);

// Runs a query and reads its rows:
//
//   ds_rows *rows = ds_query(action, "SELECT count(*) FROM todos WHERE list = :list");
//   if (ds_next(rows) && ds_column_int(rows, 0) >= 1000) ds_reject(action, DS_CONFLICT, "The list is full.");
//   ds_close(rows);
//
// The rows end with the action at the latest; ds_close ends them early and is required before a statement that changes what they read.
typedef struct ds_rows ds_rows;
ds_rows *ds_query(ds_action *action, const char *sql);
bool ds_next(ds_rows *rows);                              // moves to the next row; false at the end or after a failure
int64_t ds_column_int(ds_rows *rows, uint32_t column);    // exact up to 2^53; 0 for NULL
ds_view ds_column_text(ds_rows *rows, uint32_t column);   // valid until the turn ends; absent for NULL
void ds_close(ds_rows *rows);

// ---- The action

// The channel and the type of the action, for a handler of several; empty for an event.
ds_view ds_channel_name(const ds_action *action);
ds_view ds_type_name(const ds_action *action);

// A member of the payload, of the identity of the one who acts, as its raw JSON text; absent if there is none. Valid until the turn ends.
ds_view ds_payload(ds_action *action, const char *member);
ds_view ds_identity(ds_action *action, const char *member);

// A member of the payload, decoded, if it is a string; absent if not. Valid until the turn ends.
ds_view ds_payload_text(ds_action *action, const char *member);

// Rejects the action: nothing of it remains, and its author gets `code`, `message` (UTF-8, shown to people; NULL for the code's own sentence) and `data`, a JSON text
// (absent for none), both copied. The first rejection counts. The message and the data have at most DS_MAX_RESULT bytes as JSON, and
// the data at most 61 arrays and objects within each other; more, or what is not UTF-8, makes it `internal`, and is logged.
void ds_reject(ds_action *action, ds_code code, const char *message);
void ds_reject_with(ds_action *action, ds_code code, const char *message, ds_view data);

// True once the action is rejected or a statement of it has failed.
bool ds_failed(const ds_action *action);

// The result that the author gets with the outcome: a JSON text, copied, bounded as the data of a rejection is. Without it
// the outcome has none.
void ds_result(ds_action *action, ds_view json);

// The time of the turn in milliseconds since 1970: the same for every action of it.
int64_t ds_now(const ds_action *action);

// Wakes the object at `time`, in milliseconds since 1970, by DS_ON_ALARM. There is one alarm: the last call counts.
void ds_set_alarm(ds_action *action, int64_t time);

// `size` random bytes to `at`.
void ds_random(ds_action *action, char *at, size_t size);

#endif
