// SPDX-License-Identifier: Apache-2.0
// The model behind the simulated shop: what one customer goes through, as a list of events. Pure:
// the events of a customer depend on the seed and the customer's number alone, and only integers
// are used, so every machine and any number of threads makes the same. Effects and their sizes:
// docs/simulator.md. May use base/, model/.
#ifndef DS_INGEST_SIMULATE_SHOP_H
#define DS_INGEST_SIMULATE_SHOP_H

#include <stdint.h>

// The touchpoints, in the order of a smooth order.
typedef enum ds_shop_touchpoint {
  DS_SHOP_ORDER_PLACED, DS_SHOP_PAYMENT_APPROVED, DS_SHOP_LABEL_CREATED,
  DS_SHOP_CARRIER_COLLECTED, DS_SHOP_SHIPMENT_IN_TRANSIT, DS_SHOP_SHIPMENT_DELAYED,
  DS_SHOP_TRACKING_PAGE_VIEWED, DS_SHOP_OUT_FOR_DELIVERY, DS_SHOP_DELIVERY_ATTEMPT_FAILED,
  DS_SHOP_DELIVERED, DS_SHOP_SUPPORT_TICKET_OPENED, DS_SHOP_SUPPORT_FIRST_RESPONSE,
  DS_SHOP_SUPPORT_TICKET_RESOLVED, DS_SHOP_SURVEY_SENT, DS_SHOP_REVIEW_SUBMITTED,
  DS_SHOP_TOUCHPOINTS_COUNT
} ds_shop_touchpoint;

// Limits of the model.
enum {
  DS_SHOP_CARRIERS = 3,
  DS_SHOP_ORDERS_MAX = 16,          // of one customer
  DS_SHOP_ORDER_EVENTS_MAX = 48,    // of one order
  DS_SHOP_CUSTOMER_EVENTS_MAX = DS_SHOP_ORDERS_MAX * DS_SHOP_ORDER_EVENTS_MAX,
};

// The names behind the numbers; index 0 of reason, channel and carrier means "none".
extern const char *const ds_shop_touchpoint_names[DS_SHOP_TOUCHPOINTS_COUNT];
extern const char *const ds_shop_carrier_names[DS_SHOP_CARRIERS + 1];
extern const char *const ds_shop_state_names[];
extern const char *const ds_shop_reason_names[];
extern const char *const ds_shop_channel_names[];

// One event. `order` numbers the customer's orders from 0.
typedef struct ds_shop_event {
  int64_t time_ms;
  uint32_t value_cents; // 0 = no value
  int32_t promise_day;  // days since 1970; 0 = none
  uint8_t touchpoint;
  uint8_t order;
  uint8_t parcel;  // 1, 2; 0 = not of a parcel
  uint8_t ticket;  // 1 = of the order's ticket
  uint8_t carrier; // 0 = none
  uint8_t state;   // where the order goes; shown on order_placed
  uint8_t reason;  // 0 = none
  uint8_t stars;   // 0 = none
  uint8_t channel; // 0 = none
} ds_shop_event;

// Tables made once from the constants of the model; read-only afterwards.
typedef struct ds_shop {
  uint64_t seed;
  uint16_t day[8192];    // equally likely draws of a first order's day
  uint8_t hour[1024];    // of an order's hour
  uint8_t evening[1024]; // of a tracking view's hour
  uint8_t weekday[1024]; // of an order's weekday, 0 = Sunday
  uint8_t milliseconds;
} ds_shop;

// Fills the tables.
void ds_shop_init(ds_shop *shop, uint64_t seed, int milliseconds);

// The events of customer `customer` with at most orders_max of its orders, by time; `events` has
// room for DS_SHOP_CUSTOMER_EVENTS_MAX. Returns how many; *ret_orders is at least 1.
uint32_t ds_shop_customer(const ds_shop *shop, uint64_t customer, uint32_t orders_max,
                          ds_shop_event *events, uint32_t *ret_orders);

// The next number of a splitmix64 generator (S. Vigna, public domain) and its mixing step.
uint64_t ds_shop_mix(uint64_t value);

#endif
