// SPDX-License-Identifier: Apache-2.0
// `trend`: a count, a rate or a figure of numbers per day, week or month of the store's zone.
#include "question/trend.h"

#include <assert.h>
#include <stdio.h>

#include "question/common.h"
#include "question/list.h"
#include "scan/property_types.h"
#include "question/sql.h"

enum { PERIODS_MAX = 40000, CELLS_MAX = 1 << 20 };

const ds_option ds_trend_options[] = {
    {"per", DS_OPTION_CHOICE, "PERIOD", "week", "day|week|month", "how long a period is"},
    {"measure", DS_OPTION_CHOICE, "WHAT", "count", "count|cases|rate|sum|mean|median|p90",
     "events, cases with one, the share of cases with one as --of says, or a figure of numbers"},
    {"of", DS_OPTION_EXPRESSION, "WHAT", "", NULL,
     "rate: which event a case is to have; else a property, or duration (of a case)"},
    {"min-n", DS_OPTION_COUNT, "N", "20", NULL, "no rate, mean or quantile of fewer"},
    {"anomalies", DS_OPTION_FLAG, "", "", NULL,
     "what was to be expected of each period, and which ones stand out"},
};
const uint32_t ds_trend_options_count = sizeof ds_trend_options / sizeof *ds_trend_options;

static const char *const measures[] = {"count", "cases", "rate", "sum", "mean", "median", "p90"};
static const char *const periods[] = {"day", "week", "month"};
static const char *const meanings[] = {
    "Events in the period.", "Cases with an event in the period.",
    ("Of the cases that begin in the period, the share that has such an event (95 % Wilson "
     "interval)."),
    "The sum of the values in the period.", "The mean of the values in the period.",
    "The median of the values in the period, exact (type 7).",
    "The 90th percentile of the values in the period, exact (type 7).",
};

#define DEFINITION                                                                                \
  "%s Periods are those of %s; weeks begin on Monday. A period is complete when it lies between " \
  "the day of the first event, or --from, and the last event, or --to.%s"
#define METHOD                                                                                    \
  " Expected is what a straight line through the complete periods around it, itself left out, "   \
  "says by repeated medians (of days the 28 on each side, weeks 13, months 6), and the median "   \
  "effect of its day of the week, or of its month after three years. A period stands out when "   \
  "it lies more than 3.5 times as far from that as chance, or a period of this series usually, "  \
  "does (by the median absolute deviation)."

static bool is_given(const ds_request *request, const char *name) {
  for (uint32_t i = 0; i < request->options.count; i++)
    if (strcmp(request->options.values[i].name, name) == 0 &&
        request->options.values[i].text != NULL)
      return true;
  return false;
}

static uint32_t choice(const char *text, const char *const *names, uint32_t count) {
  uint32_t at = 0;
  while (at + 1 < count && strcmp(names[at], text) != 0)
    at++;
  return at;
}

static ds_code read_of(trend_context *context, ds_error *err) {
  const ds_request *request = context->request;
  const char *of = ds_option_get(&request->options, "of");
  const char *measure = measures[context->measure];
  if (context->measure < TREND_RATE)
    return of == NULL ? DS_OK
                      : ds_fail(err, DS_USAGE, "--measure %s counts and takes no --of: --where "
                                "says which events", measure);
  if (of == NULL)
    return ds_fail(err, DS_USAGE, "--measure %s needs --of: %s", measure,
                   context->measure == TREND_RATE ? "the event that a case is to have"
                                                  : "a property, or duration");
  if (request->snapshot->events == 0)
    return DS_OK;
  if (context->measure == TREND_RATE) {
    ds_schema schema;
    TRY(ds_question_schema(request, &schema, err));
    TRY(ds_expression_parse(ds_str_of(of), &schema, request->arena, &context->hit, err));
    return ds_question_check_keys(request, context->hit, "of", err);
  }
  context->duration = strcmp(of, "duration") == 0;
  return context->duration
             ? DS_OK
             : ds_property_add_number(request->snapshot, &context->plan, "of", of, request->arena,
                                      &context->property, err);
}

// The system's own facts are counted only when --where or --of names them.
static ds_code leave_facts(trend_context *context, ds_error *err) {
  const uint32_t count = context->request->snapshot->space.touchpoints.count;
  uint8_t *named = ds_arena_array(context->request->arena, count + 1u, sizeof *named);
  if (named == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the plan of a scan");
  if (context->plan.where != NULL)
    ds_expression_named(context->plan.where, named);
  if (context->hit != NULL)
    ds_expression_named(context->hit, named);
  if (context->property.touchpoint < count)
    named[context->property.touchpoint] = 1;
  return ds_plan_leave_facts(context->request, named, &context->plan, err);
}

ds_code ds_trend_read(const ds_request *request, trend_context *ret_context, ds_error *err) {
  trend_context context = {.request = request, .property = {.touchpoint = DS_NONE}};
  const ds_option_set *options = &request->options;
  context.measure = (trend_measure)choice(ds_option_get(options, "measure"), measures, 7);
  context.calendar.period = (ds_period)choice(ds_option_get(options, "per"), periods, 3);
  context.anomalies = ds_option_flag(options, "anomalies");
  TRY(ds_question_plan(request, &context.plan, err));
  TRY(read_of(&context, err));
  TRY(leave_facts(&context, err));
  // What is counted by event is chosen by event, unless --range says otherwise.
  if (!trend_by_start(&context) && !is_given(request, "range"))
    context.plan.range = DS_RANGE_EVENTS;
  context.plan.columns.want |= DS_WANT_TIME | DS_WANT_TOUCHPOINT;
  *ret_context = context;
  return DS_OK;
}

// Whether the period chooses what is measured, so that nothing outside it counts.
static bool is_clipped(const trend_context *context) {
  return context->plan.range == (trend_by_start(context) ? DS_RANGE_STARTED : DS_RANGE_EVENTS);
}

static ds_code make_calendar(trend_context *context, ds_error *err) {
  const ds_plan *plan = &context->plan;
  const ds_snapshot *snapshot = context->request->snapshot;
  int64_t first_ms = snapshot->time_min_ms, last_ms = snapshot->time_max_ms;
  if (snapshot->events == 0)
    return DS_OK;
  if (is_clipped(context) && plan->has_from && plan->from_ms > first_ms)
    first_ms = plan->from_ms;
  if (is_clipped(context) && plan->has_to && plan->to_ms <= last_ms)
    last_ms = plan->to_ms - 1;
  if (first_ms > last_ms)
    return DS_OK;
  TRY(ds_calendar_make(context->request, context->calendar.period, first_ms, last_ms, PERIODS_MAX,
                       context->request->arena, &context->calendar, err));
  const uint64_t cells = (uint64_t)context->calendar.count * (context->grouped ? context->by.groups
                                                                               : 1u);
  if (ds_calendar_find(&context->calendar, last_ms) == DS_NONE || cells > CELLS_MAX)
    return ds_fail(err, DS_LIMIT, "that makes too many periods: choose a longer one with --per, or "
                   "narrow --from, --to and --top");
  context->cells = (uint32_t)cells;
  return DS_OK;
}

// --by, then what --of reads: an expression wants the types of the columns before it.
static ds_code prepare(trend_context *context, ds_error *err) {
  const ds_request *request = context->request;
  const char *by = ds_option_get(&request->options, "by");
  TRY(ds_trend_read(request, context, err));
  if (by != NULL) {
    uint64_t top = 0;
    TRY(ds_option_count(&request->options, "top", 1, &top, err));
    context->grouped = true;
    TRY(ds_breakdown_make(request->snapshot, &context->plan, by,
                          top < 10000 ? (uint32_t)top : 10000, request->arena, &context->by, err));
    context->plan.columns.want |= DS_WANT_TIME | DS_WANT_TOUCHPOINT;
  }
  if (context->hit != NULL) {
    TRY(ds_property_types_set(request->snapshot, &context->plan.columns, request->arena, err));
    TRY(ds_expression_columns(context->hit, &context->plan.columns, request->arena, err));
  }
  return make_calendar(context, err);
}

static ds_code answer(trend_context *context, ds_arena *arena, ds_result *result,
                      ds_error *err) {
  const ds_request *request = context->request;
  const char *list = ds_option_get(&request->options, "list");
  uint64_t min_n = 0;
  TRY(prepare(context, err));
  TRY(ds_option_count(&request->options, "min-n", 1, &min_n, err));
  TRY(ds_question_note_types(request, &context->plan, result, err));
  ds_question_note_facts(request, &context->plan, result);
  for (uint32_t o = 0; o < result->options_count; o++)
    if (strcmp(result->options[o].name, "range") == 0 && context->plan.range == DS_RANGE_EVENTS)
      result->options[o].text = "events";
  ds_trend_listable(context, result);
  if (list != NULL)
    return ds_trend_list(context, list, result, err);
  trend_cell none = {0};
  const trend_cell *cells = &none;
  void *memory = NULL;
  double *quantile = NULL;
  ds_code code = DS_OK;
  if (context->cells > 0) {
    TRY(ds_scan(request->snapshot, &context->plan, &ds_trend_kernel, context, arena, &memory,
                err));
    cells = ((trend_state *)memory)->cells;
  }
  if (context->cells > 0 && context->measure >= TREND_MEDIAN) {
    quantile = ds_arena_array(arena, context->cells, sizeof *quantile);
    code = quantile == NULL ? ds_fail(err, DS_MEMORY, "out of memory for a trend")
                            : ds_trend_quantiles(context, cells, min_n, arena, quantile, err);
  }
  if (code == DS_OK)
    code = ds_trend_put(context, cells, quantile, min_n, result, err);
  if (memory != NULL)
    ds_trend_kernel.done(memory);
  return code;
}

ds_code ds_trend_answer(const ds_request *request, ds_result *result, ds_error *err) {
  trend_context context = {.request = request};
  char definition[sizeof DEFINITION + sizeof METHOD + 512];
  ds_arena arena;
  ds_arena_init(&arena, request->memory_bytes);
  const ds_code code = answer(&context, &arena, result, err);
  ds_breakdown_done(&context.by);
  ds_arena_done(&arena);
  snprintf(definition, sizeof definition, DEFINITION, meanings[context.measure],
           request->zone_name == NULL ? "UTC" : request->zone_name,
           context.anomalies ? METHOD : "");
  result->definition = ds_arena_text(result->arena, definition, strlen(definition));
  return code;
}
