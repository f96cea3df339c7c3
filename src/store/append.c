// SPDX-License-Identifier: Apache-2.0
// Appending batches to the log.
#include <assert.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "store/state.h"

// One batch on its way into the log.
typedef struct batch_work {
  ds_store *store;
  ds_space space;  // just the names used
  ds_buf rows;     // codes of `space`
  ds_buf record;
  ds_map64 ids;    // of ds_tail_key, met in this batch
  bool *known;     // per row given: a part holds the event
  uint32_t row;    // the row in hand
  uint64_t arrival; // of the next event
  uint32_t count;
  uint64_t duplicates;
} batch_work;

static void batch_init(batch_work *batch, ds_store *store) {
  *batch = (batch_work){.store = store, .arrival = store->view.manifest.next_arrival};
  ds_space_init(&batch->space);
  ds_buf_init(&batch->rows, DS_BATCH_BYTES_MAX);
  ds_buf_init(&batch->record, (size_t)2 * DS_BATCH_BYTES_MAX);
  ds_map64_init(&batch->ids);
}

static void batch_done(batch_work *batch) {
  ds_space_done(&batch->space);
  ds_buf_done(&batch->rows);
  ds_buf_done(&batch->record);
  ds_map64_done(&batch->ids);
  free(batch->known);
}

// Asks what the parts hold about all of the batch's events at once.
static ds_code ask_parts(ds_store *store, ds_event_query *queries, uint32_t count,
                         ds_error *err) {
  if (store->known == NULL)
    store->known = ds_known_new(store->options.memory_bytes / 4);
  if (store->known == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a batch");
  TRY(ds_known_follow(store->known, store->view.parts, store->view.parts_count, false, err));
  return ds_known_find(store->known, queries, count, err);
}

// Notes which rows of the batch stand in parts already: known[row]. Rows are checked as they are
// read.
static ds_code find_known(batch_work *batch, const ds_space *space, const ds_buf *rows,
                          ds_error *err) {
  ds_recoder *recoder = ds_recoder_new(space, &batch->space);
  ds_event_query *queries = NULL;
  uint32_t count = 0, capacity = 0, row = 0;
  ds_code code = recoder == NULL ? ds_fail(err, DS_MEMORY, "out of memory for a batch") : DS_OK;
  for (size_t at = 0; at < rows->size && code == DS_OK; row++) {
    ds_event *event;
    size_t size = 0;
    code = ds_recoder_next(recoder, rows->data + at, rows->size - at, &event, &size, err);
    at += size;
    if (code != DS_OK || !event->has_id)
      continue;
    if (count == capacity) {
      capacity = capacity == 0 ? 1024 : capacity * 2;
      ds_event_query *moved = realloc(queries, capacity * sizeof *moved);
      if (moved == NULL) {
        code = ds_fail(err, DS_MEMORY, "out of memory for a batch");
        break;
      }
      queries = moved;
    }
    queries[count++] = (ds_event_query){
        ds_subject_hash(event->subject), event->id, event->subject, row, false};
  }
  if (code == DS_OK)
    code = ask_parts(batch->store, queries, count, err);
  batch->known = code == DS_OK ? calloc((size_t)row + 1, sizeof *batch->known) : NULL;
  if (code == DS_OK && batch->known == NULL)
    code = ds_fail(err, DS_MEMORY, "out of memory for a batch");
  for (uint32_t q = 0; q < count && code == DS_OK; q++)
    batch->known[queries[q].tag] = queries[q].found;
  free(queries);
  ds_recoder_free(recoder);
  return code;
}

static ds_code is_duplicate(batch_work *batch, const ds_event *event, bool *ret_is, ds_error *err) {
  const uint64_t key = ds_tail_key(ds_subject_hash(event->subject), event->id);
  *ret_is = batch->known[batch->row] ||
            ds_map64_get(&batch->store->tail.ids, key) != DS_NONE ||
            ds_map64_get(&batch->ids, key) != DS_NONE;
  if (*ret_is)
    return DS_OK;
  uint32_t *slot = ds_map64_put(&batch->ids, key);
  if (slot == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a batch");
  *slot = batch->count;
  return DS_OK;
}

static ds_code add_event(batch_work *batch, ds_event *event, ds_error *err) {
  if (event->has_id) {
    bool duplicate = false;
    TRY(is_duplicate(batch, event, &duplicate, err));
    batch->duplicates += duplicate;
    if (duplicate)
      return DS_OK;
  } else {
    // Every append of an event without an id is a new event; its id must be the same at each
    // replay.
    const uint64_t place[2] = {batch->store->log.next_seq, batch->count};
    event->id = XXH3_64bits(place, sizeof place);
    event->has_id = true;
  }
  event->import = 0;
  event->arrival = batch->arrival++;
  batch->count++;
  return ds_event_encode(event, &batch->rows, err);
}

// Rows come from the gate, but what is stored is validated once more before it is believed for
// ever.
static ds_code add_rows(batch_work *batch, const ds_space *space, const ds_buf *rows,
                        ds_error *err) {
  ds_recoder *recoder = ds_recoder_new(space, &batch->space);
  if (recoder == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a batch");
  ds_code code = DS_OK;
  for (size_t at = 0; at < rows->size && code == DS_OK;) {
    ds_event *event;
    size_t size = 0;
    code = ds_recoder_next(recoder, rows->data + at, rows->size - at, &event, &size, err);
    if (code == DS_OK)
      code = add_event(batch, event, err);
    batch->row++;
    at += size;
  }
  ds_recoder_free(recoder);
  return code;
}

static ds_code write_batch(batch_work *batch, ds_error *err) {
  ds_store *store = batch->store;
  // Names past a limit must be refused now: a log that cannot be replayed would lock the store.
  TRY(ds_tail_add_names(&store->tail, &batch->space, err));
  ds_log_begin(&batch->record, DS_LOG_BATCH);
  const size_t start = batch->record.size;
  ds_buf_u32(&batch->record, batch->count);
  ds_space_encode(&batch->space, &batch->record);
  ds_buf_append(&batch->record, batch->rows.data, batch->rows.size);
  const ds_code code = ds_log_append(&store->log, &batch->record, err);
  if (code == DS_LIMIT)
    return code; // Nothing was written: a smaller batch may pass.
  TRY(ds_store_note_write(store, code));
  // From here on the batch is durable. What replay would do is done now; should that fail, this
  // handle knows less than the log and must not write on.
  ds_reader payload =
      ds_reader_of(batch->record.data + start, batch->record.size - start);
  TRY(ds_store_note_write(store, ds_tail_add_batch(&store->tail, &payload, err)));
  store->view.manifest.next_arrival = batch->arrival;
  assert(store->tail.next_arrival == batch->arrival);
  ds_part_ref_drop(store->tail_part);
  store->tail_part = NULL;
  store->tail_built = false;
  return DS_OK;
}

ds_code ds_store_append(ds_store *store, const ds_space *space, const ds_buf *rows,
                        uint64_t *ret_duplicates, ds_error *err) {
  TRY(ds_store_check_writable(store, err));
  if (rows->size > DS_BATCH_BYTES_MAX)
    return ds_fail(err, DS_LIMIT, "a batch of %zu bytes is over the limit of %u: send smaller ones",
                   rows->size, DS_BATCH_BYTES_MAX);
  // Sealed before the batch and not behind it: a batch is acknowledged as soon as it is durable.
  if (store->log.end > DS_LOG_BYTES_SEAL)
    TRY(ds_store_seal(store, err));
  batch_work batch;
  batch_init(&batch, store);
  ds_code code = find_known(&batch, space, rows, err);
  if (code == DS_OK)
    code = add_rows(&batch, space, rows, err);
  if (code == DS_OK && batch.count > 0)
    code = write_batch(&batch, err);
  if (code == DS_OK && ret_duplicates != NULL)
    *ret_duplicates = batch.duplicates;
  batch_done(&batch);
  return code;
}
