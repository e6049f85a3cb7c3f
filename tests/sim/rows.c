// SPDX-License-Identifier: MIT
#include "rows.h"

#include <stdlib.h>
#include <string.h>

#include "../../src/json.h"
#include "chance.h"
#include "fail.h"

uint64_t row_hash(ds_view json) {
  uint64_t hash = UINT64_C(14695981039346656037);
  for (size_t i = 0; i < json.size; i++) hash = (hash ^ (unsigned char)json.at[i]) * UINT64_C(1099511628211);
  return chance_mix(hash);
}

rows rows_new(uint32_t column_count, ds_view key) {
  rows r = {.arena = ds_arena_new(), .column_count = column_count};
  if (column_count > ROWS_MAX_COLUMNS) sim_fail("%u columns", column_count);
  for (ds_json_iterator cell = ds_json_iterate(key); ds_json_next(&cell);) {
    int64_t at = -1;
    if (!ds_json_int(cell.value, &at) || at < 0 || at >= column_count || r.key_count == ROWS_MAX_COLUMNS) sim_fail("a key that is none: %.*s", (int)key.size, key.at);
    r.key[r.key_count++] = (uint32_t)at;
  }
  return r;
}

void rows_free(rows *r) {
  ds_arena_free(r->arena);
  free(r->items);
  *r = (rows){0};
}

static ds_view array_of(rows *r, const ds_view *cells, const uint32_t *positions, uint32_t count) {
  ds_text array = ds_text_new(r->arena);
  for (uint32_t i = 0; i < count; i++) {
    ds_text_str(&array, i ? "," : "[");
    ds_text_add(&array, cells[positions ? positions[i] : i]);
  }
  ds_text_str(&array, "]");
  return ds_text_view(&array);
}

static uint32_t cells_of(rows *r, ds_view array, ds_view *cells, uint32_t room) {
  uint32_t count = 0;
  for (ds_json_iterator cell = ds_json_iterate(array); ds_json_next(&cell); count++) {
    if (count == room) sim_fail("too many cells: %.*s", (int)array.size, array.at);
    cells[count] = ds_arena_copy(r->arena, cell.value);
  }
  return count;
}

static row *find(rows *r, ds_view key) {
  for (uint32_t i = 0; i < r->count; i++)
    if (ds_view_equal(r->items[i].key, key)) return &r->items[i];
  return NULL;
}

static void rehash(rows *r, row *one) {
  r->contents -= one->hash;
  one->hash = row_hash(array_of(r, one->cells, NULL, r->column_count));
  r->contents += one->hash;
}

static row *append(rows *r, ds_view key) {
  if (r->count == r->room) {
    r->room = r->room ? 2 * r->room : 16;
    r->items = realloc(r->items, r->room * sizeof *r->items);
    if (!r->items) sim_fail("out of memory");
  }
  r->items[r->count] = (row){.key = key};
  return &r->items[r->count++];
}

rows rows_copy(const rows *r) {
  rows copy = *r;
  copy.arena = ds_arena_new();
  copy.items = NULL;
  copy.count = copy.room = 0;
  for (uint32_t i = 0; i < r->count; i++) {
    row *one = append(&copy, ds_arena_copy(copy.arena, r->items[i].key));
    one->hash = r->items[i].hash;
    for (uint32_t cell = 0; cell < r->column_count; cell++) one->cells[cell] = ds_arena_copy(copy.arena, r->items[i].cells[cell]);
  }
  return copy;
}

ds_view rows_put(rows *r, ds_view record) {
  ds_view cells[ROWS_MAX_COLUMNS];
  uint32_t count = cells_of(r, record, cells, ROWS_MAX_COLUMNS);
  if (count != r->column_count) sim_fail("a record of %u cells, not %u: %.*s", count, r->column_count, (int)record.size, record.at);
  ds_view key = array_of(r, cells, r->key, r->key_count);
  row *one = find(r, key);
  if (!one) one = append(r, key);
  memcpy(one->cells, cells, count * sizeof *cells);
  one->seen = true;
  rehash(r, one);
  return one->key;
}

bool rows_set(rows *r, ds_view columns, ds_view cells) {
  ds_view values[2 * ROWS_MAX_COLUMNS];
  uint32_t count = cells_of(r, cells, values, 2 * ROWS_MAX_COLUMNS);
  row *one = find(r, array_of(r, values, NULL, r->key_count));
  uint32_t at = r->key_count;
  for (ds_json_iterator column = ds_json_iterate(columns); ds_json_next(&column); at++) {
    int64_t position = -1;
    if (!ds_json_int(column.value, &position) || position < 0 || position >= r->column_count || at >= count) sim_fail("a set that fits nothing: %.*s", (int)cells.size, cells.at);
    if (one) one->cells[position] = values[at];
  }
  if (at != count) sim_fail("a set of %u cells, not %u", count, at);
  if (one) rehash(r, one);
  return one != NULL;
}

void rows_del(rows *r, ds_view key) {
  row *one = find(r, key);
  if (!one) return;
  r->contents -= one->hash;
  *one = r->items[--r->count];
}

void rows_look(rows *r) {
  for (uint32_t i = 0; i < r->count; i++) r->items[i].seen = false;
}

void rows_retain_seen(rows *r) {
  for (uint32_t i = r->count; i > 0; i--)
    if (!r->items[i - 1].seen) rows_del(r, r->items[i - 1].key);
}
