// SPDX-License-Identifier: Apache-2.0
// Texts: lengths and bytes, compressed when that helps; a dictionary when few are distinct.
#include <stdlib.h>
#include <string.h>

#include <zstd.h>
#include <zstd_errors.h>

#include "base/limits.h"
#include "base/map.h"
#include "store/codec_stream.h"

#define ZSTD_LEVEL 1
#define COMPRESS_MIN 64u
#define DICT_MAX 4096u

// Appends method, sizes and the bytes at `raw`.
static void put_bytes(const uint8_t *raw, size_t size, ds_buf *out) {
  const size_t head = out->size;
  ds_buf_u8(out, 0);
  ds_buf_u32(out, (uint32_t)size);
  ds_buf_u32(out, (uint32_t)size);
  if (size >= COMPRESS_MIN) {
    const size_t bound = ZSTD_compressBound(size);
    uint8_t *room = ds_buf_reserve(out, bound);
    const size_t got = room == NULL ? 0 : ZSTD_compress(room, bound, raw, size, ZSTD_LEVEL);
    if (room != NULL && !ZSTD_isError(got) && got < size) {
      out->data[head] = 1;
      const uint32_t stored = (uint32_t)got;
      memcpy(out->data + head + 5, &stored, 4);
      out->size += got;
      return;
    }
  }
  ds_buf_append(out, raw, size);
}

static void encode_plain(const ds_str *texts, uint32_t count, ds_buf *out) {
  const size_t head = ds_stream_begin(out, DS_CODEC_TEXT);
  uint32_t *lengths = malloc((size_t)count * 4 + 4);
  ds_buf bytes;
  ds_buf_init(&bytes, UINT32_MAX);
  for (uint32_t i = 0; lengths != NULL && i < count; i++) {
    lengths[i] = texts[i].size;
    ds_buf_append(&bytes, texts[i].data, texts[i].size);
  }
  if (lengths == NULL || bytes.failed) {
    out->failed = true;
    out->no_memory = lengths == NULL || bytes.no_memory;
  } else {
    ds_encode_codes(lengths, count, out);
    put_bytes(bytes.data, bytes.size, out);
  }
  ds_buf_done(&bytes);
  free(lengths);
  ds_stream_end(out, head);
}

// Tries a dictionary; false (nothing appended) when the texts are too various for it to pay.
static bool encode_dict(const ds_str *texts, uint32_t count, ds_buf *out) {
  ds_names names;
  ds_names_init(&names, count / 4 < DICT_MAX ? count / 4 + 1 : DICT_MAX);
  uint32_t *codes = malloc((size_t)count * 4 + 4);
  bool fits = codes != NULL;
  for (uint32_t i = 0; fits && i < count; i++)
    fits = ds_names_add(&names, texts[i], &codes[i], NULL) == DS_OK;
  if (fits) {
    const size_t head = ds_stream_begin(out, DS_CODEC_DICT);
    ds_buf_u32(out, names.count);
    encode_plain(names.text, names.count, out);
    ds_encode_codes(codes, count, out);
    ds_stream_end(out, head);
  }
  free(codes);
  ds_names_done(&names);
  return fits;
}

void ds_encode_texts(const ds_str *texts, uint32_t count, ds_buf *out) {
  if (count < 8 || !encode_dict(texts, count, out))
    encode_plain(texts, count, out);
}

// The bytes of a TEXT payload, in place or decompressed into the arena; NULL when they are not
// sound.
static const uint8_t *take_bytes(ds_reader *in, uint64_t expected, ds_arena *arena) {
  const uint8_t method = ds_read_u8(in);
  const uint32_t size = ds_read_u32(in);
  const uint32_t stored = ds_read_u32(in);
  const uint8_t *data = ds_read_bytes(in, stored);
  if (in->failed || size != expected || method > 1 || (method == 0 && stored != size) ||
      (method == 1 && ZSTD_getFrameContentSize(data, stored) != size))
    return NULL;
  uint8_t *raw = ds_arena_room(arena, (size_t)size + 1, 1);
  if (raw == NULL)
    return NULL;
  const size_t got = method == 0 ? size : ZSTD_decompress(raw, size, data, stored);
  if (ZSTD_isError(got))
    arena->refused |= ZSTD_getErrorCode(got) == ZSTD_error_memory_allocation;
  if (got != size)
    return NULL;
  if (method == 0)
    memcpy(raw, data, size);
  return raw;
}

static bool decode_plain(const ds_stream *stream, uint32_t count, ds_arena *arena, ds_str *out) {
  ds_reader in = ds_reader_of(stream->data, stream->size);
  ds_stream lengths_stream;
  uint32_t *lengths = ds_arena_room(arena, (size_t)count + 1, 4);
  if (lengths == NULL || !ds_stream_next(&in, &lengths_stream) ||
      !ds_decode_codes(&lengths_stream, count, arena, lengths))
    return false;
  uint64_t total = 0;
  for (uint32_t i = 0; i < count; i++)
    total += lengths[i];
  const uint8_t *bytes = total <= UINT32_MAX ? take_bytes(&in, total, arena) : NULL;
  if (bytes == NULL || in.at != in.end)
    return false;
  for (uint32_t i = 0; i < count; i++) {
    out[i] = (ds_str){(const char *)bytes, lengths[i]};
    bytes += lengths[i];
  }
  return true;
}

bool ds_decode_texts(const ds_stream *stream, uint32_t count, ds_arena *arena, ds_str *out) {
  if (stream->codec == DS_CODEC_TEXT)
    return decode_plain(stream, count, arena, out);
  if (stream->codec != DS_CODEC_DICT)
    return false;
  ds_reader in = ds_reader_of(stream->data, stream->size);
  const uint32_t distinct = ds_read_u32(&in);
  ds_stream texts, codes_stream;
  if (in.failed || distinct > DICT_MAX || !ds_stream_next(&in, &texts) ||
      texts.codec != DS_CODEC_TEXT || !ds_stream_next(&in, &codes_stream) || in.at != in.end)
    return false;
  ds_str *dict = ds_arena_room(arena, (size_t)distinct + 1, sizeof *dict);
  uint32_t *codes = ds_arena_room(arena, (size_t)count + 1, 4);
  if (dict == NULL || codes == NULL || !decode_plain(&texts, distinct, arena, dict) ||
      !ds_decode_codes(&codes_stream, count, arena, codes))
    return false;
  for (uint32_t i = 0; i < count; i++) {
    if (codes[i] >= distinct)
      return false;
    out[i] = dict[codes[i]];
  }
  return true;
}
