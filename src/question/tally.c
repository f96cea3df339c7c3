// SPDX-License-Identifier: Apache-2.0
// See tally.h.
#include "question/tally.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/large.h"
#include "model/time.h"
#include "question/quantile.h"

// How many standard deviations of a sampled rank a window spans to each side, and from how many
// sampled values on a cell gets windows: others keep all.
static const double WINDOW_SIGMAS = 5.0;
enum { WINDOW_SAMPLES_MIN = 64, RUNS = 3 };

static const struct {
  uint32_t numerator, denominator;
} quantiles[DS_TALLY_QUANTILES] = {{1, 2}, {9, 10}};

#define VALUE_END (2 * DS_TIME_MAX_MS + 1)

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for quantiles: give more --memory");
}

ds_code ds_tally_init(ds_tally *tally, uint32_t cells, const ds_tally_cell *windows,
                      size_t kept_bytes_max, const ds_refine *refine, ds_error *err) {
  assert(cells > 0 && cells < 1u << DS_TALLY_SHIFT);
  *tally = (ds_tally){.cells = cells, .kept_bytes_max = kept_bytes_max, .refine = refine};
  if (refine != NULL)
    return ds_refine_counts_init(&tally->refined, refine, err);
  tally->cell = aligned_alloc(sizeof *tally->cell, cells * sizeof *tally->cell);
  if (tally->cell == NULL)
    return no_memory(err);
  if (windows != NULL)
    memcpy(tally->cell, windows, cells * sizeof *windows);
  for (uint32_t c = 0; windows == NULL && c < cells; c++)
    tally->cell[c] = (ds_tally_cell){.high = {VALUE_END, VALUE_END}};
  return DS_OK;
}

void ds_tally_done(ds_tally *tally) {
  free(tally->cell);
  while (tally->kept != NULL) {
    ds_tally_chunk *chunk = tally->kept;
    tally->kept = chunk->next;
    free(chunk);
  }
  ds_refine_counts_done(&tally->refined);
  tally->cell = NULL;
}

ds_code ds_tally_room(ds_tally *tally, ds_error *err) {
  ds_tally_chunk *chunk = tally->kept;
  if (chunk != NULL && tally->kept_bytes + sizeof *chunk > tally->kept_bytes_max) {
    tally->lost = true;
    chunk->used = 0;
    return DS_OK;
  }
  chunk = ds_large_alloc(sizeof *chunk);
  if (chunk == NULL)
    return no_memory(err);
  chunk->used = 0;
  chunk->next = tally->kept;
  tally->kept = chunk;
  tally->kept_bytes += sizeof *chunk;
  return DS_OK;
}

#if defined(__x86_64__)
// The first values, four at a time, returns how many; there is room to keep all of them.
__attribute__((target("avx2"))) static uint32_t add_wide(ds_tally *tally, uint32_t cell,
                                                         const int64_t *values, uint32_t count) {
  ds_tally_cell *at = &tally->cell[cell];
  ds_tally_chunk *chunk = tally->kept;
  const __m256i none = _mm256_set1_epi64x(DS_TALLY_NONE);
  const __m256i low_0 = _mm256_set1_epi64x(at->low[0]), high_0 = _mm256_set1_epi64x(at->high[0]);
  const __m256i low_1 = _mm256_set1_epi64x(at->low[1]), high_1 = _mm256_set1_epi64x(at->high[1]);
  __m256i some = _mm256_setzero_si256(), below_0 = some, below_1 = some;
  uint32_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const __m256i value = _mm256_loadu_si256((const __m256i *)(const void *)(values + i));
    // Comparisons give -1.
    const __m256i under_0 = _mm256_cmpgt_epi64(low_0, value);
    const __m256i under_1 = _mm256_cmpgt_epi64(low_1, value);
    const __m256i in_0 = _mm256_xor_si256(under_0, _mm256_cmpgt_epi64(high_0, value));
    const __m256i in_1 = _mm256_xor_si256(under_1, _mm256_cmpgt_epi64(high_1, value));
    some = _mm256_sub_epi64(some, _mm256_cmpgt_epi64(none, value));
    below_0 = _mm256_sub_epi64(below_0, under_0);
    below_1 = _mm256_sub_epi64(below_1, under_1);
    const uint32_t first = (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(in_0));
    const uint32_t second = (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(in_1));
    for (uint32_t left = first | second; left != 0; left &= left - 1) {
      const uint32_t v = (uint32_t)__builtin_ctz(left);
      const uint32_t windows = (first >> v & 1) | (second >> v & 1) << 1;
      chunk->index[chunk->used] = cell | windows << DS_TALLY_SHIFT;
      chunk->value[chunk->used++] = values[i + v];
    }
  }
  uint64_t sums[3][4];
  _mm256_storeu_si256((__m256i *)(void *)sums[0], some);
  _mm256_storeu_si256((__m256i *)(void *)sums[1], below_0);
  _mm256_storeu_si256((__m256i *)(void *)sums[2], below_1);
  for (uint32_t v = 0; v < 4; v++) {
    at->count += sums[0][v];
    at->below[0] += sums[1][v];
    at->below[1] += sums[2][v];
  }
  return i;
}
#endif

ds_code ds_tally_add_all(ds_tally *tally, uint32_t cell, const int64_t *values, uint32_t count,
                         ds_error *err) {
  uint32_t done = 0;
#if defined(__x86_64__)
  if (tally->refine == NULL && tally->kept != NULL &&
      tally->kept->used + count <= DS_TALLY_CHUNK && __builtin_cpu_supports("avx2"))
    done = add_wide(tally, cell, values, count);
#endif
  for (uint32_t i = done; i < count; i++)
    if (values[i] != DS_TALLY_NONE)
      TRY(ds_tally_add(tally, cell, values[i], err));
  return DS_OK;
}

void ds_tally_merge(ds_tally *into, ds_tally *from) {
  ds_tally_merge_runs(into, from, 0, 1, NULL);
}

// The cell here that has the number of a cell there.
static uint32_t cell_in(uint32_t cell, uint32_t runs, uint32_t width, const uint32_t *number) {
  return cell < runs * width ? number[cell / width] * width + cell % width : cell;
}

void ds_tally_merge_runs(ds_tally *into, ds_tally *from, uint32_t runs, uint32_t width,
                         const uint32_t *number) {
  assert(into->cells == from->cells && runs * width <= from->cells);
  if (into->refine != NULL) {
    ds_refine_merge(into->refine, &into->refined, &from->refined);
    return;
  }
  for (uint32_t c = 0; c < into->cells; c++) {
    ds_tally_cell *to = &into->cell[cell_in(c, runs, width, number)];
    to->count += from->cell[c].count;
    for (uint32_t q = 0; q < DS_TALLY_QUANTILES; q++)
      to->below[q] += from->cell[c].below[q];
  }
  const uint32_t mask = (1u << DS_TALLY_SHIFT) - 1;
  while (from->kept != NULL) {
    ds_tally_chunk *chunk = from->kept;
    for (uint32_t i = 0; runs > 0 && i < chunk->used; i++)
      chunk->index[i] = cell_in(chunk->index[i] & mask, runs, width, number) |
                        (chunk->index[i] & ~mask);
    from->kept = chunk->next;
    chunk->next = into->kept;
    into->kept = chunk;
  }
  into->kept_bytes += from->kept_bytes;
  into->lost |= from->lost;
}

// Kept values in three runs per cell: those in window 0 only, in both windows, in window 1 only;
// so the values of either window stand together. Run r holds value[first[r]] up to value[first[r +
// 1] - 1].
typedef struct runs {
  uint64_t *first;
  int64_t *value;
} runs;

static void runs_done(runs *all) {
  free(all->first);
  free(all->value);
}

// The run of a kept value by its cell and windows' bits (1, 2 or 3).
static uint64_t run_of(uint32_t index) {
  static const uint8_t place[] = {0, 0, 2, 1};
  return (uint64_t)(index & ((1u << DS_TALLY_SHIFT) - 1)) * RUNS +
         place[index >> DS_TALLY_SHIFT];
}

static ds_code runs_make(const ds_tally *tally, runs *all, ds_error *err) {
  const uint64_t count = (uint64_t)tally->cells * RUNS;
  *all = (runs){.first = calloc(count + 2, sizeof *all->first)};
  if (all->first == NULL)
    return no_memory(err);
  // Counts stand two places on, so that after placing, first[] has moved to where it belongs.
  for (const ds_tally_chunk *chunk = tally->kept; chunk != NULL; chunk = chunk->next)
    for (uint32_t i = 0; i < chunk->used; i++)
      all->first[run_of(chunk->index[i]) + 2]++;
  for (uint64_t r = 0; r < count; r++)
    all->first[r + 2] += all->first[r + 1];
  all->value = ds_large_alloc((all->first[count + 1] + 1) * sizeof *all->value);
  if (all->value == NULL)
    return no_memory(err);
  for (const ds_tally_chunk *chunk = tally->kept; chunk != NULL; chunk = chunk->next)
    for (uint32_t i = 0; i < chunk->used; i++)
      all->value[all->first[run_of(chunk->index[i]) + 1]++] = chunk->value[i];
  return DS_OK;
}

// The values of window q of a cell, which may be put in disorder, but not lost: a copy in `room`.
static uint64_t window_copy(const runs *all, uint32_t cell, uint32_t q, int64_t *room) {
  const uint64_t first = all->first[(uint64_t)cell * RUNS + q];
  const uint64_t count = all->first[(uint64_t)cell * RUNS + q + 2] - first;
  memcpy(room, all->value + first, count * sizeof *room);
  return count;
}

static uint64_t window_most(const runs *all, uint32_t cells) {
  uint64_t most = 0;
  for (uint32_t c = 0; c < cells; c++) {
    const uint64_t count = all->first[((uint64_t)c + 1) * RUNS] - all->first[(uint64_t)c * RUNS];
    most = count > most ? count : most;
  }
  return most;
}

// The window of quantile q from the sampled values of a cell: from some standard deviations of the
// rank below to as many above.
static void window_of(const runs *all, uint32_t cell, uint32_t q, int64_t *room,
                      ds_tally_cell *window) {
  const uint64_t count = window_copy(all, cell, q, room);
  const double p = (double)quantiles[q].numerator / (double)quantiles[q].denominator;
  const double middle = p * (double)count;
  const double span = WINDOW_SIGMAS * sqrt((double)count * p * (1 - p)) + 1;
  int64_t pair[2];
  if (middle - span >= 0) {
    ds_select(room, count, (uint64_t)(middle - span), pair);
    window->low[q] = pair[0];
  }
  if (middle + span < (double)(count - 1)) {
    (void)window_copy(all, cell, q, room);
    ds_select(room, count, (uint64_t)(middle + span), pair);
    window->high[q] = pair[1] + 1;
  }
  assert(window->low[q] < window->high[q]);
}

ds_code ds_tally_windows(ds_tally *sample, ds_tally_cell **ret_windows, ds_error *err) {
  *ret_windows = NULL;
  if (sample->lost)
    return DS_OK;
  ds_tally_cell *windows = malloc(sample->cells * sizeof *windows);
  runs all = {0};
  ds_code code = windows == NULL ? no_memory(err) : runs_make(sample, &all, err);
  int64_t *room = code == DS_OK ? malloc((window_most(&all, sample->cells) + 1) * sizeof *room)
                                : NULL;
  if (code == DS_OK && room == NULL)
    code = no_memory(err);
  for (uint32_t c = 0; code == DS_OK && c < sample->cells; c++) {
    windows[c] = (ds_tally_cell){.high = {VALUE_END, VALUE_END}};
    for (uint32_t q = 0; q < DS_TALLY_QUANTILES; q++)
      if (sample->cell[c].count >= WINDOW_SAMPLES_MIN)
        window_of(&all, c, q, room, &windows[c]);
  }
  free(room);
  runs_done(&all);
  if (code != DS_OK)
    free(windows);
  else
    *ret_windows = windows;
  return code;
}

// What finding all quantiles works with.
typedef struct finder {
  const ds_tally *tally;
  const runs *all;
  int64_t *room;
  double *out;
  ds_refine_target *targets; // two per quantile that was missed
  uint32_t targets_count;
} finder;

static ds_rank rank_of(const ds_tally_cell *cell, uint32_t q) {
  return ds_rank_of(cell->count, quantiles[q].numerator, quantiles[q].denominator);
}

static void find_one(finder *in, uint32_t c, uint32_t q) {
  const ds_tally_cell *cell = &in->tally->cell[c];
  const ds_rank rank = rank_of(cell, q);
  const uint64_t last = rank.low + (rank.fraction > 0);
  const uint64_t kept = window_copy(in->all, c, q, in->room);
  int64_t pair[2];
  if (!in->tally->lost && rank.low >= cell->below[q] && last < cell->below[q] + kept) {
    ds_select(in->room, kept, rank.low - cell->below[q], pair);
    in->out[c * DS_TALLY_QUANTILES + q] =
        ds_quantile(rank, pair[0] - in->tally->origin, pair[1] - in->tally->origin);
    return;
  }
  in->targets[in->targets_count++] =
      (ds_refine_target){.cell = c, .rank = rank.low, .high = VALUE_END - 1};
  in->targets[in->targets_count++] =
      (ds_refine_target){.cell = c, .rank = last, .high = VALUE_END - 1};
}

// Puts the values that further passes found where find_one asked for them.
static void take_targets(finder *in) {
  for (uint32_t t = 0; t < in->targets_count; t += 2) {
    const ds_tally_cell *cell = &in->tally->cell[in->targets[t].cell];
    for (uint32_t q = 0; q < DS_TALLY_QUANTILES; q++) {
      const ds_rank rank = rank_of(cell, q);
      if (rank.low == in->targets[t].rank &&
          rank.low + (rank.fraction > 0) == in->targets[t + 1].rank)
        in->out[in->targets[t].cell * DS_TALLY_QUANTILES + q] =
            ds_quantile(rank, in->targets[t].low - in->tally->origin,
                        in->targets[t + 1].low - in->tally->origin);
    }
  }
}

static ds_code find_all(finder *in, size_t memory_bytes, uint32_t threads, ds_refine_pass pass,
                        void *context, ds_error *err) {
  for (uint32_t c = 0; c < in->tally->cells; c++)
    for (uint32_t q = 0; q < DS_TALLY_QUANTILES; q++) {
      in->out[c * DS_TALLY_QUANTILES + q] = NAN;
      if (in->tally->cell[c].count > 0)
        find_one(in, c, q);
    }
  if (in->targets_count == 0)
    return DS_OK;
  TRY(ds_refine_run(in->targets, in->targets_count, in->tally->cells, memory_bytes, threads, pass,
                    context, err));
  take_targets(in);
  return DS_OK;
}

ds_code ds_tally_quantiles(const ds_tally *tally, size_t memory_bytes, uint32_t threads,
                           ds_refine_pass pass, void *context, ds_arena *arena,
                           double **ret_quantiles, ds_error *err) {
  const size_t wanted = (size_t)tally->cells * DS_TALLY_QUANTILES;
  runs all = {0};
  finder in = {.tally = tally, .all = &all};
  in.out = ds_arena_array(arena, wanted, sizeof *in.out);
  in.targets = malloc(2 * wanted * sizeof *in.targets);
  ds_code code = in.out == NULL || in.targets == NULL ? no_memory(err)
                                                      : runs_make(tally, &all, err);
  if (code == DS_OK) {
    in.room = malloc((window_most(&all, tally->cells) + 1) * sizeof *in.room);
    code = in.room == NULL ? no_memory(err)
                           : find_all(&in, memory_bytes, threads, pass, context, err);
  }
  free(in.room);
  free(in.targets);
  runs_done(&all);
  if (code == DS_OK)
    *ret_quantiles = in.out;
  return code;
}
