// SPDX-License-Identifier: Apache-2.0
#include "ingest/simulate_shop.h"

#include <assert.h>

#include "ingest/simulate_parameters.h"

enum { DAY_S = DS_SIM_DAY_S, HOUR_S = DS_SIM_HOUR_S };
enum { NORTHPOST, PARCELGO, SWIFTSHIP };
enum { NEAR, FAR, REMOTE };

// Of the states NY, CA, TX, AK, SP, RJ, AM.
static const uint8_t lane_of[] = {NEAR, FAR, FAR, REMOTE, NEAR, FAR, REMOTE};
static const uint8_t country_of[] = {W_US, W_US, W_US, W_US, W_BR, W_BR, W_BR};
static const uint16_t *const carrier_share[] = {SHOP_CARRIER_NEAR, SHOP_CARRIER_FAR,
                                                SHOP_CARRIER_REMOTE};
static const uint16_t *const late_share[] = {SHOP_LATE_NEAR, SHOP_LATE_FAR, SHOP_LATE_REMOTE};
static const uint16_t methods[] = {70, 20, 10}; // card, paypal, pix

ds_sim_event *ds_shop_add(ds_sim_walk *walk, const ds_shop_order *order,
                          ds_sim_touchpoint touchpoint, int64_t time_s, uint8_t parcel) {
  ds_sim_event *event = ds_sim_add(walk, order->number, touchpoint, time_s);
  event->keys[DS_SIM_ORDER_ID] = 1;
  event->keys[DS_SIM_PARCEL_ID] = parcel;
  return event;
}

static uint8_t lane(const ds_shop_order *order) {
  return lane_of[order->customer->state];
}

static void decide_order(ds_sim_walk *walk, ds_shop_order *now) {
  ds_dice *dice = &walk->dice;
  now->placed = now->day * DAY_S + ds_sim_draw_hour(walk, walk->world->hour);
  now->value_cents = (uint32_t)(SHOP_VALUE_LOW + ds_dice_exponential(dice, SHOP_VALUE_MEAN));
  now->high_value = now->value_cents >= SHOP_HIGH_VALUE;
  now->express = ds_dice_chance(dice, now->high_value ? SHOP_EXPRESS_HIGH_VALUE : SHOP_EXPRESS);
  now->category = ds_dice_pick(dice, SHOP_CATEGORY);
  now->carrier = ds_dice_pick(dice, carrier_share[lane(now)]);
  now->parcels = (uint8_t)(1 + ds_dice_pick(dice, SHOP_PARCELS));
  now->promise_day = now->day + (SHOP_HANDLING - (now->express ? SHOP_EXPRESS_DAYS : 0)) / DAY_S +
                     SHOP_CARRIER_DAYS[now->carrier] + SHOP_STATE_DAYS[now->customer->state];
}

static ds_sim_word arm(bool treated) {
  return treated ? W_TREATMENT : W_HOLDOUT;
}

static void place_order(ds_sim_walk *walk, ds_shop_order *now) {
  const uint8_t state = now->customer->state;
  ds_dice *dice = &walk->dice;
  ds_sim_event *event = ds_shop_add(walk, now, DS_SIM_ORDER_PLACED, now->placed, 0);
  event->identifiers = DS_SIM_EMAIL | DS_SIM_LOYALTY;
  ds_sim_draw_device(walk, event);
  ds_sim_put(event, DS_SIM_VALUE, now->value_cents);
  ds_sim_put(event, DS_SIM_CURRENCY, W_USD);
  ds_sim_put(event, DS_SIM_ITEMS, now->parcels + ds_dice_below(dice, 2));
  ds_sim_put(event, DS_SIM_CATEGORY, W_FASHION + now->category);
  ds_sim_put(event, DS_SIM_STATE, W_NY + state);
  ds_sim_put(event, DS_SIM_COUNTRY, country_of[state]);
  ds_sim_put(event, DS_SIM_SERVICE, now->express ? W_EXPRESS : W_STANDARD);
  ds_sim_put(event, DS_SIM_PROMISE_FROM, (uint32_t)now->promise_day - 2);
  ds_sim_put(event, DS_SIM_PROMISE_UNTIL, (uint32_t)now->promise_day);
  ds_sim_put(event, DS_SIM_ORDER_SEQ, now->number + 1u);
  ds_sim_put(event, DS_SIM_GIFT_WRAP, ds_dice_chance(dice, SHOP_GIFT_WRAP));
  ds_sim_put(event, DS_SIM_DELAY_NOTICE, arm(now->customer->notice));
  ds_sim_put(event, DS_SIM_REVIEW_REQUEST, arm(now->customer->review));
  ds_sim_put(event, DS_SIM_OFFER, arm(now->customer->offer));
  ds_sim_put(event, DS_SIM_CHANNEL, ds_dice_chance(dice, SHOP_APP) ? W_APP : W_WEB);
}

static void pay_order(ds_sim_walk *walk, ds_shop_order *now) {
  ds_dice *dice = &walk->dice;
  const bool fails = ds_dice_chance(dice, SHOP_PAYMENT_FAILS);
  const bool slow = ds_dice_chance(dice, SHOP_PAYMENT_SLOW);
  const ds_sim_word method = (ds_sim_word)(W_CARD + ds_dice_pick(dice, methods));
  int64_t time = now->placed + 5 + ds_dice_below(dice, slow ? 10 * HOUR_S : 90);
  if (fails) {
    ds_sim_event *event = ds_shop_add(walk, now, DS_SIM_PAYMENT_FAILED, now->placed + 4, 0);
    ds_sim_put(event, DS_SIM_METHOD, W_CARD);
    ds_sim_put(event, DS_SIM_REASON, W_CARD_REFUSED);
    time += 120;
  }
  now->approved = time;
  ds_sim_put(ds_shop_add(walk, now, DS_SIM_PAYMENT_APPROVED, time, 0), DS_SIM_METHOD, method);
  ds_shop_add(walk, now, DS_SIM_CONFIRMATION_SENT, time + 30, 0)->identifiers = DS_SIM_EMAIL;
  ds_shop_open_email(walk, now, DS_SIM_CONFIRMATION_OPENED, DS_SIM_CONFIRMATION_CLICKED,
                     time + 30, W_NONE);
  now->labelled = time + 4 * HOUR_S + ds_dice_below(dice, 12 * HOUR_S);
  now->collected = now->labelled + 2 * HOUR_S + ds_dice_below(dice, 14 * HOUR_S);
}

static void cancel_order(ds_sim_walk *walk, ds_shop_order *now) {
  ds_dice *dice = &walk->dice;
  const bool by_customer = ds_dice_chance(dice, 7000);
  const int64_t time = now->approved + HOUR_S + ds_dice_below(dice, 3 * HOUR_S);
  ds_sim_event *event = ds_shop_add(walk, now, DS_SIM_ORDER_CANCELLED, time, 0);
  ds_sim_put(event, DS_SIM_BY, by_customer ? W_CUSTOMER : W_RETAILER);
  ds_sim_put(event, DS_SIM_REASON, by_customer ? W_CHANGED_MIND : W_OUT_OF_STOCK);
  now->delivered = time + DAY_S + ds_dice_exponential(dice, DAY_S);
  event = ds_shop_add(walk, now, DS_SIM_REFUND_ISSUED, now->delivered, 0);
  ds_sim_put(event, DS_SIM_AMOUNT, now->value_cents);
}

static ds_sim_event *add_scan(ds_sim_walk *walk, const ds_shop_order *of, uint8_t parcel,
                              ds_sim_touchpoint touchpoint, int64_t time_s) {
  ds_sim_event *event = ds_shop_add(walk, of, touchpoint, time_s, parcel);
  ds_sim_polled(walk, event);
  ds_sim_put(event, DS_SIM_CARRIER, W_NORTHPOST + of->carrier);
  return event;
}

// Per 10,000; multiplied for parcelgo's weekends and for the busy weeks before the year's end.
static int32_t late_chance(const ds_shop_order *of) {
  const int64_t day = of->day - DS_SIM_FIRST_DAY;
  const int64_t weekday = day % 7; // 0 = Sunday
  int32_t chance = late_share[lane(of)][of->carrier] * 100;
  if (of->carrier == PARCELGO && weekday >= 5)
    chance = chance * (SHOP_LATE_WEEKEND / 100) / 100;
  if (day % 365 >= 323)
    chance = chance * (SHOP_LATE_PEAK / 100) / 100;
  return chance;
}

// Days after the promised one; before it, or on it, 0 or less.
static int64_t draw_late_days(ds_sim_walk *walk, const ds_shop_order *of) {
  ds_dice *dice = &walk->dice;
  if (!ds_dice_chance(dice, late_chance(of))) {
    const int64_t early = -(int64_t)ds_dice_below(dice, 3);
    const int64_t least = of->day + SHOP_DELIVERY_LEAST / DAY_S - of->promise_day;
    return early < least ? least : early;
  }
  int64_t days = 1;
  while (days < 8 && ds_dice_chance(dice, SHOP_LATE_MORE))
    days++;
  return days;
}

// The scans: of hubs on the way, and on the morning of the first attempt that of the last depot.
static void add_transit(ds_sim_walk *walk, const ds_shop_order *of, uint8_t parcel, int64_t from,
                        int64_t to) {
  ds_dice *dice = &walk->dice;
  const int64_t depot = to - 20 * 60 - ds_dice_below(dice, 160 * 60);
  const int64_t hubs = ds_dice_pick(dice, SHOP_HUBS);
  const int64_t step = (depot - from) / (hubs + 1);
  for (int64_t i = 1; i <= hubs; i++)
    add_scan(walk, of, parcel, DS_SIM_SHIPMENT_IN_TRANSIT,
             from + i * step - ds_dice_below(dice, (uint32_t)(step / 2)));
  add_scan(walk, of, parcel, DS_SIM_SHIPMENT_IN_TRANSIT, depot);
}

// A late parcel is announced the evening before; the first announcement of an order is passed on,
// unless the customer is held out.
static void tell_delay(ds_sim_walk *walk, ds_shop_order *now, uint8_t parcel, int64_t day) {
  ds_dice *dice = &walk->dice;
  const int64_t time =
      (now->promise_day - 1) * DAY_S + 17 * HOUR_S + ds_dice_below(dice, 5 * HOUR_S);
  ds_sim_event *event = add_scan(walk, now, parcel, DS_SIM_SHIPMENT_DELAYED, time);
  ds_sim_put(event, DS_SIM_REASON,
             ds_dice_chance(dice, 6000) ? W_CARRIER_CAPACITY_EXCEEDED : W_WEATHER_DELAY);
  ds_sim_put(event, DS_SIM_NEW_EDD, (uint32_t)day);
  if (!now->customer->notice || now->noticed)
    return;
  now->noticed = true;
  const int64_t clicked = ds_shop_notify(walk, now, W_DELAY_NOTICE, time + 20 * 60);
  if (clicked != 0)
    ds_shop_visit(walk, now, clicked + 5);
}

static void attempt(ds_sim_walk *walk, ds_shop_order *now, uint8_t parcel, int64_t day,
                    int64_t first, bool fails) {
  ds_dice *dice = &walk->dice;
  add_scan(walk, now, parcel, DS_SIM_OUT_FOR_DELIVERY, first);
  if (fails) {
    const int64_t failed = (day - 1) * DAY_S + 10 * HOUR_S + ds_dice_below(dice, 9 * HOUR_S);
    ds_sim_event *event = add_scan(walk, now, parcel, DS_SIM_DELIVERY_ATTEMPT_FAILED, failed);
    ds_sim_put(event, DS_SIM_ATTEMPT_NO, 1);
    ds_sim_put(event, DS_SIM_REASON, W_CONSIGNEE_NOT_HOME);
    add_scan(walk, now, parcel, DS_SIM_OUT_FOR_DELIVERY,
             day * DAY_S + 6 * HOUR_S + ds_dice_below(dice, 3 * HOUR_S));
  }
  const int64_t delivered = day * DAY_S + 10 * HOUR_S + ds_dice_below(dice, 9 * HOUR_S);
  ds_sim_event *event = add_scan(walk, now, parcel, DS_SIM_DELIVERED, delivered);
  ds_sim_put(event, DS_SIM_PROMISE_UNTIL, (uint32_t)now->promise_day);
  now->delivered = delivered > now->delivered ? delivered : now->delivered;
  now->first_attempt = now->first_attempt == 0 || first < now->first_attempt ? first
                                                                             : now->first_attempt;
}

static void ship_parcel(ds_sim_walk *walk, ds_shop_order *now, uint8_t parcel) {
  ds_dice *dice = &walk->dice;
  const int64_t late_days = draw_late_days(walk, now);
  const int64_t day = now->promise_day + late_days;
  const bool fails = ds_dice_chance(dice, SHOP_ATTEMPT_FAILS[now->carrier] * 100);
  const int64_t collected =
      now->collected + (parcel > 1 ? 1 + ds_dice_below(dice, 90) : 0);
  const int64_t first =
      (fails ? day - 1 : day) * DAY_S + 6 * HOUR_S + ds_dice_below(dice, 3 * HOUR_S);
  assert(first > collected);
  // Labels of one order are printed at once: equal times.
  ds_sim_event *event = ds_shop_add(walk, now, DS_SIM_LABEL_CREATED, now->labelled, parcel);
  ds_sim_put(event, DS_SIM_CARRIER, W_NORTHPOST + now->carrier);
  event = add_scan(walk, now, parcel, DS_SIM_CARRIER_COLLECTED, collected);
  ds_sim_put(event, DS_SIM_LANE, W_NEAR + lane(now));
  add_transit(walk, now, parcel, collected, first);
  now->late_days = late_days > now->late_days ? late_days : now->late_days;
  if (late_days > 0 && ds_dice_chance(dice, SHOP_DELAY_TOLD))
    tell_delay(walk, now, parcel, day);
  attempt(walk, now, parcel, day, first, fails);
}

// One order from beginning to end.
static void make_order(ds_sim_walk *walk, ds_shop_order *now) {
  decide_order(walk, now);
  place_order(walk, now);
  pay_order(walk, now);
  now->cancelled = ds_dice_chance(&walk->dice, SHOP_CANCELLED);
  if (now->cancelled) {
    cancel_order(walk, now);
    return;
  }
  for (uint8_t parcel = 1; parcel <= now->parcels; parcel++)
    ship_parcel(walk, now, parcel);
  ds_shop_after(walk, now);
}

static int32_t repeat_chance(const ds_shop_order *last) {
  const bool offered = last->customer->offer && !last->cancelled;
  return SHOP_REPEAT - (last->late_days > 0 ? SHOP_REPEAT_LATE : 0) +
         (last->high_value ? SHOP_REPEAT_HIGH_VALUE : 0) + (offered ? SHOP_REPEAT_OFFER : 0);
}

// The day of the next order, on a weekday drawn anew, which moves it by less than a week.
static int64_t next_day(ds_sim_walk *walk, const ds_shop_order *last) {
  ds_dice *dice = &walk->dice;
  const int64_t later = (last->delivered + SHOP_REPEAT_WAIT +
                         ds_dice_exponential(dice, SHOP_REPEAT_MEAN)) / DAY_S;
  const int64_t sunday = later - (later - DS_SIM_FIRST_DAY) % 7;
  const int64_t day = sunday + walk->world->weekday[ds_dice_roll(dice) >> 54];
  return day < later ? day + 7 : day;
}

static ds_shop_customer draw_customer(ds_sim_walk *walk) {
  ds_dice *dice = &walk->dice;
  ds_shop_customer who;
  who.state = ds_dice_pick(dice, SHOP_STATE_SHARE);
  who.machine_opens = ds_dice_chance(dice, SHOP_MACHINE_OPENS);
  who.notice = !ds_dice_chance(dice, SHOP_HOLDOUT_NOTICE);
  who.review = !ds_dice_chance(dice, SHOP_HOLDOUT_REVIEW);
  who.offer = !ds_dice_chance(dice, SHOP_HOLDOUT_OFFER);
  return who;
}

void ds_sim_shop(const ds_sim_world *world, uint64_t customer, uint32_t orders_max,
                 ds_sim_journey *journey) {
  ds_sim_walk walk;
  ds_sim_begin(&walk, world, customer, journey);
  const ds_shop_customer who = draw_customer(&walk);
  const uint32_t limit = orders_max < DS_SIM_CASES_MAX ? orders_max : DS_SIM_CASES_MAX;
  int64_t day = DS_SIM_FIRST_DAY + world->day[ds_dice_roll(&walk.dice) >> 51];
  do {
    ds_shop_order next = {.customer = &who, .number = (uint8_t)journey->orders, .day = day};
    make_order(&walk, &next);
    journey->orders++;
    if (!ds_dice_chance(&walk.dice, repeat_chance(&next)))
      break;
    day = next_day(&walk, &next);
  } while (journey->orders < limit && day < DS_SIM_FIRST_DAY + DS_SIM_DAYS);
  ds_sim_end(&walk);
}
