// SPDX-License-Identifier: MIT
// Runs simulated worlds:
//
//   sim FROM..TO           those seeds, on every core; with --brief a failing world is only named
//   sim SEED               one world, with its trace
//   sim SEED --keep 1,4,7  of its events only these
//
// A failing world is made smaller: events are left out for as long as it still fails. What is printed last is the command that replays it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crew.h"
#include "memory.h"

static int usage(void) {
  fprintf(stderr, "usage: sim FROM..TO | sim SEED [--keep EVENT,EVENT,...]\n");
  return 2;
}

// Leaves only the events listed.
static void keep_only(plan *p, const char *list) {
  uint32_t count = 0;
  while (*list) {
    char *end;
    unsigned long at = strtoul(list, &end, 10);
    if (end == list) break;
    if (at < p->count) p->events[count++] = p->events[at];
    list = *end ? end + 1 : end;
  }
  p->count = count;
}

int main(int count, char **arguments) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  memory_give_to_sqlite();
  if (count < 2) return usage();
  char *end;
  uint64_t from = strtoull(arguments[1], &end, 10);
  if (end == arguments[1]) return usage();
  if (strncmp(end, "..", 2) == 0) return crew_run(from, strtoull(end + 2, NULL, 10), count == 3 && strcmp(arguments[2], "--brief") == 0);
  plan p = plan_of(from);
  if (count == 4 && strcmp(arguments[2], "--keep") == 0) keep_only(&p, arguments[3]);
  else if (count != 2) return usage();
  return crew_show(&p);
}
