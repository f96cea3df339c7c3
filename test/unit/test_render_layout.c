// SPDX-License-Identifier: Apache-2.0
// The process map laid out as numbers: that it shows what the result says, that lines end at
// borders and boxes keep apart, that every touchpoint stays joined, and that it is the same each
// time, on any thread.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/task.h"
#include "render/graph_layout.h"
#include "unit/render_sample.h"

// Graphviz loses memory of each picture in its own code; see test_render_svg.c.
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
  return "leak:libgvc\nleak:libcgraph\nleak:libgvplugin\n";
}

enum { PIXELS = 2 }; // by which what Graphviz rounds may miss

typedef struct laid_out {
  ds_arena arena;
  ds_buf scratch;
  ds_graph graph;
  ds_graph_layout layout;
} laid_out;

static void lay_out(const ds_result *result, bool sums, uint32_t nodes, laid_out *out) {
  ds_error err = {0};
  ds_arena_init(&out->arena, 64 << 20);
  ds_buf_init(&out->scratch, 16 << 20);
  assert_int_equal(ds_graph_of(result, sums, &out->arena, &out->graph, &err), DS_OK);
  assert_int_equal(ds_graph_choose(&out->graph, nodes, &out->arena, &err), DS_OK);
  assert_int_equal(ds_graph_lay_out(&out->graph, &out->arena, &out->scratch, &out->layout, &err),
                   DS_OK);
}

static void laid_out_done(laid_out *out) {
  ds_buf_done(&out->scratch);
  ds_arena_done(&out->arena);
}

// A shop of `nodes` touchpoints, in which each is followed by `ways` others.
static void sample_mesh(sample *made, int nodes, int ways) {
  char name[2][48];
  sample_init(made);
  for (int i = 0; i < nodes; i++) {
    snprintf(name[0], sizeof name[0], "touchpoint_of_the_kind_%02d", i);
    sample_node(made, name[0], 100000 - 997 * i, i == 0 ? 10000 : i % 7, i * 3);
  }
  for (int i = 0; i < nodes; i++) {
    for (int k = 0; k < ways; k++) {
      snprintf(name[0], sizeof name[0], "touchpoint_of_the_kind_%02d", i);
      snprintf(name[1], sizeof name[1], "touchpoint_of_the_kind_%02d",
               k == 0 ? (i + 1) % nodes : (i * 5 + k * 11) % nodes);
      sample_edge(made, name[0], name[1], k == 0 ? 50000 - i : 1 + (i * 37 + k * 101) % 900, 1e3);
    }
  }
}

static const ds_placed_node *placed_of(const ds_graph_layout *layout, uint32_t node) {
  for (uint32_t i = 0; i < layout->nodes_count; i++)
    if (layout->nodes[i].node == node)
      return &layout->nodes[i];
  fail();
  return NULL;
}

static void check_border(const ds_placed_node *node, bool marker, ds_point point) {
  const double x = fabs(point.x - node->center.x) / (node->width / 2);
  const double y = fabs(point.y - node->center.y) / (node->height / 2);
  const double slack = 2 * PIXELS / fmin(node->width, node->height);
  const double at = marker ? sqrt(x * x + y * y) : fmax(x, y);
  assert_true(fabs(at - 1) <= slack);
}

static void check_inside(const ds_graph_layout *layout, ds_point point) {
  assert_true(point.x >= 0 && point.y >= 0 && point.x <= layout->width &&
              point.y <= layout->height);
}

static void check_paths(const ds_graph_layout *layout) {
  const ds_graph *graph = layout->graph;
  for (uint32_t i = 0; i < layout->edges_count; i++) {
    const ds_placed_edge *placed = &layout->edges[i];
    const ds_graph_edge *edge = &graph->edges[placed->edge];
    assert_int_equal(placed->points_count % 3, 1);
    check_border(placed_of(layout, edge->from), edge->from == graph->start, placed->points[0]);
    check_border(placed_of(layout, edge->to), edge->to == graph->end,
                 placed->points[placed->points_count - 1]);
    for (uint32_t p = 0; p < placed->points_count; p++)
      check_inside(layout, placed->points[p]);
    check_inside(layout, placed->label);
  }
}

static void check_boxes(const ds_graph_layout *layout) {
  for (uint32_t i = 0; i < layout->nodes_count; i++) {
    for (uint32_t j = 0; j < i; j++) {
      const ds_placed_node *a = &layout->nodes[i], *b = &layout->nodes[j];
      assert_true(fabs(a->center.x - b->center.x) >= (a->width + b->width) / 2 ||
                  fabs(a->center.y - b->center.y) >= (a->height + b->height) / 2);
      assert_true(fabs(a->center.y - b->center.y) < 1 ? a->rank == b->rank
                                                      : (a->center.y < b->center.y) ==
                                                            (a->rank < b->rank));
    }
  }
}

// The most frequent possible edge that leaves (or enters) a node, other than to itself.
static int64_t strongest(const ds_graph *graph, uint32_t node, bool leaves, bool kept) {
  int64_t most = 0;
  for (uint32_t i = 0; i < graph->edges_count; i++) {
    const ds_graph_edge *edge = &graph->edges[i];
    if ((leaves ? edge->from : edge->to) == node && edge->from != edge->to && edge->possible &&
        (edge->kept || !kept) && edge->count > most)
      most = edge->count;
  }
  return most;
}

static void check_kept(const ds_graph *graph) {
  for (uint32_t i = 0; i < graph->nodes_count; i++) {
    for (int leaves = 0; leaves < 2; leaves++)
      assert_int_equal(strongest(graph, i, leaves, true), strongest(graph, i, leaves, false));
  }
  for (uint32_t i = 0; i < graph->edges_count; i++)
    assert_true(!graph->edges[i].kept || graph->edges[i].shown);
}

static void test_what_the_result_says(void **state) {
  (void)state;
  for (int nodes = 1; nodes <= 33; nodes += 8) {
    sample made;
    laid_out out;
    sample_mesh(&made, nodes, 4);
    lay_out(&made.result, false, 60, &out);
    assert_int_equal(out.layout.nodes_count, nodes + 2);
    assert_int_equal(out.layout.edges_count, out.graph.edges_count);
    for (int i = 0; i < nodes; i++) {
      const ds_placed_node *node = placed_of(&out.layout, (uint32_t)i);
      char name[48], whole[256] = "";
      snprintf(name, sizeof name, "touchpoint_of_the_kind_%02d", i);
      for (uint32_t l = 0; l < node->lines_count; l++)
        strncat(whole, node->lines[l].data, node->lines[l].size);
      assert_string_equal(whole, name);
    }
    check_boxes(&out.layout);
    check_paths(&out.layout);
    check_kept(&out.graph);
    laid_out_done(&out);
    sample_done(&made);
  }
}

static void test_many(void **state) {
  (void)state;
  sample made;
  laid_out out;
  sample_mesh(&made, 70, 12);
  lay_out(&made.result, false, 60, &out);
  assert_int_equal(out.layout.nodes_count, 62);
  uint32_t besides = 0, possible = 0;
  for (uint32_t i = 0; i < out.graph.edges_count; i++)
    possible += out.graph.edges[i].possible;
  for (uint32_t i = 0; i < out.layout.edges_count; i++) {
    const ds_graph_edge *edge = &out.graph.edges[out.layout.edges[i].edge];
    besides += !edge->shown;
    assert_true(i == 0 || edge->count <= out.graph.edges[out.layout.edges[i - 1].edge].count);
  }
  assert_int_equal(besides, DS_BESIDES_MAX);
  assert_int_equal(out.layout.edges_left_out, possible - out.layout.edges_count);
  check_boxes(&out.layout);
  check_paths(&out.layout);
  check_kept(&out.graph);
  laid_out_done(&out);
  sample_done(&made);
}

static void test_names_break(void **state) {
  (void)state;
  static const struct {
    const char *name;
    const char *lines[DS_BOX_LINES_MAX];
  } cases[] = {
      {"delivered", {"delivered"}},
      {"confirmation_email_clicked", {"confirmation_", "email_clicked"}},
      {"Order Completed", {"Order Completed"}},
      {"", {"(no name)"}},
      {"averyveryverylongnamewithoutanybreak", {"averyveryv…tanybreak"}},
      {"a_b_c_d_e_f_g_h_i_j_k_l_m_n_o_p_q_r_s_t_u_v_w_x_y_z_a_b_c_d_e_f",
       {"a_b_c_d_e_f_g_h_", "i_j_k_l_m_n_o_p_", "q_r_s_t_u_…b_c_d_e_f"}},
      {"\x1b[0m\n", {"�[0m�"}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    sample made;
    laid_out out;
    sample_init(&made);
    sample_node(&made, cases[i].name, 1, 1, 1);
    lay_out(&made.result, false, 60, &out);
    const ds_placed_node *node = &out.layout.nodes[0];
    for (uint32_t l = 0; l < DS_BOX_LINES_MAX; l++) {
      const char *want = cases[i].lines[l];
      assert_int_equal(l < node->lines_count, want != NULL);
      if (want != NULL)
        assert_string_equal(node->lines[l].data, want);
    }
    laid_out_done(&out);
    sample_done(&made);
  }
}

// The groups of a breakdown are added up, and have one layout.
static void test_breakdown(void **state) {
  (void)state;
  static const ds_column by = {"carrier", DS_CELL_TEXT, "", "", false};
  sample made, whole;
  laid_out apart, together;
  sample_small(&whole);
  sample_init(&made);
  ds_column columns[2][11] = {{by}, {by}};
  memcpy(columns[0] + 1, made.nodes->columns, 5 * sizeof(ds_column));
  memcpy(columns[1] + 1, made.edges->columns, 10 * sizeof(ds_column));
  made.result.tables_count = 0;
  made.nodes = ds_result_table(&made.result, "nodes", "", columns[0], 6);
  made.edges = ds_result_table(&made.result, "edges", "", columns[1], 11);
  for (int64_t part = 1; part <= 2; part++) {
    for (uint32_t t = 0; t < 2; t++) {
      const ds_table *from = t == 0 ? whole.nodes : whole.edges;
      for (uint32_t r = 0; r < from->rows_count; r++) {
        ds_cell *row = ds_table_row(&made.result, t == 0 ? made.nodes : made.edges);
        row[0] = ds_cell_text(&made.result, ds_str_of(part == 1 ? "northpost" : "parcelgo"));
        for (uint32_t c = 0; c < from->columns_count; c++) {
          row[c + 1] = from->cells[r * from->columns_count + c];
          if (from->columns[c].type == DS_CELL_COUNT) // a third and the rest
            row[c + 1].i = part == 1 ? row[c + 1].i / 3 : row[c + 1].i - row[c + 1].i / 3;
        }
      }
    }
  }
  lay_out(&whole.result, false, 60, &together);
  lay_out(&made.result, true, 60, &apart);
  assert_int_equal(apart.graph.nodes_count, 3);
  assert_int_equal(apart.graph.events, together.graph.events);
  assert_int_equal(apart.graph.edges_count, together.graph.edges_count);
  for (uint32_t i = 0; i < apart.graph.edges_count; i++)
    assert_int_equal(apart.graph.edges[i].count, together.graph.edges[i].count);
  for (uint32_t i = 0; i < apart.layout.nodes_count; i++)
    assert_true(apart.layout.nodes[i].center.y == together.layout.nodes[i].center.y);
  ds_code code;
  (void)sample_text(&made, "svg", &(ds_render_options){0}, &code);
  assert_int_equal(code, DS_UNSUPPORTED);
  (void)sample_text(&made, "layout", &(ds_render_options){0}, &code);
  assert_int_equal(code, DS_OK);
  laid_out_done(&apart);
  laid_out_done(&together);
  sample_done(&made);
  sample_done(&whole);
}

typedef struct turn {
  sample made;
  bool svg;
  const char *text;
  ds_code code;
} turn;

static void turn_run(void *context) {
  turn *own = (turn *)context;
  for (int i = 0; i < 4; i++)
    own->text = sample_text(&own->made, own->svg && i % 2 == 0 ? "svg" : "layout",
                            &(ds_render_options){0}, &own->code);
}

static void test_threads(void **state) {
  (void)state;
  turn turns[3];
  ds_task *task[3];
  ds_error err;
  for (int i = 0; i < 3; i++) {
    sample_mesh(&turns[i].made, 9, 3);
    turns[i].svg = i == 1;
    assert_int_equal(ds_task_start(turn_run, &turns[i], false, &task[i], &err), DS_OK);
  }
  for (int i = 0; i < 3; i++) {
    ds_task_end(task[i]);
    assert_int_equal(turns[i].code, DS_OK);
    assert_string_equal(turns[i].text, turns[0].text);
  }
  for (int i = 0; i < 3; i++)
    sample_done(&turns[i].made);
}

static void test_refusals(void **state) {
  (void)state;
  sample made;
  ds_code code;
  sample_init(&made);
  (void)sample_text(&made, "layout", &(ds_render_options){0}, &code);
  assert_int_equal(code, DS_OK);
  made.result.tables_count = 1;
  (void)sample_text(&made, "layout", &(ds_render_options){0}, &code);
  assert_int_equal(code, DS_UNSUPPORTED);
  assert_int_equal(made.out.size, 0);
  sample_done(&made);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_the_result_says), cmocka_unit_test(test_many),
      cmocka_unit_test(test_names_break), cmocka_unit_test(test_breakdown),
      cmocka_unit_test(test_threads), cmocka_unit_test(test_refusals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
