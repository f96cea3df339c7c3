// SPDX-License-Identifier: Apache-2.0
// The process map as SQL in DuckDB's dialect, over events(customer, time TIMESTAMP, arrival,
// touchpoint, case keys VARCHAR[], properties), where arrival is unique: two statements, nodes and
// edges. --by, --attach nearest, --list and --min-edge have no SQL form here.
#include "question/common.h"

static void put_name(ds_buf *out, const char *name) {
  ds_buf_text(out, "\"");
  for (; *name != '\0'; name++) {
    ds_buf_append(out, name, 1);
    if (*name == '"')
      ds_buf_text(out, "\"");
  }
  ds_buf_text(out, "\"");
}

// The condition that an event time lies in the period.
static void put_period(ds_buf *out, const ds_plan *plan, const char *time) {
  if (plan->has_from)
    ds_buf_printf(out, "epoch_ms(%s) >= %lld", time, (long long)plan->from_ms);
  if (plan->has_from && plan->has_to)
    ds_buf_text(out, " AND ");
  if (plan->has_to)
    ds_buf_printf(out, "epoch_ms(%s) < %lld", time, (long long)plan->to_ms);
}

// Common table expressions: kept (filter), cased (case key), chosen (period), paired (neighbours).
static ds_code put_stages(ds_buf *out, const ds_request *request, const ds_plan *plan,
                          ds_error *err) {
  const char *key = ds_option_get(&request->options, "case");
  const bool period = plan->has_from || plan->has_to;
  ds_buf_text(out, "WITH kept AS (SELECT * FROM events");
  if (plan->where != NULL) {
    ds_buf_text(out, " WHERE ");
    TRY(ds_expression_sql(plan->where, out, err));
  }
  ds_buf_text(out, "), cased AS (SELECT customer, time, arrival, touchpoint, ");
  if (key == NULL) {
    ds_buf_text(out, "'' AS case_id");
  } else {
    ds_buf_text(out, "unnest(list_distinct(");
    put_name(out, key);
    ds_buf_text(out, ")) AS case_id");
  }
  ds_buf_text(out, " FROM kept), chosen AS (SELECT * FROM cased");
  if (period && plan->range == DS_RANGE_EVENTS) {
    ds_buf_text(out, " WHERE ");
    put_period(out, plan, "time");
  } else if (period) {
    ds_buf_text(out, " WINDOW cases AS (PARTITION BY customer, case_id) QUALIFY ");
    ds_buf_text(out, plan->range == DS_RANGE_TOUCHING ? "bool_or(" : "(");
    put_period(out, plan, plan->range == DS_RANGE_STARTED     ? "(min(time) OVER cases)"
                          : plan->range == DS_RANGE_COMPLETED ? "(max(time) OVER cases)"
                                                              : "time");
    ds_buf_text(out, plan->range == DS_RANGE_TOUCHING ? ") OVER cases" : ")");
  }
  ds_buf_text(out, "), paired AS (SELECT customer, case_id, touchpoint, lag(touchpoint) OVER w AS "
                   "before, lead(touchpoint) OVER w AS after, epoch_ms(time) - "
                   "lag(epoch_ms(time)) OVER w AS gap FROM chosen WINDOW w AS (PARTITION BY "
                   "customer, case_id ORDER BY time, arrival)) ");
  return DS_OK;
}

static const char nodes_text[] =
    "SELECT touchpoint, count(*) AS occurrences, count(DISTINCT (customer, case_id)) AS cases, "
    "count(*) FILTER (WHERE before IS NULL) AS starts, count(*) FILTER (WHERE after IS NULL) AS "
    "ends FROM paired GROUP BY touchpoint ORDER BY occurrences DESC, touchpoint;\n";

static const char edges_text[] =
    "SELECT before AS \"from\", touchpoint AS \"to\", count(*) AS occurrences, count(DISTINCT "
    "(customer, case_id)) AS cases, sum(gap) / count(*) AS mean_ms, quantile_cont(gap, 0.5) AS "
    "median_ms, quantile_cont(gap, 0.9) AS p90_ms, min(gap) AS min_ms, max(gap) AS max_ms, "
    "sum(gap) AS total_ms FROM paired WHERE before IS NOT NULL GROUP BY ALL ORDER BY occurrences "
    "DESC, \"from\", \"to\";\n";

ds_code ds_process_sql(const ds_request *request, ds_buf *out, ds_error *err) {
  static const char *const without[] = {"by", "list"};
  for (uint32_t i = 0; i < 2; i++)
    if (ds_option_get(&request->options, without[i]) != NULL)
      return ds_fail(err, DS_UNSUPPORTED, "no SQL form: --%s", without[i]);
  ds_plan plan;
  TRY(ds_question_plan(request, &plan, err));
  if (plan.attach_nearest)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: --attach nearest");
  TRY(put_stages(out, request, &plan, err));
  ds_buf_text(out, nodes_text);
  TRY(put_stages(out, request, &plan, err));
  ds_buf_text(out, edges_text);
  return ds_buf_check(out, "an SQL text", err);
}
