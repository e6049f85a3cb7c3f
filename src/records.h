// SPDX-License-Identifier: MIT
// Rows read as JSON. SQLite writes the JSON, the host keeps the text, the core passes its handle on: rows go from the table to the socket without being taken apart.
//
// They come together, which costs a third of what single rows do. Only where that is too large for its frame, or even for the platform (2 MB a text), are they read one at
// a time, and reading stops at the byte where the frame is full, whatever the sizes of the rows. Pages, which are most of what an object sends, come as columns: clients parse an
// array a column faster than one a row, and the bytes are fewer. Where a page is too large it is made of half as many rows, until they fit.
#ifndef DURASYNC_RECORDS_H
#define DURASYNC_RECORDS_H

#include "pieces.h"
#include "table.h"

// What was appended to a frame.
typedef struct ds_records {
  int64_t count;
  int64_t size; // bytes, with a comma for each
  bool more;    // there is at least one more, for which there was no room
} ds_records;

// Keys of rows.
typedef struct ds_keys {
  ds_view json; // an array of them; absent if there are none
  int64_t count;
} ds_keys;

// Each appends to `frame` as much as fits into `budget` bytes, the first row in any case. `reader` is the JSON of who reads, for a personal channel.

// The rows of the keys; keys without a row are passed over. Whole records, separated by commas.
ds_records ds_records_by_key(ds_sql *sql, const ds_table *table, ds_keys keys, ds_view reader, ds_pieces *frame, int64_t budget);

// The same, but each as its key's cells followed by the cells of the given columns.
ds_records ds_records_partial(ds_sql *sql, const ds_table *table, ds_keys keys, const uint32_t *columns, uint32_t count, ds_view reader, ds_pieces *frame, int64_t budget);

// Every record, in key order.
ds_records ds_records_all(ds_sql *sql, const ds_table *table, ds_view reader, ds_pieces *frame, int64_t budget);

// A part of a snapshot.
typedef struct ds_part {
  ds_records records;
  ds_view last; // the key that it ends at, JSON; absent where the channel ends
} ds_part;

// Where a part of `rows` records ends that begins after the key `after` (JSON), or with the first record if that is absent: the key of its last record, JSON in the arena; absent where
// there are not as many. Reads every key.
ds_view ds_records_end(ds_sql *sql, const ds_table *table, ds_view after, int64_t rows, ds_view reader);

// The records after the key `after` and up to the key `until`, either of which may be absent: from the first, to the last. In no order, as columns: a JSON array for each column of the
// channel, separated by commas, of the column's cells. `more` if the part ends before `until`, at its `last`.
ds_part ds_records_part(ds_sql *sql, const ds_table *table, ds_view after, ds_view until, ds_view reader, ds_pieces *frame, int64_t budget);

// How many records there are. Reads every key.
int64_t ds_records_count(ds_sql *sql, const ds_table *table, ds_view reader);

#endif
