// SPDX-License-Identifier: Apache-2.0
// Reads one unit of several overlapping blocks as blocks of whole journeys in customer order, or,
// where it has a leading block, what the other blocks add to that. Customers of one place only are
// copied in runs; the events of shared customers are merged by (time, arrival, place, stored
// order). May use base/, store/. Used by one thread.
#ifndef DS_SCAN_MERGE_H
#define DS_SCAN_MERGE_H

#include "scan/assemble.h"
#include "scan/sides.h"

typedef struct ds_merger ds_merger;

// What becomes of a merged block; the block is valid during the call only.
typedef ds_code (*ds_merged)(void *context, const ds_block *block, ds_error *err);

// A merger for `columns`, of which `sides` are; they have time and arrival, and no gaps. The arrays
// of `columns`, and the sides, must outlive it. The caller frees (NULL is fine).
DS_CHECKED ds_code ds_merger_new(const ds_snapshot *snapshot, const ds_columns *columns,
                                 const ds_sides *sides, ds_merger **ret_merger, ds_error *err);
void ds_merger_free(ds_merger *merger);

// Gives the unit's journeys to `each`, in blocks of about block_events events.
DS_CHECKED ds_code ds_merger_run(ds_merger *merger, const ds_units *units, const ds_unit *unit,
                                 uint32_t block_events, ds_merged each, void *context,
                                 ds_error *err);

// Gives the journeys of all of the unit's customers who stand in other blocks than the leading one
// to `each`, and takes them out of `lead`: that block, of which `reader` has just read the merger's
// columns, with or without gaps, time and arrival.
DS_CHECKED ds_code ds_merger_take(ds_merger *merger, const ds_units *units, const ds_unit *unit,
                                  ds_block_reader *reader, ds_block *lead, uint32_t block_events,
                                  ds_merged each, void *context, ds_error *err);

#endif
