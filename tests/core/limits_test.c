// SPDX-License-Identifier: MIT
// Every cap of src/limits.h, at the cap and one past it. The depth of JSON and the bytes of a frame have theirs in json_test.c and core_test.c.
#include "../../src/limits.h"
#include "../../src/json.h"
#include "talk.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(ds_action *action) {
  ds_run(action, "INSERT INTO items (id, text, blob) VALUES (:id, CASE WHEN :size THEN replace(hex(zeroblob(:size)), '00', 'x') END, NULL)");
}

// Writes text of `:size` pieces `:piece`.
static void add_pieces(ds_action *action) {
  ds_run(action, "INSERT INTO items (id, text) VALUES (:id, replace(hex(zeroblob(:size)), '00', :piece))");
}

static void add_blob(ds_action *action) {
  ds_run(action, "INSERT INTO items (id, blob) VALUES (:id, zeroblob(:size))");
}

static void update(ds_action *action) {
  ds_run(action, "UPDATE items SET text = replace(hex(zeroblob(:size)), '00', 'x') WHERE id = :id");
}

static void nothing(ds_action *action) {
  (void)action;
}

static void refuse(ds_action *action) {
  ds_reject(action, DS_CONFLICT, NULL);
}

// Answers with a string of `size` bytes, quotes included.
static void answer(ds_action *action) {
  int64_t size = 0;
  ds_json_int(ds_payload(action, "size"), &size);
  char *text = malloc((size_t)size);
  if (!text) ds_panic();
  memset(text, 'x', (size_t)size);
  text[0] = text[size - 1] = '"';
  ds_result(action, (ds_view){text, (size_t)size});
  free(text);
}

static const ds_app limits_app = {
  .channels = (const ds_channel[]){{.name = "items"}, {0}},
  .migrations = (const ds_migration[]){{"CREATE TABLE items (id INTEGER PRIMARY KEY, text TEXT, blob BLOB, n INTEGER NOT NULL DEFAULT 0) STRICT"}, {0}},
  .actions =
    (const ds_action_type[]){
      {"items", "add", add},
      {"items", "add-pieces", add_pieces},
      {"items", "add-blob", add_blob},
      {"items", "update", update},
      {"items", "nothing", nothing},
      {"items", "refuse", refuse},
      {"items", "answer", answer},
      {0},
    },
};

#define ITEMS "SELECT json_array(id, text, iif(blob IS NULL, NULL, json_object('blob', hex(blob))), n) FROM items ORDER BY json_array(id)"
// A limit, or a sum with one, as SQL.
#define TEXT_OF(tokens) #tokens
#define SQL_OF(limit) TEXT_OF(limit)
#define FILL(count, columns, values) \
  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " SQL_OF(count) ") INSERT INTO items (" columns ") SELECT " values " FROM n"

// A frame with actions `first` to `first + count - 1`.
static void send_actions(world *w, ds_socket socket, int64_t acknowledged, int64_t first, int count, const char *type, const char *payload) {
  ds_arena *arena = ds_arena_new();
  ds_text frame = ds_text_new(arena);
  ds_text_str(&frame, "{\"type\":\"actions\",\"acknowledged\":");
  ds_text_int(&frame, acknowledged);
  ds_text_str(&frame, ",\"actions\":[");
  for (int i = 0; i < count; i++) {
    ds_text_str(&frame, i ? ",{\"number\":" : "{\"number\":");
    ds_text_int(&frame, first + i);
    ds_text_str(&frame, ",\"channel\":\"items\",\"type\":\"");
    ds_text_str(&frame, type);
    ds_text_str(&frame, "\",\"payload\":");
    ds_text_str(&frame, payload);
    ds_text_str(&frame, "}");
  }
  ds_text_str(&frame, "]}");
  world_send(w, socket, DS_FRAME_TEXT, ds_text_view(&frame));
  world_turn(w);
  ds_arena_free(arena);
}

// ---- Records

// How a record of `items` is counted: what of it can be long as [null,"..."] or ["...",null], and each column that is not of text alone as DS_SHORT_CELL.
enum { AROUND_RECORD = 9 + 3 * DS_SHORT_CELL };

static void check_record_cap(const char *type, const char *piece, int64_t fits) {
  world w = talk_start(&limits_app);
  follower f = follower_new("follower", "items", ITEMS);
  follower_come(&w, &f);
  ds_socket writer = talk_greet(&w, "writer");
  char payload[100];
  snprintf(payload, sizeof payload, "{\"id\":1,\"size\":%lld,\"piece\":%s}", (long long)fits + 1, piece);
  talk_act(&w, writer, 1, "items", type, payload);
  talk_hear(&w, writer, "{\"type\":\"patch\",\"epoch\":\"0001020304050607\",\"changes\":[],\"outcomes\":[{\"number\":1,\"status\":\"rejected\",\"code\":\"record_too_large\"");
  talk_hear_nothing(&w, f.socket);
  talk_sql(&w, "SELECT count(*) FROM items", "[[0]]");
  snprintf(payload, sizeof payload, "{\"id\":1,\"size\":%lld,\"piece\":%s}", (long long)fits, piece);
  talk_act(&w, writer, 2, "items", type, payload);
  talk_hear(&w, writer, "{\"type\":\"patch\",\"epoch\":\"0001020304050607\",\"changes\":[],\"outcomes\":[{\"number\":2,\"status\":\"committed\"}");
  follower_listen(&w, &f);
  follower_check(&w, &f);
  CHECK_INT(f.replica.row_count, 1);
  // It went in a frame, live and in a page.
  CHECK(f.largest > DS_MAX_RECORD - AROUND_RECORD);
  CHECK(f.largest <= DS_MAX_PATCH);
  follower again = follower_new("again", "items", ITEMS);
  follower_come(&w, &again);
  follower_check(&w, &again);
  CHECK(again.largest <= DS_MAX_PATCH);
  follower_free(&again);
  follower_free(&f);
  world_free(&w);
}

static void a_record_too_large_for_a_frame_is_refused_when_it_is_written(void) {
  check_record_cap("add", "0", DS_MAX_RECORD - AROUND_RECORD);
  check_record_cap("add-pieces", "\"\\\"\"", (DS_MAX_RECORD - AROUND_RECORD) / 2);
  check_record_cap("add-pieces", "\"\\u0001\"", (DS_MAX_RECORD - AROUND_RECORD) / 6);
  check_record_cap("add-pieces", "\"\\u20ac\"", (DS_MAX_RECORD - AROUND_RECORD) / 3);
  check_record_cap("add-blob", "0", (DS_MAX_RECORD - AROUND_RECORD) / 2);
}

static void a_record_is_measured_beyond_a_nul(void) {
  world w = talk_start(&limits_app);
  CHECK(sqlite3_exec(w.host->database, "INSERT INTO items (id, text) VALUES (1, 'a' || char(0) || replace(hex(zeroblob(900000)), '00', 'x'))", NULL, NULL, NULL) ==
        SQLITE_CONSTRAINT);
  talk_sql(&w, "SELECT count(*) FROM items", "[[0]]");
  world_free(&w);
}

static int insert_loose(world *w, const char *columns, const char *values, int64_t size) {
  char insert[200];
  snprintf(insert, sizeof insert, "INSERT INTO loose (%s) SELECT %s FROM (SELECT %lld AS size)", columns, values, (long long)size);
  return sqlite3_exec(w->host->database, insert, NULL, NULL, NULL);
}

// Columns that may hold bytes as well as text or numbers: each counts as what stands around a number, beside what it holds.
static void a_record_is_measured_where_columns_hold_anything(void) {
  ds_app loose = {
    .channels = (const ds_channel[]){{.name = "loose"}, {0}},
    .migrations = (const ds_migration[]){{"CREATE TABLE loose (id INTEGER PRIMARY KEY, text TEXT, n INTEGER, anything)"}, {0}},
    .actions = (const ds_action_type[]){{0}},
  };
  world w = talk_start(&loose);
  // [1,"...",null,null] and the like
  int64_t fits = DS_MAX_RECORD - (int64_t)strlen("[1,\"\",null,null]") - 4 * DS_SHORT_CELL;
  CHECK(insert_loose(&w, "text", "replace(hex(zeroblob(size)), '00', 'x')", fits + 1) == SQLITE_CONSTRAINT);
  CHECK(insert_loose(&w, "n", "zeroblob(size / 2 + 1)", fits) == SQLITE_CONSTRAINT);
  CHECK(insert_loose(&w, "anything", "zeroblob(size / 2 + 1)", fits) == SQLITE_CONSTRAINT);
  talk_sql(&w, "SELECT count(*) FROM loose", "[[0]]");
  CHECK(insert_loose(&w, "text, n", "replace(hex(zeroblob(size / 2)), '00', 'x'), zeroblob(size / 4)", fits) == SQLITE_OK);
  CHECK(insert_loose(&w, "n, anything", "9223372036854775807, zeroblob(size / 2 - 20)", fits) == SQLITE_OK);
  CHECK(sqlite3_exec(w.host->database, "UPDATE loose SET text = text || text", NULL, NULL, NULL) == SQLITE_CONSTRAINT);
  talk_sql(&w, "SELECT count(*) FROM loose", "[[2]]");
  world_free(&w);
}

static void an_update_to_a_record_too_large_fails_alone(void) {
  world w = talk_start(&limits_app);
  follower f = follower_new("follower", "items", ITEMS);
  talk_sql(&w, "INSERT INTO items (id, text) VALUES (1, 'small')", "[]");
  follower_come(&w, &f);
  ds_socket writer = talk_greet(&w, "writer");
  talk_send(&w, writer,
    "{\"type\":\"actions\",\"acknowledged\":0,\"actions\":["
    "{\"number\":1,\"channel\":\"items\",\"type\":\"add\",\"payload\":{\"id\":2,\"size\":3}},"
    "{\"number\":2,\"channel\":\"items\",\"type\":\"update\",\"payload\":{\"id\":1,\"size\":800000}},"
    "{\"number\":3,\"channel\":\"items\",\"type\":\"update\",\"payload\":{\"id\":2,\"size\":5}}]}");
  world_turn(&w);
  talk_hear(&w, writer,
    "{\"type\":\"patch\",\"epoch\":\"0001020304050607\",\"changes\":[],\"outcomes\":[{\"number\":1,\"status\":\"committed\"},"
    "{\"number\":2,\"status\":\"rejected\",\"code\":\"record_too_large\",\"message\":\"The record would be larger than a frame can carry.\"},"
    "{\"number\":3,\"status\":\"committed\"}]}");
  follower_listen(&w, &f);
  follower_check(&w, &f);
  talk_sql(&w, "SELECT id, text FROM items", "[[1,\"small\"],[2,\"xxxxx\"]]");
  follower_free(&f);
  world_free(&w);
}

// ---- Pages

static void rows_of_any_size_page_through_within_the_caps(void) {
  world w = talk_start(&limits_app);
  follower f = follower_new("follower", "items", ITEMS);
  // Runs of tiny rows, so that their pages promise too much, and then 700 KB, 100 KB and 1 KB in a row of their own or side by side.
  talk_sql(&w,
    FILL(1500, "id, text", "i, replace(hex(zeroblob(CASE WHEN i % 400 = 399 THEN 700000 WHEN i % 400 = 398 THEN 100000 WHEN i % 50 = 7 THEN 30000 ELSE i % 9 END)), '00', 'x')"),
    "[]");
  follower_come(&w, &f);
  follower_check(&w, &f);
  CHECK_INT(f.replica.row_count, 1500);
  CHECK(f.largest > 700000);
  CHECK(f.largest <= DS_MAX_PATCH);
  follower_free(&f);
  world_free(&w);
}

// The rows in the frame, which the caller has received and this frees.
static int64_t rows_in(ds_view frame) {
  int64_t count = 0;
  ds_json_iterator column = ds_json_iterate(ds_json_member(frame, "cells"));
  if (ds_json_next(&column)) for (ds_json_iterator cell = ds_json_iterate(column.value); ds_json_next(&cell);) count++;
  free((char *)frame.at);
  return count;
}

static void the_first_page_has_200_rows_and_no_page_more_than_4000(void) {
  world w = talk_start(&limits_app);
  talk_sql(&w, FILL(5000, "id", "i"), "[]");
  ds_socket socket = talk_greet(&w, "a");
  talk_send(&w, socket, "{\"type\":\"subscribe\",\"channel\":\"items\"}");
  world_turn(&w);
  CHECK_INT(rows_in(world_receive(&w, socket)), DS_FIRST_PAGE_ROWS);
  world_turns(&w);
  talk_skip(&w, socket);
  static const int asked[] = {DS_MAX_PAGE_ROWS - 1, DS_MAX_PAGE_ROWS, DS_MAX_PAGE_ROWS + 1, 1000000000};
  for (int i = 0; i < 4; i++) {
    talk_send(&w, socket, "{\"type\":\"page\",\"channel\":\"items\",\"after\":[0],\"rows\":%d}", asked[i]);
    world_turn(&w);
    CHECK_INT(rows_in(world_receive(&w, socket)), asked[i] < DS_MAX_PAGE_ROWS ? asked[i] : DS_MAX_PAGE_ROWS);
  }
  world_free(&w);
}

// A cell takes a comma, a text its quotes, a column its brackets and a comma: 8 rows come to twice the page size exactly or to one byte more, and then to half as many.
static void a_page_holds_at_most_twice_its_size_in_bytes(void) {
  for (int over = 0; over <= 1; over++) {
    world w = talk_start(&limits_app);
    char fill[300];
    int each = 2 * DS_PAGE_SIZE / 8 - 13; // [1,...],["...",...],[null,...],[0,...],
    snprintf(fill, sizeof fill, FILL(8, "id, text", "i, replace(hex(zeroblob(%d + (i = 8) * %d)), '00', 'x')"), each, over);
    talk_sql(&w, fill, "[]");
    ds_socket socket = talk_greet(&w, "a");
    talk_send(&w, socket, "{\"type\":\"subscribe\",\"channel\":\"items\"}");
    world_turn(&w);
    CHECK_INT(rows_in(world_receive(&w, socket)), over ? 4 : 8);
    world_free(&w);
  }
}

// Asks for pages after the key 0 and counts what comes.
static int64_t pages_of(world *w, ds_socket socket, int rows, int pages, int64_t *bytes) {
  talk_send(w, socket, "{\"type\":\"page\",\"channel\":\"items\",\"after\":[0],\"rows\":%d,\"pages\":%d}", rows, pages);
  world_turns(w);
  int64_t count = 0;
  *bytes = 0;
  for (ds_view frame = world_receive(w, socket); frame.at; frame = world_receive(w, socket)) {
    CHECK_INT(ds_view_absent(ds_json_member(frame, "after")), count > 0);
    count++;
    *bytes += (int64_t)frame.size;
    free((char *)frame.at);
  }
  return count;
}

static void an_answer_has_at_most_5_pages_and_400_kb(void) {
  world w = talk_start(&limits_app);
  ds_socket socket = talk_greet(&w, "a");
  int64_t bytes;
  talk_sql(&w, FILL(100, "id, text", "i, replace(hex(zeroblob(190000)), '00', 'x')"), "[]");
  CHECK_INT(pages_of(&w, socket, 1, 3, &bytes), 3);
  CHECK_INT(pages_of(&w, socket, 1, 100, &bytes), DS_ANSWER_SIZE / 190000 + 1);
  CHECK(bytes < DS_ANSWER_SIZE + 2 * DS_PAGE_SIZE);
  talk_sql(&w, "DELETE FROM items", "[]");
  talk_sql(&w, FILL(60000, "id", "i"), "[]");
  CHECK_INT(pages_of(&w, socket, DS_MAX_PAGE_ROWS, 100, &bytes), DS_ANSWER_PAGES);
  world_free(&w);
}

static void a_turn_reads_16_mb_and_asks_the_others_to_come_again(void) {
  world w = talk_start(&limits_app);
  talk_sql(&w, FILL(1, "id, text", "1, replace(hex(zeroblob(700000)), '00', 'x')"), "[]");
  enum { ASKING = 40 };
  ds_socket sockets[ASKING];
  for (int i = 0; i < ASKING; i++) sockets[i] = talk_greet(&w, "many");
  for (int i = 0; i < ASKING; i++) talk_send(&w, sockets[i], "{\"type\":\"subscribe\",\"channel\":\"items\"}");
  world_turn(&w);
  // 700,015 bytes a page and its comma: 23 come to less than 16 MiB, so one more is made, and none after it.
  int served = DS_MAX_TURN_READS / 700016 + 1;
  for (int i = 0; i < served; i++) talk_hear(&w, sockets[i], "{\"type\":\"page\"");
  for (int i = served; i < ASKING; i++) talk_hear(&w, sockets[i], "{\"type\":\"error\",\"code\":\"rate_limited\"");
  // Who was refused is not subscribed; asking again helps.
  talk_sql(&w, "UPDATE items SET n = n + 1", "[]");
  world_turn(&w);
  talk_hear(&w, sockets[served - 1], "{\"type\":\"patch\"");
  talk_hear_nothing(&w, sockets[served]);
  talk_send(&w, sockets[served], "{\"type\":\"subscribe\",\"channel\":\"items\"}");
  world_turn(&w);
  talk_hear(&w, sockets[served], "{\"type\":\"page\"");
  world_free(&w);
}

// ---- Frames and actions

static void a_socket_may_send_2000_frames_at_once_and_500_a_second(void) {
  world w = talk_start(&limits_app);
  ds_socket socket = world_open(&w);
  ds_socket other = talk_greet(&w, "other");
  for (int i = 0; i < DS_FRAME_BURST; i++) talk_send(&w, socket, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"a\"}");
  world_turn(&w);
  for (int i = 0; i < DS_FRAME_BURST; i++) talk_hear(&w, socket, "{\"type\":\"welcome\"");
  // One too many, in the same millisecond: not handled.
  talk_act(&w, socket, 1, "items", "add", "{\"id\":1}");
  talk_hear(&w, socket, "{\"type\":\"error\",\"code\":\"rate_limited\"");
  talk_sql(&w, "SELECT count(*) FROM items", "[[0]]");
  talk_act(&w, other, 1, "items", "add", "{\"id\":2}");
  talk_hear(&w, other, "{\"type\":\"patch\"");
  w.host->clock += 1000;
  for (int i = 0; i < DS_FRAMES_PER_SECOND; i++) talk_send(&w, socket, "{\"type\":\"unsubscribe\",\"channel\":\"items\"}");
  world_turn(&w);
  talk_hear_nothing(&w, socket);
  talk_send(&w, socket, "garbage counts as well");
  world_turn(&w);
  talk_hear(&w, socket, "{\"type\":\"error\",\"code\":\"rate_limited\"");
  // 2 ms are one frame.
  w.host->clock += 1;
  talk_act(&w, socket, 1, "items", "add", "{\"id\":1}");
  talk_hear(&w, socket, "{\"type\":\"error\",\"code\":\"rate_limited\"");
  w.host->clock += 1;
  talk_act(&w, socket, 1, "items", "add", "{\"id\":1}");
  talk_hear(&w, socket, "{\"type\":\"patch\"");
  // A day later it is a burst again, and no more.
  w.host->clock += 86400000;
  for (int i = 0; i < DS_FRAME_BURST; i++) talk_send(&w, socket, "{\"type\":\"unsubscribe\",\"channel\":\"items\"}");
  world_turn(&w);
  talk_hear_nothing(&w, socket);
  talk_send(&w, socket, "{\"type\":\"unsubscribe\",\"channel\":\"items\"}");
  world_turn(&w);
  talk_hear(&w, socket, "{\"type\":\"error\",\"code\":\"rate_limited\"");
  world_free(&w);
}

static void a_clock_that_goes_back_neither_gives_nor_takes_frames(void) {
  world w = talk_start(&limits_app);
  ds_socket socket = talk_greet(&w, "a");
  w.host->clock -= 3600000;
  for (int i = 1; i < DS_FRAME_BURST; i++) talk_send(&w, socket, "{\"type\":\"unsubscribe\",\"channel\":\"items\"}");
  world_turn(&w);
  talk_hear_nothing(&w, socket);
  talk_send(&w, socket, "{\"type\":\"unsubscribe\",\"channel\":\"items\"}");
  world_turn(&w);
  talk_hear(&w, socket, "{\"type\":\"error\",\"code\":\"rate_limited\"");
  world_free(&w);
}

static void a_frame_has_at_most_500_actions(void) {
  world w = talk_start(&limits_app);
  ds_socket socket = talk_greet(&w, "a");
  send_actions(&w, socket, 0, 1, DS_MAX_ACTIONS + 1, "nothing", "null");
  talk_hear(&w, socket, "{\"type\":\"error\",\"code\":\"bad_frame\"");
  send_actions(&w, socket, 0, 1, DS_MAX_ACTIONS, "nothing", "null");
  talk_hear(&w, socket, "{\"type\":\"patch\"");
  talk_sql(&w, "SELECT settled FROM durasync_client", "[[500]]");
  world_free(&w);
}

static void a_client_has_at_most_1000_outcomes_to_acknowledge(void) {
  world w = talk_start(&limits_app);
  ds_socket socket = talk_greet(&w, "a");
  send_actions(&w, socket, 0, 1, 500, "refuse", "null");
  send_actions(&w, socket, 0, 501, 499, "refuse", "null");
  talk_skip(&w, socket);
  send_actions(&w, socket, 0, DS_MAX_OUTCOMES, 2, "refuse", "null");
  // The order: the outcomes of the frame come after the error that cut it short.
  talk_hear(&w, socket, "{\"type\":\"error\",\"code\":\"outbox_full\"");
  talk_hear(&w, socket, "{\"type\":\"patch\",\"epoch\":\"0001020304050607\",\"changes\":[],\"outcomes\":[{\"number\":1000,");
  talk_sql(&w, "SELECT settled FROM durasync_client", "[[1000]]");
  send_actions(&w, socket, 1, DS_MAX_OUTCOMES + 1, 1, "nothing", "null");
  talk_hear(&w, socket, "{\"type\":\"patch\"");
  talk_sql(&w, "SELECT settled, json_array_length(outcomes) FROM durasync_client", "[[1001,999]]");
  world_free(&w);
}

static void a_result_has_at_most_64_kib(void) {
  world w = talk_start(&limits_app);
  ds_socket socket = talk_greet(&w, "a");
  char payload[100];
  snprintf(payload, sizeof payload, "{\"size\":%d}", DS_MAX_RESULT + 1);
  talk_act(&w, socket, 1, "items", "answer", payload);
  talk_hear(&w, socket, "{\"type\":\"patch\",\"epoch\":\"0001020304050607\",\"changes\":[],\"outcomes\":[{\"number\":1,\"status\":\"rejected\",\"code\":\"internal\"");
  snprintf(payload, sizeof payload, "{\"size\":%d}", DS_MAX_RESULT);
  talk_act(&w, socket, 2, "items", "answer", payload);
  talk_hear(&w, socket, "{\"type\":\"patch\",\"epoch\":\"0001020304050607\",\"changes\":[],\"outcomes\":[{\"number\":2,\"status\":\"committed\",\"result\":\"xxx");
  world_free(&w);
}

static void outcomes_have_at_most_a_megabyte_together(void) {
  world w = talk_start(&limits_app);
  ds_socket socket = talk_greet(&w, "a");
  // {"number":N,"status":"committed","result":"..."} is 42 bytes and the number's digits around a result.
  char payload[100];
  snprintf(payload, sizeof payload, "{\"size\":%d}", 100000 / 2 - 43);
  int count = DS_MAX_OUTCOME_BYTES / 50000;
  for (int i = 1; i <= count; i++) {
    int digit = i < 10 ? 0 : 1; // one byte less of result for one more of number, but in the last, which is so a byte short of the cap
    snprintf(payload, sizeof payload, "{\"size\":%d}", 50000 - 43 - digit - (i == count));
    talk_act(&w, socket, i, "items", "answer", payload);
    talk_hear(&w, socket, "{\"type\":\"patch\"");
  }
  talk_sql(&w, "SELECT length(outcomes) FROM durasync_client", "[[1000020]]"); // with brackets and commas, less one
  talk_act(&w, socket, count + 1, "items", "nothing", "null");
  talk_hear(&w, socket, "{\"type\":\"patch\"");
  talk_act(&w, socket, count + 2, "items", "refuse", "null");
  talk_hear(&w, socket, "{\"type\":\"patch\"");
  talk_act(&w, socket, count + 3, "items", "nothing", "null");
  talk_hear(&w, socket, "{\"type\":\"error\",\"code\":\"outbox_full\"");
  world_free(&w);
}

static void a_client_s_id_has_at_most_64_characters(void) {
  world w = talk_start(&limits_app);
  ds_socket socket = world_open(&w);
  char id[DS_MAX_CLIENT + 2];
  memset(id, 'x', sizeof id);
  talk_send(&w, socket, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"%.*s\"}", DS_MAX_CLIENT + 1, id);
  talk_send(&w, socket, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"\"}");
  talk_send(&w, socket, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"%.*s\"}", DS_MAX_CLIENT, id);
  world_turn(&w);
  talk_hear(&w, socket, "{\"type\":\"error\",\"code\":\"bad_frame\"");
  talk_hear(&w, socket, "{\"type\":\"error\",\"code\":\"bad_frame\"");
  talk_hear(&w, socket, "{\"type\":\"welcome\"");
  talk_act(&w, socket, 1, "items", "nothing", "null");
  world_start(&w); // it comes back from the attachment whole
  talk_act(&w, socket, 2, "items", "nothing", "null");
  talk_sql(&w, "SELECT length(client), settled FROM durasync_client", "[[64,2]]");
  world_free(&w);
}

static void a_payload_is_nested_64_deep_at_most(void) {
  for (int over = 0; over <= 1; over++) {
    world w = talk_start(&limits_app);
    ds_socket socket = talk_greet(&w, "a");
    // The frame, its actions and the action are three levels.
    char payload[2 * DS_MAX_DEPTH];
    int depth = DS_MAX_DEPTH - 3 + over;
    for (int i = 0; i < depth; i++) payload[i] = '[', payload[depth + i] = ']';
    payload[2 * depth] = 0;
    talk_act(&w, socket, 1, "items", "nothing", payload);
    talk_hear(&w, socket, over ? "{\"type\":\"error\",\"code\":\"bad_frame\"" : "{\"type\":\"patch\"");
    world_free(&w);
  }
}

// ---- Readers

static void a_reader_with_more_than_8_mib_waiting_is_closed_and_resumes(void) {
  world w = talk_start(&limits_app);
  follower slow = follower_new("slow", "items", ITEMS);
  follower fast = follower_new("fast", "items", ITEMS);
  follower_come(&w, &slow);
  follower_come(&w, &fast);
  sqlite_host_set_backlog(w.host, slow.socket, DS_MAX_BACKLOG);
  talk_sql(&w, "INSERT INTO items (id) VALUES (1)", "[]");
  world_turn(&w);
  follower_listen(&w, &slow);
  follower_check(&w, &slow);
  sqlite_host_set_backlog(w.host, slow.socket, DS_MAX_BACKLOG + 1);
  talk_sql(&w, "INSERT INTO items (id) VALUES (2)", "[]");
  ds_deliveries deliveries = ds_core_turn(w.core);
  CHECK_INT(deliveries.count, 2);
  CHECK_INT(deliveries.items[0].kind, DS_DELIVERY_CLOSE);
  CHECK_INT(deliveries.items[0].code, 1013);
  CHECK_INT(deliveries.items[0].socket_count, 1);
  CHECK_INT(deliveries.items[0].sockets[0], slow.socket);
  ds_view reason = sqlite_host_join(w.host, &deliveries.items[0]);
  CHECK_TEXT(reason, "slow_reader");
  free((char *)reason.at);
  CHECK_INT(deliveries.items[1].kind, DS_DELIVERY_SEND);
  CHECK_INT(deliveries.items[1].socket_count, 1);
  CHECK_INT(deliveries.items[1].sockets[0], fast.socket);
  ds_core_end(w.core);
  sqlite_host_end_turn(w.host);
  follower_go(&w, &slow);
  follower_go(&w, &fast);
  follower_come(&w, &slow);
  follower_check(&w, &slow);
  CHECK_INT(slow.catch_ups, 1);
  follower_free(&slow);
  follower_free(&fast);
  world_free(&w);
}

static void a_reader_who_asks_without_reading_is_closed_as_well(void) {
  world w = talk_start(&limits_app);
  ds_socket greedy = talk_greet(&w, "greedy");
  sqlite_host_set_backlog(w.host, greedy, DS_MAX_BACKLOG + 1);
  talk_send(&w, greedy, "{\"type\":\"subscribe\",\"channel\":\"items\"}");
  world_turn(&w);
  CHECK(!sqlite_host_is_open(w.host, greedy));
  talk_hear_nothing(&w, greedy);
  world_free(&w);
}

// ---- Changes

// Follows, writes, and says whether the change came in one live patch (true) or by a gap (false).
static bool comes_live(const char *before, const char *write) {
  world w = talk_start(&limits_app);
  follower f = follower_new("a", "items", ITEMS);
  if (before) talk_sql(&w, before, "[]");
  follower_come(&w, &f);
  int snapshots = f.snapshots;
  int catch_ups = f.catch_ups;
  talk_sql(&w, write, "[]");
  world_turn(&w);
  follower_listen(&w, &f);
  follower_check(&w, &f);
  CHECK(f.largest <= DS_MAX_PATCH + 1000);
  bool live = f.snapshots == snapshots && f.catch_ups == catch_ups;
  follower_free(&f);
  world_free(&w);
  return live;
}

static void a_patch_has_at_most_20000_changed_rows(void) {
  // A set of one column, of short rows, stays well below the bytes of a patch.
  CHECK(comes_live(FILL(DS_MAX_CHANGES, "id", "i"), "UPDATE items SET n = 1"));
  CHECK(!comes_live(FILL(DS_MAX_CHANGES + 1, "id", "i"), "UPDATE items SET n = 1"));
}

static void a_patch_has_at_most_900000_bytes(void) {
  // Nine records of 99,999 bytes and a comma, or one byte more.
  CHECK(comes_live(NULL, FILL(9, "id, text", "i, replace(hex(zeroblob(100000 - 14)), '00', 'x')")));
  CHECK(!comes_live(NULL, FILL(9, "id, text", "i, replace(hex(zeroblob(100000 - 14 + (i = 9))), '00', 'x')")));
}

static void a_catch_up_has_at_most_5000_changes(void) {
  for (int over = 0; over <= 1; over++) {
    world w = talk_start(&limits_app);
    follower f = follower_new("a", "items", ITEMS);
    talk_sql(&w, FILL(DS_MAX_CATCH_UP + 1, "id", "i"), "[]");
    follower_come(&w, &f);
    follower_go(&w, &f);
    talk_sql(&w, over ? "UPDATE items SET n = 1" : "UPDATE items SET n = 1 WHERE id <= " SQL_OF(DS_MAX_CATCH_UP), "[]");
    world_turn(&w);
    follower_come(&w, &f);
    follower_check(&w, &f);
    CHECK_INT(f.catch_ups, 1 - over);
    CHECK_INT(f.snapshots, 1 + over);
    follower_free(&f);
    world_free(&w);
  }
}

static const ds_app keys_app = {
  .channels = (const ds_channel[]){{.name = "keys"}, {0}},
  .migrations = (const ds_migration[]){{"CREATE TABLE keys (id TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID"}, {0}},
  .actions = (const ds_action_type[]){{0}},
};

// Deletions have only keys: so many bytes of them that they can be bound, but not sent, or not even that.
static void the_keys_of_a_turn_have_at_most_1900000_bytes(void) {
  for (int over = 0; over <= 1; over++) {
    world w = talk_start(&keys_app);
    follower f = follower_new("a", "keys", "SELECT json_array(id) FROM keys ORDER BY json_array(id)");
    char fill[300];
    // ["..."] and a comma: 19 keys of 100,000 bytes are the cap, which must not be reached.
    snprintf(fill, sizeof fill,
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 19) INSERT INTO keys SELECT printf('%%02d', i) || replace(hex(zeroblob(%d - 7 - (i = "
             "19 AND %d))), '00', 'x') FROM n", DS_MAX_KEY_BYTES / 19, !over);
    talk_sql(&w, fill, "[]");
    world_turn(&w);
    follower_come(&w, &f);
    follower_check(&w, &f);
    talk_sql(&w, "DELETE FROM keys", "[]");
    world_turn(&w);
    follower_listen(&w, &f);
    follower_check(&w, &f);
    // And every row at once comes back, read by its key.
    talk_sql(&w, fill, "[]");
    world_turn(&w);
    follower_listen(&w, &f);
    follower_check(&w, &f);
    follower_free(&f);
    world_free(&w);
  }
}

static void a_patch_has_at_most_8_sets_of_columns(void) {
  for (int sets = DS_MAX_COLUMN_SETS; sets <= DS_MAX_COLUMN_SETS + 1; sets++) {
    ds_app wide = {
      .channels = (const ds_channel[]){{.name = "wide"}, {0}},
      .migrations = (const ds_migration[]){{"CREATE TABLE wide (id INTEGER PRIMARY KEY, c1, c2, c3, c4, c5, c6, c7, c8, c9);"
                                          "INSERT INTO wide (id) VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9)"}, {0}},
      .actions = (const ds_action_type[]){{0}},
    };
    world w = talk_start(&wide);
    follower f = follower_new("a", "wide", "SELECT json_array(id, c1, c2, c3, c4, c5, c6, c7, c8, c9) FROM wide ORDER BY json_array(id)");
    follower_come(&w, &f);
    for (int i = 1; i <= sets; i++) {
      char update_one[100];
      snprintf(update_one, sizeof update_one, "UPDATE wide SET c%d = %d WHERE id = %d", i, i, i);
      talk_sql(&w, update_one, "[]");
    }
    world_turn(&w);
    ds_view frame = world_receive(&w, f.socket);
    ds_json_iterator change = ds_json_iterate(ds_json_member(frame, "changes"));
    CHECK(ds_json_next(&change));
    int count = 0;
    for (ds_json_iterator set = ds_json_iterate(ds_json_member(change.value, "set")); ds_json_next(&set);) count++;
    CHECK_INT(count, DS_MAX_COLUMN_SETS);
    CHECK(ds_view_absent(ds_json_member(change.value, "put")) == (sets == DS_MAX_COLUMN_SETS));
    replica_hear(&f.replica, frame);
    free((char *)frame.at);
    follower_check(&w, &f);
    follower_free(&f);
    world_free(&w);
  }
}

// ---- Age

static void insert_at(world *w, int64_t time, const char *sql) {
  w->host->clock = time;
  talk_sql(w, sql, "[]");
  world_turn(w);
}

// Whether a cursor at `version` is resumed.
static bool resumes(world *w, follower *f, int64_t version) {
  int before = f->catch_ups;
  f->replica.version = version;
  follower_come(w, f);
  follower_go(w, f);
  return f->catch_ups > before;
}

static void changes_leave_the_log_30_days_after_the_day_of_their_mark(void) {
  world w = talk_start(&limits_app);
  follower f = follower_new("a", "items", ITEMS);
  int64_t begin = w.host->clock;
  follower_come(&w, &f);
  follower_go(&w, &f);
  insert_at(&w, begin, "INSERT INTO items (id) VALUES (1)");
  talk_sql(&w, "SELECT count(*) FROM durasync_mark", "[[1]]");
  insert_at(&w, begin + DS_LOG_MARK_EVERY - 1, "INSERT INTO items (id) VALUES (2)");
  talk_sql(&w, "SELECT count(*) FROM durasync_mark", "[[1]]");
  insert_at(&w, begin + DS_LOG_MARK_EVERY, "INSERT INTO items (id) VALUES (3)");
  talk_sql(&w, "SELECT count(*) FROM durasync_mark", "[[2]]");
  world_start(&w); // marks are remembered in storage
  insert_at(&w, begin + DS_LOG_AGE - 1, "INSERT INTO items (id) VALUES (4)");
  CHECK(resumes(&w, &f, 0));
  // The mark of the first day is old enough now; that of the second is not.
  insert_at(&w, begin + DS_LOG_AGE + DS_LOG_MARK_EVERY - 1, "INSERT INTO items (id) VALUES (5)");
  CHECK(!resumes(&w, &f, 0));
  CHECK(resumes(&w, &f, 1));
  talk_sql(&w, "SELECT version, op FROM durasync_log_items ORDER BY version LIMIT 2", "[[1,0],[2,1]]");
  // What is dropped may be all there is: versions grow on.
  insert_at(&w, begin + 3 * DS_LOG_AGE, "UPDATE items SET n = 1 WHERE id = 5");
  CHECK(!resumes(&w, &f, 4));
  CHECK(resumes(&w, &f, 5));
  follower_come(&w, &f);
  follower_check(&w, &f);
  CHECK_INT(f.replica.version, 6);
  follower_free(&f);
  world_free(&w);
}

// ---- Declarations

static void an_app_declares_at_most_64_channels(void) {
  for (int over = 0; over <= 1; over++) {
    static char names[DS_MAX_CHANNELS + 1][20];
    ds_channel channels[DS_MAX_CHANNELS + 2] = {{0}};
    for (int i = 0; i < DS_MAX_CHANNELS + over; i++) {
      snprintf(names[i], sizeof names[i], "channel %d", i);
      channels[i] = (ds_channel){.name = names[i], .table = "items"};
    }
    ds_app app = limits_app;
    app.channels = channels;
    world w = world_new(&app, ":memory:");
    world_start(&w);
    CHECK(w.ready == !over);
    ds_socket socket = world_open(&w);
    talk_send(&w, socket, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"a\"}");
    for (int i = 0; i < DS_MAX_CHANNELS; i++) talk_send(&w, socket, "{\"type\":\"subscribe\",\"channel\":\"channel %d\"}", i);
    world_turn(&w);
    if (over) {
      talk_hear(&w, socket, "{\"type\":\"error\",\"code\":\"unavailable\"");
      CHECK(strstr(sqlite_host_log(w.host), "more than 64 channels") != NULL);
    } else {
      CHECK_INT(talk_skip(&w, socket), DS_MAX_CHANNELS + 1);
      world_start(&w); // every subscription is in the attachment
      talk_sql(&w, "INSERT INTO items (id) VALUES (1)", "[]");
      world_turn(&w);
      ds_view frame = world_receive(&w, socket);
      int count = 0;
      for (ds_json_iterator change = ds_json_iterate(ds_json_member(frame, "changes")); ds_json_next(&change);) count++;
      CHECK_INT(count, DS_MAX_CHANNELS);
      free((char *)frame.at);
    }
    world_free(&w);
  }
}

// With so many columns a page's share texts, two each, since a result has no more columns than a table; with 64 there are as many texts as there can be.
// What is no plain number stands in three columns from `at` on, and in the last one.
static void check_page_of(int columns, int at) {
  const char *special[DS_MAX_COLUMNS] = {0};
  special[at] = "\"one\"";
  special[at + 1] = "{\"blob\":\"FF\"}";
  special[at + 2] = "{\"int\":\"9007199254740993\"}";
  special[columns - 1] = "\"]\"";
  char create[3000] = "CREATE TABLE items (id INTEGER PRIMARY KEY";
  char records[3000] = "SELECT '[1";
  for (int i = 1; i < columns; i++) {
    snprintf(create + strlen(create), sizeof create - strlen(create), ", c%d ANY DEFAULT %d", i, i);
    if (special[i]) snprintf(records + strlen(records), sizeof records - strlen(records), ",%s", special[i]);
    else snprintf(records + strlen(records), sizeof records - strlen(records), ",%d", i);
  }
  snprintf(create + strlen(create), sizeof create - strlen(create), ") STRICT");
  snprintf(records + strlen(records), sizeof records - strlen(records), "]'");
  ds_app app = limits_app;
  app.migrations = (const ds_migration[]){{create}, {0}};
  world w = talk_start(&app);
  char insert[200];
  snprintf(insert, sizeof insert, "INSERT INTO items (id, c%d, c%d, c%d, c%d) VALUES (1, 'one', x'ff', 9007199254740993, ']')", at, at + 1, at + 2, columns - 1);
  talk_sql(&w, insert, "[]");
  follower f = follower_new("follower", "items", records);
  follower_come(&w, &f);
  follower_check(&w, &f);
  CHECK_INT(f.replica.row_count, 1);
  follower_free(&f);
  world_free(&w);
}

static void a_page_of_100_columns_has_each_in_its_place(void) {
  check_page_of(64, 60);
  check_page_of(DS_MAX_COLUMNS, 63); // around the places where texts are shared, and where a record's arrays are joined
}

static void a_table_has_at_most_100_columns(void) {
  for (int over = 0; over <= 1; over++) {
    char create[3000] = "CREATE TABLE items (id INTEGER PRIMARY KEY";
    for (int i = 1; i < DS_MAX_COLUMNS + over; i++) snprintf(create + strlen(create), sizeof create - strlen(create), ", c%d TEXT", i);
    snprintf(create + strlen(create), sizeof create - strlen(create), ")");
    ds_app app = limits_app;
    app.migrations = (const ds_migration[]){{create}, {0}};
    world w = world_new(&app, ":memory:");
    if (over) sqlite3_limit(w.host->database, SQLITE_LIMIT_COLUMN, 200); // it is the platform's cap too
    world_start(&w);
    CHECK(w.ready == !over);
    if (over) CHECK(strstr(sqlite_host_log(w.host), "more than 100 columns") != NULL);
    world_free(&w);
  }
}

// ---- Version 1

static void a_table_goes_whole_to_version_1_up_to_8_mib(void) {
  for (int over = 0; over <= 1; over++) {
    world w = talk_start(&limits_app);
    // 16 records of half a mebibyte, their commas included.
    talk_sql(&w, over ? FILL(16, "id, text", "i, replace(hex(zeroblob(" SQL_OF(DS_MAX_WHOLE_TABLE / 16) " - 14 - (i > 9) + (i = 16))), '00', 'x')")
                      : FILL(16, "id, text", "i, replace(hex(zeroblob(" SQL_OF(DS_MAX_WHOLE_TABLE / 16) " - 14 - (i > 9))), '00', 'x')"), "[]");
    ds_socket socket = world_open(&w);
    talk_send(&w, socket, "{\"channel\":\"items\",\"sync\":true}");
    world_turn(&w);
    talk_hear(&w, socket, over ? "{\"type\":\"exception\",\"rpc\":true,\"exception\":[\"snapshot_too_large: " : "{\"channel\":\"items\",\"sync\":true,\"payload\":[[1,\"xxx");
    world_free(&w);
  }
}

const test limits_tests[] = {
  {"a record too large for a frame is refused when it is written", a_record_too_large_for_a_frame_is_refused_when_it_is_written},
  {"a record is measured beyond a NUL", a_record_is_measured_beyond_a_nul},
  {"a record is measured where columns hold anything", a_record_is_measured_where_columns_hold_anything},
  {"an update to a record too large fails alone", an_update_to_a_record_too_large_fails_alone},
  {"rows of any size page through within the caps", rows_of_any_size_page_through_within_the_caps},
  {"the first page has 200 rows, and no page more than 4,000", the_first_page_has_200_rows_and_no_page_more_than_4000},
  {"an answer has at most 5 pages and 400 KB", an_answer_has_at_most_5_pages_and_400_kb},
  {"a page holds at most twice its size in bytes", a_page_holds_at_most_twice_its_size_in_bytes},
  {"a turn reads 16 MB and asks the others to come again", a_turn_reads_16_mb_and_asks_the_others_to_come_again},
  {"a socket may send 2,000 frames at once and 500 a second", a_socket_may_send_2000_frames_at_once_and_500_a_second},
  {"a clock that goes back neither gives nor takes frames", a_clock_that_goes_back_neither_gives_nor_takes_frames},
  {"a frame has at most 500 actions", a_frame_has_at_most_500_actions},
  {"a client has at most 1,000 outcomes to acknowledge", a_client_has_at_most_1000_outcomes_to_acknowledge},
  {"a result has at most 64 KiB", a_result_has_at_most_64_kib},
  {"outcomes have at most a megabyte together", outcomes_have_at_most_a_megabyte_together},
  {"a client's id has at most 64 characters", a_client_s_id_has_at_most_64_characters},
  {"a payload is nested 64 deep at most", a_payload_is_nested_64_deep_at_most},
  {"a reader with more than 8 MiB waiting is closed, and resumes", a_reader_with_more_than_8_mib_waiting_is_closed_and_resumes},
  {"a reader who asks without reading is closed as well", a_reader_who_asks_without_reading_is_closed_as_well},
  {"a patch has at most 20,000 changed rows", a_patch_has_at_most_20000_changed_rows},
  {"a patch has at most 900,000 bytes", a_patch_has_at_most_900000_bytes},
  {"a catch-up has at most 5,000 changes", a_catch_up_has_at_most_5000_changes},
  {"the keys of a turn have at most 1,900,000 bytes", the_keys_of_a_turn_have_at_most_1900000_bytes},
  {"a patch has at most 8 sets of columns", a_patch_has_at_most_8_sets_of_columns},
  {"changes leave the log 30 days after the day of their mark", changes_leave_the_log_30_days_after_the_day_of_their_mark},
  {"an app declares at most 64 channels", an_app_declares_at_most_64_channels},
  {"a page of 100 columns has each in its place", a_page_of_100_columns_has_each_in_its_place},
  {"a table has at most 100 columns", a_table_has_at_most_100_columns},
  {"a table goes whole to version 1, up to 8 MiB", a_table_goes_whole_to_version_1_up_to_8_mib},
  {0},
};
