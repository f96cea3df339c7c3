// SPDX-License-Identifier: Apache-2.0
// The variants as SQL.
#include "question/common.h"
#include "question/nodes.h"
#include "question/property.h"
#include "question/sql.h"
#include "question/variants_filter.h"

// Of variants as w has them, of all of them or of the group's.
static const char sequences_text[] =
    " SELECT ^row_number() OVER w AS rank, touchpoints, cases, cases / sum(cases) OVER g AS share, "
    "sum(cases) OVER w / sum(cases) OVER g AS cumulative, median_ms, p90_ms";

// The cases, with the outcome and what stands for touchpoints; *ret_source is their table.
static ds_code put_cases(const ds_request *request, const ds_plan *plan, const char *outcome,
                         ds_buf *out, const char **ret_source, ds_error *err) {
  const char *property[2] = {outcome, NULL}, *node = NULL;
  uint32_t count = outcome != NULL;
  TRY(ds_nodes_sql_property(request, &node, err));
  if (node != NULL && (outcome == NULL || strcmp(node, outcome) != 0))
    property[count++] = node;
  TRY(ds_sql_cases(request, plan, property, count, out, err));
  return ds_nodes_sql(request, out, ret_source, err);
}

ds_code ds_variants_sql(const ds_request *request, ds_buf *out, ds_error *err) {
  const ds_option_set *options = &request->options;
  const char *outcome = ds_option_get(options, "outcome");
  double coverage = 0;
  TRY(ds_option_share(options, "coverage", &coverage, err));
  ds_property_ref ref = {0};
  ds_plan plan;
  ds_sql_by by;
  const char *property = NULL, *source = NULL;
  TRY(ds_sql_by_read(request, &by, err));
  TRY(ds_journey_plan(request, &plan, err));
  if (ds_option_get(&request->options, "hours") != NULL)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: --hours");
  if (outcome != NULL) {
    TRY(ds_property_add_number(request->snapshot, &plan, "outcome", outcome, request->arena,
                               &ref, err));
    property = ds_names_text(&request->snapshot->space.properties, ref.code);
  }
  TRY(put_cases(request, &plan, property, out, &source, err));
  const char *const events = source;
  TRY(ds_variants_filter_sql(request, 1, out, &source, err));
  ds_sql_put_groups(&by, "of_case", out, &source);
  ds_sql_put_by(&by, ", cases AS (SELECT ~list(touchpoint ORDER BY time, arrival)", out);
  const char *const partition = by.name == NULL ? "" : "PARTITION BY of_group";
  const bool collapse = ds_option_flag(options, "collapse");
  if (collapse)
    ds_buf_text(out, " FILTER (before IS DISTINCT FROM touchpoint)");
  ds_buf_text(out, " AS touchpoints, max(epoch_ms(time)) - min(epoch_ms(time)) AS ms");
  if (outcome != NULL) {
    ds_sql_put_by(&by, ", sum(outcome) AS outcome_sum, count(outcome) AS outcome_n FROM "
                       "(SELECT ~customer, of_case, time, arrival, touchpoint, ", out);
    ds_buf_text(out, ref.touchpoint == DS_NONE ? "" : "CASE WHEN ");
    if (ref.touchpoint != DS_NONE) {
      ds_buf_text(out, strcmp(events, "nodes") == 0 ? "happened = " : "touchpoint = ");
      ds_sql_put_text(out, ds_names_text(&request->snapshot->space.touchpoints,
                                         ref.touchpoint));
      ds_buf_text(out, " THEN ");
    }
    ds_sql_put_name(out, property);
    ds_buf_text(out, ref.touchpoint == DS_NONE ? "" : " END");
    ds_buf_text(out, "::DOUBLE AS outcome");
  } else {
    ds_buf_text(out, " FROM (SELECT *");
  }
  ds_buf_text(out, ", lag(touchpoint) OVER (PARTITION BY customer, of_case ORDER BY time, "
                   "arrival) AS before FROM ");
  ds_buf_printf(out, "%s) GROUP BY %scustomer, of_case)", source, by.part);
  ds_sql_put_by(&by, sequences_text, out);
  ds_buf_text(out, outcome != NULL ? ", outcome, outcome_n" : "");
  ds_sql_put_by(&by, " FROM (SELECT ~touchpoints, count(*) AS cases, quantile_cont(ms, 0.5) AS "
                     "median_ms, quantile_cont(ms, 0.9) AS p90_ms", out);
  if (outcome != NULL)
    ds_buf_printf(out, ", CASE WHEN sum(outcome_n) >= %s THEN sum(outcome_sum) / sum(outcome_n) "
                  "END AS outcome, sum(outcome_n) AS outcome_n",
                  ds_option_get(options, "min-n"));
  ds_buf_printf(out, " FROM cases GROUP BY %stouchpoints) WINDOW g AS (%s), w AS (%s ORDER BY "
                "cases DESC, touchpoints)", by.part, partition, partition);
  if (coverage < 1) {
    ds_buf_text(out, " QUALIFY sum(cases) OVER w - cases < ");
    ds_sql_put_text(out, ds_option_get(options, "coverage"));
    ds_buf_text(out, "::DOUBLE * sum(cases) OVER g");
  }
  ds_buf_printf(out, " ORDER BY %srank;\n", by.part);
  return ds_buf_check(out, "an SQL text", err);
}
