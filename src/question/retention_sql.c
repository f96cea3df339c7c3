// SPDX-License-Identifier: Apache-2.0
// The cells of retention as SQL.
#include "question/common.h"
#include "question/retention.h"
#include "question/sql.h"

// The instant's period, as the day or month in which it begins.
static void put_truncated(ds_buf *out, const ds_cohorts *asked, const char *time) {
  static const char *const names[] = {"day", "week", "month"};
  ds_buf_printf(out, "date_trunc('%s', ", names[asked->calendar.period]);
  ds_sql_put_local(asked->request, time, out);
  ds_buf_text(out, ")");
}

// The period after the start in which an event lies, as column n.
static void put_period(ds_buf *out, const ds_cohorts *asked) {
  if (asked->rolling_ms > 0) {
    ds_buf_printf(out, "(epoch_ms(e.time) - epoch_ms(s.begun)) // %lld",
                  (long long)asked->rolling_ms);
  } else {
    ds_buf_printf(out, "date_diff('%s', s.cohort, ",
                  asked->calendar.period == DS_PERIOD_MONTH ? "month" : "day");
    put_truncated(out, asked, "e.time");
    ds_buf_text(out, asked->calendar.period == DS_PERIOD_WEEK ? ") // 7" : ")");
  }
}

static ds_code put_starts(ds_buf *out, const ds_cohorts *asked, const ds_sql_by *by,
                          const char *source, ds_error *err) {
  ds_buf_printf(out, ", starts AS (SELECT %scustomer, of_case, time AS begun, arrival AS place "
                "FROM %s WHERE ", by->part, source);
  TRY(ds_expression_sql(asked->mark[DS_COHORTS_START], out, err));
  ds_buf_text(out, " QUALIFY row_number() OVER (PARTITION BY customer, of_case ORDER BY time, "
              "arrival) = 1), cohorts AS (SELECT *, ");
  put_truncated(out, asked, "begun");
  ds_buf_text(out, " AS cohort FROM starts");
  if (asked->has_from)
    ds_buf_printf(out, " WHERE epoch_ms(begun) >= %lld", (long long)asked->from_ms);
  if (asked->has_to)
    ds_buf_printf(out, " %s epoch_ms(begun) < %lld", asked->has_from ? "AND" : "WHERE",
                  (long long)asked->to_ms);
  ds_buf_text(out, ")");
  return DS_OK;
}

// Every period in which each came back: the table back(customer, of_case, cohort, n), with the
// group.
static ds_code put_back(ds_buf *out, const ds_cohorts *asked, const ds_sql_by *by, ds_error *err) {
  ds_buf_text(out, ", later AS (SELECT * FROM chosen WHERE ");
  TRY(ds_expression_sql(asked->mark[DS_COHORTS_AGAIN], out, err));
  ds_sql_put_by(by, "), seen AS (SELECT ~s.customer, s.of_case, s.cohort, ", out);
  put_period(out, asked);
  ds_buf_text(out, " AS n FROM cohorts s JOIN later e ON e.customer = s.customer AND e.of_case = "
              "s.of_case AND (e.time, e.arrival) > (s.begun, s.place))");
  if (asked->unbounded)
    ds_buf_printf(out, ", back AS (SELECT %scustomer, of_case, cohort, unnest(range(least(max(n), "
                  "%u) + 1)) AS n FROM seen GROUP BY ALL)", by->part, asked->periods);
  else
    ds_buf_text(out, ", back AS (SELECT DISTINCT * FROM seen)");
  return DS_OK;
}

// The periods shown: the table slots(slot, first, last), where slot is the name of a bracket.
static void put_slots(ds_buf *out, const ds_cohorts *asked) {
  ds_buf_text(out, ", slots(slot, first, last) AS (VALUES ");
  for (uint32_t s = 0; s < asked->slots; s++) {
    char name[32];
    ds_cohorts_slot_name(asked, s, name);
    ds_buf_printf(out, asked->bracketed ? "%s('%s', %u, %u)" : "%s(%s, %u, %u)", s == 0 ? "" : ", ",
                  name, asked->slot_first[s], asked->slot_last[s]);
  }
  ds_buf_text(out, ")");
}

// The instant in ms at which the period that many after the start begins: for the first of the
// cohort, or for its last. A calendar's is the same for all; a rolling one follows each start.
static void put_begin(ds_buf *out, const ds_cohorts *asked, const char *periods, bool last) {
  static const char *const units[] = {"DAY", "WEEK", "MONTH"};
  const char *unit = units[asked->calendar.period];
  const char *zone = asked->request->zone == NULL ? NULL : asked->request->zone_name;
  const bool rolling = asked->rolling_ms > 0;
  ds_buf_text(out, "epoch_ms(");
  if (zone != NULL) {
    ds_buf_text(out, "timezone(");
    ds_sql_put_text(out, zone);
    ds_buf_text(out, ", ");
  }
  ds_buf_printf(out, "cohort + (%s) * INTERVAL 1 %s", rolling ? (last ? "1" : "0") : periods, unit);
  ds_buf_text(out, zone == NULL ? ")" : "))");
  if (rolling)
    ds_buf_printf(out, " + (%s) * %lld::BIGINT", periods, (long long)asked->rolling_ms);
}

// The rows: each cohort's slots that have begun, or hold somebody all the same.
static void put_cells(ds_buf *out, const ds_cohorts *asked, const ds_sql_by *by) {
  const ds_request *request = asked->request;
  const char *least = ds_option_get(&request->options, "min-n");
  ds_buf_printf(out, ", clock AS (SELECT %lld::BIGINT AS now), sizes AS (SELECT %scohort, "
                "count(*) AS size FROM cohorts GROUP BY %scohort), cells AS (SELECT %scohort, "
                "size, slot, first, last, (SELECT count(DISTINCT (b.customer, b.of_case)) FROM "
                "back b WHERE b.cohort = z.cohort%s AND b.n BETWEEN first AND last) AS active FROM "
                "sizes z, slots) SELECT %s"
                "strftime(cohort, %s) AS cohort, size, slot AS period, active, CASE WHEN size >= "
                "%s THEN active / size END AS share, CASE WHEN ", (long long)request->as_of_ms,
                by->part, by->part, by->part,
                by->name == NULL ? "" : " AND b.of_group = z.of_group", by->show,
                asked->calendar.period == DS_PERIOD_MONTH ? "'%Y-%m'" : "'%Y-%m-%d'", least);
  put_begin(out, asked, "last + 1", true);
  ds_buf_text(out, " <= now + 1 THEN 'yes' ELSE 'no' END AS complete FROM cells, clock WHERE "
              "active > 0 OR ");
  put_begin(out, asked, "first", false);
  ds_buf_printf(out, " <= now ORDER BY %scells.cohort, first;\n", by->part);
}

ds_code ds_retention_sql(const ds_request *request, ds_buf *out, ds_error *err) {
  ds_cohorts *asked = ds_arena_alloc(request->arena, sizeof *asked);
  const char **names = NULL, *source = "chosen";
  uint32_t count = 0;
  ds_sql_by by;
  if (asked == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for SQL");
  TRY(ds_cohorts_read(request, asked, err));
  if (request->snapshot->events == 0)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: there are no events to name");
  TRY(ds_sql_by_read(request, &by, err));
  TRY(ds_sql_reads(request, asked->mark, 2, &names, &count, err));
  TRY(ds_sql_cases(request, &asked->plan, names, count, out, err));
  ds_sql_put_groups(&by, "of_case", out, &source);
  TRY(put_starts(out, asked, &by, source, err));
  TRY(put_back(out, asked, &by, err));
  put_slots(out, asked);
  put_cells(out, asked, &by);
  return ds_buf_check(out, "an SQL text", err);
}
