// SPDX-License-Identifier: Apache-2.0
// --list reconciles in every question of the table: each figure that counts something has exactly
// as many entries as it says.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "question_world.h"

// A table, what names a row of it, and the columns whose figures can be listed.
typedef struct listed {
  const char *question;
  const char *table;
  const char *keys[4];
  const char *columns[6];
} listed;

static const listed all[] = {
    {"map", "stages", {"stage"}, {"cases", "dropped"}},
    {"map", "touchpoints", {"stage", "touchpoint"}, {"cases", "occurrences"}},
    {"map", "routes", {"route"}, {"cases"}},
    {"process", "nodes", {"touchpoint"}, {"occurrences", "cases", "starts", "ends"}},
    {"process", "edges", {"from", "to"}, {"occurrences", "cases"}},
    {"variants", "overall", {NULL}, {"cases"}},
    {"variants", "variants", {"rank"}, {"cases"}},
    {"trend", "periods", {"period"}, {"value"}},
};
enum { LISTED = sizeof all / sizeof *all };

static ds_code run(const ds_snapshot *snapshot, const char *question, ds_option_set options,
                   ds_arena *arena, ds_result **ret_result, ds_error *err) {
  const ds_request request = {.snapshot = snapshot, .options = options, .threads = 2,
                              .now_ms = 4000000000000LL, .memory_bytes = 64u << 20,
                              .arena = arena};
  *ret_result = ds_arena_alloc(arena, sizeof **ret_result);
  ds_result_init(*ret_result, arena, question);
  return ds_question_run(ds_question_find(ds_str_of(question)), &request, *ret_result, err);
}

static const ds_cell *cell(const ds_table *table, uint32_t row, const char *column) {
  const uint32_t c = ds_table_column(table, column);
  assert_int_not_equal(c, UINT32_MAX);
  return &table->cells[(size_t)row * table->columns_count + c];
}

// Writes ` name='value'` for a key of a row; the items of a list are joined by '>'.
static uint32_t put_key(char *text, size_t size, const ds_table *table, uint32_t row,
                        const char *name) {
  const ds_cell *at = cell(table, row, name);
  const ds_cell_type type = table->columns[ds_table_column(table, name)].type;
  const bool texts = type == DS_CELL_TEXT || type == DS_CELL_LIST;
  const int used = texts ? snprintf(text, size, " %s='%.*s'", name, DS_STR(at->text))
                         : snprintf(text, size, " %s=%.0f", name, at->number);
  assert_true(used > 0 && (size_t)used < size);
  for (int i = 0; i < used; i++)
    text[i] = text[i] == DS_LIST_SEPARATOR ? '>' : text[i];
  return (uint32_t)used;
}

// Lists one figure; returns 1 when it was more than nothing.
static uint32_t check(const ds_snapshot *snapshot, const listed *what, const qw_question *q,
                      const ds_table *table, uint32_t row, const char *column) {
  ds_arena arena;
  ds_arena_init(&arena, 256u << 20);
  char text[512];
  uint32_t used = (uint32_t)snprintf(text, sizeof text, "%s", what->table);
  for (uint32_t k = 0; k < 4 && what->keys[k] != NULL; k++)
    used += put_key(text + used, sizeof text - used, table, row, what->keys[k]);
  if (q->by)
    used += put_key(text + used, sizeof text - used, table, row, "color");
  snprintf(text + used, sizeof text - used, " column=%s", column);
  ds_option_value values[16];
  uint32_t options = qw_options(q, values, &arena);
  values[options++] = (ds_option_value){"list", text};
  ds_result *result = NULL;
  ds_error err = {0};
  if (run(snapshot, what->question, (ds_option_set){values, options}, &arena, &result, &err) !=
      DS_OK)
    fail_msg("%s: %s", text, err.message);
  const int64_t figure = cell(table, row, column)->i;
  if (ds_result_find(result, "list")->rows_count != figure)
    fail_msg("%s %s: the figure is %lld, the list has %u entries", what->question, text,
             (long long)figure, ds_result_find(result, "list")->rows_count);
  ds_arena_done(&arena);
  return figure > 0;
}

// Some figures of one table of one answer.
static uint32_t check_table(const ds_snapshot *snapshot, const listed *what, const qw_question *q,
                            const ds_result *result, uint64_t *seed) {
  const ds_table *table = ds_result_find(result, what->table);
  assert_non_null(table);
  uint32_t found = 0;
  for (uint32_t round = 0; round < 6 && table->rows_count > 0; round++) {
    const uint32_t row = (uint32_t)(qw_random(seed) % table->rows_count);
    for (uint32_t c = 0; c < 6 && what->columns[c] != NULL; c++)
      found += check(snapshot, what, q, table, row, what->columns[c]);
  }
  return found;
}

static void test_lists(void **context) {
  (void)context;
  static qw_world world;
  uint64_t seed = 41;
  uint32_t found[LISTED] = {0};
  for (uint64_t w = 1; w <= 24; w++) {
    qw_make(&world, w * 7);
    qw_question q;
    qw_ask(&q, &seed, &world);
    q.level = -1;
    ds_snapshot *snapshot = qw_snapshot(&world, w % 2 == 0);
    for (uint32_t i = 0; i < LISTED; i++) {
      ds_arena arena;
      ds_arena_init(&arena, 256u << 20);
      ds_option_value values[16];
      const uint32_t options = qw_options(&q, values, &arena);
      ds_result *result = NULL;
      ds_error err = {0};
      const ds_code code = run(snapshot, all[i].question, (ds_option_set){values, options},
                               &arena, &result, &err);
      // A world may lack the property that the filter or --by names.
      assert_true(code == DS_OK || code == DS_EXPRESSION);
      if (code == DS_OK)
        found[i] += check_table(snapshot, &all[i], &q, result, &seed);
      ds_arena_done(&arena);
    }
    qw_snapshot_free(snapshot);
  }
  for (uint32_t i = 0; i < LISTED; i++)
    assert_true(found[i] > 20);
}

// A question that is not in the table above would go unchecked, unless it refuses --list.
static void test_every_question(void **context) {
  (void)context;
  static qw_world world;
  qw_make(&world, 7);
  ds_snapshot *snapshot = qw_snapshot(&world, true);
  for (uint32_t q = 0; q < ds_questions_count; q++) {
    uint32_t at = 0;
    while (at < LISTED && strcmp(all[at].question, ds_questions[q].name) != 0)
      at++;
    if (at < LISTED)
      continue;
    ds_arena arena;
    ds_arena_init(&arena, 256u << 20);
    ds_result *result = NULL;
    ds_error err = {0};
    const ds_option_value list = {"list", "x column=y"};
    assert_int_equal(run(snapshot, ds_questions[q].name, (ds_option_set){&list, 1}, &arena,
                         &result, &err), DS_USAGE);
    assert_non_null(strstr(err.message, "takes no --list"));
    ds_arena_done(&arena);
  }
  qw_snapshot_free(snapshot);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lists),
      cmocka_unit_test(test_every_question),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
