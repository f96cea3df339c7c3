// SPDX-License-Identifier: Apache-2.0
// How long it takes until something happens when not all have been seen to the end: the product-
// limit estimate (E. L. Kaplan and P. Meier, 1958) of the share to whom it has not happened yet,
// step by step over counts by whole days; variance by M. Greenwood (1926). Counts may be fractions:
// to those seen a few more may be added that go as another group does, which is the posterior mean
// under a Dirichlet process with that group as its prior (V. Susarla and J. Van Ryzin, 1976).
// Uses nothing.
#ifndef DS_QUESTION_SURVIVAL_H
#define DS_QUESTION_SURVIVAL_H

// The estimate after some days: how many are left at risk, the share to whom it has not happened,
// and Greenwood's sum.
typedef struct ds_survival {
  double left;
  double stay;
  double variance;
} ds_survival;

// Before the first day, with so many at risk.
static inline ds_survival ds_survival_begin(double count) {
  return (ds_survival){.left = count, .stay = 1};
}

// One more day: it happens to `happened` of those left, and `censored` more are seen no longer. On
// one day what happens comes first.
void ds_survival_step(ds_survival *at, double happened, double censored);

// The 95 % interval of the share to whom it has happened (1 - stay), on the scale of log(-log S).
void ds_survival_interval(const ds_survival *at, double *ret_low, double *ret_high);

#endif
