// SPDX-License-Identifier: Apache-2.0
#include "store/tail.h"

#include <assert.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

// A log is sealed before the batch that follows once it has DS_LOG_BYTES_SEAL bytes, and the
// codes of the rows have one width in every space, so the rows here are no larger than those in
// the log.
#define ROWS_BYTES_MAX ((size_t)DS_LOG_BYTES_SEAL + DS_BATCH_BYTES_MAX)

void ds_tail_init(ds_tail *tail) {
  *tail = (ds_tail){.count = 0};
  ds_space_init(&tail->space);
  ds_space_init(&tail->names);
  ds_buf_init(&tail->rows, ROWS_BYTES_MAX);
}

void ds_tail_done(ds_tail *tail) {
  if (tail == NULL)
    return;
  ds_space_done(&tail->space);
  ds_space_done(&tail->names);
  ds_buf_done(&tail->rows);
  ds_set64_done(&tail->ids);
  free(tail->offset);
  free(tail->hash);
  *tail = (ds_tail){.count = 0};
}

// Adds the names of one kind, with their codes to *code (moved on) unless that is NULL.
static ds_code add_kind(ds_names *to, const ds_names *from, uint16_t **code, ds_error *err) {
  for (uint32_t i = 0; i < from->count; i++) {
    uint32_t index;
    TRY(ds_names_add(to, from->text[i], &index, err));
    if (code != NULL)
      *(*code)++ = (uint16_t)index;
  }
  return DS_OK;
}

ds_code ds_tail_add_names(ds_tail *tail, const ds_space *names, ds_error *err) {
  TRY(add_kind(&tail->space.touchpoints, &names->touchpoints, NULL, err));
  TRY(add_kind(&tail->space.properties, &names->properties, NULL, err));
  TRY(add_kind(&tail->space.keys, &names->keys, NULL, err));
  return add_kind(&tail->space.sources, &names->sources, NULL, err);
}

ds_code ds_tail_map_names(ds_tail *tail, const ds_space *names, uint16_t *code, ds_error *err) {
  TRY(add_kind(&tail->space.touchpoints, &names->touchpoints, &code, err));
  TRY(add_kind(&tail->space.properties, &names->properties, &code, err));
  TRY(add_kind(&tail->space.keys, &names->keys, &code, err));
  return add_kind(&tail->space.sources, &names->sources, &code, err);
}

ds_codes ds_tail_codes(const ds_space *names, const uint16_t *code) {
  ds_codes codes = {.touchpoint = code};
  if (code == NULL) // There are no names.
    return codes;
  codes.property = codes.touchpoint + names->touchpoints.count;
  codes.key = codes.property + names->properties.count;
  codes.source = codes.key + names->keys.count;
  return codes;
}

ds_code ds_tail_follow(ds_tail *tail, const ds_tail *before, ds_error *err) {
  assert(tail->count == 0);
  if (!ds_set64_reserve(&tail->ids, before->ids.count))
    return ds_fail(err, DS_MEMORY, "out of memory for the log's events");
  return ds_tail_add_names(tail, &before->space, err);
}

uint64_t ds_tail_key(uint64_t subject_hash, uint64_t id) {
  const uint64_t both[2] = {subject_hash, id};
  return XXH3_64bits(both, sizeof both);
}

static ds_code reserve_rows(ds_tail *tail, uint32_t more, ds_error *err) {
  if (!tail->without_ids && !ds_set64_reserve(&tail->ids, more))
    return ds_fail(err, DS_MEMORY, "out of memory for the log's events");
  if (more <= tail->capacity - tail->count)
    return DS_OK;
  const uint64_t want = ((uint64_t)tail->count + more) * 3 / 2 + 16;
  if (want > UINT32_MAX)
    return ds_fail(err, DS_LIMIT, "the log holds too many events");
  size_t *offset = realloc(tail->offset, (size_t)want * sizeof *offset);
  if (offset != NULL)
    tail->offset = offset;
  uint64_t *hash = realloc(tail->hash, (size_t)want * sizeof *hash);
  if (hash != NULL)
    tail->hash = hash;
  if (offset == NULL || hash == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the log's events");
  tail->capacity = (uint32_t)want;
  return DS_OK;
}

ds_code ds_tail_reserve(ds_tail *tail, uint32_t rows, size_t bytes, ds_error *err) {
  TRY(reserve_rows(tail, rows, err));
  if (ds_buf_reserve(&tail->rows, bytes) != NULL)
    return DS_OK;
  const ds_code code = ds_buf_check(&tail->rows, "a log", err);
  tail->rows.failed = false;
  return code;
}

void ds_tail_add_row(ds_tail *tail, const uint8_t *row, uint64_t subject_hash,
                     const ds_codes *codes) {
  uint32_t size;
  memcpy(&size, row, sizeof size);
  assert(tail->count < tail->capacity && size <= tail->rows.capacity - tail->rows.size);
  uint8_t *to = tail->rows.data + tail->rows.size;
  memcpy(to, row, size);
  ds_row_recode(to, codes);
  tail->offset[tail->count] = tail->rows.size;
  tail->hash[tail->count] = subject_hash;
  tail->rows.size += size;
  tail->count++;
}

void ds_tail_cut(ds_tail *tail, const ds_tail *before) {
  assert(before->count <= tail->count && before->rows.size <= tail->rows.size);
  tail->count = before->count;
  tail->rows.size = before->rows.size;
  tail->next_arrival = before->next_arrival;
}

static ds_code add_event(ds_tail *tail, const ds_event *event, ds_error *err) {
  assert(tail->count < tail->capacity);
  if (event->arrival == UINT64_MAX)
    return ds_fail(err, DS_CORRUPT, "an event in the log has a number that none can come behind");
  const uint64_t hash = ds_subject_hash(event->subject);
  if (!tail->without_ids)
    (void)ds_set64_add(&tail->ids, ds_tail_key(hash, event->id));
  tail->offset[tail->count] = tail->rows.size;
  tail->hash[tail->count] = hash;
  TRY(ds_event_encode(event, &tail->rows, err));
  tail->count++;
  if (event->arrival >= tail->next_arrival)
    tail->next_arrival = event->arrival + 1;
  return DS_OK;
}

static ds_code add_rows(ds_tail *tail, ds_reader *payload, uint32_t count, ds_recoder *recoder,
                        ds_error *err) {
  for (uint32_t i = 0; i < count; i++) {
    ds_event *event;
    size_t size;
    const size_t left = (size_t)(payload->end - payload->at);
    TRY(ds_recoder_next(recoder, payload->at, left, &event, &size, err));
    TRY(add_event(tail, event, err));
    payload->at += size;
  }
  return DS_OK;
}

static ds_code add_batch(ds_tail *tail, ds_reader *payload, ds_error *err) {
  const uint32_t count = ds_read_u32(payload);
  // The smallest row has 34 bytes, so a wild count asks for no wild amount of memory.
  if (payload->failed || count > (size_t)(payload->end - payload->at) / 34)
    return ds_fail(err, DS_CORRUPT, "a batch in the log has an impossible number of events");
  TRY(reserve_rows(tail, count, err));
  ds_space_reset(&tail->names);
  ds_code code = ds_space_decode(payload, &tail->names, err);
  ds_recoder *recoder = code == DS_OK ? ds_recoder_new(&tail->names, &tail->space) : NULL;
  if (code == DS_OK && recoder == NULL)
    code = ds_fail(err, DS_MEMORY, "out of memory for the log's events");
  if (code == DS_OK)
    code = add_rows(tail, payload, count, recoder, err);
  ds_recoder_free(recoder);
  return code;
}

ds_code ds_tail_add_batch(ds_tail *tail, ds_reader *payload, ds_error *err) {
  const ds_tail before = *tail;
  ds_code code = DS_OK;
  do {
    code = add_batch(tail, payload, err);
  } while (code == DS_OK && payload->at < payload->end);
  if (code != DS_OK)
    ds_tail_cut(tail, &before); // A part of a batch is not to be seen (I4).
  return code;
}

// All rows of some tails, by partition.
typedef struct tail_rows {
  const uint8_t **rows;
  uint32_t first[DS_PARTITIONS + 1];
} tail_rows;

// Rows were added in arrival order; a counting sort by partition keeps it.
static void sort_by_partition(const ds_tail *const *tails, uint32_t tails_count, tail_rows *out) {
  for (uint32_t t = 0; t < tails_count; t++)
    for (uint32_t i = 0; i < tails[t]->count; i++)
      out->first[ds_subject_partition(tails[t]->hash[i]) + 1]++;
  for (uint32_t p = 0; p < DS_PARTITIONS; p++)
    out->first[p + 1] += out->first[p];
  uint32_t next[DS_PARTITIONS];
  memcpy(next, out->first, sizeof next);
  for (uint32_t t = 0; t < tails_count; t++)
    for (uint32_t i = 0; i < tails[t]->count; i++)
      out->rows[next[ds_subject_partition(tails[t]->hash[i])]++] =
          tails[t]->rows.data + tails[t]->offset[i];
}

ds_code ds_tails_build(const ds_tail *const *tails, uint32_t tails_count, ds_builder *builder,
                       ds_error *err) {
  uint64_t count = 0;
  for (uint32_t t = 0; t < tails_count; t++)
    count += tails[t]->count;
  if (count > UINT32_MAX)
    return ds_fail(err, DS_LIMIT, "the logs hold too many events");
  tail_rows all = {.rows = malloc(((size_t)count + 1) * sizeof *all.rows)};
  if (all.rows == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the log's events");
  sort_by_partition(tails, tails_count, &all);
  assert(all.first[DS_PARTITIONS] == count);
  ds_code code = DS_OK;
  for (uint32_t p = 0; p < DS_PARTITIONS && code == DS_OK; p++) {
    const uint32_t first = all.first[p];
    if (all.first[p + 1] > first)
      code = ds_builder_add(builder, p, all.rows + first, all.first[p + 1] - first, err);
  }
  free(all.rows);
  return code;
}
