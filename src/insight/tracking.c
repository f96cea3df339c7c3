// SPDX-License-Identifier: Apache-2.0
// `tracking`: where parcels and orders are now, since when, and which need somebody.
#include "insight/tracking.h"

#include <math.h>
#include <stdio.h>

#include "question/spans.h"

const ds_option ds_tracking_options[] = {
    {"id", DS_OPTION_ARGUMENT, "[ID]", "", NULL,
     "one order or parcel: an order_id, parcel_id or tracking_number"},
    {"promise", DS_OPTION_NAME, "PROPERTY", "", NULL,
     "the day or instant of delivery promised; else promise_until or another usual name"},
    {"by-day", DS_OPTION_FLAG, "", "", NULL, "a promised instant means its whole day"},
};
const uint32_t ds_tracking_options_count =
    sizeof ds_tracking_options / sizeof *ds_tracking_options;

const char *const ds_tracking_figures[TRACKING_FIGURES] = {"parcels", "orders", "stalled",
                                                        "at_risk", "missed", "lost"};

static const ds_column columns[] = {
    {NULL, DS_CELL_TEXT, "", "value of the breakdown", false},
    {"state", DS_CELL_TEXT, "", "the state now; states further down are further on", false},
    {"parcels", DS_CELL_COUNT, "parcels", "parcels in it", false},
    {"orders", DS_CELL_COUNT, "orders", "orders whose least far parcel is in it", false},
    {"stalled", DS_CELL_COUNT, "parcels", "of the parcels: no scan for too long, still", false},
    {"at_risk", DS_CELL_COUNT, "parcels", "under way, the promise not broken yet but in doubt",
     false},
    {"missed", DS_CELL_COUNT, "parcels", "no attempt to deliver within the promise", false},
    {"lost", DS_CELL_COUNT, "parcels", "so silent that they count as lost", false},
    {"median_ms", DS_CELL_DURATION, "ms", "time in the state, median", false},
    {"p90_ms", DS_CELL_DURATION, "ms", "time in the state, 90th percentile", true},
    {"longest_ms", DS_CELL_DURATION, "ms", "time in the state, longest", false},
};
enum { GROUP, STATE, FIGURES, MEDIAN = FIGURES + TRACKING_FIGURES, P90, LONGEST, COLUMNS };

static ds_code put_states(const tracking_context *context, const tracking_state *state,
                          const double *times, ds_result *result, ds_error *err) {
  ds_column *own = ds_arena_array(result->arena, COLUMNS, sizeof *own);
  if (own == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for tracking");
  memcpy(own, columns, sizeof columns);
  own[GROUP].name = context->grouped ? context->by.name : "";
  const uint32_t skip = context->grouped ? GROUP : STATE;
  ds_table *table = ds_result_table(result, "states", "Where parcels are", own + skip,
                                    COLUMNS - skip);
  for (uint32_t c = 0; c < context->groups * DS_PARCEL_STATES_COUNT; c++) {
    const tracking_cell *cell = &state->cell[c];
    if (cell->n[TRACKING_PARCELS] == 0 && cell->n[TRACKING_ORDERS] == 0)
      continue;
    ds_cell *row = table == NULL ? NULL : ds_table_row(result, table);
    if (row == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for tracking: give more --memory");
    row -= skip;
    if (context->grouped)
      row[GROUP] = ds_cell_text(result, ds_str_of(context->by.labels[c / DS_PARCEL_STATES_COUNT]));
    row[STATE] =
        ds_cell_text(result, ds_str_of(ds_parcel_states[c % DS_PARCEL_STATES_COUNT].name));
    for (uint32_t f = 0; f < TRACKING_FIGURES; f++)
      row[FIGURES + f] = ds_cell_i64((int64_t)cell->n[f]);
    const double *quantile = times + (size_t)c * DS_TALLY_QUANTILES;
    if (isnan(quantile[0]))
      continue;
    row[MEDIAN] = ds_cell_double(quantile[0]);
    row[P90] = ds_cell_double(quantile[1]);
    row[LONGEST] = ds_cell_double((double)cell->longest_ms);
  }
  return DS_OK;
}

static void put_words(const tracking_context *context, ds_result *result) {
  const ds_tracking_limits *limits = context->request->tracking;
  if (limits == NULL)
    limits = &ds_tracking_defaults;
  char text[1600], label[32], silent[32], lost[32], risk[32];
  snprintf(text, sizeof text,
           "A parcel's state is the furthest that any scan told until now: late, early and "
           "repeated scans never take it back, and of states equally far the latest holds. Only "
           "what was delivered can still come back. An order is where its least far parcel is. "
           "Stalled: no scan for %s, or for %s since the label. Lost: none for %s. Missed: no "
           "attempt to deliver before the original promise (%s) ended. At risk: the carrier named "
           "a later day, or %s before the end of the promise the parcel was not on the van.",
           ds_human_duration(silent, limits->silent_ms),
           ds_human_duration(label, limits->label_silent_ms),
           ds_human_duration(lost, limits->lost_ms),
           ds_parcel_rules_promise(context->rules) == NULL
               ? "none is told"
               : ds_parcel_rules_promise(context->rules),
           ds_human_duration(risk, limits->risk_ms));
  const size_t used = strlen(text);
  if (limits->calendar != NULL)
    snprintf(text + used, sizeof text - used, " Until a parcel is stalled, silence counts the "
             "hours of the calendar %s alone (%.200s).", limits->calendar->name,
             limits->calendar->hours);
  result->definition = ds_arena_text(result->arena, text, strlen(text));
}

static ds_code answer_states(tracking_context *context, ds_arena *arena, ds_result *result,
                             ds_error *err) {
  void *memory = NULL;
  double *times = NULL;
  TRY(ds_spans_scan(context->request, &context->plan, &ds_tracking_kernel, context, arena, result,
                    &memory, err));
  const tracking_state *state = memory;
  ds_code code = ds_tracking_quantiles(context, state, arena, &times, err);
  if (code == DS_OK)
    code = put_states(context, state, times, result, err);
  if (code == DS_OK && result->tables[0].rows_count == 0 && context->request->snapshot->events > 0)
    ds_result_note(result, true, "No event tells of an order or a parcel: docs/tracking.md says "
                   "which do.");
  if (state->unplaced > 0)
    ds_result_note(result, true, "%llu %s none of several parcels of the order, and move%s none.",
                   (unsigned long long)state->unplaced,
                   state->unplaced == 1 ? "scan names" : "scans name",
                   state->unplaced == 1 ? "s" : "");
  if (state->unread > 0)
    ds_result_note(result, true, "%llu promise%s a promise_window that is not read: hours are "
                   "written as 14:00-16:00.", (unsigned long long)state->unread,
                   state->unread == 1 ? " has" : "s have");
  ds_tracking_kernel.done(memory);
  return code;
}

static ds_code prepare(tracking_context *context, const ds_request *asked, ds_arena *arena,
                       ds_error *err) {
  ds_request *request = ds_arena_alloc(asked->arena, sizeof *request);
  if (request == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for tracking");
  if (ds_option_flag(&asked->options, "derive"))
    return ds_fail(err, DS_USAGE, "tracking tells what is derived in columns of its own: leave "
                   "--derive out");
  TRY(ds_parcel_request(asked, request, err));
  context->request = request;
  const ds_option_set *options = &request->options;
  TRY(ds_journey_plan(request, &context->plan, err));
  context->plan.columns.key_texts =
      ds_option_get(options, "list") != NULL || ds_option_get(options, "id") != NULL;
  TRY(ds_parcel_plan(request, &context->plan, ds_option_get(options, "promise"),
                     ds_option_flag(options, "by-day"), NULL, context->as_of_ms, &context->rules,
                     err));
  context->groups = 1;
  return ds_option_get(options, "by") != NULL && request->snapshot->events > 0
             ? ds_tracking_by_make(context, arena, err)
             : DS_OK;
}

static ds_code answer(tracking_context *context, const ds_request *asked, ds_arena *arena,
                      ds_result *result, ds_error *err) {
  TRY(prepare(context, asked, arena, err));
  const ds_request *request = context->request;
  if (ds_option_get(&asked->options, "case") == NULL && context->plan.has_case)
    ds_result_option(result, "case", "%s", ds_option_get(&request->options, "case"));
  const char *list = ds_option_get(&request->options, "list");
  const char *id = ds_option_get(&request->options, "id");
  TRY(ds_question_note_types(request, &context->plan, result, err));
  ds_question_note_facts(request, &context->plan, result);
  put_words(context, result);
  if (request->snapshot->events > 0 && !context->plan.has_case)
    ds_result_note(result, true, "No event carries order_id, parcel_id or tracking_number: each "
                   "customer counts as one order.");
  if (id != NULL && list != NULL)
    return ds_fail(err, DS_USAGE, "tracking of one identifier takes no --list");
  ds_tracking_listable(context, result);
  if (list != NULL)
    return ds_tracking_list(context, list, result, err);
  if (id != NULL)
    return ds_tracking_one(context, id, result, err);
  const uint32_t threads = context->plan.threads == 0 ? 1 : context->plan.threads;
  context->kept_bytes = request->memory_bytes / 4 / threads;
  return answer_states(context, arena, result, err);
}

ds_code ds_tracking_answer(const ds_request *request, ds_result *result, ds_error *err) {
  tracking_context *context = ds_arena_alloc(request->arena, sizeof *context);
  ds_arena arena;
  if (context == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for tracking");
  context->as_of_ms = result->as_of_ms;
  ds_arena_init(&arena, request->memory_bytes);
  const ds_code code = answer(context, request, &arena, result, err);
  ds_breakdown_done(&context->by);
  ds_arena_done(&arena);
  return code;
}
