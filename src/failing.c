// SPDX-License-Identifier: MIT
#include "failing.h"

#include "json.h"

bool ds_failed_for_a_row(ds_sql *sql, const ds_sql *attempt, const ds_table *table) {
  if (table->fallible && (attempt->status == DS_SQL_ERROR || attempt->status == DS_SQL_TOO_BIG)) return true;
  sql->status = attempt->status;
  return false;
}

// ---- Keys

// Keys that are read at once. After each row that fails they are gone through again.
enum { CHUNK = 1000 };

// The next keys of the walk, a JSON array of them; absent if there are none.
static ds_view next_keys(ds_sql *sql, const ds_table *table, const ds_walk *walk) {
#define KEYS(bounds) \
  "SELECT json_group_array(json(durasync_key)) FROM (SELECT {key t} AS durasync_key FROM {table} AS t" bounds " ORDER BY {key_columns} LIMIT ?1) HAVING count(*)"
  static const char *const templates[] = {
    KEYS(""),
    KEYS(" WHERE ({key_columns}) > ({key_values ?2})"),
    KEYS(" WHERE ({key_columns}) <= ({key_values ?2})"),
    KEYS(" WHERE ({key_columns}) > ({key_values ?2}) AND ({key_columns}) <= ({key_values ?3})"),
  };
#undef KEYS
  ds_view own[3] = {ds_sql_number(sql, CHUNK)};
  uint32_t count = 1;
  if (!ds_view_absent(walk->after)) own[count++] = walk->after;
  if (!ds_view_absent(walk->until)) own[count++] = walk->until;
  ds_text query = ds_text_new(sql->arena);
  ds_table_add(&query, table, templates[!ds_view_absent(walk->after) + 2 * !ds_view_absent(walk->until)]);
  int32_t cursor = ds_sql_open(sql, ds_text_view(&query), own, count);
  ds_view keys = ds_sql_next(sql, cursor) ? ds_sql_read(sql, cursor, 0) : (ds_view){0};
  ds_sql_close(sql, cursor);
  return keys;
}

static void add_failing(ds_sql *sql, ds_walk *walk, ds_view key) {
  if (walk->failing.size) ds_text_str(&walk->failing, ",");
  ds_text_json(&walk->failing, key);
  if (walk->failing.size > DS_MAX_FAILING) sql->status = DS_SQL_TOO_BIG;
}

// ---- Asking

// Opens the loop over the keys from place `from` on: for each that has a row, whether the row is a record. The keys stand in an array, so nothing is asked before its turn.
static int32_t open_loop(ds_sql *attempt, const ds_table *table, ds_view keys, int64_t from, ds_view reader) {
  ds_text query = ds_text_new(attempt->arena);
  ds_table_add(&query, table, "SELECT (SELECT ({where ?3}) FROM {table} AS t WHERE {match k.value}) IS TRUE FROM json_each(?1) AS k WHERE k.key >= CAST(?2 AS INTEGER)");
  return ds_table_open(attempt, table, &query, DS_VALUES(keys, ds_sql_number(attempt, from)), 2, reader);
}

// Asks on from `item`, the key at place `at`, until one fails or the walk is over. Returns the place behind the last key that was asked.
static int64_t ask_on(ds_sql *sql, const ds_table *table, ds_walk *walk, ds_view keys, ds_json_iterator *item, int64_t at) {
  ds_sql attempt = *sql;
  int32_t cursor = open_loop(&attempt, table, keys, at, walk->reader);
  while (ds_sql_next(&attempt, cursor)) {
    at++;
    ds_json_next(item);
    walk->after = item->value;
    if (!ds_sql_integer(&attempt, cursor, 0) || ++walk->records != walk->wanted) continue;
    walk->last = item->value;
    ds_sql_close(&attempt, cursor);
    return at;
  }
  if (!ds_failed_for_a_row(sql, &attempt, table)) return INT64_MAX;
  ds_json_next(item);
  walk->after = item->value;
  add_failing(sql, walk, item->value);
  return at + 1;
}

// Asks of the rows of the keys.
static void walk_keys(ds_sql *sql, const ds_table *table, ds_walk *walk, ds_view keys) {
  ds_json_iterator item = ds_json_iterate(keys);
  int64_t at = 0;
  while (at < INT64_MAX && sql->status == DS_SQL_DONE && ds_view_absent(walk->last)) at = ask_on(sql, table, walk, keys, &item, at);
}

void ds_walk_rows(ds_sql *sql, const ds_table *table, ds_walk *walk) {
  walk->failing = ds_text_new(sql->arena);
  while (sql->status == DS_SQL_DONE && ds_view_absent(walk->last)) {
    ds_view keys = next_keys(sql, table, walk);
    if (ds_view_absent(keys)) return;
    walk_keys(sql, table, walk, keys);
  }
}

const ds_table *ds_table_without_failing(ds_sql *sql, const ds_table *table, ds_view after, ds_view until, ds_view reader) {
  ds_walk walk = {.after = after, .until = until, .reader = reader};
  ds_walk_rows(sql, table, &walk);
  ds_table *without = ds_arena_take(sql->arena, sizeof *without);
  *without = *table;
  without->failing = ds_text_view(&walk.failing);
  return without;
}
