// SPDX-License-Identifier: MIT
// durasync for people who write their Durable Object in C.
//
// An app is a table: the channels that clients may subscribe to, the migrations that make their tables, the actions that clients may send.
// Define one `const ds_app durasync_app` and link it with the core:
//
//   static void create(ds_action *action) {
//     ds_run(action, "INSERT INTO todos (id, text) VALUES (:id, :text)");
//   }
//
//   const ds_app durasync_app = {
//     .channels = (const ds_channel[]){{.name = "todos"}, {0}},
//     .migrations = (const char *const[]){"CREATE TABLE todos (id TEXT PRIMARY KEY NOT NULL, text TEXT NOT NULL) STRICT", NULL},
//     .actions = (const ds_action_type[]){{"todos", "create", create}, {0}},
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

// The action being handled. It belongs to the core and ends with the handler.
typedef struct ds_action ds_action;

// Handles one action. It may keep nothing beyond its return: views and memory it was given end with it.
typedef void (*ds_handler)(ds_action *action);

// A channel: a table, or a part of one, under the name that clients say. The table must have a primary key; a row whose key is NULL is refused when it is
// written. Several channels may show one table.
typedef struct ds_channel {
  const char *name;           // the declared name; NULL ends the list
  const char *table;          // the table; NULL if it is called like the channel
  const char *const *columns; // the columns that clients see, in their order, ended by NULL; those of the primary key must be among them. NULL for all
  const char *where;          // an SQL expression over the table's columns, without subqueries: only rows for which it is true are records. NULL for all
} ds_channel;

// An action that clients may send to a channel.
typedef struct ds_action_type {
  const char *channel; // NULL ends the list
  const char *type;    // the action's `type`
  ds_handler handler;
} ds_action_type;

// The whole app. The lists are the caller's and constant.
typedef struct ds_app {
  const ds_channel *channels;      // at most DS_MAX_CHANNELS, ended by an entry without a name
  const char *const *migrations;   // SQL, one or more statements each, run once each in order; append only; ended by NULL
  const ds_action_type *actions;   // ended by an entry without a channel
  int32_t log_window; // changed rows per channel that a client can have missed and still resume without a snapshot; 0 for DS_LOG_WINDOW
  int64_t log_age;    // milliseconds that a client can have been away and still resume without a snapshot; 0 for DS_LOG_AGE
} ds_app;

// The app of this module.
extern const ds_app durasync_app;

// ---- Running SQL

// Runs one statement. Parameters are named: `:name` is the member `name` of the payload, taken out of its JSON by SQLite, so a string is TEXT, an integer
// INTEGER, a fraction REAL, true and false 1 and 0, null or a missing member NULL, an array or object its JSON as TEXT. `@name` is a value set by
// ds_bind_*, or `@now`, the time of the turn in milliseconds. A failed constraint rejects the action with DS_CONSTRAINT, any other SQL error with DS_INTERNAL.
void ds_run(ds_action *action, const char *sql);

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

// A member of the payload, which must be an object, as its raw JSON text; absent if there is none. Valid until the turn ends.
ds_view ds_payload(ds_action *action, const char *member);

// A member that must be a string of `min` to `max` UTF-8 bytes with something other than spaces in it if `min` is above 0; the decoded text, valid until the
// turn ends. Anything else rejects the action with DS_INVALID_PAYLOAD and names the member.
ds_view ds_payload_text(ds_action *action, const char *member, size_t min, size_t max);

// Rejects the action: nothing of it remains, and its author gets `code` and `message` (UTF-8, shown to people). The first rejection counts.
void ds_reject(ds_action *action, ds_code code, const char *message);

// True once the action is rejected or a statement of it has failed.
bool ds_failed(const ds_action *action);

// The result that the author gets with the outcome: a JSON text, copied. Without it the outcome has none.
void ds_result(ds_action *action, ds_view json);

// The time of the turn in milliseconds since 1970: the same for every action of it.
int64_t ds_now(const ds_action *action);

// `size` random bytes to `at`.
void ds_random(ds_action *action, char *at, size_t size);

#endif
