// SPDX-License-Identifier: MIT
// An app's SQL, with its named parameters turned into what the host can bind.
#ifndef DURASYNC_STATEMENT_H
#define DURASYNC_STATEMENT_H

#include "bytes.h"

typedef struct ds_statement {
  ds_view sql;
  uint32_t parameters; // 0 to 3: ?1 is the payload's JSON, ?2 the bound values', ?3 the identity's
} ds_statement;

// Rewrites `:name` to (?1->>'name'), `@name` to (?2->>'name') and `$name` to (?3->>'name'), outside of strings, quoted identifiers and comments. The platform's storage binds every number
// as a REAL; taken out of a JSON text by SQLite itself, an integer stays an integer. The result is the same text for the same `sql`, so that the host's statement cache finds it.
ds_statement ds_statement_of(ds_arena *arena, ds_view sql);

#endif
