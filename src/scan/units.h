// SPDX-License-Identifier: Apache-2.0
// Cuts a snapshot into work units: ranges of customers that together cover all of it and never
// share one. Places that are small beside the largest run are sides: the blocks of the others lead
// the units. In the usual case a unit has one leading block, which goes by as it is but for the
// customers who have events in sides, too; where leading blocks overlap, a unit is a few blocks'
// worth of customers with every block that overlaps them. May use base/, store/.
#ifndef DS_SCAN_UNITS_H
#define DS_SCAN_UNITS_H

#include "store/store.h"

// A run of places is a side when it and all smaller ones have together at most this share of the
// customers of the largest run. Each of them costs what its events cost, copied one more time, and
// for each the others move up in their block; to merge a block costs a copy of all of it.
#define DS_SIDE_SHARE 4u

// One block that overlaps a unit.
typedef struct ds_unit_block {
  uint32_t place;
  uint32_t block;
} ds_unit_block;

// Customers [first, last], and blocks [blocks_first, blocks_last) of the list, by place, then
// block. lead: the index in the list of the only block that is of no side; DS_NONE: there are
// several, to be merged.
typedef struct ds_unit {
  uint32_t customer_first;
  uint32_t customer_last;
  uint32_t blocks_first;
  uint32_t blocks_last;
  uint32_t lead;
} ds_unit;

// All units in customer order, the blocks that they list, and which places are sides.
typedef struct ds_units {
  ds_unit *units;
  uint32_t count;
  uint32_t capacity;
  ds_unit_block *blocks;
  uint32_t blocks_count;
  uint32_t blocks_capacity;
  bool *is_side; // by place
} ds_units;

// Cuts the snapshot's customers. A merged unit gathers about chain_blocks blocks of the places
// that lead it, so that blocks of the others are not decoded again for every unit. Sides have
// together at most side_events_max events. The caller calls ds_units_done, also after a failure.
DS_CHECKED ds_code ds_units_cut(const ds_snapshot *snapshot, uint32_t chain_blocks,
                                uint64_t side_events_max, ds_units *ret_units, ds_error *err);
void ds_units_done(ds_units *units);

#endif
