// SPDX-License-Identifier: Apache-2.0
// The tables "overall", "groups" and "stages" of `delivery` as SQL, over parcels as parcel_sql.h
// has them.
#include "insight/delivery.h"
#include "insight/parcel_sql.h"
#include "question/common.h"
#include "question/sql.h"

// What a promise is, as told by an event.
#define PROMISE                                                                                  \
  "{'t': r.t, 'arrival': r.arrival, 'day': r.day, 'ends': r.ends, 'from_t': r.from_t, "          \
  "'from_day': r.from_day, 'whole': r.whole}"

// The first promise of a parcel, and of its order: the one told first holds.
static const char originals_text[] =
    ", told AS (SELECT customer, o, p, first(" PROMISE " ORDER BY t, arrival) AS of FROM revisions "
    "r WHERE NOT estimate GROUP BY ALL), originals AS (SELECT r.customer, r.o, r.p, CASE WHEN b.of "
    "IS NULL OR (a.of.t, a.of.arrival) < (b.of.t, b.of.arrival) THEN a.of ELSE b.of END AS promise "
    "FROM parcels r LEFT JOIN told b ON b.customer = r.customer AND b.o = r.o AND b.p = r.p LEFT "
    "JOIN told a ON a.customer = r.customer AND a.o = r.o AND a.p IS NULL)";

// The last promise or estimate, of a parcel or its order, told before it came; what is written
// beside a delivery is none.
static const char currents_text[] =
    ", lasts AS (SELECT k.customer, k.o, k.p, last(" PROMISE " ORDER BY r.t, r.arrival, "
    "r.estimate) AS of FROM parcels k JOIN revisions r ON r.customer = k.customer AND r.o = k.o "
    "AND (r.p IS NULL OR r.p = k.p) LEFT JOIN facts f ON f.customer = k.customer AND f.o = k.o "
    "AND f.p = k.p WHERE r.touchpoint <> 'delivered' AND (f.%s IS NULL OR f.%s > r.t) GROUP BY "
    "ALL), promised AS (SELECT r.customer, r.o, r.p, coalesce(b.of, r.promise) AS promise FROM "
    "originals r LEFT JOIN lasts b ON b.customer = r.customer AND b.o = r.o AND b.p = r.p)";

// All that is known of a parcel.
static const char known_text[] =
    ", known AS (SELECT r.customer, r.o, k.* EXCLUDE (customer, o), placed, least(f.prepared, "
    "w.prepared) AS prepared, f.delivered, f.carried, f.attempt AS tried, coalesce(troubled, "
    "false) AS troubled, greatest(f.rank, w.rank) AS rank, m.promise FROM parcels r JOIN picked k "
    "ON k.customer = r.customer AND k.o = r.o LEFT JOIN whole h ON h.customer = r.customer AND h.o "
    "= r.o LEFT JOIN facts f ON f.customer = r.customer AND f.o = r.o AND f.p = r.p LEFT JOIN "
    "facts w ON w.customer = r.customer AND w.o = r.o AND w.p IS NULL LEFT JOIN troubles u ON "
    "u.customer = r.customer AND u.o = r.o AND u.p = r.p LEFT JOIN promised m ON m.customer = "
    "r.customer AND m.o = r.o AND m.p = r.p)";

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

// The orders that are asked about, with the values that tell groups apart, and their group of --by.
static void put_picked(const delivery_asked *asked, const ds_parcel_sql *of, const ds_sql_by *by,
                       ds_buf *out) {
  ds_sql_put_parts(by, "o", ds_parcel_sql_orders(of), out);
  ds_buf_printf(out, ", %s AS (SELECT customer, o", by->name == NULL ? "picked" : "timely");
  for (uint32_t d = 0; d < asked->dimensions; d++)
    if (asked->dimension[d].kind == DELIVERY_PROPERTY) {
      ds_sql_put_named(", first(@ ORDER BY time, arrival) FILTER (@ IS NOT NULL)",
                       asked->dimension[d].name, out);
      ds_buf_printf(out, "::VARCHAR AS g%u", d);
    }
  ds_parcel_sql_put_picked(of, out);
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
  ds_buf_printf(out, "arrived < promise.ends AS kept, CASE WHEN promise.whole THEN (arrived_day - "
                "promise.day) * 86400000 ELSE arrived - (promise.ends - 1) END AS gap, "
                "promise.ends <= %lld AS past",
                (long long)asked->as_of_ms);
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
static ds_code put_judgement(const delivery_asked *asked, const ds_parcel_sql *of,
                             const ds_sql_by *by, ds_buf *out, ds_error *err) {
  TRY(ds_parcel_sql_put(of, out, err));
  const bool current = asked->against == DELIVERY_CURRENT;
  TRY(ds_parcel_sql_put_revisions(of, current, out, err));
  ds_buf_text(out, originals_text);
  const char *came = asked->arrival == DELIVERY_ATTEMPT ? "attempt" : "delivered";
  if (current)
    ds_buf_printf(out, currents_text, came, came);
  else
    ds_buf_text(out, ", promised AS (SELECT * FROM originals)");
  put_picked(asked, of, by, out);
  ds_buf_text(out, known_text);
  put_judged(asked, out);
  return DS_OK;
}

static ds_code put_counted(const delivery_asked *asked, const ds_parcel_sql *of,
                           const ds_sql_by *by, bool grouped, ds_buf *out, ds_error *err) {
  const char *n = ds_option_get(&asked->request->options, "min-n");
  const bool parted = by->name != NULL;
  ds_buf group, shown;
  TRY(put_judgement(asked, of, by, out, err));
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

static ds_code put_stages(const delivery_asked *asked, const ds_parcel_sql *of,
                          const ds_sql_by *by, ds_buf *out, ds_error *err) {
  static const char *const names[] = {"processing", "pickup", "transit", "click_to_deliver"};
  static const char *const values[] = {"processing", "pickup", "transit", "click"};
  TRY(put_judgement(asked, of, by, out, err));
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

// What the text does not say.
static ds_code check(const delivery_asked *asked, const ds_sql_by *by, ds_error *err) {
  if (asked->worktime != NULL)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: --hours");
  for (uint32_t d = 0; d < asked->dimensions; d++)
    if (asked->dimension[d].kind == DELIVERY_PROPERTY)
      TRY(ds_parcel_sql_check_name(asked->dimension[d].name, err));
  return by->name == NULL ? DS_OK : ds_parcel_sql_check_name(by->property, err);
}

ds_code ds_delivery_sql(const ds_request *request, ds_buf *out, ds_error *err) {
  ds_request with_case;
  ds_parcel_sql of;
  ds_sql_by by;
  TRY(ds_parcel_request(request, &with_case, err));
  delivery_asked *asked = ds_arena_alloc(request->arena, sizeof *asked);
  if (asked == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for SQL");
  TRY(ds_delivery_read(&with_case, asked, err));
  if (request->snapshot->events == 0)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: there are no events to name");
  TRY(ds_sql_by_read(request, &by, err));
  TRY(check(asked, &by, err));
  TRY(ds_parcel_sql_init(&of, &with_case, &asked->period, asked->rules,
                         ds_option_flag(&request->options, "by-day"), err));
  TRY(put_counted(asked, &of, &by, false, out, err));
  if (asked->dimensions > 0)
    TRY(put_counted(asked, &of, &by, true, out, err));
  TRY(put_stages(asked, &of, &by, out, err));
  return ds_buf_check(out, "an SQL text", err);
}
