// SPDX-License-Identifier: Apache-2.0
// Random small worlds (150, with DS_STRESS=1 1,000): the process map over one part and over
// several, by one thread and by three, equals a brute-force count, and every listed figure has as
// many entries as it says.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "long_run.h"
#include "question_world.h"

enum { WORLDS_STRESS = 1000, QUESTIONS = 4 };
#ifdef __SANITIZE_THREAD__
enum { WORLDS_USUAL = 50 };
#else
enum { WORLDS_USUAL = 150 };
#endif

static ds_code ask(const ds_snapshot *snapshot, const ds_option_value *values, uint32_t count,
                   uint32_t threads, ds_arena *arena, ds_result *result, ds_error *err) {
  const ds_request request = {.snapshot = snapshot, .options = {.values = values, .count = count},
                              .now_ms = 4000000000000LL, .threads = threads,
                              .memory_bytes = 64u << 20, .arena = arena};
  ds_result_init(result, arena, "process");
  return ds_question_run(ds_question_find(ds_str_of("process")), &request, result, err);
}

static void check_world(uint64_t seed) {
  static qw_world world;
  qw_make(&world, seed);
  uint64_t state = seed + 1000003;
  ds_snapshot *parts[2] = {qw_snapshot(&world, true), qw_snapshot(&world, false)};
  for (uint32_t i = 0; i < QUESTIONS; i++) {
    qw_question question;
    qw_ask(&question, &state, &world);
    qw_answer answer;
    qw_solve(&world, &question, &answer);
    for (uint32_t v = 0; v < 3; v++) {
      ds_arena arena;
      ds_arena_init(&arena, 256u << 20);
      ds_option_value values[16];
      const uint32_t count = qw_options(&question, values, &arena);
      ds_result *result = ds_arena_alloc(&arena, sizeof *result);
      ds_error err = {0};
      if (ask(parts[v > 0], values, count, v == 2 ? 3 : 1, &arena, result, &err) != DS_OK)
        fail_msg("world %llu: %s", (unsigned long long)seed, err.message);
      qw_compare(&answer, &question, result);
      ds_arena_done(&arena);
    }
    qw_answer_done(&answer);
  }
  qw_snapshot_free(parts[0]);
  qw_snapshot_free(parts[1]);
}

static void test_worlds(void **context) {
  (void)context;
  const uint64_t worlds = long_run() ? WORLDS_STRESS : WORLDS_USUAL;
  for (uint64_t seed = 0; seed < worlds; seed++)
    check_world(seed);
}

// Lists a figure and compares the number of entries.
static void check_list(const ds_snapshot *snapshot, const qw_question *question,
                       const char *cell, uint64_t expected) {
  ds_arena arena;
  ds_arena_init(&arena, 256u << 20);
  ds_option_value values[16];
  uint32_t count = qw_options(question, values, &arena);
  values[count++] = (ds_option_value){"list", cell};
  ds_result *result = ds_arena_alloc(&arena, sizeof *result);
  ds_error err = {0};
  if (ask(snapshot, values, count, 2, &arena, result, &err) != DS_OK)
    fail_msg("%s: %s", cell, err.message);
  const ds_table *table = ds_result_find(result, "list");
  assert_non_null(table);
  assert_int_equal(table->rows_count, expected);
  ds_arena_done(&arena);
}

static void test_lists(void **context) {
  (void)context;
  for (uint64_t seed = 1; seed < 60; seed += 3) {
    static qw_world world;
    qw_make(&world, seed);
    uint64_t state = seed;
    qw_question question;
    qw_ask(&question, &state, &world);
    ds_snapshot *snapshot = qw_snapshot(&world, false);
    qw_answer answer;
    qw_solve(&world, &question, &answer);
    char cell[200], group[64] = "";
    for (uint32_t e = 0; e < answer.edges_count; e += 3) {
      const qw_row *row = &answer.edges[e];
      if (question.by)
        snprintf(group, sizeof group, "color='%s' ", row->group);
      snprintf(cell, sizeof cell, "edges %sfrom=%s to=%s column=occurrences", group,
               qw_touchpoint(row->from), qw_touchpoint(row->to));
      check_list(snapshot, &question, cell, row->occurrences);
      snprintf(cell, sizeof cell, "edges %sfrom=%s to=%s column=cases", group,
               qw_touchpoint(row->from), qw_touchpoint(row->to));
      check_list(snapshot, &question, cell, row->cases);
    }
    for (uint32_t n = 0; n < answer.nodes_count; n++) {
      const qw_row *row = &answer.nodes[n];
      if (question.by)
        snprintf(group, sizeof group, "color='%s' ", row->group);
      const uint64_t figures[] = {row->occurrences, row->cases, row->starts, row->ends};
      static const char *const names[] = {"occurrences", "cases", "starts", "ends"};
      for (uint32_t c = 0; c < 4; c++) {
        snprintf(cell, sizeof cell, "nodes touchpoint=%s column=%s %s", qw_touchpoint(row->to),
                 names[c], group);
        check_list(snapshot, &question, cell, figures[c]);
      }
    }
    qw_answer_done(&answer);
    qw_snapshot_free(snapshot);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_worlds),
      cmocka_unit_test(test_lists),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
