// SPDX-License-Identifier: MIT
// A table of 20 columns, of which an action changes one.
#include "durasync.h"

static const ds_field one_value[] = {{"id", DS_TEXT, .min = 1, .max = 64}, {"value", DS_TEXT, .min = 1, .max = 200}, {0}};

static void set(ds_action *action) {
  ds_run(action, "UPDATE wide SET c5 = :value WHERE id = :id");
}

const ds_app durasync_app = {
  .channels = (const ds_channel[]){{.name = "wide"}, {0}},
  .migrations =
    (const ds_migration[]){
      {"CREATE TABLE wide (id TEXT PRIMARY KEY NOT NULL,"
       " c1 TEXT NOT NULL, c2 TEXT NOT NULL, c3 TEXT NOT NULL, c4 TEXT NOT NULL, c5 TEXT NOT NULL, c6 TEXT NOT NULL, c7 TEXT NOT NULL,"
       " c8 TEXT NOT NULL, c9 TEXT NOT NULL, c10 TEXT NOT NULL, c11 TEXT NOT NULL, c12 TEXT NOT NULL, c13 TEXT NOT NULL, c14 TEXT NOT NULL,"
       " c15 TEXT NOT NULL, c16 TEXT NOT NULL, c17 TEXT NOT NULL, c18 TEXT NOT NULL, c19 TEXT NOT NULL) STRICT, WITHOUT ROWID"},
      {0},
    },
  .actions = (const ds_action_type[]){{"wide", "set", set, one_value}, {0}},
};
