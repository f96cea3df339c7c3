// SPDX-License-Identifier: Apache-2.0
// A set of 64-bit keys that says "certainly not" or, of a few in a hundred thousand that it does
// not hold, "maybe": 16 bits of each key in an open table at most five eighths full, 3.2 bytes a
// key. Four of them are a word, which is looked at at once. Made once for a number of keys. Uses
// nothing. Reading is safe from any thread.
#ifndef DS_STORE_ID_FILTER_H
#define DS_STORE_ID_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Caller's memory; fields are private. All zero is no filter.
typedef struct ds_id_filter {
  uint64_t *word; // of four keys' bits; 0 = free, from the lowest up
  uint32_t words;
} ds_id_filter;

// The bytes that a filter for so many keys takes.
size_t ds_id_filter_bytes(uint32_t keys);

// An empty filter for at most `keys` keys; false without memory.
bool ds_id_filter_init(ds_id_filter *filter, uint32_t keys);

// Gives the memory back and leaves no filter.
void ds_id_filter_done(ds_id_filter *filter);

// The same as init in `memory`, which has that many bytes, whatever they hold, and stays the
// caller's: without done.
void ds_id_filter_place(ds_id_filter *filter, uint32_t keys, uint64_t *memory);

// The key of an event: of its subject's hash and its id.
static inline uint64_t ds_id_filter_key(uint64_t hash, uint64_t id) {
  const unsigned __int128 product =
      (unsigned __int128)(hash ^ 0x9e3779b97f4a7c15u) * (id ^ 0xd1b54a32d192ed03u);
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

// Adds a key, one of those that it was made for; its bits must be evenly distributed.
void ds_id_filter_add(ds_id_filter *filter, uint64_t key);

// Whether the key may be among those added; true for each that is.
bool ds_id_filter_may_hold(const ds_id_filter *filter, uint64_t key);

// Brings what `may_hold` will look at first nearer to the processor.
void ds_id_filter_prefetch(const ds_id_filter *filter, uint64_t key);

#endif
