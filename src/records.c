// SPDX-License-Identifier: MIT
#include "records.h"

// A query of the column "r", a record as JSON, and perhaps of a second one, its key.
typedef struct query {
  ds_text text;
  ds_view parameters[3]; // a reader and two keys, or a reader, a key and a number
  uint32_t count;
} query;

// ---- Taking

// The rows as one text. False, and nothing appended, if that does not fit, or would be larger than the platform lets a text be.
static bool take_together(ds_sql *sql, const query *rows, ds_pieces *frame, int64_t budget, ds_records *taken) {
  ds_sql attempt = *sql; // what is too big is no failure of the turn's: the rows can still be read one at a time
  ds_text text = ds_text_new(sql->arena);
  ds_text_str(&text, "SELECT count(r), length(CAST(group_concat(r) AS BLOB)), group_concat(r) FROM (");
  ds_text_add(&text, ds_text_view(&rows->text));
  ds_text_str(&text, ")");
  int32_t cursor = ds_sql_open(&attempt, ds_text_view(&text), rows->parameters, rows->count);
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
  int32_t cursor = ds_sql_open(sql, ds_text_view(&rows->text), rows->parameters, rows->count);
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

static ds_records take(ds_sql *sql, const query *rows, ds_pieces *frame, int64_t budget) {
  ds_records taken;
  return take_together(sql, rows, frame, budget, &taken) ? taken : take_singly(sql, rows, frame, budget, NULL);
}

// ---- By key

static void add_by_key(query *rows, const ds_table *table, ds_view keys, ds_view reader) {
  // CROSS JOIN keeps SQLite from turning the order round: one lookup a key, never a scan of the table.
  ds_text_str(&rows->text, " AS r FROM json_each(?1) AS k CROSS JOIN ");
  ds_table_source(&rows->text, table, "?2");
  ds_text_str(&rows->text, " ON ");
  ds_table_key_match(&rows->text, table, "k.value");
  rows->count = ds_table_parameters(table, &keys, 1, reader, rows->parameters);
}

ds_records ds_records_by_key(ds_sql *sql, const ds_table *table, ds_view keys, ds_view reader, ds_pieces *frame, int64_t budget) {
  query rows = {.text = ds_text_new(sql->arena)};
  ds_text_str(&rows.text, "SELECT ");
  ds_table_record(&rows.text, table, "t");
  add_by_key(&rows, table, keys, reader);
  return take(sql, &rows, frame, budget);
}

ds_records ds_records_partial(ds_sql *sql, const ds_table *table, ds_view keys, const uint32_t *columns, uint32_t count, ds_view reader, ds_pieces *frame, int64_t budget) {
  query rows = {.text = ds_text_new(sql->arena)};
  ds_text_str(&rows.text, "SELECT ");
  ds_table_partial(&rows.text, table, columns, count);
  add_by_key(&rows, table, keys, reader);
  return take(sql, &rows, frame, budget);
}

// ---- In key order

// Appends the next parameter's "?n", and binds it to `value`.
static void add_parameter(query *rows, ds_view value, char *number) {
  rows->parameters[rows->count++] = value;
  number[0] = '?';
  number[1] = (char)('0' + rows->count);
  number[2] = 0;
}

// Appends "the key is above this one", or "at most this one"; nothing for an absent key.
static void add_bound(query *rows, const ds_table *table, const char *comparison, ds_view key) {
  char number[3];
  if (ds_view_absent(key)) return;
  ds_text_str(&rows->text, rows->count > (table->personal ? 1 : 0) ? " AND (" : " WHERE (");
  add_parameter(rows, key, number);
  ds_table_key_columns(&rows->text, table);
  ds_text_str(&rows->text, comparison);
  ds_table_key_values(&rows->text, table, number);
  ds_text_str(&rows->text, ")");
}

// Appends the channel's rows between two keys, in key order.
static void add_between(query *rows, const ds_table *table, ds_view after, ds_view until, ds_view reader) {
  rows->count = ds_table_parameters(table, NULL, 0, reader, rows->parameters);
  ds_text_str(&rows->text, " FROM ");
  ds_table_source(&rows->text, table, "?1");
  add_bound(rows, table, ") > (", after);
  add_bound(rows, table, ") <= (", until);
  ds_text_str(&rows->text, " ORDER BY ");
  ds_table_key_columns(&rows->text, table);
}

// The key of the record number `rows` after `after`; absent if there are fewer.
static ds_view find_end(ds_sql *sql, const ds_table *table, ds_view after, int64_t rows, ds_view reader) {
  char number[3];
  query end = {.text = ds_text_new(sql->arena)};
  ds_text_str(&end.text, "SELECT ");
  ds_table_key(&end.text, table, "t");
  add_between(&end, table, after, (ds_view){0}, reader);
  add_parameter(&end, ds_sql_number(sql, rows - 1), number);
  ds_text_str(&end.text, " LIMIT 1 OFFSET CAST(");
  ds_text_str(&end.text, number);
  ds_text_str(&end.text, " AS INTEGER)");
  int32_t cursor = ds_sql_open(sql, ds_text_view(&end.text), end.parameters, end.count);
  ds_view key = ds_sql_next(sql, cursor) ? ds_sql_read(sql, cursor, 0) : (ds_view){0};
  ds_sql_close(sql, cursor);
  return key;
}

static query records_between(ds_sql *sql, const ds_table *table, ds_view after, ds_view until, ds_view reader, bool keyed) {
  query rows = {.text = ds_text_new(sql->arena)};
  ds_text_str(&rows.text, "SELECT ");
  ds_table_record(&rows.text, table, "t");
  ds_text_str(&rows.text, " AS r");
  if (keyed) ds_text_str(&rows.text, ", ");
  if (keyed) ds_table_key(&rows.text, table, "t");
  add_between(&rows, table, after, until, reader);
  return rows;
}

ds_part ds_records_part(ds_sql *sql, const ds_table *table, ds_view after, int64_t rows, ds_view reader, ds_pieces *frame, int64_t budget) {
  ds_part part = {.last = find_end(sql, table, after, rows, reader)};
  query plain = records_between(sql, table, after, part.last, reader, false);
  if (take_together(sql, &plain, frame, budget, &part.records)) return part;
  query keyed = records_between(sql, table, after, part.last, reader, true);
  ds_view last;
  part.records = take_singly(sql, &keyed, frame, budget, &last);
  if (part.records.more) part.last = last;
  return part;
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
