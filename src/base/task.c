// SPDX-License-Identifier: Apache-2.0
#include "base/task.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

struct ds_task {
  void (*run)(void *context);
  void *context;
  bool humble;
  atomic_bool done;
  pthread_t thread;
};

static void *task_main(void *argument) {
  enum { LOWEST = 19 };
  ds_task *task = argument;
  // On Linux a priority belongs to a thread, and 0 names the caller. Without it the work is done
  // all the same.
  if (task->humble)
    (void)setpriority(PRIO_PROCESS, 0, LOWEST);
  task->run(task->context);
  atomic_store_explicit(&task->done, true, memory_order_release);
  return NULL;
}

ds_code ds_task_start(void (*run)(void *context), void *context, bool humble, ds_task **ret_task,
                      ds_error *err) {
  ds_task *task = malloc(sizeof *task);
  if (task == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a thread");
  *task = (ds_task){.run = run, .context = context, .humble = humble};
  atomic_init(&task->done, false);
  if (pthread_create(&task->thread, NULL, task_main, task) != 0) {
    free(task);
    return ds_fail(err, DS_MEMORY, "the system gives no further thread");
  }
  *ret_task = task;
  return DS_OK;
}

bool ds_task_is_done(const ds_task *task) {
  return atomic_load_explicit(&task->done, memory_order_acquire);
}

void ds_task_end(ds_task *task) {
  if (task == NULL)
    return;
  (void)pthread_join(task->thread, NULL);
  free(task);
}
