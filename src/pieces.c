// SPDX-License-Identifier: MIT
#include "pieces.h"

#include <string.h>

ds_pieces ds_pieces_new(ds_arena *arena) {
  return (ds_pieces){.arena = arena};
}

static void add(ds_pieces *pieces, ds_piece piece) {
  if (pieces->count == pieces->room) {
    uint32_t room = pieces->room ? 2 * pieces->room : 8;
    ds_piece *items = ds_arena_take(pieces->arena, room * sizeof *items);
    if (pieces->count) memcpy(items, pieces->items, pieces->count * sizeof *items);
    pieces->items = items;
    pieces->room = room;
  }
  pieces->items[pieces->count++] = piece;
}

void ds_pieces_view(ds_pieces *pieces, ds_view view) {
  if (view.size) add(pieces, (ds_piece){.text = -1, .bytes = view});
}

void ds_pieces_str(ds_pieces *pieces, const char *literal) {
  ds_pieces_view(pieces, ds_view_of(literal));
}

void ds_pieces_text(ds_pieces *pieces, const ds_text *text) {
  ds_pieces_view(pieces, ds_text_view(text));
}

void ds_pieces_handle(ds_pieces *pieces, ds_handle text) {
  if (text >= 0) add(pieces, (ds_piece){.text = text});
}

void ds_pieces_join(ds_pieces *pieces, const ds_pieces *more) {
  for (uint32_t i = 0; i < more->count; i++) add(pieces, more->items[i]);
}
