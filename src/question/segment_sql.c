// SPDX-License-Identifier: Apache-2.0
// Segments as SQL: who meets what at each instant, then a statement for each table.
#include "question/common.h"
#include "question/segment.h"
#include "question/sql.h"

// ", at0 AS (…)": customer, of_case and for each rule s<N> who has begun by an instant.
static ds_code put_instant(const segment_asked *asked, uint32_t instant, ds_buf *out,
                           ds_error *err) {
  ds_buf_printf(out, ", at%u AS (WITH asked AS (SELECT * FROM chosen)", instant);
  TRY(ds_case_sql(asked->program, asked->now_ms[instant], "asked", out, err));
  ds_buf_text(out, " SELECT customer, of_case");
  for (uint32_t r = 0; r < asked->rules; r++) {
    ds_buf_text(out, ", coalesce(");
    TRY(ds_case_rule_sql(asked->program, r, out, err));
    ds_buf_printf(out, ", false) AS s%u", r);
  }
  ds_buf_text(out, " FROM facts0)");
  return DS_OK;
}

static ds_code put_begin(const segment_asked *asked, ds_buf *out, ds_error *err) {
  if (asked->plan.has_case)
    TRY(ds_sql_cases(asked->request, &asked->plan, NULL, 0, out, err));
  else
    TRY(ds_sql_events(asked->request, &asked->plan, out, err));
  for (uint32_t i = 0; i < asked->instants; i++)
    TRY(put_instant(asked, i, out, err));
  return DS_OK;
}

static ds_code put_segments(const segment_asked *asked, const char *min_n, ds_buf *out,
                            ds_error *err) {
  static const char *const names[] = {"a", "b"}; // of the earlier instant and the later
  const char *later = names[asked->later], *earlier = names[1 - asked->later];
  TRY(put_begin(asked, out, err));
  ds_buf_text(out, ", sized(place, name, members, cases, versus, stayed, entered, \"left\") AS (");
  for (uint32_t s = 0; s < asked->count; s++) {
    const unsigned r = asked->rows[s].rule;
    ds_buf_printf(out, "%sSELECT %u, ", s == 0 ? "" : " UNION ALL ", s);
    ds_sql_put_text(out, asked->rows[s].name);
    if (asked->rows[s].rule == DS_NONE)
      ds_buf_text(out, ", NULL, count(*), NULL, NULL, NULL, NULL FROM at0");
    else if (asked->instants == 1)
      ds_buf_printf(out, ", count(*) FILTER (s%u), count(*), 0, 0, 0, 0 FROM at0", r);
    else
      ds_buf_printf(out, ", count(*) FILTER (a.s%u), count(*) FILTER (a.s%u IS NOT NULL), "
                    "count(*) FILTER (b.s%u), count(*) FILTER (a.s%u AND b.s%u), count(*) FILTER "
                    "(%s.s%u AND NOT coalesce(%s.s%u, false)), count(*) FILTER (%s.s%u AND NOT "
                    "coalesce(%s.s%u, false)) FROM at0 a FULL JOIN at1 b USING (customer, "
                    "of_case)", r, r, r, r, r, later, r, earlier, r, earlier, r, later, r);
  }
  ds_buf_printf(out, ") SELECT name, members, cases, CASE WHEN cases >= %s THEN members / cases "
                "END AS share%s FROM sized ORDER BY place;\n", min_n,
                asked->instants > 1 ? ", versus, stayed, entered, \"left\"" : "");
  return DS_OK;
}

static ds_code put_overlap(const segment_asked *asked, const char *min_n, ds_buf *out,
                           ds_error *err) {
  TRY(put_begin(asked, out, err));
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

static ds_code put_moves(const segment_asked *asked, const char *min_n, ds_buf *out,
                         ds_error *err) {
  TRY(put_begin(asked, out, err));
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

ds_code ds_segment_sql(const ds_request *request, ds_buf *out, ds_error *err) {
  segment_asked asked = {.request = request};
  const char *min_n = ds_option_get(&request->options, "min-n");
  TRY(ds_segment_read(request, &asked, err));
  if (asked.program == NULL)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: there are no events to name");
  TRY(put_segments(&asked, min_n, out, err));
  if (asked.overlap)
    TRY(put_overlap(&asked, min_n, out, err));
  if (asked.instants > 1)
    TRY(put_moves(&asked, min_n, out, err));
  return ds_buf_check(out, "an SQL text", err);
}
