// SPDX-License-Identifier: Apache-2.0
// Reads the rows of several parts, partition by partition, and writes them anew as one run ordered
// by customer. Groups of consecutive partitions are worked on side by side. It reads what never
// changes and writes new files only, so that it may run beside the store's owner. May use base/,
// io/, model/, build.h.
#ifndef DS_STORE_REWRITE_H
#define DS_STORE_REWRITE_H

#include "base/progress.h"
#include "store/retype.h"

// Which events are too old to be kept.
typedef struct ds_expiry {
  // Events of a touchpoint earlier than this go; INT64_MIN = they stay.
  int64_t (*before_ms)(const void *context, ds_str touchpoint);
  const void *context;
} ds_expiry;

// Whose events are left out, and facts of identity that name them. Asked from several threads.
typedef struct ds_dropped {
  bool (*is_dropped)(const void *context, ds_str subject);
  const void *context;
} ds_dropped;

// What is rewritten, and how. All that it points to lives until the rewrite ends.
typedef struct ds_rewrite_options {
  ds_io *io;
  const char *directory;      // "…/part"; NULL = one part in memory
  atomic_uint_fast64_t *next; // the next free part number
  ds_part *const *parts;      // oldest first
  uint32_t parts_count;
  bool sparse;                // an older, larger run stays
  uint32_t drop_import;       // events of this import are left out; 0 = none
  const ds_expiry *expiry;    // NULL: no event is too old
  const ds_retype *retype;    // NULL: values keep their types
  ds_retype_counts *retyped;  // with it: what became of the values is added here
  const ds_dropped *dropped;  // NULL: nobody's are left out
  uint32_t threads;
  ds_progress *progress;      // may be NULL
  const atomic_bool *paused;  // may be NULL; while it is true, nothing is done
} ds_rewrite_options;

// The new parts, in order of their customers.
typedef struct ds_rewritten {
  ds_part_info *infos; // malloc'ed
  uint32_t count;
  uint64_t events, bytes; // in them
  uint64_t expired;       // left out as too old
  uint8_t *image;         // of one in memory, malloc'ed; NULL when nothing is left
  size_t image_size;
} ds_rewritten;

// Writes and syncs the new parts; their directory is the caller's to sync. On failure, or when it
// was stopped, none of them is left (what cannot be removed is an orphan).
DS_CHECKED ds_code ds_rewrite(const ds_rewrite_options *options, ds_rewritten *ret_rewritten,
                              ds_error *err);

// Removes the files of parts that no manifest will name, and frees their list.
void ds_rewritten_drop(ds_io *io, const char *directory, ds_rewritten *rewritten);

// How many parts a rewrite of so many events makes, about; the same for any number of threads.
uint32_t ds_rewrite_groups(uint64_t events);

#endif
