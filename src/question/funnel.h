// SPDX-License-Identifier: Apache-2.0
// The funnel: what its options ask for (funnel_read.c), the pass over the blocks that finds each
// case's chain and adds it up (funnel_kernel.c), and the tables (funnel.c, funnel_list.c). How a
// chain is chosen: funnel_chain.h. Private to question/. May use base/ to scan/. Invariants: of a
// step, reached + dropped + open is what reached the mandatory step before; what a state says does
// not depend on the order of blocks or merges.
#ifndef DS_QUESTION_FUNNEL_H
#define DS_QUESTION_FUNNEL_H

#include "base/sum.h"
#include "question/breakdown.h"
#include "question/calendar.h"
#include "question/funnel_chain.h"
#include "question/list.h"
#include "question/property.h"
#include "question/tally.h"

// A selector that looks at more than the touchpoint: what events that it means are.
typedef struct funnel_selector {
  const ds_expression *expression;
  uint64_t steps;
  uint32_t without;
} funnel_selector;

// Each step and each without may have one.
enum { FUNNEL_PLAIN_STEPS = 8, FUNNEL_SELECTORS_MAX = FUNNEL_STEPS_MAX + FUNNEL_WITHOUTS_MAX };

// What the kernel is asked to do; read-only while it runs. The tally's cells are, for group g, the
// steps at g * steps.
typedef struct funnel_context {
  funnel_rules rules;
  const ds_columns *columns; // of the plan, for evaluators
  uint32_t touchpoints;
  uint64_t *steps;   // by touchpoint: the steps that it is
  uint32_t *without; // and the withouts
  bool *fact;        // by touchpoint: never stands between; NULL: no such event is read
  bool is_plain; // see funnel_plain.c
  uint8_t *class_of; // then by touchpoint the bit of the step
  uint8_t *step_of; // and its number
  funnel_selector selector[FUNNEL_SELECTORS_MAX];
  uint32_t selectors;
  const char *text[FUNNEL_STEPS_MAX]; // the steps as asked, without '?'
  int64_t as_of_ms;
  bool has_same, has_value;
  ds_property_ref same, value;
  const ds_breakdown *by; // NULL: one group
  uint32_t groups;
  const ds_tally_cell *windows;
  bool has_times, has_periods;
  ds_calendar calendar; // of --per; empty without
  size_t kept_bytes_max;
  const ds_refine *refine; // a further pass: times only
} funnel_context;

// What is known of one step of a group.
typedef struct funnel_step {
  uint64_t reached;
  uint64_t dropped; // the chain ended before this step
  uint64_t open;    // and its window had not closed
  ds_sum128 time_ms; // since the mandatory step before
  ds_number_sum value; // that the chains carry which reached it
  uint64_t values;
} funnel_step;

// Classes of times, and chains whose time to a step lies in one.
enum { FUNNEL_CLASSES = 25 };
typedef struct funnel_time {
  uint64_t since_previous; // the mandatory step before
  uint64_t since_start;    // the first step
} funnel_time;

// One thread's state, or the merged one.
typedef struct funnel_state {
  const funnel_context *context;
  funnel_step *step;  // groups * steps
  uint64_t *instead;  // groups * steps * (touchpoints + 1): what came next, the last is nothing
  funnel_time *times; // groups * steps * FUNNEL_CLASSES; only with --times
  uint64_t *periods;  // groups * periods * steps: reached; only with --per
  uint64_t *marks; // plain: of each step, mark_words words of bits by event of the block
  uint32_t mark_words;
  ds_tally tally;
  funnel_finder finder;
  ds_evaluator *evaluator[FUNNEL_SELECTORS_MAX];
  uint32_t *group;
  uint32_t journeys_capacity;
  uint64_t *steps;   // by event of the block
  uint32_t *without;
  uint64_t *same;
  uint64_t *keep;
  bool *fact;
  uint32_t events_capacity;
} funnel_state;

// The row of the kernel table.
extern const ds_kernel ds_funnel_kernel;

// Makes a zeroed state ready to find chains, without any sums; ds_funnel_kernel.done ends it.
DS_CHECKED ds_code ds_funnel_open(funnel_state *state, const funnel_context *context,
                                  ds_error *err);

// Makes it ready for a block: room, what each event can be, and the groups.
DS_CHECKED ds_code ds_funnel_block(funnel_state *state, const ds_block *block, ds_error *err);

// The same for one journey alone.
void ds_funnel_mark(funnel_state *state, const ds_block *block, uint32_t j);

// Tells whether the fast path serves, and makes what it needs, in the plan, too; then a whole block
// by it.
DS_CHECKED ds_code ds_funnel_plain_prepare(const ds_request *request, ds_plan *plan,
                                           funnel_context *context, ds_error *err);
DS_CHECKED ds_code ds_funnel_plain_block(funnel_state *state, const ds_block *block,
                                         ds_error *err);

// A chain of the block: events are those of the journey that begins at `first`.
typedef struct funnel_found {
  const ds_block *block;
  uint32_t journey;
  uint32_t group;
  uint32_t first; // event of the block
  uint32_t count; // events of the journey that are seen
  funnel_chain chain;
} funnel_found;

// Calls `each` for every chain of journey j, of a block made ready.
typedef ds_code (*funnel_take)(void *to, const funnel_found *found, ds_error *err);
DS_CHECKED ds_code ds_funnel_journey(funnel_state *state, const ds_block *block, uint32_t j,
                                     funnel_take take, void *to, ds_error *err);

// Adds a chain to the state's sums; a funnel_take.
DS_CHECKED ds_code ds_funnel_add(void *state, const funnel_found *found, ds_error *err);

// How a chain ended: the step that it did not reach (DS_NONE: it is whole), whether its window is
// still open, and what the case did next (a touchpoint, or context->touchpoints for nothing).
typedef struct funnel_end {
  uint32_t step;
  uint32_t next;
  bool open;
} funnel_end;
funnel_end ds_funnel_end(const funnel_state *state, const funnel_found *found);

// The mandatory step before a step.
uint32_t ds_funnel_previous(const funnel_rules *rules, uint32_t step);

// Reads the question's options into context and plan, which the context points into. --by is the
// caller's to add, before ds_funnel_columns chooses what is read of an event.
DS_CHECKED ds_code ds_funnel_read(const ds_request *request, ds_plan *plan,
                                  funnel_context *context, ds_error *err);
DS_CHECKED ds_code ds_funnel_columns(const ds_request *request, ds_plan *plan,
                                     funnel_context *context, ds_error *err);

// What came next instead of a step, the most frequent first: the rows that are shown, and the rest.
enum { FUNNEL_INSTEAD = 5 };
typedef struct funnel_instead {
  uint32_t next[FUNNEL_INSTEAD]; // a touchpoint, or context->touchpoints for nothing
  uint32_t shown;
  uint64_t other; // chains with another one
} funnel_instead;
void ds_funnel_instead(const funnel_state *state, const ds_names *touchpoints, uint32_t group,
                       uint32_t step, funnel_instead *ret_instead);

// What the tables are made of.
typedef struct funnel_tables {
  const ds_request *request;
  const funnel_context *context;
  const funnel_state *state;
  ds_result *result;
  uint64_t min_n;
} funnel_tables;

// A table, which with --by begins with its group; a row of it: the cell after that one; then what a
// step is called, in two cells. NULL without memory.
ds_table *ds_funnel_table(const funnel_tables *to, const char *name, const char *title,
                          const ds_column *columns, uint32_t count);
ds_cell *ds_funnel_row(const funnel_tables *to, uint32_t group, ds_table *table);
void ds_funnel_put_selector(const funnel_tables *to, uint32_t step, ds_cell *cell);

// --per and --times: read, once steps and groups are; what a state then takes; counting a chain's
// step; the tables. Counts of both are there only when asked for.
DS_CHECKED ds_code ds_funnel_detail_read(const ds_request *request, funnel_context *context,
                                         ds_error *err);
size_t ds_funnel_detail_bytes(const funnel_context *context);
DS_CHECKED ds_code ds_funnel_detail_init(funnel_state *state, ds_arena *arena, ds_error *err);
void ds_funnel_detail_add(funnel_state *state, uint32_t group, uint32_t step, int64_t first_ms,
                          int64_t before_ms, int64_t at_ms);
void ds_funnel_detail_merge(funnel_state *into, const funnel_state *from);
DS_CHECKED ds_code ds_funnel_detail_put(const funnel_tables *to, ds_error *err);

// The class of a time, and that of such a name (DS_NONE: there is none).
uint32_t ds_funnel_class(int64_t ms);
uint32_t ds_funnel_class_named(ds_str name);

// --list: the figures that can be listed, into *result; one of them, listed. `state` has counted
// when that is one of `instead`, else it may be NULL.
void ds_funnel_listable(const funnel_context *context, ds_result *result);
bool ds_funnel_list_counts(const ds_list_figure *figure);
DS_CHECKED ds_code ds_funnel_list(const ds_request *request, const ds_plan *plan,
                                  const funnel_context *context, const funnel_state *state,
                                  const ds_list_figure *figure, ds_result *result,
                                  ds_error *err);

#endif
