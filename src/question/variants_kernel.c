// SPDX-License-Identifier: Apache-2.0
// See variants_kernel.h. Per block the codes are narrowed to bytes where they fit, so that a hash
// takes eight of them at a step; then the cases go part by part in batches, so that a part is
// locked once a batch, and its memory on its way before it is needed.
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
    free(state->order);
    free(state->duration_ms);
    state->begin = malloc((block->journeys + 1u) * sizeof *state->begin);
    state->hash = malloc(block->journeys * sizeof *state->hash);
    state->group = calloc(block->journeys, sizeof *state->group);
    state->order = malloc(block->journeys * sizeof *state->order);
    state->duration_ms = malloc(block->journeys * sizeof *state->duration_ms);
    state->journeys_capacity = block->journeys;
  }
  if (!state->codes || !state->sum || !state->begin || !state->hash || !state->group ||
      !state->order || !state->duration_ms)
    return no_memory(err);
  return DS_OK;
}

void ds_variants_shared_init(variants_shared *shared) {
  *shared = (variants_shared){0};
  for (uint32_t p = 0; p < VARIANTS_PARTS; p++)
    pthread_mutex_init(&shared->part[p].mutex, NULL);
}

void ds_variants_shared_done(variants_shared *shared) {
  for (uint32_t p = 0; p < VARIANTS_PARTS; p++) {
    pthread_mutex_destroy(&shared->part[p].mutex);
    ds_variants_table_done(&shared->part[p].table);
    free(shared->part[p].outcome);
  }
}

// Room for the outcomes of as many variants as there may be after `more` cases.
static ds_code outcomes_reserve(variants_part *part, uint32_t more, ds_error *err) {
  const uint32_t needed = part->table.count + more;
  if (needed <= part->capacity)
    return DS_OK;
  const uint32_t capacity = needed > part->capacity * 2 ? needed : part->capacity * 2;
  variants_outcome *outcome = realloc(part->outcome, capacity * sizeof *outcome);
  if (outcome == NULL)
    return no_memory(err);
  memset(outcome + part->capacity, 0, (capacity - part->capacity) * sizeof *outcome);
  part->outcome = outcome;
  part->capacity = capacity;
  return DS_OK;
}

// Room for a batch of cases; past the budget all kept ones are let go.
static ds_code kept_reserve(variants_state *state, ds_error *err) {
  variants_chunk *chunk = state->kept;
  if (chunk != NULL && chunk->used + BATCH <= VARIANTS_CHUNK)
    return DS_OK;
  if (chunk != NULL && state->kept_bytes + sizeof *chunk > state->context->kept_bytes_max) {
    state->dropped = true;
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

// The durations of journeys first .. last - 1. Of gaps (a journey's first is 0) a running sum is
// taken and its values at the ends subtracted: a loop per journey would end by a branch that
// nothing predicts.
static void durations_of(variants_state *state, const ds_block *block, uint32_t first,
                         uint32_t last) {
  const uint32_t *offset = block->offset;
  if (block->time_ms != NULL && !state->context->by_gaps) {
    for (uint32_t j = first; j < last; j++)
      state->duration_ms[j] = block->time_ms[offset[j + 1] - 1] - block->time_ms[offset[j]];
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
    state->duration_ms[j] = (int64_t)(all[0] + all[1]);
    before = after;
  }
}

static void outcome_add(const variants_state *state, const ds_block *block, uint32_t j,
                        variants_outcome *outcome) {
  for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++) {
    double value = 0;
    if (!ds_property_number(&state->context->outcome, block, e, &value))
      continue;
    outcome->sum = ds_dd_add(outcome->sum, (ds_dd){value, 0});
    outcome->count++;
  }
}

// Puts the block's journeys in order of their part: those of part p are order[first[p]] up to
// order[first[p + 1] - 1].
static void parts_sort(variants_state *state, const ds_block *block,
                       uint32_t first[VARIANTS_PARTS + 2]) {
  memset(first, 0, (VARIANTS_PARTS + 2) * sizeof *first);
  for (uint32_t j = 0; j < block->journeys; j++) {
    const variants_key key = key_of(state, j);
    state->hash[j] = variants_hash(&key);
    // Counts stand two places on, so that after placing, first[] has moved to where it belongs.
    first[variants_part_of(state->hash[j]) + 2]++;
  }
  for (uint32_t p = 0; p < VARIANTS_PARTS; p++)
    first[p + 2] += first[p + 1];
  for (uint32_t j = 0; j < block->journeys; j++)
    state->order[first[variants_part_of(state->hash[j]) + 1]++] = j;
}

// Adds journeys of one part, which is locked, and keeps what is needed of them.
static ds_code part_add(variants_state *state, variants_part *part, const ds_block *block,
                        const uint32_t *order, uint32_t count, ds_error *err) {
  variants_table *table = &part->table;
  const bool has_outcome = state->context->has_outcome;
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < count; i++)
    bytes += state->begin[order[i] + 1] - state->begin[order[i]];
  TRY(ds_variants_table_reserve(table, count, bytes, err));
  if (has_outcome)
    TRY(outcomes_reserve(part, count, err));
  for (uint32_t i = 0; i < count && i < 2 * AHEAD; i++)
    variants_prefetch_slot(table, state->hash[order[i]]);
  variants_chunk *chunk = state->kept;
  uint32_t used = chunk->used;
  const uint32_t of_part = variants_part_of(state->hash[order[0]]) << VARIANTS_PLACE_BITS;
  for (uint32_t i = 0; i < count; i++) {
    if (i + 2 * AHEAD < count)
      variants_prefetch_slot(table, state->hash[order[i + 2 * AHEAD]]);
    if (i + AHEAD < count)
      variants_prefetch_record(table, state->hash[order[i + AHEAD]]);
    const variants_key key = key_of(state, order[i]);
    const uint32_t place = ds_variants_table_put(table, &key);
    variants_record *record = variants_at(table, place);
    record->cases++;
    chunk->place[used] = of_part | place;
    chunk->duration_ms[used++] = state->duration_ms[order[i]];
    if (has_outcome)
      outcome_add(state, block, order[i], &part->outcome[record->number]);
  }
  chunk->used = used;
  return DS_OK;
}

// Adds the block's journeys to the parts. Each block starts with another part, so that threads
// seldom meet.
static ds_code block_add(variants_state *state, const ds_block *block,
                         const uint32_t first[VARIANTS_PARTS + 2], ds_error *err) {
  state->turn += 1 + (uint32_t)(block->events % VARIANTS_PARTS);
  for (uint32_t t = 0; t < VARIANTS_PARTS; t++) {
    const uint32_t p = (state->turn + t) % VARIANTS_PARTS;
    variants_part *part = &state->context->shared->part[p];
    for (uint32_t at = first[p]; at < first[p + 1]; at += BATCH) {
      const uint32_t left = first[p + 1] - at;
      TRY(kept_reserve(state, err));
      pthread_mutex_lock(&part->mutex);
      const ds_code code = part_add(state, part, block, state->order + at,
                                    left < BATCH ? left : BATCH, err);
      pthread_mutex_unlock(&part->mutex);
      TRY(code);
    }
  }
  return DS_OK;
}

// A further pass over variants that all are there.
static void block_refine(variants_state *state, const uint32_t first[VARIANTS_PARTS + 2]) {
  const variants_context *context = state->context;
  for (uint32_t p = 0; p < VARIANTS_PARTS; p++) {
    const variants_table *table = &context->shared->part[p].table;
    for (uint32_t i = first[p]; i < first[p + 1]; i++) {
      if (i + AHEAD < first[p + 1])
        variants_prefetch_slot(table, state->hash[state->order[i + AHEAD]]);
      const uint32_t j = state->order[i];
      const variants_key key = key_of(state, j);
      const uint32_t place = ds_variants_table_find(table, &key);
      assert(place != 0);
      const uint32_t row = variants_at(table, place)->row;
      if (row != DS_NONE)
        ds_refine_add(context->refine, &state->refined, row, state->duration_ms[j]);
    }
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
  for (uint32_t j = 0; j < block->journeys; j += BATCH)
    durations_of(state, block, j, block->journeys - j < BATCH ? block->journeys : j + BATCH);
  uint32_t first[VARIANTS_PARTS + 2];
  parts_sort(state, block, first);
  if (state->context->refine != NULL)
    block_refine(state, first);
  else
    TRY(block_add(state, block, first, err));
  state->events += block->events;
  return DS_OK;
}

static void kept_take(variants_state *into, variants_state *from) {
  while (from->kept != NULL) {
    variants_chunk *chunk = from->kept;
    from->kept = chunk->next;
    chunk->next = into->kept;
    into->kept = chunk;
  }
  into->kept_bytes += from->kept_bytes;
  into->dropped |= from->dropped;
}

static ds_code kernel_merge(void *memory, void *other, ds_error *err) {
  (void)err;
  variants_state *into = memory, *from = other;
  assert(into->context == from->context);
  into->events += from->events;
  if (into->context->refine != NULL)
    ds_refine_merge(into->context->refine, &into->refined, &from->refined);
  else
    kept_take(into, from);
  return DS_OK;
}

static void kernel_done(void *memory) {
  variants_state *state = memory;
  void *const all[] = {state->codes, state->sum,   state->begin,      state->hash,
                       state->group, state->order, state->duration_ms};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    free(all[i]);
  while (state->kept != NULL) {
    variants_chunk *chunk = state->kept;
    state->kept = chunk->next;
    free(chunk);
  }
  ds_refine_counts_done(&state->refined);
  *state = (variants_state){0};
}

const ds_kernel ds_variants_kernel = {"variants", sizeof(variants_state), kernel_init,
                                      kernel_add_block, kernel_merge, kernel_done};
