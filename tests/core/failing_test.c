// SPDX-License-Identifier: MIT
// Rows for which a channel's `where` fails: they are no records, can be written like any other, and take nothing from the others.
#include "../../src/limits.h"
#include "talk.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_as_it_says(ds_action *action) {
  ds_run(action, "UPDATE notes SET text = :text WHERE id = :id");
  ds_run(action, "INSERT OR IGNORE INTO notes (id, owner, text) VALUES (:id, 'ann', :text)");
}

static void drop(ds_action *action) {
  ds_run_found(action, "DELETE FROM notes WHERE id = :id");
}

static const ds_app failing_app = {
  .channels =
    (const ds_channel[]){
      {.name = "open", .table = "notes", .where = "text ->> '$.open' = 1"},
      {.name = "own", .table = "notes", .where = "owner = $user AND text ->> '$.open' = 1"},
      {.name = "like", .table = "notes", .where = "owner LIKE $pattern"},
      {.name = "notes"},
      {0},
    },
  .migrations = (const ds_migration[]){{"CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, owner TEXT, text TEXT, deleted_at INTEGER)"}, {0}},
  .actions = (const ds_action_type[]){{"notes", "write", write_as_it_says}, {"notes", "drop", drop}, {0}},
  .log_window = 16,
};

#define IS_OPEN "CASE WHEN json_valid(text) THEN text ->> '$.open' END = 1"
#define NOTES(where) "SELECT json_array(id, owner, text, deleted_at) FROM notes WHERE " where " ORDER BY json_array(id)"

typedef struct party {
  world w;
  follower open, ann, bob, like, wild, all;
} party;

static follower reader(const char *client, const char *identity, const char *channel, const char *query) {
  follower f = follower_new(client, channel, query);
  f.identity = identity;
  return f;
}

static party party_new(void) {
  return (party){
    .w = talk_start(&failing_app),
    .open = reader("open", NULL, "open", NOTES(IS_OPEN)),
    .ann = reader("ann", "{\"user\":\"ann\"}", "own", NOTES("owner = 'ann' AND " IS_OPEN)),
    .bob = reader("bob", "{\"user\":\"bob\"}", "own", NOTES("owner = 'bob' AND " IS_OPEN)),
    .like = reader("like", "{\"pattern\":\"a%\"}", "like", NOTES("owner LIKE 'a%'")),
    // The platform takes no pattern of more than 50 bytes: for this reader it fails whatever the row.
    .wild = reader("wild", "{\"pattern\":\"%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%\"}", "like", NOTES("0")),
    .all = reader("all", NULL, "notes", NOTES("1")),
  };
}

#define EACH(p) {&(p)->open, &(p)->ann, &(p)->bob, &(p)->like, &(p)->wild, &(p)->all}
enum { FOLLOWERS = 6 };

static void come_all(party *p) {
  follower *const each[] = EACH(p);
  for (int i = 0; i < FOLLOWERS; i++) follower_come(&p->w, each[i]);
}

static void check_all(party *p) {
  follower *const each[] = EACH(p);
  world_turn(&p->w);
  for (int i = 0; i < FOLLOWERS; i++) {
    if (each[i]->socket < 0) continue;
    follower_listen(&p->w, each[i]);
    follower_check(&p->w, each[i]);
  }
}

static void party_free(party *p) {
  follower *const each[] = EACH(p);
  for (int i = 0; i < FOLLOWERS; i++) follower_free(each[i]);
  world_free(&p->w);
}

static void write_sql(party *p, const char *sql) {
  talk_sql(&p->w, sql, "[]");
  check_all(p);
}

static void hear(party *p, const follower *f, const char *part) {
  ds_view frame = world_receive(&p->w, f->socket);
  if (!part) CHECK_VIEW(frame, (ds_view){0});
  else if (!frame.at || !strstr(frame.at, part)) test_fail(__FILE__, __LINE__, "`%s` is not in %s", part, frame.at ? frame.at : "nothing");
  free((char *)frame.at);
}

static void a_row_that_turns_bad_leaves_and_one_that_turns_good_enters(void) {
  party p = party_new();
  come_all(&p);
  talk_sql(&p.w, "INSERT INTO notes VALUES ('a', 'ann', '{\"open\":1}', NULL), ('b', 'bob', 'no JSON', NULL)", "[]");
  world_turn(&p.w);
  hear(&p, &p.open, "\"put\":[[\"a\",\"ann\",");
  hear(&p, &p.ann, "\"put\":[[\"a\",\"ann\",");
  hear(&p, &p.bob, NULL);
  talk_sql(&p.w, "UPDATE notes SET text = '{' WHERE id = 'a'", "[]");
  world_turn(&p.w);
  hear(&p, &p.open, "\"del\":[[\"a\"]]}]");
  hear(&p, &p.ann, "\"del\":[[\"a\"]]}]");
  hear(&p, &p.bob, NULL);
  // From bad to bad is nothing, and nobody hears of it.
  talk_sql(&p.w, "UPDATE notes SET text = '['", "[]");
  world_turn(&p.w);
  hear(&p, &p.open, NULL);
  hear(&p, &p.ann, NULL);
  talk_sql(&p.w, "UPDATE notes SET text = '{\"open\":1}'", "[]");
  world_turn(&p.w);
  hear(&p, &p.open, "\"put\":[[\"a\",\"ann\",\"{\\\"open\\\":1}\",null],[\"b\",");
  hear(&p, &p.bob, "\"put\":[[\"b\",");
  party_free(&p);
}

static void a_bad_row_can_be_written_changed_and_deleted_by_actions(void) {
  static const char *const steps[][2] = {
    {"write", "{\"id\":\"x\",\"text\":\"no JSON\"}"}, {"write", "{\"id\":\"y\",\"text\":\"{\\\"open\\\":1}\"}"}, {"write", "{\"id\":\"x\",\"text\":\"{\"}"},
    {"write", "{\"id\":\"y\",\"text\":\"{\"}"}, {"write", "{\"id\":\"x\",\"text\":\"{\\\"open\\\":1}\"}"}, {"write", "{\"id\":\"x\",\"text\":\"[\"}"},
    {"drop", "{\"id\":\"x\"}"}, {"drop", "{\"id\":\"y\"}"},
  };
  party p = party_new();
  come_all(&p);
  ds_socket author = talk_greet(&p.w, "author");
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    talk_act(&p.w, author, (int)i + 1, "notes", steps[i][0], steps[i][1]);
    ds_view frame = world_receive(&p.w, author);
    CHECK(frame.at && strstr(frame.at, "\"status\":\"committed\""));
    free((char *)frame.at);
    check_all(&p);
  }
  CHECK(!strstr(sqlite_host_log(p.w.host), "rror"));
  party_free(&p);
}

static void those_who_come_get_the_other_rows_in_pages_and_in_catch_ups(void) {
  party p = party_new();
  // More than a first page, and bad rows at its ends, in runs and alone.
  talk_sql(&p.w,
    "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2999) "
    "INSERT INTO notes (id, owner, text) SELECT printf('%05d', i), iif(i % 2, 'ann', 'bob'), iif(i = 0 OR i = 2999 OR i BETWEEN 199 AND 210 OR i % 97 = 5, '{', json_object('open', i % 3 > 0)) FROM n", "[]");
  world_turn(&p.w);
  come_all(&p);
  check_all(&p);
  follower *const each[] = EACH(&p);
  for (int i = 0; i < FOLLOWERS; i++) follower_go(&p.w, each[i]);
  talk_sql(&p.w, "UPDATE notes SET text = '{' WHERE id IN ('00001', '00002')", "[]");
  talk_sql(&p.w, "UPDATE notes SET text = '{\"open\":1}' WHERE id IN ('00199', '00200')", "[]");
  talk_sql(&p.w, "DELETE FROM notes WHERE id IN ('00201', '00004')", "[]");
  world_turn(&p.w);
  world_start(&p.w);
  come_all(&p);
  check_all(&p);
  CHECK_INT(p.open.catch_ups, 1);
  CHECK_INT(p.ann.catch_ups, 1);
  party_free(&p);
}

static void a_reader_for_whom_it_fails_takes_nothing_from_the_others(void) {
  party p = party_new();
  come_all(&p);
  write_sql(&p, "INSERT INTO notes (id, owner) VALUES ('1', 'ann'), ('2', 'bob')");
  write_sql(&p, "UPDATE notes SET owner = 'abe' WHERE id = '2'");
  CHECK_INT(p.like.replica.row_count, 2);
  write_sql(&p, "DELETE FROM notes");
  party_free(&p);
}

// Each fails in a way of its own.
static void it_may_fail_in_any_way(void) {
  static const struct {
    const char *where, *bad;
  } cases[] = {
    {"abs(n) > 0", "-9223372036854775808"}, {"text LIKE n", "'%' || hex(zeroblob(40))"}, {"json_extract('{\"a\":1}', n) = 1", "'no path'"},
    {"n ->> 'a' = 1", "x'00FF'"}, {"length(replace(hex(zeroblob(n)), '0', '0123456789')) > 0", "999999"}, {"json_array_length(n) > 0", "'['"},
    {"json_object('a', n) = ''", "x'00'"}, {"text GLOB n", "hex(zeroblob(40))"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const ds_app app = {
      .channels = (const ds_channel[]){{.name = "things", .where = cases[i].where}, {.name = "everything", .table = "things"}, {0}},
      .migrations = (const ds_migration[]){{"CREATE TABLE things (id INTEGER PRIMARY KEY, n, text TEXT)"}, {0}},
    };
    world w = talk_start(&app);
    follower f = follower_new("f", "things", "SELECT json_array(id, n, text) FROM things WHERE 0");
    follower_come(&w, &f);
    char sql[200];
    snprintf(sql, sizeof sql, "INSERT INTO things VALUES (1, %s, 'x'), (2, NULL, 'y')", cases[i].bad);
    talk_sql(&w, sql, "[]");
    world_turn(&w);
    follower_listen(&w, &f);
    follower_check(&w, &f);
    follower_go(&w, &f);
    world_start(&w);
    follower_come(&w, &f);
    follower_check(&w, &f);
    talk_sql(&w, "UPDATE things SET text = 'z'", "[]");
    talk_sql(&w, "DELETE FROM things", "[]");
    world_turn(&w);
    follower_listen(&w, &f);
    follower_check(&w, &f);
    follower_free(&f);
    world_free(&w);
  }
}

static void version_1_gets_the_other_rows(void) {
  party p = party_new();
  ds_socket socket = world_open(&p.w);
  sqlite_host_attach(p.w.host, socket, DS_LITERAL("{\"identity\":{\"user\":\"ann\"}}"));
  talk_sql(&p.w, "INSERT INTO notes VALUES ('a', 'ann', '{\"open\":1}', NULL), ('b', 'ann', '{', NULL), ('c', 'ann', '{\"open\":1}', NULL)", "[]");
  talk_sql(&p.w, "UPDATE notes SET text = '{' WHERE id = 'c'", "[]");
  world_turn(&p.w);
  talk_send(&p.w, socket, "{\"channel\":\"own\",\"sync\":true,\"from\":1}");
  world_turn(&p.w);
  talk_hear(&p.w, socket, "{\"channel\":\"own\",\"sync\":true,\"payload\":[[\"a\",\"ann\",\"{\\\"open\\\":1}\",null],[\"c\",null,null,1700000000000]]}");
  party_free(&p);
}

// DS_MAX_FAILING bytes of keys.
static void rows_that_fail_beyond_all_bounds_fail_the_reader_and_nobody_else(void) {
  party p = party_new();
  talk_sql(&p.w,
    "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) INSERT INTO notes (id, owner) SELECT printf('%05d', i), 'ann' FROM n", "[]");
  world_turn(&p.w);
  ds_socket wild = talk_greet_as(&p.w, "wild", p.wild.identity);
  talk_send(&p.w, wild, "{\"type\":\"subscribe\",\"channel\":\"like\",\"cursor\":null}");
  world_turn(&p.w);
  talk_hear(&p.w, wild, "{\"type\":\"error\",\"code\":\"internal\"");
  follower_come(&p.w, &p.all);
  follower_check(&p.w, &p.all);
  party_free(&p);
}

const test failing_tests[] = {
  {"a row that turns bad leaves, and one that turns good enters", a_row_that_turns_bad_leaves_and_one_that_turns_good_enters},
  {"a bad row can be written, changed and deleted by actions", a_bad_row_can_be_written_changed_and_deleted_by_actions},
  {"those who come get the other rows, in pages and in catch-ups", those_who_come_get_the_other_rows_in_pages_and_in_catch_ups},
  {"a reader for whom it fails takes nothing from the others", a_reader_for_whom_it_fails_takes_nothing_from_the_others},
  {"it may fail in any way", it_may_fail_in_any_way},
  {"version 1 gets the other rows", version_1_gets_the_other_rows},
  {"rows that fail beyond all bounds fail the reader, and nobody else", rows_that_fail_beyond_all_bounds_fail_the_reader_and_nobody_else},
  {0},
};
