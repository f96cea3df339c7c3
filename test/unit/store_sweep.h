// SPDX-License-Identifier: Apache-2.0
// What the sweeps over a store share: how many cases a run takes, and what must hold of a store
// that has come through one. Invariants by the numbers of docs/durability.md.
#ifndef DS_TEST_STORE_SWEEP_H
#define DS_TEST_STORE_SWEEP_H

#include "store_world.h"

#define SWEEP_NEVER ((uint64_t)1 << 60)

// A sweep takes one in so many of its cases; every one when the run is long.
uint64_t sweep_stride(uint64_t usual);

// One case of a sweep of refused allocations. Case 0 counts them into *cases; from 1 on allocation
// (i - 1) / 2 is refused, once when i is odd, else from then on. The action is done or says
// DS_MEMORY for that; what it leaves behind is the caller's to look at.
ds_code sweep_allocation(store_world *world, ds_code (*action)(store_world *world), uint64_t i,
                         uint64_t *cases);

// The open store is as the world knows it, checks well, and has its catalog with it; what was
// open in the world is settled (I1-I4, I8, I9, I14).
void sweep_expect_sound(store_world *world, ds_store *store);

// After power loss and before any writer came: the catalog, if any, is whole and no later than
// MANIFEST (I14).
void sweep_expect_not_ahead(const store_world *world);

// It opens, opens again the same without a write, takes more, shows the same sealed and compacted,
// and leaves nothing open (I5, I6, I7, I10, I12). On a simulated machine.
void sweep_expect_recovery(store_world *world);

#endif
