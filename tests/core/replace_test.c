// SPDX-License-Identifier: MIT
// A REPLACE removes rows for which no trigger for deletes fires, unless the app says so by a pragma, at any time. Whatever it says, every follower has what the table holds.
#include "../../src/limits.h"
#include "talk.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS "id, u, a, b, owner"
#define QUERY(where) "SELECT json_array(" COLUMNS ") FROM things WHERE " where " ORDER BY json_array(id)"

static const char *const shown[] = {"id", "u", "a", "b", "owner", NULL};

static const ds_channel channels[] = {
  {.name = "things", .columns = shown},
  {.name = "part", .table = "things", .columns = shown, .where = "owner = 'ann'"},
  {.name = "own", .table = "things", .columns = shown, .where = "owner = $user"},
  {0},
};

// A table with a COLLATE has no channel that asks who reads.
static const ds_channel alike[] = {{.name = "things", .columns = shown}, {.name = "part", .table = "things", .columns = shown, .where = "owner = 'ann'"}, {0}};

// Everything that can be unique, in every kind of table; the last ones have triggers of the app's own that replace rows themselves.
static const char *const tables[] = {
  "CREATE TABLE things (id INTEGER PRIMARY KEY, u UNIQUE, a, b, owner TEXT, UNIQUE (a, b))",
  "CREATE TABLE things (id TEXT PRIMARY KEY NOT NULL, u TEXT, a TEXT, b TEXT, owner TEXT); CREATE UNIQUE INDEX one ON things (u COLLATE NOCASE DESC)",
  "CREATE TABLE things (id TEXT PRIMARY KEY NOT NULL, u INT, a INT, b INT, owner TEXT, UNIQUE (b, u) ON CONFLICT REPLACE) STRICT, WITHOUT ROWID",
  "CREATE TABLE things (id TEXT COLLATE NOCASE PRIMARY KEY NOT NULL ON CONFLICT REPLACE, u UNIQUE ON CONFLICT REPLACE, a, b, owner TEXT)",
  "CREATE TABLE things (id INTEGER PRIMARY KEY ON CONFLICT REPLACE, u, a, b, owner TEXT); CREATE UNIQUE INDEX one ON things (u, a) WHERE b > 2 AND owner <> 'WHERE (x)'",
  "CREATE TABLE things (id INTEGER PRIMARY KEY, u TEXT NOT NULL ON CONFLICT REPLACE DEFAULT '3' UNIQUE ON CONFLICT REPLACE, a NOT NULL DEFAULT (1 + 1), b, owner TEXT, UNIQUE (a, b))",
  "CREATE TABLE things (id INTEGER PRIMARY KEY, u, a, b, owner TEXT, g AS (a % 3) VIRTUAL UNIQUE, s AS (u || b) STORED UNIQUE)",
  "CREATE TABLE things (rowid TEXT, oid TEXT, id TEXT PRIMARY KEY NOT NULL, u, a, b, owner TEXT, UNIQUE (u, a, b))",
  "CREATE TABLE things (id, u, a, b, owner TEXT, \"_rowid_\" UNIQUE, PRIMARY KEY (id COLLATE NOCASE DESC))",
  "CREATE TABLE things (id INTEGER PRIMARY KEY, u REFERENCES things (id) ON DELETE CASCADE ON UPDATE SET NULL, a UNIQUE, b, owner TEXT)",
  "CREATE TABLE things (id INTEGER PRIMARY KEY, u UNIQUE, a, b, owner TEXT, UNIQUE (a, b));"
  "CREATE TRIGGER after_one AFTER INSERT ON things WHEN NEW.b = 1 BEGIN REPLACE INTO things (id, u, a, b, owner) VALUES (NEW.id + 1, NEW.a, 2, 2, 'bob'); END;"
  "CREATE TRIGGER after_two AFTER UPDATE ON things WHEN NEW.b = 2 BEGIN UPDATE OR REPLACE things SET u = NEW.u + 1, b = 3 WHERE id = NEW.id; END;"
  "CREATE TRIGGER after_three AFTER DELETE ON things WHEN OLD.b = 3 BEGIN INSERT OR REPLACE INTO things (id, u, owner) VALUES (7, OLD.u, 'ann'); END",
  "CREATE TABLE things (id INTEGER PRIMARY KEY, u UNIQUE, a UNIQUE, b, owner TEXT);"
  "CREATE TRIGGER before_one BEFORE INSERT ON things WHEN NEW.b > 2 BEGIN UPDATE OR REPLACE things SET u = NEW.u WHERE id = 4; INSERT OR IGNORE INTO things (id, u, owner) VALUES (8, NEW.u, 'ann'); END;"
  "CREATE TRIGGER before_two BEFORE UPDATE ON things WHEN NEW.b = 1 AND OLD.b = 4 BEGIN UPDATE OR REPLACE things SET a = NEW.a WHERE id = 5; END",
};
enum { TABLES = sizeof tables / sizeof *tables };

static void write_something(world *w, uint64_t *chance) {
  static const char *const values[] = {"0", "1", "2", "3", "4", "'1'", "'b'", "'B'", "NULL", "2.5"};
  static const char *const writes[] = {
    "REPLACE INTO things (id, u, a, b, owner) VALUES (%u, %s, %s, %u, '%s')",
    "INSERT OR REPLACE INTO things (id, u, a, b, owner) VALUES ('x%u', %s, %s, %u, '%s')",
    "INSERT OR REPLACE INTO things (id, u, a, b, owner) SELECT id, a, u, b, owner FROM things WHERE id <> %u AND u IS NOT %s AND a IS NOT %s AND b <> %u AND owner <> '%s'",
    "INSERT INTO things (id, u, a, b, owner) VALUES (%u, %s, %s, %u, '%s')",
    "INSERT OR IGNORE INTO things (id, u, a, b, owner) VALUES (%u, %s, %s, %u, '%s')",
    "INSERT INTO things (id, u, a, b, owner) VALUES (%u, %s, %s, %u, '%s') ON CONFLICT DO UPDATE SET owner = 'eve'",
    "INSERT INTO things (id, u, a, b, owner) VALUES (%u, %s, %s, %u, '%s') ON CONFLICT DO NOTHING",
    "REPLACE INTO things (rowid, u, a, b, owner) VALUES (%u, %s, %s, %u, '%s')",
    "UPDATE OR REPLACE things SET id = %u WHERE u IS %s OR a IS %s OR b = %u AND owner = '%s'",
    "UPDATE OR REPLACE things SET b = %u, u = %s WHERE a IS %s OR id = %u OR owner > '%s'",
    "UPDATE OR REPLACE things SET b = %u, a = %s WHERE u IS %s OR id = %u OR owner = '%s'",
    "UPDATE OR REPLACE things SET rowid = rowid + %u WHERE u IS %s OR a IS %s OR b = %u AND owner = '%s'",
    "UPDATE OR IGNORE things SET id = %u, u = %s, a = %s WHERE b = %u OR owner = '%s'",
    "UPDATE OR REPLACE things SET id = CASE id WHEN 'x1' THEN 'X1' ELSE id END, b = %u, u = %s, a = %s WHERE b < %u AND owner <> '%s'",
    "DELETE FROM things WHERE id = %u OR u = %s OR a = %s AND b = %u AND owner = '%s'",
    "PRAGMA recursive_triggers = ON; REPLACE INTO things (id, u, a, b, owner) VALUES (%u, %s, %s, %u, '%s')",
    "PRAGMA recursive_triggers = OFF; REPLACE INTO things (id, u, a, b, owner) VALUES (%u, %s, %s, %u, '%s')",
  };
  char sql[400];
  const char *format = writes[talk_random(chance, sizeof writes / sizeof *writes)];
  const char *u = values[talk_random(chance, 10)];
  const char *a = values[talk_random(chance, 10)];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  snprintf(sql, sizeof sql, format, talk_random(chance, 7), u, a, talk_random(chance, 5), talk_random(chance, 2) ? "ann" : "bob");
#pragma GCC diagnostic pop
  sqlite3_exec(w->host->database, sql, NULL, NULL, NULL); // what the table does not take changes nothing
}

static follower reader(const char *client, const char *identity, const char *channel, const char *query) {
  follower f = follower_new(client, channel, query);
  f.identity = identity;
  return f;
}

static void live(const ds_app *app, uint64_t seed, int followers_count) {
  world w = talk_start(app);
  uint64_t chance = seed;
  follower followers[] = {
    reader("all", NULL, "things", QUERY("1")), reader("part", NULL, "part", QUERY("owner = 'ann'")),
    reader("ann", "{\"user\":\"ann\"}", "own", QUERY("owner = 'ann'")), reader("bob", "{\"user\":\"bob\"}", "own", QUERY("owner = 'bob'")),
  };
  for (int i = 0; i < followers_count; i++) follower_come(&w, &followers[i]);
  for (int step = 0; step < 150; step++) {
    for (uint32_t count = talk_random(&chance, 4); count > 0; count--) write_something(&w, &chance);
    world_turn(&w);
    for (int i = 0; i < followers_count; i++) {
      if (followers[i].socket < 0) {
        if (talk_random(&chance, 2)) follower_come(&w, &followers[i]);
        else continue;
      }
      follower_listen(&w, &followers[i]);
      follower_check(&w, &followers[i]);
      if (talk_random(&chance, 12) == 0) follower_go(&w, &followers[i]);
    }
    if (talk_random(&chance, 30) == 0) world_start(&w);
  }
  for (int i = 0; i < 4; i++) follower_free(&followers[i]);
  world_free(&w);
}

static void whatever_a_replace_removes_is_gone_for_those_who_follow(void) {
  for (int i = 0; i < TABLES; i++) {
    bool collated = strstr(tables[i], "id TEXT COLLATE") || strstr(tables[i], "(id COLLATE");
    const ds_app app = {.channels = collated ? alike : channels, .migrations = (const ds_migration[]){{tables[i]}, {0}}, .log_window = 30};
    for (uint64_t seed = 1; seed <= 2; seed++) live(&app, seed * 100 + (uint64_t)i, collated ? 2 : 4);
  }
}

static const ds_app plain_app = {
  .channels = (const ds_channel[]){{.name = "things"}, {0}},
  .migrations = (const ds_migration[]){{"CREATE TABLE things (id TEXT PRIMARY KEY NOT NULL, n INTEGER NOT NULL DEFAULT 0, u TEXT UNIQUE);"
    "CREATE TRIGGER stamp AFTER UPDATE ON things BEGIN UPDATE things SET n = n + 1 WHERE id = NEW.id; END;"
    "CREATE TABLE own (id INTEGER PRIMARY KEY, n INTEGER); CREATE TRIGGER own_stamp AFTER UPDATE ON own BEGIN UPDATE own SET n = n + 1 WHERE id = NEW.id; END"}, {0}},
};

static void a_trigger_of_the_apps_that_stamps_its_row_works_as_without_durasync(void) {
  world w = talk_start(&plain_app);
  follower f = follower_new("f", "things", "SELECT json_array(id, n, u) FROM things ORDER BY id");
  follower_come(&w, &f);
  talk_sql(&w, "PRAGMA recursive_triggers", "[[0]]");
  talk_sql(&w, "INSERT INTO things (id) VALUES ('a')", "[]");
  talk_sql(&w, "UPDATE things SET n = 10", "[]");
  talk_sql(&w, "SELECT n FROM things", "[[11]]");
  talk_sql(&w, "INSERT INTO own VALUES (1, 1)", "[]");
  talk_sql(&w, "UPDATE own SET n = 10", "[]");
  talk_sql(&w, "SELECT n FROM own", "[[11]]");
  world_turn(&w);
  follower_listen(&w, &f);
  follower_check(&w, &f);
  follower_free(&f);
  world_free(&w);
}

static void what_replaces_nothing_writes_one_row_of_the_log(void) {
  static const char *const writes[][2] = {
    {"INSERT INTO things (id, u) VALUES ('a', '1'), ('b', NULL), ('c', NULL)", "[[3]]"}, {"REPLACE INTO things (id, u) VALUES ('d', '2')", "[[4]]"},
    {"UPDATE OR REPLACE things SET u = '3' WHERE id = 'd'", "[[6]]"}, // the stamp is an update of its own
    {"DELETE FROM things WHERE id = 'd'", "[[7]]"},
  };
  world w = talk_start(&plain_app);
  for (size_t i = 0; i < sizeof writes / sizeof *writes; i++) {
    talk_sql(&w, writes[i][0], "[]");
    talk_sql(&w, "SELECT count(*) FROM durasync_log_things", writes[i][1]);
  }
  world_free(&w);
}

static void a_row_that_was_replaced_and_then_deleted_is_gone(void) {
  world w = talk_start(&plain_app);
  follower f = follower_new("f", "things", "SELECT json_array(id, n, u) FROM things ORDER BY id");
  talk_sql(&w, "INSERT INTO things (id) VALUES ('a')", "[]");
  world_turn(&w);
  follower_come(&w, &f);
  talk_sql(&w, "REPLACE INTO things (id, n) VALUES ('a', 5)", "[]");
  talk_sql(&w, "DELETE FROM things", "[]");
  world_turn(&w);
  follower_listen(&w, &f);
  follower_check(&w, &f);
  // One that came and went was never anybody's.
  talk_sql(&w, "INSERT INTO things (id) VALUES ('z')", "[]");
  talk_sql(&w, "DELETE FROM things", "[]");
  world_turn(&w);
  ds_view frame = world_receive(&w, f.socket);
  CHECK(ds_view_absent(frame) || !strstr(frame.at, "\"z\""));
  free((char *)frame.at);
  follower_free(&f);
  world_free(&w);
}

static void a_unique_index_on_an_expression_is_refused_by_name(void) {
  const ds_app app = {
    .channels = (const ds_channel[]){{.name = "things"}, {0}},
    .migrations = (const ds_migration[]){{"CREATE TABLE things (id TEXT PRIMARY KEY, name TEXT); CREATE UNIQUE INDEX folded ON things (name, lower(name))"}, {0}},
  };
  world w = world_new(&app, ":memory:");
  world_start(&w);
  CHECK(!w.ready);
  CHECK(strstr(sqlite_host_log(w.host), "channel \"things\": table \"things\" has the unique index folded on an expression"));
  world_free(&w);
}

static void a_unique_index_that_comes_without_a_migration_is_known_to_the_next_start(void) {
  world w = talk_start(&plain_app);
  follower f = follower_new("f", "things", "SELECT json_array(id, n, u) FROM things ORDER BY id");
  talk_sql(&w, "CREATE UNIQUE INDEX late ON things (n)", "[]");
  world_start(&w);
  CHECK(w.ready);
  talk_sql(&w, "INSERT INTO things (id, n) VALUES ('a', 1)", "[]");
  world_turn(&w);
  follower_come(&w, &f);
  talk_sql(&w, "REPLACE INTO things (id, n) VALUES ('b', 1)", "[]");
  world_turn(&w);
  follower_listen(&w, &f);
  follower_check(&w, &f);
  talk_sql(&w, "DROP INDEX late", "[]");
  world_start(&w);
  talk_sql(&w, "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND sql GLOB '*\"n\" COLLATE \"BINARY\" =*'", "[[0]]");
  follower_free(&f);
  world_free(&w);
}

const test replace_tests[] = {
  {"whatever a REPLACE removes is gone for those who follow", whatever_a_replace_removes_is_gone_for_those_who_follow},
  {"a trigger of the app's that stamps its row works as without durasync", a_trigger_of_the_apps_that_stamps_its_row_works_as_without_durasync},
  {"what replaces nothing writes one row of the log", what_replaces_nothing_writes_one_row_of_the_log},
  {"a row that was replaced and then deleted is gone", a_row_that_was_replaced_and_then_deleted_is_gone},
  {"a unique index on an expression is refused by name", a_unique_index_on_an_expression_is_refused_by_name},
  {"a unique index that comes without a migration is known to the next start", a_unique_index_that_comes_without_a_migration_is_known_to_the_next_start},
  {0},
};
