// SPDX-License-Identifier: MIT
#include "records.h"

// ---- By key

static int32_t open_by_key(ds_sql *sql, ds_text *query, const ds_table *table, ds_view keys, ds_view reader) {
  // CROSS JOIN keeps SQLite from turning the order round: one lookup a key, never a scan of the table.
  ds_table_add(query, table, " FROM json_each(?1) AS k CROSS JOIN {rows ?2} ON {match k.value}");
  return ds_table_open(sql, table, query, &keys, 1, reader);
}

int32_t ds_records_by_key(ds_sql *sql, const ds_table *table, ds_view keys, ds_view reader) {
  ds_text query = ds_text_new(sql->arena);
  ds_table_add(&query, table, "SELECT {record t}");
  return open_by_key(sql, &query, table, keys, reader);
}

int32_t ds_records_partial(ds_sql *sql, const ds_table *table, ds_view keys, const uint32_t *columns, uint32_t count, ds_view reader) {
  ds_text query = ds_text_new(sql->arena);
  ds_text_str(&query, "SELECT ");
  ds_table_partial(&query, table, columns, count);
  return open_by_key(sql, &query, table, keys, reader);
}

// ---- In key order

int32_t ds_records_after(ds_sql *sql, const ds_table *table, ds_view after, int64_t limit, ds_view reader) {
  static const char from_start[] = "SELECT {record t} FROM {rows ?2} ORDER BY {key_columns} LIMIT CAST(?1 AS INTEGER)";
  static const char from_key[] =
    "SELECT {record t} FROM {rows ?3} WHERE ({key_columns}) > ({key_values ?2}) ORDER BY {key_columns} LIMIT CAST(?1 AS INTEGER)";
  bool keyset = !ds_view_absent(after);
  ds_text query = ds_text_new(sql->arena);
  ds_table_add(&query, table, keyset ? from_key : from_start);
  return ds_table_open(sql, table, &query, DS_VALUES(ds_sql_number(sql, limit), after), keyset ? 2 : 1, reader);
}

// ---- Taking

ds_records ds_records_take(ds_sql *sql, int32_t cursor, ds_pieces *frame, int64_t budget) {
  ds_records taken = {0};
  while (ds_sql_next(sql, cursor)) {
    ds_handle text = ds_sql_keep(sql, cursor, 0);
    int64_t size = (int64_t)sql->host->text_size(sql->host->context, text) + 1;
    if (taken.count && taken.size + size > budget) {
      taken.more = true;
      ds_sql_close(sql, cursor);
      break;
    }
    if (taken.count++) ds_pieces_str(frame, ",");
    ds_pieces_handle(frame, text);
    taken.size += size;
  }
  return taken;
}

int64_t ds_records_count(ds_sql *sql, const ds_table *table, ds_view reader) {
  ds_text query = ds_text_new(sql->arena);
  ds_table_add(&query, table, "SELECT count(*) FROM {rows ?1}");
  return ds_sql_first(sql, ds_text_view(&query), &reader, table->personal ? 1 : 0);
}
