// SPDX-License-Identifier: Apache-2.0
// One order of the simulated shop under way, shared by its two halves: up to the delivery
// (simulate_shop.c), and what people then do (simulate_after.c). May use base/,
// ingest/simulate_*.
#ifndef DS_INGEST_SIMULATE_SHOP_H
#define DS_INGEST_SIMULATE_SHOP_H

#include "ingest/simulate_walk.h"

// A customer's traits, drawn once.
typedef struct ds_shop_customer {
  uint8_t state; // 0..6
  bool machine_opens;
  bool notice, review, offer; // true = treatment, false = held out
} ds_shop_customer;

// An order; times in seconds since 1970, days since 1970.
typedef struct ds_shop_order {
  const ds_shop_customer *customer;
  uint8_t number;   // of the customer, from 0
  uint8_t category; // 0..2
  uint8_t carrier;  // 0..2
  uint8_t parcels;
  uint8_t tickets;
  bool high_value, express, cancelled, noticed, slow;
  uint32_t value_cents;
  int64_t day, placed, approved, labelled, collected;
  int64_t promise_day;
  int64_t late_days; // of the latest parcel
  int64_t first_attempt;
  int64_t delivered; // the last parcel; of a cancelled order its end
  int64_t settled;   // when the last ticket was solved, or `delivered`
} ds_shop_order;

// The event's case: parcel 0 = none.
ds_sim_event *ds_shop_add(ds_sim_walk *walk, const ds_shop_order *order,
                          ds_sim_touchpoint touchpoint, int64_t time_s, uint8_t parcel);

// The opens and clicks of an e-mail sent at `sent` about an order; `clicked` = sent for an e-mail
// without clicks. Returns when a link was followed, 0 = never.
int64_t ds_shop_open_email(ds_sim_walk *walk, const ds_shop_order *order,
                           ds_sim_touchpoint opened, ds_sim_touchpoint clicked, int64_t sent,
                           ds_sim_word rule);

// A message to the customer by a rule, with its opens and clicks; returns as above.
int64_t ds_shop_notify(ds_sim_walk *walk, const ds_shop_order *order, ds_sim_word rule,
                       int64_t sent);

// One visit of the tracking page.
void ds_shop_visit(ds_sim_walk *walk, const ds_shop_order *order, int64_t time_s);

// All that follows from an order: visits, tickets, reviews, returns, the offer.
void ds_shop_after(ds_sim_walk *walk, ds_shop_order *order);

#endif
