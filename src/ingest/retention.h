// SPDX-License-Identifier: Apache-2.0
// The key `retention` of doorstep.yaml: how long events are kept, by touchpoint (docs/settings.md).
// Without the key nothing is ever removed. May use base/, model/, store/, ingest/yaml.h.
#ifndef DS_INGEST_RETENTION_H
#define DS_INGEST_RETENTION_H

#include "ingest/yaml.h"
#include "model/catalogue.h"
#include "store/store.h"

// Reads the node, which may be NULL, into rules that live in the document's arena. Names are those
// of the catalogue, by any of their aliases. DS_INPUT with line and key.
DS_CHECKED ds_code ds_retention_read(ds_yaml *yaml, const yaml_node_t *node,
                                     const ds_catalogue *catalogue, ds_retention *ret_retention,
                                     ds_error *err);

#endif
