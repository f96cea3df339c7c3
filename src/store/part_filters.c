// SPDX-License-Identifier: Apache-2.0
#include "store/part_filters.h"

#include <assert.h>
#include <stdlib.h>

#include "base/large.h"
#include "store/subjects.h"

static uint32_t room_end(const ds_part *part, uint32_t room) {
  const uint32_t end = (room + 1) * DS_FILTER_ROOM_BLOCKS;
  const uint32_t blocks = ds_part_get_info(part)->blocks;
  return end < blocks ? end : blocks;
}

// The bytes of a room before the filter of block `end`.
static size_t bytes_before(const ds_part *part, uint32_t room, uint32_t end) {
  size_t bytes = 0;
  for (uint32_t b = room * DS_FILTER_ROOM_BLOCKS; b < end; b++)
    bytes += ds_id_filter_bytes(ds_part_zone(part, b)->events);
  return bytes;
}

size_t ds_filter_room_bytes(const ds_part *part, uint32_t room) {
  return bytes_before(part, room, room_end(part, room));
}

static bool init(ds_part_filters *filters, const ds_part *part) {
  const ds_part_info *info = ds_part_get_info(part);
  ds_id_filter *filter = calloc(info->blocks, sizeof *filter);
  ds_filter_room *room = calloc(ds_filter_rooms(info->blocks), sizeof *room);
  if (filter == NULL || room == NULL) {
    free(filter);
    free(room);
    return false;
  }
  *filters = (ds_part_filters){info->number, info->blocks, filter, room};
  return true;
}

bool ds_part_filters_add_room(ds_part_filters *filters, const ds_part *part, uint32_t room,
                              bool lasting) {
  if (filters->filter == NULL && !init(filters, part))
    return false;
  assert(filters->part == ds_part_get_info(part)->number && filters->room[room].memory == NULL);
  const size_t bytes = ds_filter_room_bytes(part, room);
  filters->room[room] = (ds_filter_room){lasting ? ds_large_alloc(bytes) : malloc(bytes), bytes};
  return filters->room[room].memory != NULL;
}

size_t ds_part_filters_drop_room(ds_part_filters *filters, uint32_t room) {
  const ds_filter_room gone = filters->room[room];
  if (gone.memory == NULL)
    return 0;
  const uint32_t first = room * DS_FILTER_ROOM_BLOCKS;
  for (uint32_t b = first; b < first + DS_FILTER_ROOM_BLOCKS && b < filters->blocks; b++)
    filters->filter[b] = (ds_id_filter){.word = NULL};
  free(gone.memory);
  filters->room[room] = (ds_filter_room){.memory = NULL};
  return gone.bytes;
}

ds_code ds_part_filter_make(ds_part_filters *filters, const ds_part *part, uint32_t block,
                            ds_block_reader *reader, ds_error *err) {
  ds_block ids;
  const uint64_t *hashes;
  ds_id_filter made;
  const uint32_t room = ds_filter_room_of(block);
  uint8_t *memory = (uint8_t *)filters->room[room].memory;
  assert(memory != NULL);
  TRY(ds_part_block_hashes(part, block, DS_WANT_ID, reader, &ids, &hashes, err));
  ds_id_filter_place(&made, ds_part_zone(part, block)->events,
                     (uint64_t *)(void *)(memory + bytes_before(part, room, block)));
  for (uint32_t j = 0; j < ids.journeys; j++)
    for (uint32_t e = ids.offset[j]; e < ids.offset[j + 1]; e++)
      ds_id_filter_add(&made, ds_id_filter_key(hashes[j], ids.id[e]));
  filters->filter[block] = made;
  return DS_OK;
}

ds_part_filters ds_part_filters_make(const ds_part *part, size_t *bytes_left) {
  const uint32_t blocks = ds_part_get_info(part)->blocks;
  ds_part_filters all = {.filter = NULL};
  ds_block_reader *reader = ds_block_reader_new();
  ds_code code = reader == NULL ? DS_MEMORY : DS_OK;
  for (uint32_t b = 0; b < blocks && code == DS_OK; b++) {
    const uint32_t room = ds_filter_room_of(b);
    if (b % DS_FILTER_ROOM_BLOCKS == 0) {
      const size_t bytes = ds_filter_room_bytes(part, room);
      if (bytes > *bytes_left || !ds_part_filters_add_room(&all, part, room, true))
        break;
      *bytes_left -= bytes;
    }
    ds_error unheard;
    code = ds_part_filter_make(&all, part, b, reader, &unheard);
  }
  ds_block_reader_free(reader);
  return all;
}

void ds_part_filters_done(ds_part_filters *filters) {
  if (filters == NULL)
    return;
  for (uint32_t r = 0; r < ds_filter_rooms(filters->blocks); r++)
    (void)ds_part_filters_drop_room(filters, r);
  free(filters->filter);
  free(filters->room);
  *filters = (ds_part_filters){.filter = NULL};
}
