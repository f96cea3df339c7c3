// SPDX-License-Identifier: Apache-2.0
// Funnels over random worlds: the figures add up what the chains of the cases say (which chain that
// is, test_question_funnel_chain.c tells), by one thread and three, over one part and several; and
// the table of steps equals its own SQL text run by DuckDB.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "question/funnel_chain.h"
#include "question_world.h"
#include "unit/long_run.h"
#include "unit/oracle.h"

enum { WORLDS = 90, WORLDS_STRESS = 600, STEPS_MAX = 4, CASES_MAX = 2000 };
enum { NEXT_MAX = QW_NAMES_MAX + 1 };

// Steps as text, and by touchpoint of the world as bits; the last may ask for a value, too.
typedef struct steps {
  const char *text;
  uint32_t count;
  uint64_t optional;
  uint32_t means[STEPS_MAX];
  int least[STEPS_MAX]; // of the property value; 0 = none is asked for
} steps;

enum { PLACED = 1, PAID = 2, PACKED = 4, DELIVERED = 32, ANY = 127 };

// The first three are of touchpoints of their own.
static const steps funnels[] = {
    {"order_placed\ndelivered", 2, 0, {PLACED, DELIVERED}, {0}},
    {"order_placed\npaid\npacked\nshipped", 4, 0, {PLACED, PAID, PACKED, 8}, {0}},
    {"(order_placed or paid)\nshipped\nviewed", 3, 0, {PLACED | PAID, 8, 16}, {0}},
    {"order_placed\norder_placed\npaid", 3, 0, {PLACED, PLACED, PAID}, {0}},
    {"(order_placed or paid)\n(paid or packed)\nany", 3, 0, {3, 6, ANY}, {0}},
    {"order_placed\npaid?\npacked\nviewed?", 4, 10, {PLACED, PAID, PACKED, 16}, {0}},
    {"order_placed\nany[value >= 3]", 2, 0, {PLACED, ANY}, {0, 3}},
    {"any[value >= 2]\npaid\nany[value >= 4]", 3, 0, {ANY, PAID, ANY}, {2, 0, 4}},
};
enum { FUNNELS = sizeof funnels / sizeof *funnels };

// What is asked of a world.
typedef struct asked {
  const steps *steps;
  funnel_rules rules;
  qw_question world;
  bool without, same, value, detailed;
  ds_option_value option[24];
  uint32_t options;
} asked;

// What one step of a group is to show.
typedef struct figure {
  uint64_t reached, dropped, open;
  double *times;
  double *since_start;
  uint32_t timed;
  int64_t *begun_ms; // of each chain that reached it
  double value;
  uint32_t values;
  uint64_t next[NEXT_MAX];
} figure;

static void check(ds_code code, const ds_error *err) {
  if (code != DS_OK)
    fail_msg("%s", err->message);
}

static uint64_t steps_of(const asked *ask, const qw_event *event) {
  uint64_t bits = 0;
  for (uint32_t s = 0; s < ask->steps->count; s++)
    if ((ask->steps->means[s] >> event->touchpoint & 1) != 0 &&
        (ask->steps->least[s] == 0 || event->value >= ask->steps->least[s]))
      bits |= 1ull << s;
  return bits;
}

// Whether an event stands behind a strict chain, whatever the order of ties.
static bool is_over(const asked *ask, const qw_world *world, const qw_case *one,
                    const funnel_chain *chain, uint32_t first, uint32_t seen) {
  const int64_t begun_ms = world->events[one->events[first]].time_ms;
  uint32_t behind = 0;
  for (uint32_t e = first + 1; e < seen; e++)
    behind += ask->rules.arrival || world->events[one->events[e]].time_ms > begun_ms;
  for (uint32_t s = 0; s < ask->rules.steps; s++) {
    const uint32_t e = chain->event[s];
    if (e != DS_NONE && e != first)
      behind -= ask->rules.arrival || world->events[one->events[e]].time_ms > begun_ms;
  }
  return behind > 0;
}

// The times of the chain's steps, and how it ended.
static void add_chain(const asked *ask, const qw_world *world, const qw_case *one,
                      const funnel_chain *chain, uint32_t seen, int64_t as_of_ms, figure *figures) {
  const funnel_rules *rules = &ask->rules;
  uint32_t last = 0, first = DS_NONE, before = DS_NONE, missing = DS_NONE;
  int value = -1;
  for (uint32_t s = 0; s < rules->steps; s++) {
    const uint32_t e = chain->event[s];
    if (e == DS_NONE) {
      if ((rules->optional >> s & 1) == 0 && missing == DS_NONE)
        missing = s;
      continue;
    }
    first = first == DS_NONE ? e : first;
    last = e > last ? e : last;
    value = value < 0 ? world->events[one->events[e]].value : value;
  }
  const int64_t begun_ms = world->events[one->events[first]].time_ms;
  for (uint32_t s = 0; s < rules->steps; s++) {
    const uint32_t e = chain->event[s];
    if (e == DS_NONE)
      continue;
    figures[s].begun_ms[figures[s].reached++] = begun_ms;
    if (before != DS_NONE)
      figures[s].since_start[figures[s].timed] =
          (double)(world->events[one->events[e]].time_ms - begun_ms);
    if (before != DS_NONE)
      figures[s].times[figures[s].timed++] = (double)(world->events[one->events[e]].time_ms -
                                                      world->events[one->events[before]].time_ms);
    figures[s].value += value > 0 ? value : 0;
    figures[s].values += value >= 0;
    before = (rules->optional >> s & 1) != 0 ? before : e;
  }
  if (missing == DS_NONE)
    return;
  const bool over = rules->order == FUNNEL_STRICT && is_over(ask, world, one, chain, first, seen);
  if (!over && begun_ms + rules->within_ms > as_of_ms) {
    figures[missing].open++;
    return;
  }
  figures[missing].dropped++;
  figures[missing].next[last + 1 < seen ? world->events[one->events[last + 1]].touchpoint
                                        : NEXT_MAX - 1]++;
}

static void solve_case(const asked *ask, const qw_world *world, const qw_case *one,
                       int64_t as_of_ms, funnel_finder *finder, figure *figures) {
  static int64_t time_ms[QW_EVENTS_MAX];
  static uint64_t steps_at[QW_EVENTS_MAX], same[QW_EVENTS_MAX];
  static uint32_t without[QW_EVENTS_MAX];
  uint32_t seen = 0;
  for (; seen < one->count && world->events[one->events[seen]].time_ms <= as_of_ms; seen++) {
    const qw_event *event = &world->events[one->events[seen]];
    time_ms[seen] = event->time_ms;
    steps_at[seen] = steps_of(ask, event);
    same[seen] = (uint64_t)(event->color + 1);
    without[seen] = event->touchpoint == 4;
  }
  const funnel_events events = {seen, time_ms, steps_at, without, ask->same ? same : NULL, NULL};
  funnel_chain chain;
  uint32_t from = 0;
  ds_error err = {0};
  do {
    check(ds_funnel_find(finder, &events, from, &chain, &from, &err), &err);
    if (chain.depth > 0)
      add_chain(ask, world, one, &chain, seen, as_of_ms, figures);
  } while (ask->rules.all && chain.depth > 0);
}

static const ds_cell *cell(const ds_table *table, uint32_t row, const char *column) {
  const uint32_t c = ds_table_column(table, column);
  assert_int_not_equal(c, UINT32_MAX);
  return &table->cells[(size_t)row * table->columns_count + c];
}

static int by_size(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void near(const ds_cell *got, double expected) {
  assert_false(got->null);
  if (fabs(got->number - expected) > 1e-9 * (1 + fabs(expected)))
    fail_msg("%.17g, expected %.17g", got->number, expected);
}

static void compare_step(const asked *ask, const ds_table *table, uint32_t row, figure *want) {
  assert_int_equal(cell(table, row, "reached")->i, want->reached);
  const ds_cell *dropped = cell(table, row, "dropped"), *open = cell(table, row, "open");
  assert_int_equal(dropped->null ? 0 : dropped->i, want->dropped);
  assert_int_equal(open->null ? 0 : open->i, want->open);
  if (want->timed > 0) {
    double sum = 0;
    qsort(want->times, want->timed, sizeof *want->times, by_size);
    for (uint32_t i = 0; i < want->timed; i++)
      sum += want->times[i];
    near(cell(table, row, "mean_ms"), sum / want->timed);
    near(cell(table, row, "median_ms"), qw_quantile(want->times, want->timed, 0.5));
    near(cell(table, row, "p90_ms"), qw_quantile(want->times, want->timed, 0.9));
  } else {
    assert_true(cell(table, row, "median_ms")->null);
  }
  if (!ask->value)
    return;
  assert_int_equal(cell(table, row, "value_n")->i, want->values);
  if (want->values > 0)
    near(cell(table, row, "value"), want->value);
}

// What came next is told by its name, or in what is left over.
static void compare_instead(const ds_table *table, const char *group, uint32_t step,
                            const figure *want) {
  uint64_t told = 0;
  for (uint32_t r = 0; r < table->rows_count; r++) {
    if (cell(table, r, "step")->number != step + 1.0 ||
        (group != NULL && !ds_str_equal(cell(table, r, "color")->text, ds_str_of(group))))
      continue;
    const ds_str name = cell(table, r, "touchpoint")->text;
    told += (uint64_t)cell(table, r, "cases")->i;
    for (uint32_t t = 0; t < NEXT_MAX; t++)
      if (ds_str_equal(name, ds_str_of(t < QW_NAMES_MAX ? qw_touchpoint(t) : "(nothing)")))
        assert_int_equal(cell(table, r, "cases")->i, want->next[t]);
  }
  assert_int_equal(told, want->dropped);
}

static bool is_row_of(const ds_table *table, uint32_t row, const char *group, uint32_t step) {
  return cell(table, row, "step")->number == step + 1.0 &&
         (group == NULL || ds_str_equal(cell(table, row, "color")->text, ds_str_of(group)));
}

// Each class counts what lies in it, and none is lost.
static void compare_times(const ds_table *table, const char *group, uint32_t step,
                          const figure *want) {
  uint64_t told = 0, told_start = 0;
  for (uint32_t r = 0; r < table->rows_count; r++) {
    if (!is_row_of(table, r, group, step))
      continue;
    const ds_cell *to = cell(table, r, "to_ms");
    const double from_ms = cell(table, r, "from_ms")->number;
    const double to_ms = to->null ? INFINITY : to->number;
    int64_t previous = 0, start = 0;
    for (uint32_t t = 0; t < want->timed; t++) {
      previous += want->times[t] >= from_ms && want->times[t] < to_ms;
      start += want->since_start[t] >= from_ms && want->since_start[t] < to_ms;
    }
    assert_int_equal(cell(table, r, "cases")->i, previous);
    assert_int_equal(cell(table, r, "since_start")->i, start);
    told += (uint64_t)previous;
    told_start += (uint64_t)start;
    near(cell(table, r, "within_share"), (double)told / (double)want->reached);
  }
  assert_int_equal(told, want->timed);
  assert_int_equal(told_start, want->timed);
}

// When a day begins. Times of worlds are after 1970, in UTC.
static int64_t day_start_ms(ds_str period) {
  struct tm day = {0};
  char name[16] = {0};
  memcpy(name, period.data, period.size < 15 ? period.size : 15);
  assert_int_equal(sscanf(name, "%d-%d-%d", &day.tm_year, &day.tm_mon, &day.tm_mday), 3);
  day.tm_year -= 1900;
  day.tm_mon -= 1;
  return (int64_t)timegm(&day) * 1000;
}

// How many of the chains that reached a step began on a day.
static int64_t begun_on(const figure *of, ds_str period) {
  const int64_t from_ms = day_start_ms(period);
  int64_t count = 0;
  for (uint32_t c = 0; c < of->reached; c++)
    count += of->begun_ms[c] >= from_ms && of->begun_ms[c] < from_ms + 86400000;
  return count;
}

// Whether all of a day is asked about, and every chain that began on it had its time.
static bool is_complete(const funnel_rules *rules, int64_t from_ms, int64_t as_of_ms) {
  const int64_t last_ms = from_ms + 86400000 - 1;
  return (!rules->has_from || rules->from_ms <= from_ms) &&
         (!rules->has_to || last_ms < rules->to_ms) && last_ms + rules->within_ms <= as_of_ms;
}

// Each day counts the chains that began on it, and none is lost.
static void compare_periods(const asked *ask, const ds_table *table, const char *group,
                            uint32_t step, int64_t as_of_ms, const figure *want,
                            const figure *first) {
  uint64_t told = 0;
  for (uint32_t r = 0; r < table->rows_count; r++) {
    if (!is_row_of(table, r, group, step))
      continue;
    const ds_str period = cell(table, r, "period")->text;
    const int64_t reached = begun_on(want, period), began = begun_on(first, period);
    assert_int_equal(cell(table, r, "began")->i, began);
    const bool complete = is_complete(&ask->rules, day_start_ms(period), as_of_ms);
    assert_true(ds_str_equal(cell(table, r, "complete")->text,
                             ds_str_of(complete ? "yes" : "no")));
    assert_int_equal(cell(table, r, "reached")->i, reached);
    if (began > 0)
      near(cell(table, r, "conversion_start"), (double)reached / (double)began);
    told += (uint64_t)reached;
  }
  assert_int_equal(told, want->reached);
}

// Returns whether the fast path may serve: figures of both are those of one finder.
static bool is_plain(const asked *ask) {
  const funnel_rules *rules = &ask->rules;
  return rules->optional == 0 && !rules->all && !ask->same && !ask->value &&
         ask->steps <= &funnels[2] &&
         (rules->withouts == 0 || rules->order == FUNNEL_SEQUENCE) &&
         (rules->order != FUNNEL_ANY || (!rules->has_from && !rules->has_to));
}

// One group's rows against its cases.
static uint32_t compare_group(const asked *ask, const qw_world *world, const qw_case *cases,
                              const char **groups, uint32_t count, const char *group,
                              int64_t as_of_ms, const ds_result *result) {
  figure figures[STEPS_MAX] = {{.reached = 0}};
  funnel_finder finder;
  ds_funnel_finder_init(&finder, &ask->rules);
  for (uint32_t s = 0; s < STEPS_MAX; s++) {
    figures[s].times = malloc(CASES_MAX * 8 * sizeof(double));
    figures[s].since_start = malloc(CASES_MAX * 8 * sizeof(double));
    figures[s].begun_ms = malloc(CASES_MAX * 8 * sizeof(int64_t));
    assert_non_null(figures[s].times);
    assert_non_null(figures[s].since_start);
    assert_non_null(figures[s].begun_ms);
  }
  for (uint32_t c = 0; c < count; c++)
    if (group == NULL || strcmp(groups[c], group) == 0)
      solve_case(ask, world, &cases[c], as_of_ms, &finder, figures);
  const ds_table *table = ds_result_find(result, "steps");
  uint32_t rows = 0;
  for (uint32_t r = 0; r < table->rows_count; r++) {
    if (group != NULL && !ds_str_equal(cell(table, r, "color")->text, ds_str_of(group)))
      continue;
    const uint32_t step = (uint32_t)cell(table, r, "step")->number - 1;
    compare_step(ask, table, r, &figures[step]);
    compare_instead(ds_result_find(result, "instead"), group, step, &figures[step]);
    rows++;
    if (!ask->detailed)
      continue;
    compare_times(ds_result_find(result, "times"), group, step, &figures[step]);
    compare_periods(ask, ds_result_find(result, "periods"), group, step, as_of_ms, &figures[step],
                    figures);
  }
  // A group of which nobody begins has no rows.
  assert_int_equal(rows, group != NULL && figures[0].reached == 0 ? 0 : ask->rules.steps);
  for (uint32_t s = 0; s < STEPS_MAX; s++) {
    free(figures[s].times);
    free(figures[s].since_start);
    free(figures[s].begun_ms);
  }
  ds_funnel_finder_done(&finder);
  return figures[0].reached > 0;
}

static void put(asked *ask, const char *name, const char *text) {
  assert_true(ask->options < sizeof ask->option / sizeof *ask->option);
  ask->option[ask->options++] = (ds_option_value){name, text};
}

static void ask_make(asked *ask, const qw_world *world, uint64_t *seed, ds_arena *arena) {
  static const struct {
    const char *text;
    int64_t ms;
  } withins[] = {{"1ms", 1}, {"300ms", 300}, {"3d", 259200000}, {"1000d", 86400000000}};
  static const char *const orders[] = {"sequence", "strict", "any"};
  *ask = (asked){.steps = &funnels[qw_random(seed) % FUNNELS]};
  funnel_rules *rules = &ask->rules;
  qw_ask(&ask->world, seed, world);
  ask->world.level = -1;
  ask->options = qw_options(&ask->world, ask->option, arena);
  // The default range is that of chains; the cases stay whole.
  if (ask->world.range == 0) {
    rules->has_from = ask->world.has_from;
    rules->has_to = ask->world.has_to;
    rules->from_ms = ask->world.from_ms;
    rules->to_ms = ask->world.to_ms;
    ask->world.has_from = ask->world.has_to = false;
  }
  rules->steps = ask->steps->count;
  rules->optional = ask->steps->optional;
  const size_t w = qw_random(seed) % 4;
  rules->within_ms = withins[w].ms;
  rules->order = (funnel_order)(qw_random(seed) % (rules->optional != 0 ? 2 : 3));
  rules->arrival = qw_random(seed) % 2;
  const bool plain = qw_random(seed) % 2 == 0;
  rules->all = !plain && qw_random(seed) % 2 == 0;
  ask->same = !plain && qw_random(seed) % 3 == 0;
  ask->value = !plain && qw_random(seed) % 2 == 0;
  put(ask, "step", ask->steps->text);
  put(ask, "within", withins[w].text);
  put(ask, "order", orders[rules->order]);
  put(ask, "ties", rules->arrival ? "arrival" : "either");
  put(ask, "count", rules->all ? "all" : "cases");
  put(ask, "min-n", "1");
  ask->detailed = qw_random(seed) % 6 == 0;
  if (ask->detailed) {
    put(ask, "times", "");
    put(ask, "per", "day");
  }
  const bool numbered = rules->order != FUNNEL_ANY && (rules->optional & 2) == 0;
  if (numbered && qw_random(seed) % 3 == 0) {
    rules->withouts = 1;
    rules->without[0] = (funnel_without){0, 1};
    put(ask, "without", "viewed:1-2");
  }
  if (ask->same)
    put(ask, "same", "color");
  if (ask->value)
    put(ask, "value", "value");
}

// Every name that a question may use is carried.
static bool is_whole(const qw_world *world) {
  bool color = false, value = false, order = false;
  uint32_t touchpoints = 0;
  for (uint32_t e = 0; e < world->count; e++) {
    color |= world->events[e].color >= 0;
    value |= world->events[e].value >= 0;
    order |= world->events[e].orders_count > 0;
    touchpoints |= 1u << world->events[e].touchpoint;
  }
  return color && value && order && (touchpoints & ANY) == ANY;
}

static int64_t latest(const qw_world *world) {
  int64_t ms = INT64_MIN;
  for (uint32_t e = 0; e < world->count; e++)
    ms = world->events[e].time_ms > ms ? world->events[e].time_ms : ms;
  return ms;
}

// Returns whether there was something to compare; *compared counts what SQL was asked.
static uint32_t run(const asked *ask, const qw_world *world, const ds_snapshot *snapshot,
                    ds_duck *duck, uint32_t threads, uint32_t *compared) {
  static const oracle_question sql = {"funnel", {"steps"}, {2}, "columns(*)::varchar"};
  ds_arena arena;
  ds_error err = {0};
  ds_arena_init(&arena, 256u << 20);
  const ds_request request = {.snapshot = snapshot,
                              .options = {.values = ask->option, .count = ask->options},
                              .now_ms = 4000000000000LL, .threads = threads,
                              .memory_bytes = 64u << 20, .arena = &arena};
  ds_result *result = ds_arena_alloc(&arena, sizeof *result);
  ds_result_init(result, &arena, "funnel");
  check(ds_question_run(ds_question_find(ds_str_of("funnel")), &request, result, &err), &err);
  qw_case *cases = NULL;
  const char **groups = NULL;
  const uint32_t count = qw_cases(world, &ask->world, &cases, &groups);
  assert_true(count <= CASES_MAX);
  const int64_t as_of_ms = latest(world);
  uint32_t held = 0;
  if (!ask->world.by)
    held += compare_group(ask, world, cases, groups, count, NULL, as_of_ms, result);
  for (uint32_t c = 0; ask->world.by && c < count; c++) {
    bool met = false;
    for (uint32_t b = 0; b < c && !met; b++)
      met = strcmp(groups[b], groups[c]) == 0;
    if (!met)
      held += compare_group(ask, world, cases, groups, count, groups[c], as_of_ms, result);
  }
  free(cases);
  free(groups);
  if (ask->rules.order == FUNNEL_SEQUENCE && ask->rules.withouts == 0 && !ask->rules.all &&
      !ask->value && ask->rules.optional == 0 && !ask->world.by && !ask->world.attach)
    *compared += oracle_check(&sql, &request, result, duck) > 0;
  ds_arena_done(&arena);
  return held > 0;
}

static void fill(ds_duck *duck, const qw_world *world) {
  static const char *const colors[] = {"red", "green", "blue", "Weiß"};
  ds_error err = {0};
  ds_buf sql;
  ds_buf_init(&sql, 1u << 22);
  ds_buf_text(&sql, "create or replace table events as select *, make_timestamp(ms * 1000) as "
                    "time, make_timestamp(ms * 1000) as received, 'test' as source from (values ");
  for (uint32_t e = 0; e < world->count; e++) {
    const qw_event *event = &world->events[e];
    ds_buf_printf(&sql, "%s('C%u', %lld::bigint, %u, '%s', nullif([", e == 0 ? "" : ", ",
                  event->customer, (long long)event->time_ms, e, qw_touchpoint(event->touchpoint));
    for (uint32_t k = 0; k < event->orders_count; k++)
      ds_buf_printf(&sql, "%s'O%u'", k == 0 ? "" : ", ", event->orders[k]);
    ds_buf_text(&sql, "]::varchar[], []::varchar[]), ");
    ds_buf_printf(&sql, "%s%s%s, ", event->color < 0 ? "null::varchar" : "'",
                  event->color < 0 ? "" : colors[event->color], event->color < 0 ? "" : "'");
    ds_buf_printf(&sql, event->value < 0 ? "null::double, " : "%d::double, ", event->value);
    ds_buf_printf(&sql, event->has_day ? "date '1970-01-01' + %lld)" : "null::date)",
                  (long long)event->day);
  }
  ds_buf_text(&sql, ") t(customer, ms, arrival, touchpoint, order_id, color, value, day)");
  check(ds_duck_run(duck, ds_buf_cstr(&sql), &err), &err);
  ds_buf_done(&sql);
}

static void test_worlds(void **context) {
  (void)context;
  static qw_world world;
  ds_error err = {0};
  ds_duck *duck = NULL;
  uint64_t seed = 3;
  uint32_t held = 0, compared = 0, plain = 0;
  const uint32_t worlds = long_run() ? WORLDS_STRESS : WORLDS;
  check(ds_duck_open("build/libduckdb.so", NULL, (size_t)512 << 20, &duck, &err), &err);
  for (uint32_t w = 0, met = 0; met < worlds; w++) {
    qw_make(&world, w);
    if (!is_whole(&world))
      continue;
    met++;
    fill(duck, &world);
    ds_snapshot *snapshot = qw_snapshot(&world, w % 2 == 0);
    for (uint32_t i = 0; i < 6; i++) {
      ds_arena arena;
      asked ask;
      ds_arena_init(&arena, 1u << 20);
      ask_make(&ask, &world, &seed, &arena);
      plain += is_plain(&ask);
      held += run(&ask, &world, snapshot, duck, i % 2 == 0 ? 1 : 3, &compared);
      ds_arena_done(&arena);
    }
    qw_snapshot_free(snapshot);
  }
  ds_duck_close(duck);
  if (held < worlds * 2 || compared < worlds / 4 || plain < worlds / 4)
    fail_msg("only %u funnels held something, %u were asked as SQL, %u were plain", held, compared,
             plain);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_worlds)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
