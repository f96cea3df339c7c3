// SPDX-License-Identifier: Apache-2.0
// What texts mean over a store: kinds, positions, and every word of the language that completion
// offers; what a store is said to hold.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ask/describe.h"
#include "ask/explain.h"
#include "lang/words.h"
#include "store_world.h"

static ds_ask *make_ask(store_world *world) {
  ds_store *store = world_open_ok(world, true);
  assert_int_equal(world_append(world, store, 30), DS_OK);
  ds_store_close(store);
  ds_store_options options;
  ds_store_options_init(&options);
  options.io = world->io;
  const ds_ask_options none = {.segments = NULL};
  ds_ask *ask = NULL;
  assert_int_equal(ds_ask_open(world->path, &options, &none, &ask, NULL), DS_OK);
  return ask;
}

static ds_code explain(const ds_ask *ask, const char *text, const char *where, ds_error *err) {
  ds_arena arena;
  ds_request request;
  ds_explain_kind kind;
  ds_arena_init(&arena, 64u << 20);
  ds_result *result = ds_arena_alloc(&arena, sizeof *result);
  ds_result_init(result, &arena, "explain");
  assert_int_equal(ds_ask_select(ask, NULL, 0, &arena, &request, NULL), DS_OK);
  assert_true(ds_explain_kind_of(where, &kind));
  const ds_code code = ds_explain(&request, text, kind, result, err);
  assert_true(code != DS_OK || strlen(result->definition) > 0);
  ds_arena_done(&arena);
  return code;
}

// The example of each word is read as what the word belongs to, and has the word in it.
static void test_words(void **state) {
  ds_ask *ask = make_ask(*state);
  for (uint32_t w = 0; w < ds_language_words_count; w++) {
    const ds_language_word *word = &ds_language_words[w];
    ds_error err = {.code = DS_OK};
    if (explain(ask, word->usage, word->where, &err) != DS_OK)
      fail_msg("%s: %s", word->usage, err.message);
    const char *last = strrchr(word->name, ' ');
    if (*word->name != '{' && strstr(word->usage, last == NULL ? word->name : last + 1) == NULL)
      fail_msg("%s is no example of %s", word->usage, word->name);
  }
  ds_ask_free(ask);
}

static const struct {
  const char *text;
  const char *kind;
  ds_code code;
  uint32_t line, column;
} texts[] = {
    {"value > 1", "any", DS_OK, 0, 0},
    {"value > 1", "event", DS_OK, 0, 0},
    {"order_placed[value > 1]", "selector", DS_OK, 0, 0},
    {"order_placed[value > 1]", "any", DS_OK, 0, 0},
    {"count(any) > 1", "any", DS_OK, 0, 0},
    {"count(any) > 1", "case", DS_OK, 0, 0},
    {"count(any) > 1", "event", DS_EXPRESSION, 1, 1},
    {"value >\n> 1", "event", DS_EXPRESSION, 2, 1},
    {"count(order_place) > 1", "case", DS_EXPRESSION, 1, 7},
    {"count(any", "any", DS_EXPRESSION, 1, 6},
};

static void test_kinds(void **state) {
  ds_ask *ask = make_ask(*state);
  ds_explain_kind kind;
  assert_false(ds_explain_kind_of("cases", &kind));
  for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
    ds_error err = {.code = DS_OK};
    const ds_code code = explain(ask, texts[t].text, texts[t].kind, &err);
    if (code != texts[t].code || err.line != texts[t].line || err.column != texts[t].column)
      fail_msg("%s as %s: %s at %u:%u", texts[t].text, texts[t].kind, err.message, err.line,
               err.column);
  }
  ds_ask_free(ask);
}

static void expect(const char *text, const char *part) {
  if (strstr(text, part) == NULL)
    fail_msg("%s lacks %s", text, part);
}

static void test_store(void **state) {
  ds_ask *ask = make_ask(*state);
  ds_buf text;
  ds_buf_init(&text, 1u << 20);
  ds_json json = ds_json_to(&text, false);
  assert_int_equal(ds_describe_store(ask, "one", 64u << 20, NULL, &json, NULL), DS_OK);
  expect(ds_buf_cstr(&text), "\"snapshot\":\"one\",\"events\":30,\"customers\":23,");
  expect(ds_buf_cstr(&text), "\"case_keys\":[{\"name\":\"order_id\",\"cases\":30}]");
  expect(ds_buf_cstr(&text), "{\"name\":\"delivered\",\"stage\":\"delivery\","
                             "\"channel\":\"carrier\",\"owner\":\"carrier_desk\","
                             "\"actor\":\"carrier\",\"events\":10}");
  expect(ds_buf_cstr(&text), "{\"name\":\"value\",\"type\":\"number\"}");
  expect(ds_buf_cstr(&text), "{\"name\":\"lapsed\",\"condition\":\"since(actor:customer) > 90d\"}");
  ds_buf_done(&text);
  ds_ask_free(ask);
}

int main(void) {
#define TEST(name) \
  cmocka_unit_test_setup_teardown(name, world_set_up_sim, world_tear_down)
  const struct CMUnitTest tests[] = {TEST(test_words), TEST(test_kinds), TEST(test_store)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
