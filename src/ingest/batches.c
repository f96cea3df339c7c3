// SPDX-License-Identifier: Apache-2.0
// Invariants: (1) one thread fills, one takes; batches go round in order, so rows arrive in file
// order; (2) the filler waits when all batches are full, the taker when all are empty; (3) `code`
// is set once, by whoever fails first, and both sides stop at it; (4) a batch's texts lie in its
// own chain of blocks, which never move while the batch is in use.
#include "ingest/batches.h"

#include <pthread.h>
#include <stdlib.h>

enum {
  BATCHES = 4,
  TEXT_BLOCK = 1 << 20, // of a batch's texts
};

struct ds_batches {
  const ds_plan *plan;
  ds_sink_take take;
  void *context;
  bool threaded;
  ds_batch_slot slots[BATCHES];
  ds_batch_slot *filling; // the one being filled, NULL at first
  uint64_t rows;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  uint64_t filled; // guarded by lock: batches handed over
  uint64_t taken;  // guarded by lock: batches done with
  bool ended;      // guarded by lock: no more will come
  ds_code code;    // guarded by lock
  ds_error error;  // guarded by lock
};

static size_t physical_size(ds_physical physical) {
  return physical == DS_PHYSICAL_TEXT ? sizeof(ds_str) : physical == DS_PHYSICAL_BOOL ? 1 : 8;
}

// Room for the plan's columns that the slot does not have yet.
static ds_code slot_widen(ds_batch_slot *slot, const ds_plan *plan, ds_error *err) {
  ds_batch_column *columns =
      realloc(slot->batch.columns, (plan->columns_count + 1) * sizeof *columns);
  if (columns == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory reading files");
  slot->batch.columns = columns;
  for (uint32_t i = slot->columns; i < plan->columns_count; i++) {
    columns[i].data = malloc(DS_BATCH_ROWS * physical_size(plan->columns[i].physical));
    columns[i].valid = calloc(DS_BATCH_ROWS, 1);
    slot->columns = i + 1;
    if (columns[i].data == NULL || columns[i].valid == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory reading files");
  }
  return DS_OK;
}

static void slot_done(ds_batch_slot *slot) {
  for (uint32_t i = 0; i < slot->columns; i++) {
    free(slot->batch.columns[i].data);
    free(slot->batch.columns[i].valid);
  }
  free(slot->batch.columns);
  while (slot->first != NULL) {
    ds_text_block *next = slot->first->next;
    free(slot->first);
    slot->first = next;
  }
}

static void slot_reset(ds_batch_slot *slot, uint64_t first) {
  slot->batch.first = first;
  slot->batch.rows = 0;
  slot->text_bytes = 0;
  slot->at = slot->first;
  if (slot->at != NULL)
    slot->at->used = 0;
}

char *ds_batch_text_block(ds_batch_slot *slot, size_t size) {
  while (slot->at != NULL && slot->at->size - slot->at->used < size && slot->at->next != NULL) {
    slot->at = slot->at->next;
    slot->at->used = 0;
  }
  if (slot->at == NULL || slot->at->size - slot->at->used < size) {
    const size_t bytes = size > TEXT_BLOCK ? size : TEXT_BLOCK;
    ds_text_block *block = malloc(sizeof *block + bytes);
    if (block == NULL)
      return NULL;
    *block = (ds_text_block){.size = bytes};
    if (slot->at == NULL)
      slot->first = block;
    else
      slot->at->next = block;
    slot->at = block;
  }
  char *room = slot->at->bytes + slot->at->used;
  slot->at->used += size;
  return room;
}

// The taker's thread: one batch after the other, until the end or a failure.
static void *taker(void *context) {
  ds_batches *all = context;
  pthread_mutex_lock(&all->lock);
  for (;;) {
    while (all->taken == all->filled && !all->ended && all->code == DS_OK)
      pthread_cond_wait(&all->changed, &all->lock);
    if (all->code != DS_OK || all->taken == all->filled)
      break;
    const ds_batch *batch = &all->slots[all->taken % BATCHES].batch;
    pthread_mutex_unlock(&all->lock);
    ds_error error = {0};
    if (all->take(all->context, batch, &error) != DS_OK)
      ds_batches_fail(all, &error);
    pthread_mutex_lock(&all->lock);
    all->taken++;
    pthread_cond_broadcast(&all->changed);
  }
  pthread_mutex_unlock(&all->lock);
  return NULL;
}

static void batches_free(ds_batches *all) {
  for (uint32_t i = 0; i < BATCHES; i++)
    slot_done(&all->slots[i]);
  pthread_cond_destroy(&all->changed);
  pthread_mutex_destroy(&all->lock);
  free(all);
}

ds_code ds_batches_new(const ds_plan *plan, uint32_t threads, ds_sink_take take, void *context,
                       ds_batches **ret_batches, ds_error *err) {
  ds_batches *all = calloc(1, sizeof *all);
  if (all == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory reading files");
  *all = (ds_batches){.plan = plan, .take = take, .context = context, .threaded = threads > 1};
  pthread_mutex_init(&all->lock, NULL);
  pthread_cond_init(&all->changed, NULL);
  ds_code code = DS_OK;
  for (uint32_t i = 0; i < BATCHES && code == DS_OK; i++)
    code = slot_widen(&all->slots[i], plan, err);
  if (code == DS_OK && all->threaded && pthread_create(&all->thread, NULL, taker, all) != 0)
    code = ds_fail(err, DS_MEMORY, "no thread to read files with");
  if (code != DS_OK)
    batches_free(all);
  else
    *ret_batches = all;
  return code;
}

void ds_batches_fail(ds_batches *all, const ds_error *error) {
  pthread_mutex_lock(&all->lock);
  if (all->code == DS_OK) {
    all->code = error->code;
    all->error = *error;
  }
  pthread_cond_broadcast(&all->changed);
  pthread_mutex_unlock(&all->lock);
}

ds_batch_slot *ds_batches_next(ds_batches *all) {
  if (all->filling != NULL)
    return all->filling;
  pthread_mutex_lock(&all->lock);
  while (all->threaded && all->filled - all->taken == BATCHES && all->code == DS_OK)
    pthread_cond_wait(&all->changed, &all->lock);
  const bool failed = all->code != DS_OK;
  pthread_mutex_unlock(&all->lock);
  if (failed)
    return NULL;
  all->filling = &all->slots[all->filled % BATCHES];
  slot_reset(all->filling, all->rows);
  return all->filling;
}

bool ds_batches_give(ds_batches *all) {
  ds_batch_slot *slot = all->filling;
  if (slot == NULL || slot->batch.rows == 0)
    return true;
  all->filling = NULL;
  all->rows += slot->batch.rows;
  if (!all->threaded) {
    ds_error error = {0};
    const ds_code code = all->take(all->context, &slot->batch, &error);
    if (code != DS_OK)
      ds_batches_fail(all, &error);
    all->filled++;
    return code == DS_OK;
  }
  pthread_mutex_lock(&all->lock);
  all->filled++;
  pthread_cond_broadcast(&all->changed);
  pthread_mutex_unlock(&all->lock);
  return true;
}

bool ds_batches_drain(ds_batches *all) {
  if (!ds_batches_give(all))
    return false;
  pthread_mutex_lock(&all->lock);
  while (all->threaded && all->filled != all->taken && all->code == DS_OK)
    pthread_cond_wait(&all->changed, &all->lock);
  const bool failed = all->code != DS_OK;
  pthread_mutex_unlock(&all->lock);
  return !failed;
}

bool ds_batches_widen(ds_batches *all) {
  ds_error error;
  for (uint32_t i = 0; i < BATCHES; i++)
    if (slot_widen(&all->slots[i], all->plan, &error) != DS_OK) {
      ds_batches_fail(all, &error);
      return false;
    }
  return true;
}

uint64_t ds_batches_rows(const ds_batches *all) { return all->rows; }

ds_code ds_batches_end(ds_batches *all, ds_error *err) {
  if (all == NULL)
    return DS_OK;
  if (all->threaded) {
    pthread_mutex_lock(&all->lock);
    all->ended = true;
    pthread_cond_broadcast(&all->changed);
    pthread_mutex_unlock(&all->lock);
    pthread_join(all->thread, NULL);
  }
  const ds_code code = all->code;
  if (code != DS_OK && err != NULL)
    *err = all->error;
  batches_free(all);
  return code;
}
