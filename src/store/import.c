// SPDX-License-Identifier: Apache-2.0
// Imports: begun, committed, given up, listed and taken back.
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/record.h"
#include "store/state.h"

ds_code ds_store_import_begin(ds_store *store, ds_import_scope *ret_scope, ds_error *err) {
  TRY(ds_store_check_writable(store, err));
  TRY(ds_store_end_jobs(store, err));
  // An import numbers new customers behind those of the parts, so none may be in the log only.
  TRY(ds_store_seal(store, err));
  assert(store->tail.count == 0);
  if (store->view.manifest.next_import == UINT32_MAX)
    return ds_fail(err, DS_LIMIT, "the store has taken as many imports as it can number");
  ret_scope->id = store->view.manifest.next_import;
  ret_scope->arrival = store->view.manifest.next_arrival;
  (void)snprintf(ret_scope->directory, sizeof ret_scope->directory, "%.*s/part",
                 (int)(sizeof ret_scope->directory - 8), store->path);
  atomic_init(&ret_scope->next_part, atomic_load(&store->next_part));
  ret_scope->places = store->view.parts;
  ret_scope->places_count = store->view.parts_count;
  store->importing = true;
  return DS_OK;
}

static ds_code import_view(ds_store *store, const ds_import_scope *scope,
                           const ds_part_info *parts, uint32_t parts_count,
                           const ds_import_info *info, ds_view *next, ds_error *err) {
  ds_import_info own = *info;
  own.id = scope->id;
  own.undone = false;
  ds_manifest *manifest = &next->manifest;
  const uint32_t first = manifest->parts_count;
  TRY(ds_manifest_add_import(manifest, &own, err));
  for (uint32_t i = 0; i < parts_count; i++)
    TRY(ds_manifest_add_part(manifest, &parts[i], scope->id, err));
  manifest->next_arrival = scope->arrival + 1;
  const uint64_t next_part = atomic_load(&scope->next_part);
  if (next_part > manifest->next_part)
    manifest->next_part = next_part;
  TRY(ds_view_open_parts(store->io, store->path, next, &store->view, err));
  TRY(ds_view_add_types(next, first, err));
  // Too many names are refused here, before the record that could not be taken back.
  for (uint32_t i = first; i < next->parts_count; i++)
    TRY(ds_tail_add_names(&store->tail, ds_part_space(next->parts[i]), err));
  return DS_OK;
}

// Writes the record, then the manifest that shows it. Takes `next` over.
static ds_code log_and_commit(ds_store *store, ds_buf *record, ds_view *next, ds_error *err) {
  const ds_code code = ds_log_append(&store->log, record, err);
  if (code != DS_OK) {
    ds_view_done(next);
    return code;
  }
  next->manifest.sealed_seq = store->log.next_seq - 1;
  return ds_store_commit(store, next, err);
}

static ds_code commit_import(ds_store *store, const ds_import_scope *scope,
                             const ds_part_info *parts, uint32_t parts_count,
                             const ds_import_info *info, ds_error *err) {
  ds_view next;
  TRY(ds_store_next_view(store, &next, err));
  ds_code code = import_view(store, scope, parts, parts_count, info, &next, err);
  if (code == DS_OK)
    code = ds_store_note_write(store,
                               store->io->ops->sync_dir(store->io, scope->directory, err));
  ds_buf record;
  ds_buf_init(&record, DS_BATCH_BYTES_MAX + DS_LOG_RECORD_BYTES);
  if (code == DS_OK) {
    ds_import_info own = *info;
    own.id = scope->id;
    ds_log_begin(&record, DS_LOG_IMPORT);
    ds_record_import(&record, &own, scope->arrival + 1, parts, parts_count);
    code = ds_buf_check(&record, "the import's record", err);
  }
  if (code == DS_OK)
    code = ds_store_note_write(store, log_and_commit(store, &record, &next, err));
  else
    ds_view_done(&next);
  ds_buf_done(&record);
  return code;
}

ds_code ds_store_import_commit(ds_store *store, const ds_import_scope *scope,
                               const ds_part_info *parts, uint32_t parts_count,
                               const ds_import_info *info, ds_error *err) {
  assert(store->importing && scope->id == store->view.manifest.next_import);
  assert(scope->arrival == store->view.manifest.next_arrival && store->tail.count == 0);
  const ds_code code = commit_import(store, scope, parts, parts_count, info, err);
  if (code == DS_OK)
    store->importing = false;
  else
    ds_store_import_abort(store, scope);
  return code;
}

void ds_store_import_abort(ds_store *store, const ds_import_scope *scope) {
  if (!store->importing)
    return;
  (void)scope;
  store->importing = false;
  // After a failed write the record may or may not be on disk, and its parts with it: only the next
  // recovery can tell.
  if (store->failed)
    return;
  ds_error unheard;
  // No manifest, on disk or in sight, ever named these files.
  (void)ds_store_note_write(store, ds_store_remove_orphans(store, true, &unheard));
}

ds_code ds_store_import_find(ds_store *store, uint64_t fingerprint, uint32_t *ret_id,
                             ds_error *err) {
  (void)err;
  const ds_manifest *manifest = &store->view.manifest;
  *ret_id = 0;
  for (uint32_t i = 0; i < manifest->imports_count; i++) {
    if (manifest->imports[i].fingerprint == fingerprint && !manifest->imports[i].undone)
      *ret_id = manifest->imports[i].id;
  }
  return DS_OK;
}

ds_code ds_store_imports(ds_store *store,
                         ds_code (*each)(void *context, const ds_import_info *info, ds_error *err),
                         void *context, ds_error *err) {
  const ds_manifest *manifest = &store->view.manifest;
  for (uint32_t i = 0; i < manifest->imports_count; i++)
    TRY(each(context, &manifest->imports[i], err));
  return DS_OK;
}

// An undo on its way.
typedef struct undo_work {
  uint32_t import;
  uint32_t *which; // parts that hold the import alone or with others, ascending
  uint64_t *removed;
  uint32_t count;
  uint64_t events; // in those parts
  bool pure;       // they hold nothing else
  ds_rewritten added;
} undo_work;

// Does a part without an import of its own hold events of this one?
static ds_code part_holds(const ds_part *part, uint32_t import, ds_block_reader *reader,
                          bool *ret_holds, ds_error *err) {
  const ds_place place = {.part = (ds_part *)part};
  const ds_columns columns = {.want = DS_WANT_IMPORT};
  *ret_holds = false;
  for (uint32_t b = 0; b < ds_part_get_info(part)->blocks && !*ret_holds; b++) {
    ds_block block;
    TRY(ds_part_read_block(&place, b, &columns, reader, &block, err));
    for (uint32_t e = 0; e < block.events && !*ret_holds; e++)
      *ret_holds = block.import[e] == import;
  }
  return DS_OK;
}

static ds_code find_parts(ds_store *store, undo_work *undo, ds_block_reader *reader,
                          ds_error *err) {
  const ds_view *view = &store->view;
  undo->pure = true;
  for (uint32_t i = 0; i < view->parts_count; i++) {
    const ds_manifest_part *part = &view->manifest.parts[i];
    bool holds = part->import == undo->import;
    if (part->import == 0)
      TRY(part_holds(view->parts[i], undo->import, reader, &holds, err));
    if (!holds)
      continue;
    undo->pure = undo->pure && part->import == undo->import;
    undo->which[undo->count] = i;
    undo->removed[undo->count++] = part->info.number;
    undo->events += part->info.events;
  }
  return DS_OK;
}

// What the manifest says of the new parts: they hold what is left of several imports.
static ds_code undo_record(const undo_work *undo, ds_buf *record, ds_error *err) {
  ds_manifest_part *added = calloc((size_t)undo->added.count + 1, sizeof *added);
  if (added == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the undo");
  for (uint32_t i = 0; i < undo->added.count; i++)
    added[i].info = undo->added.infos[i];
  ds_log_begin(record, DS_LOG_UNDO);
  ds_record_undo(record, undo->import, undo->removed, undo->count, added, undo->added.count);
  free(added);
  return ds_buf_check(record, "the undo's record", err);
}

// The manifest is changed by the very record that is written, as recovery would.
static ds_code commit_undo(ds_store *store, undo_work *undo, ds_buf *record, ds_error *err) {
  ds_view next;
  TRY(ds_store_next_view(store, &next, err));
  ds_code code = undo_record(undo, record, err);
  if (code == DS_OK) {
    const size_t head = DS_LOG_RECORD_BYTES + 1;
    ds_reader payload = ds_reader_of(record->data + head, record->size - head);
    code = ds_record_apply_undo(&payload, &next.manifest, err);
  }
  if (code == DS_OK)
    code = ds_view_open_parts(store->io, store->path, &next, &store->view, err);
  if (code == DS_OK && undo->added.count > 0)
    code = ds_store_sync_parts(store, err);
  if (code != DS_OK) {
    ds_view_done(&next);
    return code;
  }
  next.rewritten = true;
  TRY(log_and_commit(store, record, &next, err));
  TRY(ds_store_reset_tail(store, err));
  return ds_store_unlink_parts(store, undo->removed, undo->count, err);
}

static ds_code do_undo(ds_store *store, undo_work *undo, ds_error *err) {
  ds_block_reader *reader = ds_block_reader_new();
  undo->which = calloc((size_t)store->view.parts_count + 1, sizeof *undo->which);
  undo->removed = calloc((size_t)store->view.parts_count + 1, sizeof *undo->removed);
  ds_code code = DS_OK;
  if (reader == NULL || undo->which == NULL || undo->removed == NULL)
    code = ds_fail(err, DS_MEMORY, "out of memory for the undo");
  if (code == DS_OK)
    code = find_parts(store, undo, reader, err);
  if (code == DS_OK && !undo->pure)
    code = ds_store_rewrite(store, undo->which, undo->count,
                            &(ds_rewrite_options){.drop_import = undo->import}, &undo->added, err);
  undo->events -= undo->added.events;
  ds_buf record;
  ds_buf_init(&record, DS_BATCH_BYTES_MAX + DS_LOG_RECORD_BYTES);
  if (code == DS_OK)
    code = commit_undo(store, undo, &record, err);
  ds_buf_done(&record);
  ds_block_reader_free(reader);
  return code;
}

ds_code ds_store_undo_import(ds_store *store, uint32_t id, uint64_t *ret_events, ds_error *err) {
  TRY(ds_store_check_writable(store, err));
  const ds_import_info *info = ds_manifest_import(&store->view.manifest, id);
  if (info == NULL)
    return ds_fail(err, DS_INPUT, "there is no import %" PRIu32 ": see the list of imports", id);
  if (info->undone)
    return ds_fail(err, DS_INPUT, "import %" PRIu32 " is undone already", id);
  TRY(ds_store_end_jobs(store, err));
  TRY(ds_store_seal(store, err));
  undo_work undo = {.import = id};
  const ds_code code = ds_store_note_write(store, do_undo(store, &undo, err));
  if (code == DS_OK && ret_events != NULL)
    *ret_events = undo.events;
  free(undo.which);
  free(undo.removed);
  free(undo.added.infos);
  return code;
}
