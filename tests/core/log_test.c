// SPDX-License-Identifier: MIT
// The change log's window: whoever was away, and for however long, ends up with what the table has. Seeded, so that a failure repeats.
#include "../../src/limits.h"
#include "../../src/log.h"
#include "talk.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 8, FOLLOWERS = 5 };

static const ds_action_type no_actions[] = {{0}};

// Triggers of the app's own write back: what is inserted is changed at once, or goes at once, and some of what goes comes back.
static const ds_app window_app = {
  .channels = (const ds_channel[]){{.name = "items"}, {.name = "audit"}, {0}},
  .migrations =
    (const ds_migration[]){
      {"CREATE TABLE items (id TEXT PRIMARY KEY NOT NULL, n INTEGER NOT NULL, note TEXT) STRICT;"
      "CREATE TABLE audit (id INTEGER PRIMARY KEY, item TEXT UNIQUE) STRICT;"
      "CREATE TRIGGER a_counted AFTER INSERT ON items WHEN NEW.n % 5 = 1 BEGIN UPDATE items SET n = n + 1 WHERE id = NEW.id; END;"
      "CREATE TRIGGER z_gone AFTER INSERT ON items WHEN NEW.n % 7 = 3 BEGIN DELETE FROM items WHERE id = NEW.id; END;"
      "CREATE TRIGGER b_back AFTER DELETE ON items WHEN OLD.n % 11 = 5 BEGIN INSERT INTO items VALUES (OLD.id, OLD.n + 1, 'back'); END;"
      "CREATE TRIGGER m_noted AFTER UPDATE ON items WHEN NEW.n % 3 = 0 BEGIN DELETE FROM audit WHERE item = NEW.id; INSERT INTO audit (item) VALUES (NEW.id); END;"},
      {0},
    },
  .actions = no_actions,
  .log_window = WINDOW,
};

#define ITEMS "SELECT json_array(id, n, note) FROM items ORDER BY json_array(id)"
#define AUDIT "SELECT json_array(id, item) FROM audit ORDER BY json_array(id)"

static void write_something(world *w, uint64_t *chance) {
  static const char *const writes[] = {
    "INSERT OR IGNORE INTO items VALUES ('%u', %u, 'new')",
    "INSERT OR REPLACE INTO items VALUES ('%u', %u, 'replaced')",
    "INSERT INTO items VALUES ('%u', %u, 'first') ON CONFLICT DO UPDATE SET n = excluded.n, note = 'again'",
    "UPDATE items SET n = n + 1, note = note || '.' WHERE id = '%u' OR n = %u",
    "UPDATE OR REPLACE items SET id = '%u' WHERE n = %u",
    "DELETE FROM items WHERE id = '%u' OR n = %u",
    "UPDATE items SET note = '%u' WHERE n %% 4 = %u %% 4",
    "DELETE FROM audit WHERE id %% 20 = %u %% 20 OR item = '%u'",
  };
  char sql[200];
  const char *format = writes[talk_random(chance, sizeof writes / sizeof *writes)];
  uint32_t id = talk_random(chance, 30);
  uint32_t n = talk_random(chance, 40);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  snprintf(sql, sizeof sql, talk_random(chance, 100) ? format : "DELETE FROM items", id, n);
#pragma GCC diagnostic pop
  // A REPLACE whose row comes back by a trigger is refused by SQLite: then nothing happens.
  int code = sqlite3_exec(w->host->database, sql, NULL, NULL, NULL);
  CHECK(code == SQLITE_OK || code == SQLITE_CONSTRAINT);
}

static int64_t number_of(world *w, const char *sql) {
  char *rows = world_query(w, sql);
  int64_t number = strtoll(rows + 2, NULL, 10);
  free(rows);
  return number;
}

// A turn after which a log that was due has no more than its window and the marker.
static void turn_and_compact(world *w, int64_t *version) {
  world_turn(w);
  int64_t now = number_of(w, "SELECT ifnull(max(version), 0) FROM durasync_log_items");
  CHECK(now >= *version);
  if (ds_log_due(*version, now, WINDOW)) CHECK(number_of(w, "SELECT count(*) FROM durasync_log_items") <= WINDOW + 1);
  CHECK(number_of(w, "SELECT count(*) FROM durasync_log_items WHERE op = 0") <= 1);
  *version = now;
}

static void come_or_go(world *w, follower *f) {
  if (f->socket < 0) {
    follower_come(w, f);
    follower_check(w, f);
  } else {
    follower_go(w, f);
  }
}

static void live(uint64_t seed, int *snapshots, int *catch_ups) {
  world w = talk_start(&window_app);
  uint64_t chance = seed;
  int64_t version = 0;
  follower followers[FOLLOWERS];
  for (int i = 0; i < FOLLOWERS; i++)
    followers[i] = i == 0 ? follower_new("auditor", "audit", AUDIT) : follower_new(&"a\0b\0c\0d\0e"[2 * i], "items", ITEMS);
  for (int step = 0; step < 150; step++) {
    for (uint32_t writes = talk_random(&chance, 4); writes > 0; writes--) write_something(&w, &chance);
    turn_and_compact(&w, &version);
    if (talk_random(&chance, 20) == 0) world_start(&w);
    for (int i = 0; i < FOLLOWERS; i++) {
      if (followers[i].socket >= 0) {
        follower_listen(&w, &followers[i]);
        follower_check(&w, &followers[i]);
      }
      if (talk_random(&chance, 8) == 0) come_or_go(&w, &followers[i]);
    }
  }
  for (int i = 0; i < FOLLOWERS; i++) {
    *snapshots += followers[i].snapshots;
    *catch_ups += followers[i].catch_ups;
    follower_free(&followers[i]);
  }
  world_free(&w);
}

static void whoever_was_away_ends_up_with_the_table(void) {
  int snapshots = 0;
  int catch_ups = 0;
  for (uint64_t seed = 1; seed <= 16; seed++) live(seed, &snapshots, &catch_ups);
  // Both ways of resuming were taken, often.
  CHECK(snapshots > 200);
  CHECK(catch_ups > 200);
}

// ---- The window's edge

static void insert_items(world *w, int from, int to) {
  char sql[200];
  // A number that none of the triggers takes up.
  for (int i = from; i <= to; i++) {
    snprintf(sql, sizeof sql, "INSERT INTO items VALUES ('%03d', 0, NULL)", i);
    talk_sql(w, sql, "[]");
    world_turn(w);
  }
}

static void a_cursor_at_the_window_s_edge_resumes_and_one_before_it_does_not(void) {
  world w = talk_start(&window_app);
  // 20 changes: the last compaction, at the 20th, kept the entries 13 to 20 and the marker 12.
  insert_items(&w, 1, 20);
  talk_sql(&w, "SELECT version, op FROM durasync_log_items ORDER BY version LIMIT 2", "[[12,0],[13,1]]");
  talk_sql(&w, "SELECT count(*) FROM durasync_log_items", "[[9]]");
  ds_socket socket = talk_greet(&w, "a");
  ds_arena *arena = ds_arena_new();
  talk_send(&w, socket, "{\"type\":\"subscribe\",\"channel\":\"items\",\"cursor\":null}");
  world_turn(&w);
  ds_view page = world_receive(&w, socket);
  replica known = replica_new();
  replica_hear(&known, page);
  for (int64_t version = 0; version <= 21; version++) {
    known.version = version;
    ds_view cursor = replica_cursor(&known);
    talk_send(&w, socket, "{\"type\":\"subscribe\",\"channel\":\"items\",\"cursor\":%.*s}", (int)cursor.size, cursor.at);
    world_turn(&w);
    // One from the future, which a lost history may have left, is not resumed either.
    talk_hear(&w, socket, version >= 12 && version <= 20 ? "{\"type\":\"patch\"" : "{\"type\":\"page\"");
  }
  free((char *)page.at);
  replica_free(&known);
  ds_arena_free(arena);
  world_free(&w);
}

static void a_deletion_within_the_window_is_told_on_resuming(void) {
  world w = talk_start(&window_app);
  follower f = follower_new("a", "items", ITEMS);
  insert_items(&w, 1, 7);
  follower_come(&w, &f);
  follower_go(&w, &f);
  talk_sql(&w, "DELETE FROM items WHERE id IN ('002', '005')", "[]");
  // Rows that come and go beyond the window push nothing out: the log keeps one entry a row.
  for (int i = 0; i < 30; i++) {
    talk_sql(&w, "UPDATE items SET note = ifnull(note, '') || '.' WHERE id = '001'", "[]");
    world_turn(&w);
  }
  follower_come(&w, &f);
  follower_check(&w, &f);
  CHECK_INT(f.snapshots, 1);
  CHECK_INT(f.catch_ups, 1);
  follower_free(&f);
  world_free(&w);
}

static const ds_app usual_app = {
  .channels = (const ds_channel[]){{.name = "items"}, {0}},
  .migrations = (const ds_migration[]){{"CREATE TABLE items (id INTEGER PRIMARY KEY) STRICT"}, {0}},
  .actions = no_actions,
};

static void the_window_is_20000_rows_unless_the_app_says_otherwise(void) {
  world w = talk_start(&usual_app);
  talk_sql(&w, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO items SELECT i FROM n", "[]");
  world_turn(&w);
  CHECK_INT(number_of(&w, "SELECT count(*) FROM durasync_log_items WHERE op = 1"), DS_LOG_WINDOW);
  talk_sql(&w, "WITH RECURSIVE n(i) AS (SELECT 20001 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) INSERT INTO items SELECT i FROM n", "[]");
  world_turn(&w);
  CHECK_INT(number_of(&w, "SELECT count(*) FROM durasync_log_items WHERE op = 1"), DS_LOG_WINDOW);
  CHECK_INT(number_of(&w, "SELECT version FROM durasync_log_items WHERE op = 0"), 10000);
  world_free(&w);
}

// ---- Keys that are equal to the table and different to clients

static const ds_app folded_app = {
  .channels = (const ds_channel[]){{.name = "folded"}, {0}},
  .migrations = (const ds_migration[]){{"CREATE TABLE folded (id TEXT COLLATE NOCASE PRIMARY KEY NOT NULL, note TEXT) STRICT"}, {0}},
  .actions = no_actions,
};

static void a_key_that_changed_its_case_while_a_client_was_away_is_one_record(void) {
  static const char *const writes[] = {
    "UPDATE folded SET id = 'KEY'",
    "DELETE FROM folded; INSERT INTO folded VALUES ('Key', 'new')",
    "INSERT OR REPLACE INTO folded VALUES ('keY', 'replaced')",
  };
  for (size_t i = 0; i < sizeof writes / sizeof *writes; i++) {
    world w = talk_start(&folded_app);
    follower f = follower_new("a", "folded", "SELECT json_array(id, note) FROM folded ORDER BY json_array(id)");
    talk_sql(&w, "INSERT INTO folded VALUES ('key', 'old')", "[]");
    follower_come(&w, &f);
    follower_go(&w, &f);
    CHECK_INT(sqlite3_exec(w.host->database, writes[i], NULL, NULL, NULL), SQLITE_OK);
    follower_come(&w, &f);
    follower_check(&w, &f);
    CHECK_INT(sqlite3_exec(w.host->database, "UPDATE folded SET id = 'kEy'", NULL, NULL, NULL), SQLITE_OK);
    world_turn(&w);
    follower_listen(&w, &f);
    follower_check(&w, &f);
    follower_free(&f);
    world_free(&w);
  }
}

// ---- Clients long gone

enum { DAY = 86400000 };

static ds_socket greet_seen(world *w, const char *client, int64_t seen, const char *answer) {
  ds_socket socket = world_open(w);
  talk_send(w, socket, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"%s\",\"seen\":%lld}", client, (long long)seen);
  world_turn(w);
  talk_hear(w, socket, answer);
  return socket;
}

#define WELCOME_NEW "{\"type\":\"welcome\",\"protocol\":2,\"epoch\":\"0001020304050607\",\"settled\":0,"
#define FORGOTTEN "{\"type\":\"error\",\"code\":\"client_forgotten\""

static void add_one(ds_action *action) {
  ds_run(action, "INSERT INTO items (id) VALUES (NULL)");
}

static const ds_app forgetful_app = {
  .channels = (const ds_channel[]){{.name = "items"}, {0}},
  .migrations = (const ds_migration[]){{"CREATE TABLE items (id INTEGER PRIMARY KEY) STRICT"}, {0}},
  .actions = (const ds_action_type[]){{"items", "add", add_one}, {0}},
  .log_window = WINDOW,
};

// Enough changes for a compaction, by a client of its own.
static void make_it_compact(world *w, const char *client) {
  ds_socket busy = talk_greet(w, client);
  for (int i = 1; i <= WINDOW; i++) talk_act(w, busy, i, "items", "add", "null");
  talk_skip(w, busy);
}

static void a_client_forgotten_is_told_so_and_nothing_runs_twice(void) {
  world w = talk_start(&forgetful_app);
  int64_t begin = w.host->clock;
  ds_socket away = greet_seen(&w, "away", begin, "{\"type\":\"welcome\"");
  talk_act(&w, away, 1, "items", "add", "null");
  world_close(&w, away);
  w.host->clock = begin + 89 * (int64_t)DAY;
  make_it_compact(&w, "early");
  talk_sql(&w, "SELECT client FROM durasync_client ORDER BY client", "[[\"away\"],[\"early\"]]");

  w.host->clock = begin + 91 * (int64_t)DAY;
  make_it_compact(&w, "late");
  talk_sql(&w, "SELECT client FROM durasync_client ORDER BY client", "[[\"early\"],[\"late\"]]");
  int64_t before = number_of(&w, "SELECT count(*) FROM items");
  away = greet_seen(&w, "away", begin, FORGOTTEN);
  // It does not hear well and sends its action all the same: a socket that was not welcomed is nobody's.
  talk_act(&w, away, 1, "items", "add", "null");
  talk_hear(&w, away, "{\"type\":\"error\",\"code\":\"hello_expected\"");
  CHECK_INT(number_of(&w, "SELECT count(*) FROM items"), before);
  // Under a new id it goes on, on the same socket.
  talk_send(&w, away, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"away-2\"}");
  world_turn(&w);
  talk_hear(&w, away, WELCOME_NEW);
  world_free(&w);
}

static void a_client_that_nobody_can_have_forgotten_is_simply_new(void) {
  world w = talk_start(&forgetful_app);
  int64_t begin = w.host->clock;
  w.host->clock = begin + DS_CLIENT_AGE - DS_CLIENT_NOTED;
  greet_seen(&w, "edge", begin, WELCOME_NEW);
  greet_seen(&w, "beyond", begin - 1, FORGOTTEN);
  ds_socket fresh = talk_greet(&w, "fresh");
  talk_act(&w, fresh, 1, "items", "add", "null");
  talk_hear(&w, fresh, "{\"type\":\"patch\"");
  world_free(&w);
}

static void a_client_that_comes_and_goes_is_not_forgotten(void) {
  world w = talk_start(&forgetful_app);
  int64_t begin = w.host->clock;
  ds_socket away = greet_seen(&w, "away", begin, "{\"type\":\"welcome\"");
  talk_act(&w, away, 1, "items", "add", "null");
  world_close(&w, away); // before it could hear the outcome
  w.host->clock = begin + 50 * (int64_t)DAY;
  int64_t seen = w.host->clock;
  world_close(&w, greet_seen(&w, "away", begin, "{\"type\":\"welcome\""));
  w.host->clock = begin + 91 * (int64_t)DAY;
  make_it_compact(&w, "late");
  int64_t before = number_of(&w, "SELECT count(*) FROM items");
  away = greet_seen(&w, "away", seen, "{\"type\":\"welcome\",\"protocol\":2,\"epoch\":\"0001020304050607\",\"settled\":1,");
  talk_act(&w, away, 1, "items", "add", "null");
  talk_hear(&w, away, "{\"type\":\"patch\"");
  CHECK_INT(number_of(&w, "SELECT count(*) FROM items"), before);
  world_free(&w);
}

static void a_client_that_a_backup_has_not_seen_for_long_is_not_forgotten(void) {
  world w = talk_start(&forgetful_app);
  int64_t begin = w.host->clock;
  ds_socket away = greet_seen(&w, "away", begin, "{\"type\":\"welcome\"");
  talk_act(&w, away, 1, "items", "add", "null");
  world_close(&w, away); // before it could hear the outcome; and since then it was welcomed, but that is not in the backup
  w.host->clock = begin + 91 * (int64_t)DAY;
  ds_deliveries deliveries;
  CHECK(ds_core_renew(w.core, &deliveries));
  ds_core_end(w.core);
  sqlite_host_end_turn(w.host);
  make_it_compact(&w, "late");
  greet_seen(&w, "away", begin + 90 * (int64_t)DAY, "{\"type\":\"welcome\",\"protocol\":2,\"epoch\":\"08090a0b0c0d0e0f\",\"settled\":1,");
  world_free(&w);
}

static void a_client_is_noted_once_a_day_at_most(void) {
  world w = talk_start(&forgetful_app);
  ds_socket socket = talk_greet(&w, "daily");
  talk_act(&w, socket, 1, "items", "add", "null");
  world_close(&w, socket);
  int64_t first = number_of(&w, "SELECT seen FROM durasync_client");
  w.host->clock += DAY;
  world_close(&w, talk_greet(&w, "daily"));
  CHECK_INT(number_of(&w, "SELECT seen FROM durasync_client"), first);
  w.host->clock += 1;
  world_close(&w, talk_greet(&w, "daily"));
  CHECK_INT(number_of(&w, "SELECT seen FROM durasync_client"), first + DAY + 1);
  world_close(&w, talk_greet(&w, "passer-by"));
  talk_sql(&w, "SELECT client FROM durasync_client", "[[\"daily\"]]");
  world_free(&w);
}

static void a_client_that_is_still_known_is_welcome_however_long_it_was_away(void) {
  world w = talk_start(&forgetful_app);
  int64_t begin = w.host->clock;
  ds_socket away = talk_greet(&w, "away");
  talk_act(&w, away, 1, "items", "add", "null");
  world_close(&w, away);
  w.host->clock = begin + 1000 * (int64_t)DAY;
  away = greet_seen(&w, "away", begin, "{\"type\":\"welcome\",\"protocol\":2,\"epoch\":\"0001020304050607\",\"settled\":1,");
  talk_act(&w, away, 1, "items", "add", "null");
  talk_hear(&w, away, "{\"type\":\"patch\",\"epoch\":\"0001020304050607\",\"changes\":[],\"outcomes\":[{\"number\":1,\"status\":\"committed\"}]}");
  talk_sql(&w, "SELECT count(*) FROM items", "[[1]]");
  world_free(&w);
}

static void send_rpc(world *w, ds_socket socket) {
  talk_send(w, socket, "{\"channel\":\"items\",\"rpc\":true,\"id\":\"r\",\"action\":{\"type\":\"add\"}}");
  world_turn(w);
  talk_hear(w, socket, "{\"type\":\"success\",\"rpc\":true,\"channel\":\"items\",\"id\":\"r\",\"result\":[");
}

static void an_rpc_of_version_1_is_remembered_for_a_day(void) {
  world w = talk_start(&forgetful_app);
  int64_t begin = w.host->clock;
  ds_socket socket = world_open(&w);
  send_rpc(&w, socket);
  w.host->clock = begin + DS_RPC_AGE;
  make_it_compact(&w, "busy");
  int64_t before = number_of(&w, "SELECT count(*) FROM items");
  send_rpc(&w, socket);
  CHECK_INT(number_of(&w, "SELECT count(*) FROM items"), before);
  w.host->clock = begin + DS_RPC_AGE + 1;
  make_it_compact(&w, "busier");
  talk_sql(&w, "SELECT count(*) FROM durasync_client WHERE client GLOB '~*'", "[[0]]");
  world_free(&w);
}

// Whenever it comes back and whatever it last heard, an action that it repeats is either answered from the store or not run.
static void an_action_is_never_run_twice_whenever_it_is_repeated(void) {
  for (int days = 80; days <= 200; days += 3) {
    world w = talk_start(&forgetful_app);
    int64_t begin = w.host->clock;
    ds_socket away = talk_greet(&w, "away");
    w.host->clock = begin + 5 * (int64_t)DAY;
    talk_act(&w, away, 1, "items", "add", "null");
    world_close(&w, away);
    w.host->clock = begin + days * (int64_t)DAY;
    make_it_compact(&w, "busy");
    away = world_open(&w);
    talk_send(&w, away, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"away\",\"seen\":%lld}", (long long)begin);
    world_turn(&w);
    talk_skip(&w, away);
    talk_act(&w, away, 1, "items", "add", "null");
    CHECK_INT(number_of(&w, "SELECT count(*) FROM items"), 1 + WINDOW);
    world_free(&w);
  }
}

const test log_tests[] = {
  {"whoever was away ends up with the table", whoever_was_away_ends_up_with_the_table},
  {"a cursor at the window's edge resumes, and one before it does not", a_cursor_at_the_window_s_edge_resumes_and_one_before_it_does_not},
  {"a deletion within the window is told on resuming", a_deletion_within_the_window_is_told_on_resuming},
  {"the window is 20,000 rows unless the app says otherwise", the_window_is_20000_rows_unless_the_app_says_otherwise},
  {"a key that changed its case while a client was away is one record", a_key_that_changed_its_case_while_a_client_was_away_is_one_record},
  {"a client forgotten is told so, and nothing runs twice", a_client_forgotten_is_told_so_and_nothing_runs_twice},
  {"an rpc of version 1 is remembered for a day", an_rpc_of_version_1_is_remembered_for_a_day},
  {"a client that comes and goes is not forgotten", a_client_that_comes_and_goes_is_not_forgotten},
  {"a client that a backup has not seen for long is not forgotten", a_client_that_a_backup_has_not_seen_for_long_is_not_forgotten},
  {"a client is noted once a day at most", a_client_is_noted_once_a_day_at_most},
  {"a client that nobody can have forgotten is simply new", a_client_that_nobody_can_have_forgotten_is_simply_new},
  {"a client that is still known is welcome, however long it was away", a_client_that_is_still_known_is_welcome_however_long_it_was_away},
  {"an action is never run twice, whenever it is repeated", an_action_is_never_run_twice_whenever_it_is_repeated},
  {0},
};
