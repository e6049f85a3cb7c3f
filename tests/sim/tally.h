// SPDX-License-Identifier: MIT
#ifndef DURASYNC_SIM_TALLY_H
#define DURASYNC_SIM_TALLY_H

#include <stdint.h>

// What the worlds of a run came to.
typedef struct tally {
  uint64_t worlds;
#define TALLY(name, label) uint64_t name;
#include "tally.def"
#undef TALLY
} tally;

// The running process's counts.
extern tally *counted;

#endif
