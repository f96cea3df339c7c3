// SPDX-License-Identifier: Apache-2.0
// Patterns, sequence(A then B within 7d), as automata without a stack: a state stands for a step
// that was taken last. Private to lang/.
//
// P1 an event takes every step that it can, so nothing is tried twice and nothing is gone back on.
// P2 of what leads to a state only what nothing else betters is kept: a pair (start, last) is
//    bettered by one that began no earlier and was taken no earlier. Without a bound on the whole
//    the last one alone stays, without bounds between steps the one that began last.
// P3 at most PATTERN_PAIRS pairs stay per state; a pattern that could need more is refused.
#ifndef DS_LANG_CASE_PATTERN_H
#define DS_LANG_CASE_PATTERN_H

#include "lang/case_run.h"

// The most states of a pattern, and the most pairs of a state.
enum { PATTERN_STATES = 64, PATTERN_PAIRS = 16 };
#define PATTERN_UNBOUND INT64_MAX

// A step that can be taken.
typedef struct lang_state {
  uint32_t selector;
  uint32_t step;     // as written, from 0 on: a step that repeats has several states
  bool starts;       // can be the first
  bool immediately;  // only right behind the step before
  uint64_t before;   // bits of states that it can follow
  int64_t within_ms; // of the step before, or PATTERN_UNBOUND
} lang_state;

// The automaton.
struct lang_pattern {
  lang_state state[PATTERN_STATES];
  uint32_t states;
  uint64_t last;       // bits of states with which it is complete
  int64_t total_ms;    // or PATTERN_UNBOUND
  bool bounded;        // some step is bound to the one before
  bool at_start;       // ^
  bool at_end;         // $
  uint32_t any;        // selector of what counts as an event for ^, $ and immediately
  uint32_t without;    // selector of what must not follow, or LANG_ABSENT
  int64_t without_ms;
  uint32_t without_line, without_column; // of `not`
};

// Reads what stands between the brackets of sequence(), and makes the automaton.
ds_code ds_lang_pattern(lang_parser *in, lang_pattern **ret_pattern);

// The same for who does not match it in one pass: without regard to P3.
ds_code ds_lang_pattern_read(lang_parser *in, lang_pattern **ret_pattern);

// Whether each case of the line holds the pattern, complete at or before now.
ds_code ds_lang_pattern_run(const lang_line *line, const lang_fact *fact, const lang_range *range,
                            lang_column *out, ds_error *err);

// The first instant after now at which the pattern is complete in case c of the line when no event
// comes any more, or INT64_MAX.
int64_t ds_lang_pattern_next(const lang_line *line, const lang_fact *fact,
                             const lang_range *range, uint32_t c);

// The selectors of a pattern, from 0 on; LANG_ABSENT past the last.
uint32_t ds_lang_pattern_selector(const lang_pattern *pattern, uint32_t index);

#endif
