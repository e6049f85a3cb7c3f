// SPDX-License-Identifier: MIT
#include "talk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/json.h"
#include "test.h"

world talk_start(const ds_app *app) {
  world made = world_new(app, ":memory:");
  world_start(&made);
  CHECK(made.ready);
  return made;
}

void talk_send(world *w, ds_socket socket, const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  size_t size = (size_t)vsnprintf(NULL, 0, format, arguments);
  char *frame = malloc(size + 1);
  if (!frame) ds_panic();
  vsnprintf(frame, size + 1, format, again);
  va_end(again);
  va_end(arguments);
  world_send(w, socket, DS_FRAME_TEXT, (ds_view){frame, size});
  free(frame);
}

void talk_hear(world *w, ds_socket socket, const char *start) {
  ds_view frame = world_receive(w, socket);
  ds_view begins = {frame.at, frame.size < strlen(start) ? frame.size : strlen(start)};
  CHECK_VIEW(begins, ds_view_of(start));
  free((char *)frame.at);
}

void talk_hear_nothing(world *w, ds_socket socket) {
  ds_view frame = world_receive(w, socket);
  CHECK_TEXT(frame, NULL);
  free((char *)frame.at);
}

int talk_skip(world *w, ds_socket socket) {
  int count = 0;
  for (ds_view frame; !ds_view_absent(frame = world_receive(w, socket)); count++) free((char *)frame.at);
  return count;
}

void talk_sql(world *w, const char *statement, const char *rows) {
  char *found = world_query(w, statement);
  CHECK_TEXT(ds_view_of(found), rows);
  free(found);
}

ds_socket talk_open_as(world *w, const char *identity) {
  ds_socket socket = world_open(w);
  char attachment[300];
  int size = snprintf(attachment, sizeof attachment, "{\"identity\":%s}", identity ? identity : "null");
  if (identity) sqlite_host_attach(w->host, socket, (ds_view){attachment, (size_t)size});
  return socket;
}

ds_socket talk_greet_as(world *w, const char *client, const char *identity) {
  ds_socket socket = talk_open_as(w, identity);
  talk_send(w, socket, "{\"type\":\"hello\",\"protocol\":2,\"client\":\"%s\"}", client);
  world_turn(w);
  talk_hear(w, socket, "{\"type\":\"welcome\"");
  return socket;
}

ds_socket talk_greet(world *w, const char *client) {
  return talk_greet_as(w, client, NULL);
}

void talk_act(world *w, ds_socket socket, int64_t number, const char *channel, const char *type, const char *payload) {
  talk_send(w, socket, "{\"type\":\"actions\",\"acknowledged\":0,\"actions\":[{\"number\":%lld,\"channel\":\"%s\",\"type\":\"%s\",\"payload\":%s}]}",
            (long long)number, channel, type, payload);
  world_turn(w);
}

uint32_t talk_random(uint64_t *state, uint32_t end) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return (uint32_t)((*state >> 32) % end);
}

// ---- Followers

follower follower_new(const char *client, const char *channel, const char *query) {
  return (follower){.client = client, .channel = channel, .query = query, .socket = -1, .replica = replica_new()};
}

void follower_free(follower *f) {
  replica_free(&f->replica);
}

static void take(follower *f, ds_view frame) {
  if (frame.size > f->largest) f->largest = frame.size;
  if (ds_json_type(ds_json_member(frame, "first")) == DS_JSON_TRUE) f->snapshots++;
  replica_hear(&f->replica, frame);
}

static void take_all(world *w, follower *f) {
  for (ds_view frame; !ds_view_absent(frame = world_receive(w, f->socket)); free((char *)frame.at)) take(f, frame);
}

static void read_pages(world *w, follower *f) {
  while (f->replica.next) {
    ds_view last = f->replica.last;
    talk_send(w, f->socket, "{\"type\":\"page\",\"channel\":\"%s\",\"after\":%.*s,\"rows\":%lld}", f->channel, (int)last.size, last.at,
              (long long)f->replica.next);
    world_turns(w);
    take_all(w, f);
    bool came = f->replica.next == 0 || !ds_view_equal(f->replica.last, last);
    CHECK(came);
    if (!came) return;
  }
}

static void subscribe(world *w, follower *f) {
  ds_view cursor = replica_cursor(&f->replica);
  int before = f->snapshots;
  talk_send(w, f->socket, "{\"type\":\"subscribe\",\"channel\":\"%s\",\"cursor\":%.*s}", f->channel, (int)cursor.size, cursor.at);
  world_turns(w);
  take_all(w, f);
  if (f->snapshots == before) f->catch_ups++;
  read_pages(w, f);
  CHECK(f->replica.synced && !f->replica.gap);
}

void follower_come(world *w, follower *f) {
  f->socket = talk_greet_as(w, f->client, f->identity);
  subscribe(w, f);
}

void follower_go(world *w, follower *f) {
  world_close(w, f->socket);
  f->socket = -1;
}

void follower_listen(world *w, follower *f) {
  take_all(w, f);
  if (f->replica.gap) subscribe(w, f);
}

void follower_check(world *w, follower *f) {
  ds_json_iterator record = ds_json_iterate(replica_records(&f->replica));
  sqlite3_stmt *row = NULL;
  CHECK_INT(sqlite3_prepare_v2(w->host->database, f->query, -1, &row, NULL), SQLITE_OK);
  bool same = true;
  while (same && sqlite3_step(row) == SQLITE_ROW) {
    ds_view expected = {(const char *)sqlite3_column_text(row, 0), (size_t)sqlite3_column_bytes(row, 0)};
    same = ds_json_next(&record) && ds_view_equal(record.value, expected);
    if (!same) CHECK_VIEW(record.value, expected);
  }
  CHECK(same && !ds_json_next(&record));
  sqlite3_finalize(row);
}
