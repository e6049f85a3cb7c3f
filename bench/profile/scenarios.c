// SPDX-License-Identifier: MIT
// One thing that an object does, again and again, on the native host: `scenarios NAME TIMES DATABASE`, with a path at which no file is yet. Without arguments it prints the
// scenarios, a line each: name, times that suffice, parts that one operation has, and what it is, with tabs between them.
//
// What is to be measured happens in `operate` and nowhere else: valgrind counts while it runs (--toggle-collect), so nothing that leads up to it is in the figures.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/json.h"
#include "../../tests/native/sqlite_host.h"

enum { ROWS = 10000, LISTENERS = 100, BURST = 200, MISSED = 10, WARM_UPS = 3, FRAME = 600, SECOND = 1000 };

typedef struct stage {
  const char *path;
  sqlite_host *host;
  ds_core *core;
  ds_socket socket; // the one that speaks
  int number;       // of its last action
  char (*frames)[FRAME]; // what it says next
  int frame_count;
  char page[FRAME], cursor[FRAME];
  ds_view heard; // the last frame that anybody got; owned
} stage;

typedef struct scenario {
  const char *name;
  int times; // that suffice: one time differs from another only by how full the pages of the database are
  int parts;
  const char *title;
  void (*prepare)(stage *s);  // once
  void (*approach)(stage *s); // before each operation
  void (*run)(stage *s);      // the operation
  const char *answer;         // what the last frame that it sends begins with; NULL for none
} scenario;

extern const ds_app durasync_app;

_Noreturn static void fail(const stage *s, const char *what) {
  fprintf(stderr, "%s: %.200s\n%s", what, s->heard.at ? s->heard.at : "", s->host ? sqlite_host_log(s->host) : "");
  exit(1);
}

static void sql(stage *s, const char *text) {
  if (sqlite3_exec(s->host->database, text, NULL, NULL, NULL) != SQLITE_OK) fail(s, sqlite3_errmsg(s->host->database));
}

// ---- An object and what it hears

static void open_storage(stage *s) {
  s->host = sqlite_host_new(s->path);
  // As the platform keeps it.
  sql(s, "PRAGMA journal_mode = WAL");
}

static void start(stage *s) {
  s->core = ds_core_new(&durasync_app, &s->host->calls);
  if (!ds_core_start(s->core)) fail(s, "the object does not start");
  sqlite_host_end_turn(s->host);
}

static void hear(stage *s, const ds_delivery *delivery) {
  ds_view text = sqlite_host_join(s->host, delivery);
  if (delivery->kind == DS_DELIVERY_SEND) {
    free((char *)s->heard.at);
    s->heard = text;
    return;
  }
  for (uint32_t i = 0; delivery->kind == DS_DELIVERY_ATTACH && i < delivery->socket_count; i++) sqlite_host_attach(s->host, delivery->sockets[i], text);
  free((char *)text.at);
}

// The frames that wait, as one turn.
static void turn(stage *s) {
  for (int i = 0; i < s->frame_count; i++) {
    size_t size = strlen(s->frames[i]);
    char *at = ds_core_buffer(s->core, size);
    memcpy(at, s->frames[i], size);
    ds_core_receive(s->core, s->socket, DS_FRAME_TEXT, (ds_view){at, size});
  }
  ds_deliveries deliveries = ds_core_turn(s->core);
  for (uint32_t i = 0; i < deliveries.count; i++) hear(s, &deliveries.items[i]);
  ds_core_end(s->core);
  sqlite_host_end_turn(s->host);
}

static void check_heard(const stage *s, const char *answer) {
  if (!s->heard.at || strncmp(s->heard.at, answer, strlen(answer)) != 0 || strstr(s->heard.at, "rejected")) fail(s, "not what was to be heard");
}

static void frame(stage *s, const char *text) {
  snprintf(s->frames[0], FRAME, "%s", text);
  s->frame_count = 1;
}

static void say(stage *s, const char *text, const char *answer) {
  frame(s, text);
  turn(s);
  check_heard(s, answer);
}

#define HELLO "{\"type\":\"hello\",\"protocol\":2,\"client\":\"author\"}"
#define SUBSCRIBE "{\"type\":\"subscribe\",\"channel\":\"todos\",\"cursor\":null}"
#define WELCOME "{\"type\":\"welcome\""
#define PAGE "{\"type\":\"page\""
#define PATCH "{\"type\":\"patch\""

static void greet(stage *s) {
  s->socket = sqlite_host_open_socket(s->host);
  say(s, HELLO, WELCOME);
}

static void follow(stage *s) {
  greet(s);
  say(s, SUBSCRIBE, PAGE);
}

static void leave(stage *s) {
  sqlite_host_close_socket(s->host, s->socket);
  ds_core_close(s->core, s->socket);
}

static void seed(stage *s) {
  char text[400];
  snprintf(text, sizeof text,
           "WITH RECURSIVE numbers (n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < %d)"
           "INSERT INTO todos (id, text, created_at, updated_at) SELECT printf('%%08d', n), hex(zeroblob(20)), 1700000000000, 1700000000000 FROM numbers",
           ROWS);
  sql(s, text);
  s->frame_count = 0;
  turn(s);
}

// ---- Actions

static void create(stage *s, int count) {
  s->host->clock += SECOND; // a socket may send so many frames a second
  for (s->frame_count = 0; s->frame_count < count; s->frame_count++) {
    s->number++;
    snprintf(s->frames[s->frame_count], FRAME,
             "{\"type\":\"actions\",\"acknowledged\":%d,\"actions\":[{\"number\":%d,\"channel\":\"todos\",\"type\":\"create\",\"payload\":{\"id\":\"todo-%06d\",\"text\":\"a todo of usual length\"}}]}",
             s->number - 1 - s->frame_count, s->number, s->number);
  }
}

static void create_one(stage *s) {
  create(s, 1);
}

static void create_burst(stage *s) {
  create(s, BURST);
}

static void follow_with_others(stage *s) {
  for (int i = 0; i < LISTENERS; i++) follow(s);
  follow(s);
}

// ---- Waking

static void sleep_deep(stage *s) {
  ds_core_free(s->core);
  sqlite_host_free(s->host);
  open_storage(s);
}

// ---- Reading

static void come_again(stage *s) {
  leave(s);
  s->host->clock += SECOND;
  s->socket = sqlite_host_open_socket(s->host);
  frame(s, HELLO);
}

static void come_to_subscribe(stage *s) {
  come_again(s);
  say(s, HELLO, WELCOME);
  frame(s, SUBSCRIBE);
}

static void come_to_resume(stage *s) {
  come_to_subscribe(s);
  frame(s, s->cursor);
}

static void ask_for_page(stage *s) {
  s->host->clock += SECOND;
  frame(s, s->page);
}

static void greet_full(stage *s) {
  seed(s);
  follow(s);
}

static void follow_pages(stage *s) {
  greet_full(s);
  ds_view next = ds_json_member(s->heard, "next");
  snprintf(s->page, FRAME, "{\"type\":\"page\",\"channel\":\"todos\",\"after\":[\"00000199\"],\"rows\":%.*s}", (int)next.size, next.at);
}

static void miss_changes(stage *s) {
  greet_full(s);
  ds_view epoch = ds_json_member(s->heard, "epoch");
  ds_view shape = ds_json_member(s->heard, "shape");
  ds_view version = ds_json_member(s->heard, "version");
  snprintf(s->cursor, FRAME, "{\"type\":\"subscribe\",\"channel\":\"todos\",\"cursor\":{\"epoch\":%.*s,\"shape\":%.*s,\"version\":%.*s}}", (int)epoch.size, epoch.at, (int)shape.size, shape.at,
           (int)version.size, version.at);
  for (int i = 0; i < MISSED; i++) {
    char text[FRAME];
    s->number++;
    snprintf(text, FRAME, "{\"type\":\"actions\",\"acknowledged\":%d,\"actions\":[{\"number\":%d,\"channel\":\"todos\",\"type\":\"update\",\"payload\":{\"id\":\"%08d\",\"completed\":1}}]}", s->number - 1, s->number,
             i * (ROWS / MISSED));
    say(s, text, PATCH);
  }
}

static const scenario scenarios[] = {
  {"wake", 10, 1, "a start on storage that is up to date, its statements not yet compiled", follow, sleep_deep, start, NULL},
  {"hello", 20, 1, "a client that is known says hello", greet, come_again, turn, WELCOME},
  {"create", 20, 1, "a create, alone in its turn", follow, create_one, turn, PATCH},
  {"create-burst", 3, BURST, "one of 200 creates that a socket sends in a turn", follow, create_burst, turn, PATCH},
  {"create-heard", 20, 1, "a create, alone in its turn, with 100 listeners", follow_with_others, create_one, turn, PATCH},
  {"first-page", 10, 1, "the first page, 200 rows of 10,000", greet_full, come_to_subscribe, turn, PAGE},
  {"page", 3, 1, "a further page, about 3,000 rows of 10,000", follow_pages, ask_for_page, turn, PAGE},
  {"resume", 20, 1, "a resume over 10 changes in 10,000 rows", miss_changes, come_to_resume, turn, PATCH},
};

enum { SCENARIOS = sizeof scenarios / sizeof *scenarios };

// What is measured.
__attribute__((noinline)) static void operate(stage *s, const scenario *chosen) {
  chosen->run(s);
}

static void play(stage *s, const scenario *chosen, int times) {
  chosen->prepare(s);
  for (int i = -WARM_UPS; i < times; i++) {
    chosen->approach(s);
    if (i < 0) chosen->run(s);
    else operate(s, chosen);
    if (chosen->answer) check_heard(s, chosen->answer);
  }
}

int main(int count, char **arguments) {
  for (int i = 0; count == 1 && i < SCENARIOS; i++) printf("%s\t%d\t%d\t%s\n", scenarios[i].name, scenarios[i].times, scenarios[i].parts, scenarios[i].title);
  if (count == 1) return 0;
  if (count != 4) return fprintf(stderr, "scenarios NAME TIMES DATABASE\n"), 2;
  const scenario *chosen = NULL;
  for (int i = 0; i < SCENARIOS; i++)
    if (strcmp(scenarios[i].name, arguments[1]) == 0) chosen = &scenarios[i];
  if (!chosen) return fprintf(stderr, "there is no scenario %s\n", arguments[1]), 2;
  stage s = {.path = arguments[3], .frames = calloc(BURST, FRAME)};
  if (!s.frames) return 1;
  open_storage(&s);
  start(&s);
  play(&s, chosen, atoi(arguments[2]));
  ds_core_free(s.core);
  sqlite_host_free(s.host);
  free((char *)s.heard.at);
  free(s.frames);
  return 0;
}
