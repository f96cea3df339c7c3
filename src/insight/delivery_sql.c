// SPDX-License-Identifier: Apache-2.0
// The tables "overall", "groups" and "stages" of `delivery` as SQL, with the fold of orders into
// parcels said once more, in sets.
#include "insight/delivery.h"
#include "question/common.h"
#include "question/sql.h"

// Orders' events until as_of. A scan that names its parcel alone joins the order of that parcel.
static const char linked_text[] =
    ", links AS (SELECT customer, parcel, first(@ ORDER BY time, arrival) AS keys FROM (SELECT "
    "customer, time, arrival, @, unnest(parcel_id) AS parcel FROM chosen WHERE len(@) > 0) "
    "GROUP BY ALL), own AS (SELECT c.* REPLACE (CASE WHEN len(c.@) > 0 THEN c.@ ELSE l.keys "
    "END AS @) FROM chosen c LEFT JOIN links l ON l.customer = c.customer AND l.parcel = "
    "c.parcel_id[1])";

// Of each order its parcels, those of carriers that made a label without one beside the named ones
// (chr(31) before its name), and of each event the parcel of which it tells; NULL: of the order.
static const char parcels_text[] =
    ", e AS MATERIALIZED (SELECT o.*, s.* EXCLUDE (touchpoint) FROM o LEFT JOIN statuses s USING "
    "(touchpoint)), named AS (SELECT DISTINCT customer, o, unnest(parcels) AS p FROM e), owners "
    "AS (SELECT DISTINCT customer, o, unnest(parcels) AS p, carried_by FROM e WHERE carried_by "
    "<> ''), loose AS (SELECT *, count(*) OVER (PARTITION BY customer, o) AS n FROM (SELECT "
    "DISTINCT customer, o, carried_by FROM e WHERE touchpoint = 'label_created' AND len(parcels) "
    "= 0 AND carried_by <> '') l WHERE (customer, o, carried_by) NOT IN (SELECT (customer, o, "
    "carried_by) FROM owners) AND (customer, o) NOT IN (SELECT (customer, o) FROM e WHERE "
    "touchpoint = 'carrier_changed' AND len(parcels) = 0) AND (customer, o) NOT IN (SELECT "
    "(customer, o) FROM named WHERE (customer, o, p) NOT IN (SELECT (customer, o, p) FROM "
    "owners))), loosed AS (SELECT customer, o, chr(31) || carried_by AS p, carried_by FROM loose "
    "WHERE n > 1 OR (customer, o) IN (SELECT (customer, o) FROM named)), every AS (SELECT * FROM "
    "named UNION ALL SELECT customer, o, p FROM loosed), all_of AS (SELECT * FROM every UNION "
    "ALL SELECT DISTINCT customer, o, '' FROM e WHERE (customer, o) NOT IN (SELECT (customer, o) "
    "FROM every)), parcels AS MATERIALIZED (SELECT * FROM all_of WHERE (customer, o) IN (SELECT "
    "(customer, o) FROM e WHERE s IS NOT NULL)), sizes AS (SELECT customer, o, count(*) AS n, "
    "min(p) AS lone FROM parcels GROUP BY ALL), theirs AS (SELECT customer, o, carried_by, "
    "min(p) AS p FROM (SELECT * FROM owners UNION ALL SELECT * FROM loosed) GROUP BY ALL HAVING "
    "count(DISTINCT p) = 1), x AS MATERIALIZED (SELECT e.*, unnest(parcels) AS p FROM e UNION "
    "ALL SELECT e.*, CASE WHEN s IS NULL OR of_order THEN NULL WHEN z.n = 1 THEN lone ELSE w.p "
    "END AS p FROM e JOIN sizes z ON z.customer = e.customer AND z.o = e.o LEFT JOIN theirs w ON "
    "w.customer = e.customer AND w.o = e.o AND w.carried_by = e.carried_by WHERE len(parcels) = "
    "0 AND (s IS NULL OR of_order OR z.n = 1 OR w.p IS NOT NULL))";

// What of a parcel is known: when it was sent back, then all the rest.
static const char facts_text[] =
    ", backs AS (SELECT customer, o, p, min(t) FILTER (rank = 10) AS back FROM x GROUP BY "
    "ALL), facts AS MATERIALIZED (SELECT x.customer, x.o, x.p, min(t) FILTER (touchpoint = "
    "'delivered' AND (back IS NULL OR t <= back)) AS delivered, min(t) FILTER (attempt AND "
    "(touchpoint <> 'delivered' OR back IS NULL OR t <= back)) AS attempt, min(t) FILTER (rank "
    ">= 5) AS carried, min(t) FILTER (touchpoint = 'label_created') AS labelled, min(t) FILTER "
    "(touchpoint = 'out_for_delivery') AS out, max(CASE WHEN touchpoint = 'delivered' AND t > "
    "back THEN 11 ELSE rank END) AS rank FROM x JOIN backs b ON b.customer = x.customer AND "
    "b.o = x.o AND b.p IS NOT DISTINCT FROM x.p GROUP BY ALL), troubles AS (SELECT x.customer, "
    "x.o, x.p, bool_or(t <= delivered AND (touchpoint IN ('delivery_attempt_failed', "
    "'available_for_pickup') OR (bad AND out < t) OR (touchpoint = 'out_for_delivery' AND t - "
    "out > 86400000))) AS troubled FROM x JOIN facts f ON f.customer = x.customer AND f.o = "
    "x.o AND f.p = x.p GROUP BY ALL), whole AS (SELECT x.customer, x.o, min(t) FILTER "
    "(touchpoint = 'order_placed') AS placed, min(t) FILTER (rank = 2 OR (touchpoint = "
    "'label_created' AND p IS NOT NULL)) AS prepared, min(t) AS first_t, max(t) AS last_t FROM "
    "x GROUP BY ALL)";

// The first promise of a parcel, and of its order: the one told first holds.
static const char promises_text[] =
    ", told AS (SELECT customer, o, p, first({'t': t, 'arrival': arrival, 'day': day, 'until': "
    "until, 'from_t': from_t, 'from_day': from_day} ORDER BY t, arrival) AS of FROM x WHERE day "
    "IS NOT NULL GROUP BY ALL), promised AS (SELECT r.customer, r.o, r.p, CASE WHEN b.of IS NULL "
    "OR (a.of.t, a.of.arrival) < (b.of.t, b.of.arrival) THEN a.of ELSE b.of END AS promise FROM "
    "parcels r LEFT JOIN told b ON b.customer = r.customer AND b.o = r.o AND b.p = r.p LEFT JOIN "
    "told a ON a.customer = r.customer AND a.o = r.o AND a.p IS NULL)";

// All that is known of a parcel.
static const char known_text[] =
    ", known AS (SELECT r.customer, r.o, k.* EXCLUDE (customer, o), placed, prepared, "
    "f.delivered, f.carried, f.attempt AS tried, coalesce(troubled, false) AS troubled, "
    "greatest(f.rank, w.rank) AS rank, m.promise FROM parcels r JOIN picked k ON k.customer = "
    "r.customer AND k.o = r.o LEFT JOIN whole h ON h.customer = r.customer AND h.o = r.o LEFT "
    "JOIN facts f ON f.customer = r.customer AND f.o = r.o AND f.p = r.p LEFT JOIN facts w ON "
    "w.customer = r.customer AND w.o = r.o AND w.p IS NULL LEFT JOIN troubles u ON u.customer "
    "= r.customer AND u.o = r.o AND u.p = r.p LEFT JOIN promised m ON m.customer = r.customer "
    "AND m.o = r.o AND m.p = r.p)";

static const char counted_text[] =
    ", counted AS (SELECT count(arrived) AS deliveries, count(arrived) FILTER (due) AS "
    "promised, count(*) FILTER (kept) AS kept, count(*) FILTER (NOT kept) AS late, count(*) "
    "FILTER (kept AND early) AS early, "
    "quantile_cont(gap, 0.5) FILTER (due) AS gap_median, quantile_cont(gap, 0.9) FILTER (due) "
    "AS gap_p90, count(click) AS clicks, quantile_cont(click, 0.5) AS click_median, "
    "quantile_cont(click, 0.9) AS click_p90, count(tried) AS tries, count(*) FILTER (tried IS "
    "NOT NULL AND delivered IS NOT NULL AND NOT troubled) AS first_tries, count(*) FILTER "
    "(arrived IS NULL AND coalesce(rank, 0) IN (0, 1, 2, 3, 5, 6, 7)) AS open, count(*) FILTER "
    "(arrived IS NULL AND coalesce(rank, 0) IN (0, 1, 2, 3, 5, 6, 7) AND past) AS overdue, "
    "1.959963984540054::DOUBLE AS z%s FROM judged%s) SELECT %sdeliveries, promised, CASE WHEN "
    "deliveries >= %s AND deliveries > 0 THEN promised / deliveries END AS coverage, kept, "
    "late, CASE WHEN promised >= %s THEN late / promised END AS late_share, CASE WHEN promised "
    ">= %s THEN CASE WHEN late = 0 THEN 0 ELSE (late / promised + z * z / (2 * promised) - z * "
    "sqrt(late / promised * (kept / promised) / promised + z * z / (4 * promised * promised))) "
    "/ (1 + z * z / promised) END END AS late_share_low, CASE WHEN promised >= %s THEN CASE "
    "WHEN kept = 0 THEN 1 ELSE (late / promised + z * z / (2 * promised) + z * sqrt(late / "
    "promised * (kept / promised) / promised + z * z / (4 * promised * promised))) / (1 + z * "
    "z / promised) END END AS late_share_high, CASE WHEN promised >= %s THEN early / promised "
    "END AS early_share, CASE WHEN promised >= %s THEN gap_median END AS gap_median_ms, CASE "
    "WHEN promised >= %s THEN gap_p90 END AS gap_p90_ms, CASE WHEN clicks >= %s THEN "
    "click_median END AS click_to_deliver_median_ms, CASE WHEN clicks >= %s THEN click_p90 END "
    "AS click_to_deliver_p90_ms, CASE WHEN tries >= %s THEN first_tries / tries END AS "
    "first_attempt_share, open, overdue FROM counted%s;\n";

static void put_statuses(ds_buf *out) {
  ds_buf_text(out, ", statuses(touchpoint, s, rank, of_order, bad, attempt) AS (VALUES ");
  for (uint32_t s = 0; s < ds_parcel_statuses_count; s++) {
    const ds_parcel_status *of = &ds_parcel_statuses[s];
    ds_buf_printf(out, "%s('%s', %u, %u, %s, %s, %s)", s == 0 ? "" : ", ", of->touchpoint, s,
                  ds_parcel_states[of->state].rank,
                  (of->tells & DS_STATUS_ORDER) != 0 ? "true" : "false",
                  (of->tells & DS_STATUS_EXCEPTION) != 0 ? "true" : "false",
                  (of->tells & DS_STATUS_ATTEMPT) != 0 ? "true" : "false");
  }
  ds_buf_text(out, ")");
}

// A promised day, or the day of a promised instant, as days since 1970.
static void put_day(const delivery_asked *asked, const char *name, bool is_date, ds_buf *out) {
  ds_buf quoted;
  if (is_date) {
    ds_sql_put_named("(@ - DATE '1970-01-01')", name, out);
    return;
  }
  ds_buf_init(&quoted, 4096);
  ds_sql_put_name(&quoted, name);
  ds_sql_put_day(asked->request, ds_buf_cstr(&quoted), out);
  ds_buf_done(&quoted);
}

// The events of orders, with what they promise and tell apart.
static void put_orders(const delivery_asked *asked, const char *key, bool parcels, ds_buf *out) {
  ds_sql_put_named(key == NULL ? ", o AS (SELECT *, epoch_ms(time) AS t FROM (SELECT *, '' AS o, "
                               : ", o AS (SELECT *, epoch_ms(time) AS t FROM (SELECT *, "
                                 "unnest(list_distinct(@)) AS o, ", key, out);
  ds_buf_text(out, parcels ? "list_distinct(coalesce(parcel_id, [])) AS parcels, "
                           : "[]::VARCHAR[] AS parcels, ");
  if (ds_parcel_rules_have_carriers(asked->rules))
    ds_buf_text(out, "coalesce(regexp_replace(translate(carrier, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', "
                "'abcdefghijklmnopqrstuvwxyz'), '[\\x00-/:-@\\[-`{-\\x7f]', '', 'g'), '')");
  else
    ds_buf_text(out, "''");
  ds_buf_text(out, " AS carried_by, ");
  if (asked->promise == NULL) {
    ds_buf_text(out, "NULL::BIGINT AS day, NULL::BIGINT AS until, NULL::BIGINT AS from_t, "
                     "NULL::BIGINT AS from_day");
  } else {
    put_day(asked, asked->promise, asked->is_date, out);
    ds_buf_text(out, " AS day, ");
    ds_sql_put_named(asked->by_day ? "NULL::BIGINT" : "epoch_ms(@)", asked->promise, out);
    ds_buf_text(out, " AS until, ");
    if (asked->has_window && !asked->is_from_date && !asked->by_day)
      ds_sql_put_named("CASE WHEN promise_from <= @ THEN epoch_ms(promise_from) END",
                       asked->promise, out);
    else
      ds_buf_text(out, "NULL::BIGINT");
    ds_buf_text(out, " AS from_t, least(");
    put_day(asked, asked->promise, asked->is_date, out);
    if (asked->has_window) {
      ds_buf_text(out, ", ");
      put_day(asked, "promise_from", asked->is_from_date, out);
    }
    ds_buf_text(out, ") AS from_day");
  }
  ds_buf_printf(out, " FROM %s) WHERE epoch_ms(time) <= %lld)", parcels ? "own" : "chosen",
                (long long)asked->as_of_ms);
}

// The orders of the period, with the values that tell groups apart, and their group of --by.
static void put_picked(const delivery_asked *asked, const ds_sql_by *by, ds_buf *out) {
  static const char *const which[] = {"min(t)", "t", "max(t)"};
  const ds_plan *period = &asked->period;
  ds_sql_put_parts(by, "o", "e", out);
  ds_buf_printf(out, ", %s AS (SELECT customer, o", by->name == NULL ? "picked" : "timely");
  for (uint32_t d = 0; d < asked->dimensions; d++)
    if (asked->dimension[d].kind == DELIVERY_PROPERTY) {
      ds_sql_put_named(", first(@ ORDER BY time, arrival) FILTER (@ IS NOT NULL)",
                       asked->dimension[d].name, out);
      ds_buf_printf(out, "::VARCHAR AS g%u", d);
    }
  ds_buf_text(out, " FROM e GROUP BY customer, o");
  if (asked->has_period)
    ds_buf_printf(out, " HAVING %s(%s >= %lld AND %s < %lld)",
                  period->range == DS_RANGE_TOUCHING ? "bool_or" : "", which[period->range],
                  (long long)(period->has_from ? period->from_ms : -DS_TIME_MAX_MS),
                  which[period->range],
                  (long long)(period->has_to ? period->to_ms : DS_TIME_MAX_MS));
  ds_buf_text(out, by->name == NULL ? ")" : "), picked AS (SELECT k.*, of_group FROM timely k JOIN "
              "parts g ON g.customer = k.customer AND g.o = k.o)");
}

// What a parcel is judged to be.
static void put_judged(const delivery_asked *asked, ds_buf *out) {
  static const char *const formats[] = {
      [DELIVERY_WEEKDAY] = "%A", [DELIVERY_WEEK] = "%Y-%m-%d", [DELIVERY_MONTH] = "%Y-%m"};
  const bool by_attempt = asked->arrival == DELIVERY_ATTEMPT;
  ds_buf_printf(out, ", arrivals AS (SELECT *, %s AS arrived, make_timestamp(%s * 1000) AS "
                "arrived_at, make_timestamp(placed * 1000) AS placed_at FROM known), judged AS "
                "(SELECT *, promise IS NOT NULL AND arrived IS NOT NULL AS due, ",
                by_attempt ? "tried" : "delivered", by_attempt ? "tried" : "delivered");
  ds_sql_put_day(asked->request, "arrived_at", out);
  ds_buf_text(out, " AS arrived_day, ");
  ds_sql_put_day(asked->request, "placed_at", out);
  ds_buf_text(out, " AS placed_day, coalesce(arrived < promise.from_t, arrived_day < "
              "least(promise.from_day, promise.day - 1)) AS early, ");
  if (asked->by_day)
    ds_buf_printf(out, "arrived_day <= promise.day AS kept, (arrived_day - promise.day) * 86400000 "
                  "AS gap, promise.day < %lld AS past", (long long)asked->as_of_day);
  else
    ds_buf_printf(out, "arrived <= promise.until AS kept, arrived - promise.until AS gap, "
                  "promise.until < %lld AS past", (long long)asked->as_of_ms);
  for (uint32_t d = 0; d < asked->dimensions; d++) {
    const delivery_dimension_kind kind = asked->dimension[d].kind;
    if (kind == DELIVERY_PROPERTY)
      continue;
    ds_buf_text(out, kind == DELIVERY_WEEK ? ", strftime(date_trunc('week', " : ", strftime((");
    ds_sql_put_local(asked->request, "placed_at", out);
    ds_buf_printf(out, "), '%s') AS g%u", formats[kind], d);
  }
  ds_buf_text(out, ", CASE WHEN delivered >= placed THEN delivered - placed END AS click, CASE "
              "WHEN coalesce(prepared, carried) >= placed THEN coalesce(prepared, carried) - "
              "placed END "
              "AS processing, CASE WHEN carried >= prepared THEN carried - prepared END AS pickup, "
              "CASE WHEN delivered >= carried THEN delivered - carried END AS transit FROM "
              "arrivals)");
}

static void put_group(const delivery_asked *asked, ds_buf *out) {
  for (uint32_t d = 0; d < asked->dimensions; d++)
    ds_buf_printf(out, "%scoalesce(g%u, '(none)')", d == 0 ? "" : " || ' > ' || ", d);
}

// One statement: all up to `judged`, then what is selected of it.
static ds_code put_judgement(const delivery_asked *asked, const ds_sql_by *by, ds_buf *out,
                             ds_error *err) {
  const ds_request *request = asked->request;
  const char *key = ds_option_get(&request->options, "case");
  const bool parcels = ds_names_find(&request->snapshot->space.keys, ds_str_of("parcel_id")) !=
                       DS_NONE;
  TRY(ds_sql_events(request, &asked->plan, out, err));
  if (parcels)
    ds_sql_put_named(key == NULL ? ", own AS (SELECT * FROM chosen)" : linked_text, key, out);
  put_orders(asked, key, parcels, out);
  put_statuses(out);
  ds_buf_text(out, parcels_text);
  ds_buf_text(out, facts_text);
  ds_buf_text(out, promises_text);
  put_picked(asked, by, out);
  ds_buf_text(out, known_text);
  put_judged(asked, out);
  return DS_OK;
}

static ds_code put_counted(const delivery_asked *asked, const ds_sql_by *by, bool grouped,
                           ds_buf *out, ds_error *err) {
  const char *n = ds_option_get(&asked->request->options, "min-n");
  const bool parted = by->name != NULL;
  ds_buf group, shown;
  TRY(put_judgement(asked, by, out, err));
  ds_buf_init(&group, 4096);
  ds_buf_init(&shown, 4096);
  ds_buf_text(&group, parted ? ", of_group" : "");
  if (grouped) {
    ds_buf_text(&group, ", ");
    put_group(asked, &group);
    ds_buf_text(&group, " AS \"group\"");
  }
  ds_buf_printf(&shown, "%s%s", by->show, grouped ? "\"group\", " : "");
  ds_buf_printf(out, counted_text, ds_buf_cstr(&group), parted || grouped ? " GROUP BY ALL" : "",
                ds_buf_cstr(&shown), n, n, n, n, n, n, n, n, n, n,
                parted || grouped ? "" : " WHERE EXISTS (SELECT 1 FROM known)");
  ds_code code = ds_buf_check(&group, "an SQL text", err);
  if (code == DS_OK)
    code = ds_buf_check(&shown, "an SQL text", err);
  ds_buf_done(&group);
  ds_buf_done(&shown);
  return code;
}

static ds_code put_stages(const delivery_asked *asked, const ds_sql_by *by, ds_buf *out,
                          ds_error *err) {
  static const char *const names[] = {"processing", "pickup", "transit", "click_to_deliver"};
  static const char *const values[] = {"processing", "pickup", "transit", "click"};
  TRY(put_judgement(asked, by, out, err));
  ds_buf_text(out, ", times AS (");
  for (uint32_t s = 0; s < 4; s++)
    ds_buf_printf(out, "%sSELECT %s'%s' AS stage, %s AS v FROM judged",
                  s == 0 ? "" : " UNION ALL ", by->part, names[s], values[s]);
  ds_buf_printf(out, ") SELECT %sstage, count(v) AS n, CASE WHEN count(v) >= %s THEN "
                "quantile_cont(v, 0.5) END AS median_ms, CASE WHEN count(v) >= %s THEN "
                "quantile_cont(v, 0.9) END AS p90_ms FROM times GROUP BY %sstage;\n", by->show,
                ds_option_get(&asked->request->options, "min-n"),
                ds_option_get(&asked->request->options, "min-n"), by->part);
  return DS_OK;
}

ds_code ds_delivery_sql(const ds_request *request, ds_buf *out, ds_error *err) {
  ds_request with_case;
  TRY(ds_parcel_request(request, &with_case, err));
  delivery_asked *asked = ds_arena_alloc(request->arena, sizeof *asked);
  if (asked == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for SQL");
  TRY(ds_delivery_read(&with_case, asked, err));
  if (request->snapshot->events == 0)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: there are no events to name");
  if (asked->plan.cases != NULL)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: --cases");
  if (asked->against == DELIVERY_CURRENT)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: --against current");
  if (ds_parcel_rules_are_local(asked->rules))
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: promises with hours, or by the zone of a "
                   "carrier or a place");
  if (asked->worktime != NULL)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: --hours");
  if (ds_names_find(&request->snapshot->space.keys, ds_str_of("tracking_number")) != DS_NONE)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: parcels by tracking_number");
  ds_sql_by by;
  TRY(ds_sql_by_read(request, &by, err));
  TRY(put_counted(asked, &by, false, out, err));
  if (asked->dimensions > 0)
    TRY(put_counted(asked, &by, true, out, err));
  TRY(put_stages(asked, &by, out, err));
  return ds_buf_check(out, "an SQL text", err);
}
