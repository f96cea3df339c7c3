// SPDX-License-Identifier: Apache-2.0
// See survival.h.
#include "question/survival.h"

#include <assert.h>
#include <math.h>

void ds_survival_step(ds_survival *at, double happened, double censored) {
  assert(happened >= 0 && censored >= 0);
  if (happened > 0 && at->left > 0) {
    at->stay *= happened < at->left ? 1 - happened / at->left : 0;
    if (at->left > happened)
      at->variance += happened / (at->left * (at->left - happened));
  }
  at->left -= happened + censored;
}

void ds_survival_interval(const ds_survival *at, double *ret_low, double *ret_high) {
  *ret_low = *ret_high = 1 - at->stay;
  if (at->stay >= 1 || at->stay <= 0)
    return;
  const double reach = 1.959963984540054 * sqrt(at->variance) / log(at->stay);
  *ret_low = 1 - pow(at->stay, exp(reach));
  *ret_high = 1 - pow(at->stay, exp(-reach));
}
