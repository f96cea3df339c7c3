// SPDX-License-Identifier: Apache-2.0
// Chains in strict order: no other event of the case stands between two steps. Where each event has
// its instant for itself, or keeps its place, and no step is optional, one word of bits follows all
// prefixes at once (R. Baeza-Yates and G. H. Gonnet, 1992). Else every chain is walked: of tied
// events those of the first and the last instant may stand outside, all others must be steps.
#include <assert.h>
#include <string.h>

#include "question/funnel_chain.h"

// Fills in the rows of the prefix that ends with such a step at a row.
static void prefix_rows(uint32_t steps, uint32_t step, uint32_t row,
                        uint32_t row_of[FUNNEL_STEPS_MAX]) {
  memset(row_of, 0xff, steps * sizeof *row_of);
  for (uint32_t s = 0; s <= step; s++)
    row_of[s] = row - step + s;
}

// Takes prefixes away that outlast the window (they are the longest) or hold what they must not.
static uint64_t prefixes_keep(const funnel_finder *finder, uint64_t prefixes, uint32_t row) {
  const funnel_rules *rules = finder->rules;
  while (prefixes > 1) {
    const uint32_t step = 63 - (uint32_t)__builtin_clzll(prefixes);
    if (finder->row[row].time_ms - finder->row[row - step].time_ms <= rules->within_ms)
      break;
    prefixes &= ~(1ull << step);
  }
  for (uint64_t left = rules->withouts > 0 ? prefixes : 0; left != 0; left &= left - 1) {
    const uint32_t step = (uint32_t)__builtin_ctzll(left);
    uint32_t row_of[FUNNEL_STEPS_MAX];
    prefix_rows(rules->steps, step, row, row_of);
    if (ds_funnel_forbidden(finder, row_of, step, row))
      prefixes &= ~(1ull << step);
  }
  return prefixes;
}

static void strict_bits(funnel_finder *finder, funnel_chain *best) {
  const uint32_t steps = finder->rules->steps;
  uint32_t deepest = DS_NONE, end = 0;
  uint64_t prefixes = 0;
  for (uint32_t r = 0; r < finder->rows; r++) {
    uint64_t can = finder->row[r].steps;
    if (!ds_funnel_can_start(finder, r))
      can &= ~1ull;
    prefixes = prefixes_keep(finder, (prefixes << 1 | 1) & can, r);
    if (prefixes == 0)
      continue;
    const uint32_t step = 63 - (uint32_t)__builtin_clzll(prefixes);
    if (deepest == DS_NONE || step > deepest ||
        (step == deepest && finder->row[r].time_ms == finder->row[end].time_ms)) {
      deepest = step;
      end = r;
    }
    if (deepest + 1 == steps && finder->row[r].time_ms > finder->row[end].time_ms)
      break;
  }
  if (deepest == DS_NONE)
    return;
  uint32_t row_of[FUNNEL_STEPS_MAX];
  prefix_rows(steps, deepest, end, row_of);
  ds_funnel_offer(finder, row_of, best);
}

// A walk along one chain.
typedef struct walk {
  funnel_finder *finder;
  uint32_t row_of[FUNNEL_STEPS_MAX];
  funnel_chain *best;
} walk;

static bool is_fact(const funnel_finder *finder, uint32_t row) {
  return finder->events->fact != NULL && finder->events->fact[finder->row[row].event];
}

// Whether nothing of the group is left that would stand between.
static bool is_done(const funnel_finder *finder, uint32_t group) {
  for (uint32_t r = finder->group_first[group]; r < finder->group_first[group + 1]; r++)
    if (finder->used[r] == 0 && !is_fact(finder, r))
      return false;
  return true;
}

static ds_code walk_on(walk *in, uint32_t step, uint32_t group, ds_error *err);

// Takes the row as a step if it may be, and walks on.
static ds_code walk_row(walk *in, uint32_t step, uint32_t row, ds_error *err) {
  funnel_finder *finder = in->finder;
  const funnel_row *at = &finder->row[row];
  if (finder->used[row] != 0 || (at->steps >> step & 1) == 0 ||
      at->time_ms - finder->row[in->row_of[0]].time_ms > finder->rules->within_ms ||
      ds_funnel_forbidden(finder, in->row_of, step, row))
    return DS_OK;
  in->row_of[step] = row;
  finder->used[row] = 1;
  const ds_code code = walk_on(in, step, at->group, err);
  finder->used[row] = 0;
  in->row_of[step] = DS_NONE;
  return code;
}

// The chain as it is, and every way on: to the next step, or over optional ones, by an event of
// the same instant, or, when all of that are steps or the chain began there, of the next.
static ds_code walk_on(walk *in, uint32_t step, uint32_t group, ds_error *err) {
  funnel_finder *finder = in->finder;
  const funnel_rules *rules = finder->rules;
  TRY(ds_funnel_spend(finder, err));
  ds_funnel_offer(finder, in->row_of, in->best);
  const uint32_t began = finder->row[in->row_of[0]].group;
  for (uint32_t next = step + 1; next < rules->steps; next++) {
    for (uint32_t g = group; g < finder->groups; g++) {
      for (uint32_t r = finder->group_first[g]; r < finder->group_first[g + 1]; r++)
        TRY(walk_row(in, next, r, err));
      if (g != began && !is_done(finder, g))
        break;
    }
    if ((rules->optional >> next & 1) == 0)
      break;
  }
  return DS_OK;
}

static ds_code strict_walks(funnel_finder *finder, funnel_chain *best, ds_error *err) {
  walk in = {.finder = finder, .best = best};
  memset(in.row_of, 0xff, sizeof in.row_of);
  memset(finder->used, 0, finder->rows);
  for (uint32_t r = 0; r < finder->rows; r++) {
    if ((finder->row[r].steps & 1) == 0 || !ds_funnel_can_start(finder, r))
      continue;
    in.row_of[0] = r;
    finder->used[r] = 1;
    const ds_code code = walk_on(&in, 0, finder->row[r].group, err);
    finder->used[r] = 0;
    TRY(code);
  }
  return DS_OK;
}

ds_code ds_funnel_strict(funnel_finder *finder, funnel_chain *best, ds_error *err) {
  if (finder->rules->optional != 0 || finder->groups < finder->rows ||
      finder->events->fact != NULL)
    return strict_walks(finder, best, err);
  strict_bits(finder, best);
  return DS_OK;
}
