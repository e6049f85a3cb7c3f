// SPDX-License-Identifier: MIT
// Bringing storage up to date when an object wakes: bookkeeping, migrations, triggers, what the tables look like.
//
//   durasync_meta (id = 1, epoch TEXT, migrations INTEGER, installed TEXT)
//
// `migrations` counts the app's migrations that have run. `installed` is the hash of the triggers in place: they are made anew only when it differs.
#ifndef DURASYNC_STORAGE_H
#define DURASYNC_STORAGE_H

#include "core.h"
#include "table.h"

typedef struct ds_storage {
  ds_view epoch;
  uint32_t table_count;
  ds_table *tables; // one a channel, in the app's order
} ds_storage;

// How many entries the change logs of this app keep, and for how many milliseconds.
int64_t ds_app_log_window(const ds_app *app);
int64_t ds_app_log_age(const ds_app *app);

// Fills `storage`, in one transaction; what it holds lives in `keep`. False if the app cannot run on this storage: nothing is changed then, and the reason is logged.
// Waking an object that is up to date writes nothing and reads one row, and one a channel.
bool ds_storage_open(ds_storage *storage, const ds_app *app, const ds_host *host, ds_arena *keep, ds_arena *arena);

// Gives the object a new epoch. False, and logged, if storage refuses.
bool ds_storage_renew(ds_storage *storage, const ds_host *host, ds_arena *keep, ds_arena *arena);

#endif
