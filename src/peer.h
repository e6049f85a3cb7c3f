// SPDX-License-Identifier: MIT
// The other end of a socket: what it speaks, who it is, what it subscribes to. A peer lives in its socket's attachment; what is here is a copy, read when it is
// first needed: a waking object looks at one socket when that one speaks, and at all of them only when something is to be sent to all.
#ifndef DURASYNC_PEER_H
#define DURASYNC_PEER_H

#include "durasync.h"
#include "host.h"
#include "limits.h"

typedef struct ds_peer {
  ds_socket socket;
  uint8_t protocol;  // 1 or 2, 0 while unknown
  bool unread;       // its attachment cannot be read: nobody knows as whom it was let in
  bool changed;      // differs from the attachment
  bool waits;        // an action of this turn waits, and so does whatever the socket sent after it; set for the turn
  uint8_t client_size;
  char client[DS_MAX_CLIENT]; // version 2: who it is
  ds_view identity;           // who it was let in as: a JSON object, absent for nobody in particular; held by the set
  ds_view reader;             // as whom it reads: a JSON object of those members of the identity that a `where` asks for, absent if none does; held by the set
  uint64_t channels;          // the subscriptions: bit i is the app's channel i
  uint32_t reader_hash;       // of `reader`
  struct ds_sender *sender;   // what it is to be told of its actions of this turn; NULL if it has sent none, and between turns
  int64_t frames_left;        // of its rate, in thousandths of a frame
  int64_t refilled;           // when that was reckoned last; 0 never
} ds_peer;

typedef struct ds_peers {
  ds_arena *keep;  // where they and their identities live
  ds_arena *spare; // where they move to when most of what lies in `keep` is in use no more
  size_t kept;     // bytes taken from `keep`
  size_t held;     // of those, the bytes of the texts of the peers that are there
  ds_peer *items;  // in no order
  uint32_t *slots; // by socket: a peer's position plus one, 0 where free; open addressing, twice as many as `room`
  uint32_t count;
  uint32_t room;
  bool complete; // every socket of the host's is here
} ds_peers;

// What peers need to know of the app: the names of its channels, for attachments outlive their order, and which members of an identity its channels ask for.
typedef struct ds_names {
  ds_view channels[DS_MAX_CHANNELS];
  uint32_t channel_count;
  ds_view members[DS_MAX_MEMBERS];
  uint32_t member_count;
  bool too_many; // more members than the cap
} ds_names;

// The names of an app. Members beyond the cap are left out: the start has refused them.
ds_names ds_names_of(const ds_app *app);

// The channel's place in the app, -1 for an unknown name.
int32_t ds_channel_index(const ds_names *names, ds_view name);

// The peer of `socket`, made or read from its attachment. The pointer is valid until the next call that may add a peer.
ds_peer *ds_peers_find(ds_peers *peers, const ds_host *host, ds_arena *arena, const ds_names *names, ds_socket socket);

// Moves the peers together if what is left of those gone takes more room than they do. Pointers to peers and their identities end with it.
void ds_peers_tidy(ds_peers *peers);

// Makes sure that every socket's peer is there.
void ds_peers_complete(ds_peers *peers, const ds_host *host, ds_arena *arena, const ds_names *names);

// Counts a frame of the peer's at the time `now`; false if it is one too many. A rate starts anew with the instance.
bool ds_peer_admit(ds_peer *peer, int64_t now);

// Forgets one peer; forgets all, which are then read again from their attachments.
void ds_peers_remove(ds_peers *peers, ds_socket socket);
void ds_peers_forget(ds_peers *peers);

// The peer as its attachment's text.
ds_view ds_peer_attachment(ds_arena *arena, const ds_names *names, const ds_peer *peer);

// The client's id.
ds_view ds_peer_client(const ds_peer *peer);

#endif
