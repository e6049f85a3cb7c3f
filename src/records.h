// SPDX-License-Identifier: MIT
// Rows read as JSON. SQLite writes the JSON, the host keeps the text, the core passes its handle on.
#ifndef DURASYNC_RECORDS_H
#define DURASYNC_RECORDS_H

#include "table.h"

// Rows as comma-separated JSON arrays, without brackets around them.
typedef struct ds_records {
  int64_t count;
  int64_t size;   // bytes of the text
  ds_handle text; // negative if there are none
} ds_records;

// The rows whose keys are in `keys`, a JSON array of keys, in its order; keys without a row are passed over. Whole records.
ds_records ds_records_by_key(ds_sql *sql, const ds_table *table, ds_view keys);

// The same rows, each as its key's cells followed by the cells of the given columns.
ds_records ds_records_partial(ds_sql *sql, const ds_table *table, ds_view keys, const uint32_t *columns, uint32_t count);

// The first `limit` records in key order after the key `after` (JSON), or from the beginning if it is absent.
ds_records ds_records_after(ds_sql *sql, const ds_table *table, ds_view after, int64_t limit);

// The bytes that ds_records_all would come to. Reads every row, and holds one at a time.
int64_t ds_records_measure(ds_sql *sql, const ds_table *table);

// Every record, in key order.
ds_records ds_records_all(ds_sql *sql, const ds_table *table);

#endif
