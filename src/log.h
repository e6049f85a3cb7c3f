// SPDX-License-Identifier: MIT
// The change log: one table a channel, filled by triggers, one written row a change (two for an update in a channel with `where`: the row leaves, and
// enters again; and one for a row in the way of another).
//
//   durasync_log_<channel> (version INTEGER PRIMARY KEY, op INTEGER, columns INTEGER, key TEXT)
//
// The log of a personal channel, whose `where` asks who reads, has a column "old <column>" more for each column that `where` asks: what it held before an update or a delete. So
// who could see a row is known after it has changed, and those who could not never hear of it. Such a log keeps the newest entry of each state that a row was in.
//
// A change's version is its rowid, so it grows as long as the newest entry is never deleted. `key` is the row's primary key as JSON, `op` one of ds_change_op, `columns`
// the set of changed columns of an update: bit i is column i, the
// last bit every further column. The set stays below 2^53, since integers come through a JavaScript number.
#ifndef DURASYNC_LOG_H
#define DURASYNC_LOG_H

#include "table.h"

//
// The log keeps a window: compaction leaves the newest entry of each row, and of those as many as the window has room for. The newest of the entries dropped for want of
// room stays as a marker, DS_FLOOR: up to its version nothing is known any more.
//
// DS_MAYBE says that a row was there, and in the way of another: a REPLACE has removed it, perhaps without a DS_DELETE; OR IGNORE and UPSERT have let it be. Only the table can tell.
typedef enum ds_change_op { DS_FLOOR = 0, DS_INSERT = 1, DS_UPDATE = 2, DS_DELETE = 3, DS_MAYBE = 4 } ds_change_op;

// The columns that have a bit of their own in a set, and the bit that stands for all further ones.
#define DS_NOTED_COLUMNS 52
#define DS_FURTHER_COLUMNS (INT64_C(1) << DS_NOTED_COLUMNS)

// The words of a log, in templates, beside those of its table. What the `where` of a personal channel asks was like before is in the log under names of its own; of any other channel nothing is:
//
//   {log}             the log
//   {log_definition}  the log and its columns, as CREATE TABLE takes them
//   {own K}           what durasync calls its trigger of the kind K
//   {old_names}       the columns of the log that hold what a row was like before, each after a comma
//   {old_values R}    what they hold for row R, each after a comma: OLD of a trigger, or t
//   {old_rows C}      what stands in FROM: the log with those columns under the table's own names, for `where` to be asked of them. The condition C picks the entries
extern const ds_words ds_log_words;

// Appends "durasync_<kind>_<channel>" as an identifier.
void ds_log_own_name(ds_text *sql, ds_view kind, ds_view channel);

// Makes the log anew if it does not have the columns that it needs now: as empty as compaction could leave it, with its version.
void ds_log_refit(ds_sql *sql, const ds_table *table);

// Tries a channel's `where`: fails if it names what is no column. Returns whether that of a personal channel can be asked of what a row was like before: false if a column of
// the table has a collation.
bool ds_log_asks(ds_sql *sql, const ds_table *table);

typedef struct ds_log_entry {
  int64_t version;
  int64_t columns;
  ds_view key; // JSON, in the turn's arena
  ds_change_op op;
  bool seen;   // the reader saw the row before this change; always true in a channel that is the same for everyone
} ds_log_entry;

// The highest version of a log: the highest integer that every JSON reader keeps exact.
#define DS_HIGHEST_VERSION INT64_C(9007199254740991)

// Whether the entry is one that a trigger of the table may have written: no other may become part of a frame. Columns that there
// are not stand for all of them.
bool ds_log_entry_sound(const ds_table *table, ds_log_entry *entry);

// Whether the channel's log is there, with versions that can go on and keys that SQLite can read. Reads all of it.
bool ds_log_intact(ds_sql *sql, ds_view channel);

// The newest change of each of `count` channels, DS_MAX_CHANNELS at most, in one statement: its version is 0 if there was none. Reads one row a channel.
void ds_log_newest(ds_sql *sql, const ds_view *channels, uint32_t count, ds_log_entry *newest);

// The version of the channel's newest change, 0 if there was none. Reads one row.
int64_t ds_log_version(ds_sql *sql, ds_view channel);

// The same as a column of somebody else's query: appends it, and reads it from the row at hand.
void ds_log_add_newest(ds_text *query, ds_view channel);
ds_log_entry ds_log_read_newest(ds_sql *sql, int32_t cursor, uint32_t column);

// The version from which on the log knows every row that changed: an older cursor cannot be resumed. Reads one row.
int64_t ds_log_floor(ds_sql *sql, const ds_table *table);

// Whether the changes from version `before` to `after` make it time to compact a log of `window` entries. It follows from the versions alone, so nothing needs to be
// remembered, and nothing wakes an object for it.
bool ds_log_due(int64_t before, int64_t after, int64_t window);

// Compacts the log to at most `window` entries and the marker. Reads the log once, and writes a row for each entry that goes. Run it where every subscriber
// has been told of everything.
void ds_log_compact(ds_sql *sql, const ds_table *table, int64_t window);

// Marks tell how old a version is: everything up to a mark's version had happened by its time.
//
//   durasync_mark (channel TEXT, version INTEGER, time INTEGER) WITHOUT ROWID
extern const char ds_log_mark_schema[];

// The time of the newest mark, 0 if there is none. Reads one row.
int64_t ds_log_marked(ds_sql *sql, const ds_table *table);

// Marks the channel's version as of the time `now`. Writes one row.
void ds_log_mark(ds_sql *sql, const ds_table *table, int64_t now);

// Drops the changes that had happened by `time`, as far as marks tell.
void ds_log_expire(ds_sql *sql, const ds_table *table, int64_t time);

// Opens the changes after `version`, oldest first, at most `limit`: the columns of ds_log_entry. Reads one row a change.
int32_t ds_log_since(ds_sql *sql, const ds_table *table, int64_t version, int64_t limit, ds_view reader);

// The same without asking who saw them: the last column is 1.
int32_t ds_log_entries(ds_sql *sql, const ds_table *table, int64_t version, int64_t limit);

// Whether the reader of a personal channel saw a row before the change of this version. False as well if `where` fails for the row as it was: it was no record.
bool ds_log_saw(ds_sql *sql, const ds_table *table, int64_t version, ds_view reader);

// Opens, for a personal channel, the places (from 0) of those among `readers`, a JSON array, who saw a row that has changed after `version` before it did, or see it now.
int32_t ds_log_concerned(ds_sql *sql, const ds_table *table, int64_t version, ds_view readers);

// Opens the keys (one column, JSON) of the rows that the log saw deleted and that are not there now; of a personal channel, those that the reader could see. Reads the whole log.
int32_t ds_log_deleted(ds_sql *sql, const ds_table *table, ds_view reader);

// Reads the next entry of ds_log_since; false at the end.
bool ds_log_next(ds_sql *sql, int32_t cursor, ds_log_entry *entry);

#endif
