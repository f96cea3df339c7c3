// SPDX-License-Identifier: Apache-2.0
// Every constant of the model stands in this file and is explained in docs/simulator.md.
#include "ingest/simulate_shop.h"

#include <assert.h>
#include <stdbool.h>

const char *const ds_shop_touchpoint_names[DS_SHOP_TOUCHPOINTS_COUNT] = {
    "order_placed",         "payment_approved",    "label_created",
    "carrier_collected",    "shipment_in_transit", "shipment_delayed",
    "tracking_page_viewed", "out_for_delivery",    "delivery_attempt_failed",
    "delivered",            "support_ticket_opened", "support_first_response",
    "support_ticket_resolved", "survey_sent",      "review_submitted",
};
const char *const ds_shop_carrier_names[] = {"", "northpost", "parcelgo", "swiftship"};
const char *const ds_shop_state_names[] = {"NY", "CA", "TX", "FL", "WA", "AK"};
const char *const ds_shop_reason_names[] = {
    "",        "consignee_not_home", "carrier_capacity_exceeded", "weather_delay",
    "wismo",   "product_question",   "return_question",           "billing",
};
const char *const ds_shop_channel_names[] = {"", "web", "app", "email", "chat", "phone"};

enum { REASON_NOT_HOME = 1, REASON_CAPACITY, REASON_WEATHER, REASON_WISMO, REASON_PRODUCT };
enum { CHANNEL_WEB = 1, CHANNEL_APP, CHANNEL_EMAIL, CHANNEL_CHAT, CHANNEL_PHONE };

enum {
  DAY_S = 86400,
  HOUR_S = 3600,
  FIRST_DAY = 19358, // 2023-01-01, a Sunday
  DAYS = 731,        // to 2024-12-31
  STATES = 6,
  HANDLING_DAYS = 3,     // promised before the carrier's own days
  DELIVERY_DAYS_MIN = 4, // no parcel arrives earlier
};

// Chances are per 10,000.
typedef struct carrier {
  uint16_t share;
  uint16_t late;
  uint16_t attempt_fails;
  uint8_t days;
} carrier;

static const carrier carriers[DS_SHOP_CARRIERS] = {
    {4500, 600, 600, 3},   // northpost
    {3500, 1200, 1100, 4}, // parcelgo
    {2000, 300, 300, 2},   // swiftship
};

// Share of the orders (per 10,000) and extra days by state.
static const uint16_t state_share[STATES] = {3000, 2500, 2000, 1500, 800, 200};
static const uint8_t state_days[STATES] = {0, 2, 1, 1, 2, 4};

enum {
  CHANCE_REPEAT = 5000,          // another order after one that came in time
  CHANCE_REPEAT_LATE = 3500,     // after one that came late
  CHANCE_TWO_PARCELS = 1200,
  CHANCE_DELAY_TOLD = 7000,      // shipment_delayed when a parcel will be late
  CHANCE_WISMO = 120,            // "where is my order?" although in time
  CHANCE_WISMO_LATE = 2500,
  CHANCE_OTHER_TICKET = 200,
  CHANCE_SURVEY = 4000,
  CHANCE_REVIEW = 2200,
  CHANCE_REVIEW_LATE = 3000,
  CHANCE_PAYMENT_SLOW = 1500,
  CHANCE_LOOK_AGAIN = 3000,
  REPEAT_DAYS_MIN = 7,
  REPEAT_DAYS_MEAN = 70,         // beyond the minimum
};

// Cumulative, per 100: 0, 1, 2, ... visits of the tracking page; 1 to 5 stars.
static const uint8_t visits_in_time[] = {60, 84, 95, 100};
static const uint8_t visits_late[] = {0, 20, 50, 80, 100};
static const uint8_t stars_in_time[] = {4, 7, 15, 40, 100};
static const uint8_t stars_late[] = {33, 53, 73, 88, 100};

// Quantiles i/32 of the exponential distribution with mean 1000; the tail ends at 6000.
static const uint16_t exponential[33] = {
    0,   32,  65,  98,  134,  170,  208,  247,  288,  330,  375,  421,  470,  521,  575, 633, 693,
    758, 827, 901, 981, 1068, 1163, 1269, 1386, 1520, 1674, 1856, 2079, 2367, 2773, 3466, 6000};

uint64_t ds_shop_mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

// The random numbers of one customer.
typedef struct dice {
  uint64_t state;
} dice;

static uint64_t roll(dice *random) {
  random->state += 0x9e3779b97f4a7c15u;
  return ds_shop_mix(random->state);
}

// 0 .. limit - 1.
static uint32_t below(dice *random, uint32_t limit) {
  return (uint32_t)(((roll(random) >> 32) * limit) >> 32);
}

static bool chance(dice *random, uint32_t per_10000) {
  return below(random, 10000) < per_10000;
}

// About exponentially distributed, at most six times the mean.
static int64_t exponential_of(dice *random, int64_t mean) {
  const uint64_t bits = roll(random);
  const uint32_t bucket = (uint32_t)(bits >> 59);
  const int64_t within = (int64_t)((bits >> 43) & 0xffff);
  const int64_t low = exponential[bucket];
  const int64_t high = exponential[bucket + 1];
  return (low * 65536 + (high - low) * within) * mean / 65536 / 1000;
}

// The index of the first entry above a draw of 0..99.
static uint32_t pick(dice *random, const uint8_t *cumulative) {
  const uint32_t draw = below(random, 100);
  uint32_t index = 0;
  while (draw >= cumulative[index])
    index++;
  return index;
}

// 0 = Sunday.
static uint32_t weekday_of(int64_t day) {
  return (uint32_t)((day - FIRST_DAY) % 7);
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

static const uint16_t weekday_weights[7] = {95, 115, 110, 105, 100, 95, 80};

// More in November and December, less in January.
static uint32_t season_weight(uint32_t day_of_year) {
  return day_of_year < 31 ? 80 : day_of_year < 304 ? 100 : day_of_year < 334 ? 160 : 140;
}

static uint32_t day_weight(uint32_t day) {
  return season_weight(day % 365) * weekday_weights[weekday_of(FIRST_DAY + (int64_t)day)];
}

static void fill_days(ds_shop *shop) {
  const uint32_t size = sizeof shop->day / sizeof shop->day[0];
  uint64_t total = 0;
  for (uint32_t d = 0; d < DAYS; d++)
    total += day_weight(d);
  uint64_t sum = 0;
  uint32_t at = 0;
  for (uint32_t d = 0; d < DAYS; d++) {
    sum += day_weight(d);
    while (at < sum * size / total)
      shop->day[at++] = (uint16_t)d;
  }
  assert(at == size);
}

void ds_shop_init(ds_shop *shop, uint64_t seed, int milliseconds) {
  static const uint16_t hours[24] = {12, 6,  4,  3,  3,  5,  12, 25, 40, 52, 58, 60,
                                     60, 56, 54, 54, 56, 58, 62, 70, 78, 74, 54, 30};
  static const uint16_t evenings[24] = {1,  0,  0,  0,  0,  0,  2,  6,   8,   8,   8,  8,
                                        10, 8,  8,  8,  10, 14, 30, 46,  50,  44,  24, 7};
  shop->seed = ds_shop_mix(seed + 0x9e3779b97f4a7c15u);
  shop->milliseconds = milliseconds != 0;
  fill_days(shop);
  spread8(shop->hour, sizeof shop->hour, hours, 24);
  spread8(shop->evening, sizeof shop->evening, evenings, 24);
  spread8(shop->weekday, sizeof shop->weekday, weekday_weights, 7);
}

// One customer under way.
typedef struct walk {
  const ds_shop *shop;
  dice random;
  ds_shop_event *events;
  uint32_t count;
} walk;

// One order under way; times in seconds since 1970, days since 1970.
typedef struct order {
  uint8_t number;
  uint8_t state;
  uint8_t carrier; // 1..DS_SHOP_CARRIERS
  uint8_t parcels;
  bool late; // any parcel
  int64_t day;
  int64_t placed;
  int64_t labelled;
  int64_t collected;
  int64_t promise_day;
  int64_t delivered; // the last parcel
} order;

static ds_shop_event *add(walk *customer, const order *of, ds_shop_touchpoint touchpoint,
                          int64_t time_s) {
  assert(customer->count < DS_SHOP_CUSTOMER_EVENTS_MAX);
  ds_shop_event *event = &customer->events[customer->count++];
  *event = (ds_shop_event){
      .time_ms = time_s * 1000,
      .touchpoint = (uint8_t)touchpoint,
      .order = of->number,
      .state = of->state,
  };
  return event;
}

static uint8_t draw_share(dice *random, const uint16_t *shares, uint32_t count) {
  uint32_t draw = below(random, 10000);
  uint32_t index = 0;
  while (index + 1 < count && draw >= shares[index])
    draw -= shares[index++];
  return (uint8_t)index;
}

static void begin_order(walk *customer, order *now) {
  dice *random = &customer->random;
  now->placed = now->day * DAY_S +
                (int64_t)customer->shop->hour[roll(random) >> 54] * HOUR_S +
                below(random, HOUR_S);
  now->carrier = 1;
  uint32_t draw = below(random, 10000);
  while (draw >= carriers[now->carrier - 1].share)
    draw -= carriers[now->carrier++ - 1].share;
  now->promise_day =
      now->day + HANDLING_DAYS + carriers[now->carrier - 1].days + state_days[now->state];
  now->parcels = chance(random, CHANCE_TWO_PARCELS) ? 2 : 1;

  ds_shop_event *event = add(customer, now, DS_SHOP_ORDER_PLACED, now->placed);
  event->value_cents = (uint32_t)(1500 + exponential_of(random, 6000));
  event->promise_day = (int32_t)now->promise_day;
  event->channel = chance(random, 4000) ? CHANNEL_APP : CHANNEL_WEB;
  const bool slow = chance(random, CHANCE_PAYMENT_SLOW);
  const int64_t approved =
      now->placed + 5 + below(random, slow ? 10 * HOUR_S : 90);
  add(customer, now, DS_SHOP_PAYMENT_APPROVED, approved);
  now->labelled = approved + 4 * HOUR_S + below(random, 12 * HOUR_S);
  now->collected = now->labelled + 2 * HOUR_S + below(random, 14 * HOUR_S);
}

static void add_parcel_event(walk *customer, const order *of, uint8_t parcel,
                             ds_shop_touchpoint touchpoint, int64_t time_s, uint8_t reason) {
  ds_shop_event *event = add(customer, of, touchpoint, time_s);
  event->parcel = parcel;
  event->carrier = of->carrier;
  event->reason = reason;
  event->promise_day =
      touchpoint == DS_SHOP_DELIVERED ? (int32_t)of->promise_day : 0;
}

// From 20 November to the end of the year carriers are late twice as often.
static uint32_t late_chance(const order *of) {
  const int64_t day_of_year = (of->day - FIRST_DAY) % 365;
  return carriers[of->carrier - 1].late * (day_of_year >= 323 ? 2u : 1u);
}

// The day on which the parcel arrives.
static int64_t draw_delivery_day(walk *customer, const order *of, bool late) {
  dice *random = &customer->random;
  if (late) {
    int64_t days = 1;
    while (days < 8 && chance(random, 5000))
      days++;
    return of->promise_day + days;
  }
  const int64_t day = of->promise_day - (int64_t)below(random, 3);
  return day < of->day + DELIVERY_DAYS_MIN ? of->day + DELIVERY_DAYS_MIN : day;
}

// The scans: of hubs on the way, and on the morning of the first attempt that of the last depot.
static void add_scans(walk *customer, const order *of, uint8_t parcel, int64_t from, int64_t to) {
  dice *random = &customer->random;
  const int64_t depot = to - 20 * 60 - below(random, 160 * 60);
  const uint32_t draw = below(random, 10);
  const int64_t hubs = draw < 7 ? 0 : draw < 9 ? 1 : 2;
  const int64_t step = (depot - from) / (hubs + 1);
  for (int64_t i = 1; i <= hubs; i++)
    add_parcel_event(customer, of, parcel, DS_SHOP_SHIPMENT_IN_TRANSIT,
                     from + i * step - below(random, (uint32_t)(step / 2)), 0);
  add_parcel_event(customer, of, parcel, DS_SHOP_SHIPMENT_IN_TRANSIT, depot, 0);
}

static void ship_parcel(walk *customer, order *now, uint8_t parcel) {
  dice *random = &customer->random;
  const bool late = chance(random, late_chance(now));
  const int64_t day = draw_delivery_day(customer, now, late);
  const bool fails = chance(random, carriers[now->carrier - 1].attempt_fails);
  const int64_t collected = now->collected + (parcel == 2 ? 1 + below(random, 90) : 0);
  const int64_t first = (fails ? day - 1 : day) * DAY_S + 6 * HOUR_S + below(random, 3 * HOUR_S);
  assert(first > collected);
  add_parcel_event(customer, now, parcel, DS_SHOP_LABEL_CREATED, now->labelled + 60 * parcel, 0);
  add_parcel_event(customer, now, parcel, DS_SHOP_CARRIER_COLLECTED, collected, 0);
  add_scans(customer, now, parcel, collected, first);
  if (late && chance(random, CHANCE_DELAY_TOLD))
    add_parcel_event(customer, now, parcel, DS_SHOP_SHIPMENT_DELAYED,
                     (now->promise_day - 1) * DAY_S + 17 * HOUR_S + below(random, 5 * HOUR_S),
                     chance(random, 6000) ? REASON_CAPACITY : REASON_WEATHER);
  add_parcel_event(customer, now, parcel, DS_SHOP_OUT_FOR_DELIVERY, first, 0);
  if (fails) {
    add_parcel_event(customer, now, parcel, DS_SHOP_DELIVERY_ATTEMPT_FAILED,
                     (day - 1) * DAY_S + 10 * HOUR_S + below(random, 9 * HOUR_S),
                     REASON_NOT_HOME);
    add_parcel_event(customer, now, parcel, DS_SHOP_OUT_FOR_DELIVERY,
                     day * DAY_S + 6 * HOUR_S + below(random, 3 * HOUR_S), 0);
  }
  const int64_t delivered = day * DAY_S + 10 * HOUR_S + below(random, 9 * HOUR_S);
  add_parcel_event(customer, now, parcel, DS_SHOP_DELIVERED, delivered, 0);
  now->late = now->late || late;
  now->delivered = delivered > now->delivered ? delivered : now->delivered;
}

// One visit of the tracking page at `time`; three in ten look again within minutes.
static void add_visit(walk *customer, const order *of, int64_t time) {
  dice *random = &customer->random;
  const uint8_t channel = chance(random, 4000) ? CHANNEL_APP : CHANNEL_WEB;
  add(customer, of, DS_SHOP_TRACKING_PAGE_VIEWED, time)->channel = channel;
  if (chance(random, CHANCE_LOOK_AGAIN))
    add(customer, of, DS_SHOP_TRACKING_PAGE_VIEWED, time + 20 + below(random, 220))->channel =
        channel;
}

// Visits lie between collection and delivery, mostly in the evening; of a late order six in ten
// lie on or after the promised day.
static void add_visits(walk *customer, const order *of) {
  dice *random = &customer->random;
  const uint32_t visits = pick(random, of->late ? visits_late : visits_in_time);
  const int64_t last_day = of->delivered / DAY_S;
  for (uint32_t i = 0; i < visits; i++) {
    const bool anxious = of->late && chance(random, 6000);
    const int64_t first_day = anxious ? of->promise_day : of->collected / DAY_S;
    int64_t time = (first_day + below(random, (uint32_t)(last_day - first_day + 1))) * DAY_S +
                   (int64_t)customer->shop->evening[roll(random) >> 54] * HOUR_S +
                   below(random, HOUR_S);
    if (time <= of->collected)
      time = of->collected + 600 + below(random, 3 * HOUR_S);
    if (time >= of->delivered - 600)
      time = of->delivered - 600 - below(random, 3 * HOUR_S);
    add_visit(customer, of, time);
  }
}

static void add_ticket(walk *customer, const order *of, int64_t opened, uint8_t reason) {
  dice *random = &customer->random;
  const uint32_t draw = below(random, 10);
  const uint8_t channel = draw < 5 ? CHANNEL_EMAIL : draw < 8 ? CHANNEL_CHAT : CHANNEL_PHONE;
  const int64_t answered = opened + 300 + exponential_of(random, 3 * HOUR_S);
  const int64_t resolved = answered + 600 + exponential_of(random, 10 * HOUR_S);
  const int64_t times[] = {opened, answered, resolved};
  for (uint32_t i = 0; i < 3; i++) {
    ds_shop_event *event = add(customer, of,
                               (ds_shop_touchpoint)(DS_SHOP_SUPPORT_TICKET_OPENED + i), times[i]);
    event->ticket = 1;
    event->channel = channel;
    event->reason = i == 0 ? reason : 0;
  }
}

static void add_contact(walk *customer, const order *of) {
  dice *random = &customer->random;
  if (chance(random, of->late ? CHANCE_WISMO_LATE : CHANCE_WISMO)) {
    // Who waits in vain on the promised day writes in its evening.
    const int64_t opened =
        of->late ? of->promise_day * DAY_S + 18 * HOUR_S + below(random, 5 * HOUR_S)
                 : (of->collected + of->delivered) / 2;
    add_ticket(customer, of, opened, REASON_WISMO);
  } else if (chance(random, CHANCE_OTHER_TICKET)) {
    add_ticket(customer, of, of->delivered + HOUR_S + exponential_of(random, 3 * DAY_S),
               (uint8_t)(REASON_PRODUCT + below(random, 3)));
  }
}

static void add_feedback(walk *customer, const order *of) {
  dice *random = &customer->random;
  if (chance(random, CHANCE_SURVEY))
    add(customer, of, DS_SHOP_SURVEY_SENT,
        (of->delivered / DAY_S + 3) * DAY_S + 10 * HOUR_S + below(random, HOUR_S / 2))
        ->channel = CHANNEL_EMAIL;
  if (chance(random, of->late ? CHANCE_REVIEW_LATE : CHANCE_REVIEW))
    add(customer, of, DS_SHOP_REVIEW_SUBMITTED,
        of->delivered + DAY_S + exponential_of(random, 3 * DAY_S))
        ->stars = (uint8_t)(1 + pick(random, of->late ? stars_late : stars_in_time));
}

// The day of the next order, on a weekday drawn anew; a later week at the earliest.
static int64_t next_day(walk *customer, int64_t day) {
  dice *random = &customer->random;
  const int64_t later = day + REPEAT_DAYS_MIN + exponential_of(random, REPEAT_DAYS_MEAN);
  return later - weekday_of(later) + customer->shop->weekday[roll(random) >> 54];
}

// Few events, nearly in order: insertion is the quickest, and it keeps equal times in place.
static void sort_by_time(ds_shop_event *events, uint32_t count) {
  for (uint32_t i = 1; i < count; i++) {
    const ds_shop_event event = events[i];
    uint32_t at = i;
    for (; at > 0 && events[at - 1].time_ms > event.time_ms; at--)
      events[at] = events[at - 1];
    events[at] = event;
  }
}

// Milliseconds are made from the time itself, so that the events are the same with and without.
static void add_milliseconds(const walk *customer, uint64_t number) {
  for (uint32_t i = 0; i < customer->count; i++) {
    ds_shop_event *event = &customer->events[i];
    const uint64_t bits =
        ds_shop_mix((uint64_t)event->time_ms * 31 + number * 16 + event->touchpoint);
    event->time_ms += (int64_t)(bits % 1000);
  }
}

uint32_t ds_shop_customer(const ds_shop *shop, uint64_t customer, uint32_t orders_max,
                          ds_shop_event *events, uint32_t *ret_orders) {
  walk now = {.shop = shop, .events = events};
  now.random.state = ds_shop_mix(shop->seed ^ ds_shop_mix(customer));
  const uint8_t state = draw_share(&now.random, state_share, STATES);
  const uint32_t limit = orders_max < DS_SHOP_ORDERS_MAX ? orders_max : DS_SHOP_ORDERS_MAX;
  int64_t day = FIRST_DAY + shop->day[roll(&now.random) >> 51];
  uint32_t orders = 0;
  do {
    order next = {.number = (uint8_t)orders, .state = state, .day = day};
    begin_order(&now, &next);
    for (uint8_t parcel = 1; parcel <= next.parcels; parcel++)
      ship_parcel(&now, &next, parcel);
    add_visits(&now, &next);
    add_contact(&now, &next);
    add_feedback(&now, &next);
    orders++;
    if (!chance(&now.random, next.late ? CHANCE_REPEAT_LATE : CHANCE_REPEAT))
      break;
    day = next_day(&now, day);
  } while (orders < limit && day < FIRST_DAY + DAYS);
  if (shop->milliseconds)
    add_milliseconds(&now, customer);
  sort_by_time(events, now.count);
  *ret_orders = orders;
  return now.count;
}
