// SPDX-License-Identifier: Apache-2.0
// Segments as SQL: who meets what at each instant, then a statement for each table.
#include "question/common.h"
#include "question/segment.h"
#include "question/sql.h"

// ", at0 AS (…)": customer, of_case and for each rule s<N> who has begun by an instant.
static ds_code put_instant(const segment_asked *asked, uint32_t number, int64_t now_ms,
                           ds_buf *out, ds_error *err) {
  ds_buf_printf(out, ", at%u AS (WITH asked AS (SELECT * FROM chosen)", number);
  TRY(ds_case_sql(asked->program, now_ms, NULL, "asked", out, err));
  ds_buf_text(out, " SELECT customer, of_case");
  for (uint32_t r = 0; r < asked->rules; r++) {
    ds_buf_text(out, ", coalesce(");
    TRY(ds_case_rule_sql(asked->program, r, out, err));
    ds_buf_printf(out, ", false) AS s%u", r);
  }
  ds_buf_text(out, " FROM facts0)");
  return DS_OK;
}

// With --by, at<N> has the group, too; which groups are shown is said of the last instant.
static ds_code put_begin(const segment_asked *asked, const ds_sql_by *by, const int64_t *now_ms,
                         uint32_t instants, ds_buf *out, ds_error *err) {
  if (asked->plan.has_case)
    TRY(ds_sql_cases(asked->request, &asked->plan, NULL, 0, out, err));
  else
    TRY(ds_sql_events(asked->request, &asked->plan, out, err));
  ds_sql_put_parts(by, "of_case", "chosen", out);
  for (uint32_t i = 0; i < instants; i++)
    TRY(put_instant(asked, i, now_ms[i], out, err));
  if (by->name != NULL)
    ds_buf_printf(out, ", shown AS (SELECT DISTINCT of_group FROM parts p LEFT JOIN at%u a ON "
                  "a.customer = p.customer AND a.of_case = p.of_case WHERE of_group.place <= %u OR "
                  "a.customer IS NOT NULL)", instants - 1, by->top);
  return DS_OK;
}

// ", size0 AS (…)": how many have begun by an instant and how many meet each rule then, of all or
// of each group that is shown.
static void put_counts(const segment_asked *asked, const ds_sql_by *by, uint32_t instants,
                       ds_buf *out) {
  for (uint32_t i = 0; i < instants; i++) {
    ds_buf_printf(out, ", size%u AS (SELECT %scount(customer) AS cases", i, by->part);
    for (uint32_t r = 0; r < asked->rules; r++)
      ds_buf_printf(out, ", count(*) FILTER (s%u) AS m%u", r, r);
    ds_buf_printf(out, by->name == NULL ? " FROM at%u)"
                                        : " FROM shown LEFT JOIN (SELECT * FROM at%u JOIN parts "
                                          "USING (customer, of_case)) USING (of_group) GROUP BY "
                                          "of_group)", i);
  }
}

// A segment's members and cases at an instant: "m0, cases FROM size0".
static void put_size(uint32_t instant, uint32_t rule, const char *more, ds_buf *out) {
  if (rule == DS_NONE)
    ds_buf_printf(out, "NULL, cases%s FROM size%u", more, instant);
  else
    ds_buf_printf(out, "m%u, cases%s FROM size%u", rule, more, instant);
}

static ds_code put_segments(const segment_asked *asked, const ds_sql_by *by, const char *min_n,
                            ds_buf *out, ds_error *err) {
  static const char *const names[] = {"a", "b"}; // of the earlier instant and the later
  const char *later = names[asked->later], *earlier = names[1 - asked->later];
  TRY(put_begin(asked, by, asked->now_ms, asked->instants, out, err));
  put_counts(asked, by, asked->instants == 1 ? 1 : 0, out);
  ds_buf_printf(out, ", sized(%splace, name, members, cases, versus, stayed, entered, \"left\") AS "
                "(", by->part);
  for (uint32_t s = 0; s < asked->count; s++) {
    const unsigned r = asked->rows[s].rule;
    ds_buf_printf(out, "%sSELECT %s%u, ", s == 0 ? "" : " UNION ALL ", by->part, s);
    ds_sql_put_text(out, asked->rows[s].name);
    ds_buf_text(out, ", ");
    if (asked->instants == 1)
      put_size(0, asked->rows[s].rule, ", 0, 0, 0, 0", out);
    else if (asked->rows[s].rule == DS_NONE)
      ds_buf_text(out, "NULL, count(*), NULL, NULL, NULL, NULL FROM at0");
    else
      ds_buf_printf(out, "count(*) FILTER (a.s%u), count(*) FILTER (a.s%u IS NOT NULL), "
                    "count(*) FILTER (b.s%u), count(*) FILTER (a.s%u AND b.s%u), count(*) FILTER "
                    "(%s.s%u AND NOT coalesce(%s.s%u, false)), count(*) FILTER (%s.s%u AND NOT "
                    "coalesce(%s.s%u, false)) FROM at0 a FULL JOIN at1 b USING (customer, "
                    "of_case)", r, r, r, r, r, later, r, earlier, r, earlier, r, later, r);
  }
  ds_buf_printf(out, ") SELECT %sname, members, cases, CASE WHEN cases >= greatest(%s, 1) THEN "
                "members / cases END AS share%s FROM sized ORDER BY %splace;\n", by->show, min_n,
                asked->instants > 1 ? ", versus, stayed, entered, \"left\"" : "", by->part);
  return DS_OK;
}

static ds_code put_overlap(const segment_asked *asked, const ds_sql_by *by, const char *min_n,
                           ds_buf *out, ds_error *err) {
  TRY(put_begin(asked, by, asked->now_ms, asked->instants, out, err));
  ds_buf_text(out, ", pairs(place, name, other, \"both\", a, b) AS (SELECT 0, '', '', 0, 0, 0 "
              "WHERE false");
  for (uint32_t i = 0; i < asked->count; i++)
    for (uint32_t k = i + 1; k < asked->count; k++) {
      const unsigned a = asked->rows[i].rule, b = asked->rows[k].rule;
      if (asked->rows[i].rule == DS_NONE || asked->rows[k].rule == DS_NONE)
        continue;
      ds_buf_printf(out, " UNION ALL SELECT %u, ", i * asked->count + k);
      ds_sql_put_text(out, asked->rows[i].name);
      ds_buf_text(out, ", ");
      ds_sql_put_text(out, asked->rows[k].name);
      ds_buf_printf(out, ", count(*) FILTER (s%u AND s%u), count(*) FILTER (s%u), count(*) FILTER "
                    "(s%u) FROM at0", a, b, a, b);
    }
  ds_buf_printf(out, ") SELECT name, other, \"both\", CASE WHEN a >= %s THEN \"both\" / a END AS "
                "share, CASE WHEN b >= %s THEN \"both\" / b END AS share_other, CASE WHEN a + b - "
                "\"both\" >= %s THEN \"both\" / (a + b - \"both\") END AS share_either FROM pairs "
                "ORDER BY place;\n", min_n, min_n, min_n);
  return DS_OK;
}

// The state of a row of who has begun.
static void put_state(const segment_asked *asked, const char *of, ds_buf *out) {
  ds_buf_printf(out, "CASE WHEN %s.customer IS NULL THEN %u", of, asked->states_count + 1);
  for (uint32_t s = 0; s < asked->states_count; s++)
    ds_buf_printf(out, " WHEN %s.s%u THEN %u", of, asked->rows[asked->states[s]].rule, s);
  ds_buf_printf(out, " ELSE %u END", asked->states_count);
}

static ds_code put_moves(const segment_asked *asked, const ds_sql_by *by, const char *min_n,
                         ds_buf *out, ds_error *err) {
  TRY(put_begin(asked, by, asked->now_ms, asked->instants, out, err));
  ds_buf_text(out, ", states(place, name) AS (VALUES ");
  for (uint32_t s = 0; s < asked->states_count + 2; s++) {
    ds_buf_printf(out, "%s(%u, ", s == 0 ? "" : ", ", s);
    ds_sql_put_text(out, ds_segment_state_name(asked, s));
    ds_buf_text(out, ")");
  }
  ds_buf_text(out, "), moved AS (SELECT ");
  put_state(asked, "e", out);
  ds_buf_text(out, " AS was, ");
  put_state(asked, "l", out);
  ds_buf_printf(out, " AS will FROM at%u l LEFT JOIN at%u e ON e.customer = l.customer AND "
                "e.of_case = l.of_case), moves AS (SELECT f.place AS was, t.place AS will, f.name "
                "AS \"from\", t.name AS \"to\", (SELECT count(*) FROM moved m WHERE m.was = "
                "f.place AND m.will = t.place) AS members, (SELECT count(*) FROM moved m WHERE "
                "m.was = f.place) AS n FROM states f, states t) SELECT \"from\", \"to\", members, "
                "CASE WHEN n >= %s THEN members / n END AS share FROM moves WHERE n > 0 AND will "
                "<= %u ORDER BY was, will;\n", asked->later, 1 - asked->later, min_n,
                asked->states_count);
  return DS_OK;
}

// The size of a segment at each point.
static ds_code put_series(const segment_asked *asked, const ds_sql_by *by, const char *min_n,
                          ds_buf *out, ds_error *err) {
  TRY(put_begin(asked, by, asked->point_ms, asked->points, out, err));
  put_counts(asked, by, asked->points, out);
  ds_buf_printf(out, ", sized(%spoint, place, name, members, cases) AS (SELECT %s0::BIGINT, 0, "
                "'', 0, 0%s WHERE false", by->part, by->part,
                by->name == NULL ? "" : " FROM shown");
  for (uint32_t p = 0; p < asked->points; p++)
    for (uint32_t s = 0; s < asked->count; s++) {
      if (asked->rows[s].rule == DS_NONE)
        continue;
      ds_buf_printf(out, " UNION ALL SELECT %s%lld, %u, ", by->part,
                    (long long)asked->point_ms[p], s);
      ds_sql_put_text(out, asked->rows[s].name);
      ds_buf_text(out, ", ");
      put_size(p, asked->rows[s].rule, "", out);
    }
  ds_buf_printf(out, ") SELECT %spoint AS \"at\", name, members, cases, CASE WHEN cases >= "
                "greatest(%s, 1) THEN members / cases END AS share FROM sized ORDER BY %spoint, "
                "place;\n", by->show, min_n, by->part);
  return DS_OK;
}

ds_code ds_segment_sql(const ds_request *request, ds_buf *out, ds_error *err) {
  segment_asked asked = {.request = request};
  ds_sql_by by;
  const char *min_n = ds_option_get(&request->options, "min-n");
  TRY(ds_segment_read(request, &asked, err));
  if (asked.program == NULL)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: there are no events to name");
  TRY(ds_sql_by_read(request, &by, err));
  TRY(put_segments(&asked, &by, min_n, out, err));
  if (asked.overlap)
    TRY(put_overlap(&asked, &by, min_n, out, err));
  if (asked.instants > 1)
    TRY(put_moves(&asked, &by, min_n, out, err));
  if (asked.series)
    TRY(put_series(&asked, &by, min_n, out, err));
  return ds_buf_check(out, "an SQL text", err);
}
