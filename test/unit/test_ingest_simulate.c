// SPDX-License-Identifier: Apache-2.0
// Every effect that docs/simulator.md states is counted back out of the events; and the output is
// the same for any number of threads.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingest/simulate.h"
#include "ingest/simulate_shop.h"

#define DAY_MS 86400000LL
enum { CUSTOMERS = 60000, FIRST_DAY = 19358 };

// What the tests count, per kind of order (0 in time, 1 late) and per carrier.
typedef struct tally {
  uint64_t events, orders, customers;
  uint64_t by_touchpoint[DS_SHOP_TOUCHPOINTS_COUNT];
  uint64_t parcels[DS_SHOP_CARRIERS + 1], late[DS_SHOP_CARRIERS + 1];
  uint64_t late_off_season[DS_SHOP_CARRIERS + 1], parcels_off_season[DS_SHOP_CARRIERS + 1];
  uint64_t failed[DS_SHOP_CARRIERS + 1];
  uint64_t kind[2], views[2], wismo[2], reviews[2], stars[2], repeats[2];
  uint64_t views_by_hour[24], orders_by_weekday[7];
  uint64_t values_cents;
} tally;

// One order of the customer at hand.
typedef struct seen {
  int64_t placed_day;
  bool late;
  uint32_t views, wismo, reviews, stars;
} seen;

static void count_parcel(tally *all, const ds_shop_event *event, seen *order) {
  const bool late = event->time_ms / DAY_MS > event->promise_day;
  const int64_t day_of_year = (order->placed_day - FIRST_DAY) % 365;
  all->parcels[event->carrier]++;
  all->late[event->carrier] += late;
  if (day_of_year < 323) {
    all->parcels_off_season[event->carrier]++;
    all->late_off_season[event->carrier] += late;
  }
  order->late = order->late || late;
}

static void count_event(tally *all, const ds_shop_event *event, seen *order) {
  all->events++;
  all->by_touchpoint[event->touchpoint]++;
  switch (event->touchpoint) {
  case DS_SHOP_ORDER_PLACED:
    order->placed_day = event->time_ms / DAY_MS;
    all->orders_by_weekday[(order->placed_day - FIRST_DAY) % 7]++;
    all->values_cents += event->value_cents;
    break;
  case DS_SHOP_TRACKING_PAGE_VIEWED:
    order->views++;
    all->views_by_hour[event->time_ms / 3600000 % 24]++;
    break;
  case DS_SHOP_DELIVERY_ATTEMPT_FAILED: all->failed[event->carrier]++; break;
  case DS_SHOP_DELIVERED: count_parcel(all, event, order); break;
  case DS_SHOP_SUPPORT_TICKET_OPENED: order->wismo += event->reason == 4; break;
  case DS_SHOP_REVIEW_SUBMITTED:
    order->reviews++;
    order->stars += event->stars;
    break;
  default: break;
  }
}

static tally count_all(uint64_t seed, uint64_t customers) {
  static ds_shop shop;
  static ds_shop_event events[DS_SHOP_CUSTOMER_EVENTS_MAX];
  tally all = {.customers = customers};
  ds_shop_init(&shop, seed, 0);
  for (uint64_t customer = 1; customer <= customers; customer++) {
    seen order[DS_SHOP_ORDERS_MAX] = {{.late = false}};
    uint32_t orders = 0;
    const uint32_t count = ds_shop_customer(&shop, customer, UINT32_MAX, events, &orders);
    for (uint32_t i = 0; i < count; i++) {
      assert_true(i == 0 || events[i - 1].time_ms <= events[i].time_ms);
      count_event(&all, &events[i], &order[events[i].order]);
    }
    all.orders += orders;
    for (uint32_t o = 0; o < orders; o++) {
      const bool late = order[o].late;
      // Orders near the end of the two years have no time left for another.
      if (order[o].placed_day < FIRST_DAY + 200) {
        all.kind[late]++;
        all.repeats[late] += o + 1 < orders;
      }
      all.views[late] += order[o].views;
      all.wismo[late] += order[o].wismo;
      all.reviews[late] += order[o].reviews;
      all.stars[late] += order[o].stars;
    }
  }
  return all;
}

static double ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : (double)part / (double)whole;
}

#define assert_near(value, expected, tolerance) \
  assert_true((value) > (expected) - (tolerance) && (value) < (expected) + (tolerance))

static void test_sizes(void **state) {
  (void)state;
  const tally all = count_all(1, CUSTOMERS);
  assert_near(ratio(all.events, all.orders), 10.1, 0.3);
  assert_near(ratio(all.orders, all.customers), 1.73, 0.1);
  assert_near(ratio(all.values_cents, all.orders), 7560, 150);
  assert_int_equal(all.by_touchpoint[DS_SHOP_ORDER_PLACED], all.orders);
  assert_int_equal(all.by_touchpoint[DS_SHOP_PAYMENT_APPROVED], all.orders);
  assert_near(ratio(all.by_touchpoint[DS_SHOP_DELIVERED], all.orders), 1.12, 0.01);
  assert_near(ratio(all.by_touchpoint[DS_SHOP_SURVEY_SENT], all.orders), 0.40, 0.01);
  assert_int_equal(all.by_touchpoint[DS_SHOP_DELIVERED],
                   all.by_touchpoint[DS_SHOP_CARRIER_COLLECTED]);
  assert_int_equal(all.by_touchpoint[DS_SHOP_SUPPORT_TICKET_OPENED],
                   all.by_touchpoint[DS_SHOP_SUPPORT_TICKET_RESOLVED]);
}

static void test_carriers(void **state) {
  (void)state;
  static const double share[] = {0, 0.45, 0.35, 0.20};
  static const double late[] = {0, 0.06, 0.12, 0.03};
  static const double fails[] = {0, 0.06, 0.11, 0.03};
  const tally all = count_all(2, CUSTOMERS);
  const uint64_t parcels = all.parcels[1] + all.parcels[2] + all.parcels[3];
  for (int c = 1; c <= DS_SHOP_CARRIERS; c++) {
    assert_near(ratio(all.parcels[c], parcels), share[c], 0.01);
    assert_near(ratio(all.late_off_season[c], all.parcels_off_season[c]), late[c], 0.006);
    assert_near(ratio(all.late[c] - all.late_off_season[c],
                      all.parcels[c] - all.parcels_off_season[c]), 2 * late[c], 0.02);
    assert_near(ratio(all.failed[c], all.parcels[c]), fails[c], 0.006);
  }
}

// The table "What customers do".
static void test_lateness(void **state) {
  (void)state;
  const tally all = count_all(3, CUSTOMERS);
  assert_near(ratio(all.repeats[0], all.kind[0]), 0.49, 0.02);
  assert_near(ratio(all.repeats[1], all.kind[1]), 0.345, 0.04);
  assert_near(ratio(all.stars[0], all.reviews[0]), 4.34, 0.05);
  assert_near(ratio(all.stars[1], all.reviews[1]), 2.53, 0.1);
  // Shares of the late among all that did so tell the chances without another count.
  const double late = ratio(all.wismo[1], all.wismo[0] + all.wismo[1]);
  assert_true(late > 0.6 && late < 0.72);
  assert_true(ratio(all.views[1], all.views[0] + all.views[1]) > 0.22);
}

static void test_rhythm(void **state) {
  (void)state;
  const tally all = count_all(4, CUSTOMERS);
  uint64_t views = 0;
  for (int hour = 0; hour < 24; hour++)
    views += all.views_by_hour[hour];
  const uint64_t evening = all.views_by_hour[18] + all.views_by_hour[19] +
                           all.views_by_hour[20] + all.views_by_hour[21];
  assert_near(ratio(evening, views), 0.5, 0.1);
  // Monday is the busiest day, Saturday the quietest.
  assert_near(ratio(all.orders_by_weekday[1], all.orders), 115.0 / 700, 0.006);
  assert_near(ratio(all.orders_by_weekday[6], all.orders), 80.0 / 700, 0.006);
}

static ds_code keep(void *context, const void *data, size_t size, ds_error *err) {
  ds_buf *out = (ds_buf *)context;
  ds_buf_append(out, data, size);
  return ds_buf_check(out, "the text", err);
}

static ds_buf simulate(uint64_t orders, uint32_t threads, const char *format, bool basic) {
  ds_simulate_options options;
  ds_simulate_options_init(&options);
  options.orders = orders;
  options.threads = threads;
  options.basic = basic;
  ds_buf out;
  ds_buf_init(&out, 64u << 20);
  assert_int_equal(ds_simulate_text(&options, format, keep, &out, NULL), DS_OK);
  return out;
}

static uint64_t lines_with(ds_buf *text, const char *word) {
  uint64_t count = 0;
  for (const char *at = ds_buf_cstr(text); (at = strstr(at, word)) != NULL; at++)
    count++;
  return count;
}

static void test_threads(void **state) {
  (void)state;
  ds_buf one = simulate(3000, 1, "ndjson", false);
  ds_buf four = simulate(3000, 4, "ndjson", false);
  assert_int_equal(one.size, four.size);
  assert_memory_equal(one.data, four.data, one.size);
  assert_int_equal(lines_with(&one, "\"event\":\"order_placed\""), 3000);
  ds_buf_done(&one);
  ds_buf_done(&four);
}

// Where the lines of the last customer begin.
static size_t last_customer(const ds_buf *text) {
  const char *data = (const char *)text->data;
  size_t start = text->size - 1;
  while (data[start - 1] != '\n')
    start--;
  const size_t size = (size_t)(strchr(data + start, ',') - (data + start)) + 1;
  for (;;) {
    size_t before = start - 1;
    while (before > 0 && data[before - 1] != '\n')
      before--;
    if (memcmp(data + before, data + start, size) != 0)
      return start;
    start = before;
  }
}

// Exactly as many orders as asked for; all customers but the last are those of a longer run.
static void test_prefix(void **state) {
  (void)state;
  ds_buf longer = simulate(2000, 2, "csv", true);
  for (uint64_t orders = 1; orders <= 1700; orders = orders * 3 + 1) {
    ds_buf text = simulate(orders, 3, "csv", true);
    assert_int_equal(lines_with(&text, ",order_placed,"), orders);
    assert_memory_equal(text.data, longer.data, last_customer(&text));
    ds_buf_done(&text);
  }
  ds_buf_done(&longer);
}

static void test_refused(void **state) {
  (void)state;
  ds_simulate_options options;
  ds_simulate_options_init(&options);
  ds_error err;
  options.orders = 0;
  assert_int_equal(ds_simulate_text(&options, "csv", keep, NULL, &err), DS_USAGE);
  ds_simulate_options_init(&options);
  options.kind = "farm";
  assert_int_equal(ds_simulate_text(&options, "csv", keep, NULL, &err), DS_USAGE);
  ds_simulate_options_init(&options);
  assert_int_equal(ds_simulate_text(&options, "xml", keep, NULL, &err), DS_USAGE);
}

static ds_code fail_later(void *context, const void *data, size_t size, ds_error *err) {
  (void)data, (void)size;
  uint32_t *left = (uint32_t *)context;
  return (*left)-- > 0 ? DS_OK : ds_fail(err, DS_FULL, "no room");
}

// A failure in one chunk ends all threads, with the error of that chunk.
static void test_failure(void **state) {
  (void)state;
  ds_simulate_options options;
  ds_simulate_options_init(&options);
  options.threads = 4;
  ds_error err = {.code = DS_OK};
  uint32_t left = 3;
  assert_int_equal(ds_simulate_text(&options, "csv", fail_later, &left, &err), DS_FULL);
  assert_string_equal(err.message, "no room");
  ds_progress progress = {.report = NULL};
  atomic_store(&progress.stop, 1);
  options.progress = &progress;
  left = 100;
  assert_int_equal(ds_simulate_text(&options, "csv", fail_later, &left, &err), DS_INTERRUPTED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sizes),   cmocka_unit_test(test_carriers),
      cmocka_unit_test(test_lateness), cmocka_unit_test(test_rhythm),
      cmocka_unit_test(test_threads), cmocka_unit_test(test_prefix),
      cmocka_unit_test(test_refused), cmocka_unit_test(test_failure),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
