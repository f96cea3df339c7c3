// SPDX-License-Identifier: Apache-2.0
// Every error of a filter with its position and advice, what is accepted, and the SQL text. That
// filters choose the right events is tested on random worlds (test_question_worlds).
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "lang/filter.h"

static void space_make(ds_space *space) {
  static const char *const touchpoints[] = {"order_placed", "delivered", "Order Completed"};
  static const char *const properties[] = {"value", "carrier", "coupon code", "paid"};
  uint32_t index = 0;
  ds_space_init(space);
  for (uint32_t i = 0; i < 3; i++)
    assert_int_equal(ds_names_add(&space->touchpoints, ds_str_of(touchpoints[i]), &index, NULL),
                     DS_OK);
  for (uint32_t i = 0; i < 4; i++)
    assert_int_equal(ds_names_add(&space->properties, ds_str_of(properties[i]), &index, NULL),
                     DS_OK);
  assert_int_equal(ds_names_add(&space->keys, ds_str_of("order_id"), &index, NULL), DS_OK);
  assert_int_equal(ds_names_add(&space->sources, ds_str_of("shop"), &index, NULL), DS_OK);
}

// Text, code, line, column, and what the message must say.
static const struct {
  const char *text;
  ds_code code;
  uint32_t line, column;
  const char *says;
} errors[] = {
    {"", DS_EXPRESSION, 1, 1, "found the end"},
    {"value >", DS_EXPRESSION, 1, 8, "expected a value"},
    {"valeu > 3", DS_EXPRESSION, 1, 1, "did you mean 'value'?"},
    {"zzzzzz = 1", DS_EXPRESSION, 1, 1, "no event has a property or case key"},
    {"value > 3 and\n  carier = 'DHL'", DS_EXPRESSION, 2, 3, "did you mean 'carrier'?"},
    {"carrier = DHL", DS_EXPRESSION, 1, 11, "write 'DHL'"},
    {"carrier = 'DHL", DS_EXPRESSION, 1, 11, "never closed"},
    {"\"coupon = 1", DS_EXPRESSION, 1, 1, "never closed"},
    {"carrier == 'DHL'", DS_EXPRESSION, 1, 9, "write ="},
    {"carrier <> 'DHL'", DS_EXPRESSION, 1, 9, "write !="},
    {"carrier ! 'DHL'", DS_EXPRESSION, 1, 9, "write !="},
    {"carrier = null", DS_EXPRESSION, 1, 11, "is null"},
    {"carrier is 3", DS_EXPRESSION, 1, 12, "null after is"},
    {"carrier 'DHL'", DS_EXPRESSION, 1, 9, "after a name"},
    {"carrier in 'DHL'", DS_EXPRESSION, 1, 12, "( after in"},
    {"carrier in ('DHL'", DS_EXPRESSION, 1, 18, ", or )"},
    {"carrier in ()", DS_EXPRESSION, 1, 13, "expected a value"},
    {"value > 3x", DS_EXPRESSION, 1, 9, "no duration"},
    {"value # 3", DS_EXPRESSION, 1, 7, "no meaning"},
    {"value > 3 value < 4", DS_EXPRESSION, 1, 11, "and between"},
    {"value > 3 or value < 1", DS_UNSUPPORTED, 1, 11, "not built yet"},
    {"not value > 3", DS_UNSUPPORTED, 1, 1, "not built yet"},
    {"carrier like 'D%'", DS_UNSUPPORTED, 1, 9, "not built yet"},
    {"value between 1 and 2", DS_UNSUPPORTED, 1, 7, "not built yet"},
    {"(value > 3)", DS_UNSUPPORTED, 1, 1, "parentheses"},
    {"touchpoint = 'deliverd'", DS_EXPRESSION, 1, 14, "did you mean 'delivered'?"},
    {"touchpoint > 'a'", DS_EXPRESSION, 1, 12, "no order"},
    {"touchpoint = 3", DS_EXPRESSION, 1, 14, "is text"},
    {"source = 'shpo'", DS_EXPRESSION, 1, 10, "did you mean 'shop'?"},
    {"order_id = 17", DS_EXPRESSION, 1, 12, "is text"},
    {"order_id < 'a'", DS_EXPRESSION, 1, 10, "no order"},
    {"time > 5", DS_EXPRESSION, 1, 8, "is an instant"},
    {"time > date '2018-13-01'", DS_EXPRESSION, 1, 13, "is no day"},
    {"time > time 'noon'", DS_EXPRESSION, 1, 13, "is no instant"},
    {"time > date 5", DS_EXPRESSION, 1, 13, "in quotes after date"},
    {"paid > true", DS_EXPRESSION, 1, 8, "cannot be ordered"},
};

static void test_errors(void **context) {
  (void)context;
  ds_space space;
  space_make(&space);
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
    ds_arena arena;
    ds_arena_init(&arena, 1u << 24);
    const ds_filter *filter = NULL;
    ds_error err = {0};
    const ds_code code = ds_filter_parse(ds_str_of(errors[i].text), &space, &arena, &filter, &err);
    if (code != errors[i].code || err.line != errors[i].line || err.column != errors[i].column ||
        strstr(err.message, errors[i].says) == NULL)
      fail_msg("'%s': code %d at %u:%u: %s", errors[i].text, code, err.line, err.column,
               err.message);
    assert_null(filter);
    ds_arena_done(&arena);
  }
  ds_space_done(&space);
}

static const struct {
  const char *text;
  const char *sql;
} accepted[] = {
    {"value > 3.5 AND carrier = 'D''L'", "\"value\" > 3.5::DOUBLE AND \"carrier\" = 'D''L'"},
    {"\"coupon code\" is not null", "\"coupon code\" IS NOT NULL"},
    {"value in (1, -2, 1e3)", "\"value\" IN (1::DOUBLE, -2::DOUBLE, 1000::DOUBLE)"},
    {"order_id in ('A', 'B') and order_id is not null",
     "list_has_any(\"order_id\", ['A', 'B']) AND \"order_id\" IS NOT NULL"},
    {"order_id != 'A'", "NOT list_has_any(\"order_id\", ['A'])"},
    {"time < date '1970-01-02'", "\"time\" < DATE '1970-01-02'"},
    {"time >= time '1970-01-01T00:00:01Z'", "\"time\" >= make_timestamp(1000000)"},
    {"value <= 90d and paid = true", "\"value\" <= 7776000000 AND \"paid\" = true"},
    {"touchpoint = 'Order Completed'", "\"touchpoint\" = 'Order Completed'"},
};

static void test_accepted(void **context) {
  (void)context;
  ds_space space;
  space_make(&space);
  for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
    ds_arena arena;
    ds_arena_init(&arena, 1u << 24);
    const ds_filter *filter = NULL;
    ds_error err = {0};
    ds_buf sql;
    ds_buf_init(&sql, 1u << 16);
    if (ds_filter_parse(ds_str_of(accepted[i].text), &space, &arena, &filter, &err) != DS_OK)
      fail_msg("'%s': %s", accepted[i].text, err.message);
    assert_int_equal(ds_filter_sql(filter, &sql, &err), DS_OK);
    assert_string_equal(ds_buf_cstr(&sql), accepted[i].sql);
    ds_buf_done(&sql);
    ds_arena_done(&arena);
  }
  ds_space_done(&space);
}

static void test_columns(void **context) {
  (void)context;
  ds_space space;
  space_make(&space);
  ds_arena arena;
  ds_arena_init(&arena, 1u << 24);
  const ds_filter *filter = NULL;
  const ds_str text = ds_str_of("value > 1 and value < 9 and order_id = 'x' and paid = true");
  assert_int_equal(ds_filter_parse(text, &space, &arena, &filter, NULL), DS_OK);
  const uint16_t before[] = {3};
  ds_columns columns = {.properties = before, .properties_count = 1};
  assert_int_equal(ds_filter_columns(filter, &columns, &arena, NULL), DS_OK);
  assert_int_equal(columns.properties_count, 2);
  assert_int_equal(columns.properties[0], 3);
  assert_int_equal(columns.properties[1], 0);
  assert_int_equal(columns.keys_count, 1);
  ds_arena_done(&arena);
  ds_space_done(&space);
}

// A text past one limit: its length, its comparisons, the values of a list.
static size_t too_much(char *text, uint32_t kind) {
  size_t used = 0;
  if (kind == 0) {
    memset(text, ' ', 66000);
    return 66000;
  }
  const char *piece = kind == 1 ? "value > 1 and " : "1,";
  if (kind == 2) {
    memcpy(text, "value in (", 10);
    used = 10;
  }
  for (uint32_t i = 0; i < (kind == 1 ? 300u : 5000u); i++) {
    memcpy(text + used, piece, strlen(piece));
    used += strlen(piece);
  }
  return used;
}

// Limits are errors: a long text, many comparisons, many values.
static void test_limits(void **context) {
  (void)context;
  ds_space space;
  space_make(&space);
  char *text = calloc(1, 70000);
  assert_non_null(text);
  for (uint32_t kind = 0; kind < 3; kind++) {
    const size_t used = too_much(text, kind);
    ds_arena arena;
    ds_arena_init(&arena, 1u << 24);
    const ds_filter *filter = NULL;
    ds_error err = {0};
    assert_int_equal(
        ds_filter_parse((ds_str){text, (uint32_t)used}, &space, &arena, &filter, &err), DS_LIMIT);
    ds_arena_done(&arena);
  }
  free(text);
  ds_space_done(&space);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_errors),
      cmocka_unit_test(test_accepted),
      cmocka_unit_test(test_columns),
      cmocka_unit_test(test_limits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
