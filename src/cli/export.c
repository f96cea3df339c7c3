// SPDX-License-Identifier: Apache-2.0
// The command `export`: the store's events into a file, or to stdout.
#include "cli/cli.h"
#include "ingest/export.h"

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

// What an export runs on.
typedef struct task {
  cli *run;
  const ds_snapshot *snapshot;
  ds_export_form form;
  ds_plan selection;
} task;

static ds_export_options options_of(const task *job, ds_export_form form, cli_sink *to) {
  return (ds_export_options){.form = form, .selection = &job->selection,
                             .write = cli_sink_write, .context = to,
                             .progress = &job->run->progress,
                             .unsealer = job->run->ask->unsealer};
}

// By an NDJSON file beside the output, which DuckDB turns into Parquet.
static ds_code export_parquet(const task *job, const cli_file *output,
                              uint64_t *ret_events, ds_error *err) {
  char path[DS_PATH_BYTES_MAX];
  cli *run = job->run;
  cli_sink to = {.run = run, .file = {.stream = NULL}};
  if (output->temporary[0] == '\0' ||
      snprintf(path, sizeof path, "%.4000s.ndjson", output->temporary) >= (int)sizeof path)
    return ds_fail(err, DS_USAGE, "Parquet is written to a plain file");
  TRY(cli_file_open(run, path, &to.file, err));
  const ds_export_options options = options_of(job, DS_EXPORT_NDJSON, &to);
  ds_code code = ds_export(job->snapshot, &options, ret_events, err);
  if (code == DS_OK && fflush(to.file.stream) != 0)
    code = ds_fail(err, DS_IO, "%.200s could not be written", path);
  if (code == DS_OK)
    code = ds_export_parquet(job->snapshot, &options, cli_duckdb_path(run),
                             to.file.temporary, output->temporary, err);
  cli_file_abandon(&to.file);
  return code;
}

static ds_code export_file(const task *job, uint64_t *ret_events, ds_error *err) {
  const char *output = cli_value(job->run, "output");
  cli_sink to = {.run = job->run, .file = {.stream = NULL}};
  const ds_export_options options = options_of(job, job->form, &to);
  if (output == NULL)
    return ds_export(job->snapshot, &options, ret_events, err);
  TRY(cli_file_open(job->run, output, &to.file, err));
  ds_code code = job->form == DS_EXPORT_PARQUET
                     ? export_parquet(job, &to.file, ret_events, err)
                     : ds_export(job->snapshot, &options, ret_events, err);
  if (code == DS_OK)
    code = cli_file_finish(&to.file, err);
  cli_file_abandon(&to.file);
  return code;
}

static ds_code select_events(cli *run, ds_plan *ret_selection, ds_error *err) {
  ds_request request;
  TRY(cli_select_events(run, &request, err));
  return ds_question_select(&request, "export", ret_selection, err);
}

ds_code cli_run_export(cli *run, ds_error *err) {
  task work = {.run = run};
  uint64_t events = 0;
  char count[32];
  TRY(choose_form(run, &work.form, err));
  TRY(cli_open_ask(run, err));
  work.snapshot = run->ask->snapshot;
  TRY(select_events(run, &work.selection, err));
  cli_progress_start(run);
  const ds_code code = export_file(&work, &events, err);
  cli_progress_end(run);
  TRY(code);
  cli_say_unsealed(run);
  if (cli_value(run, "output") != NULL)
    cli_say(run, "wrote %s: %s events", cli_value(run, "output"), ds_human_count(count, events));
  return DS_OK;
}
