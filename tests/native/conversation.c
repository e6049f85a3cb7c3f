// SPDX-License-Identifier: MIT
#include "conversation.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/test.h"
#include "world.h"

enum { MAX_NAMES = 32 };

// A word of the file and what it stands for: a socket's name, or a `$name` and its text.
typedef struct meaning {
  ds_view name;
  ds_view text;
  ds_socket socket;
} meaning;

typedef struct conversation {
  const char *path;
  int line; // where the statement being run begins, from 1
  world world;
  ds_arena *arena; // of the whole file
  meaning sockets[MAX_NAMES];
  uint32_t socket_count;
  meaning names[MAX_NAMES];
  uint32_t name_count;
  bool sent;   // frames wait for the turn
  ds_view rows; // of the last `sql`, absent once compared
} conversation;

#define FAIL(c, ...) test_fail((c)->path, (c)->line, __VA_ARGS__)

// ---- Texts

static ds_view from(ds_view view, size_t at) {
  return at > view.size ? (ds_view){view.at, 0} : (ds_view){view.at + at, view.size - at};
}

static bool begins_with(ds_view view, const char *start) {
  size_t size = strlen(start);
  return view.size >= size && memcmp(view.at, start, size) == 0;
}

// The bytes of `view` before the first of `stops`.
static ds_view until(ds_view view, const char *stops) {
  size_t size = 0;
  while (size < view.size && !strchr(stops, view.at[size])) size++;
  return (ds_view){view.at, size};
}

static meaning *find(meaning *list, uint32_t count, ds_view name) {
  for (uint32_t i = 0; i < count; i++)
    if (ds_view_equal(list[i].name, name)) return &list[i];
  return NULL;
}

// The name after the `$` that `text` begins with.
static ds_view name_at(ds_view text) {
  text = from(text, 1);
  size_t size = 0;
  while (size < text.size && text.at[size] >= 'a' && text.at[size] <= 'z') size++;
  return (ds_view){text.at, size};
}

// `text` with every `$name` that has a meaning replaced by it.
static ds_view filled_in(conversation *c, ds_view text) {
  ds_text filled = ds_text_new(c->arena);
  while (text.size) {
    ds_view plain = until(text, "$");
    ds_text_add(&filled, plain);
    text = from(text, plain.size);
    if (text.size == 0) break;
    ds_view name = name_at(text);
    const meaning *known = find(c->names, c->name_count, name);
    ds_text_add(&filled, known ? known->text : (ds_view){text.at, name.size + 1});
    text = from(text, name.size + 1);
  }
  return ds_text_view(&filled);
}

// Gives every name that is new in `expected` the text that stands in its place in `actual`, as far as the two agree.
static void learn_names(conversation *c, ds_view expected, ds_view actual) {
  for (;;) {
    ds_view plain = until(expected, "$");
    if (plain.size == expected.size || plain.size > actual.size || memcmp(plain.at, actual.at, plain.size) != 0) return;
    expected = from(expected, plain.size);
    actual = from(actual, plain.size);
    ds_view name = name_at(expected);
    meaning *known = find(c->names, c->name_count, name);
    if (!known && c->name_count == MAX_NAMES) ds_panic();
    if (!known) {
      known = &c->names[c->name_count++];
      *known = (meaning){.name = name, .text = ds_arena_copy(c->arena, until(actual, "\""))};
    }
    expected = from(expected, name.size + 1);
    actual = from(actual, known->text.size);
  }
}

static ds_view repeated(conversation *c, ds_view text) {
  ds_view count = until(from(text, strlen("(repeat ")), " ");
  ds_view part = from(text, strlen("(repeat ") + count.size + 1);
  if (part.size) part.size--; // the closing parenthesis
  ds_text whole = ds_text_new(c->arena);
  for (long i = strtol(count.at, NULL, 10); i > 0; i--) ds_text_add(&whole, part);
  return ds_text_view(&whole);
}

// ---- Statements

static ds_socket socket_named(conversation *c, ds_view name) {
  const meaning *known = find(c->sockets, c->socket_count, name);
  if (!known) FAIL(c, "the socket %.*s is not open", (int)name.size, name.at);
  return known ? known->socket : -1;
}

// Runs the turn of the frames sent, if there are any.
static void settle(conversation *c) {
  if (!c->sent) return;
  c->sent = false;
  world_turns(&c->world);
}

// Everything heard must have been expected.
static void expect_silence(conversation *c) {
  settle(c);
  for (uint32_t i = 0; i < c->socket_count; i++) {
    const meaning *socket = &c->sockets[i];
    for (ds_view frame; !ds_view_absent(frame = world_receive(&c->world, socket->socket)); free((char *)frame.at))
      FAIL(c, "unexpected before this line: %.*s < %s", (int)socket->name.size, socket->name.at, frame.at);
  }
  if (!ds_view_absent(c->rows) && !ds_view_is(c->rows, "[]")) FAIL(c, "rows that are not compared: %.*s", (int)c->rows.size, c->rows.at);
  c->rows = (ds_view){0};
}

static void open_socket(conversation *c, ds_view name) {
  meaning *known = find(c->sockets, c->socket_count, name);
  if (!known && c->socket_count == MAX_NAMES) ds_panic();
  if (!known) known = &c->sockets[c->socket_count++];
  *known = (meaning){.name = name, .socket = world_open(&c->world)};
}

static void close_socket(conversation *c, ds_view name) {
  ds_socket socket = socket_named(c, name);
  if (socket >= 0) world_close(&c->world, socket);
}

static void send_frame(conversation *c, ds_view name, ds_view text, ds_frame_kind kind) {
  ds_socket socket = socket_named(c, name);
  if (socket < 0) return;
  if (!c->sent) expect_silence(c);
  c->sent = true;
  if (ds_view_is(text, "(binary)")) kind = DS_FRAME_BINARY;
  world_send(&c->world, socket, kind, begins_with(text, "(repeat ") ? repeated(c, text) : filled_in(c, text));
}

static void expect_frame(conversation *c, ds_view name, ds_view text) {
  ds_socket socket = socket_named(c, name);
  settle(c);
  ds_view frame = socket < 0 ? (ds_view){0} : world_receive(&c->world, socket);
  learn_names(c, text, frame);
  ds_view expected = filled_in(c, text);
  if (ds_view_absent(frame)) FAIL(c, "nothing was sent, expected\n    %.*s", (int)expected.size, expected.at);
  else if (!ds_view_equal(frame, expected)) FAIL(c, "sent\n    %s\n  expected\n    %.*s", frame.at, (int)expected.size, expected.at);
  free((char *)frame.at);
}

static void run_sql(conversation *c, ds_view sql) {
  char *rows = world_query(&c->world, ds_arena_copy(c->arena, sql).at);
  c->rows = ds_arena_copy(c->arena, ds_view_of(rows));
  free(rows);
}

static void expect_rows(conversation *c, ds_view expected) {
  if (!ds_view_equal(c->rows, expected))
    FAIL(c, "rows\n    %.*s\n  expected\n    %.*s", (int)c->rows.size, c->rows.at, (int)expected.size, expected.at);
  c->rows = (ds_view){0};
}

// A statement about the object itself: everything but what a socket says and hears.
static void run_command(conversation *c, ds_view word, ds_view rest) {
  expect_silence(c);
  if (ds_view_is(word, "open")) open_socket(c, rest);
  else if (ds_view_is(word, "close")) close_socket(c, rest);
  else if (ds_view_is(word, "sql")) run_sql(c, rest);
  else if (ds_view_is(word, "clock")) c->world.host->clock = strtoll(rest.at, NULL, 10);
  else if (ds_view_is(word, "sleep")) world_start(&c->world);
  else FAIL(c, "no such line: %.*s", (int)word.size, word.at);
}

static void run_statement(conversation *c, ds_view statement) {
  ds_view word = until(statement, " ");
  ds_view rest = from(statement, word.size + 1);
  ds_view text = from(rest, 2);
  if (ds_view_is(word, "=")) expect_rows(c, rest);
  else if (ds_view_is(word, "turn") && c->sent) settle(c);
  else if (ds_view_is(word, "turn")) expect_silence(c), world_turns(&c->world);
  else if (begins_with(rest, ">")) send_frame(c, word, text, DS_FRAME_TEXT);
  else if (begins_with(rest, "!")) send_frame(c, word, text, DS_FRAME_POISONED);
  else if (begins_with(rest, "<")) expect_frame(c, word, text);
  else run_command(c, word, rest);
}

// ---- Files

// Takes the first line from `rest`, without its newline.
static ds_view take_line(ds_view *rest) {
  ds_view line = until(*rest, "\n");
  *rest = from(*rest, line.size + 1);
  return line;
}

// Runs one fenced block, whose lines it takes from `rest` up to the closing fence.
static void run_block(conversation *c, ds_view *rest, int *line_number) {
  ds_text statement = ds_text_new(c->arena);
  bool closed = false;
  while (!closed) {
    ds_view line = take_line(rest);
    ++*line_number;
    closed = begins_with(line, "```") || rest->size == 0;
    if (begins_with(line, " ")) {
      ds_text_add(&statement, from(line, strspn(line.at, " ")));
      continue;
    }
    if (statement.size) run_statement(c, ds_text_view(&statement));
    statement = ds_text_new(c->arena);
    c->line = *line_number;
    ds_text_add(&statement, line);
  }
  expect_silence(c);
}

// Runs the conversation under the heading just taken, up to the next heading.
static void run_conversation(const ds_app *app, const char *path, ds_view *rest, int *line_number) {
  conversation c = {.path = path, .line = *line_number, .world = world_new(app, ":memory:"), .arena = ds_arena_new()};
  world_start(&c.world);
  bool any = false;
  while (rest->size && !begins_with(*rest, "## ")) {
    ds_view line = take_line(rest);
    ++*line_number;
    if (!ds_view_is(line, "```conversation")) continue;
    run_block(&c, rest, line_number);
    any = true;
  }
  if (!any) FAIL(&c, "nothing is said here");
  world_free(&c.world);
  ds_arena_free(c.arena);
}

static void run_text(const ds_app *app, const char *path, ds_view rest) {
  int line_number = 0;
  while (rest.size) {
    ds_view line = take_line(&rest);
    line_number++;
    if (!begins_with(line, "## ")) continue;
    char name[200];
    snprintf(name, sizeof name, "%.*s", (int)line.size - 3, line.at + 3);
    test_begin(path, name);
    run_conversation(app, path, &rest, &line_number);
    test_end();
  }
}

void conversation_run_file(const ds_app *app, const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) ds_panic();
  ds_arena *arena = ds_arena_new();
  ds_text text = ds_text_new(arena);
  char part[65536];
  for (size_t size; (size = fread(part, 1, sizeof part, file)) > 0;) ds_text_add(&text, (ds_view){part, size});
  fclose(file);
  ds_text_add(&text, (ds_view){"", 1}); // so that C's own string functions stop
  ds_view whole = ds_text_view(&text);
  run_text(app, path, (ds_view){whole.at, whole.size - 1});
  ds_arena_free(arena);
}

void conversation_run_folder(const ds_app *app, const char *folder) {
  char pattern[1000];
  glob_t found = {0};
  size_t run = 0;
  snprintf(pattern, sizeof pattern, "%s/*.md", folder);
  if (glob(pattern, 0, NULL, &found) == 0) {
    for (size_t i = 0; i < found.gl_pathc; i++) {
      if (strstr(found.gl_pathv[i], "README.md")) continue;
      conversation_run_file(app, found.gl_pathv[i]);
      run++;
    }
    globfree(&found);
  }
  test_begin("conversations", "are there");
  CHECK(run > 0);
  test_end();
}
