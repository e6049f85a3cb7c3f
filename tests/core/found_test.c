// SPDX-License-Identifier: MIT
// What the simulator has found (tests/sim), each made as small as it can be.
#include <stdlib.h>
#include <string.h>

#include "../../src/json.h"
#include "../../src/limits.h"
#include "talk.h"
#include "test.h"

// ---- No frame above its cap

static void fill(ds_action *action) {
  ds_run(action, "UPDATE a SET text = :text");
  ds_run(action, "UPDATE b SET text = :text");
}

static void answer(ds_action *action) {
  ds_result(action, ds_payload(action, "text"));
}

static const ds_app wide_app = {
  .channels = (const ds_channel[]){{.name = "a"}, {.name = "b"}, {0}},
  .migrations = (const ds_migration[]){{"CREATE TABLE a (id TEXT PRIMARY KEY NOT NULL, text TEXT) STRICT; INSERT INTO a VALUES ('1', '');"
                                        "CREATE TABLE b (id TEXT PRIMARY KEY NOT NULL, text TEXT) STRICT; INSERT INTO b VALUES ('1', '')"},
                                       {0}},
  .actions = (const ds_action_type[]){{"a", "fill", fill}, {"a", "answer", answer}, {0}},
};

// {"text":"xxx..."} with so many bytes of x.
static ds_view text_payload(ds_arena *arena, size_t size) {
  char *text = ds_arena_take(arena, size + 1);
  memset(text, 'x', size);
  ds_text json = ds_text_new(arena);
  ds_text_str(&json, "{\"text\":\"");
  ds_text_add(&json, (ds_view){text, size});
  ds_text_add(&json, (ds_view){"\"}", 3}); // with its NUL
  return ds_text_view(&json);
}

static void changes_of_several_channels_fit_one_frame_together(void) {
  world w = talk_start(&wide_app);
  ds_arena *arena = ds_arena_new();
  follower a = follower_new("a", "a", "SELECT json_array(id, text) FROM a");
  follower b = follower_new("b", "b", "SELECT json_array(id, text) FROM b");
  follower_come(&w, &a);
  follower_come(&w, &b);
  // One socket follows both channels, and two of them at once change more than one frame carries.
  ds_socket both = talk_greet(&w, "both");
  talk_send(&w, both, "{\"type\":\"subscribe\",\"channel\":\"a\",\"cursor\":null}");
  talk_send(&w, both, "{\"type\":\"subscribe\",\"channel\":\"b\",\"cursor\":null}");
  world_turn(&w);
  talk_skip(&w, both);
  talk_act(&w, both, 1, "a", "fill", text_payload(arena, 500000).at);
  ds_view frame = world_receive(&w, both);
  CHECK(frame.size <= DS_MAX_PATCH + 1000);
  ds_json_iterator change = ds_json_iterate(ds_json_member(frame, "changes"));
  CHECK(ds_json_next(&change) && !ds_view_absent(ds_json_member(change.value, "set")));
  CHECK(ds_json_next(&change) && ds_view_absent(ds_json_member(change.value, "set")));
  CHECK_VIEW(ds_json_member(change.value, "from"), ds_json_member(change.value, "to"));
  CHECK(ds_json_is_string(ds_json_member(change.value, "channel"), "b"));
  free((char *)frame.at);
  // Whoever follows one of them alone gets it whole.
  follower_listen(&w, &a);
  follower_listen(&w, &b);
  follower_check(&w, &a);
  follower_check(&w, &b);
  CHECK_INT(a.catch_ups + b.catch_ups, 0);
  follower_free(&a);
  follower_free(&b);
  ds_arena_free(arena);
  world_free(&w);
}

static void outcomes_that_fill_more_than_a_frame_come_in_several(void) {
  world w = talk_start(&wide_app);
  ds_arena *arena = ds_arena_new();
  ds_view payload = text_payload(arena, 60000);
  ds_socket socket = talk_greet(&w, "author");
  for (int i = 1; i <= 17; i++) talk_act(&w, socket, i, "a", "answer", payload.at);
  CHECK_INT(talk_skip(&w, socket), 17);
  // All of them again in one turn: a megabyte of outcomes.
  for (int i = 1; i <= 17; i++)
    talk_send(&w, socket, "{\"type\":\"actions\",\"acknowledged\":0,\"actions\":[{\"number\":%d,\"channel\":\"a\",\"type\":\"answer\"}]}", i);
  world_turn(&w);
  int outcomes = 0;
  int frames = 0;
  for (ds_view frame; !ds_view_absent(frame = world_receive(&w, socket)); frames++) {
    CHECK(frame.size <= DS_MAX_PATCH + 1000);
    for (ds_json_iterator outcome = ds_json_iterate(ds_json_member(frame, "outcomes")); ds_json_next(&outcome);) outcomes++;
    free((char *)frame.at);
  }
  CHECK_INT(outcomes, 17);
  CHECK_INT(frames, 2);
  ds_arena_free(arena);
  world_free(&w);
}

// ---- What was written and could not be told

static void followers_are_sent_away_if_they_cannot_be_told_of_a_write(void) {
  world w = talk_start(&wide_app);
  follower a = follower_new("a", "a", "SELECT json_array(id, text) FROM a");
  follower b = follower_new("b", "b", "SELECT json_array(id, text) FROM b");
  follower_come(&w, &a);
  follower_come(&w, &b);
  talk_sql(&w, "UPDATE a SET text = 'outside'", "[]");
  w.host->fail_at = w.host->call_count + 3;
  world_turn(&w);
  // Only those of the channel that changed; and after a sleep nothing is left to tell the others of.
  CHECK(!sqlite_host_is_open(w.host, a.socket));
  CHECK(sqlite_host_is_open(w.host, b.socket));
  world_start(&w);
  world_turn(&w);
  follower_come(&w, &a);
  follower_check(&w, &a);
  CHECK_INT(a.catch_ups, 1);
  follower_listen(&w, &b);
  follower_check(&w, &b);
  follower_free(&a);
  follower_free(&b);
  world_free(&w);
}

// ---- A backup brought back under code that is older than it

static const ds_app older_app = {
  .channels = (const ds_channel[]){{.name = "a"}, {0}},
  .migrations = (const ds_migration[]){{0}},
  .actions = (const ds_action_type[]){{0}},
};

static void a_history_is_renewed_under_code_that_cannot_run_on_it(void) {
  world w = talk_start(&wide_app);
  char *before = world_query(&w, "SELECT epoch FROM durasync_meta");
  w.app = &older_app;
  world_start(&w);
  CHECK(!w.ready);
  ds_deliveries deliveries;
  CHECK(ds_core_renew(w.core, &deliveries));
  ds_core_end(w.core);
  sqlite_host_end_turn(w.host);
  char *after = world_query(&w, "SELECT epoch FROM durasync_meta");
  CHECK(strcmp(before, after) != 0);
  free(before);
  free(after);
  world_free(&w);
}

static void a_renewal_that_storage_refuses_changes_nothing_and_is_logged(void) {
  world w = talk_start(&wide_app);
  char *before = world_query(&w, "SELECT epoch FROM durasync_meta");
  ds_socket socket = talk_greet(&w, "a");
  w.host->fail_at = w.host->call_count + 1;
  ds_deliveries deliveries;
  CHECK(!ds_core_renew(w.core, &deliveries));
  ds_core_end(w.core);
  sqlite_host_end_turn(w.host);
  CHECK(strstr(sqlite_host_log(w.host), "the epoch could not be renewed") != NULL);
  talk_sql(&w, "SELECT epoch FROM durasync_meta", before);
  CHECK(sqlite_host_is_open(w.host, socket));
  free(before);
  world_free(&w);
}

// ---- A number means one action for ever

static void add_row(ds_action *action) {
  ds_run(action, "INSERT INTO a VALUES (hex(randomblob(8)), :text)");
}

static const ds_app counting_app = {
  .channels = (const ds_channel[]){{.name = "a"}, {0}},
  .migrations = (const ds_migration[]){{"CREATE TABLE a (id TEXT PRIMARY KEY NOT NULL, text TEXT) STRICT"}, {0}},
  .actions = (const ds_action_type[]){{"a", "add", add_row}, {0}},
};

static void copy_database(sqlite3 *to, sqlite3 *from) {
  sqlite3_backup *copy = sqlite3_backup_init(to, "main", from, "main");
  CHECK_INT(sqlite3_backup_step(copy, -1), SQLITE_DONE);
  CHECK_INT(sqlite3_backup_finish(copy), SQLITE_OK);
}

static void restore(world *w, sqlite3 *backup) {
  copy_database(w->host->database, backup);
  world_start(w);
  ds_deliveries deliveries;
  CHECK(ds_core_renew(w->core, &deliveries));
  ds_core_end(w->core);
  sqlite_host_end_turn(w->host);
}

static void send_second(world *w, ds_socket socket) {
  talk_send(w, socket, "{\"type\":\"actions\",\"acknowledged\":1,\"actions\":[{\"number\":2,\"channel\":\"a\",\"type\":\"add\",\"payload\":{\"text\":\"second\"}}]}");
  world_turn(w);
}

// The author has heard of the first action and not of the second when a backup comes back that has neither; then that is undone, and what comes back has both.
static void an_action_runs_once_in_each_of_two_histories_that_take_turns(void) {
  world w = talk_start(&counting_app);
  sqlite3 *backups[2];
  for (int i = 0; i < 2; i++) CHECK_INT(sqlite3_open(":memory:", &backups[i]), SQLITE_OK);
  ds_socket author = talk_greet(&w, "author");
  copy_database(backups[0], w.host->database);
  talk_act(&w, author, 1, "a", "add", "{\"text\":\"first\"}");
  talk_hear(&w, author, "{\"type\":\"patch\"");
  send_second(&w, author);
  world_close(&w, author);
  copy_database(backups[1], w.host->database);

  restore(&w, backups[0]);
  author = talk_greet(&w, "author");
  send_second(&w, author);
  talk_sql(&w, "SELECT text FROM a", "[[\"second\"]]");
  talk_sql(&w, "SELECT settled FROM durasync_client", "[[2]]");
  world_close(&w, author);

  restore(&w, backups[1]);
  author = talk_greet(&w, "author");
  send_second(&w, author);
  talk_hear(&w, author, "{\"type\":\"patch\",\"epoch\":\"101112131415161");
  talk_sql(&w, "SELECT text FROM a ORDER BY text", "[[\"first\"],[\"second\"]]");
  for (int i = 0; i < 2; i++) sqlite3_close(backups[i]);
  world_free(&w);
}

const test found_tests[] = {
  {"an action runs once in each of two histories that take turns", an_action_runs_once_in_each_of_two_histories_that_take_turns},
  {"changes of several channels fit one frame together", changes_of_several_channels_fit_one_frame_together},
  {"outcomes that fill more than a frame come in several", outcomes_that_fill_more_than_a_frame_come_in_several},
  {"followers are sent away if they cannot be told of a write", followers_are_sent_away_if_they_cannot_be_told_of_a_write},
  {"a history is renewed under code that cannot run on it", a_history_is_renewed_under_code_that_cannot_run_on_it},
  {"a renewal that storage refuses changes nothing, and is logged", a_renewal_that_storage_refuses_changes_nothing_and_is_logged},
  {0},
};
