// SPDX-License-Identifier: MIT
#include "table.h"

#include "statement.h"
#include "unique.h"
#include "where.h"

#include <string.h>

// Arguments of one SQL function call: the platform documents 32.
enum { MAX_ARGUMENTS = 32 };

// Texts in one result, beside a few numbers: the platform takes 100 columns.
enum { MAX_TEXTS = 64 };

// What a column can hold, beyond NULL, that plain json_array() would not bring back exactly.
typedef enum hazard {
  HAZARD_NONE,    // text only
  HAZARD_INTEGER, // integers, perhaps too large for JavaScript
  HAZARD_REAL,    // numbers with 17 digits, infinities
  HAZARD_BLOB,    // bytes only
  HAZARD_TEXT,    // text, or bytes since TEXT affinity keeps BLOBs
  HAZARD_ANY,     // anything
} hazard;

static bool view_has(ds_view text, const char *upper) {
  size_t size = ds_view_of(upper).size;
  for (size_t at = 0; at + size <= text.size; at++) {
    size_t i = 0;
    while (i < size && (text.at[at + i] & ~0x20) == upper[i]) i++;
    if (i == size) return true;
  }
  return false;
}

// The affinity rules are SQLite's (datatype3.html, section 3.1); only those under which something becomes impossible matter here.
static hazard column_hazard(const ds_table *table, uint32_t column) {
  ds_view type = table->columns[column].type;
  if (!table->strict) {
    if (view_has(type, "INT")) return HAZARD_ANY;
    bool text = view_has(type, "CHAR") || view_has(type, "CLOB") || view_has(type, "TEXT");
    return text ? HAZARD_TEXT : HAZARD_ANY;
  }
  if (view_has(type, "TEXT")) return HAZARD_NONE;
  if (view_has(type, "INT")) return HAZARD_INTEGER;
  if (view_has(type, "REAL")) return HAZARD_REAL;
  if (view_has(type, "BLOB")) return HAZARD_BLOB;
  return HAZARD_ANY;
}

// Whether the column can hold more than a number.
static bool is_long(const ds_table *table, uint32_t column) {
  hazard hazard = column_hazard(table, column);
  return hazard != HAZARD_INTEGER && hazard != HAZARD_REAL;
}

static bool may_hold_text(const ds_table *table, uint32_t column) {
  hazard hazard = column_hazard(table, column);
  return hazard == HAZARD_NONE || hazard == HAZARD_TEXT || hazard == HAZARD_ANY;
}

// ---- Describing

static ds_view keep_column(ds_sql *sql, ds_arena *keep, int32_t cursor, uint32_t column) {
  return ds_arena_copy(keep, ds_sql_read(sql, cursor, column));
}

// The position of `name` among the declared columns; `otherwise` if all are.
static int32_t declared_position(const ds_channel *declared, ds_view name, int32_t otherwise) {
  if (!declared->columns) return otherwise;
  for (int32_t i = 0; declared->columns[i]; i++)
    if (ds_view_is(name, declared->columns[i])) return i;
  return -1;
}

static uint32_t declared_count(const ds_table *table) {
  uint32_t count = 0;
  if (!table->declared->columns) return table->all_count;
  while (table->declared->columns[count]) count++;
  return count;
}

// What PRAGMA table_xinfo says of a column, and PRAGMA table_list of a table, by place (pragma.html).
enum { XINFO_NAME = 1, XINFO_TYPE = 2, XINFO_NOT_NULL = 3, XINFO_DEFAULT = 4, XINFO_KEY = 5, XINFO_HIDDEN = 6, LIST_WITHOUT_ROWID = 4, LIST_STRICT = 5 };

// Takes one row of the table's description. `keys` counts the columns of the primary key, seen by clients or not.
static void read_column(ds_table *table, ds_sql *sql, ds_arena *keep, int32_t cursor, uint32_t *keys) {
  // Hidden columns of kind 1 belong to virtual tables; 2 and 3 are generated columns, which records show.
  if (ds_sql_integer(sql, cursor, XINFO_HIDDEN) == 1) return;
  uint32_t at = table->all_count++;
  if (at >= DS_MAX_COLUMNS) return;
  table->all[at] = keep_column(sql, keep, cursor, XINFO_NAME);
  table->all_types[at] = keep_column(sql, keep, cursor, XINFO_TYPE);
  if (ds_sql_integer(sql, cursor, XINFO_NOT_NULL)) table->all_defaults[at] = keep_column(sql, keep, cursor, XINFO_DEFAULT);
  if (ds_sql_integer(sql, cursor, XINFO_HIDDEN)) table->generated = true;
  int64_t in_key = ds_sql_integer(sql, cursor, XINFO_KEY);
  if (in_key > 0) ++*keys;
  int32_t position = declared_position(table->declared, table->all[at], (int32_t)at);
  if (position < 0 || position >= DS_MAX_COLUMNS) return;
  table->columns[position] = (ds_column){
    .name = table->all[at],
    .type = table->all_types[at],
    .not_null = ds_sql_integer(sql, cursor, XINFO_NOT_NULL) != 0,
  };
  table->column_count++;
  if (in_key <= 0 || in_key > DS_MAX_COLUMNS) return;
  table->key[in_key - 1] = (uint32_t)position;
  table->key_count++;
}

// Returns the number of columns in the primary key.
static uint32_t read_columns(ds_table *table, ds_sql *sql, ds_arena *keep) {
  uint32_t keys = 0;
  int32_t cursor = ds_sql_pragma(sql, "PRAGMA table_xinfo", table->name);
  while (ds_sql_next(sql, cursor)) read_column(table, sql, keep, cursor, &keys);
  return keys;
}

static void read_kind(ds_table *table, ds_sql *sql) {
  int32_t cursor = ds_sql_pragma(sql, "PRAGMA main.table_list", table->name);
  if (ds_sql_next(sql, cursor)) {
    table->strict = ds_sql_integer(sql, cursor, LIST_STRICT) != 0;
    table->without_rowid = ds_sql_integer(sql, cursor, LIST_WITHOUT_ROWID) != 0;
  }
  ds_sql_close(sql, cursor);
}

ds_view ds_hash(ds_arena *arena, ds_view text) {
  uint64_t hash = 14695981039346656037u;
  for (size_t i = 0; i < text.size; i++) hash = (hash ^ (unsigned char)text.at[i]) * 1099511628211u;
  char *digits = ds_arena_take(arena, 16);
  for (int i = 0; i < 16; i++) digits[i] = "0123456789abcdef"[hash >> (60 - 4 * i) & 15];
  return (ds_view){digits, 16};
}

// What clients see of the table.
static void add_shape(ds_text *text, const ds_table *table) {
  ds_text_json(text, table->channel);
  ds_text_json(text, table->where);
  for (uint32_t i = 0; i < table->column_count; i++) {
    ds_text_json(text, table->columns[i].name);
    ds_text_json(text, table->columns[i].type);
  }
  for (uint32_t i = 0; i < table->key_count; i++) {
    ds_text_str(text, ",");
    ds_text_int(text, table->key[i]);
  }
}

void ds_table_shape(ds_table *table, ds_arena *scratch, ds_arena *keep, int64_t generation) {
  ds_text text = ds_text_new(scratch);
  ds_text_int(&text, generation);
  add_shape(&text, table);
  table->shape = ds_hash(keep, ds_text_view(&text));
}

void ds_table_fingerprint(ds_text *text, const ds_table *table) {
  add_shape(text, table);
  ds_text_json(text, table->name);
  ds_text_str(text, table->strict ? "STRICT" : "");
  for (uint32_t i = 0; i < table->column_count; i++) ds_text_str(text, table->columns[i].not_null ? "1" : "0");
  for (uint32_t i = 0; i < table->all_count; i++) {
    ds_text_json(text, table->all[i]);
    ds_text_json(text, table->all_types[i]);
  }
  ds_unique_fingerprint(text, table);
}

ds_view ds_table_shape_for(ds_arena *arena, const ds_table *table, ds_view reader) {
  if (!table->by_reader) return table->shape;
  ds_text text = ds_text_new(arena);
  ds_text_add(&text, table->shape);
  ds_text_add(&text, reader);
  return ds_hash(arena, ds_text_view(&text));
}

static bool refuse(const ds_table *table, ds_sql *sql, const char *why, ds_view more) {
  ds_text line = ds_text_new(sql->arena);
  ds_text_str(&line, "channel ");
  ds_text_json(&line, table->channel);
  ds_text_str(&line, ": table ");
  ds_text_json(&line, table->name);
  ds_text_str(&line, why);
  ds_text_add(&line, more);
  sql->host->log(sql->host->context, ds_text_view(&line));
  return false;
}

bool ds_table_describe(ds_table *table, ds_sql *sql, ds_arena *keep, const ds_channel *declared) {
  ds_view channel = ds_view_of(declared->name);
  *table = (ds_table){
    .declared = declared,
    .channel = channel,
    .name = declared->table ? ds_view_of(declared->table) : channel,
    .where = ds_view_of(declared->where),
    .counted_version = -1,
    .marked = -1,
  };
  uint32_t keys = read_columns(table, sql, keep);
  read_kind(table, sql);
  if (sql->status != DS_SQL_DONE) return false;
  if (table->all_count == 0) return refuse(table, sql, " does not exist", (ds_view){0});
  if (table->all_count > DS_MAX_COLUMNS) return refuse(table, sql, " has more than 100 columns", (ds_view){0});
  if (keys == 0) return refuse(table, sql, " has no primary key", (ds_view){0});
  if (table->key_count < keys) return refuse(table, sql, " has a primary key whose columns are not all declared", (ds_view){0});
  if (table->column_count < declared_count(table)) return refuse(table, sql, " lacks a declared column", (ds_view){0});
  ds_view unfollowed = ds_unique_read(table, sql, keep);
  if (!ds_view_absent(unfollowed)) return refuse(table, sql, "", unfollowed);
  ds_view unsound = ds_where_read(table, sql->arena);
  if (!ds_view_absent(unsound)) return refuse(table, sql, ": the `where` ", unsound);
  for (uint32_t i = 0; i < table->column_count; i++)
    if (is_long(table, i)) table->long_columns[table->long_count++] = i;
  table->deleted_at = ds_table_column(table, "deleted_at");
  return true;
}

int32_t ds_table_column(const ds_table *table, const char *name) {
  for (uint32_t i = 0; i < table->column_count; i++)
    if (ds_view_is(table->columns[i].name, name)) return (int32_t)i;
  return -1;
}

// ---- Cells

// Appends `template` with `value` for each "@" and `number` for each "#".
static void add_cell(ds_text *sql, const char *template, ds_view value, ds_view number) {
  for (;; template++) {
    size_t plain = 0;
    while (template[plain] && template[plain] != '@' && template[plain] != '#') plain++;
    ds_text_add(sql, (ds_view){template, plain});
    template += plain;
    if (*template == '\0') return;
    ds_text_add(sql, *template == '@' ? value : number);
  }
}

static void add_column(ds_text *sql, ds_view row, ds_view column) {
  ds_text_add(sql, row);
  ds_text_str(sql, ".");
  ds_text_identifier(sql, column);
}

// 2^53 and above, and -2^53 and below, divided by 2^53, are not 0: one operation finds what JavaScript cannot hold.
#define INTEGER_CELL "iif(@ / 9007199254740992, json_object('int', CAST(@ AS TEXT)), @)"
#define REAL_CELL \
  "iif(abs(@) > 1.7976931348623157e308, json_object('real', iif(@ > 0, 'Infinity', '-Infinity')), json(format('%!.17g', @)))"
#define BLOB_CELL "json_object('blob', hex(@))"

// By hazard, how a column becomes a cell.
typedef const char *const *cell_templates;

static const char *const exact_cells[] = {
  [HAZARD_NONE] = "@",
  [HAZARD_INTEGER] = INTEGER_CELL,
  [HAZARD_REAL] = "iif(@ IS NULL, NULL, " REAL_CELL ")",
  [HAZARD_BLOB] = "iif(@ IS NULL, NULL, " BLOB_CELL ")",
  [HAZARD_TEXT] = "iif(typeof(@) = 'blob', " BLOB_CELL ", @)",
  [HAZARD_ANY] = "CASE typeof(@) WHEN 'integer' THEN " INTEGER_CELL " WHEN 'real' THEN " REAL_CELL " WHEN 'blob' THEN " BLOB_CELL " ELSE @ END",
};

// Of long columns: what is as long as the cell, but for DS_SHORT_CELL bytes. SQLite reads triggers at each wake, and compiles them with each statement that fires them, so they are to be short.
#define ROUGH_CELL "iif(typeof(@) = 'blob', hex(@), @)"
static const char *const rough_cells[] = {[HAZARD_NONE] = "@", [HAZARD_BLOB] = ROUGH_CELL, [HAZARD_TEXT] = ROUGH_CELL, [HAZARD_ANY] = ROUGH_CELL};

static void add_value(ds_text *sql, const ds_table *table, uint32_t column, ds_view row, cell_templates cells) {
  ds_text name = ds_text_new(sql->arena);
  add_column(&name, row, table->columns[column].name);
  add_cell(sql, cells[column_hazard(table, column)], ds_text_view(&name), (ds_view){0});
}

static void add_array(ds_text *sql, const ds_table *table, ds_view row, const uint32_t *columns, uint32_t count, cell_templates cells) {
  ds_text_str(sql, "json_array(");
  for (uint32_t i = 0; i < count; i++) {
    if (i) ds_text_str(sql, ", ");
    add_value(sql, table, columns[i], row, cells);
  }
  ds_text_str(sql, ")");
}

// A row of more cells than a function takes is several arrays joined: inner brackets are trimmed, which is safe since no cell begins or ends with one.
static void add_cells(ds_text *sql, const ds_table *table, ds_view row, const uint32_t *columns, uint32_t count, cell_templates cells) {
  if (count <= MAX_ARGUMENTS) {
    add_array(sql, table, row, columns, count, cells);
    return;
  }
  for (uint32_t at = 0; at < count; at += MAX_ARGUMENTS) {
    uint32_t part = count - at < MAX_ARGUMENTS ? count - at : MAX_ARGUMENTS;
    bool first = at == 0;
    bool last = at + part == count;
    if (!first) ds_text_str(sql, " || ',' || ");
    ds_text_str(sql, first ? "rtrim(" : last ? "ltrim(" : "trim(");
    add_array(sql, table, row, columns + at, part, cells);
    ds_text_str(sql, first ? ", ']')" : last ? ", '[')" : ", '[]')");
  }
}

void ds_table_partial(ds_text *sql, const ds_table *table, const uint32_t *columns, uint32_t count) {
  uint32_t all[2 * DS_MAX_COLUMNS];
  memcpy(all, table->key, table->key_count * sizeof *all);
  memcpy(all + table->key_count, columns, count * sizeof *all);
  add_cells(sql, table, DS_LITERAL("t"), all, table->key_count + count, exact_cells);
}

// The columns that share a text.
static uint32_t share_of(const ds_table *table) {
  return (table->column_count + MAX_TEXTS - 1) / MAX_TEXTS;
}

uint32_t ds_table_cell_texts(const ds_table *table) {
  return (table->column_count + share_of(table) - 1) / share_of(table);
}

void ds_table_cells(ds_text *sql, const ds_table *table) {
  ds_text_str(sql, "count(*)");
  for (uint32_t i = 0; i < table->column_count; i++) {
    ds_text_str(sql, i % share_of(table) ? " || ',' || json_group_array(" : ", json_group_array(");
    add_value(sql, table, i, DS_LITERAL("t"), exact_cells);
    ds_text_str(sql, ")");
    if ((i + 1) % share_of(table) && i + 1 < table->column_count) continue;
    ds_text_str(sql, " AS durasync_");
    ds_text_int(sql, i / share_of(table));
  }
}

// The value of cell `at` of a key in JSON: the inverse of add_value.
static void add_key_value(ds_text *sql, const ds_table *table, uint32_t at, ds_view json) {
  ds_text position = ds_text_new(sql->arena);
  ds_text_int(&position, at);
  const char *template = column_hazard(table, table->key[at]) == HAZARD_NONE
    ? "(@->>#)"
    : "CASE WHEN json_type(@, '$[#]') <> 'object' THEN @->># WHEN json_type(@, '$[#].blob') = 'text' THEN unhex(@->>'$[#].blob')"
      " WHEN json_type(@, '$[#].int') = 'text' THEN CAST(@->>'$[#].int' AS INTEGER)"
      " ELSE CAST(replace(@->>'$[#].real', 'Infinity', '9e999') AS REAL) END";
  add_cell(sql, template, json, ds_text_view(&position));
}

// ---- Words

static ds_view key_column(const ds_table *table, uint32_t at) {
  return table->columns[table->key[at]].name;
}

static void add_table(ds_text *sql, const ds_table *table, ds_view argument) {
  (void)argument;
  ds_text_identifier(sql, table->name);
}

// `where` is not asked of rows for which it is known to fail: CASE asks in its order.
static void add_rows_but(ds_text *sql, const ds_table *table, ds_view reader) {
  ds_text keys = ds_text_new(sql->arena);
  ds_text_fill(&keys, "[#]", &table->failing);
  ds_table_add(sql, table, "(SELECT * FROM {table} AS t WHERE CASE WHEN {key t} IN (SELECT value FROM json_each(");
  ds_text_sql_string(sql, ds_text_view(&keys));
  ds_text_str(sql, ")) THEN 0 ELSE (");
  ds_statement_where(sql, table->where, reader);
  ds_text_str(sql, ") END) AS t");
}

static void add_rows(ds_text *sql, const ds_table *table, ds_view reader) {
  bool part = !ds_view_absent(table->where);
  if (table->failing.size) {
    add_rows_but(sql, table, reader);
    return;
  }
  ds_table_add(sql, table, part ? "(SELECT * FROM {table} WHERE " : "{table}");
  if (part) ds_statement_where(sql, table->where, reader);
  ds_text_str(sql, part ? ") AS t" : " AS t");
}

static void add_where(ds_text *sql, const ds_table *table, ds_view reader) {
  ds_statement_where(sql, table->where, reader);
}

static void add_member(ds_text *sql, const ds_table *table, ds_view row) {
  // Asked of the table itself, where the row stands: NEW.c and OLD.c have no affinity, and would compare otherwise than the columns do.
  ds_table_add(sql, table, "EXISTS (SELECT 1 FROM {table} AS t WHERE ");
  for (uint32_t i = 0; i < table->key_count; i++) {
    add_column(sql, DS_LITERAL("t"), key_column(table, i));
    ds_text_str(sql, " IS ");
    add_column(sql, row, key_column(table, i));
    ds_text_str(sql, " AND ");
  }
  ds_text_str(sql, "(");
  ds_statement_where(sql, table->where, (ds_view){0});
  ds_text_str(sql, "))");
}

static void add_record(ds_text *sql, const ds_table *table, ds_view row) {
  uint32_t all[DS_MAX_COLUMNS];
  for (uint32_t i = 0; i < table->column_count; i++) all[i] = i;
  add_cells(sql, table, row, all, table->column_count, exact_cells);
}

static void add_size(ds_text *sql, const ds_table *table, ds_view row) {
  uint32_t rough = 0;
  for (uint32_t i = 0; i < table->column_count; i++) rough += column_hazard(table, i) != HAZARD_NONE;
  ds_text_str(sql, "length(CAST(");
  add_cells(sql, table, row, table->long_columns, table->long_count, rough_cells);
  ds_text_str(sql, " AS BLOB)) + ");
  ds_text_int(sql, rough * DS_SHORT_CELL);
}

static void add_key(ds_text *sql, const ds_table *table, ds_view row) {
  add_cells(sql, table, row, table->key, table->key_count, exact_cells);
}

static void add_key_columns(ds_text *sql, const ds_table *table, ds_view argument) {
  (void)argument;
  for (uint32_t i = 0; i < table->key_count; i++) {
    if (i) ds_text_str(sql, ", ");
    add_column(sql, DS_LITERAL("t"), key_column(table, i));
  }
}

static void add_key_values(ds_text *sql, const ds_table *table, ds_view json) {
  for (uint32_t i = 0; i < table->key_count; i++) {
    if (i) ds_text_str(sql, ", ");
    add_key_value(sql, table, i, json);
  }
}

// Appends "t.<column> <comparison> <the key's value>".
static void add_comparison(ds_text *sql, const ds_table *table, uint32_t at, const char *comparison, ds_view json) {
  add_column(sql, DS_LITERAL("t"), key_column(table, at));
  ds_text_str(sql, comparison);
  add_key_value(sql, table, at, json);
}

static void add_match(ds_text *sql, const ds_table *table, ds_view json) {
  for (uint32_t i = 0; i < table->key_count; i++) {
    if (i) ds_text_str(sql, " AND ");
    // The first comparison finds the row by its index, under the column's collation; the second holds it to the very bytes: under NOCASE a key that has
    // changed its case would be found under its old spelling.
    add_comparison(sql, table, i, " IS ", json);
    if (!may_hold_text(table, table->key[i])) continue;
    ds_text_str(sql, " AND ");
    add_comparison(sql, table, i, " COLLATE BINARY IS ", json);
  }
}

static const ds_word words[] = {
  {"table", add_table}, {"rows", add_rows}, {"where", add_where}, {"member", add_member}, {"record", add_record}, {"size", add_size},
  {"key", add_key}, {"key_columns", add_key_columns}, {"key_values", add_key_values}, {"match", add_match}, {0},
};

const ds_words ds_table_words = {.list = words};

void ds_table_add(ds_text *sql, const ds_table *table, const char *template) {
  ds_template_add(sql, &ds_table_words, table, template);
}

int32_t ds_table_open(ds_sql *sql, const ds_table *table, const ds_text *query, const ds_view *own, uint32_t count, ds_view reader) {
  ds_view parameters[4];
  for (uint32_t i = 0; i < count; i++) parameters[i] = own[i];
  if (table->by_reader) parameters[count++] = reader;
  return ds_sql_open(sql, ds_text_view(query), parameters, count);
}
