// SPDX-License-Identifier: MIT
// A client: its feeds, its outbox, what its cache holds. It behaves as client/store.ts does: everything that waits is sent at once on a new line, again after a
// reconnect, until its outcome is known.
#ifndef DURASYNC_SIM_CLIENT_H
#define DURASYNC_SIM_CLIENT_H

#include "apps.h"
#include "feed.h"
#include "history.h"
#include "line.h"

// What the author of an action was told.
typedef enum told { UNTOLD, COMMITTED, REJECTED, FORGOTTEN } told;

typedef struct action {
  int64_t tag; // unique in its world; its place among all actions
  int64_t number;
  uint32_t client;
  bool answers; // its result is its tag
  deed deed;
  ds_view payload;
  bool sent;  // on this line
  bool tried; // on some line
  told told;
  int64_t expected; // rows in the ledger; -1 for nobody knows
  int64_t restored; // rows in it after the last restore
} action;

// Every action of a world, by tag.
typedef struct actions {
  action *items;
  int64_t count;
  uint32_t restored; // the era that began with the last restore; what was said before it may have been undone
} actions;

typedef struct client {
  uint32_t index;
  uint32_t reader; // as whom it comes
  uint32_t lives; // how often it took a new id
  char id[32];
  int64_t last; // the last number given away
  int64_t seen; // `now` of the last welcome, or when it first sent something; 0 for neither
  feed feeds[CHANNELS];
  feed cached[CHANNELS];
  line *line;   // NULL while offline
  bool again;   // it was told to wait: what has no answer goes again
  bool lost;    // it drops its line, since that is the way to start over
  actions *actions;
  const history *history;
  const int64_t *clock; // its own; it happens to be right
  ds_arena *arena; // for frames; reset at will
} client;

void client_init(client *c, uint32_t index, uint32_t reader, actions *all, const history *history, const int64_t *clock);
void client_free(client *c);

// A new action; it is sent if there is a line.
void client_act(client *c, deed deed, ds_view payload, int64_t tag);

// A line is there: says hello, subscribes, sends everything.
void client_open(client *c, line *l);

// The line is gone.
void client_rest(client *c);

// A frame has come.
void client_hear(client *c, parcel frame);

// Time has passed: sends again what it was told to send later.
void client_wait(client *c);

// Follows the channel, or follows it no more.
void client_follow(client *c, uint32_t channel, bool wanted);

// Saves to the cache what may be saved; starts over from the cache, as a new page does. The outbox is always in the cache before anything is sent.
void client_save(client *c);
void client_reload(client *c);

// Comes as somebody else from now on, while it has no line: with what it holds and what its cache holds, or `anew`, from another cache.
void client_become(client *c, uint32_t reader, bool anew);

// True if it waits for nothing.
bool client_at_rest(const client *c);

#endif
