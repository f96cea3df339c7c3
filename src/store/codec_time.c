// SPDX-License-Identifier: Apache-2.0
// The codecs of the time columns, which every question reads: stream-vbyte second gaps with skip
// entries, and 10-bit milliseconds in lanes that a compiler vectorises.
#include <assert.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/limits.h"
#include "store/codec.h"

#define RUN 256u
#define SLACK 16u
#define RUN_WORDS 160u
#define RUN_DATA_MAX (RUN * 4u)

static_assert(RUN == DS_SKIP_EVENTS, "one skip entry per run");

void ds_varbyte_tables_init(ds_varbyte_tables *tables) {
  for (uint32_t control = 0; control < 256; control++) {
    uint8_t at = 0;
    for (uint32_t value = 0; value < 4; value++) {
      const uint32_t length = (control >> (2 * value) & 3u) + 1;
      for (uint32_t byte = 0; byte < 4; byte++)
        tables->shuffle[control][4 * value + byte] = byte < length ? at++ : 0x80;
    }
    tables->length[control] = at;
  }
}

static uint32_t runs_of(uint32_t count) { return (count + RUN - 1) / RUN; }

static uint32_t bytes_of(uint32_t value) {
  return value < 1u << 8 ? 1 : value < 1u << 16 ? 2 : value < 1u << 24 ? 3 : 4;
}

static void put_stream_head(ds_buf *out, ds_codec_id codec, size_t size) {
  ds_buf_u32(out, (uint32_t)codec);
  ds_buf_u32(out, (uint32_t)size);
}

void ds_encode_gaps(const uint32_t *values, uint32_t count, ds_buf *out) {
  size_t data_size = 0;
  for (uint32_t i = 0; i < count; i++)
    data_size += bytes_of(values[i]);
  const size_t skips = (size_t)runs_of(count) * 4, controls = (count + 3) / 4;
  const size_t size = skips + controls + data_size + SLACK;
  put_stream_head(out, DS_CODEC_VARBYTE, size);
  uint8_t *skip = ds_buf_reserve(out, size);
  if (skip == NULL)
    return;
  memset(skip, 0, size);
  uint8_t *control = skip + skips;
  uint8_t *data = control + controls;
  uint32_t at = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (i % RUN == 0)
      memcpy(skip + (size_t)(i / RUN) * 4, &at, 4);
    const uint32_t length = bytes_of(values[i]);
    control[i / 4] = (uint8_t)(control[i / 4] | (length - 1) << (2 * (i % 4)));
    memcpy(data + at, &values[i], length);
    at += length;
  }
  assert(at == data_size);
  out->size += size;
}

// One run element by element, never past `end`.
static bool decode_run_careful(const uint8_t *control, const uint8_t *data, const uint8_t *end,
                               uint32_t count, uint32_t *out) {
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t length = (control[i / 4] >> (2 * (i % 4)) & 3u) + 1;
    if ((size_t)(end - data) < length)
      return false;
    uint32_t value = 0;
    memcpy(&value, data, length);
    out[i] = value;
    data += length;
  }
  return true;
}

#if defined(__x86_64__)
// Four elements a step; the caller has made sure that a full run and its slack can be loaded.
__attribute__((target("ssse3"))) static void
decode_run_vector(const uint8_t *control, const uint8_t *data, uint32_t count,
                  const ds_varbyte_tables *tables, uint32_t *out) {
  for (uint32_t i = 0; i < count; i += 4) {
    const uint8_t key = control[i / 4];
    const __m128i mask = _mm_loadu_si128((const __m128i *)(const void *)tables->shuffle[key]);
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)data);
    _mm_storeu_si128((__m128i *)(void *)(out + i), _mm_shuffle_epi8(bytes, mask));
    data += tables->length[key];
  }
}
#endif

static bool have_vector(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("ssse3");
#else
  return false;
#endif
}

bool ds_decode_gaps(const ds_stream *stream, uint32_t total, uint32_t first, uint32_t count,
                    const ds_varbyte_tables *tables, uint32_t *out) {
  assert(first % RUN == 0 && first + count <= total);
  const size_t skips = (size_t)runs_of(total) * 4, controls = (total + 3) / 4;
  if (stream->codec != DS_CODEC_VARBYTE || stream->size < skips + controls + SLACK)
    return false;
  const uint8_t *control = stream->data + skips;
  const uint8_t *data = control + controls;
  const uint8_t *end = stream->data + stream->size - SLACK;
  const bool vector = have_vector();
  for (uint32_t done = 0; done < count; done += RUN) {
    const uint32_t at = first + done, n = count - done < RUN ? count - done : RUN;
    uint32_t skip;
    memcpy(&skip, stream->data + (size_t)(at / RUN) * 4, 4);
    if (skip > (size_t)(end - data))
      return false;
    const uint8_t *from = data + skip;
#if defined(__x86_64__)
    if (vector && n == RUN && (size_t)(end - from) >= RUN_DATA_MAX) {
      decode_run_vector(control + at / 4, from, n, tables, out + done);
      continue;
    }
#endif
    if (!decode_run_careful(control + at / 4, from, end, n, out + done))
      return false;
  }
  (void)vector;
  return true;
}

void ds_encode_millis(const uint16_t *values, uint32_t count, ds_buf *out) {
  const size_t size = (size_t)runs_of(count) * RUN_WORDS * 2;
  put_stream_head(out, DS_CODEC_PACK10, size);
  uint8_t *data = ds_buf_reserve(out, size);
  if (data == NULL)
    return;
  memset(data, 0, size);
  for (uint32_t i = 0; i < count; i++) {
    assert(values[i] < 1000);
    const uint32_t row = i % RUN / 16, lane = i % 16, bit = row * 10;
    uint8_t *run = data + (size_t)(i / RUN) * RUN_WORDS * 2;
    uint8_t *at = run + (size_t)(bit / 16 * 16 + lane) * 2;
    uint16_t word;
    memcpy(&word, at, 2);
    word = (uint16_t)(word | (uint32_t)values[i] << (bit % 16));
    memcpy(at, &word, 2);
    if (bit % 16 > 6) {
      memcpy(&word, at + 32, 2);
      word = (uint16_t)(word | (uint32_t)values[i] >> (16 - bit % 16));
      memcpy(at + 32, &word, 2);
    }
  }
  out->size += size;
}

// Shifts are the same in all 16 lanes of a row, so the inner loop is one vector operation.
static void decode_run_millis(const uint8_t *bytes, uint16_t *restrict out) {
  uint16_t words[RUN_WORDS + 16];
  memcpy(words, bytes, RUN_WORDS * 2);
  memset(words + RUN_WORDS, 0, 32);
  for (uint32_t row = 0; row < 16; row++) {
    const uint32_t word = row * 10 / 16 * 16, shift = row * 10 % 16;
    const uint16_t *low = words + word, *high = words + word + 16;
    for (uint32_t lane = 0; lane < 16; lane++)
      out[row * 16 + lane] =
          (uint16_t)(((uint32_t)low[lane] >> shift | (uint32_t)high[lane] << (16 - shift)) & 1023u);
  }
}

bool ds_decode_millis(const ds_stream *stream, uint32_t total, uint32_t first, uint32_t count,
                      uint16_t *out) {
  assert(first % RUN == 0 && first + count <= total);
  if (stream->codec != DS_CODEC_PACK10 ||
      stream->size != (uint64_t)runs_of(total) * RUN_WORDS * 2)
    return false;
  for (uint32_t done = 0; done < count; done += RUN) {
    const uint8_t *run = stream->data + (size_t)((first + done) / RUN) * RUN_WORDS * 2;
    if (count - done >= RUN) {
      decode_run_millis(run, out + done);
    } else {
      uint16_t tail[RUN];
      decode_run_millis(run, tail);
      memcpy(out + done, tail, (size_t)(count - done) * 2);
    }
  }
  return true;
}
