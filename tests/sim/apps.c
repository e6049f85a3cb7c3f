// SPDX-License-Identifier: MIT
#include "apps.h"

#include <stdio.h>

const char *const channel_names[CHANNELS] = {"notes", "items", "titles", "open", "brief", "nums"};

// ---- Handlers. Each notes in the ledger that it ran: the row is there exactly if the action's effects are.

static void note(ds_action *action) {
  ds_run(action, "INSERT INTO ledger VALUES (:tag)");
}

static void note_put(ds_action *action) {
  note(action);
  ds_run(action, "INSERT INTO notes (id, body, n) VALUES (:k, :s, :p) ON CONFLICT DO UPDATE SET body = excluded.body");
}

static void note_add(ds_action *action) {
  note(action);
  ds_run(action, "INSERT INTO notes (id, body, n) VALUES (:k, :s, :p)");
}

static void note_edit(ds_action *action) {
  ds_run(action, "UPDATE notes SET n = n + 1 WHERE id = :k");
  if (ds_changes(action) == 0) ds_reject(action, DS_NOT_FOUND, "No such note.");
  note(action);
}

static void note_rename(ds_action *action) {
  note(action);
  ds_run(action, "UPDATE OR REPLACE notes SET id = :l WHERE id = :k");
}

static void note_drop(ds_action *action) {
  note(action);
  ds_run(action, "DELETE FROM notes WHERE id = :k");
}

static void half(ds_action *action) {
  note(action);
  ds_run(action, "DELETE FROM notes");
  ds_run(action, "UPDATE items SET done = 1 - done");
  ds_run(action, "INSERT INTO ledger VALUES (NULL)");
}

static void refuse(ds_action *action) {
  note(action);
  ds_run(action, "DELETE FROM notes");
  ds_next(ds_query(action, "SELECT * FROM items"));
  ds_reject(action, DS_CONFLICT, "Not today.");
}

static void broken(ds_action *action) {
  note(action);
  ds_run(action, "DELETE FROM items");
  ds_run(action, "INSERT INTO nowhere VALUES (1)");
}

// Tells its author the tag: what is answered again must be the same.
static void answer(ds_action *action) {
  note(action);
  ds_run(action, "UPDATE notes SET body = :s WHERE id = :k");
  ds_result(action, ds_payload(action, "tag"));
}

static void item_put(ds_action *action) {
  note(action);
  ds_run(action, "REPLACE INTO items (list, pos, title, done, weight) VALUES (:k, :p, :s, :d, :w)");
}

static void item_fill(ds_action *action) {
  note(action);
  ds_run(action, "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :p) "
                 "INSERT OR IGNORE INTO items (list, pos, title) SELECT :k, i, :s FROM n");
}

static void item_title(ds_action *action) {
  note(action);
  ds_run(action, "UPDATE items SET title = :s WHERE list = :k AND pos = :p");
}

static void item_done(ds_action *action) {
  note(action);
  ds_run(action, "UPDATE items SET done = 1 - done, weight = :w WHERE list = :k");
}

static void item_shift(ds_action *action) {
  note(action);
  ds_run(action, "UPDATE OR IGNORE items SET pos = pos + :p WHERE list = :k");
}

static void item_twice(ds_action *action) {
  note(action);
  ds_run(action, "DELETE FROM items WHERE list = :k AND pos = :p");
  ds_run(action, "INSERT INTO items (list, pos, title, done) VALUES (:k, :p, :s, :d)");
  ds_run(action, "UPDATE items SET title = :l WHERE list = :k AND pos = :p");
}

static void item_clear(ds_action *action) {
  note(action);
  ds_run(action, "DELETE FROM items WHERE list = :k");
}

static void num_put(ds_action *action) {
  note(action);
  ds_run(action, "REPLACE INTO nums VALUES (:p, :w, (SELECT max(id) FROM nums WHERE id < :p))");
}

static void num_drop(ds_action *action) {
  note(action);
  ds_run(action, "DELETE FROM nums WHERE id = :p");
}

static const ds_action_type actions[] = {
  {"notes", "put", note_put},     {"notes", "add", note_add},       {"notes", "edit", note_edit},   {"notes", "rename", note_rename},
  {"notes", "drop", note_drop},   {"notes", "half", half},          {"notes", "refuse", refuse},    {"notes", "broken", broken},
  {"notes", "answer", answer},    {"items", "put", item_put},       {"items", "fill", item_fill},   {"items", "title", item_title},
  {"items", "done", item_done},   {"items", "shift", item_shift},   {"items", "twice", item_twice}, {"items", "clear", item_clear},
  {"nums", "put", num_put},       {"nums", "drop", num_drop},       {0},
};

// ---- Generations

#define FIRST \
  "CREATE TABLE ledger (tag INTEGER NOT NULL);" \
  "CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT, n INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;" \
  "CREATE TABLE items (list TEXT NOT NULL, pos INTEGER NOT NULL, title TEXT, done INTEGER NOT NULL DEFAULT 0, weight REAL, data BLOB, " \
  "PRIMARY KEY (list, pos));" \
  "CREATE TABLE nums (id INTEGER PRIMARY KEY, v UNIQUE, parent INTEGER REFERENCES nums (id) ON DELETE CASCADE)"
#define SECOND "ALTER TABLE notes ADD COLUMN extra TEXT DEFAULT 'new'; UPDATE notes SET body = 'migrated' WHERE n % 2 = 0; UPDATE items SET title = 'zz' WHERE pos > 1"
#define THIRD "ALTER TABLE items DROP COLUMN data; DELETE FROM items WHERE pos > 2"

#define CHANNELS_WITH(titles) \
  {.name = "notes"}, {.name = "items"}, {.name = "titles", .table = "items", .columns = titles}, \
    {.name = "open", .table = "items", .where = "done = 0"}, \
    {.name = "brief", .table = "items", .columns = (const char *const[]){"pos", "list", "weight", NULL}, .where = "done = 0 AND title > 'm'"}

static const char *const old_titles[] = {"title", "pos", "list", NULL};
static const char *const new_titles[] = {"title", "pos", "list", "done", NULL};

const ds_app generations[GENERATIONS] = {
  {.channels = (const ds_channel[]){CHANNELS_WITH(old_titles), {0}},
   .migrations = (const ds_migration[]){{FIRST}, {0}},
   .actions = actions,
   .log_window = 8},
  {.channels = (const ds_channel[]){CHANNELS_WITH(old_titles), {.name = "nums"}, {0}},
   .migrations = (const ds_migration[]){{FIRST}, {SECOND}, {0}},
   .actions = actions,
   .log_window = 8},
  {.channels = (const ds_channel[]){CHANNELS_WITH(new_titles), {.name = "nums"}, {0}},
   .migrations = (const ds_migration[]){{FIRST}, {SECOND}, {THIRD}, {0}},
   .actions = actions,
   .log_window = 4},
};

// Written by hand, so that the core's own SQL is not compared with itself.
#define REAL(column) \
  "CASE WHEN typeof(" column ") = 'real' THEN json(format('%!.17g', " column ")) " \
  "WHEN typeof(" column ") = 'integer' AND abs(" column ") > 9007199254740991 THEN json_object('int', CAST(" column " AS TEXT)) ELSE " column " END"
#define BLOB(column) "iif(typeof(" column ") = 'blob', json_object('blob', hex(" column ")), " column ")"

const char *records_query(uint32_t generation, uint32_t channel) {
  static const char *const queries[CHANNELS] = {
    "SELECT json_array(id, body, n, extra) FROM notes",
    "SELECT json_array(list, pos, title, done, " REAL("weight") ") FROM items",
    "SELECT json_array(title, pos, list, done) FROM items",
    "SELECT json_array(list, pos, title, done, " REAL("weight") ") FROM items WHERE done = 0",
    "SELECT json_array(pos, list, " REAL("weight") ") FROM items WHERE done = 0 AND title > 'm'",
    "SELECT json_array(id, " REAL("v") ", parent) FROM nums",
  };
  if (channel == 5 && generation == 0) return NULL;
  if (channel == 0 && generation == 0) return "SELECT json_array(id, body, n) FROM notes";
  if (channel == 1 && generation < 2) return "SELECT json_array(list, pos, title, done, " REAL("weight") ", " BLOB("data") ") FROM items";
  if (channel == 2 && generation < 2) return "SELECT json_array(title, pos, list) FROM items";
  if (channel == 3 && generation < 2)
    return "SELECT json_array(list, pos, title, done, " REAL("weight") ", " BLOB("data") ") FROM items WHERE done = 0";
  return queries[channel];
}

// ---- What is done to it

deed deed_any(chance *c) {
  uint32_t at = chance_below(c, sizeof actions / sizeof *actions);
  if (!actions[at].channel) return chance_one_in(c, 2) ? (deed){"notes", "unheard of"} : (deed){"nowhere", "put"};
  return (deed){actions[at].channel, actions[at].type};
}

static const char *const keys[] = {"a", "b", "c", "q\\\"uote", "\\u00e9", "", "o'clock", "Z"};
static const char *const numbers[] = {"0.1", "null", "-3", "1e300", "0.30000000000000004", "\"n\"", "9007199254740993", "7"};

static void add_text(ds_text *json, chance *c) {
  // Now and then one that fills a frame, and one that no frame can carry.
  uint32_t size = chance_one_in(c, 40) ? 900 : chance_one_in(c, 8) ? 200 + chance_below(c, 400) : chance_below(c, 12);
  char letter = (char)('a' + chance_below(c, 26));
  ds_text_str(json, "\"");
  for (uint32_t i = 0; i < size; i++) ds_text_add(json, (ds_view){&letter, 1});
  ds_text_str(json, "\"");
}

static void add_member(ds_text *json, const char *name, const char *value) {
  ds_text_str(json, ",\"");
  ds_text_str(json, name);
  ds_text_str(json, "\":");
  ds_text_str(json, value);
}

static void add_key(ds_text *json, const char *name, chance *c) {
  char value[32];
  snprintf(value, sizeof value, "\"%s\"", keys[chance_below(c, sizeof keys / sizeof *keys)]);
  // The keys stand here as they stand in C; their backslashes are JSON's.
  add_member(json, name, value);
}

void deed_payload(ds_text *json, chance *c, int64_t tag) {
  ds_text_str(json, "{\"tag\":");
  ds_text_int(json, tag);
  add_key(json, "k", c);
  add_key(json, "l", c);
  ds_text_str(json, ",\"p\":");
  ds_text_int(json, chance_one_in(c, 6) ? chance_below(c, 30) : chance_below(c, 5));
  ds_text_str(json, ",\"d\":");
  ds_text_int(json, chance_below(c, 2));
  ds_text_str(json, ",\"s\":");
  add_text(json, c);
  add_member(json, "w", numbers[chance_below(c, sizeof numbers / sizeof *numbers)]);
  ds_text_str(json, "}");
}

const char *write_any(chance *c) {
  static const char *const writes[] = {
    "DELETE FROM notes",
    "UPDATE notes SET n = n + 1",
    "UPDATE notes SET body = body",
    "INSERT OR IGNORE INTO notes (id, body, n) VALUES ('a', 'outside', 4), ('b', NULL, 5), ('x', 'y', 6)",
    "REPLACE INTO items (list, pos, title, done) VALUES ('a', 1, 'outside', 0), ('a', 2, NULL, 1)",
    "UPDATE items SET done = 0 WHERE pos % 2 = 0",
    "UPDATE items SET title = 'zz' || pos WHERE list < 'c'",
    "UPDATE items SET weight = pos / 3.0",
    "UPDATE items SET data = CAST(title AS BLOB) WHERE pos = 1",
    "UPDATE items SET list = list || 'x', pos = pos + 1 WHERE list = 'a'",
    "DELETE FROM items WHERE pos > 3",
    "BEGIN; DELETE FROM items WHERE list = 'b'; INSERT INTO items (list, pos, title) VALUES ('b', 1, 'new'), ('b', 2, 'new'); "
    "UPDATE items SET pos = 3 WHERE list = 'b' AND pos = 2; COMMIT",
    "BEGIN; DELETE FROM notes; UPDATE items SET done = 1; ROLLBACK",
    "INSERT OR REPLACE INTO nums VALUES (1, 'one', NULL), (2, 2.5, 1), (3, NULL, 2)",
    "DELETE FROM nums WHERE id = 1",
    "BEGIN; UPDATE notes SET n = 0; UPDATE items SET done = 1 - done; COMMIT",
  };
  return writes[chance_below(c, sizeof writes / sizeof *writes)];
}
