// SPDX-License-Identifier: MIT
// Outcomes and identities of any shape. The first byte says what the others are: `r` a result, `d` the data of a rejection, `m` its
// message, `c` the message of a failed constraint, `i` an identity, `o` what is stored of a client's outcomes.
//
// What is told is told again, from memory and from storage; who is let in is read back; what cannot be read is not committed.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/action.h"
#include "../../src/json.h"
#include "../native/world.h"
#include "fuzz.h"

// What the next handler says.
static ds_view saying;

static void say(ds_action *action) {
  char what = ds_type_name(action).at[0];
  ds_run(action, "INSERT INTO notes DEFAULT VALUES");
  if (what == 'r') ds_result(action, saying);
  else if (what == 'd') ds_reject_with(action, DS_CONFLICT, NULL, saying);
  else if (what == 'm') ds_reject_in_words(action, DS_CONFLICT, saying, (ds_view){0});
  else if (what == 'c') ds_reject_failure(action, DS_SQL_CONSTRAINT, saying);
  else ds_result(action, action->identity);
}

static const ds_app app = {
  .channels = (const ds_channel[]){{.name = "notes"}, {0}},
  .migrations = (const ds_migration[]){{.sql = "CREATE TABLE notes (id INTEGER PRIMARY KEY NOT NULL)"}, {0}},
  .actions = (const ds_action_type[]){{"notes", NULL, say}, {0}},
};

static void send(world *w, ds_socket socket, const char *frame) {
  world_send(w, socket, DS_FRAME_TEXT, ds_view_of(frame));
}

// The outcome of number 1, copied; it is sent once more for that.
static char *outcome_of(world *w, ds_socket socket, char what) {
  char frame[150], *told = NULL;
  snprintf(frame, sizeof frame, "{\"type\":\"actions\",\"acknowledged\":0,\"actions\":[{\"number\":1,\"channel\":\"notes\",\"type\":\"%c\"}]}", what);
  send(w, socket, frame);
  world_turn(w);
  for (ds_view heard; !ds_view_absent(heard = world_receive(w, socket)); free((char *)heard.at)) {
    FUZZ_CHECK(ds_json_validate(heard, NULL));
    ds_view outcomes = ds_json_member(heard, "outcomes");
    if (ds_view_absent(outcomes) || told) continue;
    told = calloc(1, outcomes.size + 1);
    memcpy(told, outcomes.at, outcomes.size);
  }
  FUZZ_CHECK(told != NULL);
  return told;
}

static ds_socket greet(world *w) {
  ds_socket socket = world_open(w);
  send(w, socket, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"a\"}");
  return socket;
}

static void check_repeated(world *w, char what) {
  ds_socket socket = greet(w);
  char *told = outcome_of(w, socket, what);
  saying = DS_LITERAL("\"something else\"");
  char *again = outcome_of(w, socket, what);
  world_start(w);
  char *stored = outcome_of(w, socket, what);
  FUZZ_CHECK(strcmp(told, again) == 0 && strcmp(told, stored) == 0);
  char *rows = world_query(w, "SELECT count(*) FROM notes");
  bool committed = ds_json_is_string(ds_json_member(ds_json_iterate(ds_view_of(told)).rest, "status"), "committed");
  FUZZ_CHECK(strcmp(rows, committed ? "[[1]]" : "[[0]]") == 0);
  free(told);
  free(again);
  free(stored);
  free(rows);
}

static void check_identity(world *w, ds_view identity) {
  ds_arena *arena = ds_arena_new();
  ds_view outcome = ds_core_admit(w->core, identity);
  ds_view text = ds_json_string(arena, ds_json_member(outcome, "result"));
  if (!ds_view_absent(text)) text = ds_arena_copy(arena, text);
  ds_core_end(w->core);
  if (!ds_view_absent(text)) {
    ds_socket socket = world_open(w);
    sqlite_host_attach(w->host, socket, text);
    send(w, socket, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"a\"}");
    world_turn(w);
    world_start(w);
    char *told = outcome_of(w, socket, 'i');
    ds_view result = ds_json_member(ds_json_iterate(ds_view_of(told)).rest, "result");
    // White space around it is not part of a value.
    ds_view value = ds_json_member(text, "identity");
    FUZZ_CHECK(ds_view_equal(result, value) && ds_json_type(result) == DS_JSON_OBJECT);
    free(told);
  }
  ds_arena_free(arena);
}

static void check_stored(world *w, ds_view bytes) {
  ds_socket socket = greet(w);
  saying = DS_LITERAL("7");
  free(outcome_of(w, socket, 'd'));
  char *update = calloc(1, 2 * bytes.size + 100);
  size_t size = (size_t)sprintf(update, "UPDATE durasync_client SET outcomes = CAST(X'");
  for (size_t i = 0; i < bytes.size; i++) size += (size_t)sprintf(update + size, "%02x", (unsigned)(unsigned char)bytes.at[i]);
  strcpy(update + size, "' AS TEXT)");
  free(world_query(w, update));
  free(update);
  world_start(w);
  char *told = outcome_of(w, socket, 'd');
  if (!ds_json_validate(bytes, NULL)) FUZZ_CHECK(strstr(told, "\"code\":\"internal\"") != NULL);
  free(told);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0 || !memchr("rdmcio", data[0], 6)) return 0;
  world w = world_new(&app, ":memory:");
  world_start(&w);
  saying = (ds_view){(const char *)data + 1, size - 1};
  if (data[0] == 'i') check_identity(&w, saying);
  else if (data[0] == 'o') check_stored(&w, saying);
  else check_repeated(&w, (char)data[0]);
  world_free(&w);
  return 0;
}
