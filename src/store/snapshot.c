// SPDX-License-Identifier: Apache-2.0
// What a question reads: the parts of the manifest, and the log's tail built into one more in
// memory; without what is about people who were erased and whose events are still in the files.
#include <assert.h>
#include <stdlib.h>

#include "store/erased.h"
#include "store/identity.h"

// The snapshot as its holders see it, and what keeps its parts open behind it.
typedef struct held_snapshot {
  ds_snapshot seen; // first, so that one pointer is both
  ds_part_ref **refs;
  uint32_t refs_count;
} held_snapshot;

static ds_code open_image(ds_builder *builder, ds_part_ref **ret_ref, ds_error *err) {
  size_t size = 0;
  uint8_t *image = ds_builder_take_image(builder, &size);
  if (image == NULL) // All rows were refused or are in parts already.
    return DS_OK;
  ds_part *part;
  TRY(ds_part_open_memory(image, size, &part, err));
  *ret_ref = ds_part_ref_new(part);
  return *ret_ref == NULL ? ds_fail(err, DS_MEMORY, "out of memory for the log's events") : DS_OK;
}

// Builds the tails once for all snapshots until the next batch.
static ds_code build_tail(ds_store *store, ds_error *err) {
  if (store->tail_built)
    return DS_OK;
  assert(store->tail_part == NULL);
  const ds_tail *tails[DS_LOGS_MAX];
  const uint32_t tails_count = ds_store_tails(store, tails);
  if (tails_count > 0) {
    atomic_uint_fast64_t next = 0;
    const ds_build_options options = {.io = store->io,
                                      .next = &next,
                                      .space = &store->tail.space,
                                      .places = store->view.parts,
                                      .places_count = store->view.parts_count,
                                      .sparse = true,
                                      .dedupe = false};
    ds_builder *builder;
    TRY(ds_builder_new(&options, &builder, err));
    const ds_part_info *infos;
    uint32_t count;
    ds_code code = ds_tails_build(tails, tails_count, builder, err);
    if (code == DS_OK)
      code = ds_builder_finish(builder, &infos, &count, err);
    if (code == DS_OK)
      code = open_image(builder, &store->tail_part, err);
    ds_builder_free(builder);
    TRY(code);
  }
  store->tail_built = true;
  return DS_OK;
}

static void hold(held_snapshot *held, ds_part_ref *ref) {
  held->refs[held->refs_count++] = ds_part_ref_hold(ref);
}

static ds_code add_place(held_snapshot *held, ds_part_ref *ref, ds_error *err) {
  ds_snapshot *seen = &held->seen;
  hold(held, ref);
  TRY(ds_place_init(&seen->places[seen->places_count], ref->part, &seen->space, &seen->arena, err));
  seen->places_count++;
  const ds_part_info *info = ds_part_get_info(ref->part);
  if (seen->events == 0 || info->time_min_ms < seen->time_min_ms)
    seen->time_min_ms = info->time_min_ms;
  if (seen->events == 0 || info->time_max_ms > seen->time_max_ms)
    seen->time_max_ms = info->time_max_ms;
  seen->events += info->events;
  return DS_OK;
}

// Adds what of the part may be seen.
static ds_code add_shown(const ds_store *store, held_snapshot *held, const ds_erased *erased,
                         ds_part_ref *ref, ds_error *err) {
  ds_erased_shown shown;
  TRY(ds_erased_hide(store, erased, ref, &shown, err));
  hold(held, ref);
  ds_code code = DS_OK;
  for (uint32_t i = 0; i < shown.count && code == DS_OK; i++)
    code = add_place(held, shown.ref[i], err);
  ds_erased_shown_drop(&shown);
  return code;
}

static ds_code add_places(ds_store *store, held_snapshot *held, const ds_erased *erased,
                          ds_error *err) {
  for (uint32_t i = 0; i < store->view.parts_count; i++)
    TRY(add_shown(store, held, erased, store->view.refs[i], err));
  TRY(build_tail(store, err));
  const uint64_t before = held->seen.events;
  if (store->tail_part != NULL)
    TRY(add_shown(store, held, erased, store->tail_part, err));
  held->seen.tail_events = held->seen.events - before;
  return DS_OK;
}

static ds_code fill(ds_store *store, held_snapshot *held, ds_error *err) {
  enum { SHOWN_MAX = sizeof((ds_erased_shown){0}.ref) / sizeof(ds_part_ref *) };
  const uint32_t count = store->view.parts_count + 1;
  held->refs = calloc((size_t)count * (1 + SHOWN_MAX), sizeof(ds_part_ref *));
  held->seen.places = ds_arena_array(&held->seen.arena, (size_t)count * SHOWN_MAX,
                                     sizeof(ds_place));
  if (held->refs == NULL || held->seen.places == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a snapshot");
  ds_erased erased;
  ds_code code = ds_erased_pending(store, &erased, err);
  if (code == DS_OK)
    code = add_places(store, held, &erased, err);
  ds_erased_done(&erased);
  TRY(code);
  return ds_identity_make(&held->seen, store->options.threads, &held->seen.arena,
                          &held->seen.identity, err);
}

ds_code ds_store_snapshot(ds_store *store, ds_snapshot **ret_snapshot, ds_error *err) {
  // A reader looks again at what a writer has done since; a writer knows.
  if (!store->options.write && store->snapshots_taken++ > 0) {
    bool changed;
    TRY(ds_store_load(store, &changed, err));
  }
  held_snapshot *held = calloc(1, sizeof *held);
  if (held == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a snapshot");
  ds_space_init(&held->seen.space);
  ds_arena_init(&held->seen.arena, store->options.memory_bytes);
  const ds_code code = fill(store, held, err);
  if (code != DS_OK) {
    ds_snapshot_free(&held->seen);
    return code;
  }
  *ret_snapshot = &held->seen;
  return DS_OK;
}

void ds_snapshot_free(ds_snapshot *snapshot) {
  if (snapshot == NULL)
    return;
  held_snapshot *held = (held_snapshot *)snapshot;
  for (uint32_t i = 0; i < held->refs_count; i++)
    ds_part_ref_drop(held->refs[i]);
  free(held->refs);
  ds_identity_done(held->seen.identity);
  ds_space_done(&held->seen.space);
  ds_arena_done(&held->seen.arena);
  free(held);
}
