// SPDX-License-Identifier: Apache-2.0
// Any text as an event predicate and as a selector: refused with a position, or read, written as
// SQL and evaluated over a few events; never a crash.
#include <assert.h>

#include "lang/expression.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVENTS = 5 };

static void add(ds_names *names, const char *text) {
  uint32_t index;
  (void)!ds_names_add(names, ds_str_of(text), &index, NULL);
}

static void space_make(ds_space *space) {
  ds_space_init(space);
  add(&space->touchpoints, "delivered");
  add(&space->touchpoints, "order_placed");
  add(&space->properties, "value");
  add(&space->properties, "carrier");
  add(&space->properties, "paid");
  add(&space->properties, "channel");
  add(&space->keys, "order_id");
  add(&space->sources, "s");
}

static const ds_carrier carriers[] = {
    {0, 0, DS_TYPE_NUMBER}, {1, 0, DS_TYPE_STRING}, {1, 1, DS_TYPE_STRING},
    {0, 2, DS_TYPE_BOOL},   {1, 3, DS_TYPE_STRING},
};

// Every third event lacks every property.
static void evaluate(const ds_expression *expression, ds_arena *arena) {
  static uint64_t present[1] = {0x1b}, hash[2] = {1, 2}, arrival[EVENTS];
  static double number[EVENTS] = {1, -0.0, 3, 1e300, 5};
  static int64_t i[EVENTS] = {1, 0, 1, 0, 1}, time_ms[EVENTS] = {0, 1, 1000, -5, 1577836800000};
  static ds_str text[EVENTS] = {{"a", 1}, {"DHL", 3}, {"", 0}, {"\xc3\xbc", 2}, {"\xff", 1}};
  static uint16_t touchpoint[EVENTS] = {0, 1, 0, 1, 0}, source[EVENTS];
  static uint32_t first[EVENTS + 1] = {0, 1, 1, 2, 2, 2}, item[2] = {0, 1};
  ds_columns columns = {.want = 0};
  ds_evaluator *evaluator = NULL;
  uint64_t keep[1];
  if (ds_expression_columns(expression, &columns, arena, NULL) != DS_OK ||
      ds_evaluator_new(expression, &columns, &evaluator, NULL) != DS_OK)
    return;
  ds_property_column property[64];
  assert(columns.properties_count <= 64);
  for (uint32_t p = 0; p < columns.properties_count; p++)
    property[p] = (ds_property_column){.type = columns.property_types[p], .present = present,
                                       .number = number, .i = i, .text = text};
  ds_key_column key = {.first = first, .item = item, .values = 2, .hash = hash};
  const ds_block block = {.events = EVENTS, .time_ms = time_ms, .received_ms = time_ms,
                          .touchpoint = touchpoint, .source = source, .arrival = arrival,
                          .properties_count = columns.properties_count, .property = property,
                          .keys_count = columns.keys_count, .key = &key};
  if (ds_evaluator_run(evaluator, &block, keep, NULL) == DS_OK)
    assert(keep[0] < 1u << EVENTS);
  ds_evaluator_free(evaluator);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > 1u << 20)
    return 0;
  ds_space space;
  space_make(&space);
  const ds_schema schema = {.space = &space, .carriers = carriers,
                            .carriers_count = sizeof carriers / sizeof *carriers};
  const ds_str text = {(const char *)data, (uint32_t)size};
  for (uint32_t kind = 0; kind < 2; kind++) {
    ds_arena arena;
    ds_arena_init(&arena, 1u << 26);
    const ds_expression *expression = NULL;
    ds_error err = {0};
    if ((kind == 0 ? ds_predicate_parse : ds_selector_parse)(text, &schema, &arena, &expression,
                                                             &err) == DS_OK) {
      ds_buf sql;
      ds_buf_init(&sql, 1u << 24);
      (void)!ds_expression_sql(expression, &sql, NULL);
      ds_buf_done(&sql);
      evaluate(expression, &arena);
    } else {
      assert(err.message[0] != '\0');
    }
    ds_arena_done(&arena);
  }
  ds_space_done(&space);
  return 0;
}
