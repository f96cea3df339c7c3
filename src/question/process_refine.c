// SPDX-License-Identifier: Apache-2.0
// The further passes of exact quantiles: each divides every target's interval into 1,024 buckets,
// counts the gaps in them and goes on with the bucket that holds the rank. Slow and rare, so it is
// plain: one look-up per event.
#include <math.h>
#include <stdlib.h>

#include "question/process_quantiles.h"

enum { BUCKET_BITS = 10, BUCKETS = 1 << BUCKET_BITS };

// One batch of targets, few enough for a histogram each in memory.
typedef struct refine_context {
  const process_context *process;
  const process_target *targets;
  uint32_t count;
  ds_map64 first; // key -> its first target
} refine_context;

typedef struct refine_state {
  const refine_context *context;
  uint64_t *held; // count * BUCKETS
  uint32_t *group;
  uint32_t group_capacity;
} refine_state;

static uint32_t shift_of(const process_target *target) {
  const uint64_t width = (uint64_t)(target->high - target->low);
  const uint32_t bits = width == 0 ? 0 : 64 - (uint32_t)__builtin_clzll(width);
  return bits > BUCKET_BITS ? bits - BUCKET_BITS : 0;
}

static ds_code refine_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  refine_state *state = memory;
  state->context = context;
  state->held = ds_arena_array(arena, (size_t)state->context->count * BUCKETS, sizeof *state->held);
  return state->held == NULL ? ds_fail(err, DS_MEMORY, "out of memory for quantiles") : DS_OK;
}

static void refine_gap(refine_state *state, uint64_t key, int64_t gap) {
  const refine_context *in = state->context;
  for (uint32_t t = ds_map64_get(&in->first, key);
       t < in->count && in->targets[t].key == key; t++) {
    const process_target *target = &in->targets[t];
    if (gap < target->low || gap > target->high)
      continue;
    const uint64_t bucket = (uint64_t)(gap - target->low) >> shift_of(target);
    assert(bucket < BUCKETS);
    state->held[(size_t)t * BUCKETS + bucket]++;
  }
}

static ds_code refine_add(void *memory, const ds_block *block, ds_error *err) {
  refine_state *state = memory;
  const process_context *process = state->context->process;
  const uint64_t touchpoints = process->shape.touchpoints;
  if (process->by != NULL)
    TRY(ds_breakdown_groups(state->context->process->by, block, &state->group,
                            &state->group_capacity, err));
  for (uint32_t j = 0; j < block->journeys; j++) {
    const uint64_t base = process->by == NULL ? 0 : state->group[j] * (touchpoints + 1);
    for (uint32_t e = block->offset[j] + 1; e < block->offset[j + 1]; e++)
      refine_gap(state,
                 (base + block->node[e - 1]) * touchpoints + block->node[e],
                 block->gap_ms[e]);
  }
  return DS_OK;
}

static ds_code refine_merge(void *memory, void *other, ds_error *err) {
  (void)err;
  refine_state *into = memory;
  const refine_state *from = other;
  for (size_t i = 0; i < (size_t)into->context->count * BUCKETS; i++)
    into->held[i] += from->held[i];
  return DS_OK;
}

static void refine_done(void *memory) {
  refine_state *state = memory;
  free(state->group);
}

static const ds_kernel refine_kernel = {"refine",   sizeof(refine_state), refine_init,
                                        refine_add, refine_merge,         refine_done};

static void narrow(process_target *target, const uint64_t *held) {
  const uint32_t shift = shift_of(target);
  uint32_t bucket = 0;
  while (bucket < BUCKETS && target->below + held[bucket] <= target->rank)
    target->below += held[bucket++];
  assert(bucket < BUCKETS);
  const int64_t low = target->low + (int64_t)((uint64_t)bucket << shift);
  const int64_t last = low + (int64_t)((1ull << shift) - 1);
  target->low = low;
  target->high = last < target->high ? last : target->high;
}

// One pass over the snapshot for one batch of targets.
static ds_code pass(const ds_snapshot *snapshot, const ds_plan *plan, refine_context *context,
                    process_target *targets, size_t memory_bytes, ds_error *err) {
  for (uint32_t t = context->count; t-- > 0;) {
    uint32_t *slot = ds_map64_put(&context->first, targets[t].key);
    if (slot == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for quantiles");
    *slot = t;
  }
  ds_arena arena;
  ds_arena_init(&arena, memory_bytes);
  void *memory = NULL;
  const ds_code code =
      ds_scan(snapshot, plan, &refine_kernel, context, &arena, &memory, err);
  refine_state *state = memory;
  for (uint32_t t = 0; code == DS_OK && t < context->count; t++)
    if (targets[t].low < targets[t].high)
      narrow(&targets[t], state->held + (size_t)t * BUCKETS);
  if (code == DS_OK)
    refine_done(state);
  ds_arena_done(&arena);
  return code;
}

static bool any_open(const process_target *targets, uint32_t count) {
  for (uint32_t t = 0; t < count; t++)
    if (targets[t].low < targets[t].high)
      return true;
  return false;
}

ds_code ds_process_refine(const ds_snapshot *snapshot, const ds_plan *plan,
                          const process_context *context, process_target *targets, uint32_t count,
                          size_t memory_bytes, ds_arena *arena, uint32_t *ret_passes,
                          ds_error *err) {
  (void)arena;
  const uint32_t threads = plan->threads == 0 ? 1 : plan->threads;
  const size_t each = (size_t)BUCKETS * sizeof(uint64_t) * (threads + 2u);
  uint32_t batch = (uint32_t)(memory_bytes / 2 / each);
  batch = batch < 4 ? 4 : batch / 4 * 4;
  for (uint32_t at = 0; at < count; at += batch) {
    const uint32_t some = count - at < batch ? count - at : batch;
    while (any_open(targets + at, some)) {
      refine_context in = {.process = context, .targets = targets + at, .count = some};
      ds_map64_init(&in.first);
      const size_t budget = (each + 4096) * (some + 8u) + (16u << 20);
      const ds_code code = pass(snapshot, plan, &in, targets + at, budget, err);
      ds_map64_done(&in.first);
      TRY(code);
      ++*ret_passes;
    }
  }
  return DS_OK;
}
