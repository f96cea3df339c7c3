// SPDX-License-Identifier: Apache-2.0
// Out of memory (sweep 3 of docs/durability.md) while a store is opened to be asked, its boards and
// names are described, an expression is explained, an answer rendered and a report made: the same
// bytes, or DS_MEMORY; of a report also one that says what has no answer for want of memory.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "ask/describe.h"
#include "ask/explain.h"
#include "memory_faults.h"
#include "memory_sweep.h"
#include "render/render.h"
#include "render/report.h"
#include "store_world.h"

enum { EVENTS = 60 };

// Graphviz loses memory of each picture in its own code (Debian 12: 2.42.2); that is not ours to
// mend. The sanitizer finds this function by its name, so it must be visible.
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
  return "leak:libgvc\nleak:libcgraph\nleak:libgvplugin\n";
}

static store_world world;
static ds_ask *opened; // with memory enough

static const char settings_text[] =
    "time_zone: Europe/Berlin\n"
    "questions:\n"
    "  - {name: late, question: funnel, arguments: [order_placed, delivered],\n"
    "     options: {within: 30d, case: order_id}}\n"
    "boards:\n"
    "  - name: monday\n"
    "    title: Mondays\n"
    "    tiles:\n"
    "      - {saved: late, title: Late}\n"
    "      - {question: map}\n"
    "      - {question: process, options: {case: order_id}}\n"
    "      - {question: trend, options: {per: week, where: value > 1}}\n";

static void write_file(const char *name, const char *text) {
  char path[320];
  snprintf(path, sizeof path, "%s/%s", world.path, name);
  assert_int_equal(ds_io_replace_file(world.io, world.path, path, text, strlen(text), NULL), DS_OK);
}

static ds_code open_ask(ds_ask **ret_ask, ds_error *err) {
  const ds_ask_options none = {.segments = NULL};
  ds_store_options options;
  ds_store_options_init(&options);
  options.threads = 1; // so that allocations have an order
  options.memory_bytes = (size_t)64 << 20;
  return ds_ask_open(world.path, &options, &none, ret_ask, err);
}

static void print_ask(const ds_ask *ask, ds_buf *out) {
  char identity[DS_ASK_IDENTITY_BYTES];
  ds_ask_identity(ask, INT64_MAX, identity);
  ds_buf_printf(out, "%s %ju %s %jd %u %u\n", identity, (uintmax_t)ask->snapshot->events,
                ask->settings.time_zone, (intmax_t)ds_zone_local_ms(ask->zone, 1720000000000),
                ask->segments_count, ask->settings.boards.count);
  for (uint32_t s = 0; s < ask->segments_count; s++)
    ds_buf_printf(out, "%s: %s\n", ask->segments[s].name, ask->segments[s].expression);
}

static ds_code open_it(const void *context, ds_buf *out, ds_error *err) {
  (void)context;
  ds_ask *ask = NULL;
  TRY(open_ask(&ask, err));
  print_ask(ask, out);
  ds_ask_free(ask);
  return ds_buf_check(out, "the test", err);
}

static ds_code open_again(const void *context, ds_buf *out, ds_error *err) {
  (void)context;
  ds_ask *ask = NULL;
  bool changed = true;
  TRY(ds_ask_again(opened, &ask, err));
  print_ask(ask, out);
  const ds_code code = ds_ask_changed(ask, &changed, err);
  assert_true(code != DS_OK || !changed);
  ds_ask_free(ask);
  return code == DS_OK ? ds_buf_check(out, "the test", err) : code;
}

// Somebody's address, and words of which several make one text.
static ds_code request_it(const void *context, ds_buf *out, ds_error *err) {
  (void)context;
  static const ds_option_value given[] = {
      {"step", "order_placed"}, {"step", "delivered"},  {"within", "30d"},
      {"case", "order_id"},     {"where", "value > 1"}, {"where", "value < 9"}};
  ds_arena arena;
  ds_request request;
  ds_arena_init(&arena, (size_t)16 << 20);
  ds_code code = ds_ask_request(opened, ds_question_find(ds_str_of("funnel")), given,
                                sizeof given / sizeof *given, &arena, &request, err);
  for (uint32_t i = 0; code == DS_OK && i < request.options.count; i++)
    ds_buf_printf(out, "%s=%s\n", request.options.values[i].name, request.options.values[i].text);
  if (code == DS_OK)
    code = ds_buf_check(out, "the test", err);
  ds_arena_done(&arena);
  return code;
}

static ds_code describe(const void *context, ds_buf *out, ds_error *err) {
  (void)context;
  ds_json json = ds_json_to(out, true);
  ds_describe_questions(&json);
  ds_describe_language(&json);
  TRY(ds_describe_store(opened, "x", (size_t)64 << 20, NULL, &json, err));
  return ds_buf_check(out, "the description", err);
}

static ds_code board_json(const void *context, ds_buf *out, ds_error *err) {
  (void)context;
  static const ds_option_value where = {"where", "value > 2"};
  const ds_option_set more = {.values = &where, .count = 1};
  ds_arena arena;
  ds_json json = ds_json_to(out, true);
  ds_arena_init(&arena, (size_t)16 << 20);
  const ds_board *board = &opened->settings.boards.items[0];
  ds_code code = ds_board_check(board, &opened->settings.saved, &arena, err);
  if (code == DS_OK)
    code = ds_board_json(board, &opened->settings.saved, &more, &arena, &json, err);
  if (code == DS_OK)
    code = ds_buf_check(out, "the board", err);
  ds_arena_done(&arena);
  return code;
}

static ds_code explain(const void *context, ds_buf *out, ds_error *err) {
  ds_arena arena;
  ds_request request;
  ds_result result;
  const ds_render_options how = {.columns = 80};
  ds_arena_init(&arena, (size_t)64 << 20);
  ds_result_init(&result, &arena, "explain");
  ds_code code = ds_ask_select(opened, NULL, 0, &arena, &request, err);
  if (code == DS_OK)
    code = ds_explain(&request, context, DS_EXPLAIN_ANY, &result, err);
  if (code == DS_OK)
    code = ds_render_table(&result, &how, out, err);
  ds_arena_done(&arena);
  return code;
}

// The process map in a format, whose name is the context.
static ds_code render(const void *context, ds_buf *out, ds_error *err) {
  ds_arena arena;
  ds_request request;
  ds_result result;
  const ds_question *question = ds_question_find(ds_str_of("process"));
  const ds_render_options how = {.columns = 60};
  memory_faults_pause();
  ds_arena_init(&arena, (size_t)64 << 20);
  ds_result_init(&result, &arena, question->name);
  assert_int_equal(ds_ask_request(opened, question, NULL, 0, &arena, &request, NULL), DS_OK);
  assert_int_equal(ds_question_run(question, &request, &result, NULL), DS_OK);
  memory_faults_resume();
  const ds_code code = ds_format_of_name(ds_str_of(context))->render(&result, &how, out, err);
  ds_arena_done(&arena);
  return code;
}

// Some tile has no answer, or not all of it: that must be for want of memory, and the report must
// say so.
static ds_code tell(const ds_report_outcome *outcome, ds_buf *page, ds_error *err) {
  if (outcome->failed == 0)
    return strstr(ds_buf_cstr(page), "needs more --memory") == NULL
               ? DS_OK
               : ds_fail(err, DS_MEMORY, "out of memory for a note");
  memory_faults_pause();
  if (outcome->first != DS_MEMORY)
    fail_msg("%s", strstr(ds_buf_cstr(page), "\"error\":\""));
  assert_non_null(strstr(ds_buf_cstr(page), "\"error\":\""));
  assert_non_null(strstr(ds_buf_cstr(page), "memory"));
  memory_faults_resume();
  return ds_fail(err, DS_MEMORY, "out of memory for a tile");
}

static ds_code report(const void *context, ds_buf *out, ds_error *err) {
  (void)context;
  const ds_report of = {.ask = opened, .board = &opened->settings.boards.items[0],
                        .command = "doorstep report monday", .script = ds_str_of("let a;"),
                        .style = ds_str_of("p{}")};
  ds_report_outcome outcome;
  TRY(ds_report_make(&of, out, &outcome, err));
  return tell(&outcome, out, err);
}

static const memory_case cases[] = {
    {"opened", open_it, NULL, NULL},
    {"opened again", open_again, NULL, NULL},
    {"a request", request_it, NULL, NULL},
    {"described", describe, NULL, NULL},
    {"a board", board_json, NULL, NULL},
    {"a condition explained", explain, NULL, "value > 1 and touchpoint = 'order_placed'"},
    {"a case explained", explain, NULL, "count(order_placed[value > 1], last 9d) > 2"},
    {"a table", render, NULL, "table"},
    {"CSV", render, NULL, "csv"},
    {"a picture", render, NULL, "svg"},
    {"a report", report, NULL, NULL},
};

static int make_world(void **state) {
  (void)state;
  world_init_posix(&world);
  world.threads = 1;
  ds_store *store = world_open_ok(&world, true);
  assert_int_equal(world_append(&world, store, EVENTS), DS_OK);
  ds_store_close(store);
  write_file("doorstep.yaml", settings_text);
  write_file("segments.yaml", "many: count(any) >= 3\n");
  assert_int_equal(open_ask(&opened, NULL), DS_OK);
  return 0;
}

static int drop_world(void **state) {
  (void)state;
  ds_ask_free(opened);
  world_done(&world);
  return 0;
}

int main(void) {
  memory_faults_install();
  enum { COUNT = sizeof cases / sizeof *cases };
  struct CMUnitTest tests[COUNT];
  for (size_t i = 0; i < COUNT; i++)
    tests[i] = (struct CMUnitTest){cases[i].name, memory_sweep_test, NULL, NULL,
                                   (void *)(uintptr_t)&cases[i]};
  return cmocka_run_group_tests_name("ask memory", tests, make_world, drop_world);
}
