// SPDX-License-Identifier: Apache-2.0
// Random small worlds spread over months: the cells of retention equal their own SQL text run by
// DuckDB, in every mode, zone and period; the curve of returns equals an estimate by brute force;
// what is listed is as many as counted.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "io/io.h"
#include "model/time.h"
#include "question_world.h"
#include "unit/long_run.h"
#include "unit/oracle.h"

enum { WORLDS = 60 };

static const int64_t BASE_MS = 1577836800000; // 2020-01-01
#define AS_OF "2021-05-04T03:00:00Z"          // later than all events

static void check(ds_code code, const ds_error *err) {
  if (code != DS_OK)
    fail_msg("%s", err->message);
}

static const ds_cell *cell(const ds_table *table, uint32_t row, const char *column) {
  const uint32_t at = ds_table_column(table, column);
  assert_true(at != UINT32_MAX && row < table->rows_count);
  return &table->cells[(size_t)row * table->columns_count + at];
}

// One way to ask.
typedef struct asked {
  ds_option_value values[16];
  uint32_t count;
  bool by_case;
  bool plain; // the brute force knows it: no filter, no period
} asked;

static void put(asked *to, const char *name, const char *text) {
  to->values[to->count++] = (ds_option_value){name, text};
}

static asked choose(uint64_t *seed) {
  static const char *const pers[] = {"day", "week", "month"};
  asked to = {0};
  put(&to, "min-n", qw_random(seed) % 2 == 0 ? "1" : "3");
  put(&to, "per", pers[qw_random(seed) % 3]);
  put(&to, "mode", qw_random(seed) % 2 == 0 ? "recurring" : "unbounded");
  put(&to, "clock", qw_random(seed) % 2 == 0 ? "calendar" : "rolling");
  if (qw_random(seed) % 3 == 0)
    put(&to, "brackets", "1,3,6,20");
  to.by_case = qw_random(seed) % 2 == 0;
  if (to.by_case)
    put(&to, "case", "order_id");
  to.plain = qw_random(seed) % 2 == 0;
  // Behind the last event, or amid them: then periods begin and end in which nothing happened.
  if (qw_random(seed) % 3 == 0)
    put(&to, "as-of", to.plain || qw_random(seed) % 2 == 0 ? AS_OF : "2020-02-20T15:00:00Z");
  if (to.plain) {
    put(&to, "start", "order_placed");
    put(&to, "again", "delivered");
    return to;
  }
  put(&to, "start", qw_random(seed) % 2 == 0 ? "order_placed" : "any[value >= 1]");
  if (qw_random(seed) % 2 == 0)
    put(&to, "again", "(delivered or order_placed[color = 'red'])");
  if (qw_random(seed) % 3 == 0)
    put(&to, "from", "2020-02-03T05:00:00Z");
  if (qw_random(seed) % 3 == 0)
    put(&to, "to", "2020-05-01");
  if (qw_random(seed) % 3 == 0)
    put(&to, "where", "value is not null");
  return to;
}

static ds_request request_of(const ds_snapshot *snapshot, const asked *what, const ds_zone *zone,
                             uint32_t threads, ds_arena *arena) {
  return (ds_request){.snapshot = snapshot,
                      .options = {.values = what->values, .count = what->count},
                      .now_ms = 4000000000000LL, .zone = zone,
                      .zone_name = zone == NULL ? NULL : "America/Sao_Paulo", .threads = threads,
                      .memory_bytes = 64u << 20, .arena = arena};
}

// Kaplan and Meier by their definition: a product over all days at which somebody returns.
static double stay_after(const uint32_t *day, const bool *returned, uint32_t count,
                         uint32_t days) {
  double stay = 1;
  for (uint32_t d = 0; d < days; d++) {
    uint32_t at_risk = 0, back = 0;
    for (uint32_t c = 0; c < count; c++) {
      at_risk += day[c] >= d;
      back += returned[c] && day[c] == d;
    }
    if (back > 0)
      stay *= 1.0 - (double)back / at_risk;
  }
  return stay;
}

// The returns of the world's cases by brute force; returns how many started.
static uint32_t solve(const qw_world *world, const asked *what, int64_t as_of_ms, uint32_t *day,
                      bool *returned) {
  qw_question question = {.where = -1, .level = 0, .by_case = what->by_case};
  qw_case *cases = NULL;
  const char **groups = NULL;
  const uint32_t count = qw_cases(world, &question, &cases, &groups);
  uint32_t started = 0;
  for (uint32_t c = 0; c < count; c++) {
    int64_t start_ms = INT64_MIN, back_ms = INT64_MIN;
    for (uint32_t e = 0; e < cases[c].count && back_ms == INT64_MIN; e++) {
      const qw_event *event = &world->events[cases[c].events[e]];
      const char *name = qw_touchpoint(event->touchpoint);
      if (start_ms == INT64_MIN && strcmp(name, "order_placed") == 0)
        start_ms = event->time_ms;
      else if (start_ms != INT64_MIN && strcmp(name, "delivered") == 0)
        back_ms = event->time_ms;
    }
    if (start_ms == INT64_MIN)
      continue;
    returned[started] = back_ms != INT64_MIN;
    day[started++] =
        (uint32_t)(((back_ms != INT64_MIN ? back_ms : as_of_ms) - start_ms) / 86400000);
  }
  free(cases);
  free(groups);
  return started;
}

static uint32_t compare_returns(const qw_world *world, const asked *what,
                                const ds_result *result) {
  static uint32_t day[QW_EVENTS_MAX];
  static bool returned[QW_EVENTS_MAX];
  const ds_table *again = oracle_table(result, "again"), *all = oracle_table(result, "returns");
  const uint32_t count = solve(world, what, result->as_of_ms, day, returned);
  uint64_t back = 0;
  for (uint32_t c = 0; c < count; c++)
    back += returned[c];
  assert_int_equal(all->rows_count, count > 0);
  if (count == 0)
    return 0;
  assert_int_equal(cell(all, 0, "started")->i, count);
  assert_int_equal(cell(all, 0, "returned")->i, back);
  assert_int_equal(cell(all, 0, "censored")->i, count - back);
  for (uint32_t r = 0; r < again->rows_count; r++) {
    const uint32_t days = (uint32_t)cell(again, r, "days")->i;
    const ds_cell *share = cell(again, r, "share");
    const double want = 1 - stay_after(day, returned, count, days);
    if (share->null)
      continue;
    if (fabs(share->number - want) > 1e-12)
      fail_msg("%u days: %.17g, and brute force says %.17g", days, share->number, want);
    assert_true(cell(again, r, "share_low")->number <= want &&
                cell(again, r, "share_high")->number >= want);
  }
  return again->rows_count;
}

// Each count of one row, drawn, is as many as its list.
static void compare_list(const ds_request *request, const asked *what, const ds_result *result,
                         uint64_t *seed) {
  static const char *const columns[] = {"size", "active"};
  const ds_table *cells = oracle_table(result, "cells");
  if (cells->rows_count == 0)
    return;
  const uint32_t row = (uint32_t)(qw_random(seed) % cells->rows_count);
  const uint32_t column = (uint32_t)(qw_random(seed) % 2);
  const ds_cell *period = cell(cells, row, "period");
  char text[128], name[32];
  if (cells->columns[2].type == DS_CELL_TEXT)
    snprintf(name, sizeof name, " period=%.*s", DS_STR(period->text));
  else
    snprintf(name, sizeof name, " period=%d", (int)period->i);
  snprintf(text, sizeof text, "cells cohort=%.*s%s column=%s",
           DS_STR(cell(cells, row, "cohort")->text), column == 0 ? "" : name, columns[column]);
  asked listing = *what;
  put(&listing, "list", text);
  ds_request again = *request;
  again.options = (ds_option_set){.values = listing.values, .count = listing.count};
  ds_result list;
  ds_error err = {0};
  ds_result_init(&list, request->arena, "retention");
  check(ds_question_run(ds_question_find(ds_str_of("retention")), &again, &list, &err), &err);
  assert_int_equal(oracle_table(&list, "list")->rows_count, cell(cells, row, columns[column])->i);
}

static uint32_t compare(ds_duck *duck, const qw_world *world, const ds_snapshot *snapshot,
                        const ds_zone *zone, uint64_t *seed) {
  const asked what = choose(seed);
  const oracle_question row = {"retention", {"cells"}, {3}, "columns(*)::varchar"};
  ds_error err = {0};
  ds_arena arena;
  ds_arena_init(&arena, 256u << 20);
  const ds_request request =
      request_of(snapshot, &what, zone, 1 + (uint32_t)(qw_random(seed) % 3), &arena);
  ds_result *result = ds_arena_alloc(&arena, sizeof *result);
  ds_result_init(result, &arena, "retention");
  check(ds_question_run(ds_question_find(ds_str_of("retention")), &request, result, &err), &err);
  const uint32_t rows = oracle_check(&row, &request, result, duck);
  compare_list(&request, &what, result, seed);
  if (what.plain)
    compare_returns(world, &what, result);
  ds_arena_done(&arena);
  return rows;
}

// Whether the names that are asked for are carried by some event.
static bool is_whole(const qw_world *world) {
  bool placed = false, delivered = false, order = false, value = false, color = false;
  for (uint32_t e = 0; e < world->count; e++) {
    placed |= strcmp(qw_touchpoint(world->events[e].touchpoint), "order_placed") == 0;
    delivered |= strcmp(qw_touchpoint(world->events[e].touchpoint), "delivered") == 0;
    order |= world->events[e].orders_count > 0;
    value |= world->events[e].value >= 0;
    color |= world->events[e].color >= 0;
  }
  return placed && delivered && order && value && color;
}

// Over so many days instead of as the world has it; ties stay.
static void spread(qw_world *world, uint32_t days) {
  int64_t first_ms = INT64_MAX, last_ms = INT64_MIN;
  for (uint32_t e = 0; e < world->count; e++) {
    first_ms = world->events[e].time_ms < first_ms ? world->events[e].time_ms : first_ms;
    last_ms = world->events[e].time_ms > last_ms ? world->events[e].time_ms : last_ms;
  }
  const int64_t times = days * 86400000LL / (last_ms - first_ms + 1) + 1;
  for (uint32_t e = 0; e < world->count; e++)
    world->events[e].time_ms = BASE_MS + (world->events[e].time_ms - first_ms) * times;
}

static void test_worlds(void **context) {
  (void)context;
  ds_error err = {0};
  ds_duck *duck = NULL;
  ds_zone *zone = NULL;
  uint32_t rows = 0;
  check(ds_duck_open("build/libduckdb.so", NULL, (size_t)512 << 20, &duck, &err), &err);
  check(ds_zone_load(ds_io_posix(), "/usr/share/zoneinfo", ds_str_of("America/Sao_Paulo"), &zone,
                     &err), &err);
  for (uint64_t number = 0; number < (long_run() ? 10 * WORLDS : WORLDS); number++) {
    static qw_world world;
    uint64_t seed = number * 7919 + 1;
    qw_make(&world, number);
    if (!is_whole(&world))
      continue;
    spread(&world, 1 + (uint32_t)(qw_random(&seed) % 400));
    oracle_fill(duck, &world);
    ds_snapshot *parts[2] = {qw_snapshot(&world, true), qw_snapshot(&world, false)};
    for (uint32_t q = 0; q < 6; q++)
      rows += compare(duck, &world, parts[q % 2], q % 3 == 0 ? zone : NULL, &seed);
    qw_snapshot_free(parts[0]);
    qw_snapshot_free(parts[1]);
  }
  ds_zone_free(zone);
  ds_duck_close(duck);
  if (rows < 1000)
    fail_msg("only %u cells were compared", rows);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_worlds)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
