// SPDX-License-Identifier: MIT
// Chance that repeats: splitmix64, by Steele, Lea and Flood ("Fast splittable pseudorandom number generators", OOPSLA 2014), with the constants of
// Vigna's public-domain version (prng.di.unimi.it/splitmix64.c). Every seed is good, 0 and neighbours included.
#ifndef DURASYNC_SIM_CHANCE_H
#define DURASYNC_SIM_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct chance {
  uint64_t state;
} chance;

// Scatters the bits of `x`.
static inline uint64_t chance_mix(uint64_t x) {
  x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
  return x ^ (x >> 31);
}

static inline uint64_t chance_next(chance *c) {
  return chance_mix(c->state += UINT64_C(0x9E3779B97F4A7C15));
}

// From 0 up to but without `end`, which is at least 1.
static inline uint32_t chance_below(chance *c, uint32_t end) {
  return (uint32_t)((chance_next(c) >> 32) % end);
}

// True once in `of` times.
static inline bool chance_one_in(chance *c, uint32_t of) {
  return chance_below(c, of) == 0;
}

#endif
