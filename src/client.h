// SPDX-License-Identifier: MIT
// Exactly once: what is known of each client's actions, kept in the transaction of their effects.
//
//   durasync_client (client TEXT PRIMARY KEY, settled INTEGER, outcomes TEXT, seen INTEGER) WITHOUT ROWID
//
// `settled` is the highest number whose action is settled; numbers have no holes, so everything up to it is (or was, before a restore). `outcomes` holds, as a JSON array, those outcomes that say
// more than "committed" and that the client has not acknowledged: of any other settled number the outcome is just that. `seen` is when the client was there: when it
// last settled something, or came, give or take DS_CLIENT_NOTED. A client of whom nothing was carried out yet is stored under its
// id behind a "!", which is in no id: what is kept of all those together is bounded.
#ifndef DURASYNC_CLIENT_H
#define DURASYNC_CLIENT_H

#include "action.h"
#include "index.h"
#include "limits.h"
#include "sql.h"

typedef struct ds_kept_outcome ds_kept_outcome;

typedef struct ds_client {
  struct ds_client *next;
  ds_view id;
  bool known;   // stored before this turn
  bool refused; // and stored as one of whom nothing was carried out
  bool acted;   // something was
  int64_t settled;
  int64_t lost; // of the numbers up to this one that have no outcome here, nobody knows what became; 0 for none
  int64_t seen;
  ds_kept_outcome *outcomes; // oldest first
  uint32_t outcome_count;
  size_t outcome_bytes;
  bool changed;
} ds_client;

// The client that was written last, as it stands in the table, so that who acts again and again need not be read each time. Whoever writes to the table otherwise, or undoes what was written,
// forgets it: size = 0.
typedef struct ds_last_client {
  size_t size; // 0 if there is none, or if it has outcomes
  char id[DS_MAX_CLIENT];
  int64_t settled;
  int64_t seen;
} ds_last_client;

// The clients of a turn.
typedef struct ds_clients {
  ds_client *first;
  ds_index index; // of them, by id
  ds_last_client *last;
  int64_t *refused_bytes; // what is kept of clients of whom nothing was carried out, by DS_REFUSED_CLIENT; negative while unknown
} ds_clients;

// The statement that makes the table, for the start.
extern const char ds_client_schema[];

// The client `id`, read once a turn, unless it is the last one; one that is not stored has settled nothing. Lives in the turn's arena. Reads one row.
ds_client *ds_clients_find(ds_clients *clients, ds_sql *sql, ds_view id);

// The client is there at the time `now`: noted if it was not lately, so that it is not forgotten while it comes and goes with an action whose outcome it never hears.
void ds_client_greet(ds_client *client, int64_t now);

// True if an unknown client that was last there at `seen` may have been forgotten.
bool ds_client_forgettable(int64_t seen, int64_t now);

// Forgets the outcomes up to `number`: the client has them. Where a backup has come back that knows less than that, the count goes on behind `number`: so a number means one action for ever,
// and of two histories that take turns neither carries out what it has. Alone this writes nothing; it goes with the next write.
void ds_client_acknowledge(ds_client *client, int64_t number);

// True if what is stored of the client cannot be read, so that nobody knows which of its numbers are settled.
bool ds_client_lost(const ds_client *client);

// True if the client must acknowledge before it may send more.
bool ds_client_full(const ds_client *client);

// Settles the next number, which must be `settled + 1`; returns the outcome's JSON.
ds_view ds_client_settle(ds_client *client, ds_arena *arena, const ds_outcome *outcome);

// The JSON of the outcome of a settled number, as it was told. One that cannot be read from storage is `internal`, for good:
// that it was committed is said of none that may not have been.
ds_view ds_client_outcome(const ds_client *client, ds_arena *arena, int64_t number);

// Forgets clients that have not been there since `time`, and rpcs of version 1 from before `rpc_time`.
void ds_clients_forget(ds_clients *clients, ds_sql *sql, int64_t time, int64_t rpc_time);

// Notes every client as there at the time `now`: what a backup knows of them may be old, and they have been there since. One written row a client.
void ds_clients_greet_all(ds_sql *sql, int64_t now);

// Writes the clients that settled something or are to be noted: one row each.
void ds_clients_save(const ds_clients *clients, ds_sql *sql, int64_t now);

#endif
