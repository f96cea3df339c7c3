// SPDX-License-Identifier: Apache-2.0
// Values as text and back, and building a Result.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include "model/result.h"

static void assert_round_trip(ds_type type, const char *text) {
  ds_value value = {.type = DS_TYPE_NULL, .i = 0};
  char out[128];
  assert_true(ds_value_parse(ds_str_of(text), type, &value));
  assert_int_equal(value.type, type);
  assert_int_equal(ds_value_print(out, sizeof out, &value), strlen(text));
  assert_string_equal(out, text);
}

static void test_round_trips(void **state) {
  (void)state;
  static const char *const numbers[] = {"0", "-3", "12.5", "0.1", "1e+300", "123456789012345680",
                                        "0.30000000000000004", "9007199254740991"};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    ds_value value;
    ds_value again;
    char out[64];
    assert_true(ds_value_parse(ds_str_of(numbers[i]), DS_TYPE_NUMBER, &value));
    ds_value_print(out, sizeof out, &value);
    assert_true(ds_value_parse(ds_str_of(out), DS_TYPE_NUMBER, &again));
    assert_true(value.number == again.number);
  }
  assert_round_trip(DS_TYPE_NUMBER, "12.5");
  assert_round_trip(DS_TYPE_NUMBER, "-7");
  assert_round_trip(DS_TYPE_STRING, "GLS, \"fast\"");
  assert_round_trip(DS_TYPE_BOOL, "true");
  assert_round_trip(DS_TYPE_BOOL, "false");
  assert_round_trip(DS_TYPE_TIME, "2018-01-31T10:00:00.250Z");
  assert_round_trip(DS_TYPE_DATE, "2018-01-31");
  assert_round_trip(DS_TYPE_DATE, "1901-01-31");
  assert_round_trip(DS_TYPE_DURATION, "90d");
  assert_round_trip(DS_TYPE_DURATION, "1d2h3m4s5ms");
  assert_round_trip(DS_TYPE_DURATION, "-30m");
  assert_round_trip(DS_TYPE_DURATION, "0s");
}

static void test_refusals(void **state) {
  (void)state;
  static const struct {
    ds_type type;
    const char *text;
  } bad[] = {
      {DS_TYPE_NUMBER, "12x"},        {DS_TYPE_NUMBER, ""},    {DS_TYPE_NUMBER, "nan"},
      {DS_TYPE_BOOL, "yes"},          {DS_TYPE_BOOL, ""},      {DS_TYPE_TIME, "2018-01-31"},
      {DS_TYPE_TIME, "2018-01-31T10:00:00"},                   {DS_TYPE_DATE, "2018-01-31T10:00Z"},
      {DS_TYPE_DURATION, "9 apples"}, {DS_TYPE_DURATION, "-"}, {DS_TYPE_NULL, "null"},
      {DS_TYPE_DURATION, "--5d"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    ds_value value = {.type = DS_TYPE_BOOL, .i = 1};
    assert_false(ds_value_parse(ds_str_of(bad[i].text), bad[i].type, &value));
    assert_int_equal(value.type, DS_TYPE_BOOL);
  }
}

static void test_print_edges(void **state) {
  (void)state;
  char out[5];
  ds_value value = {.type = DS_TYPE_STRING, .text = ds_str_of("abcdefgh")};
  assert_int_equal(ds_value_print(out, sizeof out, &value), 4);
  assert_string_equal(out, "abcd");
  assert_int_equal(ds_value_print(out, 0, &value), 0);
  value = (ds_value){.type = DS_TYPE_NULL, .i = 0};
  assert_int_equal(ds_value_print(out, sizeof out, &value), 0);
  char wide[64];
  value = (ds_value){.type = DS_TYPE_DURATION, .i = INT64_MIN};
  assert_true(ds_value_print(wide, sizeof wide, &value) > 0);
  value = (ds_value){.type = DS_TYPE_TIME, .i = INT64_MAX};
  assert_true(ds_value_print(wide, sizeof wide, &value) > 0);
}

static void test_type_names(void **state) {
  (void)state;
  for (int i = 0; i < DS_TYPES_COUNT; i++) {
    ds_type type = DS_TYPES_COUNT;
    assert_true(ds_type_of_name(ds_str_of(ds_type_name((ds_type)i)), &type));
    assert_int_equal(type, i);
  }
  ds_type type;
  assert_false(ds_type_of_name(ds_str_of("float"), &type));
}

static void test_result(void **state) {
  (void)state;
  static const ds_column columns[] = {
      {"name", DS_CELL_TEXT, "", "who", false},
      {"count", DS_CELL_COUNT, "events", "how many", false},
  };
  ds_arena arena;
  ds_result result;
  ds_arena_init(&arena, 1 << 20);
  ds_result_init(&result, &arena, "test");
  ds_table *table = ds_result_table(&result, "rows", "Rows", columns, 2);
  assert_non_null(table);
  for (int i = 0; i < 1000; i++) {
    ds_cell *row = ds_table_row(&result, table);
    assert_non_null(row);
    assert_true(row[0].null && row[1].null);
    row[0] = ds_cell_text(&result, ds_str_of("x"));
    row[1] = ds_cell_i64(i);
  }
  assert_int_equal(table->rows_count, 1000);
  for (int i = 0; i < 1000; i++)
    assert_int_equal(table->cells[2 * i + 1].i, i);
  ds_result_note(&result, true, "%d of %s", 3, "five");
  ds_result_option(&result, "case", "%s", "order_id");
  assert_string_equal(result.notes[0].text, "3 of five");
  assert_string_equal(result.options[0].text, "order_id");
  assert_ptr_equal(ds_result_find(&result, "rows"), table);
  assert_null(ds_result_find(&result, "columns"));
  assert_int_equal(ds_table_column(table, "count"), 1);
  assert_true(ds_table_column(table, "counts") == UINT32_MAX);
  for (int i = 1; i < DS_RESULT_TABLES_MAX; i++)
    assert_non_null(ds_result_table(&result, "more", "More", columns, 2));
  assert_null(ds_result_table(&result, "too_many", "One too many", columns, 2));
  ds_arena_done(&arena);
}

static void test_result_without_memory(void **state) {
  (void)state;
  static const ds_column columns[] = {{"name", DS_CELL_TEXT, "", "who", false}};
  ds_arena arena;
  ds_result result;
  ds_arena_init(&arena, 64);
  ds_result_init(&result, &arena, "test");
  ds_table *table = ds_result_table(&result, "rows", "Rows", columns, 1);
  assert_null(ds_table_row(&result, table));
  assert_int_equal(table->rows_count, 0);
  char text[200];
  memset(text, 'a', sizeof text);
  assert_true(ds_cell_text(&result, (ds_str){text, sizeof text}).null);
  ds_result_note(&result, false, "%.*s", (int)sizeof text, text);
  assert_non_null(result.notes[0].text);
  ds_arena_done(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trips), cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_print_edges), cmocka_unit_test(test_type_names),
      cmocka_unit_test(test_result),      cmocka_unit_test(test_result_without_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
