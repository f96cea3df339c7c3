// SPDX-License-Identifier: Apache-2.0
// The names that the codes of event rows stand for. Stored form, little-endian, once per kind in
// the order touchpoints, properties, keys, sources: u32 count, then count x {u16 n, n bytes}.
// Invariant: no name is empty and none occurs twice within its kind.
#include "base/limits.h"
#include "model/event.h"

enum { KINDS = 4 };

static ds_names *space_kind(ds_space *space, uint32_t kind) {
  ds_names *const kinds[KINDS] = {&space->touchpoints, &space->properties, &space->keys,
                                  &space->sources};
  return kinds[kind];
}

void ds_space_init(ds_space *space) {
  ds_names_init(&space->touchpoints, DS_TOUCHPOINTS_MAX);
  ds_names_init(&space->properties, DS_NAMES_MAX);
  ds_names_init(&space->keys, DS_NAMES_MAX);
  ds_names_init(&space->sources, DS_NAMES_MAX);
}

void ds_space_reset(ds_space *space) {
  for (uint32_t kind = 0; kind < KINDS; kind++)
    ds_names_reset(space_kind(space, kind));
}

void ds_space_done(ds_space *space) {
  if (space == NULL)
    return;
  for (uint32_t kind = 0; kind < KINDS; kind++)
    ds_names_done(space_kind(space, kind));
}

void ds_names_encode(const ds_names *names, ds_buf *out) {
  ds_buf_u32(out, names->count);
  for (uint32_t i = 0; i < names->count; i++) {
    const ds_str text = names->text[i];
    if (text.size > UINT16_MAX)
      out->failed = true;
    ds_buf_u16(out, (uint16_t)text.size);
    ds_buf_append(out, text.data, text.size);
  }
}

void ds_space_encode(const ds_space *space, ds_buf *out) {
  ds_names_encode(&space->touchpoints, out);
  ds_names_encode(&space->properties, out);
  ds_names_encode(&space->keys, out);
  ds_names_encode(&space->sources, out);
}

ds_code ds_names_decode(ds_reader *in, ds_names *names, ds_error *err) {
  const uint32_t count = ds_read_u32(in);
  if (in->failed || count > names->count_max)
    return ds_fail(err, DS_CORRUPT, "a table of names is damaged");
  for (uint32_t i = 0; i < count; i++) {
    const uint16_t size = ds_read_u16(in);
    const uint8_t *text = ds_read_bytes(in, size);
    if (in->failed || text == NULL || size == 0)
      return ds_fail(err, DS_CORRUPT, "a table of names is cut short or has an empty name");
    uint32_t index = DS_NONE;
    TRY(ds_names_add(names, (ds_str){(const char *)text, size}, &index, err));
    if (index != i)
      return ds_fail(err, DS_CORRUPT, "a table of names has a name twice");
  }
  return DS_OK;
}

ds_code ds_space_decode(ds_reader *in, ds_space *space, ds_error *err) {
  for (uint32_t kind = 0; kind < KINDS; kind++)
    TRY(ds_names_decode(in, space_kind(space, kind), err));
  return DS_OK;
}
