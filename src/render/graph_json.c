// SPDX-License-Identifier: Apache-2.0
// The process map for a page that draws it: the result as JSON, and where everything stands, once
// for each of some numbers of touchpoints, so that a page can hide touchpoints and paths without
// asking again.
#include <math.h>

#include "base/json.h"
#include "render/graph_layout.h"
#include "render/json.h"
#include "render/render.h"

// More touchpoints are not drawn, fewer are not laid out on their own. Past the limits of memory a
// picture is refused.
enum {
  NODES_MAX = 60,
  NODES_LEAST = 4,
  ARENA_BYTES_MAX = 64 << 20,
  SCRATCH_BYTES_MAX = 16 << 20,
};

// A tenth of a pixel is all that an eye can tell.
static void pixels(ds_json *json, double value) {
  const double tenths = round(value * 10);
  ds_json_double(json, tenths == 0 ? 0 : tenths / 10);
}

static void pixels_member(ds_json *json, const char *name, double value) {
  ds_json_key(json, name);
  pixels(json, value);
}

static void points_member(ds_json *json, const char *name, const ds_point *points,
                          uint32_t count) {
  ds_json_key(json, name);
  ds_json_begin_array(json);
  for (uint32_t i = 0; i < count; i++) {
    pixels(json, points[i].x);
    pixels(json, points[i].y);
  }
  ds_json_end_array(json);
}

// A touchpoint's name; null for a marker, which is told by the member's name.
static void end_member(ds_json *json, const char *name, const ds_graph *graph, uint32_t node) {
  ds_json_key(json, name);
  if (node < graph->nodes_count)
    ds_json_text(json, graph->nodes[node].name);
  else
    ds_json_null(json);
}

static void node_object(ds_json *json, const ds_graph *graph, const ds_placed_node *node) {
  ds_json_begin_object(json);
  json->pretty = false;
  if (node->node < graph->nodes_count) {
    end_member(json, "touchpoint", graph, node->node);
  } else {
    ds_json_key(json, "marker");
    ds_json_text(json, ds_str_of(node->node == graph->start ? "start" : "end"));
  }
  ds_json_key(json, "lines");
  ds_json_begin_array(json);
  for (uint32_t i = 0; i < node->lines_count; i++)
    ds_json_text(json, node->lines[i]);
  ds_json_end_array(json);
  ds_json_key(json, "rank");
  ds_json_u64(json, node->rank);
  pixels_member(json, "x", node->center.x);
  pixels_member(json, "y", node->center.y);
  pixels_member(json, "width", node->width);
  pixels_member(json, "height", node->height);
  ds_json_end_object(json);
  json->pretty = true;
}

static void edge_object(ds_json *json, const ds_graph *graph, const ds_placed_edge *placed) {
  const ds_graph_edge *edge = &graph->edges[placed->edge];
  ds_json_begin_object(json);
  json->pretty = false;
  end_member(json, "from", graph, edge->from);
  end_member(json, "to", graph, edge->to);
  ds_json_key(json, "kept");
  ds_json_bool(json, edge->kept);
  ds_json_key(json, "main");
  ds_json_bool(json, edge->shown);
  points_member(json, "label", &placed->label, 1);
  points_member(json, "path", placed->points, placed->points_count);
  ds_json_end_object(json);
  json->pretty = true;
}

static void layout_object(ds_json *json, const ds_graph_layout *layout) {
  ds_json_begin_object(json);
  ds_json_key(json, "touchpoints");
  ds_json_u64(json, layout->graph->nodes_shown);
  pixels_member(json, "width", layout->width);
  pixels_member(json, "height", layout->height);
  ds_json_key(json, "nodes");
  ds_json_begin_array(json);
  for (uint32_t i = 0; i < layout->nodes_count; i++)
    node_object(json, layout->graph, &layout->nodes[i]);
  ds_json_end_array(json);
  ds_json_key(json, "edges");
  ds_json_begin_array(json);
  for (uint32_t i = 0; i < layout->edges_count; i++)
    edge_object(json, layout->graph, &layout->edges[i]);
  ds_json_end_array(json);
  ds_json_key(json, "edges_left_out");
  ds_json_u64(json, layout->edges_left_out);
  ds_json_end_object(json);
}

// All touchpoints first, then three quarters of them each time.
static ds_code layouts_member(ds_json *json, ds_graph *graph, ds_error *err) {
  ds_arena arena;
  ds_buf scratch;
  ds_code code = DS_OK;
  uint32_t nodes = graph->nodes_count < NODES_MAX ? graph->nodes_count : NODES_MAX;
  ds_arena_init(&arena, ARENA_BYTES_MAX);
  ds_buf_init(&scratch, SCRATCH_BYTES_MAX);
  ds_json_key(json, "layouts");
  ds_json_begin_array(json);
  do {
    ds_graph_layout layout;
    ds_arena_reset(&arena);
    code = ds_graph_choose(graph, nodes, &arena, err);
    if (code == DS_OK)
      code = ds_graph_lay_out(graph, &arena, &scratch, &layout, err);
    if (code == DS_OK)
      layout_object(json, &layout);
    nodes = nodes * 3 / 4;
  } while (code == DS_OK && nodes >= NODES_LEAST);
  ds_json_end_array(json);
  ds_buf_done(&scratch);
  ds_arena_done(&arena);
  return code;
}

ds_code ds_render_layout(const ds_result *result, const ds_render_options *options, ds_buf *out,
                         ds_error *err) {
  (void)options;
  ds_arena arena;
  ds_graph graph;
  ds_arena_init(&arena, ARENA_BYTES_MAX);
  ds_code code = ds_graph_of(result, true, &arena, &graph, err);
  if (code == DS_OK) {
    ds_json json = ds_json_to(out, true);
    ds_json_begin_object(&json);
    ds_json_result(&json, result);
    code = layouts_member(&json, &graph, err);
    ds_json_end_object(&json);
    ds_buf_u8(out, '\n');
  }
  ds_arena_done(&arena);
  return code == DS_OK ? ds_buf_check(out, "JSON", err) : code;
}
