// SPDX-License-Identifier: MIT
#include "feed.h"

#include <string.h>

#include "../../src/json.h"
#include "../native/cells.h"
#include "fail.h"
#include "tally.h"

static int64_t integer(ds_view object, const char *name) {
  int64_t value = -1;
  if (!ds_json_int(ds_json_member(object, name), &value)) sim_fail("no integer `%s`: %.*s", name, (int)object.size, object.at);
  return value;
}

// Keeps a string without its quotes, or any other JSON as it is.
static void keep(char *to, size_t room, ds_view json) {
  if (ds_json_type(json) == DS_JSON_STRING) json = (ds_view){json.at + 1, json.size - 2};
  if (json.size >= room) sim_fail("%zu bytes are more than expected: %.*s", json.size, (int)json.size, json.at);
  if (json.size) memcpy(to, json.at, json.size);
  to[json.size] = 0;
}

void feed_reset(feed *f) {
  rows_free(&f->rows);
  *f = (feed){.channel = f->channel, .wanted = f->wanted, .phase = f->phase};
}

bool feed_keepable(const feed *f) {
  return f->has_cursor && !(f->paged && f->seeing);
}

feed feed_copy(const feed *f) {
  feed copy = *f;
  if (f->rows.arena) copy.rows = rows_copy(&f->rows);
  copy.phase = IDLE;
  return copy;
}

static reply subscribe_anew(feed *f) {
  f->has_cursor = false;
  f->paged = false;
  return SUBSCRIBE;
}

// ---- Pages

// Records of the same shape stay until the snapshot is complete, those of another cannot stand beside its rows.
static void begin(feed *f, ds_view page, uint32_t era) {
  uint32_t columns = 0;
  for (ds_json_iterator column = ds_json_iterate(ds_json_member(page, "columns")); ds_json_next(&column);) columns++;
  if (!f->rows.arena || !ds_json_is_string(ds_json_member(page, "shape"), f->shape)) {
    rows_free(&f->rows);
    f->rows = rows_new(columns, ds_json_member(page, "key"));
  }
  keep(f->epoch, sizeof f->epoch, ds_json_member(page, "epoch"));
  keep(f->shape, sizeof f->shape, ds_json_member(page, "shape"));
  f->version = integer(page, "version");
  f->era = era;
  f->has_cursor = f->paged = true;
  f->seeing = f->rows.count > 0;
  f->after[0] = 0;
  f->phase = PAGING;
  rows_look(&f->rows);
  counted->snapshots++;
}

static reply turn_page(feed *f, ds_view page) {
  f->next = integer(page, "next");
  ds_view end = ds_json_member(page, "end");
  if (!ds_view_absent(end)) {
    keep(f->after, sizeof f->after, end);
    ds_view after = ds_json_member(page, "after");
    if (ds_view_absent(after)) return NOTHING;
    keep(f->ask, sizeof f->ask, after);
    return PAGE;
  }
  if (f->seeing) rows_retain_seen(&f->rows);
  f->paged = false;
  f->phase = LIVE;
  return NOTHING;
}

reply feed_page(feed *f, ds_view page, uint32_t era) {
  bool first = ds_json_type(ds_json_member(page, "first")) == DS_JSON_TRUE;
  if (f->phase != (first ? SUBSCRIBING : PAGING) || integer(page, "id") != f->id) return NOTHING;
  if (first) begin(f, page, era);
  else if (!f->paged || !ds_json_is_string(ds_json_member(page, "shape"), f->shape)) return subscribe_anew(f);
  for (ds_json_iterator record = ds_json_iterate(cells_records(f->rows.arena, page)); ds_json_next(&record);) rows_put(&f->rows, record.value);
  return turn_page(f, page);
}

// ---- Changes

// False if a record to be changed is missing though every record should be there.
static bool merge(feed *f, ds_view change) {
  bool complete = true;
  for (ds_json_iterator key = ds_json_iterate(ds_json_member(change, "del")); ds_json_next(&key);) rows_del(&f->rows, key.value);
  for (ds_json_iterator record = ds_json_iterate(ds_json_member(change, "put")); ds_json_next(&record);) rows_put(&f->rows, record.value);
  for (ds_json_iterator set = ds_json_iterate(ds_json_member(change, "set")); ds_json_next(&set);)
    for (ds_json_iterator row = ds_json_iterate(ds_json_member(set.value, "rows")); ds_json_next(&row);)
      complete = rows_set(&f->rows, ds_json_member(set.value, "columns"), row.value) && complete;
  return complete || f->paged;
}

// A snapshot that a lost line interrupted goes on at its next page: the catch-up has mended those before.
static reply resume(feed *f) {
  f->phase = f->paged && f->after[0] ? PAGING : LIVE;
  counted->catch_ups++;
  memcpy(f->ask, f->after, sizeof f->ask);
  return f->phase == PAGING ? PAGE : NOTHING;
}

reply feed_change(feed *f, ds_view epoch, ds_view change, uint32_t era) {
  if (f->phase == IDLE || f->phase == FAILED || !f->has_cursor) return NOTHING;
  int64_t to = integer(change, "to");
  bool known = ds_json_is_string(epoch, f->epoch) && ds_json_is_string(ds_json_member(change, "shape"), f->shape);
  if (!known || integer(change, "from") > f->version) {
    if (f->phase == SUBSCRIBING) return NOTHING;
    counted->gaps++;
    return SUBSCRIBE;
  }
  // The answer goes on exactly from the cursor. Anything else before it would hide the gap that was asked about.
  if (f->phase == SUBSCRIBING && integer(change, "from") != f->version) return NOTHING;
  if (era != f->era) sim_fail("%s: a change of another era, under the same epoch and shape", f->channel);
  if (to > f->version) {
    // Over the network a client would mend this by starting anew, and nobody would notice what was wrong.
    if (!merge(f, change)) sim_fail("%s: a set for a record that is not there: %.*s", f->channel, (int)change.size, change.at);
    f->version = to;
  }
  return f->phase == SUBSCRIBING ? resume(f) : NOTHING;
}

// ---- Once more

reply feed_again(feed *f) {
  memcpy(f->ask, f->after, sizeof f->ask);
  return f->phase == PAGING && f->after[0] ? PAGE : SUBSCRIBE;
}

static void forget_snapshot(feed *f) {
  if (f->paged) f->has_cursor = f->paged = false;
}

void feed_refused(feed *f) {
  forget_snapshot(f);
  f->phase = SUBSCRIBING;
  f->id++;
}

void feed_leave(feed *f) {
  forget_snapshot(f);
  f->phase = IDLE;
}

// ---- Frames

ds_view feed_frame(feed *f, reply reply, ds_arena *arena) {
  ds_text frame = ds_text_new(arena);
  ds_text_str(&frame, reply == SUBSCRIBE ? "{\"type\":\"subscribe\",\"channel\":\"" : "{\"type\":\"page\",\"channel\":\"");
  ds_text_str(&frame, f->channel);
  if (reply == PAGE) {
    ds_text_str(&frame, "\",\"after\":");
    ds_text_str(&frame, f->ask);
    ds_text_str(&frame, ",\"rows\":");
    ds_text_int(&frame, f->next);
    ds_text_str(&frame, ",\"pages\":3,\"id\":");
    ds_text_int(&frame, f->id);
    ds_text_str(&frame, "}");
    return ds_text_view(&frame);
  }
  f->phase = SUBSCRIBING;
  ds_text_str(&frame, "\",\"id\":");
  ds_text_int(&frame, ++f->id);
  ds_text_str(&frame, ",\"cursor\":");
  if (!f->has_cursor) {
    ds_text_str(&frame, "null,\"pages\":3}");
    return ds_text_view(&frame);
  }
  ds_text_str(&frame, "{\"epoch\":\"");
  ds_text_str(&frame, f->epoch);
  ds_text_str(&frame, "\",\"shape\":\"");
  ds_text_str(&frame, f->shape);
  ds_text_str(&frame, "\",\"version\":");
  ds_text_int(&frame, f->version);
  ds_text_str(&frame, "},\"pages\":3}");
  return ds_text_view(&frame);
}
