// SPDX-License-Identifier: MIT
// What the worlds of tests/client/worlds.test.ts act on: each action that is carried out leaves a row in the ledger, in the transaction of its effects.
#include "durasync.h"

static void note(ds_action *action) {
  ds_run(action, "INSERT INTO ledger (tag) VALUES (:tag)");
}

static void put(ds_action *action) {
  note(action);
  ds_run(action, "INSERT INTO notes (id, text) VALUES (:id, :tag) ON CONFLICT DO UPDATE SET text = excluded.text");
}

// Tells its author the tag: what is answered again must be the same.
static void both(ds_action *action) {
  note(action);
  ds_run(action, "INSERT INTO notes (id, text) VALUES (:id, :tag) ON CONFLICT DO UPDATE SET text = excluded.text");
  ds_run(action, "INSERT INTO others (id, text) VALUES (:id, :tag) ON CONFLICT DO UPDATE SET text = excluded.text");
  ds_result(action, ds_payload(action, "tag"));
}

static void drop(ds_action *action) {
  note(action);
  ds_run(action, "DELETE FROM notes WHERE id = :id");
}

static void refuse(ds_action *action) {
  note(action);
  ds_run(action, "DELETE FROM notes");
  ds_reject(action, DS_CONFLICT, "Not today.");
}

const ds_app durasync_app = {
  .channels = (const ds_channel[]){{.name = "notes"}, {.name = "others"}, {0}},
  .migrations =
    (const ds_migration[]){
      {"CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, text TEXT NOT NULL) STRICT, WITHOUT ROWID;"
       "CREATE TABLE others (id TEXT PRIMARY KEY NOT NULL, text TEXT NOT NULL) STRICT, WITHOUT ROWID;"
       "CREATE TABLE ledger (place INTEGER PRIMARY KEY, tag TEXT NOT NULL) STRICT"},
      {0},
    },
  .actions =
    (const ds_action_type[]){
      {"notes", "put", put},
      {"notes", "both", both},
      {"notes", "drop", drop},
      {"notes", "refuse", refuse},
      {0},
    },
};
