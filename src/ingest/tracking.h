// SPDX-License-Identifier: Apache-2.0
// The key `tracking` of doorstep.yaml: from when on silence and lateness of parcels mean something
// (docs/settings.md). May use base/, model/, ingest/yaml.h.
#ifndef DS_INGEST_TRACKING_H
#define DS_INGEST_TRACKING_H

#include "ingest/yaml.h"
#include "model/tracking.h"

// Reads the node, which may be NULL; what it does not say has the default. DS_INPUT with line and
// key.
DS_CHECKED ds_code ds_tracking_read(ds_yaml *yaml, const yaml_node_t *node,
                                    ds_tracking_limits *ret_limits, ds_error *err);

#endif
