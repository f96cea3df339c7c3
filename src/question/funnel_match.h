// SPDX-License-Identifier: Apache-2.0
// Giving events different steps (bipartite matching by augmenting paths; H. W. Kuhn, 1955). Private
// to funnel_*.c. May use base/. Invariant: a failed call leaves everything as it was.
#ifndef DS_QUESTION_FUNNEL_MATCH_H
#define DS_QUESTION_FUNNEL_MATCH_H

#include "question/funnel_chain.h"

// Which row has which step; DS_NONE = free.
typedef struct funnel_match {
  const funnel_row *row;
  uint32_t steps;
  uint32_t row_of[FUNNEL_STEPS_MAX];
} funnel_match;

// No row has a step.
void ds_funnel_match_init(funnel_match *match, const funnel_row *row, uint32_t steps);

// Gives the row a step, and other rows other steps where that makes room; false when it cannot be.
bool ds_funnel_match_row(funnel_match *match, uint32_t row);

// Gives the step to one of the rows [first, end) that have none of `used` set (NULL: all), and
// other steps to other rows where that makes room.
bool ds_funnel_match_step(funnel_match *match, uint32_t step, uint32_t first, uint32_t end,
                          const uint8_t *used);

#endif
