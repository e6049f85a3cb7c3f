// SPDX-License-Identifier: MIT
#include "records.h"

// Appends the outer part of every query here up to the aggregate's argument, and the part behind it up to FROM's operand. The text is measured
// by SQL: its size in bytes is not known to a host that keeps UTF-16.
static ds_text query_new(ds_sql *sql) {
  ds_text query = ds_text_new(sql->arena);
  ds_text_str(&query, "SELECT n, length(CAST(j AS BLOB)), j FROM (SELECT count(*) AS n, group_concat(");
  return query;
}

static void add_from(ds_text *query) {
  ds_text_str(query, ", ',') AS j FROM ");
}

static ds_records fetch(ds_sql *sql, ds_text *query, const ds_view *parameters, uint32_t count) {
  ds_text_str(query, ")");
  ds_records records = {.text = -1};
  int32_t cursor = ds_sql_open(sql, ds_text_view(query), parameters, count);
  if (ds_sql_next(sql, cursor)) {
    records.count = ds_sql_integer(sql, cursor, 0);
    records.size = ds_sql_integer(sql, cursor, 1);
    records.text = ds_sql_keep(sql, cursor, 2);
  }
  ds_sql_close(sql, cursor);
  return records;
}

static void add_key_join(ds_text *query, const ds_table *table) {
  add_from(query);
  // CROSS JOIN keeps SQLite from turning the order round: one lookup a key, never a scan of the table.
  ds_text_str(query, "json_each(?1) AS k CROSS JOIN ");
  ds_text_identifier(query, table->name);
  ds_text_str(query, " AS t ON ");
  ds_table_key_match(query, table, "k.value");
}

ds_records ds_records_by_key(ds_sql *sql, const ds_table *table, ds_view keys) {
  ds_text query = query_new(sql);
  ds_table_record(&query, table);
  add_key_join(&query, table);
  return fetch(sql, &query, DS_PARAMETERS(keys));
}

ds_records ds_records_partial(ds_sql *sql, const ds_table *table, ds_view keys, const uint32_t *columns, uint32_t count) {
  ds_text query = query_new(sql);
  ds_table_partial(&query, table, columns, count);
  add_key_join(&query, table);
  return fetch(sql, &query, DS_PARAMETERS(keys));
}

// Appends "(SELECT * FROM table [WHERE key > ?1] ORDER BY key" without its closing parenthesis.
static void add_ordered(ds_text *query, const ds_table *table, bool keyset) {
  ds_text_str(query, "(SELECT * FROM ");
  ds_text_identifier(query, table->name);
  ds_text_str(query, " AS t");
  if (keyset) {
    ds_text_str(query, " WHERE (");
    ds_table_key_columns(query, table);
    ds_text_str(query, ") > (");
    ds_table_key_values(query, table, "?1");
    ds_text_str(query, ")");
  }
  ds_text_str(query, " ORDER BY ");
  ds_table_key_columns(query, table);
}

ds_records ds_records_after(ds_sql *sql, const ds_table *table, ds_view after, int64_t limit) {
  bool keyset = !ds_view_absent(after);
  ds_text query = query_new(sql);
  ds_table_record(&query, table);
  add_from(&query);
  add_ordered(&query, table, keyset);
  ds_text_str(&query, keyset ? " LIMIT CAST(?2 AS INTEGER)) AS t" : " LIMIT CAST(?1 AS INTEGER)) AS t");
  ds_view rows = ds_sql_number(sql, limit);
  if (keyset) return fetch(sql, &query, DS_PARAMETERS(after, rows));
  return fetch(sql, &query, DS_PARAMETERS(rows));
}

int64_t ds_records_measure(ds_sql *sql, const ds_table *table) {
  ds_text query = ds_text_new(sql->arena);
  ds_text_str(&query, "SELECT sum(length(CAST(");
  ds_table_record(&query, table);
  ds_text_str(&query, " AS BLOB)) + 1) FROM ");
  ds_text_identifier(&query, table->name);
  ds_text_str(&query, " AS t");
  int32_t cursor = ds_sql_open(sql, ds_text_view(&query), DS_NO_PARAMETERS);
  int64_t size = ds_sql_next(sql, cursor) ? ds_sql_integer(sql, cursor, 0) : 0;
  ds_sql_close(sql, cursor);
  return size;
}

ds_records ds_records_all(ds_sql *sql, const ds_table *table) {
  ds_text query = query_new(sql);
  ds_table_record(&query, table);
  add_from(&query);
  add_ordered(&query, table, false);
  ds_text_str(&query, ") AS t");
  return fetch(sql, &query, DS_NO_PARAMETERS);
}
