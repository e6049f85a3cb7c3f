// SPDX-License-Identifier: MIT
#include "storage.h"

#include "client.h"
#include "json.h"
#include "log.h"
#include "migration.h"
#include "trigger.h"

#include <string.h>

enum { EPOCH_BYTES = 8 };

// How often a host may have committed, and foreign keys not be switched all the same, before that is given up.
enum { KEYS_TRIES = 10 };

// The transactions' argument.
typedef struct opening {
  ds_storage *storage;
  const ds_app *app;
  ds_arena *keep;
  ds_sql sql;
  int64_t migrations; // run so far
  int64_t ran;        // had run before this start
  int64_t until;      // how many are to have run; negative for all
  ds_view hashes;     // of them, a JSON array: null for a function, shorter where nothing is known of the rest
  bool intact;        // the triggers are known to be in place
} opening;

int64_t ds_app_log_window(const ds_app *app) {
  return app->log_window > 0 ? app->log_window : DS_LOG_WINDOW;
}

int64_t ds_app_log_age(const ds_app *app) {
  return app->log_age > 0 ? app->log_age : DS_LOG_AGE;
}

static ds_view new_epoch(const ds_host *host, ds_arena *keep) {
  char bytes[EPOCH_BYTES];
  host->random(host->context, bytes, sizeof bytes);
  char *digits = ds_arena_take(keep, 2 * EPOCH_BYTES);
  for (int i = 0; i < EPOCH_BYTES; i++) {
    digits[2 * i] = "0123456789abcdef"[(unsigned char)bytes[i] >> 4];
    digits[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
  }
  return (ds_view){digits, 2 * EPOCH_BYTES};
}

static bool log_failure(opening *open, const char *what) {
  ds_sql_log(&open->sql, what);
  return false;
}

// 0 for a channel that never had a log.
static int64_t generation_of(const ds_storage *storage, const char *channel) {
  int64_t generation = 0;
  ds_json_int(ds_json_member(storage->generations, channel), &generation);
  return generation;
}

// Whether every channel's table still has its triggers. They are made last, and what is made later comes after them in the schema: so while its newest entry is one of them nothing has been made since,
// and only a table that was dropped and made again has lost them.
#define INTACT "(SELECT type = 'trigger' AND name GLOB 'durasync_*' FROM sqlite_master ORDER BY rowid DESC LIMIT 1)"

static bool is_intact(opening *open) {
  return open->intact || open->storage->table_count == 0 || ds_sql_first(&open->sql, DS_LITERAL("SELECT " INTACT), DS_NO_PARAMETERS);
}

// ---- Bookkeeping

// Reads the bookkeeping, and with it how far the logs of the first `logs` channels have come. False, and nothing read, if there is none.
static bool read_meta(opening *open, ds_sql *sql, uint32_t logs) {
  ds_storage *storage = open->storage;
  ds_text query = ds_text_new(open->sql.arena);
  ds_text_str(&query, "SELECT epoch, migrations, installed, generations, " INTACT ", hashes");
  for (uint32_t i = 0; i < logs; i++) {
    ds_text_str(&query, ", ");
    ds_log_add_newest(&query, ds_view_of(open->app->channels[i].name));
  }
  ds_text_str(&query, " FROM durasync_meta");
  int32_t cursor = ds_sql_open(sql, ds_text_view(&query), DS_NO_PARAMETERS);
  if (!ds_sql_next(sql, cursor)) return false;
  storage->epoch = ds_arena_copy(open->keep, ds_sql_read(sql, cursor, 0));
  open->migrations = ds_sql_integer(sql, cursor, 1);
  storage->installed = ds_arena_copy(open->keep, ds_sql_read(sql, cursor, 2));
  storage->generations = ds_arena_copy(open->keep, ds_sql_read(sql, cursor, 3));
  open->intact = ds_sql_integer(sql, cursor, 4);
  open->hashes = ds_sql_read(sql, cursor, 5);
  for (uint32_t i = 0; i < logs; i++) storage->told[i] = ds_log_read_newest(sql, cursor, 6 + i).version;
  ds_sql_close(sql, cursor);
  return true;
}

// All in one statement, as most wakes can: what is read costs less than each question. False where a table is still to be made.
static bool read_at_once(opening *open) {
  ds_sql attempt = open->sql;
  if (read_meta(open, &attempt, open->storage->table_count)) return true;
  if (attempt.status == DS_SQL_STORAGE) open->sql.status = attempt.status;
  return false;
}

static void make_meta(opening *open) {
  // Of a release that kept no hashes. To it a column more makes no difference.
  ds_view older = DS_LITERAL("SELECT 1 FROM sqlite_master WHERE name = 'durasync_meta' AND sql NOT GLOB '* hashes *'");
  if (ds_sql_first(&open->sql, older, DS_NO_PARAMETERS)) ds_sql_run(&open->sql, DS_LITERAL("ALTER TABLE durasync_meta ADD COLUMN hashes TEXT"), DS_NO_PARAMETERS);
  ds_view schema = DS_LITERAL(
    "CREATE TABLE IF NOT EXISTS durasync_meta ("
    "id INTEGER PRIMARY KEY CHECK (id = 1), epoch TEXT NOT NULL, migrations INTEGER NOT NULL, "
    "installed TEXT NOT NULL, generations TEXT NOT NULL, touched INTEGER NOT NULL, hashes TEXT) STRICT");
  ds_sql_run(&open->sql, schema, DS_NO_PARAMETERS);
}

static void begin_history(opening *open) {
  open->storage->epoch = new_epoch(open->sql.host, open->keep);
  open->storage->generations = DS_LITERAL("{}");
  open->storage->reshaped = true; // whoever is connected knew what was there before
  ds_sql_run(&open->sql, ds_view_of(ds_client_schema), DS_NO_PARAMETERS);
  ds_sql_run(&open->sql, ds_view_of(ds_log_mark_schema), DS_NO_PARAMETERS);
  ds_sql_run(&open->sql, DS_LITERAL("INSERT INTO durasync_meta VALUES (1, ?1, 0, '', '{}', 0, NULL)"), DS_PARAMETERS(open->storage->epoch));
}

// The channel begins a new log, and a new generation: what its subscribers have seen is known no more.
static void give_up_log(opening *open, uint32_t at) {
  ds_view note = DS_LITERAL("UPDATE durasync_meta SET installed = 'lost', touched = touched | (1 << ?1)");
  ds_text drop = ds_text_new(open->sql.arena);
  ds_text_str(&drop, "DROP TABLE IF EXISTS ");
  ds_log_own_name(&drop, DS_LITERAL("log"), ds_view_of(open->app->channels[at].name));
  open->sql.host->log(open->sql.host->context, DS_LITERAL("a change log is gone or broken: its channel is fetched anew"));
  ds_sql_run(&open->sql, ds_text_view(&drop), DS_NO_PARAMETERS);
  ds_sql_run(&open->sql, note, DS_PARAMETERS(ds_sql_number(&open->sql, at)));
  open->storage->installed = DS_LITERAL("lost");
}

static bool log_is_there(opening *open, const char *channel) {
  ds_view query = DS_LITERAL("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'durasync_log_' || ?1");
  return ds_sql_first(&open->sql, query, DS_PARAMETERS(ds_view_of(channel))) > 0;
}

static void read_one_by_one(opening *open) {
  make_meta(open);
  if (!read_meta(open, &open->sql, 0)) begin_history(open);
  for (uint32_t i = 0; i < open->storage->table_count; i++) {
    const char *channel = open->app->channels[i].name;
    bool logged = generation_of(open->storage, channel) > 0;
    if (logged && !log_is_there(open, channel)) give_up_log(open, i);
    else if (logged) open->storage->told[i] = ds_log_version(&open->sql, ds_view_of(channel));
  }
}

// ---- Migrations

static bool log_rejection(opening *open, const char *what, const ds_outcome *outcome) {
  ds_text line = ds_text_new(open->sql.arena);
  ds_text_str(&line, what);
  ds_text_str(&line, ": ");
  ds_text_add(&line, outcome->message);
  open->sql.host->log(open->sql.host->context, ds_text_view(&line));
  return false;
}

// "<what>: <message> (migration 3, migrations[2])". People count from one, arrays from zero.
static bool log_migration(opening *open, const char *what, int64_t number, ds_view message) {
  ds_text line = ds_text_new(open->sql.arena);
  ds_text_str(&line, what);
  ds_text_fill(&line, ": # (migration #, migrations[#])", DS_VALUES(message, ds_number(line.arena, number + 1), ds_number(line.arena, number)));
  open->sql.host->log(open->sql.host->context, ds_text_view(&line));
  return false;
}

static ds_outcome run_sql(opening *open, ds_view sql) {
  if (sql.size) ds_sql_run(&open->sql, sql, DS_NO_PARAMETERS);
  if (open->sql.status == DS_SQL_DONE) return (ds_outcome){0};
  ds_view message = ds_host_text(open->sql.host, open->sql.arena, open->sql.host->sql_message(open->sql.host->context));
  return (ds_outcome){.code = DS_INTERNAL, .message = message};
}

static ds_outcome run_migration(opening *open, const ds_migration *migration) {
  if (migration->sql) return run_sql(open, ds_migration_statements(ds_view_of(migration->sql)));
  int64_t now = open->sql.host->now(open->sql.host->context);
  return ds_handler_run(migration->run, &open->sql, (ds_view){0}, ds_sql_number(&open->sql, open->migrations), (ds_view){0}, now);
}

static bool has(ds_view text, const char *part) {
  size_t size = strlen(part);
  for (size_t at = 0; at + size <= text.size; at++)
    if (memcmp(text.at + at, part, size) == 0) return true;
  return false;
}

// Whether the migration is one that foreign keys have to be off for: it says so, a key has stopped it, or it has made a table again that keys refer to, and so has lost what refers to it.
static bool needs_keys_off(opening *open, const ds_migration *migration, const ds_outcome *outcome, ds_view parents) {
  if (outcome->keys_off) return true;
  if (outcome->code == DS_OK) return ds_keys_remade(&open->sql, parents);
  return migration->sql ? has(outcome->message, "FOREIGN KEY constraint failed") : has(outcome->data, "\"foreign key\"");
}

// What foreign keys did not look at is looked at now.
static bool keys_hold(opening *open, ds_view before) {
  ds_view table = ds_keys_violated(&open->sql, before);
  if (open->sql.status != DS_SQL_DONE) return log_failure(open, "foreign keys could not be checked");
  if (ds_view_absent(table)) return true;
  ds_text message = ds_text_new(open->sql.arena);
  ds_text_fill(&message, "it leaves rows of # that refer to no row: FOREIGN KEY constraint failed", &table);
  return log_migration(open, "a migration failed", open->migrations, ds_text_view(&message));
}

static bool run_with_keys_off(opening *open, const ds_migration *migration) {
  ds_view before = ds_keys_violations(&open->sql);
  ds_outcome outcome = run_migration(open, migration);
  if (outcome.code != DS_OK) return log_migration(open, "a migration failed", open->migrations, outcome.message);
  return keys_hold(open, before);
}

// False, and noted, for one that is to be run apart.
static bool run_with_keys_on(opening *open, const ds_migration *migration) {
  bool apart = migration->sql && ds_migration_turns_keys_off(ds_view_of(migration->sql));
  if (!apart) {
    ds_view parents = open->migrations == 0 ? DS_LITERAL("{}") : ds_keys_parents(&open->sql); // before the first there is no table
    ds_outcome outcome = run_migration(open, migration);
    apart = needs_keys_off(open, migration, &outcome, parents);
    if (!apart && outcome.code == DS_OK) return true;
    if (!apart) return log_migration(open, "a migration failed", open->migrations, outcome.message);
  }
  open->storage->apart = true;
  open->storage->apart_at = open->migrations;
  open->storage->before_ran = open->migrations == open->ran;
  return false;
}

// The hashes of the first `count` migrations.
static ds_view hashes_of(opening *open, int64_t count) {
  ds_text json = ds_text_new(open->sql.arena);
  for (int64_t i = 0; i < count; i++) {
    const char *sql = open->app->migrations[i].sql;
    ds_text_str(&json, i ? "," : "[");
    if (sql) ds_text_json(&json, ds_migration_hash(json.arena, ds_view_of(sql)));
    else ds_text_str(&json, "null");
  }
  ds_text_str(&json, count ? "]" : "[]");
  return ds_text_view(&json);
}

// Says which of the migrations that have run are not what they were then. What ran under a release that kept no hashes is not judged, and known from now on.
static void judge(opening *open) {
  if (!ds_json_validate(open->hashes, NULL)) open->hashes = DS_LITERAL("[]");
  ds_view now = hashes_of(open, open->migrations);
  if (ds_view_equal(now, open->hashes)) return;
  ds_json_iterator then = ds_json_iterate(open->hashes);
  ds_json_iterator other = ds_json_iterate(now);
  int64_t judged = 0;
  for (; ds_json_next(&then) && ds_json_next(&other); judged++) {
    bool was_function = ds_json_type(then.value) != DS_JSON_STRING;
    if (was_function || ds_view_equal(then.value, other.value)) continue;
    ds_view advice = DS_LITERAL("what it did stays; add another one instead");
    log_migration(open, "a migration has changed since it ran", judged, advice);
  }
  if (judged == open->migrations) return;
  ds_sql_run(&open->sql, DS_LITERAL("UPDATE durasync_meta SET hashes = ?1"), DS_PARAMETERS(now));
}

// The triggers that note changes give way to those that note that there was one.
static void watch(opening *open) {
  ds_triggers_drop(&open->sql);
  for (uint32_t i = 0; i < open->storage->table_count; i++) ds_triggers_watch(&open->sql, &open->app->channels[i], i);
}

static bool note_migrations(opening *open) {
  ds_view done = ds_sql_number(&open->sql, open->migrations);
  open->storage->installed = (ds_view){0};
  ds_view note = DS_LITERAL("UPDATE durasync_meta SET migrations = ?1, installed = '', hashes = ?2");
  ds_sql_run(&open->sql, note, DS_PARAMETERS(done, hashes_of(open, open->migrations)));
  return open->sql.status == DS_SQL_DONE || log_failure(open, "a migration could not be noted");
}

static bool migrate(opening *open) {
  const ds_migration *migrations = open->app->migrations;
  int64_t count = 0;
  while (migrations && (migrations[count].sql || migrations[count].run)) count++;
  if (open->migrations < 0 || open->migrations > count) {
    ds_view line = DS_LITERAL("the storage has been migrated further than this app knows: it was written by newer code");
    open->sql.host->log(open->sql.host->context, line);
    return false;
  }
  judge(open);
  open->ran = open->migrations;
  if (open->until < 0) open->until = count;
  if (open->migrations >= open->until) return open->sql.status == DS_SQL_DONE || log_failure(open, "the bookkeeping failed");
  watch(open);
  for (; open->migrations < open->until; open->migrations++)
    if (!(open->storage->keys_off ? run_with_keys_off : run_with_keys_on)(open, &migrations[open->migrations])) return false;
  return note_migrations(open);
}

static bool count_channels(opening *open) {
  const ds_channel *channels = open->app->channels;
  uint32_t count = 0;
  while (channels && channels[count].name) count++;
  open->storage->table_count = count;
  if (count <= DS_MAX_CHANNELS) return true;
  open->sql.host->log(open->sql.host->context, DS_LITERAL("the app declares more than 64 channels"));
  return false;
}

// What the channels' subscribers have been told of is read before anything happens: all of it, in the app's own start for example, is news. Migrations change no log.
static int32_t migrate_step(void *argument) {
  opening *open = argument;
  if (!count_channels(open)) return 1;
  if (!read_at_once(open)) read_one_by_one(open);
  if (open->sql.status != DS_SQL_DONE) log_failure(open, "the bookkeeping could not be read");
  open->storage->migrated = open->sql.status == DS_SQL_DONE && migrate(open);
  return open->storage->migrated ? 0 : 1;
}

// Runs a step of waking.
static bool run_step(int32_t (*step)(void *argument), ds_storage *storage, const ds_app *app, const ds_host *host, ds_arena *keep, ds_arena *arena) {
  opening open = {.storage = storage, .app = app, .keep = keep, .until = -1, .sql = {.host = host, .arena = arena}};
  return host->atomic(host->context, step, &open) == 0;
}

bool ds_storage_migrate(ds_storage *storage, const ds_app *app, const ds_host *host, ds_arena *keep, ds_arena *arena) {
  return run_step(migrate_step, storage, app, host, keep, arena);
}

// ---- Tables

static bool describe_tables(opening *open) {
  ds_storage *storage = open->storage;
  storage->tables = ds_arena_take(open->keep, (storage->table_count + 1) * sizeof *storage->tables);
  for (uint32_t i = 0; i < storage->table_count; i++) {
    if (ds_table_describe(&storage->tables[i], &open->sql, open->keep, &open->app->channels[i])) continue;
    return open->sql.status == DS_SQL_DONE ? false : log_failure(open, "a table could not be described");
  }
  return true;
}

// A foreign key that is checked at the commit fails outside of every action: nobody could be told, and the same actions would bring the object down again and again.
static bool no_deferred_keys(opening *open) {
  ds_view query = DS_LITERAL("SELECT name FROM sqlite_master WHERE type = 'table' AND "
                             "replace(replace(replace(upper(sql), char(9), ' '), char(10), ' '), char(13), ' ') GLOB '*INITIALLY *DEFERRED*'");
  int32_t cursor = ds_sql_open(&open->sql, query, DS_NO_PARAMETERS);
  bool found = ds_sql_next(&open->sql, cursor);
  ds_sql_close(&open->sql, cursor);
  if (!found) return true;
  ds_view line = DS_LITERAL("a foreign key is INITIALLY DEFERRED: it could only fail at the commit, beyond any action");
  open->sql.host->log(open->sql.host->context, line);
  return false;
}

static ds_view install_hash(opening *open) {
  ds_text all = ds_text_new(open->sql.arena);
  ds_text_int(&all, DS_TRIGGERS_FORMAT);
  for (uint32_t i = 0; i < open->storage->table_count; i++) ds_table_fingerprint(&all, &open->storage->tables[i]);
  return ds_hash(open->sql.arena, ds_text_view(&all));
}

static void install_table(opening *open, const ds_table *table) {
  for (uint32_t at = 0;; at++) {
    ds_text statement = ds_text_new(open->sql.arena);
    if (!ds_triggers_sql(&statement, table, at)) return;
    ds_sql_run(&open->sql, ds_text_view(&statement), DS_NO_PARAMETERS);
  }
}

// ---- Generations

static uint64_t touched_channels(opening *open) {
  int64_t touched = 0;
  int32_t cursor = ds_sql_open(&open->sql, DS_LITERAL("SELECT CAST(touched AS TEXT) FROM durasync_meta"), DS_NO_PARAMETERS);
  if (ds_sql_next(&open->sql, cursor)) ds_json_int(ds_sql_read(&open->sql, cursor, 0), &touched);
  ds_sql_close(&open->sql, cursor);
  return (uint64_t)touched;
}

static void add_generation(ds_text *json, ds_view channel, int64_t generation) {
  if (json->size > 1) ds_text_str(json, ",");
  ds_text_fill(json, "$:#", DS_VALUES(channel, ds_number(json->arena, generation)));
}

static bool is_declared(const ds_storage *storage, const ds_json_iterator *item) {
  for (uint32_t i = 0; i < storage->table_count; i++)
    if (ds_json_is_string(item->name, storage->tables[i].declared->name)) return true;
  return false;
}

// The generations from now on. Those of channels that are declared no more are kept: their logs are, too.
static ds_view new_generations(opening *open) {
  const ds_storage *storage = open->storage;
  uint64_t touched = touched_channels(open);
  ds_text json = ds_text_new(open->sql.arena);
  ds_text_str(&json, "{");
  for (uint32_t i = 0; i < storage->table_count; i++) {
    const ds_table *table = &storage->tables[i];
    bool missed = (touched >> i & 1) || !ds_triggers_watched(&open->sql, table);
    add_generation(&json, table->channel, generation_of(storage, table->declared->name) + (missed ? 1 : 0));
  }
  for (ds_json_iterator item = ds_json_iterate(storage->generations); ds_json_next(&item);) {
    int64_t generation = 0;
    if (is_declared(storage, &item) || !ds_json_int(item.value, &generation)) continue;
    add_generation(&json, ds_json_string(open->sql.arena, item.name), generation);
  }
  ds_text_str(&json, "}");
  return ds_arena_copy(open->keep, ds_text_view(&json));
}

// Logs "channel <name>: <why>".
static bool refuse_channel(opening *open, const ds_table *table, const char *why) {
  ds_text line = ds_text_new(open->sql.arena);
  ds_text_fill(&line, "channel $: #", DS_VALUES(table->channel, ds_view_of(why)));
  open->sql.host->log(open->sql.host->context, ds_text_view(&line));
  return false;
}

static bool log_channel_failure(opening *open, const ds_table *table, const char *what) {
  ds_text line = ds_text_new(open->sql.arena);
  ds_text_fill(&line, "channel $: #", DS_VALUES(table->channel, ds_view_of(what)));
  ds_text_add(&line, (ds_view){"", 1});
  return log_failure(open, ds_text_view(&line).at);
}

static bool can_ask(opening *open, const ds_table *table) {
  if (open->sql.status != DS_SQL_DONE) return log_channel_failure(open, table, "its triggers could not be made");
  if (ds_log_asks(&open->sql, table)) return open->sql.status == DS_SQL_DONE || log_channel_failure(open, table, "its `where` cannot be asked");
  return refuse_channel(open, table, table->by_reader
    ? "its `where` asks who reads, and its table has a COLLATE: leave it out there, and say it in the `where`"
    : "its `where` can fail for a row, and its table has a COLLATE: leave it out there, and say it in the `where`");
}

static bool install_triggers(opening *open) {
  ds_storage *storage = open->storage;
  ds_view hash = install_hash(open);
  bool known = ds_view_equal(hash, storage->installed);
  if (known && is_intact(open)) return true;
  if (!no_deferred_keys(open)) return false;
  ds_view before = storage->generations;
  storage->generations = new_generations(open);
  bool unannounced = storage->installed.size > 0; // it is empty in a new object, and after a migration
  storage->reshaped |= unannounced && !(known && ds_view_equal(storage->generations, before));
  storage->installed = ds_arena_copy(open->keep, hash);
  ds_triggers_drop(&open->sql);
  for (uint32_t i = 0; i < storage->table_count; i++) {
    ds_log_refit(&open->sql, &storage->tables[i]);
    install_table(open, &storage->tables[i]);
    if (!can_ask(open, &storage->tables[i])) return false;
  }
  ds_view note = DS_LITERAL("UPDATE durasync_meta SET installed = ?1, generations = ?2, touched = 0");
  ds_sql_run(&open->sql, note, DS_PARAMETERS(hash, storage->generations));
  return open->sql.status == DS_SQL_DONE || log_failure(open, "the triggers could not be made");
}

static bool start_app(opening *open) {
  int64_t now = open->sql.host->now(open->sql.host->context);
  ds_outcome outcome = ds_handler_run(open->app->on[DS_ON_START], &open->sql, (ds_view){0}, (ds_view){0}, (ds_view){0}, now);
  return outcome.code == DS_OK || log_rejection(open, "the app could not start", &outcome);
}

static int32_t open_step(void *argument) {
  opening *open = argument;
  ds_storage *storage = open->storage;
  if (!storage->migrated && migrate_step(open) != 0) return 1;
  if (open->app->on[DS_ON_START]) open->intact = false; // it may do what it likes
  if (!start_app(open) || !describe_tables(open) || !install_triggers(open)) return 1;
  for (uint32_t i = 0; i < storage->table_count; i++) {
    ds_table *table = &storage->tables[i];
    ds_table_shape(table, open->sql.arena, open->keep, generation_of(storage, table->declared->name));
    table->version = storage->told[i];
  }
  return 0;
}

bool ds_storage_open(ds_storage *storage, const ds_app *app, const ds_host *host, ds_arena *keep, ds_arena *arena) {
  return run_step(open_step, storage, app, host, keep, arena);
}

// ---- Migrations that run apart

static bool is_there(const ds_migration *migration) {
  return migration->sql || migration->run;
}

// What is to run before the one that runs apart, in a commit before its own.
static int32_t before_step(void *argument) {
  opening *open = argument;
  open->until = open->storage->apart_at;
  return migrate_step(open);
}

// That one, those behind it which say that they need it, and the tables if nothing else is to be done: so nothing remains of a migration after which they do not fit.
static int32_t apart_step(void *argument) {
  opening *open = argument;
  const ds_migration *migrations = open->app->migrations;
  open->until = open->storage->apart_at + 1;
  while (migrations[open->until].sql && ds_migration_turns_keys_off(ds_view_of(migrations[open->until].sql))) open->until++;
  if (migrate_step(open) != 0) return 1;
  if (open->app->on[DS_ON_START] || !open->storage->whole || is_there(&migrations[open->until])) return 0;
  return describe_tables(open) && install_triggers(open) ? 0 : 1;
}

// Switches foreign keys, and reads back whether they are: within a transaction the PRAGMA does nothing.
static bool switch_keys(ds_sql *sql, bool on) {
  ds_sql_run(sql, on ? DS_LITERAL("PRAGMA foreign_keys = ON") : DS_LITERAL("PRAGMA foreign_keys = OFF"), DS_NO_PARAMETERS);
  return ds_sql_first(sql, DS_LITERAL("PRAGMA foreign_keys"), DS_NO_PARAMETERS) == on && sql->status == DS_SQL_DONE;
}

static ds_apart give_up_or_commit(ds_storage *storage, const ds_host *host) {
  if (++storage->keys_tries < KEYS_TRIES) return DS_APART_COMMIT;
  host->log(host->context, DS_LITERAL("foreign keys could not be switched, since a transaction does not end"));
  if (storage->keys_off) ds_panic(); // rather no instance than one that goes on without them
  storage->apart = false;
  return DS_APART_NOTHING;
}

static ds_apart run_apart(ds_storage *storage, const ds_app *app, const ds_host *host, ds_arena *keep, ds_arena *arena) {
  ds_sql sql = {.host = host, .arena = arena};
  if (!storage->before_ran) storage->before_ran = run_step(before_step, storage, app, host, keep, arena);
  storage->migrated = false;
  if (!storage->before_ran) return storage->apart = false, DS_APART_NOTHING;
  storage->keys_on = ds_sql_first(&sql, DS_LITERAL("PRAGMA foreign_keys"), DS_NO_PARAMETERS) > 0;
  if (!switch_keys(&sql, false)) return give_up_or_commit(storage, host);
  storage->keys_off = true;
  storage->keys_tries = 0;
  storage->apart_failed = !run_step(apart_step, storage, app, host, keep, arena);
  storage->migrated = false;
  return DS_APART_COMMIT;
}

ds_apart ds_storage_apart(ds_storage *storage, const ds_app *app, const ds_host *host, ds_arena *keep, ds_arena *arena, bool whole) {
  storage->whole = whole;
  if (!storage->apart) return DS_APART_NOTHING;
  if (!storage->keys_off) return run_apart(storage, app, host, keep, arena);
  ds_sql sql = {.host = host, .arena = arena};
  if (!switch_keys(&sql, storage->keys_on)) return give_up_or_commit(storage, host);
  storage->keys_off = storage->apart = false;
  storage->keys_tries = 0;
  return storage->apart_failed ? DS_APART_NOTHING : DS_APART_START;
}

// ---- Looking again

// What was dropped of the bookkeeping is made again, a log that is gone or broken is given up. False if one was.
static bool mend_bookkeeping(opening *open) {
  bool whole = true;
  ds_sql_run(&open->sql, ds_view_of(ds_client_schema), DS_NO_PARAMETERS);
  ds_sql_run(&open->sql, ds_view_of(ds_log_mark_schema), DS_NO_PARAMETERS);
  for (uint32_t i = 0; i < open->storage->table_count; i++) {
    if (ds_log_intact(&open->sql, ds_view_of(open->app->channels[i].name))) continue;
    give_up_log(open, i);
    whole = false;
  }
  return whole && ds_sql_first(&open->sql, DS_LITERAL("SELECT count(*) FROM durasync_meta"), DS_NO_PARAMETERS) == 1;
}

bool ds_storage_current(const ds_storage *storage, const ds_app *app, const ds_host *host, ds_arena *arena) {
  ds_storage now = {.table_count = storage->table_count};
  opening open = {.storage = &now, .app = app, .keep = arena, .sql = {.host = host, .arena = arena}};
  return describe_tables(&open) && ds_view_equal(install_hash(&open), storage->installed) && is_intact(&open) && mend_bookkeeping(&open);
}

bool ds_storage_renew(ds_storage *storage, const ds_host *host, ds_arena *keep, ds_arena *arena) {
  ds_sql sql = {.host = host, .arena = arena};
  ds_view epoch = new_epoch(host, keep);
  ds_clients_greet_all(&sql, host->now(host->context));
  ds_sql_run(&sql, DS_LITERAL("UPDATE durasync_meta SET epoch = ?1"), DS_PARAMETERS(epoch));
  if (sql.status != DS_SQL_DONE) {
    ds_sql_log(&sql, "the epoch could not be renewed");
    return false;
  }
  storage->epoch = epoch;
  return true;
}
