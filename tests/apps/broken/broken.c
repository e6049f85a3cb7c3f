// SPDX-License-Identifier: MIT
// An app whose handlers go wrong in every way that a handler can.
#include "durasync.h"

#define NOTES "CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID"

static void keep(ds_action *action) {
  ds_run(action, "INSERT INTO notes VALUES (:id)");
}

static void trap(ds_action *action) {
  ds_run(action, "INSERT INTO notes VALUES (:id)");
  ds_panic();
}

static void half(ds_action *action) {
  ds_run(action, "INSERT INTO notes VALUES (:id)");
  ds_run(action, "INSERT INTO no_such_table VALUES (1)");
}

static void refuse(ds_action *action) {
  ds_run(action, "INSERT INTO notes VALUES (:id)");
  ds_reject(action, DS_CONFLICT, "Not today.");
}

static void twice(ds_action *action) {
  ds_run(action, "INSERT INTO notes VALUES (:id)");
  ds_run(action, "INSERT INTO notes VALUES (:id)");
}

static void answer(ds_action *action) {
  ds_run(action, "INSERT INTO notes VALUES (:id)");
  ds_result(action, DS_LITERAL("{\"answer\":42}"));
}

static void remake(ds_action *action) {
  ds_run(action, "DROP TABLE notes");
  ds_run(action, NOTES);
  ds_run(action, "INSERT INTO notes VALUES (:id)");
}

static void open_rows(ds_action *action) {
  ds_run(action, "INSERT INTO notes VALUES (:id)");
  ds_next(ds_query(action, "SELECT id FROM notes"));
  ds_reject(action, DS_REJECTED, "With rows still open.");
}

static volatile int zero = 0;

// Takes more of the stack than there is. Unlike ds_panic this leaves an instance behind in which nothing runs any more: its stack stays full.
static int overflow(int depth) {
  volatile char room[3000];
  room[0] = room[2999] = (char)depth;
  return depth > zero ? overflow(depth + 1) + room[0] + room[2999] : 0;
}

// Whether an address asks for it, by its end.
static bool asks_for(ds_action *action, ds_view word) {
  ds_view url = ds_payload_text(action, "url");
  return url.size >= word.size && ds_view_equal((ds_view){url.at + url.size - word.size, word.size}, word);
}

static void on_request(ds_action *action) {
  ds_run(action, "INSERT INTO notes VALUES ('asked for')");
  if (asks_for(action, DS_LITERAL("user=trap")) && overflow(1) == 1) ds_panic();
}

static void on_connect(ds_action *action) {
  if (asks_for(action, DS_LITERAL("user=refused")) && overflow(1) == 1) ds_panic();
  if (asks_for(action, DS_LITERAL("user=leaver"))) ds_result(action, DS_LITERAL("{\"user\":\"leaver\"}"));
}

static void on_close(ds_action *action) {
  if (!ds_view_absent(ds_identity(action, "user")) && overflow(1) == 1) ds_panic();
}

static void on_alarm(ds_action *action) {
  ds_run(action, "INSERT INTO notes VALUES ('rung')");
  if (overflow(1) == 1) ds_panic();
}

static void ring(ds_action *action) {
  ds_set_alarm(action, ds_now(action));
}

const ds_app durasync_app = {
  .channels = (const ds_channel[]){{.name = "notes"}, {0}},
  .migrations = (const ds_migration[]){{NOTES}, {0}},
  .actions =
    (const ds_action_type[]){
      {"notes", "keep", keep},
      {"notes", "trap", trap},
      {"notes", "half", half},
      {"notes", "refuse", refuse},
      {"notes", "twice", twice},
      {"notes", "answer", answer},
      {"notes", "open-rows", open_rows},
      {"notes", "remake", remake},
      {"notes", "ring", ring},
      {0},
    },
  .on = {[DS_ON_ALARM] = on_alarm, [DS_ON_CONNECT] = on_connect, [DS_ON_CLOSE] = on_close, [DS_ON_REQUEST] = on_request},
};
