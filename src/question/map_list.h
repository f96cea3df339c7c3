// SPDX-License-Identifier: Apache-2.0
// --list for the journey map: the cases or events that one figure counted, by a second scan.
// Private to question/. May use base/ to scan/.
#ifndef DS_QUESTION_MAP_LIST_H
#define DS_QUESTION_MAP_LIST_H

#include "question/map_figures.h"

// Says in *result which figures can be listed; lists into it what `cell` names.
void ds_map_listable(const ds_breakdown *by, ds_result *result);
DS_CHECKED ds_code ds_map_list(const ds_request *request, const ds_plan *plan,
                               const map_figures *figures, const char *cell, ds_result *result,
                               ds_error *err);

// A stage's name for people: that of the catalogue, "(none)" for none.
const char *ds_map_stage_name(uint32_t stage);

// The property that tells satisfaction: --score, else a usual name that the store has, else NULL.
DS_CHECKED ds_code ds_map_score_name(const ds_request *request, const char **ret_name,
                                     ds_error *err);

#endif
