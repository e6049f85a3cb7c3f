// SPDX-License-Identifier: MIT
#include "replica.h"

#include <stdlib.h>
#include <string.h>

#include "../../src/json.h"
#include "../core/test.h"
#include "cells.h"

replica replica_new(void) {
  return (replica){.arena = ds_arena_new()};
}

void replica_free(replica *replica) {
  ds_arena_free(replica->arena);
  free(replica->rows);
}

static ds_view kept(replica *replica, ds_view view) {
  return ds_arena_copy(replica->arena, view);
}

static int64_t integer(ds_view object, const char *name) {
  int64_t value = -1;
  CHECK(ds_json_int(ds_json_member(object, name), &value));
  return value;
}

// ---- Rows

static int compare(ds_view a, ds_view b) {
  int order = memcmp(a.at, b.at, a.size < b.size ? a.size : b.size);
  return order ? order : (a.size > b.size) - (a.size < b.size);
}

// The position of the row with that key, or where it would stand.
static uint32_t position_of(const replica *replica, ds_view key) {
  uint32_t low = 0;
  uint32_t high = replica->row_count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (compare(replica->rows[middle].key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

static replica_row *find(replica *replica, ds_view key) {
  uint32_t at = position_of(replica, key);
  return at < replica->row_count && ds_view_equal(replica->rows[at].key, key) ? &replica->rows[at] : NULL;
}

// The items of a JSON array, kept in the replica; returns how many.
static uint32_t cells_of(replica *replica, ds_view array, ds_view *cells) {
  uint32_t count = 0;
  for (ds_json_iterator cell = ds_json_iterate(array); ds_json_next(&cell) && count < 2 * REPLICA_MAX_COLUMNS;) cells[count++] = kept(replica, cell.value);
  return count;
}

static ds_view array_of(replica *replica, const ds_view *cells, const uint32_t *positions, uint32_t count) {
  ds_text array = ds_text_new(replica->arena);
  ds_text_str(&array, "[");
  for (uint32_t i = 0; i < count; i++) {
    if (i) ds_text_str(&array, ",");
    ds_text_add(&array, cells[positions ? positions[i] : i]);
  }
  ds_text_str(&array, "]");
  return ds_text_view(&array);
}

static replica_row *insert(replica *replica, ds_view key) {
  if (replica->row_count == replica->row_room) {
    replica->row_room = replica->row_room ? 2 * replica->row_room : 64;
    replica->rows = realloc(replica->rows, replica->row_room * sizeof *replica->rows);
    if (!replica->rows) ds_panic();
  }
  uint32_t at = position_of(replica, key);
  memmove(replica->rows + at + 1, replica->rows + at, (replica->row_count - at) * sizeof *replica->rows);
  replica->row_count++;
  replica->rows[at].key = key;
  return &replica->rows[at];
}

// Returns the record's key.
static ds_view put(replica *replica, ds_view record) {
  ds_view cells[2 * REPLICA_MAX_COLUMNS];
  uint32_t count = cells_of(replica, record, cells);
  CHECK_INT(count, replica->column_count);
  ds_view key = array_of(replica, cells, replica->key, replica->key_count);
  replica_row *row = find(replica, key);
  if (!row) row = insert(replica, key);
  row->cells = ds_arena_take(replica->arena, replica->column_count * sizeof *cells);
  memcpy(row->cells, cells, (count < replica->column_count ? count : replica->column_count) * sizeof *cells);
  return key;
}

static void set(replica *replica, ds_view columns, ds_view cells) {
  ds_view values[2 * REPLICA_MAX_COLUMNS];
  uint32_t at = replica->key_count;
  uint32_t count = cells_of(replica, cells, values);
  replica_row *row = find(replica, array_of(replica, values, NULL, replica->key_count));
  // While pages are under way, the record may be one that a later page brings.
  CHECK(row != NULL || !replica->synced);
  for (ds_json_iterator column = ds_json_iterate(columns); ds_json_next(&column) && at < count; at++) {
    int64_t position = -1;
    CHECK(ds_json_int(column.value, &position) && position >= 0 && position < replica->column_count);
    if (row) row->cells[position] = values[at];
  }
  CHECK_INT(at, count);
}

static void del(replica *replica, ds_view key) {
  replica_row *row = find(replica, key);
  if (!row) return;
  replica->row_count--;
  memmove(row, row + 1, (size_t)(replica->rows + replica->row_count - row) * sizeof *row);
}

// ---- Frames

static void begin_snapshot(replica *replica, ds_view page) {
  replica->epoch = kept(replica, ds_json_member(page, "epoch"));
  replica->shape = kept(replica, ds_json_member(page, "shape"));
  replica->version = integer(page, "version");
  replica->row_count = 0;
  replica->key_count = 0;
  replica->gap = false;
  ds_view columns[2 * REPLICA_MAX_COLUMNS];
  replica->column_count = cells_of(replica, ds_json_member(page, "columns"), columns);
  for (ds_json_iterator key = ds_json_iterate(ds_json_member(page, "key")); ds_json_next(&key);) {
    int64_t position = -1;
    CHECK(ds_json_int(key.value, &position) && position >= 0 && position < replica->column_count);
    replica->key[replica->key_count++] = (uint32_t)position;
  }
}

static void hear_page(replica *replica, ds_view page) {
  if (ds_json_type(ds_json_member(page, "first")) == DS_JSON_TRUE) begin_snapshot(replica, page);
  CHECK_VIEW(ds_json_member(page, "shape"), replica->shape);
  CHECK_INT(integer(page, "version"), replica->version);
  for (ds_json_iterator row = ds_json_iterate(cells_records(replica->arena, page)); ds_json_next(&row);) put(replica, row.value);
  replica->next = integer(page, "next");
  ds_view end = ds_json_member(page, "end");
  CHECK(ds_view_absent(end) == (replica->next == 0));
  if (replica->next) replica->last = kept(replica, end);
  replica->synced = replica->next == 0;
}

static void hear_change(replica *replica, ds_view change) {
  CHECK(integer(change, "from") <= integer(change, "to"));
  // Over a gap nothing counts but the answer, which goes on exactly from the cursor.
  if (replica->gap && integer(change, "from") != replica->version) return;
  // A change of another shape is not for records of this one: the table has been migrated.
  replica->gap = integer(change, "from") > replica->version || !ds_view_equal(ds_json_member(change, "shape"), replica->shape);
  if (replica->gap) return;
  for (ds_json_iterator key = ds_json_iterate(ds_json_member(change, "del")); ds_json_next(&key);) del(replica, key.value);
  for (ds_json_iterator record = ds_json_iterate(ds_json_member(change, "put")); ds_json_next(&record);) put(replica, record.value);
  for (ds_json_iterator list = ds_json_iterate(ds_json_member(change, "set")); ds_json_next(&list);)
    for (ds_json_iterator row = ds_json_iterate(ds_json_member(list.value, "rows")); ds_json_next(&row);)
      set(replica, ds_json_member(list.value, "columns"), row.value);
  replica->version = integer(change, "to");
}

void replica_hear(replica *replica, ds_view frame) {
  ds_view type = ds_json_member(frame, "type");
  if (ds_json_is_string(type, "page")) hear_page(replica, frame);
  if (!ds_json_is_string(type, "patch")) return;
  for (ds_json_iterator change = ds_json_iterate(ds_json_member(frame, "changes")); ds_json_next(&change);) hear_change(replica, change.value);
}

ds_view replica_cursor(replica *replica) {
  ds_text cursor = ds_text_new(replica->arena);
  if (!replica->synced) return DS_LITERAL("null");
  ds_text_str(&cursor, "{\"epoch\":");
  ds_text_add(&cursor, replica->epoch);
  ds_text_str(&cursor, ",\"shape\":");
  ds_text_add(&cursor, replica->shape);
  ds_text_str(&cursor, ",\"version\":");
  ds_text_int(&cursor, replica->version);
  ds_text_str(&cursor, "}");
  return ds_text_view(&cursor);
}

ds_view replica_records(replica *replica) {
  ds_text all = ds_text_new(replica->arena);
  ds_text_str(&all, "[");
  for (uint32_t i = 0; i < replica->row_count; i++) {
    if (i) ds_text_str(&all, ",");
    ds_text_add(&all, array_of(replica, replica->rows[i].cells, NULL, replica->column_count));
  }
  ds_text_str(&all, "]");
  return ds_text_view(&all);
}
