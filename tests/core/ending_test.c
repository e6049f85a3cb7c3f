// SPDX-License-Identifier: MIT
// Actions that end the transaction of their whole turn, by ON CONFLICT ROLLBACK or RAISE(ROLLBACK): they are rejected, and nobody else notices.
#include "../../src/limits.h"
#include "talk.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void bump(ds_action *action) {
  ds_run(action, "UPDATE counters SET n = n + :by WHERE id = 'n'");
}

static void conflict(ds_action *action) {
  ds_run(action, "INSERT OR ROLLBACK INTO counters (id) VALUES ('n')");
}

static void raise_rollback(ds_action *action) {
  ds_run(action, "INSERT INTO private VALUES ('raise')");
}

static void declared(ds_action *action) {
  ds_run(action, "INSERT INTO private VALUES ('n')");
}

// What it does after the end does not happen either.
static void go_on(ds_action *action) {
  ds_run(action, "UPDATE OR ROLLBACK counters SET n = NULL");
  ds_run(action, "UPDATE counters SET n = 1000");
  ds_reject(action, DS_FORBIDDEN, "not this");
}

static void ask(ds_action *action) {
  ds_run(action, "INSERT INTO private VALUES ('raise')");
}

static const ds_app app = {
  .channels = (const ds_channel[]){{.name = "counters"}, {.name = "asked", .can_read = ask}, {0}},
  .migrations =
    (const ds_migration[]){
      {"CREATE TABLE counters (id TEXT PRIMARY KEY NOT NULL, n INTEGER NOT NULL DEFAULT 0); INSERT INTO counters (id) VALUES ('n');"
       "CREATE TABLE asked (id TEXT PRIMARY KEY);"
       "CREATE TABLE private (id TEXT UNIQUE ON CONFLICT ROLLBACK); INSERT INTO private VALUES ('n');"
       "CREATE TRIGGER guard BEFORE INSERT ON private WHEN NEW.id = 'raise' BEGIN SELECT RAISE(ROLLBACK, 'not-that'); END"},
      {0}},
  .actions =
    (const ds_action_type[]){
      {"counters", "bump", bump}, {"counters", "conflict", conflict}, {"counters", "raise", raise_rollback},
      {"counters", "declared", declared}, {"counters", "go-on", go_on}, {0}},
};

#define ACT(number, type) "{\"number\":" #number ",\"channel\":\"counters\",\"type\":\"" type "\",\"payload\":{\"by\":" #number "}}"
#define ACTIONS(list) "{\"type\":\"actions\",\"acknowledged\":0,\"actions\":[" list "]}"
#define COMMITTED(number) "{\"number\":" #number ",\"status\":\"committed\"}"

// The next frame's outcomes, without those members that say more.
static void check_outcomes(world *w, ds_socket socket, const char *statuses) {
  ds_view frame = world_receive(w, socket);
  char found[2000] = "";
  for (const char *at = ds_view_absent(frame) ? NULL : strstr(frame.at, "\"outcomes\""); at && (at = strstr(at, "\"status\":\"")); at += 10) {
    const char *code = strstr(at, "\"code\":\"");
    bool committed = at[10] == 'c';
    const char *word = committed ? at + 10 : code + 8;
    snprintf(found + strlen(found), sizeof found - strlen(found), "%s%.*s", *found ? " " : "", (int)strcspn(word, "\""), word);
  }
  if (strcmp(found, statuses) != 0) test_fail(__FILE__, __LINE__, "told \"%s\", not \"%s\"", found, statuses);
  free((char *)frame.at);
}

static void check_turn(const char *actions, const char *outcomes, const char *rows) {
  world w = talk_start(&app);
  ds_socket a = talk_greet(&w, "a");
  talk_send(&w, a, "%s", actions);
  world_turn(&w);
  check_outcomes(&w, a, outcomes);
  talk_hear_nothing(&w, a);
  talk_sql(&w, "SELECT n FROM counters", rows);
  // What was told is kept with its effects.
  talk_send(&w, a, "%s", actions);
  world_turn(&w);
  check_outcomes(&w, a, outcomes);
  talk_sql(&w, "SELECT n FROM counters", rows);
  world_free(&w);
}

static void an_action_that_ends_the_transaction_is_rejected_alone(void) {
  check_turn(ACTIONS(ACT(1, "bump") "," ACT(2, "conflict") "," ACT(3, "bump")), "committed constraint committed", "[[4]]");
  check_turn(ACTIONS(ACT(1, "bump") "," ACT(2, "raise") "," ACT(3, "bump")), "committed constraint committed", "[[4]]");
  check_turn(ACTIONS(ACT(1, "bump") "," ACT(2, "declared") "," ACT(3, "bump")), "committed constraint committed", "[[4]]");
  check_turn(ACTIONS(ACT(1, "go-on") "," ACT(2, "bump") "," ACT(3, "go-on")), "constraint committed constraint", "[[2]]");
  check_turn(ACTIONS(ACT(1, "conflict")), "constraint", "[[0]]");
}

static void what_ended_the_transaction_is_told_by_name(void) {
  world w = talk_start(&app);
  ds_socket a = talk_greet(&w, "a");
  talk_send(&w, a, ACTIONS(ACT(1, "raise") "," ACT(2, "conflict")));
  world_turn(&w);
  ds_view frame = world_receive(&w, a);
  CHECK(strstr(frame.at, "\"data\":{\"constraint\":\"trigger\",\"name\":\"not-that\"}"));
  CHECK(strstr(frame.at, "\"data\":{\"constraint\":\"unique\",\"name\":\"counters.id\"}"));
  free((char *)frame.at);
  world_free(&w);
}

// Everybody's, of both versions of the protocol; and each follower gets each change once.
static void the_others_of_the_turn_do_not_notice(void) {
  world w = talk_start(&app);
  ds_socket a = talk_greet(&w, "a");
  ds_socket b = talk_greet(&w, "b");
  ds_socket old = world_open(&w);
  talk_send(&w, b, "{\"type\":\"subscribe\",\"channel\":\"counters\",\"cursor\":null}");
  talk_send(&w, old, "{\"channel\":\"counters\",\"rpc\":true,\"id\":\"r1\",\"action\":{\"type\":\"bump\",\"payload\":{\"by\":10}}}");
  talk_send(&w, old, "{\"channel\":\"counters\",\"rpc\":true,\"id\":\"r2\",\"action\":{\"type\":\"raise\"}}");
  talk_send(&w, a, ACTIONS(ACT(1, "conflict")));
  talk_send(&w, b, ACTIONS(ACT(1, "bump")));
  world_turn(&w);
  check_outcomes(&w, a, "constraint");
  talk_skip(&w, b);
  talk_hear(&w, old, "{\"type\":\"success\",\"rpc\":true,\"channel\":\"counters\",\"id\":\"r1\"");
  talk_hear(&w, old, "{\"type\":\"error\",\"rpc\":true,\"channel\":\"counters\",\"id\":\"r2\"");
  talk_hear_nothing(&w, old);
  talk_sql(&w, "SELECT n FROM counters", "[[11]]");
  talk_act(&w, a, 2, "counters", "bump", "{\"by\":5}");
  talk_hear(&w, b, "{\"type\":\"patch\"");
  talk_hear_nothing(&w, b);
  world_free(&w);
}

// More of them than a turn is done again for: what is left comes with the next turn, and all of it ends.
static void a_frame_full_of_them_is_done_in_several_turns(void) {
  enum { COUNT = 3 * DS_MAX_REDONE };
  world w = talk_start(&app);
  ds_socket a = talk_greet(&w, "a");
  char frame[4000] = "{\"type\":\"actions\",\"acknowledged\":0,\"actions\":[";
  for (int i = 1; i <= COUNT; i++)
    snprintf(frame + strlen(frame), sizeof frame - strlen(frame), "%s{\"number\":%d,\"channel\":\"counters\",\"type\":\"%s\",\"payload\":{\"by\":1}}",
      i > 1 ? "," : "", i, i % 3 ? "conflict" : "bump");
  strcat(frame, "]}");
  int turns = 0;
  do {
    talk_skip(&w, a);
    talk_send(&w, a, "%s", frame);
    world_turn(&w);
  } while (w.waiting_count && ++turns < COUNT);
  CHECK_INT(turns, 2);
  talk_sql(&w, "SELECT n FROM counters", "[[8]]");
  talk_sql(&w, "SELECT settled FROM durasync_client", "[[24]]");
  world_free(&w);
}

static void who_asks_to_read_may_end_the_transaction_too(void) {
  world w = talk_start(&app);
  ds_socket a = talk_greet(&w, "a");
  ds_socket b = talk_greet(&w, "b");
  talk_send(&w, a, ACTIONS(ACT(1, "bump")));
  talk_send(&w, b, "{\"type\":\"subscribe\",\"channel\":\"asked\",\"cursor\":null}");
  world_turn(&w);
  check_outcomes(&w, a, "committed");
  talk_hear(&w, b, "{\"type\":\"error\",\"code\":\"constraint\"");
  talk_sql(&w, "SELECT n FROM counters", "[[1]]");
  world_free(&w);
}

const test ending_tests[] = {
  {"an action that ends the transaction is rejected alone", an_action_that_ends_the_transaction_is_rejected_alone},
  {"what ended the transaction is told by name", what_ended_the_transaction_is_told_by_name},
  {"the others of the turn do not notice", the_others_of_the_turn_do_not_notice},
  {"a frame full of them is done in several turns", a_frame_full_of_them_is_done_in_several_turns},
  {"who asks to read may end the transaction, too", who_asks_to_read_may_end_the_transaction_too},
  {0},
};
