// SPDX-License-Identifier: MIT
// A channel's table as the database describes it, and the SQL that follows from its columns: how a cell is written as JSON, how a key is written and found.
#ifndef DURASYNC_TABLE_H
#define DURASYNC_TABLE_H

#include "durasync.h"
#include "limits.h"
#include "sql.h"

typedef struct ds_column {
  ds_view name;
  ds_view type; // as declared
  bool not_null;
} ds_column;

typedef struct ds_table {
  const ds_channel *declared;
  ds_view channel; // the declared name
  ds_view name;    // the table's name
  ds_view where;   // absent if every row is a record
  bool strict;
  uint32_t all_count; // the table's columns, seen by clients or not
  ds_view all[DS_MAX_COLUMNS];
  ds_view all_types[DS_MAX_COLUMNS];
  bool personal;        // `where` asks who reads: every reader has rows of their own
  uint32_t asked_count; // the columns that the `where` of a personal channel asks, by their place among `all`
  uint32_t asked[DS_MAX_COLUMNS];
  uint32_t column_count; // the channel's columns, in the channel's order
  ds_column columns[DS_MAX_COLUMNS];
  uint32_t key_count;
  uint32_t key[DS_MAX_COLUMNS]; // positions of the primary key's columns, in key order
  int32_t deleted_at;           // position of the column `deleted_at`, or -1
  ds_view shape;                // hash of what clients see: names, types and key
  int64_t version;              // of the last change that subscribers were told of
  int64_t gap;                  // of the last gap that readers of a personal channel were told of; 0 for none since the object woke
  int64_t counted;              // how many records there were at the version `counted_version`
  int64_t counted_version;      // -1 if they have not been counted
  int64_t marked;               // when a version was marked the last time; -1 while that has not been looked up
} ds_table;

// Describes the table of the channel `declared` into `table`; the views are copied to `keep`, which must outlive it. Returns false, after logging why, if there is no such
// table, if it has no primary key or too many columns, or lacks a declared column.
bool ds_table_describe(ds_table *table, ds_sql *sql, ds_arena *keep, const ds_channel *declared);

// Gives the table its shape, in `keep`. `generation` goes into it: clients fetch anew when it changes.
void ds_table_shape(ds_table *table, ds_arena *scratch, ds_arena *keep, int64_t generation);

// The position of the column `name`, or -1.
int32_t ds_table_column(const ds_table *table, const char *name);

// Appends what stands in FROM: the channel's rows, to be read under the alias t. `reader` is the SQL expression that holds the reader's JSON; it stands in the SQL only if the channel is personal.
void ds_table_source(ds_text *sql, const ds_table *table, const char *reader);

// The shape as a reader sees it: of a personal channel every reader has one of their own, so that nobody resumes with another's cursor. `reader` is JSON.
ds_view ds_table_shape_for(ds_arena *arena, const ds_table *table, ds_view reader);

// The parameters of a query over the channel's rows: those of `others`, then the reader if the channel is personal. Returns how many; `all` has room for one more than there are others.
uint32_t ds_table_parameters(const ds_table *table, const ds_view *others, uint32_t count, ds_view reader, ds_view *all);

// Appends a condition: the row `row` belongs to the channel: "OLD" in a BEFORE trigger, "NEW" in an AFTER trigger, since the table must hold it. Only for a channel
// with `where`.
void ds_table_member(ds_text *sql, const ds_table *table, const char *row);

// Appends the JSON expression of column `column` of row `row` ("t", "NEW", "OLD"). SQL's own JSON rounds REALs to 15 digits, refuses BLOBs, and prints integers that JavaScript cannot
// hold; the expression mends that, and only where the column's type leaves it possible.
void ds_table_cell(ds_text *sql, const ds_table *table, uint32_t column, const char *row);

// Appends json_array(...) of a row's primary key, of the whole record, and of the given columns of row "t" after its primary key.
void ds_table_key(ds_text *sql, const ds_table *table, const char *row);
void ds_table_record(ds_text *sql, const ds_table *table, const char *row);
void ds_table_partial(ds_text *sql, const ds_table *table, const uint32_t *columns, uint32_t count);

// Appends the comma-separated key columns of row "t", and the values of the key held as JSON by the SQL expression `json` ("k.value", "?1"), in the same order.
void ds_table_key_columns(ds_text *sql, const ds_table *table);
void ds_table_key_values(ds_text *sql, const ds_table *table, const char *json);

// Appends a condition: the key of row "t" is the one held as JSON by `json`.
void ds_table_key_match(ds_text *sql, const ds_table *table, const char *json);

// A hash of `text` (FNV-1a, 64 bits) in sixteen hexadecimal digits, in `arena`. It tells versions of a schema apart and guards against nobody.
ds_view ds_hash(ds_arena *arena, ds_view text);

#endif
