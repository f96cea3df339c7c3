// SPDX-License-Identifier: Apache-2.0
// The small readers of an import against the slow ones they stand for: times, numbers, NFC; the
// quarantine's numbering; the shipped mapping and broken ones.
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "ingest/mapping.h"
#include "ingest/quarantine.h"
#include "ingest/read.h"
#include "model/time.h"

static uint64_t random_next(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return *state >> 33;
}

static void same_time(ds_date_cache *cache, const char *text) {
  int64_t fast = -1;
  int64_t slow = -1;
  bool fast_local = false;
  bool slow_local = false;
  bool date_only;
  const bool fast_ok = ds_read_time(cache, ds_str_of(text), &fast, &fast_local);
  const bool slow_ok = ds_time_parse(ds_str_of(text), &slow, &slow_local, &date_only);
  assert_int_equal(fast_ok, slow_ok);
  if (slow_ok) {
    assert_int_equal(fast, slow);
    assert_int_equal(fast_local, slow_local);
  }
}

static void test_times_as_the_slow_reader(void **state) {
  (void)state;
  static const char *const texts[] = {
      "2024-02-29 10:11:12", "2024-02-29T10:11:12Z", "2023-02-29 10:11:12", "2024-02-29 24:00:00",
      "2024-02-29 10:60:00", "2024-02-29 10:11:60", "2024-02-29 10:11:12.5Z", "2024-02-29",
      "2024-02-29T10:11:12+02:00", "2024-02-29x10:11:12", "2024-02-29 1a:11:12", "",
      "2024-02-29 10:11:12 ", "2024-02-29T10:11:1Z2", "0000-01-01 00:00:00",
  };
  ds_date_cache cache = {0};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    same_time(&cache, texts[i]);
  uint64_t seed = 7;
  for (int i = 0; i < 20000; i++) {
    char text[40];
    snprintf(text, sizeof text, "%04u-%02u-%02u %02u:%02u:%02u",
             (unsigned)random_next(&seed) % 40 + 1990, (unsigned)random_next(&seed) % 14,
             (unsigned)random_next(&seed) % 33,
             (unsigned)random_next(&seed) % 26, (unsigned)random_next(&seed) % 62,
             (unsigned)random_next(&seed) % 62);
    same_time(&cache, text);
  }
}

static void same_number(const char *text) {
  double fast = 0;
  double slow = 0;
  const bool fast_ok = ds_read_number(ds_str_of(text), &fast);
  assert_int_equal(fast_ok, ds_str_to_double(ds_str_of(text), &slow));
  if (fast_ok)
    assert_memory_equal(&fast, &slow, sizeof fast);
}

static void test_numbers_as_the_slow_reader(void **state) {
  (void)state;
  static const char *const texts[] = {
      "0", "-0", "1", "-1.5", ".5", "5.", "1e3", "1e400", "nan", "inf", "", "-", "+1", "1.2.3",
      "123456789012345", "1234567890123456", "0.1", "0.000000000000001", "179.99", "1,5", " 1",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    same_number(texts[i]);
  uint64_t seed = 9;
  for (int i = 0; i < 50000; i++) {
    char text[64];
    snprintf(text, sizeof text, "%s%llu.%0*llu", random_next(&seed) % 2 ? "-" : "",
             (unsigned long long)(random_next(&seed) % 100000000),
             (int)(random_next(&seed) % 9 + 1),
             (unsigned long long)(random_next(&seed) % 1000000000));
    same_number(text);
  }
}

static void test_nfc(void **state) {
  (void)state;
  ds_arena arena;
  ds_error err = {0};
  ds_str out;
  ds_arena_init(&arena, 1 << 20);
  const ds_str plain = ds_str_of("S\xc3\xa3o Paulo");
  assert_int_equal(ds_read_nfc(plain, &arena, &out, &err), DS_OK);
  assert_ptr_equal(out.data, plain.data);
  // "a" and a combining tilde become one letter.
  assert_int_equal(ds_read_nfc(ds_str_of("Sa\xcc\x83o"), &arena, &out, &err), DS_OK);
  assert_true(ds_str_equal(out, ds_str_of("S\xc3\xa3o")));
  ds_arena_done(&arena);
}

// The reader dropped records 3 and 6; ours were counted without them.
static void test_quarantine_numbers(void **state) {
  (void)state;
  ds_quarantine q;
  ds_error err = {0};
  ds_quarantine_init(&q);
  for (uint64_t record = 1; record <= 6; record++) {
    const ds_refusal refusal = {.record = record, .source = "f.csv", .column = "time",
                                .reason = DS_REASON_NO_TIME};
    assert_int_equal(ds_quarantine_add(&q, &refusal, 1, &err), DS_OK);
  }
  const uint64_t dropped[] = {3, 6};
  ds_quarantine_shift(&q, 0, dropped, 2);
  static const uint64_t expected[] = {1, 2, 4, 5, 7, 8};
  for (size_t i = 0; i < 6; i++)
    assert_int_equal(q.list[i].record, expected[i]);
  assert_int_equal(q.events, 6);
  assert_int_equal(q.values, 0);
  ds_quarantine_done(&q);
}

static void mapping_fails(const char *text, uint32_t line, const char *words) {
  ds_arena arena;
  ds_error err = {0};
  ds_mapping mapping;
  ds_arena_init(&arena, 1 << 20);
  assert_int_equal(ds_mapping_read(ds_str_of(text), "m.yaml", &arena, &mapping, &err), DS_INPUT);
  if (strstr(err.message, words) == NULL)
    fail_msg("\"%s\" does not say \"%s\"", err.message, words);
  assert_int_equal(err.line, line);
  ds_arena_done(&arena);
}

#define HEAD "doorstep_mapping: 1\nname: m\nfiles: {o: o.csv}\n"
#define SOURCE "sources:\n  - name: s\n    select: select * from o\n    events:\n"

static void test_mapping_errors(void **state) {
  (void)state;
  mapping_fails("", 1, "empty");
  mapping_fails("a: [1\n", 2, "not YAML");
  mapping_fails("doorstep_mapping: 2\nname: m\n", 1, "version 1");
  mapping_fails("name: m\n", 1, "doorstep_mapping is missing");
  mapping_fails(HEAD "source: 1\n", 4, "did you mean sources?");
  mapping_fails(HEAD "name: m\n", 4, "twice");
  mapping_fails(HEAD, 1, "sources is missing");
  mapping_fails(HEAD "sources: []\n", 4, "1 to 64");
  mapping_fails(HEAD SOURCE "      - {touchpoint: a, tim: t, customer: c}\n", 8,
                "did you mean time?");
  mapping_fails(HEAD SOURCE "      - {touchpoint: a, customer: c}\n", 8, "time is missing");
  mapping_fails(HEAD SOURCE "      - touchpoint: a\n        time: t\n        customer: c\n"
                "        properties:\n          v: {type: numbr}\n", 12, "must be number");
  mapping_fails(HEAD SOURCE "      - touchpoint: a\n        time: t\n        customer: c\n"
                "        properties:\n          v: {class: secret}\n", 12, "must be plain");
  mapping_fails("doorstep_mapping: 1\nname: m\nfiles: {o: ../o.csv}\n" SOURCE, 3,
                "without folders");
  mapping_fails("doorstep_mapping: 1\nname: m\nfiles:\n  o: {file: o.csv, optional: true}\n"
                SOURCE, 4, "needs columns");
}

static void test_mapping_olist(void **state) {
  (void)state;
  ds_str text;
  ds_arena arena;
  ds_error err = {0};
  ds_mapping m;
  ds_arena_init(&arena, 1 << 20);
  assert_true(ds_mapping_shipped("olist", &text));
  assert_false(ds_mapping_shipped("olis", &text));
  if (ds_mapping_read(text, "olist", &arena, &m, &err) != DS_OK)
    fail_msg("%s", err.message);
  assert_string_equal(m.name, "olist");
  assert_string_equal(m.time_zone, "America/Sao_Paulo");
  assert_int_equal(m.files_count, 6);
  assert_int_equal(m.sources_count, 2);
  assert_int_equal(m.sources[0].events_count, 4);
  assert_string_equal(m.sources[0].events[3].touchpoint, "delivered");
  assert_int_equal(m.sources[1].events[1].properties[3].class, DS_CLASS_PERSONAL);
  ds_arena_done(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_times_as_the_slow_reader),
      cmocka_unit_test(test_numbers_as_the_slow_reader),
      cmocka_unit_test(test_nfc),
      cmocka_unit_test(test_quarantine_numbers),
      cmocka_unit_test(test_mapping_errors),
      cmocka_unit_test(test_mapping_olist),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
