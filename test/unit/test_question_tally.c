// SPDX-License-Identifier: Apache-2.0
// Exact quantiles of many cells whatever windows and budget say: with every value kept, with
// windows of a sample, with windows that mislead, with values lost, merged from several threads.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "question/tally.h"
#include "question_world.h"

enum { CELLS = 7, VALUES = 20000, TALLIES = 2 };

// The values of one world, each in its cell.
typedef struct values {
  uint32_t cell[VALUES];
  int64_t value[VALUES];
  uint32_t passes;
} values;

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static ds_code pass(void *context, const ds_refine *refine, ds_refine_counts *ret_counts,
                    ds_error *err) {
  values *all = context;
  all->passes++;
  ds_tally parts[TALLIES];
  for (uint32_t t = 0; t < TALLIES; t++)
    TRY(ds_tally_init(&parts[t], CELLS, NULL, 0, refine, err));
  for (uint32_t i = 0; i < VALUES; i++)
    TRY(ds_tally_add(&parts[i % TALLIES], all->cell[i], all->value[i], err));
  ds_tally_merge(&parts[0], &parts[1]);
  *ret_counts = parts[0].refined;
  ds_tally_done(&parts[1]);
  return DS_OK;
}

// Tallies by turns, merges, and holds the quantiles against sorting.
static void check(values *all, const ds_tally_cell *windows, size_t kept_bytes_max) {
  ds_tally parts[TALLIES];
  ds_error err = {0};
  for (uint32_t t = 0; t < TALLIES; t++)
    assert_int_equal(ds_tally_init(&parts[t], CELLS, windows, kept_bytes_max, NULL, &err), DS_OK);
  for (uint32_t i = 0; i < VALUES; i++)
    assert_int_equal(ds_tally_add(&parts[i % TALLIES], all->cell[i], all->value[i], &err), DS_OK);
  ds_tally_merge(&parts[0], &parts[1]);
  ds_arena arena;
  ds_arena_init(&arena, 1u << 24);
  double *quantiles = NULL;
  assert_int_equal(ds_tally_quantiles(&parts[0], 1u << 20, 2, pass, all, &arena, &quantiles,
                                      &err), DS_OK);
  static double sorted[VALUES];
  for (uint32_t c = 0; c < CELLS; c++) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < VALUES; i++)
      if (all->cell[i] == c)
        sorted[count++] = (double)all->value[i];
    assert_int_equal(parts[0].cell[c].count, count);
    if (count == 0) {
      assert_true(isnan(quantiles[2 * c]) && isnan(quantiles[2 * c + 1]));
      continue;
    }
    qsort(sorted, count, sizeof *sorted, by_value);
    assert_true(fabs(quantiles[2 * c] - qw_quantile(sorted, count, 0.5)) < 1e-3);
    assert_true(fabs(quantiles[2 * c + 1] - qw_quantile(sorted, count, 0.9)) < 1e-3);
  }
  ds_arena_done(&arena);
  ds_tally_done(&parts[0]);
  ds_tally_done(&parts[1]);
}

// Windows from a sample: every eighth value.
static ds_tally_cell *windows_of(const values *all) {
  ds_tally sample;
  ds_error err = {0};
  ds_tally_cell *windows = NULL;
  assert_int_equal(ds_tally_init(&sample, CELLS, NULL, 1u << 26, NULL, &err), DS_OK);
  for (uint32_t i = 0; i < VALUES; i += 8)
    assert_int_equal(ds_tally_add(&sample, all->cell[i], all->value[i], &err), DS_OK);
  assert_int_equal(ds_tally_windows(&sample, &windows, &err), DS_OK);
  assert_non_null(windows);
  ds_tally_done(&sample);
  return windows;
}

static void test_tally(void **context) {
  (void)context;
  static values all;
  uint64_t seed = 9;
  for (uint32_t world = 0; world < 12; world++) {
    // Some cells hold few values, the last none; some values are equal.
    for (uint32_t i = 0; i < VALUES; i++) {
      all.cell[i] = i < 3 ? i % 2 + 4 : (uint32_t)(qw_random(&seed) % 4);
      all.value[i] = (int64_t)(qw_random(&seed) % (1ull << (1 + qw_random(&seed) % 40)));
    }
    all.passes = 0;
    check(&all, NULL, 1u << 26);
    assert_int_equal(all.passes, 0);
    ds_tally_cell *windows = windows_of(&all);
    check(&all, windows, 1u << 26);
    assert_int_equal(all.passes, 0);
    for (uint32_t c = 0; c < CELLS; c++)
      for (uint32_t q = 0; q < DS_TALLY_QUANTILES; q++) {
        windows[c].low[q] = (int64_t)(qw_random(&seed) % (1u << 20));
        windows[c].high[q] = windows[c].low[q] + (int64_t)(qw_random(&seed) % (1u << 20));
      }
    check(&all, windows, 1u << 26);
    assert_true(all.passes > 0);
    free(windows);
  }
}

// More values than the one chunk that the budget allows: lost, which is known.
static void test_lost(void **context) {
  (void)context;
  ds_tally tally;
  ds_error err = {0};
  assert_int_equal(ds_tally_init(&tally, CELLS, NULL, 0, NULL, &err), DS_OK);
  for (uint32_t i = 0; i < DS_TALLY_CHUNK; i++)
    assert_int_equal(ds_tally_add(&tally, 0, 1, &err), DS_OK);
  assert_false(tally.lost);
  assert_int_equal(ds_tally_add(&tally, 0, 1, &err), DS_OK);
  assert_true(tally.lost);
  ds_tally_cell *windows = NULL;
  assert_int_equal(ds_tally_windows(&tally, &windows, &err), DS_OK);
  assert_null(windows);
  ds_tally_done(&tally);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tally),
      cmocka_unit_test(test_lost),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
