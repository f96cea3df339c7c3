// SPDX-License-Identifier: Apache-2.0
// Working time: how much of the time between two instants a week's hours are, holidays left out. An
// instant is working time when the clock of the zone shows it to be, so an hour that the clock
// shows twice counts twice, and one that it leaves out not at all. May use base/ and model/time.
#ifndef DS_MODEL_WORKTIME_H
#define DS_MODEL_WORKTIME_H

#include "base/arena.h"
#include "model/time.h"

// What the clock of a day shows.
enum { DS_DAY_MINUTES = 24 * 60 };

// The minutes of each weekday (0 = Monday) that are worked, and days (since 1970) that are not.
typedef struct ds_workweek {
  bool works[7][DS_DAY_MINUTES];
  const int64_t *holidays; // ascending
  uint32_t holidays_count;
} ds_workweek;

// Reads "mon-fri 09:00-17:00, sat 10:00-13:30" into works[]: days may go over the end of a week,
// hours not over that of a day. When it cannot be read, *ret_at is where.
bool ds_workweek_read(const char *text, ds_workweek *week, size_t *ret_at);

// Puts days in ascending order and makes them the week's holidays.
void ds_workweek_holidays(ds_workweek *week, int64_t *days, uint32_t count);

// Hours that a store's settings give a name, by which options and other settings call them.
typedef struct ds_work_calendar {
  const char *name;
  const char *hours;     // as written
  const char *zone_name; // NULL: the store's
  const ds_zone *zone;
  ds_workweek week;
} ds_work_calendar;

// All of a store's.
typedef struct ds_work_calendars {
  const ds_work_calendar *list;
  uint32_t count;
} ds_work_calendars;

// The one of a name, or NULL.
const ds_work_calendar *ds_work_calendar_find(const ds_work_calendars *all, ds_str name);

// Stretches of working time, [start, end), ascending and apart, and how much lies before each.
typedef struct ds_worktime {
  int64_t *start_ms;
  int64_t *end_ms;
  int64_t *before_ms;
  uint32_t count;
} ds_worktime;

// The working time of [from_ms, to_ms], in `arena`. `zone` NULL = UTC. DS_LIMIT past 200 years.
DS_CHECKED ds_code ds_worktime_make(const ds_workweek *week, const ds_zone *zone, int64_t from_ms,
                                    int64_t to_ms, ds_arena *arena, ds_worktime *ret_worktime,
                                    ds_error *err);

// Working time from the beginning up to an instant: that between two is the difference.
int64_t ds_worktime_at(const ds_worktime *worktime, int64_t time_ms);

// The instant at which `work_ms`, above 0, of working time have passed since another; INT64_MAX
// when that lies behind the end.
int64_t ds_worktime_after(const ds_worktime *worktime, int64_t time_ms, int64_t work_ms);

#endif
