// SPDX-License-Identifier: Apache-2.0
#include "ingest/tracking.h"

#include <stddef.h>

#include "base/limits.h"
#include "ingest/zones.h"

#define COUNT_MAX 36500u

// The keys that are durations, and where they go.
static const struct {
  const char *key;
  size_t at;
} durations[] = {
    {"label_stalled_after", offsetof(ds_tracking_limits, label_silent_ms)},
    {"stalled_after", offsetof(ds_tracking_limits, silent_ms)},
    {"lost_after", offsetof(ds_tracking_limits, lost_ms)},
    {"at_risk_before", offsetof(ds_tracking_limits, risk_ms)},
};
enum { DURATIONS = sizeof durations / sizeof *durations };

// "24h", "30d", "2w" or "90m".
static ds_code duration_read(ds_yaml *yaml, const yaml_node_t *node, int64_t *ret_ms,
                             ds_error *err) {
  static const struct {
    char letter;
    int64_t ms;
  } units[] = {{'m', 60000}, {'h', 3600000}, {'d', 86400000}, {'w', 7 * 86400000LL}};
  const char *text = NULL;
  char shown[DS_YAML_SHOWN_BYTES];
  uint64_t count = 0;
  int64_t ms = 0;
  TRY(ds_yaml_text(yaml, node, &text, err));
  const ds_str whole = ds_str_of(text);
  if (ds_str_to_u64((ds_str){text, whole.size - 1}, &count) && count > 0 && count <= COUNT_MAX)
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
      if (text[whole.size - 1] == units[i].letter)
        ms = (int64_t)count * units[i].ms;
  if (ms == 0)
    return ds_yaml_fail(yaml, node, err, "`%s` is no duration; write it as 90m, 24h, 30d or 2w",
                        ds_yaml_shown(whole, shown));
  *ret_ms = ms;
  return DS_OK;
}

static ds_code stars_read(ds_yaml *yaml, const yaml_node_t *node, double *ret_stars,
                          ds_error *err) {
  const char *text = NULL;
  char shown[DS_YAML_SHOWN_BYTES];
  double stars = 0;
  TRY(ds_yaml_text(yaml, node, &text, err));
  if (!ds_str_to_double(ds_str_of(text), &stars) || !(stars >= 0 && stars <= 100))
    return ds_yaml_fail(yaml, node, err, "`%s` is no number of stars, from 0 to 100",
                        ds_yaml_shown(ds_str_of(text), shown));
  *ret_stars = stars;
  return DS_OK;
}

// The keys that tracking and a carrier share.
static ds_code limits_read(ds_yaml *yaml, const yaml_node_t *node,
                           const ds_work_calendars *calendars, ds_tracking_limits *limits,
                           ds_error *err) {
  for (uint32_t d = 0; d < DURATIONS; d++) {
    const yaml_node_t *value = ds_yaml_get(yaml, node, durations[d].key);
    int64_t ms = 0;
    if (value == NULL)
      continue;
    yaml->where = durations[d].key;
    TRY(duration_read(yaml, value, &ms, err));
    memcpy((char *)limits + durations[d].at, &ms, sizeof ms);
  }
  const yaml_node_t *calendar = ds_yaml_get(yaml, node, "calendar");
  yaml->where = "calendar";
  return calendar == NULL
             ? DS_OK
             : ds_calendars_named(yaml, calendar, calendars, &limits->calendar, err);
}

ds_code ds_tracking_read(ds_yaml *yaml, const yaml_node_t *node,
                         const ds_work_calendars *calendars, ds_tracking_limits *ret_limits,
                         ds_error *err) {
  static const char *const known[] = {"label_stalled_after", "stalled_after", "lost_after",
                                      "at_risk_before", "complaint_stars", "calendar", NULL};
  ds_tracking_limits limits = ds_tracking_defaults;
  *ret_limits = limits;
  yaml->where = "tracking";
  if (node == NULL || ds_yaml_is_null(node))
    return DS_OK;
  TRY(ds_yaml_map(yaml, node, known, err));
  TRY(limits_read(yaml, node, calendars, &limits, err));
  const yaml_node_t *stars = ds_yaml_get(yaml, node, "complaint_stars");
  yaml->where = "complaint_stars";
  if (stars != NULL)
    TRY(stars_read(yaml, stars, &limits.complaint_stars, err));
  *ret_limits = limits;
  return DS_OK;
}

static ds_code hours_read(ds_yaml *yaml, const yaml_node_t *node, ds_hours *ret_hours,
                          ds_error *err) {
  const char *text = NULL;
  char shown[DS_YAML_SHOWN_BYTES];
  TRY(ds_yaml_text(yaml, node, &text, err));
  if (!ds_hours_parse(ds_str_of(text), ret_hours))
    return ds_yaml_fail_in(yaml, node, 0, err, "`%s` are no hours of a day; write them as "
                           "08:00-18:00", ds_yaml_shown(ds_str_of(text), shown));
  return DS_OK;
}

// The name as it is compared, which no carrier before has.
static ds_code name_read(ds_yaml *yaml, const yaml_node_t *node, const char *name,
                         const ds_carrier_rules *before, uint32_t count, const char **ret_normal,
                         ds_error *err) {
  const ds_str text = ds_str_of(name);
  char *normal = ds_arena_alloc(yaml->arena, text.size + 1u);
  if (normal == NULL)
    return ds_yaml_no_memory(yaml, err);
  normal[ds_carrier_normal(text, normal)] = '\0';
  char shown[DS_YAML_SHOWN_BYTES];
  ds_yaml_shown(text, shown);
  if (*normal == '\0')
    return ds_yaml_fail_in(yaml, node, 0, err, "a carrier's name needs letters or digits");
  for (uint32_t c = 0; c < count; c++)
    if (strcmp(before[c].normal, normal) == 0)
      return ds_yaml_fail_in(yaml, node, 0, err, "`%s` stands here already: case, blanks and signs "
                             "do not tell carriers apart", shown);
  *ret_normal = normal;
  return DS_OK;
}

static ds_code carrier_read(ds_yaml *yaml, const yaml_node_t *node, ds_io *io,
                            const ds_work_calendars *calendars, const ds_tracking_limits *base,
                            ds_carrier_rules *carrier, ds_error *err) {
  static const char *const known[] = {"time_zone", "promised_hours", "calendar",
                                      "label_stalled_after", "stalled_after", "lost_after",
                                      "at_risk_before", NULL};
  ds_tracking_limits *limits = ds_arena_alloc(yaml->arena, sizeof *limits);
  if (limits == NULL)
    return ds_yaml_no_memory(yaml, err);
  *limits = *base;
  carrier->limits = limits;
  TRY(ds_yaml_map(yaml, node, known, err));
  TRY(limits_read(yaml, node, calendars, limits, err));
  const yaml_node_t *zone = ds_yaml_get(yaml, node, "time_zone");
  const yaml_node_t *hours = ds_yaml_get(yaml, node, "promised_hours");
  yaml->where = "time_zone";
  if (zone != NULL)
    TRY(ds_zone_read(yaml, zone, io, &carrier->zone_name, &carrier->zone, err));
  yaml->where = "promised_hours";
  return hours == NULL ? DS_OK : hours_read(yaml, hours, &carrier->hours, err);
}

ds_code ds_carriers_read(ds_yaml *yaml, const yaml_node_t *node, ds_io *io,
                         const ds_work_calendars *calendars, ds_tracking_limits *limits,
                         ds_error *err) {
  yaml->where = "carriers";
  if (node == NULL || ds_yaml_is_null(node))
    return DS_OK;
  TRY(ds_yaml_map(yaml, node, NULL, err));
  const uint32_t count = ds_yaml_pairs(node);
  if (count > DS_CARRIERS_MAX)
    return ds_yaml_fail(yaml, node, err, "more than %u carriers", DS_CARRIERS_MAX);
  ds_carrier_rules *carriers = ds_arena_array(yaml->arena, count + 1u, sizeof *carriers);
  if (carriers == NULL)
    return ds_yaml_no_memory(yaml, err);
  for (uint32_t c = 0; c < count; c++) {
    const char *name;
    yaml_node_t *value;
    yaml->where = "carriers";
    TRY(ds_yaml_pair(yaml, node, c, &name, &value, err));
    TRY(name_read(yaml, value, name, carriers, c, &carriers[c].normal, err));
    yaml->where = name;
    TRY(carrier_read(yaml, value, io, calendars, limits, &carriers[c], err));
  }
  limits->carriers = carriers;
  limits->carriers_count = count;
  return DS_OK;
}

ds_code ds_places_read(ds_yaml *yaml, const yaml_node_t *node, ds_io *io,
                       ds_tracking_limits *limits, ds_error *err) {
  static const char *const known[] = {"property", "time_zones", NULL};
  yaml->where = "destinations";
  if (node == NULL || ds_yaml_is_null(node))
    return DS_OK;
  TRY(ds_yaml_map(yaml, node, known, err));
  TRY(ds_yaml_need_text(yaml, node, "property", &limits->place, err));
  const yaml_node_t *zones = ds_yaml_get(yaml, node, "time_zones");
  if (zones == NULL)
    return ds_yaml_fail_in(yaml, node, 0, err, "the key time_zones is missing: write it as "
                           "time_zones: {PT: Europe/Lisbon}");
  yaml->where = "time_zones";
  TRY(ds_yaml_map(yaml, zones, NULL, err));
  const uint32_t count = ds_yaml_pairs(zones);
  if (count > DS_CARRIERS_MAX)
    return ds_yaml_fail(yaml, zones, err, "more than %u places", DS_CARRIERS_MAX);
  ds_place_zone *places = ds_arena_array(yaml->arena, count + 1u, sizeof *places);
  if (places == NULL)
    return ds_yaml_no_memory(yaml, err);
  for (uint32_t p = 0; p < count; p++) {
    const char *name = NULL;
    yaml_node_t *value;
    TRY(ds_yaml_pair(yaml, zones, p, &places[p].value, &value, err));
    yaml->where = places[p].value;
    TRY(ds_zone_read(yaml, value, io, &name, &places[p].zone, err));
  }
  limits->places = places;
  limits->places_count = count;
  return DS_OK;
}
