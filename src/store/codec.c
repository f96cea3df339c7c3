// SPDX-License-Identifier: Apache-2.0
#include "store/codec.h"

#include <assert.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/limits.h"

#define RUN 256u
#define WORD_SLACK 8u
#define VECTOR_SLACK 16u

// Reserves a stream's head and returns where it stands; stream_end fills in the size.
static size_t stream_begin(ds_buf *out, ds_codec_id codec) {
  const size_t at = out->size;
  ds_buf_u32(out, (uint32_t)codec);
  ds_buf_u32(out, 0);
  return at;
}

static void stream_end(ds_buf *out, size_t at) {
  if (out->failed)
    return;
  const uint32_t size = (uint32_t)(out->size - at - 8);
  memcpy(out->data + at + 4, &size, 4);
}

bool ds_stream_next(ds_reader *in, ds_stream *ret_stream) {
  const uint32_t codec = ds_read_u32(in);
  const uint32_t size = ds_read_u32(in);
  const uint8_t *data = ds_read_bytes(in, size);
  if (in->failed || codec < DS_CODEC_CONST || codec > DS_CODEC_DICT)
    return false;
  *ret_stream = (ds_stream){(ds_codec_id)codec, data, size};
  return true;
}

// How many bits `value` needs.
static uint32_t bits_of(uint64_t value) {
  return value == 0 ? 0 : 64u - (uint32_t)__builtin_clzll(value);
}

static uint64_t load64(const uint8_t *at) {
  uint64_t value;
  memcpy(&value, at, 8);
  return value;
}

// ORs `value` of `width` bits at bit `position` of zeroed memory with slack behind it.
static void put_bits(uint8_t *data, uint64_t position, uint32_t width, uint64_t value) {
  const uint32_t shift = (uint32_t)(position & 7);
  uint8_t *at = data + (position >> 3);
  const uint64_t low = load64(at) | value << shift;
  memcpy(at, &low, 8);
  if (shift + width > 64)
    at[8] = (uint8_t)(at[8] | value >> (64 - shift));
}

static uint64_t get_bits(const uint8_t *data, uint64_t position, uint32_t width) {
  const uint32_t shift = (uint32_t)(position & 7);
  const uint8_t *at = data + (position >> 3);
  uint64_t value = load64(at) >> shift;
  if (shift + width > 64)
    value |= (uint64_t)at[8] << (64 - shift);
  return width == 64 ? value : value & ((1ULL << width) - 1);
}

static uint32_t run_count(uint32_t count, uint32_t run) {
  const uint32_t left = count - run * RUN;
  return left < RUN ? left : RUN;
}

static uint32_t runs_of(uint32_t count) { return (count + RUN - 1) / RUN; }

// Packed bytes of a run.
static uint64_t run_bytes(uint32_t count, uint32_t width) {
  return ((uint64_t)count * width + 7) / 8;
}

static uint32_t run_width(const uint64_t *values, uint32_t count, uint64_t base) {
  uint64_t all = 0;
  for (uint32_t i = 0; i < count; i++)
    all |= values[i] - base;
  return bits_of(all);
}

static void encode_for(const uint64_t *values, uint32_t count, uint64_t base, ds_buf *out) {
  const size_t head = stream_begin(out, DS_CODEC_FOR);
  ds_buf_u64(out, base);
  uint64_t total = 0;
  for (uint32_t run = 0; run < runs_of(count); run++) {
    const uint32_t n = run_count(count, run);
    const uint32_t width = run_width(values + (size_t)run * RUN, n, base);
    ds_buf_u8(out, (uint8_t)width);
    total += run_bytes(n, width);
  }
  const size_t widths = out->size - runs_of(count);
  uint8_t *data = ds_buf_reserve(out, total + WORD_SLACK);
  if (data == NULL)
    return;
  memset(data, 0, total + WORD_SLACK);
  for (uint32_t run = 0; run < runs_of(count); run++) {
    const uint32_t n = run_count(count, run);
    const uint32_t width = out->data[widths + run];
    for (uint32_t i = 0; i < n && width > 0; i++)
      put_bits(data, (uint64_t)i * width, width, values[(size_t)run * RUN + i] - base);
    data += run_bytes(n, width);
  }
  out->size += total + WORD_SLACK;
  stream_end(out, head);
}

void ds_encode_ints(const uint64_t *values, uint32_t count, ds_buf *out) {
  uint64_t low = count > 0 ? values[0] : 0, high = low;
  for (uint32_t i = 1; i < count; i++) {
    low = values[i] < low ? values[i] : low;
    high = values[i] > high ? values[i] : high;
  }
  if (low == high) {
    const size_t head = stream_begin(out, DS_CODEC_CONST);
    ds_buf_u64(out, low);
    stream_end(out, head);
  } else if (bits_of(high - low) > 60) {
    const size_t head = stream_begin(out, DS_CODEC_RAW64);
    ds_buf_append(out, values, (size_t)count * 8);
    stream_end(out, head);
  } else {
    encode_for(values, count, low, out);
  }
}

// One run; a single load reaches all bits of up to 57.
static void decode_run(const uint8_t *data, uint32_t count, uint32_t width, uint64_t base,
                       uint64_t *restrict out) {
  if (width > 57) {
    for (uint32_t i = 0; i < count; i++)
      out[i] = base + get_bits(data, (uint64_t)i * width, width);
    return;
  }
  const uint64_t mask = (1ULL << width) - 1;
  for (uint32_t i = 0, bit = 0; i < count; i++, bit += width)
    out[i] = base + (load64(data + (bit >> 3)) >> (bit & 7) & mask);
}

static bool decode_for(const ds_stream *stream, uint32_t count, uint64_t *out) {
  const uint32_t runs = runs_of(count);
  if (stream->size < 8u + runs + WORD_SLACK)
    return false;
  const uint64_t base = load64(stream->data);
  const uint8_t *widths = stream->data + 8;
  uint64_t total = 8u + runs + WORD_SLACK;
  for (uint32_t run = 0; run < runs; run++) {
    if (widths[run] > 64)
      return false;
    total += run_bytes(run_count(count, run), widths[run]);
  }
  if (total != stream->size)
    return false;
  const uint8_t *data = widths + runs;
  for (uint32_t run = 0; run < runs; run++) {
    const uint32_t n = run_count(count, run);
    const uint32_t width = widths[run];
    decode_run(data, n, width, base, out);
    data += run_bytes(n, width);
    out += n;
  }
  return true;
}

bool ds_decode_ints(const ds_stream *stream, uint32_t count, uint64_t *out) {
  if (stream->codec == DS_CODEC_FOR)
    return decode_for(stream, count, out);
  if (stream->codec == DS_CODEC_CONST && stream->size == 8) {
    const uint64_t value = load64(stream->data);
    for (uint32_t i = 0; i < count; i++)
      out[i] = value;
    return true;
  }
  if (stream->codec != DS_CODEC_RAW64 || stream->size != (uint64_t)count * 8)
    return false;
  if (count > 0)
    memcpy(out, stream->data, (size_t)count * 8);
  return true;
}

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
  out->failed = out->failed || encoded.failed;
  ds_buf_append(out, encoded.data, encoded.size);
  ds_buf_done(&encoded);
}

void ds_encode_codes(const uint32_t *values, uint32_t count, ds_buf *out) {
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
  const ds_codec_id codec = constant    ? DS_CODEC_CONST
                            : high < 16 ? DS_CODEC_NIBBLE
                            : high < 256 ? DS_CODEC_BYTE
                                         : DS_CODEC_WORD;
  const size_t head = stream_begin(out, codec);
  if (constant)
    ds_buf_u64(out, high);
  else if (codec == DS_CODEC_NIBBLE)
    for (uint32_t i = 0; i < count; i += 2)
      ds_buf_u8(out, (uint8_t)(values[i] | (i + 1 < count ? values[i + 1] << 4 : 0)));
  else if (codec == DS_CODEC_BYTE)
    for (uint32_t i = 0; i < count; i++)
      ds_buf_u8(out, (uint8_t)values[i]);
  else
    for (uint32_t i = 0; i < count; i++)
      ds_buf_u16(out, (uint16_t)values[i]);
  stream_end(out, head);
}

// Codes of one value, or wider than 16 bits.
static bool decode_codes_wide(const ds_stream *stream, uint32_t count, uint32_t *out) {
  uint64_t one;
  if (stream->codec == DS_CODEC_CONST && ds_decode_ints(stream, 1, &one) && one <= UINT32_MAX) {
    for (uint32_t i = 0; i < count; i++)
      out[i] = (uint32_t)one;
    return true;
  }
  if (stream->codec != DS_CODEC_FOR && stream->codec != DS_CODEC_RAW64)
    return false;
  ds_arena arena;
  ds_arena_init(&arena, (size_t)count * 8 + 4096);
  uint64_t *wide = ds_arena_array(&arena, count, 8);
  bool good = wide != NULL && ds_decode_ints(stream, count, wide);
  for (uint32_t i = 0; good && i < count; i++) {
    good = wide[i] <= UINT32_MAX;
    out[i] = (uint32_t)wide[i];
  }
  ds_arena_done(&arena);
  return good;
}

bool ds_decode_codes(const ds_stream *stream, uint32_t count, uint32_t *out) {
  const uint8_t *data = stream->data;
  switch (stream->codec) {
  case DS_CODEC_NIBBLE:
    if (stream->size != (count + 1) / 2)
      return false;
    for (uint32_t i = 0; i < count; i++)
      out[i] = (data[i / 2] >> (i % 2 * 4)) & 15u;
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
    return decode_codes_wide(stream, count, out);
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
// 32 elements a step: two byte shuffles look up the low and the high bytes of the map.
__attribute__((target("ssse3"))) static uint32_t
map_nibbles_vector(const uint8_t *data, uint32_t count, const uint16_t map[16], uint16_t *out) {
  uint8_t low_bytes[16], high_bytes[16], codes[16];
  for (uint32_t i = 0; i < 16; i++) {
    low_bytes[i] = (uint8_t)map[i];
    high_bytes[i] = (uint8_t)(map[i] >> 8);
  }
  const __m128i low_map = _mm_loadu_si128((const __m128i *)(const void *)low_bytes);
  const __m128i high_map = _mm_loadu_si128((const __m128i *)(const void *)high_bytes);
  const __m128i nibble = _mm_set1_epi8(15);
  __m128i most = _mm_setzero_si128();
  for (uint32_t i = 0; i < count; i += 32) {
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(data + i / 2));
    const __m128i even = _mm_and_si128(bytes, nibble);
    const __m128i odd = _mm_and_si128(_mm_srli_epi16(bytes, 4), nibble);
    const __m128i half[2] = {_mm_unpacklo_epi8(even, odd), _mm_unpackhi_epi8(even, odd)};
    for (uint32_t h = 0; h < 2; h++) {
      const __m128i low = _mm_shuffle_epi8(low_map, half[h]);
      const __m128i high = _mm_shuffle_epi8(high_map, half[h]);
      __m128i *to = (__m128i *)(void *)(out + i + h * 16);
      most = _mm_max_epu8(most, half[h]);
      _mm_storeu_si128(to, _mm_unpacklo_epi8(low, high));
      _mm_storeu_si128(to + 1, _mm_unpackhi_epi8(low, high));
    }
  }
  _mm_storeu_si128((__m128i *)(void *)codes, most);
  uint32_t highest = 0;
  for (uint32_t i = 0; i < 16; i++)
    highest = codes[i] > highest ? codes[i] : highest;
  return highest;
}
#endif

static bool map_nibbles(const uint8_t *data, uint32_t count, const uint16_t *map,
                        uint32_t map_count, uint16_t *out) {
  uint16_t whole[16] = {0};
  memcpy(whole, map, (map_count < 16 ? map_count : 16) * sizeof *map);
  uint32_t highest = 0, done = 0;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("ssse3")) {
    done = count / 32 * 32;
    highest = map_nibbles_vector(data, done, whole, out);
  }
#endif
  const uint32_t rest = map_nibbles_each(data, done, count, whole, out);
  return count == 0 || (highest < map_count && rest < map_count);
}

bool ds_decode_mapped(const ds_stream *stream, uint32_t count, const uint16_t *map,
                      uint32_t map_count, uint16_t *out) {
  if (stream->codec == DS_CODEC_NIBBLE)
    return stream->size == (count + 1) / 2 &&
           map_nibbles(stream->data, count, map, map_count, out);
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
    const uint64_t code = load64(stream->data);
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
