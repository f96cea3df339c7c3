// SPDX-License-Identifier: Apache-2.0
// A growable set of 64-bit keys that are hashes already: their low bits choose the slot. Eight
// bytes a slot, at most three quarters full. May use nothing but libc. Not for two writers at once;
// reads of an unchanged set are safe from any thread.
#ifndef DS_BASE_SET_H
#define DS_BASE_SET_H

#include <stdbool.h>
#include <stdint.h>

// Caller's memory; fields are private but `count`. All zero is an empty set.
typedef struct ds_set64 {
  uint64_t *slot; // 0 = free
  uint32_t slots;
  uint32_t count;
  bool zero; // key 0 is in the set
} ds_set64;

// Gives the memory back and leaves an empty set. NULL is fine.
void ds_set64_done(ds_set64 *set);

// Empties the set; keeps its memory unless that is much.
void ds_set64_reset(ds_set64 *set);

// Makes room for `more` keys, so that adding them cannot fail; false without memory.
bool ds_set64_reserve(ds_set64 *set, uint32_t more);

// Adds a key for which there is room; false when it was there before.
bool ds_set64_add(ds_set64 *set, uint64_t key);

// Whether the key is in the set.
bool ds_set64_has(const ds_set64 *set, uint64_t key);

// Brings what add and has will look at first nearer to the processor.
void ds_set64_prefetch(const ds_set64 *set, uint64_t key);

#endif
