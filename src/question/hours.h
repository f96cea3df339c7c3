// SPDX-License-Identifier: Apache-2.0
// --hours and --holidays: times between events count working hours alone. May use base/ to scan/.
#ifndef DS_QUESTION_HOURS_H
#define DS_QUESTION_HOURS_H

#include "question/question.h"

// Rows of the option table.
#define DS_HOURS_OPTIONS                                                                \
  {"hours", DS_OPTION_TEXT, "DAYS FROM-TO,…", "", NULL,                                 \
   "times count working hours alone: 'mon-fri 09:00-17:00, sat 10:00-13:30', or those of a " \
   "calendar of doorstep.yaml, by name"},                                               \
  {"holidays", DS_OPTION_TEXT, "DAY,…", "", NULL,                                       \
   "with --hours: days without any, as 2024-12-25,2024-12-26"}

// The working time that --hours asks for, over all that the snapshot can tell of; NULL: it is not
// asked for. In the request's arena. DS_USAGE says what cannot be read.
DS_CHECKED ds_code ds_hours_make(const ds_request *request, const ds_worktime **ret_worktime,
                                 ds_error *err);

// The same of a week by the clock of a zone, and the zone by which a calendar (NULL: none) counts.
DS_CHECKED ds_code ds_hours_span(const ds_request *request, const ds_workweek *week,
                                 const ds_zone *zone, const ds_worktime **ret_worktime,
                                 ds_error *err);
const ds_zone *ds_hours_zone(const ds_request *request, const ds_work_calendar *calendar);

// Has the plan make gaps of working time by the clock of the request's zone, when --hours asks for
// it. DS_USAGE says what cannot be read.
DS_CHECKED ds_code ds_hours_add(const ds_request *request, ds_plan *plan, ds_error *err);

// Appends to a definition how times are counted, when --hours asks for it.
void ds_hours_tell(const ds_request *request, ds_buf *definition);

#endif
