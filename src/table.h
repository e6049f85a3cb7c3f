// SPDX-License-Identifier: MIT
// A channel's table as the database describes it, and the SQL that follows from its columns: how a cell is written as JSON, how a key is written and found.
#ifndef DURASYNC_TABLE_H
#define DURASYNC_TABLE_H

#include "durasync.h"
#include "limits.h"
#include "sql.h"
#include "template.h"

typedef struct ds_column {
  ds_view name;
  ds_view type; // as declared
  bool not_null;
} ds_column;

// A way in which rows of a table are unique: what their columns hold, compared by a collation, of those rows for which a condition holds.
typedef struct ds_unique_column {
  struct ds_unique_column *next;
  ds_view name;
  ds_view collation; // absent for a rowid
  ds_view otherwise; // the default, as SQL, where a column must not be NULL: a REPLACE puts it there. Empty for none
} ds_unique_column;
typedef struct ds_unique {
  struct ds_unique *next;
  ds_unique_column *columns;
  ds_view condition; // as SQL; empty if it is that of every row
} ds_unique;

typedef struct ds_table {
  const ds_channel *declared;
  ds_view channel; // the declared name
  ds_view name;    // the table's name
  ds_view where;   // absent if every row is a record
  bool strict;
  uint32_t all_count; // the table's columns, seen by clients or not
  ds_view all[DS_MAX_COLUMNS];
  ds_view all_types[DS_MAX_COLUMNS];
  ds_view all_defaults[DS_MAX_COLUMNS]; // as SQL, of those that must not be NULL; empty for none
  bool generated;       // some of them are generated
  bool without_rowid;
  ds_unique *unique;    // all that is unique, the key included
  bool by_reader;       // `where` asks who reads: every reader has rows of their own
  bool personal;        // `where` is asked when rows are read, never by a trigger: it asks who reads, or it can fail for a row
  bool fallible;        // it can fail for a row: for bad JSON, say
  ds_view failing;      // keys of rows that are passed over, since it fails for them: failing.h
  uint32_t asked_count; // the columns that the `where` of a personal channel asks, by their place among `all`
  uint32_t asked[DS_MAX_COLUMNS];
  uint32_t column_count; // the channel's columns, in the channel's order
  ds_column columns[DS_MAX_COLUMNS];
  uint32_t long_count; // those of them that can hold more than a number
  uint32_t long_columns[DS_MAX_COLUMNS];
  uint32_t key_count;
  uint32_t key[DS_MAX_COLUMNS]; // positions of the primary key's columns, in key order
  int32_t deleted_at;           // position of the column `deleted_at`, or -1
  ds_view shape;                // hash of what clients see: names, types and key
  int64_t version;              // of the last change that subscribers were told of
  int64_t counted;              // how many records there were at the version `counted_version`
  int64_t counted_version;      // -1 if they have not been counted
  int64_t marked;               // when a version was marked the last time; -1 while that has not been looked up
} ds_table;

// Describes the table of the channel `declared` into `table`; the views are copied to `keep`, which must outlive it. Returns false, after logging why, if there is no such
// table, if it has no primary key or too many columns, lacks a declared column, has a unique index that cannot be followed, or if the channel's `where` is not sound.
bool ds_table_describe(ds_table *table, ds_sql *sql, ds_arena *keep, const ds_channel *declared);

// Gives the table its shape, in `keep`. `generation` goes into it: clients fetch anew when it changes.
void ds_table_shape(ds_table *table, ds_arena *scratch, ds_arena *keep, int64_t generation);

// Appends what tells the table apart from what it was before: all that is known of it, except its shape and what changes with its rows.
void ds_table_fingerprint(ds_text *text, const ds_table *table);

// The position of the column `name`, or -1.
int32_t ds_table_column(const ds_table *table, const char *name);

// The shape as a reader sees it: of a personal channel every reader has one of their own, so that nobody resumes with another's cursor. `reader` is JSON.
ds_view ds_table_shape_for(ds_arena *arena, const ds_table *table, ds_view reader);

// The words of a table, in templates (template.h). R is the alias of a row: t, NEW or OLD. J is the SQL expression that holds JSON: a parameter, or a column.
//
//   {table}         the table
//   {rows J}        what stands in FROM: the channel's rows, to be read under the alias t, as the reader whose identity J holds sees them
//   {where J}       the channel's `where`, asked by that reader
//   {member R}      a condition: the row belongs to the channel. OLD in a BEFORE trigger, NEW in an AFTER trigger, since the table must hold it; only for a channel with `where`
//   {record R}      the record as a JSON array
//   {size R}        the most bytes that the record takes as a JSON array: at most DS_SHORT_CELL too many for each column that is not of text alone
//   {key R}         the primary key as a JSON array
//   {key_columns}   the columns of the key, of row t
//   {key_values J}  the values of the key that J holds, in the same order
//   {match J}       a condition: the key of row t is the one that J holds
//
// SQL's own JSON rounds REALs to 15 digits, refuses BLOBs, and prints integers that JavaScript cannot hold; records and keys mend that, and only where a column's type leaves it possible.
extern const ds_words ds_table_words;

// Appends a template with the words of a table.
void ds_table_add(ds_text *sql, const ds_table *table, const char *template);

// Appends the given columns of row t after its primary key, as a JSON array.
void ds_table_partial(ds_text *sql, const ds_table *table, const uint32_t *columns, uint32_t count);

// Appends "count(*)" and, for each column of the channel, the array of its cells in the rows at hand, under the names durasync_0, durasync_1, ...; so many texts that a result may have as many columns. Where they
// are fewer than the columns, a text is several arrays, separated by commas.
void ds_table_cells(ds_text *sql, const ds_table *table);
uint32_t ds_table_cell_texts(const ds_table *table);

// Opens a query over the channel's rows. `own`, three at most, are its parameters; the reader is the one after them if the channel is personal.
int32_t ds_table_open(ds_sql *sql, const ds_table *table, const ds_text *query, const ds_view *own, uint32_t count, ds_view reader);

// A hash of `text` (FNV-1a, 64 bits) in sixteen hexadecimal digits, in `arena`. It tells versions of a schema apart and guards against nobody.
ds_view ds_hash(ds_arena *arena, ds_view text);

#endif
