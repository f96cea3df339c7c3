// SPDX-License-Identifier: Apache-2.0
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/sum.h"

static void test_equal_and_compare(void **state) {
  (void)state;
  const ds_str none = {NULL, 0};
  assert_true(ds_str_equal(none, ds_str_of("")));
  assert_false(ds_str_equal(ds_str_of("a"), ds_str_of("b")));
  assert_false(ds_str_equal(ds_str_of("a"), ds_str_of("ab")));
  assert_int_equal(ds_str_compare(none, none), 0);
  assert_true(ds_str_compare(none, ds_str_of("a")) < 0);
  assert_true(ds_str_compare(ds_str_of("ab"), ds_str_of("a")) > 0);
  // Bytes are unsigned: a letter beyond ASCII comes after all of ASCII.
  assert_true(ds_str_compare(ds_str_of("\xC3\xA4"), ds_str_of("z")) > 0);
  assert_true(ds_str_equal_nocase(ds_str_of("Ab_9"), ds_str_of("aB_9")));
  assert_false(ds_str_equal_nocase(ds_str_of("a"), ds_str_of("ab")));
  assert_false(ds_str_equal_nocase(ds_str_of("["), ds_str_of("{")));
}

static void test_integers(void **state) {
  (void)state;
  int64_t value = 5;
  assert_true(ds_str_to_i64(ds_str_of("-9223372036854775808"), &value));
  assert_true(value == INT64_MIN);
  assert_true(ds_str_to_i64(ds_str_of("9223372036854775807"), &value));
  assert_true(value == INT64_MAX);
  assert_true(ds_str_to_i64(ds_str_of("-0"), &value));
  assert_int_equal(value, 0);
  assert_true(ds_str_to_i64((ds_str){"123", 2}, &value));
  assert_int_equal(value, 12);
  const char *bad[] = {"", "-", "+1", " 1", "1 ", "1.0", "0x1", "9223372036854775808",
                       "-9223372036854775809", "1e3", "--1"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
    assert_false(ds_str_to_i64(ds_str_of(bad[i]), &value));
  assert_int_equal(value, 12);
  uint64_t big = 0;
  assert_true(ds_str_to_u64(ds_str_of("18446744073709551615"), &big));
  assert_true(big == UINT64_MAX);
  assert_false(ds_str_to_u64(ds_str_of("18446744073709551616"), &big));
  assert_false(ds_str_to_u64(ds_str_of("-1"), &big));
}

// Every accepted text gives the very double that the C library reads.
static void test_doubles(void **state) {
  (void)state;
  const char *good[] = {"0", "-0", "1", "-1.5", ".5", "5.", "1e3", "1E-3", "0.1", "123456789012345",
                        "1234567890123456789", "1e22", "1e23", "1e-22", "1e-23", "2.5e-324",
                        "1.7976931348623157e308", "0e999", "0.30000000000000004", "1e-400",
                        "9007199254740993", "00012.50", "4.35", "1e+5"};
  for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
    double value = NAN;
    assert_true(ds_str_to_double(ds_str_of(good[i]), &value));
    const double expected = strtod(good[i], NULL);
    assert_memory_equal(&value, &expected, sizeof(value));
  }
  double value = 7;
  const char *bad[] = {"", "-", ".", "e5", "1e", "1e+", "nan", "inf", "1e309", "0x10", " 1", "1 ",
                       "1,5", "+1", "1.2.3", "--1", "1_000"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
    assert_false(ds_str_to_double(ds_str_of(bad[i]), &value));
  assert_true(value >= 7 && value <= 7);
}

static void test_doubles_at_their_longest(void **state) {
  (void)state;
  char text[513];
  memset(text, '0', sizeof(text));
  text[510] = '7';
  double value = 0;
  assert_true(ds_str_to_double((ds_str){text, 511}, &value));
  assert_true(value >= 7 && value <= 7);
  assert_false(ds_str_to_double((ds_str){text, 512}, &value));
}

static void test_doubles_round_trip(void **state) {
  (void)state;
  uint64_t bits = 88172645463325252u;
  for (int i = 0; i < 20000; i++) {
    bits ^= bits << 13;
    bits ^= bits >> 7;
    bits ^= bits << 17;
    double number;
    memcpy(&number, &bits, sizeof(number));
    if (!isfinite(number))
      continue;
    char text[40];
    snprintf(text, sizeof(text), i % 2 == 0 ? "%.17g" : "%.12g", number);
    const double expected = strtod(text, NULL);
    double value = 0;
    assert_true(ds_str_to_double(ds_str_of(text), &value));
    assert_memory_equal(&value, &expected, sizeof(value));
  }
}

static void test_durations(void **state) {
  (void)state;
  const struct {
    const char *text;
    int64_t ms;
  } good[] = {{"90d", 7776000000}, {"12h", 43200000},   {"1h30m", 5400000}, {"250ms", 250},
              {"2w", 1209600000},  {"1d12h", 129600000}, {"0s", 0},          {"5min", 300000},
              {"1m30s", 90000},    {"1s500ms", 1500}};
  for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
    int64_t ms = -1;
    assert_true(ds_str_to_duration_ms(ds_str_of(good[i].text), &ms));
    assert_true(ms == good[i].ms);
  }
  int64_t ms = 3;
  const char *bad[] = {"", "90", "d", "1x", "-1d", "1h 30m", "30m1h", "1h1h", "1m1min", "1.5h",
                       "99999999999999999999d", "9223372036854775807s", "1D",
                       "15250284452w1d9223372036854775807ms"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
    assert_false(ds_str_to_duration_ms(ds_str_of(bad[i]), &ms));
  assert_int_equal(ms, 3);
}

static void test_nearest(void **state) {
  (void)state;
  const char *names[] = {"purchase", "sign_up", "page_view", "email open"};
  const size_t count = sizeof(names) / sizeof(*names);
  assert_string_equal(ds_str_nearest(ds_str_of("purchas"), names, count), "purchase");
  assert_string_equal(ds_str_nearest(ds_str_of("purhcase"), names, count), "purchase");
  assert_string_equal(ds_str_nearest(ds_str_of("SignUp"), names, count), "sign_up");
  assert_string_equal(ds_str_nearest(ds_str_of("emailopen"), names, count), "email open");
  assert_string_equal(ds_str_nearest(ds_str_of("page views"), names, count), "page_view");
  assert_null(ds_str_nearest(ds_str_of("refund"), names, count));
  assert_null(ds_str_nearest(ds_str_of(""), names, count));
  assert_null(ds_str_nearest(ds_str_of("x"), names, 0));
}

// A third of the length is the limit: one of three letters yes, one of two no; a swap is one edit.
static void test_nearest_limit(void **state) {
  (void)state;
  const char *names[] = {"abc"};
  assert_non_null(ds_str_nearest(ds_str_of("abx"), names, 1));
  assert_non_null(ds_str_nearest(ds_str_of("acb"), names, 1));
  assert_null(ds_str_nearest(ds_str_of("ab"), names, 1));
  assert_null(ds_str_nearest(ds_str_of("axx"), names, 1));
  const char *tie[] = {"abcx", "abcy"};
  assert_string_equal(ds_str_nearest(ds_str_of("abcz"), tie, 2), "abcx");
}

static void test_nearest_long_names(void **state) {
  (void)state;
  char text[300];
  memset(text, 'a', sizeof(text));
  char other[256];
  memset(other, 'a', 255);
  other[255] = '\0';
  const char *names[] = {other};
  assert_ptr_equal(ds_str_nearest((ds_str){text, 255}, names, 1), other);
  assert_null(ds_str_nearest((ds_str){text, 256}, names, 1));
}

static void test_human_count(void **state) {
  (void)state;
  char out[32];
  assert_string_equal(ds_human_count(out, 0), "0");
  assert_string_equal(ds_human_count(out, 999), "999");
  assert_string_equal(ds_human_count(out, 1000), "1,000");
  assert_string_equal(ds_human_count(out, 12345), "12,345");
  assert_string_equal(ds_human_count(out, UINT64_MAX), "18,446,744,073,709,551,615");
}

static void test_human_duration(void **state) {
  (void)state;
  const struct {
    int64_t ms;
    const char *text;
  } rows[] = {{0, "0"},              {950, "950 ms"},        {999, "999 ms"},
              {1000, "1.0 s"},       {9949, "9.9 s"},        {9950, "10 s"},
              {45000, "45 s"},       {59499, "59 s"},        {59500, "1.0 min"},
              {90000, "1.5 min"},    {5400000, "1.5 h"},     {276480000, "3.2 d"},
              {86399999, "1.0 d"},   {864000000, "10 d"},    {-5400000, "-1.5 h"},
              {-1, "-1 ms"},         {INT64_MIN, "-"},       {86400000000, "1,000 d"},
              {INT64_MAX, "106,751,991,167 d"}, {INT64_MIN + 1, "-106,751,991,167 d"}};
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    char out[32];
    assert_string_equal(ds_human_duration(out, rows[i].ms), rows[i].text);
  }
}

static void test_human_share(void **state) {
  (void)state;
  const struct {
    double share;
    const char *text;
  } rows[] = {{0, "0 %"},          {1, "100 %"},         {0.079, "7.9 %"},    {0.5, "50.0 %"},
              {0.0004, "< 0.1 %"}, {0.9999, "> 99.9 %"}, {0.999, "99.9 %"},   {0.001, "0.1 %"},
              {-0.079, "-7.9 %"},  {-0.0001, "> -0.1 %"}, {-0.99999, "< -99.9 %"},
              {1.5, "150.0 %"},    {(double)NAN, "-"},    {(double)INFINITY, "-"},
              {1e300, "-"},        {0.07949, "7.9 %"},    {0.0795, "8.0 %"},   {1.0001, "100 %"}};
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    char out[32];
    assert_string_equal(ds_human_share(out, rows[i].share), rows[i].text);
  }
}

static void test_human_bytes(void **state) {
  (void)state;
  const struct {
    uint64_t bytes;
    const char *text;
  } rows[] = {{0, "0 B"},           {1023, "1,023 B"},        {1024, "1.0 KiB"},
              {1572864, "1.5 MiB"}, {104857600, "100 MiB"},   {1048575, "1.0 MiB"},
              {1ull << 60, "1.0 EiB"}, {UINT64_MAX, "16 EiB"}};
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    char out[32];
    assert_string_equal(ds_human_bytes(out, rows[i].bytes), rows[i].text);
  }
}

static void test_columns(void **state) {
  (void)state;
  assert_int_equal(ds_str_columns(ds_str_of("")), 0);
  assert_int_equal(ds_str_columns(ds_str_of("abc")), 3);
  assert_int_equal(ds_str_columns(ds_str_of("Gr\xC3\xBC\xC3\x9F")), 4);
  assert_int_equal(ds_str_columns(ds_str_of("u\xCC\x88")), 1);            // combining diaeresis
  assert_int_equal(ds_str_columns(ds_str_of("\xE6\xBC\xA2\xE5\xAD\x97")), 4); // two wide ones
  assert_int_equal(ds_str_columns(ds_str_of("\xFF" "a\xE6\xBC")), 4);       // broken bytes
  assert_int_equal(ds_str_columns(ds_str_of("\t")), 0);
}

static void test_sum128(void **state) {
  (void)state;
  ds_sum128 sum = 0;
  for (int i = 0; i < 1000; i++)
    sum += INT64_MAX;
  assert_true(fabs(ds_sum128_mean(sum, 1000) - (double)INT64_MAX) < 1);
  assert_true(fabs(ds_sum128_mean(7, 2) - 3.5) < DBL_EPSILON);
  assert_true(fabs(ds_sum128_mean(-7, 2) + 3.5) < DBL_EPSILON);
}

// A small addend that a plain double loses is kept, in whatever order the sum is made.
static void test_double_double_keeps_small_addends(void **state) {
  (void)state;
  const double parts[] = {1e16, 1, -1e16, 1, 1e-3};
  for (size_t first = 0; first < 5; first++) {
    ds_dd sum = {0, 0};
    for (size_t i = 0; i < 5; i++)
      sum = ds_dd_add(sum, (ds_dd){parts[(first + i) % 5], 0});
    assert_true(fabs(sum.high - 2.001) < 1e-12);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_equal_and_compare),
      cmocka_unit_test(test_integers),
      cmocka_unit_test(test_doubles),
      cmocka_unit_test(test_doubles_at_their_longest),
      cmocka_unit_test(test_doubles_round_trip),
      cmocka_unit_test(test_durations),
      cmocka_unit_test(test_nearest),
      cmocka_unit_test(test_nearest_limit),
      cmocka_unit_test(test_nearest_long_names),
      cmocka_unit_test(test_human_count),
      cmocka_unit_test(test_human_duration),
      cmocka_unit_test(test_human_share),
      cmocka_unit_test(test_human_bytes),
      cmocka_unit_test(test_columns),
      cmocka_unit_test(test_sum128),
      cmocka_unit_test(test_double_double_keeps_small_addends),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
