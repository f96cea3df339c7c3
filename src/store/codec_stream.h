// SPDX-License-Identifier: Apache-2.0
// The head of a stream, for the encoders of codec*.c. Uses base/buf.h.
#ifndef DS_STORE_CODEC_STREAM_H
#define DS_STORE_CODEC_STREAM_H

#include <string.h>

#include "base/buf.h"
#include "store/codec.h"

// Reserves a stream's head and returns where it stands; ds_stream_end fills in the size.
static inline size_t ds_stream_begin(ds_buf *out, ds_codec_id codec) {
  const size_t at = out->size;
  ds_buf_u32(out, (uint32_t)codec);
  ds_buf_u32(out, 0);
  return at;
}

// Ends the stream whose head stands at `at`.
static inline void ds_stream_end(ds_buf *out, size_t at) {
  if (out->failed)
    return;
  const uint32_t size = (uint32_t)(out->size - at - 8);
  memcpy(out->data + at + 4, &size, 4);
}

#endif
