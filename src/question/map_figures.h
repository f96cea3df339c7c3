// SPDX-License-Identifier: Apache-2.0
// What the journey map tells besides the walk through the stages: promises kept, the channels of
// touchpoints, and how many that were asked have an answer, and how soon. A kernel around that of
// the walk (map_kernel.h), for stores that have any of the three: others pay nothing. Private to
// question/. May use base/ to scan/. Invariants: as of map_kernel.h; a promise and an answer never
// cross from one case to another.
#ifndef DS_QUESTION_MAP_FIGURES_H
#define DS_QUESTION_MAP_FIGURES_H

#include "question/map_kernel.h"
#include "question/question.h"

// More channels than these are no channels; so many are named, the rest is "other".
enum { MAP_CHANNELS_MAX = 256, MAP_CHANNELS_NAMED = 3, MAP_MIX_BYTES = 1024 };

// What a touchpoint asks and answers: the touchpoints of the store that ask are numbered.
typedef struct map_role {
  uint64_t answers; // a bit per number
  uint32_t asks;    // its number, DS_NONE: it asks nothing, or nothing of the store answers it
} map_role;

static_assert(DS_ASKS_MAX <= 64, "an answer has a bit for each that asks");

// What is told of a store; read-only while the kernel runs.
typedef struct map_figures {
  const map_context *map;
  const ds_request *request;
  bool has_promise;
  ds_property_ref promise; // a day, kept on that day of the store's zone, or an instant
  bool is_day;
  uint32_t delivered;      // code of the touchpoint; DS_NONE: none yet
  bool has_channel;
  ds_property_ref channel;
  uint32_t asks; // how many touchpoints ask
  const map_role *role; // by touchpoint
  const ds_tally_cell *windows;
  const ds_refine *refine; // a further pass for the times of answers
} map_figures;

// Deliveries of a group, and the scores of the cases that had all promises kept, or a late one.
typedef struct map_promises {
  uint64_t deliveries;
  uint64_t promised;
  uint64_t kept;
  map_score score_kept;
  map_score score_late;
} map_promises;

// Answers of a cell.
typedef struct map_answered {
  uint64_t cases;     // with an answer behind one of its events
  uint64_t last_case; // number of the one that came last, so that each counts once
} map_answered;

// One thread's state, or the merged one.
typedef struct map_figures_state {
  map_state map; // of the walk; first, so that this is one too
  const map_figures *figures;
  map_promises *promises; // by group
  ds_names channels;
  uint64_t *mix; // events, [groups * cells][mix_width] by channel
  uint32_t mix_width;
  bool mix_lost; // there are too many channels to tell
  ds_tally answers; // by groups * cells
  map_answered *answered; // the same; NULL when nothing asks
  uint32_t *linked; // by event that asks: the one before that asks the same, not answered either
  uint32_t linked_capacity;
} map_figures_state;

// The row of the kernel table; its context is a map_figures.
extern const ds_kernel ds_map_figures_kernel;

// Reads what the store has into *ret_figures, adds it to the plan's columns, and marks those
// touchpoints of the map (unless NULL) whose events it looks at one by one. Warns in *result
// (unless NULL) of a promise that is no day. DS_EXPRESSION for a --promise that cannot be one.
DS_CHECKED ds_code ds_map_figures_read(const ds_request *request, const map_context *map,
                                       ds_plan *plan, map_figures *ret_figures,
                                       ds_result *result, ds_error *err);

// Whether there is anything to tell.
static inline bool map_figures_any(const map_figures *figures) {
  return figures->has_promise || figures->has_channel || figures->asks > 0;
}

// What became of an event's promise.
typedef enum map_fate { MAP_FATE_NONE, MAP_FATE_UNPROMISED, MAP_FATE_KEPT, MAP_FATE_LATE } map_fate;

// The promise of a case so far; zeroed at its beginning.
typedef struct map_promise {
  bool any;
  bool fulfilled; // a delivery came since
  int64_t until;
} map_promise;

// What event e, in the order of its case, is: no delivery, or one of what fate. Its promise is the
// first since the delivery before, else the one that that had.
map_fate ds_map_fate(const map_figures *figures, const ds_block *block, uint32_t e,
                     map_promise *promise);

// "web 61 %, app 39 %": the channels of a cell of a group, of its events that tell one; empty when
// none does.
size_t ds_map_mix(const map_figures_state *state, uint32_t group, uint32_t index,
                  char out[MAP_MIX_BYTES]);

#endif
