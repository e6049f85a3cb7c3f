// SPDX-License-Identifier: MIT
// What an app can be besides its actions: who connects, what the object does by itself, what it says no to and how, versions, actions that wait.
#include "../../src/action.h"
#include "../../src/json.h"
#include "../../src/limits.h"
#include "talk.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- An app with everything

static bool outside_has_answered;

static void insert(ds_action *action) {
  ds_run(action, "INSERT INTO notes (id, text, author) VALUES (:id, :text, $user)");
}

static void edit(ds_action *action) {
  ds_run_found(action, "UPDATE notes SET text = :text WHERE id = :id");
}

static void wipe(ds_action *action) {
  ds_require(action, "$role = 'admin' AND EXISTS (SELECT 1 FROM notes)");
  ds_run(action, "DELETE FROM notes");
}

static void wait_outside(ds_action *action) {
  insert(action);
  if (!outside_has_answered) ds_wait(action);
}

static void dollar(ds_action *action) {
  ds_run(action, "INSERT INTO notes (id, text, author) SELECT :id, a$user || '$user', ifnull($nobody, 'nobody') FROM (SELECT 'a' AS a$user)");
}

static void reject_with_data(ds_action *action) {
  ds_reject_with(action, DS_CONFLICT, NULL, DS_LITERAL("{\"winner\":[1]}"));
}

static void reject_with_nonsense(ds_action *action) {
  ds_reject_with(action, DS_CONFLICT, NULL, DS_LITERAL("{winner}"));
}

static void name_itself(ds_action *action) {
  ds_text json = ds_text_new(action->sql.arena);
  ds_text_json(&json, ds_channel_name(action));
  ds_text_str(&json, " ");
  ds_text_json(&json, ds_type_name(action));
  char *space = strchr(json.at, ' ');
  if (space) *space = ','; // "notes","any"
  ds_text all = ds_text_new(action->sql.arena);
  ds_text_str(&all, "[");
  ds_text_add(&all, ds_text_view(&json));
  ds_text_str(&all, "]");
  ds_result(action, ds_text_view(&all));
}

static void admit(ds_action *action) {
  if (ds_view_is(ds_payload_text(action, "url"), "https://app.example/big")) {
    char *identity = ds_arena_take(action->sql.arena, DS_MAX_IDENTITY + 2);
    memset(identity, 'x', DS_MAX_IDENTITY + 1);
    memcpy(identity, "{\"a\":\"", 6);
    memcpy(identity + DS_MAX_IDENTITY - 1, "\"}", 2);
    ds_result(action, (ds_view){identity, DS_MAX_IDENTITY + 1});
    return;
  }
  ds_view user = ds_json_string(action->sql.arena, ds_json_member(ds_payload(action, "headers"), "user"));
  if (ds_view_is(user, "mallory")) ds_reject(action, DS_FORBIDDEN, "Not you.");
  if (ds_view_is(user, "nobody")) ds_result(action, DS_LITERAL("[]"));
  if (ds_view_is(user, "ann")) ds_result(action, DS_LITERAL("{\"user\":\"ann\",\"role\":\"guest\"}"));
  ds_run(action, "INSERT INTO notes (id, text) VALUES ('door ' || (SELECT count(*) FROM notes), 'came')");
}

static void alarm_rings(ds_action *action) {
  ds_run(action, "INSERT INTO notes (id, text) VALUES ('alarm', 'rang')");
  ds_set_alarm(action, ds_now(action) + 60000);
}

static void leave(ds_action *action) {
  ds_run(action, "INSERT INTO notes (id, text, author) VALUES ('left', '', $user)");
}

static void only_admins(ds_action *action) {
  ds_require(action, "$role = 'admin'");
}

static void split_texts(ds_action *action) {
  ds_run(action, "UPDATE notes SET text = text || '!'");
}

static void always_fails(ds_action *action) {
  ds_run(action, "UPDATE notes SET text = 'half done'");
  ds_reject(action, DS_CONFLICT, "cannot be done");
}

static const ds_field note[] = {
  {"id", DS_TEXT, .min = 1, .max = 5}, {"text", DS_TEXT}, {"stars", DS_INTEGER, .min = -1, .max = 5, .optional = true}, {"flag", DS_BOOLEAN, .optional = true},
  {"weight", DS_NUMBER, .optional = true}, {"extra", DS_JSON, .optional = true}, {0}};
static const ds_field anything[] = {{"extra", DS_JSON}, {0}};

#define NOTES "CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, text TEXT NOT NULL CHECK (text <> 'no') CONSTRAINT short CHECK (length(text) < 10), author TEXT) STRICT"
#define CHANNELS (const ds_channel[]){{.name = "notes"}, {.name = "guarded", .table = "notes", .can_read = only_admins}, {.name = "others"}, {0}}

static const ds_app full_app = {
  .channels = CHANNELS,
  .migrations = (const ds_migration[]){{NOTES "; CREATE TABLE others (id TEXT PRIMARY KEY NOT NULL) STRICT"}, {0}},
  .actions =
    (const ds_action_type[]){
      {"notes", "insert", insert},
      {"notes", "checked", insert, note},
      {"notes", "extra", insert, anything},
      {"notes", "edit", edit},
      {"notes", "wipe", wipe},
      {"notes", "wait", wait_outside},
      {"notes", "dollar", dollar},
      {"notes", "data", reject_with_data},
      {"notes", "nonsense", reject_with_nonsense},
      {"notes", NULL, name_itself},
      {"guarded", "insert", insert},
      {0},
    },
  .on = {[DS_ON_CONNECT] = admit, [DS_ON_ALARM] = alarm_rings, [DS_ON_CLOSE] = leave},
  .version = 3,
  .min_version = 2,
};

#define PATCH "{\"type\":\"patch\",\"epoch\":\"0001020304050607\",\"changes\":[],\"outcomes\":["

// Sends the next action and checks how its outcome begins, after the number.
static void check_outcome(world *w, ds_socket socket, int64_t number, const char *type, const char *payload, const char *outcome) {
  char start[500];
  snprintf(start, sizeof start, PATCH "{\"number\":%d,%s", (int)number, outcome);
  talk_act(w, socket, number, "notes", type, payload);
  talk_hear(w, socket, start);
}

#define COMMITTED "\"status\":\"committed\"}]}"
#define REJECTED "\"status\":\"rejected\","
#define CONSTRAINT REJECTED "\"code\":\"constraint\",\"message\":\"A constraint of the table refused the change.\",\"data\":"

// ---- Saying no

static void a_payload_is_held_against_its_fields(void) {
  static const struct {
    const char *payload, *path, *sentence;
  } wrong[] = {
    {"null", "", "The payload must be an object."},
    {"[]", "", "The payload must be an object."},
    {"{\"text\":\"\"}", "\"id\"", "`id` must be a string of 1 to 5 bytes, and not blank."},
    {"{\"id\":\" \",\"text\":\"\"}", "\"id\"", "`id` must be a string of 1 to 5 bytes, and not blank."},
    {"{\"id\":\"123456\",\"text\":\"\"}", "\"id\"", "`id` must be a string of 1 to 5 bytes, and not blank."},
    {"{\"id\":\"1\",\"text\":1}", "\"text\"", "`text` must be a string."},
    {"{\"id\":\"1\",\"text\":null}", "\"text\"", "`text` must be a string."},
    {"{\"id\":\"1\",\"text\":\"\",\"stars\":6}", "\"stars\"", "`stars` must be an integer from -1 to 5."},
    {"{\"id\":\"1\",\"text\":\"\",\"stars\":-2}", "\"stars\"", "`stars` must be an integer from -1 to 5."},
    {"{\"id\":\"1\",\"text\":\"\",\"stars\":1.5}", "\"stars\"", "`stars` must be an integer from -1 to 5."},
    {"{\"id\":\"1\",\"text\":\"\",\"flag\":1}", "\"flag\"", "`flag` must be true or false."},
    {"{\"id\":\"1\",\"text\":\"\",\"weight\":\"1\"}", "\"weight\"", "`weight` must be a number."},
  };
  world w = talk_start(&full_app);
  ds_socket a = talk_greet(&w, "a");
  int64_t number = 1;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    char outcome[300];
    snprintf(outcome, sizeof outcome, REJECTED "\"code\":\"invalid_payload\",\"message\":\"%s\",\"data\":{\"path\":[%s]}}]}", wrong[i].sentence, wrong[i].path);
    check_outcome(&w, a, number++, "checked", wrong[i].payload, outcome);
  }
  check_outcome(&w, a, number++, "extra", "{\"id\":\"x\",\"text\":\"\"}", REJECTED "\"code\":\"invalid_payload\",\"message\":\"`extra` must be there.\"");
  talk_sql(&w, "SELECT count(*) FROM notes", "[[0]]");
  check_outcome(&w, a, number++, "checked", "{\"id\":\"12345\",\"text\":\"\",\"stars\":-1,\"flag\":false,\"weight\":1e3,\"extra\":null,\"more\":1}", COMMITTED);
  check_outcome(&w, a, number++, "checked", "{\"id\":\"2\",\"text\":\"\",\"stars\":null,\"extra\":[]}", COMMITTED);
  check_outcome(&w, a, number++, "extra", "{\"id\":\"3\",\"text\":\"\",\"extra\":null}", COMMITTED);
  world_free(&w);
}

static void a_constraint_is_told_by_name_and_never_by_its_sql(void) {
  world w = talk_start(&full_app);
  ds_socket a = talk_greet(&w, "a");
  check_outcome(&w, a, 1, "insert", "{\"id\":\"1\",\"text\":\"\"}", COMMITTED);
  check_outcome(&w, a, 2, "insert", "{\"id\":\"1\",\"text\":\"\"}", CONSTRAINT "{\"constraint\":\"unique\",\"name\":\"notes.id\"}}]}");
  check_outcome(&w, a, 3, "insert", "{\"id\":\"2\"}", CONSTRAINT "{\"constraint\":\"not null\",\"name\":\"notes.text\"}}]}");
  check_outcome(&w, a, 4, "insert", "{\"id\":\"2\",\"text\":\"far too long\"}", CONSTRAINT "{\"constraint\":\"check\",\"name\":\"short\"}}]}");
  check_outcome(&w, a, 5, "insert", "{\"id\":\"2\",\"text\":\"no\"}", CONSTRAINT "{\"constraint\":\"check\"}}]}");

  world_free(&w);
}

static void the_words_of_a_failed_constraint_are_read_as_sqlite_and_the_platform_write_them(void) {
  static const struct {
    const char *message, *data;
  } said[] = {
    {"UNIQUE constraint failed: t.a, t.b: SQLITE_CONSTRAINT", "{\"constraint\":\"unique\",\"name\":\"t.a, t.b\"}"},
    {"UNIQUE constraint failed: index 'by; DROP': SQLITE_CONSTRAINT", "{\"constraint\":\"unique\"}"},
    {"FOREIGN KEY constraint failed: SQLITE_CONSTRAINT", "{\"constraint\":\"foreign key\"}"},
    {"CHECK constraint failed: a AND b: SQLITE_CONSTRAINT", "{\"constraint\":\"check\"}"},
    {"cannot store TEXT value in INTEGER column t.n: SQLITE_CONSTRAINT", "{\"constraint\":\"type\",\"name\":\"t.n\"}"},
    {"not on a Tuesday: SQLITE_CONSTRAINT", "{\"constraint\":\"trigger\",\"name\":\"not on a Tuesday\"}"},
    {"x = (SELECT 1): SQLITE_CONSTRAINT", "{\"constraint\":\"trigger\"}"},
    {"", "{\"constraint\":\"trigger\"}"},
  };
  for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
    world w = talk_start(&full_app);
    ds_arena *arena = ds_arena_new();
    ds_action action = {.sql = {.host = &w.host->calls, .arena = arena}};
    ds_reject_failure(&action, DS_SQL_CONSTRAINT, ds_view_of(said[i].message));
    CHECK_INT(action.outcome.code, DS_CONSTRAINT);
    CHECK_TEXT(action.outcome.data, said[i].data);
    ds_arena_free(arena);
    world_free(&w);
  }
}

static void a_rejection_carries_data(void) {
  world w = talk_start(&full_app);
  ds_socket a = talk_greet(&w, "a");
  check_outcome(&w, a, 1, "data", "null", REJECTED "\"code\":\"conflict\",\"message\":\"The record has changed in a way that rules the action out.\",\"data\":{\"winner\":[1]}}]}");
  check_outcome(&w, a, 2, "nonsense", "null", REJECTED "\"code\":\"internal\"");
  check_outcome(&w, a, 3, "edit", "{\"id\":\"gone\",\"text\":\"\"}", REJECTED "\"code\":\"not_found\",\"message\":\"The record does not exist.\"}]}");
  check_outcome(&w, a, 4, "anything else", "null", "\"status\":\"committed\",\"result\":[\"notes\",\"anything else\"]}]}");
  world_free(&w);
}

// ---- Identity

static void an_identity_is_known_to_handlers_after_a_sleep_and_kept_in_the_attachment(void) {
  world w = talk_start(&full_app);
  ds_socket a = talk_greet_as(&w, "a", "{\"user\":\"ann\",\"role\":\"admin\"}");
  check_outcome(&w, a, 1, "insert", "{\"id\":\"1\",\"text\":\"\"}", COMMITTED);
  world_start(&w);
  check_outcome(&w, a, 2, "dollar", "{\"id\":\"2\"}", COMMITTED);
  talk_sql(&w, "SELECT id, text, author FROM notes ORDER BY id", "[[\"1\",\"\",\"ann\"],[\"2\",\"a$user\",\"nobody\"]]");
  check_outcome(&w, a, 3, "wipe", "null", COMMITTED);
  check_outcome(&w, a, 4, "wipe", "null", REJECTED "\"code\":\"forbidden\"");
  world_free(&w);
}

static void peers_that_come_and_go_leave_no_memory_behind_and_keep_their_identities(void) {
  world w = talk_start(&full_app);
  ds_socket first = talk_greet_as(&w, "first", "{\"user\":\"first\"}");
  char identity[2000];
  memset(identity, 'x', sizeof identity);
  memcpy(identity, "{\"user\":\"", 9);
  memcpy(identity + 150, "\"}", 3);
  for (int i = 0; i < 2000; i++) {
    ds_socket socket = talk_greet_as(&w, "guest", identity);
    world_close(&w, socket);
    if (i % 50 == 0) world_turn(&w);
  }
  check_outcome(&w, first, 1, "insert", "{\"id\":\"1\",\"text\":\"\"}", COMMITTED);
  talk_sql(&w, "SELECT author FROM notes WHERE id = '1'", "[[\"first\"]]");
  world_free(&w);
}

static void a_channel_is_read_by_those_who_may(void) {
  world w = talk_start(&full_app);
  ds_socket guest = talk_greet_as(&w, "guest", "{\"role\":\"guest\"}");
  ds_socket admin = talk_greet_as(&w, "admin", "{\"role\":\"admin\"}");
  talk_send(&w, guest, "{\"type\":\"subscribe\",\"channel\":\"guarded\",\"cursor\":null}");
  talk_send(&w, guest, "{\"type\":\"page\",\"channel\":\"guarded\",\"after\":[\"\"],\"rows\":10}");
  talk_send(&w, admin, "{\"type\":\"subscribe\",\"channel\":\"guarded\",\"cursor\":null}");
  world_turn(&w);
  talk_hear(&w, guest, "{\"type\":\"error\",\"code\":\"forbidden\",\"message\":\"The client may not do that.\",\"channel\":\"guarded\"}");
  talk_hear(&w, guest, "{\"type\":\"error\",\"code\":\"forbidden\"");
  talk_hear(&w, admin, "{\"type\":\"page\",\"channel\":\"guarded\"");
  talk_act(&w, admin, 1, "notes", "insert", "{\"id\":\"1\",\"text\":\"\"}");
  talk_hear_nothing(&w, guest);
  talk_hear(&w, admin, "{\"type\":\"patch\"");
  world_free(&w);
}

// ---- Events

static void check_event(world *w, ds_event event, const char *payload, const char *outcome) {
  ds_view answer = ds_core_event(w->core, event, ds_view_of(payload), -1);
  ds_view start = {answer.at, answer.size < strlen(outcome) ? answer.size : strlen(outcome)};
  CHECK_TEXT(start, outcome);
  ds_core_end(w->core);
  sqlite_host_end_turn(w->host);
}

#define REQUEST(url, headers) "{\"url\":\"https://app.example/" url "\",\"headers\":{" headers "}}"

#define LET_IN_AS_NOBODY "{\"number\":0,\"status\":\"committed\",\"result\":\"{\\\"identity\\\":null}\"}"

static void who_connects_is_asked_of_the_app(void) {
  world w = talk_start(&full_app);
  check_event(&w, DS_ON_CONNECT, REQUEST("", "\"user\":\"ann\""), 
    "{\"number\":0,\"status\":\"committed\",\"result\":\"{\\\"identity\\\":{\\\"user\\\":\\\"ann\\\",\\\"role\\\":\\\"guest\\\"}}\"}");
  check_event(&w, DS_ON_CONNECT, REQUEST("", ""), LET_IN_AS_NOBODY);
  check_event(&w, DS_ON_CONNECT, REQUEST("", "\"user\":\"mallory\""), "{\"number\":0,\"status\":\"rejected\",\"code\":\"forbidden\",\"message\":\"Not you.\"}");
  check_event(&w, DS_ON_CONNECT, REQUEST("", "\"user\":\"nobody\""), "{\"number\":0,\"status\":\"rejected\",\"code\":\"invalid_payload\"");
  check_event(&w, DS_ON_CONNECT, REQUEST("big", ""), "{\"number\":0,\"status\":\"rejected\",\"code\":\"invalid_payload\"");
  world_free(&w);
}

static void a_page_of_another_origin_is_turned_away_before_the_app_is_asked(void) {
  static const struct {
    const char *origins[3];
    const char *origin;
    bool in;
  } cases[] = {
    {{NULL}, "\"origin\":\"https://app.example\"", true},
    {{NULL}, "\"origin\":\"http://app.example\"", true}, // behind something that ends TLS
    {{NULL}, "", true},
    {{NULL}, "\"origin\":\"https://evil.example\"", false},
    {{NULL}, "\"origin\":\"https://app.example.evil.example\"", false},
    {{NULL}, "\"origin\":\"https://app.example:8443\"", false},
    {{NULL}, "\"origin\":\"null\"", false},
    {{NULL}, "\"origin\":\"\"", false},
    {{"https://app.example", NULL}, "\"origin\":\"https://app.example\"", true},
    {{"https://other.example", NULL}, "\"origin\":\"https://app.example\"", false},
    {{"https://other.example", "*", NULL}, "\"origin\":\"https://evil.example\"", true},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ds_app app = full_app;
    app.origins = cases[i].origins[0] ? cases[i].origins : NULL;
    world w = talk_start(&app);
    char request[200];
    snprintf(request, sizeof request, REQUEST("", "%s"), cases[i].origin);
    check_event(&w, DS_ON_CONNECT, request, cases[i].in ? LET_IN_AS_NOBODY : "{\"number\":0,\"status\":\"rejected\",\"code\":\"forbidden\"");
    talk_sql(&w, "SELECT count(*) FROM notes", cases[i].in ? "[[1]]" : "[[0]]");
    world_free(&w);
  }
}

static void what_an_event_changes_goes_out_with_the_next_turn(void) {
  world w = talk_start(&full_app);
  ds_socket a = talk_greet(&w, "a");
  talk_send(&w, a, "{\"type\":\"subscribe\",\"channel\":\"notes\",\"cursor\":null}");
  world_turn(&w);
  talk_hear(&w, a, "{\"type\":\"page\"");
  check_event(&w, DS_ON_ALARM, "null", "{\"number\":0,\"status\":\"committed\"}");
  CHECK_INT(w.host->alarm, w.host->clock + 60000);
  world_turn(&w);
  ds_view frame = world_receive(&w, a);
  CHECK(frame.at && strstr(frame.at, "\"put\":[[\"alarm\",\"rang\",null]]"));
  free((char *)frame.at);
  CHECK(ds_core_handles(w.core, DS_ON_CLOSE) && !ds_core_handles(w.core, DS_ON_REQUEST));
  check_event(&w, DS_ON_REQUEST, "{}", "{\"number\":0,\"status\":\"committed\"}");
  world_free(&w);
}

static void who_leaves_is_known_to_the_app(void) {
  world w = talk_start(&full_app);
  ds_socket a = talk_greet_as(&w, "a", "{\"user\":\"ann\"}");
  world_start(&w);
  ds_core_event(w.core, DS_ON_CLOSE, DS_LITERAL("null"), a);
  ds_core_end(w.core);
  sqlite_host_end_turn(w.host);
  talk_sql(&w, "SELECT id, author FROM notes", "[[\"left\",\"ann\"]]");
  world_free(&w);
}

static void an_event_of_the_apps_own_reaches_a_channels_subscribers_alone(void) {
  world w = talk_start(&full_app);
  ds_socket a = talk_greet(&w, "a");
  ds_socket b = talk_greet(&w, "b");
  talk_send(&w, a, "{\"type\":\"subscribe\",\"channel\":\"notes\",\"cursor\":null}");
  talk_send(&w, b, "{\"type\":\"subscribe\",\"channel\":\"others\",\"cursor\":null}");
  world_turn(&w);
  talk_skip(&w, a);
  talk_skip(&w, b);
  world_start(&w);
  world_broadcast(&w, DS_LITERAL("notes"), DS_LITERAL("{\"typing\":true}"));
  world_broadcast(&w, DS_LITERAL("no such channel"), DS_LITERAL("1"));
  talk_hear(&w, a, "{\"type\":\"event\",\"channel\":\"notes\",\"event\":{\"typing\":true}}");
  talk_hear_nothing(&w, a);
  talk_hear_nothing(&w, b);
  world_free(&w);
}

// ---- Waiting

static void an_action_that_waits_leaves_nothing_and_comes_again_with_what_its_socket_sent_after_it(void) {
  world w = talk_start(&full_app);
  ds_socket a = talk_greet(&w, "a");
  ds_socket b = talk_greet(&w, "b");
  outside_has_answered = false;
  const char *first = "{\"type\":\"actions\",\"acknowledged\":0,\"actions\":[{\"number\":1,\"channel\":\"notes\",\"type\":\"insert\",\"payload\":{\"id\":\"1\",\"text\":\"\"}},"
                      "{\"number\":2,\"channel\":\"notes\",\"type\":\"wait\",\"payload\":{\"id\":\"2\",\"text\":\"\"}},"
                      "{\"number\":3,\"channel\":\"notes\",\"type\":\"insert\",\"payload\":{\"id\":\"3\",\"text\":\"\"}}]}";
  const char *then = "{\"type\":\"actions\",\"acknowledged\":0,\"actions\":[{\"number\":4,\"channel\":\"notes\",\"type\":\"insert\",\"payload\":{\"id\":\"4\",\"text\":\"\"}}]}";
  talk_send(&w, b, "{\"type\":\"actions\",\"acknowledged\":0,\"actions\":[{\"number\":1,\"channel\":\"notes\",\"type\":\"insert\",\"payload\":{\"id\":\"b\",\"text\":\"\"}}]}");
  talk_send(&w, a, "%s", first);
  talk_send(&w, a, "%s", then);
  world_turn(&w);
  CHECK_INT(w.waiting_count, 2);
  CHECK_INT(w.waiting[0], 1);
  CHECK_INT(w.waiting[1], 2);
  CHECK_TEXT(ds_view_of(w.waits_for), "a:2");
  talk_hear(&w, b, PATCH "{\"number\":1," COMMITTED);
  talk_hear(&w, a, PATCH "{\"number\":1," COMMITTED);
  talk_hear_nothing(&w, a);
  talk_sql(&w, "SELECT id FROM notes ORDER BY id", "[[\"1\"],[\"b\"]]");
  outside_has_answered = true;
  talk_send(&w, a, "%s", first);
  talk_send(&w, a, "%s", then);
  world_turn(&w);
  talk_hear(&w, a,
    PATCH "{\"number\":1,\"status\":\"committed\"},{\"number\":2,\"status\":\"committed\"},{\"number\":3,\"status\":\"committed\"},{\"number\":4," COMMITTED);
  talk_sql(&w, "SELECT id FROM notes ORDER BY id", "[[\"1\"],[\"2\"],[\"3\"],[\"4\"],[\"b\"]]");
  world_free(&w);
}

static void an_rpc_of_version_1_waits_as_well(void) {
  world w = talk_start(&full_app);
  ds_socket a = world_open(&w);
  outside_has_answered = false;
  for (int i = 0; i < 2; i++) {
    talk_send(&w, a, "{\"channel\":\"notes\",\"rpc\":true,\"id\":\"r\",\"action\":{\"type\":\"wait\",\"payload\":{\"id\":\"1\",\"text\":\"\"}}}");
    world_turn(&w);
    CHECK_INT(w.waiting_count, i == 0);
    outside_has_answered = true;
  }
  CHECK_TEXT(ds_view_of(w.waits_for), "~\"r\":0"); // as its handler knows it: by client and number
  talk_hear(&w, a, "{\"type\":\"success\"");
  talk_sql(&w, "SELECT count(*) FROM notes", "[[1]]");
  world_free(&w);
}

static void an_rpc_of_version_1_brings_rows_to_those_who_may_read_them(void) {
  world w = talk_start(&full_app);
  static const char *const identities[] = {"{\"role\":\"guest\"}", "{\"role\":\"admin\"}"};
  static const char *const results[] = {"[]", "[[\"1\",\"\",null]]"};
  for (int i = 0; i < 2; i++) {
    ds_socket socket = talk_open_as(&w, identities[i]);
    talk_send(&w, socket, "{\"channel\":\"guarded\",\"rpc\":true,\"id\":\"%d\",\"action\":{\"type\":\"insert\",\"payload\":{\"id\":\"%d\",\"text\":\"\"}}}", i, i);
    world_turn(&w);
    ds_view frame = world_receive(&w, socket);
    CHECK_TEXT(ds_json_member(frame, "result"), results[i]);
    free((char *)frame.at);
  }
  talk_sql(&w, "SELECT count(*) FROM notes", "[[2]]");
  world_free(&w);
}

// ---- Versions and migrations

static void a_page_that_is_too_old_or_too_new_is_told_so(void) {
  static const struct {
    const char *app, *answer;
  } cases[] = {
    {",\"app\":1", "{\"type\":\"error\",\"code\":\"app_too_old\""},
    {",\"app\":2", "{\"type\":\"welcome\""},
    {",\"app\":3", "{\"type\":\"welcome\""},
    {",\"app\":4", "{\"type\":\"error\",\"code\":\"app_too_new\""},
    {",\"app\":0", "{\"type\":\"error\",\"code\":\"bad_frame\""},
    {"", "{\"type\":\"welcome\""},
  };
  world w = talk_start(&full_app);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ds_socket a = world_open(&w);
    talk_send(&w, a, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"a\"%s}", cases[i].app);
    world_turn(&w);
    talk_hear(&w, a, cases[i].answer);
  }
  world_free(&w);
}

static ds_app migrated(const ds_migration *migrations) {
  ds_app app = full_app;
  app.migrations = migrations;
  return app;
}

#define FIRST {NOTES "; CREATE TABLE others (id TEXT PRIMARY KEY NOT NULL) STRICT"}

// An object under the first schema, and a client of each of its channels that has what there is and is away.
typedef struct two_away {
  world w;
  follower notes, others;
} two_away;

static two_away two_away_new(void) {
  two_away t = {
    .w = talk_start(&full_app),
    .notes = follower_new("n", "notes", "SELECT json_array(id, text, author) FROM notes ORDER BY json_array(id)"),
    .others = follower_new("o", "others", "SELECT json_array(id) FROM others ORDER BY json_array(id)"),
  };
  follower_come(&t.w, &t.notes);
  follower_come(&t.w, &t.others);
  talk_sql(&t.w, "INSERT INTO notes VALUES ('1', 'x', NULL)", "[]");
  talk_sql(&t.w, "INSERT INTO others VALUES ('1')", "[]");
  world_turn(&t.w);
  follower_listen(&t.w, &t.notes);
  follower_listen(&t.w, &t.others);
  follower_go(&t.w, &t.notes);
  follower_go(&t.w, &t.others);
  return t;
}

// Has them come back, and tells which of the two channels they must fetch anew.
static void two_away_end(two_away *t, bool notes, bool others) {
  t->notes.snapshots = t->others.snapshots = 0;
  follower_come(&t->w, &t->notes);
  follower_come(&t->w, &t->others);
  follower_listen(&t->w, &t->notes);
  follower_listen(&t->w, &t->others);
  follower_check(&t->w, &t->notes);
  follower_check(&t->w, &t->others);
  CHECK_INT(t->notes.snapshots, notes);
  CHECK_INT(t->others.snapshots, others);
  follower_free(&t->notes);
  follower_free(&t->others);
  world_free(&t->w);
}

// Runs one object under the first schema, then under `then`.
static void check_refetched(const ds_migration *then, const char *between, bool notes, bool others) {
  two_away t = two_away_new();
  ds_app app = migrated(then);
  t.w.app = &app;
  world_start(&t.w);
  CHECK(t.w.ready);
  if (between) talk_sql(&t.w, between, "[]");
  world_turn(&t.w);
  two_away_end(&t, notes, others);
}

static void a_migration_makes_clients_fetch_anew_what_it_touched_and_nothing_else(void) {
  check_refetched((const ds_migration[]){FIRST, {"CREATE TABLE third (id)"}, {0}}, NULL, false, false);
  check_refetched((const ds_migration[]){FIRST, {"CREATE INDEX by_author ON notes (author)"}, {0}}, "INSERT INTO notes VALUES ('2', 'y', NULL)", false, false);
  check_refetched((const ds_migration[]){FIRST, {"UPDATE notes SET text = 'z'"}, {0}}, NULL, true, false);
  check_refetched((const ds_migration[]){FIRST, {.run = split_texts}, {0}}, NULL, true, false);
  check_refetched((const ds_migration[]){FIRST, {"DELETE FROM others; INSERT INTO others VALUES ('2')"}, {0}}, NULL, false, true);
  check_refetched((const ds_migration[]){FIRST, {"UPDATE notes SET text = text WHERE id = 'nobody'"}, {0}}, NULL, false, false);
  // The way SQLite recommends for changes that ALTER TABLE does not make: the new table has never been watched.
  check_refetched((const ds_migration[]){FIRST, {"CREATE TABLE new (id TEXT PRIMARY KEY NOT NULL) STRICT; INSERT INTO new SELECT id || '!' FROM others; DROP TABLE others; ALTER TABLE new RENAME TO others"}, {0}},
    NULL, false, true);
}

// Redefines tables without a migration, as an app's own code might.
static void check_redefined(const char *sql, bool current, bool reshaped, bool notes, bool others) {
  two_away t = two_away_new();
  CHECK_INT(sqlite3_exec(t.w.host->database, sql, NULL, NULL, NULL), SQLITE_OK);
  CHECK_INT(ds_core_current(t.w.core), current);
  ds_core_end(t.w.core);
  world_start(&t.w);
  CHECK(t.w.ready);
  CHECK_INT(ds_core_reshaped(t.w.core), reshaped);
  CHECK(ds_core_current(t.w.core));
  ds_core_end(t.w.core);
  talk_sql(&t.w, "UPDATE notes SET text = 'y'", "[]");
  talk_sql(&t.w, "INSERT INTO others VALUES ('2')", "[]");
  world_turn(&t.w);
  two_away_end(&t, notes, others);
}

#define OTHERS "CREATE TABLE others (id TEXT PRIMARY KEY NOT NULL) STRICT; "

static void a_table_that_is_redefined_without_a_migration_is_noticed(void) {
  check_redefined("SELECT 1 WHERE 0", true, false, false, false);
  check_redefined("CREATE TABLE IF NOT EXISTS notes (id)", true, false, false, false);
  check_redefined("CREATE TABLE third (id); DROP TABLE third", true, false, false, false);
  // Not a channel's: the triggers are made anew, and nobody hears of it.
  check_redefined("CREATE TABLE third (id)", false, false, false, false);
  check_redefined("CREATE INDEX by_author ON notes (author)", false, false, false, false);
  // Without its triggers, and otherwise the same.
  check_redefined("DROP TABLE others; " OTHERS "INSERT INTO others VALUES ('3')", false, true, false, true);
  check_redefined("DROP TABLE others; " OTHERS "CREATE TABLE third (id); DROP TABLE third", false, true, false, true);
  check_redefined("DROP TABLE notes; " NOTES, false, true, true, false);
  check_redefined("ALTER TABLE others RENAME TO past; " OTHERS, false, true, false, true);
  // Another shape.
  check_redefined("CREATE TABLE new (id TEXT PRIMARY KEY) STRICT; INSERT INTO new SELECT id || '!' FROM others; DROP TABLE others; ALTER TABLE new RENAME TO others", false, true, false, true);
  check_redefined("ALTER TABLE notes RENAME COLUMN author TO writer; ALTER TABLE notes RENAME COLUMN writer TO author", true, false, false, false);
  world w = talk_start(&full_app);
  talk_sql(&w, "ALTER TABLE others ADD COLUMN hue TEXT", "[]");
  CHECK(!ds_core_current(w.core));
  talk_sql(&w, "DROP TABLE others", "[]");
  CHECK(!ds_core_current(w.core));
  ds_core_end(w.core);
  world_start(&w);
  CHECK(!w.ready);
  CHECK(!ds_core_current(w.core));
  talk_sql(&w, OTHERS, "[]");
  world_start(&w);
  CHECK(w.ready && ds_core_reshaped(w.core));
  world_free(&w);
}

static void remake(ds_action *action) {
  ds_run(action, "DROP TABLE others");
  ds_run(action, OTHERS);
  ds_run(action, "INSERT INTO others VALUES (hex(randomblob(8)))");
}

static void a_table_that_the_apps_start_makes_anew_is_noticed(void) {
  ds_app app = full_app;
  app.on[DS_ON_START] = remake;
  world w = talk_start(&app);
  follower on_others = follower_new("o", "others", "SELECT json_array(id) FROM others ORDER BY json_array(id)");
  for (int i = 0; i < 3; i++) {
    follower_come(&w, &on_others);
    CHECK_INT(on_others.snapshots, i + 1);
    talk_sql(&w, "INSERT INTO others VALUES ('1')", "[]");
    world_turn(&w);
    follower_listen(&w, &on_others);
    follower_check(&w, &on_others);
    follower_go(&w, &on_others);
    world_start(&w);
    CHECK(ds_core_reshaped(w.core));
  }
  follower_free(&on_others);
  world_free(&w);
}

static void a_failed_migration_leaves_the_object_as_it_was_and_newer_code_mends_it(void) {
  world w = talk_start(&full_app);
  talk_sql(&w, "INSERT INTO notes VALUES ('1', 'x', NULL)", "[]");
  ds_app broken = migrated((const ds_migration[]){FIRST, {"ALTER TABLE notes ADD COLUMN done INTEGER"}, {.run = always_fails}, {0}});
  w.app = &broken;
  world_start(&w);
  CHECK(!w.ready);
  CHECK(strstr(sqlite_host_log(w.host), "a migration failed: cannot be done"));
  ds_socket a = world_open(&w);
  talk_send(&w, a, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"a\"}");
  world_turn(&w);
  talk_hear(&w, a, "{\"type\":\"error\",\"code\":\"unavailable\"");
  check_event(&w, DS_ON_ALARM, "null", "{\"number\":0,\"status\":\"rejected\",\"code\":\"unavailable\"");
  talk_sql(&w, "SELECT * FROM notes", "[[\"1\",\"x\",null]]");
  ds_app mended = migrated((const ds_migration[]){FIRST, {"ALTER TABLE notes ADD COLUMN done INTEGER"}, {.run = split_texts}, {0}});
  w.app = &mended;
  world_start(&w);
  CHECK(w.ready);
  talk_sql(&w, "SELECT * FROM notes", "[[\"1\",\"x!\",null,null]]");
  world_free(&w);
}

static void what_the_host_does_between_the_migrations_and_the_start_is_noticed(void) {
  world w = talk_start(&full_app);
  ds_socket a = talk_greet(&w, "a");
  talk_send(&w, a, "{\"type\":\"subscribe\",\"channel\":\"notes\",\"cursor\":null}");
  world_turn(&w);
  talk_skip(&w, a);
  ds_core_free(w.core);
  w.core = ds_core_new(w.app, &w.host->calls);
  CHECK(ds_core_migrate(w.core));
  talk_sql(&w, "INSERT INTO notes VALUES ('between', '', NULL)", "[]");
  CHECK(ds_core_start(w.core));
  world_turn(&w);
  ds_view frame = world_receive(&w, a);
  CHECK(frame.at && strstr(frame.at, "\"put\":[[\"between\""));
  free((char *)frame.at);
  world_free(&w);
}

const test app_tests[] = {
  {"a payload is held against its fields", a_payload_is_held_against_its_fields},
  {"a constraint is told by name, and never by its SQL", a_constraint_is_told_by_name_and_never_by_its_sql},
  {"the words of a failed constraint are read as SQLite and the platform write them", the_words_of_a_failed_constraint_are_read_as_sqlite_and_the_platform_write_them},
  {"a rejection carries data", a_rejection_carries_data},
  {"an identity is known to handlers, after a sleep too", an_identity_is_known_to_handlers_after_a_sleep_and_kept_in_the_attachment},
  {"peers that come and go leave no memory behind, and keep their identities", peers_that_come_and_go_leave_no_memory_behind_and_keep_their_identities},
  {"a channel is read by those who may", a_channel_is_read_by_those_who_may},
  {"who connects is asked of the app", who_connects_is_asked_of_the_app},
  {"a page of another origin is turned away before the app is asked", a_page_of_another_origin_is_turned_away_before_the_app_is_asked},
  {"what an event changes goes out with the next turn", what_an_event_changes_goes_out_with_the_next_turn},
  {"who leaves is known to the app", who_leaves_is_known_to_the_app},
  {"an event of the app's own reaches a channel's subscribers alone", an_event_of_the_apps_own_reaches_a_channels_subscribers_alone},
  {"an action that waits leaves nothing, and comes again with what its socket sent after it", an_action_that_waits_leaves_nothing_and_comes_again_with_what_its_socket_sent_after_it},
  {"an rpc of version 1 waits as well", an_rpc_of_version_1_waits_as_well},
  {"an rpc of version 1 brings rows to those who may read them", an_rpc_of_version_1_brings_rows_to_those_who_may_read_them},
  {"a page that is too old or too new is told so", a_page_that_is_too_old_or_too_new_is_told_so},
  {"a migration makes clients fetch anew what it touched, and nothing else", a_migration_makes_clients_fetch_anew_what_it_touched_and_nothing_else},
  {"a table that is redefined without a migration is noticed", a_table_that_is_redefined_without_a_migration_is_noticed},
  {"a table that the app's start makes anew is noticed", a_table_that_the_apps_start_makes_anew_is_noticed},
  {"a failed migration leaves the object as it was, and newer code mends it", a_failed_migration_leaves_the_object_as_it_was_and_newer_code_mends_it},
  {"what the host does between the migrations and the start is noticed", what_the_host_does_between_the_migrations_and_the_start_is_noticed},
  {0},
};
