// SPDX-License-Identifier: MIT
// Running one action: its handler, in a savepoint. The functions that handlers call are in durasync.h.
#ifndef DURASYNC_ACTION_H
#define DURASYNC_ACTION_H

#include "frame.h"

// What became of an action.
typedef struct ds_outcome {
  ds_code code;    // DS_OK: committed
  ds_view message; // with a code: for people
  ds_view result;  // JSON, absent for none
} ds_outcome;

// Runs the action in a savepoint of the open transaction: either all of it remains and the code is DS_OK, or nothing. `arena` is the turn's; `now` its time.
ds_outcome ds_action_run(const ds_app *app, const ds_host *host, ds_arena *arena, const ds_sent *sent, int64_t now);

// An outcome that is a rejection with the code's own sentence.
ds_outcome ds_outcome_rejected(ds_code code);

// The outcome as JSON, as docs/PROTOCOL.md has it.
ds_view ds_outcome_json(ds_arena *arena, int64_t number, const ds_outcome *outcome);

#endif
