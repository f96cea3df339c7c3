// SPDX-License-Identifier: Apache-2.0
// `trend`: a count, a rate or a figure of numbers per day, week or month of the store's zone.
#include "question/trend.h"

#include <assert.h>
#include <stdio.h>

#include "question/common.h"
#include "question/interval.h"
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
  "the day of the first event, or --from, and the last event, or --to."

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

// The rows' columns; names are stable, the value's type is that of the measure.
enum { COLUMN_GROUP, COLUMN_PERIOD, COLUMN_N, COLUMN_VALUE, COLUMN_LOW, COLUMN_HIGH,
       COLUMN_COMPLETE, COLUMNS };

static bool has_column(const trend_context *context, uint32_t column) {
  switch (column) {
  case COLUMN_GROUP:
    return context->grouped;
  case COLUMN_N:
    return context->measure > TREND_CASES;
  case COLUMN_LOW:
  case COLUMN_HIGH:
    return context->measure == TREND_RATE;
  default:
    return true;
  }
}

static ds_table *table_make(const trend_context *context, ds_result *result) {
  const bool by_start = trend_by_start(context);
  const ds_cell_type type = context->measure < TREND_RATE    ? DS_CELL_COUNT
                            : context->measure == TREND_RATE ? DS_CELL_SHARE
                            : context->duration              ? DS_CELL_DURATION
                                                             : DS_CELL_NUMBER;
  const char *name = context->duration ? "value_ms" : "value";
  const ds_column all[COLUMNS] = {
      [COLUMN_GROUP] = {context->by.name, DS_CELL_TEXT, "", "value of the breakdown", false},
      [COLUMN_PERIOD] = {"period", DS_CELL_TEXT, "", "first day of the period, or its month",
                         false},
      [COLUMN_N] = {"n", DS_CELL_COUNT, by_start ? "cases" : "values",
                    by_start ? "cases that begin in the period" : "values in the period", false},
      [COLUMN_VALUE] = {name, type, context->duration ? "ms" : "", "the figure asked for", false},
      [COLUMN_LOW] = {"value_low", DS_CELL_SHARE, "", "lower end of its 95 % interval", false},
      [COLUMN_HIGH] = {"value_high", DS_CELL_SHARE, "", "upper end of its 95 % interval", false},
      [COLUMN_COMPLETE] = {"complete", DS_CELL_TEXT, "", "whether the period is whole", false},
  };
  ds_column *columns = ds_arena_array(result->arena, COLUMNS, sizeof *columns);
  uint32_t count = 0;
  for (uint32_t c = 0; columns != NULL && c < COLUMNS; c++)
    if (has_column(context, c))
      columns[count++] = all[c];
  ds_table *table = columns == NULL ? NULL : ds_result_table(result, "periods", "Period by period",
                                                             columns, count);
  if (table != NULL)
    table->bar = name;
  return table;
}

static ds_cell value_cell(const trend_context *context, const trend_cell *one, double quantile,
                          uint64_t min_n) {
  switch (context->measure) {
  case TREND_COUNT:
  case TREND_CASES:
    return ds_cell_i64((int64_t)one->n);
  case TREND_RATE:
    return one->n < min_n ? ds_cell_null() : ds_cell_double((double)one->hits / (double)one->n);
  case TREND_SUM:
    return one->n == 0 ? ds_cell_null() : ds_cell_double(one->sum.high);
  case TREND_MEAN:
    return one->n < min_n ? ds_cell_null() : ds_cell_double(one->sum.high / (double)one->n);
  default:
    return one->n < min_n ? ds_cell_null() : ds_cell_double(quantile);
  }
}

static bool is_complete(const trend_context *context, const ds_result *result, uint32_t period) {
  const ds_plan *plan = &context->plan;
  const ds_calendar *calendar = &context->calendar;
  // The first day counts as whole: nobody knows when on it the data begin.
  const int64_t start_ms = calendar->start[period], end_ms = calendar->start[period + 1];
  const bool begun = ds_question_day(context->request, start_ms) >=
                     ds_question_day(context->request, context->request->snapshot->time_min_ms);
  return begun && (!plan->has_from || start_ms >= plan->from_ms) &&
         end_ms <= result->as_of_ms + 1 && (!plan->has_to || end_ms <= plan->to_ms);
}

static ds_code put_rows(const trend_context *context, const trend_cell *cells,
                        const double *quantile, uint64_t min_n, ds_result *result,
                        ds_error *err) {
  const uint32_t count = context->calendar.count;
  ds_table *table = table_make(context, result);
  uint32_t first = count, end = 0, open = 0;
  for (uint32_t c = 0; c < context->cells; c++) {
    if (cells[c].n == 0)
      continue;
    first = c % count < first ? c % count : first;
    end = c % count >= end ? c % count + 1 : end;
  }
  for (uint32_t g = 0; count > 0 && g < context->cells / count; g++) {
    for (uint32_t p = first; p < end; p++) {
      const trend_cell *one = &cells[g * count + p];
      // The last two groups are "other" and "(none)": shown where there is something.
      if (context->grouped && g + 2 >= context->by.groups && one->n == 0)
        continue;
      ds_cell *cell = table == NULL ? NULL : ds_table_row(result, table);
      if (cell == NULL)
        return ds_fail(err, DS_MEMORY, "out of memory for a trend: give more --memory");
      char name[32];
      const ds_str period = {name, (uint32_t)ds_calendar_name(&context->calendar, p, name)};
      const bool complete = is_complete(context, result, p);
      open += !complete && g == 0;
      if (context->grouped)
        *cell++ = ds_cell_text(result, ds_str_of(context->by.labels[g]));
      *cell++ = ds_cell_text(result, period);
      if (has_column(context, COLUMN_N))
        *cell++ = ds_cell_i64((int64_t)one->n);
      *cell++ = value_cell(context, one, quantile == NULL ? 0 : quantile[g * count + p], min_n);
      if (context->measure == TREND_RATE && one->n >= min_n) {
        double low, high;
        ds_rate_interval(one->hits, one->n, &low, &high);
        cell[0] = ds_cell_double(low);
        cell[1] = ds_cell_double(high);
      }
      cell += context->measure == TREND_RATE ? 2 : 0;
      *cell++ = ds_cell_text(result, ds_str_of(complete ? "yes" : "no"));
    }
  }
  if (open > 0)
    ds_result_note(result, false, "Not complete: %u period%s at the edge of the data or of --from "
                   "and --to; do not compare %s with the others.", open, open == 1 ? "" : "s",
                   open == 1 ? "it" : "them");
  return table == NULL ? ds_fail(err, DS_MEMORY, "out of memory for a trend") : DS_OK;
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
    code = put_rows(context, cells, quantile, min_n, result, err);
  if (memory != NULL)
    ds_trend_kernel.done(memory);
  return code;
}

ds_code ds_trend_answer(const ds_request *request, ds_result *result, ds_error *err) {
  trend_context context = {.request = request};
  char definition[sizeof DEFINITION + 512];
  ds_arena arena;
  ds_arena_init(&arena, request->memory_bytes);
  const ds_code code = answer(&context, &arena, result, err);
  ds_breakdown_done(&context.by);
  ds_arena_done(&arena);
  snprintf(definition, sizeof definition, DEFINITION, meanings[context.measure],
           request->zone_name == NULL ? "UTC" : request->zone_name);
  result->definition = ds_arena_text(result->arena, definition, strlen(definition));
  return code;
}
