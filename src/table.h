// SPDX-License-Identifier: MIT
// A channel's table as the database describes it, and the SQL that follows from its columns: how a cell is written as JSON, how a key is written and found.
#ifndef DURASYNC_TABLE_H
#define DURASYNC_TABLE_H

#include "limits.h"
#include "sql.h"

typedef struct ds_column {
  ds_view name;
  ds_view type; // as declared
  bool not_null;
} ds_column;

typedef struct ds_table {
  ds_view channel; // the declared name
  ds_view name;    // the table's name
  bool strict;
  uint32_t column_count;
  ds_column columns[DS_MAX_COLUMNS];
  uint32_t key_count;
  uint32_t key[DS_MAX_COLUMNS]; // positions of the primary key's columns, in key order
  int32_t deleted_at;           // position of the column `deleted_at`, or -1
  ds_view shape;                // hash of what clients see: names, types and key
  int64_t version;              // of the last change that subscribers were told of
} ds_table;

// Describes the table `name` for `channel` into `table`; the views are copied to `keep`, which must outlive it. Returns false, after logging why, if there is no such
// table, if it has no primary key or too many columns. `generation` goes into the shape: clients refetch when it changes.
bool ds_table_describe(ds_table *table, ds_sql *sql, ds_arena *keep, ds_view channel, ds_view name, int64_t generation);

// The position of the column `name`, or -1.
int32_t ds_table_column(const ds_table *table, const char *name);

// Appends the JSON expression of column `column` of row `row` ("t", "NEW", "OLD"). SQL's own JSON rounds REALs to 15 digits, refuses BLOBs, and prints integers that JavaScript cannot
// hold; the expression mends that, and only where the column's type leaves it possible.
void ds_table_cell(ds_text *sql, const ds_table *table, uint32_t column, const char *row);

// Appends json_array(...) of the row's primary key, of the given columns after the primary key, of the whole record.
void ds_table_key(ds_text *sql, const ds_table *table, const char *row);
void ds_table_partial(ds_text *sql, const ds_table *table, const uint32_t *columns, uint32_t count);
void ds_table_record(ds_text *sql, const ds_table *table);

// Appends the comma-separated key columns of row "t", and the values of the key held as JSON by the SQL expression `json` ("k.value", "?1"), in the same order.
void ds_table_key_columns(ds_text *sql, const ds_table *table);
void ds_table_key_values(ds_text *sql, const ds_table *table, const char *json);

// Appends a condition: the key of row "t" is the one held as JSON by `json`.
void ds_table_key_match(ds_text *sql, const ds_table *table, const char *json);

// A hash of `text` (FNV-1a, 64 bits) in sixteen hexadecimal digits, in `arena`. It tells versions of a schema apart and guards against nobody.
ds_view ds_hash(ds_arena *arena, ds_view text);

#endif
