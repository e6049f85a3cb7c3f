// SPDX-License-Identifier: MIT
#include "records.h"

// ---- By key

static int32_t open_by_key(ds_sql *sql, ds_text *query, const ds_table *table, ds_view keys, ds_view reader) {
  ds_view parameters[2];
  // CROSS JOIN keeps SQLite from turning the order round: one lookup a key, never a scan of the table.
  ds_text_str(query, " FROM json_each(?1) AS k CROSS JOIN ");
  ds_table_source(query, table, "?2");
  ds_text_str(query, " ON ");
  ds_table_key_match(query, table, "k.value");
  return ds_sql_open(sql, ds_text_view(query), parameters, ds_table_parameters(table, &keys, 1, reader, parameters));
}

int32_t ds_records_by_key(ds_sql *sql, const ds_table *table, ds_view keys, ds_view reader) {
  ds_text query = ds_text_new(sql->arena);
  ds_text_str(&query, "SELECT ");
  ds_table_record(&query, table, "t");
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
  ds_text query = ds_text_new(sql->arena);
  ds_text_str(&query, "SELECT ");
  ds_table_record(&query, table, "t");
  ds_text_str(&query, " FROM ");
  bool keyset = !ds_view_absent(after);
  ds_table_source(&query, table, keyset ? "?3" : "?2");
  if (keyset) {
    ds_text_str(&query, " WHERE (");
    ds_table_key_columns(&query, table);
    ds_text_str(&query, ") > (");
    ds_table_key_values(&query, table, "?2");
    ds_text_str(&query, ")");
  }
  ds_text_str(&query, " ORDER BY ");
  ds_table_key_columns(&query, table);
  ds_text_str(&query, " LIMIT CAST(?1 AS INTEGER)");
  ds_view parameters[3];
  const ds_view own[] = {ds_sql_number(sql, limit), after};
  return ds_sql_open(sql, ds_text_view(&query), parameters, ds_table_parameters(table, own, keyset ? 2 : 1, reader, parameters));
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
  ds_text_str(&query, "SELECT count(*) FROM ");
  ds_table_source(&query, table, "?1");
  int32_t cursor = ds_sql_open(sql, ds_text_view(&query), &reader, table->personal ? 1 : 0);
  int64_t count = ds_sql_next(sql, cursor) ? ds_sql_integer(sql, cursor, 0) : 0;
  ds_sql_close(sql, cursor);
  return count;
}
