// SPDX-License-Identifier: Apache-2.0
// Order statistics of many cells: passes over the data, each of which divides every target's
// interval into 1,024 buckets, counts the values in them and goes on with the bucket that holds the
// rank. The pass whose intervals hold no more values than memory does keeps them, and is the last:
// for most questions the first one. Private to question/. May use base/.
#ifndef DS_QUESTION_REFINE_H
#define DS_QUESTION_REFINE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"

// One order statistic still sought: it lies in [low, high], and `below` values of the cell are
// less than low.
typedef struct ds_refine_target {
  uint32_t cell;
  uint64_t rank;
  uint64_t below;
  int64_t low;
  int64_t high;
} ds_refine_target;

// One pass: targets by cell, those of one cell together. Read-only while the pass runs.
typedef struct ds_refine {
  const ds_refine_target *targets;
  uint32_t count;
  const uint32_t *first; // by cell: its first target, DS_NONE = none
  size_t keep_max;       // values that a thread may keep
} ds_refine;

// A value that lies in the interval of some target of its cell.
typedef struct ds_refine_value {
  int64_t value;
  uint32_t cell;
} ds_refine_value;

// What one thread of a pass counted; zeroed = empty.
typedef struct ds_refine_counts {
  uint64_t *held;
  ds_refine_value *kept;
  size_t kept_count;
  size_t kept_capacity;
  bool lost; // not all were kept
} ds_refine_counts;

// Counts for the targets of a pass; done gives their memory back, also of zeroed ones.
DS_CHECKED ds_code ds_refine_counts_init(ds_refine_counts *counts, const ds_refine *refine,
                                         ds_error *err);
void ds_refine_counts_done(ds_refine_counts *counts);

// Counts one value of a cell; adds what another thread counted.
void ds_refine_add(const ds_refine *refine, ds_refine_counts *counts, uint32_t cell,
                   int64_t value);
void ds_refine_merge(const ds_refine *refine, ds_refine_counts *into,
                     const ds_refine_counts *from);

// Runs one pass of the question's scan with `refine`: the merged counts into *ret_counts, which
// the caller of this function ends.
typedef ds_code (*ds_refine_pass)(void *context, const ds_refine *refine,
                                  ds_refine_counts *ret_counts, ds_error *err);

// Narrows every target (those of one cell stand together, cells < `cells`) to one value (low ==
// high) by as many passes as it takes within the memory.
DS_CHECKED ds_code ds_refine_run(ds_refine_target *targets, uint32_t count, uint32_t cells,
                                 size_t memory_bytes, uint32_t threads, ds_refine_pass pass,
                                 void *context, ds_error *err);

#endif
