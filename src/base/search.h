// SPDX-License-Identifier: Apache-2.0
// Looking a number up in an ascending array. Uses nothing.
#ifndef DS_BASE_SEARCH_H
#define DS_BASE_SEARCH_H

#include <stdint.h>

// The first index of [low, high) whose number is at least `number`; `high` when there is none.
static inline uint32_t ds_first_at_least(const uint32_t *ascending, uint32_t low, uint32_t high,
                                         uint64_t number) {
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (ascending[middle] < number)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

#endif
