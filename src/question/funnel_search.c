// SPDX-License-Identifier: Apache-2.0
// Chains in sequence order where events of one instant can be several steps, so that it matters
// which of them is which. From the earliest possible end backwards each step takes the latest
// event after which the rest can still be done. Whether it can is asked of a matching, which is
// exact but for what must not stand between; only then the search may have to turn back.
#include <string.h>

#include "question/funnel_match.h"

// One search: chains that begin in group `low` or later.
typedef struct search {
  funnel_finder *finder;
  uint32_t low;
  uint32_t row_of[FUNNEL_STEPS_MAX]; // by step
  bool found;
} search;

// What the row can be, knowing that not every one may begin a chain.
static bool can_be(const funnel_finder *finder, uint32_t row, uint32_t must) {
  return (finder->row[row].steps >> finder->must[must] & 1) != 0 &&
         (must > 0 || ds_funnel_can_start(finder, row));
}

// How many mandatory steps are done after a group when `done` were before, its used rows left out;
// at most `limit`. The first step is tried by each row that may begin: not every row that could be
// it may.
static uint32_t reach(const funnel_finder *finder, uint32_t group, uint32_t done, uint32_t limit) {
  const uint32_t first = finder->group_first[group], end = finder->group_first[group + 1];
  uint32_t best = done;
  const bool starts = done == 0;
  for (uint32_t s = starts ? first : end - 1; s < end && best < limit; s++) {
    if (starts && (finder->used[s] != 0 || !can_be(finder, s, 0)))
      continue;
    funnel_match match;
    ds_funnel_match_init(&match, finder->row, finder->rules->steps);
    uint32_t m = done;
    if (starts)
      finder->used[s] = 1;
    m += starts;
    while (m < limit && ds_funnel_match_step(&match, finder->must[m], first, end, finder->used))
      m++;
    if (starts)
      finder->used[s] = 0;
    best = m > best ? m : best;
  }
  return best;
}

// Whether mandatory steps 0 .. must can still be done up to `group`.
static bool feasible(const funnel_finder *finder, uint32_t group, uint32_t must) {
  const uint32_t done = finder->depth_before[group];
  return done > must || reach(finder, group, done, must + 1) > must;
}

// Places mandatory steps must, must - 1, ... 0, in `group` or before.
static ds_code place(search *in, uint32_t must, uint32_t group, ds_error *err) {
  funnel_finder *finder = in->finder;
  const uint32_t step = finder->must[must];
  for (uint32_t g = group + 1; g-- > in->low && !in->found;)
    for (uint32_t r = finder->group_first[g + 1]; r-- > finder->group_first[g] && !in->found;) {
      if (finder->used[r] != 0 || !can_be(finder, r, must))
        continue;
      TRY(ds_funnel_spend(finder, err));
      in->row_of[step] = r;
      finder->used[r] = 1;
      bool allowed = true;
      for (uint32_t m = must + 1; allowed && m < finder->musts; m++)
        allowed = in->row_of[finder->must[m]] == DS_NONE ||
                  !ds_funnel_forbidden(finder, in->row_of, finder->must[m],
                                       in->row_of[finder->must[m]]);
      if (allowed && must == 0)
        in->found = true;
      else if (allowed && feasible(finder, g, must - 1))
        TRY(place(in, must - 1, g, err));
      if (!in->found)
        in->row_of[step] = DS_NONE;
      finder->used[r] = 0;
    }
  return DS_OK;
}

// How far one comes within the window that ends at each group; *ret_most is the furthest.
static ds_code depths_fill(funnel_finder *finder, uint32_t *ret_most, ds_error *err) {
  *ret_most = 0;
  uint32_t low = 0;
  for (uint32_t high = 0; high < finder->groups; high++) {
    const int64_t end_ms = finder->row[finder->group_first[high]].time_ms;
    while (end_ms - finder->row[finder->group_first[low]].time_ms > finder->rules->within_ms)
      low++;
    uint32_t done = 0;
    for (uint32_t g = low; g <= high; g++) {
      TRY(ds_funnel_spend(finder, err));
      done = reach(finder, g, done, finder->musts);
    }
    finder->depth_at[high] = done;
    *ret_most = done > *ret_most ? done : *ret_most;
  }
  return DS_OK;
}

static ds_code search_end(search *in, uint32_t depth, uint32_t high, ds_error *err) {
  funnel_finder *finder = in->finder;
  const int64_t end_ms = finder->row[finder->group_first[high]].time_ms;
  in->low = high;
  while (in->low > 0 && end_ms - finder->row[finder->group_first[in->low - 1]].time_ms <=
                            finder->rules->within_ms)
    in->low--;
  uint32_t done = 0;
  for (uint32_t g = in->low; g <= high; g++) {
    finder->depth_before[g] = done;
    done = reach(finder, g, done, finder->musts);
  }
  memset(in->row_of, 0xff, sizeof in->row_of);
  // The last step lies in the last group.
  const uint32_t last = depth - 1, step = finder->must[last];
  for (uint32_t r = finder->group_first[high + 1];
       r-- > finder->group_first[high] && !in->found;) {
    if (!can_be(finder, r, last))
      continue;
    TRY(ds_funnel_spend(finder, err));
    in->row_of[step] = r;
    finder->used[r] = 1;
    if (last == 0)
      in->found = true;
    else if (feasible(finder, high, last - 1))
      TRY(place(in, last - 1, high, err));
    finder->used[r] = 0;
  }
  return DS_OK;
}

// Whether row r can be optional step s: between its neighbours that are taken.
static bool fits(const search *in, uint32_t s, uint32_t r) {
  const funnel_finder *finder = in->finder;
  const funnel_row *row = finder->row;
  if ((row[r].steps >> s & 1) == 0 || finder->used[r] != 0 ||
      row[r].time_ms - row[in->row_of[0]].time_ms > finder->rules->within_ms ||
      row[r].group < row[in->row_of[0]].group)
    return false;
  for (uint32_t o = 0; o < finder->rules->steps; o++) {
    const uint32_t at = in->row_of[o];
    if (at != DS_NONE && o != s &&
        (o < s ? row[at].group > row[r].group : row[at].group < row[r].group))
      return false;
  }
  return true;
}

// Every choice of the optional steps s, s - 1, ... below the chain's end.
static ds_code options_try(search *in, uint32_t s, funnel_chain *best, ds_error *err) {
  funnel_finder *finder = in->finder;
  while (s > 0 && (finder->rules->optional >> s & 1) == 0)
    s--;
  TRY(ds_funnel_spend(finder, err));
  if (s == 0) {
    ds_funnel_offer(finder, in->row_of, best);
    return DS_OK;
  }
  for (uint32_t r = finder->rows; r-- > 0;) {
    if (!fits(in, s, r))
      continue;
    in->row_of[s] = r;
    finder->used[r] = 1;
    const ds_code code = options_try(in, s - 1, best, err);
    finder->used[r] = 0;
    in->row_of[s] = DS_NONE;
    TRY(code);
  }
  return options_try(in, s - 1, best, err);
}

// The last step that may be taken: optional ones behind a mandatory step that is missing may not.
static uint32_t last_step(const search *in) {
  uint32_t s = 0;
  const funnel_rules *rules = in->finder->rules;
  while (s + 1 < rules->steps &&
         (in->row_of[s + 1] != DS_NONE || (rules->optional >> (s + 1) & 1) != 0))
    s++;
  return s;
}

ds_code ds_funnel_search(funnel_finder *finder, funnel_chain *best, ds_error *err) {
  search in = {.finder = finder};
  uint32_t most = 0;
  memset(finder->used, 0, finder->rows);
  TRY(depths_fill(finder, &most, err));
  for (uint32_t depth = most; depth > 0 && !in.found; depth--)
    for (uint32_t high = 0; high < finder->groups && !in.found; high++)
      if (finder->depth_at[high] >= depth)
        TRY(search_end(&in, depth, high, err));
  if (!in.found)
    return DS_OK;
  for (uint32_t s = 0; s < finder->rules->steps; s++)
    if (in.row_of[s] != DS_NONE)
      finder->used[in.row_of[s]] = 1;
  return options_try(&in, last_step(&in), best, err);
}
