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
  TRY(ds_census_init(&state->census, &state->context->census, arena, err));
  const uint32_t keys = state->context->census.plan->columns.keys_count;
  state->touchpoint =
      ds_arena_array(arena, state->context->census.touchpoints + 1u, sizeof *state->touchpoint);
  state->hashes = ds_arena_array(arena, keys + 1u, sizeof *state->hashes);
  return state->touchpoint == NULL || state->hashes == NULL ? no_memory(err) : DS_OK;
}

void ds_quality_walk_done(void *memory) {
  quality_walk *walk = memory;
  free(walk->reached);
  free(walk->reached_at);
  ds_map64_done(&walk->seen);
}

static void quality_done(void *memory) {
  quality_state *state = memory;
  const uint32_t keys =
      state->context == NULL ? 0 : state->context->census.plan->columns.keys_count;
  for (uint32_t k = 0; k < keys && state->hashes != NULL; k++)
    free(state->hashes[k].hash);
  ds_quality_walk_done(&state->walk);
  ds_census_done(&state->census);
}

// Of one customer's events at one instant the first to be seen stays, which arrived first.
static bool is_before(const quality_example *a, const quality_example *b) {
  if (a->time_ms != b->time_ms)
    return a->time_ms < b->time_ms;
  return ds_str_compare((ds_str){a->subject, a->subject_size},
                        (ds_str){b->subject, b->subject_size}) < 0;
}

static void example_take(quality_example *into, const quality_example *from) {
  if (from->any && (!into->any || is_before(from, into)))
    *into = *from;
}

// Counts what the walk finds.
static ds_code see(void *to, quality_kind kind, const ds_block *block, uint32_t j, uint32_t e,
                   ds_error *err) {
  (void)err;
  quality_state *state = to;
  quality_count *count = &state->kind[kind];
  quality_touchpoint *one = &state->touchpoint[block->touchpoint[e]];
  count->count++;
  one->out_of_order += kind == QUALITY_OUT_OF_ORDER;
  one->late += kind == QUALITY_LATE;
  if (count->example.any && block->time_ms[e] > count->example.time_ms)
    return DS_OK;
  quality_example found = {.any = true, .time_ms = block->time_ms[e],
                           .touchpoint = block->touchpoint[e]};
  const ds_str subject = block->subject[j];
  found.subject_size = subject.size < QUALITY_SUBJECT_BYTES ? subject.size : QUALITY_SUBJECT_BYTES;
  if (found.subject_size > 0)
    memcpy(found.subject, subject.data, found.subject_size);
  example_take(&count->example, &found);
  return DS_OK;
}

// A walk under way.
typedef struct walker {
  const quality_context *context;
  quality_walk *walk;
  const ds_block *block;
  quality_take take;
  void *to;
} walker;

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
static ds_code ties_see(const walker *in, uint32_t j, uint32_t first, uint32_t end,
                        ds_error *err) {
  ds_map64 *seen = &in->walk->seen;
  ds_map64_reset(seen);
  for (uint32_t e = first; e < end; e++) {
    if (e > first)
      TRY(in->take(in->to, QUALITY_EQUAL_TIMES, in->block, j, e, err));
    uint32_t *slot = ds_map64_put(seen, likeness(in->block, e));
    if (slot == NULL)
      return no_memory(err);
    if (*slot != DS_NONE)
      TRY(in->take(in->to, QUALITY_DUPLICATES, in->block, j, e, err));
    *slot = 1;
  }
  return DS_OK;
}

// Nothing of the journey's cases has come to any stage yet.
static ds_code reached_reset(quality_walk *walk, const ds_block *block, uint32_t j,
                             ds_error *err) {
  if (block->keys_count > walk->keys_capacity) {
    free(walk->reached_at);
    walk->reached_at = malloc(block->keys_count * sizeof *walk->reached_at);
    walk->keys_capacity = walk->reached_at == NULL ? 0 : block->keys_count;
    if (walk->reached_at == NULL)
      return no_memory(err);
  }
  uint32_t values = 0;
  for (uint32_t k = 0; k < block->keys_count; k++) {
    walk->reached_at[k] = values;
    values += block->key[k].offset[j + 1] - block->key[k].offset[j];
  }
  if (values > walk->reached_capacity) {
    free(walk->reached);
    walk->reached_capacity = values * 2;
    walk->reached = malloc(walk->reached_capacity);
    walk->reached_capacity = walk->reached == NULL ? 0 : walk->reached_capacity;
    if (walk->reached == NULL)
      return no_memory(err);
  }
  if (values > 0)
    memset(walk->reached, 0, values);
  return DS_OK;
}

// Whether every case of the event (of the keys that are judged) has come further already; notes how
// far its cases have come. *ret_cases tells how many it has.
static bool stage_see(const walker *in, uint32_t j, uint32_t e, uint8_t stage,
                      uint32_t *ret_cases) {
  const uint32_t only = in->context->order_key;
  bool behind = true;
  uint32_t cases = 0;
  for (uint32_t k = 0; k < in->block->keys_count; k++) {
    const ds_key_column *key = &in->block->key[k];
    if (only != DS_NONE && k != only)
      continue;
    for (uint32_t i = key->first[e]; i < key->first[e + 1]; i++) {
      uint8_t *reached =
          &in->walk->reached[in->walk->reached_at[k] + (key->item[i] - key->offset[j])];
      behind &= *reached > stage;
      *reached = stage > *reached ? stage : *reached;
      cases++;
    }
  }
  *ret_cases = cases;
  return behind && cases > 0;
}

static ds_code event_see(const walker *in, uint32_t j, uint32_t e, ds_error *err) {
  const ds_block *block = in->block;
  const uint8_t stage = in->context->stage[block->touchpoint[e]];
  const int64_t time_ms = block->time_ms[e], received_ms = block->received_ms[e];
  uint32_t cases = 1;
  const bool behind = stage != 0 && stage_see(in, j, e, stage, &cases);
  // A bit per kind: almost every event has none.
  uint32_t kinds = (uint32_t)behind << QUALITY_OUT_OF_ORDER |
                   (uint32_t)(cases == 0 && block->keys_count > 0) << QUALITY_WITHOUT_CASE |
                   (uint32_t)(received_ms - time_ms > QUALITY_LATE_MS) << QUALITY_LATE |
                   (uint32_t)(received_ms < time_ms) << QUALITY_EARLY |
                   (uint32_t)(time_ms > in->context->now_ms) << QUALITY_FUTURE;
  for (; kinds != 0; kinds &= kinds - 1)
    TRY(in->take(in->to, (quality_kind)__builtin_ctz(kinds), block, j, e, err));
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

ds_code ds_quality_walk(const quality_context *context, quality_walk *walk, const ds_block *block,
                        uint32_t j, quality_take take, void *to, ds_error *err) {
  const walker in = {context, walk, block, take, to};
  const uint32_t first = block->offset[j], end = block->offset[j + 1];
  TRY(reached_reset(walk, block, j, err));
  for (uint32_t e = first; e < end; e++)
    TRY(event_see(&in, j, e, err));
  for (uint32_t e = first; e < end;) {
    uint32_t next = e + 1;
    while (next < end && block->time_ms[next] == block->time_ms[e])
      next++;
    if (next > e + 1)
      TRY(ties_see(&in, j, e, next, err));
    e = next;
  }
  if (is_unidentified(context, block->subject[j]))
    TRY(take(to, QUALITY_UNIDENTIFIED, block, j, first, err));
  if (end - first > context->heavy_events)
    TRY(take(to, QUALITY_HEAVY, block, j, first, err));
  return DS_OK;
}

// Makes room for more hashes; past the budget none are kept.
static void hashes_reserve(quality_state *state, quality_hashes *all, uint64_t more) {
  const uint64_t most = state->context->hash_bytes_max / sizeof *all->hash;
  if (all->overflow || all->count + more <= all->capacity)
    return;
  uint64_t capacity = (all->count + more) * 2;
  capacity = capacity < most ? capacity : most;
  uint64_t *grown =
      capacity < all->count + more ? NULL : realloc(all->hash, capacity * sizeof *grown);
  if (grown != NULL) {
    all->hash = grown;
    all->capacity = capacity;
  }
  all->overflow = grown == NULL;
}

// The hashes of the case values that the block's events carry.
static void hashes_see(quality_state *state, const ds_block *block) {
  for (uint32_t k = 0; k < block->keys_count; k++) {
    const ds_key_column *key = &block->key[k];
    const uint64_t *used = state->census.key[k].used;
    quality_hashes *all = &state->hashes[k];
    hashes_reserve(state, all, key->values);
    for (uint32_t v = 0; v < key->values && !all->overflow; v++)
      if ((used[v / 64] >> (v % 64) & 1) != 0)
        all->hash[all->count++] = key->hash[v];
  }
}

// Events per day, and those that tell a day and no time.
static ds_code days_see(quality_state *state, const ds_block *block, ds_error *err) {
  const ds_calendar *days = state->context->days;
  for (uint32_t e = 0; e < block->events; e++) {
    quality_touchpoint *one = &state->touchpoint[block->touchpoint[e]];
    const uint32_t day = ds_calendar_find(days, block->time_ms[e]);
    one->midnight += quality_is_midnight(days, day, block->time_ms[e]);
    if (day == DS_NONE)
      continue;
    if (one->days == NULL)
      one->days = ds_arena_array(state->census.arena, days->count, sizeof *one->days);
    if (one->days == NULL)
      return no_memory(err);
    one->days[day]++;
  }
  return DS_OK;
}

static ds_code quality_add(void *memory, const ds_block *block, ds_error *err) {
  quality_state *state = memory;
  TRY(ds_census_add(&state->census, block, err));
  hashes_see(state, block);
  TRY(days_see(state, block, err));
  for (uint32_t j = 0; j < block->journeys; j++)
    TRY(ds_quality_walk(state->context, &state->walk, block, j, see, state, err));
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
    quality_hashes *a = &into->hashes[k];
    const quality_hashes *b = &from->hashes[k];
    a->overflow |= b->overflow;
    hashes_reserve(into, a, b->count);
    if (!a->overflow && b->count > 0)
      memcpy(a->hash + a->count, b->hash, b->count * sizeof *b->hash);
    a->count += a->overflow ? 0 : b->count;
  }
  return DS_OK;
}

const ds_kernel ds_quality_kernel = {"quality",   sizeof(quality_state), quality_init,
                                     quality_add, quality_merge,         quality_done};
