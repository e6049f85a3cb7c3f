// SPDX-License-Identifier: MIT
// The processes that live through worlds. Each world that fails takes its process with it, so what it failed by does not matter: a check, a sanitizer, a broken
// rule of the host's.
#ifndef DURASYNC_SIM_CREW_H
#define DURASYNC_SIM_CREW_H

#include "scene.h"

// Runs the worlds of these seeds on every core; prints the figures, and the first failing world made smaller, or if `brief` just its seed. Returns the exit code.
int crew_run(uint64_t from, uint64_t to, bool brief);

// Runs one world here, with its trace. Returns the exit code.
int crew_show(const plan *p);

#endif
