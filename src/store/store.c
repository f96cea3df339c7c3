// SPDX-License-Identifier: Apache-2.0
// Opening, creating and closing a store, and the steps that all writes share.
//
// Protocol (the fault model and all invariants: docs/durability.md):
//   append   one record, written and synced, then acknowledged                   (I1-I4)
//   rotate   next log made, synced; its directory synced; MANIFEST replaced, which names both;
//            catalog committed                                                   (I2, I14)
//   seal     (of all logs but the last) part written, synced; directory synced; MANIFEST replaced;
//            catalog committed; only then the old logs are unlinked              (I2, I9, I14)
//   import   parts written, synced, directory synced; one log record that names them; MANIFEST
//            replaced                                                            (I4)
//   undo     replacing parts written, synced; one log record; MANIFEST replaced; old parts
//            unlinked
//   compact  parts written, synced, directory synced; MANIFEST replaced; old parts unlinked (I10)
//   open to write
//            LOCK taken; log read; unless a mark ends it, its whole records are copied to a new
//            log and MANIFEST is replaced; orphans removed; only then anything is served
//                                                                                (I2, I5, I6, I8)
//   close    a mark is written behind the last record and synced
//   any write that fails
//            nothing is written through this handle any more                     (I11)
#include "store/store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/pool.h"
#include "io/machine.h"
#include "store/backup.h"
#include "store/erase.h"
#include "store/state.h"

// Room for the longest name below the store: "/part/import-…" of the import's spill files.
enum { NAME_BYTES_MAX = 64, LOG_BYTES_UNNAMED_MAX = DS_LOG_HEADER_BYTES };

void ds_store_options_init(ds_store_options *options) {
  *options = (ds_store_options){.struct_size = sizeof *options,
                                .io = ds_io_posix(),
                                .memory_bytes = ds_machine_budget(),
                                .threads = ds_processors(),
                                .log_bytes = DS_LOG_BYTES_SEAL};
}

ds_io *ds_store_io(const ds_store *store) { return store->io; }
const char *ds_store_path(const ds_store *store) { return store->path; }
const ds_space *ds_store_names(const ds_store *store) { return &store->tail.space; }
const ds_store_options *ds_store_get_options(const ds_store *store) { return &store->options; }

// `out` holds twice DS_PATH_BYTES_MAX, more than path and name can have.
static void below(const ds_store *store, const char *name, char out[2 * DS_PATH_BYTES_MAX]) {
  const int length = snprintf(out, (size_t)2 * DS_PATH_BYTES_MAX, "%s/%s", store->path, name);
  assert(length > 0 && length < 2 * (int)DS_PATH_BYTES_MAX);
  (void)length;
}

static void parent_of(const char *path, char out[DS_PATH_BYTES_MAX]) {
  (void)snprintf(out, DS_PATH_BYTES_MAX, "%s", path);
  char *slash = strrchr(out, '/');
  if (slash == NULL)
    (void)snprintf(out, DS_PATH_BYTES_MAX, ".");
  else
    slash[slash == out ? 1 : 0] = '\0';
}

static ds_code take_lock(ds_store *store, int more_flags, ds_error *err) {
  char path[2 * DS_PATH_BYTES_MAX];
  below(store, "LOCK", path);
  const int flags = DS_OPEN_READ | DS_OPEN_WRITE | more_flags;
  const ds_code opened = store->io->ops->open(store->io, path, flags, &store->lock, err);
  if (opened == DS_MISSING)
    return ds_fail(err, DS_MISSING, "there is no store in %s", store->path);
  TRY(opened);
  ds_error held = {.message = ""};
  const ds_code code = store->io->ops->lock(store->io, store->lock, &held);
  if (code == DS_BUSY) {
    const char *by = strstr(held.message, "by ");
    return ds_fail(err, DS_BUSY, "the store is in use %s",
                   by == NULL ? "by another process" : by);
  }
  return code == DS_OK ? DS_OK : ds_fail(err, code, "%s", held.message);
}

// A directory without MANIFEST may be filled only when it holds no events: else it is a store whose
// MANIFEST was lost, and a new one would make orphans of its parts.
static ds_code refuse_part(void *context, const char *name, ds_error *err) {
  (void)context;
  return ds_fail(err, DS_CORRUPT,
                 "MANIFEST is missing although part/%s is there: restore a backup", name);
}

static ds_code refuse_filled_log(void *context, const char *name, ds_error *err) {
  const ds_store *store = context;
  char path[2 * DS_PATH_BYTES_MAX];
  (void)snprintf(path, sizeof path, "%s/log/%.*s", store->path, NAME_BYTES_MAX, name);
  ds_file *file;
  TRY(store->io->ops->open(store->io, path, DS_OPEN_READ, &file, err));
  uint64_t size = 0;
  const ds_code code = store->io->ops->size(store->io, file, &size, err);
  store->io->ops->close(store->io, file);
  TRY(code);
  if (size > LOG_BYTES_UNNAMED_MAX)
    return ds_fail(err, DS_CORRUPT,
                   "MANIFEST is missing although log/%s holds events: restore a backup", name);
  return DS_OK;
}

static ds_code make_directories(ds_store *store, ds_error *err) {
  static const char *const names[] = {"log", "part"};
  char path[2 * DS_PATH_BYTES_MAX];
  TRY(store->io->ops->mkdir(store->io, store->path, err));
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    below(store, names[i], path);
    TRY(store->io->ops->mkdir(store->io, path, err));
  }
  return DS_OK;
}

static ds_code sync_directories(ds_store *store, ds_error *err) {
  char path[2 * DS_PATH_BYTES_MAX];
  below(store, "log", path);
  TRY(store->io->ops->sync_dir(store->io, path, err));
  TRY(store->io->ops->sync_dir(store->io, store->path, err));
  char parent[DS_PATH_BYTES_MAX];
  parent_of(store->path, parent);
  return store->io->ops->sync_dir(store->io, parent, err);
}

static ds_code write_first_manifest(ds_store *store, ds_error *err) {
  ds_manifest manifest;
  ds_manifest_init(&manifest);
  TRY(store->io->ops->random(store->io, &manifest.store, sizeof manifest.store, err));
  manifest.store += manifest.store == 0;
  const ds_code code = ds_manifest_save(store->io, store->path, &manifest, err);
  ds_manifest_done(&manifest);
  if (code != DS_OK) {
    // It may be in sight without being on disk; nothing may be appended to such a store.
    char path[2 * DS_PATH_BYTES_MAX];
    below(store, "MANIFEST", path);
    ds_error unheard;
    (void)store->io->ops->unlink(store->io, path, &unheard);
  }
  return code;
}

// The manifest comes last: until it is there, the next to create starts again.
static ds_code create_store(ds_store *store, ds_error *err) {
  char path[2 * DS_PATH_BYTES_MAX];
  below(store, "part", path);
  TRY(store->io->ops->list(store->io, path, refuse_part, store, err));
  below(store, "log", path);
  TRY(store->io->ops->list(store->io, path, refuse_filled_log, store, err));
  ds_store_file(store->path, "log", 1, path);
  ds_log log;
  TRY(ds_log_create(store->io, path, 1, 1, &log, err));
  ds_log_close(&log);
  TRY(sync_directories(store, err));
  return write_first_manifest(store, err);
}

static ds_code has_manifest(const ds_store *store, bool *ret_has, ds_error *err) {
  char path[2 * DS_PATH_BYTES_MAX];
  below(store, "MANIFEST", path);
  ds_file *file;
  ds_error missing;
  const ds_code code = store->io->ops->open(store->io, path, DS_OPEN_READ, &file, &missing);
  if (code == DS_OK)
    store->io->ops->close(store->io, file);
  else if (code != DS_MISSING)
    return ds_fail(err, code, "%s", missing.message);
  *ret_has = code == DS_OK;
  return DS_OK;
}

// Without its keys a store can still be written to: what was to be erased waits for them.
static ds_code finish_erasures(ds_store *store, ds_error *err) {
  ds_erasure erasure;
  ds_error found = {.message = ""};
  const ds_code code = ds_store_replay_erasures(store, NULL, &erasure, &found);
  return code == DS_OK || store->vault == NULL ? DS_OK : ds_fail(err, code, "%s", found.message);
}

static ds_code open_writer(ds_store *store, ds_error *err) {
  bool has = false;
  TRY(ds_is_backup(store->io, store->path, &has, err));
  if (has)
    return ds_fail(err, DS_USAGE, "this is a backup: `doorstep restore` makes a store of it");
  TRY(has_manifest(store, &has, err));
  const bool create = !has && store->options.create;
  if (create)
    TRY(make_directories(store, err));
  // A store always has its LOCK; one that lost it by hand gets it back.
  TRY(take_lock(store, create || has ? DS_OPEN_CREATE : 0, err));
  // Another process may have made the store between the look and the lock.
  TRY(has_manifest(store, &has, err));
  if (!has && store->options.create)
    TRY(create_store(store, err));
  TRY(ds_store_recover(store, err));
  return finish_erasures(store, err);
}

static ds_code open_reader(ds_store *store, ds_error *err) {
  bool changed;
  return ds_store_load(store, &changed, err);
}

ds_code ds_store_open(const char *path, const ds_store_options *options, ds_store **ret_store,
                      ds_error *err) {
  assert(options->struct_size == sizeof *options && options->io != NULL);
  size_t length = strlen(path);
  while (length > 1 && path[length - 1] == '/')
    length--;
  if (length == 0 || length + NAME_BYTES_MAX >= DS_PATH_BYTES_MAX)
    return ds_fail(err, DS_USAGE, "the path of the store is empty or too long");
  ds_store *store = calloc(1, sizeof *store);
  if (store == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the store");
  store->options = *options;
  if (store->options.log_bytes > DS_LOG_BYTES_SEAL)
    store->options.log_bytes = DS_LOG_BYTES_SEAL;
  atomic_init(&store->next_part, 0);
  atomic_init(&store->paused, false);
  ds_arena_init(&store->retention_arena, (size_t)16 << 20);
  store->io = options->io;
  memcpy(store->path, path, length);
  const ds_code code = options->write ? open_writer(store, err) : open_reader(store, err);
  if (code != DS_OK) {
    store->failed = true; // Closing must not vouch for a log that was not recovered.
    ds_store_close(store);
    return code;
  }
  *ret_store = store;
  return DS_OK;
}

// Shows the next writer that all of the log is on disk. Should it fail, the next writer makes sure
// itself.
static void leave_mark(ds_store *store) {
  if (!store->options.write || !store->loaded || store->failed || store->log.failed ||
      ds_store_log_is_settled(store))
    return;
  ds_error unheard;
  const ds_code ignored = ds_log_mark(&store->log, &unheard);
  (void)ignored;
}

void ds_store_close(ds_store *store) {
  if (store == NULL)
    return;
  ds_error unheard;
  const ds_code ignored = ds_store_end_jobs(store, &unheard);
  (void)ignored;
  ds_task_end(store->leaving);
  leave_mark(store);
  ds_store_unload(store);
  ds_group_free(store->group);
  ds_arena_done(&store->retention_arena);
  ds_known_free(store->known);
  ds_catalog_close(store->catalog);
  ds_vault_close(store->vault);
  if (store->lock != NULL)
    store->io->ops->close(store->io, store->lock);
  free(store);
}

ds_code ds_store_check_writable(const ds_store *store, ds_error *err) {
  if (!store->options.write)
    return ds_fail(err, DS_READONLY, "the store was opened to read only");
  if (store->failed)
    return ds_fail(err, DS_READONLY,
                   "the store refuses writes after an earlier failure: close it and open it again");
  if (store->importing)
    return ds_fail(err, DS_BUSY, "an import is running: wait for its end");
  return DS_OK;
}

ds_code ds_store_note_write(ds_store *store, ds_code code) {
  if (code != DS_OK)
    store->failed = true;
  return code;
}

ds_code ds_store_next_view(const ds_store *store, ds_view *ret_next, ds_error *err) {
  *ret_next = (ds_view){.refs = NULL};
  return ds_manifest_copy(&store->view.manifest, &ret_next->manifest, err);
}

// Spares the next append to learn the subjects of parts that hold no new ones. Should it fail, they
// are learnt.
static void note_rewritten(ds_store *store, const ds_view *next) {
  ds_error unheard;
  if (store->known == NULL || !next->rewritten)
    return;
  ds_code ignored = ds_known_follow(store->known, store->view.parts, store->view.parts_count,
                                    false, &unheard);
  if (ignored == DS_OK)
    ignored = ds_known_follow(store->known, next->parts, next->parts_count, true, &unheard);
  (void)ignored;
}

// What jobs have taken is taken; only an import, beside which none runs, takes numbers elsewhere.
static void settle_next_part(ds_store *store, ds_manifest *manifest) {
  const uint64_t taken = atomic_load(&store->next_part);
  assert(manifest->next_part <= taken || !ds_store_has_jobs(store));
  if (manifest->next_part < taken)
    manifest->next_part = taken;
  else if (manifest->next_part > taken)
    atomic_store(&store->next_part, manifest->next_part);
}

ds_code ds_store_commit(ds_store *store, ds_view *next, ds_error *err) {
  assert(next->parts_count == next->manifest.parts_count);
  settle_next_part(store, &next->manifest);
  assert(next->manifest.next_arrival >= store->view.manifest.next_arrival);
  const ds_code code = ds_manifest_save(store->io, store->path, &next->manifest, err);
  if (code != DS_OK) {
    ds_view_done(next);
    return code;
  }
  note_rewritten(store, next);
  ds_view_done(&store->view);
  store->view = *next;
  return ds_catalog_update(store->catalog, &store->view.manifest, store->view.parts, err);
}

void ds_store_forget_built(ds_store *store) {
  ds_part_ref_drop(store->tail_part);
  store->tail_part = NULL;
  store->tail_built = false;
}

uint32_t ds_store_tails(const ds_store *store, const ds_tail **out) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < store->frozen_count; i++) {
    if (store->frozen[i].tail.count > 0)
      out[count++] = &store->frozen[i].tail;
  }
  if (store->tail.count > 0)
    out[count++] = &store->tail;
  return count;
}

bool ds_store_frozen_have(const ds_store *store, uint64_t key) {
  for (uint32_t i = 0; i < store->frozen_count; i++) {
    if (ds_set64_has(&store->frozen[i].tail.ids, key))
      return true;
  }
  return false;
}

void ds_store_tails_prefetch(const ds_store *store, uint64_t key) {
  for (uint32_t i = 0; i < store->frozen_count; i++)
    ds_set64_prefetch(&store->frozen[i].tail.ids, key);
  ds_set64_prefetch(&store->tail.ids, key);
}

bool ds_store_log_is_settled(const ds_store *store) {
  return ds_log_is_settled(&store->log) && (store->log.marked || store->frozen_count == 0);
}

ds_code ds_store_reset_tail(ds_store *store, ds_error *err) {
  assert(store->tail.count == 0 && store->frozen_count == 0);
  ds_store_forget_built(store);
  ds_tail_done(&store->tail);
  ds_tail_init(&store->tail);
  for (uint32_t i = 0; i < store->view.parts_count; i++)
    TRY(ds_tail_add_names(&store->tail, ds_part_space(store->view.parts[i]), err));
  return DS_OK;
}

ds_code ds_store_sync_parts(ds_store *store, ds_error *err) {
  char path[2 * DS_PATH_BYTES_MAX];
  below(store, "part", path);
  return store->io->ops->sync_dir(store->io, path, err);
}

ds_code ds_store_finish_view(ds_store *store, ds_view *next, ds_code code, ds_error *err) {
  if (code == DS_OK)
    code = ds_view_open_parts(store->io, store->path, next, &store->view, err);
  if (code == DS_OK)
    code = ds_store_sync_parts(store, err);
  if (code != DS_OK)
    ds_view_done(next);
  return code;
}

ds_code ds_store_unlink_parts(ds_store *store, const uint64_t *numbers, uint32_t count,
                              ds_error *err) {
  char path[DS_PATH_BYTES_MAX];
  for (uint32_t i = 0; i < count; i++) {
    ds_store_file(store->path, "part", numbers[i], path);
    TRY(store->io->ops->unlink(store->io, path, err));
  }
  return count == 0 ? DS_OK : ds_store_sync_parts(store, err);
}

ds_code ds_store_unlink_logs(ds_store *store, const ds_manifest_log *logs, uint32_t count,
                             ds_error *err) {
  char path[2 * DS_PATH_BYTES_MAX];
  for (uint32_t i = 0; i < count; i++) {
    ds_store_file(store->path, "log", logs[i].number, path);
    TRY(store->io->ops->unlink(store->io, path, err));
  }
  below(store, "log", path);
  return store->io->ops->sync_dir(store->io, path, err);
}
