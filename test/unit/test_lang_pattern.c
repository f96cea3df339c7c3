// SPDX-License-Identifier: Apache-2.0
// Random patterns, with groups, repetitions and absences, over every timeline of up to 4 events of
// 3 touchpoints with gaps of 0, 1 and 2 hours (with DS_STRESS=1 up to 6 events): sequence() says
// what a matcher says that tries all choices of events. And patterns that cannot be are refused
// with the place.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "lang/case.h"
#include "long_run.h"
#include "question_world.h"

enum { ITEMS_MAX = 40, LENGTH_USUAL = 4, LENGTH_STRESS = 6, PATTERNS = 400 };
#define HOUR 3600000LL
#define START_MS 1577836800000LL

// A step: which touchpoints, as bits; how often, most 0 = without end; hours, 0 = unbound. With
// `hours` an absence for so long; with `inside` a group.
typedef struct item {
  uint32_t mask, hours, least, most, within;
  bool immediately;
  struct item *inside, *next;
} item;

typedef struct pattern {
  item item[ITEMS_MAX];
  uint32_t items, total;
  item *first;
  bool at_start, at_end;
} pattern;

// Timelines one after the other.
typedef struct timelines {
  ds_space space;
  ds_block block;
  uint32_t journeys, events;
} timelines;

static uint32_t draw(uint64_t *seed, uint32_t below) {
  return (uint32_t)(qw_random(seed) % below);
}

// --- all choices, tried

// What was matched so far: the event taken last (DS_NONE: none), the instant of the step or absence
// before, and how the next event must follow it.
typedef struct so_far {
  uint32_t last, taken;
  int64_t ms, start_ms;
  bool absence;
  bool immediately;
  uint32_t within;
} so_far;

typedef struct trial {
  const pattern *what;
  const int64_t *time_ms;
  const uint16_t *touchpoint;
  uint32_t events;
  int64_t now_ms;
} trial;

// What is to be matched next: the items behind `item`, which was taken `taken` times, and then what
// `then` says. NULL: nothing more.
typedef struct behind {
  const item *of;
  uint32_t taken;
  const so_far *before; // the round of the item at hand
  const struct behind *then;
} behind;

static bool try_item(const trial *t, const item *of, uint32_t taken, const so_far *at,
                     const behind *then);

static bool is_complete(const trial *t, const so_far *at) {
  const pattern *p = t->what;
  return at->last != DS_NONE && (!p->at_end || at->last + 1 == t->events) &&
         at->ms <= t->now_ms && (p->total == 0 || at->ms - at->start_ms <= p->total * HOUR);
}

static bool try_items(const trial *t, const item *first, const so_far *at, const behind *then) {
  return first != NULL ? try_item(t, first, 0, at, then)
         : then == NULL ? is_complete(t, at)
                        : try_item(t, then->of, then->taken + 1,
                                   // A round of nothing leaves how it was to be entered behind.
                                   at->taken == then->before->taken ? then->before : at,
                                   then->then);
}

static bool follows(const trial *t, const so_far *at, uint32_t e) {
  const int64_t time_ms = t->time_ms[e];
  bool next = at->last == DS_NONE || e == at->last + 1;
  if (at->last == DS_NONE)
    return !t->what->at_start || e == 0;
  if (at->absence && time_ms <= at->ms)
    return false;
  if (at->absence) {
    next = true;
    for (uint32_t b = 0; b < e; b++)
      next = next && t->time_ms[b] <= at->ms;
  }
  return (!at->immediately || next) &&
         (at->within == 0 || time_ms - at->ms <= at->within * HOUR);
}

// The item once more, then what follows it.
static bool try_round(const trial *t, const item *of, const so_far *at, const behind *after) {
  so_far entered = *at;
  entered.immediately |= of->immediately;
  if (of->within > 0 && (at->within == 0 || of->within < at->within))
    entered.within = of->within;
  if (of->inside != NULL)
    return try_items(t, of->inside, &entered, after);
  so_far past = {.taken = at->taken + 1, .start_ms = at->start_ms};
  if (of->hours > 0) {
    past.last = at->last;
    past.ms = at->ms + of->hours * HOUR;
    past.absence = true;
    for (uint32_t e = 0; e < t->events; e++)
      if ((of->mask >> t->touchpoint[e] & 1) != 0 && t->time_ms[e] > at->ms &&
          t->time_ms[e] <= past.ms)
        return false;
    return try_items(t, NULL, &past, after);
  }
  for (uint32_t e = at->last == DS_NONE ? 0 : at->last + 1; e < t->events; e++) {
    if ((of->mask >> t->touchpoint[e] & 1) == 0 || !follows(t, &entered, e))
      continue;
    past.last = e;
    past.ms = t->time_ms[e];
    if (at->last == DS_NONE)
      past.start_ms = past.ms;
    if (try_items(t, NULL, &past, after))
      return true;
  }
  return false;
}

static bool try_item(const trial *t, const item *of, uint32_t taken, const so_far *at,
                     const behind *then) {
  if (taken >= of->least && try_items(t, of->next, at, then))
    return true;
  // So many rounds of nothing are enough to have been there often enough.
  if ((of->most > 0 && taken == of->most) || taken > of->least + t->events)
    return false;
  const behind next = {of, taken, at, then};
  return try_round(t, of, at, &next);
}

// --- random patterns as texts

static void put_mask(ds_buf *text, uint32_t mask) {
  static const char *const names[] = {"a", "b", "c"};
  const bool several = (mask & (mask - 1)) != 0;
  uint32_t put = 0;
  ds_buf_text(text, several ? "(" : "");
  for (uint32_t t = 0; t < 3; t++)
    if ((mask >> t & 1) != 0)
      ds_buf_printf(text, "%s%s", put++ > 0 ? " or " : "", names[t]);
  ds_buf_text(text, several ? ")" : "");
}

static void put_often(ds_buf *text, const item *of) {
  if (of->least == 1 && of->most == 1)
    return;
  if (of->most == 0 && of->least < 2)
    ds_buf_text(text, of->least == 0 ? "*" : "+");
  else if (of->most == 1)
    ds_buf_text(text, "?");
  else if (of->most == 0)
    ds_buf_printf(text, "{%u,}", of->least);
  else
    ds_buf_printf(text, of->least == of->most ? "{%u}" : "{%u,%u}", of->least, of->most);
}

static void draw_often(item *of, uint64_t *seed) {
  of->least = draw(seed, 3);
  of->most = draw(seed, 2) == 0 ? 0 : of->least + draw(seed, 2);
  of->most += of->least == 0 && of->most == 0 && draw(seed, 2) == 0;
}

static item *items_make(pattern *p, uint32_t depth, uint64_t *seed, ds_buf *text) {
  const uint32_t count = 1 + draw(seed, depth == 0 ? 4 : 3);
  item *first = NULL, **next = &first;
  for (uint32_t s = 0; s < count && p->items < ITEMS_MAX; s++) {
    item *of = &p->item[p->items++];
    *of = (item){.mask = 1u << draw(seed, 3), .least = 1, .most = 1,
                 .immediately = s > 0 && draw(seed, 5) == 0};
    if (draw(seed, 4) == 0)
      of->mask |= 1u << draw(seed, 3);
    *next = of;
    next = &of->next;
    ds_buf_text(text, s == 0 ? "" : of->immediately ? " then immediately " : " then ");
    if (s > 0 && !of->immediately && draw(seed, 5) == 0) {
      of->hours = 1 + draw(seed, 3);
      ds_buf_text(text, "not ");
      put_mask(text, of->mask);
      ds_buf_printf(text, " within %uh", of->hours);
      continue;
    }
    const bool group = depth < 2 && draw(seed, 4) == 0;
    if (draw(seed, 3) == 0)
      draw_often(of, seed);
    ds_buf_text(text, group ? "(" : "");
    if (group)
      of->inside = items_make(p, depth + 1, seed, text);
    else
      put_mask(text, of->mask);
    ds_buf_text(text, group ? ")" : "");
    put_often(text, of);
    if (draw(seed, 4) == 0 && (s > 0 || depth > 0 || of->most != 1)) {
      of->within = 1 + draw(seed, 3);
      ds_buf_printf(text, " within %uh", of->within);
    }
  }
  return first;
}

static void pattern_make(pattern *p, uint64_t *seed, ds_buf *text) {
  *p = (pattern){.at_start = draw(seed, 6) == 0, .at_end = draw(seed, 6) == 0};
  ds_buf_text(text, p->at_start ? "sequence(^ " : "sequence(");
  p->first = items_make(p, 0, seed, text);
  ds_buf_text(text, p->at_end ? " $" : "");
  if (draw(seed, 4) == 0) {
    p->total = 1 + draw(seed, 5);
    ds_buf_printf(text, " within %uh total", p->total);
  }
  ds_buf_text(text, ")");
}

// --- every timeline

static void timelines_make(timelines *all, uint32_t length_max) {
  static const char *const touchpoints[] = {"a", "b", "c"};
  uint64_t journeys = 0, events = 0, count = 3;
  ds_space_init(&all->space);
  qw_names(&all->space.touchpoints, touchpoints, 3);
  for (uint32_t n = 1; n <= length_max; n++, count *= 9) {
    journeys += count;
    events += count * n;
  }
  ds_block *block = &all->block;
  *block = (ds_block){.offset = calloc(journeys + 1, sizeof *block->offset),
                      .time_ms = calloc(events, sizeof *block->time_ms),
                      .touchpoint = calloc(events, sizeof *block->touchpoint)};
  assert_true(block->offset && block->time_ms && block->touchpoint);
  count = 3;
  for (uint32_t n = 1; n <= length_max; n++, count *= 9)
    for (uint64_t code = 0; code < count; code++) {
      uint64_t rest = code;
      int64_t time_ms = START_MS;
      for (uint32_t e = 0; e < n; e++) {
        block->touchpoint[block->events] = (uint16_t)(rest % 3);
        rest /= 3;
        block->time_ms[block->events++] = time_ms;
        time_ms += (int64_t)(rest % 3) * HOUR;
        rest /= 3;
      }
      block->offset[++block->journeys] = block->events;
    }
  assert_int_equal(block->events, events);
}

static void timelines_done(timelines *all) {
  free(all->block.offset);
  free(all->block.time_ms);
  free(all->block.touchpoint);
  ds_space_done(&all->space);
}

// Compares the answers over all timelines; false when the pattern is refused.
static bool compare(const timelines *all, const pattern *what, const char *text, int64_t now_ms) {
  const ds_schema schema = {.space = &all->space};
  const ds_columns columns = {.want = DS_WANT_TIME | DS_WANT_TOUCHPOINT};
  ds_arena arena;
  ds_error err = {0};
  ds_case_program *program = NULL;
  ds_case_evaluator *evaluator = NULL;
  const ds_case_values *values = NULL;
  uint32_t rule = 0;
  ds_arena_init(&arena, 1u << 22);
  assert_int_equal(ds_case_program_new(&schema, &arena, &program, NULL), DS_OK);
  const ds_code code = ds_case_program_add(program, ds_str_of(text), &rule, &err);
  if (code != DS_OK) {
    static const char *const known[] = {"met by nothing", "more than 16", "may be left out",
                                        "too large"};
    bool is_known = false;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
      is_known |= strstr(err.message, known[k]) != NULL;
    if (!is_known)
      fail_msg("%s: %s", text, err.message);
    ds_arena_done(&arena);
    return false;
  }
  assert_int_equal(ds_case_evaluator_new(program, &columns, &evaluator, NULL), DS_OK);
  assert_int_equal(ds_case_begin(evaluator, &all->block, NULL), DS_OK);
  assert_int_equal(ds_case_evaluate(evaluator, now_ms, &values, NULL), DS_OK);
  for (uint32_t j = 0; j < all->block.journeys; j++) {
    const uint32_t first = all->block.offset[j];
    trial t = {what, all->block.time_ms + first, all->block.touchpoint + first, 0, now_ms};
    while (first + t.events < all->block.offset[j + 1] && t.time_ms[t.events] <= now_ms)
      t.events++;
    const bool ours = (values[0].yes[j / 64] >> (j % 64) & 1) != 0;
    const so_far none = {.last = DS_NONE};
    if (ours != try_items(&t, what->first, &none, NULL)) {
      fprintf(stderr, "at %lld h:", (long long)((now_ms - START_MS) / HOUR));
      for (uint32_t e = 0; e < t.events; e++)
        fprintf(stderr, " %c@%lld", "abc"[t.touchpoint[e]],
                (long long)((t.time_ms[e] - START_MS) / HOUR));
      fail_msg("%s is %smet", text, ours ? "" : "not ");
    }
  }
  ds_case_evaluator_free(evaluator);
  ds_arena_done(&arena);
  return true;
}

static void test_patterns(void **context) {
  (void)context;
  timelines all;
  uint64_t seed = 3;
  uint32_t compared = 0;
  timelines_make(&all, long_run() ? LENGTH_STRESS : LENGTH_USUAL);
  for (uint32_t n = 0; n < PATTERNS; n++) {
    pattern p;
    ds_buf text;
    ds_buf_init(&text, 4096);
    pattern_make(&p, &seed, &text);
    compared += compare(&all, &p, ds_buf_cstr(&text), START_MS + draw(&seed, 12) * HOUR);
    ds_buf_done(&text);
  }
  assert_true(compared > PATTERNS / 2);
  timelines_done(&all);
}

static const struct {
  const char *text;
  ds_code code;
  uint32_t column;
  const char *part;
} errors[] = {
    {"sequence()", DS_EXPRESSION, 10, "expected a selector"},
    {"sequence(a*)", DS_EXPRESSION, 10, "met by nothing at all"},
    {"sequence(a? then b{0,3})", DS_EXPRESSION, 10, "met by nothing at all"},
    {"sequence(a{65})", DS_EXPRESSION, 12, "a whole number up to 64"},
    {"sequence(a{40} then b{40})", DS_LIMIT, 21, "at most 64"},
    {"sequence(a{3,2})", DS_EXPRESSION, 11, "the less first"},
    {"sequence(a{0})", DS_EXPRESSION, 11, "the less first"},
    {"sequence(a then)", DS_EXPRESSION, 16, "expected a selector"},
    {"sequence(a then not b)", DS_EXPRESSION, 22, "expected within"},
    {"sequence(a then not b)+", DS_EXPRESSION, 22, "expected within"},
    {"sequence(a? then not b within 1d then c)", DS_EXPRESSION, 18, "may be left out"},
    {"sequence((a* then not b within 1d)+)", DS_EXPRESSION, 19, "may be left out"},
    {"sequence((not b within 1d then c)+)", DS_EXPRESSION, 11, "touchpoint 'not'"},
    {"sequence((a then b)*)", DS_EXPRESSION, 10, "met by nothing at all"},
    {"sequence((a? then b?){2,3})", DS_EXPRESSION, 10, "met by nothing at all"},
    {"sequence((a then b{8}){8})", DS_LIMIT, 18, "at most 64"},
    {"sequence((a then b)", DS_EXPRESSION, 9, "never closed"},
    {"sequence((a then b c)+)", DS_EXPRESSION, 20, "expected then, within or )"},
    {"sequence((a then b) then c within 1h within 9h total)", DS_OK, 0, ""},
    {"sequence((a then b)+ then c within 1h within 9h total)", DS_LIMIT, 10, "more than 16"},
    {"sequence(a then not b within 1h then c within 1h within 9h total)", DS_LIMIT, 10,
     "more than 16"},
    {"sequence((a then not b within 1h){5} then c)", DS_LIMIT, 10, "at most 4 times"},
    {"sequence(a within 1d)", DS_EXPRESSION, 12, "within 7d total"},
    {"sequence(a then b within 0h)", DS_EXPRESSION, 26, "above 0"},
    {"sequence(a then b+ within 1h then c within 9h total)", DS_LIMIT, 10, "more than 16"},
    {"sequence(a b)", DS_EXPRESSION, 12, "expected then, within, $ or )"},
    {"sequence(a then b", DS_EXPRESSION, 9, "never closed"},
};

static void test_errors(void **context) {
  (void)context;
  static timelines all;
  timelines_make(&all, 1);
  const ds_schema schema = {.space = &all.space};
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
    ds_arena arena;
    ds_error err = {0};
    ds_case_program *program = NULL;
    uint32_t rule = 0;
    ds_arena_init(&arena, 1u << 22);
    assert_int_equal(ds_case_program_new(&schema, &arena, &program, NULL), DS_OK);
    const ds_code code = ds_case_program_add(program, ds_str_of(errors[i].text), &rule, &err);
    if (code == DS_OK && errors[i].code == DS_OK) {
      ds_arena_done(&arena);
      continue;
    }
    if (code != errors[i].code || err.line != 1 || err.column != errors[i].column ||
        strstr(err.message, errors[i].part) == NULL)
      fail_msg("%s: code %d at %u: %s", errors[i].text, code, err.column, err.message);
    ds_arena_done(&arena);
  }
  timelines_done(&all);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_patterns),
      cmocka_unit_test(test_errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
