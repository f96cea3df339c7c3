// SPDX-License-Identifier: Apache-2.0
#include "ingest/simulate_text.h"

#include <string.h>

#include "ingest/simulate_phrases.h"
#include "model/time.h"

static char *put_text(char *at, const char *text) {
  const size_t size = strlen(text);
  memcpy(at, text, size);
  return at + size;
}

static char *put_digits(char *at, uint32_t number, uint32_t width) {
  for (uint32_t i = width; i-- > 0; number /= 10)
    at[i] = (char)('0' + number % 10);
  return at + width;
}

// "2023-01-31".
static char *put_date(char *at, int64_t days) {
  int64_t year = 0;
  unsigned month = 0;
  unsigned day = 0;
  ds_civil_from_days(days, &year, &month, &day);
  at = put_digits(at, (uint32_t)year, 4);
  *at++ = '-';
  at = put_digits(at, month, 2);
  *at++ = '-';
  return put_digits(at, day, 2);
}

// "2023-01-31T10:00:00Z", with milliseconds where there are some. All times lie after 1970.
static char *put_time(char *at, int64_t time_ms) {
  const uint32_t in_day = (uint32_t)(time_ms % DS_DAY_MS);
  at = put_date(at, time_ms / DS_DAY_MS);
  *at++ = 'T';
  at = put_digits(at, in_day / 3600000, 2);
  *at++ = ':';
  at = put_digits(at, in_day / 60000 % 60, 2);
  *at++ = ':';
  at = put_digits(at, in_day / 1000 % 60, 2);
  if (in_day % 1000 != 0) {
    *at++ = '.';
    at = put_digits(at, in_day % 1000, 3);
  }
  *at++ = 'Z';
  return at;
}

static char *put_cents(char *at, uint32_t cents) {
  at = ds_sim_put_number(at, cents / 100);
  *at++ = '.';
  return put_digits(at, cents % 100, 2);
}

static char *put_quoted(char *at, const char *text) {
  *at++ = '"';
  at = put_text(at, text);
  *at++ = '"';
  return at;
}

// Dates and words are in quotation marks in JSON alone; sentences have commas.
static char *put_value(char *at, ds_sim_value value, bool json) {
  switch (ds_sim_properties[value.property].form) {
  case DS_SIM_CENTS: return put_cents(at, value.value);
  case DS_SIM_NUMBER: return ds_sim_put_number(at, value.value);
  case DS_SIM_BOOL: return put_text(at, value.value != 0 ? "true" : "false");
  case DS_SIM_WORD:
    return (json ? put_quoted : put_text)(at, ds_sim_words[value.value]);
  case DS_SIM_DATE:
    if (!json)
      return put_date(at, value.value);
    *at++ = '"';
    at = put_date(at, value.value);
    *at++ = '"';
    return at;
  default:
    *at++ = '"';
    at = ds_sim_put_phrases(at, value.value);
    *at++ = '"';
    return at;
  }
}

// The identifiers beside the account's.
enum { IDENTIFIERS = 3 };
static const struct {
  const char *name;
  uint8_t flag;
  uint8_t kinds;
} identifiers[IDENTIFIERS] = {
    {"email", DS_SIM_EMAIL, DS_SIM_SHOP | DS_SIM_SAAS},
    {"anonymous_id", DS_SIM_DEVICE, DS_SIM_SHOP | DS_SIM_SAAS},
    {"loyalty_id", DS_SIM_LOYALTY, DS_SIM_SHOP},
};

static bool has_identifier(uint64_t customer, const ds_sim_event *event, uint32_t which) {
  return (event->identifiers & identifiers[which].flag) != 0 &&
         (identifiers[which].flag != DS_SIM_LOYALTY || ds_sim_is_member(customer));
}

static char *put_identifier(char *at, uint64_t customer, const ds_sim_event *event,
                            uint32_t which) {
  switch (identifiers[which].flag) {
  case DS_SIM_EMAIL: return ds_sim_put_email(at, customer);
  case DS_SIM_DEVICE: return ds_sim_put_device(at, customer, event);
  default: return ds_sim_put_loyalty(at, customer);
  }
}

static bool signed_in(const ds_sim_event *event) {
  return (event->identifiers & DS_SIM_NO_ACCOUNT) == 0;
}

void ds_sim_put_csv_head(const ds_sim_text *text, ds_buf *out) {
  const char *const names = text->basic ? "customer,event,time,value"
                                        : "customer,event,time,received";
  ds_buf_append(out, names, strlen(names));
  for (uint32_t i = 0; i < DS_SIM_KEYS + IDENTIFIERS + DS_SIM_PROPERTIES && !text->basic; i++) {
    const uint32_t id = i - DS_SIM_KEYS;
    const uint32_t property = id - IDENTIFIERS;
    const char *name = i < DS_SIM_KEYS   ? ds_sim_keys[i].name
                       : id < IDENTIFIERS ? identifiers[id].name
                                          : ds_sim_properties[property].name;
    const uint8_t kinds = i < DS_SIM_KEYS    ? ds_sim_keys[i].kinds
                          : id < IDENTIFIERS ? identifiers[id].kinds
                                             : ds_sim_properties[property].kinds;
    if ((kinds & text->kind) == 0)
      continue;
    ds_buf_append(out, ",", 1);
    ds_buf_append(out, name, strlen(name));
  }
  ds_buf_append(out, "\n", 1);
}

static char *put_csv_rest(const ds_sim_text *text, char *at, uint64_t customer,
                          const ds_sim_event *event) {
  for (uint32_t i = 0; i < DS_SIM_KEYS; i++) {
    if ((ds_sim_keys[i].kinds & text->kind) == 0)
      continue;
    *at++ = ',';
    if (event->keys[i] != 0)
      at = ds_sim_put_key(at, customer, event, (ds_sim_key)i);
  }
  for (uint32_t i = 0; i < IDENTIFIERS; i++) {
    if ((identifiers[i].kinds & text->kind) == 0)
      continue;
    *at++ = ',';
    if (has_identifier(customer, event, i))
      at = put_identifier(at, customer, event, i);
  }
  // Which of the event's properties is that of the column, from 1.
  uint8_t has[DS_SIM_PROPERTIES] = {0};
  for (uint8_t i = 0; i < event->values_count; i++)
    has[event->values[i].property] = (uint8_t)(i + 1);
  for (uint32_t i = 0; i < DS_SIM_PROPERTIES; i++) {
    if ((ds_sim_properties[i].kinds & text->kind) == 0)
      continue;
    *at++ = ',';
    if (has[i] != 0)
      at = put_value(at, event->values[has[i] - 1], false);
  }
  return at;
}

char *ds_sim_put_csv(const ds_sim_text *text, char *at, uint64_t customer,
                     const ds_sim_event *event) {
  at = signed_in(event) ? ds_sim_put_customer(at, customer)
                        : ds_sim_put_device(at, customer, event);
  *at++ = ',';
  at = put_text(at, ds_sim_touchpoint_names[event->touchpoint]);
  *at++ = ',';
  at = put_time(at, event->time_ms);
  *at++ = ',';
  const uint32_t cents = text->basic ? ds_sim_get(event, DS_SIM_VALUE) : 0;
  if (cents != 0)
    at = put_cents(at, cents);
  if (!text->basic)
    at = put_csv_rest(text, put_time(at, event->received_ms), customer, event);
  *at++ = '\n';
  return at;
}

// A member of an object whose first member `first` tells.
static char *put_name(char *at, bool *first, const char *name) {
  *at++ = *first ? '{' : ',';
  *first = false;
  at = put_quoted(at, name);
  *at++ = ':';
  return at;
}

static char *put_who(char *at, uint64_t customer, const ds_sim_event *event) {
  bool first = true;
  at = put_text(at, ",\"customer\":");
  if (signed_in(event)) {
    at = put_name(at, &first, "customer_id");
    *at++ = '"';
    at = ds_sim_put_customer(at, customer);
    *at++ = '"';
  }
  for (uint32_t i = 0; i < IDENTIFIERS; i++) {
    if (!has_identifier(customer, event, i))
      continue;
    at = put_name(at, &first, identifiers[i].name);
    *at++ = '"';
    at = put_identifier(at, customer, event, i);
    *at++ = '"';
  }
  *at++ = '}';
  return at;
}

static char *put_keys(char *at, uint64_t customer, const ds_sim_event *event) {
  for (uint32_t i = 0; i < DS_SIM_KEYS; i++) {
    if (event->keys[i] == 0)
      continue;
    *at++ = ',';
    at = put_quoted(at, ds_sim_keys[i].name);
    at = put_text(at, ":\"");
    at = ds_sim_put_key(at, customer, event, (ds_sim_key)i);
    *at++ = '"';
  }
  return at;
}

static char *put_properties(char *at, const ds_sim_event *event) {
  bool first = true;
  char *start = at;
  at = put_text(at, ",\"properties\":");
  for (uint32_t i = 0; i < event->values_count; i++) {
    const ds_sim_value value = event->values[i];
    at = put_value(put_name(at, &first, ds_sim_properties[value.property].name), value, true);
  }
  if (first)
    return start;
  *at++ = '}';
  return at;
}

char *ds_sim_put_ndjson(const ds_sim_text *text, char *at, uint64_t customer,
                        const ds_sim_event *event) {
  at = put_text(at, "{\"id\":\"");
  at = ds_sim_put_number(at, text->seed);
  *at++ = '-';
  at = ds_sim_put_number(at, customer);
  *at++ = '-';
  at = ds_sim_put_number(at, event->number);
  at = put_text(at, "\",\"event\":");
  at = put_quoted(at, ds_sim_touchpoint_names[event->touchpoint]);
  at = put_text(at, ",\"time\":\"");
  at = put_time(at, event->time_ms);
  if (!text->basic)
    at = put_time(put_text(at, "\",\"received\":\""), event->received_ms);
  *at++ = '"';
  at = put_keys(put_who(at, customer, event), customer, event);
  at = put_properties(at, event);
  return put_text(at, "}\n");
}
