// SPDX-License-Identifier: Apache-2.0
// Segments over random small worlds equal a count by brute force that shares no code with the
// program: sizes, overlaps and moves between two instants, by any number of threads and parts; and
// an answer as of an instant is that of a store cut there. Then the texts of every error.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "long_run.h"
#include "question_world.h"

enum { CONDITIONS = 3, STATES = CONDITIONS + 2 };
#define DAY_MS 86400000LL
static const char conditions[] =
    "count(any) >= 3\nsince(any) > 1d\ndid(any[value >= 2], last 2d)";
static const char *const names[STATES] = {"count(any) >= 3", "since(any) > 1d",
                                          "did(any[value >= 2], last 2d)", "(none)", "(not yet)"};

static ds_code ask(const ds_snapshot *snapshot, const ds_option_value *values, uint32_t count,
                   uint32_t threads, ds_arena *arena, ds_result **ret_result, ds_error *err) {
  const ds_request request = {.snapshot = snapshot, .options = {.values = values, .count = count},
                              .now_ms = 4000000000000LL, .threads = threads,
                              .memory_bytes = 64u << 20, .arena = arena};
  *ret_result = ds_arena_alloc(arena, sizeof **ret_result);
  ds_result_init(*ret_result, arena, "segment");
  return ds_question_run(ds_question_find(ds_str_of("segment")), &request, *ret_result, err);
}

// Which conditions a case meets at an instant, as bits; bit CONDITIONS: it has begun.
static uint32_t meets(const qw_world *world, const qw_case *one, int64_t now_ms) {
  uint32_t seen = 0;
  int64_t last_ms = 0;
  bool valued = false;
  for (uint32_t i = 0; i < one->count; i++) {
    const qw_event *event = &world->events[one->events[i]];
    if (event->time_ms > now_ms)
      continue;
    seen++;
    last_ms = event->time_ms;
    valued |= event->value >= 2 && event->time_ms > now_ms - 2 * DAY_MS;
  }
  return seen == 0 ? 0
                   : 8u | (seen >= 3 ? 1 : 0) | (now_ms - last_ms > DAY_MS ? 2 : 0) |
                         (valued ? 4 : 0);
}

static uint32_t state_of(uint32_t met) {
  uint32_t state = 0;
  while (state < CONDITIONS && (met >> state & 1) == 0)
    state++;
  return state == CONDITIONS && met == 0 ? CONDITIONS + 1 : state;
}

static const ds_cell *cell(const ds_table *table, uint32_t row, const char *column) {
  const uint32_t c = ds_table_column(table, column);
  assert_int_not_equal(c, UINT32_MAX);
  return &table->cells[(size_t)row * table->columns_count + c];
}

// The figure of the only row that has these texts in its first columns; 0 when there is none.
static int64_t figure(const ds_result *result, const char *name, const char *a, const char *b,
                      const char *column) {
  const ds_table *table = ds_result_find(result, name);
  int64_t found = 0;
  uint32_t rows = 0;
  assert_non_null(table);
  for (uint32_t r = 0; r < table->rows_count; r++) {
    const ds_cell *first = &table->cells[(size_t)r * table->columns_count];
    if (!ds_str_equal(first->text, ds_str_of(a)) ||
        (b != NULL && !ds_str_equal(first[1].text, ds_str_of(b))))
      continue;
    found = cell(table, r, column)->i;
    rows++;
  }
  assert_true(rows <= 1);
  return found;
}

// What brute force counts.
typedef struct counted {
  int64_t cases, members[CONDITIONS], versus[CONDITIONS], stayed[CONDITIONS], entered[CONDITIONS],
      left[CONDITIONS], both[CONDITIONS][CONDITIONS], moves[STATES][STATES];
} counted;

static void count_case(counted *sum, uint32_t now, uint32_t then, bool versus_is_later) {
  const uint32_t earlier = versus_is_later ? now : then, later = versus_is_later ? then : now;
  sum->cases += now >> CONDITIONS & 1;
  for (uint32_t c = 0; c < CONDITIONS; c++) {
    sum->members[c] += now >> c & 1;
    sum->versus[c] += then >> c & 1;
    sum->stayed[c] += (now & then) >> c & 1;
    sum->entered[c] += (later & ~earlier) >> c & 1;
    sum->left[c] += (earlier & ~later) >> c & 1;
    for (uint32_t d = c + 1; d < CONDITIONS; d++)
      sum->both[c][d] += (now >> c & 1) & (now >> d & 1);
  }
  if (later != 0)
    sum->moves[state_of(earlier)][state_of(later)]++;
}

static void check_counts(const ds_result *result, const counted *sum, bool whole) {
  for (uint32_t c = 0; c < CONDITIONS; c++) {
    assert_int_equal(figure(result, "segments", names[c], NULL, "members"), sum->members[c]);
    assert_int_equal(figure(result, "segments", names[c], NULL, "cases"), sum->cases);
    if (!whole)
      continue;
    assert_int_equal(figure(result, "segments", names[c], NULL, "versus"), sum->versus[c]);
    assert_int_equal(figure(result, "segments", names[c], NULL, "stayed"), sum->stayed[c]);
    assert_int_equal(figure(result, "segments", names[c], NULL, "entered"), sum->entered[c]);
    assert_int_equal(figure(result, "segments", names[c], NULL, "left"), sum->left[c]);
    for (uint32_t d = c + 1; d < CONDITIONS; d++)
      assert_int_equal(figure(result, "overlap", names[c], names[d], "both"), sum->both[c][d]);
  }
  for (uint32_t from = 0; whole && from < STATES; from++)
    for (uint32_t to = 0; to < STATES; to++)
      assert_int_equal(figure(result, "moves", names[from], names[to], "members"),
                       sum->moves[from][to]);
}

// A list of one figure has as many entries as it says.
static void check_list(const ds_snapshot *snapshot, const ds_option_value *values, uint32_t count,
                       const char *cell_text, int64_t expected) {
  ds_option_value with[16];
  ds_arena arena;
  ds_result *result = NULL;
  ds_error err = {0};
  ds_arena_init(&arena, 64u << 20);
  memcpy(with, values, count * sizeof *with);
  with[count] = (ds_option_value){"list", cell_text};
  if (ask(snapshot, with, count + 1, 2, &arena, &result, &err) != DS_OK)
    fail_msg("%s: %s", cell_text, err.message);
  assert_int_equal(ds_result_find(result, "list")->rows_count, expected);
  ds_arena_done(&arena);
}

static void check_lists(const ds_snapshot *snapshot, const ds_option_value *values, uint32_t count,
                        const counted *sum) {
  char text[128];
  const uint32_t c = (uint32_t)sum->cases % CONDITIONS, other = c == 0 ? 2 : 0;
  const struct {
    const char *column;
    int64_t figure;
  } all[] = {{"members", sum->members[c]}, {"cases", sum->cases},        {"versus", sum->versus[c]},
             {"stayed", sum->stayed[c]},   {"entered", sum->entered[c]}, {"left", sum->left[c]}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    snprintf(text, sizeof text, "segments name='%s' column=%s", names[c], all[i].column);
    check_list(snapshot, values, count, text, all[i].figure);
  }
  snprintf(text, sizeof text, "overlap name='%s' other='%s' column=both", names[c], names[other]);
  check_list(snapshot, values, count, text,
             c < other ? sum->both[c][other] : sum->both[other][c]);
  for (uint32_t to = 0; to + 1 < STATES; to++) {
    snprintf(text, sizeof text, "moves from='%s' to='%s' column=members", names[c], names[to]);
    check_list(snapshot, values, count, text, sum->moves[c][to]);
  }
}

static bool has_values(const qw_world *world) {
  for (uint32_t e = 0; e < world->count; e++)
    if (world->events[e].value >= 0)
      return true;
  return false;
}

// The world up to an instant.
static void cut(qw_world *world, int64_t now_ms) {
  uint32_t kept = 0;
  for (uint32_t e = 0; e < world->count; e++)
    if (world->events[e].time_ms <= now_ms)
      world->events[kept++] = world->events[e];
  world->count = kept;
}

static const char *text_of(int64_t ms, ds_arena *arena) {
  char text[32];
  ds_time_print(text, ms);
  return ds_arena_text(arena, text, strlen(text));
}

// One question of a world: over all its parts, over one, and cut at the instant.
static void check_world(const qw_world *world, const qw_question *q, int64_t now_ms,
                        int64_t then_ms) {
  qw_case *cases = NULL;
  const char **groups = NULL;
  const bool whole = !q->by && now_ms != then_ms;
  static qw_world seen;
  seen = *world;
  cut(&seen, whole && then_ms > now_ms ? then_ms : now_ms);
  const uint32_t count = qw_cases(&seen, q, &cases, &groups);
  ds_arena arena;
  ds_arena_init(&arena, 256u << 20);
  ds_option_value values[16];
  uint32_t given = qw_options(q, values, &arena);
  values[given++] = (ds_option_value){"segment", conditions};
  values[given++] = (ds_option_value){"as-of", text_of(now_ms, &arena)};
  if (whole) {
    values[given++] = (ds_option_value){"overlap", ""};
    values[given++] = (ds_option_value){"versus", text_of(then_ms, &arena)};
  }
  ds_snapshot *snapshot = qw_snapshot(world, false), *one = qw_snapshot(world, true);
  ds_result *result = NULL, *again = NULL;
  ds_error err = {0};
  if (ask(snapshot, values, given, 2, &arena, &result, &err) != DS_OK)
    fail_msg("%s", err.message);
  assert_int_equal(ask(one, values, given, 1, &arena, &again, &err), DS_OK);
  counted all = {0};
  for (uint32_t c = 0; c < count; c++)
    count_case(&all, meets(&seen, &cases[c], now_ms), meets(&seen, &cases[c], then_ms),
               then_ms > now_ms);
  if (!q->by) {
    check_counts(result, &all, whole);
    check_counts(again, &all, whole);
  }
  if (whole)
    check_lists(snapshot, values, given, &all);
  // Each group by itself; there is no row of a group of nobody.
  for (uint32_t g = 0; q->by && g < count; g++) {
    counted sum = {0};
    for (uint32_t c = 0; c < count; c++)
      if (strcmp(groups[c], groups[g]) == 0)
        count_case(&sum, meets(&seen, &cases[c], now_ms), 0, false);
    for (uint32_t c = 0; c < CONDITIONS; c++)
      assert_int_equal(figure(result, "segments", groups[g], names[c], "members"),
                       sum.members[c]);
  }
  cut(&seen, now_ms);
  if (!whole && !q->by && has_values(&seen)) {
    ds_snapshot *then = qw_snapshot(&seen, true);
    if (ask(then, values, given, 1, &arena, &again, &err) != DS_OK)
      fail_msg("%s", err.message);
    check_counts(again, &all, false);
    qw_snapshot_free(then);
  }
  qw_snapshot_free(snapshot);
  qw_snapshot_free(one);
  free(cases);
  free(groups);
  ds_arena_done(&arena);
}

// The sizes at a point of the series, by brute force over the world as it is now.
static counted count_point(const qw_world *seen, const qw_question *q, const char *group,
                           int64_t at_ms) {
  qw_case *cases = NULL;
  const char **groups = NULL;
  counted sum = {0};
  const uint32_t count = qw_cases(seen, q, &cases, &groups);
  for (uint32_t c = 0; c < count; c++)
    if (group == NULL || strcmp(groups[c], group) == 0)
      count_case(&sum, meets(seen, &cases[c], at_ms), 0, false);
  free(cases);
  free(groups);
  return sum;
}

static uint32_t condition_of(const ds_cell *name) {
  uint32_t c = 0;
  while (c < CONDITIONS && !ds_str_equal(name->text, ds_str_of(names[c])))
    c++;
  assert_true(c < CONDITIONS);
  return c;
}

// Every row of the series is what brute force counts at its instant, some are listed, and the
// instants are the days that begin between the first event, or `since_ms`, and now.
static void check_series(const qw_world *world, const qw_question *q, int64_t now_ms,
                         int64_t since_ms) {
  static qw_world seen;
  seen = *world;
  cut(&seen, now_ms);
  ds_arena arena;
  ds_arena_init(&arena, 256u << 20);
  ds_option_value values[16];
  uint32_t given = qw_options(q, values, &arena);
  values[given++] = (ds_option_value){"segment", conditions};
  values[given++] = (ds_option_value){"as-of", text_of(now_ms, &arena)};
  values[given++] = (ds_option_value){"per", "day"};
  values[given++] = (ds_option_value){"min-n", "1"};
  values[given++] = (ds_option_value){"since", text_of(since_ms, &arena)};
  ds_snapshot *snapshot = qw_snapshot(world, false);
  ds_result *result = NULL;
  ds_error err = {0};
  if (ask(snapshot, values, given, 2, &arena, &result, &err) != DS_OK)
    fail_msg("%s", err.message);
  const ds_table *table = ds_result_find(result, "series");
  int64_t before_ms = since_ms, points = 0;
  for (uint32_t r = 0; r < table->rows_count; r++) {
    char group[64] = "", text[256];
    const int64_t at_ms = cell(table, r, "at")->i;
    const uint32_t c = condition_of(cell(table, r, "name"));
    if (q->by)
      snprintf(group, sizeof group, "%.*s", DS_STR(table->cells[r * table->columns_count].text));
    const counted sum = count_point(&seen, q, q->by ? group : NULL, at_ms);
    const int64_t members = cell(table, r, "members")->i;
    assert_int_equal(members, sum.members[c]);
    assert_int_equal(cell(table, r, "cases")->i, sum.cases);
    if (sum.cases > 0)
      assert_true(cell(table, r, "share")->number == (double)members / (double)sum.cases);
    if (c == 0 && !q->by) {
      assert_true(at_ms >= before_ms && at_ms <= now_ms);
      assert_true(at_ms == now_ms || at_ms % DAY_MS == 0);
      before_ms = at_ms;
      points++;
    }
    if (r % 97 > 1 || points > 20)
      continue;
    snprintf(text, sizeof text, "series %s%s%s at=%s name='%s' column=%s", q->by ? "color='" : "",
             group, q->by ? "'" : "", text_of(at_ms, &arena), names[c],
             r % 2 == 0 ? "members" : "cases");
    check_list(snapshot, values, given, text, r % 2 == 0 ? members : sum.cases);
  }
  // The first point is a day's beginning or the end.
  const int64_t first_day = (since_ms + DAY_MS - 1) / DAY_MS;
  if (!q->by)
    assert_int_equal(points, now_ms > first_day * DAY_MS
                                 ? (now_ms - 1) / DAY_MS - first_day + 2 : 1);
  qw_snapshot_free(snapshot);
  ds_arena_done(&arena);
}

static void test_series(void **context) {
  (void)context;
  static qw_world world;
  uint64_t seed = 5;
  uint32_t asked = 0;
  for (uint64_t w = 1; w <= (long_run() ? 1000 : 60); w++) {
    qw_question q;
    qw_make(&world, w * 7);
    if (world.count == 0 || !has_values(&world))
      continue;
    qw_ask(&q, &seed, &world);
    // What is chosen is chosen as of now, which brute force at a point does not know.
    q.level = -1;
    q.where = -1;
    int64_t first_ms = world.events[0].time_ms, last_ms = first_ms;
    for (uint32_t e = 0; e < world.count; e++) {
      first_ms = world.events[e].time_ms < first_ms ? world.events[e].time_ms : first_ms;
      last_ms = world.events[e].time_ms > last_ms ? world.events[e].time_ms : last_ms;
    }
    bool has_orders = false;
    for (uint32_t e = 0; e < world.count; e++)
      has_orders |= world.events[e].orders_count > 0;
    q.by_case &= has_orders;
    q.attach &= q.by_case;
    // Some worlds last for years: not more than 1,000 days.
    const int64_t span_ms = last_ms - first_ms > 90 * DAY_MS ? 90 * DAY_MS : last_ms - first_ms;
    if (span_ms == 0)
      continue;
    check_series(&world, &q, last_ms, last_ms - span_ms);
    asked++;
  }
  assert_true(asked > 30);
}

// Conditions that look at no time, by brute force.
typedef struct plain_counts {
  int64_t cases, three, valued;
} plain_counts;

static plain_counts count_plain(const qw_world *world, const qw_question *q, int64_t now_ms) {
  static qw_world seen;
  seen = *world;
  cut(&seen, now_ms);
  qw_case *cases = NULL;
  const char **groups = NULL;
  plain_counts sum = {.cases = qw_cases(&seen, q, &cases, &groups)};
  for (uint32_t c = 0; c < sum.cases; c++) {
    bool any = false;
    for (uint32_t i = 0; i < cases[c].count; i++)
      any |= seen.events[cases[c].events[i]].value >= 2;
    sum.three += cases[c].count >= 3;
    sum.valued += any;
  }
  free(cases);
  free(groups);
  return sum;
}

// Of one instant behind all events no time is decoded; of an earlier one, or of two, all are.
static void check_timeless(const qw_world *world, const qw_question *q, int64_t now_ms,
                           int64_t then_ms) {
  static const char three[] = "count(any) >= 3", valued[] = "did(any[value >= 2])";
  const plain_counts now = count_plain(world, q, now_ms), then = count_plain(world, q, then_ms);
  ds_arena arena;
  ds_arena_init(&arena, 256u << 20);
  ds_option_value values[16];
  uint32_t given = qw_options(q, values, &arena);
  values[given++] = (ds_option_value){"segment", "count(any) >= 3\ndid(any[value >= 2])"};
  values[given++] = (ds_option_value){"as-of", text_of(now_ms, &arena)};
  if (then_ms != now_ms)
    values[given++] = (ds_option_value){"versus", text_of(then_ms, &arena)};
  ds_snapshot *snapshot = qw_snapshot(world, false);
  ds_result *result = NULL;
  ds_error err = {0};
  if (ask(snapshot, values, given, 2, &arena, &result, &err) != DS_OK)
    fail_msg("%s", err.message);
  assert_int_equal(figure(result, "segments", three, NULL, "members"), now.three);
  assert_int_equal(figure(result, "segments", three, NULL, "cases"), now.cases);
  assert_int_equal(figure(result, "segments", valued, NULL, "members"), now.valued);
  if (then_ms != now_ms) {
    assert_int_equal(figure(result, "segments", three, NULL, "versus"), then.three);
    assert_int_equal(figure(result, "segments", valued, NULL, "versus"), then.valued);
  }
  qw_snapshot_free(snapshot);
  ds_arena_done(&arena);
}

static void test_timeless(void **context) {
  (void)context;
  static qw_world world;
  uint64_t seed = 9;
  uint32_t asked = 0;
  for (uint64_t w = 1; w <= (long_run() ? 1000 : 60); w++) {
    qw_question q;
    qw_make(&world, w * 13);
    if (world.count == 0 || !has_values(&world))
      continue;
    qw_ask(&q, &seed, &world);
    q = (qw_question){.where = -1, .level = -1};
    int64_t last_ms = world.events[0].time_ms;
    for (uint32_t e = 0; e < world.count; e++)
      last_ms = world.events[e].time_ms > last_ms ? world.events[e].time_ms : last_ms;
    const int64_t some_ms = world.events[qw_random(&seed) % world.count].time_ms;
    check_timeless(&world, &q, last_ms, last_ms);
    check_timeless(&world, &q, some_ms, some_ms);
    check_timeless(&world, &q, last_ms, some_ms);
    asked++;
  }
  assert_true(asked > 30);
}

static void test_worlds(void **context) {
  (void)context;
  static qw_world world;
  uint64_t seed = 3;
  uint32_t asked = 0;
  for (uint64_t w = 1; w <= (long_run() ? 2000 : 150); w++) {
    qw_question q;
    qw_make(&world, w * 11);
    if (world.count == 0 || !has_values(&world))
      continue;
    qw_ask(&q, &seed, &world);
    // Filters name what a cut world may lack. Every fourth is asked at one instant alone.
    q.level = -1;
    q.where = -1;
    const int64_t now_ms = world.events[qw_random(&seed) % world.count].time_ms;
    const int64_t then_ms =
        w % 4 == 0 ? now_ms : world.events[qw_random(&seed) % world.count].time_ms;
    bool has_orders = false;
    for (uint32_t e = 0; e < world.count; e++)
      has_orders |= world.events[e].orders_count > 0 && world.events[e].time_ms <= now_ms;
    q.by_case &= has_orders;
    q.attach &= q.by_case;
    check_world(&world, &q, now_ms, then_ms);
    asked++;
  }
  assert_true(asked > 100);
}

// Options, and what is said of them.
typedef struct wrong {
  ds_option_value options[3];
  ds_code code;
  const char *message;
} wrong;

static const wrong wrongs[] = {
    {{{"segment", "lapsd"}}, DS_USAGE, "there is no segment 'lapsd'; did you mean 'lapsed'?"},
    {{{"segment", "x"}}, DS_USAGE,
     "there is no segment 'x'; a condition has brackets, as in 'count(order_placed) >= 2'"},
    {{{"segment", "lapsed\nlapsed"}}, DS_USAGE, "'lapsed' is given twice"},
    {{{"segment", "lapsed\ncount(any)"}}, DS_EXPRESSION,
     "condition 2: count(any) is a number: compare it, as in count(order_placed) >= 2"},
    {{{"segment", "did(any[color > 3])"}}, DS_EXPRESSION,
     "condition 1: color is text: write 'text'"},
    {{{"segment", "tracking_silent"}}, DS_EXPRESSION,
     "segment 'tracking_silent': no event has a case key of that name"},
    {{{"segment", "any_case(order_id, did(any))"}, {"case", "order_id"}}, DS_UNSUPPORTED,
     "condition 1: with --case a journey is one case already, and its events have no case keys: "
     "leave --case out, or any_case() and case keys"},
    {{{"as-of", "2001-01-01"}}, DS_USAGE,
     "--as-of 2001-01-01: it is before the first event, 2020-01-01T00:00:00Z"},
    {{{"versus", "2001-01-01"}}, DS_USAGE,
     "--versus 2001-01-01: it is before the first event, 2020-01-01T00:00:00Z"},
    {{{"as-of", "2024-01-01"}, {"versus", "2024-01-01"}}, DS_USAGE,
     "--versus is the instant of the answer itself: give another one, or --as-of"},
    {{{"since", "2024-01-01"}}, DS_USAGE,
     "--since says where sizes over time begin: give --per too"},
    {{{"per", "day"}, {"since", "2024-01-01"}, {"as-of", "2024-01-01"}}, DS_USAGE,
     "--since must lie before the instant of the answer, --as-of"},
    {{{"per", "day"}, {"as-of", "2024-01-01"}}, DS_LIMIT,
     "that makes more than 1000 instants: choose a longer period with --per, or a later --since"},
    {{{"per", "month"}, {"list", "series at=2021-01-02 name=lapsed column=members"}}, DS_USAGE,
     "--list: '2021-01-02' is no instant of this answer"},
    {{{"by", "color"}, {"overlap", ""}}, DS_USAGE,
     "--by shows sizes alone: leave out --overlap and --versus, or choose cases by --cases"},
    {{{"list", "segments name=lapsd column=members"}}, DS_USAGE,
     "--list: no segment of this answer is called 'lapsd'"},
    {{{"list", "segments name=tracking_silent column=members"}}, DS_USAGE,
     "--list: the events do not bear 'tracking_silent'"},
    {{{"versus", "2024-01-01"}, {"list", "moves from=active to=lost column=members"}}, DS_USAGE,
     "--list: no state of these moves is called 'lost'"},
};

static void test_errors(void **context) {
  (void)context;
  static qw_world world;
  ds_snapshot *snapshot = NULL;
  for (uint64_t seed = 1; snapshot == NULL; seed++) {
    qw_make(&world, seed);
    if (world.count < 100)
      continue;
    // At that instant something happens in UTC's first millisecond of 2020.
    world.events[0].time_ms = 1577836800000LL;
    snapshot = qw_snapshot(&world, true);
  }
  for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
    ds_arena arena;
    ds_arena_init(&arena, 256u << 20);
    ds_result *result = NULL;
    ds_error err = {0};
    uint32_t count = 0;
    while (count < 3 && wrongs[i].options[count].name != NULL)
      count++;
    assert_int_equal(ask(snapshot, wrongs[i].options, count, 1, &arena, &result, &err),
                     wrongs[i].code);
    assert_string_equal(err.message, wrongs[i].message);
    ds_arena_done(&arena);
  }
  qw_snapshot_free(snapshot);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_worlds),
      cmocka_unit_test(test_series),
      cmocka_unit_test(test_timeless),
      cmocka_unit_test(test_errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
