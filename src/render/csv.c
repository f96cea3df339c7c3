// SPDX-License-Identifier: Apache-2.0
#include "render/cell.h"
#include "render/render.h"

static bool is_quoted(ds_str text) {
  bool quote = false;
  for (uint32_t i = 0; i < text.size; i++)
    quote |= text.data[i] == ',' || text.data[i] == '"' || text.data[i] == '\r' ||
             text.data[i] == '\n';
  return quote;
}

// Quotes a field when it must be (RFC 4180, 2.6 and 2.7).
static void field_append(ds_str text, ds_buf *out) {
  if (!is_quoted(text)) {
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
static bool is_formula(const ds_column *column, ds_str text) {
  return !ds_column_is_figure(column) && text.size != 0 && text.data[0] != '\0' &&
         strchr("=+-@\t\r", text.data[0]) != NULL;
}

static ds_str view(const ds_buf *buf) {
  return (ds_str){(const char *)buf->data, (uint32_t)buf->size};
}

static void text_cell_append(const ds_column *column, const ds_cell *cell, ds_buf *scratch,
                             ds_buf *out) {
  const bool plain = column->type == DS_CELL_TEXT || column->type == DS_CELL_EXACT;
  if (cell->null)
    return;
  ds_scratch_reset(scratch);
  if (!plain)
    ds_cell_plain(column, cell, scratch);
  ds_str text = plain ? cell->text : view(scratch);
  if (is_formula(column, text)) {
    ds_scratch_reset(scratch);
    ds_buf_u8(scratch, '\'');
    ds_cell_plain(column, cell, scratch);
    text = view(scratch);
  }
  ds_buf_fail_as(out, scratch);
  field_append(text, out);
}

// A figure or an instant has nothing to quote.
static bool is_written(const ds_column *column) {
  return column->type == DS_CELL_TIME ||
         (ds_column_is_figure(column) && column->type != DS_CELL_EXACT);
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

// One cell that is no figure.
static void other_append(const ds_column *column, const ds_cell *cell, bool exact,
                         ds_buf *scratch, ds_buf *out) {
  if (exact && column->type == DS_CELL_TEXT && !cell->null)
    exact_append(cell, out);
  else
    text_cell_append(column, cell, scratch, out);
}

// Figures stand side by side, and are written without asking for room one by one.
static void row_append(const ds_table *table, const ds_cell *cells, bool exact, ds_buf *scratch,
                       ds_buf *out) {
  for (uint32_t i = 0; i < table->columns_count && !out->failed;) {
    uint32_t end = i;
    while (end < table->columns_count && is_written(&table->columns[end]))
      end++;
    char *start = (char *)ds_buf_reserve(out, (size_t)(end - i) * (DS_CELL_BYTES + 1) + 1);
    char *at = start;
    for (; at != NULL && i < end; i++) {
      if (i > 0)
        *at++ = ',';
      at = ds_cell_write(&table->columns[i], &cells[i], at);
    }
    if (at != NULL)
      out->size += (size_t)(at - start);
    if (i == table->columns_count || at == NULL)
      break;
    if (i > 0)
      ds_buf_u8(out, ',');
    other_append(&table->columns[i], &cells[i], exact, scratch, out);
    i++;
  }
  ds_buf_append(out, "\r\n", 2);
}

static void rows_append(const ds_table *table, bool exact, ds_buf *scratch, ds_buf *out) {
  for (uint32_t row = 0; row < table->rows_count && !out->failed; row++)
    row_append(table, table->cells + (size_t)row * table->columns_count, exact, scratch, out);
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
