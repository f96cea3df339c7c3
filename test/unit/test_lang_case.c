// SPDX-License-Identifier: Apache-2.0
// When what an expression about a case gives changes without a new event: over random timelines the
// value changes at the instant that is said, and at none before, held against the value at every
// instant around an edge. And the limits.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "lang/case.h"
#include "lang/segments.h"
#include "long_run.h"
#include "question_world.h"

enum { TIMELINES_USUAL = 12, TIMELINES_STRESS = 3000, EVENTS_MAX = 8, EDGES_MAX = 4000 };
#define HOUR 3600000LL
#define START_MS 1577836800000LL

static const char *const touchpoints[] = {"a", "b", "c"};
static const ds_carrier carriers[] = {{0, 0, DS_TYPE_NUMBER}, {1, 0, DS_TYPE_NUMBER},
                                      {0, 1, DS_TYPE_STRING}};

// One customer's events as a block.
typedef struct timeline {
  ds_space space;
  ds_schema schema;
  uint32_t offset[2], customer;
  int64_t time_ms[EVENTS_MAX];
  uint16_t touchpoint[EVENTS_MAX];
  uint64_t present[2];
  double number[EVENTS_MAX];
  ds_str text[EVENTS_MAX];
  uint32_t first[EVENTS_MAX + 1], item[EVENTS_MAX], key_offset[2];
  uint64_t hash[2];
  ds_property_column property[2];
  ds_key_column key;
  ds_block block;
} timeline;

static uint32_t draw(uint64_t *seed, uint32_t below) {
  return (uint32_t)(qw_random(seed) % below);
}

static int compare_times(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static void timeline_open(timeline *t) {
  static const char *const properties[] = {"n", "s"}, *const keys[] = {"k"};
  ds_space_init(&t->space);
  qw_names(&t->space.touchpoints, touchpoints, 3);
  qw_names(&t->space.properties, properties, 2);
  qw_names(&t->space.keys, keys, 1);
  t->schema = (ds_schema){.space = &t->space, .carriers = carriers, .carriers_count = 3};
}

static void timeline_make(timeline *t, uint64_t *seed) {
  const uint32_t events = 1 + draw(seed, EVENTS_MAX);
  uint32_t items = 0;
  t->present[0] = qw_random(seed);
  for (uint32_t e = 0; e < events; e++) {
    t->time_ms[e] = START_MS + draw(seed, 20) * HOUR;
    t->touchpoint[e] = (uint16_t)draw(seed, 3);
    t->number[e] = draw(seed, 3);
    t->text[e] = ds_str_of(draw(seed, 2) == 0 ? "x" : "y");
    t->first[e] = items;
    if (draw(seed, 3) != 0)
      t->item[items++] = draw(seed, 2);
  }
  qsort(t->time_ms, events, sizeof *t->time_ms, compare_times);
  t->first[events] = items;
  t->offset[1] = events;
  t->key_offset[1] = 2;
  t->property[0] = (ds_property_column){.type = DS_TYPE_NUMBER, .present = t->present,
                                        .number = t->number};
  t->property[1] = (ds_property_column){.type = DS_TYPE_STRING, .present = t->present,
                                        .text = t->text};
  t->key = (ds_key_column){.first = t->first, .item = t->item, .values = 2, .hash = t->hash,
                           .offset = t->key_offset};
  t->block = (ds_block){.journeys = 1, .events = events, .offset = t->offset,
                        .customer = &t->customer, .time_ms = t->time_ms,
                        .touchpoint = t->touchpoint, .properties_count = 2,
                        .property = t->property, .keys_count = 1, .key = &t->key};
}

static const char *const expressions[] = {
    "did(a, last 3h)",
    "count(any, last 5h) >= 2",
    "count(a, from 7h to 2h ago)",
    "since(a) > 3h",
    "since(a)",
    "since(a) > since(b) + 30m",
    "since(a) >= 2h and not did(b, last 4h)",
    "since(a) = 90m",
    "since(b) * 2 > 5h or since(c) / 2 < 1h",
    "elapsed(a, b) < 4h",
    "now > time '2020-01-01T12:00:00Z'",
    "now - last(any) between 1h and 2h",
    "hour(now) in (6, 7, 13)",
    "date(now - 30m) = date '2020-01-02'",
    "any_case(k, since(a) > 90m and not did(c))",
    "count_cases(k, did(any, last 2h))",
    "sum(a.n, last 6h)",
    "count(b, after a within 3h) > 0",
    "did(c, before b)",
    "customer.s",
    "last(any.n, last 4h) is null",
    "median(any.n, last 3h) + count(c)",
    "sequence(a then not b within 3h)",
    "sequence((a then not b within 2h then c within 3h)+ then not a within 5h)",
    "sequence(^ a then any* then b within 2h then not (a or c) within 4h $)",
    "any_case(k, sequence(b then not a within 5h within 6h total))",
};
enum { EXPRESSIONS = sizeof expressions / sizeof *expressions };

static bool same(const ds_value *a, const ds_value *b) {
  if (a->type != b->type || a->type == DS_TYPE_NULL)
    return a->type == b->type;
  if (a->type == DS_TYPE_NUMBER)
    return a->number == b->number;
  return a->type == DS_TYPE_STRING ? ds_str_equal(a->text, b->text) : a->i == b->i;
}

// The instants around which something can change: every event, later by every duration that the
// expressions speak of, and every half hour, each with its neighbours.
static uint32_t edges_make(const timeline *t, int64_t *edges) {
  static const int64_t shifts[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12};
  uint32_t count = 0;
  for (uint32_t e = 0; e < t->block.events; e++)
    for (uint32_t s = 0; s < sizeof shifts / sizeof *shifts; s++)
      for (int64_t near = -1; near <= 1; near++)
        edges[count++] = t->time_ms[e] + shifts[s] * HOUR / 2 + near;
  for (int64_t half = 0; half < 120; half++)
    for (int64_t near = -1; near <= 1; near++)
      edges[count++] = START_MS + half * HOUR / 2 + near;
  for (uint32_t e = 0; e < t->block.events; e++)
    for (int64_t quarter = 0; quarter < 30; quarter++)
      for (int64_t near = -1; near <= 1; near++)
        edges[count++] = t->time_ms[e] + quarter * HOUR / 4 + near;
  assert_true(count <= EDGES_MAX);
  qsort(edges, count, sizeof *edges, compare_times);
  return count;
}

typedef struct asked {
  ds_case_evaluator *evaluator;
  const char *text;
} asked;

static ds_value value_at(const asked *a, int64_t now_ms, int64_t *ret_next_ms) {
  ds_error err = {0};
  ds_value value;
  if (ds_case_evaluate_one(a->evaluator, 0, 0, now_ms, &value, ret_next_ms, &err) != DS_OK)
    fail_msg("%s", err.message);
  // A text is the evaluator's until its next call.
  if (value.type == DS_TYPE_STRING)
    value.text = ds_str_of(ds_str_equal(value.text, ds_str_of("x")) ? "x" : "y");
  return value;
}

// From `now_ms` on, the value is the same up to the instant that is said, and another at it.
static void check_change(const asked *a, int64_t now_ms, const int64_t *edges, uint32_t count) {
  int64_t next_ms = 0, unused = 0;
  const ds_value before = value_at(a, now_ms, &next_ms);
  assert_true(next_ms > now_ms);
  for (uint32_t e = 0; e < count && edges[e] < next_ms; e++) {
    if (edges[e] <= now_ms)
      continue;
    const ds_value value = value_at(a, edges[e], &unused);
    if (!same(&before, &value))
      fail_msg("%s changes at %lld, not at %lld (from %lld)", a->text,
               (long long)(edges[e] - START_MS), (long long)(next_ms - START_MS),
               (long long)(now_ms - START_MS));
  }
  if (next_ms == INT64_MAX)
    return;
  const ds_value after = value_at(a, next_ms, &unused);
  const bool clock = strstr(a->text, "(now") != NULL; // may be told too early
  if (same(&before, &after) && !clock)
    fail_msg("%s does not change at %lld", a->text, (long long)(next_ms - START_MS));
  const ds_value last = value_at(a, next_ms - 1, &unused);
  if (!same(&before, &last))
    fail_msg("%s changes before %lld", a->text, (long long)(next_ms - START_MS));
}

static void test_next_change(void **context) {
  (void)context;
  static timeline t;
  uint64_t seed = 5;
  timeline_open(&t);
  for (uint32_t n = 0; n < (long_run() ? TIMELINES_STRESS : TIMELINES_USUAL); n++) {
    int64_t edges[EDGES_MAX];
    timeline_make(&t, &seed);
    const uint32_t count = edges_make(&t, edges);
    for (uint32_t r = 0; r < EXPRESSIONS; r++) {
      ds_arena arena;
      ds_error err = {0};
      ds_case_program *program = NULL;
      asked a = {.text = expressions[r]};
      uint32_t rule = 0;
      static const uint16_t properties[] = {0, 1}, keys[] = {0};
      static const ds_type types[] = {DS_TYPE_NUMBER, DS_TYPE_STRING};
      const ds_columns columns = {.properties = properties, .property_types = types,
                                  .properties_count = 2, .keys = keys, .keys_count = 1};
      ds_arena_init(&arena, 1u << 22);
      assert_int_equal(ds_case_program_new(&t.schema, &arena, &program, NULL), DS_OK);
      if (ds_case_program_add(program, ds_str_of(expressions[r]), &rule, &err) != DS_OK)
        fail_msg("%s: %s", expressions[r], err.message);
      assert_int_equal(ds_case_evaluator_new(program, &columns, &a.evaluator, NULL), DS_OK);
      assert_int_equal(ds_case_begin(a.evaluator, &t.block, NULL), DS_OK);
      for (uint32_t i = 0; i < 3; i++)
        check_change(&a, START_MS + draw(&seed, 60) * HOUR / 2 + draw(&seed, 3) - 1, edges, count);
      ds_case_evaluator_free(a.evaluator);
      ds_arena_done(&arena);
    }
  }
  ds_space_done(&t.space);
}

static ds_code add(const timeline *t, const char *text, ds_error *err) {
  ds_arena arena;
  ds_case_program *program = NULL;
  uint32_t rule = 0;
  ds_arena_init(&arena, 1u << 26);
  ds_code code = ds_case_program_new(&t->schema, &arena, &program, err);
  if (code == DS_OK)
    code = ds_case_program_add(program, ds_str_of(text), &rule, err);
  ds_arena_done(&arena);
  return code;
}

// An expression of `count` times `open`, "did(a)", and as many times `close`.
static ds_code add_nested(const timeline *t, const char *open, const char *close, uint32_t count,
                          ds_error *err) {
  ds_buf text;
  ds_buf_init(&text, 1u << 20);
  for (uint32_t i = 0; i < count; i++)
    ds_buf_text(&text, open);
  ds_buf_text(&text, "did(a)");
  for (uint32_t i = 0; i < count; i++)
    ds_buf_text(&text, close);
  const ds_code code = add(t, ds_buf_cstr(&text), err);
  ds_buf_done(&text);
  return code;
}

// 200 levels, 64 KiB; segments that name each other, or cannot be read.
static void test_limits(void **context) {
  (void)context;
  static timeline t;
  static const ds_segment segments[] = {{.name = "x", .expression = "segment('y')"},
                                        {.name = "y", .expression = "not segment('x')"},
                                        {.name = "bad", .expression = "did(a) and did(d)"}};
  ds_error err = {0};
  timeline_open(&t);
  t.schema.segments = segments;
  t.schema.segments_count = 3;
  assert_int_equal(add_nested(&t, "(", ")", 199, &err), DS_OK);
  assert_int_equal(add_nested(&t, "(", ")", 201, &err), DS_LIMIT);
  assert_non_null(strstr(err.message, "at most 200 levels"));
  assert_int_equal(add_nested(&t, "not ", "", 250, &err), DS_LIMIT);
  assert_int_equal(add_nested(&t, "", "          ", 7000, &err), DS_LIMIT);
  assert_non_null(strstr(err.message, "at most 65536 bytes"));
  assert_int_equal(add(&t, "segment('x')", &err), DS_EXPRESSION);
  assert_string_equal(err.message, "segment 'x': segment 'y': segments name each other in a "
                      "circle: x, y, x");
  assert_int_equal(add(&t, "count(a) > 1 and segment('bad')", &err), DS_EXPRESSION);
  assert_string_equal(err.message, "segment 'bad': no event has touchpoint 'd'");
  assert_int_equal(err.column, 26);
  ds_space_done(&t.space);
}

// What people write: positions are those of their file, however deep names lie, and one of a
// shipped name stands in its place.
static void test_segments_file(void **context) {
  (void)context;
  static timeline t;
  static const char text[] = "# mine\r\n\r\nbusy: count(a) >= 2\r\n"
                             "lapsed: segment('busy') and\n   # no more of it\n"
                             "l\xc3\xa4ng:\n  did(a)\n\tand did(d)\n"
                             "sum: segment('l\xc3\xa4ng') or count(a)\njunk: did(a) did(a)\n";
  static const struct {
    const char *asked;
    const char *message;
    uint32_t line, column;
  } wrong[] = {
      {"segment('l\xc3\xa4ng')",
       "s.yaml line 8, segment 'l\xc3\xa4ng': no event has touchpoint 'd'", 8, 10},
      {"did(a) or segment('sum')",
       "s.yaml line 8, segment 'l\xc3\xa4ng': no event has touchpoint 'd'", 8, 10},
      {"segment('lapsed')", "s.yaml line 4, segment 'lapsed': expected a condition, such as value "
       "> 42 or carrier = 'DHL', but found the end", 4, 28},
      {"segment('junk')", "s.yaml line 10, segment 'junk': expected an operator, and, or, but "
       "found did", 10, 14},
  };
  ds_error err = {0};
  ds_arena arena;
  ds_arena_init(&arena, 1u << 20);
  timeline_open(&t);
  assert_int_equal(ds_segments_with(ds_str_of(text), "s.yaml", &arena, &t.schema.segments,
                                    &t.schema.segments_count, &err), DS_OK);
  assert_int_equal(t.schema.segments_count, 14);
  assert_string_equal(t.schema.segments[1].name, "lapsed");
  assert_string_equal(t.schema.segments[1].file, "s.yaml");
  assert_null(t.schema.segments[0].file);
  assert_int_equal(add(&t, "segment('busy')", &err), DS_OK);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    assert_int_equal(add(&t, wrong[i].asked, &err), DS_EXPRESSION);
    assert_string_equal(err.message, wrong[i].message);
    assert_string_equal(err.file, "s.yaml");
    assert_int_equal(err.line, wrong[i].line);
    assert_int_equal(err.column, wrong[i].column);
  }
  static const char *const bad[][2] = {
      {"a: did(a)\nno colon", "s.yaml line 2: a segment is a name and a condition, as in lapsed: "
       "since(actor:customer) > 90d"},
      {"a: did(a)\n\n: did(a)", "s.yaml line 3: a segment is a name and a condition, as in lapsed: "
       "since(actor:customer) > 90d"},
      {"a:", "s.yaml line 1: a segment is a name and a condition, as in lapsed: "
       "since(actor:customer) > 90d"},
      {"a: did(a)\n  or did(b)\na: did(b)", "s.yaml line 3: there is a segment 'a' already"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_int_equal(ds_segments_with(ds_str_of(bad[i][0]), "s.yaml", &arena, &t.schema.segments,
                                      &t.schema.segments_count, &err), DS_INPUT);
    assert_string_equal(err.message, bad[i][1]);
  }
  ds_arena_done(&arena);
  ds_space_done(&t.space);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_next_change),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_segments_file),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
