// SPDX-License-Identifier: Apache-2.0
// See definitions.h. The lock is a byte of LOCK far behind what is written there: that file is in
// every store, and its lock as a whole, which a writer holds, is of another kind.
#include "store/definitions.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "store/backup.h"

#define LOCKED_BYTE ((uint64_t)1 << 40)

enum { WAIT_US = 10000, WAITS_MAX = 500, PATH_BYTES = DS_PATH_BYTES_MAX + 32 };

static ds_code below(const char *folder, const char *name, char out[PATH_BYTES], ds_error *err) {
  const int size = snprintf(out, PATH_BYTES, "%s/%s", folder, name);
  if (size <= 0 || size >= PATH_BYTES)
    return ds_fail(err, DS_LIMIT, "the path of the store is too long");
  return DS_OK;
}

ds_code ds_definitions_read(ds_io *io, const char *folder, const char *file, char **ret_text,
                            size_t *ret_size, ds_error *err) {
  char path[PATH_BYTES];
  ds_error why = {.code = DS_OK};
  TRY(below(folder, file, path, err));
  const ds_code code =
      ds_io_read_file(io, path, DS_BOARDS_BYTES_MAX, ret_text, ret_size, &why);
  if (code == DS_LIMIT)
    return ds_fail(err, DS_LIMIT, "%s is larger than %u KiB", file, DS_BOARDS_BYTES_MAX >> 10);
  if (code != DS_MISSING)
    return code == DS_OK ? DS_OK : ds_fail(err, code, "%s", why.message);
  char *empty = calloc(1, 1);
  if (empty == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for %s", file);
  *ret_text = empty;
  *ret_size = 0;
  return DS_OK;
}

static ds_code take(ds_io *io, ds_file *file, const char *name, uint32_t waits, ds_error *err) {
  for (uint32_t i = 0;; i++) {
    const ds_code code = io->ops->hold(io, file, LOCKED_BYTE, 1, DS_HOLD_EXCLUSIVE, err);
    if (code != DS_BUSY)
      return code;
    if (i >= waits)
      return ds_fail(err, DS_BUSY, "another process has been changing %s for some seconds: try "
                     "again", name);
    io->ops->sleep_us(io, WAIT_US);
  }
}

// Opens LOCK and holds the byte; closing lets go of it.
static ds_code take_lock(ds_io *io, const char *folder, const char *name, uint32_t waits,
                         ds_file **ret_file, ds_error *err) {
  char path[PATH_BYTES];
  ds_file *file = NULL;
  TRY(below(folder, "LOCK", path, err));
  const ds_code opened = io->ops->open(io, path, DS_OPEN_READ | DS_OPEN_WRITE, &file, err);
  if (opened == DS_MISSING)
    return ds_fail(err, DS_MISSING, "there is no store in %.300s", folder);
  TRY(opened);
  const ds_code code = take(io, file, name, waits, err);
  if (code != DS_OK)
    io->ops->close(io, file);
  else
    *ret_file = file;
  return code;
}

static ds_code change(ds_io *io, const char *folder, const char *file, ds_buf *out,
                      ds_code (*edit)(void *context, ds_str old, ds_buf *out, ds_error *err),
                      void *context, ds_error *err) {
  char path[PATH_BYTES];
  char *old = NULL;
  size_t size = 0;
  TRY(below(folder, file, path, err));
  TRY(ds_definitions_read(io, folder, file, &old, &size, err));
  const ds_code code = edit(context, (ds_str){old, (uint32_t)size}, out, err);
  free(old);
  TRY(code);
  const ds_code fits = ds_buf_check(out, file, err);
  if (fits == DS_LIMIT)
    return ds_fail(err, DS_LIMIT, "%s would be larger than %u KiB: remove something from it", file,
                   DS_BOARDS_BYTES_MAX >> 10);
  TRY(fits);
  // Also a text like the one before: that may be in sight without being on disk.
  return ds_io_replace_file(io, folder, path, out->data, out->size, err);
}

ds_code ds_definitions_change(ds_io *io, const char *folder, const char *file,
                              ds_code (*edit)(void *context, ds_str old, ds_buf *out,
                                              ds_error *err),
                              void *context, ds_error *err) {
  bool backup = false;
  ds_file *lock = NULL;
  ds_buf out;
  TRY(ds_is_backup(io, folder, &backup, err));
  if (backup)
    return ds_fail(err, DS_USAGE, "this is a backup: `doorstep restore` makes a store of it");
  TRY(take_lock(io, folder, file, WAITS_MAX, &lock, err));
  ds_buf_init(&out, DS_BOARDS_BYTES_MAX);
  const ds_code code = change(io, folder, file, &out, edit, context, err);
  ds_buf_done(&out);
  io->ops->close(io, lock);
  return code;
}

static ds_code tidy_one(ds_io *io, const char *folder, const char *name, ds_error *err) {
  char path[PATH_BYTES];
  ds_file *file = NULL;
  ds_error why = {.code = DS_OK};
  TRY(below(folder, name, path, err));
  ds_code code = io->ops->open(io, path, DS_OPEN_READ, &file, &why);
  if (code == DS_MISSING)
    return DS_OK;
  if (code != DS_OK)
    return ds_fail(err, code, "%s", why.message);
  io->ops->close(io, file);
  // One that is being written right now is not left over.
  code = take_lock(io, folder, name, 0, &file, &why);
  if (code == DS_BUSY)
    return DS_OK;
  if (code != DS_OK)
    return ds_fail(err, code, "%s", why.message);
  code = io->ops->unlink(io, path, err);
  if (code == DS_MISSING)
    code = DS_OK;
  else if (code == DS_OK)
    code = io->ops->sync_dir(io, folder, err);
  io->ops->close(io, file);
  return code;
}

ds_code ds_definitions_tidy(ds_io *io, const char *folder, ds_error *err) {
  TRY(tidy_one(io, folder, DS_BOARDS_FILE ".tmp", err));
  return tidy_one(io, folder, DS_API_KEYS_FILE ".tmp", err);
}
