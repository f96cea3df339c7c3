// SPDX-License-Identifier: Apache-2.0
// Working time against minutes counted one by one by the zone's clock, over changes of the clock:
// by an hour at night, at midnight, by half an hour, and none.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "model/worktime.h"

#define ZONES "/usr/share/zoneinfo"
#define MINUTE_MS 60000LL
enum { WEEKS_MAX = 3, MINUTES = 16 * DS_DAY_MINUTES };

// Where the clock changes, or does not.
typedef struct around {
  const char *zone;
  int64_t year;
  unsigned month, day;
} around;

static const around places[] = {
    {"Europe/Berlin", 2024, 3, 24},     {"Europe/Berlin", 2024, 10, 20},
    {"America/Sao_Paulo", 2017, 10, 8}, {"America/Sao_Paulo", 2018, 2, 10},
    {"Australia/Lord_Howe", 2024, 4, 1}, {"Australia/Lord_Howe", 2024, 9, 29},
    {"Asia/Kolkata", 1969, 12, 25},     {"America/Santiago", 2022, 9, 4},
};
enum { PLACES = sizeof places / sizeof *places };

static uint32_t draw(uint64_t *seed, uint32_t below) {
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*seed >> 33) % below;
}

// Random slots, some of them at night, where clocks change.
static void week_make(uint64_t *seed, ds_workweek *week) {
  memset(week->works, 0, sizeof week->works);
  for (uint32_t n = 0; n < 8; n++) {
    const uint32_t day = draw(seed, 7), from = draw(seed, 3) * 30 + draw(seed, 24) * 30 * (n % 2);
    for (uint32_t m = from; m < from + 90 + draw(seed, 300) && m < DS_DAY_MINUTES; m++)
      week->works[day][m] = true;
  }
}

// Whether the clock shows a working minute.
static bool works(const ds_workweek *week, const ds_zone *zone, int64_t time_ms) {
  const int64_t day = ds_zone_day(zone, time_ms);
  const int64_t minute = (ds_zone_local_ms(zone, time_ms) - day * DS_DAY_MS) / MINUTE_MS;
  for (uint32_t h = 0; h < week->holidays_count; h++)
    if (week->holidays[h] == day)
      return false;
  // A Monday.
  const int64_t since = day - ds_days_from_civil(2024, 1, 1);
  return week->works[(since % 7 + 7) % 7][minute];
}

// The instant after so much working time is the first at which it has passed.
static void compare_after(const ds_worktime *worktime, int64_t from, int64_t to, uint64_t *seed) {
  for (uint32_t n = 0; n < 2000; n++) {
    const int64_t at = from + (int64_t)draw(seed, (uint32_t)((to - from) / 2));
    const int64_t work = 1 + draw(seed, n % 2 == 0 ? 1000 : 600 * 60000);
    const int64_t begun = ds_worktime_at(worktime, at);
    const int64_t after = ds_worktime_after(worktime, at, work);
    if (after == INT64_MAX) {
      assert_true(ds_worktime_at(worktime, to) - begun < work);
      continue;
    }
    assert_true(after > at);
    assert_int_equal(ds_worktime_at(worktime, after) - begun, work);
    assert_int_equal(ds_worktime_at(worktime, after - 1) - begun, work - 1);
  }
}

static void compare(const around *place, uint64_t *seed) {
  ds_zone *zone = NULL;
  ds_error err = {0};
  ds_arena arena;
  ds_arena_init(&arena, 64u << 20);
  if (ds_zone_load(ds_io_posix(), ZONES, ds_str_of(place->zone), &zone, &err) != DS_OK)
    fail_msg("%s", err.message);
  const int64_t first = ds_days_from_civil(place->year, place->month, place->day);
  const int64_t holidays[] = {first + 3, first + 8};
  static ds_workweek week;
  week.holidays = holidays;
  week.holidays_count = draw(seed, 3);
  week_make(seed, &week);
  // From within a minute, which is not worked in whole.
  const int64_t from = first * DS_DAY_MS + draw(seed, 60000);
  const int64_t to = from + MINUTES * MINUTE_MS;
  ds_worktime worktime;
  if (ds_worktime_make(&week, zone, from, to, &arena, &worktime, &err) != DS_OK)
    fail_msg("%s", err.message);
  // Every second minute-edge and every odd instant between.
  int64_t worked = 0, at = from;
  for (uint32_t m = 0; at < to; m++) {
    const int64_t next_edge = at - (at % MINUTE_MS + MINUTE_MS) % MINUTE_MS + MINUTE_MS;
    const int64_t odd = at + 1 + draw(seed, 30000);
    const int64_t sooner = m % 2 == 0 && odd < next_edge ? odd : next_edge;
    const int64_t next = sooner < to ? sooner : to;
    worked += works(&week, zone, at) ? next - at : 0;
    at = next;
    if (ds_worktime_at(&worktime, at) != worked)
      fail_msg("%s, %lld ms after its beginning: %lld ms, not %lld", place->zone,
               (long long)(at - from), (long long)ds_worktime_at(&worktime, at),
               (long long)worked);
  }
  assert_true(worked > 0 && worked < to - from);
  compare_after(&worktime, from, to, seed);
  assert_int_equal(ds_worktime_at(&worktime, from), 0);
  for (uint32_t s = 1; s < worktime.count; s++)
    assert_true(worktime.end_ms[s - 1] < worktime.start_ms[s]);
  ds_arena_done(&arena);
  ds_zone_free(zone);
}

static void test_changes(void **state) {
  (void)state;
  uint64_t seed = 11;
  for (uint32_t p = 0; p < PLACES; p++)
    for (uint32_t w = 0; w < WEEKS_MAX; w++)
      compare(&places[p], &seed);
}

static void test_limits(void **state) {
  (void)state;
  static ds_workweek week;
  ds_arena arena;
  ds_worktime worktime;
  ds_error err = {0};
  ds_arena_init(&arena, 1u << 20);
  assert_int_equal(ds_worktime_make(&week, NULL, 0, 300 * 366 * DS_DAY_MS, &arena, &worktime,
                                    &err), DS_LIMIT);
  // Nobody works, and no time passes.
  assert_int_equal(ds_worktime_make(&week, NULL, 0, 9 * DS_DAY_MS, &arena, &worktime, &err),
                   DS_OK);
  assert_int_equal(ds_worktime_at(&worktime, 5 * DS_DAY_MS), 0);
  assert_int_equal(ds_worktime_make(&week, NULL, 77, 77, &arena, &worktime, &err), DS_OK);
  assert_int_equal(ds_worktime_at(&worktime, 77), 0);
  ds_arena_done(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_changes),
      cmocka_unit_test(test_limits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
