// SPDX-License-Identifier: Apache-2.0
// The key `annotations` of doorstep.yaml: dated notes. May use base/, model/, ingest/.
#ifndef DS_INGEST_ANNOTATIONS_H
#define DS_INGEST_ANNOTATIONS_H

#include "ingest/yaml.h"
#include "model/annotation.h"

// Reads the map of days to notes (NULL: there is none) into the arena, by day. DS_INPUT with line
// and key.
DS_CHECKED ds_code ds_annotations_read(ds_yaml *yaml, const yaml_node_t *node,
                                       const ds_annotation **ret_notes, uint32_t *ret_count,
                                       ds_error *err);

#endif
