// SPDX-License-Identifier: MIT
#include "history.h"

#include <stdlib.h>

#include "fail.h"

void history_free(history *h) {
  for (uint32_t i = 0; i < h->era_count; i++)
    for (uint32_t channel = 0; channel < CHANNELS; channel++) free(h->eras[i].moments[channel]);
  free(h->eras);
}

uint32_t history_begin(history *h, bool migrated) {
  h->eras = realloc(h->eras, (h->era_count + 1) * sizeof *h->eras);
  if (!h->eras) sim_fail("out of memory");
  h->eras[h->era_count] = (era){.migrated = migrated};
  return h->era_count++;
}

bool history_carries(const history *h, uint32_t channel, uint32_t from, uint32_t to) {
  while (from < to && h->eras[from + 1].carried[channel]) from++;
  return from == to;
}

// Whether the channel enters the newest era as it left the one before.
static bool is_carried(const history *h, uint32_t channel, int64_t version, uint64_t contents) {
  const era *now = &h->eras[h->era_count - 1];
  if (!now->migrated || now[-1].counts[channel] == 0) return false;
  const moment *last = &now[-1].moments[channel][now[-1].counts[channel] - 1];
  return last->version == version && last->contents == contents;
}

void history_note(history *h, uint32_t channel, int64_t version, uint64_t contents) {
  era *now = &h->eras[h->era_count - 1];
  uint32_t count = now->counts[channel];
  moment *last = count ? &now->moments[channel][count - 1] : NULL;
  if (last && version < last->version) sim_fail("%s went back from version %lld to %lld", channel_names[channel], (long long)last->version, (long long)version);
  if (last && version == last->version) {
    if (contents != last->contents) sim_fail("%s changed at version %lld, and its log says nothing", channel_names[channel], (long long)version);
    last->last = h->commit;
    return;
  }
  if (count == 0) now->carried[channel] = is_carried(h, channel, version, contents);
  if ((count & (count - 1)) == 0) {
    now->moments[channel] = realloc(now->moments[channel], (count ? 2 * count : 1) * sizeof(moment));
    if (!now->moments[channel]) sim_fail("out of memory");
  }
  now->moments[channel][now->counts[channel]++] = (moment){version, contents, h->commit, h->commit};
}

const moment *history_find(const history *h, uint32_t era, uint32_t channel, int64_t version) {
  if (era >= h->era_count) return NULL;
  for (uint32_t i = h->eras[era].counts[channel]; i > 0; i--)
    if (h->eras[era].moments[channel][i - 1].version == version) return &h->eras[era].moments[channel][i - 1];
  return NULL;
}
