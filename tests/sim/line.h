// SPDX-License-Identifier: MIT
// A socket from one end to the other: two queues that keep their order, and two ends that learn of each other's death late or never.
#ifndef DURASYNC_SIM_LINE_H
#define DURASYNC_SIM_LINE_H

#include "../../src/host.h"

typedef struct parcel {
  ds_view text; // owned
  uint32_t era; // of the object when it was sent
  bool own;     // of the object's own, as if it came from the client
} parcel;

typedef struct queue {
  parcel *items;
  uint32_t first;
  uint32_t count;
  uint32_t room;
} queue;

void queue_add(queue *q, ds_view text, uint32_t era);

// Puts a frame of the object's own behind those that are there, and before all others.
void queue_add_own(queue *q, ds_view text);

// The oldest parcel, whose text the caller frees. There must be one.
parcel queue_take(queue *q);

// Drops all but the oldest `keep`.
void queue_cut(queue *q, uint32_t keep);

typedef struct line {
  struct line *next;
  ds_socket socket;
  uint32_t reader;  // as whom it was let in
  queue up;         // to the object
  queue down;       // to the client
  bool client_open; // the client holds it to be open
  bool object_open; // the object does
} line;

// Frees a line and what is in it.
void line_free(line *l);

#endif
