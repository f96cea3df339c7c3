// SPDX-License-Identifier: Apache-2.0
// A part of some blocks of another: a footer of its own in memory, over the other's bytes.
#include <assert.h>
#include <stdlib.h>

#include "store/part_format.h"

// Whether a column of the whole says anything of these blocks. Of what has a default when it is
// absent, every column stays.
static bool is_wanted(const ds_part *whole, uint32_t column, const bool *chosen) {
  if (whole->column[column].kind != DS_COLUMN_PROPERTY)
    return true;
  for (uint32_t b = 0; b < whole->info.blocks; b++)
    if (chosen[b] && whole->chunk[(size_t)column * whole->info.blocks + b].size > 0)
      return true;
  return false;
}

// Room for all columns of `blocks` blocks, in one piece; records are multiples of 8 bytes.
static ds_code make_room(ds_part *part, const ds_part *whole, uint32_t blocks, ds_error *err) {
  static_assert(sizeof(ds_chunk_record) % 8 == 0, "what follows the chunks is aligned");
  const size_t chunks = (size_t)whole->columns * blocks * sizeof *part->chunk;
  const size_t presence = (size_t)blocks * whole->presence_words * sizeof *part->presence;
  part->footer = malloc(chunks + presence + whole->columns * sizeof *part->column + 1);
  part->zone = calloc(blocks, sizeof *part->zone);
  if (part->footer == NULL || part->zone == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the footer of a part");
  part->chunk = (const ds_chunk_record *)(const void *)part->footer;
  part->presence = (const uint64_t *)(const void *)(part->footer + chunks);
  part->column = (const ds_column_record *)(const void *)(part->footer + chunks + presence);
  return DS_OK;
}

static void take_block(ds_part *part, const ds_part *whole, uint32_t b) {
  ds_part_info *info = &part->info;
  const ds_block_zone *zone = &whole->zone[b];
  const uint32_t words = whole->presence_words;
  memcpy((uint64_t *)part->presence + (size_t)info->blocks * words,
         whole->presence + (size_t)b * words, words * sizeof *part->presence);
  if (info->blocks == 0 || zone->time_min_ms < info->time_min_ms)
    info->time_min_ms = zone->time_min_ms;
  if (info->blocks == 0 || zone->time_max_ms > info->time_max_ms)
    info->time_max_ms = zone->time_max_ms;
  info->events += zone->events;
  info->customers += zone->journeys;
  part->zone[info->blocks++] = *zone;
}

static void take_columns(ds_part *part, const ds_part *whole, const bool *chosen) {
  ds_column_record *column = (ds_column_record *)part->column;
  ds_chunk_record *chunk = (ds_chunk_record *)part->chunk;
  for (uint32_t c = 0; c < whole->columns; c++) {
    if (!is_wanted(whole, c, chosen))
      continue;
    column[part->columns++] = whole->column[c];
    for (uint32_t b = 0; b < whole->info.blocks; b++)
      if (chosen[b])
        *chunk++ = whole->chunk[(size_t)c * whole->info.blocks + b];
  }
}

ds_code ds_part_choose(const ds_part *whole, const bool *chosen, ds_part **ret_part,
                       ds_error *err) {
  uint32_t blocks = 0;
  for (uint32_t b = 0; b < whole->info.blocks; b++)
    blocks += chosen[b];
  assert(blocks > 0);
  ds_part *part = malloc(sizeof *part);
  if (part == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a part");
  *part = *whole;
  part->is_shared = true;
  part->footer = NULL;
  part->zone = NULL;
  const ds_code code = make_room(part, whole, blocks, err);
  if (code != DS_OK) {
    ds_part_free(part);
    return code;
  }
  part->columns = 0;
  part->info.blocks = 0;
  part->info.events = 0;
  part->info.customers = 0;
  for (uint32_t b = 0; b < whole->info.blocks; b++)
    if (chosen[b])
      take_block(part, whole, b);
  take_columns(part, whole, chosen);
  part->info.customer_first = part->zone[0].customer_first;
  part->info.customer_last = part->zone[blocks - 1].customer_last;
  assert(part->info.blocks == blocks && part->info.events <= whole->info.events);
  *ret_part = part;
  return DS_OK;
}
