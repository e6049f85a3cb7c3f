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

// Statements of a turn that have been rewritten. An app has few, and a turn may run one of them for hundreds of actions.
typedef struct ds_statements {
  struct ds_known_statement *first; // private
  uint32_t count;
} ds_statements;

// The same as ds_statement_of, but done once for equal texts. `sql` is copied; what is known lives in `arena`.
ds_statement ds_statements_find(ds_statements *known, ds_arena *arena, ds_view sql);

// A piece of SQL: a name, quoted or not; a parameter, `:name`, `@name` or `$name`; or anything else, a string and a comment whole, all the rest byte by byte.
typedef enum ds_token_kind { DS_TOKEN_NAME, DS_TOKEN_PARAMETER, DS_TOKEN_OTHER } ds_token_kind;
typedef struct ds_token {
  ds_token_kind kind;
  char mark;    // of a parameter: ':', '@' or '$'
  ds_view text; // as it stands there
  ds_view name; // of a name, without its quotes, one doubled inside left so; of a parameter, without its mark
} ds_token;

// The token that begins at `at`, which must be less than the size.
ds_token ds_token_at(ds_view sql, size_t at);

// Appends the expression `where`, without its comments, with every `$name` as the member `name` of the JSON that the SQL expression `json` holds.
void ds_statement_where(ds_text *sql, ds_view where, ds_view json);

#endif
