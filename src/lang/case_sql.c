// SPDX-License-Identifier: Apache-2.0
// A rule about cases as SQL in DuckDB's dialect: the events that are seen, for each level the first
// events that windows hang on, the facts, one column each, and the condition over them.
#include <stdio.h>

#include "lang/case_sql.h"
#include "model/identifier.h"

typedef lang_case_writer case_writer;

static void put(const case_writer *to, const char *text) { ds_buf_text(to->out, text); }

static void put_name(const case_writer *to, ds_str name) {
  put(to, "\"");
  for (uint32_t i = 0; i < name.size; i++) {
    ds_buf_append(to->out, &name.data[i], 1);
    if (name.data[i] == '"')
      put(to, "\"");
  }
  put(to, "\"");
}

ds_code ds_lang_sql_selector(const case_writer *to, uint32_t selector) {
  put(to, "(");
  TRY(ds_expression_sql(to->program->selectors[selector].expression, to->out, to->err));
  put(to, ")");
  return DS_OK;
}

void ds_lang_sql_now(const case_writer *to) {
  if (to->has_instants)
    put(to, "of_now");
  else
    ds_buf_printf(to->out, "%lld", (long long)to->now_ms);
}

static void put_instant(const case_writer *to, const char *sign, int64_t ms) {
  ds_buf_printf(to->out, " AND epoch_ms(time) %s %lld", sign, (long long)ms);
}

// So long before now.
static void put_before_now(const case_writer *to, const char *sign, int64_t ms) {
  if (to->has_instants)
    ds_buf_printf(to->out, " AND epoch_ms(time) %s of_now - %lld", sign, (long long)ms);
  else
    put_instant(to, sign, to->now_ms - ms);
}

// What a fact's window leaves, behind its selector.
static void put_window(const case_writer *to, const lang_window *window) {
  const unsigned of = window->selector;
  switch (window->span) {
  case LANG_SPAN_ALL: break;
  case LANG_SPAN_LAST: put_before_now(to, ">", window->ms[0]); break;
  case LANG_SPAN_AGO:
    put_before_now(to, ">", window->ms[0]);
    put_before_now(to, "<=", window->ms[1]);
    break;
  case LANG_SPAN_BETWEEN:
    put_instant(to, ">=", window->ms[0]);
    put_instant(to, "<", window->ms[1]);
    break;
  case LANG_SPAN_AFTER:
    ds_buf_printf(to->out, " AND time > a%u_time AND epoch_ms(time) - epoch_ms(a%u_time) <= %lld",
                  of, of, (long long)window->ms[0]);
    break;
  case LANG_SPAN_BEFORE: ds_buf_printf(to->out, " AND time < a%u_time", of); break;
  }
}

static ds_code put_meant(const case_writer *to, const lang_fact *fact) {
  TRY(ds_lang_sql_selector(to, fact->selector));
  put_window(to, &to->level->windows[fact->window]);
  return DS_OK;
}

static void put_property(const case_writer *to, const lang_fact *fact) {
  if (fact->property == LANG_ABSENT)
    ds_buf_printf(to->out, "NULL::%s", ds_lang_sql_type(fact->property_type));
  else
    put_name(to, fact->name);
}

static ds_code put_form(const case_writer *to, const lang_fact *fact) {
  for (const char *at = fact->form->sql; *at != '\0'; at++) {
    if (*at != '%') {
      ds_buf_append(to->out, at, 1);
      continue;
    }
    at++;
    if (*at == 's')
      TRY(put_meant(to, fact));
    else if (*at == 'p')
      put_property(to, fact);
    else
      ds_lang_sql_now(to);
  }
  return DS_OK;
}

// Of elapsed(A, B): an event after A's first, in (time, arrival).
static ds_code put_elapsed(const case_writer *to, const lang_fact *fact) {
  const unsigned a = fact->selector;
  put(to, "epoch_ms(min(time) FILTER (WHERE ");
  TRY(ds_lang_sql_selector(to, fact->second));
  ds_buf_printf(to->out, " AND (time > a%u_time OR (time = a%u_time AND arrival > a%u_arrival)))) "
                "- epoch_ms(any_value(a%u_time))", a, a, a, a);
  return DS_OK;
}

static void put_text(const case_writer *to, ds_str text) {
  put(to, "'");
  for (uint32_t i = 0; i < text.size; i++) {
    ds_buf_append(to->out, &text.data[i], 1);
    if (text.data[i] == '\'')
      put(to, "'");
  }
  put(to, "'");
}

// Of in_list(): whoever has an event that says so, whatever is left of events otherwise.
static void put_list(const case_writer *to, const lang_fact *fact) {
  const ds_lists *lists = &to->program->schema.lists;
  put(to, "customer IN (SELECT customer FROM events WHERE touchpoint = '" DS_LIST_JOINED "' AND "
          "\"" DS_LIST_PROPERTY "\" = ");
  put_text(to, fact->list_name);
  if (lists->has_known)
    ds_buf_printf(to->out, " AND epoch_ms(received) <= %lld", (long long)lists->known_ms);
  put(to, ")");
}

static ds_code put_fact(const case_writer *to, uint32_t number) {
  const lang_fact *fact = to->level->facts[number];
  if (fact->mixed)
    return ds_fail(to->err, DS_UNSUPPORTED, "no SQL form: %.*s has values of several types",
                   (int)(fact->name.size < 60 ? fact->name.size : 60), fact->name.data);
  if (fact->pattern != NULL) {
    ds_buf_printf(to->out, "coalesce(any_value(pattern%u_%u.met), false)",
                  (unsigned)to->level->number, (unsigned)number);
    return DS_OK;
  }
  if (fact->form->takes == LANG_TAKES_PAIR)
    return put_elapsed(to, fact);
  if (fact->form->takes == LANG_TAKES_LIST) {
    put_list(to, fact);
    return DS_OK;
  }
  if (fact->form->takes == LANG_TAKES_CASES) {
    ds_buf_printf(to->out, "coalesce(any_value(l%u.r%u), 0)%s", (unsigned)fact->level,
                  (unsigned)fact->rule, fact->type == DS_TYPE_BOOL ? " > 0" : "::DOUBLE");
    return DS_OK;
  }
  // A mean of durations is one again: whole milliseconds.
  const bool rounds = fact->type == DS_TYPE_DURATION && fact->form->types == LANG_LENGTHS;
  put(to, rounds ? "CAST(round(" : "");
  TRY(put_form(to, fact));
  put(to, rounds ? ") AS BIGINT)" : "");
  return DS_OK;
}

void ds_lang_sql_each(const case_writer *to, const char *text, const char *between) {
  const char *const columns[] = {"customer", "of_case", to->has_instants ? "of_now" : NULL,
                                 to->level->number > 0 ? "of_item" : NULL};
  for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
    if (columns[c] == NULL)
      continue;
    put(to, c == 0 ? "" : between);
    for (const char *at = text; *at != '\0'; at++)
      ds_buf_append(to->out, *at == '@' ? columns[c] : at, *at == '@' ? strlen(columns[c]) : 1);
  }
}

void ds_lang_sql_case(const case_writer *to) { ds_lang_sql_each(to, "@", ", "); }

// What tells cases apart outside of any_case().
static void put_whole(const case_writer *to) {
  case_writer whole = *to;
  whole.level = &to->program->level[0];
  ds_lang_sql_case(&whole);
}

void ds_lang_sql_source(const case_writer *to) {
  if (to->level->number == 0)
    put(to, "so_far");
  else
    ds_buf_printf(to->out, "items%u", (unsigned)to->level->number);
}

// Whether the selector's first event is needed: by windows that hang on it and by elapsed().
static bool is_anchor(const lang_level *level, uint32_t selector) {
  bool anchor = false;
  for (uint32_t w = 0; w < level->windows_count; w++)
    anchor |= level->windows[w].selector == selector;
  for (uint32_t f = 0; f < level->facts_count; f++)
    anchor |= level->facts[f]->form->takes == LANG_TAKES_PAIR &&
              level->facts[f]->selector == selector;
  return anchor;
}

// The first event of a selector per case, joined to its events as a<N>.
static ds_code put_anchors(const case_writer *to) {
  for (uint32_t s = 0; s < to->program->selectors_count; s++) {
    if (!is_anchor(to->level, s))
      continue;
    put(to, " LEFT JOIN (SELECT ");
    ds_lang_sql_case(to);
    ds_buf_printf(to->out, ", min(time) AS a%u_time, first(arrival ORDER BY time, arrival) AS "
                  "a%u_arrival FROM ", (unsigned)s, (unsigned)s);
    ds_lang_sql_source(to);
    put(to, " WHERE ");
    TRY(ds_lang_sql_selector(to, s));
    put(to, " GROUP BY ");
    ds_lang_sql_case(to);
    ds_buf_printf(to->out, ") AS a%u USING (", (unsigned)s);
    ds_lang_sql_case(to);
    put(to, ")");
  }
  return DS_OK;
}

// The cases that hold a pattern, as pattern<LEVEL>_<FACT>: said before the facts, then joined.
static ds_code put_patterns(const case_writer *to) {
  for (uint32_t f = 0; f < to->level->facts_count; f++)
    if (to->level->facts[f]->pattern != NULL)
      TRY(ds_lang_pattern_sql(to, f));
  return DS_OK;
}

static void put_held(const case_writer *to) {
  for (uint32_t f = 0; f < to->level->facts_count; f++) {
    if (to->level->facts[f]->pattern == NULL)
      continue;
    ds_buf_printf(to->out, " LEFT JOIN pattern%u_%u USING (", (unsigned)to->level->number,
                  (unsigned)f);
    ds_lang_sql_case(to);
    put(to, ")");
  }
}

// ", facts0 AS (SELECT customer, of_case, ... AS f0 FROM ...)"
static ds_code put_facts(const case_writer *to) {
  const unsigned number = to->level->number;
  TRY(put_patterns(to));
  ds_buf_printf(to->out, ", facts%u AS (SELECT ", number);
  ds_lang_sql_case(to);
  for (uint32_t f = 0; f < to->level->facts_count; f++) {
    put(to, ", ");
    TRY(put_fact(to, f));
    ds_buf_printf(to->out, " AS f%u", (unsigned)f);
  }
  put(to, " FROM (SELECT * FROM ");
  ds_lang_sql_source(to);
  put(to, ") AS e");
  TRY(put_anchors(to));
  put_held(to);
  for (uint32_t l = 1; number == 0 && l < to->program->levels_count; l++) {
    ds_buf_printf(to->out, " LEFT JOIN l%u USING (", (unsigned)l);
    ds_lang_sql_case(to);
    put(to, ")");
  }
  put(to, " GROUP BY ");
  ds_lang_sql_case(to);
  put(to, ")");
  return DS_OK;
}

// ", items1 AS (...), facts1 AS (...), l1 AS (SELECT customer, of_case, count(...) AS r3 ...)"
static ds_code put_level(const case_writer *to) {
  const unsigned number = to->level->number;
  ds_buf_printf(to->out, ", items%u AS (SELECT *, unnest(list_distinct(", number);
  put_name(to, to->program->schema.space->keys.text[to->level->key]);
  put(to, ")) AS of_item FROM so_far)");
  TRY(put_facts(to));
  ds_buf_printf(to->out, ", l%u AS (SELECT ", number);
  put_whole(to);
  for (uint32_t r = 0; r < to->program->rules_count; r++) {
    if (to->program->rules[r]->level != number)
      continue;
    put(to, ", count(*) FILTER (WHERE ");
    TRY(ds_expression_sql(&to->program->rules[r]->expression, to->out, to->err));
    ds_buf_printf(to->out, ") AS r%u", (unsigned)r);
  }
  ds_buf_printf(to->out, " FROM facts%u GROUP BY ", number);
  put_whole(to);
  put(to, ")");
  return DS_OK;
}

// What is seen of a case: until now, or at each of its instants until then.
static ds_code put_so_far(const case_writer *to, const char *source, const ds_expression *at) {
  if (at == NULL) {
    ds_buf_printf(to->out, ", so_far AS (SELECT * FROM %s WHERE epoch_ms(time) <= %lld)", source,
                  (long long)to->now_ms);
    return DS_OK;
  }
  ds_buf_printf(to->out, ", instants AS (SELECT DISTINCT customer, of_case, epoch_ms(time) AS "
                "of_now FROM %s WHERE epoch_ms(time) <= %lld AND (", source,
                (long long)to->now_ms);
  TRY(ds_expression_sql(at, to->out, to->err));
  ds_buf_printf(to->out, ")), so_far AS (SELECT e.*, i.of_now FROM %s e JOIN instants i ON "
                "i.customer = e.customer AND i.of_case = e.of_case WHERE epoch_ms(e.time) <= "
                "i.of_now AND epoch_ms(e.received) <= i.of_now)", source);
  return DS_OK;
}

ds_code ds_case_sql(const ds_case_program *program, int64_t now_ms, const ds_expression *at,
                    const char *source, ds_buf *out, ds_error *err) {
  case_writer to = {program, &program->level[0], now_ms, at != NULL, out, err};
  TRY(put_so_far(&to, source, at));
  for (uint32_t l = 1; l < program->levels_count; l++) {
    to.level = &program->level[l];
    TRY(put_level(&to));
  }
  to.level = &program->level[0];
  TRY(put_facts(&to));
  return ds_buf_check(out, "an SQL text", err);
}

ds_code ds_case_rule_sql(const ds_case_program *program, uint32_t rule, ds_buf *out,
                         ds_error *err) {
  return ds_expression_sql(&program->rules[program->asked[rule]]->expression, out, err);
}
