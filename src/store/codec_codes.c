// SPDX-License-Identifier: Apache-2.0
// Codes: small integers that stand for texts of a part, most of them few and frequent.
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "store/codec.h"
#include "store/codec_stream.h"

// Values that take four bits in a FEW stream; the nibble of this number stands for all others.
#define FEW_VALUES 15u

static void encode_codes_wide(const uint32_t *values, uint32_t count, ds_buf *out) {
  // Rare (more than 65,535 values in one journey): widened in slices through a small window would
  // need a base per slice, so the whole array is widened at the end of the output instead.
  const size_t mark = out->size;
  uint8_t *wide = ds_buf_reserve(out, (size_t)count * 8);
  if (wide == NULL)
    return;
  ds_buf encoded;
  ds_buf_init(&encoded, out->size_max);
  for (uint32_t i = 0; i < count; i++) {
    const uint64_t value = values[i];
    memcpy(wide + (size_t)i * 8, &value, 8);
  }
  ds_encode_ints((const uint64_t *)(const void *)wide, count, &encoded);
  out->size = mark;
  ds_buf_fail_as(out, &encoded);
  ds_buf_append(out, encoded.data, encoded.size);
  ds_buf_done(&encoded);
}

static void encode_nibbles(const uint32_t *values, uint32_t count, const uint8_t *nibble,
                           ds_buf *out) {
  for (uint32_t i = 0; i < count; i += 2)
    ds_buf_u8(out, (uint8_t)(nibble[values[i]] |
                             (i + 1 < count ? nibble[values[i + 1]] << 4 : 0)));
}

// Most events are of few touchpoints: the most frequent values take four bits, the others twelve.
// The choice of values below 256 for FEW; returns how many elements are left for the rest.
static uint32_t few_choose(const uint32_t *values, uint32_t count, uint8_t value[FEW_VALUES],
                           uint8_t nibble[256]) {
  uint32_t times[256] = {0};
  for (uint32_t i = 0; i < count; i++)
    times[values[i]]++;
  memset(nibble, FEW_VALUES, 256);
  uint32_t rest = count;
  for (uint32_t v = 0; v < FEW_VALUES; v++) {
    uint32_t most = 0;
    for (uint32_t code = 1; code < 256; code++)
      most = times[code] > times[most] ? code : most;
    value[v] = (uint8_t)most;
    if (times[most] > 0)
      nibble[most] = (uint8_t)v;
    rest -= times[most];
    times[most] = 0;
  }
  return rest;
}

static void encode_bytes(const uint32_t *values, uint32_t count, ds_buf *out) {
  uint8_t value[FEW_VALUES], nibble[256];
  const uint32_t rest = few_choose(values, count, value, nibble);
  const bool few = FEW_VALUES + (count + 1) / 2 + rest < count;
  const size_t head = ds_stream_begin(out, few ? DS_CODEC_FEW : DS_CODEC_BYTE);
  if (few) {
    ds_buf_append(out, value, sizeof value);
    encode_nibbles(values, count, nibble, out);
  }
  for (uint32_t i = 0; i < count; i++)
    if (!few || nibble[values[i]] == FEW_VALUES)
      ds_buf_u8(out, (uint8_t)values[i]);
  ds_stream_end(out, head);
}

void ds_encode_codes(const uint32_t *values, uint32_t count, ds_buf *out) {
  static const uint8_t same[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  uint32_t high = 0, low = UINT32_MAX;
  for (uint32_t i = 0; i < count; i++) {
    high = values[i] > high ? values[i] : high;
    low = values[i] < low ? values[i] : low;
  }
  if (high > UINT16_MAX) {
    encode_codes_wide(values, count, out);
    return;
  }
  const bool constant = low >= high;
  if (!constant && high >= 16 && high < 256) {
    encode_bytes(values, count, out);
    return;
  }
  const size_t head = ds_stream_begin(out, constant    ? DS_CODEC_CONST
                                        : high < 16 ? DS_CODEC_NIBBLE
                                                    : DS_CODEC_WORD);
  if (constant)
    ds_buf_u64(out, high);
  else if (high < 16)
    encode_nibbles(values, count, same, out);
  else
    for (uint32_t i = 0; i < count; i++)
      ds_buf_u16(out, (uint16_t)values[i]);
  ds_stream_end(out, head);
}

// A FEW stream taken apart.
typedef struct few_stream {
  const uint8_t *value;
  const uint8_t *nibble;
  const uint8_t *rest;
  uint32_t rest_count;
} few_stream;

static bool few_open(const ds_stream *stream, uint32_t count, few_stream *ret) {
  const uint64_t head = FEW_VALUES + (count + 1ull) / 2;
  if (stream->codec != DS_CODEC_FEW || stream->size < head || stream->size - head > count)
    return false;
  *ret = (few_stream){stream->data, stream->data + FEW_VALUES, stream->data + head,
                      (uint32_t)(stream->size - head)};
  return true;
}

static bool decode_few(const few_stream *few, uint32_t count, uint32_t *out) {
  uint32_t used = 0;
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t code = (uint32_t)few->nibble[i / 2] >> (i % 2 * 4) & 15u;
    if (code == FEW_VALUES && used == few->rest_count)
      return false;
    out[i] = code == FEW_VALUES ? few->rest[used++] : few->value[code];
  }
  return used == few->rest_count;
}

// Codes of one value, or wider than 16 bits.
static bool decode_codes_wide(const ds_stream *stream, uint32_t count, ds_arena *arena,
                              uint32_t *out) {
  uint64_t one;
  if (stream->codec == DS_CODEC_CONST && ds_decode_ints(stream, 1, &one) && one <= UINT32_MAX) {
    for (uint32_t i = 0; i < count; i++)
      out[i] = (uint32_t)one;
    return true;
  }
  if (stream->codec != DS_CODEC_FOR && stream->codec != DS_CODEC_RAW64)
    return false;
  uint64_t *wide = ds_arena_array(arena, count, 8);
  bool good = wide != NULL && ds_decode_ints(stream, count, wide);
  for (uint32_t i = 0; good && i < count; i++) {
    good = wide[i] <= UINT32_MAX;
    out[i] = (uint32_t)wide[i];
  }
  return good;
}

bool ds_decode_codes(const ds_stream *stream, uint32_t count, ds_arena *arena, uint32_t *out) {
  const uint8_t *data = stream->data;
  few_stream few;
  switch (stream->codec) {
  case DS_CODEC_FEW:
    return few_open(stream, count, &few) && decode_few(&few, count, out);
  case DS_CODEC_NIBBLE:
    if (stream->size != (count + 1) / 2)
      return false;
    for (uint32_t i = 0; i < count; i++)
      out[i] = (uint32_t)data[i / 2] >> (i % 2 * 4) & 15u;
    return true;
  case DS_CODEC_BYTE:
    if (stream->size != count)
      return false;
    for (uint32_t i = 0; i < count; i++)
      out[i] = data[i];
    return true;
  case DS_CODEC_WORD:
    if (stream->size != (uint64_t)count * 2)
      return false;
    for (uint32_t i = 0; i < count; i++)
      out[i] = (uint32_t)data[2 * (size_t)i] | (uint32_t)data[2 * (size_t)i + 1] << 8;
    return true;
  default:
    return decode_codes_wide(stream, count, arena, out);
  }
}

// Nibbles through a map, element by element.
static uint32_t map_nibbles_each(const uint8_t *data, uint32_t first, uint32_t count,
                                 const uint16_t map[16], uint16_t *out) {
  uint32_t high = 0;
  for (uint32_t i = first; i < count; i++) {
    const uint32_t code = (uint32_t)data[i / 2] >> (i % 2 * 4) & 15u;
    high = code > high ? code : high;
    out[i] = map[code];
  }
  return high;
}

#if defined(__x86_64__)
#define VECTOR __attribute__((target("ssse3,popcnt")))

// The low and the high bytes of a map, for byte shuffles to look them up.
typedef struct nibble_map {
  __m128i low;
  __m128i high;
} nibble_map;

static VECTOR nibble_map nibble_map_of(const uint16_t map[16]) {
  uint8_t low[16], high[16];
  for (uint32_t i = 0; i < 16; i++) {
    low[i] = (uint8_t)map[i];
    high[i] = (uint8_t)(map[i] >> 8);
  }
  return (nibble_map){_mm_loadu_si128((const __m128i *)(const void *)low),
                      _mm_loadu_si128((const __m128i *)(const void *)high)};
}

// 32 elements: their codes, in order, as two vectors of bytes; and mapped.
static inline VECTOR void map_group(const uint8_t *data, const nibble_map *map, __m128i codes[2],
                                    uint16_t *out) {
  const __m128i nibble = _mm_set1_epi8(15);
  const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)data);
  const __m128i even = _mm_and_si128(bytes, nibble);
  const __m128i odd = _mm_and_si128(_mm_srli_epi16(bytes, 4), nibble);
  codes[0] = _mm_unpacklo_epi8(even, odd);
  codes[1] = _mm_unpackhi_epi8(even, odd);
  for (uint32_t h = 0; h < 2; h++) {
    const __m128i low = _mm_shuffle_epi8(map->low, codes[h]);
    const __m128i high = _mm_shuffle_epi8(map->high, codes[h]);
    __m128i *to = (__m128i *)(void *)(out + h * 16);
    _mm_storeu_si128(to, _mm_unpacklo_epi8(low, high));
    _mm_storeu_si128(to + 1, _mm_unpackhi_epi8(low, high));
  }
}

static VECTOR uint32_t map_nibbles_vector(const uint8_t *data, uint32_t count,
                                          const uint16_t map[16], uint16_t *out) {
  const nibble_map maps = nibble_map_of(map);
  __m128i most = _mm_setzero_si128();
  for (uint32_t i = 0; i < count; i += 32) {
    __m128i codes[2];
    map_group(data + i / 2, &maps, codes, out + i);
    most = _mm_max_epu8(most, _mm_max_epu8(codes[0], codes[1]));
  }
  uint8_t lane[16];
  _mm_storeu_si128((__m128i *)(void *)lane, most);
  uint32_t highest = 0;
  for (uint32_t i = 0; i < 16; i++)
    highest = lane[i] > highest ? lane[i] : highest;
  return highest;
}
#endif

static bool map_nibbles(const uint8_t *data, uint32_t count, const uint16_t *map,
                        uint32_t map_count, uint16_t *out) {
  uint16_t whole[16] = {0};
  memcpy(whole, map, (map_count < 16 ? map_count : 16) * sizeof *map);
  uint32_t highest = 0, done = 0;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("ssse3") && __builtin_cpu_supports("popcnt")) {
    done = count / 32 * 32;
    highest = map_nibbles_vector(data, done, whole, out);
  }
#endif
  const uint32_t rest = map_nibbles_each(data, done, count, whole, out);
  return count == 0 || (highest < map_count && rest < map_count);
}

// How a FEW stream is mapped: its own values by nibble, the rest by code.
typedef struct few_map {
  uint16_t value[16];
  uint16_t code[256];
} few_map;

// False when a value or the rest lies outside the map.
static bool few_map_make(const few_stream *few, const uint16_t *map, uint32_t map_count,
                         few_map *ret) {
  bool bad = false;
  for (uint32_t code = 0; code < 256; code++)
    ret->code[code] = code < map_count ? map[code] : 0;
  for (uint32_t v = 0; v < FEW_VALUES; v++) {
    bad |= few->value[v] >= map_count;
    ret->value[v] = ret->code[few->value[v]];
  }
  ret->value[FEW_VALUES] = 0;
  for (uint32_t r = 0; r < few->rest_count; r++)
    bad |= few->rest[r] >= map_count;
  return !bad;
}

// Elements [first, count) one by one; returns how much of the rest is used then, more than there
// is when it does not suffice.
static uint32_t map_few_each(const few_stream *few, uint32_t first, uint32_t count, uint32_t used,
                             const few_map *map, uint16_t *out) {
  for (uint32_t i = first; i < count && used <= few->rest_count; i++) {
    const uint32_t code = (uint32_t)few->nibble[i / 2] >> (i % 2 * 4) & 15u;
    if (code < FEW_VALUES)
      out[i] = map->value[code];
    else if (used++ < few->rest_count)
      out[i] = map->code[few->rest[used - 1]];
  }
  return used;
}

#if defined(__x86_64__)
// The first `count` elements, a multiple of 32 with at least one more behind them. Of the rest, the
// first four of a group need no branch: where there are fewer, they go to the element after the
// group, which is written over; and up to 36 bytes behind the rest are read, see CHUNK_SLACK.
static VECTOR uint32_t map_few_vector(const few_stream *few, uint32_t count, const few_map *map,
                                      uint16_t *out) {
  const nibble_map values = nibble_map_of(map->value);
  const __m128i escape = _mm_set1_epi8(FEW_VALUES);
  uint32_t used = 0;
  for (uint32_t i = 0; i < count && used <= few->rest_count; i += 32) {
    __m128i codes[2];
    map_group(few->nibble + i / 2, &values, codes, out + i);
    const uint32_t low = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(codes[0], escape));
    const uint32_t high = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(codes[1], escape));
    const uint64_t end = 1ull << 32, mask = low | (uint64_t)high << 16;
    const uint8_t *rest = few->rest + used;
    uint64_t left = mask | end;
    for (uint32_t k = 0; k < 4; k++) {
      out[i + (uint32_t)__builtin_ctzll(left)] = map->code[rest[k]];
      left = (left & (left - 1)) | end;
    }
    for (rest += 4; left != end; left &= left - 1)
      out[i + (uint32_t)__builtin_ctzll(left)] = map->code[*rest++];
    used += (uint32_t)__builtin_popcountll(mask);
  }
  return used;
}
#endif

static bool map_few(const few_stream *few, uint32_t count, const uint16_t *map,
                    uint32_t map_count, uint16_t *out) {
  few_map maps;
  if (!few_map_make(few, map, map_count, &maps))
    return false;
  uint32_t used = 0, done = 0;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("ssse3") && __builtin_cpu_supports("popcnt")) {
    done = count == 0 ? 0 : (count - 1) / 32 * 32;
    used = map_few_vector(few, done, &maps, out);
  }
#endif
  return map_few_each(few, done, count, used, &maps, out) == few->rest_count;
}

bool ds_decode_mapped(const ds_stream *stream, uint32_t count, const uint16_t *map,
                      uint32_t map_count, uint16_t *out) {
  if (stream->codec == DS_CODEC_NIBBLE)
    return stream->size == (count + 1) / 2 &&
           map_nibbles(stream->data, count, map, map_count, out);
  few_stream few;
  if (few_open(stream, count, &few))
    return map_few(&few, count, map, map_count, out);
  if (stream->codec == DS_CODEC_BYTE && stream->size == count) {
    uint16_t whole[256];
    for (uint32_t code = 0; code < 256; code++)
      whole[code] = code < map_count ? map[code] : UINT16_MAX;
    bool bad = false;
    for (uint32_t i = 0; i < count; i++) {
      out[i] = whole[stream->data[i]];
      bad |= out[i] == UINT16_MAX;
    }
    return !bad;
  }
  if (stream->codec == DS_CODEC_CONST && stream->size == 8) {
    uint64_t code;
    memcpy(&code, stream->data, 8);
    for (uint32_t i = 0; i < count; i++)
      out[i] = code < map_count ? map[code] : 0;
    return code < map_count;
  }
  if (stream->codec != DS_CODEC_WORD || stream->size != (uint64_t)count * 2)
    return false;
  for (uint32_t i = 0; i < count; i++) {
    uint16_t code;
    memcpy(&code, stream->data + 2 * (size_t)i, 2);
    if (code >= map_count)
      return false;
    out[i] = map[code];
  }
  return true;
}
