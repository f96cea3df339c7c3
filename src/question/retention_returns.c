// SPDX-License-Identifier: Apache-2.0
// How long it takes to come back, estimated from counts by whole days (survival.h). Those who have
// not come back are censored at the end of what was seen.
#include "question/common.h"
#include "question/retention.h"
#include "question/survival.h"

// The estimate after so many days.
typedef struct estimate {
  uint64_t at_risk;  // not yet back, and still seen, when the last of these days began
  uint64_t returned; // so far
  ds_survival curve;
} estimate;

static const uint32_t horizons[] = {1, 7, 14, 30, 60, 90, 180, 365, 730, 1095};
enum { HORIZONS = sizeof horizons / sizeof *horizons };

static void advance(estimate *at, uint64_t returned, uint64_t censored) {
  at->at_risk = (uint64_t)at->curve.left;
  at->returned += returned;
  ds_survival_step(&at->curve, (double)returned, (double)censored);
}

static void put_estimate(ds_cell *cell, const estimate *at, uint64_t started, uint64_t min_n) {
  if (started < min_n)
    return;
  double low, high;
  ds_survival_interval(&at->curve, &low, &high);
  cell[0] = ds_cell_double(1 - at->curve.stay);
  cell[1] = ds_cell_double(low);
  cell[2] = ds_cell_double(high);
}

static ds_code put_group(const ds_cohorts *asked, const ds_returns *returns, uint32_t group,
                         uint64_t min_n, ds_table *overall, ds_table *again, ds_result *result,
                         ds_error *err) {
  const uint64_t *returned = returns->returned + (size_t)group * asked->days;
  const uint64_t *censored = returns->censored + (size_t)group * asked->days;
  uint64_t started = 0, back = 0;
  uint32_t last = 0, median = DS_NONE;
  for (uint32_t d = 0; d < asked->days; d++) {
    started += returned[d] + censored[d];
    back += returned[d];
    last = returned[d] + censored[d] > 0 ? d : last;
  }
  if (started == 0)
    return DS_OK;
  estimate at = {.curve = ds_survival_begin((double)started)};
  // Past the last day seen nothing is known, unless all are back.
  for (uint32_t d = 0, h = 0; d <= last || (h < HORIZONS && at.curve.stay <= 0); d++) {
    advance(&at, d <= last ? returned[d] : 0, d <= last ? censored[d] : 0);
    median = median == DS_NONE && at.curve.stay <= 0.5 ? d + 1 : median;
    if (h == HORIZONS || horizons[h] != d + 1)
      continue;
    h = at.curve.stay <= 0 ? HORIZONS : h + 1;
    ds_cell *cell = ds_cohorts_row(asked, group, result, again);
    if (cell == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for retention: give more --memory");
    cell[0] = ds_cell_i64(d + 1);
    cell[1] = ds_cell_i64((int64_t)at.at_risk);
    cell[2] = ds_cell_i64((int64_t)at.returned);
    put_estimate(cell + 3, &at, started, min_n);
  }
  ds_cell *cell = ds_cohorts_row(asked, group, result, overall);
  if (cell == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for retention: give more --memory");
  cell[0] = ds_cell_i64((int64_t)started);
  cell[1] = ds_cell_i64((int64_t)back);
  cell[2] = ds_cell_i64((int64_t)(started - back));
  if (started >= min_n && median != DS_NONE)
    cell[3] = ds_cell_i64(median);
  return DS_OK;
}

ds_code ds_cohorts_put_returns(const ds_cohorts *asked, const ds_cohorts_state *state,
                                 uint64_t min_n, ds_result *result, ds_error *err) {
  static const ds_column overall_columns[] = {
      {"started", DS_CELL_COUNT, "cases", "cases with a start", false},
      {"returned", DS_CELL_COUNT, "cases", "of them, those who came back so far", false},
      {"censored", DS_CELL_COUNT, "cases", "those who have not, so far", false},
      {"median_days", DS_CELL_COUNT, "days", "within which half come back, when half do", false},
  };
  static const ds_column again_columns[] = {
      {"days", DS_CELL_COUNT, "days", "within so many days (of 24 h) after the start", false},
      {"at_risk", DS_CELL_COUNT, "cases", "not yet back, and seen, when the last day begins",
       false},
      {"returned", DS_CELL_COUNT, "cases", "back by then", false},
      {"share", DS_CELL_SHARE, "", "estimated share that is back by then", false},
      {"share_low", DS_CELL_SHARE, "", "lower end of its 95 % interval", false},
      {"share_high", DS_CELL_SHARE, "", "upper end of its 95 % interval", false},
  };
  ds_table *again = ds_cohorts_table(asked, result, "again", "How soon they come back",
                                       again_columns, 6);
  ds_table *overall = ds_cohorts_table(asked, result, "returns", "Of all who started",
                                         overall_columns, 4);
  if (overall == NULL || again == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for retention");
  again->bar = "share";
  const uint32_t groups = asked->cells == 0 ? 0 : asked->grouped ? asked->by.groups : 1;
  for (uint32_t g = 0; g < groups; g++)
    TRY(put_group(asked, &state->returns, g, min_n, overall, again, result, err));
  return DS_OK;
}
