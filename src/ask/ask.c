// SPDX-License-Identifier: Apache-2.0
#include "ask/ask.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "ask/state.h"
#include "base/limits.h"
#include "insight/derive.h"

// Times that a store which is written to is looked at before it is told apart by chance.
enum { MARK_TRIES = 3 };
#define SETTINGS_ARENA_BYTES ((size_t)64 << 20)

static void store_drop(ask_store *store) {
  if (store == NULL || atomic_fetch_sub_explicit(&store->holders, 1, memory_order_acq_rel) != 1)
    return;
  ds_store_close(store->store);
  pthread_mutex_destroy(&store->mutex);
  free(store);
}

static ask_state *state_of(const ds_ask *ask) { return (ask_state *)(uintptr_t)ask; }

void ds_ask_free(ds_ask *ask) {
  if (ask == NULL)
    return;
  ask_state *state = state_of(ask);
  ds_zone_free(state->zone);
  ds_vault_close(state->unsealer.vault);
  ds_names_done(&state->derived.space.touchpoints);
  ds_names_done(&state->derived.space.properties);
  ds_snapshot_free(state->snapshot);
  store_drop(state->store);
  ds_arena_done(&state->arena);
  free(state);
}

// Adds a file's name and content to what is hashed; one that is absent adds its name alone.
static ds_code add_file(XXH3_state_t *hash, ds_io *io, const char *folder, const char *name,
                        ds_error *err) {
  char path[2 * DS_PATH_BYTES_MAX];
  char *text = NULL;
  size_t size = 0;
  ds_error own = {.code = DS_OK};
  const char *join = *folder == '\0' ? "" : "/";
  const int length = snprintf(path, sizeof path, "%s%s%s", folder, join, name);
  if (length < 0 || (size_t)length >= sizeof path)
    return ds_fail(err, DS_USAGE, "the path of a store is too long");
  const ds_code code = ds_io_read_file(io, path, DS_SEGMENTS_BYTES_MAX, &text, &size, &own);
  XXH3_128bits_update(hash, name, strlen(name) + 1);
  if (code == DS_OK)
    XXH3_128bits_update(hash, text, size);
  free(text);
  return code == DS_OK || code == DS_MISSING || code == DS_LIMIT
             ? DS_OK
             : ds_fail(err, code, "%s", own.message);
}

// What answers depend on, as it is now.
static ds_code look(const ask_state *state, ask_mark *ret_mark, ds_error *err) {
  const ds_ask *ask = &state->seen;
  uint64_t store = 0;
  TRY(ds_store_mark(ask->io, ask->path, &store, err));
  XXH3_state_t *hash = XXH3_createState();
  if (hash == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the store");
  XXH3_128bits_reset(hash);
  XXH3_128bits_update(hash, DS_PROGRAM_VERSION, sizeof DS_PROGRAM_VERSION);
  XXH3_128bits_update(hash, &store, sizeof store);
  ds_code code = add_file(hash, ask->io, ask->path, "doorstep.yaml", err);
  if (code == DS_OK)
    code = state->segments == NULL ? add_file(hash, ask->io, ask->path, "segments.yaml", err)
                                   : add_file(hash, ask->io, "", state->segments, err);
  const XXH128_hash_t digest = XXH3_128bits_digest(hash);
  XXH3_freeState(hash);
  *ret_mark = (ask_mark){digest.high64, digest.low64};
  return code;
}

static bool is_same(const ask_mark *a, const ask_mark *b) {
  return a->high == b->high && a->low == b->low;
}

static bool is_segment(const ds_ask *ask, const char *name) {
  uint32_t s = 0;
  while (s < ask->segments_count && strcmp(ask->segments[s].name, name) != 0)
    s++;
  return s < ask->segments_count;
}

// A list is a segment, too, unless a definition has its name.
static ds_code add_lists(ask_state *state, ds_error *err) {
  ds_ask *ask = &state->seen;
  ds_segment *all = ds_arena_array(&state->arena, ask->segments_count + ask->lists_count + 1u,
                                   sizeof *all);
  uint32_t count = ask->segments_count;
  if (all == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the store");
  memcpy(all, ask->segments, count * sizeof *all);
  for (uint32_t l = 0; l < ask->lists_count && count < DS_SEGMENTS_MAX; l++) {
    char text[DS_SAVED_NAME_BYTES_MAX + 16];
    if (is_segment(ask, ask->lists[l].name))
      continue;
    const int size = snprintf(text, sizeof text, "in_list('%s')", ask->lists[l].name);
    all[count] = (ds_segment){.name = ask->lists[l].name, .line = 1, .column = 1,
                              .expression = ds_arena_text(&state->arena, text, (size_t)size)};
    if (all[count++].expression == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for the store");
  }
  ask->segments = all;
  ask->segments_count = count;
  return DS_OK;
}

static ds_code read_lists(ask_state *state, ds_error *err) {
  ds_ask *ask = &state->seen;
  pthread_mutex_lock(&state->store->mutex);
  const ds_code code = ds_lists_read(state->store->store, &state->arena, &ask->lists,
                                     &ask->lists_count, err);
  pthread_mutex_unlock(&state->store->mutex);
  return code;
}

static ds_code read_settings(ask_state *state, ds_error *err) {
  ds_ask *ask = &state->seen;
  TRY(ds_settings_read(ask->io, ask->path, &state->arena, &ask->settings, err));
  TRY(ds_settings_segments(ask->io, ask->path, state->segments, &state->arena, &ask->segments,
                           &ask->segments_count, err));
  const ds_str zone = ds_str_of(ask->settings.time_zone);
  if (!ds_str_equal(zone, ds_str_of("UTC")))
    TRY(ds_zone_load(ask->io, "/usr/share/zoneinfo", zone, &state->zone, err));
  ask->zone = state->zone;
  TRY(read_lists(state, err));
  return ask->lists_count > 0 ? add_lists(state, err) : DS_OK;
}

static ds_code names_copy(const ds_names *from, ds_names *to, ds_error *err) {
  for (uint32_t n = 0; n < from->count; n++) {
    uint32_t index = 0;
    TRY(ds_names_add(to, from->text[n], &index, err));
    assert(index == n);
  }
  return DS_OK;
}

// The snapshot once more, with the names of virtual touchpoints and properties behind its own.
static ds_code derived_make(ask_state *state, ds_error *err) {
  const ds_space *space = &state->snapshot->space;
  ds_space *with = &state->derived.space;
  state->derived = *state->snapshot;
  ds_names_init(&with->touchpoints, space->touchpoints.count_max);
  ds_names_init(&with->properties, space->properties.count_max);
  TRY(names_copy(&space->touchpoints, &with->touchpoints, err));
  TRY(names_copy(&space->properties, &with->properties, err));
  return ds_derive_names(&state->derived, err);
}

static ds_code open_vault(ask_state *state, ds_error *err) {
  TRY(ds_store_open_vault(state->store->store, &state->unsealer.vault, err));
  state->unsealer.snapshot = state->snapshot;
  if (state->unsealer.vault != NULL)
    state->seen.unsealer = &state->unsealer;
  return DS_OK;
}

// Takes the snapshot and reads the settings between two looks that show the same. Of a store that
// never stands still the mark is of no other.
static ds_code fill(ask_state *state, ds_error *err) {
  ask_mark before = {0, 0}, after = {0, 0};
  TRY(look(state, &before, err));
  for (int i = 1;; i++) {
    pthread_mutex_lock(&state->store->mutex);
    const ds_code code = ds_store_snapshot(state->store->store, &state->snapshot, err);
    pthread_mutex_unlock(&state->store->mutex);
    TRY(code);
    TRY(look(state, &after, err));
    if (is_same(&before, &after) || i == MARK_TRIES)
      break;
    before = after;
    ds_snapshot_free(state->snapshot);
    state->snapshot = NULL;
  }
  state->mark = after;
  state->identity = after;
  if (!is_same(&before, &after))
    TRY(state->seen.io->ops->random(state->seen.io, &state->identity, sizeof state->identity, err));
  state->seen.snapshot = state->snapshot;
  TRY(derived_make(state, err));
  TRY(read_settings(state, err));
  return state->personal ? open_vault(state, err) : DS_OK;
}

static ds_code keep(ask_state *state, const char *text, const char **ret_kept, ds_error *err) {
  *ret_kept = text == NULL ? NULL : ds_arena_text(&state->arena, text, strlen(text));
  return text == NULL || *ret_kept != NULL
             ? DS_OK
             : ds_fail(err, DS_MEMORY, "out of memory for the store");
}

// A new one over `store`, whose holder it becomes.
static ds_code make(ask_store *store, const ds_ask_options *options, ds_ask **ret_ask,
                    ds_error *err) {
  ask_state *state = calloc(1, sizeof *state);
  if (state == NULL) {
    store_drop(store);
    return ds_fail(err, DS_MEMORY, "out of memory for the store");
  }
  const ds_store_options *opened = ds_store_get_options(store->store);
  state->store = store;
  ds_arena_init(&state->arena, SETTINGS_ARENA_BYTES);
  ds_names_init(&state->derived.space.touchpoints, 0);
  state->personal = options->personal;
  state->seen.path = ds_store_path(store->store);
  state->seen.io = ds_store_io(store->store);
  state->seen.threads = opened->threads;
  state->seen.memory_bytes = opened->memory_bytes;
  ds_code code = keep(state, options->segments, &state->segments, err);
  if (code == DS_OK)
    code = keep(state, options->duckdb, &state->seen.duckdb, err);
  if (code == DS_OK)
    code = fill(state, err);
  if (code != DS_OK) {
    ds_ask_free(&state->seen);
    return code;
  }
  *ret_ask = &state->seen;
  return DS_OK;
}

ds_code ds_ask_take(ds_store *store, const ds_ask_options *options, ds_ask **ret_ask,
                    ds_error *err) {
  ask_store *shared = calloc(1, sizeof *shared);
  if (shared == NULL || pthread_mutex_init(&shared->mutex, NULL) != 0) {
    free(shared);
    ds_store_close(store);
    return ds_fail(err, DS_MEMORY, "out of memory for the store");
  }
  shared->store = store;
  atomic_init(&shared->holders, 1);
  return make(shared, options, ret_ask, err);
}

ds_code ds_ask_open(const char *path, const ds_store_options *store,
                    const ds_ask_options *options, ds_ask **ret_ask, ds_error *err) {
  ds_store *opened = NULL;
  assert(!store->write);
  TRY(ds_store_open(path, store, &opened, err));
  return ds_ask_take(opened, options, ret_ask, err);
}

ds_code ds_ask_again(const ds_ask *ask, ds_ask **ret_ask, ds_error *err) {
  const ask_state *state = state_of(ask);
  const ds_ask_options options = {.segments = state->segments, .duckdb = ask->duckdb,
                                  .personal = state->personal};
  atomic_fetch_add_explicit(&state->store->holders, 1, memory_order_relaxed);
  return make(state->store, &options, ret_ask, err);
}

ds_code ds_ask_changed(const ds_ask *ask, bool *ret_changed, ds_error *err) {
  ask_mark now = {0, 0};
  TRY(look(state_of(ask), &now, err));
  *ret_changed = !is_same(&now, &state_of(ask)->mark);
  return DS_OK;
}

void ds_ask_identity(const ds_ask *ask, int64_t now_ms, char out[DS_ASK_IDENTITY_BYTES]) {
  const ask_state *state = state_of(ask);
  const bool follows = ask->snapshot->events > 0 && ask->snapshot->time_max_ms > now_ms;
  const uint64_t parts[] = {state->identity.high, state->identity.low,
                            follows ? (uint64_t)now_ms : 0};
  const XXH128_hash_t hash = XXH3_128bits(parts, sizeof parts);
  snprintf(out, DS_ASK_IDENTITY_BYTES, "%016" PRIx64 "%016" PRIx64, hash.high64, hash.low64);
}
