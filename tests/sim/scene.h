// SPDX-License-Identifier: MIT
// A simulated world: one object, some clients, the lines between them, and a list of events. An event that a shorter list leaves out changes none of the others'
// chance, so that a failing world can be made smaller.
#ifndef DURASYNC_SIM_SCENE_H
#define DURASYNC_SIM_SCENE_H

#include "chance.h"

typedef enum event_kind {
#define EVENT(name, weight) EVENT_##name,
#include "events.def"
#undef EVENT
  EVENT_KINDS
} event_kind;

enum { MAX_EVENTS = 400 };

typedef struct event {
  event_kind kind;
  uint64_t seed; // of everything that is left to chance in it
} event;

// The world that a seed stands for.
typedef struct plan {
  uint64_t seed;
  uint32_t clients;
  uint32_t count;
  event events[MAX_EVENTS];
} plan;

plan plan_of(uint64_t seed);

// Lives through the events, then comes to rest. Returns if all was well (see fail.h).
void scene_run(const plan *p);

// The event's name.
const char *event_name(event_kind kind);

#endif
