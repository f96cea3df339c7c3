// SPDX-License-Identifier: Apache-2.0
// Values over a tile: columns in place, arithmetic, functions. What arithmetic gives beyond the
// range of its type, and what is divided by zero, is null.
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "lang/functions.h"

// Durations and instants beyond this many ms are null; sums of two stay far inside int64.
#define INTEGER_MAX (2 * DS_TIME_MAX_MS)

void *ds_lang_room(ds_evaluator *ev, size_t bytes) {
  assert(ev->scratch_used + bytes <= ev->scratch_bytes);
  void *room = ev->scratch + ev->scratch_used;
  ev->scratch_used += bytes;
  return room;
}

static void present_all(const ds_evaluator *ev, lang_vector *out) {
  memset(out->present, 0xff, ev->words * sizeof *out->present);
}

static void literal(const ds_evaluator *ev, const lang_node *node, lang_vector *out) {
  out->constant = true;
  present_all(ev, out);
  if (node->type == DS_TYPE_NUMBER)
    out->number = &node->value.number;
  else if (ds_type_is_bytes(node->type)) // SEALED: only whether it is there
    out->text = &node->value.text;
  else
    out->i = &node->value.i;
}

static void property(const ds_evaluator *ev, const lang_node *node, lang_vector *out) {
  const ds_property_column *column =
      node->code == LANG_ABSENT ? NULL : &ev->block->property[ev->input[node->input]];
  memset(out->present, 0, ev->words * sizeof *out->present);
  if (column == NULL || column->type == DS_TYPE_NULL)
    return;
  assert(column->type == node->type);
  memcpy(out->present, column->present + ev->first / 64, ev->words * sizeof *out->present);
  if (node->type == DS_TYPE_NUMBER)
    out->number = column->number + ev->first;
  else if (ds_type_is_bytes(node->type)) // SEALED: only whether it is there
    out->text = column->text + ev->first;
  else
    out->i = column->i + ev->first;
}

static void field(ds_evaluator *ev, const lang_node *node, lang_vector *out) {
  const ds_space *space = ev->expression->schema->space;
  const ds_expression *e = ev->expression;
  present_all(ev, out);
  if (node->type == DS_TYPE_TIME) {
    out->i = (node->code == LANG_FIELD_TIME ? ev->block->time_ms : ev->block->received_ms) +
             ev->first;
    return;
  }
  ds_str *text = ds_lang_room(ev, LANG_TILE * sizeof *text);
  const bool source = node->code == LANG_FIELD_SOURCE;
  const ds_str *names = source                                ? space->sources.text
                        : node->code == LANG_FIELD_TOUCHPOINT ? space->touchpoints.text
                        : node->code == LANG_FIELD_STAGE      ? e->stage
                                                              : e->actor;
  const uint16_t *code = (source ? ev->block->source : ev->block->touchpoint) + ev->first;
  for (uint32_t i = 0; i < ev->count; i++) {
    text[i] = names[code[i]];
    if (text[i].size == 0)
      out->present[i / 64] &= ~(1ull << (i % 64));
  }
  out->text = text;
}

static void clear_bit(lang_vector *out, uint32_t at) {
  out->present[at / 64] &= ~(1ull << (at % 64));
}

static void numbers(const ds_evaluator *ev, lang_kind kind, const lang_vector *a,
                    const lang_vector *b, lang_vector *out) {
  const double *restrict x = a->number, *restrict y = b->number;
  double *restrict z = out->room;
  const uint32_t p = !a->constant, q = !b->constant;
  for (uint32_t w = 0; w < ev->words; w++)
    for (uint64_t rest = out->present[w]; rest != 0; rest &= rest - 1) {
      const uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(rest);
      const double left = x[p * i], right = y[q * i];
      z[i] = kind == LANG_ADD        ? left + right
             : kind == LANG_SUBTRACT ? left - right
             : kind == LANG_MULTIPLY ? left * right
                                     : left / right;
      if ((kind == LANG_DIVIDE && right == 0) || !isfinite(z[i]))
        clear_bit(out, i);
    }
}

// An integer result out of a double one, rounded half away from zero.
static bool rounded(double value, int64_t *out) {
  if (!(fabs(value) <= (double)INTEGER_MAX))
    return false;
  *out = llround(value);
  return true;
}

// Value `i` of a vector of numbers or integers, as a double.
static double number_at(const lang_vector *vector, uint32_t i) {
  const uint32_t at = vector->constant ? 0 : i;
  return vector->type == DS_TYPE_NUMBER ? vector->number[at] : (double)vector->i[at];
}

// One event's days, instants and durations. false: null.
static bool integer(lang_kind kind, const lang_vector *a, const lang_vector *b, uint32_t i,
                    ds_type result, int64_t *out) {
  if (kind == LANG_MULTIPLY)
    return rounded(number_at(a, i) * number_at(b, i), out);
  if (kind == LANG_DIVIDE)
    return number_at(b, i) != 0 && rounded(number_at(a, i) / number_at(b, i), out);
  const int64_t left = a->i[a->constant ? 0 : i];
  int64_t right = b->i[b->constant ? 0 : i];
  // A day plus a duration: whole days of it. Day minus day: a duration.
  if (result == DS_TYPE_DATE)
    right /= DS_DAY_MS;
  int64_t sum = 0;
  if (kind == LANG_ADD ? __builtin_add_overflow(left, right, &sum)
                       : __builtin_sub_overflow(left, right, &sum))
    return false;
  const int64_t scale = a->type == DS_TYPE_DATE && b->type == DS_TYPE_DATE ? DS_DAY_MS : 1;
  const int64_t max = (a->type == DS_TYPE_DATE ? INTEGER_MAX / DS_DAY_MS : INTEGER_MAX);
  if (sum > max || sum < -max)
    return false;
  *out = sum * scale;
  return true;
}

static void integers(const ds_evaluator *ev, lang_kind kind, const lang_vector *a,
                     const lang_vector *b, lang_vector *out) {
  int64_t *z = out->room;
  for (uint32_t w = 0; w < ev->words; w++)
    for (uint64_t rest = out->present[w]; rest != 0; rest &= rest - 1) {
      const uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(rest);
      if (!integer(kind, a, b, i, out->type, &z[i]))
        clear_bit(out, i);
    }
}

// duration / duration.
static void ratios(const ds_evaluator *ev, const lang_vector *a, const lang_vector *b,
                   lang_vector *out) {
  double *z = out->room;
  for (uint32_t w = 0; w < ev->words; w++)
    for (uint64_t rest = out->present[w]; rest != 0; rest &= rest - 1) {
      const uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(rest);
      z[i] = number_at(a, i) / number_at(b, i);
      if (number_at(b, i) == 0)
        clear_bit(out, i);
    }
}

static ds_code arithmetic(ds_evaluator *ev, const lang_node *node, const lang_bits *active,
                          lang_vector *out, ds_error *err) {
  lang_vector side[2];
  out->room = ds_lang_room(ev, LANG_TILE * sizeof(double));
  const size_t height = ev->scratch_used;
  for (uint32_t c = 0; c < 2; c++)
    TRY(ds_lang_value(ev, node->child[c], active, &side[c], err));
  for (uint32_t w = 0; w < ev->words; w++)
    out->present[w] = active->word[w] & side[0].present[w] & side[1].present[w];
  if (node->type != DS_TYPE_NUMBER)
    integers(ev, node->kind, &side[0], &side[1], out);
  else if (side[0].type == DS_TYPE_NUMBER)
    numbers(ev, node->kind, &side[0], &side[1], out);
  else
    ratios(ev, &side[0], &side[1], out);
  ev->scratch_used = height;
  return DS_OK;
}

static ds_code negate(ds_evaluator *ev, const lang_node *node, const lang_bits *active,
                      lang_vector *out, ds_error *err) {
  lang_vector inner;
  out->room = ds_lang_room(ev, LANG_TILE * sizeof(double));
  const size_t height = ev->scratch_used;
  TRY(ds_lang_value(ev, node->child[0], active, &inner, err));
  for (uint32_t w = 0; w < ev->words; w++) {
    out->present[w] = active->word[w] & inner.present[w];
    for (uint64_t rest = out->present[w]; rest != 0; rest &= rest - 1) {
      const uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(rest);
      if (node->type == DS_TYPE_NUMBER)
        ((double *)out->room)[i] = -inner.number[inner.constant ? 0 : i];
      else
        ((int64_t *)out->room)[i] =
            (int64_t)(0 - (uint64_t)inner.i[inner.constant ? 0 : i]);
    }
  }
  ev->scratch_used = height;
  return DS_OK;
}

static ds_code call(ds_evaluator *ev, const lang_node *node, const lang_bits *active,
                    lang_vector *out, ds_error *err) {
  lang_vector argument[LANG_ARGUMENTS_MAX];
  const size_t width = node->type == DS_TYPE_STRING ? sizeof(ds_str) : sizeof(double);
  out->room = ds_lang_room(ev, LANG_TILE * width);
  const size_t height = ev->scratch_used;
  memcpy(out->present, active->word, ev->words * sizeof *out->present);
  for (uint32_t a = 0; a < node->count; a++) {
    TRY(ds_lang_value(ev, node->child[a], active, &argument[a], err));
    for (uint32_t w = 0; w < ev->words; w++)
      out->present[w] &= argument[a].present[w];
  }
  TRY(node->call->apply(ev, argument, out, err));
  ev->scratch_used = height;
  return DS_OK;
}

// The truth of a condition as a value, for comparing conditions with each other.
static ds_code condition(ds_evaluator *ev, const lang_node *node, const lang_bits *active,
                         lang_vector *out, ds_error *err) {
  lang_truth truth;
  int64_t *i = ds_lang_room(ev, LANG_TILE * sizeof *i);
  TRY(ds_lang_truth(ev, node, active, &truth, err));
  for (uint32_t w = 0; w < ev->words; w++) {
    out->present[w] = truth.yes[w] | truth.no[w];
    for (uint64_t rest = out->present[w]; rest != 0; rest &= rest - 1) {
      const uint32_t bit = (uint32_t)__builtin_ctzll(rest);
      i[w * 64 + bit] = (int64_t)(truth.yes[w] >> bit & 1);
    }
  }
  out->i = i;
  return DS_OK;
}

ds_code ds_lang_value(ds_evaluator *ev, const lang_node *node, const lang_bits *active,
                      lang_vector *ret_vector, ds_error *err) {
  ret_vector->type = node->type;
  ret_vector->constant = false;
  ret_vector->room = NULL;
  switch (node->kind) {
  case LANG_LITERAL: literal(ev, node, ret_vector); return DS_OK;
  case LANG_PROPERTY:
  case LANG_FACT: property(ev, node, ret_vector); return DS_OK;
  case LANG_FIELD: field(ev, node, ret_vector); return DS_OK;
  case LANG_NEGATE: return negate(ev, node, active, ret_vector, err);
  case LANG_CALL: return call(ev, node, active, ret_vector, err);
  case LANG_ADD: case LANG_SUBTRACT: case LANG_MULTIPLY:
  case LANG_DIVIDE: return arithmetic(ev, node, active, ret_vector, err);
  default: return condition(ev, node, active, ret_vector, err);
  }
}
