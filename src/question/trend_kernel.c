// SPDX-License-Identifier: Apache-2.0
// See trend.h. Quantiles are found by passes that narrow the interval of each rank (refine.h), over
// the values' bits in an order that is theirs as integers: exact at any size.
#include <assert.h>
#include <stdlib.h>

#include "question/quantile.h"
#include "question/trend.h"

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for a trend: give more --memory");
}

static ds_code trend_init(void *memory, const void *given, ds_arena *arena, ds_error *err) {
  trend_state *state = memory;
  const trend_context *context = given;
  state->context = context;
  state->cells = ds_arena_array(arena, context->cells + 1u, sizeof *state->cells);
  if (state->cells == NULL)
    return no_memory(err);
  if (context->hit != NULL)
    TRY(ds_evaluator_new(context->hit, &context->plan.columns, &state->evaluator, err));
  return context->refine == NULL ? DS_OK
                                 : ds_refine_counts_init(&state->counts, context->refine, err);
}

static void trend_done(void *memory) {
  trend_state *state = memory;
  ds_evaluator_free(state->evaluator);
  ds_refine_counts_done(&state->counts);
  free(state->keep);
  free(state->group);
  state->evaluator = NULL;
  state->keep = NULL;
  state->group = NULL;
}

static ds_code walk_events(const trend_context *context, const ds_block *block, uint32_t j,
                           trend_take take, void *to, ds_error *err) {
  uint32_t last = DS_NONE;
  for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++) {
    double value = 0;
    const uint32_t period = ds_calendar_find(&context->calendar, block->time_ms[e]);
    // A case counts once per period; times only rise, so the last period is enough to know.
    if (period == DS_NONE || (context->measure == TREND_CASES && period == last))
      continue;
    last = period;
    if (context->measure > TREND_RATE &&
        !ds_property_number(&context->property, block, e, &value))
      continue;
    TRY(take(to, period, block, j, e, value, err));
  }
  return DS_OK;
}

ds_code ds_trend_walk(const trend_context *context, const ds_block *block, uint32_t j,
                      trend_take take, void *to, ds_error *err) {
  if (!trend_by_start(context))
    return walk_events(context, block, j, take, to, err);
  const uint32_t first = block->offset[j], last = block->offset[j + 1] - 1;
  const uint32_t period = ds_calendar_find(&context->calendar, block->time_ms[first]);
  if (period == DS_NONE)
    return DS_OK;
  return take(to, period, block, j, first,
              (double)(block->time_ms[last] - block->time_ms[first]), err);
}

// Doubles as integers of the same order, and back.
static int64_t ordered(double value) {
  int64_t bits;
  const double plain = value + 0.0; // -0 and 0 are one value
  memcpy(&bits, &plain, sizeof bits);
  return bits ^ ((bits >> 63) & INT64_MAX);
}

static double unordered(int64_t bits) {
  double value;
  bits ^= (bits >> 63) & INT64_MAX;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// Whether one of journey j's events is meant.
static bool is_hit(const trend_state *state, const ds_block *block, uint32_t j) {
  for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++)
    if (state->keep[e / 64] >> (e % 64) & 1)
      return true;
  return false;
}

static ds_code cell_take(void *to, uint32_t period, const ds_block *block, uint32_t j, uint32_t e,
                         double value, ds_error *err) {
  (void)e;
  (void)err;
  trend_state *state = to;
  const trend_context *context = state->context;
  const uint32_t group = context->grouped ? state->group[j] : 0;
  const uint32_t cell = group * context->calendar.count + period;
  assert(cell < context->cells);
  if (context->refine != NULL) {
    ds_refine_add(context->refine, &state->counts, cell, ordered(value));
    return DS_OK;
  }
  trend_cell *one = &state->cells[cell];
  one->min = one->n == 0 || value < one->min ? value : one->min;
  one->max = one->n == 0 || value > one->max ? value : one->max;
  one->n++;
  one->sum = ds_dd_add(one->sum, (ds_dd){value, 0});
  one->hits += context->hit != NULL && is_hit(state, block, j);
  return DS_OK;
}

static ds_code room_make(trend_state *state, const ds_block *block, ds_error *err) {
  if (state->context->hit != NULL && block->events > state->keep_capacity) {
    free(state->keep);
    state->keep = calloc(block->events / 64 + 1, sizeof *state->keep);
    state->keep_capacity = state->keep == NULL ? 0 : block->events;
    if (state->keep == NULL)
      return no_memory(err);
  }
  return DS_OK;
}

static ds_code trend_add(void *memory, const ds_block *block, ds_error *err) {
  trend_state *state = memory;
  TRY(room_make(state, block, err));
  if (state->evaluator != NULL)
    TRY(ds_evaluator_run(state->evaluator, block, state->keep, err));
  if (state->context->grouped)
    TRY(ds_breakdown_groups(&state->context->by, block, &state->group, &state->group_capacity,
                            err));
  for (uint32_t j = 0; j < block->journeys; j++)
    TRY(ds_trend_walk(state->context, block, j, cell_take, state, err));
  return DS_OK;
}

static ds_code trend_merge(void *memory, void *other, ds_error *err) {
  (void)err;
  trend_state *into = memory;
  const trend_state *from = other;
  const trend_context *context = into->context;
  if (context->refine != NULL)
    ds_refine_merge(context->refine, &into->counts, &from->counts);
  for (uint32_t c = 0; c < context->cells; c++) {
    trend_cell *a = &into->cells[c];
    const trend_cell *b = &from->cells[c];
    if (b->n == 0)
      continue;
    a->min = a->n == 0 || b->min < a->min ? b->min : a->min;
    a->max = a->n == 0 || b->max > a->max ? b->max : a->max;
    a->n += b->n;
    a->hits += b->hits;
    a->sum = ds_dd_add(a->sum, b->sum);
  }
  return DS_OK;
}

const ds_kernel ds_trend_kernel = {"trend",   sizeof(trend_state), trend_init,
                                   trend_add, trend_merge,         trend_done};

// A scan that counts for the targets in hand.
static ds_code pass(void *memory, const ds_refine *refine, ds_refine_counts *ret_counts,
                    ds_error *err) {
  trend_context context = *(const trend_context *)memory;
  context.refine = refine;
  ds_arena arena;
  ds_arena_init(&arena, context.request->memory_bytes);
  void *merged = NULL;
  const ds_code code = ds_scan(context.request->snapshot, &context.plan, &ds_trend_kernel,
                               &context, &arena, &merged, err);
  if (code == DS_OK) {
    trend_state *state = merged;
    *ret_counts = state->counts;
    state->counts = (ds_refine_counts){0};
    trend_done(state);
  }
  ds_arena_done(&arena);
  return code;
}

ds_code ds_trend_quantiles(trend_context *context, const trend_cell *cells, uint64_t least,
                           ds_arena *arena, double *value, ds_error *err) {
  const uint32_t tenths = context->measure == TREND_MEDIAN ? 5 : 9;
  ds_refine_target *targets = ds_arena_array(arena, 2u * context->cells + 1u, sizeof *targets);
  uint32_t count = 0;
  if (targets == NULL)
    return no_memory(err);
  for (uint32_t c = 0; c < context->cells; c++) {
    if (cells[c].n == 0 || cells[c].n < least)
      continue;
    const ds_rank rank = ds_rank_of(cells[c].n, tenths, 10);
    for (uint32_t side = 0; side < 2; side++) {
      const uint64_t at = rank.low + side < cells[c].n ? rank.low + side : rank.low;
      targets[count++] = (ds_refine_target){.cell = c, .rank = at, .low = ordered(cells[c].min),
                                            .high = ordered(cells[c].max)};
    }
  }
  TRY(ds_refine_run(targets, count, context->cells, context->request->memory_bytes / 4,
                    context->plan.threads, pass, context, err));
  for (uint32_t t = 0; t < count; t += 2) {
    const ds_rank rank = ds_rank_of(cells[targets[t].cell].n, tenths, 10);
    const double low = unordered(targets[t].low), high = unordered(targets[t + 1].low);
    value[targets[t].cell] = low + rank.fraction * (high - low);
  }
  return DS_OK;
}
