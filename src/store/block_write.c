// SPDX-License-Identifier: Apache-2.0
// Collects the events of one block as arrays and turns them into chunks when the block is full.
// What is collected: arrays per journey and per event that every block has, a key_state per case
// key, and a property_state per (touchpoint, property, type). See part_format.h for what becomes
// of them.
#include "store/block_write.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "model/identifier.h"
#include "store/block_state.h"

// Makes room for one more element of an array that grows by doubling.
static bool room(void *array_of, uint32_t count, uint32_t *capacity, size_t element) {
  if (count < *capacity)
    return true;
  const uint32_t wanted = *capacity == 0 ? 64 : *capacity * 2;
  void **array = array_of;
  void *moved = realloc(*array, (size_t)wanted * element);
  if (moved == NULL)
    return false;
  *array = moved;
  *capacity = wanted;
  return true;
}

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory while writing a part");
}

// The writer's own code of a name, interned at its first use in the part.
static ds_code local_code(ds_names *local, uint16_t *map, const ds_names *names, uint16_t code,
                          uint16_t *ret_local, ds_error *err) {
  if (map[code] == UINT16_MAX) {
    uint32_t index = 0;
    TRY(ds_names_add(local, names->text[code], &index, err));
    map[code] = (uint16_t)index;
  }
  *ret_local = map[code];
  return DS_OK;
}

static bool event_room(ds_part_writer *w) {
  if (w->events < w->events_capacity)
    return true;
  const uint32_t wanted = w->events_capacity == 0 ? 81920 : w->events_capacity * 2;
  void **const arrays[] = {(void **)&w->gap,     (void **)&w->millis, (void **)&w->touchpoint,
                           (void **)&w->received, (void **)&w->arrival, (void **)&w->source,
                           (void **)&w->import,  (void **)&w->id};
  const size_t sizes[] = {4, 2, 4, 8, 8, 8, 8, 8};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
    void *moved = realloc(*arrays[i], (size_t)wanted * sizes[i]);
    if (moved == NULL)
      return false;
    *arrays[i] = moved;
  }
  w->events_capacity = wanted;
  return true;
}

// Notes the kind of a subject "kind=text"; most are of the kind of the one before.
static ds_code note_kind(ds_part_writer *w, ds_str subject, ds_error *err) {
  const char *equals = subject.size == 0 ? NULL : memchr(subject.data, '=', subject.size);
  const uint32_t size = equals == NULL ? 0 : (uint32_t)(equals - subject.data);
  const ds_str kind = {subject.data, size};
  if (size == 0 || (w->kind < w->kinds.count && ds_str_equal(w->kinds.text[w->kind], kind)))
    return DS_OK;
  // No event is refused for its kind: past some thousands only what must be known is listed.
  if (w->kinds.count >= DS_KINDS_LISTED_MAX && !ds_identifier_is_object(kind))
    return DS_OK;
  return ds_names_add(&w->kinds, kind, &w->kind, err);
}

ds_code ds_part_writer_journey(ds_part_writer *w, uint32_t customer, uint64_t hash, ds_str subject,
                               ds_error *err) {
  assert(w->journeys == 0 || customer > w->customer_last);
  if (w->journeys == w->journeys_capacity) {
    const uint32_t wanted = w->journeys_capacity == 0 ? 4096 : w->journeys_capacity * 2;
    uint64_t **const arrays[] = {&w->journey_events, &w->customer, &w->start_s, &w->subject_hash};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
      uint64_t *moved = realloc(*arrays[i], (size_t)wanted * 8);
      if (moved == NULL)
        return no_memory(err);
      *arrays[i] = moved;
    }
    w->journeys_capacity = wanted;
  }
  if (w->journeys == 0)
    w->zone.customer_first = customer;
  w->customer[w->journeys] = w->journeys == 0 ? 0 : customer - w->customer_last - 1;
  w->subject_hash[w->journeys] = hash;
  w->customer_last = customer;
  w->journey_first_event = w->events;
  for (uint32_t k = 0; k < w->keys_count; k++)
    w->keys[k].journey_first = w->keys[k].values;
  TRY(note_kind(w, subject, err));
  return ds_texts_add(&w->subjects, subject) ? DS_OK : no_memory(err);
}

// The index of a case key's value within the journey, added when new. A long list is searched
// through a map of hashes; two texts of one hash in one journey then share it, which 64 bits make
// negligible and the text comparison of the short search makes impossible where it can be cheap.
static ds_code key_value(key_state *key, ds_str text, uint32_t *ret_index, ds_error *err) {
  const uint64_t hash = ds_key_hash(text);
  const uint32_t first = key->journey_first, count = key->values - first;
  for (uint32_t i = count; count <= KEY_SEARCH_MAX && i-- > 0;)
    if (key->hash[first + i] == hash) {
      *ret_index = i;
      return DS_OK;
    }
  if (count > KEY_SEARCH_MAX) {
    uint32_t *slot = ds_map64_put(&key->index, hash);
    if (slot == NULL)
      return no_memory(err);
    if (*slot != DS_NONE) {
      *ret_index = *slot;
      return DS_OK;
    }
    *slot = count;
  }
  if (!room(&key->hash, key->values, &key->values_capacity, 8) ||
      !ds_texts_add(&key->texts, text))
    return no_memory(err);
  key->hash[key->values++] = hash;
  if (count == KEY_SEARCH_MAX) {
    ds_map64_reset(&key->index);
    for (uint32_t i = 0; i <= count; i++) {
      uint32_t *slot = ds_map64_put(&key->index, key->hash[first + i]);
      if (slot == NULL)
        return no_memory(err);
      *slot = i;
    }
  }
  *ret_index = count;
  return DS_OK;
}

// Notes that the current event carries value `index`; a second one makes it a list.
static ds_code key_note(ds_part_writer *w, key_state *key, uint32_t index, ds_error *err) {
  if (!room(&key->note, key->notes, &key->notes_capacity, sizeof *key->note))
    return no_memory(err);
  for (uint32_t i = key->notes; i-- > 0 && key->note[i].event == w->events;)
    if (key->note[i].index == index)
      return DS_OK;
  key->note[key->notes++] = (key_note_t){w->events, index};
  return DS_OK;
}

static ds_code add_key(ds_part_writer *w, uint16_t name, ds_str text, ds_error *err) {
  uint16_t local = 0;
  TRY(local_code(&w->local.keys, w->key_map, &w->space->keys, name, &local, err));
  if (local >= w->keys_count) {
    if (!room(&w->keys, local, &w->keys_capacity, sizeof *w->keys))
      return no_memory(err);
    key_state *fresh = &w->keys[w->keys_count++];
    *fresh = (key_state){0};
    ds_map64_init(&fresh->index);
    ds_texts_init(&fresh->texts);
  }
  key_state *key = &w->keys[local];
  uint32_t index = 0;
  TRY(key_value(key, text, &index, err));
  return key_note(w, key, index, err);
}

// The state of (touchpoint, name, type); properties mostly come in the same order, so the search
// starts where the last one of this event ended.
static ds_code find_property(ds_part_writer *w, uint16_t touchpoint, uint16_t name, uint8_t type,
                             uint32_t *cursor, property_state **ret_state, ds_error *err) {
  touchpoint_state *t = &w->touchpoints[touchpoint];
  for (uint32_t i = 0; i < t->properties; i++) {
    const uint32_t at = (*cursor + i) % t->properties;
    property_state *state = &w->properties[t->property[at]];
    if (state->name == name && state->type == type) {
      *cursor = at + 1;
      *ret_state = state;
      return DS_OK;
    }
  }
  if (w->properties_count >= DS_PART_COLUMNS_MAX / 2)
    return ds_fail(err, DS_LIMIT, "more than %u kinds of property in one part",
                   DS_PART_COLUMNS_MAX / 2);
  if (!room(&w->properties, w->properties_count, &w->properties_capacity,
            sizeof *w->properties) ||
      !room(&t->property, t->properties, &t->properties_capacity, sizeof *t->property))
    return no_memory(err);
  t->property[t->properties++] = w->properties_count;
  property_state *state = &w->properties[w->properties_count++];
  *state = (property_state){.touchpoint = touchpoint, .name = name, .type = type};
  ds_texts_init(&state->texts);
  *ret_state = state;
  return DS_OK;
}

static ds_code add_property(ds_part_writer *w, uint16_t touchpoint, uint32_t *cursor,
                            const uint8_t **at, ds_error *err) {
  uint16_t code, name = 0;
  memcpy(&code, *at, 2);
  const uint8_t type = (*at)[2];
  *at += 3;
  TRY(local_code(&w->local.properties, w->property_map, &w->space->properties, code, &name, err));
  property_state *state = NULL;
  TRY(find_property(w, touchpoint, name, type, cursor, &state, err));
  if (!room(&state->ordinal, state->count, &state->ordinal_capacity, 4) ||
      !room(&state->value, state->count, &state->value_capacity, 8))
    return no_memory(err);
  uint64_t value = 0;
  if (ds_type_is_bytes((ds_type)type)) {
    uint32_t size;
    memcpy(&size, *at, 4);
    if (!ds_texts_add(&state->texts, (ds_str){(const char *)*at + 4, size}))
      return no_memory(err);
    *at += 4 + (size_t)size;
  } else if (type == DS_TYPE_BOOL) {
    value = **at;
    *at += 1;
  } else {
    memcpy(&value, *at, 8);
    *at += 8;
  }
  state->ordinal[state->count] = w->touchpoints[touchpoint].events;
  state->value[state->count++] = value;
  return DS_OK;
}

// Time columns of the current event.
static ds_code add_time(ds_part_writer *w, int64_t time_ms, ds_error *err) {
  const uint32_t e = w->events;
  const int64_t second = ds_floor_s(time_ms);
  const bool first = e == w->journey_first_event;
  assert(first || time_ms >= w->time_last_ms);
  const uint64_t gap = first ? 0 : (uint64_t)(second - ds_floor_s(w->time_last_ms));
  if (gap > DS_TIME_SPAN_S)
    return ds_fail(err, DS_LIMIT, "two events of one customer lie more than 136 years apart");
  w->gap[e] = (uint32_t)gap;
  w->millis[e] = (uint16_t)(time_ms - second * 1000);
  w->any_millis = w->any_millis || w->millis[e] != 0;
  if (first)
    w->start_s[w->journeys] = (uint64_t)second;
  if (e == 0 || time_ms < w->zone.time_min_ms)
    w->zone.time_min_ms = time_ms;
  if (e == 0 || time_ms > w->zone.time_max_ms)
    w->zone.time_max_ms = time_ms;
  w->time_last_ms = time_ms;
  return DS_OK;
}

static ds_code touchpoint_local(ds_part_writer *w, uint16_t code, uint16_t *ret_local,
                                ds_error *err) {
  TRY(local_code(&w->local.touchpoints, w->touchpoint_map, &w->space->touchpoints, code, ret_local,
                 err));
  while (w->touchpoints_count <= *ret_local) {
    if (!room(&w->touchpoints, w->touchpoints_count, &w->touchpoints_capacity,
              sizeof *w->touchpoints))
      return no_memory(err);
    w->touchpoints[w->touchpoints_count++] = (touchpoint_state){0};
  }
  return DS_OK;
}

ds_code ds_part_writer_event(ds_part_writer *w, const uint8_t *row, uint64_t id, ds_error *err) {
  if (!event_room(w))
    return no_memory(err);
  ds_row row_head;
  const uint8_t *at = ds_row_open(row, &row_head);
  const uint32_t e = w->events;
  uint16_t touchpoint = 0, source = 0;
  TRY(touchpoint_local(w, row_head.touchpoint, &touchpoint, err));
  TRY(local_code(&w->local.sources, w->source_map, &w->space->sources, row_head.source, &source,
                 err));
  TRY(add_time(w, row_head.time_ms, err));
  w->touchpoint[e] = touchpoint;
  w->source[e] = source;
  w->import[e] = row_head.import;
  w->received[e] = ds_zigzag(row_head.received_ms - row_head.time_ms);
  w->any_received = w->any_received || w->received[e] != 0;
  w->arrival[e] = row_head.arrival;
  w->id[e] = id;
  for (uint32_t k = 0; k < row_head.keys; k++) {
    uint16_t key[2];
    memcpy(key, at, 4);
    TRY(add_key(w, key[0], (ds_str){(const char *)at + 4, key[1]}, err));
    at += 4 + key[1];
  }
  uint32_t cursor = 0;
  for (uint32_t p = 0; p < row_head.properties; p++)
    TRY(add_property(w, touchpoint, &cursor, &at, err));
  assert(at == row + row_head.size);
  w->touchpoints[touchpoint].events++;
  w->events++;
  return DS_OK;
}

ds_code ds_part_writer_journey_end(ds_part_writer *w, bool *ret_full, ds_error *err) {
  assert(w->events > w->journey_first_event);
  w->journey_events[w->journeys++] = w->events - w->journey_first_event;
  for (uint32_t k = 0; k < w->keys_count; k++) {
    key_state *key = &w->keys[k];
    while (key->journeys < w->journeys) {
      if (!room(&key->journey_values, key->journeys, &key->journeys_capacity, 4))
        return no_memory(err);
      // Journeys before the key's first use have none of it.
      key->journey_values[key->journeys] =
          key->journeys + 1 == w->journeys ? key->values - key->journey_first : 0;
      key->journeys++;
    }
  }
  *ret_full = false;
  if (w->events < w->block_events)
    return DS_OK;
  TRY(ds_block_flush(w, err));
  *ret_full = w->blocks >= DS_PART_BLOCKS_MAX || w->bytes >= DS_PART_BYTES_SOFT;
  return DS_OK;
}

uint64_t ds_part_writer_events(const ds_part_writer *w) { return w->part_events + w->events; }
