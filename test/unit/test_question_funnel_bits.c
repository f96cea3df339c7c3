// SPDX-License-Identifier: Apache-2.0
// Chains found in words of bits are those that a walk from hit to hit finds: random cases with
// repeated, missing and tied steps, windows that cut them, with and without milliseconds. The walk
// is held against brute force by test_question_funnel.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "question/funnel_plain.h"
#include "question_world.h"

enum { ROUNDS = 4000, EVENTS_MAX = PLAIN_CASES * 80, WORDS = EVENTS_MAX / 64 + 2 };

// A block of cases one behind the other: touchpoint s + 1 is step s, 0 is none.
typedef struct sample {
  uint32_t events, steps;
  uint16_t touchpoint[EVENTS_MAX];
  uint32_t second[EVENTS_MAX + 8];
  uint16_t millis[EVENTS_MAX + 8];
  uint64_t again[WORDS];
  uint64_t marks[FUNNEL_PLAIN_STEPS * WORDS];
  int64_t start_s[PLAIN_CASES];
  plain_case cases[PLAIN_CASES];
} sample;

static void set_bit(uint64_t *bits, uint32_t at) { bits[at / 64] |= 1ull << (at % 64); }

// One more case behind the others; without a first step it is none.
static bool add_case(sample *to, uint32_t j, bool millis, uint64_t *seed) {
  const uint32_t first = to->events, count = 1 + (uint32_t)(qw_random(seed) % 70);
  const uint32_t spread = 1u << qw_random(seed) % 8, rare = 1 + (uint32_t)(qw_random(seed) % 4);
  uint32_t begin = DS_NONE, second = (uint32_t)qw_random(seed);
  for (uint32_t e = first; e < first + count; e++) {
    const uint32_t gap = (uint32_t)(qw_random(seed) % spread);
    const bool hit = qw_random(seed) % rare == 0;
    const uint32_t ms = !millis ? 0 : gap > 0 || e == first
                            ? (uint32_t)(qw_random(seed) % 1000)
                            : to->millis[e - 1] + (uint32_t)(qw_random(seed) % 2);
    to->touchpoint[e] = (uint16_t)(hit ? 1 + qw_random(seed) % to->steps : 0);
    to->second[e] = second += e == first ? 0 : gap;
    to->millis[e] = (uint16_t)(ms > 999 ? 999 : ms);
    if (e > first && gap == 0 && to->millis[e] == to->millis[e - 1])
      set_bit(to->again, e);
    else if (e == first && qw_random(seed) % 2 == 0)
      set_bit(to->again, e); // which means nothing
    if (hit)
      set_bit(to->marks + (to->touchpoint[e] - 1) * WORDS, e);
    if (to->touchpoint[e] == 1 && begin == DS_NONE)
      begin = e;
  }
  to->events += count;
  to->start_s[j] = (int64_t)(qw_random(seed) % 1000000);
  to->cases[j] = (plain_case){j, first, begin, to->events};
  return begin != DS_NONE;
}

static void compare(const plain_chains *bits, uint32_t at, const plain_chains *walked) {
  assert_int_equal(bits->depth[at], walked->depth[0]);
  assert_int_equal(bits->last[at], walked->last[0]);
  for (uint32_t s = 0; s < bits->depth[at]; s++)
    assert_int_equal(bits->time_ms[s][at], walked->time_ms[s][0]);
}

static void test_bits_are_walks(void **context) {
  (void)context;
  static sample of;
  static uint8_t step_of[FUNNEL_PLAIN_STEPS + 1] = {0, 0, 1, 2, 3, 4, 5, 6, 7};
  uint64_t seed = 5;
  uint32_t found = 0, whole = 0, cut = 0;
  for (uint32_t round = 0; round < ROUNDS; round++) {
    of = (sample){.steps = 2 + (uint32_t)(qw_random(&seed) % (FUNNEL_PLAIN_STEPS - 1))};
    const bool millis = qw_random(&seed) % 2 == 0;
    uint32_t count = 0;
    for (uint32_t c = 1 + (uint32_t)(qw_random(&seed) % PLAIN_CASES); c > 0; c--)
      count += add_case(&of, count, millis, &seed);
    funnel_context asked = {.step_of = step_of,
                            .rules = {.steps = of.steps, .order = FUNNEL_SEQUENCE,
                                      .within_ms = (int64_t)(qw_random(&seed) % 200000)}};
    const funnel_state state = {.context = &asked, .marks = of.marks, .mark_words = WORDS};
    const ds_stored_times times = {1000, of.start_s, of.second, millis ? of.millis : NULL,
                                   of.again};
    const ds_block block = {.events = of.events, .touchpoint = of.touchpoint};
    plain_case cases[PLAIN_CASES];
    plain_chains bits, walked;
    memcpy(cases, of.cases, sizeof cases);
    bits.count = 0;
    const uint32_t left =
        count == 0 ? 0 : ds_funnel_plain_bits(&state, &times, cases, count, &bits);
    assert_int_equal(bits.count + left, count);
    for (uint32_t c = 0, at = 0, l = 0; c < count; c++) {
      walked.count = 0;
      const bool held = ds_funnel_plain_walk(&state, &block, &times, &of.cases[c], &walked);
      if (l < left && cases[l].journey == c) {
        l++;
        continue;
      }
      // What bits can tell the walk can, too: no two hits share their instant.
      assert_true(held);
      assert_int_equal(walked.count, 1);
      assert_int_equal(bits.journey[at], c);
      compare(&bits, at, &walked);
      found++;
      whole += bits.depth[at] == of.steps;
      cut += bits.depth[at] > 1 && bits.depth[at] < of.steps;
      at++;
    }
  }
  if (found < ROUNDS || whole < ROUNDS / 20 || cut < ROUNDS / 2)
    fail_msg("of %u chains %u were whole and %u cut short", found, whole, cut);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_bits_are_walks)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
