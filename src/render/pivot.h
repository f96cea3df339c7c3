// SPDX-License-Identifier: Apache-2.0
// A long table as people see it: wide (ds_pivot in model/result.h). Private to render/.
#ifndef DS_RENDER_PIVOT_H
#define DS_RENDER_PIVOT_H

#include "base/arena.h"
#include "render/cell.h"

// The wide form of a table that has a pivot, in `arena`; texts are the table's own. Values across
// stand in the order in which they first come.
DS_CHECKED ds_code ds_pivot_make(const ds_table *table, ds_arena *arena, ds_table *ret_wide,
                                 ds_error *err);

#endif
