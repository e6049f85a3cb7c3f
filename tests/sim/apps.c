// SPDX-License-Identifier: MIT
#include "apps.h"

#include <stdio.h>

const char *const channel_names[CHANNELS] = {"notes", "items", "titles", "open", "brief", "cards", "team", "staff", "nums"};

const char *const identities[READERS] = {
  NULL,
  "{\"user\":\"ann\",\"level\":1,\"staff\":true}",
  "{\"user\":\"bob\",\"level\":2,\"name\":\"Bob\"}",
  "{\"name\":\"Robert\",\"level\":2,\"user\":\"bob\"}",
  "{\"user\":\"ann\",\"level\":3}",
  "{\"user\":7,\"level\":\"2\",\"staff\":true}",
};

bool is_personal(uint32_t channel) {
  return channel == CARDS || channel == TEAM || channel == STAFF;
}

bool may_read(uint32_t channel, uint32_t reader) {
  return channel != STAFF || reader == 1 || reader == 5;
}

uint32_t key_place(uint32_t channel) {
  return channel == TEAM ? 1 : 0;
}

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

static void num_oust(ds_action *action) {
  note(action);
  ds_run(action, "UPDATE OR REPLACE nums SET v = :w WHERE id = :p");
}

static void num_drop(ds_action *action) {
  note(action);
  ds_run(action, "DELETE FROM nums WHERE id = :p");
}

static void card_put(ds_action *action) {
  note(action);
  ds_run(action, "REPLACE INTO cards (id, owner, shared, level, text) VALUES (:k, :o, :d, :p, :s)");
}

static void card_take(ds_action *action) {
  note(action);
  ds_run(action, "INSERT INTO cards (id, owner, text) VALUES (:k, $user, :s) ON CONFLICT DO UPDATE SET owner = $user");
}

static void card_give(ds_action *action) {
  note(action);
  ds_run(action, "UPDATE cards SET owner = :o WHERE id = :k");
}

static void card_share(ds_action *action) {
  note(action);
  ds_run(action, "UPDATE cards SET shared = :d WHERE owner IS :o");
}

static void card_edit(ds_action *action) {
  note(action);
  ds_run(action, "UPDATE cards SET text = :s WHERE id = :k OR id = :l");
}

static void card_level(ds_action *action) {
  note(action);
  ds_run(action, "UPDATE cards SET level = :p WHERE id >= :k");
}

static void card_rename(ds_action *action) {
  note(action);
  ds_run(action, "UPDATE OR REPLACE cards SET id = :l WHERE id = :k");
}

static void card_drop(ds_action *action) {
  note(action);
  ds_run(action, "DELETE FROM cards WHERE id = :k");
}

// A card of several owners within one transaction: but for the last of them, nobody's business.
static void card_pass(ds_action *action) {
  note(action);
  ds_run(action, "UPDATE cards SET owner = :o, shared = :d WHERE id = :k");
  ds_run(action, "UPDATE cards SET owner = 'bob', shared = 0 WHERE id = :k");
  ds_run(action, "UPDATE OR IGNORE cards SET id = :l WHERE id = :k");
}

static void staff_only(ds_action *action) {
  ds_require(action, "$staff");
}

static const ds_action_type actions[] = {
  {"notes", "put", note_put},     {"notes", "add", note_add},       {"notes", "edit", note_edit},   {"notes", "rename", note_rename},
  {"notes", "drop", note_drop},   {"notes", "half", half},          {"notes", "refuse", refuse},    {"notes", "broken", broken},
  {"notes", "answer", answer},    {"items", "put", item_put},       {"items", "fill", item_fill},   {"items", "title", item_title},
  {"items", "done", item_done},   {"items", "shift", item_shift},   {"items", "twice", item_twice}, {"items", "clear", item_clear},
  {"cards", "put", card_put},     {"cards", "take", card_take},     {"cards", "give", card_give},   {"cards", "share", card_share},
  {"cards", "edit", card_edit},   {"cards", "level", card_level},   {"cards", "rename", card_rename}, {"cards", "drop", card_drop},
  {"cards", "pass", card_pass},   {"nums", "put", num_put},         {"nums", "drop", num_drop},       {"nums", "oust", num_oust},   {0},
};

// ---- Generations

// What the first generations call a team, and what the last one does: the columns that are asked are not among those that are seen.
#define OLD_TEAM(user, level) "\"Level\" >= " level " AND owner IS NOT " user
#define NEW_TEAM(user, level) "level < " level " OR owner IS " user " AND shared = 0"
#define SEEN_CARDS(user, level) "owner = " user " OR shared = 1"

// Sets of readers as SQL: bit i for reader i.
#define FOR(seen, user, level, reader) "(ifnull(" seen(user, level) ", 0) << " reader ")"
#define READERS_OF(seen) \
  FOR(seen, "NULL", "NULL", "0") " | " FOR(seen, "'ann'", "1", "1") " | " FOR(seen, "'bob'", "2", "2") " | " FOR(seen, "'bob'", "2", "3") " | " \
  FOR(seen, "'ann'", "3", "4") " | " FOR(seen, "7", "'2'", "5")

// Notes who sees a card, with each of its changes: what a transaction has passed through, its commit does not show.
#define GLIMPSE(event) \
  "CREATE TRIGGER glimpse_" event " AFTER " event " ON cards BEGIN " \
  "INSERT INTO glimpses SELECT json_quote(id), " READERS_OF(SEEN_CARDS) ", " READERS_OF(OLD_TEAM) ", " READERS_OF(NEW_TEAM) " FROM cards WHERE id = NEW.id; END;"

#define FIRST \
  "CREATE TABLE ledger (tag INTEGER NOT NULL);" \
  "CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT, n INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;" \
  "CREATE TABLE items (list TEXT NOT NULL, pos INTEGER NOT NULL, title TEXT, done INTEGER NOT NULL DEFAULT 0, weight REAL, data BLOB, " \
  "PRIMARY KEY (list, pos));" \
  "CREATE TABLE cards (id TEXT PRIMARY KEY NOT NULL, owner TEXT, shared INTEGER NOT NULL DEFAULT 0, level INTEGER, text TEXT);" \
  "CREATE TABLE glimpses (key TEXT, cards INTEGER, old_team INTEGER, new_team INTEGER);" GLIMPSE("insert") GLIMPSE("update") \
  "CREATE TABLE nums (id INTEGER PRIMARY KEY, v UNIQUE, parent INTEGER REFERENCES nums (id) ON DELETE CASCADE)"
#define SECOND "ALTER TABLE cards ADD COLUMN mood TEXT DEFAULT 'new'; UPDATE cards SET shared = 1 - shared WHERE level = 1;" \
  "ALTER TABLE notes ADD COLUMN extra TEXT DEFAULT 'new'; UPDATE notes SET body = 'migrated' WHERE n % 2 = 0; UPDATE items SET title = 'zz' WHERE pos > 1"
#define THIRD "ALTER TABLE items DROP COLUMN data; DELETE FROM items WHERE pos > 2"

// Where a title has more than the 50 bytes that a pattern may have, the `where` of "brief" fails: such an item is no record of it.
#define CHANNELS_WITH(titles, team) \
  {.name = "notes"}, {.name = "items"}, {.name = "titles", .table = "items", .columns = titles}, \
    {.name = "open", .table = "items", .where = "done = 0"}, \
    {.name = "brief", .table = "items", .columns = (const char *const[]){"pos", "list", "weight", NULL}, .where = "done = 0 AND title > 'm' AND 'a' NOT LIKE title"}, \
    {.name = "cards", .where = SEEN_CARDS("$user", )}, \
    {.name = "team", .table = "cards", .columns = (const char *const[]){"text", "id", NULL}, .where = team("$user", "$level")}, \
    {.name = "staff", .table = "cards", .columns = (const char *const[]){"id", "owner", NULL}, .can_read = staff_only}

static const char *const old_titles[] = {"title", "pos", "list", NULL};
static const char *const new_titles[] = {"title", "pos", "list", "done", NULL};

const ds_app generations[GENERATIONS] = {
  {.channels = (const ds_channel[]){CHANNELS_WITH(old_titles, OLD_TEAM), {0}},
   .migrations = (const ds_migration[]){{FIRST}, {0}},
   .actions = actions,
   .log_window = 8},
  {.channels = (const ds_channel[]){CHANNELS_WITH(old_titles, OLD_TEAM), {.name = "nums"}, {0}},
   .migrations = (const ds_migration[]){{FIRST}, {SECOND}, {0}},
   .actions = actions,
   .log_window = 8},
  {.channels = (const ds_channel[]){CHANNELS_WITH(new_titles, NEW_TEAM), {.name = "nums"}, {0}},
   .migrations = (const ds_migration[]){{FIRST}, {SECOND}, {THIRD}, {0}},
   .actions = actions,
   .log_window = 4},
};

// Written by hand, so that the core's own SQL is not compared with itself.
#define REAL(column) \
  "CASE WHEN typeof(" column ") = 'real' THEN json(format('%!.17g', " column ")) " \
  "WHEN typeof(" column ") = 'integer' AND abs(" column ") > 9007199254740991 THEN json_object('int', CAST(" column " AS TEXT)) ELSE " column " END"
#define BLOB(column) "iif(typeof(" column ") = 'blob', json_object('blob', hex(" column ")), " column ")"

#define STAFF_READERS "34"
#define FROM_CARDS ", json_quote(id) FROM cards"

const char *records_query(uint32_t generation, uint32_t channel) {
  static const char *const queries[CHANNELS] = {
    "SELECT json_array(id, body, n, extra), -1 FROM notes",
    "SELECT json_array(list, pos, title, done, " REAL("weight") "), -1 FROM items",
    "SELECT json_array(title, pos, list, done), -1 FROM items",
    "SELECT json_array(list, pos, title, done, " REAL("weight") "), -1 FROM items WHERE done = 0",
    "SELECT json_array(pos, list, " REAL("weight") "), -1 FROM items WHERE done = 0 AND title > 'm' AND length(title) <= 50",
    "SELECT json_array(id, owner, shared, level, text, mood), " READERS_OF(SEEN_CARDS) FROM_CARDS,
    "SELECT json_array(text, id), " READERS_OF(NEW_TEAM) FROM_CARDS,
    "SELECT json_array(id, owner), " STAFF_READERS FROM_CARDS,
    "SELECT json_array(id, " REAL("v") ", parent), -1 FROM nums",
  };
  if (channel == NUMS && generation == 0) return NULL;
  if (channel == NOTES && generation == 0) return "SELECT json_array(id, body, n), -1 FROM notes";
  if (channel == ITEMS && generation < 2) return "SELECT json_array(list, pos, title, done, " REAL("weight") ", " BLOB("data") "), -1 FROM items";
  if (channel == TITLES && generation < 2) return "SELECT json_array(title, pos, list), -1 FROM items";
  if (channel == OPEN && generation < 2)
    return "SELECT json_array(list, pos, title, done, " REAL("weight") ", " BLOB("data") "), -1 FROM items WHERE done = 0";
  if (channel == CARDS && generation == 0) return "SELECT json_array(id, owner, shared, level, text), " READERS_OF(SEEN_CARDS) FROM_CARDS;
  if (channel == TEAM && generation < 2) return "SELECT json_array(text, id), " READERS_OF(OLD_TEAM) FROM_CARDS;
  return queries[channel];
}

const char *glimpses_query(uint32_t generation) {
  return generation < 2 ? "SELECT key, cards, old_team FROM glimpses" : "SELECT key, cards, new_team FROM glimpses";
}

// ---- What is done to it

deed deed_any(chance *c) {
  uint32_t at = chance_below(c, sizeof actions / sizeof *actions);
  if (!actions[at].channel) return chance_one_in(c, 2) ? (deed){"notes", "unheard of"} : (deed){"nowhere", "put"};
  return (deed){actions[at].channel, actions[at].type};
}

static const char *const keys[] = {"a", "b", "c", "q\\\"uote", "\\u00e9", "", "o'clock", "Z"};
static const char *const owners[] = {"\"ann\"", "\"bob\"", "7", "null"};
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
  add_member(json, "o", owners[chance_below(c, sizeof owners / sizeof *owners)]);
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
    "PRAGMA recursive_triggers = ON",
    "PRAGMA recursive_triggers = OFF",
    "UPDATE OR REPLACE nums SET v = 'one', parent = NULL WHERE id > 1",
    "UPDATE OR REPLACE nums SET id = id + 1 WHERE id = 2 OR v IS NULL",
    "INSERT OR IGNORE INTO nums VALUES (2, 'one', NULL), (9, 0.1, NULL)",
    "REPLACE INTO notes (id, body) VALUES ('a', 'replaced'); DELETE FROM notes WHERE id = 'a'",
    "BEGIN; UPDATE notes SET n = 0; UPDATE items SET done = 1 - done; COMMIT",
    "INSERT OR REPLACE INTO cards (id, owner, shared, level, text) VALUES ('a', 'ann', 0, 1, 'x'), ('b', 'bob', 0, 2, NULL), ('c', NULL, 1, 3, 'y'), ('d', 7, 0, 0, 'z')",
    "UPDATE cards SET shared = 1 - shared",
    "UPDATE cards SET owner = CASE owner WHEN 'ann' THEN 'bob' WHEN 'bob' THEN NULL ELSE 'ann' END, text = 'moved'",
    "UPDATE cards SET level = ifnull(level, 0) + 1 WHERE shared = 0",
    "UPDATE cards SET text = ifnull(text, '') || '.' WHERE length(ifnull(text, '')) < 9",
    "UPDATE OR REPLACE cards SET id = 'm' || (ifnull(level, 0) % 3) WHERE owner = 'bob'",
    "DELETE FROM cards WHERE shared = 0",
    "BEGIN; UPDATE cards SET owner = 'ann' WHERE id < 'c'; UPDATE cards SET owner = 'bob' WHERE id < 'b'; DELETE FROM cards WHERE id = 'a'; "
    "INSERT INTO cards (id, owner, level) VALUES ('a', 'bob', 2); COMMIT",
    "BEGIN; INSERT OR IGNORE INTO cards (id, owner, text) VALUES ('t', 'ann', 'passes'); UPDATE cards SET owner = 'bob', shared = 0 WHERE id = 't'; "
    "UPDATE notes SET n = n + 1; COMMIT",
  };
  return writes[chance_below(c, sizeof writes / sizeof *writes)];
}
