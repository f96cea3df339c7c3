// SPDX-License-Identifier: Apache-2.0
// The table "states" of `tracking` as SQL, over parcels as parcel_sql.h has them: where each of
// them stands, then what is wrong with it, by the definitions of docs/tracking.md.
#include "insight/parcel_rules.h"
#include "insight/parcel_sql.h"
#include "insight/tracking.h"

// Where a parcel, and its order as a whole (p NULL), stands: the furthest that anything told, of
// equally far states the latest, since it came to that.
static const char places_text[] =
    ", moves AS (SELECT x.customer, x.o, x.p, t, s, CASE WHEN touchpoint = 'delivered' AND t > "
    "back THEN 'returned' ELSE to_state END AS state, CASE WHEN touchpoint = 'delivered' AND t > "
    "back THEN 11 ELSE rank END AS far FROM x JOIN backs b ON b.customer = x.customer AND b.o = "
    "x.o AND b.p IS NOT DISTINCT FROM x.p WHERE rank > 0), furthest AS (SELECT *, lag(state) OVER "
    "(PARTITION BY customer, o, p ORDER BY t, s) AS before FROM (SELECT * FROM moves QUALIFY far = "
    "max(far) OVER (PARTITION BY customer, o, p))), places AS (SELECT customer, o, p, far, "
    "last(state ORDER BY t, s) AS state, last(t ORDER BY t, s) AS since FROM furthest WHERE before "
    "IS DISTINCT FROM state GROUP BY ALL), seen AS (SELECT customer, o, p, max(t) FILTER (is_scan) "
    "AS scanned, min(t) FILTER (rank = 4) AS cancelled FROM x GROUP BY ALL)";

// Of each parcel and order the promise told first; when one told anew, or an estimate, was first
// behind the parcel's own as told so far, else behind the order's; and of a parcel the promise that
// holds.
static const char promises_text[] =
    ", firsts AS (SELECT customer, o, p, first({'t': t, 'arrival': arrival, 'day': day, 'ends': "
    "ends} ORDER BY t, arrival) AS told FROM revisions WHERE NOT estimate GROUP BY ALL), slips AS "
    "(SELECT r.customer, r.o, r.p, min(r.t) AS slipped FROM (SELECT r.*, CASE WHEN (b.told.t, "
    "b.told.arrival) <= (r.t, r.arrival) THEN b.told WHEN (a.told.t, a.told.arrival) <= (r.t, "
    "r.arrival) THEN a.told END AS original FROM revisions r LEFT JOIN firsts b ON b.customer = "
    "r.customer AND b.o = r.o AND b.p = r.p LEFT JOIN firsts a ON a.customer = r.customer AND a.o "
    "= r.o AND a.p IS NULL) r WHERE r.ends > r.original.ends AND NOT (r.whole AND r.day <= "
    "r.original.day) GROUP BY ALL), holding AS (SELECT r.customer, r.o, r.p, CASE WHEN b.told IS "
    "NULL OR (a.told.t, a.told.arrival) < (b.told.t, b.told.arrival) THEN a.told ELSE b.told END "
    "AS told FROM parcels r LEFT JOIN firsts b ON b.customer = r.customer AND b.o = r.o AND b.p = "
    "r.p LEFT JOIN firsts a ON a.customer = r.customer AND a.o = r.o AND a.p IS NULL)";

// All that is known of a parcel, what holds for the order laid over it.
static const char known_text[] =
    ", known AS (SELECT r.customer, r.o, r.p, coalesce(CASE WHEN w.far > coalesce(l.far, 0) THEN "
    "w.state ELSE l.state END, 'unknown') AS state, CASE WHEN w.far > coalesce(l.far, 0) THEN "
    "w.since WHEN w.far = l.far THEN least(w.since, l.since) ELSE l.since END AS since, e.scanned, "
    "least(e.cancelled, c.cancelled) AS cancelled, f.carried, f.attempt AS tried, f.out, "
    "least(a.slipped, b.slipped) AS slipped, m.told.t AS told, m.told.ends AS ends FROM parcels r "
    "JOIN picked k ON k.customer = r.customer AND k.o = r.o LEFT JOIN places l ON l.customer = "
    "r.customer AND l.o = r.o AND l.p = r.p LEFT JOIN places w ON w.customer = r.customer AND w.o "
    "= r.o AND w.p IS NULL LEFT JOIN seen e ON e.customer = r.customer AND e.o = r.o AND e.p = r.p "
    "LEFT JOIN seen c ON c.customer = r.customer AND c.o = r.o AND c.p IS NULL LEFT JOIN facts f "
    "ON f.customer = r.customer AND f.o = r.o AND f.p = r.p LEFT JOIN slips a ON a.customer = "
    "r.customer AND a.o = r.o AND a.p = r.p LEFT JOIN slips b ON b.customer = r.customer AND b.o = "
    "r.o AND b.p IS NULL LEFT JOIN holding m ON m.customer = r.customer AND m.o = r.o AND m.p = "
    "r.p)";

// A parcel is called off at an instant when it was cancelled by then and no carrier had it.
#define CALLED_OFF(at) \
  "coalesce(cancelled <= " at " AND (carried IS NULL OR carried > " at "), false)"

// What is wrong with a parcel; '@' is now. In doubt is a promise only until an attempt is made.
static const char judged_text[] =
    ", judged AS (SELECT *, quiet_at <= @ AND NOT " CALLED_OFF("quiet_at") " AS stalled, given_up "
    "<= @ AS lost, late_at <= @ AND (tried IS NULL OR tried >= ends) AND NOT "
    CALLED_OFF("late_at") " AS missed, least(CASE WHEN NOT coalesce(out <= doubt_at, false) AND "
    "NOT " CALLED_OFF("doubt_at") " THEN doubt_at END, CASE WHEN NOT " CALLED_OFF("slipped")
    " THEN slipped END) AS doubted, @ - since AS lasts, row_number() OVER (PARTITION BY customer, "
    "o ORDER BY state = 'cancelled', number) AS place FROM marked) SELECT state, count(*) AS "
    "parcels, count(*) FILTER (place = 1) AS orders, count(*) FILTER (stalled) AS stalled, "
    "count(*) FILTER (doubted <= @ AND doubted < late_at AND NOT missed AND tried IS NULL AND "
    "open) AS at_risk, count(*) FILTER (missed) AS missed, count(*) FILTER (lost) AS lost, "
    "quantile_cont(lasts, 0.5) AS median_ms, quantile_cont(lasts, 0.9) AS p90_ms, max(lasts) AS "
    "longest_ms FROM judged GROUP BY state, number ORDER BY number;\n";

// "'labelled', …": the states for which something holds.
static void put_states(bool (*holds)(const ds_parcel_state_row *state), ds_buf *out) {
  const char *before = "";
  for (uint32_t s = 0; s < DS_PARCEL_STATES_COUNT; s++)
    if (holds == NULL || holds(&ds_parcel_states[s])) {
      ds_buf_printf(out, "%s'%s'", before, ds_parcel_states[s].name);
      before = ", ";
    }
}

static bool has_label(const ds_parcel_state_row *state) {
  return state->silence == DS_SILENCE_LABEL;
}

static bool has_carrier(const ds_parcel_state_row *state) {
  return state->silence == DS_SILENCE_CARRIER;
}

static bool is_open(const ds_parcel_state_row *state) { return state->open; }

// ", marked AS (…)": with the instants at which something could be wrong with a parcel.
static void put_marked(const ds_tracking_limits *limits, ds_buf *out) {
  ds_buf_text(out, ", marked AS (SELECT *, list_position([");
  put_states(NULL, out);
  ds_buf_text(out, "], state) AS number, state IN (");
  put_states(is_open, out);
  ds_buf_text(out, ") AS open, scanned + CASE WHEN state IN (");
  put_states(has_label, out);
  ds_buf_printf(out, ") THEN %lld WHEN state IN (", (long long)limits->label_silent_ms);
  put_states(has_carrier, out);
  ds_buf_printf(out, ") THEN %lld END AS quiet_at, CASE WHEN state IN (",
                (long long)limits->silent_ms);
  put_states(has_carrier, out);
  ds_buf_printf(out, ") THEN scanned + %lld END AS given_up, greatest(ends, told) AS late_at, "
                "greatest(ends - %lld, told) AS doubt_at FROM known)",
                (long long)limits->lost_ms, (long long)limits->risk_ms);
}

// What the text does not say.
static ds_code check(const ds_request *request, const ds_plan *plan, const ds_parcel_rules *rules,
                     ds_error *err) {
  if (request->snapshot->events == 0)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: there are no events to name");
  if (ds_option_get(&request->options, "id") != NULL)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: tracking of one identifier");
  if (ds_option_get(&request->options, "by") != NULL)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: --by of parcels");
  if ((plan->has_from || plan->has_to) && plan->range == DS_RANGE_EVENTS)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: --range events");
  return rules->limits.calendar != NULL
             ? ds_fail(err, DS_UNSUPPORTED, "no SQL form: silence in the hours of a calendar")
             : DS_OK;
}

ds_code ds_tracking_sql(const ds_request *asked, ds_buf *out, ds_error *err) {
  ds_request request;
  ds_plan plan, with;
  ds_parcel_sql of;
  const ds_parcel_rules *rules = NULL;
  TRY(ds_parcel_request(asked, &request, err));
  const bool by_day = ds_option_flag(&request.options, "by-day");
  TRY(ds_journey_plan(&request, &plan, err));
  with = plan;
  TRY(ds_parcel_plan(&request, &with, ds_option_get(&request.options, "promise"), by_day, NULL,
                     request.as_of_ms, &rules, err));
  TRY(check(&request, &plan, rules, err));
  TRY(ds_parcel_sql_init(&of, &request, &plan, rules, by_day, err));
  TRY(ds_parcel_sql_put(&of, out, err));
  ds_buf_text(out, places_text);
  TRY(ds_parcel_sql_put_revisions(&of, true, out, err));
  ds_buf_text(out, promises_text);
  ds_buf_text(out, ", picked AS (SELECT customer, o");
  ds_parcel_sql_put_picked(&of, out);
  ds_buf_text(out, ")");
  ds_buf_text(out, known_text);
  put_marked(&rules->limits, out);
  for (const char *at = judged_text; *at != '\0'; at++) {
    if (*at == '@')
      ds_buf_printf(out, "%lld", (long long)request.as_of_ms);
    else
      ds_buf_append(out, at, 1);
  }
  return ds_buf_check(out, "an SQL text", err);
}
