// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

// One document of every kind of value.
static void write_sample(ds_json *json) {
  ds_json_begin_object(json);
  ds_json_key(json, "n");
  ds_json_i64(json, INT64_MIN);
  ds_json_key(json, "u");
  ds_json_u64(json, UINT64_MAX);
  ds_json_key(json, "list");
  ds_json_begin_array(json);
  ds_json_bool(json, true);
  ds_json_bool(json, false);
  ds_json_null(json);
  ds_json_begin_object(json);
  ds_json_end_object(json);
  ds_json_end_array(json);
  ds_json_key(json, "t");
  ds_json_text(json, ds_str_of("x"));
  ds_json_end_object(json);
}

static void test_compact(void **state) {
  (void)state;
  ds_buf buf;
  ds_buf_init(&buf, 4096);
  ds_json json = ds_json_to(&buf, false);
  write_sample(&json);
  assert_string_equal(ds_buf_cstr(&buf),
                      "{\"n\":-9223372036854775808,\"u\":18446744073709551615,"
                      "\"list\":[true,false,null,{}],\"t\":\"x\"}");
  ds_buf_done(&buf);
}

static void test_pretty(void **state) {
  (void)state;
  ds_buf buf;
  ds_buf_init(&buf, 4096);
  ds_json json = ds_json_to(&buf, true);
  write_sample(&json);
  assert_string_equal(ds_buf_cstr(&buf), "{\n  \"n\": -9223372036854775808,\n"
                                         "  \"u\": 18446744073709551615,\n"
                                         "  \"list\": [\n    true,\n    false,\n    null,\n"
                                         "    {}\n  ],\n  \"t\": \"x\"\n}");
  ds_buf_done(&buf);
}

static void assert_text(ds_str text, const char *expected) {
  ds_buf buf;
  ds_buf_init(&buf, 4096);
  ds_json json = ds_json_to(&buf, false);
  ds_json_text(&json, text);
  assert_string_equal(ds_buf_cstr(&buf), expected);
  ds_buf_done(&buf);
}

static void test_escapes(void **state) {
  (void)state;
  assert_text((ds_str){NULL, 0}, "\"\"");
  assert_text(ds_str_of("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
  assert_text(ds_str_of("\n\r\t\b\f"), "\"\\n\\r\\t\\b\\f\"");
  assert_text((ds_str){"\0\x01\x1f\x20\x7f", 5}, "\"\\u0000\\u0001\\u001f \x7f\"");
  assert_text(ds_str_of("Gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80"),
              "\"Gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80\"");
}

// Broken, overlong and surrogate bytes become U+FFFD, one each; what follows is kept.
static void test_bytes_that_are_no_utf8(void **state) {
  (void)state;
  assert_text(ds_str_of("\xFF" "a"), "\"\xEF\xBF\xBD" "a\"");
  assert_text(ds_str_of("\xC3"), "\"\xEF\xBF\xBD\"");
  assert_text(ds_str_of("\xC0\xAF"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
  assert_text(ds_str_of("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

static void assert_double(double value, const char *expected) {
  ds_buf buf;
  ds_buf_init(&buf, 64);
  ds_json json = ds_json_to(&buf, false);
  ds_json_double(&json, value);
  assert_string_equal(ds_buf_cstr(&buf), expected);
  ds_buf_done(&buf);
}

static void test_doubles(void **state) {
  (void)state;
  assert_double(0, "0");
  assert_double(-0.0, "0");
  assert_double(0.1, "0.1");
  assert_double(0.1 + 0.2, "0.3");
  assert_double(-2.5, "-2.5");
  assert_double(1e300, "1e+300");
  assert_double(123456789012, "123456789012");
  assert_double((double)NAN, "null");
  assert_double(-(double)INFINITY, "null");
}

static void test_doubles_inside_containers(void **state) {
  (void)state;
  ds_buf buf;
  ds_buf_init(&buf, 64);
  ds_json json = ds_json_to(&buf, false);
  ds_json_begin_array(&json);
  ds_json_double(&json, (double)NAN);
  ds_json_double(&json, 1.5);
  ds_json_end_array(&json);
  assert_string_equal(ds_buf_cstr(&buf), "[null,1.5]");
  ds_buf_done(&buf);
}

static void test_deepest_nesting(void **state) {
  (void)state;
  ds_buf buf;
  ds_buf_init(&buf, 4096);
  ds_json json = ds_json_to(&buf, false);
  for (int i = 0; i < 64; i++)
    ds_json_begin_array(&json);
  ds_json_i64(&json, 1);
  ds_json_i64(&json, 2);
  for (int i = 0; i < 64; i++)
    ds_json_end_array(&json);
  assert_int_equal(buf.size, 131);
  assert_non_null(strstr(ds_buf_cstr(&buf), "[[1,2]]"));
  ds_buf_done(&buf);
}

static void test_full_buffer_is_reported(void **state) {
  (void)state;
  ds_buf buf;
  ds_buf_init(&buf, 10);
  ds_json json = ds_json_to(&buf, false);
  write_sample(&json);
  assert_int_equal(ds_buf_check(&buf, "the answer", NULL), DS_LIMIT);
  ds_buf_done(&buf);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_compact),
      cmocka_unit_test(test_pretty),
      cmocka_unit_test(test_escapes),
      cmocka_unit_test(test_bytes_that_are_no_utf8),
      cmocka_unit_test(test_doubles),
      cmocka_unit_test(test_doubles_inside_containers),
      cmocka_unit_test(test_deepest_nesting),
      cmocka_unit_test(test_full_buffer_is_reported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
