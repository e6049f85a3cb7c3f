// SPDX-License-Identifier: MIT
#include "sqlite_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct sqlite_cursor {
  sqlite3_stmt *statement; // NULL once closed
  int32_t status;          // what the next sql_next is to answer, while `fresh`
  bool fresh;              // the first row is there but has not been asked for
} sqlite_cursor;

typedef struct sqlite_text {
  char *at;
  size_t size;
} sqlite_text;

typedef struct sqlite_socket {
  bool open;
  char *attachment; // NULL for none
  size_t attachment_size;
  size_t backlog;
} sqlite_socket;

// ---- Memory that ends the program when it runs out

// Room for one more item: it doubles whenever `count` is a power of two.
static void *grown(void *items, uint32_t count, size_t size) {
  if (count & (count - 1)) return items;
  items = realloc(items, (count ? 2 * (size_t)count : 1) * size);
  if (!items) ds_panic();
  return items;
}

static char *copy_of(const char *at, size_t size) {
  char *copy = malloc(size + 1);
  if (!copy) ds_panic();
  if (size) memcpy(copy, at, size);
  copy[size] = 0;
  return copy;
}

_Noreturn static void misuse(const char *what) {
  fprintf(stderr, "the core broke the host's rules: %s\n", what);
  abort();
}

// ---- Texts

static ds_handle text_new(sqlite_host *host, const char *at, size_t size) {
  host->texts = grown(host->texts, host->text_count, sizeof *host->texts);
  host->texts[host->text_count] = (sqlite_text){copy_of(at, size), size};
  return host->first_text + (ds_handle)host->text_count++;
}

static const sqlite_text *text_of(sqlite_host *host, ds_handle text) {
  if (text < host->first_text || text - host->first_text >= (int32_t)host->text_count) misuse("a text of another turn");
  return &host->texts[text - host->first_text];
}

// What does not fit is spoilt, so that nobody takes it for the text.
static int32_t read_text(const char *source, size_t size, char *at, size_t room) {
  if (room) memset(at, 0xFF, room);
  if (size && size <= room) memcpy(at, source, size);
  return (int32_t)size;
}

static int32_t text_read(void *context, ds_handle text, char *at, size_t room) {
  const sqlite_text *source = text_of(context, text);
  return read_text(source->at, source->size, at, room);
}

// Handles are never given out twice, so that one kept beyond its turn is noticed.
void sqlite_host_end_turn(sqlite_host *host) {
  for (uint32_t i = 0; i < host->text_count; i++) free(host->texts[i].at);
  host->first_text += (int32_t)host->text_count;
  host->text_count = 0;
}

// ---- SQL

static void set_message(sqlite_host *host, const char *message) {
  free(host->message);
  host->message = copy_of(message, strlen(message));
}

static void interruptible(const sqlite_host *host) {
  if (host->interrupt) host->interrupt(host->interrupt_argument);
}

// DS_SQL_DONE unless the call is to fail. Outside of the transaction that it belongs to nothing is run.
static int32_t injected_failure(sqlite_host *host) {
  interruptible(host);
  if (host->ended) return host->ended;
  if (++host->call_count != host->fail_at) return DS_SQL_DONE;
  set_message(host, "disk I/O error (injected)");
  return host->fail_storage ? DS_SQL_STORAGE : DS_SQL_ERROR;
}

// What SQLite rolls a whole transaction back for (https://sqlite.org/lang_transaction.html), and the platform gives an object up for.
static bool is_of_storage(int code) {
  return code == SQLITE_FULL || code == SQLITE_IOERR || code == SQLITE_NOMEM || code == SQLITE_INTERRUPT;
}

static int32_t failure_of(int code) {
  if (code == SQLITE_TOOBIG) return DS_SQL_TOO_BIG;
  if (is_of_storage(code & 0xFF)) return DS_SQL_STORAGE;
  return (code & 0xFF) == SQLITE_CONSTRAINT ? DS_SQL_CONSTRAINT : DS_SQL_ERROR;
}

static int32_t status_of(sqlite_host *host, int code) {
  if (code == SQLITE_ROW) return DS_SQL_ROW;
  if (code == SQLITE_DONE || code == SQLITE_OK) return DS_SQL_DONE;
  set_message(host, sqlite3_errmsg(host->database));
  int32_t failure = failure_of(code);
  if (!host->depth || !sqlite3_get_autocommit(host->database)) return failure;
  return host->ended = failure == DS_SQL_CONSTRAINT ? DS_SQL_ENDED : DS_SQL_STORAGE;
}

static bool only_space(const char *at, const char *end) {
  while (at < end && strchr(" \n\r\t;", *at)) at++;
  return at == end;
}

static void bind(sqlite3_stmt *statement, const ds_view *parameters, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    if (ds_view_absent(parameters[i])) sqlite3_bind_null(statement, (int)i + 1);
    else sqlite3_bind_text64(statement, (int)i + 1, parameters[i].at, parameters[i].size, SQLITE_TRANSIENT, SQLITE_UTF8);
  }
}

// Prepares the last statement of `sql`, having run those before it. Returns NULL with *status set on failure.
static sqlite3_stmt *prepare_last(sqlite_host *host, ds_view sql, int32_t *status) {
  const char *at = sql.at;
  const char *end = sql.at + sql.size;
  for (;;) {
    sqlite3_stmt *statement = NULL;
    *status = status_of(host, sqlite3_prepare_v2(host->database, at, (int)(end - at), &statement, &at));
    if (*status < 0) return NULL;
    if (only_space(at, end)) return statement;
    int code = SQLITE_ROW;
    while (code == SQLITE_ROW) code = sqlite3_step(statement);
    *status = status_of(host, code);
    sqlite3_finalize(statement);
    if (*status < 0) return NULL;
  }
}

// The platform runs a statement to its first row when it is opened, so its failure shows there and its effects do not wait for the first sql_next.
static int32_t sql_open(void *context, ds_view sql, const ds_view *parameters, uint32_t count) {
  sqlite_host *host = context;
  int32_t status = injected_failure(host);
  if (status < 0) return status;
  sqlite3_stmt *statement = statements_take(&host->statements, sql);
  host->for_core = true;
  if (!statement) statement = prepare_last(host, sql, &status);
  host->for_core = false;
  if (status < 0) return status;
  if ((uint32_t)sqlite3_bind_parameter_count(statement) != count) {
    sqlite3_finalize(statement);
    set_message(host, "wrong number of parameters");
    return DS_SQL_ERROR;
  }
  bind(statement, parameters, count);
  status = status_of(host, sqlite3_step(statement));
  if (status < 0) {
    sqlite3_finalize(statement);
    return status;
  }
  host->cursors = grown(host->cursors, host->cursor_count, sizeof *host->cursors);
  host->cursors[host->cursor_count] = (sqlite_cursor){statement, status, true};
  return (int32_t)host->cursor_count++;
}

static sqlite_cursor *cursor_of(sqlite_host *host, int32_t cursor) {
  if (cursor < 0 || cursor >= (int32_t)host->cursor_count) misuse("a cursor that never was");
  return &host->cursors[cursor];
}

static void sql_close(void *context, int32_t at) {
  sqlite_host *host = context;
  sqlite_cursor *cursor = cursor_of(host, at);
  statements_give(&host->statements, cursor->statement);
  cursor->statement = NULL;
}

static int32_t sql_next(void *context, int32_t at) {
  sqlite_host *host = context;
  sqlite_cursor *cursor = cursor_of(host, at);
  if (!cursor->statement) misuse("a closed cursor was moved");
  int32_t status = injected_failure(host);
  if (status == DS_SQL_DONE) status = cursor->fresh ? cursor->status : status_of(host, sqlite3_step(cursor->statement));
  cursor->fresh = false;
  if (status != DS_SQL_ROW) sql_close(host, at);
  return status;
}

static int32_t sql_run(void *context, ds_view sql, const ds_view *parameters, uint32_t count) {
  int32_t cursor = sql_open(context, sql, parameters, count);
  if (cursor < 0) return cursor;
  int32_t status = DS_SQL_ROW;
  while (status == DS_SQL_ROW) status = sql_next(context, cursor);
  return status;
}

static sqlite3_stmt *row_of(sqlite_host *host, int32_t at, uint32_t column) {
  sqlite_cursor *cursor = cursor_of(host, at);
  if (!cursor->statement || cursor->fresh) misuse("a row was read where there is none");
  if (column >= (uint32_t)sqlite3_column_count(cursor->statement)) misuse("a column was read that is not there");
  return cursor->statement;
}

static int64_t sql_integer(void *context, int32_t cursor, uint32_t column) {
  int64_t value = sqlite3_column_int64(row_of(context, cursor, column), (int)column);
  if (value > INT64_C(1) << 53 || value < -(INT64_C(1) << 53)) misuse("an integer was read that JavaScript could not carry");
  return value;
}

static int32_t sql_read(void *context, int32_t cursor, uint32_t column, char *at, size_t room) {
  sqlite3_stmt *statement = row_of(context, cursor, column);
  if (sqlite3_column_type(statement, (int)column) == SQLITE_NULL) return -1;
  const char *text = (const char *)sqlite3_column_text(statement, (int)column);
  return read_text(text, (size_t)sqlite3_column_bytes(statement, (int)column), at, room);
}

static ds_handle sql_text(void *context, int32_t cursor, uint32_t column) {
  sqlite3_stmt *statement = row_of(context, cursor, column);
  if (sqlite3_column_type(statement, (int)column) == SQLITE_NULL) return -1;
  const char *at = (const char *)sqlite3_column_text(statement, (int)column);
  return text_new(context, at, (size_t)sqlite3_column_bytes(statement, (int)column));
}

static ds_handle sql_message(void *context) {
  sqlite_host *host = context;
  return host->message ? text_new(host, host->message, strlen(host->message)) : text_new(host, "", 0);
}

uint32_t sqlite_host_open_cursors(const sqlite_host *host) {
  uint32_t open = 0;
  for (uint32_t i = 0; i < host->cursor_count; i++) open += host->cursors[i].statement != NULL;
  return open;
}

sqlite3_stmt *sqlite_host_prepare(sqlite_host *host, const char *sql) {
  sqlite3_stmt *statement = statements_take(&host->statements, ds_view_of(sql));
  if (!statement) sqlite3_prepare_v2(host->database, sql, -1, &statement, NULL);
  return statement;
}

void sqlite_host_give_back(sqlite_host *host, sqlite3_stmt *statement) {
  statements_give(&host->statements, statement);
}

// ---- Transactions

static bool execute(sqlite_host *host, const char *sql) {
  return status_of(host, sqlite3_exec(host->database, sql, NULL, NULL, NULL)) == DS_SQL_DONE;
}

// Everything has been rolled back already: there is no savepoint to go back to.
static int32_t end_of(sqlite_host *host, int32_t result) {
  int32_t ended = host->ended;
  if (!host->depth) host->ended = 0;
  return ended == DS_SQL_ENDED || result == 0 ? ended : result;
}

static int32_t atomic(void *context, int32_t (*step)(void *argument), void *argument) {
  sqlite_host *host = context;
  interruptible(host);
  if (host->ended) return host->ended;
  if (!execute(host, "SAVEPOINT durasync")) return DS_SQL_ERROR;
  host->depth++;
  int32_t result = step(argument);
  host->depth--;
  interruptible(host);
  if (host->ended) return end_of(host, result);
  if (result == 0 && execute(host, "RELEASE durasync")) {
    interruptible(host);
    return 0;
  }
  execute(host, "ROLLBACK TO durasync; RELEASE durasync");
  return result ? result : DS_SQL_ERROR;
}

// What the platform forbids to SQL that comes from an object.
static int authorize(void *context, int operation, const char *a, const char *b, const char *database, const char *trigger) {
  (void)a, (void)b, (void)database, (void)trigger;
  const sqlite_host *host = context;
  if (!host->for_core) return SQLITE_OK;
  switch (operation) {
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
    case SQLITE_CREATE_TEMP_TABLE:
    case SQLITE_CREATE_TEMP_TRIGGER:
    case SQLITE_CREATE_TEMP_VIEW:
    case SQLITE_CREATE_TEMP_INDEX: return SQLITE_DENY;
    default: return SQLITE_OK;
  }
}

// ---- Sockets

static sqlite_socket *socket_of(const sqlite_host *host, ds_socket socket) {
  if (socket < 0 || socket >= (int32_t)host->socket_count) misuse("a socket that never was");
  return &host->sockets[socket];
}

ds_socket sqlite_host_open_socket(sqlite_host *host) {
  host->sockets = grown(host->sockets, host->socket_count, sizeof *host->sockets);
  host->sockets[host->socket_count] = (sqlite_socket){.open = true};
  return (ds_socket)host->socket_count++;
}

void sqlite_host_close_socket(sqlite_host *host, ds_socket socket) {
  socket_of(host, socket)->open = false;
}

bool sqlite_host_is_open(const sqlite_host *host, ds_socket socket) {
  return socket_of(host, socket)->open;
}

void sqlite_host_attach(sqlite_host *host, ds_socket at, ds_view text) {
  sqlite_socket *socket = socket_of(host, at);
  free(socket->attachment);
  socket->attachment = copy_of(text.at, text.size);
  socket->attachment_size = text.size;
}

static ds_socket socket_after(void *context, ds_socket after) {
  const sqlite_host *host = context;
  for (ds_socket socket = after + 1; socket < (int32_t)host->socket_count; socket++)
    if (host->sockets[socket].open) return socket;
  return -1;
}

static size_t socket_backlog(void *context, ds_socket at) {
  return socket_of(context, at)->backlog;
}

void sqlite_host_set_backlog(sqlite_host *host, ds_socket socket, size_t bytes) {
  socket_of(host, socket)->backlog = bytes;
}

static ds_handle socket_attachment(void *context, ds_socket at) {
  const sqlite_socket *socket = socket_of(context, at);
  return socket->attachment ? text_new(context, socket->attachment, socket->attachment_size) : -1;
}

static ds_view piece_view(sqlite_host *host, const ds_piece *piece) {
  if (piece->text < 0) return piece->bytes;
  const sqlite_text *text = text_of(host, piece->text);
  return (ds_view){text->at, text->size};
}

ds_view sqlite_host_join(sqlite_host *host, const ds_delivery *delivery) {
  size_t size = 0;
  for (uint32_t i = 0; i < delivery->piece_count; i++) size += piece_view(host, &delivery->pieces[i]).size;
  char *joined = malloc(size + 1);
  if (!joined) ds_panic();
  char *end = joined;
  for (uint32_t i = 0; i < delivery->piece_count; i++) {
    ds_view part = piece_view(host, &delivery->pieces[i]);
    if (part.size) memcpy(end, part.at, part.size);
    end += part.size;
  }
  *end = 0;
  return (ds_view){joined, size};
}

// ---- Time, chance, the log

static void set_alarm(void *context, int64_t time) {
  ((sqlite_host *)context)->alarm = time;
}

static int64_t now(void *context) {
  return ((sqlite_host *)context)->clock;
}

static void random_bytes(void *context, char *at, size_t size) {
  sqlite_host *host = context;
  for (size_t i = 0; i < size; i++) at[i] = (char)(host->random_count++ & 0xFF);
}

static void log_line(void *context, ds_view line) {
  sqlite_host *host = context;
  size_t before = strlen(sqlite_host_log(host));
  host->log = realloc(host->log, before + line.size + 2);
  if (!host->log) ds_panic();
  if (line.size) memcpy(host->log + before, line.at, line.size);
  memcpy(host->log + before + line.size, "\n", 2);
}

const char *sqlite_host_log(const sqlite_host *host) {
  return host->log ? host->log : "";
}

// ---- Life

// Older versions of the library lack it, the platform's has it.
static void sql_unhex(sqlite3_context *context, int count, sqlite3_value **arguments) {
  (void)count;
  const char *hex = (const char *)sqlite3_value_text(arguments[0]);
  int size = sqlite3_value_bytes(arguments[0]);
  if (!hex || size % 2 || strspn(hex, "0123456789ABCDEFabcdef") != (size_t)size) return;
  unsigned char *bytes = malloc((size_t)size / 2 + 1);
  if (!bytes) ds_panic();
  for (int i = 0; i < size; i += 2) bytes[i / 2] = (unsigned char)strtol((char[]){hex[i], hex[i + 1], 0}, NULL, 16);
  sqlite3_result_blob(context, bytes, size / 2, free);
}

// The platform's limits, and what it switches on.
static void set_limits(sqlite3 *database) {
  sqlite3_limit(database, SQLITE_LIMIT_VARIABLE_NUMBER, 100);
  sqlite3_limit(database, SQLITE_LIMIT_COLUMN, 100);
  sqlite3_limit(database, SQLITE_LIMIT_SQL_LENGTH, 100000);
  sqlite3_limit(database, SQLITE_LIMIT_EXPR_DEPTH, 100);
  sqlite3_limit(database, SQLITE_LIMIT_COMPOUND_SELECT, 5);
  sqlite3_limit(database, SQLITE_LIMIT_FUNCTION_ARG, 32);
  sqlite3_limit(database, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50);
  sqlite3_limit(database, SQLITE_LIMIT_LENGTH, 2000000);
  sqlite3_exec(database, "PRAGMA foreign_keys = ON", NULL, NULL, NULL);
  if (sqlite3_libversion_number() < 3041000)
    sqlite3_create_function(database, "unhex", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, sql_unhex, NULL, NULL);
}

sqlite_host *sqlite_host_new(const char *path) {
  sqlite_host *host = calloc(1, sizeof *host);
  if (!host || sqlite3_open(path, &host->database) != SQLITE_OK) ds_panic();
  host->clock = 1700000000000;
  host->calls = (ds_host){
    .context = host,
    .sql_open = sql_open,
    .sql_run = sql_run,
    .sql_next = sql_next,
    .sql_close = sql_close,
    .sql_integer = sql_integer,
    .sql_read = sql_read,
    .sql_text = sql_text,
    .sql_message = sql_message,
    .text_read = text_read,
    .atomic = atomic,
    .socket_after = socket_after,
    .socket_backlog = socket_backlog,
    .socket_attachment = socket_attachment,
    .set_alarm = set_alarm,
    .now = now,
    .random = random_bytes,
    .log = log_line,
  };
  set_limits(host->database);
  sqlite3_set_authorizer(host->database, authorize, host);
  return host;
}

void sqlite_host_crash(sqlite_host *host) {
  for (uint32_t i = 0; i < host->cursor_count; i++) sql_close(host, (int32_t)i);
  host->cursor_count = 0;
  host->depth = 0;
  host->ended = 0;
  if (!sqlite3_get_autocommit(host->database)) execute(host, "ROLLBACK");
  for (uint32_t i = 0; i < host->socket_count; i++) host->sockets[i].open = false;
  sqlite_host_end_turn(host);
}

void sqlite_host_free(sqlite_host *host) {
  if (!host) return;
  for (uint32_t i = 0; i < host->cursor_count; i++) sql_close(host, (int32_t)i);
  statements_free(&host->statements);
  for (uint32_t i = 0; i < host->socket_count; i++) free(host->sockets[i].attachment);
  sqlite_host_end_turn(host);
  if (sqlite3_close(host->database) != SQLITE_OK) misuse("a statement was left behind");
  free(host->cursors);
  free(host->texts);
  free(host->sockets);
  free(host->message);
  free(host->log);
  free(host);
}
