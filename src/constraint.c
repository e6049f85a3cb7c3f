// SPDX-License-Identifier: MIT
// Which constraint failed, as far as its author may know: SQLite's message names it, and can quote SQL.
//
//   UNIQUE constraint failed: todos.list, todos.place      {"constraint":"unique","name":"todos.list, todos.place"}
//   NOT NULL constraint failed: todos.text                 {"constraint":"not null","name":"todos.text"}
//   CHECK constraint failed: text_is_short                 {"constraint":"check","name":"text_is_short"}
//   CHECK constraint failed: completed IN (0, 1)           {"constraint":"check"}, since a CHECK without a name is called by its SQL
//   FOREIGN KEY constraint failed                          {"constraint":"foreign key"}
//   cannot store TEXT value in INTEGER column todos.done   {"constraint":"type","name":"todos.done"}
//   anything else: RAISE(ABORT, '...') in a trigger        {"constraint":"trigger","name":"..."}
//
// The platform puts the name of the error code behind it: ": SQLITE_CONSTRAINT".
#include "action.h"
#include "trigger.h"

// Whether `text` begins with `start`; then `rest` is what follows.
static bool begins(ds_view text, ds_view start, ds_view *rest) {
  if (text.size < start.size || !ds_view_equal((ds_view){text.at, start.size}, start)) return false;
  *rest = (ds_view){text.at + start.size, text.size - start.size};
  return true;
}

// The text up to `mark`, all of it if there is none; what follows it, nothing if there is none.
static ds_view before(ds_view text, ds_view mark) {
  for (size_t at = 0; at + mark.size <= text.size; at++)
    if (ds_view_equal((ds_view){text.at + at, mark.size}, mark)) return (ds_view){text.at, at};
  return text;
}

static ds_view after(ds_view text, ds_view mark) {
  size_t skipped = before(text, mark).size + mark.size;
  return skipped > text.size ? (ds_view){0} : (ds_view){text.at + skipped, text.size - skipped};
}

static bool letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (unsigned char)c >= 0x80;
}

// Whether the text is made of letters and of `others`: what has further characters may be SQL, and is kept back.
static bool made_of(ds_view text, const char *others) {
  for (size_t i = 0; i < text.size; i++) {
    const char *other = others;
    while (*other && *other != text.at[i]) other++;
    if (!letter(text.at[i]) && !*other) return false;
  }
  return text.size > 0;
}

// What failed, in the words of the table above; `name` is absent if it is not to be told.
static const char *kind_of(ds_view message, ds_view *name) {
  static const struct {
    ds_view sqlite;
    const char *kind;
  } kinds[] = {
    {{"UNIQUE constraint failed", 24}, "unique"},
    {{"NOT NULL constraint failed", 26}, "not null"},
    {{"CHECK constraint failed", 23}, "check"},
    {{"FOREIGN KEY constraint failed", 29}, "foreign key"},
    {{"cannot store", 12}, "type"},
  };
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    ds_view rest;
    if (!begins(message, kinds[i].sqlite, &rest)) continue;
    bool check = kinds[i].kind[0] == 'c';
    *name = after(rest, kinds[i].kind[0] == 't' ? DS_LITERAL(" column ") : DS_LITERAL(": "));
    if (!made_of(*name, check ? "" : "., -")) *name = (ds_view){0};
    return kinds[i].kind;
  }
  *name = made_of(message, "., -") ? message : (ds_view){0};
  return "trigger";
}

// Bytes of a name that is told: no constraint has a longer one, and a longer RAISE is left out.
enum { MAX_NAME = 1000 };

static ds_view data_of(ds_arena *arena, ds_view message) {
  ds_view name = {0};
  ds_text json = ds_text_new(arena);
  ds_text_str(&json, "{\"constraint\":");
  ds_text_json(&json, ds_view_of(kind_of(message, &name)));
  if (name.size > MAX_NAME) name = (ds_view){0};
  if (!ds_view_absent(name)) ds_text_str(&json, ",\"name\":");
  if (!ds_view_absent(name)) ds_text_json(&json, name);
  ds_text_str(&json, "}");
  return ds_text_view(&json);
}

void ds_reject_failure(ds_action *action, ds_sql_status status, ds_view message) {
  ds_view rest;
  if (ds_failed(action)) return;
  message = before(message, DS_LITERAL(": SQLITE_"));
  if (status != DS_SQL_CONSTRAINT && status != DS_SQL_ENDED) {
    ds_text line = ds_text_new(action->sql.arena);
    ds_text_add(&line, action->type);
    ds_text_str(&line, ": ");
    ds_text_add(&line, message);
    action->sql.host->log(action->sql.host->context, ds_text_view(&line));
    ds_reject(action, DS_INTERNAL, NULL);
    action->outcome.storage_failed = status == DS_SQL_STORAGE;
  } else if (begins(message, DS_LITERAL(DS_RECORD_TOO_LARGE_MARK), &rest)) ds_reject(action, DS_RECORD_TOO_LARGE, NULL);
  else ds_reject_with(action, DS_CONSTRAINT, NULL, data_of(action->sql.arena, message));
}
