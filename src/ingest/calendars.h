// SPDX-License-Identifier: Apache-2.0
// The key `calendars` of doorstep.yaml: hours that are worked, by name (docs/settings.md). May use
// base/, io/, model/, ingest/yaml.h.
#ifndef DS_INGEST_CALENDARS_H
#define DS_INGEST_CALENDARS_H

#include "ingest/yaml.h"
#include "model/worktime.h"

// Reads the node, which may be NULL; `io` finds time zones. DS_INPUT with line, column and key.
DS_CHECKED ds_code ds_calendars_read(ds_yaml *yaml, const yaml_node_t *node, ds_io *io,
                                     ds_work_calendars *ret_calendars, ds_error *err);

// The calendar that a node names. DS_INPUT says the nearest name.
DS_CHECKED ds_code ds_calendars_named(ds_yaml *yaml, const yaml_node_t *node,
                                      const ds_work_calendars *calendars,
                                      const ds_work_calendar **ret_calendar, ds_error *err);

#endif
