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

// Who was told that a batch is durable often brings the next at once. So long is waited for that,
// as a share of the sync that it saves, if that is long enough for a wait at all.
enum { LINGER_SHARE = 8, LINGER_NS_MIN = 100000 };

// Two threads take turns: whose turn it is owns the store. When its group is ready and the group
// before is on disk, it ends its turn and writes the group, while the other makes the next one
// ready.
enum { THREADS = 2 };

typedef struct turn {
  ds_writer *writer;
  pthread_t thread;
  ds_group *group;
  ds_batch *batches[GROUP_BATCHES_MAX];
  uint32_t count; // of batches
  size_t bytes;   // of their rows
  ds_ticket *first, *last;
  bool landed;     // the group is written, well or not; of the writer's mutex
  int64_t took_ns; // writing it
} turn;

struct ds_writer {
  ds_store *store; // of whose turn it is
  ds_writer_options options;
  turn turns[THREADS];
  uint32_t threads;      // that have been started
  pthread_mutex_t owner; // held during a turn
  turn *flying;          // whose group is being written: of whose turn it is; NULL = none is
  pthread_mutex_t mutex; // of all below
  pthread_cond_t work;   // there is something in the queue, a group is written, or the end
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
  const size_t along = ticket->along == NULL ? 0 : ticket->along->rows.size;
  return ticket->batch == NULL ? 0 : ticket->batch->rows.size + along;
}

static struct timespec after_ns(int64_t ns) {
  struct timespec at;
  timespec_get(&at, TIME_UTC);
  const int64_t sum = at.tv_nsec + ns;
  return (struct timespec){at.tv_sec + (time_t)(sum / 1000000000), (long)(sum % 1000000000)};
}

// Sleeps until there is work or, while there are jobs beside the store, a while: false then.
static bool sleep_idle(ds_writer *writer) {
  if (!ds_store_has_jobs(writer->store))
    return pthread_cond_wait(&writer->work, &writer->mutex) == 0;
  const struct timespec until = after_ns(IDLE_NS);
  return pthread_cond_timedwait(&writer->work, &writer->mutex, &until) != ETIMEDOUT;
}

// Whether the ticket's batches may join the group.
static bool may_join(const turn *own, const ds_ticket *ticket) {
  return ticket->batch != NULL &&
         (own->first == NULL || (own->bytes + bytes_of(ticket) <= GROUP_BYTES_MAX &&
                                 own->count + 2 <= GROUP_BATCHES_MAX));
}

// Moves what may join the group from the queue to the turn, with the mutex held; how many batches
// that is.
static uint32_t take_batches(turn *own) {
  ds_writer *writer = own->writer;
  const uint32_t before = own->count;
  while (writer->head != NULL && may_join(own, writer->head)) {
    ds_ticket *ticket = writer->head;
    writer->head = ticket->next;
    writer->tail = writer->head == NULL ? NULL : writer->tail;
    ticket->next = NULL;
    *(own->first == NULL ? &own->first : &own->last->next) = ticket;
    own->last = ticket;
    own->bytes += bytes_of(ticket);
    own->batches[own->count++] = ticket->batch;
    if (ticket->along != NULL)
      own->batches[own->count++] = ticket->along;
    writer->bytes -= bytes_of(ticket);
    writer->batches--;
  }
  if (writer->waiting > 0 && own->count > before)
    pthread_cond_broadcast(&writer->room);
  return own->count - before;
}

// Waits until the group that is being written is on disk (0), or more batches have come that may
// join the next, which are taken.
static uint32_t take_more(turn *own) {
  ds_writer *writer = own->writer;
  uint32_t taken = 0;
  pthread_mutex_lock(&writer->mutex);
  while (!writer->flying->landed && (taken = take_batches(own)) == 0) {
    writer->idle = true;
    pthread_cond_wait(&writer->work, &writer->mutex);
    writer->idle = false;
  }
  pthread_mutex_unlock(&writer->mutex);
  return taken;
}

// Waits until `until` for more batches that may join, which are taken; 0: none came.
static uint32_t take_late(turn *own, const struct timespec *until) {
  ds_writer *writer = own->writer;
  uint32_t taken = 0;
  int waited = 0;
  pthread_mutex_lock(&writer->mutex);
  while ((taken = take_batches(own)) == 0 && waited != ETIMEDOUT) {
    writer->idle = true;
    waited = pthread_cond_timedwait(&writer->work, &writer->mutex, until);
    writer->idle = false;
  }
  pthread_mutex_unlock(&writer->mutex);
  return taken;
}

// Waits for the group that is being written, and ends it.
static void land(ds_writer *writer) {
  if (writer->flying == NULL)
    return;
  pthread_mutex_lock(&writer->mutex);
  while (!writer->flying->landed)
    pthread_cond_wait(&writer->work, &writer->mutex);
  pthread_mutex_unlock(&writer->mutex);
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

// Takes what begins the next turn from the queue: batches for a group, or a ticket that asks for
// something else. Nothing at the end.
static void take_turn(turn *own) {
  ds_writer *writer = own->writer;
  own->first = own->last = NULL;
  own->count = 0;
  own->bytes = 0;
  pthread_mutex_lock(&writer->mutex);
  await_work(writer);
  if (take_batches(own) == 0 && writer->head != NULL) {
    own->first = writer->head;
    writer->head = own->first->next;
    writer->tail = writer->head == NULL ? NULL : writer->tail;
    own->first->next = NULL;
    writer->batches--;
    if (writer->waiting > 0)
      pthread_cond_broadcast(&writer->room);
  }
  pthread_mutex_unlock(&writer->mutex);
}

// Begins the group with the batches taken so far.
static ds_code begin(turn *own, ds_error *err) {
  ds_writer *writer = own->writer;
  ds_store *store = writer->store;
  ds_store_start_jobs(store);
  const uint64_t log_end =
      writer->flying == NULL ? store->log.end : ds_group_log_end(writer->flying->group);
  if (ds_store_upkeep_is_due(store, log_end)) {
    land(writer);
    TRY(ds_store_maintain(store, err));
  }
  TRY(ds_group_begin(own->group, writer->flying == NULL ? NULL : writer->flying->group, err));
  return ds_group_add(own->group, own->batches, own->count, err);
}

// Adds batches that were taken behind the first *added.
static ds_code add_more(turn *own, uint32_t more, uint32_t *added, ds_error *err) {
  TRY(ds_group_add(own->group, own->batches + *added, more, err));
  *added += more;
  return DS_OK;
}

// Until the group before is on disk, the group takes what comes. *ret_added: so many batches.
static ds_code extend(turn *own, uint32_t *ret_added, ds_error *err) {
  ds_writer *writer = own->writer;
  const turn *before = writer->flying;
  uint32_t more;
  *ret_added = own->count;
  while (writer->flying != NULL && (more = take_more(own)) > 0)
    TRY(add_more(own, more, ret_added, err));
  // A failed write takes the rows of this group out of the tail again, too.
  land(writer);
  TRY(ds_store_check_writable(writer->store, err));
  if (before == NULL || before->took_ns / LINGER_SHARE < LINGER_NS_MIN)
    return DS_OK;
  const struct timespec until = after_ns(before->took_ns / LINGER_SHARE);
  const uint32_t all = *ret_added + before->count;
  while (*ret_added < all && (more = take_late(own, &until)) > 0)
    TRY(add_more(own, more, ret_added, err));
  return DS_OK;
}

static void write_group(turn *own, uint32_t count) {
  ds_writer *writer = own->writer;
  ds_io *io = writer->store->io;
  const int64_t start_ns = io->ops->monotonic_ns(io);
  ds_group_write(own->group);
  pthread_mutex_lock(&writer->mutex);
  own->took_ns = io->ops->monotonic_ns(io) - start_ns;
  own->landed = true;
  pthread_cond_signal(&writer->work);
  pthread_mutex_unlock(&writer->mutex);
  ds_error error = {.message = ""};
  const ds_code code = ds_group_outcome(own->group, &error);
  ds_batches_tell(own->batches, count, code, &error);
}

// Takes a group as far as its write; whether it is to be written. Else the outcomes are known.
static bool make_ready(turn *own) {
  ds_writer *writer = own->writer;
  ds_error error = {.message = ""};
  uint32_t added = 0;
  ds_code code = begin(own, &error);
  if (code == DS_OK)
    code = extend(own, &added, &error);
  own->landed = false;
  const bool ready = added > 0 && !writer->store->failed && ds_group_has_record(own->group);
  if (code == DS_OK && ready) {
    writer->flying = own;
    return true;
  }
  land(writer);
  if (ready) {
    // Some could not join those that could.
    writer->flying = own;
    write_group(own, added);
    land(writer);
  } else if (added > 0) {
    ds_batches_tell(own->batches, added, ds_store_check_writable(writer->store, &error), &error);
  }
  // Which of them cannot be written?
  if (added < own->count)
    ds_store_append_group(writer->store, own->batches + added, own->count - added);
  return false;
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
    take_turn(own);
    const bool flies = own->count > 0 && make_ready(own);
    if (own->count == 0)
      land(writer);
    if (own->count == 0 && own->first != NULL)
      own->first->code = own->first->asked(writer->store, own->first->result, own->first->error);
    pthread_mutex_unlock(&writer->owner);
    if (own->first == NULL)
      return NULL;
    if (flies)
      write_group(own, own->count);
    give_back(own->first);
  }
}

static ds_code start(ds_writer *writer, ds_error *err) {
  for (uint32_t i = 0; i < THREADS; i++) {
    turn *own = &writer->turns[i];
    own->writer = writer;
    own->group = ds_group_new(writer->store);
    if (own->group == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for the writer");
    if (pthread_create(&own->thread, NULL, take_turns, own) != 0)
      return ds_fail(err, DS_MEMORY, "no thread could be had for the writer");
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
  for (uint32_t i = 0; i < THREADS; i++)
    ds_group_free(writer->turns[i].group);
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

ds_code ds_writer_submit(ds_writer *writer, ds_batch *batch, ds_batch *along, ds_ticket *ticket,
                         ds_error *err) {
  *ticket = (ds_ticket){.batch = batch, .along = along};
  return submit(writer, ticket, err);
}

ds_code ds_writer_wait(ds_ticket *ticket, ds_error *err) {
  wait_for(ticket);
  const bool first = ticket->along == NULL || ticket->batch->code != DS_OK;
  const ds_batch *worse = first ? ticket->batch : ticket->along;
  if (worse->code != DS_OK && err != NULL)
    *err = worse->error;
  return worse->code;
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
    code = ds_writer_submit(writer, &batch, NULL, &ticket, err);
  if (code == DS_OK)
    code = ds_writer_wait(&ticket, err);
  if (code == DS_OK && ret_duplicates != NULL)
    *ret_duplicates = batch.duplicates;
  give_spare(writer, &batch);
  return code;
}

static ds_code ask(ds_writer *writer, ds_writer_asked asked, void *result, ds_error *err) {
  ds_error error = {.message = ""};
  ds_ticket ticket = {.asked = asked, .result = result, .error = &error};
  TRY(submit(writer, &ticket, err));
  wait_for(&ticket);
  if (ticket.code != DS_OK && err != NULL)
    *err = error;
  return ticket.code;
}

static ds_code take_snapshot(ds_store *store, void *result, ds_error *err) {
  return ds_store_snapshot(store, (ds_snapshot **)result, err);
}

ds_code ds_writer_snapshot(ds_writer *writer, ds_snapshot **ret_snapshot, ds_error *err) {
  return ask(writer, take_snapshot, (void *)ret_snapshot, err);
}

static ds_code open_vault(ds_store *store, void *result, ds_error *err) {
  return ds_store_vault(store, (ds_vault **)result, err);
}

ds_code ds_writer_vault(ds_writer *writer, ds_vault **ret_vault, ds_error *err) {
  return ask(writer, open_vault, (void *)ret_vault, err);
}
