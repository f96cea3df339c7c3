// SPDX-License-Identifier: Apache-2.0
// --list of what a census counts (census.h): events, customers, values of a property or of a case
// key. Private to question/; used by schema and quality. May use base/ to scan/.
#ifndef DS_QUESTION_CENSUS_LIST_H
#define DS_QUESTION_CENSUS_LIST_H

#include "question/calendar.h"
#include "question/list.h"

// What of the plan's properties an event must have to be counted.
typedef enum census_carry { CENSUS_WHATEVER, CENSUS_CARRIES, CENSUS_LACKS } census_carry;

// Which events are counted, and what of them. Zeroed but for touchpoint = DS_NONE: all events.
typedef struct census_figure {
  uint32_t touchpoint;        // DS_NONE: of all
  census_carry carry;         // of any of the plan's properties
  const ds_calendar *midnight; // only events that tell a day of it and no time
  bool customers;             // of each customer the first alone
  bool keyed;                 // only events that carry the plan's first case key
  bool cases;                 // of each customer and value of that key the first event
  const ds_map64 *only;       // of these values (by hash), each once, whosever it is
} census_figure;

// Lists the figure over `plan`, whose keys and properties are those that it looks at.
DS_CHECKED ds_code ds_census_list(const ds_request *request, const ds_plan *plan,
                                  const census_figure *figure, ds_result *result, ds_error *err);

#endif
