// SPDX-License-Identifier: MIT
// The core's caps, small where a world of a few dozen rows could not reach them: so pages turn and catch-ups overflow. Compiled in front of every file of the core.
#ifndef DURASYNC_LEDGER_CAPS_H
#define DURASYNC_LEDGER_CAPS_H

#include "limits.h"

#undef DS_FIRST_PAGE_ROWS
#define DS_FIRST_PAGE_ROWS 3
#undef DS_MAX_PAGE_ROWS
#define DS_MAX_PAGE_ROWS 5
#undef DS_MAX_CATCH_UP
#define DS_MAX_CATCH_UP 10
#undef DS_MAX_CHANGES
#define DS_MAX_CHANGES 12
#undef DS_LOG_WINDOW
#define DS_LOG_WINDOW 24

#endif
