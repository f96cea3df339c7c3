// SPDX-License-Identifier: Apache-2.0
// Who is in the store's lists, for in_list(): read from the facts that say so (model/identifier.h),
// when an expression first speaks of a list. Private to question/. May use base/ to scan/.
// Invariant: it goes by what was received, not by when it happened: a list has no past.
#ifndef DS_QUESTION_MEMBERS_H
#define DS_QUESTION_MEMBERS_H

#include "question/question.h"

// What the schema of the request's expressions says of lists; in its arena.
DS_CHECKED ds_code ds_members_lists(const ds_request *request, ds_lists *ret_lists,
                                    ds_error *err);

#endif
