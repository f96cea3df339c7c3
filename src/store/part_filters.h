// SPDX-License-Identifier: Apache-2.0
// The id filters of a part's blocks: which (subject, id) its events certainly are not. Whoever
// writes a part can make them beside the store's owner, who then need not. Every look at a filter
// is at memory far from the last, so the filters of some blocks share a room that fits a huge page;
// a room is made and given back as a whole. May use base/, io/, model/, store/part*,
// store/subjects.h, store/id_filter.h. Filters are used by one thread, and may move to another.
#ifndef DS_STORE_PART_FILTERS_H
#define DS_STORE_PART_FILTERS_H

#include "store/id_filter.h"
#include "store/part.h"

// So many full blocks' filters are a little less than 2 MiB.
enum { DS_FILTER_ROOM_BLOCKS = 10 };

// Memory for the filters of DS_FILTER_ROOM_BLOCKS blocks.
typedef struct ds_filter_room {
  uint64_t *memory; // NULL: there is none
  size_t bytes;
} ds_filter_room;

// Caller's memory; fields may be read. All zero is no filters.
typedef struct ds_part_filters {
  uint64_t part; // its number
  uint32_t blocks;
  ds_id_filter *filter; // of each block; one without words is not made. NULL: no room is there
  ds_filter_room *room;
} ds_part_filters;

// Which room a block's filter stands in, and how many a part has.
static inline uint32_t ds_filter_room_of(uint32_t block) { return block / DS_FILTER_ROOM_BLOCKS; }
static inline uint32_t ds_filter_rooms(uint32_t blocks) {
  return (blocks + DS_FILTER_ROOM_BLOCKS - 1) / DS_FILTER_ROOM_BLOCKS;
}

// The bytes that a room of the part takes.
size_t ds_filter_room_bytes(const ds_part *part, uint32_t room);

// Makes a room that is not there, without filters; false without memory. `filters` is zero, or has
// rooms of this part. `lasting`: asks for huge pages, which take longer to be had than they save an
// append that waits for them.
bool ds_part_filters_add_room(ds_part_filters *filters, const ds_part *part, uint32_t room,
                              bool lasting);

// Gives a room back, with its filters; how many bytes that were.
size_t ds_part_filters_drop_room(ds_part_filters *filters, uint32_t room);

// Makes the filter of one block, whose room is there; safe from several threads for several blocks.
DS_CHECKED ds_code ds_part_filter_make(ds_part_filters *filters, const ds_part *part,
                                       uint32_t block, ds_block_reader *reader, ds_error *err);

// Makes the filters of the first rooms that fit into *bytes_left, which gets less by them. Where it
// fails, the filters from there on are missing: they can be made later.
ds_part_filters ds_part_filters_make(const ds_part *part, size_t *bytes_left);

// Gives the memory back and leaves no filters. NULL is fine.
void ds_part_filters_done(ds_part_filters *filters);

#endif
