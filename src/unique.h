// SPDX-License-Identifier: MIT
// What of a table is unique: its key, its rowid, its unique indexes. A REPLACE removes the rows that are in its way there, and no trigger for deletes fires for them unless the app has
// said PRAGMA recursive_triggers = ON, which is the app's to say. So triggers that run before note which rows those may be.
#ifndef DURASYNC_UNIQUE_H
#define DURASYNC_UNIQUE_H

#include "table.h"

// Reads what is unique into `table`, whose columns are known; the views are copied to `keep`. Returns why a REPLACE of this table could not be followed, in the arena of `sql`; absent
// if it can be.
ds_view ds_unique_read(ds_table *table, ds_sql *sql, ds_arena *keep);

// Appends what tells it apart from what it was before.
void ds_unique_fingerprint(ds_text *text, const ds_table *table);

// The columns that an update has to name for other rows to be in its way: " OF ...", or nothing where any may.
void ds_unique_add_columns(ds_text *sql, const ds_table *table);

// Appends the condition that row t is in the way of row NEW of a trigger, in one of the ways; `update`: where NEW is what row OLD becomes.
void ds_unique_add_in_the_way(ds_text *sql, const ds_table *table, const ds_unique *way, bool update);

#endif
