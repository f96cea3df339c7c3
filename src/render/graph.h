// SPDX-License-Identifier: Apache-2.0
// The process map as a graph, and what of it a picture shows. Private to render/. May use base/,
// model/. Invariant: a shown edge joins two shown nodes (or the start or end marker); each shown
// node keeps its strongest way in and out, and nodes that were joined by edges between shown nodes
// stay joined; without the back edges there is no circle.
#ifndef DS_RENDER_GRAPH_H
#define DS_RENDER_GRAPH_H

#include "base/arena.h"
#include "model/result.h"

// More would not be legible; edges past it are shown only to keep nodes joined.
enum { DS_GRAPH_EDGES_MAX = 60 };

// One touchpoint.
typedef struct ds_graph_node {
  ds_str name;
  int64_t occurrences;
  int64_t cases;
  int64_t starts;
  int64_t ends;
  bool shown;
} ds_graph_node;

// One line: between touchpoints, or (is_marker) from the start or to the end marker.
typedef struct ds_graph_edge {
  uint32_t from; // node index, or start
  uint32_t to;   // node index, or end
  int64_t count;
  int64_t cases;
  double median_ms; // negative: not known
  double p90_ms;
  bool is_marker;
  bool possible; // both ends are shown
  bool kept;     // it is the strongest way in or out of a shown node, or keeps nodes joined
  bool shown;
  bool is_back; // shown, but against the main direction
} ds_graph_edge;

// The graph; `start` and `end` are the indexes behind the last node. The orders hold indexes, the
// most frequent first, equal ones as in the result. What follows them is as chosen last.
typedef struct ds_graph {
  ds_graph_node *nodes;
  ds_graph_edge *edges;
  uint32_t nodes_count;
  uint32_t edges_count;
  uint32_t start;
  uint32_t end;
  int64_t events; // of all nodes
  int64_t cases;  // that start anywhere
  int64_t moves;  // sum of all edges' counts
  uint32_t *nodes_order;
  uint32_t *edges_order;
  uint32_t nodes_shown;
  uint32_t edges_shown;
  uint32_t *shown; // edges, the most frequent first
  int64_t moves_possible;
  int64_t moves_shown;
} ds_graph;

// Reads `nodes` and `edges` of a result, in `arena`; nothing is shown yet. `sums`: a breakdown's
// groups are added up, times are not known then. DS_UNSUPPORTED when the result is no process map,
// or has a breakdown that is not to be added up; DS_MEMORY.
DS_CHECKED ds_code ds_graph_of(const ds_result *result, bool sums, ds_arena *arena,
                               ds_graph *ret_graph, ds_error *err);

// Chooses what is shown: the `nodes_max` most frequent nodes; of the edges between them first what
// keeps each its strongest way in and out, and all joined, then the most frequent until they cover
// nearly all moves or are DS_GRAPH_EDGES_MAX. Any number of times. DS_MEMORY.
DS_CHECKED ds_code ds_graph_choose(ds_graph *graph, uint32_t nodes_max, ds_arena *arena,
                                   ds_error *err);

#endif
