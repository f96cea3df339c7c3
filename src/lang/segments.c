// SPDX-License-Identifier: Apache-2.0
// See segments.h.
#include "lang/segments.h"

#include "lang/embedded_segments.h"

static ds_str trimmed(ds_str text) {
  while (text.size > 0 && strchr(" \t\r", text.data[text.size - 1]) != NULL)
    text.size--;
  while (text.size > 0 && strchr(" \t", text.data[0]) != NULL) {
    text.data++;
    text.size--;
  }
  return text;
}

// A line that says something: `name: condition`.
static ds_code read_line(ds_str line, uint32_t number, ds_arena *arena, ds_segment *segments,
                         uint32_t *count, ds_error *err) {
  const char *colon = memchr(line.data, ':', line.size);
  const uint32_t size = colon == NULL ? 0 : (uint32_t)(colon - line.data);
  const ds_str name = trimmed((ds_str){line.data, size});
  const ds_str expression =
      colon == NULL ? name : trimmed((ds_str){colon + 1, line.size - size - 1});
  if (name.size == 0 || expression.size == 0)
    return ds_fail_at(err, DS_INPUT, number, 1, "a segment is a name and a condition: lapsed: "
                      "since(actor:customer) > 90d");
  for (uint32_t s = 0; s < *count; s++)
    if (ds_str_equal(name, ds_str_of(segments[s].name)))
      return ds_fail_at(err, DS_INPUT, number, 1, "there is a segment '%.*s' already",
                        (int)(name.size < 60 ? name.size : 60), name.data);
  if (*count == DS_SEGMENTS_MAX)
    return ds_fail_at(err, DS_LIMIT, number, 1, "at most %d segments", DS_SEGMENTS_MAX);
  segments[*count] = (ds_segment){ds_arena_text(arena, name.data, name.size),
                                  ds_arena_text(arena, expression.data, expression.size)};
  if (segments[*count].name == NULL || segments[*count].expression == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for segments");
  ++*count;
  return DS_OK;
}

ds_code ds_segments_read(ds_str text, ds_arena *arena, const ds_segment **ret_segments,
                         uint32_t *ret_count, ds_error *err) {
  ds_segment *segments = ds_arena_array(arena, DS_SEGMENTS_MAX, sizeof *segments);
  uint32_t count = 0, number = 0;
  if (segments == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for segments");
  while (text.size > 0) {
    const char *end = memchr(text.data, '\n', text.size);
    const uint32_t size = end == NULL ? text.size : (uint32_t)(end - text.data);
    const ds_str line = trimmed((ds_str){text.data, size});
    number++;
    if (line.size > 0 && line.data[0] != '#')
      TRY(read_line(line, number, arena, segments, &count, err));
    text.data += size + (end != NULL);
    text.size -= size + (end != NULL);
  }
  *ret_segments = segments;
  *ret_count = count;
  return DS_OK;
}

ds_code ds_segments_shipped(ds_arena *arena, const ds_segment **ret_segments, uint32_t *ret_count,
                            ds_error *err) {
  const ds_embedded_file *file = &ds_embedded_segments[0];
  return ds_segments_read((ds_str){(const char *)file->bytes, (uint32_t)file->size}, arena,
                          ret_segments, ret_count, err);
}
