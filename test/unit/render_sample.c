// SPDX-License-Identifier: Apache-2.0
#include "unit/render_sample.h"

static const ds_column node_columns[] = {
    {"touchpoint", DS_CELL_TEXT, "", "What happened", false},
    {"occurrences", DS_CELL_COUNT, "events", "How often", false},
    {"cases", DS_CELL_COUNT, "cases", "In how many cases", false},
    {"starts", DS_CELL_COUNT, "cases", "First event of", false},
    {"ends", DS_CELL_COUNT, "cases", "Last event of", false},
};

static const ds_column edge_columns[] = {
    {"from", DS_CELL_TEXT, "", "The event before", false},
    {"to", DS_CELL_TEXT, "", "The event after", false},
    {"occurrences", DS_CELL_COUNT, "events", "How often", false},
    {"cases", DS_CELL_COUNT, "cases", "In how many cases", false},
    {"mean_ms", DS_CELL_DURATION, "ms", "Mean time between", true},
    {"median_ms", DS_CELL_DURATION, "ms", "Median time between", false},
    {"p90_ms", DS_CELL_DURATION, "ms", "90 % are within", false},
    {"min_ms", DS_CELL_DURATION, "ms", "Shortest", true},
    {"max_ms", DS_CELL_DURATION, "ms", "Longest", true},
    {"total_ms", DS_CELL_DURATION, "ms", "All together", true},
};

void sample_init(sample *made) {
  ds_arena_init(&made->arena, 64u << 20);
  ds_buf_init(&made->out, 64u << 20);
  ds_result *result = &made->result;
  ds_result_init(result, &made->arena, "process");
  result->as_of_ms = 1539700000000;
  result->definition = "Every pair of adjacent events of a case is a step.";
  made->nodes = ds_result_table(result, "nodes", "Touchpoints", node_columns, 5);
  made->edges = ds_result_table(result, "edges", "What comes after what", edge_columns, 10);
}

void sample_done(sample *made) {
  ds_buf_done(&made->out);
  ds_arena_done(&made->arena);
}

void sample_node(sample *made, const char *name, int64_t count, int64_t starts, int64_t ends) {
  ds_cell *row = ds_table_row(&made->result, made->nodes);
  row[0] = ds_cell_text(&made->result, ds_str_of(name));
  row[1] = ds_cell_i64(count);
  row[2] = ds_cell_i64(count);
  row[3] = ds_cell_i64(starts);
  row[4] = ds_cell_i64(ends);
}

void sample_edge(sample *made, const char *from, const char *to, int64_t count, double median_ms) {
  ds_cell *row = ds_table_row(&made->result, made->edges);
  row[0] = ds_cell_text(&made->result, ds_str_of(from));
  row[1] = ds_cell_text(&made->result, ds_str_of(to));
  row[2] = ds_cell_i64(count);
  row[3] = ds_cell_i64(count);
  for (uint32_t i = 4; i < 10 && median_ms >= 0; i++)
    row[i] = ds_cell_double(median_ms);
}

void sample_small(sample *made) {
  sample_init(made);
  sample_node(made, "order_placed", 99441, 99441, 5);
  sample_node(made, "delivered", 96476, 0, 1200);
  sample_node(made, "review_submitted", 99224, 0, 98236);
  sample_edge(made, "order_placed", "delivered", 96000, 777600000);
  sample_edge(made, "delivered", "review_submitted", 93200, 172800000.5);
  sample_edge(made, "review_submitted", "delivered", 12, -1);
  ds_result_option(&made->result, "case", "order_id");
  ds_result_note(&made->result, false, "12 events have no order_id.");
  ds_result_note(&made->result, true, "order_id spans customers.");
}

const char *sample_text(sample *made, const char *format, const ds_render_options *options,
                        ds_code *ret_code) {
  ds_error err = {0};
  ds_buf_reset(&made->out);
  const ds_format *found = ds_format_of_name(ds_str_of(format));
  *ret_code = found->render(&made->result, options, &made->out, &err);
  return *ret_code == DS_OK ? ds_buf_cstr(&made->out) : "";
}
