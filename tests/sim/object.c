// SPDX-License-Identifier: MIT
#include "object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/json.h"
#include "../../src/limits.h"
#include "fail.h"
#include "rows.h"
#include "tally.h"

// Of the sanitizers' runtime; GCC brings it without its header.
extern size_t __sanitizer_get_current_allocated_bytes(void);

// Bytes that a core may hold between turns, under the simulator's small caps: a few chunks of its arenas.
enum { MAX_IDLE_BYTES = 1 << 20 };

// Bytes of a frame around what DS_MAX_PATCH counts, and around each of its changes: names, versions, shapes, brackets.
enum { FRAME_AROUND = 512, CHANGE_AROUND = 160 };

// ---- Life and death

static void interrupt(void *argument) {
  object *o = argument;
  if (o->crash_in && --o->crash_in == 0) longjmp(o->death, 1);
}

void object_init(object *o) {
  o->host = sqlite_host_new(":memory:");
  o->host->interrupt = interrupt;
  o->host->interrupt_argument = o;
  o->era = history_begin(&o->history, false);
}

void object_free(object *o) {
  ds_core_free(o->core);
  sqlite_host_free(o->host);
  for (int i = 0; i < BACKUPS; i++) sqlite3_close(o->backups[i]);
  history_free(&o->history);
}

static void close_all(object *o) {
  for (ds_socket socket = -1; (socket = o->host->calls.socket_after(o->host, socket)) >= 0;) {
    sqlite_host_close_socket(o->host, socket);
    o->closed(o->world, socket);
  }
}

void object_die(object *o) {
  close_all(o);
  sqlite_host_crash(o->host);
  ds_core_free(o->core);
  o->core = NULL;
  o->watched = NULL;
  o->crash_in = 0;
  o->host->fail_at = 0;
}

void object_sleep(object *o) {
  if (!o->core) return;
  size_t before = __sanitizer_get_current_allocated_bytes();
  ds_core_free(o->core);
  o->core = NULL;
  o->watched = NULL;
  size_t held = before - __sanitizer_get_current_allocated_bytes();
  if (held > MAX_IDLE_BYTES) sim_fail("an idle core held %zu bytes", held);
}

// ---- Watching

int64_t object_ask(object *o, const char *query) {
  sqlite3_stmt *row = sqlite_host_prepare(o->host, query);
  if (!row) return -1;
  int64_t answer = sqlite3_step(row) == SQLITE_ROW ? sqlite3_column_int64(row, 0) : -1;
  sqlite_host_give_back(o->host, row);
  return answer;
}

// Calls `take` with each record of a channel.
static void each_record(object *o, uint32_t channel, void (*take)(object *o, uint32_t channel, sqlite3_stmt *row, ds_view record, holding *to), holding *to) {
  const char *query = records_query(o->generation, channel);
  sqlite3_stmt *row = sqlite_host_prepare(o->host, query);
  if (!row) sim_fail("%s: %s", query, sqlite3_errmsg(o->host->database));
  while (sqlite3_step(row) == SQLITE_ROW) take(o, channel, row, (ds_view){(const char *)sqlite3_column_text(row, 0), (size_t)sqlite3_column_bytes(row, 0)}, to);
  sqlite_host_give_back(o->host, row);
}

static void add_record(object *o, uint32_t channel, sqlite3_stmt *row, ds_view record, holding *to) {
  (void)o, (void)channel;
  uint64_t hash = row_hash(record);
  uint32_t readers = (uint32_t)sqlite3_column_int(row, 1);
  for (uint32_t reader = 0; reader < READERS; reader++) {
    if (!(readers >> reader & 1)) continue;
    to->contents[reader] += hash;
    to->counts[reader]++;
  }
}

static void note_record(object *o, uint32_t channel, sqlite3_stmt *row, ds_view record, holding *to) {
  add_record(o, channel, row, record, to);
  if (!is_personal(channel)) return;
  ds_view key = {(const char *)sqlite3_column_text(row, 2), (size_t)sqlite3_column_bytes(row, 2)};
  history_note_record(&o->history, channel, key, row_hash(record), (uint32_t)sqlite3_column_int(row, 1));
}

holding object_holding(object *o, uint32_t channel) {
  holding all = {0};
  each_record(o, channel, add_record, &all);
  return all;
}

// The era ends where the epoch is new, or migrations have run.
static void watch_era(object *o) {
  char epoch[32] = "";
  sqlite3_stmt *row = sqlite_host_prepare(o->host, "SELECT epoch, migrations FROM durasync_meta");
  if (!row) return;
  if (sqlite3_step(row) == SQLITE_ROW) {
    snprintf(epoch, sizeof epoch, "%s", (const char *)sqlite3_column_text(row, 0));
    int64_t migrations = sqlite3_column_int64(row, 1);
    bool renewed = strcmp(epoch, o->epoch) != 0;
    if (renewed || migrations != o->migrations) o->era = history_begin(&o->history, !renewed);
    o->migrations = migrations;
    memcpy(o->epoch, epoch, sizeof epoch);
  }
  sqlite_host_give_back(o->host, row);
}

static void watch_glimpses(object *o) {
  sqlite3_stmt *row = sqlite_host_prepare(o->host, glimpses_query(o->generation));
  if (!row) sim_fail("%s", sqlite3_errmsg(o->host->database));
  while (sqlite3_step(row) == SQLITE_ROW) {
    ds_view key = {(const char *)sqlite3_column_text(row, 0), (size_t)sqlite3_column_bytes(row, 0)};
    history_note_record(&o->history, CARDS, key, 0, (uint32_t)sqlite3_column_int(row, 1));
    history_note_record(&o->history, TEAM, key, 0, (uint32_t)sqlite3_column_int(row, 2));
    history_note_record(&o->history, STAFF, key, 0, UINT32_MAX);
  }
  sqlite_host_give_back(o->host, row);
  sqlite3_exec(o->host->database, "DELETE FROM glimpses", NULL, NULL, NULL);
}

// Notes what has been committed, if anything has.
static void watch(object *o) {
  if (!o->ready || (sqlite3_total_changes(o->host->database) == o->changes && o->core == o->watched)) return;
  o->watched = o->core;
  watch_era(o);
  o->history.commit++;
  watch_glimpses(o);
  o->changes = sqlite3_total_changes(o->host->database);
  for (uint32_t channel = 0; channel < CHANNELS; channel++) {
    if (!records_query(o->generation, channel)) continue;
    char query[80];
    holding all = {0};
    each_record(o, channel, note_record, &all);
    snprintf(query, sizeof query, "SELECT ifnull(max(version), 0) FROM durasync_log_%s", channel_names[channel]);
    history_note(&o->history, channel, object_ask(o, query), all.contents);
  }
}

// ---- Turns

static void wake(object *o) {
  if (o->core) return;
  o->core = ds_core_new(&generations[o->generation], &o->host->calls);
  o->ready = ds_core_start(o->core);
  sqlite_host_end_turn(o->host);
  watch(o);
}

// No frame is larger than its caps say. Version 1 knows no pages.
static void check_size(ds_view frame) {
  size_t changes = 0;
  bool first_version = !ds_view_absent(ds_json_member(frame, "sync")) || !ds_view_absent(ds_json_member(frame, "broadcast"));
  if (first_version && frame.size <= DS_MAX_WHOLE_TABLE + FRAME_AROUND) return;
  for (ds_json_iterator change = ds_json_iterate(ds_json_member(frame, "changes")); ds_json_next(&change);) changes++;
  size_t cap = DS_MAX_PATCH + FRAME_AROUND + changes * CHANGE_AROUND;
  if (frame.size > cap) sim_fail("a frame of %zu bytes, where %zu are allowed: %.300s", frame.size, cap, frame.at);
}

static void carry_out(object *o, const ds_delivery *delivery) {
  ds_view text = sqlite_host_join(o->host, delivery);
  if (delivery->kind == DS_DELIVERY_SEND) check_size(text);
  for (uint32_t i = 0; i < delivery->socket_count; i++) {
    ds_socket socket = delivery->sockets[i];
    if (!sqlite_host_is_open(o->host, socket)) continue;
    if (delivery->kind == DS_DELIVERY_ATTACH) sqlite_host_attach(o->host, socket, text);
    else if (delivery->kind == DS_DELIVERY_AGAIN) o->again(o->world, socket, text);
    else if (delivery->kind == DS_DELIVERY_SEND) {
      if (o->host->calls.socket_backlog(o->host, socket) > DS_MAX_BACKLOG) sim_fail("a frame for a reader that does not read");
      o->sent(o->world, socket, text, o->era);
    }
    else {
      sqlite_host_close_socket(o->host, socket);
      o->closed(o->world, socket);
      ds_core_close(o->core, socket);
    }
  }
  free((char *)text.at);
}

static void carry_out_all(object *o, ds_deliveries deliveries) {
  for (uint32_t i = 0; i < deliveries.count; i++) {
    interrupt(o);
    carry_out(o, &deliveries.items[i]);
  }
  ds_core_end(o->core);
  if (sqlite_host_open_cursors(o->host)) sim_fail("a cursor was left open");
  if (!sqlite3_get_autocommit(o->host->database)) sim_fail("a transaction was left open");
  sqlite_host_end_turn(o->host);
}

bool object_turn(object *o, const arrival *arrivals, uint32_t count) {
  if (setjmp(o->death)) {
    object_die(o);
    return false;
  }
  wake(o);
  for (uint32_t i = 0; i < count; i++) {
    char *at = ds_core_buffer(o->core, arrivals[i].bytes.size);
    if (arrivals[i].bytes.size) memcpy(at, arrivals[i].bytes.at, arrivals[i].bytes.size);
    ds_core_receive(o->core, arrivals[i].socket, arrivals[i].own ? DS_FRAME_OWN : DS_FRAME_TEXT, (ds_view){at, arrivals[i].bytes.size});
  }
  ds_deliveries deliveries = ds_core_turn(o->core);
  watch(o);
  carry_out_all(o, deliveries);
  counted->turns++;
  return true;
}

bool object_write(object *o, const char *sql) {
  if (setjmp(o->death)) {
    object_die(o);
    return false;
  }
  wake(o);
  if (!o->ready) return true;
  sqlite3_exec(o->host->database, sql, NULL, NULL, NULL);
  if (!sqlite3_get_autocommit(o->host->database)) sqlite3_exec(o->host->database, "ROLLBACK", NULL, NULL, NULL);
  watch(o);
  return true;
}

void object_hang_up(object *o, ds_socket socket) {
  sqlite_host_close_socket(o->host, socket);
  if (o->core) ds_core_close(o->core, socket);
}

// ---- Backups and deploys

static void copy_database(sqlite3 *to, sqlite3 *from) {
  sqlite3_backup *copy = sqlite3_backup_init(to, "main", from, "main");
  if (!copy || sqlite3_backup_step(copy, -1) != SQLITE_DONE || sqlite3_backup_finish(copy) != SQLITE_OK) sim_fail("a backup failed: %s", sqlite3_errmsg(to));
}

void object_backup(object *o, uint32_t slot) {
  sqlite3_close(o->backups[slot]);
  if (sqlite3_open(":memory:", &o->backups[slot]) != SQLITE_OK) sim_fail("no room for a backup");
  copy_database(o->backups[slot], o->host->database);
}

// The object breaks off, and wakes on the old storage; nobody can come before its epoch is new.
bool object_restore(object *o, uint32_t slot) {
  if (!o->backups[slot]) return false;
  object_die(o);
  copy_database(o->host->database, o->backups[slot]);
  o->era = history_begin(&o->history, false);
  o->core = ds_core_new(&generations[o->generation], &o->host->calls);
  o->ready = ds_core_start(o->core);
  sqlite_host_end_turn(o->host);
  ds_deliveries deliveries = {0};
  if (!ds_core_renew(o->core, &deliveries)) sim_fail("the epoch of a restored object was not renewed");
  carry_out_all(o, deliveries);
  watch(o);
  return true;
}

void object_deploy(object *o, uint32_t generation) {
  object_die(o);
  o->generation = generation;
}
