// SPDX-License-Identifier: Apache-2.0
// Snapshot -> blocks of whole journeys, in parallel: decode, merge places, filter, regroup by a
// case key, keep the period; each block goes to a kernel's per-thread state; states are merged at
// the end. May use base/, io/, model/, lang/, store/. A scan changes nothing and may run beside
// others on one snapshot.
#ifndef DS_SCAN_SCAN_H
#define DS_SCAN_SCAN_H

#include "base/progress.h"
#include "lang/case.h"
#include "model/worktime.h"
#include "store/store.h"

// What a period selects (SEMANTICS): whole cases with an event in it, with the first in it
// (default), with the last in it, or single events.
typedef enum ds_range { DS_RANGE_STARTED, DS_RANGE_TOUCHING, DS_RANGE_COMPLETED, DS_RANGE_EVENTS }
    ds_range;

// Chooses journeys by their events as the stages before left them: `mark` sets the bit (LSB first)
// of every event of a journey that stays, in `keep`, which is zeroed. Called by any thread.
typedef struct ds_choice {
  ds_code (*mark)(const void *context, const ds_block *block, uint64_t *keep, ds_error *err);
  const void *context;
} ds_choice;

// Makes nodes of events: fills node[events]. Called by any thread.
typedef struct ds_recode {
  ds_code (*run)(const void *context, const ds_block *block, uint16_t *node, ds_error *err);
  const void *context;
} ds_recode;

// What to scan. Zeroed = everything, journeys are customers.
typedef struct ds_plan {
  ds_columns columns;       // what the kernel reads; scan adds what its own stages need
  const ds_expression *where; // events that stay; NULL = all
  bool has_case;            // regroup by case key `case_key` (code of the snapshot's space)
  uint16_t case_key;
  // an event without the key joins the latest case before it, within 30 days
  bool attach_nearest;
  // The plan's keys stay after regrouping, loose (model/block.h); and an event without the case key
  // joins the cases of the first event of its customer with the case key and a value of its own of
  // another of the plan's keys: a scan that names the parcel alone, the order of that parcel.
  bool keys_linked;
  // Cases that meet all its rules, which are conditions, at now_ms stay; NULL = all. They look at
  // what `where` leaves of a case.
  const ds_case_program *cases;
  const uint8_t *hidden; // by touchpoint: whether only `cases` sees its events; NULL: none is so
  int64_t now_ms;
  bool has_from, has_to;    // [from_ms, to_ms)
  int64_t from_ms, to_ms;
  ds_range range;
  const ds_choice *choice;  // the last stage: journeys by times and touchpoints; NULL = all stay
  const ds_worktime *worktime; // gaps are of working time; NULL = of all time
  const ds_recode *recode;  // the blocks' nodes; NULL = touchpoints
  // One customer alone, by the number of a subject of it: nothing else is read.
  bool has_customer;
  uint32_t customer;
  bool separate;            // each subject is a customer by itself, whoever is joined
  // Bits of touchpoints: blocks without an event of any of them may be left out. NULL: none may.
  const uint64_t *needed;
  const struct ds_derivation *derive; // virtual events (scan/derive.h); NULL: there are none
  bool want_case_text;      // fill case_text of regrouped blocks (key columns do not survive)
  uint32_t threads;
  ds_progress *progress;
} ds_plan;

// What a question does with blocks: a row of a table (ARCHITECTURE, "Block"). `context` is the
// question's own options, read-only (decision 47 has the one exception, which locks itself). One
// state per thread, each in its own arena; add_block is called with blocks in no defined order,
// merge folds `from` into `into` and keeps no pointer into the other's arena. No figure may depend
// on the order. done must bear a state whose init failed.
typedef struct ds_kernel {
  const char *name;
  size_t state_size; // zeroed memory given to init
  ds_code (*init)(void *state, const void *context, ds_arena *arena, ds_error *err);
  ds_code (*add_block)(void *state, const ds_block *block, ds_error *err);
  ds_code (*merge)(void *into, void *from, ds_error *err);
  void (*done)(void *state); // frees what is not in the arena; may be NULL
} ds_kernel;

// Runs the kernel over the snapshot. On success *ret_state is the merged state, living in
// `arena`; the caller calls kernel->done on it. Memory of all states together stays within
// `arena`'s limit.
DS_CHECKED ds_code ds_scan(const ds_snapshot *snapshot, const ds_plan *plan,
                           const ds_kernel *kernel, const void *context, ds_arena *arena,
                           void **ret_state, ds_error *err);

// Runs over about one in `stride` of the scan's work units, evenly spread, but over at least 16
// of them (or all): a sample of whole blocks.
DS_CHECKED ds_code ds_scan_sample(const ds_snapshot *snapshot, const ds_plan *plan,
                                  uint32_t stride, const ds_kernel *kernel, const void *context,
                                  ds_arena *arena, void **ret_state, ds_error *err);

#endif
