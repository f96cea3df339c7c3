// SPDX-License-Identifier: Apache-2.0
// Chains in any order: as many different steps as can be done within the window. Sets of events
// that can be given different steps are the independent sets of a matroid (J. Edmonds and D. R.
// Fulkerson, 1965), so that of all largest sets the one of the latest events is found greedily: a
// new event joins, or replaces the earliest one that it makes superfluous. What is left of that set
// within the window is the largest set of the window.
#include <assert.h>
#include <string.h>

#include "question/funnel_match.h"

// The set: rows in order, and the steps that they are given.
typedef struct any_set {
  funnel_match match;
  uint32_t row[FUNNEL_STEPS_MAX];
  uint32_t count;
} any_set;

static void set_remove(any_set *set, uint32_t at) {
  for (uint32_t s = 0; s < set->match.steps; s++)
    if (set->match.row_of[s] == set->row[at])
      set->match.row_of[s] = DS_NONE;
  set->count--;
  memmove(set->row + at, set->row + at + 1, (set->count - at) * sizeof *set->row);
}

// Adds the next row; the first `fixed` rows of the set stay.
static void set_add(any_set *set, uint32_t row, uint32_t fixed) {
  bool joined = ds_funnel_match_row(&set->match, row);
  for (uint32_t at = fixed; !joined && at < set->count; at++) {
    uint32_t step = 0;
    while (set->match.row_of[step] != set->row[at])
      step++;
    set->match.row_of[step] = DS_NONE;
    joined = ds_funnel_match_row(&set->match, row);
    if (!joined) {
      set->match.row_of[step] = set->row[at];
      continue;
    }
    set->count--;
    memmove(set->row + at, set->row + at + 1, (set->count - at) * sizeof *set->row);
  }
  if (joined)
    set->row[set->count++] = row;
}

// The best chain that begins with the finder's anchor, or else with any row, among the rows from
// `first` on.
static ds_code any_run(funnel_finder *finder, uint32_t first, funnel_chain *best, ds_error *err) {
  const bool anchored = finder->anchor != DS_NONE;
  const int64_t within_ms = finder->rules->within_ms;
  any_set set = {.count = 0};
  uint32_t most = 0, end = 0, row_of[FUNNEL_STEPS_MAX];
  memset(row_of, 0xff, sizeof row_of);
  ds_funnel_match_init(&set.match, finder->row, finder->rules->steps);
  for (uint32_t r = first; r < finder->rows; r++) {
    const int64_t time_ms = finder->row[r].time_ms;
    if (most == finder->musts && time_ms > finder->row[end].time_ms)
      break;
    if (anchored && time_ms - finder->row[first].time_ms > within_ms)
      break;
    while (set.count > 0 && time_ms - finder->row[set.row[0]].time_ms > within_ms)
      set_remove(&set, 0);
    TRY(ds_funnel_spend(finder, err));
    set_add(&set, r, anchored && r > first);
    if (set.count < most ||
        (set.count == most && time_ms > finder->row[end].time_ms))
      continue;
    most = set.count;
    end = r;
    memcpy(row_of, set.row, most * sizeof *row_of);
  }
  if (most > 0)
    ds_funnel_offer(finder, row_of, best);
  return DS_OK;
}

ds_code ds_funnel_any(funnel_finder *finder, funnel_chain *best, ds_error *err) {
  const funnel_rules *rules = finder->rules;
  assert(rules->optional == 0 && rules->withouts == 0);
  if (finder->anchor != DS_NONE)
    return any_run(finder, finder->anchor, best, err);
  if (!rules->has_from && !rules->has_to)
    return any_run(finder, 0, best, err);
  // The period holds the first event only: each that may be the first is tried.
  for (uint32_t r = 0; r < finder->rows; r++) {
    if (!ds_funnel_can_start(finder, r))
      continue;
    finder->anchor = r;
    TRY(any_run(finder, r, best, err));
    finder->anchor = DS_NONE;
  }
  return DS_OK;
}
