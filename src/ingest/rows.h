// SPDX-License-Identifier: Apache-2.0
// Rows of texts from a reader of our own (XES, OCEL), cell by cell into batches, by a plan that
// may grow: event logs name their attributes as they go, so a column may turn up in the middle of a
// row. May use base/, ingest/{plan,batches,input}.
#ifndef DS_INGEST_ROWS_H
#define DS_INGEST_ROWS_H

#include "base/map.h"
#include "ingest/batches.h"
#include "ingest/input.h"
#include "ingest/quarantine.h"

// Extends the plan by a column of this name and type, for which `key` tells that the format itself
// calls it a case key. The plan's columns are all DS_PHYSICAL_TEXT.
typedef ds_code (*ds_rows_grow)(void *context, ds_plan *plan, const ds_input_column *column,
                                bool key, ds_error *err);

// Fields are private but `rows`.
typedef struct ds_rows {
  ds_plan *plan;
  ds_batches *batches;
  ds_batch_slot *slot; // NULL between batches
  bool in_row;         // a row is under way
  uint64_t rows;       // finished
  ds_names names;      // of columns asked for
  uint32_t column_of[2 * DS_PLAN_COLUMNS_MAX]; // of each name
  uint64_t drains;     // how often views into the batch became invalid
  ds_rows_grow grow;
  void *grow_context;
} ds_rows;

// Starts filling; end waits for the taker and gives all back, also after a failure `code` of the
// reader's own, which it then returns.
DS_CHECKED ds_code ds_rows_start(ds_rows *rows, ds_plan *plan, uint32_t threads,
                                 ds_sink_take take, void *context, ds_error *err);
DS_CHECKED ds_code ds_rows_finish(ds_rows *rows, ds_code code, ds_error *err);

// Begins a row with no cell, and ends it. Any failure is told by finish: DS_INTERRUPTED here only
// says "stop reading".
DS_CHECKED ds_code ds_rows_begin(ds_rows *rows, ds_error *err);
DS_CHECKED ds_code ds_rows_end(ds_rows *rows, ds_error *err);

// Sets a cell of the row under way; in a column that only tells presence the text is not kept.
// *ret_copy, when not NULL, is the text in the batch, good for other rows until `drains` changes.
// A cell that is set twice keeps the first; *ret_twice tells.
DS_CHECKED ds_code ds_rows_set(ds_rows *rows, uint32_t column, ds_str text, ds_str *ret_copy,
                               bool *ret_twice, ds_error *err);

// Sets a cell to a text that lies in the batch already.
void ds_rows_share(ds_rows *rows, uint32_t column, ds_str copy);

// The plan's column of this name, added when there is none.
DS_CHECKED ds_code ds_rows_column(ds_rows *rows, const ds_input_column *column, bool key,
                                  uint32_t *ret_column, ds_error *err);

// What a reader of our own needs to read one file; pointers outlive the run.
typedef struct ds_rows_job {
  ds_io *io;
  const ds_source *file;
  ds_plan *plan;
  uint32_t threads;
  ds_sink_take take;
  void *take_context;
  ds_rows_grow grow;
  void *grow_context;
  ds_quarantine *refused; // what the reader itself leaves out; not the taker's
  bool strict;
  ds_progress *progress;
} ds_rows_job;

// Counts what the reader leaves out of row `record`; an error when strict. `column` outlives the
// quarantine.
DS_CHECKED ds_code ds_rows_refuse(const ds_rows_job *job, uint64_t record, const char *column,
                                  ds_reason reason, ds_error *err);

#endif
