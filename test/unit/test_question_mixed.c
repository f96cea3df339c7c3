// SPDX-License-Identifier: Apache-2.0
// A property whose type differs between touchpoints, parts and blocks is read in the type that
// --where compares it with, by --by in the one of most values, however the events are spread over
// parts; the answer says so, and a literal of a type that no value has is an error.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka needs the headers above first.
#include <cmocka.h>

#include "question_world.h"
#include "scan/property_types.h"

enum { CUSTOMERS = 200, PROPERTIES = 6 };

static const char *const property_names[PROPERTIES] = {"value",   "tie",     "day",
                                                       "instant", "express", "many"};

// value: a number on order_placed and, in the second batch, text on paid and on order_placed;
// tie: as many numbers as texts; many: three types.
static ds_value value_of(uint32_t property, uint32_t customer, uint32_t touchpoint) {
  static const ds_value text = {.type = DS_TYPE_STRING, .text = {"twelve", 6}};
  const ds_value number = {.type = DS_TYPE_NUMBER, .number = customer % 10};
  switch (property) {
  case 0: return touchpoint == 1 || (touchpoint == 0 && customer % 5 == 0) ? text : number;
  case 1: return touchpoint == 0 ? text : touchpoint == 1 ? number : (ds_value){0};
  case 2: return (ds_value){.type = DS_TYPE_DATE, .i = 18000 + customer % 3};
  case 3: return (ds_value){.type = DS_TYPE_TIME, .i = 18000 * DS_DAY_MS + customer};
  case 4: return (ds_value){.type = DS_TYPE_BOOL, .i = customer % 2};
  default: return touchpoint == 0   ? text
                  : touchpoint == 1 ? number
                                    : (ds_value){.type = DS_TYPE_BOOL, .i = 1};
  }
}

static void put_event(uint32_t customer, uint32_t touchpoint, qw_rows *rows) {
  char subject[32];
  snprintf(subject, sizeof subject, "customer_id=C%u", customer);
  ds_event_property properties[PROPERTIES];
  uint32_t used = 0;
  for (uint32_t p = 0; p < PROPERTIES; p++) {
    const ds_value value = value_of(p, customer, touchpoint);
    if (value.type != DS_TYPE_NULL)
      properties[used++] = (ds_event_property){(uint16_t)p, false, value};
  }
  const int64_t time_ms = 1600000000000LL + touchpoint * 1000;
  const ds_event event = {.touchpoint = (uint16_t)touchpoint, .has_id = true,
                          .id = customer * 3 + touchpoint + 1, .time_ms = time_ms,
                          .received_ms = time_ms, .arrival = 1, .subject = ds_str_of(subject),
                          .properties_count = used, .properties = properties};
  qw_rows_put(rows, &event);
}

// Customers whose number leaves the part's remainder; or one part per touchpoint; or all in one.
static ds_snapshot *snapshot_make(uint32_t parts, bool by_touchpoint) {
  static const char *const touchpoints[] = {"order_placed", "paid", "packed"};
  static const char *const sources[] = {"test"};
  ds_snapshot *snapshot = qw_snapshot_new();
  ds_space space;
  ds_space_init(&space);
  qw_names(&space.touchpoints, touchpoints, 3);
  qw_names(&space.properties, property_names, PROPERTIES);
  qw_names(&space.sources, sources, 1);
  for (uint32_t part = 0; part < parts; part++) {
    qw_rows rows = {0};
    for (uint32_t c = 0; c < CUSTOMERS; c++)
      for (uint32_t t = 0; t < 3; t++)
        if ((by_touchpoint ? t : c) % parts == part)
          put_event(c, t, &rows);
    qw_part_add(snapshot, &space, &rows);
    qw_rows_done(&rows);
  }
  ds_space_done(&space);
  assert_int_equal(snapshot->events, CUSTOMERS * 3);
  return snapshot;
}

// The spreads of the same events over parts.
static ds_snapshot *spread(uint32_t which) {
  return snapshot_make(which == 0 ? 1 : which == 1 ? 5 : 3, which == 2);
}

enum { SPREADS = 3 };

static ds_property_kinds kinds_of(const ds_snapshot *snapshot, const char *name) {
  const uint32_t code = ds_names_find(&snapshot->space.properties, ds_str_of(name));
  ds_property_kinds kinds;
  assert_int_equal(ds_property_kinds_of(snapshot, (uint16_t)code, &kinds, NULL), DS_OK);
  return kinds;
}

static void test_kinds(void **context) {
  (void)context;
  for (uint32_t s = 0; s < SPREADS; s++) {
    ds_snapshot *snapshot = spread(s);
    const ds_property_kinds value = kinds_of(snapshot, "value"), tie = kinds_of(snapshot, "tie");
    assert_int_equal(value.type, DS_TYPE_NUMBER);
    assert_int_equal(value.types, 2);
    assert_int_equal(value.values[DS_TYPE_NUMBER], CUSTOMERS + CUSTOMERS * 4 / 5);
    assert_int_equal(value.values[DS_TYPE_STRING], CUSTOMERS + CUSTOMERS / 5);
    assert_int_equal(value.touchpoints[DS_TYPE_NUMBER], 2);
    assert_int_equal(value.touchpoints[DS_TYPE_STRING], 2);
    assert_int_equal(tie.type, DS_TYPE_NUMBER);
    assert_int_equal(tie.values[DS_TYPE_NUMBER], tie.values[DS_TYPE_STRING]);
    assert_int_equal(kinds_of(snapshot, "day").types, 1);
    assert_int_equal(kinds_of(snapshot, "day").values[DS_TYPE_DATE], 0);
    qw_snapshot_free(snapshot);
  }
}

static ds_code ask(const ds_snapshot *snapshot, const char *option, const char *text,
                   ds_arena *arena, ds_result *result, ds_error *err) {
  const ds_option_value values[] = {{option, text}};
  const ds_request request = {.snapshot = snapshot, .options = {.values = values, .count = 1},
                              .now_ms = 4000000000000LL, .threads = 2,
                              .memory_bytes = 64u << 20, .arena = arena};
  ds_result_init(result, arena, "process");
  return ds_question_run(ds_question_find(ds_str_of("process")), &request, result, err);
}

// What of an answer must not depend on the parts: occurrences of each node, in the table's order.
typedef struct figures {
  int64_t nodes[64];
  uint32_t count;
  char note[512];
} figures;

static figures answer(const ds_snapshot *snapshot, const char *option, const char *text) {
  ds_arena arena;
  ds_arena_init(&arena, 256u << 20);
  ds_result *result = ds_arena_alloc(&arena, sizeof *result);
  ds_error err = {0};
  if (ask(snapshot, option, text, &arena, result, &err) != DS_OK)
    fail_msg("%s %s: %s", option, text, err.message);
  const ds_table *nodes = ds_result_find(result, "nodes");
  const uint32_t column = ds_table_column(nodes, "occurrences");
  figures found = {.count = nodes->rows_count};
  assert_true(nodes->rows_count <= 64);
  for (uint32_t r = 0; r < nodes->rows_count; r++)
    found.nodes[r] = nodes->cells[(size_t)r * nodes->columns_count + column].i;
  if (result->notes_count > 0) {
    assert_true(result->notes[0].warning);
    snprintf(found.note, sizeof found.note, "%s", result->notes[0].text);
  }
  ds_arena_done(&arena);
  return found;
}

static const struct {
  const char *option, *text, *note;
  int64_t events;
} questions[] = {
    {"where", "value < 5",
     "Property value is a number on 2 touchpoints and text on 2: it was read as a number; values "
     "of the other type count as missing.", CUSTOMERS / 2 - CUSTOMERS / 10 + CUSTOMERS / 2},
    {"where", "value is null", "", 0},
    {"where", "tie is null", "", CUSTOMERS},
    {"where", "value = 'twelve'",
     "Property value is a number on 2 touchpoints and text on 2: it was read as text; values of "
     "the other type count as missing.", CUSTOMERS + CUSTOMERS / 5},
    {"where", "value = 'twelve' or value < 5", "",
     CUSTOMERS + CUSTOMERS / 5 + CUSTOMERS / 2 - CUSTOMERS / 10 + CUSTOMERS / 2},
    {"by", "tie",
     "Property tie is a number on 1 touchpoint and text on 1: it was read as a number; values of "
     "the other type count as missing.", CUSTOMERS * 3},
    {"by", "order_placed.value",
     "Property value is a number on 2 touchpoints and text on 2: it was read as a number; values "
     "of the other type count as missing.", CUSTOMERS * 3},
    {"by", "many",
     "Property many is a number on 1 touchpoint, text on 1 and true or false on 1: it was read as "
     "a number; values of the other types count as missing.", CUSTOMERS * 3},
    {"where", "day = date '2019-04-14' and express = true", "", 99},
    {"by", "day", "", CUSTOMERS * 3},
};

static void test_answers(void **context) {
  (void)context;
  for (uint32_t q = 0; q < sizeof questions / sizeof *questions; q++) {
    figures first = {.count = 0};
    for (uint32_t s = 0; s < SPREADS; s++) {
      ds_snapshot *snapshot = spread(s);
      const figures found = answer(snapshot, questions[q].option, questions[q].text);
      int64_t events = 0;
      for (uint32_t r = 0; r < found.count; r++)
        events += found.nodes[r];
      assert_int_equal(events, questions[q].events);
      if (questions[q].events > 0)
        assert_string_equal(found.note, questions[q].note);
      if (s == 0)
        first = found;
      assert_int_equal(found.count, first.count);
      assert_memory_equal(found.nodes, first.nodes, sizeof found.nodes);
      qw_snapshot_free(snapshot);
    }
  }
}

// The share of customers with such an event, by an expression among a question's own columns.
static double rate(const ds_snapshot *snapshot, const char *of) {
  ds_arena arena;
  ds_arena_init(&arena, 256u << 20);
  const ds_option_value values[] = {{"measure", "rate"}, {"of", of}, {"per", "month"}};
  const ds_request request = {.snapshot = snapshot, .options = {.values = values, .count = 3},
                              .now_ms = 4000000000000LL, .threads = 2,
                              .memory_bytes = 64u << 20, .arena = &arena};
  ds_result *result = ds_arena_alloc(&arena, sizeof *result);
  ds_error err = {0};
  ds_result_init(result, &arena, "trend");
  if (ds_question_run(ds_question_find(ds_str_of("trend")), &request, result, &err) != DS_OK)
    fail_msg("%s: %s", of, err.message);
  const ds_table *table = &result->tables[0];
  const uint32_t column = ds_table_column(table, "value");
  assert_true(table->rows_count == 1 && column != UINT32_MAX);
  const double found = table->cells[column].number;
  ds_arena_done(&arena);
  return found;
}

static void test_own_columns(void **context) {
  (void)context;
  for (uint32_t s = 0; s < SPREADS; s++) {
    ds_snapshot *snapshot = spread(s);
    assert_true(rate(snapshot, "value = 'twelve'") == 1.0);
    assert_true(rate(snapshot, "value < 5") == 0.5);
    assert_true(rate(snapshot, "order_placed[value = 'twelve']") == 0.2);
    assert_true(rate(snapshot, "many = 'twelve' and tie = 'twelve'") == 1.0);
    qw_snapshot_free(snapshot);
  }
}

static const struct {
  const char *text;
  uint32_t column;
  const char *message;
} errors[] = {
    {"day > time '2019-01-01T00:00:00Z'", 7, "day is a day: write date '2018-01-31'"},
    {"instant > date '2019-01-01'", 11,
     "instant is an instant and not a day: compare date(instant) with a day"},
    {"day = 'monday'", 7, "day is a day: write date '2018-01-31'"},
    {"express = 1", 11, "express is true or false: write true or false"},
    {"day is not null and express in (true, 'yes')", 39,
     "express is true or false: write true or false"},
    {"value = true", 9, "value is a number or text: write 42 or 'text'"},
    {"value < 90d", 9, "value is a number or text: write 42 or 'text'"},
};

static void test_errors(void **context) {
  (void)context;
  for (uint32_t s = 0; s < SPREADS; s++) {
    ds_snapshot *snapshot = spread(s);
    for (uint32_t e = 0; e < sizeof errors / sizeof *errors; e++) {
      ds_arena arena;
      ds_arena_init(&arena, 256u << 20);
      ds_result *result = ds_arena_alloc(&arena, sizeof *result);
      ds_error err = {0};
      assert_int_equal(ask(snapshot, "where", errors[e].text, &arena, result, &err),
                       DS_EXPRESSION);
      assert_string_equal(err.message, errors[e].message);
      assert_int_equal(err.line, 1);
      assert_int_equal(err.column, errors[e].column);
      ds_arena_done(&arena);
    }
    qw_snapshot_free(snapshot);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_kinds),
      cmocka_unit_test(test_answers),
      cmocka_unit_test(test_own_columns),
      cmocka_unit_test(test_errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
