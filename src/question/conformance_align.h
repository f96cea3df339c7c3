// SPDX-License-Identifier: Apache-2.0
// The cheapest way to read a case as a run of a pattern (an alignment): each event is a step of the
// pattern, free, or inserted; each step of the run without an event is skipped. Inserting and
// skipping cost 1. A step that the pattern can do without where it stands is never skipped.
// Private to question/. May use base/ to lang/.
//
// Of equally cheap ways the one is taken that, from the first event on, prefers: an event that is
// a step (the earlier step of the pattern first), a free event, a skipped step (the earlier first),
// an inserted event. So the alignment is unique. Times play no part in it.
//
// A free event costs nothing, but may not lie right before a step that follows `immediately`, nor
// before the first step of a pattern with ^, nor behind the last of one with $.
#ifndef DS_QUESTION_CONFORMANCE_ALIGN_H
#define DS_QUESTION_CONFORMANCE_ALIGN_H

#include "lang/pattern.h"

// Longer sequences are not aligned: room and time grow with their length times the pattern's.
enum { DS_ALIGN_EVENTS_MAX = 4096 };

// An event as the pattern sees it.
typedef struct ds_align_event {
  uint64_t states; // bits of states whose selector means it
  bool free;
} ds_align_event;

// What a move does.
typedef enum ds_align_kind { DS_ALIGN_STEP, DS_ALIGN_FREE, DS_ALIGN_SKIP, DS_ALIGN_INSERT }
    ds_align_kind;

// One move: `state` of a step or a skip, `event` the one read or, of a skip, the next one.
typedef struct ds_align_move {
  ds_align_kind kind;
  uint32_t state;
  uint32_t event;
} ds_align_move;

// What one thread aligns with.
typedef struct ds_aligner {
  const ds_pattern *pattern;
  uint64_t next[DS_PATTERN_STATES + 1]; // by place: 0 the beginning, s + 1 state s taken last
  uint64_t spare[DS_PATTERN_STATES + 1]; // what the path can do without there, likewise
  bool loops;                           // some group repeats: a state can follow a higher one
  uint16_t *cost;                       // by events read, place, and whether a free event came last
  uint32_t cost_capacity;               // events
  ds_align_move *move;                  // of the last alignment
  uint32_t moves;
} ds_aligner;

// Makes ready; done gives the memory back, also of a zeroed one.
void ds_aligner_init(ds_aligner *aligner, const ds_pattern *pattern);
void ds_aligner_done(ds_aligner *aligner);

// Aligns at most DS_ALIGN_EVENTS_MAX events: moves in order, and what they cost.
DS_CHECKED ds_code ds_align(ds_aligner *aligner, const ds_align_event *events, uint32_t count,
                            uint32_t *ret_cost, ds_error *err);

#endif
