// SPDX-License-Identifier: Apache-2.0
// See derive.h.
#include "insight/derive.h"

#include <assert.h>
#include <stdlib.h>

#include "base/resize.h"
#include "insight/parcel_rules.h"
#include "question/common.h"
#include "scan/derive.h"
#include "scan/property_types.h"

#define COMPLAINT "complaint_submitted"
// Of events of one instant a complaint is the last.
#define COMPLAINT_RANK DS_DERIVED_COUNT

// Where a review's stars are looked for, the first that events carry.
static const char *const star_names[] = {"stars", "review_score", "score"};

// What virtual events of parcels carry: what is known of the parcel by itself, the promise, and
// what events told last, as of their instant.
enum { V_LAST_STATUS, V_DAYS_LATE, V_HOURS_SILENT, V_PROMISE, V_OWN };
static const char *const own_names[] = {"carrier", "service", "lane"};
enum { OWN_NAMES = sizeof own_names / sizeof *own_names };
static_assert((int)V_OWN + (int)OWN_NAMES <= (int)DS_VIRTUAL_PROPERTIES, "they have room");
static const struct {
  const char *name;
  ds_type type;
} made_properties[V_PROMISE] = {{"last_status", DS_TYPE_STRING},
                                {"days_late", DS_TYPE_NUMBER},
                                {"hours_silent", DS_TYPE_NUMBER}};

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
  const ds_names *touchpoints;
  ds_property_ref own[OWN_NAMES]; // by their columns among `columns`
  uint32_t owns;
} derive_context;

// One thread's.
typedef struct derive_state {
  const derive_context *context;
  ds_parcel_rules rules; // for the columns of this scan
  ds_parcel_fold *fold;
  uint32_t stars; // column
  uint32_t order; // column of the order key, DS_NONE for none
  ds_property_ref own[OWN_NAMES];
  uint32_t *by_time; // of what is derived from an order
  uint32_t by_time_capacity;
} derive_state;

static ds_code use_add(ds_snapshot *snapshot, uint16_t touchpoint, const char *name, ds_type type,
                       ds_error *err) {
  uint32_t index = 0;
  TRY(ds_names_add(&snapshot->space.properties, ds_str_of(name), &index, err));
  assert(snapshot->virtual_uses < DS_VIRTUAL_USES_MAX);
  snapshot->virtual_use[snapshot->virtual_uses++] =
      (ds_virtual_use){touchpoint, (uint16_t)index, type};
  return DS_OK;
}

// The type in which a property is read; NULL when no event carries it, or it is sealed.
static ds_code type_of(const ds_snapshot *snapshot, const char *name, ds_type *ret_type,
                       ds_error *err) {
  const uint32_t code = ds_names_find(&snapshot->space.properties, ds_str_of(name));
  ds_property_kinds kinds = {.type = DS_TYPE_NULL};
  if (code != DS_NONE)
    TRY(ds_property_kinds_of(snapshot, (uint16_t)code, &kinds, err));
  *ret_type = kinds.type == DS_TYPE_SEALED ? DS_TYPE_NULL : kinds.type;
  return DS_OK;
}

// The property of promises, as folds choose it; NULL: there is none.
static ds_code promise_of(const ds_snapshot *snapshot, const char **ret_name, ds_type *ret_type,
                          ds_error *err) {
  const ds_names *names = &snapshot->space.properties;
  *ret_name = NULL;
  *ret_type = DS_TYPE_NULL;
  for (uint32_t i = 0; *ret_name == NULL && ds_promise_names[i] != NULL; i++)
    if (ds_names_find(names, ds_str_of(ds_promise_names[i])) != DS_NONE)
      *ret_name = ds_promise_names[i];
  if (*ret_name == NULL)
    return DS_OK;
  TRY(type_of(snapshot, *ret_name, ret_type, err));
  if (*ret_type != DS_TYPE_DATE && *ret_type != DS_TYPE_TIME)
    *ret_name = NULL;
  return DS_OK;
}

// Which properties the virtual events of parcels carry.
static ds_code uses_add(ds_snapshot *snapshot, uint16_t touchpoint, ds_derived_kind kind,
                        const char *promise, ds_type promise_type, const ds_type own[OWN_NAMES],
                        ds_error *err) {
  const bool is_silence = kind == DS_DERIVED_STALLED || kind == DS_DERIVED_LOST;
  for (uint32_t m = 0; m < V_PROMISE; m++)
    if (m == V_LAST_STATUS || (m == V_DAYS_LATE && kind == DS_DERIVED_MISSED) ||
        (m == V_HOURS_SILENT && is_silence))
      TRY(use_add(snapshot, touchpoint, made_properties[m].name, made_properties[m].type, err));
  if (promise != NULL)
    TRY(use_add(snapshot, touchpoint, promise, promise_type, err));
  for (uint32_t o = 0; o < OWN_NAMES; o++)
    if (own[o] != DS_TYPE_NULL)
      TRY(use_add(snapshot, touchpoint, own_names[o], own[o], err));
  return DS_OK;
}

ds_code ds_derive_names(ds_snapshot *snapshot, ds_error *err) {
  uint32_t index = 0;
  const char *promise = NULL;
  ds_type promise_type, own[OWN_NAMES];
  TRY(promise_of(snapshot, &promise, &promise_type, err));
  for (uint32_t o = 0; o < OWN_NAMES; o++)
    TRY(type_of(snapshot, own_names[o], &own[o], err));
  for (uint32_t d = 0; d < DS_DERIVED_COUNT; d++) {
    TRY(ds_names_add(&snapshot->space.touchpoints, ds_str_of(ds_derived_touchpoints[d]), &index,
                     err));
    TRY(uses_add(snapshot, (uint16_t)index, (ds_derived_kind)d, promise, promise_type, own, err));
  }
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

static void column_move(parcel_column *read, const ds_columns *columns,
                        const ds_columns *planned) {
  if (read->is_given)
    read->property.column = property_at(columns, read->property.code,
                                        planned->property_types[read->property.column]);
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
  for (uint32_t r = 0; r < PARCEL_READS; r++)
    column_move(&state->rules.read[r], columns, &context->columns);
  for (uint32_t o = 0; o < context->owns; o++) {
    const ds_property_ref *own = &context->own[o];
    state->own[o] = *own;
    state->own[o].column =
        property_at(columns, own->code, context->columns.property_types[own->column]);
  }
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

static ds_value value_at(const ds_property_column *column, uint32_t e, ds_type type) {
  ds_value value = {.type = type};
  if (type == DS_TYPE_STRING)
    value.text = column->text[e];
  else if (type == DS_TYPE_NUMBER)
    value.number = column->number[e];
  else
    value.i = column->i[e];
  return value;
}

// How many days after the promised one a parcel came, or has not come by now.
static double days_late(const derive_state *state, const ds_parcel *parcel) {
  const int64_t now_ms = state->rules.now_ms;
  const int64_t ms = parcel->attempt_ms < now_ms ? parcel->attempt_ms : now_ms;
  const ds_zone *zone = parcel->original.zone;
  const int64_t day =
      zone != NULL ? ds_zone_day(zone, ms) : ms / DS_DAY_MS - (ms % DS_DAY_MS < 0);
  return (double)(day - parcel->original.day);
}

// What is known of the parcel at the instant of the virtual event.
static void properties_fill(const derive_state *state, const ds_block *block,
                            const ds_derived *derived, const ds_parcel *parcel, ds_virtual *one) {
  const derive_context *context = state->context;
  const ds_virtual_use *carried = context->derivation.carried;
  const uint32_t status = ds_parcel_status_event(state->fold, derived->parcel);
  const uint32_t scan = ds_parcel_scan_event(state->fold, derived->parcel);
  const parcel_column *promise = &state->rules.read[PARCEL_READ_PROMISE];
  if (status != DS_NONE)
    one->property[V_LAST_STATUS] = (ds_value){
        .type = DS_TYPE_STRING, .text = context->touchpoints->text[block->touchpoint[status]]};
  if (derived->kind == DS_DERIVED_MISSED)
    one->property[V_DAYS_LATE] =
        (ds_value){.type = DS_TYPE_NUMBER, .number = days_late(state, parcel)};
  if ((derived->kind == DS_DERIVED_STALLED || derived->kind == DS_DERIVED_LOST) && scan != DS_NONE)
    one->property[V_HOURS_SILENT] = (ds_value){
        .type = DS_TYPE_NUMBER,
        .number = (double)(derived->time_ms - block->time_ms[scan]) / 3600000.0};
  if (promise->is_given && parcel->original.event != DS_NONE &&
      parcel->original.told_ms <= derived->time_ms)
    one->property[V_PROMISE] = value_at(&block->property[promise->property.column],
                                        parcel->original.event, carried[V_PROMISE].type);
  for (uint32_t o = 0; o < context->owns; o++) {
    const uint32_t e = ds_parcel_value_event(state->fold, derived->parcel, o);
    if (e != DS_NONE)
      one->property[V_OWN + o] =
          value_at(&block->property[state->own[o].column], e, carried[V_OWN + o].type);
  }
}

static int time_order(const void *a, const void *b, void *of) {
  const ds_derived *derived = of;
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  if (derived[x].time_ms != derived[y].time_ms)
    return derived[x].time_ms < derived[y].time_ms ? -1 : 1;
  return (x > y) - (x < y);
}

static ds_code parcels_derive(derive_state *state, const ds_block *block, uint32_t j,
                              ds_virtuals *to, ds_error *err) {
  ds_parcels parcels;
  TRY(ds_parcel_fold_journey(state->fold, j, &parcels, err));
  const uint32_t count = parcels.derived_count;
  if (count == 0)
    return DS_OK;
  if (count > state->by_time_capacity) {
    if (!ds_resize(&state->by_time, count, sizeof *state->by_time))
      return ds_fail(err, DS_MEMORY, "out of memory for virtual touchpoints");
    state->by_time_capacity = count;
  }
  for (uint32_t d = 0; d < count; d++)
    state->by_time[d] = d;
  qsort_r(state->by_time, count, sizeof *state->by_time, time_order,
          (void *)(uintptr_t)parcels.derived);
  TRY(ds_parcel_values_begin(state->fold, j, state->own, state->context->owns, err));
  for (uint32_t d = 0; d < count; d++) {
    const ds_derived *derived = &parcels.derived[state->by_time[d]];
    const ds_parcel *parcel = &parcels.parcel[derived->parcel];
    ds_virtual one = about(state, block, j, parcel->hash);
    one.time_ms = derived->time_ms;
    one.touchpoint = state->context->touchpoint[derived->kind];
    one.rank = (uint16_t)derived->kind;
    TRY(ds_parcel_values_until(state->fold, derived->time_ms, err));
    properties_fill(state, block, derived, parcel, &one);
    TRY(ds_virtuals_add(to, &one, err));
  }
  return DS_OK;
}

static bool is_complaint(const derive_state *state, const ds_block *block, uint32_t e) {
  const derive_context *context = state->context;
  const ds_property_column *stars = &block->property[state->stars];
  return block->touchpoint[e] == context->review && block->time_ms[e] <= state->rules.now_ms &&
         (stars->present[e / 64] >> (e % 64) & 1) != 0 && stars->number[e] <= context->stars_most;
}

static bool has_value(const ds_block *block, uint32_t column, uint32_t e) {
  return column != DS_NONE && block->key[column].first[e + 1] > block->key[column].first[e];
}

// Whether an event may stand in an order: by its own key, or by that of a parcel.
static bool has_order(const derive_state *state, const ds_block *block, uint32_t e) {
  return has_value(block, state->order, e) || has_value(block, state->rules.parcel_key, e) ||
         has_value(block, state->rules.tracking_key, e);
}

// Of an order's journey, or of what of a customer's has no order.
static ds_code complaints_derive(const derive_state *state, const ds_block *block, uint32_t j,
                                 bool loose, ds_virtuals *to, ds_error *err) {
  if (state->stars == DS_NONE || block->property[state->stars].type != DS_TYPE_NUMBER)
    return DS_OK;
  for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++) {
    if (!is_complaint(state, block, e) || (loose && has_order(state, block, e)))
      continue;
    ds_virtual one = loose ? (ds_virtual){.journey = j, .column = {DS_NONE, DS_NONE}}
                           : about(state, block, j, 0);
    one.time_ms = block->time_ms[e];
    one.touchpoint = state->context->complaint;
    one.rank = COMPLAINT_RANK;
    TRY(ds_virtuals_add(to, &one, err));
  }
  return DS_OK;
}

static ds_code state_order(void *memory, const ds_block *block, uint32_t j, ds_virtuals *to,
                           ds_error *err) {
  TRY(parcels_derive(memory, block, j, to, err));
  return complaints_derive(memory, block, j, false, to, err);
}

static ds_code state_loose(void *memory, const ds_block *block, uint32_t j, ds_virtuals *to,
                           ds_error *err) {
  return complaints_derive(memory, block, j, true, to, err);
}

static void state_done(void *memory) {
  derive_state *state = memory;
  ds_parcel_fold_free(state->fold);
  free(state->by_time);
  free(state);
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
  context->touchpoints = names;
  return DS_OK;
}

// Adds the properties that virtual events take from events of their parcels.
static ds_code carried_find(const ds_request *request, derive_context *context, ds_plan *reads,
                            ds_error *err) {
  ds_derivation *derivation = &context->derivation;
  const ds_names *properties = &request->snapshot->space.properties;
  const char *promise = NULL;
  ds_type type;
  for (uint32_t m = 0; m < V_PROMISE; m++)
    derivation->carried[m] = (ds_virtual_use){
        .property = (uint16_t)ds_names_find(properties, ds_str_of(made_properties[m].name)),
        .type = made_properties[m].type};
  TRY(promise_of(request->snapshot, &promise, &type, err));
  if (promise != NULL)
    derivation->carried[V_PROMISE] = (ds_virtual_use){
        .property = (uint16_t)ds_names_find(properties, ds_str_of(promise)), .type = type};
  for (uint32_t o = 0; o < OWN_NAMES; o++) {
    TRY(type_of(request->snapshot, own_names[o], &type, err));
    if (type == DS_TYPE_NULL)
      continue;
    ds_property_ref *own = &context->own[context->owns];
    TRY(ds_property_add(request->snapshot, reads, "derive", own_names[o], request->arena, own,
                        err));
    derivation->carried[V_OWN + context->owns++] =
        (ds_virtual_use){.property = own->code, .type = type};
  }
  derivation->carried_count = V_OWN + context->owns;
  return DS_OK;
}

// Adds the stars of reviews to the columns, where there are any.
static ds_code stars_find(const ds_request *request, derive_context *context, ds_plan *reads,
                          ds_error *err) {
  const ds_names *names = &request->snapshot->space.properties;
  const char *name = NULL;
  ds_property_ref ref;
  ds_property_kinds kinds = {.type = DS_TYPE_NULL};
  ds_schema schema;
  TRY(ds_question_schema(request, &schema, err));
  // Other events may have a property of the name.
  for (uint32_t i = 0; name == NULL && i < sizeof star_names / sizeof *star_names; i++) {
    const uint32_t property = ds_names_find(names, ds_str_of(star_names[i]));
    for (uint32_t c = 0; c < schema.carriers_count; c++)
      if (schema.carriers[c].property == property &&
          schema.carriers[c].touchpoint == context->review)
        name = star_names[i];
  }
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
  TRY(carried_find(request, context, &reads, err));
  TRY(ds_property_types_set(request->snapshot, &reads.columns, request->arena, err));
  context->columns = reads.columns;
  context->derivation.reads = reads.columns;
  context->derivation.context = context;
  context->derivation.init = state_init;
  context->derivation.begin = state_begin;
  context->derivation.order = state_order;
  context->derivation.loose = state_loose;
  context->derivation.done = state_done;
  plan->derive = &context->derivation;
  return DS_OK;
}
