// SPDX-License-Identifier: Apache-2.0
// The product-limit estimate: the example that Kaplan and Meier print, the leukaemia trial that
// every textbook has, and how it leans on another group.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "question/survival.h"

static void expect_near(double got, double want, double within) {
  if (!(fabs(got - want) <= within))
    fail_msg("%.9g instead of %.9g", got, want);
}

// E. L. Kaplan, P. Meier, "Nonparametric estimation from incomplete observations", 1958: deaths at
// 0.8, 3.1, 5.4 and 9.2 months, losses at 1.0, 2.7, 7.0 and 12.1.
static void test_published_example(void **state) {
  (void)state;
  static const double happened[] = {1, 0, 0, 1, 1, 0, 1, 0}, lost[] = {0, 1, 1, 0, 0, 1, 0, 1};
  static const double stay[] = {0.875, 0.875, 0.875, 0.7, 0.525, 0.525, 0.2625, 0.2625};
  ds_survival at = ds_survival_begin(8);
  for (int d = 0; d < 8; d++) {
    ds_survival_step(&at, happened[d], lost[d]);
    expect_near(at.stay, stay[d], 1e-12);
  }
  expect_near(at.left, 0, 0);
}

// E. A. Gehan (1965), 21 patients on 6-mercaptopurine, weeks of remission: estimate and Greenwood's
// standard error as D. G. Kleinbaum and M. Klein print them (S(6) 0.857, S(10) 0.753, S(23) 0.448;
// errors 0.0764, 0.0963, 0.1346).
static void test_published_errors(void **state) {
  (void)state;
  static const int weeks[] = {6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32,
                              32, 34, 35};
  static const int relapse[] = {1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0};
  ds_survival at = ds_survival_begin(21);
  for (int week = 0; week <= 23; week++) {
    double happened = 0, lost = 0;
    for (int i = 0; i < 21; i++) {
      happened += weeks[i] == week && relapse[i];
      lost += weeks[i] == week && !relapse[i];
    }
    ds_survival_step(&at, happened, lost);
    const double error = at.stay * sqrt(at.variance);
    if (week == 6) {
      expect_near(at.stay, 0.857, 0.0005);
      expect_near(error, 0.0764, 0.00005);
    } else if (week == 10) {
      expect_near(at.stay, 0.753, 0.0005);
      expect_near(error, 0.0963, 0.00005);
    } else if (week == 23) {
      expect_near(at.stay, 0.448, 0.0005);
      expect_near(error, 0.1346, 0.00005);
    }
  }
  double low, high;
  ds_survival_interval(&at, &low, &high);
  assert_true(low < 1 - at.stay && high > 1 - at.stay && low > 0 && high < 1);
}

// Without losses, ten more that go as another group does make the mean of the two, weighted.
static void test_fractions(void **state) {
  (void)state;
  static const double own[] = {0, 3, 5, 2, 0}, other[] = {0.1, 0.2, 0.3, 0.25, 0.15};
  ds_survival at = ds_survival_begin(10 + 10);
  double share = 0;
  for (int d = 0; d < 5; d++) {
    ds_survival_step(&at, own[d] + 10 * other[d], 0);
    share += (own[d] + 10 * other[d]) / 20;
    expect_near(1 - at.stay, share, 1e-12);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_published_example),
      cmocka_unit_test(test_published_errors),
      cmocka_unit_test(test_fractions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
