// SPDX-License-Identifier: Apache-2.0
#include "store/rewrite.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/pool.h"

// About so many events make a group, and a group makes at least one part. It depends on nothing
// but the data, so that the parts are the same for any number of threads.
#define GROUP_EVENTS 4000000u
#define GROUPS_MAX 64u
#define PARTITION_BYTES_MAX ((size_t)1 << 36)
#define REPORT_EVERY_NS 100000000
#define PAUSE_US 10000u

// A row and what orders it; rows of equal arrival keep the order in which they were read.
typedef struct keyed_row {
  uint64_t arrival;
  size_t offset;
  size_t place; // among the rows as they were read
} keyed_row;

// Rows of a block that spans partitions, for those to come: it is decoded once.
typedef struct carried_rows {
  ds_buf rows;
  size_t at;      // those before are taken
  uint32_t block; // while any is left
} carried_rows;

// What one thread reuses from partition to partition.
typedef struct rewrite_worker {
  ds_block_reader *reader;
  carried_rows *carried;  // by place
  ds_retyper *retyper; // NULL: no value gets another type
  ds_buf rows;
  keyed_row *keyed;
  const uint8_t **row;
  size_t capacity;
} rewrite_worker;

typedef struct group_parts {
  ds_part_info *infos;
  uint32_t count;
  uint8_t *image;
  size_t image_size;
} group_parts;

typedef struct rewrite_work {
  const ds_rewrite_options *options;
  ds_space space;
  ds_arena arena;
  ds_place *places;
  uint32_t places_count;
  bool has_links;
  ds_link_names links;
  int64_t *before_ms; // per touchpoint of `space`: events earlier than this go; NULL = none goes
  rewrite_worker workers[DS_THREADS_MAX];
  group_parts groups[GROUPS_MAX];
  uint32_t groups_count;
  atomic_uint_fast64_t events_done;
  atomic_uint_fast64_t expired;
  uint64_t events;
  int64_t reported_ns;
} rewrite_work;

uint32_t ds_rewrite_groups(uint64_t events) {
  const uint64_t groups = events / GROUP_EVENTS + 1;
  return groups < GROUPS_MAX ? (uint32_t)groups : GROUPS_MAX;
}

static_assert(DS_PARTITIONS == 256, "a customer's partition is the top byte of its number");

// Reads a block's rows of this partition and of those behind it.
static ds_code carry_block(const ds_place *place, uint32_t b, uint64_t first,
                           rewrite_worker *worker, carried_rows *carried, ds_error *err) {
  const ds_block_zone *zone = ds_part_zone(place->part, b);
  uint32_t from = 0;
  if (zone->customer_first < first) {
    const ds_columns none = {.want = 0};
    ds_block block;
    TRY(ds_part_read_block(place, b, &none, worker->reader, &block, err));
    from = ds_block_journey_from(&block, 0, first);
  }
  ds_buf_reset(&carried->rows);
  TRY(ds_part_read_rows(place, b, from, zone->journeys, worker->reader, &carried->rows, err));
  TRY(ds_buf_check(&carried->rows, "a block's events", err));
  carried->at = 0;
  carried->block = b;
  return DS_OK;
}

// Moves the rows of a partition, which come first, over to worker->rows.
static void take_carried(uint32_t partition, rewrite_worker *worker, carried_rows *carried) {
  ds_str subject = {NULL, 0}; // of the row before, as most rows'
  const size_t from = carried->at;
  ds_row row;
  for (; carried->at < carried->rows.size; carried->at += row.size) {
    ds_row_open(carried->rows.data + carried->at, &row);
    if (subject.data != NULL && ds_str_equal(subject, row.subject))
      continue;
    subject = row.subject;
    if (ds_subject_partition(ds_subject_hash(subject)) != partition)
      break;
  }
  ds_buf_append(&worker->rows, carried->rows.data + from, carried->at - from);
  if (carried->at == carried->rows.size)
    ds_buf_done(&carried->rows);
}

static ds_code read_block_rows(const ds_place *place, uint32_t b, uint32_t partition,
                               rewrite_worker *worker, carried_rows *carried, ds_error *err) {
  const ds_block_zone *zone = ds_part_zone(place->part, b);
  const uint64_t first = (uint64_t)partition << 24;
  const uint64_t end = first + DS_PARTITION_SUBJECTS_MAX;
  if (zone->customer_last < first || zone->customer_first >= end)
    return DS_OK;
  if (zone->customer_first >= first && zone->customer_last < end)
    return ds_part_read_rows(place, b, 0, zone->journeys, worker->reader, &worker->rows, err);
  if (carried->rows.size == 0 || carried->block != b)
    TRY(carry_block(place, b, first, worker, carried, err));
  if (carried->rows.size > 0)
    take_carried(partition, worker, carried);
  return DS_OK;
}

static int compare_keyed(const void *a, const void *b) {
  const keyed_row *left = a;
  const keyed_row *right = b;
  if (left->arrival != right->arrival)
    return left->arrival < right->arrival ? -1 : 1;
  return left->place < right->place ? -1 : left->place > right->place;
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

// Whether a row is a fact of identity that names somebody who is left out.
static bool names_dropped(const rewrite_work *rewrite, const uint8_t *row) {
  const ds_dropped *dropped = rewrite->options->dropped;
  ds_str with;
  return dropped != NULL && rewrite->has_links && ds_row_link(row, &rewrite->links, &with) &&
         dropped->is_dropped(dropped->context, with);
}

// Fills worker->row with the rows of worker->rows that are kept, by arrival. Those of one part may
// stay as they are: customer by customer, each in the order wanted, and all have their numbers.
static ds_code order_rows(rewrite_work *rewrite, rewrite_worker *worker, uint32_t *ret_count,
                          ds_error *err) {
  const ds_dropped *dropped = rewrite->options->dropped;
  size_t count = 0;
  uint64_t expired = 0;
  ds_str subject = {NULL, 0}; // of the row before, as most rows'
  bool is_dropped = false;
  ds_row row;
  const size_t end = worker->rows.size; // Rows that change are put behind it.
  for (size_t at = 0; at < end; at += row.size) {
    ds_row_open(worker->rows.data + at, &row);
    assert(row.size >= 34 && row.size <= end - at);
    if (rewrite->before_ms != NULL && row.time_ms < rewrite->before_ms[row.touchpoint]) {
      expired++;
      continue;
    }
    if (dropped != NULL && (subject.data == NULL || !ds_str_equal(subject, row.subject))) {
      subject = row.subject;
      is_dropped = dropped->is_dropped(dropped->context, subject);
    }
    if (is_dropped || names_dropped(rewrite, worker->rows.data + at))
      continue;
    TRY(reserve(worker, count + 1, err));
    const size_t behind = worker->rows.size;
    bool changed = false;
    if (worker->retyper != NULL)
      TRY(ds_retyper_row(worker->retyper, worker->rows.data + at, row.size, &worker->rows,
                         &changed, err));
    worker->keyed[count++] = (keyed_row){row.arrival, changed ? behind : at, at};
  }
  atomic_fetch_add(&rewrite->expired, expired);
  if (count > UINT32_MAX)
    return ds_fail(err, DS_LIMIT, "a partition holds more events than can be ordered");
  if (count > 1 && rewrite->places_count > 1) // There may be no array when there is no row.
    qsort(worker->keyed, count, sizeof *worker->keyed, compare_keyed);
  for (size_t i = 0; i < count; i++)
    worker->row[i] = worker->rows.data + worker->keyed[i].offset;
  *ret_count = (uint32_t)count;
  return DS_OK;
}

static void report(rewrite_work *rewrite, uint32_t thread, uint64_t events) {
  const uint64_t done = atomic_fetch_add(&rewrite->events_done, events) + events;
  // The calling thread alone reports; it works too, so it comes by here often enough.
  ds_progress *progress = rewrite->options->progress;
  if (thread != 0 || progress == NULL || progress->report == NULL)
    return;
  ds_io *io = rewrite->options->io;
  const int64_t now_ns = io->ops->monotonic_ns(io);
  if (now_ns - rewrite->reported_ns < REPORT_EVERY_NS)
    return;
  rewrite->reported_ns = now_ns;
  progress->report(progress->context, "compacting", done, rewrite->events, "events");
}

// Waits while the work is paused; DS_INTERRUPTED when it was stopped.
static ds_code go_on(const ds_rewrite_options *options, ds_error *err) {
  while (options->paused != NULL && atomic_load(options->paused) &&
         !ds_progress_stopped(options->progress))
    options->io->ops->sleep_us(options->io, PAUSE_US);
  return ds_progress_stopped(options->progress) ? ds_fail(err, DS_INTERRUPTED, "stopped") : DS_OK;
}

static ds_code rewrite_partition(rewrite_work *rewrite, uint32_t thread, uint32_t partition,
                                 ds_builder *builder, ds_error *err) {
  rewrite_worker *worker = &rewrite->workers[thread];
  TRY(go_on(rewrite->options, err));
  ds_buf_reset(&worker->rows);
  for (uint32_t i = 0; i < rewrite->places_count; i++) {
    const ds_place *place = &rewrite->places[i];
    for (uint32_t b = 0; b < ds_part_get_info(place->part)->blocks; b++)
      TRY(read_block_rows(place, b, partition, worker, &worker->carried[i], err));
  }
  TRY(ds_buf_check(&worker->rows, "a partition", err));
  if (worker->rows.size == 0)
    return DS_OK;
  uint32_t count = 0;
  TRY(order_rows(rewrite, worker, &count, err));
  if (count > 0)
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
  group->image = ds_builder_take_image(builder, &group->image_size);
  return DS_OK;
}

// Makes a thread's buffers ready for a group, whose partitions may be far from those before.
static ds_code ready_worker(rewrite_work *rewrite, rewrite_worker *worker, ds_error *err) {
  const ds_rewrite_options *asked = rewrite->options;
  if (worker->reader == NULL)
    worker->reader = ds_block_reader_new();
  if (worker->carried == NULL)
    worker->carried = calloc((size_t)rewrite->places_count + 1, sizeof *worker->carried);
  if (asked->retype != NULL && worker->retyper == NULL)
    worker->retyper = ds_retyper_new(asked->retype, &rewrite->space);
  if (worker->reader == NULL || worker->carried == NULL ||
      (asked->retype != NULL && worker->retyper == NULL))
    return ds_fail(err, DS_MEMORY, "out of memory while compacting");
  for (uint32_t i = 0; i < rewrite->places_count; i++) {
    ds_buf_done(&worker->carried[i].rows);
    ds_buf_init(&worker->carried[i].rows, PARTITION_BYTES_MAX);
  }
  return DS_OK;
}

static ds_code rewrite_group(void *context, uint32_t thread, uint32_t job, ds_error *err) {
  rewrite_work *rewrite = context;
  rewrite_worker *worker = &rewrite->workers[thread];
  const ds_rewrite_options *asked = rewrite->options;
  TRY(ready_worker(rewrite, worker, err));
  // Every subject of the rows has its number in the very parts that they were read from.
  const ds_build_options options = {.io = asked->io,
                                    .directory = asked->directory,
                                    .next = asked->next,
                                    .space = &rewrite->space,
                                    .places = asked->parts,
                                    .places_count = asked->parts_count,
                                    .sparse = asked->sparse,
                                    .dedupe = false,
                                    .drop_import = asked->drop_import};
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

static ds_code open_places(rewrite_work *rewrite, ds_error *err) {
  const uint32_t count = rewrite->options->parts_count;
  rewrite->places = ds_arena_array(&rewrite->arena, (size_t)count + 1, sizeof(ds_place));
  if (rewrite->places == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory while compacting");
  for (uint32_t i = 0; i < count; i++) {
    ds_part *part = rewrite->options->parts[i];
    TRY(ds_place_init(&rewrite->places[i], part, &rewrite->space, &rewrite->arena, err));
    rewrite->events += ds_part_get_info(part)->events;
    rewrite->places_count = i + 1;
  }
  rewrite->groups_count =
      rewrite->options->directory == NULL ? 1 : ds_rewrite_groups(rewrite->events);
  rewrite->has_links = ds_link_names_find(&rewrite->space, &rewrite->links);
  return DS_OK;
}

// How old the events of each touchpoint may be.
static ds_code set_expiry(rewrite_work *rewrite, ds_error *err) {
  const ds_expiry *expiry = rewrite->options->expiry;
  const ds_names *touchpoints = &rewrite->space.touchpoints;
  if (expiry == NULL)
    return DS_OK;
  int64_t *before_ms =
      ds_arena_array(&rewrite->arena, (size_t)touchpoints->count + 1, sizeof *before_ms);
  if (before_ms == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory while compacting");
  for (uint32_t t = 0; t < touchpoints->count; t++)
    before_ms[t] = expiry->before_ms(expiry->context, touchpoints->text[t]);
  rewrite->before_ms = before_ms;
  return DS_OK;
}

static void remove_parts(ds_io *io, const char *directory, const ds_part_info *infos,
                         uint32_t count) {
  char path[DS_PATH_BYTES_MAX + 32];
  ds_error unheard;
  for (uint32_t i = 0; i < count; i++) {
    (void)snprintf(path, sizeof path, "%s/%06" PRIu64 ".part", directory, infos[i].number);
    (void)io->ops->unlink(io, path, &unheard);
  }
}

static ds_code gather(rewrite_work *rewrite, ds_rewritten *out, ds_error *err) {
  uint32_t count = 0;
  for (uint32_t g = 0; g < rewrite->groups_count; g++)
    count += rewrite->groups[g].count;
  *out = (ds_rewritten){.infos = calloc((size_t)count + 1, sizeof *out->infos),
                        .expired = atomic_load(&rewrite->expired)};
  if (out->infos == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory while compacting");
  for (uint32_t g = 0; g < rewrite->groups_count; g++) {
    for (uint32_t i = 0; i < rewrite->groups[g].count; i++) {
      const ds_part_info *info = &rewrite->groups[g].infos[i];
      out->infos[out->count++] = *info;
      out->events += info->events;
      out->bytes += info->bytes;
    }
  }
  assert(out->count == count);
  out->image = rewrite->groups[0].image;
  out->image_size = rewrite->groups[0].image_size;
  rewrite->groups[0].image = NULL;
  for (uint32_t t = 0; t < DS_THREADS_MAX; t++) {
    if (rewrite->workers[t].retyper == NULL)
      continue;
    const ds_retype_counts *own = ds_retyper_counts(rewrite->workers[t].retyper);
    rewrite->options->retyped->already += own->already;
    rewrite->options->retyped->converted += own->converted;
    rewrite->options->retyped->texts += own->texts;
    rewrite->options->retyped->sealed += own->sealed;
  }
  return DS_OK;
}

static ds_code run_groups(rewrite_work *rewrite, ds_rewritten *out, ds_error *err) {
  const ds_rewrite_options *options = rewrite->options;
  uint32_t threads = options->threads;
  threads = threads < 1 ? 1 : threads > DS_THREADS_MAX ? DS_THREADS_MAX : threads;
  const atomic_int *stop = options->progress == NULL ? NULL : &options->progress->stop;
  ds_code code =
      ds_parallel(threads, rewrite->groups_count, rewrite_group, rewrite, stop, err);
  if (code == DS_OK)
    code = gather(rewrite, out, err);
  for (uint32_t g = 0; g < rewrite->groups_count && code != DS_OK && options->directory != NULL;
       g++)
    remove_parts(options->io, options->directory, rewrite->groups[g].infos,
                 rewrite->groups[g].count);
  return code;
}

static void rewrite_free(rewrite_work *rewrite) {
  for (uint32_t t = 0; t < DS_THREADS_MAX; t++) {
    carried_rows *carried = rewrite->workers[t].carried;
    for (uint32_t i = 0; carried != NULL && i < rewrite->places_count; i++)
      ds_buf_done(&carried[i].rows);
    free(carried);
    ds_block_reader_free(rewrite->workers[t].reader);
    ds_retyper_free(rewrite->workers[t].retyper);
    ds_buf_done(&rewrite->workers[t].rows);
    free(rewrite->workers[t].keyed);
    free(rewrite->workers[t].row);
  }
  for (uint32_t g = 0; g < GROUPS_MAX; g++) {
    free(rewrite->groups[g].infos);
    free(rewrite->groups[g].image);
  }
  ds_space_done(&rewrite->space);
  ds_arena_done(&rewrite->arena);
  free(rewrite);
}

static rewrite_work *rewrite_new(const ds_rewrite_options *options) {
  rewrite_work *rewrite = calloc(1, sizeof *rewrite);
  if (rewrite == NULL)
    return NULL;
  rewrite->options = options;
  atomic_init(&rewrite->events_done, 0);
  atomic_init(&rewrite->expired, 0);
  ds_space_init(&rewrite->space);
  ds_arena_init(&rewrite->arena, (size_t)1 << 30);
  for (uint32_t t = 0; t < DS_THREADS_MAX; t++)
    ds_buf_init(&rewrite->workers[t].rows, PARTITION_BYTES_MAX);
  return rewrite;
}

ds_code ds_rewrite(const ds_rewrite_options *options, ds_rewritten *ret_rewritten,
                   ds_error *err) {
  rewrite_work *rewrite = rewrite_new(options);
  if (rewrite == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory while compacting");
  ds_rewritten out = {.count = 0};
  ds_code code = open_places(rewrite, err);
  if (code == DS_OK)
    code = set_expiry(rewrite, err);
  if (code == DS_OK)
    code = run_groups(rewrite, &out, err);
  rewrite_free(rewrite);
  if (code == DS_OK)
    *ret_rewritten = out;
  return code;
}

void ds_rewritten_drop(ds_io *io, const char *directory, ds_rewritten *rewritten) {
  remove_parts(io, directory, rewritten->infos, rewritten->count);
  free(rewritten->infos);
  *rewritten = (ds_rewritten){.count = 0};
}
