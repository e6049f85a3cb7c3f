// SPDX-License-Identifier: MIT
// The deliveries of a turn, under construction, and the small frames that need no stage of their own.
#ifndef DURASYNC_DELIVERY_H
#define DURASYNC_DELIVERY_H

#include "frame.h"
#include "pieces.h"

// Close codes (RFC 6455, section 7.4.1, and its registry): clients come back and resume after each.
enum { DS_CLOSE_INTERNAL = 1011, DS_CLOSE_RESTART = 1012, DS_CLOSE_TRY_AGAIN = 1013 };

typedef struct ds_outbound {
  const ds_host *host;
  ds_arena *arena;
  ds_delivery *items;
  uint32_t count;
  uint32_t room;
} ds_outbound;

// Sends `frame` to the sockets; the array must live as long as the turn. A socket with too much waiting for it is closed instead: it resumes when it comes back, and
// the object's memory stays bounded.
void ds_send_all(ds_outbound *out, const ds_socket *sockets, uint32_t count, const ds_pieces *frame);

// Sends `frame` to one socket; attaches `text` to it.
void ds_send(ds_outbound *out, ds_socket socket, const ds_pieces *frame);
void ds_attach(ds_outbound *out, ds_socket socket, ds_view text);

// Has frame number `frame` of the turn come again when what `name` names is there.
void ds_wait_for(ds_outbound *out, ds_socket socket, int32_t frame, ds_view name);

// Has `frame`, one of the core's own, come with the next turn as the socket's.
void ds_come_again(ds_outbound *out, ds_socket socket, ds_view frame);

// Closes a socket with `code` and `reason`, a literal.
void ds_close_socket(ds_outbound *out, ds_socket socket, int32_t code, const char *reason);

// Sends what answers a frame that could not be handled, in the words of `protocol`: `error` in version 2, `exception` or an rpc's `error` in version 1. A null message is the code's
// sentence; `expected` is left out if it is 0.
void ds_send_error(ds_outbound *out, ds_socket socket, int64_t protocol, const ds_frame *frame, ds_code code, ds_view message, int64_t expected);

#endif
