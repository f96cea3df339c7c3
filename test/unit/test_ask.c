// SPDX-License-Identifier: Apache-2.0
// A store open to be asked: what it sees, when it has changed, what the request of options is, and
// which option an error is about.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "ask/ask.h"
#include "store_world.h"

static ds_ask *open_ask(const store_world *world) {
  ds_store_options options;
  ds_store_options_init(&options);
  options.io = world->io;
  ds_ask *ask = NULL;
  const ds_ask_options none = {.segments = NULL};
  assert_int_equal(ds_ask_open(world->path, &options, &none, &ask, NULL), DS_OK);
  return ask;
}

static void make_world(store_world *world, uint32_t events) {
  ds_store *store = world_open_ok(world, true);
  assert_int_equal(world_append(world, store, events), DS_OK);
  ds_store_close(store);
}

// Asks; the result lives in the arena.
static ds_code ask_with(const ds_ask *ask, const char *question, const ds_option_value *given,
                        uint32_t count, ds_arena *arena, ds_result **ret_result, ds_error *err) {
  const ds_question *row = ds_question_find(ds_str_of(question));
  ds_request request;
  *ret_result = ds_arena_alloc(arena, sizeof **ret_result);
  ds_result_init(*ret_result, arena, question);
  TRY(ds_ask_request(ask, row, given, count, arena, &request, err));
  request.threads = 1;
  return ds_question_run(row, &request, *ret_result, err);
}

static uint64_t count_events(const ds_ask *ask) {
  ds_arena arena;
  ds_result *result = NULL;
  uint64_t events = 0;
  ds_arena_init(&arena, 64u << 20);
  const ds_option_value per[] = {{"per", "month"}};
  assert_int_equal(ask_with(ask, "trend", per, 1, &arena, &result, NULL), DS_OK);
  const ds_table *table = ds_result_find(result, "periods");
  for (uint32_t r = 0; r < table->rows_count; r++)
    events += (uint64_t)
                  table->cells[r * table->columns_count + ds_table_column(table, "value")].i;
  ds_arena_done(&arena);
  return events;
}

static bool has_changed(const ds_ask *ask) {
  bool changed = false;
  assert_int_equal(ds_ask_changed(ask, &changed, NULL), DS_OK);
  return changed;
}

static void write_file(const store_world *world, const char *name, const char *text) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", world->path, name);
  assert_int_equal(ds_io_replace_file(world->io, world->path, path, text, strlen(text), NULL),
                   DS_OK);
}

// An error in people's own segments says where they stand, also once nothing is open any more.
static void test_bad_segments(void **state) {
  store_world *world = *state;
  char path[512];
  make_world(world, 1);
  write_file(world, "segments.yaml", "many: count(any) >= 3\nfew = 5\n");
  snprintf(path, sizeof path, "%s/segments.yaml", world->path);
  ds_store_options options;
  ds_store_options_init(&options);
  options.io = world->io;
  for (uint32_t named = 0; named < 2; named++) {
    const ds_ask_options told = {.segments = named == 0 ? NULL : path};
    ds_ask *ask = NULL;
    ds_error err = {.code = DS_OK};
    assert_int_equal(ds_ask_open(world->path, &options, &told, &ask, &err), DS_INPUT);
    assert_string_equal(err.file, path);
    assert_int_equal(err.line, 2);
  }
}

#define LATE INT64_MAX

static void expect_other(const ds_ask *a, const ds_ask *b, bool other) {
  char x[DS_ASK_IDENTITY_BYTES], y[DS_ASK_IDENTITY_BYTES];
  ds_ask_identity(a, LATE, x);
  ds_ask_identity(b, LATE, y);
  assert_int_equal(strlen(x), 32);
  assert_int_equal(strcmp(x, y) != 0, other);
}

// Each change is noticed; who asked before goes on seeing what was there.
static void test_changes(void **state) {
  store_world *world = *state;
  make_world(world, 5);
  ds_ask *first = open_ask(world);
  assert_int_equal(count_events(first), 5);
  assert_false(has_changed(first));
  ds_ask *same = NULL;
  assert_int_equal(ds_ask_again(first, &same, NULL), DS_OK);
  expect_other(first, same, false);

  make_world(world, 7);
  assert_true(has_changed(first));
  ds_ask *second = NULL;
  assert_int_equal(ds_ask_again(first, &second, NULL), DS_OK);
  assert_int_equal(count_events(second), 12);
  assert_int_equal(count_events(first), 5);
  expect_other(first, second, true);
  ds_ask_free(first);
  assert_int_equal(count_events(same), 5);
  ds_ask_free(same);
  assert_false(has_changed(second));

  write_file(world, "doorstep.yaml", "time_zone: Europe/Berlin\n");
  assert_true(has_changed(second));
  ds_ask *third = NULL;
  assert_int_equal(ds_ask_again(second, &third, NULL), DS_OK);
  expect_other(second, third, true);
  assert_string_equal(third->settings.time_zone, "Europe/Berlin");
  assert_string_equal(second->settings.time_zone, "UTC");
  write_file(world, "segments.yaml", "many: count(any) >= 3\n");
  assert_true(has_changed(third));
  ds_store *store = world_open_ok(world, true);
  ds_ask *fourth = open_ask(world);
  expect_other(third, fourth, true);
  assert_int_equal(ds_store_compact(store, NULL, NULL), DS_OK);
  ds_store_close(store);
  assert_true(has_changed(fourth));
  ds_ask_free(fourth);
  ds_ask_free(third);
  ds_ask_free(second);
}

// While the latest event lies ahead of the clock, answers go with the clock.
static void test_identity_follows_the_clock(void **state) {
  store_world *world = *state;
  make_world(world, 5);
  ds_ask *ask = open_ask(world);
  char early[DS_ASK_IDENTITY_BYTES], later[DS_ASK_IDENTITY_BYTES], late[DS_ASK_IDENTITY_BYTES];
  const int64_t last_ms = ask->snapshot->time_max_ms;
  ds_ask_identity(ask, last_ms - 1, early);
  ds_ask_identity(ask, last_ms - 2, later);
  assert_string_not_equal(early, later);
  ds_ask_identity(ask, last_ms, early);
  ds_ask_identity(ask, last_ms + 1, late);
  assert_string_equal(early, late);
  ds_ask_free(ask);
}

// What is given, and the values that the request gets of it: "name=text", one after the other.
static const struct {
  const char *question;
  ds_option_value given[5];
  const char *values;
} requests[] = {
    {"trend", {{"per", "day"}, {"per", "week"}, {"case", "order_id"}}, "per=week case=order_id "},
    {"funnel", {{"step", "a"}, {"within", "3d"}, {"step", "b"}}, "step=a\nb within=3d "},
    {"funnel", {{"step", "a\nb"}, {"without", "c:1-2"}, {"without", "d:1-2"}},
     "step=a\nb without=c:1-2 without=d:1-2 "},
    {"process", {{"rework", "true"}, {"derive", ""}}, "rework= derive= "},
    {"process", {{"rework", "true"}, {"derive", ""}, {"rework", "false"}}, "derive= "},
    {"map", {{NULL, NULL}}, ""},
};

static const struct {
  const char *question;
  ds_option_value given;
  const char *message;
} refusals[] = {
    {"map", {"wher", "a = 1"}, "map has no option --wher; did you mean --where?"},
    {"map", {"derive", "yes"}, "--derive: it is true or false, not 'yes'"},
    {"timeline", {"personal", "true"}, "--personal: personal values stay sealed here"},
    {"map", {"store", "x"}, "map has no option --store"},
};

static uint32_t given_count(const ds_option_value *given, uint32_t most) {
  uint32_t count = 0;
  while (count < most && given[count].name != NULL)
    count++;
  return count;
}

static void test_requests(void **state) {
  store_world *world = *state;
  make_world(world, 5);
  ds_ask *ask = open_ask(world);
  ds_arena arena;
  ds_arena_init(&arena, 16u << 20);
  ds_request request;
  for (size_t r = 0; r < sizeof requests / sizeof *requests; r++) {
    ds_buf text;
    ds_buf_init(&text, 4096);
    const ds_question *question = ds_question_find(ds_str_of(requests[r].question));
    assert_int_equal(ds_ask_request(ask, question, requests[r].given,
                                    given_count(requests[r].given, 5), &arena, &request, NULL),
                     DS_OK);
    for (uint32_t i = 0; i < request.options.count; i++)
      ds_buf_printf(&text, "%s=%s ", request.options.values[i].name,
                    request.options.values[i].text);
    assert_string_equal(ds_buf_cstr(&text), requests[r].values);
    ds_buf_done(&text);
  }
  for (size_t r = 0; r < sizeof refusals / sizeof *refusals; r++) {
    ds_error err = {.code = DS_OK};
    const ds_question *question = ds_question_find(ds_str_of(refusals[r].question));
    assert_int_equal(ds_ask_request(ask, question, &refusals[r].given, 1, &arena, &request, &err),
                     DS_USAGE);
    assert_memory_equal(err.message, refusals[r].message, strlen(refusals[r].message));
  }
  ds_option_value many[DS_ASK_OPTIONS_MAX + 1];
  for (uint32_t i = 0; i <= DS_ASK_OPTIONS_MAX; i++)
    many[i] = (ds_option_value){"limit", "1"};
  assert_int_equal(ds_ask_request(ask, &ds_questions[0], many, DS_ASK_OPTIONS_MAX + 1, &arena,
                                  &request, NULL), DS_LIMIT);
  ds_arena_done(&arena);
  ds_ask_free(ask);
}

// Virtual touchpoints have names for those who ask for them, and for no other.
static void test_derived_names(void **state) {
  store_world *world = *state;
  make_world(world, 9);
  ds_ask *ask = open_ask(world);
  const ds_option_value given[] = {{"list", "nodes touchpoint=shipment_stalled column=cases"},
                                   {"derive", ""}};
  for (uint32_t count = 2; count > 0; count--) {
    ds_arena arena;
    ds_result *result = NULL;
    ds_error err = {.code = DS_OK};
    ds_arena_init(&arena, 64u << 20);
    const ds_code code = ask_with(ask, "process", given, count, &arena, &result, &err);
    assert_int_equal(code, count == 2 ? DS_OK : DS_EXPRESSION);
    ds_arena_done(&arena);
  }
  ds_ask_free(ask);
}

// What is asked wrongly, and the option that is at fault; NULL: none can be told.
static const struct {
  const char *question;
  ds_option_value given[4];
  const char *option;
  uint32_t line, column;
} faults[] = {
    {"map", {{"where", "value >"}, {"case", "order_id"}}, "where", 1, 8},
    {"map", {{"case", "oder_id"}}, "case", 0, 0},
    {"map", {{"cases", "count(any) >= "}}, "cases", 1, 15},
    {"map", {{"where", "value > 1"}, {"cases", "count("}}, NULL, 1, 7},
    {"funnel", {{"step", "any"}, {"step", "any["}, {"within", "3d"}, {"where", "value > 1"}},
     "step", 2, 5},
    {"find", {{"id", "count(any[) > 1"}}, "id", 1, 11},
    {"map", {{"list", "stages stage=x column=cases"}}, "list", 0, 0},
    {"map", {{"as-of", "soon"}}, "as-of", 0, 0},
    {"map", {{"by", "colour"}}, "by", 0, 0},
};

static void test_blame(void **state) {
  store_world *world = *state;
  make_world(world, 9);
  ds_ask *ask = open_ask(world);
  for (size_t f = 0; f < sizeof faults / sizeof *faults; f++) {
    ds_arena arena;
    ds_result *result = NULL;
    ds_error err = {.code = DS_OK};
    const ds_option *option = NULL;
    const char *text = NULL;
    const uint32_t count = given_count(faults[f].given, 4);
    ds_arena_init(&arena, 64u << 20);
    const ds_code code =
        ask_with(ask, faults[f].question, faults[f].given, count, &arena, &result, &err);
    if (code == DS_OK)
      fail_msg("%s is answered with %s", faults[f].question, faults[f].given[0].text);
    const bool found = ds_ask_blame(ds_question_find(ds_str_of(faults[f].question)),
                                    faults[f].given, count, &err, &option, &text);
    if (found != (faults[f].option != NULL) ||
        (found && strcmp(option->name, faults[f].option) != 0) || err.line != faults[f].line ||
        err.column != faults[f].column)
      fail_msg("%s: %s at %u:%u is said to be about --%s", faults[f].question, err.message,
               err.line, err.column, found ? option->name : "nothing");
    ds_arena_done(&arena);
  }
  ds_ask_free(ask);
}

static void *ask_often(void *context) {
  const ds_ask *ask = context;
  for (uint32_t i = 0; i < 20; i++)
    assert_int_equal(count_events(ask), 40);
  return NULL;
}

// Several threads ask at once.
static void test_threads(void **state) {
  store_world *world = *state;
  make_world(world, 40);
  ds_ask *ask = open_ask(world);
  pthread_t thread[3];
  for (uint32_t t = 0; t < 3; t++)
    assert_int_equal(pthread_create(&thread[t], NULL, ask_often, ask), 0);
  for (uint32_t t = 0; t < 3; t++)
    pthread_join(thread[t], NULL);
  ds_ask_free(ask);
}

int main(void) {
#define TEST(name) \
  cmocka_unit_test_setup_teardown(name, world_set_up_posix, world_tear_down)
  const struct CMUnitTest tests[] = {
      TEST(test_changes), TEST(test_identity_follows_the_clock), TEST(test_requests),
      TEST(test_derived_names), TEST(test_blame), TEST(test_threads),
      TEST(test_bad_segments),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
