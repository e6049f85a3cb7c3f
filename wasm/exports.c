// SPDX-License-Identifier: MIT
// Every export of the module, in one place, and the ds_host that stands on its imports. All state hangs off the core that the host holds; the module has none of its own.
#include "host.h"

#define DS_EXPORT(name) __attribute__((export_name(name)))

// What js-shim/core.ts reads from memory.
_Static_assert(sizeof(ds_view) == 8 && sizeof(ds_piece) == 12 && sizeof(ds_delivery) == 24 && sizeof(ds_deliveries) == 8, "see ABI.md");

// ---- The host, by its imports

static int32_t sql_open(void *context, ds_view sql, const ds_view *parameters, uint32_t count) {
  (void)context;
  return import_sql_open(sql.at, sql.size, parameters, count);
}

static int32_t sql_run(void *context, ds_view sql, const ds_view *parameters, uint32_t count) {
  (void)context;
  return import_sql_run(sql.at, sql.size, parameters, count);
}

static int32_t sql_next(void *context, int32_t cursor) {
  (void)context;
  return import_sql_next(cursor);
}

static void sql_close(void *context, int32_t cursor) {
  (void)context;
  import_sql_close(cursor);
}

static int64_t sql_integer(void *context, int32_t cursor, uint32_t column) {
  (void)context;
  return (int64_t)import_sql_integer(cursor, column);
}

static int32_t sql_read(void *context, int32_t cursor, uint32_t column, char *at, size_t room) {
  (void)context;
  return import_sql_read(cursor, column, at, room);
}

static ds_handle sql_text(void *context, int32_t cursor, uint32_t column) {
  (void)context;
  return import_sql_text(cursor, column);
}

static ds_handle sql_message(void *context) {
  (void)context;
  return import_sql_message();
}

static int32_t text_read(void *context, ds_handle text, char *at, size_t room) {
  (void)context;
  return import_text_read(text, at, room);
}

static int32_t atomic(void *context, int32_t (*step)(void *argument), void *argument) {
  (void)context;
  return import_atomic(step, argument);
}

static ds_socket socket_after(void *context, ds_socket after) {
  (void)context;
  return import_socket_after(after);
}

static size_t socket_backlog(void *context, ds_socket socket) {
  (void)context;
  return import_socket_backlog(socket);
}

static ds_handle socket_attachment(void *context, ds_socket socket) {
  (void)context;
  return import_socket_attachment(socket);
}

static void set_alarm(void *context, int64_t time) {
  (void)context;
  import_set_alarm((double)time);
}

static int64_t now(void *context) {
  (void)context;
  return (int64_t)import_now();
}

static void random_bytes(void *context, char *at, size_t size) {
  (void)context;
  import_random(at, size);
}

static void log_line(void *context, ds_view line) {
  (void)context;
  import_log(line.at, line.size);
}

static const ds_host host = {
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

// ---- The core, by its exports (src/core.h says what each does)

// The core for the app that is linked into the module.
DS_EXPORT("core_new") ds_core *export_core_new(void) {
  return ds_core_new(&durasync_app, &host);
}

// 1 if the migrations have run, 0 if the object cannot be started.
DS_EXPORT("core_migrate") int32_t export_core_migrate(ds_core *core) {
  return ds_core_migrate(core);
}

// 1 if the object is ready, 0 if every frame will be answered by `unavailable`.
DS_EXPORT("core_start") int32_t export_core_start(ds_core *core) {
  return ds_core_start(core);
}

// What a start that failed has found to be done in commits of its own: a ds_apart.
DS_EXPORT("core_apart") int32_t export_core_apart(ds_core *core, int32_t whole) {
  return (int32_t)ds_core_apart(core, whole != 0);
}

// 1 if the start has given a channel another shape.
DS_EXPORT("core_reshaped") int32_t export_core_reshaped(const ds_core *core) {
  return ds_core_reshaped(core);
}

// 1 if the instance has kept much memory of a turn that is long over: a new one needs less.
DS_EXPORT("core_swollen") int32_t export_core_swollen(const ds_core *core) {
  return ds_core_swollen(core);
}

// 1 if the tables are what they were at the start, 0 if a new core is to be started; then core_end.
DS_EXPORT("core_current") int32_t export_core_current(ds_core *core) {
  return ds_core_current(core);
}

// Room for `size` bytes of a frame, until core_end.
DS_EXPORT("core_buffer") char *export_core_buffer(ds_core *core, size_t size) {
  return ds_core_buffer(core, size);
}

// Adds the frame of `size` bytes at `at`, which lies in a core_buffer, to the turn. `kind` is a ds_frame_kind.
DS_EXPORT("core_receive") void export_core_receive(ds_core *core, ds_socket socket, int32_t kind, const char *at, size_t size) {
  ds_core_receive(core, socket, (ds_frame_kind)kind, (ds_view){at, size});
}

static const ds_deliveries *keep(ds_core *core, ds_deliveries deliveries) {
  ds_deliveries *kept = (ds_deliveries *)(void *)ds_core_buffer(core, sizeof *kept);
  *kept = deliveries;
  return kept;
}

// Runs the turn; the deliveries stand at the returned address until core_end.
DS_EXPORT("core_turn") const ds_deliveries *export_core_turn(ds_core *core) {
  return keep(core, ds_core_turn(core));
}

// Begins a new epoch; deliveries as from core_turn, 0 if the storage refuses.
DS_EXPORT("core_renew") const ds_deliveries *export_core_renew(ds_core *core) {
  ds_deliveries deliveries;
  return ds_core_renew(core, &deliveries) ? keep(core, deliveries) : NULL;
}

// Has the app handle the event with the JSON of `size` bytes at `at`; a view of the outcome's JSON stands at the returned address until core_end.
DS_EXPORT("core_event") const ds_view *export_core_event(ds_core *core, int32_t event, const char *at, size_t size, ds_socket socket) {
  ds_view *outcome = (ds_view *)(void *)ds_core_buffer(core, sizeof *outcome);
  *outcome = ds_core_event(core, (ds_event)event, (ds_view){at, size}, socket);
  return outcome;
}

// Judges the JSON of `size` bytes at `at`, an address of 0 for none: as core_event.
DS_EXPORT("core_admit") const ds_view *export_core_admit(ds_core *core, const char *at, size_t size) {
  ds_view *outcome = (ds_view *)(void *)ds_core_buffer(core, sizeof *outcome);
  *outcome = ds_core_admit(core, (ds_view){at, size});
  return outcome;
}

// 1 if the app handles the event.
DS_EXPORT("core_handles") int32_t export_core_handles(ds_core *core, int32_t event) {
  return ds_core_handles(core, (ds_event)event);
}

// Sends the JSON of `size` bytes at `at` to the channel's subscribers; deliveries as from core_turn.
DS_EXPORT("core_broadcast") const ds_deliveries *export_core_broadcast(ds_core *core, const char *channel, size_t channel_size, const char *at, size_t size) {
  return keep(core, ds_core_broadcast(core, (ds_view){channel, channel_size}, (ds_view){at, size}));
}

DS_EXPORT("core_end") void export_core_end(ds_core *core) {
  ds_core_end(core);
}

DS_EXPORT("core_close") void export_core_close(ds_core *core, ds_socket socket) {
  ds_core_close(core, socket);
}

// Runs the step that the import `atomic` was given, within the transaction that the host has opened for it.
DS_EXPORT("run_step") int32_t export_run_step(int32_t (*step)(void *argument), void *argument) {
  return step(argument);
}
