// SPDX-License-Identifier: Apache-2.0
// explain: what an expression of the journey language means over a store.
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
  const bool nothing = count_meant(expression, schema) == 0;
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

static ds_code put_names(cli *run, const ds_expression *expression, const ds_schema *schema,
                         ds_result *result, ds_error *err) {
  const ds_read_name *names = NULL;
  uint32_t count = 0;
  TRY(ds_expression_reads(expression, &run->arena, &names, &count, err));
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

// As a note, because a text of any length is shown whole there.
static ds_code put_sql(const ds_expression *expression, ds_result *result, ds_error *err) {
  ds_buf sql;
  ds_error why = {.code = DS_OK};
  ds_buf_init(&sql, 1u << 22);
  const ds_code code = ds_expression_sql(expression, &sql, &why);
  if (code == DS_OK)
    ds_result_note(result, false, "As SQL: %s", ds_buf_cstr(&sql));
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

static ds_code show_sql(cli *run, const ds_expression *expression, ds_error *err) {
  ds_buf sql;
  ds_buf_init(&sql, 1u << 22);
  ds_code code = ds_expression_sql(expression, &sql, err);
  ds_buf_text(&sql, "\n");
  if (code == DS_OK)
    code = cli_show_text(run, &sql, err);
  ds_buf_done(&sql);
  return code;
}

static ds_code explain(cli *run, const ds_snapshot *snapshot, const cli_surroundings *around,
                       ds_error *err) {
  ds_schema schema;
  const ds_expression *expression = NULL;
  TRY(ds_schema_of(snapshot, &run->arena, &schema, err));
  schema.catalogue = around->settings.catalogue;
  schema.zone = around->zone;
  schema.zone_name = around->settings.time_zone;
  TRY(ds_expression_parse(ds_str_of(run->arguments[0]), &schema, &run->arena, &expression, err));
  if (cli_flag(run, "sql"))
    return show_sql(run, expression, err);
  ds_result *result = (ds_result *)ds_arena_alloc(&run->arena, sizeof *result);
  if (result == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory");
  ds_result_init(result, &run->arena, "explain");
  result->as_of_ms = snapshot->time_max_ms;
  ds_result_option(result, "expression", "%s", run->arguments[0]);
  TRY(put_names(run, expression, &schema, result, err));
  TRY(put_sql(expression, result, err));
  put_words(expression, &schema, result);
  return cli_show(run, result, err);
}

ds_code cli_run_explain(cli *run, ds_error *err) {
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
