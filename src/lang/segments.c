// SPDX-License-Identifier: Apache-2.0
// See segments.h.
#include "lang/segments.h"

#include <stdio.h>

#include "base/limits.h"
#include "lang/embedded_segments.h"

// A text being read.
typedef struct reader {
  const char *file;
  ds_arena *arena;
  ds_error *err;
  uint32_t number; // of the line at hand
  ds_segment *segments;
  uint32_t count;
} reader;

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static ds_str trimmed(ds_str text) {
  while (text.size > 0 && (is_blank(text.data[text.size - 1]) || text.data[text.size - 1] == '\n'))
    text.size--;
  while (text.size > 0 && (is_blank(text.data[0]) || text.data[0] == '\n')) {
    text.data++;
    text.size--;
  }
  return text;
}

// Says where the fault at hand is.
static ds_code place(const reader *in, ds_code code) {
  if (in->err != NULL && in->file != NULL && code != DS_MEMORY) {
    snprintf(in->err->file, sizeof in->err->file, "%s", in->file);
    return ds_fail_in(in->err, code, "%s line %u", in->file, in->err->line);
  }
  return code;
}

static uint32_t characters(const char *from, const char *to) {
  uint32_t count = 0;
  for (; from < to; from++)
    count += ((unsigned char)*from & 0xc0) != 0x80;
  return count;
}

static uint32_t find(const ds_segment *segments, uint32_t count, ds_str name) {
  uint32_t s = 0;
  while (s < count && !ds_str_equal(name, ds_str_of(segments[s].name)))
    s++;
  return s;
}

// A line and those that go on with it, `name: condition`, beginning on line in->number.
static ds_code read_one(reader *in, ds_str line) {
  const char *colon = line.size == 0 ? NULL : memchr(line.data, ':', line.size);
  const uint32_t size = colon == NULL ? 0 : (uint32_t)(colon - line.data);
  const ds_str name = trimmed((ds_str){line.data, size});
  const ds_str condition =
      colon == NULL ? name : trimmed((ds_str){colon + 1, line.size - size - 1});
  if (name.size == 0 || condition.size == 0 || name.size > DS_NAME_BYTES_MAX)
    return ds_fail_at(in->err, DS_INPUT, in->number, 1, "a segment is a name and a condition, as "
                      "in lapsed: since(actor:customer) > 90d");
  if (find(in->segments, in->count, name) < in->count)
    return ds_fail_at(in->err, DS_INPUT, in->number, 1, "there is a segment '%.*s' already",
                      (int)(name.size < 60 ? name.size : 60), name.data);
  if (in->count == DS_SEGMENTS_MAX)
    return ds_fail_at(in->err, DS_LIMIT, in->number, 1, "at most %d segments", DS_SEGMENTS_MAX);
  ds_segment *segment = &in->segments[in->count];
  *segment = (ds_segment){.name = ds_arena_text(in->arena, name.data, name.size),
                          .expression = ds_arena_text(in->arena, condition.data, condition.size),
                          .file = in->file, .line = in->number,
                          .column = characters(line.data, condition.data) + 1};
  if (segment->name == NULL || segment->expression == NULL)
    return ds_fail(in->err, DS_MEMORY, "out of memory for segments");
  // A condition that begins below its name.
  for (const char *at = line.data; at < condition.data; at++) {
    segment->line += *at == '\n';
    segment->column = *at == '\n' ? characters(at, condition.data) : segment->column;
  }
  in->count++;
  return DS_OK;
}

// The size of the first line with its end.
static uint32_t line_size(ds_str text) {
  const char *end = text.size == 0 ? NULL : memchr(text.data, '\n', text.size);
  return end == NULL ? text.size : (uint32_t)(end - text.data) + 1;
}

// Whether a line goes on with the condition above.
static bool goes_on(ds_str text) {
  const ds_str line = trimmed((ds_str){text.data, line_size(text)});
  return text.size > 0 && is_blank(text.data[0]) && line.size > 0 && line.data[0] != '#';
}

static ds_code read_all(reader *in, ds_str text) {
  for (in->number = 1; text.size > 0;) {
    uint32_t size = line_size(text), lines = 1;
    const ds_str first = trimmed((ds_str){text.data, size});
    const bool says = first.size > 0 && first.data[0] != '#';
    while (says && goes_on((ds_str){text.data + size, text.size - size})) {
      size += line_size((ds_str){text.data + size, text.size - size});
      lines++;
    }
    if (says)
      TRY(read_one(in, (ds_str){text.data, size}));
    in->number += lines;
    text = (ds_str){text.data + size, text.size - size};
  }
  return DS_OK;
}

ds_code ds_segments_read(ds_str text, const char *file, ds_arena *arena,
                         const ds_segment **ret_segments, uint32_t *ret_count, ds_error *err) {
  reader in = {.file = file, .arena = arena, .err = err,
               .segments = ds_arena_array(arena, DS_SEGMENTS_MAX, sizeof *in.segments)};
  if (in.segments == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for segments");
  const ds_code code = read_all(&in, text);
  if (code != DS_OK)
    return place(&in, code);
  *ret_segments = in.segments;
  *ret_count = in.count;
  return DS_OK;
}

ds_code ds_segments_shipped(ds_arena *arena, const ds_segment **ret_segments, uint32_t *ret_count,
                            ds_error *err) {
  const ds_embedded_file *file = &ds_embedded_segments[0];
  return ds_segments_read((ds_str){(const char *)file->bytes, (uint32_t)file->size}, NULL, arena,
                          ret_segments, ret_count, err);
}

ds_code ds_segments_with(ds_str text, const char *file, ds_arena *arena,
                         const ds_segment **ret_segments, uint32_t *ret_count, ds_error *err) {
  const ds_segment *shipped = NULL, *own = NULL;
  uint32_t count = 0, own_count = 0;
  TRY(ds_segments_shipped(arena, &shipped, &count, err));
  TRY(ds_segments_read(text, file, arena, &own, &own_count, err));
  ds_segment *all = ds_arena_array(arena, count + own_count + 1u, sizeof *all);
  if (all == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for segments");
  memcpy(all, shipped, count * sizeof *all);
  for (uint32_t s = 0; s < own_count; s++) {
    const uint32_t at = find(all, count, ds_str_of(own[s].name));
    all[at] = own[s];
    count += at == count;
  }
  if (count > DS_SEGMENTS_MAX)
    return ds_fail(err, DS_LIMIT, "%s: at most %d segments with those that ship", file,
                   DS_SEGMENTS_MAX);
  *ret_segments = all;
  *ret_count = count;
  return DS_OK;
}
