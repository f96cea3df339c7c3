// SPDX-License-Identifier: Apache-2.0
// See worktime.h. Time is gone through in pieces within which the zone's offset is the same: in
// such a piece the clock runs as time does.
#include "model/worktime.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// No zone changes its offset twice within one.
#define PIECE_MS (6 * 3600000LL)
#define MINUTE_MS 60000LL
#define SPAN_MAX_MS (200 * 366 * DS_DAY_MS)

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

bool ds_workweek_read(const char *text, ds_workweek *week, size_t *ret_at) {
  const char *at = text;
  bool read = read_slot(&at, week);
  while (read && read_sign(&at, ','))
    read = read_slot(&at, week);
  *ret_at = (size_t)(at - text);
  return read && *at == '\0';
}

static int compare_days(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

void ds_workweek_holidays(ds_workweek *week, int64_t *days, uint32_t count) {
  if (count > 1)
    qsort(days, count, sizeof *days, compare_days);
  week->holidays = days;
  week->holidays_count = count;
}

const ds_work_calendar *ds_work_calendar_find(const ds_work_calendars *all, ds_str name) {
  for (uint32_t c = 0; all != NULL && c < all->count; c++)
    if (ds_str_equal(name, ds_str_of(all->list[c].name)))
      return &all->list[c];
  return NULL;
}

// The stretches found so far; in memory of its own while they grow.
typedef struct stretches {
  const ds_workweek *week;
  const ds_zone *zone;
  ds_worktime found;
  uint32_t capacity;
} stretches;

static int64_t offset_at(const stretches *all, int64_t time_ms) {
  return all->zone == NULL ? 0 : ds_zone_local_ms(all->zone, time_ms) - time_ms;
}

static int64_t day_of(int64_t local_ms) {
  return local_ms >= 0 ? local_ms / DS_DAY_MS : -((DS_DAY_MS - 1 - local_ms) / DS_DAY_MS);
}

static bool is_holiday(const ds_workweek *week, int64_t day) {
  uint32_t low = 0, high = week->holidays_count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (week->holidays[middle] < day)
      low = middle + 1;
    else
      high = middle;
  }
  return low < week->holidays_count && week->holidays[low] == day;
}

static bool works_at(const ds_workweek *week, int64_t local_ms) {
  const int64_t day = day_of(local_ms);
  // 1970 began on a Thursday.
  const int64_t weekday = ((day + 3) % 7 + 7) % 7;
  return week->works[weekday][(local_ms - day * DS_DAY_MS) / MINUTE_MS] && !is_holiday(week, day);
}

static ds_code put(stretches *all, int64_t from_ms, int64_t to_ms, ds_error *err) {
  ds_worktime *found = &all->found;
  assert(from_ms < to_ms);
  if (found->count > 0 && found->end_ms[found->count - 1] == from_ms) {
    found->end_ms[found->count - 1] = to_ms;
    return DS_OK;
  }
  if (found->count == all->capacity) {
    const uint32_t capacity = all->capacity * 2 + 1024;
    int64_t *start = realloc(found->start_ms, capacity * sizeof *start);
    found->start_ms = start != NULL ? start : found->start_ms;
    int64_t *end = realloc(found->end_ms, capacity * sizeof *end);
    found->end_ms = end != NULL ? end : found->end_ms;
    if (start == NULL || end == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for working hours");
    all->capacity = capacity;
  }
  found->start_ms[found->count] = from_ms;
  found->end_ms[found->count++] = to_ms;
  return DS_OK;
}

// The working minutes of a piece of one offset, by runs.
static ds_code put_piece(stretches *all, int64_t from_ms, int64_t to_ms, ds_error *err) {
  const int64_t offset = offset_at(all, from_ms);
  int64_t run = from_ms;
  bool working = works_at(all->week, from_ms + offset);
  for (int64_t at = from_ms; at < to_ms;) {
    // The clock's next minute.
    const int64_t local = at + offset, into = (local % MINUTE_MS + MINUTE_MS) % MINUTE_MS;
    at += MINUTE_MS - into;
    const bool next = at < to_ms && works_at(all->week, at + offset);
    if (next == working && at < to_ms)
      continue;
    if (working)
      TRY(put(all, run, at < to_ms ? at : to_ms, err));
    run = at;
    working = next;
  }
  return DS_OK;
}

// The instant in (from_ms, to_ms] at which the offset is another than at from_ms for the first
// time; it is at to_ms.
static int64_t change_in(const stretches *all, int64_t from_ms, int64_t to_ms) {
  const int64_t offset = offset_at(all, from_ms);
  while (to_ms - from_ms > 1) {
    const int64_t middle = from_ms + (to_ms - from_ms) / 2;
    if (offset_at(all, middle) == offset)
      from_ms = middle;
    else
      to_ms = middle;
  }
  return to_ms;
}

static ds_code put_all(stretches *all, int64_t from_ms, int64_t to_ms, ds_error *err) {
  for (int64_t at = from_ms; at < to_ms;) {
    int64_t end = to_ms - at > PIECE_MS ? at + PIECE_MS : to_ms;
    if (offset_at(all, at) != offset_at(all, end))
      end = change_in(all, at, end);
    TRY(put_piece(all, at, end, err));
    at = end;
  }
  return DS_OK;
}

static ds_code keep(const stretches *all, ds_arena *arena, ds_worktime *to, ds_error *err) {
  const uint32_t count = all->found.count;
  *to = (ds_worktime){.start_ms = ds_arena_array(arena, count + 1u, sizeof *to->start_ms),
                      .end_ms = ds_arena_array(arena, count + 1u, sizeof *to->end_ms),
                      .before_ms = ds_arena_array(arena, count + 1u, sizeof *to->before_ms),
                      .count = count};
  if (to->start_ms == NULL || to->end_ms == NULL || to->before_ms == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for working hours");
  int64_t before = 0;
  for (uint32_t s = 0; s < count; s++) {
    to->start_ms[s] = all->found.start_ms[s];
    to->end_ms[s] = all->found.end_ms[s];
    to->before_ms[s] = before;
    before += to->end_ms[s] - to->start_ms[s];
  }
  return DS_OK;
}

ds_code ds_worktime_make(const ds_workweek *week, const ds_zone *zone, int64_t from_ms,
                         int64_t to_ms, ds_arena *arena, ds_worktime *ret_worktime,
                         ds_error *err) {
  stretches all = {.week = week, .zone = zone};
  if (to_ms - from_ms > SPAN_MAX_MS)
    return ds_fail(err, DS_LIMIT, "the events span more than 200 years: working hours are counted "
                   "within so long");
  ds_code code = put_all(&all, from_ms, to_ms, err);
  if (code == DS_OK)
    code = keep(&all, arena, ret_worktime, err);
  free(all.found.start_ms);
  free(all.found.end_ms);
  return code;
}

int64_t ds_worktime_at(const ds_worktime *worktime, int64_t time_ms) {
  uint32_t low = 0, high = worktime->count;
  // The last stretch that has begun.
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (worktime->start_ms[middle] <= time_ms)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == 0)
    return 0;
  const uint32_t s = low - 1;
  const int64_t end = worktime->end_ms[s] < time_ms ? worktime->end_ms[s] : time_ms;
  return worktime->before_ms[s] + end - worktime->start_ms[s];
}

int64_t ds_worktime_after(const ds_worktime *worktime, int64_t time_ms, int64_t work_ms) {
  const int64_t target = ds_worktime_at(worktime, time_ms) + work_ms;
  uint32_t low = 0, high = worktime->count;
  // The first stretch by whose end so much has passed.
  while (low < high) {
    const uint32_t s = low + (high - low) / 2;
    if (worktime->before_ms[s] + worktime->end_ms[s] - worktime->start_ms[s] < target)
      low = s + 1;
    else
      high = s;
  }
  return low == worktime->count ? INT64_MAX
                                : worktime->start_ms[low] + target - worktime->before_ms[low];
}
