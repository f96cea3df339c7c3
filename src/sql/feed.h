// SPDX-License-Identifier: Apache-2.0
// A scan turned round: blocks are taken when somebody wants one, by any number of threads, instead
// of being handed to a kernel. The scan runs on threads of its own; each shows its block and waits
// until it is given back, so nothing is copied and a feed holds one block per thread. May use
// base/ to scan/ and pthreads.
#ifndef DS_SQL_FEED_H
#define DS_SQL_FEED_H

#include "scan/scan.h"

typedef struct ds_feed ds_feed;

// A block that was taken; valid until it is given back.
typedef struct ds_feed_slot {
  const ds_block *block;
} ds_feed_slot;

// What a plan selects; the plan, and what it points to, must outlive the feed. The scan begins with
// the first take and ends early when progress (NULL: nobody's) says stop. Its states and joined
// customers take at most memory_bytes. The caller closes.
DS_CHECKED ds_code ds_feed_open(const ds_snapshot *snapshot, const ds_plan *plan,
                                ds_progress *progress, size_t memory_bytes, ds_feed **ret_feed,
                                ds_error *err);

// Waits for a block. *ret_slot is NULL when there is no more, or when the others, who hold blocks
// and will come again, can do without this taker: a thread must hold none when it takes.
// DS_INTERRUPTED, and every error of the scan.
DS_CHECKED ds_code ds_feed_take(ds_feed *feed, ds_feed_slot **ret_slot, ds_error *err);
void ds_feed_give_back(ds_feed *feed, ds_feed_slot *slot);

// Ends the scan; no block is held any more. NULL is fine.
void ds_feed_close(ds_feed *feed);

#endif
