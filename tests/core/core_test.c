// SPDX-License-Identifier: MIT
// The core as a whole, where a golden conversation would be too long or needs another app than the todos.
#include "../../src/core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/json.h"
#include "../../src/limits.h"
#include "../native/replica.h"
#include "../native/world.h"
#include "test.h"

// ---- What every test needs

static void send(world *w, ds_socket socket, const char *frame) {
  world_send(w, socket, DS_FRAME_TEXT, ds_view_of(frame));
}

// The next frame of the socket must begin with `start`.
static void hear(world *w, ds_socket socket, const char *start) {
  ds_view frame = world_receive(w, socket);
  ds_view begins = {frame.at, frame.size < strlen(start) ? frame.size : strlen(start)};
  CHECK_VIEW(begins, ds_view_of(start));
  free((char *)frame.at);
}

static void hear_nothing(world *w, ds_socket socket) {
  ds_view frame = world_receive(w, socket);
  CHECK_TEXT(frame, NULL);
  free((char *)frame.at);
}

// Runs SQL as somebody outside of the core, and compares its rows.
static void sql(world *w, const char *statement, const char *rows) {
  char *found = world_query(w, statement);
  CHECK_TEXT(ds_view_of(found), rows);
  free(found);
}

static ds_socket greeted(world *w, const char *client) {
  ds_socket socket = world_open(w);
  char hello[200];
  snprintf(hello, sizeof hello, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"%s\"}", client);
  send(w, socket, hello);
  world_turn(w);
  hear(w, socket, "{\"type\":\"welcome\"");
  return socket;
}

static world started(const ds_app *app) {
  world made = world_new(app, ":memory:");
  world_start(&made);
  CHECK(made.ready);
  return made;
}

#define SUBSCRIBE "{\"type\":\"subscribe\",\"channel\":\"todos\",\"cursor\":null}"

// ---- Pages

static void listen(world *w, ds_socket socket, replica *replica, size_t *largest) {
  for (ds_view frame; !ds_view_absent(frame = world_receive(w, socket)); free((char *)frame.at)) {
    if (frame.size > *largest) *largest = frame.size;
    replica_hear(replica, frame);
  }
}

// Asks for the next page, unless it comes by itself; false if none came.
static bool next_page(world *w, ds_socket socket, replica *replica, size_t *largest) {
  char frame[1000];
  ds_view last = replica->last;
  snprintf(frame, sizeof frame, "{\"type\":\"page\",\"channel\":\"todos\",\"after\":%.*s,\"rows\":%lld}", (int)last.size, last.at,
           (long long)replica->next);
  if (!w->again_count) send(w, socket, frame);
  world_turn(w);
  listen(w, socket, replica, largest);
  bool came = replica->next == 0 || !ds_view_equal(replica->last, last);
  CHECK(came);
  return came;
}

static void subscribe(world *w, ds_socket socket, replica *replica, size_t *largest) {
  char frame[1000];
  ds_view cursor = replica_cursor(replica);
  snprintf(frame, sizeof frame, "{\"type\":\"subscribe\",\"channel\":\"todos\",\"cursor\":%.*s}", (int)cursor.size, cursor.at);
  send(w, socket, frame);
  world_turn(w);
  listen(w, socket, replica, largest);
}

// Subscribes with what cursor the replica has and reads the whole snapshot, with `between` written by somebody else after each page. Returns the pages it took.
static int read_snapshot(world *w, ds_socket socket, replica *replica, const char *between, size_t *largest) {
  int pages = 1;
  subscribe(w, socket, replica, largest);
  for (; replica->next; pages++) {
    if (between) {
      sql(w, between, "[]");
      world_turn(w);
      listen(w, socket, replica, largest);
    }
    if (!next_page(w, socket, replica, largest)) break;
  }
  return pages;
}

// Compares with the table, record by record: together they may be more than SQLite puts into one text.
static void check_replica(world *w, replica *replica) {
  ds_json_iterator record = ds_json_iterate(replica_records(replica));
  sqlite3_stmt *row = NULL;
  sqlite3_prepare_v2(w->host->database, "SELECT json_array(id, text, completed, created_at, updated_at, deleted_at) FROM todos ORDER BY json_array(id)", -1,
                     &row, NULL);
  bool same = true;
  while (same && sqlite3_step(row) == SQLITE_ROW) {
    ds_view expected = ds_view_of((const char *)sqlite3_column_text(row, 0));
    same = ds_json_next(&record) && ds_view_equal(record.value, expected);
    if (!same) CHECK_VIEW(record.value, expected);
  }
  CHECK(same && !ds_json_next(&record));
  sqlite3_finalize(row);
}

#define FILL(count, text) \
  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " #count ")" \
  " INSERT INTO todos SELECT printf('%06d', i), " text ", i % 2, i, i, NULL FROM n"

static void a_snapshot_in_pages_holds_every_row_once(void) {
  world w = started(&durasync_app);
  replica replica = replica_new();
  size_t largest = 0;
  sql(&w, FILL(12000, "'todo ' || i"), "[]");
  ds_socket socket = greeted(&w, "alice");
  int pages = read_snapshot(&w, socket, &replica, NULL, &largest);
  CHECK(pages >= 3 && pages <= 12);
  CHECK(largest <= 900000);
  CHECK_INT(replica.row_count, 12000);
  check_replica(&w, &replica);
  replica_free(&replica);
  world_free(&w);
}

static void pages_are_bounded_in_bytes_whatever_the_rows(void) {
  world w = started(&durasync_app);
  replica replica = replica_new();
  size_t largest = 0;
  // Small rows first, so that a page of them promises too much for those that follow.
  sql(&w, FILL(1500, "iif(i < 500, 'x', hex(zeroblob(i * 10)))"), "[]");
  ds_socket socket = greeted(&w, "alice");
  read_snapshot(&w, socket, &replica, NULL, &largest);
  CHECK(largest <= 900000);
  CHECK_INT(replica.row_count, 1500);
  check_replica(&w, &replica);
  replica_free(&replica);
  world_free(&w);
}

static void writes_between_pages_are_neither_lost_nor_doubled(void) {
  static const char *const writes[] = {
    "UPDATE todos SET text = text || '!' WHERE id % 7 = 0",
    "DELETE FROM todos WHERE id = (SELECT max(id) FROM todos)",
    "DELETE FROM todos WHERE id = (SELECT min(id) FROM todos)",
    "UPDATE todos SET id = '9' || id WHERE id = (SELECT min(id) FROM todos)",
    "INSERT OR REPLACE INTO todos SELECT '0000005', 'new', 0, count(*), 0, NULL FROM todos",
  };
  for (size_t i = 0; i < sizeof writes / sizeof *writes; i++) {
    world w = started(&durasync_app);
    replica replica = replica_new();
    size_t largest = 0;
    sql(&w, FILL(3000, "hex(zeroblob(200))"), "[]");
    ds_socket socket = greeted(&w, "alice");
    CHECK(read_snapshot(&w, socket, &replica, writes[i], &largest) > 3);
    check_replica(&w, &replica);
    replica_free(&replica);
    world_free(&w);
  }
}

static void a_turn_that_changes_too_much_is_caught_up_in_pages(void) {
  world w = started(&durasync_app);
  replica replica = replica_new();
  size_t largest = 0;
  ds_socket socket = greeted(&w, "alice");
  read_snapshot(&w, socket, &replica, NULL, &largest);
  sql(&w, FILL(20500, "'todo ' || i"), "[]");
  world_turn(&w);
  listen(&w, socket, &replica, &largest);
  CHECK(replica.gap);
  CHECK(read_snapshot(&w, socket, &replica, NULL, &largest) > 3);
  CHECK(largest <= 900000);
  check_replica(&w, &replica);
  replica_free(&replica);
  world_free(&w);
}

static void a_turn_that_changes_too_many_bytes_is_caught_up_in_pages(void) {
  world w = started(&durasync_app);
  replica replica = replica_new();
  size_t largest = 0;
  ds_socket socket = greeted(&w, "alice");
  read_snapshot(&w, socket, &replica, NULL, &largest);
  sql(&w, FILL(3000, "hex(zeroblob(500))"), "[]");
  world_turn(&w);
  listen(&w, socket, &replica, &largest);
  CHECK(replica.gap);
  CHECK(read_snapshot(&w, socket, &replica, NULL, &largest) > 3);
  CHECK(largest <= 900000);
  check_replica(&w, &replica);
  replica_free(&replica);
  world_free(&w);
}

// ---- Limits

// An `actions` frame of `count` actions from `first` on: updates of a todo that is not there, or deletes, which succeed.
static void send_actions(world *w, ds_socket socket, int64_t acknowledged, int64_t first, int count, const char *type) {
  ds_arena *arena = ds_arena_new();
  ds_text frame = ds_text_new(arena);
  ds_text_str(&frame, "{\"type\":\"actions\",\"acknowledged\":");
  ds_text_int(&frame, acknowledged);
  ds_text_str(&frame, ",\"actions\":[");
  for (int i = 0; i < count; i++) {
    ds_text_str(&frame, i ? ",{\"number\":" : "{\"number\":");
    ds_text_int(&frame, first + i);
    ds_text_str(&frame, ",\"channel\":\"todos\",\"type\":\"");
    ds_text_str(&frame, type);
    ds_text_str(&frame, "\",\"payload\":{\"id\":\"none\"}}");
  }
  ds_text_str(&frame, "]}");
  world_send(w, socket, DS_FRAME_TEXT, ds_text_view(&frame));
  world_turn(w);
  ds_arena_free(arena);
}

static void a_frame_has_at_most_500_actions(void) {
  world w = started(&durasync_app);
  ds_socket socket = greeted(&w, "alice");
  send_actions(&w, socket, 0, 1, DS_MAX_ACTIONS + 1, "delete");
  hear(&w, socket, "{\"type\":\"error\",\"code\":\"bad_frame\"");
  send_actions(&w, socket, 0, 1, DS_MAX_ACTIONS, "delete");
  hear(&w, socket, "{\"type\":\"patch\"");
  sql(&w, "SELECT settled FROM durasync_client", "[[500]]");
  world_free(&w);
}

static void rejections_wait_for_their_acknowledgement_up_to_a_limit(void) {
  world w = started(&durasync_app);
  ds_socket socket = greeted(&w, "alice");
  send_actions(&w, socket, 0, 1, 500, "update");
  hear(&w, socket, "{\"type\":\"patch\"");
  send_actions(&w, socket, 0, 501, 500, "update");
  hear(&w, socket, "{\"type\":\"patch\"");
  send_actions(&w, socket, 0, 1001, 1, "update");
  hear(&w, socket, "{\"type\":\"error\",\"code\":\"outbox_full\"");
  send_actions(&w, socket, 1, 1001, 1, "update");
  hear(&w, socket, "{\"type\":\"patch\",");
  // Commits without a result are remembered by their number alone.
  for (int i = 0; i < 4; i++) {
    send_actions(&w, socket, 1001, 1002 + 500 * i, 500, "delete");
    hear(&w, socket, "{\"type\":\"patch\",");
  }
  sql(&w, "SELECT settled, outcomes FROM durasync_client", "[[3001,\"[]\"]]");
  world_free(&w);
}

static void a_frame_has_at_most_a_mebibyte(void) {
  world w = started(&durasync_app);
  ds_socket socket = greeted(&w, "alice");
  ds_arena *arena = ds_arena_new();
  ds_text frame = ds_text_new(arena);
  ds_text_str(&frame, SUBSCRIBE);
  while (frame.size < DS_MAX_FRAME) ds_text_str(&frame, " ");
  world_send(&w, socket, DS_FRAME_TEXT, ds_text_view(&frame));
  world_turn(&w);
  hear(&w, socket, "{\"type\":\"page\"");
  ds_text_str(&frame, " ");
  world_send(&w, socket, DS_FRAME_TEXT, ds_text_view(&frame));
  world_send(&w, socket, DS_FRAME_HUGE, DS_LITERAL(""));
  world_turn(&w);
  hear(&w, socket, "{\"type\":\"error\",\"code\":\"frame_too_large\"");
  hear(&w, socket, "{\"type\":\"error\",\"code\":\"frame_too_large\"");
  ds_arena_free(arena);
  world_free(&w);
}

static void a_text_that_is_not_utf8_is_a_bad_frame(void) {
  world w = started(&durasync_app);
  ds_socket socket = greeted(&w, "alice");
  send(&w, socket, "{\"type\":\"subscribe\",\"channel\":\"\xff\"}");
  world_turn(&w);
  hear(&w, socket, "{\"type\":\"error\",\"code\":\"bad_frame\",\"message\":\"The text is not UTF-8.\"}");
  world_free(&w);
}

static void every_prefix_of_a_frame_is_a_bad_frame(void) {
  static const char *const frames[] = {
    "{\"type\":\"hello\",\"protocol\":2,\"client\":\"alice\"}",
    "{\"type\":\"subscribe\",\"channel\":\"todos\",\"cursor\":{\"epoch\":\"e\",\"shape\":\"s\",\"version\":1}}",
    "{\"type\":\"actions\",\"acknowledged\":0,\"actions\":[{\"number\":1,\"channel\":\"todos\",\"type\":\"create\",\"payload\":{\"id\":\"1\",\"text\":\"x\"}}]}",
    "{\"type\":\"page\",\"channel\":\"todos\",\"after\":[\"1\"],\"rows\":1}",
    "{\"type\":\"unsubscribe\",\"channel\":\"todos\"}",
    "{\"channel\":\"todos\",\"rpc\":true,\"id\":\"1\",\"action\":{\"type\":\"create\",\"payload\":{\"id\":\"1\",\"text\":\"x\"}}}",
    "{\"channel\":\"todos\",\"sync\":true,\"from\":null}",
  };
  world w = started(&durasync_app);
  ds_socket socket = greeted(&w, "alice");
  for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
    for (size_t size = 0; size < strlen(frames[i]); size++) {
      world_send(&w, socket, DS_FRAME_TEXT, (ds_view){frames[i], size});
      world_turn(&w);
      hear(&w, socket, "{\"type\":\"error\",\"code\":\"bad_frame\"");
      hear_nothing(&w, socket);
    }
  }
  sql(&w, "SELECT * FROM todos", "[]");
  world_free(&w);
}

// ---- Waking

static int64_t calls_to_wake(int rows) {
  world w = started(&durasync_app);
  char fill[1000];
  snprintf(fill, sizeof fill, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO todos SELECT i, 'x', 0, 0, 0, NULL FROM n", rows);
  sql(&w, fill, "[]");
  int64_t before = w.host->call_count;
  world_start(&w);
  int64_t calls = w.host->call_count - before;
  world_free(&w);
  return calls;
}

static void waking_does_the_same_little_whatever_the_size(void) {
  CHECK_INT(calls_to_wake(5000), calls_to_wake(1));
}

static void a_closed_socket_gets_nothing_more(void) {
  world w = started(&durasync_app);
  ds_socket a = greeted(&w, "alice");
  ds_socket b = greeted(&w, "bob");
  send(&w, a, SUBSCRIBE);
  send(&w, b, SUBSCRIBE);
  world_turn(&w);
  hear(&w, a, "{\"type\":\"page\"");
  hear(&w, b, "{\"type\":\"page\"");
  world_close(&w, a);
  sql(&w, "INSERT INTO todos VALUES ('1', 'milk', 0, 0, 0, NULL)", "[]");
  ds_deliveries deliveries = ds_core_turn(w.core);
  CHECK_INT(deliveries.count, 1);
  CHECK_INT(deliveries.items[0].socket_count, 1);
  CHECK_INT(deliveries.items[0].sockets[0], b);
  ds_core_end(w.core);
  world_free(&w);
}

// ---- Starting

static const ds_action_type no_actions[] = {{0}};
static const ds_channel todos_channel[] = {{.name = "todos"}, {0}};
static const char todos_table[] = "CREATE TABLE todos (id TEXT PRIMARY KEY NOT NULL, text TEXT NOT NULL) STRICT";

static const ds_app first_app = {
  .channels = todos_channel,
  .migrations = (const ds_migration[]){{todos_table}, {0}},
  .actions = no_actions,
};
static const ds_app broken_app = {
  .channels = todos_channel,
  .migrations = (const ds_migration[]){{todos_table}, {"INSERT INTO todos VALUES ('2', 'half done'); ALTER TABLE nothing RENAME TO something"}, {0}},
  .actions = no_actions,
};
static const ds_app mended_app = {
  .channels = todos_channel,
  .migrations = (const ds_migration[]){{todos_table}, {"ALTER TABLE todos ADD COLUMN done INTEGER NOT NULL DEFAULT 0; UPDATE todos SET done = 1"}, {0}},
  .actions = no_actions,
};

static void check_unavailable(world *w, ds_socket socket) {
  send(w, socket, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"alice\"}");
  send(w, socket, "{\"type\":\"actions\",\"acknowledged\":0,\"actions\":[]}");
  send(w, socket, "{\"channel\":\"todos\",\"sync\":true}");
  send(w, socket, "[");
  world_turn(w);
  for (int i = 0; i < 2; i++) hear(w, socket, "{\"type\":\"error\",\"code\":\"unavailable\"");
  hear(w, socket, "{\"type\":\"exception\",\"rpc\":true,\"exception\":[\"unavailable: ");
  hear(w, socket, "{\"type\":\"error\",\"code\":\"unavailable\"");
}

static void an_object_that_cannot_start_says_so_loses_nothing_and_recovers(void) {
  world w = started(&first_app);
  sql(&w, "INSERT INTO todos VALUES ('1', 'milk')", "[]");
  ds_socket socket = world_open(&w);
  w.app = &broken_app;
  world_start(&w);
  CHECK(!w.ready);
  CHECK(strstr(sqlite_host_log(w.host), "a migration failed") != NULL);
  check_unavailable(&w, socket);
  sql(&w, "SELECT * FROM todos", "[[\"1\",\"milk\"]]");
  w.app = &mended_app;
  world_start(&w);
  CHECK(w.ready);
  sql(&w, "SELECT * FROM todos", "[[\"1\",\"milk\",1]]");
  send(&w, socket, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"alice\"}");
  world_turn(&w);
  hear(&w, socket, "{\"type\":\"welcome\"");
  world_free(&w);
}

static void older_code_leaves_newer_storage_alone(void) {
  world w = started(&mended_app);
  ds_socket socket = world_open(&w);
  w.app = &first_app;
  world_start(&w);
  CHECK(!w.ready);
  check_unavailable(&w, socket);
  w.app = &mended_app;
  world_start(&w);
  CHECK(w.ready);
  world_free(&w);
}

static const ds_app inserting_app = {
  .channels = todos_channel,
  .migrations = (const ds_migration[]){{todos_table}, {"INSERT INTO todos VALUES ('1', 'once')"}, {0}},
  .actions = no_actions,
};

static void migrations_run_once(void) {
  world w = started(&inserting_app);
  world_start(&w);
  world_start(&w);
  CHECK(w.ready);
  sql(&w, "SELECT * FROM todos", "[[\"1\",\"once\"]]");
  world_free(&w);
}

static void a_changed_shape_makes_clients_fetch_anew(void) {
  world w = started(&first_app);
  replica replica = replica_new();
  size_t largest = 0;
  sql(&w, "INSERT INTO todos VALUES ('1', 'milk')", "[]");
  ds_socket socket = greeted(&w, "alice");
  read_snapshot(&w, socket, &replica, NULL, &largest);
  CHECK_TEXT(replica_records(&replica), "[[\"1\",\"milk\"]]");
  w.app = &mended_app;
  world_start(&w);
  subscribe(&w, socket, &replica, &largest);
  CHECK_TEXT(replica_records(&replica), "[[\"1\",\"milk\",1]]");
  replica_free(&replica);
  world_free(&w);
}

const test core_tests[] = {
    {"a snapshot in pages holds every row once", a_snapshot_in_pages_holds_every_row_once},
    {"pages are bounded in bytes, whatever the rows", pages_are_bounded_in_bytes_whatever_the_rows},
    {"writes between pages are neither lost nor doubled", writes_between_pages_are_neither_lost_nor_doubled},
    {"a turn that changes too much is caught up in pages", a_turn_that_changes_too_much_is_caught_up_in_pages},
    {"a turn that changes too many bytes is caught up in pages", a_turn_that_changes_too_many_bytes_is_caught_up_in_pages},
    {"a frame has at most 500 actions", a_frame_has_at_most_500_actions},
    {"rejections wait for their acknowledgement, up to a limit", rejections_wait_for_their_acknowledgement_up_to_a_limit},
    {"a frame has at most a mebibyte", a_frame_has_at_most_a_mebibyte},
    {"a text that is not UTF-8 is a bad frame", a_text_that_is_not_utf8_is_a_bad_frame},
    {"every prefix of a frame is a bad frame", every_prefix_of_a_frame_is_a_bad_frame},
    {"waking does the same little, whatever the size", waking_does_the_same_little_whatever_the_size},
    {"a closed socket gets nothing more", a_closed_socket_gets_nothing_more},
    {"an object that cannot start says so, loses nothing and recovers", an_object_that_cannot_start_says_so_loses_nothing_and_recovers},
    {"older code leaves newer storage alone", older_code_leaves_newer_storage_alone},
    {"migrations run once", migrations_run_once},
    {"a changed shape makes clients fetch anew", a_changed_shape_makes_clients_fetch_anew},
    {0},
};
