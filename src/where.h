// SPDX-License-Identifier: MIT
// A channel's `where`: which rows are its records. It stands inside triggers and reads of the core's own, so it is taken apart before it is run: what is not known to be sound is
// refused at the start. Sound is an expression of the table's own columns that comes to the same as long as the row is the same.
#ifndef DURASYNC_WHERE_H
#define DURASYNC_WHERE_H

#include "table.h"

// Finds out what the table's `where` asks: `by_reader`, `fallible`, `personal` and `asked`. Returns why it is not sound, for the log and in `arena`; absent if it is sound.
ds_view ds_where_read(ds_table *table, ds_arena *arena);

#endif
