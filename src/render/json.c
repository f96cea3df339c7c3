// SPDX-License-Identifier: Apache-2.0
#include "render/json.h"

#include <math.h>

#include "model/time.h"
#include "render/cell.h"
#include "render/render.h"

static void text_member(ds_json *json, const char *name, const char *text) {
  ds_json_key(json, name);
  ds_json_text(json, ds_str_of(text != NULL ? text : ""));
}

static void time_value(ds_json *json, int64_t time_ms) {
  char text[32];
  ds_json_text(json, ds_str_of(ds_time_print(text, time_ms)));
}

// Whole numbers keep all their digits, others have up to 12.
static void number_value(ds_json *json, double number) {
  if (number == trunc(number) && fabs(number) < 9007199254740992.0)
    ds_json_i64(json, (int64_t)number);
  else
    ds_json_double(json, number);
}

static void list_value(ds_json *json, ds_str text) {
  ds_json_begin_array(json);
  uint32_t start = 0;
  for (uint32_t at = 0; at <= text.size && text.size != 0; at++) {
    if (at < text.size && text.data[at] != DS_LIST_SEPARATOR)
      continue;
    ds_json_text(json, (ds_str){text.data + start, at - start});
    start = at + 1;
  }
  ds_json_end_array(json);
}

static void cell_value(ds_json *json, const ds_column *column, const ds_cell *cell) {
  if (cell->null) {
    ds_json_null(json);
    return;
  }
  switch (column->type) {
  case DS_CELL_TEXT:
    ds_json_text(json, cell->text);
    return;
  case DS_CELL_EXACT:
    ds_json_number(json, cell->text);
    return;
  case DS_CELL_LIST:
  case DS_CELL_ITEMS:
    list_value(json, cell->text);
    return;
  case DS_CELL_COUNT:
    ds_json_i64(json, cell->i);
    return;
  case DS_CELL_TIME:
    time_value(json, cell->i);
    return;
  case DS_CELL_NUMBER:
  case DS_CELL_DURATION:
  case DS_CELL_SHARE:
    number_value(json, cell->number);
    return;
  }
}

// One row per line: people read it, and tools that work by line can.
static void rows_member(ds_json *json, const ds_table *table) {
  ds_json_key(json, table->name);
  ds_json_begin_array(json);
  for (uint32_t row = 0; row < table->rows_count && !json->out->failed; row++) {
    const ds_cell *cells = table->cells + (size_t)row * table->columns_count;
    ds_json_begin_object(json);
    json->pretty = false;
    for (uint32_t i = 0; i < table->columns_count; i++) {
      ds_json_key(json, table->columns[i].name);
      cell_value(json, &table->columns[i], &cells[i]);
    }
    ds_json_end_object(json);
    json->pretty = true;
  }
  ds_json_end_array(json);
}

static void columns_member(ds_json *json, const ds_table *table) {
  ds_json_key(json, table->name);
  ds_json_begin_array(json);
  for (uint32_t i = 0; i < table->columns_count; i++) {
    const ds_column *column = &table->columns[i];
    ds_json_begin_object(json);
    json->pretty = false;
    text_member(json, "name", column->name);
    text_member(json, "type", ds_cell_type_name(column->type));
    text_member(json, "unit", column->unit);
    text_member(json, "meaning", column->meaning);
    ds_json_end_object(json);
    json->pretty = true;
  }
  ds_json_end_array(json);
}

static void name_value(ds_json *json, const char *name) { ds_json_text(json, ds_str_of(name)); }

// Which figures can be listed: by which columns a row is named, of which the first `needed` must be
// given, and the columns that count.
static void figures_member(ds_json *json, const ds_figures *figures) {
  ds_json_key(json, figures->table);
  ds_json_begin_object(json);
  json->pretty = false;
  ds_json_key(json, "keys");
  ds_json_begin_array(json);
  if (figures->by != NULL)
    name_value(json, figures->by);
  for (uint32_t k = 0; k < DS_FIGURES_KEYS_MAX && figures->keys[k] != NULL; k++)
    name_value(json, figures->keys[k]);
  ds_json_end_array(json);
  ds_json_key(json, "needed");
  ds_json_u64(json, figures->needed + (figures->by != NULL));
  ds_json_key(json, "columns");
  ds_json_begin_array(json);
  for (uint32_t c = 0; c < DS_FIGURES_COLUMNS_MAX && figures->columns[c] != NULL; c++)
    name_value(json, figures->columns[c]);
  ds_json_end_array(json);
  if (figures->except != NULL) {
    ds_json_key(json, "except");
    ds_json_begin_array(json);
    for (const char *const *value = figures->except; *value != NULL; value++)
      name_value(json, *value);
    ds_json_end_array(json);
  }
  ds_json_end_object(json);
  json->pretty = true;
}

static void notes_member(ds_json *json, const ds_result *result) {
  ds_json_key(json, "notes");
  ds_json_begin_array(json);
  for (uint32_t i = 0; i < result->notes_count; i++) {
    ds_json_begin_object(json);
    json->pretty = false;
    text_member(json, "level", result->notes[i].warning ? "warning" : "info");
    text_member(json, "text", result->notes[i].text);
    ds_json_end_object(json);
    json->pretty = true;
  }
  ds_json_end_array(json);
}

static void options_member(ds_json *json, const ds_result *result) {
  ds_json_key(json, "options");
  ds_json_begin_object(json);
  for (uint32_t i = 0; i < result->options_count; i++)
    text_member(json, result->options[i].name, result->options[i].text);
  ds_json_end_object(json);
}

void ds_json_result(ds_json *json, const ds_result *result) {
  text_member(json, "question", result->question);
  options_member(json, result);
  ds_json_key(json, "as_of");
  time_value(json, result->as_of_ms);
  ds_json_key(json, "tables");
  ds_json_begin_object(json);
  for (uint32_t i = 0; i < result->tables_count; i++)
    rows_member(json, &result->tables[i]);
  ds_json_end_object(json);
  ds_json_key(json, "columns");
  ds_json_begin_object(json);
  for (uint32_t i = 0; i < result->tables_count; i++)
    columns_member(json, &result->tables[i]);
  ds_json_end_object(json);
  ds_json_key(json, "figures");
  ds_json_begin_object(json);
  for (uint32_t i = 0; i < result->figures_count; i++)
    figures_member(json, &result->figures[i]);
  ds_json_end_object(json);
  notes_member(json, result);
  text_member(json, "definition", result->definition);
}

ds_code ds_render_json(const ds_result *result, const ds_render_options *options, ds_buf *out,
                       ds_error *err) {
  (void)options;
  ds_json json = ds_json_to(out, true);
  ds_json_begin_object(&json);
  ds_json_result(&json, result);
  ds_json_end_object(&json);
  ds_buf_u8(out, '\n');
  return ds_buf_check(out, "JSON", err);
}
