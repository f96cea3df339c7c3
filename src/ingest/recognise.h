// SPDX-License-Identifier: Apache-2.0
// Columns -> a plan, without a mapping: which column is the customer, the time, the event, the
// moment it was received, its id, the case keys; all else are properties. By name from one table
// of names that mean the same, by what the user said, and by what the values are. May use base/,
// model/, ingest/{input,plan}.
#ifndef DS_INGEST_RECOGNISE_H
#define DS_INGEST_RECOGNISE_H

#include "ingest/import.h"
#include "ingest/input.h"
#include "ingest/plan.h"

// What became of one column, for the report.
typedef struct ds_taken {
  const char *column;
  const char *as;   // "customer", "case key order_id", "property value", "personal property email"
  const char *type; // "text", "number", …, as a user calls it
} ds_taken;

// The taken columns of a file, in its order; lives in the arena.
typedef struct ds_taken_list {
  ds_taken *rows;
  uint32_t count;
} ds_taken_list;

// Makes the plan for one file. `time_format` (strptime) overrides what the sample says, NULL = it
// decides. Names are added to `space`. DS_INPUT when no column is the time, customer or event.
DS_CHECKED ds_code ds_recognise(const ds_input *input, const ds_import_options *options,
                                const char *time_format, const char *id_scope, ds_space *space,
                                ds_arena *arena, ds_plan *plan, ds_taken_list *ret_taken,
                                ds_error *err);

// Whether a column of this name is taken for the customer.
bool ds_recognise_is_customer(ds_str name);

// Writes the kind of identifier that a name stands for: "customer" and "Customer ID" are both
// customer_id. `out` holds 256 bytes.
void ds_recognise_kind(ds_str name, char out[256]);

// Adds a column that turned up after the plan of an open input was made: a personal one is only
// counted, one whose name says so, or with `key`, is a case key, any other a property. *ret_taken
// tells what became of it.
DS_CHECKED ds_code ds_recognise_more(const ds_source *file, const ds_input_column *column,
                                     bool key, const ds_import_options *options,
                                     ds_space *space, ds_arena *arena, ds_plan *plan,
                                     ds_taken_list *ret_taken, ds_error *err);

#endif
