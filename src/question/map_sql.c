// SPDX-License-Identifier: Apache-2.0
// The journey map as SQL: stages and touchpoints, and answers and promises when there are any.
#include "question/common.h"
#include "question/map_list.h"
#include "question/sql.h"

// Texts with '~' are put by ds_sql_put_by. Behind what is known of each touchpoint: the stage of
// each event (numbers in the stages' order, 0 = none yet), its place in the case, whether it is
// late, and the time since the nearest earlier stage, else this one, at first events of a
// touchpoint in a stage.
static const char staged_text[] =
    " AS told, row_number() OVER (PARTITION BY "
    "customer, of_case ORDER BY time, arrival) AS pos FROM %s LEFT JOIN known USING (touchpoint))";

static const char seen_text[] =
    ", staged AS (SELECT *, coalesce(last_value(own IGNORE NULLS) OVER w, 0) AS stage "
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
    "o.pos = s.pos), totals AS (SELECT ~count(DISTINCT (customer, of_case)) AS cases FROM timed "
    "GROUP BY ALL)";

static const char stages_text[] =
    ", reached AS (SELECT ~customer, of_case, stage, max(stage) OVER (PARTITION BY customer, "
    "of_case) AS furthest, bool_or(late) AS late, max(ms) FILTER (stage_nth = 1) AS ms FROM timed "
    "GROUP BY ~customer, of_case, stage), "
    "pairs AS (SELECT ~stage, lead(stage) OVER (`ORDER BY stage) AS following FROM (SELECT "
    "DISTINCT ~stage FROM reached)), "
    "moved AS (SELECT ~stage, count(*) AS moved FROM reached r JOIN pairs p USING (~stage) JOIN "
    "(SELECT customer, of_case, stage AS following FROM reached) USING (customer, of_case, "
    "following) GROUP BY ~stage) "
    "SELECT ^name AS stage, count(*) AS cases, count(*) / any_value(t.cases) AS reach, "
    "CASE WHEN any_value(following) IS NOT NULL THEN coalesce(any_value(moved), 0) / count(*) END "
    "AS conversion_next, count(*) FILTER (stage = furthest) AS dropped, quantile_cont(ms, 0.5) AS "
    "median_ms, quantile_cont(ms, 0.9) AS p90_ms, count(*) FILTER (late) / count(*) AS "
    "out_of_order";

static const char touchpoints_text[] =
    ", reached AS (SELECT ~customer, of_case, stage, touchpoint, count(*) AS occurrences, "
    "bool_or(late) AS late, max(ms) AS ms FROM timed GROUP BY ALL) "
    "SELECT ^name AS stage, reached.touchpoint, any_value(owner) AS owner, "
    "count(*) AS cases, count(*) / any_value(t.cases) AS reach, "
    "sum(occurrences) AS occurrences, sum(occurrences) / count(*) AS per_case, "
    "quantile_cont(ms, 0.5) AS median_ms, quantile_cont(ms, 0.9) AS p90_ms";

// The channels that the events of a touchpoint in a stage tell, as one text.
static const char mixes_text[] =
    ", told AS (SELECT ~stage, touchpoint, told, count(*) AS n FROM timed WHERE told IS NOT NULL "
    "GROUP BY ALL), ranked AS (SELECT *, row_number() OVER (PARTITION BY ~stage, touchpoint ORDER "
    "BY n DESC, told) AS rank, sum(n) OVER (PARTITION BY ~stage, touchpoint) AS total FROM told), "
    "shared AS (SELECT ~stage, touchpoint, least(rank, most) AS rank, any_value(CASE WHEN rank < "
    "most THEN told ELSE 'other' END) AS told, 100 * (sum(n) / any_value(total)) AS percent FROM "
    "ranked, named GROUP BY ~stage, touchpoint, least(rank, most)), mixes AS (SELECT ~stage, "
    "touchpoint, "
    "string_agg(told || CASE WHEN percent < 0.5 THEN ' <1' ELSE ' ' || round(percent)::INTEGER END "
    "|| ' %', ', ' ORDER BY rank) AS mix FROM shared GROUP BY ALL)";

// Each delivery with its promise: an epoch ends with a delivery.
static const char deliveries_text[] =
    " AS promise, row_number() OVER w AS pos, count(*) FILTER (touchpoint = 'delivered') OVER (w "
    "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS epoch FROM %s WINDOW w AS (PARTITION "
    "BY customer, of_case ORDER BY time, arrival))";

static const char epochs_text[] =
    ", epochs AS (SELECT ~customer, of_case, epoch, "
    "arg_min(promise, pos) FILTER (promise IS NOT NULL) AS promise, max(time) FILTER (touchpoint = "
    "'delivered') AS time FROM numbered GROUP BY ALL), promises AS (SELECT ~customer, of_case, "
    "time, last_value(promise IGNORE NULLS) OVER (PARTITION BY customer, of_case ORDER BY epoch) "
    "AS promise FROM epochs), judged AS (SELECT *, ";

static const char promises_text[] =
    " <= promise AS kept FROM promises WHERE time IS NOT NULL), summed AS (SELECT %scount(time) "
    "AS deliveries, count(promise) AS promised, count(*) FILTER (kept) AS kept, count(*) FILTER "
    "(NOT kept) AS late FROM %sjudged%s), rated AS (SELECT *, kept / promised AS p, "
    "promised::DOUBLE AS n, 1.959963984540054::DOUBLE AS z FROM summed) SELECT %sdeliveries, "
    "promised, kept, late, CASE WHEN n >= %s THEN p END AS kept_share, CASE WHEN n >= %s THEN "
    "CASE WHEN kept = 0 THEN 0 ELSE (p + z * z / (2 * n) - z * sqrt(p * (1 - p) / n + z * z / (4 "
    "* n * n))) / (1 + z * z / n) END END AS kept_share_low, CASE WHEN n >= %s THEN CASE WHEN "
    "kept = promised THEN 1 ELSE (p + z * z / (2 * n) + z * sqrt(p * (1 - p) / n + z * z / (4 * "
    "n * n))) / (1 + z * z / n) END END AS kept_share_high";

static const char answers_text[] =
    "), asked AS (SELECT ~customer, of_case, stage, touchpoint, bool_or(ms IS NOT NULL) AS "
    "answered FROM asking SEMI JOIN asks USING (touchpoint) GROUP BY ALL), summed AS (SELECT "
    "~stage, touchpoint, count(*) AS asked, count(*) FILTER (answered) AS answered FROM asked "
    "GROUP BY ALL), rated AS (SELECT *, answered / asked AS p, asked::DOUBLE AS n, "
    "1.959963984540054::DOUBLE AS z, asked >= least AS enough FROM summed, minimum) SELECT ^name "
    "AS stage, rated.touchpoint, actor, answered_by, asked, answered, asked - answered AS "
    "unanswered, CASE WHEN enough THEN p END AS answered_share, CASE WHEN enough THEN CASE WHEN "
    "answered = 0 THEN 0 ELSE (p + z * z / (2 * n) - z * sqrt(p * (1 - p) / n + z * z / (4 * n * "
    "n))) / (1 + z * z / n) END END AS answered_share_low, CASE WHEN enough THEN CASE WHEN "
    "answered = asked THEN 1 ELSE (p + z * z / (2 * n) + z * sqrt(p * (1 - p) / n + z * z / (4 * "
    "n * n))) / (1 + z * z / n) END END AS answered_share_high FROM rated JOIN stages USING "
    "(stage) JOIN asks USING (touchpoint) LEFT JOIN known USING (touchpoint) ORDER BY "
    "~rated.stage, asked DESC, rated.touchpoint;\n";

// What the map reads of events besides their touchpoint and time; NULL names: nothing.
typedef struct sql_names {
  const char *score;
  ds_property_ref score_of;
  const char *promise;
  const char *channel;
  const char *all[3]; // of them what there is, each once
  uint32_t count;
  ds_sql_by by;
  const char *source; // of the cases' events
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
  ds_buf_printf(out, ")::DOUBLE) AS score FROM %s GROUP BY ALL)", names->source);
}

static ds_code put_cases(const ds_request *request, const ds_plan *plan, sql_names *names,
                         ds_buf *out, ds_error *err) {
  names->source = "chosen";
  TRY(ds_sql_cases(request, plan, names->all, names->count, out, err));
  ds_sql_put_groups(&names->by, "of_case", out, &names->source);
  return DS_OK;
}

// What stages and touchpoints begin with: up to `totals`.
static ds_code put_staged(const ds_request *request, const ds_plan *plan, sql_names *names,
                          ds_buf *out, ds_error *err) {
  TRY(put_cases(request, plan, names, out, err));
  ds_sql_put_known(request, out);
  ds_buf_printf(out, ", placed AS (SELECT %scustomer, of_case, time, touchpoint, own, ",
                names->by.part);
  if (names->channel == NULL)
    ds_buf_text(out, "NULL::VARCHAR");
  else
    ds_buf_printf(out, "%s.\"channel\"", names->source);
  ds_buf_printf(out, staged_text, names->source);
  ds_sql_put_by(&names->by, seen_text, out);
  ds_buf_text(out, ", stages(stage, name) AS (VALUES ");
  for (uint32_t s = 0; s < MAP_STAGES; s++)
    ds_buf_printf(out, "%s(%u, '%s')", s == 0 ? "" : ", ", s, ds_map_stage_name(s));
  ds_buf_text(out, ")");
  put_scores(request, names, out);
  return DS_OK;
}

// "'a', 'b'": what answers a touchpoint that asks.
static void put_answering(const ds_request *request, const map_role *role, uint32_t asks,
                          ds_buf *out) {
  const ds_names *names = &request->snapshot->space.touchpoints;
  const char *before = "";
  for (uint32_t t = 0; t < names->count; t++) {
    if ((role[t].answers >> asks & 1) == 0)
      continue;
    ds_buf_text(out, before);
    ds_sql_put_text(out, ds_names_text(names, t));
    before = ", ";
  }
}

// The times until what touchpoints ask is answered: of each event that asks, by the next that
// answers.
static void put_responses(const ds_request *request, const map_figures *figures,
                          const ds_sql_by *by, ds_buf *out) {
  const ds_names *names = &request->snapshot->space.touchpoints;
  ds_sql_put_by(by, ", asking AS (SELECT ~customer, of_case, stage, touchpoint, CASE touchpoint",
                out);
  for (uint32_t t = 0; t < names->count; t++) {
    if (figures->role[t].asks == DS_NONE)
      continue;
    ds_buf_text(out, " WHEN ");
    ds_sql_put_text(out, ds_names_text(names, t));
    ds_buf_text(out, " THEN min(CASE WHEN touchpoint IN (");
    put_answering(request, figures->role, figures->role[t].asks, out);
    ds_buf_text(out, ") THEN epoch_ms(time) END) OVER after - epoch_ms(time)");
  }
  ds_buf_text(out, " END AS ms FROM timed WINDOW after AS (PARTITION BY customer, of_case ORDER BY "
                   "pos ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING))");
}

static void put_satisfaction(const ds_request *request, const sql_names *names, ds_buf *out) {
  if (names->score != NULL)
    ds_buf_printf(out, ", CASE WHEN count(score) >= %s THEN avg(score) END AS satisfaction, "
                  "count(score) AS satisfaction_n", ds_option_get(&request->options, "min-n"));
}

static void put_from(const ds_sql_by *by, ds_buf *out) {
  ds_buf_printf(out, " FROM reached JOIN stages USING (stage) %s JOIN totals t%s",
                by->name == NULL ? "CROSS" : "", by->name == NULL ? "" : " USING (of_group)");
}

static ds_code put_stages(const ds_request *request, const ds_plan *plan, sql_names *names,
                          ds_buf *out, ds_error *err) {
  TRY(put_staged(request, plan, names, out, err));
  ds_sql_put_by(&names->by, stages_text, out);
  put_satisfaction(request, names, out);
  put_from(&names->by, out);
  ds_sql_put_by(&names->by, " LEFT JOIN pairs USING (~stage) LEFT JOIN moved USING (~stage)", out);
  ds_buf_text(out, names->score == NULL ? "" : " LEFT JOIN scores USING (customer, of_case)");
  ds_sql_put_by(&names->by, " GROUP BY ~stage, name ORDER BY ~reached.stage;\n", out);
  return DS_OK;
}

static ds_code put_touchpoints(const ds_request *request, const map_figures *figures,
                               const ds_plan *plan, sql_names *names, ds_buf *out,
                               ds_error *err) {
  const ds_sql_by *by = &names->by;
  TRY(put_staged(request, plan, names, out, err));
  ds_buf_printf(out, ", named AS (SELECT %d AS most)", MAP_CHANNELS_NAMED + 1);
  ds_sql_put_by(by, mixes_text, out);
  if (figures->asks > 0) {
    put_responses(request, figures, by, out);
    ds_sql_put_by(by, ", responses AS (SELECT ~stage, touchpoint, quantile_cont(ms, 0.5) AS "
                  "response_ms FROM asking GROUP BY ALL)", out);
  }
  ds_sql_put_by(by, touchpoints_text, out);
  ds_buf_text(out, figures->asks > 0 ? ", any_value(response_ms) AS response_ms" : "");
  ds_buf_text(out, ", count(*) FILTER (late) / count(*) AS out_of_order");
  put_satisfaction(request, names, out);
  ds_buf_text(out, ", coalesce(any_value(mix), any_value(channel)) AS channel");
  put_from(by, out);
  ds_sql_put_by(by, " LEFT JOIN known USING (touchpoint) LEFT JOIN mixes USING (~stage, "
                "touchpoint)", out);
  if (figures->asks > 0)
    ds_sql_put_by(by, " LEFT JOIN responses USING (~stage, touchpoint)", out);
  ds_buf_text(out, names->score == NULL ? "" : " LEFT JOIN scores USING (customer, of_case)");
  ds_sql_put_by(by, " GROUP BY ~reached.stage, name, reached.touchpoint ORDER BY ~reached.stage, "
                "cases DESC, reached.touchpoint;\n", out);
  return DS_OK;
}

// Of the cases with an event that asks, those with an answer behind one.
static ds_code put_answers(const ds_request *request, const map_figures *figures,
                           const ds_plan *plan, sql_names *names, ds_buf *out,
                           ds_error *err) {
  const ds_names *touchpoints = &request->snapshot->space.touchpoints;
  const char *before = "";
  TRY(put_staged(request, plan, names, out, err));
  put_responses(request, figures, &names->by, out);
  ds_buf_printf(out, ", minimum AS (SELECT %s AS least)",
                ds_option_get(&request->options, "min-n"));
  ds_buf_text(out, ", asks(touchpoint, answered_by) AS (VALUES ");
  for (uint32_t t = 0; t < touchpoints->count; t++) {
    if (figures->role[t].asks == DS_NONE)
      continue;
    ds_buf_text(out, before);
    ds_buf_text(out, "(");
    ds_sql_put_text(out, ds_names_text(touchpoints, t));
    ds_buf_text(out, ", concat_ws(', ', ");
    put_answering(request, figures->role, figures->role[t].asks, out);
    ds_buf_text(out, "))");
    before = ", ";
  }
  ds_sql_put_by(&names->by, answers_text, out);
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
                            const ds_plan *plan, sql_names *names, ds_buf *out,
                            ds_error *err) {
  const char *least = ds_option_get(&request->options, "min-n");
  const ds_sql_by *by = &names->by;
  const bool grouped = by->name != NULL;
  TRY(put_cases(request, plan, names, out, err));
  put_scores(request, names, out);
  ds_sql_put_by(by, ", numbered AS (SELECT ~customer, of_case, time, touchpoint, ", out);
  put_value(request, names->promise, &figures->promise, out);
  ds_buf_printf(out, deliveries_text, names->source);
  ds_sql_put_by(by, epochs_text, out);
  put_came(request, figures->is_day, out);
  // A group without deliveries is one, too.
  ds_buf_printf(out, promises_text, by->part,
                grouped ? "(SELECT DISTINCT of_group FROM parts) LEFT JOIN " : "",
                grouped ? " USING (of_group) GROUP BY of_group" : "", by->show, least, least,
                least);
  if (names->score != NULL) {
    static const char *const sides[] = {"kept", "late"};
    for (uint32_t s = 0; s < 2; s++)
      ds_buf_printf(out, ", (SELECT CASE WHEN count(score) >= %s THEN avg(score) END FROM scores "
                    "JOIN (SELECT customer, of_case FROM judged WHERE promise IS NOT NULL%s GROUP "
                    "BY ALL HAVING bool_and(kept) = %s) USING (customer, of_case)) AS "
                    "satisfaction_%s", least,
                    grouped ? " AND judged.of_group = rated.of_group" : "",
                    s == 0 ? "true" : "false", sides[s]);
  }
  ds_buf_printf(out, " FROM rated%s;\n", grouped ? " ORDER BY of_group" : "");
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
  TRY(ds_sql_by_read(request, &names.by, err));
  name_add(request, score != NULL, &names.score_of, &names, &names.score);
  name_add(request, figures.has_promise, &figures.promise, &names, &names.promise);
  name_add(request, figures.has_channel, &figures.channel, &names, &names.channel);
  TRY(put_stages(request, &plan, &names, out, err));
  TRY(put_touchpoints(request, &figures, &plan, &names, out, err));
  if (figures.asks > 0)
    TRY(put_answers(request, &figures, &plan, &names, out, err));
  if (figures.has_promise)
    TRY(put_promises(request, &figures, &plan, &names, out, err));
  return ds_buf_check(out, "an SQL text", err);
}
