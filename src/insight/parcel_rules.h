// SPDX-License-Identifier: Apache-2.0
// What folds of parcels read, as parcel_rules.c finds it in a snapshot. Private to insight/parcel*.
// May use base/ to question/.
#ifndef DS_INSIGHT_PARCEL_RULES_H
#define DS_INSIGHT_PARCEL_RULES_H

#include "insight/parcel.h"
#include "question/property.h"

// A touchpoint that tells nothing of a parcel.
#define PARCEL_NO_STATUS 0xffu

// A property that folds read.
typedef struct parcel_column {
  ds_property_ref property;
  bool is_given; // some event carries it, in a type that tells something
  bool is_estimate; // it may revise a promise and makes none
} parcel_column;

// Which. The first ones promise: the promise itself, shipment_delayed.new_edd, edd_changed.new and
// out_for_delivery.window_until.
enum {
  PARCEL_READ_PROMISE, PARCEL_READ_DELAYED, PARCEL_READ_CHANGED, PARCEL_READ_WINDOW,
  PARCEL_PROMISES,
  PARCEL_READ_FROM = PARCEL_PROMISES, // the first day, or instant, of a window
  PARCEL_READ_HOURS,                  // a window of hours of the promised day
  PARCEL_READ_CARRIER,
  PARCEL_READ_PLACE, // where it goes
  PARCEL_READS
};

// What holds for the parcels of a carrier; [0] for all that the settings do not name.
typedef struct parcel_carrier {
  uint64_t hash; // of its name
  const ds_tracking_limits *limits;
  const ds_worktime *worktime; // in which silence counts; NULL: all time counts
  bool has_zone;
  const ds_zone *zone; // of its promises
  ds_hours hours;      // in which it delivers what is promised for a day; until 0: none are said
} parcel_carrier;

// See parcel.h; read-only once made.
struct ds_parcel_rules {
  ds_tracking_limits limits;
  int64_t now_ms;
  const ds_zone *zone; // NULL: UTC
  bool by_day;
  const char *promise_name;
  const uint8_t *status; // of each touchpoint's code, PARCEL_NO_STATUS for none
  uint32_t parcel_key;   // columns of the block's keys, DS_NONE for none
  uint32_t tracking_key;
  uint32_t number_key; // which of the two, 0 or 1, is the tracking number; DS_NONE for none
  bool key_texts;
  uint8_t label_status, changed_status; // rows of ds_parcel_statuses
  bool is_local; // carriers, or the places where parcels go, have rules of their own
  const parcel_carrier *carrier;
  uint32_t carriers;
  parcel_column read[PARCEL_READS];
};

// The row of ds_parcel_statuses that places an order.
#define PARCEL_PLACED 0u

#endif
