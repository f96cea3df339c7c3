// SPDX-License-Identifier: Apache-2.0
// The table of `trend`: a row per group and period, with what was to be expected and dated notes.
#include "question/common.h"
#include "question/interval.h"
#include "question/trend.h"

// Expectations take time that grows with the periods: past so many rows they are refused.
enum { EXPECTED_ROWS_MAX = 20000 };

// The rows' columns; names are stable, the value's type is that of the measure.
enum { COLUMN_GROUP, COLUMN_PERIOD, COLUMN_N, COLUMN_VALUE, COLUMN_LOW, COLUMN_HIGH,
       COLUMN_COMPLETE, COLUMN_EXPECTED, COLUMN_EXPECTED_LOW, COLUMN_EXPECTED_HIGH, COLUMN_ANOMALY,
       COLUMN_NOTE, COLUMNS };

// The table at work. Periods [first, end) are shown.
typedef struct trend_table {
  const trend_context *context;
  const trend_cell *cells;
  const double *quantile;
  uint64_t min_n;
  ds_result *result;
  ds_table *table;
  uint32_t first, end;
  bool *complete;           // by period shown
  ds_expectation *expected; // of the group at hand, by period shown; NULL: not asked for
  bool noted;
  uint32_t anomalies, known, open;
} trend_table;

static bool has_column(const trend_table *at, uint32_t column) {
  const trend_context *context = at->context;
  switch (column) {
  case COLUMN_GROUP:
    return context->grouped;
  case COLUMN_N:
    return context->measure > TREND_CASES;
  case COLUMN_LOW:
  case COLUMN_HIGH:
    return context->measure == TREND_RATE;
  case COLUMN_EXPECTED:
  case COLUMN_EXPECTED_LOW:
  case COLUMN_EXPECTED_HIGH:
  case COLUMN_ANOMALY:
    return context->anomalies;
  case COLUMN_NOTE:
    return at->noted;
  default:
    return true;
  }
}

static ds_code table_make(trend_table *at, ds_error *err) {
  const trend_context *context = at->context;
  const bool by_start = trend_by_start(context), ms = context->duration;
  const ds_cell_type figure = context->measure == TREND_RATE ? DS_CELL_SHARE
                              : ms                           ? DS_CELL_DURATION
                                                             : DS_CELL_NUMBER;
  const ds_cell_type type = context->measure < TREND_RATE ? DS_CELL_COUNT : figure;
  const char *name = ms ? "value_ms" : "value", *unit = ms ? "ms" : "";
  const ds_column all[COLUMNS] = {
      [COLUMN_GROUP] = {context->by.name, DS_CELL_TEXT, "", "value of the breakdown", false},
      [COLUMN_PERIOD] = {"period", DS_CELL_TEXT, "", "first day of the period, or its month",
                         false},
      [COLUMN_N] = {"n", DS_CELL_COUNT, by_start ? "cases" : "values",
                    by_start ? "cases that begin in the period" : "values in the period", false},
      [COLUMN_VALUE] = {name, type, unit, "the figure asked for", false},
      [COLUMN_LOW] = {"value_low", DS_CELL_SHARE, "", "lower end of its 95 % interval",
                      context->anomalies},
      [COLUMN_HIGH] = {"value_high", DS_CELL_SHARE, "", "upper end of its 95 % interval",
                       context->anomalies},
      [COLUMN_COMPLETE] = {"complete", DS_CELL_TEXT, "", "whether the period is whole", false},
      [COLUMN_EXPECTED] = {ms ? "expected_ms" : "expected", figure, unit,
                           "what was to be expected", false},
      [COLUMN_EXPECTED_LOW] = {ms ? "expected_low_ms" : "expected_low", figure, unit,
                               "what is below stands out", true},
      [COLUMN_EXPECTED_HIGH] = {ms ? "expected_high_ms" : "expected_high", figure, unit,
                                "what is above stands out", true},
      [COLUMN_ANOMALY] = {"anomaly", DS_CELL_TEXT, "", "high or low, when the period stands out",
                          false},
      [COLUMN_NOTE] = {"note", DS_CELL_TEXT, "", "what doorstep.yaml notes of its days", false},
  };
  ds_column *columns = ds_arena_array(at->result->arena, COLUMNS, sizeof *columns);
  uint32_t count = 0;
  for (uint32_t c = 0; columns != NULL && c < COLUMNS; c++)
    if (has_column(at, c))
      columns[count++] = all[c];
  at->table = columns == NULL ? NULL : ds_result_table(at->result, "periods", "Period by period",
                                                       columns, count);
  if (at->table == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a trend: give more --memory");
  at->table->bar = name;
  if (at->noted)
    at->table->beneath = "note";
  return DS_OK;
}

static ds_cell value_cell(const trend_table *at, uint32_t c) {
  const trend_cell *one = &at->cells[c];
  switch (at->context->measure) {
  case TREND_COUNT:
  case TREND_CASES:
    return ds_cell_i64((int64_t)one->n);
  case TREND_RATE:
    return one->n < at->min_n ? ds_cell_null()
                              : ds_cell_double((double)one->hits / (double)one->n);
  case TREND_SUM:
    return one->n == 0 ? ds_cell_null() : ds_cell_double(one->sum.high);
  case TREND_MEAN:
    return one->n < at->min_n ? ds_cell_null() : ds_cell_double(one->sum.high / (double)one->n);
  default:
    return one->n < at->min_n ? ds_cell_null() : ds_cell_double(at->quantile[c]);
  }
}

static bool is_complete(const trend_table *at, uint32_t period) {
  const trend_context *context = at->context;
  const ds_plan *plan = &context->plan;
  const ds_calendar *calendar = &context->calendar;
  // The first day counts as whole: nobody knows when on it the data begin.
  const int64_t start_ms = calendar->start[period], end_ms = calendar->start[period + 1];
  const bool begun = ds_question_day(context->request, start_ms) >=
                     ds_question_day(context->request, context->request->snapshot->time_min_ms);
  return begun && (!plan->has_from || start_ms >= plan->from_ms) &&
         end_ms <= at->result->as_of_ms + 1 && (!plan->has_to || end_ms <= plan->to_ms);
}

// The season of a period: its day of the week, or the month of the year.
static uint8_t season_of(const ds_calendar *calendar, uint32_t period) {
  if (calendar->period == DS_PERIOD_DAY)
    return (uint8_t)(((calendar->first_day + period) % 7 + 7) % 7);
  int64_t year;
  unsigned month, of_month;
  ds_civil_from_days(calendar->first_day, &year, &month, &of_month);
  return (uint8_t)((month - 1 + period) % 12);
}

// What was to be expected of the group's periods.
static ds_code expect(trend_table *at, uint32_t group, ds_error *err) {
  static const uint32_t reach[] = {28, 13, 6}, seasons[] = {7, 0, 12};
  const trend_context *context = at->context;
  const uint32_t count = at->end - at->first;
  ds_arena *arena = context->request->arena;
  double *value = ds_arena_array(arena, count + 1u, sizeof *value);
  double *n = ds_arena_array(arena, count + 1u, sizeof *n);
  bool *known = ds_arena_array(arena, count + 1u, sizeof *known);
  uint8_t *season = ds_arena_array(arena, count + 1u, sizeof *season);
  if (value == NULL || n == NULL || known == NULL || season == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for --anomalies: give more --memory");
  for (uint32_t p = 0; p < count; p++) {
    const uint32_t c = group * context->calendar.count + at->first + p;
    const ds_cell cell = value_cell(at, c);
    known[p] = at->complete[p] && !cell.null;
    if (known[p])
      value[p] = context->measure < TREND_RATE ? (double)cell.i : cell.number;
    n[p] = (double)at->cells[c].n;
    season[p] = season_of(&context->calendar, at->first + p);
  }
  const ds_series series = {.kind = trend_kind(context), .count = count, .value = value,
                            .known = known, .n = n, .season = season,
                            .seasons = seasons[context->calendar.period],
                            .reach = reach[context->calendar.period]};
  return ds_anomalies_find(&series, arena, at->expected, err);
}

// The notes of the days of a period, joined.
static ds_cell note_cell(trend_table *at, uint32_t period) {
  const ds_request *request = at->context->request;
  ds_buf text;
  ds_buf_init(&text, 1u << 20);
  for (uint32_t a = 0; a < request->annotations_count; a++)
    if (ds_calendar_find_day(&at->context->calendar, request, request->annotations[a].day) ==
        period)
      ds_buf_printf(&text, "%s%s", text.size == 0 ? "" : "; ", request->annotations[a].text);
  const ds_cell cell = text.size == 0 ? ds_cell_null()
                                      : ds_cell_text(at->result, ds_str_of(ds_buf_cstr(&text)));
  ds_buf_tell(&text, at->result->arena);
  ds_buf_done(&text);
  return cell;
}

static void put_expected(trend_table *at, uint32_t p, ds_cell *cell) {
  const ds_expectation *one = &at->expected[p];
  if (!one->known)
    return;
  at->known++;
  at->anomalies += one->side != 0;
  cell[0] = ds_cell_double(one->expected);
  cell[1] = ds_cell_double(one->low);
  cell[2] = ds_cell_double(one->high);
  if (one->side != 0)
    cell[3] = ds_cell_text(at->result, ds_str_of(one->side > 0 ? "high" : "low"));
}

static ds_code put_row(trend_table *at, uint32_t group, uint32_t p, ds_error *err) {
  const trend_context *context = at->context;
  const uint32_t c = group * context->calendar.count + at->first + p;
  const trend_cell *one = &at->cells[c];
  char name[32];
  ds_cell *cell = ds_table_row(at->result, at->table);
  if (cell == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a trend: give more --memory");
  const size_t size = ds_calendar_name(&context->calendar, at->first + p, name);
  if (context->grouped)
    *cell++ = ds_cell_text(at->result, ds_str_of(context->by.labels[group]));
  *cell++ = ds_cell_text(at->result, (ds_str){name, (uint32_t)size});
  if (has_column(at, COLUMN_N))
    *cell++ = ds_cell_i64((int64_t)one->n);
  *cell++ = value_cell(at, c);
  if (context->measure == TREND_RATE && one->n >= at->min_n) {
    double low, high;
    ds_rate_interval(one->hits, one->n, &low, &high);
    cell[0] = ds_cell_double(low);
    cell[1] = ds_cell_double(high);
  }
  cell += context->measure == TREND_RATE ? 2 : 0;
  *cell++ = ds_cell_text(at->result, ds_str_of(at->complete[p] ? "yes" : "no"));
  if (context->anomalies) {
    put_expected(at, p, cell);
    cell += COLUMN_NOTE - COLUMN_EXPECTED;
  }
  if (at->noted)
    *cell = note_cell(at, at->first + p);
  return DS_OK;
}

// Which periods are shown, and which of them are complete.
static ds_code look(trend_table *at, ds_error *err) {
  const trend_context *context = at->context;
  const ds_request *request = context->request;
  const uint32_t count = context->calendar.count;
  at->first = count;
  for (uint32_t c = 0; c < context->cells; c++) {
    if (at->cells[c].n == 0)
      continue;
    at->first = c % count < at->first ? c % count : at->first;
    at->end = c % count >= at->end ? c % count + 1 : at->end;
  }
  at->first = at->first < at->end ? at->first : at->end;
  const uint32_t shown = at->end - at->first;
  at->complete = ds_arena_array(request->arena, shown + 1u, sizeof *at->complete);
  at->expected = ds_arena_array(request->arena, shown + 1u, sizeof *at->expected);
  if (at->complete == NULL || at->expected == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for a trend: give more --memory");
  for (uint32_t p = 0; p < shown; p++) {
    at->complete[p] = is_complete(at, at->first + p);
    at->open += !at->complete[p];
  }
  for (uint32_t a = 0; a < request->annotations_count; a++) {
    const uint32_t p =
        ds_calendar_find_day(&context->calendar, request, request->annotations[a].day);
    at->noted |= p != DS_NONE && p >= at->first && p < at->end;
  }
  const uint64_t groups = count == 0 ? 0 : context->cells / count;
  return context->anomalies && shown * groups > EXPECTED_ROWS_MAX
             ? ds_fail(err, DS_LIMIT, "--anomalies: at most %d rows: choose a longer --per, or "
                       "narrow --from, --to and --top", EXPECTED_ROWS_MAX)
             : DS_OK;
}

static void put_notes(const trend_table *at) {
  ds_result *result = at->result;
  if (at->open > 0)
    ds_result_note(result, false, "Not complete: %u period%s at the edge of the data or of --from "
                   "and --to; do not compare %s with the others.", at->open,
                   at->open == 1 ? "" : "s", at->open == 1 ? "it" : "them");
  if (!at->context->anomalies || at->table->rows_count == 0)
    return;
  if (at->known == 0)
    ds_result_note(result, true, "Nothing can be expected: that takes at least %d complete periods "
                   "of one series that differ, and %d near each.", DS_ANOMALY_PERIODS,
                   DS_ANOMALY_NEAR);
  else
    ds_result_note(result, false, "%u of %u periods stand%s out.", at->anomalies, at->known,
                   at->anomalies == 1 ? "s" : "");
}

ds_code ds_trend_put(const trend_context *context, const trend_cell *cells,
                     const double *quantile, uint64_t min_n, ds_result *result, ds_error *err) {
  trend_table at = {.context = context, .cells = cells, .quantile = quantile, .min_n = min_n,
                    .result = result};
  const uint32_t count = context->calendar.count;
  TRY(look(&at, err));
  TRY(table_make(&at, err));
  for (uint32_t g = 0; count > 0 && g < context->cells / count; g++) {
    if (context->anomalies)
      TRY(expect(&at, g, err));
    for (uint32_t p = 0; p < at.end - at.first; p++) {
      // The last two groups are "other" and "(none)": shown where there is something.
      if (context->grouped && g + 2 >= context->by.groups &&
          cells[g * count + at.first + p].n == 0)
        continue;
      TRY(put_row(&at, g, p, err));
    }
  }
  put_notes(&at);
  return DS_OK;
}
