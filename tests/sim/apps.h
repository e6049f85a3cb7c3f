// SPDX-License-Identifier: MIT
// The app of the simulated worlds in its generations: each is what the next deploy brings, and migrates what the one before has left.
#ifndef DURASYNC_SIM_APPS_H
#define DURASYNC_SIM_APPS_H

#include "../../src/durasync.h"
#include "chance.h"

enum { GENERATIONS = 3, CHANNELS = 6 };

// The channels in any generation's order; the last one is not in the first.
extern const char *const channel_names[CHANNELS];

extern const ds_app generations[GENERATIONS];

// SQL for one column: the channel's records as they go over the wire. NULL if the generation has no such channel.
const char *records_query(uint32_t generation, uint32_t channel);

// An action that clients may send.
typedef struct deed {
  const char *channel;
  const char *type;
} deed;
deed deed_any(chance *c);

// A payload for any deed, whose effects carry `tag`: the table `ledger` gets a row for each time that it is carried out.
void deed_payload(ds_text *json, chance *c, int64_t tag);

// SQL for somebody who writes without an action; several statements now and then.
const char *write_any(chance *c);

#endif
