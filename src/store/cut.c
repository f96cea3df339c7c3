// SPDX-License-Identifier: Apache-2.0
// A snapshot as it was at an instant: its places with less to see. What is left of a block is
// counted by its zone where that tells, else by its times.
#include <stdlib.h>

#include "base/pool.h"
#include "store/identity.h"

// What one thread has counted.
typedef struct cut_count {
  ds_block_reader *reader;
  uint64_t events;
  uint64_t later;
  int64_t first_ms, last_ms;
} cut_count;

typedef struct cut_work {
  const ds_snapshot *left;
  uint32_t place;
  cut_count *counts;
} cut_work;

static void count_span(cut_count *count, uint64_t events, int64_t first_ms, int64_t last_ms) {
  if (count->events == 0 || first_ms < count->first_ms)
    count->first_ms = first_ms;
  if (count->events == 0 || last_ms > count->last_ms)
    count->last_ms = last_ms;
  count->events += events;
}

static ds_code count_events(const ds_cut *cut, const ds_place *place, uint32_t b,
                            cut_count *count, ds_error *err) {
  const ds_columns columns = {
      .want = DS_WANT_TIME | (cut->has_received ? DS_WANT_RECEIVED : 0u)};
  ds_block block;
  TRY(ds_part_read_block(place, b, &columns, count->reader, &block, err));
  for (uint32_t e = 0; e < block.events; e++) {
    if (cut->has_received && block.received_ms[e] > cut->received_ms)
      continue;
    if (cut->has_time && block.time_ms[e] > cut->time_ms)
      count->later++;
    else
      count_span(count, 1, block.time_ms[e], block.time_ms[e]);
  }
  return DS_OK;
}

static ds_code count_block(void *context, uint32_t thread, uint32_t job, ds_error *err) {
  const cut_work *work = context;
  const ds_cut *cut = &work->left->cut;
  const ds_place *place = &work->left->places[work->place];
  const ds_block_zone *zone = ds_part_zone(place->part, job);
  cut_count *count = &work->counts[thread];
  if (cut->has_received || (zone->time_min_ms <= cut->time_ms && zone->time_max_ms > cut->time_ms))
    return count_events(cut, place, job, count, err);
  if (zone->time_min_ms > cut->time_ms)
    count->later += zone->events;
  else
    count_span(count, zone->events, zone->time_min_ms, zone->time_max_ms);
  return DS_OK;
}

// How many events are left, and when the first and the last of them happened.
static ds_code count_left(ds_snapshot *left, uint32_t threads, ds_error *err) {
  cut_count all = {.events = 0};
  cut_count *counts = calloc(threads, sizeof *counts);
  ds_code code = counts == NULL ? ds_fail(err, DS_MEMORY, "out of memory for a snapshot") : DS_OK;
  for (uint32_t t = 0; t < threads && code == DS_OK; t++) {
    counts[t].reader = ds_block_reader_new();
    if (counts[t].reader == NULL)
      code = ds_fail(err, DS_MEMORY, "out of memory for a snapshot");
  }
  cut_work work = {.left = left, .counts = counts};
  for (; work.place < left->places_count && code == DS_OK; work.place++)
    code = ds_parallel(threads, ds_part_get_info(left->places[work.place].part)->blocks,
                       count_block, &work, NULL, err);
  for (uint32_t t = 0; counts != NULL && t < threads; t++) {
    if (counts[t].events > 0)
      count_span(&all, counts[t].events, counts[t].first_ms, counts[t].last_ms);
    all.later += counts[t].later;
    ds_block_reader_free(counts[t].reader);
  }
  free(counts);
  left->events = all.events;
  left->later_events = all.later;
  left->time_min_ms = all.first_ms;
  left->time_max_ms = all.last_ms;
  return code;
}

ds_code ds_snapshot_cut(const ds_snapshot *snapshot, const ds_cut *cut, uint32_t threads,
                        size_t memory_bytes, ds_snapshot *ret_left, ds_error *err) {
  ds_snapshot left = *snapshot;
  threads = threads == 0 ? 1 : threads < DS_THREADS_MAX ? threads : DS_THREADS_MAX;
  left.cut = *cut;
  left.tail_events = 0;
  ds_arena_init(&left.arena, memory_bytes);
  ds_code code = count_left(&left, threads, err);
  if (code == DS_OK && cut->has_received)
    code = ds_identity_make(&left, threads, &left.arena, &left.identity, err);
  if (code == DS_OK)
    *ret_left = left;
  else
    ds_arena_done(&left.arena);
  return code;
}

void ds_snapshot_done(ds_snapshot *left) {
  if (left->cut.has_received)
    ds_identity_done(left->identity);
  ds_arena_done(&left->arena);
}
