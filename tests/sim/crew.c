// SPDX-License-Identifier: MIT
#include "crew.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fail.h"
#include "tally.h"

enum { MAX_WORKERS = 64, MAX_WORDS = 600, MAX_TRIES = 600, FAILED = 70, WORLD_SECONDS = 60 };

// What a worker shares with the process that started it.
typedef struct desk {
  tally tally;
  uint64_t seed; // of the world it is in
  char words[MAX_WORDS];
} desk;

// Worlds are short, and what was freed in one is not used in the next: a small quarantine and short stacks make a third of the time.
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
  return "quarantine_size_mb=4:malloc_context_size=5:allocator_release_to_os_interval_ms=-1";
}

static desk *mine;
static bool tracing;
tally *counted;

_Noreturn void sim_fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(mine->words, MAX_WORDS, format, arguments);
  va_end(arguments);
  if (tracing) printf("FAILED: %s\n", mine->words);
  fflush(stdout);
  _exit(FAILED);
}

void sim_trace(const char *format, ...) {
  if (!tracing) return;
  va_list arguments;
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  printf("\n");
}

static desk *desks_new(int count) {
  desk *desks = mmap(NULL, (size_t)count * sizeof *desks, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (desks == MAP_FAILED) abort();
  return desks;
}

static void sit_down(desk *at) {
  mine = at;
  counted = &at->tally;
}

static void live(const plan *p) {
  mine->seed = p->seed;
  mine->words[0] = 0;
  alarm(WORLD_SECONDS);
  scene_run(p);
  alarm(0);
}

int crew_show(const plan *p) {
  sit_down(desks_new(1));
  tracing = true;
  live(p);
  printf("The world of seed %llu ends well.\n", (unsigned long long)p->seed);
  return 0;
}

// ---- Making a failing world smaller

// Lives through the world in a process of its own; true if it fails. What it prints on the way is nobody's business.
static bool fails(const plan *p, desk *at) {
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    sit_down(at);
    if (!freopen("/dev/null", "w", stderr)) _exit(FAILED);
    live(p);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status != 0;
}

// Leaves out `size` events from `from` on.
static plan without(const plan *p, uint32_t from, uint32_t size) {
  plan less = *p;
  if (from + size > p->count) size = p->count - from;
  memmove(less.events + from, less.events + from + size, (p->count - from - size) * sizeof *less.events);
  less.count -= size;
  return less;
}

// Halves, then quarters, and so on to single events, are left out if the rest still fails.
static plan smaller(plan p, desk *at) {
  int tries = MAX_TRIES;
  for (uint32_t size = p.count / 2 + 1; size > 0; size /= 2) {
    for (uint32_t from = p.count > size ? p.count - size : 0; tries-- > 0; from -= size < from ? size : from) {
      plan less = without(&p, from, size);
      if (less.count < p.count && fails(&less, at)) p = less;
      if (from == 0) break;
    }
  }
  return p;
}

static void print_kept(const plan *all, const plan *kept) {
  uint32_t at = 0;
  const char *comma = "";
  for (uint32_t i = 0; i < all->count && at < kept->count; i++) {
    if (all->events[i].seed != kept->events[at].seed) continue;
    printf("%s%u", comma, i);
    comma = ",";
    at++;
  }
}

static void report(uint64_t seed, const char *words) {
  plan all = plan_of(seed);
  desk *at = desks_new(1);
  printf("\nThe world of seed %llu fails: %s\n", (unsigned long long)seed, words[0] ? words : "its process died (replay it to see how)");
  if (!fails(&all, at)) {
    printf("It does not fail by itself: something was left behind by the worlds before it in the same process.\n");
    return;
  }
  plan kept = smaller(all, at);
  fails(&kept, at);
  printf("Of its %u events, these %u are enough: %s\nReplay: build/sim/sim %llu --keep ", all.count, kept.count, at->words, (unsigned long long)seed);
  print_kept(&all, &kept);
  printf("\n\n");
  fflush(stdout);
  if (fork() == 0) {
    dup2(STDOUT_FILENO, STDERR_FILENO);
    _exit(crew_show(&kept));
  }
  wait(NULL);
}

// ---- Many worlds

static pid_t hire(desk *at, uint64_t from, uint64_t to, uint64_t step) {
  fflush(NULL);
  pid_t child = fork();
  if (child != 0) return child;
  sit_down(at);
  for (uint64_t seed = from; seed <= to; seed += step) {
    plan p = plan_of(seed);
    live(&p);
  }
  exit(0); // and let the sanitizer look for leaks
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// Seconds that the processes which have ended have computed: on a machine that others use too, they say more than the clock.
static double computed(void) {
  struct rusage used;
  getrusage(RUSAGE_CHILDREN, &used);
  return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void print_tally(const desk *desks, int count, double seconds) {
  uint64_t worlds = 0;
  for (int i = 0; i < count; i++) worlds += desks[i].tally.worlds;
  double all = (double)worlds;
  printf("%llu worlds in %.1f s on %d cores: %.1f a second; %.1f in a second of one core's work\n", (unsigned long long)worlds, seconds, count, all / seconds,
         all / computed());
#define TALLY(name, label) \
  { \
    uint64_t sum = 0; \
    for (int i = 0; i < count; i++) sum += desks[i].tally.name; \
    printf("%12llu %s\n", (unsigned long long)sum, label); \
  }
#include "tally.def"
#undef TALLY
}

static int workers(uint64_t worlds) {
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  if (cores > MAX_WORKERS) cores = MAX_WORKERS;
  return cores < 1 ? 1 : (uint64_t)cores > worlds ? (int)worlds : (int)cores;
}

// Waits for all; the first that fails ends the others. NULL if none does.
static const desk *first_failure(const desk *desks, const pid_t *children, int count) {
  const desk *failed = NULL;
  int status = 0;
  for (pid_t child; (child = wait(&status)) > 0;) {
    if (status == 0 || failed) continue;
    for (int i = 0; i < count; i++) {
      if (children[i] == child) failed = &desks[i];
      else kill(children[i], SIGKILL);
    }
  }
  return failed;
}

int crew_run(uint64_t from, uint64_t to, bool brief) {
  if (to < from) return 2;
  int count = workers(to - from + 1);
  desk *desks = desks_new(count);
  pid_t children[MAX_WORKERS];
  double start = now();
  for (int i = 0; i < count; i++) children[i] = hire(&desks[i], from + (uint64_t)i, to, (uint64_t)count);
  const desk *failed = first_failure(desks, children, count);
  print_tally(desks, count, now() - start);
  if (failed && brief) printf("seed %llu: %s\n", (unsigned long long)failed->seed, failed->words[0] ? failed->words : "its process died");
  else if (failed) report(failed->seed, failed->words);
  printf("%d passed, %d failed\n", failed == NULL, failed != NULL);
  return failed != NULL;
}
