// SPDX-License-Identifier: Apache-2.0
// --data: files are imported into a throw-away store in the user's cache, named by a hash of what
// the files are (path, size, times), how they are read, and the program; while none of these
// changes, the store answers again. It appears under its name only when it is whole.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "cli/cli.h"

// A name in the cache: 32 hexadecimal digits.
enum { NAME_BYTES = 33 };

// What a throw-away store is made from, and where it is.
typedef struct data_store {
  cli *run;
  const char *case_column; // taken as a case key besides those recognised; NULL = none
  const ds_result *report; // of the import, when there was one
  uint64_t refused;
  char folder[CLI_CACHE_BYTES];
  char name[NAME_BYTES];
  char path[DS_PATH_BYTES_MAX];
} data_store;

static void add_text(XXH3_state_t *state, const char *text) {
  XXH3_128bits_update(state, text, strlen(text) + 1);
}

static void add_stat(XXH3_state_t *state, const char *path, const struct stat *info) {
  char real[PATH_MAX];
  add_text(state, realpath(path, real) != NULL ? real : path);
  const uint64_t facts[] = {(uint64_t)info->st_dev, (uint64_t)info->st_ino,
                            (uint64_t)info->st_size, (uint64_t)info->st_mtim.tv_sec,
                            (uint64_t)info->st_mtim.tv_nsec, (uint64_t)info->st_ctim.tv_sec,
                            (uint64_t)info->st_ctim.tv_nsec};
  XXH3_128bits_update(state, facts, sizeof facts);
}

static ds_code add_path(XXH3_state_t *state, const char *path, uint32_t depth, ds_error *err) {
  struct stat info;
  if (stat(path, &info) != 0)
    return ds_fail(err, DS_INPUT, "%s: %.300s",
                   errno == ENOENT ? "no such file" : strerror(errno), path);
  if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))
    return ds_fail(err, DS_INPUT, "%.300s is a pipe or a device: --data reads files, so save it as "
                   "one first", path);
  add_stat(state, path, &info);
  struct dirent **entries = NULL;
  const int count =
      S_ISDIR(info.st_mode) && depth == 0 ? scandir(path, &entries, NULL, alphasort) : 0;
  for (int i = 0; i < count; i++) {
    char below[2 * DS_PATH_BYTES_MAX];
    snprintf(below, sizeof below, "%s/%s", path, entries[i]->d_name);
    // The folder above changes with files that are none of ours.
    if (strcmp(entries[i]->d_name, "..") != 0)
      (void)add_path(state, below, depth + 1, NULL);
    free(entries[i]);
  }
  free(entries);
  return DS_OK;
}

// A name as given, or every file that it stands for when it is a pattern.
static ds_code add_files(XXH3_state_t *state, const char *name, ds_error *err) {
  glob_t found = {.gl_pathc = 0};
  ds_code code = DS_OK;
  if (access(name, F_OK) == 0 || strpbrk(name, "*?[") == NULL ||
      glob(name, 0, NULL, &found) != 0)
    code = add_path(state, name, 0, err);
  for (size_t i = 0; i < found.gl_pathc && code == DS_OK; i++)
    code = add_path(state, found.gl_pathv[i], 0, err);
  globfree(&found);
  return code;
}

static void add_options(XXH3_state_t *state, const data_store *data) {
  const cli *run = data->run;
  for (uint32_t o = 0; o < cli_reading_options_count; o++) {
    const char *name = cli_reading_options[o].name;
    for (uint32_t i = 0; i < cli_values(run, name); i++) {
      add_text(state, name);
      add_text(state, cli_value_at(run, name, i));
    }
  }
  const char *mapping = cli_value(run, "mapping");
  struct stat info;
  if (mapping != NULL && stat(mapping, &info) == 0)
    add_stat(state, mapping, &info);
  add_text(state, data->case_column != NULL ? data->case_column : "");
}

static ds_code name_make(const data_store *data, char name[NAME_BYTES], ds_error *err) {
  XXH3_state_t *state = XXH3_createState();
  if (state == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for --data");
  XXH3_128bits_reset(state);
  add_text(state, DS_PROGRAM_VERSION);
  struct stat program;
  if (stat("/proc/self/exe", &program) == 0)
    add_stat(state, "/proc/self/exe", &program);
  add_options(state, data);
  ds_code code = DS_OK;
  for (uint32_t i = 0; i < data->run->files_count && code == DS_OK; i++)
    code = add_files(state, data->run->files[i], err);
  const XXH128_hash_t hash = XXH3_128bits_digest(state);
  XXH3_freeState(state);
  snprintf(name, NAME_BYTES, "%016llx%016llx", (unsigned long long)hash.high64,
           (unsigned long long)hash.low64);
  return code;
}

static ds_code open_store(cli *run, const char *path, bool create, ds_store **ret_store,
                          ds_error *err) {
  ds_store_options options;
  ds_store_options_init(&options);
  options.write = options.create = create;
  options.threads = run->threads;
  if (run->memory_bytes != 0)
    options.memory_bytes = run->memory_bytes;
  return ds_store_open(path, &options, ret_store, err);
}

// The zone in which the import read times without one, by --time-zone or the mapping.
static const char *zone_of(const ds_result *import) {
  for (uint32_t i = 0; i < import->options_count; i++)
    if (strcmp(import->options[i].name, "time_zone") == 0)
      return import->options[i].text;
  return "UTC";
}

// How the files were read, and every warning but those of what was set aside.
static void tell_import(cli *run, const ds_result *result) {
  const ds_table *taken = ds_result_find(result, "taken");
  const ds_table *summary = ds_result_find(result, "summary");
  char line[1024], events[32], customers[32];
  size_t used = 0;
  line[0] = '\0';
  for (uint32_t r = 0; taken != NULL && r < taken->rows_count; r++) {
    const ds_cell *cells = taken->cells + (size_t)r * taken->columns_count;
    ds_str as = cells[1].text;
    // Properties are many and told by `schema`; a case key mostly has its column's name.
    if (cells[0].null || cells[1].null || (as.size > 8 && memcmp(as.data, "property", 8) == 0))
      continue;
    if (as.size > 8 && memcmp(as.data, "case key", 8) == 0)
      as.size = 8;
    const int size = snprintf(line + used, sizeof line - used, "%s%.*s as %.*s",
                              used == 0 ? "; read " : ", ", DS_STR(cells[0].text), DS_STR(as));
    used = size > 0 && used + (size_t)size < sizeof line ? used + (size_t)size : used;
    line[used] = '\0';
  }
  const uint32_t event = ds_table_column(summary, "events");
  const uint32_t customer = ds_table_column(summary, "customers");
  const char *zone = zone_of(result);
  cli_say(run, "imported %s%s: %s events of %s customers%s; days are those of %s%s", run->files[0],
          run->files_count > 1 ? " and more" : "",
          ds_human_count(events, (uint64_t)summary->cells[event].i),
          ds_human_count(customers, (uint64_t)summary->cells[customer].i), line, zone,
          strcmp(zone, "UTC") == 0 ? " (--time-zone names another)" : "");
  for (uint32_t n = 0; n < result->notes_count; n++)
    if (result->notes[n].warning && strstr(result->notes[n].text, "quarantine/") == NULL)
      cli_say(run, "warning: %s", result->notes[n].text);
}

static ds_code import_into(data_store *data, const char *path, ds_error *err) {
  cli *run = data->run;
  ds_import_options options;
  TRY(cli_import_options(run, run->files, run->files_count, &options, err));
  options.case_column = data->case_column;
  ds_store *store = NULL;
  TRY(open_store(run, path, true, &store, err));
  options.memory_bytes = ds_store_get_options(store)->memory_bytes;
  ds_result *result = NULL;
  ds_code code = cli_import_into(run, store, &options, &result, err);
  // The days of what was read in a zone are that zone's.
  if (code == DS_OK)
    code = ds_settings_write_zone(ds_io_posix(), path, zone_of(result), err);
  data->report = result;
  return code == DS_INTERRUPTED ? ds_fail(err, code, "stopped") : code;
}

// Makes the store beside its name, and gives it the name when the files are still what they were.
static ds_code make_store(data_store *data, ds_error *err) {
  char fresh[DS_PATH_BYTES_MAX + 32];
  snprintf(fresh, sizeof fresh, "%s.%ld.new", data->path, (long)getpid());
  const mode_t mask = umask(077);
  ds_code code = import_into(data, fresh, err);
  umask(mask);
  char after[NAME_BYTES];
  if (code == DS_OK)
    code = name_make(data, after, err);
  if (code == DS_OK && strcmp(after, data->name) != 0)
    code = ds_fail(err, DS_INPUT, "%.300s changed while it was read", data->run->files[0]);
  // Another process may have made the same store meanwhile: then that one is used.
  if (code == DS_OK && rename(fresh, data->path) != 0 && errno != ENOTEMPTY && errno != EEXIST)
    code = ds_fail(err, DS_IO, "%.300s: %s", data->path, strerror(errno));
  cli_cache_remove(fresh);
  return code;
}

// On stderr: the import when there was one, and always what the store lacks.
static void tell(const data_store *data) {
  char count[32];
  if (data->report != NULL)
    tell_import(data->run, data->report);
  if (data->refused > 0)
    cli_say(data->run, "warning: %s %s set aside: see %s/quarantine",
            ds_human_count(count, data->refused), data->refused == 1 ? "row was" : "rows were",
            data->path);
}

static ds_code count_refused(void *context, const ds_import_info *info, ds_error *err) {
  (void)err;
  *(uint64_t *)context += info->rejected;
  return DS_OK;
}

// Asks an open store, which is taken.
static ds_code take(cli *run, ds_store *store, ds_error *err) {
  const ds_ask_options options = {.segments = cli_value(run, "segments"),
                                  .duckdb = cli_duckdb_path(run),
                                  .personal = cli_flag(run, "personal")};
  ds_ask_free(run->ask);
  run->ask = NULL;
  run->memory_bytes = ds_store_get_options(store)->memory_bytes;
  return ds_ask_take(store, &options, &run->ask, err);
}

void cli_say_unsealed(cli *run) {
  char count[32];
  const ds_unsealer *unsealer = run->ask->unsealer;
  if (cli_flag(run, "personal"))
    cli_say(run, "personal values in clear: %s",
            ds_human_count(count, unsealer == NULL ? 0 : unsealer->opened));
}

static ds_code open_data(data_store *data, ds_error *err) {
  TRY(name_make(data, data->name, err));
  data->report = NULL;
  snprintf(data->path, sizeof data->path, "%s/%s", data->folder, data->name);
  ds_store *store = NULL;
  ds_error none = {.code = DS_OK};
  const bool found = open_store(data->run, data->path, false, &store, &none) == DS_OK;
  if (!found) {
    // What is there under the name and cannot be opened is of no use.
    cli_cache_remove(data->path);
    TRY(make_store(data, err));
    TRY(open_store(data->run, data->path, false, &store, err));
  }
  utimensat(AT_FDCWD, data->path, NULL, 0);
  if (!found)
    cli_cache_tidy(data->folder, data->name);
  data->refused = 0;
  const ds_code code = ds_store_imports(store, count_refused, &data->refused, err);
  if (code == DS_OK)
    return take(data->run, store, err);
  ds_store_close(store);
  return code;
}

// --case may name a column that is not known for one of case keys: then it is taken as one.
static bool names_a_property(const cli *run, const ds_snapshot *snapshot) {
  const char *key = cli_value(run, "case");
  return key != NULL && ds_names_find(&snapshot->space.keys, ds_str_of(key)) == DS_NONE &&
         ds_names_find(&snapshot->space.properties, ds_str_of(key)) != DS_NONE;
}

static ds_code check_options(const cli *run, ds_error *err) {
  const bool data = cli_flag(run, "data");
  if (data && cli_value(run, "store") != NULL)
    return ds_fail(err, DS_USAGE, "give --data or --store, not both");
  for (uint32_t o = 0; o < cli_reading_options_count && !data; o++)
    if (cli_flag(run, cli_reading_options[o].name))
      return ds_fail(err, DS_USAGE, "--%s says how files are read: give --data too",
                     cli_reading_options[o].name);
  return DS_OK;
}

ds_code cli_open_ask(cli *run, ds_error *err) {
  TRY(check_options(run, err));
  if (!cli_flag(run, "data")) {
    ds_store *store = NULL;
    TRY(cli_open_store(run, false, false, &store, err));
    return take(run, store, err);
  }
  data_store data = {.run = run};
  TRY(cli_cache_folder(data.folder, err));
  TRY(open_data(&data, err));
  if (names_a_property(run, run->ask->snapshot)) {
    data.case_column = cli_value(run, "case");
    TRY(open_data(&data, err));
  }
  tell(&data);
  return DS_OK;
}

ds_code cli_select_events(cli *run, ds_request *ret_request, ds_error *err) {
  static const char *const names[] = {"where", "case", "cases", "from", "to", "range", "as-of",
                                      "known-at"};
  ds_option_value values[sizeof names / sizeof *names + 1];
  uint32_t count = 0;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (cli_value(run, names[i]) != NULL)
      values[count++] = (ds_option_value){names[i], cli_value(run, names[i])};
  if (cli_value(run, "range") == NULL &&
      (cli_value(run, "from") != NULL || cli_value(run, "to") != NULL))
    values[count++] = (ds_option_value){"range", "events"};
  return ds_ask_select(run->ask, values, count, &run->arena, ret_request, err);
}
