// SPDX-License-Identifier: Apache-2.0
// See funnel_match.h.
#include "question/funnel_match.h"

#include <string.h>

void ds_funnel_match_init(funnel_match *match, const funnel_row *row, uint32_t steps) {
  match->row = row;
  match->steps = steps;
  memset(match->row_of, 0xff, sizeof match->row_of);
}

// The row takes a step that is free, or whose row can take another; *seen are the steps tried.
static bool row_augment(funnel_match *match, uint32_t row, uint64_t *seen) {
  for (;;) {
    const uint64_t left = match->row[row].steps & ~*seen;
    if (left == 0)
      return false;
    const uint32_t step = (uint32_t)__builtin_ctzll(left);
    if (step >= match->steps)
      return false;
    *seen |= 1ull << step;
    if (match->row_of[step] == DS_NONE || row_augment(match, match->row_of[step], seen)) {
      match->row_of[step] = row;
      return true;
    }
  }
}

bool ds_funnel_match_row(funnel_match *match, uint32_t row) {
  uint64_t seen = 0;
  return row_augment(match, row, &seen);
}

// The step that a row has, or DS_NONE.
static uint32_t step_of(const funnel_match *match, uint32_t row) {
  for (uint64_t left = match->row[row].steps; left != 0; left &= left - 1) {
    const uint32_t step = (uint32_t)__builtin_ctzll(left);
    if (step < match->steps && match->row_of[step] == row)
      return step;
  }
  return DS_NONE;
}

// From the steps that are looked for to steps that could be given up for them, breadth first:
// `towards` tells for each step reached the one that would take its row.
bool ds_funnel_match_step(funnel_match *match, uint32_t step, uint32_t first, uint32_t end,
                          const uint8_t *used) {
  uint32_t towards[FUNNEL_STEPS_MAX], queue[FUNNEL_STEPS_MAX], head = 0, tail = 0;
  uint64_t seen = 1ull << step;
  queue[tail++] = step;
  towards[step] = DS_NONE;
  while (head < tail) {
    const uint32_t wanted = queue[head++];
    for (uint32_t r = first; r < end; r++) {
      if ((match->row[r].steps >> wanted & 1) == 0 || (used != NULL && used[r] != 0))
        continue;
      const uint32_t has = step_of(match, r);
      if (has != DS_NONE && (seen >> has & 1) == 0) {
        seen |= 1ull << has;
        towards[has] = wanted;
        queue[tail++] = has;
      }
      if (has != DS_NONE)
        continue;
      // A free row: each step on the way takes what the one before it had.
      uint32_t row = r;
      for (uint32_t at = wanted; at != DS_NONE; at = towards[at]) {
        const uint32_t given = match->row_of[at];
        match->row_of[at] = row;
        row = given;
      }
      return true;
    }
  }
  return false;
}
