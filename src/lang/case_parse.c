// SPDX-License-Identifier: Apache-2.0
// The grammar of what is asked of a case; all else is that of conditions (parse.c):
//
//   fact     now | customer.NAME | FORM ( arguments )
//   window   last D | from D to D ago | from INSTANT to INSTANT | after S within D | before S
#include <assert.h>
#include <stdio.h>

#include "base/limits.h"
#include "lang/case_pattern.h"
#include "lang/functions.h"

static bool is(const lang_parser *in, const char *word) { return ds_token_is(&in->token, word); }

static ds_code fail(lang_parser *in, const ds_token *at, const char *message) {
  return ds_fail_at(in->err, DS_EXPRESSION, at->line, at->column, "%s", message);
}

// What was read since the byte `begin`.
static ds_str read_since(const lang_parser *in, uint32_t begin) {
  return (ds_str){in->lexer.text.data + begin, in->end - begin};
}

static ds_code comma(lang_parser *in, const lang_form *form) {
  return is(in, ",") ? ds_lang_advance(in) : ds_lang_expected(in, form->usage);
}

ds_code ds_lang_duration(lang_parser *in, const char *what, int64_t *ret_ms) {
  if (in->token.kind != DS_TOKEN_LITERAL || in->token.value.type != DS_TYPE_DURATION)
    return ds_lang_expected(in, what);
  if (in->token.value.i <= 0)
    return fail(in, &in->token, "this is no time at all: write a duration above 0, such as 90d");
  *ret_ms = in->token.value.i;
  return ds_lang_advance(in);
}

// A selector within a fact: inside its brackets stand conditions on one event.
static ds_code read_selector(lang_parser *in, uint32_t *ret_number, lang_node **ret_property) {
  lang_node *node = NULL, *property = NULL;
  lang_level *level = in->level;
  const uint32_t begin = in->token.begin;
  const bool value_side = in->value_side;
  in->level = NULL;
  in->value_side = false;
  if (ret_property == NULL)
    TRY(ds_lang_selector(in, &node));
  else
    TRY(ds_lang_selector_of(in, &node, &property));
  in->level = level;
  in->value_side = value_side;
  ds_str text = read_since(in, begin);
  if (property != NULL) {
    // The text of the selector alone is what tells it from others.
    text.size = (uint32_t)(property->text.data - text.data);
    while (text.size > 0 && text.data[text.size] != '.')
      text.size--;
  }
  if (ret_property != NULL)
    *ret_property = property;
  return ds_lang_selector_add(level, in, node, text, ret_number);
}

ds_code ds_lang_fact_selector(lang_parser *in, uint32_t *ret_number) {
  return read_selector(in, ret_number, NULL);
}

// Read as a text of its own.
ds_code ds_lang_any_selector(lang_parser *in, uint32_t *ret_number) {
  const ds_str text = ds_str_of("any");
  lang_node *node = NULL;
  lang_parser inner = {.lexer = ds_lexer_of(text, in->arena), .schema = in->schema,
                       .arena = in->arena, .err = in->err};
  TRY(ds_lang_advance(&inner));
  TRY(ds_lang_selector(&inner, &node));
  return ds_lang_selector_add(in->level, in, node, text, ret_number);
}

static ds_code read_edge(lang_parser *in, int64_t *ret_ms, bool *ret_duration) {
  ds_value value;
  *ret_duration = !ds_lang_is_instant(in);
  if (*ret_duration)
    return ds_lang_duration(in, "a duration or an instant, as in from 180d to 90d ago, or from "
                            "date '2018-01-01' to date '2018-02-01'", ret_ms);
  TRY(ds_lang_instant(in, &value));
  *ret_ms = value.i;
  if (value.type == DS_TYPE_DATE) {
    *ret_ms = value.i * DS_DAY_MS;
    if (in->schema->zone != NULL)
      *ret_ms = ds_zone_utc_ms(in->schema->zone, *ret_ms, &(int){0});
  }
  return DS_OK;
}

static ds_code read_from(lang_parser *in, lang_window *window) {
  bool duration = false, same = false;
  const ds_token first = in->token;
  TRY(read_edge(in, &window->ms[0], &duration));
  if (!is(in, "to"))
    return ds_lang_expected(in, "to, as in from 180d to 90d ago");
  TRY(ds_lang_advance(in));
  const ds_token second = in->token;
  TRY(read_edge(in, &window->ms[1], &same));
  if (same != duration)
    return fail(in, &second, "both edges of a window are durations, or both are instants");
  window->span = duration ? LANG_SPAN_AGO : LANG_SPAN_BETWEEN;
  if (duration && !is(in, "ago"))
    return ds_lang_expected(in, "ago, as in from 180d to 90d ago");
  if (duration ? window->ms[0] <= window->ms[1] : window->ms[0] >= window->ms[1])
    return fail(in, &first, duration ? "the window is empty: write the longer duration first, as "
                                       "in from 180d to 90d ago"
                                     : "the window is empty: write the earlier instant first");
  return duration ? ds_lang_advance(in) : DS_OK;
}

static ds_code read_window(lang_parser *in, lang_window *window) {
  const ds_token start = in->token;
  if (!is(in, "last") && !is(in, "from") && !is(in, "after") && !is(in, "before"))
    return ds_lang_expected(in, "a window: last 90d, from 180d to 90d ago, from date '...' to date "
                                "'...', after S within 7d, or before S");
  TRY(ds_lang_advance(in));
  if (ds_token_is(&start, "from"))
    return read_from(in, window);
  if (ds_token_is(&start, "last")) {
    window->span = LANG_SPAN_LAST;
    return ds_lang_duration(in, "a duration after last, as in last 90d", &window->ms[0]);
  }
  TRY(read_selector(in, &window->selector, NULL));
  window->span = LANG_SPAN_BEFORE;
  if (ds_token_is(&start, "before"))
    return DS_OK;
  window->span = LANG_SPAN_AFTER;
  if (!is(in, "within"))
    return ds_lang_expected(in, "within, as in after order_placed within 7d");
  TRY(ds_lang_advance(in));
  return ds_lang_duration(in, "a duration after within", &window->ms[0]);
}

static lang_fact fact_of(const lang_form *form) {
  return (lang_fact){.form = form, .type = form->result, .selector = LANG_ABSENT,
                     .second = LANG_ABSENT, .property = LANG_ABSENT, .column = LANG_ABSENT,
                     .level = LANG_ABSENT, .rule = LANG_ABSENT};
}

static const lang_form *form_of(const ds_token *name, lang_takes takes) {
  for (uint32_t f = 0; f < ds_lang_forms_count; f++)
    if (ds_token_is(name, ds_lang_forms[f].name) && ds_lang_forms[f].takes == takes)
      return &ds_lang_forms[f];
  return NULL;
}

// The property that a fact reads, in one of the types that it takes.
static ds_code set_property(lang_parser *in, lang_fact *fact, lang_node *property,
                            lang_node *node) {
  char advice[160];
  if (property->kind == LANG_FIELD)
    return ds_fail_at(in->err, DS_EXPRESSION, property->line, property->column,
                      "'%.*s' is no property here: write a property of the events, as in "
                      "%s(order_placed.value)", DS_STR(property->text), fact->form->name);
  snprintf(advice, sizeof advice, "%s() takes another type, as in %s", fact->form->name,
           fact->form->usage);
  const uint8_t types = property->types & fact->form->types;
  if (types == 0 || property->kind == LANG_KEY)
    return ds_lang_require(in, property, fact->form->types, advice);
  fact->property = property->code;
  fact->name = property->name;
  fact->mixed = property->mixed;
  // Where the fact is of the property's type, what it is compared with may choose among several.
  const bool own = fact->form->result != DS_TYPE_NULL;
  node->types = own ? (uint8_t)(1u << fact->form->result) : types;
  fact->property_type = own ? (ds_type)__builtin_ctz(types) : DS_TYPE_NULL;
  return DS_OK;
}

// S or S.p, and a window.
static ds_code read_events(lang_parser *in, const ds_token *name, lang_fact *fact,
                           lang_node *node, lang_node **ret_property) {
  const lang_form *plain = form_of(name, LANG_TAKES_SELECTOR);
  const lang_form *of = form_of(name, LANG_TAKES_PROPERTY);
  lang_window window = {.span = LANG_SPAN_ALL, .selector = LANG_ABSENT};
  uint32_t selector = 0;
  TRY(read_selector(in, &selector, of == NULL ? NULL : ret_property));
  if (*ret_property == NULL && plain == NULL)
    return ds_lang_expected(in, "a property after a dot, as in order_placed.value");
  *fact = fact_of(*ret_property != NULL ? of : plain);
  fact->selector = selector;
  if (*ret_property != NULL)
    TRY(set_property(in, fact, *ret_property, node));
  if (is(in, ",") && fact->form->window) {
    TRY(ds_lang_advance(in));
    TRY(read_window(in, &window));
  }
  return ds_lang_window_add(in->level, &window, &fact->window, in->err);
}

// The level of a key's cases.
static ds_code level_of(lang_parser *in, uint32_t key, const ds_token *at, lang_level **ret_level) {
  ds_case_program *program = in->level->program;
  uint32_t l = 1;
  while (l < program->levels_count && program->level[l].key != key)
    l++;
  if (l == LANG_LEVELS_MAX)
    return ds_fail_at(in->err, DS_LIMIT, at->line, at->column, "at most %d case keys at a time",
                      LANG_LEVELS_MAX - 1);
  *ret_level = &program->level[l];
  if (l < program->levels_count)
    return DS_OK;
  program->levels_count++;
  **ret_level = (lang_level){.program = program, .number = l, .key = key};
  return ds_lang_window_add(*ret_level, &(lang_window){.selector = LANG_ABSENT}, &(uint32_t){0},
                            in->err);
}

// KEY, EXPR.
static ds_code read_cases(lang_parser *in, lang_fact *fact) {
  lang_level *outer = in->level, *level = NULL;
  lang_node *root = NULL;
  const ds_token name = in->token;
  if (outer->number != 0)
    return fail(in, &name, "a case has no cases: any_case() and count_cases() do not stand within "
                           "each other");
  const bool text = name.kind == DS_TOKEN_LITERAL && name.value.type == DS_TYPE_STRING;
  if (name.kind != DS_TOKEN_NAME && !text)
    return ds_lang_expected(in, "a case key, as in any_case(order_id, did(delivered))");
  const ds_names *keys = &in->schema->space->keys;
  const uint32_t key = ds_names_find(keys, name.text);
  if (key == DS_NONE) {
    const char **all = ds_arena_array(in->arena, keys->count + 1u, sizeof *all);
    for (uint32_t k = 0; all != NULL && k < keys->count; k++)
      all[k] = ds_names_text(keys, k);
    return all == NULL ? ds_lang_no_memory(in->err)
                       : ds_lang_unknown(in, &name, name.text, all, keys->count,
                                         "no event has a case key of that name");
  }
  TRY(ds_lang_advance(in));
  TRY(comma(in, fact->form));
  TRY(level_of(in, key, &name, &level));
  in->level = level;
  TRY(ds_lang_condition(in, &root));
  in->level = outer;
  TRY(ds_lang_require(in, root, 1u << DS_TYPE_BOOL,
                      "a condition on each case is needed, such as did(delivered)"));
  fact->level = level->number;
  return ds_lang_rule_add(level, root, &fact->rule, in->err);
}

// A, B.
static ds_code read_pair(lang_parser *in, lang_fact *fact) {
  TRY(read_selector(in, &fact->selector, NULL));
  TRY(comma(in, fact->form));
  return read_selector(in, &fact->second, NULL);
}

static ds_code fact_node(lang_parser *in, const ds_token *start, const lang_fact *fact,
                         lang_node *node) {
  node->kind = LANG_FACT;
  node->text.size = in->end - start->begin;
  node->fact = ds_arena_alloc(in->arena, sizeof *node->fact);
  if (node->fact == NULL)
    return ds_lang_no_memory(in->err);
  *node->fact = *fact;
  node->fact->text = node->text;
  if (node->types == 0)
    node->types = (uint8_t)(1u << fact->type);
  if ((node->types & (node->types - 1)) == 0)
    node->type = (ds_type)__builtin_ctz(node->types);
  return DS_OK;
}

static ds_code read_form(lang_parser *in, const ds_token *name, lang_node **ret_node) {
  const lang_form *form = ds_lang_forms;
  lang_node *property = NULL, *node = NULL;
  while (!ds_token_is(name, form->name))
    form++;
  TRY(ds_lang_advance(in));
  const ds_token open = in->token;
  TRY(ds_lang_advance(in));
  TRY(ds_lang_node(in, LANG_FACT, name, &node));
  lang_fact fact = fact_of(form);
  switch (form->takes) {
  case LANG_TAKES_PAIR: TRY(read_pair(in, &fact)); break;
  case LANG_TAKES_CASES: TRY(read_cases(in, &fact)); break;
  case LANG_TAKES_PATTERN: TRY(ds_lang_pattern(in, &fact.pattern)); break;
  case LANG_TAKES_NAMES: return ds_lang_segment(in, &open, ret_node);
  case LANG_TAKES_CONSENT: return ds_lang_consent(in, &open, ret_node);
  case LANG_TAKES_LIST: TRY(ds_lang_list(in, &fact)); break;
  default: TRY(read_events(in, name, &fact, node, &property)); break;
  }
  if (!is(in, ")") && in->token.kind != DS_TOKEN_END)
    return ds_lang_expected(in, fact.form->usage);
  TRY(ds_lang_close(in, &open, ")"));
  *ret_node = node;
  return fact_node(in, name, &fact, node);
}

// customer.country: the property of the latest event that has it.
static ds_code read_trait(lang_parser *in, const ds_token *name, lang_node **ret_node) {
  ds_token property = *name;
  lang_node *what = NULL, *node = NULL;
  uint32_t begin = (uint32_t)strlen("customer.");
  if (ds_names_find(&in->schema->space->properties,
                    (ds_str){name->text.data + begin, name->text.size - begin}) == DS_NONE &&
      ds_names_find(&in->schema->space->properties, name->text) != DS_NONE)
    begin = 0;
  property.text = (ds_str){name->text.data + begin, name->text.size - begin};
  property.quoted = true;
  const ds_token customer = {.kind = DS_TOKEN_NAME, .text = ds_str_of("customer")};
  lang_fact fact = fact_of(form_of(&customer, LANG_TAKES_NOTHING));
  lang_level *level = in->level;
  TRY(ds_lang_advance(in));
  TRY(ds_lang_node(in, LANG_PROPERTY, name, &what));
  TRY(ds_lang_node(in, LANG_FACT, name, &node));
  in->level = NULL;
  TRY(ds_lang_name(in, &property, what));
  in->level = level;
  TRY(set_property(in, &fact, what, node));
  TRY(ds_lang_any_selector(in, &fact.selector));
  *ret_node = node;
  return fact_node(in, name, &fact, node);
}

// A name that stands for nothing here; says how what it means elsewhere is asked of a case.
static ds_code misplaced(lang_parser *in, const ds_token *name) {
  const ds_space *space = in->schema->space;
  const ds_str text = {name->text.data, name->text.size < 60 ? name->text.size : 60};
  const char *names[64];
  size_t count = 0;
  if (name->quoted && in->value_side)
    return ds_fail_at(in->err, DS_EXPRESSION, name->line, name->column,
                      "a text stands in single quotes: write '%.*s'", DS_STR(text));
  if (ds_names_find(&space->touchpoints, name->text) != DS_NONE ||
      ds_catalogue_find(in->schema->catalogue, name->text) != NULL)
    return ds_fail_at(in->err, DS_EXPRESSION, name->line, name->column,
                      "'%.*s' is a touchpoint: write did(%.*s), count(%.*s) or last(%.*s)",
                      DS_STR(text), DS_STR(text), DS_STR(text), DS_STR(text));
  if (ds_names_find(&space->properties, name->text) != DS_NONE)
    return ds_fail_at(in->err, DS_EXPRESSION, name->line, name->column,
                      "'%.*s' is a property of events: write did(any[%.*s ...]), last(any.%.*s) or "
                      "customer.%.*s", DS_STR(text), DS_STR(text), DS_STR(text), DS_STR(text));
  for (uint32_t f = 0; f < ds_lang_forms_count; f++)
    names[count++] = ds_lang_forms[f].name;
  char message[128];
  snprintf(message, sizeof message, "'%.*s' says nothing about a case", DS_STR(text));
  return ds_lang_unknown(in, name, name->text, names, count, message);
}

static bool is_form(const ds_token *name) {
  for (uint32_t f = 0; f < ds_lang_forms_count; f++)
    if (ds_token_is(name, ds_lang_forms[f].name) && ds_lang_forms[f].takes != LANG_TAKES_NOTHING)
      return true;
  return false;
}

ds_code ds_lang_case_name(lang_parser *in, lang_node **ret_node) {
  const ds_token name = in->token, next = ds_lang_peek(in);
  lang_node *node = NULL;
  if (name.quoted)
    return misplaced(in, &name);
  if (ds_token_is(&next, "("))
    return is_form(&name) ? read_form(in, &name, ret_node) : ds_lang_call(in, ret_node);
  if (ds_token_is(&next, "[") || ds_token_is(&next, ":"))
    return fail(in, &name, "here stands a condition on a whole journey: put a selector into did() "
                           "or count(), as in did(review_submitted[stars <= 2])");
  if (name.text.size > strlen("customer.") && memcmp(name.text.data, "customer.", 9) == 0)
    return read_trait(in, &name, ret_node);
  const lang_form *form = form_of(&name, LANG_TAKES_NOTHING);
  if (form == NULL || form->drifts == false)
    return misplaced(in, &name);
  const lang_fact fact = fact_of(form);
  TRY(ds_lang_advance(in));
  TRY(ds_lang_node(in, LANG_FACT, &name, &node));
  *ret_node = node;
  return fact_node(in, &name, &fact, node);
}

ds_code ds_lang_whole(lang_parser *in, bool condition, lang_node **ret_root) {
  TRY(ds_lang_condition(in, ret_root));
  if (in->token.kind != DS_TOKEN_END)
    return ds_lang_expected(in, is(in, ")") ? "and, or, or the end" : "an operator, and, or");
  lang_node *root = *ret_root;
  if (condition)
    return ds_lang_require(in, root, 1u << DS_TYPE_BOOL,
                           "compare it, as in count(order_placed) >= 2");
  if (root->type == DS_TYPE_NULL)
    ds_lang_settle(root, (ds_type)__builtin_ctz(root->types));
  return DS_OK;
}

static ds_code add(ds_case_program *program, ds_str text, bool condition, uint32_t *ret_rule,
                   ds_error *err) {
  if (text.size > DS_EXPRESSION_BYTES_MAX)
    return ds_fail(err, DS_LIMIT, "an expression may have at most %u bytes",
                   DS_EXPRESSION_BYTES_MAX);
  // The text is copied, because names and values point into it.
  char *copy = ds_arena_text(program->arena, text.data == NULL ? "" : text.data, text.size);
  uint32_t *asked = ds_lang_grow(program->arena, program->asked, program->asked_count,
                                 sizeof *program->asked);
  if (copy == NULL || asked == NULL)
    return ds_lang_no_memory(err);
  program->asked = asked;
  lang_parser in = {.lexer = ds_lexer_of((ds_str){copy, text.size}, program->arena),
                    .schema = &program->schema, .level = &program->level[0],
                    .arena = program->arena, .err = err};
  lang_node *root = NULL;
  TRY(ds_lang_advance(&in));
  TRY(ds_lang_whole(&in, condition, &root));
  TRY(ds_lang_rule_add(&program->level[0], root, &asked[program->asked_count], err));
  *ret_rule = program->asked_count++;
  return DS_OK;
}

ds_code ds_case_program_add(ds_case_program *program, ds_str text, uint32_t *ret_rule,
                            ds_error *err) {
  return add(program, text, false, ret_rule, err);
}

ds_code ds_case_program_add_condition(ds_case_program *program, ds_str text, uint32_t *ret_rule,
                                      ds_error *err) {
  return add(program, text, true, ret_rule, err);
}
