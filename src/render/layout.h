// SPDX-License-Identifier: Apache-2.0
// Which columns of a table are shown in how many terminal columns. Private to render/.
// Invariant: the widths with two spaces between them never exceed the width asked for, unless the
// first column alone is wider than that.
#ifndef DS_RENDER_LAYOUT_H
#define DS_RENDER_LAYOUT_H

#include "render/cell.h"

// More columns than this are not shown; spaces between two columns.
enum { DS_LAYOUT_COLUMNS_MAX = 64, DS_LAYOUT_GAP = 2 };

// One shown column: its index in the table, its width, and the least width that cuts nothing, its
// label on two lines.
typedef struct ds_shown {
  uint32_t column;
  uint32_t width;
  uint32_t width_split;
} ds_shown;

// Nothing stands beneath the rows.
#define DS_LAYOUT_NONE UINT32_MAX

// What is shown. The text of column number `beneath`, too long to stand in its row, gets lines of
// its own under it; when that column is shown too, only where it is too long. The bar stands behind
// the shown column number bar_after (when bar_width > 0) and is full at bar_full.
typedef struct ds_layout {
  ds_shown shown[DS_LAYOUT_COLUMNS_MAX];
  uint32_t count;
  uint32_t beneath;
  bool split_labels; // some stand on two lines
  bool cramped; // texts are cut to a few letters: rows read better one after the other, as lists
  bool no_memory; // it is not to be used
  uint32_t bar_after;
  uint32_t bar_width;
  double bar_full;
} ds_layout;

// Where a label breaks into two lines when it is wider than `width`: at which space, so that the
// wider line is narrowest; 0 = it stands on one.
uint32_t ds_label_split(ds_str label, uint32_t width);

// Appends what a cell shows: for people, indented where rows hang on one another.
void ds_layout_cell(const ds_table *table, uint32_t row, uint32_t column, ds_buf *out);

// Measures the first `rows` rows and fits them into `width` terminal columns: texts that no row has
// are left out, labels broken, secondary columns dropped from the right, then texts cut, then
// figures but the first count and that of the bar dropped from the right; what is left over goes to
// the bar.
void ds_layout_make(const ds_table *table, uint32_t rows, uint32_t width, ds_layout *ret_layout);

#endif
