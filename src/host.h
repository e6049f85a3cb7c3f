// SPDX-License-Identifier: MIT
// All that the core needs of its surroundings: storage, sockets, time and chance, as one struct of functions. In workerd they are the
// Wasm module's imports (wasm/host.h), in native tests they stand on libsqlite3. The core calls nothing else and keeps no other state outside.
//
// Texts travel by handle: a handle names a text that the host keeps until the turn ends (ds_core_end), so that a page of rows goes from SQLite to
// the socket without passing through the core's memory.
#ifndef DURASYNC_HOST_H
#define DURASYNC_HOST_H

#include "bytes.h"

// What an SQL call came to. Rows and cursors are positive or zero, failures negative.
typedef enum ds_sql_status {
  DS_SQL_DONE = 0,        // no further row; the cursor is closed
  DS_SQL_ROW = 1,         // a row is there to be read
  DS_SQL_CONSTRAINT = -1, // a constraint, or RAISE in a trigger, refused the change
  DS_SQL_ERROR = -2,      // anything else: a bad statement
  DS_SQL_TOO_BIG = -3,    // a text that would be larger than the platform lets one be
  DS_SQL_STORAGE = -4,    // the storage itself: a full disk, a failed read, no memory. The same statement may work another time
  DS_SQL_ENDED = -5,      // a constraint has ended the whole transaction (ON CONFLICT ROLLBACK, RAISE(ROLLBACK)): see `atomic`
} ds_sql_status;

// A handle of a text that the host keeps; negative for none (SQL NULL, a socket without an attachment).
typedef int32_t ds_handle;

// A socket, as the host counts them; valid until it closes or the instance is rebuilt.
typedef int32_t ds_socket;

typedef struct ds_host {
  void *context; // handed back as the first argument of every call

  // Prepares `sql`, binds `parameters` to ?1..?count, each as TEXT, or as NULL where the view is absent, and runs it to its first row. Where `sql` holds several
  // statements, all but the last are run to their end, and the parameters are the last one's; `count` must be exactly what that one needs.
  // Integers go in as text, or inside a JSON text: a JavaScript number would bind as REAL. Stored in a column of type INTEGER, compared with one, or after LIMIT and OFFSET, such a text is the
  // integer (https://sqlite.org/datatype3.html, section 4.2). Returns a cursor, or a negative ds_sql_status.
  int32_t (*sql_open)(void *context, ds_view sql, const ds_view *parameters, uint32_t count);

  // The same for a statement whose rows nobody wants: runs it to its end. Returns DS_SQL_DONE, or a failure.
  int32_t (*sql_run)(void *context, ds_view sql, const ds_view *parameters, uint32_t count);

  // Moves to the next row (at first: to the first one): DS_SQL_ROW, or DS_SQL_DONE or a failure, which both close the cursor.
  int32_t (*sql_next)(void *context, int32_t cursor);

  // Closes a cursor before its end. A cursor that is done is closed already.
  void (*sql_close)(void *context, int32_t cursor);

  // Column `column` (from 0) of the current row: as an integer (exact up to 2^53; 0 for NULL), as a text that is read as by text_read (negative for NULL), or as a text to be kept by the host
  // (negative for NULL).
  int64_t (*sql_integer)(void *context, int32_t cursor, uint32_t column);
  int32_t (*sql_read)(void *context, int32_t cursor, uint32_t column, char *at, size_t room);
  ds_handle (*sql_text)(void *context, int32_t cursor, uint32_t column);

  // The message of the last failed SQL call, as a text. It may quote SQL and data: for logs and for the names of constraints, never for the wire.
  ds_handle (*sql_message)(void *context);

  // Copies a text as UTF-8 to `at`, if it has no more bytes than `room`; if it has more, nothing is said of what then lies there. Returns its bytes.
  int32_t (*text_read)(void *context, ds_handle text, char *at, size_t room);

  // Runs step(argument) in a transaction, or in a savepoint of the one that is open. If it returns anything but 0, all it wrote is undone. Returns what it
  // returned, or DS_SQL_ERROR if the transaction itself failed.
  // Where a constraint ends the transaction, all that it wrote is undone. From then on every SQL call and `atomic` fail by
  // DS_SQL_ENDED and do nothing, and sql_message is that constraint's, until the outermost `atomic` has returned so, too.
  int32_t (*atomic)(void *context, int32_t (*step)(void *argument), void *argument);

  // The first socket above `after` (-1 to begin), or -1 if there is none: all open sockets, those that slept through a hibernation included.
  ds_socket (*socket_after)(void *context, ds_socket after);

  // The bytes that wait to be sent to the socket because its client does not read them, as far as the host can tell.
  size_t (*socket_backlog)(void *context, ds_socket socket);

  // What the core attached to the socket (DS_DELIVERY_ATTACH) the last time, or negative. It outlives the instance.
  ds_handle (*socket_attachment)(void *context, ds_socket socket);

  // Has the object woken by its alarm at `time`, in milliseconds since 1970, once what runs has been committed.
  void (*set_alarm)(void *context, int64_t time);

  // Milliseconds since 1970; `size` random bytes to `at`.
  int64_t (*now)(void *context);
  void (*random)(void *context, char *at, size_t size);

  // A line for the operator's log, never for a client.
  void (*log)(void *context, ds_view line);
} ds_host;

#endif
