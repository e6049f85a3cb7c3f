// SPDX-License-Identifier: MIT
// What changed in each channel since the last turn, to everyone who should see it. Each change is made once, or once for each reader of a channel that shows them rows of their own; sockets
// with the same subscriptions share one frame; a sender's frame has the outcomes of its actions in it.
#include "failing.h"
#include "index.h"
#include "patch.h"
#include "turn.h"

typedef struct sockets {
  ds_socket *items;
  uint32_t count;
  uint32_t room;
} sockets;

// A channel's news in both versions of the protocol, made only if somebody speaks it.
typedef struct news {
  struct news *next; // of the same channel, for another reader
  uint32_t channel;
  ds_view reader; // JSON; absent in a channel that is the same for everyone
  bool wanted_v2;
  sockets v1;  // who is to get the records in version 1
  bool silent; // nothing that the reader may know of has changed
  ds_change change;
  ds_pieces records;
} news;

// All of the turn's news: by channel, one or one a reader.
typedef struct bulletin {
  ds_turn *turn;
  uint64_t changed; // the channels that have news
  news *first[DS_MAX_CHANNELS];
  ds_index readers; // the news of channels that ask who reads: a channel may have a reader for each socket
} bulletin;

// The recipients of one frame.
typedef struct group {
  struct group *next;
  uint64_t channels;
  ds_view reader; // absent if none of the channels asks who reads
  sockets to;
} group;

static void add_socket(ds_turn *turn, sockets *to, ds_socket socket) {
  if (to->count == to->room) {
    uint32_t room = to->room ? 2 * to->room : 4;
    ds_socket *items = ds_arena_take(turn->sql.arena, room * sizeof *items);
    for (uint32_t i = 0; i < to->count; i++) items[i] = to->items[i];
    to->items = items;
    to->room = room;
  }
  to->items[to->count++] = socket;
}

// As whom a peer reads the channel.
static ds_view reader_of(const ds_turn *turn, const ds_peer *peer, uint32_t channel) {
  return turn->storage->tables[channel].by_reader ? peer->reader : (ds_view){0};
}

static uint32_t hash_of(const ds_peer *peer, uint32_t channel) {
  return peer->reader_hash + channel * 2654435761u;
}

static bool is_of(const void *item, const void *wanted) {
  const news *one = item, *other = wanted;
  return one->channel == other->channel && ds_view_equal(one->reader, other->reader);
}

static news *find_news(const bulletin *all, const ds_peer *peer, uint32_t channel) {
  if (!all->turn->storage->tables[channel].by_reader) return all->first[channel];
  return ds_index_find(&all->readers, hash_of(peer, channel), is_of, &(news){.channel = channel, .reader = peer->reader});
}

static news *make_place(bulletin *all, const ds_peer *peer, uint32_t channel) {
  news *one = ds_arena_take(all->turn->sql.arena, sizeof *one);
  *one = (news){.next = all->first[channel], .channel = channel, .reader = reader_of(all->turn, peer, channel)};
  all->first[channel] = one;
  if (all->turn->storage->tables[channel].by_reader) ds_index_add(&all->readers, hash_of(peer, channel), one);
  return one;
}

static void note_want(bulletin *all, const ds_peer *peer, uint32_t channel) {
  news *one = find_news(all, peer, channel);
  if (!one) one = make_place(all, peer, channel);
  if (peer->protocol == 2) one->wanted_v2 = true;
  else add_socket(all->turn, &one->v1, peer->socket);
}

static void note_wants(bulletin *all) {
  const ds_peers *peers = all->turn->peers;
  for (uint32_t i = 0; i < peers->count; i++)
    for (uint64_t set = peers->items[i].channels & all->changed; set; set &= set - 1) note_want(all, &peers->items[i], (uint32_t)__builtin_ctzll(set));
}

// ---- Making them

static ds_change gap(ds_turn *turn, const ds_table *table, ds_view reader, int64_t version) {
  return ds_change_empty(&turn->sql, table, reader, version, version);
}

static ds_change change_or_gap(ds_turn *turn, const ds_table *table, ds_diff *diff, int64_t version) {
  if (!diff->too_large) {
    ds_change change = ds_change_of(&turn->sql, diff);
    if (change.whole) return change;
  }
  return gap(turn, table, diff->reader, version);
}

// A reader with rows of their own is told of a change only if they may know of it, so they are at no particular version when the next one comes. It starts before every cursor: were it to
// start at one, whoever has found a gap and is at that version would take it for the answer that they wait for.
static int64_t applies_from(const ds_table *table) {
  return table->personal ? -1 : table->version;
}

// Now and then, when the log is cut, readers are told where it stands, so that what they know does not fall out of it while they listen.
static bool is_to_be_noted(const ds_turn *turn, const ds_table *table, int64_t version) {
  return ds_log_due(table->version, version, ds_app_log_window(turn->app));
}

static void make_news(ds_turn *turn, const ds_table *table, news *one, const ds_log_entry *newest) {
  int64_t version = newest->version;
  ds_diff diff = {.table = table};
  if (!one->silent) diff = ds_diff_since(&turn->sql, table, one->reader, table->version, DS_MAX_CHANGES, DS_LIVE, newest);
  if (table->fallible && !ds_diff_tells(&diff)) one->silent = true;
  if (one->silent) {
    if (!is_to_be_noted(turn, table, version)) return;
    one->silent = false;
    one->change = ds_change_empty(&turn->sql, table, one->reader, applies_from(table), version);
    return;
  }
  diff.from = applies_from(table);
  if (one->wanted_v2) one->change = change_or_gap(turn, table, &diff, version);
  // A version 1 client cannot be told of a gap. It gets what was read; the next sync brings the rest.
  if (one->v1.count) one->records = ds_change_records(&turn->sql, &diff, turn->now);
}

// Finds those of the `readers`, a JSON array, whom something concerns: the news from `one` up to `end` are theirs, in the same order.
static void ask_concerned(ds_sql *sql, const ds_table *table, ds_view readers, news *one, const news *end) {
  int32_t cursor = ds_log_concerned(sql, table, table->version, readers);
  for (int64_t at = 0; ds_sql_next(sql, cursor);) {
    int64_t concerned = ds_sql_integer(sql, cursor, 0);
    for (; at < concerned && one != end; at++) one = one->next;
    if (one != end) one->silent = false;
  }
}

static ds_view reader_json(const news *one) {
  return ds_view_absent(one->reader) ? DS_LITERAL("null") : one->reader;
}

// Where `where` fails for a row it may fail for some readers alone, and those are taken to be concerned: their diff tells.
static void ask_each_concerned(ds_turn *turn, const ds_table *table, news *one, const news *end) {
  for (; one != end; one = one->next) {
    ds_sql attempt = turn->sql;
    ds_text reader = ds_text_new(turn->sql.arena);
    ds_text_fill(&reader, "[#]", DS_VALUES(reader_json(one)));
    one->silent = true;
    ask_concerned(&attempt, table, ds_text_view(&reader), one, one->next);
    if (ds_failed_for_a_row(&turn->sql, &attempt, table)) one->silent = false;
  }
}

// Asks of `first`, and of as many behind it as one parameter holds, whether anything concerns them. Returns the first that was not asked.
static news *ask(ds_turn *turn, const ds_table *table, news *first) {
  ds_mark mark = ds_arena_mark(turn->sql.arena);
  ds_text readers = ds_text_new(turn->sql.arena);
  news *end = first;
  do {
    end->silent = true;
    ds_text_str(&readers, end == first ? "[" : ",");
    ds_text_add(&readers, reader_json(end));
    end = end->next;
  } while (end && readers.size + end->reader.size < DS_MAX_ASKED);
  ds_text_str(&readers, "]");
  ds_sql attempt = turn->sql;
  ask_concerned(&attempt, table, ds_text_view(&readers), first, end);
  if (ds_failed_for_a_row(&turn->sql, &attempt, table)) ask_each_concerned(turn, table, first, end);
  else ds_arena_release(turn->sql.arena, mark);
  return end;
}

// One question for many readers spares each of those whom nothing concerns their own.
static void find_silent(ds_turn *turn, const ds_table *table, news *first) {
  while (first) first = ask(turn, table, first);
}

// A log whose versions have come to their end, which none does by itself, cannot go on: the turn fails, and the object looks at it.
static bool have_versions(ds_turn *turn, const ds_log_entry *newest) {
  for (uint32_t i = 0; i < turn->storage->table_count; i++) {
    if (newest[i].version >= 0 && newest[i].version < DS_HIGHEST_VERSION) continue;
    turn->sql.host->log(turn->sql.host->context, DS_LITERAL("a change log is broken: its versions have come to their end"));
    turn->sql.status = DS_SQL_ERROR;
  }
  return turn->sql.status == DS_SQL_DONE;
}

// The channels that changed since the last turn.
static uint64_t changed_channels(ds_turn *turn, ds_log_entry *newest) {
  uint64_t changed = 0;
  ds_log_newest(&turn->sql, turn->names->channels, turn->storage->table_count, newest);
  if (!have_versions(turn, newest)) return 0;
  for (uint32_t i = 0; i < turn->storage->table_count; i++)
    if (newest[i].version != turn->storage->tables[i].version) changed |= UINT64_C(1) << i;
  return changed;
}

static void make_all(bulletin *all, const ds_log_entry *newest) {
  ds_turn *turn = all->turn;
  for (uint64_t set = all->changed; set; set &= set - 1) {
    uint32_t channel = (uint32_t)__builtin_ctzll(set);
    ds_table *table = &turn->storage->tables[channel];
    if (table->personal && all->first[channel]) find_silent(turn, table, all->first[channel]);
    for (news *one = all->first[channel]; one; one = one->next) make_news(turn, table, one, &newest[channel]);
    if (is_to_be_noted(turn, table, newest[channel].version)) turn->grown |= UINT64_C(1) << channel;
    table->version = newest[channel].version;
  }
}

// ---- Version 2

// The channels of which the peer is to hear.
static uint64_t heard_by(const bulletin *all, const ds_peer *peer) {
  uint64_t channels = 0;
  for (uint64_t set = peer->channels & all->changed; set; set &= set - 1)
    if (!find_news(all, peer, (uint32_t)__builtin_ctzll(set))->silent) channels |= set & -set;
  return channels;
}

static int64_t size_of(const bulletin *all, const ds_peer *peer, uint64_t channels) {
  int64_t size = 0;
  for (uint64_t set = channels; set; set &= set - 1) size += find_news(all, peer, (uint32_t)__builtin_ctzll(set))->change.size;
  return size;
}

// One frame for some channels, as `peer` and whoever reads like it get it. The changes of all of them together must fit: one that does not becomes a gap, and its subscribers catch up.
static ds_pieces patch_frame(const bulletin *all, const ds_peer *peer, uint64_t channels, ds_view outcomes) {
  ds_turn *turn = all->turn;
  ds_pieces changes = ds_pieces_new(turn->sql.arena);
  int64_t room = DS_MAX_PATCH - (int64_t)outcomes.size;
  for (uint64_t set = channels; set; set &= set - 1) {
    uint32_t channel = (uint32_t)__builtin_ctzll(set);
    const ds_table *table = &turn->storage->tables[channel];
    ds_change change = find_news(all, peer, channel)->change;
    if (change.size > room) change = gap(turn, table, reader_of(turn, peer, channel), table->version);
    room -= change.size;
    if (changes.count) ds_pieces_str(&changes, ",");
    ds_pieces_join(&changes, &change.json);
  }
  return ds_patch_frame(turn->sql.arena, turn->storage->epoch, &changes, outcomes);
}

static void send_to_sender(const bulletin *all, const ds_sender *sender) {
  ds_turn *turn = all->turn;
  const ds_peer *peer = ds_turn_peer(turn, sender->socket);
  uint64_t channels = heard_by(all, peer);
  const ds_told *told = sender->first;
  if (channels == 0 && !told) return;
  // Changes and outcomes go together, unless they are too much for one frame: then the changes come first.
  bool together = told && (channels == 0 || size_of(all, peer, channels) + (int64_t)told->outcomes.size <= DS_MAX_PATCH);
  ds_pieces frame = patch_frame(all, peer, channels, together ? ds_text_view(&told->outcomes) : (ds_view){0});
  ds_send(&turn->out, sender->socket, &frame);
  for (told = together ? told->next : told; told; told = told->next) {
    frame = patch_frame(all, peer, 0, ds_text_view(&told->outcomes));
    ds_send(&turn->out, sender->socket, &frame);
  }
}

static bool any_personal(const ds_turn *turn, uint64_t channels) {
  for (uint64_t set = channels; set; set &= set - 1)
    if (turn->storage->tables[__builtin_ctzll(set)].by_reader) return true;
  return false;
}

typedef struct groups {
  ds_index index;
  group *first; // in the order of their first peers
  group **end;
} groups;

static bool is_for(const void *item, const void *wanted) {
  const group *one = item, *other = wanted;
  return one->channels == other->channels && ds_view_equal(one->reader, other->reader);
}

static group *group_of(groups *all, uint64_t channels, ds_view reader, uint32_t reader_hash) {
  uint32_t hash = reader_hash + (uint32_t)(channels ^ channels >> 32) * 2654435761u;
  group *one = ds_index_find(&all->index, hash, is_for, &(group){.channels = channels, .reader = reader});
  if (one) return one;
  one = ds_arena_take(all->index.arena, sizeof *one);
  *one = (group){.channels = channels, .reader = reader};
  *all->end = one;
  all->end = &one->next;
  ds_index_add(&all->index, hash, one);
  return one;
}

static void send_to_others(const bulletin *all) {
  ds_turn *turn = all->turn;
  groups found = {.index = {.arena = turn->sql.arena}, .end = &found.first};
  for (uint32_t i = 0; i < turn->peers->count; i++) {
    const ds_peer *peer = &turn->peers->items[i];
    if (peer->protocol != 2 || peer->sender) continue;
    uint64_t channels = heard_by(all, peer);
    bool personal = any_personal(turn, channels);
    ds_view reader = personal ? peer->reader : (ds_view){0};
    if (channels) add_socket(turn, &group_of(&found, channels, reader, personal ? peer->reader_hash : 0)->to, peer->socket);
  }
  for (const group *one = found.first; one; one = one->next) {
    ds_pieces frame = patch_frame(all, ds_turn_peer(turn, one->to.items[0]), one->channels, (ds_view){0});
    ds_send_all(&turn->out, one->to.items, one->to.count, &frame);
  }
}

// ---- Version 1

static void broadcast(ds_turn *turn, const news *one) {
  if (one->v1.count == 0 || one->records.count == 0) return;
  ds_text head = ds_text_new(turn->sql.arena);
  ds_text_fill(&head, "{'broadcast':true,'channel':$,'type':'update','payload':[", &turn->storage->tables[one->channel].channel);
  ds_pieces frame = ds_pieces_new(turn->sql.arena);
  ds_pieces_text(&frame, &head);
  ds_pieces_join(&frame, &one->records);
  ds_pieces_str(&frame, "]}");
  ds_send_all(&turn->out, one->v1.items, one->v1.count, &frame);
}

static void broadcast_all(const bulletin *all) {
  for (uint64_t set = all->changed; set; set &= set - 1)
    for (const news *one = all->first[__builtin_ctzll(set)]; one; one = one->next) broadcast(all->turn, one);
}

// ---- Events of the app's own

void ds_turn_broadcast(ds_turn *turn, ds_view channel, ds_view json) {
  int32_t at = ds_channel_index(turn->names, channel);
  if (at < 0) return;
  sockets to = {0};
  for (uint32_t i = 0; i < turn->peers->count; i++)
    if (turn->peers->items[i].protocol == 2 && turn->peers->items[i].channels >> at & 1) add_socket(turn, &to, turn->peers->items[i].socket);
  ds_text text = ds_text_new(turn->sql.arena);
  ds_text_fill(&text, "{'type':'event','channel':$,'event':#}", DS_VALUES(channel, json));
  ds_pieces frame = ds_pieces_new(turn->sql.arena);
  ds_pieces_text(&frame, &text);
  ds_send_all(&turn->out, to.items, to.count, &frame);
}

// ---- Changes

void ds_turn_fan_out(ds_turn *turn) {
  ds_log_entry newest[DS_MAX_CHANNELS];
  bulletin all = {.turn = turn, .changed = changed_channels(turn, newest), .readers = {.arena = turn->sql.arena}};
  turn->changed = all.changed;
  if (all.changed) {
    ds_peers_complete(turn->peers, turn->sql.host, turn->sql.arena, turn->names);
    note_wants(&all);
    make_all(&all, newest);
  }
  for (const ds_sender *sender = turn->senders; sender; sender = sender->next) send_to_sender(&all, sender);
  if (all.changed) {
    send_to_others(&all);
    broadcast_all(&all);
  }
  for (const ds_sender *sender = turn->senders; sender; sender = sender->next) ds_turn_peer(turn, sender->socket)->sender = NULL;
}
