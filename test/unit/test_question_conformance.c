// SPDX-License-Identifier: Apache-2.0
// Conformance against all alignments, by brute force: every timeline of up to 6 events of 3
// touchpoints, with ties, against patterns that use all of the grammar. The search here goes
// through the moves in the order of preference and keeps the first of the cheapest ways; counts,
// steps, touchpoints and fitness are then those of the answer.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "question_world.h"

enum { LENGTH = 6, KINDS = 3, TIMELINES = 3 + 9 + 27 + 81 + 243 + 729, STEPS_MAX = 5,
       NODES_MAX = 12, MOVES_MAX = 24 };
#define HOUR_MS 3600000LL
#define START_MS 1577836800000LL
static const char *const touchpoints[KINDS] = {"order_placed", "shipped", "delivered"};

// A step: bits of touchpoints, how often (most 0 = without end), bounds.
typedef struct step {
  uint32_t means;
  uint32_t least, most;
  bool immediately;
  int64_t within_ms; // 0: none
} step;

// The same pattern as text and as steps.
typedef struct spec {
  const char *text;
  bool inserts;
  bool at_start, at_end;
  int64_t total_ms; // 0: none
  step steps[STEPS_MAX];
  struct { uint32_t first, last, least, most; } group; // steps that repeat together; least 0: none
} spec;

enum { A = 1, B = 2, C = 4 };
static const spec specs[] = {
    {"order_placed then shipped then delivered", false, false, false, 0,
     {{A, 1, 1, false, 0}, {B, 1, 1, false, 0}, {C, 1, 1, false, 0}}, {0, 0, 0, 0}},
    {"order_placed then delivered within 1h", false, false, false, 0,
     {{A, 1, 1, false, 0}, {C, 1, 1, false, HOUR_MS}}, {0, 0, 0, 0}},
    {"order_placed then delivered", true, false, false, 0,
     {{A, 1, 1, false, 0}, {C, 1, 1, false, 0}}, {0, 0, 0, 0}},
    {"^ order_placed then delivered $", false, true, true, 0,
     {{A, 1, 1, false, 0}, {C, 1, 1, false, 0}}, {0, 0, 0, 0}},
    {"order_placed then immediately delivered then order_placed? within 2h", false, false, false, 0,
     {{A, 1, 1, false, 0}, {C, 1, 1, true, 0}, {A, 0, 1, false, 2 * HOUR_MS}}, {0, 0, 0, 0}},
    {"order_placed+ then delivered* then order_placed within 5h total", false, false, false,
     5 * HOUR_MS, {{A, 1, 0, false, 0}, {C, 0, 0, false, 0}, {A, 1, 1, false, 0}}, {0, 0, 0, 0}},
    {"(order_placed or shipped){2,3} within 1h then immediately shipped", false, false, false, 0,
     {{A | B, 2, 3, false, HOUR_MS}, {B, 1, 1, true, 0}}, {0, 0, 0, 0}},
    {"^ shipped? then order_placed{2,} then immediately delivered+ $", false, true, true, 0,
     {{B, 0, 1, false, 0}, {A, 2, 0, false, 0}, {C, 1, 0, true, 0}}, {0, 0, 0, 0}},
    {"delivered[n >= 0] then any then order_placed within 3h total", true, false, false,
     3 * HOUR_MS, {{C, 1, 1, false, 0}, {A | B | C, 1, 1, false, 0}, {A, 1, 1, false, 0}},
     {0, 0, 0, 0}},
    {"order_placed+ then immediately delivered", false, false, false, 0,
     {{A, 1, 0, false, 0}, {C, 1, 1, true, 0}}, {0, 0, 0, 0}},
    {"order_placed then shipped{1,3} $", false, false, true, 0,
     {{A, 1, 1, false, 0}, {B, 1, 3, false, 0}}, {0, 0, 0, 0}},
    {"order_placed then (shipped then delivered)+", false, false, false, 0,
     {{A, 1, 1, false, 0}, {B, 1, 1, false, 0}, {C, 1, 1, false, 0}}, {1, 2, 1, 0}},
    {"(order_placed then shipped? then delivered)+", true, false, false, 0,
     {{A, 1, 1, false, 0}, {B, 0, 1, false, 0}, {C, 1, 1, false, 0}}, {0, 2, 1, 0}},
    {"^ (order_placed then shipped){1,2} then delivered $", false, true, true, 0,
     {{A, 1, 1, false, 0}, {B, 1, 1, false, 0}, {C, 1, 1, false, 0}}, {0, 1, 1, 2}},
    {"(shipped then order_placed within 2h){2,} then delivered?", false, false, false, 0,
     {{B, 1, 1, false, 0}, {A, 1, 1, false, 2 * HOUR_MS}, {C, 0, 1, false, 0}}, {0, 1, 2, 0}},
    {"order_placed then (delivered then immediately shipped+){1,3}", false, false, false, 0,
     {{A, 1, 1, false, 0}, {C, 1, 1, false, 0}, {B, 1, 0, true, 0}}, {1, 2, 1, 3}},
};
enum { SPECS = sizeof specs / sizeof *specs };

typedef struct timeline {
  uint32_t count;
  uint32_t kind[LENGTH];
  int64_t time_ms[LENGTH];
} timeline;

// What a move does with the next event or step.
typedef enum move_kind { TAKE, LET, SKIP, INSERT } move_kind;
typedef struct move {
  move_kind kind;
  uint32_t step;
  uint32_t event;
} move;

// A step as often as it stands in the pattern written out: of a group in each of its copies (from 1
// on; 0: of none).
typedef struct node {
  uint32_t step, copy;
} node;

// A search over all ways to read a timeline.
typedef struct search {
  const spec *of;
  const timeline *line;
  uint32_t steps;
  node node[NODES_MAX];
  uint32_t nodes, copies;
  move now[MOVES_MAX], best[MOVES_MAX];
  uint32_t best_moves, best_cost;
} search;

static bool is_named(const search *s, uint32_t kind) {
  for (uint32_t k = 0; k < s->steps; k++)
    if ((s->of->steps[k].means >> kind & 1) != 0)
      return true;
  return false;
}

// The pattern written out: a group without end has its least copies, of which the last comes again.
static void nodes_make(search *s) {
  const spec *of = s->of;
  s->copies = of->group.most > 0 ? of->group.most : of->group.least;
  for (uint32_t k = 0; k < s->steps; k++) {
    if (of->group.least == 0 || k != of->group.first) {
      s->node[s->nodes++] = (node){k, 0};
      continue;
    }
    for (uint32_t c = 1; c <= s->copies; c++)
      for (uint32_t g = of->group.first; g <= of->group.last; g++)
        s->node[s->nodes++] = (node){g, c};
    k = of->group.last;
  }
  assert_true(s->nodes <= NODES_MAX);
}

static const step *step_of(const search *s, uint32_t n) { return &s->of->steps[s->node[n].step]; }

// Whether nodes [first, end) can lack when the node before them is of one copy and the node behind
// them of another: steps that can, and copies that need not come.
static bool optional_between(const search *s, uint32_t first, uint32_t end, uint32_t from_copy,
                             uint32_t to_copy) {
  for (uint32_t n = first; n < end; n++) {
    const uint32_t copy = s->node[n].copy;
    const bool lacks = copy > s->of->group.least && copy != from_copy && copy != to_copy;
    if (step_of(s, n)->least > 0 && !lacks)
      return false;
  }
  return true;
}

// Whether node k can follow node `at`: further on, or in the last copy of a group without end once
// more.
static bool follows(const search *s, int at, uint32_t k) {
  const uint32_t from = at < 0 ? 0 : s->node[at].copy, to = s->node[k].copy;
  if (at < (int)k)
    return optional_between(s, (uint32_t)(at + 1), k, from, to);
  if (s->of->group.least == 0 || s->of->group.most > 0 || from != s->copies || to != from)
    return false;
  uint32_t first = k, last = (uint32_t)at;
  while (first > 0 && s->node[first - 1].copy == to)
    first--;
  while (last + 1 < s->nodes && s->node[last + 1].copy == from)
    last++;
  return optional_between(s, (uint32_t)at + 1, last + 1, from, to) &&
         optional_between(s, first, k, from, to);
}

static void go(search *s, uint32_t read, int at, uint32_t taken, bool after, uint32_t moves,
               uint32_t cost);

// Takes or skips every step that can be next, the earlier first.
static void go_steps(search *s, uint32_t read, int at, uint32_t taken, bool after, uint32_t moves,
                     uint32_t cost, bool skip) {
  for (uint32_t k = 0; k < s->nodes; k++) {
    const step *next = step_of(s, k);
    const bool again = (int)k == at && (next->most == 0 || taken < next->most);
    const uint32_t count = again ? taken + 1 : 1;
    if (!again && at >= 0 && taken < step_of(s, (uint32_t)at)->least)
      continue;
    if (!again && !follows(s, at, k))
      continue;
    if (after && (at < 0 ? s->of->at_start : next->immediately))
      continue;
    // What the path can do without is never skipped: a step that may lack, or one more of enough.
    if (skip && (again ? taken >= next->least : next->least == 0))
      continue;
    if (!skip && (next->means >> s->line->kind[read] & 1) == 0)
      continue;
    s->now[moves] = (move){skip ? SKIP : TAKE, s->node[k].step, read};
    go(s, read + !skip, (int)k, count, false, moves + 1, cost + skip);
  }
}

static bool is_complete(const search *s, int at, uint32_t taken) {
  return at >= 0 && taken >= step_of(s, (uint32_t)at)->least &&
         optional_between(s, (uint32_t)at + 1, s->nodes, s->node[at].copy, 0);
}

static void go(search *s, uint32_t read, int at, uint32_t taken, bool after, uint32_t moves,
               uint32_t cost) {
  if (cost >= s->best_cost)
    return;
  assert_true(moves < MOVES_MAX);
  const bool more = read < s->line->count;
  if (!more && is_complete(s, at, taken) && !(after && s->of->at_end)) {
    s->best_cost = cost;
    s->best_moves = moves;
    memcpy(s->best, s->now, sizeof s->best);
    return;
  }
  if (more)
    go_steps(s, read, at, taken, after, moves, cost, false);
  if (more && !s->of->inserts && !is_named(s, s->line->kind[read])) {
    s->now[moves] = (move){LET, 0, read};
    go(s, read + 1, at, taken, true, moves + 1, cost);
  }
  go_steps(s, read, at, taken, after, moves, cost, true);
  if (more) {
    s->now[moves] = (move){INSERT, 0, read};
    go(s, read + 1, at, taken, after, moves + 1, cost + 1);
  }
}

// Counts of deviations: by kind, step (of the whole: behind the last) or touchpoint.
enum { SKIPPED, INSERTED, WRONG, LATE, DEVIATIONS };
typedef struct counts {
  uint64_t cases, fits;
  double fitness;
  uint64_t occurrences[DEVIATIONS][STEPS_MAX + 1], in_cases[DEVIATIONS][STEPS_MAX + 1];
  uint64_t kind[DEVIATIONS], kind_cases[DEVIATIONS];
} counts;

static void put_moves(search *s, uint32_t found[DEVIATIONS][STEPS_MAX + 1]) {
  for (uint32_t m = 0; m < s->best_moves; m++) {
    if (s->best[m].kind != SKIP)
      continue;
    uint32_t other = 0;
    while (other < s->best_moves &&
           (s->best[other].kind != INSERT ||
            (s->of->steps[s->best[m].step].means >> s->line->kind[s->best[other].event] & 1) == 0))
      other++;
    found[other < s->best_moves ? WRONG : SKIPPED][s->best[m].step]++;
    if (other < s->best_moves)
      s->best[other].kind = LET;
  }
  for (uint32_t m = 0; m < s->best_moves; m++)
    if (s->best[m].kind == INSERT)
      found[INSERTED][s->line->kind[s->best[m].event]]++;
}

static void put_late(const search *s, uint32_t found[DEVIATIONS][STEPS_MAX + 1]) {
  int64_t first = -1, last = -1;
  bool follows = false;
  for (uint32_t m = 0; m < s->best_moves; m++) {
    const move *one = &s->best[m];
    follows = follows && one->kind != SKIP;
    if (one->kind != TAKE)
      continue;
    const int64_t at = s->line->time_ms[one->event], within = s->of->steps[one->step].within_ms;
    found[LATE][one->step] += follows && within > 0 && at - last > within;
    first = first < 0 ? at : first;
    last = at;
    follows = true;
  }
  if (s->of->total_ms > 0 && first >= 0 && last - first > s->of->total_ms)
    found[LATE][s->steps]++;
}

static uint32_t shortest_of(const search *s) {
  uint32_t sum = 0;
  for (uint32_t n = 0; n < s->nodes; n++)
    sum += s->node[n].copy <= s->of->group.least ? step_of(s, n)->least : 0;
  return sum;
}

static void solve(const spec *of, const timeline *line, counts *to) {
  search s = {.of = of, .line = line};
  uint32_t found[DEVIATIONS][STEPS_MAX + 1] = {{0}}, looked_at = 0;
  while (s.steps < STEPS_MAX && of->steps[s.steps].means != 0)
    s.steps++;
  nodes_make(&s);
  // Skipping the shortest run and inserting all is a way.
  s.best_cost = shortest_of(&s) + line->count + 1;
  bool strict = of->at_start || of->at_end;
  for (uint32_t k = 0; k < s.steps; k++)
    strict |= of->steps[k].immediately;
  for (uint32_t e = 0; e < line->count; e++)
    looked_at += strict || of->inserts || is_named(&s, line->kind[e]);
  go(&s, 0, -1, 0, false, 0, 0);
  put_late(&s, found);
  put_moves(&s, found);
  bool fits = true;
  to->cases++;
  to->fitness += 1 - s.best_cost / (double)(looked_at + shortest_of(&s));
  for (uint32_t k = 0; k < DEVIATIONS; k++) {
    uint32_t of_kind = 0;
    for (uint32_t w = 0; w <= STEPS_MAX; w++) {
      to->occurrences[k][w] += found[k][w];
      to->in_cases[k][w] += found[k][w] > 0;
      of_kind += found[k][w];
    }
    to->kind[k] += of_kind;
    to->kind_cases[k] += of_kind > 0;
    fits &= of_kind == 0;
  }
  to->fits += fits;
}

static timeline lines[TIMELINES];

// Every sequence of kinds, with gaps of none, 1, 2 or 4 hours.
static void lines_make(void) {
  uint64_t seed = 3;
  uint32_t used = 0;
  for (uint32_t length = 1, all = KINDS; length <= LENGTH; length++, all *= KINDS)
    for (uint32_t n = 0; n < all; n++) {
      timeline *line = &lines[used++];
      *line = (timeline){.count = length};
      int64_t at = START_MS;
      for (uint32_t e = 0, rest = n; e < length; e++, rest /= KINDS) {
        static const int64_t gaps[] = {0, 0, 1, 2, 4};
        at += gaps[qw_random(&seed) % 5] * HOUR_MS;
        line->kind[e] = rest % KINDS;
        line->time_ms[e] = at;
      }
    }
  assert_int_equal(used, TIMELINES);
}

static ds_snapshot *snapshot_make(void) {
  static const char *const properties[] = {"n"}, *const sources[] = {"test"};
  ds_space space;
  ds_space_init(&space);
  qw_names(&space.touchpoints, touchpoints, KINDS);
  qw_names(&space.properties, properties, 1);
  qw_names(&space.sources, sources, 1);
  qw_rows rows = {0};
  uint64_t id = 0;
  for (uint32_t l = 0; l < TIMELINES; l++)
    for (uint32_t e = 0; e < lines[l].count; e++) {
      char subject[32];
      ds_event_property property = {0, false, {.type = DS_TYPE_NUMBER, .number = 1}};
      ds_event event = {.touchpoint = (uint16_t)lines[l].kind[e], .has_id = true, .id = ++id,
                        .time_ms = lines[l].time_ms[e], .received_ms = lines[l].time_ms[e],
                        .arrival = e + 1, .properties = &property, .properties_count = 1};
      event.subject = (ds_str){subject, (uint32_t)snprintf(subject, sizeof subject,
                                                           "customer_id=C%u", l)};
      qw_rows_put(&rows, &event);
    }
  ds_snapshot *snapshot = qw_snapshot_new();
  qw_part_add(snapshot, &space, &rows);
  qw_rows_done(&rows);
  ds_space_done(&space);
  return snapshot;
}

static const ds_cell *cell(const ds_table *table, uint32_t row, const char *column) {
  const uint32_t c = ds_table_column(table, column);
  assert_int_not_equal(c, UINT32_MAX);
  return &table->cells[(size_t)row * table->columns_count + c];
}

static const char *const kind_names[DEVIATIONS] = {"skipped", "inserted", "wrong_order",
                                                   "too_late"};

static uint32_t kind_of(const ds_table *table, uint32_t row) {
  uint32_t kind = 0;
  while (kind < DEVIATIONS && !ds_str_equal(cell(table, row, "kind")->text,
                                            ds_str_of(kind_names[kind])))
    kind++;
  return kind;
}

// The step or touchpoint of a row; of the whole it stands behind the last step.
static uint32_t what_of(const ds_table *table, uint32_t row, const spec *of) {
  uint32_t what = 0;
  if (!cell(table, row, "step")->null)
    return (uint32_t)cell(table, row, "step")->number - 1;
  while (what < KINDS && !ds_str_equal(cell(table, row, "what")->text,
                                       ds_str_of(touchpoints[what])))
    what++;
  if (what < KINDS)
    return what;
  for (what = 0; of->steps[what].means != 0; what++)
    ;
  return what;
}

static void compare(const spec *of, const ds_result *result, const counts *want) {
  const ds_table *overall = ds_result_find(result, "overall");
  const ds_table *kinds = ds_result_find(result, "kinds");
  const ds_table *rows = ds_result_find(result, "deviations");
  uint32_t expected = 0;
  assert_int_equal(cell(overall, 0, "cases")->i, want->cases);
  if (cell(overall, 0, "fits")->i != (int64_t)want->fits)
    fail_msg("%s: %lld fit, not %llu", of->text, (long long)cell(overall, 0, "fits")->i,
             (unsigned long long)want->fits);
  assert_true(fabs(cell(overall, 0, "fitness")->number - want->fitness / TIMELINES) < 1e-12);
  assert_int_equal(kinds->rows_count, DEVIATIONS + 1);
  for (uint32_t r = 1; r < kinds->rows_count; r++) {
    assert_int_equal(cell(kinds, r, "occurrences")->i, want->kind[kind_of(kinds, r)]);
    assert_int_equal(cell(kinds, r, "cases")->i, want->kind_cases[kind_of(kinds, r)]);
  }
  for (uint32_t k = 0; k < DEVIATIONS; k++)
    for (uint32_t w = 0; w <= STEPS_MAX; w++)
      expected += want->occurrences[k][w] > 0;
  assert_int_equal(rows->rows_count, expected);
  for (uint32_t r = 0; r < rows->rows_count; r++) {
    const uint32_t kind = kind_of(rows, r), what = what_of(rows, r, of);
    if (cell(rows, r, "occurrences")->i != (int64_t)want->occurrences[kind][what] ||
        cell(rows, r, "cases")->i != (int64_t)want->in_cases[kind][what])
      fail_msg("%s: %s %.*s: %lld in %lld cases, not %llu in %llu", of->text, kind_names[kind],
               DS_STR(cell(rows, r, "what")->text), (long long)cell(rows, r, "occurrences")->i,
               (long long)cell(rows, r, "cases")->i,
               (unsigned long long)want->occurrences[kind][what],
               (unsigned long long)want->in_cases[kind][what]);
  }
}

static void test_all_timelines(void **state) {
  (void)state;
  lines_make();
  ds_snapshot *snapshot = snapshot_make();
  uint64_t seen[DEVIATIONS] = {0};
  for (uint32_t i = 0; i < SPECS; i++) {
    const spec *of = &specs[i];
    const ds_option_value values[] = {{"pattern", of->text},
                                      {"others", of->inserts ? "inserted" : "allowed"}};
    ds_arena arena;
    ds_arena_init(&arena, 256u << 20);
    const ds_request request = {.snapshot = snapshot, .options = {.values = values, .count = 2},
                                .threads = 1 + i % 2, .now_ms = START_MS * 2,
                                .memory_bytes = 64u << 20, .arena = &arena};
    ds_result result;
    ds_error err = {0};
    ds_result_init(&result, &arena, "conformance");
    if (ds_question_run(ds_question_find(ds_str_of("conformance")), &request, &result, &err) !=
        DS_OK)
      fail_msg("%s: %s", of->text, err.message);
    counts want = {0};
    for (uint32_t l = 0; l < TIMELINES; l++)
      solve(of, &lines[l], &want);
    compare(of, &result, &want);
    for (uint32_t k = 0; k < DEVIATIONS; k++)
      seen[k] += want.kind[k];
    ds_arena_done(&arena);
  }
  for (uint32_t k = 0; k < DEVIATIONS; k++)
    assert_true(seen[k] > 100);
  qw_snapshot_free(snapshot);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_all_timelines),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
