// SPDX-License-Identifier: Apache-2.0
// What the files of `trend` share: what is measured per period, and the one walk over a block that
// counting, refining quantiles and listing have in common. Private to question/. May use base/ to
// scan/.
#ifndef DS_QUESTION_TREND_H
#define DS_QUESTION_TREND_H

#include "base/sum.h"
#include "question/anomalies.h"
#include "question/breakdown.h"
#include "question/calendar.h"
#include "question/property.h"
#include "question/refine.h"

// In the order of the choices of --measure.
typedef enum trend_measure {
  TREND_COUNT, TREND_CASES, TREND_RATE, TREND_SUM, TREND_MEAN, TREND_MEDIAN, TREND_P90
} trend_measure;

// What is measured; read-only while a scan runs. A cell is group * periods + period.
typedef struct trend_context {
  const ds_request *request;
  ds_plan plan;
  ds_calendar calendar;
  trend_measure measure;
  bool duration;                // of a case, from its first event to its last
  ds_property_ref property;     // else a number of events
  const ds_expression *hit;     // rate: a case counts when it has such an event
  ds_breakdown by;
  bool grouped;
  uint32_t cells;
  const ds_refine *refine;      // a pass that narrows quantiles
  bool anomalies;               // what was to be expected is asked for, too
} trend_context;

// Whether a case is counted once, in the period in which it begins.
static inline bool trend_by_start(const trend_context *context) {
  return context->measure == TREND_RATE || context->duration;
}

// What the values are to who looks for anomalies.
static inline ds_series_kind trend_kind(const trend_context *context) {
  return context->measure < TREND_RATE    ? DS_SERIES_COUNT
         : context->measure == TREND_RATE ? DS_SERIES_SHARE
                                          : DS_SERIES_FIGURE;
}

// One cell's sums.
typedef struct trend_cell {
  uint64_t n;
  uint64_t hits;
  ds_dd sum;
  double min, max;
} trend_cell;

// One thread's state.
typedef struct trend_state {
  const trend_context *context;
  trend_cell *cells;
  ds_refine_counts counts; // of a refining pass
  ds_evaluator *evaluator;
  uint64_t *keep;
  uint32_t keep_capacity;
  uint32_t *group;
  uint32_t group_capacity;
} trend_state;

// The row of the kernel table.
extern const ds_kernel ds_trend_kernel;

// Takes what journey j adds to a period: event e, and its value when values are measured.
typedef ds_code (*trend_take)(void *to, uint32_t period, const ds_block *block, uint32_t j,
                              uint32_t e, double value, ds_error *err);

// Calls `take` for all that journey j adds.
DS_CHECKED ds_code ds_trend_walk(const trend_context *context, const ds_block *block, uint32_t j,
                                 trend_take take, void *to, ds_error *err);

// Exact quantiles of the measured values, by cell, into value[cells]; cells of fewer than `least`
// values are left out.
DS_CHECKED ds_code ds_trend_quantiles(trend_context *context, const trend_cell *cells,
                                      uint64_t least, ds_arena *arena, double *value,
                                      ds_error *err);

// The table of periods: the figures of the cells, and of medians and quantiles `quantile`, by cell.
DS_CHECKED ds_code ds_trend_put(const trend_context *context, const trend_cell *cells,
                                const double *quantile, uint64_t min_n, ds_result *result,
                                ds_error *err);

// --list: the figures that can be listed, into *result; what one of them counted.
void ds_trend_listable(const trend_context *context, ds_result *result);
DS_CHECKED ds_code ds_trend_list(const trend_context *context, const char *text,
                                 ds_result *result, ds_error *err);

// Reads the options into *ret_context: all but the calendar and the breakdown.
DS_CHECKED ds_code ds_trend_read(const ds_request *request, trend_context *ret_context,
                                 ds_error *err);

#endif
