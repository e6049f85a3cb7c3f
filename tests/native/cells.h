// SPDX-License-Identifier: MIT
// The cells of a page, column by column on the wire, as records again.
#ifndef DURASYNC_TEST_CELLS_H
#define DURASYNC_TEST_CELLS_H

#include "../../src/bytes.h"

// The records of a page, a JSON array of arrays in `arena`: those of the shortest column, so that one that lacks a cell is missed by whoever counts. Empty if the frame has no cells.
ds_view cells_records(ds_arena *arena, ds_view page);

#endif
