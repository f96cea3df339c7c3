// SPDX-License-Identifier: Apache-2.0
// The table of functions: their arguments' types, result, SQL form and the loop that evaluates them
// over a tile of events. A new function is one row. Private to lang/. May use base/, model/.
#ifndef DS_LANG_FUNCTIONS_H
#define DS_LANG_FUNCTIONS_H

#include "lang/evaluate.h"

// The most that a function takes.
enum { LANG_ARGUMENTS_MAX = 2 };

// Evaluates events whose bits are set in `out->present`, which holds those where every argument has
// a value. Conditions clear or set bits of `met` instead of filling out->data.
typedef ds_code lang_apply(ds_evaluator *evaluator, const lang_vector *argument, lang_vector *out,
                           ds_error *err);

// One function: a row of the table.
struct lang_function {
  const char *name;
  const char *usage;   // "lower(text)"
  const char *meaning; // one line
  uint32_t arguments;
  uint8_t types[LANG_ARGUMENTS_MAX]; // accepted, bits 1 << ds_type
  ds_type result;
  const char *sql;     // "lower(%s)": %s stands for each argument in turn
  bool local;          // instants are read in the store's zone
  lang_apply *apply;
};

// The table.
extern const lang_function ds_lang_functions[];
extern const uint32_t ds_lang_functions_count;

#endif
