// SPDX-License-Identifier: MIT
// Decoding: bytes to one struct for every frame of docs/PROTOCOL.md. Views point into the incoming bytes or the turn's arena.
#ifndef DURASYNC_FRAME_H
#define DURASYNC_FRAME_H

#include "core.h"

typedef struct ds_outcome ds_outcome;

typedef enum ds_frame_type {
#define DS_FRAME(name, wire) DS_##name,
#include "frames.def"
#undef DS_FRAME
  DS_V1_SYNC,
  DS_V1_RPC,
} ds_frame_type;

// One action as it was sent.
typedef struct ds_sent {
  int64_t number; // 0 in version 1
  ds_view channel;
  ds_view type;
  ds_view payload; // JSON; absent if left out
  const ds_outcome *verdict; // what became of it before its turn was undone: it is not run again. NULL for nothing
} ds_sent;

typedef struct ds_cursor {
  bool present;
  ds_view epoch;
  ds_view shape;
  int64_t version;
} ds_cursor;

typedef struct ds_frame {
  ds_code code;        // DS_OK, or why the frame cannot be handled; then only `message` and what is known of `protocol` hold
  const char *message; // with a code: what is wrong, in a sentence; a literal
  int64_t protocol;    // 1 or 2, 0 if the frame does not tell; of a hello: what it asks for
  ds_frame_type type;
  bool poisoned;       // brought an instance down: its actions must not be run
  bool own;            // the core's own: the socket's client has not sent it
  ds_view client;      // hello
  int64_t app;         // hello: the version of the app that the client runs; 0 if it does not say
  int64_t seen;        // hello: when the object last welcomed the client, by the object's clock; 0 if it never did
  ds_view channel;     // subscribe, page, unsubscribe, version 1
  int64_t subscription; // subscribe, page: the client's number of the subscription, which the pages that answer it say again; 0 if it gives none
  ds_cursor cursor;    // subscribe
  ds_view after;       // page: the key, JSON
  int64_t rows;        // page: of the first page of the answer
  int64_t pages;       // subscribe, page: that may be answered with at most
  ds_view until;       // page of the core's own: JSON, the key that its answer ends at, null for the end of the table; absent or false if it begins an answer
  int64_t acknowledged; // actions
  uint32_t sent_count; // actions; one in a version 1 rpc
  ds_sent *sent;
  ds_view id;          // version 1 rpc: the id, JSON
  bool from;           // version 1 sync: the client has rows already
} ds_frame;

// Decodes a text message. Never fails: what cannot be decoded is a frame with a code.
ds_frame ds_frame_decode(ds_arena *arena, ds_frame_kind kind, ds_view bytes);

#endif
