// SPDX-License-Identifier: MIT
// Subscriptions and pages: reads of the state that the turn ends in.
#include "json.h"
#include "patch.h"
#include "records.h"
#include "turn.h"

static ds_table *table_of(ds_turn *turn, ds_received *received) {
  int32_t channel = ds_channel_index(turn->names, received->frame.channel);
  if (channel >= 0) return &turn->storage->tables[channel];
  ds_turn_refuse(turn, received, DS_UNKNOWN_CHANNEL, NULL);
  return NULL;
}

static void set_subscribed(ds_turn *turn, ds_socket socket, const ds_table *table, bool subscribed) {
  ds_peer *peer = ds_turn_peer(turn, socket);
  uint64_t bit = UINT64_C(1) << (table - turn->storage->tables);
  uint64_t channels = subscribed ? peer->channels | bit : peer->channels & ~bit;
  if (channels == peer->channels) return;
  peer->channels = channels;
  peer->changed = true;
}

// ---- Pages

// The rows a page of about DS_PAGE_SIZE would have, judging by `records`.
static int64_t rows_that_fit(const ds_records *records) {
  int64_t rows = records->count * DS_PAGE_SIZE / (records->size + 1);
  return rows < 1 ? 1 : rows > DS_MAX_PAGE_ROWS ? DS_MAX_PAGE_ROWS : rows;
}

static void add_columns(ds_text *head, const ds_table *table) {
  ds_text_str(head, ",\"columns\":[");
  for (uint32_t i = 0; i < table->column_count; i++) {
    if (i) ds_text_str(head, ",");
    ds_text_json(head, table->columns[i].name);
  }
  ds_text_str(head, "],\"key\":[");
  for (uint32_t i = 0; i < table->key_count; i++) {
    if (i) ds_text_str(head, ",");
    ds_text_int(head, table->key[i]);
  }
  ds_text_str(head, "]");
}

static void send_page(ds_turn *turn, ds_socket socket, const ds_table *table, ds_view after, int64_t rows) {
  if (rows > DS_MAX_PAGE_ROWS) rows = DS_MAX_PAGE_ROWS;
  ds_records records = ds_records_after(&turn->sql, table, after, rows);
  // Rows are rarely much larger than those before them; where they are, the page is read again with fewer.
  while (records.size > 2 * DS_PAGE_SIZE && rows > 1) {
    rows = rows_that_fit(&records);
    records = ds_records_after(&turn->sql, table, after, rows);
  }
  ds_text head = ds_text_new(turn->sql.arena);
  ds_text_str(&head, "{\"type\":\"page\",\"channel\":");
  ds_text_json(&head, table->channel);
  ds_text_str(&head, ",\"epoch\":");
  ds_text_json(&head, turn->storage->epoch);
  ds_text_str(&head, ",\"shape\":");
  ds_text_json(&head, table->shape);
  ds_text_str(&head, ",\"version\":");
  ds_text_int(&head, table->version);
  ds_text_str(&head, ds_view_absent(after) ? ",\"first\":true" : ",\"first\":false");
  add_columns(&head, table);
  ds_text_str(&head, ",\"next\":");
  ds_text_int(&head, records.count < rows ? 0 : rows_that_fit(&records));
  ds_text_str(&head, ",\"rows\":[");
  ds_pieces frame = ds_pieces_new(turn->sql.arena);
  ds_pieces_text(&frame, &head);
  ds_pieces_handle(&frame, records.text);
  ds_pieces_str(&frame, "]}");
  ds_send(&turn->out, socket, &frame);
}

static void answer_page(ds_turn *turn, ds_received *received) {
  ds_table *table = table_of(turn, received);
  if (!table) return;
  uint32_t cells = 0;
  for (ds_json_iterator cell = ds_json_iterate(received->frame.after); ds_json_next(&cell);) cells++;
  if (cells != table->key_count) ds_turn_refuse(turn, received, DS_BAD_FRAME, "`after` does not have as many cells as the channel's key.");
  else send_page(turn, received->socket, table, received->frame.after, received->frame.rows);
}

// ---- Subscribing

// Sends what a client with this cursor misses. False if that is not known, or more than a patch carries.
static bool send_catch_up(ds_turn *turn, ds_socket socket, const ds_table *table, const ds_cursor *cursor) {
  bool known = cursor->present && ds_view_equal(cursor->epoch, turn->storage->epoch) && ds_view_equal(cursor->shape, table->shape) &&
    cursor->version <= table->version;
  if (!known) return false;
  ds_diff diff = ds_diff_since(&turn->sql, table, cursor->version, DS_MAX_CATCH_UP, DS_CATCH_UP);
  if (diff.too_large) return false;
  ds_change change = ds_change_of(&turn->sql, &diff);
  if (change.size > DS_MAX_PATCH) return false;
  ds_text head = ds_text_new(turn->sql.arena);
  ds_text_str(&head, "{\"type\":\"patch\",\"epoch\":");
  ds_text_json(&head, turn->storage->epoch);
  ds_text_str(&head, ",\"changes\":[");
  ds_pieces frame = ds_pieces_new(turn->sql.arena);
  ds_pieces_text(&frame, &head);
  ds_pieces_join(&frame, &change.json);
  ds_pieces_str(&frame, "],\"outcomes\":[]}");
  ds_send(&turn->out, socket, &frame);
  return true;
}

static void answer_subscribe(ds_turn *turn, ds_received *received) {
  ds_table *table = table_of(turn, received);
  if (!table) return;
  set_subscribed(turn, received->socket, table, true);
  if (!send_catch_up(turn, received->socket, table, &received->frame.cursor))
    send_page(turn, received->socket, table, (ds_view){0}, DS_FIRST_PAGE_ROWS);
}

static void answer_unsubscribe(ds_turn *turn, ds_received *received) {
  ds_table *table = table_of(turn, received);
  if (table) set_subscribed(turn, received->socket, table, false);
}

// ---- Version 1

static ds_text deleted_records(ds_turn *turn, const ds_table *table, bool comma) {
  ds_text text = ds_text_new(turn->sql.arena);
  int32_t cursor = ds_log_deleted(&turn->sql, table);
  while (ds_sql_next(&turn->sql, cursor)) {
    if (comma) ds_text_str(&text, ",");
    ds_deleted_record(&text, table, ds_sql_read(&turn->sql, cursor, 0), turn->now);
    comma = true;
  }
  return text;
}

static void answer_sync(ds_turn *turn, ds_received *received) {
  ds_table *table = table_of(turn, received);
  if (!table) return;
  if (ds_records_measure(&turn->sql, table) > DS_MAX_WHOLE_TABLE) {
    ds_turn_refuse(turn, received, DS_SNAPSHOT_TOO_LARGE, NULL);
    return;
  }
  set_subscribed(turn, received->socket, table, true);
  ds_records records = ds_records_all(&turn->sql, table);
  ds_text head = ds_text_new(turn->sql.arena);
  ds_text_str(&head, "{\"channel\":");
  ds_text_json(&head, table->channel);
  ds_text_str(&head, ",\"sync\":true,\"payload\":[");
  ds_pieces frame = ds_pieces_new(turn->sql.arena);
  ds_pieces_text(&frame, &head);
  ds_pieces_handle(&frame, records.text);
  if (received->frame.from && table->deleted_at >= 0) {
    ds_text deleted = deleted_records(turn, table, records.count > 0);
    ds_pieces_text(&frame, &deleted);
  }
  ds_pieces_str(&frame, "]}");
  ds_send(&turn->out, received->socket, &frame);
}

static void answer(ds_turn *turn, ds_received *received) {
  switch (received->frame.type) {
    case DS_SUBSCRIBE: answer_subscribe(turn, received); break;
    case DS_PAGE: answer_page(turn, received); break;
    case DS_UNSUBSCRIBE: answer_unsubscribe(turn, received); break;
    case DS_V1_SYNC: answer_sync(turn, received); break;
    case DS_HELLO:
    case DS_ACTIONS:
    case DS_V1_RPC: break;
  }
}

void ds_turn_answer(ds_turn *turn) {
  for (ds_received *received = turn->received; received; received = received->next)
    if (!received->refused) answer(turn, received);
}
