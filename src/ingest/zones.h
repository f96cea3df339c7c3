// SPDX-License-Identifier: Apache-2.0
// Time zones that doorstep.yaml names. May use base/, io/, model/, ingest/yaml.h.
#ifndef DS_INGEST_ZONES_H
#define DS_INGEST_ZONES_H

#include "ingest/yaml.h"
#include "model/time.h"

// Reads the name of a zone that the system has, and the zone, both into the file's arena. DS_INPUT
// with the place of the node; errors of `io`.
DS_CHECKED ds_code ds_zone_read(ds_yaml *yaml, const yaml_node_t *node, ds_io *io,
                                const char **ret_name, const ds_zone **ret_zone, ds_error *err);

#endif
