// SPDX-License-Identifier: Apache-2.0
// The kernel of the journey map: one pass over blocks that follows each case through the stages
// and counts stages, touchpoints within stages and routes. May use base/ to scan/. Invariants: a
// cell is a touchpoint within a stage; a touchpoint whose stage the catalogue knows has one cell
// per group, any other one per stage; what a state says does not depend on the order of blocks or
// merges.
#ifndef DS_QUESTION_MAP_KERNEL_H
#define DS_QUESTION_MAP_KERNEL_H

#include "base/sum.h"
#include "model/catalogue.h"
#include "question/breakdown.h"
#include "question/property.h"
#include "question/tally.h"

// Stages by number; 0 (DS_STAGE_ANY) holds what comes before any touchpoint that has a stage.
enum { MAP_STAGES = DS_STAGES_COUNT, MAP_STAGE_BITS = 4 };

static_assert(MAP_STAGES <= 1 << MAP_STAGE_BITS, "a route names a stage in 4 bits");
static_assert(DS_TOUCHPOINTS_MAX * MAP_STAGES <= UINT16_MAX, "a cell of a group takes 16 bits");

// Where a touchpoint goes.
typedef struct map_touchpoint {
  uint32_t cell;   // its only one, or that of stage 0, the others behind it
  uint32_t stage;  // its own, 0 = that of the case's latest staged event
  uint32_t follow; // all bits when it has none of its own, else 0
  uint32_t marked; // 1: its events are noted one by one, for map_figures.h
} map_touchpoint;

// What the kernel is asked to do; read-only while it runs. The tally's cells are, for group g, the
// stages at g * (MAP_STAGES + cells), then the cells.
typedef struct map_context {
  map_touchpoint *touchpoint;
  uint32_t cells; // of one group
  uint32_t groups;
  bool has_score;
  ds_property_ref score;
  const ds_breakdown *by; // NULL: one group
  const ds_tally_cell *windows;
  size_t kept_bytes_max;
  const ds_refine *refine; // a further pass: times only
} map_context;

// Scores of cases.
typedef struct map_score {
  ds_number_sum sum;
  uint64_t cases;
} map_score;

// Figures of one cell.
typedef struct map_cell {
  uint64_t occurrences;
  uint64_t cases;
  uint64_t out_of_order; // cases
  uint64_t last_case;    // number of the case that came last, so that each counts once
  uint64_t last_late;
  map_score score;
} map_cell;

// Cases that entered the stages in the same order. The key has the first stage, plus 1, in its
// lowest bits, and the group above all stages.
typedef struct map_route {
  uint64_t key;
  uint64_t cases;
  map_score score;
} map_route;

#define MAP_ROUTE_GROUP_SHIFT (MAP_STAGES * MAP_STAGE_BITS)

// One thread's state, or the merged one.
typedef struct map_state {
  const map_context *context;
  map_cell *cell; // groups * cells
  uint64_t *out_of_order; // groups * MAP_STAGES: cases
  map_route *route;
  uint32_t routes;
  uint32_t routes_capacity;
  ds_map64 route_of;
  uint64_t cases;
  uint64_t events;
  ds_tally tally;
  uint32_t *group;
  uint32_t journeys_capacity;
  uint32_t *touched; // cells of the case
  uint16_t *cell_of; // by event of the block, where in its group it was counted
  uint32_t *marked;  // the block's events of marked touchpoints, in their order
  uint32_t marked_count;
  double *score_of;  // by journey of the block, NaN without one; filled when there is a score
  uint32_t events_capacity;
} map_state;

// The row of the kernel table.
extern const ds_kernel ds_map_kernel;

// The stage of an event of a touchpoint in a case that is in stage `current`; its cell.
static inline uint32_t map_stage(const map_touchpoint *touchpoint, uint32_t current) {
  return touchpoint->stage | (current & touchpoint->follow);
}

static inline uint32_t map_cell_of(const map_touchpoint *touchpoint, uint32_t stage) {
  return touchpoint->cell + (stage & touchpoint->follow);
}

// The tally's cell of a stage or of a cell of a group.
static inline uint32_t map_tally_stage(const map_context *context, uint32_t group,
                                       uint32_t stage) {
  return group * (MAP_STAGES + context->cells) + stage;
}

static inline uint32_t map_tally_cell(const map_context *context, uint32_t group, uint32_t cell) {
  return group * (MAP_STAGES + context->cells) + MAP_STAGES + cell;
}

static inline void map_score_merge(map_score *into, const map_score *from) {
  ds_number_sum_merge(&into->sum, &from->sum);
  into->cases += from->cases;
}

// The mean of the scores that the events of journey j carry; false when none does.
bool ds_map_score(const map_context *context, const ds_block *block, uint32_t j,
                  double *ret_score);

#endif
