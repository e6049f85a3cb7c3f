// SPDX-License-Identifier: MIT
// What durasync.h promises to handlers.
#include "../../src/durasync.h"
#include "talk.h"
#include "test.h"

#include <stdio.h>

// ---- Values

static void store_payload(ds_action *action) {
  ds_run(action, "INSERT INTO notes SELECT :id, :value");
}

static void store_bound(ds_action *action) {
  ds_bind_text(action, "value", DS_LITERAL("not this one"));
  ds_bind_text(action, "value", DS_LITERAL("it's \"quoted\"\n\x01\xc3\xa9"));
  ds_bind_int(action, "least", INT64_MIN);
  ds_bind_int(action, "most", INT64_MAX);
  ds_bind_null(action, "nothing");
  ds_run(action, "INSERT INTO notes VALUES (1, @value), (2, @least), (3, @most), (4, @nothing), (5, @never_bound), (6, @now)");
}

// Marks that are not parameters, since they stand in strings, names and comments, beside some that are.
static void store_marks(ds_action *action) {
  ds_run(action,
    "INSERT INTO notes (id, \"value\") /* :id @now ' */ SELECT :id, 'a :id '' @now' || \"c:d\" || [c:d] || `c:d` -- :value '\n"
    " || :value FROM (SELECT 'e' AS \"c:d\")");
}

// ---- Rows

static void copy_rows(ds_action *action) {
  ds_rows *rows = ds_query(action, "SELECT id, value FROM notes WHERE id < :below ORDER BY id");
  int64_t sum = 0;
  bool null_is_absent = true;
  while (ds_next(rows)) {
    sum += ds_column_int(rows, 0);
    if (ds_column_int(rows, 0) == 2) null_is_absent = ds_view_absent(ds_column_text(rows, 1)) && ds_column_int(rows, 1) == 0;
    else if (!ds_view_is(ds_column_text(rows, 1), "x")) ds_reject(action, DS_CONFLICT, "another value");
  }
  bool over = !ds_next(rows) && ds_column_int(rows, 0) == 0 && ds_view_absent(ds_column_text(rows, 1));
  ds_close(rows);
  if (!null_is_absent || !over) ds_reject(action, DS_CONFLICT, "a row beyond the last, or NULL as a text");
  ds_bind_int(action, "sum", sum);
  ds_run(action, "INSERT INTO notes VALUES (100, @sum)");
  if (ds_changes(action) != 1) ds_reject(action, DS_CONFLICT, "changes");
}

// ---- Failure

// After the first failure nothing does anything, and every question is answered by nothing.
static void go_on_regardless(ds_action *action) {
  ds_run(action, "INSERT INTO notes VALUES (1, 'x')");
  ds_reject(action, DS_FORBIDDEN, "First.");
  ds_reject(action, DS_CONFLICT, "Second.");
  ds_run(action, "INSERT INTO notes VALUES (2, 'x')");
  ds_result(action, DS_LITERAL("1"));
  bool silent = ds_failed(action) && ds_changes(action) == 0 && !ds_next(ds_query(action, "SELECT 1")) &&
    ds_view_absent(ds_payload_text(action, "id"));
  if (!silent) ds_panic();
}

static void reject_without_code(ds_action *action) {
  ds_run(action, "INSERT INTO notes VALUES (1, 'x')");
  ds_reject(action, DS_OK, "this must not be a commit");
}

static void reject_without_words(ds_action *action) {
  ds_reject(action, DS_NOT_FOUND, NULL);
}

static void answer_nonsense(ds_action *action) {
  ds_run(action, "INSERT INTO notes VALUES (1, 'x')");
  ds_result(action, DS_LITERAL("{not json"));
}

// ---- Time and chance

static void store_chance(ds_action *action) {
  char bytes[2] = {0, 0};
  ds_random(action, bytes, sizeof bytes);
  ds_bind_int(action, "chance", (unsigned char)bytes[0] != (unsigned char)bytes[1]);
  ds_bind_int(action, "time", ds_now(action));
  ds_run(action, "INSERT INTO notes VALUES (:id, @chance || ' ' || (@time = @now))");
}

static const ds_app handler_app = {
  .channels = (const ds_channel[]){{.name = "notes"}, {0}},
  .migrations = (const ds_migration[]){{"CREATE TABLE notes (id INTEGER PRIMARY KEY, value)"}, {0}},
  .actions =
    (const ds_action_type[]){
      {"notes", "payload", store_payload},
      {"notes", "bound", store_bound},
      {"notes", "marks", store_marks},
      {"notes", "rows", copy_rows},
      {"notes", "regardless", go_on_regardless},
      {"notes", "codeless", reject_without_code},
      {"notes", "wordless", reject_without_words},
      {"notes", "nonsense", answer_nonsense},
      {"notes", "chance", store_chance},
      {0},
    },
};

#define PATCH "{\"type\":\"patch\",\"epoch\":\"0001020304050607\",\"changes\":[],\"outcomes\":["
#define STORED "SELECT id, value, typeof(value) FROM notes ORDER BY id"

static world run_one(const char *before, const char *type, const char *payload, const char *outcome) {
  world w = talk_start(&handler_app);
  if (before) talk_sql(&w, before, "[]");
  world_turn(&w);
  ds_socket socket = talk_greet(&w, "a");
  talk_act(&w, socket, 1, "notes", type, payload);
  char start[400];
  snprintf(start, sizeof start, PATCH "{\"number\":1,%s", outcome);
  talk_hear(&w, socket, start);
  return w;
}

static void check_stored(const char *type, const char *payload, const char *rows) {
  world w = run_one(NULL, type, payload, "\"status\":\"committed\"}]}");
  talk_sql(&w, STORED, rows);
  world_free(&w);
}

static void check_refused(const char *type, const char *outcome) {
  world w = run_one(NULL, type, "{\"id\":\"1\"}", outcome);
  talk_sql(&w, "SELECT count(*) FROM notes", "[[0]]");
  world_free(&w);
}

static void a_payload_is_stored_as_the_values_it_holds(void) {
  check_stored("payload", "{\"id\":1,\"value\":\"5\"}", "[[1,\"5\",\"text\"]]");
  check_stored("payload", "{\"id\":1,\"value\":9007199254740993}", "[[1,9007199254740993,\"integer\"]]");
  check_stored("payload", "{\"id\":-9223372036854775808,\"value\":true}", "[[-9223372036854775808,1,\"integer\"]]");
  check_stored("payload", "{\"id\":1,\"value\":null}", "[[1,null,\"null\"]]");
  check_stored("payload", "{\"id\":1}", "[[1,null,\"null\"]]");
  check_stored("payload", "{\"id\":1,\"value\":[1,{\"a\":2}]}", "[[1,\"[1,{\\\"a\\\":2}]\",\"text\"]]");
  check_stored("payload", "{\"value\":\"\",\"id\":1,\"more\":2}", "[[1,\"\",\"text\"]]");
}

static void bound_values_are_exact_and_the_newest_counts(void) {
  check_stored("bound", "null",
    "[[1,\"it's \\\"quoted\\\"\\u000a\\u0001\xc3\xa9\",\"text\"],[2,-9223372036854775808,\"integer\"],[3,9223372036854775807,\"integer\"],"
    "[4,null,\"null\"],[5,null,\"null\"],[6,1700000000000,\"integer\"]]");
}

static void marks_in_strings_names_and_comments_are_no_parameters(void) {
  check_stored("marks", "{\"id\":7,\"value\":\"!\"}", "[[7,\"a :id ' @noweee!\",\"text\"]]");
}

static void rows_are_read_one_by_one_to_their_end(void) {
  world w = run_one("INSERT INTO notes VALUES (1, 'x'), (2, NULL), (3, 'x'), (50, 'y')", "rows", "{\"below\":10}", "\"status\":\"committed\"}]}");
  talk_sql(&w, "SELECT value FROM notes WHERE id = 100", "[[6]]");
  world_free(&w);
}

static void after_the_first_failure_nothing_happens_any_more(void) {
  check_refused("regardless", "\"status\":\"rejected\",\"code\":\"forbidden\",\"message\":\"First.\"}]}");
}

static void a_rejection_needs_a_code_and_has_words(void) {
  check_refused("codeless", "\"status\":\"rejected\",\"code\":\"internal\"");
  check_refused("wordless", "\"status\":\"rejected\",\"code\":\"not_found\",\"message\":\"The record does not exist.\"}]}");
}

static void a_result_that_is_not_json_leaves_nothing(void) {
  check_refused("nonsense", "\"status\":\"rejected\",\"code\":\"internal\"");
}

static void a_turn_has_one_time_and_the_hosts_chance(void) {
  check_stored("chance", "{\"id\":1}", "[[1,\"1 1\",\"text\"]]");
}

const test handler_tests[] = {
  {"a payload is stored as the values it holds", a_payload_is_stored_as_the_values_it_holds},
  {"bound values are exact, and the newest counts", bound_values_are_exact_and_the_newest_counts},
  {"marks in strings, names and comments are no parameters", marks_in_strings_names_and_comments_are_no_parameters},
  {"rows are read one by one, to their end", rows_are_read_one_by_one_to_their_end},
  {"after the first failure nothing happens any more", after_the_first_failure_nothing_happens_any_more},
  {"a rejection needs a code, and has words", a_rejection_needs_a_code_and_has_words},
  {"a result that is not JSON leaves nothing", a_result_that_is_not_json_leaves_nothing},
  {"a turn has one time, and the host's chance", a_turn_has_one_time_and_the_hosts_chance},
  {0},
};
