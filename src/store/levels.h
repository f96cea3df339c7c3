// SPDX-License-Identifier: Apache-2.0
// The levels of a store: which parts follow one another without overlap (a run), and which runs a
// compaction is to merge. Pure functions of the manifest. May use base/, manifest.h.
//
// A run is due for compaction together with all newer runs when it has less than
// DS_LEVEL_RATIO (K) times their events. So, whenever nothing is due:
//   - each run has at least K times the events of all newer ones together: at most
//     1 + log_{K+1}(N / s) runs, N the events of the store, s those of the smallest run;
//   - at most 1 / (K + 1) of the events lie outside the largest run.
// Write amplification: each merge gives every event a run at least 1 + 1/K times as large as its
// run before, but for runs that were larger than an older one when they came (an import), once.
// So an event is written into parts at most 2 + log_{1+1/K}(N / s) times, s the events of the part
// that it was first written into, and retention apart.
#ifndef DS_STORE_LEVELS_H
#define DS_STORE_LEVELS_H

#include "store/manifest.h"

#define DS_LEVEL_RATIO 4u

// Parts first .. first + count - 1 of the manifest.
typedef struct ds_run {
  uint32_t first;
  uint32_t count;
  uint64_t events;
  uint64_t bytes;
} ds_run;

// The runs of a manifest, oldest first; `runs` has room for one per part. Returns their number.
uint32_t ds_levels_runs(const ds_manifest *manifest, ds_run *runs);

// The oldest run that is due: it and all newer ones are to be merged. False when none is.
bool ds_levels_due(const ds_run *runs, uint32_t count, uint32_t *ret_first);

#endif
