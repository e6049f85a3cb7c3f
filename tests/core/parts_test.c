// SPDX-License-Identifier: MIT
// Channels that are a part of a table: some columns, in another order, of some rows. Rows enter and leave as they change.
#include "../../src/json.h"
#include "talk.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const ds_action_type no_actions[] = {{0}};

static const ds_app parts_app = {
  .channels =
    (const ds_channel[]){
      {.name = "tasks"},
      {.name = "names", .table = "tasks", .columns = (const char *const[]){"title", "list", "id", NULL}},
      {.name = "open", .table = "tasks", .where = "done = 0 AND \"a level\" > 2"},
      {.name = "mine", .table = "tasks", .columns = (const char *const[]){"id", "list", NULL}, .where = "owner = 'me' OR owner IS NULL"},
      {0},
    },
  .migrations =
    (const ds_migration[]){
      {"CREATE TABLE tasks (list INTEGER NOT NULL, id TEXT NOT NULL, title TEXT, done INTEGER NOT NULL DEFAULT 0, \"a level\" INTEGER, owner TEXT, "
      "PRIMARY KEY (list, id)) STRICT"},
      {0},
    },
  .actions = no_actions,
  .log_window = 12,
};

// The same with triggers of the app's own, which move rows across the border while they are being written.
#define ROW " WHERE list = NEW.list AND id = NEW.id; END;"
static const ds_migration moving_migrations[] = {
  {"CREATE TABLE tasks (list INTEGER NOT NULL, id TEXT NOT NULL, title TEXT, done INTEGER NOT NULL DEFAULT 0, \"a level\" INTEGER, owner TEXT, "
  "PRIMARY KEY (list, id)) STRICT;"
  "CREATE TRIGGER a_raise AFTER UPDATE ON tasks WHEN NEW.\"a level\" = 2 BEGIN UPDATE tasks SET \"a level\" = 3" ROW
  "CREATE TRIGGER z_turn AFTER INSERT ON tasks WHEN NEW.\"a level\" = 4 BEGIN UPDATE tasks SET done = 1 - done" ROW
  "CREATE TRIGGER m_move AFTER UPDATE ON tasks WHEN NEW.\"a level\" = 5 AND NEW.done = 1 BEGIN UPDATE OR REPLACE tasks SET id = NEW.id || 'x', \"a level\" = 1" ROW
  "CREATE TRIGGER b_give BEFORE DELETE ON tasks WHEN OLD.\"a level\" = 3 BEGIN UPDATE tasks SET owner = 'me' WHERE list <> OLD.list; END;"
  "CREATE TRIGGER b_gone AFTER INSERT ON tasks WHEN NEW.\"a level\" = 1 AND NEW.owner = 'me' BEGIN DELETE FROM tasks" ROW},
  {0},
};

// Each channel as its declaration says it: the query is written by hand.
#define ALL "SELECT json_array(list, id, title, done, \"a level\", owner) FROM tasks ORDER BY json_array(list, id)"
#define NAMES "SELECT json_array(title, list, id) FROM tasks ORDER BY json_array(list, id)"
#define OPEN "SELECT json_array(list, id, title, done, \"a level\", owner) FROM tasks WHERE done = 0 AND \"a level\" > 2 ORDER BY json_array(list, id)"
#define MINE "SELECT json_array(id, list) FROM tasks WHERE owner = 'me' OR owner IS NULL ORDER BY json_array(list, id)"

typedef struct party {
  world w;
  follower all, names, open, mine;
} party;

static party party_of(const ds_app *app) {
  party p = {
    .w = talk_start(app),
    .all = follower_new("all", "tasks", ALL),
    .names = follower_new("names", "names", NAMES),
    .open = follower_new("open", "open", OPEN),
    .mine = follower_new("mine", "mine", MINE),
  };
  follower *const each[] = {&p.all, &p.names, &p.open, &p.mine};
  for (int i = 0; i < 4; i++) follower_come(&p.w, each[i]);
  return p;
}

static party party_new(void) {
  return party_of(&parts_app);
}

static void party_free(party *p) {
  follower *const each[] = {&p->all, &p->names, &p->open, &p->mine};
  for (int i = 0; i < 4; i++) follower_free(each[i]);
  world_free(&p->w);
}

static void party_check(party *p) {
  follower *const each[] = {&p->all, &p->names, &p->open, &p->mine};
  world_turn(&p->w);
  for (int i = 0; i < 4; i++) {
    if (each[i]->socket < 0) continue;
    follower_listen(&p->w, each[i]);
    follower_check(&p->w, each[i]);
  }
}

// The next frame of the socket must have this change, but for epoch, shape and versions.
static void hear_change(party *p, const follower *f, const char *lists) {
  ds_view frame = world_receive(&p->w, f->socket);
  ds_json_iterator change = ds_json_iterate(ds_json_member(frame, "changes"));
  CHECK(ds_json_next(&change));
  ds_arena *arena = ds_arena_new();
  ds_text found = ds_text_new(arena);
  static const char *const names[] = {"put", "set", "del"};
  for (int i = 0; i < 3; i++) {
    ds_view list = ds_json_member(change.value, names[i]);
    if (ds_view_absent(list)) continue;
    ds_text_str(&found, names[i]);
    ds_text_add(&found, list);
  }
  ds_text_add(&found, (ds_view){"", 1});
  CHECK_TEXT(ds_view_of(ds_text_view(&found).at), lists);
  ds_arena_free(arena);
  free((char *)frame.at);
}

#define WRITE(sql) (talk_sql(&p.w, sql, "[]"), world_turn(&p.w))

static void a_channel_shows_its_columns_in_its_order_and_its_key(void) {
  party p = party_new();
  WRITE("INSERT INTO tasks VALUES (1, 'a', 'first', 0, 5, 'you')");
  hear_change(&p, &p.names, "put[[\"first\",1,\"a\"]]");
  ds_socket socket = talk_greet(&p.w, "reader");
  talk_send(&p.w, socket, "{\"type\":\"subscribe\",\"channel\":\"names\"}");
  world_turn(&p.w);
  ds_view page = world_receive(&p.w, socket);
  CHECK_TEXT(ds_json_member(page, "columns"), "[\"title\",\"list\",\"id\"]");
  CHECK_TEXT(ds_json_member(page, "key"), "[1,2]");
  CHECK_TEXT(ds_json_member(page, "cells"), "[[\"first\"],[1],[\"a\"]]");
  CHECK_TEXT(ds_json_member(page, "channel"), "\"names\"");
  free((char *)page.at);
  // Keys on the wire are in key order, whatever the order of the columns.
  WRITE("DELETE FROM tasks");
  hear_change(&p, &p.names, "del[[1,\"a\"]]");
  party_free(&p);
}

static void what_a_channel_does_not_show_does_not_reach_it(void) {
  party p = party_new();
  WRITE("INSERT INTO tasks VALUES (1, 'a', 'first', 0, 5, 'you')");
  hear_change(&p, &p.all, "put[[1,\"a\",\"first\",0,5,\"you\"]]");
  hear_change(&p, &p.names, "put[[\"first\",1,\"a\"]]");
  hear_change(&p, &p.open, "put[[1,\"a\",\"first\",0,5,\"you\"]]");
  talk_hear_nothing(&p.w, p.mine.socket);
  WRITE("UPDATE tasks SET \"a level\" = 6");
  hear_change(&p, &p.all, "set[{\"columns\":[4],\"rows\":[[1,\"a\",6]]}]");
  // In a part with a condition a changed row leaves and enters: it comes whole.
  hear_change(&p, &p.open, "put[[1,\"a\",\"first\",0,6,\"you\"]]");
  talk_hear_nothing(&p.w, p.names.socket);
  talk_hear_nothing(&p.w, p.mine.socket);
  // A set names columns by their position in the channel.
  WRITE("UPDATE tasks SET title = 'renamed'");
  hear_change(&p, &p.names, "set[{\"columns\":[0],\"rows\":[[1,\"a\",\"renamed\"]]}]");
  party_free(&p);
}

static void rows_enter_and_leave_as_they_change(void) {
  static const struct {
    const char *sql;
    const char *change; // of the channel `open`, NULL for none
  } steps[] = {
    {"INSERT INTO tasks VALUES (1, 'a', NULL, 0, 1, NULL)", NULL},
    {"UPDATE tasks SET title = 'x'", NULL},
    {"UPDATE tasks SET \"a level\" = 3", "put[[1,\"a\",\"x\",0,3,null]]"},
    {"UPDATE tasks SET title = 'y'", "put[[1,\"a\",\"y\",0,3,null]]"},
    {"UPDATE tasks SET id = 'b'", "put[[1,\"b\",\"y\",0,3,null]]del[[1,\"a\"]]"},
    {"UPDATE tasks SET id = 'c', done = 1", "del[[1,\"b\"]]"},
    {"UPDATE tasks SET id = 'd'", NULL},
    {"UPDATE tasks SET id = 'e', done = 0", "put[[1,\"e\",\"y\",0,3,null]]"},
    {"UPDATE tasks SET \"a level\" = NULL", "del[[1,\"e\"]]"}, // neither true nor false: not a record
    {"UPDATE tasks SET \"a level\" = 4", "put[[1,\"e\",\"y\",0,4,null]]"},
    {"INSERT OR REPLACE INTO tasks VALUES (1, 'e', 'z', 1, 4, NULL)", "del[[1,\"e\"]]"},
    {"INSERT OR REPLACE INTO tasks VALUES (1, 'e', 'z', 0, 4, NULL)", "put[[1,\"e\",\"z\",0,4,null]]"},
    {"INSERT INTO tasks VALUES (1, 'e', 'w', 1, 4, NULL) ON CONFLICT DO UPDATE SET done = 1", "del[[1,\"e\"]]"},
    {"DELETE FROM tasks", NULL},
    {"INSERT INTO tasks VALUES (2, 'f', NULL, 0, 9, NULL)", "put[[2,\"f\",null,0,9,null]]"},
    {"DELETE FROM tasks", "del[[2,\"f\"]]"},
  };
  party p = party_new();
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    WRITE(steps[i].sql);
    if (steps[i].change) hear_change(&p, &p.open, steps[i].change);
    talk_hear_nothing(&p.w, p.open.socket);
  }
  party_free(&p);
}

static void a_row_that_leaves_and_enters_in_one_turn_is_told_once(void) {
  party p = party_new();
  WRITE("INSERT INTO tasks VALUES (1, 'a', 't', 0, 5, NULL)");
  hear_change(&p, &p.open, "put[[1,\"a\",\"t\",0,5,null]]");
  talk_sql(&p.w, "UPDATE tasks SET done = 1", "[]");
  WRITE("UPDATE tasks SET done = 0, title = 'u'");
  hear_change(&p, &p.open, "put[[1,\"a\",\"u\",0,5,null]]");
  talk_sql(&p.w, "UPDATE tasks SET done = 1", "[]");
  talk_sql(&p.w, "UPDATE tasks SET done = 0", "[]");
  WRITE("UPDATE tasks SET done = 1");
  hear_change(&p, &p.open, "del[[1,\"a\"]]");
  talk_sql(&p.w, "UPDATE tasks SET done = 0", "[]");
  WRITE("UPDATE tasks SET done = 1");
  ds_view none = world_receive(&p.w, p.open.socket);
  CHECK(ds_view_absent(none) || strstr(none.at, "put") == NULL);
  free((char *)none.at);
  party_free(&p);
}

static void somebody_away_learns_what_left_and_what_entered(void) {
  party p = party_new();
  WRITE("INSERT INTO tasks VALUES (1, 'stays', NULL, 0, 5, 'me'), (1, 'leaves', NULL, 0, 5, 'me'), (1, 'enters', NULL, 1, 5, 'you'), (1, 'out', NULL, 1, 0, 'you')");
  party_check(&p);
  follower_go(&p.w, &p.open);
  follower_go(&p.w, &p.mine);
  talk_sql(&p.w, "UPDATE tasks SET done = 1, owner = 'you' WHERE id = 'leaves'", "[]");
  talk_sql(&p.w, "UPDATE tasks SET done = 0, owner = 'me' WHERE id = 'enters'", "[]");
  talk_sql(&p.w, "UPDATE tasks SET title = 'o' WHERE id = 'out'", "[]");
  world_turn(&p.w);
  world_start(&p.w);
  follower_come(&p.w, &p.open);
  follower_come(&p.w, &p.mine);
  party_check(&p);
  CHECK_INT(p.open.snapshots, 1);
  CHECK_INT(p.open.catch_ups, 1);
  CHECK_INT(p.mine.snapshots, 1);
  party_free(&p);
}

static void write_anything(const ds_app *app) {
  static const char *const writes[] = {
    "INSERT OR IGNORE INTO tasks VALUES (%u, '%u', 'new', %u, %u, NULL)",
    "INSERT OR REPLACE INTO tasks VALUES (%u, '%u', 'replaced', %u, %u, 'me')",
    "INSERT INTO tasks (list, id, done, \"a level\") VALUES (%u, '%u', %u, %u) ON CONFLICT DO UPDATE SET done = excluded.done, owner = 'you'",
    "UPDATE OR REPLACE tasks SET list = %u, id = '%u' WHERE done = %u AND \"a level\" = %u",
    "UPDATE tasks SET \"a level\" = %u WHERE id = '%u' OR (done = %u AND list = %u)",
    "UPDATE tasks SET owner = iif(%u, 'me', NULL), title = '%u' WHERE done = %u OR \"a level\" = %u",
    "UPDATE tasks SET done = 1 - done WHERE list = %u AND id > '%u' AND done = %u AND \"a level\" > %u",
    "DELETE FROM tasks WHERE list = %u AND (id = '%u' OR done = %u) AND \"a level\" <= %u",
  };
  for (uint64_t seed = 1; seed <= 8; seed++) {
    party p = party_of(app);
    follower *const each[] = {&p.all, &p.names, &p.open, &p.mine};
    uint64_t chance = seed;
    for (int step = 0; step < 120; step++) {
      for (uint32_t count = talk_random(&chance, 4); count > 0; count--) {
        char sql[300];
        const char *format = writes[talk_random(&chance, sizeof writes / sizeof *writes)];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(sql, sizeof sql, format, talk_random(&chance, 3), talk_random(&chance, 9), talk_random(&chance, 2), talk_random(&chance, 6));
#pragma GCC diagnostic pop
        // A REPLACE that meets a trigger may be refused: then nothing happens.
        int code = sqlite3_exec(p.w.host->database, sql, NULL, NULL, NULL);
        CHECK(code == SQLITE_OK || code == SQLITE_CONSTRAINT);
      }
      party_check(&p);
      follower *one = each[talk_random(&chance, 4)];
      if (one->socket < 0) follower_come(&p.w, one);
      else if (talk_random(&chance, 3) == 0) follower_go(&p.w, one);
      if (talk_random(&chance, 20) == 0) world_start(&p.w);
    }
    party_free(&p);
  }
}

static void any_writes_leave_every_channel_with_its_part(void) {
  write_anything(&parts_app);
}

static void triggers_that_move_rows_leave_every_channel_with_its_part(void) {
  ds_app moving = parts_app;
  moving.migrations = moving_migrations;
  write_anything(&moving);
}

// ---- The condition means in a trigger what it means over the table

static const ds_app typed_app = {
  .channels =
    (const ds_channel[]){
      {.name = "number", .table = "things", .where = "i = '5'"},
      {.name = "text", .table = "things", .where = "t = 5"},
      {.name = "folded", .table = "things", .where = "f = 'ABC'"},
      {.name = "sum", .table = "things", .where = "g > 10"},
      {0},
    },
  .migrations =
    (const ds_migration[]){
      {"CREATE TABLE things (id INTEGER PRIMARY KEY, i INTEGER, t TEXT, f TEXT COLLATE NOCASE, g INTEGER GENERATED ALWAYS AS (i * 3) VIRTUAL)"}, {0}},
  .actions = no_actions,
};

static void a_condition_compares_as_it_does_over_the_table(void) {
  static const char *const conditions[][2] = {{"number", "i = '5'"}, {"text", "t = 5"}, {"folded", "f = 'ABC'"}, {"sum", "g > 10"}};
  static const char *const writes[] = {
    "INSERT INTO things (id, i, t, f) VALUES (1, 5, '5', 'abc'), (2, 4, '4', 'b')",
    "UPDATE things SET i = 4, t = '4', f = 'x' WHERE id = 1",
    "UPDATE things SET i = '5', t = 5, f = 'aBc'",
    "UPDATE things SET i = i + 1 WHERE id = 2",
    "DELETE FROM things WHERE id = 2",
  };
  for (int c = 0; c < 4; c++) {
    world w = talk_start(&typed_app);
    char query[200];
    snprintf(query, sizeof query, "SELECT json_array(id, i, t, f, g) FROM things WHERE %s ORDER BY json_array(id)", conditions[c][1]);
    follower f = follower_new("a", conditions[c][0], query);
    follower_come(&w, &f);
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++) {
      talk_sql(&w, writes[i], "[]");
      world_turn(&w);
      follower_listen(&w, &f);
      follower_check(&w, &f);
    }
    follower_free(&f);
    world_free(&w);
  }
}

// ---- What cannot be a channel

static void check_refused(const ds_channel *channels, const char *why) {
  const ds_app app = {
    .channels = channels,
    .migrations = (const ds_migration[]){{"CREATE TABLE tasks (list INTEGER, id TEXT, title TEXT, PRIMARY KEY (list, id)) STRICT; CREATE TABLE keyless (id TEXT)"}, {0}},
    .actions = no_actions,
  };
  world w = world_new(&app, ":memory:");
  world_start(&w);
  CHECK(!w.ready);
  if (!strstr(sqlite_host_log(w.host), why)) test_fail(__FILE__, __LINE__, "`%s` is not in the log: %s", why, sqlite_host_log(w.host));
  // Nothing was kept of the attempt.
  talk_sql(&w, "SELECT count(*) FROM sqlite_master", "[[0]]");
  world_free(&w);
}

static void a_part_that_cannot_be_shown_is_refused_at_the_start(void) {
  check_refused((const ds_channel[]){{.name = "a", .table = "tasks", .columns = (const char *const[]){"list", "title", NULL}}, {0}}, "primary key");
  check_refused((const ds_channel[]){{.name = "a", .table = "tasks", .columns = (const char *const[]){"list", "id", "nothing", NULL}}, {0}}, "lacks a declared column");
  check_refused((const ds_channel[]){{.name = "a", .table = "tasks", .columns = (const char *const[]){"list", "id", "id", NULL}}, {0}}, "lacks a declared column");
  check_refused((const ds_channel[]){{.name = "a", .table = "nothing"}, {0}}, "does not exist");
  check_refused((const ds_channel[]){{.name = "keyless"}, {0}}, "no primary key");
  check_refused((const ds_channel[]){{.name = "a", .table = "tasks", .where = "nothing = 1"}, {0}}, "names nothing, which is no column");
  check_refused((const ds_channel[]){{.name = "a", .table = "tasks", .where = "1; DROP TABLE tasks"}, {0}}, "has ;, which no condition has");
}

static void another_part_is_another_shape(void) {
  static const ds_channel before[] = {{.name = "a", .table = "things", .where = "i > 1"}, {0}};
  static const ds_channel after[] = {{.name = "a", .table = "things", .where = "i > 2"}, {0}};
  ds_app old = typed_app;
  ds_app new = typed_app;
  old.channels = before;
  new.channels = after;
  world w = talk_start(&old);
  follower f = follower_new("a", "a", "SELECT json_array(id, i, t, f, g) FROM things WHERE i > 2 ORDER BY json_array(id)");
  talk_sql(&w, "INSERT INTO things (id, i) VALUES (1, 1), (2, 2), (3, 3)", "[]");
  follower_come(&w, &f);
  CHECK_INT(f.replica.row_count, 2);
  follower_go(&w, &f);
  w.app = &new;
  world_start(&w);
  CHECK(w.ready);
  follower_come(&w, &f);
  follower_check(&w, &f);
  talk_sql(&w, "UPDATE things SET i = i + 1", "[]");
  world_turn(&w);
  follower_listen(&w, &f);
  follower_check(&w, &f);
  follower_free(&f);
  world_free(&w);
}

const test parts_tests[] = {
  {"a channel shows its columns, in its order, and its key", a_channel_shows_its_columns_in_its_order_and_its_key},
  {"what a channel does not show does not reach it", what_a_channel_does_not_show_does_not_reach_it},
  {"rows enter and leave as they change", rows_enter_and_leave_as_they_change},
  {"a row that leaves and enters in one turn is told once", a_row_that_leaves_and_enters_in_one_turn_is_told_once},
  {"somebody away learns what left and what entered", somebody_away_learns_what_left_and_what_entered},
  {"any writes leave every channel with its part", any_writes_leave_every_channel_with_its_part},
  {"triggers that move rows leave every channel with its part", triggers_that_move_rows_leave_every_channel_with_its_part},
  {"a condition compares as it does over the table", a_condition_compares_as_it_does_over_the_table},
  {"a part that cannot be shown is refused at the start", a_part_that_cannot_be_shown_is_refused_at_the_start},
  {"another part is another shape", another_part_is_another_shape},
  {0},
};
