// SPDX-License-Identifier: Apache-2.0
// Identity in the making: what identity_read.c finds and identity.c decides. Private to
// store/identity*.c. May use base/, model/, store/.
#ifndef DS_STORE_IDENTITY_WORK_H
#define DS_STORE_IDENTITY_WORK_H

#include "model/identifier.h"
#include "store/identity.h"

// One identifier that a fact, or a claim on an object, names.
typedef struct identity_node {
  uint64_t hash; // ds_subject_hash
  ds_str text;   // in the arena of the thread that read it
  uint32_t next; // of the same hash, DS_NONE = none
  uint32_t number; // DS_NONE: no event has it as its subject
  uint32_t events;
  uint8_t rank;
  uint8_t class_of; // ds_identifier_class
  bool owned;    // an object that a pair gave to somebody: claims do not
  // Of a set of joined ones, by union-find:
  uint32_t parent;
  uint32_t top;  // at a root: the strongest
  uint32_t size; // at a root: persons and devices
  uint32_t member; // the next of the set, DS_NONE = none
} identity_node;

// What was said of a pair.
typedef enum identity_what { IDENTITY_SEEN, IDENTITY_UNTOLD, IDENTITY_TOLD } identity_what;

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
  identity_node *nodes;
  uint32_t nodes_count, nodes_capacity;
  ds_map64 by_hash;
  identity_claim *claims;
  uint32_t claims_count, claims_capacity;
  ds_identity_stats stats;
} identity_work;

// The node of an identifier, a new one when it was not met; the text must outlive the work.
DS_CHECKED ds_code ds_identity_node_of(identity_work *work, ds_str text, uint32_t *ret_node,
                                    ds_error *err);

// The latest that was said of each pair, with codes of nodes.
typedef struct identity_links identity_links;

// Notes a fact of two nodes.
DS_CHECKED ds_code ds_identity_note(identity_links *links, uint32_t a, uint32_t b,
                                 const identity_fact *fact, ds_error *err);

// Reads all facts and claims of the snapshot. `texts` (one arena per thread) keeps the nodes'
// texts.
DS_CHECKED ds_code ds_identity_read(identity_work *work, identity_links *links, ds_arena *texts,
                                 ds_error *err);

// Reads the facts of two nodes alone.
DS_CHECKED ds_code ds_identity_read_pair(identity_work *work, const uint32_t nodes[2],
                                         identity_links *links, ds_arena *texts, ds_error *err);

#endif
