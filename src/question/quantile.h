// SPDX-License-Identifier: Apache-2.0
// Exact order statistics of integers. Quantiles are of type 7 (R. J. Hyndman and Y. Fan, "Sample
// quantiles in statistical packages", 1996): linear between the order statistics around
// (n - 1) p. Uses nothing.
#ifndef DS_QUESTION_QUANTILE_H
#define DS_QUESTION_QUANTILE_H

#include <stdbool.h>
#include <stdint.h>

// Between which order statistics (0-based) a quantile lies: value = x[low] + fraction *
// (x[low + 1] - x[low]); fraction 0 needs x[low] only.
typedef struct ds_rank {
  uint64_t low;
  double fraction;
} ds_rank;

// The rank of quantile numerator/denominator of `count` > 0 values, exact for count < 2^58.
ds_rank ds_rank_of(uint64_t count, uint32_t numerator, uint32_t denominator);

// x[rank] into pair[0] and x[rank + 1] (x[rank] again at the end) into pair[1], of `count` >
// rank values in no order, which are left in disorder: some are lost. Linear: each round narrows
// the range of values 1,024-fold, whatever the data.
void ds_select(int64_t *values, uint64_t count, uint64_t rank, int64_t pair[2]);

// The quantile from its two order statistics.
static inline double ds_quantile(ds_rank rank, int64_t low, int64_t high) {
  return (double)low + rank.fraction * (double)(high - low);
}

#endif
