// SPDX-License-Identifier: Apache-2.0
// Events out of a store: as CSV, NDJSON, Parquet, XES or OCEL 2.0 in JSON, so that importing the
// file again, with no options, gives events with the same answers. Customers come one after
// another, each in the order of time and arrival. May use base/ to scan/, ingest/{duck,names}.
#ifndef DS_INGEST_EXPORT_H
#define DS_INGEST_EXPORT_H

#include "base/progress.h"
#include "model/result.h"
#include "scan/scan.h"
#include "scan/unseal.h"

// Takes text as it is made.
typedef ds_code (*ds_export_write)(void *context, const void *data, size_t size, ds_error *err);

// The forms.
typedef enum ds_export_form {
  DS_EXPORT_CSV, DS_EXPORT_NDJSON, DS_EXPORT_XES, DS_EXPORT_OCEL, DS_EXPORT_PARQUET,
  DS_EXPORT_FORMS_COUNT
} ds_export_form;

// The form that a file's name tells (.csv, .ndjson, .jsonl, .xes, .jsonocel, .parquet), or
// DS_EXPORT_FORMS_COUNT.
ds_export_form ds_export_form_of(ds_str file);

// Pointers belong to the caller.
typedef struct ds_export_options {
  ds_export_form form;
  // Which events, by --where and a period; XES: with a case key a trace is one value of it. Its
  // columns and threads are ignored. NULL = all.
  const ds_plan *selection;
  ds_export_write write;
  void *context;
  ds_progress *progress;
  ds_unsealer *unsealer; // personal values go along, as text; NULL: they are left out
} ds_export_options;

// Writes the events of the snapshot, in any form but Parquet; *ret_events were written.
DS_CHECKED ds_code ds_export(const ds_snapshot *snapshot, const ds_export_options *options,
                             uint64_t *ret_events, ds_error *err);

// Turns an NDJSON export (`from`) of this snapshot by these options into Parquet at path `to`.
DS_CHECKED ds_code ds_export_parquet(const ds_snapshot *snapshot,
                                     const ds_export_options *options, const char *duckdb_path,
                                     const char *from, const char *to, ds_error *err);

// Turns rows of such a table, as CSV by ds_csv_table (`from`, exact, with names), into Parquet at
// path `to`.
DS_CHECKED ds_code ds_export_table(const ds_table *table, const char *duckdb_path,
                                   const char *from, const char *to, ds_error *err);

#endif
