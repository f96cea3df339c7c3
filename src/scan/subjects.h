// SPDX-License-Identifier: Apache-2.0
// Whose subjects are. Most of those that are asked for have events of their own and are found in
// one pass over the snapshot's subjects; the others, which facts of identity name, one by one.
// May use base/ to store/.
#ifndef DS_SCAN_SUBJECTS_H
#define DS_SCAN_SUBJECTS_H

#include "scan/scan.h"

// The customer of each of `subjects` ("customer_id=C1") into customer[] (subjects->count entries),
// DS_NONE for one that nobody has; numbers are those of blocks that are scanned with who is whom.
// DS_MEMORY past `memory_bytes`; DS_INTERRUPTED.
DS_CHECKED ds_code ds_subjects_customers(const ds_snapshot *snapshot, const ds_names *subjects,
                                         size_t memory_bytes, ds_progress *progress,
                                         uint32_t *customer, ds_error *err);

#endif
