// SPDX-License-Identifier: Apache-2.0
// The condition of a mapping's event: read and judged as an expression of the journey language
// over the select's columns, then given to DuckDB as the SQL that it means.
#include <inttypes.h>
#include <stdio.h>

#include "ingest/importer.h"
#include "lang/expression.h"

// The select's columns as the language sees them: properties of one kind of row.
typedef struct row_schema {
  ds_space space;
  ds_schema schema;
} row_schema;

// The columns' names, types and SQL; in the importer's arena.
static ds_code columns_fill(ds_importer *importer, const ds_duck_texts *columns, row_schema *row,
                            ds_error *err) {
  ds_carrier *carriers = ds_arena_array(&importer->plans, columns->rows + 1, sizeof *carriers);
  const char **sql = ds_arena_array(&importer->plans, columns->rows + 1, sizeof *sql);
  if (carriers == NULL || sql == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory planning an import");
  uint32_t touchpoint;
  TRY(ds_names_add(&row->space.touchpoints, ds_str_of("(row)"), &touchpoint, err));
  ds_buf text;
  ds_buf_init(&text, 64 << 10);
  ds_code code = DS_OK;
  uint32_t count = 0;
  for (uint32_t i = 0; i < columns->rows && code == DS_OK; i++) {
    const ds_str name = columns->cell[2 * i];
    const ds_str type = columns->cell[2 * i + 1];
    uint32_t property;
    // A select may call two columns alike; DuckDB then knows no name for either.
    if (ds_names_find(&row->space.properties, name) != DS_NONE)
      continue;
    code = ds_names_add(&row->space.properties, name, &property, err);
    ds_buf_reset(&text);
    ds_plan_value_sql(&text, name, type, importer->zone == NULL ? NULL : importer->time_zone);
    sql[count] = ds_arena_text(&importer->plans, (const char *)text.data, text.size);
    carriers[count] = (ds_carrier){0, (uint16_t)count, ds_plan_named_type(name, type)};
    if (code == DS_OK && (text.failed || sql[count] == NULL))
      code = ds_fail(err, DS_MEMORY, "out of memory planning an import");
    count++;
  }
  ds_buf_done(&text);
  row->schema = (ds_schema){.space = &row->space, .carriers = carriers, .carriers_count = count,
                            .catalogue = importer->settings.catalogue, .zone = importer->zone,
                            .zone_name = importer->time_zone, .column_sql = sql};
  return code;
}

static ds_code condition_sql(ds_importer *importer, const ds_schema *schema,
                             const ds_mapping_event *event, ds_buf *sql, ds_error *err) {
  const ds_expression *expression;
  TRY(ds_predicate_parse(ds_str_of(event->when), schema, &importer->plans, &expression, err));
  TRY(ds_expression_sql(expression, sql, err));
  (void)ds_buf_cstr(sql);
  return ds_buf_check(sql, "a condition", err);
}

// An error of the expression becomes one of the mapping's text.
static ds_code when_fail(const ds_importer *importer, const ds_mapping_event *event,
                         const ds_error *wrong, ds_error *err) {
  if (wrong->code != DS_EXPRESSION && wrong->code != DS_LIMIT && wrong->code != DS_UNSUPPORTED)
    return ds_fail(err, wrong->code, "%s", wrong->message);
  const bool placed = event->when_column > 0 && wrong->line <= 1;
  const uint32_t column =
      wrong->column == 0 ? 0 : wrong->column + (placed ? event->when_column - 1 : 0);
  char where[64] = "";
  if (placed)
    snprintf(where, sizeof where, " column %" PRIu32 ", when", column);
  else if (wrong->line > 1)
    snprintf(where, sizeof where, ", when, its line %" PRIu32 ", character %" PRIu32, wrong->line,
             column);
  else
    snprintf(where, sizeof where, ", when, character %" PRIu32, column);
  return ds_fail_at(err, DS_INPUT, event->when_line, placed ? column : 0,
                    "%s line %" PRIu32 "%s: %s", importer->mapping.file, event->when_line,
                    column == 0 ? ", when" : where, wrong->message);
}

ds_code ds_importer_when(ds_importer *importer, const ds_duck_texts *columns,
                         const ds_mapping_event *event, ds_plan *plan, uint32_t *ret_column,
                         ds_error *err) {
  *ret_column = DS_NONE;
  if (event->when == NULL)
    return DS_OK;
  row_schema row = {.schema = {.space = NULL}};
  ds_error wrong = {.code = DS_OK};
  ds_buf sql;
  ds_buf_init(&sql, 4 << 20);
  ds_space_init(&row.space);
  ds_code code = columns_fill(importer, columns, &row, &wrong);
  if (code == DS_OK)
    code = condition_sql(importer, &row.schema, event, &sql, &wrong);
  char name[32];
  snprintf(name, sizeof name, "when, line %" PRIu32, event->when_line);
  code = code != DS_OK ? when_fail(importer, event, &wrong, err)
                       : ds_plan_condition_add(plan, &importer->plans, ds_buf_cstr(&sql), name,
                                               ret_column, err);
  ds_space_done(&row.space);
  ds_buf_done(&sql);
  return code;
}
