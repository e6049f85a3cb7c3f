// SPDX-License-Identifier: MIT
// The Nth SQL call fails, for every N of a conversation that goes everywhere. Whatever failed must be answered, must have left nothing behind, and must work when
// it is sent again; in the end everything is as if nothing had failed.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/json.h"
#include "../native/replica.h"
#include "../native/world.h"
#include "test.h"

enum { SOCKETS = 3, MAX_SENT = 3 };

// What a socket sends: an action's members to be wrapped into an `actions` frame, or else a whole frame.
typedef struct sent {
  int socket;
  bool action;
  const char *text;
} sent;

// One turn. Before it the object may sleep, or somebody else may write.
typedef struct plan {
  bool sleep;
  const char *sql;
  sent sent[MAX_SENT]; // ended by one without text
} plan;

#define HELLO(name) "{\"type\":\"hello\",\"protocol\":2,\"client\":\"" name "\"}"
#define SUBSCRIBE "{\"type\":\"subscribe\",\"channel\":\"todos\",\"cursor\":null}"
#define RESUME "{\"type\":\"subscribe\",\"channel\":\"todos\",\"cursor\":$cursor}"
#define ACTION(type, payload) "\"channel\":\"todos\",\"type\":\"" type "\",\"payload\":" payload
#define RPC(id, type, payload) \
  "{\"channel\":\"todos\",\"rpc\":true,\"id\":\"" id "\",\"action\":{\"type\":\"" type "\",\"payload\":" payload "}}"

static const plan plans[] = {
  {.sent = {{0, false, HELLO("alice")}, {0, false, SUBSCRIBE}, {1, false, HELLO("bob")}}},
  {.sent = {{0, true, ACTION("create", "{\"id\":\"1\",\"text\":\"milk\"}")}, {1, true, ACTION("create", "{\"id\":\"2\",\"text\":\"eggs\"}")}}},
  {.sent = {{2, false, "{\"channel\":\"todos\",\"sync\":true,\"from\":null}"}, {1, false, SUBSCRIBE}}},
  {.sent = {{1, true, ACTION("update", "{\"id\":\"1\",\"text\":\"oat milk\"}")}, {2, false, RPC("r1", "create", "{\"id\":\"3\",\"text\":\"tea\"}")}}},
  {.sent = {{0, true, ACTION("update", "{\"id\":\"9\",\"text\":\"nothing\"}")}, {1, true, ACTION("create", "{\"id\":\"1\",\"text\":\"again\"}")}}},
  {.sql = "REPLACE INTO todos VALUES ('2', 'more eggs', 0, 1, 1, NULL)"},
  {.sleep = true, .sent = {{0, true, ACTION("toggle-all", "{\"completed\":1}")}}},
  {.sql = "UPDATE todos SET id = '4' WHERE id = '3'", .sent = {{2, false, RPC("r2", "delete", "{\"id\":\"1\"}")}}},
  {.sent = {{0, false, RESUME}, {1, false, "{\"type\":\"page\",\"channel\":\"todos\",\"after\":[\"1\"],\"rows\":2}"}}},
  {.sleep = true, .sent = {{1, true, ACTION("create", "{\"id\":\"5\",\"text\":\"jam\"}")}, {2, false, "{\"channel\":\"todos\",\"sync\":true,\"from\":1}"}}},
};

typedef struct run {
  world world;
  ds_socket sockets[SOCKETS];
  replica alice;
  int64_t next[SOCKETS]; // the number of each client's next action
  bool failed[SOCKETS];  // in the last turn
  ds_arena *arena;
} run;

// ---- State

static const char rows_query[] = "SELECT id, text, completed, created_at, updated_at, deleted_at FROM todos ORDER BY id";
static const char log_query[] = "SELECT version, op, key, columns FROM durasync_log_todos ORDER BY version";

// A row is there exactly if its key was inserted once more than it was deleted, or removed by a REPLACE; and every row has been logged.
static const char disagreement_query[] =
  "SELECT key FROM (SELECT key, sum(op = 1) - sum(op = 3) AS there, sum(op = 4) AS maybe FROM durasync_log_todos GROUP BY key)"
  " WHERE there - (SELECT count(*) FROM todos WHERE id = key ->> 0) NOT BETWEEN 0 AND maybe"
  " UNION ALL SELECT id FROM todos WHERE json_array(id) NOT IN (SELECT key FROM durasync_log_todos)";

static ds_view state(run *r, const char *query) {
  char *rows = world_query(&r->world, query);
  ds_view copy = ds_arena_copy(r->arena, ds_view_of(rows));
  free(rows);
  return copy;
}

// ---- Turns

// The object starts; where the failure hits the start, the next one must work.
static void start(run *r) {
  world_start(&r->world);
  if (r->world.ready) return;
  CHECK(strstr(sqlite_host_log(r->world.host), "injected") != NULL);
  world_start(&r->world);
  CHECK(r->world.ready);
}

static ds_view frame_of(run *r, const sent *sent) {
  ds_text frame = ds_text_new(r->arena);
  const char *hole = strstr(sent->text, "$cursor");
  if (sent->action) {
    ds_text_str(&frame, "{\"type\":\"actions\",\"acknowledged\":");
    ds_text_int(&frame, r->next[sent->socket] - 1);
    ds_text_str(&frame, ",\"actions\":[{\"number\":");
    ds_text_int(&frame, r->next[sent->socket]);
    ds_text_str(&frame, ",");
    ds_text_str(&frame, sent->text);
    ds_text_str(&frame, "}]}");
  } else if (hole) {
    ds_text_add(&frame, (ds_view){sent->text, (size_t)(hole - sent->text)});
    ds_text_add(&frame, replica_cursor(&r->alice));
    ds_text_str(&frame, hole + strlen("$cursor"));
  } else {
    ds_text_str(&frame, sent->text);
  }
  return ds_text_view(&frame);
}

// Reads what a socket has got. Its action, if it sent one, is settled unless the whole turn failed.
static void hear(run *r, int socket) {
  for (ds_view frame; !ds_view_absent(frame = world_receive(&r->world, r->sockets[socket])); free((char *)frame.at)) {
    if (strstr(frame.at, "\"internal\"") || strstr(frame.at, "[\"internal: ")) r->failed[socket] = true;
    if (strstr(frame.at, "\"outcomes\":[{")) r->next[socket]++;
    CHECK(strstr(frame.at, "injected") == NULL);
    if (socket == 0) replica_hear(&r->alice, frame);
  }
  if (!sqlite_host_is_open(r->world.host, r->sockets[socket])) r->failed[socket] = true;
}

// Runs one turn of the frames that `wanted` names by socket; returns whether all of them failed.
static bool turn(run *r, const plan *plan, const bool *wanted) {
  bool any = false;
  bool all_failed = true;
  memset(r->failed, 0, sizeof r->failed);
  for (const sent *sent = plan->sent; sent < plan->sent + MAX_SENT && sent->text; sent++) {
    if (!wanted[sent->socket]) continue;
    any = true;
    world_send(&r->world, r->sockets[sent->socket], DS_FRAME_TEXT, frame_of(r, sent));
  }
  world_turn(&r->world);
  for (int i = 0; i < SOCKETS; i++) hear(r, i);
  for (const sent *sent = plan->sent; sent < plan->sent + MAX_SENT && sent->text; sent++)
    if (wanted[sent->socket]) all_failed = all_failed && r->failed[sent->socket];
  return any && all_failed;
}

// Sockets that the object has closed are replaced, as clients do it.
static void come_back(run *r) {
  static const char *const words[SOCKETS][2] = {
    {HELLO("alice"), RESUME}, {HELLO("bob"), SUBSCRIBE}, {"{\"channel\":\"todos\",\"sync\":true,\"from\":1}", NULL}};
  for (int i = 0; i < SOCKETS; i++) {
    if (sqlite_host_is_open(r->world.host, r->sockets[i])) continue;
    world_close(&r->world, r->sockets[i]);
    r->sockets[i] = world_open(&r->world);
    for (int word = 0; word < 2 && words[i][word]; word++)
      world_send(&r->world, r->sockets[i], DS_FRAME_TEXT, frame_of(r, &(sent){i, false, words[i][word]}));
    world_turn(&r->world);
    hear(r, i);
  }
}

static void carry_out(run *r, const plan *plan) {
  bool wanted[SOCKETS] = {true, true, true};
  if (plan->sleep) start(r);
  if (plan->sql) CHECK_VIEW(state(r, plan->sql), DS_LITERAL("[]"));
  ds_view rows = state(r, rows_query);
  ds_view log = state(r, log_query);
  size_t logged = strlen(sqlite_host_log(r->world.host));
  if (turn(r, plan, wanted)) {
    CHECK_VIEW(state(r, rows_query), rows);
    CHECK_VIEW(state(r, log_query), log);
  }
  bool again = strlen(sqlite_host_log(r->world.host)) > logged;
  for (int i = 0; i < SOCKETS; i++) {
    CHECK(!r->failed[i] || again); // nothing fails without a line in the operator's log
    wanted[i] = r->failed[i];
  }
  come_back(r);
  if (again) turn(r, plan, wanted);
  for (int i = 0; i < SOCKETS; i++) CHECK(!again || !r->failed[i]);
  CHECK_VIEW(state(r, disagreement_query), DS_LITERAL("[]"));
}

// Runs the whole conversation with the SQL call of that number failing. Returns the number of calls made.
static int64_t run_all(int64_t fail_at, bool fail_storage, ds_view *rows, ds_arena *arena) {
  run r = {.world = world_new(&durasync_app, ":memory:"), .alice = replica_new(), .next = {1, 1, 1}, .arena = arena};
  r.world.host->fail_at = fail_at;
  r.world.host->fail_storage = fail_storage;
  start(&r);
  for (int i = 0; i < SOCKETS; i++) r.sockets[i] = world_open(&r.world);
  for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) carry_out(&r, &plans[i]);
  *rows = state(&r, rows_query);
  CHECK(r.alice.synced && !r.alice.gap);
  CHECK_VIEW(replica_records(&r.alice), *rows);
  int64_t calls = r.world.host->call_count;
  replica_free(&r.alice);
  world_free(&r.world);
  return calls;
}

static void any_sql_call_can_fail(void) {
  ds_arena *arena = ds_arena_new();
  ds_view expected;
  ds_view rows;
  int64_t calls = run_all(0, false, &expected, arena);
  CHECK(calls > 100);
  CHECK_VIEW(expected, DS_LITERAL("[[\"2\",\"more eggs\",1,1,1700000000000,null],[\"4\",\"tea\",1,1700000000000,1700000000000,null],"
                                  "[\"5\",\"jam\",0,1700000000000,1700000000000,null]]"));
  for (int64_t fail_at = 1; fail_at <= 2 * calls; fail_at++) {
    run_all((fail_at + 1) / 2, fail_at % 2, &rows, arena);
    bool same = ds_view_equal(rows, expected);
    if (!same) printf("  with call %lld failing:\n", (long long)((fail_at + 1) / 2));
    CHECK_VIEW(rows, expected);
  }
  ds_arena_free(arena);
}

// Waking reads everything in its first statement. Where that one fails for want of a table, the others find out what there is; where storage itself fails, they could not be undone.
static void storage_that_fails_is_asked_nothing_more(void) {
  world w = world_new(&durasync_app, ":memory:");
  world_start(&w);
  w.host->fail_at = w.host->call_count + 1;
  w.host->fail_storage = true;
  world_start(&w);
  CHECK(!w.ready);
  CHECK_INT(w.host->call_count, w.host->fail_at);
  CHECK(strstr(sqlite_host_log(w.host), "the bookkeeping could not be read") != NULL);
  world_start(&w);
  CHECK(w.ready);
  world_free(&w);
}

const test faults_tests[] = {
    {"any SQL call can fail: it is answered, undone, and works again", any_sql_call_can_fail},
    {"storage that fails while an object wakes is asked nothing more", storage_that_fails_is_asked_nothing_more},
    {0},
};
