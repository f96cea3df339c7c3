// SPDX-License-Identifier: Apache-2.0
#include "ingest/calendars.h"

#include "base/limits.h"
#include "ingest/zones.h"

static bool is_name(const char *text) {
  for (const char *c = text; *c != '\0'; c++)
    if ((*c < 'a' || *c > 'z') && (*c < '0' || *c > '9') && *c != '_')
      return false;
  return strlen(text) <= DS_NAME_BYTES_MAX;
}

static ds_code day_read(ds_yaml *yaml, const yaml_node_t *node, int64_t *ret_day, ds_error *err) {
  const char *text = NULL;
  char shown[DS_YAML_SHOWN_BYTES];
  int64_t ms = 0;
  bool local = false, date_only = false;
  TRY(ds_yaml_text(yaml, node, &text, err));
  if (!ds_time_parse(ds_str_of(text), &ms, &local, &date_only) || !date_only)
    return ds_yaml_fail_in(yaml, node, 0, err, "`%s` is no day; write it as 2024-12-25",
                           ds_yaml_shown(ds_str_of(text), shown));
  *ret_day = ms / DS_DAY_MS - (ms % DS_DAY_MS < 0);
  return DS_OK;
}

static ds_code holidays_read(ds_yaml *yaml, const yaml_node_t *node, ds_work_calendar *calendar,
                             ds_error *err) {
  yaml->where = "holidays";
  if (node == NULL)
    return DS_OK;
  if (node->type != YAML_SEQUENCE_NODE)
    return ds_yaml_fail_in(yaml, node, 0, err, "a list of days is expected here: [2024-12-25, "
                           "2024-12-26]");
  const uint32_t count = ds_yaml_items(node);
  // An anchor can stand for the same long list many times.
  if (count > DS_SETTINGS_BYTES_MAX / 8)
    return ds_yaml_fail_in(yaml, node, 0, err, "more than %u days", DS_SETTINGS_BYTES_MAX / 8);
  int64_t *days = ds_arena_array(yaml->arena, count + 1u, sizeof *days);
  if (days == NULL)
    return ds_yaml_no_memory(yaml, err);
  for (uint32_t i = 0; i < count; i++)
    TRY(day_read(yaml, ds_yaml_item(yaml, node, i), &days[i], err));
  ds_workweek_holidays(&calendar->week, days, count);
  return DS_OK;
}

static ds_code hours_read(ds_yaml *yaml, const yaml_node_t *map, ds_work_calendar *calendar,
                          ds_error *err) {
  const yaml_node_t *node = ds_yaml_get(yaml, map, "hours");
  size_t at = 0;
  yaml->where = calendar->name;
  if (node == NULL)
    return ds_yaml_fail_in(yaml, map, 0, err, "the key hours is missing: write it as hours: "
                           "mon-fri 09:00-17:00, sat 10:00-13:30");
  yaml->where = "hours";
  TRY(ds_yaml_text(yaml, node, &calendar->hours, err));
  if (!ds_workweek_read(calendar->hours, &calendar->week, &at))
    return ds_yaml_fail_in(yaml, node, at, err, "expected days and hours here, as in mon-fri "
                           "09:00-17:00, sat 10:00-13:30");
  return DS_OK;
}

static ds_code calendar_read(ds_yaml *yaml, const yaml_node_t *node, ds_io *io,
                             ds_work_calendar *calendar, ds_error *err) {
  static const char *const known[] = {"hours", "time_zone", "holidays", NULL};
  char shown[DS_YAML_SHOWN_BYTES];
  if (!is_name(calendar->name))
    return ds_yaml_fail(yaml, node, err, "a calendar is named in lower-case letters, digits and "
                        "_, not `%s`", ds_yaml_shown(ds_str_of(calendar->name), shown));
  yaml->where = calendar->name;
  TRY(ds_yaml_map(yaml, node, known, err));
  TRY(hours_read(yaml, node, calendar, err));
  TRY(holidays_read(yaml, ds_yaml_get(yaml, node, "holidays"), calendar, err));
  const yaml_node_t *zone = ds_yaml_get(yaml, node, "time_zone");
  yaml->where = "time_zone";
  return zone == NULL
             ? DS_OK
             : ds_zone_read(yaml, zone, io, &calendar->zone_name, &calendar->zone, err);
}

ds_code ds_calendars_read(ds_yaml *yaml, const yaml_node_t *node, ds_io *io,
                          ds_work_calendars *ret_calendars, ds_error *err) {
  static const ds_yaml_part part = {"calendars", "calendars", NULL, DS_CALENDARS_MAX,
                                    sizeof(ds_work_calendar)};
  void *rows;
  uint32_t count;
  *ret_calendars = (ds_work_calendars){.count = 0};
  TRY(ds_yaml_rows(yaml, node, &part, &rows, &count, err));
  ds_work_calendar *list = rows;
  for (uint32_t c = 0; c < count; c++) {
    yaml_node_t *value;
    yaml->where = "calendars";
    TRY(ds_yaml_pair(yaml, node, c, &list[c].name, &value, err));
    TRY(calendar_read(yaml, value, io, &list[c], err));
  }
  *ret_calendars = (ds_work_calendars){list, count};
  return DS_OK;
}

ds_code ds_calendars_named(ds_yaml *yaml, const yaml_node_t *node,
                           const ds_work_calendars *calendars,
                           const ds_work_calendar **ret_calendar, ds_error *err) {
  const char *text = NULL, *names[DS_CALENDARS_MAX];
  char shown[DS_YAML_SHOWN_BYTES];
  TRY(ds_yaml_text(yaml, node, &text, err));
  *ret_calendar = ds_work_calendar_find(calendars, ds_str_of(text));
  if (*ret_calendar != NULL)
    return DS_OK;
  for (uint32_t c = 0; c < calendars->count; c++)
    names[c] = calendars->list[c].name;
  const char *near = ds_str_nearest(ds_str_of(text), names, calendars->count);
  return ds_yaml_fail_in(yaml, node, 0, err, "there is no calendar `%s` under calendars%s%s%s",
                         ds_yaml_shown(ds_str_of(text), shown), near == NULL ? "" : "; did you "
                         "mean `", near == NULL ? "" : near, near == NULL ? "" : "`?");
}
