// SPDX-License-Identifier: MIT
// Actions that end the transaction of their turn.
#include "durasync.h"

static void bump(ds_action *action) {
  ds_run(action, "UPDATE todos SET n = n + :by WHERE id = 'n'");
}

static void conflict(ds_action *action) {
  ds_run(action, "INSERT OR ROLLBACK INTO todos (id) VALUES ('n')");
}

static void raise_rollback(ds_action *action) {
  ds_run(action, "INSERT INTO private VALUES ('raise')");
}

// A statement that writes is left behind half read.
static void leave_open(ds_action *action) {
  ds_rows *rows = ds_query(action, "UPDATE todos SET n = n + 1 RETURNING id");
  ds_next(rows);
}

const ds_app durasync_app = {
  .channels = (const ds_channel[]){{.name = "todos"}, {0}},
  .migrations =
    (const ds_migration[]){
      {"CREATE TABLE todos (id TEXT PRIMARY KEY NOT NULL, n INTEGER NOT NULL DEFAULT 0); INSERT INTO todos (id) VALUES ('n'), ('m');"
       "CREATE TABLE private (id TEXT PRIMARY KEY)"},
      {"CREATE TRIGGER guard BEFORE INSERT ON private WHEN NEW.id = 'raise' BEGIN SELECT RAISE(ROLLBACK, 'not that'); END"},
      {0}},
  .actions =
    (const ds_action_type[]){
      {"todos", "bump", bump}, {"todos", "conflict", conflict}, {"todos", "raise", raise_rollback}, {"todos", "leave open", leave_open}, {0}},
};
