// SPDX-License-Identifier: MIT
// Answers of several pages, which come a page a turn: in order, complete, and with whatever else happens in between.
#include <stdio.h>
#include <stdlib.h>

#include "../../src/json.h"
#include "../../src/limits.h"
#include "talk.h"
#include "test.h"

static void add(ds_action *action) {
  ds_run(action, "INSERT INTO items (id, text) VALUES (:id, :text)");
}

static const ds_app pages_app = {
  .channels = (const ds_channel[]){{.name = "items"}, {.name = "others"}, {0}},
  .migrations = (const ds_migration[]){{"CREATE TABLE items (id INTEGER PRIMARY KEY, text TEXT) STRICT; CREATE TABLE others (id INTEGER PRIMARY KEY, text TEXT) STRICT"}, {0}},
  .actions = (const ds_action_type[]){{"items", "add", add}, {0}},
};

#define FILL(table, count, text) \
  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " #count ") INSERT INTO " table " SELECT 10 * i, " text " FROM n"
#define KILOBYTE "replace(hex(zeroblob(1000)), '00', 'x')"

// The socket's next frame, which must be a page: its first and last ids, and whether it is the last page.
typedef struct heard {
  int64_t first;
  int64_t last;
  int64_t count;
  int64_t next;
  int64_t after; // where the next answer begins; -1 if it does not say
  int64_t id;    // of the subscription; 0 for none
} heard;

static int64_t integer(ds_view json, int64_t otherwise) {
  int64_t value = otherwise;
  ds_json_int(json, &value);
  return value;
}

static int64_t first_cell(ds_view array) {
  ds_json_iterator cell = ds_json_iterate(array);
  return ds_json_next(&cell) ? integer(cell.value, -1) : -1;
}

static heard hear_page(world *w, ds_socket socket) {
  ds_view frame = world_receive(w, socket);
  CHECK(ds_json_is_string(ds_json_member(frame, "type"), "page"));
  heard page = {.first = -1, .next = integer(ds_json_member(frame, "next"), -1), .id = integer(ds_json_member(frame, "id"), 0)};
  page.after = first_cell(ds_json_member(frame, "after"));
  ds_json_iterator ids = ds_json_iterate(ds_json_member(frame, "cells"));
  CHECK(ds_json_next(&ids));
  for (ds_json_iterator id = ds_json_iterate(ids.value); ds_json_next(&id); page.count++) {
    page.last = integer(id.value, -1);
    if (page.count == 0) page.first = page.last;
  }
  free((char *)frame.at);
  return page;
}

// A page that begins behind the key `after` and skips nothing; returns the key that it ends at.
static int64_t hear_next(world *w, ds_socket socket, int64_t after) {
  heard page = hear_page(w, socket);
  CHECK_INT(page.first, after + 10);
  CHECK_INT(page.last, after + 10 * page.count);
  return page.last;
}

static void an_answer_comes_a_page_a_turn_and_others_are_heard_in_between(void) {
  world w = talk_start(&pages_app);
  talk_sql(&w, FILL("items", 1000, KILOBYTE), "[]");
  ds_socket reader = talk_greet(&w, "reader");
  ds_socket writer = talk_greet(&w, "writer");
  talk_send(&w, reader, "{\"type\":\"subscribe\",\"channel\":\"items\",\"id\":7,\"pages\":5}");
  world_turn(&w);
  heard page = hear_page(&w, reader);
  CHECK_INT(page.count, DS_FIRST_PAGE_ROWS);
  CHECK_INT(page.id, 7);
  CHECK(page.after > page.last);
  int64_t end = page.after;
  talk_hear_nothing(&w, reader);
  // The turn that brings the next page carries out an action, and tells of it first.
  talk_act(&w, writer, 1, "items", "add", "{\"id\":1,\"text\":\"in between\"}");
  talk_hear(&w, writer, "{\"type\":\"patch\"");
  talk_hear(&w, reader, "{\"type\":\"patch\"");
  int64_t last = page.last;
  while (last < end) {
    page = hear_page(&w, reader);
    CHECK_INT(page.first, last + 10);
    CHECK_INT(page.id, 7);
    CHECK_INT(page.after, -1);
    last = page.last;
    talk_hear_nothing(&w, reader);
    if (last < end) world_turn(&w);
  }
  CHECK_INT(last, end);
  // That was all: nothing comes that nobody has asked for.
  world_turn(&w);
  talk_hear_nothing(&w, reader);
  CHECK_INT(w.again_count, 0);
  world_free(&w);
}

static void what_is_asked_for_in_the_middle_of_an_answer_comes_behind_it(void) {
  world w = talk_start(&pages_app);
  talk_sql(&w, FILL("items", 3000, KILOBYTE), "[]");
  ds_socket socket = talk_greet(&w, "a");
  talk_send(&w, socket, "{\"type\":\"page\",\"channel\":\"items\",\"after\":[0],\"rows\":100,\"pages\":5}");
  world_turn(&w);
  heard page = hear_page(&w, socket);
  // It is asked for at the sight of the first page; a third one, out of turn, is too many.
  talk_send(&w, socket, "{\"type\":\"page\",\"channel\":\"items\",\"after\":[%lld],\"rows\":100,\"pages\":5}", (long long)page.after);
  talk_send(&w, socket, "{\"type\":\"page\",\"channel\":\"items\",\"after\":[0],\"rows\":100}");
  world_turn(&w);
  int64_t last = hear_next(&w, socket, page.last);
  talk_hear(&w, socket, "{\"type\":\"error\",\"code\":\"rate_limited\"");
  int pages = 1;
  for (; w.again_count; pages++) {
    world_turn(&w);
    last = hear_next(&w, socket, last);
    talk_hear_nothing(&w, socket);
  }
  CHECK(last > page.after);
  CHECK(pages > 3);
  world_free(&w);
}

static void channels_and_sockets_do_not_wait_for_each_other(void) {
  world w = talk_start(&pages_app);
  talk_sql(&w, FILL("items", 1000, KILOBYTE), "[]");
  talk_sql(&w, FILL("others", 1000, KILOBYTE), "[]");
  ds_socket sockets[] = {talk_greet(&w, "a"), talk_greet(&w, "b")};
  for (int i = 0; i < 2; i++) {
    talk_send(&w, sockets[i], "{\"type\":\"subscribe\",\"channel\":\"items\",\"pages\":5}");
    talk_send(&w, sockets[i], "{\"type\":\"subscribe\",\"channel\":\"others\",\"pages\":5}");
  }
  for (int turn = 0; turn < 2; turn++) {
    world_turn(&w);
    for (int i = 0; i < 2; i++) {
      for (int channel = 0; channel < 2; channel++) hear_next(&w, sockets[i], turn ? 10 * DS_FIRST_PAGE_ROWS : 0);
      talk_hear_nothing(&w, sockets[i]);
    }
  }
  world_free(&w);
}

// Larger rows than those before them fill a page sooner than was planned: what is left of the answer comes before the next one.
static void a_page_that_is_cut_short_is_made_up_for(void) {
  world w = talk_start(&pages_app);
  talk_sql(&w, FILL("items", 400, "'x'"), "[]");
  talk_sql(&w, "INSERT INTO items SELECT 4000 + 10 * id / 10, replace(hex(zeroblob(100000)), '00', 'x') FROM items WHERE id <= 200", "[]");
  ds_socket socket = talk_greet(&w, "a");
  talk_send(&w, socket, "{\"type\":\"subscribe\",\"channel\":\"items\",\"pages\":5}");
  world_turn(&w);
  heard page = hear_page(&w, socket);
  int64_t rows = page.count;
  for (; w.again_count; rows += hear_page(&w, socket).count) world_turn(&w);
  CHECK_INT(rows, 420);
  world_free(&w);
}

static void a_page_whose_records_have_gone_is_not_sent(void) {
  world w = talk_start(&pages_app);
  talk_sql(&w, FILL("items", 3000, KILOBYTE), "[]");
  ds_socket socket = talk_greet(&w, "a");
  talk_send(&w, socket, "{\"type\":\"page\",\"channel\":\"items\",\"after\":[0],\"rows\":200,\"pages\":2}");
  world_turn(&w);
  heard page = hear_page(&w, socket);
  char statement[100];
  snprintf(statement, sizeof statement, "DELETE FROM items WHERE id > %lld AND id <= %lld", (long long)page.last, (long long)page.after);
  talk_sql(&w, statement, "[]");
  world_turns(&w);
  talk_hear_nothing(&w, socket);
  // An empty one says that there are no more, and where the next answer would begin there are.
  talk_send(&w, socket, "{\"type\":\"page\",\"channel\":\"items\",\"after\":[%lld],\"rows\":1}", (long long)page.after);
  world_turns(&w);
  CHECK_INT(hear_page(&w, socket).first, page.after + 10);
  // At the end of the table it is what the client waits for.
  talk_send(&w, socket, "{\"type\":\"page\",\"channel\":\"items\",\"after\":[29000],\"rows\":50,\"pages\":5}");
  world_turn(&w);
  CHECK_INT(hear_page(&w, socket).after, -1);
  talk_sql(&w, "DELETE FROM items WHERE id > 29500", "[]");
  world_turns(&w);
  page = hear_page(&w, socket);
  CHECK_INT(page.count, 0);
  CHECK_INT(page.next, 0);
  world_free(&w);
}

static void pages_beyond_16_mb_wait_for_the_next_turn(void) {
  world w = talk_start(&pages_app);
  talk_sql(&w, "INSERT INTO items VALUES (10, replace(hex(zeroblob(700000)), '00', 'x'))", "[]");
  enum { ASKING = 40 };
  ds_socket sockets[ASKING];
  for (int i = 0; i < ASKING; i++) sockets[i] = talk_greet(&w, "many");
  for (int i = 0; i < ASKING; i++) talk_send(&w, sockets[i], "{\"type\":\"page\",\"channel\":\"items\",\"after\":[0],\"rows\":1}");
  world_turn(&w);
  int served = DS_MAX_TURN_READS / 700000 + 1;
  for (int i = 0; i < served; i++) hear_next(&w, sockets[i], 0);
  for (int i = served; i < ASKING; i++) talk_hear_nothing(&w, sockets[i]);
  CHECK_INT(w.again_count, ASKING - served);
  world_turn(&w);
  for (int i = served; i < ASKING; i++) hear_next(&w, sockets[i], 0);
  world_free(&w);
}

static void only_the_core_says_where_an_answer_ends(void) {
  world w = talk_start(&pages_app);
  talk_sql(&w, FILL("items", 100, "'x'"), "[]");
  ds_socket socket = talk_greet(&w, "a");
  talk_send(&w, socket, "{\"type\":\"page\",\"channel\":\"items\",\"after\":[0],\"rows\":50,\"until\":[100]}");
  world_turns(&w);
  CHECK_INT(hear_page(&w, socket).last, 500);
  world_free(&w);
}

static void an_answer_ends_with_a_turn_that_fails(void) {
  world w = talk_start(&pages_app);
  talk_sql(&w, FILL("items", 1000, KILOBYTE), "[]");
  ds_socket socket = talk_greet(&w, "a");
  talk_send(&w, socket, "{\"type\":\"subscribe\",\"channel\":\"items\",\"id\":1,\"pages\":5}");
  world_turn(&w);
  CHECK_INT(w.again_count, 1);
  w.host->fail_at = w.host->call_count + 1;
  world_turns(&w);
  hear_page(&w, socket);
  talk_hear(&w, socket, "{\"type\":\"error\",\"code\":\"internal\",\"message\":\"The object failed while it handled the frame; nothing of it was kept.\",\"channel\":\"items\"");
  world_free(&w);
}

const test pages_tests[] = {
  {"an answer comes a page a turn, and others are heard in between", an_answer_comes_a_page_a_turn_and_others_are_heard_in_between},
  {"what is asked for in the middle of an answer comes behind it", what_is_asked_for_in_the_middle_of_an_answer_comes_behind_it},
  {"channels and sockets do not wait for each other", channels_and_sockets_do_not_wait_for_each_other},
  {"a page that is cut short is made up for", a_page_that_is_cut_short_is_made_up_for},
  {"a page whose records have gone is not sent", a_page_whose_records_have_gone_is_not_sent},
  {"pages beyond 16 MB wait for the next turn", pages_beyond_16_mb_wait_for_the_next_turn},
  {"only the core says where an answer ends", only_the_core_says_where_an_answer_ends},
  {"an answer ends with a turn that fails", an_answer_ends_with_a_turn_that_fails},
  {0},
};
