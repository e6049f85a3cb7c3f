// SPDX-License-Identifier: MIT
// Clients of both versions of the protocol on one object, whole histories renewed, actions that fail beside others. Seeded, so that a failure repeats.
#include "../../src/json.h"
#include "talk.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TODOS "SELECT json_array(id, text, completed, created_at, updated_at, deleted_at) FROM todos ORDER BY json_array(id)"

// ---- A client of version 1: what partysync's hook keeps, in a database of its own

typedef struct old_client {
  ds_socket socket;
  sqlite3 *rows; // mirror (id, record)

} old_client;

static old_client old_client_new(world *w) {
  old_client client = {.socket = world_open(w)};
  CHECK_INT(sqlite3_open(":memory:", &client.rows), SQLITE_OK);
  CHECK_INT(sqlite3_exec(client.rows, "CREATE TABLE mirror (id TEXT PRIMARY KEY, record TEXT)", NULL, NULL, NULL), SQLITE_OK);
  talk_send(w, client.socket, "{\"channel\":\"todos\",\"sync\":true,\"from\":null}");
  world_turn(w);
  return client;
}

// Takes records: one with a deleted_at is gone.
static void old_client_apply(old_client *client, ds_view records) {
  static const char *const steps[] = {
    "INSERT OR REPLACE INTO mirror SELECT value->>0, value FROM json_each(?1) WHERE value->>5 IS NULL",
    "DELETE FROM mirror WHERE id IN (SELECT value->>0 FROM json_each(?1) WHERE value->>5 IS NOT NULL)",
  };
  for (int i = 0; i < 2; i++) {
    sqlite3_stmt *step = NULL;
    CHECK_INT(sqlite3_prepare_v2(client->rows, steps[i], -1, &step, NULL), SQLITE_OK);
    sqlite3_bind_text64(step, 1, records.at, records.size, SQLITE_TRANSIENT, SQLITE_UTF8);
    CHECK_INT(sqlite3_step(step), SQLITE_DONE);
    sqlite3_finalize(step);
  }
}

static void old_client_listen(world *w, old_client *client) {
  for (ds_view frame; !ds_view_absent(frame = world_receive(w, client->socket)); free((char *)frame.at)) {
    ds_view payload = ds_json_member(frame, "payload");
    if (ds_view_absent(payload)) payload = ds_json_member(frame, "result");
    // An rpc that was rejected has neither.
    if (!ds_view_absent(payload)) old_client_apply(client, payload);
  }
}

static void old_client_check(world *w, old_client *client) {
  sqlite3_stmt *mine = NULL;
  sqlite3_stmt *theirs = NULL;
  sqlite3_prepare_v2(client->rows, "SELECT record FROM mirror ORDER BY json_array(id)", -1, &mine, NULL);
  sqlite3_prepare_v2(w->host->database, TODOS, -1, &theirs, NULL);
  for (bool more = true; more;) {
    bool one = sqlite3_step(mine) == SQLITE_ROW;
    bool other = sqlite3_step(theirs) == SQLITE_ROW;
    CHECK_INT(one, other);
    more = one && other;
    if (more) CHECK_TEXT(ds_view_of((const char *)sqlite3_column_text(mine, 0)), (const char *)sqlite3_column_text(theirs, 0));
  }
  sqlite3_finalize(mine);
  sqlite3_finalize(theirs);
}

static void old_client_free(old_client *client) {
  sqlite3_close(client->rows);
}

// ---- Both at once

typedef struct doing {
  const char *type;
  char payload[100];
} doing;

static doing something(uint64_t *chance) {
  static const char *const types[] = {"create", "create", "create", "update", "update", "delete", "toggle-all", "clear-completed", "no-such-action"};
  doing one = {.type = types[talk_random(chance, sizeof types / sizeof *types)]};
  snprintf(one.payload, sizeof one.payload, "{\"id\":\"%u\",\"text\":\"t%u\",\"completed\":%u}", talk_random(chance, 20), talk_random(chance, 100),
           talk_random(chance, 2));
  return one;
}

static void run_both(uint64_t seed) {
  world w = talk_start(&durasync_app);
  uint64_t chance = seed;
  talk_sql(&w, "INSERT INTO todos VALUES ('1', 'there before', 0, 0, 0, NULL)", "[]");
  follower one = follower_new("one", "todos", TODOS);
  follower two = follower_new("two", "todos", TODOS);
  follower_come(&w, &one);
  follower_come(&w, &two);
  old_client old[] = {old_client_new(&w), old_client_new(&w)};
  int64_t numbers[] = {0, 0};
  for (int step = 0; step < 100; step++) {
    // A turn of several frames, from anybody, and rows that somebody else wrote.
    for (uint32_t frames = talk_random(&chance, 5); frames > 0; frames--) {
      doing next = something(&chance);
      uint32_t who = talk_random(&chance, 4);
      if (who < 2)
        talk_send(&w, who ? two.socket : one.socket,
                  "{\"type\":\"actions\",\"acknowledged\":0,\"actions\":[{\"number\":%lld,\"channel\":\"todos\",\"type\":\"%s\",\"payload\":%s}]}",
                  (long long)++numbers[who], next.type, next.payload);
      else
        talk_send(&w, old[who - 2].socket, "{\"channel\":\"todos\",\"rpc\":true,\"id\":\"%d\",\"action\":{\"type\":\"%s\",\"payload\":%s}}", step, next.type,
                  next.payload);
    }
    if (talk_random(&chance, 5) == 0) talk_sql(&w, "UPDATE todos SET updated_at = updated_at + 1 WHERE id % 3 = 1", "[]");
    world_turn(&w);
    follower_listen(&w, &one);
    follower_listen(&w, &two);
    follower_check(&w, &one);
    follower_check(&w, &two);
    for (int i = 0; i < 2; i++) {
      old_client_listen(&w, &old[i]);
      old_client_check(&w, &old[i]);
    }
    w.host->clock += talk_random(&chance, 3);
    if (talk_random(&chance, 25) == 0) world_start(&w);
  }
  for (int i = 0; i < 2; i++) old_client_free(&old[i]);
  follower_free(&one);
  follower_free(&two);
  world_free(&w);
}

static void clients_of_both_versions_have_the_same_rows(void) {
  for (uint64_t seed = 1; seed <= 12; seed++) run_both(seed);
}

// The result of a call shows its row; that the row went in the same turn must be said as well.
static void a_row_that_came_and_went_in_one_turn_does_not_stay_with_its_author(void) {
  world w = talk_start(&durasync_app);
  old_client old = old_client_new(&w);
  ds_socket other = talk_greet(&w, "other");
  talk_send(&w, old.socket, "{\"channel\":\"todos\",\"rpc\":true,\"id\":\"1\",\"action\":{\"type\":\"create\",\"payload\":{\"id\":\"1\",\"text\":\"short-lived\"}}}");
  talk_send(&w, other, "{\"type\":\"actions\",\"acknowledged\":0,\"actions\":[{\"number\":1,\"channel\":\"todos\",\"type\":\"delete\",\"payload\":{\"id\":\"1\"}}]}");
  world_turn(&w);
  old_client_listen(&w, &old);
  old_client_check(&w, &old);
  old_client_free(&old);
  world_free(&w);
}

// ---- A new history

static void after_a_renewal_every_cursor_gets_a_snapshot_and_every_socket_is_closed(void) {
  world w = talk_start(&durasync_app);
  follower f = follower_new("a", "todos", TODOS);
  follower_come(&w, &f);
  talk_sql(&w, "INSERT INTO todos VALUES ('1', 'milk', 0, 0, 0, NULL)", "[]");
  world_turn(&w);
  follower_listen(&w, &f);
  ds_socket old = world_open(&w);
  talk_send(&w, old, "{\"channel\":\"todos\",\"sync\":true}");
  world_turn(&w);
  talk_skip(&w, old);
  world_start(&w); // the sockets are known from their attachments alone
  ds_deliveries deliveries;
  CHECK(ds_core_renew(w.core, &deliveries));
  CHECK_INT(deliveries.count, 2);
  for (uint32_t i = 0; i < deliveries.count; i++) {
    CHECK_INT(deliveries.items[i].kind, DS_DELIVERY_CLOSE);
    CHECK_INT(deliveries.items[i].code, 1012);
    ds_view reason = sqlite_host_join(w.host, &deliveries.items[i]);
    CHECK_TEXT(reason, "new_epoch");
    free((char *)reason.at);
  }
  ds_core_end(w.core);
  sqlite_host_end_turn(w.host);
  follower_go(&w, &f);
  follower_come(&w, &f);
  follower_check(&w, &f);
  CHECK_INT(f.snapshots, 2);
  CHECK_INT(f.catch_ups, 0);
  // The new epoch outlives the instance.
  follower_go(&w, &f);
  world_start(&w);
  follower_come(&w, &f);
  CHECK_INT(f.snapshots, 2);
  CHECK_INT(f.catch_ups, 1);
  follower_free(&f);
  world_free(&w);
}

// ---- Foreign keys that are checked at the commit

static void refused_with(const char *table) {
  ds_app app = {
    .channels = (const ds_channel[]){{.name = "children"}, {0}},
    .migrations = (const ds_migration[]){{"CREATE TABLE parents (id TEXT PRIMARY KEY NOT NULL) STRICT"}, {table}, {0}},
    .actions = (const ds_action_type[]){{0}},
  };
  world w = world_new(&app, ":memory:");
  world_start(&w);
  CHECK(!w.ready);
  if (!strstr(sqlite_host_log(w.host), "INITIALLY DEFERRED")) test_fail(__FILE__, __LINE__, "%s: not in the log: %s", table, sqlite_host_log(w.host));
  ds_socket socket = world_open(&w);
  talk_send(&w, socket, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"a\"}");
  world_turn(&w);
  talk_hear(&w, socket, "{\"type\":\"error\",\"code\":\"unavailable\"");
  world_free(&w);
}

static void a_deferred_foreign_key_is_refused_at_the_start(void) {
  refused_with("CREATE TABLE children (id TEXT PRIMARY KEY NOT NULL, parent TEXT REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED) STRICT");
  refused_with("CREATE TABLE children (id TEXT PRIMARY KEY NOT NULL, parent TEXT, foreign key (parent) references parents (id) deferrable initially deferred) STRICT");
  refused_with("CREATE TABLE children (id TEXT PRIMARY KEY NOT NULL, parent TEXT REFERENCES parents (id) DEFERRABLE INITIALLY\n  DEFERRED) STRICT");
  refused_with("CREATE TABLE children (id TEXT PRIMARY KEY NOT NULL, parent TEXT REFERENCES parents (id) DEFERRABLE INITIALLY\tDEFERRED) STRICT");
  refused_with("CREATE TABLE children (id TEXT PRIMARY KEY NOT NULL, parent TEXT REFERENCES parents (id) DEFERRABLE INITIALLY\r\nDEFERRED) STRICT");
}

static void adopt(ds_action *action) {
  ds_run(action, "INSERT INTO children VALUES (:id, :parent)");
}

static void adopt_later(ds_action *action) {
  ds_run(action, "PRAGMA defer_foreign_keys = ON");
  ds_run(action, "INSERT INTO children VALUES (:id, :parent)");
}

static const ds_app family_app = {
  .channels = (const ds_channel[]){{.name = "children"}, {0}},
  .migrations =
    (const ds_migration[]){
      {"CREATE TABLE parents (id TEXT PRIMARY KEY NOT NULL) STRICT; INSERT INTO parents VALUES ('p');"
      "CREATE TABLE children (id TEXT PRIMARY KEY NOT NULL, parent TEXT REFERENCES parents (id)) STRICT"}, {0}},
  .actions = (const ds_action_type[]){{"children", "adopt", adopt}, {"children", "adopt-later", adopt_later}, {0}},
};

#define ADOPT(number, type, id, parent) \
  "{\"number\":" #number ",\"channel\":\"children\",\"type\":\"" type "\",\"payload\":{\"id\":\"" id "\",\"parent\":\"" parent "\"}}"

static void check_fails_alone(const char *type, const char *code) {
  world w = talk_start(&family_app);
  ds_socket a = talk_greet(&w, "a");
  ds_socket b = talk_greet(&w, "b");
  talk_send(&w, a, "{\"type\":\"actions\",\"acknowledged\":0,\"actions\":[" ADOPT(1, "adopt", "1", "p") "]}");
  talk_send(&w, b, "{\"type\":\"actions\",\"acknowledged\":0,\"actions\":[{\"number\":1,\"channel\":\"children\",\"type\":\"%s\",\"payload\":{\"id\":\"2\",\"parent\":\"nobody\"}}]}", type);
  talk_send(&w, a, "{\"type\":\"actions\",\"acknowledged\":0,\"actions\":[" ADOPT(2, "adopt", "3", "p") "]}");
  world_turn(&w);
  talk_hear(&w, a,
    "{\"type\":\"patch\",\"epoch\":\"0001020304050607\",\"changes\":[],\"outcomes\":[{\"number\":1,\"status\":\"committed\"},{\"number\":2,\"status\":\"committed\"}]}");
  char start[200];
  snprintf(start, sizeof start, "{\"type\":\"patch\",\"epoch\":\"0001020304050607\",\"changes\":[],\"outcomes\":[{\"number\":1,\"status\":\"rejected\",\"code\":\"%s\"", code);
  talk_hear(&w, b, start);
  talk_sql(&w, "SELECT id FROM children", "[[\"1\"],[\"3\"]]");
  world_free(&w);
}

static void an_action_that_breaks_a_foreign_key_fails_alone(void) {
  check_fails_alone("adopt", "constraint");
}

// The platform would look at the keys when the turn commits, and by then it is too late for the others: so a handler may not defer them.
static void an_action_that_defers_its_foreign_keys_fails_alone(void) {
  check_fails_alone("adopt-later", "internal");
}

const test versions_tests[] = {
  {"clients of both versions have the same rows", clients_of_both_versions_have_the_same_rows},
  {"a row that came and went in one turn does not stay with its author", a_row_that_came_and_went_in_one_turn_does_not_stay_with_its_author},
  {"after a renewal every cursor gets a snapshot, and every socket is closed", after_a_renewal_every_cursor_gets_a_snapshot_and_every_socket_is_closed},
  {"a deferred foreign key is refused at the start", a_deferred_foreign_key_is_refused_at_the_start},
  {"an action that breaks a foreign key fails alone", an_action_that_breaks_a_foreign_key_fails_alone},
  {"an action that defers its foreign keys fails alone", an_action_that_defers_its_foreign_keys_fails_alone},
  {0},
};
