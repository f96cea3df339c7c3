// SPDX-License-Identifier: Apache-2.0
// Rows out of DuckDB in the order of the file: one streaming query on one DuckDB thread. The thread
// that reads only copies vectors into batches; another thread takes the batches in turn. Memory is
// bounded by the number of batches and their size. May use base/, ingest/{plan,batches}.
#ifndef DS_INGEST_SINK_H
#define DS_INGEST_SINK_H

#include "base/progress.h"
#include "ingest/batches.h"

// Runs the plan's query and passes all its rows to `take`, on a second thread when `threads` > 1.
// *ret_rows is how many came. DS_INTERRUPTED when the progress says stop.
DS_CHECKED ds_code ds_sink_run(ds_duck *duck, const ds_plan *plan, uint32_t threads,
                               ds_sink_take take, void *context, ds_progress *progress,
                               uint64_t *ret_rows, ds_error *err);

#endif
