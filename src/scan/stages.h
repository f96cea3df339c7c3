// SPDX-License-Identifier: Apache-2.0
// The stages between decoding and a kernel: each takes a block and gives a block, its own or, when
// nothing changes, the one it was given. Order: select (cut and filter), regroup, cases, period,
// choice. What selects events only marks them: the first stage that copies leaves the others out.
// May use base/ to store/. Used by one thread.
#ifndef DS_SCAN_STAGES_H
#define DS_SCAN_STAGES_H

#include "model/time.h"
#include "scan/assemble.h"
#include "scan/scan.h"

// An event without the case key joins the latest case at most this long before it.
#define DS_ATTACH_MS (30 * DS_DAY_MS)

// Buffers of one stage.
typedef struct ds_stage_room {
  ds_assembly assembly;
  uint64_t *keep;
  uint32_t *index;
  uint32_t *event; // of each item
  uint32_t *offset;
  uint32_t *journey;
  uint32_t *first; // regroup with attached events: items per event
  uint32_t *item;
  uint32_t *link; // of each value of each key: the event by which it joins a case
  ds_key_column *key; // of `block`, when keys are linked
  uint32_t events_capacity;
  uint32_t journeys_capacity;
  uint32_t items_capacity;
  uint32_t links_capacity;
  ds_block block; // a view of the source with other journeys
} ds_stage_room;

// Empty buffers for blocks of `columns`; done gives them back, also after a failed init.
DS_CHECKED ds_code ds_stage_init(ds_stage_room *room, const ds_columns *columns, ds_error *err);
void ds_stage_done(ds_stage_room *room);

// Marks the events that a cut leaves, whose clocks the block has, and that the expression of the
// evaluator (NULL: all) means. A bit of *ret_keep for each event, which the caller may clear; valid
// until the next use of the room.
DS_CHECKED ds_code ds_stage_select(ds_stage_room *room, const ds_cut *cut, ds_evaluator *evaluator,
                                   const ds_block *block, uint64_t **ret_keep, ds_error *err);

// Makes the block of the events that ds_stage_select marked in the same room; journeys left without
// are dropped.
DS_CHECKED ds_code ds_stage_compact(ds_stage_room *room, const ds_block *block,
                                    const ds_block **ret_block, ds_error *err);

// How cases are made; see ds_plan for the last three.
typedef struct ds_regrouping {
  uint32_t key; // column of the case key
  const uint64_t *keep; // bits of the events that count; NULL: all
  bool attach_nearest;
  bool keys_linked;
  bool texts;
} ds_regrouping;

// Journeys become cases: one per value of the case key, in the order of the values. An event with
// several values is in several cases, one without is in none unless it is attached or linked. Cases
// stand where their customer stood; key columns survive only when linked.
DS_CHECKED ds_code ds_stage_regroup(ds_stage_room *room, const ds_regrouping *how,
                                    const ds_block *block, const ds_block **ret_block,
                                    ds_error *err);

// Keeps the journeys that meet all rules of the plan's cases, which the evaluator is of, at its
// instant; of these, the events that are not hidden.
DS_CHECKED ds_code ds_stage_cases(ds_stage_room *room, const ds_plan *plan,
                                  ds_case_evaluator *evaluator, const ds_block *block,
                                  const ds_block **ret_block, ds_error *err);

// Keeps the journeys (or with DS_RANGE_EVENTS the events) that the plan's period selects.
DS_CHECKED ds_code ds_stage_period(ds_stage_room *room, const ds_plan *plan,
                                   const ds_block *block, const ds_block **ret_block,
                                   ds_error *err);

// Keeps the journeys that the choice marks.
DS_CHECKED ds_code ds_stage_choice(ds_stage_room *room, const ds_choice *choice,
                                   const ds_block *block, const ds_block **ret_block,
                                   ds_error *err);

#endif
