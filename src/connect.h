// SPDX-License-Identifier: MIT
// Who may connect, and as whom.
#ifndef DURASYNC_CONNECT_H
#define DURASYNC_CONNECT_H

#include "action.h"

// Decides on a request to connect, {"url", "headers"} in JSON: by the origin of the page that asks, then by the app's DS_ON_CONNECT. The outcome's result is the identity, absent for none.
ds_outcome ds_connect(const ds_app *app, const ds_sql *sql, ds_view request, int64_t now);

#endif
