// SPDX-License-Identifier: Apache-2.0
// Copying the keys of a store, when a backup is asked for them or a restore is given them.
#include <stdio.h>
#include <stdlib.h>

#include "store/vault_state.h"

#define KEYS_BYTES_MAX ((size_t)1 << 30)

// Makes <to>/keys.sqlite hold these bytes, for nobody else to read, at one instant.
static ds_code put_private(ds_io *io, const char *to, const char *bytes, size_t size,
                           ds_error *err) {
  char path[2 * DS_PATH_BYTES_MAX], temporary[2 * DS_PATH_BYTES_MAX];
  (void)snprintf(path, sizeof path, "%s/keys.sqlite", to);
  (void)snprintf(temporary, sizeof temporary, "%s/keys.sqlite.tmp", to);
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

ds_code ds_vault_file_copy(ds_io *io, const char *from, const char *to, ds_error *err) {
  char path[2 * DS_PATH_BYTES_MAX];
  char *bytes = NULL;
  size_t size = 0;
  (void)snprintf(path, sizeof path, "%s/keys.sqlite", from);
  TRY(ds_io_read_file(io, path, KEYS_BYTES_MAX, &bytes, &size, err));
  const ds_code code = put_private(io, to, bytes, size, err);
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

// Brings the copy's master key to its place when it lies in key.new, as after a rotation that was
// cut short. What does not open is about to be replaced.
static ds_code settle(ds_io *io, const char *to, uint64_t fingerprint, ds_error *err) {
  const ds_vault_options options = {
      .io = io, .directory = to, .fingerprint = fingerprint, .write = true, .is_copy = true};
  ds_vault *copy = NULL;
  ds_error found = {.message = ""};
  const ds_code code = ds_vault_open(&options, &copy, &found);
  ds_vault_close(copy);
  return code == DS_OK || code == DS_MISSING || code == DS_CORRUPT || code == DS_VERSION
             ? DS_OK
             : ds_fail(err, code, "%s", found.message);
}

// keys.sqlite and key are two files that fit each other: so the master key waits in key.new, where
// who opens the copy looks too, until keys.sqlite has taken its place.
static ds_code copy_both(ds_vault *vault, const char *from, const char *to, ds_error *err) {
  ds_io *io = vault->io;
  char next[2 * DS_PATH_BYTES_MAX], path[2 * DS_PATH_BYTES_MAX];
  (void)snprintf(next, sizeof next, "%s/key.new", to);
  (void)snprintf(path, sizeof path, "%s/key", to);
  TRY(settle(io, to, ds_vault_fingerprint(vault), err));
  TRY(ds_vault_file_put_key(vault, next, err));
  TRY(io->ops->sync_dir(io, to, err));
  TRY(ds_vault_file_copy(io, from, to, err));
  TRY(io->ops->rename(io, next, path, err));
  return io->ops->sync_dir(io, to, err);
}

// A master key that is kept elsewhere is not the store's to copy; an old one may lie here then.
static ds_code copy_held(ds_io *io, const char *from, const char *to, ds_vault_copied *ret_copied,
                         ds_error *err) {
  const ds_vault_options options = {.io = io, .directory = from};
  ds_vault *vault = NULL;
  ds_error found = {.message = ""};
  const ds_code opened = ds_vault_open(&options, &vault, &found);
  *ret_copied = opened == DS_OK ? DS_VAULT_COPIED_WHOLE : DS_VAULT_COPIED_LOCKED;
  if (opened == DS_MISSING || opened == DS_CORRUPT)
    return ds_vault_file_copy(io, from, to, err);
  if (opened != DS_OK)
    return ds_fail(err, opened, "%s", found.message);
  const ds_code code = copy_both(vault, from, to, err);
  ds_vault_close(vault);
  return code;
}

ds_code ds_vault_copy(ds_io *io, const char *from, const char *to, ds_vault_copied *ret_copied,
                      ds_error *err) {
  char path[2 * DS_PATH_BYTES_MAX];
  ds_sqlite *database = NULL;
  ds_error found = {.message = ""};
  (void)snprintf(path, sizeof path, "%s/keys.sqlite", from);
  ds_code code = ds_sqlite_open(io, path, DS_SQLITE_READ, &database, &found);
  *ret_copied = DS_VAULT_COPIED_NONE;
  if (code == DS_MISSING)
    return DS_OK;
  if (code != DS_OK)
    return ds_fail(err, code, "keys.sqlite: %.400s", found.message);
  code = hold(database, err);
  if (code == DS_OK)
    code = copy_held(io, from, to, ret_copied, err);
  ds_sqlite_close(database);
  return code;
}

ds_code ds_vault_remove(ds_io *io, const char *from, ds_error *err) {
  static const char *const names[] = {"keys.sqlite", "keys.sqlite.tmp", "key", "key.new"};
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
