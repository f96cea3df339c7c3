// SPDX-License-Identifier: Apache-2.0
// A few threads that do what would block the server's loop: items wait in a queue with a limit, run
// on a thread, and are handed back in the order in which they ended. May use base/ and pthreads.
// Items are put and taken by one thread, the loop's.
#ifndef DS_SERVER_WORK_H
#define DS_SERVER_WORK_H

#include <stdbool.h>

#include "base/error.h"

// What is to be done: the first member of the caller's own struct.
typedef struct ds_work_item {
  void (*run)(struct ds_work_item *item);  // on one of the threads
  void (*done)(struct ds_work_item *item); // on the loop's thread, afterwards
  struct ds_work_item *next;               // private
} ds_work_item;

typedef struct ds_work ds_work;

// Starts `threads` threads; at most waiting_max items wait. `wake` is called, on any thread, when
// an item has ended. The caller stops it.
DS_CHECKED ds_code ds_work_start(uint32_t threads, uint32_t waiting_max,
                                 void (*wake)(void *context), void *context, ds_work **ret_work,
                                 ds_error *err);

// Hands an item over; false when the queue is full.
bool ds_work_put(ds_work *work, ds_work_item *item);

// The items that have ended since, linked by `next`, or NULL.
ds_work_item *ds_work_take(ds_work *work);

// Waits until every item that was put has ended, then ends the threads; what has ended since the
// last take is returned. NULL is fine.
ds_work_item *ds_work_stop(ds_work *work);

#endif
