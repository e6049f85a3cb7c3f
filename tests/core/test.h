// SPDX-License-Identifier: MIT
// The harness of the native tests: named tests in tables, checks that report and go on, one line of sums at the end.
#ifndef DURASYNC_TEST_H
#define DURASYNC_TEST_H

#include "../../src/bytes.h"

// One test: what must hold, and the function that checks it. A table of them ends with an entry without a name.
typedef struct test {
  const char *name;
  void (*run)(void);
} test;

// Runs the tests of a table. A test passes if none of its checks failed.
void test_run_all(const char *suite, const test *tests);

// Begins and ends one test by hand, where tests are not known beforehand (one per file of conversations). Failed checks in between count against it.
void test_begin(const char *suite, const char *name);
void test_end(void);

// Counts a failure of the running test and prints where and what, in the manner of printf.
void test_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

// Prints "N passed, N failed"; returns the exit code, 1 if anything failed.
int test_summary(void);

// Reports under CHECK's own file and line. Each evaluates its arguments once.
void test_check_int(const char *file, int line, const char *what, int64_t actual, int64_t expected);
void test_check_view(const char *file, int line, const char *what, ds_view actual, ds_view expected);

#define CHECK(condition) ((condition) ? (void)0 : test_fail(__FILE__, __LINE__, "not true: %s", #condition))
#define CHECK_INT(actual, expected) test_check_int(__FILE__, __LINE__, #actual, actual, expected)

// Compares bytes with a NUL-terminated text, or with a view that may hold any bytes. An absent view equals only an absent one.
#define CHECK_TEXT(actual, expected) test_check_view(__FILE__, __LINE__, #actual, actual, ds_view_of(expected))
#define CHECK_VIEW(actual, expected) test_check_view(__FILE__, __LINE__, #actual, actual, expected)

#endif
