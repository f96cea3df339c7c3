// SPDX-License-Identifier: Apache-2.0
// See variants_kernel.h. Per block the codes are narrowed to bytes where they fit, so that a hash
// takes eight of them at a step; then the cases go in batches, so that the table's memory is on
// its way before it is needed.
#include "question/variants_kernel.h"

#include <stdlib.h>

#include "base/large.h"

enum { BATCH = 128, AHEAD = 16 };

// Running sums of gaps in two lanes, four gaps a step: what the lanes hold together is the sum.
typedef uint64_t lanes __attribute__((vector_size(16)));
enum { STEP = 4 };

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for variants: give more --memory");
}

static ds_code kernel_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)arena;
  variants_state *state = memory;
  state->context = context;
  if (state->context->refine != NULL)
    return ds_refine_counts_init(&state->refined, state->context->refine, err);
  return DS_OK;
}

static ds_code room_make(variants_state *state, const ds_block *block, ds_error *err) {
  if (state->events_capacity < block->events || state->codes == NULL) {
    free(state->codes);
    state->codes = malloc((size_t)block->events * variants_width(state->context) + VARIANTS_SLACK);
    free(state->sum);
    state->sum = aligned_alloc(sizeof(lanes), (block->events / STEP + 1u) * sizeof(lanes));
    state->events_capacity = state->codes == NULL || state->sum == NULL ? 0 : block->events;
  }
  if (state->journeys_capacity < block->journeys || state->begin == NULL) {
    free(state->begin);
    free(state->hash);
    free(state->group);
    state->begin = malloc((block->journeys + 1u) * sizeof *state->begin);
    state->hash = malloc(block->journeys * sizeof *state->hash);
    state->group = calloc(block->journeys, sizeof *state->group);
    state->journeys_capacity = block->journeys;
  }
  if (!state->codes || !state->sum || !state->begin || !state->hash || !state->group)
    return no_memory(err);
  return DS_OK;
}

// Room by number for as many variants as there may be after `more` cases.
static ds_code numbers_reserve(variants_state *state, uint32_t more, ds_error *err) {
  const uint64_t needed = (uint64_t)state->table.count + more;
  if (needed <= state->capacity)
    return DS_OK;
  const uint64_t twice = state->capacity * UINT64_C(2);
  const uint32_t capacity = (uint32_t)(needed > twice ? needed : twice < DS_NONE ? twice : DS_NONE);
  uint64_t *cases = realloc(state->cases, capacity * sizeof *cases);
  if (cases == NULL)
    return no_memory(err);
  state->cases = cases;
  if (state->context->has_outcome) {
    variants_outcome *outcome = realloc(state->outcome, capacity * sizeof *outcome);
    if (outcome == NULL)
      return no_memory(err);
    state->outcome = outcome;
    memset(outcome + state->capacity, 0, (capacity - state->capacity) * sizeof *outcome);
  }
  memset(cases + state->capacity, 0, (capacity - state->capacity) * sizeof *cases);
  state->capacity = capacity;
  return DS_OK;
}

ds_code ds_variants_count(variants_state *state, ds_error *err) {
  TRY(numbers_reserve(state, 1, err));
  for (const variants_chunk *chunk = state->kept; chunk != NULL; chunk = chunk->next)
    for (uint32_t i = 0; i < chunk->used; i++)
      state->cases[chunk->number[i]]++;
  return DS_OK;
}

// Room for a batch of cases; past the budget all kept ones are counted and let go.
static ds_code kept_reserve(variants_state *state, ds_error *err) {
  variants_chunk *chunk = state->kept;
  if (chunk != NULL && chunk->used + BATCH <= VARIANTS_CHUNK)
    return DS_OK;
  if (chunk != NULL && state->kept_bytes + sizeof *chunk > state->context->kept_bytes_max) {
    state->dropped = true;
    TRY(ds_variants_count(state, err));
    while (chunk->next != NULL) {
      variants_chunk *next = chunk->next;
      chunk->next = next->next;
      free(next);
    }
    chunk->used = 0;
    state->kept_bytes = sizeof *chunk;
    return DS_OK;
  }
  chunk = ds_large_alloc(sizeof *chunk);
  if (chunk == NULL)
    return no_memory(err);
  chunk->used = 0;
  chunk->next = state->kept;
  state->kept = chunk;
  state->kept_bytes += sizeof *chunk;
  return DS_OK;
}

// The codes of every journey without immediate repeats.
static void pack_collapsed(variants_state *state, const ds_block *block, uint32_t width) {
  uint32_t used = 0;
  for (uint32_t j = 0; j < block->journeys; j++) {
    state->begin[j] = used;
    for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++) {
      const uint16_t code = block->node[e];
      if (e > block->offset[j] && code == block->node[e - 1])
        continue;
      state->codes[used] = (uint8_t)code;
      if (width == 2)
        state->codes[used + 1] = (uint8_t)(code >> 8);
      used += width;
    }
  }
  state->begin[block->journeys] = used;
}

static void narrow(const uint16_t *restrict from, uint32_t count, uint8_t *restrict to) {
  for (uint32_t i = 0; i < count; i++)
    to[i] = (uint8_t)from[i];
}

static void pack(variants_state *state, const ds_block *block) {
  const uint32_t width = variants_width(state->context);
  if (state->context->collapse) {
    pack_collapsed(state, block, width);
    return;
  }
  if (width == 2)
    memcpy(state->codes, block->node, (size_t)block->events * 2);
  else
    narrow(block->node, block->events, state->codes);
  for (uint32_t j = 0; j <= block->journeys; j++)
    state->begin[j] = block->offset[j] * width;
}

static inline variants_key key_of(const variants_state *state, uint32_t j) {
  return (variants_key){state->codes + state->begin[j], state->begin[j + 1] - state->begin[j],
                        state->group[j], state->hash[j]};
}

static inline lanes load_lanes(const int64_t *at) {
  lanes value;
  memcpy(&value, at, sizeof value);
  return value;
}

// The running sum before event e of the block, from the sums of whole steps since `base`.
static inline lanes sum_before(const ds_block *block, const lanes *sum, uint32_t base,
                               uint32_t e) {
  static const lanes masks[STEP][2] = {{{0}, {0}}, {{~0ull}, {0}}, {{~0ull, ~0ull}, {0}},
                                       {{~0ull, ~0ull}, {~0ull}}};
  const uint32_t step = (e - base) / STEP, rest = (e - base) % STEP;
  const uint32_t first = base + step * STEP;
  const int64_t *gap = block->gap_ms + first;
  if (__builtin_expect(first + STEP <= block->events, 1))
    return sum[step] + (load_lanes(gap) & masks[rest][0]) + (load_lanes(gap + 2) & masks[rest][1]);
  lanes value = sum[step];
  for (uint32_t i = 0; i < rest; i++)
    value[0] += (uint64_t)gap[i];
  return value;
}

// The durations of journeys first .. last - 1 (at most BATCH). Of gaps (a journey's first is 0) a
// running sum is taken and its values at the ends subtracted: a loop per journey would end by a
// branch that nothing predicts.
static void durations_of(variants_state *state, const ds_block *block, uint32_t first,
                         uint32_t last, int64_t durations[BATCH]) {
  const uint32_t *offset = block->offset;
  if (block->time_ms != NULL && !state->context->by_gaps) {
    for (uint32_t j = first; j < last; j++)
      durations[j - first] = block->time_ms[offset[j + 1] - 1] - block->time_ms[offset[j]];
    return;
  }
  const uint32_t base = offset[first], steps = (offset[last] - base) / STEP;
  const int64_t *gap = block->gap_ms + base;
  lanes *sum = state->sum;
  lanes total = {0};
  for (uint32_t s = 0; s < steps; s++, gap += STEP) {
    sum[s] = total;
    total += load_lanes(gap) + load_lanes(gap + 2);
  }
  sum[steps] = total;
  lanes before = {0};
  for (uint32_t j = first; j < last; j++) {
    const lanes after = sum_before(block, sum, base, offset[j + 1]);
    const lanes all = after - before;
    durations[j - first] = (int64_t)(all[0] + all[1]);
    before = after;
  }
}

static void outcome_add(variants_state *state, const ds_block *block, uint32_t j,
                        uint32_t number) {
  variants_outcome *outcome = &state->outcome[number];
  for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++) {
    double value = 0;
    if (!ds_property_number(&state->context->outcome, block, e, &value))
      continue;
    outcome->sum = ds_dd_add(outcome->sum, (ds_dd){value, 0});
    outcome->count++;
  }
}

static void batch_hash(variants_state *state, const variants_table *shared, uint32_t first,
                       uint32_t last) {
  const variants_table view = *shared, *const table = &view;
  for (uint32_t j = first; j < last; j++) {
    const variants_key key = key_of(state, j);
    state->hash[j] = variants_hash(&key);
    variants_prefetch_slot(table, state->hash[j]);
  }
}

static ds_code add_batch(variants_state *state, const ds_block *block, uint32_t first,
                         uint32_t last, ds_error *err) {
  TRY(ds_variants_table_reserve(&state->table, last - first,
                                state->begin[last] - state->begin[first], err));
  if (state->context->has_outcome)
    TRY(numbers_reserve(state, last - first, err));
  TRY(kept_reserve(state, err));
  batch_hash(state, &state->table, first, last);
  int64_t durations[BATCH];
  durations_of(state, block, first, last, durations);
  variants_chunk *chunk = state->kept;
  uint32_t used = chunk->used;
  for (uint32_t j = first; j < last; j++) {
    if (j + AHEAD < last)
      variants_prefetch_record(&state->table, state->hash[j + AHEAD]);
    const variants_key key = key_of(state, j);
    const uint32_t number = ds_variants_table_put(&state->table, &key);
    chunk->number[used] = number;
    chunk->duration_ms[used++] = durations[j - first];
    if (state->context->has_outcome)
      outcome_add(state, block, j, number);
  }
  chunk->used = used;
  return DS_OK;
}

static void refine_batch(variants_state *state, const ds_block *block, uint32_t first,
                         uint32_t last) {
  const variants_context *context = state->context;
  batch_hash(state, context->table, first, last);
  int64_t durations[BATCH];
  durations_of(state, block, first, last, durations);
  for (uint32_t j = first; j < last; j++) {
    const variants_key key = key_of(state, j);
    const uint32_t number = ds_variants_table_find(context->table, &key);
    assert(number != DS_NONE);
    if (context->row[number] != DS_NONE)
      ds_refine_add(context->refine, &state->refined, context->row[number],
                    durations[j - first]);
  }
}

static ds_code kernel_add_block(void *memory, const ds_block *block, ds_error *err) {
  variants_state *state = memory;
  if (block->events == 0)
    return DS_OK;
  assert(block->offset[block->journeys] == block->events);
  TRY(room_make(state, block, err));
  pack(state, block);
  if (state->context->by != NULL)
    ds_breakdown_block(state->context->by, block, state->group);
  for (uint32_t first = 0; first < block->journeys; first += BATCH) {
    const uint32_t last = block->journeys - first < BATCH ? block->journeys : first + BATCH;
    if (state->context->refine != NULL)
      refine_batch(state, block, first, last);
    else
      TRY(add_batch(state, block, first, last, err));
  }
  state->events += block->events;
  return DS_OK;
}

static void kept_take(variants_state *into, variants_state *from, const uint32_t *number) {
  while (from->kept != NULL) {
    variants_chunk *chunk = from->kept;
    from->kept = chunk->next;
    for (uint32_t i = 0; i < chunk->used; i++)
      chunk->number[i] = number[chunk->number[i]];
    chunk->next = into->kept;
    into->kept = chunk;
  }
  into->kept_bytes += from->kept_bytes;
  into->dropped |= from->dropped;
}

// Two walkers go ahead: one brings the slots, one behind it the records that they name.
static void numbers_merge(variants_state *into, const variants_state *from, uint32_t *number) {
  const uint32_t count = from->table.count;
  const variants_record *record = variants_first(&from->table), *slots = record, *named = record;
  for (uint32_t i = 0; i < count + 2 * AHEAD; i++) {
    if (i < count) {
      variants_prefetch_slot(&into->table, slots->hash);
      slots = variants_next(slots);
    }
    if (i >= AHEAD && i < count + AHEAD) {
      variants_prefetch_record(&into->table, named->hash);
      named = variants_next(named);
    }
    if (i < 2 * AHEAD)
      continue;
    const uint32_t old = i - 2 * AHEAD;
    const variants_key key = {(const uint8_t *)record->word, record->size, record->group,
                              record->hash};
    const uint32_t new = ds_variants_table_put(&into->table, &key);
    record = variants_next(record);
    number[old] = new;
    into->cases[new] += from->cases[old];
    if (into->context->has_outcome) {
      variants_outcome *outcome = &into->outcome[new];
      outcome->sum = ds_dd_add(outcome->sum, from->outcome[old].sum);
      outcome->count += from->outcome[old].count;
    }
  }
}

static ds_code kernel_merge(void *memory, void *other, ds_error *err) {
  variants_state *into = memory, *from = other;
  assert(into->context == from->context);
  into->events += from->events;
  if (into->context->refine != NULL) {
    ds_refine_merge(into->context->refine, &into->refined, &from->refined);
    return DS_OK;
  }
  if (from->table.count == 0)
    return DS_OK;
  uint32_t *number = malloc((from->table.count + 1u) * sizeof *number);
  if (number == NULL)
    return no_memory(err);
  ds_code code = ds_variants_table_reserve(&into->table, from->table.count,
                                           from->table.words_used * 8, err);
  if (code == DS_OK)
    code = numbers_reserve(into, from->table.count, err);
  if (code == DS_OK)
    code = numbers_reserve(from, 0, err);
  if (code == DS_OK) {
    numbers_merge(into, from, number);
    kept_take(into, from, number);
  }
  free(number);
  return code;
}

static void kernel_done(void *memory) {
  variants_state *state = memory;
  void *const all[] = {state->cases, state->outcome, state->codes,
                       state->begin, state->hash,    state->group,
                       state->sum};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    free(all[i]);
  while (state->kept != NULL) {
    variants_chunk *chunk = state->kept;
    state->kept = chunk->next;
    free(chunk);
  }
  ds_variants_table_done(&state->table);
  ds_refine_counts_done(&state->refined);
  *state = (variants_state){0};
}

const ds_kernel ds_variants_kernel = {"variants", sizeof(variants_state), kernel_init,
                                      kernel_add_block, kernel_merge, kernel_done};
