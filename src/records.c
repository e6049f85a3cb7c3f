// SPDX-License-Identifier: MIT
#include "records.h"

#include "failing.h"

// A query of records as JSON; or of the channel's columns, each as a JSON array of its cells.
typedef struct query {
  const ds_table *table;
  const char *select;       // a template; NULL for the key's cells and those of `columns`, or for all cells
  bool cells;
  const uint32_t *columns;
  uint32_t column_count;
  const char *from;         // a template
  ds_view own[2];           // its parameters, but for the reader
  uint32_t own_count;
  ds_view reader;
} query;

static void add_select(ds_text *text, const query *rows) {
  if (rows->cells) ds_table_cells(text, rows->table);
  else if (rows->select) ds_table_add(text, rows->table, rows->select);
  else ds_table_partial(text, rows->table, rows->columns, rows->column_count);
}

// Opens the query, with `before` and `after` around what it selects, and `end` behind it.
static int32_t query_open(ds_sql *sql, const query *rows, ds_view before, ds_view after, ds_view end) {
  ds_mark mark = ds_arena_mark(sql->arena);
  ds_text text = ds_text_new(sql->arena);
  ds_text_add(&text, before);
  add_select(&text, rows);
  ds_text_add(&text, after);
  ds_table_add(&text, rows->table, rows->from);
  ds_text_add(&text, end);
  int32_t cursor = ds_table_open(sql, rows->table, &text, rows->own, rows->own_count, rows->reader);
  ds_arena_release(sql->arena, mark);
  return cursor;
}

// ---- Taking

// Opens the query for its rows one by one.
static int32_t open_singly(ds_sql *sql, const query *rows) {
  return query_open(sql, rows, DS_LITERAL("SELECT "), (ds_view){0}, (ds_view){0});
}

// The bytes of a text, with a comma; 0 for none.
static int64_t size_of(const ds_sql *sql, ds_handle text) {
  return text < 0 ? 0 : (int64_t)sql->host->text_read(sql->host->context, text, NULL, 0) + 1;
}

// Moves to the one row that a query comes to. False if there is none, or if it would be larger than the platform lets a text be: fewer rows can still be read.
static bool next_together(ds_sql *sql, ds_sql *attempt, int32_t cursor) {
  if (ds_sql_next(attempt, cursor)) return true;
  if (attempt->status != DS_SQL_TOO_BIG) sql->status = attempt->status;
  return false;
}

// The rows as one text. False, and nothing appended, if that does not fit.
static bool take_together(ds_sql *sql, const query *rows, ds_pieces *frame, int64_t budget, ds_records *taken) {
  ds_sql attempt = *sql;
  int32_t cursor = query_open(&attempt, rows, DS_LITERAL("SELECT count(*), group_concat("), DS_LITERAL(")"), (ds_view){0});
  if (!next_together(sql, &attempt, cursor)) return false;
  ds_handle text = ds_sql_keep(&attempt, cursor, 1);
  *taken = (ds_records){.count = ds_sql_integer(&attempt, cursor, 0), .size = size_of(sql, text)};
  ds_sql_close(&attempt, cursor);
  if (taken->size > budget) return false;
  ds_pieces_handle(frame, text);
  return true;
}

// The rows one at a time.
static ds_records take_singly(ds_sql *sql, const query *rows, ds_pieces *frame, int64_t budget) {
  ds_records taken = {0};
  int32_t cursor = open_singly(sql, rows);
  while (ds_sql_next(sql, cursor)) {
    ds_handle text = ds_sql_keep(sql, cursor, 0);
    int64_t size = size_of(sql, text);
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

static ds_records take(ds_sql *sql, const query *rows, ds_pieces *frame, int64_t budget) {
  ds_records taken;
  return take_together(sql, rows, frame, budget, &taken) ? taken : take_singly(sql, rows, frame, budget);
}

// ---- By key

// The rows of the keys, nothing selected yet. A lone key, as most are, does without the loop over keys: a third less for SQLite to compile.
static query rows_of(const ds_table *table, ds_keys keys, ds_view reader) {
  // CROSS JOIN keeps SQLite from turning the order round: one lookup a key, never a scan of the table.
  static const char many[] = " FROM json_each(?1) AS k CROSS JOIN {rows ?2} ON {match k.value}";
  static const char one[] = " FROM {rows ?2} WHERE {match ?1}";
  query rows = {.table = table, .from = many, .own = {keys.json}, .own_count = 1, .reader = reader};
  if (keys.count > 1) return rows;
  rows.from = one;
  rows.own[0] = (ds_view){keys.json.at + 1, keys.json.size - 2}; // without the array's brackets
  return rows;
}

ds_records ds_records_by_key(ds_sql *sql, const ds_table *table, ds_keys keys, ds_view reader, ds_pieces *frame, int64_t budget) {
  query rows = rows_of(table, keys, reader);
  rows.select = "{record t}";
  return take(sql, &rows, frame, budget);
}

ds_records ds_records_partial(ds_sql *sql, const ds_table *table, ds_keys keys, const uint32_t *columns, uint32_t count, ds_view reader, ds_pieces *frame, int64_t budget) {
  query rows = rows_of(table, keys, reader);
  rows.columns = columns;
  rows.column_count = count;
  return take(sql, &rows, frame, budget);
}

// ---- In key order

static ds_view end_of(ds_sql *sql, const ds_table *table, ds_view after, int64_t rows, ds_view reader) {
  static const char from_start[] = " FROM {rows ?2} ORDER BY {key_columns} LIMIT 1 OFFSET ?1";
  static const char from_key[] = " FROM {rows ?3} WHERE ({key_columns}) > ({key_values ?2}) ORDER BY {key_columns} LIMIT 1 OFFSET ?1";
  bool keyset = !ds_view_absent(after);
  query end = {.table = table, .select = "{key t}", .from = keyset ? from_key : from_start, .own = {ds_sql_number(sql, rows - 1), after}, .own_count = keyset ? 2 : 1, .reader = reader};
  int32_t cursor = open_singly(sql, &end);
  ds_view key = ds_sql_next(sql, cursor) ? ds_sql_read(sql, cursor, 0) : (ds_view){0};
  ds_sql_close(sql, cursor);
  return key;
}

ds_view ds_records_end(ds_sql *sql, const ds_table *table, ds_view after, int64_t rows, ds_view reader) {
  ds_sql attempt = *sql;
  ds_view end = end_of(&attempt, table, after, rows, reader);
  if (!ds_failed_for_a_row(sql, &attempt, table)) return end;
  ds_walk walk = {.after = after, .reader = reader, .wanted = rows};
  ds_walk_rows(sql, table, &walk);
  return walk.last;
}

// The cells of the records after one key and up to another, either of which may be absent.
static query cells_between(const ds_table *table, ds_view after, ds_view until, ds_view reader) {
  static const char *const from[] = {
    " FROM {rows ?1}",
    " FROM {rows ?2} WHERE ({key_columns}) > ({key_values ?1})",
    " FROM {rows ?2} WHERE ({key_columns}) <= ({key_values ?1})",
    " FROM {rows ?3} WHERE ({key_columns}) > ({key_values ?1}) AND ({key_columns}) <= ({key_values ?2})",
  };
  query rows = {.table = table, .cells = true, .from = from[!ds_view_absent(after) + 2 * !ds_view_absent(until)], .reader = reader};
  if (!ds_view_absent(after)) rows.own[rows.own_count++] = after;
  if (!ds_view_absent(until)) rows.own[rows.own_count++] = until;
  return rows;
}

// Opens the query of cells: one row, of how many records there are and their texts. There is no row if the texts do not fit `budget`: they could fill the host's memory. An outer query that asks for
// their size would copy them, which takes a third as long as to make them.
static int32_t open_cells(ds_sql *sql, const query *rows, int64_t budget) {
  ds_mark mark = ds_arena_mark(sql->arena);
  ds_text end = ds_text_new(sql->arena);
  uint32_t texts = ds_table_cell_texts(rows->table);
  for (uint32_t i = 0; i < texts; i++) {
    ds_view number = ds_sql_number(sql, i);
    ds_text_fill(&end, i ? " + length(CAST(durasync_# AS BLOB))" : " HAVING length(CAST(durasync_# AS BLOB))", &number);
  }
  ds_text_fill(&end, " <= #", DS_VALUES(ds_sql_number(sql, budget - texts))); // a comma each
  int32_t cursor = query_open(sql, rows, DS_LITERAL("SELECT "), (ds_view){0}, ds_text_view(&end));
  ds_arena_release(sql->arena, mark);
  return cursor;
}

// The cells. False, and nothing appended, if they do not fit.
static bool take_cells(ds_sql *sql, const query *rows, ds_pieces *frame, int64_t budget, ds_records *taken) {
  ds_sql attempt = *sql;
  int32_t cursor = open_cells(&attempt, rows, budget);
  if (!next_together(sql, &attempt, cursor)) return false;
  *taken = (ds_records){.count = ds_sql_integer(&attempt, cursor, 0)};
  for (uint32_t i = 0; i < ds_table_cell_texts(rows->table); i++) {
    ds_handle text = ds_sql_keep(&attempt, cursor, i + 1);
    taken->size += size_of(sql, text);
    if (i) ds_pieces_str(frame, ",");
    ds_pieces_handle(frame, text);
  }
  ds_sql_close(&attempt, cursor);
  return true;
}

// How many rows the query has.
static int64_t count_of(ds_sql *sql, query rows) {
  rows.cells = false;
  rows.select = "count(*)";
  int32_t cursor = open_singly(sql, &rows);
  int64_t count = ds_sql_next(sql, cursor) ? ds_sql_integer(sql, cursor, 0) : 0;
  ds_sql_close(sql, cursor);
  return count;
}

static ds_part part_of(ds_sql *sql, const ds_table *table, ds_view after, ds_view until, ds_view reader, ds_pieces *frame, int64_t budget) {
  ds_part part = {.last = until};
  bool shorter = false;
  query rows = cells_between(table, after, until, reader);
  while (!take_cells(sql, &rows, frame, budget, &part.records) && sql->status == DS_SQL_DONE) {
    int64_t half = count_of(sql, rows) / 2;
    if (half > 0) {
      part.last = ds_records_end(sql, table, after, half, reader);
      rows = cells_between(table, after, part.last, reader);
      shorter = true;
    } else if (budget < INT64_MAX) {
      budget = INT64_MAX; // a record that does not fit alone goes alone
    } else {
      sql->status = DS_SQL_TOO_BIG;
    }
  }
  part.records.more = shorter;
  return part;
}

ds_part ds_records_part(ds_sql *sql, const ds_table *table, ds_view after, ds_view until, ds_view reader, ds_pieces *frame, int64_t budget) {
  ds_sql attempt = *sql;
  uint32_t before = frame->count;
  ds_part part = part_of(&attempt, table, after, until, reader, frame, budget);
  if (!ds_failed_for_a_row(sql, &attempt, table)) return part;
  frame->count = before;
  return part_of(sql, ds_table_without_failing(sql, table, after, until, reader), after, until, reader, frame, budget);
}

static ds_records all_of(ds_sql *sql, const ds_table *table, ds_view reader, ds_pieces *frame, int64_t budget) {
  query rows = {.table = table, .select = "{record t}", .from = " FROM (SELECT * FROM {rows ?1} ORDER BY {key_columns}) AS t", .reader = reader};
  return take(sql, &rows, frame, budget);
}

ds_records ds_records_all(ds_sql *sql, const ds_table *table, ds_view reader, ds_pieces *frame, int64_t budget) {
  ds_sql attempt = *sql;
  uint32_t before = frame->count;
  ds_records records = all_of(&attempt, table, reader, frame, budget);
  if (!ds_failed_for_a_row(sql, &attempt, table)) return records;
  frame->count = before;
  return all_of(sql, ds_table_without_failing(sql, table, (ds_view){0}, (ds_view){0}, reader), reader, frame, budget);
}

int64_t ds_records_count(ds_sql *sql, const ds_table *table, ds_view reader) {
  ds_sql attempt = *sql;
  int64_t count = count_of(&attempt, cells_between(table, (ds_view){0}, (ds_view){0}, reader));
  if (!ds_failed_for_a_row(sql, &attempt, table)) return count;
  ds_walk walk = {.reader = reader};
  ds_walk_rows(sql, table, &walk);
  return walk.records;
}
