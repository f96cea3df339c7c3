// SPDX-License-Identifier: Apache-2.0
// What folds of parcels read, as parcel_rules.c finds it in a snapshot. Private to insight/parcel*.
// May use base/ to question/.
#ifndef DS_INSIGHT_PARCEL_RULES_H
#define DS_INSIGHT_PARCEL_RULES_H

#include "insight/parcel.h"
#include "question/property.h"

// A touchpoint that tells nothing of a parcel.
#define PARCEL_NO_STATUS 0xffu

// How values of a property tell a day or an instant of delivery.
typedef struct parcel_promise_column {
  ds_property_ref property;
  bool is_given; // some event carries it, as a day or an instant
  bool is_estimate; // it may revise a promise and makes none
} parcel_promise_column;

// The promise, shipment_delayed.new_edd and edd_changed.new.
enum { PARCEL_PROMISE_COLUMNS = 3 };

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
  bool key_texts;
  parcel_promise_column promise[PARCEL_PROMISE_COLUMNS];
  parcel_promise_column from; // the first day of a window
};

// The row of ds_parcel_statuses that places an order.
#define PARCEL_PLACED 0u

#endif
