// SPDX-License-Identifier: Apache-2.0
// Days, weeks (from Monday) and months of a time zone as a row of instants at which they begin.
// Private to question/. May use base/ to scan/. Immutable once made.
#ifndef DS_QUESTION_CALENDAR_H
#define DS_QUESTION_CALENDAR_H

#include "question/question.h"

// How long a period is.
typedef enum ds_period { DS_PERIOD_DAY, DS_PERIOD_WEEK, DS_PERIOD_MONTH } ds_period;

// Period p is [start[p], start[p + 1]).
typedef struct ds_calendar {
  int64_t *start; // count + 1
  uint32_t count;
  ds_period period;
  int64_t first_day; // of period 0, in days since 1970
} ds_calendar;

// The periods in the request's zone that hold the instants first_ms to last_ms, at most count_max:
// the last ones are left out. In `arena`.
DS_CHECKED ds_code ds_calendar_make(const ds_request *request, ds_period period, int64_t first_ms,
                                    int64_t last_ms, uint32_t count_max, ds_arena *arena,
                                    ds_calendar *ret_calendar, ds_error *err);

// The period of an instant, or DS_NONE.
static inline uint32_t ds_calendar_find(const ds_calendar *calendar, int64_t time_ms) {
  static const int64_t lengths[] = {DS_DAY_MS, 7 * DS_DAY_MS, 2629746000};
  if (calendar->count == 0 || time_ms < calendar->start[0] ||
      time_ms >= calendar->start[calendar->count])
    return DS_NONE;
  // The guess is off by one at most for days and weeks, by a few for months.
  uint64_t at = (uint64_t)(time_ms - calendar->start[0]) / (uint64_t)lengths[calendar->period];
  at = at < calendar->count ? at : calendar->count - 1;
  while (time_ms < calendar->start[at])
    at--;
  while (time_ms >= calendar->start[at + 1])
    at++;
  return (uint32_t)at;
}

// The period of a day in the request's zone, in days since 1970, or DS_NONE.
uint32_t ds_calendar_find_day(const ds_calendar *calendar, const ds_request *request, int64_t day);

// Moves a period [from, to) to the one before it that has as many days, or (`year`) to the same
// dates a year before, by the request's calendar: February 29 becomes March 1, so a period of that
// day alone becomes empty.
void ds_calendar_earlier(const ds_request *request, bool year, int64_t *from_ms, int64_t *to_ms);

// Writes the name of a period ("2024-03-04", "2024-03" for a month) and returns its size.
size_t ds_calendar_name(const ds_calendar *calendar, uint32_t period, char out[32]);

#endif
