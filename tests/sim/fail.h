// SPDX-License-Identifier: MIT
// A world that goes wrong ends its process: whatever it was, the process that started it sees the death, the seed and the last words.
#ifndef DURASYNC_SIM_FAIL_H
#define DURASYNC_SIM_FAIL_H

// Says what was found, in the manner of printf, and ends the process.
_Noreturn void sim_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

// A line of the trace, if one is wanted.
void sim_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
