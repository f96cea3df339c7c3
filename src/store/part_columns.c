// SPDX-License-Identifier: Apache-2.0
// Decodes case keys (lists) and properties of a block into the reader's arena.
#include <assert.h>
#include <stdlib.h>

#include "base/bits.h"

#include "store/part_values.h"

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for the columns of a block");
}

// The part's own code of a snapshot's name, or DS_NONE.
static uint32_t local_code(const uint16_t *map, uint32_t count, uint16_t code) {
  for (uint32_t i = 0; i < count; i++)
    if (map[i] == code)
      return i;
  return DS_NONE;
}

// Takes the next stream as codes in the arena; NULL when it does not decode.
static uint32_t *codes_of(ds_reader *in, uint32_t count, ds_arena *arena) {
  ds_stream stream;
  uint32_t *codes = ds_arena_room(arena, (size_t)count + 1, 4);
  if (codes == NULL || !ds_stream_next(in, &stream) ||
      !ds_decode_codes(&stream, count, arena, codes))
    return NULL;
  return codes;
}

// Values per journey (offset) and their hashes, texts when wanted.
static ds_code read_values(const ds_block_task *t, uint16_t key, uint64_t values_max,
                           ds_key_column *out, ds_error *err) {
  ds_block_reader *r = t->reader;
  const uint32_t journeys = t->out->journeys;
  const uint32_t column = ds_part_column(t->part, DS_COLUMN_KEY_HASH, key);
  if (column == DS_NONE)
    return ds_fail(err, DS_CORRUPT, "part %llu lacks the values of a case key",
                   (unsigned long long)t->part->info.number);
  ds_reader in;
  TRY(ds_part_chunk(t->part, column, t->block, &r->chunk, &in, err));
  const uint32_t *counts = codes_of(&in, journeys, &r->arena);
  if (counts == NULL)
    return ds_block_unsound(t, column, err);
  uint64_t values = 0;
  for (uint32_t j = 0; j < journeys; j++) {
    out->offset[j] = (uint32_t)values;
    values += counts[j];
  }
  ds_stream stream;
  if (values > values_max || !ds_stream_next(&in, &stream))
    return ds_block_unsound(t, column, err);
  out->offset[journeys] = out->values = (uint32_t)values;
  out->hash = ds_arena_room(&r->arena, values + 1, 8);
  if (out->hash == NULL)
    return no_memory(err);
  if (!ds_decode_ints(&stream, out->values, out->hash))
    return ds_block_unsound(t, column, err);
  if (!t->columns->key_texts)
    return DS_OK;
  const uint32_t texts = ds_part_column(t->part, DS_COLUMN_KEY_TEXT, key);
  if (texts == DS_NONE)
    return ds_fail(err, DS_CORRUPT, "part %llu lacks the texts of a case key",
                   (unsigned long long)t->part->info.number);
  out->text = ds_arena_room(&r->arena, values + 1, sizeof *out->text);
  if (out->text == NULL)
    return no_memory(err);
  TRY(ds_part_chunk(t->part, texts, t->block, &r->chunk, &in, err));
  if (!ds_stream_next(&in, &stream) ||
      !ds_decode_texts(&stream, out->values, &r->arena, out->text))
    return ds_block_unsound(t, texts, err);
  return DS_OK;
}

// The same where no event has a list, without a branch for events that have none: their successor
// writes over what they wrote.
static bool expand_single(const ds_block *block, ds_key_column *out, const uint32_t *codes) {
  uint32_t at = 0, bad = 0;
  for (uint32_t j = 0; j < block->journeys; j++) {
    const uint32_t base = out->offset[j], values = out->offset[j + 1] - base;
    for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++) {
      out->first[e] = at;
      out->item[at] = base + codes[e] - 1;
      at += codes[e] != 0;
      bad |= codes[e] > values;
    }
  }
  out->first[block->events] = at;
  return bad == 0;
}

// Codes per event (0 none, i + 1 value i, values + 1 a list) -> first[] and item[].
static bool expand_items(const ds_block *block, ds_key_column *out, const uint32_t *codes,
                         const uint32_t *lists, uint32_t lists_count, const uint32_t *items,
                         uint32_t items_count) {
  if (lists_count == 0)
    return expand_single(block, out, codes);
  uint32_t at = 0, list = 0, item = 0;
  for (uint32_t j = 0; j < block->journeys; j++) {
    const uint32_t base = out->offset[j], values = out->offset[j + 1] - base;
    for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++) {
      out->first[e] = at;
      if (codes[e] == 0)
        continue;
      if (codes[e] <= values) {
        out->item[at++] = base + codes[e] - 1;
        continue;
      }
      if (codes[e] > values + 1 || list >= lists_count || lists[list] > items_count - item)
        return false;
      for (uint32_t i = 0; i < lists[list]; i++, item++) {
        if (items[item] >= values)
          return false;
        out->item[at++] = base + items[item];
      }
      list++;
    }
  }
  out->first[block->events] = at;
  return true;
}

static ds_code read_key(const ds_block_task *t, uint16_t key, ds_key_column *out, ds_error *err) {
  ds_block_reader *r = t->reader;
  const uint32_t events = t->out->events;
  out->first = ds_arena_room(&r->arena, (size_t)events + 1, 4);
  out->offset = ds_arena_array(&r->arena, (size_t)t->out->journeys + 1, 4);
  if (out->first == NULL || out->offset == NULL)
    return no_memory(err);
  const uint32_t local = local_code(t->place->key, t->part->space.keys.count, key);
  const uint32_t column =
      local == DS_NONE ? DS_NONE : ds_part_column(t->part, DS_COLUMN_KEY_CODE, (uint16_t)local);
  ds_reader in = ds_reader_of(NULL, 0);
  if (column != DS_NONE)
    TRY(ds_part_chunk(t->part, column, t->block, &r->chunk, &in, err));
  if (in.at == in.end) {
    memset(out->first, 0, ((size_t)events + 1) * sizeof *out->first);
    return DS_OK;
  }
  const uint32_t lists_count = ds_read_u32(&in), items_count = ds_read_u32(&in);
  if (in.failed || lists_count > events || items_count > (uint64_t)events * DS_EVENT_KEYS_MAX)
    return ds_block_unsound(t, column, err);
  const uint32_t *codes = codes_of(&in, events, &r->arena);
  const uint32_t *lists = codes == NULL ? NULL : codes_of(&in, lists_count, &r->arena);
  const uint32_t *items = lists == NULL ? NULL : codes_of(&in, items_count, &r->arena);
  out->item = ds_arena_room(&r->arena, (size_t)events + items_count + 1, 4);
  if (items == NULL || out->item == NULL)
    return ds_block_unsound(t, column, err);
  // Every value is carried by an event, so a part that claims more is not believed.
  TRY(read_values(t, (uint16_t)local, (uint64_t)events + items_count, out, err));
  if (!expand_items(t->out, out, codes, lists, lists_count, items, items_count))
    return ds_block_unsound(t, column, err);
  return DS_OK;
}

ds_code ds_block_keys(const ds_block_task *t, ds_error *err) {
  const uint32_t count = t->columns->keys_count;
  if (count == 0)
    return DS_OK;
  t->out->keys_count = count;
  t->out->key = ds_arena_array(&t->reader->arena, count, sizeof *t->out->key);
  if (t->out->key == NULL)
    return no_memory(err);
  for (uint32_t k = 0; k < count; k++)
    TRY(read_key(t, t->columns->keys[k], &t->out->key[k], err));
  return DS_OK;
}

static bool decode_numbers(ds_reader *in, uint32_t count, uint64_t *ints, double *out) {
  const uint32_t scale = ds_read_u32(in);
  ds_stream stream;
  if ((scale != 0 && scale != 2 && scale != DS_SCALE_BITS) || !ds_stream_next(in, &stream) ||
      !ds_decode_ints(&stream, count, ints))
    return false;
  if (scale == DS_SCALE_BITS)
    memcpy(out, ints, (size_t)count * 8);
  for (uint32_t i = 0; scale != DS_SCALE_BITS && i < count; i++)
    out[i] = (double)ds_unzigzag(ints[i]) / (scale == 2 ? 100.0 : 1.0);
  return true;
}

// The values of one property chunk, in event order; `ds_str`, `double` or `int64_t` by type.
static void *decode_values(ds_reader *in, ds_type type, uint32_t count, ds_arena *arena) {
  const size_t element = ds_type_is_bytes(type) ? sizeof(ds_str) : 8;
  void *values = ds_arena_room(arena, (size_t)count + 1, element);
  if (values == NULL)
    return NULL;
  ds_stream stream;
  if (ds_type_is_bytes(type))
    return ds_stream_next(in, &stream) && ds_decode_texts(&stream, count, arena, values) ? values
                                                                                        : NULL;
  uint64_t *ints = ds_arena_room(arena, (size_t)count + 1, 8);
  if (ints == NULL)
    return NULL;
  if (type == DS_TYPE_NUMBER)
    return decode_numbers(in, count, ints, values) ? values : NULL;
  if (!ds_stream_next(in, &stream) || !ds_decode_ints(&stream, count, ints))
    return NULL;
  for (uint32_t i = 0; i < count; i++)
    ((int64_t *)values)[i] = ds_unzigzag(ints[i]);
  return values;
}

// Which of 64 codes are `code`, as a word.
static inline uint64_t word_of(const uint16_t *restrict codes, uint16_t code) {
  uint8_t met[64];
  for (uint32_t i = 0; i < 64; i++)
    met[i] = codes[i] == code;
  return ds_bits_pack64(met);
}

// The events of a touchpoint, by the part's code; looked for once a block.
static ds_code events_of(const ds_block_task *t, uint16_t touchpoint,
                         const ds_touchpoint_events **ret_events, ds_error *err) {
  ds_block_reader *r = t->reader;
  if (r->events_of == NULL)
    r->events_of =
        ds_arena_array(&r->arena, t->part->space.touchpoints.count + 1u, sizeof *r->events_of);
  if (r->events_of == NULL)
    return no_memory(err);
  ds_touchpoint_events *found = &r->events_of[touchpoint];
  *ret_events = found;
  if (found->bits != NULL)
    return DS_OK;
  const uint16_t code = t->place->touchpoint[touchpoint];
  const uint16_t *restrict all = t->out->touchpoint;
  uint64_t *bits = ds_arena_array(&r->arena, t->out->events / 64u + 1, sizeof *bits);
  if (bits == NULL)
    return no_memory(err);
  const uint32_t whole = t->out->events / 64;
  for (uint32_t w = 0; w < whole; w++)
    bits[w] = word_of(all + w * 64, code);
  for (uint32_t e = whole * 64; e < t->out->events; e++)
    bits[whole] |= (uint64_t)(all[e] == code) << (e % 64);
  for (uint32_t w = 0; w <= whole; w++)
    found->count += (uint32_t)__builtin_popcountll(bits[w]);
  found->bits = bits;
  return DS_OK;
}

ds_code ds_block_property_values(const ds_block_task *t, uint32_t column,
                                 ds_property_values *ret_values, ds_error *err) {
  ds_block_reader *r = t->reader;
  const ds_column_record *record = &t->part->column[column];
  ds_property_values v = {.type = (ds_type)record->type};
  ds_reader in;
  TRY(ds_part_chunk(t->part, column, t->block, &r->chunk, &in, err));
  if (in.at != in.end) {
    const ds_touchpoint_events *events = NULL;
    TRY(events_of(t, record->touchpoint, &events, err));
    v.events = events->count;
    v.count = ds_read_u32(&in);
    if (in.failed || v.count > v.events)
      return ds_block_unsound(t, column, err);
    if (v.count < v.events && (v.present = codes_of(&in, v.events, &r->arena)) == NULL)
      return ds_block_unsound(t, column, err);
    uint32_t present = v.present == NULL ? v.count : 0;
    for (uint32_t i = 0; v.present != NULL && i < v.events; i++)
      present += v.present[i] != 0;
    v.any = decode_values(&in, v.type, v.count, &r->arena);
    if (v.any == NULL || present != v.count)
      return ds_block_unsound(t, column, err);
  }
  *ret_values = v;
  return DS_OK;
}

// Puts values, of one width, at the events of their touchpoint.
static inline __attribute__((always_inline)) void
spread_wide(const uint64_t *bits, uint32_t events, const ds_property_values *v, uint64_t *present,
            void *to, size_t width) {
  uint32_t ordinal = 0, next = 0;
  for (uint32_t w = 0; w < (events + 63) / 64; w++) {
    uint64_t with = 0;
    for (uint64_t rest = bits[w]; rest != 0; rest &= rest - 1) {
      if (v->present != NULL && v->present[ordinal++] == 0)
        continue;
      const size_t e = w * 64 + (uint32_t)__builtin_ctzll(rest);
      assert(next < v->count);
      with |= rest & -rest;
      memcpy((char *)to + e * width, (const char *)v->any + next++ * width, width);
    }
    present[w] |= with;
  }
}

static void spread(const uint64_t *bits, uint32_t events, const ds_property_values *v,
                   ds_property_column *out) {
  if (out->text != NULL)
    spread_wide(bits, events, v, out->present, out->text, sizeof *out->text);
  else if (out->type == DS_TYPE_NUMBER)
    spread_wide(bits, events, v, out->present, out->number, sizeof *out->number);
  else
    spread_wide(bits, events, v, out->present, out->i, sizeof *out->i);
}

static ds_code read_property(const ds_block_task *t, uint32_t column, ds_property_column *out,
                             ds_error *err) {
  const uint16_t touchpoint = t->part->column[column].touchpoint;
  const ds_touchpoint_events *events = NULL;
  ds_property_values values;
  TRY(ds_block_property_values(t, column, &values, err));
  if (values.count == 0)
    return DS_OK;
  TRY(events_of(t, touchpoint, &events, err));
  spread(events->bits, t->out->events, &values, out);
  return DS_OK;
}

bool ds_part_next_property(const ds_part *part, uint32_t *column, ds_property_use *ret_use) {
  for (; *column < part->columns; ++*column) {
    const ds_column_record *record = &part->column[*column];
    if (record->kind != DS_COLUMN_PROPERTY)
      continue;
    *ret_use = (ds_property_use){*column, record->touchpoint, record->name,
                                 (ds_type)record->type};
    ++*column;
    return true;
  }
  return false;
}

ds_code ds_part_count_values(const ds_part *part, uint32_t column, uint64_t *ret_values,
                             ds_error *err) {
  assert(column < part->columns && part->column[column].kind == DS_COLUMN_PROPERTY);
  ds_buf chunk;
  ds_buf_init(&chunk, (size_t)1 << 32);
  uint64_t values = 0;
  ds_code code = DS_OK;
  for (uint32_t b = 0; code == DS_OK && b < part->info.blocks; b++) {
    ds_reader in;
    code = ds_part_chunk(part, column, b, &chunk, &in, err);
    if (code == DS_OK && in.at != in.end)
      values += ds_read_u32(&in);
  }
  ds_buf_done(&chunk);
  if (code == DS_OK)
    *ret_values = values;
  return code;
}

// The type in which a property is read: `wanted`, when it is not NULL and the part has it; else,
// when nothing is wanted, the lowest of the part's.
static ds_type read_type(const ds_part *part, uint32_t local, const ds_type *wanted) {
  ds_type type = DS_TYPE_NULL;
  for (uint32_t c = 0; c < part->columns; c++)
    if (part->column[c].kind == DS_COLUMN_PROPERTY && part->column[c].name == local &&
        (wanted == NULL ? type == DS_TYPE_NULL || part->column[c].type < type
                        : part->column[c].type == *wanted))
      type = (ds_type)part->column[c].type;
  return type;
}

// Room for `bytes` bytes of values of property p of the plan's; NULL without memory.
static void *value_room(ds_block_reader *r, uint32_t p, size_t bytes) {
  if (p >= r->values_count) {
    ds_value_room *grown = realloc(r->values, (p + 1u) * sizeof *grown);
    if (grown == NULL)
      return NULL;
    memset(grown + r->values_count, 0, (p + 1u - r->values_count) * sizeof *grown);
    r->values = grown;
    r->values_count = p + 1;
  }
  ds_value_room *room = &r->values[p];
  if (room->bytes < bytes) {
    free(room->data);
    room->data = malloc(bytes);
    room->bytes = room->data == NULL ? 0 : bytes;
  }
  return room->data;
}

// Whether the plan needs the values of a property column.
static bool is_wanted(const ds_block_task *t, uint32_t column, uint32_t property, ds_type type) {
  const ds_column_record *record = &t->part->column[column];
  if (record->kind != DS_COLUMN_PROPERTY || record->name != property || record->type != type)
    return false;
  const uint64_t *wanted = t->columns->touchpoints;
  const uint16_t touchpoint = t->place->touchpoint[record->touchpoint];
  return wanted == NULL || (wanted[touchpoint / 64] >> (touchpoint % 64) & 1) != 0;
}

// Reads property p of the plan's.
static ds_code read_property_name(const ds_block_task *t, uint32_t p, ds_property_column *out,
                                  ds_error *err) {
  const uint16_t name = t->columns->properties[p];
  const ds_type *wanted =
      t->columns->property_types == NULL ? NULL : &t->columns->property_types[p];
  ds_arena *arena = &t->reader->arena;
  const uint32_t events = t->out->events;
  const uint32_t local = local_code(t->place->property, t->part->space.properties.count, name);
  out->type = local == DS_NONE ? DS_TYPE_NULL : read_type(t->part, local, wanted);
  out->present = ds_arena_array(arena, (size_t)events / 64 + 1, 8);
  const bool bytes = ds_type_is_bytes(out->type);
  const size_t width = bytes ? sizeof(ds_str) : 8;
  void *values = value_room(t->reader, p, ((size_t)events + 1) * width);
  if (out->present == NULL || values == NULL)
    return no_memory(err);
  out->text = bytes ? values : NULL;
  out->number = out->type == DS_TYPE_NUMBER ? values : NULL;
  out->i = out->type > DS_TYPE_STRING && !bytes ? values : NULL;
  for (uint32_t c = 0; out->type != DS_TYPE_NULL && c < t->part->columns; c++)
    if (is_wanted(t, c, local, out->type))
      TRY(read_property(t, c, out, err));
  return DS_OK;
}

ds_code ds_block_properties(const ds_block_task *t, ds_error *err) {
  const uint32_t count = t->columns->properties_count;
  if (count == 0)
    return DS_OK;
  assert(t->out->touchpoint != NULL);
  t->out->properties_count = count;
  t->out->property = ds_arena_array(&t->reader->arena, count, sizeof *t->out->property);
  if (t->out->property == NULL)
    return no_memory(err);
  for (uint32_t p = 0; p < count; p++)
    TRY(read_property_name(t, p, &t->out->property[p], err));
  return DS_OK;
}
