// SPDX-License-Identifier: MIT
// An app whose handlers go wrong in every way that a handler can.
#include "durasync.h"

#define NOTES "CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID"

static void keep(ds_action *action) {
  ds_run(action, "INSERT INTO notes VALUES (:id)");
}

static void trap(ds_action *action) {
  ds_run(action, "INSERT INTO notes VALUES (:id)");
  ds_panic();
}

static void half(ds_action *action) {
  ds_run(action, "INSERT INTO notes VALUES (:id)");
  ds_run(action, "INSERT INTO no_such_table VALUES (1)");
}

static void refuse(ds_action *action) {
  ds_run(action, "INSERT INTO notes VALUES (:id)");
  ds_reject(action, DS_CONFLICT, "Not today.");
}

static void twice(ds_action *action) {
  ds_run(action, "INSERT INTO notes VALUES (:id)");
  ds_run(action, "INSERT INTO notes VALUES (:id)");
}

static void answer(ds_action *action) {
  ds_run(action, "INSERT INTO notes VALUES (:id)");
  ds_result(action, DS_LITERAL("{\"answer\":42}"));
}

static void remake(ds_action *action) {
  ds_run(action, "DROP TABLE notes");
  ds_run(action, NOTES);
  ds_run(action, "INSERT INTO notes VALUES (:id)");
}

static void open_rows(ds_action *action) {
  ds_run(action, "INSERT INTO notes VALUES (:id)");
  ds_next(ds_query(action, "SELECT id FROM notes"));
  ds_reject(action, DS_REJECTED, "With rows still open.");
}

const ds_app durasync_app = {
  .channels = (const ds_channel[]){{.name = "notes"}, {0}},
  .migrations = (const ds_migration[]){{NOTES}, {0}},
  .actions =
    (const ds_action_type[]){
      {"notes", "keep", keep},
      {"notes", "trap", trap},
      {"notes", "half", half},
      {"notes", "refuse", refuse},
      {"notes", "twice", twice},
      {"notes", "answer", answer},
      {"notes", "open-rows", open_rows},
      {"notes", "remake", remake},
      {0},
    },
};
