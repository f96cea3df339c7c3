// SPDX-License-Identifier: Apache-2.0
// The funnel as SQL: the table `steps`. Where no event can be two steps, or ties go by arrival, a
// window function per step finds the latest chain before each event, as funnel_sequence.c does;
// else, and where steps are optional, all chains are joined and the best of each case is taken.
#include "question/common.h"
#include "question/funnel.h"
#include "question/sql.h"

// What the writers share.
typedef struct funnel_text {
  const ds_request *request;
  const funnel_context *context;
  const funnel_rules *rules;
  const char *same;  // property, NULL: none
  const char *value; // property, NULL: none
  ds_sql_by by;
  ds_buf *out;
} funnel_text;

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
static ds_code put_seen(const funnel_text *to, const char *source, ds_error *err) {
  const funnel_rules *rules = to->rules;
  const ds_property_ref *value = &to->context->value;
  ds_buf *out = to->out;
  ds_buf_printf(out, ", seen AS (SELECT %scustomer, of_case, ", to->by.part);
  if (to->same != NULL)
    ds_sql_put_name(out, to->same);
  ds_buf_printf(out, "%s AS same, epoch_ms(time) AS ms, row_number() OVER (PARTITION BY customer, "
                "of_case ORDER BY time, arrival) AS n", to->same == NULL ? "0" : "");
  if (to->value != NULL) {
    ds_buf_text(out, ", CASE WHEN ");
    if (value->touchpoint != DS_NONE) {
      ds_buf_text(out, "touchpoint = ");
      ds_sql_put_text(out, ds_names_text(&to->request->snapshot->space.touchpoints,
                                         value->touchpoint));
    } else {
      ds_buf_text(out, "true");
    }
    ds_sql_put_named(" THEN @::DOUBLE END AS v", to->value, out);
  }
  for (uint32_t s = 0; s < rules->steps; s++) {
    ds_buf_text(out, ", coalesce(");
    TRY(put_condition(to->request, to->context, s, out, err));
    if (s == 0 && rules->has_from)
      ds_buf_printf(out, " AND epoch_ms(time) >= %lld", (long long)rules->from_ms);
    if (s == 0 && rules->has_to)
      ds_buf_printf(out, " AND epoch_ms(time) < %lld", (long long)rules->to_ms);
    ds_buf_printf(out, ", false) AS s%u", s + 1);
  }
  ds_buf_printf(out, " FROM %s", source);
  if (to->same != NULL)
    ds_sql_put_named(" WHERE @ IS NOT NULL", to->same, out);
  ds_buf_text(out, ")");
  return DS_OK;
}

static bool is_optional(const funnel_rules *rules, uint32_t step) {
  return (rules->optional >> step & 1) != 0;
}

// ", steps(…) AS (…)": each with the mandatory one before it.
static void put_names(const funnel_text *to) {
  ds_buf_text(to->out, ", steps(step, selector, prior, optional) AS (VALUES ");
  for (uint32_t s = 0; s < to->rules->steps; s++) {
    const bool optional = is_optional(to->rules, s);
    ds_buf selector;
    ds_buf_init(&selector, 1024);
    ds_buf_printf(&selector, "%.250s%s", to->context->text[s], optional ? "?" : "");
    ds_buf_printf(to->out, "%s(%u, ", s == 0 ? "" : ", ", s + 1);
    ds_sql_put_text(to->out, ds_buf_cstr(&selector));
    ds_buf_fail_as(to->out, &selector);
    ds_buf_done(&selector);
    if (s == 0)
      ds_buf_text(to->out, ", NULL, false)");
    else
      ds_buf_printf(to->out, ", %u, %s)", ds_funnel_previous(to->rules, s) + 1,
                    optional ? "true" : "false");
  }
  ds_buf_text(to->out, ")");
}

// The value of a chain found by its times: of those that can be a step then the last event is it.
static void put_lookup(const funnel_text *to) {
  ds_buf_text(to->out, ", carried AS (SELECT e.customer, e.of_case, step, v FROM paths p JOIN "
              "steps ON true JOIN seen e ON e.customer = p.customer AND e.of_case = p.of_case AND "
              "e.same = p.same AND e.ms = p.k[step] AND [");
  for (uint32_t s = 0; s < to->rules->steps; s++)
    ds_buf_printf(to->out, "%ss%u", s == 0 ? "" : ", ", s + 1);
  ds_buf_text(to->out, "][step] QUALIFY row_number() OVER (PARTITION BY e.customer, e.of_case, "
              "step ORDER BY n DESC) = 1), worth AS (SELECT customer, of_case, first(v ORDER BY "
              "step) AS value FROM carried WHERE v IS NOT NULL GROUP BY ALL), best AS (SELECT * "
              "FROM paths LEFT JOIN worth USING (customer, of_case))");
}

// ", best AS (…)" by windows: k of each event is the times of the latest chain that ends there.
static void put_windows(const funnel_text *to) {
  const funnel_rules *rules = to->rules;
  const char *const part = to->by.part;
  ds_buf *out = to->out;
  const char *prior = rules->arrival ? "n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
                                     : "ms RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW";
  ds_buf_text(out, ", c1 AS (SELECT *, CASE WHEN s1 THEN [ms] END AS k1 FROM seen)");
  for (uint32_t s = 2; s <= rules->steps; s++)
    ds_buf_printf(out, ", c%u AS (SELECT * EXCLUDE (p), CASE WHEN s%u AND ms - p[1] <= %lld THEN "
                  "list_append(p, ms) END AS k%u FROM (SELECT *, last_value(k%u IGNORE NULLS) OVER "
                  "(PARTITION BY customer, of_case, same ORDER BY %s) AS p FROM c%u))",
                  s, s, (long long)rules->within_ms, s, s - 1, prior, s - 1);
  ds_buf_printf(out, ", chains AS (SELECT %scustomer, of_case, same, coalesce(", part);
  for (uint32_t s = rules->steps; s > 0; s--)
    ds_buf_printf(out, "%sfirst(k%u ORDER BY ms, n DESC) FILTER (k%u IS NOT NULL)",
                  s == rules->steps ? "" : ", ", s, s);
  ds_buf_printf(out, ") AS k FROM c%u GROUP BY %scustomer, of_case, same)", rules->steps, part);
  // Of several values the best chain: ends are compared, then the steps before, from the last on.
  ds_buf_printf(out, ", %s AS (SELECT * FROM chains WHERE k IS NOT NULL QUALIFY row_number() OVER "
                "(PARTITION BY customer, of_case ORDER BY len(k) DESC, k[-1], list_reverse(k) "
                "DESC) = 1)", to->value == NULL ? "best" : "paths");
  if (to->value != NULL)
    put_lookup(to);
}

// "e1.WHAT, e2.WHAT" of the first `count` steps that are, or are not, optional; all with `both`.
typedef enum funnel_which { WHICH_MUST, WHICH_OPTIONAL, WHICH_BOTH } funnel_which;

static uint32_t put_each(const funnel_text *to, uint32_t count, funnel_which which,
                         const char *before, const char *what, const char *between) {
  uint32_t put = 0;
  for (uint32_t s = 0; s < count; s++)
    if (which == WHICH_BOTH || is_optional(to->rules, s) == (which == WHICH_OPTIONAL))
      ds_buf_printf(to->out, "%s%se%u.%s", put++ == 0 ? "" : between, before, s + 1, what);
  return put;
}

// The events that a step may be, behind those that the steps before are. An optional one may be
// none.
static void put_join(const funnel_text *to, uint32_t step) {
  const bool optional = is_optional(to->rules, step);
  const unsigned e = step + 1;
  ds_buf *out = to->out;
  ds_buf_printf(out, " LEFT JOIN %s e%u ON e%u.customer = e1.customer AND e%u.of_case = e1.of_case "
                "AND e%u.same = e1.same AND (", optional ? "maybe" : "seen", e, e, e, e);
  if (optional)
    ds_buf_printf(out, "e%u.n IS NULL OR (", e);
  ds_buf_printf(out, "e%u.s%u AND e%u.ms - e1.ms <= %lld AND e%u.n IS NOT NULL", e, e, e,
                (long long)to->rules->within_ms, ds_funnel_previous(to->rules, step) + 1);
  ds_buf_printf(out, " AND e%u.%s greatest(", e, to->rules->arrival ? "n >" : "ms >=");
  put_each(to, step, WHICH_BOTH, "", to->rules->arrival ? "n" : "ms", ", ");
  ds_buf_text(out, ")");
  for (uint32_t b = 0; b < step && !to->rules->arrival; b++)
    ds_buf_printf(out, " AND e%u.n IS DISTINCT FROM e%u.n", e, b + 1);
  ds_buf_text(out, optional ? "))" : ")");
}

// The same by joining all chains: the best has most mandatory steps, then the earliest end of
// these, then the latest events, then most optional ones, and so on.
static void put_joins(const funnel_text *to) {
  const funnel_rules *rules = to->rules;
  const uint32_t steps = rules->steps;
  ds_buf *out = to->out;
  if (rules->optional != 0)
    ds_buf_printf(out, ", maybe AS (SELECT * FROM seen UNION ALL BY NAME SELECT DISTINCT customer, "
                  "of_case, same FROM seen)");
  ds_buf_printf(out, ", best AS (SELECT %s%s[", to->by.name == NULL ? "" : "e1.", to->by.part);
  put_each(to, steps, WHICH_BOTH, "", "ms", ", ");
  ds_buf_text(out, "] AS k");
  if (to->value != NULL) {
    ds_buf_text(out, ", coalesce(");
    put_each(to, steps, WHICH_BOTH, "", "v", ", ");
    ds_buf_text(out, ") AS value");
  }
  ds_buf_text(out, " FROM (SELECT * FROM seen WHERE s1) e1");
  for (uint32_t s = 1; s < steps; s++)
    put_join(to, s);
  ds_buf_text(out, " QUALIFY row_number() OVER (PARTITION BY e1.customer, e1.of_case ORDER BY ");
  put_each(to, steps, WHICH_MUST, "(", "n IS NOT NULL)::INTEGER", " + ");
  ds_buf_text(out, " DESC, greatest(");
  put_each(to, steps, WHICH_MUST, "", "ms", ", ");
  ds_buf_text(out, ")");
  for (uint32_t s = steps; s > 0; s--)
    if (!is_optional(rules, s - 1))
      ds_buf_printf(out, ", e%u.n DESC NULLS LAST", s);
  if (rules->optional != 0) {
    ds_buf_text(out, ", ");
    put_each(to, steps, WHICH_OPTIONAL, "(", "n IS NOT NULL)::INTEGER", " + ");
    ds_buf_text(out, " DESC, greatest(");
    put_each(to, steps, WHICH_BOTH, "", "ms", ", ");
    ds_buf_text(out, ")");
  }
  for (uint32_t s = steps; s > 0; s--)
    if (is_optional(rules, s - 1))
      ds_buf_printf(out, ", e%u.n DESC NULLS LAST", s);
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

static void put_steps(const funnel_text *to) {
  const bool grouped = to->by.name != NULL;
  ds_buf *out = to->out;
  ds_buf_printf(out, ", counted AS (SELECT %sstep, selector, prior, optional, count(k) FILTER "
                "(k[step] IS NOT NULL) AS reached, count(k) FILTER (k[prior] IS NOT NULL AND "
                "k[step] IS NULL AND k[1] > %lld) AS open, avg(k[step] - k[prior]) AS mean_ms, "
                "quantile_cont(k[step] - k[prior], 0.5) AS median_ms, quantile_cont(k[step] - "
                "k[prior], 0.9) AS p90_ms%s FROM steps %sJOIN best ON true GROUP BY %sstep, "
                "selector, prior, optional), rated AS (SELECT c.*, max(c.reached) FILTER (c.step = "
                "1) OVER (%s) AS began, b.reached AS before FROM counted c LEFT JOIN counted b ON "
                "b.step = c.prior%s) SELECT %sstep, selector, reached",
                to->by.part, (long long)(to->context->as_of_ms - to->rules->within_ms),
                to->value == NULL ? "" : ", sum(value) FILTER (k[step] IS NOT NULL) AS value, "
                                         "count(value) FILTER (k[step] IS NOT NULL) AS value_n",
                grouped ? "" : "LEFT ", to->by.part, grouped ? "PARTITION BY c.of_group" : "",
                grouped ? " AND b.of_group = c.of_group" : "", to->by.show);
  put_rate(to->request, "conversion_start", "began", out);
  put_rate(to->request, "conversion_previous", "before", out);
  ds_buf_printf(out, ", CASE WHEN NOT optional THEN before - reached - open END AS dropped, CASE "
                "WHEN step > 1 AND NOT optional THEN open END AS open, mean_ms, median_ms, "
                "p90_ms%s FROM rated ORDER BY %sstep;\n", to->value == NULL ? "" : ", value, "
                "value_n", to->by.part);
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
      {strcmp(ds_option_get(&request->options, "compare"), "none") != 0, "--compare"},
  };
  for (size_t i = 0; i < sizeof without / sizeof *without; i++)
    if (without[i].asked)
      return ds_fail(err, DS_UNSUPPORTED, "no SQL form: %s", without[i].what);
  return DS_OK;
}

// The properties that the selectors, --same and --value read, beside what all rows have.
static ds_code properties_read(const funnel_text *to, const char **properties, uint32_t most,
                               uint32_t *ret_count, ds_error *err) {
  const ds_request *request = to->request;
  const funnel_context *context = to->context;
  uint32_t count = 0;
  if (to->same != NULL)
    properties[count++] = to->same;
  if (to->value != NULL && (to->same == NULL || strcmp(to->value, to->same) != 0))
    properties[count++] = to->value;
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
  const char *properties[PROPERTIES_MAX], *source = "chosen";
  funnel_context context = {.groups = 1};
  const funnel_rules *rules = &context.rules;
  funnel_text to = {.request = request, .context = &context, .rules = rules, .out = out,
                    .same = ds_option_get(&request->options, "same")};
  uint32_t count = 0;
  ds_plan plan;
  TRY(ds_funnel_read(request, &plan, &context, err));
  TRY(refuse(request, &context, err));
  TRY(ds_sql_by_read(request, &to.by, err));
  context.as_of_ms = request->as_of_ms;
  if (context.has_value)
    to.value = ds_names_text(&request->snapshot->space.properties, context.value.code);
  TRY(properties_read(&to, properties, PROPERTIES_MAX, &count, err));
  TRY(ds_sql_cases(request, &plan, properties, count, out, err));
  ds_sql_put_groups(&to.by, "of_case", out, &source);
  TRY(put_seen(&to, source, err));
  put_names(&to);
  if (rules->optional != 0 || (rules->arrival ? to.value != NULL : is_shared(&context)))
    put_joins(&to);
  else
    put_windows(&to);
  put_steps(&to);
  return ds_buf_check(out, "an SQL text", err);
}
