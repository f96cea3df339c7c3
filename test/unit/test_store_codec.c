// SPDX-License-Identifier: Apache-2.0
// Codes come back as they were, by either decoder, whatever their number and skew; streams that
// are cut, or hold codes outside the map, are refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "store/codec.h"

enum { COUNT_MAX = 3000, MAP = 70000 };

static uint64_t next_random(uint64_t *state) {
  *state += 0x9e3779b97f4a7c15u;
  uint64_t z = *state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// Elements whose codes spread over `distinct` values, `rare` of a thousand outside the first 12.
static void fill(uint32_t *values, uint32_t count, uint32_t distinct, uint32_t rare,
                 uint64_t *seed) {
  for (uint32_t i = 0; i < count; i++) {
    const uint64_t r = next_random(seed);
    const uint32_t among = r % 1000 < rare || distinct < 12 ? distinct : 12;
    values[i] = (uint32_t)((r >> 20) % among * 7 % distinct);
  }
}

static ds_codec_id round_trip(const uint32_t *values, uint32_t count, uint32_t distinct) {
  static uint32_t decoded[COUNT_MAX];
  // Vectors load past the end of a stream, as they may in a part.
  static uint16_t map[MAP], mapped[COUNT_MAX];
  for (uint32_t code = 0; code < MAP; code++)
    map[code] = (uint16_t)(code * 3 + 1);
  ds_buf out;
  ds_buf_init(&out, 1 << 20);
  ds_encode_codes(values, count, &out);
  const size_t size = out.size;
  uint8_t slack[64] = {0};
  ds_buf_append(&out, slack, sizeof slack);
  assert_false(out.failed);
  ds_reader in = ds_reader_of(out.data, size);
  ds_stream stream;
  assert_true(ds_stream_next(&in, &stream) && in.at == in.end);
  ds_arena arena;
  ds_arena_init(&arena, 1 << 20);
  assert_true(ds_decode_codes(&stream, count, &arena, decoded));
  assert_memory_equal(decoded, values, count * sizeof *values);
  assert_true(ds_decode_mapped(&stream, count, map, distinct, mapped));
  uint32_t high = 0;
  for (uint32_t i = 0; i < count; i++) {
    assert_int_equal(mapped[i], map[values[i]]);
    high = values[i] > high ? values[i] : high;
  }
  // A map that ends before the highest code, and streams that are a byte short or long.
  assert_false(ds_decode_mapped(&stream, count, map, high, mapped));
  for (int32_t by = -1; by <= 1; by += 2) {
    ds_stream wrong = stream;
    wrong.size = (uint32_t)((int32_t)stream.size + by);
    assert_false(ds_decode_codes(&wrong, count, &arena, decoded));
    assert_false(ds_decode_mapped(&wrong, count, map, distinct, mapped));
  }
  ds_arena_done(&arena);
  ds_buf_done(&out);
  return stream.codec;
}

static void test_codes(void **context) {
  (void)context;
  static uint32_t values[COUNT_MAX];
  uint64_t seed = 3;
  uint32_t seen[DS_CODEC_FEW + 1] = {0};
  static const uint32_t distinct[] = {1, 2, 15, 16, 17, 31, 100, 256, 257, 60000};
  static const uint32_t rare[] = {0, 20, 500, 1000};
  for (uint32_t round = 0; round < 2000; round++) {
    const uint32_t count = 1 + (uint32_t)(next_random(&seed) % (round % 2 == 0 ? 70 : COUNT_MAX));
    const uint32_t d = distinct[next_random(&seed) % 10];
    fill(values, count, d, rare[round % 4], &seed);
    seen[round_trip(values, count, d)]++;
  }
  static const ds_codec_id kinds[] = {DS_CODEC_CONST, DS_CODEC_NIBBLE, DS_CODEC_FEW,
                                      DS_CODEC_BYTE, DS_CODEC_WORD};
  for (uint32_t k = 0; k < 5; k++)
    assert_true(seen[kinds[k]] > 20);
}

// Single pieces of integers come out as in the whole, and nothing else is written.
static void pieces_round_trip(const uint64_t *values, uint32_t count, uint64_t *seed) {
  static uint64_t decoded[COUNT_MAX];
  static uint32_t offset[COUNT_MAX + 1], pieces[COUNT_MAX];
  ds_buf out;
  ds_buf_init(&out, 1 << 20);
  ds_encode_ints(values, count, &out);
  ds_reader in = ds_reader_of(out.data, out.size);
  ds_stream stream;
  assert_true(ds_stream_next(&in, &stream));
  uint32_t all = 0, used = 0;
  for (uint32_t at = 0; at < count; all++) {
    offset[all] = at;
    at += 1 + (uint32_t)(next_random(seed) % (next_random(seed) % 8 == 0 ? 700 : 20));
    offset[all + 1] = at < count ? at : count;
    if (next_random(seed) % 3 == 0)
      pieces[used++] = all;
  }
  memset(decoded, 0x5a, sizeof decoded);
  assert_true(ds_decode_ints_of(&stream, count, offset, pieces, used, decoded));
  for (uint32_t piece = 0, p = 0; piece < all; piece++) {
    const bool wanted = p < used && pieces[p] == piece;
    for (uint32_t i = offset[piece]; i < offset[piece + 1]; i++)
      assert_true(decoded[i] == (wanted ? values[i] : 0x5a5a5a5a5a5a5a5au));
    p += wanted;
  }
  stream.size--;
  assert_false(ds_decode_ints_of(&stream, count, offset, pieces, used, decoded));
  ds_buf_done(&out);
}

static void test_pieces(void **context) {
  (void)context;
  static uint64_t values[COUNT_MAX];
  uint64_t seed = 5;
  for (uint32_t round = 0; round < 300; round++) {
    const uint32_t count = 1 + (uint32_t)(next_random(&seed) % COUNT_MAX);
    const uint32_t bits = (uint32_t)(next_random(&seed) % 65); // 0: all the same
    for (uint32_t i = 0; i < count; i++)
      values[i] = bits == 0 ? 77 : next_random(&seed) >> (64 - bits);
    pieces_round_trip(values, count, &seed);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_codes), cmocka_unit_test(test_pieces)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
