// SPDX-License-Identifier: Apache-2.0
#include "ingest/sink.h"

#include <assert.h>

enum { VECTOR_ROWS = 2048 }; // DuckDB's STANDARD_VECTOR_SIZE

typedef struct sink {
  ds_duck *duck;
  const ds_plan *plan;
  ds_progress *progress;
  ds_batches *batches;
  uint64_t rows;
} sink;

static bool texts_copy(ds_batch_slot *s, const duckdb_string_t *from, const uint8_t *valid,
                       ds_str *to, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (valid[i] && !ds_batch_copy(s, ds_duck_str(&from[i]), &to[i]))
      return false;
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
static bool column_copy(sink *all, ds_batch_slot *s, uint32_t index, duckdb_vector vector,
                        uint32_t first, uint32_t count) {
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
  if (bytes <= DS_BATCH_TEXT_SOFT || count == 1)
    return count;
  return rows_fitting(all, chunk, first, count / 2);
}

static bool chunk_put(sink *all, duckdb_data_chunk chunk, uint32_t rows) {
  for (uint32_t first = 0; first < rows;) {
    ds_batch_slot *s = ds_batches_next(all->batches);
    if (s == NULL)
      return false;
    const uint32_t count = rows_fitting(all, chunk, first, rows - first);
    for (uint32_t k = 0; k < all->plan->columns_count; k++)
      if (!column_copy(all, s, k, all->duck->api.data_chunk_get_vector(chunk, k), first, count)) {
        ds_error error;
        ds_fail(&error, DS_MEMORY, "out of memory reading files");
        ds_batches_fail(all->batches, &error);
        return false;
      }
    s->batch.rows += count;
    all->rows += count;
    first += count;
    if (s->batch.rows + VECTOR_ROWS > DS_BATCH_ROWS || s->text_bytes >= DS_BATCH_TEXT_SOFT) {
      if (!ds_batches_give(all->batches))
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
      ds_batches_fail(all->batches, &error);
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
    ds_batches_fail(all->batches, &error);
  } else if (go_on) {
    (void)ds_batches_give(all->batches);
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
    ds_batches_fail(all->batches, &error);
    ds_buf_done(&sql);
    return;
  }
  duckdb_prepared_statement statement = NULL;
  duckdb_result result;
  if (api->prepare(all->duck->connection, ds_buf_cstr(&sql), &statement) != DuckDBSuccess) {
    ds_duck_fail_prepare(all->duck, statement, &error);
    ds_batches_fail(all->batches, &error);
  } else {
    if (api->execute_prepared_streaming(statement, &result) == DuckDBSuccess) {
      chunks_fetch(all, &result);
    } else {
      (void)ds_duck_fail(all->duck, &result, &error);
      ds_batches_fail(all->batches, &error);
    }
    api->destroy_result(&result);
  }
  api->destroy_prepare(&statement);
  ds_buf_done(&sql);
}

ds_code ds_sink_run(ds_duck *duck, const ds_plan *plan, uint32_t threads, ds_sink_take take,
                    void *context, ds_progress *progress, uint64_t *ret_rows, ds_error *err) {
  sink all = {.duck = duck, .plan = plan, .progress = progress};
  TRY(ds_batches_new(plan, threads, take, context, &all.batches, err));
  query_run(&all);
  *ret_rows = all.rows;
  return ds_batches_end(all.batches, err);
}
