// SPDX-License-Identifier: Apache-2.0
// Sealing: the log's tail becomes a part, and the log is replaced by an empty one.
#include <stdio.h>

#include "base/seeded.h"
#include "store/state.h"

// A log whose rows are all in parts grows by import records only; past this it is replaced.
#define LOG_BYTES_ROWLESS_MAX (1u << 20)

// Builds the tail into part files and adds them to the next manifest.
static ds_code seal_rows(ds_store *store, ds_manifest *next, ds_error *err) {
  char directory[DS_PATH_BYTES_MAX + 8];
  (void)snprintf(directory, sizeof directory, "%s/part", store->path);
  atomic_uint_fast64_t next_part = next->next_part;
  const ds_build_options options = {.io = store->io,
                                    .directory = directory,
                                    .next = &next_part,
                                    .space = &store->tail.space,
                                    .places = store->view.parts,
                                    .places_count = store->view.parts_count,
                                    .dedupe = true};
  ds_builder *builder;
  TRY(ds_builder_new(&options, &builder, err));
  const ds_part_info *parts = NULL;
  uint32_t count = 0;
  ds_code code = ds_tail_build(&store->tail, builder, err);
  if (code == DS_OK)
    code = ds_builder_finish(builder, &parts, &count, err);
  for (uint32_t i = 0; i < count && code == DS_OK; i++)
    code = ds_manifest_add_part(next, &parts[i], 0, err);
  ds_builder_free(builder);
  if (code == DS_OK && count > 0)
    code = store->io->ops->sync_dir(store->io, directory, err);
  next->next_part = atomic_load(&next_part);
  return code;
}

static ds_code make_next_log(ds_store *store, ds_manifest *next, ds_log *ret_log, ds_error *err) {
  next->sealed_seq = store->log.next_seq - 1;
  next->log_number = next->next_log++;
  next->log_first_seq = store->log.next_seq;
  char path[DS_PATH_BYTES_MAX];
  ds_store_file(store->path, "log", next->log_number, path);
  TRY(ds_log_create(store->io, path, next->log_number, store->log.next_seq, ret_log, err));
  char directory[DS_PATH_BYTES_MAX + 8];
  (void)snprintf(directory, sizeof directory, "%s/log", store->path);
  const ds_code code = DS_SEEDED(NEW_LOG_NOT_NAMED)
                           ? DS_OK
                           : store->io->ops->sync_dir(store->io, directory, err);
  if (code != DS_OK)
    ds_log_close(ret_log);
  return code;
}

static ds_code unlink_log(ds_store *store, uint64_t number, ds_error *err) {
  char path[DS_PATH_BYTES_MAX + 8];
  ds_store_file(store->path, "log", number, path);
  TRY(store->io->ops->unlink(store->io, path, err));
  (void)snprintf(path, sizeof path, "%s/log", store->path);
  return store->io->ops->sync_dir(store->io, path, err);
}

// All of a seal that may fail before the manifest: it leaves no more than orphans.
static ds_code prepare_seal(ds_store *store, ds_view *next, ds_log *ret_log, ds_error *err) {
  TRY(ds_store_next_view(store, next, err));
  const uint32_t first = next->manifest.parts_count;
  ds_code code = seal_rows(store, &next->manifest, err);
  if (code == DS_OK)
    code = ds_view_open_parts(store->io, store->path, next, &store->view, err);
  if (code == DS_OK)
    code = ds_view_add_types(next, first, err);
  if (code == DS_OK)
    code = make_next_log(store, &next->manifest, ret_log, err);
  if (code != DS_OK)
    ds_view_done(next);
  return code;
}

static ds_code seal(ds_store *store, ds_error *err) {
  ds_view next;
  ds_log log;
  TRY(prepare_seal(store, &next, &log, err));
  const uint64_t old = store->log.number;
  if (DS_SEEDED(OLD_LOG_EARLY))
    TRY(unlink_log(store, old, err));
  const ds_code code = ds_store_commit(store, &next, err);
  // The commit may have failed behind the manifest, in the catalog; the log in use is the
  // manifest's.
  if (store->view.manifest.log_number != log.number) {
    ds_log_close(&log);
    return code;
  }
  ds_log_close(&store->log);
  store->log = log;
  TRY(ds_store_reset_tail(store, err));
  TRY(code);
  return DS_SEEDED(OLD_LOG_EARLY) ? DS_OK : unlink_log(store, old, err);
}

ds_code ds_store_seal(ds_store *store, ds_error *err) {
  TRY(ds_store_check_writable(store, err));
  if (store->tail.count == 0 && store->log.end <= LOG_BYTES_ROWLESS_MAX)
    return DS_OK;
  return ds_store_note_write(store, seal(store, err));
}
