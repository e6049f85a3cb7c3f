// SPDX-License-Identifier: MIT
// What is read back from attachments when an object wakes: ours, somebody else's, broken ones.
#include <stdio.h>
#include <string.h>

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

static void a_broken_attachment_is_that_of_a_new_socket(void) {
  static const char *const attachments[] = {
    "", "null", "[]", "{", "\"alice\"", "{}", "[1,2,3]", "\xff\xfe", "{\"protocol\":2", "{\"protocol\":\"2\",\"client\":\"a\",\"channels\":[\"todos\"]}",
    "{\"protocol\":3,\"client\":\"a\",\"channels\":[\"todos\"]}", "{\"protocol\":-1,\"client\":\"a\",\"channels\":[\"todos\"]}",
    "{\"protocol\":258,\"client\":\"a\",\"channels\":[\"todos\"]}", "{\"protocol\":9223372036854775807,\"client\":\"a\",\"channels\":[\"todos\"]}",
  };
  for (size_t i = 0; i < sizeof attachments / sizeof *attachments; i++) {
    world w = talk_start(&durasync_app);
    ds_socket socket = woken(&w, attachments[i]);
    talk_sql(&w, "INSERT INTO todos VALUES ('1', 'milk', 0, 0, 0, NULL)", "[]");
    world_turn(&w);
    talk_hear_nothing(&w, socket);
    talk_send(&w, socket, "{\"type\":\"subscribe\",\"channel\":\"todos\",\"cursor\":null}");
    world_turn(&w);
    talk_hear(&w, socket, HELLO_EXPECTED);
    world_free(&w);
  }
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
  {"a broken attachment is that of a new socket", a_broken_attachment_is_that_of_a_new_socket},
  {"a client's id that is too long is not read back", a_client_s_id_that_is_too_long_is_not_read_back},
  {"channels that are gone are passed over", channels_that_are_gone_are_passed_over},
  {0},
};
