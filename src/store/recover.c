// SPDX-License-Identifier: Apache-2.0
// Reading the store from disk: for a reader, which changes nothing, and for a writer, which
// recovers.
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "store/definitions.h"
#include "store/record.h"
#include "store/state.h"

// What lies on disk, until it is whole and takes the place of what the store had.
typedef struct loading {
  ds_view view;
  ds_frozen frozen[DS_LOGS_MAX - 1];
  uint32_t frozen_count;
  ds_tail tail; // of the log being read
  ds_log log;
  bool found; // a manifest was read
  bool changed;
} loading;

static ds_code replay(void *context, uint64_t seq, const uint8_t *payload, uint32_t size,
                      ds_error *err) {
  loading *to = context;
  ds_manifest *manifest = &to->view.manifest;
  if (seq <= manifest->sealed_seq)
    return DS_OK;
  ds_reader in = ds_reader_of(payload, size);
  const uint8_t kind = ds_read_u8(&in);
  if (kind == DS_LOG_BATCH)
    return ds_tail_add_batch(&to->tail, &in, err);
  if (kind != DS_LOG_IMPORT && kind != DS_LOG_UNDO)
    return ds_fail(err, DS_VERSION,
                   "the log holds a record of unknown kind %u: upgrade the program", kind);
  // Both are written only when all batches before them are in parts; so one seq says what is
  // applied.
  if (to->tail.count != 0 || to->frozen_count != 0)
    return ds_fail(err, DS_CORRUPT, "the log holds an import behind batches that are not sealed");
  TRY(kind == DS_LOG_IMPORT ? ds_record_apply_import(&in, manifest, err)
                            : ds_record_apply_undo(&in, manifest, err));
  manifest->sealed_seq = seq;
  to->changed = true;
  return DS_OK;
}

static ds_code load_manifest(const ds_store *store, loading *to, ds_error *err) {
  const ds_code code = ds_manifest_load(store->io, store->path, &to->view.manifest, err);
  if (code == DS_MISSING)
    return ds_fail(err, DS_MISSING, "there is no store in %s", store->path);
  TRY(code);
  to->found = true;
  if (store->options.write && to->view.manifest.format > DS_MANIFEST_FORMAT)
    return ds_fail(err, DS_VERSION,
                   "this store was written by a newer doorstep (format %" PRIu32
                   ", this program writes %u): upgrade the program",
                   to->view.manifest.format, DS_MANIFEST_FORMAT);
  return DS_OK;
}

static ds_code load_log(const ds_store *store, loading *to, uint32_t index, ds_error *err) {
  ds_manifest *manifest = &to->view.manifest;
  const ds_manifest_log *log = &manifest->logs[index];
  const bool last = index == manifest->logs_count - 1;
  char path[DS_PATH_BYTES_MAX];
  ds_store_file(store->path, "log", log->number, path);
  TRY(ds_log_open(store->io, path, log->number, log->first_seq, store->options.write && last,
                  &to->log, err));
  to->tail.without_ids = !store->options.write;
  TRY(ds_log_scan(&to->log, replay, to, err));
  // A log was whole on disk when the next one was made.
  if (last ? to->log.next_seq <= manifest->sealed_seq
           : to->log.next_seq != manifest->logs[index + 1].first_seq)
    return ds_fail(err, DS_CORRUPT,
                   "log %06" PRIu64 " does not end where MANIFEST says: restore a backup",
                   log->number);
  if (to->tail.next_arrival > manifest->next_arrival)
    manifest->next_arrival = to->tail.next_arrival;
  return DS_OK;
}

static ds_code load_logs(const ds_store *store, loading *to, ds_error *err) {
  const uint32_t last = to->view.manifest.logs_count - 1;
  for (uint32_t i = 0; i < last; i++) {
    TRY(load_log(store, to, i, err));
    ds_frozen *frozen = &to->frozen[to->frozen_count++];
    *frozen = (ds_frozen){to->log, to->tail};
    to->log.file = NULL;
    ds_tail_init(&to->tail);
    TRY(ds_tail_add_names(&to->tail, &frozen->tail.space, err));
  }
  return load_log(store, to, last, err);
}

static ds_code load_once(const ds_store *store, loading *to, ds_error *err) {
  TRY(load_manifest(store, to, err));
  TRY(load_logs(store, to, err));
  const ds_view *have = store->loaded ? &store->view : NULL;
  TRY(ds_view_open_parts(store->io, store->path, &to->view, have, err));
  for (uint32_t i = 0; i < to->view.parts_count; i++)
    TRY(ds_tail_add_names(&to->tail, ds_part_space(to->view.parts[i]), err));
  return DS_OK;
}

static void loading_init(loading *to) {
  *to = (loading){.found = false};
  ds_manifest_init(&to->view.manifest);
  ds_tail_init(&to->tail);
}

static void loading_done(loading *to) {
  ds_view_done(&to->view);
  for (uint32_t i = 0; i < to->frozen_count; i++)
    ds_frozen_done(&to->frozen[i]);
  ds_tail_done(&to->tail);
  ds_log_close(&to->log);
}

void ds_store_unload(ds_store *store) {
  if (!store->loaded)
    return;
  ds_store_forget_built(store);
  ds_view_done(&store->view);
  for (uint32_t i = 0; i < store->frozen_count; i++)
    ds_frozen_done(&store->frozen[i]);
  store->frozen_count = 0;
  ds_tail_done(&store->tail);
  ds_log_close(&store->log);
  store->loaded = false;
}

ds_code ds_store_load(ds_store *store, bool *ret_changed, ds_error *err) {
  const int tries = store->options.write ? 1 : DS_READ_TRIES;
  for (int i = 1;; i++) {
    loading to;
    loading_init(&to);
    const ds_code code = load_once(store, &to, err);
    if (code == DS_OK) {
      ds_store_unload(store);
      store->view = to.view;
      memcpy(store->frozen, to.frozen, sizeof store->frozen);
      store->frozen_count = to.frozen_count;
      store->tail = to.tail;
      store->log = to.log;
      store->loaded = true;
      *ret_changed = to.changed;
      return DS_OK;
    }
    const bool found = to.found;
    loading_done(&to);
    // What the manifest names may have been replaced since it was read; what is damaged stays so.
    if (!found || i == tries || (code != DS_MISSING && code != DS_CORRUPT))
      return code;
  }
}

// The names of files to be removed, gathered first: a listing must not see its own changes.
typedef struct orphans {
  ds_store *store;
  const char *kind;
  ds_names names;
} orphans;

// True for the names that this program gives to files in log/ and part/.
static bool own_name(const char *kind, const char *name, uint64_t *ret_number) {
  const ds_str whole = ds_str_of(name);
  const char *dot = strchr(name, '.');
  *ret_number = 0;
  if (strcmp(kind, "part") == 0 && strncmp(name, "import-", 7) == 0)
    return true;
  if (dot == NULL || strncmp(dot + 1, kind, strlen(kind)) != 0 ||
      !ds_str_to_u64((ds_str){name, (uint32_t)(dot - name)}, ret_number))
    return false;
  const char *rest = dot + 1 + strlen(kind);
  if (strcmp(rest, ".tmp") == 0)
    *ret_number = 0;
  return whole.size > 0 && (*rest == '\0' || strcmp(rest, ".tmp") == 0);
}

static ds_code note_orphan(void *context, const char *name, ds_error *err) {
  orphans *to = context;
  ds_manifest *manifest = &to->store->view.manifest;
  uint64_t number;
  if (!own_name(to->kind, name, &number))
    return DS_OK;
  const bool is_part = strcmp(to->kind, "part") == 0;
  if (is_part ? ds_manifest_part_index(manifest, number) != DS_NONE
              : ds_manifest_has_log(manifest, number))
    return DS_OK;
  // No number is given twice while a reader may still have the file of that name open.
  if (is_part && number >= manifest->next_part && number < UINT64_MAX)
    manifest->next_part = number + 1;
  if (!is_part && number >= manifest->next_log && number < UINT64_MAX)
    manifest->next_log = number + 1;
  uint32_t index;
  return ds_names_add(&to->names, ds_str_of(name), &index, err);
}

static ds_code unlink_orphans(const orphans *from, ds_error *err) {
  ds_io *io = from->store->io;
  char path[2 * DS_PATH_BYTES_MAX];
  for (uint32_t i = 0; i < from->names.count; i++) {
    (void)snprintf(path, sizeof path, "%s/%s/%s", from->store->path, from->kind,
                   ds_names_text(&from->names, i));
    TRY(io->ops->unlink(io, path, err));
  }
  if (from->names.count == 0)
    return DS_OK;
  (void)snprintf(path, sizeof path, "%s/%s", from->store->path, from->kind);
  return io->ops->sync_dir(io, path, err);
}

static ds_code list_orphans(orphans *to, ds_error *err) {
  char path[DS_PATH_BYTES_MAX + 8];
  (void)snprintf(path, sizeof path, "%s/%s", to->store->path, to->kind);
  return to->store->io->ops->list(to->store->io, path, note_orphan, to, err);
}

static ds_code remove_listed(ds_store *store, bool durable, orphans *logs, orphans *parts,
                             ds_error *err) {
  // The manifest in sight may be one whose rename never reached the disk. What the one on disk
  // names may go only once this one is there for certain, and a sync that failed once says
  // nothing later.
  if (!durable && logs->names.count + parts->names.count > 0)
    TRY(ds_manifest_save(store->io, store->path, &store->view.manifest, err));
  TRY(unlink_orphans(logs, err));
  return unlink_orphans(parts, err);
}

static ds_code remove_temporary(ds_store *store, ds_error *err) {
  char path[DS_PATH_BYTES_MAX + 16];
  (void)snprintf(path, sizeof path, "%s/MANIFEST.tmp", store->path);
  ds_file *file;
  const ds_code code = store->io->ops->open(store->io, path, DS_OPEN_READ, &file, err);
  if (code == DS_MISSING)
    return DS_OK;
  TRY(code);
  store->io->ops->close(store->io, file);
  TRY(store->io->ops->unlink(store->io, path, err));
  return store->io->ops->sync_dir(store->io, store->path, err);
}

// Looks for orphans, which raises the next numbers above theirs, and removes them when `remove`.
static ds_code handle_orphans(ds_store *store, bool remove, bool durable, ds_error *err) {
  orphans logs = {.store = store, .kind = "log"};
  orphans parts = {.store = store, .kind = "part"};
  ds_names_init(&logs.names, 1u << 20);
  ds_names_init(&parts.names, 1u << 20);
  ds_code code = list_orphans(&logs, err);
  if (code == DS_OK)
    code = list_orphans(&parts, err);
  if (code == DS_OK && remove)
    code = remove_listed(store, durable, &logs, &parts, err);
  ds_names_done(&logs.names);
  ds_names_done(&parts.names);
  return code;
}

ds_code ds_store_remove_orphans(ds_store *store, bool durable, ds_error *err) {
  TRY(handle_orphans(store, true, durable, err));
  return remove_temporary(store, err);
}

static ds_code copy_log(ds_store *store, ds_log *ret_log, ds_error *err) {
  const ds_manifest *manifest = &store->view.manifest;
  const uint64_t number = manifest->next_log;
  // What is in parts stays out; what lies in the logs before it is there for certain.
  const uint64_t after = store->log.first_seq > manifest->sealed_seq ? store->log.first_seq - 1
                                                                     : manifest->sealed_seq;
  char path[DS_PATH_BYTES_MAX + 8];
  ds_store_file(store->path, "log", number, path);
  TRY(ds_log_create(store->io, path, number, after + 1, ret_log, err));
  ds_code code = ds_log_copy(&store->log, after, ret_log, err);
  (void)snprintf(path, sizeof path, "%s/log", store->path);
  if (code == DS_OK)
    code = store->io->ops->sync_dir(store->io, path, err);
  if (code != DS_OK)
    ds_log_close(ret_log);
  return code;
}

// Nobody says that what was read of the log is on disk: it is written to a new one, and the old,
// torn end and all, becomes an orphan.
static ds_code replace_log(ds_store *store, ds_error *err) {
  ds_manifest *manifest = &store->view.manifest;
  TRY(handle_orphans(store, false, false, err));
  ds_log log;
  TRY(copy_log(store, &log, err));
  assert(log.next_seq == store->log.next_seq && log.number != store->log.number);
  ds_log_close(&store->log);
  store->log = log;
  manifest->logs[manifest->logs_count - 1] = (ds_manifest_log){log.number, log.first_seq};
  manifest->next_log = log.number + 1;
  return ds_manifest_save(store->io, store->path, manifest, err);
}

ds_code ds_store_recover(ds_store *store, ds_error *err) {
  assert(store->options.write && !store->loaded);
  bool changed = false;
  TRY(ds_store_load(store, &changed, err));
  const bool settled = ds_store_log_is_settled(store);
  if (changed)
    TRY(ds_view_add_types(&store->view, 0, err));
  if (!settled)
    TRY(replace_log(store, err));
  else if (changed)
    TRY(ds_manifest_save(store->io, store->path, &store->view.manifest, err));
  TRY(ds_store_remove_orphans(store, !settled || changed, err));
  TRY(ds_definitions_tidy(store->io, store->path, err));
  atomic_store(&store->next_part, store->view.manifest.next_part);
  TRY(ds_catalog_open(store->io, store->path, true, &store->catalog, err));
  return ds_catalog_update(store->catalog, &store->view.manifest, store->view.parts, err);
}
