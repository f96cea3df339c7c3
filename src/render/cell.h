// SPDX-License-Identifier: Apache-2.0
// Cells as text, shared by the formats: for people (units, separators) and for programs (plain
// numbers). Private to render/. May use base/, model/.
#ifndef DS_RENDER_CELL_H
#define DS_RENDER_CELL_H

#include "base/buf.h"
#include "render/render.h"

// Empties a buffer of what is written elsewhere next. One that had no memory stays failed, for its
// owner to hand that on at the end.
void ds_scratch_reset(ds_buf *scratch);

// Appends a clean text in at most `columns` (>= 1) terminal columns. A longer one loses its middle
// to "…": names that begin alike mostly differ at their ends.
void ds_text_cut(ds_str text, uint32_t columns, ds_buf *out);

// Appends a cell for people: "12,345", "3.2 d", "7.9 %", "2018-01-31 10:00", "–" for null.
void ds_cell_human(const ds_column *column, const ds_cell *cell, ds_buf *out);

// Appends a cell for programs: plain numbers, durations in ms, ISO 8601 times, nothing for null.
void ds_cell_plain(const ds_column *column, const ds_cell *cell, ds_buf *out);

// Writes what that is of a figure, but EXACT, or an instant at `at`, which has room for this many
// bytes; returns the end.
enum { DS_CELL_BYTES = 40 };
char *ds_cell_write(const ds_column *column, const ds_cell *cell, char *at);

// The number that a cell holds whatever its type; 0 for texts and null.
double ds_cell_number(const ds_column *column, const ds_cell *cell);

// A column's name for people: "median_ms" -> "median", "conversion_next" -> "conversion next"; a
// given name stays as it is.
void ds_column_label(const ds_table *table, uint32_t column, ds_buf *out);

// True for columns of figures, which stand to the right.
bool ds_column_is_figure(const ds_column *column);

// "text", "count", ... as in JSON.
const char *ds_cell_type_name(ds_cell_type type);

#endif
