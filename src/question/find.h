// SPDX-License-Identifier: Apache-2.0
// Finding customers or cases: those that keep an event after --where and the period, and that an
// identifier names when one is given. Private to question/. May use base/ to scan/. Invariant: the
// latest stand first, then by text, so that the order depends on the events alone.
#ifndef DS_QUESTION_FIND_H
#define DS_QUESTION_FIND_H

#include "question/question.h"

// A customer, or one case of one. Texts live in the arena of the search.
typedef struct ds_found {
  uint32_t customer;
  uint32_t key;       // case key whose value is the identifier; DS_NONE: it names the customer
  ds_str subject;     // "kind=text"
  ds_str case_text;   // when journeys are cases
  uint64_t events;
  int64_t first_ms;
  int64_t last_ms;
  uint32_t touchpoint; // of the last event
} ds_found;

// All journeys of `plan` that `id` names: the customer's identifier ("kind=text", or the text
// alone), or a value of a case key. NULL takes all.
DS_CHECKED ds_code ds_find_run(const ds_request *request, const ds_plan *plan, const char *id,
                               ds_arena *arena, ds_found **ret_found, uint64_t *ret_count,
                               ds_error *err);

#endif
