// SPDX-License-Identifier: MIT
#include "records.h"

// A query of the column "r", a record as JSON, and perhaps of a second one, its key.
typedef struct query {
  const ds_table *table;
  ds_text sql;
  ds_view own[2]; // its parameters, but for the reader
  uint32_t count;
  ds_view reader;
} query;

static int32_t query_open(ds_sql *sql, const query *rows, const ds_text *text) {
  return ds_table_open(sql, rows->table, text, rows->own, rows->count, rows->reader);
}

// ---- Taking

// The rows as one text. False, and nothing appended, if that does not fit, or would be larger than the platform lets a text be.
static bool take_together(ds_sql *sql, const query *rows, ds_pieces *frame, int64_t budget, ds_records *taken) {
  ds_sql attempt = *sql; // what is too big is no failure of the turn's: the rows can still be read one at a time
  ds_text text = ds_text_new(sql->arena);
  ds_text_str(&text, "SELECT count(r), length(CAST(group_concat(r) AS BLOB)), group_concat(r) FROM (");
  ds_text_add(&text, ds_text_view(&rows->sql));
  ds_text_str(&text, ")");
  int32_t cursor = query_open(&attempt, rows, &text);
  if (!ds_sql_next(&attempt, cursor)) {
    if (attempt.status != DS_SQL_TOO_BIG) sql->status = attempt.status;
    return false;
  }
  *taken = (ds_records){.count = ds_sql_integer(&attempt, cursor, 0)};
  if (taken->count) taken->size = ds_sql_integer(&attempt, cursor, 1) + 1;
  bool fits = taken->size <= budget;
  if (fits) ds_pieces_handle(frame, ds_sql_keep(&attempt, cursor, 2));
  ds_sql_close(&attempt, cursor);
  return fits;
}

// The rows one at a time; `last` is the key of the last one, if that is asked for.
static ds_records take_singly(ds_sql *sql, const query *rows, ds_pieces *frame, int64_t budget, ds_view *last) {
  ds_records taken = {0};
  ds_handle key = -1;
  int32_t cursor = query_open(sql, rows, &rows->sql);
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
    if (last) key = ds_sql_keep(sql, cursor, 1);
  }
  if (last) *last = ds_sql_text(sql, key);
  return taken;
}

// ---- By key

// Ends a query of the rows with these keys, and takes them.
static ds_records take_by_key(ds_sql *sql, query *rows, ds_pieces *frame, int64_t budget) {
  // CROSS JOIN keeps SQLite from turning the order round: one lookup a key, never a scan of the table.
  ds_table_add(&rows->sql, rows->table, " AS r FROM json_each(?1) AS k CROSS JOIN {rows ?2} ON {match k.value}");
  ds_records taken;
  return take_together(sql, rows, frame, budget, &taken) ? taken : take_singly(sql, rows, frame, budget, NULL);
}

ds_records ds_records_by_key(ds_sql *sql, const ds_table *table, ds_view keys, ds_view reader, ds_pieces *frame, int64_t budget) {
  query rows = {.table = table, .sql = ds_text_new(sql->arena), .own = {keys}, .count = 1, .reader = reader};
  ds_table_add(&rows.sql, table, "SELECT {record t}");
  return take_by_key(sql, &rows, frame, budget);
}

ds_records ds_records_partial(ds_sql *sql, const ds_table *table, ds_view keys, const uint32_t *columns, uint32_t count, ds_view reader, ds_pieces *frame, int64_t budget) {
  query rows = {.table = table, .sql = ds_text_new(sql->arena), .own = {keys}, .count = 1, .reader = reader};
  ds_text_str(&rows.sql, "SELECT ");
  ds_table_partial(&rows.sql, table, columns, count);
  return take_by_key(sql, &rows, frame, budget);
}

// ---- In key order

// The key of the record number `rows` after `after`; absent if there are fewer.
static ds_view find_end(ds_sql *sql, const ds_table *table, ds_view after, int64_t rows, ds_view reader) {
  static const char from_start[] = "SELECT {key t} FROM {rows ?2} ORDER BY {key_columns} LIMIT 1 OFFSET CAST(?1 AS INTEGER)";
  static const char from_key[] =
    "SELECT {key t} FROM {rows ?3} WHERE ({key_columns}) > ({key_values ?2}) ORDER BY {key_columns} LIMIT 1 OFFSET CAST(?1 AS INTEGER)";
  bool keyset = !ds_view_absent(after);
  ds_text text = ds_text_new(sql->arena);
  ds_table_add(&text, table, keyset ? from_key : from_start);
  int32_t cursor = ds_table_open(sql, table, &text, DS_VALUES(ds_sql_number(sql, rows - 1), after), keyset ? 2 : 1, reader);
  ds_view key = ds_sql_next(sql, cursor) ? ds_sql_read(sql, cursor, 0) : (ds_view){0};
  ds_sql_close(sql, cursor);
  return key;
}

// The records after one key and up to another, either of which may be absent.
static query records_between(ds_sql *sql, const ds_table *table, const char *select, ds_view after, ds_view until, ds_view reader) {
  static const char *const from[] = {
    " FROM {rows ?1} ORDER BY {key_columns}",
    " FROM {rows ?2} WHERE ({key_columns}) > ({key_values ?1}) ORDER BY {key_columns}",
    " FROM {rows ?2} WHERE ({key_columns}) <= ({key_values ?1}) ORDER BY {key_columns}",
    " FROM {rows ?3} WHERE ({key_columns}) > ({key_values ?1}) AND ({key_columns}) <= ({key_values ?2}) ORDER BY {key_columns}",
  };
  query rows = {.table = table, .sql = ds_text_new(sql->arena), .reader = reader};
  if (!ds_view_absent(after)) rows.own[rows.count++] = after;
  if (!ds_view_absent(until)) rows.own[rows.count++] = until;
  ds_table_add(&rows.sql, table, select);
  ds_table_add(&rows.sql, table, from[!ds_view_absent(after) + 2 * !ds_view_absent(until)]);
  return rows;
}

ds_part ds_records_part(ds_sql *sql, const ds_table *table, ds_view after, int64_t rows, ds_view reader, ds_pieces *frame, int64_t budget) {
  ds_part part = {.last = find_end(sql, table, after, rows, reader)};
  query plain = records_between(sql, table, "SELECT {record t} AS r", after, part.last, reader);
  if (take_together(sql, &plain, frame, budget, &part.records)) return part;
  query keyed = records_between(sql, table, "SELECT {record t}, {key t}", after, part.last, reader);
  ds_view last;
  part.records = take_singly(sql, &keyed, frame, budget, &last);
  if (part.records.more) part.last = last;
  return part;
}

int64_t ds_records_count(ds_sql *sql, const ds_table *table, ds_view reader) {
  ds_text query = ds_text_new(sql->arena);
  ds_table_add(&query, table, "SELECT count(*) FROM {rows ?1}");
  return ds_sql_first(sql, ds_text_view(&query), &reader, table->personal ? 1 : 0);
}
