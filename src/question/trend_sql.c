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

// Completeness, of the day on which a period begins (`period`) and that behind it (`behind`): the
// days that instants fall on say it, so that no clock need be turned back into instants.
static void put_complete(ds_buf *out, const trend_context *context) {
  const ds_request *request = context->request;
  const ds_plan *plan = &context->plan;
  const struct {
    bool given;
    const char *text;
    int64_t at_ms;
  } bounds[] = {
      {true, "period >= ", request->snapshot->time_min_ms},
      {true, " AND behind <= ", request->as_of_ms + 1},
      {plan->has_from, " AND period > ", plan->from_ms - 1},
      {plan->has_to, " AND behind <= ", plan->to_ms},
  };
  for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++)
    if (bounds[b].given)
      ds_buf_printf(out, "%sDATE '1970-01-01' + %lld", bounds[b].text,
                    (long long)ds_question_day(request, bounds[b].at_ms));
}

// A1 of anomalies.h: the levels of the table `from` (g, i, plain, known) as levelsN(g, i, level).
static void put_levels(ds_buf *out, const trend_context *context, uint32_t number,
                       const char *from) {
  static const unsigned reach[] = {28, 13, 6};
  const unsigned r = reach[context->calendar.period];
  const bool figure = trend_kind(context) == DS_SERIES_FIGURE;
  ds_buf_printf(out, ", slopes%u AS (SELECT p.g, p.i, median((b.plain - a.plain) / (b.i - a.i)) AS "
                "slope FROM %s p JOIN %s a ON a.g = p.g AND a.known AND a.i <> p.i AND a.i BETWEEN "
                "p.i - %u AND p.i + %u JOIN %s b ON b.g = p.g AND b.known AND b.i <> p.i AND b.i "
                "<> a.i AND b.i BETWEEN p.i - %u AND p.i + %u GROUP BY p.g, p.i, a.i), ",
                number, from, from, r, r, from, r, r);
  ds_buf_printf(out, "lines%u AS (SELECT g, i, median(slope) AS slope FROM slopes%u GROUP BY g, i "
                "HAVING count(*) >= %d), levels%u AS (SELECT p.g, p.i, %smedian(a.plain - slope * "
                "(a.i - p.i))%s AS level FROM lines%u p JOIN %s a ON a.g = p.g AND a.known AND a.i "
                "<> p.i AND a.i BETWEEN p.i - %u AND p.i + %u GROUP BY p.g, p.i)",
                number, number, DS_ANOMALY_NEAR, number, figure ? "" : "greatest(0, ",
                figure ? "" : ")", number, from, r, r);
}

// A2: what is expected as told(g, i, expected), with seasons where each is there often enough.
static void put_seasons(ds_buf *out, const trend_context *context) {
  static const unsigned seasons[] = {7, 0, 12};
  static const char *const effects[] = {"value / level", "value - level", "value - level"};
  static const char *const plain[] = {
      "CASE WHEN effect > 0 THEN value / effect ELSE value END", "value - effect",
      "value - effect"};
  static const char *const expected[] = {
      "level * effect", "least(greatest(level + effect, 0), 1)", "level + effect"};
  const ds_series_kind kind = trend_kind(context);
  const unsigned count = seasons[context->calendar.period];
  put_levels(out, context, 1, "series");
  if (count == 0) {
    ds_buf_text(out, ", told AS (SELECT g, i, level AS expected FROM levels1)");
    return;
  }
  ds_buf_printf(out, ", effects AS (SELECT g, season, median(%s) AS effect FROM series JOIN "
                "levels1 USING (g, i) WHERE known%s GROUP BY g, season HAVING count(*) >= %d), "
                "seasonal AS (SELECT g FROM effects GROUP BY g HAVING count(*) = %u), ",
                effects[kind], kind == DS_SERIES_COUNT ? " AND level > 0" : "",
                DS_ANOMALY_SEASONS, count);
  ds_buf_printf(out, "unseasoned AS (SELECT s.* REPLACE (%s AS plain), effect FROM series s JOIN "
                "seasonal USING (g) JOIN effects USING (g, season))", plain[kind]);
  put_levels(out, context, 2, "unseasoned");
  ds_buf_printf(out, ", told AS (SELECT g, i, %s AS expected FROM levels2 JOIN unseasoned USING "
                "(g, i) UNION ALL SELECT g, i, level FROM levels1 ANTI JOIN seasonal USING (g))",
                expected[kind]);
}

// A3 and A4: the bounds as judged(g, i, expected, low, high).
static void put_bounds(ds_buf *out, const trend_context *context) {
  static const char *const chances[] = {
      "sqrt(greatest(expected, 1))",
      ("sqrt(least(greatest(expected, 0.5 / n), 1 - 0.5 / n) * (1 - least(greatest(expected, 0.5 / "
       "n), 1 - 0.5 / n)) / n)"),
      "1"};
  static const char *const low[] = {"greatest(0, ", "greatest(0, ", "("};
  static const char *const high[] = {"(", "least(1, ", "("};
  const ds_series_kind kind = trend_kind(context);
  ds_buf_printf(out, ", near AS (SELECT g, i, value, expected, %s AS chance FROM told JOIN series "
                "USING (g, i) WHERE known), middles AS (SELECT g, median((value - expected) / "
                "chance) AS middle FROM near GROUP BY g HAVING count(*) >= %d), ",
                chances[kind], DS_ANOMALY_PERIODS);
  ds_buf_printf(out, "scales AS (SELECT g, %s%.17g * median(abs((value - expected) / chance - "
                "middle))) AS scale FROM near JOIN middles USING (g) GROUP BY g), judged AS "
                "(SELECT g, i, expected, %sexpected - %.17g * scale * chance) AS low, %sexpected "
                "+ %.17g * scale * chance) AS high FROM near JOIN scales USING (g) WHERE scale > "
                "0)",
                kind == DS_SERIES_FIGURE ? "(" : "greatest(1, ", DS_ANOMALY_SCALE, low[kind],
                DS_ANOMALY_BOUND, high[kind], DS_ANOMALY_BOUND);
}

// The columns behind the value that --anomalies adds, over series and judged.
static void put_expected(ds_buf *out, const trend_context *context) {
  const char *unit = context->duration ? "_ms" : "";
  if (context->measure == TREND_RATE)
    ds_buf_text(out, ", CASE WHEN value = 0 THEN 0 ELSE (value + z * z / (2 * n) - z * sqrt(value "
                "* (1 - value) / n + z * z / (4 * n * n))) / (1 + z * z / n) END AS value_low, "
                "CASE WHEN value = 1 THEN 1 ELSE (value + z * z / (2 * n) + z * sqrt(value * (1 - "
                "value) / n + z * z / (4 * n * n))) / (1 + z * z / n) END AS value_high");
  ds_buf_printf(out, ", CASE WHEN complete THEN 'yes' ELSE 'no' END AS complete, expected AS "
                "expected%s, low AS expected_low%s, high AS expected_high%s, CASE WHEN value > "
                "high THEN 'high' WHEN value < low THEN 'low' END AS anomaly", unit, unit, unit);
}

// Behind the figures: every period from the first with something to the last, of every group.
static void put_rows(ds_buf *out, const trend_context *context, const ds_sql_by *by,
                     const char *from) {
  static const char *const units[] = {"DAY", "WEEK", "MONTH"};
  static const char *const seasons[] = {"dayofweek(period)", "0", "month(period)"};
  const bool counts = context->measure < TREND_RATE;
  const char *unit = units[context->calendar.period];
  ds_buf_printf(out, " AS value FROM %s GROUP BY %speriod), periods AS (SELECT "
                "unnest(generate_series(min(period), max(period), INTERVAL 1 %s)) AS period FROM "
                "figures), shown AS (SELECT %speriods.period AS period, coalesce(n, 0) AS n, %s AS "
                "value FROM periods%s LEFT JOIN figures USING (%speriod))", from, by->part, unit,
                by->part, counts ? "coalesce(value, 0)" : "value",
                by->name == NULL ? "" : " CROSS JOIN (SELECT DISTINCT of_group FROM parts)",
                by->part);
  if (context->anomalies) {
    ds_buf_printf(out, ", series AS (SELECT *, value AS plain, complete AND value IS NOT NULL AS "
                  "known FROM (SELECT *, %s AS g, row_number() OVER (PARTITION BY g ORDER BY "
                  "period) AS i, %s AS season, period + INTERVAL 1 %s AS behind, ",
                  by->name == NULL ? "0" : "of_group", seasons[context->calendar.period], unit);
    put_complete(out, context);
    ds_buf_text(out, " AS complete, 1.959963984540054::DOUBLE AS z FROM shown))");
    put_seasons(out, context);
    put_bounds(out, context);
  }
  ds_buf_printf(out, " SELECT %sstrftime(period, '%s') AS period, ", by->show,
                context->calendar.period == DS_PERIOD_MONTH ? "%Y-%m" : "%Y-%m-%d");
  ds_buf_printf(out, "%svalue%s", counts ? "" : "n, ", context->duration ? " AS value_ms" : "");
  if (context->anomalies)
    put_expected(out, context);
  ds_buf_text(out, context->anomalies ? " FROM series LEFT JOIN judged USING (g, i)"
                                      : " FROM shown");
  if (by->name != NULL)
    ds_buf_printf(out, " WHERE of_group.place <= %u OR n > 0", by->top);
  // By the day, not by its name, which is called so, too.
  ds_buf_printf(out, " ORDER BY %s%s.period;\n", by->part,
                context->anomalies ? "series" : "shown");
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
  if (request->snapshot->events == 0)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: there are no events to name");
  TRY(ds_sql_by_read(request, &by, err));
  TRY(trend_by_start(&context) ? put_by_start(out, &context, &by, err)
                               : put_by_event(out, &context, &by, err));
  return ds_buf_check(out, "an SQL text", err);
}
