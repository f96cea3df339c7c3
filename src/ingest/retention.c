// SPDX-License-Identifier: Apache-2.0
#include "ingest/retention.h"

#include "base/limits.h"

#define DAY_MS ((int64_t)86400000)
#define COUNT_MAX 36500u

// "90d", "12w", "3y" or "forever".
static ds_code period_read(ds_yaml *yaml, const yaml_node_t *node, int64_t *ret_period_ms,
                           ds_error *err) {
  static const struct {
    char letter;
    int64_t days;
  } units[] = {{'d', 1}, {'w', 7}, {'y', 365}};
  const char *text = NULL;
  char shown[DS_YAML_SHOWN_BYTES];
  TRY(ds_yaml_text(yaml, node, &text, err));
  const ds_str whole = ds_str_of(text);
  uint64_t count = 0;
  *ret_period_ms = 0;
  if (strcmp(text, "forever") == 0)
    return DS_OK;
  if (ds_str_to_u64((ds_str){text, whole.size - 1}, &count) && count > 0 && count <= COUNT_MAX) {
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
      if (text[whole.size - 1] == units[i].letter)
        *ret_period_ms = (int64_t)count * units[i].days * DAY_MS;
    }
  }
  if (*ret_period_ms == 0)
    return ds_yaml_fail(yaml, node, err, "`%s` is no period; write it as 90d, 12w, 3y (of 365 "
                        "days) or forever", ds_yaml_shown(whole, shown));
  return DS_OK;
}

// The name that events of this touchpoint have in the store; NULL for `default`.
static ds_code name_of(ds_yaml *yaml, const yaml_node_t *node, const char *key,
                       const ds_catalogue *catalogue, const char **ret_name, ds_error *err) {
  const ds_touchpoint *row = ds_catalogue_find(catalogue, ds_str_of(key));
  char shown[DS_YAML_SHOWN_BYTES];
  *ret_name = row == NULL ? NULL : row->name;
  if (row != NULL || strcmp(key, "default") == 0)
    return DS_OK;
  const char *nearest = ds_catalogue_nearest(catalogue, ds_str_of(key));
  ds_yaml_shown(ds_str_of(key), shown);
  if (nearest != NULL)
    return ds_yaml_fail(yaml, node, err, "there is no touchpoint `%s`; did you mean `%s`?", shown,
                        nearest);
  return ds_yaml_fail(yaml, node, err, "there is no touchpoint `%s`; one of your own is named "
                      "under touchpoints first", shown);
}

ds_code ds_retention_read(ds_yaml *yaml, const yaml_node_t *node, const ds_catalogue *catalogue,
                          ds_retention *ret_retention, ds_error *err) {
  static const ds_yaml_part part = {"retention", "periods", NULL, DS_SETTINGS_ROWS_MAX,
                                    sizeof(ds_retention_rule)};
  void *rows;
  uint32_t count;
  *ret_retention = (ds_retention){.count = 0};
  TRY(ds_yaml_rows(yaml, node, &part, &rows, &count, err));
  ds_retention_rule *rules = rows;
  for (uint32_t i = 0; i < count; i++) {
    const char *key;
    yaml_node_t *value;
    TRY(ds_yaml_pair(yaml, node, i, &key, &value, err));
    yaml->where = key;
    TRY(name_of(yaml, value, key, catalogue, &rules[i].touchpoint, err));
    for (uint32_t before = 0; before < i; before++) {
      if (rules[i].touchpoint != NULL && rules[before].touchpoint == rules[i].touchpoint)
        return ds_yaml_fail(yaml, value, err, "`%s` has a period already, by another of its names",
                            rules[i].touchpoint);
    }
    TRY(period_read(yaml, value, &rules[i].period_ms, err));
  }
  *ret_retention = (ds_retention){rules, count};
  return DS_OK;
}
