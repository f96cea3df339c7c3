// SPDX-License-Identifier: Apache-2.0
#include "server/work.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/task.h"

// A queue by links: the newest goes behind *last.
typedef struct queue {
  ds_work_item *first;
  ds_work_item **last;
} queue;

struct ds_work {
  pthread_mutex_t lock;
  pthread_cond_t more;
  queue waiting;
  queue ended;
  uint32_t waiting_count;
  uint32_t waiting_max;
  bool stopping;
  void (*wake)(void *context);
  void *context;
  uint32_t threads;
  ds_task *tasks[DS_THREADS_MAX];
};

static void queue_init(queue *q) { *q = (queue){NULL, &q->first}; }

static void queue_put(queue *q, ds_work_item *item) {
  item->next = NULL;
  *q->last = item;
  q->last = &item->next;
}

static ds_work_item *queue_take(queue *q) {
  ds_work_item *item = q->first;
  if (item != NULL && (q->first = item->next) == NULL)
    q->last = &q->first;
  return item;
}

static ds_work_item *queue_take_all(queue *q) {
  ds_work_item *all = q->first;
  queue_init(q);
  return all;
}

static void work_loop(void *context) {
  ds_work *work = (ds_work *)context;
  pthread_mutex_lock(&work->lock);
  for (;;) {
    ds_work_item *item = queue_take(&work->waiting);
    if (item == NULL && work->stopping)
      break;
    if (item == NULL) {
      pthread_cond_wait(&work->more, &work->lock);
      continue;
    }
    work->waiting_count--;
    pthread_mutex_unlock(&work->lock);
    item->run(item);
    pthread_mutex_lock(&work->lock);
    queue_put(&work->ended, item);
    work->wake(work->context);
  }
  pthread_mutex_unlock(&work->lock);
}

ds_code ds_work_start(uint32_t threads, uint32_t waiting_max, void (*wake)(void *context),
                      void *context, ds_work **ret_work, ds_error *err) {
  ds_work *work = (ds_work *)calloc(1, sizeof *work);
  if (work == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the server");
  pthread_mutex_init(&work->lock, NULL);
  pthread_cond_init(&work->more, NULL);
  queue_init(&work->waiting);
  queue_init(&work->ended);
  work->waiting_max = waiting_max;
  work->wake = wake;
  work->context = context;
  for (; work->threads < threads && work->threads < DS_THREADS_MAX; work->threads++) {
    const ds_code code = ds_task_start(work_loop, work, false, &work->tasks[work->threads], err);
    if (code != DS_OK) {
      (void)ds_work_stop(work);
      return code;
    }
  }
  *ret_work = work;
  return DS_OK;
}

bool ds_work_put(ds_work *work, ds_work_item *item) {
  pthread_mutex_lock(&work->lock);
  const bool taken = work->waiting_count < work->waiting_max;
  if (taken) {
    queue_put(&work->waiting, item);
    work->waiting_count++;
    pthread_cond_signal(&work->more);
  }
  pthread_mutex_unlock(&work->lock);
  return taken;
}

ds_work_item *ds_work_take(ds_work *work) {
  pthread_mutex_lock(&work->lock);
  ds_work_item *all = queue_take_all(&work->ended);
  pthread_mutex_unlock(&work->lock);
  return all;
}

ds_work_item *ds_work_stop(ds_work *work) {
  if (work == NULL)
    return NULL;
  pthread_mutex_lock(&work->lock);
  work->stopping = true;
  pthread_cond_broadcast(&work->more);
  pthread_mutex_unlock(&work->lock);
  for (uint32_t t = 0; t < work->threads; t++)
    ds_task_end(work->tasks[t]);
  ds_work_item *all = queue_take_all(&work->ended);
  pthread_cond_destroy(&work->more);
  pthread_mutex_destroy(&work->lock);
  free(work);
  return all;
}
