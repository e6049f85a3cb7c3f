// SPDX-License-Identifier: MIT
// Golden conversations: what sockets say to an object and what they hear, as text that people can read. The notation is in
// tests/conversations/README.md; the same files are run through the Wasm module by conversations.test.ts.
#ifndef DURASYNC_CONVERSATION_H
#define DURASYNC_CONVERSATION_H

#include "../../src/durasync.h"

// Runs every conversation of the file at `path` with `app`, each as a test of its own.
void conversation_run_file(const ds_app *app, const char *path);

// Runs every .md file of `folder` but its README, in the order of their names. A folder without any is a failed test.
void conversation_run_folder(const ds_app *app, const char *folder);

#endif
