// SPDX-License-Identifier: MIT
// What changed in each channel since the last turn, to everyone who should see it. Each change is made once; sockets with the same
// subscriptions share one frame; a sender's frame has the outcomes of its actions in it.
#include "patch.h"
#include "turn.h"

// A channel's news in both versions of the protocol, made only if somebody speaks it.
typedef struct news {
  bool wanted_v2;
  bool wanted_v1;
  ds_change change;
  ds_pieces records;
} news;

// The recipients of one frame.
typedef struct group {
  struct group *next;
  uint64_t channels;
  ds_socket *sockets;
  uint32_t count;
} group;

static void note_wants(const ds_turn *turn, uint64_t changed, news *all) {
  for (uint32_t i = 0; i < turn->peers->count; i++) {
    const ds_peer *peer = &turn->peers->items[i];
    for (uint64_t set = peer->channels & changed; set; set &= set - 1) {
      news *one = &all[__builtin_ctzll(set)];
      if (peer->protocol == 2) one->wanted_v2 = true;
      else one->wanted_v1 = true;
    }
  }
}

static ds_change change_or_gap(ds_turn *turn, const ds_diff *diff) {
  if (!diff->too_large) {
    ds_change change = ds_change_of(&turn->sql, diff);
    if (change.whole) return change;
  }
  return ds_change_gap(&turn->sql, diff->table, ds_log_version(&turn->sql, diff->table->channel));
}

static void make_news(ds_turn *turn, ds_table *table, news *one) {
  if (!one->wanted_v1 && !one->wanted_v2) return;
  ds_diff diff = ds_diff_since(&turn->sql, table, table->version, DS_MAX_CHANGES, DS_LIVE);
  if (one->wanted_v2) one->change = change_or_gap(turn, &diff);
  // A version 1 client cannot be told of a gap. It gets what was read; the next sync brings the rest.
  if (one->wanted_v1) one->records = ds_change_records(&turn->sql, &diff, turn->now);
}

// The channels that changed since the last turn.
static uint64_t changed_channels(ds_turn *turn, int64_t *versions) {
  uint64_t changed = 0;
  for (uint32_t i = 0; i < turn->storage->table_count; i++) {
    versions[i] = ds_log_version(&turn->sql, turn->storage->tables[i].channel);
    if (versions[i] != turn->storage->tables[i].version) changed |= UINT64_C(1) << i;
  }
  return changed;
}

// ---- Version 2

// One frame for some channels. The changes of all of them together must fit: one that does not becomes a gap, and its subscribers catch up.
static ds_pieces patch_frame(ds_turn *turn, const news *all, uint64_t channels, ds_view outcomes) {
  ds_pieces changes = ds_pieces_new(turn->sql.arena);
  int64_t room = DS_MAX_PATCH - (int64_t)outcomes.size;
  for (uint64_t set = channels; set; set &= set - 1) {
    const ds_table *table = &turn->storage->tables[__builtin_ctzll(set)];
    ds_change change = all[__builtin_ctzll(set)].change;
    if (change.size > room) change = ds_change_gap(&turn->sql, table, table->version);
    room -= change.size;
    if (changes.count) ds_pieces_str(&changes, ",");
    ds_pieces_join(&changes, &change.json);
  }
  return ds_patch_frame(turn->sql.arena, turn->storage->epoch, &changes, outcomes);
}

static int64_t size_of(const news *all, uint64_t channels) {
  int64_t size = 0;
  for (uint64_t set = channels; set; set &= set - 1) size += all[__builtin_ctzll(set)].change.size;
  return size;
}

static void mark_senders(ds_turn *turn, bool sender) {
  for (const ds_sender *one = turn->senders; one; one = one->next) ds_turn_peer(turn, one->socket)->sender = sender;
}

static void send_to_senders(ds_turn *turn, const news *all, uint64_t changed) {
  for (const ds_sender *sender = turn->senders; sender; sender = sender->next) {
    uint64_t channels = ds_turn_peer(turn, sender->socket)->channels & changed;
    const ds_told *told = sender->first;
    if (channels == 0 && !told) continue;
    // Changes and outcomes go together, unless they are too much for one frame: then the changes come first.
    bool together = told && (channels == 0 || size_of(all, channels) + (int64_t)told->outcomes.size <= DS_MAX_PATCH);
    ds_pieces frame = patch_frame(turn, all, channels, together ? ds_text_view(&told->outcomes) : (ds_view){0});
    ds_send(&turn->out, sender->socket, &frame);
    for (told = together ? told->next : told; told; told = told->next) {
      frame = patch_frame(turn, all, 0, ds_text_view(&told->outcomes));
      ds_send(&turn->out, sender->socket, &frame);
    }
  }
}

static group *group_of(ds_turn *turn, group **groups, uint64_t channels) {
  while (*groups && (*groups)->channels != channels) groups = &(*groups)->next;
  if (!*groups) {
    *groups = ds_arena_take(turn->sql.arena, sizeof **groups);
    (*groups)->channels = channels;
    (*groups)->sockets = ds_arena_take(turn->sql.arena, turn->peers->count * sizeof(ds_socket));
  }
  return *groups;
}

static void send_to_others(ds_turn *turn, const news *all, uint64_t changed) {
  group *groups = NULL;
  for (uint32_t i = 0; i < turn->peers->count; i++) {
    const ds_peer *peer = &turn->peers->items[i];
    uint64_t channels = peer->channels & changed;
    if (peer->protocol != 2 || channels == 0 || peer->sender) continue;
    group *to = group_of(turn, &groups, channels);
    to->sockets[to->count++] = peer->socket;
  }
  for (const group *to = groups; to; to = to->next) {
    ds_pieces frame = patch_frame(turn, all, to->channels, (ds_view){0});
    ds_send_all(&turn->out, to->sockets, to->count, &frame);
  }
}

// ---- Version 1

static void broadcast(ds_turn *turn, const news *one, uint32_t channel) {
  ds_socket *sockets = ds_arena_take(turn->sql.arena, (turn->peers->count + 1) * sizeof *sockets);
  uint32_t count = 0;
  for (uint32_t i = 0; i < turn->peers->count; i++) {
    const ds_peer *peer = &turn->peers->items[i];
    if (peer->protocol == 1 && peer->channels >> channel & 1) sockets[count++] = peer->socket;
  }
  if (count == 0 || one->records.count == 0) return;
  ds_text head = ds_text_new(turn->sql.arena);
  ds_text_str(&head, "{\"broadcast\":true,\"channel\":");
  ds_text_json(&head, turn->storage->tables[channel].channel);
  ds_text_str(&head, ",\"type\":\"update\",\"payload\":[");
  ds_pieces frame = ds_pieces_new(turn->sql.arena);
  ds_pieces_text(&frame, &head);
  ds_pieces_join(&frame, &one->records);
  ds_pieces_str(&frame, "]}");
  ds_send_all(&turn->out, sockets, count, &frame);
}

// ---- Events of the app's own

void ds_turn_broadcast(ds_turn *turn, ds_view channel, ds_view json) {
  int32_t at = ds_channel_index(turn->names, channel);
  if (at < 0) return;
  ds_socket *sockets = ds_arena_take(turn->sql.arena, (turn->peers->count + 1) * sizeof *sockets);
  uint32_t count = 0;
  for (uint32_t i = 0; i < turn->peers->count; i++)
    if (turn->peers->items[i].protocol == 2 && turn->peers->items[i].channels >> at & 1) sockets[count++] = turn->peers->items[i].socket;
  ds_text text = ds_text_new(turn->sql.arena);
  ds_text_str(&text, "{\"type\":\"event\",\"channel\":");
  ds_text_json(&text, channel);
  ds_text_str(&text, ",\"event\":");
  ds_text_add(&text, json);
  ds_text_str(&text, "}");
  ds_pieces frame = ds_pieces_new(turn->sql.arena);
  ds_pieces_text(&frame, &text);
  ds_send_all(&turn->out, sockets, count, &frame);
}

// ---- Changes

void ds_turn_fan_out(ds_turn *turn) {
  int64_t versions[DS_MAX_CHANNELS];
  news all[DS_MAX_CHANNELS] = {{0}};
  uint64_t changed = changed_channels(turn, versions);
  turn->changed = changed;
  if (changed) {
    ds_peers_complete(turn->peers, turn->sql.host, turn->sql.arena, turn->names);
    note_wants(turn, changed, all);
    for (uint64_t set = changed; set; set &= set - 1) {
      uint32_t channel = (uint32_t)__builtin_ctzll(set);
      ds_table *table = &turn->storage->tables[channel];
      make_news(turn, table, &all[channel]);
      if (ds_log_due(table->version, versions[channel], ds_app_log_window(turn->app))) turn->grown |= UINT64_C(1) << channel;
      table->version = versions[channel];
    }
  }
  send_to_senders(turn, all, changed);
  if (changed == 0) return;
  mark_senders(turn, true);
  send_to_others(turn, all, changed);
  mark_senders(turn, false);
  for (uint64_t set = changed; set; set &= set - 1) broadcast(turn, &all[__builtin_ctzll(set)], (uint32_t)__builtin_ctzll(set));
}
