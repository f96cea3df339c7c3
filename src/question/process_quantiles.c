// SPDX-License-Identifier: Apache-2.0
// See process_quantiles.h.
#include "question/process_quantiles.h"

#include <math.h>
#include <stdlib.h>

#include "base/large.h"
#include "base/pool.h"
#include "question/quantile.h"

// How many standard deviations of a sampled rank a window spans to each side.
#define WINDOW_SIGMAS 5.0

static const struct {
  uint32_t numerator, denominator;
} quantiles[PROCESS_QUANTILES] = {{1, 2}, {9, 10}};

// Kept gaps in three runs per edge: those in window 0 only, in both windows, in window 1 only; so
// the gaps of either window stand together. Run r holds value[first[r]] .. value[first[r + 1] - 1].
typedef struct grouped {
  uint64_t *first;
  int64_t *value;
  uint64_t count;
} grouped;

enum { RUNS = 3 };

static void grouped_done(grouped *runs) {
  free(runs->first);
  free(runs->value);
}

// The run of a kept gap by its edge and windows' bits (1, 2 or 3).
static uint64_t run_of(uint32_t index) {
  static const uint8_t place[] = {0, 0, 2, 1};
  return (uint64_t)(index & PROCESS_EDGE_MASK) * RUNS + place[index >> PROCESS_WINDOW_SHIFT];
}

// Where the gaps of window q of an edge begin, and how many there are.
static uint64_t window_first(const grouped *runs, uint32_t edge, uint32_t q) {
  return runs->first[(uint64_t)edge * RUNS + q];
}

static uint64_t window_count(const grouped *runs, uint32_t edge, uint32_t q) {
  return runs->first[(uint64_t)edge * RUNS + q + 2] - window_first(runs, edge, q);
}

static void place_kept(const process_state *state, uint64_t *restrict next,
                       int64_t *restrict value) {
  for (const process_chunk *chunk = state->kept; chunk != NULL; chunk = chunk->next)
    for (uint32_t i = 0; i < chunk->used; i++)
      value[next[run_of(chunk->index[i])]++] = chunk->gap[i];
}

static ds_code group_kept(const process_state *state, grouped *runs, ds_error *err) {
  const uint64_t count = (uint64_t)state->edges_count * RUNS;
  *runs = (grouped){.first = calloc(count + 2, sizeof *runs->first)};
  if (runs->first == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for quantiles");
  // Counts stand two places on, so that after placing, first[] has moved to where it belongs.
  for (const process_chunk *chunk = state->kept; chunk != NULL; chunk = chunk->next)
    for (uint32_t i = 0; i < chunk->used; i++)
      runs->first[run_of(chunk->index[i]) + 2]++;
  for (uint64_t r = 0; r < count; r++)
    runs->first[r + 2] += runs->first[r + 1];
  runs->count = runs->first[count + 1];
  runs->value = ds_large_alloc((runs->count + 1) * sizeof *runs->value);
  if (runs->value == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for quantiles: give more --memory");
  place_kept(state, runs->first + 1, runs->value);
  assert(runs->first[0] == 0 && runs->first[count] == runs->count);
  return DS_OK;
}

static bool is_start(const process_state *state, uint32_t edge) {
  const process_shape *shape = &state->context->shape;
  return process_key(state, edge) / shape->touchpoints % (shape->touchpoints + 1) ==
         shape->touchpoints;
}

// The sampled gaps of all edges as histograms by logarithm: a bucket is the gap as a float without
// its lowest 16 bits, 128 buckets per power of two.
enum { LOG_SHIFT = 16, LOG_BUCKETS = ((0x5b000000 - 0x3f000000) >> LOG_SHIFT) + 1 };

static uint32_t bucket_of(int64_t gap) {
  const float f = (float)gap;
  uint32_t bits = 0;
  memcpy(&bits, &f, sizeof bits);
  // Bits 0 are gap 0; 1.0f comes next, at bits 0x3f800000: what lies between never occurs.
  return bits == 0 ? 0 : (bits - 0x3f000000u) >> LOG_SHIFT;
}

// The least gap of a bucket; of the one past the last, more than any gap.
static int64_t bucket_floor(uint32_t bucket) {
  int64_t low = 0, high = INT64_MAX;
  while (low < high && bucket < LOG_BUCKETS) {
    const int64_t middle = low + (high - low) / 2;
    if (bucket_of(middle) < bucket)
      low = middle + 1;
    else
      high = middle;
  }
  return high;
}

// The bucket of rank `rank` in a histogram.
static uint32_t bucket_at(const uint32_t *held, uint64_t rank) {
  uint32_t bucket = 0;
  for (uint64_t seen = held[0]; seen <= rank; seen += held[bucket])
    bucket++;
  return bucket;
}

// The window of quantile q from a histogram of m sampled gaps: from some standard deviations of
// the rank below to as many above, rounded outwards to whole buckets.
static void window_of(const uint32_t *held, uint64_t m, uint32_t q, process_window *window) {
  const double p = (double)quantiles[q].numerator / (double)quantiles[q].denominator;
  const double middle = p * (double)m;
  const double span = WINDOW_SIGMAS * sqrt((double)m * p * (1 - p)) + 1;
  window->low[q] = 0;
  window->high[q] = INT64_MAX;
  if (middle - span >= 0)
    window->low[q] = bucket_floor(bucket_at(held, (uint64_t)(middle - span)));
  if (middle + span < (double)(m - 1))
    window->high[q] = bucket_floor(bucket_at(held, (uint64_t)(middle + span)) + 1);
  assert(window->low[q] < window->high[q]);
}

static ds_code windows_from(const process_state *sample, uint32_t *held, const uint32_t *slot,
                            ds_arena *arena, process_window **ret_windows, uint32_t *ret_count,
                            ds_error *err) {
  process_window *windows = ds_arena_array(arena, *ret_count + 1u, sizeof *windows);
  if (windows == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for quantiles");
  uint32_t used = 0;
  for (uint32_t e = 0; e < sample->edges_count; e++) {
    if (slot[e] == DS_NONE)
      continue;
    assert(used < *ret_count);
    const process_edge *edge = &sample->edges[e];
    process_window *window = &windows[used++];
    window->key = process_key(sample, e);
    for (uint32_t q = 0; q < PROCESS_QUANTILES; q++)
      window_of(held + (size_t)slot[e] * LOG_BUCKETS, sample->totals[e].count, q, window);
    // What a machine does after a fixed time.
    for (uint32_t q = 0; edge->range == 0 && q < PROCESS_QUANTILES; q++)
      window->low[q] = window->high[q] = edge->min + q;
  }
  *ret_windows = windows;
  *ret_count = used;
  return DS_OK;
}

// Only edges with this many sampled gaps get windows, others keep all.
enum { WINDOW_SAMPLES_MIN = 64 };

ds_code ds_process_windows_make(process_state *sample, ds_arena *arena,
                                process_window **ret_windows, uint32_t *ret_count, ds_error *err) {
  ds_process_flush(sample);
  *ret_windows = NULL;
  *ret_count = 0;
  if (sample->kept_overflow)
    return DS_OK;
  uint32_t *slot = ds_arena_array(arena, sample->edges_count + 1u, sizeof *slot);
  if (slot == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for quantiles");
  for (uint32_t e = 0; e < sample->edges_count; e++)
    slot[e] = !is_start(sample, e) && sample->totals[e].count >= WINDOW_SAMPLES_MIN
                  ? (*ret_count)++
                  : DS_NONE;
  uint32_t *held = calloc((size_t)*ret_count * LOG_BUCKETS + 1, sizeof *held);
  if (held == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for quantiles");
  for (const process_chunk *chunk = sample->kept; chunk != NULL; chunk = chunk->next)
    for (uint32_t i = 0; i < chunk->used; i++)
      if (slot[chunk->index[i] & PROCESS_EDGE_MASK] != DS_NONE)
        held[(size_t)slot[chunk->index[i] & PROCESS_EDGE_MASK] * LOG_BUCKETS +
             bucket_of(chunk->gap[i])]++;
  const ds_code code = windows_from(sample, held, slot, arena, ret_windows, ret_count, err);
  free(held);
  return code;
}

// What finding all quantiles shares between threads.
typedef struct finder {
  const process_state *state;
  const grouped *runs;
  process_quantile *out;
  uint8_t *missed; // per edge and quantile
} finder;

// The rank of a quantile of an edge.
static ds_rank rank_in(const finder *in, uint32_t e, uint32_t q) {
  return ds_rank_of(in->state->totals[e].count, quantiles[q].numerator, quantiles[q].denominator);
}

// Selects in window q of an edge. Selection loses values, so the gaps that the other window needs
// too are kept aside.
static ds_code select_in(const grouped *runs, uint32_t edge, uint32_t q, uint64_t rank,
                         int64_t pair[2], ds_error *err) {
  int64_t *value = runs->value + window_first(runs, edge, q);
  const uint64_t count = window_count(runs, edge, q);
  const bool shared = window_first(runs, edge, 1) < window_first(runs, edge, 0) +
                                                        window_count(runs, edge, 0);
  if (q > 0 || !shared) {
    ds_select(value, count, rank, pair);
    return DS_OK;
  }
  int64_t *copy = malloc(count * sizeof *copy);
  if (copy == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for quantiles: give more --memory");
  memcpy(copy, value, count * sizeof *copy);
  ds_select(copy, count, rank, pair);
  free(copy);
  return DS_OK;
}

// Whether the windows of an edge enclose one value, see process_window.
static bool is_single(const process_edge *edge) {
  return edge->low[0] == edge->high[0] && edge->low[1] == edge->high[1] &&
         edge->low[1] - edge->low[0] == 1;
}

// The quantile of an edge; *ret_missed when its windows do not hold it.
static ds_code find_one(const finder *in, uint32_t e, uint32_t q, double *ret_value,
                        uint8_t *ret_missed, ds_error *err) {
  const process_total *total = &in->state->totals[e];
  const process_edge *edge = &in->state->edges[e];
  const ds_rank rank = rank_in(in, e, q);
  const uint64_t last = rank.low + (rank.fraction > 0);
  if (is_single(edge)) {
    *ret_missed = rank.low < total->below[0] || last >= total->below[1];
    *ret_value = (double)edge->low[0];
    return DS_OK;
  }
  *ret_missed = in->state->kept_overflow || rank.low < total->below[q] || last >= total->under[q];
  if (*ret_missed)
    return DS_OK;
  assert(window_count(in->runs, e, q) == total->under[q] - total->below[q]);
  int64_t pair[2];
  TRY(select_in(in->runs, e, q, rank.low - total->below[q], pair, err));
  *ret_value = ds_quantile(rank, pair[0], pair[1]);
  return DS_OK;
}

static ds_code find_edge(void *context, uint32_t thread, uint32_t job, ds_error *err) {
  (void)thread;
  const finder *in = context;
  if (in->state->totals[job].count == 0 || is_start(in->state, job))
    return DS_OK;
  for (uint32_t q = 0; q < PROCESS_QUANTILES; q++)
    TRY(find_one(in, job, q, &in->out[job].value[q],
                 &in->missed[(uint64_t)job * PROCESS_QUANTILES + q], err));
  return DS_OK;
}

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t greater(int64_t a, int64_t b) { return a > b ? a : b; }

// What the full pass tells of an order statistic that it did not keep.
static process_target target_of(const finder *in, uint32_t e, uint32_t q, uint64_t rank) {
  const process_edge *edge = &in->state->edges[e];
  const process_total *total = &in->state->totals[e];
  process_target target = {.key = process_key(in->state, e), .rank = rank, .low = edge->min,
                           .high = edge->min + (int64_t)edge->range};
  if (rank < total->below[q]) {
    target.high = smaller(target.high, edge->low[q] - 1);
  } else if (rank >= total->under[q]) {
    target.below = total->under[q];
    target.low = greater(target.low, edge->high[q]);
  } else {
    target.below = total->below[q];
    target.low = greater(target.low, edge->low[q]);
    target.high = smaller(target.high, edge->high[q] - 1);
  }
  assert(target.low <= target.high && target.below <= rank);
  return target;
}

static bool is_missed(const finder *in, uint32_t e, uint32_t q) {
  return in->missed[(uint64_t)e * PROCESS_QUANTILES + q] != 0;
}

// A window that holds a missed quantile for certain; returns how many gaps are in it.
static uint64_t certain_window(const finder *in, uint32_t e, uint32_t q, process_window *window) {
  const process_total *total = &in->state->totals[e];
  const ds_rank rank = rank_in(in, e, q);
  const uint64_t last = rank.low + (rank.fraction > 0);
  const process_target first = target_of(in, e, q, rank.low), end = target_of(in, e, q, last);
  window->low[q] = first.low;
  window->high[q] = end.high + 1;
  const uint64_t below = last < total->below[q]   ? total->below[q]
                         : last < total->under[q] ? total->under[q]
                                                  : total->count;
  return below - first.below;
}

// Windows for a pass that keeps what can be missed quantiles, and nothing else. Returns how many
// gaps that is.
static uint64_t certain_windows(const finder *in, process_window *windows, uint32_t *ret_count) {
  uint64_t kept = 0;
  *ret_count = 0;
  for (uint32_t e = 0; e < in->state->edges_count; e++) {
    if (in->state->totals[e].count == 0 || is_start(in->state, e))
      continue;
    process_window *window = &windows[(*ret_count)++];
    *window = (process_window){.key = process_key(in->state, e)};
    for (uint32_t q = 0; q < PROCESS_QUANTILES; q++)
      if (is_missed(in, e, q))
        kept += certain_window(in, e, q, window);
  }
  return kept;
}

// Selects the missed quantiles from the gaps that such a pass has kept.
static ds_code select_missed(const finder *in, const process_state *collected,
                             const grouped *runs, ds_error *err) {
  for (uint32_t e = 0; e < in->state->edges_count; e++)
    for (uint32_t q = 0; q < PROCESS_QUANTILES; q++) {
      if (!is_missed(in, e, q))
        continue;
      const uint32_t at = ds_process_find(collected, process_key(in->state, e));
      const ds_rank rank = rank_in(in, e, q);
      assert(at != DS_NONE && collected->totals[at].count == in->state->totals[e].count);
      assert(rank.low >= collected->totals[at].below[q]);
      int64_t pair[2];
      TRY(select_in(runs, at, q, rank.low - collected->totals[at].below[q], pair, err));
      in->out[e].value[q] = ds_quantile(rank, pair[0], pair[1]);
    }
  return DS_OK;
}

// Finds missed quantiles by one more pass; *ret_done is false, and nothing done, when what it would
// have to keep is more than the budget.
static ds_code collect_missed(const ds_snapshot *snapshot, const ds_plan *plan, const finder *in,
                              ds_arena *arena, process_effort *effort, bool *ret_done,
                              ds_error *err) {
  process_context context = *in->state->context;
  process_window *windows = ds_arena_array(arena, in->state->edges_count + 1u, sizeof *windows);
  if (windows == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for quantiles");
  const uint64_t kept = certain_windows(in, windows, &context.windows_count);
  context.windows = windows;
  *ret_done = false;
  if (kept * (sizeof(int64_t) + sizeof(uint32_t)) + sizeof(process_chunk) > context.kept_bytes_max)
    return DS_OK;
  void *memory = NULL;
  TRY(ds_scan(snapshot, plan, &ds_process_kernel, &context, arena, &memory, err));
  process_state *collected = memory;
  ds_process_flush(collected);
  effort->passes++;
  grouped runs = {0};
  ds_code code = DS_OK;
  if (!collected->kept_overflow) {
    code = group_kept(collected, &runs, err);
    if (code == DS_OK)
      code = select_missed(in, collected, &runs, err);
    grouped_done(&runs);
    *ret_done = true;
  }
  ds_process_kernel.done(collected);
  return code;
}

// Two targets per missed quantile; those of one edge stand together.
static ds_code refine_missed(const ds_snapshot *snapshot, const ds_plan *plan, const finder *in,
                             uint32_t missed, size_t memory_bytes, ds_arena *arena,
                             process_effort *effort, ds_error *err) {
  process_target *targets = ds_arena_array(arena, missed * 2u, sizeof *targets);
  uint64_t *origin = ds_arena_array(arena, missed, sizeof *origin);
  if (targets == NULL || origin == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for quantiles");
  uint32_t used = 0;
  const uint64_t runs = (uint64_t)in->state->edges_count * PROCESS_QUANTILES;
  for (uint64_t run = 0; run < runs; run++) {
    if (!in->missed[run])
      continue;
    const uint32_t e = (uint32_t)(run / PROCESS_QUANTILES), q = (uint32_t)(run % PROCESS_QUANTILES);
    const ds_rank rank = rank_in(in, e, q);
    origin[used / 2] = run;
    targets[used++] = target_of(in, e, q, rank.low);
    targets[used++] = target_of(in, e, q, rank.low + (rank.fraction > 0));
  }
  assert(used == missed * 2);
  TRY(ds_process_refine(snapshot, plan, in->state->context, targets, used, memory_bytes, arena,
                        &effort->passes, err));
  for (uint32_t m = 0; m < missed; m++) {
    const uint32_t e = (uint32_t)(origin[m] / PROCESS_QUANTILES);
    const uint32_t q = (uint32_t)(origin[m] % PROCESS_QUANTILES);
    const ds_rank rank = rank_in(in, e, q);
    in->out[e].value[q] = ds_quantile(rank, targets[2 * m].low, targets[2 * m + 1].low);
  }
  return DS_OK;
}

static ds_code find_all(const ds_snapshot *snapshot, const ds_plan *plan,
                        const process_state *state, const grouped *runs, size_t memory_bytes,
                        ds_arena *arena, process_quantile **ret_quantiles,
                        process_effort *effort, ds_error *err) {
  const uint64_t runs_count = (uint64_t)state->edges_count * PROCESS_QUANTILES;
  finder in = {.state = state, .runs = runs,
               .out = ds_arena_array(arena, state->edges_count + 1u, sizeof *in.out),
               .missed = ds_arena_array(arena, runs_count + 1, 1)};
  if (in.out == NULL || in.missed == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for quantiles");
  const uint32_t threads = plan->threads == 0 ? 1 : plan->threads;
  TRY(ds_parallel(threads, state->edges_count, find_edge, &in, NULL, err));
  uint32_t missed = 0;
  for (uint64_t run = 0; run < runs_count; run++)
    missed += in.missed[run];
  effort->missed = missed;
  effort->kept = runs->count;
  bool done = missed == 0;
  if (!done)
    TRY(collect_missed(snapshot, plan, &in, arena, effort, &done, err));
  if (!done)
    TRY(refine_missed(snapshot, plan, &in, missed, memory_bytes, arena, effort, err));
  *ret_quantiles = in.out;
  return DS_OK;
}

ds_code ds_process_quantiles_find(const ds_snapshot *snapshot, const ds_plan *plan,
                                  process_state *state, size_t memory_bytes, ds_arena *arena,
                                  process_quantile **ret_quantiles, process_effort *effort,
                                  ds_error *err) {
  ds_process_flush(state);
  grouped runs = {0};
  ds_code code = group_kept(state, &runs, err);
  if (code == DS_OK)
    code = find_all(snapshot, plan, state, &runs, memory_bytes, arena, ret_quantiles, effort,
                    err);
  grouped_done(&runs);
  return code;
}
