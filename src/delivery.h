// SPDX-License-Identifier: MIT
// The deliveries of a turn, under construction, and the small frames that need no stage of their own.
#ifndef DURASYNC_DELIVERY_H
#define DURASYNC_DELIVERY_H

#include "frame.h"
#include "pieces.h"

typedef struct ds_outbound {
  ds_arena *arena;
  ds_delivery *items;
  uint32_t count;
  uint32_t room;
} ds_outbound;

// Sends `frame` to the sockets; the array must live as long as the turn.
void ds_send_all(ds_outbound *out, const ds_socket *sockets, uint32_t count, const ds_pieces *frame);

// Sends `frame` to one socket; attaches `text` to it.
void ds_send(ds_outbound *out, ds_socket socket, const ds_pieces *frame);
void ds_attach(ds_outbound *out, ds_socket socket, ds_view text);

// Sends what answers a frame that could not be handled, in the words of `protocol`: `error` in version 2, `exception` or an rpc's `error` in version 1. A null message is the code's
// sentence; `expected` is left out if it is 0.
void ds_send_error(ds_outbound *out, ds_socket socket, int64_t protocol, const ds_frame *frame, ds_code code, ds_view message, int64_t expected);

#endif
