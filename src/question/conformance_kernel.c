// SPDX-License-Identifier: Apache-2.0
// Counting the deviations of all cases (conformance.h).
#include <assert.h>
#include <stdlib.h>

#include "question/conformance.h"

uint32_t ds_conformance_cells(const ds_conformance *asked) {
  return DS_CELL_DEVIATIONS + 3 * (asked->pattern->steps + 1) + asked->touchpoints;
}

uint32_t ds_conformance_cell_of(const ds_conformance *asked, ds_deviation_kind kind,
                                uint32_t what) {
  // Touchpoints come last, behind the steps of the three other kinds.
  static const uint32_t place[DS_DEVIATION_KINDS] = {0, 3, 1, 2};
  return DS_CELL_DEVIATIONS + place[kind] * (asked->pattern->steps + 1) + what;
}

static uint32_t groups_of(const ds_conformance *asked) {
  return asked->grouped ? asked->by.groups : 1;
}

static ds_code kernel_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  ds_conformance_state *state = memory;
  state->asked = context;
  const uint32_t groups = groups_of(context);
  state->cell = ds_arena_array(arena, (size_t)groups * ds_conformance_cells(context),
                               sizeof *state->cell);
  state->fitness = ds_arena_array(arena, groups, sizeof *state->fitness);
  state->too_long = ds_arena_array(arena, groups, sizeof *state->too_long);
  if (state->cell == NULL || state->fitness == NULL || state->too_long == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for conformance: give more --memory");
  return ds_conformance_reader_new(context, &state->reader, err);
}

// The outcome's values among a case's events.
typedef struct case_outcome {
  ds_dd sum;
  uint64_t n;
} case_outcome;

static case_outcome outcome_of(const ds_conformance *asked, const ds_block *block, uint32_t j) {
  case_outcome outcome = {{0, 0}, 0};
  for (uint32_t e = block->offset[j]; asked->has_outcome && e < block->offset[j + 1]; e++) {
    double value = 0;
    if (!ds_property_number(&asked->outcome, block, e, &value))
      continue;
    outcome.sum = ds_dd_add(outcome.sum, (ds_dd){value, 0});
    outcome.n++;
  }
  return outcome;
}

static void count(ds_conformance_cell *cell, uint64_t number, const case_outcome *outcome) {
  cell->occurrences++;
  if (cell->last_case == number)
    return;
  cell->last_case = number;
  cell->cases++;
  cell->outcome = ds_dd_add(cell->outcome, outcome->sum);
  cell->outcome_n += outcome->n;
}

static ds_code add_journey(ds_conformance_state *state, const ds_block *block, uint32_t j,
                           uint32_t group, ds_error *err) {
  const ds_conformance *asked = state->asked;
  ds_conformance_cell *cell = state->cell + (size_t)group * ds_conformance_cells(asked);
  ds_conformance_case one;
  TRY(ds_conformance_read(state->reader, block, j, &one, err));
  if (one.too_long) {
    state->too_long[group]++;
    return DS_OK;
  }
  const case_outcome outcome = outcome_of(asked, block, j);
  const uint64_t number = ++state->cases;
  const double worst = (double)one.events + asked->shortest;
  state->fitness[group] = ds_dd_add(state->fitness[group], (ds_dd){1 - one.cost / worst, 0});
  count(&cell[DS_CELL_ALL], number, &outcome);
  if (one.deviations == 0)
    count(&cell[DS_CELL_FITS], number, &outcome);
  for (uint32_t d = 0; d < one.deviations; d++) {
    const ds_deviation *found = &one.deviation[d];
    count(&cell[DS_CELL_KINDS + found->kind], number, &outcome);
    count(&cell[ds_conformance_cell_of(asked, found->kind, found->what)], number, &outcome);
  }
  return DS_OK;
}

static ds_code kernel_add(void *memory, const ds_block *block, ds_error *err) {
  ds_conformance_state *state = memory;
  if (state->asked->grouped)
    TRY(ds_breakdown_groups(&state->asked->by, block, &state->group, &state->group_capacity,
                            err));
  TRY(ds_conformance_begin(state->reader, block, err));
  for (uint32_t j = 0; j < block->journeys; j++)
    TRY(add_journey(state, block, j, state->asked->grouped ? state->group[j] : 0, err));
  return DS_OK;
}

static ds_code kernel_merge(void *memory, void *other, ds_error *err) {
  (void)err;
  ds_conformance_state *into = memory;
  const ds_conformance_state *from = other;
  assert(into->asked == from->asked);
  const uint32_t groups = groups_of(into->asked), cells = ds_conformance_cells(into->asked);
  for (size_t i = 0; i < (size_t)groups * cells; i++) {
    into->cell[i].cases += from->cell[i].cases;
    into->cell[i].occurrences += from->cell[i].occurrences;
    into->cell[i].outcome = ds_dd_add(into->cell[i].outcome, from->cell[i].outcome);
    into->cell[i].outcome_n += from->cell[i].outcome_n;
  }
  for (uint32_t g = 0; g < groups; g++) {
    into->fitness[g] = ds_dd_add(into->fitness[g], from->fitness[g]);
    into->too_long[g] += from->too_long[g];
  }
  return DS_OK;
}

static void kernel_done(void *memory) {
  ds_conformance_state *state = memory;
  ds_conformance_reader_free(state->reader);
  free(state->group);
  state->reader = NULL;
  state->group = NULL;
}

const ds_kernel ds_conformance_kernel = {"conformance", sizeof(ds_conformance_state), kernel_init,
                                         kernel_add, kernel_merge, kernel_done};
