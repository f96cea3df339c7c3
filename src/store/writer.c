// SPDX-License-Identifier: Apache-2.0
#include "store/writer.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "store/state.h"

// A group is written whole before anybody hears of it, so it is not to become too large.
enum { GROUP_BYTES_MAX = 4 << 20, GROUP_BATCHES_MAX = 1024 };

// Batches kept for the next append, each with at most so many bytes of rows.
enum { SPARES_MAX = 64, SPARE_BYTES_MAX = 1 << 20 };

// How often an idle thread looks after the store's jobs.
enum { IDLE_NS = 20000000 };

// Two threads take turns: whose turn it is owns the store. When its group is ready and the group
// before is on disk, it ends its turn and writes the group, while the other makes the next one
// ready.
enum { THREADS = 2 };

typedef struct turn {
  ds_writer *writer;
  pthread_t thread;
  ds_group *group;
  ds_batch *batches[GROUP_BATCHES_MAX];
  sem_t landed; // the group is written, well or not
} turn;

struct ds_writer {
  ds_store *store; // of whose turn it is
  ds_writer_options options;
  turn turns[THREADS];
  uint32_t threads;      // that have been started
  pthread_mutex_t owner; // held during a turn
  turn *flying;          // whose group is being written: of whose turn it is; NULL = none is
  pthread_mutex_t mutex; // of all below
  pthread_cond_t work;   // there is something in the queue, or the end
  pthread_cond_t room;   // something has left the queue, or the end
  ds_ticket *head, *tail;
  size_t bytes;
  uint32_t batches;
  uint32_t waiting; // for room
  bool idle;        // the thread waits for work
  bool stopping;
  bool joined;
  ds_batch spare[SPARES_MAX];
  uint32_t spares;
};

void ds_writer_options_init(ds_writer_options *options) {
  *options = (ds_writer_options){
      .struct_size = sizeof *options, .bytes_max = (size_t)64 << 20, .batches_max = 4096};
}

static size_t bytes_of(const ds_ticket *ticket) {
  return ticket->batch == NULL ? 0 : ticket->batch->rows.size;
}

// Sleeps until there is work or, while there are jobs beside the store, a while: false then.
static bool sleep_idle(ds_writer *writer) {
  if (!ds_store_has_jobs(writer->store))
    return pthread_cond_wait(&writer->work, &writer->mutex) == 0;
  struct timespec until;
  timespec_get(&until, TIME_UTC);
  until.tv_nsec += IDLE_NS;
  until.tv_sec += until.tv_nsec / 1000000000;
  until.tv_nsec %= 1000000000;
  return pthread_cond_timedwait(&writer->work, &writer->mutex, &until) != ETIMEDOUT;
}

// Waits for the group that is being written, and ends it.
static void land(ds_writer *writer) {
  if (writer->flying == NULL)
    return;
  while (sem_wait(&writer->flying->landed) != 0)
    assert(errno == EINTR);
  ds_group_end(writer->flying->group);
  writer->flying = NULL;
}

// Waits for something in the queue, or the end, with the mutex held. Jobs that have ended are
// committed meanwhile; should that fail, the next batch is told.
static void await_work(ds_writer *writer) {
  while (writer->head == NULL && !writer->stopping) {
    writer->idle = true;
    const bool woken = sleep_idle(writer);
    writer->idle = false;
    if (woken)
      continue;
    pthread_mutex_unlock(&writer->mutex);
    land(writer);
    ds_error unheard;
    const ds_code ignored = ds_store_maintain(writer->store, &unheard);
    (void)ignored;
    pthread_mutex_lock(&writer->mutex);
  }
}

// Takes what makes the next group from the queue: batches that fit into one, or one snapshot. NULL
// at the end.
static ds_ticket *take_group(ds_writer *writer, uint32_t *ret_count) {
  pthread_mutex_lock(&writer->mutex);
  await_work(writer);
  ds_ticket *first = writer->head, *last = NULL;
  uint32_t count = 0;
  size_t bytes = 0;
  for (ds_ticket *at = first; at != NULL && count < GROUP_BATCHES_MAX; at = at->next) {
    const bool fits = bytes + bytes_of(at) <= GROUP_BYTES_MAX &&
                      at->batch != NULL && first->batch != NULL;
    if (count > 0 && !fits)
      break;
    last = at;
    bytes += bytes_of(at);
    count++;
  }
  if (last != NULL) {
    writer->head = last->next;
    writer->tail = writer->head == NULL ? NULL : writer->tail;
    last->next = NULL;
  }
  writer->bytes -= bytes;
  writer->batches -= count;
  if (writer->waiting > 0)
    pthread_cond_broadcast(&writer->room);
  pthread_mutex_unlock(&writer->mutex);
  *ret_count = count;
  return first;
}

// Makes the group ready to be written, with its outcome if it is not to be.
static ds_code begin(turn *own, uint32_t count, ds_error *err) {
  ds_writer *writer = own->writer;
  ds_store *store = writer->store;
  ds_store_start_jobs(store);
  const uint64_t log_end =
      writer->flying == NULL ? store->log.end : ds_group_log_end(writer->flying->group);
  if (ds_store_upkeep_is_due(store, log_end)) {
    land(writer);
    TRY(ds_store_maintain(store, err));
  }
  const ds_group *before = writer->flying == NULL ? NULL : writer->flying->group;
  TRY(ds_group_begin(own->group, before, own->batches, count, err));
  // A failed write takes the rows of this group out of the tail again, too.
  land(writer);
  return ds_store_check_writable(store, err);
}

// Takes a group as far as its write; whether it is to be written. Else its outcome is known.
static bool make_ready(turn *own, const ds_ticket *first, uint32_t count) {
  ds_writer *writer = own->writer;
  uint32_t at = 0;
  for (const ds_ticket *ticket = first; ticket != NULL; ticket = ticket->next)
    own->batches[at++] = ticket->batch;
  assert(at == count);
  ds_error error = {.message = ""};
  const ds_code code = begin(own, count, &error);
  if (code == DS_OK && ds_group_has_record(own->group)) {
    writer->flying = own;
    return true;
  }
  if (code == DS_OK || count == 1) {
    ds_batches_tell(own->batches, count, code, &error);
    return false;
  }
  // Which of them cannot be written?
  land(writer);
  ds_store_append_group(writer->store, own->batches, count);
  return false;
}

static void write_group(turn *own, uint32_t count) {
  ds_group_write(own->group);
  ds_error error = {.message = ""};
  const ds_code code = ds_group_outcome(own->group, &error);
  ds_batches_tell(own->batches, count, code, &error);
  sem_post(&own->landed);
}

// From here on a ticket is its owner's again, who may have ended it.
static void give_back(ds_ticket *first) {
  while (first != NULL) {
    ds_ticket *next = first->next;
    sem_post(&first->done);
    first = next;
  }
}

static void *take_turns(void *argument) {
  turn *own = argument;
  ds_writer *writer = own->writer;
  for (;;) {
    pthread_mutex_lock(&writer->owner);
    if (writer->flying == own)
      land(writer);
    uint32_t count;
    ds_ticket *first = take_group(writer, &count);
    const bool flies = first != NULL && first->batch != NULL && make_ready(own, first, count);
    if (first == NULL || first->batch == NULL)
      land(writer);
    if (first != NULL && first->batch == NULL)
      first->code = ds_store_snapshot(writer->store, first->snapshot, first->error);
    pthread_mutex_unlock(&writer->owner);
    if (first == NULL)
      return NULL;
    if (flies)
      write_group(own, count);
    give_back(first);
  }
}

static ds_code start(ds_writer *writer, ds_error *err) {
  for (uint32_t i = 0; i < THREADS; i++) {
    turn *own = &writer->turns[i];
    own->writer = writer;
    own->group = ds_group_new(writer->store);
    if (own->group == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for the writer");
    sem_init(&own->landed, 0, 0);
    if (pthread_create(&own->thread, NULL, take_turns, own) != 0) {
      sem_destroy(&own->landed);
      return ds_fail(err, DS_MEMORY, "no thread could be had for the writer");
    }
    writer->threads = i + 1;
  }
  return DS_OK;
}

ds_code ds_writer_new(ds_store *store, const ds_writer_options *options, ds_writer **ret_writer,
                      ds_error *err) {
  assert(options->struct_size == sizeof *options && options->batches_max > 0);
  if (options->warm)
    TRY(ds_store_warm(store, err));
  ds_writer *writer = calloc(1, sizeof *writer);
  if (writer == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the writer");
  writer->store = store;
  writer->options = *options;
  pthread_mutex_init(&writer->owner, NULL);
  pthread_mutex_init(&writer->mutex, NULL);
  pthread_cond_init(&writer->work, NULL);
  pthread_cond_init(&writer->room, NULL);
  const ds_code code = start(writer, err);
  if (code != DS_OK) {
    ds_writer_free(writer);
    return code;
  }
  *ret_writer = writer;
  return DS_OK;
}

void ds_writer_stop(ds_writer *writer) {
  pthread_mutex_lock(&writer->mutex);
  const bool join = !writer->joined;
  writer->stopping = true;
  writer->joined = true;
  pthread_cond_broadcast(&writer->work);
  pthread_cond_broadcast(&writer->room);
  pthread_mutex_unlock(&writer->mutex);
  for (uint32_t i = 0; i < writer->threads && join; i++)
    pthread_join(writer->turns[i].thread, NULL);
}

void ds_writer_free(ds_writer *writer) {
  if (writer == NULL)
    return;
  ds_writer_stop(writer);
  for (uint32_t i = 0; i < THREADS; i++) {
    ds_group_free(writer->turns[i].group);
    if (i < writer->threads)
      sem_destroy(&writer->turns[i].landed);
  }
  for (uint32_t i = 0; i < writer->spares; i++)
    ds_batch_done(&writer->spare[i]);
  pthread_cond_destroy(&writer->work);
  pthread_cond_destroy(&writer->room);
  pthread_mutex_destroy(&writer->mutex);
  pthread_mutex_destroy(&writer->owner);
  free(writer);
}

static bool has_room(const ds_writer *writer, size_t bytes) {
  return writer->batches == 0 || (writer->batches < writer->options.batches_max &&
                                  writer->bytes + bytes <= writer->options.bytes_max);
}

// Puts a ticket at the end of the queue once there is room; false when the writer stops.
static bool enter(ds_writer *writer, ds_ticket *ticket) {
  const size_t bytes = bytes_of(ticket);
  pthread_mutex_lock(&writer->mutex);
  writer->waiting++;
  while (!writer->stopping && !has_room(writer, bytes))
    pthread_cond_wait(&writer->room, &writer->mutex);
  writer->waiting--;
  const bool entered = !writer->stopping;
  if (entered) {
    *(writer->head == NULL ? &writer->head : &writer->tail->next) = ticket;
    writer->tail = ticket;
    writer->bytes += bytes;
    writer->batches++;
    if (writer->idle)
      pthread_cond_signal(&writer->work);
  }
  pthread_mutex_unlock(&writer->mutex);
  return entered;
}

static ds_code submit(ds_writer *writer, ds_ticket *ticket, ds_error *err) {
  ticket->next = NULL;
  sem_init(&ticket->done, 0, 0);
  if (enter(writer, ticket))
    return DS_OK;
  sem_destroy(&ticket->done);
  return ds_fail(err, DS_INTERRUPTED, "the writer was stopped: nothing was written");
}

static void wait_for(ds_ticket *ticket) {
  while (sem_wait(&ticket->done) != 0)
    assert(errno == EINTR);
  sem_destroy(&ticket->done);
}

ds_code ds_writer_submit(ds_writer *writer, ds_batch *batch, ds_ticket *ticket, ds_error *err) {
  *ticket = (ds_ticket){.batch = batch};
  return submit(writer, ticket, err);
}

ds_code ds_writer_wait(ds_ticket *ticket, ds_error *err) {
  wait_for(ticket);
  if (ticket->batch->code != DS_OK && err != NULL)
    *err = ticket->batch->error;
  return ticket->batch->code;
}

bool ds_writer_is_done(ds_ticket *ticket) {
  int value = 0;
  return sem_getvalue(&ticket->done, &value) == 0 && value > 0;
}

// A batch with room of an append before, or an empty one.
static ds_batch take_spare(ds_writer *writer) {
  ds_batch batch;
  pthread_mutex_lock(&writer->mutex);
  if (writer->spares > 0)
    batch = writer->spare[--writer->spares];
  else
    ds_batch_init(&batch);
  pthread_mutex_unlock(&writer->mutex);
  return batch;
}

static void give_spare(ds_writer *writer, ds_batch *batch) {
  pthread_mutex_lock(&writer->mutex);
  const bool kept = writer->spares < SPARES_MAX && batch->rows.capacity <= SPARE_BYTES_MAX;
  if (kept)
    writer->spare[writer->spares++] = *batch;
  pthread_mutex_unlock(&writer->mutex);
  if (!kept)
    ds_batch_done(batch);
}

ds_code ds_writer_append(ds_writer *writer, const ds_space *space, const ds_buf *rows,
                         uint64_t *ret_duplicates, ds_error *err) {
  ds_batch batch = take_spare(writer);
  ds_ticket ticket;
  ds_code code = ds_batch_fill(&batch, space, rows, err);
  if (code == DS_OK)
    code = ds_writer_submit(writer, &batch, &ticket, err);
  if (code == DS_OK)
    code = ds_writer_wait(&ticket, err);
  if (code == DS_OK && ret_duplicates != NULL)
    *ret_duplicates = batch.duplicates;
  give_spare(writer, &batch);
  return code;
}

ds_code ds_writer_snapshot(ds_writer *writer, ds_snapshot **ret_snapshot, ds_error *err) {
  ds_error error = {.message = ""};
  ds_ticket ticket = {.snapshot = ret_snapshot, .error = &error};
  TRY(submit(writer, &ticket, err));
  wait_for(&ticket);
  if (ticket.code != DS_OK && err != NULL)
    *err = error;
  return ticket.code;
}
