// SPDX-License-Identifier: Apache-2.0
// --by of `tracking`: groups of parcels by a value of their own, which their latest events tell
// and, where they tell none, their order. A first scan counts the values. See tracking.h.
#include "insight/tracking.h"

#define LAST_STATUS "last_status"

typedef struct count_state {
  const tracking_context *context;
  ds_parcel_fold *fold;
  ds_value_counts counts;
} count_state;

static ds_code count_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)arena;
  count_state *state = memory;
  state->context = context;
  ds_value_counts_init(&state->counts);
  return ds_parcel_fold_new(state->context->rules, &state->fold, err);
}

static void count_done(void *memory) {
  count_state *state = memory;
  ds_value_counts_done(&state->counts);
  ds_parcel_fold_free(state->fold);
  state->fold = NULL;
}

// The value of a parcel as text, a view of the block, the names or room; false: it has none.
static bool value_of(const tracking_context *context, ds_parcel_fold *fold, const ds_block *block,
                     uint32_t parcel, char room[DS_PROPERTY_TEXT_MAX], ds_str *ret_text) {
  const uint32_t e = context->by_status ? ds_parcel_status_event(fold, parcel)
                                        : ds_parcel_value_event(fold, parcel, 0);
  if (e == DS_NONE)
    return false;
  if (!context->by_status)
    return ds_property_text(&block->property[context->by_property.column], e, room, ret_text);
  *ret_text = context->request->snapshot->space.touchpoints.text[block->touchpoint[e]];
  return true;
}

ds_code ds_tracking_by_begin(const tracking_context *context, ds_parcel_fold *fold,
                             uint32_t journey, ds_error *err) {
  if (!context->grouped)
    return DS_OK;
  TRY(ds_parcel_values_begin(fold, journey, &context->by_property, context->by_status ? 0 : 1,
                             err));
  return ds_parcel_values_until(fold, context->as_of_ms, err);
}

uint32_t ds_tracking_by_group(const tracking_context *context, ds_parcel_fold *fold,
                              const ds_block *block, uint32_t parcel) {
  char room[DS_PROPERTY_TEXT_MAX];
  ds_str text = {"", 0};
  if (!context->grouped)
    return 0;
  const bool has = value_of(context, fold, block, parcel, room, &text);
  return ds_breakdown_group(&context->by, !has, text);
}

static ds_code count_add(void *memory, const ds_block *block, ds_error *err) {
  count_state *state = memory;
  const tracking_context *context = state->context;
  TRY(ds_parcel_fold_begin(state->fold, block, err));
  for (uint32_t j = 0; j < block->journeys; j++) {
    ds_parcels parcels;
    TRY(ds_parcel_fold_journey(state->fold, j, &parcels, err));
    if (parcels.count == 0)
      continue;
    TRY(ds_tracking_by_begin(context, state->fold, j, err));
    for (uint32_t p = 0; p < parcels.count; p++) {
      char room[DS_PROPERTY_TEXT_MAX];
      ds_str text;
      if (value_of(context, state->fold, block, p, room, &text))
        TRY(ds_value_counts_add(&state->counts, context->by.name, text, 1, err));
      else
        state->counts.none++;
    }
  }
  return DS_OK;
}

static ds_code count_merge(void *memory, void *other, ds_error *err) {
  count_state *into = memory;
  return ds_value_counts_merge(&into->counts, into->context->by.name,
                               &((count_state *)other)->counts, err);
}

static const ds_kernel count_kernel = {"values",  sizeof(count_state), count_init,
                                       count_add, count_merge,         count_done};

ds_code ds_tracking_by_make(tracking_context *context, ds_arena *arena, ds_error *err) {
  const ds_request *request = context->request;
  const char *name = ds_option_get(&request->options, "by");
  uint64_t top = 0;
  void *memory = NULL;
  TRY(ds_option_count(&request->options, "top", 1, &top, err));
  context->by_status =
      strcmp(name, LAST_STATUS) == 0 &&
      ds_names_find(&request->snapshot->space.properties, ds_str_of(name)) == DS_NONE;
  if (!context->by_status)
    TRY(ds_property_add(request->snapshot, &context->plan, "by", name, request->arena,
                        &context->by_property, err));
  context->grouped = true;
  context->by.name = name;
  TRY(ds_scan(request->snapshot, &context->plan, &count_kernel, context, arena, &memory, err));
  const ds_code code = ds_breakdown_of(name, &((count_state *)memory)->counts,
                                       top < 10000 ? (uint32_t)top : 10000, arena, &context->by,
                                       err);
  count_done(memory);
  context->groups = context->by.groups;
  return code;
}
