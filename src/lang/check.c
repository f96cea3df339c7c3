// SPDX-License-Identifier: Apache-2.0
// Makes nodes, each only when the types of its operands fit. A property with several types takes
// the one that the other operand has; when that leaves a choice, the lowest ds_type.
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "lang/tree.h"

static_assert(DS_TYPES_COUNT <= 8, "a byte has a bit per type");

ds_code ds_lang_node(lang_parser *in, lang_kind kind, const ds_token *start,
                     lang_node **ret_node) {
  lang_node *node = ds_arena_alloc(in->arena, sizeof *node);
  if (node == NULL)
    return ds_lang_no_memory(in->err);
  const uint32_t end = in->end > start->begin ? in->end : start->begin;
  *node = (lang_node){.kind = kind, .line = start->line, .column = start->column, .depth = 1,
                      .text = {in->lexer.text.data + start->begin, end - start->begin}};
  *ret_node = node;
  return DS_OK;
}

static ds_code check_depth(lang_parser *in, const lang_node *node) {
  if (node->depth > LANG_DEPTH_MAX)
    return ds_fail_at(in->err, DS_LIMIT, node->line, node->column,
                      "at most %u levels of brackets and operators", LANG_DEPTH_MAX);
  return DS_OK;
}

ds_code ds_lang_children(lang_parser *in, lang_node *node, lang_node *const *child,
                         uint32_t count) {
  node->child = ds_arena_array(in->arena, count + 1u, sizeof *node->child);
  if (node->child == NULL)
    return ds_lang_no_memory(in->err);
  for (uint32_t c = 0; c < count; c++) {
    node->child[c] = child[c];
    if (child[c]->depth >= node->depth)
      node->depth = child[c]->depth + 1;
  }
  node->count = count;
  return check_depth(in, node);
}

void ds_lang_settle(lang_node *node, ds_type type) {
  assert((node->types >> type & 1) != 0);
  node->type = type;
  node->types = (uint8_t)(1u << type);
}

// "a number or text", and what such values look like.
static void put_types(uint8_t types, char nouns[128], char samples[160]) {
  static const char *const sample[DS_TYPES_COUNT] = {
      "null", "42", "'text'", "true or false", "time '2018-01-31T10:00:00Z'",
      "date '2018-01-31'", "90d", ""};
  size_t nouns_size = 0, samples_size = 0;
  nouns[0] = samples[0] = '\0';
  for (uint32_t t = 0; t < DS_TYPES_COUNT; t++) {
    if ((types >> t & 1) == 0)
      continue;
    const char *or = nouns_size == 0 ? "" : " or ";
    nouns_size += (size_t)snprintf(nouns + nouns_size, 128 - nouns_size, "%s%s", or,
                                   ds_type_noun((ds_type)t));
    samples_size += (size_t)snprintf(samples + samples_size, 160 - samples_size, "%s%s", or,
                                     sample[t]);
  }
}

// A piece of the expression in a message.
static ds_str piece(const lang_node *node) {
  return (ds_str){node->text.data, node->text.size < 60 ? node->text.size : 60};
}

static ds_code fail_at(lang_parser *in, const lang_node *at, const char *message) {
  return ds_fail_at(in->err, DS_EXPRESSION, at->line, at->column, "%.*s %s", DS_STR(piece(at)),
                    message);
}

// A property whose values are all sealed: nothing but `is null` can be asked of it.
static bool is_sealed(const lang_node *node) {
  return node->types == 1u << DS_TYPE_SEALED;
}

static ds_code fail_sealed(lang_parser *in, const lang_node *node) {
  return fail_at(in, node, "is personal: its values are sealed in the vault, and an expression "
                           "can only ask whether there is one (is null, is not null)");
}

ds_code ds_lang_require(lang_parser *in, lang_node *node, uint8_t types, const char *advice) {
  char nouns[128], samples[160], message[320];
  if (node->kind == LANG_KEY)
    return fail_at(in, node, "is a case key, of which an event may have several: use =, !=, in or "
                             "is null");
  if (is_sealed(node))
    return fail_sealed(in, node);
  if ((node->types & types) != 0) {
    ds_lang_settle(node, (ds_type)__builtin_ctz(node->types & types));
    return DS_OK;
  }
  put_types(node->types, nouns, samples);
  snprintf(message, sizeof message, "is %s: %s", nouns, advice);
  return fail_at(in, node, message);
}

// left OP right as a node of type BOOL.
static ds_code make_pair(lang_parser *in, lang_kind kind, lang_node *left, lang_node *right,
                         lang_node **ret_node) {
  const ds_token start = {.line = left->line, .column = left->column};
  lang_node *const child[2] = {left, right};
  TRY(ds_lang_node(in, kind, &start, ret_node));
  (*ret_node)->text = left->text;
  (*ret_node)->types = 1u << DS_TYPE_BOOL;
  (*ret_node)->type = DS_TYPE_BOOL;
  return ds_lang_children(in, *ret_node, child, right == NULL ? 1 : 2);
}

// A case key with one text or several.
static ds_code compare_key(lang_parser *in, lang_kind kind, const ds_token *op, lang_node *key,
                           lang_node *const *items, uint32_t count, lang_node **ret_node) {
  const bool equality = kind == LANG_EQUAL || kind == LANG_NOT_EQUAL || kind == LANG_IN;
  if (!equality)
    return ds_fail_at(in->err, DS_EXPRESSION, op->line, op->column,
                      "%.*s has no order: compare it with =, != or in", DS_STR(piece(key)));
  TRY(make_pair(in, LANG_IN, key, NULL, ret_node));
  lang_node *node = *ret_node;
  node->values = ds_arena_array(in->arena, count + 1u, sizeof *node->values);
  node->hashes = ds_arena_array(in->arena, count + 1u, sizeof *node->hashes);
  if (node->values == NULL || node->hashes == NULL)
    return ds_lang_no_memory(in->err);
  for (uint32_t i = 0; i < count; i++) {
    if (items[i]->kind != LANG_LITERAL || items[i]->type != DS_TYPE_STRING)
      return ds_fail_at(in->err, DS_EXPRESSION, items[i]->line, items[i]->column,
                        "%.*s is text: put the value in single quotes", DS_STR(piece(key)));
    node->values[i] = items[i]->value;
    node->hashes[i] = ds_key_hash(items[i]->value.text);
  }
  node->values_count = count;
  return kind == LANG_NOT_EQUAL ? ds_lang_join(in, LANG_NOT, node, NULL, ret_node) : DS_OK;
}

// A day stands for its first instant where that reads the same both ways: before it, or from it on.
static ds_code day_to_instant(lang_parser *in, lang_kind kind, const lang_node *other,
                              lang_node *day) {
  if (kind != LANG_LESS && kind != LANG_GREATER_EQUAL)
    return ds_fail_at(in->err, DS_EXPRESSION, day->line, day->column,
                      "%.*s is an instant and not a day: compare date(%.*s) with a day",
                      DS_STR(piece(other)), DS_STR(piece(other)));
  const int64_t local_ms = day->value.i * DS_DAY_MS;
  day->value = (ds_value){
      .type = DS_TYPE_TIME,
      .i = in->schema->zone == NULL ? local_ms
                                    : ds_zone_utc_ms(in->schema->zone, local_ms, &(int){0})};
  day->types = 1u << DS_TYPE_TIME;
  day->type = DS_TYPE_TIME;
  return DS_OK;
}

// Two operands without a type in common.
static ds_code mistyped(lang_parser *in, const ds_token *op, const lang_node *left,
                        const lang_node *right) {
  char nouns[128], samples[160], other[128], unused[160];
  const bool turned = left->kind == LANG_LITERAL && right->kind != LANG_LITERAL;
  const lang_node *name = turned ? right : left, *value = turned ? left : right;
  put_types(name->types, nouns, samples);
  if (value->kind == LANG_LITERAL)
    return ds_fail_at(in->err, DS_EXPRESSION, value->line, value->column, "%.*s is %s: write %s",
                      DS_STR(piece(name)), nouns, samples);
  put_types(value->types, other, unused);
  return ds_fail_at(in->err, DS_EXPRESSION, op->line, op->column,
                    "%.*s is %s and %.*s is %s: only values of one type can be compared",
                    DS_STR(piece(name)), nouns, DS_STR(piece(value)), other);
}

static bool is_day(const lang_node *node) {
  return node->kind == LANG_LITERAL && node->type == DS_TYPE_DATE;
}

static bool is_instant(const lang_node *node) {
  return (node->types & (1u << DS_TYPE_TIME | 1u << DS_TYPE_DATE)) == 1u << DS_TYPE_TIME;
}

static lang_kind turned(lang_kind kind) {
  switch (kind) {
  case LANG_LESS: return LANG_GREATER;
  case LANG_LESS_EQUAL: return LANG_GREATER_EQUAL;
  case LANG_GREATER: return LANG_LESS;
  case LANG_GREATER_EQUAL: return LANG_LESS_EQUAL;
  default: return kind;
  }
}

// Gives two operands one type.
static ds_code agree(lang_parser *in, lang_kind kind, const ds_token *op, lang_node *left,
                     lang_node *right) {
  if (is_sealed(left) || is_sealed(right))
    return fail_sealed(in, is_sealed(left) ? left : right);
  if (is_day(right) && is_instant(left))
    TRY(day_to_instant(in, kind, left, right));
  else if (is_day(left) && is_instant(right))
    TRY(day_to_instant(in, turned(kind), right, left));
  const uint8_t common = left->types & right->types & (uint8_t)~(1u << DS_TYPE_SEALED);
  if (common == 0)
    return mistyped(in, op, left, right);
  const ds_type type = (ds_type)__builtin_ctz(common);
  if (type == DS_TYPE_BOOL && kind >= LANG_LESS && kind <= LANG_GREATER_EQUAL)
    return ds_fail_at(in->err, DS_EXPRESSION, right->line, right->column,
                      "%.*s cannot be ordered by true and false: use = or !=",
                      DS_STR(piece(left)));
  ds_lang_settle(left, type);
  ds_lang_settle(right, type);
  const bool equality = kind == LANG_EQUAL || kind == LANG_NOT_EQUAL || kind == LANG_IN;
  if (equality && left->kind == LANG_FIELD && right->kind == LANG_LITERAL)
    TRY(ds_lang_field_value(in, (lang_field)left->code, right));
  if (equality && right->kind == LANG_FIELD && left->kind == LANG_LITERAL)
    TRY(ds_lang_field_value(in, (lang_field)right->code, left));
  return DS_OK;
}

ds_code ds_lang_compare(lang_parser *in, lang_kind kind, const ds_token *op, lang_node *left,
                        lang_node *right, lang_node **ret_node) {
  assert(kind >= LANG_EQUAL && kind <= LANG_GREATER_EQUAL);
  if (left->kind == LANG_KEY)
    return compare_key(in, kind, op, left, &right, 1, ret_node);
  if (right->kind == LANG_KEY)
    return compare_key(in, kind, op, right, &left, 1, ret_node);
  TRY(agree(in, kind, op, left, right));
  return make_pair(in, kind, left, right, ret_node);
}

static int value_order(const void *a, const void *b) {
  const ds_value *x = a, *y = b;
  if (x->type == DS_TYPE_STRING)
    return ds_str_compare(x->text, y->text);
  if (x->type == DS_TYPE_NUMBER)
    return (x->number > y->number) - (x->number < y->number);
  return (x->i > y->i) - (x->i < y->i);
}

ds_code ds_lang_in(lang_parser *in, const ds_token *op, lang_node *left, lang_node **items,
                   uint32_t count, lang_node **ret_node) {
  if (left->kind == LANG_KEY)
    return compare_key(in, LANG_IN, op, left, items, count, ret_node);
  for (uint32_t i = 0; i < count; i++)
    TRY(agree(in, LANG_IN, op, left, items[i]));
  TRY(make_pair(in, LANG_IN, left, NULL, ret_node));
  lang_node *node = *ret_node;
  node->values = ds_arena_array(in->arena, count + 1u, sizeof *node->values);
  if (node->values == NULL)
    return ds_lang_no_memory(in->err);
  for (uint32_t i = 0; i < count; i++)
    node->values[i] = items[i]->value;
  qsort(node->values, count, sizeof *node->values, value_order);
  for (uint32_t i = 0; i < count; i++)
    if (node->values_count == 0 ||
        value_order(&node->values[node->values_count - 1], &node->values[i]) != 0)
      node->values[node->values_count++] = node->values[i];
  return DS_OK;
}

// A property of several types is null where it has a value of none.
ds_code ds_lang_is_null(lang_parser *in, lang_node *left, lang_node **ret_node) {
  *ret_node = NULL;
  if (left->kind != LANG_PROPERTY || left->type != DS_TYPE_NULL || left->types == LANG_ALL_TYPES) {
    if (left->kind == LANG_PROPERTY && left->type == DS_TYPE_NULL)
      ds_lang_settle(left, DS_TYPE_NUMBER);
    if (left->kind == LANG_FACT && left->type == DS_TYPE_NULL)
      ds_lang_settle(left, (ds_type)__builtin_ctz(left->types));
    return make_pair(in, LANG_IS_NULL, left, NULL, ret_node);
  }
  for (uint32_t t = 0; t < DS_TYPES_COUNT; t++) {
    if ((left->types >> t & 1) == 0)
      continue;
    lang_node *typed = ds_arena_alloc(in->arena, sizeof *typed), *test = NULL;
    if (typed == NULL)
      return ds_lang_no_memory(in->err);
    *typed = *left;
    ds_lang_settle(typed, (ds_type)t);
    TRY(make_pair(in, LANG_IS_NULL, typed, NULL, &test));
    if (*ret_node == NULL)
      *ret_node = test;
    else
      TRY(ds_lang_join(in, LANG_AND, *ret_node, test, ret_node));
  }
  return DS_OK;
}

// What the signs do with two types.
typedef struct arithmetic_row {
  lang_kind kind;
  ds_type left, right, result;
} arithmetic_row;

static const arithmetic_row arithmetic[] = {
    {LANG_ADD, DS_TYPE_NUMBER, DS_TYPE_NUMBER, DS_TYPE_NUMBER},
    {LANG_ADD, DS_TYPE_DURATION, DS_TYPE_DURATION, DS_TYPE_DURATION},
    {LANG_ADD, DS_TYPE_TIME, DS_TYPE_DURATION, DS_TYPE_TIME},
    {LANG_ADD, DS_TYPE_DATE, DS_TYPE_DURATION, DS_TYPE_DATE},
    {LANG_SUBTRACT, DS_TYPE_NUMBER, DS_TYPE_NUMBER, DS_TYPE_NUMBER},
    {LANG_SUBTRACT, DS_TYPE_DURATION, DS_TYPE_DURATION, DS_TYPE_DURATION},
    {LANG_SUBTRACT, DS_TYPE_TIME, DS_TYPE_DURATION, DS_TYPE_TIME},
    {LANG_SUBTRACT, DS_TYPE_DATE, DS_TYPE_DURATION, DS_TYPE_DATE},
    {LANG_SUBTRACT, DS_TYPE_TIME, DS_TYPE_TIME, DS_TYPE_DURATION},
    {LANG_SUBTRACT, DS_TYPE_DATE, DS_TYPE_DATE, DS_TYPE_DURATION},
    {LANG_MULTIPLY, DS_TYPE_NUMBER, DS_TYPE_NUMBER, DS_TYPE_NUMBER},
    {LANG_MULTIPLY, DS_TYPE_DURATION, DS_TYPE_NUMBER, DS_TYPE_DURATION},
    {LANG_MULTIPLY, DS_TYPE_NUMBER, DS_TYPE_DURATION, DS_TYPE_DURATION},
    {LANG_DIVIDE, DS_TYPE_NUMBER, DS_TYPE_NUMBER, DS_TYPE_NUMBER},
    {LANG_DIVIDE, DS_TYPE_DURATION, DS_TYPE_NUMBER, DS_TYPE_DURATION},
    {LANG_DIVIDE, DS_TYPE_DURATION, DS_TYPE_DURATION, DS_TYPE_NUMBER},
};

ds_code ds_lang_arithmetic(lang_parser *in, lang_kind kind, const ds_token *op, lang_node *left,
                           lang_node *right, lang_node **ret_node) {
  char nouns[128], other[128], unused[160];
  TRY(left->kind == LANG_KEY ? ds_lang_require(in, left, 0, "") : DS_OK);
  TRY(right->kind == LANG_KEY ? ds_lang_require(in, right, 0, "") : DS_OK);
  if (is_sealed(left) || is_sealed(right))
    return fail_sealed(in, is_sealed(left) ? left : right);
  for (size_t r = 0; r < sizeof arithmetic / sizeof *arithmetic; r++) {
    const arithmetic_row *row = &arithmetic[r];
    if (row->kind != kind || (left->types >> row->left & 1) == 0 ||
        (right->types >> row->right & 1) == 0)
      continue;
    ds_lang_settle(left, row->left);
    ds_lang_settle(right, row->right);
    TRY(make_pair(in, kind, left, right, ret_node));
    (*ret_node)->text.size = (uint32_t)(in->lexer.text.data + in->end - left->text.data);
    (*ret_node)->types = (uint8_t)(1u << row->result);
    (*ret_node)->type = row->result;
    return DS_OK;
  }
  put_types(left->types, nouns, unused);
  put_types(right->types, other, unused);
  return ds_fail_at(in->err, DS_EXPRESSION, op->line, op->column,
                    "%.*s cannot join %s and %s: it takes numbers, durations, or an instant or day "
                    "with a duration", DS_STR(op->text), nouns, other);
}

// Adds a child; room doubles at powers of two.
static ds_code add_child(lang_parser *in, lang_node *node, lang_node *child) {
  if (node->count >= 2 && (node->count & (node->count - 1)) == 0) {
    lang_node **grown = ds_arena_array(in->arena, node->count * 2u, sizeof *grown);
    if (grown == NULL)
      return ds_lang_no_memory(in->err);
    memcpy(grown, node->child, node->count * sizeof *grown);
    node->child = grown;
  }
  node->child[node->count++] = child;
  if (child->depth >= node->depth)
    node->depth = child->depth + 1;
  return check_depth(in, node);
}

ds_code ds_lang_join(lang_parser *in, lang_kind kind, lang_node *left, lang_node *right,
                     lang_node **ret_node) {
  static const char advice[] = "a condition is needed here, such as value > 42";
  TRY(ds_lang_require(in, left, 1u << DS_TYPE_BOOL, advice));
  if (right != NULL)
    TRY(ds_lang_require(in, right, 1u << DS_TYPE_BOOL, advice));
  *ret_node = left;
  if (right != NULL && left->kind == kind)
    return add_child(in, left, right);
  return make_pair(in, kind, left, right, ret_node);
}
