// SPDX-License-Identifier: Apache-2.0
// See functions.h.
#include "lang/functions.h"

#include <utf8proc.h>

#define TEXT (1u << DS_TYPE_STRING)
#define TIME (1u << DS_TYPE_TIME)
#define DATE (1u << DS_TYPE_DATE)

static ds_str text_at(const lang_vector *vector, uint32_t i) {
  return vector->text[vector->constant ? 0 : i];
}

// The next event of the result that needs a value, from *at on.
static bool next_event(const ds_evaluator *ev, const lang_vector *out, uint32_t *at) {
  for (uint32_t i = *at; i < ev->count;) {
    const uint64_t word = out->present[i / 64] >> (i % 64);
    if (word != 0) {
      *at = i + (uint32_t)__builtin_ctzll(word);
      return *at < ev->count;
    }
    i = (i / 64 + 1) * 64;
  }
  return false;
}

// Character by character, as Unicode's simple mapping has it; what is not UTF-8 stays as it is. A
// character of two bytes may become one of three.
static bool lower_text(ds_str text, ds_arena *arena, ds_str *ret_text) {
  utf8proc_uint8_t *out = ds_arena_alloc(arena, (size_t)text.size * 2 + 4);
  utf8proc_ssize_t used = 0;
  if (out == NULL)
    return false;
  for (uint32_t i = 0; i < text.size;) {
    const unsigned char c = (unsigned char)text.data[i];
    if (c < 128) {
      out[used++] = (utf8proc_uint8_t)(c >= 'A' && c <= 'Z' ? c + 32 : c);
      i++;
      continue;
    }
    utf8proc_int32_t point;
    const utf8proc_ssize_t size = utf8proc_iterate((const utf8proc_uint8_t *)text.data + i,
                                                   (utf8proc_ssize_t)(text.size - i), &point);
    if (size <= 0) {
      out[used++] = c;
      i++;
      continue;
    }
    used += utf8proc_encode_char(utf8proc_tolower(point), out + used);
    i += (uint32_t)size;
  }
  *ret_text = (ds_str){(const char *)out, (uint32_t)used};
  return true;
}

static ds_code apply_lower(ds_evaluator *ev, const lang_vector *argument, lang_vector *out,
                           ds_error *err) {
  ds_str *to = out->room;
  for (uint32_t i = 0; next_event(ev, out, &i); i++)
    if (!lower_text(text_at(argument, i), &ev->texts, &to[i]))
      return ds_lang_no_memory(err);
  return DS_OK;
}

static ds_code apply_length(ds_evaluator *ev, const lang_vector *argument, lang_vector *out,
                            ds_error *err) {
  (void)err;
  double *to = out->room;
  for (uint32_t i = 0; next_event(ev, out, &i); i++) {
    const ds_str text = text_at(argument, i);
    uint32_t characters = 0;
    for (uint32_t b = 0; b < text.size; b++)
      characters += ((unsigned char)text.data[b] & 0xc0) != 0x80;
    to[i] = characters;
  }
  return DS_OK;
}

static ds_code apply_contains(ds_evaluator *ev, const lang_vector *argument, lang_vector *out,
                              ds_error *err) {
  (void)err;
  int64_t *to = out->room;
  for (uint32_t i = 0; next_event(ev, out, &i); i++) {
    const ds_str text = text_at(&argument[0], i), part = text_at(&argument[1], i);
    to[i] = part.size == 0 ||
            (text.size >= part.size && memmem(text.data, text.size, part.data, part.size) != NULL);
  }
  return DS_OK;
}

static int64_t floor_div(int64_t value, int64_t by) {
  return value / by - (value % by < 0);
}

// The local reading of an instant, or the first instant of a day, in ms.
static int64_t local_ms(const ds_evaluator *ev, const lang_vector *argument, uint32_t i) {
  const int64_t value = argument->i[argument->constant ? 0 : i];
  const ds_zone *zone = ev->expression->schema->zone;
  if (argument->type == DS_TYPE_DATE)
    return value * DS_DAY_MS;
  return zone == NULL ? value : ds_zone_local_ms(zone, value);
}

static ds_code apply_date(ds_evaluator *ev, const lang_vector *argument, lang_vector *out,
                          ds_error *err) {
  (void)err;
  int64_t *to = out->room;
  for (uint32_t i = 0; next_event(ev, out, &i); i++)
    to[i] = floor_div(local_ms(ev, argument, i), DS_DAY_MS);
  return DS_OK;
}

static ds_code apply_year(ds_evaluator *ev, const lang_vector *argument, lang_vector *out,
                          ds_error *err) {
  (void)err;
  double *to = out->room;
  for (uint32_t i = 0; next_event(ev, out, &i); i++) {
    int64_t year;
    unsigned month, day;
    ds_civil_from_days(floor_div(local_ms(ev, argument, i), DS_DAY_MS), &year, &month, &day);
    to[i] = (double)year;
  }
  return DS_OK;
}

static ds_code apply_month(ds_evaluator *ev, const lang_vector *argument, lang_vector *out,
                           ds_error *err) {
  (void)err;
  double *to = out->room;
  for (uint32_t i = 0; next_event(ev, out, &i); i++) {
    int64_t year;
    unsigned month, day;
    ds_civil_from_days(floor_div(local_ms(ev, argument, i), DS_DAY_MS), &year, &month, &day);
    to[i] = month;
  }
  return DS_OK;
}

static ds_code apply_day(ds_evaluator *ev, const lang_vector *argument, lang_vector *out,
                         ds_error *err) {
  (void)err;
  double *to = out->room;
  for (uint32_t i = 0; next_event(ev, out, &i); i++) {
    int64_t year;
    unsigned month, day;
    ds_civil_from_days(floor_div(local_ms(ev, argument, i), DS_DAY_MS), &year, &month, &day);
    to[i] = day;
  }
  return DS_OK;
}

static ds_code apply_hour(ds_evaluator *ev, const lang_vector *argument, lang_vector *out,
                          ds_error *err) {
  (void)err;
  double *to = out->room;
  for (uint32_t i = 0; next_event(ev, out, &i); i++) {
    const int64_t hours = floor_div(local_ms(ev, argument, i), 3600000);
    to[i] = (double)(hours - floor_div(hours, 24) * 24);
  }
  return DS_OK;
}

// 1970-01-01 was a Thursday, the fourth day of the week.
static ds_code apply_weekday(ds_evaluator *ev, const lang_vector *argument, lang_vector *out,
                             ds_error *err) {
  (void)err;
  double *to = out->room;
  for (uint32_t i = 0; next_event(ev, out, &i); i++) {
    const int64_t days = floor_div(local_ms(ev, argument, i), DS_DAY_MS) + 3;
    to[i] = (double)(days - floor_div(days, 7) * 7 + 1);
  }
  return DS_OK;
}

const lang_function ds_lang_functions[] = {
    {"lower", "lower(text)", "the text in lower case", 1, {TEXT}, DS_TYPE_STRING, "lower(%s)",
     false, apply_lower},
    {"length", "length(text)", "how many characters the text has", 1, {TEXT}, DS_TYPE_NUMBER,
     "length(%s)", false, apply_length},
    {"contains", "contains(text, part)", "whether the part stands somewhere in the text", 2,
     {TEXT, TEXT}, DS_TYPE_BOOL, "contains(%s, %s)", false, apply_contains},
    {"date", "date(instant)", "the day of the instant", 1, {TIME | DATE}, DS_TYPE_DATE,
     "CAST(%s AS DATE)", true, apply_date},
    {"year", "year(instant or day)", "2018", 1, {TIME | DATE}, DS_TYPE_NUMBER, "year(%s)", true,
     apply_year},
    {"month", "month(instant or day)", "1 to 12", 1, {TIME | DATE}, DS_TYPE_NUMBER, "month(%s)",
     true, apply_month},
    {"day", "day(instant or day)", "the day of the month, 1 to 31", 1, {TIME | DATE},
     DS_TYPE_NUMBER, "day(%s)", true, apply_day},
    {"hour", "hour(instant)", "0 to 23", 1, {TIME}, DS_TYPE_NUMBER, "hour(%s)", true, apply_hour},
    {"weekday", "weekday(instant or day)", "1 = Monday to 7 = Sunday", 1, {TIME | DATE},
     DS_TYPE_NUMBER, "isodow(%s)", true, apply_weekday},
};
const uint32_t ds_lang_functions_count = sizeof ds_lang_functions / sizeof *ds_lang_functions;

ds_function_help ds_function_help_at(uint32_t index) {
  if (index >= ds_lang_functions_count)
    return (ds_function_help){NULL, NULL, NULL};
  const lang_function *row = &ds_lang_functions[index];
  return (ds_function_help){row->name, row->usage, row->meaning};
}
