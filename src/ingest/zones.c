// SPDX-License-Identifier: Apache-2.0
#include "ingest/zones.h"

#define ZONES_FOLDER "/usr/share/zoneinfo"

ds_code ds_zone_read(ds_yaml *yaml, const yaml_node_t *node, ds_io *io, const char **ret_name,
                     const ds_zone **ret_zone, ds_error *err) {
  const char *name = NULL;
  ds_error why = {.code = DS_OK};
  ds_zone *zone = NULL;
  TRY(ds_yaml_text(yaml, node, &name, err));
  const ds_code code = ds_zone_load(io, ZONES_FOLDER, ds_str_of(name), &zone, &why);
  if (code == DS_INPUT)
    return ds_yaml_fail(yaml, node, err, "%s", why.message);
  if (code != DS_OK)
    return ds_fail(err, code, "%s", why.message);
  const ds_zone *kept = ds_zone_keep(zone, yaml->arena);
  if (kept == NULL) {
    ds_zone_free(zone);
    return ds_yaml_no_memory(yaml, err);
  }
  *ret_name = name;
  *ret_zone = kept;
  return DS_OK;
}
