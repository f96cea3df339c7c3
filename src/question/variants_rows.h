// SPDX-License-Identifier: Apache-2.0
// From the counted state of the variants to rows: the most frequent of each group in order, and
// the exact quantiles of their durations. Private to question/. May use base/ to scan/.
#ifndef DS_QUESTION_VARIANTS_ROWS_H
#define DS_QUESTION_VARIANTS_ROWS_H

#include "question/variants_kernel.h"

// One variant that is shown.
typedef struct variants_row {
  const variants_record *record;
  uint32_t part; // where it stands
  uint64_t cases;
  double median_ms;
  double p90_ms;
} variants_row;

// What holds for all variants of a group.
typedef struct variants_total {
  uint64_t cases;
  uint64_t variants;
  uint64_t single; // variants of one case only
  uint32_t first;  // its rows: first .. first + rows - 1
  uint32_t rows;
} variants_total;

// The rows of all groups; in the arena that they were made in.
typedef struct variants_rows {
  variants_row *row;
  uint32_t rows; // of all groups, one behind the other
  variants_total *total; // by group
  uint32_t groups;
} variants_rows;

// How many rows a group may have: at most `most`, and no more than it takes to reach the share
// `coverage` of the group's cases.
typedef struct variants_choice {
  uint32_t most;
  double coverage;
} variants_choice;

// Chooses the rows of a counted state: the more frequent first, then by the names of their
// touchpoints in order.
DS_CHECKED ds_code ds_variants_choose(const variants_state *state, const ds_names *names,
                                      const variants_choice *choice, ds_arena *arena,
                                      variants_rows *ret_rows, ds_error *err);

// Fills in the durations' quantiles: from the kept cases, or, when some were let go or memory is
// scarce, by further passes over the snapshot.
DS_CHECKED ds_code ds_variants_quantiles(const ds_snapshot *snapshot, const ds_plan *plan,
                                         const variants_state *state, size_t memory_bytes,
                                         variants_rows *rows, ds_error *err);

#endif
