// SPDX-License-Identifier: Apache-2.0
// The columns of a block that have one value per event, as a table, for code that copies events
// whatever they carry: a new column of ds_block is one row here. Gaps are none of them: they change
// with every piece of a journey. May use model/block.h.
#ifndef DS_MODEL_BLOCK_COLUMNS_H
#define DS_MODEL_BLOCK_COLUMNS_H

#include "model/block.h"

// Which bit asks for a column, how wide a value is, and where in ds_block its pointer stands.
typedef struct ds_block_column {
  uint32_t want;
  uint32_t width;
  size_t at;
} ds_block_column;

// In the header, so that loops over it are unrolled.
static const ds_block_column ds_block_columns[] = {
    {DS_WANT_TIME, 8, offsetof(ds_block, time_ms)},
    {DS_WANT_TOUCHPOINT, 2, offsetof(ds_block, touchpoint)},
    {DS_WANT_RECEIVED, 8, offsetof(ds_block, received_ms)},
    {DS_WANT_ARRIVAL, 8, offsetof(ds_block, arrival)},
    {DS_WANT_ID, 8, offsetof(ds_block, id)},
    {DS_WANT_SOURCE, 2, offsetof(ds_block, source)},
    {DS_WANT_IMPORT, 4, offsetof(ds_block, import)},
};
// Where the table has the columns by which events are ordered.
enum { DS_COLUMN_AT_TIME = 0, DS_COLUMN_AT_ARRIVAL = 3 };
enum { DS_BLOCK_COLUMNS = sizeof ds_block_columns / sizeof *ds_block_columns };

// The values of one of these columns in a block.
static inline void *ds_block_column_data(const ds_block *block, const ds_block_column *column) {
  void *data = NULL;
  memcpy(&data, (const char *)block + column->at, sizeof data);
  return data;
}

#endif
