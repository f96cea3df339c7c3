// SPDX-License-Identifier: Apache-2.0
// A growable byte buffer with a maximum. Appending past the maximum, or without memory, sets
// `failed` and appends nothing more, so that a run of appends is checked once at its end
// (ds_buf_check). May use nothing but libc.
#ifndef DS_BASE_BUF_H
#define DS_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

// Caller's memory. `data` and `size` may be read; it may move at every append.
typedef struct ds_buf {
  uint8_t *data;
  size_t size;
  size_t capacity;
  size_t size_max;
  bool failed;
  bool no_memory; // private: why it failed
} ds_buf;

// An empty buffer that may grow to size_max bytes. Takes no memory yet.
void ds_buf_init(ds_buf *buf, size_t size_max);

// Gives the memory back and leaves an empty buffer. NULL is fine.
void ds_buf_done(ds_buf *buf);

// Empties the buffer, keeps its memory, clears `failed`.
void ds_buf_reset(ds_buf *buf);

// Makes room for `size` more bytes and returns where they go (to be filled by the caller, who then
// adds to buf->size), or NULL with `failed` set.
uint8_t *ds_buf_reserve(ds_buf *buf, size_t size);

// Appends bytes, little-endian integers, a NUL-free text, or formatted text.
void ds_buf_append(ds_buf *buf, const void *data, size_t size);
void ds_buf_u8(ds_buf *buf, uint8_t value);
void ds_buf_u16(ds_buf *buf, uint16_t value);
void ds_buf_u32(ds_buf *buf, uint32_t value);
void ds_buf_u64(ds_buf *buf, uint64_t value);
void ds_buf_text(ds_buf *buf, const char *text);
void ds_buf_printf(ds_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void ds_buf_vprintf(ds_buf *buf, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

// DS_OK, or DS_MEMORY / DS_LIMIT with a message that names `what`.
DS_CHECKED ds_code ds_buf_check(const ds_buf *buf, const char *what, ds_error *err);

// What is written was made with a buffer that failed: so it has failed, too, and of the same.
void ds_buf_fail_as(ds_buf *buf, const ds_buf *scratch);

// Notes in arena->refused when the buffer had no memory: what was made of it there is cut short.
void ds_buf_tell(const ds_buf *buf, ds_arena *arena);

// The content as a text in the arena; NULL, and noted there, when buffer or arena had no memory.
const char *ds_buf_keep(const ds_buf *buf, ds_arena *arena);

// A NUL-terminated view of the content (adds a NUL beyond size); "" when it failed.
const char *ds_buf_cstr(ds_buf *buf);

// Reads untrusted bytes in order: every read past the end sets `failed` and yields zero.
typedef struct ds_reader {
  const uint8_t *at;
  const uint8_t *end;
  bool failed;
} ds_reader;

// A reader over `size` bytes, which must outlive it.
static inline ds_reader ds_reader_of(const void *data, size_t size) {
  const uint8_t *at = (const uint8_t *)data;
  return (ds_reader){at, size == 0 ? at : at + size, false};
}

// The next little-endian integer, or `size` bytes in place (NULL past the end).
uint8_t ds_read_u8(ds_reader *reader);
uint16_t ds_read_u16(ds_reader *reader);
uint32_t ds_read_u32(ds_reader *reader);
uint64_t ds_read_u64(ds_reader *reader);
const uint8_t *ds_read_bytes(ds_reader *reader, size_t size);

#endif
