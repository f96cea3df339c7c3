// SPDX-License-Identifier: Apache-2.0
// A timeline as SQL. Promises and the details of events are sentences for the eye and have no SQL
// form.
#include "question/common.h"
#include "question/sql.h"
#include "question/timeline_events.h"

static const char customer_text[] =
    " SELECT # AS customer, count(*) AS events, (SELECT count(DISTINCT (\"key\", \"case\")) FROM "
    "links) AS cases, epoch_ms(min(time)) AS first, epoch_ms(max(time)) AS last, "
    "epoch_ms(max(time)) - epoch_ms(min(time)) AS duration_ms, CASE WHEN count(*) > 0 THEN "
    "coalesce(max(gap), 0) END AS longest_gap_ms FROM (SELECT time, epoch_ms(time) - "
    "lag(epoch_ms(time)) OVER (ORDER BY time, arrival) AS gap FROM mine);\n";

static const char cases_text[] =
    " SELECT \"key\", \"case\", count(*) AS events, epoch_ms(min(time)) AS first, "
    "epoch_ms(max(time)) - epoch_ms(min(time)) AS duration_ms, last(touchpoint ORDER BY time, "
    "arrival) AS last_touchpoint, last(own ORDER BY time, arrival) FILTER (own IS NOT NULL) AS "
    "stage FROM links GROUP BY \"key\", \"case\" ORDER BY first, min(arrival), \"key\";\n";

// Columns of the table events but for the case before them and the cases behind.
static const char events_text[] =
    "epoch_ms(time) AS time, epoch_ms(time) - lag(epoch_ms(time)) OVER w AS gap_ms, touchpoint, "
    "last_value(own IGNORE NULLS) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS "
    "stage";

// "WITH … mine AS (…), links AS (…)": the events shown, and one row for each of their cases.
static ds_code put_mine(const ds_request *request, const ds_plan *plan, const char *customer,
                        const char *key, ds_buf *out, ds_error *err) {
  const ds_names *keys = &request->snapshot->space.keys;
  const char *only = ds_option_get(&request->options, "case");
  TRY(ds_sql_events(request, plan, out, err));
  ds_sql_put_known(request, out);
  ds_buf_text(out, ", mine AS (SELECT ");
  ds_sql_put_plain(request, out);
  ds_sql_put_named(", nullif(k.stage_name, 'any') AS own FROM chosen c "
                   "LEFT JOIN known k ON k.touchpoint = c.touchpoint WHERE customer = #",
                   customer, out);
  if (key != NULL) {
    ds_sql_put_named(" AND list_contains(@, ", key, out);
    ds_sql_put_named("#)", ds_option_get(&request->options, "who"), out);
  }
  ds_buf_text(out, "), links AS (SELECT time, arrival, touchpoint, own, NULL::VARCHAR AS \"key\", "
                   "NULL::VARCHAR AS \"case\" FROM mine WHERE false");
  for (uint32_t k = 0; k < keys->count; k++)
    if (only == NULL || ds_str_equal(keys->text[k], ds_str_of(only)))
      ds_sql_put_named(" UNION ALL SELECT time, arrival, touchpoint, own, #, "
                       "unnest(list_distinct(@)) FROM mine", ds_names_text(keys, k), out);
  ds_buf_text(out, ")");
  return DS_OK;
}

static ds_code put_events(const ds_request *request, ds_buf *out, ds_error *err) {
  const ds_names *keys = &request->snapshot->space.keys;
  ds_plan by_name = {0};
  if (ds_option_get(&request->options, "case") != NULL) {
    ds_buf_printf(out, " SELECT \"case\", %s FROM links WINDOW w AS (PARTITION BY \"case\" ORDER "
                  "BY time, arrival) ORDER BY min(epoch_ms(time)) OVER (PARTITION BY \"case\"), "
                  "\"case\", links.time, arrival;\n", events_text);
    return DS_OK;
  }
  TRY(ds_plan_all_keys(request, &by_name, request->arena, err));
  ds_buf_printf(out, " SELECT %s, concat_ws(' '", events_text);
  for (uint32_t k = 0; k < keys->count; k++)
    ds_sql_put_named(", nullif(array_to_string(list_transform(list_filter(@, lambda v, i: "
                     "list_position(@, v) = i), lambda v: # || '=' || v), ' '), '')",
                     ds_names_text(keys, by_name.columns.keys[k]), out);
  ds_buf_text(out, keys->count == 0 ? ", ''" : "");
  ds_buf_text(out, ") AS cases FROM mine WINDOW w AS (ORDER BY time, arrival) ORDER BY mine.time, "
                   "arrival;\n");
  return DS_OK;
}

ds_code ds_timeline_text(const ds_request *request, const ds_plan *plan, ds_str customer,
                         const char *key, ds_buf *out, ds_error *err) {
  const char *name = ds_arena_text(request->arena, customer.data, customer.size);
  if (name == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for SQL");
  TRY(put_mine(request, plan, name, key, out, err));
  ds_sql_put_named(customer_text, name, out);
  TRY(put_mine(request, plan, name, key, out, err));
  ds_buf_text(out, cases_text);
  TRY(put_mine(request, plan, name, key, out, err));
  TRY(put_events(request, out, err));
  return ds_buf_check(out, "an SQL text", err);
}
