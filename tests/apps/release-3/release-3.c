// SPDX-License-Identifier: MIT
// The third release, which cannot be: its migration fails half way.
#include "durasync.h"

const ds_app durasync_app = {
  .channels = (const ds_channel[]){{.name = "items"}, {.name = "others"}, {0}},
  .migrations =
    (const ds_migration[]){
      {"CREATE TABLE items (id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL); CREATE TABLE others (id TEXT PRIMARY KEY NOT NULL)"},
      {"ALTER TABLE items RENAME COLUMN name TO title; ALTER TABLE items ADD COLUMN done INTEGER NOT NULL DEFAULT 0"},
      {"DROP TABLE others; INSERT INTO nowhere VALUES (1)"},
      {0},
    },
};
