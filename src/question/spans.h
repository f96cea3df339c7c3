// SPDX-License-Identifier: Apache-2.0
// Case values that occur with more than one customer. Regrouping is local to a customer, so the
// part of each is a case of its own, and every answer by such a key must say so. A scan gives each
// pair of customer and value once; therefore it is enough to keep the values' hashes and to count
// those that come twice. May use base/ to scan/.
#ifndef DS_QUESTION_SPANS_H
#define DS_QUESTION_SPANS_H

#include "question/question.h"

// Runs the kernel as ds_scan does. When the plan has a case key, the same pass collects the case
// values, and a warning tells how many occur with several customers, or that they outgrew their
// share of the request's memory and were not checked. *ret_state is the kernel's own.
DS_CHECKED ds_code ds_spans_scan(const ds_request *request, const ds_plan *plan,
                                 const ds_kernel *kernel, const void *context, ds_arena *arena,
                                 ds_result *result, void **ret_state, ds_error *err);

// How many different hashes there are, and how many of them come more than once. `room` holds
// count entries; false without memory.
bool ds_spans_count(const uint64_t *hashes, uint64_t count, uint64_t *room, uint64_t *ret_values,
                    uint64_t *ret_shared);

// Puts the hashes that come more than once into an empty map.
DS_CHECKED ds_code ds_spans_shared(const uint64_t *hashes, uint64_t count, ds_map64 *shared,
                                   ds_error *err);

#endif
