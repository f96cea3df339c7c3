// SPDX-License-Identifier: Apache-2.0
// Counting who meets which conditions: words of bits, one bit a journey.
#include <assert.h>
#include <stdlib.h>

#include "question/segment.h"

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for segments");
}

static ds_code view_room(const segment_asked *asked, segment_view *view, uint32_t journeys,
                         ds_error *err) {
  view->words = journeys / 64 + 1;
  if (journeys < view->capacity)
    return DS_OK;
  free(view->bits);
  free(view->state);
  view->capacity = 0;
  view->bits = malloc((size_t)asked->instants * (asked->rules + 1u) * view->words *
                      sizeof *view->bits);
  view->state = malloc((size_t)asked->instants * view->words * 64 * sizeof *view->state);
  if (view->bits == NULL || view->state == NULL)
    return no_memory(err);
  view->capacity = view->words * 64;
  return DS_OK;
}

// Who has begun by an instant; without times, all.
static void look_begun(const ds_block *block, int64_t now_ms, uint64_t *begun, uint32_t words) {
  memset(begun, 0, words * sizeof *begun);
  for (uint32_t j = 0; j < block->journeys; j++)
    begun[j / 64] |= (uint64_t)(block->time_ms == NULL ||
                                block->time_ms[block->offset[j]] <= now_ms) << (j % 64);
}

// In which state each journey is at an instant: the first that it meets, so the last is set first.
static void look_states(const segment_asked *asked, segment_view *view, uint32_t instant,
                        uint32_t journeys) {
  const uint64_t *begun = segment_bits(asked, view, instant, DS_NONE);
  uint16_t *state = view->state + (size_t)instant * view->words * 64;
  for (uint32_t j = 0; j < journeys; j++)
    state[j] = (uint16_t)(asked->states_count + !(begun[j / 64] >> (j % 64) & 1));
  for (uint32_t s = asked->states_count; s-- > 0;) {
    const uint64_t *bits =
        segment_bits(asked, view, instant, asked->rows[asked->states[s]].rule);
    for (uint32_t w = 0; w < view->words; w++)
      for (uint64_t left = bits[w]; left != 0; left &= left - 1)
        state[w * 64 + (uint32_t)__builtin_ctzll(left)] = (uint16_t)s;
  }
}

static ds_code look_begin(const segment_asked *asked, segment_view *view, const ds_block *block,
                          ds_error *err) {
  if (view->evaluator == NULL)
    TRY(ds_case_evaluator_new(asked->program, &asked->plan.columns, &view->evaluator, err));
  TRY(view_room(asked, view, block->journeys, err));
  return ds_case_begin(view->evaluator, block, err);
}

// Who has begun and who meets what at now_ms, as the bits of an instant.
static ds_code look_at(const segment_asked *asked, segment_view *view, const ds_block *block,
                       uint32_t instant, int64_t now_ms, ds_error *err) {
  const size_t used = (block->journeys + 63u) / 64;
  const ds_case_values *values = NULL;
  uint64_t *bits = (uint64_t *)(uintptr_t)segment_bits(asked, view, instant, DS_NONE);
  TRY(ds_case_evaluate(view->evaluator, now_ms, &values, err));
  look_begun(block, now_ms, bits, view->words);
  for (uint32_t r = 0; r < asked->rules; r++) {
    bits += view->words;
    bits[view->words - 1] = 0;
    memcpy(bits, values[r].yes, used * sizeof *bits);
  }
  if (asked->instants > 1)
    look_states(asked, view, instant, block->journeys);
  return DS_OK;
}

ds_code ds_segment_look(const segment_asked *asked, segment_view *view, const ds_block *block,
                        ds_error *err) {
  TRY(look_begin(asked, view, block, err));
  for (uint32_t i = 0; i < asked->instants; i++)
    TRY(look_at(asked, view, block, i, asked->now_ms[i], err));
  return DS_OK;
}

void ds_segment_view_done(segment_view *view) {
  ds_case_evaluator_free(view->evaluator);
  free(view->bits);
  free(view->state);
  *view = (segment_view){0};
}

static uint64_t count_both(const uint64_t *a, const uint64_t *b, uint32_t words) {
  uint64_t count = 0;
  for (uint32_t w = 0; w < words; w++)
    count += (uint64_t)__builtin_popcountll(a[w] & b[w]);
  return count;
}

// How many counters there are of each kind.
static size_t cases_count(const segment_asked *asked) {
  return (size_t)asked->points * asked->groups;
}

static size_t members_count(const segment_asked *asked) {
  return cases_count(asked) * asked->rules;
}

static size_t both_count(const segment_asked *asked) {
  return asked->overlap ? (size_t)asked->rules * asked->rules : 0;
}

static size_t moves_count(const segment_asked *asked) {
  const size_t states = asked->states_count + 2u;
  return asked->instants > 1 ? states * states : 0;
}

static ds_code state_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  segment_state *state = memory;
  const segment_asked *asked = context;
  state->asked = asked;
  state->cases = ds_arena_array(arena, cases_count(asked), sizeof *state->cases);
  state->members = ds_arena_array(arena, members_count(asked) + 1, sizeof *state->members);
  state->versus = ds_arena_array(arena, asked->rules + 1u, sizeof *state->versus);
  state->stayed = ds_arena_array(arena, asked->rules + 1u, sizeof *state->stayed);
  state->both = ds_arena_array(arena, both_count(asked) + 1, sizeof *state->both);
  state->moves = ds_arena_array(arena, moves_count(asked) + 1, sizeof *state->moves);
  return state->cases == NULL || state->members == NULL || state->versus == NULL ||
                 state->stayed == NULL || state->both == NULL || state->moves == NULL
             ? no_memory(err)
             : DS_OK;
}

static void state_done(void *memory) {
  segment_state *state = memory;
  ds_segment_view_done(&state->view);
  free(state->group);
  state->group = NULL;
}

// Adds the bits of who has begun (rule DS_NONE) or meets a rule to the counts of their groups,
// `step` counters apart.
static void add_bits(const segment_state *state, uint32_t rule, uint64_t *count, uint32_t step) {
  const segment_asked *asked = state->asked;
  const uint32_t words = state->view.words;
  const uint64_t *bits = segment_bits(asked, &state->view, SEGMENT_AS_OF, rule);
  if (!asked->grouped)
    *count += count_both(bits, bits, words);
  for (uint32_t w = 0; asked->grouped && w < words; w++)
    for (uint64_t left = bits[w]; left != 0; left &= left - 1)
      count[(size_t)state->group[w * 64 + (uint32_t)__builtin_ctzll(left)] * step]++;
}

// Adds the sizes at a point.
static void add_sizes(const segment_state *state, uint32_t point) {
  const segment_asked *asked = state->asked;
  uint64_t *cases = state->cases + (size_t)point * asked->groups;
  uint64_t *members = state->members + (size_t)point * asked->groups * asked->rules;
  add_bits(state, DS_NONE, cases, 1);
  for (uint32_t r = 0; r < asked->rules; r++)
    add_bits(state, r, members + r, asked->rules);
}

static void add_overlap(segment_state *state) {
  const segment_asked *asked = state->asked;
  const segment_view *view = &state->view;
  for (uint32_t r = 0; r < asked->rules; r++)
    for (uint32_t other = r + 1; other < asked->rules; other++)
      state->both[r * asked->rules + other] +=
          count_both(segment_bits(asked, view, SEGMENT_AS_OF, r),
                     segment_bits(asked, view, SEGMENT_AS_OF, other), view->words);
}

// Who meets several of the states' conditions at one of the instants.
static uint64_t count_several(const segment_asked *asked, const segment_view *view) {
  uint64_t count = 0;
  for (uint32_t w = 0; w < view->words; w++) {
    uint64_t several = 0;
    for (uint32_t i = 0; i < asked->instants; i++) {
      uint64_t once = 0;
      for (uint32_t s = 0; s < asked->states_count; s++) {
        const uint64_t bits =
            segment_bits(asked, view, i, asked->rows[asked->states[s]].rule)[w];
        several |= once & bits;
        once |= bits;
      }
    }
    count += (uint64_t)__builtin_popcountll(several);
  }
  return count;
}

static void add_versus(segment_state *state, uint32_t journeys) {
  const segment_asked *asked = state->asked;
  const segment_view *view = &state->view;
  const uint32_t words = view->words, later = asked->later;
  for (uint32_t r = 0; r < asked->rules; r++) {
    const uint64_t *then = segment_bits(asked, view, SEGMENT_VERSUS, r);
    state->versus[r] += count_both(then, then, words);
    state->stayed[r] += count_both(then, segment_bits(asked, view, SEGMENT_AS_OF, r), words);
  }
  const uint64_t *begun = segment_bits(asked, view, later, DS_NONE);
  const uint16_t *to = view->state + (size_t)later * words * 64;
  const uint16_t *from = view->state + (size_t)(1 - later) * words * 64;
  for (uint32_t j = 0; j < journeys; j++)
    state->moves[from[j] * (asked->states_count + 2u) + to[j]] += begun[j / 64] >> (j % 64) & 1;
  state->several += count_several(asked, view);
}

static ds_code state_add(void *memory, const ds_block *block, ds_error *err) {
  segment_state *state = memory;
  const segment_asked *asked = state->asked;
  segment_view *view = &state->view;
  TRY(look_begin(asked, view, block, err));
  if (asked->grouped)
    TRY(ds_breakdown_groups(&asked->by, block, &state->group, &state->group_capacity, err));
  // The last point is the instant of the answer: its bits stay.
  for (uint32_t p = 0; p < asked->points; p++) {
    TRY(look_at(asked, view, block, SEGMENT_AS_OF, asked->point_ms[p], err));
    add_sizes(state, p);
  }
  if (asked->overlap)
    add_overlap(state);
  if (asked->instants == 1)
    return DS_OK;
  TRY(look_at(asked, view, block, SEGMENT_VERSUS, asked->now_ms[SEGMENT_VERSUS], err));
  add_versus(state, block->journeys);
  return DS_OK;
}

static void add_all(uint64_t *into, const uint64_t *from, size_t count) {
  for (size_t i = 0; i < count; i++)
    into[i] += from[i];
}

static ds_code state_merge(void *memory, void *other, ds_error *err) {
  (void)err;
  segment_state *into = memory;
  const segment_state *from = other;
  const segment_asked *asked = into->asked;
  add_all(into->cases, from->cases, cases_count(asked));
  add_all(into->members, from->members, members_count(asked));
  add_all(into->versus, from->versus, asked->rules);
  add_all(into->stayed, from->stayed, asked->rules);
  add_all(into->both, from->both, both_count(asked));
  add_all(into->moves, from->moves, moves_count(asked));
  into->several += from->several;
  return DS_OK;
}

const ds_kernel ds_segment_kernel = {"segment",   sizeof(segment_state), state_init,
                                     state_add,   state_merge,           state_done};
