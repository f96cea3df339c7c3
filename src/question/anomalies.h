// SPDX-License-Identifier: Apache-2.0
// What was to be expected of each period of a series, and which periods stand out. Private to
// question/. May use base/. A value is compared with others around it only, never with itself:
//
// A1 the level at a period is that of a straight line through the periods near it, fitted by
//    repeated medians (Siegel, 1982), so that not even half of them can pull it away;
// A2 where there is a season (days of the week, months of the year), each has the median of its
//    ratios to the level, or for shares and figures of its differences, and lines are fitted anew
//    to what is left;
// A3 distances from what was expected are measured by what chance alone gives (a count: Poisson;
//    a share: binomial), or the median distance where that is more or chance is not known:
//    1.4826 times the median absolute deviation. Past 3.5 of these a period stands out (Iglewicz
//    and Hoaglin, 1993);
// A4 of fewer than DS_ANOMALY_PERIODS periods, or next to fewer than DS_ANOMALY_NEAR, nothing is
//    expected.
#ifndef DS_QUESTION_ANOMALIES_H
#define DS_QUESTION_ANOMALIES_H

#include "base/arena.h"
#include "base/error.h"

// How many periods there must be, and how many near one; how often each season.
enum { DS_ANOMALY_PERIODS = 12, DS_ANOMALY_NEAR = 8, DS_ANOMALY_SEASONS = 3 };
#define DS_ANOMALY_BOUND 3.5
// A median absolute deviation in standard deviations of the normal distribution.
#define DS_ANOMALY_SCALE 1.4826

// What the values are.
typedef enum ds_series_kind { DS_SERIES_COUNT, DS_SERIES_SHARE, DS_SERIES_FIGURE } ds_series_kind;

// One series: arrays by period. What is not known (no value, a period not over) takes no part.
typedef struct ds_series {
  ds_series_kind kind;
  uint32_t count;
  const double *value;
  const bool *known;
  const double *n;        // of shares, of how many; else NULL
  const uint8_t *season;  // of each period, below `seasons`
  uint32_t seasons;       // below 2: none
  uint32_t reach;         // periods on each side that are near
} ds_series;

// What was to be expected of one period.
typedef struct ds_expectation {
  bool known;
  double expected, low, high; // past low and high a value stands out
  int side;                   // it does: 1 above, -1 below; else 0
} ds_expectation;

// Fills expected[count]; scratch memory comes from `arena`.
DS_CHECKED ds_code ds_anomalies_find(const ds_series *series, ds_arena *arena,
                                     ds_expectation *expected, ds_error *err);

#endif
