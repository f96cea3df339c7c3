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

void ds_trend_listable(const trend_context *context, ds_result *result) {
  // Events and cases are the value themselves; a rate or a figure of numbers has its n.
  const ds_figures table = {"periods", 1, {"period"},
                            {context->measure < TREND_RATE ? "value" : "n"}, NULL, NULL};
  ds_list_offer(result, &table, 1, context->grouped ? &context->by : NULL);
}

ds_code ds_trend_list(const trend_context *context, const char *text, ds_result *result,
                      ds_error *err) {
  static const ds_column duration = {"duration_ms", DS_CELL_DURATION, "ms",
                                     "from the case's first event to its last", false};
  const ds_breakdown *by = context->grouped ? &context->by : NULL;
  ds_list_figure figure;
  list_context in = {context, DS_NONE};
  TRY(ds_list_read(context->request, text, by, result, &figure, err));
  TRY(read_period(context, figure.key[0], &in.period, err));
  const ds_list_plan plan = {.by = by, .group = figure.group,
                             .duration = context->duration ? &duration : NULL,
                             .journey = list_journey, .context = &in};
  return ds_list_run(context->request, &context->plan, &plan, result, err);
}

// Up to the figures: the first column of the table, the period's beginning in local time.
static void put_period(ds_buf *out, const trend_context *context, const ds_sql_by *by,
                       const char *time) {
  static const char *const names[] = {"day", "week", "month"};
  ds_buf_printf(out, ", figures AS (SELECT %sdate_trunc('%s', ", by->part,
                names[context->calendar.period]);
  ds_sql_put_local(context->request, time, out);
  ds_buf_text(out, ")::TIMESTAMP AS period, count(*) AS n, ");
}

// The figure of the values in column v.
static void put_figure(ds_buf *out, const trend_context *context) {
  static const char *const figures[] = {"", "", "", "sum(v)", "avg(v)", "quantile_cont(v, 0.5)",
                                        "quantile_cont(v, 0.9)"};
  const char *least = ds_option_get(&context->request->options, "min-n");
  if (context->measure == TREND_SUM)
    ds_buf_text(out, figures[context->measure]);
  else
    ds_buf_printf(out, "CASE WHEN count(*) >= %s THEN %s END", least, figures[context->measure]);
}

// Behind the figures: every period from the first with something to the last, of every group.
static void put_rows(ds_buf *out, const trend_context *context, const ds_sql_by *by,
                     const char *from) {
  static const char *const units[] = {"DAY", "WEEK", "MONTH"};
  ds_buf_printf(out, " AS value FROM %s GROUP BY %speriod), periods AS (SELECT "
                "unnest(generate_series(min(period), max(period), INTERVAL 1 %s)) AS period FROM "
                "figures) SELECT %sstrftime(period, '%s') AS period, ", from, by->part,
                units[context->calendar.period], by->show,
                context->calendar.period == DS_PERIOD_MONTH ? "%Y-%m" : "%Y-%m-%d");
  if (context->measure < TREND_RATE)
    ds_buf_text(out, "coalesce(value, 0) AS value");
  else
    ds_buf_printf(out, "coalesce(n, 0) AS n, value%s", context->duration ? " AS value_ms" : "");
  ds_buf_text(out, " FROM periods");
  if (by->name != NULL)
    ds_buf_text(out, " CROSS JOIN (SELECT DISTINCT of_group FROM parts)");
  ds_buf_printf(out, " LEFT JOIN figures USING (%speriod)", by->part);
  if (by->name != NULL)
    ds_buf_printf(out, " WHERE of_group.place <= %u OR n > 0", by->top);
  ds_buf_printf(out, " ORDER BY %speriods.period;\n", by->part);
}

static ds_code put_by_start(ds_buf *out, const trend_context *context, const ds_sql_by *by,
                            ds_error *err) {
  const ds_request *request = context->request;
  const char *least = ds_option_get(&request->options, "min-n");
  const char **names = NULL, *source = "chosen";
  uint32_t count = 0;
  if (context->hit != NULL)
    TRY(ds_sql_reads(request, &context->hit, 1, &names, &count, err));
  TRY(ds_sql_cases(request, &context->plan, names, count, out, err));
  ds_sql_put_groups(by, "of_case", out, &source);
  ds_sql_put_by(by, ", cases AS (SELECT ~min(time) AS begun, ", out);
  if (context->hit != NULL) {
    ds_buf_text(out, "bool_or(coalesce(");
    TRY(ds_expression_sql(context->hit, out, err));
    ds_buf_text(out, ", false)) AS hit");
  } else {
    ds_buf_text(out, "(max(epoch_ms(time)) - min(epoch_ms(time)))::DOUBLE AS v");
  }
  ds_buf_printf(out, " FROM %s GROUP BY %scustomer, of_case)", source, by->part);
  put_period(out, context, by, "begun");
  if (context->hit == NULL)
    put_figure(out, context);
  else
    ds_buf_printf(out, "CASE WHEN count(*) >= %s THEN count(*) FILTER (WHERE hit) / count(*) END",
                  least);
  put_rows(out, context, by, "cases");
  return DS_OK;
}

static ds_code put_by_event(ds_buf *out, const trend_context *context, const ds_sql_by *by,
                            ds_error *err) {
  const ds_request *request = context->request;
  const ds_space *space = &request->snapshot->space;
  const bool counts = context->measure < TREND_RATE;
  const char *property = counts ? NULL : ds_names_text(&space->properties, context->property.code);
  const char *source = "chosen";
  TRY(ds_sql_cases(request, &context->plan, counts ? NULL : &property, !counts, out, err));
  ds_sql_put_groups(by, "of_case", out, &source);
  if (counts) {
    put_period(out, context, by, "time");
    ds_buf_text(out, context->measure == TREND_COUNT ? "count(*)"
                                                     : "count(DISTINCT (customer, of_case))");
    put_rows(out, context, by, source);
    return DS_OK;
  }
  ds_buf_printf(out, ", numbers AS (SELECT %stime, ", by->part);
  ds_sql_put_name(out, property);
  ds_buf_printf(out, "::DOUBLE AS v FROM %s", source);
  if (context->property.touchpoint != DS_NONE) {
    ds_buf_text(out, " WHERE touchpoint = ");
    ds_sql_put_text(out, ds_names_text(&space->touchpoints, context->property.touchpoint));
  }
  ds_buf_text(out, ")");
  put_period(out, context, by, "time");
  put_figure(out, context);
  put_rows(out, context, by, "numbers WHERE v IS NOT NULL");
  return DS_OK;
}

ds_code ds_trend_sql(const ds_request *request, ds_buf *out, ds_error *err) {
  trend_context context;
  ds_sql_by by;
  TRY(ds_trend_read(request, &context, err));
  if (context.anomalies)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: --anomalies");
  if (request->snapshot->events == 0)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: there are no events to name");
  TRY(ds_sql_by_read(request, &by, err));
  TRY(trend_by_start(&context) ? put_by_start(out, &context, &by, err)
                               : put_by_event(out, &context, &by, err));
  return ds_buf_check(out, "an SQL text", err);
}
