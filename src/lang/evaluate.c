// SPDX-License-Identifier: Apache-2.0
// Conditions over a block. `and` and `or` look at their later parts only for events that the
// earlier ones leave open.
#include "lang/evaluate.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/classes.h"

// Whether so few of 64 events have a value that each is better looked at by itself; counted here
// because plain x86-64 has no instruction for it, and the library's is a call.
static inline bool few(uint64_t present) {
  present -= present >> 1 & 0x5555555555555555u;
  present = (present & 0x3333333333333333u) + (present >> 2 & 0x3333333333333333u);
  return ((present + (present >> 4)) & 0x0f0f0f0f0f0f0f0fu) * 0x0101010101010101u >> 56 < 20;
}

#define COMPARE_TYPE double
#define COMPARE_BYTES compare_number_bytes
#define COMPARE_WORD compare_number_word
#include "lang/compare.inc.h"

#define COMPARE_TYPE int64_t
#define COMPARE_BYTES compare_integer_bytes
#define COMPARE_WORD compare_integer_word
#include "lang/compare.inc.h"

static uint64_t compare_text_word(const ds_str *x, const ds_str *y, bool x_constant,
                                  bool y_constant, lang_kind kind, uint64_t present) {
  uint64_t word = 0;
  for (; present != 0; present &= present - 1) {
    const uint32_t bit = (uint32_t)__builtin_ctzll(present);
    const ds_str a = x[x_constant ? 0 : bit], b = y[y_constant ? 0 : bit];
    bool met;
    if (kind == LANG_EQUAL) {
      met = ds_str_equal(a, b);
    } else {
      const int order = ds_str_compare(a, b);
      met = kind == LANG_LESS ? order < 0 : order <= 0;
    }
    word |= (uint64_t)met << bit;
  }
  return word;
}

void ds_lang_compare_vectors(const lang_vector *a, const lang_vector *b, lang_kind kind,
                             uint32_t count, const uint64_t *present, uint64_t *met) {
  assert(a->type == b->type && kind >= LANG_EQUAL && kind <= LANG_LESS_EQUAL);
  for (uint32_t w = 0; w < (count + 63) / 64; w++) {
    const uint32_t at = w * 64, some = count - at < 64 ? count - at : 64;
    const uint32_t x = a->constant ? 0 : at, y = b->constant ? 0 : at;
    if (present[w] == 0)
      met[w] = 0;
    else if (a->type == DS_TYPE_NUMBER)
      met[w] = compare_number_word(a->number + x, b->number + y, a->constant, b->constant, some,
                                   kind, present[w]);
    else if (a->type == DS_TYPE_STRING)
      met[w] = compare_text_word(a->text + x, b->text + y, a->constant, b->constant, kind,
                                 present[w]);
    else
      met[w] = compare_integer_word(a->i + x, b->i + y, a->constant, b->constant, some, kind,
                                    present[w]);
  }
}

// A comparison as one of =, <, <= with operands as they are or turned round, and its negation.
typedef struct basic_kind {
  lang_kind kind;
  bool negate;
} basic_kind;

static basic_kind basic(lang_kind kind) {
  switch (kind) {
  case LANG_NOT_EQUAL: return (basic_kind){LANG_EQUAL, true};
  case LANG_GREATER: return (basic_kind){LANG_LESS_EQUAL, true};
  case LANG_GREATER_EQUAL: return (basic_kind){LANG_LESS, true};
  default: return (basic_kind){kind, false};
  }
}

// The same with the constant on the right: c < x is not x <= c.
static basic_kind turn(basic_kind op) {
  if (op.kind == LANG_LESS)
    return (basic_kind){LANG_LESS_EQUAL, !op.negate};
  if (op.kind == LANG_LESS_EQUAL)
    return (basic_kind){LANG_LESS, !op.negate};
  return op;
}

// Splits the known events into yes and no.
static void decide(const ds_evaluator *ev, const uint64_t *known, const uint64_t *met, bool negate,
                   lang_truth *out) {
  for (uint32_t w = 0; w < ev->words; w++) {
    const uint64_t yes = negate ? ~met[w] : met[w];
    out->yes[w] = known[w] & yes;
    out->no[w] = known[w] & ~yes;
  }
}

static ds_code compare(ds_evaluator *ev, const lang_node *node, const lang_bits *active,
                       lang_truth *out, ds_error *err) {
  lang_vector side[2];
  uint64_t known[LANG_WORDS], met[LANG_WORDS];
  for (uint32_t c = 0; c < 2; c++)
    TRY(ds_lang_value(ev, node->child[c], active, &side[c], err));
  basic_kind op = basic(node->kind);
  const bool turned = side[0].constant && !side[1].constant;
  if (turned)
    op = turn(op);
  for (uint32_t w = 0; w < ev->words; w++)
    known[w] = active->word[w] & side[0].present[w] & side[1].present[w];
  ds_lang_compare_vectors(&side[turned], &side[!turned], op.kind, ev->count, known, met);
  decide(ev, known, met, op.negate, out);
  return DS_OK;
}

static int value_order(const lang_vector *vector, uint32_t at, const ds_value *value) {
  if (vector->type == DS_TYPE_STRING)
    return ds_str_compare(vector->text[at], value->text);
  if (vector->type == DS_TYPE_NUMBER)
    return (vector->number[at] > value->number) - (vector->number[at] < value->number);
  return (vector->i[at] > value->i) - (vector->i[at] < value->i);
}

static bool among(const lang_vector *vector, uint32_t at, const lang_node *list) {
  uint32_t low = 0, high = list->values_count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    const int order = value_order(vector, at, &list->values[middle]);
    if (order == 0)
      return true;
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return false;
}

static ds_code in_list(ds_evaluator *ev, const lang_node *node, const lang_bits *active,
                       lang_truth *out, ds_error *err) {
  lang_vector left;
  uint64_t known[LANG_WORDS], met[LANG_WORDS] = {0};
  TRY(ds_lang_value(ev, node->child[0], active, &left, err));
  for (uint32_t w = 0; w < ev->words; w++) {
    known[w] = active->word[w] & left.present[w];
    for (uint64_t rest = known[w]; rest != 0; rest &= rest - 1) {
      const uint32_t bit = (uint32_t)__builtin_ctzll(rest);
      met[w] |= (uint64_t)among(&left, left.constant ? 0 : w * 64 + bit, node) << bit;
    }
  }
  decide(ev, known, met, false, out);
  return DS_OK;
}

// A list-valued key: met when any of its values is in the list; unknown when it has none.
static void in_keys(const ds_evaluator *ev, const lang_node *node, const lang_bits *active,
                    lang_truth *out) {
  const ds_key_column *key = &ev->block->key[ev->key[node->child[0]->code]];
  uint64_t known[LANG_WORDS] = {0}, met[LANG_WORDS] = {0};
  for (uint32_t w = 0; w < ev->words; w++)
    for (uint64_t rest = active->word[w]; rest != 0; rest &= rest - 1) {
      const uint32_t bit = (uint32_t)__builtin_ctzll(rest), event = ev->first + w * 64 + bit;
      bool found = false;
      for (uint32_t i = key->first[event]; i < key->first[event + 1]; i++)
        for (uint32_t v = 0; v < node->values_count; v++)
          found |= key->hash[key->item[i]] == node->hashes[v];
      known[w] |= (uint64_t)(key->first[event] < key->first[event + 1]) << bit;
      met[w] |= (uint64_t)found << bit;
    }
  decide(ev, known, met, false, out);
}

// A sequence of UTF-8 begins with any byte but 10xxxxxx.
static bool begins(char c) { return ((unsigned char)c & 0xc0) != 0x80; }

static uint32_t step_over(ds_str text, uint32_t at) {
  at++;
  while (at < text.size && !begins(text.data[at]))
    at++;
  return at;
}

// % stands for any text, _ for one character. On a mismatch the last % takes one character more, so
// the time is at most the product of the lengths.
static bool like(ds_str text, ds_str pattern) {
  uint32_t t = 0, p = 0, star = UINT32_MAX, star_text = 0;
  while (t < text.size) {
    if (p < pattern.size && pattern.data[p] == '%') {
      star = ++p;
      star_text = t;
    } else if (p < pattern.size && pattern.data[p] == '_') {
      t = step_over(text, t);
      p++;
    } else if (p < pattern.size && pattern.data[p] == text.data[t]) {
      t++;
      p++;
    } else if (star != UINT32_MAX) {
      t = star_text = step_over(text, star_text);
      p = star;
    } else {
      return false;
    }
  }
  while (p < pattern.size && pattern.data[p] == '%')
    p++;
  return p == pattern.size;
}

static ds_code like_pattern(ds_evaluator *ev, const lang_node *node, const lang_bits *active,
                            lang_truth *out, ds_error *err) {
  lang_vector left;
  uint64_t known[LANG_WORDS], met[LANG_WORDS] = {0};
  TRY(ds_lang_value(ev, node->child[0], active, &left, err));
  for (uint32_t w = 0; w < ev->words; w++) {
    known[w] = active->word[w] & left.present[w];
    for (uint64_t rest = known[w]; rest != 0; rest &= rest - 1) {
      const uint32_t bit = (uint32_t)__builtin_ctzll(rest);
      const ds_str text = left.text[left.constant ? 0 : w * 64 + bit];
      met[w] |= (uint64_t)like(text, node->value.text) << bit;
    }
  }
  decide(ev, known, met, false, out);
  return DS_OK;
}

static ds_code is_null(ds_evaluator *ev, const lang_node *node, const lang_bits *active,
                       lang_truth *out, ds_error *err) {
  const lang_node *child = node->child[0];
  uint64_t met[LANG_WORDS] = {0};
  if (child->kind == LANG_KEY) {
    const uint32_t *first = ev->block->key[ev->key[child->code]].first + ev->first;
    for (uint32_t i = 0; i < ev->count; i++)
      met[i / 64] |= (uint64_t)(first[i] == first[i + 1]) << (i % 64);
  } else if (child->type == DS_TYPE_BOOL) {
    lang_truth inner;
    TRY(ds_lang_truth(ev, child, active, &inner, err));
    for (uint32_t w = 0; w < ev->words; w++)
      met[w] = ~(inner.yes[w] | inner.no[w]);
  } else {
    lang_vector value;
    TRY(ds_lang_value(ev, child, active, &value, err));
    for (uint32_t w = 0; w < ev->words; w++)
      met[w] = ~value.present[w];
  }
  decide(ev, active->word, met, false, out);
  return DS_OK;
}

// What the touchpoint or source alone decides.
static void by_code(const ds_evaluator *ev, const lang_node *node, const lang_bits *active,
                    lang_truth *out) {
  const ds_space *space = ev->expression->schema->space;
  const uint32_t codes = node->by_source ? space->sources.count : space->touchpoints.count;
  const uint16_t *code =
      (node->by_source ? ev->block->source : ev->block->touchpoint) + ev->first;
  static_assert(LANG_YES == 1 && LANG_NO == 2, "the first bits");
  ds_class_bits(node->hit, codes, code, ev->count, (uint64_t *const[]){out->yes, out->no}, 2);
  for (uint32_t w = 0; w < ev->words; w++) {
    out->yes[w] &= active->word[w];
    out->no[w] &= active->word[w];
  }
}

// and: what is not known to be no so far stays active; or: what is not known to be yes.
static ds_code join(ds_evaluator *ev, const lang_node *node, const lang_bits *active,
                    lang_truth *out, ds_error *err) {
  const bool and = node->kind == LANG_AND;
  lang_bits open = *active;
  lang_truth so_far;
  for (uint32_t w = 0; w < ev->words; w++) {
    so_far.yes[w] = and ? active->word[w] : 0;
    so_far.no[w] = and ? 0 : active->word[w];
  }
  for (uint32_t c = 0; c < node->count; c++) {
    lang_truth part;
    uint64_t any = 0;
    TRY(ds_lang_truth(ev, node->child[c], &open, &part, err));
    for (uint32_t w = 0; w < ev->words; w++) {
      const uint64_t closed = ~open.word[w];
      if (and) {
        so_far.yes[w] &= part.yes[w];
        so_far.no[w] |= part.no[w];
        open.word[w] &= ~so_far.no[w];
      } else {
        so_far.no[w] &= part.no[w] | closed;
        so_far.yes[w] |= part.yes[w];
        so_far.no[w] &= ~so_far.yes[w];
        open.word[w] &= ~so_far.yes[w];
      }
      any |= open.word[w];
    }
    if (any == 0)
      break;
  }
  *out = so_far;
  return DS_OK;
}

// Bits of 64 truth values. Of four runs at once, so that none waits for the one before.
static uint64_t bits_of(const int64_t *value) {
  uint64_t a = 0, b = 0, c = 0, d = 0;
  for (uint32_t i = 16; i-- > 0;) {
    a = a * 2 + (value[i] != 0);
    b = b * 2 + (value[i + 16] != 0);
    c = c * 2 + (value[i + 32] != 0);
    d = d * 2 + (value[i + 48] != 0);
  }
  return a | b << 16 | c << 32 | d << 48;
}

// A value of type BOOL: a property, a literal, or a function's result.
static ds_code as_condition(ds_evaluator *ev, const lang_node *node, const lang_bits *active,
                            lang_truth *out, ds_error *err) {
  lang_vector value;
  uint64_t known[LANG_WORDS], met[LANG_WORDS] = {0};
  TRY(ds_lang_value(ev, node, active, &value, err));
  for (uint32_t w = 0; w < ev->words; w++) {
    known[w] = active->word[w] & value.present[w];
    if (known[w] == UINT64_MAX && !value.constant) {
      met[w] = bits_of(value.i + w * 64);
      continue;
    }
    for (uint64_t rest = known[w]; rest != 0; rest &= rest - 1) {
      const uint32_t bit = (uint32_t)__builtin_ctzll(rest);
      met[w] |= (uint64_t)(value.i[value.constant ? 0 : w * 64 + bit] != 0) << bit;
    }
  }
  decide(ev, known, met, false, out);
  return DS_OK;
}

ds_code ds_lang_truth(ds_evaluator *ev, const lang_node *node, const lang_bits *active,
                      lang_truth *out, ds_error *err) {
  const size_t height = ev->scratch_used;
  ds_code code = DS_OK;
  if (node->hit != NULL) {
    by_code(ev, node, active, out);
    return DS_OK;
  }
  switch (node->kind) {
  case LANG_AND:
  case LANG_OR: code = join(ev, node, active, out, err); break;
  case LANG_NOT: {
    lang_truth inner;
    code = ds_lang_truth(ev, node->child[0], active, &inner, err);
    memcpy(out->yes, inner.no, sizeof out->yes);
    memcpy(out->no, inner.yes, sizeof out->no);
    break;
  }
  case LANG_EQUAL: case LANG_NOT_EQUAL: case LANG_LESS: case LANG_LESS_EQUAL:
  case LANG_GREATER: case LANG_GREATER_EQUAL: code = compare(ev, node, active, out, err); break;
  case LANG_IN:
    if (node->hashes != NULL)
      in_keys(ev, node, active, out);
    else
      code = in_list(ev, node, active, out, err);
    break;
  case LANG_LIKE: code = like_pattern(ev, node, active, out, err); break;
  case LANG_IS_NULL: code = is_null(ev, node, active, out, err); break;
  default: code = as_condition(ev, node, active, out, err); break;
  }
  ev->scratch_used = height;
  return code;
}

// Begins a tile; *ret_all are its events.
static void tile_begin(ds_evaluator *ev, const ds_block *block, uint32_t first,
                       lang_bits *ret_all) {
  ev->block = block;
  ev->first = first;
  ev->count = block->events - first < LANG_TILE ? block->events - first : LANG_TILE;
  ev->words = (ev->count + 63) / 64;
  for (uint32_t w = 0; w < ev->words; w++)
    ret_all->word[w] = UINT64_MAX;
  if (ev->count % 64 != 0)
    ret_all->word[ev->words - 1] = (1ull << (ev->count % 64)) - 1;
  ds_arena_reset(&ev->texts);
}

ds_code ds_lang_tile(ds_evaluator *ev, const lang_node *node, const ds_block *block,
                     uint32_t first, lang_truth *out, ds_error *err) {
  lang_bits all;
  tile_begin(ev, block, first, &all);
  return ds_lang_truth(ev, node, &all, out, err);
}

ds_code ds_lang_tile_value(ds_evaluator *ev, const lang_node *node, const ds_block *block,
                           uint32_t first, lang_vector *out, ds_error *err) {
  lang_bits all;
  tile_begin(ev, block, first, &all);
  ev->scratch_used = 0;
  const ds_code code = ds_lang_value(ev, node, &all, out, err);
  ev->scratch_used = 0;
  return code;
}

// Leaves those events for which the condition is true. Unknown and no are one here, so each part of
// an `and` is asked of the events alone that all before it left.
static ds_code narrow(ds_evaluator *ev, const lang_node *node, lang_bits *left, ds_error *err) {
  uint64_t any = 0;
  for (uint32_t w = 0; w < ev->words; w++)
    any |= left->word[w];
  if (any == 0)
    return DS_OK;
  if (node->kind == LANG_AND && node->hit == NULL) {
    for (uint32_t c = 0; c < node->count; c++)
      TRY(narrow(ev, node->child[c], left, err));
    return DS_OK;
  }
  lang_truth truth;
  TRY(ds_lang_truth(ev, node, left, &truth, err));
  memcpy(left->word, truth.yes, ev->words * sizeof *left->word);
  return DS_OK;
}

ds_code ds_evaluator_run(ds_evaluator *ev, const ds_block *block, uint64_t *keep, ds_error *err) {
  for (uint32_t first = 0; first < block->events; first += LANG_TILE) {
    lang_bits left;
    tile_begin(ev, block, first, &left);
    TRY(narrow(ev, ev->expression->root, &left, err));
    memcpy(keep + first / 64, left.word, ev->words * sizeof *keep);
  }
  return DS_OK;
}
