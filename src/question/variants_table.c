// SPDX-License-Identifier: Apache-2.0
// See variants_table.h. Open addressing by the upper bits of the hash: so the slots of a table
// twice as large are filled in the order in which the old ones are read.
#include "question/variants_table.h"

#include <stdlib.h>

#include "base/large.h"

enum { BITS_MIN = 8, BITS_STEP = 2, HEAD_WORDS = 3, WORDS_MIN = 1 << 10 };

#define EIGHT(byte) byte, byte, byte, byte, byte, byte, byte, byte
const uint8_t ds_variants_masks[] = {EIGHT(0xff), EIGHT(0xff), EIGHT(0xff), EIGHT(0xff),
                                  EIGHT(0),    EIGHT(0),    EIGHT(0),    EIGHT(0)};

void ds_variants_table_done(variants_table *table) {
  free(table->slot);
  free(table->words);
  *table = (variants_table){0};
}

static void slot_set(uint64_t *slot, uint32_t bits, uint64_t entry) {
  const uint32_t mask = (uint32_t)((1ull << bits) - 1);
  uint32_t at = (uint32_t)(entry >> 32) >> (32 - bits);
  while (slot[at] != 0)
    at = (at + 1) & mask;
  slot[at] = entry;
}

static ds_code slots_grow(variants_table *table, uint64_t sequences, ds_error *err) {
  uint32_t bits = table->bits == 0 ? BITS_MIN : table->bits;
  while ((sequences * 3) >> bits > 1)
    bits += BITS_STEP;
  if (bits == table->bits)
    return DS_OK;
  uint64_t *slot = ds_large_alloc(sizeof *slot << bits);
  if (slot == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for variants");
  // Zeroed by hand: memory that the kernel zeroes is mapped twice when it is read first.
  memset(slot, 0, sizeof *slot << bits);
  for (uint64_t i = 0; table->slot != NULL && i < 1ull << table->bits; i++)
    if (table->slot[i] != 0)
      slot_set(slot, bits, table->slot[i]);
  free(table->slot);
  table->slot = slot;
  table->bits = bits;
  return DS_OK;
}

ds_code ds_variants_table_reserve(variants_table *table, uint64_t sequences, uint64_t bytes,
                                  ds_error *err) {
  // Place 0 stands for a free slot.
  const uint64_t used = table->words_used == 0 ? 1 : table->words_used;
  const uint64_t needed = used + sequences * (HEAD_WORDS + 1) + bytes / 8 + VARIANTS_SHORT_WORDS;
  if (needed > 1u << VARIANTS_PLACE_BITS)
    return ds_fail(err, DS_LIMIT, "there are too many variants: choose cases, or a period");
  TRY(slots_grow(table, table->count + sequences, err));
  if (needed > table->words_capacity) {
    // Copied seldom; untouched memory costs nothing.
    const uint64_t capacity = needed * 4 > WORDS_MIN ? needed * 4 : WORDS_MIN;
    uint64_t *words = ds_large_alloc(capacity * sizeof *words);
    if (words == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for variants");
    if (table->words_used > 0)
      memcpy(words, table->words, table->words_used * sizeof *words);
    free(table->words);
    table->words = words;
    table->words_capacity = capacity;
  }
  table->words_used = used;
  return DS_OK;
}

static inline bool is_same(const variants_record *record, const variants_key *key) {
  if (record->size != key->size || record->group != key->group)
    return false;
  uint64_t differ = 0;
  if (key->size <= VARIANTS_SLACK) {
    for (uint32_t i = 0; i < VARIANTS_SHORT_WORDS; i++)
      differ |= (record->word[i] ^ variants_load(key->data + (size_t)i * 8)) &
                variants_mask(key->size, i);
    return differ == 0;
  }
  const uint32_t words = variants_words(key->size);
  for (uint32_t i = 0; i < words; i++)
    differ |= record->word[i] ^ variants_word(key, i);
  return differ == 0;
}

// The slot where the key stands or belongs.
static inline uint32_t slot_of(const variants_table *table, const variants_key *key) {
  const uint32_t mask = (uint32_t)((1ull << table->bits) - 1);
  uint32_t at = key->hash >> (32 - table->bits);
  for (;; at = (at + 1) & mask) {
    const uint64_t entry = table->slot[at];
    if (entry == 0)
      return at;
    if ((uint32_t)(entry >> 32) == key->hash &&
        is_same(variants_at(table, (uint32_t)entry), key))
      return at;
  }
}

uint32_t ds_variants_table_find(const variants_table *table, const variants_key *key) {
  return table->slot == NULL ? 0 : (uint32_t)table->slot[slot_of(table, key)];
}

uint32_t ds_variants_table_put(variants_table *table, const variants_key *key) {
  const uint32_t at = slot_of(table, key);
  if (table->slot[at] != 0)
    return (uint32_t)table->slot[at];
  const uint32_t words = variants_words(key->size);
  assert(table->words_used + HEAD_WORDS + words <= table->words_capacity);
  const uint32_t place = (uint32_t)table->words_used;
  variants_record *record = variants_at(table, place);
  *record = (variants_record){.number = table->count++, .size = key->size, .group = key->group,
                              .row = DS_NONE};
  for (uint32_t i = 0; i < words; i++)
    record->word[i] = variants_word(key, i);
  table->slot[at] = (uint64_t)key->hash << 32 | place;
  table->words_used += HEAD_WORDS + words;
  return place;
}
