// SPDX-License-Identifier: Apache-2.0
// The parsed form of a filter, shared by its parser, its evaluator and its SQL writer. Private to
// lang/. Invariant: every comparison was checked against what its field can do.
#ifndef DS_LANG_FILTER_TREE_H
#define DS_LANG_FILTER_TREE_H

#include "lang/filter.h"

// What stands left of an operator.
typedef enum filter_field {
  FIELD_TOUCHPOINT, FIELD_SOURCE, FIELD_TIME, FIELD_KEY, FIELD_PROPERTY
} filter_field;

// The first six in the order of their signs in filter.c.
typedef enum filter_op {
  OP_EQUAL, OP_NOT_EQUAL, OP_LESS, OP_LESS_EQUAL, OP_GREATER, OP_GREATER_EQUAL, OP_IN, OP_NULL,
  OP_NOT_NULL
} filter_op;

// Where a value stands in the text.
typedef struct filter_place {
  uint32_t line;
  uint32_t column;
} filter_place;

// "name op value": one comparison. `values` has one entry, more for `in`, none for `is null`.
typedef struct filter_comparison {
  filter_field field;
  filter_op op;
  uint16_t code; // of the key or property
  ds_str name;
  ds_value *values;
  filter_place *places; // of the values
  uint32_t values_count;
  uint64_t *hashes; // FIELD_KEY: of the values
  uint8_t *hit;     // FIELD_TOUCHPOINT, FIELD_SOURCE: by code, 1 = one of the values
} filter_comparison;

// Comparisons that must all be met.
struct ds_filter {
  filter_comparison *comparisons;
  uint32_t count;
};

#endif
