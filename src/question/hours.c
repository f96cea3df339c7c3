// SPDX-License-Identifier: Apache-2.0
// See hours.h.
#include "question/hours.h"

#include <string.h>

#include "base/limits.h"
#include "question/common.h"

enum { HOLIDAYS_MAX = 10000 };

// Reads on behind blanks.
static void skip_blanks(const char **at) {
  while (**at == ' ')
    ++*at;
}

static ds_code read_week(const char *text, ds_workweek *week, ds_error *err) {
  size_t at = 0;
  if (ds_workweek_read(text, week, &at))
    return DS_OK;
  return ds_fail(err, DS_USAGE, "--hours %.100s: expected days and hours at character %zu, as in "
                 "'mon-fri 09:00-17:00, sat 10:00-13:30'", text, at + 1);
}

// A name has neither blanks nor a clock's colon.
static bool is_name(const char *text) { return strpbrk(text, " :") == NULL; }

static ds_code calendar_unknown(const ds_request *request, const char *name, ds_error *err) {
  const ds_work_calendars *all = request->calendars;
  const uint32_t count = all == NULL ? 0 : all->count;
  const char *names[DS_CALENDARS_MAX];
  for (uint32_t c = 0; c < count; c++)
    names[c] = all->list[c].name;
  const char *near = ds_str_nearest(ds_str_of(name), names, count);
  return ds_fail(err, DS_USAGE, "--hours %.100s: doorstep.yaml has no calendar of that name%s%s%s; "
                 "hours are written as 'mon-fri 09:00-17:00, sat 10:00-13:30'", name,
                 near == NULL ? "" : " (did you mean '", near == NULL ? "" : near,
                 near == NULL ? "" : "'?)");
}

// The days of --holidays beside those of the calendar.
static ds_code read_holidays(const char *text, ds_arena *arena, ds_workweek *week, ds_error *err) {
  const uint32_t known = week->holidays_count;
  int64_t *days = ds_arena_array(arena, HOLIDAYS_MAX + known, sizeof *days);
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
  for (uint32_t k = 0; k < known; k++)
    days[count++] = week->holidays[k];
  ds_workweek_holidays(week, days, count);
  return DS_OK;
}

ds_code ds_hours_span(const ds_request *request, const ds_workweek *week, const ds_zone *zone,
                      const ds_worktime **ret_worktime, ds_error *err) {
  ds_worktime *worktime = ds_arena_alloc(request->arena, sizeof *worktime);
  if (worktime == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for working hours");
  // Virtual events may lie behind the last one.
  const int64_t seen_ms = request->snapshot->time_max_ms, now_ms = request->as_of_ms;
  TRY(ds_worktime_make(week, zone, request->snapshot->time_min_ms,
                       seen_ms > now_ms ? seen_ms : now_ms, request->arena, worktime, err));
  *ret_worktime = worktime;
  return DS_OK;
}

ds_code ds_hours_make(const ds_request *request, const ds_worktime **ret_worktime,
                      ds_error *err) {
  const char *hours = ds_option_get(&request->options, "hours");
  const char *holidays = ds_option_get(&request->options, "holidays");
  *ret_worktime = NULL;
  if (hours == NULL && holidays != NULL)
    return ds_fail(err, DS_USAGE, "--holidays are days without working hours: give --hours too");
  if (hours == NULL)
    return DS_OK;
  ds_workweek *week = ds_arena_alloc(request->arena, sizeof *week);
  if (week == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for working hours");
  const ds_work_calendar *calendar = ds_work_calendar_find(request->calendars, ds_str_of(hours));
  if (calendar != NULL)
    *week = calendar->week;
  else if (is_name(hours))
    return calendar_unknown(request, hours, err);
  else
    TRY(read_week(hours, week, err));
  if (holidays != NULL)
    TRY(read_holidays(holidays, request->arena, week, err));
  if (request->snapshot->events == 0)
    return DS_OK;
  return ds_hours_span(request, week, ds_hours_zone(request, calendar), ret_worktime, err);
}

const ds_zone *ds_hours_zone(const ds_request *request, const ds_work_calendar *calendar) {
  return calendar != NULL && calendar->zone_name != NULL ? calendar->zone : request->zone;
}

ds_code ds_hours_add(const ds_request *request, ds_plan *plan, ds_error *err) {
  return ds_hours_make(request, &plan->worktime, err);
}

void ds_hours_tell(const ds_request *request, ds_buf *definition) {
  const char *hours = ds_option_get(&request->options, "hours");
  const char *holidays = ds_option_get(&request->options, "holidays");
  if (hours == NULL)
    return;
  const ds_work_calendar *calendar = ds_work_calendar_find(request->calendars, ds_str_of(hours));
  const char *zone = request->zone_name == NULL ? "UTC" : request->zone_name;
  if (calendar == NULL)
    ds_buf_printf(definition, " Times count working hours alone, %s by the clock of %s", hours,
                  zone);
  else
    ds_buf_printf(definition, " Times count working hours alone, those of the calendar %s (%s by "
                  "the clock of %s, %u holiday%s)", calendar->name, calendar->hours,
                  calendar->zone_name == NULL ? zone : calendar->zone_name,
                  calendar->week.holidays_count, calendar->week.holidays_count == 1 ? "" : "s");
  if (holidays != NULL)
    ds_buf_printf(definition, ", without %s", holidays);
  ds_buf_text(definition, "; a day of them is 24 hours worked.");
}
