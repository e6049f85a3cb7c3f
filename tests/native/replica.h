// SPDX-License-Identifier: MIT
// What a client knows of one channel: it applies pages and patches as docs/PROTOCOL.md says a client does, and can be compared with the table.
#ifndef DURASYNC_REPLICA_H
#define DURASYNC_REPLICA_H

#include "../../src/bytes.h"

enum { REPLICA_MAX_COLUMNS = 100 };

typedef struct replica_row {
  ds_view key;    // JSON
  ds_view *cells; // JSON, one a column
} replica_row;

typedef struct replica {
  ds_arena *arena; // owned
  ds_view epoch;
  ds_view shape;
  int64_t version;
  bool synced; // a whole snapshot has been read
  bool gap;    // a change was missed: subscribe again
  uint32_t column_count;
  uint32_t key_count;
  uint32_t key[REPLICA_MAX_COLUMNS]; // positions of the key's columns
  int64_t next; // rows to ask for in the next page, 0 for none
  ds_view last; // the key that the last page ended at, JSON
  replica_row *rows; // in the order of their keys' JSON texts
  uint32_t row_count;
  uint32_t row_room;
} replica;

replica replica_new(void);
void replica_free(replica *replica);

// Applies a page or patch of the replica's channel; other frames are passed over. What the protocol forbids is a failed check.
void replica_hear(replica *replica, ds_view frame);

// The cursor as JSON, to subscribe with; null before the first page.
ds_view replica_cursor(replica *replica);

// The records as a JSON array, in the order of their keys' JSON texts. Valid until the replica is freed.
ds_view replica_records(replica *replica);

#endif
