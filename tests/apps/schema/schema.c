// SPDX-License-Identifier: MIT
// Tables with every corner that SQLite's schemas have, and one action that runs whatever SQL a test sends.
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
      {.name = "kinds"},
      {.name = "strict"},
      {.name = "orders", .table = "order \"of\" things"},
      {.name = "blobs"},
      {.name = "loose"},
      {.name = "wide"},
      {.name = "parents"},
      {.name = "children"},
      {.name = "watched"},
      {.name = "folded"},
      {0},
    },
  .migrations =
    (const ds_migration[]){
      {"CREATE TABLE kinds (id INTEGER PRIMARY KEY, value);"
      "CREATE TABLE strict (id INTEGER PRIMARY KEY, i INTEGER, r REAL, t TEXT, b BLOB, a ANY) STRICT;"
      "CREATE TABLE \"order \"\"of\"\" things\" (\"group\" TEXT NOT NULL, \"a b\" INTEGER NOT NULL, \"it's\" TEXT, "
      "  \"double\" INTEGER GENERATED ALWAYS AS (\"a b\" * 2) VIRTUAL, kept TEXT GENERATED ALWAYS AS (upper(\"it's\")) STORED, "
      "  PRIMARY KEY (\"a b\", \"group\"));"
      "CREATE TABLE blobs (key BLOB NOT NULL PRIMARY KEY, note TEXT) STRICT, WITHOUT ROWID;"
      "CREATE TABLE loose (id TEXT PRIMARY KEY, note TEXT);"
      "CREATE TABLE parents (id TEXT NOT NULL PRIMARY KEY, name TEXT UNIQUE);"
      "CREATE TABLE children (id TEXT NOT NULL PRIMARY KEY, parent TEXT REFERENCES parents (id) ON DELETE CASCADE ON UPDATE CASCADE);"
      "CREATE TABLE watched (id TEXT NOT NULL PRIMARY KEY, count INTEGER NOT NULL DEFAULT 0);"
      "CREATE TRIGGER a_first AFTER INSERT ON watched WHEN NEW.id GLOB 'count*' BEGIN UPDATE watched SET count = count + 1 WHERE id = NEW.id; END;"
      "CREATE TRIGGER a_gone AFTER INSERT ON watched WHEN NEW.id GLOB 'gone*' BEGIN DELETE FROM watched WHERE id = NEW.id; END;"
      "CREATE TRIGGER a_back AFTER DELETE ON watched WHEN OLD.id GLOB 'back*' BEGIN INSERT INTO watched VALUES (OLD.id, OLD.count + 100); END;"
      "CREATE TABLE folded (id TEXT COLLATE NOCASE NOT NULL PRIMARY KEY, note TEXT COLLATE NOCASE);"},
      {// A hundred columns}, {the most that the platform allows.
      "CREATE TABLE wide (c0 INTEGER PRIMARY KEY, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18, c19,"
      "  c20, c21, c22, c23, c24, c25, c26, c27, c28, c29, c30, c31, c32, c33, c34, c35, c36, c37, c38, c39,"
      "  c40, c41, c42, c43, c44, c45, c46, c47, c48, c49, c50, c51, c52, c53, c54, c55, c56, c57, c58, c59,"
      "  c60, c61, c62, c63, c64, c65, c66, c67, c68, c69, c70, c71, c72, c73, c74, c75, c76, c77, c78, c79,"
      "  c80, c81, c82, c83, c84, c85, c86, c87, c88, c89, c90, c91, c92, c93, c94, c95, c96, c97, c98, c99)"},
      {0},
    },
  .actions = (const ds_action_type[]){{"kinds", "run", run}, {0}},
};
