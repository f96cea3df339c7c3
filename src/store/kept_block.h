// SPDX-License-Identifier: Apache-2.0
// A decoded block in as little memory as its values take: property values one after another instead
// of one place per event, texts once where they were once. What the reader of single customers
// keeps. May use base/, model/. Immutable once made. Private to store/.
#ifndef DS_STORE_KEPT_BLOCK_H
#define DS_STORE_KEPT_BLOCK_H

#include "model/block_columns.h"

// One property: a bit per event, how many values stand before each word of bits, the values.
typedef struct ds_kept_property {
  ds_type type; // NULL: no event of the block carries it
  const uint64_t *present;
  const uint32_t *before;
  const void *value; // ds_str, double or int64_t by type
} ds_kept_property;

// Columns as in ds_block. One allocation holds all.
typedef struct ds_kept_block {
  size_t bytes;
  uint32_t journeys;
  uint32_t events;
  const uint32_t *offset;
  const uint32_t *customer;
  const ds_str *subject;                // NULL unless wanted
  const void *column[DS_BLOCK_COLUMNS]; // as ds_block_columns; NULL unless wanted
  const ds_kept_property *property;     // in the plan's order
  const ds_key_column *key;             // in the plan's order
} ds_kept_block;

// A copy of a block that was decoded for `columns`; NULL without memory. free() frees it.
ds_kept_block *ds_kept_block_new(const ds_block *block, const ds_columns *columns);

#endif
