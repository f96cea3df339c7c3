// SPDX-License-Identifier: Apache-2.0
// A set of customers by their numbers (partition << 24 | ordinal, store/subjects.h): one bitmap for
// each partition, because numbers are dense within one. May use base/. Not for two writers at once;
// reads of an unchanged set are safe from any thread.
#ifndef DS_MODEL_CUSTOMERS_H
#define DS_MODEL_CUSTOMERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

// Caller's memory; fields are private. All zero is an empty set, which grows in an arena.
typedef struct ds_customers {
  uint64_t *word[256];
  uint32_t words[256];
} ds_customers;

// Adds a customer, or all of another set; false without memory.
bool ds_customers_add(ds_customers *set, uint32_t customer, ds_arena *arena);
bool ds_customers_add_all(ds_customers *set, const ds_customers *more, ds_arena *arena);

// Whether the customer is in the set.
static inline bool ds_customers_has(const ds_customers *set, uint32_t customer) {
  const uint32_t partition = customer >> 24, word = (customer & 0xffffff) / 64;
  return word < set->words[partition] && (set->word[partition][word] >> (customer % 64) & 1) != 0;
}

#endif
