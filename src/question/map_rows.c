// SPDX-License-Identifier: Apache-2.0
// See map_rows.h. All that is said of stages follows from the routes: who took them, and which
// stages they hold.
#include "question/map_rows.h"

#include <stdlib.h>

static uint32_t reached_by(uint64_t key) {
  uint32_t reached = 0;
  for (uint32_t i = 0; map_route_stage(key, i) != DS_NONE; i++)
    reached |= 1u << map_route_stage(key, i);
  return reached;
}

static int compare_routes(const void *a, const void *b) {
  const map_route *x = a, *y = b;
  const uint64_t x_group = x->key >> MAP_ROUTE_GROUP_SHIFT;
  const uint64_t y_group = y->key >> MAP_ROUTE_GROUP_SHIFT;
  if (x_group != y_group)
    return x_group < y_group ? -1 : 1;
  if (x->cases != y->cases)
    return x->cases > y->cases ? -1 : 1;
  for (uint32_t i = 0; i <= MAP_STAGES; i++) {
    // A route that ends stands before one that goes on.
    const uint32_t p = map_route_stage(x->key, i) + 1, q = map_route_stage(y->key, i) + 1;
    if (p != q)
      return p < q ? -1 : 1;
  }
  return 0;
}

// The stages of one group from its routes.
static void stages_of(uint32_t group, map_rows *rows) {
  map_stage_row stage[MAP_STAGES] = {0};
  uint32_t present = 0;
  for (uint32_t r = 0; r < rows->routes; r++)
    if (rows->route[r].key >> MAP_ROUTE_GROUP_SHIFT == group)
      present |= reached_by(rows->route[r].key);
  for (uint32_t r = 0; r < rows->routes; r++) {
    const map_route *route = &rows->route[r];
    if (route->key >> MAP_ROUTE_GROUP_SHIFT != group)
      continue;
    const uint32_t reached = reached_by(route->key);
    rows->total[group].cases += route->cases;
    map_score_merge(&rows->total[group].score, &route->score);
    for (uint32_t s = 0; s < MAP_STAGES; s++) {
      if ((reached >> s & 1) == 0)
        continue;
      const uint32_t later = present >> s >> 1;
      stage[s].cases += route->cases;
      map_score_merge(&stage[s].score, &route->score);
      if (reached >> s == 1)
        stage[s].dropped += route->cases;
      if (later != 0 && (reached >> (s + 1 + (uint32_t)__builtin_ctz(later)) & 1) != 0)
        stage[s].next += route->cases;
      stage[s].has_next = later != 0;
    }
  }
  for (uint32_t s = 0; s < MAP_STAGES; s++)
    if (stage[s].cases > 0) {
      stage[s].group = group;
      stage[s].stage = s;
      rows->stage[rows->stages++] = stage[s];
    }
}

static int compare_touchpoints(const void *a, const void *b) {
  const map_touchpoint_row *x = a, *y = b;
  if (x->group != y->group)
    return x->group < y->group ? -1 : 1;
  if (x->stage != y->stage)
    return x->stage < y->stage ? -1 : 1;
  if (x->cell->cases != y->cell->cases)
    return x->cell->cases > y->cell->cases ? -1 : 1;
  return ds_str_compare(x->names->text[x->touchpoint], y->names->text[y->touchpoint]);
}

static int compare_pains(const void *a, const void *b) {
  const map_touchpoint_row *x = a, *y = b;
  if (x->group != y->group)
    return x->group < y->group ? -1 : 1;
  if (x->lost != y->lost)
    return x->lost > y->lost ? -1 : 1;
  return compare_touchpoints(a, b);
}

static void touchpoints_of(const map_state *state, uint32_t group, const ds_names *names,
                           map_rows *rows) {
  const map_context *context = state->context;
  for (uint32_t t = 0; t < names->count; t++) {
    const map_touchpoint *touchpoint = &context->touchpoint[t];
    const uint32_t cells = touchpoint->stage != 0 ? 1 : MAP_STAGES;
    for (uint32_t s = 0; s < cells; s++) {
      const uint32_t index = touchpoint->cell + s;
      const map_cell *cell = &state->cell[(size_t)group * context->cells + index];
      if (cell->cases > 0)
        rows->touchpoint[rows->touchpoints++] =
            (map_touchpoint_row){.group = group, .touchpoint = t, .index = index, .cell = cell,
                                 .stage = map_stage(touchpoint, s), .names = names};
    }
  }
}

// How much higher the mean of all scores would be had the touchpoint's cases scored as the others.
static void pain_of(const map_rows *rows, const map_touchpoint_row *row, uint64_t min_n,
                    map_touchpoint_row *ret_pain) {
  const map_score *all = &rows->total[row->group].score, *with = &row->cell->score;
  *ret_pain = *row;
  ret_pain->lost = 0;
  if (with->cases < min_n || all->cases - with->cases < min_n)
    return;
  const map_score others = map_others(all, with);
  ret_pain->lost =
      (map_mean(&others) - map_mean(with)) * (double)with->cases / (double)all->cases;
}

ds_code ds_map_rows_make(const map_state *state, const ds_names *names, uint64_t min_n,
                         ds_arena *arena, map_rows *ret_rows, ds_error *err) {
  const map_context *context = state->context;
  const size_t cells = (size_t)context->groups * context->cells;
  map_rows rows = {.routes = state->routes};
  rows.total = ds_arena_array(arena, context->groups, sizeof *rows.total);
  rows.stage = ds_arena_array(arena, (size_t)context->groups * MAP_STAGES, sizeof *rows.stage);
  rows.touchpoint = ds_arena_array(arena, cells, sizeof *rows.touchpoint);
  rows.pain = ds_arena_array(arena, cells, sizeof *rows.pain);
  rows.route = ds_arena_array(arena, rows.routes + 1u, sizeof *rows.route);
  if (!rows.total || !rows.stage || !rows.touchpoint || !rows.pain || !rows.route)
    return ds_fail(err, DS_MEMORY, "out of memory for the journey map: give more --memory");
  if (rows.routes > 0)
    memcpy(rows.route, state->route, rows.routes * sizeof *rows.route);
  qsort(rows.route, rows.routes, sizeof *rows.route, compare_routes);
  for (uint32_t g = 0; g < context->groups; g++) {
    stages_of(g, &rows);
    touchpoints_of(state, g, names, &rows);
  }
  qsort(rows.touchpoint, rows.touchpoints, sizeof *rows.touchpoint, compare_touchpoints);
  for (uint32_t t = 0; t < rows.touchpoints; t++) {
    pain_of(&rows, &rows.touchpoint[t], min_n, &rows.pain[rows.pains]);
    rows.pains += rows.pain[rows.pains].lost > 0;
  }
  qsort(rows.pain, rows.pains, sizeof *rows.pain, compare_pains);
  *ret_rows = rows;
  return DS_OK;
}
