// SPDX-License-Identifier: Apache-2.0
#include "store/subject_table.h"

#include <assert.h>
#include <stdlib.h>

#include "model/event.h"
#include "store/subjects.h"

enum { SLOTS_MIN = 64, ENTRY_BITS = DS_ORDINAL_BITS + 1, TAG_BITS = 64 - ENTRY_BITS };
static_assert(ENTRY_BITS + TAG_BITS == 64 && TAG_BITS < 56, "tag and ordinal share a word");

// What of a hash is kept; also says where the search begins, so that a table can grow by itself.
static inline uint64_t tag_of(uint64_t hash) { return hash << 8 >> (64 - TAG_BITS); }

void ds_subject_table_done(ds_subject_table *table) {
  free(table->slot);
  *table = (ds_subject_table){.slot = NULL};
}

static void place(ds_subject_table *table, uint64_t entry) {
  const uint32_t mask = table->slots - 1;
  uint32_t at = (uint32_t)(entry >> ENTRY_BITS) & mask;
  while (table->slot[at] != 0)
    at = (at + 1) & mask;
  table->slot[at] = entry;
}

static bool grow(ds_subject_table *table) {
  ds_subject_table larger = {.slots = table->slots == 0 ? SLOTS_MIN : table->slots * 2,
                             .count = table->count};
  larger.slot = calloc(larger.slots, sizeof *larger.slot);
  if (larger.slot == NULL)
    return false;
  for (uint32_t i = 0; i < table->slots; i++)
    if (table->slot[i] != 0)
      place(&larger, table->slot[i]);
  ds_subject_table_done(table);
  *table = larger;
  return true;
}

bool ds_subject_table_add(ds_subject_table *table, uint64_t hash, uint32_t number) {
  const uint64_t ordinal = number & ((1u << DS_ORDINAL_BITS) - 1);
  assert(ds_subject_partition(hash) == number >> DS_ORDINAL_BITS);
  uint32_t cursor = 0, known;
  while (ds_subject_table_next(table, hash, &cursor, &known))
    if (known == number)
      return true;
  // At most three quarters full. A partition's 2^24 numbers, each under a few hashes over time, fit
  // far below 2^32 slots.
  if (table->count >= table->slots / 4 * 3 && !grow(table))
    return false;
  place(table, tag_of(hash) << ENTRY_BITS | (ordinal + 1));
  table->count++;
  return true;
}

bool ds_subject_table_next(const ds_subject_table *table, uint64_t hash, uint32_t *cursor,
                           uint32_t *ret_number) {
  if (table->count == 0)
    return false;
  const uint32_t mask = table->slots - 1;
  const uint64_t tag = tag_of(hash);
  for (;;) {
    const uint64_t entry = table->slot[(uint32_t)(tag + *cursor) & mask];
    if (entry == 0)
      return false;
    ++*cursor;
    if (entry >> ENTRY_BITS != tag)
      continue;
    *ret_number = ds_subject_partition(hash) << DS_ORDINAL_BITS |
                  ((uint32_t)(entry & ((1u << ENTRY_BITS) - 1)) - 1);
    return true;
  }
}

void ds_subject_table_prefetch(const ds_subject_table *table, uint64_t hash) {
  if (table->slots > 0)
    __builtin_prefetch(&table->slot[(uint32_t)tag_of(hash) & (table->slots - 1)]);
}
