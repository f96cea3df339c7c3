// SPDX-License-Identifier: Apache-2.0
// Where Graphviz puts the nodes and edges of a graph, as numbers. Private to render/. May use
// base/, model/. Points are in CSS pixels, x to the right and y down from the upper left corner.
// The shown edges decide where nodes stand and what is above what; the other possible ones are then
// drawn round the nodes, the most frequent of them, so that nothing moves when they come and go.
// Invariant: a path begins and ends at the border of its nodes and holds 3 k + 1 points.
#ifndef DS_RENDER_GRAPH_LAYOUT_H
#define DS_RENDER_GRAPH_LAYOUT_H

#include "base/buf.h"
#include "render/graph.h"

// Lines of a name on its box, of so many terminal columns; edges besides the shown ones.
enum { DS_BOX_LINES_MAX = 3, DS_BOX_COLUMNS = 16, DS_BESIDES_MAX = 240 };

// A place in the picture.
typedef struct ds_point {
  double x;
  double y;
} ds_point;

// A node's box about its centre, or the ellipse of the start or end marker (no lines); `rank`
// counts the rows of nodes from above.
typedef struct ds_placed_node {
  uint32_t node; // index in the graph, its start or end
  uint32_t rank;
  ds_point center;
  double width;
  double height;
  ds_str lines[DS_BOX_LINES_MAX];
  uint32_t lines_count;
} ds_placed_node;

// An edge's path, cubic Bézier curves end to end, and where its figure is to be centred.
typedef struct ds_placed_edge {
  uint32_t edge; // index in the graph
  uint32_t points_count;
  ds_point *points;
  ds_point label;
} ds_placed_edge;

// A graph with its places; nodes and edges come the most frequent first, the markers last.
typedef struct ds_graph_layout {
  const ds_graph *graph;
  ds_placed_node *nodes;
  ds_placed_edge *edges;
  uint32_t nodes_count;
  uint32_t edges_count;
  uint32_t edges_left_out; // possible ones for which there are no lines
  double width;
  double height;
} ds_graph_layout;

// Lays out what is shown of the graph, in the arena; `scratch` is used between. DS_LIBRARY without
// Graphviz, DS_MEMORY.
DS_CHECKED ds_code ds_graph_lay_out(const ds_graph *graph, ds_arena *arena, ds_buf *scratch,
                                    ds_graph_layout *ret_layout, ds_error *err);

#endif
