// SPDX-License-Identifier: Apache-2.0
// The process map as a graph, and what of it a picture shows. Private to render/. May use base/,
// model/. Invariant: a shown edge joins two shown nodes (or the start or end marker), and nodes
// that were joined by edges between shown nodes stay joined; without the back edges there is no
// circle.
#ifndef DS_RENDER_GRAPH_H
#define DS_RENDER_GRAPH_H

#include "base/arena.h"
#include "model/result.h"

// More would not be legible.
enum { DS_GRAPH_NODES_MAX = 50, DS_GRAPH_EDGES_MAX = 60 };

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
  bool is_back; // against the main direction
  bool shown;
} ds_graph_edge;

// The graph; `start` and `end` are the indexes behind the last node.
typedef struct ds_graph {
  ds_graph_node *nodes;
  ds_graph_edge *edges;
  uint32_t nodes_count;
  uint32_t edges_count;
  uint32_t start;
  uint32_t end;
  int64_t events;      // of all nodes
  int64_t cases;       // that start anywhere
  uint32_t nodes_shown;
  uint32_t edges_shown;
  uint32_t shown[DS_GRAPH_EDGES_MAX]; // edge indexes, the most frequent first
  int64_t moves;       // sum of all edges' counts
  int64_t moves_shown;
} ds_graph;

// Reads `nodes` and `edges` of a result, in `arena`, and chooses what is shown. DS_UNSUPPORTED when
// the result is no process map or has a breakdown; DS_MEMORY.
DS_CHECKED ds_code ds_graph_of(const ds_result *result, ds_arena *arena, ds_graph *ret_graph,
                               ds_error *err);

#endif
