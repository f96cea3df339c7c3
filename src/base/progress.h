// SPDX-License-Identifier: Apache-2.0
// How a long operation tells its caller how far it is, and how the caller stops it. The library
// never prints: the command line draws. Uses nothing.
#ifndef DS_BASE_PROGRESS_H
#define DS_BASE_PROGRESS_H

#include <stdatomic.h>
#include <stdint.h>

// Caller's memory; a NULL ds_progress * means "tell nobody, never stop". `report` may be NULL; it
// is called from one thread at a time, at most about ten times a second, with a phase ("reading",
// "sorting"), the work done and the total (0 = unknown), in `unit`.
typedef struct ds_progress {
  void (*report)(void *context, const char *phase, uint64_t done, uint64_t total,
                 const char *unit);
  void *context;
  atomic_int stop; // set to 1 (also from a signal handler) to end with DS_INTERRUPTED
} ds_progress;

// True when the caller asked to stop.
static inline int ds_progress_stopped(ds_progress *progress) {
  return progress != 0 && atomic_load_explicit(&progress->stop, memory_order_relaxed);
}

#endif
