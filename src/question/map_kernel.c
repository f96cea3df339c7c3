// SPDX-License-Identifier: Apache-2.0
// See map_kernel.h.
#include "question/map_kernel.h"

#include <stdlib.h>

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for the journey map: give more --memory");
}

static ds_code kernel_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  map_state *state = memory;
  state->context = context;
  const map_context *asked = state->context;
  ds_map64_init(&state->route_of);
  state->cell = ds_arena_array(arena, (size_t)asked->groups * asked->cells, sizeof *state->cell);
  state->out_of_order = ds_arena_array(arena, (size_t)asked->groups * MAP_STAGES,
                                       sizeof *state->out_of_order);
  if (state->cell == NULL || state->out_of_order == NULL)
    return no_memory(err);
  return ds_tally_init(&state->tally, asked->groups * (MAP_STAGES + asked->cells), asked->windows,
                       asked->kept_bytes_max, asked->refine, err);
}

static void score_add(map_score *score, double value) {
  score->sum = ds_dd_add(score->sum, (ds_dd){value, 0});
  score->cases++;
}

static void score_merge(map_score *into, const map_score *from) {
  into->sum = ds_dd_add(into->sum, from->sum);
  into->cases += from->cases;
}

bool ds_map_score(const map_context *context, const ds_block *block, uint32_t j,
                  double *ret_score) {
  ds_dd sum = {0, 0};
  uint32_t count = 0;
  const ds_property_column *column = &block->property[context->score.column];
  if (column->type == DS_TYPE_NULL)
    return false;
  const uint32_t last = block->offset[j + 1];
  for (uint32_t e = block->offset[j]; e < last;) {
    const uint64_t word = column->present[e / 64] >> (e % 64);
    if (word == 0) {
      e = (e / 64 + 1) * 64;
      continue;
    }
    e += (uint32_t)__builtin_ctzll(word);
    double value = 0;
    if (e < last && ds_property_number(&context->score, block, e, &value)) {
      sum = ds_dd_add(sum, (ds_dd){value, 0});
      count++;
    }
    e++;
  }
  if (count > 0)
    *ret_score = (sum.high + sum.low) / count;
  return count > 0;
}

// The route of a key, made when new.
static ds_code route_find(map_state *state, uint64_t key, map_route **ret_route, ds_error *err) {
  uint32_t *slot = ds_map64_put(&state->route_of, key);
  if (slot == NULL)
    return no_memory(err);
  if (*slot == DS_NONE) {
    *slot = state->routes;
    if (state->routes == state->routes_capacity) {
      const uint32_t capacity = state->routes_capacity * 2 + 64;
      map_route *route = realloc(state->route, capacity * sizeof *route);
      if (route == NULL)
        return no_memory(err);
      state->route = route;
      state->routes_capacity = capacity;
    }
    state->route[state->routes++] = (map_route){.key = key};
  }
  *ret_route = &state->route[*slot];
  return DS_OK;
}

// Follows one case.
typedef struct walk {
  uint32_t current; // stage
  uint32_t furthest;
  uint32_t reached; // a bit per stage
  uint32_t late;
  uint64_t route;
  uint32_t stages;
  uint32_t touched;
  int64_t entered_ms[MAP_STAGES];
} walk;

// The stage since which an event of `stage` is timed: the nearest earlier one that the case has
// reached, else this one; DS_NONE when the event is the first of both.
static inline uint32_t origin_of(const walk *at, uint32_t stage) {
  const uint32_t earlier = at->reached & ((1u << stage) - 1);
  if (earlier != 0)
    return 31 - (uint32_t)__builtin_clz(earlier);
  return (at->reached >> stage & 1) != 0 ? stage : DS_NONE;
}

static inline ds_code walk_event(map_state *state, walk *at, uint32_t group,
                                 const ds_block *block, uint32_t e, ds_error *err) {
  const map_context *context = state->context;
  const map_touchpoint *touchpoint = &context->touchpoint[block->touchpoint[e]];
  const uint32_t stage = map_stage(touchpoint, at->current);
  const uint32_t index = map_cell_of(touchpoint, stage);
  map_cell *cell = &state->cell[(size_t)group * context->cells + index];
  const int64_t time_ms = block->time_ms[e];
  at->current = stage;
  cell->occurrences++;
  const bool entered = (at->reached >> stage & 1) == 0;
  if (cell->last_case != state->cases) {
    cell->last_case = state->cases;
    cell->cases++;
    state->touched[at->touched++] = index;
    // A case that enters a stage is at one of its cells for the first time.
    const uint32_t origin = origin_of(at, stage);
    if (origin != DS_NONE) {
      const int64_t since_ms = time_ms - at->entered_ms[origin];
      TRY(ds_tally_add(&state->tally, map_tally_cell(context, group, index), since_ms, err));
      if (entered)
        TRY(ds_tally_add(&state->tally, map_tally_stage(context, group, stage), since_ms, err));
    }
  }
  if (entered) {
    at->reached |= 1u << stage;
    at->entered_ms[stage] = time_ms;
    at->route |= (uint64_t)(stage + 1) << (at->stages++ * MAP_STAGE_BITS);
  }
  if (stage < at->furthest) {
    at->late |= 1u << stage;
    cell->out_of_order += cell->last_late != state->cases;
    cell->last_late = state->cases;
  } else {
    at->furthest = stage;
  }
  return DS_OK;
}

static ds_code walk_case(map_state *state, const ds_block *block, uint32_t j, uint32_t group,
                         ds_error *err) {
  const map_context *context = state->context;
  const uint32_t first = block->offset[j], last = block->offset[j + 1];
  walk at = {0};
  assert(first < last);
  state->cases++;
  for (uint32_t e = first; e < last; e++)
    TRY(walk_event(state, &at, group, block, e, err));
  for (uint32_t late = at.late; late != 0; late &= late - 1)
    state->out_of_order[group * MAP_STAGES + (uint32_t)__builtin_ctz(late)]++;
  map_route *route = NULL;
  TRY(route_find(state, at.route | (uint64_t)group << MAP_ROUTE_GROUP_SHIFT, &route, err));
  route->cases++;
  double score = 0;
  if (!context->has_score || !ds_map_score(context, block, j, &score))
    return DS_OK;
  score_add(&route->score, score);
  for (uint32_t i = 0; i < at.touched; i++)
    score_add(&state->cell[(size_t)group * context->cells + state->touched[i]].score, score);
  return DS_OK;
}

static ds_code room_make(map_state *state, const ds_block *block, ds_error *err) {
  if (state->group_capacity < block->journeys) {
    free(state->group);
    state->group = calloc(block->journeys, sizeof *state->group);
    state->group_capacity = state->group == NULL ? 0 : block->journeys;
  }
  if (state->touched_capacity < block->events) {
    free(state->touched);
    state->touched = malloc(block->events * sizeof *state->touched);
    state->touched_capacity = state->touched == NULL ? 0 : block->events;
  }
  return state->group == NULL || state->touched == NULL ? no_memory(err) : DS_OK;
}

static ds_code kernel_add_block(void *memory, const ds_block *block, ds_error *err) {
  map_state *state = memory;
  if (block->events == 0)
    return DS_OK;
  TRY(room_make(state, block, err));
  if (state->context->by != NULL)
    ds_breakdown_block(state->context->by, block, state->group);
  for (uint32_t j = 0; j < block->journeys; j++)
    TRY(walk_case(state, block, j, state->group[j], err));
  state->events += block->events;
  return DS_OK;
}

static ds_code kernel_merge(void *memory, void *other, ds_error *err) {
  map_state *into = memory, *from = other;
  const map_context *context = into->context;
  assert(context == from->context);
  for (size_t c = 0; c < (size_t)context->groups * context->cells; c++) {
    into->cell[c].occurrences += from->cell[c].occurrences;
    into->cell[c].cases += from->cell[c].cases;
    into->cell[c].out_of_order += from->cell[c].out_of_order;
    score_merge(&into->cell[c].score, &from->cell[c].score);
  }
  for (size_t s = 0; s < (size_t)context->groups * MAP_STAGES; s++)
    into->out_of_order[s] += from->out_of_order[s];
  for (uint32_t r = 0; r < from->routes; r++) {
    map_route *route = NULL;
    TRY(route_find(into, from->route[r].key, &route, err));
    route->cases += from->route[r].cases;
    score_merge(&route->score, &from->route[r].score);
  }
  into->cases += from->cases;
  into->events += from->events;
  ds_tally_merge(&into->tally, &from->tally);
  return DS_OK;
}

static void kernel_done(void *memory) {
  map_state *state = memory;
  free(state->route);
  free(state->group);
  free(state->touched);
  state->route = NULL;
  state->group = state->touched = NULL;
  ds_map64_done(&state->route_of);
  ds_tally_done(&state->tally);
}

const ds_kernel ds_map_kernel = {"map", sizeof(map_state), kernel_init, kernel_add_block,
                                 kernel_merge, kernel_done};
