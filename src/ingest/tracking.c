// SPDX-License-Identifier: Apache-2.0
#include "ingest/tracking.h"

#include <stddef.h>

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

ds_code ds_tracking_read(ds_yaml *yaml, const yaml_node_t *node, ds_tracking_limits *ret_limits,
                         ds_error *err) {
  static const char *const known[DURATIONS + 2] = {"label_stalled_after", "stalled_after",
                                                   "lost_after", "at_risk_before",
                                                   "complaint_stars", NULL};
  ds_tracking_limits limits = ds_tracking_defaults;
  *ret_limits = limits;
  yaml->where = "tracking";
  if (node == NULL || ds_yaml_is_null(node))
    return DS_OK;
  TRY(ds_yaml_map(yaml, node, known, err));
  for (uint32_t d = 0; d < DURATIONS; d++) {
    const yaml_node_t *value = ds_yaml_get(yaml, node, durations[d].key);
    int64_t ms = 0;
    if (value == NULL)
      continue;
    yaml->where = durations[d].key;
    TRY(duration_read(yaml, value, &ms, err));
    memcpy((char *)&limits + durations[d].at, &ms, sizeof ms);
  }
  const yaml_node_t *stars = ds_yaml_get(yaml, node, "complaint_stars");
  yaml->where = "complaint_stars";
  if (stars != NULL)
    TRY(stars_read(yaml, stars, &limits.complaint_stars, err));
  *ret_limits = limits;
  return DS_OK;
}
