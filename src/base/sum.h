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

// A sum of numbers of which most are whole, as scores are: those add up at once.
typedef struct ds_number_sum {
  int64_t whole;
  ds_dd rest;
} ds_number_sum;

// Adds a number; at most 2^31 of them.
static inline void ds_number_sum_add(ds_number_sum *sum, double value) {
  const int32_t whole = value > INT32_MIN && value < INT32_MAX ? (int32_t)value : 0;
  if ((double)whole == value)
    sum->whole += whole;
  else
    sum->rest = ds_dd_add(sum->rest, (ds_dd){value, 0});
}

static inline void ds_number_sum_merge(ds_number_sum *into, const ds_number_sum *from) {
  into->whole += from->whole;
  into->rest = ds_dd_add(into->rest, from->rest);
}

// Takes what was added before.
static inline void ds_number_sum_take(ds_number_sum *from, const ds_number_sum *taken) {
  from->whole -= taken->whole;
  from->rest = ds_dd_add(from->rest, (ds_dd){-taken->rest.high, -taken->rest.low});
}

static inline ds_dd ds_number_sum_value(const ds_number_sum *sum) {
  const double high = (double)sum->whole;
  return ds_dd_add((ds_dd){high, (double)(sum->whole - (int64_t)high)}, sum->rest);
}

#endif
