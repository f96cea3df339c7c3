// SPDX-License-Identifier: Apache-2.0
// See map_kernel.h.
#include "question/map_kernel.h"

#include <math.h>
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
  ds_number_sum_add(&score->sum, value);
  score->cases++;
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

// Follows one case. No array in it, so that all of it may stay in registers.
typedef struct walk {
  uint32_t current; // stage
  uint32_t furthest;
  uint32_t reached; // a bit per stage
  uint32_t late;
  uint64_t route;
  uint32_t stages;
  uint32_t touched;
  uint32_t marked;
} walk;

// What the events of one case are counted into: copies, so that no count is taken for a pointer's
// change and read again.
typedef struct ledger {
  const map_touchpoint *touchpoint;
  map_cell *cell; // of the case's group
  uint32_t *touched;
  uint16_t *cell_of;
  uint32_t *marked;
  int64_t *entered_ms; // by stage
  ds_tally *tally;
  uint32_t tally_stage; // of stage 0 and of cell 0 of the group
  uint32_t tally_cell;
  uint64_t number; // of the case
} ledger;

// The case is at a cell for the first time, and perhaps in its stage. Timed is the event since the
// nearest earlier stage that the case has reached, else since it entered this one, unless it is
// this event that does.
static inline ds_code first_visit(const ledger *in, walk *at, uint32_t index, uint32_t stage,
                                  int64_t time_ms, ds_error *err) {
  const uint32_t earlier = at->reached & ((1u << stage) - 1);
  const bool entered = (at->reached >> stage & 1) == 0;
  in->touched[at->touched++] = index;
  const uint32_t origin = earlier != 0 ? 31 - (uint32_t)__builtin_clz(earlier) : stage;
  if (entered) {
    at->reached |= 1u << stage;
    in->entered_ms[stage] = time_ms;
    at->route |= (uint64_t)(stage + 1) << (at->stages++ * MAP_STAGE_BITS);
    if (earlier == 0)
      return DS_OK;
    TRY(ds_tally_add(in->tally, in->tally_stage + stage, time_ms - in->entered_ms[origin], err));
  }
  return ds_tally_add(in->tally, in->tally_cell + index, time_ms - in->entered_ms[origin], err);
}

static inline ds_code walk_event(const ledger *in, walk *at, uint32_t e, uint32_t touchpoint,
                                 int64_t time_ms, ds_error *err) {
  const map_touchpoint place = in->touchpoint[touchpoint];
  const uint32_t stage = map_stage(&place, at->current);
  const uint32_t index = map_cell_of(&place, stage);
  map_cell *cell = &in->cell[index];
  at->current = stage;
  in->cell_of[e] = (uint16_t)index;
  in->marked[at->marked] = e;
  at->marked += place.marked;
  cell->occurrences++;
  // A case that enters a stage is at one of its cells for the first time.
  if (cell->last_case != in->number) {
    cell->last_case = in->number;
    cell->cases++;
    TRY(first_visit(in, at, index, stage, time_ms, err));
  }
  if (stage < at->furthest) {
    at->late |= 1u << stage;
    cell->out_of_order += cell->last_late != in->number;
    cell->last_late = in->number;
  } else {
    at->furthest = stage;
  }
  return DS_OK;
}

static ds_code walk_case(map_state *state, const ds_block *block, uint32_t j, uint32_t group,
                         ds_error *err) {
  const map_context *context = state->context;
  const uint32_t first = block->offset[j], last = block->offset[j + 1];
  const uint16_t *touchpoint = block->touchpoint;
  const int64_t *time_ms = block->time_ms;
  int64_t entered_ms[MAP_STAGES];
  const ledger in = {.touchpoint = context->touchpoint,
                     .cell = state->cell + (size_t)group * context->cells,
                     .touched = state->touched, .cell_of = state->cell_of,
                     .marked = state->marked, .entered_ms = entered_ms, .tally = &state->tally,
                     .tally_stage = map_tally_stage(context, group, 0),
                     .tally_cell = map_tally_cell(context, group, 0), .number = ++state->cases};
  walk at = {.marked = state->marked_count};
  assert(first < last);
  for (uint32_t e = first; e < last; e++)
    TRY(walk_event(&in, &at, e, touchpoint[e], time_ms[e], err));
  state->marked_count = at.marked;
  for (uint32_t late = at.late; late != 0; late &= late - 1)
    state->out_of_order[group * MAP_STAGES + (uint32_t)__builtin_ctz(late)]++;
  map_route *route = NULL;
  TRY(route_find(state, at.route | (uint64_t)group << MAP_ROUTE_GROUP_SHIFT, &route, err));
  route->cases++;
  double score = NAN;
  if (!context->has_score)
    return DS_OK;
  const bool scored = ds_map_score(context, block, j, &score);
  state->score_of[j] = score;
  if (!scored)
    return DS_OK;
  score_add(&route->score, score);
  for (uint32_t i = 0; i < at.touched; i++)
    score_add(&in.cell[state->touched[i]].score, score);
  return DS_OK;
}

static ds_code room_make(map_state *state, const ds_block *block, ds_error *err) {
  if (state->journeys_capacity < block->journeys) {
    free(state->group);
    free(state->score_of);
    state->group = calloc(block->journeys, sizeof *state->group);
    state->score_of = malloc(block->journeys * sizeof *state->score_of);
    state->journeys_capacity = block->journeys;
  }
  if (state->events_capacity < block->events) {
    free(state->touched);
    free(state->cell_of);
    free(state->marked);
    state->touched = malloc(block->events * sizeof *state->touched);
    state->cell_of = malloc(block->events * sizeof *state->cell_of);
    state->marked = malloc(block->events * sizeof *state->marked);
    state->events_capacity = block->events;
  }
  const bool made = state->group != NULL && state->score_of != NULL && state->touched != NULL &&
                    state->cell_of != NULL && state->marked != NULL;
  return made ? DS_OK : no_memory(err);
}

static ds_code kernel_add_block(void *memory, const ds_block *block, ds_error *err) {
  map_state *state = memory;
  if (block->events == 0)
    return DS_OK;
  TRY(room_make(state, block, err));
  state->marked_count = 0;
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
    map_score_merge(&into->cell[c].score, &from->cell[c].score);
  }
  for (size_t s = 0; s < (size_t)context->groups * MAP_STAGES; s++)
    into->out_of_order[s] += from->out_of_order[s];
  for (uint32_t r = 0; r < from->routes; r++) {
    map_route *route = NULL;
    TRY(route_find(into, from->route[r].key, &route, err));
    route->cases += from->route[r].cases;
    map_score_merge(&route->score, &from->route[r].score);
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
  free(state->cell_of);
  free(state->marked);
  free(state->score_of);
  state->route = NULL;
  state->group = state->touched = state->marked = NULL;
  state->cell_of = NULL;
  state->score_of = NULL;
  ds_map64_done(&state->route_of);
  ds_tally_done(&state->tally);
}

const ds_kernel ds_map_kernel = {"map", sizeof(map_state), kernel_init, kernel_add_block,
                                 kernel_merge, kernel_done};
