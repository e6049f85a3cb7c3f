// SPDX-License-Identifier: MIT
#include "memory.h"

#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Blocks are powers of two, cut from chunks and never joined again: one freed waits for the next of its size.
enum { LEAST = 5, MOST = 18, HEAD = 16, CHUNK = 1 << 20 };

typedef union block {
  struct {
    union block *next; // while it is free
    uint32_t power;    // of its size, its head included; 0 for one of its own, which is larger than those
    int room;          // what it can hold
  } at;
  char head[HEAD];
} block;
_Static_assert(sizeof(block) == HEAD, "what follows a head is aligned as SQLite expects");

static block *waiting[MOST + 1];
static char *chunk;
static size_t left;

static uint32_t power_of(int size) {
  uint32_t power = LEAST;
  while ((size_t)1 << power < (size_t)size + HEAD) power++;
  return power;
}

static block *cut(uint32_t power) {
  size_t size = (size_t)1 << power;
  if (left < size) {
    chunk = malloc(CHUNK);
    left = chunk ? CHUNK : 0;
  }
  if (left < size) return NULL;
  block *made = (block *)(void *)chunk;
  chunk += size;
  left -= size;
  return made;
}

static void *take(int size) {
  uint32_t power = power_of(size);
  if (power > MOST) {
    block *own = malloc((size_t)size + HEAD);
    if (own) own->at.power = 0, own->at.room = size;
    return own ? own + 1 : NULL;
  }
  block *one = waiting[power];
  if (one) waiting[power] = one->at.next;
  else one = cut(power);
  if (!one) return NULL;
  one->at.power = power;
  one->at.room = (1 << power) - HEAD;
  return one + 1;
}

static void give(void *memory) {
  if (!memory) return;
  block *one = (block *)memory - 1;
  if (one->at.power == 0) {
    free(one);
    return;
  }
  one->at.next = waiting[one->at.power];
  waiting[one->at.power] = one;
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
