// SPDX-License-Identifier: Apache-2.0
// Identity in the making: what identity_read.c and identity_stars.c find, identity.c decides and
// identity_seats.c writes down. Private to store/identity*.c. May use base/, model/, store/.
#ifndef DS_STORE_IDENTITY_WORK_H
#define DS_STORE_IDENTITY_WORK_H

#include "model/identifier.h"
#include "store/identity.h"
#include "store/identity_facts.h"
#include "store/subjects.h"

// One identifier that a fact, or a claim on an object, names.
typedef struct identity_node {
  uint64_t hash; // ds_subject_hash
  ds_str text;   // in the arena of the thread that read it
  uint32_t next; // of the same hash, DS_NONE = none
  uint32_t number; // DS_NONE: no event has it as its subject
  uint8_t rank;
  uint8_t class_of; // ds_identifier_class
  bool owned;    // an object that a pair gave to somebody: claims do not
  // Of a set of joined ones, by union-find:
  uint32_t parent;
  uint32_t top;  // at a root: the strongest
  uint32_t size; // at a root: persons and devices
  uint32_t member; // the next of the set, DS_NONE = none
} identity_node;

// One fact as read. Texts live in the reader's arena.
typedef struct identity_fact {
  ds_str a, b;
  int64_t received_ms;
  uint64_t arrival;
  identity_what what;
} identity_fact;

// An event of `claimant` carries the object as a case key.
typedef struct identity_claim {
  uint32_t object;   // node
  uint32_t claimant; // node
  int64_t time_ms;   // of the earliest such event
} identity_claim;

// Everything on the way. Arrays are malloc'ed.
typedef struct identity_work {
  const ds_snapshot *snapshot;
  uint32_t threads;
  size_t memory_bytes;
  identity_facts facts;
  uint32_t group_shift; // partitions are worked through in groups of 1 << group_shift
  struct identity_stars *stars;
  identity_node *nodes;
  uint32_t nodes_count, nodes_capacity;
  ds_map64 by_hash;
  identity_claim *claims;
  uint32_t claims_count, claims_capacity;
  ds_identity_stats stats;
} identity_work;

// The groups of partitions, and the one of a subject's number; as many as let few blocks be read
// for several of them.
static inline uint32_t ds_identity_groups(const identity_work *work) {
  return DS_PARTITIONS >> work->group_shift;
}
static inline uint32_t ds_identity_group(const identity_work *work, uint32_t number) {
  return number >> DS_ORDINAL_BITS >> work->group_shift;
}
static inline uint32_t ds_identity_group_of_hash(const identity_work *work, uint64_t hash) {
  return ds_subject_partition(hash) >> work->group_shift;
}

// The blocks [*ret_first, *ret_end) of a part that may hold subjects of a group.
static inline void ds_identity_group_blocks(const identity_work *work, const ds_part *part,
                                            uint32_t group, uint32_t *ret_first,
                                            uint32_t *ret_end) {
  uint32_t unused;
  const uint32_t first = group << work->group_shift;
  ds_part_partition_blocks(part, first, ret_first, &unused);
  ds_part_partition_blocks(part, first + (1u << work->group_shift) - 1, &unused, ret_end);
}

// The node of an identifier, a new one when it was not met; the text must outlive the work.
DS_CHECKED ds_code ds_identity_node_of(identity_work *work, ds_str text, uint32_t *ret_node,
                                    ds_error *err);

// The latest that was said of each pair, with codes of nodes.
typedef struct identity_links identity_links;

// Notes a fact of two nodes.
DS_CHECKED ds_code ds_identity_note(identity_links *links, uint32_t a, uint32_t b,
                                 const identity_fact *fact, ds_error *err);

// Reads all facts and claims of the snapshot: settles the stars, notes the others. `texts` (one
// arena per thread) keeps the nodes' texts.
DS_CHECKED ds_code ds_identity_read(identity_work *work, identity_links *links, ds_arena *texts,
                                 ds_error *err);

// Reads the facts of two nodes alone.
DS_CHECKED ds_code ds_identity_read_pair(identity_work *work, const uint32_t nodes[2],
                                         identity_links *links, ds_arena *texts, ds_error *err);

// One of several subjects of a customer.
typedef struct identity_seat {
  uint32_t customer;
  uint32_t number;
} identity_seat;

// --- what the passes share

// Room for one more element of an array that grows by halves; false without memory.
bool ds_identity_grow(void *array_of, uint32_t count, uint32_t *capacity, size_t element);

// DS_MEMORY.
ds_code ds_identity_no_memory(ds_error *err);

// Buffers by thread and group, so that each group can be worked through by itself.
typedef struct identity_spread {
  ds_buf *bufs;
  uint32_t threads, groups;
} identity_spread;

// Empty ones for the work's threads and groups; false without memory. done also after a failure.
bool ds_identity_spread_init(identity_spread *spread, const identity_work *work);
void ds_identity_spread_done(identity_spread *spread);
static inline ds_buf *ds_identity_spread_at(const identity_spread *spread, uint32_t thread,
                                            uint32_t group) {
  return &spread->bufs[(size_t)thread * spread->groups + group];
}

// Something that goes by a subject's number.
typedef struct identity_row {
  uint32_t number;
  uint32_t other;
  uint64_t more;
} identity_row;

// The rows of a group, of all threads, by number (those of one number in any order); the caller
// frees.
DS_CHECKED ds_code ds_identity_rows_sorted(const identity_spread *spread, uint32_t group,
                                           identity_row **ret_rows, uint32_t *ret_count,
                                           ds_error *err);

// A block of a place; those wanted of all places, the caller frees.
typedef struct identity_block {
  uint32_t place, block;
} identity_block;
typedef bool (*identity_wanted)(const void *context, const ds_place *place, uint32_t block);
DS_CHECKED ds_code ds_identity_blocks(const ds_snapshot *snapshot, identity_wanted wanted,
                                      const void *context, identity_block **ret_blocks,
                                      uint32_t *ret_count, ds_error *err);

// Writes the arrays of the joined subjects: those of the stars, and the sets that `sets` has a row
// of: the customer, and in `other` the strongest of the nodes that have a number, on which the
// others hang as members.
DS_CHECKED ds_code ds_identity_seat_all(identity_work *work, const identity_spread *sets,
                                        ds_arena *arena, ds_identity *identity, ds_error *err);

#endif
