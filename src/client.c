// SPDX-License-Identifier: MIT
#include "client.h"

#include "json.h"

#include <string.h>

struct ds_kept_outcome {
  ds_kept_outcome *next;
  int64_t number;
  ds_view json;
};

const char ds_client_schema[] =
  "CREATE TABLE IF NOT EXISTS durasync_client ("
  "client TEXT PRIMARY KEY, settled INTEGER NOT NULL, outcomes TEXT NOT NULL, seen INTEGER NOT NULL) STRICT, WITHOUT ROWID";

static void keep(ds_client *client, ds_arena *arena, int64_t number, ds_view json) {
  ds_kept_outcome **end = &client->outcomes;
  while (*end) end = &(*end)->next;
  *end = ds_arena_take(arena, sizeof **end);
  **end = (ds_kept_outcome){.number = number, .json = json};
  client->outcome_count++;
  client->outcome_bytes += json.size;
}

// ---- What cannot be read

// The highest number of an action: the highest integer that every JSON reader keeps exact.
static const int64_t HIGHEST = 9007199254740991;

// Of a number whose outcome is stored nowhere, though it may have been anything. It may be told again from storage, so
// these bytes are its mark as well.
static ds_view lost_outcome(ds_arena *arena, int64_t number) {
  return ds_outcome_json(arena, number, &(ds_outcome){
    .code = DS_INTERNAL,
    .message = DS_LITERAL("What became of the action can no longer be read: it may have been carried out."),
  });
}

// Nothing that is known of the client's outcomes can be trusted. The mark is stored in their place with the next write, so
// that nobody takes what is missing for committed.
static void lose(ds_client *client, ds_arena *arena) {
  client->outcomes = NULL;
  client->outcome_count = 0;
  client->outcome_bytes = 0;
  client->lost = client->settled;
  if (client->lost) keep(client, arena, client->lost, lost_outcome(arena, client->lost));
}

bool ds_client_lost(const ds_client *client) {
  return client->lost == HIGHEST;
}

// Whether it is what ds_outcome_json writes.
static bool is_outcome(ds_view json) {
  ds_view status = ds_json_member(json, "status");
  if (ds_json_is_string(status, "committed")) return true;
  return ds_json_is_string(status, "rejected") && ds_json_type(ds_json_member(json, "code")) == DS_JSON_STRING &&
    ds_json_type(ds_json_member(json, "message")) == DS_JSON_STRING;
}

// False if they are not a list of outcomes of settled numbers, in order.
static bool read_outcomes(ds_client *client, ds_arena *arena, ds_view json) {
  if (!ds_json_validate(json, NULL) || ds_json_type(json) != DS_JSON_ARRAY) return false;
  int64_t last = 0;
  for (ds_json_iterator item = ds_json_iterate(json); ds_json_next(&item);) {
    int64_t number = 0;
    if (!ds_json_int(ds_json_member(item.value, "number"), &number) || number <= last || number > client->settled) return false;
    if (!is_outcome(item.value)) return false;
    if (ds_view_equal(item.value, lost_outcome(arena, number))) client->lost = number;
    keep(client, arena, number, item.value);
    last = number;
  }
  return true;
}

// An integer of the row, as text: a column may hold more than the host's integers carry, or something else.
static bool read_number(ds_sql *sql, int32_t cursor, uint32_t column, int64_t *out) {
  ds_view text = ds_sql_read(sql, cursor, column);
  return ds_json_validate(text, NULL) && ds_json_int(text, out) && *out >= 0 && *out <= HIGHEST;
}

static void read_client(ds_client *client, ds_sql *sql, int32_t cursor) {
  client->known = true;
  if (!read_number(sql, cursor, 2, &client->seen)) client->seen = 0;
  bool counts = read_number(sql, cursor, 0, &client->settled);
  if (!counts) client->settled = HIGHEST;
  if (!counts || !read_outcomes(client, sql->arena, ds_sql_read(sql, cursor, 1))) lose(client, sql->arena);
}

// Reads the client if it is stored under that name.
static bool read_stored(ds_client *client, ds_sql *sql, ds_view name) {
  ds_view query =
    DS_LITERAL("SELECT CAST(settled AS TEXT), outcomes, CAST(seen AS TEXT) FROM durasync_client WHERE client = ?1");
  int32_t cursor = ds_sql_open(sql, query, DS_PARAMETERS(name));
  bool stored = ds_sql_next(sql, cursor);
  if (stored) read_client(client, sql, cursor);
  ds_sql_close(sql, cursor);
  return stored;
}

static ds_view refused_name(ds_arena *arena, ds_view id) {
  ds_text name = ds_text_new(arena);
  ds_text_fill(&name, "!#", &id);
  return ds_text_view(&name);
}

// ---- The clients of a turn

// Notes the client as it has just been written.
static void remember(ds_last_client *last, const ds_client *client, int64_t now) {
  last->size = !client->acted || client->outcomes || client->id.size > sizeof last->id ? 0 : client->id.size;
  memcpy(last->id, client->id.at, last->size);
  last->settled = client->settled;
  last->seen = now;
}

static bool is_called(const void *item, const void *wanted) {
  const ds_client *client = item;
  return ds_view_equal(client->id, *(const ds_view *)wanted);
}

static ds_client *add(ds_clients *clients, ds_arena *arena, ds_view id, uint32_t hash) {
  ds_client *client = ds_arena_take(arena, sizeof *client);
  *client = (ds_client){.next = clients->first, .id = ds_arena_copy(arena, id)};
  clients->first = client;
  clients->index.arena = arena;
  ds_index_add(&clients->index, hash, client);
  return client;
}

ds_client *ds_clients_find(ds_clients *clients, ds_sql *sql, ds_view id) {
  uint32_t hash = ds_view_hash(id);
  ds_client *client = ds_index_find(&clients->index, hash, is_called, &id);
  if (client) return client;
  client = add(clients, sql->arena, id, hash);
  const ds_last_client *last = clients->last;
  if (last->size && ds_view_equal((ds_view){last->id, last->size}, id)) {
    client->known = client->acted = true;
    client->settled = last->settled;
    client->seen = last->seen;
    return client;
  }
  client->acted = read_stored(client, sql, id);
  client->refused = !client->acted && read_stored(client, sql, refused_name(sql->arena, id));
  return client;
}

void ds_client_greet(ds_client *client, int64_t now) {
  if (client->known && now - client->seen > DS_CLIENT_NOTED) client->changed = true;
}

bool ds_client_forgettable(int64_t seen, int64_t now) {
  return seen < now - DS_CLIENT_AGE + DS_CLIENT_NOTED;
}

void ds_client_acknowledge(ds_client *client, int64_t number) {
  if (number > HIGHEST) number = HIGHEST;
  if (number > client->settled) client->settled = number;
  while (client->outcomes && client->outcomes->number <= number) {
    client->outcome_count--;
    client->outcome_bytes -= client->outcomes->json.size;
    client->outcomes = client->outcomes->next;
  }
}

bool ds_client_full(const ds_client *client) {
  return client->settled == HIGHEST || client->outcome_count >= DS_MAX_OUTCOMES || client->outcome_bytes >= DS_MAX_OUTCOME_BYTES;
}

ds_view ds_client_settle(ds_client *client, ds_arena *arena, const ds_outcome *outcome) {
  client->settled++;
  client->changed = true;
  if (outcome->code == DS_OK) client->acted = true;
  ds_view json = ds_outcome_json(arena, client->settled, outcome);
  bool plain = outcome->code == DS_OK && ds_view_absent(outcome->result);
  if (!plain) keep(client, arena, client->settled, json);
  return json;
}

ds_view ds_client_outcome(const ds_client *client, ds_arena *arena, int64_t number) {
  for (const ds_kept_outcome *kept = client->outcomes; kept; kept = kept->next)
    if (kept->number == number) return kept->json;
  if (number <= client->lost) return lost_outcome(arena, number);
  return ds_outcome_json(arena, number, &(ds_outcome){.code = DS_OK});
}

static ds_view outcomes_json(const ds_client *client, ds_arena *arena) {
  ds_text json = ds_text_new(arena);
  ds_text_str(&json, "[");
  for (const ds_kept_outcome *kept = client->outcomes; kept; kept = kept->next) {
    if (json.size > 1) ds_text_str(&json, ",");
    ds_text_add(&json, kept->json);
  }
  ds_text_str(&json, "]");
  return ds_text_view(&json);
}

void ds_clients_forget(ds_clients *clients, ds_sql *sql, int64_t time, int64_t rpc_time) {
  clients->last->size = 0;
  ds_view all = DS_LITERAL("DELETE FROM durasync_client WHERE seen < ?1");
  ds_view rpcs = DS_LITERAL("DELETE FROM durasync_client WHERE client >= '~' AND seen < ?1");
  ds_sql_run(sql, all, DS_PARAMETERS(ds_sql_number(sql, time)));
  ds_sql_run(sql, rpcs, DS_PARAMETERS(ds_sql_number(sql, rpc_time)));
}

void ds_clients_greet_all(ds_sql *sql, int64_t now) {
  ds_sql_run(sql, DS_LITERAL("UPDATE durasync_client SET seen = ?1"), DS_PARAMETERS(ds_sql_number(sql, now)));
}

// ---- Those of whom nothing was carried out

#define REFUSED "client >= '!' AND client < '\"'"

// Forgets the oldest if all of them take more than they may, down to half of that.
static void bound_refused(const ds_clients *clients, ds_sql *sql) {
#define SIZE "length(CAST(outcomes AS BLOB)) + ?1"
  ds_view query = DS_LITERAL("SELECT ifnull(sum(" SIZE "), 0) FROM durasync_client WHERE " REFUSED);
  ds_view each = ds_sql_number(sql, DS_REFUSED_CLIENT);
  if (*clients->refused_bytes < 0) *clients->refused_bytes = ds_sql_first(sql, query, &each, 1);
  if (*clients->refused_bytes <= DS_MAX_REFUSED_BYTES) return;
  ds_view forget = DS_LITERAL(
    "DELETE FROM durasync_client WHERE client IN (SELECT client FROM (SELECT client, sum(" SIZE ") OVER (ORDER BY seen DESC, client) AS size "
    "FROM durasync_client WHERE " REFUSED ") WHERE size > ?2 + 0)");
  ds_sql_run(sql, forget, DS_PARAMETERS(each, ds_sql_number(sql, DS_MAX_REFUSED_BYTES / 2)));
  *clients->refused_bytes = -1;
#undef SIZE
}

// A client that has acted for the first time is no longer one of them.
static void let_act(ds_sql *sql, ds_client *client) {
  ds_view name = refused_name(sql->arena, client->id);
  ds_sql_run(sql, DS_LITERAL("DELETE FROM durasync_client WHERE client = ?1"), DS_PARAMETERS(name));
  client->refused = false;
}

static void save(const ds_clients *clients, ds_sql *sql, const ds_client *client, int64_t now) {
  ds_view upsert = DS_LITERAL(
    "INSERT INTO durasync_client VALUES (?1, ?2, ?3, ?4) "
    "ON CONFLICT DO UPDATE SET settled = excluded.settled, outcomes = excluded.outcomes, seen = excluded.seen");
  ds_view name = client->acted ? client->id : refused_name(sql->arena, client->id);
  ds_view outcomes = outcomes_json(client, sql->arena);
  ds_sql_run(sql, upsert, DS_PARAMETERS(name, ds_sql_number(sql, client->settled), outcomes, ds_sql_number(sql, now)));
  remember(clients->last, client, now);
  if (client->acted) return;
  // What was there of it before counts as well, until all are counted again.
  if (*clients->refused_bytes >= 0) *clients->refused_bytes += (int64_t)outcomes.size + DS_REFUSED_CLIENT;
  bound_refused(clients, sql);
}

void ds_clients_save(const ds_clients *clients, ds_sql *sql, int64_t now) {
  for (ds_client *client = clients->first; client; client = client->next) {
    if (!client->changed) continue;
    if (client->refused && client->acted) let_act(sql, client);
    save(clients, sql, client, now);
  }
}
