// SPDX-License-Identifier: Apache-2.0
// One function on a thread of its own, which tells when it has ended. May use base/ and pthreads.
// Holds no global state. A ds_task is started and ended by one thread.
#ifndef DS_BASE_TASK_H
#define DS_BASE_TASK_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/error.h"

typedef struct ds_task ds_task;

// Calls run(context) on a new thread. `humble`: it gets the processor's time that others leave.
// DS_MEMORY when no thread can be had. The caller ends it with ds_task_end; `context` lives until
// then.
DS_CHECKED ds_code ds_task_start(void (*run)(void *context), void *context, bool humble,
                                 ds_task **ret_task, ds_error *err);

// Whether the function has returned: what it wrote may be read then.
bool ds_task_is_done(const ds_task *task);

// Waits for the function's return, then frees. NULL is fine.
void ds_task_end(ds_task *task);

#endif
