// SPDX-License-Identifier: Apache-2.0
// What the customers of the simulated shop do once an order is under way.
#include <stddef.h>

#include "ingest/simulate_parameters.h"
#include "ingest/simulate_phrases.h"
#include "ingest/simulate_shop.h"

enum { DAY_S = DS_SIM_DAY_S, HOUR_S = DS_SIM_HOUR_S };

static ds_sim_event *add_email_event(ds_sim_walk *walk, const ds_shop_order *order,
                                     ds_sim_touchpoint touchpoint, int64_t time_s,
                                     ds_sim_word rule) {
  ds_sim_event *event = ds_shop_add(walk, order, touchpoint, time_s, 0);
  event->identifiers = DS_SIM_EMAIL;
  if (rule != W_NONE)
    ds_sim_put(event, DS_SIM_RULE_ID, rule);
  return event;
}

int64_t ds_shop_open_email(ds_sim_walk *walk, const ds_shop_order *order,
                           ds_sim_touchpoint opened, ds_sim_touchpoint clicked, int64_t sent,
                           ds_sim_word rule) {
  ds_dice *dice = &walk->dice;
  if (order->customer->machine_opens)
    ds_sim_put(add_email_event(walk, order, opened, sent + 5 + ds_dice_below(dice, 55), rule),
               DS_SIM_MACHINE_OPEN, true);
  if (!ds_dice_chance(dice, SHOP_OPENS))
    return 0;
  const int64_t read = sent + 120 + ds_dice_exponential(dice, 6 * HOUR_S);
  ds_sim_put(add_email_event(walk, order, opened, read, rule), DS_SIM_MACHINE_OPEN, false);
  if (clicked == opened || !ds_dice_chance(dice, SHOP_CLICKS))
    return 0;
  const int64_t followed = read + 5 + ds_dice_below(dice, 85);
  add_email_event(walk, order, clicked, followed, rule);
  return followed;
}

int64_t ds_shop_notify(ds_sim_walk *walk, const ds_shop_order *order, ds_sim_word rule,
                       int64_t sent) {
  ds_sim_event *event = add_email_event(walk, order, DS_SIM_NOTIFICATION_SENT, sent, rule);
  ds_sim_put(event, DS_SIM_PURPOSE, rule == W_OFFER ? W_MARKETING : W_SERVICE);
  ds_sim_put(event, DS_SIM_CHANNEL, W_EMAIL);
  return ds_shop_open_email(walk, order, DS_SIM_NOTIFICATION_OPENED,
                            DS_SIM_NOTIFICATION_CLICKED, sent, rule);
}

// A view that is not signed in knows the parcel, not the order.
static void add_view(ds_sim_walk *walk, const ds_shop_order *of, int64_t time_s, ds_sim_word way,
                     const ds_sim_event *before) {
  ds_sim_event *event = ds_shop_add(walk, of, DS_SIM_TRACKING_PAGE_VIEWED, time_s, 0);
  if (before != NULL) {
    event->device = before->device;
    event->identifiers = before->identifiers;
  } else {
    ds_sim_draw_device(walk, event);
    if (ds_dice_chance(&walk->dice, SHOP_VIEWS_NOT_SIGNED_IN))
      event->identifiers |= DS_SIM_NO_ACCOUNT;
  }
  if ((event->identifiers & DS_SIM_NO_ACCOUNT) != 0) {
    event->keys[DS_SIM_ORDER_ID] = 0;
    event->keys[DS_SIM_PARCEL_ID] = 1;
  }
  ds_sim_put(event, DS_SIM_CHANNEL, way);
  ds_sim_put(event, DS_SIM_SHIPMENT_STATUS,
             of->first_attempt != 0 && time_s >= of->first_attempt ? W_OUT_FOR_DELIVERY
                                                                   : W_IN_TRANSIT);
}

void ds_shop_visit(ds_sim_walk *walk, const ds_shop_order *order, int64_t time_s) {
  ds_dice *dice = &walk->dice;
  const ds_sim_word way = ds_dice_chance(dice, SHOP_APP) ? W_APP : W_WEB;
  add_view(walk, order, time_s, way, NULL);
  const ds_sim_event *first = &walk->journey->events[walk->journey->count - 1];
  if (ds_dice_chance(dice, SHOP_LOOK_AGAIN))
    add_view(walk, order, time_s + 20 + ds_dice_below(dice, 220), way, first);
}

// Visits lie between collection and delivery, mostly in the evening; most of those of a late order
// on or after the promised day.
static void add_visits(ds_sim_walk *walk, const ds_shop_order *of) {
  ds_dice *dice = &walk->dice;
  uint32_t visits = ds_dice_pick(dice, SHOP_VIEWS);
  for (int64_t day = 1; day <= of->late_days; day++)
    visits += ds_dice_chance(dice, SHOP_VIEWS_LATE);
  const int64_t last_day = of->delivered / DAY_S;
  for (uint32_t i = 0; i < visits; i++) {
    const bool waiting = of->late_days > 0 && ds_dice_chance(dice, SHOP_VIEWS_WAITING);
    const int64_t first_day = waiting ? of->promise_day : of->collected / DAY_S;
    const int64_t day = first_day + ds_dice_below(dice, (uint32_t)(last_day - first_day + 1));
    int64_t time = day * DAY_S + ds_sim_draw_hour(walk, walk->world->view_hour);
    if (time <= of->collected)
      time = of->collected + 600 + ds_dice_below(dice, 3 * HOUR_S);
    if (time >= of->delivered - 600)
      time = of->delivered - 600 - ds_dice_below(dice, 3 * HOUR_S);
    ds_shop_visit(walk, of, time);
  }
}

static void add_ticket(ds_sim_walk *walk, ds_shop_order *of, int64_t opened, ds_sim_word reason,
                       ds_sim_word order_state) {
  const ds_sim_ticket ticket = {
      .order = of->number,
      .number = ++of->tickets,
      .reason = reason,
      .kind = reason == W_WISMO && of->late_days > 0  ? W_COMPLAINT
              : reason == W_DAMAGED || reason == W_NOT_RECEIVED ? W_ISSUE_REPORT
                                                                : W_INQUIRY,
      .order_state = order_state,
      .key = DS_SIM_ORDER_ID,
  };
  bool slow = false;
  const int64_t solved = ds_sim_add_ticket(walk, &ticket, opened, &slow);
  of->settled = solved > of->settled ? solved : of->settled;
  of->slow = of->slow || slow;
}

static int32_t wismo_chance(const ds_shop_order *of) {
  return of->late_days <= 0 ? SHOP_WISMO : of->noticed ? SHOP_WISMO_NOTICED : SHOP_WISMO_LATE;
}

static void add_contacts(ds_sim_walk *walk, ds_shop_order *of) {
  static const uint8_t processing[] = {W_CHANGE_ADDRESS, W_CANCEL_REQUEST, W_BILLING};
  static const uint8_t delivered[] = {W_PRODUCT_QUESTION, W_RETURN_QUESTION, W_DAMAGED,
                                      W_NOT_RECEIVED};
  ds_dice *dice = &walk->dice;
  if (ds_dice_chance(dice, SHOP_TICKET_PROCESSING)) {
    const int64_t opened =
        of->approved + 60 + ds_dice_below(dice, (uint32_t)(of->collected - of->approved - 60));
    add_ticket(walk, of, opened,
               (ds_sim_word)processing[ds_dice_pick(dice, SHOP_REASON_PROCESSING)],
               W_PROCESSING);
  }
  if (ds_dice_chance(dice, wismo_chance(of))) {
    // Who waits in vain on the promised day writes in its evening.
    const int64_t opened =
        of->late_days > 0
            ? of->promise_day * DAY_S + 18 * HOUR_S + ds_dice_below(dice, 5 * HOUR_S)
            : (of->collected + of->delivered) / 2;
    add_ticket(walk, of, opened, W_WISMO, W_IN_TRANSIT);
  } else if (of->tickets == 0 && ds_dice_chance(dice, SHOP_TICKET_DELIVERED)) {
    const uint8_t reason = delivered[ds_dice_pick(dice, SHOP_REASON_DELIVERED)];
    const int64_t opened = of->delivered + HOUR_S + ds_dice_exponential(dice, 3 * DAY_S);
    add_ticket(walk, of, opened, (ds_sim_word)reason, W_DELIVERED);
  }
}

static uint32_t draw_stars(ds_sim_walk *walk, const ds_shop_order *of) {
  const uint16_t *shares = of->late_days > 2   ? SHOP_STARS_VERY_LATE
                           : of->late_days > 0 ? SHOP_STARS_LATE
                                               : SHOP_STARS;
  const uint32_t stars = 1u + ds_dice_pick(&walk->dice, shares);
  const bool lost = of->slow && ds_dice_chance(&walk->dice, SHOP_STARS_SLOW);
  return lost && stars > 1 ? stars - 1 : stars;
}

static void add_review(ds_sim_walk *walk, const ds_shop_order *of, int64_t earliest) {
  ds_dice *dice = &walk->dice;
  const int64_t start = of->settled > earliest ? of->settled : earliest;
  const uint32_t stars = draw_stars(walk, of);
  const bool portuguese = of->customer->state >= W_SP - W_NY;
  ds_sim_event *event =
      ds_shop_add(walk, of, DS_SIM_REVIEW_SUBMITTED,
                  start + 2 * HOUR_S + ds_dice_exponential(dice, 2 * DAY_S), 0);
  ds_sim_put(event, DS_SIM_STARS, stars);
  if (!ds_dice_chance(dice, stars > 2 ? SHOP_TEXT : SHOP_TEXT_LOW))
    return;
  ds_sim_put(event, DS_SIM_LANG, portuguese ? W_PT : W_EN);
  ds_sim_put(event, DS_SIM_TEXT,
             ds_sim_draw_phrases(dice, portuguese, stars, of->late_days > 0, of->slow));
}

// A review is asked for on the fifth day after the delivery.
static void add_feedback(ds_sim_walk *walk, const ds_shop_order *of) {
  ds_dice *dice = &walk->dice;
  int64_t earliest = of->delivered + DAY_S;
  if (of->customer->review) {
    const int64_t asked =
        (of->delivered / DAY_S + 5) * DAY_S + 10 * HOUR_S + ds_dice_below(dice, HOUR_S / 2);
    add_email_event(walk, of, DS_SIM_REVIEW_REQUESTED, asked, W_NONE);
    ds_shop_open_email(walk, of, DS_SIM_REVIEW_REQUEST_OPENED, DS_SIM_REVIEW_REQUEST_OPENED,
                       asked, W_NONE);
    earliest = asked;
  }
  if (ds_dice_chance(dice, SHOP_REVIEW + (of->customer->review ? SHOP_REVIEW_ASKED : 0) +
                               (of->late_days > 0 ? SHOP_REVIEW_LATE : 0)))
    add_review(walk, of, earliest);
}

static void add_return_event(ds_sim_walk *walk, const ds_shop_order *of,
                             ds_sim_touchpoint touchpoint, int64_t time_s, ds_sim_property property,
                             uint32_t value) {
  ds_sim_event *event = ds_shop_add(walk, of, touchpoint, time_s, 0);
  event->keys[DS_SIM_RETURN_ID] = 1;
  ds_sim_put(event, property, value);
}

static void add_return(ds_sim_walk *walk, const ds_shop_order *of) {
  static const uint8_t reasons[] = {W_SIZE, W_CHANGED_MIND, W_DAMAGED, W_NOT_AS_DESCRIBED};
  ds_dice *dice = &walk->dice;
  const int32_t chance =
      SHOP_RETURNED[of->category] * 100 + (of->late_days > 0 ? SHOP_RETURNED_LATE : 0);
  if (!ds_dice_chance(dice, chance))
    return;
  const ds_sim_word reason = (ds_sim_word)reasons[ds_dice_pick(dice, SHOP_RETURN_REASON)];
  const int64_t asked = of->delivered + DAY_S + ds_dice_exponential(dice, 4 * DAY_S);
  const int64_t back = asked + 3 * DAY_S + ds_dice_below(dice, 5 * DAY_S);
  const int64_t paid = back + 12 * HOUR_S + ds_dice_exponential(dice, SHOP_REFUND_MEAN);
  const bool exchanged = ds_dice_chance(dice, SHOP_EXCHANGED);
  add_return_event(walk, of, DS_SIM_RETURN_REQUESTED, asked, DS_SIM_REASON, reason);
  add_return_event(walk, of, DS_SIM_RETURN_LABEL_ISSUED, asked + 300, DS_SIM_REASON, reason);
  add_return_event(walk, of, DS_SIM_RETURN_RECEIVED, back, DS_SIM_REASON, reason);
  add_return_event(walk, of, exchanged ? DS_SIM_EXCHANGE_ISSUED : DS_SIM_REFUND_ISSUED, paid,
                   DS_SIM_AMOUNT, of->value_cents);
}

void ds_shop_after(ds_sim_walk *walk, ds_shop_order *order) {
  order->settled = order->delivered;
  add_visits(walk, order);
  add_contacts(walk, order);
  add_feedback(walk, order);
  add_return(walk, order);
  if (order->customer->offer)
    ds_shop_notify(walk, order, W_OFFER,
                   (order->delivered / DAY_S + 3) * DAY_S + 9 * HOUR_S +
                       ds_dice_below(&walk->dice, HOUR_S));
}
