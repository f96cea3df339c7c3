// SPDX-License-Identifier: Apache-2.0
// See funnel_chain.h. Here: what all orders share, the rows that chains are made of, and chain
// after chain.
#include "question/funnel_chain.h"

#include <assert.h>
#include <stdlib.h>

// Steps of a search that one case may take: a second or so.
#define BUDGET (UINT64_C(1) << 24)

void ds_funnel_finder_init(funnel_finder *finder, const funnel_rules *rules) {
  assert(rules->steps >= 1 && rules->steps <= FUNNEL_STEPS_MAX && (rules->optional & 1) == 0);
  *finder = (funnel_finder){.rules = rules};
  for (uint32_t s = 0; s < rules->steps; s++)
    if ((rules->optional >> s & 1) == 0) {
      finder->must[finder->musts++] = s;
      finder->must_bits |= 1ull << s;
    }
}

void ds_funnel_finder_done(funnel_finder *finder) {
  void *const all[] = {finder->row,   finder->group_first,  finder->last_without, finder->node,
                       finder->table, finder->depth_before, finder->depth_at,     finder->used,
                       finder->values};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    free(all[i]);
  *finder = (funnel_finder){0};
}

ds_code ds_funnel_grow(void *array_of, size_t *capacity, size_t count, size_t element,
                       ds_error *err) {
  void **array = array_of;
  if (count <= *capacity)
    return DS_OK;
  const size_t wanted = count + count / 2 + 64;
  void *grown = realloc(*array, wanted * element);
  if (grown == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a funnel: give more --memory");
  *array = grown;
  *capacity = wanted;
  return DS_OK;
}

ds_code ds_funnel_spend(funnel_finder *finder, ds_error *err) {
  if (finder->budget-- > 0)
    return DS_OK;
  return ds_fail(err, DS_LIMIT, "a case has too many events at one instant that can be several "
                 "steps: give --ties arrival, or steps that no event shares");
}

// One side of a comparison: what is larger first.
static int larger(int64_t a, int64_t b) { return (a < b) - (a > b); }

// From the last of such steps backwards: taken before not, then the later event.
static int compare_events(uint32_t steps, uint64_t of, const funnel_chain *a,
                          const funnel_chain *b) {
  for (uint32_t s = steps; s-- > 0;) {
    if ((of >> s & 1) == 0 || a->event[s] == b->event[s])
      continue;
    const int64_t x = a->event[s] == DS_NONE ? -1 : (int64_t)a->event[s];
    return larger(x, b->event[s] == DS_NONE ? -1 : (int64_t)b->event[s]);
  }
  return 0;
}

// The time of the last of such steps, and how many of them are taken.
static int64_t last_ms(uint32_t steps, uint64_t of, const int64_t *time_ms,
                       const funnel_chain *chain, uint32_t *ret_taken) {
  int64_t last = INT64_MIN;
  *ret_taken = 0;
  for (uint32_t s = 0; s < steps; s++)
    if ((of >> s & 1) != 0 && chain->event[s] != DS_NONE) {
      const int64_t at = time_ms[chain->event[s]];
      last = at > last ? at : last;
      ++*ret_taken;
    }
  return last;
}

int ds_funnel_compare(const funnel_rules *rules, const int64_t *time_ms, const funnel_chain *a,
                      const funnel_chain *b) {
  const uint32_t steps = rules->steps;
  uint32_t taken_a = 0, taken_b = 0;
  if (a->depth != b->depth)
    return larger(a->depth, b->depth);
  const int64_t end_a = last_ms(steps, ~rules->optional, time_ms, a, &taken_a);
  const int64_t end_b = last_ms(steps, ~rules->optional, time_ms, b, &taken_b);
  if (end_a != end_b)
    return larger(end_b, end_a);
  const int musts = compare_events(steps, ~rules->optional, a, b);
  if (musts != 0)
    return musts;
  const int64_t all_a = last_ms(steps, UINT64_MAX, time_ms, a, &taken_a);
  const int64_t all_b = last_ms(steps, UINT64_MAX, time_ms, b, &taken_b);
  if (taken_a != taken_b)
    return larger(taken_a, taken_b);
  if (all_a != all_b)
    return larger(all_b, all_a);
  return compare_events(steps, rules->optional, a, b);
}

bool ds_funnel_can_start(const funnel_finder *finder, uint32_t row) {
  const funnel_rules *rules = finder->rules;
  const int64_t time_ms = finder->row[row].time_ms;
  return (finder->anchor == DS_NONE || finder->anchor == row) &&
         (!rules->has_from || time_ms >= rules->from_ms) &&
         (!rules->has_to || time_ms < rules->to_ms);
}

bool ds_funnel_forbidden(const funnel_finder *finder, const uint32_t *row_of, uint32_t step,
                         uint32_t last) {
  const funnel_rules *rules = finder->rules;
  for (uint32_t w = 0; w < rules->withouts; w++) {
    if (rules->without[w].last != step)
      continue;
    const uint32_t at = finder->last_without[(size_t)last * rules->withouts + w];
    const uint32_t first = row_of[rules->without[w].first];
    if (first != DS_NONE && at != DS_NONE && at > finder->row[first].event)
      return true;
  }
  return false;
}

void ds_funnel_offer(const funnel_finder *finder, const uint32_t *row_of, funnel_chain *best) {
  funnel_chain chain = {.depth = 0};
  for (uint32_t s = 0; s < finder->rules->steps; s++) {
    const bool taken = row_of[s] != DS_NONE;
    chain.event[s] = taken ? finder->row[row_of[s]].event : DS_NONE;
    chain.depth += taken && (finder->rules->optional >> s & 1) == 0;
  }
  if (best->depth == 0 ||
      ds_funnel_compare(finder->rules, finder->events->time_ms, &chain, best) < 0)
    *best = chain;
}

// Room for what is as long as the case.
static ds_code room_make(funnel_finder *finder, uint32_t events, ds_error *err) {
  size_t capacity = finder->rows_capacity;
  TRY(ds_funnel_grow(&finder->row, &capacity, events, sizeof *finder->row, err));
  finder->rows_capacity = (uint32_t)capacity;
  TRY(ds_funnel_grow(&finder->last_without, &finder->last_without_capacity,
                     (size_t)events * finder->rules->withouts, sizeof *finder->last_without, err));
  if (events < finder->events_capacity)
    return DS_OK;
  void **const all[] = {(void **)&finder->group_first, (void **)&finder->depth_before,
                        (void **)&finder->depth_at, (void **)&finder->used,
                        (void **)&finder->values};
  static const size_t bytes[] = {4, 4, 4, 1, 8};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    size_t has = finder->events_capacity;
    TRY(ds_funnel_grow(all[i], &has, events + 1u, bytes[i], err));
    capacity = has;
  }
  finder->events_capacity = (uint32_t)capacity;
  return DS_OK;
}

// Cuts the rows into groups.
static void groups_cut(funnel_finder *finder) {
  finder->groups = 0;
  finder->entangled = false;
  uint64_t several = 0;
  for (uint32_t r = 0; r < finder->rows; r++) {
    funnel_row *row = &finder->row[r];
    const bool tied = r > 0 && !finder->rules->arrival && row->time_ms == row[-1].time_ms;
    if (!tied) {
      finder->group_first[finder->groups++] = r;
      several = 0;
    }
    row->group = finder->groups - 1;
    several |= row->steps & (row->steps - 1);
    if (tied)
      finder->entangled |= several != 0;
  }
  finder->group_first[finder->groups] = finder->rows;
}

// The rows of the events from `from` to the instant `until_ms` that carry the value (0 = any):
// those that can be a step, and in strict order all, because they may stand between steps.
static void rows_make(funnel_finder *finder, uint32_t from, int64_t until_ms, uint64_t value) {
  const funnel_events *events = finder->events;
  const bool strict = finder->rules->order == FUNNEL_STRICT;
  const uint32_t withouts = finder->rules->withouts;
  uint32_t last[FUNNEL_WITHOUTS_MAX];
  for (uint32_t w = 0; w < withouts; w++)
    last[w] = DS_NONE;
  finder->rows = 0;
  for (uint32_t e = from; e < events->count && events->time_ms[e] <= until_ms; e++) {
    const uint64_t steps = value == 0 || events->same[e] == value ? events->steps[e] : 0;
    const bool between = strict && (events->fact == NULL || !events->fact[e]);
    if (steps != 0 || between) {
      for (uint32_t w = 0; w < withouts; w++)
        finder->last_without[(size_t)finder->rows * withouts + w] = last[w];
      finder->row[finder->rows++] = (funnel_row){events->time_ms[e], steps, e, 0};
    }
    for (uint32_t w = 0; w < withouts; w++)
      if ((events->without[e] >> w & 1) != 0)
        last[w] = e;
  }
  groups_cut(finder);
}

static int by_number(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

// The different values of the case, of which some event can be the first step.
static uint32_t values_collect(funnel_finder *finder, uint32_t from) {
  const funnel_events *events = finder->events;
  const uint64_t first = finder->rules->order == FUNNEL_ANY ? UINT64_MAX : 1;
  uint32_t count = 0, kept = 0;
  for (uint32_t e = from; e < events->count; e++)
    if (events->same[e] != 0 && (events->steps[e] & first) != 0)
      finder->values[count++] = events->same[e];
  if (count > 0)
    qsort(finder->values, count, sizeof *finder->values, by_number);
  for (uint32_t v = 0; v < count; v++)
    if (kept == 0 || finder->values[kept - 1] != finder->values[v])
      finder->values[kept++] = finder->values[v];
  return kept;
}

static ds_code find_in_rows(funnel_finder *finder, funnel_chain *best, ds_error *err) {
  if (finder->rows == 0)
    return DS_OK;
  switch (finder->rules->order) {
  case FUNNEL_STRICT:
    return ds_funnel_strict(finder, best, err);
  case FUNNEL_ANY:
    return ds_funnel_any(finder, best, err);
  case FUNNEL_SEQUENCE:
    break;
  }
  return finder->entangled ? ds_funnel_search(finder, best, err)
                           : ds_funnel_sequence(finder, best, err);
}

// The first event from `from` on that a chain may begin with, or DS_NONE.
static uint32_t first_start(const funnel_finder *finder, uint32_t from) {
  const funnel_rules *rules = finder->rules;
  const funnel_events *events = finder->events;
  const uint64_t first = rules->order == FUNNEL_ANY ? UINT64_MAX : 1;
  for (uint32_t e = from; e < events->count; e++) {
    const int64_t time_ms = events->time_ms[e];
    if ((events->steps[e] & first) != 0 && (events->same == NULL || events->same[e] != 0) &&
        (!rules->has_from || time_ms >= rules->from_ms) &&
        (!rules->has_to || time_ms < rules->to_ms))
      return e;
  }
  return DS_NONE;
}

// The chain that begins with the next possible event, and the event to go on with.
static ds_code find_next(funnel_finder *finder, uint32_t from, funnel_chain *best,
                         uint32_t *ret_next, ds_error *err) {
  const funnel_events *events = finder->events;
  const uint32_t start = first_start(finder, from);
  *ret_next = events->count;
  if (start == DS_NONE)
    return DS_OK;
  rows_make(finder, from, events->time_ms[start] + finder->rules->within_ms,
            events->same == NULL ? 0 : events->same[start]);
  for (uint32_t r = 0; r < finder->rows; r++)
    if (finder->row[r].event == start)
      finder->anchor = r;
  TRY(find_in_rows(finder, best, err));
  assert(best->depth > 0);
  uint32_t last = start;
  for (uint32_t s = 0; best->depth == finder->musts && s < finder->rules->steps; s++)
    if (best->event[s] != DS_NONE && best->event[s] > last)
      last = best->event[s];
  *ret_next = last + 1;
  return DS_OK;
}

ds_code ds_funnel_find(funnel_finder *finder, const funnel_events *events, uint32_t from,
                       funnel_chain *ret_chain, uint32_t *ret_next, ds_error *err) {
  funnel_chain best = {.depth = 0};
  uint32_t next = events->count;
  finder->events = events;
  finder->anchor = DS_NONE;
  finder->budget = BUDGET;
  TRY(room_make(finder, events->count, err));
  if (finder->rules->all) {
    TRY(find_next(finder, from, &best, &next, err));
  } else if (events->same == NULL) {
    rows_make(finder, from, INT64_MAX, 0);
    TRY(find_in_rows(finder, &best, err));
  } else {
    const uint32_t values = values_collect(finder, from);
    for (uint32_t v = 0; v < values; v++) {
      rows_make(finder, from, INT64_MAX, finder->values[v]);
      TRY(find_in_rows(finder, &best, err));
    }
  }
  *ret_chain = best;
  *ret_next = next;
  return DS_OK;
}
