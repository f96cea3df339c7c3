// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/state.h"

ds_part_ref *ds_part_ref_new(ds_part *part) {
  ds_part_ref *ref = malloc(sizeof *ref);
  if (ref == NULL) {
    ds_part_free(part);
    return NULL;
  }
  ref->part = part;
  atomic_init(&ref->holders, 1);
  return ref;
}

ds_part_ref *ds_part_ref_hold(ds_part_ref *ref) {
  (void)atomic_fetch_add_explicit(&ref->holders, 1, memory_order_relaxed);
  return ref;
}

void ds_part_ref_drop(ds_part_ref *ref) {
  if (ref == NULL || atomic_fetch_sub_explicit(&ref->holders, 1, memory_order_acq_rel) != 1)
    return;
  ds_part_free(ref->part);
  free(ref);
}

void ds_store_file(const char *path, const char *kind, uint64_t number,
                   char out[DS_PATH_BYTES_MAX]) {
  const int length = snprintf(out, DS_PATH_BYTES_MAX, "%s/%s/%06" PRIu64 ".%s", path, kind, number,
                              kind);
  // ds_store_open left room for the longest name when it took the path.
  assert(length > 0 && (size_t)length < DS_PATH_BYTES_MAX);
  (void)length;
}

bool ds_part_info_same(const ds_part_info *a, const ds_part_info *b) {
  return a->number == b->number && a->bytes == b->bytes && a->checksum == b->checksum &&
         a->events == b->events && a->customers == b->customers && a->blocks == b->blocks &&
         a->customer_first == b->customer_first && a->customer_last == b->customer_last &&
         a->time_min_ms == b->time_min_ms && a->time_max_ms == b->time_max_ms;
}

ds_code ds_part_ref_open(ds_io *io, const char *path, const ds_part_info *info,
                         ds_part_ref **ret_ref, ds_error *err) {
  char file[DS_PATH_BYTES_MAX];
  ds_store_file(path, "part", info->number, file);
  ds_part *part;
  const ds_code code = ds_part_open(io, file, info->number, &part, err);
  if (code == DS_MISSING)
    return ds_fail(err, DS_MISSING, "part %06" PRIu64 " is missing: restore a backup",
                   info->number);
  TRY(code);
  if (!ds_part_info_same(ds_part_get_info(part), info)) {
    ds_part_free(part);
    return ds_fail(err, DS_CORRUPT,
                   "part %06" PRIu64 " is not the one in MANIFEST: restore a backup",
                   info->number);
  }
  *ret_ref = ds_part_ref_new(part);
  return *ret_ref == NULL ? ds_fail(err, DS_MEMORY, "out of memory for a part") : DS_OK;
}

static ds_part_ref *find_open(const ds_view *have, const ds_part_info *info) {
  if (have == NULL)
    return NULL;
  for (uint32_t i = 0; i < have->ready_count; i++)
    if (ds_part_info_same(ds_part_get_info(have->ready[i]->part), info))
      return ds_part_ref_hold(have->ready[i]);
  const uint32_t index = ds_manifest_part_index(&have->manifest, info->number);
  if (index >= have->parts_count ||
      !ds_part_info_same(ds_part_get_info(have->parts[index]), info))
    return NULL;
  return ds_part_ref_hold(have->refs[index]);
}

static void drop_parts(ds_view *view) {
  for (uint32_t i = 0; i < view->parts_count; i++)
    ds_part_ref_drop(view->refs[i]);
  free(view->refs);
  free(view->parts);
  view->refs = NULL;
  view->parts = NULL;
  view->parts_count = 0;
}

ds_code ds_view_open_parts(ds_io *io, const char *path, ds_view *view, const ds_view *have,
                           ds_error *err) {
  assert(view->refs == NULL && view->parts_count == 0);
  const uint32_t count = view->manifest.parts_count;
  view->refs = calloc((size_t)count + 1, sizeof *view->refs);
  view->parts = calloc((size_t)count + 1, sizeof *view->parts);
  ds_code code = DS_OK;
  if (view->refs == NULL || view->parts == NULL)
    code = ds_fail(err, DS_MEMORY, "out of memory for the parts");
  for (uint32_t i = 0; i < count && code == DS_OK; i++) {
    const ds_part_info *info = &view->manifest.parts[i].info;
    ds_part_ref *ref = find_open(have, info);
    if (ref == NULL)
      code = ds_part_ref_open(io, path, info, &ref, err);
    if (code == DS_OK) {
      view->refs[i] = ref;
      view->parts[i] = ref->part;
      view->parts_count = i + 1;
    }
  }
  if (code != DS_OK)
    drop_parts(view);
  assert(code != DS_OK || view->parts_count == view->manifest.parts_count);
  return code;
}

void ds_view_done(ds_view *view) {
  if (view == NULL)
    return;
  drop_parts(view);
  ds_manifest_done(&view->manifest);
}

ds_code ds_view_add_types(ds_view *view, uint32_t first, ds_error *err) {
  for (uint32_t i = first; i < view->parts_count; i++) {
    const ds_part *part = view->parts[i];
    const ds_space *space = ds_part_space(part);
    for (uint32_t t = 0; t < space->touchpoints.count; t++) {
      for (uint32_t p = 0; p < space->properties.count; p++) {
        const ds_type type = ds_part_property_type(part, (uint16_t)t, (uint16_t)p);
        if (type != DS_TYPE_NULL)
          TRY(ds_manifest_add_type(&view->manifest, ds_names_text(&space->touchpoints, t),
                                   ds_names_text(&space->properties, p), type, err));
      }
    }
  }
  return DS_OK;
}
