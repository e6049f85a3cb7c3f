// SPDX-License-Identifier: MIT
#include "history.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"

void history_free(history *h) {
  for (uint32_t i = 0; i < h->era_count; i++)
    for (uint32_t channel = 0; channel < CHANNELS; channel++) free(h->eras[i].moments[channel]);
  free(h->eras);
  for (uint32_t channel = 0; channel < CHANNELS; channel++) free(h->sightings[channel].items);
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
static bool is_carried(const history *h, uint32_t channel, int64_t version, const uint64_t contents[READERS]) {
  const era *now = &h->eras[h->era_count - 1];
  if (!now->migrated || now[-1].counts[channel] == 0) return false;
  const moment *last = &now[-1].moments[channel][now[-1].counts[channel] - 1];
  return last->version == version && memcmp(last->contents, contents, sizeof last->contents) == 0;
}

void history_note(history *h, uint32_t channel, int64_t version, const uint64_t contents[READERS]) {
  era *now = &h->eras[h->era_count - 1];
  uint32_t count = now->counts[channel];
  moment *last = count ? &now->moments[channel][count - 1] : NULL;
  if (last && version < last->version) sim_fail("%s went back from version %lld to %lld", channel_names[channel], (long long)last->version, (long long)version);
  if (last && version == last->version) {
    if (memcmp(last->contents, contents, sizeof last->contents) != 0) sim_fail("%s changed at version %lld, and its log says nothing", channel_names[channel], (long long)version);
    last->last = h->commit;
    return;
  }
  if (count == 0) now->carried[channel] = is_carried(h, channel, version, contents);
  if ((count & (count - 1)) == 0) {
    now->moments[channel] = realloc(now->moments[channel], (count ? 2 * count : 1) * sizeof(moment));
    if (!now->moments[channel]) sim_fail("out of memory");
  }
  moment *next = &now->moments[channel][now->counts[channel]++];
  *next = (moment){.version = version, .first = h->commit, .last = h->commit};
  memcpy(next->contents, contents, sizeof next->contents);
}

const moment *history_find(const history *h, uint32_t era, uint32_t channel, int64_t version) {
  if (era >= h->era_count) return NULL;
  for (uint32_t i = h->eras[era].counts[channel]; i > 0; i--)
    if (h->eras[era].moments[channel][i - 1].version == version) return &h->eras[era].moments[channel][i - 1];
  return NULL;
}

uint32_t history_until(const history *h, uint32_t era, uint32_t channel, const moment *m, uint32_t reader) {
  const moment *end = h->eras[era].moments[channel] + h->eras[era].counts[channel];
  uint64_t contents = m->contents[reader];
  while (m + 1 < end && m[1].contents[reader] == contents) m++;
  return m->last;
}

// ---- Records

static bool has_key(const sighting *one, ds_view key) {
  return ds_view_is(key, one->key);
}

void history_note_record(history *h, uint32_t channel, ds_view key, uint64_t hash, uint32_t readers) {
  sightings *all = &h->sightings[channel];
  for (uint32_t i = all->count; i > 0; i--) {
    sighting *one = &all->items[i - 1];
    if ((one->last + 1 != h->commit && one->last != h->commit) || one->hash != hash || one->readers != readers || !has_key(one, key)) continue;
    one->last = h->commit;
    return;
  }
  if (all->count == all->room) {
    all->room = all->room ? 2 * all->room : 64;
    all->items = realloc(all->items, all->room * sizeof *all->items);
    if (!all->items) sim_fail("out of memory");
  }
  sighting *one = &all->items[all->count++];
  *one = (sighting){.hash = hash, .readers = readers, .first = h->commit, .last = h->commit};
  if (key.size >= sizeof one->key) sim_fail("a key of %zu bytes", key.size);
  memcpy(one->key, key.at, key.size);
}

const sighting *history_seen(const history *h, uint32_t channel, uint32_t reader, ds_view key, uint32_t since) {
  const sightings *all = &h->sightings[channel];
  const sighting *newest = NULL;
  for (uint32_t i = 0; i < all->count; i++) {
    const sighting *one = &all->items[i];
    if (one->last < since || !(one->readers >> reader & 1) || !has_key(one, key)) continue;
    if (!newest || one->last > newest->last || (one->last == newest->last && newest->hash == 0)) newest = one;
  }
  return newest;
}
