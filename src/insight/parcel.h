// SPDX-License-Identifier: Apache-2.0
// The fold of one order's events into its parcels. A parcel is a value of the case key parcel_id
// or, for events without one, tracking_number (which an event that carries both joins to that
// parcel); an order whose events carry neither is one parcel. Carriers that made a label each with
// one tracking number, or with none, have a parcel each. Invariants: (1) a state only moves
// forward, but for delivered -> returning, so late or repeated scans change history and never take
// a parcel back; (2) the order in which scans of one instant came in does not matter: they go
// by instant, then status, and one of the same instant and status counts once (of several, the
// first); (3) a fold as of T looks at no event behind T.
// May use base/ to question/. Needs journeys that are orders (ds_parcel_plan).
#ifndef DS_INSIGHT_PARCEL_H
#define DS_INSIGHT_PARCEL_H

#include "model/tracking.h"
#include "question/property.h"

// An instant that never came.
#define DS_NEVER INT64_MAX

// Where a parcel is. States further down are further on; those of one rank (ds_parcel_states) take
// turns, the latest holds.
typedef enum ds_parcel_state {
  DS_PARCEL_UNKNOWN, DS_PARCEL_ORDERED, DS_PARCEL_PREPARING, DS_PARCEL_LABELLED,
  DS_PARCEL_CANCELLED, DS_PARCEL_COLLECTED, DS_PARCEL_IN_TRANSIT, DS_PARCEL_HELD,
  DS_PARCEL_OUT_FOR_DELIVERY, DS_PARCEL_ATTEMPT_FAILED, DS_PARCEL_AVAILABLE_FOR_PICKUP,
  DS_PARCEL_LOST, DS_PARCEL_DELIVERED, DS_PARCEL_RETURNING, DS_PARCEL_RETURNED,
  DS_PARCEL_STATES_COUNT
} ds_parcel_state;

// Whose silence means something.
typedef enum ds_parcel_silence { DS_SILENCE_NONE, DS_SILENCE_LABEL, DS_SILENCE_CARRIER }
    ds_parcel_silence;

// One state: its name ("out_for_delivery") and rank, what its silence means, whether the parcel is
// still on its way to the customer, and its meaning in words.
typedef struct ds_parcel_state_row {
  const char *name;
  uint8_t rank;
  ds_parcel_silence silence;
  bool open;
  const char *meaning;
} ds_parcel_state_row;
extern const ds_parcel_state_row ds_parcel_states[DS_PARCEL_STATES_COUNT];

// What an event can tell of a parcel, as bits.
enum {
  DS_STATUS_SCAN = 1,      // somebody saw the parcel: silence begins anew
  DS_STATUS_EXCEPTION = 2, // something went wrong
  DS_STATUS_ATTEMPT = 4,   // the carrier was at the door, or left it to the customer to fetch it
  DS_STATUS_ORDER = 8,     // without a parcel key it holds for all parcels of the order
};

// A touchpoint that tells of parcels; the table is in the order of statuses at one instant.
typedef struct ds_parcel_status {
  const char *touchpoint;
  ds_parcel_state state; // UNKNOWN: moves nothing
  uint8_t tells;
} ds_parcel_status;
extern const ds_parcel_status ds_parcel_statuses[];
extern const uint32_t ds_parcel_statuses_count;

// A promised day, instant or window of hours. Kept by an instant t exactly when t < end_ms.
typedef struct ds_promise {
  int64_t end_ms;  // for a day the beginning of the next one in its zone; else 1 ms later than
                   // promised. DS_NEVER: there is none
  int64_t from_ms; // of a window of instants or hours its first one; else INT64_MIN
  int64_t day;     // the promised day, in days since 1970 in its zone
  int64_t from_day; // of a window of days its first; else the same as `day`
  bool is_day;     // a day as a whole
  uint8_t column;  // the fold's own: what it was read from
  const ds_zone *zone; // of where the parcel goes, else its carrier's, else the store's
  int64_t told_ms; // when
  uint32_t event;  // by which; DS_NONE: there is none
} ds_promise;

// What is derived from a parcel's story rather than told by an event.
typedef enum ds_derived_kind {
  DS_DERIVED_STALLED, DS_DERIVED_AT_RISK, DS_DERIVED_MISSED, DS_DERIVED_LOST, DS_DERIVED_COUNT
} ds_derived_kind;
// Their touchpoints: "shipment_stalled", "promise_at_risk", "promise_missed", "shipment_lost".
extern const char *const ds_derived_touchpoints[DS_DERIVED_COUNT];

// What became true of a parcel, and when. A parcel can be stalled several times.
typedef struct ds_derived {
  int64_t time_ms;
  uint32_t parcel; // of the order's
  ds_derived_kind kind;
} ds_derived;

// Something that went wrong with a parcel; the event's property `reason` says why.
typedef struct ds_parcel_exception {
  uint32_t parcel;
  uint32_t status; // row of ds_parcel_statuses
  uint32_t event;
} ds_parcel_exception;

// What moved a parcel to another state.
typedef struct ds_parcel_move {
  uint32_t parcel; // DS_NONE: the order as a whole
  ds_parcel_state state;
  uint32_t event;
} ds_parcel_move;

// One parcel as of the fold's instant. Instants are DS_NEVER when that has not happened, events are
// indexes into the block, DS_NONE when there is none.
typedef struct ds_parcel {
  ds_str key;     // parcel_id or tracking_number, when texts are wanted; empty: it has none
  uint64_t hash;  // of that text; 0: it has none
  ds_parcel_state state;
  int64_t state_ms;     // since when
  uint32_t state_event; // that brought the state
  uint32_t last_event;  // the latest that told anything of this parcel: its raw status is there
  uint32_t scans;       // different ones
  uint32_t exceptions;  // of them
  uint32_t attempts_failed;
  int64_t labelled_ms;     // first label_created
  int64_t prepared_ms;     // the same, or order_picked or order_packed of it or the whole order
  int64_t carried_ms;      // first sign that the carrier has it: handed over, "shipped"
  int64_t out_ms;          // first out_for_delivery
  int64_t attempt_ms;      // first attempt: failed, left to be fetched, or delivered
  int64_t delivered_ms;    // to the customer; what comes after return_to_sender is not
  int64_t cancelled_ms;
  int64_t returning_ms;    // first return_to_sender or return_in_transit
  int64_t last_scan_ms;    // before which silence is counted
  ds_promise original;     // the first promise, of the parcel or its order
  ds_promise current;      // the latest promise or estimate before delivery
  ds_promise current_tried; // the latest before the first attempt; the same until there is one
  int64_t slipped_ms;      // first estimate behind the original promise
  int64_t stalled_ms;      // since when it is stalled now
  int64_t lost_ms;         // since when it counts as lost now, for its silence
  int64_t at_risk_ms;      // when the promise became doubtful
  int64_t missed_ms;       // when it was missed
  // Delivered, and before it no attempt failed, nothing was left at a pickup point, nothing went
  // wrong after the parcel was on the van, nor was it on the van again more than a day later.
  bool first_try;
} ds_parcel;

// One order and its parcels, those with keys in the order of their first events. Valid until the
// next fold.
typedef struct ds_parcels {
  const ds_parcel *parcel;
  uint32_t count; // 0: no event of the journey tells of an order or a parcel
  const ds_parcel_exception *exceptions;
  uint32_t exceptions_count;
  const ds_parcel_move *moves; // by instant
  uint32_t moves_count;
  const ds_derived *derived; // by parcel, then time, then kind
  uint32_t derived_count;
  int64_t placed_ms;    // first order_placed
  uint32_t placed_event;
  uint32_t unplaced;    // scans that name none of several parcels: they tell of none
  uint32_t unread;      // promises with hours that cannot be read
} ds_parcels;

// What folds read, made once and shared by threads.
typedef struct ds_parcel_rules ds_parcel_rules;

// The key whose values are orders: order_id, else parcel_id, else tracking_number, whichever events
// carry; NULL: none of them.
const char *ds_parcel_order_key(const ds_snapshot *snapshot);

// The request as one about orders: unless it says --case, by that key; without one a customer
// is an order. The copy lives in the request's arena.
DS_CHECKED ds_code ds_parcel_request(const ds_request *request, ds_request *ret_request,
                                     ds_error *err);

// Adds what folds read to the plan of such a request: time, touchpoint, the parcel keys and the
// promise. `promise` names a property (NULL: the first of ds_promise_names that events carry);
// DS_EXPRESSION when it is neither a day nor an instant; by_day takes an instant for its day.
// `limits` NULL: the request's. Folds look at events until now_ms. Lives in the request's arena.
DS_CHECKED ds_code ds_parcel_plan(const ds_request *request, ds_plan *plan, const char *promise,
                                  bool by_day, const ds_tracking_limits *limits, int64_t now_ms,
                                  const ds_parcel_rules **ret_rules, ds_error *err);

// The name of the property that promises are read from; NULL: there is none.
const char *ds_parcel_rules_promise(const ds_parcel_rules *rules);

// Whether events name carriers, which can tell parcels apart.
bool ds_parcel_rules_have_carriers(const ds_parcel_rules *rules);

// Whether promises have hours, or a zone that is not the store's.
bool ds_parcel_rules_are_local(const ds_parcel_rules *rules);

// One thread's folding.
typedef struct ds_parcel_fold ds_parcel_fold;
DS_CHECKED ds_code ds_parcel_fold_new(const ds_parcel_rules *rules, ds_parcel_fold **ret_fold,
                                      ds_error *err);
void ds_parcel_fold_free(ds_parcel_fold *fold);

// Begins a block; then its journeys are folded, each at most once, in any order. DS_MEMORY.
DS_CHECKED ds_code ds_parcel_fold_begin(ds_parcel_fold *fold, const ds_block *block, ds_error *err);
DS_CHECKED ds_code ds_parcel_fold_journey(ds_parcel_fold *fold, uint32_t journey,
                                          ds_parcels *ret_parcels, ds_error *err);

// What the parcels of the journey folded last carry: begins before its events; takes those until an
// instant, not before the one before it. DS_MEMORY. `refs` stay the caller's and must outlive the
// questions below.
DS_CHECKED ds_code ds_parcel_values_begin(ds_parcel_fold *fold, uint32_t journey,
                                          const ds_property_ref *refs, uint32_t count,
                                          ds_error *err);
DS_CHECKED ds_code ds_parcel_values_until(ds_parcel_fold *fold, int64_t time_ms, ds_error *err);

// The event that tells a parcel's value of refs[k]: its latest own one, else the first of its
// order's that name no parcel; its latest status and scan, else its order's. DS_NONE: there is
// none.
uint32_t ds_parcel_value_event(ds_parcel_fold *fold, uint32_t parcel, uint32_t k);
uint32_t ds_parcel_status_event(ds_parcel_fold *fold, uint32_t parcel);
uint32_t ds_parcel_scan_event(ds_parcel_fold *fold, uint32_t parcel);

#endif
