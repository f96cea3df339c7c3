// SPDX-License-Identifier: Apache-2.0
// --list of `tracking`; see tracking.h.
#include "insight/tracking.h"

#include <assert.h>

#include "question/list.h"

static_assert((int)TRACKING_FIGURES == (int)DS_FIGURES_COLUMNS_MAX, "every figure can be listed");

// The figure to list.
typedef struct list_context {
  const tracking_context *asked;
  ds_parcel_state state;
  tracking_figure figure;
  uint32_t group; // of --by
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
  ds_parcel_fold *fold = *(ds_parcel_fold **)ds_list_scratch(list);
  TRY(ds_parcel_fold_journey(fold, j, &parcels, err));
  if (parcels.count == 0)
    return DS_OK;
  TRY(ds_tracking_by_begin(in->asked, fold, j, err));
  // One parcel stands for its order.
  const bool by_order = in->figure == TRACKING_ORDERS;
  const uint32_t first = by_order ? ds_tracking_order_parcel(&parcels) : 0;
  const uint32_t end = by_order ? first + 1 : parcels.count;
  for (uint32_t p = first; p < end; p++) {
    const ds_parcel *parcel = &parcels.parcel[p];
    if (parcel->state == in->state && (by_order || ds_tracking_counts(parcel, in->figure)) &&
        (!in->asked->grouped ||
         ds_tracking_by_group(in->asked, fold, block, p) == in->group))
      TRY(put(in, block, j, parcel, by_order, list, err));
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

void ds_tracking_listable(const tracking_context *context, ds_result *result) {
  ds_figures table = {"states", 1, {"state"}, {NULL}, NULL, NULL};
  memcpy(table.columns, ds_tracking_figures, sizeof table.columns);
  ds_list_offer(result, &table, 1, context->grouped ? &context->by : NULL);
}

ds_code ds_tracking_list(const tracking_context *context, const char *text, ds_result *result,
                      ds_error *err) {
  static const ds_column since = {"in_state_ms", DS_CELL_DURATION, "ms",
                                  "how long it has been in its state", false};
  ds_list_figure figure;
  list_context in = {.asked = context};
  TRY(ds_list_read(context->request, text, &context->by, result, &figure, err));
  TRY(state_named(figure.key[0], &in.state, err));
  in.figure = (tracking_figure)figure.column;
  in.group = figure.group;
  const ds_list_plan plan = {.duration = &since, .block = list_block, .journey = list_journey,
                             .context = &in, .scratch_bytes = sizeof(ds_parcel_fold *),
                             .scratch_done = scratch_done, .touchpoints = true, .named = true};
  return ds_list_run(context->request, &context->plan, &plan, result, err);
}
