// SPDX-License-Identifier: Apache-2.0
#include "store/codec.h"

#include <assert.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/limits.h"
#include "store/codec_stream.h"

#define RUN 256u
#define WORD_SLACK 8u
#define VECTOR_SLACK 16u

bool ds_stream_next(ds_reader *in, ds_stream *ret_stream) {
  const uint32_t codec = ds_read_u32(in);
  const uint32_t size = ds_read_u32(in);
  const uint8_t *data = ds_read_bytes(in, size);
  if (in->failed || codec < DS_CODEC_CONST || codec > DS_CODEC_FEW)
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
  const size_t head = ds_stream_begin(out, DS_CODEC_FOR);
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
  ds_stream_end(out, head);
}

void ds_encode_ints(const uint64_t *values, uint32_t count, ds_buf *out) {
  uint64_t low = count > 0 ? values[0] : 0, high = low;
  for (uint32_t i = 1; i < count; i++) {
    low = values[i] < low ? values[i] : low;
    high = values[i] > high ? values[i] : high;
  }
  if (low == high) {
    const size_t head = ds_stream_begin(out, DS_CODEC_CONST);
    ds_buf_u64(out, low);
    ds_stream_end(out, head);
  } else if (bits_of(high - low) > 60) {
    const size_t head = ds_stream_begin(out, DS_CODEC_RAW64);
    ds_buf_append(out, values, (size_t)count * 8);
    ds_stream_end(out, head);
  } else {
    encode_for(values, count, low, out);
  }
}

// Elements [first, first + count) of a run; a single load reaches all bits of up to 57.
static void decode_run(const uint8_t *data, uint32_t first, uint32_t count, uint32_t width,
                       uint64_t base, uint64_t *restrict out) {
  if (width > 57) {
    for (uint32_t i = 0; i < count; i++)
      out[i] = base + get_bits(data, (uint64_t)(first + i) * width, width);
    return;
  }
  const uint64_t mask = (1ULL << width) - 1;
  for (uint32_t i = 0, bit = first * width; i < count; i++, bit += width)
    out[i] = base + (load64(data + (bit >> 3)) >> (bit & 7) & mask);
}

// Whether a FOR stream is one of `count` elements.
static bool is_for(const ds_stream *stream, uint32_t count) {
  const uint32_t runs = runs_of(count);
  if (stream->size < 8u + runs + WORD_SLACK)
    return false;
  uint64_t total = 8u + runs + WORD_SLACK;
  for (uint32_t run = 0; run < runs; run++) {
    const uint32_t width = stream->data[8 + run];
    if (width > 64)
      return false;
    total += run_bytes(run_count(count, run), width);
  }
  return total == stream->size;
}

static void decode_for(const ds_stream *stream, uint32_t count, uint64_t *out) {
  const uint32_t runs = runs_of(count);
  const uint64_t base = load64(stream->data);
  const uint8_t *widths = stream->data + 8, *data = widths + runs;
  for (uint32_t run = 0; run < runs; run++) {
    const uint32_t n = run_count(count, run);
    decode_run(data, 0, n, widths[run], base, out);
    data += run_bytes(n, widths[run]);
    out += n;
  }
}

// See ds_decode_ints_of. A piece may lie in several runs, and a run hold several pieces.
static void decode_for_pieces(const ds_stream *stream, uint32_t count, const uint32_t *offset,
                              const uint32_t *pieces, uint32_t pieces_count, uint64_t *out) {
  const uint32_t runs = runs_of(count);
  const uint64_t base = load64(stream->data);
  const uint8_t *widths = stream->data + 8, *data = widths + runs;
  for (uint32_t run = 0, p = 0; run < runs; run++) {
    const uint32_t begin = run * RUN, end = begin + run_count(count, run);
    for (; p < pieces_count && offset[pieces[p]] < end; p++) {
      const uint32_t first = offset[pieces[p]] < begin ? begin : offset[pieces[p]];
      const uint32_t last = offset[pieces[p] + 1] < end ? offset[pieces[p] + 1] : end;
      decode_run(data, first - begin, last - first, widths[run], base, out + first);
      if (offset[pieces[p] + 1] > end)
        break;
    }
    data += run_bytes(end - begin, widths[run]);
  }
}

bool ds_decode_ints(const ds_stream *stream, uint32_t count, uint64_t *out) {
  if (stream->codec == DS_CODEC_FOR) {
    if (!is_for(stream, count))
      return false;
    decode_for(stream, count, out);
    return true;
  }
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

bool ds_decode_ints_of(const ds_stream *stream, uint32_t count, const uint32_t *offset,
                       const uint32_t *pieces, uint32_t pieces_count, uint64_t *out) {
  if (stream->codec == DS_CODEC_FOR) {
    if (!is_for(stream, count))
      return false;
    decode_for_pieces(stream, count, offset, pieces, pieces_count, out);
    return true;
  }
  const bool is_const = stream->codec == DS_CODEC_CONST && stream->size == 8;
  if (!is_const && (stream->codec != DS_CODEC_RAW64 || stream->size != (uint64_t)count * 8))
    return false;
  for (uint32_t p = 0; p < pieces_count; p++)
    for (uint32_t i = offset[pieces[p]]; i < offset[pieces[p] + 1]; i++)
      out[i] = load64(stream->data + (is_const ? 0 : (size_t)i * 8));
  return true;
}
