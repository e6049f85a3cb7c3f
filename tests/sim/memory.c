// SPDX-License-Identifier: MIT
#include "memory.h"

#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Blocks of some sizes, eight between a power of two and the next, cut from chunks and never joined again: one freed waits for the next of its size. (Were they powers of
// two themselves, the beginnings of all would meet in a few lines of the processor's cache.)
enum { HEAD = 16, LEAST = 5, SIZES = 16 * 16, LARGEST = 1 << 18, CHUNK = 1 << 20 };

typedef union block {
  struct {
    union block *next; // while it is free
    int32_t size;      // its place among the sizes; -1 for one beyond them
    int32_t room;      // what it can hold
  } at;
  char head[HEAD];
} block;
_Static_assert(sizeof(block) == HEAD, "what follows a head is aligned as SQLite expects");

static block *waiting[SIZES];
static char *chunk;
static size_t left;

static block *cut(size_t bytes) {
  if (left < bytes) {
    chunk = malloc(CHUNK);
    left = chunk ? CHUNK : 0;
  }
  if (left < bytes) return NULL;
  block *made = (block *)(void *)chunk;
  chunk += bytes;
  left -= bytes;
  return made;
}

static void *take_large(int room) {
  block *own = malloc((size_t)room + HEAD);
  if (!own) return NULL;
  own->at.size = -1;
  own->at.room = room;
  return own + 1;
}

static void *take(int room) {
  uint32_t bytes = (uint32_t)room + HEAD;
  if (bytes > LARGEST) return take_large(room);
  int32_t shift = 28 - __builtin_clz(bytes | 1);
  if (shift < LEAST) shift = LEAST;
  uint32_t steps = (bytes - 1) >> shift;
  int32_t size = (shift - LEAST) * 16 + (int32_t)steps;
  block *one = waiting[size];
  if (one) waiting[size] = one->at.next;
  else one = cut((size_t)(steps + 1) << shift);
  if (!one) return NULL;
  one->at.size = size;
  one->at.room = (int32_t)((steps + 1) << shift) - HEAD;
  return one + 1;
}

static void give(void *memory) {
  if (!memory) return;
  block *one = (block *)memory - 1;
  if (one->at.size < 0) {
    free(one);
    return;
  }
  one->at.next = waiting[one->at.size];
  waiting[one->at.size] = one;
}

static int room_of(void *memory) {
  return memory ? ((block *)memory - 1)->at.room : 0;
}

static void *retake(void *memory, int size) {
  if (size <= room_of(memory)) return memory;
  void *larger = take(size);
  if (!larger) return NULL;
  memcpy(larger, memory, (size_t)room_of(memory));
  give(memory);
  return larger;
}

static int same(int size) {
  return size;
}

static int begin(void *argument) {
  (void)argument;
  return SQLITE_OK;
}

static void end(void *argument) {
  (void)argument;
}

void memory_give_to_sqlite(void) {
  static sqlite3_mem_methods methods = {take, give, retake, room_of, same, begin, end, NULL};
  if (sqlite3_config(SQLITE_CONFIG_SINGLETHREAD) != SQLITE_OK || sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) != SQLITE_OK ||
      sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK)
    abort();
}
