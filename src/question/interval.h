// SPDX-License-Identifier: Apache-2.0
// Intervals of what was counted. Private to question/. Uses nothing.
#ifndef DS_QUESTION_INTERVAL_H
#define DS_QUESTION_INTERVAL_H

#include <stdint.h>

// The 95 % score interval of a rate: hits of n > 0 (E. B. Wilson, 1927).
void ds_rate_interval(uint64_t hits, uint64_t n, double *ret_low, double *ret_high);

#endif
