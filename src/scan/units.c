// SPDX-License-Identifier: Apache-2.0
// See units.h. A sweep over the customers along the blocks that are of no side: at each position
// the largest block there leads; if no other overlaps what is left of it, it has a unit of its own,
// else units grow along leading blocks until they hold enough. A unit begins where the one before
// ends, and the last has no end, so that every customer of a side is in one.
#include "scan/units.h"

#include <assert.h>
#include <stdlib.h>

// Where the sweep stands in each place: `at` is the first block that ends at or after the position,
// `listed` the first that ends in the next unit or later.
typedef struct sweep {
  const ds_snapshot *snapshot;
  const bool *is_side;
  uint32_t *at;
  uint32_t *listed;
  uint32_t chain_blocks;
  uint32_t pending_blocks; // leading blocks in the unit being grown
  uint32_t next_first;     // the first customer of the next unit
} sweep;

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for the plan of a scan");
}

static const ds_block_zone *zone_of(const sweep *state, uint32_t place, uint32_t block) {
  return ds_part_zone(state->snapshot->places[place].part, block);
}

static uint32_t blocks_of(const sweep *state, uint32_t place) {
  return ds_part_get_info(state->snapshot->places[place].part)->blocks;
}

// --- sides

// Places that follow one another without overlap.
typedef struct run {
  uint32_t first;
  uint32_t count;
  uint64_t events;
  uint64_t customers;
} run;

// The larger first; of equals, the older.
static int compare_runs(const void *a, const void *b) {
  const run *x = a, *y = b;
  if (x->events != y->events)
    return x->events > y->events ? -1 : 1;
  return x->first < y->first ? -1 : 1;
}

static uint32_t runs_find(const ds_snapshot *snapshot, run *runs) {
  uint32_t count = 0;
  const ds_part_info *before = NULL;
  for (uint32_t p = 0; p < snapshot->places_count; p++) {
    const ds_part_info *info = ds_part_get_info(snapshot->places[p].part);
    if (before == NULL || info->customer_first <= before->customer_last)
      runs[count++] = (run){.first = p};
    run *last = &runs[count - 1];
    last->count++;
    last->events += info->events;
    last->customers += info->customers;
    before = info;
  }
  return count;
}

static ds_code sides_choose(const ds_snapshot *snapshot, uint64_t events_max, bool *is_side,
                            ds_error *err) {
  run *runs = calloc(snapshot->places_count + 1u, sizeof *runs);
  if (runs == NULL)
    return no_memory(err);
  const uint32_t count = runs_find(snapshot, runs);
  qsort(runs, count, sizeof *runs, compare_runs);
  uint64_t events = 0, customers = 0;
  for (uint32_t r = count; r-- > 1;) {
    events += runs[r].events;
    customers += runs[r].customers;
    if (events > events_max || customers * DS_SIDE_SHARE > runs[0].customers)
      break;
    for (uint32_t p = 0; p < runs[r].count; p++)
      is_side[runs[r].first + p] = true;
  }
  free(runs);
  return DS_OK;
}

// --- the sweep

// Moves every place but sides on to `position`; false when none has customers left. *ret_next is
// the first customer number at or after the position that some block covers.
static bool advance(sweep *state, uint64_t position, uint64_t *ret_next) {
  uint64_t next = UINT64_MAX;
  for (uint32_t p = 0; p < state->snapshot->places_count; p++) {
    const uint32_t blocks = blocks_of(state, p);
    if (state->is_side[p])
      continue;
    while (state->at[p] < blocks && zone_of(state, p, state->at[p])->customer_last < position)
      state->at[p]++;
    if (state->at[p] == blocks)
      continue;
    const uint64_t first = zone_of(state, p, state->at[p])->customer_first;
    if (first < next)
      next = first;
  }
  *ret_next = next < position ? position : next;
  return next != UINT64_MAX;
}

// The largest block over the position.
static ds_unit_block leader(const sweep *state, uint64_t position) {
  ds_unit_block best = {UINT32_MAX, 0};
  uint32_t events = 0;
  for (uint32_t p = 0; p < state->snapshot->places_count; p++) {
    if (state->is_side[p] || state->at[p] == blocks_of(state, p))
      continue;
    const ds_block_zone *zone = zone_of(state, p, state->at[p]);
    if (zone->customer_first <= position && (best.place == UINT32_MAX || zone->events > events)) {
      best = (ds_unit_block){p, state->at[p]};
      events = zone->events;
    }
  }
  assert(best.place != UINT32_MAX);
  return best;
}

// Whether no other block but those of sides has any of its customers.
static bool alone(const sweep *state, ds_unit_block block, uint64_t position) {
  const ds_block_zone *zone = zone_of(state, block.place, block.block);
  if (zone->customer_first != position)
    return false;
  for (uint32_t p = 0; p < state->snapshot->places_count; p++)
    if (!state->is_side[p] && p != block.place && state->at[p] < blocks_of(state, p) &&
        zone_of(state, p, state->at[p])->customer_first <= zone->customer_last)
      return false;
  return true;
}

static ds_code add_block(ds_units *units, uint32_t place, uint32_t block, ds_error *err) {
  if (units->blocks_count == units->blocks_capacity) {
    const uint32_t capacity = units->blocks_capacity * 2 + 64;
    ds_unit_block *blocks = realloc(units->blocks, capacity * sizeof *blocks);
    if (blocks == NULL)
      return no_memory(err);
    units->blocks = blocks;
    units->blocks_capacity = capacity;
  }
  units->blocks[units->blocks_count++] = (ds_unit_block){place, block};
  return DS_OK;
}

static ds_code add_unit(ds_units *units, ds_unit unit, ds_error *err) {
  assert(unit.customer_first <= unit.customer_last);
  if (units->count == units->capacity) {
    const uint32_t capacity = units->capacity * 2 + 64;
    ds_unit *grown = realloc(units->units, capacity * sizeof *grown);
    if (grown == NULL)
      return no_memory(err);
    units->units = grown;
    units->capacity = capacity;
  }
  units->units[units->count++] = unit;
  return DS_OK;
}

// Adds the unit of all customers up to `last` that are in none yet, with every block that overlaps
// it. `lead` is its block when there is one only, else NULL.
static ds_code emit(sweep *state, ds_units *units, uint32_t last, const ds_unit_block *lead,
                    ds_error *err) {
  uint64_t next;
  if (!advance(state, (uint64_t)last + 1, &next))
    last = UINT32_MAX;
  ds_unit unit = {state->next_first, last, units->blocks_count, 0, DS_NONE};
  for (uint32_t p = 0; p < state->snapshot->places_count; p++) {
    uint32_t *listed = &state->listed[p];
    const uint32_t blocks = blocks_of(state, p);
    while (*listed < blocks && zone_of(state, p, *listed)->customer_last < unit.customer_first)
      ++*listed;
    for (uint32_t b = *listed; b < blocks && zone_of(state, p, b)->customer_first <= last; b++) {
      if (lead != NULL && lead->place == p && lead->block == b)
        unit.lead = units->blocks_count;
      TRY(add_block(units, p, b, err));
    }
  }
  unit.blocks_last = units->blocks_count;
  state->next_first = last + 1;
  return add_unit(units, unit, err);
}

static ds_code cut(sweep *state, ds_units *units, ds_error *err) {
  uint64_t position = 0;
  uint32_t covered = 0;
  while (advance(state, position, &position)) {
    const ds_unit_block lead = leader(state, position);
    const uint32_t last = zone_of(state, lead.place, lead.block)->customer_last;
    const bool single = alone(state, lead, position);
    if (state->pending_blocks > 0 && single)
      TRY(emit(state, units, covered, NULL, err));
    state->pending_blocks = single ? 0 : state->pending_blocks + 1;
    covered = last;
    if (single || state->pending_blocks >= state->chain_blocks) {
      TRY(emit(state, units, last, single ? &lead : NULL, err));
      state->pending_blocks = 0;
    }
    position = (uint64_t)last + 1;
  }
  return state->pending_blocks == 0 ? DS_OK : emit(state, units, covered, NULL, err);
}

ds_code ds_units_cut(const ds_snapshot *snapshot, uint32_t chain_blocks, uint64_t side_events_max,
                     ds_units *ret_units, ds_error *err) {
  assert(chain_blocks > 0);
  *ret_units = (ds_units){.is_side = calloc(snapshot->places_count + 1u, sizeof(bool))};
  uint32_t *at = calloc(snapshot->places_count * 2u + 1, sizeof *at);
  sweep state = {.snapshot = snapshot, .is_side = ret_units->is_side, .at = at,
                 .chain_blocks = chain_blocks};
  if (at == NULL || state.is_side == NULL) {
    free(at);
    return no_memory(err);
  }
  state.listed = at + snapshot->places_count;
  ds_code code = sides_choose(snapshot, side_events_max, ret_units->is_side, err);
  if (code == DS_OK)
    code = cut(&state, ret_units, err);
  free(at);
  return code;
}

void ds_units_done(ds_units *units) {
  free(units->units);
  free(units->blocks);
  free(units->is_side);
  *units = (ds_units){0};
}
