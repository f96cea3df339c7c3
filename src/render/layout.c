// SPDX-License-Identifier: Apache-2.0
#include "render/layout.h"

enum {
  TEXT_WIDTH_MAX = 60, // a longer text is cut even on a wide screen
  TEXT_WIDTH_MIN = 14, // texts are not cut below this while figures can be dropped
  BAR_WIDTH_MIN = 5,
  BAR_WIDTH_MAX = 24,
};

static uint32_t text_width(ds_buf *text) {
  return ds_str_columns((ds_str){(const char *)text->data, (uint32_t)text->size});
}

static uint32_t natural_width(const ds_table *table, uint32_t rows, uint32_t column,
                              ds_buf *scratch) {
  ds_buf_reset(scratch);
  ds_column_label(&table->columns[column], scratch);
  uint32_t width = text_width(scratch);
  for (uint32_t row = 0; row < rows; row++) {
    ds_buf_reset(scratch);
    ds_cell_human(&table->columns[column],
                  &table->cells[(size_t)row * table->columns_count + column], scratch);
    const uint32_t cell = text_width(scratch);
    width = cell > width ? cell : width;
  }
  return width;
}

static uint32_t total_width(const ds_layout *layout) {
  uint32_t total = 0;
  for (uint32_t i = 0; i < layout->count; i++)
    total += layout->shown[i].width + (i == 0 ? 0 : DS_LAYOUT_GAP);
  return total;
}

static void drop(ds_layout *layout, uint32_t at) {
  for (uint32_t i = at; i + 1 < layout->count; i++)
    layout->shown[i] = layout->shown[i + 1];
  layout->count--;
}

// The first count of a table says what the table is about: it stays.
static bool is_main_count(const ds_table *table, uint32_t column) {
  for (uint32_t i = 0; i < column; i++) {
    if (table->columns[i].type == DS_CELL_COUNT)
      return false;
  }
  return table->columns[column].type == DS_CELL_COUNT;
}

// Whether the column is the one that is drawn as a bar too.
static bool has_bar(const ds_table *table, uint32_t column) {
  if (table->bar == NULL)
    return is_main_count(table, column);
  return ds_column_is_figure(&table->columns[column]) &&
         strcmp(table->columns[column].name, table->bar) == 0;
}

// Drops from the right what may go first: secondary columns, or (all) any but texts and the first
// count.
static void drop_until_fit(const ds_table *table, ds_layout *layout, uint32_t width, bool all) {
  for (uint32_t i = layout->count; i-- > 1 && total_width(layout) > width;) {
    const ds_column *column = &table->columns[layout->shown[i].column];
    if (has_bar(table, layout->shown[i].column))
      continue;
    if (column->secondary || (all && ds_column_is_figure(column) &&
                              !is_main_count(table, layout->shown[i].column)))
      drop(layout, i);
  }
}

// Takes from the widest text, column by column, until all fits or every text is at `least`.
static void cut_until_fit(const ds_table *table, ds_layout *layout, uint32_t width,
                          uint32_t least) {
  while (total_width(layout) > width) {
    ds_shown *widest = NULL;
    for (uint32_t i = 0; i < layout->count; i++) {
      ds_shown *shown = &layout->shown[i];
      if (!ds_column_is_figure(&table->columns[shown->column]) && shown->width > least &&
          (widest == NULL || shown->width > widest->width))
        widest = shown;
    }
    if (widest == NULL)
      return;
    widest->width--;
  }
}

// Gives what is left over to a bar behind the main figure.
static void bar_place(const ds_table *table, uint32_t rows, ds_layout *layout, uint32_t width) {
  const uint32_t used = total_width(layout) + DS_LAYOUT_GAP;
  if (rows < 2 || used + BAR_WIDTH_MIN > width)
    return;
  for (uint32_t i = 0; i < layout->count; i++) {
    const uint32_t column = layout->shown[i].column;
    if (!has_bar(table, column))
      continue;
    for (uint32_t row = 0; row < rows; row++) {
      const double number = ds_cell_number(
          &table->columns[column], &table->cells[(size_t)row * table->columns_count + column]);
      layout->bar_full = number > layout->bar_full ? number : layout->bar_full;
    }
    if (layout->bar_full > 0) {
      layout->bar_after = i;
      layout->bar_width = width - used < BAR_WIDTH_MAX ? width - used : BAR_WIDTH_MAX;
    }
    return;
  }
}

// A list, or the text that the table names, goes beneath the rows when it does not fit, for it
// matters to its last word.
static void lists_place(const ds_table *table, ds_layout *layout, uint32_t width) {
  layout->beneath = DS_LAYOUT_NONE;
  for (uint32_t i = 0; i < layout->count; i++) {
    const uint32_t column = layout->shown[i].column;
    const bool named =
        table->beneath != NULL && strcmp(table->columns[column].name, table->beneath) == 0;
    if (i == 0 || (!named && table->columns[column].type != DS_CELL_LIST) ||
        total_width(layout) <= width)
      continue;
    layout->beneath = column;
    drop(layout, i);
    return;
  }
}

void ds_layout_make(const ds_table *table, uint32_t rows, uint32_t width, ds_layout *ret_layout) {
  ds_buf scratch;
  ds_buf_init(&scratch, 1u << 20);
  *ret_layout = (ds_layout){.count = 0};
  for (uint32_t i = 0; i < table->columns_count && i < DS_LAYOUT_COLUMNS_MAX; i++)
    ret_layout->shown[ret_layout->count++] =
        (ds_shown){i, natural_width(table, rows, i, &scratch)};
  ds_buf_done(&scratch);
  lists_place(table, ret_layout, width);
  for (uint32_t i = 0; i < ret_layout->count; i++)
    if (ret_layout->shown[i].width > TEXT_WIDTH_MAX &&
        table->columns[ret_layout->shown[i].column].type == DS_CELL_TEXT)
      ret_layout->shown[i].width = TEXT_WIDTH_MAX;
  // The bar tells more at a glance than a secondary figure.
  const bool wanted = rows >= 2 && (table->bar == NULL || *table->bar != '\0');
  const uint32_t bar = !wanted ? 0 : BAR_WIDTH_MIN + DS_LAYOUT_GAP;
  drop_until_fit(table, ret_layout, width > bar ? width - bar : width, false);
  cut_until_fit(table, ret_layout, width, TEXT_WIDTH_MIN);
  drop_until_fit(table, ret_layout, width, true);
  cut_until_fit(table, ret_layout, width, 1);
  while (ret_layout->count > 1 && total_width(ret_layout) > width)
    drop(ret_layout, ret_layout->count - 1);
  bar_place(table, rows, ret_layout, width);
}
