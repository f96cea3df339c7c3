// SPDX-License-Identifier: Apache-2.0
// See omit.h. What stays is a list of runs of journeys; every array moves by it, each run to where
// the one before ended. A run never moves to the right, so nothing is overwritten unread. Where
// most journeys go, runs are few: an array costs what stays of it.
#include "scan/omit.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/resize.h"
#include "model/block_columns.h"

// What stays of a block; `offset` is the block's own, which changes last.
typedef struct omission {
  const ds_runs *runs;
  const uint32_t *offset;
  uint32_t journeys; // of the block
} omission;

void ds_runs_done(ds_runs *runs) {
  free(runs->edge);
  *runs = (ds_runs){0};
}

// The runs between the journeys that go.
static ds_code runs_find(const uint32_t *journeys, uint32_t count, uint32_t all, ds_runs *runs,
                         ds_error *err) {
  if (runs->capacity < count + 1) {
    if (!ds_resize(&runs->edge, 2 * ((size_t)count + 1), sizeof *runs->edge))
      return ds_fail(err, DS_MEMORY, "out of memory for a block of events");
    runs->capacity = count + 1;
  }
  runs->count = 0;
  uint32_t first = 0;
  for (uint32_t i = 0; i <= count; i++) {
    const uint32_t last = i == count ? all : journeys[i];
    if (last > first) {
      runs->edge[2 * runs->count] = first;
      runs->edge[2 * runs->count++ + 1] = last;
    }
    first = last + 1;
  }
  return DS_OK;
}

// Run number r, [*first, *last).
static void run_at(const omission *out, uint32_t r, uint32_t *first, uint32_t *last) {
  *first = out->runs->edge[2 * r];
  *last = out->runs->edge[2 * r + 1];
}

// Moves up an array whose elements of journey j are those from place[j] to place[j + 1] (NULL: one
// for each journey).
static void move_array(const omission *out, const uint32_t *place, void *array, size_t width) {
  char *data = array;
  uint32_t first, last, to = 0;
  for (uint32_t r = 0; data != NULL && r < out->runs->count; r++) {
    run_at(out, r, &first, &last);
    const uint32_t from = place == NULL ? first : place[first];
    const uint32_t count = (place == NULL ? last : place[last]) - from;
    if (from > to && count > 0)
      memmove(data + to * width, data + from * width, count * width);
    to += count;
  }
}

// Moves the value of one event.
static void move_value(const ds_property_column *column, uint32_t to, uint32_t from) {
  if (ds_type_is_bytes(column->type))
    column->text[to] = column->text[from];
  else if (column->type == DS_TYPE_NUMBER)
    column->number[to] = column->number[from];
  else
    column->i[to] = column->i[from];
}

static void move_property(const omission *out, const ds_property_column *column) {
  uint32_t first, last, to = 0;
  for (uint32_t r = 0; r < out->runs->count; r++) {
    run_at(out, r, &first, &last);
    const uint32_t begin = out->offset[first], end = out->offset[last];
    for (uint32_t e = begin; e < end && to < begin;) {
      const uint32_t n = end - e < 64 ? end - e : 64;
      for (uint64_t rest = ds_bits_get(column->present, e, n); rest != 0; rest &= rest - 1) {
        const uint32_t at = e + (uint32_t)__builtin_ctzll(rest);
        move_value(column, to + at - begin, at);
      }
      e += n;
    }
    ds_bits_move_up(column->present, to, begin, end - begin);
    to += end - begin;
  }
  ds_bits_clear(column->present, to, out->offset[out->journeys]);
}

static void move_key(const omission *out, ds_key_column *key) {
  uint32_t first, last, journeys = 0, events = 0, items = 0, values = 0;
  move_array(out, key->offset, key->hash, sizeof *key->hash);
  move_array(out, key->offset, key->text, sizeof *key->text);
  for (uint32_t r = 0; r < out->runs->count; r++) {
    run_at(out, r, &first, &last);
    const uint32_t i0 = key->first[out->offset[first]], i1 = key->first[out->offset[last]];
    const uint32_t v0 = key->offset[first], v1 = key->offset[last];
    for (uint32_t i = i0; i < i1; i++)
      key->item[items + i - i0] = key->item[i] - v0 + values;
    for (uint32_t e = out->offset[first]; e < out->offset[last]; e++)
      key->first[events++] = key->first[e] - i0 + items;
    for (uint32_t j = first; j < last; j++)
      key->offset[journeys++] = key->offset[j] - v0 + values;
    items += i1 - i0;
    values += v1 - v0;
  }
  key->first[events] = items;
  key->offset[journeys] = key->values = values;
}

// The offsets of the journeys that stay; returns how many events they have.
static uint32_t move_offsets(const omission *out, uint32_t *offset) {
  uint32_t first, last, journeys = 0, events = 0;
  for (uint32_t r = 0; r < out->runs->count; r++) {
    run_at(out, r, &first, &last);
    const uint32_t begin = offset[first], end = offset[last];
    for (uint32_t j = first; j < last; j++)
      offset[journeys++] = offset[j] - begin + events;
    events += end - begin;
  }
  offset[journeys] = events;
  return events;
}

ds_code ds_block_omit(ds_block *block, const uint32_t *journeys, uint32_t count, ds_runs *runs,
                      ds_error *err) {
  const omission out = {runs, block->offset, block->journeys};
  assert(count <= block->journeys && block->case_hash == NULL);
  if (count == 0)
    return DS_OK;
  TRY(runs_find(journeys, count, block->journeys, runs, err));
  for (uint32_t c = 0; c < DS_BLOCK_COLUMNS; c++) {
    const ds_block_column *column = &ds_block_columns[c];
    move_array(&out, block->offset, ds_block_column_data(block, column), column->width);
  }
  move_array(&out, block->offset, block->gap_ms, sizeof *block->gap_ms);
  move_array(&out, NULL, block->customer, sizeof *block->customer);
  move_array(&out, NULL, block->subject, sizeof *block->subject);
  for (uint32_t p = 0; p < block->properties_count; p++)
    if (block->property[p].type != DS_TYPE_NULL)
      move_property(&out, &block->property[p]);
  for (uint32_t k = 0; k < block->keys_count; k++)
    move_key(&out, &block->key[k]);
  block->events = move_offsets(&out, block->offset);
  block->journeys -= count;
  return DS_OK;
}
