// SPDX-License-Identifier: Apache-2.0
// The counting of `tracking`; see tracking.h.
#include <assert.h>
#include <stdlib.h>

#include "insight/tracking.h"

uint32_t ds_tracking_order_parcel(const ds_parcels *parcels) {
  uint32_t least = 0;
  for (uint32_t p = 1; p < parcels->count; p++) {
    const ds_parcel_state state = parcels->parcel[p].state, best = parcels->parcel[least].state;
    if (state != DS_PARCEL_CANCELLED && (best == DS_PARCEL_CANCELLED || state < best))
      least = p;
  }
  return least;
}

bool ds_tracking_counts(const ds_parcel *parcel, tracking_figure figure) {
  switch (figure) {
  case TRACKING_STALLED:
    return parcel->stalled_ms != DS_NEVER;
  case TRACKING_AT_RISK:
    return parcel->at_risk_ms != DS_NEVER && parcel->missed_ms == DS_NEVER &&
           parcel->attempt_ms == DS_NEVER && ds_parcel_states[parcel->state].open;
  case TRACKING_MISSED:
    return parcel->missed_ms != DS_NEVER;
  case TRACKING_LOST:
    return parcel->lost_ms != DS_NEVER;
  default:
    return figure == TRACKING_PARCELS;
  }
}

static ds_code state_init(void *memory, const void *given, ds_arena *arena, ds_error *err) {
  tracking_state *state = memory;
  const tracking_context *context = given;
  const uint32_t cells = context->groups * DS_PARCEL_STATES_COUNT;
  state->context = context;
  state->cell = ds_arena_array(arena, cells, sizeof *state->cell);
  if (state->cell == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for tracking: give more --memory");
  TRY(ds_tally_init(&state->times, cells, NULL, context->kept_bytes, context->refine, err));
  return ds_parcel_fold_new(context->rules, &state->fold, err);
}

static void state_done(void *memory) {
  tracking_state *state = memory;
  ds_parcel_fold_free(state->fold);
  ds_tally_done(&state->times);
  state->fold = NULL;
}

static ds_code add_order(tracking_state *state, const ds_block *block, const ds_parcels *parcels,
                         ds_error *err) {
  const tracking_context *context = state->context;
  state->unplaced += parcels->unplaced;
  state->unread += parcels->unread;
  const uint32_t of_order = parcels->count > 0 ? ds_tracking_order_parcel(parcels) : 0;
  for (uint32_t p = 0; p < parcels->count; p++) {
    const ds_parcel *parcel = &parcels->parcel[p];
    const uint32_t at = ds_tracking_by_group(context, state->fold, block, p) *
                            DS_PARCEL_STATES_COUNT + parcel->state;
    tracking_cell *cell = &state->cell[at];
    for (uint32_t f = 0; f < TRACKING_FIGURES; f++)
      cell->n[f] += ds_tracking_counts(parcel, (tracking_figure)f);
    cell->n[TRACKING_ORDERS] += p == of_order;
    if (parcel->state_ms == DS_NEVER)
      continue;
    const int64_t ms = context->as_of_ms - parcel->state_ms;
    cell->longest_ms = ms > cell->longest_ms ? ms : cell->longest_ms;
    TRY(ds_tally_add(&state->times, at, ms, err));
  }
  return DS_OK;
}

static ds_code state_add(void *memory, const ds_block *block, ds_error *err) {
  tracking_state *state = memory;
  ds_parcels parcels;
  TRY(ds_parcel_fold_begin(state->fold, block, err));
  for (uint32_t j = 0; j < block->journeys; j++) {
    TRY(ds_parcel_fold_journey(state->fold, j, &parcels, err));
    if (parcels.count > 0)
      TRY(ds_tracking_by_begin(state->context, state->fold, j, err));
    TRY(add_order(state, block, &parcels, err));
  }
  return DS_OK;
}

static ds_code state_merge(void *memory, void *other, ds_error *err) {
  (void)err;
  tracking_state *into = memory, *from = other;
  for (uint32_t c = 0; c < into->context->groups * DS_PARCEL_STATES_COUNT; c++) {
    for (uint32_t f = 0; f < TRACKING_FIGURES; f++)
      into->cell[c].n[f] += from->cell[c].n[f];
    if (from->cell[c].longest_ms > into->cell[c].longest_ms)
      into->cell[c].longest_ms = from->cell[c].longest_ms;
  }
  into->unplaced += from->unplaced;
  into->unread += from->unread;
  ds_tally_merge(&into->times, &from->times);
  return DS_OK;
}

const ds_kernel ds_tracking_kernel = {"tracking", sizeof(tracking_state), state_init,
                                   state_add,  state_merge,            state_done};

// A scan that counts for the ranks in hand.
static ds_code pass(void *memory, const ds_refine *refine, ds_refine_counts *ret_counts,
                    ds_error *err) {
  tracking_context context = *(const tracking_context *)memory;
  context.refine = refine;
  ds_arena arena;
  ds_arena_init(&arena, context.request->memory_bytes);
  void *merged = NULL;
  const ds_code code = ds_scan(context.request->snapshot, &context.plan, &ds_tracking_kernel,
                               &context, &arena, &merged, err);
  if (code == DS_OK) {
    tracking_state *state = merged;
    *ret_counts = state->times.refined;
    state->times.refined = (ds_refine_counts){0};
    state_done(state);
  }
  ds_arena_done(&arena);
  return code;
}

ds_code ds_tracking_quantiles(tracking_context *context, const tracking_state *state,
                           ds_arena *arena, double **ret_quantiles, ds_error *err) {
  return ds_tally_quantiles(&state->times, context->request->memory_bytes / 4,
                            context->plan.threads, pass, context, arena, ret_quantiles, err);
}
