// SPDX-License-Identifier: MIT
// Rows read as JSON, one at a time. SQLite writes the JSON, the host keeps the text, the core passes its handle on: so reading stops at the byte where a frame is full, whatever
// the sizes of the rows, and no text comes near the platform's 2 MB.
#ifndef DURASYNC_RECORDS_H
#define DURASYNC_RECORDS_H

#include "pieces.h"
#include "table.h"

// Each opens a query of one column: JSON arrays. `reader` is the JSON of who reads, for a personal channel.

// The rows whose keys are in `keys`, a JSON array of keys, in its order; keys without a row are passed over. Whole records.
int32_t ds_records_by_key(ds_sql *sql, const ds_table *table, ds_view keys, ds_view reader);

// The same rows, each as its key's cells followed by the cells of the given columns.
int32_t ds_records_partial(ds_sql *sql, const ds_table *table, ds_view keys, const uint32_t *columns, uint32_t count, ds_view reader);

// The records in key order after the key `after` (JSON), or from the beginning if it is absent; `limit` of them, or all if it is negative.
int32_t ds_records_after(ds_sql *sql, const ds_table *table, ds_view after, int64_t limit, ds_view reader);

// What has been taken of such a query.
typedef struct ds_records {
  int64_t count;
  int64_t size; // bytes, commas included
  bool more;    // the next row would not have fitted
} ds_records;

// Appends the query's rows, separated by commas, as long as they fit into `budget` bytes, the first one in any case; closes the query.
ds_records ds_records_take(ds_sql *sql, int32_t cursor, ds_pieces *frame, int64_t budget);

// How many records there are. Reads every key.
int64_t ds_records_count(ds_sql *sql, const ds_table *table, ds_view reader);

#endif
