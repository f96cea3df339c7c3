// SPDX-License-Identifier: Apache-2.0
// Exact quantiles whatever the sample and the budget: selection equals sorting, and the process
// map finds the same medians with windows that mislead, with gaps lost, and with neither.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "question/process_quantiles.h"
#include "question/quantile.h"
#include "question_world.h"

static int by_value(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static void test_select(void **context) {
  (void)context;
  uint64_t seed = 5;
  static int64_t values[5000], sorted[5000], moved[5000];
  static const uint64_t spans[] = {1, 2, 1000, 1ull << 33, 1ull << 54};
  for (uint32_t round = 0; round < 400; round++) {
    const uint64_t count = 1 + qw_random(&seed) % (round % 2 == 0 ? 40 : 5000);
    const uint64_t span = spans[qw_random(&seed) % 5];
    for (uint64_t i = 0; i < count; i++) {
      // Half of the rounds have one far value, which makes nearly all fall into one bucket.
      values[i] = (int64_t)(qw_random(&seed) % span);
      if (round % 4 == 1 && i == 0)
        values[i] = 1ll << 54;
    }
    memcpy(sorted, values, count * sizeof *values);
    qsort(sorted, count, sizeof *sorted, by_value);
    const uint64_t ranks[] = {0, count - 1, count / 2, qw_random(&seed) % count};
    for (uint32_t r = 0; r < 4; r++) {
      int64_t pair[2];
      memcpy(moved, values, count * sizeof *values);
      ds_select(moved, count, ranks[r], pair);
      assert_int_equal(pair[0], sorted[ranks[r]]);
      assert_int_equal(pair[1], sorted[ranks[r] + 1 < count ? ranks[r] + 1 : ranks[r]]);
    }
  }
}

static void test_rank(void **context) {
  (void)context;
  const ds_rank median = ds_rank_of(4, 1, 2);
  assert_int_equal(median.low, 1);
  assert_true(median.fraction == 0.5);
  const ds_rank p90 = ds_rank_of(11, 9, 10);
  assert_int_equal(p90.low, 9);
  assert_true(p90.fraction == 0.0);
  assert_int_equal(ds_rank_of(1, 9, 10).low, 0);
}

// How the full pass is hindered.
typedef enum hindrance { FREE, BAD_WINDOWS, ONE_VALUE, LOST, BAD_AND_LOST, NO_ROOM } hindrance;

static void find(const ds_snapshot *snapshot, hindrance how, const process_quantile *known,
                 uint64_t *seed, ds_arena *arena, process_quantile **ret_quantiles,
                 uint32_t *ret_count, uint32_t *ret_passes) {
  ds_plan plan = {.columns = {.want = DS_WANT_TOUCHPOINT | DS_WANT_GAP}, .threads = 2};
  const uint32_t touchpoints = snapshot->space.touchpoints.count;
  process_context context = {.shape = ds_process_shape_of(touchpoints, 1), .level = PROCESS_ALL,
                             .kept_bytes_max = how == NO_ROOM ? 1 : 1u << 24};
  process_window windows[QW_NAMES_MAX * QW_NAMES_MAX];
  for (uint32_t w = 0; w < touchpoints * touchpoints; w++) {
    windows[w].key = w;
    for (uint32_t q = 0; q < PROCESS_QUANTILES; q++) {
      windows[w].low[q] = (int64_t)(qw_random(seed) % 2000);
      windows[w].high[q] = windows[w].low[q] + (int64_t)(qw_random(seed) % 3000);
      // As if a sample had shown the median and nothing else.
      if (how == ONE_VALUE)
        windows[w].low[q] = windows[w].high[q] = (int64_t)known[w].value[0] + q;
    }
  }
  if (how != FREE && how != LOST) {
    context.windows = windows;
    context.windows_count = touchpoints * touchpoints;
  }
  void *memory = NULL;
  ds_error err = {0};
  assert_int_equal(ds_scan(snapshot, &plan, &ds_process_kernel, &context, arena, &memory, &err),
                   DS_OK);
  process_state *state = memory;
  if (how >= LOST)
    state->kept_overflow = true;
  process_effort effort = {0};
  assert_int_equal(ds_process_quantiles_find(snapshot, &plan, state, 1u << 20, arena, ret_quantiles,
                                             &effort, &err), DS_OK);
  *ret_count = state->edges_count;
  *ret_passes = effort.passes;
  ds_process_kernel.done(state);
}

static void test_hindered(void **context) {
  (void)context;
  uint64_t seed = 99;
  uint32_t hindered = 0, at_once = 0;
  for (uint64_t world_seed = 1; world_seed < 60; world_seed++) {
    static qw_world world;
    qw_make(&world, world_seed);
    if (world.count == 0)
      continue;
    ds_snapshot *snapshot = qw_snapshot(&world, world_seed % 2 == 0);
    ds_arena arena;
    ds_arena_init(&arena, 1u << 28);
    process_quantile *free_of_all = NULL, *other = NULL;
    uint32_t count = 0, passes = 0;
    find(snapshot, FREE, NULL, &seed, &arena, &free_of_all, &count, &passes);
    assert_int_equal(passes, 0);
    for (hindrance how = BAD_WINDOWS; how <= NO_ROOM; how++) {
      find(snapshot, how, free_of_all, &seed, &arena, &other, &count, &passes);
      hindered += passes > 0;
      at_once += how == ONE_VALUE && passes == 0;
      for (uint32_t e = 0; e < count; e++)
        for (uint32_t q = 0; q < PROCESS_QUANTILES; q++)
          assert_true(other[e].value[q] == free_of_all[e].value[q]);
    }
    ds_arena_done(&arena);
    qw_snapshot_free(snapshot);
  }
  assert_true(hindered > 60);
  assert_true(at_once > 0);
}

// A sample decides windows, never figures: windows of a sample hold what it says, and a run with
// them needs no further pass on data like the sample.
static void test_windows(void **context) {
  (void)context;
  static qw_world world;
  qw_make(&world, 7);
  ds_snapshot *snapshot = qw_snapshot(&world, true);
  ds_arena arena;
  ds_arena_init(&arena, 1u << 28);
  const ds_plan plan = {.columns = {.want = DS_WANT_TOUCHPOINT | DS_WANT_GAP}, .threads = 1};
  process_context asked = {.shape = ds_process_shape_of(snapshot->space.touchpoints.count, 1),
                           .level = PROCESS_ALL, .kept_bytes_max = 1u << 24};
  void *memory = NULL;
  ds_error err = {0};
  assert_int_equal(ds_scan_sample(snapshot, &plan, 64, &ds_process_kernel, &asked, &arena, &memory,
                                  &err), DS_OK);
  process_window *windows = NULL;
  uint32_t count = 0;
  assert_int_equal(ds_process_windows_make(memory, &arena, &windows, &count, &err), DS_OK);
  for (uint32_t w = 0; w < count; w++)
    for (uint32_t q = 0; q < PROCESS_QUANTILES; q++)
      assert_true(windows[w].low[q] >= 0 && windows[w].low[q] < windows[w].high[q]);
  ds_process_kernel.done(memory);
  ds_arena_done(&arena);
  qw_snapshot_free(snapshot);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_select),
      cmocka_unit_test(test_rank),
      cmocka_unit_test(test_hindered),
      cmocka_unit_test(test_windows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
