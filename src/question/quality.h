// SPDX-License-Identifier: Apache-2.0
// What the files of `quality` share. Private to question/. May use base/ to scan/.
#ifndef DS_QUESTION_QUALITY_H
#define DS_QUESTION_QUALITY_H

#include "question/quality_kernel.h"

// The question at work.
typedef struct quality_work {
  const ds_request *request;
  ds_result *result;
  ds_arena arena;
  ds_plan plan;
  ds_calendar days;
  quality_context context;
  const ds_touchpoint **known; // by touchpoint; NULL: not in the catalogue
  quality_state *state;
  uint32_t *order; // touchpoints that occur, the most frequent first
  uint32_t order_count;
  ds_buf text; // scratch
} quality_work;

// The longest run of days without an event of a touchpoint between its first and its last.
typedef struct quality_gap {
  uint32_t first_day; // of the calendar
  uint32_t days;      // 0 = none
  double expected;    // events that the touchpoint usually has on such days of the week
} quality_gap;

// Finds it; touchpoints without events have none.
quality_gap ds_quality_gap(const quality_work *work, uint32_t touchpoint);

// Puts the table `problems`, after the others.
DS_CHECKED ds_code ds_quality_problems(quality_work *work, ds_error *err);

#endif
