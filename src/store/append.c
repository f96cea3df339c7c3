// SPDX-License-Identifier: Apache-2.0
// Appending batches to the log: one or several of them as one record, so that a group is written
// and synced at once, and is there whole or not at all.
#include <assert.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "store/state.h"

struct ds_group {
  ds_store *store;
  ds_batch *const *batches;
  uint32_t batches_count;
  ds_event_query *queries;
  uint32_t queries_count, queries_capacity;
  ds_buf record;
  uint64_t seq;           // of the record
  uint64_t log_start;     // where the record will stand
  uint64_t arrival_first; // of its events
  uint64_t arrival;       // of the next event
  ds_tail tail_before;    // a copy, for ds_tail_cut alone
  ds_code code;           // of writing it
  ds_error error;
};

ds_group *ds_group_new(ds_store *store) {
  ds_group *group = calloc(1, sizeof *group);
  if (group == NULL)
    return NULL;
  group->store = store;
  ds_buf_init(&group->record, (size_t)4 * DS_BATCH_BYTES_MAX);
  return group;
}

void ds_group_free(ds_group *group) {
  if (group == NULL)
    return;
  free(group->queries);
  ds_buf_done(&group->record);
  free(group);
}

static bool reserve_queries(ds_group *group) {
  uint64_t rows = 0;
  for (uint32_t b = 0; b < group->batches_count; b++)
    rows += group->batches[b]->count;
  if (rows <= group->queries_capacity)
    return true;
  if (rows > UINT32_MAX)
    return false;
  ds_event_query *moved = realloc(group->queries, (size_t)rows * sizeof *moved);
  if (moved == NULL)
    return false;
  group->queries = moved;
  group->queries_capacity = (uint32_t)rows;
  return true;
}

// What is known is of the parts that the store has now.
static ds_code follow_parts(ds_store *store, ds_error *err) {
  if (store->known == NULL)
    store->known = ds_known_new(store->options.memory_bytes / 4, store->options.threads);
  if (store->known == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a batch");
  return ds_known_follow(store->known, store->view.parts, store->view.parts_count, false, err);
}

ds_code ds_store_warm(ds_store *store, ds_error *err) {
  TRY(ds_store_check_writable(store, err));
  TRY(follow_parts(store, err));
  return ds_known_warm(store->known, err);
}

// Asks what the parts hold about all of the group's events at once. Also while there is none: what
// is known before the first part is learnt of it bit by bit, and its filters are made by the seal.
static ds_code ask_parts(ds_group *group, ds_error *err) {
  ds_store *store = group->store;
  if (group->queries_count == 0)
    return DS_OK;
  TRY(follow_parts(store, err));
  return ds_known_find(store->known, group->queries, group->queries_count, err);
}

// Marks the rows whose events stand in parts already. A query's tag counts the rows of the group.
static ds_code find_known(ds_group *group, ds_error *err) {
  if (!reserve_queries(group))
    return ds_fail(err, DS_MEMORY, "out of memory for a batch");
  group->queries_count = 0;
  uint32_t place = 0;
  for (uint32_t b = 0; b < group->batches_count; b++) {
    ds_batch *batch = group->batches[b];
    for (uint32_t i = 0; i < batch->count; i++, place++) {
      batch->row[i].duplicate = false;
      if (!batch->row[i].has_id)
        continue;
      ds_store_tails_prefetch(group->store, batch->row[i].key);
      ds_row row;
      ds_row_open(batch->rows.data + batch->row[i].offset, &row);
      group->queries[group->queries_count++] =
          (ds_event_query){batch->row[i].hash, row.id, row.subject, place, false};
    }
  }
  TRY(ask_parts(group, err));
  for (uint32_t q = 0; q < group->queries_count; q++) {
    if (!group->queries[q].found)
      continue;
    uint32_t b = 0;
    uint32_t at = group->queries[q].tag;
    for (; at >= group->batches[b]->count; b++)
      at -= group->batches[b]->count;
    group->batches[b]->row[at].duplicate = true;
  }
  return DS_OK;
}

// Makes room for all that the group may become, so that nothing fails once its ids are in the tail.
static ds_code reserve(ds_group *group, ds_error *err) {
  ds_store *store = group->store;
  size_t payload = 0, bytes = 0;
  uint64_t rows = 0;
  for (uint32_t b = 0; b < group->batches_count; b++) {
    const ds_batch *batch = group->batches[b];
    payload += sizeof batch->count + batch->names.size + batch->rows.size;
    bytes += batch->rows.size;
    rows += batch->count;
  }
  TRY(ds_log_check_size(group->record.size - DS_LOG_RECORD_BYTES + payload, err));
  assert(rows <= UINT32_MAX);
  (void)ds_buf_reserve(&group->record, payload);
  const ds_code code = ds_buf_check(&group->record, "a batch", err);
  group->record.failed = false;
  TRY(code);
  return ds_tail_reserve(&store->tail, (uint32_t)rows, bytes, err);
}

// Appends a row to record and tail as the event that it becomes. Its id and arrival stand behind
// what every row has and the time of receipt that some have.
static void put_row(ds_group *group, const ds_batch *batch, const ds_batch_row *from,
                    const ds_codes *codes) {
  const uint8_t *row = batch->rows.data + from->offset;
  uint32_t size;
  memcpy(&size, row, sizeof size);
  assert(size <= group->record.capacity - group->record.size);
  uint8_t *to = group->record.data + group->record.size;
  memcpy(to, row, size);
  group->record.size += size;
  uint8_t *id = to + 24 + ((row[12] & 1) != 0 ? 8 : 0);
  ds_tail *tail = &group->store->tail;
  if (!from->has_id) {
    // Every append of an event without an id is a new event; its id must be the same at each
    // replay.
    const uint64_t place[2] = {group->seq, group->arrival - group->arrival_first};
    const uint64_t own = XXH3_64bits(place, sizeof place);
    memcpy(id, &own, sizeof own);
    (void)ds_set64_add(&tail->ids, ds_tail_key(from->hash, own));
  }
  memcpy(id + 8, &group->arrival, sizeof group->arrival);
  group->arrival++;
  ds_tail_add_row(tail, to, from->hash, codes);
}

// Whether the event stands in a part, in a tail, or before this row in the group.
static bool is_duplicate(ds_store *store, const ds_batch_row *row) {
  return row->has_id && (row->duplicate || ds_store_frozen_have(store, row->key) ||
                         !ds_set64_add(&store->tail.ids, row->key));
}

static void put_batch(ds_group *group, ds_batch *batch, const ds_codes *codes) {
  const size_t start = group->record.size;
  ds_buf_u32(&group->record, 0);
  ds_buf_append(&group->record, batch->names.data, batch->names.size);
  batch->duplicates = 0;
  for (uint32_t i = 0; i < batch->count; i++) {
    if (is_duplicate(group->store, &batch->row[i]))
      batch->duplicates++;
    else
      put_row(group, batch, &batch->row[i], codes);
  }
  const uint32_t events = batch->count - (uint32_t)batch->duplicates;
  if (events == 0)
    group->record.size = start;
  else
    memcpy(group->record.data + start, &events, sizeof events);
}

ds_code ds_group_begin(ds_group *group, const ds_group *before, ds_error *err) {
  ds_store *store = group->store;
  TRY(ds_store_check_writable(store, err));
  ds_log_begin(&group->record, DS_LOG_BATCH);
  TRY(ds_buf_check(&group->record, "a batch", err));
  group->seq = before != NULL ? before->seq + 1 : store->log.next_seq;
  group->log_start = before != NULL ? ds_group_log_end(before) : store->log.end;
  group->arrival = group->arrival_first = store->view.manifest.next_arrival;
  group->tail_before = store->tail;
  group->code = DS_OK;
  return DS_OK;
}

ds_code ds_group_add(ds_group *group, ds_batch *const *batches, uint32_t count, ds_error *err) {
  ds_store *store = group->store;
  group->batches = batches;
  group->batches_count = count;
  TRY(find_known(group, err));
  TRY(reserve(group, err));
  // Names past a limit must be refused now: a log that cannot be replayed would lock the store.
  for (uint32_t b = 0; b < count; b++)
    TRY(ds_tail_map_names(&store->tail, &batches[b]->space, batches[b]->name_code, err));
  for (uint32_t b = 0; b < count; b++) {
    const ds_codes codes = ds_tail_codes(&batches[b]->space, batches[b]->name_code);
    put_batch(group, batches[b], &codes);
  }
  assert(!group->record.failed);
  if (!ds_group_has_record(group))
    return DS_OK;
  store->view.manifest.next_arrival = store->tail.next_arrival = group->arrival;
  ds_store_forget_built(store);
  return DS_OK;
}

bool ds_group_has_record(const ds_group *group) { return group->arrival > group->arrival_first; }

uint64_t ds_group_log_end(const ds_group *group) { return group->log_start + group->record.size; }

void ds_group_write(ds_group *group) {
  ds_log *log = &group->store->log;
  assert(log->next_seq == group->seq);
  group->code = ds_log_append(log, &group->record, &group->error);
  assert(group->code != DS_LIMIT && (group->code != DS_OK || log->end == ds_group_log_end(group)));
}

ds_code ds_group_outcome(const ds_group *group, ds_error *err) {
  if (group->code != DS_OK && err != NULL)
    *err = group->error;
  return group->code;
}

void ds_group_end(ds_group *group) {
  ds_store *store = group->store;
  if (ds_store_note_write(store, group->code) == DS_OK)
    return;
  ds_tail_cut(&store->tail, &group->tail_before);
  store->view.manifest.next_arrival = group->arrival_first;
  ds_store_forget_built(store);
}

// All of the batches or none.
static ds_code append_all(ds_store *store, ds_batch *const *batches, uint32_t count,
                          ds_error *err) {
  // Before the batches and not behind them: they are acknowledged as soon as they are durable.
  TRY(ds_store_maintain(store, err));
  if (store->group == NULL)
    store->group = ds_group_new(store);
  if (store->group == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a batch");
  TRY(ds_group_begin(store->group, NULL, err));
  TRY(ds_group_add(store->group, batches, count, err));
  if (!ds_group_has_record(store->group))
    return DS_OK;
  ds_group_write(store->group);
  ds_group_end(store->group);
  return ds_group_outcome(store->group, err);
}

void ds_store_append_group(ds_store *store, ds_batch *const *batches, uint32_t count) {
  ds_error error = {.message = ""};
  const ds_code code = append_all(store, batches, count, &error);
  // Nothing of it was written: the batch that could not be is found by itself, and fails alone.
  if (code != DS_OK && count > 1 && !store->failed) {
    for (uint32_t b = 0; b < count; b++)
      ds_store_append_group(store, &batches[b], 1);
    return;
  }
  ds_batches_tell(batches, count, code, &error);
}

ds_code ds_store_append(ds_store *store, const ds_space *space, const ds_buf *rows,
                        uint64_t *ret_duplicates, ds_error *err) {
  TRY(ds_store_check_writable(store, err));
  ds_batch batch, *const group[] = {&batch};
  ds_batch_init(&batch);
  ds_code code = ds_batch_fill(&batch, space, rows, err);
  if (code == DS_OK) {
    ds_store_append_group(store, group, 1);
    code = batch.code;
    if (code == DS_OK && ret_duplicates != NULL)
      *ret_duplicates = batch.duplicates;
    if (code != DS_OK && err != NULL)
      *err = batch.error;
  }
  ds_batch_done(&batch);
  return code;
}
