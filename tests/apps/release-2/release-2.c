// SPDX-License-Identifier: MIT
// The second release: a column has another name, and one is new.
#include "durasync.h"

static void add(ds_action *action) {
  ds_run(action, "INSERT INTO items (id, title) VALUES (:id, :text)");
}

const ds_app durasync_app = {
  .channels = (const ds_channel[]){{.name = "items"}, {.name = "others"}, {0}},
  .migrations =
    (const ds_migration[]){
      {"CREATE TABLE items (id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL); CREATE TABLE others (id TEXT PRIMARY KEY NOT NULL)"},
      {"ALTER TABLE items RENAME COLUMN name TO title; ALTER TABLE items ADD COLUMN done INTEGER NOT NULL DEFAULT 0"},
      {0},
    },
  .actions = (const ds_action_type[]){{"items", "add", add}, {0}},
  .version = 2,
};
