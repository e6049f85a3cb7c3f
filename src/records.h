// SPDX-License-Identifier: MIT
// Rows read as JSON. SQLite writes the JSON, the host keeps the text, the core passes its handle on.
#ifndef DURASYNC_RECORDS_H
#define DURASYNC_RECORDS_H

#include "table.h"

// Rows as comma-separated JSON arrays, without brackets around them: as many of those found, from the first on, as `budget` bytes hold, one at least. SQL
// stops adding there, so no text comes near the platform's 2 MB however large the rows are, and no more than one row is held beside it.
typedef struct ds_records {
  int64_t found;
  int64_t count;  // in the text
  int64_t size;   // bytes of the text
  ds_handle text; // negative if there are none
} ds_records;

// The rows whose keys are in `keys`, a JSON array of keys, in its order; keys without a row are passed over. Whole records, DS_MAX_PATCH bytes at most.
ds_records ds_records_by_key(ds_sql *sql, const ds_table *table, ds_view keys);

// The same rows, each as its key's cells followed by the cells of the given columns.
ds_records ds_records_partial(ds_sql *sql, const ds_table *table, ds_view keys, const uint32_t *columns, uint32_t count);

// The first `limit` records in key order after the key `after` (JSON), or from the beginning if it is absent; DS_PAGE_SIZE bytes at most, or one record.
ds_records ds_records_after(ds_sql *sql, const ds_table *table, ds_view after, int64_t limit);

// How many records there are. Reads every key.
int64_t ds_records_count(ds_sql *sql, const ds_table *table);

// Opens every record, in key order, one a row: a JSON array.
int32_t ds_records_all(ds_sql *sql, const ds_table *table);

// Opens the records of `keys` (see ds_records_by_key), one a row.
int32_t ds_records_each(ds_sql *sql, const ds_table *table, ds_view keys);

#endif
