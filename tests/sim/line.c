// SPDX-License-Identifier: MIT
#include "line.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"

static void add(queue *q, parcel one) {
  if (q->first + q->count == q->room) {
    if (q->first) memmove(q->items, q->items + q->first, q->count * sizeof *q->items);
    q->first = 0;
    q->room = 2 * q->count + 8;
    q->items = realloc(q->items, q->room * sizeof *q->items);
  }
  char *copy = malloc(one.text.size + 1);
  if (!copy || !q->items) sim_fail("out of memory");
  memcpy(copy, one.text.at, one.text.size);
  copy[one.text.size] = 0;
  one.text.at = copy;
  q->items[q->first + q->count++] = one;
}

void queue_add(queue *q, ds_view text, uint32_t era) {
  add(q, (parcel){.text = text, .era = era});
}

void queue_add_own(queue *q, ds_view text) {
  add(q, (parcel){.text = text, .own = true});
  parcel *items = q->items + q->first;
  uint32_t at = q->count - 1;
  for (parcel one = items[at]; at > 0 && !items[at - 1].own; at--) {
    items[at] = items[at - 1];
    items[at - 1] = one;
  }
}

parcel queue_take(queue *q) {
  q->count--;
  return q->items[q->first++];
}

void queue_cut(queue *q, uint32_t keep) {
  while (q->count > keep) free((char *)q->items[q->first + --q->count].text.at);
}

void line_free(line *l) {
  queue_cut(&l->up, 0);
  queue_cut(&l->down, 0);
  free(l->up.items);
  free(l->down.items);
  free(l);
}
