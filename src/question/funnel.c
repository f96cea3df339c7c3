// SPDX-License-Identifier: Apache-2.0
// `funnel`: how many cases go through steps, how fast, and what the others did instead.
#include "question/funnel.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "question/common.h"
#include "question/interval.h"
#include "question/spans.h"

enum { SAMPLE_EVENTS_MIN = 8 << 20 };

#define DEFINITION                                                                               \
  "A chain takes one event for each step, %s, at most %s from its first event to its last. %s%s" \
  "%s Conversion is of those that reached the first step (start) or the mandatory step before "  \
  "(previous), with 95 %% Wilson intervals, and not shown for fewer than %llu. Dropped are "     \
  "those that reached the mandatory step before and not this one; open are those of whom the "   \
  "window had not closed. Times run from the mandatory step before; medians and 90th "           \
  "percentiles are exact (linear between neighbours, type 7)."

static const ds_column step_columns[] = {
    {"step", DS_CELL_NUMBER, "", "number of the step", false},
    {"selector", DS_CELL_TEXT, "", "the step as asked", false},
    {"reached", DS_CELL_COUNT, "cases", "chains that hold the step", false},
    {"conversion_start", DS_CELL_SHARE, "", "share of those that reached the first step", false},
    {"conversion_start_low", DS_CELL_SHARE, "", "lower end of its 95 % interval", true},
    {"conversion_start_high", DS_CELL_SHARE, "", "upper end of its 95 % interval", true},
    {"conversion_previous", DS_CELL_SHARE, "", "share of those that reached the step before",
     false},
    {"conversion_previous_low", DS_CELL_SHARE, "", "lower end of its 95 % interval", true},
    {"conversion_previous_high", DS_CELL_SHARE, "", "upper end of its 95 % interval", true},
    {"dropped", DS_CELL_COUNT, "cases", "reached the step before and not this one", false},
    {"open", DS_CELL_COUNT, "cases", "the same, but the window is still open", false},
    {"mean_ms", DS_CELL_DURATION, "ms", "mean time since the step before", true},
    {"median_ms", DS_CELL_DURATION, "ms", "median time since the step before", false},
    {"p90_ms", DS_CELL_DURATION, "ms", "90th percentile of that time", true},
    {"value", DS_CELL_NUMBER, "", "sum of --value over the chains that hold the step", false},
    {"value_n", DS_CELL_COUNT, "values", "chains that carry it", true},
    {"reached_before", DS_CELL_COUNT, "cases", "reached in the period compared with", false},
    {"conversion_before", DS_CELL_SHARE, "", "conversion_start in the period compared with", false},
};

static const ds_column instead_columns[] = {
    {"step", DS_CELL_NUMBER, "", "the step that was not reached", false},
    {"selector", DS_CELL_TEXT, "", "the step as asked", true},
    {"touchpoint", DS_CELL_TEXT, "", "the next event after the chain", false},
    {"cases", DS_CELL_COUNT, "cases", "dropped chains that it followed", false},
    {"share", DS_CELL_SHARE, "", "of those that dropped before the step", false},
};

enum {
  STEP_DROPPED = 9,
  STEP_COLUMNS = 14,
  VALUE_COLUMNS = 2,
  INSTEAD_COLUMNS = 5,
  COLUMNS_MAX = 20
};

// The question at work.
typedef struct funnel_work {
  const ds_request *request;
  ds_plan plan;
  funnel_context context;
  ds_breakdown by;
  uint64_t min_n;
  const char *compared; // "previous", "year"; NULL: not compared
  ds_tally_cell *windows;
  ds_arena arena; // of scans; given back before the answer is shown
  funnel_state *state;
  uint64_t *before; // reached in the earlier period, groups * steps; NULL: not compared
  double *quantiles;
} funnel_work;

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for a funnel: give more --memory");
}

// What the states of all threads take must fit, before any of it is asked for.
static ds_code budget_check(const funnel_work *work, ds_error *err) {
  const funnel_context *context = &work->context;
  const uint64_t cells = (uint64_t)context->groups * context->rules.steps;
  const uint64_t each = sizeof(funnel_step) + 2 * sizeof(ds_tally_cell) +
                        (context->touchpoints + 1u) * sizeof(uint64_t);
  const uint64_t bytes = cells * each + ds_funnel_detail_bytes(context);
  if (bytes * (work->plan.threads + 1u) <= work->request->memory_bytes / 2 &&
      cells < 1u << DS_TALLY_SHIFT)
    return DS_OK;
  return ds_fail(err, DS_MEMORY, "the funnel outgrows the memory budget: give more --memory%s",
                 context->by == NULL ? "" : " or a smaller --top");
}

static ds_code prepare(funnel_work *work, ds_result *result, ds_error *err) {
  const ds_request *request = work->request;
  const ds_option_set *options = &request->options;
  funnel_context *context = &work->context;
  TRY(ds_funnel_read(request, &work->plan, context, err));
  TRY(ds_option_count(options, "min-n", 1, &work->min_n, err));
  context->as_of_ms = result->as_of_ms;
  const char *by = ds_option_get(options, "by");
  const char *compare = ds_option_get(options, "compare");
  work->compared = strcmp(compare, "none") == 0 ? NULL : compare;
  if (work->compared != NULL && (ds_option_get(options, "from") == NULL ||
                                 ds_option_get(options, "to") == NULL))
    return ds_fail(err, DS_USAGE, "--compare %s needs a period: give --from and --to", compare);
  if (by != NULL && request->snapshot->events > 0) {
    uint64_t top = 0;
    TRY(ds_option_count(options, "top", 1, &top, err));
    TRY(ds_breakdown_make(request->snapshot, &work->plan, by, top < 10000 ? (uint32_t)top : 10000,
                          request->arena, &work->by, err));
    context->by = &work->by;
    context->groups = work->by.groups;
  }
  TRY(ds_funnel_detail_read(request, context, err));
  TRY(ds_funnel_columns(request, &work->plan, context, err));
  TRY(ds_funnel_plain_prepare(request, &work->plan, context, err));
  return budget_check(work, err);
}

// Windows for the quantiles of a large store.
static ds_code sample(funnel_work *work, ds_error *err) {
  const ds_request *request = work->request;
  const uint64_t events = request->snapshot->events;
  if (events < SAMPLE_EVENTS_MIN)
    return DS_OK;
  void *memory = NULL;
  TRY(ds_scan_sample(request->snapshot, &work->plan, ds_sample_stride(events), &ds_funnel_kernel,
                     &work->context, &work->arena, &memory, err));
  const ds_code code = ds_tally_windows(&((funnel_state *)memory)->tally, &work->windows, err);
  ds_funnel_kernel.done(memory);
  work->context.windows = work->windows;
  return code;
}

// A further pass for what windows missed.
static ds_code pass(void *context, const ds_refine *refine, ds_refine_counts *ret_counts,
                    ds_error *err) {
  funnel_work *work = context;
  funnel_context asked = work->context;
  asked.refine = refine;
  ds_arena arena;
  ds_arena_init(&arena, work->request->memory_bytes);
  void *memory = NULL;
  const ds_code code = ds_scan(work->request->snapshot, &work->plan, &ds_funnel_kernel, &asked,
                               &arena, &memory, err);
  if (code == DS_OK) {
    funnel_state *state = memory;
    *ret_counts = state->tally.refined;
    state->tally.refined = (ds_refine_counts){0};
    ds_funnel_kernel.done(state);
  }
  ds_arena_done(&arena);
  return code;
}

// Counts the period that it is compared with.
static ds_code count_before(funnel_work *work, ds_error *err) {
  funnel_context asked = work->context;
  ds_plan plan = work->plan;
  funnel_rules *rules = &asked.rules;
  const bool started = rules->has_from;
  ds_calendar_earlier(work->request, strcmp(work->compared, "year") == 0,
                      started ? &rules->from_ms : &plan.from_ms,
                      started ? &rules->to_ms : &plan.to_ms);
  const size_t cells = (size_t)asked.groups * rules->steps;
  work->before = ds_arena_array(work->request->arena, cells, sizeof *work->before);
  if (work->before == NULL)
    return no_memory(err);
  void *memory = NULL;
  TRY(ds_scan(work->request->snapshot, &plan, &ds_funnel_kernel, &asked, &work->arena, &memory,
              err));
  funnel_state *state = memory;
  for (size_t c = 0; c < cells; c++)
    work->before[c] = state->step[c].reached;
  ds_funnel_kernel.done(state);
  return DS_OK;
}

static ds_code count(funnel_work *work, ds_result *result, ds_error *err) {
  const ds_request *request = work->request;
  work->context.kept_bytes_max = request->memory_bytes / 4 / (work->plan.threads + 1u);
  TRY(sample(work, err));
  void *memory = NULL;
  TRY(ds_spans_scan(request, &work->plan, &ds_funnel_kernel, &work->context, &work->arena, result,
                    &memory, err));
  work->state = memory;
  return DS_OK;
}

ds_table *ds_funnel_table(const funnel_tables *to, const char *name, const char *title,
                          const ds_column *columns, uint32_t count) {
  ds_column *shown = ds_arena_array(to->request->arena, count + 1u, sizeof *shown);
  uint32_t used = 0;
  if (shown == NULL)
    return NULL;
  if (to->context->by != NULL)
    shown[used++] = (ds_column){to->context->by->name, DS_CELL_TEXT, "", "value of --by", false};
  memcpy(shown + used, columns, count * sizeof *columns);
  return ds_result_table(to->result, name, title, shown, used + count);
}

ds_cell *ds_funnel_row(const funnel_tables *to, uint32_t group, ds_table *table) {
  ds_cell *cell = table == NULL ? NULL : ds_table_row(to->result, table);
  if (cell != NULL && to->context->by != NULL)
    *cell++ = ds_cell_text(to->result, ds_str_of(to->context->by->labels[group]));
  return cell;
}

void ds_funnel_put_selector(const funnel_tables *to, uint32_t step, ds_cell *cell) {
  const funnel_rules *rules = &to->context->rules;
  char text[256];
  if (rules->order == FUNNEL_ANY)
    snprintf(text, sizeof text, "any %u of %u", step + 1, rules->steps);
  else
    snprintf(text, sizeof text, "%.250s%s", to->context->text[step],
             (rules->optional >> step & 1) != 0 ? "?" : "");
  cell[0] = ds_cell_double(step + 1.0);
  cell[1] = ds_cell_text(to->result, ds_str_of(text));
}

static funnel_tables tables_of(const funnel_work *work, ds_result *result) {
  return (funnel_tables){work->request, &work->context, work->state, result, work->min_n};
}

// The columns of steps that were asked for.
static ds_table *steps_table(const funnel_work *work, ds_result *result) {
  const funnel_tables to = tables_of(work, result);
  ds_column shown[COLUMNS_MAX];
  uint32_t used = 0;
  for (uint32_t c = 0; c < sizeof step_columns / sizeof *step_columns; c++) {
    const bool value = c >= STEP_COLUMNS && c < STEP_COLUMNS + VALUE_COLUMNS;
    const bool before = c >= STEP_COLUMNS + VALUE_COLUMNS;
    if ((value && !work->context.has_value) || (before && work->compared == NULL))
      continue;
    shown[used] = step_columns[c];
    // A narrow terminal has room for the comparison that was asked for, or for these.
    shown[used++].secondary |= work->compared != NULL && c >= STEP_DROPPED && c < STEP_COLUMNS;
  }
  return ds_funnel_table(&to, "steps", "The funnel, step by step", shown, used);
}

static ds_cell *row_make(const funnel_work *work, ds_result *result, ds_table *table,
                         uint32_t group, uint32_t step) {
  const funnel_tables to = tables_of(work, result);
  ds_cell *cell = ds_funnel_row(&to, group, table);
  if (cell == NULL)
    return NULL;
  ds_funnel_put_selector(&to, step, cell);
  return cell + 2;
}

// A share and its interval; null of fewer than --min-n.
static ds_cell *put_rate(const funnel_work *work, uint64_t hits, uint64_t n, ds_cell *cell) {
  double low = 0, high = 0;
  if (n >= work->min_n) {
    ds_rate_interval(hits, n, &low, &high);
    cell[0] = ds_cell_double((double)hits / (double)n);
    cell[1] = ds_cell_double(low);
    cell[2] = ds_cell_double(high);
  }
  return cell + 3;
}

static ds_cell *put_value(const funnel_work *work, const funnel_step *step, ds_cell *cell) {
  if (!work->context.has_value)
    return cell;
  const ds_dd sum = ds_number_sum_value(&step->value);
  if (step->values > 0)
    *cell = ds_cell_double(sum.high + sum.low);
  cell[1] = ds_cell_i64((int64_t)step->values);
  return cell + VALUE_COLUMNS;
}

static void put_step(const funnel_work *work, uint32_t group, uint32_t s, ds_cell *cell) {
  const funnel_rules *rules = &work->context.rules;
  const uint32_t base = group * rules->steps;
  const funnel_step *step = &work->state->step[base + s], *first = &work->state->step[base];
  const double *quantile = work->quantiles + (size_t)(base + s) * DS_TALLY_QUANTILES;
  *cell++ = ds_cell_i64((int64_t)step->reached);
  cell = put_rate(work, step->reached, first->reached, cell);
  if (s > 0)
    put_rate(work, step->reached,
             work->state->step[base + ds_funnel_previous(rules, s)].reached, cell);
  cell += 3;
  // Nobody drops before the first step, or by leaving an optional one out.
  if (s > 0 && (rules->optional >> s & 1) == 0) {
    cell[0] = ds_cell_i64((int64_t)step->dropped);
    cell[1] = ds_cell_i64((int64_t)step->open);
  }
  cell += 2;
  if (s > 0 && step->reached > 0) {
    cell[0] = ds_cell_double(ds_sum128_mean(step->time_ms, step->reached));
    cell[1] = ds_cell_double(quantile[0]);
    cell[2] = ds_cell_double(quantile[1]);
  }
  cell = put_value(work, step, cell + 3);
  if (work->compared == NULL)
    return;
  *cell++ = ds_cell_i64((int64_t)work->before[base + s]);
  if (work->before[base] >= work->min_n)
    *cell = ds_cell_double((double)work->before[base + s] / (double)work->before[base]);
}

// Groups of which nobody began are left out.
static bool is_shown(const funnel_work *work, uint32_t group) {
  const size_t first = (size_t)group * work->context.rules.steps;
  return work->context.by == NULL || work->state->step[first].reached > 0 ||
         (work->before != NULL && work->before[first] > 0);
}

static ds_code put_steps(const funnel_work *work, ds_result *result, ds_error *err) {
  ds_table *table = steps_table(work, result);
  for (uint32_t g = 0; g < work->context.groups; g++)
    for (uint32_t s = 0; is_shown(work, g) && s < work->context.rules.steps; s++) {
      ds_cell *cell = row_make(work, result, table, g, s);
      if (cell == NULL)
        return no_memory(err);
      put_step(work, g, s, cell);
    }
  return DS_OK;
}

static ds_code put_next(const funnel_work *work, ds_result *result, ds_table *table,
                        uint32_t group, uint32_t step, ds_str name, uint64_t cases,
                        ds_error *err) {
  ds_cell *cell = row_make(work, result, table, group, step);
  if (cell == NULL)
    return no_memory(err);
  const uint32_t base = group * work->context.rules.steps;
  *cell++ = ds_cell_text(result, name);
  *cell++ = ds_cell_i64((int64_t)cases);
  *cell++ = ds_cell_double((double)cases / (double)work->state->step[base + step].dropped);
  return DS_OK;
}

static ds_code put_instead(const funnel_work *work, ds_result *result, ds_error *err) {
  const ds_names *names = &work->request->snapshot->space.touchpoints;
  const funnel_context *context = &work->context;
  const uint32_t steps = context->rules.steps;
  const funnel_tables to = tables_of(work, result);
  ds_table *table = ds_funnel_table(&to, "instead", "What those who dropped did next",
                                    instead_columns, INSTEAD_COLUMNS);
  for (uint32_t c = 0; c < context->groups * steps; c++) {
    funnel_instead instead;
    const uint32_t group = c / steps, step = c % steps;
    ds_funnel_instead(work->state, names, group, step, &instead);
    for (uint32_t i = 0; i < instead.shown; i++) {
      const uint32_t next = instead.next[i];
      TRY(put_next(work, result, table, group, step,
                   next == context->touchpoints ? ds_str_of("(nothing)") : names->text[next],
                   work->state->instead[(size_t)c * (context->touchpoints + 1u) + next], err));
    }
    if (instead.other > 0)
      TRY(put_next(work, result, table, group, step, ds_str_of("other"), instead.other, err));
  }
  return DS_OK;
}

static void put_words(const funnel_work *work, ds_result *result) {
  static const char *const orders[] = {
      "in this order, with whatever else between them",
      "in this order, with no other event of the case between them",
      "in any order; step k is then the k-th that was done"};
  const ds_option_set *options = &work->request->options;
  const funnel_rules *rules = &work->context.rules;
  const char *key = ds_option_get(options, "case"), *same = ds_option_get(options, "same");
  ds_buf text;
  ds_buf_init(&text, 8192);
  ds_buf_printf(&text, "A case is %s%s%s. ", key == NULL ? "a customer's whole timeline"
                                                         : "one value of ",
                key == NULL ? "" : key, key == NULL ? "" : " within one customer");
  ds_buf_printf(&text, DEFINITION, orders[rules->order], ds_option_get(options, "within"),
                rules->arrival ? "Events of one instant stay in the order of their arrival. "
                               : "Events of one instant count in the order that helps. ",
                rules->optional != 0 ? "Steps that end in ? may be left out. " : "",
                rules->all ? "Chains are counted one after the other: the next begins behind the "
                             "last event of a whole one, else behind the first of it."
                           : "Of each case the best chain counts: most steps, then the earliest "
                             "end, then the latest events before it.",
                (unsigned long long)work->min_n);
  if (same != NULL)
    ds_buf_printf(&text, " All events of a chain have one value of %s.", same);
  if (rules->withouts > 0)
    ds_buf_text(&text, " A chain with an event that --without names between its steps is none.");
  if (rules->has_from || rules->has_to)
    ds_buf_text(&text, " The period holds the first event of a chain; later ones may pass its "
                       "end.");
  if (work->context.by != NULL)
    ds_buf_printf(&text, " A case belongs to the first value of %s among its events that is not "
                  "null.", work->by.name);
  result->definition = ds_buf_keep(&text, result->arena);
  ds_buf_done(&text);
}

static void put_notes(const funnel_work *work, ds_result *result) {
  const funnel_context *context = &work->context;
  const funnel_state *state = work->state;
  uint64_t open = 0, began = 0;
  for (uint32_t c = 0; c < context->groups * context->rules.steps; c++) {
    open += state->step[c].open;
    began += c % context->rules.steps == 0 ? state->step[c].reached : 0;
  }
  char some[32];
  if (work->request->snapshot->events == 0)
    return;
  if (began == 0)
    ds_result_note(result, true, "No case has the first step: look at the steps, --case, --where "
                   "and the period (--from, --to).");
  else if (!context->rules.all)
    ds_result_note(result, false, "%s %s the funnel.", ds_human_count(some, began),
                   began == 1 ? "case begins" : "cases begin");
  if (open > 0)
    ds_result_note(result, false, "%s %s still open: the window has not closed, and what may come "
                   "further does not count as dropped.", ds_human_count(some, open),
                   open == 1 ? "chain is" : "chains are");
}

static ds_code list(funnel_work *work, const char *cell, ds_result *result, ds_error *err) {
  ds_list_figure figure;
  ds_result unseen;
  TRY(ds_list_read(work->request, cell, work->context.by, result, &figure, err));
  ds_result_init(&unseen, work->request->arena, result->question);
  // What the pass remarks is remarked again by the list's own.
  if (ds_funnel_list_counts(&figure))
    TRY(count(work, &unseen, err));
  return ds_funnel_list(work->request, &work->plan, &work->context, work->state, &figure, result,
                        err);
}

static ds_code answer(funnel_work *work, ds_result *result, ds_error *err) {
  const ds_request *request = work->request;
  TRY(prepare(work, result, err));
  TRY(ds_question_note_types(request, &work->plan, result, err));
  const char *cell = ds_option_get(&request->options, "list");
  ds_funnel_listable(&work->context, result);
  if (cell != NULL)
    return list(work, cell, result, err);
  TRY(count(work, result, err));
  if (work->compared != NULL)
    TRY(count_before(work, err));
  TRY(ds_tally_quantiles(&work->state->tally, request->memory_bytes / 4, work->plan.threads, pass,
                         work, request->arena, &work->quantiles, err));
  TRY(put_steps(work, result, err));
  TRY(put_instead(work, result, err));
  const funnel_tables to = tables_of(work, result);
  TRY(ds_funnel_detail_put(&to, err));
  put_notes(work, result);
  result->main_table = "steps";
  return DS_OK;
}

ds_code ds_funnel_answer(const ds_request *request, ds_result *result, ds_error *err) {
  funnel_work work = {.request = request};
  ds_arena_init(&work.arena, request->memory_bytes);
  const ds_code code = answer(&work, result, err);
  if (code == DS_OK)
    put_words(&work, result);
  if (work.state != NULL)
    ds_funnel_kernel.done(work.state);
  ds_breakdown_done(&work.by);
  free(work.windows);
  ds_arena_done(&work.arena);
  return code;
}
