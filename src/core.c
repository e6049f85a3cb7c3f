// SPDX-License-Identifier: MIT
// The core between turns, and the order of a turn.
#include "core.h"

#include "connect.h"
#include "log.h"
#include "turn.h"

struct ds_core {
  ds_app app;
  const ds_host *host;
  ds_arena *keep;  // what lives as long as the core, the core itself included
  ds_arena *arena; // what lives for a turn
  ds_storage storage;
  ds_names names;
  ds_peers peers;
  ds_last_client last_client;
  int64_t refused_bytes;
  bool ready;
  bool calm; // the last turn needed little memory
  ds_received *first; // the frames that wait for the turn
  ds_received *last;
};

// ---- Life

ds_core *ds_core_new(const ds_app *app, const ds_host *host) {
  ds_arena *keep = ds_arena_new();
  ds_core *core = ds_arena_take(keep, sizeof *core);
  *core = (ds_core){.app = *app, .host = host, .keep = keep, .arena = ds_arena_new(), .peers = {.keep = ds_arena_new(), .spare = ds_arena_new()}, .refused_bytes = -1};
  if (app->load) app->load(&core->app, host, keep);
  core->names = ds_names_of(&core->app);
  return core;
}

void ds_core_free(ds_core *core) {
  if (!core) return;
  ds_arena_free(core->peers.keep);
  ds_arena_free(core->peers.spare);
  ds_arena_free(core->arena);
  ds_arena_free(core->keep);
}

bool ds_core_migrate(ds_core *core) {
  bool done = ds_storage_migrate(&core->storage, &core->app, core->host, core->keep, core->arena);
  ds_core_end(core);
  return done;
}

bool ds_core_start(ds_core *core) {
  if (core->names.too_many) {
    core->host->log(core->host->context, DS_LITERAL("the channels ask for more than 16 different members of the identity"));
    return false;
  }
  core->ready = ds_storage_open(&core->storage, &core->app, core->host, core->keep, core->arena);
  ds_core_end(core);
  return core->ready;
}

ds_apart ds_core_apart(ds_core *core, bool whole) {
  ds_apart left = ds_storage_apart(&core->storage, &core->app, core->host, core->keep, core->arena, whole);
  ds_core_end(core);
  return left;
}

bool ds_core_reshaped(const ds_core *core) {
  return core->storage.reshaped;
}

bool ds_core_current(ds_core *core) {
  return core->ready && ds_storage_current(&core->storage, &core->app, core->host, core->arena);
}

char *ds_core_buffer(ds_core *core, size_t size) {
  return ds_arena_take(core->arena, size + 1);
}

void ds_core_receive(ds_core *core, ds_socket socket, ds_frame_kind kind, ds_view bytes) {
  ds_received *received = ds_arena_take(core->arena, sizeof *received);
  *received = (ds_received){.socket = socket, .kind = kind, .bytes = bytes};
  if (core->last) core->last->next = received;
  else core->first = received;
  core->last = received;
}

void ds_core_end(ds_core *core) {
  core->calm = ds_arena_used(core->arena) < DS_MAX_IDLE / 4;
  ds_peers_tidy(&core->peers);
  ds_arena_reset(core->arena);
  core->first = core->last = NULL;
}

bool ds_core_swollen(const ds_core *core) {
  return core->calm && ds_arena_size(core->arena) > DS_MAX_IDLE;
}

size_t ds_core_memory(const ds_core *core) {
  return ds_arena_size(core->keep) + ds_arena_size(core->arena) + ds_arena_size(core->peers.keep) + ds_arena_size(core->peers.spare);
}

void ds_core_close(ds_core *core, ds_socket socket) {
  ds_peers_remove(&core->peers, socket);
}

// ---- A turn

static ds_turn turn_new(ds_core *core) {
  return (ds_turn){
    .app = &core->app,
    .storage = &core->storage,
    .names = &core->names,
    .peers = &core->peers,
    .sql = {.host = core->host, .arena = core->arena},
    .now = core->host->now(core->host->context),
    .received = core->first,
    .clients = {.last = &core->last_client, .refused_bytes = &core->refused_bytes},
    .out = {.host = core->host, .arena = core->arena},
  };
}

// Once a day, at the first change of it: the channel's version is marked with the time, and what marks tell to be too old is dropped.
static void expire(ds_turn *turn, ds_table *table) {
  if (table->marked < 0) table->marked = ds_log_marked(&turn->sql, table);
  if (turn->now - table->marked < DS_LOG_MARK_EVERY) return;
  ds_log_mark(&turn->sql, table, turn->now);
  ds_log_expire(&turn->sql, table, turn->now - ds_app_log_age(turn->app));
  table->marked = turn->now;
}

// What has grown is cut back, and clients long gone are forgotten on the same occasion.
static void compact(ds_turn *turn) {
  for (uint64_t set = turn->changed; set; set &= set - 1) expire(turn, &turn->storage->tables[__builtin_ctzll(set)]);
  if (turn->grown) ds_clients_forget(&turn->clients, &turn->sql, turn->now - DS_CLIENT_AGE, turn->now - DS_RPC_AGE);
  for (uint64_t set = turn->grown; set; set &= set - 1)
    ds_log_compact(&turn->sql, &turn->storage->tables[__builtin_ctzll(set)], ds_app_log_window(turn->app));
}

// The transaction. Whatever fails in it that is not an action's own affair undoes the whole turn.
static int32_t run_turn(void *argument) {
  ds_turn *turn = argument;
  ds_turn_dispatch(turn);
  ds_turn_fan_out(turn);
  ds_turn_answer(turn);
  compact(turn);
  return turn->sql.status == DS_SQL_DONE ? 0 : 1;
}

// Only a socket's own frames change its peer.
static void attach_changed_peers(ds_turn *turn) {
  for (const ds_received *received = turn->received; received; received = received->next) {
    ds_peer *peer = ds_turn_peer(turn, received->socket);
    if (!peer->changed) continue;
    ds_attach(&turn->out, peer->socket, ds_peer_attachment(turn->sql.arena, turn->names, peer));
    peer->changed = false;
  }
}

static void refuse_all(ds_turn *turn, ds_code code) {
  for (ds_received *received = turn->received; received; received = received->next) ds_turn_refuse(turn, received, code, NULL);
}

// What was written outside of any action stays written, though the turn that was to tell of it is undone. If the object slept before its next turn, nobody would know that
// it is still to be told: so whoever follows those channels is sent away now, and resumes from its cursor.
static void send_followers_away(ds_core *core, ds_turn *turn) {
  ds_sql sql = {.host = core->host, .arena = core->arena};
  ds_log_entry newest[DS_MAX_CHANNELS];
  uint64_t untold = 0;
  ds_log_newest(&sql, core->names.channels, core->storage.table_count, newest);
  for (uint32_t i = 0; i < core->storage.table_count; i++)
    if (newest[i].version != core->storage.tables[i].version || sql.status != DS_SQL_DONE) untold |= UINT64_C(1) << i;
  if (untold) ds_peers_complete(&core->peers, core->host, core->arena, &core->names);
  for (uint32_t i = 0; untold && i < core->peers.count; i++) {
    const ds_peer *peer = &core->peers.items[i];
    if (peer->channels & untold) ds_close_socket(&turn->out, peer->socket, DS_CLOSE_INTERNAL, "internal");
  }
}

static void send_all_away(ds_core *core, ds_turn *turn, int32_t code, const char *reason) {
  ds_peers_complete(&core->peers, core->host, core->arena, &core->names);
  for (uint32_t i = 0; i < core->peers.count; i++) ds_close_socket(&turn->out, core->peers.items[i].socket, code, reason);
}

// The turn is undone: what it did to the core's memory is forgotten as well, and read again from where it is kept.
static void forget(ds_core *core, const int64_t *versions) {
  for (uint32_t i = 0; i < core->storage.table_count; i++) {
    core->storage.tables[i].version = versions[i];
    core->storage.tables[i].counted_version = -1;
    core->storage.tables[i].marked = -1;
  }
  ds_peers_forget(&core->peers);
  core->last_client.size = 0;
  core->refused_bytes = -1;
  for (ds_received *received = core->first; received; received = received->next) received->refused = received->waits = false;
}

static void fail(ds_core *core, ds_turn *turn) {
  ds_sql_log(&turn->sql, "a turn failed");
  turn->out = (ds_outbound){.host = core->host, .arena = core->arena};
  // The platform ends an object whose storage fails in most ways, and with it every socket. In the others the object does so itself: clients come back as
  // slowly as they would, and send again what has no outcome.
  if (turn->sql.status == DS_SQL_STORAGE) {
    send_all_away(core, turn, DS_CLOSE_TRY_AGAIN, "storage");
    return;
  }
  refuse_all(turn, DS_INTERNAL);
  send_followers_away(core, turn);
}

// Does the turn. An action that ends the transaction has undone what the others did in it: then all is done again, but that one.
// The last time, what comes after it is left for the next turn, so that the work of a turn is bounded, and the turns go on.
static bool do_turn(ds_core *core, ds_turn *turn, const int64_t *versions) {
  const ds_outcome *ended_by = NULL;
  for (int done = 0; done <= DS_MAX_REDONE; done++) {
    *turn = turn_new(core);
    if (done == DS_MAX_REDONE) turn->last = ended_by;
    int32_t status = core->host->atomic(core->host->context, run_turn, turn);
    if (status == 0) return true;
    forget(core, versions);
    if (status != DS_SQL_ENDED || !turn->ended_by) return false;
    ended_by = turn->ended_by;
  }
  return false;
}

// What its socket's client has just sent: the core's own frames, and those that come again, have cost their rate or none.
static bool is_new(ds_frame_kind kind) {
  return kind == DS_FRAME_TEXT || kind == DS_FRAME_BINARY || kind == DS_FRAME_HUGE;
}

// A frame beyond the rate is not even read.
static void decode_all(ds_turn *turn) {
  for (ds_received *received = turn->received; received; received = received->next) {
    bool admitted = !is_new(received->kind) || ds_peer_admit(ds_turn_peer(turn, received->socket), turn->now);
    if (admitted) received->frame = ds_frame_decode(turn->sql.arena, received->kind, received->bytes);
    else received->frame = (ds_frame){.code = DS_RATE_LIMITED};
  }
}

ds_deliveries ds_core_turn(ds_core *core) {
  ds_turn turn = turn_new(core);
  int64_t versions[DS_MAX_CHANNELS] = {0};
  for (uint32_t i = 0; core->ready && i < core->storage.table_count; i++) versions[i] = core->storage.tables[i].version;
  decode_all(&turn);
  if (!core->ready) refuse_all(&turn, DS_UNAVAILABLE);
  else if (!do_turn(core, &turn, versions)) fail(core, &turn);
  else attach_changed_peers(&turn);
  return (ds_deliveries){turn.out.count, turn.out.items};
}

// ---- Beside the turns

bool ds_core_handles(const ds_core *core, ds_event event) {
  return core->app.on[event] != NULL;
}

ds_view ds_core_event(ds_core *core, ds_event event, ds_view payload, ds_socket socket) {
  ds_turn turn = turn_new(core);
  const ds_peer *peer = socket < 0 ? NULL : ds_turn_peer(&turn, socket);
  ds_view identity = peer ? peer->identity : (ds_view){0};
  ds_outcome outcome;
  if (!core->ready) outcome = ds_outcome_rejected(DS_UNAVAILABLE);
  else if (peer && peer->unread) outcome = ds_outcome_rejected(DS_INTERNAL);
  else if (event == DS_ON_CONNECT) outcome = ds_connect(&core->app, &turn.sql, payload, turn.now);
  else outcome = ds_handler_run(core->app.on[event], &turn.sql, (ds_view){0}, payload, identity, turn.now);
  return ds_outcome_json(core->arena, 0, &outcome);
}

ds_view ds_core_admit(ds_core *core, ds_view identity) {
  ds_sql sql = {.host = core->host, .arena = core->arena};
  ds_outcome outcome = core->ready ? ds_admit(&sql, identity) : ds_outcome_rejected(DS_UNAVAILABLE);
  return ds_outcome_json(core->arena, 0, &outcome);
}

ds_deliveries ds_core_broadcast(ds_core *core, ds_view channel, ds_view json) {
  ds_turn turn = turn_new(core);
  ds_peers_complete(&core->peers, core->host, core->arena, &core->names);
  ds_turn_broadcast(&turn, channel, json);
  return (ds_deliveries){turn.out.count, turn.out.items};
}

bool ds_core_renew(ds_core *core, ds_deliveries *deliveries) {
  ds_turn turn = turn_new(core);
  core->last_client.size = 0;
  // Also where the app cannot run on the storage that came back: the code that can will find the new epoch.
  if (!ds_storage_renew(&core->storage, core->host, core->keep, core->arena)) return false;
  send_all_away(core, &turn, DS_CLOSE_RESTART, "new_epoch");
  *deliveries = (ds_deliveries){turn.out.count, turn.out.items};
  return true;
}
