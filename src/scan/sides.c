// SPDX-License-Identifier: Apache-2.0
#include "scan/sides.h"

#include <assert.h>
#include <stdlib.h>

#include "base/pool.h"

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for the newest events");
}

// What loading shares between threads.
typedef struct loading {
  const ds_snapshot *snapshot;
  const ds_columns *columns;
  ds_sides *sides;
  ds_unit_block *wanted; // one per block of the sides
} loading;

static ds_code load_block(void *context, uint32_t thread, uint32_t job, ds_error *err) {
  const loading *work = context;
  ds_sides *sides = work->sides;
  (void)thread;
  assert(job < sides->count && sides->reader[job] == NULL);
  sides->reader[job] = ds_block_reader_new();
  if (sides->reader[job] == NULL)
    return no_memory(err);
  const ds_unit_block *at = &work->wanted[job];
  return ds_part_read_block(&work->snapshot->places[at->place], at->block, work->columns,
                            sides->reader[job], &sides->block[job], err);
}

static ds_code load_all(loading *work, const ds_units *units, uint32_t threads,
                        const ds_progress *progress, ds_error *err) {
  ds_sides *sides = work->sides;
  uint32_t at = 0;
  for (uint32_t p = 0; p < work->snapshot->places_count; p++) {
    const uint32_t blocks = ds_part_get_info(work->snapshot->places[p].part)->blocks;
    sides->first[p] = units->is_side[p] ? at : DS_NONE;
    for (uint32_t b = 0; units->is_side[p] && b < blocks; b++)
      work->wanted[at++] = (ds_unit_block){p, b};
  }
  assert(at == sides->count);
  return ds_parallel(threads, sides->count, load_block, work,
                     progress == NULL ? NULL : &progress->stop, err);
}

ds_code ds_sides_load(const ds_snapshot *snapshot, const ds_units *units,
                      const ds_columns *columns, uint32_t threads, const ds_progress *progress,
                      ds_sides *ret_sides, ds_error *err) {
  uint32_t count = 0;
  for (uint32_t p = 0; p < snapshot->places_count; p++)
    count += units->is_side[p] ? ds_part_get_info(snapshot->places[p].part)->blocks : 0;
  *ret_sides = (ds_sides){.count = count};
  if (count == 0)
    return DS_OK;
  ret_sides->first = calloc(snapshot->places_count, sizeof *ret_sides->first);
  ret_sides->block = calloc(count, sizeof *ret_sides->block);
  ret_sides->reader = calloc(count, sizeof *ret_sides->reader);
  loading work = {snapshot, columns, ret_sides, calloc(count, sizeof *work.wanted)};
  ds_code code = DS_OK;
  if (!ret_sides->first || !ret_sides->block || !ret_sides->reader || !work.wanted)
    code = no_memory(err);
  else
    code = load_all(&work, units, threads, progress, err);
  free(work.wanted);
  return code;
}

void ds_sides_done(ds_sides *sides) {
  for (uint32_t b = 0; sides->reader != NULL && b < sides->count; b++)
    ds_block_reader_free(sides->reader[b]);
  free(sides->reader);
  free(sides->block);
  free(sides->first);
  *sides = (ds_sides){.count = 0};
}

const ds_block *ds_sides_block(const ds_sides *sides, ds_unit_block block) {
  if (sides->count == 0 || sides->first[block.place] == DS_NONE)
    return NULL;
  return &sides->block[sides->first[block.place] + block.block];
}
