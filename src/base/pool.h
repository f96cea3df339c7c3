// SPDX-License-Identifier: Apache-2.0
// Runs the same function over numbered jobs on several threads; jobs are handed out in order from
// one counter. The first failure (of the lowest job number among those that ran) stops the rest.
// May use base/ and pthreads. Holds no global state.
#ifndef DS_BASE_POOL_H
#define DS_BASE_POOL_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"

// One job: `thread` in 0..threads-1 names the worker, for per-thread state in `context`.
typedef ds_code (*ds_job)(void *context, uint32_t thread, uint32_t job, ds_error *err);

// Runs jobs 0..jobs-1 on up to `threads` threads (1 = the calling thread alone; the calling
// thread always works too) and returns when all have ended. `stop` may be NULL; when it becomes
// non-zero no further job starts and DS_INTERRUPTED is returned.
DS_CHECKED ds_code ds_parallel(uint32_t threads, uint32_t jobs, ds_job job, void *context,
                               const atomic_int *stop, ds_error *err);

// The number of processors this process may use, 1..DS_THREADS_MAX.
uint32_t ds_processors(void);

#endif
