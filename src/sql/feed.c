// SPDX-License-Identifier: Apache-2.0
#include "sql/feed.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/limits.h"
#include "base/task.h"

// How long a taker sleeps before it looks whether it is still wanted.
#define PATIENCE_NS 50000000L

// One thread of the scan: the kernel's state. `slot` comes first, so that one is the other.
typedef struct thread_slot {
  ds_feed_slot slot;
  ds_feed *feed;
  bool returned;
} thread_slot;

// All but what the scan alone uses belongs to the mutex.
struct ds_feed {
  const ds_snapshot *snapshot;
  ds_plan plan;
  ds_progress own; // the scan's
  ds_progress *progress;
  size_t memory_bytes;
  ds_task *task;
  pthread_mutex_t mutex;
  pthread_cond_t shown;
  pthread_cond_t returned;
  thread_slot *ready[DS_THREADS_MAX];
  uint32_t ready_count;
  uint32_t held;
  bool begun;
  bool done;
  ds_code code;
  ds_error error;
};

static ds_code slot_init(void *state, const void *context, ds_arena *arena, ds_error *err) {
  (void)arena;
  (void)err;
  ((thread_slot *)state)->feed = (ds_feed *)(uintptr_t)context;
  return DS_OK;
}

// Shows the block and waits until somebody has given it back.
static ds_code slot_block(void *state, const ds_block *block, ds_error *err) {
  thread_slot *self = state;
  ds_feed *feed = self->feed;
  pthread_mutex_lock(&feed->mutex);
  assert(feed->ready_count < DS_THREADS_MAX);
  self->slot.block = block;
  self->returned = false;
  feed->ready[feed->ready_count++] = self;
  pthread_cond_signal(&feed->shown);
  while (!self->returned && !ds_progress_stopped(&feed->own))
    pthread_cond_wait(&feed->returned, &feed->mutex);
  const bool stopped = ds_progress_stopped(&feed->own);
  pthread_mutex_unlock(&feed->mutex);
  return stopped ? ds_fail(err, DS_INTERRUPTED, "stopped") : DS_OK;
}

static ds_code slot_merge(void *into, void *from, ds_error *err) {
  (void)into;
  (void)from;
  (void)err;
  return DS_OK;
}

static const ds_kernel kernel = {"feed", sizeof(thread_slot), slot_init, slot_block, slot_merge,
                                 NULL};

static void scan_run(void *context) {
  ds_feed *feed = context;
  ds_error err = {.code = DS_OK};
  ds_arena arena;
  void *state = NULL;
  ds_arena_init(&arena, feed->memory_bytes);
  const ds_code code = ds_scan(feed->snapshot, &feed->plan, &kernel, feed, &arena, &state, &err);
  ds_arena_done(&arena);
  pthread_mutex_lock(&feed->mutex);
  feed->code = code;
  feed->error = err;
  feed->done = true;
  pthread_cond_broadcast(&feed->shown);
  pthread_mutex_unlock(&feed->mutex);
}

ds_code ds_feed_open(const ds_snapshot *snapshot, const ds_plan *plan, ds_progress *progress,
                     size_t memory_bytes, ds_feed **ret_feed, ds_error *err) {
  ds_feed *feed = calloc(1, sizeof *feed);
  if (feed == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a scan");
  feed->snapshot = snapshot;
  feed->plan = *plan;
  feed->plan.progress = &feed->own;
  feed->progress = progress;
  feed->memory_bytes = memory_bytes;
  pthread_mutex_init(&feed->mutex, NULL);
  pthread_cond_init(&feed->shown, NULL);
  pthread_cond_init(&feed->returned, NULL);
  *ret_feed = feed;
  return DS_OK;
}

static void stop(ds_feed *feed) {
  atomic_store(&feed->own.stop, 1);
  pthread_cond_broadcast(&feed->returned);
}

// Sleeps until something is shown; false when that took long.
static bool sleep_a_while(ds_feed *feed) {
  struct timespec until;
  timespec_get(&until, TIME_UTC);
  until.tv_nsec += PATIENCE_NS;
  until.tv_sec += until.tv_nsec / 1000000000L;
  until.tv_nsec %= 1000000000L;
  return pthread_cond_timedwait(&feed->shown, &feed->mutex, &until) == 0;
}

// With the mutex held.
static ds_code take(ds_feed *feed, ds_feed_slot **ret_slot, ds_error *err) {
  if (!feed->begun)
    TRY(ds_task_start(scan_run, feed, false, &feed->task, err));
  feed->begun = true;
  // A taker that waits while others hold blocks may be what keeps these from being worked on: a
  // pool of threads has put them aside. They are taken up again, and their takers find what is
  // left.
  for (bool patient = true; feed->ready_count == 0 && !feed->done; patient = sleep_a_while(feed)) {
    if (ds_progress_stopped(feed->progress))
      stop(feed);
    if (!patient && feed->held > 0)
      return DS_OK;
  }
  if (feed->ready_count > 0) {
    feed->held++;
    *ret_slot = &feed->ready[--feed->ready_count]->slot;
  } else if (feed->code != DS_OK) {
    return ds_fail_at(err, feed->code, feed->error.line, feed->error.column, "%s",
                      feed->error.message);
  }
  return DS_OK;
}

ds_code ds_feed_take(ds_feed *feed, ds_feed_slot **ret_slot, ds_error *err) {
  *ret_slot = NULL;
  pthread_mutex_lock(&feed->mutex);
  const ds_code code = take(feed, ret_slot, err);
  pthread_mutex_unlock(&feed->mutex);
  return code;
}

void ds_feed_give_back(ds_feed *feed, ds_feed_slot *slot) {
  thread_slot *self = (thread_slot *)slot;
  pthread_mutex_lock(&feed->mutex);
  assert(feed->held > 0 && !self->returned);
  feed->held--;
  self->returned = true;
  pthread_cond_broadcast(&feed->returned);
  pthread_mutex_unlock(&feed->mutex);
}

void ds_feed_close(ds_feed *feed) {
  if (feed == NULL)
    return;
  pthread_mutex_lock(&feed->mutex);
  stop(feed);
  pthread_mutex_unlock(&feed->mutex);
  ds_task_end(feed->task);
  pthread_cond_destroy(&feed->returned);
  pthread_cond_destroy(&feed->shown);
  pthread_mutex_destroy(&feed->mutex);
  free(feed);
}
