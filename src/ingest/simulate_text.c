// SPDX-License-Identifier: Apache-2.0
#include "ingest/simulate_text.h"

#include <string.h>

#include "model/time.h"

static char *put_text(char *at, const char *text) {
  const size_t size = strlen(text);
  memcpy(at, text, size);
  return at + size;
}

static char *put_number(char *at, uint64_t number) {
  char digits[20];
  uint32_t count = 0;
  do {
    digits[count++] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  while (count > 0)
    *at++ = digits[--count];
  return at;
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
  at = put_number(at, cents / 100);
  *at++ = '.';
  return put_digits(at, cents % 100, 2);
}

static uint64_t order_number(uint64_t customer, const ds_shop_event *event) {
  return customer * DS_SHOP_ORDERS_MAX + event->order;
}

char *ds_shop_put_customer(char *at, uint64_t customer) {
  *at++ = 'C';
  return put_number(at, customer);
}

char *ds_shop_put_order(char *at, uint64_t customer, const ds_shop_event *event) {
  *at++ = 'O';
  return put_number(at, order_number(customer, event));
}

char *ds_shop_put_parcel(char *at, uint64_t customer, const ds_shop_event *event) {
  *at++ = 'P';
  return put_number(at, order_number(customer, event) * 2 + event->parcel - 1u);
}

char *ds_shop_put_ticket(char *at, uint64_t customer, const ds_shop_event *event) {
  *at++ = 'T';
  return put_number(at, order_number(customer, event));
}

const char *ds_shop_csv_head(int basic) {
  return basic ? "customer,event,time,value\n"
               : "customer,event,time,order_id,parcel_id,ticket_id,value,currency,state,carrier,"
                 "promise,reason,stars,channel\n";
}

static char *put_csv_rest(char *at, uint64_t customer, const ds_shop_event *event) {
  const int placed = event->touchpoint == DS_SHOP_ORDER_PLACED;
  at = ds_shop_put_order(at, customer, event);
  *at++ = ',';
  if (event->parcel != 0)
    at = ds_shop_put_parcel(at, customer, event);
  *at++ = ',';
  if (event->ticket != 0)
    at = ds_shop_put_ticket(at, customer, event);
  *at++ = ',';
  if (event->value_cents != 0)
    at = put_cents(at, event->value_cents);
  at = put_text(at, placed ? ",USD," : ",,");
  at = put_text(at, placed ? ds_shop_state_names[event->state] : "");
  *at++ = ',';
  at = put_text(at, ds_shop_carrier_names[event->carrier]);
  *at++ = ',';
  if (event->promise_day != 0)
    at = put_date(at, event->promise_day);
  *at++ = ',';
  at = put_text(at, ds_shop_reason_names[event->reason]);
  *at++ = ',';
  if (event->stars != 0)
    *at++ = (char)('0' + event->stars);
  *at++ = ',';
  return put_text(at, ds_shop_channel_names[event->channel]);
}

char *ds_shop_put_csv(char *at, uint64_t customer, const ds_shop_event *event, int basic) {
  at = ds_shop_put_customer(at, customer);
  *at++ = ',';
  at = put_text(at, ds_shop_touchpoint_names[event->touchpoint]);
  *at++ = ',';
  at = put_time(at, event->time_ms);
  *at++ = ',';
  if (!basic)
    at = put_csv_rest(at, customer, event);
  else if (event->value_cents != 0)
    at = put_cents(at, event->value_cents);
  *at++ = '\n';
  return at;
}

// The properties object under construction.
static char *put_member(char *at, int *has_member, const char *name) {
  *at++ = *has_member ? ',' : '{';
  *has_member = 1;
  *at++ = '"';
  at = put_text(at, name);
  at = put_text(at, "\":");
  return at;
}

static char *put_text_member(char *at, int *has_member, const char *name, const char *text) {
  if (text[0] == '\0')
    return at;
  at = put_member(at, has_member, name);
  *at++ = '"';
  at = put_text(at, text);
  *at++ = '"';
  return at;
}

static char *put_properties(char *at, const ds_shop_event *event, int basic) {
  int has_member = 0;
  const int placed = event->touchpoint == DS_SHOP_ORDER_PLACED;
  char *start = at;
  at = put_text(at, ",\"properties\":");
  char *before = at;
  if (event->value_cents != 0)
    at = put_cents(put_member(at, &has_member, "value"), event->value_cents);
  if (!basic) {
    at = put_text_member(at, &has_member, "currency", placed ? "USD" : "");
    at = put_text_member(at, &has_member, "state",
                         placed ? ds_shop_state_names[event->state] : "");
    at = put_text_member(at, &has_member, "carrier", ds_shop_carrier_names[event->carrier]);
    if (event->promise_day != 0) {
      at = put_member(at, &has_member, "promise");
      *at++ = '"';
      at = put_date(at, event->promise_day);
      *at++ = '"';
    }
    at = put_text_member(at, &has_member, "reason", ds_shop_reason_names[event->reason]);
    if (event->stars != 0)
      at = put_number(put_member(at, &has_member, "stars"), event->stars);
    at = put_text_member(at, &has_member, "channel", ds_shop_channel_names[event->channel]);
  }
  if (at == before)
    return start;
  *at++ = '}';
  return at;
}

char *ds_shop_put_ndjson(char *at, uint64_t customer, uint32_t number,
                         const ds_shop_event *event, int basic) {
  at = put_text(at, "{\"id\":\"");
  at = put_number(at, customer);
  *at++ = '-';
  at = put_number(at, number);
  at = put_text(at, "\",\"event\":\"");
  at = put_text(at, ds_shop_touchpoint_names[event->touchpoint]);
  at = put_text(at, "\",\"time\":\"");
  at = put_time(at, event->time_ms);
  at = put_text(at, "\",\"customer\":{\"customer_id\":\"");
  at = ds_shop_put_customer(at, customer);
  at = put_text(at, "\"}");
  if (!basic) {
    at = put_text(at, ",\"order_id\":\"");
    at = ds_shop_put_order(at, customer, event);
    *at++ = '"';
    if (event->parcel != 0) {
      at = ds_shop_put_parcel(put_text(at, ",\"parcel_id\":\""), customer, event);
      *at++ = '"';
    }
    if (event->ticket != 0) {
      at = ds_shop_put_ticket(put_text(at, ",\"ticket_id\":\""), customer, event);
      *at++ = '"';
    }
  }
  return put_text(put_properties(at, event, basic), "}\n");
}
