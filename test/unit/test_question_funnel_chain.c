// SPDX-License-Identifier: Apache-2.0
// The chain of a funnel against brute force: every way to choose events for the steps, judged by
// the words of docs/funnel.md, over all timelines of up to 6 events of 3 touchpoints, tied or not.
// Shares no code with the finder but the structures of rules and events.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "long_run.h"
#include "question/funnel_chain.h"
#include "question_world.h"

enum { EVENTS_MAX = 6, STEPS_MAX = 5, TOUCHPOINTS = 3 };

// A funnel: per step the touchpoints it can be, as bits.
typedef struct trial {
  const char *name;
  funnel_rules rules;
  uint8_t steps[STEPS_MAX];
  uint8_t without[2];
  bool same;
  bool facts; // touchpoint 2 is a fact
} trial;

typedef struct timeline {
  uint32_t count;
  uint32_t touchpoint[EVENTS_MAX];
  int64_t time_ms[EVENTS_MAX];
  uint64_t same[EVENTS_MAX];
  uint64_t steps[EVENTS_MAX];
  uint32_t without[EVENTS_MAX];
  bool fact[EVENTS_MAX];
} timeline;

// A choice: the event of each step, or -1, and what it is compared by.
typedef struct choice {
  int event[STEPS_MAX];
  int key[2 * STEPS_MAX + 8]; // larger is better, from the first on
  int keys;
} choice;

typedef struct brute {
  const trial *trial;
  const timeline *line;
  uint32_t from; // events before are not to be used
  int start;     // the event that must be the first, -1 = any
  bool any;
  choice best;
} brute;

static bool optional(const funnel_rules *rules, uint32_t s) { return rules->optional >> s & 1; }

// Chosen events, sorted by place.
static int sorted(const funnel_rules *rules, const int *event, int *out) {
  int count = 0;
  for (uint32_t s = 0; s < rules->steps; s++) {
    if (event[s] < 0)
      continue;
    int at = count++;
    for (; at > 0 && out[at - 1] > event[s]; at--)
      out[at] = out[at - 1];
    out[at] = event[s];
  }
  return count;
}

static bool ordered(const brute *in, const int *event) {
  const funnel_rules *rules = &in->trial->rules;
  bool missing = false;
  int before = -1;
  for (uint32_t s = 0; s < rules->steps; s++) {
    if (event[s] < 0) {
      missing |= !optional(rules, s);
      continue;
    }
    if (missing)
      return false;
    if (before >= 0 && (rules->arrival ? event[s] <= before
                                       : in->line->time_ms[event[s]] < in->line->time_ms[before]))
      return false;
    before = event[s];
  }
  return true;
}

// Whether an event of the case that is no step stands between two that are.
static bool interrupted(const brute *in, const int *chosen, int count) {
  const timeline *line = in->line;
  const int first = chosen[0], last = chosen[count - 1];
  for (uint32_t e = in->from; e < line->count; e++) {
    bool taken = in->trial->facts && line->fact[e];
    for (int i = 0; i < count; i++)
      taken |= chosen[i] == (int)e;
    const bool between = in->trial->rules.arrival
                             ? (int)e > first && (int)e < last
                             : line->time_ms[e] > line->time_ms[first] &&
                                   line->time_ms[e] < line->time_ms[last];
    if (between && !taken)
      return true;
  }
  return false;
}

static bool excluded(const brute *in, const int *event) {
  const funnel_rules *rules = &in->trial->rules;
  for (uint32_t w = 0; w < rules->withouts; w++) {
    const int first = event[rules->without[w].first], last = event[rules->without[w].last];
    if (first < 0 || last < 0)
      continue;
    for (int e = first + 1; e < last; e++)
      if (in->line->without[e] >> w & 1)
        return true;
  }
  return false;
}

static bool valid(const brute *in, const int *event) {
  const funnel_rules *rules = &in->trial->rules;
  const timeline *line = in->line;
  int chosen[STEPS_MAX];
  const int count = sorted(rules, event, chosen);
  if (count == 0 || (rules->order != FUNNEL_ANY && !ordered(in, event)))
    return false;
  const int first = rules->order == FUNNEL_ANY ? chosen[0] : event[0];
  const int64_t first_ms = line->time_ms[first];
  if (in->start >= 0 && first != in->start)
    return false;
  if (line->time_ms[chosen[count - 1]] - line->time_ms[chosen[0]] > rules->within_ms ||
      (rules->has_from && first_ms < rules->from_ms) || (rules->has_to && first_ms >= rules->to_ms))
    return false;
  for (int i = 0; in->trial->same && i < count; i++)
    if (line->same[chosen[i]] == 0 || line->same[chosen[i]] != line->same[chosen[0]])
      return false;
  return (rules->order != FUNNEL_STRICT || !interrupted(in, chosen, count)) &&
         !excluded(in, event);
}

// What the choice is compared by, the most important first.
static void weigh(const brute *in, choice *one) {
  const funnel_rules *rules = &in->trial->rules;
  const timeline *line = in->line;
  int event[STEPS_MAX];
  memcpy(event, one->event, sizeof event);
  if (rules->order == FUNNEL_ANY) {
    for (uint32_t s = 0; s < STEPS_MAX; s++)
      event[s] = -1;
    sorted(rules, one->event, event);
  }
  int depth = 0, end = 0, taken = 0, end_all = 0;
  for (uint32_t s = 0; s < rules->steps; s++) {
    if (event[s] < 0)
      continue;
    const int at = (int)line->time_ms[event[s]];
    end_all = at > end_all ? at : end_all;
    if (optional(rules, s)) {
      taken++;
      continue;
    }
    depth++;
    end = at > end ? at : end;
  }
  one->keys = 0;
  one->key[one->keys++] = depth;
  one->key[one->keys++] = -end;
  for (int s = (int)rules->steps - 1; s >= 0; s--)
    if (!optional(rules, (uint32_t)s))
      one->key[one->keys++] = event[s];
  one->key[one->keys++] = taken;
  one->key[one->keys++] = -end_all;
  for (int s = (int)rules->steps - 1; s >= 0; s--)
    if (optional(rules, (uint32_t)s))
      one->key[one->keys++] = event[s];
  memcpy(one->event, event, sizeof event);
}

static void choose(brute *in, uint32_t step, int event[STEPS_MAX]) {
  const trial *what = in->trial;
  if (step == what->rules.steps || step == STEPS_MAX) {
    choice one;
    memcpy(one.event, event, sizeof one.event);
    if (!valid(in, event))
      return;
    weigh(in, &one);
    int k = 0;
    while (in->any && k < one.keys && one.key[k] == in->best.key[k])
      k++;
    if (!in->any || (k < one.keys && one.key[k] > in->best.key[k]))
      in->best = one;
    in->any = true;
    return;
  }
  event[step] = -1;
  choose(in, step + 1, event);
  for (uint32_t e = in->from; e < in->line->count; e++) {
    bool used = false;
    for (uint32_t s = 0; s < step; s++)
      used |= event[s] == (int)e;
    if (used || (what->steps[step] >> in->line->touchpoint[e] & 1) == 0)
      continue;
    event[step] = (int)e;
    choose(in, step + 1, event);
  }
  event[step] = -1;
}

static void solve(brute *in) {
  int event[STEPS_MAX] = {-1, -1, -1, -1, -1};
  in->any = false;
  choose(in, 0, event);
}

static void compare(const brute *in, const funnel_chain *chain) {
  const funnel_rules *rules = &in->trial->rules;
  bool same = in->any == (chain->depth > 0);
  for (uint32_t s = 0; same && in->any && s < rules->steps; s++)
    same = in->best.event[s] == (chain->event[s] == DS_NONE ? -1 : (int)chain->event[s]);
  same = same && (!in->any || in->best.key[0] == (int)chain->depth);
  if (same)
    return;
  char text[512];
  int at = snprintf(text, sizeof text, "%s from %u:", in->trial->name, in->from);
  for (uint32_t e = 0; e < in->line->count; e++)
    at += snprintf(text + at, sizeof text - (size_t)at, " %c@%d/%d",
                   (int)('A' + in->line->touchpoint[e]), (int)in->line->time_ms[e],
                   (int)in->line->same[e]);
  at += snprintf(text + at, sizeof text - (size_t)at, "; expected");
  for (uint32_t s = 0; s < rules->steps; s++)
    at += snprintf(text + at, sizeof text - (size_t)at, " %d", in->any ? in->best.event[s] : -9);
  at += snprintf(text + at, sizeof text - (size_t)at, ", found");
  for (uint32_t s = 0; s < rules->steps; s++)
    at += snprintf(text + at, sizeof text - (size_t)at, " %d",
                   chain->depth == 0 ? -9 : (int)chain->event[s]);
  fail_msg("%s", text);
}

// Chain after chain, as the words say.
static void check_all(brute *in, funnel_finder *finder, const funnel_events *events) {
  const trial *what = in->trial;
  ds_error err = {0};
  uint32_t from = 0;
  for (;;) {
    funnel_chain chain;
    uint32_t next = 0;
    if (ds_funnel_find(finder, events, from, &chain, &next, &err) != DS_OK)
      fail_msg("%s: %s", what->name, err.message);
    // The first event that a chain of one event could begin with.
    in->any = false;
    for (in->from = from; in->from < in->line->count && !in->any; in->from++) {
      const uint32_t begun = in->from;
      in->from = from;
      in->start = (int)begun;
      solve(in);
      in->from = begun;
    }
    in->from = from;
    compare(in, &chain);
    if (!in->any)
      return;
    int last = in->start;
    if (in->best.key[0] == (int)finder->musts)
      for (uint32_t s = 0; s < what->rules.steps; s++)
        last = in->best.event[s] > last ? in->best.event[s] : last;
    from = (uint32_t)last + 1;
    assert_int_equal(next, from);
  }
}

static void check_line(const trial *what, funnel_finder *finder, timeline *line) {
  for (uint32_t e = 0; e < line->count; e++) {
    line->steps[e] = 0;
    for (uint32_t s = 0; s < what->rules.steps; s++)
      line->steps[e] |= (uint64_t)(what->steps[s] >> line->touchpoint[e] & 1) << s;
    line->without[e] = 0;
    for (uint32_t w = 0; w < what->rules.withouts; w++)
      line->without[e] |= (uint32_t)(what->without[w] >> line->touchpoint[e] & 1) << w;
    line->fact[e] = line->touchpoint[e] == 2;
  }
  const funnel_events events = {line->count, line->time_ms, line->steps, line->without,
                                what->same ? line->same : NULL,
                                what->facts ? line->fact : NULL};
  brute in = {.trial = what, .line = line, .start = -1};
  if (what->rules.all) {
    check_all(&in, finder, &events);
    return;
  }
  ds_error err = {0};
  funnel_chain chain;
  uint32_t next = 0;
  if (ds_funnel_find(finder, &events, 0, &chain, &next, &err) != DS_OK)
    fail_msg("%s: %s", what->name, err.message);
  solve(&in);
  compare(&in, &chain);
}

// All timelines of `count` events; of every `each`-th.
static uint32_t check_lines(const trial *what, uint32_t count, uint32_t each) {
  funnel_finder finder;
  ds_funnel_finder_init(&finder, &what->rules);
  uint32_t lines = 1, checked = 0;
  for (uint32_t e = 0; e < count; e++)
    lines *= TOUCHPOINTS * (e == 0 ? 1u : 2u);
  for (uint32_t number = count % each; number < lines; number += each) {
    timeline line = {.count = count};
    uint32_t left = number;
    uint64_t seed = number + 77;
    int64_t time_ms = 0;
    for (uint32_t e = 0; e < count; e++) {
      line.touchpoint[e] = left % TOUCHPOINTS;
      left /= TOUCHPOINTS;
      if (e > 0) {
        time_ms += left % 2;
        left /= 2;
      }
      line.time_ms[e] = time_ms;
      line.same[e] = qw_random(&seed) % 3;
    }
    check_line(what, &finder, &line);
    checked++;
  }
  ds_funnel_finder_done(&finder);
  return checked;
}

enum { A = 1, B = 2, C = 4, ANY = 7 };
#define RULES(...) {.within_ms = 99, __VA_ARGS__}

// Orders, ties, windows and --count are tried with each.
static const trial trials[] = {
    {"A B C", RULES(.steps = 3), {A, B, C}, {0}, false, false},
    {"A B C same", RULES(.steps = 3), {A, B, C}, {0}, true, false},
    {"A A", RULES(.steps = 2), {A, A}, {0}, false, false},
    {"A B A B", RULES(.steps = 4), {A, B, A, B}, {0}, false, false},
    {"AB BC ABC", RULES(.steps = 3), {A | B, B | C, ANY}, {0}, false, false},
    {"ABC ABC ABC same", RULES(.steps = 3), {ANY, ANY, ANY}, {0}, true, false},
    {"A B without C:1-2", RULES(.steps = 2, .withouts = 1, .without = {{0, 1}}), {A, B}, {C},
     false, false},
    {"A B C without A:1-3 B:2-3", RULES(.steps = 3, .withouts = 2, .without = {{0, 2}, {1, 2}}),
     {A, B, C}, {A, B}, false, false},
    {"A B C without C:1-2 same", RULES(.steps = 3, .withouts = 1, .without = {{0, 1}}),
     {A, B, C}, {C}, true, false},
    {"AB BC A without B:1-3", RULES(.steps = 3, .withouts = 1, .without = {{0, 2}}),
     {A | B, B | C, A}, {B}, false, false},
    {"AB AB AB without C:1-2 A:2-3",
     RULES(.steps = 3, .withouts = 2, .without = {{0, 1}, {1, 2}}), {A | B, A | B, A | B}, {C, A},
     false, false},
    {"A B? C", RULES(.steps = 3, .optional = 2), {A, B, C}, {0}, false, false},
    {"A B? C?", RULES(.steps = 3, .optional = 6), {A, B, C}, {0}, false, false},
    {"A B? AB? C", RULES(.steps = 4, .optional = 6), {A, B, A | B, C}, {0}, false, false},
    {"A C? B? A C?", RULES(.steps = 5, .optional = 22), {A, C, B, A, C}, {0}, false, false},
    {"A B C? same", RULES(.steps = 3, .optional = 4), {A, B, C}, {0}, true, false},
    {"AB C? B without C:1-3", RULES(.steps = 3, .optional = 2, .withouts = 1,
                                    .without = {{0, 2}}), {A | B, C, B}, {C}, false, false},
    {"A B C with fact C", RULES(.steps = 3), {A, B, C}, {0}, false, true},
    {"A B with fact C", RULES(.steps = 2), {A, B}, {0}, false, true},
};

static void test_chains(void **context) {
  (void)context;
  static const int64_t withins[] = {0, 1, 2, 99};
  uint64_t checked = 0;
  for (size_t t = 0; t < sizeof trials / sizeof *trials; t++)
    for (uint32_t v = 0; v < 3 * 2 * 4 * 2 * 2; v++) {
      trial one = trials[t];
      one.rules.order = (funnel_order)(v % 3);
      one.rules.arrival = v / 3 % 2;
      one.rules.within_ms = withins[v / 6 % 4];
      one.rules.all = v / 24 % 2;
      one.rules.has_from = one.rules.has_to = v / 48 % 2;
      one.rules.from_ms = 1;
      one.rules.to_ms = 3;
      if (one.rules.order == FUNNEL_ANY && (one.rules.optional != 0 || one.rules.withouts > 0))
        continue;
      for (uint32_t count = 1; count <= EVENTS_MAX; count++) {
        // What is left out by turns at this size is tried at full size.
        static const uint32_t some[] = {1, 1, 1, 1, 7, 127, 1409};
        const uint32_t each = long_run() ? 1 : some[count];
        checked += check_lines(&one, count, each);
      }
    }
  if (checked < 100000)
    fail_msg("only %llu timelines were checked", (unsigned long long)checked);
}

// Many tied events that can be every step: an error in words, not a wrong chain.
static void test_entangled(void **context) {
  (void)context;
  enum { MANY = 40 };
  int64_t time_ms[MANY] = {0};
  uint64_t steps[MANY];
  uint32_t without[MANY] = {0};
  funnel_rules rules = {.steps = 30, .within_ms = 5, .withouts = 1, .without = {{0, 29}}};
  for (uint32_t e = 0; e < MANY; e++) {
    steps[e] = e == 20 ? 0 : (1ull << 30) - 1;
    without[e] = e == 20;
  }
  // Only 19 events are left on either side.
  const funnel_events events = {MANY, time_ms, steps, without, NULL, NULL};
  funnel_finder finder;
  funnel_chain chain;
  ds_error err = {0};
  uint32_t next = 0;
  ds_funnel_finder_init(&finder, &rules);
  const ds_code code = ds_funnel_find(&finder, &events, 0, &chain, &next, &err);
  assert_true(code == DS_OK || code == DS_LIMIT);
  if (code == DS_LIMIT)
    assert_non_null(strstr(err.message, "--ties arrival"));
  else
    assert_int_equal(chain.depth, 30);
  // In the order of arrival it is a matter of one pass.
  ds_funnel_finder_done(&finder);
  rules.arrival = true;
  ds_funnel_finder_init(&finder, &rules);
  assert_int_equal(ds_funnel_find(&finder, &events, 0, &chain, &next, &err), DS_OK);
  assert_int_equal(chain.depth, 29);
  ds_funnel_finder_done(&finder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_chains),
      cmocka_unit_test(test_entangled),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
