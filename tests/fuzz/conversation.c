// SPDX-License-Identifier: MIT
// Any conversation with the todo app, over hibernations and with any attachments. A line is a step, other lines are passed over:
//
//   >N TEXT   socket N (0 to 3) sends TEXT        |    the frames sent so far are a turn
//   @N TEXT   TEXT is what is attached to it      z    the object sleeps and wakes
//   xN        it closes, and a new one opens      +    a day passes
//
// With TRANSCRIPT set, what the object does is printed: differential.ts compares that with the Wasm module.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/json.h"
#include "../../src/limits.h"
#include "../native/world.h"
#include "fuzz.h"

// Bytes of a frame around what its cap counts.
enum { SOCKETS = 4, MAX_STEPS = 200, FRAME_AROUND = 100000 };

typedef struct talk {
  world world;
  ds_socket sockets[SOCKETS];
  bool told; // print what is heard
} talk;

// Version 1 knows no pages.
static size_t cap_of(ds_view frame) {
  bool first_version = !ds_view_absent(ds_json_member(frame, "sync")) || !ds_view_absent(ds_json_member(frame, "broadcast"));
  return FRAME_AROUND + (first_version ? DS_MAX_WHOLE_TABLE : DS_MAX_PATCH);
}

static void hear(talk *t) {
  for (int i = 0; i < SOCKETS; i++) {
    for (ds_view frame; !ds_view_absent(frame = world_receive(&t->world, t->sockets[i])); free((char *)frame.at)) {
      FUZZ_CHECK(frame.size <= cap_of(frame));
      if (t->told) printf("%d< %s\n", i, frame.at);
    }
  }
  // Storage is sound, so a turn that fails has failed by what was said.
  FUZZ_CHECK(strstr(sqlite_host_log(t->world.host), "a turn failed") == NULL);
}

static void turn(talk *t) {
  world_turns(&t->world);
  hear(t);
}

static void step(talk *t, ds_view line) {
  char what = line.at[0];
  int socket = line.size > 1 && line.at[1] >= '0' && line.at[1] < '0' + SOCKETS ? line.at[1] - '0' : -1;
  ds_view text = line.size > 3 && line.at[2] == ' ' ? (ds_view){line.at + 3, line.size - 3} : (ds_view){"", 0};
  if (what == '|') turn(t);
  else if (what == '+') t->world.host->clock += 86400000;
  else if (what == 'z') {
    turn(t);
    world_start(&t->world);
  } else if (socket < 0) return;
  else if (what == '>') world_send(&t->world, t->sockets[socket], DS_FRAME_TEXT, text);
  else if (what == '@') sqlite_host_attach(t->world.host, t->sockets[socket], text);
  else if (what == 'x') {
    turn(t);
    world_close(&t->world, t->sockets[socket]);
    t->sockets[socket] = world_open(&t->world);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  talk t = {.world = world_new(&durasync_app, ":memory:"), .told = getenv("TRANSCRIPT") != NULL};
  world_start(&t.world);
  for (int i = 0; i < SOCKETS; i++) t.sockets[i] = world_open(&t.world);
  int steps = 0;
  for (size_t at = 0; at < size && steps < MAX_STEPS; steps++) {
    const uint8_t *end = memchr(data + at, '\n', size - at);
    size_t length = end ? (size_t)(end - data) - at : size - at;
    if (length) step(&t, (ds_view){(const char *)data + at, length});
    at += length + 1;
  }
  turn(&t);
  world_free(&t.world);
  return 0;
}
