// SPDX-License-Identifier: Apache-2.0
// The random numbers of one customer: draw n is a mix of the customer's key and n, so that any
// customer can be made alone, on any thread. Integers only: every machine draws the same. C
// leaves the order of two calls in one expression, argument list or initialiser to the compiler, so
// a statement draws at most once (or by one call of a function that draws). May use base/.
#ifndef DS_INGEST_SIMULATE_DICE_H
#define DS_INGEST_SIMULATE_DICE_H

#include <stdbool.h>
#include <stdint.h>

// The mixing step of splitmix64 (S. Vigna, public domain).
static inline uint64_t ds_dice_mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

// A customer's dice; `state` is the key plus the number of draws times an odd constant.
typedef struct ds_dice {
  uint64_t state;
} ds_dice;

// 64 random bits.
static inline uint64_t ds_dice_roll(ds_dice *dice) {
  dice->state += 0x9e3779b97f4a7c15u;
  return ds_dice_mix(dice->state);
}

// 0 .. limit - 1.
static inline uint32_t ds_dice_below(ds_dice *dice, uint32_t limit) {
  return (uint32_t)(((ds_dice_roll(dice) >> 32) * limit) >> 32);
}

// True with a chance per 10,000.
static inline bool ds_dice_chance(ds_dice *dice, int32_t per_10000) {
  return (int32_t)ds_dice_below(dice, 10000) < per_10000;
}

// The index drawn from shares that add up to 100.
static inline uint8_t ds_dice_pick(ds_dice *dice, const uint16_t *percent) {
  uint32_t draw = ds_dice_below(dice, 100);
  uint8_t index = 0;
  while (draw >= percent[index])
    draw -= percent[index++];
  return index;
}

// About exponentially distributed with this mean, at most six times the mean.
int64_t ds_dice_exponential(ds_dice *dice, int64_t mean);

#endif
