// SPDX-License-Identifier: MIT
// The simulator's caps: those of src/limits.h where they are, made small where a world of forty rows could not reach them. So pages turn, patches overflow and
// outboxes fill in every other world, and it is the same code that does it. Compiled in front of every file of the core (-include).
#ifndef DURASYNC_SIM_SMALL_LIMITS_H
#define DURASYNC_SIM_SMALL_LIMITS_H

#include "../../src/limits.h"

#undef DS_FRAME_BURST
#define DS_FRAME_BURST 30
#undef DS_FRAMES_PER_SECOND
#define DS_FRAMES_PER_SECOND 20
#undef DS_MAX_TURN_READS
#define DS_MAX_TURN_READS 4000
#undef DS_MAX_ACTIONS
#define DS_MAX_ACTIONS 8
#undef DS_MAX_OUTCOMES
#define DS_MAX_OUTCOMES 6
#undef DS_MAX_OUTCOME_BYTES
#define DS_MAX_OUTCOME_BYTES 600
#undef DS_PAGE_SIZE
#define DS_PAGE_SIZE 131
#undef DS_ANSWER_SIZE
#define DS_ANSWER_SIZE 500
#undef DS_ANSWER_PAGES
#define DS_ANSWER_PAGES 3
#undef DS_FIRST_PAGE_ROWS
#define DS_FIRST_PAGE_ROWS 3
#undef DS_MAX_PAGE_ROWS
#define DS_MAX_PAGE_ROWS 6
#undef DS_MAX_CATCH_UP
#define DS_MAX_CATCH_UP 12
#undef DS_MAX_PATCH
#define DS_MAX_PATCH 900
#undef DS_MAX_RECORD
#define DS_MAX_RECORD 800
#undef DS_MAX_CHANGES
#define DS_MAX_CHANGES 20
#undef DS_MAX_KEY_BYTES
#define DS_MAX_KEY_BYTES 400
#undef DS_MAX_ASKED
#define DS_MAX_ASKED 60
#undef DS_MAX_WHOLE_TABLE
#define DS_MAX_WHOLE_TABLE 4000
#undef DS_MAX_COLUMN_SETS
#define DS_MAX_COLUMN_SETS 3

#endif
