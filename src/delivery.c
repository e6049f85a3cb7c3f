// SPDX-License-Identifier: MIT
#include "delivery.h"

#include <string.h>

#include "error.h"
#include "limits.h"

static void add(ds_outbound *out, ds_delivery delivery) {
  if (out->count == out->room) {
    uint32_t room = out->room ? 2 * out->room : 16;
    ds_delivery *items = ds_arena_take(out->arena, room * sizeof *items);
    if (out->count) memcpy(items, out->items, out->count * sizeof *items);
    out->items = items;
    out->room = room;
  }
  out->items[out->count++] = delivery;
}

static const ds_socket *one_socket(ds_outbound *out, ds_socket socket) {
  ds_socket *sockets = ds_arena_take(out->arena, sizeof *sockets);
  *sockets = socket;
  return sockets;
}

static bool reads(const ds_outbound *out, ds_socket socket) {
  return out->host->socket_backlog(out->host->context, socket) <= DS_MAX_BACKLOG;
}

void ds_send_all(ds_outbound *out, const ds_socket *sockets, uint32_t count, const ds_pieces *frame) {
  ds_socket *reading = ds_arena_take(out->arena, (count + 1) * sizeof *reading);
  uint32_t reading_count = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (reads(out, sockets[i])) reading[reading_count++] = sockets[i];
    else ds_close_socket(out, sockets[i], DS_CLOSE_TRY_AGAIN, "slow_reader");
  }
  add(out, (ds_delivery){DS_DELIVERY_SEND, reading_count, reading, frame->count, frame->items, 0});
}

void ds_send(ds_outbound *out, ds_socket socket, const ds_pieces *frame) {
  ds_send_all(out, one_socket(out, socket), 1, frame);
}

static void add_text(ds_outbound *out, ds_delivery_kind kind, ds_socket socket, ds_view text, int32_t code) {
  ds_pieces pieces = ds_pieces_new(out->arena);
  ds_pieces_view(&pieces, text);
  add(out, (ds_delivery){kind, 1, one_socket(out, socket), pieces.count, pieces.items, code});
}

void ds_attach(ds_outbound *out, ds_socket socket, ds_view text) {
  add_text(out, DS_DELIVERY_ATTACH, socket, text, 0);
}

void ds_wait_for(ds_outbound *out, ds_socket socket, int32_t frame, ds_view name) {
  add_text(out, DS_DELIVERY_WAIT, socket, name, frame);
}

void ds_come_again(ds_outbound *out, ds_socket socket, ds_view frame) {
  add_text(out, DS_DELIVERY_AGAIN, socket, frame, 0);
}

void ds_close_socket(ds_outbound *out, ds_socket socket, int32_t code, const char *reason) {
  add_text(out, DS_DELIVERY_CLOSE, socket, ds_view_of(reason), code);
}

// ---- Errors

static ds_text error_v2(ds_arena *arena, const ds_frame *frame, ds_code code, ds_view message, int64_t expected) {
  ds_text json = ds_text_new(arena);
  ds_text_fill(&json, "{'type':'error','code':$,'message':$", DS_VALUES(ds_code_wire(code), message));
  if (!ds_view_absent(frame->channel)) ds_text_fill(&json, ",'channel':$", &frame->channel);
  if (expected) ds_text_fill(&json, ",'expected':#", DS_VALUES(ds_number(arena, expected)));
  ds_text_str(&json, "}");
  return json;
}

static ds_text error_v1(ds_arena *arena, const ds_frame *frame, ds_code code, ds_view message) {
  ds_text line = ds_text_new(arena);
  ds_text_fill(&line, "#: #", DS_VALUES(ds_code_wire(code), message));
  ds_text json = ds_text_new(arena);
  ds_view error = ds_text_view(&line);
  bool rpc = !ds_view_absent(frame->id) && !ds_view_absent(frame->channel);
  if (rpc) ds_text_fill(&json, "{'type':'error','rpc':true,'channel':$,'id':#,'error':[$]}", DS_VALUES(frame->channel, frame->id, error));
  else ds_text_fill(&json, "{'type':'exception','rpc':true,'exception':[$]}", &error);
  return json;
}

void ds_send_error(ds_outbound *out, ds_socket socket, int64_t protocol, const ds_frame *frame, ds_code code, ds_view message, int64_t expected) {
  if (ds_view_absent(message)) message = ds_code_sentence(code);
  ds_text json = protocol == 1 ? error_v1(out->arena, frame, code, message) : error_v2(out->arena, frame, code, message, expected);
  ds_pieces pieces = ds_pieces_new(out->arena);
  ds_pieces_text(&pieces, &json);
  ds_send(out, socket, &pieces);
}
