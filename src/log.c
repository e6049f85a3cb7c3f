// SPDX-License-Identifier: MIT
#include "log.h"

#include "failing.h"
#include "json.h"

// ---- Words

void ds_log_own_name(ds_text *sql, ds_view kind, ds_view channel) {
  ds_text name = ds_text_new(sql->arena);
  ds_text_fill(&name, "durasync_#_#", DS_VALUES(kind, channel));
  ds_text_identifier(sql, ds_text_view(&name));
}

static void add_own(ds_text *sql, const ds_table *table, ds_view kind) {
  ds_log_own_name(sql, kind, table->channel);
}

static void add_log(ds_text *sql, const ds_table *table, ds_view argument) {
  (void)argument;
  ds_log_own_name(sql, DS_LITERAL("log"), table->channel);
}

// The column of the log that holds what a column was like before.
static void add_old_name(ds_text *sql, ds_view column) {
  ds_text name = ds_text_new(sql->arena);
  ds_text_fill(&name, "old #", &column);
  ds_text_identifier(sql, ds_text_view(&name));
}

static void add_old_names(ds_text *sql, const ds_table *table, ds_view argument) {
  (void)argument;
  for (uint32_t i = 0; i < table->asked_count; i++) {
    ds_text_str(sql, ", ");
    add_old_name(sql, table->all[table->asked[i]]);
  }
}

static void add_old_values(ds_text *sql, const ds_table *table, ds_view row) {
  for (uint32_t i = 0; i < table->asked_count; i++) {
    ds_text_fill(sql, ", #.", &row);
    ds_text_identifier(sql, table->all[table->asked[i]]);
  }
}

// The columns have the types they have in the table, so that they compare as they do there. ANY is no type where a table is not STRICT.
static void add_definition(ds_text *sql, const ds_table *table, ds_view argument) {
  add_log(sql, table, argument);
  ds_text_str(sql, " (version INTEGER PRIMARY KEY, op INTEGER NOT NULL, columns INTEGER, key TEXT NOT NULL");
  for (uint32_t i = 0; i < table->asked_count; i++) {
    ds_view type = table->all_types[table->asked[i]];
    ds_text_str(sql, ", ");
    add_old_name(sql, table->all[table->asked[i]]);
    ds_text_str(sql, " ");
    if (!table->strict || !ds_view_is(type, "ANY")) ds_text_add(sql, type);
  }
  ds_text_str(sql, table->personal ? ")" : ") STRICT");
}

// `where` is asked of the columns under the table's own names.
static void add_old_rows(ds_text *sql, const ds_table *table, ds_view condition) {
  ds_text_str(sql, "(SELECT version AS durasync_version, op AS durasync_op, columns AS durasync_columns, key AS durasync_key");
  for (uint32_t i = 0; i < table->asked_count; i++) {
    ds_view column = table->all[table->asked[i]];
    ds_text_str(sql, ", ");
    add_old_name(sql, column);
    ds_text_str(sql, " AS ");
    ds_text_identifier(sql, column);
  }
  ds_text_str(sql, " FROM ");
  add_log(sql, table, condition);
  if (condition.size) ds_text_str(sql, " ");
  ds_text_add(sql, condition);
  ds_text_str(sql, ") AS durasync_old");
}

static const ds_word words[] = {
  {"log", add_log}, {"log_definition", add_definition}, {"own", add_own}, {"old_names", add_old_names}, {"old_values", add_old_values},
  {"old_rows", add_old_rows}, {0},
};

const ds_words ds_log_words = {words, &ds_table_words};

// ---- Statements from templates

static ds_text text_of(const ds_sql *sql, const ds_table *table, const char *template) {
  ds_text text = ds_text_new(sql->arena);
  ds_template_add(&text, &ds_log_words, table, template);
  return text;
}

static void run_template(ds_sql *sql, const ds_table *table, const char *template, const ds_view *parameters, uint32_t count) {
  ds_text text = text_of(sql, table, template);
  ds_sql_run(sql, ds_text_view(&text), parameters, count);
}

static int64_t first_of_template(ds_sql *sql, const ds_table *table, const char *template, const ds_view *parameters, uint32_t count) {
  ds_text text = text_of(sql, table, template);
  return ds_sql_first(sql, ds_text_view(&text), parameters, count);
}

static int32_t open_template(ds_sql *sql, const ds_table *table, const char *template, const ds_view *parameters, uint32_t count) {
  ds_text text = text_of(sql, table, template);
  return ds_sql_open(sql, ds_text_view(&text), parameters, count);
}

// ---- The table of the log

void ds_log_refit(ds_sql *sql, const ds_table *table) {
  ds_text wanted = text_of(sql, table, "CREATE TABLE {log_definition}");
  ds_view query = DS_LITERAL("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'durasync_log_' || ?1");
  int32_t cursor = ds_sql_open(sql, query, DS_PARAMETERS(table->channel));
  ds_view found = ds_sql_next(sql, cursor) ? ds_sql_read(sql, cursor, 0) : ds_text_view(&wanted);
  ds_sql_close(sql, cursor);
  if (ds_view_equal(found, ds_text_view(&wanted))) return;
  ds_view version = ds_sql_number(sql, ds_log_version(sql, table->channel));
  run_template(sql, table, "DROP TABLE {log}", DS_NO_PARAMETERS);
  ds_sql_run(sql, ds_text_view(&wanted), DS_NO_PARAMETERS);
  run_template(sql, table, "INSERT INTO {log} (version, op, key) SELECT ?1, 0, '' WHERE ?1 <> '0'", DS_PARAMETERS(version));
}

bool ds_log_asks(ds_sql *sql, const ds_table *table) {
  if (!table->personal) {
    run_template(sql, table, "SELECT 1 FROM {rows} LIMIT 0", DS_NO_PARAMETERS);
    return true;
  }
  ds_text trial = text_of(sql, table, "SELECT 1 FROM {old_rows} WHERE {where ?1} LIMIT 0");
  ds_sql_close(sql, ds_table_open(sql, table, &trial, NULL, 0, DS_LITERAL("{}")));
  // The columns of the log have the types of the table's, but not their collations.
  ds_view folded = DS_LITERAL("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE AND upper(sql) GLOB '*COLLATE*'");
  return !ds_sql_first(sql, folded, DS_PARAMETERS(table->name));
}

// ---- The newest change

// A text a channel, as the platform lets a result have 100 columns: [version, op, columns, key]. The marker has no key.
void ds_log_add_newest(ds_text *query, ds_view channel) {
  ds_text_str(query, "(SELECT '[' || version || ',' || op || ',' || ifnull(columns, 0) || ',' || iif(op, key, 0) || ']' FROM ");
  ds_log_own_name(query, DS_LITERAL("log"), channel);
  ds_text_str(query, " ORDER BY version DESC LIMIT 1)");
}

ds_log_entry ds_log_read_newest(ds_sql *sql, int32_t cursor, uint32_t column) {
  int64_t numbers[3] = {0};
  ds_json_iterator item = ds_json_iterate(ds_sql_read(sql, cursor, column));
  for (int i = 0; i < 3 && ds_json_next(&item); i++) ds_json_int(item.value, &numbers[i]);
  ds_json_next(&item);
  return (ds_log_entry){.version = numbers[0], .op = (ds_change_op)numbers[1], .columns = numbers[2], .key = item.value, .seen = true};
}

void ds_log_newest(ds_sql *sql, const ds_view *channels, uint32_t count, ds_log_entry *newest) {
  ds_text query = ds_text_new(sql->arena);
  for (uint32_t i = 0; i < count; i++) {
    ds_text_str(&query, i == 0 ? "SELECT " : ", ");
    ds_log_add_newest(&query, channels[i]);
    newest[i] = (ds_log_entry){0};
  }
  if (count == 0) return;
  int32_t cursor = ds_sql_open(sql, ds_text_view(&query), DS_NO_PARAMETERS);
  if (!ds_sql_next(sql, cursor)) return;
  for (uint32_t i = 0; i < count; i++) newest[i] = ds_log_read_newest(sql, cursor, i);
  ds_sql_close(sql, cursor);
}

int64_t ds_log_version(ds_sql *sql, ds_view channel) {
  ds_log_entry newest;
  ds_log_newest(sql, &channel, 1, &newest);
  return newest.version;
}

int64_t ds_log_floor(ds_sql *sql, const ds_table *table) {
  int32_t cursor = open_template(sql, table, "SELECT version, op FROM {log} ORDER BY version LIMIT 1", DS_NO_PARAMETERS);
  bool marker = ds_sql_next(sql, cursor) && ds_sql_integer(sql, cursor, 1) == DS_FLOOR;
  int64_t floor = marker ? ds_sql_integer(sql, cursor, 0) : 0;
  ds_sql_close(sql, cursor);
  return floor;
}

// ---- Compaction

bool ds_log_due(int64_t before, int64_t after, int64_t window) {
  int64_t every = window / 2 > 0 ? window / 2 : 1;
  return before / every != after / every;
}

// The version of the newest entry for which the window has no room; 0 if all have.
static int64_t first_beyond(ds_sql *sql, const ds_table *table, int64_t window) {
  return first_of_template(sql, table, "SELECT version FROM {log} ORDER BY version DESC LIMIT 1 OFFSET ?1", DS_PARAMETERS(ds_sql_number(sql, window)));
}

// Drops every change up to `version`, and leaves the marker in the place of the newest of them. That may be the newest of all: the log is never emptied, so that versions grow.
static void drop_up_to(ds_sql *sql, const ds_table *table, int64_t version) {
#define NEWEST "(SELECT max(version) FROM {log} WHERE version <= ?1)"
  ds_view parameter = ds_sql_number(sql, version);
  run_template(sql, table, "DELETE FROM {log} WHERE version < " NEWEST, DS_PARAMETERS(parameter));
  run_template(sql, table, "UPDATE {log} SET op = 0, columns = NULL, key = '' WHERE op <> 0 AND version = " NEWEST, DS_PARAMETERS(parameter));
#undef NEWEST
}

void ds_log_compact(ds_sql *sql, const ds_table *table, int64_t window) {
  static const char common[] = "DELETE FROM {log} WHERE version NOT IN (SELECT max(version) FROM {log} GROUP BY key)";
  // What a row was like before decides who must be told that it went: of each such state the newest entry stays.
  static const char personal[] = "DELETE FROM {log} WHERE version NOT IN (SELECT max(version) FROM {log} GROUP BY key, op = 1{old_names})";
  run_template(sql, table, table->personal ? personal : common, DS_NO_PARAMETERS);
  int64_t beyond = first_beyond(sql, table, window);
  if (beyond) drop_up_to(sql, table, beyond);
}

// ---- Age

const char ds_log_mark_schema[] =
  "CREATE TABLE IF NOT EXISTS durasync_mark ("
  "channel TEXT NOT NULL, version INTEGER NOT NULL, time INTEGER NOT NULL, PRIMARY KEY (channel, version)) STRICT, WITHOUT ROWID";

int64_t ds_log_marked(ds_sql *sql, const ds_table *table) {
  ds_view query = DS_LITERAL("SELECT time FROM durasync_mark WHERE channel = ?1 ORDER BY version DESC LIMIT 1");
  return ds_sql_first(sql, query, DS_PARAMETERS(table->channel));
}

void ds_log_mark(ds_sql *sql, const ds_table *table, int64_t now) {
  ds_view insert = DS_LITERAL("INSERT OR REPLACE INTO durasync_mark VALUES (?1, ?2, ?3)");
  ds_sql_run(sql, insert, DS_PARAMETERS(table->channel, ds_sql_number(sql, table->version), ds_sql_number(sql, now)));
}

void ds_log_expire(ds_sql *sql, const ds_table *table, int64_t time) {
  ds_view query = DS_LITERAL("SELECT max(version) FROM durasync_mark WHERE channel = ?1 AND time <= ?2");
  int64_t version = ds_sql_first(sql, query, DS_PARAMETERS(table->channel, ds_sql_number(sql, time)));
  if (version == 0) return;
  drop_up_to(sql, table, version);
  ds_view delete = DS_LITERAL("DELETE FROM durasync_mark WHERE channel = ?1 AND version <= ?2");
  ds_sql_run(sql, delete, DS_PARAMETERS(table->channel, ds_sql_number(sql, version)));
}

// ---- Reading

bool ds_log_entry_sound(const ds_table *table, ds_log_entry *entry) {
  uint32_t noted = table->column_count < DS_NOTED_COLUMNS ? table->column_count : DS_NOTED_COLUMNS + 1;
  bool known = entry->columns >= 0 && !(entry->columns >> noted) && (entry->columns || table->personal);
  if (entry->op == DS_UPDATE && !known) entry->columns = DS_FURTHER_COLUMNS;
  bool counts = entry->version > 0 && entry->version <= DS_HIGHEST_VERSION && entry->op >= DS_INSERT && entry->op <= DS_MAYBE;
  if (!counts || !ds_json_fits(entry->key, 3, NULL) || ds_json_type(entry->key) != DS_JSON_ARRAY) return false;
  uint32_t cells = 0;
  for (ds_json_iterator cell = ds_json_iterate(entry->key); ds_json_next(&cell);) cells++;
  return cells == table->key_count;
}

bool ds_log_intact(ds_sql *sql, ds_view channel) {
  ds_sql attempt = *sql;
  ds_text query = ds_text_new(sql->arena);
  ds_text_str(&query, "SELECT count(*) FROM ");
  ds_log_own_name(&query, DS_LITERAL("log"), channel);
  ds_text_str(&query, " WHERE version NOT BETWEEN 1 AND 9007199254740991 OR (op <> 0 AND NOT json_valid(key))");
  bool sound = ds_sql_first(&attempt, ds_text_view(&query), DS_NO_PARAMETERS) == 0;
  return sound && attempt.status == DS_SQL_DONE;
}

// An integer of the log as one that the host can carry, -1 for any other.
#define INTEGER(column) "iif(" column " BETWEEN 0 AND 9007199254740991, " column ", -1)"

#define SINCE "WHERE version > ?1 ORDER BY version LIMIT ?2"

int32_t ds_log_entries(ds_sql *sql, const ds_table *table, int64_t version, int64_t limit) {
  return open_template(sql, table, "SELECT " INTEGER("version") ", " INTEGER("op") ", " INTEGER("columns") ", key, 1 FROM {log} " SINCE,
    DS_PARAMETERS(ds_sql_number(sql, version), ds_sql_number(sql, limit)));
}

int32_t ds_log_since(ds_sql *sql, const ds_table *table, int64_t version, int64_t limit, ds_view reader) {
  static const char personal[] =
    "SELECT " INTEGER("durasync_version") ", " INTEGER("durasync_op") ", " INTEGER("durasync_columns") ", "
    "durasync_key, durasync_op <> 1 AND ({where ?3}) FROM {old_rows " SINCE "}";
  if (!table->personal) return ds_log_entries(sql, table, version, limit);
  ds_text query = text_of(sql, table, personal);
  return ds_table_open(sql, table, &query, DS_VALUES(ds_sql_number(sql, version), ds_sql_number(sql, limit)), 2, reader);
}

bool ds_log_saw(ds_sql *sql, const ds_table *table, int64_t version, ds_view reader) {
  ds_sql attempt = *sql;
  ds_text query = text_of(&attempt, table, "SELECT durasync_op <> 1 AND ({where ?2}) FROM {old_rows WHERE version = ?1}");
  int32_t cursor = ds_table_open(&attempt, table, &query, DS_VALUES(ds_sql_number(&attempt, version)), 1, reader);
  bool saw = ds_sql_next(&attempt, cursor) && ds_sql_integer(&attempt, cursor, 0);
  ds_sql_close(&attempt, cursor);
  return !ds_failed_for_a_row(sql, &attempt, table) && saw;
}

int32_t ds_log_concerned(ds_sql *sql, const ds_table *table, int64_t version, ds_view readers) {
  static const char query[] =
    "SELECT durasync_reader.key FROM json_each(?1) AS durasync_reader WHERE EXISTS "
    "(SELECT 1 FROM {old_rows WHERE version > ?2 AND op <> 1} WHERE {where durasync_reader.value}) OR EXISTS "
    "(SELECT 1 FROM {log} AS l CROSS JOIN {rows durasync_reader.value} ON {match l.key} WHERE l.version > ?2)";
  return open_template(sql, table, query, DS_PARAMETERS(readers, ds_sql_number(sql, version)));
}

int32_t ds_log_deleted(ds_sql *sql, const ds_table *table, ds_view reader) {
  static const char common[] = "SELECT DISTINCT l.key FROM {log} AS l WHERE l.op > 2 AND NOT EXISTS (SELECT 1 FROM {rows ?1} WHERE {match l.key})";
  static const char personal[] =
    "SELECT DISTINCT l.key FROM (SELECT durasync_key AS key FROM {old_rows WHERE op > 1} WHERE {where ?1}) AS l "
    "WHERE NOT EXISTS (SELECT 1 FROM {rows ?1} WHERE {match l.key})";
  ds_text query = text_of(sql, table, table->personal ? personal : common);
  return ds_table_open(sql, table, &query, NULL, 0, reader);
}

bool ds_log_next(ds_sql *sql, int32_t cursor, ds_log_entry *entry) {
  if (!ds_sql_next(sql, cursor)) return false;
  *entry = (ds_log_entry){
    .version = ds_sql_integer(sql, cursor, 0),
    .op = (ds_change_op)ds_sql_integer(sql, cursor, 1),
    .columns = ds_sql_integer(sql, cursor, 2),
    .key = ds_sql_read(sql, cursor, 3),
    .seen = ds_sql_integer(sql, cursor, 4) != 0,
  };
  return true;
}
