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

// Two thousand readers of 320 bytes each are more than DS_MAX_ASKED: the log is asked twice.
static void readers_who_are_too_many_for_one_question_are_asked_for_in_several(void) {
  world w = talk_start(&crowd_app);
  come(&w, "mine", 2, 2000, 2000, 300);
  world_start(&w);
  char statement[1000];
  sprintf(statement, "INSERT INTO notes (owner) VALUES ('u0%0*d'), ('u1999%0*d')", 300, 0, 300, 0);
  int64_t calls;
  print_figures("two of 2,000", peak_of(&w, statement, &calls), calls, &w);
  CHECK_INT(w.arrived_count, 2);
  talk_hear(&w, 0, "{\"type\":\"patch\"");
  talk_hear(&w, 1999, "{\"type\":\"patch\"");
  world_free(&w);
}

static void what_a_peak_took_is_given_back(void) {
  world w = talk_start(&crowd_app);
  come(&w, "mine", 2, 5000, 5000, 1);
  world_start(&w);
  int64_t calls;
  size_t peak = peak_of(&w, "INSERT INTO notes (owner, shared) VALUES ('nobody', 1)", &calls);
  world_skip_all(&w);
  CHECK(peak > DS_MAX_IDLE);
  CHECK(ds_core_memory(w.core) < DS_MAX_IDLE / 2);
  CHECK(!ds_core_swollen(w.core));
  world_free(&w);
}

static void a_thousand_readers_beside_16000_sockets_take_memory_linear_in_sockets(void) {
  size_t bytes[2];
  for (int i = 0; i < 2; i++) {
    world w = talk_start(&crowd_app);
    come(&w, "all", 2, 8000 * (i + 1) - 1000, 1, 1);
    come(&w, "mine", 2, 1000, 1000, 1);
    world_start(&w);
    int64_t calls;
    bytes[i] = peak_of(&w, "INSERT INTO notes (owner) VALUES ('nobody')", &calls);
    world_skip_all(&w);
    world_free(&w);
  }
  CHECK(bytes[1] < 5 * bytes[0] / 2);
}

const test scale_tests[] = {
  {"readers who are too many for one question are asked for in several", readers_who_are_too_many_for_one_question_are_asked_for_in_several},
  {"what a peak took is given back", what_a_peak_took_is_given_back},
  {"a thousand readers beside 16,000 sockets take memory linear in sockets", a_thousand_readers_beside_16000_sockets_take_memory_linear_in_sockets},
  {"every one of 10,000 readers hears of their own alone", every_one_of_10000_readers_hears_of_their_own_alone},
  {0},
};
