// SPDX-License-Identifier: MIT
// What the fuzzers share. Each file beside this one is a program of its own: with libFuzzer it looks for inputs that break it, with replay.c it runs those it is given.
#ifndef DURASYNC_FUZZ_H
#define DURASYNC_FUZZ_H

#include <stddef.h>
#include <stdint.h>

// Ends the program, for the fuzzer to keep the input.
_Noreturn void fuzz_fail(const char *file, int line, const char *what);

#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))

// One input; libFuzzer's name for it.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
