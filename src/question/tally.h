// SPDX-License-Identifier: Apache-2.0
// Exact medians and 90th percentiles of many cells of integers (times in ms, >= 0), in one pass:
// each cell has two windows that a sample promised to hold the ranks asked for; the pass counts
// the values below each window and keeps those inside. What a window missed is found by further
// passes (refine.h), so the answer never depends on the sample. Private to question/. May use
// base/.
#ifndef DS_QUESTION_TALLY_H
#define DS_QUESTION_TALLY_H

#include <assert.h>
#include <stdbool.h>

#include "question/refine.h"

// The median and the 90th percentile; kept values a chunk: just below 2 MiB, see base/large.h.
enum { DS_TALLY_QUANTILES = 2, DS_TALLY_CHUNK = 170 * 1024, DS_TALLY_SHIFT = 30 };

// One cell, one cache line. Window q holds the values v with low[q] <= v < high[q].
typedef struct ds_tally_cell {
  int64_t low[DS_TALLY_QUANTILES];
  int64_t high[DS_TALLY_QUANTILES];
  uint64_t count;
  uint64_t below[DS_TALLY_QUANTILES];
  uint64_t unused;
} ds_tally_cell;

static_assert(sizeof(ds_tally_cell) == 64, "a cell fills one cache line");

// Kept values, in no order. Bit DS_TALLY_SHIFT + q of an index: the value is inside window q.
typedef struct ds_tally_chunk {
  struct ds_tally_chunk *next;
  uint32_t used;
  uint32_t index[DS_TALLY_CHUNK];
  int64_t value[DS_TALLY_CHUNK];
} ds_tally_chunk;

// One thread's tally, or the merged one. Fields are private but `cells`.
typedef struct ds_tally {
  ds_tally_cell *cell;
  uint32_t cells;
  ds_tally_chunk *kept;
  size_t kept_bytes;
  size_t kept_bytes_max;
  bool lost; // some values inside windows were not kept
  int64_t origin; // values stand for what is so much less: how times below zero are tallied
  const ds_refine *refine; // a further pass: values go there instead
  ds_refine_counts refined;
} ds_tally;

// An empty tally of `cells` cells (fewer than 2^30) with the windows of `windows` (NULL: keep every
// value) and room for kept values. done also takes a zeroed one.
DS_CHECKED ds_code ds_tally_init(ds_tally *tally, uint32_t cells, const ds_tally_cell *windows,
                                 size_t kept_bytes_max, const ds_refine *refine, ds_error *err);
void ds_tally_done(ds_tally *tally);

// Makes room for one more kept value; past the budget kept ones are written over, which is
// remembered.
DS_CHECKED ds_code ds_tally_room(ds_tally *tally, ds_error *err);

// Adds what another thread tallied, which is left empty.
void ds_tally_merge(ds_tally *into, ds_tally *from);

// The same when the other numbered its first `runs` runs of `width` cells otherwise: run r of its
// is run number[r] here. Windows of cells whose number differs keep every value.
void ds_tally_merge_runs(ds_tally *into, ds_tally *from, uint32_t runs, uint32_t width,
                         const uint32_t *number);

// Counts one value.
static inline ds_code ds_tally_add(ds_tally *tally, uint32_t cell, int64_t value,
                                   ds_error *err) {
  assert(cell < tally->cells && value >= 0);
  if (__builtin_expect(tally->refine != NULL, 0)) {
    ds_refine_add(tally->refine, &tally->refined, cell, value);
    return DS_OK;
  }
  if (__builtin_expect(tally->kept == NULL || tally->kept->used == DS_TALLY_CHUNK, 0))
    TRY(ds_tally_room(tally, err));
  ds_tally_cell *at = &tally->cell[cell];
  ds_tally_chunk *chunk = tally->kept;
  const uint32_t below_0 = value < at->low[0], below_1 = value < at->low[1];
  const uint32_t windows = (below_0 ^ (value < at->high[0])) |
                           (below_1 ^ (uint32_t)(value < at->high[1])) << 1;
  at->count++;
  at->below[0] += below_0;
  at->below[1] += below_1;
  // Written always, kept only when inside a window: no branch to mispredict.
  chunk->index[chunk->used] = cell | windows << DS_TALLY_SHIFT;
  chunk->value[chunk->used] = value;
  chunk->used += windows != 0;
  return DS_OK;
}

// Counts many values of one cell; DS_TALLY_NONE is none.
#define DS_TALLY_NONE INT64_MAX
DS_CHECKED ds_code ds_tally_add_all(ds_tally *tally, uint32_t cell, const int64_t *values,
                                    uint32_t count, ds_error *err);

// Windows for a full pass from a tally of a sample that kept every value: one per cell, to be
// freed; *ret_windows is NULL when the sample lost some.
DS_CHECKED ds_code ds_tally_windows(ds_tally *sample, ds_tally_cell **ret_windows,
                                    ds_error *err);

// The quantiles of every cell, [cells][DS_TALLY_QUANTILES] entries in `arena`; those of an empty
// cell are NaN. `pass` runs a further pass with `context`.
DS_CHECKED ds_code ds_tally_quantiles(const ds_tally *tally, size_t memory_bytes,
                                      uint32_t threads, ds_refine_pass pass, void *context,
                                      ds_arena *arena, double **ret_quantiles, ds_error *err);

#endif
