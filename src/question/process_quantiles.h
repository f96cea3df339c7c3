// SPDX-License-Identifier: Apache-2.0
// Exact medians and 90th percentiles of every edge: windows from a sample, order statistics from
// the gaps that one full pass kept inside them. What was missed (by a sample that misled, or a
// budget that overflowed) is between two counts of that pass: a second one keeps the gaps between
// them, or, where they are too many, further passes narrow an interval 1,024-fold each. The answer
// never depends on the sample. May use base/ to scan/.
#ifndef DS_QUESTION_PROCESS_QUANTILES_H
#define DS_QUESTION_PROCESS_QUANTILES_H

#include "question/process_kernel.h"

// The quantiles of one edge, by the index of the edge in the state they came from.
typedef struct process_quantile {
  double value[PROCESS_QUANTILES];
} process_quantile;

// How the quantiles were reached, for tests and benchmarks.
typedef struct process_effort {
  uint64_t sampled;
  uint64_t kept;
  uint32_t missed; // order statistics outside their window
  uint32_t passes; // full passes after the first
} process_effort;

// Windows for the full pass from the state of a sample that kept every gap, in `arena`.
DS_CHECKED ds_code ds_process_windows_make(process_state *sample, ds_arena *arena,
                                           process_window **ret_windows, uint32_t *ret_count,
                                           ds_error *err);

// The quantiles of every edge of `state`, the merged state of the full pass over `snapshot` with
// `plan`; *ret_quantiles has state->edges_count entries in `arena`.
DS_CHECKED ds_code ds_process_quantiles_find(const ds_snapshot *snapshot, const ds_plan *plan,
                                             process_state *state, size_t memory_bytes,
                                             ds_arena *arena, process_quantile **ret_quantiles,
                                             process_effort *effort, ds_error *err);

// One order statistic still sought: it lies in [low, high], and `below` gaps are less than low.
typedef struct process_target {
  uint64_t key;
  uint64_t rank;
  uint64_t below;
  int64_t low;
  int64_t high;
} process_target;

// Narrows every target (those of one key stand together) to one value (low == high) by passes
// over the snapshot.
DS_CHECKED ds_code ds_process_refine(const ds_snapshot *snapshot, const ds_plan *plan,
                                     const process_context *context, process_target *targets,
                                     uint32_t count, size_t memory_bytes, ds_arena *arena,
                                     uint32_t *ret_passes, ds_error *err);

#endif
