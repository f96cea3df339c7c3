// SPDX-License-Identifier: Apache-2.0
// See explain.h.
#include "ask/explain.h"

#include <stdio.h>

#include "lang/case.h"
#include "lang/expression.h"
#include "question/common.h"

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
  ds_buf_tell(&text, result->arena);
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

static ds_code put_event(const ds_expression *expression, const ds_schema *schema,
                         ds_result *result, ds_error *err) {
  const ds_read_name *names = NULL;
  uint32_t count = 0;
  TRY(ds_expression_reads(expression, result->arena, &names, &count, err));
  TRY(put_names(expression, schema, names, count, result, err));
  TRY(put_sql(expression, result, err));
  put_words(expression, schema, result);
  return DS_OK;
}

// --- an expression about cases

static const ds_column part_columns[] = {
    {"part", DS_CELL_TEXT, "", "what is asked of a case", false},
    {"type", DS_CELL_TEXT, "", "type of its value", false},
};
enum { PART_COLUMNS = sizeof part_columns / sizeof *part_columns };

static ds_code put_case_sql(const ds_case_program *program, int64_t now_ms, ds_buf *sql,
                            ds_error *err) {
  ds_buf_text(sql, "WITH cased AS (SELECT *, '' AS of_case FROM events)");
  TRY(ds_case_sql(program, now_ms, NULL, "cased", sql, err));
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

static ds_code put_case(const ds_case_program *program, const ds_schema *schema,
                        ds_result *result, ds_error *err) {
  const ds_read_name *names = NULL;
  uint32_t count = 0;
  ds_error why = {.code = DS_OK};
  ds_buf sql;
  ds_buf_init(&sql, 1u << 22);
  const ds_code code = put_case_sql(program, result->as_of_ms, &sql, &why);
  if (code == DS_OK)
    note_sql(&sql, result);
  ds_buf_done(&sql);
  if (code == DS_UNSUPPORTED)
    ds_result_note(result, false, "%s.", why.message);
  else if (code != DS_OK)
    return ds_fail(err, code, "%s", why.message);
  TRY(put_parts(program, result, err));
  TRY(ds_case_rule_reads(program, 0, result->arena, &names, &count, err));
  TRY(put_names(NULL, schema, names, count, result, err));
  put_case_words(program, schema, result);
  return DS_OK;
}

// Of errors about one text, the one further on: it was read as what it is.
static bool is_further(const ds_error *a, const ds_error *b) {
  return a->line != b->line ? a->line > b->line : a->column > b->column;
}

static ds_code fail_as(const ds_error *found, ds_error *err) {
  if (err != NULL)
    *err = *found;
  return found->code;
}

// An expression that was read: about events, or about cases.
typedef struct meaning {
  ds_schema schema;
  const ds_expression *expression;
  ds_case_program *program; // when that is NULL
} meaning;

static ds_code read_event(const ds_request *request, const char *text, ds_explain_kind kind,
                          meaning *what, ds_error *err) {
  const ds_str whole = ds_str_of(text);
  switch (kind) {
  case DS_EXPLAIN_EVENT:
    return ds_predicate_parse(whole, &what->schema, request->arena, &what->expression, err);
  case DS_EXPLAIN_SELECTOR:
    return ds_selector_parse(whole, &what->schema, request->arena, &what->expression, err);
  default:
    return ds_expression_parse(whole, &what->schema, request->arena, &what->expression, err);
  }
}

static ds_code read_any(const ds_request *request, const char *text, ds_explain_kind kind,
                        meaning *what, ds_error *err) {
  ds_error as_event = {.code = DS_OK}, as_case = {.code = DS_OK};
  uint32_t rule = 0;
  *what = (meaning){.expression = NULL};
  TRY(ds_question_schema(request, &what->schema, err));
  if (kind != DS_EXPLAIN_CASE && read_event(request, text, kind, what, &as_event) == DS_OK)
    return DS_OK;
  if (kind == DS_EXPLAIN_EVENT || kind == DS_EXPLAIN_SELECTOR || as_event.code == DS_MEMORY)
    return fail_as(&as_event, err);
  TRY(ds_case_program_new(&what->schema, request->arena, &what->program, err));
  if (ds_case_program_add(what->program, ds_str_of(text), &rule, &as_case) == DS_OK)
    return DS_OK;
  const bool about_case = kind == DS_EXPLAIN_CASE || as_case.code == DS_MEMORY;
  return fail_as(about_case || is_further(&as_case, &as_event) ? &as_case : &as_event, err);
}

bool ds_explain_kind_of(const char *name, ds_explain_kind *ret_kind) {
  static const char *const names[] = {"any", "event", "selector", "case"};
  for (uint32_t k = 0; k < sizeof names / sizeof *names; k++)
    if (strcmp(names[k], name) == 0) {
      *ret_kind = (ds_explain_kind)k;
      return true;
    }
  return false;
}

ds_code ds_explain(const ds_request *request, const char *text, ds_explain_kind kind,
                   ds_result *result, ds_error *err) {
  meaning what;
  TRY(read_any(request, text, kind, &what, err));
  result->as_of_ms = request->snapshot->time_max_ms;
  ds_result_option(result, "expression", "%s", text);
  if (what.expression != NULL)
    TRY(put_event(what.expression, &what.schema, result, err));
  else
    TRY(put_case(what.program, &what.schema, result, err));
  return result->arena->refused ? ds_fail(err, DS_MEMORY, "out of memory") : DS_OK;
}

ds_code ds_explain_sql(const ds_request *request, const char *text, ds_explain_kind kind,
                       ds_buf *sql, ds_error *err) {
  meaning what;
  TRY(read_any(request, text, kind, &what, err));
  if (what.expression != NULL)
    TRY(ds_expression_sql(what.expression, sql, err));
  else
    TRY(put_case_sql(what.program, request->snapshot->time_max_ms, sql, err));
  ds_buf_text(sql, "\n");
  return ds_buf_check(sql, "an SQL text", err);
}
