// SPDX-License-Identifier: Apache-2.0
// The spill: one file beside the parts, import-<id>.spill, of chunks that each hold whole rows of
// one subject partition; which chunk lies where is known in memory only, since the file is worth
// nothing after a crash. Within a chunk, and within a partition's buffer, rows lie by the next
// bits of their subject's hash, in so many shelves: a builder that is given one shelf after the
// other works in the nearest caches. Invariants: (1) a subject's rows are those of its shelf in all
// chunks in order, then in the buffer, in arrival order; (2) a row lies in one chunk; (3) an import
// whose partitions all fit their buffers writes no spill.
//
// A "run" turns all rows staged so far into parts. An import normally is one run at its end; when
// a partition outgrows its share of the memory there are several, and the parts of the earlier ones
// are given to the later builders as places, so that numbers and ids stay one.
#include "ingest/stage.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/pool.h"
#include "model/event.h"

enum {
  SHELVES = 16,
  SHELF_BYTES = 6 << 10,
  BUFFER_BYTES = SHELVES * SHELF_BYTES,
  PENDING = 16,                 // rows between taking their places and being copied there
  PENDING_BYTES = 256,          // longer rows are copied at once
  JOB_EVENTS = 4 << 20,         // what a job aims at: about one part
  JOB_EVENTS_MIN = 256 << 10,   // smaller jobs are not worth a part of their own
  ROW_BYTES_MIN = 34,           // the head of a row
  PARTITION_BYTES_MIN = 4 << 20 // no partition's share of the memory is below this
};

typedef struct chunk {
  uint64_t offset;
  uint32_t size;
  uint32_t shelf[SHELVES]; // bytes of each, one behind the other
} chunk;

typedef struct partition {
  uint8_t *buffer; // BUFFER_BYTES, taken at the first row: shelf k at k * SHELF_BYTES
  uint32_t used[SHELVES];
  uint64_t rows;
  uint64_t spilled_bytes;
  chunk *chunks;
  uint32_t chunks_count;
  uint32_t chunks_capacity;
} partition;

// A row whose place in its shelf is taken and is on its way into the cache: the shelves are too
// many to be there all, and waiting for each costs more than all else that is done to a row.
typedef struct pending {
  uint8_t *to;
  uint32_t size; // 0 = none
  uint8_t bytes[PENDING_BYTES];
} pending;

struct ds_stage_area {
  ds_store *store;
  ds_io *io;
  const ds_space *space;
  ds_progress *progress;
  uint32_t threads;
  uint64_t partition_bytes_max;
  ds_import_scope scope;
  bool committed;
  bool built;
  bool want_run; // a partition is full
  partition partitions[DS_PARTITIONS];
  uint64_t rows; // staged since the last run
  pending pending[PENDING]; // row n at n % PENDING
  uint8_t *chunk_bytes; // BUFFER_BYTES: a chunk on its way to the spill
  char spill_path[DS_PATH_BYTES_MAX + 64];
  ds_file *spill;
  uint64_t spill_size;
  ds_part_info *parts;
  uint32_t parts_count;
  ds_part **places; // the store's parts, then those of earlier runs
  uint32_t places_count;
  uint32_t runs;
  ds_build_stats stats;
};

ds_code ds_stage_new(ds_store *store, const ds_space *space, uint32_t threads,
                     size_t memory_bytes, ds_progress *progress, ds_stage_area **ret_stage,
                     ds_error *err) {
  assert(threads >= 1);
  ds_stage_area *stage = calloc(1, sizeof *stage);
  if (stage == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory starting an import");
  stage->store = store;
  stage->io = ds_store_io(store);
  stage->space = space;
  stage->progress = progress;
  stage->threads = threads;
  // A builder needs about as much again as the rows it is given.
  stage->partition_bytes_max = memory_bytes / threads / 4;
  if (stage->partition_bytes_max < PARTITION_BYTES_MIN)
    stage->partition_bytes_max = PARTITION_BYTES_MIN;
  const ds_code code = ds_store_import_begin(store, &stage->scope, err);
  if (code != DS_OK) {
    free(stage);
    return code;
  }
  snprintf(stage->spill_path, sizeof stage->spill_path, "%s/import-%" PRIu32 ".spill",
           stage->scope.directory, stage->scope.id);
  *ret_stage = stage;
  return DS_OK;
}

static void spill_remove(ds_stage_area *stage) {
  if (stage->spill == NULL)
    return;
  stage->io->ops->close(stage->io, stage->spill);
  stage->spill = NULL;
  stage->spill_size = 0;
  ds_error ignored; // What cannot be unlinked now is an orphan that the next open removes.
  (void)stage->io->ops->unlink(stage->io, stage->spill_path, &ignored);
}

static void partition_done(partition *part) {
  free(part->buffer);
  free(part->chunks);
  *part = (partition){0};
}

void ds_stage_free(ds_stage_area *stage) {
  if (stage == NULL)
    return;
  for (uint32_t i = stage->scope.places_count; i < stage->places_count; i++)
    ds_part_free(stage->places[i]);
  spill_remove(stage);
  if (!stage->committed)
    ds_store_import_abort(stage->store, &stage->scope);
  for (uint32_t i = 0; i < DS_PARTITIONS; i++)
    partition_done(&stage->partitions[i]);
  free(stage->chunk_bytes);
  free(stage->places);
  free(stage->parts);
  free(stage);
}

const ds_import_scope *ds_stage_scope(const ds_stage_area *stage) { return &stage->scope; }

// Appends a chunk of whole rows of one partition to the spill; its offset is set here.
static ds_code spill_write(ds_stage_area *stage, partition *part, chunk *piece,
                           const uint8_t *rows, ds_error *err) {
  if (stage->spill == NULL)
    TRY(stage->io->ops->open(stage->io, stage->spill_path,
                             DS_OPEN_READ | DS_OPEN_WRITE | DS_OPEN_CREATE | DS_OPEN_EXCLUSIVE,
                             &stage->spill, err));
  if (part->chunks_count == part->chunks_capacity) {
    const uint32_t capacity = part->chunks_capacity == 0 ? 16 : part->chunks_capacity * 2;
    chunk *chunks = realloc(part->chunks, capacity * sizeof *chunks);
    if (chunks == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory sorting an import");
    part->chunks = chunks;
    part->chunks_capacity = capacity;
  }
  TRY(stage->io->ops->write_at(stage->io, stage->spill, stage->spill_size, rows, piece->size,
                               err));
  piece->offset = stage->spill_size;
  part->chunks[part->chunks_count++] = *piece;
  part->spilled_bytes += piece->size;
  stage->spill_size += piece->size;
  return DS_OK;
}

// Writes all shelves of a partition as one chunk and empties them.
static ds_code buffer_flush(ds_stage_area *stage, partition *part, ds_error *err) {
  chunk piece = {0};
  if (stage->chunk_bytes == NULL && (stage->chunk_bytes = malloc(BUFFER_BYTES)) == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory sorting an import");
  for (uint32_t k = 0; k < SHELVES; k++) {
    memcpy(stage->chunk_bytes + piece.size, part->buffer + k * SHELF_BYTES, part->used[k]);
    piece.shelf[k] = part->used[k];
    piece.size += part->used[k];
    part->used[k] = 0;
  }
  if (piece.size > 0)
    TRY(spill_write(stage, part, &piece, stage->chunk_bytes, err));
  if (part->spilled_bytes + BUFFER_BYTES > stage->partition_bytes_max)
    stage->want_run = true;
  return DS_OK;
}

static ds_code stage_run(ds_stage_area *stage, ds_error *err);

static inline void pending_put(pending *row) {
  if (row->size > 0)
    memcpy(row->to, row->bytes, row->size);
  row->size = 0;
}

static void pending_flush(ds_stage_area *stage) {
  for (uint32_t i = 0; i < PENDING; i++)
    pending_put(&stage->pending[i]);
}

// Copies a row to its place, sooner or later.
static inline void row_put(ds_stage_area *stage, uint8_t *to, const uint8_t *row, uint32_t size) {
  if (size > PENDING_BYTES) {
    memcpy(to, row, size);
    return;
  }
  __builtin_prefetch(to, 1);
  __builtin_prefetch(to + size - 1, 1);
  pending *place = &stage->pending[stage->rows % PENDING];
  pending_put(place);
  memcpy(place->bytes, row, size);
  place->to = to;
  place->size = size;
}

// Makes room for a row: the partition is flushed, and everything turned into parts when it has
// become too big.
static ds_code room_make(ds_stage_area *stage, partition *part, ds_error *err) {
  pending_flush(stage);
  if (part->buffer != NULL)
    TRY(buffer_flush(stage, part, err));
  if (stage->want_run)
    TRY(stage_run(stage, err));
  if (part->buffer == NULL && (part->buffer = malloc(BUFFER_BYTES)) == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory sorting an import");
  return DS_OK;
}

ds_code ds_stage_row(ds_stage_area *stage, uint64_t subject_hash, const uint8_t *row,
                     uint32_t size, ds_error *err) {
  assert(!stage->built && size >= ROW_BYTES_MIN);
  partition *part = &stage->partitions[ds_subject_partition(subject_hash)];
  const uint32_t shelf = subject_hash >> 52 & (SHELVES - 1);
  if (part->buffer == NULL || part->used[shelf] + size > SHELF_BYTES)
    TRY(room_make(stage, part, err));
  part->rows++;
  stage->rows++;
  if (size > SHELF_BYTES) {
    chunk alone = {.size = size};
    alone.shelf[shelf] = size;
    return spill_write(stage, part, &alone, row, err);
  }
  row_put(stage, part->buffer + shelf * SHELF_BYTES + part->used[shelf], row, size);
  part->used[shelf] += size;
  return DS_OK;
}

// What one thread needs to bring a partition's rows together; reused from one to the next.
typedef struct gather {
  uint8_t *bytes;
  uint64_t bytes_capacity;
  const uint8_t **rows;
  uint64_t rows_capacity;
} gather;

typedef struct run {
  ds_stage_area *stage;
  uint32_t first[DS_PARTITIONS + 1]; // job j: partitions first[j] .. first[j + 1] - 1
  uint32_t jobs;
  ds_builder *builders[DS_PARTITIONS]; // by job
  gather gathers[DS_THREADS_MAX];
  uint64_t done_rows; // guarded by nothing: told by thread 0 alone, for people
} run;

static ds_code gather_room(gather *room, uint64_t bytes, uint64_t rows, ds_error *err) {
  if (bytes > room->bytes_capacity) {
    free(room->bytes);
    room->bytes_capacity = bytes + bytes / 8;
    room->bytes = malloc(room->bytes_capacity);
    if (room->bytes == NULL)
      room->bytes_capacity = 0;
  }
  if (rows > room->rows_capacity) {
    free(room->rows);
    room->rows_capacity = rows + rows / 8;
    room->rows = malloc(room->rows_capacity * sizeof *room->rows);
    if (room->rows == NULL)
      room->rows_capacity = 0;
  }
  if (bytes > room->bytes_capacity || rows > room->rows_capacity)
    return ds_fail(err, DS_MEMORY, "out of memory sorting an import");
  return DS_OK;
}

// Points at every row of `size` bytes at `at`.
static uint64_t rows_find(const uint8_t *at, uint64_t size, const uint8_t **rows) {
  uint64_t count = 0;
  const uint8_t *end = at + size;
  while (at < end) {
    uint32_t row_size;
    memcpy(&row_size, at, sizeof row_size);
    assert(row_size >= ROW_BYTES_MIN && row_size <= (uint64_t)(end - at));
    rows[count++] = at;
    at += row_size;
  }
  return count;
}

// Points at all rows of a partition, shelf by shelf; `bytes` are its chunks one behind the other.
static uint64_t partition_rows(const partition *part, const uint8_t *bytes,
                               const uint8_t **rows) {
  uint64_t count = 0;
  for (uint32_t k = 0; k < SHELVES; k++) {
    const uint8_t *at = bytes;
    for (uint32_t i = 0; i < part->chunks_count; i++) {
      const uint8_t *shelf = at;
      for (uint32_t before = 0; before < k; before++)
        shelf += part->chunks[i].shelf[before];
      count += rows_find(shelf, part->chunks[i].shelf[k], rows + count);
      at += part->chunks[i].size;
    }
    count += rows_find(part->buffer + k * SHELF_BYTES, part->used[k], rows + count);
  }
  return count;
}

// Brings all rows of a partition together and gives them to the builder; lets its buffers go.
static ds_code partition_build(ds_stage_area *stage, uint32_t number, gather *room,
                               ds_builder *builder, ds_error *err) {
  partition *part = &stage->partitions[number];
  if (part->rows == 0)
    return DS_OK;
  if (part->rows > UINT32_MAX / 4)
    return ds_fail(err, DS_LIMIT, "too many events at once: import the files in several runs");
  TRY(gather_room(room, part->spilled_bytes, part->rows, err));
  uint64_t at = 0;
  for (uint32_t i = 0; i < part->chunks_count; i++) {
    TRY(stage->io->ops->read_at(stage->io, stage->spill, part->chunks[i].offset, room->bytes + at,
                                part->chunks[i].size, err));
    at += part->chunks[i].size;
  }
  const uint64_t count = partition_rows(part, room->bytes, room->rows);
  assert(count == part->rows);
  TRY(ds_builder_add(builder, number, room->rows, (uint32_t)count, err));
  partition_done(part);
  return DS_OK;
}

// The builder counts what it refuses (super customers), and the import lists that count in its
// quarantine; the rows themselves are not needed.
static void row_refused(void *context, const uint8_t *row) {
  (void)context;
  (void)row;
}

static ds_code run_job(void *context, uint32_t thread, uint32_t job, ds_error *err) {
  run *all = context;
  ds_stage_area *stage = all->stage;
  const ds_build_options options = {
      .io = stage->io,
      .directory = stage->scope.directory,
      .next = &stage->scope.next_part,
      .space = stage->space,
      .places = stage->places,
      .places_count = stage->places_count,
      .dedupe = true,
      .refused = row_refused,
  };
  TRY(ds_builder_new(&options, &all->builders[job], err));
  for (uint32_t i = all->first[job]; i < all->first[job + 1]; i++) {
    if (ds_progress_stopped(stage->progress))
      return ds_fail(err, DS_INTERRUPTED, "stopped: nothing was imported");
    const uint64_t rows = stage->partitions[i].rows;
    TRY(partition_build(stage, i, &all->gathers[thread], all->builders[job], err));
    if (thread == 0 && stage->progress != NULL && stage->progress->report != NULL) {
      all->done_rows += rows;
      stage->progress->report(stage->progress->context, "sorting",
                              all->done_rows * stage->threads, stage->rows, "events");
    }
  }
  const ds_part_info *parts;
  uint32_t count;
  return ds_builder_finish(all->builders[job], &parts, &count, err);
}

// Cuts the partitions into jobs of about equal numbers of events: as many as make parts of a good
// size, and enough for every thread.
static void run_plan(run *all) {
  const ds_stage_area *stage = all->stage;
  uint64_t jobs = (stage->rows + JOB_EVENTS - 1) / JOB_EVENTS;
  jobs = (jobs + stage->threads - 1) / stage->threads * stage->threads;
  if (jobs > stage->rows / JOB_EVENTS_MIN)
    jobs = stage->rows / JOB_EVENTS_MIN;
  if (jobs < 1)
    jobs = 1;
  if (jobs > DS_PARTITIONS)
    jobs = DS_PARTITIONS;
  uint64_t seen = 0;
  all->jobs = 0;
  for (uint32_t i = 0; i < DS_PARTITIONS; i++) {
    if (all->jobs < jobs && seen * jobs >= all->jobs * stage->rows)
      all->first[all->jobs++] = i;
    seen += stage->partitions[i].rows;
  }
  all->first[all->jobs] = DS_PARTITIONS;
}

static void stats_add(ds_build_stats *to, const ds_build_stats *from) {
  to->events += from->events;
  to->duplicates += from->duplicates;
  to->customers += from->customers;
  to->new_customers += from->new_customers;
  to->super_events += from->super_events;
}

// Keeps the infos and counts of the parts that a run's builders have written.
static ds_code run_collect(run *all, ds_error *err) {
  ds_stage_area *stage = all->stage;
  for (uint32_t job = 0; job < all->jobs; job++) {
    const ds_part_info *parts;
    uint32_t count;
    TRY(ds_builder_finish(all->builders[job], &parts, &count, err));
    stats_add(&stage->stats, ds_builder_stats(all->builders[job]));
    if (count == 0)
      continue;
    ds_part_info *grown =
        realloc(stage->parts, (stage->parts_count + count) * sizeof *stage->parts);
    if (grown == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory sorting an import");
    stage->parts = grown;
    memcpy(stage->parts + stage->parts_count, parts, count * sizeof *parts);
    stage->parts_count += count;
  }
  return DS_OK;
}

// Room for the store's parts and all parts of the import so far.
static ds_code places_reserve(ds_stage_area *stage, ds_error *err) {
  const uint32_t count = stage->scope.places_count + stage->parts_count;
  ds_part **places = realloc(stage->places, (count + 1) * sizeof *places);
  if (places == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory sorting an import");
  stage->places = places;
  if (stage->places_count == 0 && stage->scope.places_count > 0) {
    memcpy(places, stage->scope.places, stage->scope.places_count * sizeof *places);
    stage->places_count = stage->scope.places_count;
  }
  return DS_OK;
}

// Opens the parts that were written since the last run as places for the next.
static ds_code places_open(ds_stage_area *stage, ds_error *err) {
  TRY(places_reserve(stage, err));
  while (stage->places_count < stage->scope.places_count + stage->parts_count) {
    const uint64_t number =
        stage->parts[stage->places_count - stage->scope.places_count].number;
    char path[DS_PATH_BYTES_MAX + 64];
    snprintf(path, sizeof path, "%s/%06" PRIu64 ".part", stage->scope.directory, number);
    TRY(ds_part_open(stage->io, path, number, &stage->places[stage->places_count], err));
    stage->places_count++;
  }
  return DS_OK;
}

static ds_code stage_run(ds_stage_area *stage, ds_error *err) {
  pending_flush(stage);
  TRY(places_open(stage, err));
  run *all = calloc(1, sizeof *all);
  if (all == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory sorting an import");
  all->stage = stage;
  run_plan(all);
  ds_code code =
      ds_parallel(stage->threads, all->jobs, run_job, all,
                  stage->progress == NULL ? NULL : &stage->progress->stop, err);
  if (code == DS_OK)
    code = run_collect(all, err);
  for (uint32_t job = 0; job < all->jobs; job++)
    ds_builder_free(all->builders[job]);
  for (uint32_t i = 0; i < DS_THREADS_MAX; i++) {
    free(all->gathers[i].bytes);
    free(all->gathers[i].rows);
  }
  free(all);
  spill_remove(stage);
  stage->rows = 0;
  stage->runs++;
  stage->want_run = false;
  return code;
}

ds_code ds_stage_build(ds_stage_area *stage, ds_build_stats *ret_stats, ds_error *err) {
  if (!stage->built)
    TRY(stage_run(stage, err));
  stage->built = true;
  *ret_stats = stage->stats;
  return DS_OK;
}

static int part_order(const void *a, const void *b) {
  const ds_part_info *x = a;
  const ds_part_info *y = b;
  if (x->customer_first != y->customer_first)
    return x->customer_first < y->customer_first ? -1 : 1;
  return x->number < y->number ? -1 : x->number > y->number;
}

ds_code ds_stage_finish(ds_stage_area *stage, ds_import_info *info, ds_build_stats *ret_stats,
                        ds_error *err) {
  ds_build_stats stats;
  TRY(ds_stage_build(stage, &stats, err));
  if (stage->parts_count > 1)
    qsort(stage->parts, stage->parts_count, sizeof *stage->parts, part_order);
  info->events = stats.events;
  info->duplicates = stats.duplicates;
  TRY(ds_store_import_commit(stage->store, &stage->scope, stage->parts, stage->parts_count, info,
                             err));
  stage->committed = true;
  *ret_stats = stats;
  return DS_OK;
}
