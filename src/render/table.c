// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdio.h>

#include "render/layout.h"
#include "render/pivot.h"
#include "render/render.h"

enum {
  WIDTH_DEFAULT = 80,
  WIDTH_MIN = 20,
  LIST_COLUMNS_MIN = 7, // a table of one row and so many columns is shown as a list
  VALUE_WIDTH_MAX = 40, // of a value there; a longer one is wrapped
  MEANING_WIDTH_MIN = 20,
  INDENT = 6,           // of what stands beneath a row
  // A list of more items is short when it has so many of its first and last.
  ITEMS_FIRST = 16,
  ITEMS_LAST = 7,
};

// What the functions below share while one result is rendered.
typedef struct screen {
  ds_buf *out;
  ds_buf scratch;
  ds_buf beneath; // the text under a row
  ds_buf cut;
  uint32_t width;
  bool short_lists;
  bool color;
} screen;

static ds_str view(const ds_buf *buf) {
  return (ds_str){(const char *)buf->data, (uint32_t)buf->size};
}

static void style(screen *page, const char *code) {
  if (page->color)
    ds_buf_printf(page->out, "\x1b[%sm", code);
}

static void repeat(screen *page, const char *text, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    ds_buf_text(page->out, text);
}

// Writes `text` into exactly `width` columns.
static void put_padded(screen *page, ds_str text, uint32_t width, bool right) {
  ds_scratch_reset(&page->cut);
  ds_text_cut(text, width, &page->cut);
  const ds_str kept = view(&page->cut);
  const uint32_t columns = ds_str_columns(kept);
  if (right)
    repeat(page, " ", width - columns);
  ds_buf_append(page->out, kept.data, kept.size);
  if (!right)
    repeat(page, " ", width - columns);
}

// Drops the spaces at the end of the line.
static void trim_line(screen *page) {
  while (page->out->size != 0 && page->out->data[page->out->size - 1] == ' ')
    page->out->size--;
}

static void end_line(screen *page) {
  trim_line(page);
  ds_buf_u8(page->out, '\n');
}

// A bar in eighths of a terminal column; what is there at all shows at least one eighth.
static void put_bar(screen *page, double share, uint32_t width) {
  static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  uint32_t size = (uint32_t)lround(share * width * 8);
  if (size == 0 && share > 0)
    size = 1;
  style(page, "36");
  repeat(page, "█", size / 8);
  ds_buf_text(page->out, eighths[size % 8]);
  style(page, "0");
  repeat(page, " ", width - size / 8 - (size % 8 != 0));
}

// One line of the header; the first of two has the begin of labels that do not fit on the second.
static void put_labels(screen *page, const ds_table *table, const ds_layout *layout, bool first) {
  style(page, "1");
  for (uint32_t i = 0; i < layout->count; i++) {
    const ds_column *column = &table->columns[layout->shown[i].column];
    const bool bar = layout->bar_width != 0 && layout->bar_after == i;
    ds_scratch_reset(&page->scratch);
    ds_column_label(table, layout->shown[i].column, &page->scratch);
    const ds_str label = view(&page->scratch);
    const uint32_t split = ds_label_split(label, layout->shown[i].width);
    const uint32_t rest = split + (split > 0);
    const ds_str line = first ? (ds_str){label.data, split}
                              : (ds_str){label.data + rest, label.size - rest};
    repeat(page, " ", i == 0 ? 0 : DS_LAYOUT_GAP);
    put_padded(page, line, layout->shown[i].width, ds_column_is_figure(column));
    repeat(page, " ", bar ? DS_LAYOUT_GAP + layout->bar_width : 0);
  }
  trim_line(page);
  style(page, "0");
  ds_buf_u8(page->out, '\n');
}

static void put_header(screen *page, const ds_table *table, const ds_layout *layout) {
  uint32_t total = layout->bar_width == 0 ? 0 : DS_LAYOUT_GAP + layout->bar_width;
  for (uint32_t i = 0; i < layout->count; i++)
    total += layout->shown[i].width + (i == 0 ? 0 : DS_LAYOUT_GAP);
  if (layout->split_labels)
    put_labels(page, table, layout, true);
  put_labels(page, table, layout, false);
  repeat(page, "─", total);
  ds_buf_u8(page->out, '\n');
}

// Running text: where the line is, and how far the lines after it are indented.
typedef struct flow {
  screen *page;
  uint32_t column;
  uint32_t indent;
  bool begun;
} flow;

// Adds what is not to be broken, after a space or on a new line.
static void flow_put(flow *text, ds_str word) {
  const uint32_t columns = ds_str_columns(word);
  if (text->begun && text->column + 1 + columns > text->page->width) {
    ds_buf_u8(text->page->out, '\n');
    repeat(text->page, " ", text->indent);
    text->column = text->indent;
  } else if (text->begun && word.size != 0) {
    ds_buf_u8(text->page->out, ' ');
    text->column++;
  }
  ds_buf_append(text->page->out, word.data, word.size);
  text->column += columns;
  text->begun = true;
}

// Adds a text broken at its spaces.
static void flow_text(flow *text, ds_str clean) {
  for (uint32_t at = 0, end = 0; at < clean.size; at = end + 1) {
    for (end = at; end < clean.size && clean.data[end] != ' ';)
      end++;
    flow_put(text, (ds_str){clean.data + at, end - at});
  }
}

// Writes a text to the end of a line of which `column` columns are written.
static void put_wrapped(screen *page, uint32_t column, const char *text, uint32_t indent) {
  flow lines = {.page = page, .column = column, .indent = indent};
  ds_scratch_reset(&page->scratch);
  ds_text_clean(ds_str_of(text), &page->scratch);
  flow_text(&lines, view(&page->scratch));
  end_line(page);
}

// Adds an item of a list and the sign to the next: together where they fit into a line.
static void put_item(flow *lines, ds_str item, bool last) {
  ds_buf *text = &lines->page->scratch;
  ds_scratch_reset(text);
  ds_text_clean(item, text);
  ds_buf_text(text, last ? "" : " >");
  if (lines->indent + ds_str_columns(view(text)) <= lines->page->width)
    flow_put(lines, view(text));
  else
    flow_text(lines, view(text));
}

// Writes a list beneath its row, a short one without its middle.
static void put_items(screen *page, ds_str list) {
  flow lines = {.page = page, .column = INDENT, .indent = INDENT};
  uint32_t items = 1;
  for (uint32_t at = 0; at < list.size; at++)
    items += list.data[at] == DS_LIST_SEPARATOR;
  const bool cut = page->short_lists && items > ITEMS_FIRST + ITEMS_LAST + 1;
  uint32_t at = 0;
  for (uint32_t i = 0; i < items; i++) {
    uint32_t end = at;
    while (end < list.size && list.data[end] != DS_LIST_SEPARATOR)
      end++;
    if (cut && i == ITEMS_FIRST) {
      char count[32], text[64];
      snprintf(text, sizeof text, "… %s more … >",
               ds_human_count(count, items - ITEMS_FIRST - ITEMS_LAST));
      flow_put(&lines, ds_str_of(text));
    } else if (!cut || i < ITEMS_FIRST || i >= items - ITEMS_LAST) {
      put_item(&lines, (ds_str){list.data + at, end - at}, i + 1 == items);
    }
    at = end + 1;
  }
  end_line(page);
}

static void put_beneath(screen *page, const ds_column *column, const ds_cell *cell) {
  repeat(page, " ", INDENT);
  if (column->type == DS_CELL_LIST) {
    put_items(page, cell->text);
    return;
  }
  ds_scratch_reset(&page->beneath);
  ds_cell_human(column, cell, &page->beneath);
  put_wrapped(page, INDENT, ds_buf_cstr(&page->beneath), INDENT);
}

static void put_row(screen *page, const ds_table *table, const ds_layout *layout, uint32_t row) {
  const ds_cell *cells = table->cells + (size_t)row * table->columns_count;
  bool beneath = layout->beneath != DS_LAYOUT_NONE && !cells[layout->beneath].null;
  for (uint32_t i = 0; i < layout->count; i++) {
    const ds_shown shown = layout->shown[i];
    const ds_column *column = &table->columns[shown.column];
    ds_scratch_reset(&page->scratch);
    ds_layout_cell(table, row, shown.column, &page->scratch);
    repeat(page, " ", i == 0 ? 0 : DS_LAYOUT_GAP);
    if (shown.column == layout->beneath && ds_str_columns(view(&page->scratch)) > shown.width)
      continue;
    beneath = beneath && shown.column != layout->beneath;
    put_padded(page, view(&page->scratch), shown.width, ds_column_is_figure(column));
    if (layout->bar_width != 0 && layout->bar_after == i) {
      const double number = ds_cell_number(column, &cells[shown.column]);
      repeat(page, " ", DS_LAYOUT_GAP);
      put_bar(page, number / layout->bar_full, layout->bar_width);
    }
  }
  end_line(page);
  if (beneath)
    put_beneath(page, &table->columns[layout->beneath], &cells[layout->beneath]);
}

// Whether each word of a text fits into so many columns.
static bool words_fit(ds_str text, uint32_t columns) {
  for (uint32_t at = 0, end = 0; at < text.size; at = end + 1) {
    for (end = at; end < text.size && text.data[end] != ' ';)
      end++;
    if (ds_str_columns((ds_str){text.data + at, end - at}) > columns)
      return false;
  }
  return true;
}

// How wide the names of a list are, and its values.
typedef struct list_widths {
  uint32_t names;
  uint32_t values;
} list_widths;

static list_widths list_measure(screen *page, const ds_table *table, uint32_t rows) {
  list_widths wide = {0};
  for (uint32_t i = 0; i < table->columns_count; i++) {
    ds_scratch_reset(&page->scratch);
    ds_column_label(table, i, &page->scratch);
    const uint32_t name = ds_str_columns(view(&page->scratch));
    wide.names = name > wide.names ? name : wide.names;
    for (uint32_t row = 0; row < rows; row++) {
      ds_scratch_reset(&page->scratch);
      ds_layout_cell(table, row, i, &page->scratch);
      const uint32_t value = ds_str_columns(view(&page->scratch));
      wide.values = value > wide.values && value <= VALUE_WIDTH_MAX ? value : wide.values;
    }
  }
  const uint32_t room = page->width - DS_LAYOUT_GAP;
  wide.names = wide.names < room / 2 ? wide.names : room / 2;
  wide.values = wide.values < room - wide.names ? wide.values : room - wide.names;
  return wide;
}

// One row as a list: name, value and, where there is but one, meaning.
static void put_list(screen *page, const ds_table *table, uint32_t row, list_widths wide) {
  const uint32_t before = wide.names + DS_LAYOUT_GAP;
  const uint32_t used = before + wide.values + DS_LAYOUT_GAP;
  for (uint32_t i = 0; i < table->columns_count; i++) {
    ds_scratch_reset(&page->scratch);
    ds_column_label(table, i, &page->scratch);
    put_padded(page, view(&page->scratch), wide.names, false);
    repeat(page, " ", DS_LAYOUT_GAP);
    ds_scratch_reset(&page->beneath);
    ds_layout_cell(table, row, i, &page->beneath);
    const ds_str value = view(&page->beneath);
    const bool beside = ds_str_columns(value) <= wide.values;
    if (!beside && words_fit(value, page->width - before)) {
      put_wrapped(page, before, ds_buf_cstr(&page->beneath), before);
      continue;
    }
    put_padded(page, value, beside ? wide.values : page->width - before, beside);
    repeat(page, " ", DS_LAYOUT_GAP);
    if (beside && table->rows_count == 1 && page->width >= used + MEANING_WIDTH_MIN)
      put_wrapped(page, used, table->columns[i].meaning, used);
    else
      end_line(page);
  }
}

// The rows one after the other, each as a list.
static void put_lists(screen *page, const ds_table *table, uint32_t rows) {
  const list_widths wide = list_measure(page, table, rows);
  for (uint32_t row = 0; row < rows && !page->out->failed; row++) {
    if (row > 0)
      ds_buf_u8(page->out, '\n');
    put_list(page, table, row, wide);
  }
}

static void put_rows(screen *page, const ds_table *table, const ds_layout *layout,
                     uint32_t rows) {
  put_header(page, table, layout);
  for (uint32_t row = 0; row < rows && !page->out->failed; row++)
    put_row(page, table, layout, row);
}

static void put_note(screen *page, const ds_note *note) {
  style(page, note->warning ? "1;33" : "0");
  const char *lead = note->warning ? "warning: " : "note: ";
  ds_buf_text(page->out, lead);
  put_wrapped(page, (uint32_t)strlen(lead), note->text, 2);
  style(page, "0");
}

static void put_table(screen *page, const ds_table *table, uint32_t rows_max) {
  if (table->title[0] != '\0') {
    style(page, "1");
    put_wrapped(page, 0, table->title, 0);
    style(page, "0");
  }
  if (table->rows_count == 0) {
    ds_buf_text(page->out, "(nothing)\n");
    return;
  }
  const bool cut = rows_max != 0 && rows_max < table->rows_count;
  const uint32_t rows = cut ? rows_max : table->rows_count;
  ds_layout layout;
  ds_layout_make(table, rows, page->width, &layout);
  page->scratch.failed |= layout.no_memory;
  page->scratch.no_memory |= layout.no_memory;
  if (layout.cramped || (table->rows_count == 1 && table->columns_count >= LIST_COLUMNS_MIN))
    put_lists(page, table, rows);
  else
    put_rows(page, table, &layout, rows);
  char count[32];
  if (cut)
    ds_buf_printf(page->out, "… and %s more\n", ds_human_count(count, table->rows_count - rows));
}

// A long table is shown wide.
static ds_code put_any(screen *page, const ds_table *table, uint32_t rows_max, ds_error *err) {
  ds_arena arena;
  ds_arena_init(&arena, page->out->size_max);
  ds_table wide;
  const bool is_long = table->pivot != NULL && table->rows_count > 0;
  const ds_code code = is_long ? ds_pivot_make(table, &arena, &wide, err) : DS_OK;
  if (code == DS_OK)
    put_table(page, is_long ? &wide : table, rows_max);
  ds_buf_u8(page->out, '\n');
  ds_arena_done(&arena);
  return code;
}

ds_code ds_render_table(const ds_result *result, const ds_render_options *options, ds_buf *out,
                        ds_error *err) {
  const uint32_t asked = options->columns == 0 ? WIDTH_DEFAULT : options->columns;
  screen page = {.out = out, .width = asked < WIDTH_MIN ? WIDTH_MIN : asked};
  page.color = options->color;
  page.short_lists = options->short_lists;
  ds_buf_init(&page.scratch, out->size_max);
  ds_buf_init(&page.cut, out->size_max);
  ds_buf_init(&page.beneath, out->size_max);
  ds_code code = DS_OK;
  for (uint32_t i = 0; i < result->tables_count && code == DS_OK; i++)
    code = put_any(&page, &result->tables[i], options->rows_max, err);
  for (uint32_t i = 0; i < result->notes_count; i++)
    put_note(&page, &result->notes[i]);
  if (result->definition != NULL && result->definition[0] != '\0') {
    style(&page, "2");
    put_wrapped(&page, 0, result->definition, 0);
    style(&page, "0");
  }
  ds_buf_fail_as(out, &page.scratch);
  ds_buf_fail_as(out, &page.beneath);
  ds_buf_fail_as(out, &page.cut);
  ds_buf_done(&page.scratch);
  ds_buf_done(&page.cut);
  ds_buf_done(&page.beneath);
  return code == DS_OK ? ds_buf_check(out, "the table", err) : code;
}
