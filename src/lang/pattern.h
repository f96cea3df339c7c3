// SPDX-License-Identifier: Apache-2.0
// A pattern of the language by itself (docs/language.md): what stands within sequence(), as the
// automaton that it is, for whoever compares cases with it step by step. May use base/, model/.
// A pattern never changes and serves any number of threads.
#ifndef DS_LANG_PATTERN_H
#define DS_LANG_PATTERN_H

#include "lang/expression.h"

// The most states; what bounds nothing.
enum { DS_PATTERN_STATES = 64 };
#define DS_PATTERN_UNBOUND INT64_MAX

// A step taken once: a step that may repeat has a state for each time.
typedef struct ds_pattern_state {
  uint32_t step;     // as written, from 0 on; states stand in this order
  uint32_t selector; // among the pattern's
  bool starts;       // can be the first
  bool immediately;  // only right behind the step before
  uint64_t before;   // bits of states that it can follow; a higher one ends a group that repeats
  int64_t within_ms; // of the step before, or DS_PATTERN_UNBOUND
} ds_pattern_state;

// The automaton.
typedef struct ds_pattern {
  ds_pattern_state state[DS_PATTERN_STATES];
  uint32_t states;
  uint32_t steps;
  uint64_t last;    // bits of states with which it is complete
  int64_t total_ms; // of the first step, or DS_PATTERN_UNBOUND
  bool at_start;    // ^
  bool at_end;      // $
  bool without;     // it ends in `then not S within D`, with `not` here
  uint32_t without_line, without_column;
  const ds_expression *selector[DS_PATTERN_STATES];
  ds_str text[DS_PATTERN_STATES]; // of each selector, as written
  uint32_t selectors;
} ds_pattern;

// Reads a pattern that is the whole text. DS_EXPRESSION with the position and what to write
// instead, DS_LIMIT past 64 KiB or 64 states. Lives in `arena`; the schema's space must outlive it.
DS_CHECKED ds_code ds_pattern_parse(ds_str text, const ds_schema *schema, ds_arena *arena,
                                    const ds_pattern **ret_pattern, ds_error *err);

// Whether the whole text is a pattern at all, with the same errors.
DS_CHECKED ds_code ds_pattern_check(ds_str text, const ds_schema *schema, ds_arena *arena,
                                    ds_error *err);

#endif
