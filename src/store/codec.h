// SPDX-License-Identifier: Apache-2.0
// Column codecs: arrays of integers, codes or texts <-> streams of bytes. A chunk of a part is
// one or more streams. Decoders take untrusted bytes: they check every length and never read
// outside the stream. May use base/, XXH3, zstd.
//
// A stream (little-endian): u8 codec, 3 zero bytes, u32 payload size, payload. Streams follow one
// another without padding. The payloads:
//
//   CONST    u64 value; stands for every element
//   FOR      u64 base; per run of 256 elements u8 width (0..64); per run ceil(n * width / 8) bytes
//            of (value - base) packed LSB first; 8 zero bytes, so that whole words may be loaded
//   RAW64    u64 per element
//   NIBBLE   4 bits per element, even elements in the low half
//   BYTE     8 bits per element; WORD: 16 bits
//   FEW      u8 value[15]; per element 4 bits as in NIBBLE, an index of value, or 15 = the next of
//            the rest; the rest, u8 per element
//   VARBYTE  stream-vbyte for u32: per 256 elements u32 offset into the data (the skip entries);
//            ceil(n / 4) control bytes, 2 bits per element = length - 1, LSB first; data bytes;
//            16 zero bytes, so that whole vectors may be loaded
//   PACK10   10 bits per element in runs of 256, each 160 u16 words: lane i % 16 of row i / 16 has
//            its bits 10 row .. 10 row + 9 in the lane's words (lane, 16 + lane, ...), LSB first
//   TEXT     stream CODE of the lengths; u8 method (0 raw, 1 zstd), u32 raw size, u32 stored size,
//            bytes
//   DICT     u32 distinct; stream TEXT of the distinct texts; stream CODE of an index per element
//
// INT stands for CONST, FOR or RAW64; CODE for these and NIBBLE, FEW, BYTE, WORD; GAPS for VARBYTE;
// MILLIS for PACK10; TEXT for TEXT or DICT.
#ifndef DS_STORE_CODEC_H
#define DS_STORE_CODEC_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

// Stored numbers: never change.
typedef enum ds_codec_id {
  DS_CODEC_CONST = 1,
  DS_CODEC_FOR = 2,
  DS_CODEC_RAW64 = 3,
  DS_CODEC_NIBBLE = 4,
  DS_CODEC_BYTE = 5,
  DS_CODEC_WORD = 6,
  DS_CODEC_VARBYTE = 7,
  DS_CODEC_PACK10 = 8,
  DS_CODEC_TEXT = 9,
  DS_CODEC_DICT = 10,
  DS_CODEC_FEW = 11,
} ds_codec_id;

// One stream in place.
typedef struct ds_stream {
  ds_codec_id codec;
  const uint8_t *data;
  uint32_t size;
} ds_stream;

// The shuffle masks of the vectorised VARBYTE decoder, made once per reader (no global state).
typedef struct ds_varbyte_tables {
  uint8_t shuffle[256][16];
  uint8_t length[256];
} ds_varbyte_tables;

// Fills the tables.
void ds_varbyte_tables_init(ds_varbyte_tables *tables);

// Encoders append one stream, choosing the smallest codec of their kind. Failures show in
// out->failed.
void ds_encode_ints(const uint64_t *values, uint32_t count, ds_buf *out);   // CONST, FOR, RAW64
void ds_encode_codes(const uint32_t *values, uint32_t count, ds_buf *out);  // CODE
void ds_encode_gaps(const uint32_t *values, uint32_t count, ds_buf *out);   // VARBYTE
void ds_encode_millis(const uint16_t *values, uint32_t count, ds_buf *out); // PACK10, all < 1000
void ds_encode_texts(const ds_str *texts, uint32_t count, ds_buf *out);     // TEXT or DICT

// Takes the next stream off `in`; false when the bytes do not hold one.
bool ds_stream_next(ds_reader *in, ds_stream *ret_stream);

// Decoders: false when the stream is not of their kind, too short, or not of `count` elements.
bool ds_decode_ints(const ds_stream *stream, uint32_t count, uint64_t *out);
// Only the elements of `pieces`, ascending: those of piece p are offset[p] .. offset[p + 1] - 1;
// they come to stand at their own places in `out`.
bool ds_decode_ints_of(const ds_stream *stream, uint32_t count, const uint32_t *offset,
                       const uint32_t *pieces, uint32_t pieces_count, uint64_t *out);
// Those that take an arena need room in it; when it had none, arena->refused tells so.
bool ds_decode_codes(const ds_stream *stream, uint32_t count, ds_arena *arena, uint32_t *out);
// Codes through a map of `map_count` entries: out[i] = map[code]; false for a code outside it.
bool ds_decode_mapped(const ds_stream *stream, uint32_t count, const uint16_t *map,
                      uint32_t map_count, uint16_t *out);
// Elements [first, first + count) of `total`; first must be a multiple of 256.
bool ds_decode_gaps(const ds_stream *stream, uint32_t total, uint32_t first, uint32_t count,
                    const ds_varbyte_tables *tables, uint32_t *out);
bool ds_decode_millis(const ds_stream *stream, uint32_t total, uint32_t first, uint32_t count,
                      uint16_t *out);
// Texts are views into memory of `arena`.
bool ds_decode_texts(const ds_stream *stream, uint32_t count, ds_arena *arena, ds_str *out);

#endif
