// SPDX-License-Identifier: Apache-2.0
// Rows of `features` into CSV or Parquet as they are made, so that any number of them fits.
#include "cli/cli.h"
#include "ingest/export.h"
#include "render/render.h"

// Where rows go: a file, or stdout when it has no stream.
typedef struct row_sink {
  cli *run;
  cli_file file;
  bool exact;
  bool headed; // the names of the columns are written
  uint64_t rows;
  ds_buf text;
} row_sink;

static bool ends_in(const char *text, const char *end) {
  const size_t size = text == NULL ? 0 : strlen(text), tail = strlen(end);
  return size > tail && strcmp(text + size - tail, end) == 0;
}

bool cli_streams(const cli *run) {
  const char *format = cli_value(run, "format"), *output = cli_value(run, "output");
  if (strcmp(run->question->name, "features") != 0)
    return false;
  if (ends_in(output, ".parquet"))
    return true;
  // Sorted or cut, they are a result as any other.
  return cli_value(run, "sort") == NULL && cli_value(run, "limit") == NULL &&
         (format != NULL ? strcmp(format, "csv") == 0 : ends_in(output, ".csv"));
}

ds_code cli_features_instants(cli *run, ds_request *request, ds_instants *instants,
                              ds_error *err) {
  const char *at = strcmp(run->question->name, "features") == 0
                       ? ds_option_get(&request->options, "at")
                       : NULL;
  if (!ends_in(at, ".csv") && !ends_in(at, ".tsv"))
    return DS_OK;
  TRY(ds_ask_instants(run->ask, at, ds_option_get(&request->options, "case"), &run->arena,
                      instants, err));
  request->instants = instants;
  return DS_OK;
}

static ds_code take_rows(void *context, const ds_table *rows, ds_error *err) {
  row_sink *to = (row_sink *)context;
  ds_buf_reset(&to->text);
  ds_csv_table(rows, !to->headed, to->exact, &to->text);
  to->headed = true;
  to->rows += rows->rows_count;
  TRY(ds_buf_check(&to->text, "CSV", err));
  return to->file.stream != NULL
             ? cli_file_write(&to->file, to->text.data, to->text.size, err)
             : cli_write(to->run, to->text.data, to->text.size, err);
}

static ds_code write_rows(row_sink *to, ds_request request, ds_result *result, ds_error *err) {
  request.take = take_rows;
  request.take_to = to;
  cli_progress_start(to->run);
  const ds_code code = ds_question_run(to->run->question, &request, result, err);
  cli_progress_end(to->run);
  TRY(code);
  // Of nobody, the names of the columns.
  return to->headed ? DS_OK : take_rows(to, &result->tables[0], err);
}

// By a CSV file beside the output, which DuckDB turns into Parquet.
static ds_code write_parquet(row_sink *to, const ds_request *request, ds_result *result,
                             ds_error *err) {
  char path[DS_PATH_BYTES_MAX];
  cli *run = to->run;
  row_sink text = {.run = run, .exact = true, .text = to->text};
  if (cli_value(run, "sort") != NULL || cli_value(run, "limit") != NULL)
    return ds_fail(err, DS_USAGE, "rows go to Parquet as they are made: leave --sort and --limit "
                   "out");
  if (to->file.temporary[0] == '\0' ||
      snprintf(path, sizeof path, "%.4000s.csv", to->file.temporary) >= (int)sizeof path)
    return ds_fail(err, DS_USAGE, "Parquet is written to a plain file");
  TRY(cli_file_open(run, path, &text.file, err));
  ds_code code = write_rows(&text, *request, result, err);
  if (code == DS_OK && fflush(text.file.stream) != 0)
    code = ds_fail(err, DS_IO, "%.200s could not be written", path);
  if (code == DS_OK)
    code = ds_export_table(&result->tables[0], cli_duckdb_path(run), text.file.temporary,
                           to->file.temporary, err);
  cli_file_abandon(&text.file);
  to->text = text.text;
  to->rows = text.rows;
  return code;
}

ds_code cli_stream(cli *run, const ds_request *request, ds_result *result, ds_error *err) {
  const char *output = cli_value(run, "output");
  row_sink to = {.run = run, .file = {.stream = NULL}};
  char count[32];
  if (output != NULL)
    TRY(cli_file_open(run, output, &to.file, err));
  ds_buf_init(&to.text, (size_t)1 << 30);
  ds_code code = ends_in(output, ".parquet") ? write_parquet(&to, request, result, err)
                                             : write_rows(&to, *request, result, err);
  if (code == DS_OK && output != NULL)
    code = cli_file_finish(&to.file, err);
  cli_file_abandon(&to.file);
  ds_buf_done(&to.text);
  if (code == DS_OK && output != NULL)
    cli_say(run, "wrote %s: %s rows", output, ds_human_count(count, to.rows));
  if (code == DS_OK)
    cli_say_notes(run, result);
  return code;
}
