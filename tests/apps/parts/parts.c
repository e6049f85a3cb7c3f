// SPDX-License-Identifier: MIT
// One table as four channels: whole, some columns in another order, some rows, some of both. One action runs whatever SQL a test sends.
#include "durasync.h"

static void run(ds_action *action) {
  ds_view sql = ds_payload_text(action, "sql");
  // The arena's copies end with a byte of zero, which ds_run needs.
  ds_rows *rows = ds_query(action, "SELECT :sql");
  if (!ds_view_absent(sql) && ds_next(rows)) sql = ds_column_text(rows, 0);
  ds_close(rows);
  ds_run(action, sql.at);
}

const ds_app durasync_app = {
  .channels =
    (const ds_channel[]){
      {.name = "tasks"},
      {.name = "names", .table = "tasks", .columns = (const char *const[]){"title", "list", "id", NULL}},
      {.name = "open", .table = "tasks", .where = "done = 0 AND \"a level\" > 2"},
      {.name = "mine", .table = "tasks", .columns = (const char *const[]){"id", "list", NULL}, .where = "owner = 'me' OR owner IS NULL"},
      {0},
    },
  .migrations =
    (const ds_migration[]){
      {"CREATE TABLE tasks (list INTEGER NOT NULL, id TEXT NOT NULL, title TEXT, done INTEGER NOT NULL DEFAULT 0, \"a level\" INTEGER, owner TEXT, "
      "PRIMARY KEY (list, id)) STRICT"},
      {0},
    },
  .actions = (const ds_action_type[]){{"tasks", "run", run}, {0}},
  .log_window = 12,
};
