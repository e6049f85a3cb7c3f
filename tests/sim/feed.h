// SPDX-License-Identifier: MIT
// A client's side of one channel, as docs/PROTOCOL.md and client/channel.ts have it: records, cursor, snapshot under way. It sends nothing: it answers with the
// frame to send.
#ifndef DURASYNC_SIM_FEED_H
#define DURASYNC_SIM_FEED_H

#include "rows.h"

typedef enum phase { IDLE, SUBSCRIBING, PAGING, LIVE, FAILED } phase;

typedef struct feed {
  const char *channel;
  bool wanted;
  phase phase;
  bool anew; // followed again on the same line: an answer may be one to the first subscription, and the channel a moment behind the others
  bool again;     // asked for again on the same line, where both may be answered
  uint32_t asked; // the commit at which it stood then
  bool has_cursor;
  char epoch[24];
  char shape[24];
  int64_t version;
  uint32_t era; // in which the cursor was given
  rows rows;
  bool paged;   // a snapshot is under way
  bool seeing;  // there were records before it, and those that it does not show will go
  char after[1024]; // the last key that came, JSON; "" for none
  char ask[1024];   // the key to ask for next: that of the end of the answer which has begun to come
  int64_t next; // rows to ask for next
  int64_t id;   // of the subscription, whose pages say it again
} feed;

// What to send because of what came.
typedef enum reply { NOTHING, SUBSCRIBE, PAGE } reply;

// Takes in a page, or one change of a patch, that was sent in `era`.
reply feed_page(feed *f, ds_view page, uint32_t era);
reply feed_change(feed *f, ds_view epoch, ds_view change, uint32_t era);

// What to say again on a line that lives on, where an answer has not come.
reply feed_again(feed *f);

// A frame of its subscription was refused for now: it begins anew, and whatever is still on its way to the old one counts no more.
void feed_refused(feed *f);

// Nobody follows it any more, and the line lives on.
void feed_leave(feed *f);

// The frame that goes with a reply; SUBSCRIBE begins a subscription.
ds_view feed_frame(feed *f, reply reply, ds_arena *arena);

// What the cache keeps, and what a page that starts from it has. A snapshot that replaces records is not kept: `feed_keepable` says so.
bool feed_keepable(const feed *f);
feed feed_copy(const feed *f);

// Forgets cursor and records.
void feed_reset(feed *f);

#endif
