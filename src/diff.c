// SPDX-License-Identifier: MIT
#include "diff.h"

#include "failing.h"

#include <string.h>

// An index from key to row: open addressing, at most half full.
typedef struct key_index {
  ds_arena *arena;
  uint32_t *slots; // position in rows plus one; 0 is free
  uint32_t slot_count;
  ds_net *rows;
  uint32_t row_count;
  uint32_t row_room;
} key_index;

static uint32_t *slot_of(const key_index *index, ds_view key) {
  uint32_t at = ds_view_hash(key) & (index->slot_count - 1);
  while (index->slots[at] && !ds_view_equal(index->rows[index->slots[at] - 1].key, key)) at = (at + 1) & (index->slot_count - 1);
  return &index->slots[at];
}

static void grow(key_index *index) {
  uint32_t room = index->row_room ? 2 * index->row_room : 16;
  ds_net *rows = ds_arena_take(index->arena, room * sizeof *rows);
  if (index->row_count) memcpy(rows, index->rows, index->row_count * sizeof *rows);
  index->rows = rows;
  index->row_room = room;
  index->slot_count = 2 * room;
  index->slots = ds_arena_take(index->arena, index->slot_count * sizeof *index->slots);
  for (uint32_t i = 0; i < index->row_count; i++) *slot_of(index, rows[i].key) = i + 1;
}

static ds_net *row_of(key_index *index, ds_view key) {
  if (index->row_count == index->row_room) grow(index);
  uint32_t *slot = slot_of(index, key);
  if (*slot == 0) {
    index->rows[index->row_count] = (ds_net){.key = key};
    *slot = ++index->row_count;
  }
  return &index->rows[*slot - 1];
}

static void count_entry(ds_net *row, const ds_log_entry *entry) {
  if (entry->op == DS_INSERT) row->inserts++;
  else if (entry->op == DS_DELETE) row->deletes++;
  else if (entry->op == DS_MAYBE) row->ousted = true;
  else row->columns |= entry->columns;
  if (entry->seen) row->seen = true;
  else row->unseen = true;
}

// Whether the newest entry is all that there is to read. Whom a row of a personal channel concerns is in the log alone.
static bool is_lone(const ds_diff *diff, ds_log_entry *newest) {
  return newest->seen &&
    newest->version == diff->from + 1 && !diff->table->personal && ds_log_entry_sound(diff->table, newest);
}

static void take_lone(ds_diff *diff, ds_sql *sql, const ds_log_entry *entry) {
  diff->rows = ds_arena_take(sql->arena, sizeof *diff->rows);
  *diff->rows = (ds_net){.key = entry->key};
  count_entry(diff->rows, entry);
  diff->count = 1;
  diff->to = entry->version;
}

// Reads the log into one row a key. False if that goes beyond a cap. `singly`: it asks of each entry by itself whether the reader saw the row.
static bool read_entries(ds_diff *diff, ds_sql *sql, int64_t limit, bool singly) {
  key_index index = {.arena = sql->arena};
  size_t key_bytes = 0;
  int64_t entries = 0;
  bool fits = true;
  ds_log_entry entry;
  int32_t cursor = singly ? ds_log_entries(sql, diff->table, diff->from, limit + 1) : ds_log_since(sql, diff->table, diff->from, limit + 1, diff->reader);
  while (fits && ds_log_next(sql, cursor, &entry)) {
    if (!ds_log_entry_sound(diff->table, &entry)) {
      fits = false; // nobody knows what changed: who follows the channel fetches it anew
      break;
    }
    if (singly) entry.seen = ds_log_saw(sql, diff->table, entry.version, diff->reader);
    uint32_t before = index.row_count;
    count_entry(row_of(&index, entry.key), &entry);
    if (index.row_count > before) key_bytes += entry.key.size + 1;
    diff->to = entry.version;
    fits = ++entries <= limit && key_bytes < DS_MAX_KEY_BYTES;
  }
  ds_sql_close(sql, cursor);
  diff->rows = index.rows;
  diff->count = index.row_count;
  return fits;
}

static bool read_log(ds_diff *diff, ds_sql *sql, int64_t limit) {
  ds_sql attempt = *sql;
  bool fits = read_entries(diff, &attempt, limit, false);
  return ds_failed_for_a_row(sql, &attempt, diff->table) ? read_entries(diff, sql, limit, true) : fits;
}

// ---- Verdicts

// Whether only the table can tell if the row is there: where the entries contradict each other, where they were written before their statement could still be
// called off (UPDATE OR IGNORE on a part of a table), where a REPLACE may have removed it, and in a log that may have been compacted to the newest entry of each row.
static bool unsure(const ds_diff *diff, const ds_net *row, ds_diff_mode mode) {
  return mode == DS_CATCH_UP || !ds_view_absent(diff->table->where) || row->ousted || (row->inserts && row->deletes);
}

// Marks those of the rows, by their places in the diff, whose keys no record has.
static void mark_absent(const ds_diff *diff, ds_sql *sql, ds_view keys, const uint32_t *rows, bool *absent) {
  ds_text query = ds_text_new(sql->arena);
  ds_table_add(&query, diff->table, "SELECT k.key FROM json_each(?1) AS k WHERE NOT EXISTS (SELECT 1 FROM {rows ?2} WHERE {match k.value})");
  int32_t cursor = ds_table_open(sql, diff->table, &query, &keys, 1, diff->reader);
  while (ds_sql_next(sql, cursor)) absent[rows[ds_sql_integer(sql, cursor, 0)]] = true;
}

// The same row by row: one for which `where` fails is no record.
static void mark_absent_singly(const ds_diff *diff, ds_sql *sql, const uint32_t *rows, uint32_t count, bool *absent) {
  for (uint32_t i = 0; i < count && sql->status == DS_SQL_DONE; i++) {
    ds_sql attempt = *sql;
    ds_text keys = ds_text_new(sql->arena);
    ds_text_fill(&keys, "[#]", &diff->rows[rows[i]].key);
    mark_absent(diff, &attempt, ds_text_view(&keys), &rows[i], absent);
    if (ds_failed_for_a_row(sql, &attempt, diff->table)) absent[rows[i]] = true;
  }
}

// Marks the rows that are not there.
static void find_absent(ds_diff *diff, ds_sql *sql, ds_diff_mode mode, bool *absent) {
  ds_text keys = ds_text_new(sql->arena);
  uint32_t *rows = ds_arena_take(sql->arena, (diff->count + 1) * sizeof *rows);
  uint32_t count = 0;
  for (uint32_t i = 0; i < diff->count; i++) {
    if (!unsure(diff, &diff->rows[i], mode)) continue;
    ds_text_str(&keys, count ? "," : "[");
    ds_text_add(&keys, diff->rows[i].key);
    rows[count++] = i;
  }
  if (count == 0) return;
  ds_text_str(&keys, "]");
  ds_sql attempt = *sql;
  mark_absent(diff, &attempt, ds_text_view(&keys), rows, absent);
  if (ds_failed_for_a_row(sql, &attempt, diff->table)) mark_absent_singly(diff, sql, rows, count, absent);
}

// Of a row that the reader of a personal channel sees now, or has seen.
static ds_verdict personal_verdict(const ds_net *row, bool absent, ds_diff_mode mode) {
  if (absent) return row->seen ? DS_DEL : DS_NOTHING;
  bool stayed = mode == DS_LIVE && !row->unseen && !row->inserts && !row->deletes;
  if (!stayed || row->columns & DS_FURTHER_COLUMNS) return DS_PUT;
  return row->columns ? DS_SET : DS_NOTHING;
}

static ds_verdict verdict_of(const ds_diff *diff, const ds_net *row, bool absent, ds_diff_mode mode) {
  if (diff->table->personal) return personal_verdict(row, absent, mode);
  if (mode == DS_CATCH_UP) return absent ? DS_DEL : DS_PUT;
  if (!absent && !row->inserts && !row->deletes && !row->columns) return DS_NOTHING;
  if (!absent && !ds_view_absent(diff->table->where)) return DS_PUT;
  if (row->deletes && !row->inserts) return DS_DEL;
  if (absent) return row->ousted || row->inserts < row->deletes ? DS_DEL : DS_NOTHING;
  return row->inserts || row->columns & DS_FURTHER_COLUMNS ? DS_PUT : DS_SET;
}

void ds_diff_look(ds_diff *diff, ds_sql *sql) {
  bool *absent = ds_arena_take(sql->arena, diff->count);
  find_absent(diff, sql, DS_CATCH_UP, absent);
  for (uint32_t i = 0; i < diff->count; i++)
    if (absent[i] && diff->rows[i].verdict == DS_PUT) diff->rows[i].verdict = DS_DEL;
}

bool ds_diff_tells(const ds_diff *diff) {
  for (uint32_t i = 0; i < diff->count; i++)
    if (diff->rows[i].verdict != DS_NOTHING) return true;
  return diff->too_large;
}

ds_diff ds_diff_since(ds_sql *sql, const ds_table *table, ds_view reader, int64_t from, int64_t limit, ds_diff_mode mode, const ds_log_entry *newest) {
  ds_diff diff = {.table = table, .reader = reader, .from = from, .to = from};
  ds_log_entry lone = newest ? *newest : (ds_log_entry){0};
  if (is_lone(&diff, &lone)) take_lone(&diff, sql, &lone);
  else diff.too_large = !read_log(&diff, sql, limit);
  if (diff.too_large || diff.count == 0) return diff;
  bool *absent = ds_arena_take(sql->arena, diff.count);
  if (mode == DS_LIVE || table->personal) find_absent(&diff, sql, mode, absent);
  for (uint32_t i = 0; i < diff.count; i++) diff.rows[i].verdict = verdict_of(&diff, &diff.rows[i], absent[i], mode);
  return diff;
}
