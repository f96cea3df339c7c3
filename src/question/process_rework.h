// SPDX-License-Identifier: Apache-2.0
// Rework: what comes again in a case. Of n events of one touchpoint in a case n - 1 are repeats:
// self-loops, right behind the one before, and loops, with other events between. Private to
// question/. May use base/ to scan/.
#ifndef DS_QUESTION_PROCESS_REWORK_H
#define DS_QUESTION_PROCESS_REWORK_H

#include "question/breakdown.h"
#include "question/question.h"

// Scans the plan once more and puts the table "rework": a row per node of `names` (and group of
// `by`, NULL: one) that some case repeats, of the most cases first, then by name.
DS_CHECKED ds_code ds_process_rework_put(const ds_request *request, const ds_plan *plan,
                                         const ds_names *names, const ds_breakdown *by,
                                         ds_result *result, ds_error *err);

#endif
