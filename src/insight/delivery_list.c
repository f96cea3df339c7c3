// SPDX-License-Identifier: Apache-2.0
// The list of what a figure of `delivery` counted: parcels, or orders, by the same bits.
#include <math.h>

#include "insight/delivery.h"
#include "question/list.h"

// The tables, in order.
enum { TABLE_OVERALL, TABLE_GROUPS, TABLE_BASES, TABLE_STAGES, TABLE_PROMISES, TABLE_LATENESS,
       TABLE_LATE_DAY, TABLE_EXCEPTIONS, TABLES };
enum { EXCEPTIONS_PARCELS, EXCEPTIONS_LATE };
enum { LATENESS_ORDERS, LATENESS_SCORED, LATENESS_AGAIN, LATENESS_WATCHED };

static const ds_figures tables[TABLES] = {
    {"overall", 0, {NULL}, {"deliveries", "promised", "kept", "late", "open", "overdue"}, NULL,
     NULL},
    {"groups", 1, {"group"}, {"deliveries", "promised", "kept", "late", "open", "overdue"}, NULL,
     NULL},
    {"bases", 2, {"promise", "arrival"}, {"promised", "kept", "late"}, NULL, NULL},
    {"stages", 1, {"stage"}, {"n"}, NULL, NULL},
    {"promises", 1, {"group"}, {"deliveries", "open", "lost"}, NULL, NULL},
    {"lateness", 1, {"lateness"}, {"orders", "score_n", "again", "again_n"}, NULL, NULL},
    {"late_day", 1, {"outcome"}, {"n"}, NULL, NULL},
    {"exceptions", 2, {"exception", "reason"}, {"parcels", "late"}, NULL, NULL},
};

// What the columns of "overall", and of "promises", count.
static const delivery_count overall_counts[] = {DELIVERY_ARRIVED, DELIVERY_PROMISED,
                                                DELIVERY_KEPT,    DELIVERY_LATE,
                                                DELIVERY_OPEN,    DELIVERY_OVERDUE};
static const delivery_count promises_counts[] = {DELIVERY_CAME, DELIVERY_WAITING, DELIVERY_NEVER};

// Which figure, and what names its row.
typedef struct list_context {
  const delivery_asked *asked;
  uint32_t table;
  uint32_t column;
  delivery_count count;     // of parcels
  delivery_time time;       // shown beside it; DELIVERY_TIMES: none
  const char *group;        // NULL: all
  uint32_t status;          // of exceptions
  ds_str reason;
  uint32_t class;           // of lateness
  uint32_t line;            // of late_day
} list_context;

static bool is_about_orders(const list_context *in) {
  return in->table == TABLE_LATENESS || in->table == TABLE_LATE_DAY;
}

static ds_code list_block(const void *context, const ds_block *block, ds_list *list,
                          ds_error *err) {
  const list_context *in = context;
  delivery_state *state = ds_list_scratch(list);
  if (state->asked == NULL) {
    state->asked = in->asked;
    TRY(ds_delivery_groups_init(&state->groups, NULL, err));
    TRY(ds_parcel_fold_new(in->asked->rules, &state->fold, err));
  }
  TRY(ds_delivery_begin(state, block, err));
  if (!is_about_orders(in))
    return DS_OK;
  for (uint32_t j = 0; j < block->journeys; j++) {
    ds_parcels parcels;
    TRY(ds_delivery_fold(state, block, j, &parcels, err));
  }
  ds_delivery_follow(state, block);
  return DS_OK;
}

static bool order_counts(const list_context *in, const delivery_order *order) {
  if (!order->counted)
    return false;
  if (in->table == TABLE_LATE_DAY)
    return in->line == 0 ? !isnan(order->score) : order->watched;
  if (ds_delivery_class_of(order->days_late) != in->class)
    return false;
  return in->column == LATENESS_ORDERS   ? true
         : in->column == LATENESS_SCORED ? !isnan(order->score)
         : in->column == LATENESS_AGAIN  ? order->again
                                         : order->watched;
}

// The event that tells of the parcel: its arrival, else what happened last.
static uint32_t event_of(const ds_block *block, uint32_t j, const ds_parcel *parcel,
                         int64_t arrived_ms) {
  if (arrived_ms == DS_NEVER)
    return parcel->last_event != DS_NONE ? parcel->last_event : block->offset[j];
  uint32_t e = block->offset[j];
  while (block->time_ms[e] < arrived_ms)
    e++;
  // Of several at one instant the one that brought the state, if it is among them.
  return parcel->state_event != DS_NONE && block->time_ms[parcel->state_event] == arrived_ms
             ? parcel->state_event
             : e;
}

static ds_code list_orders(const list_context *in, const delivery_state *state,
                           const ds_block *block, uint32_t j, ds_list *list, ds_error *err) {
  const delivery_order *order = &state->order[j];
  if (!order_counts(in, order))
    return DS_OK;
  uint32_t e = block->offset[j];
  while (block->time_ms[e] < order->arrived_ms)
    e++;
  return ds_list_add(list, block, j, e, order->days_late * DS_DAY_MS, err);
}

static ds_code list_troubles(const list_context *in, const delivery_state *state,
                             const ds_block *block, uint32_t j, const ds_parcels *parcels,
                             ds_list *list, ds_error *err) {
  for (uint32_t x = 0; x < parcels->exceptions_count; x++) {
    const ds_parcel_exception *of = &parcels->exceptions[x];
    const bool late = (state->judged[of->parcel].counts >> DELIVERY_LATE & 1) != 0;
    if ((in->column == EXCEPTIONS_PARCELS || late) && of->status == in->status &&
        !ds_delivery_told_before(in->asked, block, parcels, x) &&
        ds_str_equal(in->reason, ds_delivery_reason(in->asked, block, of->event)))
      TRY(ds_list_add(list, block, j, of->event, 0, err));
  }
  return DS_OK;
}

// Whether journey j is in the group asked for.
static ds_code in_group(const list_context *in, delivery_state *state, const ds_block *block,
                        uint32_t j, int64_t placed_ms, bool *ret_in, ds_error *err) {
  uint32_t group;
  *ret_in = in->group == NULL;
  if (*ret_in)
    return DS_OK;
  TRY(ds_delivery_group(in->asked, &state->groups, block, j, placed_ms, 0, &group, err));
  ds_buf name;
  ds_buf_init(&name, 1u << 12);
  ds_delivery_group_name(in->asked, &state->groups, state->groups.key[group],
                         in->asked->dimensions, &name);
  const ds_code code = ds_buf_check(&name, "the name of a group", err);
  *ret_in = code == DS_OK && strcmp(ds_buf_cstr(&name), in->group) == 0;
  ds_buf_done(&name);
  return code;
}

static ds_code list_journey(const void *context, const ds_block *block, uint32_t j, ds_list *list,
                            ds_error *err) {
  const list_context *in = context;
  delivery_state *state = ds_list_scratch(list);
  ds_parcels parcels;
  bool inside;
  if (is_about_orders(in))
    return list_orders(in, state, block, j, list, err);
  TRY(ds_delivery_fold(state, block, j, &parcels, err));
  if (!state->order[j].chosen)
    return DS_OK;
  if (in->table == TABLE_EXCEPTIONS)
    return list_troubles(in, state, block, j, &parcels, list, err);
  TRY(in_group(in, state, block, j, parcels.placed_ms, &inside, err));
  for (uint32_t p = 0; inside && p < parcels.count; p++) {
    const delivery_parcel *judged = &state->judged[p];
    if ((judged->counts >> in->count & 1) == 0)
      continue;
    const int64_t time_ms = in->time == DELIVERY_TIMES ? 0 : judged->time_ms[in->time];
    TRY(ds_list_add(list, block, j, event_of(block, j, &parcels.parcel[p], judged->arrived_ms),
                    time_ms, err));
  }
  return DS_OK;
}

static void scratch_done(void *scratch) { ds_delivery_kernel.done(scratch); }

// Where a name stands in a row of them; DS_USAGE says which there are.
static ds_code find_name(const char *const *names, uint32_t count, const char *key, ds_str text,
                         uint32_t *ret_at, ds_error *err) {
  ds_buf all;
  ds_buf_init(&all, 4096);
  for (uint32_t n = 0; n < count; n++) {
    ds_buf_printf(&all, "%s%s", n == 0 ? "" : n + 1 == count ? " or " : ", ", names[n]);
    *ret_at = n;
    if (ds_str_equal(text, ds_str_of(names[n]))) {
      ds_buf_done(&all);
      return DS_OK;
    }
  }
  const ds_code code = ds_fail(err, DS_USAGE, "--list: %s=%.*s: choose %s", key, DS_STR(text),
                               ds_buf_cstr(&all));
  ds_buf_done(&all);
  return code;
}

// The values of a group, as they are joined in a name.
static ds_code read_group(list_context *in, ds_str text, ds_error *err) {
  const ds_str items = ds_list_items(text, in->asked->request->arena);
  const char *name = items.data == NULL ? NULL
                                        : ds_arena_text(in->asked->request->arena, items.data,
                                                        items.size);
  if (name == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a list");
  // Before any value is told apart there is one group, all.
  const bool all = strcmp(name, "all") == 0 &&
                   (in->table == TABLE_PROMISES || in->asked->dimensions == 0);
  in->group = all ? NULL : name;
  return DS_OK;
}

static ds_code read_exception(list_context *in, const ds_str *key, ds_error *err) {
  const char *names[64];
  for (uint32_t s = 0; s < ds_parcel_statuses_count; s++)
    names[s] = ds_parcel_statuses[s].touchpoint;
  in->reason = ds_str_equal(key[1], ds_str_of("(none)")) ? ds_str_of("") : key[1];
  return find_name(names, ds_parcel_statuses_count, "exception", key[0], &in->status, err);
}

static ds_code read_row(list_context *in, const ds_str *key, ds_error *err) {
  static const char *const promises[] = {"original", "current"};
  static const char *const arrivals[] = {"attempt", "delivered"};
  static const char *const stages[] = {"click_to_deliver", "processing", "pickup", "transit"};
  const char *const outcomes[] = {in->asked->has_score ? in->asked->score_name : "another order",
                                  "another order"};
  uint32_t against = 0, arrival = 0, stage = 0;
  switch (in->table) {
  case TABLE_OVERALL:
    in->count = overall_counts[in->column];
    return DS_OK;
  case TABLE_GROUPS:
    in->count = overall_counts[in->column];
    return read_group(in, key[0], err);
  case TABLE_PROMISES:
    in->count = promises_counts[in->column];
    return read_group(in, key[0], err);
  case TABLE_BASES:
    TRY(find_name(promises, 2, "promise", key[0], &against, err));
    TRY(find_name(arrivals, 2, "arrival", key[1], &arrival, err));
    in->count = (delivery_count)(DELIVERY_BASE_1 + 3 * (2 * against + arrival) + in->column);
    return DS_OK;
  case TABLE_STAGES:
    TRY(find_name(stages, 4, "stage", key[0], &stage, err));
    in->count = (delivery_count)(DELIVERY_STAGE_1 + stage);
    in->time = (delivery_time)(DELIVERY_CLICK + stage);
    return DS_OK;
  case TABLE_LATENESS:
    return find_name(ds_delivery_class_names, DELIVERY_CLASSES, "lateness", key[0], &in->class,
                     err);
  case TABLE_LATE_DAY:
    TRY(find_name(outcomes, 2, "outcome", key[0], &in->line, err));
    in->line = in->asked->has_score ? in->line : 1;
    return DS_OK;
  default:
    return read_exception(in, key, err);
  }
}

void ds_delivery_listable(const delivery_asked *asked, ds_result *result) {
  ds_list_offer(result, tables, TABLES, asked->grouped ? &asked->by : NULL);
}

ds_code ds_delivery_list(const delivery_asked *asked, const char *text, ds_result *result,
                         ds_error *err) {
  static const ds_column gap = {"gap_ms", DS_CELL_DURATION, "ms", "how long after the promise; "
                                "below zero: before it", false};
  static const ds_column took = {"took_ms", DS_CELL_DURATION, "ms", "how long it took", false};
  static const ds_column days = {"late_ms", DS_CELL_DURATION, "ms", "calendar days after the "
                                 "promised one; below zero: before it", false};
  ds_list_figure figure;
  list_context context = {.asked = asked, .time = DELIVERY_TIMES};
  TRY(ds_list_read(asked->request, text, &asked->by, result, &figure, err));
  context.table = figure.table;
  context.column = figure.column;
  TRY(read_row(&context, figure.key, err));
  const bool has_gap = figure.table <= TABLE_GROUPS && context.count >= DELIVERY_PROMISED &&
                       context.count <= DELIVERY_LATE;
  context.time = has_gap ? DELIVERY_GAP : context.time;
  const ds_list_plan plan = {.by = asked->grouped ? &asked->by : NULL, .group = figure.group,
                             .duration = has_gap                         ? &gap
                                         : figure.table == TABLE_STAGES  ? &took
                                         : is_about_orders(&context)     ? &days
                                                                         : NULL,
                             .block = list_block, .journey = list_journey, .context = &context,
                             .scratch_bytes = sizeof(delivery_state),
                             .scratch_done = scratch_done, .touchpoints = true};
  return ds_list_run(asked->request, &asked->plan, &plan, result, err);
}
