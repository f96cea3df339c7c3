// SPDX-License-Identifier: Apache-2.0
// The best chain of one case: which of its events are the steps of a funnel. The rules are those of
// docs/funnel.md; a chain is compared with another by ds_funnel_compare alone. Private to
// question/. May use base/. Invariants: of equal rules and events the chain is always the same one;
// a chain never holds an event twice; what would take too long is an error, never a worse chain.
//
// Events of one instant that may be taken in any order make a *group*; with ties by arrival each
// event is a group of its own. So there is one rule for both: along a chain groups never go back.
#ifndef DS_QUESTION_FUNNEL_CHAIN_H
#define DS_QUESTION_FUNNEL_CHAIN_H

#include <stdbool.h>

#include "base/error.h"
#include "base/map.h"

// Steps fit the bits of a word.
enum { FUNNEL_STEPS_MAX = 64, FUNNEL_WITHOUTS_MAX = 16 };

// How the steps follow one another.
typedef enum funnel_order { FUNNEL_SEQUENCE, FUNNEL_STRICT, FUNNEL_ANY } funnel_order;

// No such event strictly between those chosen for two steps (numbers from 0, first < last), both of
// which a chain must have.
typedef struct funnel_without {
  uint32_t first;
  uint32_t last;
} funnel_without;

// What makes a chain. The first step is never optional; with FUNNEL_ANY none is and there are no
// withouts.
typedef struct funnel_rules {
  uint32_t steps;
  uint64_t optional; // a bit per step
  funnel_order order;
  bool arrival;      // events of one instant stay in their order
  bool all;          // chain after chain, not the best one of the case
  bool has_from, has_to; // the first event lies in [from_ms, to_ms)
  int64_t within_ms; // >= 0, from the first event to the last
  int64_t from_ms, to_ms;
  uint32_t withouts;
  funnel_without without[FUNNEL_WITHOUTS_MAX];
} funnel_rules;

// The events of a case, by time, then arrival.
typedef struct funnel_events {
  uint32_t count;
  const int64_t *time_ms;
  const uint64_t *steps;   // the steps that each can be, a bit per step
  const uint32_t *without; // and which of the withouts it is; NULL when there are none
  const uint64_t *same;    // chains hold events of one value, 0 is none; NULL: of any
  const bool *fact;        // never stands between two steps; NULL: none is such
} funnel_events;

// A chain. With FUNNEL_ANY step k is the k-th that was done.
typedef struct funnel_chain {
  uint32_t depth; // steps that are not optional; 0 = no chain
  uint32_t event[FUNNEL_STEPS_MAX]; // by step; DS_NONE = not taken
} funnel_chain;

// Less than 0: chain a is the better one. Most steps that are not optional, then the earliest of
// the last of them, then from the last of them backwards the latest event; then most optional
// steps, then the earliest end, then from the last step backwards the latest event.
int ds_funnel_compare(const funnel_rules *rules, const int64_t *time_ms, const funnel_chain *a,
                      const funnel_chain *b);

// One step of an event, and the best chain that ends there.
typedef struct funnel_node {
  int64_t start_ms;
  uint32_t row;
  uint32_t before; // DS_NONE at the first step
} funnel_node;

// An event that a chain may be made of.
typedef struct funnel_row {
  int64_t time_ms;
  uint64_t steps;
  uint32_t event;
  uint32_t group;
} funnel_row;

// What one thread finds chains with; zeroed = empty. Fields are private to funnel_*.c.
typedef struct funnel_finder {
  const funnel_rules *rules;
  const funnel_events *events;
  uint32_t musts; // steps that are not optional, in order
  uint32_t must[FUNNEL_STEPS_MAX];
  uint64_t must_bits;
  funnel_row *row; // of the value in hand
  uint32_t rows;
  uint32_t rows_capacity;
  uint32_t *group_first; // row; one more than there are groups
  uint32_t groups;
  bool entangled; // some event that may be several steps shares its group
  uint32_t *last_without; // by row and without: the latest such event before it, DS_NONE = none
  size_t last_without_capacity;
  uint32_t anchor; // the row that the chain begins with; DS_NONE = any
  funnel_node *node;
  size_t nodes;
  size_t nodes_capacity;
  uint8_t *table; // scratch of the optional steps
  size_t table_capacity;
  uint32_t *depth_before; // scratch of the search, by group
  uint32_t *depth_at;
  uint8_t *used;
  uint64_t *values; // those of --same in the case
  uint32_t events_capacity;
  uint64_t budget; // steps of a search left
} funnel_finder;

// Prepares a finder for such rules, which must outlive it; done gives its memory back, also of a
// zeroed one.
void ds_funnel_finder_init(funnel_finder *finder, const funnel_rules *rules);
void ds_funnel_finder_done(funnel_finder *finder);

// The best chain of the case (depth 0: none). With rules->all: the next chain that begins at event
// `from` or later, and where to go on in *ret_next. DS_LIMIT when too many events of one instant
// can be several steps.
DS_CHECKED ds_code ds_funnel_find(funnel_finder *finder, const funnel_events *events,
                                  uint32_t from, funnel_chain *ret_chain, uint32_t *ret_next,
                                  ds_error *err);

// The finders of each order; each replaces *best when it has a better chain.
DS_CHECKED ds_code ds_funnel_sequence(funnel_finder *finder, funnel_chain *best, ds_error *err);
DS_CHECKED ds_code ds_funnel_search(funnel_finder *finder, funnel_chain *best, ds_error *err);
DS_CHECKED ds_code ds_funnel_strict(funnel_finder *finder, funnel_chain *best, ds_error *err);
DS_CHECKED ds_code ds_funnel_any(funnel_finder *finder, funnel_chain *best, ds_error *err);

// Whether the row may begin a chain.
bool ds_funnel_can_start(const funnel_finder *finder, uint32_t row);

// Whether a without forbids row `last` as step `step` of a chain of such rows by step (DS_NONE =
// not chosen, which forbids nothing).
bool ds_funnel_forbidden(const funnel_finder *finder, const uint32_t *row_of, uint32_t step,
                         uint32_t last);

// Replaces *best by the chain of such rows by step (DS_NONE = not taken) when that is better.
void ds_funnel_offer(const funnel_finder *finder, const uint32_t *row_of, funnel_chain *best);

// Takes one step of a search off the budget; DS_LIMIT when it is spent.
DS_CHECKED ds_code ds_funnel_spend(funnel_finder *finder, ds_error *err);

// Grows an array of the finder to at least `count` elements.
DS_CHECKED ds_code ds_funnel_grow(void *array_of, size_t *capacity, size_t count, size_t element,
                                  ds_error *err);

#endif
