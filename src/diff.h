// SPDX-License-Identifier: MIT
// The net diff of a channel between two versions.
//
// The rule. A row appears at most once, and is judged as it is now:
//   - a row that was not there before and is not there now is nothing, whatever happened in between;
//   - a row that was not there before and is there now is a put;
//   - a row that was there before and is not there now is a del;
//   - a row that was there before and is there now is a set of the union of the columns that changed, or a put if it was deleted and inserted again in between;
//   - a row that was in the way of another, and is not there now, is a del: a REPLACE removes it without a delete, so counting cannot tell;
//   - an update back to the old value may be sent, but always with the value as it is now;
//   - a change of the primary key is a del of the old key and a put of the new one;
//   - in a channel that shows every reader rows of their own, "there" means that the reader saw it, or sees it: a row that they never saw is nothing to them.
//
// Whether a row was there before follows from counting: each insert of a key makes it exist, each delete makes it not exist, so "now" minus inserts plus deletes
// is "before". The order of entries within a statement is not relied on: an app's own triggers may run before or after durasync's.
#ifndef DURASYNC_DIFF_H
#define DURASYNC_DIFF_H

#include "log.h"

typedef enum ds_verdict { DS_NOTHING, DS_PUT, DS_SET, DS_DEL } ds_verdict;

// What became of one row.
typedef struct ds_net {
  ds_view key; // JSON
  uint32_t inserts;
  uint32_t deletes;
  bool ousted;     // it was there, and in the way of another: it may have gone without a delete
  int64_t columns; // union over the updates
  bool seen;       // the reader saw it before one of the changes
  bool unseen;     // or did not, before another
  ds_verdict verdict;
} ds_net;

typedef struct ds_diff {
  const ds_table *table;
  ds_view reader; // JSON; counts in a personal channel alone
  int64_t from;
  int64_t to;
  uint32_t count;
  ds_net *rows;   // in the order of first change; in the turn's arena
  bool too_large; // there is more than `limit` or the caps allow; rows are incomplete and `to` is where reading stopped
} ds_diff;

// Whether a diff is for clients that are at `from` exactly and have had every patch up to it, or for one that was away.
typedef enum ds_diff_mode {
  DS_LIVE,     // as the rule says
  DS_CATCH_UP, // whole rows instead of sets, and a del for every row that is not there now. Which those are is left open, except in a personal channel: ds_diff_look
} ds_diff_mode;

// The net diff, for `reader`, of everything the log holds after `from`, at most `limit` entries. `newest` is the newest of them, or NULL: if it is known to be the only one, the log need not be read.
ds_diff ds_diff_since(ds_sql *sql, const ds_table *table, ds_view reader, int64_t from, int64_t limit, ds_diff_mode mode, const ds_log_entry *newest);

// Makes dels of those puts of a catch-up whose rows are not there: for who has asked for all of them, and got fewer. As a rule all are there, and nobody need look twice.
void ds_diff_look(ds_diff *diff, ds_sql *sql);

// Whether the diff has anything to tell.
bool ds_diff_tells(const ds_diff *diff);

#endif
