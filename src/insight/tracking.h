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
  ds_breakdown by; // when `grouped`: of parcels
  ds_property_ref by_property;
  bool by_status; // the last status, and no property
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
  uint64_t unplaced;
  uint64_t unread;
} tracking_state;

// Counts; its state is a tracking_state.
extern const ds_kernel ds_tracking_kernel;

// The parcel that tells an order's state: the first of those that are least far, of those that were
// not cancelled.
uint32_t ds_tracking_order_parcel(const ds_parcels *parcels);

// --by: finds the values of parcels and makes their groups; `grouped` is set then. The caller calls
// ds_breakdown_done.
DS_CHECKED ds_code ds_tracking_by_make(tracking_context *context, ds_arena *arena, ds_error *err);

// Before the groups of the parcels of a journey that was just folded are asked for.
DS_CHECKED ds_code ds_tracking_by_begin(const tracking_context *context, ds_parcel_fold *fold,
                                        uint32_t journey, ds_error *err);
uint32_t ds_tracking_by_group(const tracking_context *context, ds_parcel_fold *fold,
                              const ds_block *block, uint32_t parcel);

// Whether a figure of the parcel's state, other than ORDERS, counts it.
bool ds_tracking_counts(const ds_parcel *parcel, tracking_figure figure);

// The quantiles of the times, [cells][DS_TALLY_QUANTILES], in `arena`.
DS_CHECKED ds_code ds_tracking_quantiles(tracking_context *context, const tracking_state *state,
                                      ds_arena *arena, double **ret_quantiles, ds_error *err);

// --list: the figures that can be listed, into *result; what one of them counted.
void ds_tracking_listable(const tracking_context *context, ds_result *result);
DS_CHECKED ds_code ds_tracking_list(const tracking_context *context, const char *text,
                                 ds_result *result, ds_error *err);

// Answers for one identifier, of an order or a parcel.
DS_CHECKED ds_code ds_tracking_one(const tracking_context *context, const char *id,
                                ds_result *result, ds_error *err);

#endif
