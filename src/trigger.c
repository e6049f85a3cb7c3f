// SPDX-License-Identifier: MIT
#include "trigger.h"

#include "log.h"
#include "unique.h"

// Whether the channel is a part of its table, and the same part for everyone. Of a personal channel the log keeps changes to every row: who sees it is asked when it is read.
static bool is_part(const ds_table *table) {
  return !ds_view_absent(table->where) && !table->personal;
}

// ---- Trees

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

static void add_length(ds_text *sql, const ds_table *table, uint32_t at) {
  // Of the bytes, since length() of a text stops at a NUL.
  const ds_column *column = &table->columns[table->long_columns[at]];
  ds_text_str(sql, column->not_null ? "length(CAST(NEW." : "ifnull(length(CAST(NEW.");
  ds_text_identifier(sql, column->name);
  ds_text_str(sql, column->not_null ? " AS BLOB))" : " AS BLOB)), 0)");
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

static void add_any_differs(ds_text *sql, const ds_table *table, uint32_t at) {
  add_differs(sql, table->all[at]);
}

static void add_bit(ds_text *sql, const ds_table *table, uint32_t at) {
  ds_text_str(sql, "((");
  add_differs(sql, table->columns[at].name);
  ds_text_str(sql, ") << ");
  ds_text_int(sql, at < DS_NOTED_COLUMNS ? at : DS_NOTED_COLUMNS);
  ds_text_str(sql, ")");
}

// ---- Words

static void add(ds_text *sql, const ds_table *table, const char *template);

static void add_rekeyed(ds_text *sql, const ds_table *table, ds_view argument) {
  (void)argument;
  add_tree(sql, table, " OR ", add_key_differs, 0, table->key_count);
}

static void add_changed(ds_text *sql, const ds_table *table, ds_view argument) {
  (void)argument;
  add_tree(sql, table, " OR ", add_column_differs, 0, table->column_count);
  if (table->asked_count == 0) return;
  ds_text_str(sql, " OR ");
  add_tree(sql, table, " OR ", add_asked_differs, 0, table->asked_count);
}

static void add_touched(ds_text *sql, const ds_table *table, ds_view argument) {
  (void)argument;
  add_tree(sql, table, " OR ", add_any_differs, 0, table->all_count);
}

static void add_bits(ds_text *sql, const ds_table *table, ds_view argument) {
  (void)argument;
  add_tree(sql, table, " | ", add_bit, 0, table->column_count);
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

static bool has_text_key(const ds_table *table) {
  for (uint32_t i = 0; i < table->key_count; i++)
    for (uint32_t at = 0; at < table->long_count; at++)
      if (table->long_columns[at] == table->key[i]) return true;
  return false;
}

// A key that is not UTF-8 would be another one behind the border to JavaScript, and several be one: it is refused where it is
// written. A key of ASCII is known by its JSON. Of any other each byte is looked at: one that begins a character must be what SQLite
// writes for the character that it reads there, with what follows it, and one that goes on must not stand behind ASCII. For what it
// cannot read SQLite writes U+FFFD, so that one, and the two behind it, which it does not read either, are told by their bytes.
static void add_key_guard(ds_text *sql, const ds_table *table, ds_view event) {
#define HERE "substr(b,i.key+1,5)"
  if (!has_text_key(table)) return;
  ds_text_str(sql, "SELECT RAISE(ABORT, 'a primary key must be UTF-8') WHERE ");
  if (ds_view_is(event, "update")) add(sql, table, "({rekeyed}) AND ");
  add(sql, table,
    "{key NEW} GLOB '*[^ -~]*' AND EXISTS (SELECT 1 FROM (SELECT CAST({key NEW} AS BLOB) AS b), "
    "json_each('[0' || replace(hex(zeroblob(length(b) - 1)), '00', ',0') || ']') AS i WHERE " HERE " >= x'80' AND "
    "CASE WHEN " HERE " < x'c0' THEN substr(b, i.key, 1) < x'80' "
    "WHEN substr(" HERE ", 1, 3) BETWEEN x'efbfbd' AND x'efbfbf' THEN substr(" HERE ", 4, 1) BETWEEN x'80' AND x'bf' "
    "ELSE instr(" HERE ", CAST(char(unicode(CAST(" HERE " AS TEXT))) AS BLOB)) <> 1 END); ");
#undef HERE
}

// A record that no frame can carry is refused. Its size as JSON is looked at only where it might be too large: a byte takes at most six, beside what stands around the cells.
static void add_guards(ds_text *sql, const ds_table *table, ds_view event) {
  add_null_guard(sql, table);
  add_key_guard(sql, table, event);
  if (table->long_count == 0) return;
  ds_text_str(sql, "SELECT RAISE(ABORT, '" DS_RECORD_TOO_LARGE_MARK "') WHERE ");
  add_tree(sql, table, " + ", add_length, 0, table->long_count);
  ds_text_str(sql, " > ");
  ds_text_int(sql, (DS_MAX_RECORD - DS_SHORT_CELL * (int64_t)table->column_count) / 6);
  add(sql, table, " AND {size NEW} > ");
  ds_text_int(sql, DS_MAX_RECORD);
  ds_text_str(sql, "; ");
}

static void add_enters(ds_text *sql, const ds_table *table, ds_view argument) {
  (void)argument;
  add(sql, table, "INSERT INTO {log} (op, key) VALUES (1, {key NEW}); ");
}

static void add_leaves(ds_text *sql, const ds_table *table, ds_view argument) {
  (void)argument;
  add(sql, table, "INSERT INTO {log} (op, key{old_names}) VALUES (3, {key OLD}{old_values OLD}); ");
}

// Notes the rows that are in the way of row NEW. Each way is looked up in its own index, and none but the rows that are found is written.
static void add_ousted(ds_text *sql, const ds_table *table, ds_view event) {
  for (const ds_unique *way = table->unique; way; way = way->next) {
    add(sql, table, "INSERT INTO {log} (op, key{old_names}) SELECT 4, {key t}{old_values t} FROM {table} AS t WHERE ");
    ds_unique_add_in_the_way(sql, table, way, ds_view_is(event, "update"));
    if (is_part(table)) add(sql, table, " AND ({where})");
    ds_text_str(sql, "; ");
  }
}

static void add_unique(ds_text *sql, const ds_table *table, ds_view argument) {
  (void)argument;
  ds_unique_add_columns(sql, table);
}

// Beside those of the log (log.h) and of the table (table.h):
//   {rekeyed}  a condition: an update changes the key
//   {changed}  a condition: it changes a column that clients see, or one that a personal channel's `where` asks
//   {touched}  a condition: it changes any column of the table
//   {bits}     the set of the columns that it changes
//   {guards E} statements that refuse a record which cannot be one: after an insert, or an `update`
//   {enters}   the statement that notes that the new row is there
//   {leaves}   the statement that notes that the old row is gone
//   {ousted E} statements that note which rows a REPLACE would remove: for the new row of an insert, or of an update
//   {unique}   which columns an update has to name for that
static const ds_word words[] = {
  {"rekeyed", add_rekeyed}, {"changed", add_changed}, {"touched", add_touched}, {"bits", add_bits}, {"guards", add_guards},
  {"enters", add_enters}, {"leaves", add_leaves},
  {"ousted", add_ousted}, {"unique", add_unique}, {0},
};

static void add(ds_text *sql, const ds_table *table, const char *template) {
  static const ds_words own = {words, &ds_log_words};
  ds_template_add(sql, &own, table, template);
}

// ---- All of them

typedef struct trigger {
  const char *head; // its kind and its event
  const char *body; // its condition and what it does
} trigger;

// A REPLACE removes rows before it writes its own, and no other trigger of ours need fire for them.
#define OUSTED "{own replace} BEFORE INSERT", "BEGIN {ousted insert}"}, {"{own oust} BEFORE UPDATE{unique}", "BEGIN {ousted update}"

// Of a whole table, an update is one entry with the columns, or two where the key changes: the old one goes, and the new one comes.
static const trigger of_table[] = {
  {OUSTED},
  {"{own insert} AFTER INSERT", "BEGIN {guards}{enters}"},
  {"{own delete} AFTER DELETE", "BEGIN {leaves}"},
  {"{own update} AFTER UPDATE",
   "WHEN {changed} BEGIN {guards update}INSERT INTO {log} (op, key{old_names}) SELECT 3, {key OLD}{old_values OLD} WHERE {rekeyed}; "
   "INSERT INTO {log} (op, columns, key{old_names}) VALUES (2 - ({rekeyed}), {bits}, {key NEW}{old_values OLD}); "},
  {0},
};

// Of a part of a table, the old row leaves before an update, and the new one enters after it, as far as each belongs to the channel.
static const trigger of_part[] = {
  {OUSTED},
  {"{own insert} AFTER INSERT", "WHEN {member NEW} BEGIN {guards}{enters}"},
  {"{own delete} BEFORE DELETE", "WHEN {member OLD} BEGIN {leaves}"},
  {"{own leave} BEFORE UPDATE", "WHEN {touched} AND {member OLD} BEGIN {leaves}"},
  {"{own enter} AFTER UPDATE", "WHEN {touched} AND {member NEW} BEGIN {guards update}{enters}"},
  {0},
};

bool ds_triggers_sql(ds_text *sql, const ds_table *table, uint32_t at) {
  if (at == 0) {
    add(sql, table, "CREATE TABLE IF NOT EXISTS {log_definition}");
    return true;
  }
  const trigger *one = (is_part(table) ? of_part : of_table) + at - 1;
  if (!one->head) return false;
  ds_text_str(sql, "CREATE TRIGGER ");
  add(sql, table, one->head);
  add(sql, table, " ON {table} ");
  add(sql, table, one->body);
  ds_text_str(sql, "END; ");
  return true;
}

void ds_triggers_drop(ds_sql *sql) {
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

void ds_triggers_watch(ds_sql *sql, const ds_channel *channel, uint32_t at) {
  static const char *const kinds[] = {"insert", "update", "delete"};
  ds_view name = ds_view_of(channel->name);
  ds_view table = channel->table ? ds_view_of(channel->table) : name;
  ds_view exists = DS_LITERAL("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE");
  if (!ds_sql_first(sql, exists, DS_PARAMETERS(table))) return;
  ds_text quoted = ds_text_new(sql->arena);
  ds_text_identifier(&quoted, table);
  ds_view number = ds_sql_number(sql, at);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    ds_view kind = ds_view_of(kinds[i]);
    ds_text trigger = ds_text_new(sql->arena);
    ds_text_str(&trigger, "CREATE TRIGGER ");
    ds_log_own_name(&trigger, kind, name);
    ds_text_fill(&trigger, " AFTER # ON # BEGIN UPDATE durasync_meta SET touched = touched | (1 << #) WHERE NOT touched >> # & 1; END",
      DS_VALUES(kind, ds_text_view(&quoted), number, number));
    ds_sql_run(sql, ds_text_view(&trigger), DS_NO_PARAMETERS);
  }
}

bool ds_triggers_watched(ds_sql *sql, const ds_table *table) {
  ds_view query = DS_LITERAL("SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name = 'durasync_insert_' || ?1 AND tbl_name = ?2 COLLATE NOCASE");
  return ds_sql_first(sql, query, DS_PARAMETERS(table->channel, table->name)) > 0;
}
