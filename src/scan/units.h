// SPDX-License-Identifier: Apache-2.0
// Cuts a snapshot into work units: ranges of customers that together cover all of it and never
// share one. In the usual case a unit is exactly one block of one place; where places overlap, a
// unit is a few blocks' worth of customers with every block that overlaps them. May use base/,
// store/.
#ifndef DS_SCAN_UNITS_H
#define DS_SCAN_UNITS_H

#include "store/store.h"

// One block that overlaps a unit.
typedef struct ds_unit_block {
  uint32_t place;
  uint32_t block;
} ds_unit_block;

// Customers [first, last], and blocks [blocks_first, blocks_last) of the list, by place, then
// block. whole: exactly one block, all of it.
typedef struct ds_unit {
  uint32_t customer_first;
  uint32_t customer_last;
  uint32_t blocks_first;
  uint32_t blocks_last;
  bool whole;
} ds_unit;

// All units in customer order, and the blocks that they list.
typedef struct ds_units {
  ds_unit *units;
  uint32_t count;
  uint32_t capacity;
  ds_unit_block *blocks;
  uint32_t blocks_count;
  uint32_t blocks_capacity;
} ds_units;

// Cuts the snapshot's customers. A merged unit gathers about chain_blocks blocks of the places
// that lead it, so that blocks of the others are not decoded again for every unit. The caller
// calls ds_units_done, also after a failure.
DS_CHECKED ds_code ds_units_cut(const ds_snapshot *snapshot, uint32_t chain_blocks,
                                ds_units *ret_units, ds_error *err);
void ds_units_done(ds_units *units);

#endif
