// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "render/cell.h"
#include "render/picture.h"

// Colours follow from the most frequent of the lines, so many.
enum { STEPS = DS_PICTURE_STEPS, MEDIANS_MAX = DS_GRAPH_EDGES_MAX };

static const char *const time_colors[STEPS] = {"#3f97d3", "#7f8fa6", "#c08a3e", "#b8560f",
                                               "#6e2a05"};
static const char *const count_fills[STEPS] = {"#f1f6fb", "#d6e5f3", "#a9cbe6", "#2f74ad",
                                               "#164a7a"};
static const char *const count_texts[STEPS] = {DS_PICTURE_TEXT, DS_PICTURE_TEXT, DS_PICTURE_TEXT,
                                               "#ffffff", "#ffffff"};

// Bounds that people think in.
static const struct {
  double ms;
  const char *text;
} bounds[] = {
    {1e2, "0.1 s"},       {1e3, "1 s"},           {1e4, "10 s"},        {6e4, "1 min"},
    {3e5, "5 min"},       {9e5, "15 min"},        {3.6e6, "1 hour"},    {1.44e7, "4 hours"},
    {4.32e7, "12 hours"}, {8.64e7, "1 day"},      {1.728e8, "2 days"},  {2.592e8, "3 days"},
    {4.32e8, "5 days"},   {6.048e8, "1 week"},    {1.2096e9, "2 weeks"}, {2.592e9, "30 days"},
    {5.184e9, "60 days"}, {1.0368e10, "120 days"}, {3.1536e10, "1 year"},
};
enum { BOUNDS = sizeof bounds / sizeof *bounds };

static int compare_doubles(const void *a, const void *b) {
  const double x = *(const double *)a;
  const double y = *(const double *)b;
  return (x > y) - (x < y);
}

static uint32_t nearest_bound(double ms) {
  uint32_t best = 0;
  for (uint32_t i = 1; i < BOUNDS; i++) {
    if (fabs(log(bounds[i].ms / (ms + 1))) < fabs(log(bounds[best].ms / (ms + 1))))
      best = i;
  }
  return best;
}

// Bounds near the fifths of the shown medians, so that all colours are used.
static ds_time_classes classes_of(const ds_graph *graph) {
  double medians[MEDIANS_MAX];
  uint32_t count = 0;
  ds_time_classes classes = {.any = false};
  for (uint32_t i = 0; i < graph->edges_shown && count < MEDIANS_MAX; i++) {
    const ds_graph_edge *edge = &graph->edges[graph->shown[i]];
    if (edge->median_ms >= 0)
      medians[count++] = edge->median_ms;
  }
  classes.any = count != 0;
  qsort(medians, count, sizeof *medians, compare_doubles);
  for (uint32_t i = 1; i < STEPS && count != 0; i++) {
    const uint32_t bound = nearest_bound(medians[(count - 1) * i / STEPS]);
    const bool new = classes.count == 0 || bound > classes.upper[classes.count - 1];
    // A bound above all medians would make a class that nothing is in.
    if (new && bounds[bound].ms < medians[count - 1])
      classes.upper[classes.count++] = bound;
  }
  return classes;
}

// Fewer classes than colours are spread over the whole range.
const char *ds_time_class_color(const ds_time_classes *classes, uint32_t i) {
  return time_colors[classes->count == 0 ? 0 : i * (STEPS - 1) / classes->count];
}

const char *ds_median_color(const ds_time_classes *classes, double median_ms) {
  uint32_t i = 0;
  if (median_ms < 0)
    return DS_PICTURE_MARKER;
  while (i < classes->count && median_ms > bounds[classes->upper[i]].ms)
    i++;
  return ds_time_class_color(classes, i);
}

const char *ds_time_class_bound(const ds_time_classes *classes, uint32_t i) {
  assert(i < classes->count);
  return bounds[classes->upper[i]].text;
}

void ds_picture_scale(ds_picture *picture) {
  const ds_graph *graph = &picture->graph;
  picture->classes = classes_of(graph);
  picture->edge_count_max = 1;
  picture->node_count_max = 1;
  for (uint32_t i = 0; i < graph->edges_shown; i++) {
    const int64_t count = graph->edges[graph->shown[i]].count;
    picture->edge_count_max = count > picture->edge_count_max ? count : picture->edge_count_max;
  }
  for (uint32_t i = 0; i < graph->nodes_count; i++) {
    const int64_t count = graph->nodes[i].occurrences;
    picture->node_count_max = count > picture->node_count_max ? count : picture->node_count_max;
  }
}

ds_str ds_picture_name(ds_picture *picture, ds_str name, uint32_t columns_max) {
  ds_buf *scratch = &picture->scratch;
  ds_scratch_reset(scratch);
  ds_text_clean(name.size == 0 ? ds_str_of("(no name)") : name, scratch);
  ds_str text = {(const char *)scratch->data, (uint32_t)scratch->size};
  if (ds_str_columns(text) > columns_max && !scratch->no_memory) {
    ds_buf whole = *scratch;
    ds_buf_init(scratch, whole.size_max);
    ds_text_cut(text, columns_max, scratch);
    ds_buf_done(&whole);
  }
  return (ds_str){(const char *)scratch->data, (uint32_t)scratch->size};
}

void ds_put_count(ds_buf *out, int64_t count) {
  char text[32];
  ds_buf_text(out, ds_human_count(text, (uint64_t)count));
}

void ds_put_duration(ds_buf *out, double ms) {
  char text[32];
  ds_buf_text(out, ds_human_duration(text, ms < 9e15 ? llround(ms) : INT64_MAX));
}

// The inside of a quoted label: a backslash begins an escape there, '&' an entity.
static void put_label(ds_buf *out, ds_str text) {
  for (uint32_t i = 0; i < text.size; i++) {
    const char c = text.data[i];
    if (c == '&')
      ds_buf_text(out, "&amp;");
    else if (c == '"' || c == '\\')
      ds_buf_printf(out, "\\%c", c);
    else
      ds_buf_u8(out, (uint8_t)c);
  }
}

static void put_id(const ds_graph *graph, ds_buf *out, uint32_t node) {
  if (node == graph->start)
    ds_buf_u8(out, 's');
  else if (node == graph->end)
    ds_buf_u8(out, 'e');
  else
    ds_buf_printf(out, "n%u", node);
}

static void put_node(ds_picture *picture, ds_buf *out, uint32_t i) {
  static const double upper[STEPS - 1] = {0.03, 0.15, 0.4, 0.75};
  const ds_graph_node *node = &picture->graph.nodes[i];
  const double share = (double)node->occurrences / (double)picture->node_count_max;
  uint32_t step = 0;
  while (step < STEPS - 1 && share > upper[step])
    step++;
  put_id(&picture->graph, out, i);
  ds_buf_printf(out, " [fillcolor=\"%s\" fontcolor=\"%s\" label=\"", count_fills[step],
                count_texts[step]);
  put_label(out, ds_picture_name(picture, node->name, DS_PICTURE_NAME_COLUMNS));
  ds_buf_text(out, "\\n");
  ds_put_count(out, node->occurrences);
  ds_buf_text(out, "\"];\n");
}

static void put_marker(const ds_graph *graph, ds_buf *out, uint32_t node, const char *label,
                       const char *more) {
  put_id(graph, out, node);
  ds_buf_printf(out, " [shape=oval style=filled fillcolor=\"#ffffff\" color=\"%s\" "
                "fontcolor=\"%s\" penwidth=1.6 margin=\"0.08,0.02\" label=\"%s\" %s];\n",
                DS_PICTURE_MARKER, DS_PICTURE_TEXT, label, more);
}

// Count and time, each after spaces that keep it off the line; the first space of a text does not
// show. No label in HTML: Graphviz 2 keeps some 300 bytes of each for good, and a server is to run
// for months.
static void put_figures(ds_buf *out, const ds_graph_edge *edge, double width) {
  const char *gap = width < 4 ? "  " : "   ";
  ds_buf_printf(out, "\"%s", gap);
  ds_put_count(out, edge->count);
  ds_buf_text(out, "\\l");
  if (edge->median_ms >= 0) {
    ds_buf_text(out, gap);
    ds_put_duration(out, edge->median_ms);
    ds_buf_text(out, "\\l");
  }
  ds_buf_u8(out, '"');
}

// The square root keeps the rare lines visible beside the frequent ones.
static void put_edge(const ds_picture *picture, ds_buf *out, const ds_graph_edge *edge) {
  const double share = (double)edge->count / (double)picture->edge_count_max;
  const double width = 1 + (edge->is_marker ? 2 : 7) * sqrt(share);
  put_id(&picture->graph, out, edge->from);
  ds_buf_text(out, " -> ");
  put_id(&picture->graph, out, edge->to);
  ds_buf_printf(out, " [penwidth=%.2f arrowsize=%.2f weight=%d color=\"%s\"%s%s label=",
                width,
                0.55 + 0.06 * width, 1 + (int)(share * 30),
                ds_median_color(&picture->classes, edge->median_ms),
                edge->is_marker ? " style=dashed" : "", edge->is_back ? " constraint=false" : "");
  put_figures(out, edge, width);
  ds_buf_text(out, "];\n");
}

void ds_picture_dot(ds_picture *picture, ds_buf *out) {
  const ds_graph *graph = &picture->graph;
  ds_buf_printf(out,
                "digraph G {\ncharset=\"UTF-8\"; rankdir=TB; bgcolor=\"#ffffff\"; pad=0.3; "
                "nodesep=0.45; ranksep=0.5;\n"
                "node [shape=box style=\"filled,rounded\" color=\"#8c959f\" penwidth=1 "
                "fontname=\"Helvetica-Bold\" fontsize=14 margin=\"0.28,0.09\"];\n"
                "edge [fontname=\"Helvetica\" fontsize=12 fontcolor=\"%s\"];\n",
                DS_PICTURE_TEXT);
  put_marker(graph, out, graph->start, "start", "");
  for (uint32_t i = 0; i < graph->nodes_count; i++) {
    if (graph->nodes[i].shown)
      put_node(picture, out, i);
  }
  put_marker(graph, out, graph->end, "end", "peripheries=2");
  ds_buf_text(out, "{rank=source; s;}\n{rank=sink; e;}\n");
  // The layout breaks cycles in the order of the lines: frequent ones are to lead downwards.
  for (uint32_t i = 0; i < graph->edges_shown; i++)
    put_edge(picture, out, &graph->edges[graph->shown[i]]);
  ds_buf_text(out, "}\n");
}
