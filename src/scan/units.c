// SPDX-License-Identifier: Apache-2.0
// See units.h. A sweep over the customers: at each position the largest block there leads; if no
// other block overlaps what is left of it, it is a unit of its own, else units grow along leading
// blocks until they hold enough.
#include "scan/units.h"

#include <assert.h>
#include <stdlib.h>

// Where the sweep stands in each place: the first block that ends at or after the position.
typedef struct sweep {
  const ds_snapshot *snapshot;
  uint32_t *at;
  uint32_t chain_blocks;
  uint32_t pending_blocks; // leading blocks in the unit being grown
  uint32_t pending_first;  // its first customer
} sweep;

static const ds_block_zone *zone_of(const sweep *state, uint32_t place, uint32_t block) {
  return ds_part_zone(state->snapshot->places[place].part, block);
}

static uint32_t blocks_of(const sweep *state, uint32_t place) {
  return ds_part_get_info(state->snapshot->places[place].part)->blocks;
}

// Moves every place on to `position`; false when none has customers left. *ret_next is the first
// customer number at or after the position that some block covers.
static bool advance(sweep *state, uint64_t position, uint64_t *ret_next) {
  uint64_t next = UINT64_MAX;
  for (uint32_t p = 0; p < state->snapshot->places_count; p++) {
    const uint32_t blocks = blocks_of(state, p);
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
    if (state->at[p] == blocks_of(state, p))
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

static bool alone(const sweep *state, ds_unit_block block, uint64_t position) {
  const ds_block_zone *zone = zone_of(state, block.place, block.block);
  if (zone->customer_first != position)
    return false;
  for (uint32_t p = 0; p < state->snapshot->places_count; p++)
    if (p != block.place && state->at[p] < blocks_of(state, p) &&
        zone_of(state, p, state->at[p])->customer_first <= zone->customer_last)
      return false;
  return true;
}

static ds_code add_block(ds_units *units, uint32_t place, uint32_t block, ds_error *err) {
  if (units->blocks_count == units->blocks_capacity) {
    const uint32_t capacity = units->blocks_capacity * 2 + 64;
    ds_unit_block *blocks = realloc(units->blocks, capacity * sizeof *blocks);
    if (blocks == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for the plan of a scan");
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
      return ds_fail(err, DS_MEMORY, "out of memory for the plan of a scan");
    units->units = grown;
    units->capacity = capacity;
  }
  units->units[units->count++] = unit;
  return DS_OK;
}

// Closes the unit being grown at customer `last` and lists every block that overlaps it.
static ds_code emit(const sweep *state, ds_units *units, const uint32_t *from, uint32_t last,
                    ds_error *err) {
  ds_unit unit = {state->pending_first, last, units->blocks_count, 0, false};
  for (uint32_t p = 0; p < state->snapshot->places_count; p++)
    for (uint32_t b = from[p]; b < blocks_of(state, p); b++) {
      const ds_block_zone *zone = zone_of(state, p, b);
      if (zone->customer_first > last)
        break;
      if (zone->customer_last >= unit.customer_first)
        TRY(add_block(units, p, b, err));
    }
  unit.blocks_last = units->blocks_count;
  return add_unit(units, unit, err);
}

static ds_code emit_whole(const sweep *state, ds_units *units, ds_unit_block block,
                          ds_error *err) {
  const ds_block_zone *zone = zone_of(state, block.place, block.block);
  const uint32_t at = units->blocks_count;
  TRY(add_block(units, block.place, block.block, err));
  return add_unit(units, (ds_unit){zone->customer_first, zone->customer_last, at, at + 1, true},
                  err);
}

// `from` remembers where each place stood when the growing unit began.
static ds_code cut(sweep *state, uint32_t *from, ds_units *units, ds_error *err) {
  const size_t places_size = state->snapshot->places_count * sizeof *from;
  uint64_t position = 0;
  uint32_t covered = 0;
  while (advance(state, position, &position)) {
    const ds_unit_block lead = leader(state, position);
    const uint32_t last = zone_of(state, lead.place, lead.block)->customer_last;
    const bool single = alone(state, lead, position);
    if (single && state->pending_blocks > 0) {
      TRY(emit(state, units, from, covered, err));
      state->pending_blocks = 0;
    }
    if (single) {
      TRY(emit_whole(state, units, lead, err));
    } else {
      if (state->pending_blocks == 0) {
        state->pending_first = (uint32_t)position;
        memcpy(from, state->at, places_size);
      }
      covered = last;
      if (++state->pending_blocks >= state->chain_blocks) {
        TRY(emit(state, units, from, last, err));
        state->pending_blocks = 0;
      }
    }
    position = (uint64_t)last + 1;
  }
  return state->pending_blocks == 0 ? DS_OK : emit(state, units, from, covered, err);
}

ds_code ds_units_cut(const ds_snapshot *snapshot, uint32_t chain_blocks, ds_units *ret_units,
                     ds_error *err) {
  assert(chain_blocks > 0);
  *ret_units = (ds_units){0};
  uint32_t *at = calloc(snapshot->places_count * 2u + 1, sizeof *at);
  if (at == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the plan of a scan");
  sweep state = {.snapshot = snapshot, .at = at, .chain_blocks = chain_blocks};
  const ds_code code = cut(&state, at + snapshot->places_count, ret_units, err);
  free(at);
  return code;
}

void ds_units_done(ds_units *units) {
  free(units->units);
  free(units->blocks);
  *units = (ds_units){0};
}
