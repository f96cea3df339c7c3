// SPDX-License-Identifier: Apache-2.0
// Rewriting parts one by one, each into parts that stand in its place, and one commit for all.
#include "store/retype.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/part_format.h"
#include "store/state.h"

// What is to be rewritten, and what has been, by the store's parts.
typedef struct renewal {
  ds_store *store;
  const ds_retype *retype; // NULL: only the format changes
  ds_rewritten *made;      // per part; without infos where it stays
  uint32_t made_count;
  char directory[DS_PATH_BYTES_MAX + 8];
  ds_retype_counts counts;
} renewal;

// Whether a part has values of the property, of another type than the one wanted when `other`.
static bool has_property(const ds_part *part, const ds_retype *retype, bool other) {
  const ds_space *space = ds_part_space(part);
  const uint32_t touchpoint = ds_names_find(&space->touchpoints, retype->touchpoint);
  const uint32_t property = ds_names_find(&space->properties, retype->property);
  ds_property_use use;
  for (uint32_t column = 0; ds_part_next_property(part, &column, &use);)
    if (use.touchpoint == touchpoint && use.property == property &&
        (!other || use.type != retype->type))
      return true;
  return false;
}

static ds_code find_property(ds_part *const *parts, uint32_t count, const ds_retype *retype,
                             ds_error *err) {
  for (uint32_t i = 0; i < count; i++)
    if (has_property(parts[i], retype, false))
      return DS_OK;
  return ds_fail(err, DS_EXPRESSION, "no event '%.*s' has a property '%.*s'; doorstep schema lists "
                 "them", DS_STR(retype->touchpoint), DS_STR(retype->property));
}

static ds_code rewrite_part(renewal *work, uint32_t index, ds_progress *progress, ds_error *err) {
  ds_store *store = work->store;
  const ds_rewrite_options options = {.io = store->io,
                                      .directory = work->directory,
                                      .next = &store->next_part,
                                      .parts = &store->view.parts[index],
                                      .parts_count = 1,
                                      .retype = work->retype,
                                      .retyped = &work->counts,
                                      .threads = 1,
                                      .progress = progress};
  return ds_rewrite(&options, &work->made[index], err);
}

static ds_code rewrite_parts(renewal *work, ds_progress *progress, ds_error *err) {
  const ds_view *view = &work->store->view;
  work->made = calloc((size_t)view->parts_count + 1, sizeof *work->made);
  if (work->made == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory while rewriting parts");
  for (uint32_t i = 0; i < view->parts_count; i++) {
    // One whose values are all of the type is only counted, one without the property is left.
    if (work->retype != NULL && !has_property(view->parts[i], work->retype, true)) {
      uint64_t values = 0;
      const ds_part *part = view->parts[i];
      ds_property_use use;
      for (uint32_t column = 0; ds_part_next_property(part, &column, &use);) {
        const ds_space *space = ds_part_space(part);
        if (!ds_str_equal(space->touchpoints.text[use.touchpoint], work->retype->touchpoint) ||
            !ds_str_equal(space->properties.text[use.property], work->retype->property))
          continue;
        TRY(ds_part_count_values(part, use.column, &values, err));
        work->counts.already += values;
      }
      continue;
    }
    TRY(rewrite_part(work, i, progress, err));
    work->made_count++;
  }
  return DS_OK;
}

// The new parts stand where those that they were made of stood, and belong to the same import.
static ds_code put_parts(const renewal *work, ds_manifest *manifest, ds_error *err) {
  uint32_t place = 0;
  for (uint32_t i = 0; i < work->store->view.parts_count; i++) {
    const ds_rewritten *made = &work->made[i];
    if (made->infos == NULL) {
      place++;
      continue;
    }
    const uint32_t import = manifest->parts[place].import;
    ds_manifest_remove_part(manifest, place);
    for (uint32_t m = 0; m < made->count; m++) {
      TRY(ds_manifest_add_part(manifest, &made->infos[m], import, err));
      ds_manifest_move_part(manifest, manifest->parts_count - 1, place++);
    }
  }
  return DS_OK;
}

static ds_code renewed_view(const renewal *work, ds_view *ret_next, ds_error *err) {
  ds_store *store = work->store;
  TRY(ds_store_next_view(store, ret_next, err));
  ret_next->rewritten = true;
  // As after an import: where no value is of the type, all are texts.
  const bool any = work->counts.already + work->counts.converted > 0;
  const bool none = !any && work->counts.texts == 0;
  ds_code code = put_parts(work, &ret_next->manifest, err);
  if (code == DS_OK && work->retype != NULL && !none)
    code = ds_manifest_set_type(&ret_next->manifest, work->retype->touchpoint,
                                work->retype->property,
                                any ? work->retype->type : DS_TYPE_STRING, err);
  return ds_store_finish_view(store, ret_next, code, err);
}

static ds_code commit(const renewal *work, ds_error *err) {
  ds_store *store = work->store;
  uint64_t *removed = calloc((size_t)store->view.parts_count + 1, sizeof *removed);
  if (removed == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory while rewriting parts");
  uint32_t count = 0;
  for (uint32_t i = 0; i < store->view.parts_count; i++)
    if (work->made[i].infos != NULL)
      removed[count++] = store->view.manifest.parts[i].info.number;
  ds_view next;
  ds_code code = renewed_view(work, &next, err);
  if (code == DS_OK)
    code = ds_store_commit(store, &next, err);
  ds_store_forget_built(store);
  if (code == DS_OK)
    code = ds_store_unlink_parts(store, removed, count, err);
  free(removed);
  return code;
}

static ds_code run(renewal *work, ds_progress *progress, ds_error *err) {
  ds_store *store = work->store;
  const uint32_t parts_count = store->view.parts_count;
  (void)snprintf(work->directory, sizeof work->directory, "%s/part", store->path);
  ds_code code = rewrite_parts(work, progress, err);
  if (code == DS_OK) {
    code = ds_store_note_write(store, commit(work, err));
    for (uint32_t i = 0; i < parts_count; i++)
      free(work->made[i].infos);
  } else {
    // Stopped, or short of memory: what was made goes, and the store works on.
    for (uint32_t i = 0; work->made != NULL && i < parts_count; i++)
      ds_rewritten_drop(store->io, work->directory, &work->made[i]);
    if (code == DS_IO || code == DS_FULL)
      code = ds_store_note_write(store, code);
  }
  free(work->made);
  return code;
}

static ds_code begin(ds_store *store, ds_error *err) {
  TRY(ds_store_check_writable(store, err));
  TRY(ds_store_end_jobs(store, err));
  return ds_store_seal(store, err);
}

ds_code ds_store_retype(ds_store *store, const ds_retype *retype, ds_progress *progress,
                        ds_retype_counts *ret_counts, ds_error *err) {
  TRY(begin(store, err));
  TRY(find_property(store->view.parts, store->view.parts_count, retype, err));
  renewal work = {.store = store, .retype = retype};
  TRY(run(&work, progress, err));
  *ret_counts = work.counts;
  return DS_OK;
}

ds_code ds_store_renew(ds_store *store, ds_progress *progress, ds_error *err) {
  TRY(begin(store, err));
  renewal work = {.store = store};
  return run(&work, progress, err);
}

bool ds_store_is_current(const ds_store *store) {
  bool current = store->view.manifest.format == DS_MANIFEST_FORMAT;
  for (uint32_t i = 0; i < store->view.parts_count; i++)
    current = current && store->view.parts[i]->version == DS_PART_VERSION;
  return current;
}

static ds_code count_block(const ds_place *place, uint32_t block, ds_block_reader *reader,
                           ds_buf *rows, ds_retyper *retyper, ds_error *err) {
  ds_row head;
  ds_buf_reset(rows);
  TRY(ds_part_read_rows(place, block, 0, ds_part_zone(place->part, block)->journeys, reader, rows,
                        err));
  const size_t end = rows->size;
  for (size_t at = 0; at < end; at += head.size) {
    bool changed;
    ds_row_open(rows->data + at, &head);
    TRY(ds_retyper_row(retyper, rows->data + at, head.size, rows, &changed, err));
  }
  return DS_OK;
}

ds_code ds_snapshot_retype(const ds_snapshot *snapshot, const ds_retype *retype,
                           ds_retype_counts *ret_counts, ds_error *err) {
  ds_retyper *retyper = ds_retyper_new(retype, &snapshot->space);
  ds_block_reader *reader = ds_block_reader_new();
  ds_buf rows;
  ds_buf_init(&rows, (size_t)1 << 36);
  ds_code code = DS_OK;
  bool found = false;
  if (retyper == NULL || reader == NULL)
    code = ds_fail(err, DS_MEMORY, "out of memory while counting values");
  for (uint32_t p = 0; p < snapshot->places_count && code == DS_OK; p++) {
    const ds_place *place = &snapshot->places[p];
    if (!has_property(place->part, retype, false))
      continue;
    found = true;
    for (uint32_t b = 0; b < ds_part_get_info(place->part)->blocks && code == DS_OK; b++)
      code = count_block(place, b, reader, &rows, retyper, err);
  }
  if (code == DS_OK && !found)
    code = find_property(NULL, 0, retype, err);
  if (code == DS_OK)
    *ret_counts = *ds_retyper_counts(retyper);
  ds_buf_done(&rows);
  ds_block_reader_free(reader);
  ds_retyper_free(retyper);
  return code;
}
