// SPDX-License-Identifier: Apache-2.0
// The spill: one file beside the parts, import-<id>.spill, of chunks that each hold whole rows of
// one subject partition; which chunk lies where is known in memory only, since the file is worth
// nothing after a crash. Within a chunk, and within a partition's buffer, rows lie by the next
// bits of their subject's hash, in so many shelves: a builder that is given one shelf after the
// other works in the nearest caches. Rows are folded (model/event_fold.h), each shelf of each chunk
// a sequence of its own, because what is not stored need not be written, read and waited for.
// Invariants: (1) a subject's rows are those of its shelf in all chunks in order, then in the
// buffer, in arrival order; (2) a row lies in one chunk; (3) an import whose partitions all fit
// their buffers writes no spill.
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
#include "model/event_fold.h"

enum {
  SHELVES = 16,
  SHELF_BYTES = 2 << 10,
  BUFFER_BYTES = SHELVES * SHELF_BYTES,
  PENDING = 16,                 // rows between calling for their shelf and being put there
  PENDING_BYTES = 256,          // longer rows are put at once
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

// What fills in a partition's buffer.
typedef struct shelf {
  uint32_t used;
  ds_fold fold;
} shelf;

typedef struct partition {
  uint8_t *buffer; // BUFFER_BYTES, taken at the first row: shelf k at k * SHELF_BYTES
  shelf shelves[SHELVES];
  uint64_t rows;
  uint64_t row_bytes; // of these rows, unfolded
  uint64_t spilled_bytes;
  chunk *chunks;
  uint32_t chunks_count;
  uint32_t chunks_capacity;
} partition;

// A row whose shelf is on its way into the cache: the shelves are too many to be there all, and
// waiting for each costs more than all else that is done to a row.
typedef struct pending {
  uint64_t subject_hash;
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
  partition partitions[DS_PARTITIONS];
  uint64_t rows; // staged since the last run
  pending pending[PENDING]; // a ring
  uint32_t turn;            // where the next row goes, and the oldest is
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
    const uint32_t used = part->shelves[k].used;
    memcpy(stage->chunk_bytes + piece.size, part->buffer + k * SHELF_BYTES, used);
    piece.shelf[k] = used;
    piece.size += used;
    part->shelves[k] = (shelf){0};
  }
  return piece.size > 0 ? spill_write(stage, part, &piece, stage->chunk_bytes, err) : DS_OK;
}

static inline uint32_t shelf_of(uint64_t subject_hash) {
  return subject_hash >> 52 & (SHELVES - 1);
}

// A row too long for a shelf becomes a chunk of its own, behind what the shelves held.
static ds_code row_spill(ds_stage_area *stage, partition *part, uint32_t shelf_number,
                         const uint8_t *row, uint32_t size, ds_error *err) {
  TRY(buffer_flush(stage, part, err));
  uint8_t *bytes = malloc((size_t)size + DS_FOLD_MORE);
  if (bytes == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory sorting an import");
  ds_fold fold = {0};
  chunk alone = {.size = (uint32_t)(ds_fold_row(&fold, row, bytes) - bytes)};
  alone.shelf[shelf_number] = alone.size;
  const ds_code code = spill_write(stage, part, &alone, bytes, err);
  free(bytes);
  return code;
}

// Puts a row behind the others of its shelf.
static inline ds_code row_put(ds_stage_area *stage, uint64_t subject_hash, const uint8_t *row,
                              uint32_t size, ds_error *err) {
  partition *part = &stage->partitions[ds_subject_partition(subject_hash)];
  const uint32_t number = shelf_of(subject_hash);
  shelf *to = &part->shelves[number];
  if (size + DS_FOLD_MORE > SHELF_BYTES)
    return row_spill(stage, part, number, row, size, err);
  if (to->used + size + DS_FOLD_MORE > SHELF_BYTES)
    TRY(buffer_flush(stage, part, err));
  uint8_t *begin = part->buffer + number * SHELF_BYTES;
  to->used = (uint32_t)(ds_fold_row(&to->fold, row, begin + to->used) - begin);
  return DS_OK;
}

static inline ds_code pending_put(ds_stage_area *stage, pending *row, ds_error *err) {
  const uint32_t size = row->size;
  row->size = 0;
  return size == 0 ? DS_OK : row_put(stage, row->subject_hash, row->bytes, size, err);
}

// Puts all rows that are on their way, the oldest first.
static ds_code pending_flush(ds_stage_area *stage, ds_error *err) {
  for (uint32_t i = 0; i < PENDING; i++)
    TRY(pending_put(stage, &stage->pending[(stage->turn + i) % PENDING], err));
  return DS_OK;
}

static ds_code stage_run(ds_stage_area *stage, ds_error *err);

ds_code ds_stage_row(ds_stage_area *stage, uint64_t subject_hash, const uint8_t *row,
                     uint32_t size, ds_error *err) {
  assert(!stage->built && size >= ROW_BYTES_MIN);
  partition *part = &stage->partitions[ds_subject_partition(subject_hash)];
  if (part->row_bytes + size > stage->partition_bytes_max && part->rows > 0)
    TRY(stage_run(stage, err));
  if (part->buffer == NULL && (part->buffer = malloc(BUFFER_BYTES)) == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory sorting an import");
  part->rows++;
  part->row_bytes += size;
  stage->rows++;
  if (size > PENDING_BYTES) {
    TRY(pending_flush(stage, err));
    return row_put(stage, subject_hash, row, size, err);
  }
  const uint32_t number = shelf_of(subject_hash);
  __builtin_prefetch(part->buffer + number * SHELF_BYTES + part->shelves[number].used, 1);
  pending *place = &stage->pending[stage->turn];
  stage->turn = (stage->turn + 1) % PENDING;
  TRY(pending_put(stage, place, err));
  memcpy(place->bytes, row, size);
  place->subject_hash = subject_hash;
  place->size = size;
  return DS_OK;
}

// What one thread needs to bring a partition's rows together; reused from one to the next.
typedef struct gather {
  uint8_t *folded; // the partition's chunks
  uint8_t *bytes;  // its rows
  const uint8_t **rows;
  uint64_t folded_capacity, bytes_capacity, rows_capacity;
} gather;

typedef struct run {
  ds_stage_area *stage;
  uint32_t first[DS_PARTITIONS + 1]; // job j: partitions first[j] .. first[j + 1] - 1
  uint32_t jobs;
  ds_builder *builders[DS_PARTITIONS]; // by job
  gather gathers[DS_THREADS_MAX];
  uint64_t done_rows; // guarded by nothing: told by thread 0 alone, for people
} run;

// Room for `count` elements; what was there is lost. False without memory.
static bool array_room(void *array_of, uint64_t *capacity, uint64_t count, size_t element) {
  if (count <= *capacity)
    return true;
  void **array = array_of;
  free(*array);
  *capacity = count + count / 8;
  *array = malloc(*capacity * element);
  if (*array == NULL)
    *capacity = 0;
  return *array != NULL;
}

// Unfolds a sequence of `size` bytes behind the rows at *to; returns how many it holds.
static uint64_t rows_unfold(const ds_import_scope *scope, const uint8_t *at, uint64_t size,
                            uint8_t **to, const uint8_t **rows) {
  uint64_t count = 0;
  const uint8_t *end = at + size;
  ds_fold fold = {0};
  while (at < end) {
    uint32_t row_size;
    at = ds_unfold_row(&fold, at, scope->id, scope->arrival, *to);
    memcpy(&row_size, *to, sizeof row_size);
    assert(row_size >= ROW_BYTES_MIN && at <= end);
    rows[count++] = *to;
    *to += row_size;
  }
  return count;
}

// Unfolds one shelf of a partition, out of its chunks and its buffer.
static uint64_t shelf_rows(const ds_stage_area *stage, const partition *part, uint32_t shelf_number,
                           const uint8_t *folded, uint8_t **to, const uint8_t **rows) {
  uint64_t count = 0;
  for (uint32_t i = 0; i < part->chunks_count; i++) {
    const uint8_t *from = folded;
    for (uint32_t before = 0; before < shelf_number; before++)
      from += part->chunks[i].shelf[before];
    count += rows_unfold(&stage->scope, from, part->chunks[i].shelf[shelf_number], to,
                         rows + count);
    folded += part->chunks[i].size;
  }
  return count + rows_unfold(&stage->scope, part->buffer + shelf_number * SHELF_BYTES,
                             part->shelves[shelf_number].used, to, rows + count);
}

// Gives a partition's rows to the builder: shelf by shelf, so that all that is done to a row is
// done in the nearest caches, or all at once when numbers given earlier decide their order.
static ds_code shelves_build(const ds_stage_area *stage, uint32_t number, const gather *room,
                             ds_builder *builder, ds_error *err) {
  const partition *part = &stage->partitions[number];
  uint64_t count = 0, done = 0;
  uint8_t *to = room->bytes;
  for (uint32_t k = 0; k < SHELVES; k++) {
    count += shelf_rows(stage, part, k, room->folded, &to, room->rows + count);
    if (stage->places_count > 0 && k + 1 < SHELVES)
      continue;
    TRY(ds_builder_add(builder, number, room->rows, (uint32_t)count, err));
    done += count;
    count = 0;
    to = room->bytes;
  }
  assert(done == part->rows);
  return DS_OK;
}

// Brings all rows of a partition together and gives them to the builder; lets its buffers go.
static ds_code partition_build(ds_stage_area *stage, uint32_t number, gather *room,
                               ds_builder *builder, ds_error *err) {
  partition *part = &stage->partitions[number];
  if (part->rows == 0)
    return DS_OK;
  if (part->rows > UINT32_MAX / 4)
    return ds_fail(err, DS_LIMIT, "too many events at once: import the files in several runs");
  if (!array_room(&room->folded, &room->folded_capacity, part->spilled_bytes, 1) ||
      !array_room(&room->bytes, &room->bytes_capacity, part->row_bytes, 1) ||
      !array_room(&room->rows, &room->rows_capacity, part->rows, sizeof *room->rows))
    return ds_fail(err, DS_MEMORY, "out of memory sorting an import");
  uint64_t at = 0;
  for (uint32_t i = 0; i < part->chunks_count; i++) {
    TRY(stage->io->ops->read_at(stage->io, stage->spill, part->chunks[i].offset,
                                room->folded + at, part->chunks[i].size, err));
    at += part->chunks[i].size;
  }
  TRY(shelves_build(stage, number, room, builder, err));
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
  to->links += from->links;
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
  TRY(pending_flush(stage, err));
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
    free(all->gathers[i].folded);
    free(all->gathers[i].bytes);
    free(all->gathers[i].rows);
  }
  free(all);
  spill_remove(stage);
  stage->rows = 0;
  stage->runs++;
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
