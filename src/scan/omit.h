// SPDX-License-Identifier: Apache-2.0
// Takes journeys out of a block in place: what stays moves up, within the arrays that it stands in,
// so that a block of which little is taken stays in the cache that it was decoded into. May use
// base/, model/.
#ifndef DS_SCAN_OMIT_H
#define DS_SCAN_OMIT_H

#include "model/block.h"

// Journeys that stay, in runs: pairs of the first one and the one behind the last. Zero is an empty
// list; it grows and is used again, until its owner is done with it.
typedef struct ds_runs {
  uint32_t *edge;
  uint32_t count;    // of runs
  uint32_t capacity; // of runs
} ds_runs;
void ds_runs_done(ds_runs *runs);

// Leaves the journeys listed, ascending, out of the block, whose arrays the caller may change;
// `runs` is room for those that stay. DS_MEMORY: the block is as it was.
DS_CHECKED ds_code ds_block_omit(ds_block *block, const uint32_t *journeys, uint32_t count,
                                 ds_runs *runs, ds_error *err);

#endif
