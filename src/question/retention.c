// SPDX-License-Identifier: Apache-2.0
// `retention`: who comes back, in which period after the first start, cohort by cohort, and how
// long it takes.
#include "question/retention.h"

#include <assert.h>
#include <stdio.h>

#include "question/common.h"
#include "question/interval.h"
#include "question/spans.h"
#include "scan/property_types.h"

enum { PERIODS_MAX = 40000, CELLS_MAX = 1 << 22 };

const ds_option ds_retention_options[] = {
    {"start", DS_OPTION_EXPRESSION, "S", "order_placed", NULL,
     "the first such event ever puts somebody into a cohort"},
    {"again", DS_OPTION_EXPRESSION, "S", "", NULL,
     "what counts as coming back, after that event (default: as --start)"},
    {"per", DS_OPTION_CHOICE, "PERIOD", "month", "day|week|month", "how long a period is"},
    {"periods", DS_OPTION_COUNT, "N", "12", NULL, "the last period after the start to show"},
    {"mode", DS_OPTION_CHOICE, "HOW", "recurring", "recurring|unbounded",
     "back in that very period, or in that or any later one"},
    {"clock", DS_OPTION_CHOICE, "WHOSE", "calendar", "calendar|rolling",
     "periods of the store's zone, or of 1, 7 or 30 days from each one's own start"},
    {"brackets", DS_OPTION_TEXT, "N,N,…", "", NULL,
     "several periods in one: 1,3,6 shows 0, 1, 2-3 and 4-6 instead of --periods"},
    {"min-n", DS_OPTION_COUNT, "N", "20", NULL, "no share or curve of fewer"},
};
const uint32_t ds_cohorts_options_count =
    sizeof ds_retention_options / sizeof *ds_retention_options;

static bool option_is(const ds_option_set *set, const char *name, const char *value) {
  return strcmp(ds_option_get(set, name), value) == 0;
}

static bool is_given(const ds_option_set *set, const char *name) {
  for (uint32_t i = 0; i < set->count; i++)
    if (strcmp(set->values[i].name, name) == 0 && set->values[i].text != NULL)
      return true;
  return false;
}

static void slot_add(ds_cohorts *asked, uint32_t first, uint32_t last) {
  asked->slot_first[asked->slots] = first;
  asked->slot_last[asked->slots] = last;
  for (uint32_t p = first; p <= last; p++)
    asked->slot_of[p] = asked->slots;
  asked->slots++;
}

// "1,3,6": the last periods of brackets, ascending.
static ds_code read_brackets(ds_cohorts *asked, const char *text, ds_error *err) {
  uint64_t before = 0;
  slot_add(asked, 0, 0);
  for (const char *at = text; at != NULL;) {
    const char *comma = strchr(at, ',');
    const uint32_t size = (uint32_t)(comma == NULL ? strlen(at) : (size_t)(comma - at));
    uint64_t last = 0;
    if (!ds_str_to_u64((ds_str){at, size}, &last) || last <= before ||
        last > DS_COHORTS_PERIODS_MAX)
      return ds_fail(err, DS_USAGE, "--brackets %s: expected the last period of each bracket, "
                     "rising, up to %d, such as 1,3,6", text, DS_COHORTS_PERIODS_MAX);
    slot_add(asked, (uint32_t)before + 1, (uint32_t)last);
    before = last;
    at = comma == NULL ? NULL : comma + 1;
  }
  asked->bracketed = true;
  asked->periods = (uint32_t)before;
  return DS_OK;
}

static ds_code read_periods(ds_cohorts *asked, ds_error *err) {
  const ds_option_set *options = &asked->request->options;
  const char *brackets = ds_option_get(options, "brackets");
  if (brackets != NULL && is_given(options, "periods"))
    return ds_fail(err, DS_USAGE, "--brackets says which periods to show: leave --periods out");
  if (brackets != NULL)
    return read_brackets(asked, brackets, err);
  uint64_t periods = 0;
  TRY(ds_option_count(options, "periods", 1, &periods, err));
  if (periods > DS_COHORTS_PERIODS_MAX)
    return ds_fail(err, DS_USAGE, "--periods %llu: at most %d, or choose a longer --per",
                   (unsigned long long)periods, DS_COHORTS_PERIODS_MAX);
  asked->periods = (uint32_t)periods;
  for (uint32_t p = 0; p <= asked->periods; p++)
    slot_add(asked, p, p);
  return DS_OK;
}

static ds_code read_marks(ds_cohorts *asked, ds_error *err) {
  static const char *const names[] = {"start", "again"};
  const ds_request *request = asked->request;
  if (request->snapshot->events == 0)
    return DS_OK;
  ds_schema schema;
  TRY(ds_question_schema(request, &schema, err));
  for (uint32_t m = 0; m < 2; m++) {
    const char *text = ds_option_get(&request->options, names[m]);
    if (text == NULL)
      text = ds_option_get(&request->options, names[0]);
    TRY(ds_selector_parse(ds_str_of(text), &schema, request->arena, &asked->mark[m], err));
    TRY(ds_question_check_keys(request, asked->mark[m], names[m], err));
  }
  return DS_OK;
}

ds_code ds_cohorts_read(const ds_request *request, ds_cohorts *asked, ds_error *err) {
  static const int64_t days[] = {1, 7, 30};
  const ds_option_set *options = &request->options;
  if (!option_is(options, "range", "started"))
    return ds_fail(err, DS_USAGE, "retention takes no --range but started: the period chooses by "
                   "when --start happens");
  for (uint32_t p = 0; p <= DS_COHORTS_PERIODS_MAX; p++)
    asked->slot_of[p] = DS_NONE;
  asked->request = request;
  asked->calendar.period = option_is(options, "per", "day")    ? DS_PERIOD_DAY
                               : option_is(options, "per", "week") ? DS_PERIOD_WEEK
                                                                   : DS_PERIOD_MONTH;
  asked->unbounded = option_is(options, "mode", "unbounded");
  if (option_is(options, "clock", "rolling"))
    asked->rolling_ms = days[asked->calendar.period] * DS_DAY_MS;
  TRY(read_periods(asked, err));
  TRY(ds_question_plan(request, &asked->plan, err));
  // The period chooses starts, so that a cohort is whole whatever happened before or after.
  ds_plan *plan = &asked->plan;
  asked->has_from = plan->has_from;
  asked->has_to = plan->has_to;
  asked->from_ms = plan->from_ms;
  asked->to_ms = plan->to_ms;
  plan->has_from = plan->has_to = false;
  TRY(read_marks(asked, err));
  // The system's own facts count only when an expression names them.
  TRY(ds_plan_leave_unnamed(request, asked->mark, 2, &asked->plan, err));
  plan->columns.want |= DS_WANT_TIME | DS_WANT_TOUCHPOINT;
  return DS_OK;
}

size_t ds_cohorts_slot_name(const ds_cohorts *asked, uint32_t slot, char out[32]) {
  const uint32_t first = asked->slot_first[slot], last = asked->slot_last[slot];
  return (size_t)(first == last ? snprintf(out, 32, "%u", first)
                                : snprintf(out, 32, "%u-%u", first, last));
}

static ds_code make_calendar(ds_cohorts *asked, ds_error *err) {
  const ds_snapshot *snapshot = asked->request->snapshot;
  if (snapshot->events == 0)
    return DS_OK;
  const int64_t first_ms = snapshot->time_min_ms, last_ms = snapshot->time_max_ms;
  const int64_t end_ms = asked->as_of_ms > last_ms ? asked->as_of_ms : last_ms;
  TRY(ds_calendar_make(asked->request, asked->calendar.period, first_ms, end_ms, PERIODS_MAX,
                       asked->request->arena, &asked->calendar, err));
  const uint32_t last = ds_calendar_find(&asked->calendar, last_ms);
  const uint32_t groups = asked->grouped ? asked->by.groups : 1;
  asked->cohorts = last == DS_NONE ? 0 : last + 1;
  const uint64_t cells = (uint64_t)asked->cohorts * groups * (asked->slots + 1u);
  if (last == DS_NONE || cells > CELLS_MAX)
    return ds_fail(err, DS_LIMIT, "that makes too many cohorts and periods: choose a longer --per, "
                   "fewer --periods, or a smaller --top");
  const int64_t days = asked->as_of_ms - first_ms;
  asked->cells = (uint32_t)cells;
  asked->days = days / DS_DAY_MS < DS_COHORTS_DAYS_MAX ? (uint32_t)(days / DS_DAY_MS) + 1
                                                         : DS_COHORTS_DAYS_MAX;
  return DS_OK;
}

static ds_code prepare(ds_cohorts *asked, ds_error *err) {
  const ds_request *request = asked->request;
  const char *by = ds_option_get(&request->options, "by");
  TRY(ds_cohorts_read(request, asked, err));
  if (by != NULL) {
    uint64_t top = 0;
    TRY(ds_option_count(&request->options, "top", 1, &top, err));
    asked->grouped = true;
    TRY(ds_breakdown_make(request->snapshot, &asked->plan, by, top < 10000 ? (uint32_t)top : 10000,
                          request->arena, &asked->by, err));
    asked->plan.columns.want |= DS_WANT_TIME | DS_WANT_TOUCHPOINT;
  }
  for (uint32_t m = 0; m < 2 && asked->mark[m] != NULL; m++) {
    TRY(ds_property_types_set(request->snapshot, &asked->plan.columns, request->arena, err));
    TRY(ds_expression_columns(asked->mark[m], &asked->plan.columns, request->arena, err));
  }
  return make_calendar(asked, err);
}

void ds_cohorts_slot_state(const ds_cohorts *asked, uint32_t cohort, uint32_t slot,
                           bool *ret_begun, bool *ret_complete) {
  const ds_calendar *calendar = &asked->calendar;
  const uint32_t first = asked->slot_first[slot], last = asked->slot_last[slot];
  if (asked->rolling_ms > 0) {
    *ret_begun = calendar->start[cohort] + first * asked->rolling_ms <= asked->as_of_ms;
    *ret_complete =
        calendar->start[cohort + 1] + (last + 1) * asked->rolling_ms <= asked->as_of_ms + 1;
    return;
  }
  const uint64_t begin = (uint64_t)cohort + first, end = (uint64_t)cohort + last + 1;
  *ret_begun = begin < calendar->count && calendar->start[begin] <= asked->as_of_ms;
  *ret_complete = end <= calendar->count && calendar->start[end] <= asked->as_of_ms + 1;
}

// Adds up what later periods say of earlier ones.
static void spread(const ds_cohorts *asked, uint64_t *cell) {
  for (uint32_t row = 0; row < asked->cells; row += asked->slots + 1)
    for (uint32_t s = asked->slots - 1; s > 0; s--)
      cell[row + s - 1] += cell[row + s];
}

static void put_rate(ds_cell *rate, ds_cell *bounds, uint64_t hits, uint64_t n, uint64_t min_n) {
  if (n == 0 || n < min_n)
    return;
  double low, high;
  ds_rate_interval(hits, n, &low, &high);
  *rate = ds_cell_double((double)hits / (double)n);
  bounds[0] = ds_cell_double(low);
  bounds[1] = ds_cell_double(high);
}

ds_table *ds_cohorts_table(const ds_cohorts *asked, ds_result *result, const char *name,
                             const char *title, const ds_column *columns, uint32_t count) {
  ds_column *all = ds_arena_array(result->arena, count + 1u, sizeof *all);
  if (all == NULL)
    return NULL;
  all[0] = (ds_column){asked->by.name, DS_CELL_TEXT, "", "value of the breakdown", false};
  memcpy(all + 1, columns, count * sizeof *columns);
  for (uint32_t c = 1; c <= count; c++)
    if (asked->bracketed && strcmp(all[c].name, "period") == 0)
      all[c].type = DS_CELL_TEXT;
  const uint32_t without = asked->grouped ? 0 : 1;
  return ds_result_table(result, name, title, all + without, count + 1 - without);
}

ds_cell *ds_cohorts_row(const ds_cohorts *asked, uint32_t group, ds_result *result,
                          ds_table *table) {
  ds_cell *cell = ds_table_row(result, table);
  if (cell != NULL && asked->grouped)
    *cell++ = ds_cell_text(result, ds_str_of(asked->by.labels[group]));
  return cell;
}

static ds_cell slot_cell(const ds_cohorts *asked, uint32_t slot, ds_result *result) {
  char name[32];
  const size_t size = ds_cohorts_slot_name(asked, slot, name);
  return asked->bracketed ? ds_cell_text(result, (ds_str){name, (uint32_t)size})
                          : ds_cell_i64(asked->slot_first[slot]);
}

static ds_code put_cells(const ds_cohorts *asked, const uint64_t *cells, uint64_t min_n,
                         ds_result *result, ds_error *err) {
  static const char *const keys[] = {"cohort", "size", NULL};
  static const ds_pivot pivot = {
      "Cohort by cohort: the share that came back, so many periods after the start", keys,
      "period", "share", "complete", "yes"};
  static const ds_column columns[] = {
      {"cohort", DS_CELL_TEXT, "", "first day, or month, of the period of the first start", false},
      {"size", DS_CELL_COUNT, "cases", "cases that started in it", false},
      {"period", DS_CELL_COUNT, "periods", "periods after that of the start", false},
      {"active", DS_CELL_COUNT, "cases", "of them, those who came back then", false},
      {"share", DS_CELL_SHARE, "", "their share", false},
      {"complete", DS_CELL_TEXT, "", "whether the period is over for all of them", false},
      {"share_low", DS_CELL_SHARE, "", "lower end of its 95 % Wilson interval", true},
      {"share_high", DS_CELL_SHARE, "", "upper end of its 95 % Wilson interval", true},
  };
  ds_table *table = ds_cohorts_table(asked, result, "cells", "Cohort by cohort: who came back",
                                     columns, 8);
  if (table == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for retention");
  table->pivot = &pivot;
  const uint32_t width = asked->slots + 1, cohorts = asked->cohorts;
  for (uint32_t row = 0; row < asked->cells / width; row++) {
    const uint64_t *counts = cells + (size_t)row * width;
    for (uint32_t s = 0; s < asked->slots && counts[asked->slots] > 0; s++) {
      bool begun, complete;
      ds_cohorts_slot_state(asked, row % cohorts, s, &begun, &complete);
      if (!begun && counts[s] == 0)
        continue;
      ds_cell *cell = ds_cohorts_row(asked, row / cohorts, result, table);
      if (cell == NULL)
        return ds_fail(err, DS_MEMORY, "out of memory for retention: give more --memory");
      char name[32];
      const size_t size = ds_calendar_name(&asked->calendar, row % cohorts, name);
      cell[0] = ds_cell_text(result, (ds_str){name, (uint32_t)size});
      cell[1] = ds_cell_i64((int64_t)counts[asked->slots]);
      cell[2] = slot_cell(asked, s, result);
      cell[3] = ds_cell_i64((int64_t)counts[s]);
      put_rate(&cell[4], &cell[6], counts[s], counts[asked->slots], min_n);
      cell[5] = ds_cell_text(result, ds_str_of(complete ? "yes" : "no"));
    }
  }
  return DS_OK;
}

// Sums over the cohorts for which a slot is over.
typedef struct slot_mean {
  uint64_t cohorts, size, active;
  double shares;
} slot_mean;

static slot_mean mean_of(const ds_cohorts *asked, const uint64_t *cells, uint32_t slot) {
  slot_mean mean = {0};
  for (uint32_t c = 0; c < asked->cohorts; c++) {
    const uint64_t *counts = cells + (size_t)c * (asked->slots + 1u);
    bool begun, complete;
    ds_cohorts_slot_state(asked, c, slot, &begun, &complete);
    if (!complete || counts[asked->slots] == 0)
      continue;
    mean.cohorts++;
    mean.size += counts[asked->slots];
    mean.active += counts[slot];
    mean.shares += (double)counts[slot] / (double)counts[asked->slots];
  }
  return mean;
}

static ds_code put_curve(const ds_cohorts *asked, const uint64_t *cells, uint64_t min_n,
                         ds_result *result, ds_error *err) {
  static const ds_column columns[] = {
      {"period", DS_CELL_COUNT, "periods", "periods after that of the start", false},
      {"cohorts", DS_CELL_COUNT, "cohorts", "cohorts for which it is over", true},
      {"size", DS_CELL_COUNT, "cases", "cases of these cohorts", false},
      {"active", DS_CELL_COUNT, "cases", "of them, those who came back then", false},
      {"share", DS_CELL_SHARE, "", "their share", false},
      {"share_low", DS_CELL_SHARE, "", "lower end of its 95 % Wilson interval", false},
      {"share_high", DS_CELL_SHARE, "", "upper end of its 95 % Wilson interval", false},
      {"mean_share", DS_CELL_SHARE, "", "mean of the cohorts' shares, each counting alike", true},
  };
  ds_table *table = ds_cohorts_table(asked, result, "curve", "All cohorts: who came back",
                                     columns, 8);
  if (table == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for retention");
  table->bar = "share";
  const size_t of_group = (size_t)asked->cohorts * (asked->slots + 1u);
  for (uint32_t g = 0; asked->cells > 0 && g < asked->cells / of_group; g++) {
    for (uint32_t s = 0; s < asked->slots; s++) {
      const slot_mean mean = mean_of(asked, cells + g * of_group, s);
      // A period that is over for no cohort is not on the curve.
      if (mean.cohorts == 0)
        continue;
      ds_cell *cell = ds_cohorts_row(asked, g, result, table);
      if (cell == NULL)
        return ds_fail(err, DS_MEMORY, "out of memory for retention: give more --memory");
      cell[0] = slot_cell(asked, s, result);
      cell[1] = ds_cell_i64((int64_t)mean.cohorts);
      cell[2] = ds_cell_i64((int64_t)mean.size);
      cell[3] = ds_cell_i64((int64_t)mean.active);
      put_rate(&cell[4], &cell[5], mean.active, mean.size, min_n);
      if (mean.size >= min_n)
        cell[7] = ds_cell_double(mean.shares / (double)mean.cohorts);
    }
  }
  return DS_OK;
}

static void put_words(const ds_cohorts *asked, ds_result *result) {
  static const char *const names[] = {"days", "weeks from Monday", "months"};
  static const char *const lengths[] = {"24 hours", "7 days", "30 days"};
  const ds_request *request = asked->request;
  const uint32_t per = (uint32_t)asked->calendar.period;
  const char *start = ds_option_get(&request->options, "start");
  const char *again = ds_option_get(&request->options, "again");
  ds_buf text;
  ds_buf_init(&text, 1u << 18);
  ds_buf_printf(&text, "A cohort: the cases whose first %s ever lies in the same period (%s of "
                "%s). To come back: %s, later in the case than that event%s. ", start, names[per],
                request->zone_name == NULL ? "UTC" : request->zone_name,
                again == NULL ? start : again,
                asked->unbounded ? ", in the period or any later one" : "");
  if (asked->rolling_ms > 0)
    ds_buf_printf(&text, "Periods after it are of %s, counted from each case's own start. ",
                  lengths[per]);
  else
    ds_buf_text(&text, "Period 0 is that of the start itself. ");
  ds_buf_text(&text, "A period counts as complete, and in the curve, when it is over for the whole "
              "cohort. Shares have 95 % Wilson intervals. How long it takes to come back is "
              "estimated by Kaplan and Meier, by whole days: who has not come back yet counts as "
              "long as seen.");
  result->definition = ds_buf_keep(&text, result->arena);
  ds_buf_done(&text);
}

static ds_code answer(ds_cohorts *asked, ds_arena *arena, ds_result *result, ds_error *err) {
  const ds_request *request = asked->request;
  const char *list = ds_option_get(&request->options, "list");
  uint64_t min_n = 0;
  asked->as_of_ms = result->as_of_ms;
  TRY(prepare(asked, err));
  TRY(ds_option_count(&request->options, "min-n", 1, &min_n, err));
  TRY(ds_question_note_types(request, &asked->plan, result, err));
  ds_question_note_facts(request, &asked->plan, result);
  put_words(asked, result);
  ds_cohorts_listable(asked, result);
  if (list != NULL)
    return ds_cohorts_list(asked, list, result, err);
  ds_cohorts_state none = {.asked = asked}, *state = &none;
  void *memory = NULL;
  if (asked->cells > 0) {
    TRY(ds_spans_scan(request, &asked->plan, &ds_cohorts_kernel, asked, arena, result, &memory,
                      err));
    state = memory;
    if (asked->unbounded)
      spread(asked, state->cell);
  }
  result->main_table = "cells";
  ds_code code = put_cells(asked, state->cell, min_n, result, err);
  if (code == DS_OK)
    code = put_curve(asked, state->cell, min_n, result, err);
  if (code == DS_OK)
    code = ds_cohorts_put_returns(asked, state, min_n, result, err);
  if (code == DS_OK && asked->cells > 0 && result->tables[0].rows_count == 0)
    ds_result_note(result, true, "Nobody starts: look at --start, --where and the period (--from, "
                   "--to).");
  if (memory != NULL)
    ds_cohorts_kernel.done(memory);
  return code;
}

ds_code ds_retention_answer(const ds_request *request, ds_result *result, ds_error *err) {
  ds_cohorts *asked = ds_arena_alloc(request->arena, sizeof *asked);
  ds_arena arena;
  if (asked == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for retention");
  asked->request = request;
  ds_arena_init(&arena, request->memory_bytes);
  const ds_code code = answer(asked, &arena, result, err);
  ds_breakdown_done(&asked->by);
  ds_arena_done(&arena);
  return code;
}
