// SPDX-License-Identifier: MIT
// Any bytes to the JSON reader. What it accepts, SQLite's own reader accepts; its walk stays within the text; every string comes back as it was written.
#include <sqlite3.h>

#include "../../src/json.h"
#include "fuzz.h"

static sqlite3_stmt *json_valid;

static void check_sqlite_agrees(ds_view text) {
  static sqlite3 *database;
  if (!database) {
    FUZZ_CHECK(sqlite3_open(":memory:", &database) == SQLITE_OK);
    FUZZ_CHECK(sqlite3_prepare_v2(database, "SELECT json_valid(?1)", -1, &json_valid, NULL) == SQLITE_OK);
  }
  sqlite3_bind_text64(json_valid, 1, text.at, text.size, SQLITE_STATIC, SQLITE_UTF8);
  FUZZ_CHECK(sqlite3_step(json_valid) == SQLITE_ROW && sqlite3_column_int(json_valid, 0) == 1);
  sqlite3_reset(json_valid);
}

static bool within(ds_view part, ds_view whole) {
  return part.size == 0 || (part.at >= whole.at && part.at + part.size <= whole.at + whole.size);
}

static void check_string(ds_arena *arena, ds_view value) {
  ds_view decoded = ds_json_string(arena, value);
  if (ds_view_absent(decoded)) return;
  ds_text again = ds_text_new(arena);
  ds_text_json(&again, decoded);
  FUZZ_CHECK(ds_json_validate(ds_text_view(&again), NULL));
  FUZZ_CHECK(ds_view_equal(ds_json_string(arena, ds_text_view(&again)), decoded));
}

// Two levels are enough: deeper ones are walked by the same functions.
static void walk(ds_arena *arena, ds_view value, int levels) {
  int64_t number;
  ds_json_int(value, &number);
  check_string(arena, value);
  if (levels == 0) return;
  for (ds_json_iterator item = ds_json_iterate(value); ds_json_next(&item);) {
    FUZZ_CHECK(within(item.name, value) && within(item.value, value));
    FUZZ_CHECK(ds_json_type(item.value) != DS_JSON_ABSENT);
    if (item.named) check_string(arena, item.name);
    walk(arena, item.value, levels - 1);
  }
  ds_json_member(value, "type");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  ds_view text = {(const char *)data, size};
  ds_json_error error = {0};
  if (!ds_json_validate(text, &error)) {
    FUZZ_CHECK(error.message != NULL && error.at <= size);
    return 0;
  }
  check_sqlite_agrees(text);
  ds_arena *arena = ds_arena_new();
  walk(arena, text, 2);
  ds_arena_free(arena);
  return 0;
}
