// SPDX-License-Identifier: Apache-2.0
// The command `export`: the store's events into a file, or to stdout.
#include "cli/cli.h"
#include "ingest/export.h"

// Where the text goes: a file, or stdout when `file` has no stream.
typedef struct sink {
  cli *run;
  cli_file file;
} sink;

static ds_code write_text(void *context, const void *data, size_t size, ds_error *err) {
  sink *to = (sink *)context;
  return to->file.stream != NULL ? cli_file_write(&to->file, data, size, err)
                                 : cli_write(to->run, data, size, err);
}

static ds_code choose_form(const cli *run, ds_export_form *ret_form, ds_error *err) {
  const char *format = cli_value(run, "format");
  const char *output = cli_value(run, "output");
  ds_export_form form = output == NULL ? DS_EXPORT_NDJSON : ds_export_form_of(ds_str_of(output));
  if (format != NULL && strcmp(format, "csv") == 0)
    form = DS_EXPORT_CSV;
  else if (format != NULL && strcmp(format, "json") == 0)
    form = DS_EXPORT_NDJSON;
  else if (format != NULL)
    return ds_fail(err, DS_USAGE, "export writes --format csv or json (one object a line), or what "
                   "the output's name tells");
  if (form == DS_EXPORT_FORMS_COUNT)
    return ds_fail(err, DS_USAGE, "the output's name must end in .csv, .ndjson, .parquet, .xes or "
                   ".jsonocel");
  *ret_form = form;
  return DS_OK;
}

static ds_code export_text(cli *run, const ds_snapshot *snapshot, ds_export_form form, sink *to,
                           uint64_t *ret_events, ds_error *err) {
  const ds_export_options options = {.form = form, .case_key = cli_value(run, "case"),
                                     .write = write_text, .context = to,
                                     .progress = &run->progress};
  return ds_export(snapshot, &options, ret_events, err);
}

// By an NDJSON file beside the output, which DuckDB turns into Parquet.
static ds_code export_parquet(cli *run, const ds_snapshot *snapshot, const cli_file *output,
                              uint64_t *ret_events, ds_error *err) {
  char path[DS_PATH_BYTES_MAX];
  sink to = {.run = run, .file = {.stream = NULL}};
  if (output->temporary[0] == '\0' ||
      snprintf(path, sizeof path, "%.4000s.ndjson", output->temporary) >= (int)sizeof path)
    return ds_fail(err, DS_USAGE, "Parquet is written to a plain file");
  TRY(cli_file_open(run, path, &to.file, err));
  ds_code code = export_text(run, snapshot, DS_EXPORT_NDJSON, &to, ret_events, err);
  if (code == DS_OK && fflush(to.file.stream) != 0)
    code = ds_fail(err, DS_IO, "%.200s could not be written", path);
  if (code == DS_OK)
    code = ds_export_parquet(snapshot, cli_duckdb_path(run), to.file.temporary,
                             output->temporary, err);
  cli_file_abandon(&to.file);
  return code;
}

static ds_code export_file(cli *run, const ds_snapshot *snapshot, ds_export_form form,
                           uint64_t *ret_events, ds_error *err) {
  const char *output = cli_value(run, "output");
  sink to = {.run = run, .file = {.stream = NULL}};
  if (output == NULL)
    return export_text(run, snapshot, form, &to, ret_events, err);
  TRY(cli_file_open(run, output, &to.file, err));
  ds_code code = form == DS_EXPORT_PARQUET
                     ? export_parquet(run, snapshot, &to.file, ret_events, err)
                     : export_text(run, snapshot, form, &to, ret_events, err);
  if (code == DS_OK)
    code = cli_file_finish(&to.file, err);
  cli_file_abandon(&to.file);
  return code;
}

ds_code cli_run_export(cli *run, ds_error *err) {
  ds_snapshot *snapshot = NULL;
  ds_export_form form;
  uint64_t events = 0;
  TRY(choose_form(run, &form, err));
  TRY(cli_open_snapshot(run, &snapshot, err));
  cli_progress_start(run);
  const ds_code code = export_file(run, snapshot, form, &events, err);
  cli_progress_end(run);
  ds_snapshot_free(snapshot);
  char count[32];
  if (code == DS_OK && cli_value(run, "output") != NULL)
    cli_say(run, "wrote %s: %s events", cli_value(run, "output"), ds_human_count(count, events));
  return code;
}
