// SPDX-License-Identifier: Apache-2.0
// Random small worlds: what quality counts equals a brute-force count over the same events, over
// one part and several, by one thread and by three.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "question_world.h"

enum { WORLDS = 120, ORDERS = 4, CUSTOMERS = 64 };
#define DAY_MS 86400000LL

// The brute-force figures.
typedef struct truth {
  int64_t equal_times, duplicates, out_of_order, without_case, shared, orders;
  int64_t out_of_order_of[QW_NAMES_MAX];
} truth;

static bool has_order(const qw_event *event, uint32_t order) {
  for (uint32_t k = 0; k < event->orders_count; k++)
    if (event->orders[k] == order)
      return true;
  return false;
}

static uint32_t orders_of(const qw_event *event) {
  uint32_t mask = 0;
  for (uint32_t k = 0; k < event->orders_count; k++)
    mask |= 1u << event->orders[k];
  return mask;
}

// The stage of a touchpoint in the order of stages, 0 = none.
static int stage_of(uint32_t touchpoint) {
  const ds_touchpoint *known = ds_catalogue_find(NULL, ds_str_of(qw_touchpoint(touchpoint)));
  if (known == NULL || known->stage == DS_STAGE_ANY || known->stage > DS_STAGE_DELIVERY)
    return 0;
  const bool own = known->actor == DS_ACTOR_CUSTOMER && strcmp(known->name, "order_placed") != 0;
  return own ? 0 : (int)known->stage;
}

// Whether event a of the world stands before b in their customer's timeline.
static bool stands_before(const qw_world *world, uint32_t a, uint32_t b) {
  const qw_event *x = &world->events[a], *y = &world->events[b];
  if (x->time_ms != y->time_ms)
    return x->time_ms < y->time_ms;
  return a < b;
}

static void judge(const qw_world *world, uint32_t b, truth *all) {
  const qw_event *event = &world->events[b];
  bool tied = false, repeated = false, behind = event->orders_count > 0;
  for (uint32_t k = 0; k < event->orders_count; k++) {
    bool later = false;
    for (uint32_t a = 0; a < world->count; a++)
      later |= world->events[a].customer == event->customer && stands_before(world, a, b) &&
               has_order(&world->events[a], event->orders[k]) &&
               stage_of(world->events[a].touchpoint) > stage_of(event->touchpoint);
    behind &= later;
  }
  for (uint32_t a = 0; a < world->count; a++) {
    const qw_event *other = &world->events[a];
    if (other->customer != event->customer || other->time_ms != event->time_ms ||
        !stands_before(world, a, b))
      continue;
    tied = true;
    repeated |= other->touchpoint == event->touchpoint && orders_of(other) == orders_of(event);
  }
  all->equal_times += tied;
  all->duplicates += repeated;
  if (stage_of(event->touchpoint) == 0)
    return;
  all->out_of_order += behind;
  all->out_of_order_of[event->touchpoint] += behind;
  all->without_case += event->orders_count == 0;
}

static truth solve(const qw_world *world) {
  truth all = {0};
  for (uint32_t e = 0; e < world->count; e++)
    judge(world, e, &all);
  for (uint32_t o = 0; o < ORDERS; o++) {
    bool of[CUSTOMERS] = {false};
    uint32_t customers = 0;
    for (uint32_t e = 0; e < world->count; e++)
      if (has_order(&world->events[e], o))
        of[world->events[e].customer] = true;
    for (uint32_t c = 0; c < CUSTOMERS; c++)
      customers += of[c];
    all.shared += customers > 1;
    all.orders += customers > 0;
  }
  return all;
}

static const ds_cell *cell(const ds_table *table, uint32_t row, const char *column) {
  const uint32_t at = ds_table_column(table, column);
  assert_true(at != UINT32_MAX);
  return &table->cells[(size_t)row * table->columns_count + at];
}

// The count of a kind of problem; 0 when it is not told. Its share too.
static int64_t problem(const ds_result *result, const char *kind, double *ret_share) {
  const ds_table *table = ds_result_find(result, "problems");
  assert_non_null(table);
  *ret_share = 0;
  for (uint32_t r = 0; r < table->rows_count; r++) {
    if (!ds_str_equal(cell(table, r, "kind")->text, ds_str_of(kind)))
      continue;
    *ret_share = cell(table, r, "share")->number;
    assert_true(cell(table, r, "advice")->text.size > 20);
    assert_false(cell(table, r, "example")->null);
    return cell(table, r, "count")->i;
  }
  return 0;
}

// The longest run of days without an event between a touchpoint's first and last.
static int64_t silence(const qw_world *world, uint32_t touchpoint) {
  int64_t first = INT64_MAX, last = INT64_MIN, longest = 0, run = 0;
  for (uint32_t e = 0; e < world->count; e++) {
    const int64_t day = world->events[e].time_ms / DAY_MS;
    if (world->events[e].touchpoint != touchpoint)
      continue;
    first = day < first ? day : first;
    last = day > last ? day : last;
  }
  for (int64_t day = first; day <= last; day++) {
    bool any = false;
    for (uint32_t e = 0; e < world->count; e++)
      any |= world->events[e].touchpoint == touchpoint && world->events[e].time_ms / DAY_MS == day;
    run = any ? 0 : run + 1;
    longest = run > longest ? run : longest;
  }
  return longest;
}

static void check_tables(const qw_world *world, const ds_result *result, const truth *all) {
  const ds_table *touchpoints = ds_result_find(result, "touchpoints");
  const ds_table *properties = ds_result_find(result, "properties");
  for (uint32_t r = 0; r < touchpoints->rows_count; r++) {
    uint32_t t = 0;
    while (!ds_str_equal(cell(touchpoints, r, "touchpoint")->text, ds_str_of(qw_touchpoint(t))))
      t++;
    int64_t events = 0, colored = 0;
    for (uint32_t e = 0; e < world->count; e++) {
      events += world->events[e].touchpoint == t;
      colored += world->events[e].touchpoint == t && world->events[e].color >= 0;
    }
    assert_int_equal(cell(touchpoints, r, "events")->i, events);
    assert_int_equal(cell(touchpoints, r, "out_of_order")->i, all->out_of_order_of[t]);
    assert_int_equal(cell(touchpoints, r, "gap_days")->i, silence(world, t));
    bool found = colored == 0;
    for (uint32_t p = 0; p < properties->rows_count; p++) {
      if (!ds_str_equal(cell(properties, p, "touchpoint")->text, ds_str_of(qw_touchpoint(t))) ||
          !ds_str_equal(cell(properties, p, "property")->text, ds_str_of("color")))
        continue;
      found = true;
      assert_int_equal(cell(properties, p, "values")->i, colored);
      assert_true(cell(properties, p, "coverage")->number == (double)colored / (double)events);
    }
    assert_true(found);
  }
}

static void check_answer(const qw_world *world, const ds_snapshot *snapshot, uint32_t threads,
                         const truth *all) {
  ds_arena arena;
  ds_arena_init(&arena, 256u << 20);
  ds_result *result = ds_arena_alloc(&arena, sizeof *result);
  const ds_request request = {.snapshot = snapshot, .now_ms = 4000000000000LL,
                              .threads = threads, .memory_bytes = 64u << 20, .arena = &arena};
  ds_error err = {0};
  ds_result_init(result, &arena, "quality");
  if (ds_question_run(ds_question_find(ds_str_of("quality")), &request, result, &err) != DS_OK)
    fail_msg("%s", err.message);
  double share;
  assert_int_equal(problem(result, "equal_times", &share), all->equal_times);
  assert_true(share == (all->equal_times == 0 ? 0 : (double)all->equal_times / world->count));
  assert_int_equal(problem(result, "duplicates", &share), all->duplicates);
  assert_int_equal(problem(result, "out_of_order", &share), all->out_of_order);
  assert_int_equal(problem(result, "without_case", &share), all->without_case);
  assert_int_equal(problem(result, "shared_cases", &share), all->shared);
  assert_true(share == (all->shared == 0 ? 0 : (double)all->shared / (double)all->orders));
  assert_int_equal(problem(result, "future", &share), 0);
  check_tables(world, result, all);
  ds_arena_done(&arena);
}

static void test_worlds(void **context) {
  (void)context;
  int64_t found = 0;
  for (uint64_t seed = 0; seed < WORLDS; seed++) {
    static qw_world world;
    qw_make(&world, seed);
    // Days are counted one by one above: the widest worlds would take long.
    bool wide = false;
    for (uint32_t e = 1; e < world.count; e++)
      wide |= llabs(world.events[e].time_ms - world.events[0].time_ms) > 60 * DAY_MS;
    if (wide)
      continue;
    const truth all = solve(&world);
    found += all.duplicates > 0 && all.out_of_order > 0 && all.shared > 0;
    ds_snapshot *parts[2] = {qw_snapshot(&world, true), qw_snapshot(&world, false)};
    for (uint32_t v = 0; v < 3; v++)
      check_answer(&world, parts[v > 0], v == 2 ? 3 : 1, &all);
    qw_snapshot_free(parts[0]);
    qw_snapshot_free(parts[1]);
  }
  assert_true(found > 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_worlds)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
