// SPDX-License-Identifier: Apache-2.0
// Out of memory (sweep 3 of docs/durability.md) in questions: allocation number n fails, once or
// from then on, for one n in five, or with DS_STRESS=1 for every n. The answer is DS_MEMORY or, to
// the byte of its JSON or SQL, the one that enough memory gives, or says what it left out; never
// another, and nothing leaks (I12). Question and n make a case again.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "long_run.h"
#include "memory_faults.h"
#include "question_world.h"
#include "render/render.h"

enum { OPTIONS_MAX = 4, STRIDE_USUAL = 5 };
#define NO_FAILURE UINT64_MAX

typedef struct asked {
  const char *name; // behind SQL_OF its SQL text is asked for
  ds_option_value options[OPTIONS_MAX];
} asked;

#define SQL_OF "SQL of "
enum { SQL_OF_BYTES = sizeof SQL_OF - 1 };

static bool wants_sql(const asked *q) { return strncmp(q->name, SQL_OF, SQL_OF_BYTES) == 0; }

static const asked questions[] = {
    {"process", {{"case", "order_id"}, {"by", "color"}}},
    {"process", {{"where", "color = 'red' or value > 3"}, {"rework", ""}}},
    {"process", {{"coverage", "0.5"}, {"ends-with", "any[value >= 1]"}, {"node", "color"},
                 {"hours", "mon-sun 08:00-20:00"}}},
    {"process", {{"case", "order_id"},
                 {"list", "nodes touchpoint=order_placed column=occurrences"}}},
    {"map", {{"case", "order_id"}, {"score", "value"}, {"min-n", "1"}}},
    {"variants", {{"case", "order_id"}, {"outcome", "value"}, {"collapse", ""},
                  {"variant", "1-2"}}},
    {"conformance", {{"pattern", "^ any[value >= 1] then order_placed within 1d"},
                     {"outcome", "value"}, {"by", "color"}, {"min-n", "1"}}},
    {"trend", {{"measure", "p90"}, {"of", "value"}, {"per", "day"}, {"min-n", "1"}}},
    {"trend", {{"measure", "rate"}, {"of", "paid"}, {"case", "order_id"}}},
    {"paths", {{"after", "any[value >= 1]"}, {"by", "color"}}},
    {"retention", {{"start", "any[value >= 1]"}, {"per", "day"}, {"by", "color"}}},
    {"segment", {{"segment", "count(any) >= 3\nsince(any) < 1d"}, {"versus", "2023-01-04"},
                 {"overlap", ""}}},
    {"segment", {{"segment", "count(any) >= 3"}, {"by", "color"}}},
    {"features", {{"feature", "n=count(any)\nlast(any.color)\nsince(any)"},
                  {"as-of", "2031-01-04"}}},
    {"delivery", {{"promise", "day"}, {"groups", "color,weekday"}, {"score", "value"}}},
    {"delivery", {{"promise", "day"}, {"groups", "color"}, {"by", "color"},
                  {"list", "overall color=red column=deliveries"}}},
    {"quality", {{NULL, NULL}}},
    {"schema", {{NULL, NULL}}},
    {"find", {{"has", "order_placed[value >= 2]"}, {"case", "order_id"}}},
    {"timeline", {{"who", "C1"}}},
    {"tracking", {{"by", "color"}}},
    {"tracking", {{"list", "states state=ordered column=parcels"}}},
    {"tracking", {{"id", "O1"}}},
    {"funnel", {{"step", "order_placed\ndelivered"}, {"within", "3d"}, {"by", "color"}}},
    {SQL_OF "process", {{"case", "order_id"}, {"by", "color"}}},
    {SQL_OF "map", {{"case", "order_id"}, {"score", "value"}}},
    {SQL_OF "variants", {{"case", "order_id"}, {"outcome", "value"}}},
    {SQL_OF "funnel", {{"step", "order_placed\ndelivered"}, {"within", "3d"}, {"by", "color"}}},
    {SQL_OF "trend", {{"measure", "p90"}, {"of", "value"}, {"per", "day"}}},
    {SQL_OF "paths", {{"after", "any[value >= 1]"}, {"by", "color"}}},
    {SQL_OF "retention", {{"start", "any[value >= 1]"}, {"per", "day"}, {"by", "color"}}},
    {SQL_OF "segment", {{"segment", "count(any) >= 3\nsince(any) < 1d"}, {"overlap", ""}}},
    {SQL_OF "features", {{"feature", "n=count(any)\nlast(any.color)"}}},
    {SQL_OF "delivery", {{"promise", "day"}, {"groups", "color,weekday"}, {"by", "color"}}},
    {SQL_OF "quality", {{NULL, NULL}}},
    {SQL_OF "schema", {{NULL, NULL}}},
    {SQL_OF "find", {{"has", "order_placed[value >= 2]"}, {"case", "order_id"}}},
    {SQL_OF "timeline", {{"who", "C1"}}},
    {SQL_OF "tracking", {{NULL, NULL}}},
};

// The answer as JSON, appended to `out`, and its code.
static ds_code answer(const ds_snapshot *snapshot, const asked *q, ds_buf *out, ds_error *err) {
  ds_arena arena;
  ds_arena_init(&arena, (size_t)256 << 20);
  uint32_t count = 0;
  while (count < OPTIONS_MAX && q->options[count].name != NULL)
    count++;
  const ds_request request = {.snapshot = snapshot,
                              .options = {.values = q->options, .count = count},
                              .now_ms = 4000000000000LL, .threads = 1,
                              .memory_bytes = (size_t)64 << 20, .arena = &arena};
  const ds_render_options how = {.columns = 80};
  ds_result result;
  ds_result_init(&result, &arena, q->name);
  const bool sql = wants_sql(q);
  const ds_question *question = ds_question_find(ds_str_of(q->name + (sql ? SQL_OF_BYTES : 0)));
  ds_code code = sql ? ds_question_sql(question, &request, out, err)
                     : ds_question_run(question, &request, &result, err);
  if (code == DS_OK)
    code = sql ? ds_buf_check(out, "the SQL text", err)
               : ds_render_json(&result, &how, out, err);
  ds_arena_done(&arena);
  return code;
}

// Tells the first line that differs.
static void fail_at_difference(const asked *q, uint64_t n, bool persistent, const char *found,
                               const char *expected) {
  size_t line = 0;
  for (size_t i = 0; found[i] == expected[i] && found[i] != '\0'; i++)
    if (found[i] == '\n')
      line = i + 1;
  const int size = (int)strcspn(found + line, "\n"), other = (int)strcspn(expected + line, "\n");
  fail_msg("%s, allocation %ju%s: %.*s\n--- instead of: %.*s", q->name, (uintmax_t)n,
           persistent ? " and later" : "", size, found + line, other, expected + line);
}

// One case; returns how many allocations were asked for.
static uint64_t run(const ds_snapshot *snapshot, const asked *q, uint64_t n, bool persistent,
                    const ds_buf *expected) {
  ds_buf out;
  ds_buf_init(&out, (size_t)64 << 20);
  ds_error err = {.message = ""};
  memory_faults_arm(n, persistent);
  const ds_code code = answer(snapshot, q, &out, &err);
  bool failed;
  const uint64_t asked_for = memory_faults_disarm(&failed);
  if (code != DS_OK && (code != DS_MEMORY || !failed))
    fail_msg("%s, allocation %ju%s: %s: %s", q->name, (uintmax_t)n,
             persistent ? " and later" : "", ds_code_name(code), err.message);
  // What was left out for want of memory is told.
  const bool told = code == DS_OK && strstr(ds_buf_cstr(&out), "needs more --memory") != NULL;
  if (code == DS_OK && !told &&
      (out.size != expected->size || memcmp(out.data, expected->data, out.size) != 0))
    fail_at_difference(q, n, persistent, (const char *)out.data, (const char *)expected->data);
  ds_buf_done(&out);
  return asked_for;
}

static void test_question(void **state) {
  const asked *q = *state;
  static qw_world world;
  qw_make(&world, 12);
  ds_snapshot *snapshot = qw_snapshot(&world, false);
  ds_buf expected;
  ds_buf_init(&expected, (size_t)64 << 20);
  ds_error err;
  if (answer(snapshot, q, &expected, &err) != DS_OK)
    fail_msg("%s: %s", q->name, err.message);
  (void)ds_buf_cstr(&expected);
  const uint64_t all = run(snapshot, q, NO_FAILURE, false, &expected);
  assert_true(all > (wants_sql(q) ? 2 : 10));
  // Odd strides meet both kinds of failure. A text asks for little.
  const uint64_t stride = long_run() || wants_sql(q) ? 1 : STRIDE_USUAL;
  for (uint64_t i = 0; i < all * 2; i += stride)
    (void)run(snapshot, q, i / 2, i % 2 == 1, &expected);
  ds_buf_done(&expected);
  qw_snapshot_free(snapshot);
}

int main(void) {
  memory_faults_install();
  enum { COUNT = sizeof questions / sizeof *questions };
  struct CMUnitTest tests[COUNT];
  for (size_t i = 0; i < COUNT; i++)
    tests[i] = (struct CMUnitTest){questions[i].name, test_question, NULL, NULL,
                                   (void *)(uintptr_t)&questions[i]};
  return cmocka_run_group_tests_name("question memory", tests, NULL, NULL);
}
