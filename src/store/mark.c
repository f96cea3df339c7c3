// SPDX-License-Identifier: Apache-2.0
// A store's state in a few small reads: the end of MANIFEST, which holds its checksum; which logs
// there are and where the zeros behind their records begin; and the first page of keys.sqlite,
// where each change is counted.
#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "store/log.h"
#include "store/store.h"

// Of the end of MANIFEST, and of the beginning of keys.sqlite.
enum { MARK_BYTES = 64 };

typedef struct marking {
  ds_io *io;
  const char *path;
  uint64_t logs; // a sum, as a listing has no order
} marking;

// Adds a file's length and its first or last bytes; one that is absent adds nothing.
static ds_code add_file(const marking *in, const char *name, bool end, XXH3_state_t *hash,
                        ds_error *err) {
  char path[2 * DS_PATH_BYTES_MAX];
  uint8_t bytes[MARK_BYTES];
  ds_file *file = NULL;
  uint64_t size = 0;
  ds_error own = {.code = DS_OK};
  snprintf(path, sizeof path, "%s/%s", in->path, name);
  const ds_code opened = in->io->ops->open(in->io, path, DS_OPEN_READ, &file, &own);
  if (opened != DS_OK)
    return opened == DS_MISSING ? DS_OK : ds_fail(err, opened, "%s", own.message);
  ds_code code = in->io->ops->size(in->io, file, &size, err);
  const size_t read = size < MARK_BYTES ? (size_t)size : MARK_BYTES;
  if (code == DS_OK)
    code = in->io->ops->read_at(in->io, file, end ? size - read : 0, bytes, read, err);
  in->io->ops->close(in->io, file);
  TRY(code);
  XXH3_64bits_update(hash, bytes, read);
  XXH3_64bits_update(hash, &size, sizeof size);
  return DS_OK;
}

static ds_code add_log(void *context, const char *name, ds_error *err) {
  marking *in = context;
  char path[DS_PATH_BYTES_MAX];
  uint64_t parts[2] = {0, XXH3_64bits(name, strlen(name))};
  ds_file *file = NULL;
  ds_error own = {.code = DS_OK};
  if (snprintf(path, sizeof path, "%s/log/%s", in->path, name) >= (int)sizeof path)
    return DS_OK;
  const ds_code opened = in->io->ops->open(in->io, path, DS_OPEN_READ, &file, &own);
  // One that has gone since the listing was begun is none.
  if (opened != DS_OK)
    return opened == DS_MISSING ? DS_OK : ds_fail(err, opened, "%s", own.message);
  ds_code code = in->io->ops->size(in->io, file, &parts[0], err);
  if (code == DS_OK)
    code = ds_log_measure(in->io, file, parts[0], &parts[0], err);
  in->io->ops->close(in->io, file);
  in->logs += XXH3_64bits(parts, sizeof parts);
  return code;
}

static ds_code read_all(marking *in, XXH3_state_t *hash, ds_error *err) {
  char path[2 * DS_PATH_BYTES_MAX];
  snprintf(path, sizeof path, "%s/log", in->path);
  TRY(add_file(in, "MANIFEST", true, hash, err));
  TRY(add_file(in, "keys.sqlite", false, hash, err));
  TRY(in->io->ops->list(in->io, path, add_log, in, err));
  XXH3_64bits_update(hash, &in->logs, sizeof in->logs);
  return DS_OK;
}

ds_code ds_store_mark(ds_io *io, const char *path, uint64_t *ret_mark, ds_error *err) {
  marking in = {.io = io, .path = path};
  XXH3_state_t *hash = XXH3_createState();
  if (hash == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a store");
  XXH3_64bits_reset(hash);
  const ds_code code = read_all(&in, hash, err);
  if (code == DS_OK)
    *ret_mark = XXH3_64bits_digest(hash);
  XXH3_freeState(hash);
  return code;
}
