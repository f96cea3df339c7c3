// SPDX-License-Identifier: Apache-2.0
// Every error of an expression with its position and advice, what is accepted and its SQL text,
// what it reads, and limits. That expressions mean the right events is tested against DuckDB
// (test_oracle_language), on random worlds (test_question_worlds) and by the manual
// (test_lang_manual).
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "lang/expression.h"

typedef struct world {
  ds_space space;
  ds_schema schema;
} world;

static const ds_carrier carriers[] = {
    {0, 0, DS_TYPE_NUMBER}, {0, 1, DS_TYPE_STRING}, {1, 1, DS_TYPE_STRING}, {1, 2, DS_TYPE_STRING},
    {0, 3, DS_TYPE_BOOL},   {0, 4, DS_TYPE_NUMBER}, {1, 4, DS_TYPE_STRING}, {0, 5, DS_TYPE_DATE},
    {1, 6, DS_TYPE_TIME},   {1, 7, DS_TYPE_DURATION}, {0, 8, DS_TYPE_STRING},
    {3, 9, DS_TYPE_NUMBER},
};

static void names_add(ds_names *names, const char *const *texts, uint32_t count) {
  uint32_t index = 0;
  for (uint32_t i = 0; i < count; i++)
    assert_int_equal(ds_names_add(names, ds_str_of(texts[i]), &index, NULL), DS_OK);
}

static int world_make(void **context) {
  static const char *const touchpoints[] = {"order_placed", "delivered", "My Event",
                                            "review_submitted", "exposure"};
  static const char *const properties[] = {"value", "carrier", "coupon code", "paid", "mixed",
                                           "promise", "seen", "wait", "channel", "stars"};
  static const char *const keys[] = {"order_id"}, *const sources[] = {"shop"};
  static world w;
  ds_space_init(&w.space);
  names_add(&w.space.touchpoints, touchpoints, 5);
  names_add(&w.space.properties, properties, 10);
  names_add(&w.space.keys, keys, 1);
  names_add(&w.space.sources, sources, 1);
  w.schema = (ds_schema){.space = &w.space, .carriers = carriers,
                         .carriers_count = sizeof carriers / sizeof *carriers};
  *context = &w;
  return 0;
}

static int world_done(void **context) {
  ds_space_done(&((world *)*context)->space);
  return 0;
}

typedef ds_code parse_function(ds_str text, const ds_schema *schema, ds_arena *arena,
                               const ds_expression **ret_expression, ds_error *err);

// Text, code, line, column, and what the message must say.
typedef struct error_case {
  const char *text;
  ds_code code;
  uint32_t line, column;
  const char *says;
} error_case;

static const error_case predicate_errors[] = {
    {"", DS_EXPRESSION, 1, 1, "expected a condition, such as value > 42 or carrier = 'DHL', but "
                              "found the end"},
    {"value >", DS_EXPRESSION, 1, 8, "expected a value"},
    {"value > and", DS_EXPRESSION, 1, 9, "but found and"},
    {"valeu > 3", DS_EXPRESSION, 1, 1, "did you mean 'value'?"},
    {"zzzzzz = 1", DS_EXPRESSION, 1, 1, "no event has a property or case key 'zzzzzz'"},
    {"activity = 'delivered'", DS_EXPRESSION, 1, 1,
     "no event has a property or case key 'activity': write touchpoint"},
    {"tiem > date '2018-01-01'", DS_EXPRESSION, 1, 1, "did you mean 'time'?"},
    {"value > 3 and\n  carier = 'DHL'", DS_EXPRESSION, 2, 3, "did you mean 'carrier'?"},
    {"carrier = DHL", DS_EXPRESSION, 1, 11, "write 'DHL'"},
    {"carrier = 'DHL", DS_EXPRESSION, 1, 11, "never closed"},
    {"\"coupon = 1", DS_EXPRESSION, 1, 1, "never closed"},
    {"(value > 3", DS_EXPRESSION, 1, 1, "the bracket ( opened here is never closed: add )"},
    {"value > (3 + 4", DS_EXPRESSION, 1, 9, "never closed"},
    {"lower(carrier = 'x'", DS_EXPRESSION, 1, 15, "expected and, or, an operator or )"},
    {"(value > 3]", DS_EXPRESSION, 1, 11, "an operator or )"},
    {"value > 3)", DS_EXPRESSION, 1, 10, "but found )"},
    {"carrier == 'DHL'", DS_EXPRESSION, 1, 9, "write ="},
    {"carrier <> 'DHL'", DS_EXPRESSION, 1, 9, "write !="},
    {"carrier ! 'DHL'", DS_EXPRESSION, 1, 9, "write != or not"},
    {"!late", DS_EXPRESSION, 1, 1, "write != or not"},
    {"value => 2", DS_EXPRESSION, 1, 7, "'=>': write >="},
    {"value =< 2", DS_EXPRESSION, 1, 7, "'=<': write <="},
    {"late && late", DS_EXPRESSION, 1, 6, "'&&': write and"},
    {"late || late", DS_EXPRESSION, 1, 6, "'||': write or"},
    {"carrier = null", DS_EXPRESSION, 1, 11, "write is null or is not null"},
    {"carrier is 3", DS_EXPRESSION, 1, 12, "null after is"},
    {"carrier 'DHL'", DS_EXPRESSION, 1, 9, "expected an operator, and, or"},
    {"carrier in 'DHL'", DS_EXPRESSION, 1, 12, "( after in"},
    {"carrier in ('DHL'", DS_EXPRESSION, 1, 12, "never closed"},
    {"carrier in ('DHL' 'UPS')", DS_EXPRESSION, 1, 19, ", or )"},
    {"carrier in ()", DS_EXPRESSION, 1, 13, "expected a value"},
    {"carrier in (carrier)", DS_EXPRESSION, 1, 13, "a list after in holds values"},
    {"carrier not 'x'", DS_EXPRESSION, 1, 13, "in, like or between after not"},
    {"carrier like 3", DS_EXPRESSION, 1, 14, "a pattern in quotes"},
    {"value like 'x'", DS_EXPRESSION, 1, 1, "value is a number: like compares text"},
    {"value between 3 or 4", DS_EXPRESSION, 1, 17, "and between the two values"},
    {"1 < value < 3", DS_EXPRESSION, 1, 11, "write a < b and b < c"},
    {"value > 3x", DS_EXPRESSION, 1, 9, "no duration"},
    {"value # 3", DS_EXPRESSION, 1, 7, "no meaning"},
    {"value > 3 value < 4", DS_EXPRESSION, 1, 11, "an operator, and, or"},
    {"value", DS_EXPRESSION, 1, 1, "value is a number: compare it"},
    {"value and paid", DS_EXPRESSION, 1, 1, "value is a number: a condition is needed here"},
    {"not carrier", DS_EXPRESSION, 1, 5, "carrier is text: a condition is needed here"},
    {"value > '3'", DS_EXPRESSION, 1, 9, "value is a number: write 42"},
    {"'3' < value", DS_EXPRESSION, 1, 1, "value is a number: write 42"},
    {"carrier > value", DS_EXPRESSION, 1, 9, "carrier is text and value is a number: only values "
                                             "of one type can be compared"},
    {"mixed = true", DS_EXPRESSION, 1, 9, "mixed is a number or text: write 42 or 'text'"},
    {"value + carrier > 3", DS_EXPRESSION, 1, 7, "+ cannot join a number and text"},
    {"time + 3 > time", DS_EXPRESSION, 1, 6, "+ cannot join an instant and a number"},
    {"-carrier = 'x'", DS_EXPRESSION, 1, 2, "only a number or a duration can be negative"},
    {"paid > true", DS_EXPRESSION, 1, 8, "cannot be ordered"},
    {"touchpoint = 'deliverd'", DS_EXPRESSION, 1, 14,
     "no event has touchpoint 'deliverd'; did you mean 'delivered'?"},
    {"touchpoint = 3", DS_EXPRESSION, 1, 14, "touchpoint is text: write 'text'"},
    {"stage = 'transt'", DS_EXPRESSION, 1, 9, "did you mean 'transit'?"},
    {"actor != 'custmer'", DS_EXPRESSION, 1, 10, "did you mean 'customer'?"},
    {"source = 'shpo'", DS_EXPRESSION, 1, 10, "did you mean 'shop'?"},
    {"order_id = 17", DS_EXPRESSION, 1, 12, "order_id is text: put the value in single quotes"},
    {"order_id < 'a'", DS_EXPRESSION, 1, 10, "no order"},
    {"lower(order_id) = 'a'", DS_EXPRESSION, 1, 7, "order_id is a case key"},
    {"order_id like 'a%'", DS_EXPRESSION, 1, 1, "order_id is a case key"},
    {"time > 5", DS_EXPRESSION, 1, 8, "time is an instant: write time '2018-01-31T10:00:00Z'"},
    {"time > date '2018-01-31'", DS_EXPRESSION, 1, 8, "compare date(time) with a day"},
    {"time > date '2018-13-01'", DS_EXPRESSION, 1, 13, "'2018-13-01' is no day"},
    {"time > time 'noon'", DS_EXPRESSION, 1, 13, "'noon' is no instant"},
    {"promise > time '2018-01-31T10:00:00Z'", DS_EXPRESSION, 1, 11,
     "promise is a day: write date '2018-01-31'"},
    {"lenght(carrier) > 3", DS_EXPRESSION, 1, 1, "did you mean 'length'?"},
    {"length(value) > 3", DS_EXPRESSION, 1, 8, "value is a number: length(text)"},
    {"length() > 3", DS_EXPRESSION, 1, 8, "expected length(text)"},
    {"length(carrier, 2) > 3", DS_EXPRESSION, 1, 15, "expected length(text)"},
    {"contains(carrier)", DS_EXPRESSION, 1, 17, "expected contains(text, part)"},
    {"hour(promise) = 3", DS_EXPRESSION, 1, 6, "promise is a day: hour(instant)"},
    {"count(order_placed) > 3", DS_EXPRESSION, 1, 1, "asks about a whole case"},
    {"delivered", DS_EXPRESSION, 1, 1, "is a touchpoint: write touchpoint = 'delivered'"},
    {"order_placed[value > 3]", DS_EXPRESSION, 1, 1, "not a selector"},
    {"stage:transit", DS_EXPRESSION, 1, 1, "not a selector"},
    {"carrier = '\xff'", DS_EXPRESSION, 1, 11, "not UTF-8"},
};

static const error_case selector_errors[] = {
    {"", DS_EXPRESSION, 1, 1, "expected a selector"},
    {"deliverd", DS_EXPRESSION, 1, 1, "did you mean 'delivered'?"},
    {"order_placd", DS_EXPRESSION, 1, 1, "did you mean 'order_placed'?"},
    {"stag:transit", DS_EXPRESSION, 1, 1,
     "a prefix is one of stage, owner, actor, channel; did you mean 'stage'?"},
    {"stage:transt", DS_EXPRESSION, 1, 7, "did you mean 'transit'?"},
    {"owner:nobody", DS_EXPRESSION, 1, 7, "write one of ecommerce, warehouse"},
    {"stage:", DS_EXPRESSION, 1, 7, "a word after the colon"},
    {"stage:3", DS_EXPRESSION, 1, 7, "a word after the colon"},
    {"delivered[", DS_EXPRESSION, 1, 11, "expected a condition"},
    {"delivered[carrier = 'x'", DS_EXPRESSION, 1, 10, "the bracket [ opened here is never closed"},
    {"delivered[carrier = 'x')", DS_EXPRESSION, 1, 24, "an operator, and, or, or ]"},
    {"delivered[value > 3]", DS_EXPRESSION, 1, 11,
     "no event that delivered means has a property 'value', though others have"},
    {"delivered[stage = 'x']", DS_EXPRESSION, 1, 19, "no event has stage 'x'"},
    {"delivered[carrier]", DS_EXPRESSION, 1, 11, "carrier is text: a condition is needed here"},
    {"(delivered or order_placed", DS_EXPRESSION, 1, 1, "the bracket ( opened here"},
    {"delivered and order_placed", DS_EXPRESSION, 1, 11, "expected [, or, or the end"},
    {"or delivered", DS_EXPRESSION, 1, 1, "expected a selector"},
};

static void check_errors(const world *w, const error_case *cases, size_t count,
                         parse_function *parse) {
  for (size_t i = 0; i < count; i++) {
    ds_arena arena;
    ds_arena_init(&arena, 1u << 24);
    const ds_expression *expression = NULL;
    ds_error err = {0};
    const ds_code code = parse(ds_str_of(cases[i].text), &w->schema, &arena, &expression, &err);
    if (code != cases[i].code || err.line != cases[i].line || err.column != cases[i].column ||
        strstr(err.message, cases[i].says) == NULL)
      fail_msg("'%s': code %d at %u:%u: %s", cases[i].text, code, err.line, err.column,
               err.message);
    assert_null(expression);
    ds_arena_done(&arena);
  }
}

static void test_errors(void **context) {
  const world *w = *context;
  check_errors(w, predicate_errors, sizeof predicate_errors / sizeof *predicate_errors,
               ds_predicate_parse);
  check_errors(w, selector_errors, sizeof selector_errors / sizeof *selector_errors,
               ds_selector_parse);
}

// Without a known kind, the error of the reading that came further is told.
static void test_either(void **context) {
  const world *w = *context;
  static const error_case cases[] = {
      {"delivered[carier = 'x']", DS_EXPRESSION, 1, 11, "did you mean 'carrier'?"},
      {"value > 'x'", DS_EXPRESSION, 1, 9, "value is a number"},
      {"deliverd", DS_EXPRESSION, 1, 1, "did you mean 'delivered'?"},
      {"valeu > 3", DS_EXPRESSION, 1, 1, "did you mean 'value'?"},
  };
  check_errors(w, cases, sizeof cases / sizeof *cases, ds_expression_parse);
  static const char *const texts[] = {"delivered", "value > 3", "(delivered or any)", "paid"};
  for (uint32_t i = 0; i < 4; i++) {
    ds_arena arena;
    ds_arena_init(&arena, 1u << 24);
    const ds_expression *expression = NULL;
    assert_int_equal(
        ds_expression_parse(ds_str_of(texts[i]), &w->schema, &arena, &expression, NULL), DS_OK);
    assert_int_equal(ds_expression_is_selector(expression), i % 2 == 0);
    ds_arena_done(&arena);
  }
}

typedef struct sql_case {
  const char *text;
  const char *sql;
} sql_case;

static const sql_case predicates[] = {
    {"value > 3.5 AND carrier = 'D''L'", "\"value\" > 3.5::DOUBLE AND \"carrier\" = 'D''L'"},
    {"\"coupon code\" is not null", "\"coupon code\" IS NOT NULL"},
    {"value in (1, -2, 1e3, 1)", "\"value\" IN (-2::DOUBLE, 1::DOUBLE, 1000::DOUBLE)"},
    {"value not in (1)", "\"value\" NOT IN (1::DOUBLE)"},
    {"carrier like 'D%' or carrier not like '_x'",
     "\"carrier\" LIKE 'D%' OR \"carrier\" NOT LIKE '_x'"},
    {"not (value = 1 or paid) and paid",
     "NOT (\"value\" = 1::DOUBLE OR \"paid\") AND \"paid\""},
    {"value between 1 and 2 + 3",
     "\"value\" >= 1::DOUBLE AND \"value\" <= (2::DOUBLE + 3::DOUBLE)"},
    {"order_id in ('A', 'B') and order_id is not null",
     "list_has_any(\"order_id\", ['A', 'B']) AND \"order_id\" IS NOT NULL"},
    {"order_id != 'A'", "NOT list_has_any(\"order_id\", ['A'])"},
    {"time < date '1970-01-02'", "\"time\" < make_timestamp(86400000000)"},
    {"time >= time '1970-01-01T00:00:01Z'", "\"time\" >= make_timestamp(1000000)"},
    {"time - received > 1d", "(epoch_ms(\"time\") - epoch_ms(\"received\")) > 86400000"},
    {"seen + 1h < time", "(make_timestamp((epoch_ms(\"seen\") + 3600000) * 1000)) < \"time\""},
    {"promise + 2d < date(time)",
     "(\"promise\" + CAST(trunc(172800000 / 86400000) AS INTEGER)) < CAST(\"time\" AS DATE)"},
    {"wait <= 90d and paid = true", "\"wait\" <= 7776000000 AND \"paid\" = true"},
    {"value / 2 * -value > 1", "((\"value\" / nullif(2::DOUBLE, 0)) * (-\"value\")) > 1::DOUBLE"},
    {"touchpoint = 'Order Completed'", "\"touchpoint\" = 'order_placed'"},
    {"touchpoint = 'My Event'", "\"touchpoint\" = 'My Event'"},
    {"lower(carrier) = 'dhl' and length(carrier) > 2",
     "lower(\"carrier\") = 'dhl' AND length(\"carrier\") > 2::DOUBLE"},
    {"contains(carrier, 'H')", "contains(\"carrier\", 'H')"},
    {"weekday(time) = 1", "isodow(\"time\") = 1::DOUBLE"},
    {"carrier = 'Zu\xcc\x88rich'", "\"carrier\" = 'Z\xc3\xbcrich'"},
};

static const sql_case selectors[] = {
    {"delivered", "\"touchpoint\" IN ('delivered')"},
    {"'Order Completed'", "\"touchpoint\" IN ('order_placed')"},
    {"\"My Event\"", "\"touchpoint\" IN ('My Event')"},
    {"any", "\"touchpoint\" NOT IN ('exposure')"},
    {"exposure", "\"touchpoint\" IN ('exposure')"},
    {"stage:delivery", "\"touchpoint\" IN ('delivered')"},
    {"owner:support", "false"},
    {"actor:customer", "\"touchpoint\" IN ('order_placed', 'review_submitted')"},
    {"(delivered or order_placed)",
     "\"touchpoint\" IN ('delivered') OR \"touchpoint\" IN ('order_placed')"},
    {"order_placed[value > 3]",
     "\"touchpoint\" IN ('order_placed') AND \"value\" > 3::DOUBLE"},
    {"channel:web", "\"channel\" = 'web' OR (\"touchpoint\" IN "
                    "('order_placed', 'review_submitted') AND \"channel\" IS NULL)"},
    {"complaint_submitted[severity = 'high']", "false AND NULL::VARCHAR = 'high'"},
    {"review_submitted[stars <= 2 and text is not null]",
     "\"touchpoint\" IN ('review_submitted') AND (\"stars\" <= 2::DOUBLE AND NULL::VARCHAR IS NOT "
     "NULL)"},
};

static void check_sql(const world *w, const sql_case *cases, size_t count,
                      parse_function *parse) {
  for (size_t i = 0; i < count; i++) {
    ds_arena arena;
    ds_arena_init(&arena, 1u << 24);
    const ds_expression *expression = NULL;
    ds_error err = {0};
    ds_buf sql;
    ds_buf_init(&sql, 1u << 16);
    if (parse(ds_str_of(cases[i].text), &w->schema, &arena, &expression, &err) != DS_OK)
      fail_msg("'%s': %s", cases[i].text, err.message);
    assert_int_equal(ds_expression_sql(expression, &sql, &err), DS_OK);
    assert_string_equal(ds_buf_cstr(&sql), cases[i].sql);
    ds_buf_done(&sql);
    ds_arena_done(&arena);
  }
}

static void test_sql(void **context) {
  const world *w = *context;
  check_sql(w, predicates, sizeof predicates / sizeof *predicates, ds_predicate_parse);
  check_sql(w, selectors, sizeof selectors / sizeof *selectors, ds_selector_parse);
}

static const ds_expression *read(const world *w, const char *text, parse_function *parse,
                                 ds_arena *arena) {
  const ds_expression *expression = NULL;
  ds_error err = {0};
  if (parse(ds_str_of(text), &w->schema, arena, &expression, &err) != DS_OK)
    fail_msg("'%s': %s", text, err.message);
  return expression;
}

// A property of several types has no SQL form, and is read in the type that is compared with.
static void test_columns(void **context) {
  const world *w = *context;
  ds_arena arena;
  ds_arena_init(&arena, 1u << 24);
  ds_error err = {0};
  const ds_expression *e = read(
      w, "value > 1 and value < 9 and order_id = 'x' and paid = true and mixed = 'a'",
      ds_predicate_parse, &arena);
  const uint16_t before[] = {4};
  const ds_type types[] = {DS_TYPE_NUMBER};
  ds_columns columns = {.properties = before, .property_types = types, .properties_count = 1};
  assert_int_equal(ds_expression_columns(e, &columns, &arena, NULL), DS_OK);
  static const uint16_t expected[] = {4, 0, 3, 4};
  static const ds_type expected_types[] = {DS_TYPE_NUMBER, DS_TYPE_NUMBER, DS_TYPE_BOOL,
                                           DS_TYPE_STRING};
  assert_int_equal(columns.properties_count, 4);
  assert_memory_equal(columns.properties, expected, sizeof expected);
  assert_memory_equal(columns.property_types, expected_types, sizeof expected_types);
  assert_int_equal(columns.keys_count, 1);
  ds_buf sql;
  ds_buf_init(&sql, 1u << 16);
  assert_int_equal(ds_expression_sql(e, &sql, &err), DS_UNSUPPORTED);
  assert_string_equal(err.message, "no SQL form: mixed has values of several types");
  ds_buf_done(&sql);
  // null only where it has a value of no type
  columns = (ds_columns){0};
  e = read(w, "mixed is null", ds_predicate_parse, &arena);
  assert_int_equal(ds_expression_columns(e, &columns, &arena, NULL), DS_OK);
  assert_int_equal(columns.properties_count, 2);
  ds_arena_done(&arena);
}

static const struct {
  const char *text;
  const char *means; // a digit per touchpoint
  bool alone;
} meanings[] = {
    {"any", "11110", true},
    {"delivered", "01000", true},
    {"(order_placed or delivered)[carrier = 'x']", "11000", false},
    {"stage:order", "10000", true},
    {"actor:customer[stage = 'feedback']", "00010", true},
    {"channel:web", "10010", false},
    {"any[not (touchpoint like '%e%')]", "00000", true},
    {"((any))[(paid)]", "10000", false},
    {"any[not (value > 3)]", "10000", false},
    {"any[not (value is null)]", "10000", false},
    {"any[(value is null) = true]", "11110", false},
    {"any[value > 3 or carrier = 'x']", "11000", false},
    {"any[length(carrier) + value > 3]", "10000", false},
    {"any[mixed = 'x']", "01000", false},
};

static void test_meaning(void **context) {
  const world *w = *context;
  for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
    ds_arena arena;
    ds_arena_init(&arena, 1u << 24);
    const ds_expression *e = read(w, meanings[i].text, ds_selector_parse, &arena);
    for (uint16_t t = 0; t < 5; t++)
      if (ds_expression_can_mean(e, t) != (meanings[i].means[t] == '1'))
        fail_msg("%s: touchpoint %u", meanings[i].text, t);
    assert_int_equal(ds_expression_by_touchpoint(e), meanings[i].alone);
    ds_arena_done(&arena);
  }
}

static void test_reads(void **context) {
  const world *w = *context;
  ds_arena arena;
  ds_arena_init(&arena, 1u << 24);
  const ds_expression *e = read(w, "order_placed[value > 3 and value < 9 or order_id = 'x' and "
                                   "time >= date '2020-01-01']", ds_selector_parse, &arena);
  const ds_read_name *names = NULL;
  uint32_t count = 0;
  assert_int_equal(ds_expression_reads(e, &arena, &names, &count, NULL), DS_OK);
  static const char *const expected[] = {"property value", "case key order_id", "field time",
                                         "touchpoint order_placed"};
  assert_int_equal(count, 4);
  for (uint32_t i = 0; i < count; i++) {
    char text[64];
    snprintf(text, sizeof text, "%s %.*s", names[i].kind, DS_STR(names[i].name));
    assert_string_equal(text, expected[i]);
  }
  ds_arena_done(&arena);
}

// Which touchpoints a text speaks of, and the same text over some touchpoints only.
static void test_touchpoints(void **context) {
  const world *w = *context;
  static const struct {
    parse_function *parse;
    const char *text;
    uint8_t named[5];
  } cases[] = {
      {ds_predicate_parse, "value > 3", {0}},
      {ds_predicate_parse, "touchpoint = 'exposure'", {0, 0, 0, 0, 1}},
      {ds_predicate_parse, "'exposure' != touchpoint and value > 3", {0, 0, 0, 0, 1}},
      {ds_predicate_parse, "not touchpoint in ('exposure', 'Order Completed')", {1, 0, 0, 0, 1}},
      {ds_predicate_parse, "carrier in ('exposure') or carrier = 'exposure'", {0}},
      {ds_selector_parse, "any[value > 3]", {1, 1, 1, 1, 0}},
      {ds_selector_parse, "(delivered or exposure)", {0, 1, 0, 0, 1}},
      {ds_selector_parse, "stage:feedback", {0, 0, 0, 1, 0}},
  };
  for (uint32_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    static const uint8_t kept[5] = {1, 0, 1, 0, 1};
    ds_arena arena;
    ds_arena_init(&arena, 1u << 24);
    uint8_t named[5] = {0};
    const ds_expression *whole = read(w, cases[c].text, cases[c].parse, &arena), *within = NULL;
    ds_expression_named(whole, named);
    assert_memory_equal(named, cases[c].named, sizeof named);
    assert_int_equal(ds_expression_within(whole, kept, &w->schema, &arena, &within, NULL), DS_OK);
    for (uint16_t t = 0; t < 5; t++)
      assert_int_equal(ds_expression_can_mean(within, t),
                       kept[t] != 0 && ds_expression_can_mean(whole, t));
    ds_arena_done(&arena);
  }
}

// A text past one limit: its length, brackets, nots, signs, a sum, a selector's brackets.
static size_t too_much(char *text, uint32_t kind) {
  static const char *const pieces[] = {" ", "(", "not ", "-", "value+", "("};
  size_t used = 0;
  const size_t wanted = kind == 0 ? 66000 : kind == 4 ? 2000 : 1000;
  if (kind == 3)
    used = (size_t)snprintf(text, 16, "value > ");
  while (used < wanted) {
    const size_t size = strlen(pieces[kind]);
    memcpy(text + used, pieces[kind], size);
    used += size;
  }
  return used;
}

static void test_limits(void **context) {
  const world *w = *context;
  char *text = calloc(1, 70000);
  assert_non_null(text);
  for (uint32_t kind = 0; kind < 6; kind++) {
    const size_t used = too_much(text, kind);
    ds_arena arena;
    ds_arena_init(&arena, 1u << 24);
    const ds_expression *expression = NULL;
    ds_error err = {0};
    parse_function *parse = kind == 5 ? ds_selector_parse : ds_predicate_parse;
    const ds_code code =
        parse((ds_str){text, (uint32_t)used}, &w->schema, &arena, &expression, &err);
    if (code != DS_LIMIT)
      fail_msg("kind %u: %s", kind, err.message);
    ds_arena_done(&arena);
  }
  // Many terms and many values are no depth.
  size_t used = 0;
  for (uint32_t i = 0; i < 4000; i++)
    used += (size_t)snprintf(text + used, 70000 - used, "%svalue > 1", i == 0 ? "" : " and ");
  ds_arena arena;
  ds_arena_init(&arena, 1u << 26);
  read(w, text, ds_predicate_parse, &arena);
  used = (size_t)snprintf(text, 70000, "value in (1");
  for (uint32_t i = 0; i < 10000; i++)
    used += (size_t)snprintf(text + used, 70000 - used, ",%u", i);
  snprintf(text + used, 70000 - used, ")");
  read(w, text, ds_predicate_parse, &arena);
  ds_arena_done(&arena);
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_errors),  cmocka_unit_test(test_either),
      cmocka_unit_test(test_sql),     cmocka_unit_test(test_columns),
      cmocka_unit_test(test_meaning), cmocka_unit_test(test_reads),
      cmocka_unit_test(test_limits),  cmocka_unit_test(test_touchpoints),
  };
  return cmocka_run_group_tests(tests, world_make, world_done);
}
