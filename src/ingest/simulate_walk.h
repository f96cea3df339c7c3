// SPDX-License-Identifier: Apache-2.0
// One customer under way through a simulated world: dice, events so far, and how they come in:
// received late, twice, out of order. The events of a customer depend on the seed and the
// customer's number alone. May use base/, ingest/simulate_*.
#ifndef DS_INGEST_SIMULATE_WALK_H
#define DS_INGEST_SIMULATE_WALK_H

#include "ingest/simulate_dice.h"
#include "ingest/simulate_event.h"

// The calendar of the world.
enum {
  DS_SIM_DAY_S = 86400,
  DS_SIM_HOUR_S = 3600,
  DS_SIM_FIRST_DAY = 19358, // 2023-01-01, a Sunday
  DS_SIM_DAYS = 731,        // to 2024-12-31; what is received later is not there
};

// Tables made once; read-only afterwards.
typedef struct ds_sim_world {
  uint64_t seed;
  uint16_t day[8192];      // equally likely draws of a first order's day
  uint8_t hour[1024];      // of an order's hour
  uint8_t view_hour[1024]; // of a tracking view's hour
  uint8_t weekday[1024];   // of an order's weekday, 0 = Sunday
  bool milliseconds;       // times have milliseconds
  bool basic;              // each event once, by time, with customer and value only
} ds_sim_world;

// One customer's events as they were made, and the order in which they come in.
typedef struct ds_sim_journey {
  uint32_t count;
  uint32_t orders; // or subscriptions
  uint16_t sequence[DS_SIM_CUSTOMER_EVENTS_MAX];
  ds_sim_event events[DS_SIM_CUSTOMER_EVENTS_MAX];
} ds_sim_journey;

// A customer under way.
typedef struct ds_sim_walk {
  const ds_sim_world *world;
  uint64_t customer;
  ds_dice dice;
  ds_sim_journey *journey;
} ds_sim_walk;

// Fills the tables.
void ds_sim_world_init(ds_sim_world *world, uint64_t seed, bool milliseconds, bool basic);

// Makes the journey of one customer with at most orders_max (at least 1) orders.
typedef void ds_sim_make(const ds_sim_world *world, uint64_t customer, uint32_t orders_max,
                         ds_sim_journey *journey);
void ds_sim_shop(const ds_sim_world *world, uint64_t customer, uint32_t orders_max,
                 ds_sim_journey *journey);
void ds_sim_saas(const ds_sim_world *world, uint64_t customer, uint32_t orders_max,
                 ds_sim_journey *journey);

// Begins an empty journey; ends it: drops what comes after the end of the world, adds duplicates,
// and puts all in the order of coming in.
void ds_sim_begin(ds_sim_walk *walk, const ds_sim_world *world, uint64_t customer,
                  ds_sim_journey *journey);
void ds_sim_end(ds_sim_walk *walk);

// Adds an event, received at once; valid until the journey ends.
ds_sim_event *ds_sim_add(ds_sim_walk *walk, uint8_t order, ds_sim_touchpoint touchpoint,
                         int64_t time_s);

// The event was received by a poll instead, or even later.
void ds_sim_polled(ds_sim_walk *walk, ds_sim_event *event);

// The event was received late with the chance of a late scan.
void ds_sim_maybe_late(ds_sim_walk *walk, ds_sim_event *event);

// The device of a visit: draws one of the customer's.
void ds_sim_draw_device(ds_sim_walk *walk, ds_sim_event *event);

// The next hour of the day from one of the world's tables, in seconds, with a random rest.
int64_t ds_sim_draw_hour(ds_sim_walk *walk, const uint8_t table[1024]);

// A ticket about an order, number `number` (from 1), with its response, solution and score.
typedef struct ds_sim_ticket {
  uint8_t order;
  uint8_t number;
  ds_sim_word reason;
  ds_sim_word kind;
  ds_sim_word order_state; // W_NONE = none
  ds_sim_key key;          // of the case it belongs to
} ds_sim_ticket;

// Adds its events. Returns when it was solved first; *ret_slow tells a slow first response.
int64_t ds_sim_add_ticket(ds_sim_walk *walk, const ds_sim_ticket *ticket, int64_t opened,
                          bool *ret_slow);

#endif
