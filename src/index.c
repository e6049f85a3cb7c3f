// SPDX-License-Identifier: MIT
#include "index.h"

enum { FIRST_SLOTS = 16 };

void *ds_index_find(const ds_index *index, uint32_t hash, ds_index_same same, const void *wanted) {
  if (index->count == 0) return NULL;
  for (uint32_t at = hash;; at++) {
    const ds_index_slot *slot = &index->slots[at & (index->slot_count - 1)];
    if (!slot->item) return NULL;
    if (slot->hash == hash && same(slot->item, wanted)) return slot->item;
  }
}

static void place(ds_index *index, ds_index_slot made) {
  uint32_t at = made.hash & (index->slot_count - 1);
  while (index->slots[at].item) at = (at + 1) & (index->slot_count - 1);
  index->slots[at] = made;
}

static void grow(ds_index *index) {
  const ds_index old = *index;
  index->slot_count = old.slot_count ? 2 * old.slot_count : FIRST_SLOTS;
  index->slots = ds_arena_take(index->arena, index->slot_count * sizeof *index->slots);
  for (uint32_t i = 0; i < old.slot_count; i++)
    if (old.slots[i].item) place(index, old.slots[i]);
}

void ds_index_add(ds_index *index, uint32_t hash, void *item) {
  if (2 * (index->count + 1) > index->slot_count) grow(index);
  place(index, (ds_index_slot){item, hash});
  index->count++;
}
