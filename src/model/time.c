// SPDX-License-Identifier: Apache-2.0
#include "model/time.h"

#include <inttypes.h>
#include <stdio.h>

// The algorithms count days in eras of 400 years that begin on 0000-03-01, so that the leap day
// is the last of its year.
enum { ERA_DAYS = 146097, ERA_EPOCH_DAYS = 719468 };

int64_t ds_days_from_civil(int64_t year, unsigned month, unsigned day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const unsigned year_of_era = (unsigned)(year - era * 400);
  const unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * ERA_DAYS + (int64_t)day_of_era - ERA_EPOCH_DAYS;
}

void ds_civil_from_days(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day) {
  days += ERA_EPOCH_DAYS;
  const int64_t era = (days >= 0 ? days : days - (ERA_DAYS - 1)) / ERA_DAYS;
  const unsigned day_of_era = (unsigned)(days - era * ERA_DAYS);
  const unsigned year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 -
                                             year_of_era / 100);
  const unsigned month = (5 * day_of_year + 2) / 153;
  *ret_day = day_of_year - (153 * month + 2) / 5 + 1;
  *ret_month = month < 10 ? month + 3 : month - 9;
  *ret_year = (int64_t)year_of_era + era * 400 + (*ret_month <= 2);
}

static int64_t floor_day(int64_t time_ms) {
  return time_ms / DS_DAY_MS - (time_ms % DS_DAY_MS < 0);
}

// Writes `count` decimal digits of a value that has no more; formats are slow.
static char *put_digits(char *at, unsigned value, uint32_t count) {
  for (uint32_t d = count; d > 0; d--, value /= 10)
    at[d - 1] = (char)('0' + value % 10);
  return at + count;
}

// Returns the end.
static char *put_date(char *at, int64_t days) {
  int64_t year;
  unsigned month;
  unsigned day;
  ds_civil_from_days(days, &year, &month, &day);
  if (year >= 0 && year <= 9999)
    at = put_digits(at, (unsigned)year, 4);
  else
    at += snprintf(at, 24, "%04" PRId64, year);
  *at++ = '-';
  at = put_digits(at, month, 2);
  *at++ = '-';
  at = put_digits(at, day, 2);
  *at = '\0';
  return at;
}

const char *ds_date_print(char out[32], int64_t days) {
  put_date(out, days);
  return out;
}

const char *ds_time_print(char out[32], int64_t time_ms) {
  const int64_t days = floor_day(time_ms);
  const unsigned ms = (unsigned)(time_ms - days * DS_DAY_MS);
  const unsigned s = ms / 1000, parts[3] = {s / 3600, s / 60 % 60, s % 60};
  char *at = put_date(out, days);
  // Of years that no store holds the time of day does not fit.
  if (at - out > 17)
    return out;
  for (uint32_t p = 0; p < 3; p++) {
    *at++ = p == 0 ? 'T' : ':';
    at = put_digits(at, parts[p], 2);
  }
  if (ms % 1000 != 0) {
    *at++ = '.';
    at = put_digits(at, ms % 1000, 3);
  }
  *at++ = 'Z';
  *at = '\0';
  return out;
}

// Takes exactly `digits` decimal digits.
static bool take_digits(ds_str *text, uint32_t digits, unsigned *ret_value) {
  if (text->size < digits)
    return false;
  unsigned value = 0;
  for (uint32_t i = 0; i < digits; i++) {
    if (text->data[i] < '0' || text->data[i] > '9')
      return false;
    value = value * 10 + (unsigned)(text->data[i] - '0');
  }
  *text = (ds_str){text->data + digits, text->size - digits};
  *ret_value = value;
  return true;
}

// Takes one of the characters of `set`, or yields 0.
static char take_one(ds_str *text, const char *set) {
  if (text->size == 0 || text->data[0] == '\0' || strchr(set, text->data[0]) == NULL)
    return '\0';
  const char c = text->data[0];
  *text = (ds_str){text->data + 1, text->size - 1};
  return c;
}

static unsigned month_days(unsigned year, unsigned month) {
  static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : days[month - 1];
}

static bool take_date(ds_str *text, int64_t *ret_days) {
  unsigned year;
  unsigned month;
  unsigned day;
  if (!take_digits(text, 4, &year) || !take_one(text, "-") || !take_digits(text, 2, &month) ||
      !take_one(text, "-") || !take_digits(text, 2, &day))
    return false;
  if (month < 1 || month > 12 || day < 1 || day > month_days(year, month))
    return false;
  *ret_days = ds_days_from_civil(year, month, day);
  return true;
}

// Digits behind the point: milliseconds, the rest is cut off.
static bool take_fraction(ds_str *text, unsigned *ret_ms) {
  unsigned scale = 100;
  unsigned ms = 0;
  unsigned digit;
  if (!take_digits(text, 1, &digit))
    return false;
  do {
    ms += digit * scale;
    scale /= 10;
  } while (take_digits(text, 1, &digit));
  *ret_ms = ms;
  return true;
}

// hh:mm[:ss[.fff]] since midnight; a leap second (60) counts as the second after.
static bool take_clock(ds_str *text, int64_t *ret_ms) {
  unsigned hour;
  unsigned minute;
  unsigned second = 0;
  unsigned ms = 0;
  if (!take_digits(text, 2, &hour) || !take_one(text, ":") || !take_digits(text, 2, &minute))
    return false;
  if (take_one(text, ":")) {
    if (!take_digits(text, 2, &second))
      return false;
    if (take_one(text, ".,") && !take_fraction(text, &ms))
      return false;
  }
  if (hour > 23 || minute > 59 || second > 60)
    return false;
  *ret_ms = (int64_t)((hour * 60 + minute) * 60 + second) * 1000 + ms;
  return true;
}

// "Z", "±hh", "±hhmm", "±hh:mm"; true with *ret_any = false when there is none.
static bool take_zone(ds_str *text, bool *ret_any, int64_t *ret_offset_ms) {
  *ret_any = true;
  *ret_offset_ms = 0;
  if (take_one(text, "Zz"))
    return true;
  const char sign = take_one(text, "+-");
  if (sign == '\0') {
    *ret_any = false;
    return true;
  }
  unsigned hour;
  unsigned minute = 0;
  if (!take_digits(text, 2, &hour))
    return false;
  if ((take_one(text, ":") || text->size > 0) && !take_digits(text, 2, &minute))
    return false;
  if (hour > 23 || minute > 59)
    return false;
  const int64_t offset_ms = (int64_t)(hour * 60 + minute) * 60000;
  *ret_offset_ms = sign == '-' ? -offset_ms : offset_ms;
  return true;
}

bool ds_time_parse(ds_str text, int64_t *ret_ms, bool *ret_local, bool *ret_date_only) {
  int64_t days;
  int64_t clock_ms = 0;
  int64_t offset_ms = 0;
  bool zoned = false;
  if (!take_date(&text, &days))
    return false;
  const bool date_only = text.size == 0;
  if (!date_only && (!take_one(&text, "Tt ") || !take_clock(&text, &clock_ms) ||
                     !take_zone(&text, &zoned, &offset_ms) || text.size != 0))
    return false;
  *ret_ms = days * DS_DAY_MS + clock_ms - offset_ms;
  *ret_local = !zoned;
  *ret_date_only = date_only;
  return true;
}
