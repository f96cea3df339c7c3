// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN ((size_t)64)

void ds_buf_init(ds_buf *buf, size_t size_max) {
  *buf = (ds_buf){.size_max = size_max < SIZE_MAX ? size_max : SIZE_MAX - 1};
}

void ds_buf_done(ds_buf *buf) {
  if (buf == NULL)
    return;
  free(buf->data);
  ds_buf_init(buf, buf->size_max);
}

void ds_buf_reset(ds_buf *buf) {
  buf->size = 0;
  buf->failed = false;
  buf->no_memory = false;
}

// Doubles the capacity until `size` bytes fit. One byte more than the capacity is allocated: the
// room of ds_buf_cstr's NUL.
static bool grow(ds_buf *buf, size_t size) {
  size_t capacity = buf->capacity > CAPACITY_MIN ? buf->capacity : CAPACITY_MIN;
  while (capacity < size && capacity <= buf->size_max / 2)
    capacity *= 2;
  if (capacity < size || capacity > buf->size_max)
    capacity = buf->size_max;
  assert(capacity >= size);
  uint8_t *data = realloc(buf->data, capacity + 1);
  if (data == NULL)
    return false;
  buf->data = data;
  buf->capacity = capacity;
  return true;
}

uint8_t *ds_buf_reserve(ds_buf *buf, size_t size) {
  assert(buf->size <= buf->size_max);
  if (buf->failed)
    return NULL;
  if (size > buf->size_max - buf->size) {
    buf->failed = true;
    return NULL;
  }
  const size_t needed = buf->size + size;
  if ((buf->data == NULL || needed > buf->capacity) && !grow(buf, needed)) {
    buf->failed = true;
    buf->no_memory = true;
    return NULL;
  }
  return buf->data + buf->size;
}

void ds_buf_append(ds_buf *buf, const void *data, size_t size) {
  uint8_t *to = ds_buf_reserve(buf, size);
  if (to == NULL || size == 0)
    return;
  memcpy(to, data, size);
  buf->size += size;
}

// Byte by byte, so that the format is little-endian on every machine; compilers make one store.
static void append_le(ds_buf *buf, uint64_t value, size_t size) {
  uint8_t *to = ds_buf_reserve(buf, size);
  if (to == NULL)
    return;
  for (size_t i = 0; i < size; i++)
    to[i] = (uint8_t)(value >> (8 * i));
  buf->size += size;
}

void ds_buf_u8(ds_buf *buf, uint8_t value) {
  append_le(buf, value, 1);
}

void ds_buf_u16(ds_buf *buf, uint16_t value) {
  append_le(buf, value, 2);
}

void ds_buf_u32(ds_buf *buf, uint32_t value) {
  append_le(buf, value, 4);
}

void ds_buf_u64(ds_buf *buf, uint64_t value) {
  append_le(buf, value, 8);
}

void ds_buf_text(ds_buf *buf, const char *text) {
  ds_buf_append(buf, text, strlen(text));
}

void ds_buf_vprintf(ds_buf *buf, const char *format, va_list args) {
  va_list again;
  va_copy(again, args);
  const int length = vsnprintf(NULL, 0, format, args);
  uint8_t *to = length < 0 ? NULL : ds_buf_reserve(buf, (size_t)length);
  if (to != NULL) {
    // The NUL that vsnprintf adds lands in the byte behind the capacity at worst.
    vsnprintf((char *)to, (size_t)length + 1, format, again);
    buf->size += (size_t)length;
  } else {
    buf->failed = true;
  }
  va_end(again);
}

void ds_buf_printf(ds_buf *buf, const char *format, ...) {
  va_list args;
  va_start(args, format);
  ds_buf_vprintf(buf, format, args);
  va_end(args);
}

ds_code ds_buf_check(const ds_buf *buf, const char *what, ds_error *err) {
  if (!buf->failed)
    return DS_OK;
  if (buf->no_memory)
    return ds_fail(err, DS_MEMORY, "out of memory for %s", what);
  return ds_fail(err, DS_LIMIT, "%s is larger than %zu bytes", what, buf->size_max);
}

void ds_buf_fail_as(ds_buf *buf, const ds_buf *scratch) {
  buf->failed = buf->failed || scratch->failed;
  buf->no_memory = buf->no_memory || scratch->no_memory;
}

void ds_buf_tell(const ds_buf *buf, ds_arena *arena) { arena->refused |= buf->no_memory; }

const char *ds_buf_keep(const ds_buf *buf, ds_arena *arena) {
  ds_buf_tell(buf, arena);
  return buf->no_memory ? NULL : ds_arena_text(arena, (const char *)buf->data, buf->size);
}

const char *ds_buf_cstr(ds_buf *buf) {
  if (buf->failed || buf->data == NULL)
    return "";
  buf->data[buf->size] = '\0';
  return (const char *)buf->data;
}

const uint8_t *ds_read_bytes(ds_reader *reader, size_t size) {
  if (reader->failed || size > (size_t)(reader->end - reader->at)) {
    reader->failed = true;
    return NULL;
  }
  const uint8_t *bytes = reader->at;
  if (size > 0)
    reader->at += size;
  return bytes;
}

static uint64_t read_le(ds_reader *reader, size_t size) {
  const uint8_t *bytes = ds_read_bytes(reader, size);
  if (bytes == NULL)
    return 0;
  uint64_t value = 0;
  for (size_t i = 0; i < size; i++)
    value |= (uint64_t)bytes[i] << (8 * i);
  return value;
}

uint8_t ds_read_u8(ds_reader *reader) {
  return (uint8_t)read_le(reader, 1);
}

uint16_t ds_read_u16(ds_reader *reader) {
  return (uint16_t)read_le(reader, 2);
}

uint32_t ds_read_u32(ds_reader *reader) {
  return (uint32_t)read_le(reader, 4);
}

uint64_t ds_read_u64(ds_reader *reader) {
  return read_le(reader, 8);
}
