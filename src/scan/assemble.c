// SPDX-License-Identifier: Apache-2.0
// See assemble.h. Columns of one width are handled by one loop over a table.
#include "scan/assemble.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/limits.h"
#include "base/resize.h"
#include "model/block_columns.h"

// Up to so many case values of a journey are looked through, of more the map.
enum { VALUES_FEW = 16 };

// How far a packed column has come: values, and the words of 64 events that `before` is told of.
typedef struct ds_packing {
  uint32_t values;
  uint32_t capacity;
  uint32_t words;
} ds_packing;

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for a block of events");
}

// The value array of a property column and the width of its values.
static void *property_data(const ds_property_column *column, uint32_t *ret_width) {
  *ret_width = ds_type_is_bytes(column->type) ? sizeof(ds_str) : 8;
  if (ds_type_is_bytes(column->type))
    return column->text;
  return column->type == DS_TYPE_NUMBER ? (void *)column->number : (void *)column->i;
}

// Room for so many values of a property: only of the type in which it is read, where that is known.
static bool values_grow(ds_assembly *assembly, uint32_t p, uint32_t capacity) {
  const ds_type *types = assembly->columns.property_types;
  ds_property_column *column = &assembly->block.property[p];
  const bool text = types == NULL || ds_type_is_bytes(types[p]);
  const bool number = types == NULL || types[p] == DS_TYPE_NUMBER;
  const bool integer = types == NULL || (!text && !number && types[p] != DS_TYPE_NULL);
  return (!number || ds_resize(&column->number, capacity, 8)) &&
         (!integer || ds_resize(&column->i, capacity, 8)) &&
         (!text || ds_resize(&column->text, capacity, sizeof *column->text));
}

static bool properties_grow(ds_assembly *assembly, uint32_t capacity) {
  const size_t words_old = (assembly->events_capacity + 63u) / 64, words = (capacity + 63u) / 64;
  for (uint32_t p = 0; p < assembly->columns.properties_count; p++) {
    ds_property_column *column = &assembly->block.property[p];
    if (!ds_resize(&column->present, words, 8))
      return false;
    memset(column->present + words_old, 0, (words - words_old) * 8);
    if (assembly->packing == NULL ? !values_grow(assembly, p, capacity)
                                  : !ds_resize(&column->before, words, sizeof *column->before))
      return false;
  }
  return true;
}

static ds_code reserve_events(ds_assembly *assembly, uint32_t more, ds_error *err) {
  ds_block *block = &assembly->block;
  const uint64_t need = (uint64_t)block->events + more;
  if (need <= assembly->events_capacity)
    return DS_OK;
  if (need > UINT32_MAX / 4)
    return ds_fail(err, DS_LIMIT, "a customer has too many events for one block");
  const uint32_t capacity = need < DS_BLOCK_EVENTS ? DS_BLOCK_EVENTS : (uint32_t)(need * 5 / 4);
  for (uint32_t c = 0; c < DS_BLOCK_COLUMNS; c++)
    if ((assembly->columns.want & ds_block_columns[c].want) != 0 &&
        !ds_resize((char *)block + ds_block_columns[c].at, capacity, ds_block_columns[c].width))
      return no_memory(err);
  if (!properties_grow(assembly, capacity))
    return no_memory(err);
  for (uint32_t k = 0; k < assembly->columns.keys_count; k++)
    if (!ds_resize(&block->key[k].first, capacity + 1u, sizeof *block->key[k].first))
      return no_memory(err);
  assembly->events_capacity = capacity;
  return DS_OK;
}

static ds_code reserve_journeys(ds_assembly *assembly, uint32_t more, ds_error *err) {
  ds_block *block = &assembly->block;
  const uint32_t need = block->journeys + more;
  if (need <= assembly->journeys_capacity)
    return DS_OK;
  const uint32_t capacity = need < 4096 ? 4096 : need + need / 2;
  if (!ds_resize(&block->offset, capacity + 1u, sizeof *block->offset) ||
      !ds_resize(&block->customer, capacity, sizeof *block->customer) ||
      !ds_resize(&block->subject, capacity, sizeof *block->subject) ||
      !ds_resize(&assembly->case_hash, capacity, sizeof *assembly->case_hash) ||
      !ds_resize(&assembly->case_text, capacity, sizeof *assembly->case_text))
    return no_memory(err);
  for (uint32_t k = 0; k < assembly->columns.keys_count; k++)
    if (!ds_resize(&block->key[k].offset, capacity + 1u, sizeof *block->key[k].offset))
      return no_memory(err);
  assembly->journeys_capacity = capacity;
  return DS_OK;
}

static ds_code grow_values(ds_assembly *assembly, uint32_t k, uint32_t items, uint32_t values,
                           uint32_t more_items, uint32_t more_values, ds_error *err) {
  ds_key_column *key = &assembly->block.key[k];
  if (items + more_items > assembly->items_capacity[k]) {
    const uint32_t capacity = (items + more_items) * 2 + 64;
    if (!ds_resize(&key->item, capacity, sizeof *key->item))
      return no_memory(err);
    assembly->items_capacity[k] = capacity;
  }
  if (values + more_values > assembly->values_capacity[k]) {
    const uint32_t capacity = (values + more_values) * 2 + 64;
    if (!ds_resize(&key->hash, capacity, sizeof *key->hash) ||
        !ds_resize(&key->text, capacity, sizeof *key->text))
      return no_memory(err);
    assembly->values_capacity[k] = capacity;
  }
  return DS_OK;
}

// Asked for each event, and almost always there is room.
static inline ds_code reserve_values(ds_assembly *assembly, uint32_t k, uint32_t items,
                                     uint32_t values, uint32_t more_items, uint32_t more_values,
                                     ds_error *err) {
  return items + more_items <= assembly->items_capacity[k] &&
                 values + more_values <= assembly->values_capacity[k]
             ? DS_OK
             : grow_values(assembly, k, items, values, more_items, more_values, err);
}

ds_code ds_assembly_init(ds_assembly *assembly, const ds_columns *columns, bool copy_texts,
                         ds_error *err) {
  assert((columns->want & DS_WANT_GAP) == 0);
  *assembly = (ds_assembly){.columns = *columns, .copy_texts = copy_texts};
  ds_map64_init(&assembly->seen);
  ds_arena_init(&assembly->texts, 1u << 30);
  ds_block *block = &assembly->block;
  block->properties_count = columns->properties_count;
  block->property = calloc(columns->properties_count + 1u, sizeof *block->property);
  block->key = calloc(columns->keys_count + 1u, sizeof *block->key);
  assembly->items_capacity = calloc(columns->keys_count + 1u, sizeof(uint32_t));
  assembly->values_capacity = calloc(columns->keys_count + 1u, sizeof(uint32_t));
  if (!block->property || !block->key || !assembly->items_capacity || !assembly->values_capacity)
    return no_memory(err);
  TRY(reserve_journeys(assembly, 1, err));
  return reserve_events(assembly, 1, err);
}

ds_code ds_assembly_room(ds_assembly *assembly, uint32_t events, uint32_t journeys,
                         ds_error *err) {
  assembly->block.events = assembly->block.journeys = 0;
  TRY(reserve_events(assembly, events, err));
  return reserve_journeys(assembly, journeys, err);
}

void ds_assembly_done(ds_assembly *assembly) {
  ds_block *block = &assembly->block;
  for (uint32_t c = 0; c < DS_BLOCK_COLUMNS; c++)
    free(ds_block_column_data(block, &ds_block_columns[c]));
  for (uint32_t p = 0; block->property != NULL && p < assembly->columns.properties_count; p++) {
    free(block->property[p].present);
    free(block->property[p].before);
    free(block->property[p].number);
    free(block->property[p].i);
    free(block->property[p].text);
  }
  for (uint32_t k = 0; block->key != NULL && k < assembly->columns.keys_count; k++) {
    free(block->key[k].first);
    free(block->key[k].item);
    free(block->key[k].hash);
    free(block->key[k].text);
    free(block->key[k].offset);
  }
  void *const rest[] = {block->property, block->key,       block->offset,
                        block->customer, block->subject,   assembly->case_hash,
                        assembly->case_text, assembly->items_capacity,
                        assembly->values_capacity, assembly->packing, assembly->place,
                        assembly->again};
  for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
    free(rest[i]);
  ds_map64_done(&assembly->seen);
  ds_arena_done(&assembly->texts);
  *assembly = (ds_assembly){0};
}

ds_code ds_assembly_pack(ds_assembly *assembly, ds_error *err) {
  const uint32_t count = assembly->columns.properties_count;
  assert(assembly->packing == NULL && assembly->block.events == 0);
  assembly->packing = calloc(count + 1u, sizeof *assembly->packing);
  // The room for values was made by event: from here on it grows by value.
  for (uint32_t p = 0; assembly->packing != NULL && p < count; p++)
    assembly->packing[p].capacity = assembly->events_capacity;
  return assembly->packing != NULL && properties_grow(assembly, assembly->events_capacity)
             ? DS_OK
             : no_memory(err);
}

// What is not to be had now is asked for again when it is needed.
void ds_assembly_foresee(ds_assembly *assembly, uint32_t times) {
  ds_block *block = &assembly->block;
  const uint32_t more = times - 1, most = UINT32_MAX / 8 / times;
  assert(times > 0);
  if (block->events > most || block->journeys > most ||
      reserve_events(assembly, block->events * more, NULL) != DS_OK ||
      reserve_journeys(assembly, block->journeys * more, NULL) != DS_OK)
    return;
  for (uint32_t p = 0; assembly->packing != NULL && p < assembly->columns.properties_count; p++) {
    ds_packing *packing = &assembly->packing[p];
    const uint32_t capacity = packing->values * times / 4 * 5;
    if (capacity > packing->capacity && values_grow(assembly, p, capacity))
      packing->capacity = capacity;
  }
  for (uint32_t k = 0; k < assembly->columns.keys_count; k++) {
    const uint32_t items = block->key[k].first[block->events], values = block->key[k].values;
    if (items > most || values > most ||
        grow_values(assembly, k, items, values, items * more, values * more, NULL) != DS_OK)
      return;
  }
}

uint64_t ds_assembly_bytes(const ds_assembly *assembly) {
  const ds_block *block = &assembly->block;
  uint64_t bytes = assembly->texts.used_bytes + (uint64_t)block->journeys * 64;
  for (uint32_t c = 0; c < DS_BLOCK_COLUMNS; c++)
    if ((assembly->columns.want & ds_block_columns[c].want) != 0)
      bytes += (uint64_t)block->events * ds_block_columns[c].width;
  for (uint32_t p = 0; p < assembly->columns.properties_count; p++) {
    const ds_packing *packing = assembly->packing == NULL ? NULL : &assembly->packing[p];
    uint32_t width = 0;
    property_data(&block->property[p], &width);
    bytes += packing == NULL ? (uint64_t)block->events * width
                             : (uint64_t)packing->values * width + packing->words * 12ull;
  }
  for (uint32_t k = 0; k < assembly->columns.keys_count; k++)
    bytes += (block->events + (uint64_t)block->key[k].first[block->events]) * sizeof(uint32_t) +
             block->key[k].values * (sizeof(uint64_t) + sizeof(ds_str));
  return bytes;
}

void ds_assembly_begin(ds_assembly *assembly) {
  ds_block *block = &assembly->block;
  block->journeys = block->events = 0;
  block->keys_count = assembly->columns.keys_count;
  for (uint32_t p = 0; p < assembly->columns.properties_count; p++) {
    block->property[p].type = DS_TYPE_NULL;
    memset(block->property[p].present, 0, (assembly->events_capacity + 63u) / 64 * 8);
    if (assembly->packing != NULL)
      assembly->packing[p].values = assembly->packing[p].words = 0;
  }
  for (uint32_t k = 0; k < assembly->columns.keys_count; k++) {
    block->key[k].values = 0;
    block->key[k].loose = false;
    block->key[k].first[0] = 0;
    block->key[k].offset[0] = 0;
  }
  block->offset[0] = 0;
  if (assembly->copy_texts)
    ds_arena_reset(&assembly->texts);
}

static bool text_keep(ds_assembly *assembly, ds_str *text) {
  if (!assembly->copy_texts || text->size == 0)
    return true;
  text->data = ds_arena_text(&assembly->texts, text->data, text->size);
  return text->data != NULL;
}

static bool bit_get(const uint64_t *bits, uint32_t at) { return bits[at / 64] >> (at % 64) & 1; }

static void bit_set(uint64_t *bits, uint32_t at) { bits[at / 64] |= 1ull << (at % 64); }

// Where event `at` puts its value in a packed column: behind all others.
static ds_code pack(ds_assembly *assembly, uint32_t p, uint32_t at, uint32_t *ret_place,
                    ds_error *err) {
  ds_packing *packing = &assembly->packing[p];
  if (packing->values == packing->capacity) {
    const uint32_t capacity = packing->capacity + packing->capacity / 4 + 1024;
    if (!values_grow(assembly, p, capacity))
      return no_memory(err);
    packing->capacity = capacity;
  }
  while (packing->words <= at / 64)
    assembly->block.property[p].before[packing->words++] = packing->values;
  *ret_place = packing->values++;
  return DS_OK;
}

// The two widths are known to the compiler, which would call memcpy for any.
static inline void value_copy(char *to, const char *from, uint32_t width) {
  if (width == 8)
    memcpy(to, from, 8);
  else
    memcpy(to, from, sizeof(ds_str));
}

// The value that stands at `place` of `from` becomes that of event `at`.
static ds_code property_event(ds_assembly *assembly, uint32_t p, uint32_t at,
                              const ds_property_column *from, uint32_t place, ds_error *err) {
  ds_property_column *to = &assembly->block.property[p];
  assert(from->type != DS_TYPE_NULL && (to->type == DS_TYPE_NULL || to->type == from->type));
  // The plan gave every block one type for it.
  to->type = from->type;
  uint32_t width = 0, target = at;
  if (assembly->packing != NULL)
    TRY(pack(assembly, p, at, &target, err));
  const char *source = property_data(from, &width);
  char *values = property_data(to, &width);
  value_copy(values + (size_t)target * width, source + (size_t)place * width, width);
  if (ds_type_is_bytes(to->type) && !text_keep(assembly, &to->text[target]))
    return no_memory(err);
  bit_set(to->present, at);
  return DS_OK;
}

// How many values of a packed column stand before those of events from `event` on.
static uint32_t values_before(const ds_property_column *column, uint32_t event) {
  const uint64_t below = column->present[event / 64] & ((1ull << (event % 64)) - 1);
  return column->before[event / 64] + (uint32_t)__builtin_popcountll(below);
}

static ds_code run_property(ds_assembly *assembly, uint32_t p, const ds_property_column *from,
                            uint32_t first, uint32_t last, ds_error *err) {
  const uint32_t base = assembly->block.events;
  uint32_t packed = DS_NONE;
  for (uint32_t e = first; e < last; e += 64) {
    const uint32_t n = last - e < 64 ? last - e : 64;
    for (uint64_t rest = ds_bits_get(from->present, e, n); rest != 0; rest &= rest - 1) {
      const uint32_t at = e + (uint32_t)__builtin_ctzll(rest);
      if (from->before != NULL)
        packed = packed == DS_NONE ? values_before(from, at) : packed + 1;
      TRY(property_event(assembly, p, base + at - first, from,
                         from->before == NULL ? at : packed, err));
    }
  }
  return DS_OK;
}

static ds_code run_properties(ds_assembly *assembly, const ds_block *from, uint32_t first,
                              uint32_t last, ds_error *err) {
  for (uint32_t p = 0; p < assembly->columns.properties_count; p++)
    if (from->property[p].type != DS_TYPE_NULL)
      TRY(run_property(assembly, p, &from->property[p], first, last, err));
  return DS_OK;
}

// Appends the values of journeys [first, last).
static ds_code run_values(ds_assembly *assembly, uint32_t k, const ds_block *from, uint32_t first,
                          uint32_t last, ds_error *err) {
  ds_key_column *to = &assembly->block.key[k];
  const ds_key_column *source = &from->key[k];
  const uint32_t v0 = source->offset[first], values = source->offset[last] - v0;
  TRY(reserve_values(assembly, k, 0, to->values, 0, values, err));
  if (values > 0)
    memcpy(to->hash + to->values, source->hash + v0, values * sizeof *to->hash);
  for (uint32_t v = 0; assembly->columns.key_texts && v < values; v++) {
    to->text[to->values + v] = source->text[v0 + v];
    if (!text_keep(assembly, &to->text[to->values + v]))
      return no_memory(err);
  }
  for (uint32_t j = first; j <= last; j++)
    to->offset[assembly->block.journeys + j - first] = source->offset[j] - v0 + to->values;
  to->values += values;
  return DS_OK;
}

// Appends the items of events [first, last), whose value number v0 is number `base` here.
static ds_code run_items(ds_assembly *assembly, uint32_t k, const ds_block *from, uint32_t first,
                         uint32_t last, uint32_t v0, uint32_t base, ds_error *err) {
  ds_key_column *to = &assembly->block.key[k];
  const ds_key_column *source = &from->key[k];
  const uint32_t events = assembly->block.events, items = to->first[events];
  const uint32_t i0 = source->first[first], more = source->first[last] - i0;
  TRY(reserve_values(assembly, k, items, 0, more, 0, err));
  for (uint32_t e = first; e <= last; e++)
    to->first[events + e - first] = source->first[e] - i0 + items;
  for (uint32_t i = 0; i < more; i++)
    to->item[items + i] = source->item[i0 + i] - v0 + base;
  return DS_OK;
}

static ds_code run_journeys(ds_assembly *assembly, const ds_block *from, uint32_t first,
                            uint32_t last, ds_error *err) {
  ds_block *block = &assembly->block;
  const uint32_t base = block->journeys;
  for (uint32_t j = first; j < last; j++) {
    block->customer[base + j - first] = from->customer[j];
    block->offset[base + j - first + 1] =
        block->events + from->offset[j + 1] - from->offset[first];
    if ((assembly->columns.want & DS_WANT_SUBJECT) != 0) {
      block->subject[base + j - first] = from->subject[j];
      if (!text_keep(assembly, &block->subject[base + j - first]))
        return no_memory(err);
    }
  }
  return DS_OK;
}

static void copy_columns(ds_assembly *assembly, const ds_block *from, uint32_t first,
                         uint32_t count) {
  for (uint32_t c = 0; c < DS_BLOCK_COLUMNS; c++) {
    const ds_block_column *row = &ds_block_columns[c];
    if ((assembly->columns.want & row->want) != 0)
      memcpy((char *)ds_block_column_data(&assembly->block, row) +
                 (size_t)assembly->block.events * row->width,
             (char *)ds_block_column_data(from, row) + (size_t)first * row->width,
             (size_t)count * row->width);
  }
}

ds_code ds_assembly_run(ds_assembly *assembly, const ds_block *from, uint32_t first,
                        uint32_t last, ds_error *err) {
  ds_block *block = &assembly->block;
  assert(first <= last && last <= from->journeys);
  const uint32_t e0 = from->offset[first], count = from->offset[last] - e0;
  TRY(reserve_events(assembly, count, err));
  TRY(reserve_journeys(assembly, last - first, err));
  copy_columns(assembly, from, e0, count);
  TRY(run_properties(assembly, from, e0, e0 + count, err));
  for (uint32_t k = 0; k < assembly->columns.keys_count; k++) {
    const uint32_t base = block->key[k].values;
    TRY(run_values(assembly, k, from, first, last, err));
    TRY(run_items(assembly, k, from, e0, e0 + count, from->key[k].offset[first], base, err));
  }
  TRY(run_journeys(assembly, from, first, last, err));
  block->events += count;
  block->journeys += last - first;
  assert(block->offset[block->journeys] == block->events);
  return DS_OK;
}

// Appends events [first, last) of a journey whose values stand here already.
static ds_code kept_run(ds_assembly *assembly, const ds_block *from, uint32_t journey,
                        uint32_t first, uint32_t last, ds_error *err) {
  ds_block *block = &assembly->block;
  copy_columns(assembly, from, first, last - first);
  TRY(run_properties(assembly, from, first, last, err));
  for (uint32_t k = 0; k < assembly->columns.keys_count; k++)
    TRY(run_items(assembly, k, from, first, last, from->key[k].offset[journey],
                  block->key[k].offset[block->journeys], err));
  block->events += last - first;
  return DS_OK;
}

ds_code ds_assembly_kept(ds_assembly *assembly, const ds_block *from, uint32_t journey,
                         const uint64_t *keep, ds_error *err) {
  ds_block *block = &assembly->block;
  const uint32_t end = from->offset[journey + 1];
  TRY(reserve_events(assembly, end - from->offset[journey], err));
  TRY(reserve_journeys(assembly, 1, err));
  for (uint32_t k = 0; k < assembly->columns.keys_count; k++)
    TRY(run_values(assembly, k, from, journey, journey + 1, err));
  for (uint32_t e = from->offset[journey]; e < end;) {
    const uint32_t first = e;
    while (e < end && bit_get(keep, e))
      e++;
    if (e > first)
      TRY(kept_run(assembly, from, journey, first, e, err));
    while (e < end && !bit_get(keep, e))
      e++;
  }
  block->customer[block->journeys] = from->customer[journey];
  if ((assembly->columns.want & DS_WANT_SUBJECT) != 0) {
    block->subject[block->journeys] = from->subject[journey];
    if (!text_keep(assembly, &block->subject[block->journeys]))
      return no_memory(err);
  }
  block->offset[++block->journeys] = block->events;
  return DS_OK;
}

ds_code ds_assembly_journey(ds_assembly *assembly, const ds_block *from, uint32_t journey,
                            ds_error *err) {
  TRY(reserve_journeys(assembly, 1, err));
  ds_block *block = &assembly->block;
  block->customer[block->journeys] = from->customer[journey];
  if ((assembly->columns.want & DS_WANT_SUBJECT) != 0) {
    block->subject[block->journeys] = from->subject[journey];
    if (!text_keep(assembly, &block->subject[block->journeys]))
      return no_memory(err);
  }
  return DS_OK;
}

// A case value in the map of those of the journey.
static uint64_t seen_key(uint32_t k, uint64_t hash) {
  return hash ^ (uint64_t)(k + 1) * 0x9e3779b97f4a7c15u;
}

// One more value of the journey, which has `count` of them.
static ds_code value_add(ds_assembly *assembly, uint32_t k, uint32_t count, uint64_t hash,
                         const ds_str *text, ds_error *err) {
  ds_key_column *to = &assembly->block.key[k];
  TRY(reserve_values(assembly, k, 0, to->values, 0, 1, err));
  to->hash[to->values] = hash;
  if (assembly->columns.key_texts) {
    to->text[to->values] = *text;
    if (!text_keep(assembly, &to->text[to->values]))
      return no_memory(err);
  }
  to->values++;
  if (count < VALUES_FEW)
    return DS_OK;
  for (uint32_t v = to->values - (count == VALUES_FEW ? count + 1 : 1); v < to->values; v++) {
    uint32_t *slot = ds_map64_put(&assembly->seen, seen_key(k, to->hash[v]));
    if (slot == NULL)
      return no_memory(err);
    *slot = v;
  }
  return DS_OK;
}

// The number in the block under construction of value `number` of a key; the same text may come
// from several places, so values are made one by their hash and key within the journey.
static ds_code value_of(ds_assembly *assembly, uint32_t k, const ds_key_column *source,
                        uint32_t number, uint32_t *ret_value, ds_error *err) {
  ds_key_column *to = &assembly->block.key[k];
  const uint64_t hash = source->hash[number];
  const uint32_t begin = to->offset[assembly->block.journeys], count = to->values - begin;
  uint32_t v = to->values;
  if (count > VALUES_FEW) {
    v = ds_map64_get(&assembly->seen, seen_key(k, hash));
  } else {
    // Mostly it is the event before's.
    while (v > begin && to->hash[v - 1] != hash)
      v--;
    v = v > begin ? v - 1 : DS_NONE;
  }
  if (v == DS_NONE) {
    v = to->values;
    TRY(value_add(assembly, k, count, hash,
                  assembly->columns.key_texts ? &source->text[number] : NULL, err));
  }
  *ret_value = v;
  return DS_OK;
}

// Appends the items of events [first, last) to those of the journey under construction.
static ds_code key_events(ds_assembly *assembly, uint32_t k, const ds_block *from, uint32_t first,
                          uint32_t last, ds_error *err) {
  ds_key_column *to = &assembly->block.key[k];
  const ds_key_column *source = &from->key[k];
  uint32_t at = assembly->block.events, items = to->first[at];
  TRY(reserve_values(assembly, k, items, 0, source->first[last] - source->first[first], 0, err));
  for (uint32_t e = first; e < last; e++) {
    for (uint32_t i = source->first[e]; i < source->first[e + 1]; i++)
      TRY(value_of(assembly, k, source, source->item[i], &to->item[items++], err));
    to->first[++at] = items;
  }
  return DS_OK;
}

ds_code ds_assembly_events(ds_assembly *assembly, const ds_block *from, uint32_t first,
                           uint32_t last, ds_error *err) {
  ds_block *block = &assembly->block;
  assert(first < last && last <= from->events);
  TRY(reserve_events(assembly, last - first, err));
  copy_columns(assembly, from, first, last - first);
  TRY(run_properties(assembly, from, first, last, err));
  for (uint32_t k = 0; k < assembly->columns.keys_count; k++)
    TRY(key_events(assembly, k, from, first, last, err));
  block->events += last - first;
  return DS_OK;
}

void ds_assembly_journey_end(ds_assembly *assembly) {
  ds_block *block = &assembly->block;
  assert(block->events > block->offset[block->journeys]);
  block->journeys++;
  block->offset[block->journeys] = block->events;
  for (uint32_t k = 0; k < assembly->columns.keys_count; k++)
    block->key[k].offset[block->journeys] = block->key[k].values;
  if (assembly->seen.count > 0)
    ds_map64_reset(&assembly->seen);
}

// Elements [first, first + count) of an array, or the first of them when they are many.
static inline void fetch(const void *array, uint32_t first, uint32_t count, size_t width) {
  const char *at = (const char *)array + first * width;
  const size_t bytes = count * width < 256 ? count * width : 256;
  for (size_t b = 0; b < bytes; b += 64)
    __builtin_prefetch(at + b);
}

void ds_assembly_fetch_place(const ds_assembly *assembly, uint32_t journey) {
  const ds_block *block = &assembly->block;
  fetch(block->offset, journey, 2, sizeof *block->offset);
  for (uint32_t k = 0; k < assembly->columns.keys_count; k++)
    fetch(block->key[k].offset, journey, 1, sizeof *block->key[k].offset);
}

void ds_assembly_fetch(const ds_assembly *assembly, uint32_t journey) {
  const ds_block *block = &assembly->block;
  const uint32_t first = block->offset[journey], count = block->offset[journey + 1] - first;
  for (uint32_t c = 0; c < DS_BLOCK_COLUMNS; c++)
    if ((assembly->columns.want & ds_block_columns[c].want) != 0)
      fetch(ds_block_column_data(block, &ds_block_columns[c]), first, count,
            ds_block_columns[c].width);
  for (uint32_t p = 0; p < assembly->columns.properties_count; p++)
    if (block->property[p].type != DS_TYPE_NULL)
      fetch(block->property[p].present, first / 64, 1, sizeof(uint64_t));
  for (uint32_t k = 0; k < assembly->columns.keys_count; k++) {
    const ds_key_column *key = &block->key[k];
    fetch(key->first, first, count, sizeof *key->first);
    fetch(key->hash, key->offset[journey], 1, sizeof *key->hash);
  }
}

const ds_block *ds_assembly_finish(ds_assembly *assembly) {
  assert(assembly->block.offset[assembly->block.journeys] == assembly->block.events);
  return &assembly->block;
}

static void gather_column(void *to, const void *from, uint32_t width,
                          const uint32_t *restrict index, uint32_t count) {
  if (width == 8) {
    uint64_t *restrict target = to;
    const uint64_t *restrict source = from;
    for (uint32_t i = 0; i < count; i++)
      target[i] = source[index[i]];
  } else if (width == 4) {
    uint32_t *restrict target = to;
    const uint32_t *restrict source = from;
    for (uint32_t i = 0; i < count; i++)
      target[i] = source[index[i]];
  } else {
    uint16_t *restrict target = to;
    const uint16_t *restrict source = from;
    assert(width == 2);
    for (uint32_t i = 0; i < count; i++)
      target[i] = source[index[i]];
  }
}

// Where each event of the source goes, DS_NONE for those that are left out. Of one that is listed
// several times that is its first place; the others are noted in `again`.
static ds_code places_find(ds_assembly *assembly, uint32_t events, const uint32_t *index,
                           uint32_t count, ds_error *err) {
  const uint32_t most = events > count ? events : count;
  if (most > assembly->places_capacity) {
    if (!ds_resize(&assembly->place, most, sizeof *assembly->place) ||
        !ds_resize(&assembly->again, most, sizeof *assembly->again))
      return no_memory(err);
    assembly->places_capacity = most;
  }
  memset(assembly->place, 0xff, events * sizeof *assembly->place);
  assembly->again_count = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (assembly->place[index[i]] == DS_NONE)
      assembly->place[index[i]] = i;
    else
      assembly->again[assembly->again_count++] = i;
  }
  return DS_OK;
}

// Puts the values of events, of one width, at their places; returns whether there is any. Most
// events lack most properties: so the values are gone through, not the events.
static inline __attribute__((always_inline)) bool
place_values(const uint32_t *place, const uint64_t *present, uint32_t events, const void *from,
             uint64_t *restrict to_present, void *restrict to, uint32_t width) {
  bool any = false;
  for (uint32_t first = 0; first < events; first += 64) {
    const uint32_t n = events - first < 64 ? events - first : 64;
    for (uint64_t word = ds_bits_get(present, first, n); word != 0; word &= word - 1) {
      const uint32_t e = first + (uint32_t)__builtin_ctzll(word), at = place[e];
      if (at == DS_NONE)
        continue;
      value_copy((char *)to + (size_t)at * width, (const char *)from + (size_t)e * width, width);
      bit_set(to_present, at);
      any = true;
    }
  }
  return any;
}

static ds_code gather_values(ds_assembly *assembly, uint32_t p, const ds_property_column *source,
                             uint32_t events, const uint32_t *index, ds_error *err) {
  ds_property_column *to = &assembly->block.property[p];
  uint32_t width = 0;
  const void *from = property_data(source, &width);
  to->type = source->type;
  void *values = property_data(to, &width);
  const bool any = width == 8 ? place_values(assembly->place, source->present, events, from,
                                             to->present, values, 8)
                              : place_values(assembly->place, source->present, events, from,
                                             to->present, values, sizeof(ds_str));
  if (!any)
    to->type = DS_TYPE_NULL;
  assert(source->before == NULL);
  for (uint32_t i = 0; i < assembly->again_count; i++) {
    const uint32_t at = assembly->again[i];
    if (bit_get(source->present, index[at]))
      TRY(property_event(assembly, p, at, source, index[at], err));
  }
  return DS_OK;
}

static ds_code gather_properties(ds_assembly *assembly, const ds_block *from,
                                 const uint32_t *index, uint32_t count, ds_error *err) {
  if (assembly->columns.properties_count > 0)
    TRY(places_find(assembly, from->events, index, count, err));
  for (uint32_t p = 0; p < assembly->columns.properties_count; p++) {
    ds_property_column *to = &assembly->block.property[p];
    const ds_property_column *source = &from->property[p];
    memset(to->present, 0, (count + 63u) / 64 * 8);
    to->type = DS_TYPE_NULL;
    if (source->type != DS_TYPE_NULL)
      TRY(gather_values(assembly, p, source, from->events, index, err));
  }
  return DS_OK;
}

// Appends the items of the listed events [first, last), moved by `shift`, at *items; there is room
// for one of each event that is left of the list.
static ds_code gather_items(ds_assembly *assembly, uint32_t k, const ds_key_column *source,
                            const ds_gather *list, uint32_t first, uint32_t last, uint32_t shift,
                            uint32_t *items, ds_error *err) {
  ds_key_column *to = &assembly->block.key[k];
  const uint32_t all = list->offset[list->journeys];
  uint32_t at = *items;
  for (uint32_t e = first; e < last; e++) {
    const uint32_t i = source->first[list->index[e]];
    const uint32_t count = source->first[list->index[e] + 1] - i;
    if (count > 1)
      TRY(reserve_values(assembly, k, at, 0, count + all - e, 0, err));
    for (uint32_t c = 0; c < count; c++)
      to->item[at++] = source->item[i + c] + shift;
    to->first[e + 1] = at;
  }
  *items = at;
  return DS_OK;
}

// The values stay as they are, whosever they were.
static ds_code gather_key_loose(ds_assembly *assembly, uint32_t k, const ds_block *from,
                                const ds_gather *list, ds_error *err) {
  ds_key_column *to = &assembly->block.key[k];
  const ds_key_column *source = &from->key[k];
  const uint32_t events = list->offset[list->journeys];
  uint32_t items = 0;
  TRY(reserve_values(assembly, k, 0, 0, events, source->values, err));
  if (source->values > 0)
    memcpy(to->hash, source->hash, source->values * sizeof *to->hash);
  if (assembly->columns.key_texts && source->values > 0)
    memcpy(to->text, source->text, source->values * sizeof *to->text);
  to->first[0] = 0;
  TRY(gather_items(assembly, k, source, list, 0, events, 0, &items, err));
  to->values = source->values;
  return DS_OK;
}

static ds_code gather_key(ds_assembly *assembly, uint32_t k, const ds_block *from,
                          const ds_gather *list, ds_error *err) {
  ds_key_column *to = &assembly->block.key[k];
  const ds_key_column *source = &from->key[k];
  to->loose = list->loose || source->loose;
  if (to->loose)
    return gather_key_loose(assembly, k, from, list, err);
  to->values = 0;
  to->first[0] = to->offset[0] = 0;
  uint32_t items = 0;
  TRY(reserve_values(assembly, k, 0, 0, list->offset[list->journeys], 0, err));
  for (uint32_t j = 0; j < list->journeys; j++) {
    const uint32_t v0 = source->offset[list->journey[j]];
    const uint32_t values = source->offset[list->journey[j] + 1] - v0;
    TRY(reserve_values(assembly, k, items, to->values, 0, values, err));
    for (uint32_t v = 0; v < values; v++)
      to->hash[to->values + v] = source->hash[v0 + v];
    for (uint32_t v = 0; assembly->columns.key_texts && v < values; v++)
      to->text[to->values + v] = source->text[v0 + v];
    TRY(gather_items(assembly, k, source, list, list->offset[j], list->offset[j + 1],
                     to->values - v0, &items, err));
    to->values += values;
    to->offset[j + 1] = to->values;
  }
  return DS_OK;
}

static void gather_journeys(ds_assembly *assembly, const ds_block *from, const ds_gather *list) {
  ds_block *block = &assembly->block;
  const bool subject = (assembly->columns.want & DS_WANT_SUBJECT) != 0;
  block->case_hash = from->case_hash == NULL ? NULL : assembly->case_hash;
  block->case_text = from->case_text == NULL ? NULL : assembly->case_text;
  for (uint32_t j = 0; j < list->journeys; j++) {
    block->customer[j] = from->customer[list->journey[j]];
    if (subject)
      block->subject[j] = from->subject[list->journey[j]];
    if (from->case_hash != NULL)
      block->case_hash[j] = from->case_hash[list->journey[j]];
    if (from->case_text != NULL)
      block->case_text[j] = from->case_text[list->journey[j]];
  }
  memcpy(block->offset, list->offset, (list->journeys + 1u) * sizeof *block->offset);
}

ds_code ds_assembly_gather(ds_assembly *assembly, const ds_block *from, const ds_gather *list,
                           ds_error *err) {
  ds_block *block = &assembly->block;
  const uint32_t count = list->offset[list->journeys];
  assert(!assembly->copy_texts);
  block->events = block->journeys = 0;
  TRY(reserve_events(assembly, count, err));
  TRY(reserve_journeys(assembly, list->journeys, err));
  for (uint32_t c = 0; c < DS_BLOCK_COLUMNS; c++) {
    const ds_block_column *row = &ds_block_columns[c];
    if ((assembly->columns.want & row->want) != 0)
      gather_column(ds_block_column_data(block, row), ds_block_column_data(from, row),
                    row->width, list->index, count);
  }
  TRY(gather_properties(assembly, from, list->index, count, err));
  block->keys_count = list->keys ? assembly->columns.keys_count : 0;
  for (uint32_t k = 0; k < block->keys_count; k++)
    TRY(gather_key(assembly, k, from, list, err));
  gather_journeys(assembly, from, list);
  block->events = count;
  block->journeys = list->journeys;
  return DS_OK;
}
