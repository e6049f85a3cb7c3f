// SPDX-License-Identifier: MIT
// The app of the simulated worlds in its generations: each is what the next deploy brings, and migrates what the one before has left.
#ifndef DURASYNC_SIM_APPS_H
#define DURASYNC_SIM_APPS_H

#include "../../src/durasync.h"
#include "chance.h"

enum { GENERATIONS = 3, READERS = 6 };

// The channels in any generation's order; the last one is not in the first.
enum { NOTES, ITEMS, TITLES, OPEN, BRIEF, CARDS, TEAM, STAFF, NUMS, CHANNELS };
extern const char *const channel_names[CHANNELS];

// As whom a socket may be let in: the identity as JSON, NULL for nobody in particular. Some of them read alike.
extern const char *const identities[READERS];

// Whether what a reader gets of the channel depends on who it is; whether it may subscribe at all.
bool is_personal(uint32_t channel);
bool may_read(uint32_t channel, uint32_t reader);

// The place of the key's only column in a personal channel's records.
uint32_t key_place(uint32_t channel);

extern const ds_app generations[GENERATIONS];

// SQL for the channel's records: as they go over the wire; a set of the readers who see it, bit i for reader i; of a personal channel also the key, a JSON string. NULL if
// the generation has no such channel.
const char *records_query(uint32_t generation, uint32_t channel);

// SQL for what personal channels have shown within transactions: the key, the readers to whom CARDS showed it, those to whom TEAM did. Who reads it clears the table `glimpses`.
const char *glimpses_query(uint32_t generation);

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
