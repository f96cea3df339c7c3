// SPDX-License-Identifier: Apache-2.0
#include "base/classes.h"

#include <stdbool.h>

#include "base/bits.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

// Words from `first` on: code by code, then eight bytes at once.
static void bits_each(const uint8_t *restrict class_of, const uint16_t *restrict codes,
                      uint32_t first, uint32_t count, uint64_t *const *to, uint32_t bits) {
  for (; first < count; first += 64) {
    const uint32_t some = count - first < 64 ? count - first : 64;
    uint64_t eight[8] = {0};
    uint8_t *bytes = (uint8_t *)eight;
    for (uint32_t i = 0; i < some; i++)
      bytes[i] = class_of[codes[first + i]];
    for (uint32_t b = 0; b < bits; b++) {
      uint64_t word = 0;
      for (uint32_t e = 0; e < 8; e++) {
        const uint64_t one = eight[e] >> b & 0x0101010101010101u;
        word |= ds_bits_pack8((const uint8_t *)&one) << (8 * e);
      }
      to[b][first / 64] = word;
    }
  }
}

#if defined(__x86_64__)
#define WIDE __attribute__((target("avx2")))

// The classes in tables of sixteen, each in both halves of a vector, for byte shuffles to look them
// up; more codes than that are looked up one by one.
enum { TABLE = 16, TABLES_MAX = 8 };
typedef struct class_tables {
  __m256i table[TABLES_MAX];
  uint32_t count;
} class_tables;

static WIDE void tables_make(const uint8_t *class_of, uint32_t classes, class_tables *ret) {
  ret->count = (classes + TABLE - 1) / TABLE;
  for (uint32_t t = 0; t < ret->count; t++) {
    uint8_t some[TABLE] = {0};
    const uint32_t left = classes - t * TABLE;
    memcpy(some, class_of + t * TABLE, left < TABLE ? left : TABLE);
    ret->table[t] =
        _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)some));
  }
}

// The classes of 32 codes. A shuffle gives 0 where the place's high bit is set: so it is for codes
// of other tables, once they are moved that those of this one end below it.
static inline WIDE __m256i classes_of(const class_tables *tables, const uint16_t *codes) {
  const __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)codes);
  const __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(codes + 16));
  const __m256i code = _mm256_permute4x64_epi64(_mm256_packus_epi16(low, high), 0xd8);
  __m256i found = _mm256_setzero_si256();
  for (uint32_t t = 0; t < tables->count; t++) {
    const __m256i place = _mm256_sub_epi8(code, _mm256_set1_epi8((char)(t * TABLE)));
    const __m256i below = _mm256_adds_epu8(place, _mm256_set1_epi8(0x80 - TABLE));
    found = _mm256_or_si256(found, _mm256_shuffle_epi8(tables->table[t], below));
  }
  return found;
}

static inline WIDE __m256i classes_each(const uint8_t *class_of, const uint16_t *codes) {
  uint8_t bytes[32];
  for (uint32_t i = 0; i < 32; i++)
    bytes[i] = class_of[codes[i]];
  return _mm256_loadu_si256((const __m256i *)(const void *)bytes);
}

// Whole words; returns how many codes that is.
static WIDE uint32_t bits_wide(const uint8_t *class_of, uint32_t classes, const uint16_t *codes,
                               uint32_t count, uint64_t *const *to, uint32_t bits) {
  const bool shuffled = classes <= TABLE * TABLES_MAX;
  class_tables tables = {.count = 0};
  uint32_t first = 0;
  if (shuffled)
    tables_make(class_of, classes, &tables);
  for (; first + 64 <= count; first += 64) {
    const uint16_t *at = codes + first;
    __m256i low = shuffled ? classes_of(&tables, at) : classes_each(class_of, at);
    __m256i high = shuffled ? classes_of(&tables, at + 32) : classes_each(class_of, at + 32);
    // The class at hand stands in the highest bit of each byte.
    low = _mm256_slli_epi16(low, (int)(8 - bits));
    high = _mm256_slli_epi16(high, (int)(8 - bits));
    for (uint32_t b = bits; b-- > 0;) {
      to[b][first / 64] = (uint32_t)_mm256_movemask_epi8(low) |
                          (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
      low = _mm256_add_epi8(low, low);
      high = _mm256_add_epi8(high, high);
    }
  }
  return first;
}
#endif

void ds_class_bits(const uint8_t *class_of, uint32_t classes, const uint16_t *codes,
                   uint32_t count, uint64_t *const *to, uint32_t bits) {
  uint32_t done = 0;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2"))
    done = bits_wide(class_of, classes, codes, count, to, bits);
#endif
  bits_each(class_of, codes, done, count, to, bits);
}
