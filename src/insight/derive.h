// SPDX-License-Identifier: Apache-2.0
// The virtual touchpoints of the store's orders, as a table {touchpoint, condition, instant}:
// shipment_stalled, promise_at_risk, promise_missed and shipment_lost from the fold of parcels,
// complaint_submitted from a low review. Invariant: none lies behind the instant that the answer is
// about. May use base/ to question/.
#ifndef DS_INSIGHT_DERIVE_H
#define DS_INSIGHT_DERIVE_H

#include "insight/parcel.h"

// Makes the names of virtual touchpoints known to a snapshot, as if some event had them. Before
// anything is asked of it.
DS_CHECKED ds_code ds_derive_names(ds_snapshot *snapshot, ds_error *err);

// Lets a plan have virtual touchpoints; for ds_request.derive. Lives in the request's arena.
DS_CHECKED ds_code ds_derive_plan(const ds_request *request, ds_plan *plan, ds_error *err);

#endif
