// SPDX-License-Identifier: Apache-2.0
// Rows out of DuckDB in the order of the file: one streaming query on one DuckDB thread. The thread
// that reads only copies vectors into batches; another thread takes the batches in turn. Memory is
// bounded by the number of batches and their size. May use base/, ingest/plan.h.
#ifndef DS_INGEST_SINK_H
#define DS_INGEST_SINK_H

#include "base/progress.h"
#include "ingest/plan.h"

// One column of a batch. `data` holds int64_t (I64, MICROS, MICROS_UTC, DATE widened), double,
// uint8_t (BOOL) or ds_str (TEXT) per row; `valid` one byte per row.
typedef struct ds_batch_column {
  void *data;
  uint8_t *valid;
} ds_batch_column;

// Up to DS_BATCH_ROWS rows; views stay valid until the consumer returns. A text longer than
// DS_TEXT_BYTES_MAX has its true size but no bytes (data NULL).
typedef struct ds_batch {
  uint64_t first; // ordinal of the first row in its query, from 0
  uint32_t rows;
  ds_batch_column *columns;
} ds_batch;

// The most rows that a batch holds.
enum { DS_BATCH_ROWS = 8192 };

// Takes a batch, on a thread of its own; an error stops the query and becomes its result.
typedef ds_code (*ds_sink_take)(void *context, const ds_batch *batch, ds_error *err);

// Runs the plan's query and passes all its rows to `take`, on a second thread when `threads` > 1.
// *ret_rows is how many came. DS_INTERRUPTED when the progress says stop.
DS_CHECKED ds_code ds_sink_run(ds_duck *duck, const ds_plan *plan, uint32_t threads,
                               ds_sink_take take, void *context, ds_progress *progress,
                               uint64_t *ret_rows, ds_error *err);

#endif
