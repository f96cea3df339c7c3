// SPDX-License-Identifier: Apache-2.0
#include "render/graph.h"

#include <assert.h>
#include <stdlib.h>

#include "base/map.h"

// The columns needed of a table; UINT32_MAX in `at` marks a missing one.
typedef struct columns {
  const ds_table *table;
  uint32_t at[6];
} columns;

static bool columns_find(const ds_table *table, const char *const *names, columns *out) {
  *out = (columns){.table = table};
  if (table == NULL || table->columns_count == 0 ||
      strcmp(table->columns[0].name, names[0]) != 0)
    return false;
  for (uint32_t i = 0; names[i] != NULL; i++) {
    out->at[i] = ds_table_column(table, names[i]);
    if (out->at[i] == UINT32_MAX)
      return false;
  }
  return true;
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

static ds_code nodes_read(const columns *in, ds_names *names, ds_graph *graph, ds_error *err) {
  for (uint32_t row = 0; row < in->table->rows_count; row++) {
    const ds_cell *name = cell_of(in, row, 0);
    uint32_t index = DS_NONE;
    TRY(ds_names_add(names, name->null ? ds_str_of("(none)") : name->text, &index, err));
    if (index != graph->nodes_count)
      return ds_fail(err, DS_UNSUPPORTED, "a picture needs every touchpoint once");
    graph->nodes[graph->nodes_count++] = (ds_graph_node){
        .name = name->null ? ds_str_of("(none)") : name->text,
        .occurrences = count_of(in, row, 1),
        .cases = count_of(in, row, 2),
        .starts = count_of(in, row, 3),
        .ends = count_of(in, row, 4),
    };
    graph->events += count_of(in, row, 1);
    graph->cases += count_of(in, row, 3);
  }
  graph->start = graph->nodes_count;
  graph->end = graph->nodes_count + 1;
  return DS_OK;
}

static void edge_add(ds_graph *graph, ds_graph_edge edge) {
  if (edge.count == 0)
    return;
  graph->edges[graph->edges_count++] = edge;
  graph->moves += edge.count;
}

static void edges_read(const columns *in, const ds_names *names, ds_graph *graph) {
  for (uint32_t row = 0; row < in->table->rows_count; row++) {
    const ds_cell *from = cell_of(in, row, 0);
    const ds_cell *to = cell_of(in, row, 1);
    const ds_graph_edge edge = {
        .from = from->null ? DS_NONE : ds_names_find(names, from->text),
        .to = to->null ? DS_NONE : ds_names_find(names, to->text),
        .count = count_of(in, row, 2),
        .cases = count_of(in, row, 3),
        .median_ms = duration_of(in, row, 4),
        .p90_ms = duration_of(in, row, 5),
    };
    if (edge.from != DS_NONE && edge.to != DS_NONE)
      edge_add(graph, edge);
  }
  for (uint32_t i = 0; i < graph->nodes_count; i++) {
    const ds_graph_node *node = &graph->nodes[i];
    edge_add(graph, (ds_graph_edge){.from = graph->start, .to = i, .count = node->starts,
                                    .cases = node->starts, .median_ms = -1, .p90_ms = -1,
                                    .is_marker = true});
    edge_add(graph, (ds_graph_edge){.from = i, .to = graph->end, .count = node->ends,
                                    .cases = node->ends, .median_ms = -1, .p90_ms = -1,
                                    .is_marker = true});
  }
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

static bool nodes_choose(ds_graph *graph, ds_arena *arena) {
  ranked *order = ds_arena_array(arena, graph->nodes_count, sizeof *order);
  if (order == NULL)
    return false;
  for (uint32_t i = 0; i < graph->nodes_count; i++)
    order[i] = (ranked){graph->nodes[i].occurrences, i};
  qsort(order, graph->nodes_count, sizeof *order, compare_ranked);
  for (uint32_t i = 0; i < graph->nodes_count && i < DS_GRAPH_NODES_MAX; i++)
    graph->nodes[order[i].index].shown = true;
  graph->nodes_shown =
      graph->nodes_count < DS_GRAPH_NODES_MAX ? graph->nodes_count : DS_GRAPH_NODES_MAX;
  return true;
}

static uint32_t group_root(const uint32_t *parent, uint32_t i) {
  while (parent[i] != i)
    i = parent[i];
  return i;
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

// Past this share of all moves, more lines hide the picture rather than complete it.
static bool covers_enough(const ds_graph *graph) {
  return (double)graph->moves_shown >= 0.97 * (double)graph->moves;
}

// A maximum spanning forest (J. B. Kruskal, 1956) first, so that nothing falls off; then the most
// frequent of the rest, until they cover enough.
static bool edges_choose(ds_graph *graph, ds_arena *arena) {
  ranked *order = ds_arena_array(arena, graph->edges_count, sizeof *order);
  uint32_t *parent = ds_arena_array(arena, graph->nodes_count + 2, sizeof *parent);
  if (order == NULL || parent == NULL)
    return false;
  uint32_t candidates = 0;
  for (uint32_t i = 0; i < graph->edges_count; i++) {
    const ds_graph_edge *edge = &graph->edges[i];
    if (end_shown(graph, edge->from) && end_shown(graph, edge->to))
      order[candidates++] = (ranked){edge->count, i};
  }
  qsort(order, candidates, sizeof *order, compare_ranked);
  for (uint32_t i = 0; i < graph->nodes_count + 2; i++)
    parent[i] = i;
  for (uint32_t i = 0; i < candidates; i++) {
    ds_graph_edge *edge = &graph->edges[order[i].index];
    const uint32_t from = group_root(parent, edge->from);
    const uint32_t to = group_root(parent, edge->to);
    if (from == to)
      continue;
    parent[from] = to;
    edge_show(graph, edge);
  }
  assert(graph->edges_shown < DS_GRAPH_NODES_MAX + 2);
  for (uint32_t i = 0; i < candidates && graph->edges_shown < DS_GRAPH_EDGES_MAX; i++) {
    if (covers_enough(graph))
      break;
    ds_graph_edge *edge = &graph->edges[order[i].index];
    if (!edge->shown && !is_rare_marker(graph, edge))
      edge_show(graph, edge);
  }
  uint32_t listed = 0;
  for (uint32_t i = 0; i < candidates; i++) {
    if (graph->edges[order[i].index].shown)
      graph->shown[listed++] = order[i].index;
  }
  assert(listed == graph->edges_shown);
  return true;
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
static bool backs_find(ds_graph *graph, ds_arena *arena) {
  const size_t nodes = (size_t)graph->nodes_count + 2;
  bool *reached = ds_arena_array(arena, nodes, sizeof *reached);
  if (reached == NULL)
    return false;
  for (uint32_t i = 0; i < graph->edges_shown; i++) {
    ds_graph_edge *edge = &graph->edges[graph->shown[i]];
    memset(reached, 0, nodes * sizeof *reached);
    reach(graph, i, edge->to, reached);
    edge->is_back = reached[edge->from];
  }
  return true;
}

static ds_code graph_fill(const columns *nodes, const columns *edges, ds_arena *arena,
                          ds_graph *graph, ds_error *err) {
  const uint32_t nodes_max = nodes->table->rows_count;
  graph->nodes = ds_arena_array(arena, (size_t)nodes_max + 1, sizeof *graph->nodes);
  graph->edges = ds_arena_array(arena, (size_t)edges->table->rows_count + 2 * (size_t)nodes_max + 1,
                                sizeof *graph->edges);
  if (graph->nodes == NULL || graph->edges == NULL)
    return ds_fail(err, DS_MEMORY, "no memory for the picture");
  ds_names names;
  ds_names_init(&names, nodes_max + 1);
  const ds_code code = nodes_read(nodes, &names, graph, err);
  if (code == DS_OK)
    edges_read(edges, &names, graph);
  ds_names_done(&names);
  return code;
}

ds_code ds_graph_of(const ds_result *result, ds_arena *arena, ds_graph *ret_graph, ds_error *err) {
  static const char *const node_columns[] = {"touchpoint", "occurrences", "cases", "starts",
                                             "ends",       NULL};
  static const char *const edge_columns[] = {"from",      "to",     "occurrences", "cases",
                                             "median_ms", "p90_ms", NULL};
  columns nodes;
  columns edges;
  ds_graph graph = {0};
  if (!columns_find(ds_result_find(result, "nodes"), node_columns, &nodes) ||
      !columns_find(ds_result_find(result, "edges"), edge_columns, &edges))
    return ds_fail(err, DS_UNSUPPORTED, "only a process map without a breakdown can be drawn as "
                   "SVG; \"%s\" here is none", result->question);
  TRY(graph_fill(&nodes, &edges, arena, &graph, err));
  if (!nodes_choose(&graph, arena) || !edges_choose(&graph, arena) ||
      !backs_find(&graph, arena))
    return ds_fail(err, DS_MEMORY, "no memory for the picture");
  *ret_graph = graph;
  return DS_OK;
}
