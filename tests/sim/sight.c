// SPDX-License-Identifier: MIT
#include "sight.h"

#include "../../src/json.h"
#include "../native/cells.h"
#include "fail.h"
#include "rows.h"
#include "tally.h"

static ds_view cell_of(ds_view record, uint32_t place) {
  ds_json_iterator cell = ds_json_iterate(record);
  for (uint32_t i = 0; ds_json_next(&cell); i++)
    if (i == place) return cell.value;
  sim_fail("no cell %u: %.*s", place, (int)record.size, record.at);
}

// The record that the reader sees under that key now.
static const sighting *seen_now(const history *h, uint32_t reader, uint32_t channel, ds_view key) {
  const sighting *one = history_seen(h, channel, reader, key, h->commit);
  if (!one || one->hash == 0) sim_fail("reader %u hears of a record of %s that it cannot see: %.*s", reader, channel_names[channel], (int)key.size, key.at);
  counted->records++;
  return one;
}

static void check_records(const history *h, uint32_t reader, uint32_t channel, ds_view records) {
  for (ds_json_iterator record = ds_json_iterate(records); ds_json_next(&record);) {
    const sighting *one = seen_now(h, reader, channel, cell_of(record.value, key_place(channel)));
    if (one->hash != row_hash(record.value)) sim_fail("%s: not the record that is there: %.*s", channel_names[channel], (int)record.value.size, record.value.at);
  }
}

static void check_change(const history *h, uint32_t reader, uint32_t channel, ds_view change) {
  check_records(h, reader, channel, ds_json_member(change, "put"));
  for (ds_json_iterator set = ds_json_iterate(ds_json_member(change, "set")); ds_json_next(&set);)
    for (ds_json_iterator row = ds_json_iterate(ds_json_member(set.value, "rows")); ds_json_next(&row);) seen_now(h, reader, channel, cell_of(row.value, 0));
}

// The personal channel that a frame, or a change in it, is about, which the reader must be allowed to read; CHANNELS for another.
static uint32_t channel_of(uint32_t reader, ds_view json) {
  ds_view name = ds_json_member(json, "channel");
  for (uint32_t channel = 0; channel < CHANNELS; channel++) {
    if (!is_personal(channel) || !ds_json_is_string(name, channel_names[channel])) continue;
    if (!may_read(channel, reader)) sim_fail("reader %u may not read %s: %.*s", reader, channel_names[channel], (int)json.size, json.at);
    return channel;
  }
  return CHANNELS;
}

void sight_check_frame(const history *h, uint32_t reader, ds_view frame) {
  if (ds_json_is_string(ds_json_member(frame, "type"), "error")) return;
  for (ds_json_iterator change = ds_json_iterate(ds_json_member(frame, "changes")); ds_json_next(&change);) {
    uint32_t channel = channel_of(reader, change.value);
    if (channel < CHANNELS) check_change(h, reader, channel, change.value);
  }
  uint32_t channel = channel_of(reader, frame);
  if (channel == CHANNELS) return;
  ds_arena *arena = ds_arena_new();
  check_records(h, reader, channel, cells_records(arena, frame));
  ds_arena_free(arena);
  check_records(h, reader, channel, ds_json_member(frame, "payload")); // of version 1
}

void sight_check_gone(const history *h, uint32_t reader, uint32_t channel, ds_view change, uint32_t since) {
  if (!is_personal(channel)) return;
  for (ds_json_iterator gone = ds_json_iterate(ds_json_member(change, "del")); ds_json_next(&gone);) {
    ds_view key = cell_of(gone.value, 0);
    if (!history_seen(h, channel, reader, key, since))
      sim_fail("reader %u hears that a record of %s is gone which it never saw since commit %u: %.*s", reader, channel_names[channel], since, (int)key.size, key.at);
    counted->records++;
  }
}
