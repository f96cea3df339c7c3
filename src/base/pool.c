// SPDX-License-Identifier: Apache-2.0
#include "base/pool.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/limits.h"

// What the workers of one ds_parallel share. `error` and `failed_job` belong to the mutex.
typedef struct pool_crew {
  ds_job job;
  void *context;
  const atomic_int *stop;
  uint32_t jobs;
  atomic_uint_fast64_t next; // wider than a job number, so that late takers cannot wrap it
  atomic_bool failed;
  atomic_bool interrupted;
  pthread_mutex_t mutex;
  uint64_t failed_job;
  ds_error error;
} pool_crew;

typedef struct worker {
  pool_crew *crew;
  uint32_t thread;
  pthread_t handle;
} worker;

// Keeps the failure with the lowest job number, so that the report depends as little as possible
// on the scheduling.
static void note_failure(pool_crew *crew, uint32_t job, const ds_error *error) {
  pthread_mutex_lock(&crew->mutex);
  if (job < crew->failed_job) {
    crew->failed_job = job;
    crew->error = *error;
  }
  pthread_mutex_unlock(&crew->mutex);
  atomic_store(&crew->failed, true);
}

static bool take_job(pool_crew *crew, uint32_t *ret_job) {
  if (atomic_load(&crew->failed))
    return false;
  const uint64_t job = atomic_fetch_add(&crew->next, 1);
  if (job >= crew->jobs)
    return false;
  if (crew->stop != NULL && atomic_load(crew->stop) != 0) {
    atomic_store(&crew->interrupted, true);
    return false;
  }
  *ret_job = (uint32_t)job;
  return true;
}

static void *work(void *argument) {
  const worker *self = argument;
  uint32_t job;
  while (take_job(self->crew, &job)) {
    ds_error error = {.code = DS_OK};
    const ds_code code = self->crew->job(self->crew->context, self->thread, job, &error);
    if (code == DS_OK)
      continue;
    error.code = code;
    note_failure(self->crew, job, &error);
  }
  return NULL;
}

// Workers 1.. get threads of their own, worker 0 is the caller. A thread that cannot be had is no
// failure: the others do its share.
static void run_all(pool_crew *crew, uint32_t threads) {
  worker workers[DS_THREADS_MAX];
  uint32_t started = 1;
  for (; started < threads; started++) {
    workers[started] = (worker){.crew = crew, .thread = started};
    if (pthread_create(&workers[started].handle, NULL, work, &workers[started]) != 0)
      break;
  }
  workers[0] = (worker){.crew = crew, .thread = 0};
  work(&workers[0]);
  for (uint32_t i = 1; i < started; i++)
    pthread_join(workers[i].handle, NULL);
}

ds_code ds_parallel(uint32_t threads, uint32_t jobs, ds_job job, void *context,
                    const atomic_int *stop, ds_error *err) {
  assert(threads > 0 && job != NULL);
  pool_crew crew = {
      .job = job,
      .context = context,
      .stop = stop,
      .jobs = jobs,
      .mutex = PTHREAD_MUTEX_INITIALIZER,
      .failed_job = UINT64_MAX,
  };
  if (threads > DS_THREADS_MAX)
    threads = DS_THREADS_MAX;
  if (threads > jobs)
    threads = jobs;
  run_all(&crew, threads);
  pthread_mutex_destroy(&crew.mutex);
  if (atomic_load(&crew.failed)) {
    if (err != NULL)
      *err = crew.error;
    return crew.error.code;
  }
  if (atomic_load(&crew.interrupted))
    return ds_fail(err, DS_INTERRUPTED, "stopped");
  return DS_OK;
}

uint32_t ds_processors(void) {
  cpu_set_t set;
  long count = 0;
  // A process may be bound to fewer processors than the machine has.
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    count = CPU_COUNT(&set);
  if (count <= 0)
    count = sysconf(_SC_NPROCESSORS_ONLN);
  if (count < 1)
    return 1;
  return count < (long)DS_THREADS_MAX ? (uint32_t)count : DS_THREADS_MAX;
}
