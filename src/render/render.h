// SPDX-License-Identifier: Apache-2.0
// Result -> terminal table, CSV, JSON, SVG, layout. One row per format in ds_formats[]. Pure
// functions of the result; nothing is printed here. May use base/, model/. SVG and layout load
// Graphviz when first needed. Every function appends to `out` and fails with DS_MEMORY or DS_LIMIT
// when it cannot grow.
#ifndef DS_RENDER_RENDER_H
#define DS_RENDER_RENDER_H

#include "base/buf.h"
#include "model/result.h"

// How to render. `columns` is the terminal's width (0 = 80); `color` allows ANSI colour (never the
// only sign); `rows_max` rows per table are shown in a terminal table (0 = all), the rest is
// counted in a last line. `short_lists` leaves out the middle of long lists there. `table` names
// the one table that CSV holds (NULL = the main table).
typedef struct ds_render_options {
  uint32_t columns;
  uint32_t rows_max;
  bool short_lists;
  bool color;
  const char *table;
} ds_render_options;

// One output format: its name (as in --format), file ending, whether the result's notes stand in
// its text, and its function.
typedef struct ds_format {
  const char *name;
  const char *suffix;
  bool has_notes;
  ds_code (*render)(const ds_result *result, const ds_render_options *options, ds_buf *out,
                    ds_error *err);
} ds_format;

// Every format, in the order of the usage text.
extern const ds_format ds_formats[];
extern const uint32_t ds_formats_count;

// The format of a name, or of a file name's ending, the longest; NULL when there is none.
const ds_format *ds_format_of_name(ds_str name);
const ds_format *ds_format_of_file(ds_str path);

// Appends a text that comes from data so that it can do no harm on a screen: control characters,
// direction overrides and bytes that are no UTF-8 become U+FFFD.
void ds_text_clean(ds_str text, ds_buf *out);

// For people at a terminal: titles, aligned figures in people's units, a bar for the main count,
// notes and the definition below. Fits options->columns: secondary columns go first, long texts
// lose their middle to "…". Control characters of names never reach the terminal.
DS_CHECKED ds_code ds_render_table(const ds_result *result, const ds_render_options *options,
                                   ds_buf *out, ds_error *err);

// One table as RFC 4180 text (CRLF, UTF-8, a header line): options->table, else the result's main
// table; DS_USAGE when there is no such table. Durations are ms, shares 0..1, times ISO 8601, null
// is empty, items of a list are joined by " > ". A text that a spreadsheet would run as a formula
// gets a leading "'".
DS_CHECKED ds_code ds_render_csv(const ds_result *result, const ds_render_options *options,
                                 ds_buf *out, ds_error *err);

// The same of some rows, behind the columns' names when `names`. `exact`: for a program that reads
// it, with texts as they are and empty ones in quotes.
void ds_csv_table(const ds_table *table, bool names, bool exact, ds_buf *out);

// The whole result as one JSON object, one row of a table per line.
DS_CHECKED ds_code ds_render_json(const ds_result *result, const ds_render_options *options,
                                  ds_buf *out, ds_error *err);

// A picture of the process map, by Graphviz (DS_LIBRARY when it is absent). Only for results with
// `nodes` and `edges` tables and no breakdown; else DS_UNSUPPORTED. At most 50 touchpoints are
// drawn, and 60 lines, the most frequent, or as many as it takes that every touchpoint keeps its
// strongest way in and out; the picture says what is hidden. Graphviz serves one thread at a time.
DS_CHECKED ds_code ds_render_svg(const ds_result *result, const ds_render_options *options,
                                 ds_buf *out, ds_error *err);

// The process map for a page that draws it: the whole result as JSON with one member more,
// `layouts`, of which docs/process.md has the form. A breakdown's groups are laid out together.
// DS_LIBRARY without Graphviz, DS_UNSUPPORTED for what is no process map.
DS_CHECKED ds_code ds_render_layout(const ds_result *result, const ds_render_options *options,
                                    ds_buf *out, ds_error *err);

#endif
