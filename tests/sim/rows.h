// SPDX-License-Identifier: MIT
// The records that a client holds of one channel, by key, with the sum of their hashes: contents are equal if their sums are, in whatever order they came.
#ifndef DURASYNC_SIM_ROWS_H
#define DURASYNC_SIM_ROWS_H

#include "../../src/bytes.h"

enum { ROWS_MAX_COLUMNS = 16 };

typedef struct row {
  ds_view key; // JSON
  ds_view cells[ROWS_MAX_COLUMNS];
  uint64_t hash;
  bool seen; // in the snapshot under way
} row;

typedef struct rows {
  ds_arena *arena; // owned, like `items`
  row *items;
  uint32_t count;
  uint32_t room;
  uint32_t column_count;
  uint32_t key_count;
  uint32_t key[ROWS_MAX_COLUMNS]; // positions of the key's columns
  uint64_t contents;
} rows;

// The hash of one record as JSON.
uint64_t row_hash(ds_view json);

// No records, of a table whose key's columns stand at `key`, a JSON array.
rows rows_new(uint32_t column_count, ds_view key);
void rows_free(rows *r);
rows rows_copy(const rows *r);

// Puts a record, marks it as seen, and returns its key.
ds_view rows_put(rows *r, ds_view record);

// Changes cells of a record: `cells` are its key's, then those of `columns`. False if it is not there.
bool rows_set(rows *r, ds_view columns, ds_view cells);

void rows_del(rows *r, ds_view key);

// Marks every record as not seen; drops those that have not been seen since.
void rows_look(rows *r);
void rows_retain_seen(rows *r);

#endif
