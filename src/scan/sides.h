// SPDX-License-Identifier: Apache-2.0
// The blocks of a snapshot's sides (units.h), decoded once for all units and threads of a scan: one
// of them overlaps many units. May use base/, store/, units.h. Read-only once loaded.
#ifndef DS_SCAN_SIDES_H
#define DS_SCAN_SIDES_H

#include "base/progress.h"
#include "scan/units.h"

// Zeroed = none.
typedef struct ds_sides {
  uint32_t *first; // by place: which of the blocks is its first; DS_NONE = it is no side
  ds_block *block;
  ds_block_reader **reader; // of each, whose arrays it has
  uint32_t count;
} ds_sides;

// Decodes `columns` of all blocks of the units' sides. The caller calls ds_sides_done, also after a
// failure. progress may be NULL.
DS_CHECKED ds_code ds_sides_load(const ds_snapshot *snapshot, const ds_units *units,
                                 const ds_columns *columns, uint32_t threads,
                                 const ds_progress *progress, ds_sides *ret_sides, ds_error *err);
void ds_sides_done(ds_sides *sides);

// The block, or NULL when its place is no side.
const ds_block *ds_sides_block(const ds_sides *sides, ds_unit_block block);

#endif
