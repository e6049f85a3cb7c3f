// SPDX-License-Identifier: MIT
// An app as it is released first; release-2 and release-3 are what becomes of it. Its twin is in tests/workerd/conform-worker.ts.
#include "durasync.h"

static void add(ds_action *action) {
  ds_run(action, "INSERT INTO items VALUES (:id, :text)");
}

const ds_app durasync_app = {
  .channels = (const ds_channel[]){{.name = "items"}, {.name = "others"}, {0}},
  .migrations = (const ds_migration[]){{"CREATE TABLE items (id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL); CREATE TABLE others (id TEXT PRIMARY KEY NOT NULL)"}, {0}},
  .actions = (const ds_action_type[]){{"items", "add", add}, {0}},
  .version = 1,
};
