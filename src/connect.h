// SPDX-License-Identifier: MIT
// Who may connect, and as whom.
#ifndef DURASYNC_CONNECT_H
#define DURASYNC_CONNECT_H

#include "action.h"

// Judges an identity by the rules that it is read back by: a JSON object of at most DS_MAX_IDENTITY bytes, whose members have a
// name each, and no deeper than its attachment lets it be. NULL if it is one, or else what is wrong, in a sentence.
const char *ds_identity_fault(ds_arena *arena, ds_view identity);

// Rejects by DS_INVALID_PAYLOAD, and logs why, unless `identity` is one. If it is, or is absent for nobody in particular, the
// result is a JSON string: the attachment of the socket that is let in so.
ds_outcome ds_admit(const ds_sql *sql, ds_view identity);

// Decides on a request to connect, {"url", "headers"} in JSON: by the origin of the page that asks, then by the app's DS_ON_CONNECT. The result is that of ds_admit.
ds_outcome ds_connect(const ds_app *app, const ds_sql *sql, ds_view request, int64_t now);

#endif
