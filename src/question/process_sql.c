// SPDX-License-Identifier: Apache-2.0
// The process map as SQL: nodes, edges and, where it is asked for, rework.
#include "question/common.h"
#include "question/nodes.h"
#include "question/sql.h"
#include "question/variants_filter.h"

// After the events chosen, of the group: each with its neighbours.
static const char paired_text[] =
    ", paired AS (SELECT %scustomer, of_case, touchpoint, lag(touchpoint) OVER w AS "
    "before, lead(touchpoint) OVER w AS after, epoch_ms(time) - "
    "lag(epoch_ms(time)) OVER w AS gap, row_number() OVER (PARTITION BY customer, of_case, "
    "touchpoint ORDER BY time, arrival) AS n, epoch_ms(time) - lag(epoch_ms(time)) OVER "
    "(PARTITION BY customer, of_case, touchpoint ORDER BY time, arrival) AS back FROM %s WINDOW w "
    "AS (PARTITION BY customer, of_case ORDER BY time, arrival)) ";

// The columns that --columns asks for.
typedef struct wanted_columns {
  const char *cases;
  const char *quantiles;
} wanted_columns;

static wanted_columns columns_of(const ds_option_set *options) {
  const char *columns = ds_option_get(options, "columns");
  const bool all = strcmp(columns, "all") == 0;
  return (wanted_columns){
      all || strcmp(columns, "cases") == 0
          ? ", count(DISTINCT (customer, of_case)) AS cases"
          : "",
      all ? ", quantile_cont(gap, 0.5) AS median_ms, quantile_cont(gap, 0.9) AS p90_ms" : ""};
}

// What every statement begins with.
static ds_code put_paired(const ds_request *request, const ds_plan *plan, const ds_sql_by *by,
                          ds_buf *out, ds_error *err) {
  const char *source = NULL, *property = NULL;
  double coverage = 1;
  TRY(ds_option_share(&request->options, "coverage", &coverage, err));
  TRY(ds_nodes_sql_property(request, &property, err));
  TRY(ds_sql_cases(request, plan, &property, property != NULL, out, err));
  TRY(ds_nodes_sql(request, out, &source, err));
  TRY(ds_variants_filter_sql(request, coverage, out, &source, err));
  ds_sql_put_groups(by, "of_case", out, &source);
  ds_buf_printf(out, paired_text, by->part, source);
  return DS_OK;
}

static const char rework_text[] =
    "SELECT ^touchpoint, count(*) FILTER (WHERE n = 1) AS cases, count(*) FILTER (WHERE n = 2) AS "
    "rework_cases, rework_cases / cases AS rework_share, count(*) FILTER (WHERE n > 1) AS repeats, "
    "count(*) FILTER (WHERE n > 1 AND before = touchpoint) AS self_loops, repeats - self_loops AS "
    "loops, avg(back) AS mean_ms FROM paired GROUP BY ~touchpoint HAVING max(n) > 1 ORDER BY "
    "~rework_cases DESC, touchpoint;\n";

ds_code ds_process_sql(const ds_request *request, ds_buf *out, ds_error *err) {
  const wanted_columns columns = columns_of(&request->options);
  uint64_t min_edge = 0;
  ds_sql_by by;
  ds_plan plan;
  TRY(ds_journey_plan(request, &plan, err));
  if (ds_option_get(&request->options, "hours") != NULL)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: --hours");
  TRY(ds_option_count(&request->options, "min-edge", 1, &min_edge, err));
  TRY(ds_sql_by_read(request, &by, err));
  TRY(put_paired(request, &plan, &by, out, err));
  ds_buf_printf(out,
                "SELECT %stouchpoint, count(*) AS occurrences%s, count(*) FILTER (WHERE before IS "
                "NULL) AS starts, count(*) FILTER (WHERE after IS NULL) AS ends FROM paired GROUP "
                "BY %stouchpoint ORDER BY %soccurrences DESC, touchpoint;\n",
                by.show, columns.cases, by.part, by.part);
  TRY(put_paired(request, &plan, &by, out, err));
  ds_buf_printf(out,
                "SELECT %sbefore AS \"from\", touchpoint AS \"to\", count(*) AS occurrences%s, "
                "sum(gap) / count(*) AS mean_ms%s, min(gap) AS min_ms, max(gap) AS max_ms, "
                "sum(gap) AS total_ms FROM paired WHERE before IS NOT NULL GROUP BY "
                "%sbefore, touchpoint HAVING count(*) >= %llu ORDER BY %soccurrences DESC, "
                "\"from\", \"to\";\n",
                by.show, columns.cases, columns.quantiles, by.part, (unsigned long long)min_edge,
                by.part);
  if (ds_option_flag(&request->options, "rework")) {
    TRY(put_paired(request, &plan, &by, out, err));
    ds_sql_put_by(&by, rework_text, out);
  }
  return ds_buf_check(out, "an SQL text", err);
}
