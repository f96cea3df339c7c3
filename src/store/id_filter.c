// SPDX-License-Identifier: Apache-2.0
#include "store/id_filter.h"

#include <assert.h>
#include <stdlib.h>

// Eight slots for five keys, and one free slot at least, which ends every search.
static size_t slots_for(uint32_t keys) { return (size_t)keys / 5 * 8 + 16; }

// Where a key's search begins: its upper half, scaled to the slots. What is kept is of its lower
// half, never 0.
static inline uint32_t start_of(const ds_id_filter *filter, uint64_t key) {
  return (uint32_t)((key >> 32) * filter->slots >> 32);
}
static inline uint16_t tag_of(uint64_t key) {
  const uint16_t tag = (uint16_t)key;
  return tag == 0 ? 1 : tag;
}

size_t ds_id_filter_bytes(uint32_t keys) { return slots_for(keys) * sizeof(uint16_t); }

bool ds_id_filter_init(ds_id_filter *filter, uint32_t keys) {
  assert(slots_for(keys) <= UINT32_MAX);
  *filter = (ds_id_filter){.slots = (uint32_t)slots_for(keys)};
  filter->slot = calloc(filter->slots, sizeof *filter->slot);
  return filter->slot != NULL;
}

void ds_id_filter_done(ds_id_filter *filter) {
  free(filter->slot);
  *filter = (ds_id_filter){.slot = NULL};
}

// The slot that holds the key's tag, or the free one where it belongs.
static inline uint32_t find(const ds_id_filter *filter, uint64_t key) {
  const uint16_t tag = tag_of(key);
  uint32_t at = start_of(filter, key);
  while (filter->slot[at] != 0 && filter->slot[at] != tag)
    at = at + 1 == filter->slots ? 0 : at + 1;
  return at;
}

void ds_id_filter_add(ds_id_filter *filter, uint64_t key) {
  filter->slot[find(filter, key)] = tag_of(key);
}

bool ds_id_filter_may_hold(const ds_id_filter *filter, uint64_t key) {
  return filter->slot[find(filter, key)] != 0;
}

void ds_id_filter_prefetch(const ds_id_filter *filter, uint64_t key) {
  __builtin_prefetch(&filter->slot[start_of(filter, key)]);
}
