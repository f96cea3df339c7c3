// SPDX-License-Identifier: Apache-2.0
// The funnel as SQL: the table `steps`. Where no event can be two steps, or ties go by arrival, a
// window function per step finds the latest chain before each event, as funnel_sequence.c does;
// else all chains are joined and the best of each case is taken.
#include "question/common.h"
#include "question/funnel.h"
#include "question/sql.h"

// Whether one event can be two steps.
static bool is_shared(const funnel_context *context) {
  for (uint32_t t = 0; t < context->touchpoints; t++) {
    uint64_t seen = context->steps[t];
    bool shared = (seen & (seen - 1)) != 0;
    for (uint32_t s = 0; s < context->selectors; s++)
      if (context->selector[s].steps != 0 &&
          ds_expression_can_mean(context->selector[s].expression, (uint16_t)t)) {
        shared |= seen != 0;
        seen |= context->selector[s].steps;
      }
    if (shared)
      return true;
  }
  return false;
}

// The condition that an event is the step.
static ds_code put_condition(const ds_request *request, const funnel_context *context,
                             uint32_t step, ds_buf *out, ds_error *err) {
  const ds_names *names = &request->snapshot->space.touchpoints;
  for (uint32_t s = 0; s < context->selectors; s++)
    if ((context->selector[s].steps >> step & 1) != 0)
      return ds_expression_sql(context->selector[s].expression, out, err);
  ds_buf_text(out, "touchpoint IN (NULL");
  for (uint32_t t = 0; t < context->touchpoints; t++)
    if ((context->steps[t] >> step & 1) != 0) {
      ds_buf_text(out, ", ");
      ds_sql_put_text(out, ds_names_text(names, t));
    }
  ds_buf_text(out, ")");
  return DS_OK;
}

// ", seen AS (…)": what is seen of the cases, numbered, and which steps each event can be.
static ds_code put_seen(const ds_request *request, const funnel_context *context,
                        const char *same, ds_buf *out, ds_error *err) {
  const funnel_rules *rules = &context->rules;
  ds_buf_text(out, ", seen AS (SELECT customer, of_case, ");
  if (same != NULL)
    ds_sql_put_name(out, same);
  ds_buf_printf(out, "%s AS same, epoch_ms(time) AS ms, row_number() OVER (PARTITION BY customer, "
                "of_case ORDER BY time, arrival) AS n", same == NULL ? "0" : "");
  for (uint32_t s = 0; s < rules->steps; s++) {
    ds_buf_text(out, ", coalesce(");
    TRY(put_condition(request, context, s, out, err));
    if (s == 0 && rules->has_from)
      ds_buf_printf(out, " AND epoch_ms(time) >= %lld", (long long)rules->from_ms);
    if (s == 0 && rules->has_to)
      ds_buf_printf(out, " AND epoch_ms(time) < %lld", (long long)rules->to_ms);
    ds_buf_printf(out, ", false) AS s%u", s + 1);
  }
  ds_buf_text(out, " FROM chosen");
  if (same != NULL) {
    ds_buf_text(out, " WHERE ");
    ds_sql_put_name(out, same);
    ds_buf_text(out, " IS NOT NULL");
  }
  ds_buf_text(out, ")");
  return DS_OK;
}

// ", best AS (…)" by windows: k of each event is the times of the latest chain that ends there.
static void put_windows(const funnel_rules *rules, ds_buf *out) {
  const char *prior = rules->arrival ? "n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
                                     : "ms RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW";
  ds_buf_text(out, ", c1 AS (SELECT *, CASE WHEN s1 THEN [ms] END AS k1 FROM seen)");
  for (uint32_t s = 2; s <= rules->steps; s++)
    ds_buf_printf(out, ", c%u AS (SELECT * EXCLUDE (p), CASE WHEN s%u AND ms - p[1] <= %lld THEN "
                  "list_append(p, ms) END AS k%u FROM (SELECT *, last_value(k%u IGNORE NULLS) OVER "
                  "(PARTITION BY customer, of_case, same ORDER BY %s) AS p FROM c%u))",
                  s, s, (long long)rules->within_ms, s, s - 1, prior, s - 1);
  ds_buf_text(out, ", chains AS (SELECT customer, of_case, coalesce(");
  for (uint32_t s = rules->steps; s > 0; s--)
    ds_buf_printf(out, "%sfirst(k%u ORDER BY ms, n DESC) FILTER (k%u IS NOT NULL)",
                  s == rules->steps ? "" : ", ", s, s);
  ds_buf_printf(out, ") AS k FROM c%u GROUP BY customer, of_case, same)", rules->steps);
  // Of several values the best chain: ends are compared, then the steps before, from the last on.
  ds_buf_text(out, ", best AS (SELECT k FROM chains WHERE k IS NOT NULL QUALIFY row_number() OVER "
                   "(PARTITION BY customer, of_case ORDER BY len(k) DESC, k[-1], list_reverse(k) "
                   "DESC) = 1)");
}

// The same by joining all chains.
static void put_joins(const funnel_rules *rules, ds_buf *out) {
  ds_buf_text(out, ", best AS (SELECT list_filter([e1.ms");
  for (uint32_t s = 2; s <= rules->steps; s++)
    ds_buf_printf(out, ", e%u.ms", s);
  ds_buf_text(out, "], lambda t: t IS NOT NULL) AS k FROM (SELECT * FROM seen WHERE s1) e1");
  for (uint32_t s = 2; s <= rules->steps; s++) {
    ds_buf_printf(out, " LEFT JOIN seen e%u ON e%u.s%u AND e%u.customer = e1.customer AND "
                  "e%u.of_case = e1.of_case AND e%u.same = e1.same AND e%u.ms >= e%u.ms AND "
                  "e%u.ms - e1.ms <= %lld", s, s, s, s, s, s, s, s - 1, s,
                  (long long)rules->within_ms);
    for (uint32_t b = 1; b < s; b++)
      ds_buf_printf(out, " AND e%u.n <> e%u.n", s, b);
  }
  ds_buf_text(out, " QUALIFY row_number() OVER (PARTITION BY e1.customer, e1.of_case ORDER BY "
                   "len(k) DESC, k[-1]");
  for (uint32_t s = rules->steps; s > 0; s--)
    ds_buf_printf(out, ", e%u.n DESC", s);
  ds_buf_text(out, ") = 1)");
}

// A rate of at least --min-n, and its 95 % Wilson interval.
static void put_rate(const ds_request *request, const char *name, const char *of,
                     ds_buf *out) {
  const char *least = ds_option_get(&request->options, "min-n");
  const double z = 1.959963984540054;
  ds_buf_printf(out, ", CASE WHEN %s >= %s THEN reached / %s END AS %s", of, least, of, name);
  for (uint32_t b = 0; b < 2; b++) {
    ds_buf_printf(out, ", CASE WHEN (%s >= %s) IS NOT TRUE THEN NULL WHEN reached = %s THEN %u ",
                  of, least, b == 0 ? "0" : of, b);
    ds_buf_printf(out, "ELSE (reached / %s + %.17g / %s %c ", of, z * z / 2, of,
                  b == 0 ? '-' : '+');
    ds_buf_printf(out, "%.17g * sqrt(reached / %s * (1 - reached / %s) / %s + %.17g / %s / %s)", z,
                  of, of, of, z * z / 4, of, of);
    ds_buf_printf(out, ") / (1 + %.17g / %s) END AS %s_%s", z * z, of, name,
                  b == 0 ? "low" : "high");
  }
}

static void put_steps(const ds_request *request, const funnel_context *context, ds_buf *out) {
  const funnel_rules *rules = &context->rules;
  ds_buf_text(out, ", steps(step, selector) AS (VALUES ");
  for (uint32_t s = 0; s < rules->steps; s++) {
    ds_buf_printf(out, "%s(%u, ", s == 0 ? "" : ", ", s + 1);
    ds_sql_put_text(out, context->text[s]);
    ds_buf_text(out, ")");
  }
  ds_buf_printf(out, "), counted AS (SELECT step, selector, count(k) FILTER (len(k) >= step) AS "
                "reached, count(k) FILTER (len(k) = step - 1 AND k[1] > %lld) AS open, "
                "avg(k[step] - k[step - 1]) FILTER (len(k) >= step AND step > 1) AS mean_ms, "
                "quantile_cont(k[step] - k[step - 1], 0.5) FILTER (len(k) >= step AND step > 1) AS "
                "median_ms, quantile_cont(k[step] - k[step - 1], 0.9) FILTER (len(k) >= step AND "
                "step > 1) AS p90_ms FROM steps LEFT JOIN best ON true GROUP BY step, selector), "
                "rated AS (SELECT *, (max(reached) OVER ()) AS began, lag(reached) OVER (ORDER BY "
                "step) AS before FROM counted) SELECT step, selector, reached",
                (long long)(context->as_of_ms - rules->within_ms));
  put_rate(request, "conversion_start", "began", out);
  put_rate(request, "conversion_previous", "before", out);
  ds_buf_text(out, ", before - reached - open AS dropped, CASE WHEN step > 1 THEN open END AS "
                   "open, mean_ms, median_ms, p90_ms FROM rated ORDER BY step;\n");
}

static ds_code refuse(const ds_request *request, const funnel_context *context, ds_error *err) {
  const funnel_rules *rules = &context->rules;
  const struct {
    bool asked;
    const char *what;
  } without[] = {
      {rules->order != FUNNEL_SEQUENCE, "--order strict and any"},
      {rules->withouts > 0, "--without"},
      {rules->all, "--count all"},
      {rules->optional != 0, "optional steps"},
      {ds_option_get(&request->options, "value") != NULL, "--value"},
      {strcmp(ds_option_get(&request->options, "compare"), "none") != 0, "--compare"},
  };
  for (size_t i = 0; i < sizeof without / sizeof *without; i++)
    if (without[i].asked)
      return ds_fail(err, DS_UNSUPPORTED, "no SQL form: %s", without[i].what);
  return DS_OK;
}

// The properties that the selectors and --same read, beside what all rows have.
static ds_code properties_read(const ds_request *request, const funnel_context *context,
                               const char *same, const char **properties, uint32_t most,
                               uint32_t *ret_count, ds_error *err) {
  uint32_t count = 0;
  if (same != NULL)
    properties[count++] = same;
  for (uint32_t s = 0; s < context->selectors; s++) {
    const ds_read_name *names = NULL;
    uint32_t read = 0;
    TRY(ds_expression_reads(context->selector[s].expression, request->arena, &names, &read, err));
    for (uint32_t n = 0; n < read; n++) {
      const char *name = ds_arena_text(request->arena, names[n].name.data, names[n].name.size);
      uint32_t at = 0;
      if (name == NULL)
        return ds_fail(err, DS_MEMORY, "out of memory for an SQL text");
      while (at < count && strcmp(properties[at], name) != 0)
        at++;
      if (at < count || strcmp(names[n].kind, "touchpoint") == 0 || strcmp(name, "time") == 0 ||
          strcmp(name, "touchpoint") == 0)
        continue;
      if (count == most)
        return ds_fail(err, DS_UNSUPPORTED, "no SQL form: steps that read so many names");
      properties[count++] = name;
    }
  }
  *ret_count = count;
  return DS_OK;
}

ds_code ds_funnel_sql(const ds_request *request, ds_buf *out, ds_error *err) {
  enum { PROPERTIES_MAX = 256 };
  const char *properties[PROPERTIES_MAX];
  const char *same = ds_option_get(&request->options, "same");
  funnel_context context = {.groups = 1};
  uint32_t count = 0;
  ds_plan plan;
  TRY(ds_funnel_read(request, &plan, &context, err));
  TRY(refuse(request, &context, err));
  context.as_of_ms = request->as_of_ms;
  TRY(properties_read(request, &context, same, properties, PROPERTIES_MAX, &count, err));
  TRY(ds_sql_cases(request, &plan, properties, count, out, err));
  TRY(put_seen(request, &context, same, out, err));
  if (!context.rules.arrival && is_shared(&context))
    put_joins(&context.rules, out);
  else
    put_windows(&context.rules, out);
  put_steps(request, &context, out);
  return ds_buf_check(out, "an SQL text", err);
}
