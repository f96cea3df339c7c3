// SPDX-License-Identifier: Apache-2.0
// The main effects of the simulated subscription software are counted back out of its events and
// held against the sizes that docs/simulator.md states.
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
enum { ACCOUNTS = 40000, MONTHS_MAX = 32, PLANS = 3 };

typedef struct rate {
  double n, k;
} rate;

// What is seen of one month of a subscription; its renewal is the end of the month.
typedef struct month {
  uint32_t logins;
  bool renewed, left, failed, exports, reports, dark, slow;
} month;

typedef struct tally {
  rate plan[PLANS], first_churn[PLANS][2], idle_churn[PLANS][2], slow_churn[2], dark_churn[2];
  rate report_churn[2], report_churn_of_plan[PLANS][2];
  rate reports[PLANS], logins[PLANS], activated, failed, lost, back;
  uint64_t events, subscriptions;
} tally;

static void add(rate *of, double value) {
  of->n++;
  of->k += value;
}

static double share(rate of) {
  return of.n == 0 ? 0 : of.k / of.n;
}

// Within four and a half standard errors of what is stated.
static void check_rate(rate of, double percent, const char *what) {
  const double p = percent / 100;
  if (of.n < 50 || fabs(share(of) - p) > 4.5 * sqrt(p * (1 - p) / of.n))
    fail_msg("%s: stated %.2f %%, counted %.2f %% of %.0f", what, percent, 100 * share(of), of.n);
}

// One subscription of the account at hand.
typedef struct subscription {
  int64_t start_ms, opened_ms, end_ms;
  uint32_t plan, months;
  bool activated, lost;
  month of[MONTHS_MAX];
} subscription;

static month *month_of(subscription *all, int64_t time_ms) {
  const int64_t number = (time_ms - all->start_ms) / (30 * DAY_MS);
  assert_true(number >= 0 && number < MONTHS_MAX);
  return &all->of[number];
}

static void read_feature(month *now, uint32_t feature) {
  now->exports = now->exports || feature == W_EXPORT;
  now->reports = now->reports || feature == W_REPORTS;
  now->dark = now->dark || feature == W_DARK_MODE;
}

static void read_event(subscription *all, const ds_sim_event *event) {
  // What ends a month stands a little before or after its end.
  month *before = all->start_ms != 0 && event->time_ms - all->start_ms > 29 * DAY_MS
                      ? month_of(all, event->time_ms - 5 * DAY_MS) : NULL;
  switch (event->touchpoint) {
  case DS_SIM_ORDER_PLACED:
    all->start_ms = event->time_ms;
    all->plan = ds_sim_get(event, DS_SIM_PLAN) - W_SOLO;
    break;
  case DS_SIM_PRODUCT_ACTIVATED: all->activated = true; break;
  case DS_SIM_LOGIN: month_of(all, event->time_ms)->logins++; break;
  case DS_SIM_FEATURE_USED:
    read_feature(month_of(all, event->time_ms), ds_sim_get(event, DS_SIM_FEATURE));
    break;
  case DS_SIM_TICKET_OPENED: all->opened_ms = event->time_ms; break;
  case DS_SIM_FIRST_RESPONSE:
    if (event->time_ms - all->opened_ms > SHOP_SLOW * INT64_C(1000))
      month_of(all, all->opened_ms)->slow = true;
    break;
  case DS_SIM_PAYMENT_FAILED: before->failed = true; break;
  case DS_SIM_SUBSCRIPTION_RENEWED: before->renewed = true; break;
  case DS_SIM_SUBSCRIPTION_CANCELLED:
    before->left = true;
    all->lost = ds_sim_get(event, DS_SIM_REASON) == W_PAYMENT;
    all->end_ms = event->time_ms;
    break;
  default: break;
  }
}

static void count_first_month(tally *all, const subscription *one) {
  const month *first = &one->of[0];
  const bool left = first->left && !first->failed;
  const uint32_t plan = one->plan;
  if (!first->slow)
    add(&all->first_churn[plan][first->exports], left);
  if (!first->exports)
    add(&all->slow_churn[first->slow], left - SAAS_CHURN[plan] / 100.0);
  if (!first->exports && !first->slow)
    add(&all->dark_churn[first->dark], left);
  add(&all->report_churn[first->reports], left);
  add(&all->report_churn_of_plan[plan][first->reports], left);
  add(&all->reports[plan], first->reports);
  add(&all->logins[plan], first->logins);
}

static void count_subscription(tally *all, const subscription *one, int64_t end_ms) {
  all->subscriptions++;
  add(&all->plan[one->plan], one->plan);
  if (one->start_ms + 40 * DAY_MS > end_ms)
    return;
  add(&all->activated, one->activated);
  count_first_month(all, one);
  for (uint32_t m = 0; m < MONTHS_MAX; m++) {
    const month *now = &one->of[m];
    if (one->start_ms + (m + 1) * 30 * DAY_MS + 10 * DAY_MS > end_ms)
      return;
    const bool left = now->left && !now->failed;
    // Who never logs in is idle for certain.
    if (now->logins == 0 && !now->slow)
      add(&all->idle_churn[one->plan][one->of[0].exports], left);
    if (!left)
      add(&all->failed, now->failed);
    if (now->failed)
      add(&all->lost, now->left);
    if (now->left)
      return;
    assert_true(now->renewed);
  }
}

static tally counted;

static int by_time(const void *a, const void *b) {
  const ds_sim_event *x = *(const ds_sim_event *const *)a, *y = *(const ds_sim_event *const *)b;
  const int64_t x_ms = x->time_ms, y_ms = y->time_ms;
  return x_ms != y_ms ? (x_ms < y_ms ? -1 : 1) : (x->number > y->number) - (x->number < y->number);
}

// The events as they happened, each once; returns how many.
static uint32_t order_events(const ds_sim_journey *journey, const ds_sim_event **event) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < journey->count; i++)
    if (!journey->events[journey->sequence[i]].duplicate)
      event[count++] = &journey->events[journey->sequence[i]];
  qsort(event, count, sizeof *event, by_time);
  return count;
}

static int count_all(void **state) {
  (void)state;
  static ds_sim_world world;
  static ds_sim_journey journey;
  static subscription seen[DS_SIM_CASES_MAX];
  static const ds_sim_event *event[DS_SIM_CUSTOMER_EVENTS_MAX];
  const int64_t end_ms = (DS_SIM_FIRST_DAY + DS_SIM_DAYS) * DAY_MS;
  ds_sim_world_init(&world, 2, false, false);
  for (uint64_t account = 1; account <= ACCOUNTS; account++) {
    ds_sim_saas(&world, account, UINT32_MAX, &journey);
    memset(seen, 0, sizeof seen);
    const uint32_t events = order_events(&journey, event);
    for (uint32_t i = 0; i < events; i++)
      read_event(&seen[event[i]->order], event[i]);
    counted.events += events;
    for (uint32_t s = 0; s < journey.orders; s++)
      count_subscription(&counted, &seen[s], end_ms);
    if (seen[0].end_ms != 0 && seen[0].end_ms < end_ms - 100 * DAY_MS)
      add(&counted.back, journey.orders > 1);
  }
  return 0;
}

static void test_accounts(void **state) {
  (void)state;
  const double all = counted.plan[0].n + counted.plan[1].n + counted.plan[2].n;
  for (uint32_t plan = 0; plan < PLANS; plan++) {
    check_rate((rate){all, counted.plan[plan].n}, SAAS_PLAN[plan], "plan");
    check_rate(counted.reports[plan], SAAS_REPORTS[plan], "reports");
    assert_true(fabs(share(counted.logins[plan]) - SAAS_LOGINS[plan]) < 0.1 * SAAS_LOGINS[plan]);
  }
  check_rate(counted.activated, SAAS_ACTIVATED / 100.0, "activated");
  check_rate(counted.back, SAAS_COMES_BACK / 100.0, "comes back");
  const double each = (double)counted.events / (double)counted.subscriptions;
  assert_true(each > 105 && each < 130);
}

static void test_churn(void **state) {
  (void)state;
  for (uint32_t plan = 0; plan < PLANS; plan++) {
    const double active = SAAS_CHURN[plan];
    const double idle = active + SAAS_CHURN_IDLE / 100.0;
    for (int exports = 0; exports < 2; exports++) {
      const double factor = exports ? SAAS_CHURN_EXPORT / 10000.0 : 1;
      check_rate(counted.first_churn[plan][exports], active * factor, "churn, first month");
      check_rate(counted.idle_churn[plan][exports], idle * factor, "churn, idle month");
    }
  }
  // Points above the plan's own churn.
  assert_true(fabs(share(counted.slow_churn[0])) < 0.005);
  assert_true(fabs(share(counted.slow_churn[1]) - SAAS_CHURN_SLOW / 10000.0) < 0.05);
  check_rate(counted.failed, SAAS_PAYMENT_FAILS / 100.0, "payment fails");
  check_rate(counted.lost, SAAS_PAYMENT_LOST / 100.0, "payment lost");
}

static double noise(rate a, rate b) {
  const double p = (a.k + b.k) / (a.n + b.n);
  return 4.5 * sqrt(p * (1 - p) * (1 / a.n + 1 / b.n));
}

// dark_mode changes nothing; reports seem to keep accounts, but only because larger plans use them.
static void test_confounder_and_null(void **state) {
  (void)state;
  const rate *dark = counted.dark_churn;
  assert_true(fabs(share(dark[1]) - share(dark[0])) < noise(dark[0], dark[1]));
  const rate *all = counted.report_churn;
  assert_true(share(all[0]) - share(all[1]) > noise(all[0], all[1]));
  for (uint32_t plan = 0; plan < PLANS; plan++) {
    const rate *by = counted.report_churn_of_plan[plan];
    assert_true(fabs(share(by[1]) - share(by[0])) < noise(by[0], by[1]));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_accounts),
      cmocka_unit_test(test_churn),
      cmocka_unit_test(test_confounder_and_null),
  };
  return cmocka_run_group_tests(tests, count_all, NULL);
}
