// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <utf8proc.h>

#include "render/layout.h"
#include "render/render.h"

enum { WIDTH_DEFAULT = 80, WIDTH_MIN = 20, LIST_COLUMNS_MIN = 7 };

// What the functions below share while one result is rendered.
typedef struct screen {
  ds_buf *out;
  ds_buf scratch;
  ds_buf beneath; // the text of a list under its row
  uint32_t width;
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

// The longest prefix of whole characters that takes at most `columns`.
static ds_str prefix(ds_str text, uint32_t columns) {
  uint32_t at = 0;
  while (at < text.size) {
    uint32_t next = at + 1;
    while (next < text.size && ((uint8_t)text.data[next] & 0xc0) == 0x80)
      next++;
    if (ds_str_columns((ds_str){text.data, next}) > columns)
      break;
    at = next;
  }
  return (ds_str){text.data, at};
}

// Writes `text` into exactly `width` columns, cut with "…" when it is longer.
static void put_padded(screen *page, ds_str text, uint32_t width, bool right) {
  uint32_t columns = ds_str_columns(text);
  const bool cut = columns > width;
  const ds_str kept = cut ? prefix(text, width - 1) : text;
  columns = cut ? ds_str_columns(kept) + 1 : columns;
  if (right)
    repeat(page, " ", width - columns);
  ds_buf_append(page->out, kept.data, kept.size);
  if (cut)
    ds_buf_text(page->out, "…");
  if (!right)
    repeat(page, " ", width - columns);
}

// Drops the spaces at the end of the line and ends it.
static void end_line(screen *page) {
  while (page->out->size != 0 && page->out->data[page->out->size - 1] == ' ')
    page->out->size--;
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

static void put_header(screen *page, const ds_table *table, const ds_layout *layout) {
  uint32_t total = 0;
  style(page, "1");
  for (uint32_t i = 0; i < layout->count; i++) {
    const ds_column *column = &table->columns[layout->shown[i].column];
    const bool bar = layout->bar_width != 0 && layout->bar_after == i;
    const uint32_t extra = bar ? DS_LAYOUT_GAP + layout->bar_width : 0;
    ds_buf_reset(&page->scratch);
    ds_column_label(column, &page->scratch);
    repeat(page, " ", i == 0 ? 0 : DS_LAYOUT_GAP);
    put_padded(page, view(&page->scratch), layout->shown[i].width, ds_column_is_figure(column));
    repeat(page, " ", extra);
    total += layout->shown[i].width + extra + (i == 0 ? 0 : DS_LAYOUT_GAP);
  }
  while (page->out->size != 0 && page->out->data[page->out->size - 1] == ' ')
    page->out->size--;
  style(page, "0");
  ds_buf_u8(page->out, '\n');
  repeat(page, "─", total);
  ds_buf_u8(page->out, '\n');
}

// Breaks a text at spaces; lines after the first begin with `indent` spaces.
static void put_wrapped(screen *page, const char *lead, const char *text, uint32_t indent) {
  uint32_t column = (uint32_t)strlen(lead);
  ds_buf_text(page->out, lead);
  ds_buf_reset(&page->scratch);
  ds_text_clean(ds_str_of(text), &page->scratch);
  const ds_str clean = view(&page->scratch);
  bool first = true;
  for (uint32_t at = 0; at < clean.size;) {
    uint32_t end = at;
    while (end < clean.size && clean.data[end] != ' ')
      end++;
    const ds_str word = {clean.data + at, end - at};
    const uint32_t columns = ds_str_columns(word);
    if (!first && column + 1 + columns > page->width) {
      ds_buf_u8(page->out, '\n');
      repeat(page, " ", indent);
      column = indent;
    } else if (!first && word.size != 0) {
      ds_buf_u8(page->out, ' ');
      column++;
    }
    ds_buf_append(page->out, word.data, word.size);
    column += columns;
    first = false;
    at = end + 1;
  }
  ds_buf_u8(page->out, '\n');
}

static void put_row(screen *page, const ds_table *table, const ds_layout *layout, uint32_t row) {
  const ds_cell *cells = table->cells + (size_t)row * table->columns_count;
  for (uint32_t i = 0; i < layout->count; i++) {
    const ds_shown shown = layout->shown[i];
    const ds_column *column = &table->columns[shown.column];
    ds_buf_reset(&page->scratch);
    ds_cell_human(column, &cells[shown.column], &page->scratch);
    repeat(page, " ", i == 0 ? 0 : DS_LAYOUT_GAP);
    put_padded(page, view(&page->scratch), shown.width, ds_column_is_figure(column));
    if (layout->bar_width != 0 && layout->bar_after == i) {
      const double number = ds_cell_number(column, &cells[shown.column]);
      repeat(page, " ", DS_LAYOUT_GAP);
      put_bar(page, number / layout->bar_full, layout->bar_width);
    }
  }
  end_line(page);
  if (layout->beneath == DS_LAYOUT_NONE || cells[layout->beneath].null)
    return;
  ds_buf_reset(&page->beneath);
  ds_cell_human(&table->columns[layout->beneath], &cells[layout->beneath], &page->beneath);
  put_wrapped(page, "      ", ds_buf_cstr(&page->beneath), 6);
}

// A table of one row and many columns reads better as a list: name, value, meaning.
static void put_list(screen *page, const ds_table *table) {
  uint32_t names = 0;
  uint32_t values = 0;
  for (uint32_t i = 0; i < table->columns_count; i++) {
    ds_buf_reset(&page->scratch);
    ds_column_label(&table->columns[i], &page->scratch);
    const uint32_t name = ds_str_columns(view(&page->scratch));
    names = name > names ? name : names;
    ds_buf_reset(&page->scratch);
    ds_cell_human(&table->columns[i], &table->cells[i], &page->scratch);
    const uint32_t value = ds_str_columns(view(&page->scratch));
    values = value > values ? value : values;
  }
  const uint32_t room = page->width - DS_LAYOUT_GAP;
  names = names < room / 2 ? names : room / 2;
  values = values < room - names ? values : room - names;
  const uint32_t used = names + values + 2 * DS_LAYOUT_GAP;
  for (uint32_t i = 0; i < table->columns_count; i++) {
    ds_buf_reset(&page->scratch);
    ds_column_label(&table->columns[i], &page->scratch);
    put_padded(page, view(&page->scratch), names, false);
    repeat(page, " ", DS_LAYOUT_GAP);
    ds_buf_reset(&page->scratch);
    ds_cell_human(&table->columns[i], &table->cells[i], &page->scratch);
    put_padded(page, view(&page->scratch), values, true);
    if (page->width >= used + 20) {
      repeat(page, " ", DS_LAYOUT_GAP);
      put_padded(page, ds_str_of(table->columns[i].meaning), page->width - used, false);
    }
    end_line(page);
  }
}

static void put_note(screen *page, const ds_note *note) {
  style(page, note->warning ? "1;33" : "0");
  put_wrapped(page, note->warning ? "warning: " : "note: ", note->text, 2);
  style(page, "0");
}

static void put_table(screen *page, const ds_table *table, uint32_t rows_max) {
  style(page, "1");
  ds_buf_reset(&page->scratch);
  ds_text_clean(ds_str_of(table->title), &page->scratch);
  const ds_str title = prefix(view(&page->scratch), page->width);
  ds_buf_append(page->out, title.data, title.size);
  style(page, "0");
  ds_buf_text(page->out, "\n");
  if (table->rows_count == 0) {
    ds_buf_text(page->out, "(nothing)\n");
    return;
  }
  if (table->rows_count == 1 && table->columns_count >= LIST_COLUMNS_MIN) {
    put_list(page, table);
    return;
  }
  const bool cut = rows_max != 0 && rows_max < table->rows_count;
  const uint32_t rows = cut ? rows_max : table->rows_count;
  ds_layout layout;
  ds_layout_make(table, rows, page->width, &layout);
  put_header(page, table, &layout);
  for (uint32_t row = 0; row < rows && !page->out->failed; row++)
    put_row(page, table, &layout, row);
  char count[32];
  if (cut)
    ds_buf_printf(page->out, "… and %s more\n", ds_human_count(count, table->rows_count - rows));
}

ds_code ds_render_table(const ds_result *result, const ds_render_options *options, ds_buf *out,
                        ds_error *err) {
  const uint32_t asked = options->columns == 0 ? WIDTH_DEFAULT : options->columns;
  screen page = {.out = out, .width = asked < WIDTH_MIN ? WIDTH_MIN : asked};
  page.color = options->color;
  ds_buf_init(&page.scratch, out->size_max);
  ds_buf_init(&page.beneath, out->size_max);
  for (uint32_t i = 0; i < result->tables_count; i++) {
    put_table(&page, &result->tables[i], options->rows_max);
    ds_buf_u8(out, '\n');
  }
  for (uint32_t i = 0; i < result->notes_count; i++)
    put_note(&page, &result->notes[i]);
  if (result->definition != NULL && result->definition[0] != '\0') {
    style(&page, "2");
    put_wrapped(&page, "", result->definition, 0);
    style(&page, "0");
  }
  out->failed = out->failed || page.scratch.failed || page.beneath.failed;
  ds_buf_done(&page.scratch);
  ds_buf_done(&page.beneath);
  return ds_buf_check(out, "the table", err);
}
