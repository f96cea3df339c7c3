// SPDX-License-Identifier: Apache-2.0
// Result -> terminal table, CSV, JSON, SVG. One row per format in ds_formats[]. Pure functions of
// the result; nothing is printed here. May use base/, model/. SVG loads Graphviz when first
// needed.
#ifndef DS_RENDER_RENDER_H
#define DS_RENDER_RENDER_H

#include "base/buf.h"
#include "model/result.h"

// How to render. `columns` is the terminal's width; `color` allows ANSI colour (never the only
// sign); `rows_max` rows per table are shown (0 = all), the rest is counted in a last line.
typedef struct ds_render_options {
  uint32_t columns;
  uint32_t rows_max;
  bool color;
} ds_render_options;

// One output format: its name (as in --format), file ending, and its function.
typedef struct ds_format {
  const char *name;
  const char *suffix;
  ds_code (*render)(const ds_result *result, const ds_render_options *options, ds_buf *out,
                    ds_error *err);
} ds_format;

extern const ds_format ds_formats[];
extern const uint32_t ds_formats_count;

// The format of a name, or of a file name's ending; NULL when there is none.
const ds_format *ds_format_of_name(ds_str name);
const ds_format *ds_format_of_file(ds_str path);

ds_code ds_render_table(const ds_result *result, const ds_render_options *options, ds_buf *out,
                        ds_error *err);
ds_code ds_render_csv(const ds_result *result, const ds_render_options *options, ds_buf *out,
                      ds_error *err);
ds_code ds_render_json(const ds_result *result, const ds_render_options *options, ds_buf *out,
                       ds_error *err);
// Only for results with `nodes` and `edges` tables (process); else DS_UNSUPPORTED.
ds_code ds_render_svg(const ds_result *result, const ds_render_options *options, ds_buf *out,
                      ds_error *err);

#endif
