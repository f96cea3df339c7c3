// SPDX-License-Identifier: Apache-2.0
// The state of a part writer, shared by block_write.c (collects) and block_flush.c (encodes).
// Private to these two. May use base/, io/, model/, store/.
#ifndef DS_STORE_BLOCK_STATE_H
#define DS_STORE_BLOCK_STATE_H

#include "store/block_write.h"

#define KEY_SEARCH_MAX 32u

// Texts back to back, to become views once the block is complete.
typedef struct ds_texts {
  ds_buf bytes;
  uint32_t *size;
  uint32_t count;
  uint32_t capacity;
} ds_texts;

// An empty list of texts; gives its memory back; empties it and keeps the memory.
void ds_texts_init(ds_texts *texts);
void ds_texts_done(ds_texts *texts);
void ds_texts_reset(ds_texts *texts);
bool ds_texts_add(ds_texts *texts, ds_str text); // false without memory

// Event `event` of the block carries value `index` of its journey.
typedef struct key_note_t {
  uint32_t event;
  uint32_t index;
} key_note_t;

// One case key in the block being collected. Values lie journey by journey.
typedef struct key_state {
  uint64_t *hash;
  uint32_t values, values_capacity;
  ds_texts texts;
  uint32_t journey_first; // the current journey's first value
  uint32_t *journey_values;
  uint32_t journeys, journeys_capacity;
  key_note_t *note; // by event, an event's values in order
  uint32_t notes, notes_capacity;
  ds_map64 index; // of the current journey, past KEY_SEARCH_MAX values
} key_state;

// One (touchpoint, property, type) in the block being collected. Capacities are apart because each
// array grows by itself.
typedef struct property_state {
  uint16_t touchpoint, name;
  uint8_t type;
  uint32_t count, ordinal_capacity, value_capacity;
  uint32_t *ordinal; // which of the touchpoint's events in the block
  uint64_t *value;
  ds_texts texts;
} property_state;

// One touchpoint of the part: its events in the block, and which property states are its own.
typedef struct touchpoint_state {
  uint32_t events; // in the block so far
  uint32_t *property;
  uint32_t properties, properties_capacity;
} touchpoint_state;

// One column of the part: its chunks so far.
typedef struct column_state {
  ds_column_record record;
  ds_buf data;
  ds_chunk_record *chunk; // offsets relative to the column until the part is closed
  uint32_t chunks, chunks_capacity;
} column_state;

// The writer behind block_write.h.
struct ds_part_writer {
  const ds_space *space;
  uint32_t block_events; // a block is closed at so many
  ds_space local;
  ds_names kinds; // of the subjects
  uint32_t kind;  // of the last one
  uint16_t *touchpoint_map, *property_map, *key_map, *source_map; // UINT16_MAX = not yet used

  // The block being collected.
  uint32_t journeys, journeys_capacity;
  uint64_t *journey_events, *customer, *start_s, *subject_hash;
  ds_texts subjects;
  uint32_t events, events_capacity;
  uint32_t *gap, *touchpoint;
  uint16_t *millis;
  uint64_t *received, *arrival, *source, *import, *id;
  bool any_millis, any_received;
  ds_block_zone zone;
  uint32_t customer_last, journey_first_event;
  int64_t time_last_ms;
  key_state *keys;
  uint32_t keys_count, keys_capacity;
  property_state *properties;
  uint32_t properties_count, properties_capacity;
  touchpoint_state *touchpoints;
  uint32_t touchpoints_count, touchpoints_capacity;

  // The part so far.
  uint32_t blocks;
  uint64_t part_events, bytes;
  ds_block_zone *zones;
  uint32_t zones_capacity;
  ds_buf presence; // per block: u32 touchpoints, then one byte each
  column_state *columns;
  uint32_t columns_count, columns_capacity;
  ds_map64 column_index; // record bits -> column
  ds_str *views;
  uint32_t views_capacity;
  uint32_t *scratch;
  uint32_t scratch_capacity;
};

// Encodes the collected block into chunks and empties it. Nothing to do when it is empty.
DS_CHECKED ds_code ds_block_flush(ds_part_writer *writer, ds_error *err);

#endif
