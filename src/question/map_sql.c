// SPDX-License-Identifier: Apache-2.0
// The journey map as SQL: stages and touchpoints, and promises when there are any.
#include "question/common.h"
#include "question/map_list.h"
#include "question/sql.h"

// Behind what is known of each touchpoint: the stage of each event (numbers in the stages' order, 0
// = none yet), its place in the case, whether it is late, and the time since the nearest earlier
// stage, else this one, at first events of a touchpoint in a stage.
static const char staged_text[] =
    " AS told, row_number() OVER (PARTITION BY "
    "customer, of_case ORDER BY time, arrival) AS pos FROM chosen LEFT JOIN known USING "
    "(touchpoint)), staged AS (SELECT *, coalesce(last_value(own IGNORE NULLS) OVER w, 0) AS stage "
    "FROM placed WINDOW w AS (PARTITION BY customer, of_case ORDER BY pos ROWS BETWEEN UNBOUNDED "
    "PRECEDING AND CURRENT ROW)), firsts AS (SELECT customer, of_case, stage, min(pos) AS pos, "
    "min(time) AS time FROM staged GROUP BY ALL), seen AS (SELECT *, max(stage) OVER w > stage AS "
    "late, row_number() OVER (PARTITION BY customer, of_case, stage, touchpoint ORDER BY pos) AS "
    "nth, row_number() OVER (PARTITION BY customer, of_case, stage ORDER BY pos) AS stage_nth "
    "FROM staged WINDOW w AS (PARTITION BY customer, of_case ORDER BY pos ROWS BETWEEN UNBOUNDED "
    "PRECEDING AND CURRENT ROW)), origins AS (SELECT s.customer, s.of_case, s.pos, arg_max(f.time, "
    "CASE WHEN f.stage < s.stage THEN f.stage ELSE -1 END) AS time FROM seen s JOIN firsts f ON "
    "f.customer = s.customer AND f.of_case = s.of_case AND f.stage <= s.stage AND f.pos < s.pos "
    "WHERE s.nth = 1 GROUP BY ALL), timed AS (SELECT s.*, epoch_ms(s.time) - epoch_ms(o.time) AS "
    "ms FROM seen s LEFT JOIN origins o ON o.customer = s.customer AND o.of_case = s.of_case AND "
    "o.pos = s.pos), totals AS (SELECT count(DISTINCT (customer, of_case)) AS cases FROM timed)";

static const char stages_text[] =
    ", reached AS (SELECT customer, of_case, stage, max(stage) OVER (PARTITION BY customer, "
    "of_case) AS furthest, bool_or(late) AS late, max(ms) FILTER (stage_nth = 1) AS ms FROM timed "
    "GROUP BY customer, of_case, stage), "
    "pairs AS (SELECT stage, lead(stage) OVER (ORDER BY stage) AS following FROM (SELECT DISTINCT "
    "stage FROM reached)), "
    "moved AS (SELECT r.stage, count(*) AS moved FROM reached r JOIN pairs p USING (stage) JOIN "
    "reached n ON n.customer = r.customer AND n.of_case = r.of_case AND n.stage = p.following "
    "GROUP BY r.stage) "
    "SELECT name AS stage, count(*) AS cases, count(*) / any_value(t.cases) AS reach, "
    "CASE WHEN any_value(following) IS NOT NULL THEN coalesce(any_value(moved), 0) / count(*) END "
    "AS conversion_next, count(*) FILTER (stage = furthest) AS dropped, quantile_cont(ms, 0.5) AS "
    "median_ms, quantile_cont(ms, 0.9) AS p90_ms, count(*) FILTER (late) / count(*) AS "
    "out_of_order";

static const char touchpoints_text[] =
    ", reached AS (SELECT customer, of_case, stage, touchpoint, count(*) AS occurrences, "
    "bool_or(late) AS late, max(ms) AS ms FROM timed GROUP BY ALL) "
    "SELECT name AS stage, reached.touchpoint, any_value(owner) AS owner, "
    "count(*) AS cases, count(*) / any_value(t.cases) AS reach, "
    "sum(occurrences) AS occurrences, sum(occurrences) / count(*) AS per_case, "
    "quantile_cont(ms, 0.5) AS median_ms, quantile_cont(ms, 0.9) AS p90_ms";

// The channels that the events of a touchpoint in a stage tell, as one text.
static const char mixes_text[] =
    ", told AS (SELECT stage, touchpoint, told, count(*) AS n FROM timed WHERE told IS NOT NULL "
    "GROUP BY ALL), ranked AS (SELECT *, row_number() OVER (PARTITION BY stage, touchpoint ORDER "
    "BY n DESC, told) AS rank, sum(n) OVER (PARTITION BY stage, touchpoint) AS total FROM told), "
    "shared AS (SELECT stage, touchpoint, least(rank, %d) AS rank, any_value(CASE WHEN rank < %d "
    "THEN told ELSE 'other' END) AS told, 100 * (sum(n) / any_value(total)) AS percent FROM "
    "ranked GROUP BY stage, touchpoint, least(rank, %d)), mixes AS (SELECT stage, touchpoint, "
    "string_agg(told || CASE WHEN percent < 0.5 THEN ' <1' ELSE ' ' || round(percent)::INTEGER END "
    "|| ' %%', ', ' ORDER BY rank) AS mix FROM shared GROUP BY ALL)";

// Each delivery with its promise: an epoch ends with a delivery.
static const char deliveries_text[] =
    " AS promise, row_number() OVER w AS pos, count(*) FILTER (touchpoint = 'delivered') OVER (w "
    "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS epoch FROM chosen WINDOW w AS (PARTITION "
    "BY customer, of_case ORDER BY time, arrival)), epochs AS (SELECT customer, of_case, epoch, "
    "arg_min(promise, pos) FILTER (promise IS NOT NULL) AS promise, max(time) FILTER (touchpoint = "
    "'delivered') AS time FROM numbered GROUP BY ALL), promises AS (SELECT customer, of_case, "
    "time, last_value(promise IGNORE NULLS) OVER (PARTITION BY customer, of_case ORDER BY epoch) "
    "AS promise FROM epochs), judged AS (SELECT *, ";

static const char promises_text[] =
    " <= promise AS kept FROM promises WHERE time IS NOT NULL), summed AS (SELECT count(*) AS "
    "deliveries, count(promise) AS promised, count(*) FILTER (kept) AS kept, count(*) FILTER (NOT "
    "kept) AS late FROM judged), rated AS (SELECT *, kept / promised AS p, promised::DOUBLE AS n, "
    "1.959963984540054::DOUBLE AS z FROM summed) SELECT deliveries, promised, kept, late, CASE "
    "WHEN n >= %s THEN p END AS kept_share, CASE WHEN n >= %s THEN CASE WHEN kept = 0 THEN 0 ELSE "
    "(p + z * z / (2 * n) - z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n) "
    "END END AS kept_share_low, CASE WHEN n >= %s THEN CASE WHEN kept = promised THEN 1 ELSE (p + "
    "z * z / (2 * n) + z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n) END END "
    "AS kept_share_high";

// What the map reads of events besides their touchpoint and time; NULL names: nothing.
typedef struct sql_names {
  const char *score;
  ds_property_ref score_of;
  const char *promise;
  const char *channel;
  const char *all[3]; // of them what there is, each once
  uint32_t count;
} sql_names;

static void name_add(const ds_request *request, bool has, const ds_property_ref *ref,
                     sql_names *names, const char **ret_name) {
  *ret_name = has ? ds_names_text(&request->snapshot->space.properties, ref->code) : NULL;
  for (uint32_t n = 0; has && n < names->count; n++)
    has = strcmp(names->all[n], *ret_name) != 0;
  if (has)
    names->all[names->count++] = *ret_name;
}

// The values of a property, NULL on other touchpoints than the one that `ref` names.
static void put_value(const ds_request *request, const char *name, const ds_property_ref *ref,
                      ds_buf *out) {
  if (ref->touchpoint != DS_NONE) {
    ds_buf_text(out, "CASE WHEN touchpoint = ");
    ds_sql_put_text(out, ds_names_text(&request->snapshot->space.touchpoints, ref->touchpoint));
    ds_buf_text(out, " THEN ");
  }
  ds_sql_put_name(out, name);
  ds_buf_text(out, ref->touchpoint != DS_NONE ? " END" : "");
}

static void put_scores(const ds_request *request, const sql_names *names, ds_buf *out) {
  if (names->score == NULL)
    return;
  ds_buf_text(out, ", scores AS (SELECT customer, of_case, avg((");
  put_value(request, names->score, &names->score_of, out);
  ds_buf_text(out, ")::DOUBLE) AS score FROM chosen GROUP BY ALL)");
}

// What stages and touchpoints begin with: up to `totals`.
static ds_code put_staged(const ds_request *request, const ds_plan *plan, const sql_names *names,
                          ds_buf *out, ds_error *err) {
  TRY(ds_sql_cases(request, plan, names->all, names->count, out, err));
  ds_sql_put_known(request, out);
  ds_buf_text(out, ", placed AS (SELECT customer, of_case, time, touchpoint, own, ");
  ds_buf_text(out, names->channel == NULL ? "NULL::VARCHAR" : "chosen.\"channel\"");
  ds_buf_text(out, staged_text);
  ds_buf_text(out, ", stages(stage, name) AS (VALUES ");
  for (uint32_t s = 0; s < MAP_STAGES; s++)
    ds_buf_printf(out, "%s(%u, '%s')", s == 0 ? "" : ", ", s, ds_map_stage_name(s));
  ds_buf_text(out, ")");
  put_scores(request, names, out);
  return DS_OK;
}

// The answered times of touchpoints that ask.
static void put_responses(ds_buf *out) {
  ds_buf_text(out, ", responses AS (SELECT stage, touchpoint, quantile_cont(ms, 0.5) AS "
                   "response_ms FROM (SELECT stage, touchpoint, CASE touchpoint");
  for (uint32_t a = 0; a < MAP_ANSWERS; a++)
    ds_buf_printf(out, " WHEN '%s' THEN min(CASE WHEN touchpoint = '%s' THEN epoch_ms(time) END) "
                  "OVER after - epoch_ms(time)", ds_map_answers[a].asks, ds_map_answers[a].answer);
  ds_buf_text(out, " END AS ms FROM timed WINDOW after AS (PARTITION BY customer, of_case ORDER BY "
                   "pos ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)) GROUP BY ALL)");
}

static void put_satisfaction(const ds_request *request, const sql_names *names, ds_buf *out) {
  if (names->score != NULL)
    ds_buf_printf(out, ", CASE WHEN count(score) >= %s THEN avg(score) END AS satisfaction, "
                  "count(score) AS satisfaction_n", ds_option_get(&request->options, "min-n"));
}

static ds_code put_stages(const ds_request *request, const ds_plan *plan, const sql_names *names,
                          ds_buf *out, ds_error *err) {
  TRY(put_staged(request, plan, names, out, err));
  ds_buf_text(out, stages_text);
  put_satisfaction(request, names, out);
  ds_buf_text(out, " FROM reached JOIN stages USING (stage) CROSS JOIN totals t LEFT JOIN pairs "
                   "USING (stage) LEFT JOIN moved USING (stage)");
  ds_buf_text(out, names->score == NULL ? "" : " LEFT JOIN scores USING (customer, of_case)");
  ds_buf_text(out, " GROUP BY stage, name ORDER BY reached.stage;\n");
  return DS_OK;
}

static ds_code put_touchpoints(const ds_request *request, const map_figures *figures,
                               const ds_plan *plan, const sql_names *names, ds_buf *out,
                               ds_error *err) {
  TRY(put_staged(request, plan, names, out, err));
  ds_buf_printf(out, mixes_text, MAP_CHANNELS_NAMED + 1, MAP_CHANNELS_NAMED + 1,
                MAP_CHANNELS_NAMED + 1);
  if (figures->has_answers)
    put_responses(out);
  ds_buf_text(out, touchpoints_text);
  ds_buf_text(out, figures->has_answers ? ", any_value(response_ms) AS response_ms" : "");
  ds_buf_text(out, ", count(*) FILTER (late) / count(*) AS out_of_order");
  put_satisfaction(request, names, out);
  ds_buf_text(out, ", coalesce(any_value(mix), any_value(channel)) AS channel");
  ds_buf_text(out, " FROM reached JOIN stages USING (stage) CROSS JOIN totals t LEFT JOIN known "
                   "USING (touchpoint) LEFT JOIN mixes USING (stage, touchpoint)");
  if (figures->has_answers)
    ds_buf_text(out, " LEFT JOIN responses USING (stage, touchpoint)");
  ds_buf_text(out, names->score == NULL ? "" : " LEFT JOIN scores USING (customer, of_case)");
  ds_buf_text(out, " GROUP BY reached.stage, name, reached.touchpoint ORDER BY reached.stage, "
                   "cases DESC, reached.touchpoint;\n");
  return DS_OK;
}

// When a delivery came, as its promise is written: a day of the store's zone, or an instant.
static void put_came(const ds_request *request, bool day, ds_buf *out) {
  if (!day || request->zone == NULL || request->zone_name == NULL) {
    ds_buf_text(out, day ? "time::DATE" : "time");
    return;
  }
  ds_buf_text(out, "timezone(");
  ds_sql_put_text(out, request->zone_name);
  ds_buf_text(out, ", timezone('UTC', time))::DATE");
}

static ds_code put_promises(const ds_request *request, const map_figures *figures,
                            const ds_plan *plan, const sql_names *names, ds_buf *out,
                            ds_error *err) {
  const char *least = ds_option_get(&request->options, "min-n");
  TRY(ds_sql_cases(request, plan, names->all, names->count, out, err));
  put_scores(request, names, out);
  ds_buf_text(out, ", numbered AS (SELECT customer, of_case, time, touchpoint, ");
  put_value(request, names->promise, &figures->promise, out);
  ds_buf_text(out, deliveries_text);
  put_came(request, figures->is_day, out);
  ds_buf_printf(out, promises_text, least, least, least);
  if (names->score != NULL) {
    static const char *const sides[] = {"kept", "late"};
    for (uint32_t s = 0; s < 2; s++)
      ds_buf_printf(out, ", (SELECT CASE WHEN count(score) >= %s THEN avg(score) END FROM scores "
                    "JOIN (SELECT customer, of_case FROM judged WHERE promise IS NOT NULL GROUP BY "
                    "ALL HAVING bool_and(kept) = %s) USING (customer, of_case)) AS satisfaction_%s",
                    least, s == 0 ? "true" : "false", sides[s]);
  }
  ds_buf_text(out, " FROM rated;\n");
  return DS_OK;
}

ds_code ds_map_sql(const ds_request *request, ds_buf *out, ds_error *err) {
  const char *score = NULL;
  const map_context map = {.groups = 1};
  map_figures figures;
  sql_names names = {.count = 0};
  ds_plan plan;
  TRY(ds_journey_plan(request, &plan, err));
  TRY(ds_map_score_name(request, &score, err));
  if (score != NULL)
    TRY(ds_property_add_number(request->snapshot, &plan, "score", score, request->arena,
                               &names.score_of, err));
  TRY(ds_map_figures_read(request, &map, &plan, &figures, NULL, err));
  name_add(request, score != NULL, &names.score_of, &names, &names.score);
  name_add(request, figures.has_promise, &figures.promise, &names, &names.promise);
  name_add(request, figures.has_channel, &figures.channel, &names, &names.channel);
  TRY(put_stages(request, &plan, &names, out, err));
  TRY(put_touchpoints(request, &figures, &plan, &names, out, err));
  if (figures.has_promise)
    TRY(put_promises(request, &figures, &plan, &names, out, err));
  return ds_buf_check(out, "an SQL text", err);
}
