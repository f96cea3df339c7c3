// SPDX-License-Identifier: Apache-2.0
// Decoding buffers of one thread. Private to store/part_block.c and store/part_columns.c.
// May use base/, io/, model/, store/.
#ifndef DS_STORE_BLOCK_READER_H
#define DS_STORE_BLOCK_READER_H

#include "store/part_format.h"

// Events decoded at a time, so that what is derived from them stays in the nearest cache.
#define DS_TILE_EVENTS 2048u

// Where the events of one touchpoint stand in a block.
typedef struct ds_touchpoint_events {
  const uint64_t *bits; // NULL: not looked for yet
  uint32_t count;
} ds_touchpoint_events;

// An array for the values of one of the plan's properties, not cleared: only present values are
// written, and read.
typedef struct ds_value_room {
  void *data;
  size_t bytes;
} ds_value_room;

// Times that are decoded when they are asked for.
typedef struct ds_later_times {
  const ds_part *part;
  uint32_t block;
  bool opened;
  uint32_t column;
  ds_stream gaps, millis;
  uint32_t *seconds; // events: running sums of seconds since some event before; in that of gap_ms
  uint16_t *rest;    // events: milliseconds; in that of ints
  uint32_t done;     // runs of DS_SKIP_EVENTS before this one are decoded, or not wanted any more
  uint32_t sum;      // the last of them
} ds_later_times;

// The buffers, each as large as the largest block read so far. An array that no plan has wanted
// is NULL.
struct ds_block_reader {
  ds_varbyte_tables tables;
  ds_buf chunk, chunk_too; // bytes of the chunks in hand
  ds_arena arena;          // per block: keys, properties, texts
  uint32_t journeys_capacity, events_capacity;
  uint64_t *ints; // events: integers before they are narrowed
  uint32_t *offset, *customer;
  int64_t *start_s;
  int64_t *time_ms, *gap_ms, *received_ms;
  uint64_t *again; // events, bits: see ds_stored_times
  uint16_t *touchpoint, *source;
  uint16_t *millis_first; // journeys: the first event's milliseconds
  uint32_t *import;
  uint64_t *arrival, *id;
  ds_touchpoint_events *events_of; // by the part's code, in the arena; of the block last read
  ds_later_times later;
  ds_value_room *values;           // by the plan's properties
  uint32_t values_count;
};

// What one call decodes; passed down instead of many arguments.
typedef struct ds_block_task {
  const ds_place *place;
  const ds_part *part;
  uint32_t block;
  const ds_columns *columns;
  ds_block_reader *reader;
  ds_block *out;
} ds_block_task;

// DS_CORRUPT with the place of a column that does not decode; DS_MEMORY when for want of that.
ds_code ds_block_unsound(const ds_block_task *task, uint32_t column, ds_error *err);

// Case keys and properties into the reader's arena.
DS_CHECKED ds_code ds_block_keys(const ds_block_task *task, ds_error *err);
DS_CHECKED ds_code ds_block_properties(const ds_block_task *task, ds_error *err);

#endif
