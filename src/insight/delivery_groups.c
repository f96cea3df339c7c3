// SPDX-License-Identifier: Apache-2.0
// The groups that parcels are told apart by: numbered by each thread as they come, and brought
// together by their values.
#include <stdio.h>

#include "insight/delivery.h"
#include "question/common.h"

static const char *const weekdays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};

ds_code ds_delivery_groups_init(delivery_groups *groups, const delivery_groups *known,
                                ds_error *err) {
  groups->count = 0;
  ds_map64_init(&groups->at);
  for (uint32_t d = 0; d < DELIVERY_DIMENSIONS_MAX; d++)
    ds_names_init(&groups->names[d], DELIVERY_VALUES_MAX);
  uint32_t number[DELIVERY_GROUPS_MAX];
  return known == NULL ? DS_OK : ds_delivery_groups_merge(groups, known, number, err);
}

void ds_delivery_groups_done(delivery_groups *groups) {
  for (uint32_t d = 0; d < DELIVERY_DIMENSIONS_MAX; d++)
    ds_names_done(&groups->names[d]);
  ds_map64_done(&groups->at);
}

static ds_code group_put(delivery_groups *groups, uint64_t key, uint32_t *ret_group,
                         ds_error *err) {
  uint32_t *at = ds_map64_put(&groups->at, key);
  if (at == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for groups of deliveries: give more --memory");
  if (*at == DS_NONE) {
    *at = 0; // a slot must not stay unset, also when this fails
    if (groups->count == DELIVERY_GROUPS_MAX)
      return ds_fail(err, DS_LIMIT, "--groups makes more than %d groups: name fewer properties, or "
                     "those of fewer values", DELIVERY_GROUPS_MAX);
    groups->key[groups->count] = key;
    *at = groups->count++;
  }
  *ret_group = *at;
  return DS_OK;
}

// The number of the month in which a day lies, from 0000-01 on, and its name.
static uint32_t month_of(int64_t day) {
  int64_t year;
  unsigned month, of_month;
  ds_civil_from_days(day, &year, &month, &of_month);
  const int64_t number = year * 12 + month - 1;
  return number >= 0 && number < DELIVERY_NO_VALUE ? (uint32_t)number : DELIVERY_NO_VALUE;
}

// Weeks, from Monday, are numbered from this Monday on: 1900-01-01.
static const int64_t FIRST_MONDAY = -25567;

static uint32_t week_of(int64_t day) {
  const int64_t number = (day - FIRST_MONDAY) / 7;
  return day >= FIRST_MONDAY && number < DELIVERY_NO_VALUE ? (uint32_t)number : DELIVERY_NO_VALUE;
}

static ds_code value_of(const delivery_asked *asked, delivery_groups *groups, uint32_t dimension,
                        const ds_block *block, uint32_t j, int64_t placed_ms, uint32_t *ret_value,
                        ds_error *err) {
  const delivery_dimension *of = &asked->dimension[dimension];
  char room[DS_PROPERTY_TEXT_MAX];
  ds_str text;
  *ret_value = DELIVERY_NO_VALUE;
  if (of->kind == DELIVERY_PROPERTY)
    return ds_property_first_text(&of->property, block, block->offset[j],
                                  block->offset[j + 1], room, &text)
               ? ds_names_add(&groups->names[dimension], text, ret_value, err)
               : DS_OK;
  if (placed_ms == DS_NEVER)
    return DS_OK;
  const int64_t day = ds_question_day(asked->request, placed_ms);
  *ret_value = of->kind == DELIVERY_MONTH  ? month_of(day)
               : of->kind == DELIVERY_WEEK ? week_of(day)
                                           : (uint32_t)(((day + 3) % 7 + 7) % 7);
  return DS_OK;
}

ds_code ds_delivery_group(const delivery_asked *asked, delivery_groups *groups,
                          const ds_block *block, uint32_t j, int64_t placed_ms, uint32_t by,
                          uint32_t *ret_group, ds_error *err) {
  uint32_t value[DELIVERY_DIMENSIONS_MAX] = {0};
  for (uint32_t d = 0; d < asked->dimensions; d++)
    TRY(value_of(asked, groups, d, block, j, placed_ms, &value[d], err));
  return group_put(groups, delivery_key(by, value), ret_group, err);
}

ds_code ds_delivery_groups_merge(delivery_groups *into, const delivery_groups *from,
                                 uint32_t number[DELIVERY_GROUPS_MAX], ds_error *err) {
  for (uint32_t g = 0; g < from->count; g++) {
    uint32_t value[DELIVERY_DIMENSIONS_MAX];
    for (uint32_t d = 0; d < DELIVERY_DIMENSIONS_MAX; d++) {
      value[d] = delivery_key_value(from->key[g], d);
      // A dimension without names is one of numbers, or none.
      if (from->names[d].count > 0 && value[d] != DELIVERY_NO_VALUE)
        TRY(ds_names_add(&into->names[d], from->names[d].text[value[d]], &value[d], err));
    }
    TRY(group_put(into, delivery_key(delivery_key_by(from->key[g]), value), &number[g], err));
  }
  return DS_OK;
}

void ds_delivery_group_name(const delivery_asked *asked, const delivery_groups *groups,
                            uint64_t key, uint32_t dimensions, ds_buf *out) {
  static const char separator = DS_LIST_SEPARATOR;
  char date[32];
  for (uint32_t d = 0; d < dimensions; d++) {
    const uint32_t value = delivery_key_value(key, d);
    if (d > 0)
      ds_buf_append(out, &separator, 1);
    if (value == DELIVERY_NO_VALUE)
      ds_buf_text(out, "(none)");
    else if (asked->dimension[d].kind == DELIVERY_WEEKDAY)
      ds_buf_text(out, weekdays[value]);
    else if (asked->dimension[d].kind == DELIVERY_WEEK)
      ds_buf_text(out, ds_date_print(date, FIRST_MONDAY + (int64_t)value * 7));
    else if (asked->dimension[d].kind == DELIVERY_MONTH)
      ds_buf_printf(out, "%04u-%02u", value / 12, value % 12 + 1);
    else
      ds_buf_append(out, groups->names[d].text[value].data, groups->names[d].text[value].size);
  }
  if (dimensions == 0)
    ds_buf_text(out, "all");
}
