// SPDX-License-Identifier: Apache-2.0
// Random small worlds: what schema counts, what find finds and what a timeline shows equals a
// brute-force count over the same events, over one part and several, by one thread and by three.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "question_world.h"

enum { WORLDS = 80, ORDERS = 4, COLORS = 4 };

static const char *const colors[COLORS] = {"red", "green", "blue", "Weiß"};

// One question put to a snapshot; `check` looks at the answer, or `fails` is its code.
typedef struct asked {
  ds_arena arena;
  ds_result *result;
  ds_error err;
  ds_code code;
} asked;

static void ask(asked *on, const ds_snapshot *snapshot, const char *question,
                const ds_option_value *values, uint32_t count, uint32_t threads) {
  *on = (asked){.code = DS_OK};
  ds_arena_init(&on->arena, 256u << 20);
  on->result = ds_arena_alloc(&on->arena, sizeof *on->result);
  const ds_request request = {.snapshot = snapshot, .options = {.values = values, .count = count},
                              .now_ms = 4000000000000LL, .threads = threads,
                              .memory_bytes = 64u << 20, .arena = &on->arena};
  ds_result_init(on->result, &on->arena, question);
  on->code = ds_question_run(ds_question_find(ds_str_of(question)), &request, on->result,
                             &on->err);
}

static const ds_cell *cell(const ds_table *table, uint32_t row, const char *column) {
  const uint32_t at = ds_table_column(table, column);
  assert_true(at != UINT32_MAX && row < table->rows_count);
  return &table->cells[(size_t)row * table->columns_count + at];
}

// The row whose text column says so, or NULL's index.
static uint32_t row_of(const ds_table *table, const char *column, const char *text) {
  for (uint32_t r = 0; r < table->rows_count; r++)
    if (ds_str_equal(cell(table, r, column)->text, ds_str_of(text)))
      return r;
  return UINT32_MAX;
}

static const ds_table *table_of(const asked *on, const char *name) {
  if (on->code != DS_OK)
    fail_msg("%s", on->err.message);
  const ds_table *table = ds_result_find(on->result, name);
  assert_non_null(table);
  return table;
}

static bool has_order(const qw_event *event, uint32_t order) {
  for (uint32_t k = 0; k < event->orders_count; k++)
    if (event->orders[k] == order)
      return true;
  return false;
}

// Counts over the events that `keep` leaves.
typedef struct tally {
  uint64_t events;
  uint64_t customers;
  int64_t first_ms, last_ms;
} tally;

// By touchpoint, customer and order; UINT32_MAX leaves one open.
static tally count(const qw_world *world, uint32_t touchpoint, uint32_t customer, uint32_t order,
                   int64_t from_ms) {
  tally all = {0};
  bool seen[64] = {false};
  for (uint32_t e = 0; e < world->count; e++) {
    const qw_event *event = &world->events[e];
    if ((touchpoint != UINT32_MAX && event->touchpoint != touchpoint) ||
        (customer != UINT32_MAX && event->customer != customer) ||
        (order != UINT32_MAX && !has_order(event, order)) || event->time_ms < from_ms)
      continue;
    all.first_ms = all.events == 0 || event->time_ms < all.first_ms ? event->time_ms : all.first_ms;
    all.last_ms = all.events == 0 || event->time_ms > all.last_ms ? event->time_ms : all.last_ms;
    all.events++;
    all.customers += !seen[event->customer];
    seen[event->customer] = true;
  }
  return all;
}

static void check_schema(const qw_world *world, const ds_snapshot *snapshot, uint32_t threads) {
  asked on;
  ask(&on, snapshot, "schema", NULL, 0, threads);
  const ds_table *touchpoints = table_of(&on, "touchpoints");
  uint32_t rows = 0;
  for (uint32_t t = 0; t < QW_NAMES_MAX; t++) {
    const tally expected = count(world, t, UINT32_MAX, UINT32_MAX, INT64_MIN);
    const uint32_t row = row_of(touchpoints, "touchpoint", qw_touchpoint(t));
    if (expected.events == 0) {
      assert_int_equal(row, UINT32_MAX);
      continue;
    }
    rows++;
    assert_int_equal(cell(touchpoints, row, "events")->i, expected.events);
    assert_int_equal(cell(touchpoints, row, "customers")->i, expected.customers);
    assert_int_equal(cell(touchpoints, row, "first")->i, expected.first_ms);
    assert_int_equal(cell(touchpoints, row, "last")->i, expected.last_ms);
  }
  assert_int_equal(touchpoints->rows_count, rows);
  int64_t color = 0, value = 0, day = 0, low = 9, high = -1, keyed = 0, pairs = 0;
  int64_t of_color[COLORS] = {0};
  for (uint32_t e = 0; e < world->count; e++) {
    const qw_event *event = &world->events[e];
    color += event->color >= 0;
    value += event->value >= 0;
    day += event->has_day;
    keyed += event->orders_count > 0;
    if (event->color >= 0)
      of_color[event->color]++;
    low = event->value >= 0 && event->value < low ? event->value : low;
    high = event->value > high ? event->value : high;
  }
  for (uint32_t o = 0; o < ORDERS; o++)
    pairs += (int64_t)count(world, UINT32_MAX, UINT32_MAX, o, INT64_MIN).customers;
  const ds_table *properties = table_of(&on, "properties"), *keys = table_of(&on, "keys");
  assert_int_equal(properties->rows_count, (color > 0) + (value > 0) + (day > 0));
  if (color > 0) {
    const uint32_t row = row_of(properties, "property", "color");
    assert_int_equal(cell(properties, row, "values")->i, color);
    // The most frequent one is named first.
    uint32_t most = 0;
    for (uint32_t c = 1; c < COLORS; c++)
      if (of_color[c] > of_color[most] ||
          (of_color[c] == of_color[most] && strcmp(colors[c], colors[most]) < 0))
        most = c;
    const ds_str text = cell(properties, row, "examples")->text;
    assert_memory_equal(text.data, colors[most], strlen(colors[most]));
  }
  if (value > 0) {
    char text[64];
    snprintf(text, sizeof text, low == high ? "%d" : "%d to %d", (int)low, (int)high);
    const uint32_t row = row_of(properties, "property", "value");
    assert_int_equal(cell(properties, row, "values")->i, value);
    assert_true(ds_str_equal(cell(properties, row, "examples")->text, ds_str_of(text)));
  }
  if (pairs > 0) {
    assert_int_equal(cell(keys, 0, "cases")->i, pairs);
    assert_int_equal(cell(keys, 0, "events")->i, keyed);
  }
  ds_arena_done(&on.arena);
}

// All customers, or cases, with an event from some instant on.
static void check_find(const qw_world *world, const ds_snapshot *snapshot, uint32_t threads,
                       bool by_case) {
  asked on;
  char from[32];
  const int64_t from_ms = world->events[world->count / 2].time_ms;
  const ds_option_value values[] = {{"from", ds_time_print(from, from_ms)},
                                    {"range", "events"},
                                    {"case", "order_id"}};
  ask(&on, snapshot, "find", values, by_case ? 3 : 2, threads);
  const ds_table *found = table_of(&on, "found");
  uint32_t expected_rows = 0;
  for (uint32_t c = 0; c < world->customers; c++) {
    for (uint32_t o = 0; o < (by_case ? ORDERS : 1); o++) {
      const tally expected =
          count(world, UINT32_MAX, c, by_case ? o : UINT32_MAX, from_ms);
      if (expected.events == 0)
        continue;
      expected_rows++;
      char customer[32], order[8];
      snprintf(customer, sizeof customer, "customer_id=C%u", c);
      snprintf(order, sizeof order, "O%u", o);
      uint32_t row = 0;
      while (row < found->rows_count &&
             !(ds_str_equal(cell(found, row, "customer")->text, ds_str_of(customer)) &&
               (!by_case || ds_str_equal(cell(found, row, "case")->text, ds_str_of(order)))))
        row++;
      assert_true(row < found->rows_count);
      assert_int_equal(cell(found, row, "events")->i, expected.events);
      assert_int_equal(cell(found, row, "first")->i, expected.first_ms);
      assert_int_equal(cell(found, row, "last")->i, expected.last_ms);
    }
  }
  assert_int_equal(found->rows_count, expected_rows);
  for (uint32_t r = 1; r < found->rows_count; r++)
    assert_true(cell(found, r, "last")->i <= cell(found, r - 1, "last")->i);
  ds_arena_done(&on.arena);
}

// An identifier finds its customer, or everyone who has such an order.
static void check_names(const qw_world *world, const ds_snapshot *snapshot, uint32_t threads) {
  const tally customer = count(world, UINT32_MAX, 0, UINT32_MAX, INT64_MIN);
  const tally order = count(world, UINT32_MAX, UINT32_MAX, 1, INT64_MIN);
  const char *const names[] = {"C0", "customer_id=C0", "O1", "C999"};
  const uint64_t expected[] = {customer.events > 0, customer.events > 0, order.customers, 0};
  for (uint32_t n = 0; n < 4; n++) {
    asked on;
    const ds_option_value value = {"id", names[n]};
    ask(&on, snapshot, "find", &value, 1, threads);
    assert_int_equal(table_of(&on, "found")->rows_count, expected[n]);
    ds_arena_done(&on.arena);
    const ds_option_value who = {"who", names[n]};
    ask(&on, snapshot, "timeline", &who, 1, threads);
    assert_int_equal(on.code, expected[n] == 1 ? DS_OK : DS_EXPRESSION);
    ds_arena_done(&on.arena);
  }
}

static void check_timeline(const qw_world *world, const ds_snapshot *snapshot, uint32_t threads,
                           uint32_t customer, bool by_case) {
  asked on;
  char name[16];
  snprintf(name, sizeof name, "C%u", customer);
  const ds_option_value values[] = {{"who", name}, {"case", "order_id"}};
  ask(&on, snapshot, "timeline", values, by_case ? 2 : 1, threads);
  const ds_table *events = table_of(&on, "events"), *cases = table_of(&on, "cases");
  uint64_t shown = count(world, UINT32_MAX, customer, UINT32_MAX, INT64_MIN).events;
  uint32_t cases_count = 0;
  for (uint32_t o = 0, inside = 0; o < ORDERS; o++) {
    const tally expected = count(world, UINT32_MAX, customer, o, INT64_MIN);
    if (expected.events == 0)
      continue;
    char order[8];
    snprintf(order, sizeof order, "O%u", o);
    const uint32_t row = row_of(cases, "case", order);
    assert_int_equal(cell(cases, row, "events")->i, expected.events);
    assert_int_equal(cell(cases, row, "first")->i, expected.first_ms);
    assert_true(cell(cases, row, "duration_ms")->number ==
                (double)(expected.last_ms - expected.first_ms));
    cases_count++;
    inside += (uint32_t)expected.events;
    if (by_case)
      shown = inside;
  }
  assert_int_equal(cases->rows_count, cases_count);
  if (by_case && cases_count == 0)
    shown = 0;
  assert_int_equal(events->rows_count, shown);
  for (uint32_t r = 0; r < events->rows_count; r++) {
    const bool first = cell(events, r, "gap_ms")->null;
    const int64_t at = cell(events, r, "time")->i;
    if (!first)
      assert_true(at - cell(events, r - 1, "time")->i ==
                  (int64_t)cell(events, r, "gap_ms")->number);
    if (!by_case)
      assert_int_equal(first, r == 0);
    else if (r > 0)
      assert_int_equal(first, !ds_str_equal(cell(events, r, "case")->text,
                                            cell(events, r - 1, "case")->text));
  }
  ds_arena_done(&on.arena);
}

static void check_world(uint64_t seed) {
  static qw_world world;
  qw_make(&world, seed);
  ds_snapshot *parts[2] = {qw_snapshot(&world, true), qw_snapshot(&world, false)};
  const bool has_orders = count(&world, UINT32_MAX, UINT32_MAX, 0, INT64_MIN).events > 0;
  for (uint32_t v = 0; v < 3; v++) {
    const uint32_t threads = v == 2 ? 3 : 1;
    const ds_snapshot *snapshot = parts[v > 0];
    check_schema(&world, snapshot, threads);
    if (world.count == 0)
      continue;
    check_find(&world, snapshot, threads, false);
    check_names(&world, snapshot, threads);
    if (has_orders)
      check_find(&world, snapshot, threads, true);
    for (uint32_t c = 0; c < world.customers && c < 4; c++) {
      if (count(&world, UINT32_MAX, c, UINT32_MAX, INT64_MIN).events == 0)
        continue;
      check_timeline(&world, snapshot, threads, c, false);
      if (has_orders)
        check_timeline(&world, snapshot, threads, c, true);
    }
  }
  qw_snapshot_free(parts[0]);
  qw_snapshot_free(parts[1]);
}

static void test_worlds(void **context) {
  (void)context;
  for (uint64_t seed = 0; seed < WORLDS; seed++)
    check_world(seed);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_worlds)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
