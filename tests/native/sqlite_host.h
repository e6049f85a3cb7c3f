// SPDX-License-Identifier: MIT
// The core's surroundings for native tests: storage on libsqlite3 with the platform's limits, sockets as a table, a clock that is set, chance that repeats.
// It is strict where the platform is lenient: a handle or cursor used beyond its life ends the program.
#ifndef DURASYNC_SQLITE_HOST_H
#define DURASYNC_SQLITE_HOST_H

#include <sqlite3.h>

#include "../../src/core.h"
#include "statements.h"

typedef struct sqlite_host {
  ds_host calls;      // what the core is given; its context is this struct
  sqlite3 *database;  // for the test's own SQL, which none of the rules below concern
  int64_t clock;      // what `now` answers; a test sets it
  int64_t call_count; // calls of sql_open, sql_run and sql_next so far
  int64_t fail_at;    // the call of that number (from 1) fails and does nothing; 0 for none
  bool fail_storage;  // it fails with DS_SQL_STORAGE, not with DS_SQL_ERROR
  int64_t alarm;      // what set_alarm was given last; 0 for nothing
  uint32_t random_count; // bytes of chance handed out; the n-th (from 0) is n modulo 256
  void (*interrupt)(void *argument); // if not NULL: called before each call that touches storage, and after each commit; it may leave by longjmp
  void *interrupt_argument;

  uint32_t depth; // private from here on: transactions and savepoints of the core's that are open
  int32_t ended;  // why there is no transaction any more though `depth` says so: DS_SQL_ENDED or DS_SQL_STORAGE; 0 for neither
  bool for_core; // the SQL being prepared is the core's
  statements statements;
  struct sqlite_cursor *cursors;
  uint32_t cursor_count;
  struct sqlite_text *texts;
  uint32_t text_count;
  int32_t first_text;
  struct sqlite_socket *sockets;
  uint32_t socket_count;
  char *message;
  char *log;
} sqlite_host;

// A host with an empty table of sockets on the database at `path`, ":memory:" for one that dies with it. Ends the program if it cannot be opened.
sqlite_host *sqlite_host_new(const char *path);

// Closes the database and frees everything; NULL is allowed.
void sqlite_host_free(sqlite_host *host);

// Drops the texts handed out since the last time, as a host does when the turn ends.
void sqlite_host_end_turn(sqlite_host *host);

// Cursors that the core has neither read to their end nor closed.
uint32_t sqlite_host_open_cursors(const sqlite_host *host);

// What is left when the process dies: what was committed. Cursors, the open transaction, texts and sockets are gone.
void sqlite_host_crash(sqlite_host *host);

// A statement of the test's own, which it steps and gives back; NULL if it cannot be prepared.
sqlite3_stmt *sqlite_host_prepare(sqlite_host *host, const char *sql);
void sqlite_host_give_back(sqlite_host *host, sqlite3_stmt *statement);

// A new open socket; closes one, which stays closed.
ds_socket sqlite_host_open_socket(sqlite_host *host);
void sqlite_host_close_socket(sqlite_host *host, ds_socket socket);

// Makes the socket one whose client does not read: `bytes` wait for it.
void sqlite_host_set_backlog(sqlite_host *host, ds_socket socket, size_t bytes);

bool sqlite_host_is_open(const sqlite_host *host, ds_socket socket);

// Attaches a copy of `text` to the socket.
void sqlite_host_attach(sqlite_host *host, ds_socket socket, ds_view text);

// The text of a delivery: its pieces, joined, in memory that the caller frees.
ds_view sqlite_host_join(sqlite_host *host, const ds_delivery *delivery);

// Every line logged so far, each with a newline at its end; valid until the next is logged.
const char *sqlite_host_log(const sqlite_host *host);

#endif
