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

#endif
