// SPDX-License-Identifier: MIT
// What was ever true: for each channel, which contents it had at which version, and from which commit to which. An era ends where versions lose their meaning: with a new
// epoch, and with a deploy that migrates, but for the channels that the migration has left as they were.
#ifndef DURASYNC_SIM_HISTORY_H
#define DURASYNC_SIM_HISTORY_H

#include "apps.h"

// A channel at one version.
typedef struct moment {
  int64_t version;
  uint64_t contents; // see rows.h
  uint32_t first;    // the commits at which it was so
  uint32_t last;
} moment;

typedef struct era {
  bool migrated;          // it began with a migration, in the epoch of the era before
  bool carried[CHANNELS]; // the channel came out of the migration as it went in
  moment *moments[CHANNELS];
  uint32_t counts[CHANNELS];
} era;

typedef struct history {
  era *eras;
  uint32_t era_count;
  uint32_t commit; // the number of the last one
} history;

void history_free(history *h);

// Begins an era, with a migration or with a new epoch; returns its number.
uint32_t history_begin(history *h, bool migrated);

// Whether what was known of the channel in era `from` still holds at the beginning of era `to`.
bool history_carries(const history *h, uint32_t channel, uint32_t from, uint32_t to);

// Notes a channel as it is after commit `h->commit`, in the newest era. Contents that differ at the same version are a change that nobody was told of.
void history_note(history *h, uint32_t channel, int64_t version, uint64_t contents);

// The channel at that version; NULL if no commit ever left it there.
const moment *history_find(const history *h, uint32_t era, uint32_t channel, int64_t version);

#endif
