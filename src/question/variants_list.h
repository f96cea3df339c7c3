// SPDX-License-Identifier: Apache-2.0
// --list for the variants: the cases or events that one figure counted, by a second scan. Private
// to question/. May use base/ to scan/.
#ifndef DS_QUESTION_VARIANTS_LIST_H
#define DS_QUESTION_VARIANTS_LIST_H

#include "question/question.h"
#include "question/variants_rows.h"

// The figure that is listed.
typedef struct variants_cell {
  uint32_t rank; // 0: all cases
  bool events;   // of all cases their events
  uint32_t group;
  const variants_record *record; // of that rank, set by the question
} variants_cell;

// Says in *result which figures can be listed; reads one of those.
void ds_variants_listable(const ds_breakdown *by, ds_result *result);
DS_CHECKED ds_code ds_variants_cell_read(const ds_request *request, const char *text,
                                         const ds_breakdown *by, const ds_result *result,
                                         variants_cell *ret_cell, ds_error *err);

// Lists the cases into *result, by the time of their first event; or the events.
DS_CHECKED ds_code ds_variants_list(const ds_request *request, const ds_plan *plan,
                                    const variants_context *context, const variants_cell *cell,
                                    ds_result *result, ds_error *err);

#endif
