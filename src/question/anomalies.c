// SPDX-License-Identifier: Apache-2.0
// See anomalies.h.
#include "question/anomalies.h"

#include <math.h>
#include <stdlib.h>

// Scratch arrays of a series: `level` by period; the others hold what a median is taken of.
typedef struct anomaly_work {
  const ds_series *series;
  double *plain;  // the values without their season
  double *level;
  double *factor; // of each season
  bool *seen;     // a level is known
  double *some, *other;
} anomaly_work;

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

// Sorts what it is given.
static double median(double *values, uint32_t count) {
  qsort(values, count, sizeof *values, compare);
  return count % 2 != 0 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

// The level at period p (A1); false next to too few.
static bool level_at(const anomaly_work *work, uint32_t p, double *ret_level) {
  const ds_series *series = work->series;
  const uint32_t first = p > series->reach ? p - series->reach : 0;
  const uint32_t end = series->count - p > series->reach ? p + series->reach + 1 : series->count;
  uint32_t slopes = 0;
  for (uint32_t i = first; i < end; i++) {
    uint32_t used = 0;
    for (uint32_t j = first; j < end && i != p && series->known[i]; j++)
      if (j != i && j != p && series->known[j])
        work->some[used++] = (work->plain[j] - work->plain[i]) / ((double)j - (double)i);
    if (used > 0)
      work->other[slopes++] = median(work->some, used);
  }
  if (slopes < DS_ANOMALY_NEAR)
    return false;
  const double slope = median(work->other, slopes);
  uint32_t used = 0;
  for (uint32_t i = first; i < end; i++)
    if (i != p && series->known[i])
      work->some[used++] = work->plain[i] - slope * ((double)i - (double)p);
  *ret_level = median(work->some, used);
  if (series->kind != DS_SERIES_FIGURE && *ret_level < 0)
    *ret_level = 0;
  return true;
}

static void levels_find(const anomaly_work *work) {
  for (uint32_t p = 0; p < work->series->count; p++)
    work->seen[p] = level_at(work, p, &work->level[p]);
}

// A2; false when some season is there too rarely.
static bool seasons_find(const anomaly_work *work) {
  const ds_series *series = work->series;
  for (uint32_t s = 0; s < series->seasons; s++) {
    uint32_t used = 0;
    for (uint32_t p = 0; p < series->count; p++) {
      if (series->season[p] != s || !series->known[p] || !work->seen[p])
        continue;
      if (series->kind != DS_SERIES_COUNT)
        work->some[used++] = series->value[p] - work->level[p];
      else if (work->level[p] > 0)
        work->some[used++] = series->value[p] / work->level[p];
    }
    if (used < DS_ANOMALY_SEASONS)
      return false;
    work->factor[s] = median(work->some, used);
  }
  return true;
}

static void season_take_out(const anomaly_work *work) {
  const ds_series *series = work->series;
  for (uint32_t p = 0; p < series->count; p++) {
    const double factor = work->factor[series->season[p]];
    if (series->kind != DS_SERIES_COUNT)
      work->plain[p] = series->value[p] - factor;
    else if (factor > 0)
      work->plain[p] = series->value[p] / factor;
  }
}

static double expected_at(const anomaly_work *work, uint32_t p, bool seasonal) {
  const double factor = seasonal ? work->factor[work->series->season[p]] : 0;
  if (!seasonal)
    return work->level[p];
  const double value = work->series->kind == DS_SERIES_COUNT ? work->level[p] * factor
                                                             : work->level[p] + factor;
  return work->series->kind == DS_SERIES_SHARE ? fmin(fmax(value, 0), 1) : value;
}

// The standard deviation that chance alone gives; 1 where it is not known.
static double chance_of(const ds_series *series, uint32_t p, double expected) {
  if (series->kind == DS_SERIES_COUNT)
    return sqrt(fmax(expected, 1));
  if (series->kind == DS_SERIES_FIGURE)
    return 1;
  const double least = 0.5 / series->n[p];
  const double share = fmin(fmax(expected, least), 1 - least);
  return sqrt(share * (1 - share) / series->n[p]);
}

// A3: how many times chance a distance usually is; 0 when that cannot be told.
static double scale_of(const anomaly_work *work, const ds_expectation *expected) {
  const ds_series *series = work->series;
  uint32_t used = 0;
  for (uint32_t p = 0; p < series->count; p++)
    if (expected[p].known && series->known[p])
      work->some[used++] = (series->value[p] - expected[p].expected) /
                           chance_of(series, p, expected[p].expected);
  if (used < DS_ANOMALY_PERIODS)
    return 0;
  const double middle = median(work->some, used);
  for (uint32_t u = 0; u < used; u++)
    work->some[u] = fabs(work->some[u] - middle);
  const double scale = DS_ANOMALY_SCALE * median(work->some, used);
  return series->kind == DS_SERIES_FIGURE ? scale : fmax(scale, 1);
}

static void judge(const anomaly_work *work, ds_expectation *expected) {
  const ds_series *series = work->series;
  const double scale = scale_of(work, expected);
  for (uint32_t p = 0; p < series->count; p++) {
    ds_expectation *one = &expected[p];
    one->known = one->known && scale > 0;
    if (!one->known)
      continue;
    const double reach = DS_ANOMALY_BOUND * scale * chance_of(series, p, one->expected);
    one->low = one->expected - reach;
    one->high = one->expected + reach;
    if (series->kind != DS_SERIES_FIGURE)
      one->low = fmax(one->low, 0);
    if (series->kind == DS_SERIES_SHARE)
      one->high = fmin(one->high, 1);
    one->side = !series->known[p]              ? 0
                : series->value[p] > one->high ? 1
                                               : -(series->value[p] < one->low);
  }
}

ds_code ds_anomalies_find(const ds_series *series, ds_arena *arena, ds_expectation *expected,
                          ds_error *err) {
  const uint32_t count = series->count;
  anomaly_work work = {.series = series,
                       .plain = ds_arena_array(arena, count + 1u, sizeof(double)),
                       .level = ds_arena_array(arena, count + 1u, sizeof(double)),
                       .factor = ds_arena_array(arena, series->seasons + 1u, sizeof(double)),
                       .seen = ds_arena_array(arena, count + 1u, sizeof(bool)),
                       .some = ds_arena_array(arena, count + 1u, sizeof(double)),
                       .other = ds_arena_array(arena, count + 1u, sizeof(double))};
  if (!work.plain || !work.level || !work.factor || !work.seen || !work.some || !work.other)
    return ds_fail(err, DS_MEMORY, "out of memory for --anomalies: give more --memory");
  for (uint32_t p = 0; p < count; p++)
    work.plain[p] = series->value[p];
  levels_find(&work);
  const bool seasonal = series->seasons > 1 && seasons_find(&work);
  if (seasonal) {
    season_take_out(&work);
    levels_find(&work);
  }
  for (uint32_t p = 0; p < count; p++) {
    expected[p] = (ds_expectation){.known = work.seen[p] && series->known[p]};
    if (expected[p].known)
      expected[p].expected = expected_at(&work, p, seasonal);
  }
  judge(&work, expected);
  return DS_OK;
}
