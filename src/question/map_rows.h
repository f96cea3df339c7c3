// SPDX-License-Identifier: Apache-2.0
// From the merged state of the journey map to rows in order: stages, touchpoints within them,
// routes, pain points. Private to question/. May use base/ to scan/.
#ifndef DS_QUESTION_MAP_ROWS_H
#define DS_QUESTION_MAP_ROWS_H

#include "question/map_kernel.h"

// A stage of a group that some case reached.
typedef struct map_stage_row {
  uint32_t group;
  uint32_t stage;
  uint64_t cases;
  uint64_t next;    // of them reach the next row's stage; 0 for the last
  uint64_t dropped; // of them reach no later stage
  bool has_next;
  map_score score;
} map_stage_row;

// A touchpoint within a stage; `cell` is that of the state, with the group's.
typedef struct map_touchpoint_row {
  uint32_t group;
  uint32_t stage;
  uint32_t touchpoint;
  uint32_t index; // of the group's cells
  const map_cell *cell;
  double lost; // what it takes from the mean of all scores; only of pain points
  const ds_names *names;
} map_touchpoint_row;

// What holds for a whole group.
typedef struct map_total {
  uint64_t cases;
  map_score score;
} map_total;

// All rows; in the arena that they were made in.
typedef struct map_rows {
  map_total *total; // by group
  map_stage_row *stage;
  map_touchpoint_row *touchpoint; // by group, stage, the more cases first, name
  map_touchpoint_row *pain; // by group, the greatest loss first
  map_route *route; // by group, the more cases first, then by stages
  uint32_t stages, touchpoints, pains, routes;
} map_rows;

// Makes the rows. A pain point is a touchpoint of whose cases, and of the other cases of the
// group, at least min_n have scores, the former with a lower mean.
DS_CHECKED ds_code ds_map_rows_make(const map_state *state, const ds_names *names,
                                    uint64_t min_n, ds_arena *arena, map_rows *ret_rows,
                                    ds_error *err);

// The mean of scores; only of some.
static inline double map_mean(const map_score *score) {
  assert(score->cases > 0);
  const ds_dd sum = ds_number_sum_value(&score->sum);
  return (sum.high + sum.low) / (double)score->cases;
}

// The scores of all cases but some.
static inline map_score map_others(const map_score *all, const map_score *some) {
  map_score others = *all;
  ds_number_sum_take(&others.sum, &some->sum);
  others.cases -= some->cases;
  return others;
}

// Stage i of a route, or DS_NONE past its last.
static inline uint32_t map_route_stage(uint64_t key, uint32_t i) {
  const uint32_t held =
      i < MAP_STAGES ? (uint32_t)(key >> (i * MAP_STAGE_BITS)) & ((1u << MAP_STAGE_BITS) - 1) : 0;
  return held == 0 ? DS_NONE : held - 1;
}

#endif
