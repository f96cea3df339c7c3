// SPDX-License-Identifier: Apache-2.0
// Any text as an event predicate, as a selector and as an expression about cases: refused with a
// position, or read, written as SQL and evaluated over a few events; never a crash.
#include <assert.h>

#include "lang/case.h"
#include "lang/segments.h"

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

// What is done with a block of the columns that an expression reads.
typedef void use_block(const void *what, const ds_columns *columns, const ds_block *block);

// Every third event lacks every property. Two journeys.
static void with_block(const void *what, const ds_columns *columns, use_block *use) {
  static uint64_t present[1] = {0x1b}, hash[2] = {1, 2}, arrival[EVENTS];
  static double number[EVENTS] = {1, -0.0, 3, 1e300, 5};
  static int64_t i[EVENTS] = {1, 0, 1, 0, 1}, time_ms[EVENTS] = {0, 1, 1000, 5, 1577836800000};
  static ds_str text[EVENTS] = {{"a", 1}, {"DHL", 3}, {"", 0}, {"\xc3\xbc", 2}, {"\xff", 1}};
  static uint16_t touchpoint[EVENTS] = {0, 1, 0, 1, 0}, source[EVENTS];
  static uint32_t first[EVENTS + 1] = {0, 1, 1, 2, 2, 2}, item[2] = {0, 1};
  static uint32_t offset[3] = {0, 3, EVENTS}, customer[2] = {1, 2}, values[3] = {0, 2, 2};
  ds_property_column property[64];
  if (columns->properties_count > 64)
    return;
  for (uint32_t p = 0; p < columns->properties_count; p++)
    property[p] = (ds_property_column){.type = columns->property_types[p], .present = present,
                                       .number = number, .i = i, .text = text};
  ds_key_column key = {.first = first, .item = item, .values = 2, .hash = hash,
                       .offset = values};
  const ds_block block = {.events = EVENTS, .journeys = 2, .offset = offset,
                          .customer = customer, .time_ms = time_ms, .received_ms = time_ms,
                          .touchpoint = touchpoint, .source = source, .arrival = arrival,
                          .properties_count = columns->properties_count, .property = property,
                          .keys_count = columns->keys_count, .key = &key};
  use(what, columns, &block);
}

static void run_expression(const void *what, const ds_columns *columns, const ds_block *block) {
  ds_evaluator *evaluator = NULL;
  uint64_t keep[1];
  if (ds_evaluator_new(what, columns, &evaluator, NULL) != DS_OK)
    return;
  if (ds_evaluator_run(evaluator, block, keep, NULL) == DS_OK)
    assert(keep[0] < 1u << EVENTS);
  ds_evaluator_free(evaluator);
}

static void run_program(const void *what, const ds_columns *columns, const ds_block *block) {
  ds_case_evaluator *evaluator = NULL;
  const ds_case_values *values = NULL;
  ds_value value;
  int64_t next_ms = 0;
  if (ds_case_evaluator_new(what, columns, &evaluator, NULL) != DS_OK)
    return;
  if (ds_case_begin(evaluator, block, NULL) == DS_OK &&
      ds_case_evaluate(evaluator, 500, &values, NULL) == DS_OK)
    assert(values[0].present[0] < 1u << block->journeys);
  if (ds_case_evaluate_one(evaluator, 0, 0, 1, &value, &next_ms, NULL) == DS_OK)
    assert(next_ms > 1);
  ds_case_evaluator_free(evaluator);
}

// Reads and runs the text as an event predicate (kind 0) or a selector (1).
static ds_code try_event(ds_str text, const ds_schema *schema, uint32_t kind, ds_arena *arena,
                         ds_buf *sql, ds_error *err) {
  const ds_expression *expression = NULL;
  ds_columns columns = {.want = 0};
  TRY((kind == 0 ? ds_predicate_parse : ds_selector_parse)(text, schema, arena, &expression, err));
  (void)!ds_expression_sql(expression, sql, NULL);
  if (ds_expression_columns(expression, &columns, arena, NULL) == DS_OK)
    with_block(expression, &columns, run_expression);
  return DS_OK;
}

// The same as an expression about cases.
static ds_code try_case(ds_str text, const ds_schema *schema, ds_arena *arena, ds_buf *sql,
                        ds_error *err) {
  ds_case_program *program = NULL;
  ds_columns columns = {.want = 0};
  uint32_t rule = 0;
  TRY(ds_case_program_new(schema, arena, &program, err));
  TRY(ds_case_program_add(program, text, &rule, err));
  if (ds_case_sql(program, 500, NULL, "events", sql, NULL) == DS_OK)
    (void)!ds_case_rule_sql(program, rule, sql, NULL);
  if (ds_case_program_columns(program, &columns, arena, NULL) == DS_OK)
    with_block(program, &columns, run_program);
  return DS_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > 1u << 20)
    return 0;
  ds_space space;
  space_make(&space);
  ds_schema schema = {.space = &space, .carriers = carriers,
                      .carriers_count = sizeof carriers / sizeof *carriers};
  const ds_str text = {(const char *)data, (uint32_t)size};
  for (uint32_t kind = 0; kind < 3; kind++) {
    ds_arena arena;
    ds_buf sql;
    ds_error err = {0};
    ds_arena_init(&arena, 1u << 26);
    ds_buf_init(&sql, 1u << 24);
    ds_code code = ds_segments_shipped(&arena, &schema.segments, &schema.segments_count, &err);
    if (code == DS_OK)
      code = kind < 2 ? try_event(text, &schema, kind, &arena, &sql, &err)
                      : try_case(text, &schema, &arena, &sql, &err);
    assert(code == DS_OK || err.message[0] != '\0');
    ds_buf_done(&sql);
    ds_arena_done(&arena);
  }
  ds_space_done(&space);
  return 0;
}
