// SPDX-License-Identifier: Apache-2.0
#include "render/graph.h"

#include <assert.h>
#include <stdlib.h>

#include "base/map.h"

// The columns needed of a table, and whether others stand before them: those of a breakdown.
typedef struct columns {
  const ds_table *table;
  uint32_t at[6];
  bool broken_down;
} columns;

static bool columns_find(const ds_table *table, const char *const *names, columns *out) {
  *out = (columns){.table = table};
  for (uint32_t i = 0; table != NULL && names[i] != NULL; i++) {
    out->at[i] = ds_table_column(table, names[i]);
    if (out->at[i] == UINT32_MAX)
      return false;
  }
  out->broken_down = out->at[0] != 0;
  return table != NULL;
}

static const ds_cell *cell_of(const columns *in, uint32_t row, uint32_t i) {
  return &in->table->cells[(size_t)row * in->table->columns_count + in->at[i]];
}

static int64_t count_of(const columns *in, uint32_t row, uint32_t i) {
  const ds_cell *cell = cell_of(in, row, i);
  return cell->null || cell->i < 0 ? 0 : cell->i;
}

static double duration_of(const columns *in, uint32_t row, uint32_t i) {
  const ds_cell *cell = cell_of(in, row, i);
  return cell->null ? -1 : cell->number;
}

static ds_str name_of(const columns *in, uint32_t row, uint32_t i) {
  const ds_cell *cell = cell_of(in, row, i);
  return cell->null ? ds_str_of("(none)") : cell->text;
}

static ds_code nodes_read(const columns *in, bool sums, ds_names *names, ds_graph *graph,
                          ds_error *err) {
  for (uint32_t row = 0; row < in->table->rows_count; row++) {
    const ds_str name = name_of(in, row, 0);
    uint32_t index = DS_NONE;
    TRY(ds_names_add(names, name, &index, err));
    if (index != graph->nodes_count && !sums)
      return ds_fail(err, DS_UNSUPPORTED, "a picture needs every touchpoint once");
    graph->nodes_count += index == graph->nodes_count;
    ds_graph_node *node = &graph->nodes[index];
    node->name = name;
    node->occurrences += count_of(in, row, 1);
    node->cases += count_of(in, row, 2);
    node->starts += count_of(in, row, 3);
    node->ends += count_of(in, row, 4);
    graph->events += count_of(in, row, 1);
    graph->cases += count_of(in, row, 3);
  }
  graph->start = graph->nodes_count;
  graph->end = graph->nodes_count + 1;
  return DS_OK;
}

// Adds an edge, or adds it up with the one that is there: then it has no times of its own.
static ds_code edge_add(ds_graph *graph, ds_map64 *pairs, ds_graph_edge edge, ds_error *err) {
  if (edge.count == 0)
    return DS_OK;
  uint32_t *index = ds_map64_put(pairs, (uint64_t)edge.from << 32 | edge.to);
  if (index == NULL)
    return ds_fail(err, DS_MEMORY, "no memory for the picture");
  graph->moves += edge.count;
  if (*index == DS_NONE) {
    *index = graph->edges_count;
    graph->edges[graph->edges_count++] = edge;
    return DS_OK;
  }
  ds_graph_edge *sum = &graph->edges[*index];
  sum->count += edge.count;
  sum->cases += edge.cases;
  sum->median_ms = sum->p90_ms = -1;
  return DS_OK;
}

static ds_code edges_read(const columns *in, const ds_names *names, ds_graph *graph,
                          ds_map64 *pairs, ds_error *err) {
  for (uint32_t row = 0; row < in->table->rows_count; row++) {
    const ds_graph_edge edge = {
        .from = ds_names_find(names, name_of(in, row, 0)),
        .to = ds_names_find(names, name_of(in, row, 1)),
        .count = count_of(in, row, 2),
        .cases = count_of(in, row, 3),
        .median_ms = duration_of(in, row, 4),
        .p90_ms = duration_of(in, row, 5),
    };
    if (edge.from != DS_NONE && edge.to != DS_NONE)
      TRY(edge_add(graph, pairs, edge, err));
  }
  for (uint32_t i = 0; i < graph->nodes_count; i++) {
    const ds_graph_node *node = &graph->nodes[i];
    ds_graph_edge edge = {.from = graph->start, .to = i, .count = node->starts,
                          .cases = node->starts, .median_ms = -1, .p90_ms = -1,
                          .is_marker = true};
    TRY(edge_add(graph, pairs, edge, err));
    edge.from = i;
    edge.to = graph->end;
    edge.count = edge.cases = node->ends;
    TRY(edge_add(graph, pairs, edge, err));
  }
  return DS_OK;
}

// A node or edge by how often it occurs; equal ones keep the result's order.
typedef struct ranked {
  int64_t count;
  uint32_t index;
} ranked;

static int compare_ranked(const void *a, const void *b) {
  const ranked *x = a;
  const ranked *y = b;
  if (x->count != y->count)
    return x->count < y->count ? 1 : -1;
  return x->index < y->index ? -1 : 1;
}

// The indexes of nodes or edges by their counts: in `order`, which is to hold them.
static void order_make(ranked *order, uint32_t count, uint32_t *ret_order) {
  qsort(order, count, sizeof *order, compare_ranked);
  for (uint32_t i = 0; i < count; i++)
    ret_order[i] = order[i].index;
}

static bool orders_make(ds_graph *graph, ds_arena *arena) {
  const uint32_t most =
      graph->nodes_count > graph->edges_count ? graph->nodes_count : graph->edges_count;
  ranked *order = ds_arena_array(arena, (size_t)most + 1, sizeof *order);
  graph->nodes_order = ds_arena_array(arena, (size_t)graph->nodes_count + 1, sizeof(uint32_t));
  graph->edges_order = ds_arena_array(arena, (size_t)graph->edges_count + 1, sizeof(uint32_t));
  graph->shown = ds_arena_array(arena, (size_t)graph->edges_count + 1, sizeof(uint32_t));
  if (!order || !graph->nodes_order || !graph->edges_order || !graph->shown)
    return false;
  for (uint32_t i = 0; i < graph->nodes_count; i++)
    order[i] = (ranked){graph->nodes[i].occurrences, i};
  order_make(order, graph->nodes_count, graph->nodes_order);
  for (uint32_t i = 0; i < graph->edges_count; i++)
    order[i] = (ranked){graph->edges[i].count, i};
  order_make(order, graph->edges_count, graph->edges_order);
  return true;
}

static void nodes_choose(ds_graph *graph, uint32_t nodes_max) {
  graph->nodes_shown = graph->nodes_count < nodes_max ? graph->nodes_count : nodes_max;
  for (uint32_t i = 0; i < graph->nodes_count; i++)
    graph->nodes[graph->nodes_order[i]].shown = i < graph->nodes_shown;
}

// A marker's line for few of the cases only crowds the picture.
static bool is_rare_marker(const ds_graph *graph, const ds_graph_edge *edge) {
  return edge->is_marker && edge->count < graph->cases / 50;
}

static void edge_show(ds_graph *graph, ds_graph_edge *edge) {
  edge->shown = true;
  graph->edges_shown++;
  graph->moves_shown += edge->count;
}

static bool end_shown(const ds_graph *graph, uint32_t node) {
  return node >= graph->nodes_count || graph->nodes[node].shown;
}

static void edges_forget(ds_graph *graph) {
  graph->edges_shown = 0;
  graph->moves_possible = graph->moves_shown = 0;
  for (uint32_t i = 0; i < graph->edges_count; i++) {
    ds_graph_edge *edge = &graph->edges[i];
    edge->possible = end_shown(graph, edge->from) && end_shown(graph, edge->to);
    edge->kept = edge->shown = edge->is_back = false;
    graph->moves_possible += edge->possible ? edge->count : 0;
  }
}

// What is known of a node while its edges come, the most frequent first.
typedef struct joint {
  uint32_t parent; // of its group: nodes that edges so far join
  bool has_in;
  bool has_out;
} joint;

static uint32_t group_root(const joint *joints, uint32_t i) {
  while (joints[i].parent != i)
    i = joints[i].parent;
  return i;
}

// Every node's strongest way in and out, and a maximum spanning forest (J. B. Kruskal, 1956), so
// that nothing falls off.
static void edges_keep(ds_graph *graph, joint *joints) {
  for (uint32_t i = 0; i < graph->nodes_count + 2; i++)
    joints[i] = (joint){.parent = i};
  for (uint32_t i = 0; i < graph->edges_count; i++) {
    ds_graph_edge *edge = &graph->edges[graph->edges_order[i]];
    joint *from = &joints[edge->from], *to = &joints[edge->to];
    if (!edge->possible || from == to)
      continue;
    const uint32_t from_root = group_root(joints, edge->from);
    const uint32_t to_root = group_root(joints, edge->to);
    const bool way_out = edge->from < graph->nodes_count && !from->has_out;
    const bool way_in = edge->to < graph->nodes_count && !to->has_in;
    edge->kept = from_root != to_root || way_out || way_in;
    from->has_out = to->has_in = true;
    joints[from_root].parent = to_root;
    if (edge->kept)
      edge_show(graph, edge);
  }
}

// Past this share of all moves, more lines hide the picture rather than complete it.
static bool covers_enough(const ds_graph *graph) {
  return (double)graph->moves_shown >= 0.97 * (double)graph->moves_possible;
}

static void edges_choose(ds_graph *graph, joint *joints) {
  edges_forget(graph);
  edges_keep(graph, joints);
  for (uint32_t i = 0; i < graph->edges_count; i++) {
    ds_graph_edge *edge = &graph->edges[graph->edges_order[i]];
    if (graph->edges_shown >= DS_GRAPH_EDGES_MAX || covers_enough(graph))
      break;
    if (edge->possible && !edge->shown && !is_rare_marker(graph, edge))
      edge_show(graph, edge);
  }
  uint32_t listed = 0;
  for (uint32_t i = 0; i < graph->edges_count; i++) {
    if (graph->edges[graph->edges_order[i]].shown)
      graph->shown[listed++] = graph->edges_order[i];
  }
  assert(listed == graph->edges_shown);
}

// Marks every node that can be reached from `node` along the shown forward edges.
static void reach(const ds_graph *graph, uint32_t forward, uint32_t node, bool *reached) {
  reached[node] = true;
  for (bool grown = true; grown;) {
    grown = false;
    for (uint32_t i = 0; i < forward; i++) {
      const ds_graph_edge *edge = &graph->edges[graph->shown[i]];
      if (!edge->is_back && reached[edge->from] && !reached[edge->to])
        grown = reached[edge->to] = true;
    }
  }
}

// An edge that would close a circle of more frequent ones leads back: so the main flow, and not
// the order of the data, decides what stands above what.
static void backs_find(ds_graph *graph, bool *reached) {
  for (uint32_t i = 0; i < graph->edges_shown; i++) {
    ds_graph_edge *edge = &graph->edges[graph->shown[i]];
    memset(reached, 0, (size_t)graph->nodes_count + 2);
    reach(graph, i, edge->to, reached);
    edge->is_back = reached[edge->from];
  }
}

ds_code ds_graph_choose(ds_graph *graph, uint32_t nodes_max, ds_arena *arena, ds_error *err) {
  joint *joints = ds_arena_array(arena, (size_t)graph->nodes_count + 2, sizeof *joints);
  bool *reached = ds_arena_array(arena, (size_t)graph->nodes_count + 2, sizeof *reached);
  if (joints == NULL || reached == NULL)
    return ds_fail(err, DS_MEMORY, "no memory for the picture");
  nodes_choose(graph, nodes_max);
  edges_choose(graph, joints);
  backs_find(graph, reached);
  return DS_OK;
}

static ds_code graph_fill(const columns *nodes, const columns *edges, bool sums, ds_arena *arena,
                          ds_graph *graph, ds_error *err) {
  const uint32_t nodes_max = nodes->table->rows_count;
  ds_map64 pairs;
  ds_names names;
  graph->nodes = ds_arena_array(arena, (size_t)nodes_max + 1, sizeof *graph->nodes);
  graph->edges = ds_arena_array(arena, (size_t)edges->table->rows_count + 2 * (size_t)nodes_max + 1,
                                sizeof *graph->edges);
  if (graph->nodes == NULL || graph->edges == NULL)
    return ds_fail(err, DS_MEMORY, "no memory for the picture");
  ds_map64_init(&pairs);
  ds_names_init(&names, nodes_max + 1);
  ds_code code = nodes_read(nodes, sums, &names, graph, err);
  if (code == DS_OK)
    code = edges_read(edges, &names, graph, &pairs, err);
  if (code == DS_OK && !orders_make(graph, arena))
    code = ds_fail(err, DS_MEMORY, "no memory for the picture");
  ds_names_done(&names);
  ds_map64_done(&pairs);
  return code;
}

ds_code ds_graph_of(const ds_result *result, bool sums, ds_arena *arena, ds_graph *ret_graph,
                    ds_error *err) {
  static const char *const node_columns[] = {"touchpoint", "occurrences", "cases", "starts",
                                             "ends",       NULL};
  static const char *const edge_columns[] = {"from",      "to",     "occurrences", "cases",
                                             "median_ms", "p90_ms", NULL};
  columns nodes;
  columns edges;
  ds_graph graph = {0};
  if (!columns_find(ds_result_find(result, "nodes"), node_columns, &nodes) ||
      !columns_find(ds_result_find(result, "edges"), edge_columns, &edges))
    return ds_fail(err, DS_UNSUPPORTED, "only a process map with all its columns can be drawn; "
                   "\"%s\" here is none", result->question);
  if (nodes.broken_down && !sums)
    return ds_fail(err, DS_UNSUPPORTED, "only a process map without a breakdown can be drawn as "
                   "SVG; \"%s\" here has one", result->question);
  TRY(graph_fill(&nodes, &edges, sums, arena, &graph, err));
  *ret_graph = graph;
  return DS_OK;
}
