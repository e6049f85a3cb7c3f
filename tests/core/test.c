// SPDX-License-Identifier: MIT
#include "test.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static struct {
  const char *suite;
  const char *name;
  int failures; // of the running test
  int passed;
  int failed;
} state;

void test_begin(const char *suite, const char *name) {
  state.suite = suite;
  state.name = name;
  state.failures = 0;
}

void test_end(void) {
  if (state.failures) state.failed++;
  else state.passed++;
}

void test_run_all(const char *suite, const test *tests) {
  for (; tests->name; tests++) {
    test_begin(suite, tests->name);
    tests->run();
    test_end();
  }
}

void test_fail(const char *file, int line, const char *format, ...) {
  if (state.failures++ == 0) printf("FAILED %s: %s\n", state.suite, state.name);
  printf("  %s:%d: ", file, line);
  va_list arguments;
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  printf("\n");
  fflush(stdout);
}

void test_check_int(const char *file, int line, const char *what, int64_t actual, int64_t expected) {
  if (actual == expected) return;
  test_fail(file, line, "%s is %" PRId64 ", expected %" PRId64, what, actual, expected);
}

void test_check_view(const char *file, int line, const char *what, ds_view actual, ds_view expected) {
  if (ds_view_absent(actual) == ds_view_absent(expected) && ds_view_equal(actual, expected)) return;
  test_fail(file, line, "%s is %s`%.*s` (%zu), expected %s`%.*s` (%zu)", what, ds_view_absent(actual) ? "absent " : "", (int)actual.size,
            actual.at ? actual.at : "", actual.size, ds_view_absent(expected) ? "absent " : "", (int)expected.size, expected.at ? expected.at : "",
            expected.size);
}

int test_summary(void) {
  printf("%d passed, %d failed\n", state.passed, state.failed);
  return state.failed > 0;
}
