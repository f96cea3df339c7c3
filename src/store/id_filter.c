// SPDX-License-Identifier: Apache-2.0
#include "store/id_filter.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LOWEST_BITS UINT64_C(0x0001000100010001)
#define HIGHEST_BITS UINT64_C(0x8000800080008000)

enum { TAGS = 4, TAG_BITS = 16 };

// Room for eight tags for five keys, and one free word at least, which ends every search.
static size_t words_for(uint32_t keys) { return (size_t)keys / 5 * 8 / TAGS + TAGS; }

// Where a key's search begins: its upper half, scaled to the words. What is kept is of its lower
// half, never 0.
static inline uint32_t start_of(const ds_id_filter *filter, uint64_t key) {
  return (uint32_t)((key >> 32) * filter->words >> 32);
}
static inline uint64_t tag_of(uint64_t key) {
  const uint16_t tag = (uint16_t)key;
  return tag == 0 ? 1 : tag;
}

// The highest bit of the lowest tag that is 0, and perhaps of tags above it; 0 when none is.
static inline uint64_t zeros_of(uint64_t word) {
  return (word - LOWEST_BITS) & ~word & HIGHEST_BITS;
}

size_t ds_id_filter_bytes(uint32_t keys) { return words_for(keys) * sizeof(uint64_t); }

bool ds_id_filter_init(ds_id_filter *filter, uint32_t keys) {
  uint64_t *memory = malloc(ds_id_filter_bytes(keys));
  *filter = (ds_id_filter){.word = NULL};
  if (memory != NULL)
    ds_id_filter_place(filter, keys, memory);
  return memory != NULL;
}

void ds_id_filter_done(ds_id_filter *filter) {
  free(filter->word);
  *filter = (ds_id_filter){.word = NULL};
}

void ds_id_filter_place(ds_id_filter *filter, uint32_t keys, uint64_t *memory) {
  assert(words_for(keys) <= UINT32_MAX);
  *filter = (ds_id_filter){.word = memory, .words = (uint32_t)words_for(keys)};
  memset(memory, 0, ds_id_filter_bytes(keys));
}

static inline uint32_t next(const ds_id_filter *filter, uint32_t at) {
  return at + 1 == filter->words ? 0 : at + 1;
}

void ds_id_filter_add(ds_id_filter *filter, uint64_t key) {
  uint32_t at = start_of(filter, key);
  uint64_t free_tags;
  while ((free_tags = zeros_of(filter->word[at])) == 0)
    at = next(filter, at);
  const uint32_t tag = (uint32_t)__builtin_ctzll(free_tags) / TAG_BITS;
  filter->word[at] |= tag_of(key) << (tag * TAG_BITS);
}

bool ds_id_filter_may_hold(const ds_id_filter *filter, uint64_t key) {
  const uint64_t tags = tag_of(key) * LOWEST_BITS;
  uint32_t at = start_of(filter, key);
  for (;; at = next(filter, at)) {
    const uint64_t word = filter->word[at];
    if (zeros_of(word ^ tags) != 0)
      return true;
    if (word >> (TAGS - 1) * TAG_BITS == 0)
      return false;
  }
}

void ds_id_filter_prefetch(const ds_id_filter *filter, uint64_t key) {
  __builtin_prefetch(&filter->word[start_of(filter, key)]);
}
