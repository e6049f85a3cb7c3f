// SPDX-License-Identifier: MIT
#include "patch.h"

#include "json.h"
#include "records.h"

// Whether a row belongs into a list; `columns` narrows a list of sets to one set of columns.
typedef bool (*ds_choice)(const ds_net *row, int64_t columns);

static bool is_put(const ds_net *row, int64_t columns) {
  (void)columns;
  return row->verdict == DS_PUT;
}

static bool is_set(const ds_net *row, int64_t columns) {
  return row->verdict == DS_SET && row->columns == columns;
}

static bool is_del(const ds_net *row, int64_t columns) {
  (void)columns;
  return row->verdict == DS_DEL;
}

static bool is_there(const ds_net *row, int64_t columns) {
  (void)columns;
  return row->verdict == DS_PUT || row->verdict == DS_SET;
}

static ds_keys keys_of(ds_sql *sql, const ds_diff *diff, ds_choice chosen, int64_t columns) {
  ds_text keys = ds_text_new(sql->arena);
  int64_t count = 0;
  for (uint32_t i = 0; i < diff->count; i++) {
    if (!chosen(&diff->rows[i], columns)) continue;
    ds_text_str(&keys, count++ ? "," : "[");
    ds_text_add(&keys, diff->rows[i].key);
  }
  if (count == 0) return (ds_keys){0};
  ds_text_str(&keys, "]");
  return (ds_keys){ds_text_view(&keys), count};
}

// ---- Version 2

static void add_head(ds_pieces *json, const ds_table *table, ds_view reader, int64_t from, int64_t to) {
  ds_text head = ds_text_new(json->arena);
  ds_text_fill(&head, "{'channel':$,'shape':$,'from':#,'to':#",
    DS_VALUES(table->channel, ds_table_shape_for(json->arena, table, reader), ds_number(json->arena, from), ds_number(json->arena, to)));
  ds_pieces_text(json, &head);
}

static void count_size(ds_change *change, int64_t size) {
  change->size += size;
  if (change->size > DS_MAX_PATCH) change->whole = false;
}

static void add_rows(ds_change *change, ds_records records) {
  count_size(change, records.size);
  if (records.more) change->whole = false;
}

static void add_puts(ds_change *change, ds_sql *sql, ds_diff *diff) {
  ds_keys keys = keys_of(sql, diff, is_put, 0);
  if (keys.count == 0) return;
  uint32_t before = change->json.count;
  ds_pieces_str(&change->json, ",\"put\":[");
  ds_records records = ds_records_by_key(sql, diff->table, keys, diff->reader, &change->json, DS_MAX_PATCH - change->size);
  if (records.count < keys.count && !records.more) ds_diff_look(diff, sql);
  add_rows(change, records);
  if (records.count) ds_pieces_str(&change->json, "]");
  else change->json.count = before; // not one of them is there
}

static uint32_t columns_of(int64_t set, uint32_t *columns) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < DS_NOTED_COLUMNS; i++)
    if (set >> i & 1) columns[count++] = i;
  return count;
}

static void add_set(ds_change *change, ds_sql *sql, const ds_diff *diff, int64_t set) {
  uint32_t columns[DS_NOTED_COLUMNS];
  uint32_t count = columns_of(set, columns);
  ds_keys keys = keys_of(sql, diff, is_set, set);
  ds_text head = ds_text_new(sql->arena);
  ds_text_str(&head, "{\"columns\":");
  for (uint32_t i = 0; i < count; i++) {
    ds_text_str(&head, i ? "," : "[");
    ds_text_int(&head, columns[i]);
  }
  ds_text_str(&head, "],\"rows\":[");
  ds_pieces_text(&change->json, &head);
  add_rows(change, ds_records_partial(sql, diff->table, keys, columns, count, diff->reader, &change->json, DS_MAX_PATCH - change->size));
  ds_pieces_str(&change->json, "]}");
}

// The different sets of changed columns, in the order of their first row. Rows of sets beyond the cap become puts: a statement a set is not worth it then.
static uint32_t distinct_sets(const ds_diff *diff, int64_t *sets) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < diff->count; i++) {
    ds_net *row = &diff->rows[i];
    if (row->verdict != DS_SET) continue;
    uint32_t at = 0;
    while (at < count && sets[at] != row->columns) at++;
    if (at < count) continue;
    if (count == DS_MAX_COLUMN_SETS) row->verdict = DS_PUT;
    else sets[count++] = row->columns;
  }
  return count;
}

static void add_sets(ds_change *change, ds_sql *sql, const ds_diff *diff, const int64_t *sets, uint32_t count) {
  if (count == 0) return;
  ds_pieces_str(&change->json, ",\"set\":[");
  for (uint32_t i = 0; i < count; i++) {
    if (i) ds_pieces_str(&change->json, ",");
    add_set(change, sql, diff, sets[i]);
  }
  ds_pieces_str(&change->json, "]");
}

static void add_dels(ds_change *change, ds_sql *sql, const ds_diff *diff) {
  ds_keys keys = keys_of(sql, diff, is_del, 0);
  if (keys.count == 0) return;
  ds_pieces_str(&change->json, ",\"del\":");
  ds_pieces_view(&change->json, keys.json);
  count_size(change, (int64_t)keys.json.size);
}

ds_change ds_change_of(ds_sql *sql, ds_diff *diff) {
  ds_change change = {.json = ds_pieces_new(sql->arena), .whole = true};
  int64_t sets[DS_MAX_COLUMN_SETS];
  uint32_t set_count = distinct_sets(diff, sets);
  add_head(&change.json, diff->table, diff->reader, diff->from, diff->to);
  add_puts(&change, sql, diff);
  add_sets(&change, sql, diff, sets, set_count);
  add_dels(&change, sql, diff);
  ds_pieces_str(&change.json, "}");
  return change;
}

ds_change ds_change_empty(ds_sql *sql, const ds_table *table, ds_view reader, int64_t from, int64_t to) {
  ds_change change = {.json = ds_pieces_new(sql->arena), .whole = true};
  add_head(&change.json, table, reader, from, to);
  ds_pieces_str(&change.json, "}");
  return change;
}

ds_pieces ds_patch_frame(ds_arena *arena, ds_view epoch, const ds_pieces *changes, ds_view outcomes) {
  ds_text head = ds_text_new(arena);
  ds_text_fill(&head, "{'type':'patch','epoch':$,'changes':[", &epoch);
  ds_pieces frame = ds_pieces_new(arena);
  ds_pieces_text(&frame, &head);
  ds_pieces_join(&frame, changes);
  ds_pieces_str(&frame, "],\"outcomes\":[");
  ds_pieces_view(&frame, outcomes);
  ds_pieces_str(&frame, "]}");
  return frame;
}

// ---- Version 1

void ds_deleted_record(ds_text *text, const ds_table *table, ds_view key, int64_t now) {
  ds_view cells[DS_MAX_COLUMNS] = {{0}};
  ds_json_iterator cell = ds_json_iterate(key);
  for (uint32_t i = 0; i < table->key_count && ds_json_next(&cell); i++) cells[table->key[i]] = cell.value;
  for (uint32_t i = 0; i < table->column_count; i++) {
    ds_text_str(text, i ? "," : "[");
    if (cells[i].at) ds_text_add(text, cells[i]);
    else if ((int32_t)i == table->deleted_at) ds_text_int(text, now);
    else ds_text_str(text, "null");
  }
  ds_text_str(text, "]");
}

// A row that came and went within the turn is told as well: the result of an action in between may have shown it. To a reader who has rows of their own, nothing may be nothing of theirs.
static bool is_gone(const ds_diff *diff, const ds_net *row) {
  return row->verdict == DS_DEL || (row->verdict == DS_NOTHING && !diff->table->personal);
}

ds_pieces ds_change_records(ds_sql *sql, const ds_diff *diff, int64_t now) {
  ds_pieces json = ds_pieces_new(sql->arena);
  ds_keys keys = keys_of(sql, diff, is_there, 0);
  if (keys.count) ds_records_by_key(sql, diff->table, keys, diff->reader, &json, DS_MAX_WHOLE_TABLE);
  if (diff->table->deleted_at < 0) return json;
  ds_text deleted = ds_text_new(sql->arena);
  for (uint32_t i = 0; i < diff->count; i++) {
    if (!is_gone(diff, &diff->rows[i])) continue;
    if (json.count || deleted.size) ds_text_str(&deleted, ",");
    ds_deleted_record(&deleted, diff->table, diff->rows[i].key, now);
  }
  ds_pieces_text(&json, &deleted);
  return json;
}
