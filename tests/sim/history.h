// SPDX-License-Identifier: MIT
// What was ever true: for each channel, which contents it had at which version, and from which commit to which. An era ends where versions lose their meaning: with a new
// epoch, and with a deploy that migrates, but for the channels that the migration has left as they were.
#ifndef DURASYNC_SIM_HISTORY_H
#define DURASYNC_SIM_HISTORY_H

#include "apps.h"

// A channel at one version.
typedef struct moment {
  int64_t version;
  uint64_t contents[READERS]; // see rows.h; in a channel that is the same for everyone they are the same
  uint32_t first;    // the commits at which it was so
  uint32_t last;
} moment;

typedef struct era {
  bool migrated;          // it began with a migration, in the epoch of the era before
  bool carried[CHANNELS]; // the channel came out of the migration as it went in
  moment *moments[CHANNELS];
  uint32_t counts[CHANNELS];
} era;

// A record of a personal channel, from one commit to another.
typedef struct sighting {
  char key[40]; // JSON
  uint64_t hash;
  uint32_t readers; // who saw it
  uint32_t first;
  uint32_t last;
} sighting;

typedef struct sightings {
  sighting *items;
  uint32_t count;
  uint32_t room;
} sightings;

typedef struct history {
  era *eras;
  uint32_t era_count;
  uint32_t commit; // the number of the last one
  sightings sightings[CHANNELS];
} history;

void history_free(history *h);

// Begins an era, with a migration or with a new epoch; returns its number.
uint32_t history_begin(history *h, bool migrated);

// Whether what was known of the channel in era `from` still holds at the beginning of era `to`.
bool history_carries(const history *h, uint32_t channel, uint32_t from, uint32_t to);

// Notes a channel as it is after commit `h->commit`, in the newest era. Contents that differ at the same version are a change that nobody was told of.
void history_note(history *h, uint32_t channel, int64_t version, const uint64_t contents[READERS]);

// Notes a record of a personal channel after commit `h->commit`; a hash of 0 is for one that was there within its transaction.
void history_note_record(history *h, uint32_t channel, ds_view key, uint64_t hash, uint32_t readers);

// The channel at that version; NULL if no commit ever left it there.
const moment *history_find(const history *h, uint32_t era, uint32_t channel, int64_t version);

// The last commit until which a reader saw the channel as it was at that moment. Of what they cannot see they need not hear, and stay behind.
uint32_t history_until(const history *h, uint32_t era, uint32_t channel, const moment *m, uint32_t reader);

// The record that a reader saw under that key at some commit from `since` on, or within the transactions in between, the newest of them; NULL if they never did.
const sighting *history_seen(const history *h, uint32_t channel, uint32_t reader, ds_view key, uint32_t since);

#endif
