// SPDX-License-Identifier: Apache-2.0
// The state of a builder, shared by build.c (order) and build_ids.c (numbers, ids, duplicates).
// Private to these two. May use base/, io/, model/, store/.
#ifndef DS_STORE_BUILD_STATE_H
#define DS_STORE_BUILD_STATE_H

#include "store/block_state.h"
#include "store/build.h"
#include "store/subjects.h"

// Touchpoints, properties, keys, sources.
#define NAME_KINDS 4u
// Up to this many candidates are searched one by one, more through a map.
#define DS_BUILD_SEARCH_MAX 64u

// One subject of the partition in hand. `known`: it has a number from an earlier part.
typedef struct build_subject {
  uint64_t hash;
  ds_str text;
  uint32_t number;
  uint32_t events;
  uint32_t begin, end; // of its entries
  bool known;
} build_subject;

// One row on its way to its place in a journey.
typedef struct build_entry {
  int64_t time_ms;
  uint64_t arrival;
  const uint8_t *row;
  union {
    uint64_t ordinal; // until sorted
    uint64_t id;      // afterwards
  };
} build_entry;

// Subjects in the order of their numbers.
typedef struct build_order {
  uint32_t number;
  uint32_t subject;
} build_order;

// A place, and its block last read: one block often holds the customers of many partitions.
typedef struct build_place {
  ds_block_reader *reader; // NULL: no block is read
  uint32_t block;
  bool whole;              // subjects are read, and ids when duplicates are dropped
  ds_block ids;
  const uint64_t *hashes;
} build_place;

// The builder behind build.h.
struct ds_builder {
  ds_build_options options;
  ds_part_writer *writer;
  build_place *places;
  uint32_t partition;
  uint64_t next_ordinal; // of the partition's next new subject
  bool finished;
  ds_build_stats stats;
  uint32_t seen; // code of the fact that identifiers were seen together, DS_NONE = none

  uint32_t rows_capacity, slots, slots_used;
  uint32_t *slot; // hash table of subjects
  build_subject *subjects;
  uint32_t subjects_count;
  uint32_t *subject_of; // per row
  build_entry *entries;
  build_order *order;

  uint64_t *name_hash[NAME_KINDS]; // content ids go by names, not by codes
  uint32_t name_count[NAME_KINDS];
  ds_map64 journey_ids; // ids of a long journey, of its first journey_ids_filled kept entries
  uint32_t journey_ids_filled;
  uint64_t bases[DS_BUILD_SEARCH_MAX]; // content hashes at the instant in hand
  uint32_t bases_count;
  ds_map64 occurrences; // content hash -> times seen, when they are many
  ds_map64 known_ids;   // (number, id) of this partition's known subjects -> import

  ds_part_info *parts;
  uint32_t parts_count;
  uint8_t *image;
  size_t image_size;
};

// The partition's subject with this hash (and text, unless its data is NULL), or DS_NONE.
uint32_t ds_build_find_subject(const ds_builder *builder, uint64_t hash, ds_str text);

// Hashes names that are new since the last call; false without memory.
bool ds_build_hash_names(ds_builder *builder);

// Gives every subject its number: the one it has in a place, else the partition's next.
DS_CHECKED ds_code ds_build_numbers(ds_builder *builder, ds_error *err);

// Gives ordered entries their ids and removes duplicates; *count shrinks.
DS_CHECKED ds_code ds_build_ids(ds_builder *builder, const build_subject *subject,
                                build_entry *entries, uint32_t *count, ds_error *err);

#endif
