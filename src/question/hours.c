// SPDX-License-Identifier: Apache-2.0
// See hours.h.
#include "question/hours.h"

#include <stdlib.h>
#include <strings.h>

#include "question/common.h"

enum { HOLIDAYS_MAX = 10000 };

static const char *const weekdays[7] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

// Reads on behind blanks.
static void skip_blanks(const char **at) {
  while (**at == ' ')
    ++*at;
}

static bool read_weekday(const char **at, uint32_t *ret_weekday) {
  for (uint32_t d = 0; d < 7; d++)
    if (strncasecmp(*at, weekdays[d], 3) == 0) {
      *at += 3;
      *ret_weekday = d;
      return true;
    }
  return false;
}

static bool read_sign(const char **at, char sign) {
  if (**at != sign)
    return false;
  ++*at;
  return true;
}

// "09:00", up to 24:00.
static bool read_minute(const char **at, uint32_t *ret_minute) {
  uint32_t part[2] = {0};
  for (uint32_t p = 0; p < 2; p++) {
    if (p == 1 && !read_sign(at, ':'))
      return false;
    for (uint32_t i = 0; i < 2; i++, ++*at) {
      if (**at < '0' || **at > '9')
        return false;
      part[p] = part[p] * 10 + (uint32_t)(**at - '0');
    }
  }
  *ret_minute = part[0] * 60 + part[1];
  return part[1] < 60 && *ret_minute <= DS_DAY_MINUTES;
}

// "mon-fri 09:00-17:00": days may go over the end of a week, hours not over that of a day.
static bool read_slot(const char **at, ds_workweek *week) {
  uint32_t first = 0, last = 0, from = 0, to = 0;
  skip_blanks(at);
  if (!read_weekday(at, &first))
    return false;
  last = first;
  if (read_sign(at, '-') && !read_weekday(at, &last))
    return false;
  if (!read_sign(at, ' '))
    return false;
  skip_blanks(at);
  if (!read_minute(at, &from) || !read_sign(at, '-') || !read_minute(at, &to) || from >= to)
    return false;
  for (uint32_t d = first;; d = (d + 1) % 7) {
    for (uint32_t m = from; m < to; m++)
      week->works[d][m] = true;
    if (d == last)
      break;
  }
  skip_blanks(at);
  return true;
}

static ds_code read_week(const char *text, ds_workweek *week, ds_error *err) {
  const char *at = text;
  bool read = read_slot(&at, week);
  while (read && read_sign(&at, ','))
    read = read_slot(&at, week);
  if (read && *at == '\0')
    return DS_OK;
  return ds_fail(err, DS_USAGE, "--hours %.100s: expected days and hours at character %zu, as in "
                 "'mon-fri 09:00-17:00, sat 10:00-13:30'", text, (size_t)(at - text) + 1);
}

static int compare_days(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static ds_code read_holidays(const char *text, ds_arena *arena, ds_workweek *week, ds_error *err) {
  int64_t *days = ds_arena_array(arena, HOLIDAYS_MAX, sizeof *days);
  uint32_t count = 0;
  if (days == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for holidays");
  for (const char *at = text; at != NULL;) {
    skip_blanks(&at);
    const char *comma = strchr(at, ',');
    ds_str day = {at, (uint32_t)(comma == NULL ? strlen(at) : (size_t)(comma - at))};
    int64_t ms = 0;
    bool local = false, date_only = false;
    while (day.size > 0 && day.data[day.size - 1] == ' ')
      day.size--;
    if (!ds_time_parse(day, &ms, &local, &date_only) || !date_only)
      return ds_fail(err, DS_USAGE, "--holidays: '%.*s' is no day: write 2024-12-25,2024-12-26",
                     day.size < 40 ? (int)day.size : 40, day.data);
    if (count == HOLIDAYS_MAX)
      return ds_fail(err, DS_LIMIT, "--holidays takes at most %d days", HOLIDAYS_MAX);
    days[count++] = ms / DS_DAY_MS - (ms % DS_DAY_MS < 0);
    at = comma == NULL ? NULL : comma + 1;
  }
  qsort(days, count, sizeof *days, compare_days);
  week->holidays = days;
  week->holidays_count = count;
  return DS_OK;
}

ds_code ds_hours_add(const ds_request *request, ds_plan *plan, ds_error *err) {
  const char *hours = ds_option_get(&request->options, "hours");
  const char *holidays = ds_option_get(&request->options, "holidays");
  if (hours == NULL && holidays != NULL)
    return ds_fail(err, DS_USAGE, "--holidays are days without working hours: give --hours too");
  if (hours == NULL)
    return DS_OK;
  ds_workweek *week = ds_arena_alloc(request->arena, sizeof *week);
  ds_worktime *worktime = ds_arena_alloc(request->arena, sizeof *worktime);
  if (week == NULL || worktime == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for working hours");
  *week = (ds_workweek){.holidays_count = 0};
  TRY(read_week(hours, week, err));
  if (holidays != NULL)
    TRY(read_holidays(holidays, request->arena, week, err));
  if (request->snapshot->events == 0)
    return DS_OK;
  // Virtual events may lie behind the last one.
  const int64_t seen_ms = request->snapshot->time_max_ms, now_ms = request->as_of_ms;
  TRY(ds_worktime_make(week, request->zone, request->snapshot->time_min_ms,
                       seen_ms > now_ms ? seen_ms : now_ms, request->arena, worktime, err));
  plan->worktime = worktime;
  return DS_OK;
}

void ds_hours_tell(const ds_request *request, ds_buf *definition) {
  const char *hours = ds_option_get(&request->options, "hours");
  const char *holidays = ds_option_get(&request->options, "holidays");
  if (hours == NULL)
    return;
  ds_buf_printf(definition, " Times count working hours alone, %s by the clock of %s", hours,
                request->zone_name == NULL ? "UTC" : request->zone_name);
  if (holidays != NULL)
    ds_buf_printf(definition, ", without %s", holidays);
  ds_buf_text(definition, "; a day of them is 24 hours worked.");
}
