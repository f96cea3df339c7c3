// SPDX-License-Identifier: Apache-2.0
// What --anomalies expects of a series: the planted period alone stands out, of counts with a
// weekly season, of shares and of figures; of little data, of data that do not differ, and of what
// is not known nothing is expected. Lines are held against a slow fit of repeated medians.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "question/anomalies.h"
#include "question_world.h"

enum { PERIODS_MAX = 200 };

typedef struct sample {
  double value[PERIODS_MAX], n[PERIODS_MAX];
  bool known[PERIODS_MAX];
  uint8_t season[PERIODS_MAX];
  ds_expectation expected[PERIODS_MAX];
  ds_series series;
} sample;

static void sample_init(sample *s, ds_series_kind kind, uint32_t count, uint32_t reach) {
  *s = (sample){.series = {.kind = kind, .count = count, .value = s->value, .known = s->known,
                           .n = s->n, .season = s->season, .reach = reach}};
  for (uint32_t p = 0; p < count; p++) {
    s->known[p] = true;
    s->n[p] = 1000;
    s->season[p] = (uint8_t)(p % 7);
  }
}

static void find(sample *s) {
  ds_arena arena;
  ds_arena_init(&arena, 1u << 22);
  assert_int_equal(ds_anomalies_find(&s->series, &arena, s->expected, NULL), DS_OK);
  ds_arena_done(&arena);
}

static double noise(uint64_t *seed) { return (double)(qw_random(seed) % 2001) / 1000 - 1; }

// Only period `at` stands out, on `side`.
static void check_only(sample *s, uint32_t at, int side) {
  find(s);
  for (uint32_t p = 0; p < s->series.count; p++)
    if (s->expected[p].side != (p == at ? side : 0))
      fail_msg("period %u: %g, expected %g to %g", p, s->value[p], s->expected[p].low,
               s->expected[p].high);
}

static void test_planted(void **context) {
  (void)context;
  static const double week[7] = {1.2, 1.1, 1.0, 1.0, 0.9, 0.5, 0.4};
  for (uint64_t seed = 1; seed <= 40; seed++) {
    uint64_t state = seed;
    sample *s = malloc(sizeof *s);
    assert_non_null(s);
    const uint32_t at = (uint32_t)(qw_random(&state) % 150);
    const bool high = seed % 2 == 0;
    sample_init(s, DS_SERIES_COUNT, 150, 28);
    s->series.seasons = 7;
    for (uint32_t p = 0; p < 150; p++)
      s->value[p] = round((300 + 2.0 * p) * week[p % 7] + 8 * noise(&state));
    s->value[at] = round(s->value[at] * (high ? 2 : 0.2));
    check_only(s, at, high ? 1 : -1);
    assert_true(fabs(s->expected[at].expected / ((300 + 2.0 * at) * week[at % 7]) - 1) < 0.05);
    sample_init(s, DS_SERIES_SHARE, 60, 13);
    for (uint32_t p = 0; p < 60; p++)
      s->value[p] = 0.1 + 0.001 * p + 0.01 * noise(&state);
    s->value[at % 60] = high ? 0.4 : 0.01;
    check_only(s, at % 60, high ? 1 : -1);
    sample_init(s, DS_SERIES_FIGURE, 40, 6);
    for (uint32_t p = 0; p < 40; p++)
      s->value[p] = -5 + 0.1 * p + 0.1 * noise(&state);
    s->value[5 + at % 30] += high ? 30 : -30;
    find(s);
    assert_int_equal(s->expected[5 + at % 30].side, high ? 1 : -1);
    free(s);
  }
}

static void test_too_little(void **context) {
  (void)context;
  static sample s;
  for (uint32_t count = 0; count < 40; count++) {
    sample_init(&s, DS_SERIES_COUNT, count, 13);
    for (uint32_t p = 0; p < count; p++)
      s.value[p] = p == count / 2 ? 1000 : 10;
    // What is not known takes no part: every second period.
    for (uint32_t p = 0; p < count && count >= 24; p += 2)
      s.known[p] = p == count / 2;
    find(&s);
    uint32_t known = 0;
    for (uint32_t p = 0; p < count; p++)
      known += s.expected[p].known;
    const uint32_t there = count < 24 ? count : count / 2 + (count / 2 % 2 == 0);
    assert_true(known == 0 || there >= DS_ANOMALY_PERIODS);
    assert_true(known > 0 || there < DS_ANOMALY_PERIODS || count >= 24);
    for (uint32_t p = 0; p < count; p++)
      if (s.expected[p].side != 0 && p != count / 2)
        fail_msg("period %u of %u stands out", p, count);
  }
  // Figures that do not differ: nobody knows how far is far.
  sample_init(&s, DS_SERIES_FIGURE, 30, 13);
  for (uint32_t p = 0; p < 30; p++)
    s.value[p] = p == 7 ? 3 : 2;
  find(&s);
  for (uint32_t p = 0; p < 30; p++)
    assert_false(s.expected[p].known);
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double middle(double *values, uint32_t count) {
  qsort(values, count, sizeof *values, compare);
  return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

// The level of period p of a series all of which is near.
static double line_at(const sample *s, uint32_t p) {
  double slopes[PERIODS_MAX], some[PERIODS_MAX];
  uint32_t used = 0, count = 0;
  for (uint32_t i = 0; i < s->series.count; i++) {
    count = 0;
    for (uint32_t j = 0; j < s->series.count; j++)
      if (i != p && j != p && i != j)
        some[count++] = (s->value[i] - s->value[j]) / ((double)i - j);
    if (i != p)
      slopes[used++] = middle(some, count);
  }
  const double slope = middle(slopes, used);
  for (uint32_t i = count = 0; i < s->series.count; i++)
    if (i != p)
      some[count++] = s->value[i] + slope * ((double)p - i);
  return middle(some, count);
}

static void test_lines(void **context) {
  (void)context;
  static sample s;
  uint64_t seed = 5;
  for (uint32_t n = 0; n < 30; n++) {
    sample_init(&s, DS_SERIES_FIGURE, 12 + n, 100);
    for (uint32_t p = 0; p < s.series.count; p++)
      s.value[p] = 50 * noise(&seed);
    find(&s);
    for (uint32_t p = 0; p < s.series.count; p++)
      assert_true(s.expected[p].known &&
                  fabs(s.expected[p].expected - line_at(&s, p)) < 1e-9);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_planted),
      cmocka_unit_test(test_too_little),
      cmocka_unit_test(test_lines),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
