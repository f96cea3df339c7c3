// SPDX-License-Identifier: Apache-2.0
#include "model/value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/time.h"

static const char *const type_names[DS_TYPES_COUNT] = {
    [DS_TYPE_NULL] = "null", [DS_TYPE_NUMBER] = "number", [DS_TYPE_STRING] = "string",
    [DS_TYPE_BOOL] = "bool", [DS_TYPE_TIME] = "time",     [DS_TYPE_DATE] = "date",
    [DS_TYPE_DURATION] = "duration", [DS_TYPE_SEALED] = "sealed",
};

const char *ds_type_name(ds_type type) {
  return (unsigned)type < DS_TYPES_COUNT ? type_names[type] : "unknown";
}

const char *ds_type_noun(ds_type type) {
  static const char *const nouns[DS_TYPES_COUNT] = {"nothing", "a number",   "text",
                                                    "true or false", "an instant", "a day",
                                                    "a duration", "personal: sealed in the vault"};
  return (unsigned)type < DS_TYPES_COUNT ? nouns[type] : "unknown";
}

bool ds_type_of_name(ds_str name, ds_type *ret_type) {
  for (unsigned i = 0; i < DS_TYPES_COUNT; i++) {
    if (ds_str_equal(name, ds_str_of(type_names[i]))) {
      *ret_type = (ds_type)i;
      return true;
    }
  }
  return false;
}

bool ds_type_declared(ds_str name, ds_type *ret_type) {
  return ds_type_of_name(name, ret_type) && *ret_type != DS_TYPE_NULL &&
         *ret_type != DS_TYPE_SEALED;
}

// The fewest digits that read back as the same number.
static void number_print(char out[64], double number) {
  if (number == trunc(number) && fabs(number) < 9007199254740992.0) {
    snprintf(out, 64, "%" PRId64, (int64_t)number);
    return;
  }
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(out, 64, "%.*g", digits, number);
    if (strtod(out, NULL) == number)
      return;
  }
}

// Days to milliseconds, zero parts left out, so that parsing gives the same duration.
static void duration_print(char out[64], int64_t duration_ms) {
  static const struct {
    uint64_t ms;
    const char *unit;
  } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
  uint64_t rest = duration_ms < 0 ? 0 - (uint64_t)duration_ms : (uint64_t)duration_ms;
  size_t used = 0;
  if (duration_ms < 0)
    out[used++] = '-';
  if (rest == 0) {
    snprintf(out, 64, "0s");
    return;
  }
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    const uint64_t whole = rest / units[i].ms;
    rest %= units[i].ms;
    if (whole != 0)
      used += (size_t)snprintf(out + used, 64 - used, "%" PRIu64 "%s", whole, units[i].unit);
  }
}

static size_t text_copy(char *out, size_t size, ds_str text) {
  if (size == 0)
    return 0;
  const size_t used = text.size < size ? text.size : size - 1;
  if (used != 0)
    memcpy(out, text.data, used);
  out[used] = '\0';
  return used;
}

size_t ds_value_print(char *out, size_t size, const ds_value *value) {
  char text[64] = "";
  switch (value->type) {
  case DS_TYPE_STRING:
    return text_copy(out, size, value->text);
  case DS_TYPE_SEALED:
    return text_copy(out, size, ds_str_of("(sealed)"));
  case DS_TYPE_NUMBER:
    number_print(text, value->number);
    break;
  case DS_TYPE_BOOL:
    return text_copy(out, size, ds_str_of(value->i != 0 ? "true" : "false"));
  case DS_TYPE_TIME:
    ds_time_print(text, value->i);
    break;
  case DS_TYPE_DATE:
    ds_date_print(text, value->i);
    break;
  case DS_TYPE_DURATION:
    duration_print(text, value->i);
    break;
  default:
    break;
  }
  return text_copy(out, size, ds_str_of(text));
}

static bool time_of(ds_str text, bool want_date, int64_t *ret_i) {
  int64_t ms = 0;
  bool local = false;
  bool date_only = false;
  if (!ds_time_parse(text, &ms, &local, &date_only) || date_only != want_date)
    return false;
  // An instant needs a zone: guessing one would move the event.
  if (!want_date && local)
    return false;
  *ret_i = want_date ? ms / DS_DAY_MS - (ms % DS_DAY_MS < 0) : ms;
  return true;
}

static bool bool_of(ds_str text, int64_t *ret_i) {
  const bool yes = ds_str_equal_nocase(text, ds_str_of("true"));
  if (!yes && !ds_str_equal_nocase(text, ds_str_of("false")))
    return false;
  *ret_i = yes;
  return true;
}

static bool duration_of(ds_str text, int64_t *ret_i) {
  const bool negative = text.size > 0 && text.data[0] == '-';
  const ds_str rest = {text.data + negative, text.size - (uint32_t)negative};
  int64_t ms = 0;
  if (!ds_str_to_duration_ms(rest, &ms) || ms < 0)
    return false;
  *ret_i = negative ? -ms : ms;
  return true;
}

bool ds_value_parse(ds_str text, ds_type type, ds_value *ret_value) {
  ds_value value = {.type = type, .i = 0};
  bool fits = false;
  switch (type) {
  case DS_TYPE_STRING:
    value.text = text;
    fits = true;
    break;
  case DS_TYPE_NUMBER:
    fits = ds_str_to_double(text, &value.number);
    break;
  case DS_TYPE_BOOL:
    fits = bool_of(text, &value.i);
    break;
  case DS_TYPE_TIME:
  case DS_TYPE_DATE:
    fits = time_of(text, type == DS_TYPE_DATE, &value.i);
    break;
  case DS_TYPE_DURATION:
    fits = duration_of(text, &value.i);
    break;
  default:
    break;
  }
  if (fits)
    *ret_value = value;
  return fits;
}
