// SPDX-License-Identifier: Apache-2.0
#include "ingest/simulate_walk.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "ingest/simulate_parameters.h"

// Quantiles i/32 of the exponential distribution with mean 1000; the tail ends at 6000.
static const uint16_t exponential[33] = {
    0,   32,  65,  98,  134,  170,  208,  247,  288,  330,  375,  421,  470,  521,  575, 633, 693,
    758, 827, 901, 981, 1068, 1163, 1269, 1386, 1520, 1674, 1856, 2079, 2367, 2773, 3466, 6000};

int64_t ds_dice_exponential(ds_dice *dice, int64_t mean) {
  const uint64_t bits = ds_dice_roll(dice);
  const uint32_t bucket = (uint32_t)(bits >> 59);
  const int64_t within = (int64_t)((bits >> 43) & 0xffff);
  const int64_t low = exponential[bucket];
  const int64_t high = exponential[bucket + 1];
  return (low * 65536 + (high - low) * within) * mean / 65536 / 1000;
}

// Fills `table` so that each index appears in proportion to its weight.
static void spread8(uint8_t *table, uint32_t size, const uint16_t *weights, uint32_t count) {
  uint32_t total = 0;
  for (uint32_t i = 0; i < count; i++)
    total += weights[i];
  uint32_t sum = 0;
  uint32_t at = 0;
  for (uint32_t i = 0; i < count; i++) {
    sum += weights[i];
    while (at < (uint64_t)sum * size / total)
      table[at++] = (uint8_t)i;
  }
  assert(at == size);
}

static uint32_t day_weight(uint32_t day) {
  const uint32_t of_year = day % 365;
  const uint32_t season = of_year < 31 ? 0 : of_year < 304 ? 1 : of_year < 334 ? 2 : 3;
  return (uint32_t)SHOP_SEASON[season] * SHOP_WEEKDAY[day % 7];
}

static void fill_days(ds_sim_world *world) {
  const uint32_t size = sizeof world->day / sizeof world->day[0];
  uint64_t total = 0;
  for (uint32_t d = 0; d < DS_SIM_DAYS; d++)
    total += day_weight(d);
  uint64_t sum = 0;
  uint32_t at = 0;
  for (uint32_t d = 0; d < DS_SIM_DAYS; d++) {
    sum += day_weight(d);
    while (at < sum * size / total)
      world->day[at++] = (uint16_t)d;
  }
  assert(at == size);
}

void ds_sim_world_init(ds_sim_world *world, uint64_t seed, bool milliseconds, bool basic) {
  world->seed = ds_dice_mix(seed + 0x9e3779b97f4a7c15u);
  world->milliseconds = milliseconds;
  world->basic = basic;
  fill_days(world);
  spread8(world->hour, sizeof world->hour, SHOP_ORDER_HOUR, 24);
  spread8(world->view_hour, sizeof world->view_hour, SHOP_VIEW_HOUR, 24);
  spread8(world->weekday, sizeof world->weekday, SHOP_WEEKDAY, 7);
}

void ds_sim_begin(ds_sim_walk *walk, const ds_sim_world *world, uint64_t customer,
                  ds_sim_journey *journey) {
  journey->count = 0;
  journey->orders = 0;
  *walk = (ds_sim_walk){world, customer, {ds_dice_mix(world->seed ^ ds_dice_mix(customer))},
                        journey};
}

ds_sim_event *ds_sim_add(ds_sim_walk *walk, uint8_t order, ds_sim_touchpoint touchpoint,
                         int64_t time_s) {
  ds_sim_journey *journey = walk->journey;
  // Half of the room is left to duplicates.
  assert(journey->count < DS_SIM_CUSTOMER_EVENTS_MAX / 2);
  ds_sim_event *event = &journey->events[journey->count++];
  // The properties are filled as they come.
  memset(event, 0, offsetof(ds_sim_event, values));
  event->time_ms = time_s * 1000;
  event->received_ms = event->time_ms;
  event->number = journey->count;
  event->touchpoint = (uint8_t)touchpoint;
  event->order = order;
  return event;
}

void ds_sim_maybe_late(ds_sim_walk *walk, ds_sim_event *event) {
  if (ds_dice_chance(&walk->dice, FEED_LATE))
    event->received_ms += (DS_SIM_HOUR_S + ds_dice_below(&walk->dice, 47 * DS_SIM_HOUR_S)) *
                          INT64_C(1000);
}

void ds_sim_polled(ds_sim_walk *walk, ds_sim_event *event) {
  const int64_t step_ms = FEED_SCAN_POLL * INT64_C(1000);
  ds_sim_maybe_late(walk, event);
  event->received_ms = (event->received_ms / step_ms + 1) * step_ms;
}

void ds_sim_draw_device(ds_sim_walk *walk, ds_sim_event *event) {
  event->device = ds_dice_pick(&walk->dice, FEED_DEVICES);
  event->identifiers |= DS_SIM_DEVICE;
}

int64_t ds_sim_draw_hour(ds_sim_walk *walk, const uint8_t table[1024]) {
  const uint64_t bits = ds_dice_roll(&walk->dice);
  return (int64_t)table[bits >> 54] * DS_SIM_HOUR_S +
         (int64_t)(((bits & 0xffffffff) * DS_SIM_HOUR_S) >> 32);
}

static ds_sim_event *add_ticket_event(ds_sim_walk *walk, const ds_sim_ticket *ticket,
                                      ds_sim_touchpoint touchpoint, int64_t time_s,
                                      ds_sim_word channel) {
  ds_sim_event *event = ds_sim_add(walk, ticket->order, touchpoint, time_s);
  event->keys[ticket->key] = 1;
  event->keys[DS_SIM_TICKET_ID] = ticket->number;
  event->identifiers = channel == W_EMAIL ? DS_SIM_EMAIL : 0;
  ds_sim_put(event, DS_SIM_CHANNEL, channel);
  return event;
}

int64_t ds_sim_add_ticket(ds_sim_walk *walk, const ds_sim_ticket *ticket, int64_t opened,
                          bool *ret_slow) {
  ds_dice *dice = &walk->dice;
  const uint8_t way = ds_dice_pick(dice, SHOP_TICKET_CHANNEL);
  const ds_sim_word channel = (ds_sim_word)(W_EMAIL + way);
  const int64_t wait = 60 + ds_dice_exponential(dice, SHOP_RESPONSE_MEAN[way] * INT64_C(60));
  const int64_t resolved = opened + wait + 600 + ds_dice_exponential(dice, SHOP_RESOLVE_MEAN);
  ds_sim_event *event = add_ticket_event(walk, ticket, DS_SIM_TICKET_OPENED, opened, channel);
  ds_sim_put(event, DS_SIM_TICKET_KIND, ticket->kind);
  ds_sim_put(event, DS_SIM_REASON, ticket->reason);
  if (ticket->order_state != W_NONE)
    ds_sim_put(event, DS_SIM_ORDER_STATE, ticket->order_state);
  add_ticket_event(walk, ticket, DS_SIM_FIRST_RESPONSE, opened + wait, channel);
  add_ticket_event(walk, ticket, DS_SIM_TICKET_RESOLVED, resolved, channel);
  int64_t last = resolved;
  if (ds_dice_chance(dice, SHOP_REOPENED)) {
    const int64_t again = resolved + 2 * DS_SIM_HOUR_S +
                          ds_dice_exponential(dice, SHOP_RESOLVE_MEAN);
    last = again + 600 + ds_dice_exponential(dice, SHOP_RESOLVE_MEAN);
    add_ticket_event(walk, ticket, DS_SIM_TICKET_REOPENED, again, channel);
    add_ticket_event(walk, ticket, DS_SIM_TICKET_RESOLVED, last, channel);
  }
  *ret_slow = wait > SHOP_SLOW;
  if (ds_dice_chance(dice, SHOP_CSAT)) {
    event = add_ticket_event(walk, ticket, DS_SIM_CSAT_SUBMITTED,
                             last + 900 + ds_dice_exponential(dice, 6 * DS_SIM_HOUR_S), W_EMAIL);
    ds_sim_put(event, DS_SIM_SCORE, 1u + ds_dice_pick(dice, *ret_slow ? SHOP_CSAT_SLOW
                                                                      : SHOP_CSAT_FAST));
  }
  return resolved;
}

// Milliseconds are made from the time itself, so that the events are the same with and without;
// what is received at once stays so.
static void add_milliseconds(const ds_sim_walk *walk) {
  for (uint32_t i = 0; i < walk->journey->count; i++) {
    ds_sim_event *event = &walk->journey->events[i];
    const uint64_t bits = ds_dice_mix((uint64_t)event->time_ms * 31 + walk->customer * 64 +
                                      event->touchpoint);
    if (event->received_ms == event->time_ms)
      event->received_ms += (int64_t)(bits % 1000);
    event->time_ms += (int64_t)(bits % 1000);
  }
}

// Copies some events; each copy comes in up to a day later.
static void add_duplicates(ds_sim_walk *walk) {
  ds_sim_journey *journey = walk->journey;
  const uint32_t count = journey->count;
  for (uint32_t i = 0; i < count; i++) {
    if (!ds_dice_chance(&walk->dice, FEED_DUPLICATE))
      continue;
    ds_sim_event *copy = &journey->events[journey->count++];
    *copy = journey->events[i];
    copy->duplicate = true;
    copy->received_ms +=
        (60 + ds_dice_below(&walk->dice, DS_SIM_DAY_S - 60)) * INT64_C(1000);
  }
}

// Few events, nearly in order: insertion is the quickest, and it keeps equal times in place.
static void put_in_order(const ds_sim_walk *walk) {
  ds_sim_journey *journey = walk->journey;
  const int64_t end_ms = (DS_SIM_FIRST_DAY + DS_SIM_DAYS) * (INT64_C(1000) * DS_SIM_DAY_S);
  int64_t keys[DS_SIM_CUSTOMER_EVENTS_MAX];
  uint32_t count = 0;
  for (uint32_t i = 0; i < journey->count; i++) {
    const ds_sim_event *event = &journey->events[i];
    const int64_t key = walk->world->basic ? event->time_ms : event->received_ms;
    if (event->received_ms >= end_ms)
      continue;
    uint32_t at = count++;
    for (; at > 0 && keys[at - 1] > key; at--) {
      keys[at] = keys[at - 1];
      journey->sequence[at] = journey->sequence[at - 1];
    }
    keys[at] = key;
    journey->sequence[at] = (uint16_t)i;
  }
  journey->count = count;
}

// Leaves of an event what, when, and what it was worth; the true customer stands for who.
static void make_basic(ds_sim_event *event) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < event->values_count; i++)
    if (event->values[i].property == DS_SIM_VALUE)
      event->values[kept++] = event->values[i];
  event->values_count = (uint8_t)kept;
  event->identifiers = 0;
  memset(event->keys, 0, sizeof event->keys);
  event->received_ms = event->time_ms;
}

void ds_sim_end(ds_sim_walk *walk) {
  if (walk->world->milliseconds)
    add_milliseconds(walk);
  if (!walk->world->basic)
    add_duplicates(walk);
  put_in_order(walk);
  for (uint32_t i = 0; walk->world->basic && i < walk->journey->count; i++)
    make_basic(&walk->journey->events[walk->journey->sequence[i]]);
}
