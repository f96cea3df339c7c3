// SPDX-License-Identifier: Apache-2.0
// Sealing: the last log is followed by an empty one (rotation), and the frozen tails before it
// become a part. In between, MANIFEST names all of them.
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/seeded.h"
#include "store/state.h"

// A log whose rows are all in parts grows by import records only; past this it is replaced.
#define LOG_BYTES_ROWLESS_MAX (1u << 20)

static ds_code make_next_log(ds_store *store, ds_manifest *next, ds_log *ret_log, ds_error *err) {
  const ds_manifest_log made = {.number = next->next_log++, .first_seq = store->log.next_seq};
  assert(next->logs_count < DS_LOGS_MAX);
  next->logs[next->logs_count++] = made;
  char path[DS_PATH_BYTES_MAX];
  ds_store_file(store->path, "log", made.number, path);
  TRY(ds_log_create(store->io, path, made.number, made.first_seq, ret_log, err));
  char directory[DS_PATH_BYTES_MAX + 8];
  (void)snprintf(directory, sizeof directory, "%s/log", store->path);
  const ds_code code = DS_SEEDED(NEW_LOG_NOT_NAMED)
                           ? DS_OK
                           : store->io->ops->sync_dir(store->io, directory, err);
  if (code != DS_OK)
    ds_log_close(ret_log);
  return code;
}

// All of a rotation that may fail before the manifest: it leaves no more than an orphan.
static ds_code prepare_rotation(ds_store *store, ds_view *next, ds_log *ret_log, ds_tail *tail,
                                ds_error *err) {
  TRY(ds_store_next_view(store, next, err));
  ds_code code = ds_view_open_parts(store->io, store->path, next, &store->view, err);
  if (code == DS_OK)
    code = ds_tail_follow(tail, &store->tail, err);
  if (code == DS_OK)
    code = make_next_log(store, &next->manifest, ret_log, err);
  if (code != DS_OK)
    ds_view_done(next);
  return code;
}

ds_code ds_store_rotate(ds_store *store, ds_error *err) {
  ds_view next;
  ds_log log;
  ds_tail tail;
  ds_tail_init(&tail);
  ds_code code = prepare_rotation(store, &next, &log, &tail, err);
  if (code != DS_OK) {
    ds_tail_done(&tail);
    return code;
  }
  code = ds_store_commit(store, &next, err);
  const ds_manifest *manifest = &store->view.manifest;
  // The commit may have failed behind the manifest, in the catalog; the log in use is the
  // manifest's.
  if (manifest->logs[manifest->logs_count - 1].number != log.number) {
    ds_log_close(&log);
    ds_tail_done(&tail);
    return code;
  }
  assert(store->frozen_count < DS_LOGS_MAX - 1);
  store->frozen[store->frozen_count++] = (ds_frozen){store->log, store->tail};
  store->log = log;
  store->tail = tail;
  return code;
}

ds_code ds_store_build_tails(ds_io *io, const char *directory, atomic_uint_fast64_t *next,
                             const ds_tail *const *tails, uint32_t tails_count,
                             ds_part *const *places, uint32_t places_count,
                             ds_rewritten *ret_built, ds_error *err) {
  // An append has compared each event with parts and tails: none is a duplicate.
  const ds_build_options options = {.io = io,
                                    .directory = directory,
                                    .next = next,
                                    .space = &tails[tails_count - 1]->space,
                                    .places = places,
                                    .places_count = places_count,
                                    .sparse = places_count > 0,
                                    .dedupe = false};
  ds_builder *builder;
  TRY(ds_builder_new(&options, &builder, err));
  const ds_part_info *parts = NULL;
  ds_rewritten built = {.count = 0};
  ds_code code = ds_tails_build(tails, tails_count, builder, err);
  // Room for the list is had before the builder lets go of its files.
  if (code == DS_OK) {
    built.infos = calloc(DS_PARTITIONS, sizeof *built.infos);
    if (built.infos == NULL)
      code = ds_fail(err, DS_MEMORY, "out of memory for sealing");
  }
  if (code == DS_OK)
    code = ds_builder_finish(builder, &parts, &built.count, err);
  assert(code != DS_OK || built.count <= DS_PARTITIONS);
  for (uint32_t i = 0; i < built.count && code == DS_OK; i++) {
    built.infos[i] = parts[i];
    built.events += parts[i].events;
    built.bytes += parts[i].bytes;
  }
  ds_builder_free(builder);
  if (code == DS_OK)
    *ret_built = built;
  else
    free(built.infos);
  return code;
}

// The manifest with the new parts and without the logs that are in them.
static ds_code sealed_view(ds_store *store, const ds_rewritten *built, uint32_t count,
                           ds_view *ret_next, ds_error *err) {
  TRY(ds_store_next_view(store, ret_next, err));
  ds_manifest *manifest = &ret_next->manifest;
  const uint32_t first = manifest->parts_count;
  ds_code code = DS_OK;
  for (uint32_t i = 0; i < built->count && code == DS_OK; i++)
    code = ds_manifest_add_part(manifest, &built->infos[i], 0, err);
  assert(count > 0 && count < manifest->logs_count);
  manifest->sealed_seq = manifest->logs[count].first_seq - 1;
  manifest->logs_count -= count;
  memmove(manifest->logs, manifest->logs + count, manifest->logs_count * sizeof *manifest->logs);
  manifest->work.sealed_events += built->events;
  manifest->work.sealed_bytes += built->bytes;
  if (code == DS_OK)
    code = ds_view_open_parts(store->io, store->path, ret_next, &store->view, err);
  if (code == DS_OK)
    code = ds_view_add_types(ret_next, first, err);
  if (code == DS_OK && built->count > 0)
    code = ds_store_sync_parts(store, err);
  if (code != DS_OK)
    ds_view_done(ret_next);
  return code;
}

void ds_frozen_done(ds_frozen *frozen) {
  ds_log_close(&frozen->log);
  ds_tail_done(&frozen->tail);
}

static void leave_frozen(ds_store *store, uint32_t count) {
  assert(store->left_count == 0);
  memcpy(store->left, store->frozen, count * sizeof *store->frozen);
  store->left_count = count;
  store->frozen_count -= count;
  memmove(store->frozen, store->frozen + count, store->frozen_count * sizeof *store->frozen);
  ds_store_forget_built(store);
}

ds_code ds_store_commit_seal(ds_store *store, const ds_rewritten *built, uint32_t count,
                             ds_error *err) {
  ds_manifest_log old[DS_LOGS_MAX];
  ds_view next;
  TRY(sealed_view(store, built, count, &next, err));
  memcpy(old, store->view.manifest.logs, sizeof old);
  if (DS_SEEDED(OLD_LOG_EARLY))
    TRY(ds_store_unlink_logs(store, old, count, err));
  const ds_code code = ds_store_commit(store, &next, err);
  // As in ds_store_rotate, the commit may have failed in the catalog.
  if (store->view.manifest.logs[0].number != old[0].number)
    leave_frozen(store, count);
  TRY(code);
  return DS_SEEDED(OLD_LOG_EARLY) ? DS_OK : ds_store_unlink_logs(store, old, count, err);
}

// All frozen tails into a part, on the owner's thread.
static ds_code seal_frozen(ds_store *store, ds_error *err) {
  const ds_tail *tails[DS_LOGS_MAX];
  for (uint32_t i = 0; i < store->frozen_count; i++)
    tails[i] = &store->frozen[i].tail;
  char directory[DS_PATH_BYTES_MAX + 8];
  (void)snprintf(directory, sizeof directory, "%s/part", store->path);
  ds_rewritten built;
  TRY(ds_store_build_tails(store->io, directory, &store->next_part, tails, store->frozen_count,
                           store->view.parts, store->view.parts_count, &built, err));
  const ds_code code = ds_store_commit_seal(store, &built, store->frozen_count, err);
  free(built.infos);
  for (; store->left_count > 0; store->left_count--)
    ds_frozen_done(&store->left[store->left_count - 1]);
  return code;
}

static ds_code seal(ds_store *store, ds_error *err) {
  const bool full = store->view.manifest.logs_count == DS_LOGS_MAX;
  if (full)
    TRY(seal_frozen(store, err));
  if (store->tail.count > 0 || store->log.end > LOG_BYTES_ROWLESS_MAX)
    TRY(ds_store_rotate(store, err));
  return store->frozen_count > 0 ? seal_frozen(store, err) : DS_OK;
}

ds_code ds_store_seal(ds_store *store, ds_error *err) {
  TRY(ds_store_check_writable(store, err));
  TRY(ds_store_end_seal(store, err));
  return ds_store_note_write(store, seal(store, err));
}
