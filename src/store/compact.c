// SPDX-License-Identifier: Apache-2.0
// Compaction: reads the rows of several parts, partition by partition, and writes them anew as
// one run ordered by customer. Groups of consecutive partitions are worked on side by side.
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/pool.h"
#include "store/state.h"

// About so many events make a group, and a group makes at least one part. It depends on nothing
// but the data, so that the parts are the same for any number of threads.
#define GROUP_EVENTS 4000000u
#define GROUPS_MAX 64u
#define PARTITION_BYTES_MAX ((size_t)1 << 36)
#define REPORT_EVERY_NS 100000000

// A row and what orders it; rows of equal arrival keep the order in which they were read.
typedef struct keyed_row {
  uint64_t arrival;
  size_t offset;
} keyed_row;

// What one thread reuses from partition to partition.
typedef struct rewrite_worker {
  ds_block_reader *reader;
  ds_buf rows;
  keyed_row *keyed;
  const uint8_t **row;
  size_t capacity;
} rewrite_worker;

typedef struct group_parts {
  ds_part_info *infos;
  uint32_t count;
} group_parts;

typedef struct rewrite_work {
  ds_store *store;
  ds_space space;
  ds_arena arena;
  ds_place *places;
  uint32_t places_count;
  uint32_t drop;
  char directory[DS_PATH_BYTES_MAX + 8];
  atomic_uint_fast64_t next_part;
  rewrite_worker workers[DS_THREADS_MAX];
  group_parts groups[GROUPS_MAX];
  uint32_t groups_count;
  ds_progress *progress;
  atomic_uint_fast64_t events_done;
  uint64_t events;
  int64_t reported_ns;
} rewrite_work;

uint32_t ds_store_rewrite_groups(uint64_t events) {
  const uint64_t groups = events / GROUP_EVENTS + 1;
  return groups < GROUPS_MAX ? (uint32_t)groups : GROUPS_MAX;
}

static_assert(DS_PARTITIONS == 256, "a customer's partition is the top byte of its number");

// The first journey of a block whose customer is at least `customer`.
static uint32_t journey_from(const ds_block *block, uint64_t customer) {
  uint32_t low = 0;
  uint32_t high = block->journeys;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (block->customer[middle] < customer)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static ds_code read_block_rows(const ds_place *place, uint32_t b, uint32_t partition,
                               rewrite_worker *worker, ds_error *err) {
  const ds_block_zone *zone = ds_part_zone(place->part, b);
  const uint64_t first = (uint64_t)partition << 24;
  const uint64_t end = first + DS_PARTITION_SUBJECTS_MAX;
  if (zone->customer_last < first || zone->customer_first >= end)
    return DS_OK;
  uint32_t from = 0;
  uint32_t to = zone->journeys;
  if (zone->customer_first < first || zone->customer_last >= end) {
    const ds_columns none = {.want = 0};
    ds_block block;
    TRY(ds_part_read_block(place, b, &none, worker->reader, &block, err));
    from = journey_from(&block, first);
    to = journey_from(&block, end);
  }
  if (from == to)
    return DS_OK;
  return ds_part_read_rows(place, b, from, to, worker->reader, &worker->rows, err);
}

// The row form has the arrival behind its optional fields; these rows were encoded by us.
static uint64_t row_arrival(const uint8_t *row) {
  const uint8_t flags = row[12];
  const size_t at = 24 + ((flags & 1) != 0 ? 8u : 0u) + ((flags & 2) != 0 ? 8u : 0u);
  uint64_t arrival;
  memcpy(&arrival, row + at, sizeof arrival);
  return arrival;
}

static int compare_keyed(const void *a, const void *b) {
  const keyed_row *left = a;
  const keyed_row *right = b;
  if (left->arrival != right->arrival)
    return left->arrival < right->arrival ? -1 : 1;
  return left->offset < right->offset ? -1 : left->offset > right->offset;
}

static ds_code reserve(rewrite_worker *worker, size_t count, ds_error *err) {
  if (count <= worker->capacity)
    return DS_OK;
  const size_t capacity = count + count / 2 + 1024;
  keyed_row *keyed = realloc(worker->keyed, capacity * sizeof *keyed);
  if (keyed != NULL)
    worker->keyed = keyed;
  const uint8_t **row = realloc(worker->row, capacity * sizeof *row);
  if (row != NULL)
    worker->row = row;
  if (keyed == NULL || row == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory while compacting");
  worker->capacity = capacity;
  return DS_OK;
}

// Fills worker->row with the rows of worker->rows by arrival.
static ds_code order_rows(rewrite_worker *worker, uint32_t *ret_count, ds_error *err) {
  size_t count = 0;
  uint32_t size = 0;
  for (size_t at = 0; at < worker->rows.size; at += size) {
    memcpy(&size, worker->rows.data + at, sizeof size);
    assert(size >= 34 && size <= worker->rows.size - at);
    TRY(reserve(worker, count + 1, err));
    worker->keyed[count++] = (keyed_row){row_arrival(worker->rows.data + at), at};
  }
  if (count > UINT32_MAX)
    return ds_fail(err, DS_LIMIT, "a partition holds more events than can be ordered");
  qsort(worker->keyed, count, sizeof *worker->keyed, compare_keyed);
  for (size_t i = 0; i < count; i++)
    worker->row[i] = worker->rows.data + worker->keyed[i].offset;
  *ret_count = (uint32_t)count;
  return DS_OK;
}

static void report(rewrite_work *rewrite, uint32_t thread, uint64_t events) {
  const uint64_t done = atomic_fetch_add(&rewrite->events_done, events) + events;
  // The calling thread alone reports; it works too, so it comes by here often enough.
  if (thread != 0 || rewrite->progress == NULL || rewrite->progress->report == NULL)
    return;
  const int64_t now_ns = rewrite->store->io->ops->monotonic_ns(rewrite->store->io);
  if (now_ns - rewrite->reported_ns < REPORT_EVERY_NS)
    return;
  rewrite->reported_ns = now_ns;
  rewrite->progress->report(rewrite->progress->context, "compacting", done, rewrite->events,
                            "events");
}

static ds_code rewrite_partition(rewrite_work *rewrite, uint32_t thread, uint32_t partition,
                                 ds_builder *builder, ds_error *err) {
  rewrite_worker *worker = &rewrite->workers[thread];
  if (ds_progress_stopped(rewrite->progress))
    return ds_fail(err, DS_INTERRUPTED, "stopped");
  ds_buf_reset(&worker->rows);
  for (uint32_t i = 0; i < rewrite->places_count; i++) {
    const ds_place *place = &rewrite->places[i];
    for (uint32_t b = 0; b < ds_part_get_info(place->part)->blocks; b++)
      TRY(read_block_rows(place, b, partition, worker, err));
  }
  TRY(ds_buf_check(&worker->rows, "a partition", err));
  if (worker->rows.size == 0)
    return DS_OK;
  uint32_t count = 0;
  TRY(order_rows(worker, &count, err));
  TRY(ds_builder_add(builder, partition, worker->row, count, err));
  report(rewrite, thread, count);
  return DS_OK;
}

static ds_code finish_group(ds_builder *builder, group_parts *group, ds_error *err) {
  const ds_part_info *infos;
  uint32_t count;
  TRY(ds_builder_finish(builder, &infos, &count, err));
  group->infos = calloc((size_t)count + 1, sizeof *group->infos);
  if (group->infos == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory while compacting");
  if (count > 0)
    memcpy(group->infos, infos, count * sizeof *infos);
  group->count = count;
  return DS_OK;
}

static ds_code rewrite_group(void *context, uint32_t thread, uint32_t job, ds_error *err) {
  rewrite_work *rewrite = context;
  rewrite_worker *worker = &rewrite->workers[thread];
  if (worker->reader == NULL)
    worker->reader = ds_block_reader_new();
  if (worker->reader == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory while compacting");
  const ds_build_options options = {.io = rewrite->store->io,
                                    .directory = rewrite->directory,
                                    .next = &rewrite->next_part,
                                    .space = &rewrite->space,
                                    .places = rewrite->store->view.parts,
                                    .places_count = rewrite->store->view.parts_count,
                                    .dedupe = false,
                                    .drop_import = rewrite->drop};
  ds_builder *builder;
  TRY(ds_builder_new(&options, &builder, err));
  const uint32_t end = (job + 1) * DS_PARTITIONS / rewrite->groups_count;
  ds_code code = DS_OK;
  for (uint32_t p = job * DS_PARTITIONS / rewrite->groups_count; p < end && code == DS_OK; p++)
    code = rewrite_partition(rewrite, thread, p, builder, err);
  if (code == DS_OK)
    code = finish_group(builder, &rewrite->groups[job], err);
  ds_builder_free(builder);
  return code;
}

static ds_code open_places(rewrite_work *rewrite, const uint32_t *which, uint32_t count,
                           ds_error *err) {
  rewrite->places = ds_arena_array(&rewrite->arena, (size_t)count + 1, sizeof(ds_place));
  if (rewrite->places == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory while compacting");
  for (uint32_t i = 0; i < count; i++) {
    ds_part *part = rewrite->store->view.parts[which[i]];
    TRY(ds_place_init(&rewrite->places[i], part, &rewrite->space, &rewrite->arena, err));
    rewrite->events += ds_part_get_info(part)->events;
    rewrite->places_count = i + 1;
  }
  rewrite->groups_count = ds_store_rewrite_groups(rewrite->events);
  return DS_OK;
}

static ds_code gather(const rewrite_work *rewrite, ds_part_info **ret_infos, uint32_t *ret_count,
                      ds_error *err) {
  uint32_t count = 0;
  for (uint32_t g = 0; g < rewrite->groups_count; g++)
    count += rewrite->groups[g].count;
  ds_part_info *infos = calloc((size_t)count + 1, sizeof *infos);
  if (infos == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory while compacting");
  uint32_t at = 0;
  for (uint32_t g = 0; g < rewrite->groups_count; g++) {
    if (rewrite->groups[g].count > 0)
      memcpy(infos + at, rewrite->groups[g].infos, rewrite->groups[g].count * sizeof *infos);
    at += rewrite->groups[g].count;
  }
  assert(at == count);
  *ret_infos = infos;
  *ret_count = count;
  return DS_OK;
}

static ds_code run_groups(rewrite_work *rewrite, ds_part_info **ret_infos, uint32_t *ret_count,
                          ds_error *err) {
  ds_store *store = rewrite->store;
  uint32_t threads = store->options.threads;
  threads = threads < 1 ? 1 : threads > DS_THREADS_MAX ? DS_THREADS_MAX : threads;
  const atomic_int *stop = rewrite->progress == NULL ? NULL : &rewrite->progress->stop;
  TRY(ds_parallel(threads, rewrite->groups_count, rewrite_group, rewrite, stop, err));
  TRY(store->io->ops->sync_dir(store->io, rewrite->directory, err));
  TRY(gather(rewrite, ret_infos, ret_count, err));
  store->view.manifest.next_part = atomic_load(&rewrite->next_part);
  return DS_OK;
}

static void rewrite_free(rewrite_work *rewrite) {
  for (uint32_t t = 0; t < DS_THREADS_MAX; t++) {
    ds_block_reader_free(rewrite->workers[t].reader);
    ds_buf_done(&rewrite->workers[t].rows);
    free(rewrite->workers[t].keyed);
    free(rewrite->workers[t].row);
  }
  for (uint32_t g = 0; g < GROUPS_MAX; g++)
    free(rewrite->groups[g].infos);
  ds_space_done(&rewrite->space);
  ds_arena_done(&rewrite->arena);
  free(rewrite);
}

static rewrite_work *rewrite_new(ds_store *store, uint32_t drop, ds_progress *progress) {
  rewrite_work *rewrite = calloc(1, sizeof *rewrite);
  if (rewrite == NULL)
    return NULL;
  rewrite->store = store;
  rewrite->drop = drop;
  rewrite->progress = progress;
  (void)snprintf(rewrite->directory, sizeof rewrite->directory, "%s/part", store->path);
  atomic_init(&rewrite->next_part, store->view.manifest.next_part);
  atomic_init(&rewrite->events_done, 0);
  ds_space_init(&rewrite->space);
  ds_arena_init(&rewrite->arena, (size_t)1 << 30);
  for (uint32_t t = 0; t < DS_THREADS_MAX; t++)
    ds_buf_init(&rewrite->workers[t].rows, PARTITION_BYTES_MAX);
  return rewrite;
}

ds_code ds_store_rewrite(ds_store *store, const uint32_t *which, uint32_t count, uint32_t drop,
                         ds_progress *progress, ds_part_info **ret_infos, uint32_t *ret_count,
                         ds_error *err) {
  rewrite_work *rewrite = rewrite_new(store, drop, progress);
  if (rewrite == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory while compacting");
  ds_code code = open_places(rewrite, which, count, err);
  if (code == DS_OK)
    code = run_groups(rewrite, ret_infos, ret_count, err);
  rewrite_free(rewrite);
  if (code == DS_IO || code == DS_FULL)
    return ds_store_note_write(store, code);
  if (code != DS_OK) {
    // Stopped, or short of memory: what other groups had finished goes, and the store works on.
    ds_error unheard;
    (void)ds_store_note_write(store, ds_store_remove_orphans(store, true, &unheard));
  }
  return code;
}

// Parts that follow one another without overlap, and not more than a rewrite would make.
static bool is_compact(const ds_manifest *manifest) {
  uint64_t events = 0;
  for (uint32_t i = 0; i < manifest->parts_count; i++) {
    const ds_part_info *info = &manifest->parts[i].info;
    if (i > 0 && info->customer_first <= manifest->parts[i - 1].info.customer_last)
      return false;
    events += info->events;
  }
  return manifest->parts_count <= 2 * ds_store_rewrite_groups(events);
}

// The import that all parts have in common, or 0: undo can then still drop them whole.
static uint32_t common_import(const ds_manifest *manifest) {
  const uint32_t import = manifest->parts_count == 0 ? 0 : manifest->parts[0].import;
  for (uint32_t i = 1; i < manifest->parts_count; i++) {
    if (manifest->parts[i].import != import)
      return 0;
  }
  return import;
}

static ds_code replace_all(ds_store *store, const ds_part_info *infos, uint32_t count,
                           ds_error *err) {
  const ds_manifest *old = &store->view.manifest;
  const uint32_t removed_count = old->parts_count;
  uint64_t *removed = calloc((size_t)removed_count + 1, sizeof *removed);
  if (removed == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory while compacting");
  for (uint32_t i = 0; i < removed_count; i++)
    removed[i] = old->parts[i].info.number;
  ds_view next;
  ds_code code = ds_store_next_view(store, &next, err);
  if (code == DS_OK) {
    const uint32_t import = common_import(old);
    next.manifest.parts_count = 0;
    next.rewritten = true;
    for (uint32_t i = 0; i < count && code == DS_OK; i++)
      code = ds_manifest_add_part(&next.manifest, &infos[i], import, err);
    if (code == DS_OK)
      code = ds_view_open_parts(store->io, store->path, &next, NULL, err);
    if (code == DS_OK)
      code = ds_store_commit(store, &next, err);
    else
      ds_view_done(&next);
  }
  if (code == DS_OK)
    code = ds_store_reset_tail(store, err);
  if (code == DS_OK)
    code = ds_store_unlink_parts(store, removed, removed_count, err);
  free(removed);
  return code;
}

ds_code ds_store_compact(ds_store *store, ds_progress *progress, ds_error *err) {
  TRY(ds_store_check_writable(store, err));
  TRY(ds_store_seal(store, err));
  const uint32_t count = store->view.parts_count;
  if (is_compact(&store->view.manifest))
    return DS_OK;
  uint32_t *which = calloc((size_t)count + 1, sizeof *which);
  if (which == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory while compacting");
  for (uint32_t i = 0; i < count; i++)
    which[i] = i;
  ds_part_info *infos = NULL;
  uint32_t infos_count = 0;
  ds_code code =
      ds_store_rewrite(store, which, count, 0, progress, &infos, &infos_count, err);
  if (code == DS_OK)
    code = ds_store_note_write(store, replace_all(store, infos, infos_count, err));
  free(which);
  free(infos);
  return code;
}
