// SPDX-License-Identifier: MIT
// Crowds: thousands of sockets, and thousands of different readers. What a turn takes is counted, never timed: bytes of its memory, statements, frames.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/limits.h"
#include "talk.h"
#include "test.h"

static const ds_app crowd_app = {
  .channels = (const ds_channel[]){{.name = "mine", .table = "notes", .where = "owner = $user OR shared"}, {.name = "all", .table = "notes"}, {0}},
  .migrations = (const ds_migration[]){{"CREATE TABLE notes (id INTEGER PRIMARY KEY, owner TEXT, shared INTEGER NOT NULL DEFAULT 0, text TEXT)"}, {0}},
};

// `count` sockets that follow `channel` and speak `protocol`, as an object finds them when it wakes: of `readers` different users, the i-th called "u<i>" and `zeros` zeros.
static void come(world *w, const char *channel, int protocol, int count, int readers, int zeros) {
  char *attachment = malloc((size_t)zeros + 200);
  if (!attachment) ds_panic();
  for (int i = 0; i < count; i++) {
    int size = sprintf(attachment, "{\"protocol\":%d,\"client\":\"%s\",\"channels\":[\"%s\"],\"identity\":{\"user\":\"u%d%0*d\"}}", protocol, protocol == 2 ? "c" : "", channel, i % readers,
                       zeros, 0);
    sqlite_host_attach(w->host, world_open(w), (ds_view){attachment, (size_t)size});
  }
  free(attachment);
}

// The most that the core has held at a call of its host's.
typedef struct peak {
  const ds_core *core;
  size_t bytes;
} peak;

static void measure(void *argument) {
  peak *most = argument;
  size_t bytes = ds_core_memory(most->core);
  if (bytes > most->bytes) most->bytes = bytes;
}

// Bytes that the core holds at most in a turn after `statement` was run, and what the turn asks of its host.
static size_t peak_of(world *w, const char *statement, int64_t *calls) {
  peak most = {.core = w->core};
  talk_sql(w, statement, "[]");
  w->host->interrupt = measure;
  w->host->interrupt_argument = &most;
  int64_t before = w->host->call_count;
  world_turn(w);
  w->host->interrupt = NULL;
  *calls = w->host->call_count - before;
  return most.bytes;
}

static void print_figures(const char *what, size_t bytes, int64_t calls, world *w) {
  if (getenv("FIGURES")) printf("%s: %zu bytes, %lld calls, %u frames\n", what, bytes, (long long)calls, w->arrived_count);
}

static void every_one_of_10000_readers_hears_of_their_own_alone(void) {
  world w = talk_start(&crowd_app);
  come(&w, "mine", 2, 10000, 10000, 1);
  world_start(&w);
  int64_t calls;
  size_t bytes = peak_of(&w, "INSERT INTO notes (owner) VALUES ('u70'), ('u99990'), ('nobody')", &calls);
  print_figures("two of 10,000", bytes, calls, &w);
  CHECK_INT(w.arrived_count, 2);
  talk_hear(&w, 7, "{\"type\":\"patch\"");
  talk_hear(&w, 9999, "{\"type\":\"patch\"");
  world_skip_all(&w);
  bytes = peak_of(&w, "INSERT INTO notes (owner, shared) VALUES ('nobody', 1)", &calls);
  print_figures("all of 10,000", bytes, calls, &w);
  CHECK_INT(w.arrived_count, 10000);
  world_skip_all(&w);
  world_free(&w);
}

const test scale_tests[] = {
  {"every one of 10,000 readers hears of their own alone", every_one_of_10000_readers_hears_of_their_own_alone},
  {0},
};
