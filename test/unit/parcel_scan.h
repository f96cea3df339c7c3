// SPDX-License-Identifier: Apache-2.0
// Folding the parcels of a snapshot. For tests only; failures go through cmocka.
#ifndef DS_TEST_UNIT_PARCEL_SCAN_H
#define DS_TEST_UNIT_PARCEL_SCAN_H

#include "insight/parcel.h"

// Scans orders, with their texts, as of now_ms; `rules`, which may be a member of `context`, is set
// before the kernel begins. *ret_state is the kernel's, in `arena`, which the caller opens.
void parcel_scan(const ds_snapshot *snapshot, const ds_tracking_limits *limits, int64_t now_ms,
                 const ds_kernel *kernel, void *context, const ds_parcel_rules **rules,
                 ds_arena *arena, void **ret_state);

#endif
