// SPDX-License-Identifier: MIT
#include "storage.h"

#include "client.h"
#include "log.h"

enum { EPOCH_BYTES = 8 };

// The transaction's argument.
typedef struct opening {
  ds_storage *storage;
  const ds_app *app;
  ds_arena *keep;
  ds_sql sql;
  int64_t migrations; // run so far
  ds_view installed;
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

static void create_bookkeeping(opening *open) {
  ds_view meta = DS_LITERAL(
    "CREATE TABLE IF NOT EXISTS durasync_meta ("
    "id INTEGER PRIMARY KEY CHECK (id = 1), epoch TEXT NOT NULL, migrations INTEGER NOT NULL, installed TEXT NOT NULL) STRICT");
  ds_sql_run(&open->sql, meta, DS_NO_PARAMETERS);
  ds_sql_run(&open->sql, ds_view_of(ds_client_schema), DS_NO_PARAMETERS);
  ds_sql_run(&open->sql, ds_view_of(ds_log_mark_schema), DS_NO_PARAMETERS);
}

static void read_meta(opening *open) {
  ds_view query = DS_LITERAL("SELECT epoch, migrations, installed FROM durasync_meta");
  int32_t cursor = ds_sql_open(&open->sql, query, DS_NO_PARAMETERS);
  bool found = ds_sql_next(&open->sql, cursor);
  if (found) {
    open->storage->epoch = ds_arena_copy(open->keep, ds_sql_read(&open->sql, cursor, 0));
    open->migrations = ds_sql_integer(&open->sql, cursor, 1);
    open->installed = ds_sql_read(&open->sql, cursor, 2);
  }
  ds_sql_close(&open->sql, cursor);
  if (found) return;
  open->storage->epoch = new_epoch(open->sql.host, open->keep);
  ds_sql_run(&open->sql, DS_LITERAL("INSERT INTO durasync_meta VALUES (1, ?1, 0, '')"), DS_PARAMETERS(open->storage->epoch));
}

static bool log_failure(opening *open, const char *what) {
  ds_sql_log(&open->sql, what);
  return false;
}

static bool migrate(opening *open) {
  int64_t count = 0;
  while (open->app->migrations && open->app->migrations[count]) count++;
  if (open->migrations > count) {
    ds_view line = DS_LITERAL("the storage has been migrated further than this app knows: it was written by newer code");
    open->sql.host->log(open->sql.host->context, line);
    return false;
  }
  if (open->migrations == count) return true;
  // Triggers name columns, and SQLite refuses to drop what a trigger names.
  ds_log_drop_triggers(&open->sql);
  open->installed = (ds_view){0};
  for (; open->migrations < count && open->sql.status == DS_SQL_DONE; open->migrations++)
    ds_sql_run(&open->sql, ds_view_of(open->app->migrations[open->migrations]), DS_NO_PARAMETERS);
  ds_view done = ds_sql_number(&open->sql, count);
  ds_sql_run(&open->sql, DS_LITERAL("UPDATE durasync_meta SET migrations = CAST(?1 AS INTEGER)"), DS_PARAMETERS(done));
  return open->sql.status == DS_SQL_DONE || log_failure(open, "a migration failed");
}

static bool describe_tables(opening *open) {
  ds_storage *storage = open->storage;
  const ds_channel *channels = open->app->channels;
  while (channels && channels[storage->table_count].name) storage->table_count++;
  if (storage->table_count > DS_MAX_CHANNELS) {
    open->sql.host->log(open->sql.host->context, DS_LITERAL("the app declares more than 64 channels"));
    return false;
  }
  storage->tables = ds_arena_take(open->keep, (storage->table_count + 1) * sizeof *storage->tables);
  for (uint32_t i = 0; i < storage->table_count; i++) {
    // What a migration did to rows while no trigger watched is told to clients by a shape that they do not know.
    if (ds_table_describe(&storage->tables[i], &open->sql, open->keep, &channels[i], open->migrations)) continue;
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
  ds_view line = DS_LITERAL("a foreign key is INITIALLY DEFERRED: it could only fail at the commit, beyond any action; declare it without that");
  open->sql.host->log(open->sql.host->context, line);
  return false;
}

static ds_view install_hash(opening *open) {
  ds_text all = ds_text_new(open->sql.arena);
  for (uint32_t i = 0; i < open->storage->table_count; i++)
    for (uint32_t at = 0; ds_log_install_sql(&all, &open->storage->tables[i], at); at++) continue;
  return ds_hash(open->sql.arena, ds_text_view(&all));
}

static void install_table(opening *open, const ds_table *table) {
  for (uint32_t at = 0;; at++) {
    ds_text statement = ds_text_new(open->sql.arena);
    if (!ds_log_install_sql(&statement, table, at)) return;
    if (statement.size) ds_sql_run(&open->sql, ds_text_view(&statement), DS_NO_PARAMETERS);
  }
}

static bool install_triggers(opening *open) {
  ds_view hash = install_hash(open);
  if (ds_view_equal(hash, open->installed)) return true;
  if (!no_deferred_keys(open)) return false;
  ds_log_drop_triggers(&open->sql);
  for (uint32_t i = 0; i < open->storage->table_count; i++) install_table(open, &open->storage->tables[i]);
  ds_sql_run(&open->sql, DS_LITERAL("UPDATE durasync_meta SET installed = ?1"), DS_PARAMETERS(hash));
  return open->sql.status == DS_SQL_DONE || log_failure(open, "the triggers could not be made");
}

static int32_t open_step(void *argument) {
  opening *open = argument;
  create_bookkeeping(open);
  read_meta(open);
  if (open->sql.status != DS_SQL_DONE) log_failure(open, "the bookkeeping could not be read");
  bool ready = open->sql.status == DS_SQL_DONE && migrate(open) && describe_tables(open) && install_triggers(open);
  for (uint32_t i = 0; ready && i < open->storage->table_count; i++)
    open->storage->tables[i].version = ds_log_version(&open->sql, &open->storage->tables[i]);
  if (ready && open->sql.status != DS_SQL_DONE) ready = log_failure(open, "a change log could not be read");
  return ready ? 0 : 1;
}

bool ds_storage_open(ds_storage *storage, const ds_app *app, const ds_host *host, ds_arena *keep, ds_arena *arena) {
  opening open = {.storage = storage, .app = app, .keep = keep, .sql = {.host = host, .arena = arena}};
  // Without this a REPLACE would delete rows without firing their triggers. It holds for the connection, so it is said at every start.
  ds_sql_run(&open.sql, DS_LITERAL("PRAGMA recursive_triggers = ON"), DS_NO_PARAMETERS);
  return host->atomic(host->context, open_step, &open) == 0;
}

bool ds_storage_renew(ds_storage *storage, const ds_host *host, ds_arena *keep, ds_arena *arena) {
  ds_sql sql = {.host = host, .arena = arena};
  ds_view epoch = new_epoch(host, keep);
  ds_sql_run(&sql, DS_LITERAL("UPDATE durasync_meta SET epoch = ?1"), DS_PARAMETERS(epoch));
  if (sql.status != DS_SQL_DONE) {
    ds_sql_log(&sql, "the epoch could not be renewed");
    return false;
  }
  storage->epoch = epoch;
  return true;
}
