// SPDX-License-Identifier: MIT
// Every import of the module, in one place: the Wasm side of src/host.h, whose comments say what each does. ABI.md says how values cross.
// Pointers are offsets into the module's memory; the host must not keep them beyond the call.
#ifndef DURASYNC_WASM_HOST_H
#define DURASYNC_WASM_HOST_H

#include "core.h"

#define DS_IMPORT(name) __attribute__((import_module("durasync"), import_name(name)))

DS_IMPORT("sql_open") int32_t import_sql_open(const char *sql, size_t size, const ds_view *parameters, uint32_t count);
DS_IMPORT("sql_run") int32_t import_sql_run(const char *sql, size_t size, const ds_view *parameters, uint32_t count);
DS_IMPORT("sql_next") int32_t import_sql_next(int32_t cursor);
DS_IMPORT("sql_close") void import_sql_close(int32_t cursor);
DS_IMPORT("sql_integer") double import_sql_integer(int32_t cursor, uint32_t column);
DS_IMPORT("sql_read") int32_t import_sql_read(int32_t cursor, uint32_t column, char *at, size_t room);
DS_IMPORT("sql_text") ds_handle import_sql_text(int32_t cursor, uint32_t column);
DS_IMPORT("sql_message") ds_handle import_sql_message(void);
DS_IMPORT("text_read") int32_t import_text_read(ds_handle text, char *at, size_t room);
DS_IMPORT("atomic") int32_t import_atomic(int32_t (*step)(void *argument), void *argument);
DS_IMPORT("socket_after") ds_socket import_socket_after(ds_socket after);
DS_IMPORT("socket_backlog") size_t import_socket_backlog(ds_socket socket);
DS_IMPORT("socket_attachment") ds_handle import_socket_attachment(ds_socket socket);
DS_IMPORT("set_alarm") void import_set_alarm(double time);
DS_IMPORT("now") double import_now(void);
DS_IMPORT("random") void import_random(char *at, size_t size);
DS_IMPORT("log") void import_log(const char *at, size_t size);

#endif
