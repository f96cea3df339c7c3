// SPDX-License-Identifier: Apache-2.0
// Turns a collected block into chunks (part_format.h) and a run of blocks into a part.
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/checksum.h"
#include "store/block_state.h"

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory while writing a part");
}

// The part's column of a record, made with empty chunks for the blocks before its first use.
static ds_code get_column(ds_part_writer *w, ds_column_record record, column_state **ret_column,
                          ds_error *err) {
  uint64_t bits;
  memcpy(&bits, &record, 8);
  uint32_t *slot = ds_map64_put(&w->column_index, bits);
  if (slot == NULL)
    return no_memory(err);
  if (*slot == DS_NONE) {
    *slot = w->columns_count;
    if (w->columns_count == w->columns_capacity) {
      const uint32_t wanted = w->columns_capacity == 0 ? 32 : w->columns_capacity * 2;
      column_state *moved = realloc(w->columns, wanted * sizeof *moved);
      if (moved == NULL)
        return no_memory(err);
      w->columns = moved;
      w->columns_capacity = wanted;
    }
    column_state *fresh = &w->columns[w->columns_count++];
    *fresh = (column_state){.record = record};
    ds_buf_init(&fresh->data, UINT32_MAX);
  }
  *ret_column = &w->columns[*slot];
  return DS_OK;
}

// Brings a column's chunk records up to `blocks` entries.
static ds_code pad_chunks(column_state *column, uint32_t blocks, ds_error *err) {
  if (blocks > column->chunks_capacity) {
    const uint32_t wanted = blocks * 2;
    ds_chunk_record *moved = realloc(column->chunk, wanted * sizeof *moved);
    if (moved == NULL)
      return no_memory(err);
    column->chunk = moved;
    column->chunks_capacity = wanted;
  }
  for (; column->chunks < blocks; column->chunks++)
    column->chunk[column->chunks] = (ds_chunk_record){0};
  return DS_OK;
}

// Where a chunk of the current block begins in its column's data.
typedef struct chunk_mark {
  column_state *column;
  size_t begin;
} chunk_mark;

static ds_code chunk_begin(ds_part_writer *w, ds_column_record record, chunk_mark *ret_mark,
                           ds_error *err) {
  column_state *column = NULL;
  TRY(get_column(w, record, &column, err));
  TRY(pad_chunks(column, w->blocks, err));
  *ret_mark = (chunk_mark){column, column->data.size};
  return DS_OK;
}

static ds_code chunk_end(ds_part_writer *w, chunk_mark mark, ds_error *err) {
  column_state *column = mark.column;
  TRY(ds_buf_check(&column->data, "a column of a part", err));
  TRY(pad_chunks(column, w->blocks + 1, err));
  const size_t size = column->data.size - mark.begin;
  ds_chunk_record *chunk = &column->chunk[w->blocks];
  chunk->offset = mark.begin;
  chunk->size = (uint32_t)size;
  chunk->checksum = ds_checksum(column->data.data + mark.begin, size);
  w->bytes += size;
  return DS_OK;
}

static ds_column_record record_of(ds_column_kind kind, uint16_t name) {
  return (ds_column_record){.kind = (uint8_t)kind, .name = name};
}

static ds_code put_ints(ds_part_writer *w, ds_column_kind kind, const uint64_t *values,
                        uint32_t count, ds_error *err) {
  chunk_mark mark;
  TRY(chunk_begin(w, record_of(kind, 0), &mark, err));
  ds_encode_ints(values, count, &mark.column->data);
  return chunk_end(w, mark, err);
}

// Appends a stream of the texts, as views in the writer's own memory.
static ds_code encode_texts(ds_part_writer *w, const ds_texts *texts, ds_buf *out, ds_error *err) {
  if (texts->count > w->views_capacity) {
    ds_str *moved = realloc(w->views, (size_t)texts->count * 2 * sizeof *moved);
    if (moved == NULL)
      return no_memory(err);
    w->views = moved;
    w->views_capacity = texts->count * 2;
  }
  const char *at = (const char *)texts->bytes.data;
  for (uint32_t i = 0; i < texts->count; i++) {
    w->views[i] = (ds_str){at, texts->size[i]};
    at += texts->size[i];
  }
  ds_encode_texts(w->views, texts->count, out);
  return DS_OK;
}

static ds_code put_texts(ds_part_writer *w, ds_column_kind kind, uint16_t name,
                         const ds_texts *texts, ds_error *err) {
  chunk_mark mark;
  TRY(chunk_begin(w, record_of(kind, name), &mark, err));
  TRY(encode_texts(w, texts, &mark.column->data, err));
  return chunk_end(w, mark, err);
}

// `count` zeroed scratch codes, or NULL.
static uint32_t *scratch(ds_part_writer *w, uint32_t count) {
  if (count > w->scratch_capacity) {
    uint32_t *moved = realloc(w->scratch, (size_t)count * 4);
    if (moved == NULL)
      return NULL;
    w->scratch = moved;
    w->scratch_capacity = count;
  }
  memset(w->scratch, 0, (size_t)count * 4);
  return w->scratch;
}

// Codes per event, then the lists of events with several values.
static ds_code put_key_codes(ds_part_writer *w, const key_state *key, ds_buf *out, ds_error *err) {
  uint32_t *codes = scratch(w, w->events);
  uint32_t *lists = malloc(((size_t)key->notes + 1) * 8);
  if (codes == NULL || lists == NULL) {
    free(lists);
    return no_memory(err);
  }
  uint32_t *items = lists + key->notes, list_count = 0, item_count = 0, journey = 0;
  uint64_t journey_end = w->journey_events[0];
  for (uint32_t i = 0; i < key->notes;) {
    const uint32_t event = key->note[i].event;
    while (event >= journey_end)
      journey_end += w->journey_events[++journey];
    uint32_t n = 1;
    while (i + n < key->notes && key->note[i + n].event == event)
      n++;
    codes[event] = n == 1 ? key->note[i].index + 1 : key->journey_values[journey] + 1;
    if (n > 1) {
      lists[list_count++] = n;
      for (uint32_t k = 0; k < n; k++)
        items[item_count++] = key->note[i + k].index;
    }
    i += n;
  }
  ds_buf_u32(out, list_count);
  ds_buf_u32(out, item_count);
  ds_encode_codes(codes, w->events, out);
  ds_encode_codes(lists, list_count, out);
  ds_encode_codes(items, item_count, out);
  free(lists);
  return DS_OK;
}

static ds_code put_key(ds_part_writer *w, uint16_t name, ds_error *err) {
  key_state *key = &w->keys[name];
  if (key->notes == 0)
    return DS_OK;
  chunk_mark mark;
  TRY(chunk_begin(w, record_of(DS_COLUMN_KEY_CODE, name), &mark, err));
  TRY(put_key_codes(w, key, &mark.column->data, err));
  TRY(chunk_end(w, mark, err));
  TRY(chunk_begin(w, record_of(DS_COLUMN_KEY_HASH, name), &mark, err));
  ds_encode_codes(key->journey_values, key->journeys, &mark.column->data);
  ds_encode_ints(key->hash, key->values, &mark.column->data);
  TRY(chunk_end(w, mark, err));
  return put_texts(w, DS_COLUMN_KEY_TEXT, name, &key->texts, err);
}

// The smallest decimal scale at which every value is an integer that gives the double back exactly.
static uint32_t number_scale(const uint64_t *bits, uint32_t count) {
  static const double factor[] = {1, 0, 100};
  for (uint32_t scale = 0; scale <= 2; scale += 2) {
    bool exact = true;
    for (uint32_t i = 0; exact && i < count; i++) {
      double value;
      memcpy(&value, &bits[i], 8);
      const double whole = nearbyint(value * factor[scale]);
      exact = fabs(whole) < 9e15 && whole / factor[scale] == value &&
              (value != 0 || !signbit(value));
    }
    if (exact)
      return scale;
  }
  return DS_SCALE_BITS;
}

static void put_numbers(uint64_t *bits, uint32_t count, ds_buf *out) {
  const uint32_t scale = number_scale(bits, count);
  ds_buf_u32(out, scale);
  for (uint32_t i = 0; scale != DS_SCALE_BITS && i < count; i++) {
    double value;
    memcpy(&value, &bits[i], 8);
    bits[i] = ds_zigzag((int64_t)nearbyint(value * (scale == 2 ? 100 : 1)));
  }
  ds_encode_ints(bits, count, out);
}

static ds_code put_property(ds_part_writer *w, property_state *state, ds_error *err) {
  if (state->count == 0)
    return DS_OK;
  const uint32_t events = w->touchpoints[state->touchpoint].events;
  assert(state->count <= events);
  chunk_mark mark;
  const ds_column_record record = {
      DS_COLUMN_PROPERTY, state->type, state->touchpoint, state->name, 0};
  TRY(chunk_begin(w, record, &mark, err));
  ds_buf *out = &mark.column->data;
  ds_buf_u32(out, state->count);
  if (state->count < events) {
    uint32_t *present = scratch(w, events);
    if (present == NULL)
      return no_memory(err);
    for (uint32_t i = 0; i < state->count; i++)
      present[state->ordinal[i]] = 1;
    ds_encode_codes(present, events, out);
  }
  if (ds_type_is_bytes((ds_type)state->type)) {
    TRY(encode_texts(w, &state->texts, out, err));
  } else if (state->type == DS_TYPE_NUMBER) {
    put_numbers(state->value, state->count, out);
  } else {
    for (uint32_t i = 0; i < state->count; i++)
      state->value[i] = ds_zigzag((int64_t)state->value[i]);
    ds_encode_ints(state->value, state->count, out);
  }
  return chunk_end(w, mark, err);
}

// The columns that every block has.
static ds_code put_fixed(ds_part_writer *w, ds_error *err) {
  const int64_t base = ds_floor_s(w->zone.time_min_ms);
  for (uint32_t j = 0; j < w->journeys; j++)
    w->start_s[j] = (uint64_t)((int64_t)w->start_s[j] - base);
  TRY(put_ints(w, DS_COLUMN_JOURNEY_EVENTS, w->journey_events, w->journeys, err));
  TRY(put_ints(w, DS_COLUMN_CUSTOMER, w->customer, w->journeys, err));
  TRY(put_ints(w, DS_COLUMN_START_S, w->start_s, w->journeys, err));
  chunk_mark mark;
  TRY(chunk_begin(w, record_of(DS_COLUMN_GAP_S, 0), &mark, err));
  ds_encode_gaps(w->gap, w->events, &mark.column->data);
  TRY(chunk_end(w, mark, err));
  if (w->any_millis) {
    TRY(chunk_begin(w, record_of(DS_COLUMN_MILLIS, 0), &mark, err));
    ds_encode_millis(w->millis, w->events, &mark.column->data);
    TRY(chunk_end(w, mark, err));
  }
  TRY(chunk_begin(w, record_of(DS_COLUMN_TOUCHPOINT, 0), &mark, err));
  ds_encode_codes(w->touchpoint, w->events, &mark.column->data);
  TRY(chunk_end(w, mark, err));
  if (w->any_received)
    TRY(put_ints(w, DS_COLUMN_RECEIVED, w->received, w->events, err));
  TRY(put_ints(w, DS_COLUMN_ARRIVAL, w->arrival, w->events, err));
  TRY(put_ints(w, DS_COLUMN_SOURCE, w->source, w->events, err));
  TRY(put_ints(w, DS_COLUMN_IMPORT, w->import, w->events, err));
  TRY(put_ints(w, DS_COLUMN_ID, w->id, w->events, err));
  TRY(put_ints(w, DS_COLUMN_SUBJECT_HASH, w->subject_hash, w->journeys, err));
  return put_texts(w, DS_COLUMN_SUBJECT_TEXT, 0, &w->subjects, err);
}

static void empty_block(ds_part_writer *w) {
  w->part_events += w->events;
  w->blocks++;
  w->journeys = w->events = 0;
  w->any_millis = w->any_received = false;
  ds_texts_reset(&w->subjects);
  for (uint32_t k = 0; k < w->keys_count; k++) {
    key_state *key = &w->keys[k];
    key->values = key->journeys = key->notes = key->journey_first = 0;
    ds_texts_reset(&key->texts);
  }
  for (uint32_t p = 0; p < w->properties_count; p++) {
    w->properties[p].count = 0;
    ds_texts_reset(&w->properties[p].texts);
  }
  for (uint32_t t = 0; t < w->touchpoints_count; t++)
    w->touchpoints[t].events = 0;
}

ds_code ds_block_flush(ds_part_writer *w, ds_error *err) {
  if (w->events == 0)
    return DS_OK;
  w->zone.journeys = w->journeys;
  w->zone.events = w->events;
  w->zone.customer_last = w->customer_last;
  if (w->blocks == w->zones_capacity) {
    const uint32_t wanted = w->zones_capacity == 0 ? DS_PART_BLOCKS_MAX : w->zones_capacity * 2;
    ds_block_zone *moved = realloc(w->zones, wanted * sizeof *moved);
    if (moved == NULL)
      return no_memory(err);
    w->zones = moved;
    w->zones_capacity = wanted;
  }
  w->zones[w->blocks] = w->zone;
  ds_buf_u32(&w->presence, w->touchpoints_count);
  for (uint32_t t = 0; t < w->touchpoints_count; t++)
    ds_buf_u8(&w->presence, w->touchpoints[t].events > 0);
  TRY(ds_buf_check(&w->presence, "a part's touchpoints", err));
  TRY(put_fixed(w, err));
  for (uint32_t k = 0; k < w->keys_count; k++)
    TRY(put_key(w, (uint16_t)k, err));
  for (uint32_t p = 0; p < w->properties_count; p++)
    TRY(put_property(w, &w->properties[p], err));
  empty_block(w);
  return DS_OK;
}
