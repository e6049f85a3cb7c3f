// SPDX-License-Identifier: MIT
// SQL through the host, with sticky errors: after the first failure every call does nothing and every answer is "no row", 0 or absent, so that callers
// run straight through and look at `status` once, at the end.
#ifndef DURASYNC_SQL_H
#define DURASYNC_SQL_H

#include "host.h"

typedef struct ds_sql {
  const ds_host *host;
  ds_arena *arena;      // texts that are read end up here
  ds_sql_status status; // the first failure, or DS_SQL_DONE
} ds_sql;

// An argument list of views for the parameters ?1, ?2, ...
#define DS_PARAMETERS(...) \
  (const ds_view[]){__VA_ARGS__}, (uint32_t)(sizeof((const ds_view[]){__VA_ARGS__}) / sizeof(ds_view))
#define DS_NO_PARAMETERS NULL, 0

// Runs a statement to its end; rows are passed over.
void ds_sql_run(ds_sql *sql, ds_view statement, const ds_view *parameters, uint32_t count);

// Opens a query; the cursor is to be moved to its first row by ds_sql_next, and closed by ds_sql_close unless it has been read to its end.
int32_t ds_sql_open(ds_sql *sql, ds_view statement, const ds_view *parameters, uint32_t count);
// The same for a pragma that describes what is called `name`: as a statement, since the platform counts a row read for each row of the table-valued function of that name.
int32_t ds_sql_pragma(ds_sql *sql, const char *pragma, ds_view name);

bool ds_sql_next(ds_sql *sql, int32_t cursor);
void ds_sql_close(ds_sql *sql, int32_t cursor);

// A column of the current row: as an integer, as a text copied into the arena (absent for NULL), as a text left with the host (negative for NULL).
int64_t ds_sql_integer(ds_sql *sql, int32_t cursor, uint32_t column);
ds_view ds_sql_read(ds_sql *sql, int32_t cursor, uint32_t column);
ds_handle ds_sql_keep(ds_sql *sql, int32_t cursor, uint32_t column);

// The integer in the first column of the first row; 0 if there is none. For queries with one row at most to look at.
int64_t ds_sql_first(ds_sql *sql, ds_view query, const ds_view *parameters, uint32_t count);

// The text behind a handle, copied into the arena; absent for a negative handle.
ds_view ds_host_text(const ds_host *host, ds_arena *arena, ds_handle text);

// The decimal text of `number` in the arena, for a parameter.
ds_view ds_sql_number(ds_sql *sql, int64_t number);

// Logs "<what>: <the message of the last failure>".
void ds_sql_log(ds_sql *sql, const char *what);

#endif
