// SPDX-License-Identifier: Apache-2.0
#include "io/io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/seeded.h"

static const char *last_component(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

static ds_code read_open_file(ds_io *io, ds_file *file, const char *path, size_t size_max,
                              char **ret_text, size_t *ret_size, ds_error *err) {
  uint64_t size;
  TRY(io->ops->size(io, file, &size, err));
  if (size > size_max || size >= SIZE_MAX)
    return ds_fail(err, DS_LIMIT, "%s is larger than %zu bytes", last_component(path), size_max);
  char *text = malloc((size_t)size + 1);
  if (text == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for %s", last_component(path));
  const ds_code code = io->ops->read_at(io, file, 0, text, (size_t)size, err);
  if (code != DS_OK) {
    free(text);
    return code;
  }
  text[size] = '\0';
  *ret_text = text;
  *ret_size = (size_t)size;
  return DS_OK;
}

ds_code ds_io_read_file(ds_io *io, const char *path, size_t size_max, char **ret_text,
                        size_t *ret_size, ds_error *err) {
  ds_file *file;
  TRY(io->ops->open(io, path, DS_OPEN_READ, &file, err));
  const ds_code code = read_open_file(io, file, path, size_max, ret_text, ret_size, err);
  io->ops->close(io, file);
  return code;
}

// A crash may have left a longer file of that name behind, hence the truncation. Nothing may be
// renamed before its content is on disk.
static ds_code write_synced(ds_io *io, const char *path, const void *data, size_t size,
                            ds_error *err) {
  ds_file *file;
  TRY(io->ops->open(io, path, DS_OPEN_WRITE | DS_OPEN_CREATE, &file, err));
  ds_code code = io->ops->truncate(io, file, 0, err);
  if (code == DS_OK)
    code = io->ops->write_at(io, file, 0, data, size, err);
  if (code == DS_OK && !DS_SEEDED(MANIFEST_NOT_SYNCED))
    code = io->ops->sync(io, file, err);
  io->ops->close(io, file);
  return code;
}

ds_code ds_io_replace_file(ds_io *io, const char *dir, const char *path, const void *data,
                           size_t size, ds_error *err) {
  if (DS_SEEDED(MANIFEST_IN_PLACE))
    return write_synced(io, path, data, size, err);
  char temporary[DS_PATH_BYTES_MAX];
  const int length = snprintf(temporary, sizeof(temporary), "%s.tmp", path);
  if (length < 0 || (size_t)length >= sizeof(temporary))
    return ds_fail(err, DS_LIMIT, "a path is longer than %u bytes", DS_PATH_BYTES_MAX - 1);
  ds_code code = write_synced(io, temporary, data, size, err);
  if (code == DS_OK)
    code = io->ops->rename(io, temporary, path, err);
  if (code != DS_OK) {
    // The first failure is the one to report; a leftover is harmless and the next call replaces it.
    (void)io->ops->unlink(io, temporary, NULL);
    return code;
  }
  return DS_SEEDED(MANIFEST_NOT_NAMED) ? DS_OK : io->ops->sync_dir(io, dir, err);
}
