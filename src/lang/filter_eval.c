// SPDX-License-Identifier: Apache-2.0
// Evaluates a filter over a block: one pass per comparison, 64 events to a word of the bitmap,
// each pass and-ed onto what is left. Unknown (null, or a value of another type) is a zero bit:
// with nothing but `and` above the comparisons, unknown and false mean the same.
#include <assert.h>

#include "lang/filter_tree.h"
#include "model/time.h"

// Eight bytes that are 0 or 1 as eight bits, the first byte lowest.
static uint64_t pack8(const uint8_t *bytes) {
  uint64_t x = 0;
  memcpy(&x, bytes, sizeof x);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  x = __builtin_bswap64(x);
#endif
  return x * 0x0102040810204080u >> 56;
}

static uint64_t pack64(const uint8_t bytes[64]) {
  uint64_t word = 0;
  for (uint32_t i = 0; i < 8; i++)
    word |= pack8(bytes + 8 * i) << (8 * i);
  return word;
}

// What an operator asks of =, < or <=, and whether the answer is turned round.
typedef struct basic_op {
  filter_op op;
  bool negate;
} basic_op;

static basic_op basic(filter_op op) {
  switch (op) {
  case OP_NOT_EQUAL: return (basic_op){OP_EQUAL, true};
  case OP_GREATER: return (basic_op){OP_LESS_EQUAL, true};
  case OP_GREATER_EQUAL: return (basic_op){OP_LESS, true};
  case OP_IN: return (basic_op){OP_EQUAL, false};
  default: return (basic_op){op, false};
  }
}

static void compare_numbers(const double *restrict x, uint32_t count, filter_op op, double y,
                            uint8_t *restrict met) {
  if (op == OP_EQUAL)
    for (uint32_t i = 0; i < count; i++)
      met[i] |= x[i] == y;
  else if (op == OP_LESS)
    for (uint32_t i = 0; i < count; i++)
      met[i] |= x[i] < y;
  else
    for (uint32_t i = 0; i < count; i++)
      met[i] |= x[i] <= y;
}

static void compare_integers(const int64_t *restrict x, uint32_t count, filter_op op, int64_t y,
                             uint8_t *restrict met) {
  if (op == OP_EQUAL)
    for (uint32_t i = 0; i < count; i++)
      met[i] |= x[i] == y;
  else if (op == OP_LESS)
    for (uint32_t i = 0; i < count; i++)
      met[i] |= x[i] < y;
  else
    for (uint32_t i = 0; i < count; i++)
      met[i] |= x[i] <= y;
}

static void compare_texts(const ds_str *x, uint64_t present, filter_op op, ds_str y,
                          uint8_t *met) {
  for (; present != 0; present &= present - 1) {
    const uint32_t i = (uint32_t)__builtin_ctzll(present);
    if (op == OP_EQUAL) {
      met[i] |= ds_str_equal(x[i], y);
    } else {
      const int order = ds_str_compare(x[i], y);
      met[i] |= op == OP_LESS ? order < 0 : order <= 0;
    }
  }
}

// The instant that an event's time is compared with: a day stands for its first, in UTC.
static int64_t instant_of(const ds_value *literal) {
  assert(literal->type == DS_TYPE_TIME || literal->type == DS_TYPE_DATE);
  return literal->type == DS_TYPE_DATE ? literal->i * DS_DAY_MS : literal->i;
}

// The events of one word whose property meets the comparison; `present` are those that have it.
static uint64_t property_word(const filter_comparison *at, const ds_property_column *column,
                              uint32_t first, uint32_t count, uint64_t present) {
  const basic_op op = basic(at->op);
  uint8_t met[64] = {0};
  bool comparable = false;
  for (uint32_t v = 0; v < at->values_count; v++) {
    if (column->type != at->values[v].type)
      continue;
    comparable = true;
    if (column->type == DS_TYPE_NUMBER)
      compare_numbers(column->number + first, count, op.op, at->values[v].number, met);
    else if (column->type == DS_TYPE_STRING)
      compare_texts(column->text + first, present, op.op, at->values[v].text, met);
    else
      compare_integers(column->i + first, count, op.op, at->values[v].i, met);
  }
  const uint64_t word = pack64(met);
  return comparable ? (op.negate ? ~word : word) & present : 0;
}

static void eval_property(const filter_comparison *at, const ds_property_column *column,
                          uint32_t events, uint64_t *keep) {
  for (uint32_t first = 0; first < events; first += 64) {
    const uint32_t count = events - first < 64 ? events - first : 64;
    uint64_t *word = &keep[first / 64];
    const uint64_t present = column->type == DS_TYPE_NULL ? 0 : column->present[first / 64];
    if (at->op == OP_NULL)
      *word &= ~present;
    else if (at->op == OP_NOT_NULL || (*word & present) == 0)
      *word &= present;
    else
      *word &= property_word(at, column, first, count, present & *word);
  }
}

static void eval_time(const filter_comparison *at, const int64_t *time_ms, uint32_t events,
                      uint64_t *keep) {
  const basic_op op = basic(at->op);
  for (uint32_t first = 0; first < events; first += 64) {
    const uint32_t count = events - first < 64 ? events - first : 64;
    uint8_t met[64] = {0};
    for (uint32_t v = 0; v < at->values_count; v++)
      compare_integers(time_ms + first, count, op.op, instant_of(&at->values[v]), met);
    const uint64_t word = pack64(met);
    keep[first / 64] &= op.negate ? ~word : word;
  }
}

static void eval_codes(const filter_comparison *at, const uint16_t *restrict codes,
                       uint32_t events, uint64_t *restrict keep) {
  const uint64_t negate = at->op == OP_NOT_EQUAL ? UINT64_MAX : 0;
  for (uint32_t first = 0; first < events; first += 64) {
    const uint32_t count = events - first < 64 ? events - first : 64;
    uint64_t word = 0;
    for (uint32_t i = 0; i < count; i++)
      word |= (uint64_t)at->hit[codes[first + i]] << i;
    keep[first / 64] &= word ^ negate;
  }
}

// A list-valued key: = and in are met when any value is; != when there are values and none is.
static bool key_met(const filter_comparison *at, const ds_key_column *key, uint32_t event) {
  const uint32_t first = key->first[event], last = key->first[event + 1];
  if (at->op == OP_NULL || at->op == OP_NOT_NULL)
    return (first == last) == (at->op == OP_NULL);
  bool found = false;
  for (uint32_t i = first; i < last; i++)
    for (uint32_t v = 0; v < at->values_count; v++)
      found |= key->hash[key->item[i]] == at->hashes[v];
  return first < last && found != (at->op == OP_NOT_EQUAL);
}

static void eval_key(const filter_comparison *at, const ds_key_column *key, uint32_t events,
                     uint64_t *keep) {
  for (uint32_t w = 0; w < (events + 63) / 64; w++)
    for (uint64_t left = keep[w]; left != 0; left &= left - 1) {
      const uint32_t bit = (uint32_t)__builtin_ctzll(left);
      if (!key_met(at, key, w * 64 + bit))
        keep[w] &= ~(1ull << bit);
    }
}

static uint32_t position(const uint16_t *codes, uint32_t count, uint16_t code) {
  uint32_t at = 0;
  while (at < count && codes[at] != code)
    at++;
  assert(at < count);
  return at;
}

static void eval(const filter_comparison *at, const ds_columns *columns, const ds_block *block,
                 uint64_t *keep) {
  const bool null_test = at->op == OP_NULL || at->op == OP_NOT_NULL;
  if (null_test && at->field != FIELD_KEY && at->field != FIELD_PROPERTY) {
    // Touchpoint, source and time are never null.
    if (at->op == OP_NULL)
      memset(keep, 0, (block->events + 63u) / 64 * sizeof *keep);
    return;
  }
  switch (at->field) {
  case FIELD_TOUCHPOINT: eval_codes(at, block->touchpoint, block->events, keep); break;
  case FIELD_SOURCE: eval_codes(at, block->source, block->events, keep); break;
  case FIELD_TIME: eval_time(at, block->time_ms, block->events, keep); break;
  case FIELD_KEY:
    eval_key(at, &block->key[position(columns->keys, columns->keys_count, at->code)],
             block->events, keep);
    break;
  case FIELD_PROPERTY:
    eval_property(
        at,
        &block->property[position(columns->properties, columns->properties_count, at->code)],
        block->events, keep);
    break;
  }
}

void ds_filter_block(const ds_filter *filter, const ds_columns *columns, const ds_block *block,
                     uint64_t *keep) {
  const uint32_t words = (block->events + 63) / 64;
  memset(keep, 0xff, words * sizeof *keep);
  if (block->events % 64 != 0)
    keep[words - 1] = (1ull << (block->events % 64)) - 1;
  for (uint32_t c = 0; c < filter->count; c++)
    eval(&filter->comparisons[c], columns, block, keep);
}
