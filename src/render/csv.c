// SPDX-License-Identifier: Apache-2.0
#include "render/cell.h"
#include "render/render.h"

// Quotes a field when it must be (RFC 4180, 2.6 and 2.7).
static void field_append(ds_str text, ds_buf *out) {
  bool quote = false;
  for (uint32_t i = 0; i < text.size; i++)
    quote = quote || (text.data[i] != '\0' && strchr(",\"\r\n", text.data[i]) != NULL);
  if (!quote) {
    ds_buf_append(out, text.data, text.size);
    return;
  }
  ds_buf_u8(out, '"');
  for (uint32_t i = 0; i < text.size; i++) {
    if (text.data[i] == '"')
      ds_buf_u8(out, '"');
    ds_buf_u8(out, (uint8_t)text.data[i]);
  }
  ds_buf_u8(out, '"');
}

// Spreadsheets run a text that begins so as a formula; figures of ours cannot.
static bool is_formula(const ds_column *column, const ds_buf *text) {
  return !ds_column_is_figure(column) && text->size != 0 && text->data[0] != '\0' &&
         strchr("=+-@\t\r", text->data[0]) != NULL;
}

static void cell_append(const ds_column *column, const ds_cell *cell, ds_buf *scratch,
                        ds_buf *out) {
  // A figure or an instant has nothing to quote.
  if (column->type == DS_CELL_TIME || ds_column_is_figure(column)) {
    ds_cell_plain(column, cell, out);
    return;
  }
  ds_buf_reset(scratch);
  ds_cell_plain(column, cell, scratch);
  if (is_formula(column, scratch)) {
    ds_buf_reset(scratch);
    ds_buf_u8(scratch, '\'');
    ds_cell_plain(column, cell, scratch);
  }
  out->failed = out->failed || scratch->failed;
  field_append((ds_str){(const char *)scratch->data, (uint32_t)scratch->size}, out);
}

static void names_append(const ds_table *table, ds_buf *out) {
  for (uint32_t i = 0; i < table->columns_count; i++) {
    if (i != 0)
      ds_buf_u8(out, ',');
    field_append(ds_str_of(table->columns[i].name), out);
  }
  ds_buf_text(out, "\r\n");
}

// A text as it is, told from null by quotes.
static void exact_append(const ds_cell *cell, ds_buf *out) {
  if (cell->text.size > 0)
    field_append(cell->text, out);
  else
    ds_buf_text(out, "\"\"");
}

static void rows_append(const ds_table *table, bool exact, ds_buf *scratch, ds_buf *out) {
  for (uint32_t row = 0; row < table->rows_count && !out->failed; row++) {
    const ds_cell *cells = table->cells + (size_t)row * table->columns_count;
    for (uint32_t i = 0; i < table->columns_count; i++) {
      if (i != 0)
        ds_buf_u8(out, ',');
      if (exact && table->columns[i].type == DS_CELL_TEXT && !cells[i].null)
        exact_append(&cells[i], out);
      else
        cell_append(&table->columns[i], &cells[i], scratch, out);
    }
    ds_buf_text(out, "\r\n");
  }
}

void ds_csv_table(const ds_table *table, bool names, bool exact, ds_buf *out) {
  ds_buf scratch;
  ds_buf_init(&scratch, out->size_max);
  if (names)
    names_append(table, out);
  rows_append(table, exact, &scratch, out);
  ds_buf_done(&scratch);
}

static ds_code table_unknown(const ds_result *result, const char *name, ds_error *err) {
  char names[256] = "";
  size_t used = 0;
  for (uint32_t i = 0; i < result->tables_count && used < sizeof names - 64; i++) {
    const char *separator = i == 0 ? "" : ", ";
    for (const char *part = separator; *part != '\0'; part++)
      names[used++] = *part;
    for (const char *c = result->tables[i].name; *c != '\0' && used < sizeof names - 1; c++)
      names[used++] = *c;
  }
  names[used] = '\0';
  return ds_fail(err, DS_USAGE, "\"%s\" has no table \"%s\"; it has: %s", result->question, name,
                 names);
}

ds_code ds_render_csv(const ds_result *result, const ds_render_options *options, ds_buf *out,
                      ds_error *err) {
  const char *name = options->table != NULL ? options->table : result->main_table;
  if (result->tables_count == 0)
    return ds_fail(err, DS_UNSUPPORTED, "\"%s\" has no table to write as CSV", result->question);
  const ds_table *table =
      name != NULL ? ds_result_find(result, name) : &result->tables[result->tables_count - 1];
  if (table == NULL)
    return table_unknown(result, name, err);
  ds_csv_table(table, true, false, out);
  return ds_buf_check(out, "CSV", err);
}
