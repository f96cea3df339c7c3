// SPDX-License-Identifier: Apache-2.0
// SQL over a snapshot, by DuckDB: events, customers, cases, segments and touchpoints are tables
// whose rows come from a scan as they are needed, only the columns asked for being decoded. What
// can be run reads and computes; no statement changes anything, reads or writes a file, loads an
// extension or goes to the network. Columns are described in docs/sql.md. May use base/ to
// question/ and ingest/duck.
#ifndef DS_SQL_SQL_H
#define DS_SQL_SQL_H

#include "question/question.h"

// What a session runs on. Pointers belong to the caller and outlive it.
typedef struct ds_sql_options {
  const ds_snapshot *snapshot;
  const ds_plan *plan;         // which events and cases there are; its columns are ignored
  const ds_schema *schema;     // of the snapshot: catalogue, zone, segments
  int64_t now_ms;              // of segments
  uint32_t threads;
  size_t memory_bytes;         // of DuckDB and the scans together
  ds_unsealer *unsealer;       // personal values are texts in clear; NULL: they are left out
  ds_progress *progress;       // its stop ends what runs
  const char *library_path;    // as of ds_duck_open
  const char *writes_to;       // the only file that ds_sql_write may write; NULL: none
} ds_sql_options;

typedef struct ds_sql ds_sql;

// Opens a session. DS_LIBRARY when there is no DuckDB. The caller closes; NULL is fine.
DS_CHECKED ds_code ds_sql_open(const ds_sql_options *options, ds_sql **ret_sql, ds_error *err);
void ds_sql_close(ds_sql *sql);

// Takes the rows of a statement, in parts. The table's rows are forgotten after the call.
typedef ds_code (*ds_sql_take)(void *context, const ds_result *result, ds_error *err);

// Runs the statements of a text, each of which becomes a table of *result: `rows`, `rows_2`, …. At
// most rows_max rows of each are kept, with a warning when there are more. DS_EXPRESSION with the
// position in the text, DS_UNSUPPORTED for a statement that does not only read, DS_LIMIT past 8.
DS_CHECKED ds_code ds_sql_run(ds_sql *sql, ds_str text, uint32_t rows_max, ds_result *result,
                              ds_error *err);

// Runs one statement and hands on its rows, some thousands at a time; at least once, so that the
// columns are known. `arena` is reset for each part.
DS_CHECKED ds_code ds_sql_stream(ds_sql *sql, ds_str text, ds_arena *arena, ds_sql_take take,
                                 void *context, ds_error *err);

// Runs one statement and writes its rows as Parquet to options->writes_to.
DS_CHECKED ds_code ds_sql_write(ds_sql *sql, ds_str text, uint64_t *ret_rows, ds_error *err);

#endif
