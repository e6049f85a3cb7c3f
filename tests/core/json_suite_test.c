// SPDX-License-Identifier: MIT
// The public JSONTestSuite (tests/fuzz/JSONTestSuite): what its y_ files hold must be accepted, n_ refused; of i_, which the standard leaves open, the reader must only survive.
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/json.h"
#include "test.h"

static bool file_is_valid(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) ds_panic();
  fseek(file, 0, SEEK_END);
  size_t size = (size_t)ftell(file);
  rewind(file);
  char *exact = malloc(size ? size : 1); // without a byte to spare, for the sanitizer
  if (!exact || fread(exact, 1, size, file) != size) ds_panic();
  fclose(file);
  bool valid = ds_json_validate((ds_view){exact, size}, NULL);
  free(exact);
  return valid;
}

static void check_files(const char *pattern, size_t least, int expected) {
  glob_t files;
  CHECK_INT(glob(pattern, 0, NULL, &files), 0);
  CHECK(files.gl_pathc >= least);
  for (size_t i = 0; i < files.gl_pathc; i++) {
    bool valid = file_is_valid(files.gl_pathv[i]);
    if (expected >= 0 && valid != (expected == 1)) test_fail(files.gl_pathv[i], 0, "is %s", valid ? "accepted" : "refused");
  }
  globfree(&files);
}

static void what_must_be_accepted_is(void) {
  check_files("tests/fuzz/JSONTestSuite/test_parsing/y_*.json", 90, 1);
}

static void what_must_be_refused_is(void) {
  check_files("tests/fuzz/JSONTestSuite/test_parsing/n_*.json", 180, 0);
}

static void what_is_left_open_is_survived(void) {
  check_files("tests/fuzz/JSONTestSuite/test_parsing/i_*.json", 30, -1);
}

const test json_suite_tests[] = {
  {"what must be accepted is", what_must_be_accepted_is},
  {"what must be refused is", what_must_be_refused_is},
  {"what is left open is survived", what_is_left_open_is_survived},
  {0},
};
