// SPDX-License-Identifier: Apache-2.0
// What the files of `quality` share. Private to question/. May use base/ to scan/.
#ifndef DS_QUESTION_QUALITY_H
#define DS_QUESTION_QUALITY_H

#include "question/quality_kernel.h"

// What the count of a problem is of.
typedef enum quality_subject {
  QUALITY_OF_KIND,       // what the kernel found of a kind
  QUALITY_OF_TOUCHPOINT, // its events
  QUALITY_OF_MIDNIGHT,   // its events that tell no time
  QUALITY_OF_VALUES,     // its events that carry the property
  QUALITY_OF_LACKING,    // its events that do not
  QUALITY_OF_TYPES,      // values of the property that are of another type than most
  QUALITY_OF_SHARED,     // values of the key that occur with several customers
  QUALITY_OF_DAYS,       // days without events
  QUALITY_OF_NAMES,      // properties that no event carries
} quality_subject;

// One row of the table `problems`, by codes.
typedef struct quality_problem {
  quality_subject of;
  quality_kind kind;
  uint32_t touchpoint;
  uint32_t property;
  uint32_t key; // position in the plan
} quality_problem;

// The row that --list names, and what was found of it.
typedef struct quality_wanted {
  ds_str kind;
  ds_str example; // data NULL: not given
  uint32_t found;
  quality_problem problem;
} quality_wanted;

// The question at work.
typedef struct quality_work {
  const ds_request *request;
  ds_result *result;
  ds_arena arena;
  ds_plan plan;
  ds_plan values_plan; // what is carried: properties, of events by themselves where that will do
  census_context values_context;
  ds_calendar days;
  quality_context context;
  const ds_touchpoint **known; // by touchpoint; NULL: not in the catalogue
  quality_state *state;
  census_state *values;
  uint32_t *order; // touchpoints that occur, the most frequent first
  uint32_t order_count;
  ds_buf text; // scratch
  quality_wanted *wanted; // NULL: nothing is to be listed
} quality_work;

// The longest run of days without an event of a touchpoint between its first and its last.
typedef struct quality_gap {
  uint32_t first_day; // of the calendar
  uint32_t days;      // 0 = none
  double expected;    // events that the touchpoint usually has on such days of the week
} quality_gap;

// Finds it; touchpoints without events have none.
quality_gap ds_quality_gap(const quality_work *work, uint32_t touchpoint);

// What the catalogue expects of a touchpoint's property; NULL: nothing, or no such touchpoint.
const ds_expected *ds_quality_expected(const ds_touchpoint *known, ds_str name);

// The place of a touchpoint in the order of stages, which a parcel cannot turn round; 0: none.
uint8_t ds_quality_stage(const ds_touchpoint *known);

// Scans and puts the tables.
DS_CHECKED ds_code ds_quality_tables(quality_work *work, ds_error *err);

// Puts the table `problems`, after the others.
DS_CHECKED ds_code ds_quality_problems(quality_work *work, ds_error *err);

// --list: the figures that can be listed, into *result; what one of them counted, by a
// work that is prepared.
void ds_quality_listable(ds_result *result);
DS_CHECKED ds_code ds_quality_list(quality_work *work, const char *text, ds_error *err);

#endif
