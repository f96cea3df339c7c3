// SPDX-License-Identifier: Apache-2.0
// --list of `tracking`; see tracking.h.
#include "insight/tracking.h"

#include <assert.h>

#include "question/list.h"

static_assert((int)TRACKING_FIGURES == (int)DS_LIST_COLUMNS_MAX, "every figure can be listed");

// The figure to list.
typedef struct list_context {
  const tracking_context *asked;
  ds_parcel_state state;
  tracking_figure figure;
} list_context;

static ds_code list_block(const void *context, const ds_block *block, ds_list *list,
                          ds_error *err) {
  ds_parcel_fold **fold = ds_list_scratch(list);
  if (*fold == NULL)
    TRY(ds_parcel_fold_new(((const list_context *)context)->asked->rules, fold, err));
  return ds_parcel_fold_begin(*fold, block, err);
}

// Where a parcel stands in the list: at what brought its state, else at its order's first event.
static ds_code put(const list_context *in, const ds_block *block, uint32_t j,
                   const ds_parcel *parcel, bool as_order, ds_list *list, ds_error *err) {
  const bool is_known = parcel->state_event != DS_NONE;
  const uint32_t event = is_known ? parcel->state_event : block->offset[j];
  const int64_t ms = is_known ? in->asked->as_of_ms - parcel->state_ms : 0;
  if (!as_order && parcel->key.size > 0)
    return ds_list_add_named(list, block, j, event, parcel->key, ms, err);
  return ds_list_add(list, block, j, event, ms, err);
}

static ds_code list_journey(const void *context, const ds_block *block, uint32_t j, ds_list *list,
                            ds_error *err) {
  const list_context *in = context;
  ds_parcels parcels;
  TRY(ds_parcel_fold_journey(*(ds_parcel_fold **)ds_list_scratch(list), j, &parcels, err));
  const bool by_order = in->figure == TRACKING_ORDERS;
  if (parcels.count == 0 || (by_order && ds_tracking_order_state(&parcels) != in->state))
    return DS_OK;
  for (uint32_t p = 0; p < parcels.count; p++) {
    const ds_parcel *parcel = &parcels.parcel[p];
    if (parcel->state != in->state || (!by_order && !ds_tracking_counts(parcel, in->figure)))
      continue;
    TRY(put(in, block, j, parcel, by_order, list, err));
    if (by_order) // the first of its parcels stands for it
      break;
  }
  return DS_OK;
}

static void scratch_done(void *scratch) { ds_parcel_fold_free(*(ds_parcel_fold **)scratch); }

static ds_code state_named(ds_str name, ds_parcel_state *ret_state, ds_error *err) {
  for (uint32_t s = 0; s < DS_PARCEL_STATES_COUNT; s++)
    if (ds_str_equal(name, ds_str_of(ds_parcel_states[s].name))) {
      *ret_state = (ds_parcel_state)s;
      return DS_OK;
    }
  return ds_fail(err, DS_USAGE, "--list: no state is called %.*s", DS_STR(name));
}

ds_code ds_tracking_list(const tracking_context *context, const char *text, ds_result *result,
                      ds_error *err) {
  static const ds_column since = {"in_state_ms", DS_CELL_DURATION, "ms",
                                  "how long it has been in its state", false};
  ds_list_table table = {"states", 1, {"state"}, {NULL}};
  ds_list_figure figure;
  list_context in = {.asked = context};
  uint32_t group = 0;
  memcpy(table.columns, ds_tracking_figures, sizeof table.columns);
  if (context->grouped) {
    table.needed = 2;
    table.keys[0] = context->by.name;
    table.keys[1] = "state";
  }
  TRY(ds_list_read(text, &table, 1, &figure, err));
  if (context->grouped)
    TRY(ds_list_group(&context->by, figure.key[0], &group, err));
  TRY(state_named(figure.key[context->grouped], &in.state, err));
  in.figure = (tracking_figure)figure.column;
  const ds_list_plan plan = {.by = context->grouped ? &context->by : NULL, .group = group,
                             .duration = &since, .block = list_block, .journey = list_journey,
                             .context = &in, .scratch_bytes = sizeof(ds_parcel_fold *),
                             .scratch_done = scratch_done, .touchpoints = true, .named = true};
  return ds_list_run(context->request, &context->plan, &plan, result, err);
}
