// SPDX-License-Identifier: Apache-2.0
// The tree of paths as SQL: the steps of each anchor as a list, its beginnings counted as nodes,
// and from the root on those of them that stand by themselves.
#include <assert.h>

#include "question/common.h"
#include "question/paths.h"
#include "question/sql.h"

enum { ANCHOR, TARGET };
static_assert(DS_PATHS_DEPTH_MAX == 20, "tree_text goes so deep");

// Steps that follow in the direction asked for.
typedef struct paths_direction {
  const char *order;    // of the events in a path
  const char *beyond;   // than the anchor
  const char *neighbour; // the window function that finds the event before in it
} paths_direction;

static const paths_direction directions[] = {{"", ">", "lag"}, {" DESC", "<", "lead"}};

// ", marked AS (…)": the events of the cases, numbered, with what they are to a path.
static ds_code put_marked(const ds_paths *asked, const ds_sql_by *by, const char *source,
                          ds_buf *out, ds_error *err) {
  ds_buf_printf(out, ", marked AS (SELECT *, %s(touchpoint) OVER c AS beside%s FROM (SELECT "
                "%scustomer, of_case, touchpoint, epoch_ms(time) AS ms, row_number() OVER "
                "(PARTITION BY customer, of_case ORDER BY time, arrival) AS n, coalesce(",
                directions[asked->backward].neighbour,
                asked->marks > 1 ? ", min(CASE WHEN target THEN n END) OVER (c ROWS BETWEEN 1 "
                                   "FOLLOWING AND UNBOUNDED FOLLOWING) AS stop" : "", by->part);
  TRY(ds_expression_sql(asked->mark[ANCHOR], out, err));
  ds_buf_text(out, ", false) AS anchor");
  if (asked->marks > 1) {
    ds_buf_text(out, ", coalesce(");
    TRY(ds_expression_sql(asked->mark[TARGET], out, err));
    ds_buf_text(out, ", false) AS target");
  }
  ds_buf_printf(out, " FROM %s) WINDOW c AS (PARTITION BY customer, of_case ORDER BY n))", source);
  return DS_OK;
}

// ", starts AS (…)": the anchors that count, and ", walks AS (…)": the steps from them.
static void put_walks(const ds_paths *asked, const ds_sql_by *by, ds_buf *out) {
  const paths_direction *go = &directions[asked->backward];
  ds_buf_text(out, ", starts AS (SELECT * FROM (SELECT * FROM marked WHERE anchor");
  if (asked->anchor != DS_PATHS_EACH)
    ds_buf_printf(out, " QUALIFY row_number() OVER (PARTITION BY customer, of_case ORDER BY n%s) = "
                  "1", asked->anchor == DS_PATHS_LAST ? " DESC" : "");
  ds_buf_printf(out, ")%s), steps AS (SELECT s.customer, s.of_case, s.n, e.touchpoint, "
                "row_number() OVER p AS depth, abs(e.ms - lag(e.ms, 1, s.ms) OVER p) AS gap FROM "
                "starts s JOIN marked e ON e.customer = s.customer AND e.of_case = s.of_case AND "
                "e.n %s s.n", asked->marks > 1 ? " WHERE stop IS NOT NULL" : "", go->beyond);
  if (asked->marks > 1)
    ds_buf_text(out, " AND e.n <= s.stop");
  if (asked->collapse)
    ds_buf_text(out, asked->marks > 1 ? " AND (e.touchpoint <> e.beside OR e.n = s.stop)"
                                      : " AND e.touchpoint <> e.beside");
  ds_buf_printf(out, " WINDOW p AS (PARTITION BY s.customer, s.of_case, s.n ORDER BY e.n%s) "
                "QUALIFY depth <= %u), walks AS (SELECT customer, of_case, n, list(touchpoint "
                "ORDER BY depth)::VARCHAR[] AS route, list(gap ORDER BY depth) AS gaps FROM steps "
                "GROUP BY ALL), paths AS (SELECT %scoalesce(route, []) AS route, gaps FROM starts "
                "LEFT JOIN walks USING (customer, of_case, n))", go->order, asked->depth, by->part);
}

// ", tree AS (…)": the nodes that stand by themselves, with their places below those above them.
static const char tree_text[] =
    ", nodes AS (SELECT ~route[1:d] AS route, d AS depth, count(*) AS n, sum(gaps[d])::DOUBLE AS "
    "gap FROM paths, (SELECT unnest(range(1, 21)) AS d) WHERE d <= len(route) GROUP BY ALL), roots "
    "AS (SELECT ~count(*) AS total FROM paths GROUP BY ALL HAVING count(*) > 0), ranked AS (SELECT "
    "*, route[1:depth - 1] AS prior, route[depth] AS name, row_number() OVER (PARTITION BY "
    "~route[1:depth - 1] ORDER BY n DESC, route[depth]) AS place FROM nodes), chosen_nodes AS "
    "(SELECT ranked.*, place <= most AND n >= least * total AS alone FROM ranked, limits, roots";

static void put_tree(const ds_paths *asked, const ds_sql_by *by, ds_buf *out) {
  const bool grouped = by->name != NULL;
  const char *const same = grouped ? " AND c.of_group = t.of_group" : "";
  const char *const of = grouped ? "t.of_group, " : "";
  const unsigned most = asked->children;
  ds_buf_printf(out, ", limits AS (SELECT %u AS most, %.17g::DOUBLE AS least)", most,
                asked->min_share);
  ds_sql_put_by(by, tree_text, out);
  ds_buf_printf(out, "%s), tree AS (WITH RECURSIVE t AS (SELECT %s[]::VARCHAR[] AS route, "
                "NULL::VARCHAR AS name, 0 AS depth, total AS n, NULL::DOUBLE AS gap, []::BIGINT[] "
                "AS place FROM roots UNION ALL SELECT %sc.route, c.name, c.depth, c.n, c.gap, "
                "list_append(t.place, c.place) FROM t JOIN chosen_nodes c ON c.prior = t.route AND "
                "c.alone%s) SELECT * FROM t)", grouped ? " WHERE roots.of_group = ranked.of_group"
                                                       : "", by->part, of, same);
  // What is rarer stands together, behind it where a path ends.
  ds_buf_printf(out, ", rows AS (SELECT * FROM tree UNION ALL SELECT %st.route, '(other)', t.depth "
                "+ 1, sum(c.n), sum(c.gap), list_append(t.place, %u) FROM tree t JOIN chosen_nodes "
                "c ON c.prior = t.route AND NOT c.alone%s GROUP BY %st.route, t.depth, t.place",
                of, most + 1, same, of);
  if (asked->marks == 1)
    ds_buf_printf(out, " UNION ALL SELECT %st.route, '%s', t.depth + 1, count(*), NULL, "
                  "list_append(t.place, %u) FROM tree t JOIN paths c ON c.route = t.route AND "
                  "len(c.route) < %u%s GROUP BY %st.route, t.depth, t.place", of,
                  asked->backward ? "(start)" : "(end)", most + 2, asked->depth, same, of);
  ds_buf_printf(out, "), numbered AS (SELECT *, row_number() OVER (ORDER BY %splace) - 1 AS id "
                "FROM rows)", by->part);
}

static void put_rows(const ds_paths *asked, const ds_sql_by *by, ds_buf *out) {
  const char *root = ds_option_get(&asked->request->options,
                                   asked->backward ? "before" : "after");
  ds_sql_put_by(by, " SELECT ^coalesce(name, ", out);
  ds_sql_put_text(out, root);
  ds_buf_printf(out, ") AS touchpoint, n AS %s, n / first_value(n) OVER (", ds_paths_unit(asked));
  ds_sql_put_by(by, "`ORDER BY id) AS share, gap / n AS mean_ms, depth, id, (SELECT p.id FROM "
                "numbered p WHERE len(r.place) > 0 AND p.place = r.place[1:len(r.place) - 1]", out);
  ds_buf_text(out, by->name == NULL ? "" : " AND p.of_group = r.of_group");
  ds_buf_text(out, ") AS parent FROM numbered r ORDER BY id;\n");
}

ds_code ds_paths_sql(const ds_request *request, ds_buf *out, ds_error *err) {
  ds_paths *asked = ds_arena_alloc(request->arena, sizeof *asked);
  const char **names = NULL, *source = "chosen";
  uint32_t count = 0;
  ds_sql_by by;
  if (asked == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for SQL");
  *asked = (ds_paths){.request = request};
  TRY(ds_paths_read(asked, err));
  if (request->snapshot->events == 0)
    return ds_fail(err, DS_UNSUPPORTED, "no SQL form: there are no events to name");
  TRY(ds_sql_by_read(request, &by, err));
  TRY(ds_sql_reads(request, asked->mark, asked->marks, &names, &count, err));
  TRY(ds_sql_cases(request, &asked->plan, names, count, out, err));
  ds_sql_put_groups(&by, "of_case", out, &source);
  TRY(put_marked(asked, &by, source, out, err));
  put_walks(asked, &by, out);
  put_tree(asked, &by, out);
  put_rows(asked, &by, out);
  return ds_buf_check(out, "an SQL text", err);
}
