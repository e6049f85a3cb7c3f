// SPDX-License-Identifier: MIT
#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "../../src/json.h"
#include "../core/test.h"

typedef struct world_frame {
  ds_socket socket;
  ds_view text; // owned
} world_frame;

world world_new(const ds_app *app, const char *path) {
  return (world){.app = app, .host = sqlite_host_new(path)};
}

void world_free(world *world) {
  for (uint32_t i = 0; i < world->arrived_count; i++) free((char *)world->arrived[i].text.at);
  free(world->arrived);
  free(world->again);
  ds_core_free(world->core);
  sqlite_host_free(world->host);
}

static void check_nothing_open(world *world) {
  CHECK_INT(sqlite_host_open_cursors(world->host), 0);
  CHECK(sqlite3_get_autocommit(world->host->database));
}

void world_start(world *world) {
  ds_core_free(world->core);
  world->core = ds_core_new(world->app, &world->host->calls);
  ds_apart left;
  do {
    world->ready = ds_core_start(world->core);
    do left = world->ready ? DS_APART_NOTHING : ds_core_apart(world->core, true);
    while (left == DS_APART_COMMIT);
  } while (left == DS_APART_START);
  check_nothing_open(world);
  sqlite_host_end_turn(world->host);
}

ds_socket world_open(world *world) {
  return sqlite_host_open_socket(world->host);
}

void world_close(world *world, ds_socket socket) {
  sqlite_host_close_socket(world->host, socket);
  ds_core_close(world->core, socket);
}

void world_send(world *world, ds_socket socket, ds_frame_kind kind, ds_view bytes) {
  char *at = ds_core_buffer(world->core, bytes.size);
  if (bytes.size) memcpy(at, bytes.at, bytes.size);
  ds_core_receive(world->core, socket, kind, (ds_view){at, bytes.size});
}

static void keep_frame(world_frame **frames, uint32_t *count, ds_socket socket, ds_view text) {
  *frames = realloc(*frames, (*count + 1) * sizeof **frames);
  if (!*frames) ds_panic();
  char *copy = malloc(text.size + 1);
  if (!copy) ds_panic();
  memcpy(copy, text.at, text.size + 1);
  (*frames)[(*count)++] = (world_frame){socket, {copy, text.size}};
}

static void arrive(world *world, ds_socket socket, ds_view text) {
  CHECK(ds_json_validate(text, NULL));
  if (!sqlite_host_is_open(world->host, socket)) return;
  keep_frame(&world->arrived, &world->arrived_count, socket, text);
}

static void come_again(world *world, ds_socket socket, ds_view text) {
  if (sqlite_host_is_open(world->host, socket)) keep_frame(&world->again, &world->again_count, socket, text);
}

static void wait_for(world *world, int32_t frame, ds_view name) {
  if (world->waiting_count < sizeof world->waiting / sizeof *world->waiting) world->waiting[world->waiting_count] = frame;
  world->waiting_count++;
  if (name.size && name.size < sizeof world->waits_for) memcpy(world->waits_for, name.at, name.size + 1);
}

static void carry_out(world *world, const ds_delivery *delivery) {
  ds_view text = sqlite_host_join(world->host, delivery);
  for (uint32_t i = 0; i < delivery->socket_count; i++) {
    if (delivery->kind == DS_DELIVERY_ATTACH) sqlite_host_attach(world->host, delivery->sockets[i], text);
    else if (delivery->kind == DS_DELIVERY_WAIT) wait_for(world, delivery->code, text);
    else if (delivery->kind == DS_DELIVERY_AGAIN) come_again(world, delivery->sockets[i], text);
    else if (delivery->kind == DS_DELIVERY_CLOSE) sqlite_host_close_socket(world->host, delivery->sockets[i]);
    else arrive(world, delivery->sockets[i], text);
  }
  free((char *)text.at);
}

static void carry_out_all(world *world, ds_deliveries deliveries) {
  check_nothing_open(world);
  for (uint32_t i = 0; i < deliveries.count; i++) carry_out(world, &deliveries.items[i]);
  ds_core_end(world->core);
  sqlite_host_end_turn(world->host);
}

void world_turn(world *world) {
  world->waiting_count = world->again_count = 0;
  carry_out_all(world, ds_core_turn(world->core));
  for (uint32_t i = 0; i < world->again_count; i++) {
    world_send(world, world->again[i].socket, DS_FRAME_OWN, world->again[i].text);
    free((char *)world->again[i].text.at);
  }
}

void world_turns(world *world) {
  do world_turn(world);
  while (world->again_count);
}

void world_broadcast(world *world, ds_view channel, ds_view json) {
  carry_out_all(world, ds_core_broadcast(world->core, channel, json));
}

ds_view world_receive(world *world, ds_socket socket) {
  for (uint32_t i = 0; i < world->arrived_count; i++) {
    if (world->arrived[i].socket != socket) continue;
    ds_view text = world->arrived[i].text;
    world->arrived_count--;
    memmove(world->arrived + i, world->arrived + i + 1, (world->arrived_count - i) * sizeof *world->arrived);
    return text;
  }
  return (ds_view){0};
}

uint32_t world_skip_all(world *world) {
  uint32_t count = world->arrived_count;
  while (world->arrived_count) free((char *)world->arrived[--world->arrived_count].text.at);
  return count;
}

// ---- The test's own SQL

static void add_cell(ds_text *json, sqlite3_stmt *row, int column) {
  switch (sqlite3_column_type(row, column)) {
    case SQLITE_NULL: ds_text_str(json, "null"); break;
    case SQLITE_INTEGER: ds_text_int(json, sqlite3_column_int64(row, column)); break;
    default: {
      const char *at = (const char *)sqlite3_column_text(row, column);
      ds_text_json(json, (ds_view){at, (size_t)sqlite3_column_bytes(row, column)});
    }
  }
}

static void add_row(ds_text *json, sqlite3_stmt *row) {
  ds_text_str(json, json->size > 1 ? ",[" : "[");
  for (int column = 0; column < sqlite3_column_count(row); column++) {
    if (column) ds_text_str(json, ",");
    add_cell(json, row, column);
  }
  ds_text_str(json, "]");
}

char *world_query(world *world, const char *sql) {
  sqlite3 *database = world->host->database;
  ds_arena *arena = ds_arena_new();
  ds_text json = ds_text_new(arena);
  ds_text_str(&json, "[");
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2(database, sql, -1, &statement, NULL);
  if (code == SQLITE_OK)
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) add_row(&json, statement);
  if (code != SQLITE_DONE) test_fail(__FILE__, __LINE__, "%s: %s", sql, sqlite3_errmsg(database));
  sqlite3_finalize(statement);
  ds_text_add(&json, (ds_view){"]", 2}); // with its NUL
  ds_view whole = ds_text_view(&json);
  char *copy = malloc(whole.size);
  if (!copy) ds_panic();
  memcpy(copy, whole.at, whole.size);
  ds_arena_free(arena);
  return copy;
}
