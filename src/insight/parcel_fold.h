// SPDX-License-Identifier: Apache-2.0
// The fold of parcels as its parts share it: parcel_find.c gives events to parcels,
// parcel_promise.c reads what they promise, parcel.c applies what they tell. Private to
// insight/parcel*. May use base/ to question/.
#ifndef DS_INSIGHT_PARCEL_FOLD_H
#define DS_INSIGHT_PARCEL_FOLD_H

#include "base/map.h"
#include "insight/parcel_rules.h"

// Days whose beginning is remembered.
enum { PARCEL_DAYS_KEPT = 256 };

// Which parcel of the order a key's value is, when `epoch` is that of the journey in hand.
typedef struct parcel_slot {
  uint32_t epoch;
  uint32_t parcel;  // DS_NONE: not made yet
  uint64_t carrier; // of the first label with this tracking number, 0 for none
  bool shared;      // another carrier has a label of it: a parcel for each (fold->shared)
  bool changed;     // it changed carriers: one parcel
} parcel_slot;

// What a parcel needs while it is folded.
typedef struct parcel_making {
  int64_t seen_ms;      // the latest instant
  uint64_t seen;        // statuses at it
  int64_t stalled_from; // the scan whose silence was told
  int64_t lost_from;
  bool troubled;        // something went wrong at the door
  bool has_place;       // where it goes is known to the settings
  const ds_zone *place; // the zone there
  uint64_t carrier;     // the first that an event names, 0 for none
  uint32_t first;       // its rules
  uint32_t now;         // those of the carrier that a scan named last, DS_NONE for none yet
  ds_promise told_tried; // the order's latest promise before the first attempt
  ds_promise told_came;  // and before delivery
} parcel_making;

// One thread's folding; see parcel.h.
struct ds_parcel_fold {
  const ds_parcel_rules *rules;
  const ds_block *block;
  parcel_slot *slots[2]; // of the parcel key and of the tracking key
  uint32_t slots_capacity[2];
  uint32_t epoch;
  ds_map64 shared;    // parcels of tracking numbers that carriers share, by number and carrier
  ds_map64 carriers;  // the parcel of each carrier that has one, PARCEL_SEVERAL
  uint32_t pending;   // carriers with a label without a key, and no parcel yet
  bool loose_changed; // an order without keys changed carriers
  ds_str named;       // the carrier read last, its number and its rules
  uint64_t named_hash;
  uint32_t named_rules;
  ds_parcel *parcel; // of the order, [0] stands for the order as a whole
  parcel_making *making;
  uint32_t count; // with [0]
  uint32_t capacity;
  ds_parcel_exception *exceptions;
  uint32_t exceptions_count, exceptions_capacity;
  ds_parcel_move *moves;
  uint32_t moves_count, moves_capacity;
  ds_derived *derived;
  uint32_t derived_count, derived_capacity;
  int64_t placed_ms;
  uint32_t placed_event;
  uint32_t unplaced;
  uint32_t unread;
  const ds_property_ref *value_ref; // see ds_parcel_values_begin
  uint32_t value_refs;
  uint32_t value_next, value_end; // events
  uint32_t *value_event;          // [parcel with the order][value_refs and two more]
  size_t values_capacity;
  int64_t day[PARCEL_DAYS_KEPT]; // days of zones whose beginning is known, DS_NEVER for none
  const ds_zone *day_zone[PARCEL_DAYS_KEPT];
  int64_t day_ms[PARCEL_DAYS_KEPT];
};

// What of an event is applied to a parcel, [0] the order.
typedef ds_code (*parcel_apply)(ds_parcel_fold *fold, uint32_t p, uint32_t s, uint32_t e,
                                ds_error *err);

// DS_MEMORY.
ds_code ds_parcel_no_memory(ds_error *err);

// The column of a key in the block in hand, 0 the parcel's and 1 the tracking number's; NULL where
// there is none.
static inline const ds_key_column *ds_parcel_key_of(const ds_parcel_fold *fold, uint32_t which) {
  const uint32_t column = which == 0 ? fold->rules->parcel_key : fold->rules->tracking_key;
  return column == DS_NONE ? NULL : &fold->block->key[column];
}

// Makes the parcels that events [first, last) tell of, behind [0], and says whose they are.
DS_CHECKED ds_code ds_parcel_find(ds_parcel_fold *fold, uint32_t first, uint32_t last,
                                  ds_error *err);

// Event `e` to the parcels that it names, else to the order or to its one parcel. *ret_unplaced
// counts it when it is neither's.
DS_CHECKED ds_code ds_parcel_place(ds_parcel_fold *fold, parcel_apply event_apply, uint32_t e,
                                   uint32_t *ret_unplaced, ds_error *err);

// The rules of the carrier that an event names, DS_NONE when it names none.
uint32_t ds_parcel_carrier_rules(ds_parcel_fold *fold, uint32_t e);

// The rules of the carrier that a parcel was given to, else its order.
static inline const parcel_carrier *ds_parcel_first_carrier(const ds_parcel_fold *fold,
                                                            uint32_t p) {
  const parcel_making *of = &fold->making[p];
  return &fold->rules->carrier[of->carrier != 0 ? of->first : fold->making[0].first];
}

// No promise.
static const ds_promise ds_parcel_no_promise = {
    .end_ms = DS_NEVER, .from_ms = INT64_MIN, .event = DS_NONE};

// What event `e` promises parcel `p`, or with p == 0 the whole order; whether it promises anything.
DS_CHECKED ds_code ds_parcel_promise(ds_parcel_fold *fold, uint32_t p, uint32_t s, uint32_t e,
                                     ds_error *err);
bool ds_parcel_promises(const ds_parcel_fold *fold, uint32_t e);

// A promise of the order as it holds for parcel `p`, in whose zone its day may end otherwise.
ds_promise ds_parcel_promise_for(ds_parcel_fold *fold, const ds_promise *promise, uint32_t p);

#endif
