// SPDX-License-Identifier: Apache-2.0
// Commands that bring in files, list imports and take them back.
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

// Splits the "a=b" values given for option `name`.
static ds_code read_pairs(cli *run, const char *name, const ds_pair **ret_pairs,
                          uint32_t *ret_count, ds_error *err) {
  const uint32_t count = cli_values(run, name);
  ds_pair *pairs = (ds_pair *)ds_arena_array(&run->arena, count + 1, sizeof *pairs);
  if (pairs == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  for (uint32_t i = 0; i < count; i++) {
    const char *text = cli_value_at(run, name, i);
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text)
      return ds_fail(err, DS_USAGE, "--%s takes NAME=VALUE, not '%.100s'", name, text);
    pairs[i].name = ds_arena_text(&run->arena, text, (size_t)(equals - text));
    pairs[i].value = equals + 1;
    if (pairs[i].name == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory");
  }
  *ret_pairs = pairs;
  *ret_count = count;
  return DS_OK;
}

ds_code cli_import_options(cli *run, const char *const *files, uint32_t files_count,
                           ds_import_options *ret_options, ds_error *err) {
  ds_import_options *options = ret_options;
  ds_import_options_init(options);
  options->files = files;
  options->files_count = files_count;
  options->mapping = cli_value(run, "mapping");
  options->customer_column = cli_value(run, "customer");
  options->time_column = cli_value(run, "time");
  options->event_column = cli_value(run, "event");
  options->case_column = cli_value(run, "case");
  options->time_unit = cli_value(run, "time-unit");
  options->time_zone = cli_value(run, "time-zone");
  options->delimiter = cli_value(run, "delimiter");
  options->dry_run = cli_flag(run, "dry-run");
  options->strict = cli_flag(run, "strict");
  options->again = cli_flag(run, "again");
  options->duckdb_path = cli_duckdb_path(run);
  options->threads = run->threads;
  if (run->memory_bytes != 0)
    options->memory_bytes = run->memory_bytes;
  ds_io *io = ds_io_posix();
  options->now_ms = io->ops->now_ms(io);
  options->progress = &run->progress;
  TRY(read_pairs(run, "option", &options->options, &options->options_count, err));
  return read_pairs(run, "map", &options->renames, &options->renames_count, err);
}

// Files are read more than once. A mistyped name must not leave a new, empty store behind.
static ds_code check_files(cli *run, ds_error *err) {
  for (uint32_t i = 0; i < run->arguments_count; i++) {
    const char *file = run->arguments[i];
    struct stat info;
    const bool found = stat(file, &info) == 0;
    if (found && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))
      return ds_fail(err, DS_INPUT, "%.300s is a pipe or a device: import reads files, so save it "
                     "as one first, or hand NDJSON to doorstep append", file);
    if (strpbrk(file, "*?[") == NULL && (!found || access(file, R_OK) != 0))
      return ds_fail(err, DS_INPUT, "%s: %.300s",
                     errno == ENOENT ? "no such file" : strerror(errno), file);
  }
  return DS_OK;
}

ds_code cli_import_into(cli *run, ds_store *store, const ds_import_options *options,
                        ds_result **ret_result, ds_error *err) {
  ds_result *result = ds_arena_alloc(&run->arena, sizeof *result);
  ds_code code = result != NULL ? DS_OK : ds_fail(err, DS_MEMORY, "out of memory");
  if (code == DS_OK) {
    ds_result_init(result, &run->arena, "import");
    cli_progress_start(run);
    code = ds_import(store, options, &run->arena, result, err);
    cli_progress_end(run);
  }
  if (code == DS_OK && store != NULL)
    cli_merge_due(run, store);
  ds_store_close(store);
  *ret_result = result;
  return code;
}

ds_code cli_run_import(cli *run, ds_error *err) {
  ds_import_options options;
  ds_store *store = NULL;
  TRY(cli_import_options(run, run->arguments, run->arguments_count, &options, err));
  TRY(check_files(run, err));
  if (!options.dry_run) {
    TRY(cli_open_store(run, true, true, &store, err));
    options.memory_bytes = run->memory_bytes;
  } else {
    bool exists = false;
    TRY(cli_find_store(run, true, &exists, err));
    options.settings_folder = exists ? run->store : NULL;
  }
  ds_result *result = NULL;
  ds_code code = cli_import_into(run, store, &options, &result, err);
  if (code == DS_INTERRUPTED)
    return ds_fail(err, DS_INTERRUPTED, "stopped; nothing was imported");
  return code == DS_OK ? cli_show(run, result, err) : code;
}

static const ds_column imports_columns[] = {
    {"id", DS_CELL_COUNT, "", "number, for undo-import", false},
    {"when", DS_CELL_TIME, "", "when it was made", false},
    {"mapping", DS_CELL_TEXT, "", "the mapping, or how columns were found", true},
    {"files", DS_CELL_LIST, "", "the files' names", false},
    {"rows", DS_CELL_COUNT, "rows", "rows read", true},
    {"events", DS_CELL_COUNT, "events", "events brought in", false},
    {"duplicates", DS_CELL_COUNT, "events", "events that were there already", true},
    {"rejected", DS_CELL_COUNT, "rows", "rows set aside", true},
    {"personal", DS_CELL_COUNT, "values", "personal values, sealed in the vault", true},
    {"state", DS_CELL_TEXT, "", "undone, or empty", false},
};
enum { I_ID, I_WHEN, I_MAPPING, I_FILES, I_ROWS, I_EVENTS, I_DUPLICATES, I_REJECTED, I_PERSONAL,
       I_STATE, I_COUNT };

// Where the listing puts its rows.
typedef struct listing {
  ds_result *result;
  ds_table *table;
} listing;

static ds_code list_import(void *context, const ds_import_info *info, ds_error *err) {
  listing *list = (listing *)context;
  ds_result *result = list->result;
  ds_cell *row = ds_table_row(result, list->table);
  char *files = ds_arena_text(result->arena, info->files, strlen(info->files));
  if (row == NULL || files == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  for (char *c = files; *c != '\0'; c++)
    *c = *c == '\n' ? DS_LIST_SEPARATOR : *c;
  const char *mapping = info->mapping[0] != '\0' ? info->mapping : "(recognised)";
  row[I_ID] = ds_cell_i64(info->id);
  row[I_WHEN] = ds_cell_i64(info->when_ms);
  row[I_MAPPING] = ds_cell_text(result, ds_str_of(mapping));
  row[I_FILES] = ds_cell_text(result, ds_str_of(files));
  row[I_ROWS] = ds_cell_i64((int64_t)info->rows);
  row[I_EVENTS] = ds_cell_i64((int64_t)info->events);
  row[I_DUPLICATES] = ds_cell_i64((int64_t)info->duplicates);
  row[I_REJECTED] = ds_cell_i64((int64_t)info->rejected);
  row[I_PERSONAL] = ds_cell_i64((int64_t)info->personal_sealed);
  row[I_STATE] = ds_cell_text(result, ds_str_of(info->undone ? "undone" : ""));
  return DS_OK;
}

ds_code cli_run_imports(cli *run, ds_error *err) {
  ds_store *store = NULL;
  TRY(cli_open_store(run, false, false, &store, err));
  ds_result *result = (ds_result *)ds_arena_alloc(&run->arena, sizeof *result);
  ds_code code = result != NULL ? DS_OK : ds_fail(err, DS_MEMORY, "out of memory");
  if (code == DS_OK) {
    ds_result_init(result, &run->arena, "imports");
    result->definition = "The imports of the store, oldest first.";
    listing list = {result, ds_result_table(result, "imports", "Imports", imports_columns,
                                            I_COUNT)};
    list.table->bar = "events"; // the id is the first count
    code = ds_store_imports(store, list_import, &list, err);
  }
  ds_store_close(store);
  return code == DS_OK ? cli_show(run, result, err) : code;
}

// Whether an import after the one undone still stands.
typedef struct later_import {
  uint64_t undone;
  bool stands;
} later_import;

static ds_code look_for_later(void *context, const ds_import_info *info, ds_error *err) {
  (void)err;
  later_import *later = context;
  later->stands = later->stands || (info->id > later->undone && !info->undone);
  return DS_OK;
}

ds_code cli_run_undo_import(cli *run, ds_error *err) {
  uint64_t id = 0;
  if (!ds_str_to_u64(ds_str_of(run->arguments[0]), &id) || id == 0 || id > UINT32_MAX)
    return ds_fail(err, DS_USAGE, "undo-import takes the number of an import, not '%.100s'; "
                   "doorstep imports lists them", run->arguments[0]);
  ds_store *store = NULL;
  TRY(cli_open_store(run, true, false, &store, err));
  uint64_t events = 0;
  later_import later = {.undone = id};
  ds_code code = ds_store_undo_import(store, (uint32_t)id, &events, err);
  const bool done = code == DS_OK;
  if (done)
    code = ds_store_imports(store, look_for_later, &later, err);
  ds_store_close(store);
  if (done) {
    char count[32];
    cli_say(run, "import %llu is undone: %s events taken out", (unsigned long long)id,
            ds_human_count(count, events));
  }
  // Decision 7.
  if (later.stands)
    cli_say(run, "where later imports brought the same once more, it was left out then and is gone "
                 "too: import their files again with --again");
  return code;
}
