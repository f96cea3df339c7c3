// SPDX-License-Identifier: Apache-2.0
// The trend as SQL, and the list of what a period counted.
#include "question/common.h"
#include "question/list.h"
#include "question/sql.h"
#include "question/trend.h"

// What the second scan compares with.
typedef struct list_context {
  const trend_context *trend;
  uint32_t period;
} list_context;

typedef struct list_target {
  const list_context *context;
  ds_list *list;
} list_target;

static ds_code list_take(void *to, uint32_t period, const ds_block *block, uint32_t j, uint32_t e,
                         double value, ds_error *err) {
  const list_target *target = to;
  if (period != target->context->period)
    return DS_OK;
  return ds_list_add(target->list, block, j, e, (int64_t)value, err);
}

static ds_code list_journey(const void *context, const ds_block *block, uint32_t j, ds_list *list,
                            ds_error *err) {
  const list_context *in = context;
  list_target target = {in, list};
  return ds_trend_walk(in->trend, block, j, list_take, &target, err);
}

static ds_code read_period(const trend_context *context, ds_str text, uint32_t *ret_period,
                           ds_error *err) {
  for (uint32_t p = 0; p < context->calendar.count; p++) {
    char name[32];
    const size_t size = ds_calendar_name(&context->calendar, p, name);
    *ret_period = p;
    if (ds_str_equal(text, (ds_str){name, (uint32_t)size}))
      return DS_OK;
  }
  return ds_fail(err, DS_USAGE, "--list: no period is called %.*s", DS_STR(text));
}

ds_code ds_trend_list(const trend_context *context, const char *text, ds_result *result,
                      ds_error *err) {
  static const ds_column duration = {"duration_ms", DS_CELL_DURATION, "ms",
                                     "from the case's first event to its last", false};
  const ds_breakdown *by = context->grouped ? &context->by : NULL;
  // Events and cases are the value themselves; a rate or a figure of numbers has its n.
  const char *column = context->measure < TREND_RATE ? "value" : "n";
  ds_list_cell cell;
  list_context in = {context, DS_NONE};
  uint32_t group = 0;
  bool grouped = by == NULL, counted = false;
  TRY(ds_list_parse(text, &cell, err));
  if (!ds_str_equal(cell.table, ds_str_of("periods")))
    return ds_fail(err, DS_USAGE, "--list: write 'periods period=2024-01-01 column=%s'", column);
  for (uint32_t p = 0; p < cell.parts; p++) {
    const ds_str name = cell.name[p], value = cell.value[p];
    if (by != NULL && ds_str_equal(name, ds_str_of(by->name))) {
      TRY(ds_list_group(by, value, &group, err));
      grouped = true;
    } else if (ds_str_equal(name, ds_str_of("period"))) {
      TRY(read_period(context, value, &in.period, err));
    } else if (ds_str_equal(name, ds_str_of("column")) && ds_str_equal(value, ds_str_of(column))) {
      counted = true;
    } else {
      return ds_fail(err, DS_USAGE, "--list: '%.*s=%.*s' names no figure that can be listed: write "
                     "column=%s", DS_STR(name), DS_STR(value), column);
    }
  }
  if (!grouped || !counted || in.period == DS_NONE)
    return ds_fail(err, DS_USAGE, "--list: a figure of periods needs %s%speriod= and column=%s",
                   by == NULL ? "" : by->name, by == NULL ? "" : "=, ", column);
  const ds_list_plan plan = {.by = by, .group = group,
                             .duration = context->duration ? &duration : NULL,
                             .journey = list_journey, .context = &in};
  return ds_list_run(context->request, &context->plan, &plan, result, err);
}

// The period of a time as text.
static void put_period(ds_buf *out, const trend_context *context, const char *time) {
  static const char *const names[] = {"day", "week", "month"};
  const char *zone = context->request->zone == NULL ? NULL : context->request->zone_name;
  ds_buf_printf(out, "strftime(date_trunc('%s', ", names[context->calendar.period]);
  if (zone != NULL) {
    ds_buf_text(out, "timezone(");
    ds_sql_put_text(out, zone);
    ds_buf_printf(out, ", timezone('UTC', %s))", time);
  } else {
    ds_buf_text(out, time);
  }
  ds_buf_printf(out, "), '%s') AS period",
                context->calendar.period == DS_PERIOD_MONTH ? "%Y-%m" : "%Y-%m-%d");
}

// The figure of the values in column v.
static void put_figure(ds_buf *out, const trend_context *context) {
  static const char *const figures[] = {"", "", "", "sum(v)", "avg(v)", "quantile_cont(v, 0.5)",
                                        "quantile_cont(v, 0.9)"};
  const char *least = ds_option_get(&context->request->options, "min-n");
  if (context->measure == TREND_SUM)
    ds_buf_printf(out, "count(*) AS n, %s", figures[context->measure]);
  else
    ds_buf_printf(out, "count(*) AS n, CASE WHEN count(*) >= %s THEN %s END", least,
                  figures[context->measure]);
  ds_buf_text(out, context->duration ? " AS value_ms" : " AS value");
}

static ds_code put_by_start(ds_buf *out, const trend_context *context, ds_error *err) {
  const ds_request *request = context->request;
  const char *least = ds_option_get(&request->options, "min-n");
  const char **names = NULL;
  uint32_t count = 0;
  if (context->hit != NULL)
    TRY(ds_sql_reads(request, &context->hit, 1, &names, &count, err));
  TRY(ds_sql_cases(request, &context->plan, names, count, out, err));
  ds_buf_text(out, ", cases AS (SELECT min(time) AS begun, ");
  if (context->hit != NULL) {
    ds_buf_text(out, "bool_or(coalesce(");
    TRY(ds_expression_sql(context->hit, out, err));
    ds_buf_text(out, ", false)) AS hit");
  } else {
    ds_buf_text(out, "(max(epoch_ms(time)) - min(epoch_ms(time)))::DOUBLE AS v");
  }
  ds_buf_text(out, " FROM chosen GROUP BY customer, of_case) SELECT ");
  put_period(out, context, "begun");
  ds_buf_text(out, ", ");
  if (context->hit == NULL)
    put_figure(out, context);
  else
    ds_buf_printf(out, "count(*) AS n, CASE WHEN count(*) >= %s THEN count(*) FILTER (WHERE hit) / "
                  "count(*) END AS value", least);
  ds_buf_text(out, " FROM cases GROUP BY 1 ORDER BY 1;\n");
  return DS_OK;
}

static ds_code put_by_event(ds_buf *out, const trend_context *context, ds_error *err) {
  const ds_request *request = context->request;
  if (context->measure < TREND_RATE) {
    TRY(ds_sql_cases(request, &context->plan, NULL, 0, out, err));
    ds_buf_text(out, " SELECT ");
    put_period(out, context, "time");
    ds_buf_text(out, context->measure == TREND_COUNT
                ? ", count(*) AS value" : ", count(DISTINCT (customer, of_case)) AS value");
    ds_buf_text(out, " FROM chosen GROUP BY 1 ORDER BY 1;\n");
    return DS_OK;
  }
  const ds_space *space = &request->snapshot->space;
  const char *property = ds_names_text(&space->properties, context->property.code);
  TRY(ds_sql_cases(request, &context->plan, &property, 1, out, err));
  ds_buf_text(out, ", numbers AS (SELECT time, ");
  ds_sql_put_name(out, property);
  ds_buf_text(out, "::DOUBLE AS v FROM chosen");
  if (context->property.touchpoint != DS_NONE) {
    ds_buf_text(out, " WHERE touchpoint = ");
    ds_sql_put_text(out, ds_names_text(&space->touchpoints, context->property.touchpoint));
  }
  ds_buf_text(out, ") SELECT ");
  put_period(out, context, "time");
  ds_buf_text(out, ", ");
  put_figure(out, context);
  ds_buf_text(out, " FROM numbers WHERE v IS NOT NULL GROUP BY 1 ORDER BY 1;\n");
  return DS_OK;
}

ds_code ds_trend_sql(const ds_request *request, ds_buf *out, ds_error *err) {
  trend_context context;
  TRY(ds_trend_read(request, &context, err));
  if (context.anomalies)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: --anomalies");
  if (request->snapshot->events == 0)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: there are no events to name");
  TRY(trend_by_start(&context) ? put_by_start(out, &context, err)
                               : put_by_event(out, &context, err));
  return ds_buf_check(out, "an SQL text", err);
}
