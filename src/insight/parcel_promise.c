// SPDX-License-Identifier: Apache-2.0
// What events promise: a day, an instant, or a window of hours of a day, by the clock of where the
// parcel goes, else of its carrier, else of the store; see parcel.h.
#include "insight/parcel_fold.h"

#define MINUTE_MS 60000LL

static const ds_zone *zone_of(const ds_parcel_fold *fold, uint32_t p) {
  const parcel_making *of = &fold->making[p], *order = &fold->making[0];
  if (of->has_place || order->has_place)
    return of->has_place ? of->place : order->place;
  const parcel_carrier *carrier = ds_parcel_first_carrier(fold, p);
  return carrier->has_zone ? carrier->zone : fold->rules->zone;
}

// What a zone's clock shows, as an instant; what it leaves out is shifted.
static int64_t utc_of(const ds_zone *zone, int64_t local_ms) {
  return zone == NULL ? local_ms : ds_zone_utc_ms(zone, local_ms, &(int){0});
}

static int64_t day_start(ds_parcel_fold *fold, const ds_zone *zone, int64_t day) {
  if (zone == NULL)
    return day * DS_DAY_MS;
  const uint32_t at = (uint32_t)((uint64_t)day % PARCEL_DAYS_KEPT);
  if (fold->day[at] != day || fold->day_zone[at] != zone) {
    fold->day[at] = day;
    fold->day_zone[at] = zone;
    fold->day_ms[at] = utc_of(zone, day * DS_DAY_MS);
  }
  return fold->day_ms[at];
}

static int64_t day_of(const ds_zone *zone, int64_t time_ms) {
  return zone != NULL ? ds_zone_day(zone, time_ms)
                      : time_ms / DS_DAY_MS - (time_ms % DS_DAY_MS < 0);
}

// The hours of the day within which a parcel is promised: those that the event tells, or for a day
// without any those in which the carrier delivers.
static bool hours_read(ds_parcel_fold *fold, uint32_t e, uint32_t p, bool is_day,
                       ds_hours *ret_hours) {
  const parcel_column *of = &fold->rules->read[PARCEL_READ_HOURS];
  char room[DS_PROPERTY_TEXT_MAX];
  ds_str text;
  if (of->is_given &&
      ds_property_text(&fold->block->property[of->property.column], e, room, &text)) {
    if (ds_hours_parse(text, ret_hours))
      return true;
    fold->unread++;
  }
  *ret_hours = ds_parcel_first_carrier(fold, p)->hours;
  return is_day && ret_hours->until > 0;
}

// The value of a day or an instant at event e. Those that no calendar has are none.
static bool value_read(const ds_parcel_fold *fold, const parcel_column *of, uint32_t e,
                       int64_t *ret_value, bool *ret_is_day) {
  if (!of->is_given)
    return false;
  const ds_property_column *column = &fold->block->property[of->property.column];
  if (column->type == DS_TYPE_NULL || (column->present[e / 64] >> (e % 64) & 1) == 0 ||
      (of->property.touchpoint != DS_NONE &&
       fold->block->touchpoint[e] != of->property.touchpoint))
    return false;
  *ret_is_day = column->type == DS_TYPE_DATE;
  *ret_value = column->i[e];
  const int64_t limit = *ret_is_day ? DS_TIME_MAX_MS / DS_DAY_MS - 1 : DS_TIME_MAX_MS - DS_DAY_MS;
  return *ret_value <= limit && *ret_value >= -limit;
}

// What column c of event e promises parcel p.
static bool promise_read(ds_parcel_fold *fold, uint32_t c, uint32_t e, uint32_t p,
                         ds_promise *ret_promise) {
  const ds_parcel_rules *rules = fold->rules;
  int64_t value = 0, from = 0;
  bool is_date = false, is_from_date = false;
  ds_hours hours;
  if (!value_read(fold, &rules->read[c], e, &value, &is_date))
    return false;
  const ds_zone *zone = zone_of(fold, p);
  const bool is_day = is_date || rules->by_day;
  const int64_t day = is_date ? value : day_of(zone, value);
  ds_promise told = {.end_ms = is_day ? day_start(fold, zone, day + 1) : value + 1,
                     .from_ms = INT64_MIN, .day = day, .from_day = day, .is_day = is_day,
                     .zone = zone, .told_ms = fold->block->time_ms[e], .event = e,
                     .column = (uint8_t)c};
  if (c == PARCEL_READ_PROMISE && value_read(fold, &rules->read[PARCEL_READ_FROM], e, &from,
                                             &is_from_date)) {
    const int64_t from_day = is_from_date ? from : day_of(zone, from);
    told.from_day = from_day < day ? from_day : day;
    if (!is_day && !is_from_date && from <= value)
      told.from_ms = from;
  }
  if (c == PARCEL_READ_PROMISE && !rules->by_day && hours_read(fold, e, p, is_date, &hours)) {
    told.from_ms = utc_of(zone, told.from_day * DS_DAY_MS + hours.from * MINUTE_MS);
    told.end_ms = utc_of(zone, day * DS_DAY_MS + hours.until * MINUTE_MS) + 1;
    told.is_day = false;
  }
  *ret_promise = told;
  return true;
}

ds_promise ds_parcel_promise_for(ds_parcel_fold *fold, const ds_promise *promise, uint32_t p) {
  ds_promise own = *promise;
  const uint32_t unread = fold->unread;
  if (fold->rules->is_local && promise->event != DS_NONE)
    (void)promise_read(fold, promise->column, promise->event, p, &own);
  fold->unread = unread;
  return own;
}

static void earliest(int64_t *ms, int64_t time_ms) {
  if (time_ms < *ms)
    *ms = time_ms;
}

ds_code ds_parcel_promise(ds_parcel_fold *fold, uint32_t p, uint32_t s, uint32_t e,
                          ds_error *err) {
  (void)err;
  const int64_t time_ms = fold->block->time_ms[e];
  ds_parcel *parcel = &fold->parcel[p];
  for (uint32_t c = 0; c < PARCEL_PROMISES; c++) {
    ds_promise told;
    if (!promise_read(fold, c, e, p, &told))
      continue;
    if (parcel->original.event == DS_NONE && !fold->rules->read[c].is_estimate)
      parcel->original = told;
    // What is written beside a delivery, or after it, revises nothing.
    if (parcel->delivered_ms <= time_ms ||
        (s != PARCEL_NO_STATUS && ds_parcel_statuses[s].state == DS_PARCEL_DELIVERED))
      continue;
    parcel->current = told;
    const ds_promise first = parcel->original.event != DS_NONE
                                 ? parcel->original
                                 : ds_parcel_promise_for(fold, &fold->parcel[0].original, p);
    // An estimate of the promised day is no later than an hour of it.
    if (told.end_ms > first.end_ms && !(told.is_day && told.day <= first.day))
      earliest(&parcel->slipped_ms, time_ms);
  }
  return DS_OK;
}

bool ds_parcel_promises(const ds_parcel_fold *fold, uint32_t e) {
  bool any = false;
  for (uint32_t c = 0; c < PARCEL_PROMISES; c++) {
    const parcel_column *of = &fold->rules->read[c];
    const ds_property_column *column =
        of->is_given ? &fold->block->property[of->property.column] : NULL;
    any |= column != NULL && column->type != DS_TYPE_NULL &&
           (column->present[e / 64] >> (e % 64) & 1) != 0;
  }
  return any;
}
