// SPDX-License-Identifier: Apache-2.0
// Random tables and random expressions about cases (level 3): what each gives for every customer,
// or every order, at an instant before, among or after the events, equals what its own SQL text
// says in DuckDB. 20 tables of 30 expressions, with DS_STRESS=1 600.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "ingest/duck.h"
#include "lang/case.h"
#include "long_run.h"
#include "question_world.h"
#include "scan/property_types.h"

enum { TABLES_USUAL = 20, TABLES_STRESS = 600, EXPRESSIONS = 30, DEPTH = 3 };
enum { EVENTS_MAX = 90, CUSTOMERS = 5, PROPERTIES = 6, TOUCHPOINTS = 5, CASES_MAX = 200 };
#define START_MS 1577836800000LL /* 2020-01-01 */
#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof *(array)))

static const char *const touchpoints[TOUCHPOINTS] = {"order_placed", "delivered", "a b",
                                                     "review_submitted", "exposure"};
static const char *const names[PROPERTIES] = {"n", "s", "b", "at", "d", "w"};
static const ds_type types[PROPERTIES] = {DS_TYPE_NUMBER, DS_TYPE_STRING, DS_TYPE_BOOL,
                                          DS_TYPE_TIME,   DS_TYPE_DATE,   DS_TYPE_DURATION};
static const char *const sql_types[PROPERTIES] = {"double",    "varchar", "boolean",
                                                  "timestamp", "date",    "bigint"};
// Sums of these are exact: SQL adds in an order of its own, and a last bit decides comparisons.
static const double numbers[] = {0, 1, 2.5, -3, 7, 0.125};
static const char *const texts[] = {"", "a", "DHL", "dhl"};

// What one case gives, as text that DuckDB would print alike; numbers as such.
typedef struct found {
  char name[32];
  bool null, number;
  double value;
  char text[64];
} found;

typedef struct table {
  uint64_t seed;
  ds_duck *duck;
  ds_snapshot *snapshot;
  ds_buf text;
  int64_t now_ms;
  bool by_order, any_case;
  uint32_t compared, asked, refused, timeless;
} table;

static uint32_t draw(table *w, uint32_t below) {
  return (uint32_t)(qw_random(&w->seed) % below);
}

static void check(ds_code code, const ds_error *err) {
  if (code != DS_OK)
    fail_msg("%s", err->message);
}

static ds_value value_make(table *w, ds_type type) {
  switch (type) {
  case DS_TYPE_NUMBER:
    return (ds_value){.type = type, .number = numbers[draw(w, COUNT(numbers))]};
  case DS_TYPE_STRING:
    return (ds_value){.type = type, .text = ds_str_of(texts[draw(w, COUNT(texts))])};
  case DS_TYPE_BOOL: return (ds_value){.type = type, .i = draw(w, 2)};
  case DS_TYPE_TIME: return (ds_value){.type = type, .i = START_MS + draw(w, 40) * 3600000LL};
  case DS_TYPE_DATE: return (ds_value){.type = type, .i = START_MS / DS_DAY_MS + draw(w, 9)};
  default: return (ds_value){.type = type, .i = (int64_t)draw(w, 12) * 1800001 - 3600000};
  }
}

static void put_sql(ds_buf *sql, const ds_value *value) {
  char text[64];
  switch (value->type) {
  case DS_TYPE_NUMBER: ds_buf_printf(sql, "%.17g::double", value->number); break;
  case DS_TYPE_STRING: ds_buf_printf(sql, "'%.*s'", DS_STR(value->text)); break;
  case DS_TYPE_BOOL: ds_buf_text(sql, value->i != 0 ? "true" : "false"); break;
  case DS_TYPE_TIME:
    ds_buf_printf(sql, "make_timestamp(%lld)", (long long)value->i * 1000);
    break;
  case DS_TYPE_DATE: ds_buf_printf(sql, "date '%s'", ds_date_print(text, value->i)); break;
  case DS_TYPE_DURATION: ds_buf_printf(sql, "%lld", (long long)value->i); break;
  default: ds_buf_text(sql, "null"); break;
  }
}

// One event as a row of `rows` and of SQL. Times are few, so that many are equal.
static void add_event(table *w, uint32_t e, qw_rows *rows, ds_buf *sql) {
  char subject[32], key[2][8];
  ds_event_key keys[2];
  ds_event_property properties[PROPERTIES];
  const uint32_t touchpoint = draw(w, TOUCHPOINTS), customer = draw(w, CUSTOMERS);
  const int64_t time_ms = START_MS + (int64_t)draw(w, 24) * 3600000;
  snprintf(subject, sizeof subject, "customer_id=C%u", customer);
  ds_event event = {.touchpoint = (uint16_t)touchpoint, .has_id = true, .id = e + 1,
                    .time_ms = time_ms, .received_ms = time_ms, .arrival = e + 1,
                    .subject = ds_str_of(subject), .keys = keys, .properties = properties,
                    .keys_count = draw(w, 3)};
  ds_buf_printf(sql, "%s('%s', '', make_timestamp(%lld), %u, '%s'",
                e == 0 ? "insert into events values " : ", ", subject, (long long)time_ms * 1000,
                e + 1, touchpoints[touchpoint]);
  ds_buf_text(sql, event.keys_count == 0 ? ", null" : ", [");
  for (uint32_t k = 0; k < event.keys_count; k++) {
    snprintf(key[k], sizeof key[k], "o%u.%u", customer, draw(w, 2) * 2 + k);
    keys[k] = (ds_event_key){0, ds_str_of(key[k])};
    ds_buf_printf(sql, "%s'%s'", k == 0 ? "" : ", ", key[k]);
  }
  ds_buf_text(sql, event.keys_count == 0 ? "" : "]");
  for (uint32_t p = 0; p < PROPERTIES; p++) {
    ds_value value = {.type = DS_TYPE_NULL};
    if (draw(w, 3) != 0) {
      value = value_make(w, types[p]);
      properties[event.properties_count++] = (ds_event_property){(uint16_t)p, false, value};
    }
    ds_buf_text(sql, ", ");
    put_sql(sql, &value);
  }
  ds_buf_text(sql, ")");
  qw_rows_put(rows, &event);
}

static void table_make(table *w) {
  static const char *const keys[] = {"order_id"}, *const sources[] = {"shop"};
  ds_error err = {0};
  ds_space space;
  ds_buf sql;
  qw_rows rows = {0};
  ds_buf_init(&sql, 1u << 20);
  ds_buf_text(&sql, "create or replace table events (customer varchar, of_case varchar, "
                    "\"time\" timestamp, arrival bigint, touchpoint varchar, order_id varchar[]");
  for (uint32_t p = 0; p < PROPERTIES; p++)
    ds_buf_printf(&sql, ", \"%s\" %s", names[p], sql_types[p]);
  ds_buf_text(&sql, ")");
  check(ds_duck_run(w->duck, ds_buf_cstr(&sql), &err), &err);
  ds_buf_reset(&sql);
  ds_space_init(&space);
  qw_names(&space.touchpoints, touchpoints, TOUCHPOINTS);
  qw_names(&space.properties, names, PROPERTIES);
  qw_names(&space.keys, keys, 1);
  qw_names(&space.sources, sources, 1);
  const uint32_t events = 10 + draw(w, EVENTS_MAX - 10);
  for (uint32_t e = 0; e < events; e++)
    add_event(w, e, &rows, &sql);
  check(ds_duck_run(w->duck, ds_buf_cstr(&sql), &err), &err);
  w->snapshot = qw_snapshot_new();
  qw_part_add(w->snapshot, &space, &rows);
  qw_rows_done(&rows);
  ds_space_done(&space);
  ds_buf_done(&sql);
}

static void put(table *w, const char *text) { ds_buf_text(&w->text, text); }

static void put_one(table *w, const char *const *list, uint32_t count) {
  put(w, list[draw(w, count)]);
}

static const char *const selectors[] = {
    "order_placed", "delivered", "'a b'", "any", "review_submitted", "actor:customer",
    "(order_placed or delivered)", "order_placed[n > 0]", "any[s = 'a' or b]",
    "delivered[time >= time '2020-01-01T06:00:00Z']", "complaint_submitted",
    "order_placed or 'a b'"};
static const char *const windows[] = {
    ", last 5h", ", last 30d", ", from 9h to 3h ago",
    ", from time '2020-01-01T03:00:00Z' to time '2020-01-01T12:00:00Z'",
    ", after order_placed within 4h", ", before delivered[n > 0]", ", before review_submitted",
    ", after any within 1ms", ", from date '2019-12-31' to date '2020-01-02'"};

static const char *const hours[] = {"1h", "2h", "3h", "5h", "9h"};

static void put_expression(table *w, char type, uint32_t depth);

// "%" and a letter: an expression of a type (n s b t d w), a pattern (p) or what follows in it (i),
// a selector (S), a window or none (W), a duration (H), an order (=), a sum's sign (+).
static void put_shape(table *w, const char *shape, uint32_t depth) {
  static const char *const signs[] = {"=", "!=", "<", "<=", ">", ">="}, *const sums[] = {"+", "-"};
  for (const char *at = shape; *at != '\0'; at++) {
    if (*at != '%') {
      ds_buf_append(&w->text, at, 1);
      continue;
    }
    at++;
    if (*at == 'S')
      put_one(w, selectors, COUNT(selectors) - 1);
    else if (*at == 'U')
      put_one(w, selectors, COUNT(selectors));
    else if (*at == 'W')
      put(w, draw(w, 2) == 0 ? "" : windows[draw(w, COUNT(windows))]);
    else if (*at == 'H')
      put_one(w, hours, COUNT(hours));
    else if (*at == '=')
      put_one(w, signs, COUNT(signs));
    else if (*at == '+')
      put_one(w, sums, COUNT(sums));
    else
      put_expression(w, *at, depth);
  }
}

// Leaves first, so many of them.
typedef struct grammar {
  char type;
  uint32_t leaves;
  const char *shape[24];
} grammar;

static const grammar grammars[] = {
    {'n', 13,
     {"count(%U%W)", "count(%S%W)", "sum(%S.n%W)", "avg(%S.n%W)", "min(%S.n%W)", "max(%S.n%W)",
      "median(%S.n%W)", "stddev(%S.n%W)", "distinct(%S.s%W)", "distinct(%S.n%W)", "2",
      "first(%S.n%W)", "last(%S.n%W)", "(%n %+ %n)", "(%n * %n)", "(%n / %n)", "length(%s)",
      "hour(%t)", "(%w / %w)", "customer.n", NULL}},
    {'s', 3, {"first(%S.s%W)", "last(%S.s%W)", "customer.s", "lower(%s)", NULL}},
    {'t', 5,
     {"first(%U%W)", "last(%U%W)", "now", "last(%S.at%W)", "max(%S.at%W)", "(%t %+ %w)", NULL}},
    {'d', 3, {"first(%S.d%W)", "min(%S.d%W)", "customer.d", "date(%t)", NULL}},
    {'w', 7,
     {"since(%U)", "elapsed(%U, %U)", "sum(%S.w%W)", "avg(%S.w%W)", "median(%S.w%W)", "2h",
      "stddev(%S.w%W)", "(%t - %t)", "(%w %+ %w)", "(%w * 2)", "-%w", NULL}},
    {'b', 7,
     {"did(%U%W)", "did(%S%W)", "first(%S.b%W)", "customer.b", "count(%S%W) >= 2",
      "since(%S) > 3h", "elapsed(%S, %S) <= 2h", "%n %= %n", "%t %= %t", "%w %= %w", "%s %= %s",
      "%d %= %d", "(%b and %b)", "(%b or %b)", "not (%b)", "%n is null", "%s in ('a', 'dhl')",
      "%n between %n and %n", "(%b) is not null", "sequence(%p)", NULL}},
    {'q', 6,
     {"sequence(%p)", "sequence(%p then %i)", "sequence(^ %p then %i)", "sequence(%p then %i $)",
      "sequence(%p then %i within %H total)", "sequence(%p then not %S within %H)",
      "not sequence(%p then %i)", "sequence(%p then %i then %i)",
      "sequence(%p then not %S within %H then %i)", "sequence(^ %p then not %S within %H $)",
      NULL}},
    {'p', 5,
     {"%S", "%S", "%S", "exposure", "%S{2}", "%p then %i", "%S then %i", "%S+", "(%p then %i)+",
      "(%p then %S)? then %S", "%p then not %S within %H", "(%S then not %S within %H){1,2}",
      NULL}},
    {'i', 6,
     {"%S", "immediately %S", "%S within %H", "immediately %S within %H", "exposure",
      "immediately exposure", "%S*", "%S? within %H", "%S{1,2}", "immediately %S+ within %H",
      "(%p)+ within %H", "immediately (%p then %i)*", NULL}},
};

static void put_expression(table *w, char type, uint32_t depth) {
  const grammar *g = grammars;
  while (g->type != type)
    g++;
  uint32_t count = 0;
  while (g->shape[count] != NULL)
    count++;
  if (w->any_case && (type == 'b' || type == 'n' || type == 'q') && draw(w, 6) == 0) {
    // Within it there is no other.
    w->any_case = false;
    put(w, type == 'n' ? "count_cases(order_id, " : "any_case(order_id, ");
    put_expression(w, type == 'q' ? 'q' : 'b', depth == 0 ? 0 : depth - 1);
    put(w, ")");
    w->any_case = true;
    return;
  }
  put_shape(w, g->shape[draw(w, depth == 0 ? g->leaves : count)], depth == 0 ? 0 : depth - 1);
}

// --- our answer: a kernel that evaluates every block

typedef struct asking {
  const ds_case_program *program;
  ds_columns columns;
  int64_t now_ms;
} asking;

typedef struct answers {
  const asking *what;
  found found[CASES_MAX];
  uint32_t count;
  uint32_t timeless; // blocks that were asked without times
} answers;

static ds_code answers_init(void *memory, const void *context, ds_arena *arena, ds_error *err) {
  (void)arena;
  (void)err;
  ((answers *)memory)->what = context;
  return DS_OK;
}

static void put_found(found *to, const ds_case_values *values, uint32_t j) {
  to->null = (values->present[j / 64] >> (j % 64) & 1) == 0;
  to->number = values->type == DS_TYPE_NUMBER || values->type == DS_TYPE_DURATION;
  if (to->null)
    return;
  switch (values->type) {
  case DS_TYPE_NUMBER: to->value = values->number[j]; break;
  case DS_TYPE_DURATION: to->value = (double)values->i[j]; break;
  case DS_TYPE_BOOL:
    snprintf(to->text, sizeof to->text, "%s",
             (values->yes[j / 64] >> (j % 64) & 1) != 0 ? "true" : "false");
    break;
  case DS_TYPE_STRING: snprintf(to->text, sizeof to->text, "%.*s", DS_STR(values->text[j])); break;
  default: snprintf(to->text, sizeof to->text, "%lld", (long long)values->i[j]); break;
  }
}

static ds_code answers_add(void *memory, const ds_block *block, ds_error *err) {
  answers *to = memory;
  ds_case_evaluator *evaluator = NULL;
  const ds_case_values *values = NULL;
  ds_block seen = *block;
  bool all = ds_case_program_timeless(to->what->program);
  for (uint32_t e = 0; e < block->events; e++)
    all &= block->time_ms[e] <= to->what->now_ms;
  TRY(ds_case_evaluator_new(to->what->program, &to->what->columns, &evaluator, err));
  // What looks at no time gives the same of a block without them.
  seen.time_ms = all ? NULL : block->time_ms;
  to->timeless += all && block->events > 0;
  TRY(ds_case_begin(evaluator, &seen, err));
  TRY(ds_case_evaluate(evaluator, to->what->now_ms, &values, err));
  for (uint32_t j = 0; j < block->journeys; j++) {
    const uint32_t first = block->offset[j];
    if (block->time_ms[first] > to->what->now_ms)
      continue;
    assert_true(to->count < CASES_MAX);
    found *one = &to->found[to->count++];
    snprintf(one->name, sizeof one->name, "%.*s/%.*s", DS_STR(block->subject[j]),
             DS_STR(block->case_text == NULL ? ds_str_of("") : block->case_text[j]));
    put_found(one, values, j);
    // One journey by itself gives the same.
    ds_value value;
    int64_t next_ms = 0;
    TRY(ds_case_begin(evaluator, block, err));
    TRY(ds_case_evaluate_one(evaluator, 0, j, to->what->now_ms, &value, &next_ms, err));
    assert_true(next_ms > to->what->now_ms);
    assert_int_equal(value.type == DS_TYPE_NULL, one->null);
    TRY(ds_case_begin(evaluator, &seen, err));
    TRY(ds_case_evaluate(evaluator, to->what->now_ms, &values, err));
  }
  ds_case_evaluator_free(evaluator);
  return DS_OK;
}

static ds_code answers_merge(void *into, void *from, ds_error *err) {
  (void)into;
  (void)from;
  (void)err;
  return DS_OK;
}

static const ds_kernel kernel = {"answers", sizeof(answers), answers_init, answers_add,
                                 answers_merge, NULL};

static const answers *ask_us(table *w, const ds_case_program *program, ds_arena *arena) {
  ds_error err = {0};
  void *memory = NULL;
  ds_plan plan = {.threads = 1, .has_case = w->by_order, .want_case_text = w->by_order};
  plan.columns.want = DS_WANT_SUBJECT;
  check(ds_case_program_columns(program, &plan.columns, arena, &err), &err);
  asking what = {program, plan.columns, w->now_ms};
  check(ds_scan(w->snapshot, &plan, &kernel, &what, arena, &memory, &err), &err);
  return memory;
}

static void ask_duck(table *w, const ds_case_program *program, ds_arena *arena,
                     ds_duck_texts *ret_found) {
  const ds_type type = ds_case_rule_type(program, 0);
  ds_error err = {0};
  ds_buf sql;
  ds_buf_init(&sql, 1u << 22);
  ds_buf_text(&sql, w->by_order ? "WITH source AS (SELECT * REPLACE (unnest(list_distinct("
                                  "order_id)) AS of_case) FROM events)"
                                : "WITH source AS (SELECT * FROM events)");
  check(ds_case_sql(program, w->now_ms, NULL, "source", &sql, &err), &err);
  ds_buf_text(&sql, type == DS_TYPE_TIME ? " SELECT customer || '/' || of_case, epoch_ms("
              : type == DS_TYPE_DATE     ? " SELECT customer || '/' || of_case, date_diff('day', "
                                           "date '1970-01-01', "
                                         : " SELECT customer || '/' || of_case, (");
  check(ds_case_rule_sql(program, 0, &sql, &err), &err);
  ds_buf_text(&sql, ")::VARCHAR FROM facts0");
  if (ds_duck_query(w->duck, ds_buf_cstr(&sql), arena, ret_found, &err) != DS_OK)
    fail_msg("%s\n%s\n%s", err.message, ds_buf_cstr(&w->text), ds_buf_cstr(&sql));
  ds_buf_done(&sql);
}

static void compare_one(table *w, const found *ours, const ds_str *cell) {
  double value = 0;
  const bool null = cell[1].data == NULL;
  if (ours->null || null) {
    if (ours->null != null)
      fail_msg("%s: %s is null in one alone (SQL: %.*s)", ds_buf_cstr(&w->text), ours->name,
               DS_STR(cell[1]));
  } else if (ours->number) {
    assert_true(ds_str_to_double(cell[1], &value));
    if (fabs(value - ours->value) > 1e-9 * (1 + fabs(value)))
      fail_msg("%s: %s gives %.17g, SQL says %.*s", ds_buf_cstr(&w->text), ours->name,
               ours->value, DS_STR(cell[1]));
  } else if (!ds_str_equal(ds_str_of(ours->text), cell[1])) {
    fail_msg("%s at %lld: %s gives %s, SQL says %.*s", ds_buf_cstr(&w->text),
             (long long)w->now_ms, ours->name, ours->text, DS_STR(cell[1]));
  }
}

// What a small table lacks, and what is no pattern or one that needs too much.
static bool is_refusal(const char *message) {
  static const char *const refusals[] = {
      "has a property", "has touchpoint",    "case key of that name", "met by nothing",
      "be left out:",   "matches at a time", "pattern is too large",  "here is none: write within"};
  bool refused = false;
  for (uint32_t r = 0; r < COUNT(refusals); r++)
    refused |= strstr(message, refusals[r]) != NULL;
  return refused;
}

static void compare(table *w) {
  ds_arena arena;
  ds_error err = {0};
  ds_schema schema;
  ds_case_program *program = NULL;
  uint32_t rule = 0;
  ds_duck_texts theirs;
  ds_arena_init(&arena, 1u << 28);
  check(ds_schema_of(w->snapshot, &arena, &schema, &err), &err);
  check(ds_case_program_new(&schema, &arena, &program, &err), &err);
  const ds_code code = ds_case_program_add(
      program, (ds_str){(const char *)w->text.data, (uint32_t)w->text.size}, &rule, &err);
  if (code != DS_OK && is_refusal(err.message)) {
    w->refused++;
    ds_arena_done(&arena);
    return;
  }
  if (code != DS_OK)
    fail_msg("%s: %u: %s", ds_buf_cstr(&w->text), err.column, err.message);
  const answers *ours = ask_us(w, program, &arena);
  ask_duck(w, program, &arena, &theirs);
  if (ours->count != theirs.rows)
    fail_msg("%s: %u cases, SQL says %u", ds_buf_cstr(&w->text), ours->count, theirs.rows);
  for (uint32_t r = 0; r < theirs.rows; r++) {
    const ds_str *cell = &theirs.cell[(size_t)r * 2];
    uint32_t at = 0;
    while (at < ours->count && !ds_str_equal(ds_str_of(ours->found[at].name), cell[0]))
      at++;
    assert_true(at < ours->count);
    compare_one(w, &ours->found[at], cell);
  }
  w->compared += ours->count;
  w->timeless += ours->timeless;
  w->asked++;
  ds_arena_done(&arena);
}

static void test_tables(void **context) {
  (void)context;
  ds_error err = {0};
  table w = {0};
  check(ds_duck_open("build/libduckdb.so", NULL, (size_t)512 << 20, &w.duck, &err), &err);
  ds_buf_init(&w.text, 1u << 16);
  for (uint32_t t = 0; t < (long_run() ? TABLES_STRESS : TABLES_USUAL); t++) {
    static const char kinds[] = "bbbnnstdwqqq";
    w.seed = t * 7919u + 11;
    table_make(&w);
    for (uint32_t e = 0; e < EXPRESSIONS; e++) {
      ds_buf_reset(&w.text);
      w.by_order = draw(&w, 4) == 0;
      w.any_case = !w.by_order;
      w.now_ms = START_MS + (int64_t)draw(&w, 50) * 1800000;
      put_expression(&w, kinds[draw(&w, sizeof kinds - 1)], draw(&w, DEPTH + 1));
      compare(&w);
    }
    qw_snapshot_free(w.snapshot);
  }
  assert_true(w.compared > 500 && w.refused < w.asked / 4 && w.timeless > 5);
  ds_buf_done(&w.text);
  ds_duck_close(w.duck);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tables),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
