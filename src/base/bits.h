// SPDX-License-Identifier: Apache-2.0
// Bits, 64 to a word, the first lowest: how loops that give a byte per element become bitmaps. The
// byte loops vectorise in plain C; the packing is a few multiplications. May use nothing but libc.
#ifndef DS_BASE_BITS_H
#define DS_BASE_BITS_H

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

#endif
