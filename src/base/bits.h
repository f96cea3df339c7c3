// SPDX-License-Identifier: Apache-2.0
// Bits, 64 to a word, the first lowest: how loops that give a byte per element become bitmaps. The
// byte loops vectorise in plain C; the packing is a few multiplications. May use nothing but libc.
#ifndef DS_BASE_BITS_H
#define DS_BASE_BITS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Eight bytes that are 0 or 1 as eight bits, the first byte lowest.
static inline uint64_t ds_bits_pack8(const uint8_t *bytes) {
  uint64_t x = 0;
  memcpy(&x, bytes, sizeof x);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  x = __builtin_bswap64(x);
#endif
  return x * 0x0102040810204080u >> 56;
}

// 64 such bytes as a word.
static inline uint64_t ds_bits_pack64(const uint8_t bytes[64]) {
  uint64_t word = 0;
  for (uint32_t i = 0; i < 8; i++)
    word |= ds_bits_pack8(bytes + 8 * i) << (8 * i);
  return word;
}

// The n (1 to 64) bits from bit `at` on.
static inline uint64_t ds_bits_get(const uint64_t *bits, size_t at, uint32_t n) {
  const uint32_t shift = at % 64;
  uint64_t word = bits[at / 64] >> shift;
  if (shift + n > 64)
    word |= bits[at / 64 + 1] << (64 - shift);
  return n == 64 ? word : word & ((1ull << n) - 1);
}

// Moves `count` bits from bit `from` on to bit `to`, which does not stand behind it.
static inline void ds_bits_move_up(uint64_t *bits, size_t to, size_t from, size_t count) {
  while (count > 0) {
    const uint32_t shift = to % 64, room = 64 - shift;
    const uint32_t n = count < room ? (uint32_t)count : room;
    const uint64_t mask = (n == 64 ? ~0ull : (1ull << n) - 1) << shift;
    const uint64_t word = ds_bits_get(bits, from, n) << shift;
    bits[to / 64] = (bits[to / 64] & ~mask) | word;
    to += n;
    from += n;
    count -= n;
  }
}

// Makes bits [from, to) 0.
static inline void ds_bits_clear(uint64_t *bits, size_t from, size_t to) {
  for (; from < to && from % 64 != 0; from++)
    bits[from / 64] &= ~(1ull << from % 64);
  for (; from + 64 <= to; from += 64)
    bits[from / 64] = 0;
  for (; from < to; from++)
    bits[from / 64] &= ~(1ull << from % 64);
}

#endif
