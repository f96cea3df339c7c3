// SPDX-License-Identifier: Apache-2.0
// The accounts of a simulated subscription software: a month after the other, active or idle, until
// they leave. A subscription is what an order is to the shop.
#include "ingest/simulate_parameters.h"
#include "ingest/simulate_walk.h"

enum { DAY_S = DS_SIM_DAY_S, HOUR_S = DS_SIM_HOUR_S, MONTH_S = 30 * DS_SIM_DAY_S };

// A subscription under way; times in seconds since 1970.
typedef struct subscription {
  uint8_t number; // of the account, from 0
  uint8_t plan;   // 0..2
  uint8_t tickets;
  bool idle, exports, dark, slow; // slow: a slow first response this month
  int64_t start; // of the month at hand
} subscription;

static ds_sim_event *add(ds_sim_walk *walk, const subscription *of, ds_sim_touchpoint touchpoint,
                         int64_t time_s) {
  ds_sim_event *event = ds_sim_add(walk, of->number, touchpoint, time_s);
  event->keys[DS_SIM_SUBSCRIPTION_ID] = 1;
  return event;
}

static void add_payment(ds_sim_walk *walk, const subscription *of, int64_t time_s, bool fails) {
  ds_sim_event *event =
      add(walk, of, fails ? DS_SIM_PAYMENT_FAILED : DS_SIM_PAYMENT_APPROVED, time_s);
  ds_sim_put(event, DS_SIM_METHOD, W_CARD);
  ds_sim_put(event, DS_SIM_AMOUNT, SAAS_PRICE[of->plan] * 100u);
  if (fails)
    ds_sim_put(event, DS_SIM_REASON, W_CARD_REFUSED);
}

static void sign_up(ds_sim_walk *walk, const subscription *now) {
  ds_dice *dice = &walk->dice;
  ds_sim_event *event = add(walk, now, DS_SIM_ORDER_PLACED, now->start);
  event->identifiers = DS_SIM_EMAIL;
  ds_sim_draw_device(walk, event);
  ds_sim_put(event, DS_SIM_VALUE, SAAS_PRICE[now->plan] * 100u);
  ds_sim_put(event, DS_SIM_CURRENCY, W_USD);
  ds_sim_put(event, DS_SIM_PLAN, W_SOLO + now->plan);
  ds_sim_put(event, DS_SIM_SEATS, SAAS_SEATS[now->plan]);
  ds_sim_put(event, DS_SIM_CHANNEL, W_WEB);
  add_payment(walk, now, now->start + 20 + ds_dice_below(dice, 60), false);
  if (ds_dice_chance(dice, SAAS_ACTIVATED))
    add(walk, now, DS_SIM_PRODUCT_ACTIVATED,
        now->start + 1800 + ds_dice_exponential(dice, 2 * DAY_S));
}

static void use_feature(ds_sim_walk *walk, const subscription *of, int64_t time_s,
                        ds_sim_word feature) {
  ds_sim_event *event = add(walk, of, DS_SIM_FEATURE_USED, time_s);
  ds_sim_put(event, DS_SIM_FEATURE, feature);
  ds_sim_maybe_late(walk, event);
}

// A moment of the month, in working hours.
static int64_t draw_moment(ds_sim_walk *walk, const subscription *of) {
  const int64_t day = of->start / DAY_S + 1 + ds_dice_below(&walk->dice, 28);
  return day * DAY_S + 8 * HOUR_S + ds_dice_below(&walk->dice, 10 * HOUR_S);
}

// A log-in is followed by a search; export, reports and dark_mode are used once a month.
static void use_product(ds_sim_walk *walk, const subscription *of) {
  ds_dice *dice = &walk->dice;
  const uint32_t mean = SAAS_LOGINS[of->plan];
  const uint32_t logins = of->idle ? ds_dice_below(dice, 2) : 1 + ds_dice_below(dice, 2 * mean - 1);
  int64_t time = 0;
  for (uint32_t i = 0; i < logins; i++) {
    time = draw_moment(walk, of);
    ds_sim_event *event = add(walk, of, DS_SIM_LOGIN, time);
    ds_sim_draw_device(walk, event);
    ds_sim_put(event, DS_SIM_CHANNEL, ds_dice_chance(dice, 3000) ? W_APP : W_WEB);
    use_feature(walk, of, time + 30 + ds_dice_below(dice, HOUR_S / 2), W_SEARCH);
  }
  if (logins == 0 || of->idle)
    return;
  if (of->exports)
    use_feature(walk, of, time + HOUR_S, W_EXPORT);
  if (ds_dice_chance(dice, SAAS_REPORTS[of->plan] * 100))
    use_feature(walk, of, time + HOUR_S + 600, W_REPORTS);
  if (of->dark)
    use_feature(walk, of, time + 15, W_DARK_MODE);
}

static void add_tickets(ds_sim_walk *walk, subscription *now) {
  ds_dice *dice = &walk->dice;
  now->slow = false;
  if (!ds_dice_chance(dice, SAAS_TICKET))
    return;
  static const uint8_t reasons[] = {W_BUG, W_HOW_TO, W_BILLING};
  const uint8_t reason = reasons[ds_dice_pick(dice, now->idle ? SAAS_REASON_IDLE
                                                              : SAAS_REASON_ACTIVE)];
  const ds_sim_ticket ticket = {
      .order = now->number,
      .number = ++now->tickets,
      .reason = (ds_sim_word)reason,
      .kind = reason == W_BUG ? W_ISSUE_REPORT : W_INQUIRY,
      .key = DS_SIM_SUBSCRIPTION_ID,
  };
  ds_sim_add_ticket(walk, &ticket, draw_moment(walk, now), &now->slow);
}

static void answer_survey(ds_sim_walk *walk, const subscription *of) {
  static const uint8_t low[] = {0, 7, 9};
  static const uint8_t width[] = {7, 2, 2};
  ds_dice *dice = &walk->dice;
  if (!ds_dice_chance(dice, SAAS_NPS))
    return;
  const uint8_t band = ds_dice_pick(dice, of->idle ? SAAS_NPS_IDLE : SAAS_NPS_ACTIVE);
  ds_sim_event *event = add(walk, of, DS_SIM_NPS_SUBMITTED, draw_moment(walk, of));
  event->identifiers = DS_SIM_EMAIL;
  ds_sim_put(event, DS_SIM_SCORE, low[band] + ds_dice_below(dice, width[band]));
}

static int32_t churn_chance(const subscription *of) {
  const int32_t chance = SAAS_CHURN[of->plan] * 100 + (of->idle ? SAAS_CHURN_IDLE : 0) +
                         (of->slow ? SAAS_CHURN_SLOW : 0);
  return of->exports ? chance * (SAAS_CHURN_EXPORT / 100) / 100 : chance;
}

static void leave(ds_sim_walk *walk, const subscription *of, int64_t time_s, ds_sim_word reason) {
  ds_sim_event *event = add(walk, of, DS_SIM_SUBSCRIPTION_CANCELLED, time_s);
  ds_sim_put(event, DS_SIM_TERM, W_MONTH);
  ds_sim_put(event, DS_SIM_REASON, reason);
}

// The renewal at the end of a month; false when the subscription ends.
static bool renew(ds_sim_walk *walk, const subscription *of, int64_t time_s) {
  ds_dice *dice = &walk->dice;
  if (ds_dice_chance(dice, churn_chance(of))) {
    leave(walk, of, time_s - HOUR_S, of->idle ? W_NOT_USED : W_TOO_EXPENSIVE);
    return false;
  }
  if (ds_dice_chance(dice, SAAS_PAYMENT_FAILS)) {
    add_payment(walk, of, time_s, true);
    if (ds_dice_chance(dice, SAAS_PAYMENT_LOST)) {
      leave(walk, of, time_s + 3 * DAY_S, W_PAYMENT);
      return false;
    }
    time_s += DAY_S;
  }
  add_payment(walk, of, time_s, false);
  ds_sim_put(add(walk, of, DS_SIM_SUBSCRIPTION_RENEWED, time_s + 5), DS_SIM_TERM, W_MONTH);
  return true;
}

// Returns when it ended, or is known of no more.
static int64_t make_subscription(ds_sim_walk *walk, subscription *now) {
  ds_dice *dice = &walk->dice;
  const int64_t end = (int64_t)(DS_SIM_FIRST_DAY + DS_SIM_DAYS) * DAY_S;
  sign_up(walk, now);
  for (int32_t month = 1; now->start < end; month++) {
    use_product(walk, now);
    add_tickets(walk, now);
    if (month % 3 == 0)
      answer_survey(walk, now);
    const int64_t renewal = now->start + MONTH_S;
    if (!renew(walk, now, renewal))
      return renewal;
    now->start = renewal;
    now->idle = ds_dice_chance(dice, now->idle ? 10000 - SAAS_AWAKE : SAAS_IDLE);
  }
  return end;
}

void ds_sim_saas(const ds_sim_world *world, uint64_t customer, uint32_t orders_max,
                 ds_sim_journey *journey) {
  ds_sim_walk walk;
  ds_sim_begin(&walk, world, customer, journey);
  ds_dice *dice = &walk.dice;
  subscription now = {0};
  now.plan = ds_dice_pick(dice, SAAS_PLAN);
  now.exports = ds_dice_chance(dice, SAAS_EXPORT);
  now.dark = ds_dice_chance(dice, SAAS_DARK_MODE);
  int64_t day = DS_SIM_FIRST_DAY + world->day[ds_dice_roll(dice) >> 51];
  do {
    now.number = (uint8_t)journey->orders++;
    now.tickets = 0;
    now.idle = false;
    now.start = day * DAY_S + ds_sim_draw_hour(&walk, world->hour);
    day = make_subscription(&walk, &now) / DAY_S + 14;
    day += ds_dice_below(dice, 60);
  } while (journey->orders < 2 && journey->orders < orders_max &&
           ds_dice_chance(dice, SAAS_COMES_BACK) && day < DS_SIM_FIRST_DAY + DS_SIM_DAYS);
  ds_sim_end(&walk);
}
