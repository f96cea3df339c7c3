// SPDX-License-Identifier: Apache-2.0
// Reads a filter: comparisons joined by `and`. All that can be known without the events is checked
// here, so that evaluation cannot fail.
#include "lang/filter.h"

#include <stdio.h>

#include "base/limits.h"
#include "lang/filter_tree.h"
#include "lang/lexer.h"
#include "model/time.h"

enum { COMPARISONS_MAX = 256, VALUES_MAX = 4096 };

typedef struct parser {
  ds_lexer lexer;
  ds_token token; // the one to be read next
  const ds_space *space;
  ds_arena *arena;
  ds_error *err;
} parser;

static ds_code advance(parser *in) { return ds_lexer_next(&in->lexer, &in->token, in->err); }

static ds_code no_memory(parser *in) {
  return ds_fail(in->err, DS_MEMORY, "out of memory for an expression");
}

// What stands at the current token, for messages.
static ds_str here(const parser *in) {
  return in->token.kind == DS_TOKEN_END ? ds_str_of("the end") : in->token.text;
}

// Fails at the current token: "… but found X".
static ds_code expected(parser *in, const char *what) {
  return ds_fail_at(in->err, DS_EXPRESSION, in->token.line, in->token.column,
                    "expected %s, but found %.*s", what, DS_STR(here(in)));
}

// The nearest name among the fixed ones and those of two tables, or NULL.
static const char *nearest(const parser *in, ds_str name, const ds_names *a, const ds_names *b) {
  static const char *const fixed[] = {"touchpoint", "source", "time"};
  const uint32_t count_b = b == NULL ? 0 : b->count;
  const size_t count = 3 + (size_t)a->count + count_b;
  const char **all = ds_arena_array(in->arena, count, sizeof *all);
  if (all == NULL)
    return NULL;
  size_t used = 0;
  for (uint32_t i = 0; b != NULL && i < 3; i++)
    all[used++] = fixed[i];
  for (uint32_t i = 0; i < a->count; i++)
    all[used++] = ds_names_text(a, i);
  for (uint32_t i = 0; i < count_b; i++)
    all[used++] = ds_names_text(b, i);
  return ds_str_nearest(name, all, used);
}

static ds_code read_field(parser *in, filter_comparison *to) {
  static const char *const unbuilt[] = {"not", "or", "between", "like"};
  const ds_token *token = &in->token;
  if (token->kind != DS_TOKEN_NAME)
    return expected(in, "the name of a property, a case key, touchpoint, source or time");
  for (uint32_t i = 0; i < sizeof unbuilt / sizeof *unbuilt; i++)
    if (ds_token_is(token, unbuilt[i]))
      return ds_fail_at(in->err, DS_UNSUPPORTED, token->line, token->column,
                        "'%s' is not built yet: use comparisons joined by and", unbuilt[i]);
  to->name = token->text;
  const uint32_t key = ds_names_find(&in->space->keys, token->text);
  const uint32_t property = ds_names_find(&in->space->properties, token->text);
  if (ds_token_is(token, "touchpoint")) {
    to->field = FIELD_TOUCHPOINT;
  } else if (ds_token_is(token, "source")) {
    to->field = FIELD_SOURCE;
  } else if (ds_token_is(token, "time")) {
    to->field = FIELD_TIME;
  } else if (key != DS_NONE) {
    to->field = FIELD_KEY;
    to->code = (uint16_t)key;
  } else if (property != DS_NONE) {
    to->field = FIELD_PROPERTY;
    to->code = (uint16_t)property;
  } else {
    const char *near = nearest(in, token->text, &in->space->properties, &in->space->keys);
    return ds_fail_at(in->err, DS_EXPRESSION, token->line, token->column,
                      "no event has a property or case key '%.*s'%s%s%s", DS_STR(token->text),
                      near == NULL ? "" : "; did you mean '", near == NULL ? "" : near,
                      near == NULL ? "" : "'?");
  }
  return advance(in);
}

static ds_code read_is(parser *in, filter_comparison *to) {
  TRY(advance(in));
  to->op = OP_NULL;
  if (ds_token_is(&in->token, "not")) {
    to->op = OP_NOT_NULL;
    TRY(advance(in));
  }
  if (!ds_token_is(&in->token, "null"))
    return expected(in, "null after is (is null, is not null)");
  return advance(in);
}

// The operator; *ret_values tells whether values follow.
static ds_code read_op(parser *in, filter_comparison *to, bool *ret_values) {
  static const char *const signs[] = {"=", "!=", "<", "<=", ">", ">="};
  *ret_values = true;
  for (uint32_t i = 0; i < sizeof signs / sizeof *signs; i++)
    if (ds_token_is(&in->token, signs[i])) {
      to->op = (filter_op)i;
      return advance(in);
    }
  if (ds_token_is(&in->token, "is")) {
    *ret_values = false;
    return read_is(in, to);
  }
  if (ds_token_is(&in->token, "in")) {
    to->op = OP_IN;
    return advance(in);
  }
  if (ds_token_is(&in->token, "like") || ds_token_is(&in->token, "between") ||
      ds_token_is(&in->token, "not"))
    return ds_fail_at(in->err, DS_UNSUPPORTED, in->token.line, in->token.column,
                      "'%.*s' is not built yet: use = != < <= > >= in or is null",
                      DS_STR(in->token.text));
  return expected(in, "= != < <= > >= in or is after a name");
}

// date '…' or time '…'.
static ds_code read_instant(parser *in, ds_value *to) {
  const bool date = ds_token_is(&in->token, "date");
  TRY(advance(in));
  if (in->token.kind != DS_TOKEN_LITERAL || in->token.value.type != DS_TYPE_STRING)
    return expected(in, date ? "a day in quotes after date, such as date '2018-01-31'"
                             : "an instant in quotes after time, such as "
                               "time '2018-01-31T10:00:00Z'");
  int64_t ms = 0;
  bool local = false, date_only = false;
  if (!ds_time_parse(in->token.value.text, &ms, &local, &date_only) || (date && !date_only))
    return ds_fail_at(in->err, DS_EXPRESSION, in->token.line, in->token.column,
                      "%.*s is no %s", DS_STR(in->token.text),
                      date ? "day: write date '2018-01-31'"
                           : "instant: write time '2018-01-31T10:00:00Z'");
  *to = date ? (ds_value){.type = DS_TYPE_DATE, .i = ms / DS_DAY_MS}
             : (ds_value){.type = DS_TYPE_TIME, .i = ms};
  if (date && ms < 0 && ms % DS_DAY_MS != 0)
    to->i--;
  return advance(in);
}

static ds_code read_literal(parser *in, ds_value *to) {
  const ds_token *token = &in->token;
  if (token->kind == DS_TOKEN_LITERAL) {
    *to = token->value;
    return advance(in);
  }
  if (ds_token_is(token, "date") || ds_token_is(token, "time"))
    return read_instant(in, to);
  if (ds_token_is(token, "true") || ds_token_is(token, "false")) {
    *to = (ds_value){.type = DS_TYPE_BOOL, .i = ds_token_is(token, "true")};
    return advance(in);
  }
  if (ds_token_is(token, "null"))
    return ds_fail_at(in->err, DS_EXPRESSION, token->line, token->column,
                      "a comparison with null is never met: write is null or is not null");
  if (token->kind == DS_TOKEN_NAME)
    return ds_fail_at(in->err, DS_EXPRESSION, token->line, token->column,
                      "a text stands in single quotes: write '%.*s'", DS_STR(token->text));
  return expected(in, "a value: 42, 'text', true, false, date '…', time '…' or 90d");
}

// Whether a field can be compared with such a value, at the token where the value stood.
static ds_code check_value(parser *in, const filter_comparison *to, const ds_value *value,
                           const ds_token *at) {
  const char *advice = NULL;
  const bool text = value->type == DS_TYPE_STRING;
  const bool instant = value->type == DS_TYPE_DATE || value->type == DS_TYPE_TIME;
  if (to->field == FIELD_TIME && !instant)
    advice = "is an instant: compare it with date '2018-01-31' or time '2018-01-31T10:00:00Z'";
  else if (to->field != FIELD_TIME && to->field != FIELD_PROPERTY && !text)
    advice = "is text: put the value in single quotes";
  else if (value->type == DS_TYPE_BOOL && to->op >= OP_LESS && to->op <= OP_GREATER_EQUAL)
    advice = "cannot be ordered by true and false: use = or !=";
  if (advice != NULL)
    return ds_fail_at(in->err, DS_EXPRESSION, at->line, at->column, "%.*s %s",
                      DS_STR(to->name), advice);
  const ds_names *names = to->field == FIELD_TOUCHPOINT ? &in->space->touchpoints
                          : to->field == FIELD_SOURCE   ? &in->space->sources
                                                        : NULL;
  if (names == NULL || ds_names_find(names, value->text) != DS_NONE)
    return DS_OK;
  const char *near = nearest(in, value->text, names, NULL);
  return ds_fail_at(in->err, DS_EXPRESSION, at->line, at->column, "no event has %.*s '%.*s'%s%s%s",
                    DS_STR(to->name), DS_STR(value->text),
                    near == NULL ? "" : "; did you mean '", near == NULL ? "" : near,
                    near == NULL ? "" : "'?");
}

static ds_code add_value(parser *in, filter_comparison *to) {
  const ds_token at = in->token;
  ds_value value;
  TRY(read_literal(in, &value));
  TRY(check_value(in, to, &value, &at));
  if (to->values_count == VALUES_MAX)
    return ds_fail_at(in->err, DS_LIMIT, at.line, at.column, "at most %d values in a list",
                      VALUES_MAX);
  // Room doubles at powers of two.
  if ((to->values_count & (to->values_count - 1)) == 0) {
    ds_value *grown = ds_arena_array(in->arena, to->values_count * 2u + 1, sizeof *grown);
    filter_place *places = ds_arena_array(in->arena, to->values_count * 2u + 1, sizeof *places);
    if (grown == NULL || places == NULL)
      return no_memory(in);
    if (to->values_count > 0) {
      memcpy(grown, to->values, to->values_count * sizeof *grown);
      memcpy(places, to->places, to->values_count * sizeof *places);
    }
    to->values = grown;
    to->places = places;
  }
  to->places[to->values_count] = (filter_place){at.line, at.column};
  to->values[to->values_count++] = value;
  return DS_OK;
}

static ds_code read_values(parser *in, filter_comparison *to) {
  if (to->op != OP_IN)
    return add_value(in, to);
  if (!ds_token_is(&in->token, "("))
    return expected(in, "( after in");
  do {
    TRY(advance(in));
    TRY(add_value(in, to));
  } while (ds_token_is(&in->token, ","));
  if (!ds_token_is(&in->token, ")"))
    return expected(in, ", or ) in a list of values");
  return advance(in);
}

// Lookup tables that make evaluation a load per event.
static ds_code prepare(parser *in, filter_comparison *to) {
  if (to->field == FIELD_KEY) {
    to->hashes = ds_arena_array(in->arena, to->values_count + 1u, sizeof *to->hashes);
    if (to->hashes == NULL)
      return no_memory(in);
    for (uint32_t v = 0; v < to->values_count; v++)
      to->hashes[v] = ds_key_hash(to->values[v].text);
  }
  if (to->field != FIELD_TOUCHPOINT && to->field != FIELD_SOURCE)
    return DS_OK;
  const ds_names *names =
      to->field == FIELD_TOUCHPOINT ? &in->space->touchpoints : &in->space->sources;
  to->hit = ds_arena_array(in->arena, names->count + 1u, 1);
  if (to->hit == NULL)
    return no_memory(in);
  for (uint32_t v = 0; v < to->values_count; v++)
    to->hit[ds_names_find(names, to->values[v].text)] = 1;
  return DS_OK;
}

static ds_code read_comparison(parser *in, filter_comparison *to) {
  const ds_token name = in->token;
  if (ds_token_is(&name, "("))
    return ds_fail_at(in->err, DS_UNSUPPORTED, name.line, name.column,
                      "parentheses are not built yet: use comparisons joined by and");
  TRY(read_field(in, to));
  const ds_token op = in->token;
  bool values = false;
  TRY(read_op(in, to, &values));
  const bool ordered = to->op >= OP_LESS && to->op <= OP_GREATER_EQUAL;
  if (ordered && to->field != FIELD_TIME && to->field != FIELD_PROPERTY)
    return ds_fail_at(in->err, DS_EXPRESSION, op.line, op.column,
                      "%.*s has no order: compare it with =, != or in", DS_STR(to->name));
  if (values)
    TRY(read_values(in, to));
  return prepare(in, to);
}

static ds_code read_all(parser *in, ds_filter *filter) {
  TRY(advance(in));
  for (;;) {
    if (filter->count == COMPARISONS_MAX)
      return ds_fail_at(in->err, DS_LIMIT, in->token.line, in->token.column,
                        "at most %d comparisons in an expression", COMPARISONS_MAX);
    TRY(read_comparison(in, &filter->comparisons[filter->count]));
    filter->count++;
    if (in->token.kind == DS_TOKEN_END)
      return DS_OK;
    if (ds_token_is(&in->token, "or"))
      return ds_fail_at(in->err, DS_UNSUPPORTED, in->token.line, in->token.column,
                        "'or' is not built yet: for one name use in ('a', 'b')");
    if (!ds_token_is(&in->token, "and"))
      return expected(in, "and between two comparisons");
    TRY(advance(in));
  }
}

ds_code ds_filter_parse(ds_str text, const ds_space *space, ds_arena *arena,
                        const ds_filter **ret_filter, ds_error *err) {
  if (text.size > DS_EXPRESSION_BYTES_MAX)
    return ds_fail(err, DS_LIMIT, "an expression may have at most %u bytes",
                   DS_EXPRESSION_BYTES_MAX);
  ds_filter *filter = ds_arena_alloc(arena, sizeof *filter);
  // The text is copied, because names and values point into it.
  char *copy = ds_arena_text(arena, text.data == NULL ? "" : text.data, text.size);
  if (filter == NULL || copy == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for an expression");
  filter->comparisons = ds_arena_array(arena, COMPARISONS_MAX, sizeof *filter->comparisons);
  if (filter->comparisons == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for an expression");
  parser in = {.lexer = ds_lexer_of((ds_str){copy, text.size}, arena), .space = space,
               .arena = arena, .err = err};
  TRY(read_all(&in, filter));
  *ret_filter = filter;
  return DS_OK;
}

// Fails at a literal whose type no value of the property has: what they are, and so what to write.
static ds_code mistyped(const filter_comparison *at, uint32_t value, uint8_t types,
                        ds_error *err) {
  static const char *const samples[DS_TYPES_COUNT] = {
      "null", "42", "'text'", "true or false", "time '2018-01-31T10:00:00Z'",
      "date '2018-01-31'", "90d"};
  char nouns[128] = "", advice[160] = "";
  size_t nouns_size = 0, advice_size = 0;
  for (uint32_t t = 0; t < DS_TYPES_COUNT; t++) {
    if ((types >> t & 1) == 0)
      continue;
    const char *or = nouns_size == 0 ? "" : " or ";
    nouns_size += (size_t)snprintf(nouns + nouns_size, sizeof nouns - nouns_size, "%s%s", or,
                                   ds_type_noun((ds_type)t));
    advice_size += (size_t)snprintf(advice + advice_size, sizeof advice - advice_size, "%s%s", or,
                                    samples[t]);
  }
  return ds_fail_at(err, DS_EXPRESSION, at->places[value].line, at->places[value].column,
                    "%.*s is %s: write %s", DS_STR(at->name), nouns, advice);
}

ds_code ds_filter_check(const ds_filter *filter, const uint8_t *types, ds_error *err) {
  for (uint32_t c = 0; c < filter->count; c++) {
    const filter_comparison *at = &filter->comparisons[c];
    const uint8_t mask = at->field == FIELD_PROPERTY ? types[at->code] : 0;
    for (uint32_t v = 0; mask != 0 && v < at->values_count; v++)
      if ((mask >> at->values[v].type & 1) == 0)
        return mistyped(at, v, mask, err);
  }
  return DS_OK;
}

// Adds a code to one of the plan's lists unless it is there.
static ds_code add_code(const uint16_t **codes, uint32_t *count, uint16_t code, ds_arena *arena,
                        ds_error *err) {
  for (uint32_t i = 0; i < *count; i++)
    if ((*codes)[i] == code)
      return DS_OK;
  uint16_t *grown = ds_arena_array(arena, *count + 1u, sizeof *grown);
  if (grown == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for an expression");
  if (*count > 0)
    memcpy(grown, *codes, *count * sizeof *grown);
  grown[(*count)++] = code;
  *codes = grown;
  return DS_OK;
}

ds_code ds_filter_columns(const ds_filter *filter, ds_columns *columns, ds_arena *arena,
                          ds_error *err) {
  for (uint32_t c = 0; c < filter->count; c++) {
    const filter_comparison *at = &filter->comparisons[c];
    switch (at->field) {
    case FIELD_TOUCHPOINT: columns->want |= DS_WANT_TOUCHPOINT; break;
    case FIELD_SOURCE: columns->want |= DS_WANT_SOURCE; break;
    case FIELD_TIME: columns->want |= DS_WANT_TIME; break;
    case FIELD_KEY:
      TRY(add_code(&columns->keys, &columns->keys_count, at->code, arena, err));
      break;
    case FIELD_PROPERTY:
      TRY(add_code(&columns->properties, &columns->properties_count, at->code, arena, err));
      break;
    }
  }
  return DS_OK;
}
