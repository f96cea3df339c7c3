// SPDX-License-Identifier: Apache-2.0
// What the simulator writes: the same for any number of threads, as many orders as asked for, and
// an end at the first failure. What the events tell is for test_ingest_simulate_{shop,saas}.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ingest/personal.h"
#include "ingest/simulate.h"
#include "ingest/simulate_phrases.h"
#include "ingest/simulate_walk.h"
#include "model/catalogue.h"

static ds_code keep(void *context, const void *data, size_t size, ds_error *err) {
  ds_buf *out = (ds_buf *)context;
  ds_buf_append(out, data, size);
  return ds_buf_check(out, "the text", err);
}

static ds_buf simulate(const char *kind, uint64_t orders, uint32_t threads, const char *format,
                       bool basic) {
  ds_simulate_options options;
  ds_simulate_options_init(&options);
  options.kind = kind;
  options.orders = orders;
  options.threads = threads;
  options.basic = basic;
  ds_buf out;
  ds_buf_init(&out, 64u << 20);
  assert_int_equal(ds_simulate_text(&options, format, keep, &out, NULL), DS_OK);
  return out;
}

static uint64_t lines_with(ds_buf *text, const char *word) {
  uint64_t count = 0;
  const size_t size = strlen(word);
  // Not by strstr: the sanitizer measures the whole text at each call.
  const char *end = (const char *)text->data + text->size;
  for (const char *at = (const char *)text->data;
       (at = memchr(at, word[0], (size_t)(end - at))) != NULL && (size_t)(end - at) >= size; at++)
    count += memcmp(at, word, size) == 0;
  return count;
}

static void test_threads(void **state) {
  (void)state;
  static const char *const formats[] = {"ndjson", "csv"};
  static const char *const kinds[] = {"shop", "saas"};
  for (int i = 0; i < 4; i++) {
    ds_buf one = simulate(kinds[i / 2], 1500, 1, formats[i % 2], false);
    for (uint32_t threads = 2; threads <= 5; threads += 3) {
      ds_buf many = simulate(kinds[i / 2], 1500, threads, formats[i % 2], false);
      assert_int_equal(one.size, many.size);
      assert_memory_equal(one.data, many.data, one.size);
      ds_buf_done(&many);
    }
    ds_buf_done(&one);
  }
}

// One customer alone is the one of a whole run: nothing is drawn from what others did.
static void test_alone(void **state) {
  (void)state;
  static ds_sim_world world;
  static ds_sim_journey before, alone;
  ds_sim_make *const make[] = {ds_sim_shop, ds_sim_saas};
  ds_sim_world_init(&world, 7, true, false);
  for (int kind = 0; kind < 2; kind++) {
    make[kind](&world, 4711, UINT32_MAX, &before);
    make[kind](&world, 12, UINT32_MAX, &alone);
    make[kind](&world, 4711, UINT32_MAX, &alone);
    assert_int_equal(before.count, alone.count);
    for (uint32_t i = 0; i < alone.count; i++) {
      const ds_sim_event *a = &before.events[before.sequence[i]];
      const ds_sim_event *b = &alone.events[alone.sequence[i]];
      assert_memory_equal(a, b, offsetof(ds_sim_event, values));
    }
  }
}

// Lines that come twice have the same id; the columns of a table have none, so it has no such row.
static void test_duplicates(void **state) {
  (void)state;
  ds_buf lines = simulate("shop", 3000, 2, "ndjson", false);
  ds_buf clean = simulate("shop", 3000, 2, "ndjson", true);
  ds_buf table = simulate("shop", 3000, 2, "csv", false);
  const uint64_t events = lines_with(&clean, "\n");
  const uint64_t twice = lines_with(&lines, "\n") - events;
  assert_int_equal(lines_with(&table, "\n"), events + 1);
  assert_true(twice > events / 400 && twice < events / 100);
  assert_int_equal(lines_with(&clean, "\"event\":\"order_placed\""), 3000);
  assert_int_equal(lines_with(&clean, "\"received\""), 0);
  ds_buf_done(&lines);
  ds_buf_done(&clean);
  ds_buf_done(&table);
}

// Where the lines of the last customer begin.
static size_t last_customer(const ds_buf *text) {
  const char *data = (const char *)text->data;
  size_t start = text->size - 1;
  while (data[start - 1] != '\n')
    start--;
  const size_t size = (size_t)(strchr(data + start, ',') - (data + start)) + 1;
  for (;;) {
    size_t before = start - 1;
    while (before > 0 && data[before - 1] != '\n')
      before--;
    if (memcmp(data + before, data + start, size) != 0)
      return start;
    start = before;
  }
}

// Exactly as many orders as asked for; all customers but the last are those of a longer run.
static void test_prefix(void **state) {
  (void)state;
  ds_buf longer = simulate("shop", 2000, 2, "csv", true);
  for (uint64_t orders = 1; orders <= 1700; orders = orders * 3 + 1) {
    ds_buf text = simulate("shop", orders, 3, "csv", true);
    assert_int_equal(lines_with(&text, ",order_placed,"), orders);
    assert_memory_equal(text.data, longer.data, last_customer(&text));
    ds_buf_done(&text);
  }
  ds_buf_done(&longer);
}

// Every touchpoint is one of the catalogue, by its own name.
static void test_names(void **state) {
  (void)state;
  for (uint32_t i = 0; i < DS_SIM_TOUCHPOINTS; i++) {
    const ds_touchpoint *known = ds_catalogue_find(NULL, ds_str_of(ds_sim_touchpoint_names[i]));
    assert_non_null(known);
    assert_string_equal(known->name, ds_sim_touchpoint_names[i]);
  }
}

// Addresses read as what they are, so that the gate leaves them out.
static void test_emails(void **state) {
  (void)state;
  for (uint64_t customer = 1; customer < 2000; customer++) {
    char email[64];
    const char *end = ds_sim_put_email(email, customer);
    assert_true(ds_personal_value((ds_str){email, (uint32_t)(end - email)}));
    assert_memory_equal(end - 12, "@example.com", 12);
  }
}

// Any text is short UTF-8 that needs no escape in JSON or CSV; without accents it is ASCII.
static void test_phrases(void **state) {
  (void)state;
  ds_dice dice = {5};
  uint32_t plain = 0;
  uint32_t accents = 0;
  for (uint32_t i = 0; i < 20000; i++) {
    char text[DS_SIM_REVIEW_BYTES_MAX];
    const bool portuguese = i % 2 == 1;
    const uint32_t phrases = ds_sim_draw_phrases(&dice, portuguese, 1 + i % 5, i % 3 == 0, false);
    const char *end = ds_sim_put_phrases(text, phrases);
    bool ascii = true;
    assert_true(end > text + 8 && end < text + sizeof text && end[-1] == '.');
    for (const char *at = text; at < end; at++) {
      assert_true((unsigned char)*at >= ' ' && *at != '"' && *at != '\\');
      // Two bytes, U+00C0 to U+00FF: the only letters beyond ASCII.
      if ((unsigned char)*at >= 0x80) {
        assert_true((unsigned char)at[0] == 0xc3 && ((unsigned char)at[1] & 0xc0) == 0x80);
        ascii = false;
        at++;
      }
    }
    assert_true(portuguese || ascii);
    plain += portuguese && ascii;
    accents += !ascii;
  }
  assert_true(plain > 2500 && accents > 3000);
}

static void test_refused(void **state) {
  (void)state;
  ds_simulate_options options;
  ds_simulate_options_init(&options);
  ds_error err;
  options.orders = 0;
  assert_int_equal(ds_simulate_text(&options, "csv", keep, NULL, &err), DS_USAGE);
  ds_simulate_options_init(&options);
  options.kind = "farm";
  assert_int_equal(ds_simulate_text(&options, "csv", keep, NULL, &err), DS_USAGE);
  ds_simulate_options_init(&options);
  assert_int_equal(ds_simulate_text(&options, "xml", keep, NULL, &err), DS_USAGE);
}

static ds_code fail_later(void *context, const void *data, size_t size, ds_error *err) {
  (void)data, (void)size;
  uint32_t *left = (uint32_t *)context;
  return (*left)-- > 0 ? DS_OK : ds_fail(err, DS_FULL, "no room");
}

// A failure in one chunk ends all threads, with the error of that chunk.
static void test_failure(void **state) {
  (void)state;
  ds_simulate_options options;
  ds_simulate_options_init(&options);
  options.threads = 4;
  ds_error err = {.code = DS_OK};
  uint32_t left = 3;
  assert_int_equal(ds_simulate_text(&options, "csv", fail_later, &left, &err), DS_FULL);
  assert_string_equal(err.message, "no room");
  ds_progress progress = {.report = NULL};
  atomic_store(&progress.stop, 1);
  options.progress = &progress;
  left = 100;
  assert_int_equal(ds_simulate_text(&options, "csv", fail_later, &left, &err), DS_INTERRUPTED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_threads), cmocka_unit_test(test_alone),
      cmocka_unit_test(test_duplicates), cmocka_unit_test(test_prefix),
      cmocka_unit_test(test_names),   cmocka_unit_test(test_emails),
      cmocka_unit_test(test_phrases), cmocka_unit_test(test_refused),
      cmocka_unit_test(test_failure),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
