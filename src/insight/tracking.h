// SPDX-License-Identifier: Apache-2.0
// `tracking`: in which state parcels and orders are, since when, and what is wrong with them.
// Private to insight/tracking*. May use base/ to question/. Invariant: what a figure counts is told
// by ds_tracking_counts alone, for the answer and for its lists.
#ifndef DS_INSIGHT_TRACKING_H
#define DS_INSIGHT_TRACKING_H

#include "insight/parcel.h"
#include "question/breakdown.h"
#include "question/common.h"
#include "question/tally.h"

// What of each state is counted, in the order of the table's columns.
typedef enum tracking_figure {
  TRACKING_PARCELS, TRACKING_ORDERS, TRACKING_STALLED, TRACKING_AT_RISK, TRACKING_MISSED,
  TRACKING_LOST, TRACKING_FIGURES
} tracking_figure;
extern const char *const ds_tracking_figures[TRACKING_FIGURES];

// What is asked; read-only while scanning.
typedef struct tracking_context {
  const ds_request *request;
  ds_plan plan;
  const ds_parcel_rules *rules;
  int64_t as_of_ms;
  ds_breakdown by; // when `grouped`
  bool grouped;
  uint32_t groups;
  size_t kept_bytes; // for times in states, each thread
  const ds_refine *refine; // a further pass for quantiles
} tracking_context;

// The counts of one group and state.
typedef struct tracking_cell {
  uint64_t n[TRACKING_FIGURES];
  int64_t longest_ms;
} tracking_cell;

// One thread's counts, or the merged ones: cells [group][state].
typedef struct tracking_state {
  const tracking_context *context;
  ds_parcel_fold *fold;
  tracking_cell *cell;
  ds_tally times; // in the state, of each cell
  uint32_t *group;
  uint32_t group_capacity;
  uint64_t unplaced;
} tracking_state;

// Counts; its state is a tracking_state.
extern const ds_kernel ds_tracking_kernel;

// The state of an order: that of its parcel that is least far, of those that were not cancelled.
ds_parcel_state ds_tracking_order_state(const ds_parcels *parcels);

// Whether a figure of the parcel's state, other than ORDERS, counts it.
bool ds_tracking_counts(const ds_parcel *parcel, tracking_figure figure);

// The quantiles of the times, [cells][DS_TALLY_QUANTILES], in `arena`.
DS_CHECKED ds_code ds_tracking_quantiles(tracking_context *context, const tracking_state *state,
                                      ds_arena *arena, double **ret_quantiles, ds_error *err);

// Answers --list.
DS_CHECKED ds_code ds_tracking_list(const tracking_context *context, const char *text,
                                 ds_result *result, ds_error *err);

// Answers for one identifier, of an order or a parcel.
DS_CHECKED ds_code ds_tracking_one(const tracking_context *context, const char *id,
                                ds_result *result, ds_error *err);

#endif
