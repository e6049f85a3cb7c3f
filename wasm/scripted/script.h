// SPDX-License-Identifier: MIT
// The one import that core.wasm has beside those of wasm/host.h.
#ifndef DURASYNC_SCRIPT_H
#define DURASYNC_SCRIPT_H

#include "host.h"

#define DS_IMPORT(name) __attribute__((import_module("durasync"), import_name(name)))

// Asks the app in JavaScript: a JSON text of `size` bytes at `request`, answered by one that the host keeps until the turn ends. scripted.c says what is asked and answered.
DS_IMPORT("script") ds_handle import_script(const char *request, size_t size);

#endif
