// SPDX-License-Identifier: Apache-2.0
// The command `sql`: statements from the command line, a file or stdin; rows as every result, or
// streamed to CSV and Parquet.
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "render/render.h"
#include "sql/sql.h"

enum { TEXT_BYTES_MAX = 1 << 20 };
// What rows in hand of a streamed answer may take.
#define PART_BYTES_MAX ((size_t)256 << 20)

// --- the statements

static ds_code read_all(FILE *stream, const char *name, ds_buf *text, ds_error *err) {
  size_t size;
  do {
    uint8_t *room = ds_buf_reserve(text, 1 << 16);
    size = room == NULL ? 0 : fread(room, 1, 1 << 16, stream);
    text->size += size;
  } while (size > 0);
  TRY(ds_buf_check(text, "the SQL text", err));
  return ferror(stream) ? ds_fail(err, DS_IO, "%.300s cannot be read", name) : DS_OK;
}

static ds_code read_file(const char *name, ds_buf *text, ds_error *err) {
  const bool is_stdin = strcmp(name, "-") == 0;
  FILE *stream = is_stdin ? stdin : fopen(name, "rbe");
  if (stream == NULL)
    return ds_fail(err, DS_USAGE, "there is no file %.300s that can be read", name);
  const ds_code code = read_all(stream, name, text, err);
  if (!is_stdin)
    fclose(stream);
  return code;
}

// The text of the argument, of --file, or of stdin when that is no terminal; in the arena.
static ds_code read_text(cli *run, ds_error *err) {
  const char *file = cli_value(run, "file");
  if (run->arguments_count > 0 && file != NULL)
    return ds_fail(err, DS_USAGE, "give the statements or --file, not both");
  if (run->arguments_count > 0) {
    run->text = run->arguments[0];
    return DS_OK;
  }
  if (file == NULL && isatty(STDIN_FILENO))
    return ds_fail(err, DS_USAGE, "sql needs a statement; for example: %s",
                   run->command->example);
  ds_buf text;
  ds_buf_init(&text, TEXT_BYTES_MAX + (1 << 16));
  ds_code code = read_file(file == NULL ? "-" : file, &text, err);
  if (code == DS_OK && text.size > TEXT_BYTES_MAX)
    code = ds_fail(err, DS_LIMIT, "the SQL text is larger than %d KiB", TEXT_BYTES_MAX >> 10);
  if (code == DS_OK && memchr(text.data == NULL ? "" : (char *)text.data, '\0', text.size) != NULL)
    code = ds_fail(err, DS_USAGE, "the SQL text holds a NUL byte");
  if (code == DS_OK) {
    run->text = ds_arena_text(&run->arena, ds_buf_cstr(&text), text.size);
    code = run->text != NULL ? DS_OK : ds_fail(err, DS_MEMORY, "out of memory");
  }
  ds_buf_done(&text);
  return code;
}

// --- where rows go

// A streamed answer as CSV: the header of the first part, the rows of all.
typedef struct csv_stream {
  cli_sink to;
  size_t header_bytes; // 0 before the first part
} csv_stream;

static ds_code csv_take(void *context, const ds_result *result, ds_error *err) {
  csv_stream *csv = (csv_stream *)context;
  const ds_render_options options = {.columns = 0};
  ds_buf text;
  ds_buf_init(&text, PART_BYTES_MAX);
  ds_code code = ds_render_csv(result, &options, &text, err);
  if (code == DS_OK)
    code = cli_sink_write(&csv->to, text.data + csv->header_bytes, text.size - csv->header_bytes,
                          err);
  if (code == DS_OK && csv->header_bytes == 0) {
    ds_result empty = *result;
    empty.tables[0].rows_count = 0;
    ds_buf_reset(&text);
    code = ds_render_csv(&empty, &options, &text, err);
    csv->header_bytes = text.size;
  }
  ds_buf_done(&text);
  return code;
}

static ds_code stream_csv(cli *run, ds_sql *sql, ds_error *err) {
  const char *output = cli_value(run, "output");
  csv_stream csv = {.to = {.run = run, .file = {.stream = NULL}}};
  ds_arena part;
  if (output != NULL)
    TRY(cli_file_open(run, output, &csv.to.file, err));
  ds_arena_init(&part, PART_BYTES_MAX);
  ds_code code = ds_sql_stream(sql, ds_str_of(run->text), &part, csv_take, &csv, err);
  ds_arena_done(&part);
  if (code == DS_OK && output != NULL)
    code = cli_file_finish(&csv.to.file, err);
  cli_file_abandon(&csv.to.file);
  if (code == DS_OK && output != NULL)
    cli_say(run, "wrote %s", output);
  return code;
}

static ds_code show_rows(cli *run, ds_sql *sql, const ds_request *request, int64_t as_of_ms,
                         ds_error *err) {
  uint64_t limit = 0;
  TRY(cli_count(run, "limit", 100000, &limit, err));
  ds_result *result = (ds_result *)ds_arena_alloc(&run->arena, sizeof *result);
  if (result == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  ds_result_init(result, &run->arena, "sql");
  result->as_of_ms = as_of_ms;
  for (uint32_t i = 0; i < request->options.count; i++)
    ds_result_option(result, request->options.values[i].name, "%s",
                     request->options.values[i].text);
  result->definition = "";
  TRY(ds_sql_run(sql, ds_str_of(run->text), limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX,
                 result, err));
  return cli_show(run, result, err);
}

typedef enum output_form { FORM_RESULT, FORM_CSV, FORM_PARQUET } output_form;

static output_form form_of(const cli *run) {
  const char *format = cli_value(run, "format");
  const char *output = cli_value(run, "output");
  const size_t size = output == NULL ? 0 : strlen(output);
  if (format == NULL && size > 8 && strcmp(output + size - 8, ".parquet") == 0)
    return FORM_PARQUET;
  const ds_format *row = format != NULL   ? ds_format_of_name(ds_str_of(format))
                         : output != NULL ? ds_format_of_file(ds_str_of(output)) : NULL;
  return row != NULL && strcmp(row->name, "csv") == 0 && cli_value(run, "table") == NULL &&
                 cli_value(run, "limit") == NULL
             ? FORM_CSV : FORM_RESULT;
}

// What a session is opened with, and the file that it writes when it writes Parquet.
typedef struct sql_task {
  cli *run;
  const ds_request *request;
  ds_sql_options options;
} sql_task;

static ds_code write_parquet(const sql_task *task, ds_error *err) {
  cli *run = task->run;
  const char *output = cli_value(run, "output");
  ds_sql_options options = task->options;
  ds_sql *sql = NULL;
  cli_file file;
  uint64_t rows = 0;
  char count[32];
  TRY(cli_file_open(run, output, &file, err));
  ds_code code = file.temporary[0] != '\0'
                     ? DS_OK : ds_fail(err, DS_USAGE, "Parquet is written to a plain file");
  options.writes_to = file.temporary;
  if (code == DS_OK)
    code = ds_sql_open(&options, &sql, err);
  if (code == DS_OK)
    code = ds_sql_write(sql, ds_str_of(run->text), &rows, err);
  ds_sql_close(sql);
  if (code == DS_OK)
    code = cli_file_finish(&file, err);
  cli_file_abandon(&file);
  if (code == DS_OK)
    cli_say(run, "wrote %s: %s rows", output, ds_human_count(count, rows));
  return code;
}

static ds_code answer(const sql_task *task, ds_error *err) {
  const output_form form = form_of(task->run);
  ds_sql *sql = NULL;
  if (form == FORM_PARQUET)
    return write_parquet(task, err);
  TRY(ds_sql_open(&task->options, &sql, err));
  const ds_code code = form == FORM_CSV
                           ? stream_csv(task->run, sql, err)
                           : show_rows(task->run, sql, task->request, task->options.now_ms, err);
  ds_sql_close(sql);
  return code;
}

// --- what the tables hold

static ds_code ask(cli *run, const ds_request *request, ds_error *err) {
  sql_task task = {.run = run, .request = request};
  ds_plan plan;
  ds_schema schema;
  TRY(ds_question_select(request, "sql", &plan, err));
  TRY(ds_question_schema(request, &schema, err));
  task.options = (ds_sql_options){
      .snapshot = request->snapshot,
      .plan = &plan,
      .schema = &schema,
      .now_ms = request->as_of_ms,
      .threads = run->threads,
      .memory_bytes = run->memory_bytes,
      .unsealer = request->unsealer,
      .progress = &run->progress,
      .library_path = run->ask->duckdb,
  };
  TRY(answer(&task, err));
  cli_say_unsealed(run);
  return DS_OK;
}

static ds_code ask_then(cli *run, const ds_request *request, ds_error *err) {
  static const ds_question asker = {.name = "sql"};
  ds_request asked;
  ds_snapshot view;
  TRY(ds_question_look_back(&asker, request, &asked, &view, err));
  const ds_code code = ask(run, &asked, err);
  ds_question_look_ahead(request, &asked);
  return code;
}

ds_code cli_run_sql(cli *run, ds_error *err) {
  ds_request request;
  TRY(read_text(run, err));
  TRY(cli_open_ask(run, err));
  TRY(cli_select_events(run, &request, err));
  request.progress = &run->progress;
  return ask_then(run, &request, err);
}
