// SPDX-License-Identifier: Apache-2.0
// Customers of several subjects. While blocks go by, the journeys of joined subjects are taken out
// of them and stashed; at the end they are put together, customer by customer, into side blocks of
// whole journeys. May use base/, store/. A stash is used by one thread until all are full; then any
// number of threads may read them.
//
// J1 a journey is stashed once, so a customer is in one side block and in no other block.
// J2 events of one customer stand by (time, arrival, strength of their subject, stored order).
#ifndef DS_SCAN_JOIN_H
#define DS_SCAN_JOIN_H

#include "scan/assemble.h"
#include "scan/omit.h"
#include "store/identity.h"

// Which customers are wanted: those of places [first, end) of identity->order.
typedef struct ds_slots {
  uint32_t first;
  uint32_t end;
} ds_slots;

// What one thread has taken out.
typedef struct ds_stash {
  ds_assembly kept;
  uint32_t *slot; // of each journey of `kept`
  uint32_t slots_capacity;
  // The journeys of the block in hand that are taken out, ascending, and which subjects of the
  // identity they are.
  uint32_t *taken;
  uint32_t *taken_subject;
  uint32_t taken_count;
  uint32_t taken_capacity;
  ds_runs staying; // the others
} ds_stash;

// An empty one for blocks of `columns`, which have time and arrival; done gives it back, also after
// a failed init.
DS_CHECKED ds_code ds_stash_init(ds_stash *stash, const ds_columns *columns, ds_error *err);
void ds_stash_done(ds_stash *stash);

// Empties the stash.
void ds_stash_reset(ds_stash *stash);

// Looks for the block's joined journeys, with `separate` for the hidden ones only: fills in
// stash->taken.
DS_CHECKED ds_code ds_stash_find(ds_stash *stash, const ds_identity *identity, bool separate,
                                 const ds_block *block, ds_error *err);

// Stashes, of those of the journeys found that are wanted, the events that `keep` has a bit of; a
// journey without any still names its customer. `ordered` is the block, with time and arrival of
// these journeys.
DS_CHECKED ds_code ds_stash_take(ds_stash *stash, const ds_identity *identity, ds_slots wanted,
                                 const ds_block *ordered, const uint64_t *keep, ds_error *err);

// Takes the events of the journeys found out of a bitmap of the block's.
void ds_stash_unmark(const ds_stash *stash, const ds_block *block, uint64_t *keep);

// Leaves the journeys found out of the block.
DS_CHECKED ds_code ds_stash_omit(ds_stash *stash, ds_block *block, ds_error *err);

// Where a stashed journey lies.
typedef struct ds_stashed {
  uint32_t stash; // DS_NONE: it is in none
  uint32_t journey;
} ds_stashed;

// Notes for every wanted slot where its journey lies, in wanted.end - wanted.first entries; what is
// stashed of others is passed over.
void ds_stash_locate(const ds_stash *const *stashes, uint32_t count, ds_slots wanted,
                     ds_stashed *where);

// The slots of the customer of subject `number`; none when it is not joined.
ds_slots ds_join_slots(const ds_identity *identity, uint32_t number);

// What becomes of a side block; it is valid during the call only.
typedef ds_code (*ds_joined)(void *context, const ds_block *block, ds_error *err);

// Where customers are put together. One per thread.
typedef struct ds_joiner {
  const ds_identity *identity;
  const ds_stash *const *stashes;
  ds_slots wanted;
  const ds_stashed *where; // of the wanted slots
  ds_assembly assembly;
  struct join_cursor *cursors;
  uint32_t cursors_count;
  uint32_t cursors_capacity;
  uint32_t block_events; // a block is handed on at this many
  ds_joined each;
  void *context;
} ds_joiner;

// Puts together the customers whose first slot lies in `slots`.
DS_CHECKED ds_code ds_joiner_run(ds_joiner *joiner, ds_slots slots, ds_error *err);

#endif
