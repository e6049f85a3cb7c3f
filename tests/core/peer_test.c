// SPDX-License-Identifier: MIT
// What is read back from attachments when an object wakes: ours, somebody else's, broken ones.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/json.h"
#include "../../src/limits.h"
#include "talk.h"
#include "test.h"

#define HELLO_EXPECTED "{\"type\":\"error\",\"code\":\"hello_expected\""

// A socket with this attachment, as the object finds it on waking.
static ds_socket woken(world *w, const char *attachment) {
  ds_socket socket = world_open(w);
  sqlite_host_attach(w->host, socket, ds_view_of(attachment));
  world_start(w);
  return socket;
}

// What the object does with a frame of a socket whose attachment it finds so: the beginning of its answer, NULL if it is sent
// away without a word.
static void check_woken(ds_view attachment, const char *answer) {
  world w = talk_start(&durasync_app);
  ds_socket socket = world_open(&w);
  sqlite_host_attach(w.host, socket, attachment);
  world_start(&w);
  talk_sql(&w, "INSERT INTO todos VALUES ('1', 'milk', 0, 0, 0, NULL)", "[]");
  world_turn(&w);
  talk_hear_nothing(&w, socket);
  talk_send(&w, socket, "{\"type\":\"subscribe\",\"channel\":\"todos\",\"cursor\":null}");
  ds_deliveries deliveries = ds_core_turn(w.core);
  CHECK_INT(deliveries.count, 1);
  CHECK_INT(deliveries.items[0].kind, answer ? DS_DELIVERY_SEND : DS_DELIVERY_CLOSE);
  ds_view text = deliveries.count ? deliveries.items[0].pieces[0].bytes : (ds_view){0};
  if (answer) CHECK_VIEW(((ds_view){text.at, text.size < strlen(answer) ? text.size : strlen(answer)}), ds_view_of(answer));
  else CHECK_INT(deliveries.items[0].code, 1012);
  ds_core_end(w.core);
  sqlite_host_end_turn(w.host);
  world_free(&w);
}

static void a_socket_whose_attachment_says_nothing_of_who_it_is_comes_back_and_is_asked(void) {
  static const char *const attachments[] = {
    "", " ", "null", "[]", "7", "{", "\"alice\"", "{}", "[1,2,3]", "\xff\xfe", "{\"protocol\":2", "{\"room\":\"x\"}",
    "{\"protocol\":\"2\",\"client\":\"a\",\"channels\":[\"todos\"]}", "{\"identity\":7}", "{\"identity\":\"alice\"}", "{\"identity\":[]}",
    "{\"identity\":true,\"protocol\":2,\"client\":\"a\",\"channels\":[]}", "{\"identity\":{\"name\":\"\\ud800\"}}", "{\"identity\":{\"a\":1e999}}",
  };
  for (size_t i = 0; i < sizeof attachments / sizeof *attachments; i++) check_woken(ds_view_of(attachments[i]), NULL);
  char deep[200] = "{\"identity\":{\"a\":";
  memset(deep + strlen(deep), '[', DS_MAX_DEPTH);
  memset(deep + strlen(deep), ']', DS_MAX_DEPTH);
  check_woken(ds_view_of(strcat(deep, "}}")), NULL);
}

static void a_socket_of_another_release_says_hello_again(void) {
  static const char *const attachments[] = {
    "{\"identity\":null}", "{\"identity\":{}}", "{\"identity\":{\"user\":\"ann\"},\"protocol\":3,\"client\":\"a\",\"channels\":[\"todos\"]}",
    "{\"protocol\":3,\"client\":\"a\",\"channels\":[\"todos\"]}", "{\"protocol\":-1,\"client\":\"a\",\"channels\":[\"todos\"]}",
    "{\"protocol\":258,\"client\":\"a\",\"channels\":[\"todos\"]}", "{\"protocol\":9223372036854775807,\"client\":\"a\",\"channels\":[\"todos\"]}",
  };
  for (size_t i = 0; i < sizeof attachments / sizeof *attachments; i++) check_woken(ds_view_of(attachments[i]), HELLO_EXPECTED);
}

static void who_leaves_is_not_told_to_the_app_as_nobody(void) {
  world w = talk_start(&durasync_app);
  ds_socket socket = woken(&w, "{");
  ds_view outcome = ds_core_event(w.core, DS_ON_CLOSE, DS_LITERAL("null"), socket);
  CHECK(ds_json_is_string(ds_json_member(outcome, "status"), "rejected"));
  ds_core_end(w.core);
  world_free(&w);
}

// ---- Who is let in

// What the core makes of an identity: the text to attach, absent if it refuses. Owned by the caller.
static char *admitted(world *w, ds_view identity) {
  ds_arena *arena = ds_arena_new();
  ds_view outcome = ds_core_admit(w->core, identity);
  bool in = ds_json_is_string(ds_json_member(outcome, "status"), "committed");
  if (!in) CHECK(ds_json_is_string(ds_json_member(outcome, "code"), "invalid_payload"));
  ds_view text = in ? ds_json_string(arena, ds_json_member(outcome, "result")) : (ds_view){0};
  char *copy = in ? calloc(1, text.size + 1) : NULL;
  if (copy) memcpy(copy, text.at, text.size);
  ds_arena_free(arena);
  ds_core_end(w->core);
  return copy;
}

static void an_identity_is_let_in_as_it_is_read_back_or_not_at_all(void) {
  static const char *const refused[] = {
    "", "null", "[]", "7", "\"ann\"", "true", "{", "{\"a\":\"\\ud800\"}", "{\"a\":\"\xff\"}", "{\"a\":1e999}", "{\"a\":undefined}",
    "{\"a\":1,\"a\":2}", "{\"user\":\"ann\",\"b\":[],\"us\\u0065r\":\"root\"}", "{}{}",
  };
  static const char *const kept[] = {
    "{}", "{\"user\":\"ann\"}", "{\"a\":9007199254740993,\"b\":1e20,\"c\":{\"a\":{\"a\":1}}}", "{\"\\u0000\":\"\\u0000\\\"\"}", " { \"a\" : [ ] } ",
  };
  world w = talk_start(&durasync_app);
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) CHECK(admitted(&w, ds_view_of(refused[i])) == NULL);
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
    char wanted[200];
    snprintf(wanted, sizeof wanted, "{\"identity\":%s}", kept[i]);
    char *text = admitted(&w, ds_view_of(kept[i]));
    CHECK_TEXT(ds_view_of(text), wanted);
    check_woken(ds_view_of(text), HELLO_EXPECTED);
    free(text);
  }
  char *nobody = admitted(&w, (ds_view){0});
  CHECK_TEXT(ds_view_of(nobody), "{\"identity\":null}");
  free(nobody);
  world_free(&w);
}

static void an_identity_is_bounded_in_bytes_and_in_depth(void) {
  world w = talk_start(&durasync_app);
  char text[DS_MAX_IDENTITY + 2];
  for (size_t size = DS_MAX_IDENTITY - 1; size <= DS_MAX_IDENTITY + 1; size++) {
    memset(text, 'x', size);
    memcpy(text, "{\"a\":\"", 6);
    memcpy(text + size - 2, "\"}", 2);
    char *in = admitted(&w, (ds_view){text, size});
    CHECK((in != NULL) == (size <= DS_MAX_IDENTITY));
    free(in);
  }
  for (size_t depth = DS_MAX_DEPTH - 3; depth <= DS_MAX_DEPTH; depth++) {
    memcpy(text, "{\"a\":", 5);
    memset(text + 5, '[', depth - 1);
    memset(text + 4 + depth, ']', depth - 1);
    text[2 * depth + 3] = '}';
    char *in = admitted(&w, (ds_view){text, 2 * depth + 4});
    CHECK((in != NULL) == (depth <= DS_MAX_DEPTH - 1));
    if (in) check_woken(ds_view_of(in), HELLO_EXPECTED);
    free(in);
  }
  world_free(&w);
}

// ---- How much a socket can carry

static void a_subscription_that_would_be_forgotten_in_sleep_is_refused(void) {
  static char names[DS_MAX_CHANNELS][400];
  ds_channel channels[DS_MAX_CHANNELS + 1] = {0};
  for (int i = 0; i < DS_MAX_CHANNELS; i++) {
    snprintf(names[i], sizeof names[i], "%0*d", (int)sizeof names[i] - 1, i);
    channels[i] = (ds_channel){.name = names[i], .table = "items"};
  }
  ds_app app = {.channels = channels, .migrations = (const ds_migration[]){{.sql = "CREATE TABLE items (id INTEGER PRIMARY KEY NOT NULL)"}, {0}}};
  world w = talk_start(&app);
  ds_socket socket = talk_greet(&w, "a");
  int kept = 0;
  for (int i = 0; i < DS_MAX_CHANNELS; i++) {
    talk_send(&w, socket, "{\"type\":\"subscribe\",\"channel\":\"%s\",\"cursor\":null}", names[i]);
    world_turn(&w);
    ds_view frame = world_receive(&w, socket);
    bool page = ds_json_is_string(ds_json_member(frame, "type"), "page");
    kept += page;
    if (!page) CHECK(ds_json_is_string(ds_json_member(frame, "code"), "internal"));
    free((char *)frame.at);
  }
  CHECK_INT(kept, (DS_MAX_ATTACHMENT - 60) / (sizeof names[0] - 1 + 3));
  world_start(&w);
  talk_sql(&w, "INSERT INTO items DEFAULT VALUES", "[]");
  world_turn(&w);
  ds_view frame = world_receive(&w, socket);
  int told = 0;
  for (ds_json_iterator change = ds_json_iterate(ds_json_member(frame, "changes")); ds_json_next(&change);) told++;
  CHECK_INT(told, kept); // what it was told that it follows, it follows
  free((char *)frame.at);
  world_free(&w);
}

static void a_client_s_id_that_is_too_long_is_not_read_back(void) {
  world w = talk_start(&durasync_app);
  char attachment[DS_MAX_CLIENT + 100];
  snprintf(attachment, sizeof attachment, "{\"protocol\":2,\"client\":\"%0*d\",\"channels\":[]}", DS_MAX_CLIENT + 1, 0);
  ds_socket socket = woken(&w, attachment);
  talk_send(&w, socket, "{\"type\":\"unsubscribe\",\"channel\":\"todos\"}");
  world_turn(&w);
  talk_hear(&w, socket, HELLO_EXPECTED);
  world_free(&w);
}

static void channels_that_are_gone_are_passed_over(void) {
  world w = talk_start(&durasync_app);
  ds_socket socket = woken(&w, "{\"protocol\":2,\"client\":\"a\",\"channels\":[\"gone\",7,null,[\"todos\"],\"todos\"],\"more\":1}");
  talk_sql(&w, "INSERT INTO todos VALUES ('1', 'milk', 0, 0, 0, NULL)", "[]");
  world_turn(&w);
  talk_hear(&w, socket, "{\"type\":\"patch\"");
  talk_hear_nothing(&w, socket);
  world_free(&w);
}

const test peer_tests[] = {
  {"a socket whose attachment says nothing of who it is comes back, and is asked",
    a_socket_whose_attachment_says_nothing_of_who_it_is_comes_back_and_is_asked},
  {"a socket of another release says hello again", a_socket_of_another_release_says_hello_again},
  {"who leaves is not told to the app as nobody", who_leaves_is_not_told_to_the_app_as_nobody},
  {"an identity is let in as it is read back, or not at all", an_identity_is_let_in_as_it_is_read_back_or_not_at_all},
  {"an identity is bounded in bytes and in depth", an_identity_is_bounded_in_bytes_and_in_depth},
  {"a subscription that would be forgotten in sleep is refused", a_subscription_that_would_be_forgotten_in_sleep_is_refused},
  {"a client's id that is too long is not read back", a_client_s_id_that_is_too_long_is_not_read_back},
  {"channels that are gone are passed over", channels_that_are_gone_are_passed_over},
  {0},
};
