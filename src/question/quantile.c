// SPDX-License-Identifier: Apache-2.0
#include "question/quantile.h"

#include <assert.h>

enum { BUCKET_BITS = 10, BUCKETS = 1 << BUCKET_BITS, SORT_MAX = 24 };

ds_rank ds_rank_of(uint64_t count, uint32_t numerator, uint32_t denominator) {
  assert(count > 0 && numerator < denominator && denominator <= 100);
  const uint64_t product = (count - 1) * numerator;
  return (ds_rank){product / denominator, (double)(product % denominator) / (double)denominator};
}

static void sort_few(int64_t *values, uint64_t count) {
  for (uint64_t i = 1; i < count; i++) {
    const int64_t value = values[i];
    uint64_t at = i;
    for (; at > 0 && values[at - 1] > value; at--)
      values[at] = values[at - 1];
    values[at] = value;
  }
}

static void range_of(const int64_t *values, uint64_t count, int64_t *ret_min, int64_t *ret_max) {
  int64_t min = values[0], max = values[0];
  for (uint64_t i = 1; i < count; i++) {
    min = values[i] < min ? values[i] : min;
    max = values[i] > max ? values[i] : max;
  }
  *ret_min = min;
  *ret_max = max;
}

// Values of one bucket move to the front; *ret_above is the least value of a higher bucket.
// Returns how many moved.
static uint64_t narrow(int64_t *values, uint64_t count, int64_t min, uint32_t shift,
                       uint64_t bucket, int64_t *ret_above) {
  uint64_t used = 0;
  int64_t above = INT64_MAX;
  for (uint64_t i = 0; i < count; i++) {
    const int64_t value = values[i];
    const uint64_t at = ((uint64_t)value - (uint64_t)min) >> shift;
    above = at > bucket && value < above ? value : above;
    // used <= i: the store never hits a value not yet read.
    values[used] = value;
    used += at == bucket;
  }
  *ret_above = above;
  return used;
}

void ds_select(int64_t *values, uint64_t count, uint64_t rank, int64_t pair[2]) {
  assert(rank < count);
  int64_t beyond = INT64_MAX; // the least value above the range still looked at
  for (;;) {
    if (count <= SORT_MAX) {
      sort_few(values, count);
      pair[0] = values[rank];
      pair[1] = rank + 1 < count ? values[rank + 1] : beyond;
      break;
    }
    int64_t min = 0, max = 0;
    range_of(values, count, &min, &max);
    if (min == max) {
      pair[0] = min;
      pair[1] = rank + 1 < count ? min : beyond;
      break;
    }
    const uint32_t bits = 64 - (uint32_t)__builtin_clzll((uint64_t)max - (uint64_t)min);
    const uint32_t shift = bits > BUCKET_BITS ? bits - BUCKET_BITS : 0;
    uint64_t held[BUCKETS] = {0};
    for (uint64_t i = 0; i < count; i++)
      held[((uint64_t)values[i] - (uint64_t)min) >> shift]++;
    uint64_t bucket = 0;
    for (; held[bucket] <= rank; bucket++)
      rank -= held[bucket];
    int64_t above = INT64_MAX;
    const uint64_t left = narrow(values, count, min, shift, bucket, &above);
    assert(left == held[bucket] && rank < left);
    if (above != INT64_MAX)
      beyond = above;
    count = left;
  }
  if (pair[1] == INT64_MAX)
    pair[1] = pair[0];
}
