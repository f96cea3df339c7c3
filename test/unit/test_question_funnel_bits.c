// SPDX-License-Identifier: Apache-2.0
// Chains found in words of bits, and by a walk from hit to hit, are those that the finder of all
// funnels finds, which test_question_funnel_chain.c holds against brute force: random cases with
// repeated, missing and tied steps, windows that cut them, with and without milliseconds.
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

// Holds chain `at` against that of the finder.
static void compare(const sample *of, const ds_stored_times *times, const plain_case *one,
                    const funnel_rules *rules, const plain_chains *chains, uint32_t at) {
  static int64_t time_ms[EVENTS_MAX];
  static uint64_t steps[EVENTS_MAX];
  for (uint32_t e = one->first; e < one->end; e++) {
    time_ms[e - one->first] = plain_stored_ms(times, one->journey, one->first, e);
    steps[e - one->first] = of->touchpoint[e] == 0 ? 0 : 1ull << (of->touchpoint[e] - 1);
  }
  const funnel_events events = {one->end - one->first, time_ms, steps, NULL, NULL, NULL};
  funnel_finder finder;
  funnel_chain best;
  uint32_t next, last = 0;
  ds_error err = {0};
  ds_funnel_finder_init(&finder, rules);
  assert_int_equal(ds_funnel_find(&finder, &events, 0, &best, &next, &err), DS_OK);
  ds_funnel_finder_done(&finder);
  assert_int_equal(chains->depth[at], best.depth);
  for (uint32_t s = 0; s < best.depth; s++) {
    assert_int_equal(chains->time_ms[s][at], time_ms[best.event[s]]);
    last = best.event[s] > last ? best.event[s] : last;
  }
  assert_int_equal(chains->last[at], one->first + last);
  // What is strict is over with the next event, so that none stands beside the last one.
  if (rules->order == FUNNEL_STRICT && best.depth > 1 && best.depth < of->steps)
    assert_true(time_ms[last - 1] < time_ms[last]);
}

// What chains there were of an order.
typedef struct tally {
  uint32_t found, whole, cut, tied;
} tally;

static void run(const sample *of, uint32_t count, bool millis, const funnel_rules *rules,
                tally *to) {
  static uint8_t step_of[FUNNEL_PLAIN_STEPS + 1] = {0, 0, 1, 2, 3, 4, 5, 6, 7};
  funnel_context asked = {.step_of = step_of, .rules = *rules};
  const funnel_state state = {
      .context = &asked, .marks = (uint64_t *)of->marks, .mark_words = WORDS};
  const ds_stored_times times = {1000, of->start_s, of->second, millis ? of->millis : NULL,
                                 of->again};
  const ds_block block = {.events = of->events, .touchpoint = (uint16_t *)of->touchpoint};
  plain_case cases[PLAIN_CASES];
  plain_chains bits, walked;
  memcpy(cases, of->cases, sizeof cases);
  bits.count = 0;
  const uint32_t left = ds_funnel_plain_bits(&state, &times, cases, count, &bits);
  assert_int_equal(bits.count + left, count);
  for (uint32_t c = 0, at = 0, l = 0; c < count; c++) {
    walked.count = 0;
    const bool held = ds_funnel_plain_walk(&state, &block, &times, &of->cases[c], &walked);
    if (held) {
      assert_int_equal(walked.count, 1);
      compare(of, &times, &of->cases[c], rules, &walked, 0);
    }
    if (l < left && cases[l].journey == c) {
      l++;
      continue;
    }
    assert_int_equal(bits.journey[at], c);
    compare(of, &times, &of->cases[c], rules, &bits, at);
    to->found++;
    to->whole += bits.depth[at] == of->steps;
    to->cut += bits.depth[at] > 1 && bits.depth[at] < of->steps;
    to->tied += !held;
    at++;
  }
}

static void check_order(funnel_order order, uint32_t whole, uint32_t cut, uint32_t tied) {
  static sample of;
  uint64_t seed = 5;
  tally all = {0};
  for (uint32_t round = 0; round < ROUNDS; round++) {
    of = (sample){.steps = 2 + (uint32_t)(qw_random(&seed) % (FUNNEL_PLAIN_STEPS - 1))};
    const bool millis = qw_random(&seed) % 2 == 0;
    uint32_t count = 0;
    for (uint32_t c = 1 + (uint32_t)(qw_random(&seed) % PLAIN_CASES); c > 0; c--)
      count += add_case(&of, count, millis, &seed);
    const funnel_rules rules = {.steps = of.steps, .order = order,
                                .arrival = qw_random(&seed) % 2 == 0,
                                .within_ms = (int64_t)(qw_random(&seed) % 200000)};
    if (count > 0)
      run(&of, count, millis, &rules, &all);
  }
  if (all.found < ROUNDS || all.whole < whole || all.cut < cut || all.tied < tied)
    fail_msg("of %u chains %u were whole, %u cut short, %u told by bits alone", all.found,
             all.whole, all.cut, all.tied);
}

static void test_sequence(void **context) {
  (void)context;
  check_order(FUNNEL_SEQUENCE, ROUNDS / 20, ROUNDS / 2, 0);
}

// Of steps that are drawn by chance few stand behind one another.
static void test_strict(void **context) {
  (void)context;
  check_order(FUNNEL_STRICT, ROUNDS / 4, ROUNDS / 3, ROUNDS / 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_sequence),
                                     cmocka_unit_test(test_strict)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
