// SPDX-License-Identifier: Apache-2.0
// The values of one property column in one block, as stored. Private to store/.
// May use base/, io/, model/, store/.
#ifndef DS_STORE_PART_VALUES_H
#define DS_STORE_PART_VALUES_H

#include "store/block_reader.h"

// `present` has one entry per event of the touchpoint in the block (NULL = all carry it); the
// values of those that do follow one another in the array of their type. All in the reader's
// arena.
typedef struct ds_property_values {
  ds_type type;
  uint32_t events; // of the touchpoint in the block
  uint32_t count;  // with a value
  const uint32_t *present;
  union {
    const ds_str *text;
    const double *number;
    const int64_t *i;
    const void *any;
  };
} ds_property_values;

// Decodes a property column; count 0 when the block has none. task->out must hold touchpoints.
DS_CHECKED ds_code ds_block_property_values(const ds_block_task *task, uint32_t column,
                                            ds_property_values *ret_values, ds_error *err);

#endif
