// SPDX-License-Identifier: MIT
// Bringing storage up to date when an object wakes: bookkeeping, migrations, triggers, what the tables look like.
//
//   durasync_meta (id = 1, epoch TEXT, migrations INTEGER, installed TEXT, generations TEXT, touched INTEGER, hashes TEXT)
//
// `migrations` counts the app's migrations that have run. `hashes` are those of their tokens: one that is not any more what ran here is logged. `installed` is the hash of what the triggers in place were made of, the tables and DS_TRIGGERS_FORMAT: they are made anew only when it
// differs.
//
// Migrations cannot run under the triggers, since SQLite refuses to drop a column that a trigger names. While they run, each channel's table has triggers that name no column
// and note in `touched` (bit i: the app's channel i) that the table changed. A channel that was touched, or that nobody watched for a while, gets a new generation, and with it a new shape:
// its clients fetch it anew, and only those. `generations` maps every channel that ever had a log to its generation.
#ifndef DURASYNC_STORAGE_H
#define DURASYNC_STORAGE_H

#include "core.h"
#include "table.h"

typedef struct ds_storage {
  bool migrated;
  bool apart;        // a migration, the one at `apart_at`, is to be run with foreign keys off, and so in a commit of its own
  bool before_ran;   // what comes before it has run
  bool apart_failed; // it was, and failed
  bool whole;        // the app has nothing to do behind its migrations
  bool keys_off;     // foreign keys are off; `keys_on` tells whether they were on before
  bool keys_on;
  int32_t keys_tries; // since they were last switched
  int64_t apart_at;
  ds_view epoch;
  ds_view installed;
  bool reshaped;                 // tables were not as they had been left, or not there: channels have got new shapes, and not by a migration
  ds_view generations; // JSON
  int64_t told[DS_MAX_CHANNELS]; // the versions that the channels had when the object woke
  uint32_t table_count;
  ds_table *tables; // one a channel, in the app's order
} ds_storage;

// How many entries the change logs of this app keep, and for how many milliseconds.
int64_t ds_app_log_window(const ds_app *app);
int64_t ds_app_log_age(const ds_app *app);

// Fills `storage`, in one transaction: the bookkeeping, the migrations, the app's DS_ON_START, the descriptions of the tables, the triggers. What it holds lives in `keep`. False if the app cannot
// run on this storage: nothing is changed then, and the reason is logged. Waking an object that is up to date writes nothing and reads two rows, and one a channel.
bool ds_storage_open(ds_storage *storage, const ds_app *app, const ds_host *host, ds_arena *keep, ds_arena *arena);

// Does what a call of the two others has found to be done first, in commits of its own, whereupon it failed: a migration that SQLite is to run with foreign keys off, which it can be told between transactions only. See
// ds_core_apart.
ds_apart ds_storage_apart(ds_storage *storage, const ds_app *app, const ds_host *host, ds_arena *keep, ds_arena *arena, bool whole);

// Does the first two of these in a transaction of their own; ds_storage_open does the rest. What happens to tables in between is noticed.
bool ds_storage_migrate(ds_storage *storage, const ds_app *app, const ds_host *host, ds_arena *keep, ds_arena *arena);

// Whether the tables and their triggers are still what they were when the storage was opened, whoever has altered them or made them anew. `arena` is for the turn.
bool ds_storage_current(const ds_storage *storage, const ds_app *app, const ds_host *host, ds_arena *arena);

// Gives the object a new epoch. False, and logged, if storage refuses.
bool ds_storage_renew(ds_storage *storage, const ds_host *host, ds_arena *keep, ds_arena *arena);

#endif
