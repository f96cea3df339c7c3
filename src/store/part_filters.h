// SPDX-License-Identifier: Apache-2.0
// The id filters of a part's blocks: which (subject, id) its events certainly are not. Whoever
// writes a part can make them beside the store's owner, who then need not. May use base/, io/,
// model/, store/part*, store/subjects.h, store/id_filter.h. Filters are used by one thread, and may
// move to another.
#ifndef DS_STORE_PART_FILTERS_H
#define DS_STORE_PART_FILTERS_H

#include "store/id_filter.h"
#include "store/part.h"

// Caller's memory; fields may be read. All zero is no filters.
typedef struct ds_part_filters {
  uint64_t part; // its number
  uint32_t blocks;
  ds_id_filter *filter; // of each block; one without slots is not made. NULL: none is
} ds_part_filters;

// Makes the filter of one block; `filter` is untouched on failure.
DS_CHECKED ds_code ds_part_filter_make(const ds_part *part, uint32_t block,
                                       ds_block_reader *reader, ds_id_filter *filter,
                                       ds_error *err);

// Makes the filters of the first blocks that fit into *bytes_left, which gets less by them. Where
// it fails, the filters from there on are missing: they can be made later.
ds_part_filters ds_part_filters_make(const ds_part *part, size_t *bytes_left);

// Gives the memory back and leaves no filters. NULL is fine.
void ds_part_filters_done(ds_part_filters *filters);

#endif
