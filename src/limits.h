// SPDX-License-Identifier: MIT
// Every cap of the core, each with its reason. The TypeScript copy is generated from the #define lines of this file.
#ifndef DURASYNC_LIMITS_H
#define DURASYNC_LIMITS_H

// Bytes of one incoming frame. A page of actions fits many times over; the platform itself would take 32 MiB.
#define DS_MAX_FRAME 1048576

// Nesting of a JSON text. SQLite's own JSON functions stop at 1,000; nobody's payload needs a tenth of this.
#define DS_MAX_DEPTH 64

// Bytes of a client's id: a UUID has 36.
#define DS_MAX_CLIENT 64

// Bytes of an identity as JSON: it shares the 16 KiB of a socket's attachment with the client's id and its subscriptions.
#define DS_MAX_IDENTITY 4096

// Bytes of a socket's attachment as JSON: the platform keeps 16,384, its own wrapping included. A subscription that does not
// fit is refused, since it would be forgotten with the next hibernation.
#define DS_MAX_ATTACHMENT 16000

// Different members of the identity that the channels of an app may ask for: every reader has them all.
#define DS_MAX_MEMBERS 16

// Milliseconds after which a client that has not been there may be forgotten: 90 days. One that comes back later is told so, and nothing of it runs twice.
#define DS_CLIENT_AGE 7776000000

// Milliseconds for which a client that is there again is not noted again: a day. A hello of every day writes a row, no other does.
#define DS_CLIENT_NOTED 86400000

// Milliseconds for which the id of a version 1 rpc is remembered, so that sending it again does not run it again: a day. Its page does not outlive its answer by much.
#define DS_RPC_AGE 86400000

// Frames that a socket may send at once, and then per second: a burst of an impatient page passes, a loop that has gone wild does not.
#define DS_FRAME_BURST 2000
#define DS_FRAMES_PER_SECOND 500

// Bytes and frames that wait for an object's turns: the turn's own, and those behind a handler that waits. A socket that brings more is
// closed, and comes back. Each socket may have four times the burst of its rate.
#define DS_MAX_WAITING 16777216
#define DS_MAX_WAITING_FRAMES 8000

// Bytes of the frames that one turn takes in; the others wait for the next. The module has 64 MB, and a frame is copied and taken apart in it.
#define DS_MAX_TURN_BYTES 4194304

// Bytes that may wait for a socket whose client does not read: more, and it is closed, and resumes when it comes back. An object has 128 MB for everything.
#define DS_MAX_BACKLOG 8388608

// Bytes of pages and catch-ups that one turn makes: a thousand clients that come at once are served in several turns.
#define DS_MAX_TURN_READS 16777216

// Bytes of a turn's memory that an instance which cannot give them back may keep when its turns are small again: what a turn with 16,000 readers needs. An object has 128 MB for everything.
#define DS_MAX_IDLE 16777216

// Actions in one frame: an outbox of days goes out in a few frames, and a turn stays short.
#define DS_MAX_ACTIONS 500

// Times that a turn is done again because an action has ended its transaction. What is left then waits for the next turn: a frame full
// of such actions costs a few times what another does, not its square.
#define DS_MAX_REDONE 8

// Unacknowledged outcomes with something to tell (a rejection or a result), per client: they share one stored row.
#define DS_MAX_OUTCOMES 1000

// Bytes of those outcomes together, and of one action's result, data or message as JSON: the row stays below the
// platform's 2 MB.
#define DS_MAX_OUTCOME_BYTES 1000000
#define DS_MAX_RESULT 65536

// Bytes that is kept of all clients together that have carried out nothing yet, and what each counts for beside its outcomes: some
// thousand pages whose first action was refused. Beyond it the oldest are forgotten, so that who may do nothing cannot fill the
// storage with ids of its own making. What was rejected has left nothing: should such a client ask again, it may be judged again.
#define DS_MAX_REFUSED_BYTES 4000000
#define DS_REFUSED_CLIENT 1000

// Channels an app may declare: a socket's subscriptions are one 64-bit set.
#define DS_MAX_CHANNELS 64

// Columns of a channel's table, as on the platform.
#define DS_MAX_COLUMNS 100

// Bytes that the rows of one page are meant to have. A client renders after each page, so many small ones cost it more than few large ones. A page has up to twice as many where
// its rows are larger than those before it; a single larger row still goes out, alone.
#define DS_PAGE_SIZE 262144

// Pages, and bytes, with which a request for several pages is answered at most: a client far away waits for the line once an answer, with
// another one on its way, and nobody waits long for a turn.
#define DS_ANSWER_SIZE 400000
#define DS_ANSWER_PAGES 5

// Rows of the first page of a snapshot: small, so that something can be painted at once.
#define DS_FIRST_PAGE_ROWS 200

// Rows of any page, however small they are: it bounds the work of one turn.
#define DS_MAX_PAGE_ROWS 4000

// Changed rows that a channel's log keeps unless the app says otherwise; compaction runs once in half as many changes. A cursor that is older gets a snapshot.
#define DS_LOG_WINDOW 20000

// Milliseconds after which a change may leave the log however few there are, unless the app says otherwise: 30 days. And how often that is looked at: a day, at the
// first change of it.
#define DS_LOG_AGE 2592000000
#define DS_LOG_MARK_EVERY 86400000

// Changes a catch-up may carry; beyond it the client gets a snapshot, which is paged and costs about the same per row.
#define DS_MAX_CATCH_UP 5000

// Bytes of the changes in one patch; more, and subscribers are told to catch up, which they do in pages. Frames close to 1 MB fail on some paths.
#define DS_MAX_PATCH 900000

// Bytes of one record as JSON: the largest that a frame can carry. A larger one is refused when it is written.
#define DS_MAX_RECORD 800000

// What a cell that is no text counts for in it, beside the text or the bytes that it may be. No number takes more, the comma behind it included: {"int":"-9223372036854775808"} is the
// longest.
#define DS_SHORT_CELL 32

// Bytes of the keys of rows for which a channel's `where` fails that one page passes over: they stand in a statement, of which the platform takes 100,000 bytes.
#define DS_MAX_FAILING 50000

// Rows that one turn may change in a channel and still send as a patch, and the bytes of their keys: they are bound as one parameter, of which the
// platform takes 2 MB.
#define DS_MAX_CHANGES 20000
#define DS_MAX_KEY_BYTES 1900000

// Bytes of readers that one question to the change log names, as JSON: they are one parameter. More readers take several questions.
#define DS_MAX_ASKED 500000

// Bytes of a whole table sent to a client whose protocol (v1) knows no pages.
#define DS_MAX_WHOLE_TABLE 8388608

// Different sets of changed columns that a patch sends as such; rows of further sets are sent whole.
#define DS_MAX_COLUMN_SETS 8

#endif
