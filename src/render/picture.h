// SPDX-License-Identifier: Apache-2.0
// A process map on its way to a picture: what the DOT text, the SVG and its heading share. Private
// to render/.
//
// Colours: lightness falls with the figure and the hues are blue, orange and brown, so that the
// order is seen with any colour vision and in grey; every figure stands beside its colour too.
#ifndef DS_RENDER_PICTURE_H
#define DS_RENDER_PICTURE_H

#include "base/buf.h"
#include "render/graph.h"

// How many colours a scale has; names on boxes are cut at this many terminal columns.
enum { DS_PICTURE_STEPS = 5, DS_PICTURE_NAME_COLUMNS = 36 };

#define DS_PICTURE_TEXT "#1f2328"
#define DS_PICTURE_QUIET "#57606a"
#define DS_PICTURE_MARKER "#6e7781"

// The colour classes of times: class i holds medians up to bound upper[i], the last one the rest.
typedef struct ds_time_classes {
  uint32_t upper[DS_PICTURE_STEPS];
  uint32_t count; // of bounds; classes are one more
  bool any;       // false: no line has a median
} ds_time_classes;

// The picture; `scratch` is for whoever runs.
typedef struct ds_picture {
  const ds_result *result;
  ds_graph graph;
  ds_time_classes classes;
  ds_buf scratch;
  int64_t edge_count_max;
  int64_t node_count_max;
} ds_picture;

// Sets the classes and maxima from the graph.
void ds_picture_scale(ds_picture *picture);

// The colour of class i; of a median (the markers' colour when it is negative: not known).
const char *ds_time_class_color(const ds_time_classes *classes, uint32_t i);
const char *ds_median_color(const ds_time_classes *classes, double median_ms);

// The upper bound of class i in words ("2 days"); i < count.
const char *ds_time_class_bound(const ds_time_classes *classes, uint32_t i);

// A name from data made harmless and cut with "…" to columns_max, in scratch until its next use.
ds_str ds_picture_name(ds_picture *picture, ds_str name, uint32_t columns_max);

// Appends a count and a duration for people.
void ds_put_count(ds_buf *out, int64_t count);
void ds_put_duration(ds_buf *out, double ms);

// Appends the graph in the DOT language. Ids are our own: n0, n1, … (indexes), s for the start, e
// for the end marker; names stand in labels only, escaped.
void ds_picture_dot(ds_picture *picture, ds_buf *out);

// Appends the picture from Graphviz's SVG, with heading, legend and tooltips.
DS_CHECKED ds_code ds_picture_svg(ds_picture *picture, const char *svg, ds_buf *out,
                                  ds_error *err);

#endif
