// SPDX-License-Identifier: MIT
#include "records.h"

// Every bounded query is "head, a record, middle, FROM's operand, tail". The records pass through the window function one by one, each made once and
// measured in bytes, which a host that keeps UTF-16 could not say.
#define HEAD "SELECT count(*), count(*) FILTER (WHERE fits), max(total) FILTER (WHERE fits), group_concat(r, ',') FILTER (WHERE fits) FROM (" \
  "SELECT r, total, total <= CAST(?1 AS INTEGER) OR total = length(CAST(r AS BLOB)) + 1 AS fits FROM (" \
  "SELECT r, sum(length(CAST(r AS BLOB)) + 1) OVER (ROWS UNBOUNDED PRECEDING) AS total FROM (SELECT "
#define MIDDLE " AS r FROM "
#define TAIL ")))"

static ds_text bounded_query(ds_sql *sql) {
  ds_text query = ds_text_new(sql->arena);
  ds_text_str(&query, HEAD);
  return query;
}

static ds_records fetch(ds_sql *sql, ds_text *query, const ds_view *parameters, uint32_t count) {
  ds_text_str(query, TAIL);
  ds_records records = {.text = -1};
  int32_t cursor = ds_sql_open(sql, ds_text_view(query), parameters, count);
  if (ds_sql_next(sql, cursor)) {
    records.found = ds_sql_integer(sql, cursor, 0);
    records.count = ds_sql_integer(sql, cursor, 1);
    records.size = ds_sql_integer(sql, cursor, 2);
    records.text = ds_sql_keep(sql, cursor, 3);
  }
  ds_sql_close(sql, cursor);
  return records;
}

// ---- By key

static void add_key_join(ds_text *query, const ds_table *table, const char *keys) {
  // CROSS JOIN keeps SQLite from turning the order round: one lookup a key, never a scan of the table.
  ds_text_str(query, "json_each(");
  ds_text_str(query, keys);
  ds_text_str(query, ") AS k CROSS JOIN ");
  ds_table_source(query, table);
  ds_text_str(query, " ON ");
  ds_table_key_match(query, table, "k.value");
}

static ds_records by_key(ds_sql *sql, ds_text *query, const ds_table *table, ds_view keys) {
  ds_text_str(query, MIDDLE);
  add_key_join(query, table, "?2");
  return fetch(sql, query, DS_PARAMETERS(ds_sql_number(sql, DS_MAX_PATCH), keys));
}

ds_records ds_records_by_key(ds_sql *sql, const ds_table *table, ds_view keys) {
  ds_text query = bounded_query(sql);
  ds_table_record(&query, table, "t");
  return by_key(sql, &query, table, keys);
}

ds_records ds_records_partial(ds_sql *sql, const ds_table *table, ds_view keys, const uint32_t *columns, uint32_t count) {
  ds_text query = bounded_query(sql);
  ds_table_partial(&query, table, columns, count);
  return by_key(sql, &query, table, keys);
}

int32_t ds_records_each(ds_sql *sql, const ds_table *table, ds_view keys) {
  ds_text query = ds_text_new(sql->arena);
  ds_text_str(&query, "SELECT ");
  ds_table_record(&query, table, "t");
  ds_text_str(&query, " FROM ");
  add_key_join(&query, table, "?1");
  return ds_sql_open(sql, ds_text_view(&query), DS_PARAMETERS(keys));
}

// ---- In key order

static void add_order(ds_text *query, const ds_table *table) {
  ds_text_str(query, " ORDER BY ");
  ds_table_key_columns(query, table);
}

ds_records ds_records_after(ds_sql *sql, const ds_table *table, ds_view after, int64_t limit) {
  ds_text query = bounded_query(sql);
  ds_table_record(&query, table, "t");
  ds_text_str(&query, MIDDLE "(SELECT * FROM ");
  ds_table_source(&query, table);
  bool keyset = !ds_view_absent(after);
  if (keyset) {
    ds_text_str(&query, " WHERE (");
    ds_table_key_columns(&query, table);
    ds_text_str(&query, ") > (");
    ds_table_key_values(&query, table, "?3");
    ds_text_str(&query, ")");
  }
  add_order(&query, table);
  ds_text_str(&query, " LIMIT CAST(?2 AS INTEGER)) AS t");
  ds_view budget = ds_sql_number(sql, DS_PAGE_SIZE);
  return fetch(sql, &query, (const ds_view[]){budget, ds_sql_number(sql, limit), after}, keyset ? 3 : 2);
}

int64_t ds_records_count(ds_sql *sql, const ds_table *table) {
  ds_text query = ds_text_new(sql->arena);
  ds_text_str(&query, "SELECT count(*) FROM ");
  ds_table_source(&query, table);
  int32_t cursor = ds_sql_open(sql, ds_text_view(&query), DS_NO_PARAMETERS);
  int64_t count = ds_sql_next(sql, cursor) ? ds_sql_integer(sql, cursor, 0) : 0;
  ds_sql_close(sql, cursor);
  return count;
}

int32_t ds_records_all(ds_sql *sql, const ds_table *table) {
  ds_text query = ds_text_new(sql->arena);
  ds_text_str(&query, "SELECT ");
  ds_table_record(&query, table, "t");
  ds_text_str(&query, " FROM ");
  ds_table_source(&query, table);
  add_order(&query, table);
  return ds_sql_open(sql, ds_text_view(&query), DS_NO_PARAMETERS);
}
