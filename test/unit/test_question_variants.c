// SPDX-License-Identifier: Apache-2.0
// Variants of random worlds against brute force over the same events, the same figures when
// durations are let go and found again by passes, and the texts of the errors of its options.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "question/variants_rows.h"
#include "question_world.h"

enum { WORLDS = 300, TEXT_MAX = 8192, CASES_MAX = 2000 };

// One variant by brute force: its names joined, and what its cases say.
typedef struct known {
  char group[32];
  char names[TEXT_MAX];
  double durations[CASES_MAX];
  uint32_t cases;
  double outcome_sum;
  uint32_t outcome_n;
} known;

static void names_of(const qw_world *world, const qw_case *one, bool collapse,
                     char names[TEXT_MAX]) {
  uint32_t at = 0;
  names[0] = '\0';
  for (uint32_t i = 0; i < one->count; i++) {
    const uint32_t touchpoint = world->events[one->events[i]].touchpoint;
    if (collapse && i > 0 && touchpoint == world->events[one->events[i - 1]].touchpoint)
      continue;
    at += (uint32_t)snprintf(names + at, TEXT_MAX - at, "%s%s", at == 0 ? "" : "\x1f",
                             qw_touchpoint(touchpoint));
    assert_true(at < TEXT_MAX);
  }
}

// By group, then the more frequent, then by names: the separator sorts before any letter.
static int compare_known(const void *a, const void *b) {
  const known *x = *(known *const *)a, *y = *(known *const *)b;
  const int group = strcmp(x->group, y->group);
  if (group != 0)
    return group;
  if (x->cases != y->cases)
    return x->cases > y->cases ? -1 : 1;
  return strcmp(x->names, y->names);
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static uint32_t solve(const qw_world *world, const qw_question *q, bool collapse,
                      known ***ret_known) {
  qw_case *cases = NULL;
  const char **groups = NULL;
  const uint32_t count = qw_cases(world, q, &cases, &groups);
  known **all = calloc(count + 1, sizeof *all);
  assert_non_null(all);
  uint32_t used = 0;
  for (uint32_t c = 0; c < count; c++) {
    static char names[TEXT_MAX];
    names_of(world, &cases[c], collapse, names);
    uint32_t at = 0;
    while (at < used && (strcmp(all[at]->names, names) != 0 ||
                         strcmp(all[at]->group, groups[c]) != 0))
      at++;
    if (at == used) {
      all[used] = calloc(1, sizeof **all);
      assert_non_null(all[used]);
      snprintf(all[used]->group, sizeof all[used]->group, "%s", groups[c]);
      memcpy(all[used++]->names, names, sizeof names);
    }
    known *one = all[at];
    const uint32_t *events = cases[c].events;
    one->durations[one->cases++] = (double)(world->events[events[cases[c].count - 1]].time_ms -
                                            world->events[events[0]].time_ms);
    for (uint32_t i = 0; i < cases[c].count; i++)
      if (world->events[events[i]].value >= 0) {
        one->outcome_sum += world->events[events[i]].value;
        one->outcome_n++;
      }
  }
  for (uint32_t k = 0; k < used; k++)
    qsort(all[k]->durations, all[k]->cases, sizeof(double), by_value);
  qsort(all, used, sizeof *all, compare_known);
  free(cases);
  free(groups);
  *ret_known = all;
  return used;
}

static const ds_cell *cell(const ds_table *table, uint32_t row, const char *column) {
  const uint32_t c = ds_table_column(table, column);
  assert_int_not_equal(c, UINT32_MAX);
  return &table->cells[(size_t)row * table->columns_count + c];
}

static void same(const ds_cell *got, double expected) {
  assert_false(got->null);
  if (fabs(got->number - expected) > 1e-9 * (1 + fabs(expected)))
    fail_msg("%.17g, expected %.17g", got->number, expected);
}

static uint32_t row_of(const ds_table *table, const known *one, uint32_t rank, bool by) {
  for (uint32_t r = 0; r < table->rows_count; r++)
    if ((!by || ds_str_equal(cell(table, r, "color")->text, ds_str_of(one->group))) &&
        cell(table, r, "rank")->number == rank)
      return r;
  fail_msg("no row of rank %u in group '%s'", rank, one->group);
  return 0;
}

// Every variant up to the coverage is a row, in its place, and there are no more.
static void compare(known *const *all, uint32_t count, const ds_result *result, bool by,
                    uint32_t min_n, double coverage) {
  const ds_table *table = ds_result_find(result, "variants");
  uint32_t rows = 0;
  for (uint32_t first = 0, last = 0; first < count; first = last) {
    uint32_t total = 0, covered = 0;
    for (last = first; last < count && strcmp(all[last]->group, all[first]->group) == 0; last++)
      total += all[last]->cases;
    for (uint32_t k = first; k < last && covered < coverage * total; k++, rows++) {
      const known *one = all[k];
      const uint32_t row = row_of(table, one, k - first + 1, by);
      assert_true(ds_str_equal(cell(table, row, "touchpoints")->text, ds_str_of(one->names)));
      assert_int_equal(cell(table, row, "cases")->i, one->cases);
      covered += one->cases;
      same(cell(table, row, "share"), (double)one->cases / total);
      same(cell(table, row, "cumulative"), (double)covered / total);
      same(cell(table, row, "median_ms"), qw_quantile(one->durations, one->cases, 0.5));
      same(cell(table, row, "p90_ms"), qw_quantile(one->durations, one->cases, 0.9));
      assert_int_equal(cell(table, row, "outcome_n")->i, one->outcome_n);
      if (one->outcome_n < min_n)
        assert_true(cell(table, row, "outcome")->null);
      else
        same(cell(table, row, "outcome"), one->outcome_sum / one->outcome_n);
    }
  }
  assert_int_equal(table->rows_count, rows);
}

static void test_worlds(void **context) {
  (void)context;
  static qw_world world;
  uint64_t seed = 17;
  uint32_t asked = 0;
  for (uint64_t w = 1; w <= WORLDS; w++) {
    qw_make(&world, w);
    qw_question q;
    qw_ask(&q, &seed, &world);
    q.level = -1;
    const bool collapse = qw_random(&seed) % 3 == 0, part = qw_random(&seed) % 3 == 0;
    ds_snapshot *snapshot = qw_snapshot(&world, w % 2 == 0);
    ds_arena arena;
    ds_arena_init(&arena, 256u << 20);
    ds_option_value values[16];
    uint32_t options = qw_options(&q, values, &arena);
    values[options++] = (ds_option_value){"outcome", "value"};
    values[options++] = (ds_option_value){"min-n", "3"};
    values[options++] = (ds_option_value){"limit", "5000"};
    if (collapse)
      values[options++] = (ds_option_value){"collapse", ""};
    if (part)
      values[options++] = (ds_option_value){"coverage", "0.6"};
    const ds_request request = {.snapshot = snapshot,
                                .options = {.values = values, .count = options},
                                .now_ms = 4000000000000LL, .threads = 1 + (uint32_t)(w % 3),
                                .memory_bytes = 64u << 20, .arena = &arena};
    ds_result *result = ds_arena_alloc(&arena, sizeof *result);
    ds_result_init(result, &arena, "variants");
    ds_error err = {0};
    const ds_code code = ds_question_run(ds_question_find(ds_str_of("variants")), &request,
                                         result, &err);
    // A world may lack the property that is asked for.
    if (code == DS_OK) {
      known **all = NULL;
      const uint32_t count = solve(&world, &q, collapse, &all);
      compare(all, count, result, q.by, 3, part ? 0.6 : 1);
      for (uint32_t k = 0; k < count; k++)
        free(all[k]);
      free(all);
      asked++;
    } else if (code != DS_EXPRESSION) {
      fail_msg("%s", err.message);
    }
    ds_arena_done(&arena);
    qw_snapshot_free(snapshot);
  }
  assert_true(asked > WORLDS * 3 / 4);
}

// A snapshot of many customers with two or three events each.
static ds_snapshot *many_make(uint32_t customers) {
  static const char *const touchpoints[] = {"a", "b", "c"}, *const sources[] = {"test"};
  ds_space space;
  ds_space_init(&space);
  qw_names(&space.touchpoints, touchpoints, 3);
  qw_names(&space.sources, sources, 1);
  qw_rows rows = {0};
  uint64_t seed = 3, id = 0;
  for (uint32_t c = 0; c < customers; c++) {
    char subject[32];
    snprintf(subject, sizeof subject, "customer_id=C%u", c);
    const uint32_t events = 2 + (uint32_t)(qw_random(&seed) % 2);
    int64_t time_ms = 1600000000000LL;
    for (uint32_t e = 0; e < events; e++) {
      time_ms += (int64_t)(qw_random(&seed) % (1ull << (qw_random(&seed) % 34)));
      const ds_event event = {.touchpoint = (uint16_t)(qw_random(&seed) % 3), .has_id = true,
                              .id = ++id, .time_ms = time_ms, .received_ms = time_ms,
                              .arrival = 1, .subject = ds_str_of(subject)};
      qw_rows_put(&rows, &event);
    }
  }
  ds_snapshot *snapshot = qw_snapshot_new();
  qw_part_add(snapshot, &space, &rows);
  qw_rows_done(&rows);
  ds_space_done(&space);
  return snapshot;
}

static variants_state *scan(const ds_snapshot *snapshot, const variants_context *asked,
                            ds_plan *plan, ds_arena *arena, variants_rows *rows) {
  void *memory = NULL;
  ds_error err = {0};
  assert_int_equal(ds_scan(snapshot, plan, &ds_variants_kernel, asked, arena, &memory, &err),
                   DS_OK);
  const variants_choice choice = {UINT32_MAX, 1};
  assert_int_equal(ds_variants_choose(memory, &snapshot->space.touchpoints, &choice, arena, rows,
                                      &err), DS_OK);
  assert_int_equal(ds_variants_quantiles(snapshot, plan, memory, 8u << 20, rows, &err), DS_OK);
  return memory;
}

// More cases than one chunk: the same counts and quantiles when none of them may be kept, and when
// four threads fill the tables together.
static void test_ways(void **context) {
  (void)context;
  static const struct {
    size_t kept_bytes_max;
    uint32_t threads;
  } ways[] = {{1u << 26, 1}, {0, 1}, {1u << 26, 4}};
  const uint32_t customers = VARIANTS_CHUNK + 30000;
  ds_snapshot *snapshot = many_make(customers);
  ds_arena arena;
  ds_arena_init(&arena, 256u << 20);
  variants_rows first;
  for (uint32_t w = 0; w < sizeof ways / sizeof *ways; w++) {
    variants_shared shared;
    ds_variants_shared_init(&shared);
    ds_plan plan = {.columns = {.want = DS_WANT_TOUCHPOINT | DS_WANT_GAP},
                    .threads = ways[w].threads};
    const variants_context asked = {.touchpoints = 3, .kept_bytes_max = ways[w].kept_bytes_max,
                                    .shared = &shared};
    variants_rows rows;
    variants_state *state = scan(snapshot, &asked, &plan, &arena, &rows);
    assert_int_equal(state->dropped, ways[w].kept_bytes_max == 0);
    assert_int_equal(rows.total[0].cases, customers);
    assert_true(rows.rows == 9 + 27);
    if (w == 0)
      first = rows;
    for (uint32_t r = 0; r < rows.rows; r++) {
      assert_int_equal(first.row[r].cases, rows.row[r].cases);
      assert_true(first.row[r].median_ms == rows.row[r].median_ms);
      assert_true(first.row[r].p90_ms == rows.row[r].p90_ms);
    }
    ds_variants_kernel.done(state);
    ds_variants_shared_done(&shared);
  }
  ds_arena_done(&arena);
  qw_snapshot_free(snapshot);
}

// Sequences with equal hashes are told apart by their bytes, whatever their length.
static void test_table(void **context) {
  (void)context;
  enum { KEYS = 3000 };
  static uint8_t bytes[KEYS][128];
  static variants_key keys[KEYS];
  variants_table table = {0};
  uint64_t seed = 11;
  for (uint32_t k = 0; k < KEYS; k++) {
    const uint32_t size = 1 + (uint32_t)(qw_random(&seed) % 70);
    for (uint32_t i = 0; i < sizeof bytes[k]; i++)
      bytes[k][i] = (uint8_t)(qw_random(&seed) % 2);
    keys[k] = (variants_key){bytes[k], size, k % 3, 0};
    // Hashes from four values only, and none of the table's own.
    keys[k].hash = (uint32_t)(k % 4) << 30;
  }
  for (uint32_t round = 0; round < 2; round++)
    for (uint32_t k = 0; k < KEYS; k++) {
      uint32_t before = 0;
      while (before < k && (keys[before].size != keys[k].size ||
                            keys[before].group != keys[k].group ||
                            keys[before].hash != keys[k].hash ||
                            memcmp(bytes[before], bytes[k], keys[k].size) != 0))
        before++;
      const uint32_t found = ds_variants_table_find(&table, &keys[k]);
      if (round > 0) {
        assert_int_not_equal(found, 0);
        continue;
      }
      assert_int_equal(ds_variants_table_reserve(&table, 1, keys[k].size, NULL), DS_OK);
      const uint32_t place = ds_variants_table_put(&table, &keys[k]);
      assert_int_equal(found, before < k ? place : 0);
      if (before < k)
        assert_int_equal(place, ds_variants_table_find(&table, &keys[before]));
      else
        assert_int_equal(variants_at(&table, place)->number, table.count - 1);
    }
  ds_variants_table_done(&table);
}

static void test_errors(void **context) {
  (void)context;
  static const struct {
    const char *name, *text, *message;
  } errors[] = {
      {"coverage", "0", "--coverage 0: expected a share above 0 and up to 1, as 0.8"},
      {"coverage", "80", "--coverage 80: expected a share above 0 and up to 1, as 0.8"},
      {"outcome", "colr", "--outcome colr: no event has a property of that name; did you mean "
                          "'color'?"},
      {"outcome", "color", "--outcome color: it is text; a mean needs numbers"},
      {"min-n", "0", "--min-n: expected a whole number of at least 1"},
      {"list", "rows rank=1", "--list: write 'overall column=cases' or 'variants rank=A "
                              "column=cases'"},
      {"list", "variants rank=0 column=cases", "--list: rank=0: expected a whole number from 1"},
      {"list", "variants rank=1", "--list: a row of variants needs column="},
      {"list", "variants column=cases", "--list: a row of variants needs rank="},
      {"list", "variants rank=1 column=share", "--list: column=share cannot be listed: choose "
                                               "cases"},
      {"list", "overall rank=1", "--list: 'rank' names no part of a row of overall: give column"},
      {"list", "variants rank", "--list: expected name=value, found 'rank'"},
  };
  static qw_world world;
  qw_make(&world, 5);
  ds_snapshot *snapshot = qw_snapshot(&world, true);
  for (uint32_t e = 0; e < sizeof errors / sizeof *errors; e++) {
    ds_arena arena;
    ds_arena_init(&arena, 64u << 20);
    const ds_option_value value = {errors[e].name, errors[e].text};
    const ds_request request = {.snapshot = snapshot, .options = {.values = &value, .count = 1},
                                .now_ms = 4000000000000LL, .threads = 1,
                                .memory_bytes = 64u << 20, .arena = &arena};
    ds_result *result = ds_arena_alloc(&arena, sizeof *result);
    ds_result_init(result, &arena, "variants");
    ds_error err = {0};
    assert_int_not_equal(ds_question_run(ds_question_find(ds_str_of("variants")), &request,
                                         result, &err), DS_OK);
    assert_string_equal(err.message, errors[e].message);
    ds_arena_done(&arena);
  }
  qw_snapshot_free(snapshot);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_worlds),
      cmocka_unit_test(test_ways),
      cmocka_unit_test(test_table),
      cmocka_unit_test(test_errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
