// SPDX-License-Identifier: Apache-2.0
// A block: about 64 K events of whole journeys, structure of arrays; what passes from the store
// through scan to a kernel. Only the columns that a plan asked for are filled. May use base/,
// model/.
#ifndef DS_MODEL_BLOCK_H
#define DS_MODEL_BLOCK_H

#include "base/buf.h"
#include "base/search.h"
#include "model/event.h"

// What a plan wants of a block, as bits.
enum {
  DS_WANT_TIME = 1,       // time_ms
  DS_WANT_TOUCHPOINT = 2, // touchpoint
  DS_WANT_ARRIVAL = 4,
  DS_WANT_ID = 8,
  DS_WANT_SOURCE = 16,
  DS_WANT_RECEIVED = 32,
  DS_WANT_SUBJECT = 64, // subject text per journey
  DS_WANT_IMPORT = 128,
  DS_WANT_GAP = 256,    // gap_ms: time since the event before in the journey
  DS_WANT_TIME_LATER = 512, // time_ms, of a journey only when ds_block_times asks for it
};

// Which columns to decode: DS_WANT_* bits, and codes of the snapshot's space.
typedef struct ds_columns {
  uint32_t want;
  uint32_t properties_count;
  uint32_t keys_count;
  const uint16_t *properties;
  const ds_type *property_types; // in which each is read; NULL: the part decides
  const uint64_t *touchpoints;   // bits: property values of other touchpoints may be left out
  const uint16_t *keys;
  bool key_texts;
} ds_columns;

// One property column over the block's events: `present` has one bit per event (LSB first), values
// stand at the event's index. Of one type, the plan's; values of others read as null. In a packed
// column, which no kernel sees, values stand one behind the other: before[w] of them belong to
// events before 64 * w, for every word w up to that of the last value.
typedef struct ds_property_column {
  ds_type type; // NULL: no event of the block carries it
  uint64_t *present;
  uint32_t *before; // NULL: not packed
  double *number; // NUMBER
  int64_t *i;     // BOOL, TIME, DATE, DURATION
  ds_str *text;   // STRING; views valid as long as the block
} ds_property_column;

// The values of one case key in the block. Event e carries the cases
// item[first[e]] .. item[first[e + 1] - 1], each an index into hash/text.
typedef struct ds_key_column {
  uint32_t *first; // events + 1
  uint32_t *item;
  uint32_t values;  // distinct (journey, value) pairs; those of one journey are consecutive
  uint64_t *hash;   // ds_key_hash of the text
  ds_str *text;     // filled only when wanted
  uint32_t *offset; // journeys + 1: the values of journey j
  // Journeys are pieces of those by which values are numbered: offset[] is not there, and two
  // journeys may share a value.
  bool loose;
} ds_key_column;

// Pointers are owned by whoever made the block and stay valid until its next block. offset[] has
// journeys + 1 entries; the events of journey j are offset[j] .. offset[j+1]-1, by time, then
// arrival. After regrouping, a journey is a case and case_hash/case_text are set.
typedef struct ds_block {
  uint32_t journeys;
  uint32_t events;
  uint32_t *offset;
  uint32_t *customer;   // journeys: dense-per-partition number, see store/subjects
  ds_str *subject;      // journeys: "kind=text" (DS_WANT_SUBJECT)
  int64_t *time_ms;     // events
  int64_t *gap_ms;      // events; 0 at a journey's first event
  uint16_t *touchpoint; // events: code of the snapshot's space
  uint16_t *node;       // events: what the plan counts as steps of a journey, mostly touchpoint
  int64_t *received_ms;
  uint64_t *arrival;
  uint64_t *id;
  uint16_t *source;
  uint32_t *import;
  uint64_t *case_hash;  // journeys, after regroup
  ds_str *case_text;    // journeys, after regroup, when wanted
  uint32_t properties_count;
  ds_property_column *property; // in the plan's order
  const struct ds_later_ops *later; // NULL: all times are there
  void *later_of;
  uint32_t keys_count;
  ds_key_column *key; // in the plan's order
} ds_block;

// The times of journeys as they are stored: event e of journey j, whose events begin at `first`, is
// at base_ms + (start_s[j] + (second[e] - second[first], as uint32)) * 1000 + millis[e] (NULL: 0).
// Bit e of `again`: it shares its instant with the event before; of a journey's first event this
// means nothing.
typedef struct ds_stored_times {
  int64_t base_ms;
  const int64_t *start_s;
  const uint32_t *second;
  const uint16_t *millis;
  const uint64_t *again;
} ds_stored_times;

// How a block with DS_WANT_TIME_LATER decodes. Journeys are asked for in order; `customer` is not
// there at all.
typedef struct ds_later_ops {
  // Fills time_ms of the journey.
  ds_code (*fill)(void *of, uint32_t journey, ds_error *err);
  // Gives the times of the journeys [first, end) as they are stored. `narrow` tells whether a block
  // has this.
  ds_code (*stored)(void *of, uint32_t first, uint32_t end, ds_stored_times *ret_times,
                    ds_error *err);
  bool (*narrow)(const void *of);
} ds_later_ops;

// Makes time_ms of a journey ready, where it is not.
static inline ds_code ds_block_times(const ds_block *block, uint32_t journey, ds_error *err) {
  return block->later == NULL ? DS_OK : block->later->fill(block->later_of, journey, err);
}

// The first journey at or after `journey` whose customer is at least `customer`.
static inline uint32_t ds_block_journey_from(const ds_block *block, uint32_t journey,
                                             uint64_t customer) {
  return ds_first_at_least(block->customer, journey, block->journeys, customer);
}

#endif
