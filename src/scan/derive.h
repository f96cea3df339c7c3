// SPDX-License-Identifier: Apache-2.0
// Virtual events: what became true without anybody telling it (a promise passed, a carrier fell
// silent) stands in the journeys as an event at the instant at which it became true, behind the
// real events of that instant. Which, a table above says (insight/derive.h); this stage calls it
// order by order and puts its events in, with the case keys of what they are about. It works on
// whole customers, before they are regrouped, so that every case key sees the same events. May use
// base/ to store/. Used by one thread.
#ifndef DS_SCAN_DERIVE_H
#define DS_SCAN_DERIVE_H

#include "scan/stages.h"

// Case keys of a virtual event, at most: the order's and the parcel's.
enum { DS_VIRTUAL_KEYS = 2 };
// Properties of one, at most.
enum { DS_VIRTUAL_PROPERTIES = 8 };

// One virtual event. Each key is a column of the block and a value of it; DS_NONE for none.
typedef struct ds_virtual {
  int64_t time_ms;
  uint16_t touchpoint; // code of the snapshot's space
  uint16_t rank;       // among those of one instant
  uint32_t journey;    // of the block of orders; the stage turns it into the customer's
  uint32_t column[DS_VIRTUAL_KEYS];
  uint32_t value[DS_VIRTUAL_KEYS];
  ds_value property[DS_VIRTUAL_PROPERTIES]; // of the derivation's, NULL for none
  uint64_t tie;        // the stage's own: orders equal ones by their keys' texts
} ds_virtual;

// A list of them that grows.
typedef struct ds_virtuals {
  ds_virtual *list;
  uint32_t count;
  uint32_t capacity;
} ds_virtuals;

// Appends one. DS_MEMORY.
DS_CHECKED ds_code ds_virtuals_add(ds_virtuals *to, const ds_virtual *one, ds_error *err);

// What is derived; `context` is read-only and shared by threads.
typedef struct ds_derivation {
  ds_columns reads; // properties with types, and keys; events' times and touchpoints go without
  bool has_order;   // by which key's values journeys are cut into orders; else they are orders
  uint16_t order_key;
  ds_virtual_use carried[DS_VIRTUAL_PROPERTIES]; // properties of virtual events, with their types
  uint32_t carried_count;
  const void *context;
  // A thread's own, for blocks of `columns`, which hold what is read at any place.
  ds_code (*init)(const void *context, const ds_columns *columns, void **ret_state, ds_error *err);
  // Once for each block, before its orders.
  ds_code (*begin)(void *state, const ds_block *block, ds_error *err);
  // Appends what is derived from journey j of the block.
  ds_code (*order)(void *state, const ds_block *block, uint32_t j, ds_virtuals *to, ds_error *err);
  // The same of events without an order, of a customer's journey that is not cut; when has_order.
  ds_code (*loose)(void *state, const ds_block *block, uint32_t j, ds_virtuals *to, ds_error *err);
  void (*done)(void *state);
} ds_derivation;

// One thread's stage.
typedef struct ds_derive_room {
  const ds_derivation *how;
  void *state;
  uint32_t order_at; // column of the order key
  ds_stage_room orders;
  ds_assembly assembly;
  ds_virtuals found;
  uint32_t *index;  // of the new block's events: the old one; of a virtual one, its journey's first
  uint32_t *at;     // where each virtual event stands in the new block
  uint32_t *offset;
  uint32_t *journey;
  uint32_t events_capacity, journeys_capacity, found_capacity;
  ds_key_column *key; // of the new block
  uint32_t keys_count;
  uint32_t *items_capacity;
  uint32_t first_capacity;
  ds_block block;
} ds_derive_room;

// Adds what the derivation reads to columns; arrays grow in the arena.
DS_CHECKED ds_code ds_derive_columns(const ds_derivation *how, ds_columns *columns,
                                     ds_arena *arena, ds_error *err);

// Made for blocks of `columns`; done gives it back, also after a failed init, or zeroed.
DS_CHECKED ds_code ds_derive_init(ds_derive_room *room, const ds_derivation *how,
                                  const ds_columns *columns, ds_error *err);
void ds_derive_done(ds_derive_room *room);

// The block with its virtual events; the given one when there are none.
DS_CHECKED ds_code ds_stage_derive(ds_derive_room *room, const ds_block *block,
                                   const ds_block **ret_block, ds_error *err);

#endif
