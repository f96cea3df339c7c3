// SPDX-License-Identifier: Apache-2.0
// --node: what a case is a sequence of. Usually touchpoints; or who owns them or acts, by the
// catalogue, or the values of a property (a resource, a team): then an edge is a handover. Private
// to question/. May use base/ to scan/. Immutable once made.
#ifndef DS_QUESTION_NODES_H
#define DS_QUESTION_NODES_H

#include "question/property.h"
#include "question/question.h"

// The row of the option table.
#define DS_NODES_OPTION                                                           \
  {"node", DS_OPTION_NAME, "NAME", "", NULL,                                      \
   "in place of touchpoints: owner, actor, or a property, so that edges are handovers"}

// Which names stand for events, by code. `names` may be the snapshot's own.
typedef struct ds_nodes {
  const ds_names *names;
  const char *name;       // as asked, NULL: touchpoints
  ds_names own;
  const uint16_t *of;     // by touchpoint; NULL: by a property
  ds_property_ref property;
  uint16_t none;          // of events without it
  ds_recode recode;
} ds_nodes;

// Reads --node and, unless it stands for touchpoints, has the plan make such nodes. The plan has
// all that chooses events and cases but variants. DS_EXPRESSION for an unknown property, DS_LIMIT
// for one of more than 4,096 values. The caller calls ds_nodes_done, also after a failure; `nodes`
// stays where it is.
DS_CHECKED ds_code ds_nodes_make(const ds_request *request, ds_nodes *nodes, ds_plan *plan,
                                 ds_error *err);
void ds_nodes_done(ds_nodes *nodes);

// Appends to a definition what stands for touchpoints, unless they do for themselves.
void ds_nodes_tell(const ds_nodes *nodes, ds_buf *definition);

// Appends ", nodes AS (…)" behind "chosen AS (…)", in which touchpoint is the node, and happened
// the touchpoint; *ret_source
// names it, or "chosen". The properties that `chosen` must have for it: *ret_property, or NULL.
DS_CHECKED ds_code ds_nodes_sql(const ds_request *request, ds_buf *out, const char **ret_source,
                                ds_error *err);
DS_CHECKED ds_code ds_nodes_sql_property(const ds_request *request, const char **ret_property,
                                         ds_error *err);

#endif
