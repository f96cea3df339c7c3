// SPDX-License-Identifier: Apache-2.0
// What stands behind a ds_ask. Private to ask/. May use everything below floor 7.
#ifndef DS_ASK_STATE_H
#define DS_ASK_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "ask/ask.h"

// An open store that several ds_ask share: the last to let go closes it. It is used by one thread
// at a time.
typedef struct ask_store {
  ds_store *store;
  pthread_mutex_t mutex;
  atomic_uint holders;
} ask_store;

// A hash of what answers depend on.
typedef struct ask_mark {
  uint64_t high, low;
} ask_mark;

// What a ds_ask is the first part of.
typedef struct ask_state {
  ds_ask seen; // first, so that one pointer is both
  ask_store *store;
  ds_snapshot *snapshot;
  ds_snapshot derived; // the same, in which virtual touchpoints have names
  ds_unsealer unsealer;
  ds_zone *zone;
  const char *segments; // the file that was named, or NULL
  bool personal;
  ask_mark mark;     // of the store when it was opened
  ask_mark identity; // of the answers
  ds_arena arena;
} ask_state;

#endif
