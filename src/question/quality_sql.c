// SPDX-License-Identifier: Apache-2.0
// Quality as SQL: three statements, touchpoints, properties and problems. Conflicts of types have
// no SQL form, because a column has one type there; advice has none either.
#include "question/common.h"
#include "question/quality.h"
#include "question/sql.h"
#include "scan/property_types.h"

// Behind `named` and plain columns: what each event is in the order of stages; links of events to
// cases, and those that stand behind a later stage in all their cases.
static const char staged_text[] =
    ", c.received, coalesce(n.ordered, 0) AS ordered, n.touchpoint IS NOT NULL AS known "
    "FROM chosen c LEFT JOIN named n ON n.touchpoint = c.touchpoint), links AS (SELECT customer, "
    "time, arrival, ordered, '' AS key, '' AS value FROM staged WHERE false";

static const char judged_text[] =
    "), behind AS (SELECT arrival FROM (SELECT arrival, ordered, max(ordered) OVER (PARTITION BY "
    "customer, key, value ORDER BY time, arrival ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) "
    "AS before FROM links) GROUP BY arrival HAVING bool_and(coalesce(before > ordered, false))), "
    "judged AS (SELECT *, arrival IN (SELECT arrival FROM behind) AS behind, "
    "epoch_ms(coalesce(received, time)) - epoch_ms(time) AS delay, ";

static const char touchpoints_text[] =
    ", silences AS (SELECT touchpoint, max(day - before - 1) AS gap_days FROM (SELECT touchpoint, "
    "day, lag(day) OVER (PARTITION BY touchpoint ORDER BY day) AS before FROM (SELECT DISTINCT "
    "touchpoint, day FROM judged)) GROUP BY touchpoint) SELECT j.touchpoint, count(*) AS events, "
    "count(DISTINCT customer) AS customers, CASE WHEN any_value(known) THEN 'yes' ELSE 'no' END AS "
    "known, count(*) / (max(day) - min(day) + 1) AS per_day, coalesce(any_value(gap_days), 0) AS "
    "gap_days, count(*) FILTER (behind) AS out_of_order, count(*) FILTER (delay > 86400000) AS "
    "late, epoch_ms(min(time)) AS first, epoch_ms(max(time)) AS last FROM judged j JOIN silences s "
    "ON s.touchpoint = j.touchpoint GROUP BY j.touchpoint ORDER BY events DESC, j.touchpoint;\n";

// Behind `expected`: what each touchpoint carries, then what it should and does not.
static const char coverage_text[] =
    "), sizes AS (SELECT touchpoint, count(*) AS events FROM chosen GROUP BY touchpoint), coverage "
    "AS (SELECT s.touchpoint, coalesce(c.property, e.property) AS property, coalesce(c.n, 0) AS n, "
    "s.events, c.type, e.type AS expected, e.place FROM sizes s LEFT JOIN (SELECT * FROM carried "
    "WHERE n > 0 UNION ALL BY NAME SELECT touchpoint, property FROM expected e WHERE NOT EXISTS "
    "(SELECT 1 FROM carried c WHERE c.touchpoint = e.touchpoint AND c.property = e.property AND "
    "c.n > 0)) c ON c.touchpoint = s.touchpoint LEFT JOIN expected e ON e.touchpoint = "
    "s.touchpoint AND e.property = c.property WHERE c.property IS NOT NULL)";

static const char properties_text[] =
    " SELECT touchpoint, property, n AS \"values\", n / events AS coverage, type, expected FROM "
    "coverage ORDER BY events DESC, touchpoint, n = 0, CASE WHEN n = 0 THEN place END, property;\n";

// What is odd about single events and customers, one row each.
static const char odd_text[] =
    ", odd AS (SELECT 'equal_times' AS kind, * FROM marked WHERE tied UNION ALL SELECT "
    "'duplicates', * FROM marked WHERE repeated UNION ALL SELECT 'out_of_order', * FROM marked "
    "WHERE behind UNION ALL SELECT 'without_case', * FROM marked WHERE ordered > 0 AND NOT cased "
    "UNION ALL SELECT 'late_arrival', * FROM marked WHERE delay > 86400000 UNION ALL SELECT "
    "'received_before', * FROM marked WHERE delay < 0 UNION ALL SELECT 'future', * FROM marked "
    "WHERE epoch_ms(time) > now_ms UNION ALL SELECT 'unidentified_customers', * FROM marked WHERE "
    "opens AND anonymous UNION ALL SELECT 'heavy_customers', * FROM marked WHERE opens AND many > "
    "(SELECT greatest(count(*) // 100, 1000) FROM events))";

static const char counted_text[] =
    " SELECT kind, count(*) AS count, CASE WHEN kind LIKE '%_customers' THEN 'customers' ELSE "
    "'events' END AS \"of\", count(*) / any_value(CASE WHEN kind LIKE '%_customers' THEN "
    "t.customers ELSE t.events END) AS share, first(customer || ', ' || touchpoint || ', ' || "
    "strftime(time, '%Y-%m-%dT%H:%M:%S') || CASE WHEN epoch_ms(time) % 1000 = 0 THEN '' ELSE "
    "strftime(time, '.%g') END || 'Z' ORDER BY time, customer, arrival) AS example FROM odd, "
    "totals t GROUP BY kind UNION ALL SELECT 'unknown_touchpoint', count(*), 'events', count(*) / "
    "any_value(t.events), touchpoint FROM judged, totals t WHERE NOT known GROUP BY touchpoint "
    "UNION ALL SELECT 'shared_cases', count(*) FILTER (n > 1), 'cases', count(*) FILTER (n > 1) / "
    "count(*), key FROM (SELECT key, value, count(DISTINCT customer) AS n FROM pairs GROUP BY key, "
    "value) GROUP BY key HAVING count(*) FILTER (n > 1) > 0 ";

// The longest silence of a touchpoint, where its days of the week make so many events likely.
static const char gaps_text[] =
    ", daily AS (SELECT touchpoint, day, count(*) AS n FROM judged GROUP BY ALL), weeks AS (SELECT "
    "c.touchpoint, c.day, d.n, avg(coalesce(d.n, 0)) OVER (PARTITION BY c.touchpoint, c.day % 7) "
    "AS usual FROM (SELECT touchpoint, unnest(range(min(day), max(day) + 1)) AS day FROM daily "
    "GROUP BY touchpoint) c LEFT JOIN daily d ON d.touchpoint = c.touchpoint AND d.day = c.day), "
    "silent AS (SELECT touchpoint, min(day) AS first, max(day) AS last, count(*) AS days, "
    "sum(usual) AS expected FROM (SELECT *, day - row_number() OVER (PARTITION BY touchpoint ORDER "
    "BY day) AS run FROM weeks WHERE n IS NULL) GROUP BY touchpoint, run QUALIFY row_number() OVER "
    "(PARTITION BY touchpoint ORDER BY days DESC, first) = 1)";

static const char rest_text[] =
    "UNION ALL SELECT 'gap', s.days, 'days', s.days / t.days, touchpoint || ', ' || (DATE "
    "'1970-01-01' + first::INTEGER)::VARCHAR || ' to ' || (DATE '1970-01-01' + "
    "last::INTEGER)::VARCHAR FROM silent s, calendar t WHERE expected >= 14 UNION ALL SELECT "
    "'date_only', count(*) FILTER (midnight), 'events', count(*) FILTER (midnight) / count(*), "
    "touchpoint FROM judged GROUP BY touchpoint HAVING count(*) >= 20 AND count(*) FILTER "
    "(midnight) >= 0.9 * count(*) UNION ALL SELECT 'low_coverage', events - n, 'events', (events - "
    "n) / events, touchpoint || '.' || property FROM coverage WHERE n > 0 AND expected IS NOT NULL "
    "AND events >= 20 AND n / events < 0.5 UNION ALL SELECT 'unexpected_type', n, 'events', n / "
    "events, touchpoint || '.' || property || ' is ' || type || ', expected ' || expected FROM "
    "coverage WHERE n > 0 AND type NOT IN (expected, 'sealed') UNION ALL SELECT "
    "'missing_properties', count(*) FILTER (n = 0), 'properties', count(*) FILTER (n = 0) / "
    "count(*), array_to_string(list(touchpoint || '.' || property ORDER BY events DESC, "
    "touchpoint, place) FILTER (n = 0)[1:3], ', ') FROM coverage WHERE expected IS NOT NULL "
    "HAVING count(*) FILTER (n = 0) > 0;\n";

// Touchpoints that the catalogue knows, with their place in the order of stages.
static void put_named(const ds_request *request, ds_buf *out) {
  const ds_names *names = &request->snapshot->space.touchpoints;
  ds_buf_text(out, ", named(touchpoint, ordered) AS (VALUES (NULL::VARCHAR, 0)");
  for (uint32_t t = 0; t < names->count; t++) {
    const ds_touchpoint *known = ds_catalogue_find(request->catalogue, names->text[t]);
    if (known == NULL)
      continue;
    ds_sql_put_named(", (#", ds_names_text(names, t), out);
    ds_buf_printf(out, ", %d)", ds_quality_stage(known));
  }
  ds_buf_text(out, ")");
}

// Whether an event has a case of the keys by which orders are judged; one alone with --case.
static void put_cased(const ds_names *keys, const char *only, ds_buf *out) {
  ds_buf_text(out, keys->count == 0 ? "true" : "(false");
  for (uint32_t k = 0; k < keys->count; k++)
    if (only == NULL || ds_str_equal(keys->text[k], ds_str_of(only)))
      ds_sql_put_named(" OR coalesce(len(@), 0) > 0", ds_names_text(keys, k), out);
  ds_buf_text(out, keys->count == 0 ? " AS cased, " : ") AS cased, ");
}

// "WITH … judged AS (…)": the events, with what touchpoints and problems say of each.
static ds_code put_judged(const ds_request *request, const ds_plan *plan, ds_buf *out,
                          ds_error *err) {
  const ds_names *keys = &request->snapshot->space.keys;
  const char *only = ds_option_get(&request->options, "case");
  TRY(ds_sql_events(request, plan, out, err));
  put_named(request, out);
  ds_buf_text(out, ", staged AS (SELECT ");
  ds_sql_put_plain(request, out);
  ds_buf_text(out, staged_text);
  for (uint32_t k = 0; k < keys->count; k++)
    if (only == NULL || ds_str_equal(keys->text[k], ds_str_of(only)))
      ds_sql_put_named(" UNION ALL SELECT customer, time, arrival, ordered, #, "
                       "unnest(list_distinct(@)) FROM staged WHERE ordered > 0",
                       ds_names_text(keys, k), out);
  ds_buf_text(out, judged_text);
  put_cased(keys, only, out);
  ds_sql_put_day(request, "time", out);
  ds_buf_text(out, " AS day, epoch_ms(time) % 86400000 = 0");
  if (request->zone != NULL) {
    // The instant at which the day of the zone begins, where midnight is left out too.
    ds_sql_put_named(" OR timezone('UTC', time) = timezone(#, date_trunc('day', ",
                     request->zone_name, out);
    ds_sql_put_local(request, "time", out);
    ds_buf_text(out, "))");
  }
  ds_buf_text(out, " AS midnight FROM staged)");
  return DS_OK;
}

// ", carried AS (…), expected(…) AS (…), … coverage AS (…)".
static ds_code put_coverage(const ds_request *request, ds_buf *out, ds_error *err) {
  const ds_space *space = &request->snapshot->space;
  ds_buf_text(out, ", carried AS (SELECT touchpoint, NULL::VARCHAR AS property, 0 AS n, "
                   "NULL::VARCHAR AS type FROM chosen WHERE false");
  for (uint32_t p = 0; p < space->properties.count; p++) {
    ds_property_kinds kinds;
    TRY(ds_property_kinds_of(request->snapshot, (uint16_t)p, &kinds, err));
    ds_sql_put_named(" UNION ALL SELECT touchpoint, #, count(@), ",
                     ds_names_text(&space->properties, p), out);
    ds_sql_put_text(out, ds_type_name(kinds.type));
    ds_buf_text(out, " FROM chosen GROUP BY touchpoint");
  }
  ds_buf_text(out, "), expected(touchpoint, property, type, place) AS (VALUES (NULL::VARCHAR, "
                   "NULL::VARCHAR, NULL::VARCHAR, 0)");
  for (uint32_t t = 0; t < space->touchpoints.count; t++) {
    const ds_touchpoint *known = ds_catalogue_find(request->catalogue, space->touchpoints.text[t]);
    for (uint32_t e = 0; known != NULL && e < known->expected_count; e++) {
      ds_sql_put_named(", (#, ", ds_names_text(&space->touchpoints, t), out);
      ds_sql_put_text(out, known->expected[e].name);
      ds_buf_printf(out, ", '%s', %u)", ds_type_name(known->expected[e].type), e);
    }
  }
  ds_buf_text(out, coverage_text);
  return DS_OK;
}

// ", totals …, calendar …, pairs …, marked …": what the problems are counted from.
static void put_marked(const ds_request *request, ds_buf *out) {
  const ds_names *keys = &request->snapshot->space.keys;
  ds_buf_text(out, ", totals AS (SELECT count(*) AS events, count(DISTINCT customer) AS customers "
                   "FROM chosen), calendar AS (SELECT ");
  ds_sql_put_day(request, "max(time)", out);
  ds_buf_text(out, " - ");
  ds_sql_put_day(request, "min(time)", out);
  ds_buf_text(out, " + 1 AS days FROM events), pairs AS (SELECT customer, '' AS key, '' AS value "
                   "FROM chosen WHERE false");
  for (uint32_t k = 0; k < keys->count; k++)
    ds_sql_put_named(" UNION ALL SELECT customer, #, unnest(@) FROM chosen",
                     ds_names_text(keys, k), out);
  ds_buf_text(out, "), marked AS (SELECT *, row_number() OVER (PARTITION BY customer, time ORDER "
                   "BY arrival) > 1 AS tied, row_number() OVER (PARTITION BY customer, time, "
                   "touchpoint");
  for (uint32_t k = 0; k < keys->count; k++)
    ds_sql_put_named(", list_sort(list_distinct(coalesce(@, [])))", ds_names_text(keys, k), out);
  ds_buf_printf(out, " ORDER BY arrival) > 1 AS repeated, row_number() OVER (PARTITION BY customer "
                "ORDER BY time, arrival) = 1 AS opens, count(*) OVER (PARTITION BY customer) AS "
                "many, %lld AS now_ms, customer LIKE '%%=%%' AND split_part(customer, '=', 1) IN "
                "(''",
                (long long)request->now_ms);
  // The case of an event log is its customer, and means no object.
  for (uint32_t k = 0; k < keys->count; k++)
    if (!ds_str_equal(keys->text[k], ds_str_of("case_id")))
      ds_sql_put_named(", #", ds_names_text(keys, k), out);
  ds_buf_text(out, ") AS anonymous FROM judged)");
}

ds_code ds_quality_sql(const ds_request *request, ds_buf *out, ds_error *err) {
  ds_plan plan;
  TRY(ds_option_refuse(&request->options, "quality", (const char *const[]){"by", "attach"}, 2,
                       err));
  TRY(ds_question_plan(request, &plan, err));
  TRY(ds_plan_leave_links(request, &plan, err));
  TRY(put_judged(request, &plan, out, err));
  ds_buf_text(out, touchpoints_text);
  TRY(ds_sql_events(request, &plan, out, err));
  TRY(put_coverage(request, out, err));
  ds_buf_text(out, properties_text);
  ds_buf_text(out, "-- Values of several types have no SQL form: a column has one type.\n");
  TRY(put_judged(request, &plan, out, err));
  TRY(put_coverage(request, out, err));
  put_marked(request, out);
  ds_buf_text(out, odd_text);
  ds_buf_text(out, gaps_text);
  ds_buf_text(out, counted_text);
  ds_buf_text(out, rest_text);
  return ds_buf_check(out, "an SQL text", err);
}
