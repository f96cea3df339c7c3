// SPDX-License-Identifier: Apache-2.0
// See conformance_align.h. The cost of what is left is found from the end to the beginning, so that
// one walk forward can take the preferred of the cheapest moves.
#include "question/conformance_align.h"

#include <assert.h>
#include <stdlib.h>

// No way.
enum { NEVER = UINT16_MAX };

// Whether each state that can follow `state` can follow the place, or one of the same step that
// does for it as far as is known.
static bool is_spare(const ds_aligner *aligner, uint32_t place, uint32_t state) {
  const ds_pattern_state *of = aligner->pattern->state;
  for (uint64_t rest = aligner->next[state + 1]; rest != 0; rest &= rest - 1) {
    const uint32_t s = (uint32_t)__builtin_ctzll(rest);
    bool found = false;
    for (uint64_t other = aligner->next[place]; other != 0 && !found; other &= other - 1) {
      const uint32_t o = (uint32_t)__builtin_ctzll(other);
      found = o == s || (of[o].step == of[s].step && (aligner->spare[o + 1] >> s & 1) != 0);
    }
    if (!found)
      return false;
  }
  return true;
}

// Finds the states that the path can do without at each place: all that may follow may follow the
// place, too. Those that cannot be are struck out until none is left to strike.
static void spare_make(ds_aligner *aligner) {
  const ds_pattern *pattern = aligner->pattern;
  const uint64_t all = pattern->states < 64 ? (1ull << pattern->states) - 1 : UINT64_MAX;
  for (uint32_t place = 0; place <= pattern->states; place++) {
    const bool ends = place > 0 && (pattern->last >> (place - 1) & 1) != 0;
    aligner->spare[place] = ends ? all : all & ~pattern->last;
  }
  bool struck = true;
  while (struck) {
    struck = false;
    for (uint32_t place = 0; place <= pattern->states; place++)
      for (uint64_t rest = aligner->spare[place]; rest != 0; rest &= rest - 1) {
        const uint32_t s = (uint32_t)__builtin_ctzll(rest);
        if (is_spare(aligner, place, s))
          continue;
        aligner->spare[place] &= ~(1ull << s);
        struck = true;
      }
  }
}

void ds_aligner_init(ds_aligner *aligner, const ds_pattern *pattern) {
  *aligner = (ds_aligner){.pattern = pattern};
  for (uint32_t s = 0; s < pattern->states; s++) {
    if (pattern->state[s].starts)
      aligner->next[0] |= 1ull << s;
    for (uint32_t b = 0; b < pattern->states; b++)
      if ((pattern->state[s].before >> b & 1) != 0)
        aligner->next[b + 1] |= 1ull << s;
    aligner->loops |= pattern->state[s].before >> s > 1;
  }
  spare_make(aligner);
}

void ds_aligner_done(ds_aligner *aligner) {
  free(aligner->cost);
  free(aligner->move);
  *aligner = (ds_aligner){0};
}

static uint16_t *cost_at(const ds_aligner *aligner, uint32_t read, uint32_t place, bool after) {
  return &aligner->cost[((size_t)read * (aligner->pattern->states + 1) + place) * 2 + after];
}

// The states that can be taken at a place, a free event having come last or not.
static uint64_t open_at(const ds_aligner *aligner, uint32_t place, bool after) {
  const ds_pattern *pattern = aligner->pattern;
  uint64_t open = aligner->next[place];
  if (!after)
    return open;
  if (place == 0)
    return pattern->at_start ? 0 : open;
  for (uint64_t rest = open; rest != 0; rest &= rest - 1) {
    const uint32_t s = (uint32_t)__builtin_ctzll(rest);
    if (pattern->state[s].immediately)
      open &= ~(1ull << s);
  }
  return open;
}

static uint16_t more(uint16_t cost, uint16_t by) {
  return cost == NEVER ? NEVER : (uint16_t)(cost + by);
}

static uint16_t less(uint16_t a, uint16_t b) { return a < b ? a : b; }

// What can be skipped of the states that are open at a place: what the path can do without is
// rather left out. (Skipping it would give free events room that the path does not.)
static uint64_t skips_at(const ds_aligner *aligner, uint64_t open, uint32_t place) {
  return open & ~aligner->spare[place];
}

static bool is_end(const ds_pattern *pattern, uint32_t place, bool after) {
  return place > 0 && (pattern->last >> (place - 1) & 1) != 0 && !(after && pattern->at_end);
}

// What is left costs at a place, when what costs behind it is known.
static uint16_t cost_of(const ds_aligner *aligner, const ds_align_event *event, uint32_t read,
                        uint32_t place, bool after) {
  const uint64_t open = open_at(aligner, place, after);
  uint16_t cost = NEVER;
  if (event == NULL && is_end(aligner->pattern, place, after))
    return 0;
  for (uint64_t rest = skips_at(aligner, open, place); rest != 0; rest &= rest - 1)
    cost = less(cost, more(*cost_at(aligner, read, (uint32_t)__builtin_ctzll(rest) + 1, false), 1));
  if (event == NULL)
    return cost;
  cost = less(cost, more(*cost_at(aligner, read + 1, place, after), 1));
  if (event->free)
    cost = less(cost, *cost_at(aligner, read + 1, place, true));
  for (uint64_t rest = open & event->states; rest != 0; rest &= rest - 1)
    cost = less(cost, *cost_at(aligner, read + 1, (uint32_t)__builtin_ctzll(rest) + 1, false));
  return cost;
}

// What is left costs at all places. Skips lead on at the same event, to higher places but where a
// group begins again: then the costs are lowered until they stay.
static void costs_make(ds_aligner *aligner, const ds_align_event *event, uint32_t read) {
  const uint32_t places = aligner->pattern->states + 1;
  bool lowered = false;
  for (uint32_t place = 0; place < places; place++)
    for (uint32_t after = 0; after < 2; after++)
      *cost_at(aligner, read, place, after != 0) = NEVER;
  do {
    lowered = false;
    for (uint32_t place = places; place-- > 0;)
      for (uint32_t after = 0; after < 2; after++) {
        uint16_t *cost = cost_at(aligner, read, place, after != 0);
        const uint16_t found = cost_of(aligner, event, read, place, after != 0);
        lowered |= found < *cost;
        *cost = found;
      }
  } while (lowered && aligner->loops);
}

static ds_code room_make(ds_aligner *aligner, uint32_t count, ds_error *err) {
  const uint32_t places = aligner->pattern->states + 1;
  if (aligner->cost != NULL && count <= aligner->cost_capacity)
    return DS_OK;
  free(aligner->cost);
  free(aligner->move);
  aligner->cost = malloc((count + 1u) * (size_t)places * 2 * sizeof *aligner->cost);
  // Each event is read once, and no way is worth more than inserting all and skipping the shortest.
  aligner->move = malloc((2u * count + places) * sizeof *aligner->move);
  aligner->cost_capacity = count;
  if (aligner->cost == NULL || aligner->move == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for aligning cases");
  return DS_OK;
}

// The lowest state of `states` whose taking leaves just `left`; DS_PATTERN_STATES when none does.
static uint32_t first_of(const ds_aligner *aligner, uint64_t states, uint32_t read,
                         uint16_t left) {
  for (uint64_t rest = states; rest != 0; rest &= rest - 1) {
    const uint32_t s = (uint32_t)__builtin_ctzll(rest);
    if (*cost_at(aligner, read, s + 1, false) == left)
      return s;
  }
  return DS_PATTERN_STATES;
}

static void put(ds_aligner *aligner, ds_align_kind kind, uint32_t state, uint32_t event) {
  aligner->move[aligner->moves++] = (ds_align_move){kind, state, event};
}

// From the beginning on the preferred of the cheapest moves.
static void walk(ds_aligner *aligner, const ds_align_event *events, uint32_t count) {
  uint32_t read = 0, place = 0;
  bool after = false;
  aligner->moves = 0;
  while (read < count || !is_end(aligner->pattern, place, after)) {
    const uint16_t left = *cost_at(aligner, read, place, after);
    const uint64_t open = open_at(aligner, place, after);
    const ds_align_event *event = read < count ? &events[read] : NULL;
    uint32_t state = event == NULL ? DS_PATTERN_STATES
                                   : first_of(aligner, open & event->states, read + 1, left);
    if (state < DS_PATTERN_STATES) {
      put(aligner, DS_ALIGN_STEP, state, read++);
      place = state + 1;
      after = false;
    } else if (event != NULL && event->free &&
               *cost_at(aligner, read + 1, place, true) == left) {
      put(aligner, DS_ALIGN_FREE, 0, read++);
      after = true;
    } else if (left > 0 && (state = first_of(aligner, skips_at(aligner, open, place), read,
                                             (uint16_t)(left - 1))) < DS_PATTERN_STATES) {
      put(aligner, DS_ALIGN_SKIP, state, read);
      place = state + 1;
      after = false;
    } else {
      assert(event != NULL && *cost_at(aligner, read + 1, place, after) + 1 == left);
      put(aligner, DS_ALIGN_INSERT, 0, read++);
    }
  }
}

ds_code ds_align(ds_aligner *aligner, const ds_align_event *events, uint32_t count,
                 uint32_t *ret_cost, ds_error *err) {
  assert(count <= DS_ALIGN_EVENTS_MAX);
  TRY(room_make(aligner, count, err));
  for (uint32_t read = count + 1; read-- > 0;)
    costs_make(aligner, read < count ? &events[read] : NULL, read);
  *ret_cost = *cost_at(aligner, 0, 0, false);
  assert(*ret_cost != NEVER);
  walk(aligner, events, count);
  return DS_OK;
}
