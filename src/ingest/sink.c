// SPDX-License-Identifier: Apache-2.0
// Invariants: (1) one query thread fills, one thread takes; batches go round in order, so rows
// arrive in file order; (2) the filler waits when all batches are full, the taker when all are
// empty; (3) `code` is set once, by whoever fails first, and both sides stop at it; (4) a batch's
// texts lie in its own chain of blocks, which never move while the batch is in use.
#include "ingest/sink.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/limits.h"

enum {
  BATCHES = 4,
  VECTOR_ROWS = 2048,           // DuckDB's STANDARD_VECTOR_SIZE
  TEXT_BLOCK = 1 << 20,         // of a batch's texts
  BATCH_TEXT_SOFT = 4 << 20,    // a batch with this much text is handed over
};

// Texts of one batch: blocks are kept for the next use of the batch.
typedef struct text_block {
  struct text_block *next;
  size_t used;
  size_t size;
  char bytes[];
} text_block;

typedef struct slot {
  ds_batch batch;
  text_block *first;
  text_block *at;
  size_t text_bytes;
} slot;

typedef struct sink {
  ds_duck *duck;
  const ds_plan *plan;
  ds_sink_take take;
  void *context;
  ds_progress *progress;
  bool threaded;
  slot slots[BATCHES];
  slot *filling;   // the one being filled, NULL at first
  uint64_t rows;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  uint64_t filled; // guarded by lock: batches handed over
  uint64_t taken;  // guarded by lock: batches done with
  bool ended;      // guarded by lock: no more will come
  ds_code code;    // guarded by lock
  ds_error error;  // guarded by lock
} sink;

static size_t physical_size(ds_physical physical) {
  return physical == DS_PHYSICAL_TEXT ? sizeof(ds_str) : physical == DS_PHYSICAL_BOOL ? 1 : 8;
}

static ds_code slot_init(slot *s, const ds_plan *plan, ds_error *err) {
  s->batch.columns = calloc(plan->columns_count + 1, sizeof *s->batch.columns);
  bool failed = s->batch.columns == NULL;
  for (uint32_t i = 0; !failed && i < plan->columns_count; i++) {
    s->batch.columns[i].data = malloc(DS_BATCH_ROWS * physical_size(plan->columns[i].physical));
    s->batch.columns[i].valid = malloc(DS_BATCH_ROWS);
    failed = s->batch.columns[i].data == NULL || s->batch.columns[i].valid == NULL;
  }
  return failed ? ds_fail(err, DS_MEMORY, "out of memory reading files") : DS_OK;
}

static void slot_done(slot *s, const ds_plan *plan) {
  for (uint32_t i = 0; s->batch.columns != NULL && i < plan->columns_count; i++) {
    free(s->batch.columns[i].data);
    free(s->batch.columns[i].valid);
  }
  free(s->batch.columns);
  while (s->first != NULL) {
    text_block *next = s->first->next;
    free(s->first);
    s->first = next;
  }
}

static void slot_reset(slot *s, uint64_t first) {
  s->batch.first = first;
  s->batch.rows = 0;
  s->text_bytes = 0;
  s->at = s->first;
  if (s->at != NULL)
    s->at->used = 0;
}

// Room for a text that stays where it is.
static char *text_room(slot *s, size_t size) {
  while (s->at != NULL && s->at->size - s->at->used < size && s->at->next != NULL) {
    s->at = s->at->next;
    s->at->used = 0;
  }
  if (s->at == NULL || s->at->size - s->at->used < size) {
    const size_t bytes = size > TEXT_BLOCK ? size : TEXT_BLOCK;
    text_block *block = malloc(sizeof *block + bytes);
    if (block == NULL)
      return NULL;
    *block = (text_block){.size = bytes};
    if (s->at == NULL)
      s->first = block;
    else
      s->at->next = block;
    s->at = block;
  }
  char *room = s->at->bytes + s->at->used;
  s->at->used += size;
  s->text_bytes += size;
  return room;
}

static bool texts_copy(slot *s, const duckdb_string_t *from, const uint8_t *valid, ds_str *to,
                       uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    if (!valid[i])
      continue;
    const ds_str text = ds_duck_str(&from[i]);
    to[i] = (ds_str){NULL, text.size};
    if (text.size > DS_TEXT_BYTES_MAX)
      continue;
    char *room = text_room(s, text.size);
    if (room == NULL)
      return false;
    memcpy(room, text.data, text.size);
    to[i].data = room;
  }
  return true;
}

static void valid_copy(const uint64_t *validity, uint32_t first, uint8_t *to, uint32_t count) {
  if (validity == NULL) {
    memset(to, 1, count);
    return;
  }
  for (uint32_t i = 0; i < count; i++)
    to[i] = (uint8_t)(validity[(first + i) >> 6] >> ((first + i) & 63) & 1);
}

// Copies rows first .. first + count - 1 of one vector behind the batch's rows.
static bool column_copy(sink *all, slot *s, uint32_t index, duckdb_vector vector, uint32_t first,
                        uint32_t count) {
  const ds_batch_column *to = &s->batch.columns[index];
  const uint32_t at = s->batch.rows;
  const void *data = all->duck->api.vector_get_data(vector);
  valid_copy(all->duck->api.vector_get_validity(vector), first, to->valid + at, count);
  switch (all->plan->columns[index].physical) {
  case DS_PHYSICAL_TEXT:
    return texts_copy(s, (const duckdb_string_t *)data + first, to->valid + at,
                      (ds_str *)to->data + at, count);
  case DS_PHYSICAL_BOOL:
    memcpy((uint8_t *)to->data + at, (const uint8_t *)data + first, count);
    return true;
  case DS_PHYSICAL_DATE:
    for (uint32_t i = 0; i < count; i++)
      ((int64_t *)to->data)[at + i] = ((const int32_t *)data)[first + i];
    return true;
  default:
    memcpy((uint64_t *)to->data + at, (const uint64_t *)data + first, count * 8);
    return true;
  }
}

static void sink_fail(sink *all, const ds_error *error) {
  pthread_mutex_lock(&all->lock);
  if (all->code == DS_OK) {
    all->code = error->code;
    all->error = *error;
  }
  pthread_cond_broadcast(&all->changed);
  pthread_mutex_unlock(&all->lock);
}

// Hands the filled batch to the taker.
static bool batch_give(sink *all) {
  slot *s = all->filling;
  if (s == NULL || s->batch.rows == 0)
    return true;
  all->filling = NULL;
  if (!all->threaded) {
    ds_error error = {0};
    const ds_code code = all->take(all->context, &s->batch, &error);
    if (code != DS_OK)
      sink_fail(all, &error);
    all->filled++;
    return code == DS_OK;
  }
  pthread_mutex_lock(&all->lock);
  all->filled++;
  pthread_cond_broadcast(&all->changed);
  pthread_mutex_unlock(&all->lock);
  return true;
}

// The next batch to fill, once it is free; NULL after a failure.
static slot *batch_next(sink *all) {
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

// How many of the rows from `first` on go into one batch: all, unless their texts are long.
static uint32_t rows_fitting(sink *all, duckdb_data_chunk chunk, uint32_t first, uint32_t count) {
  size_t bytes = 0;
  for (uint32_t k = 0; k < all->plan->columns_count; k++) {
    if (all->plan->columns[k].physical != DS_PHYSICAL_TEXT)
      continue;
    duckdb_vector vector = all->duck->api.data_chunk_get_vector(chunk, k);
    const uint64_t *validity = all->duck->api.vector_get_validity(vector);
    const duckdb_string_t *data = all->duck->api.vector_get_data(vector);
    for (uint32_t i = first; i < first + count; i++)
      if (validity == NULL || (validity[i >> 6] >> (i & 63) & 1) != 0)
        bytes += data[i].value.inlined.length;
  }
  if (bytes <= BATCH_TEXT_SOFT || count == 1)
    return count;
  return rows_fitting(all, chunk, first, count / 2);
}

static bool chunk_put(sink *all, duckdb_data_chunk chunk, uint32_t rows) {
  for (uint32_t first = 0; first < rows;) {
    slot *s = batch_next(all);
    if (s == NULL)
      return false;
    const uint32_t count = rows_fitting(all, chunk, first, rows - first);
    for (uint32_t k = 0; k < all->plan->columns_count; k++)
      if (!column_copy(all, s, k, all->duck->api.data_chunk_get_vector(chunk, k), first, count)) {
        ds_error error;
        ds_fail(&error, DS_MEMORY, "out of memory reading files");
        sink_fail(all, &error);
        return false;
      }
    s->batch.rows += count;
    all->rows += count;
    first += count;
    if (s->batch.rows + VECTOR_ROWS > DS_BATCH_ROWS || s->text_bytes >= BATCH_TEXT_SOFT) {
      if (!batch_give(all))
        return false;
    }
  }
  return true;
}

static void progress_tell(const sink *all) {
  enum { EVERY_ROWS = 1 << 18 };
  if (all->progress == NULL || all->progress->report == NULL)
    return;
  if (all->rows / EVERY_ROWS != (all->rows - VECTOR_ROWS) / EVERY_ROWS)
    all->progress->report(all->progress->context, "reading", all->rows, 0, "rows");
}

// Fetches chunk after chunk until the query ends or somebody fails.
static void chunks_fetch(sink *all, duckdb_result *result) {
  const ds_duck_api *api = &all->duck->api;
  bool go_on = true;
  ds_error error;
  while (go_on) {
    duckdb_data_chunk chunk = api->fetch_chunk(*result);
    if (chunk == NULL)
      break;
    const uint32_t rows = (uint32_t)api->data_chunk_get_size(chunk);
    assert(rows <= VECTOR_ROWS);
    if (ds_progress_stopped(all->progress)) {
      ds_fail(&error, DS_INTERRUPTED, "stopped: nothing was imported");
      sink_fail(all, &error);
      go_on = false;
    } else {
      go_on = chunk_put(all, chunk, rows);
      progress_tell(all);
    }
    api->destroy_data_chunk(&chunk);
  }
  // The end of the rows and a failure look the same: no chunk.
  if (go_on && api->result_error(result) != NULL && api->result_error(result)[0] != '\0') {
    (void)ds_duck_fail(all->duck, result, &error);
    sink_fail(all, &error);
  } else if (go_on) {
    (void)batch_give(all);
  }
}

// Runs the query as a stream: DuckDB keeps no more than about a megabyte of rows ready.
static void query_run(sink *all) {
  const ds_duck_api *api = &all->duck->api;
  ds_error error;
  ds_buf sql;
  ds_buf_init(&sql, 4 << 20);
  ds_plan_sql(all->plan, &sql);
  if (ds_buf_check(&sql, "a query", &error) != DS_OK) {
    sink_fail(all, &error);
    ds_buf_done(&sql);
    return;
  }
  duckdb_prepared_statement statement = NULL;
  duckdb_result result;
  if (api->prepare(all->duck->connection, ds_buf_cstr(&sql), &statement) != DuckDBSuccess) {
    ds_duck_fail_prepare(all->duck, statement, &error);
    sink_fail(all, &error);
  } else {
    if (api->execute_prepared_streaming(statement, &result) == DuckDBSuccess) {
      chunks_fetch(all, &result);
    } else {
      (void)ds_duck_fail(all->duck, &result, &error);
      sink_fail(all, &error);
    }
    api->destroy_result(&result);
  }
  api->destroy_prepare(&statement);
  ds_buf_done(&sql);
}

// The taker's thread: one batch after the other, until the end or a failure.
static void *taker(void *context) {
  sink *all = context;
  pthread_mutex_lock(&all->lock);
  for (;;) {
    while (all->taken == all->filled && !all->ended && all->code == DS_OK)
      pthread_cond_wait(&all->changed, &all->lock);
    if (all->code != DS_OK || all->taken == all->filled)
      break;
    const ds_batch *batch = &all->slots[all->taken % BATCHES].batch;
    pthread_mutex_unlock(&all->lock);
    ds_error error = {0};
    const ds_code code = all->take(all->context, batch, &error);
    if (code != DS_OK)
      sink_fail(all, &error);
    pthread_mutex_lock(&all->lock);
    all->taken++;
    pthread_cond_broadcast(&all->changed);
  }
  pthread_mutex_unlock(&all->lock);
  return NULL;
}

static ds_code sink_go(sink *all, ds_error *err) {
  pthread_t thread;
  if (all->threaded && pthread_create(&thread, NULL, taker, all) != 0)
    return ds_fail(err, DS_MEMORY, "no thread to read files with");
  query_run(all);
  if (all->threaded) {
    pthread_mutex_lock(&all->lock);
    all->ended = true;
    pthread_cond_broadcast(&all->changed);
    pthread_mutex_unlock(&all->lock);
    pthread_join(thread, NULL);
  }
  if (all->code != DS_OK && err != NULL)
    *err = all->error;
  return all->code;
}

ds_code ds_sink_run(ds_duck *duck, const ds_plan *plan, uint32_t threads, ds_sink_take take,
                    void *context, ds_progress *progress, uint64_t *ret_rows, ds_error *err) {
  sink *all = calloc(1, sizeof *all);
  if (all == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory reading files");
  *all = (sink){.duck = duck, .plan = plan, .take = take, .context = context,
                .progress = progress, .threaded = threads > 1};
  pthread_mutex_init(&all->lock, NULL);
  pthread_cond_init(&all->changed, NULL);
  ds_code code = DS_OK;
  for (uint32_t i = 0; i < BATCHES && code == DS_OK; i++)
    code = slot_init(&all->slots[i], plan, err);
  if (code == DS_OK)
    code = sink_go(all, err);
  *ret_rows = all->rows;
  for (uint32_t i = 0; i < BATCHES; i++)
    slot_done(&all->slots[i], plan);
  pthread_cond_destroy(&all->changed);
  pthread_mutex_destroy(&all->lock);
  free(all);
  return code;
}
