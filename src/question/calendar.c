// SPDX-License-Identifier: Apache-2.0
#include "question/calendar.h"

#include <assert.h>
#include <stdio.h>

#include "question/common.h"

// The first day of the period that holds a day. 1970-01-01 was a Thursday.
static int64_t period_begin(ds_period period, int64_t day) {
  int64_t year;
  unsigned month, of_month;
  if (period == DS_PERIOD_DAY)
    return day;
  if (period == DS_PERIOD_WEEK)
    return day - ((day + 3) % 7 + 7) % 7;
  ds_civil_from_days(day, &year, &month, &of_month);
  return day - (int64_t)of_month + 1;
}

static int64_t period_next(ds_period period, int64_t begin) {
  static const int64_t steps[] = {1, 7, 31};
  return period_begin(period, begin + steps[period]);
}

// The instant at which a day begins; a midnight that a zone leaves out is shifted.
static int64_t day_start_ms(const ds_request *request, int64_t day) {
  int kind;
  return request->zone == NULL ? day * DS_DAY_MS
                               : ds_zone_utc_ms(request->zone, day * DS_DAY_MS, &kind);
}

static int64_t year_earlier(int64_t local_ms) {
  int64_t year;
  unsigned month, of_month;
  const int64_t day = local_ms / DS_DAY_MS - (local_ms % DS_DAY_MS < 0);
  ds_civil_from_days(day, &year, &month, &of_month);
  return ds_days_from_civil(year - 1, month, of_month) * DS_DAY_MS + local_ms - day * DS_DAY_MS;
}

void ds_calendar_earlier(const ds_request *request, bool year, int64_t *from_ms, int64_t *to_ms) {
  const ds_zone *zone = request->zone;
  const int64_t from = zone == NULL ? *from_ms : ds_zone_local_ms(zone, *from_ms);
  const int64_t to = zone == NULL ? *to_ms : ds_zone_local_ms(zone, *to_ms);
  const int64_t begin = year ? year_earlier(from) : from - (to - from);
  const int64_t end = year ? year_earlier(to) : from;
  int kind;
  *from_ms = zone == NULL ? begin : ds_zone_utc_ms(zone, begin, &kind);
  *to_ms = zone == NULL ? end : ds_zone_utc_ms(zone, end, &kind);
}

ds_code ds_calendar_make(const ds_request *request, ds_period period, int64_t first_ms,
                         int64_t last_ms, uint32_t count_max, ds_arena *arena,
                         ds_calendar *ret_calendar, ds_error *err) {
  assert(first_ms <= last_ms && count_max > 0);
  const int64_t last_day = ds_question_day(request, last_ms);
  const int64_t first = period_begin(period, ds_question_day(request, first_ms));
  uint32_t count = 0;
  for (int64_t day = first; day <= last_day && count < count_max; count++)
    day = period_next(period, day);
  int64_t *start = ds_arena_array(arena, count + 1u, sizeof *start);
  if (start == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a calendar");
  int64_t day = first;
  for (uint32_t p = 0; p <= count; p++) {
    start[p] = day_start_ms(request, day);
    day = period_next(period, day);
  }
  *ret_calendar = (ds_calendar){start, count, period, first};
  return DS_OK;
}

uint32_t ds_calendar_find_day(const ds_calendar *calendar, const ds_request *request,
                              int64_t day) {
  return ds_calendar_find(calendar, day_start_ms(request, day));
}

size_t ds_calendar_name(const ds_calendar *calendar, uint32_t period, char out[32]) {
  const int64_t days = calendar->period == DS_PERIOD_WEEK ? 7 : 1;
  if (calendar->period != DS_PERIOD_MONTH)
    return strlen(ds_date_print(out, calendar->first_day + (int64_t)period * days));
  int64_t year;
  unsigned month, of_month;
  ds_civil_from_days(calendar->first_day, &year, &month, &of_month);
  const int64_t months = year * 12 + month - 1 + period;
  return (size_t)snprintf(out, 32, "%04lld-%02lld", (long long)(months / 12),
                          (long long)(months % 12 + 1));
}
