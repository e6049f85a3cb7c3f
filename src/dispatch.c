// SPDX-License-Identifier: MIT
// Hellos and actions, in order of arrival.
#include "error.h"
#include "patch.h"
#include "turn.h"

// ---- Version 2

// Whether the page and the object can work together: each deploy may say from which version of the app on.
static ds_code version_code(const ds_app *app, int64_t version) {
  if (version == 0) return DS_OK;
  if (version < app->min_version) return DS_APP_TOO_OLD;
  return app->version && version > app->version ? DS_APP_TOO_NEW : DS_OK;
}

static void welcome(ds_turn *turn, ds_received *received) {
  ds_code code = version_code(turn->app, received->frame.app);
  if (code != DS_OK) {
    ds_turn_refuse(turn, received, code, NULL);
    return;
  }
  ds_view id = received->frame.client;
  ds_client *client = ds_clients_find(&turn->clients, &turn->sql, id);
  // A client that the object does not know is new, or was forgotten: it can have been only if it was last here before the oldest that are remembered.
  bool forgotten = !client->known && received->frame.seen && ds_client_forgettable(received->frame.seen, turn->now);
  if (forgotten || ds_client_lost(client)) {
    ds_turn_refuse(turn, received, DS_CLIENT_FORGOTTEN, NULL);
    return;
  }
  ds_client_greet(client, turn->now);
  ds_peer *peer = ds_turn_peer(turn, received->socket);
  peer->protocol = 2;
  peer->client_size = (uint8_t)id.size;
  for (size_t i = 0; i < id.size; i++) peer->client[i] = id.at[i];
  peer->changed = true;

  ds_text json = ds_text_new(turn->sql.arena);
  ds_text_fill(&json, "{'type':'welcome','protocol':2,'epoch':$,'settled':#,'now':#}",
    DS_VALUES(turn->storage->epoch, ds_sql_number(&turn->sql, client->settled), ds_sql_number(&turn->sql, turn->now)));
  ds_pieces frame = ds_pieces_new(turn->sql.arena);
  ds_pieces_text(&frame, &json);
  ds_send(&turn->out, received->socket, &frame);
}

static ds_sender *sender_of(ds_turn *turn, ds_socket socket) {
  ds_peer *peer = ds_turn_peer(turn, socket);
  if (peer->sender) return peer->sender;
  ds_sender *made = ds_arena_take(turn->sql.arena, sizeof *made);
  *made = (ds_sender){.socket = socket};
  if (turn->last_sender) turn->last_sender->next = made;
  else turn->senders = made;
  return turn->last_sender = peer->sender = made;
}

static void tell(ds_turn *turn, ds_sender *sender, ds_view outcome) {
  if (!sender->last || sender->last->outcomes.size + outcome.size >= DS_MAX_PATCH) {
    ds_told *made = ds_arena_take(turn->sql.arena, sizeof *made);
    *made = (ds_told){.outcomes = ds_text_new(turn->sql.arena)};
    if (sender->last) sender->last->next = made;
    else sender->first = made;
    sender->last = made;
  }
  ds_text *outcomes = &sender->last->outcomes;
  if (outcomes->size) ds_text_str(outcomes, ",");
  ds_text_add(outcomes, outcome);
}

static ds_outcome run(ds_turn *turn, const ds_received *received, ds_sent *sent, ds_view client) {
  turn->full |= turn->last && sent->verdict == turn->last;
  if (sent->verdict) return *sent->verdict;
  // The turn is undone already, and nobody will hear of what comes now.
  if (received->frame.poisoned || turn->sql.status != DS_SQL_DONE) return ds_outcome_rejected(DS_INTERNAL);
  ds_actor actor = {.client = client, .identity = ds_turn_peer(turn, received->socket)->identity};
  ds_outcome outcome = ds_action_run(turn->app, &turn->sql, sent, &actor, turn->now, &turn->statements);
  // Nobody is told of it: the turn is undone, and whoever is cut off sends the action again.
  if (outcome.storage_failed) turn->sql.status = DS_SQL_STORAGE;
  if (outcome.ended) ds_turn_end(turn, &sent->verdict, &outcome);
  return outcome;
}

// The frame, and whatever its socket sends after it, comes again when what the action waits for is there.
static void put_back(ds_turn *turn, ds_received *received, ds_view client, int64_t number) {
  ds_text name = ds_text_new(turn->sql.arena);
  ds_text_add(&name, client);
  ds_text_str(&name, ":");
  ds_text_int(&name, number);
  ds_peer *peer = ds_turn_peer(turn, received->socket);
  peer->waits = true;
  turn->waiting = true;
  received->waits_for = ds_text_view(&name);
  received->refused = received->waits = true;
}

// Runs the actions that are new and repeats the outcomes of those that are not. A number beyond the next one ends the frame: what it waits for was never sent.
static void run_actions(ds_turn *turn, ds_received *received) {
  const ds_frame *frame = &received->frame;
  ds_view id = ds_arena_copy(turn->sql.arena, ds_peer_client(ds_turn_peer(turn, received->socket)));
  ds_client *client = ds_clients_find(&turn->clients, &turn->sql, id);
  ds_sender *sender = sender_of(turn, received->socket);
  ds_client_acknowledge(client, frame->acknowledged);
  for (uint32_t i = 0; i < frame->sent_count; i++) {
    ds_sent *sent = &frame->sent[i];
    if (sent->number <= client->settled) {
      tell(turn, sender, ds_client_outcome(client, turn->sql.arena, sent->number));
      continue;
    }
    ds_code code = sent->number > client->settled + 1 ? DS_OUT_OF_ORDER : ds_client_full(client) ? DS_OUTBOX_FULL : DS_OK;
    if (code != DS_OK) {
      int64_t expected = code == DS_OUT_OF_ORDER ? client->settled + 1 : 0;
      ds_send_error(&turn->out, received->socket, 2, frame, code, (ds_view){0}, expected);
      return;
    }
    ds_outcome outcome = turn->full ? (ds_outcome){.waits = true} : run(turn, received, sent, id);
    if (outcome.waits) {
      put_back(turn, received, id, sent->number);
      return;
    }
    tell(turn, sender, ds_client_settle(client, turn->sql.arena, &outcome));
  }
}

// ---- Version 1

static void send_success(ds_turn *turn, const ds_received *received, const ds_pieces *records) {
  ds_text head = ds_text_new(turn->sql.arena);
  ds_text_fill(&head, "{'type':'success','rpc':true,'channel':$,'id':#,'result':[", DS_VALUES(received->frame.channel, received->frame.id));
  ds_pieces frame = ds_pieces_new(turn->sql.arena);
  ds_pieces_text(&frame, &head);
  ds_pieces_join(&frame, records);
  ds_pieces_str(&frame, "]}");
  ds_send(&turn->out, received->socket, &frame);
}

// Version 1 has no clients, but ids: each is a client of its own that sends one action, remembered once it is committed; what was rejected has left nothing and may be tried again. The
// mark before the id is in no client's name.
static ds_client *rpc_client(ds_turn *turn, ds_view id) {
  ds_text name = ds_text_new(turn->sql.arena);
  ds_text_str(&name, "~");
  ds_text_add(&name, id);
  return ds_clients_find(&turn->clients, &turn->sql, ds_text_view(&name));
}

static void run_rpc(ds_turn *turn, ds_received *received) {
  ds_sent *sent = received->frame.sent;
  ds_client *client = rpc_client(turn, received->frame.id);
  if (client->lost) {
    ds_send_error(&turn->out, received->socket, 1, &received->frame, DS_INTERNAL, (ds_view){0}, 0);
    return;
  }
  if (client->settled) {
    // What it changed has been broadcast: there is nothing more to show.
    send_success(turn, received, &(ds_pieces){0});
    return;
  }
  int32_t channel = ds_channel_index(turn->names, sent->channel);
  const ds_table *table = channel < 0 ? NULL : &turn->storage->tables[channel];
  int64_t before = table ? ds_log_version(&turn->sql, table->channel) : 0;
  ds_outcome outcome = turn->full ? (ds_outcome){.waits = true} : run(turn, received, sent, client->id);
  if (outcome.waits) {
    put_back(turn, received, client->id, sent->number);
    return;
  }
  if (outcome.code == DS_OK) ds_client_settle(client, turn->sql.arena, &(ds_outcome){0});
  if (outcome.code != DS_OK || !table) {
    ds_send_error(&turn->out, received->socket, 1, &received->frame, outcome.code, outcome.message, 0);
    return;
  }
  ds_pieces records = {0};
  if (ds_turn_may_read(turn, received, table).code == DS_OK) {
    ds_diff diff = ds_diff_since(&turn->sql, table, ds_turn_peer(turn, received->socket)->reader, before, DS_MAX_CHANGES, DS_LIVE, NULL);
    records = ds_change_records(&turn->sql, &diff, turn->now);
  }
  send_success(turn, received, &records);
}

// ---- Order

// A socket speaks the version of its first frame.
static bool speaks(ds_turn *turn, ds_received *received) {
  ds_peer *peer = ds_turn_peer(turn, received->socket);
  if (received->frame.protocol == 2) {
    if (peer->protocol == 2 || (peer->protocol == 0 && received->frame.type == DS_HELLO)) return true;
    if (peer->protocol == 1) ds_turn_refuse(turn, received, DS_BAD_FRAME, "The socket speaks version 1.");
    else ds_turn_refuse(turn, received, DS_HELLO_EXPECTED, NULL);
    return false;
  }
  if (peer->protocol == 2) {
    ds_turn_refuse(turn, received, DS_BAD_FRAME, "The socket speaks version 2.");
    return false;
  }
  if (peer->protocol == 0) {
    peer->protocol = 1;
    peer->changed = true;
  }
  return true;
}

static void dispatch(ds_turn *turn, ds_received *received) {
  const ds_frame *frame = &received->frame;
  bool acts = frame->type == DS_ACTIONS || frame->type == DS_V1_RPC;
  if (ds_turn_peer(turn, received->socket)->unread) {
    // It comes back, and is asked who it is.
    received->refused = true;
    ds_close_socket(&turn->out, received->socket, DS_CLOSE_RESTART, "internal");
    return;
  }
  if (frame->code != DS_OK) ds_turn_refuse(turn, received, frame->code, frame->message);
  else if (ds_turn_peer(turn, received->socket)->waits) received->refused = received->waits = true;
  else if (!speaks(turn, received)) return;
  else if (frame->poisoned && !acts) ds_turn_refuse(turn, received, DS_INTERNAL, NULL);
  else if (frame->type == DS_HELLO) welcome(turn, received);
  else if (frame->type == DS_ACTIONS) run_actions(turn, received);
  else if (frame->type == DS_V1_RPC) run_rpc(turn, received);
}

// Tells the host which frames wait, and forgets it: that is its affair from here on.
static void hand_back(ds_turn *turn) {
  int32_t at = 0;
  for (ds_received *received = turn->received; received; received = received->next, at++)
    if (received->waits) ds_wait_for(&turn->out, received->socket, at, received->waits_for);
  for (ds_received *received = turn->received; received; received = received->next) ds_turn_peer(turn, received->socket)->waits = false;
}

void ds_turn_dispatch(ds_turn *turn) {
  for (ds_received *received = turn->received; received; received = received->next) dispatch(turn, received);
  if (turn->waiting) hand_back(turn);
  ds_clients_save(&turn->clients, &turn->sql, turn->now);
}
