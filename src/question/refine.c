// SPDX-License-Identifier: Apache-2.0
// See refine.h.
#include "question/refine.h"

#include <assert.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/resize.h"
#include "question/quantile.h"

enum { BUCKET_BITS = 10, BUCKETS = 1 << BUCKET_BITS };

static uint32_t shift_of(const ds_refine_target *target) {
  const uint64_t width = (uint64_t)target->high - (uint64_t)target->low;
  const uint32_t bits = width == 0 ? 0 : 64 - (uint32_t)__builtin_clzll(width);
  return bits > BUCKET_BITS ? bits - BUCKET_BITS : 0;
}

ds_code ds_refine_counts_init(ds_refine_counts *counts, const ds_refine *refine, ds_error *err) {
  counts->held = calloc((size_t)refine->count * BUCKETS, sizeof *counts->held);
  return counts->held != NULL ? DS_OK : ds_fail(err, DS_MEMORY, "out of memory for quantiles");
}

void ds_refine_counts_done(ds_refine_counts *counts) {
  free(counts->held);
  free(counts->kept);
  *counts = (ds_refine_counts){0};
}

// Room for `more` values; past the most, or without memory, none is kept any more.
static bool keep_room(ds_refine_counts *counts, size_t more, size_t most) {
  const size_t need = counts->kept_count + more;
  size_t capacity = need + need / 2 + 256;
  capacity = capacity < most ? capacity : most;
  if (!counts->lost && need > counts->kept_capacity &&
      (need > most || !ds_resize(&counts->kept, capacity, sizeof *counts->kept)))
    counts->lost = true;
  else if (need > counts->kept_capacity)
    counts->kept_capacity = capacity;
  return !counts->lost;
}

void ds_refine_add(const ds_refine *refine, ds_refine_counts *counts, uint32_t cell,
                   int64_t value) {
  bool inside = false;
  for (uint32_t t = refine->first[cell]; t < refine->count && refine->targets[t].cell == cell;
       t++) {
    const ds_refine_target *target = &refine->targets[t];
    if (value < target->low || value > target->high)
      continue;
    const uint64_t bucket = ((uint64_t)value - (uint64_t)target->low) >> shift_of(target);
    assert(bucket < BUCKETS);
    counts->held[(size_t)t * BUCKETS + bucket]++;
    inside = true;
  }
  if (inside && keep_room(counts, 1, refine->keep_max))
    counts->kept[counts->kept_count++] = (ds_refine_value){value, cell};
}

void ds_refine_merge(const ds_refine *refine, ds_refine_counts *into,
                     const ds_refine_counts *from) {
  for (size_t i = 0; i < (size_t)refine->count * BUCKETS; i++)
    into->held[i] += from->held[i];
  into->lost |= from->lost;
  if (!into->lost && from->kept_count > 0 && keep_room(into, from->kept_count, SIZE_MAX / 2)) {
    memcpy(into->kept + into->kept_count, from->kept, from->kept_count * sizeof *into->kept);
    into->kept_count += from->kept_count;
  }
}

static void narrow(ds_refine_target *target, const uint64_t *held) {
  const uint32_t shift = shift_of(target);
  uint32_t bucket = 0;
  while (bucket < BUCKETS && target->below + held[bucket] <= target->rank)
    target->below += held[bucket++];
  assert(bucket < BUCKETS);
  // Unsigned: the interval may be wider than an int64 is.
  const uint64_t low = (uint64_t)target->low + ((uint64_t)bucket << shift);
  const uint64_t left = (uint64_t)target->high - low, width = (1ull << shift) - 1;
  target->low = (int64_t)low;
  target->high = (int64_t)(low + (width < left ? width : left));
}

// The targets from all values of their intervals, by cell.
static ds_code settle(ds_refine_target *targets, uint32_t count, uint32_t cells,
                      const ds_refine_counts *counts, ds_error *err) {
  size_t *end = calloc(cells + 1u, sizeof *end);
  int64_t *value = malloc((counts->kept_count + 1) * sizeof *value);
  int64_t *scratch = malloc((counts->kept_count + 1) * sizeof *scratch);
  const bool made = end != NULL && value != NULL && scratch != NULL;
  for (size_t i = 0; made && i < counts->kept_count; i++)
    end[counts->kept[i].cell + 1]++;
  for (uint32_t c = 0; made && c < cells; c++)
    end[c + 1] += end[c];
  // Each cell's end begins as its start and moves on to it.
  for (size_t i = 0; made && i < counts->kept_count; i++)
    value[end[counts->kept[i].cell]++] = counts->kept[i].value;
  for (uint32_t t = 0; made && t < count; t++) {
    ds_refine_target *target = &targets[t];
    size_t inside = 0;
    for (size_t i = target->cell == 0 ? 0 : end[target->cell - 1]; i < end[target->cell]; i++)
      if (value[i] >= target->low && value[i] <= target->high)
        scratch[inside++] = value[i];
    int64_t pair[2];
    assert(target->rank - target->below < inside);
    ds_select(scratch, inside, target->rank - target->below, pair);
    target->low = target->high = pair[0];
    target->below = target->rank;
  }
  free(end);
  free(value);
  free(scratch);
  return made ? DS_OK : ds_fail(err, DS_MEMORY, "out of memory for quantiles");
}

static bool any_open(const ds_refine_target *targets, uint32_t count) {
  for (uint32_t t = 0; t < count; t++)
    if (targets[t].low < targets[t].high)
      return true;
  return false;
}

// Passes until every target of one batch is found.
static ds_code batch_run(ds_refine_target *targets, uint32_t count, uint32_t *first,
                         uint32_t cells, size_t keep_max, ds_refine_pass pass, void *context,
                         ds_error *err) {
  for (uint32_t t = count; t-- > 0;)
    first[targets[t].cell] = t;
  const ds_refine refine = {targets, count, first, keep_max};
  while (any_open(targets, count)) {
    ds_refine_counts counts = {0};
    ds_code code = pass(context, &refine, &counts, err);
    if (code == DS_OK && !counts.lost)
      code = settle(targets, count, cells, &counts, err);
    for (uint32_t t = 0; code == DS_OK && counts.lost && t < count; t++)
      if (targets[t].low < targets[t].high)
        narrow(&targets[t], counts.held + (size_t)t * BUCKETS);
    ds_refine_counts_done(&counts);
    TRY(code);
  }
  for (uint32_t t = 0; t < count; t++)
    first[targets[t].cell] = DS_NONE;
  return DS_OK;
}

ds_code ds_refine_run(ds_refine_target *targets, uint32_t count, uint32_t cells,
                      size_t memory_bytes, uint32_t threads, ds_refine_pass pass, void *context,
                      ds_error *err) {
  uint32_t *first = malloc((cells + 1u) * sizeof *first);
  if (first == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for quantiles");
  for (uint32_t c = 0; c < cells; c++)
    first[c] = DS_NONE;
  const size_t each = (size_t)BUCKETS * sizeof(uint64_t) * (threads + 1u);
  const size_t fit = memory_bytes / each;
  // A quarter for the values kept: of each thread, merged, and by cell.
  const size_t keep_max = memory_bytes / 4 / (threads + 2u) / sizeof(ds_refine_value);
  ds_code code = DS_OK;
  for (uint32_t at = 0; code == DS_OK && at < count;) {
    uint32_t end = fit < count - at ? at + (uint32_t)fit : count;
    end = end == at ? at + 1 : end;
    // A cell's targets are not torn apart.
    while (end < count && targets[end].cell == targets[end - 1].cell)
      end++;
    code = batch_run(targets + at, end - at, first, cells, keep_max, pass, context, err);
    at = end;
  }
  free(first);
  return code;
}
