// SPDX-License-Identifier: MIT
// One turn: the frames that arrived together, on their way through the stages, in this order.
//
//   decode    frame.c     bytes -> ds_frame
//   dispatch  dispatch.c  hellos and actions, in order of arrival
//   fan out   fanout.c    what changed in each channel, to everyone who should see it, with the senders' outcomes
//   answer    answer.c    subscriptions and pages, which read the state that the turn ends in
//   compact   core.c      the change logs that have grown
//
// Reads come last because a page taken between two actions of one turn would not fit the turn's patch: the patch knows nothing of a row that came and went.
#ifndef DURASYNC_TURN_H
#define DURASYNC_TURN_H

#include "client.h"
#include "delivery.h"
#include "peer.h"
#include "storage.h"

// A frame and where it came from.
typedef struct ds_received {
  struct ds_received *next;
  ds_socket socket;
  ds_frame_kind kind;
  ds_view bytes;
  ds_frame frame;
  bool refused;      // answered already, or put back: not for the later stages
  bool waits;        // put back: it comes again
  ds_view waits_for; // of the first frame of a socket that is put back: what for
  const ds_outcome *verdict; // what came of asking whether it may read, before the turn was undone. NULL for nothing
} ds_received;

// What became of some actions: no more than one frame carries.
typedef struct ds_told {
  struct ds_told *next;
  ds_text outcomes; // comma-separated JSON
} ds_told;

// A socket that sent actions.
typedef struct ds_sender {
  struct ds_sender *next;
  ds_socket socket;
  ds_told *first; // what it is to be told, in order; NULL for nothing
  ds_told *last;
} ds_sender;

typedef struct ds_turn {
  const ds_app *app;
  const ds_storage *storage;
  const ds_names *names;
  ds_peers *peers;
  ds_sql sql; // host, arena and the first failure
  int64_t now;
  ds_received *received; // in order of arrival
  ds_clients clients;
  ds_statements statements; // of the app's handlers
  ds_sender *senders; // in order of their first action
  ds_sender *last_sender;
  int64_t read_bytes;  // of the pages and catch-ups made so far
  bool waiting;        // some frames are put back
  const ds_outcome *ended_by; // has ended the transaction: the turn is undone, and done again without it. NULL for nothing
  const ds_outcome *last;     // the verdict that the turn goes up to: what comes after it is put back. NULL for none
  bool full;                  // it has come so far
  uint64_t changed;    // the channels that have changed since the last turn
  uint64_t grown;      // the channels whose change log is to be compacted
  ds_outbound out;
} ds_turn;

// The peer behind a frame.
ds_peer *ds_turn_peer(ds_turn *turn, ds_socket socket);

// What the channel says to one who wants to read it: its can_read rejects whom it refuses.
ds_outcome ds_turn_may_read(ds_turn *turn, ds_received *received, const ds_table *table);

// Notes what ended the transaction, for the turn that is done again, and has nothing more run in this one.
void ds_turn_end(ds_turn *turn, const ds_outcome **verdict, const ds_outcome *outcome);

// Answers a frame by an error, in the words of the version its socket speaks, and takes it out of the turn. A null message is the code's sentence.
void ds_turn_refuse(ds_turn *turn, ds_received *received, ds_code code, const char *message);

// Sends an event of the app's own to the channel's subscribers.
void ds_turn_broadcast(ds_turn *turn, ds_view channel, ds_view json);

// The stages, each in its own file.
void ds_turn_dispatch(ds_turn *turn);
void ds_turn_fan_out(ds_turn *turn);
void ds_turn_answer(ds_turn *turn);

#endif
