// SPDX-License-Identifier: Apache-2.0
// --list for the process map: the cases or events that one figure counted, by a second scan.
// Private to question/. May use base/ to scan/.
#ifndef DS_QUESTION_PROCESS_LIST_H
#define DS_QUESTION_PROCESS_LIST_H

#include "question/breakdown.h"
#include "question/question.h"

// Lists into *result what `cell` names: 'edges from=A to=B column=cases|occurrences', 'nodes
// touchpoint=A column=cases|occurrences|starts|ends' or 'rework touchpoint=A
// column=cases|rework_cases|repeats|self_loops|loops', with the --by property when `by` is given. A
// and B are of `names`. Exactly as many entries as the figure says, by time, then customer and
// case.
DS_CHECKED ds_code ds_process_list(const ds_request *request, const ds_plan *plan,
                                   const ds_names *names, const ds_breakdown *by,
                                   const char *cell, ds_result *result, ds_error *err);

#endif
