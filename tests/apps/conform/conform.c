// SPDX-License-Identifier: MIT
// The app of the conformance suite, in C. Its twin in TypeScript is in tests/workerd/conform-worker.ts: both must say the same, frame by frame.
#include "durasync.h"

static const ds_field new_note[] = {{"id", DS_TEXT, .min = 1, .max = 64}, {"text", DS_TEXT, .min = 0, .max = 2000}, {0}};

static void create(ds_action *action) {
  ds_run(action, "INSERT INTO notes VALUES (:id, :text, $user)");
}

static void rename_note(ds_action *action) {
  ds_run_found(action, "UPDATE notes SET text = :text WHERE id = :id");
}

static void many(ds_action *action) {
  ds_run(action, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count) INSERT INTO notes SELECT printf('%05d', i), 'one of many', NULL FROM n");
}

static void wipe(ds_action *action) {
  ds_require(action, "$role = 'admin'");
  ds_run(action, "DELETE FROM notes");
}

static void count(ds_action *action) {
  ds_rows *rows = ds_query(action, "SELECT json_object('count', count(*)) FROM notes");
  if (ds_next(rows)) ds_result(action, ds_column_text(rows, 0));
  ds_close(rows);
}

static void who(ds_action *action) {
  ds_rows *rows = ds_query(action, "SELECT json_object('user', $user, 'role', $role)");
  if (ds_next(rows)) ds_result(action, ds_column_text(rows, 0));
  ds_close(rows);
}

static void keep_secret(ds_action *action) {
  ds_run(action, "INSERT INTO secrets VALUES (:id)");
  ds_run(action, "INSERT INTO notes VALUES (:id, 'a secret was kept', NULL)");
}

static void conflict(ds_action *action) {
  create(action);
  ds_reject_with(action, DS_CONFLICT, "Somebody was faster.", DS_LITERAL("{\"winner\":\"b\"}"));
}

static void refuse(ds_action *action) {
  create(action);
  ds_reject(action, DS_REJECTED, NULL);
}

static void fail(ds_action *action) {
  create(action);
  ds_run(action, "SELECT secret_column FROM nowhere");
}

static void nothing(ds_action *action) {
  ds_run(action, "INSERT INTO notes (id) VALUES (:id)");
}

static void large(ds_action *action) {
  ds_run(action, "INSERT INTO notes VALUES (:id, '', hex(zeroblob(450000)))");
}

static void large_result(ds_action *action) {
  create(action);
  ds_rows *rows = ds_query(action, "SELECT '\"' || printf('%.*c', 100000, 'x') || '\"'");
  if (ds_next(rows)) ds_result(action, ds_column_text(rows, 0));
  ds_close(rows);
}

static void remind(ds_action *action) {
  ds_set_alarm(action, ds_now(action));
}

static void on_start(ds_action *action) {
  ds_run(action, "INSERT INTO notes SELECT '0', 'made at the start', NULL WHERE NOT EXISTS (SELECT 1 FROM notes WHERE id = '0')");
}

static void on_alarm(ds_action *action) {
  ds_run(action, "INSERT INTO notes VALUES ('alarm', 'made by the alarm', NULL)");
}

static void on_connect(ds_action *action) {
  ds_rows *rows = ds_query(action,
    "SELECT json_object('user', user, 'role', iif(user = 'root', 'admin', 'guest')), user = 'mallory' FROM (SELECT substr(:url, instr(:url, '?user=') + 6) AS user) "
    "WHERE instr(:url, '?user=')");
  if (!ds_next(rows)) return;
  if (ds_column_int(rows, 1)) ds_reject(action, DS_FORBIDDEN, "Not you.");
  ds_result(action, ds_column_text(rows, 0));
}

static void on_request(ds_action *action) {
  ds_run(action, "INSERT INTO notes VALUES (substr(:url, instr(:url, '?id=') + 4), 'made by a request', NULL)");
  ds_result(action, DS_LITERAL("{\"status\":201,\"headers\":{\"x-made\":\"yes\"},\"body\":\"made\"}"));
}

// Beyond what the twin does: in C it is the app that hears of it.
static void on_close(ds_action *action) {
  ds_run(action, "INSERT INTO notes SELECT 'left', 'somebody went', $user WHERE $user = 'leaver'");
}

static void readers(ds_action *action) {
  ds_require(action, "$role = 'admin'");
}

const ds_app durasync_app = {
  .channels = (const ds_channel[]){{.name = "notes"}, {.name = "secrets", .can_read = readers}, {.name = "mine", .table = "notes", .where = "author = $user"}, {0}},
  .migrations =
    (const ds_migration[]){
      {"CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, text TEXT NOT NULL CONSTRAINT short CHECK (length(text) < 100), author TEXT) STRICT"},
      {"CREATE TABLE secrets (id TEXT PRIMARY KEY NOT NULL) STRICT"},
      {0},
    },
  .actions =
    (const ds_action_type[]){
      {"notes", "create", create, new_note},
      {"notes", "rename", rename_note},
      {"notes", "many", many},
      {"notes", "wipe", wipe},
      {"notes", "count", count},
      {"notes", "who", who},
      {"notes", "conflict", conflict},
      {"notes", "refuse", refuse},
      {"notes", "fail", fail},
      {"notes", "nothing", nothing},
      {"notes", "large", large},
      {"notes", "large result", large_result},
      {"notes", "remind", remind},
      {"secrets", "keep", keep_secret},
      {0},
    },
  .on = {[DS_ON_START] = on_start, [DS_ON_ALARM] = on_alarm, [DS_ON_CONNECT] = on_connect, [DS_ON_CLOSE] = on_close, [DS_ON_REQUEST] = on_request},
  .version = 3,
  .min_version = 2,
};
