// SPDX-License-Identifier: Apache-2.0
// Segments: named conditions on cases, how many meet each, how many two of them, and who went from
// one to another between two instants. Private to question/. May use base/ to scan/. Invariant:
// whoever has begun by an instant is in exactly one state at it, so that moves add up.
#ifndef DS_QUESTION_SEGMENT_H
#define DS_QUESTION_SEGMENT_H

#include "question/breakdown.h"
#include "question/question.h"

// One definition.
typedef struct segment_row {
  const char *name;
  const char *condition;
  const char *file; // as in ds_segment
  uint32_t rule;    // number in the program; DS_NONE: these events cannot be asked
  const char *why;  // then what lacks
} segment_row;

// The instants: that of the answer, and --versus.
enum { SEGMENT_AS_OF, SEGMENT_VERSUS, SEGMENT_INSTANTS };

// What is asked; read-only while a scan runs.
typedef struct segment_asked {
  const ds_request *request;
  ds_plan plan;
  ds_case_program *program;
  segment_row *rows;
  uint32_t count;
  uint32_t rules;
  // Moves go between these: rows, the first that a case meets. Behind them stand two more states,
  // none of them and not yet begun.
  uint32_t *states;
  uint32_t states_count;
  uint32_t instants;  // 1, or 2 with --versus
  uint32_t later;     // which of them is the later one
  int64_t now_ms[SEGMENT_INSTANTS];
  // Sizes are counted at these: that of the answer is the last, with --per the first of each period
  // stand before it.
  int64_t *point_ms;
  uint32_t points;
  bool series;
  bool overlap;
  bool grouped;
  uint32_t groups;
  ds_breakdown by;
} segment_asked;

// What is found of the journeys of a block.
typedef struct segment_view {
  ds_case_evaluator *evaluator;
  uint64_t *bits;   // of each instant: who has begun, then of each rule who meets it
  uint32_t words;   // of each
  uint16_t *state;  // of each instant, by journey
  uint32_t capacity;
} segment_view;

// The sums of one thread.
typedef struct segment_state {
  const segment_asked *asked;
  segment_view view;
  uint64_t *cases;   // by point and group
  uint64_t *members; // by point, group and rule
  uint64_t *versus;  // by rule
  uint64_t *stayed;  // by rule: at both instants
  uint64_t *both;    // by rule and rule, the first the lower
  uint64_t *moves;   // by state and state, from the earlier instant to the later
  uint64_t several;  // who meets several of the states' conditions at one of the instants
  uint32_t *group;
  uint32_t group_capacity;
} segment_state;

// The row of the kernel table.
extern const ds_kernel ds_segment_kernel;

// Finds who meets what in a block at each of the instants; `view` is zeroed at first.
DS_CHECKED ds_code ds_segment_look(const segment_asked *asked, segment_view *view,
                                   const ds_block *block, ds_error *err);
void ds_segment_view_done(segment_view *view);

// The bits of a rule at an instant, or, with DS_NONE, of who has begun.
static inline const uint64_t *segment_bits(const segment_asked *asked, const segment_view *view,
                                           uint32_t instant, uint32_t rule) {
  return view->bits + (size_t)view->words * ((asked->rules + 1) * instant +
                                             (rule == DS_NONE ? 0 : rule + 1));
}

// The name of a state: of a segment, "(none)", "(not yet)".
const char *ds_segment_state_name(const segment_asked *asked, uint32_t state);

// Reads the options into a zeroed *asked: all but the breakdown and the columns.
DS_CHECKED ds_code ds_segment_read(const ds_request *request, segment_asked *asked,
                                   ds_error *err);

// Reads --per and --since into the points; the other options are read.
DS_CHECKED ds_code ds_segment_read_points(segment_asked *asked, ds_error *err);

// The size of a segment at a point: who has begun, who meets it of those, and the share with its
// interval unless they are fewer than min_n. Null where the data do not bear it.
typedef struct segment_size {
  ds_cell cases, members, share, low, high;
} segment_size;
segment_size ds_segment_size(const segment_asked *asked, const segment_state *state,
                             uint32_t point, uint32_t group, const segment_row *row,
                             uint64_t min_n);

// Whether a group is shown: of the last two, "other" and "(none)", only who has somebody at the
// last point.
bool ds_segment_shows(const segment_asked *asked, const segment_state *state, uint32_t group);

// The table of sizes over time; `state` NULL: there is nobody.
DS_CHECKED ds_code ds_segment_put_series(const segment_asked *asked, const segment_state *state,
                                         uint64_t min_n, ds_result *result, ds_error *err);

// --list: the figures that can be listed, into *result; what one of them counted.
void ds_segment_listable(const segment_asked *asked, ds_result *result);
DS_CHECKED ds_code ds_segment_list(const segment_asked *asked, const char *text,
                                   ds_result *result, ds_error *err);

#endif
