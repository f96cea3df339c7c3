// SPDX-License-Identifier: Apache-2.0
// What an expression of the journey language means over a store: what it reads, the types of that,
// which touchpoints it can mean, the same as SQL where that is short. May use everything below
// floor 7.
#ifndef DS_ASK_EXPLAIN_H
#define DS_ASK_EXPLAIN_H

#include "question/question.h"

// As what a text is read: a condition on events, a selector of events, an expression about a
// customer or a case; or whichever of them it is.
typedef enum ds_explain_kind {
  DS_EXPLAIN_ANY, DS_EXPLAIN_EVENT, DS_EXPLAIN_SELECTOR, DS_EXPLAIN_CASE
} ds_explain_kind;

// The kind of a name: "any", "event", "selector", "case".
bool ds_explain_kind_of(const char *name, ds_explain_kind *ret_kind);

// Explains a text into *result. DS_EXPRESSION with the position, of a text of any kind that of the
// kind in which it could be read further.
DS_CHECKED ds_code ds_explain(const ds_request *request, const char *text, ds_explain_kind kind,
                              ds_result *result, ds_error *err);

// The SQL alone, as one line. DS_UNSUPPORTED: it has no such form.
DS_CHECKED ds_code ds_explain_sql(const ds_request *request, const char *text,
                                  ds_explain_kind kind, ds_buf *sql, ds_error *err);

#endif
