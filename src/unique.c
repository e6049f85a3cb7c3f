// SPDX-License-Identifier: MIT
#include "unique.h"

#include "statement.h"

// What PRAGMA index_list says of an index, and PRAGMA index_xinfo of a column of it, by place (pragma.html).
enum { LIST_NAME = 1, LIST_UNIQUE = 2, LIST_ORIGIN = 3, LIST_PARTIAL = 4, XINFO_CID = 1, XINFO_NAME = 2, XINFO_COLLATION = 4, XINFO_KEY = 5 };

static ds_unique *add_way(ds_table *table, ds_arena *keep) {
  ds_unique *way = ds_arena_take(keep, sizeof *way);
  way->next = table->unique;
  table->unique = way;
  return way;
}

static ds_unique_column *add_column(ds_unique *way, ds_arena *keep, ds_view name) {
  ds_unique_column **end = &way->columns;
  while (*end) end = &(*end)->next;
  *end = ds_arena_take(keep, sizeof **end);
  (*end)->name = name;
  return *end;
}

// What a column that must not be NULL becomes where a REPLACE finds NULL in it.
static ds_view default_of(const ds_table *table, ds_view name) {
  for (uint32_t i = 0; i < table->all_count; i++)
    if (ds_view_equal(table->all[i], name)) return table->all_defaults[i];
  return (ds_view){0};
}

// The condition of a partial index, as its CREATE INDEX says it: what follows the first WHERE behind the brackets.
static ds_view condition_of(ds_view sql) {
  int32_t depth = 0;
  bool behind = false;
  for (size_t at = 0; at < sql.size;) {
    ds_token token = ds_token_at(sql, at);
    at += token.text.size;
    if (token.text.at[0] == '(') depth++;
    if (token.text.at[0] == ')') behind = --depth == 0;
    bool where = token.kind == DS_TOKEN_NAME && token.text.size == 5 && (token.text.at[0] | 0x20) == 'w' && (token.text.at[4] | 0x20) == 'e';
    if (behind && where) return (ds_view){sql.at + at, sql.size - at};
  }
  return (ds_view){0};
}

static ds_view read_condition(ds_sql *sql, ds_arena *keep, ds_view index) {
  int32_t cursor = ds_sql_open(sql, DS_LITERAL("SELECT sql FROM sqlite_master WHERE type = 'index' AND name = ?1"), DS_PARAMETERS(index));
  ds_view text = ds_sql_next(sql, cursor) ? ds_sql_read(sql, cursor, 0) : (ds_view){0};
  ds_sql_close(sql, cursor);
  ds_text condition = ds_text_new(sql->arena);
  ds_statement_where(&condition, condition_of(text), (ds_view){0});
  return ds_arena_copy(keep, ds_text_view(&condition));
}

// False if one of its columns is an expression.
static bool read_index(ds_table *table, ds_sql *sql, ds_arena *keep, ds_view index) {
  ds_unique *way = add_way(table, keep);
  bool plain = true;
  int32_t cursor = ds_sql_pragma(sql, "PRAGMA index_xinfo", index);
  while (ds_sql_next(sql, cursor)) {
    if (!ds_sql_integer(sql, cursor, XINFO_KEY)) continue;
    if (ds_sql_integer(sql, cursor, XINFO_CID) < 0) plain = false;
    ds_unique_column *column = add_column(way, keep, ds_arena_copy(keep, ds_sql_read(sql, cursor, XINFO_NAME)));
    column->collation = ds_arena_copy(keep, ds_sql_read(sql, cursor, XINFO_COLLATION));
    column->otherwise = default_of(table, column->name);
  }
  return plain;
}

// Reads the unique indexes. Returns the name of one that is on an expression; absent if none is. `keyed`: one is the primary key's.
static ds_view read_indexes(ds_table *table, ds_sql *sql, ds_arena *keep, bool *keyed) {
  ds_view expression = {0};
  int32_t cursor = ds_sql_pragma(sql, "PRAGMA index_list", table->name);
  while (ds_sql_next(sql, cursor)) {
    if (!ds_sql_integer(sql, cursor, LIST_UNIQUE)) continue;
    ds_view name = ds_sql_read(sql, cursor, LIST_NAME);
    bool partial = ds_sql_integer(sql, cursor, LIST_PARTIAL) != 0;
    if (ds_view_is(ds_sql_read(sql, cursor, LIST_ORIGIN), "pk")) *keyed = true;
    if (!read_index(table, sql, keep, name)) expression = name;
    if (partial) table->unique->condition = read_condition(sql, keep, name);
  }
  ds_sql_close(sql, cursor);
  return expression;
}

static bool is_column(const ds_table *table, const char *name) {
  for (uint32_t i = 0; i < table->all_count; i++)
    if (ds_view_is_like(table->all[i], name)) return true;
  return false;
}

// A row has a rowid of its own where neither the key nor the table's own columns are it.
static void add_rowid(ds_table *table, ds_arena *keep) {
  static const char *const names[] = {"rowid", "oid", "_rowid_"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (is_column(table, names[i])) continue;
    add_column(add_way(table, keep), keep, ds_view_of(names[i]));
    return;
  }
}

ds_view ds_unique_read(ds_table *table, ds_sql *sql, ds_arena *keep) {
  bool keyed = false;
  ds_view expression = read_indexes(table, sql, keep, &keyed);
  if (!keyed) add_column(add_way(table, keep), keep, table->columns[table->key[0]].name); // the key is the rowid
  else if (!table->without_rowid) add_rowid(table, keep);
  if (ds_view_absent(expression)) return expression;
  ds_text why = ds_text_new(sql->arena);
  ds_text_fill(&why, " has the unique index # on an expression, through which a REPLACE could remove rows unheard: index a generated column instead, "
    "ADD COLUMN folded TEXT GENERATED ALWAYS AS (lower(name)) VIRTUAL", &expression);
  return ds_text_view(&why);
}

void ds_unique_fingerprint(ds_text *text, const ds_table *table) {
  for (const ds_unique *way = table->unique; way; way = way->next) {
    ds_text_json(text, way->condition);
    for (const ds_unique_column *column = way->columns; column; column = column->next) {
      ds_text_json(text, column->name);
      ds_text_json(text, column->collation);
      ds_text_json(text, column->otherwise);
    }
  }
}

static bool has_condition(const ds_table *table) {
  for (const ds_unique *way = table->unique; way; way = way->next)
    if (way->condition.size) return true;
  return false;
}

void ds_unique_add_columns(ds_text *sql, const ds_table *table) {
  if (table->generated || has_condition(table)) return; // what is unique may follow from any other column
  const char *before = " OF ";
  for (const ds_unique *way = table->unique; way; way = way->next)
    for (const ds_unique_column *column = way->columns; column; column = column->next, before = ", ") {
      ds_text_str(sql, before);
      ds_text_identifier(sql, column->name);
    }
  if (!table->without_rowid) ds_text_str(sql, ", rowid, oid, _rowid_");
}

static void add_equal(ds_text *sql, const ds_unique_column *column) {
  ds_text_str(sql, "t.");
  ds_text_identifier(sql, column->name);
  if (column->collation.size) ds_text_str(sql, " COLLATE ");
  if (column->collation.size) ds_text_identifier(sql, column->collation);
  ds_text_str(sql, column->otherwise.size ? " = ifnull(NEW." : " = NEW.");
  ds_text_identifier(sql, column->name);
  if (column->otherwise.size) ds_text_str(sql, ", (");
  ds_text_add(sql, column->otherwise);
  if (column->otherwise.size) ds_text_str(sql, "))");
}

static void add_differs(ds_text *sql, const char *a, const char *b, ds_view column, bool first) {
  ds_text_str(sql, first ? a : " OR ");
  if (!first) ds_text_str(sql, a);
  ds_text_identifier(sql, column);
  ds_text_str(sql, b);
  ds_text_identifier(sql, column);
}

// An update that leaves alone what is unique is in nobody's way. Where there is a condition, a row may come to fulfil it: then all are looked at but the row itself.
static void add_other(ds_text *sql, const ds_table *table, const ds_unique *way) {
  ds_text_str(sql, " AND (");
  for (uint32_t i = 0; way->condition.size && i < table->key_count; i++)
    add_differs(sql, "t.", " IS NOT OLD.", table->columns[table->key[i]].name, i == 0);
  for (const ds_unique_column *column = way->columns; !way->condition.size && column; column = column->next)
    add_differs(sql, "OLD.", " COLLATE BINARY IS NOT NEW.", column->name, column == way->columns);
  ds_text_str(sql, ")");
}

void ds_unique_add_in_the_way(ds_text *sql, const ds_table *table, const ds_unique *way, bool update) {
  for (const ds_unique_column *column = way->columns; column; column = column->next) {
    add_equal(sql, column);
    if (column->next) ds_text_str(sql, " AND ");
  }
  if (way->condition.size) ds_text_fill(sql, " AND (#)", &way->condition);
  if (update) add_other(sql, table, way);
}
