// SPDX-License-Identifier: MIT
// One object, alive: a core on a sqlite_host, the frames on their way to it, the frames each socket has got. After every turn it checks that the core left
// neither a cursor nor a transaction open.
#ifndef DURASYNC_WORLD_H
#define DURASYNC_WORLD_H

#include "sqlite_host.h"

typedef struct world {
  const ds_app *app;
  sqlite_host *host;
  ds_core *core;
  bool ready; // what ds_core_start answered

  int32_t waiting[8]; // the frames that the last turn put back, by their place in it
  uint32_t waiting_count;
  char waits_for[64]; // what the last of them that said so waits for

  uint32_t again_count; // frames of the core's own in the coming turn
  struct world_frame *again; // private: the same, between the turn that has made them and the next

  struct world_frame *arrived; // private: frames that sockets have got and nobody has received yet
  uint32_t arrived_count;
} world;

// A new object for `app` on the database at `path` (see sqlite_host_new), not started yet.
world world_new(const ds_app *app, const char *path);
void world_free(world *world);

// Makes the core and starts it. If there is one already, that is a hibernation in between: the old core is freed, storage and sockets stay.
void world_start(world *world);

ds_socket world_open(world *world);
void world_close(world *world, ds_socket socket);

// Puts a frame, which is copied, into the coming turn.
void world_send(world *world, ds_socket socket, ds_frame_kind kind, ds_view bytes);

// Runs the turn and carries out its deliveries. The frames of its own that the core asks for are in the coming turn then.
void world_turn(world *world);

// Runs turns until the core asks for none.
void world_turns(world *world);

// Sends an event of the app's own to a channel's subscribers.
void world_broadcast(world *world, ds_view channel, ds_view json);

// The oldest frame that has arrived at `socket` and has not been received, NUL-terminated, which the caller frees; absent if there is none.
ds_view world_receive(world *world, ds_socket socket);

// Drops every frame that has arrived anywhere; returns how many.
uint32_t world_skip_all(world *world);

// The rows of `sql`, run by the test itself, as JSON: an array of arrays of null, integers and strings. The caller frees it. A failure is a failed check.
char *world_query(world *world, const char *sql);

#endif
