// SPDX-License-Identifier: Apache-2.0
// See quality_kernel.h.
#include "question/quality_kernel.h"

#include <assert.h>
#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for looking at the data: give more --memory");
}

static ds_code quality_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  quality_state *state = memory;
  state->context = context;
  ds_map64_init(&state->seen);
  TRY(ds_census_init(&state->census, &state->context->census, arena, err));
  const uint32_t keys = state->context->census.plan->columns.keys_count;
  state->touchpoint =
      ds_arena_array(arena, state->context->census.touchpoints + 1u, sizeof *state->touchpoint);
  state->hashes = ds_arena_array(arena, keys + 1u, sizeof *state->hashes);
  state->reached = ds_arena_array(arena, keys + 1u, sizeof *state->reached);
  state->reached_capacity = ds_arena_array(arena, keys + 1u, sizeof *state->reached_capacity);
  if (state->touchpoint == NULL || state->hashes == NULL || state->reached == NULL ||
      state->reached_capacity == NULL)
    return no_memory(err);
  return DS_OK;
}

static void quality_done(void *memory) {
  quality_state *state = memory;
  const uint32_t keys =
      state->context == NULL ? 0 : state->context->census.plan->columns.keys_count;
  for (uint32_t k = 0; k < keys && state->reached_capacity != NULL; k++) {
    free(state->hashes[k].hash);
    free(state->reached[k]);
  }
  ds_map64_done(&state->seen);
  ds_census_done(&state->census);
}

static bool is_before(const quality_example *a, const quality_example *b) {
  if (a->time_ms != b->time_ms)
    return a->time_ms < b->time_ms;
  const int order = ds_str_compare((ds_str){a->subject, a->subject_size},
                                   (ds_str){b->subject, b->subject_size});
  return order != 0 ? order < 0 : a->touchpoint < b->touchpoint;
}

static void example_take(quality_example *into, const quality_example *from) {
  if (from->any && (!into->any || is_before(from, into)))
    *into = *from;
}

// Event e of journey j is of a kind.
static void see(quality_state *state, quality_kind kind, const ds_block *block, uint32_t j,
                uint32_t e) {
  quality_count *count = &state->kind[kind];
  count->count++;
  if (count->example.any && block->time_ms[e] > count->example.time_ms)
    return;
  quality_example found = {.any = true, .time_ms = block->time_ms[e],
                           .touchpoint = block->touchpoint[e]};
  const ds_str subject = block->subject[j];
  found.subject_size = subject.size < QUALITY_SUBJECT_BYTES ? subject.size : QUALITY_SUBJECT_BYTES;
  if (found.subject_size > 0)
    memcpy(found.subject, subject.data, found.subject_size);
  example_take(&count->example, &found);
}

// What tells an event from others at the same time: its touchpoint and its cases, in any order.
static uint64_t likeness(const ds_block *block, uint32_t e) {
  uint64_t sum = 0;
  for (uint32_t k = 0; k < block->keys_count; k++) {
    const ds_key_column *key = &block->key[k];
    for (uint32_t i = key->first[e]; i < key->first[e + 1]; i++) {
      const uint64_t words[] = {k, key->hash[key->item[i]]};
      sum += XXH3_64bits(words, sizeof words);
    }
  }
  const uint64_t words[] = {block->touchpoint[e], sum};
  return XXH3_64bits(words, sizeof words);
}

// Events [first, end) of journey j happened at one instant.
static ds_code ties_see(quality_state *state, const ds_block *block, uint32_t j, uint32_t first,
                        uint32_t end, ds_error *err) {
  ds_map64_reset(&state->seen);
  for (uint32_t e = first; e < end; e++) {
    if (e > first)
      see(state, QUALITY_EQUAL_TIMES, block, j, e);
    uint32_t *slot = ds_map64_put(&state->seen, likeness(block, e));
    if (slot == NULL)
      return no_memory(err);
    if (*slot != DS_NONE)
      see(state, QUALITY_DUPLICATES, block, j, e);
    *slot = 1;
  }
  return DS_OK;
}

// Whether every case of the event (of the keys that are judged) has come further already; notes how
// far its cases have come. *ret_cases tells how many it has.
static bool stage_see(quality_state *state, const ds_block *block, uint32_t e, uint8_t stage,
                      uint32_t *ret_cases) {
  const uint32_t only = state->context->order_key;
  bool behind = true;
  uint32_t cases = 0;
  for (uint32_t k = 0; k < block->keys_count; k++) {
    const ds_key_column *key = &block->key[k];
    if (only != DS_NONE && k != only)
      continue;
    for (uint32_t i = key->first[e]; i < key->first[e + 1]; i++) {
      uint8_t *reached = &state->reached[k][key->item[i]];
      behind &= *reached > stage;
      *reached = stage > *reached ? stage : *reached;
      cases++;
    }
  }
  *ret_cases = cases;
  return behind && cases > 0;
}

static ds_code event_see(quality_state *state, const ds_block *block, uint32_t j, uint32_t e,
                         ds_error *err) {
  const quality_context *context = state->context;
  const uint32_t code = block->touchpoint[e];
  quality_touchpoint *one = &state->touchpoint[code];
  const int64_t time_ms = block->time_ms[e], received_ms = block->received_ms[e];
  uint32_t cases = 1;
  if (context->stage[code] != 0 && stage_see(state, block, e, context->stage[code], &cases)) {
    see(state, QUALITY_OUT_OF_ORDER, block, j, e);
    one->out_of_order++;
  }
  if (cases == 0 && block->keys_count > 0)
    see(state, QUALITY_WITHOUT_CASE, block, j, e);
  if (received_ms - time_ms > QUALITY_LATE_MS) {
    see(state, QUALITY_LATE, block, j, e);
    one->late++;
  }
  if (received_ms < time_ms)
    see(state, QUALITY_EARLY, block, j, e);
  if (time_ms > context->now_ms)
    see(state, QUALITY_FUTURE, block, j, e);
  const uint32_t day = ds_calendar_find(context->days, time_ms);
  one->midnight +=
      time_ms % DS_DAY_MS == 0 || (day != DS_NONE && time_ms == context->days->start[day]);
  if (day == DS_NONE)
    return DS_OK;
  if (one->days == NULL)
    one->days = ds_arena_array(state->census.arena, context->days->count, sizeof *one->days);
  if (one->days == NULL)
    return no_memory(err);
  one->days[day]++;
  return DS_OK;
}

// Whether a customer is known by an order or the like alone.
static bool is_unidentified(const quality_context *context, ds_str subject) {
  const char *equals = memchr(subject.data, '=', subject.size);
  if (equals == NULL)
    return false;
  const ds_str kind = {subject.data, (uint32_t)(equals - subject.data)};
  const uint32_t key = ds_names_find(context->keys, kind);
  return key != DS_NONE && context->key_is_kind[key];
}

static ds_code journey_see(quality_state *state, const ds_block *block, uint32_t j,
                           ds_error *err) {
  const uint32_t first = block->offset[j], end = block->offset[j + 1];
  for (uint32_t e = first; e < end; e++)
    TRY(event_see(state, block, j, e, err));
  for (uint32_t e = first; e < end;) {
    uint32_t next = e + 1;
    while (next < end && block->time_ms[next] == block->time_ms[e])
      next++;
    if (next > e + 1)
      TRY(ties_see(state, block, j, e, next, err));
    e = next;
  }
  if (is_unidentified(state->context, block->subject[j]))
    see(state, QUALITY_UNIDENTIFIED, block, j, first);
  if (end - first > state->context->heavy_events)
    see(state, QUALITY_HEAVY, block, j, first);
  return DS_OK;
}

// Keeps the hashes of a block's case values; past the budget none are kept.
static void hashes_take(quality_state *state, uint32_t k, const uint64_t *hash, uint64_t count) {
  quality_hashes *all = &state->hashes[k];
  const uint64_t most = state->context->hash_bytes_max / sizeof *hash;
  if (all->count + count > all->capacity && !all->overflow) {
    uint64_t capacity = (all->count + count) * 2;
    capacity = capacity < most ? capacity : most;
    uint64_t *grown =
        capacity < all->count + count ? NULL : realloc(all->hash, capacity * sizeof *grown);
    if (grown != NULL) {
      all->hash = grown;
      all->capacity = capacity;
    }
    all->overflow = grown == NULL;
  }
  if (all->overflow || count == 0)
    return;
  memcpy(all->hash + all->count, hash, count * sizeof *hash);
  all->count += count;
}

static ds_code keys_see(quality_state *state, const ds_block *block, ds_error *err) {
  for (uint32_t k = 0; k < block->keys_count; k++) {
    const uint32_t values = block->key[k].values;
    hashes_take(state, k, block->key[k].hash, values);
    if (values > state->reached_capacity[k]) {
      free(state->reached[k]);
      state->reached[k] = malloc(values);
      state->reached_capacity[k] = state->reached[k] == NULL ? 0 : values;
      if (state->reached[k] == NULL)
        return no_memory(err);
    }
    if (values > 0)
      memset(state->reached[k], 0, values);
  }
  return DS_OK;
}

static ds_code quality_add(void *memory, const ds_block *block, ds_error *err) {
  quality_state *state = memory;
  TRY(ds_census_add(&state->census, block, err));
  TRY(keys_see(state, block, err));
  for (uint32_t j = 0; j < block->journeys; j++)
    TRY(journey_see(state, block, j, err));
  return DS_OK;
}

static ds_code quality_merge(void *memory, void *other, ds_error *err) {
  quality_state *into = memory;
  const quality_state *from = other;
  const quality_context *context = into->context;
  TRY(ds_census_merge(&into->census, &from->census, err));
  for (uint32_t k = 0; k < QUALITY_KINDS; k++) {
    into->kind[k].count += from->kind[k].count;
    example_take(&into->kind[k].example, &from->kind[k].example);
  }
  for (uint32_t t = 0; t < context->census.touchpoints; t++) {
    quality_touchpoint *a = &into->touchpoint[t];
    const quality_touchpoint *b = &from->touchpoint[t];
    a->out_of_order += b->out_of_order;
    a->late += b->late;
    a->midnight += b->midnight;
    if (b->days == NULL)
      continue;
    if (a->days == NULL)
      a->days = ds_arena_array(into->census.arena, context->days->count, sizeof *a->days);
    if (a->days == NULL)
      return no_memory(err);
    for (uint32_t d = 0; d < context->days->count; d++)
      a->days[d] += b->days[d];
  }
  for (uint32_t k = 0; k < context->census.plan->columns.keys_count; k++) {
    into->hashes[k].overflow |= from->hashes[k].overflow;
    hashes_take(into, k, from->hashes[k].hash, from->hashes[k].count);
  }
  return DS_OK;
}

const ds_kernel ds_quality_kernel = {"quality",   sizeof(quality_state), quality_init,
                                     quality_add, quality_merge,         quality_done};
