// SPDX-License-Identifier: MIT
#include "log.h"

#include "statement.h"

static void add_name(ds_text *sql, const char *kind, ds_view channel) {
  ds_text name = ds_text_new(sql->arena);
  ds_text_str(&name, "durasync_");
  ds_text_str(&name, kind);
  ds_text_str(&name, "_");
  ds_text_add(&name, channel);
  ds_text_identifier(sql, ds_text_view(&name));
}

static void add_log_name(ds_text *sql, const ds_table *table) {
  add_name(sql, "log", table->channel);
}

// The only integer of the only row, 0 if there is none.
static int64_t one_integer(ds_sql *sql, ds_view query, const ds_view *parameters, uint32_t count) {
  int32_t cursor = ds_sql_open(sql, query, parameters, count);
  int64_t result = ds_sql_next(sql, cursor) ? ds_sql_integer(sql, cursor, 0) : 0;
  ds_sql_close(sql, cursor);
  return result;
}

// Runs `before`, the log's name and `after` as one statement.
static void run_on_log(ds_sql *sql, const ds_table *table, const char *before, ds_view after, const ds_view *parameters, uint32_t count) {
  ds_text statement = ds_text_new(sql->arena);
  ds_text_str(&statement, before);
  add_log_name(&statement, table);
  ds_text_add(&statement, after);
  ds_sql_run(sql, ds_text_view(&statement), parameters, count);
}

// ---- Triggers

// `event` is "AFTER INSERT" and the like.
static void add_trigger_head(ds_text *sql, const ds_table *table, const char *kind, const char *event) {
  ds_text_str(sql, "CREATE TRIGGER ");
  add_name(sql, kind, table->channel);
  ds_text_str(sql, " ");
  ds_text_str(sql, event);
  ds_text_str(sql, " ON ");
  ds_text_identifier(sql, table->name);
}

// Whether the channel is a part of its table, and the same part for everyone. Of a personal channel the log keeps changes to every row: who sees it is asked when it is read.
static bool is_part(const ds_table *table) {
  return !ds_view_absent(table->where) && !table->personal;
}

// ---- What a row was like before, as far as the `where` of a personal channel asks

static void add_old_name(ds_text *sql, const ds_table *table, uint32_t at) {
  ds_text name = ds_text_new(sql->arena);
  ds_text_str(&name, "old ");
  ds_text_add(&name, table->all[table->asked[at]]);
  ds_text_identifier(sql, ds_text_view(&name));
}

static void add_old_names(ds_text *sql, const ds_table *table) {
  for (uint32_t i = 0; i < table->asked_count; i++) {
    ds_text_str(sql, ", ");
    add_old_name(sql, table, i);
  }
}

static void add_old_values(ds_text *sql, const ds_table *table) {
  for (uint32_t i = 0; i < table->asked_count; i++) {
    ds_text_str(sql, ", OLD.");
    ds_text_identifier(sql, table->all[table->asked[i]]);
  }
}

// Their columns in the log have the types they have in the table, so that they compare as they do there. ANY is no type where a table is not STRICT.
static void add_old_columns(ds_text *sql, const ds_table *table) {
  for (uint32_t i = 0; i < table->asked_count; i++) {
    ds_view type = table->all_types[table->asked[i]];
    ds_text_str(sql, ", ");
    add_old_name(sql, table, i);
    ds_text_str(sql, " ");
    if (!table->strict || !ds_view_is(type, "ANY")) ds_text_add(sql, type);
  }
}

// The log with those columns under the table's own names, for `where` to be asked of them. `condition` picks the entries.
static void add_old_rows(ds_text *sql, const ds_table *table, const char *condition) {
  ds_text_str(sql, "(SELECT version AS durasync_version, op AS durasync_op, columns AS durasync_columns, key AS durasync_key");
  for (uint32_t i = 0; i < table->asked_count; i++) {
    ds_text_str(sql, ", ");
    add_old_name(sql, table, i);
    ds_text_str(sql, " AS ");
    ds_text_identifier(sql, table->all[table->asked[i]]);
  }
  ds_text_str(sql, " FROM ");
  add_log_name(sql, table);
  ds_text_str(sql, condition);
  ds_text_str(sql, ") AS ");
  ds_text_identifier(sql, table->name);
}

// ---- Triggers

static void add_entry(ds_text *sql, const ds_table *table, ds_change_op op, const char *row) {
  bool old = op == DS_DELETE && table->personal;
  ds_text_str(sql, "INSERT INTO ");
  add_log_name(sql, table);
  ds_text_str(sql, " (op, key");
  if (old) add_old_names(sql, table);
  ds_text_str(sql, ") VALUES (");
  ds_text_int(sql, op);
  ds_text_str(sql, ", ");
  ds_table_key(sql, table, row);
  if (old) add_old_values(sql, table);
  ds_text_str(sql, "); ");
}

// A chain of 100 terms would be as deep as the platform lets an expression be, so it is built as a balanced tree.
typedef void (*add_term)(ds_text *sql, const ds_table *table, uint32_t at);

// It halves at most DS_MAX_COLUMNS terms, so it calls itself seven levels deep.
static void add_tree(ds_text *sql, const ds_table *table, const char *operator, add_term term, uint32_t from, uint32_t to) { // NOLINT(misc-no-recursion)
  if (to - from == 1) {
    term(sql, table, from);
    return;
  }
  uint32_t middle = from + (to - from) / 2;
  ds_text_str(sql, "(");
  add_tree(sql, table, operator, term, from, middle);
  ds_text_str(sql, operator);
  add_tree(sql, table, operator, term, middle, to);
  ds_text_str(sql, ")");
}

// A NULL in a key names no row: it is refused where the column itself would let it pass.
static void add_null_guard(ds_text *sql, const ds_table *table) {
  bool any = false;
  for (uint32_t i = 0; i < table->key_count; i++) {
    const ds_column *column = &table->columns[table->key[i]];
    if (column->not_null) continue;
    ds_text_str(sql, any ? " OR NEW." : "SELECT RAISE(ABORT, 'a primary key must not be NULL') WHERE NEW.");
    ds_text_identifier(sql, column->name);
    ds_text_str(sql, " IS NULL");
    any = true;
  }
  if (any) ds_text_str(sql, "; ");
}

static void add_column_length(ds_text *sql, const ds_table *table, uint32_t at) {
  // Of the bytes, since length() of a text stops at a NUL.
  ds_text_str(sql, "ifnull(length(CAST(NEW.");
  ds_text_identifier(sql, table->columns[at].name);
  ds_text_str(sql, " AS BLOB)), 0)");
}

// A record that no frame can carry is refused. Its exact size as JSON is looked at only where it might be too large: a byte takes at most six.
static void add_size_guard(ds_text *sql, const ds_table *table) {
  ds_text_str(sql, "SELECT RAISE(ABORT, '" DS_RECORD_TOO_LARGE_MARK "') WHERE ");
  add_tree(sql, table, " + ", add_column_length, 0, table->column_count);
  ds_text_str(sql, " > ");
  ds_text_int(sql, DS_MAX_RECORD / 6);
  ds_text_str(sql, " AND length(CAST(");
  ds_table_record(sql, table, "NEW");
  ds_text_str(sql, " AS BLOB)) > ");
  ds_text_int(sql, DS_MAX_RECORD);
  ds_text_str(sql, "; ");
}

static void add_guards(ds_text *sql, const ds_table *table) {
  add_null_guard(sql, table);
  add_size_guard(sql, table);
}

// Appends "OLD.c differs from NEW.c", byte by byte whatever the column's collation says is equal.
static void add_differs(ds_text *sql, ds_view column) {
  ds_text_str(sql, "OLD.");
  ds_text_identifier(sql, column);
  ds_text_str(sql, " COLLATE BINARY IS NOT NEW.");
  ds_text_identifier(sql, column);
}

static void add_key_differs(ds_text *sql, const ds_table *table, uint32_t at) {
  add_differs(sql, table->columns[table->key[at]].name);
}

static void add_column_differs(ds_text *sql, const ds_table *table, uint32_t at) {
  add_differs(sql, table->columns[at].name);
}

static void add_asked_differs(ds_text *sql, const ds_table *table, uint32_t at) {
  add_differs(sql, table->all[table->asked[at]]);
}

static void add_column_bit(ds_text *sql, const ds_table *table, uint32_t at) {
  ds_text_str(sql, "((");
  add_differs(sql, table->columns[at].name);
  ds_text_str(sql, ") << ");
  ds_text_int(sql, at < DS_NOTED_COLUMNS ? at : DS_NOTED_COLUMNS);
  ds_text_str(sql, ")");
}

static void add_insert_trigger(ds_text *sql, const ds_table *table) {
  add_trigger_head(sql, table, "insert", "AFTER INSERT");
  if (is_part(table)) {
    ds_text_str(sql, " WHEN ");
    ds_table_member(sql, table, "NEW");
  }
  ds_text_str(sql, " BEGIN ");
  add_guards(sql, table);
  add_entry(sql, table, DS_INSERT, "NEW");
  ds_text_str(sql, "END; ");
}

static void add_delete_trigger(ds_text *sql, const ds_table *table) {
  bool part = is_part(table);
  add_trigger_head(sql, table, "delete", part ? "BEFORE DELETE" : "AFTER DELETE");
  if (part) {
    ds_text_str(sql, " WHEN ");
    ds_table_member(sql, table, "OLD");
  }
  ds_text_str(sql, " BEGIN ");
  add_entry(sql, table, DS_DELETE, "OLD");
  ds_text_str(sql, "END; ");
}

// ---- Updates of a whole table: one entry with the columns, or two where the key changes

static void add_update_trigger(ds_text *sql, const ds_table *table) {
  if (is_part(table)) return;
  add_trigger_head(sql, table, "update", "AFTER UPDATE");
  ds_text_str(sql, " WHEN NOT ");
  add_tree(sql, table, " OR ", add_key_differs, 0, table->key_count);
  ds_text_str(sql, " AND (");
  add_tree(sql, table, " OR ", add_column_differs, 0, table->column_count);
  if (table->asked_count) ds_text_str(sql, " OR ");
  if (table->asked_count) add_tree(sql, table, " OR ", add_asked_differs, 0, table->asked_count);
  ds_text_str(sql, ") BEGIN ");
  add_guards(sql, table);
  ds_text_str(sql, "INSERT INTO ");
  add_log_name(sql, table);
  ds_text_str(sql, " (op, columns, key");
  if (table->personal) add_old_names(sql, table);
  ds_text_str(sql, ") VALUES (");
  ds_text_int(sql, DS_UPDATE);
  ds_text_str(sql, ", ");
  add_tree(sql, table, " | ", add_column_bit, 0, table->column_count);
  ds_text_str(sql, ", ");
  ds_table_key(sql, table, "NEW");
  if (table->personal) add_old_values(sql, table);
  ds_text_str(sql, "); END; ");
}

static void add_key_change_trigger(ds_text *sql, const ds_table *table) {
  if (is_part(table)) return;
  add_trigger_head(sql, table, "rekey", "AFTER UPDATE");
  ds_text_str(sql, " WHEN ");
  add_tree(sql, table, " OR ", add_key_differs, 0, table->key_count);
  ds_text_str(sql, " BEGIN ");
  add_guards(sql, table);
  add_entry(sql, table, DS_DELETE, "OLD");
  add_entry(sql, table, DS_INSERT, "NEW");
  ds_text_str(sql, "END; ");
}

// ---- Updates of a part of a table: the old row leaves before, the new one enters after, as far as each belongs to the channel

static void add_any_differs(ds_text *sql, const ds_table *table, uint32_t at) {
  add_differs(sql, table->all[at]);
}

static void add_part_trigger(ds_text *sql, const ds_table *table, bool enters) {
  if (!is_part(table)) return;
  add_trigger_head(sql, table, enters ? "enter" : "leave", enters ? "AFTER UPDATE" : "BEFORE UPDATE");
  ds_text_str(sql, " WHEN ");
  add_tree(sql, table, " OR ", add_any_differs, 0, table->all_count);
  ds_text_str(sql, " AND ");
  ds_table_member(sql, table, enters ? "NEW" : "OLD");
  ds_text_str(sql, " BEGIN ");
  if (enters) add_guards(sql, table);
  add_entry(sql, table, enters ? DS_INSERT : DS_DELETE, enters ? "NEW" : "OLD");
  ds_text_str(sql, "END; ");
}

static void add_leave_trigger(ds_text *sql, const ds_table *table) {
  add_part_trigger(sql, table, false);
}

static void add_enter_trigger(ds_text *sql, const ds_table *table) {
  add_part_trigger(sql, table, true);
}

// ---- All of them

static void add_log_definition(ds_text *sql, const ds_table *table) {
  add_log_name(sql, table);
  ds_text_str(sql, " (version INTEGER PRIMARY KEY, op INTEGER NOT NULL, columns INTEGER, key TEXT NOT NULL");
  if (table->personal) add_old_columns(sql, table);
  ds_text_str(sql, table->personal ? ")" : ") STRICT");
}

static void add_log_table(ds_text *sql, const ds_table *table) {
  ds_text_str(sql, "CREATE TABLE IF NOT EXISTS ");
  add_log_definition(sql, table);
}

bool ds_log_install_sql(ds_text *sql, const ds_table *table, uint32_t at) {
  static void (*const add[])(ds_text *sql, const ds_table *table) = {
    add_log_table, add_insert_trigger, add_delete_trigger, add_update_trigger, add_key_change_trigger, add_leave_trigger, add_enter_trigger,
  };
  if (at >= sizeof add / sizeof *add) return false;
  add[at](sql, table);
  return true;
}

void ds_log_refit(ds_sql *sql, const ds_table *table) {
  ds_text wanted = ds_text_new(sql->arena);
  ds_text_str(&wanted, "CREATE TABLE ");
  add_log_definition(&wanted, table);
  ds_view query = DS_LITERAL("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'durasync_log_' || ?1");
  int32_t cursor = ds_sql_open(sql, query, DS_PARAMETERS(table->channel));
  ds_view found = ds_sql_next(sql, cursor) ? ds_sql_read(sql, cursor, 0) : ds_text_view(&wanted);
  ds_sql_close(sql, cursor);
  if (ds_view_equal(found, ds_text_view(&wanted))) return;
  ds_view version = ds_sql_number(sql, ds_log_version(sql, table->channel));
  run_on_log(sql, table, "DROP TABLE ", (ds_view){0}, DS_NO_PARAMETERS);
  ds_sql_run(sql, ds_text_view(&wanted), DS_NO_PARAMETERS);
  run_on_log(sql, table, "INSERT INTO ", DS_LITERAL(" (version, op, key) SELECT CAST(?1 AS INTEGER), 0, '' WHERE CAST(?1 AS INTEGER) > 0"), DS_PARAMETERS(version));
}

bool ds_log_asks(ds_sql *sql, const ds_table *table) {
  ds_text query = ds_text_new(sql->arena);
  if (!table->personal) {
    ds_text_str(&query, "SELECT 1 FROM ");
    ds_table_source(&query, table, "");
    ds_text_str(&query, " LIMIT 0");
    ds_sql_run(sql, ds_text_view(&query), DS_NO_PARAMETERS);
    return true;
  }
  ds_text_str(&query, "SELECT (");
  ds_statement_where(&query, table->where, "?1");
  ds_text_str(&query, ") FROM ");
  add_old_rows(&query, table, "");
  ds_text_str(&query, " LIMIT 0");
  ds_sql_run(sql, ds_text_view(&query), DS_PARAMETERS(DS_LITERAL("{}")));
  // The columns of the log have the types of the table's, but not their collations.
  ds_view folded = DS_LITERAL("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE AND upper(sql) GLOB '*COLLATE*'");
  return !one_integer(sql, folded, DS_PARAMETERS(table->name));
}

void ds_log_drop_triggers(ds_sql *sql) {
  ds_text drops = ds_text_new(sql->arena);
  int32_t cursor =
    ds_sql_open(sql, DS_LITERAL("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name GLOB 'durasync_*'"), DS_NO_PARAMETERS);
  while (ds_sql_next(sql, cursor)) {
    ds_text_str(&drops, "DROP TRIGGER ");
    ds_text_identifier(&drops, ds_sql_read(sql, cursor, 0));
    ds_text_str(&drops, "; ");
  }
  if (drops.size) ds_sql_run(sql, ds_text_view(&drops), DS_NO_PARAMETERS);
}

// ---- Watching

void ds_log_watch(ds_sql *sql, const ds_channel *channel, uint32_t at) {
  static const char *const kinds[] = {"insert", "update", "delete"};
  ds_view name = ds_view_of(channel->name);
  ds_view table = channel->table ? ds_view_of(channel->table) : name;
  if (!one_integer(sql, DS_LITERAL("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE"), DS_PARAMETERS(table))) return;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    ds_text trigger = ds_text_new(sql->arena);
    ds_text_str(&trigger, "CREATE TRIGGER ");
    add_name(&trigger, kinds[i], name);
    ds_text_str(&trigger, " AFTER ");
    ds_text_str(&trigger, kinds[i]);
    ds_text_str(&trigger, " ON ");
    ds_text_identifier(&trigger, table);
    ds_text_str(&trigger, " BEGIN UPDATE durasync_meta SET touched = touched | (1 << ");
    ds_text_int(&trigger, at);
    ds_text_str(&trigger, ") WHERE NOT touched >> ");
    ds_text_int(&trigger, at);
    ds_text_str(&trigger, " & 1; END");
    ds_sql_run(sql, ds_text_view(&trigger), DS_NO_PARAMETERS);
  }
}

bool ds_log_watched(ds_sql *sql, const ds_table *table) {
  ds_view query = DS_LITERAL("SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name = 'durasync_insert_' || ?1 AND tbl_name = ?2 COLLATE NOCASE");
  return one_integer(sql, query, DS_PARAMETERS(table->channel, table->name)) > 0;
}

// ---- Reading

int64_t ds_log_version(ds_sql *sql, ds_view channel) {
  ds_text query = ds_text_new(sql->arena);
  ds_text_str(&query, "SELECT max(version) FROM ");
  add_name(&query, "log", channel);
  return one_integer(sql, ds_text_view(&query), DS_NO_PARAMETERS);
}

int64_t ds_log_floor(ds_sql *sql, const ds_table *table) {
  ds_text query = ds_text_new(sql->arena);
  ds_text_str(&query, "SELECT version, op FROM ");
  add_log_name(&query, table);
  ds_text_str(&query, " ORDER BY version LIMIT 1");
  int32_t cursor = ds_sql_open(sql, ds_text_view(&query), DS_NO_PARAMETERS);
  bool marker = ds_sql_next(sql, cursor) && ds_sql_integer(sql, cursor, 1) == DS_FLOOR;
  int64_t floor = marker ? ds_sql_integer(sql, cursor, 0) : 0;
  ds_sql_close(sql, cursor);
  return floor;
}

bool ds_log_due(int64_t before, int64_t after, int64_t window) {
  int64_t every = window / 2 > 0 ? window / 2 : 1;
  return before / every != after / every;
}

// The version of the newest entry for which the window has no room; 0 if all have.
static int64_t first_beyond(ds_sql *sql, const ds_table *table, int64_t window) {
  ds_text query = ds_text_new(sql->arena);
  ds_text_str(&query, "SELECT version FROM ");
  add_log_name(&query, table);
  ds_text_str(&query, " ORDER BY version DESC LIMIT 1 OFFSET CAST(?1 AS INTEGER)");
  return one_integer(sql, ds_text_view(&query), DS_PARAMETERS(ds_sql_number(sql, window)));
}

// Drops every change up to `version`, and leaves the marker in the place of the newest of them. That may be the newest of all: the log is never emptied, so that versions grow.
static void drop_up_to(ds_sql *sql, const ds_table *table, int64_t version) {
  ds_text newest = ds_text_new(sql->arena);
  ds_text_str(&newest, "(SELECT max(version) FROM ");
  add_log_name(&newest, table);
  ds_text_str(&newest, " WHERE version <= CAST(?1 AS INTEGER))");
  ds_text drop = ds_text_new(sql->arena);
  ds_text_str(&drop, " WHERE version < ");
  ds_text_add(&drop, ds_text_view(&newest));
  ds_text mark = ds_text_new(sql->arena);
  ds_text_str(&mark, " SET op = 0, columns = NULL, key = '' WHERE op <> 0 AND version = ");
  ds_text_add(&mark, ds_text_view(&newest));
  ds_view parameter = ds_sql_number(sql, version);
  run_on_log(sql, table, "DELETE FROM ", ds_text_view(&drop), DS_PARAMETERS(parameter));
  run_on_log(sql, table, "UPDATE ", ds_text_view(&mark), DS_PARAMETERS(parameter));
}

void ds_log_compact(ds_sql *sql, const ds_table *table, int64_t window) {
  ds_text superseded = ds_text_new(sql->arena);
  ds_text_str(&superseded, " WHERE version NOT IN (SELECT max(version) FROM ");
  add_log_name(&superseded, table);
  // What a row was like before decides who must be told that it went: of each such state the newest entry stays.
  ds_text_str(&superseded, " GROUP BY key");
  if (table->personal) ds_text_str(&superseded, ", op = 1");
  if (table->personal) add_old_names(&superseded, table);
  ds_text_str(&superseded, ")");
  run_on_log(sql, table, "DELETE FROM ", ds_text_view(&superseded), DS_NO_PARAMETERS);
  int64_t beyond = first_beyond(sql, table, window);
  if (beyond) drop_up_to(sql, table, beyond);
}

// ---- Age

const char ds_log_mark_schema[] =
  "CREATE TABLE IF NOT EXISTS durasync_mark ("
  "channel TEXT NOT NULL, version INTEGER NOT NULL, time INTEGER NOT NULL, PRIMARY KEY (channel, version)) STRICT, WITHOUT ROWID";

int64_t ds_log_marked(ds_sql *sql, const ds_table *table) {
  ds_view query = DS_LITERAL("SELECT time FROM durasync_mark WHERE channel = ?1 ORDER BY version DESC LIMIT 1");
  return one_integer(sql, query, DS_PARAMETERS(table->channel));
}

void ds_log_mark(ds_sql *sql, const ds_table *table, int64_t now) {
  ds_view insert = DS_LITERAL("INSERT OR REPLACE INTO durasync_mark VALUES (?1, CAST(?2 AS INTEGER), CAST(?3 AS INTEGER))");
  ds_sql_run(sql, insert, DS_PARAMETERS(table->channel, ds_sql_number(sql, table->version), ds_sql_number(sql, now)));
}

void ds_log_expire(ds_sql *sql, const ds_table *table, int64_t time) {
  ds_view query = DS_LITERAL("SELECT max(version) FROM durasync_mark WHERE channel = ?1 AND time <= CAST(?2 AS INTEGER)");
  int64_t version = one_integer(sql, query, DS_PARAMETERS(table->channel, ds_sql_number(sql, time)));
  if (version == 0) return;
  drop_up_to(sql, table, version);
  ds_view delete = DS_LITERAL("DELETE FROM durasync_mark WHERE channel = ?1 AND version <= CAST(?2 AS INTEGER)");
  ds_sql_run(sql, delete, DS_PARAMETERS(table->channel, ds_sql_number(sql, version)));
}

static const char since[] = " WHERE version > CAST(?1 AS INTEGER) ORDER BY version LIMIT CAST(?2 AS INTEGER)";

int32_t ds_log_since(ds_sql *sql, const ds_table *table, int64_t version, int64_t limit, ds_view reader) {
  ds_text query = ds_text_new(sql->arena);
  if (table->personal) {
    ds_text_str(&query, "SELECT durasync_version, durasync_op, durasync_columns, durasync_key, durasync_op <> 1 AND (");
    ds_statement_where(&query, table->where, "?3");
    ds_text_str(&query, ") FROM ");
    add_old_rows(&query, table, since);
  } else {
    ds_text_str(&query, "SELECT version, op, columns, key, 1 FROM ");
    add_log_name(&query, table);
    ds_text_str(&query, since);
  }
  ds_view parameters[3];
  const ds_view own[] = {ds_sql_number(sql, version), ds_sql_number(sql, limit)};
  return ds_sql_open(sql, ds_text_view(&query), parameters, ds_table_parameters(table, own, 2, reader, parameters));
}

int32_t ds_log_concerned(ds_sql *sql, const ds_table *table, int64_t version, ds_view readers) {
  ds_text query = ds_text_new(sql->arena);
  ds_text_str(&query, "SELECT r.key FROM json_each(?1) AS r WHERE EXISTS (SELECT 1 FROM ");
  add_old_rows(&query, table, " WHERE version > CAST(?2 AS INTEGER) AND op <> 1");
  ds_text_str(&query, " WHERE ");
  ds_statement_where(&query, table->where, "r.value");
  ds_text_str(&query, ") OR EXISTS (SELECT 1 FROM ");
  add_log_name(&query, table);
  ds_text_str(&query, " AS l CROSS JOIN ");
  ds_table_source(&query, table, "r.value");
  ds_text_str(&query, " ON ");
  ds_table_key_match(&query, table, "l.key");
  ds_text_str(&query, " WHERE l.version > CAST(?2 AS INTEGER))");
  return ds_sql_open(sql, ds_text_view(&query), DS_PARAMETERS(readers, ds_sql_number(sql, version)));
}

int32_t ds_log_deleted(ds_sql *sql, const ds_table *table, ds_view reader) {
  ds_text query = ds_text_new(sql->arena);
  ds_text_str(&query, "SELECT DISTINCT l.key FROM ");
  if (table->personal) {
    ds_text_str(&query, "(SELECT durasync_key AS key FROM ");
    add_old_rows(&query, table, " WHERE op > 1");
    ds_text_str(&query, " WHERE ");
    ds_statement_where(&query, table->where, "?1");
    ds_text_str(&query, ") AS l WHERE NOT EXISTS (SELECT 1 FROM ");
  } else {
    add_log_name(&query, table);
    ds_text_str(&query, " AS l WHERE l.op = 3 AND NOT EXISTS (SELECT 1 FROM ");
  }
  ds_table_source(&query, table, "?1");
  ds_text_str(&query, " WHERE ");
  ds_table_key_match(&query, table, "l.key");
  ds_text_str(&query, ")");
  return ds_sql_open(sql, ds_text_view(&query), &reader, table->personal ? 1 : 0);
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
