// SPDX-License-Identifier: Apache-2.0
// Where things are: the store, and the library that reads files.
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

static bool is_directory(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool is_there(const char *path) {
  struct stat info;
  return stat(path, &info) == 0;
}

// A directory with a manifest is a store; anything else is not opened as one. *ret_closed: it may
// not be looked into, so that it may be one.
static bool is_store(const char *path, bool *ret_closed) {
  char manifest[DS_PATH_BYTES_MAX + 64];
  snprintf(manifest, sizeof manifest, "%s/MANIFEST", path);
  const bool is = access(manifest, F_OK) == 0;
  *ret_closed = !is && errno == EACCES;
  return is;
}

static ds_code set_store(cli *run, const char *path, ds_error *err) {
  if (path[0] == '\0' || strlen(path) >= sizeof run->store)
    return ds_fail(err, DS_USAGE, "the store's path is empty or too long");
  snprintf(run->store, sizeof run->store, "%s", path);
  return DS_OK;
}

// Looks for doorstep.store here and in each folder above. One that may not be looked into is not
// passed over for another.
static bool find_upwards(cli *run, bool *ret_closed) {
  *ret_closed = false;
  char folder[DS_PATH_BYTES_MAX];
  if (getcwd(folder, sizeof folder) == NULL)
    return false;
  bool here = true;
  for (;;) {
    char path[DS_PATH_BYTES_MAX + 32];
    const char *slash = folder[1] == '\0' ? "" : "/";
    snprintf(path, sizeof path, "%s%s" CLI_STORE_NAME, folder, slash);
    const char *found = here ? CLI_STORE_NAME : path;
    bool closed;
    const bool is = is_store(path, &closed);
    *ret_closed = closed && is_directory(path);
    if ((is || *ret_closed) && strlen(found) < sizeof run->store) {
      memcpy(run->store, found, strlen(found) + 1);
      return is;
    }
    here = false;
    char *end = strrchr(folder, '/');
    if (end == NULL || folder[1] == '\0')
      return false;
    end[end == folder] = '\0';
  }
}

static const char *named_store(const cli *run) {
  const char *named = cli_value(run, "store");
  return named != NULL ? named : getenv("DOORSTEP_STORE");
}

bool cli_store_named(const cli *run) {
  const char *named = named_store(run);
  return named != NULL && named[0] != '\0';
}

static ds_code find_named(cli *run, const char *named, bool create, bool *ret_exists,
                          bool *ret_closed, ds_error *err) {
  TRY(set_store(run, named, err));
  *ret_exists = is_store(run->store, ret_closed);
  if (is_there(run->store) && !is_directory(run->store))
    return ds_fail(err, DS_MISSING, "%.200s is a file, and a store is a folder", named);
  if (*ret_exists || *ret_closed || create)
    return DS_OK;
  if (!is_directory(run->store))
    return ds_fail(err, DS_MISSING, "no store at %.200s; `doorstep --store %.80s init` makes one",
                   named, named);
  return ds_fail(err, DS_MISSING, "%.200s is a folder but no store (no MANIFEST in it)", named);
}

static ds_code find_here(cli *run, bool create, bool *ret_exists, bool *ret_closed,
                         ds_error *err) {
  *ret_exists = find_upwards(run, ret_closed);
  if (*ret_exists || *ret_closed)
    return DS_OK;
  if (!create)
    return ds_fail(err, DS_MISSING,
                   "no store here: `doorstep init` makes one, `doorstep import FILE` makes and "
                   "fills one, --store DIR names another");
  return set_store(run, CLI_STORE_NAME, err);
}

ds_code cli_find_store(cli *run, bool create, bool *ret_exists, ds_error *err) {
  bool exists = false;
  bool closed = false;
  TRY(cli_store_named(run) ? find_named(run, named_store(run), create, &exists, &closed, err)
                           : find_here(run, create, &exists, &closed, err));
  if (closed)
    return ds_fail(err, DS_IO, "cannot look into %.300s: permission denied", run->store);
  *ret_exists = exists;
  return DS_OK;
}

ds_code cli_new_store(cli *run, ds_error *err) {
  bool exists = false;
  TRY(cli_find_store(run, true, &exists, err));
  if (exists && strchr(run->store, '/') != NULL && !cli_store_named(run)) {
    run->values[run->values_count++] = (ds_option_value){"store", CLI_STORE_NAME};
    TRY(cli_find_store(run, true, &exists, err));
  }
  if (exists)
    return ds_fail(err, DS_USAGE, "there is a store already: %.300s", run->store);
  return DS_OK;
}

const char *cli_key_file(void) {
  const char *file = getenv("DOORSTEP_KEY_FILE");
  return file == NULL || file[0] == '\0' ? NULL : file;
}

ds_code cli_open_store(cli *run, bool write, bool create, ds_store **ret_store, ds_error *err) {
  bool exists = false;
  TRY(cli_find_store(run, create, &exists, err));
  ds_store_options options;
  ds_store_options_init(&options);
  options.write = write;
  options.create = create;
  options.threads = run->threads;
  options.key_file = cli_key_file();
  options.background = true;
  options.compact = !cli_flag(run, "no-compact");
  if (run->memory_bytes != 0)
    options.memory_bytes = run->memory_bytes;
  TRY(ds_store_open(run->store, &options, ret_store, err));
  // From here on the store's budget is the run's.
  run->memory_bytes = ds_store_get_options(*ret_store)->memory_bytes;
  if (!exists)
    cli_say(run, "made the store %s", run->store);
  return DS_OK;
}

const char *cli_duckdb_path(cli *run) {
  static const char *const places[] = {"", "../lib/doorstep/"};
  char program[DS_PATH_BYTES_MAX];
  const ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
  if (size <= 0)
    return NULL;
  program[size] = '\0';
  char *slash = strrchr(program, '/');
  if (slash == NULL)
    return NULL;
  slash[1] = '\0';
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
    char path[2 * DS_PATH_BYTES_MAX];
    snprintf(path, sizeof path, "%s%slibduckdb.so", program, places[i]);
    if (access(path, R_OK) == 0)
      return ds_arena_text(&run->arena, path, strlen(path));
  }
  return NULL;
}
