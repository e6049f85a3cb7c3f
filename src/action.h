// SPDX-License-Identifier: MIT
// Running one action: its handler, in a savepoint. What handlers call is in durasync.h; the calls that run SQL are in handler.c.
#ifndef DURASYNC_ACTION_H
#define DURASYNC_ACTION_H

#include "frame.h"
#include "sql.h"
#include "statement.h"

// What became of an action.
struct ds_outcome {
  ds_code code;        // DS_OK: committed
  ds_view message;     // with a code: for people
  ds_view data;        // with a code: JSON, absent for none
  ds_view result;      // without: JSON, absent for none
  bool keys_off;       // a migration has asked for foreign keys to be off
  bool waits;          // neither yet: its handler waits for something outside, and asks to be called again
  bool storage_failed; // with a code, but neither: not the action failed but what it stands on; it is to come again
  bool ended;          // with a code: it has ended the transaction that it ran in, and undone what others did in it
};

typedef struct ds_binding {
  struct ds_binding *next;
  const char *name;
  ds_view json;
} ds_binding;

struct ds_rows {
  ds_rows *next;
  ds_action *action;
  int32_t cursor; // negative once closed
};

struct ds_action {
  ds_handler handler;
  const ds_field *fields; // NULL for no check
  ds_sql sql;
  ds_view client; // who acts, and the action's number; absent and 0 for what is not a client's
  int64_t number;
  ds_view channel;
  ds_view type;
  ds_view payload;
  ds_view identity;
  int64_t now;
  ds_outcome outcome;
  bool keys_off; // it has asked for foreign keys to be off
  ds_binding *bindings; // the newest first
  ds_rows *rows;        // every query of the action
  ds_statements *statements; // those of its turn
};

// Who asks: the client, and the identity of its socket, a JSON object; absent for none.
typedef struct ds_actor {
  ds_view client;
  ds_view identity;
} ds_actor;

// Runs the action in a savepoint of the open transaction: either all of it remains and the code is DS_OK, or nothing. `sql` gives host and arena; `now` is the time of the turn, and `statements` are its.
ds_outcome ds_action_run(const ds_app *app, const ds_sql *sql, const ds_sent *sent, const ds_actor *actor, int64_t now, ds_statements *statements);

// Runs a handler that is not an action's in a transaction, or in a savepoint of the open one. A NULL handler is committed at once.
ds_outcome ds_handler_run(ds_handler handler, const ds_sql *sql, ds_view channel, ds_view payload, ds_view identity, int64_t now);

// Notes what the handler has SQLite do where it is about foreign keys.
void ds_note_keys(ds_action *action, ds_view sql);

// Undoes the action and has it come again, with the frame it stands in, when what it waits for is there.
void ds_wait(ds_action *action);

// Turns a failed SQL statement's message into the action's rejection: what failed by a constraint is the author's affair and told by name, anything else is `internal`. (constraint.c)
void ds_reject_failure(ds_action *action, ds_sql_status status, ds_view message);

// As ds_reject_with, for a message that may have a NUL in it; absent for the code's own sentence.
void ds_reject_in_words(ds_action *action, ds_code code, ds_view message, ds_view data);

// Rejects the action unless its payload has the fields. (payload.c)
void ds_check_fields(ds_action *action, const ds_field *fields);

// An outcome that is a rejection with the code's own sentence.
ds_outcome ds_outcome_rejected(ds_code code);

// The outcome as JSON, as docs/PROTOCOL.md has it.
ds_view ds_outcome_json(ds_arena *arena, int64_t number, const ds_outcome *outcome);

#endif
