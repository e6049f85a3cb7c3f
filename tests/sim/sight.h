// SPDX-License-Identifier: MIT
// What may be said to whom: a frame holds nothing of a record that its reader could not see.
#ifndef DURASYNC_SIM_SIGHT_H
#define DURASYNC_SIM_SIGHT_H

#include "history.h"

// A frame that is sent to a reader: whatever records of personal channels it holds, the reader sees them now, just as they are.
void sight_check_frame(const history *h, uint32_t reader, ds_view frame);

// A change that reaches a reader whose records are as they were at commit `since`: whatever is gone, they saw then or later.
void sight_check_gone(const history *h, uint32_t reader, uint32_t channel, ds_view change, uint32_t since);

#endif
