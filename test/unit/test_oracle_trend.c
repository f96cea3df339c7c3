// SPDX-License-Identifier: Apache-2.0
// Random small worlds: every measure of trend, per day, week and month, equals its own SQL text run
// by DuckDB over the same events, over one part and several, by one thread and by three; a rate's
// interval holds the rate.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "question_world.h"
#include "unit/oracle.h"

enum { WORLDS = 48 };

static void check(ds_code code, const ds_error *err) {
  if (code != DS_OK)
    fail_msg("%s", err->message);
}

static const ds_cell *cell(const ds_table *table, uint32_t row, const char *column) {
  const uint32_t at = ds_table_column(table, column);
  assert_true(at != UINT32_MAX && row < table->rows_count);
  return &table->cells[(size_t)row * table->columns_count + at];
}

static double number(ds_str text) {
  double value = 0;
  assert_true(ds_str_to_double(text, &value));
  return value;
}

// SQL has the same periods. Returns in how many of them there is something.
static uint32_t compare(const ds_result *result, const ds_duck_texts *sql, const char *value,
                        bool counts) {
  const ds_table *table = oracle_table(result, "periods");
  uint32_t held = 0;
  for (uint32_t r = 0; r < table->rows_count; r++)
    held += cell(table, r, counts ? "value" : "n")->i > 0;
  assert_int_equal(table->rows_count, sql->rows);
  for (uint32_t r = 0; r < sql->rows; r++) {
    const ds_str *row = sql->cell + (size_t)r * sql->columns;
    uint32_t at = 0;
    while (at < table->rows_count && !ds_str_equal(cell(table, at, "period")->text, row[0]))
      at++;
    assert_true(at < table->rows_count);
    if (counts) {
      assert_int_equal(cell(table, at, "value")->i, (int64_t)number(row[1]));
      continue;
    }
    assert_int_equal(cell(table, at, "n")->i, (int64_t)number(row[1]));
    const ds_cell *figure = cell(table, at, value);
    assert_int_equal(figure->null, row[2].data == NULL);
    if (figure->null)
      continue;
    const double expected = number(row[2]);
    if (fabs(figure->number - expected) > 1e-11 * (fabs(expected) + 1))
      fail_msg("%.17g, and SQL says %.17g", figure->number, expected);
    if (ds_table_column(table, "value_low") != UINT32_MAX)
      assert_true(cell(table, at, "value_low")->number <= figure->number &&
                  cell(table, at, "value_high")->number >= figure->number);
  }
  return held;
}

// One question on one world.
typedef struct asked {
  const char *measure;
  const char *of;
} asked;

static const asked questions[] = {
    {"count", NULL},       {"cases", NULL},         {"rate", "delivered"},
    {"sum", "value"},      {"mean", "value"},       {"median", "order_placed.value"},
    {"p90", "value"},      {"median", "duration"},  {"p90", "duration"},
    {"sum", "duration"},   {"rate", "any[value >= 2]"}, {"rate", "exposure"},
    {"sum", "exposure.value"},
};

static uint32_t ask(ds_duck *duck, const ds_snapshot *snapshot, const asked *what, bool by_case,
                    uint32_t choice, uint32_t threads) {
  static const char *const periods[] = {"day", "week", "month"};
  ds_error err = {0};
  ds_arena arena;
  ds_arena_init(&arena, 256u << 20);
  ds_option_value values[8] = {{"measure", what->measure}, {"per", periods[choice % 3]},
                               {"min-n", choice % 2 == 0 ? "1" : "3"}};
  uint32_t count = 3;
  if (what->of != NULL)
    values[count++] = (ds_option_value){"of", what->of};
  if (by_case)
    values[count++] = (ds_option_value){"case", "order_id"};
  if (choice % 5 == 0)
    values[count++] = (ds_option_value){"from", "2020-01-02T05:00:00Z"};
  const ds_request request = {.snapshot = snapshot, .options = {.values = values, .count = count},
                              .now_ms = 4000000000000LL, .threads = threads,
                              .memory_bytes = 64u << 20, .arena = &arena};
  const ds_question *question = ds_question_find(ds_str_of("trend"));
  ds_result *result = ds_arena_alloc(&arena, sizeof *result);
  ds_result_init(result, &arena, "trend");
  check(ds_question_run(question, &request, result, &err), &err);
  ds_buf sql, wrapped;
  ds_buf_init(&sql, 1u << 20);
  ds_buf_init(&wrapped, 1u << 20);
  check(ds_question_sql(question, &request, &sql, &err), &err);
  *strstr((char *)(uintptr_t)ds_buf_cstr(&sql), ";\n") = '\0';
  ds_buf_printf(&wrapped, "select columns(*)::varchar from (%s)", (const char *)sql.data);
  ds_duck_texts texts;
  check(ds_duck_query(duck, ds_buf_cstr(&wrapped), &arena, &texts, &err), &err);
  const bool duration = what->of != NULL && strcmp(what->of, "duration") == 0;
  const uint32_t held =
      compare(result, &texts, duration ? "value_ms" : "value", what->of == NULL);
  ds_buf_done(&sql);
  ds_buf_done(&wrapped);
  ds_arena_done(&arena);
  return held;
}

// Whether the question names a fact of the system's own that the world lacks.
static bool is_absent(const qw_world *world, const asked *what) {
  bool held = what->of == NULL || strstr(what->of, "exposure") == NULL;
  for (uint32_t e = 0; e < world->count && !held; e++)
    held = strcmp(qw_touchpoint(world->events[e].touchpoint), "exposure") == 0 &&
           world->events[e].value >= 0;
  return !held;
}

// Whether the names that the questions use are carried by some event.
static bool is_whole(const qw_world *world) {
  bool placed = false, delivered = false, order = false, value = false;
  for (uint32_t e = 0; e < world->count; e++) {
    placed |= strcmp(qw_touchpoint(world->events[e].touchpoint), "order_placed") == 0;
    delivered |= strcmp(qw_touchpoint(world->events[e].touchpoint), "delivered") == 0;
    order |= world->events[e].orders_count > 0;
    value |= world->events[e].value >= 0;
  }
  return placed && delivered && order && value;
}

static void test_worlds(void **context) {
  (void)context;
  ds_error err = {0};
  ds_duck *duck = NULL;
  uint32_t held = 0;
  check(ds_duck_open("build/libduckdb.so", NULL, (size_t)512 << 20, &duck, &err), &err);
  for (uint64_t seed = 0; seed < WORLDS; seed++) {
    static qw_world world;
    qw_make(&world, seed);
    if (!is_whole(&world))
      continue;
    oracle_fill(duck, &world);
    ds_snapshot *parts[2] = {qw_snapshot(&world, true), qw_snapshot(&world, false)};
    for (uint32_t q = 0; q < sizeof questions / sizeof *questions; q++)
      if (!is_absent(&world, &questions[q]))
        held += ask(duck, parts[(seed + q) % 2], &questions[q], (seed + q) % 3 == 0,
                    (uint32_t)seed + q, q % 2 == 0 ? 1 : 3);
    qw_snapshot_free(parts[0]);
    qw_snapshot_free(parts[1]);
  }
  ds_duck_close(duck);
  if (held < 800)
    fail_msg("only %u periods were compared", held);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_worlds)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
