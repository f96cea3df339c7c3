// SPDX-License-Identifier: Apache-2.0
// See merge.h. One cursor per place; at each step the cursor with the least customer either has
// it alone (then a run of journeys up to the next cursor's customer is copied) or shares it.
// Cursors never move to another block while events of the one before are still to be copied. The
// cursor of a leading block goes from one shared customer to the next.
#include "scan/merge.h"

#include <assert.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/resize.h"
#include "scan/omit.h"

typedef struct cursor {
  const ds_unit_block *next; // the block to read after this one
  const ds_unit_block *end;
  ds_block_reader *reader;
  ds_block block;
  uint32_t journey;
  uint32_t journey_end; // within the unit's range
  uint32_t event;       // while its journey is merged with others
  bool shares;          // has the customer being merged
  bool leads;
} cursor;

struct ds_merger {
  const ds_snapshot *snapshot;
  const ds_sides *sides;
  ds_columns columns;
  ds_assembly assembly;
  cursor *cursors;
  uint32_t cursors_count;
  uint32_t cursors_capacity;
  uint32_t *shared; // journeys of the leading block, ascending
  uint64_t *is_shared; // a bit for each
  uint32_t shared_count;
  uint32_t shared_capacity;
  uint32_t shared_at; // that its cursor is at
  ds_runs staying;    // the others
  uint32_t block_events;
  ds_merged each;
  void *context;
};

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for merging parts");
}

ds_code ds_merger_new(const ds_snapshot *snapshot, const ds_columns *columns,
                      const ds_sides *sides, ds_merger **ret_merger, ds_error *err) {
  ds_merger *merger = calloc(1, sizeof *merger);
  if (merger == NULL)
    return no_memory(err);
  merger->snapshot = snapshot;
  merger->sides = sides;
  merger->columns = *columns;
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
  free(merger->shared);
  free(merger->is_shared);
  ds_runs_done(&merger->staying);
  ds_assembly_done(&merger->assembly);
  free(merger);
}

// Moves on to the next block with a journey in the unit's range, if the current one is done.
static ds_code cursor_fill(ds_merger *merger, cursor *at, const ds_unit *unit, ds_error *err) {
  while (at->journey == at->journey_end && at->next < at->end) {
    const ds_unit_block *block = at->next++;
    const ds_block *side = ds_sides_block(merger->sides, *block);
    if (side != NULL)
      at->block = *side;
    else
      TRY(ds_part_read_block(&merger->snapshot->places[block->place], block->block,
                             &merger->columns, at->reader, &at->block, err));
    at->journey = ds_block_journey_from(&at->block, 0, unit->customer_first);
    at->journey_end =
        ds_block_journey_from(&at->block, at->journey, (uint64_t)unit->customer_last + 1);
  }
  return DS_OK;
}

// Where the cursor of the leading block goes on: at the next journey that others share.
static uint32_t next_shared(const ds_merger *merger, const ds_block *lead) {
  const bool more = merger->shared_at < merger->shared_count;
  return more ? merger->shared[merger->shared_at] : lead->journeys;
}

static ds_code cursors_reserve(ds_merger *merger, ds_error *err) {
  if (merger->cursors_count < merger->cursors_capacity)
    return DS_OK;
  const uint32_t capacity = merger->cursors_capacity * 2 + 4;
  cursor *cursors = realloc(merger->cursors, capacity * sizeof *cursors);
  if (cursors == NULL)
    return no_memory(err);
  memset(cursors + merger->cursors_capacity, 0,
         (capacity - merger->cursors_capacity) * sizeof *cursors);
  merger->cursors = cursors;
  merger->cursors_capacity = capacity;
  return DS_OK;
}

// One cursor per place of the unit, in place order. `lead` is its leading block, or NULL.
static ds_code cursors_open(ds_merger *merger, const ds_units *units, const ds_unit *unit,
                            const ds_block *lead, ds_error *err) {
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
      return no_memory(err);
    *at = (cursor){.next = units->blocks + b, .end = units->blocks + end, .reader = at->reader};
    merger->cursors_count++;
    if (b == unit->lead && lead != NULL) {
      *at = (cursor){.reader = at->reader, .block = *lead, .leads = true,
                     .journey_end = lead->journeys, .journey = next_shared(merger, lead)};
    } else {
      TRY(cursor_fill(merger, at, unit, err));
    }
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

// Whether event `event` of a comes before the next of b, by (time, arrival, place).
static bool before(const cursor *a, uint32_t event, const cursor *b) {
  const int64_t time_a = a->block.time_ms[event], time_b = b->block.time_ms[b->event];
  if (time_a != time_b)
    return time_a < time_b;
  const uint64_t arrival_a = a->block.arrival[event], arrival_b = b->block.arrival[b->event];
  return arrival_a != arrival_b ? arrival_a < arrival_b : a < b;
}

// The sharing cursor whose next event comes first, or NULL, and the one that comes second.
static cursor *earliest(ds_merger *merger, const cursor **ret_rival) {
  cursor *best = NULL, *rival = NULL;
  for (uint32_t c = 0; c < merger->cursors_count; c++) {
    cursor *at = &merger->cursors[c];
    if (!at->shares || at->event == at->block.offset[at->journey + 1])
      continue;
    if (best == NULL || before(at, at->event, best)) {
      rival = best;
      best = at;
    } else if (rival == NULL || before(at, at->event, rival)) {
      rival = at;
    }
  }
  *ret_rival = rival;
  return best;
}

// Copies the events of all who share the customer, as long as possible of one after another.
static ds_code merge_events(ds_merger *merger, ds_error *err) {
  const cursor *rival = NULL;
  for (cursor *at = earliest(merger, &rival); at != NULL; at = earliest(merger, &rival)) {
    const uint32_t end = at->block.offset[at->journey + 1], first = at->event++;
    while (at->event < end && (rival == NULL || before(at, at->event, rival)))
      at->event++;
    TRY(ds_assembly_events(&merger->assembly, &at->block, first, at->event, err));
  }
  return DS_OK;
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
  TRY(merge_events(merger, err));
  ds_assembly_journey_end(&merger->assembly);
  for (uint32_t c = 0; c < merger->cursors_count; c++) {
    cursor *at = &merger->cursors[c];
    merger->shared_at += at->shares && at->leads;
    if (at->shares)
      at->journey = at->leads ? next_shared(merger, &at->block) : at->journey + 1;
  }
  return DS_OK;
}

static ds_code flush(ds_merger *merger, ds_error *err) {
  const ds_block *block = ds_assembly_finish(&merger->assembly);
  if (block->events > 0)
    TRY(merger->each(merger->context, block, err));
  ds_assembly_begin(&merger->assembly);
  return DS_OK;
}

// Gives the customers of all cursors to `each`.
static ds_code run(ds_merger *merger, const ds_unit *unit, ds_error *err) {
  uint64_t customer = 0, second = 0;
  for (uint32_t c = least(merger, &customer, &second); customer != UINT64_MAX;
       c = least(merger, &customer, &second)) {
    if (customer < second)
      TRY(copy_run(merger, &merger->cursors[c], second, err));
    else
      TRY(merge_customer(merger, customer, err));
    if (merger->assembly.block.events >= merger->block_events)
      TRY(flush(merger, err));
    for (uint32_t i = 0; i < merger->cursors_count; i++)
      TRY(cursor_fill(merger, &merger->cursors[i], unit, err));
  }
  return flush(merger, err);
}

ds_code ds_merger_run(ds_merger *merger, const ds_units *units, const ds_unit *unit,
                      uint32_t block_events, ds_merged each, void *context, ds_error *err) {
  assert(block_events > 0 && unit->blocks_first < unit->blocks_last);
  merger->block_events = block_events;
  merger->each = each;
  merger->context = context;
  ds_assembly_begin(&merger->assembly);
  TRY(cursors_open(merger, units, unit, NULL, err));
  return run(merger, unit, err);
}

static ds_code shared_reserve(ds_merger *merger, uint32_t journeys, ds_error *err) {
  if (journeys > merger->shared_capacity) {
    merger->shared_capacity = 0;
    if (!ds_resize(&merger->shared, journeys, sizeof *merger->shared) ||
        !ds_resize(&merger->is_shared, journeys / 64 + 1, sizeof *merger->is_shared))
      return no_memory(err);
    merger->shared_capacity = journeys;
  }
  memset(merger->is_shared, 0, (journeys / 64 + 1) * sizeof *merger->is_shared);
  return DS_OK;
}

// Lists the journeys of the leading block whose customers have events in sides, too.
static ds_code find_shared(ds_merger *merger, const ds_units *units, const ds_unit *unit,
                           const ds_block *lead, ds_error *err) {
  TRY(shared_reserve(merger, lead->journeys, err));
  for (uint32_t b = unit->blocks_first; b < unit->blocks_last; b++) {
    const ds_block *side = ds_sides_block(merger->sides, units->blocks[b]);
    assert((side == NULL) == (b == unit->lead));
    if (side == NULL)
      continue;
    uint32_t s = ds_block_journey_from(side, 0, unit->customer_first), j = 0;
    for (; s < side->journeys && side->customer[s] <= unit->customer_last; s++) {
      j = ds_block_journey_from(lead, j, side->customer[s]);
      if (j == lead->journeys)
        break;
      merger->is_shared[j / 64] |= (uint64_t)(lead->customer[j] == side->customer[s]) << (j % 64);
    }
  }
  merger->shared_count = merger->shared_at = 0;
  for (uint32_t w = 0; w <= lead->journeys / 64; w++)
    for (uint64_t rest = merger->is_shared[w]; rest != 0; rest &= rest - 1)
      merger->shared[merger->shared_count++] = w * 64 + (uint32_t)__builtin_ctzll(rest);
  return DS_OK;
}

ds_code ds_merger_take(ds_merger *merger, const ds_units *units, const ds_unit *unit,
                       ds_block_reader *reader, ds_block *lead, uint32_t block_events,
                       ds_merged each, void *context, ds_error *err) {
  assert(block_events > 0 && unit->lead != DS_NONE);
  const ds_unit_block *at = &units->blocks[unit->lead];
  ds_block ordered = *lead;
  merger->block_events = block_events;
  merger->each = each;
  merger->context = context;
  ds_assembly_begin(&merger->assembly);
  TRY(find_shared(merger, units, unit, lead, err));
  if (merger->shared_count > 0)
    TRY(ds_part_read_order(&merger->snapshot->places[at->place], at->block, merger->shared,
                           merger->shared_count, reader, &ordered, err));
  TRY(cursors_open(merger, units, unit, &ordered, err));
  TRY(run(merger, unit, err));
  return ds_block_omit(lead, merger->shared, merger->shared_count, &merger->staying, err);
}
