// SPDX-License-Identifier: Apache-2.0
// The options of `process` and `variants` that have no SQL text, over random worlds: the answer
// equals what the question's own SQL text says in DuckDB when SQL written here chooses the cases,
// or turns instants into working time. 40 and 16 worlds, with DS_STRESS=1 1,000 and 500.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "unit/long_run.h"
#include "unit/oracle.h"

enum { WORLDS_USUAL = 40, WORLDS_STRESS = 1000 };

// An option and the cases that it means, chosen from numbered events: n is the place in the case,
// total how many there are, before the touchpoint before.
typedef struct choice {
  ds_option_value option;
  const char *needs[2]; // touchpoints that the expression names
  bool not_in;
  const char *where;
} choice;

static const choice choices[] = {
    {{"starts-with", "order_placed"}, {"order_placed"}, false,
     "n = 1 and touchpoint = 'order_placed'"},
    {{"starts-with", "(paid or packed)"}, {"paid", "packed"}, false,
     "n = 1 and touchpoint in ('paid', 'packed')"},
    {{"ends-with", "(order_placed or paid)"}, {"order_placed", "paid"}, false,
     "n = total and touchpoint in ('order_placed', 'paid')"},
    {{"follows", "order_placed then immediately paid"}, {"order_placed", "paid"}, false,
     "before = 'order_placed' and touchpoint = 'paid'"},
    {{"follows", "order_placed then paid"}, {"order_placed", "paid"}, false,
     "touchpoint = 'paid' and n > first_order"},
    {{"avoids", "order_placed then immediately order_placed"}, {"order_placed"}, true,
     "before = 'order_placed' and touchpoint = 'order_placed'"},
    {{"closed", "paid"}, {"paid"}, false, "touchpoint = 'paid'"},
    {{"open", "(paid or order_placed)"}, {"order_placed", "paid"}, true,
     "touchpoint in ('paid', 'order_placed')"},
    {{"min-duration", "500ms"}, {NULL}, false, "epoch_ms(latest) - epoch_ms(earliest) >= 500"},
    {{"max-duration", "2d"}, {NULL}, false, "epoch_ms(latest) - epoch_ms(earliest) <= 172800000"},
};
enum { CHOICES = sizeof choices / sizeof *choices };

// Behind "cased": its events, numbered.
static const char numbered[] =
    ", placed as (select *, row_number() over w as n, count(*) over v as total, lag(touchpoint) "
    "over w as before, min(time) over v as earliest, max(time) over v as latest from cased window "
    "w as (partition by customer, of_case order by time, arrival), v as (partition by customer, "
    "of_case)), counted as (select *, min(case when touchpoint = 'order_placed' then n end) over "
    "(partition by customer, of_case) as first_order from placed), chosen as (select c.* from "
    "cased c where (customer, of_case) ";

static void check(ds_code code, const ds_error *err) {
  if (code != DS_OK)
    fail_msg("%s", err->message);
}

static bool has_names(const ds_snapshot *snapshot, const choice *chosen) {
  bool has = true;
  for (uint32_t n = 0; n < 2 && chosen->needs[n] != NULL; n++)
    has &= ds_names_find(&snapshot->space.touchpoints, ds_str_of(chosen->needs[n])) != DS_NONE;
  return has;
}

// The question's own SQL text, in which our choice stands in place of its own.
static void put_chosen(const char *sql, const choice *chosen, ds_buf *out) {
  static const char place[] = ", chosen AS (SELECT * FROM cased)";
  for (const char *at = strstr(sql, place); at != NULL; at = strstr(sql, place)) {
    ds_buf_append(out, sql, (size_t)(at - sql));
    ds_buf_printf(out, "%s %s in (select (customer, of_case) from counted where %s))", numbered,
                  chosen->not_in ? "not" : "", chosen->where);
    sql = at + strlen(place);
  }
  ds_buf_text(out, sql);
}

static const oracle_question *question_named(const char *name) {
  const oracle_question *what = oracle_questions;
  while (strcmp(what->question, name) != 0)
    what++;
  return what;
}

static ds_request request_of(const ds_snapshot *snapshot, const ds_option_value *values,
                             uint32_t count, ds_arena *arena) {
  return (ds_request){.snapshot = snapshot, .options = {.values = values, .count = count},
                      .now_ms = 4000000000000LL, .threads = 2, .memory_bytes = 64u << 20,
                      .arena = arena};
}

// One question with one such option; returns how many rows were compared.
static uint32_t compare(const qw_world *world, const ds_snapshot *snapshot, const char *name,
                        const choice *chosen, ds_duck *duck) {
  const oracle_question *what = question_named(name);
  const ds_question *question = ds_question_find(ds_str_of(name));
  ds_arena arena;
  ds_arena_init(&arena, 256u << 20);
  ds_option_value values[5] = {{"columns", "all"}, {"rework", ""}};
  uint32_t count = strcmp(name, "process") == 0 ? 2 : 0;
  if (world->seed % 3 != 0)
    values[count++] = (ds_option_value){"case", "order_id"};
  if (count > 0 && world->seed % 2 == 0)
    values[count++] = (ds_option_value){strcmp(name, "process") == 0 ? "coverage" : "collapse",
                                        strcmp(name, "process") == 0 ? "0.5" : ""};
  ds_error err = {0};
  ds_buf sql, own;
  ds_buf_init(&sql, 1u << 20);
  ds_buf_init(&own, 1u << 20);
  ds_request request = request_of(snapshot, values, count, &arena);
  const bool known = has_names(snapshot, chosen) &&
                     (world->seed % 3 == 0 || snapshot->space.keys.count > 0);
  ds_result result;
  ds_result_init(&result, &arena, name);
  values[count] = chosen->option;
  request.options.count = count + 1;
  const ds_code code = ds_question_run(question, &request, &result, &err);
  uint32_t rows = 0;
  // A name that no event has may still be one that the catalogue knows.
  if (code == DS_OK) {
    request.options.count = count;
    check(ds_question_sql(question, &request, &own, &err), &err);
    put_chosen(ds_buf_cstr(&own), chosen, &sql);
    rows = oracle_check_sql(what, &request, &result, &sql, duck);
  } else {
    assert_int_equal(code, DS_EXPRESSION);
    assert_false(known);
  }
  ds_buf_done(&sql);
  ds_buf_done(&own);
  ds_arena_done(&arena);
  return rows;
}

static void test_choices(void **state) {
  (void)state;
  static qw_world world;
  ds_error err = {0};
  ds_duck *duck = NULL;
  uint32_t rows[CHOICES] = {0};
  check(ds_duck_open("build/libduckdb.so", NULL, (size_t)512 << 20, &duck, &err), &err);
  for (uint64_t w = 1; w <= (long_run() ? WORLDS_STRESS : WORLDS_USUAL); w++) {
    qw_make(&world, w * 13);
    if (world.count == 0)
      continue;
    oracle_fill(duck, &world);
    ds_snapshot *snapshot = qw_snapshot(&world, w % 2 == 0);
    for (uint32_t c = w % 4; c < CHOICES; c += long_run() ? 1 : 4)
      rows[c] += compare(&world, snapshot, (w / 4 + c) % 2 == 0 ? "process" : "variants",
                         &choices[c], duck);
    qw_snapshot_free(snapshot);
  }
  ds_duck_close(duck);
  for (uint32_t c = 0; c < CHOICES; c++)
    if (rows[c] < 20)
      fail_msg("--%s was compared in %u rows only", choices[c].option.name, rows[c]);
}

// Working time from Monday to Friday, 9 to 17 in UTC, up to an instant: whole weeks, whole days,
// and what the day has seen.
static const char work_sql[] =
    "create or replace macro work(t) as (t // 86400000 + 3) // 7 * 5 * 28800000 + least((t // "
    "86400000 + 3) % 7, 5) * 28800000 + case when (t // 86400000 + 3) % 7 < 5 then "
    "least(greatest(t % 86400000 - 32400000, 0), 28800000) else 0 end";

// The SQL text of a question, in which every instant is one of working time.
static void put_worked(const char *sql, ds_buf *out) {
  static const char instant[] = "epoch_ms(time)";
  for (const char *at = strstr(sql, instant); at != NULL; at = strstr(sql, instant)) {
    ds_buf_append(out, sql, (size_t)(at - sql));
    ds_buf_printf(out, "work(%s)", instant);
    sql = at + strlen(instant);
  }
  ds_buf_text(out, sql);
}

static uint32_t compare_hours(const ds_snapshot *snapshot, const char *name, bool by_case,
                              ds_duck *duck) {
  const ds_question *question = ds_question_find(ds_str_of(name));
  ds_arena arena;
  ds_arena_init(&arena, 256u << 20);
  ds_option_value values[3] = {{strcmp(name, "process") == 0 ? "rework" : "collapse", ""}};
  uint32_t count = 1;
  if (by_case)
    values[count++] = (ds_option_value){"case", "order_id"};
  values[count] = (ds_option_value){"hours", "mon-fri 09:00-12:00, mon-fri 11:00-17:00"};
  ds_error err = {0};
  ds_buf sql, own;
  ds_buf_init(&sql, 1u << 20);
  ds_buf_init(&own, 1u << 20);
  ds_request request = request_of(snapshot, values, count + 1, &arena);
  ds_result result;
  ds_result_init(&result, &arena, name);
  check(ds_question_run(question, &request, &result, &err), &err);
  request.options.count = count;
  check(ds_question_sql(question, &request, &own, &err), &err);
  put_worked(ds_buf_cstr(&own), &sql);
  const uint32_t rows = oracle_check_sql(question_named(name), &request, &result, &sql, duck);
  ds_buf_done(&sql);
  ds_buf_done(&own);
  ds_arena_done(&arena);
  return rows;
}

static void test_hours(void **state) {
  (void)state;
  static qw_world world;
  ds_error err = {0};
  ds_duck *duck = NULL;
  uint32_t rows = 0;
  check(ds_duck_open("build/libduckdb.so", NULL, (size_t)512 << 20, &duck, &err), &err);
  check(ds_duck_run(duck, work_sql, &err), &err);
  for (uint64_t w = 1; w <= (long_run() ? 500 : 16); w++) {
    qw_make(&world, w * 29);
    if (world.count == 0)
      continue;
    oracle_fill(duck, &world);
    ds_snapshot *snapshot = qw_snapshot(&world, w % 2 == 0);
    rows += compare_hours(snapshot, w % 4 < 2 ? "process" : "variants",
                          w % 3 != 0 && snapshot->space.keys.count > 0, duck);
    qw_snapshot_free(snapshot);
  }
  ds_duck_close(duck);
  assert_true(rows > 300);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_choices),
      cmocka_unit_test(test_hours),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
