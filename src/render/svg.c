// SPDX-License-Identifier: Apache-2.0
// The process map as a picture: the graph is written in the DOT language (dot.c), Graphviz lays it
// out and draws it (graphviz.c), and here the heading, the legend and the tooltips (SVG titles) are
// put in.
#include "render/picture.h"

#include <stdlib.h>

#include "model/time.h"
#include "render/graphviz.h"
#include "render/render.h"

enum {
  ARENA_BYTES_MAX = 64 << 20,
  DOT_BYTES_MAX = 16 << 20,
  HEADING_POINTS = 96,        // above the graph; more by HIDDEN_POINTS when a part is hidden
  HIDDEN_POINTS = 18,
  HEADING_WIDTH_POINTS = 840, // the heading's longest line
  MARGIN_POINTS = 24,
  SWATCH_POINTS = 22,
  NODES_MAX = 50, // more would not be legible
};

// Appends XML text.
static void put_escaped(ds_buf *out, ds_str text) {
  for (uint32_t i = 0; i < text.size; i++) {
    switch (text.data[i]) {
    case '&':
      ds_buf_text(out, "&amp;");
      break;
    case '<':
      ds_buf_text(out, "&lt;");
      break;
    case '>':
      ds_buf_text(out, "&gt;");
      break;
    case '"':
      ds_buf_text(out, "&quot;");
      break;
    default:
      ds_buf_u8(out, (uint8_t)text.data[i]);
    }
  }
}

static void put_text_begin(ds_buf *out, int x, int y, int size, const char *more) {
  ds_buf_printf(out, "<text x=\"%d\" y=\"%d\" font-size=\"%d\"%s>", x, y, size, more);
}

// One swatch and its words; returns where the next one begins. Text widths are estimated amply:
// fonts differ from machine to machine.
static int put_swatch(ds_buf *out, int x, int y, const char *color, const char *before,
                      const char *bound) {
  ds_buf_printf(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"9\" rx=\"2\" "
                "fill=\"%s\"/>\n", x, y - 9, SWATCH_POINTS, color);
  put_text_begin(out, x + SWATCH_POINTS + 6, y, 12, "");
  ds_buf_printf(out, "%s%s</text>\n", before, bound);
  return x + SWATCH_POINTS + 24 + 6 * (int)(strlen(before) + strlen(bound));
}

static void put_legend(const ds_picture *picture, ds_buf *out, int y) {
  const ds_time_classes *classes = &picture->classes;
  if (!classes->any)
    return;
  put_text_begin(out, MARGIN_POINTS, y, 12, "");
  ds_buf_text(out, "Colour of a line, its median time:</text>\n");
  int x = MARGIN_POINTS + 200;
  for (uint32_t i = 0; i <= classes->count; i++) {
    const char *color = ds_time_class_color(classes, i);
    if (i < classes->count)
      x = put_swatch(out, x, y, color, "up to ", ds_time_class_bound(classes, i));
    else
      x = put_swatch(out, x, y, color, "", classes->count == 0 ? "any" : "longer");
  }
}

static bool is_cut(const ds_graph *graph) {
  return graph->edges_shown < graph->edges_count || graph->nodes_shown < graph->nodes_count;
}

static void put_hidden(const ds_graph *graph, ds_buf *out, int y) {
  char text[32];
  if (!is_cut(graph))
    return;
  put_text_begin(out, MARGIN_POINTS, y, 12, " font-weight=\"bold\"");
  ds_buf_text(out, "Not all is drawn: ");
  if (graph->nodes_shown < graph->nodes_count)
    ds_buf_printf(out, "%u of %u touchpoints and ", graph->nodes_shown, graph->nodes_count);
  ds_buf_printf(out, "%u of %u lines, the most frequent, with ", graph->edges_shown,
                graph->edges_count);
  ds_buf_text(out, ds_human_share(text, (double)graph->moves_shown / (double)graph->moves));
  ds_buf_text(out, " of all moves; ");
  ds_put_count(out, graph->moves - graph->moves_shown);
  ds_buf_text(out, " moves are hidden.</text>\n");
}

// The case key as asked, or "" for whole customers.
static const char *case_key(const ds_result *result) {
  for (uint32_t i = 0; i < result->options_count; i++) {
    if (strcmp(result->options[i].name, "case") == 0)
      return result->options[i].text;
  }
  return "";
}

// Title, size, how to read it, legend; all above y = 0, where the graph begins.
static void put_heading(ds_picture *picture, ds_buf *out, int top) {
  char text[32];
  const char *key = case_key(picture->result);
  ds_buf_printf(out, "<g font-family=\"Helvetica,Arial,sans-serif\" fill=\"%s\">\n",
                DS_PICTURE_QUIET);
  put_text_begin(out, MARGIN_POINTS, top + 34, 22,
                 " font-weight=\"bold\" fill=\"" DS_PICTURE_TEXT "\"");
  ds_buf_text(out, "Process map</text>\n");
  put_text_begin(out, MARGIN_POINTS, top + 54, 13, "");
  ds_put_count(out, picture->graph.events);
  ds_buf_text(out, " events in ");
  ds_put_count(out, picture->graph.cases);
  ds_buf_text(out, " cases");
  if (key[0] != '\0') {
    ds_buf_text(out, " (");
    put_escaped(out, ds_picture_name(picture, ds_str_of(key), DS_PICTURE_NAME_COLUMNS));
    ds_buf_text(out, ")");
  }
  ds_time_print(text, picture->result->as_of_ms);
  ds_buf_printf(out, ", as of %.10s</text>\n", text);
  put_text_begin(out, MARGIN_POINTS, top + 74, 12, "");
  ds_buf_text(out, "Box: a touchpoint, darker = more often. Line: what came next, thicker = more "
                   "often; on it, how often and the median time.</text>\n");
  put_legend(picture, out, top + 94);
  put_hidden(&picture->graph, out, top + 94 + HIDDEN_POINTS);
  ds_buf_text(out, "</g>\n");
}

static void put_node_text(ds_picture *picture, ds_buf *out, uint32_t node) {
  if (node == picture->graph.start)
    ds_buf_text(out, "start");
  else if (node == picture->graph.end)
    ds_buf_text(out, "end");
  else
    put_escaped(out, ds_picture_name(picture, picture->graph.nodes[node].name, 256));
}

static void put_node_title(ds_picture *picture, ds_buf *out, uint32_t i) {
  put_node_text(picture, out, i);
  if (i >= picture->graph.nodes_count)
    return;
  const ds_graph_node *node = &picture->graph.nodes[i];
  ds_buf_text(out, ": ");
  ds_put_count(out, node->occurrences);
  ds_buf_text(out, " times in ");
  ds_put_count(out, node->cases);
  ds_buf_text(out, " cases; the first event of ");
  ds_put_count(out, node->starts);
  ds_buf_text(out, ", the last of ");
  ds_put_count(out, node->ends);
}

static const ds_graph_edge *edge_find(const ds_graph *graph, uint32_t from, uint32_t to) {
  for (uint32_t i = 0; i < graph->edges_shown; i++) {
    const ds_graph_edge *edge = &graph->edges[graph->shown[i]];
    if (edge->from == from && edge->to == to)
      return edge;
  }
  return NULL;
}

static void put_edge_title(ds_picture *picture, ds_buf *out, uint32_t from, uint32_t to) {
  const ds_graph_edge *edge = edge_find(&picture->graph, from, to);
  put_node_text(picture, out, from);
  ds_buf_text(out, " → ");
  put_node_text(picture, out, to);
  if (edge == NULL)
    return;
  ds_buf_text(out, ": ");
  ds_put_count(out, edge->count);
  ds_buf_text(out, " times in ");
  ds_put_count(out, edge->cases);
  ds_buf_text(out, " cases");
  if (edge->median_ms >= 0) {
    ds_buf_text(out, "; median ");
    ds_put_duration(out, edge->median_ms);
  }
  if (edge->p90_ms >= 0) {
    ds_buf_text(out, ", 90 % within ");
    ds_put_duration(out, edge->p90_ms);
  }
}

// Reads one of our ids; false when it is none.
static bool take_id(const ds_graph *graph, ds_str *text, uint32_t *ret_node) {
  if (text->size == 0)
    return false;
  const char kind = text->data[0];
  uint32_t at = 1;
  uint32_t node = kind == 's' ? graph->start : graph->end;
  if (kind == 'n') {
    for (node = 0; at < text->size && text->data[at] >= '0' && text->data[at] <= '9'; at++)
      node = node * 10 + (uint32_t)(text->data[at] - '0');
  }
  *text = (ds_str){text->data + at, text->size - at};
  *ret_node = node;
  return kind == 's' || kind == 'e' || (kind == 'n' && node < graph->nodes_count);
}

// Our words in place of Graphviz's title of ids ("n0", "n0&#45;&gt;n1").
static void put_title(ds_picture *picture, ds_buf *out, ds_str title) {
  static const char ARROW[] = "&#45;&gt;";
  const uint32_t arrow = sizeof ARROW - 1;
  uint32_t from;
  uint32_t to;
  if (!take_id(&picture->graph, &title, &from)) {
    ds_buf_text(out, "Process map");
  } else if (title.size == 0) {
    put_node_title(picture, out, from);
  } else if (title.size > arrow && memcmp(title.data, ARROW, arrow) == 0) {
    ds_str rest = {title.data + arrow, title.size - arrow};
    if (take_id(&picture->graph, &rest, &to))
      put_edge_title(picture, out, from, to);
  }
}

// Copies a stretch of SVG with one box at most: its name is bold, and its second text, the count,
// is not.
static void put_stretch(ds_buf *out, const char *from, const char *to) {
  static const char BOLD[] = " font-weight=\"bold\"";
  const char *text = strstr(from, "<text");
  const char *second = text == NULL || text >= to ? NULL : strstr(text + 1, "<text");
  const char *bold = second == NULL || second >= to ? NULL : strstr(second, BOLD);
  if (bold == NULL || bold >= to) {
    ds_buf_append(out, from, (size_t)(to - from));
    return;
  }
  ds_buf_append(out, from, (size_t)(bold - from));
  bold += sizeof BOLD - 1;
  ds_buf_append(out, bold, (size_t)(to - bold));
}

// The root element, with room for the heading above. Graphviz writes width and height in whole
// points; returns what follows the element, or NULL.
static const char *put_root(ds_picture *picture, const char *svg, ds_buf *out) {
  const char *root = strstr(svg, "<svg width=\"");
  const char *end = root == NULL ? NULL : strchr(root, '>');
  const char *height = end == NULL ? NULL : strstr(root, "height=\"");
  if (height == NULL || height > end)
    return NULL;
  const int graph_width = (int)strtol(root + 12, NULL, 10);
  const int graph_height = (int)strtol(height + 8, NULL, 10);
  const int above = HEADING_POINTS + (is_cut(&picture->graph) ? HIDDEN_POINTS : 0);
  const int width = graph_width > HEADING_WIDTH_POINTS ? graph_width : HEADING_WIDTH_POINTS;
  const int left = (graph_width - width) / 2;
  ds_buf_printf(out,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                "<svg width=\"%dpt\" height=\"%dpt\" viewBox=\"0 %d %d %d\" role=\"img\" "
                "aria-label=\"Process map\" xmlns=\"http://www.w3.org/2000/svg\">\n"
                "<rect x=\"0\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n",
                width, graph_height + above, -above, width, graph_height + above, -above, width,
                graph_height + above);
  put_heading(picture, out, -above);
  ds_buf_printf(out, "<g transform=\"translate(%d 0)\">", -left);
  return end + 1;
}

ds_code ds_picture_svg(ds_picture *picture, const char *svg, ds_buf *out, ds_error *err) {
  static const char OPEN[] = "<title>";
  const char *at = put_root(picture, svg, out);
  const char *last = at == NULL ? NULL : strstr(at, "</svg>");
  if (last == NULL)
    return ds_fail(err, DS_LIBRARY, "Graphviz gave no SVG");
  for (;;) {
    const char *title = strstr(at, OPEN);
    const char *end = title == NULL ? NULL : strstr(title, "</title>");
    if (end == NULL)
      break;
    title += sizeof OPEN - 1;
    put_stretch(out, at, title);
    put_title(picture, out, (ds_str){title, (uint32_t)(end - title)});
    at = end;
  }
  put_stretch(out, at, last);
  ds_buf_text(out, "</g>\n</svg>\n");
  return ds_buf_check(out, "the picture", err);
}

static ds_code picture_render(ds_picture *picture, ds_buf *dot, ds_buf *out, ds_error *err) {
  ds_picture_scale(picture);
  ds_picture_dot(picture, dot);
  TRY(ds_buf_check(dot, "the picture", err));
  ds_buf svg;
  ds_buf_init(&svg, out->size_max);
  ds_code code = ds_graphviz_draw(ds_graphviz_names, ds_buf_cstr(dot), "dot", "svg", &svg, err);
  if (code == DS_OK)
    code = ds_picture_svg(picture, ds_buf_cstr(&svg), out, err);
  ds_buf_done(&svg);
  return code;
}

ds_code ds_render_svg(const ds_result *result, const ds_render_options *options, ds_buf *out,
                      ds_error *err) {
  (void)options;
  ds_arena arena;
  ds_buf dot;
  ds_picture picture = {.result = result};
  ds_arena_init(&arena, ARENA_BYTES_MAX);
  ds_buf_init(&dot, DOT_BYTES_MAX);
  ds_buf_init(&picture.scratch, DOT_BYTES_MAX);
  ds_code code = ds_graph_of(result, false, &arena, &picture.graph, err);
  if (code == DS_OK)
    code = ds_graph_choose(&picture.graph, NODES_MAX, &arena, err);
  if (code == DS_OK)
    code = picture_render(&picture, &dot, out, err);
  if (code == DS_OK)
    code = ds_buf_check(&picture.scratch, "the picture", err);
  ds_buf_done(&picture.scratch);
  ds_buf_done(&dot);
  ds_arena_done(&arena);
  return code;
}
