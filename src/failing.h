// SPDX-License-Identifier: MIT
// Rows for which a channel's `where` fails: bad JSON behind `->>`, a number or a text that is too large. Such a row is no record, and that is its own affair: the others are served.
//
// A statement asks `where` of all of its rows at once, and fails as a whole. Only then are they asked one by one, in key order, by a loop over their keys: so that it is known at which it stopped.
#ifndef DURASYNC_FAILING_H
#define DURASYNC_FAILING_H

#include "table.h"

// Whether `attempt` failed where asking row by row may help. If not, its status is that of `sql`.
bool ds_failed_for_a_row(ds_sql *sql, const ds_sql *attempt, const ds_table *table);

typedef struct ds_walk {
  ds_view after;   // the rows after this key and up to that one, JSON; absent for no bound
  ds_view until;
  ds_view reader;
  int64_t wanted;  // records after which to stop; 0 for none
  int64_t records; // those that were found
  ds_view last;    // the key of the one that was wanted, JSON; absent if there are not as many
  ds_text failing; // the keys for which `where` fails, each a JSON string, separated by commas
} ds_walk;

// Asks `where` of one row after the other. Reads each row once, and a statement more for each that fails; DS_MAX_FAILING bytes of their keys at most, or `sql` fails.
void ds_walk_rows(ds_sql *sql, const ds_table *table, ds_walk *walk);

// The table as it is asked without the rows between two keys for which `where` fails, in the arena of `sql`.
const ds_table *ds_table_without_failing(ds_sql *sql, const ds_table *table, ds_view after, ds_view until, ds_view reader);

#endif
