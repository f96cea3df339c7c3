// SPDX-License-Identifier: Apache-2.0
// See parcel_sql.h. The fold of orders into parcels, said once more, in sets.
#include "insight/parcel_sql.h"

#include <strings.h>

#include "insight/parcel_rules.h"
#include "question/common.h"
#include "scan/property_types.h"

// What the columns of these tables are called that are none of events.
static const char *const own_columns[] = {
    "o", "p", "t", "s", "n", "rank", "of_order", "bad", "attempt", "to_state", "is_scan", "parcels",
    "carried_by", "day", "until", "from_t", "from_day", "lone", "back", "delivered", "out"};
enum { OWN_COLUMNS = sizeof own_columns / sizeof *own_columns };

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
    ">= 5) AS carried, min(t) FILTER (rank = 2 OR touchpoint = 'label_created') AS prepared, "
    "min(t) FILTER (touchpoint = 'out_for_delivery') AS out, max(CASE WHEN touchpoint = "
    "'delivered' AND t > back THEN 11 ELSE rank END) AS rank FROM x JOIN backs b ON b.customer = "
    "x.customer AND b.o = x.o AND b.p IS NOT DISTINCT FROM x.p GROUP BY ALL), troubles AS (SELECT "
    "x.customer, x.o, x.p, bool_or(t <= delivered AND (touchpoint IN ('delivery_attempt_failed', "
    "'available_for_pickup') OR (bad AND out < t) OR (touchpoint = 'out_for_delivery' AND t - "
    "out > 86400000))) AS troubled FROM x JOIN facts f ON f.customer = x.customer AND f.o = "
    "x.o AND f.p = x.p GROUP BY ALL), whole AS (SELECT x.customer, x.o, min(t) FILTER "
    "(touchpoint = 'order_placed') AS placed, min(t) AS first_t, max(t) AS last_t FROM x GROUP "
    "BY ALL)";

static void put_statuses(ds_buf *out) {
  ds_buf_text(out, ", statuses(touchpoint, s, to_state, rank, of_order, bad, attempt, is_scan) AS "
                   "(VALUES ");
  for (uint32_t s = 0; s < ds_parcel_statuses_count; s++) {
    const ds_parcel_status *of = &ds_parcel_statuses[s];
    ds_buf_printf(out, "%s('%s', %u, '%s', %u, %s, %s, %s, %s)", s == 0 ? "" : ", ",
                  of->touchpoint, s, ds_parcel_states[of->state].name,
                  ds_parcel_states[of->state].rank,
                  (of->tells & DS_STATUS_ORDER) != 0 ? "true" : "false",
                  (of->tells & DS_STATUS_EXCEPTION) != 0 ? "true" : "false",
                  (of->tells & DS_STATUS_ATTEMPT) != 0 ? "true" : "false",
                  (of->tells & DS_STATUS_SCAN) != 0 ? "true" : "false");
  }
  ds_buf_text(out, ")");
}

// A promised day, or the day of a promised instant, as days since 1970.
void ds_parcel_sql_put_day(const ds_parcel_sql *of, const char *name, bool is_date, ds_buf *out) {
  ds_buf quoted;
  if (is_date) {
    ds_sql_put_named("(@ - DATE '1970-01-01')", name, out);
    return;
  }
  ds_buf_init(&quoted, 4096);
  ds_sql_put_name(&quoted, name);
  ds_sql_put_day(of->request, ds_buf_cstr(&quoted), out);
  ds_buf_fail_as(out, &quoted);
  ds_buf_done(&quoted);
}

// "*, ", without the case keys and properties that are called as own columns, whatever the case.
static void put_columns(const ds_space *space, ds_buf *out) {
  const ds_names *all[] = {&space->keys, &space->properties};
  uint32_t taken = 0;
  ds_buf_text(out, "*");
  for (uint32_t h = 0; h < OWN_COLUMNS; h++)
    for (uint32_t i = 0; i < 2; i++)
      for (uint32_t n = 0; n < all[i]->count; n++)
        if (strcasecmp(ds_names_text(all[i], n), own_columns[h]) == 0) {
          ds_buf_text(out, taken++ == 0 ? " EXCLUDE (" : ", ");
          ds_sql_put_name(out, ds_names_text(all[i], n));
        }
  ds_buf_text(out, taken == 0 ? ", " : "), ");
}

// The events of orders, with what they promise and tell apart.
static void put_orders(const ds_parcel_sql *of, ds_buf *out) {
  ds_buf_text(out, ", o AS (SELECT *, epoch_ms(time) AS t FROM (SELECT ");
  put_columns(&of->request->snapshot->space, out);
  ds_sql_put_named(of->key == NULL ? "'' AS o, " : "unnest(list_distinct(@)) AS o, ", of->key, out);
  ds_buf_text(out, of->parcels ? "list_distinct(coalesce(parcel_id, [])) AS parcels, "
                               : "[]::VARCHAR[] AS parcels, ");
  if (ds_parcel_rules_have_carriers(of->rules))
    ds_buf_text(out, "coalesce(regexp_replace(translate(carrier, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', "
                "'abcdefghijklmnopqrstuvwxyz'), '[\\x00-/:-@\\[-`{-\\x7f]', '', 'g'), '')");
  else
    ds_buf_text(out, "''");
  ds_buf_text(out, " AS carried_by, ");
  if (of->promise == NULL) {
    ds_buf_text(out, "NULL::BIGINT AS day, NULL::BIGINT AS until, NULL::BIGINT AS from_t, "
                     "NULL::BIGINT AS from_day");
  } else {
    ds_parcel_sql_put_day(of, of->promise, of->is_date, out);
    ds_buf_text(out, " AS day, ");
    ds_sql_put_named(of->by_day ? "NULL::BIGINT" : "epoch_ms(@)", of->promise, out);
    ds_buf_text(out, " AS until, ");
    if (of->has_window && !of->is_from_date && !of->by_day)
      ds_sql_put_named("CASE WHEN promise_from <= @ THEN epoch_ms(promise_from) END",
                       of->promise, out);
    else
      ds_buf_text(out, "NULL::BIGINT");
    ds_buf_text(out, " AS from_t, least(");
    ds_parcel_sql_put_day(of, of->promise, of->is_date, out);
    if (of->has_window) {
      ds_buf_text(out, ", ");
      ds_parcel_sql_put_day(of, "promise_from", of->is_from_date, out);
    }
    ds_buf_text(out, ") AS from_day");
  }
  ds_buf_printf(out, " FROM %s) WHERE epoch_ms(time) <= %lld)", of->parcels ? "own" : "chosen",
                (long long)of->as_of_ms);
}

ds_code ds_parcel_sql_type(const ds_request *request, const char *name, ds_type *ret_type,
                           ds_error *err) {
  const uint32_t code = ds_names_find(&request->snapshot->space.properties, ds_str_of(name));
  ds_property_kinds kinds = {.type = DS_TYPE_NULL};
  if (code != DS_NONE)
    TRY(ds_property_kinds_of(request->snapshot, (uint16_t)code, &kinds, err));
  if (kinds.types > 1)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: %s has values of several types", name);
  *ret_type = kinds.type;
  return DS_OK;
}

static ds_code read_promise(ds_parcel_sql *of, bool by_day, ds_error *err) {
  ds_type type = DS_TYPE_DATE, from = DS_TYPE_NULL;
  of->promise = ds_parcel_rules_promise(of->rules);
  if (of->promise != NULL)
    TRY(ds_parcel_sql_type(of->request, of->promise, &type, err));
  of->is_date = type == DS_TYPE_DATE;
  of->by_day = by_day || of->is_date;
  if (of->promise == NULL || strcmp(of->promise, "promise_until") != 0)
    return DS_OK;
  TRY(ds_parcel_sql_type(of->request, "promise_from", &from, err));
  of->has_window = from == DS_TYPE_DATE || from == DS_TYPE_TIME;
  of->is_from_date = from == DS_TYPE_DATE;
  return DS_OK;
}

ds_code ds_parcel_sql_init(ds_parcel_sql *of, const ds_request *request, const ds_plan *plan,
                           const ds_parcel_rules *rules, bool by_day, ds_error *err) {
  const ds_names *keys = &request->snapshot->space.keys;
  *of = (ds_parcel_sql){.request = request, .plan = *plan, .asked = plan, .rules = rules,
                        .as_of_ms = request->as_of_ms,
                        .key = ds_option_get(&request->options, "case"),
                        .parcels = ds_names_find(keys, ds_str_of("parcel_id")) != DS_NONE};
  // The period and --cases choose whole orders, when these are known.
  of->plan.has_from = of->plan.has_to = false;
  of->plan.cases = NULL;
  if (ds_parcel_rules_are_local(rules))
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: promises with hours, or by the zone of a "
                   "carrier or a place");
  if (ds_names_find(keys, ds_str_of("tracking_number")) != DS_NONE)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: parcels by tracking_number");
  return read_promise(of, by_day, err);
}

ds_code ds_parcel_sql_check_name(const char *name, ds_error *err) {
  for (uint32_t c = 0; c < OWN_COLUMNS; c++)
    if (strcasecmp(name, own_columns[c]) == 0)
      return ds_fail(err, DS_UNSUPPORTED, "no SQL form: the text has a column of its own called %s",
                     name);
  return DS_OK;
}

// One more kind of event that promises: " UNION ALL SELECT … FROM x WHERE …".
static ds_code put_estimate(const ds_parcel_sql *of, const parcel_column *column, ds_buf *out,
                            ds_error *err) {
  const ds_space *space = &of->request->snapshot->space;
  const char *name = ds_names_text(&space->properties, column->property.code);
  ds_type type = DS_TYPE_NULL;
  TRY(ds_parcel_sql_type(of->request, name, &type, err));
  ds_buf_text(out, " UNION ALL SELECT customer, o, p, t, arrival, touchpoint, true, ");
  ds_parcel_sql_put_day(of, name, type == DS_TYPE_DATE, out);
  ds_sql_put_named(type == DS_TYPE_DATE || of->rules->by_day ? ", NULL" : ", epoch_ms(@)", name,
                   out);
  ds_buf_text(out, ", NULL, ");
  ds_parcel_sql_put_day(of, name, type == DS_TYPE_DATE, out);
  ds_sql_put_named(" FROM x WHERE @ IS NOT NULL AND touchpoint = ", name, out);
  ds_sql_put_text(out, ds_names_text(&space->touchpoints, column->property.touchpoint));
  return DS_OK;
}

// Promises and estimates, and the instant from which on they are not kept: of a day, the first of
// the next one, and of two instants that the clock shows alike the first.
ds_code ds_parcel_sql_put_revisions(const ds_parcel_sql *of, bool estimates, ds_buf *out,
                                    ds_error *err) {
  const ds_request *request = of->request;
  ds_buf_text(out, ", revised AS (SELECT customer, o, p, t, arrival, touchpoint, false AS "
                   "estimate, day, until, from_t, from_day FROM x WHERE day IS NOT NULL");
  for (uint32_t c = PARCEL_READ_PROMISE + 1; c < PARCEL_PROMISES; c++)
    if (estimates && of->rules->read[c].is_given)
      TRY(put_estimate(of, &of->rules->read[c], out, err));
  ds_buf_text(out, "), revisions AS (SELECT *, until IS NULL AS whole, CASE WHEN until IS NOT NULL "
                   "THEN until + 1 ");
  if (request->zone == NULL)
    ds_buf_text(out, "ELSE (day + 1) * 86400000 END AS ends FROM revised)");
  else
    ds_sql_put_named("WHEN timezone(#, timezone(#, midnight) - INTERVAL 1 HOUR) = midnight THEN "
                     "epoch_ms(timezone(#, midnight)) - 3600000 ELSE epoch_ms(timezone(#, "
                     "midnight)) END AS ends FROM (SELECT *, make_timestamp((day + 1) * "
                     "86400000000) AS midnight FROM revised))", request->zone_name, out);
  return DS_OK;
}

// ", met AS (…)": the orders that meet --cases, with the scans that joined them.
static ds_code put_met(const ds_parcel_sql *of, ds_buf *out, ds_error *err) {
  const char *source = of->parcels ? "own" : "chosen";
  if (of->asked->cases == NULL)
    return DS_OK;
  if (of->key != NULL) {
    ds_sql_put_named(", of_orders AS (SELECT * REPLACE (unnest(list_distinct(@)) AS of_case) FROM ",
                     of->key, out);
    ds_buf_printf(out, "%s)", source);
  }
  return ds_sql_put_met(of->asked, of->key != NULL ? "of_orders" : source, out, err);
}

ds_code ds_parcel_sql_put(const ds_parcel_sql *of, ds_buf *out, ds_error *err) {
  TRY(ds_sql_events(of->request, &of->plan, out, err));
  if (of->parcels)
    ds_sql_put_named(of->key == NULL ? ", own AS (SELECT * FROM chosen)" : linked_text, of->key,
                     out);
  TRY(put_met(of, out, err));
  put_orders(of, out);
  put_statuses(out);
  ds_buf_text(out, parcels_text);
  ds_buf_text(out, facts_text);
  return DS_OK;
}

const char *ds_parcel_sql_orders(const ds_parcel_sql *of) {
  return of->asked->cases == NULL
             ? "e"
             : "(SELECT * FROM e WHERE (customer, o) IN (SELECT (customer, of_case) FROM met))";
}

void ds_parcel_sql_put_picked(const ds_parcel_sql *of, ds_buf *out) {
  static const char *const which[] = {"min(t)", "t", "max(t)"};
  const ds_plan *asked = of->asked;
  ds_buf_printf(out, " FROM %s GROUP BY customer, o", ds_parcel_sql_orders(of));
  if (asked->has_from || asked->has_to)
    ds_buf_printf(out, " HAVING %s(%s >= %lld AND %s < %lld)",
                  asked->range == DS_RANGE_TOUCHING ? "bool_or" : "", which[asked->range],
                  (long long)(asked->has_from ? asked->from_ms : -DS_TIME_MAX_MS),
                  which[asked->range],
                  (long long)(asked->has_to ? asked->to_ms : DS_TIME_MAX_MS));
}
