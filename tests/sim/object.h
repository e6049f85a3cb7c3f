// SPDX-License-Identifier: MIT
// One object on a machine that fails: the real core on libsqlite3, which sleeps, dies between any two calls of its host, is given old storage and new code. After
// every commit it notes in the history what each channel holds.
#ifndef DURASYNC_SIM_OBJECT_H
#define DURASYNC_SIM_OBJECT_H

#include <setjmp.h>

#include "../native/sqlite_host.h"
#include "history.h"

enum { BACKUPS = 3 };

typedef struct object {
  sqlite_host *host;
  ds_core *core; // NULL while it sleeps
  bool ready;
  uint32_t generation; // the app that is deployed
  history history;
  uint32_t era;
  char epoch[32];
  int64_t migrations;
  const ds_core *watched; // the core under which the history was last written, and the rows changed until then
  int changes;
  sqlite3 *backups[BACKUPS];
  int64_t crash_in; // calls of the host until the process dies; 0 for never
  jmp_buf death;
  // What the object does to the world outside. `again`: a frame of its own is to come as the socket's next. `closed`: the object, or its death, has closed the socket.
  void (*sent)(void *world, ds_socket socket, ds_view frame, uint32_t era);
  void (*again)(void *world, ds_socket socket, ds_view frame);
  void (*closed)(void *world, ds_socket socket);
  void *world;
} object;

void object_init(object *o);
void object_free(object *o);

// A frame on its way into a turn.
typedef struct arrival {
  ds_socket socket;
  ds_view bytes;
  bool own; // the core's
} arrival;

// Runs a turn with these frames, waking the object first. False if it died on the way.
bool object_turn(object *o, const arrival *arrivals, uint32_t count);

// Runs SQL as the object's own code outside of any action does, waking it first; what fails is undone. False if it died on the way.
bool object_write(object *o, const char *sql);

// The socket is gone: its close event arrives.
void object_hang_up(object *o, ds_socket socket);

// Falls asleep: the core is freed. It must hold no more memory than an idle object may.
void object_sleep(object *o);

// Dies: what was not committed is gone, and so are the sockets.
void object_die(object *o);

// Copies the storage; brings a copy back, under a new epoch. Restoring what was never copied does nothing and returns false.
void object_backup(object *o, uint32_t slot);
bool object_restore(object *o, uint32_t slot);

// New code is deployed: everything that lives dies.
void object_deploy(object *o, uint32_t generation);

// The only integer of the query's first row.
int64_t object_ask(object *o, const char *query);

// What a channel holds, for each reader: the contents as rows.h sums them up, and how many records.
typedef struct holding {
  uint64_t contents[READERS];
  uint32_t counts[READERS];
} holding;
holding object_holding(object *o, uint32_t channel);

#endif
