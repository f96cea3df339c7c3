// SPDX-License-Identifier: Apache-2.0
// Every main effect of the simulated shop is counted back out of its events, without a look at how
// they were made, and held against the size that docs/simulator.md states.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/simulate_parameters.h"
#include "ingest/simulate_walk.h"

#define DAY_MS 86400000LL
#define HOUR_MS 3600000LL
enum { CUSTOMERS = 150000, NEAR = 0, STATES = 7, LATE_BANDS = 3 };

// How often something happened of how often it could have.
typedef struct rate {
  double n, k;
} rate;

static void add(rate *of, bool happened) {
  of->n++;
  of->k += happened;
}

static void add_value(rate *of, double value) {
  of->n++;
  of->k += value;
}

static double share(rate of) {
  return of.n == 0 ? 0 : of.k / of.n;
}

// The counted rate lies within four and a half standard errors of the stated one: one in 150,000
// true rates would not.
static void check_rate(rate of, double percent, const char *what) {
  const double p = percent / 100;
  const double error = 4.5 * sqrt(p * (1 - p) / (of.n > 0 ? of.n : 1));
  if (of.n < 50 || fabs(share(of) - p) > error)
    fail_msg("%s: stated %.2f %%, counted %.2f %% of %.0f", what, percent, 100 * share(of), of.n);
}

static void check_mean(rate of, double mean, double tolerance, const char *what) {
  if (of.n < 50 || fabs(share(of) - mean) > tolerance * mean)
    fail_msg("%s: stated %.3f, counted %.3f of %.0f", what, mean, share(of), of.n);
}

// What its events tell of one order.
typedef struct order {
  bool placed, cancelled, high_value, express, gift, notice, review, offer, noticed, told;
  bool machine, opened, clicked, asked, reviewed, text, portuguese, returned, wismo, slow;
  bool processing_ticket, delivered_ticket;
  int64_t day, weekday, late_days;
  uint32_t category, state, carrier, stars, views, parcels, delivered, failed_attempts;
  int64_t opened_ms; // of the latest ticket
} order;

// All that is counted.
typedef struct tally {
  rate repeat[2][2][2], repeat_express[2][2], repeat_gift[2], stars_gift[2];
  rate express[2], late[3][3], late_weekend[2], late_peak[3][3], late_carrier[3];
  rate state[STATES], attempt_fails[3], told, cancelled;
  rate wismo_in_time, wismo_told[2], wismo_untold, ticket_processing, ticket_delivered;
  rate reason_processing[3], response[3], csat[2];
  rate views[5], not_signed_in, hour[24];
  rate review[2][2], stars[LATE_BANDS][5], mean_stars_slow[2], text[2], portuguese;
  rate returned[3][2];
  rate machine, opened, clicked;
  rate late_scan, duplicate, member;
  uint64_t events, orders;
} tally;

static void read_ticket(tally *all, const ds_sim_event *event, order *of) {
  const uint32_t reason = ds_sim_get(event, DS_SIM_REASON);
  const uint32_t state = ds_sim_get(event, DS_SIM_ORDER_STATE);
  of->opened_ms = event->time_ms;
  of->wismo = of->wismo || reason == W_WISMO;
  assert_true((reason == W_WISMO) == (state == W_IN_TRANSIT));
  of->delivered_ticket = of->delivered_ticket || state == W_DELIVERED;
  if (state == W_PROCESSING) {
    of->processing_ticket = true;
    for (uint32_t i = 0; i < 3; i++)
      add(&all->reason_processing[i], reason == W_CHANGE_ADDRESS + i);
  }
}

static void read_response(tally *all, const ds_sim_event *event, order *of) {
  const uint32_t channel = ds_sim_get(event, DS_SIM_CHANNEL) - W_EMAIL;
  const int64_t wait_ms = event->time_ms - of->opened_ms;
  add_value(&all->response[channel], (double)wait_ms / 60000);
  of->slow = of->slow || wait_ms > SHOP_SLOW * INT64_C(1000);
}

static void read_placed(const ds_sim_event *event, order *of) {
  of->placed = true;
  of->day = event->time_ms / DAY_MS;
  of->weekday = (of->day - DS_SIM_FIRST_DAY) % 7;
  of->high_value = ds_sim_get(event, DS_SIM_VALUE) >= SHOP_HIGH_VALUE;
  of->express = ds_sim_get(event, DS_SIM_SERVICE) == W_EXPRESS;
  of->gift = ds_sim_get(event, DS_SIM_GIFT_WRAP) != 0;
  of->notice = ds_sim_get(event, DS_SIM_DELAY_NOTICE) == W_TREATMENT;
  of->review = ds_sim_get(event, DS_SIM_REVIEW_REQUEST) == W_TREATMENT;
  of->offer = ds_sim_get(event, DS_SIM_OFFER) == W_TREATMENT;
  of->category = ds_sim_get(event, DS_SIM_CATEGORY) - W_FASHION;
  of->state = ds_sim_get(event, DS_SIM_STATE) - W_NY;
}

static void read_view(tally *all, const ds_sim_event *event, order *of) {
  const bool out = (event->identifiers & DS_SIM_NO_ACCOUNT) != 0;
  of->views++;
  add(&all->not_signed_in, out);
  for (int64_t hour = 0; hour < 24; hour++)
    add(&all->hour[hour], event->time_ms / HOUR_MS % 24 == hour);
  assert_true(event->keys[DS_SIM_ORDER_ID] == !out && event->keys[DS_SIM_PARCEL_ID] == out);
}

static void read_email(const ds_sim_event *event, order *of) {
  const bool machine = ds_sim_get(event, DS_SIM_MACHINE_OPEN) != 0;
  of->machine = of->machine || machine;
  of->opened = of->opened || !machine;
}

static void read_review(const ds_sim_event *event, order *of) {
  const uint32_t language = ds_sim_get(event, DS_SIM_LANG);
  of->reviewed = true;
  of->stars = ds_sim_get(event, DS_SIM_STARS);
  of->text = language != 0;
  of->portuguese = language == W_PT;
}

static void read_delivered(const ds_sim_event *event, order *of) {
  const int64_t late_days = event->time_ms / DAY_MS - ds_sim_get(event, DS_SIM_PROMISE_UNTIL);
  of->delivered++;
  of->late_days = of->delivered == 1 || late_days > of->late_days ? late_days : of->late_days;
  of->carrier = ds_sim_get(event, DS_SIM_CARRIER) - W_NORTHPOST;
}

static void read_event(tally *all, const ds_sim_event *event, order *of) {
  switch (event->touchpoint) {
  case DS_SIM_ORDER_PLACED: read_placed(event, of); break;
  case DS_SIM_ORDER_CANCELLED: of->cancelled = true; break;
  case DS_SIM_CONFIRMATION_OPENED: read_email(event, of); break;
  case DS_SIM_CONFIRMATION_CLICKED: of->clicked = true; break;
  case DS_SIM_LABEL_CREATED: of->parcels++; break;
  case DS_SIM_SHIPMENT_DELAYED: of->told = true; break;
  case DS_SIM_NOTIFICATION_SENT:
    of->noticed = of->noticed || ds_sim_get(event, DS_SIM_RULE_ID) == W_DELAY_NOTICE;
    break;
  case DS_SIM_TRACKING_PAGE_VIEWED: read_view(all, event, of); break;
  case DS_SIM_DELIVERY_ATTEMPT_FAILED: of->failed_attempts++; break;
  case DS_SIM_DELIVERED: read_delivered(event, of); break;
  case DS_SIM_TICKET_OPENED: read_ticket(all, event, of); break;
  case DS_SIM_FIRST_RESPONSE: read_response(all, event, of); break;
  case DS_SIM_CSAT_SUBMITTED:
    add_value(&all->csat[of->slow], ds_sim_get(event, DS_SIM_SCORE));
    break;
  case DS_SIM_REVIEW_REQUESTED: of->asked = true; break;
  case DS_SIM_REVIEW_SUBMITTED: read_review(event, of); break;
  case DS_SIM_RETURN_REQUESTED: of->returned = true; break;
  default: break;
  }
}

static uint32_t lane(const order *of) {
  static const uint8_t lanes[STATES] = {0, 1, 1, 2, 0, 1, 2};
  return lanes[of->state];
}

static void count_delivery(tally *all, const order *of) {
  const bool late = of->late_days > 0;
  const bool peak = (of->day - DS_SIM_FIRST_DAY) % 365 >= 323;
  const bool weekend = of->weekday >= 5 && of->carrier == 1;
  // One parcel: its lateness is the order's.
  if (of->parcels != 1)
    return;
  add(&all->late_carrier[of->carrier], late);
  if (!peak && !weekend)
    add(&all->late[lane(of)][of->carrier], late);
  if (peak && !weekend)
    add(&all->late_peak[lane(of)][of->carrier], late);
  if (!peak && of->carrier == 1 && lane(of) == NEAR)
    add(&all->late_weekend[weekend], late);
  add(&all->attempt_fails[of->carrier], of->failed_attempts > 0);
  if (late)
    add(&all->told, of->told);
}

static void count_contacts(tally *all, const order *of) {
  add(&all->ticket_processing, of->processing_ticket);
  if (of->late_days <= 0)
    add(&all->wismo_in_time, of->wismo);
  else if (of->told)
    add(&all->wismo_told[of->notice], of->wismo);
  else
    add(&all->wismo_untold, of->wismo);
  if (!of->wismo && !of->processing_ticket)
    add(&all->ticket_delivered, of->delivered_ticket);
  if (!of->noticed && of->late_days < 5)
    add_value(&all->views[of->late_days < 0 ? 0 : of->late_days], of->views);
}

static void count_reviews(tally *all, const order *of) {
  const bool late = of->late_days > 0;
  const uint32_t band = of->late_days > 2 ? 2 : late;
  assert_true(of->asked == of->review);
  add(&all->review[of->review][late], of->reviewed);
  add(&all->returned[of->category][late], of->returned);
  if (!of->reviewed)
    return;
  add(&all->text[of->stars > 2], of->text);
  if (of->text)
    assert_true(of->portuguese == (of->state >= 4));
  if (!late)
    add_value(&all->mean_stars_slow[of->slow], of->stars);
  for (uint32_t i = 0; i < 5 && !of->slow; i++)
    add(&all->stars[band][i], of->stars == i + 1);
  if (!of->slow && !late)
    add_value(&all->stars_gift[of->gift], of->stars);
}

static void count_repeat(tally *all, const order *of, bool repeated) {
  const bool late = of->late_days > 0;
  add(&all->repeat[late][of->high_value][of->offer], repeated);
  add(&all->repeat_gift[of->gift], repeated);
  add(&all->repeat_express[of->high_value][of->express], repeated);
}

static void count_order(tally *all, const order *of, bool repeated) {
  all->orders++;
  add(&all->express[of->high_value], of->express);
  add(&all->machine, of->machine);
  add(&all->opened, of->opened);
  if (of->opened)
    add(&all->clicked, of->clicked);
  // What is under way at the end of the world has no end yet.
  if (of->day > DS_SIM_FIRST_DAY + DS_SIM_DAYS - 120)
    return;
  add(&all->cancelled, of->cancelled);
  if (of->cancelled)
    return;
  count_delivery(all, of);
  count_contacts(all, of);
  count_reviews(all, of);
  // Another order may be more than a year away.
  if (of->day < DS_SIM_FIRST_DAY + 200)
    count_repeat(all, of, repeated);
}

static void count_feed(tally *all, const ds_sim_event *event) {
  const bool scan = event->touchpoint == DS_SIM_CARRIER_COLLECTED ||
                    event->touchpoint == DS_SIM_SHIPMENT_IN_TRANSIT ||
                    event->touchpoint == DS_SIM_OUT_FOR_DELIVERY;
  const int64_t lag_ms = event->received_ms - event->time_ms;
  assert_true(lag_ms >= 0);
  add(&all->duplicate, event->duplicate);
  if (!scan || event->duplicate)
    return;
  assert_true(lag_ms > 0 && lag_ms <= 49 * HOUR_MS);
  add(&all->late_scan, lag_ms > FEED_SCAN_POLL * INT64_C(1000));
}

static void count_customer(tally *all, const ds_sim_journey *journey, uint64_t customer) {
  order orders[DS_SIM_CASES_MAX + 1];
  memset(orders, 0, sizeof orders);
  int64_t received_ms = 0;
  for (uint32_t i = 0; i < journey->count; i++) {
    const ds_sim_event *event = &journey->events[journey->sequence[i]];
    assert_true(event->received_ms >= received_ms);
    received_ms = event->received_ms;
    count_feed(all, event);
    all->events++;
    if (!event->duplicate)
      read_event(all, event, &orders[event->order]);
  }
  add(&all->member, ds_sim_is_member(customer));
  for (uint32_t i = 0; i < STATES; i++)
    add(&all->state[i], orders[0].state == i);
  for (uint32_t o = 0; o < journey->orders; o++) {
    assert_true(orders[o].placed);
    count_order(all, &orders[o], orders[o + 1].placed);
  }
}

static tally counted;

static int count_all(void **state) {
  (void)state;
  static ds_sim_world world;
  static ds_sim_journey journey;
  ds_sim_world_init(&world, 1, false, false);
  for (uint64_t customer = 1; customer <= CUSTOMERS; customer++) {
    ds_sim_shop(&world, customer, UINT32_MAX, &journey);
    count_customer(&counted, &journey, customer);
  }
  return 0;
}

static double mean_of(const uint16_t *percent, uint32_t count, uint32_t first) {
  double mean = 0;
  for (uint32_t i = 0; i < count; i++)
    mean += percent[i] * (double)(first + i) / 100;
  return mean;
}

static void test_customers(void **state) {
  (void)state;
  for (uint32_t i = 0; i < STATES; i++)
    check_rate(counted.state[i], SHOP_STATE_SHARE[i], "state");
  check_rate(counted.cancelled, SHOP_CANCELLED / 100.0, "cancelled");
  check_rate(counted.member, FEED_MEMBERS / 100.0, "members");
  const double per_order = (double)counted.events / (double)counted.orders;
  assert_true(per_order > 14 && per_order < 16);
}

static void test_carriers(void **state) {
  (void)state;
  static const uint16_t *const stated[] = {SHOP_LATE_NEAR, SHOP_LATE_FAR, SHOP_LATE_REMOTE};
  for (uint32_t l = 0; l < 3; l++)
    for (uint32_t c = 0; c < 3; c++) {
      check_rate(counted.late[l][c], stated[l][c], "late");
      check_rate(counted.late_peak[l][c], stated[l][c] * SHOP_LATE_PEAK / 10000.0, "late, peak");
      // Of each lane, swiftship is the best; over all, it seems worse than northpost.
      assert_true(c == 2 || share(counted.late[l][2]) < share(counted.late[l][c]));
    }
  assert_true(share(counted.late_carrier[2]) > share(counted.late_carrier[0]) + 0.01);
  check_rate(counted.late_weekend[0], SHOP_LATE_NEAR[1], "parcelgo on weekdays");
  check_rate(counted.late_weekend[1], SHOP_LATE_NEAR[1] * SHOP_LATE_WEEKEND / 10000.0,
             "parcelgo at the weekend");
  for (uint32_t c = 0; c < 3; c++)
    check_rate(counted.attempt_fails[c], SHOP_ATTEMPT_FAILS[c], "first attempt fails");
  check_rate(counted.told, SHOP_DELAY_TOLD / 100.0, "delay told");
}

static void test_repeat(void **state) {
  (void)state;
  for (int late = 0; late < 2; late++)
    for (int high = 0; high < 2; high++)
      for (int offer = 0; offer < 2; offer++)
        check_rate(counted.repeat[late][high][offer],
                   (SHOP_REPEAT - late * SHOP_REPEAT_LATE + high * SHOP_REPEAT_HIGH_VALUE +
                    offer * SHOP_REPEAT_OFFER) / 100.0, "repeat");
}

// Twice the error of a difference of two shares that are equal in truth, and half as much again.
static double noise(rate a, rate b) {
  const double p = (a.k + b.k) / (a.n + b.n);
  return 4.5 * sqrt(p * (1 - p) * (1 / a.n + 1 / b.n));
}

static void test_confounder_and_null(void **state) {
  (void)state;
  check_rate(counted.express[0], SHOP_EXPRESS / 100.0, "express");
  check_rate(counted.express[1], SHOP_EXPRESS_HIGH_VALUE / 100.0, "express, high value");
  rate all[2] = {{0, 0}, {0, 0}};
  for (int high = 0; high < 2; high++) {
    const rate *by = counted.repeat_express[high];
    assert_true(fabs(share(by[1]) - share(by[0])) < noise(by[0], by[1]));
    for (int express = 0; express < 2; express++) {
      all[express].n += by[express].n;
      all[express].k += by[express].k;
    }
  }
  // Without a look at the value, express seems to bring people back.
  assert_true(share(all[1]) - share(all[0]) > 0.03);
  const rate *gift = counted.repeat_gift;
  assert_true(fabs(share(gift[1]) - share(gift[0])) < noise(gift[0], gift[1]));
  assert_true(fabs(share(counted.stars_gift[1]) - share(counted.stars_gift[0])) < 0.08);
}

static void test_contacts(void **state) {
  (void)state;
  check_rate(counted.ticket_processing, SHOP_TICKET_PROCESSING / 100.0, "before shipping");
  check_rate(counted.ticket_delivered, SHOP_TICKET_DELIVERED / 100.0, "after delivery");
  check_rate(counted.wismo_in_time, SHOP_WISMO / 100.0, "wismo, in time");
  check_rate(counted.wismo_untold, SHOP_WISMO_LATE / 100.0, "wismo, late and not told");
  check_rate(counted.wismo_told[0], SHOP_WISMO_LATE / 100.0, "wismo, held out");
  check_rate(counted.wismo_told[1], SHOP_WISMO_NOTICED / 100.0, "wismo, noticed");
  for (uint32_t i = 0; i < 3; i++) {
    check_rate(counted.reason_processing[i], SHOP_REASON_PROCESSING[i], "reason");
    check_mean(counted.response[i], 1 + SHOP_RESPONSE_MEAN[i], 0.1, "first response");
  }
  check_mean(counted.csat[0], mean_of(SHOP_CSAT_FAST, 5, 1), 0.03, "csat, fast");
  check_mean(counted.csat[1], mean_of(SHOP_CSAT_SLOW, 5, 1), 0.08, "csat, slow");
}

static void test_views(void **state) {
  (void)state;
  const double again = 1 + SHOP_LOOK_AGAIN / 10000.0;
  const double in_time = mean_of(SHOP_VIEWS, 4, 0);
  for (int days = 0; days < 5; days++)
    check_mean(counted.views[days], (in_time + days * SHOP_VIEWS_LATE / 10000.0) * again,
               days == 0 ? 0.02 : 0.12, "views");
  check_rate(counted.not_signed_in, SHOP_VIEWS_NOT_SIGNED_IN / 100.0, "not signed in");
  double total = 0;
  for (int hour = 0; hour < 24; hour++)
    total += SHOP_VIEW_HOUR[hour];
  // Some are moved to before the delivery, out of the evening.
  for (int hour = 18; hour < 22; hour++)
    assert_true(fabs(share(counted.hour[hour]) - SHOP_VIEW_HOUR[hour] / total) < 0.05);
}

static void test_reviews(void **state) {
  (void)state;
  static const uint16_t *const stated[] = {SHOP_STARS, SHOP_STARS_LATE, SHOP_STARS_VERY_LATE};
  for (int asked = 0; asked < 2; asked++)
    for (int late = 0; late < 2; late++)
      check_rate(counted.review[asked][late],
                 (SHOP_REVIEW + asked * SHOP_REVIEW_ASKED + late * SHOP_REVIEW_LATE) / 100.0,
                 "review");
  for (int band = 0; band < LATE_BANDS; band++)
    for (int i = 0; i < 5; i++)
      check_rate(counted.stars[band][i], stated[band][i], "stars");
  // One star cannot be lost.
  const double lost = SHOP_STARS_SLOW / 10000.0 * (1 - SHOP_STARS[0] / 100.0);
  check_mean(counted.mean_stars_slow[0], mean_of(SHOP_STARS, 5, 1), 0.01, "stars, fast");
  check_mean(counted.mean_stars_slow[1], mean_of(SHOP_STARS, 5, 1) - lost, 0.06, "stars, slow");
  check_rate(counted.text[0], SHOP_TEXT_LOW / 100.0, "text, 1 or 2 stars");
  check_rate(counted.text[1], SHOP_TEXT / 100.0, "text, 3 or more stars");
}

static void test_returns(void **state) {
  (void)state;
  for (int category = 0; category < 3; category++)
    for (int late = 0; late < 2; late++)
      check_rate(counted.returned[category][late],
                 SHOP_RETURNED[category] + late * SHOP_RETURNED_LATE / 100.0, "returned");
}

static void test_feed(void **state) {
  (void)state;
  check_rate(counted.machine, SHOP_MACHINE_OPENS / 100.0, "opened by a machine");
  check_rate(counted.opened, SHOP_OPENS / 100.0, "opened by a person");
  check_rate(counted.clicked, SHOP_CLICKS / 100.0, "clicked");
  check_rate(counted.late_scan, FEED_LATE / 100.0, "late scans");
  check_rate(counted.duplicate, FEED_DUPLICATE / (100.0 + FEED_DUPLICATE / 100.0), "duplicates");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_customers), cmocka_unit_test(test_carriers),
      cmocka_unit_test(test_repeat),    cmocka_unit_test(test_confounder_and_null),
      cmocka_unit_test(test_contacts),  cmocka_unit_test(test_views),
      cmocka_unit_test(test_reviews),   cmocka_unit_test(test_returns),
      cmocka_unit_test(test_feed),
  };
  return cmocka_run_group_tests(tests, count_all, NULL);
}
