// SPDX-License-Identifier: MIT
// An outcome is repeated as it was told: whatever a handler says comes back the same from memory and from storage, or is
// refused when it is said; and what storage has no trace of is never called committed.
#include "../../src/action.h"
#include "../../src/error.h"
#include "../../src/json.h"
#include "../../src/limits.h"
#include "talk.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What the next handler says.
static ds_view saying;

static void write_one(ds_action *action) {
  ds_run(action, "INSERT INTO notes DEFAULT VALUES");
}

static void say_result(ds_action *action) {
  write_one(action);
  ds_result(action, saying);
}

static void say_data(ds_action *action) {
  write_one(action);
  ds_reject_with(action, DS_CONFLICT, NULL, saying);
}

static void say_message(ds_action *action) {
  write_one(action);
  ds_reject_in_words(action, DS_CONFLICT, saying, (ds_view){0});
}

static void raise(ds_action *action) {
  write_one(action);
  ds_reject_failure(action, DS_SQL_CONSTRAINT, saying);
}

static const ds_app app = {
  .channels = (const ds_channel[]){{.name = "notes"}, {0}},
  .migrations = (const ds_migration[]){{.sql = "CREATE TABLE notes (id INTEGER PRIMARY KEY NOT NULL)"}, {0}},
  .actions = (const ds_action_type[]){{"notes", "result", say_result}, {"notes", "data", say_data},
    {"notes", "message", say_message}, {"notes", "raise", raise}, {0}},
};

// ---- Telling and asking again

// What the socket hears of number 1: the bytes between the brackets of "outcomes". The caller frees them.
static char *outcomes_of(world *w, ds_socket socket, const char *type) {
  talk_send(w, socket, "{\"type\":\"actions\",\"acknowledged\":0,\"actions\":[{\"number\":1,\"channel\":\"notes\",\"type\":\"%s\"}]}", type);
  world_turn(w);
  char *heard = NULL;
  for (ds_view frame; !ds_view_absent(frame = world_receive(w, socket)); free((char *)frame.at)) {
    CHECK(ds_json_validate(frame, NULL));
    ds_view outcomes = ds_json_member(frame, "outcomes");
    if (ds_view_absent(outcomes) || heard) continue;
    heard = malloc(outcomes.size + 1);
    memcpy(heard, outcomes.at, outcomes.size);
    heard[outcomes.size] = '\0';
  }
  CHECK(heard != NULL);
  return heard;
}

// Has a handler say `said`, and checks that it is told the same three times, the last from storage, and that it begins so.
static void check_repeated(const char *type, ds_view said, const char *begins) {
  world w = talk_start(&app);
  ds_socket socket = talk_greet(&w, "a");
  saying = said;
  char *told = outcomes_of(&w, socket, type);
  saying = DS_LITERAL("\"something else\"");
  char *again = outcomes_of(&w, socket, type);
  world_start(&w);
  char *stored = outcomes_of(&w, socket, type);
  CHECK_TEXT(ds_view_of(again), told);
  CHECK_TEXT(ds_view_of(stored), told);
  if (strncmp(told, begins, strlen(begins)) != 0) test_fail(__FILE__, __LINE__, "%s: %.100s does not begin with %s", type, told, begins);
  talk_sql(&w, "SELECT count(*) FROM notes", strstr(told, "committed") ? "[[1]]" : "[[0]]");
  free(told);
  free(again);
  free(stored);
  world_free(&w);
}

#define TOLD(status) "[{\"number\":1,\"status\":\"" status "\""
#define REFUSED TOLD("rejected") ",\"code\":\"internal\",\"message\":\"The object failed while it handled the frame; nothing of it was kept.\""
#define COMMITTED TOLD("committed")
#define CONFLICT TOLD("rejected") ",\"code\":\"conflict\""

static void what_is_as_deep_as_can_be_stored_is_told_and_no_deeper(void) {
  char text[2 * DS_MAX_DEPTH + 1];
  for (size_t depth = 1; depth <= DS_MAX_DEPTH; depth++) {
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    bool fits = depth + 3 <= DS_MAX_DEPTH;
    check_repeated("result", (ds_view){text, 2 * depth}, fits ? COMMITTED ",\"result\":[" : REFUSED);
    check_repeated("data", (ds_view){text, 2 * depth}, fits ? CONFLICT : REFUSED);
  }
}

// A string of `size` bytes with its quotes, of `letter`.
static ds_view long_string(char *room, size_t size, char letter) {
  memset(room, letter, size);
  room[0] = room[size - 1] = '"';
  return (ds_view){room, size};
}

static void what_is_as_long_as_can_be_stored_is_told_and_no_longer(void) {
  static char room[DS_MAX_RESULT + 2];
  for (size_t size = DS_MAX_RESULT - 1; size <= DS_MAX_RESULT + 1; size++) {
    bool fits = size <= DS_MAX_RESULT;
    check_repeated("result", long_string(room, size, 'x'), fits ? COMMITTED ",\"result\":\"xxx" : REFUSED);
    check_repeated("data", long_string(room, size, 'x'), fits ? CONFLICT : REFUSED);
    ds_view message = long_string(room, size, 'x');
    check_repeated("message", (ds_view){message.at + 1, size - 2}, fits ? CONFLICT : REFUSED);
    // A control character is six bytes of JSON, a backslash two.
    check_repeated("message", (ds_view){memset(room, 1, size / 6), size / 6}, size / 6 * 6 + 2 <= DS_MAX_RESULT ? CONFLICT : REFUSED);
  }
}

static void what_is_no_text_is_refused(void) {
  static const char *const bytes[] = {"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80", "\x80"};
  for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) check_repeated("message", ds_view_of(bytes[i]), REFUSED);
  static const char *const json[] = {"\"\\ud800\"", "\"\\udc00\"", "\"\xff\"", "nul", "", " ", "{\"a\":1", "[1] 2", "1e999"};
  for (size_t i = 0; i < sizeof json / sizeof *json; i++) {
    check_repeated("result", ds_view_of(json[i]), REFUSED);
    check_repeated("data", ds_view_of(json[i]), REFUSED);
  }
}

static void what_is_text_is_told_byte_by_byte(void) {
  check_repeated("message", DS_LITERAL(""), CONFLICT ",\"message\":\"\"");
  check_repeated("message", (ds_view){"a\0b", 3}, CONFLICT ",\"message\":\"a\\u0000b\"");
  check_repeated("message", DS_LITERAL("\xf0\x9f\x98\x80\xef\xbf\xbf\"\\\n\x7f"), CONFLICT);
  check_repeated("result", DS_LITERAL(" { \"number\" : 7 , \"number\" : 8 } "), COMMITTED);
  check_repeated("result", DS_LITERAL("{\"status\":\"rejected\",\"lost\":true,\"\\u0000\":\"\\u0000\"}"), COMMITTED);
  check_repeated("result", DS_LITERAL("null"), COMMITTED ",\"result\":null");
  check_repeated("result", (ds_view){0}, COMMITTED "}]");
  check_repeated("data", DS_LITERAL("-1.7976931348623157e308"), CONFLICT);
}

static void a_constraint_with_a_name_that_nobody_would_read_is_told_without_it(void) {
  static char name[100000];
  memset(name, 'x', sizeof name);
#define FAILED TOLD("rejected") ",\"code\":\"constraint\",\"message\":\"A constraint of the table refused the change.\",\"data\":"
  check_repeated("raise", (ds_view){name, 1000}, FAILED "{\"constraint\":\"trigger\",\"name\":\"xxx");
  check_repeated("raise", (ds_view){name, 1001}, FAILED "{\"constraint\":\"trigger\"}");
  check_repeated("raise", (ds_view){name, sizeof name}, FAILED "{\"constraint\":\"trigger\"}");
#undef FAILED
}

// ---- Storage that says something else

#define LOST "\"status\":\"rejected\",\"code\":\"internal\",\"message\":\"What became of the action can no longer be read"

// Settles three numbers, has the row say something else, and asks for `number` again.
static void ask_after(const char *set, int number, const char *outcome) {
  world w = talk_start(&app);
  ds_socket socket = talk_greet(&w, "a");
  saying = DS_LITERAL("7");
  static const char frame[] = "{\"type\":\"actions\",\"acknowledged\":0,\"actions\":[{\"number\":%d,\"channel\":\"notes\",\"type\":\"%s\"}]}";
  for (int i = 1; i <= 3; i++) talk_send(&w, socket, frame, i, i == 2 ? "data" : "result");
  world_turn(&w);
  talk_skip(&w, socket);
  char update[500];
  snprintf(update, sizeof update, "UPDATE durasync_client SET %s", set);
  talk_sql(&w, update, "[]");
  world_start(&w);
  char start[300];
  snprintf(start, sizeof start, "{\"type\":\"patch\",\"epoch\":\"0001020304050607\",\"changes\":[],\"outcomes\":[{\"number\":%d,%s", number, outcome);
  talk_send(&w, socket, frame, number, "result");
  world_turn(&w);
  talk_hear(&w, socket, start);
  // The next action is carried out once, and what was lost stays lost when the row has been written again.
  bool counts = !strstr(set, "settled");
  if (counts) {
    talk_act(&w, socket, 4, "notes", "result", "null");
    talk_skip(&w, socket);
    world_start(&w);
    talk_send(&w, socket, frame, number, "result");
    world_turn(&w);
    talk_hear(&w, socket, start);
  }
  talk_sql(&w, "SELECT count(*) FROM notes", counts ? "[[3]]" : "[[2]]");
  world_free(&w);
}

static void an_outcome_that_cannot_be_read_is_never_called_committed(void) {
  static const char *const garbage[] = {
    "outcomes = ''", "outcomes = '['", "outcomes = substr(outcomes, 1, 60)", "outcomes = 'null'", "outcomes = '{}'",
    "outcomes = '7'", "outcomes = '[7]'", "outcomes = '[{}]'", "outcomes = '[null,{\"number\":1}]'",
    "outcomes = '[{\"number\":2}]'", "outcomes = '[{\"number\":\"2\",\"status\":\"committed\"}]'",
    "outcomes = '[{\"number\":2,\"status\":\"rejected\"}]'", "outcomes = '[{\"number\":2.5,\"status\":\"committed\"}]'",
    "outcomes = '[{\"number\":0,\"status\":\"committed\"}]'", "outcomes = '[{\"number\":4,\"status\":\"committed\"}]'",
    "outcomes = '[{\"number\":2,\"status\":\"committed\"},{\"number\":2,\"status\":\"committed\"}]'",
    "outcomes = '[{\"number\":9223372036854775807,\"status\":\"committed\"}]'",
    "outcomes = CAST(X'5bff5d' AS TEXT)", "outcomes = replace(hex(zeroblob(40)), '00', '[')",
    "settled = -1", "settled = 9223372036854775807", "settled = -9223372036854775808", "settled = 9007199254740992",
  };
  for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++)
    for (int number = 1; number <= 3; number++) ask_after(garbage[i], number, LOST);
  ask_after("seen = -9223372036854775808", 2, "\"status\":\"rejected\",\"code\":\"conflict\"");
  ask_after("seen = 9223372036854775807", 1, "\"status\":\"committed\",\"result\":7");
}

static void a_client_of_whom_nothing_can_be_read_is_told_to_begin_anew(void) {
  world w = talk_start(&app);
  ds_socket socket = talk_greet(&w, "a");
  saying = DS_LITERAL("7");
  talk_act(&w, socket, 1, "notes", "result", "null");
  talk_sql(&w, "UPDATE durasync_client SET settled = -5", "[]");
  world_start(&w);
  ds_socket back = world_open(&w);
  talk_send(&w, back, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"a\"}");
  world_turn(&w);
  talk_hear(&w, back, "{\"type\":\"error\",\"code\":\"client_forgotten\"");
  world_free(&w);
}

static void no_number_is_too_large_to_be_acknowledged(void) {
  world w = talk_start(&app);
  ds_socket socket = talk_greet(&w, "a");
  talk_send(&w, socket, "{\"type\":\"actions\",\"acknowledged\":9223372036854775807,\"actions\":"
    "[{\"number\":9223372036854775807,\"channel\":\"notes\",\"type\":\"result\"}]}");
  talk_send(&w, socket, "{\"type\":\"actions\",\"acknowledged\":0,\"actions\":[{\"number\":9007199254740992,\"channel\":\"notes\",\"type\":\"result\"}]}");
  world_turn(&w);
  talk_hear(&w, socket, "{\"type\":\"error\",\"code\":\"out_of_order\"");
  talk_hear(&w, socket, "{\"type\":\"error\",\"code\":\"outbox_full\"");
  talk_sql(&w, "SELECT count(*) FROM notes", "[[0]]");
  world_free(&w);
}

// ---- Clients of whom nothing was carried out

#define ACT "{\"type\":\"actions\",\"acknowledged\":0,\"actions\":[{\"number\":%d,\"channel\":\"notes\",\"type\":\"%s\"}]}"

// Says hello as so many new clients, and has each refused `actions` times.
static void invent(world *w, int clients, int actions, const char *type) {
  static int invented;
  for (int i = 0; i < clients; i++) {
    ds_socket socket = world_open(w);
    talk_send(w, socket, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"invented%d\"}", invented++);
    for (int number = 1; number <= actions; number++) talk_send(w, socket, ACT, number, type);
    world_turn(w);
    talk_skip(w, socket);
    world_close(w, socket);
    if (i % 100 == 0) w->host->clock++;
  }
}

// What is kept of clients that were refused, and of how many.
static void check_kept(world *w) {
  talk_sql(w, "SELECT count(*) > 1000, total(length(outcomes)) + 1000 * count(*) <= 4000000 FROM durasync_client", "[[1,1]]");
}

// DS_MAX_REFUSED_BYTES for all such clients together, each of them counted with DS_REFUSED_CLIENT beside its outcomes.
static void who_may_do_nothing_cannot_fill_the_storage(void) {
  world w = talk_start(&app);
  ds_socket honest = talk_greet(&w, "honest");
  saying = DS_LITERAL("{\"full\":true}");
  talk_act(&w, honest, 1, "notes", "data", "null");
  talk_act(&w, honest, 2, "notes", "result", "null");
  talk_skip(&w, honest);
  invent(&w, 4200, 1, "data");
  check_kept(&w);
  world_start(&w); // the count is lost, and taken again
  invent(&w, 2100, 1, "no such type");
  check_kept(&w);
  // Who has done something is forgotten for nobody: what became of it is told as it was.
  saying = DS_LITERAL("7");
  talk_act(&w, honest, 1, "notes", "result", "null");
  talk_hear(&w, honest, "{\"type\":\"patch\",\"epoch\":\"0001020304050607\",\"changes\":[],\"outcomes\":[{\"number\":1,\"status\":\"rejected\",\"code\":\"conflict\"");
  talk_sql(&w, "SELECT count(*) FROM notes", "[[1]]");
  world_free(&w);
}

static void long_rejections_are_bounded_together_as_well(void) {
  static char room[60000];
  world w = talk_start(&app);
  saying = long_string(room, sizeof room, 'x');
  invent(&w, 20, 17, "data");
  talk_sql(&w, "SELECT count(*) BETWEEN 1 AND 3, total(length(outcomes)) <= 4000000 FROM durasync_client", "[[1,1]]");
  world_free(&w);
}

static void a_client_that_was_refused_at_first_keeps_its_numbers_when_it_acts(void) {
  world w = talk_start(&app);
  ds_socket socket = talk_greet(&w, "a");
  saying = DS_LITERAL("7");
  talk_act(&w, socket, 1, "notes", "data", "null");
  talk_sql(&w, "SELECT client, settled FROM durasync_client", "[[\"!a\",1]]");
  world_start(&w);
  talk_act(&w, socket, 2, "notes", "result", "null");
  talk_sql(&w, "SELECT client, settled FROM durasync_client", "[[\"a\",2]]");
  talk_skip(&w, socket);
  world_start(&w);
  for (int number = 1; number <= 2; number++) talk_send(&w, socket, ACT, number, "result");
  world_turn(&w);
  talk_hear(&w, socket, "{\"type\":\"patch\",\"epoch\":\"0001020304050607\",\"changes\":[],\"outcomes\":[{\"number\":1,\"status\":\"rejected\"");
  talk_sql(&w, "SELECT count(*) FROM notes", "[[1]]");
  world_free(&w);
}

const test outcomes_tests[] = {
  {"who may do nothing cannot fill the storage", who_may_do_nothing_cannot_fill_the_storage},
  {"long rejections are bounded together as well", long_rejections_are_bounded_together_as_well},
  {"a client that was refused at first keeps its numbers when it acts", a_client_that_was_refused_at_first_keeps_its_numbers_when_it_acts},
  {"what is as deep as can be stored is told, and no deeper", what_is_as_deep_as_can_be_stored_is_told_and_no_deeper},
  {"what is as long as can be stored is told, and no longer", what_is_as_long_as_can_be_stored_is_told_and_no_longer},
  {"what is no text is refused", what_is_no_text_is_refused},
  {"what is text is told byte by byte", what_is_text_is_told_byte_by_byte},
  {"a constraint with a name that nobody would read is told without it", a_constraint_with_a_name_that_nobody_would_read_is_told_without_it},
  {"an outcome that cannot be read is never called committed", an_outcome_that_cannot_be_read_is_never_called_committed},
  {"a client of whom nothing can be read is told to begin anew", a_client_of_whom_nothing_can_be_read_is_told_to_begin_anew},
  {"no number is too large to be acknowledged", no_number_is_too_large_to_be_acknowledged},
  {0},
};
