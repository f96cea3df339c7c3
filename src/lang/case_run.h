// SPDX-License-Identifier: Apache-2.0
// How programs about cases are evaluated (case.h), shared by the evaluator, the forms and the
// search for the next change. Private to lang/.
//
// R1 the events that a selector means are bits over the events of a level, so that counting, the
//    first and the last of a window are questions to a few words; values are looked at only where a
//    bit is set.
// R2 windows are ranges of positions, because the events of a case stand by time.
#ifndef DS_LANG_CASE_RUN_H
#define DS_LANG_CASE_RUN_H

#include "lang/case_tree.h"

// A level's cases in the block at hand, and what was found of them.
typedef struct lang_stage {
  uint32_t cases;
  uint32_t *offset;     // cases + 1 positions
  uint32_t *first_case; // of each journey, and one more; NULL at level 0
  uint32_t *event;      // of each position; NULL at level 0
  int64_t *time_ms;     // of each position
  uint64_t **bits;      // by selector; NULL: not used here
  lang_range *range;    // by window, of the cases last asked for
  uint32_t *edges;      // low and high of all windows
  lang_column *fact;    // by fact, of the same cases
  void *room;           // of the facts' columns
  uint64_t *seen;       // bits of cases that have begun
  uint32_t first, count; // of the cases last asked for
  uint32_t cases_capacity, asked_capacity, events_capacity;
} lang_stage;

// A rule's values over its level's cases last asked for.
typedef struct lang_answer {
  ds_case_values values;
  uint64_t *present;
  uint64_t *yes;
  void *room;
  uint32_t capacity;
} lang_answer;

// What one thread evaluates with.
struct ds_case_evaluator {
  const ds_case_program *program;
  const ds_block *block;
  ds_evaluator **selector; // NULL where the touchpoint alone decides
  ds_evaluator **rule;
  uint8_t *mask;           // groups of eight selectors: [group][touchpoint]
  uint32_t *pure;          // selectors that the touchpoint alone decides
  uint32_t pure_count;
  uint32_t *input;         // by column of the program: position among the block's properties
  uint32_t *key;           // by level: position among the block's keys
  lang_stage stage[LANG_LEVELS_MAX];
  lang_answer *answer;     // by rule
  ds_case_values *given;   // by asked rule
  ds_str *scratch;         // values of one case
  uint32_t scratch_capacity;
  ds_arena texts;          // of a rule's values that a function made
};

// Bits [from, from + count) of an array with a word to spare, count at most 64.
static inline uint64_t lang_bits_at(const uint64_t *bits, uint32_t from, uint32_t count) {
  const uint32_t word = from / 64, shift = from % 64;
  const uint64_t both = bits[word] >> shift | bits[word + 1] << 1 << (63 - shift);
  return count >= 64 ? both : both & ((1ull << count) - 1);
}

// The first and last set bit of [low, high), or DS_NONE.
static inline uint32_t lang_bits_first(const uint64_t *bits, uint32_t low, uint32_t high) {
  for (; low < high; low += 64) {
    const uint64_t some = lang_bits_at(bits, low, high - low);
    if (some != 0)
      return low + (uint32_t)__builtin_ctzll(some);
  }
  return DS_NONE;
}

static inline uint32_t lang_bits_last(const uint64_t *bits, uint32_t low, uint32_t high) {
  while (low < high) {
    const uint32_t from = high - low > 64 ? high - 64 : low;
    const uint64_t some = lang_bits_at(bits, from, high - from);
    if (some != 0)
      return from + 63 - (uint32_t)__builtin_clzll(some);
    high = from;
  }
  return DS_NONE;
}

// The first position of [low, high) later than an instant; `high` when there is none.
static inline uint32_t lang_later(const int64_t *time_ms, uint32_t low, uint32_t high,
                                  int64_t than_ms) {
  if (low == high || time_ms[low] > than_ms)
    return low;
  if (time_ms[high - 1] <= than_ms)
    return high;
  while (high - low > 1) {
    const uint32_t middle = low + (high - low) / 2;
    if (time_ms[middle] <= than_ms)
      low = middle;
    else
      high = middle;
  }
  return high;
}

// An instant less or plus a duration, within the range of instants.
static inline int64_t lang_shift(int64_t time_ms, int64_t by_ms) {
  int64_t sum = 0;
  return __builtin_add_overflow(time_ms, by_ms, &sum) ? by_ms < 0 ? INT64_MIN : INT64_MAX : sum;
}

// What facts of a level's cases last asked for look at.
lang_line ds_lang_line_of(ds_case_evaluator *evaluator, uint32_t level, int64_t now_ms);

// Finds windows, facts and rules of cases [first, first + count) of a level at `now_ms`.
ds_code ds_lang_stage_run(ds_case_evaluator *evaluator, uint32_t level, uint32_t first,
                          uint32_t count, int64_t now_ms, ds_error *err);

// The same for journeys of the block and the cases within them.
ds_code ds_lang_journeys_run(ds_case_evaluator *evaluator, uint32_t first, uint32_t count,
                             int64_t now_ms, ds_error *err);

// A node's value for the first of the cases last asked for of its rule's level.
ds_code ds_lang_node_value(ds_case_evaluator *evaluator, uint32_t rule, const lang_node *node,
                           ds_value *ret_value, ds_error *err);

#endif
