// SPDX-License-Identifier: Apache-2.0
// Files -> a store: tables (CSV, TSV, Parquet) read by DuckDB, event logs (XES) by readers of our
// own, both mapped to events, checked, sorted by the part builder, committed as one batch. May use
// base/, io/, model/, lang/, store/. Never question/.
#ifndef DS_INGEST_IMPORT_H
#define DS_INGEST_IMPORT_H

#include "base/progress.h"
#include "model/result.h"
#include "store/store.h"

// `--map old=new` and `--option k=v`.
typedef struct ds_pair {
  const char *name;
  const char *value;
} ds_pair;

// Filled by ds_import_options_init. Texts belong to the caller.
typedef struct ds_import_options {
  size_t struct_size;
  const char *const *files; // names, globs, or the directory of a mapping's data set
  uint32_t files_count;
  const char *mapping;      // shipped name or path of a YAML file; NULL = recognise columns
  const ds_pair *options;   // --option
  uint32_t options_count;
  const ds_pair *renames;   // --map
  uint32_t renames_count;
  const char *customer_column; // NULL = recognise
  const char *time_column;
  const char *event_column;
  const char *case_column;  // comma-separated case key columns
  const char *time_unit;    // "s", "ms", "us" for integer times; NULL = ms
  const char *time_zone;    // of times without one; NULL = UTC
  const char *delimiter;    // NULL = sniffed
  bool dry_run;             // read, map and check everything, write nothing
  bool strict;              // the first rejected row fails the import
  const char *settings_folder; // of doorstep.yaml when there is no store; NULL = the defaults
  bool again;               // import even if the same files were imported before
  // libduckdb.so to try first; NULL = beside the program, then the system's
  const char *duckdb_path;
  uint32_t threads;
  size_t memory_bytes;
  int64_t now_ms;
  ds_progress *progress;
} ds_import_options;

// Fills in what holds when nothing is said.
void ds_import_options_init(ds_import_options *options);

// Imports into `store` (open to write; may be NULL with dry_run). The report is a Result with
// tables `taken` (column -> meaning), `touchpoints` (name, events, known, nearest) and `summary`
// (rows, events, duplicates, rejected, personal_dropped, quarantine file), living in `arena`.
// Errors: one clear line that names the file and, where there is one, the line; nothing is
// committed then, unless the store takes no more writes: then whoever opens it next sees whether.
DS_CHECKED ds_code ds_import(ds_store *store, const ds_import_options *options, ds_arena *arena,
                             ds_result *result, ds_error *err);

#endif
