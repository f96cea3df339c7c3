// SPDX-License-Identifier: Apache-2.0
// See derive.h.
#include "insight/derive.h"

#include <stdlib.h>

#include "insight/parcel_rules.h"
#include "question/common.h"
#include "scan/derive.h"
#include "scan/property_types.h"

#define COMPLAINT "complaint_submitted"
// Of events of one instant a complaint is the last.
#define COMPLAINT_RANK DS_DERIVED_COUNT

// Where a review's stars are looked for, the first that events carry.
static const char *const star_names[] = {"stars", "review_score", "score"};

// What is derived; read-only once made.
typedef struct derive_context {
  ds_derivation derivation;
  const ds_parcel_rules *rules;
  ds_columns columns; // that `rules` was made for
  uint16_t touchpoint[DS_DERIVED_COUNT]; // codes
  uint16_t complaint;
  uint32_t review; // code; DS_NONE: there are no reviews, or none with stars
  uint16_t stars;  // property
  double stars_most;
} derive_context;

// One thread's.
typedef struct derive_state {
  const derive_context *context;
  ds_parcel_rules rules; // for the columns of this scan
  ds_parcel_fold *fold;
  uint32_t stars; // column
  uint32_t order; // column of the order key, DS_NONE for none
} derive_state;

ds_code ds_derive_names(ds_snapshot *snapshot, ds_error *err) {
  uint32_t index = 0;
  for (uint32_t d = 0; d < DS_DERIVED_COUNT; d++)
    TRY(ds_names_add(&snapshot->space.touchpoints, ds_str_of(ds_derived_touchpoints[d]), &index,
                     err));
  return ds_names_add(&snapshot->space.touchpoints, ds_str_of(COMPLAINT), &index, err);
}

static uint32_t property_at(const ds_columns *columns, uint16_t code, ds_type type) {
  for (uint32_t p = 0; p < columns->properties_count; p++)
    if (columns->properties[p] == code && columns->property_types[p] == type)
      return p;
  return DS_NONE;
}

// The column of a key that stood at `at` in the columns of the plan.
static uint32_t key_at(const ds_columns *columns, const ds_columns *planned, uint32_t at) {
  for (uint32_t k = 0; at != DS_NONE && k < columns->keys_count; k++)
    if (columns->keys[k] == planned->keys[at])
      return k;
  return DS_NONE;
}

static void promise_move(parcel_promise_column *promise, const ds_columns *columns,
                         const ds_columns *planned) {
  if (promise->is_given)
    promise->property.column = property_at(columns, promise->property.code,
                                           planned->property_types[promise->property.column]);
}

static ds_code state_init(const void *given, const ds_columns *columns, void **ret_state,
                          ds_error *err) {
  const derive_context *context = given;
  derive_state *state = calloc(1, sizeof *state);
  if (state == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for virtual touchpoints");
  *ret_state = state;
  state->context = context;
  state->rules = *context->rules;
  state->rules.parcel_key = key_at(columns, &context->columns, state->rules.parcel_key);
  state->rules.tracking_key = key_at(columns, &context->columns, state->rules.tracking_key);
  for (uint32_t p = 0; p < PARCEL_PROMISE_COLUMNS; p++)
    promise_move(&state->rules.promise[p], columns, &context->columns);
  promise_move(&state->rules.from, columns, &context->columns);
  state->order = DS_NONE;
  for (uint32_t k = 0; context->derivation.has_order && k < columns->keys_count; k++)
    if (columns->keys[k] == context->derivation.order_key)
      state->order = k;
  state->stars = context->review == DS_NONE
                     ? DS_NONE
                     : property_at(columns, context->stars, DS_TYPE_NUMBER);
  return ds_parcel_fold_new(&state->rules, &state->fold, err);
}

static ds_code state_begin(void *memory, const ds_block *block, ds_error *err) {
  return ds_parcel_fold_begin(((derive_state *)memory)->fold, block, err);
}

// The value of a key, by its hash, that an event of the journey has. DS_NONE: none has.
static uint32_t value_of(const ds_block *block, uint32_t j, uint32_t column, uint64_t hash) {
  if (column == DS_NONE)
    return DS_NONE;
  const ds_key_column *key = &block->key[column];
  const uint32_t first = key->first[block->offset[j]], last = key->first[block->offset[j + 1]];
  for (uint32_t i = first; i < last; i++)
    if (key->hash[key->item[i]] == hash)
      return key->item[i];
  return DS_NONE;
}

// A virtual event of the order, and of a parcel when that has a key.
static ds_virtual about(const derive_state *state, const ds_block *block, uint32_t j,
                        uint64_t parcel_hash) {
  ds_virtual one = {.journey = j, .column = {DS_NONE, DS_NONE}};
  if (state->order != DS_NONE) {
    one.column[0] = state->order;
    one.value[0] = value_of(block, j, state->order, block->case_hash[j]);
  }
  const uint32_t columns[] = {state->rules.parcel_key, state->rules.tracking_key};
  for (uint32_t c = 0; parcel_hash != 0 && one.column[1] == DS_NONE && c < 2; c++) {
    one.value[1] = value_of(block, j, columns[c], parcel_hash);
    one.column[1] = one.value[1] == DS_NONE ? DS_NONE : columns[c];
  }
  // A journey that is a parcel by its own key is told of once.
  if (one.column[1] == one.column[0])
    one.column[1] = DS_NONE;
  return one;
}

static ds_code parcels_derive(derive_state *state, const ds_block *block, uint32_t j,
                              ds_virtuals *to, ds_error *err) {
  ds_parcels parcels;
  TRY(ds_parcel_fold_journey(state->fold, j, &parcels, err));
  for (uint32_t d = 0; d < parcels.derived_count; d++) {
    const ds_derived *derived = &parcels.derived[d];
    ds_virtual one = about(state, block, j, parcels.parcel[derived->parcel].hash);
    one.time_ms = derived->time_ms;
    one.touchpoint = state->context->touchpoint[derived->kind];
    one.rank = (uint16_t)derived->kind;
    TRY(ds_virtuals_add(to, &one, err));
  }
  return DS_OK;
}

static ds_code complaints_derive(const derive_state *state, const ds_block *block, uint32_t j,
                                 ds_virtuals *to, ds_error *err) {
  const derive_context *context = state->context;
  if (state->stars == DS_NONE || block->property[state->stars].type != DS_TYPE_NUMBER)
    return DS_OK;
  const ds_property_column *stars = &block->property[state->stars];
  for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++) {
    if (block->touchpoint[e] != context->review || block->time_ms[e] > state->rules.now_ms ||
        (stars->present[e / 64] >> (e % 64) & 1) == 0 || !(stars->number[e] <= context->stars_most))
      continue;
    ds_virtual one = about(state, block, j, 0);
    one.time_ms = block->time_ms[e];
    one.touchpoint = context->complaint;
    one.rank = COMPLAINT_RANK;
    TRY(ds_virtuals_add(to, &one, err));
  }
  return DS_OK;
}

static ds_code state_order(void *memory, const ds_block *block, uint32_t j, ds_virtuals *to,
                           ds_error *err) {
  TRY(parcels_derive(memory, block, j, to, err));
  return complaints_derive(memory, block, j, to, err);
}

static void state_done(void *memory) {
  ds_parcel_fold_free(((derive_state *)memory)->fold);
  free(memory);
}

static ds_code names_find(const ds_request *request, derive_context *context, ds_error *err) {
  const ds_names *names = &request->snapshot->space.touchpoints;
  for (uint32_t d = 0; d < DS_DERIVED_COUNT; d++) {
    const uint32_t code = ds_names_find(names, ds_str_of(ds_derived_touchpoints[d]));
    if (code == DS_NONE)
      return ds_fail(err, DS_UNSUPPORTED, "--derive: virtual touchpoints cannot be had here");
    context->touchpoint[d] = (uint16_t)code;
  }
  context->complaint = (uint16_t)ds_names_find(names, ds_str_of(COMPLAINT));
  context->review = ds_names_find(names, ds_str_of("review_submitted"));
  return DS_OK;
}

// Adds the stars of reviews to the columns, where there are any.
static ds_code stars_find(const ds_request *request, derive_context *context, ds_plan *reads,
                          ds_error *err) {
  const ds_names *names = &request->snapshot->space.properties;
  const char *name = NULL;
  ds_property_ref ref;
  ds_property_kinds kinds = {.type = DS_TYPE_NULL};
  for (uint32_t i = 0; name == NULL && i < sizeof star_names / sizeof *star_names; i++)
    if (ds_names_find(names, ds_str_of(star_names[i])) != DS_NONE)
      name = star_names[i];
  ds_plan with = *reads;
  if (name != NULL && context->review != DS_NONE) {
    TRY(ds_property_add(request->snapshot, &with, "derive", name, request->arena, &ref, err));
    TRY(ds_property_kinds_of(request->snapshot, ref.code, &kinds, err));
  }
  if (kinds.type != DS_TYPE_NUMBER) {
    context->review = DS_NONE;
    return DS_OK;
  }
  context->stars = ref.code;
  *reads = with;
  return DS_OK;
}

ds_code ds_derive_plan(const ds_request *request, ds_plan *plan, ds_error *err) {
  if (request->snapshot->events == 0)
    return DS_OK;
  derive_context *context = ds_arena_alloc(request->arena, sizeof *context);
  ds_plan reads = {.threads = 1};
  if (context == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for virtual touchpoints");
  const ds_tracking_limits *limits =
      request->tracking == NULL ? &ds_tracking_defaults : request->tracking;
  context->stars_most = limits->complaint_stars;
  TRY(names_find(request, context, err));
  const char *key = ds_parcel_order_key(request->snapshot);
  if (key != NULL) {
    context->derivation.has_order = true;
    context->derivation.order_key =
        (uint16_t)ds_names_find(&request->snapshot->space.keys, ds_str_of(key));
  }
  TRY(ds_parcel_plan(request, &reads, NULL, false, limits, request->as_of_ms, &context->rules,
                     err));
  TRY(stars_find(request, context, &reads, err));
  TRY(ds_property_types_set(request->snapshot, &reads.columns, request->arena, err));
  context->columns = reads.columns;
  context->derivation.reads = reads.columns;
  context->derivation.context = context;
  context->derivation.init = state_init;
  context->derivation.begin = state_begin;
  context->derivation.order = state_order;
  context->derivation.done = state_done;
  plan->derive = &context->derivation;
  return DS_OK;
}
