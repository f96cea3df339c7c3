// SPDX-License-Identifier: Apache-2.0
// Sums whose printed figures do not depend on the order of addition across threads, blocks or
// parts: durations exactly, in 128-bit integers; numbers in double-double, whose rounding lies
// far below the 12 digits that are printed. Uses nothing. Double-double addition: M. Joldes,
// J.-M. Muller, V. Popescu, "Tight and rigorous error bounds for basic building blocks of double-
// word arithmetic", 2017, algorithm 6 (two-sum by D. E. Knuth, TAOCP vol. 2, 4.2.2).
#ifndef DS_BASE_SUM_H
#define DS_BASE_SUM_H

#include <stdint.h>

// A sum of at most 2^64 int64 values, exact.
typedef __int128 ds_sum128;

// The mean of `count` > 0 addends as the nearest double.
static inline double ds_sum128_mean(ds_sum128 sum, uint64_t count) {
  const ds_sum128 whole = sum / (ds_sum128)count;
  const ds_sum128 rest = sum % (ds_sum128)count;
  return (double)whole + (double)rest / (double)count;
}

// A number as an unevaluated sum of two doubles (about 106 bits).
typedef struct ds_dd {
  double high;
  double low;
} ds_dd;

// a + b rounded to the nearest double, and what the rounding lost: exact.
static inline ds_dd ds_dd_two_sum(double a, double b) {
  const double sum = a + b;
  const double rest = sum - a;
  return (ds_dd){sum, (a - (sum - rest)) + (b - rest)};
}

// a + b, relative error below 2^-103 also when signs cancel.
static inline ds_dd ds_dd_add(ds_dd a, ds_dd b) {
  const ds_dd high = ds_dd_two_sum(a.high, b.high);
  const ds_dd low = ds_dd_two_sum(a.low, b.low);
  const ds_dd first = ds_dd_two_sum(high.high, high.low + low.high);
  return ds_dd_two_sum(first.high, low.low + first.low);
}

#endif
