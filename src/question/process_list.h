// SPDX-License-Identifier: Apache-2.0
// --list for the process map: the cases or events that one figure counted, by a second scan.
// Private to question/. May use base/ to scan/.
#ifndef DS_QUESTION_PROCESS_LIST_H
#define DS_QUESTION_PROCESS_LIST_H

#include "question/breakdown.h"
#include "question/question.h"

// Says in *result which figures can be listed.
void ds_process_listable(const ds_breakdown *by, ds_result *result);

// Lists into *result what `cell` names; its touchpoints are of `names`.
DS_CHECKED ds_code ds_process_list(const ds_request *request, const ds_plan *plan,
                                   const ds_names *names, const ds_breakdown *by,
                                   const char *cell, ds_result *result, ds_error *err);

#endif
