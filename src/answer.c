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

// The table, if the one who asks may read it.
static ds_table *readable_table_of(ds_turn *turn, ds_received *received) {
  ds_table *table = table_of(turn, received);
  if (!table) return NULL;
  ds_outcome outcome = ds_turn_may_read(turn, received, table);
  if (outcome.code == DS_OK) return table;
  // A message's bytes end with a zero: it is a literal or a copy in the arena.
  ds_turn_refuse(turn, received, outcome.code, outcome.message.at);
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

// Subscribes the socket. False, and the frame refused, if its attachment cannot hold one more.
static bool subscribe(ds_turn *turn, ds_received *received, const ds_table *table) {
  set_subscribed(turn, received->socket, table, true);
  const ds_peer *peer = ds_turn_peer(turn, received->socket);
  if (ds_peer_attachment(turn->sql.arena, turn->names, peer).size <= DS_MAX_ATTACHMENT) return true;
  set_subscribed(turn, received->socket, table, false);
  ds_turn_refuse(turn, received, DS_INTERNAL, "The object cannot keep so many subscriptions of one socket.");
  return false;
}

// ---- Pages

// The rows that make a page of the size that pages are meant to have, judging by those of `records`.
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

// The records of the channel. Counting a large table takes its time, so the count is kept until something changes.
static int64_t total_of(ds_turn *turn, ds_table *table, ds_view reader) {
  if (table->by_reader) return ds_records_count(&turn->sql, table, reader);
  if (table->counted_version != table->version) {
    table->counted = ds_records_count(&turn->sql, table, reader);
    table->counted_version = table->version;
  }
  return table->counted;
}

// The frame that answers `page` by `cells`. `next_answer` is the key after which the next answer begins; absent if the frame does not say so.
static ds_pieces page_frame(ds_turn *turn, ds_table *table, ds_view reader, const ds_frame *page, const ds_part *part, const ds_pieces *cells, ds_view next_answer) {
  ds_arena *arena = turn->sql.arena;
  bool first = ds_view_absent(page->after);
  bool last = ds_view_absent(part->last);
  ds_text head = ds_text_new(arena);
  ds_text_fill(&head, "{'type':'page','channel':$,'epoch':$,'shape':$,'version':#,'first':#",
    DS_VALUES(table->channel, turn->storage->epoch, ds_table_shape_for(arena, table, reader), ds_sql_number(&turn->sql, table->version),
      ds_view_of(first ? "true" : "false")));
  if (page->subscription) ds_text_fill(&head, ",'id':#", DS_VALUES(ds_sql_number(&turn->sql, page->subscription)));
  add_columns(&head, table);
  if (first) ds_text_fill(&head, ",'total':#", DS_VALUES(ds_sql_number(&turn->sql, last ? part->records.count : total_of(turn, table, reader))));
  ds_text_fill(&head, ",'next':#", DS_VALUES(ds_sql_number(&turn->sql, last ? 0 : rows_that_fit(&part->records))));
  if (!last) ds_text_fill(&head, ",'end':#", &part->last);
  if (!ds_view_absent(next_answer)) ds_text_fill(&head, ",'after':#", &next_answer);
  ds_text_str(&head, ",\"cells\":[");
  ds_pieces frame = ds_pieces_new(arena);
  ds_pieces_text(&frame, &head);
  ds_pieces_join(&frame, cells);
  ds_pieces_str(&frame, "]}");
  return frame;
}

// The answer to a page goes on, or begins, with the next turn.
static void go_on(ds_turn *turn, const ds_received *received, const ds_frame *page) {
  ds_text frame = ds_text_new(turn->sql.arena);
  ds_text_fill(&frame, "{'type':'page','channel':$,'after':#,'rows':#,'pages':#,'id':#,'until':#}",
    DS_VALUES(page->channel, page->after, ds_sql_number(&turn->sql, page->rows), ds_sql_number(&turn->sql, page->pages), ds_sql_number(&turn->sql, page->subscription),
      ds_view_absent(page->until) ? DS_LITERAL("false") : page->until));
  ds_come_again(&turn->out, received->socket, ds_text_view(&frame));
}

// What follows `part`, the first page of an answer of at most `page->pages`: becomes the page of the core's own that asks for it. Returns the key that the answer ends at.
static ds_view plan(ds_turn *turn, const ds_table *table, ds_view reader, const ds_part *part, ds_frame *page) {
  int64_t pages = page->pages < DS_ANSWER_PAGES ? page->pages : DS_ANSWER_PAGES;
  page->rows = rows_that_fit(&part->records);
  page->pages = 0;
  if (ds_view_absent(part->last) || part->records.count == 0) return part->last; // nothing, where a statement has failed
  int64_t each = part->records.size * page->rows / part->records.count;
  for (int64_t size = part->records.size; size < DS_ANSWER_SIZE && page->pages < pages - 1; size += each) page->pages++;
  if (page->pages == 0) return part->last;
  ds_view end = ds_records_end(&turn->sql, table, part->last, page->rows * page->pages, reader);
  page->until = ds_view_absent(end) ? DS_LITERAL("null") : end;
  return end;
}

// Sends a page, and has the rest of its answer follow turn by turn: who waits for something else gets it in between, and the client reads one page while the next is made.
static void send_page(ds_turn *turn, const ds_received *received, ds_table *table, ds_frame page) {
  ds_view reader = ds_turn_peer(turn, received->socket)->reader;
  bool begins = ds_view_absent(page.until) || ds_json_type(page.until) == DS_JSON_FALSE;
  ds_view end = {0};
  if (begins || page.pages > 1) end = ds_records_end(&turn->sql, table, page.after, page.rows < DS_MAX_PAGE_ROWS ? page.rows : DS_MAX_PAGE_ROWS, reader);
  if (ds_view_absent(end) && ds_json_type(page.until) == DS_JSON_ARRAY) end = page.until;
  ds_pieces cells = ds_pieces_new(turn->sql.arena);
  ds_part part = ds_records_part(&turn->sql, table, page.after, end, reader, &cells, 2 * DS_PAGE_SIZE);
  turn->read_bytes += part.records.size;
  // The first page says where the next answer begins, so that it can be asked for while the rest of this one is still to come.
  ds_view next_answer = {0};
  if (begins) next_answer = plan(turn, table, reader, &part, &page);
  else if (!part.records.more) page.pages--;
  // A page whose records have gone since it was planned says nothing.
  if (begins || part.records.count || ds_view_absent(part.last)) {
    ds_pieces frame = page_frame(turn, table, reader, &page, &part, &cells, next_answer);
    ds_send(&turn->out, received->socket, &frame);
  }
  page.after = part.last;
  if (page.pages > 0 && !ds_view_absent(part.last)) go_on(turn, received, &page);
}

// The pages that the socket asks for of the same channel in the same turn, and before: one is made in a turn, and they keep their order.
static uint32_t pages_before(const ds_turn *turn, const ds_received *received) {
  uint32_t count = 0;
  for (const ds_received *earlier = turn->received; earlier != received; earlier = earlier->next)
    count += earlier->socket == received->socket && earlier->frame.type == DS_PAGE && !earlier->refused && ds_view_equal(earlier->frame.channel, received->frame.channel);
  return count;
}

static void answer_page(ds_turn *turn, ds_received *received) {
  ds_table *table = readable_table_of(turn, received);
  if (!table) return;
  uint32_t cells = 0;
  for (ds_json_iterator cell = ds_json_iterate(received->frame.after); ds_json_next(&cell);) cells++;
  uint32_t before = pages_before(turn, received);
  if (cells != table->key_count) ds_turn_refuse(turn, received, DS_BAD_FRAME, "`after` does not have as many cells as the channel's key.");
  else if (before > 1 && !received->frame.own) ds_turn_refuse(turn, received, DS_RATE_LIMITED, NULL);
  else if (before || turn->read_bytes > DS_MAX_TURN_READS) go_on(turn, received, &received->frame);
  else send_page(turn, received, table, received->frame);
}

// ---- Subscribing

// Sends what a client with this cursor misses. False if that is not known, or more than a patch carries.
static bool send_catch_up(ds_turn *turn, ds_socket socket, const ds_table *table, const ds_cursor *cursor) {
  ds_view reader = ds_turn_peer(turn, socket)->reader;
  ds_view shape = ds_table_shape_for(turn->sql.arena, table, reader);
  bool known = cursor->present && ds_view_equal(cursor->epoch, turn->storage->epoch) && ds_view_equal(cursor->shape, shape) &&
    cursor->version <= table->version;
  if (!known || cursor->version < ds_log_floor(&turn->sql, table)) return false;
  ds_diff diff = ds_diff_since(&turn->sql, table, reader, cursor->version, DS_MAX_CATCH_UP, DS_CATCH_UP, NULL);
  if (diff.too_large) return false;
  ds_change change = ds_change_of(&turn->sql, &diff);
  if (!change.whole) return false;
  turn->read_bytes += change.size;
  ds_pieces frame = ds_patch_frame(turn->sql.arena, turn->storage->epoch, &change.json, (ds_view){0});
  ds_send(&turn->out, socket, &frame);
  return true;
}

static void answer_subscribe(ds_turn *turn, ds_received *received) {
  ds_table *table = readable_table_of(turn, received);
  if (!table) return;
  if (!subscribe(turn, received, table)) return;
  if (send_catch_up(turn, received->socket, table, &received->frame.cursor)) return;
  ds_frame page = received->frame;
  page.rows = DS_FIRST_PAGE_ROWS;
  send_page(turn, received, table, page);
}

static void answer_unsubscribe(ds_turn *turn, ds_received *received) {
  ds_table *table = table_of(turn, received);
  if (table) set_subscribed(turn, received->socket, table, false);
}

// ---- Version 1

// Of a channel whose `where` can fail for a row, the diff knows what is gone: it asks row by row where it must.
static void add_gone(ds_turn *turn, ds_text *text, const ds_table *table, ds_view reader, bool comma) {
  ds_diff diff = ds_diff_since(&turn->sql, table, reader, 0, DS_MAX_CHANGES, DS_CATCH_UP, NULL);
  for (uint32_t i = 0; i < diff.count; i++) {
    if (diff.rows[i].verdict != DS_DEL) continue;
    if (comma) ds_text_str(text, ",");
    ds_deleted_record(text, table, diff.rows[i].key, turn->now);
    comma = true;
  }
}

static void add_deleted(ds_turn *turn, ds_pieces *frame, const ds_table *table, ds_view reader, bool comma) {
  ds_text text = ds_text_new(turn->sql.arena);
  int32_t cursor = table->fallible ? -1 : ds_log_deleted(&turn->sql, table, reader);
  if (table->fallible) add_gone(turn, &text, table, reader, comma);
  for (; ds_sql_next(&turn->sql, cursor); comma = true) {
    if (comma) ds_text_str(&text, ",");
    ds_deleted_record(&text, table, ds_sql_read(&turn->sql, cursor, 0), turn->now);
  }
  ds_pieces_text(frame, &text);
}

static void answer_sync(ds_turn *turn, ds_received *received) {
  ds_table *table = readable_table_of(turn, received);
  if (!table) return;
  ds_view reader = ds_turn_peer(turn, received->socket)->reader;
  ds_text head = ds_text_new(turn->sql.arena);
  ds_text_fill(&head, "{'channel':$,'sync':true,'payload':[", &table->channel);
  ds_pieces frame = ds_pieces_new(turn->sql.arena);
  ds_pieces_text(&frame, &head);
  ds_records records = ds_records_all(&turn->sql, table, reader, &frame, DS_MAX_WHOLE_TABLE);
  turn->read_bytes += records.size;
  if (records.more) {
    ds_turn_refuse(turn, received, DS_SNAPSHOT_TOO_LARGE, NULL);
    return;
  }
  if (received->frame.from && table->deleted_at >= 0) add_deleted(turn, &frame, table, reader, records.count > 0);
  ds_pieces_str(&frame, "]}");
  if (!subscribe(turn, received, table)) return;
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

// What may be much, and is refused when the turn has made enough. Pages wait for the next one.
static bool reads(const ds_received *received) {
  return received->frame.type == DS_SUBSCRIBE || received->frame.type == DS_V1_SYNC;
}

void ds_turn_answer(ds_turn *turn) {
  for (ds_received *received = turn->received; received; received = received->next) {
    if (received->refused) continue;
    if (reads(received) && turn->read_bytes > DS_MAX_TURN_READS) ds_turn_refuse(turn, received, DS_RATE_LIMITED, NULL);
    else answer(turn, received);
  }
}
