// SPDX-License-Identifier: Apache-2.0
// The process map as SQL: two statements, nodes and edges. --min-edge has no SQL form here.
#include "question/common.h"
#include "question/sql.h"

// After the events chosen: each with its neighbours.
static const char paired_text[] =
    ", paired AS (SELECT customer, case_id, touchpoint, lag(touchpoint) OVER w AS "
    "before, lead(touchpoint) OVER w AS after, epoch_ms(time) - "
    "lag(epoch_ms(time)) OVER w AS gap FROM chosen WINDOW w AS (PARTITION BY "
    "customer, case_id ORDER BY time, arrival)) ";

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
  const char *const tables[] = {nodes_text, edges_text};
  for (uint32_t t = 0; t < 2; t++) {
    TRY(ds_sql_cases(request, NULL, 0, out, err));
    ds_buf_text(out, paired_text);
    ds_buf_text(out, tables[t]);
  }
  return ds_buf_check(out, "an SQL text", err);
}
