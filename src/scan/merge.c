// SPDX-License-Identifier: Apache-2.0
// See merge.h. One cursor per place; at each step the cursor with the least customer either has
// it alone (then a run of journeys up to the next cursor's customer is copied) or shares it.
// Cursors never move to another block while events of the one before are still to be copied.
#include "scan/merge.h"

#include <assert.h>
#include <stdlib.h>

#include "base/limits.h"

typedef struct cursor {
  const ds_unit_block *next; // the block to read after this one
  const ds_unit_block *end;
  ds_block_reader *reader;
  ds_block block;
  uint32_t journey;
  uint32_t journey_end; // within the unit's range
  uint32_t event;       // while its journey is merged with others
  bool shares;          // has the customer being merged
} cursor;

struct ds_merger {
  const ds_snapshot *snapshot;
  ds_columns columns;
  ds_assembly assembly;
  cursor *cursors;
  uint32_t cursors_count;
  uint32_t cursors_capacity;
  uint32_t block_events;
  ds_merged each;
  void *context;
};

ds_code ds_merger_new(const ds_snapshot *snapshot, const ds_columns *columns,
                      ds_merger **ret_merger, ds_error *err) {
  ds_merger *merger = calloc(1, sizeof *merger);
  if (merger == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for merging parts");
  merger->snapshot = snapshot;
  merger->columns = *columns;
  merger->columns.want |= DS_WANT_TIME | DS_WANT_ARRIVAL;
  merger->columns.want &= ~(uint32_t)DS_WANT_GAP;
  const ds_code code = ds_assembly_init(&merger->assembly, &merger->columns, true, err);
  if (code != DS_OK)
    ds_merger_free(merger);
  else
    *ret_merger = merger;
  return code;
}

void ds_merger_free(ds_merger *merger) {
  if (merger == NULL)
    return;
  for (uint32_t c = 0; c < merger->cursors_capacity; c++)
    ds_block_reader_free(merger->cursors[c].reader);
  free(merger->cursors);
  ds_assembly_done(&merger->assembly);
  free(merger);
}

// Moves on to the next block with a journey in the unit's range, if the current one is done.
static ds_code cursor_fill(ds_merger *merger, cursor *at, const ds_unit *unit, ds_error *err) {
  while (at->journey == at->journey_end && at->next < at->end) {
    const ds_unit_block *block = at->next++;
    TRY(ds_part_read_block(&merger->snapshot->places[block->place], block->block,
                           &merger->columns, at->reader, &at->block, err));
    at->journey = ds_block_journey_from(&at->block, 0, unit->customer_first);
    at->journey_end =
        ds_block_journey_from(&at->block, at->journey, (uint64_t)unit->customer_last + 1);
  }
  return DS_OK;
}

static ds_code cursors_reserve(ds_merger *merger, ds_error *err) {
  if (merger->cursors_count < merger->cursors_capacity)
    return DS_OK;
  const uint32_t capacity = merger->cursors_capacity * 2 + 4;
  cursor *cursors = realloc(merger->cursors, capacity * sizeof *cursors);
  if (cursors == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for merging parts");
  memset(cursors + merger->cursors_capacity, 0,
         (capacity - merger->cursors_capacity) * sizeof *cursors);
  merger->cursors = cursors;
  merger->cursors_capacity = capacity;
  return DS_OK;
}

// One cursor per place of the unit, in place order.
static ds_code cursors_open(ds_merger *merger, const ds_units *units, const ds_unit *unit,
                            ds_error *err) {
  merger->cursors_count = 0;
  for (uint32_t b = unit->blocks_first; b < unit->blocks_last;) {
    uint32_t end = b + 1;
    while (end < unit->blocks_last && units->blocks[end].place == units->blocks[b].place)
      end++;
    TRY(cursors_reserve(merger, err));
    cursor *at = &merger->cursors[merger->cursors_count];
    if (at->reader == NULL)
      at->reader = ds_block_reader_new();
    if (at->reader == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for merging parts");
    *at = (cursor){.next = units->blocks + b, .end = units->blocks + end, .reader = at->reader};
    merger->cursors_count++;
    TRY(cursor_fill(merger, at, unit, err));
    b = end;
  }
  return DS_OK;
}

// The least customer and the least among the other cursors (UINT64_MAX = none).
static uint32_t least(const ds_merger *merger, uint64_t *ret_least, uint64_t *ret_second) {
  uint32_t best = 0;
  *ret_least = *ret_second = UINT64_MAX;
  for (uint32_t c = 0; c < merger->cursors_count; c++) {
    const cursor *at = &merger->cursors[c];
    if (at->journey == at->journey_end)
      continue;
    const uint64_t customer = at->block.customer[at->journey];
    if (customer < *ret_least) {
      *ret_second = *ret_least;
      *ret_least = customer;
      best = c;
    } else if (customer < *ret_second) {
      *ret_second = customer;
    }
  }
  return best;
}

// Copies journeys of one cursor below `limit`, at most to the end of a block under construction.
static ds_code copy_run(ds_merger *merger, cursor *at, uint64_t limit, ds_error *err) {
  const uint32_t below = ds_block_journey_from(&at->block, at->journey, limit);
  const uint32_t end = below < at->journey_end ? below : at->journey_end;
  assert(at->journey < end);
  const uint32_t used = merger->assembly.block.events;
  const uint32_t room = used < merger->block_events ? merger->block_events - used : 1;
  uint32_t last = at->journey + 1;
  const uint32_t start = at->block.offset[at->journey];
  while (last < end && at->block.offset[last + 1] - start <= room)
    last++;
  TRY(ds_assembly_run(&merger->assembly, &at->block, at->journey, last, err));
  at->journey = last;
  return DS_OK;
}

// The sharing cursor whose next event comes first by (time, arrival, place), or NULL.
static cursor *earliest(ds_merger *merger) {
  cursor *best = NULL;
  for (uint32_t c = 0; c < merger->cursors_count; c++) {
    cursor *at = &merger->cursors[c];
    if (!at->shares || at->event == at->block.offset[at->journey + 1])
      continue;
    if (best != NULL) {
      const int64_t time = at->block.time_ms[at->event];
      const int64_t best_time = best->block.time_ms[best->event];
      if (time > best_time || (time == best_time && at->block.arrival[at->event] >=
                                                        best->block.arrival[best->event]))
        continue;
    }
    best = at;
  }
  return best;
}

static ds_code merge_customer(ds_merger *merger, uint64_t customer, ds_error *err) {
  bool begun = false;
  for (uint32_t c = 0; c < merger->cursors_count; c++) {
    cursor *at = &merger->cursors[c];
    at->shares = at->journey < at->journey_end && at->block.customer[at->journey] == customer;
    if (!at->shares)
      continue;
    at->event = at->block.offset[at->journey];
    if (!begun)
      TRY(ds_assembly_journey(&merger->assembly, &at->block, at->journey, err));
    begun = true;
  }
  assert(begun);
  for (cursor *at = earliest(merger); at != NULL; at = earliest(merger)) {
    TRY(ds_assembly_events(&merger->assembly, &at->block, at->event, at->event + 1, err));
    at->event++;
  }
  ds_assembly_journey_end(&merger->assembly);
  for (uint32_t c = 0; c < merger->cursors_count; c++)
    merger->cursors[c].journey += merger->cursors[c].shares;
  return DS_OK;
}

static ds_code flush(ds_merger *merger, ds_error *err) {
  const ds_block *block = ds_assembly_finish(&merger->assembly);
  if (block->events > 0)
    TRY(merger->each(merger->context, block, err));
  ds_assembly_begin(&merger->assembly);
  return DS_OK;
}

ds_code ds_merger_run(ds_merger *merger, const ds_units *units, const ds_unit *unit,
                      uint32_t block_events, ds_merged each, void *context, ds_error *err) {
  assert(block_events > 0 && unit->blocks_first < unit->blocks_last);
  merger->block_events = block_events;
  merger->each = each;
  merger->context = context;
  ds_assembly_begin(&merger->assembly);
  TRY(cursors_open(merger, units, unit, err));
  uint64_t customer = 0, second = 0;
  for (uint32_t c = least(merger, &customer, &second); customer != UINT64_MAX;
       c = least(merger, &customer, &second)) {
    if (customer < second)
      TRY(copy_run(merger, &merger->cursors[c], second, err));
    else
      TRY(merge_customer(merger, customer, err));
    if (merger->assembly.block.events >= block_events)
      TRY(flush(merger, err));
    for (uint32_t i = 0; i < merger->cursors_count; i++)
      TRY(cursor_fill(merger, &merger->cursors[i], unit, err));
  }
  return flush(merger, err);
}
