// SPDX-License-Identifier: MIT
// The triggers of a channel's table: those that note each change in the channel's log, and those that note, while migrations run, that there was one.
#ifndef DURASYNC_TRIGGER_H
#define DURASYNC_TRIGGER_H

#include "table.h"

// The message of the trigger that refuses a record which is too large.
#define DS_RECORD_TOO_LARGE_MARK "durasync: record_too_large"

// Which triggers this core makes of a table: to be raised whenever ds_triggers_sql says something else of the same table, so that objects that wake make theirs anew.
#define DS_TRIGGERS_FORMAT 5

// Appends the statement number `at` (from 0) of those that make the channel's log and triggers; false past the last. Each is to be run by itself, since together they may be longer than the platform
// takes (100,000 bytes), and where no trigger of durasync's exists.
bool ds_triggers_sql(ds_text *sql, const ds_table *table, uint32_t at);

// Drops every trigger of durasync's, whatever channel it belonged to.
void ds_triggers_drop(ds_sql *sql);

// Makes triggers under which the table of the app's channel number `at` may change its columns, and which note in durasync_meta that it was touched. None if there is no such table.
void ds_triggers_watch(ds_sql *sql, const ds_channel *channel, uint32_t at);

// Whether triggers of the channel's, of either kind, stand on its table: if not, it may have changed unseen.
bool ds_triggers_watched(ds_sql *sql, const ds_table *table);

#endif
