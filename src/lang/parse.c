// SPDX-License-Identifier: Apache-2.0
// The grammar of conditions on one event, by recursive descent:
//
//   condition   and-terms joined by `or`
//   and-term    not-terms joined by `and`
//   not-term    `not` not-term | comparison
//   comparison  sum [ (= != < <= > >=) sum | [not] in (list) | [not] like 'pattern'
//               | [not] between sum and sum | is [not] null ]
//   sum         products joined by + -          product   factors joined by * /
//   factor      - factor | literal | name | name ( arguments ) | ( condition )
#include <assert.h>
#include <stdio.h>

#include "base/limits.h"
#include "lang/case_tree.h"
#include "lang/functions.h"

static ds_code read_sum(lang_parser *in, lang_node **ret_node);

ds_code ds_lang_no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for an expression");
}

ds_code ds_lang_advance(lang_parser *in) {
  in->end = in->token.end;
  return ds_lexer_next(&in->lexer, &in->token, in->err);
}

ds_token ds_lang_peek(const lang_parser *in) {
  ds_lexer ahead = in->lexer;
  ds_token next = {.kind = DS_TOKEN_END};
  // What cannot be read is told when it is its turn.
  return ds_lexer_next(&ahead, &next, NULL) == DS_OK ? next : (ds_token){.kind = DS_TOKEN_END};
}

static bool is(const lang_parser *in, const char *word) { return ds_token_is(&in->token, word); }

// A token as it was written.
static ds_str written(const lang_parser *in, const ds_token *token) {
  return (ds_str){in->lexer.text.data + token->begin, token->end - token->begin};
}

ds_code ds_lang_expected(lang_parser *in, const char *what) {
  const ds_str found = in->token.kind == DS_TOKEN_END ? ds_str_of("the end")
                                                      : written(in, &in->token);
  return ds_fail_at(in->err, DS_EXPRESSION, in->token.line, in->token.column,
                    "expected %s, but found %.*s", what, found.size < 60 ? (int)found.size : 60,
                    found.data);
}

ds_code ds_lang_deeper(lang_parser *in) {
  if (++in->depth > LANG_DEPTH_MAX)
    return ds_fail_at(in->err, DS_LIMIT, in->token.line, in->token.column,
                      "at most %u levels of brackets and operators", LANG_DEPTH_MAX);
  return DS_OK;
}

ds_code ds_lang_close(lang_parser *in, const ds_token *open, const char *sign) {
  if (is(in, sign))
    return ds_lang_advance(in);
  if (in->token.kind == DS_TOKEN_END)
    return ds_fail_at(in->err, DS_EXPRESSION, open->line, open->column,
                      "the bracket %.*s opened here is never closed: add %s", DS_STR(open->text),
                      sign);
  return ds_lang_expected(in, strcmp(sign, ")") == 0 ? "and, or, an operator or )"
                                                     : "and, or, an operator or ]");
}

ds_code ds_lang_instant(lang_parser *in, ds_value *to) {
  const bool date = is(in, "date");
  TRY(ds_lang_advance(in));
  if (in->token.kind != DS_TOKEN_LITERAL || in->token.value.type != DS_TYPE_STRING)
    return ds_lang_expected(in, date ? "a day in quotes after date, such as date '2018-01-31'"
                                     : "an instant in quotes after time, such as "
                                       "time '2018-01-31T10:00:00Z'");
  int64_t ms = 0;
  bool local = false, date_only = false;
  if (!ds_time_parse(in->token.value.text, &ms, &local, &date_only) || (date && !date_only))
    return ds_fail_at(in->err, DS_EXPRESSION, in->token.line, in->token.column,
                      "%.*s is no %s", DS_STR(written(in, &in->token)),
                      date ? "day: write date '2018-01-31'"
                           : "instant: write time '2018-01-31T10:00:00Z'");
  if (local && !date && in->schema->zone != NULL)
    ms = ds_zone_utc_ms(in->schema->zone, ms, &(int){0});
  *to = date ? (ds_value){.type = DS_TYPE_DATE, .i = ms / DS_DAY_MS - (ms % DS_DAY_MS < 0)}
             : (ds_value){.type = DS_TYPE_TIME, .i = ms};
  return ds_lang_advance(in);
}

bool ds_lang_is_instant(const lang_parser *in) {
  return (is(in, "date") || is(in, "time")) && ds_lang_peek(in).kind == DS_TOKEN_LITERAL;
}

static ds_code read_literal(lang_parser *in, lang_node *node, bool *ret_read) {
  *ret_read = true;
  node->kind = LANG_LITERAL;
  if (ds_lang_is_instant(in)) {
    TRY(ds_lang_instant(in, &node->value));
  } else if (in->token.kind == DS_TOKEN_LITERAL) {
    node->value = in->token.value;
    TRY(ds_lang_advance(in));
  } else if (is(in, "true") || is(in, "false")) {
    node->value = (ds_value){.type = DS_TYPE_BOOL, .i = is(in, "true")};
    TRY(ds_lang_advance(in));
  } else if (is(in, "null")) {
    return ds_fail_at(in->err, DS_EXPRESSION, in->token.line, in->token.column,
                      "a comparison with null is never met: write is null or is not null");
  } else {
    *ret_read = false;
    return DS_OK;
  }
  node->types = (uint8_t)(1u << node->value.type);
  node->type = node->value.type;
  node->text.size = in->end - (uint32_t)(node->text.data - in->lexer.text.data);
  return DS_OK;
}

static ds_code unknown_function(lang_parser *in, const ds_token *name) {
  const char *names[64];
  size_t count = 0;
  for (uint32_t f = 0; f < ds_lang_forms_count; f++)
    if (in->level == NULL && ds_token_is(name, ds_lang_forms[f].name))
      return ds_fail_at(in->err, DS_EXPRESSION, name->line, name->column,
                        "%s() asks about a whole case, and here stands a condition on one event, "
                        "such as value > 42: cases are chosen by --cases",
                        ds_lang_forms[f].name);
  for (uint32_t f = 0; f < ds_lang_functions_count; f++)
    names[count++] = ds_lang_functions[f].name;
  for (uint32_t f = 0; in->level != NULL && f < ds_lang_forms_count; f++)
    names[count++] = ds_lang_forms[f].name;
  assert(count <= sizeof names / sizeof *names);
  char message[128];
  snprintf(message, sizeof message, "there is no function %.60s()",
           ds_arena_text(in->arena, name->text.data, name->text.size));
  return ds_lang_unknown(in, name, name->text, names, count, message);
}

// Arguments as many as the function takes, each of a type that it takes.
static ds_code read_arguments(lang_parser *in, const lang_function *call, const ds_token *open,
                              lang_node **argument) {
  for (uint32_t a = 0; a < call->arguments; a++) {
    TRY(ds_lang_advance(in));
    if (is(in, ")"))
      return ds_lang_expected(in, call->usage);
    TRY(read_sum(in, &argument[a]));
    TRY(ds_lang_require(in, argument[a], call->types[a], call->usage));
    if (a + 1 < call->arguments && !is(in, ","))
      return ds_lang_expected(in, call->usage);
  }
  if (is(in, ","))
    return ds_lang_expected(in, call->usage);
  return ds_lang_close(in, open, ")");
}

ds_code ds_lang_call(lang_parser *in, lang_node **ret_node) {
  const ds_token name = in->token;
  const lang_function *call = NULL;
  for (uint32_t f = 0; f < ds_lang_functions_count; f++)
    if (ds_token_is(&name, ds_lang_functions[f].name))
      call = &ds_lang_functions[f];
  TRY(ds_lang_advance(in));
  if (call == NULL)
    return unknown_function(in, &name);
  const ds_token open = in->token;
  lang_node *argument[LANG_ARGUMENTS_MAX];
  TRY(read_arguments(in, call, &open, argument));
  lang_node *node = NULL;
  TRY(ds_lang_node(in, LANG_CALL, &name, &node));
  TRY(ds_lang_children(in, node, argument, call->arguments));
  node->call = call;
  node->types = (uint8_t)(1u << call->result);
  node->type = call->result;
  *ret_node = node;
  return DS_OK;
}

// A name of a field, case key or property, or what a selector would begin with.
static ds_code read_name(lang_parser *in, lang_node **ret_node) {
  if (in->level != NULL)
    return ds_lang_case_name(in, ret_node);
  const ds_token name = in->token;
  const ds_token next = ds_lang_peek(in);
  if (!name.quoted && ds_token_is(&next, "("))
    return ds_lang_call(in, ret_node);
  if (ds_token_is(&next, "[") || (ds_token_is(&next, ":") && !name.quoted))
    return ds_fail_at(in->err, DS_EXPRESSION, name.line, name.column,
                      "here stands a condition on one event, not a selector: write touchpoint = "
                      "'delivered' or stage = 'transit'");
  TRY(ds_lang_advance(in));
  TRY(ds_lang_node(in, LANG_PROPERTY, &name, ret_node));
  return ds_lang_name(in, &name, *ret_node);
}

static ds_code read_factor(lang_parser *in, lang_node **ret_node);

// A number or duration with a sign before it is a literal.
static ds_code read_negative(lang_parser *in, lang_node **ret_node) {
  const ds_token sign = in->token;
  lang_node *inner = NULL, *node = NULL;
  TRY(ds_lang_deeper(in));
  TRY(ds_lang_advance(in));
  TRY(read_factor(in, &inner));
  in->depth--;
  const uint8_t types = 1u << DS_TYPE_NUMBER | 1u << DS_TYPE_DURATION;
  TRY(ds_lang_require(in, inner, types, "only a number or a duration can be negative"));
  TRY(ds_lang_node(in, LANG_NEGATE, &sign, &node));
  if (inner->kind == LANG_LITERAL) {
    node->kind = LANG_LITERAL;
    node->value = inner->value;
    if (inner->type == DS_TYPE_NUMBER)
      node->value.number = -inner->value.number;
    else
      node->value.i = -inner->value.i;
  } else {
    TRY(ds_lang_children(in, node, &inner, 1));
  }
  node->types = inner->types;
  node->type = inner->type;
  *ret_node = node;
  return DS_OK;
}

static ds_code read_factor(lang_parser *in, lang_node **ret_node) {
  const ds_token start = in->token;
  if (is(in, "-"))
    return read_negative(in, ret_node);
  if (is(in, "(")) {
    TRY(ds_lang_deeper(in));
    TRY(ds_lang_advance(in));
    TRY(ds_lang_condition(in, ret_node));
    in->depth--;
    return ds_lang_close(in, &start, ")");
  }
  lang_node *literal = NULL;
  bool read = false;
  TRY(ds_lang_node(in, LANG_LITERAL, &start, &literal));
  TRY(read_literal(in, literal, &read));
  if (read) {
    *ret_node = literal;
    return DS_OK;
  }
  static const char *const words[] = {"and", "or", "not", "in", "like", "between", "is"};
  bool word = start.kind != DS_TOKEN_NAME;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    word = word || ds_token_is(&start, words[i]);
  if (word)
    return ds_lang_expected(in, in->value_side
                                    ? "a value: 42, 'text', true, date '...', time '...' or 90d"
                                    : "a condition, such as value > 42 or carrier = 'DHL'");
  return read_name(in, ret_node);
}

// Operators of one rank, from the left: `first` and `second` are their signs.
static ds_code read_chain(lang_parser *in, const char *const signs[2], const lang_kind kinds[2],
                          ds_code (*operand)(lang_parser *, lang_node **), lang_node **ret_node) {
  TRY(operand(in, ret_node));
  while (is(in, signs[0]) || is(in, signs[1])) {
    const ds_token op = in->token;
    lang_node *right = NULL;
    TRY(ds_lang_advance(in));
    TRY(operand(in, &right));
    TRY(ds_lang_arithmetic(in, kinds[ds_token_is(&op, signs[1])], &op, *ret_node, right,
                           ret_node));
  }
  return DS_OK;
}

static ds_code read_product(lang_parser *in, lang_node **ret_node) {
  static const char *const signs[2] = {"*", "/"};
  static const lang_kind kinds[2] = {LANG_MULTIPLY, LANG_DIVIDE};
  return read_chain(in, signs, kinds, read_factor, ret_node);
}

static ds_code read_sum(lang_parser *in, lang_node **ret_node) {
  static const char *const signs[2] = {"+", "-"};
  static const lang_kind kinds[2] = {LANG_ADD, LANG_SUBTRACT};
  return read_chain(in, signs, kinds, read_product, ret_node);
}

// What stands right of a comparison.
static ds_code read_value(lang_parser *in, lang_node **ret_node) {
  in->value_side = true;
  TRY(read_sum(in, ret_node));
  in->value_side = false;
  return DS_OK;
}

// in (a, b, ...): literals only.
static ds_code read_list(lang_parser *in, const ds_token *op, lang_node *left,
                         lang_node **ret_node) {
  uint32_t count = 0, capacity = 16;
  lang_node **items = ds_arena_array(in->arena, capacity, sizeof *items);
  if (!is(in, "("))
    return ds_lang_expected(in, "( after in");
  const ds_token open = in->token;
  do {
    TRY(ds_lang_advance(in));
    if (count == capacity || items == NULL) {
      lang_node **grown = ds_arena_array(in->arena, capacity *= 2, sizeof *grown);
      if (grown == NULL || items == NULL)
        return ds_lang_no_memory(in->err);
      memcpy(grown, items, count * sizeof *grown);
      items = grown;
    }
    TRY(read_value(in, &items[count]));
    if (items[count]->kind != LANG_LITERAL)
      return ds_fail_at(in->err, DS_EXPRESSION, items[count]->line, items[count]->column,
                        "a list after in holds values: 42, 'text', date '2018-01-31'");
    count++;
  } while (is(in, ","));
  if (!is(in, ")") && in->token.kind != DS_TOKEN_END)
    return ds_lang_expected(in, ", or ) in a list of values");
  TRY(ds_lang_close(in, &open, ")"));
  return ds_lang_in(in, op, left, items, count, ret_node);
}

static ds_code read_like(lang_parser *in, lang_node *left, lang_node **ret_node) {
  const uint8_t text = 1u << DS_TYPE_STRING;
  TRY(ds_lang_require(in, left, text, "like compares text with a pattern"));
  if (in->token.kind != DS_TOKEN_LITERAL || in->token.value.type != DS_TYPE_STRING)
    return ds_lang_expected(in, "a pattern in quotes after like, such as 'DHL%'");
  const ds_value pattern = in->token.value;
  const ds_token start = {.line = left->line, .column = left->column,
                          .begin = (uint32_t)(left->text.data - in->lexer.text.data)};
  TRY(ds_lang_advance(in));
  TRY(ds_lang_node(in, LANG_LIKE, &start, ret_node));
  (*ret_node)->value = pattern;
  (*ret_node)->types = 1u << DS_TYPE_BOOL;
  (*ret_node)->type = DS_TYPE_BOOL;
  return ds_lang_children(in, *ret_node, &left, 1);
}

static ds_code read_between(lang_parser *in, const ds_token *op, lang_node *left,
                            lang_node **ret_node) {
  lang_node *low = NULL, *high = NULL, *above = NULL, *below = NULL;
  TRY(read_value(in, &low));
  if (!is(in, "and"))
    return ds_lang_expected(in, "and between the two values of between");
  TRY(ds_lang_advance(in));
  TRY(read_value(in, &high));
  TRY(ds_lang_compare(in, LANG_GREATER_EQUAL, op, left, low, &above));
  TRY(ds_lang_compare(in, LANG_LESS_EQUAL, op, left, high, &below));
  return ds_lang_join(in, LANG_AND, above, below, ret_node);
}

static ds_code read_is(lang_parser *in, lang_node *left, lang_node **ret_node) {
  TRY(ds_lang_advance(in));
  const bool negated = is(in, "not");
  if (negated)
    TRY(ds_lang_advance(in));
  if (!is(in, "null"))
    return ds_lang_expected(in, "null after is (is null, is not null)");
  TRY(ds_lang_advance(in));
  TRY(ds_lang_is_null(in, left, ret_node));
  return negated ? ds_lang_join(in, LANG_NOT, *ret_node, NULL, ret_node) : DS_OK;
}

// [not] in, like, between; *ret_node stays NULL when none of them follows.
static ds_code read_word_operator(lang_parser *in, lang_node *left, lang_node **ret_node) {
  const ds_token op = in->token;
  const bool negated = is(in, "not");
  if (negated)
    TRY(ds_lang_advance(in));
  const ds_token word = in->token;
  if (!is(in, "in") && !is(in, "like") && !is(in, "between"))
    return negated ? ds_lang_expected(in, "in, like or between after not") : DS_OK;
  TRY(ds_lang_advance(in));
  if (ds_token_is(&word, "in"))
    TRY(read_list(in, &op, left, ret_node));
  else if (ds_token_is(&word, "like"))
    TRY(read_like(in, left, ret_node));
  else
    TRY(read_between(in, &op, left, ret_node));
  return negated ? ds_lang_join(in, LANG_NOT, *ret_node, NULL, ret_node) : DS_OK;
}

static bool find_sign(const lang_parser *in, lang_kind *ret_kind) {
  static const char *const signs[] = {"=", "!=", "<", "<=", ">", ">="};
  for (uint32_t i = 0; i < sizeof signs / sizeof *signs; i++)
    if (is(in, signs[i])) {
      *ret_kind = (lang_kind)(LANG_EQUAL + i);
      return true;
    }
  return false;
}

static ds_code read_comparison(lang_parser *in, lang_node **ret_node) {
  lang_node *left = NULL, *right = NULL, *node = NULL;
  lang_kind kind;
  TRY(read_sum(in, &left));
  const ds_token op = in->token;
  if (is(in, "is")) {
    TRY(read_is(in, left, &node));
  } else if (find_sign(in, &kind)) {
    TRY(ds_lang_advance(in));
    TRY(read_value(in, &right));
    TRY(ds_lang_compare(in, kind, &op, left, right, &node));
  } else {
    TRY(read_word_operator(in, left, &node));
  }
  if (node == NULL) {
    *ret_node = left;
    return DS_OK;
  }
  if (find_sign(in, &kind))
    return ds_fail_at(in->err, DS_EXPRESSION, in->token.line, in->token.column,
                      "compare two things at a time: write a < b and b < c");
  *ret_node = node;
  return DS_OK;
}

static ds_code read_not(lang_parser *in, lang_node **ret_node) {
  if (!is(in, "not"))
    return read_comparison(in, ret_node);
  lang_node *inner = NULL;
  TRY(ds_lang_deeper(in));
  TRY(ds_lang_advance(in));
  TRY(read_not(in, &inner));
  in->depth--;
  TRY(ds_lang_join(in, LANG_NOT, inner, NULL, ret_node));
  return DS_OK;
}

static ds_code read_and(lang_parser *in, lang_node **ret_node) {
  TRY(read_not(in, ret_node));
  while (is(in, "and")) {
    lang_node *right = NULL;
    TRY(ds_lang_advance(in));
    TRY(read_not(in, &right));
    TRY(ds_lang_join(in, LANG_AND, *ret_node, right, ret_node));
  }
  return DS_OK;
}

ds_code ds_lang_condition(lang_parser *in, lang_node **ret_node) {
  // A bracket right of a comparison begins anew.
  const bool value_side = in->value_side;
  in->value_side = false;
  TRY(read_and(in, ret_node));
  while (is(in, "or")) {
    lang_node *right = NULL;
    TRY(ds_lang_advance(in));
    TRY(read_and(in, &right));
    TRY(ds_lang_join(in, LANG_OR, *ret_node, right, ret_node));
  }
  in->value_side = value_side;
  return DS_OK;
}

// The whole text as one condition.
static ds_code read_predicate(lang_parser *in, lang_node **ret_node) {
  TRY(ds_lang_condition(in, ret_node));
  if (in->token.kind != DS_TOKEN_END)
    return ds_lang_expected(in, is(in, ")") ? "and, or, or the end" : "an operator, and, or");
  return ds_lang_require(in, *ret_node, 1u << DS_TYPE_BOOL,
                         "compare it, as in value > 42 or carrier = 'DHL'");
}

static ds_code read_selector(lang_parser *in, lang_node **ret_node) {
  TRY(ds_lang_selector(in, ret_node));
  if (in->token.kind == DS_TOKEN_END)
    return DS_OK;
  // A chain in one text, as a -> b.
  const bool chain = is(in, "-") || is(in, ">") || is(in, ",");
  return ds_lang_expected(in, chain ? "[, or, or the end after a selector (the next one is given "
                                      "by itself)"
                                    : "[, or, or the end after a selector");
}

// *reached is how far the text was read, also when it fails.
static ds_code parse(ds_str text, const ds_schema *schema, bool selector, ds_arena *arena,
                     const ds_expression **ret_expression, uint32_t *reached, ds_error *err) {
  if (text.size > DS_EXPRESSION_BYTES_MAX)
    return ds_fail(err, DS_LIMIT, "an expression may have at most %u bytes",
                   DS_EXPRESSION_BYTES_MAX);
  ds_expression *expression = ds_arena_alloc(arena, sizeof *expression);
  // The text is copied, because names and values point into it.
  char *copy = ds_arena_text(arena, text.data == NULL ? "" : text.data, text.size);
  if (expression == NULL || copy == NULL)
    return ds_lang_no_memory(err);
  expression->held = *schema;
  expression->schema = &expression->held;
  expression->selector = selector;
  lang_parser in = {.lexer = ds_lexer_of((ds_str){copy, text.size}, arena),
                    .schema = &expression->held, .arena = arena, .err = err};
  TRY(ds_lang_advance(&in));
  const ds_code code =
      selector ? read_selector(&in, &expression->root) : read_predicate(&in, &expression->root);
  *reached = in.token.begin;
  TRY(code);
  TRY(ds_lang_compile(expression, arena, err));
  *ret_expression = expression;
  return DS_OK;
}

ds_code ds_predicate_parse(ds_str text, const ds_schema *schema, ds_arena *arena,
                           const ds_expression **ret_expression, ds_error *err) {
  return parse(text, schema, false, arena, ret_expression, &(uint32_t){0}, err);
}

ds_code ds_selector_parse(ds_str text, const ds_schema *schema, ds_arena *arena,
                          const ds_expression **ret_expression, ds_error *err) {
  return parse(text, schema, true, arena, ret_expression, &(uint32_t){0}, err);
}

// Whether a text begins as a selector would: one name, or a name and a bracket or colon.
static bool looks_like_selector(ds_str text, ds_arena *arena) {
  lang_parser in = {.lexer = ds_lexer_of(text, arena)};
  if (ds_lang_advance(&in) != DS_OK)
    return false;
  const ds_token next = ds_lang_peek(&in);
  return next.kind == DS_TOKEN_END || ds_token_is(&next, "[") || ds_token_is(&next, ":");
}

ds_code ds_expression_parse(ds_str text, const ds_schema *schema, ds_arena *arena,
                            const ds_expression **ret_expression, ds_error *err) {
  ds_error as_selector = {.code = DS_OK}, as_predicate = {.code = DS_OK};
  uint32_t there = 0, here = 0;
  if (parse(text, schema, true, arena, ret_expression, &there, &as_selector) == DS_OK ||
      parse(text, schema, false, arena, ret_expression, &here, &as_predicate) == DS_OK)
    return DS_OK;
  const bool selector = there > here || looks_like_selector(text, arena);
  const ds_error *found = selector ? &as_selector : &as_predicate;
  if (err != NULL)
    *err = *found;
  return found->code;
}

bool ds_expression_is_selector(const ds_expression *expression) { return expression->selector; }
