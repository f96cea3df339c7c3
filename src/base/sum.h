// SPDX-License-Identifier: Apache-2.0
// Exact sums: durations in 128-bit integers, numbers in double-double, so that no figure depends on
// the order of addition across threads, blocks or parts. Uses nothing. Double-double addition:
// T. J. Dekker, "A floating-point technique for extending the available precision", 1971 (two-sum
// by D. E. Knuth, TAOCP vol. 2, 4.2.2).
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

// a + b, error below 2^-104 of the result.
static inline ds_dd ds_dd_add(ds_dd a, ds_dd b) {
  const double s = a.high + b.high;
  const double v = s - a.high;
  const double e = (a.high - (s - v)) + (b.high - v) + a.low + b.low;
  const double high = s + e;
  return (ds_dd){high, e - (high - s)};
}

#endif
