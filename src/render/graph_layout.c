// SPDX-License-Identifier: Apache-2.0
// The graph goes to Graphviz and comes back in its "plain" format: a line per node and edge, in
// inches, y upwards. Boxes have sizes of our own and names do not go there, so that nothing depends
// on fonts or on data. What it may take is bounded by how much there is to lay out, and by limits
// of its iterations.
#include "render/graph_layout.h"

#include <math.h>
#include <stdlib.h>

#include "base/map.h"
#include "render/cell.h"
#include "render/graphviz.h"

#define POINTS_PER_INCH 72.0

// Sizes in pixels.
enum {
  LINE_HEIGHT = 16,
  COLUMN_WIDTH = 8, // of a box's text, amply: fonts differ from machine to machine
  BOX_WIDTH_MIN = 76,
  BOX_PADDING = 20, // of its width
  BOX_MARGIN = 12,  // of its height
  MARKER_WIDTH = 52,
  MARKER_HEIGHT = 26,
  LABEL_WIDTH = 48,
  LABEL_HEIGHT = 16,
  MARGIN = 10,
  APART = 9, // there and back
  PLAIN_BYTES_MAX = 16 << 20,
};

// --- The text on a box

// Where the next line of a name begins: after the last separator that leaves it within the width,
// else after the first one, else at its end.
static uint32_t line_end(ds_str text) {
  uint32_t best = 0;
  for (uint32_t at = 1; at < text.size; at++) {
    if (strchr("_ -.:/", text.data[at - 1]) == NULL)
      continue;
    if (best != 0 && ds_str_columns((ds_str){text.data, at}) > DS_BOX_COLUMNS)
      break;
    best = at;
  }
  return best == 0 || ds_str_columns(text) <= DS_BOX_COLUMNS ? text.size : best;
}

static ds_code line_add(ds_placed_node *node, ds_str text, ds_arena *arena, ds_buf *scratch,
                        ds_error *err) {
  ds_buf_reset(scratch);
  ds_text_cut(text, DS_BOX_COLUMNS + 4, scratch);
  const char *line = ds_arena_text(arena, (const char *)scratch->data, scratch->size);
  if (line == NULL)
    return ds_fail(err, DS_MEMORY, "no memory for the picture");
  node->lines[node->lines_count++] = (ds_str){line, (uint32_t)scratch->size};
  return ds_buf_check(scratch, "the picture", err);
}

static ds_code lines_make(ds_placed_node *node, ds_str name, ds_arena *arena, ds_buf *scratch,
                          ds_error *err) {
  ds_buf_reset(scratch);
  ds_text_clean(name.size == 0 ? ds_str_of("(no name)") : name, scratch);
  TRY(ds_buf_check(scratch, "the picture", err));
  const char *clean = ds_arena_text(arena, (const char *)scratch->data, scratch->size);
  if (clean == NULL)
    return ds_fail(err, DS_MEMORY, "no memory for the picture");
  ds_str rest = {clean, (uint32_t)scratch->size};
  while (rest.size != 0) {
    const bool last = node->lines_count + 1 == DS_BOX_LINES_MAX;
    const uint32_t end = last ? rest.size : line_end(rest);
    TRY(line_add(node, (ds_str){rest.data, end}, arena, scratch, err));
    rest = (ds_str){rest.data + end, rest.size - end};
  }
  return DS_OK;
}

static void box_size(ds_placed_node *node) {
  uint32_t columns = 0;
  for (uint32_t i = 0; i < node->lines_count; i++) {
    const uint32_t line = ds_str_columns(node->lines[i]);
    columns = line > columns ? line : columns;
  }
  node->width = columns * COLUMN_WIDTH + BOX_PADDING;
  node->width = node->width < BOX_WIDTH_MIN ? BOX_WIDTH_MIN : node->width;
  node->height = (node->lines_count + 1) * LINE_HEIGHT + BOX_MARGIN;
}

// --- What is laid out

static ds_code nodes_list(ds_graph_layout *layout, ds_arena *arena, ds_buf *scratch,
                          ds_error *err) {
  const ds_graph *graph = layout->graph;
  layout->nodes = ds_arena_array(arena, (size_t)graph->nodes_shown + 2, sizeof *layout->nodes);
  if (layout->nodes == NULL)
    return ds_fail(err, DS_MEMORY, "no memory for the picture");
  for (uint32_t i = 0; i < graph->nodes_shown; i++) {
    ds_placed_node *node = &layout->nodes[layout->nodes_count++];
    node->node = graph->nodes_order[i];
    TRY(lines_make(node, graph->nodes[node->node].name, arena, scratch, err));
    box_size(node);
  }
  for (uint32_t i = 0; i < 2; i++)
    layout->nodes[layout->nodes_count++] = (ds_placed_node){
        .node = i == 0 ? graph->start : graph->end,
        .width = MARKER_WIDTH,
        .height = MARKER_HEIGHT,
    };
  return DS_OK;
}

static ds_code edges_list(ds_graph_layout *layout, ds_arena *arena, ds_error *err) {
  const ds_graph *graph = layout->graph;
  layout->edges = ds_arena_array(arena, (size_t)graph->edges_shown + DS_BESIDES_MAX,
                                 sizeof *layout->edges);
  if (layout->edges == NULL)
    return ds_fail(err, DS_MEMORY, "no memory for the picture");
  uint32_t besides = 0;
  for (uint32_t i = 0; i < graph->edges_count; i++) {
    const ds_graph_edge *edge = &graph->edges[graph->edges_order[i]];
    if (!edge->possible)
      continue;
    besides += !edge->shown;
    if (edge->shown || besides <= DS_BESIDES_MAX)
      layout->edges[layout->edges_count++].edge = graph->edges_order[i];
    else
      layout->edges_left_out++;
  }
  return DS_OK;
}

// The way back beside which edge number `i` goes, when that comes before it; DS_NONE: it has a way
// of its own. nop1 would draw both, but in an order of addresses, which differs from run to run.
static uint32_t mate_of(const ds_graph_layout *layout, uint32_t i) {
  const ds_graph_edge *edges = layout->graph->edges;
  const ds_graph_edge *edge = &edges[layout->edges[i].edge];
  for (uint32_t m = 0; m < i && !edge->shown; m++) {
    const ds_graph_edge *other = &edges[layout->edges[m].edge];
    if (!other->shown && other->from == edge->to && other->to == edge->from)
      return m;
  }
  return DS_NONE;
}

// --- To Graphviz

static void put_node(const ds_graph_layout *layout, ds_buf *out, uint32_t i, bool placed) {
  const ds_placed_node *node = &layout->nodes[i];
  ds_buf_printf(out, "%u [width=%.4f height=%.4f", node->node, node->width / POINTS_PER_INCH,
                node->height / POINTS_PER_INCH);
  if (node->node >= layout->graph->start)
    ds_buf_text(out, " shape=ellipse");
  if (placed)
    ds_buf_printf(out, " pos=\"%.2f,%.2f\"", node->center.x, -node->center.y);
  ds_buf_text(out, "];\n");
}

static void put_edge(const ds_graph *graph, ds_buf *out, const ds_graph_edge *edge) {
  ds_buf_printf(out, "%u -> %u", edge->from, edge->to);
  if (edge->shown) {
    const double most = (double)graph->edges[graph->edges_order[0]].count;
    ds_buf_printf(out, " [label=888888 weight=%d%s]", 1 + (int)(30 * (double)edge->count / most),
                  edge->is_back ? " constraint=false" : "");
  }
  ds_buf_text(out, ";\n");
}

// The nodes with the shown edges, or (placed) with all others between nodes that have their places.
static void put_graph(const ds_graph_layout *layout, ds_buf *out, bool placed) {
  const ds_graph *graph = layout->graph;
  ds_buf_reset(out);
  ds_buf_text(out, "digraph {\nnode [shape=box fixedsize=true label=\"\"]; edge [dir=none "
                   "fontname=\"Helvetica\" fontsize=12];\n");
  ds_buf_text(out, placed ? "splines=true; esep=\"+2\";\n"
                          : "nodesep=0.3; ranksep=0.3; nslimit=20; nslimit1=20; mclimit=2;\n");
  for (uint32_t i = 0; i < layout->nodes_count; i++)
    put_node(layout, out, i, placed);
  if (!placed)
    ds_buf_printf(out, "{rank=source; %u;}\n{rank=sink; %u;}\n", graph->start, graph->end);
  for (uint32_t i = 0; i < layout->edges_count; i++) {
    const ds_graph_edge *edge = &graph->edges[layout->edges[i].edge];
    if (edge->shown != placed && mate_of(layout, i) == DS_NONE)
      put_edge(graph, out, edge);
  }
  ds_buf_text(out, "}\n");
}

// --- Back from it

// The next word of a line, "" at its end.
static ds_str take_word(ds_str *line) {
  uint32_t start = 0;
  while (start < line->size && line->data[start] == ' ')
    start++;
  uint32_t end = start;
  while (end < line->size && line->data[end] != ' ')
    end++;
  const ds_str word = {line->data + start, end - start};
  *line = (ds_str){line->data + end, line->size - end};
  return word;
}

static bool take_index(ds_str *line, uint32_t *ret_index) {
  uint64_t index;
  if (!ds_str_to_u64(take_word(line), &index) || index >= DS_NONE)
    return false;
  *ret_index = (uint32_t)index;
  return true;
}

static bool take_point(ds_str *line, ds_point *ret_point) {
  double x, y;
  if (!ds_str_to_double(take_word(line), &x) || !ds_str_to_double(take_word(line), &y))
    return false;
  *ret_point = (ds_point){x * POINTS_PER_INCH, -y * POINTS_PER_INCH};
  return true;
}

// What is read: the layout, and by how much the places differ from those that nodes have already.
typedef struct reader {
  ds_graph_layout *layout;
  ds_arena *arena;
  bool placed;
  ds_point shift;
} reader;

static bool node_take(reader *in, ds_str line) {
  uint32_t index;
  ds_point center;
  if (!take_index(&line, &index) || !take_point(&line, &center))
    return false;
  for (uint32_t i = 0; i < in->layout->nodes_count; i++) {
    ds_placed_node *node = &in->layout->nodes[i];
    if (node->node != index)
      continue;
    if (in->placed)
      in->shift = (ds_point){node->center.x - center.x, node->center.y - center.y};
    else
      node->center = center;
    return true;
  }
  return false;
}

// The middle of the middle curve.
static ds_point path_middle(const ds_placed_edge *edge) {
  const ds_point *p = edge->points + (edge->points_count - 1) / 3 / 2 * 3;
  return (ds_point){(p[0].x + 3 * p[1].x + 3 * p[2].x + p[3].x) / 8,
                    (p[0].y + 3 * p[1].y + 3 * p[2].y + p[3].y) / 8};
}

static bool path_take(reader *in, ds_placed_edge *edge, ds_str *line) {
  if (!take_index(line, &edge->points_count) || edge->points_count < 4 ||
      edge->points_count % 3 != 1 || edge->points_count > line->size)
    return false;
  edge->points = ds_arena_array(in->arena, edge->points_count, sizeof *edge->points);
  if (edge->points == NULL)
    return false;
  for (uint32_t i = 0; i < edge->points_count; i++) {
    if (!take_point(line, &edge->points[i]))
      return false;
    edge->points[i].x += in->shift.x;
    edge->points[i].y += in->shift.y;
  }
  edge->label = path_middle(edge);
  if (in->placed)
    return true;
  (void)take_word(line);
  return take_point(line, &edge->label);
}

static bool edge_take(reader *in, ds_str line) {
  uint32_t from, to;
  if (!take_index(&line, &from) || !take_index(&line, &to))
    return false;
  for (uint32_t i = 0; i < in->layout->edges_count; i++) {
    const ds_graph_edge *edge = &in->layout->graph->edges[in->layout->edges[i].edge];
    if (edge->from == from && edge->to == to)
      return path_take(in, &in->layout->edges[i], &line);
  }
  return false;
}

// Nodes come before edges, so the shift is known by then.
static ds_code plain_read(reader *in, const char *text, ds_error *err) {
  bool understood = true;
  while (text[0] != '\0' && understood) {
    const size_t size = strcspn(text, "\n");
    ds_str line = {text, (uint32_t)size};
    const ds_str kind = take_word(&line);
    if (ds_str_equal(kind, ds_str_of("node")))
      understood = node_take(in, line);
    else if (ds_str_equal(kind, ds_str_of("edge")))
      understood = edge_take(in, line);
    text += size + (text[size] == '\n');
  }
  if (in->arena->refused)
    return ds_fail(err, DS_MEMORY, "no memory for the picture");
  return understood ? DS_OK : ds_fail(err, DS_LIBRARY, "Graphviz gave no layout");
}

static ds_code graph_place(ds_graph_layout *layout, bool placed, ds_arena *arena, ds_buf *dot,
                           ds_error *err) {
  ds_buf plain;
  reader in = {.layout = layout, .arena = arena, .placed = placed};
  put_graph(layout, dot, placed);
  TRY(ds_buf_check(dot, "the picture", err));
  ds_buf_init(&plain, PLAIN_BYTES_MAX);
  ds_code code = ds_graphviz_draw(ds_graphviz_names, ds_buf_cstr(dot), placed ? "nop1" : "dot",
                                  "plain", &plain, err);
  if (code == DS_OK)
    code = plain_read(&in, ds_buf_cstr(&plain), err);
  ds_buf_done(&plain);
  return code;
}

// The path of the mate backwards, a little further out where that goes round something.
static bool path_mirror(const ds_placed_edge *mate, ds_arena *arena, ds_placed_edge *edge) {
  const uint32_t last = mate->points_count - 1;
  const ds_point *from = &mate->points[0], *to = &mate->points[last];
  const double length = hypot(to->x - from->x, to->y - from->y);
  edge->points = ds_arena_array(arena, mate->points_count, sizeof *edge->points);
  if (edge->points == NULL)
    return false;
  ds_point aside = {(to->y - from->y) / fmax(length, 1), (from->x - to->x) / fmax(length, 1)};
  const ds_point out = {mate->label.x - (from->x + to->x) / 2,
                        mate->label.y - (from->y + to->y) / 2};
  const double apart = aside.x * out.x + aside.y * out.y < 0 ? -APART : APART;
  edge->points_count = mate->points_count;
  for (uint32_t i = 0; i <= last; i++) {
    const double by = i == 0 || i == last ? 0 : apart;
    edge->points[i] = (ds_point){mate->points[last - i].x + aside.x * by,
                                 mate->points[last - i].y + aside.y * by};
  }
  edge->label = path_middle(edge);
  return true;
}

static ds_code mates_place(ds_graph_layout *layout, ds_arena *arena, ds_error *err) {
  for (uint32_t i = 0; i < layout->edges_count; i++) {
    const uint32_t mate = mate_of(layout, i);
    if (mate != DS_NONE && !path_mirror(&layout->edges[mate], arena, &layout->edges[i]))
      return ds_fail(err, DS_MEMORY, "no memory for the picture");
  }
  return DS_OK;
}

// --- The whole

// The smallest box round all so far and one more about a centre.
typedef struct extent {
  ds_point least;
  ds_point most;
} extent;

static void extent_grow(extent *all, ds_point center, double width, double height) {
  all->least.x = fmin(all->least.x, center.x - width / 2);
  all->least.y = fmin(all->least.y, center.y - height / 2);
  all->most.x = fmax(all->most.x, center.x + width / 2);
  all->most.y = fmax(all->most.y, center.y + height / 2);
}

static extent extent_of(const ds_graph_layout *layout) {
  extent all = {layout->nodes[0].center, layout->nodes[0].center};
  for (uint32_t i = 0; i < layout->nodes_count; i++)
    extent_grow(&all, layout->nodes[i].center, layout->nodes[i].width, layout->nodes[i].height);
  for (uint32_t i = 0; i < layout->edges_count; i++) {
    const ds_placed_edge *edge = &layout->edges[i];
    extent_grow(&all, edge->label, LABEL_WIDTH, LABEL_HEIGHT);
    for (uint32_t p = 0; p < edge->points_count; p++)
      extent_grow(&all, edge->points[p], 0, 0);
  }
  return all;
}

static void point_move(ds_point *point, ds_point by) {
  point->x += by.x;
  point->y += by.y;
}

// Moves all so that it begins in the upper left corner, behind a margin.
static void layout_settle(ds_graph_layout *layout) {
  const extent all = extent_of(layout);
  const ds_point by = {MARGIN - all.least.x, MARGIN - all.least.y};
  for (uint32_t i = 0; i < layout->nodes_count; i++)
    point_move(&layout->nodes[i].center, by);
  for (uint32_t i = 0; i < layout->edges_count; i++) {
    point_move(&layout->edges[i].label, by);
    for (uint32_t p = 0; p < layout->edges[i].points_count; p++)
      point_move(&layout->edges[i].points[p], by);
  }
  layout->width = all.most.x - all.least.x + 2 * MARGIN;
  layout->height = all.most.y - all.least.y + 2 * MARGIN;
}

static int compare_heights(const void *a, const void *b) {
  const ds_placed_node *const *x = a, *const *y = b;
  return ((*x)->center.y > (*y)->center.y) - ((*x)->center.y < (*y)->center.y);
}

static ds_code ranks_count(ds_graph_layout *layout, ds_arena *arena, ds_error *err) {
  ds_placed_node **order = ds_arena_array(arena, layout->nodes_count, sizeof(ds_placed_node *));
  if (order == NULL)
    return ds_fail(err, DS_MEMORY, "no memory for the picture");
  for (uint32_t i = 0; i < layout->nodes_count; i++)
    order[i] = &layout->nodes[i];
  qsort(order, layout->nodes_count, sizeof(ds_placed_node *), compare_heights);
  for (uint32_t i = 1; i < layout->nodes_count; i++)
    order[i]->rank = order[i - 1]->rank + (order[i]->center.y > order[i - 1]->center.y + 0.5);
  return DS_OK;
}

ds_code ds_graph_lay_out(const ds_graph *graph, ds_arena *arena, ds_buf *scratch,
                         ds_graph_layout *ret_layout, ds_error *err) {
  ds_graph_layout layout = {.graph = graph};
  TRY(nodes_list(&layout, arena, scratch, err));
  TRY(edges_list(&layout, arena, err));
  TRY(graph_place(&layout, false, arena, scratch, err));
  if (layout.edges_count > graph->edges_shown)
    TRY(graph_place(&layout, true, arena, scratch, err));
  TRY(mates_place(&layout, arena, err));
  layout_settle(&layout);
  TRY(ranks_count(&layout, arena, err));
  *ret_layout = layout;
  return DS_OK;
}
