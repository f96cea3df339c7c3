// SPDX-License-Identifier: Apache-2.0
// explain: what an expression of the journey language means over a store.
#include <stdio.h>

#include "cli/cli.h"
#include "scan/property_types.h"

static const ds_column name_columns[] = {
    {"name", DS_CELL_TEXT, "", "what the expression reads", false},
    {"kind", DS_CELL_TEXT, "", "property, case key, field, or touchpoint", false},
    {"type", DS_CELL_TEXT, "", "type of its values", false},
    {"carried_by", DS_CELL_TEXT, "", "touchpoints whose events have the property so", false},
};
enum { NAME_COLUMNS = sizeof name_columns / sizeof *name_columns };

static uint32_t count_meant(const ds_expression *expression, const ds_schema *schema) {
  uint32_t count = 0;
  for (uint32_t t = 0; t < schema->space->touchpoints.count; t++)
    count += ds_expression_can_mean(expression, (uint16_t)t);
  return count;
}

// The touchpoints that can be meant and whose events carry a property in a type; when none can be
// meant, all that carry it, to show why.
static ds_cell carriers_of(const ds_expression *expression, const ds_schema *schema,
                           const ds_read_name *name, ds_result *result) {
  const bool nothing = expression == NULL || count_meant(expression, schema) == 0;
  const uint32_t code = ds_names_find(&schema->space->properties, name->name);
  ds_buf text;
  ds_buf_init(&text, 1u << 20);
  for (uint32_t c = 0; c < schema->carriers_count; c++) {
    const ds_carrier *carrier = &schema->carriers[c];
    if (carrier->property != code || carrier->type != name->type ||
        (!nothing && !ds_expression_can_mean(expression, carrier->touchpoint)))
      continue;
    if (text.size > 0)
      ds_buf_text(&text, ", ");
    ds_buf_text(&text, ds_names_text(&schema->space->touchpoints, carrier->touchpoint));
  }
  const ds_cell cell =
      text.size == 0 ? ds_cell_null() : ds_cell_text(result, ds_str_of(ds_buf_cstr(&text)));
  ds_buf_done(&text);
  return cell;
}

// `expression` tells who carries a property; NULL: all touchpoints are looked at.
static ds_code put_names(const ds_expression *expression, const ds_schema *schema,
                         const ds_read_name *names, uint32_t count, ds_result *result,
                         ds_error *err) {
  ds_table *table = ds_result_table(result, "names", "What it reads", name_columns, NAME_COLUMNS);
  if (table != NULL)
    table->beneath = "carried_by";
  for (uint32_t i = 0; i < count; i++) {
    ds_cell *cell = table == NULL ? NULL : ds_table_row(result, table);
    if (cell == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory");
    *cell++ = ds_cell_text(result, names[i].name);
    *cell++ = ds_cell_text(result, ds_str_of(names[i].kind));
    if (names[i].type != DS_TYPE_NULL)
      *cell = ds_cell_text(result, ds_str_of(ds_type_name(names[i].type)));
    cell++;
    if (strcmp(names[i].kind, "property") == 0)
      *cell = carriers_of(expression, schema, &names[i], result);
  }
  return DS_OK;
}

// A longer text is none to read beside the answer.
enum { SQL_SHOWN_BYTES = 400 };

// Shows SQL whole where it is short, else how to have it printed.
static void note_sql(ds_buf *sql, ds_result *result) {
  if (sql->size <= SQL_SHOWN_BYTES)
    ds_result_note(result, false, "As SQL: %s", ds_buf_cstr(sql));
  else
    ds_result_note(result, false, "As SQL it has %zu characters: doorstep explain --sql prints it.",
                   sql->size);
}

static ds_code put_sql(const ds_expression *expression, ds_result *result, ds_error *err) {
  ds_buf sql;
  ds_error why = {.code = DS_OK};
  ds_buf_init(&sql, 1u << 22);
  const ds_code code = ds_expression_sql(expression, &sql, &why);
  if (code == DS_OK)
    note_sql(&sql, result);
  else if (code == DS_UNSUPPORTED)
    ds_result_note(result, false, "%s.", why.message);
  else if (err != NULL)
    *err = why;
  ds_buf_done(&sql);
  return code == DS_UNSUPPORTED ? DS_OK : code;
}

static void put_words(const ds_expression *expression, const ds_schema *schema,
                      ds_result *result) {
  char text[256];
  const uint32_t count = schema->space->touchpoints.count;
  const uint32_t possible = count_meant(expression, schema);
  if (possible == 0)
    ds_result_note(result, true, "No event of this store can be meant.");
  snprintf(text, sizeof text, "An event %s%s. %u of the store's %u touchpoints can be meant.",
           ds_expression_is_selector(expression) ? "selector" : "predicate",
           ds_expression_by_touchpoint(expression)
               ? ": the touchpoint alone decides"
               : ": it means the events for which it is true; unknown is not met",
           possible, count);
  result->definition = ds_arena_text(result->arena, text, strlen(text));
}

static ds_code show_sql(cli *run, ds_buf *sql, ds_error *err) {
  ds_buf_text(sql, "\n");
  TRY(ds_buf_check(sql, "an SQL text", err));
  return cli_show_text(run, sql, err);
}

static ds_code show_event(cli *run, const ds_expression *expression, const ds_schema *schema,
                          ds_result *result, ds_error *err) {
  const ds_read_name *names = NULL;
  uint32_t count = 0;
  if (cli_flag(run, "sql")) {
    ds_buf sql;
    ds_buf_init(&sql, 1u << 22);
    ds_code code = ds_expression_sql(expression, &sql, err);
    if (code == DS_OK)
      code = show_sql(run, &sql, err);
    ds_buf_done(&sql);
    return code;
  }
  TRY(ds_expression_reads(expression, &run->arena, &names, &count, err));
  TRY(put_names(expression, schema, names, count, result, err));
  TRY(put_sql(expression, result, err));
  put_words(expression, schema, result);
  return cli_show(run, result, err);
}

// --- an expression about cases

static const ds_column part_columns[] = {
    {"part", DS_CELL_TEXT, "", "what is asked of a case", false},
    {"type", DS_CELL_TEXT, "", "type of its value", false},
};
enum { PART_COLUMNS = sizeof part_columns / sizeof *part_columns };

static ds_code put_case_sql(const ds_case_program *program, int64_t now_ms, ds_buf *sql,
                            ds_error *err) {
  ds_buf_text(sql, "WITH cased AS (SELECT *, '' AS case_id FROM events)");
  TRY(ds_case_sql(program, now_ms, "cased", sql, err));
  ds_buf_text(sql, " SELECT customer, ");
  TRY(ds_case_rule_sql(program, 0, sql, err));
  ds_buf_text(sql, " AS value FROM facts0;");
  return ds_buf_check(sql, "an SQL text", err);
}

static ds_code put_parts(const ds_case_program *program, ds_result *result, ds_error *err) {
  ds_table *table =
      ds_result_table(result, "parts", "What it asks of a case", part_columns, PART_COLUMNS);
  ds_case_part part;
  for (uint32_t p = 0; ds_case_rule_part(program, 0, p, &part); p++) {
    ds_cell *cell = table == NULL ? NULL : ds_table_row(result, table);
    if (cell == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory");
    *cell++ = ds_cell_text(result, part.text);
    *cell++ = ds_cell_text(result, ds_str_of(ds_type_name(part.type)));
  }
  return DS_OK;
}

static void put_case_words(const ds_case_program *program, const ds_schema *schema,
                           ds_result *result) {
  char text[384];
  uint32_t marked = 0;
  const uint32_t count = schema->space->touchpoints.count;
  uint8_t *marks = ds_arena_array(result->arena, count + 1u, 1);
  if (marks == NULL)
    return;
  ds_case_rule_touchpoints(program, 0, marks);
  for (uint32_t t = 0; t < count; t++)
    marked += marks[t];
  const ds_type type = ds_case_rule_type(program, 0);
  snprintf(text, sizeof text, "An expression about a customer or a case: it gives %s. Events of %u "
           "of the store's %u touchpoints can change what it gives; time alone %s.",
           type == DS_TYPE_BOOL ? "true or false, and unknown is not met" : ds_type_noun(type),
           marked, count,
           ds_case_rule_moves(program, 0)
               ? "can too, when an event leaves a window or a span grows past a bound"
               : "cannot");
  result->definition = ds_arena_text(result->arena, text, strlen(text));
}

static ds_code show_case(cli *run, const ds_case_program *program, const ds_schema *schema,
                         ds_result *result, ds_error *err) {
  const ds_read_name *names = NULL;
  uint32_t count = 0;
  ds_error why = {.code = DS_OK};
  ds_buf sql;
  ds_buf_init(&sql, 1u << 22);
  ds_code code = put_case_sql(program, result->as_of_ms, &sql, &why);
  if (code == DS_OK && cli_flag(run, "sql")) {
    code = show_sql(run, &sql, err);
    ds_buf_done(&sql);
    return code;
  }
  if (code == DS_OK)
    note_sql(&sql, result);
  ds_buf_done(&sql);
  if (code != DS_OK && (code != DS_UNSUPPORTED || cli_flag(run, "sql")))
    return ds_fail(err, code, "%s", why.message);
  if (code == DS_UNSUPPORTED)
    ds_result_note(result, false, "%s.", why.message);
  TRY(put_parts(program, result, err));
  TRY(ds_case_rule_reads(program, 0, &run->arena, &names, &count, err));
  TRY(put_names(NULL, schema, names, count, result, err));
  put_case_words(program, schema, result);
  return cli_show(run, result, err);
}

// Of errors about one text, the one further on: it was read as what it is.
static bool is_further(const ds_error *a, const ds_error *b) {
  return a->line != b->line ? a->line > b->line : a->column > b->column;
}

static ds_code explain(cli *run, const ds_snapshot *snapshot, const cli_surroundings *around,
                       ds_error *err) {
  ds_schema schema;
  const ds_expression *expression = NULL;
  ds_case_program *program = NULL;
  ds_error as_event = {.code = DS_OK}, as_case = {.code = DS_OK};
  uint32_t rule = 0;
  const ds_str text = ds_str_of(run->arguments[0]);
  TRY(ds_schema_of(snapshot, &run->arena, &schema, err));
  schema.catalogue = around->settings.catalogue;
  schema.zone = around->zone;
  schema.zone_name = around->settings.time_zone;
  schema.segments = around->segments;
  schema.segments_count = around->segments_count;
  ds_result *result = (ds_result *)ds_arena_alloc(&run->arena, sizeof *result);
  if (result == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  ds_result_init(result, &run->arena, "explain");
  result->as_of_ms = snapshot->time_max_ms;
  ds_result_option(result, "expression", "%s", run->arguments[0]);
  if (ds_expression_parse(text, &schema, &run->arena, &expression, &as_event) == DS_OK)
    return show_event(run, expression, &schema, result, err);
  TRY(ds_case_program_new(&schema, &run->arena, &program, err));
  if (ds_case_program_add(program, text, &rule, &as_case) == DS_OK)
    return show_case(run, program, &schema, result, err);
  const ds_error *found = is_further(&as_case, &as_event) ? &as_case : &as_event;
  if (err != NULL)
    *err = *found;
  return found->code;
}

ds_code cli_run_explain(cli *run, ds_error *err) {
  run->text = run->arguments[0];
  ds_snapshot *snapshot = NULL;
  cli_surroundings around = {.zone = NULL};
  TRY(cli_open_snapshot(run, &snapshot, err));
  ds_code code = cli_look_around(run, &around, err);
  if (code == DS_OK)
    code = explain(run, snapshot, &around, err);
  ds_zone_free(around.zone);
  ds_snapshot_free(snapshot);
  return code;
}
