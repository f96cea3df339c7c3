// SPDX-License-Identifier: Apache-2.0
// See retention.h.
#include <assert.h>
#include <stdlib.h>

#include "question/retention.h"

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for retention: give more --memory");
}

static ds_code state_init(void *memory, const void *given, ds_arena *arena, ds_error *err) {
  ds_cohorts_state *state = memory;
  const ds_cohorts *asked = given;
  const size_t days = (size_t)asked->days * (asked->grouped ? asked->by.groups : 1u);
  state->asked = asked;
  state->cell = ds_arena_array(arena, asked->cells + 1u, sizeof *state->cell);
  state->returns.returned = ds_arena_array(arena, days + 1u, sizeof *state->returns.returned);
  state->returns.censored = ds_arena_array(arena, days + 1u, sizeof *state->returns.censored);
  if (state->cell == NULL || state->returns.returned == NULL || state->returns.censored == NULL)
    return no_memory(err);
  return ds_marks_init(&state->marks, asked->mark, 2, &asked->plan.columns, err);
}

static void state_done(void *memory) {
  ds_cohorts_state *state = memory;
  ds_marks_done(&state->marks);
  free(state->group);
  state->group = NULL;
}

// The period after the start in which an event lies.
static uint64_t period_after(const ds_cohorts *asked, int64_t start_ms, uint32_t cohort,
                             int64_t time_ms) {
  assert(time_ms >= start_ms);
  if (asked->rolling_ms > 0)
    return (uint64_t)(time_ms - start_ms) / (uint64_t)asked->rolling_ms;
  const uint32_t period = ds_calendar_find(&asked->calendar, time_ms);
  assert(period >= cohort && period != DS_NONE);
  return period - cohort;
}

ds_code ds_cohorts_walk(const ds_cohorts *asked, const ds_marks *marks, const ds_block *block,
                          uint32_t j, ds_cohorts_take take, void *to, uint32_t *ret_start,
                          uint32_t *ret_first, ds_error *err) {
  const uint32_t end = block->offset[j + 1];
  const uint32_t start = ds_marks_next(marks->row[DS_COHORTS_START], block->offset[j], end);
  *ret_start = *ret_first = DS_NONE;
  if (start == end)
    return DS_OK;
  const int64_t start_ms = block->time_ms[start];
  if ((asked->has_from && start_ms < asked->from_ms) || (asked->has_to && start_ms >= asked->to_ms))
    return DS_OK;
  const uint32_t cohort = ds_calendar_find(&asked->calendar, start_ms);
  assert(cohort != DS_NONE);
  const uint64_t *again = marks->row[DS_COHORTS_AGAIN];
  uint32_t event = ds_marks_next(again, start + 1, end), last = DS_NONE;
  *ret_start = start;
  *ret_first = event == end ? DS_NONE : event;
  TRY(take(to, cohort, DS_NONE, start, err));
  // Times only rise: the last slot is enough to know whether one was taken.
  for (; event < end; event = ds_marks_next(again, event + 1, end)) {
    uint64_t period = period_after(asked, start_ms, cohort, block->time_ms[event]);
    if (asked->unbounded && period > asked->periods)
      period = asked->periods;
    const uint32_t slot = period <= asked->periods ? asked->slot_of[period] : DS_NONE;
    if (slot == DS_NONE || slot == last)
      continue;
    last = slot;
    TRY(take(to, cohort, slot, event, err));
  }
  return DS_OK;
}

// One journey's row of cells, and the last slot it returned in.
typedef struct tally {
  ds_cohorts_state *state;
  uint32_t group;
  uint64_t *row;
  uint32_t last;
} tally;

static ds_code tally_take(void *to, uint32_t cohort, uint32_t slot, uint32_t event,
                          ds_error *err) {
  (void)event;
  (void)err;
  tally *at = to;
  const ds_cohorts *asked = at->state->asked;
  if (slot == DS_NONE) {
    at->row = at->state->cell +
              (size_t)(at->group * asked->cohorts + cohort) * (asked->slots + 1u);
    at->row[asked->slots]++;
  } else if (!asked->unbounded) {
    at->row[slot]++;
  }
  at->last = slot;
  return DS_OK;
}

uint32_t ds_cohorts_day(const ds_cohorts *asked, int64_t duration_ms) {
  const int64_t day = duration_ms <= 0 ? 0 : duration_ms / DS_DAY_MS;
  return day < asked->days ? (uint32_t)day : asked->days - 1;
}

static ds_code add_journey(ds_cohorts_state *state, const ds_block *block, uint32_t j,
                           ds_error *err) {
  const ds_cohorts *asked = state->asked;
  tally at = {.state = state, .group = asked->grouped ? state->group[j] : 0, .last = DS_NONE};
  uint32_t start, first;
  TRY(ds_cohorts_walk(asked, &state->marks, block, j, tally_take, &at, &start, &first, err));
  if (start == DS_NONE)
    return DS_OK;
  if (asked->unbounded && at.last != DS_NONE)
    at.row[at.last]++;
  const size_t from = (size_t)at.group * asked->days;
  const int64_t start_ms = block->time_ms[start];
  if (first != DS_NONE)
    state->returns.returned[from + ds_cohorts_day(asked, block->time_ms[first] - start_ms)]++;
  else
    state->returns.censored[from + ds_cohorts_day(asked, asked->as_of_ms - start_ms)]++;
  return DS_OK;
}

static ds_code state_add(void *memory, const ds_block *block, ds_error *err) {
  ds_cohorts_state *state = memory;
  TRY(ds_marks_run(&state->marks, block, err));
  if (state->asked->grouped)
    TRY(ds_breakdown_groups(&state->asked->by, block, &state->group, &state->group_capacity,
                            err));
  for (uint32_t j = 0; j < block->journeys; j++)
    TRY(add_journey(state, block, j, err));
  return DS_OK;
}

static ds_code state_merge(void *memory, void *other, ds_error *err) {
  (void)err;
  ds_cohorts_state *into = memory;
  const ds_cohorts_state *from = other;
  const ds_cohorts *asked = into->asked;
  const size_t days = (size_t)asked->days * (asked->grouped ? asked->by.groups : 1u);
  for (uint32_t c = 0; c < asked->cells; c++)
    into->cell[c] += from->cell[c];
  for (size_t d = 0; d < days; d++) {
    into->returns.returned[d] += from->returns.returned[d];
    into->returns.censored[d] += from->returns.censored[d];
  }
  return DS_OK;
}

const ds_kernel ds_cohorts_kernel = {"retention", sizeof(ds_cohorts_state), state_init,
                                       state_add,   state_merge,                state_done};
