// SPDX-License-Identifier: MIT
#include "peer.h"

#include <string.h>

#include "json.h"
#include "sql.h"
#include "statement.h"

// Bytes left behind by peers that are gone, below which moving the others is not worth it.
enum { TIDY_FROM = 65536 };

static void add_members(ds_names *names, ds_view where) {
  for (size_t at = 0; at < where.size;) {
    ds_token token = ds_token_at(where, at);
    at += token.text.size;
    if (token.kind != DS_TOKEN_PARAMETER || token.mark != '$') continue;
    uint32_t known = 0;
    while (known < names->member_count && !ds_view_equal(names->members[known], token.name)) known++;
    if (known < names->member_count) continue;
    if (known == DS_MAX_MEMBERS) names->too_many = true;
    else names->members[names->member_count++] = token.name;
  }
}

ds_names ds_names_of(const ds_app *app) {
  ds_names names = {.channel_count = 0};
  for (const ds_channel *channel = app->channels; channel && channel->name && names.channel_count < DS_MAX_CHANNELS; channel++) {
    names.channels[names.channel_count++] = ds_view_of(channel->name);
    add_members(&names, ds_view_of(channel->where));
  }
  return names;
}

int32_t ds_channel_index(const ds_names *names, ds_view name) {
  for (uint32_t i = 0; i < names->channel_count; i++)
    if (ds_view_equal(names->channels[i], name)) return (int32_t)i;
  return -1;
}

// ---- The attachment: {"protocol":2,"client":"...","channels":["..."],"identity":{...}}; the identity is null for nobody in particular

ds_view ds_peer_attachment(ds_arena *arena, const ds_names *names, const ds_peer *peer) {
  ds_text text = ds_text_new(arena);
  ds_text_fill(&text, "{'protocol':#,'client':$,'channels':[", DS_VALUES(ds_number(arena, peer->protocol), ds_peer_client(peer)));
  const char *comma = "";
  for (uint32_t i = 0; i < names->channel_count; i++) {
    if (!(peer->channels >> i & 1)) continue;
    ds_text_str(&text, comma);
    ds_text_json(&text, names->channels[i]);
    comma = ",";
  }
  ds_view identity = ds_view_absent(peer->identity) ? DS_LITERAL("null") : peer->identity;
  ds_text_fill(&text, "],'identity':#}", &identity);
  return ds_text_view(&text);
}

// As whom the socket was let in. False if that cannot be told: whoever it was must not go on as nobody. Before the identity was
// null for nobody in particular it was left out.
static bool read_identity(ds_peer *peer, ds_view text) {
  if (!ds_json_validate(text, NULL)) return false;
  ds_view identity = ds_json_member(text, "identity");
  ds_json_kind kind = ds_json_type(identity);
  if (kind == DS_JSON_OBJECT) peer->identity = identity;
  if (kind == DS_JSON_ABSENT) return ds_json_type(ds_json_member(text, "protocol")) == DS_JSON_NUMBER;
  return kind == DS_JSON_OBJECT || kind == DS_JSON_NULL;
}

// What does not hold together leaves the peer as new: it has to say hello again. The attachment of a socket that has just been let in has its identity alone.
static void read_attachment(ds_peer *peer, ds_arena *arena, const ds_names *names, ds_view text) {
  int64_t protocol = 0;
  peer->unread = !read_identity(peer, text);
  if (peer->unread || !ds_json_int(ds_json_member(text, "protocol"), &protocol)) return;
  ds_view client = ds_json_string(arena, ds_json_member(text, "client"));
  if ((protocol != 1 && protocol != 2) || client.size > DS_MAX_CLIENT) return;
  peer->protocol = (uint8_t)protocol;
  peer->client_size = (uint8_t)client.size;
  if (client.size) memcpy(peer->client, client.at, client.size);
  ds_json_iterator name = ds_json_iterate(ds_json_member(text, "channels"));
  while (ds_json_next(&name)) {
    int32_t channel = ds_channel_index(names, ds_json_string(arena, name.value));
    if (channel >= 0) peer->channels |= UINT64_C(1) << channel;
  }
}

// The members of the identity that the channels ask for.
static ds_view reader_of(ds_arena *arena, const ds_names *names, ds_view identity) {
  if (names->member_count == 0) return (ds_view){0};
  ds_text json = ds_text_new(arena);
  for (uint32_t i = 0; i < names->member_count; i++) {
    char *name = ds_arena_take(arena, names->members[i].size + 1);
    memcpy(name, names->members[i].at, names->members[i].size);
    ds_view value = ds_json_member(identity, name);
    ds_text_str(&json, i ? "," : "{");
    ds_text_json(&json, names->members[i]);
    ds_text_str(&json, ":");
    ds_text_add(&json, ds_view_absent(value) ? DS_LITERAL("null") : value);
  }
  ds_text_str(&json, "}");
  return ds_text_view(&json);
}

static ds_peer peer_of(const ds_host *host, ds_arena *arena, const ds_names *names, ds_socket socket) {
  ds_peer peer = {.socket = socket};
  ds_view attachment = ds_host_text(host, arena, host->socket_attachment(host->context, socket));
  if (!ds_view_absent(attachment)) read_attachment(&peer, arena, names, attachment);
  peer.reader = reader_of(arena, names, peer.identity);
  peer.reader_hash = ds_view_hash(peer.reader);
  return peer;
}

ds_view ds_peer_client(const ds_peer *peer) {
  return (ds_view){peer->client, peer->client_size};
}

bool ds_peer_admit(ds_peer *peer, int64_t now) {
  int64_t full = INT64_C(1000) * DS_FRAME_BURST;
  int64_t passed = peer->refilled && now > peer->refilled ? now - peer->refilled : 0;
  bool refills = peer->refilled == 0 || passed > full / DS_FRAMES_PER_SECOND;
  peer->frames_left = refills ? full : peer->frames_left + passed * DS_FRAMES_PER_SECOND;
  if (peer->frames_left > full) peer->frames_left = full;
  peer->refilled = now;
  if (peer->frames_left < 1000) return false;
  peer->frames_left -= 1000;
  return true;
}

// ---- The set of peers

// Where the look for a socket's peer begins. Hosts count sockets up, so that their numbers alone would fill one run of slots.
static uint32_t home_of(const ds_peers *peers, ds_socket socket) {
  uint32_t hash = (uint32_t)socket * 2654435761u;
  return (hash ^ hash >> 15) & (2 * peers->room - 1);
}

// The slot of `socket`, or the free one where it would stand. There must be room for a peer.
static uint32_t *slot_of(const ds_peers *peers, ds_socket socket) {
  uint32_t at = home_of(peers, socket);
  while (peers->slots[at] && peers->items[peers->slots[at] - 1].socket != socket) at = (at + 1) & (2 * peers->room - 1);
  return &peers->slots[at];
}

static ds_peer *known_peer(const ds_peers *peers, ds_socket socket) {
  uint32_t position = peers->room ? *slot_of(peers, socket) : 0;
  return position ? &peers->items[position - 1] : NULL;
}

static void *take(ds_peers *peers, size_t size) {
  peers->kept += size;
  return ds_arena_take(peers->keep, size);
}

static void make_room(ds_peers *peers, uint32_t room) {
  ds_peer *items = take(peers, room * sizeof *items);
  if (peers->count) memcpy(items, peers->items, peers->count * sizeof *items);
  peers->items = items;
  peers->room = room;
  peers->slots = take(peers, 2 * room * sizeof *peers->slots);
  for (uint32_t i = 0; i < peers->count; i++) *slot_of(peers, items[i].socket) = i + 1;
}

static ds_view hold(ds_peers *peers, ds_view text) {
  if (!text.at) return text;
  char *at = take(peers, text.size);
  memcpy(at, text.at, text.size);
  return (ds_view){at, text.size};
}

static void hold_texts(ds_peers *peers, ds_peer *peer) {
  peer->identity = hold(peers, peer->identity);
  peer->reader = hold(peers, peer->reader);
}

static size_t size_of_texts(const ds_peer *peer) {
  return peer->identity.size + peer->reader.size;
}

static ds_peer *add(ds_peers *peers, ds_peer peer) {
  if (peers->count == peers->room) make_room(peers, peers->room ? 2 * peers->room : 16);
  hold_texts(peers, &peer);
  peers->held += size_of_texts(&peer);
  peers->items[peers->count] = peer;
  *slot_of(peers, peer.socket) = peers->count + 1;
  return &peers->items[peers->count++];
}

void ds_peers_tidy(ds_peers *peers) {
  size_t needed = peers->room * (sizeof *peers->items + 2 * sizeof *peers->slots) + peers->held;
  if (peers->kept <= 2 * needed + TIDY_FROM) return;
  ds_arena *full = peers->keep;
  peers->keep = peers->spare;
  peers->spare = full;
  peers->kept = 0;
  make_room(peers, peers->room);
  for (uint32_t i = 0; i < peers->count; i++) hold_texts(peers, &peers->items[i]);
  ds_arena_reset(full);
}

ds_peer *ds_peers_find(ds_peers *peers, const ds_host *host, ds_arena *arena, const ds_names *names, ds_socket socket) {
  ds_peer *known = known_peer(peers, socket);
  return known ? known : add(peers, peer_of(host, arena, names, socket));
}

void ds_peers_complete(ds_peers *peers, const ds_host *host, ds_arena *arena, const ds_names *names) {
  if (peers->complete) return;
  for (ds_socket socket = -1; (socket = host->socket_after(host->context, socket)) >= 0;) ds_peers_find(peers, host, arena, names, socket);
  peers->complete = true;
}

// Frees a slot; those behind it that stood there for want of a free one nearer to their homes move up.
static void vacate(ds_peers *peers, uint32_t at) {
  uint32_t mask = 2 * peers->room - 1;
  for (uint32_t next = (at + 1) & mask; peers->slots[next]; next = (next + 1) & mask) {
    uint32_t home = home_of(peers, peers->items[peers->slots[next] - 1].socket);
    if (((next - home) & mask) < ((next - at) & mask)) continue;
    peers->slots[at] = peers->slots[next];
    at = next;
  }
  peers->slots[at] = 0;
}

// The last peer takes the place of the one that goes.
void ds_peers_remove(ds_peers *peers, ds_socket socket) {
  ds_peer *gone = known_peer(peers, socket);
  if (!gone) return;
  peers->held -= size_of_texts(gone);
  vacate(peers, (uint32_t)(slot_of(peers, socket) - peers->slots));
  const ds_peer *last = &peers->items[--peers->count];
  if (last == gone) return;
  *slot_of(peers, last->socket) = (uint32_t)(gone - peers->items) + 1;
  *gone = *last;
}

void ds_peers_forget(ds_peers *peers) {
  if (peers->room) memset(peers->slots, 0, 2 * peers->room * sizeof *peers->slots);
  peers->count = 0;
  peers->held = 0;
  peers->complete = false;
}
