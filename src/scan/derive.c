// SPDX-License-Identifier: Apache-2.0
// See derive.h. A block without virtual events goes by untouched; otherwise its events are gathered
// with places left free, and the virtual ones written into them.
#include "scan/derive.h"

#include <assert.h>
#include <stdlib.h>

#include "base/resize.h"

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for virtual touchpoints");
}

ds_code ds_virtuals_add(ds_virtuals *to, const ds_virtual *one, ds_error *err) {
  if (to->count == to->capacity) {
    const uint32_t capacity = to->capacity * 2 + 256;
    if (!ds_resize(&to->list, capacity, sizeof *to->list))
      return no_memory(err);
    to->capacity = capacity;
  }
  to->list[to->count++] = *one;
  return DS_OK;
}

static ds_code add_property(const ds_derivation *how, uint32_t p, ds_columns *columns,
                            ds_arena *arena, ds_error *err) {
  const uint32_t count = columns->properties_count;
  for (uint32_t c = 0; c < count; c++)
    if (columns->properties[c] == how->reads.properties[p] &&
        columns->property_types[c] == how->reads.property_types[p])
      return DS_OK;
  uint16_t *codes = ds_arena_array(arena, count + 1u, sizeof *codes);
  ds_type *types = ds_arena_array(arena, count + 1u, sizeof *types);
  if (codes == NULL || types == NULL)
    return no_memory(err);
  if (count > 0) {
    memcpy(codes, columns->properties, count * sizeof *codes);
    memcpy(types, columns->property_types, count * sizeof *types);
  }
  codes[count] = how->reads.properties[p];
  types[count] = how->reads.property_types[p];
  columns->properties = codes;
  columns->property_types = types;
  columns->properties_count = count + 1;
  return DS_OK;
}

static ds_code add_key(uint16_t code, ds_columns *columns, ds_arena *arena, ds_error *err) {
  const uint32_t count = columns->keys_count;
  for (uint32_t k = 0; k < count; k++)
    if (columns->keys[k] == code)
      return DS_OK;
  uint16_t *keys = ds_arena_array(arena, count + 1u, sizeof *keys);
  if (keys == NULL)
    return no_memory(err);
  if (count > 0)
    memcpy(keys, columns->keys, count * sizeof *keys);
  keys[count] = code;
  columns->keys = keys;
  columns->keys_count = count + 1;
  return DS_OK;
}

ds_code ds_derive_columns(const ds_derivation *how, ds_columns *columns, ds_arena *arena,
                          ds_error *err) {
  columns->want |= DS_WANT_TIME | DS_WANT_TOUCHPOINT;
  for (uint32_t p = 0; p < how->reads.properties_count; p++)
    TRY(add_property(how, p, columns, arena, err));
  for (uint32_t k = 0; k < how->reads.keys_count; k++)
    TRY(add_key(how->reads.keys[k], columns, arena, err));
  return how->has_order ? add_key(how->order_key, columns, arena, err) : DS_OK;
}

ds_code ds_derive_init(ds_derive_room *room, const ds_derivation *how, const ds_columns *columns,
                       ds_error *err) {
  *room = (ds_derive_room){.how = how, .keys_count = columns->keys_count};
  while (how->has_order && room->order_at < columns->keys_count &&
         columns->keys[room->order_at] != how->order_key)
    room->order_at++;
  room->key = calloc(columns->keys_count + 1u, sizeof *room->key);
  room->items_capacity = calloc(columns->keys_count + 1u, sizeof *room->items_capacity);
  if (room->key == NULL || room->items_capacity == NULL)
    return no_memory(err);
  TRY(ds_stage_init(&room->orders, columns, err));
  TRY(ds_assembly_init(&room->assembly, columns, false, err));
  return how->init(how->context, columns, &room->state, err);
}

void ds_derive_done(ds_derive_room *room) {
  if (room->how == NULL)
    return;
  if (room->state != NULL)
    room->how->done(room->state);
  ds_stage_done(&room->orders);
  ds_assembly_done(&room->assembly);
  for (uint32_t k = 0; room->key != NULL && k < room->keys_count; k++) {
    free(room->key[k].first);
    free(room->key[k].item);
  }
  void *const rest[] = {room->found.list, room->index, room->at,  room->offset,
                        room->journey,    room->key,   room->items_capacity};
  for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
    free(rest[i]);
  *room = (ds_derive_room){0};
}

// Finds what is derived from the block, each with its customer's journey.
static ds_code find(ds_derive_room *room, const ds_block *block, ds_error *err) {
  const ds_derivation *how = room->how;
  const ds_block *orders = block;
  room->found.count = 0;
  if (how->has_order)
    TRY(ds_stage_regroup(&room->orders,
                         &(ds_regrouping){.key = room->order_at, .keys_linked = true},
                         block, &orders, err));
  if (orders->events > 0)
    TRY(how->begin(room->state, orders, err));
  for (uint32_t j = 0; orders->events > 0 && j < orders->journeys; j++)
    TRY(how->order(room->state, orders, j, &room->found, err));
  const uint32_t of_orders = room->found.count;
  for (uint32_t j = 0; how->has_order && j < block->journeys; j++)
    TRY(how->loose(room->state, block, j, &room->found, err));
  for (uint32_t v = 0; v < room->found.count; v++) {
    ds_virtual *one = &room->found.list[v];
    for (uint32_t k = 0; k < DS_VIRTUAL_KEYS; k++)
      one->tie = one->tie * 0x9e3779b97f4a7c15u +
                 (one->column[k] == DS_NONE ? 0 : block->key[one->column[k]].hash[one->value[k]]);
    if (how->has_order && v < of_orders)
      one->journey = room->orders.journey[one->journey];
  }
  return DS_OK;
}

static int virtual_order(const void *a, const void *b) {
  const ds_virtual *x = a, *y = b;
  if (x->journey != y->journey)
    return x->journey < y->journey ? -1 : 1;
  if (x->time_ms != y->time_ms)
    return x->time_ms < y->time_ms ? -1 : 1;
  if (x->rank != y->rank)
    return x->rank < y->rank ? -1 : 1;
  return (x->tie > y->tie) - (x->tie < y->tie);
}

static ds_code room_make(ds_derive_room *room, const ds_block *block, ds_error *err) {
  const uint32_t events = block->events + room->found.count;
  if (events < block->events || events > UINT32_MAX / 4)
    return ds_fail(err, DS_LIMIT, "a customer has too many events for one block");
  if (events > room->events_capacity) {
    if (!ds_resize(&room->index, events, sizeof *room->index))
      return no_memory(err);
    room->events_capacity = events;
  }
  if (room->found.count > room->found_capacity) {
    if (!ds_resize(&room->at, room->found.count, sizeof *room->at))
      return no_memory(err);
    room->found_capacity = room->found.count;
  }
  if (block->journeys >= room->journeys_capacity) {
    if (!ds_resize(&room->offset, block->journeys + 1u, sizeof *room->offset) ||
        !ds_resize(&room->journey, block->journeys + 1u, sizeof *room->journey))
      return no_memory(err);
    room->journeys_capacity = block->journeys + 1;
  }
  return DS_OK;
}

// Where every event of the new block comes from: virtual ones stand behind real ones of the same
// instant.
static void weave(ds_derive_room *room, const ds_block *block) {
  uint32_t used = 0, v = 0;
  for (uint32_t j = 0; j < block->journeys; j++) {
    room->offset[j] = used;
    room->journey[j] = j;
    uint32_t e = block->offset[j];
    const uint32_t last = block->offset[j + 1];
    for (;;) {
      const bool some = v < room->found.count && room->found.list[v].journey == j;
      if (some && (e == last || block->time_ms[e] > room->found.list[v].time_ms)) {
        room->at[v++] = used;
        room->index[used++] = block->offset[j];
      } else if (e < last) {
        room->index[used++] = e++;
      } else {
        break;
      }
    }
  }
  room->offset[block->journeys] = used;
  assert(v == room->found.count && used == block->events + room->found.count);
}

static bool is_column(const ds_columns *columns, uint32_t p, const ds_virtual_use *use) {
  return columns->properties[p] == use->property && columns->property_types[p] == use->type;
}

// The values of virtual events in one of the columns.
static void fill_property(ds_derive_room *room, uint32_t p, uint32_t carried) {
  ds_property_column *to = &room->assembly.block.property[p];
  for (uint32_t v = 0; v < room->found.count; v++) {
    const ds_value *value = &room->found.list[v].property[carried];
    const uint32_t at = room->at[v];
    if (value->type == DS_TYPE_NULL)
      continue;
    assert(value->type == room->how->carried[carried].type);
    to->type = value->type;
    to->present[at / 64] |= 1ull << (at % 64);
    if (value->type == DS_TYPE_STRING)
      to->text[at] = value->text;
    else if (value->type == DS_TYPE_NUMBER)
      to->number[at] = value->number;
    else
      to->i[at] = value->i;
  }
}

static void fill_properties(ds_derive_room *room) {
  const ds_columns *columns = &room->assembly.columns;
  for (uint32_t c = 0; c < room->how->carried_count; c++)
    for (uint32_t p = 0; p < columns->properties_count; p++)
      if (is_column(columns, p, &room->how->carried[c]))
        fill_property(room, p, c);
}

// Makes the events at the places left free what they are.
static void fill(ds_derive_room *room) {
  ds_block *to = &room->assembly.block;
  const uint32_t want = room->assembly.columns.want;
  for (uint32_t v = 0; v < room->found.count; v++) {
    const ds_virtual *one = &room->found.list[v];
    const uint32_t at = room->at[v];
    to->time_ms[at] = one->time_ms;
    to->touchpoint[at] = one->touchpoint;
    if ((want & DS_WANT_RECEIVED) != 0)
      to->received_ms[at] = one->time_ms;
    if ((want & DS_WANT_ARRIVAL) != 0)
      to->arrival[at] = UINT64_MAX;
    if ((want & DS_WANT_ID) != 0)
      to->id[at] = 0;
    if ((want & DS_WANT_SOURCE) != 0)
      to->source[at] = 0;
    if ((want & DS_WANT_IMPORT) != 0)
      to->import[at] = 0;
    for (uint32_t p = 0; p < to->properties_count; p++)
      to->property[p].present[at / 64] &= ~(1ull << (at % 64));
  }
  fill_properties(room);
}

// The key column of the new block: values stay those of the old one.
static ds_code keys_fill(ds_derive_room *room, const ds_block *block, uint32_t k, ds_error *err) {
  const ds_key_column *from = &block->key[k];
  ds_key_column *to = &room->key[k];
  const uint32_t events = room->offset[block->journeys];
  const uint64_t items = (uint64_t)from->first[block->events] + room->found.count;
  if (!ds_resize(&to->first, events + 1u, sizeof *to->first))
    return no_memory(err);
  if (items > room->items_capacity[k] || to->item == NULL) {
    if (!ds_resize(&to->item, items, sizeof *to->item))
      return no_memory(err);
    room->items_capacity[k] = (uint32_t)items;
  }
  uint32_t used = 0, v = 0;
  for (uint32_t e = 0; e < events; e++) {
    to->first[e] = used;
    if (v < room->found.count && room->at[v] == e) {
      const ds_virtual *one = &room->found.list[v++];
      for (uint32_t i = 0; i < DS_VIRTUAL_KEYS; i++)
        if (one->column[i] == k)
          to->item[used++] = one->value[i];
      continue;
    }
    const uint32_t source = room->index[e];
    for (uint32_t i = from->first[source]; i < from->first[source + 1]; i++)
      to->item[used++] = from->item[i];
  }
  to->first[events] = used;
  to->values = from->values;
  to->hash = from->hash;
  to->text = from->text;
  to->offset = from->offset;
  to->loose = from->loose;
  return DS_OK;
}

ds_code ds_stage_derive(ds_derive_room *room, const ds_block *block, const ds_block **ret_block,
                        ds_error *err) {
  assert(block->keys_count <= room->keys_count);
  TRY(find(room, block, err));
  *ret_block = block;
  if (room->found.count == 0)
    return DS_OK;
  qsort(room->found.list, room->found.count, sizeof *room->found.list, virtual_order);
  TRY(room_make(room, block, err));
  weave(room, block);
  const ds_gather list = {.index = room->index, .offset = room->offset,
                          .journey = room->journey, .journeys = block->journeys};
  TRY(ds_assembly_gather(&room->assembly, block, &list, err));
  fill(room);
  for (uint32_t k = 0; k < block->keys_count; k++)
    TRY(keys_fill(room, block, k, err));
  room->block = room->assembly.block;
  room->block.key = room->key;
  room->block.keys_count = block->keys_count;
  *ret_block = &room->block;
  return DS_OK;
}
