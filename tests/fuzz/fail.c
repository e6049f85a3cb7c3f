// SPDX-License-Identifier: MIT
// A check that fails ends the program, those of tests/native included.
#include <stdio.h>
#include <stdlib.h>

#include "../core/test.h"
#include "fuzz.h"

_Noreturn void fuzz_fail(const char *file, int line, const char *what) {
  fprintf(stderr, "%s:%d: not true: %s\n", file, line, what);
  abort();
}

void test_fail(const char *file, int line, const char *format, ...) {
  fuzz_fail(file, line, format);
}

void test_check_int(const char *file, int line, const char *what, int64_t actual, int64_t expected) {
  if (actual != expected) fuzz_fail(file, line, what);
}

void test_check_view(const char *file, int line, const char *what, ds_view actual, ds_view expected) {
  if (!ds_view_equal(actual, expected)) fuzz_fail(file, line, what);
}
