// SPDX-License-Identifier: Apache-2.0
// An exact set of sequences of codes: each gets a number in the order of arrival. A hash only says
// where to look; a sequence is known by its bytes. Private to question/. May use base/.
// Invariants: records stand in the order of their numbers; unused bytes of a record's last word
// are zero; a slot holds the hash beside the record's place, so that growing reads no record.
// Growing moves the records: who keeps one keeps its place.
#ifndef DS_QUESTION_VARIANTS_TABLE_H
#define DS_QUESTION_VARIANTS_TABLE_H

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"

// One sequence. Word i holds bytes 8 i .. 8 i + 7 of its codes.
typedef struct variants_record {
  uint64_t cases; // counted by who put it in
  uint32_t number;
  uint32_t size; // bytes
  uint32_t group;
  uint32_t row; // for who shows it; DS_NONE at first
  uint64_t word[];
} variants_record;

static_assert(sizeof(variants_record) == 24, "a record's head is three words");

// A place takes so many bits: the records of a table are at most 4 GiB.
enum { VARIANTS_PLACE_BITS = 29 };

// Keys and records may be read this far past their end. Up to this size a key is hashed and
// compared without a branch on its size, which nothing could predict.
enum { VARIANTS_SLACK = 32, VARIANTS_SHORT_WORDS = VARIANTS_SLACK / 8 };

// VARIANTS_SLACK bytes of ones, then as many of zeros.
extern const uint8_t ds_variants_masks[2 * VARIANTS_SLACK];

// A sequence to look up.
typedef struct variants_key {
  const uint8_t *data;
  uint32_t size; // bytes, > 0
  uint32_t group;
  uint32_t hash;
} variants_key;

// Fields are private but `count`; places count in words of 8 bytes.
typedef struct variants_table {
  uint64_t *slot; // hash << 32 | place; 0 = free
  uint32_t bits;  // there are 2^bits slots
  uint32_t count;
  uint64_t *words;
  uint64_t words_used;
  uint64_t words_capacity;
} variants_table;

// Gives the memory back; a zeroed table is empty.
void ds_variants_table_done(variants_table *table);

// Room for so many more sequences with so many bytes together. DS_LIMIT past 2^29 words,
// DS_MEMORY.
DS_CHECKED ds_code ds_variants_table_reserve(variants_table *table, uint64_t sequences,
                                             uint64_t bytes, ds_error *err);

// The place of a sequence, or 0; the same, added when new (room was reserved).
uint32_t ds_variants_table_find(const variants_table *table, const variants_key *key);
uint32_t ds_variants_table_put(variants_table *table, const variants_key *key);

// The record at a place.
static inline variants_record *variants_at(const variants_table *table, uint32_t place) {
  return (variants_record *)(table->words + place);
}

static inline uint32_t variants_words(uint32_t bytes) { return (bytes + 7) / 8; }

// The first record, and the one behind a record: as many as `count`.
static inline const variants_record *variants_first(const variants_table *table) {
  return table->words == NULL ? NULL : variants_at(table, 1);
}

static inline const variants_record *variants_next(const variants_record *record) {
  return (const variants_record *)(record->word + variants_words(record->size));
}

static inline uint64_t variants_fold(uint64_t a, uint64_t b) {
  const unsigned __int128 product = (unsigned __int128)a * b;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t variants_load(const uint8_t *at) {
  uint64_t word;
  memcpy(&word, at, sizeof word);
  return word;
}

// Which bits of word i belong to a key of at most VARIANTS_SLACK bytes.
static inline uint64_t variants_mask(uint32_t size, uint32_t i) {
  assert(size <= VARIANTS_SLACK);
  return variants_load(ds_variants_masks + VARIANTS_SLACK - size + (size_t)i * 8);
}

// Word i of a key, unused bits zero.
static inline uint64_t variants_word(const variants_key *key, uint32_t i) {
  const uint64_t word = variants_load(key->data + (size_t)i * 8);
  const uint32_t left = key->size - i * 8;
  return left >= 8 ? word : word & ((1ull << (left * 8)) - 1);
}

// The hash of a key's bytes and group: two words at a step, by multiplying and folding.
static inline uint32_t variants_hash(const variants_key *key) {
  const uint64_t odd = 0x9e3779b97f4a7c15ull, other = 0xe7037ed1a0b428dbull;
  uint64_t hash = odd ^ key->size ^ (uint64_t)key->group << 32;
  if (key->size <= VARIANTS_SLACK) {
    uint64_t word[VARIANTS_SHORT_WORDS];
    for (uint32_t i = 0; i < VARIANTS_SHORT_WORDS; i++)
      word[i] = variants_load(key->data + (size_t)i * 8) & variants_mask(key->size, i);
    hash = variants_fold(hash ^ variants_fold(word[0] ^ odd, word[1] ^ other) ^
                             variants_fold(word[2] ^ other, word[3] ^ odd), other);
  } else {
    const uint32_t words = variants_words(key->size);
    for (uint32_t i = 0; i < words; i++)
      hash = variants_fold(hash ^ variants_word(key, i), other) + odd;
  }
  return (uint32_t)(hash >> 32) ^ (uint32_t)hash;
}

// Brings the slot of a hash into the cache, or the record that its first slot names.
static inline void variants_prefetch_slot(const variants_table *table, uint32_t hash) {
  __builtin_prefetch(&table->slot[hash >> (32 - table->bits)]);
}

static inline void variants_prefetch_record(const variants_table *table, uint32_t hash) {
  __builtin_prefetch(table->words + (uint32_t)table->slot[hash >> (32 - table->bits)]);
}

#endif
