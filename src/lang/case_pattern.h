// SPDX-License-Identifier: Apache-2.0
// Patterns, sequence(A then B within 7d), as automata without a stack: a state stands for a step
// that was taken last, or for an absence that holds. Private to lang/.
//
// P1 an event takes every step that it can, so nothing is tried twice and nothing is gone back on.
// P2 of what leads to a state only what nothing else betters is kept: a pair (start, last) is
//    bettered by one that began no earlier and was taken no earlier. Without a bound on the whole
//    the last one alone stays, without bounds between steps the one that began last.
// P3 at most PATTERN_PAIRS pairs stay per state; a pattern that could need more is refused.
// P4 `not S within D` behind a step taken at t is taken at t + D; that no S comes in (t, t + D] is
//    looked up when the step is taken. What follows it is later than t + D.
#ifndef DS_LANG_CASE_PATTERN_H
#define DS_LANG_CASE_PATTERN_H

#include "lang/case_run.h"

// The most states of a pattern, pairs of a state, kinds of ways into a state, and absences that
// something follows.
enum { PATTERN_STATES = 64, PATTERN_PAIRS = 16, PATTERN_WAYS = 8, PATTERN_WAITING = 4 };
#define PATTERN_UNBOUND INT64_MAX

// From which states a step can be taken, and how.
typedef struct lang_way {
  uint64_t before;   // bits of states
  bool immediately;  // only right behind the step before
  int64_t within_ms; // of the step before, or PATTERN_UNBOUND
} lang_way;

// A step that can be taken, or an absence.
typedef struct lang_state {
  uint32_t selector;
  uint32_t step;     // as written, from 0 on: a step that repeats has several states
  bool starts;       // can be the first
  int64_t absent_ms; // above 0: no such event for so long
  uint32_t ways;
  lang_way way[PATTERN_WAYS];
} lang_state;

// Where something stands in the text; line 0: nowhere.
typedef struct lang_place {
  uint32_t line, column;
} lang_place;

// The automaton.
struct lang_pattern {
  lang_state state[PATTERN_STATES];
  uint32_t states;
  uint64_t last;     // bits of states with which it is complete
  uint64_t absent;   // that are absences
  uint64_t waiting;  // of these, those that something follows
  uint64_t follow[PATTERN_STATES]; // absences that a state is followed by
  int64_t total_ms;  // or PATTERN_UNBOUND
  bool bounded;      // some step is bound to the one before
  bool plain;        // steps one behind the other, at most so long after the one before: no more
  bool at_start;     // ^
  bool at_end;       // $
  uint32_t any;      // selector of what counts as an event for ^, $ and immediately
  uint32_t steps;    // as written
  lang_place without; // the first `not`
};

// How often an item is taken: [least, most], most 0 = without end.
typedef struct pattern_repeat {
  uint32_t least;
  uint32_t most;
} pattern_repeat;

// A pattern as it was written: a step, an absence or a group, and what stands behind it.
typedef struct pattern_item {
  ds_token at;
  uint32_t selector;
  uint32_t step;
  int64_t absent_ms;           // above 0: an absence
  struct pattern_item *inside; // of a group
  struct pattern_item *next;
  pattern_repeat often;
  bool immediately;
  int64_t within_ms;
} pattern_item;

// Makes the states of items; *ret_nullable tells that nothing at all meets them.
ds_code ds_lang_automaton(lang_parser *in, lang_pattern *pattern, const pattern_item *items,
                          bool *ret_nullable);

// Whether time alone can complete it.
bool ds_lang_pattern_moves(const lang_pattern *pattern);

// Reads what stands between the brackets of sequence(), and makes the automaton.
ds_code ds_lang_pattern(lang_parser *in, lang_pattern **ret_pattern);

// The same for who does not match it in one pass: without regard to P3.
ds_code ds_lang_pattern_read(lang_parser *in, lang_pattern **ret_pattern);

// Whether each case of the line holds the pattern, complete at or before now.
ds_code ds_lang_pattern_run(const lang_line *line, const lang_fact *fact, const lang_range *range,
                            lang_column *out, ds_error *err);

// The first instant after now at which the pattern is complete in case c of the line when no event
// comes any more, or INT64_MAX.
ds_code ds_lang_pattern_next(const lang_line *line, const lang_fact *fact, const lang_range *range,
                             uint32_t c, int64_t *ret_ms, ds_error *err);

// The selectors of a pattern, from 0 on; LANG_ABSENT past the last.
uint32_t ds_lang_pattern_selector(const lang_pattern *pattern, uint32_t index);

#endif
