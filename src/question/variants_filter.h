// SPDX-License-Identifier: Apache-2.0
// Choosing cases by their variant: those of certain ranks, or of the most frequent variants that
// together cover a share of all cases. A first pass finds the variants; the choice is then a stage
// of every later scan. Private to question/. May use base/ to scan/.
#ifndef DS_QUESTION_VARIANTS_FILTER_H
#define DS_QUESTION_VARIANTS_FILTER_H

#include "question/nodes.h"
#include "question/question.h"
#include "question/variants_table.h"

// The row of the option --variant in a question's table.
#define DS_VARIANT_FILTER                                                           \
  {"variant", DS_OPTION_TEXT, "RANK,…", "", NULL,                                   \
   "cases of these variants, by their rank among what is left: 1, or 1,3,5-8"}

// Which variants stay. A zeroed one is empty.
typedef struct variants_filter {
  variants_table table; // of those that stay
  uint32_t width;       // bytes of a code
  bool collapse;
  const ds_nodes *nodes;
  ds_choice choice;
} variants_filter;

// Makes the choice that --variant and `coverage` (1 = all) ask for and adds it to the plan, which
// has all else that chooses cases: ranks and shares are of what that leaves. Without either nothing
// is done. Notes what a coverage leaves out in *result. DS_USAGE for a rank that does not exist.
DS_CHECKED ds_code ds_variants_filter_add(const ds_request *request, double coverage,
                                          const ds_nodes *nodes, variants_filter *filter,
                                          ds_plan *plan, ds_result *result, ds_error *err);
void ds_variants_filter_done(variants_filter *filter);

// The same as SQL behind the table *source: appends ", ranked AS (…), told AS (…)" and makes it the
// name of what stays: "told", or without such an option as it was.
DS_CHECKED ds_code ds_variants_filter_sql(const ds_request *request, double coverage, ds_buf *out,
                                          const char **source, ds_error *err);

#endif
