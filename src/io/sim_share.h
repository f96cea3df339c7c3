// SPDX-License-Identifier: Apache-2.0
// What the handles of the simulated machine have from one another: ranges of bytes that they hold,
// and memory that they share. None of it is on the disk; all of it is gone with the power. May use
// base/ only; the caller (io_sim.c) locks.
// Invariants: the ranges of one handle are equal or apart; memory lives while a handle has it, even
// one from before a power loss.
#ifndef DS_IO_SIM_SHARE_H
#define DS_IO_SIM_SHARE_H

#include "io/sim_disk.h"

typedef struct ds_sim_memory ds_sim_memory;

// Bytes of a file that a handle holds.
typedef struct ds_sim_range {
  struct ds_sim_range *next;
  const ds_sim_node *node;
  const void *handle;
  uint64_t offset;
  uint64_t size;
  ds_hold how;
} ds_sim_range;

// Caller's memory; all zero is none.
typedef struct ds_sim_shares {
  ds_sim_range *ranges;
  ds_sim_memory *memories;
} ds_sim_shares;

// Whether what other handles hold does not go together with `wanted`.
bool ds_sim_ranges_clash(const ds_sim_shares *shares, const ds_sim_range *wanted);

// Takes, changes or (DS_HOLD_FREE) lets go. DS_OK, DS_BUSY or DS_MEMORY.
ds_code ds_sim_ranges_hold(ds_sim_shares *shares, const ds_sim_range *wanted);

// Lets go of all that a handle holds.
void ds_sim_ranges_drop(ds_sim_shares *shares, const void *handle);

// The memory of a file, one more handle having it; NULL without memory.
ds_sim_memory *ds_sim_memory_take(ds_sim_shares *shares, const ds_sim_node *node);

// One handle less has it; the last frees. NULL is fine.
void ds_sim_memory_drop(ds_sim_shares *shares, ds_sim_memory *memory);

// From now on the files have new memory.
void ds_sim_memories_forget(ds_sim_shares *shares);

// A region, NULL when it was not made; false without memory.
bool ds_sim_memory_region(ds_sim_memory *memory, uint32_t region, size_t size, bool make,
                          void **ret_region);

#endif
