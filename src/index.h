// SPDX-License-Identifier: MIT
// An index from hashes to things of the caller's, for a turn: open addressing, at most half full. A hash says where to look; the caller tells things apart by what they are.
#ifndef DURASYNC_INDEX_H
#define DURASYNC_INDEX_H

#include "bytes.h"

typedef struct ds_index_slot {
  void *item; // NULL where the slot is free
  uint32_t hash;
} ds_index_slot;

// Zeroed, with an arena, it is empty.
typedef struct ds_index {
  ds_arena *arena;
  ds_index_slot *slots;
  uint32_t slot_count;
  uint32_t count;
} ds_index;

// Whether `item` is what is looked for.
typedef bool (*ds_index_same)(const void *item, const void *wanted);

// The item that is the same as `wanted`, which hashes to `hash`; NULL if there is none.
void *ds_index_find(const ds_index *index, uint32_t hash, ds_index_same same, const void *wanted);

// Adds an item that is not there yet.
void ds_index_add(ds_index *index, uint32_t hash, void *item);

#endif
