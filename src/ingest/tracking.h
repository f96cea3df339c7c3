// SPDX-License-Identifier: Apache-2.0
// The keys `tracking`, `carriers` and `destinations` of doorstep.yaml: from when on silence and
// lateness of parcels mean something, of whose parcels, by whose clock (docs/settings.md). May use
// base/, model/, ingest/.
#ifndef DS_INGEST_TRACKING_H
#define DS_INGEST_TRACKING_H

#include "ingest/calendars.h"
#include "model/tracking.h"

// Reads the node, which may be NULL; what it does not say has the default. DS_INPUT with line and
// key.
DS_CHECKED ds_code ds_tracking_read(ds_yaml *yaml, const yaml_node_t *node,
                                    const ds_work_calendars *calendars,
                                    ds_tracking_limits *ret_limits, ds_error *err);

// Adds carriers, and the places where parcels go, to the limits, from nodes which may be NULL: what
// a carrier does not say is as the limits have it. `io` finds time zones.
DS_CHECKED ds_code ds_carriers_read(ds_yaml *yaml, const yaml_node_t *node, ds_io *io,
                                    const ds_work_calendars *calendars,
                                    ds_tracking_limits *limits, ds_error *err);
DS_CHECKED ds_code ds_places_read(ds_yaml *yaml, const yaml_node_t *node, ds_io *io,
                                  ds_tracking_limits *limits, ds_error *err);

#endif
