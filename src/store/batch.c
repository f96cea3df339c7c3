// SPDX-License-Identifier: Apache-2.0
#include "store/batch.h"

#include <stdlib.h>

#include "base/limits.h"
#include "store/tail.h"

void ds_batch_init(ds_batch *batch) {
  *batch = (ds_batch){.code = DS_OK};
  ds_space_init(&batch->space);
  ds_buf_init(&batch->names, DS_BATCH_BYTES_MAX);
  ds_buf_init(&batch->rows, (size_t)2 * DS_BATCH_BYTES_MAX); // an id more for each
}

void ds_batch_done(ds_batch *batch) {
  if (batch == NULL)
    return;
  ds_space_done(&batch->space);
  ds_buf_done(&batch->names);
  ds_buf_done(&batch->rows);
  free(batch->name_code);
  free(batch->row);
  batch->name_code = NULL;
  batch->row = NULL;
}

static ds_code add_row(ds_batch *batch, ds_event *event, ds_error *err) {
  if (batch->count == batch->capacity) {
    const uint32_t capacity = batch->capacity * 2 + 128;
    ds_batch_row *moved = realloc(batch->row, capacity * sizeof *moved);
    if (moved == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for a batch");
    batch->row = moved;
    batch->capacity = capacity;
  }
  const uint64_t hash = ds_subject_hash(event->subject);
  batch->row[batch->count++] = (ds_batch_row){.hash = hash,
                                              .key = ds_tail_key(hash, event->id),
                                              .offset = (uint32_t)batch->rows.size,
                                              .has_id = event->has_id};
  event->has_id = true;
  event->import = 0;
  event->arrival = 0;
  return ds_event_encode(event, &batch->rows, err);
}

// What the owner would have to make of the names.
static ds_code take_names(ds_batch *batch, ds_error *err) {
  const ds_space *space = &batch->space;
  const uint32_t count = space->touchpoints.count + space->properties.count + space->keys.count +
                         space->sources.count;
  if (count > batch->name_codes_capacity) {
    uint16_t *moved = realloc(batch->name_code, count * sizeof *moved);
    if (moved == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for a batch");
    batch->name_code = moved;
    batch->name_codes_capacity = count;
  }
  ds_buf_reset(&batch->names);
  ds_space_encode(space, &batch->names);
  return ds_buf_check(&batch->names, "a batch's names", err);
}

// Rows come from the gate, but what is stored is validated once more before it is believed for
// ever.
ds_code ds_batch_fill(ds_batch *batch, const ds_space *space, const ds_buf *rows, ds_error *err) {
  batch->count = 0;
  batch->duplicates = 0;
  ds_buf_reset(&batch->rows);
  ds_space_reset(&batch->space);
  if (rows->size > DS_BATCH_BYTES_MAX)
    return ds_fail(err, DS_LIMIT, "a batch of %zu bytes is over the limit of %u: send smaller ones",
                   rows->size, DS_BATCH_BYTES_MAX);
  ds_recoder *recoder = ds_recoder_new(space, &batch->space);
  if (recoder == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a batch");
  ds_code code = DS_OK;
  for (size_t at = 0; at < rows->size && code == DS_OK;) {
    ds_event *event;
    size_t size = 0;
    code = ds_recoder_next(recoder, rows->data + at, rows->size - at, &event, &size, err);
    if (code == DS_OK)
      code = add_row(batch, event, err);
    at += size;
  }
  ds_recoder_free(recoder);
  return code == DS_OK ? take_names(batch, err) : code;
}

void ds_batches_tell(ds_batch *const *batches, uint32_t count, ds_code code,
                     const ds_error *error) {
  for (uint32_t b = 0; b < count; b++) {
    batches[b]->code = code;
    if (code != DS_OK)
      batches[b]->error = *error;
  }
}
