// SPDX-License-Identifier: Apache-2.0
// Reads one unit of several overlapping blocks as blocks of whole journeys in customer order.
// Customers of one place only are copied in runs; the events of shared customers are merged by
// (time, arrival, place, stored order). May use base/, store/. Used by one thread.
#ifndef DS_SCAN_MERGE_H
#define DS_SCAN_MERGE_H

#include "scan/assemble.h"
#include "scan/units.h"

typedef struct ds_merger ds_merger;

// What becomes of a merged block; the block is valid during the call only.
typedef ds_code (*ds_merged)(void *context, const ds_block *block, ds_error *err);

// A merger for `columns` (which must outlive it); time and arrival are read besides, gaps are
// not. The caller frees (NULL is fine).
DS_CHECKED ds_code ds_merger_new(const ds_snapshot *snapshot, const ds_columns *columns,
                                 ds_merger **ret_merger, ds_error *err);
void ds_merger_free(ds_merger *merger);

// Gives the unit's journeys to `each`, in blocks of about block_events events.
DS_CHECKED ds_code ds_merger_run(ds_merger *merger, const ds_units *units, const ds_unit *unit,
                                 uint32_t block_events, ds_merged each, void *context,
                                 ds_error *err);

#endif
