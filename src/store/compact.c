// SPDX-License-Identifier: Apache-2.0
// Compaction as a command, and the commit of every rewrite that keeps what the store says.
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/levels.h"
#include "store/state.h"

ds_code ds_store_rewrite(ds_store *store, const uint32_t *which, uint32_t count,
                         const ds_rewrite_options *how, ds_rewritten *ret_rewritten,
                         ds_error *err) {
  char directory[DS_PATH_BYTES_MAX + 8];
  (void)snprintf(directory, sizeof directory, "%s/part", store->path);
  ds_part **parts = calloc((size_t)count + 1, sizeof *parts);
  if (parts == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory while compacting");
  for (uint32_t i = 0; i < count; i++)
    parts[i] = store->view.parts[which[i]];
  ds_rewrite_options options = *how;
  options.io = store->io;
  options.directory = directory;
  options.next = &store->next_part;
  options.parts = parts;
  options.parts_count = count;
  options.threads = store->options.threads;
  const ds_code code = ds_rewrite(&options, ret_rewritten, err);
  free(parts);
  return code == DS_IO || code == DS_FULL ? ds_store_note_write(store, code) : code;
}

// The import that all of some parts have in common, or 0: undo can then still drop them whole.
static uint32_t common_import(const ds_manifest *manifest, const uint64_t *numbers,
                              uint32_t count) {
  uint32_t import = 0;
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t index = ds_manifest_part_index(manifest, numbers[i]);
    const uint32_t own = manifest->parts[index].import;
    if (i > 0 && own != import)
      return 0;
    import = own;
  }
  return import;
}

// The new parts stand where the oldest of those replaced stood.
static ds_code put_parts(ds_manifest *manifest, const uint64_t *removed, uint32_t removed_count,
                         const ds_rewritten *rewritten, ds_error *err) {
  const uint32_t import = common_import(manifest, removed, removed_count);
  const uint32_t place =
      removed_count == 0 ? 0 : ds_manifest_part_index(manifest, removed[0]);
  for (uint32_t i = 0; i < removed_count; i++)
    ds_manifest_remove_part(manifest, ds_manifest_part_index(manifest, removed[i]));
  for (uint32_t i = 0; i < rewritten->count; i++) {
    TRY(ds_manifest_add_part(manifest, &rewritten->infos[i], import, err));
    ds_manifest_move_part(manifest, manifest->parts_count - 1, place + i);
  }
  return DS_OK;
}

static ds_code replaced_view(ds_store *store, const uint64_t *removed, uint32_t removed_count,
                             const ds_rewritten *rewritten, bool retention, int64_t now_ms,
                             ds_view *ret_next, ds_error *err) {
  TRY(ds_store_next_view(store, ret_next, err));
  ds_manifest *manifest = &ret_next->manifest;
  ret_next->rewritten = true;
  ds_code code = put_parts(manifest, removed, removed_count, rewritten, err);
  manifest->work.compacted_events += rewritten->events;
  manifest->work.compacted_bytes += rewritten->bytes;
  manifest->work.compactions++;
  if (retention) {
    manifest->retention.applied_ms = now_ms;
    manifest->retention.removed_last = rewritten->expired;
    manifest->retention.removed += rewritten->expired;
  }
  return ds_store_finish_view(store, ret_next, code, err);
}

ds_code ds_store_replace_parts(ds_store *store, const uint64_t *removed, uint32_t removed_count,
                               const ds_rewritten *rewritten, bool retention, int64_t now_ms,
                               ds_error *err) {
  ds_view next;
  TRY(replaced_view(store, removed, removed_count, rewritten, retention, now_ms, &next, err));
  TRY(ds_store_commit(store, &next, err));
  ds_store_forget_built(store);
  return ds_store_unlink_parts(store, removed, removed_count, err);
}

// One run, and not more parts than a rewrite would make.
static ds_code is_compact(const ds_manifest *manifest, bool *ret_is, ds_error *err) {
  ds_run *runs = calloc((size_t)manifest->parts_count + 1, sizeof *runs);
  if (runs == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory while compacting");
  const uint32_t count = ds_levels_runs(manifest, runs);
  *ret_is = count == 0 ||
            (count == 1 && runs[0].count <= 2 * ds_rewrite_groups(runs[0].events));
  free(runs);
  return DS_OK;
}

// Merges part `first` and all newer ones into one run.
static ds_code rewrite_from(ds_store *store, uint32_t first, bool retention, ds_progress *progress,
                            ds_error *err) {
  const uint32_t count = store->view.parts_count - first;
  ds_retention_clock clock = {&store->retention, store->io->ops->now_ms(store->io)};
  ds_expiry expiry;
  ds_retention_expiry(&clock, &expiry);
  const ds_rewrite_options how = {
      .sparse = first > 0, .expiry = retention ? &expiry : NULL, .progress = progress};
  uint32_t *which = calloc((size_t)count + 1, sizeof *which);
  uint64_t *removed = calloc((size_t)count + 1, sizeof *removed);
  ds_rewritten rewritten = {.count = 0};
  ds_code code = DS_OK;
  if (which == NULL || removed == NULL)
    code = ds_fail(err, DS_MEMORY, "out of memory while compacting");
  for (uint32_t i = 0; i < count && code == DS_OK; i++) {
    which[i] = first + i;
    removed[i] = store->view.manifest.parts[first + i].info.number;
  }
  if (code == DS_OK)
    code = ds_store_rewrite(store, which, count, &how, &rewritten, err);
  if (code == DS_OK)
    code = ds_store_note_write(store, ds_store_replace_parts(store, removed, count, &rewritten,
                                                             retention, clock.now_ms, err));
  free(which);
  free(removed);
  free(rewritten.infos);
  return code;
}

ds_code ds_store_compact(ds_store *store, ds_progress *progress, ds_error *err) {
  TRY(ds_store_check_writable(store, err));
  TRY(ds_store_end_jobs(store, err));
  TRY(ds_store_seal(store, err));
  bool compact = false;
  TRY(is_compact(&store->view.manifest, &compact, err));
  const bool retention = ds_retention_has_expired(store, store->io->ops->now_ms(store->io));
  return compact && !retention ? DS_OK : rewrite_from(store, 0, retention, progress, err);
}

ds_code ds_store_merge_due(ds_store *store, ds_progress *progress, ds_error *err) {
  TRY(ds_store_check_writable(store, err));
  TRY(ds_store_end_jobs(store, err));
  const bool retention = ds_retention_is_due(store, store->io->ops->now_ms(store->io));
  uint32_t first;
  TRY(ds_store_find_due(store, retention, &first, err));
  return first == DS_NONE ? DS_OK : rewrite_from(store, first, retention, progress, err);
}

ds_code ds_store_upkeep(const ds_store *store, ds_arena *arena, ds_upkeep *ret_upkeep,
                        ds_error *err) {
  const ds_manifest *manifest = &store->view.manifest;
  ds_run *runs = ds_arena_array(arena, (size_t)manifest->parts_count + 1, sizeof *runs);
  ds_run_info *shown = ds_arena_array(arena, (size_t)manifest->parts_count + 1, sizeof *shown);
  if (runs == NULL || shown == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  const uint32_t count = ds_levels_runs(manifest, runs);
  for (uint32_t i = 0; i < count; i++)
    shown[i] = (ds_run_info){runs[i].count, runs[i].events, runs[i].bytes};
  uint32_t first;
  ds_upkeep upkeep = {.runs = shown,
                      .runs_count = count,
                      .runs_due = ds_levels_due(runs, count, &first) ? count - first : 0,
                      .logs = manifest->logs_count,
                      .log_bytes = store->log.end,
                      .taken_events = manifest->work.sealed_events,
                      .rewritten_events = manifest->work.compacted_events,
                      .compactions = manifest->work.compactions,
                      .retention_ms = manifest->retention.applied_ms,
                      .retention_removed_last = manifest->retention.removed_last,
                      .retention_removed = manifest->retention.removed};
  for (uint32_t i = 0; i < store->frozen_count; i++)
    upkeep.log_bytes += store->frozen[i].log.end;
  for (uint32_t i = 0; i < manifest->imports_count; i++)
    upkeep.taken_events += manifest->imports[i].events;
  *ret_upkeep = upkeep;
  return DS_OK;
}
