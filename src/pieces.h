// SPDX-License-Identifier: MIT
// A frame under construction: bytes of the core's and texts of the host's, in order. It is joined by the host when it is sent.
#ifndef DURASYNC_PIECES_H
#define DURASYNC_PIECES_H

#include "core.h"

typedef struct ds_pieces {
  ds_arena *arena;
  ds_piece *items;
  uint32_t count;
  uint32_t room;
} ds_pieces;

// An empty frame in `arena`.
ds_pieces ds_pieces_new(ds_arena *arena);

// Append: a view, which must live as long as the arena's turn; a literal; the text built so far; a text of the host's (nothing if negative); another frame.
void ds_pieces_view(ds_pieces *pieces, ds_view view);
void ds_pieces_str(ds_pieces *pieces, const char *literal);
void ds_pieces_text(ds_pieces *pieces, const ds_text *text);
void ds_pieces_handle(ds_pieces *pieces, ds_handle text);
void ds_pieces_join(ds_pieces *pieces, const ds_pieces *more);

#endif
