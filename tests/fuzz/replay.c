// SPDX-License-Identifier: MIT
// Runs a fuzzer's check on the files given, wherever libFuzzer is not. With TRANSCRIPT set, a line "= PATH" stands before what each prints.
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

static void replay(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) fuzz_fail(path, 0, "it can be read");
  size_t size = (size_t)ftell(file);
  rewind(file);
  uint8_t *data = malloc(size ? size : 1); // not a byte to spare: the sanitizer sees any read past the end
  if (!data || fread(data, 1, size, file) != size) fuzz_fail(path, 0, "it can be read");
  fclose(file);
  if (getenv("TRANSCRIPT")) printf("= %s\n", path);
  fflush(stdout); // for the name of one that ends the program
  LLVMFuzzerTestOneInput(data, size);
  free(data);
}

int main(int count, char **paths) {
  for (int i = 1; i < count; i++) replay(paths[i]);
  return 0;
}
