// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void test_fail_fills_all(void **state) {
  (void)state;
  ds_error err = {.line = 7, .column = 8};
  assert_int_equal(ds_fail(&err, DS_CORRUPT, "block %d of %s", 3, "part-1"), DS_CORRUPT);
  assert_int_equal(err.code, DS_CORRUPT);
  assert_string_equal(err.message, "block 3 of part-1");
  assert_int_equal(err.line, 0);
  assert_int_equal(err.column, 0);
}

static void test_fail_at_has_position(void **state) {
  (void)state;
  ds_error err = {0};
  assert_int_equal(ds_fail_at(&err, DS_EXPRESSION, 2, 5, "no such name"), DS_EXPRESSION);
  assert_int_equal(err.line, 2);
  assert_int_equal(err.column, 5);
}

static void test_null_error_is_fine(void **state) {
  (void)state;
  assert_int_equal(ds_fail(NULL, DS_IO, "x"), DS_IO);
  assert_int_equal(ds_fail_at(NULL, DS_IO, 1, 1, "x"), DS_IO);
  assert_int_equal(ds_fail_in(NULL, DS_IO, "x"), DS_IO);
}

static void test_fail_in_prefixes_and_keeps_position(void **state) {
  (void)state;
  ds_error err = {0};
  (void)ds_fail_at(&err, DS_INPUT, 4, 9, "no time");
  assert_int_equal(ds_fail_in(&err, DS_INPUT, "file %s", "a.csv"), DS_INPUT);
  assert_string_equal(err.message, "file a.csv: no time");
  assert_int_equal(err.line, 4);
  assert_int_equal(err.column, 9);
}

static void test_message_may_quote_itself(void **state) {
  (void)state;
  ds_error err = {0};
  (void)ds_fail(&err, DS_IO, "inner");
  (void)ds_fail(&err, DS_IO, "outer (%s)", err.message);
  assert_string_equal(err.message, "outer (inner)");
}

static void test_message_is_one_line(void **state) {
  (void)state;
  ds_error err = {0};
  (void)ds_fail(&err, DS_INPUT, "bad value '%s'", "a\nb\tc\x01");
  assert_string_equal(err.message, "bad value 'a b c '");
}

// A long message is cut between characters, never inside one.
static void test_long_message_is_cut_between_characters(void **state) {
  (void)state;
  for (size_t lead = 0; lead < 4; lead++) {
    char text[700];
    memset(text, 'x', lead);
    for (size_t i = lead; i + 3 < sizeof(text); i += 3)
      memcpy(text + i, "\xE2\x82\xAC", 4);
    ds_error err = {0};
    (void)ds_fail(&err, DS_INPUT, "%s", text);
    const size_t size = strlen(err.message);
    assert_in_range(size, sizeof(err.message) - 4, sizeof(err.message) - 1);
    assert_int_equal((size - lead) % 3, 0);
    (void)ds_fail_in(&err, DS_INPUT, "p");
    assert_in_range(strlen(err.message), sizeof(err.message) - 4, sizeof(err.message) - 1);
    assert_int_equal((strlen(err.message) - 3 - lead) % 3, 0);
  }
}

static void test_codes_table(void **state) {
  (void)state;
  assert_string_equal(ds_code_name(DS_OK), "OK");
  assert_string_equal(ds_code_name(DS_INTERRUPTED), "INTERRUPTED");
  assert_int_equal(ds_code_exit(DS_OK), 0);
  assert_int_equal(ds_code_exit(DS_USAGE), 2);
  assert_int_equal(ds_code_exit(DS_BUSY), 4);
  assert_int_equal(ds_code_http(DS_MISSING), 404);
  assert_int_equal(ds_code_http(DS_FULL), 507);
  for (int code = 0; code < DS_CODES_COUNT; code++) {
    assert_true(strlen(ds_code_name((ds_code)code)) > 0);
    assert_true(strlen(ds_code_meaning((ds_code)code)) > 0);
    assert_in_range(ds_code_exit((ds_code)code), 0, 5);
    assert_in_range(ds_code_http((ds_code)code), 200, 599);
  }
}

static ds_code fail_second(int step, ds_error *err) {
  return step == 2 ? ds_fail(err, DS_LIMIT, "step 2") : DS_OK;
}

static ds_code try_steps(int steps, int *ret_done, ds_error *err) {
  for (int i = 1; i <= steps; i++) {
    TRY(fail_second(i, err));
    *ret_done = i;
  }
  return DS_OK;
}

static void test_try_propagates(void **state) {
  (void)state;
  ds_error err = {0};
  int done = 0;
  assert_int_equal(try_steps(1, &done, &err), DS_OK);
  assert_string_equal(err.message, "");
  assert_int_equal(try_steps(5, &done, &err), DS_LIMIT);
  assert_int_equal(done, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_fail_fills_all),
      cmocka_unit_test(test_fail_at_has_position),
      cmocka_unit_test(test_null_error_is_fine),
      cmocka_unit_test(test_fail_in_prefixes_and_keeps_position),
      cmocka_unit_test(test_message_may_quote_itself),
      cmocka_unit_test(test_message_is_one_line),
      cmocka_unit_test(test_long_message_is_cut_between_characters),
      cmocka_unit_test(test_codes_table),
      cmocka_unit_test(test_try_propagates),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
