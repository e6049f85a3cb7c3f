// SPDX-License-Identifier: MIT
// Changes as they go over the wire.
#ifndef DURASYNC_PATCH_H
#define DURASYNC_PATCH_H

#include "diff.h"
#include "pieces.h"

// One `change` of docs/PROTOCOL.md: what a diff comes to, for clients that speak version 2.
typedef struct ds_change {
  ds_pieces json;
  bool whole; // false if it is too large for a frame: then the JSON is not to be sent
  int64_t size; // bytes of the rows and keys in it
} ds_change;

// The change that brings a client from the diff's `from` to its `to`. What a catch-up has left open is decided then.
ds_change ds_change_of(ds_sql *sql, ds_diff *diff);

// The change that carries nothing but the news that the channel is at `to`: a subscriber at `from` or later is there now; any other finds a gap, and catches up.
ds_change ds_change_empty(ds_sql *sql, const ds_table *table, ds_view reader, int64_t from, int64_t to);

// The `patch` frame of some changes and outcomes, each comma-separated JSON.
ds_pieces ds_patch_frame(ds_arena *arena, ds_view epoch, const ds_pieces *changes, ds_view outcomes);

// The rows of a diff as version 1 has them: comma-separated whole records, a deleted one with its `deleted_at` set to `now` (left out if the
// table has no such column).
ds_pieces ds_change_records(ds_sql *sql, const ds_diff *diff, int64_t now);

// Appends one deleted row as version 1 has it: the cells of `key` in their columns, `now` in deleted_at, null elsewhere.
void ds_deleted_record(ds_text *text, const ds_table *table, ds_view key, int64_t now);

#endif
