// SPDX-License-Identifier: Apache-2.0
// What a funnel tells besides its steps when asked: conversion per period of the first step
// (--per), and how the times to a step are spread (--times).
#include <stdio.h>

#include "question/common.h"
#include "question/funnel.h"
#include "question/interval.h"

enum { PERIODS_MAX = 4000, MINUTE_MS = 60000, HOUR_MS = 3600000 };

// Where each class of times begins, and its name; the last has no end.
static const struct {
  int64_t from_ms;
  const char *name;
} classes[FUNNEL_CLASSES] = {
    {0, "under 1 min"},
    {MINUTE_MS, "1 to 5 min"},
    {5 * MINUTE_MS, "5 to 15 min"},
    {15 * MINUTE_MS, "15 to 30 min"},
    {30 * MINUTE_MS, "30 to 60 min"},
    {HOUR_MS, "1 to 2 h"},
    {2 * HOUR_MS, "2 to 4 h"},
    {4 * HOUR_MS, "4 to 8 h"},
    {8 * HOUR_MS, "8 to 12 h"},
    {12 * HOUR_MS, "12 to 24 h"},
    {DS_DAY_MS, "1 to 2 d"},
    {2 * DS_DAY_MS, "2 to 3 d"},
    {3 * DS_DAY_MS, "3 to 4 d"},
    {4 * DS_DAY_MS, "4 to 5 d"},
    {5 * DS_DAY_MS, "5 to 6 d"},
    {6 * DS_DAY_MS, "6 to 7 d"},
    {7 * DS_DAY_MS, "7 to 10 d"},
    {10 * DS_DAY_MS, "10 to 14 d"},
    {14 * DS_DAY_MS, "14 to 21 d"},
    {21 * DS_DAY_MS, "21 to 30 d"},
    {30 * DS_DAY_MS, "30 to 60 d"},
    {60 * DS_DAY_MS, "60 to 90 d"},
    {90 * DS_DAY_MS, "90 to 180 d"},
    {180 * DS_DAY_MS, "180 to 365 d"},
    {365 * DS_DAY_MS, "365 d and more"},
};

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for a funnel: give more --memory");
}

// The periods in which chains may begin.
static ds_code calendar_make(const ds_request *request, funnel_context *context, ds_error *err) {
  static const char *const names[] = {"day", "week", "month"};
  const char *per = ds_option_get(&request->options, "per");
  const funnel_rules *rules = &context->rules;
  const ds_snapshot *snapshot = request->snapshot;
  int64_t first_ms = snapshot->time_min_ms, last_ms = snapshot->time_max_ms;
  uint32_t period = 0;
  context->has_periods = strcmp(per, "none") != 0;
  if (rules->has_from && rules->from_ms > first_ms)
    first_ms = rules->from_ms;
  if (rules->has_to && rules->to_ms <= last_ms)
    last_ms = rules->to_ms - 1;
  if (!context->has_periods || snapshot->events == 0 || first_ms > last_ms)
    return DS_OK;
  while (strcmp(per, names[period]) != 0)
    period++;
  TRY(ds_calendar_make(request, (ds_period)period, first_ms, last_ms, PERIODS_MAX, request->arena,
                       &context->calendar, err));
  if (ds_calendar_find(&context->calendar, last_ms) == DS_NONE)
    return ds_fail(err, DS_LIMIT, "that makes too many periods: choose a longer one with --per, or "
                   "narrow --from and --to");
  return DS_OK;
}

ds_code ds_funnel_detail_read(const ds_request *request, funnel_context *context, ds_error *err) {
  context->has_times = ds_option_flag(&request->options, "times");
  return calendar_make(request, context, err);
}

// How many counts of each kind a state has.
static size_t times_count(const funnel_context *context) {
  return context->has_times ? (size_t)context->groups * context->rules.steps * FUNNEL_CLASSES : 0;
}
static size_t periods_count(const funnel_context *context) {
  return (size_t)context->groups * context->rules.steps * context->calendar.count;
}

size_t ds_funnel_detail_bytes(const funnel_context *context) {
  return times_count(context) * sizeof(funnel_time) + periods_count(context) * sizeof(uint64_t);
}

ds_code ds_funnel_detail_init(funnel_state *state, ds_arena *arena, ds_error *err) {
  const size_t times = times_count(state->context), periods = periods_count(state->context);
  state->times = ds_arena_array(arena, times + 1, sizeof *state->times);
  state->periods = ds_arena_array(arena, periods + 1, sizeof *state->periods);
  return state->times != NULL && state->periods != NULL ? DS_OK : no_memory(err);
}

void ds_funnel_detail_merge(funnel_state *into, const funnel_state *from) {
  const size_t times = times_count(into->context), periods = periods_count(into->context);
  for (size_t t = 0; t < times; t++) {
    into->times[t].since_previous += from->times[t].since_previous;
    into->times[t].since_start += from->times[t].since_start;
  }
  for (size_t p = 0; p < periods; p++)
    into->periods[p] += from->periods[p];
}

uint32_t ds_funnel_class(int64_t ms) {
  uint32_t class = 0;
  while (class + 1 < FUNNEL_CLASSES && ms >= classes[class + 1].from_ms)
    class++;
  return class;
}

uint32_t ds_funnel_class_named(ds_str name) {
  for (uint32_t c = 0; c < FUNNEL_CLASSES; c++)
    if (ds_str_equal(name, ds_str_of(classes[c].name)))
      return c;
  return DS_NONE;
}

void ds_funnel_detail_add(funnel_state *state, uint32_t group, uint32_t step, int64_t first_ms,
                          int64_t before_ms, int64_t at_ms) {
  const funnel_context *context = state->context;
  const uint32_t steps = context->rules.steps;
  if (context->has_times && step > 0) {
    funnel_time *times = state->times + ((size_t)group * steps + step) * FUNNEL_CLASSES;
    times[ds_funnel_class(at_ms - before_ms)].since_previous++;
    times[ds_funnel_class(at_ms - first_ms)].since_start++;
  }
  const uint32_t period = ds_calendar_find(&context->calendar, first_ms);
  if (period != DS_NONE)
    state->periods[((size_t)group * context->calendar.count + period) * steps + step]++;
}

// The classes of a step between the first and the last of which it has any.
static ds_code put_classes(const funnel_tables *to, uint32_t group, uint32_t step,
                           ds_table *table, ds_error *err) {
  const size_t cell = (size_t)group * to->context->rules.steps + step;
  const funnel_time *times = to->state->times + cell * FUNNEL_CLASSES;
  const uint64_t reached = to->state->step[cell].reached;
  uint32_t first = FUNNEL_CLASSES, last = 0;
  uint64_t within = 0;
  for (uint32_t c = 0; c < FUNNEL_CLASSES; c++)
    if (times[c].since_previous > 0 || times[c].since_start > 0) {
      first = first == FUNNEL_CLASSES ? c : first;
      last = c;
    }
  for (uint32_t c = first; c <= last && first < FUNNEL_CLASSES; c++) {
    ds_cell *row = ds_funnel_row(to, group, table);
    if (row == NULL)
      return no_memory(err);
    ds_funnel_put_selector(to, step, row);
    row += 2;
    within += times[c].since_previous;
    row[0] = ds_cell_text(to->result, ds_str_of(classes[c].name));
    row[1] = ds_cell_double((double)classes[c].from_ms);
    if (c + 1 < FUNNEL_CLASSES)
      row[2] = ds_cell_double((double)classes[c + 1].from_ms);
    row[3] = ds_cell_i64((int64_t)times[c].since_previous);
    if (reached >= to->min_n)
      row[4] = ds_cell_double((double)within / (double)reached);
    row[5] = ds_cell_i64((int64_t)times[c].since_start);
  }
  return DS_OK;
}

static ds_code put_times(const funnel_tables *to, ds_error *err) {
  static const ds_column columns[] = {
      {"step", DS_CELL_NUMBER, "", "number of the step", false},
      {"selector", DS_CELL_TEXT, "", "the step as asked", false},
      {"time", DS_CELL_TEXT, "", "class of times, the lower end included", false},
      {"from_ms", DS_CELL_DURATION, "ms", "lower end of the class", true},
      {"to_ms", DS_CELL_DURATION, "ms", "upper end of the class", true},
      {"cases", DS_CELL_COUNT, "cases", "that needed so long since the step before", false},
      {"within_share", DS_CELL_SHARE, "", "of those that reached it, so many had by then", false},
      {"since_start", DS_CELL_COUNT, "cases", "that needed so long since the first step", false},
  };
  const uint32_t steps = to->context->rules.steps;
  ds_table *table = ds_funnel_table(to, "times", "How long a step takes", columns,
                                    sizeof columns / sizeof *columns);
  if (table == NULL)
    return no_memory(err);
  for (uint32_t c = 0; c < to->context->groups * steps; c++)
    TRY(put_classes(to, c / steps, c % steps, table, err));
  return DS_OK;
}

// Whether the period is whole, and all chains begun in it had their time.
static bool is_complete(const funnel_tables *to, uint32_t period) {
  const funnel_context *context = to->context;
  const funnel_rules *rules = &context->rules;
  const int64_t start_ms = context->calendar.start[period];
  const int64_t end_ms = context->calendar.start[period + 1];
  // The first day counts as whole: nobody knows when on it the data begin.
  const bool begun = ds_question_day(to->request, start_ms) >=
                     ds_question_day(to->request, to->request->snapshot->time_min_ms);
  return begun && (!rules->has_from || start_ms >= rules->from_ms) &&
         (!rules->has_to || end_ms <= rules->to_ms) &&
         end_ms <= context->as_of_ms - rules->within_ms + 1;
}

static ds_code put_period(const funnel_tables *to, uint32_t group, uint32_t period,
                          ds_table *table, ds_error *err) {
  const funnel_context *context = to->context;
  const uint32_t steps = context->rules.steps;
  const uint64_t *reached =
      to->state->periods + ((size_t)group * context->calendar.count + period) * steps;
  char name[32];
  const size_t size = ds_calendar_name(&context->calendar, period, name);
  for (uint32_t s = 0; s < steps; s++) {
    ds_cell *row = ds_funnel_row(to, group, table);
    double low = 0, high = 0;
    if (row == NULL)
      return no_memory(err);
    row[0] = ds_cell_text(to->result, (ds_str){name, (uint32_t)size});
    row[1] = ds_cell_i64((int64_t)reached[0]);
    row[2] = ds_cell_text(to->result, ds_str_of(is_complete(to, period) ? "yes" : "no"));
    ds_funnel_put_selector(to, s, row + 3);
    row[5] = ds_cell_i64((int64_t)reached[s]);
    if (reached[0] < to->min_n)
      continue;
    ds_rate_interval(reached[s], reached[0], &low, &high);
    row[6] = ds_cell_double((double)reached[s] / (double)reached[0]);
    row[7] = ds_cell_double(low);
    row[8] = ds_cell_double(high);
  }
  return DS_OK;
}

static ds_code put_periods(const funnel_tables *to, ds_error *err) {
  static const ds_column columns[] = {
      {"period", DS_CELL_TEXT, "", "in which the first step was", false},
      {"began", DS_CELL_COUNT, "cases", "chains that began in the period", false},
      {"complete", DS_CELL_TEXT, "", "no: the period is not whole, or its chains not over", false},
      {"step", DS_CELL_NUMBER, "", "number of the step", false},
      {"selector", DS_CELL_TEXT, "", "the step as asked", true},
      {"reached", DS_CELL_COUNT, "cases", "of these, that hold the step", false},
      {"conversion_start", DS_CELL_SHARE, "", "the same as a share", false},
      {"conversion_start_low", DS_CELL_SHARE, "", "lower end of its 95 % interval", true},
      {"conversion_start_high", DS_CELL_SHARE, "", "upper end of its 95 % interval", true},
  };
  static const char *const keys[] = {"period", "began", "complete", NULL};
  static const ds_pivot pivot = {.title = "Conversion to each step, by when the first one was",
                                 .keys = keys, .across = "step", .figure = "conversion_start"};
  ds_table *table = ds_funnel_table(to, "periods", "The funnel over time", columns,
                                    sizeof columns / sizeof *columns);
  if (table == NULL)
    return no_memory(err);
  table->pivot = &pivot;
  const uint32_t periods = to->context->calendar.count;
  // Groups of which nobody began are left out.
  for (uint32_t c = 0; c < to->context->groups * periods; c++)
    if (to->state->step[(size_t)(c / periods) * to->context->rules.steps].reached > 0)
      TRY(put_period(to, c / periods, c % periods, table, err));
  return DS_OK;
}

ds_code ds_funnel_detail_put(const funnel_tables *to, ds_error *err) {
  if (to->context->has_times)
    TRY(put_times(to, err));
  return to->context->has_periods ? put_periods(to, err) : DS_OK;
}
