// SPDX-License-Identifier: Apache-2.0
#include "ingest/rows.h"

#include <inttypes.h>

ds_code ds_rows_start(ds_rows *rows, ds_plan *plan, uint32_t threads, ds_sink_take take,
                      void *context, ds_error *err) {
  rows->plan = plan;
  ds_names_init(&rows->names, 2 * DS_PLAN_COLUMNS_MAX);
  return ds_batches_new(plan, threads, take, context, &rows->batches, err);
}

ds_code ds_rows_finish(ds_rows *rows, ds_code code, ds_error *err) {
  // What the taker says comes first: the reader may only have stopped because of it.
  if (code == DS_OK)
    (void)ds_batches_give(rows->batches);
  ds_error own = {0};
  const ds_code taken = ds_batches_end(rows->batches, &own);
  rows->batches = NULL;
  ds_names_done(&rows->names);
  if (taken == DS_OK)
    return code;
  if (err != NULL)
    *err = own;
  return taken;
}

static ds_code stopped(ds_error *err) {
  return ds_fail(err, DS_INTERRUPTED, "stopped: nothing was imported");
}

ds_code ds_rows_begin(ds_rows *rows, ds_error *err) {
  if (rows->slot == NULL) {
    rows->slot = ds_batches_next(rows->batches);
    rows->drains++;
    if (rows->slot == NULL)
      return stopped(err);
  }
  const uint32_t row = rows->slot->batch.rows;
  rows->in_row = true;
  for (uint32_t i = 0; i < rows->plan->columns_count; i++)
    rows->slot->batch.columns[i].valid[row] = 0;
  return DS_OK;
}

ds_code ds_rows_end(ds_rows *rows, ds_error *err) {
  ds_batch_slot *slot = rows->slot;
  slot->batch.rows++;
  rows->rows++;
  rows->in_row = false;
  if (slot->batch.rows < DS_BATCH_ROWS && slot->text_bytes < DS_BATCH_TEXT_SOFT)
    return DS_OK;
  rows->slot = NULL;
  return ds_batches_give(rows->batches) ? DS_OK : stopped(err);
}

ds_code ds_rows_set(ds_rows *rows, uint32_t column, ds_str text, ds_str *ret_copy,
                    bool *ret_twice, ds_error *err) {
  ds_batch_slot *slot = rows->slot;
  const ds_batch_column *to = &slot->batch.columns[column];
  const uint32_t row = slot->batch.rows;
  *ret_twice = to->valid[row] != 0;
  if (*ret_twice)
    return DS_OK;
  to->valid[row] = 1;
  ds_str *cell = (ds_str *)to->data + row;
  if (!ds_batch_copy(slot, text, cell))
    return ds_fail(err, DS_MEMORY, "out of memory reading files");
  if (ret_copy != NULL)
    *ret_copy = *cell;
  return DS_OK;
}

void ds_rows_share(ds_rows *rows, uint32_t column, ds_str copy) {
  const ds_batch_column *to = &rows->slot->batch.columns[column];
  const uint32_t row = rows->slot->batch.rows;
  to->valid[row] = 1;
  ((ds_str *)to->data)[row] = copy;
}

// Copies the cells of the row under way, which was not given with its batch, into the new one.
static ds_code row_move(ds_rows *rows, const ds_batch_slot *from, uint32_t from_row,
                        uint32_t columns, ds_error *err) {
  TRY(ds_rows_begin(rows, err));
  for (uint32_t i = 0; i < columns; i++) {
    const ds_batch_column *column = &from->batch.columns[i];
    bool twice;
    if (column->valid[from_row] == 0)
      continue;
    const ds_str cell = ((const ds_str *)column->data)[from_row];
    TRY(ds_rows_set(rows, i, cell, NULL, &twice, err));
  }
  return DS_OK;
}

static ds_code column_new(ds_rows *rows, const ds_input_column *column, bool key,
                          ds_error *err) {
  ds_batch_slot *old = rows->slot;
  const uint32_t old_row = old == NULL ? 0 : old->batch.rows;
  const uint32_t columns = rows->plan->columns_count;
  if (!ds_batches_drain(rows->batches))
    return stopped(err);
  TRY(rows->grow(rows->grow_context, rows->plan, column, key, err));
  if (!ds_batches_widen(rows->batches))
    return stopped(err);
  if (old == NULL || old_row == 0)
    return DS_OK; // the batch without rows is still the one being filled
  rows->slot = NULL;
  return rows->in_row ? row_move(rows, old, old_row, columns, err) : DS_OK;
}

static uint32_t column_find(const ds_plan *plan, ds_str name) {
  for (uint32_t i = 0; i < plan->columns_count; i++)
    if (ds_str_equal(ds_str_of(plan->columns[i].name), name))
      return i;
  return DS_NONE;
}

ds_code ds_rows_column(ds_rows *rows, const ds_input_column *column, bool key,
                       uint32_t *ret_column, ds_error *err) {
  uint32_t index;
  const uint32_t before = rows->names.count;
  TRY(ds_names_add(&rows->names, column->name, &index, err));
  if (index < before) {
    *ret_column = rows->column_of[index];
    return DS_OK;
  }
  *ret_column = column_find(rows->plan, column->name);
  if (*ret_column == DS_NONE) {
    TRY(column_new(rows, column, key, err));
    *ret_column = column_find(rows->plan, column->name);
  }
  rows->column_of[index] = *ret_column;
  return *ret_column != DS_NONE ? DS_OK
                                : ds_fail(err, DS_LIMIT, "a column that no plan can hold");
}

ds_code ds_rows_refuse(const ds_rows_job *job, uint64_t record, const char *column,
                       ds_reason reason, ds_error *err) {
  const ds_refusal refusal = {.record = record, .source = job->file->name, .column = column,
                              .reason = reason};
  if (job->strict && record == 0)
    return ds_fail(err, DS_INPUT, "%s, %s: %s", refusal.source, column, ds_reason_words(reason));
  if (job->strict)
    return ds_fail(err, DS_INPUT, "%s record %" PRIu64 ", column %s: %s", refusal.source, record,
                   column, ds_reason_words(reason));
  return ds_quarantine_add(job->refused, &refusal, 1, err);
}
