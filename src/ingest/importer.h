// SPDX-License-Identifier: Apache-2.0
// What the files of one import share: its options, its plans, its counts. Private to import*.c.
// May use base/, io/, model/, store/, ingest/.
#ifndef DS_INGEST_IMPORTER_H
#define DS_INGEST_IMPORTER_H

#include "ingest/encode.h"
#include "ingest/import.h"
#include "ingest/input.h"
#include "ingest/mapping.h"
#include "ingest/ocel.h"
#include "ingest/recognise.h"
#include "ingest/settings.h"

// One query of the import and what stands behind it.
typedef struct ds_import_step {
  ds_plan *plan;
  uint32_t file; // index of the one file it reads, DS_NONE = several (a mapping's select)
  ds_ocel *ocel; // of an OCEL log, whose objects are in memory already
} ds_import_step;

// Everything lives from ds_import's beginning to its end.
typedef struct ds_importer {
  ds_store *store; // NULL in a dry run without a store
  const ds_import_options *options;
  ds_io *io;
  ds_arena *arena; // the caller's: holds the result
  ds_result *result;
  ds_arena plans; // plans, file lists, mapping
  ds_duck *duck;
  ds_zone *zone; // NULL = UTC
  ds_settings settings;
  ds_space space;
  ds_quarantine quarantine;
  ds_stage_area *stage;
  ds_encoder *encoder;
  ds_source *files;
  uint32_t files_count;
  ds_mapping mapping; // name NULL = recognised columns
  ds_str mapping_text;
  ds_import_step *steps;
  uint32_t steps_count;
  ds_taken_list taken;
  uint64_t fingerprint;
  bool times_local;  // some times came without a zone
  bool times_number; // some times are integers
  uint32_t encoding; // ds_source_encoding
  const char *time_format;
  const char *time_zone;
  const char *time_unit;
  const char *source_name;
  bool source_given; // by an option or a mapping
  uint64_t rows;
  uint32_t id;
  const char *quarantine_path;
  ds_build_stats built;
} ds_importer;

// What sorting may take at most, and what DuckDB is given.
enum { DS_IMPORT_MEMORY = 512 << 20, DS_IMPORT_DUCK_MEMORY = 200 << 20 };

// Reads --option values that every import takes (encoding, time_format, source); others must be
// the mapping's.
DS_CHECKED ds_code ds_importer_options(ds_importer *importer, ds_error *err);

// Finds and inspects the files: those named, or the mapping's in the folder named.
DS_CHECKED ds_code ds_importer_files(ds_importer *importer, ds_error *err);

// Reads the mapping, shipped or a file.
DS_CHECKED ds_code ds_importer_mapping(ds_importer *importer, ds_error *err);

// Makes the steps: by recognised columns, or by the mapping.
DS_CHECKED ds_code ds_importer_recognise(ds_importer *importer, ds_error *err);
DS_CHECKED ds_code ds_importer_plan_mapping(ds_importer *importer, ds_error *err);

// Whether any file is read by DuckDB.
bool ds_importer_has_tables(const ds_importer *importer);

// Looks at the columns of an XES log; makes the step of an OCEL log; reads either as one step.
// *ret_rows rows came.
DS_CHECKED ds_code ds_importer_log_look(ds_importer *importer, uint32_t file, ds_input *ret_input,
                                        ds_error *err);
DS_CHECKED ds_code ds_importer_ocel_plan(ds_importer *importer, uint32_t file, ds_error *err);
DS_CHECKED ds_code ds_importer_log_run(ds_importer *importer, const ds_import_step *step,
                                       uint32_t threads, uint64_t *ret_rows, ds_error *err);

// Makes the step of a file of events as append takes them; reads it.
DS_CHECKED ds_code ds_importer_events_plan(ds_importer *importer, uint32_t file, ds_error *err);
DS_CHECKED ds_code ds_importer_events_run(ds_importer *importer, const ds_import_step *step,
                                          uint32_t threads, uint64_t *ret_rows, ds_error *err);

// Adds columns to those that the report shows, each once.
DS_CHECKED ds_code ds_importer_taken(ds_importer *importer, const ds_taken_list *more,
                                     ds_error *err);

// A new step with an empty plan.
DS_CHECKED ds_code ds_importer_step(ds_importer *importer, uint32_t file, ds_plan **ret_plan,
                                    ds_error *err);

// Takes what DuckDB's reader rejected of file `file` into the quarantine. With `from` not
// SIZE_MAX, the record numbers of the quarantine's entries from there on are moved behind them.
DS_CHECKED ds_code ds_importer_rejects(ds_importer *importer, uint32_t file, size_t from,
                                       ds_error *err);

// Runs a step whose file is a plain text by ds_lines_run.
DS_CHECKED ds_code ds_importer_lines_run(ds_importer *importer, const ds_import_step *step,
                                         uint32_t threads, uint64_t *ret_rows, ds_error *err);

// Adds the condition `when` of an event to the plan, over the select's columns (name, type). An
// error says where in the mapping.
DS_CHECKED ds_code ds_importer_when(ds_importer *importer, const ds_duck_texts *columns,
                                    const ds_mapping_event *event, ds_plan *plan,
                                    uint32_t *ret_column, ds_error *err);

// The value that an option of the mapping has, given or standard.
const char *ds_importer_option(const ds_importer *importer, ds_str name);

// Fills the result. `earlier` is the import that has brought these files in before, 0 = none.
DS_CHECKED ds_code ds_importer_report(ds_importer *importer, uint32_t earlier, int64_t earlier_ms,
                                      ds_error *err);

#endif
