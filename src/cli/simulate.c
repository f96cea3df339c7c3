// SPDX-License-Identifier: Apache-2.0
// The command `simulate`: a made-up shop or software into a file, into a store, or to stdout.
#include <unistd.h>

#include "cli/cli.h"
#include "ingest/simulate.h"

static ds_code read_options(cli *run, ds_simulate_options *options, ds_error *err) {
  ds_simulate_options_init(options);
  const char *kind = cli_value(run, "kind");
  const char *columns = cli_value(run, "columns");
  TRY(cli_count(run, "orders", options->orders, &options->orders, err));
  TRY(cli_count(run, "seed", options->seed, &options->seed, err));
  options->kind = kind != NULL ? kind : options->kind;
  options->basic = columns != NULL && strcmp(columns, "basic") == 0;
  options->milliseconds = cli_flag(run, "milliseconds");
  options->threads = run->threads;
  options->progress = &run->progress;
  return DS_OK;
}

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

static bool ends_with(const char *text, const char *end) {
  const size_t size = strlen(text);
  const size_t length = strlen(end);
  return size > length && strcmp(text + size - length, end) == 0;
}

// CSV or NDJSON, by --format or by the name of the file.
static ds_code text_format(const cli *run, const char **ret_format, ds_error *err) {
  const char *format = cli_value(run, "format");
  const char *output = cli_value(run, "output");
  if (format != NULL && strcmp(format, "csv") == 0)
    *ret_format = "csv";
  else if (format != NULL && strcmp(format, "json") == 0)
    *ret_format = "ndjson";
  else if (format != NULL)
    return ds_fail(err, DS_USAGE, "simulate writes --format csv or json (one object a line)");
  else if (output == NULL || ends_with(output, ".ndjson") || ends_with(output, ".jsonl"))
    *ret_format = "ndjson";
  else if (ends_with(output, ".csv"))
    *ret_format = "csv";
  else
    return ds_fail(err, DS_USAGE, "the output's name must end in .csv or .ndjson");
  return DS_OK;
}

static ds_code simulate_text(cli *run, const ds_simulate_options *options, ds_error *err) {
  const char *format = NULL;
  const char *output = cli_value(run, "output");
  TRY(text_format(run, &format, err));
  sink to = {.run = run};
  if (output != NULL)
    TRY(cli_file_open(run, output, &to.file, err));
  cli_progress_start(run);
  ds_code code = ds_simulate_text(options, format, write_text, &to, err);
  cli_progress_end(run);
  if (output == NULL)
    return code;
  if (code == DS_OK)
    code = cli_file_finish(&to.file, err);
  else
    cli_file_abandon(&to.file);
  char orders[32];
  if (code == DS_OK)
    cli_say(run, "wrote %s: %s %s, seed %llu", output, ds_human_count(orders, options->orders),
            ds_simulate_counted(options->kind), (unsigned long long)options->seed);
  return code;
}

static ds_code simulate_store(cli *run, const ds_simulate_options *options, ds_error *err) {
  ds_store *store = NULL;
  ds_build_stats stats = {.events = 0};
  TRY(cli_open_store(run, true, true, &store, err));
  cli_progress_start(run);
  ds_code code = ds_simulate_store(options, store, &stats, err);
  cli_progress_end(run);
  if (code == DS_OK)
    cli_merge_due(run, store);
  ds_store_close(store);
  if (code == DS_INTERRUPTED)
    return ds_fail(err, DS_INTERRUPTED, "stopped; nothing was imported");
  char events[32];
  char customers[32];
  char duplicates[32];
  if (code == DS_OK && stats.duplicates > 0)
    cli_say(run, "%s duplicates dropped", ds_human_count(duplicates, stats.duplicates));
  if (code == DS_OK)
    cli_say(run, "%s events of %s customers into %s",
            ds_human_count(events, stats.events - stats.links),
            ds_human_count(customers, stats.customers), run->store);
  return code;
}

ds_code cli_run_simulate(cli *run, ds_error *err) {
  ds_simulate_options options;
  TRY(read_options(run, &options, err));
  const char *into = cli_value(run, "into");
  if (into == NULL && cli_value(run, "output") == NULL && isatty(STDOUT_FILENO))
    return ds_fail(err, DS_USAGE,
                   "simulate needs a place for the events: -o FILE.csv, -o FILE.ndjson or "
                   "--into STORE");
  if (into == NULL)
    return simulate_text(run, &options, err);
  if (cli_value(run, "output") != NULL || cli_value(run, "store") != NULL)
    return ds_fail(err, DS_USAGE, "simulate takes --into STORE or --output FILE, not both");
  run->values[run->values_count++] = (ds_option_value){"store", into};
  return simulate_store(run, &options, err);
}
