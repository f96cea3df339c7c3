// SPDX-License-Identifier: Apache-2.0
// The journey map of random worlds against brute force over the same events, which goes through
// every case once per figure; and the texts of the errors of its options.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "question/map_rows.h"
#include "question/question.h"
#include "question_world.h"

enum { WORLDS = 300, MIN_N = 3, ROWS_MAX = 4096, VALUES_MAX = 2000 };

// One case: its group, its score, and of each event the stage.
typedef struct known_case {
  const char *group;
  bool scored;
  double score;
  uint32_t stage[QW_EVENTS_MAX];
  const qw_case *one;
} known_case;

// A world as asked.
typedef struct known {
  const qw_world *world;
  known_case *cases;
  uint32_t count;
} known;

static uint32_t own_stage(uint32_t touchpoint) {
  const ds_touchpoint *row = ds_catalogue_find(NULL, ds_str_of(qw_touchpoint(touchpoint)));
  return row == NULL ? 0 : row->stage;
}

static void case_read(const qw_world *world, const qw_case *one, known_case *ret_case) {
  uint32_t scores = 0;
  for (uint32_t i = 0; i < one->count; i++) {
    const qw_event *event = &world->events[one->events[i]];
    const uint32_t own = own_stage(event->touchpoint);
    ret_case->stage[i] = own != 0 ? own : i == 0 ? 0 : ret_case->stage[i - 1];
    if (event->value >= 0) {
      ret_case->score += event->value;
      scores++;
    }
  }
  ret_case->scored = scores > 0;
  ret_case->score /= scores > 0 ? scores : 1;
  ret_case->one = one;
}

static uint32_t touchpoint_at(const known *all, const known_case *c, uint32_t i) {
  return all->world->events[c->one->events[i]].touchpoint;
}

static int64_t time_at(const known *all, const known_case *c, uint32_t i) {
  return all->world->events[c->one->events[i]].time_ms;
}

// The first event of a stage (and touchpoint, unless it is DS_NONE), or DS_NONE.
static uint32_t first_of(const known *all, const known_case *c, uint32_t stage,
                         uint32_t touchpoint) {
  for (uint32_t i = 0; i < c->one->count; i++)
    if (c->stage[i] == stage && (touchpoint == DS_NONE || touchpoint_at(all, c, i) == touchpoint))
      return i;
  return DS_NONE;
}

// The time of event i since its origin; false when it has none.
static bool since(const known *all, const known_case *c, uint32_t i, double *ret_ms) {
  // The nearest earlier stage that was reached before, else the event's own.
  uint32_t first = DS_NONE;
  for (uint32_t s = c->stage[i]; s-- > 0 && (first == DS_NONE || first >= i);)
    first = first_of(all, c, s, DS_NONE);
  if (first == DS_NONE || first >= i)
    first = first_of(all, c, c->stage[i], DS_NONE);
  if (first < i)
    *ret_ms = (double)(time_at(all, c, i) - time_at(all, c, first));
  return first < i;
}

static const ds_cell *cell(const ds_table *table, uint32_t row, const char *column) {
  const uint32_t c = ds_table_column(table, column);
  assert_int_not_equal(c, UINT32_MAX);
  return &table->cells[(size_t)row * table->columns_count + c];
}

static void same(const ds_table *table, uint32_t row, const char *column, bool known_value,
                 double expected) {
  const ds_cell *got = cell(table, row, column);
  const bool whole = table->columns[ds_table_column(table, column)].type == DS_CELL_COUNT;
  if (got->null != !known_value ||
      (known_value && fabs((whole ? (double)got->i : got->number) - expected) >
                          1e-9 * (1 + fabs(expected))))
    fail_msg("%s row %u: %s is %.12g, expected %.12g (%d)", table->name, row, column,
             whole ? (double)got->i : got->number, expected, known_value);
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

// All figures of one row of stages (touchpoint DS_NONE) or touchpoints.
static void check_row(const known *all, const ds_table *table, uint32_t row, const char *group,
                      uint32_t stage, uint32_t touchpoint) {
  static double times[VALUES_MAX];
  uint32_t total = 0, cases = 0, dropped = 0, late = 0, scored = 0, values = 0, occurrences = 0;
  double score = 0;
  for (uint32_t k = 0; k < all->count; k++) {
    const known_case *c = &all->cases[k];
    if (strcmp(c->group, group) != 0)
      continue;
    total++;
    const uint32_t first = first_of(all, c, stage, touchpoint);
    if (first == DS_NONE)
      continue;
    uint32_t furthest = 0;
    bool is_late = false;
    for (uint32_t i = 0; i < c->one->count; i++) {
      const bool here = c->stage[i] == stage &&
                        (touchpoint == DS_NONE || touchpoint_at(all, c, i) == touchpoint);
      furthest = c->stage[i] > furthest ? c->stage[i] : furthest;
      is_late = is_late || (here && c->stage[i] < furthest);
      occurrences += here;
    }
    cases++;
    dropped += furthest == stage;
    late += is_late;
    scored += c->scored;
    score += c->scored ? c->score : 0;
    double ms = 0;
    if (since(all, c, first, &ms))
      times[values++] = ms;
  }
  qsort(times, values, sizeof *times, by_value);
  assert_true(cases > 0 && total > 0);
  same(table, row, "cases", true, cases);
  same(table, row, "reach", true, (double)cases / total);
  same(table, row, "out_of_order", true, (double)late / cases);
  same(table, row, "satisfaction", scored >= MIN_N, score / (scored > 0 ? scored : 1));
  same(table, row, "satisfaction_n", true, scored);
  same(table, row, "median_ms", values > 0, values > 0 ? qw_quantile(times, values, 0.5) : 0);
  same(table, row, "p90_ms", values > 0, values > 0 ? qw_quantile(times, values, 0.9) : 0);
  if (touchpoint == DS_NONE) {
    same(table, row, "dropped", true, dropped);
    return;
  }
  same(table, row, "occurrences", true, occurrences);
  same(table, row, "per_case", true, (double)occurrences / cases);
}

static const char *group_at(const ds_table *table, uint32_t row, bool by) {
  return by ? cell(table, row, "color")->text.data : "";
}

static uint32_t stage_at(const ds_table *table, uint32_t row) {
  const ds_str name = cell(table, row, "stage")->text;
  ds_stage stage = DS_STAGE_ANY;
  assert_true(ds_str_equal(name, ds_str_of("(none)")) || ds_stage_of_name(name, &stage));
  return stage;
}

static void check_stages(const known *all, const ds_table *table, bool by) {
  uint32_t rows = 0;
  for (uint32_t r = 0; r < table->rows_count; r++) {
    const char *group = group_at(table, r, by);
    const uint32_t stage = stage_at(table, r);
    check_row(all, table, r, group, stage, DS_NONE);
    const bool has_next =
        r + 1 < table->rows_count && strcmp(group_at(table, r + 1, by), group) == 0;
    uint32_t cases = 0, next = 0;
    for (uint32_t k = 0; has_next && k < all->count; k++) {
      const known_case *c = &all->cases[k];
      if (strcmp(c->group, group) != 0 || first_of(all, c, stage, DS_NONE) == DS_NONE)
        continue;
      cases++;
      next += first_of(all, c, stage_at(table, r + 1), DS_NONE) != DS_NONE;
    }
    assert_true(!has_next || stage_at(table, r + 1) > stage);
    same(table, r, "conversion_next", has_next, has_next ? (double)next / cases : 0);
  }
  // No row is missing: as many as there are stages reached, by group.
  for (uint32_t k = 0; k < all->count; k++)
    for (uint32_t s = 0; s < MAP_STAGES; s++) {
      bool earlier = first_of(all, &all->cases[k], s, DS_NONE) == DS_NONE;
      for (uint32_t b = 0; b < k && !earlier; b++)
        earlier = strcmp(all->cases[b].group, all->cases[k].group) == 0 &&
                  first_of(all, &all->cases[b], s, DS_NONE) != DS_NONE;
      rows += !earlier;
    }
  assert_int_equal(table->rows_count, rows);
}

static void check_touchpoints(const known *all, const ds_table *table, bool by) {
  uint64_t occurrences = 0, events = 0;
  for (uint32_t r = 0; r < table->rows_count; r++) {
    uint32_t touchpoint = 0;
    while (!ds_str_equal(cell(table, r, "touchpoint")->text, ds_str_of(qw_touchpoint(touchpoint))))
      touchpoint++;
    check_row(all, table, r, group_at(table, r, by), stage_at(table, r), touchpoint);
    occurrences += (uint64_t)cell(table, r, "occurrences")->i;
  }
  for (uint32_t k = 0; k < all->count; k++)
    events += all->cases[k].one->count;
  // No row is missing, for each event is in one.
  assert_int_equal(occurrences, events);
}

static void route_of(const known_case *c, char text[512]) {
  uint32_t seen = 0, used = 0;
  text[0] = '\0';
  for (uint32_t i = 0; i < c->one->count; i++) {
    const uint32_t stage = c->stage[i];
    if ((seen >> stage & 1) != 0)
      continue;
    used += (uint32_t)snprintf(text + used, 512 - used, "%s%s", seen == 0 ? "" : "\x1f",
                               stage == 0 ? "(none)" : ds_stage_name((ds_stage)stage));
    seen |= 1u << stage;
  }
}

static void check_routes(const known *all, const ds_table *table, bool by) {
  uint64_t cases = 0;
  for (uint32_t r = 0; r < table->rows_count; r++) {
    uint32_t count = 0;
    for (uint32_t k = 0; k < all->count; k++) {
      char text[512];
      route_of(&all->cases[k], text);
      count += strcmp(all->cases[k].group, group_at(table, r, by)) == 0 &&
               ds_str_equal(cell(table, r, "route")->text, ds_str_of(text));
    }
    assert_int_equal(cell(table, r, "cases")->i, count);
    if (r > 0 && strcmp(group_at(table, r, by), group_at(table, r - 1, by)) == 0)
      assert_true(count <= cell(table, r - 1, "cases")->i);
    cases += count;
  }
  assert_int_equal(cases, all->count);
}

// The days promised of one case, delivery by delivery.
static void case_promises(const known *all, const known_case *c, uint32_t counts[3]) {
  bool promised = false, delivered = false;
  int64_t day = 0;
  for (uint32_t i = 0; i < c->one->count; i++) {
    const qw_event *event = &all->world->events[c->one->events[i]];
    if (event->has_day && (!promised || delivered)) {
      promised = true;
      delivered = false;
      day = event->day;
    }
    if (strcmp(qw_touchpoint(event->touchpoint), "delivered") != 0)
      continue;
    delivered = true;
    counts[0]++;
    counts[1] += promised;
    counts[2] += promised && event->time_ms / 86400000 <= day;
  }
}

static void check_promises(const known *all, const ds_table *table, bool by) {
  uint64_t deliveries = 0, expected = 0;
  for (uint32_t r = 0; r < table->rows_count; r++) {
    uint32_t sums[3] = {0}, scored[2] = {0};
    double score[2] = {0};
    for (uint32_t k = 0; k < all->count; k++) {
      const known_case *c = &all->cases[k];
      uint32_t counts[3] = {0};
      if (strcmp(c->group, group_at(table, r, by)) != 0)
        continue;
      case_promises(all, c, counts);
      for (uint32_t i = 0; i < 3; i++)
        sums[i] += counts[i];
      if (counts[1] == 0 || !c->scored)
        continue;
      scored[counts[2] < counts[1]]++;
      score[counts[2] < counts[1]] += c->score;
    }
    deliveries += sums[0];
    same(table, r, "deliveries", true, sums[0]);
    same(table, r, "promised", true, sums[1]);
    same(table, r, "kept", true, sums[2]);
    same(table, r, "late", true, sums[1] - sums[2]);
    const bool enough = sums[1] >= MIN_N;
    const double share = sums[1] == 0 ? 0 : (double)sums[2] / sums[1];
    same(table, r, "kept_share", enough, share);
    assert_true(!enough || (cell(table, r, "kept_share_low")->number <= share &&
                            cell(table, r, "kept_share_high")->number >= share));
    same(table, r, "satisfaction_kept", scored[0] >= MIN_N,
         score[0] / (scored[0] > 0 ? scored[0] : 1));
    same(table, r, "satisfaction_late", scored[1] >= MIN_N,
         score[1] / (scored[1] > 0 ? scored[1] : 1));
  }
  for (uint32_t k = 0; k < all->count; k++) {
    uint32_t counts[3] = {0};
    case_promises(all, &all->cases[k], counts);
    expected += counts[0];
  }
  assert_int_equal(deliveries, expected);
}

// Whether touchpoint `b` answers `a`, by their names.
static bool answers(uint32_t a, uint32_t b) {
  static const char *const pairs[][2] = {
      {"order_placed", "viewed"}, {"viewed", "delivered"}, {"viewed", "order_placed"}};
  for (uint32_t p = 0; p < 3; p++)
    if (strcmp(qw_touchpoint(a), pairs[p][0]) == 0 && strcmp(qw_touchpoint(b), pairs[p][1]) == 0)
      return true;
  return false;
}

// Whether the case asks in the stage at all, and whether any of its events that do has an answer.
static bool is_asked(const known *all, const known_case *c, uint32_t stage, uint32_t touchpoint,
                     bool *ret_answered) {
  bool asked = false;
  *ret_answered = false;
  for (uint32_t i = 0; i < c->one->count; i++) {
    if (touchpoint_at(all, c, i) != touchpoint || c->stage[i] != stage)
      continue;
    asked = true;
    for (uint32_t k = i + 1; k < c->one->count; k++)
      *ret_answered = *ret_answered || answers(touchpoint, touchpoint_at(all, c, k));
  }
  return asked;
}

// Which of the world's touchpoints something of the world answers.
static bool asks(const qw_world *world, uint32_t touchpoint) {
  bool present = false, answered = false;
  for (uint32_t e = 0; e < world->count; e++) {
    present = present || world->events[e].touchpoint == touchpoint;
    answered = answered || answers(touchpoint, world->events[e].touchpoint);
  }
  return present && answered;
}

static void check_answers(const known *all, const ds_table *table, bool by) {
  uint64_t asked_rows = 0, asked_all = 0;
  for (uint32_t r = 0; table != NULL && r < table->rows_count; r++) {
    uint32_t touchpoint = 0, asked = 0, answered = 0;
    while (!ds_str_equal(cell(table, r, "touchpoint")->text, ds_str_of(qw_touchpoint(touchpoint))))
      touchpoint++;
    assert_true(asks(all->world, touchpoint));
    for (uint32_t k = 0; k < all->count; k++) {
      bool has_answer = false;
      if (strcmp(all->cases[k].group, group_at(table, r, by)) != 0 ||
          !is_asked(all, &all->cases[k], stage_at(table, r), touchpoint, &has_answer))
        continue;
      asked++;
      answered += has_answer;
    }
    same(table, r, "asked", true, asked);
    same(table, r, "answered", true, answered);
    same(table, r, "unanswered", true, asked - answered);
    same(table, r, "answered_share", asked >= MIN_N, asked == 0 ? 0 : (double)answered / asked);
    assert_true(asked < MIN_N ||
                (cell(table, r, "answered_share_low")->number * asked <= answered &&
                 cell(table, r, "answered_share_high")->number * asked >= answered));
    asked_rows += asked;
  }
  // No row is missing.
  for (uint32_t t = 0; t < all->world->touchpoints; t++)
    for (uint32_t k = 0; asks(all->world, t) && k < all->count; k++)
      for (uint32_t s = 0; s < MAP_STAGES; s++) {
        bool answered = false;
        asked_all += is_asked(all, &all->cases[k], s, t, &answered);
      }
  assert_int_equal(asked_rows, asked_all);
}

// Every pain is worth its place, by the figures beside it, and none loses less than nothing.
static void check_pains(const ds_table *table, bool by) {
  for (uint32_t r = 0; r < table->rows_count; r++) {
    const double lost = cell(table, r, "lost")->number;
    assert_true(lost > 0);
    assert_true(cell(table, r, "satisfaction")->number <
                cell(table, r, "satisfaction_others")->number);
    if (r > 0 && strcmp(group_at(table, r, by), group_at(table, r - 1, by)) == 0)
      assert_true(lost <= cell(table, r - 1, "lost")->number);
  }
}

static void check_world(const qw_world *world, const qw_question *q, const ds_result *result) {
  qw_case *cases = NULL;
  const char **groups = NULL;
  known all = {.world = world, .count = qw_cases(world, q, &cases, &groups)};
  all.cases = calloc(all.count + 1, sizeof *all.cases);
  assert_non_null(all.cases);
  for (uint32_t k = 0; k < all.count; k++) {
    case_read(world, &cases[k], &all.cases[k]);
    all.cases[k].group = groups[k];
  }
  check_stages(&all, ds_result_find(result, "stages"), q->by);
  check_touchpoints(&all, ds_result_find(result, "touchpoints"), q->by);
  check_routes(&all, ds_result_find(result, "routes"), q->by);
  check_promises(&all, ds_result_find(result, "promises"), q->by);
  check_answers(&all, ds_result_find(result, "answers"), q->by);
  check_pains(ds_result_find(result, "pains"), q->by);
  free(all.cases);
  free(cases);
  free(groups);
}

static ds_code ask(const ds_snapshot *snapshot, const ds_option_value *values, uint32_t count,
                   uint32_t threads, ds_arena *arena, ds_result **ret_result, ds_error *err) {
  const ds_request request = {.snapshot = snapshot, .options = {.values = values, .count = count},
                              .catalogue = qw_catalogue(arena),
                              .now_ms = 4000000000000LL, .threads = threads,
                              .memory_bytes = 64u << 20, .arena = arena};
  *ret_result = ds_arena_alloc(arena, sizeof **ret_result);
  ds_result_init(*ret_result, arena, "map");
  return ds_question_run(ds_question_find(ds_str_of("map")), &request, *ret_result, err);
}

static void test_worlds(void **context) {
  (void)context;
  static qw_world world;
  uint64_t seed = 71;
  uint32_t asked = 0;
  for (uint64_t w = 1; w <= WORLDS; w++) {
    qw_make(&world, w);
    qw_question q;
    qw_ask(&q, &seed, &world);
    q.level = -1;
    ds_snapshot *snapshot = qw_snapshot(&world, w % 2 == 0);
    ds_arena arena;
    ds_arena_init(&arena, 256u << 20);
    ds_option_value values[16];
    uint32_t options = qw_options(&q, values, &arena);
    values[options++] = (ds_option_value){"score", "value"};
    values[options++] = (ds_option_value){"promise", "day"};
    values[options++] = (ds_option_value){"min-n", "3"};
    values[options++] = (ds_option_value){"limit", "5000"};
    ds_result *result = NULL;
    ds_error err = {0};
    const ds_code code = ask(snapshot, values, options, 1 + (uint32_t)(w % 3), &arena, &result,
                             &err);
    // A world may lack the property that is asked for.
    if (code == DS_OK)
      check_world(&world, &q, result);
    else if (code != DS_EXPRESSION)
      fail_msg("%s", err.message);
    asked += code == DS_OK;
    ds_arena_done(&arena);
    qw_snapshot_free(snapshot);
  }
  assert_true(asked > WORLDS * 3 / 4);
}

static void test_errors(void **context) {
  (void)context;
  static const struct {
    const char *name, *text, *message;
  } errors[] = {
      {"score", "colr", "--score colr: no event has a property of that name; did you mean "
                        "'color'?"},
      {"score", "color", "--score color: it is text; a mean needs numbers"},
      {"list", "rows stage=order", "--list: write 'stages stage=A column=cases', 'touchpoints "
                                   "stage=A touchpoint=A column=cases', 'answers stage=A "
                                   "touchpoint=A column=asked', 'routes route=A column=cases' or "
                                   "'promises column=deliveries'"},
      {"list", "answers stage=order touchpoint=paid column=asked",
       "--list: nothing answers paid; docs/map.md says what asks"},
      {"list", "stages stage=ordr column=cases", "--list: there is no stage 'ordr'; did you mean "
                                                 "'order'?"},
      {"list", "stages stage=order column=reach", "--list: column=reach cannot be listed: choose "
                                                  "cases or dropped"},
      {"promise", "value", "--promise value: it is a number; a promise is a day or an instant"},
      {"promise", "dya", "--promise dya: no event has a property of that name; did you mean "
                         "'day'?"},
      {"list", "promises column=late", "--list: no event carries a promise: name its property "
                                       "with --promise"},
      {"list", "promises column=rate", "--list: column=rate cannot be listed: choose deliveries, "
                                       "promised, kept or late"},
      {"list", "stages column=cases", "--list: a row of stages needs stage="},
      {"list", "routes route=order>dlivery column=cases", "--list: there is no stage 'dlivery'; "
                                                          "did you mean 'delivery'?"},
      {"list", "routes stage=order column=cases", "--list: 'stage' names no part of a row of "
                                                  "routes: give route or column"},
      {"list", "touchpoints stage=order column=cases", "--list: a row of touchpoints needs "
                                                       "touchpoint="},
  };
  static qw_world world;
  qw_make(&world, 5);
  ds_snapshot *snapshot = qw_snapshot(&world, true);
  for (uint32_t e = 0; e < sizeof errors / sizeof *errors; e++) {
    ds_arena arena;
    ds_arena_init(&arena, 64u << 20);
    const ds_option_value value = {errors[e].name, errors[e].text};
    ds_result *result = NULL;
    ds_error err = {0};
    assert_int_not_equal(ask(snapshot, &value, 1, 1, &arena, &result, &err), DS_OK);
    assert_string_equal(err.message, errors[e].message);
    ds_arena_done(&arena);
  }
  qw_snapshot_free(snapshot);
}

// A map that would not fit is refused before it is begun.
static void test_budget(void **context) {
  (void)context;
  static qw_world world;
  qw_make(&world, 5);
  ds_snapshot *snapshot = qw_snapshot(&world, true);
  ds_arena arena;
  ds_arena_init(&arena, 1u << 24);
  const ds_request request = {.snapshot = snapshot, .now_ms = 4000000000000LL, .threads = 1,
                              .memory_bytes = 8192, .arena = &arena};
  ds_result *result = ds_arena_alloc(&arena, sizeof *result);
  ds_result_init(result, &arena, "map");
  ds_error err = {0};
  assert_int_equal(ds_question_run(ds_question_find(ds_str_of("map")), &request, result, &err),
                   DS_MEMORY);
  assert_string_equal(err.message,
                      "the journey map outgrows the memory budget: give more --memory");
  ds_arena_done(&arena);
  qw_snapshot_free(snapshot);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_worlds),
      cmocka_unit_test(test_errors),
      cmocka_unit_test(test_budget),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
