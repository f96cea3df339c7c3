// SPDX-License-Identifier: Apache-2.0
// Intervals of what was counted or measured. Private to question/. Uses nothing.
#ifndef DS_QUESTION_INTERVAL_H
#define DS_QUESTION_INTERVAL_H

#include <stdint.h>

// The 95 % score interval of a rate: hits of n > 0 (E. B. Wilson, 1927).
void ds_rate_interval(uint64_t hits, uint64_t n, double *ret_low, double *ret_high);

// By how many standard errors the 95 % interval of a mean reaches to each side: Student's t with so
// many degrees of freedom > 0 (G. W. Hill, "Algorithm 396: Student's t-quantiles", 1970).
double ds_mean_reach(uint64_t degrees);

#endif
