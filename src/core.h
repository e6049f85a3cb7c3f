// SPDX-License-Identifier: MIT
// The core as its border sees it: one ds_core per object, one turn at a time.
//
//   ds_core_new -> ds_core_start -> { ds_core_buffer + ds_core_receive ... -> ds_core_turn -> send the deliveries -> ds_core_end } ...
//
// The core holds nothing that storage and the sockets' attachments do not hold as well: it may be freed between any two turns and made anew.
#ifndef DURASYNC_CORE_H
#define DURASYNC_CORE_H

#include "durasync.h"
#include "host.h"

typedef struct ds_core ds_core;

// What the host does with a delivery, after the commit and in the order given.
typedef enum ds_delivery_kind {
  DS_DELIVERY_SEND = 0,   // send the pieces, joined, as one text message to each socket
  DS_DELIVERY_ATTACH = 1, // attach the pieces, joined, to each socket, where it survives hibernation
  DS_DELIVERY_CLOSE = 2,  // close each socket with `code` and the pieces, joined, as the reason
  DS_DELIVERY_WAIT = 3,   // frame number `code` of the turn (from 0), its socket's, waits for what the pieces, joined, name: it is to come again when that is there, and before any other of the socket
  DS_DELIVERY_AGAIN = 4,  // the pieces, joined, are a frame of the core's own: it comes as the socket's, DS_FRAME_OWN, with the next turn, before what the socket sends; forgotten with the socket
} ds_delivery_kind;

// A part of a delivery's text: a text of the host's if `text` is not negative, else `bytes` (UTF-8).
typedef struct ds_piece {
  ds_handle text;
  ds_view bytes;
} ds_piece;

typedef struct ds_delivery {
  ds_delivery_kind kind;
  uint32_t socket_count;
  const ds_socket *sockets;
  uint32_t piece_count;
  const ds_piece *pieces;
  int32_t code; // of a close: RFC 6455, section 7.4; of a wait: see there
} ds_delivery;

// The deliveries of a turn, in order; everything they point at belongs to the core and is valid until ds_core_end.
typedef struct ds_deliveries {
  uint32_t count;
  const ds_delivery *items;
} ds_deliveries;

// How a frame came.
typedef enum ds_frame_kind {
  DS_FRAME_TEXT = 0,     // a text message: UTF-8
  DS_FRAME_BINARY = 1,   // a binary message: answered by bad_frame
  DS_FRAME_POISONED = 2, // a text message that brought an instance down: its actions are settled as `internal`, not run
  DS_FRAME_HUGE = 3,     // a message of more than DS_MAX_FRAME units or bytes, whose bytes were left with the host
  DS_FRAME_OWN = 4,      // a frame of the core's own: see DS_DELIVERY_AGAIN
  DS_FRAME_RETURNED = 5, // a text message that a turn has handed back by DS_DELIVERY_WAIT: its rate has been charged
} ds_frame_kind;

// A core for `app` on `host`; both must outlive it. The caller frees it with ds_core_free (NULL is allowed).
ds_core *ds_core_new(const ds_app *app, const ds_host *host);
void ds_core_free(ds_core *core);

// Brings storage up to date: the bookkeeping, the app's migrations, its own start, its tables and their triggers, in one transaction. Call it once, before anything else.
// On failure everything is undone, the reason is logged, false is returned, and every frame from then on is answered by `unavailable`: without a start, too.
bool ds_core_start(ds_core *core);

// Does the first part of it, up to the migrations, in a transaction of its own: for a host that has code to run between the migrations and the start. ds_core_start does the rest.
bool ds_core_migrate(ds_core *core);

// What ds_core_apart leaves to its host.
typedef enum ds_apart {
  DS_APART_NOTHING = 0, // nothing: what the last start has said stands
  DS_APART_COMMIT = 1,  // to commit all that has been written, and call again
  DS_APART_START = 2,   // to start, or to migrate, again
} ds_apart;

// To be called when ds_core_start or ds_core_migrate has failed: it may have met a migration that needs foreign keys to be off, and so a commit of its own; everything has been undone then. Does what comes before that
// one, and that one. `whole` says that the host runs no code of its own between the migrations and the start: then the check of the tables is a part of the last such commit.
ds_apart ds_core_apart(ds_core *core, bool whole);

// Whether the last start did not find the tables as they had been left, though no migration had been run, or found none, and gave channels new shapes. Those who follow them would not hear of it before the next change: the
// host closes their sockets.
bool ds_core_reshaped(const ds_core *core);

// Whether a core that is ready may go on: false if a channel's table has been altered since, or dropped and made again, which leaves it without the triggers that note changes. Then it is to be
// freed, and another one started, which puts that right. Ask whenever the app's own code, other than a migration, may have redefined a table. Ends like a turn, by ds_core_end.
bool ds_core_current(ds_core *core);

// Has the app handle an event in a transaction of its own, and returns what came of it as JSON: {"status":"committed","result":...} or {"status":"rejected","code":...,"message":...,"data":...}; valid
// until ds_core_end. `payload` is JSON; `socket` is the one that the event is about, or -1. What it changed goes out with the next turn. A core that is not ready rejects.
ds_view ds_core_event(ds_core *core, ds_event event, ds_view payload, ds_socket socket);

// What DS_ON_CONNECT comes to is a JSON string, what is to be attached to the socket that is let in, unless it is rejected. The
// same of one that an app in JavaScript lets in with `identity`, JSON, absent for nobody in particular: DS_INVALID_PAYLOAD if
// that is no identity that could be read back.
ds_view ds_core_admit(ds_core *core, ds_view identity);

// Whether the app handles the event.
bool ds_core_handles(const ds_core *core, ds_event event);

// An event of the app's own for everyone who has subscribed to `channel`, sent at once and stored nowhere. `json` must be JSON. Deliveries as those of a turn.
ds_deliveries ds_core_broadcast(ds_core *core, ds_view channel, ds_view json);

// `size` bytes in the turn's arena for the next frame to be written to; valid until ds_core_end.
char *ds_core_buffer(ds_core *core, size_t size);

// Adds a frame to the coming turn. `bytes` must stay valid until ds_core_end.
void ds_core_receive(ds_core *core, ds_socket socket, ds_frame_kind kind, ds_view bytes);

// Handles the frames received, in order, in one transaction, and notices every other change made to the channels since the last turn: with no
// frames it is how writes from outside any action reach their subscribers.
ds_deliveries ds_core_turn(ds_core *core);

// Begins a new history: the epoch changes, so that no cursor of the old one is resumed, and every socket is closed. For storage that was brought back from a
// backup: its versions may come to mean something else than they did. `deliveries` are as those of a turn. False, the reason logged and nothing changed, if the storage refuses.
bool ds_core_renew(ds_core *core, ds_deliveries *deliveries);

// Ends the turn: the arena is reset. The host drops its texts.
void ds_core_end(ds_core *core);

// Whether the core still holds the memory of turns that were far larger than the last one, where memory cannot be given back: the host frees it then, and starts another.
bool ds_core_swollen(const ds_core *core);

// The bytes of all that the core holds.
size_t ds_core_memory(const ds_core *core);

// The socket is gone. Call it between turns, with no frame waiting: what a socket sent before it closed is to be handled first.
void ds_core_close(ds_core *core, ds_socket socket);

#endif
