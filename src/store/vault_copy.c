// SPDX-License-Identifier: Apache-2.0
// Copying the keys of a store, when a backup is asked for them or a restore is given them.
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "store/sqlite_vfs.h"
#include "store/vault.h"

#define KEYS_BYTES_MAX ((size_t)1 << 30)
#define KEY_BYTES_MAX 4096u

// Makes <to>/<name> hold these bytes, for nobody else to read, at one instant.
static ds_code put_private(ds_io *io, const char *to, const char *name, const char *bytes,
                           size_t size, ds_error *err) {
  char path[2 * DS_PATH_BYTES_MAX], temporary[2 * DS_PATH_BYTES_MAX];
  (void)snprintf(path, sizeof path, "%s/%s", to, name);
  (void)snprintf(temporary, sizeof temporary, "%s/%s.tmp", to, name);
  const int flags = DS_OPEN_WRITE | DS_OPEN_CREATE | DS_OPEN_PRIVATE;
  ds_file *file = NULL;
  TRY(io->ops->open(io, temporary, flags, &file, err));
  ds_code code = io->ops->truncate(io, file, 0, err);
  if (code == DS_OK)
    code = io->ops->write_at(io, file, 0, bytes, size, err);
  if (code == DS_OK)
    code = io->ops->sync(io, file, err);
  io->ops->close(io, file);
  if (code == DS_OK)
    code = io->ops->rename(io, temporary, path, err);
  return code == DS_OK ? io->ops->sync_dir(io, to, err) : code;
}

static ds_code copy_file(ds_io *io, const char *from, const char *to, const char *name,
                         size_t size_max, ds_error *err) {
  char path[2 * DS_PATH_BYTES_MAX];
  char *bytes = NULL;
  size_t size = 0;
  (void)snprintf(path, sizeof path, "%s/%s", from, name);
  TRY(ds_io_read_file(io, path, size_max, &bytes, &size, err));
  const ds_code code = put_private(io, to, name, bytes, size, err);
  for (volatile char *at = bytes; size > 0; size--)
    *at++ = 0;
  free(bytes);
  return code;
}

// While a reader holds the database, its writer commits nothing, and every page's checksum has been
// looked at.
static ds_code hold(ds_sqlite *database, ds_error *err) {
  sqlite3 *db = ds_sqlite_handle(database);
  return sqlite3_exec(db, "BEGIN; PRAGMA quick_check;", NULL, NULL, NULL) == SQLITE_OK
             ? DS_OK
             : ds_sqlite_fail(database, err);
}

ds_code ds_vault_copy(ds_io *io, const char *from, const char *to, bool *ret_has, ds_error *err) {
  char path[2 * DS_PATH_BYTES_MAX];
  ds_sqlite *database = NULL;
  ds_error found = {.message = ""};
  (void)snprintf(path, sizeof path, "%s/keys.sqlite", from);
  ds_code code = ds_sqlite_open(io, path, DS_SQLITE_READ, &database, &found);
  *ret_has = code != DS_MISSING;
  if (code == DS_MISSING)
    return DS_OK;
  if (code != DS_OK)
    return ds_fail(err, code, "keys.sqlite: %.400s", found.message);
  code = hold(database, err);
  if (code == DS_OK)
    code = copy_file(io, from, to, "keys.sqlite", KEYS_BYTES_MAX, err);
  // A master key that is kept elsewhere is not the store's to copy.
  if (code == DS_OK) {
    code = copy_file(io, from, to, "key", KEY_BYTES_MAX, &found);
    code = code == DS_MISSING ? DS_OK
           : code == DS_OK    ? DS_OK
                              : ds_fail(err, code, "%s", found.message);
  }
  ds_sqlite_close(database);
  return code;
}

ds_code ds_vault_remove(ds_io *io, const char *from, ds_error *err) {
  static const char *const names[] = {"keys.sqlite", "keys.sqlite.tmp", "key", "key.tmp"};
  char path[2 * DS_PATH_BYTES_MAX];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    ds_error found = {.message = ""};
    (void)snprintf(path, sizeof path, "%s/%s", from, names[i]);
    const ds_code code = io->ops->unlink(io, path, &found);
    if (code != DS_OK && code != DS_MISSING)
      return ds_fail(err, code, "%s", found.message);
  }
  return io->ops->sync_dir(io, from, err);
}
