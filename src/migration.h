// SPDX-License-Identifier: MIT
// What a migration's SQL says, token by token, and what a migration has done to foreign keys.
#ifndef DURASYNC_MIGRATION_H
#define DURASYNC_MIGRATION_H

#include "sql.h"

// The statements of `sql`, without what stands before and behind them: a byte order mark, white space, comments, semicolons.
// The platform refuses a text that ends in nothing. Empty if there is no statement; a part of `sql`.
ds_view ds_migration_statements(ds_view sql);

// The hash of the tokens, in `arena`: the same for texts that differ by white space, comments, semicolons without a
// statement, and the case of what is not quoted.
ds_view ds_migration_hash(ds_arena *arena, ds_view sql);

// Whether a statement of `sql` is a PRAGMA foreign_keys that turns them off, however it is written.
bool ds_migration_turns_keys_off(ds_view sql);

// The tables that foreign keys refer to, as JSON for ds_keys_remade. Lives in the arena of `sql`.
ds_view ds_keys_parents(ds_sql *sql);

// Whether one of `parents` has been dropped since, and made again: with foreign keys on, DROP TABLE deletes its rows first,
// and with them, or instead of the drop, what refers to them.
bool ds_keys_remade(ds_sql *sql, ds_view parents);

// How many rows of each table violate a foreign key, as JSON for ds_keys_violated; absent if SQLite cannot tell, for a key
// that refers to nothing unique.
ds_view ds_keys_violations(ds_sql *sql);

// A table with more such rows than `before`; absent if there is none. A failure to tell stands in `sql`, unless
// `before` is absent: what could not be told before is not held against what came after.
ds_view ds_keys_violated(ds_sql *sql, ds_view before);

#endif
