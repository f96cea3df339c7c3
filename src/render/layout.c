// SPDX-License-Identifier: Apache-2.0
#include "render/layout.h"

enum {
  TEXT_WIDTH_MAX = 60, // a longer text is cut before figures are dropped
  TEXT_WIDTH_MIN = 14, // texts are not cut below this while figures can be dropped
  TEXT_WIDTH_LEAST = 8, // below this nobody can tell them apart
  LIST_WIDTH_MIN = 40, // narrower ones have no room for names and values side by side
  BESIDE_WIDTH_MIN = 20, // a text that goes beneath stays in its row where it fits into so much
  BAR_WIDTH_MIN = 5,
  BAR_WIDTH_MAX = 24,
};

static uint32_t text_width(ds_buf *text) {
  return ds_str_columns((ds_str){(const char *)text->data, (uint32_t)text->size});
}

static ds_str label_of(const ds_table *table, uint32_t column, ds_buf *scratch) {
  ds_scratch_reset(scratch);
  ds_column_label(table, column, scratch);
  return (ds_str){(const char *)scratch->data, (uint32_t)scratch->size};
}

// The wider of a label's two lines when it is broken at `split`.
static uint32_t split_width(ds_str label, uint32_t split) {
  const uint32_t rest = split + (split > 0);
  const uint32_t above = ds_str_columns((ds_str){label.data, split});
  const uint32_t below = ds_str_columns((ds_str){label.data + rest, label.size - rest});
  return above > below ? above : below;
}

uint32_t ds_label_split(ds_str label, uint32_t width) {
  uint32_t best = 0;
  if (ds_str_columns(label) <= width)
    return 0;
  for (uint32_t at = 1; at + 1 < label.size; at++)
    if (label.data[at] == ' ' && split_width(label, at) < split_width(label, best))
      best = at;
  return best;
}

void ds_layout_cell(const ds_table *table, uint32_t row, uint32_t column, ds_buf *out) {
  const ds_cell *cells = table->cells + (size_t)row * table->columns_count;
  if (table->tree != NULL && strcmp(table->columns[column].name, table->tree->text) == 0) {
    const int64_t depth = cells[ds_table_column(table, table->tree->depth)].i;
    for (int64_t d = 0; d < depth; d++)
      ds_buf_text(out, "  ");
  }
  ds_cell_human(&table->columns[column], &cells[column], out);
}

static uint32_t cell_width(const ds_table *table, uint32_t row, uint32_t column, ds_buf *scratch) {
  ds_scratch_reset(scratch);
  ds_layout_cell(table, row, column, scratch);
  return text_width(scratch);
}

static uint32_t cells_width(const ds_table *table, uint32_t rows, uint32_t column,
                            ds_buf *scratch) {
  uint32_t width = 0;
  for (uint32_t row = 0; row < rows; row++) {
    const uint32_t cell = cell_width(table, row, column, scratch);
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

// Takes from the widest texts, all alike so that a name looks the same in each, until all fits or
// every text is at `least`.
static void cut_until_fit(const ds_table *table, ds_layout *layout, uint32_t width,
                          uint32_t least) {
  while (total_width(layout) > width) {
    uint32_t widest = least;
    for (uint32_t i = 0; i < layout->count; i++)
      if (!ds_column_is_figure(&table->columns[layout->shown[i].column]) &&
          layout->shown[i].width > widest)
        widest = layout->shown[i].width;
    if (widest == least)
      return;
    for (uint32_t i = 0; i < layout->count; i++)
      if (!ds_column_is_figure(&table->columns[layout->shown[i].column]) &&
          layout->shown[i].width == widest)
        layout->shown[i].width--;
  }
}

// What a bar needs; nothing when there is none, or when the last text has taken what was left over.
static uint32_t bar_room(const ds_table *table, uint32_t rows, const ds_layout *layout) {
  bool wanted = false;
  for (uint32_t i = 0; i < layout->count; i++) {
    wanted = wanted || has_bar(table, layout->shown[i].column);
    if (layout->shown[i].column == layout->beneath)
      return 0;
  }
  return wanted && rows >= 2 ? BAR_WIDTH_MIN + DS_LAYOUT_GAP : 0;
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

// Makes the last column, which is to go beneath, as wide as the others leave room, so that its
// short texts stay in their rows; false when there is no room, or no text so short.
static bool stays_beside(const ds_table *table, uint32_t rows, ds_layout *layout, uint32_t width) {
  ds_layout fitted = *layout;
  ds_shown *last = &fitted.shown[fitted.count - 1];
  last->width = BESIDE_WIDTH_MIN;
  drop_until_fit(table, &fitted, width, false);
  last = &fitted.shown[fitted.count - 1];
  const uint32_t total = total_width(&fitted);
  if (last->column != layout->beneath || total > width)
    return false;
  last->width += width - total;
  ds_buf scratch;
  ds_buf_init(&scratch, 1u << 20);
  bool some = false;
  for (uint32_t row = 0; row < rows && !some; row++)
    some = cell_width(table, row, last->column, &scratch) <= last->width;
  if (some)
    *layout = fitted;
  layout->no_memory |= scratch.no_memory;
  ds_buf_done(&scratch);
  return some;
}

// A list, or the text that the table names, goes beneath the rows when it does not fit, for it
// matters to its last word.
static void lists_place(const ds_table *table, uint32_t rows, ds_layout *layout, uint32_t width) {
  layout->beneath = DS_LAYOUT_NONE;
  for (uint32_t i = 1; i < layout->count && total_width(layout) > width; i++) {
    const uint32_t column = layout->shown[i].column;
    const bool named =
        table->beneath != NULL && strcmp(table->columns[column].name, table->beneath) == 0;
    ds_layout fitted = *layout;
    drop_until_fit(table, &fitted, width, false);
    if ((!named && table->columns[column].type != DS_CELL_LIST) ||
        (named && total_width(&fitted) <= width))
      continue;
    layout->beneath = column;
    if (!named || !stays_beside(table, rows, layout, width))
      drop(layout, i);
    return;
  }
}

// A text that no row has tells nothing.
static bool is_void(const ds_table *table, uint32_t rows, uint32_t column) {
  if (column == 0 || ds_column_is_figure(&table->columns[column]))
    return false;
  for (uint32_t row = 0; row < rows; row++)
    if (!table->cells[(size_t)row * table->columns_count + column].null)
      return false;
  return true;
}

// Every column that tells something, as wide as its cells and its label.
static void measure(const ds_table *table, uint32_t rows, ds_layout *layout) {
  ds_buf scratch;
  ds_buf_init(&scratch, 1u << 20);
  for (uint32_t i = 0; i < table->columns_count && layout->count < DS_LAYOUT_COLUMNS_MAX; i++) {
    if (is_void(table, rows, i))
      continue;
    const uint32_t cells = cells_width(table, rows, i, &scratch);
    const ds_str label = label_of(table, i, &scratch);
    const uint32_t whole = ds_str_columns(label);
    const uint32_t split = split_width(label, ds_label_split(label, cells));
    layout->shown[layout->count++] =
        (ds_shown){i, cells > whole ? cells : whole, cells > split ? cells : split};
  }
  layout->no_memory |= scratch.no_memory;
  ds_buf_done(&scratch);
}

static void labels_split(const ds_table *table, ds_layout *layout) {
  ds_buf scratch;
  ds_buf_init(&scratch, 1u << 20);
  for (uint32_t i = 0; i < layout->count && !layout->split_labels; i++)
    layout->split_labels = ds_label_split(label_of(table, layout->shown[i].column, &scratch),
                                          layout->shown[i].width) != 0;
  layout->no_memory |= scratch.no_memory;
  ds_buf_done(&scratch);
}

// Breaks labels, then cuts the longest texts, when not all fits.
static void narrow(const ds_table *table, ds_layout *layout, uint32_t width) {
  for (uint32_t i = 0; i < layout->count && total_width(layout) > width; i++)
    if (layout->shown[i].column != layout->beneath)
      layout->shown[i].width = layout->shown[i].width_split;
  cut_until_fit(table, layout, width, TEXT_WIDTH_MAX);
}

void ds_layout_make(const ds_table *table, uint32_t rows, uint32_t width, ds_layout *ret_layout) {
  *ret_layout = (ds_layout){.count = 0};
  measure(table, rows, ret_layout);
  lists_place(table, rows, ret_layout, width);
  // The bar tells more at a glance than a secondary figure.
  const uint32_t bar = bar_room(table, rows, ret_layout);
  const uint32_t room = width > bar ? width - bar : width;
  narrow(table, ret_layout, room);
  drop_until_fit(table, ret_layout, room, false);
  cut_until_fit(table, ret_layout, width, TEXT_WIDTH_MIN);
  drop_until_fit(table, ret_layout, width, true);
  cut_until_fit(table, ret_layout, width, TEXT_WIDTH_LEAST);
  ret_layout->cramped = width >= LIST_WIDTH_MIN && total_width(ret_layout) > width;
  cut_until_fit(table, ret_layout, width, 1);
  while (ret_layout->count > 1 && total_width(ret_layout) > width)
    drop(ret_layout, ret_layout->count - 1);
  bar_place(table, rows, ret_layout, width);
  labels_split(table, ret_layout);
}
