// SPDX-License-Identifier: MIT
// Prepared statements that wait for the next time their text is run, as the platform keeps them. SQLite itself prepares one anew whose schema has changed.
#ifndef DURASYNC_STATEMENTS_H
#define DURASYNC_STATEMENTS_H

#include <sqlite3.h>

#include "../../src/bytes.h"

typedef struct statements {
  sqlite3_stmt *kept[1024]; // by the hash of their texts, four to a hash, the one last used first
} statements;

// Takes the statement of this text out; NULL if there is none.
sqlite3_stmt *statements_take(statements *all, ds_view sql);

// Keeps a statement, reset and without its parameters, in the place of one that has waited longer. NULL is allowed.
void statements_give(statements *all, sqlite3_stmt *statement);

// Frees all, as must be done before their database is closed.
void statements_free(statements *all);

#endif
