// SPDX-License-Identifier: Apache-2.0
// The journey map as SQL: two statements, stages and touchpoints.
#include "question/common.h"
#include "question/map_list.h"
#include "question/property.h"
#include "question/sql.h"

// Behind what is known of each touchpoint: the stage of each event (numbers in the stages' order, 0
// = none yet), its place in the case, whether it is late, and the time since the nearest earlier
// stage, else this one, at first events of a touchpoint in a stage.
static const char staged_text[] =
    ", placed AS (SELECT customer, case_id, time, touchpoint, own, row_number() OVER (PARTITION BY "
    "customer, case_id ORDER BY time, arrival) AS pos FROM chosen LEFT JOIN known USING "
    "(touchpoint)), staged AS (SELECT *, coalesce(last_value(own IGNORE NULLS) OVER w, 0) AS stage "
    "FROM placed WINDOW w AS (PARTITION BY customer, case_id ORDER BY pos ROWS BETWEEN UNBOUNDED "
    "PRECEDING AND CURRENT ROW)), firsts AS (SELECT customer, case_id, stage, min(pos) AS pos, "
    "min(time) AS time FROM staged GROUP BY ALL), seen AS (SELECT *, max(stage) OVER w > stage AS "
    "late, row_number() OVER (PARTITION BY customer, case_id, stage, touchpoint ORDER BY pos) AS "
    "nth, row_number() OVER (PARTITION BY customer, case_id, stage ORDER BY pos) AS stage_nth "
    "FROM staged WINDOW w AS (PARTITION BY customer, case_id ORDER BY pos ROWS BETWEEN UNBOUNDED "
    "PRECEDING AND CURRENT ROW)), origins AS (SELECT s.customer, s.case_id, s.pos, arg_max(f.time, "
    "CASE WHEN f.stage < s.stage THEN f.stage ELSE -1 END) AS time FROM seen s JOIN firsts f ON "
    "f.customer = s.customer AND f.case_id = s.case_id AND f.stage <= s.stage AND f.pos < s.pos "
    "WHERE s.nth = 1 GROUP BY ALL), timed AS (SELECT s.*, epoch_ms(s.time) - epoch_ms(o.time) AS "
    "ms FROM seen s LEFT JOIN origins o ON o.customer = s.customer AND o.case_id = s.case_id AND "
    "o.pos = s.pos), totals AS (SELECT count(DISTINCT (customer, case_id)) AS cases FROM timed)";

static const char stages_text[] =
    ", reached AS (SELECT customer, case_id, stage, max(stage) OVER (PARTITION BY customer, "
    "case_id) AS furthest, bool_or(late) AS late, max(ms) FILTER (stage_nth = 1) AS ms FROM timed "
    "GROUP BY customer, case_id, stage), "
    "pairs AS (SELECT stage, lead(stage) OVER (ORDER BY stage) AS following FROM (SELECT DISTINCT "
    "stage FROM reached)), "
    "moved AS (SELECT r.stage, count(*) AS moved FROM reached r JOIN pairs p USING (stage) JOIN "
    "reached n ON n.customer = r.customer AND n.case_id = r.case_id AND n.stage = p.following "
    "GROUP BY r.stage) "
    "SELECT name AS stage, count(*) AS cases, count(*) / any_value(t.cases) AS reach, "
    "CASE WHEN any_value(following) IS NOT NULL THEN coalesce(any_value(moved), 0) / count(*) END "
    "AS conversion_next, count(*) FILTER (stage = furthest) AS dropped, quantile_cont(ms, 0.5) AS "
    "median_ms, quantile_cont(ms, 0.9) AS p90_ms, count(*) FILTER (late) / count(*) AS "
    "out_of_order";

static const char touchpoints_text[] =
    ", reached AS (SELECT customer, case_id, stage, touchpoint, count(*) AS occurrences, "
    "bool_or(late) AS late, max(ms) AS ms FROM timed GROUP BY ALL) "
    "SELECT name AS stage, touchpoint, any_value(owner) AS owner, any_value(channel) AS channel, "
    "count(*) AS cases, count(*) / any_value(t.cases) AS reach, "
    "sum(occurrences) AS occurrences, sum(occurrences) / count(*) AS per_case, "
    "quantile_cont(ms, 0.5) AS median_ms, quantile_cont(ms, 0.9) AS p90_ms, count(*) FILTER "
    "(late) / count(*) AS out_of_order";

static void put_text_or_null(ds_buf *out, const char *text) {
  ds_buf_text(out, ", ");
  if (*text == '\0')
    ds_buf_text(out, "NULL");
  else
    ds_sql_put_text(out, text);
}

// The stage, owner and channel of every touchpoint that the catalogue knows.
static void put_known(const ds_request *request, ds_buf *out) {
  const ds_names *names = &request->snapshot->space.touchpoints;
  ds_buf_text(out, ", known(touchpoint, own, owner, channel) AS (VALUES (NULL::VARCHAR, "
                   "NULL::INTEGER, NULL::VARCHAR, NULL::VARCHAR)");
  for (uint32_t t = 0; t < names->count; t++) {
    const ds_touchpoint *row = ds_catalogue_find(request->catalogue, names->text[t]);
    if (row == NULL)
      continue;
    ds_buf_text(out, ", (");
    ds_sql_put_text(out, ds_names_text(names, t));
    if (row->stage == DS_STAGE_ANY)
      ds_buf_text(out, ", NULL");
    else
      ds_buf_printf(out, ", %d", (int)row->stage);
    put_text_or_null(out, ds_owner_name(row->owner));
    put_text_or_null(out, row->channel);
    ds_buf_text(out, ")");
  }
  ds_buf_text(out, ")");
}

// What both statements begin with: up to `totals`.
static ds_code put_staged(const ds_request *request, const ds_plan *plan, const char *property,
                          const ds_property_ref *ref, ds_buf *out, ds_error *err) {
  TRY(ds_sql_cases(request, plan, &property, property != NULL, out, err));
  put_known(request, out);
  ds_buf_text(out, staged_text);
  ds_buf_text(out, ", stages(stage, name) AS (VALUES ");
  for (uint32_t s = 0; s < MAP_STAGES; s++)
    ds_buf_printf(out, "%s(%u, '%s')", s == 0 ? "" : ", ", s, ds_map_stage_name(s));
  ds_buf_text(out, ")");
  if (property == NULL)
    return DS_OK;
  ds_buf_text(out, ", scores AS (SELECT customer, case_id, avg(");
  ds_sql_put_name(out, property);
  ds_buf_text(out, "::DOUBLE) AS score FROM chosen");
  if (ref->touchpoint != DS_NONE) {
    ds_buf_text(out, " WHERE touchpoint = ");
    ds_sql_put_text(out, ds_names_text(&request->snapshot->space.touchpoints, ref->touchpoint));
  }
  ds_buf_text(out, " GROUP BY ALL)");
  return DS_OK;
}

ds_code ds_map_sql(const ds_request *request, ds_buf *out, ds_error *err) {
  const char *const tables[] = {stages_text, touchpoints_text};
  const char *const ends[] = {" GROUP BY stage, name ORDER BY reached.stage;\n",
                              " GROUP BY reached.stage, name, touchpoint ORDER BY reached.stage, "
                              "cases DESC, touchpoint;\n"};
  const char *score = ds_map_score_name(request);
  ds_property_ref ref = {0};
  const char *property = NULL;
  ds_plan plan;
  TRY(ds_journey_plan(request, &plan, err));
  if (score != NULL) {
    TRY(ds_property_add_number(request->snapshot, &plan, "score", score, request->arena, &ref,
                               err));
    property = ds_names_text(&request->snapshot->space.properties, ref.code);
  }
  for (uint32_t t = 0; t < 2; t++) {
    TRY(put_staged(request, &plan, property, &ref, out, err));
    ds_buf_text(out, tables[t]);
    if (property != NULL)
      ds_buf_printf(out, ", CASE WHEN count(score) >= %s THEN avg(score) END AS satisfaction, "
                    "count(score) AS satisfaction_n",
                    ds_option_get(&request->options, "min-n"));
    ds_buf_text(out, " FROM reached JOIN stages USING (stage) CROSS JOIN totals t");
    if (t == 0)
      ds_buf_text(out, " LEFT JOIN pairs USING (stage) LEFT JOIN moved USING (stage)");
    else
      ds_buf_text(out, " LEFT JOIN known USING (touchpoint)");
    if (property != NULL)
      ds_buf_text(out, " LEFT JOIN scores USING (customer, case_id)");
    ds_buf_text(out, ends[t]);
  }
  return ds_buf_check(out, "an SQL text", err);
}
