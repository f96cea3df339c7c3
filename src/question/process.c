// SPDX-License-Identifier: Apache-2.0
// The process map (directly-follows graph): how often each touchpoint follows another within a
// case, and how long that takes. One full pass over the events; see process_kernel.h and
// process_quantiles.h.
#include <stdlib.h>

#include "question/case_filters.h"
#include "question/common.h"
#include "question/hours.h"
#include "question/nodes.h"
#include "question/process_list.h"
#include "question/process_quantiles.h"
#include "question/process_rework.h"
#include "question/spans.h"
#include "question/variants_filter.h"

// Below this many events a sample costs more than it saves.
#define SAMPLE_EVENTS_MIN (1u << 20)

const ds_option ds_process_options[] = {
    {"columns", DS_OPTION_CHOICE, "WHICH", "all", "basic|cases|all",
     "basic: counts, mean, min, max; cases: and cases; all: and exact median and p90"},
    {"min-edge", DS_OPTION_COUNT, "N", "1", NULL, "hide edges with fewer occurrences"},
    {"coverage", DS_OPTION_SHARE, "SHARE", "1", NULL,
     "only the most frequent variants that together cover this share of the cases"},
    {"rework", DS_OPTION_FLAG, "", "", NULL, "and what comes again in a case, at once or later"},
    DS_NODES_OPTION,
    DS_HOURS_OPTIONS,
    DS_VARIANT_FILTER,
    DS_CASE_FILTERS,
};
const uint32_t ds_process_options_count = sizeof ds_process_options / sizeof *ds_process_options;

#define DEFINITION                                                                             \
  "A case is %s%s%s, its events ordered by time, then arrival. An edge joins two touchpoints " \
  "of which the second follows the first with no other event of the case between. "            \
  "Occurrences count every such pair, cases the cases with at least one; times run from the "  \
  "first event to the second. Starts and ends count cases that begin or end with a "           \
  "touchpoint. Medians and 90th percentiles are exact (linear between neighbours, type 7)."

// Behind it, where --rework asks.
#define REWORK                                                                                  \
  " Of several events of a touchpoint in a case all but the first are repeats: self-loops right " \
  "behind the one before, else loops; cases with a repeat are those with rework."

static const ds_column node_columns[] = {
    {"touchpoint", DS_CELL_TEXT, "", "kind of event", false},
    {"occurrences", DS_CELL_COUNT, "events", "events of this touchpoint", false},
    {"cases", DS_CELL_COUNT, "cases", "cases with at least one", false},
    {"starts", DS_CELL_COUNT, "cases", "cases that begin with it", false},
    {"ends", DS_CELL_COUNT, "cases", "cases that end with it", false},
};

static const ds_column edge_columns[] = {
    {"from", DS_CELL_TEXT, "", "touchpoint of the first event", false},
    {"to", DS_CELL_TEXT, "", "touchpoint of the next event of the case", false},
    {"occurrences", DS_CELL_COUNT, "pairs", "times the second follows the first", false},
    {"cases", DS_CELL_COUNT, "cases", "cases in which it does", false},
    {"mean_ms", DS_CELL_DURATION, "ms", "mean time between", true},
    {"median_ms", DS_CELL_DURATION, "ms", "median time between", false},
    {"p90_ms", DS_CELL_DURATION, "ms", "90th percentile of the time between", false},
    {"min_ms", DS_CELL_DURATION, "ms", "least time between", true},
    {"max_ms", DS_CELL_DURATION, "ms", "greatest time between", true},
    {"total_ms", DS_CELL_DURATION, "ms", "sum of the times between", true},
};

enum { NODE_COLUMNS = 5, EDGE_COLUMNS = 10, COLUMNS_MAX = 12 };

// The question at work.
typedef struct process_work {
  const ds_request *request;
  ds_plan plan;
  process_context context;
  ds_breakdown by;
  bool grouped;
  uint64_t min_edge;
  ds_nodes nodes;
  variants_filter filter;
  ds_arena arena; // of scans; given back before the answer is shown
  process_state *state;
  process_quantile *quantiles;
  process_effort effort;
} process_work;

static ds_code prepare(process_work *work, ds_result *result, ds_error *err) {
  const ds_request *request = work->request;
  double coverage = 1;
  TRY(ds_journey_plan(request, &work->plan, err));
  TRY(ds_hours_add(request, &work->plan, err));
  TRY(ds_option_share(&request->options, "coverage", &coverage, err));
  TRY(ds_nodes_make(request, &work->nodes, &work->plan, err));
  TRY(ds_variants_filter_add(request, coverage, &work->nodes, &work->filter, &work->plan, result,
                             err));
  TRY(ds_option_count(&request->options, "min-edge", 1, &work->min_edge, err));
  const char *columns = ds_option_get(&request->options, "columns");
  work->context.level = strcmp(columns, "basic") == 0   ? PROCESS_BASIC
                        : strcmp(columns, "cases") == 0 ? PROCESS_CASES
                                                        : PROCESS_ALL;
  work->plan.columns.want |= DS_WANT_TOUCHPOINT | DS_WANT_GAP;
  const char *by = ds_option_get(&request->options, "by");
  uint32_t groups = 1;
  if (by != NULL) {
    uint64_t top = 0;
    TRY(ds_option_count(&request->options, "top", 1, &top, err));
    work->grouped = true;
    TRY(ds_breakdown_make(request->snapshot, &work->plan, by,
                          top < 10000 ? (uint32_t)top : 10000, request->arena, &work->by, err));
    groups = work->by.groups;
    work->context.by = &work->by;
    work->plan.columns.want |= DS_WANT_TOUCHPOINT | DS_WANT_GAP;
  }
  const uint32_t touchpoints = work->nodes.names->count;
  work->context.shape = ds_process_shape_of(touchpoints == 0 ? 1 : touchpoints, groups);
  return DS_OK;
}

// Windows for the quantiles of a large store.
static ds_code sample(process_work *work, ds_error *err) {
  const ds_request *request = work->request;
  const uint64_t events = request->snapshot->events;
  if (work->context.level != PROCESS_ALL || events < SAMPLE_EVENTS_MIN)
    return DS_OK;
  process_context context = work->context;
  context.kept_bytes_max = request->memory_bytes / 4 / (work->plan.threads + 1u);
  void *memory = NULL;
  TRY(ds_scan_sample(request->snapshot, &work->plan, ds_sample_stride(events),
                     &ds_process_kernel, &context, &work->arena, &memory, err));
  process_state *state = memory;
  work->effort.sampled = state->events;
  process_window *windows = NULL;
  const ds_code code = ds_process_windows_make(state, &work->arena, &windows,
                                               &work->context.windows_count, err);
  work->context.windows = windows;
  ds_process_kernel.done(state);
  return code;
}

static ds_code count(process_work *work, ds_result *result, ds_error *err) {
  const ds_request *request = work->request;
  TRY(sample(work, err));
  work->context.kept_bytes_max = request->memory_bytes / 4 / (work->plan.threads + 1u);
  void *memory = NULL;
  TRY(ds_spans_scan(request, &work->plan, &ds_process_kernel, &work->context, &work->arena,
                    result, &memory, err));
  work->state = memory;
  ds_process_flush(work->state);
  if (work->context.level < PROCESS_ALL)
    return DS_OK;
  return ds_process_quantiles_find(request->snapshot, &work->plan, work->state,
                                   request->memory_bytes / 4, &work->arena, &work->quantiles,
                                   &work->effort, err);
}

// An edge or node on its way into a table. Nodes use `to`, starts and ends.
typedef struct process_row {
  uint32_t group;
  uint32_t from;
  uint32_t to;
  uint32_t edge; // in the state
  uint64_t occurrences;
  uint64_t starts;
  const ds_names *names;
} process_row;

// By group, the more frequent first, then by names.
static int compare_rows(const void *a, const void *b) {
  const process_row *x = a, *y = b;
  if (x->group != y->group)
    return x->group < y->group ? -1 : 1;
  if (x->occurrences != y->occurrences)
    return x->occurrences > y->occurrences ? -1 : 1;
  const int from = x->from == y->from ? 0 : ds_str_compare(x->names->text[x->from],
                                                          x->names->text[y->from]);
  return from != 0 ? from : ds_str_compare(x->names->text[x->to], x->names->text[y->to]);
}

// The edges and nodes that occur.
typedef struct process_rows {
  process_row *edges;
  process_row *nodes;
  uint32_t edges_count;
  uint32_t nodes_count;
} process_rows;

// All edges as rows, and the nodes' occurrences and starts that follow from them.
static ds_code rows_make(const process_work *work, process_rows *ret, ds_error *err) {
  const process_state *state = work->state;
  const uint32_t touchpoints = work->context.shape.touchpoints;
  const uint32_t nodes_count = work->context.shape.groups * touchpoints;
  const ds_names *names = work->nodes.names;
  ds_arena *arena = work->request->arena;
  process_row *edges = ds_arena_array(arena, state->edges_count + 1u, sizeof *edges);
  process_row *nodes = ds_arena_array(arena, nodes_count + 1u, sizeof *nodes);
  if (edges == NULL || nodes == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for the process map");
  for (uint32_t n = 0; n < nodes_count; n++)
    nodes[n] = (process_row){.group = n / touchpoints, .to = n % touchpoints, .names = names};
  *ret = (process_rows){.edges = edges, .nodes = nodes};
  for (uint32_t e = 0; e < state->edges_count; e++) {
    const uint64_t key = process_key(state, e), occurrences = state->totals[e].count;
    const uint32_t to = (uint32_t)(key % touchpoints);
    const uint32_t from = (uint32_t)(key / touchpoints % (touchpoints + 1));
    const uint32_t group = (uint32_t)(key / touchpoints / (touchpoints + 1));
    process_row *node = &nodes[group * touchpoints + to];
    node->occurrences += occurrences;
    if (from == touchpoints)
      node->starts += occurrences;
    else if (occurrences > 0)
      edges[ret->edges_count++] = (process_row){group, from, to, e, occurrences, 0, names};
  }
  for (uint32_t n = 0; n < nodes_count; n++)
    if (nodes[n].occurrences > 0)
      nodes[ret->nodes_count++] = nodes[n];
  qsort(edges, ret->edges_count, sizeof *edges, compare_rows);
  qsort(nodes, ret->nodes_count, sizeof *nodes, compare_rows);
  return DS_OK;
}

// The columns of a table: --by's first, then those of the level asked for.
static const ds_column *columns_of(const process_work *work, const ds_column *all,
                                   uint32_t all_count, uint32_t *ret_count) {
  ds_column *columns = ds_arena_array(work->request->arena, COLUMNS_MAX, sizeof *columns);
  uint32_t used = 0;
  if (columns == NULL)
    return NULL;
  if (work->grouped)
    columns[used++] = (ds_column){work->by.name, DS_CELL_TEXT, "", "value of --by", false};
  for (uint32_t c = 0; c < all_count; c++) {
    const bool quantile = strcmp(all[c].name, "median_ms") == 0 ||
                          strcmp(all[c].name, "p90_ms") == 0;
    const bool cases = strcmp(all[c].name, "cases") == 0;
    if ((quantile && work->context.level < PROCESS_ALL) ||
        (cases && work->context.level < PROCESS_CASES))
      continue;
    columns[used++] = all[c];
  }
  *ret_count = used;
  return columns;
}

static ds_cell count_cell(uint64_t value) { return ds_cell_i64((int64_t)value); }

static ds_code put_nodes(const process_work *work, const process_rows *rows, ds_result *result,
                         ds_error *err) {
  uint32_t columns_count = 0;
  const ds_column *columns = columns_of(work, node_columns, NODE_COLUMNS, &columns_count);
  ds_table *table = columns == NULL ? NULL
                                    : ds_result_table(result, "nodes", "Touchpoints", columns,
                                                      columns_count);
  const process_state *state = work->state;
  const uint32_t touchpoints = work->context.shape.touchpoints;
  for (uint32_t n = 0; n < rows->nodes_count; n++) {
    const process_row *node = &rows->nodes[n];
    ds_cell *cell = table == NULL ? NULL : ds_table_row(result, table);
    if (cell == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for the process map");
    const uint32_t at = node->group * touchpoints + node->to;
    if (work->grouped)
      *cell++ = ds_cell_text(result, ds_str_of(work->by.labels[node->group]));
    *cell++ = ds_cell_text(result, node->names->text[node->to]);
    *cell++ = count_cell(node->occurrences);
    if (work->context.level >= PROCESS_CASES)
      *cell++ = count_cell(state->node_cases[at]);
    *cell++ = count_cell(node->starts);
    *cell++ = count_cell(state->ends[at]);
  }
  return DS_OK;
}

static void put_edge(const process_work *work, const process_row *row, ds_result *result,
                     ds_cell *cell) {
  const process_total *total = &work->state->totals[row->edge];
  const process_edge *edge = &work->state->edges[row->edge];
  if (work->grouped)
    *cell++ = ds_cell_text(result, ds_str_of(work->by.labels[row->group]));
  *cell++ = ds_cell_text(result, row->names->text[row->from]);
  *cell++ = ds_cell_text(result, row->names->text[row->to]);
  *cell++ = count_cell(row->occurrences);
  if (work->context.level >= PROCESS_CASES)
    *cell++ = count_cell(total->cases);
  *cell++ = ds_cell_double(ds_sum128_mean(total->sum, total->count));
  if (work->context.level >= PROCESS_ALL) {
    const process_quantile *quantile = &work->quantiles[row->edge];
    *cell++ = ds_cell_double(quantile->value[0]);
    *cell++ = ds_cell_double(quantile->value[1]);
  }
  *cell++ = ds_cell_double((double)edge->min);
  *cell++ = ds_cell_double((double)edge->min + (double)edge->range);
  *cell++ = ds_cell_double((double)total->sum);
}

static ds_code put_edges(const process_work *work, const process_rows *rows, ds_result *result,
                         ds_error *err) {
  const process_row *edges = rows->edges;
  uint32_t columns_count = 0;
  const ds_column *columns = columns_of(work, edge_columns, EDGE_COLUMNS, &columns_count);
  ds_table *table = columns == NULL ? NULL
                                    : ds_result_table(result, "edges", "What follows what",
                                                      columns, columns_count);
  uint64_t hidden = 0, hidden_occurrences = 0, all = 0;
  for (uint32_t e = 0; e < rows->edges_count; e++) {
    all += edges[e].occurrences;
    if (edges[e].occurrences < work->min_edge) {
      hidden++;
      hidden_occurrences += edges[e].occurrences;
      continue;
    }
    ds_cell *cell = table == NULL ? NULL : ds_table_row(result, table);
    if (cell == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory for the process map");
    put_edge(work, &edges[e], result, cell);
  }
  if (hidden > 0) {
    char edges_text[32], pairs[32], share[32];
    ds_result_note(result, false,
                   "Hidden by --min-edge: %s edges with %s occurrences (%s of all).",
                   ds_human_count(edges_text, hidden), ds_human_count(pairs, hidden_occurrences),
                   ds_human_share(share, (double)hidden_occurrences / (double)all));
  }
  return DS_OK;
}

static void put_words(const process_work *work, ds_result *result) {
  const char *key = ds_option_get(&work->request->options, "case");
  ds_buf text;
  ds_buf_init(&text, 4096);
  ds_buf_printf(&text, DEFINITION, key == NULL ? "a customer's whole timeline" : "one value of ",
                key == NULL ? "" : key, key == NULL ? "" : " within one customer");
  if (ds_option_flag(&work->request->options, "rework"))
    ds_buf_text(&text, REWORK);
  ds_nodes_tell(&work->nodes, &text);
  ds_hours_tell(work->request, &text);
  if (work->grouped)
    ds_buf_printf(&text, " A case belongs to the first value of %s among its events that is not "
                  "null.", work->by.name);
  result->definition = ds_buf_keep(&text, result->arena);
  ds_buf_done(&text);
}

static void put_notes(const process_work *work, ds_result *result) {
  if (work->state->cases == 0 && work->request->snapshot->events > 0)
    ds_result_note(result, true,
                   "No case is left: look at --case, --where and the period (--from, --to).");
}

static ds_code answer(process_work *work, ds_result *result, ds_error *err) {
  TRY(prepare(work, result, err));
  TRY(ds_question_note_types(work->request, &work->plan, result, err));
  ds_question_note_facts(work->request, &work->plan, result);
  const char *list = ds_option_get(&work->request->options, "list");
  const ds_breakdown *by = work->grouped ? &work->by : NULL;
  ds_process_listable(by, result);
  if (list != NULL)
    return ds_process_list(work->request, &work->plan, work->nodes.names, by, list, result, err);
  TRY(count(work, result, err));
  process_rows rows = {0};
  TRY(rows_make(work, &rows, err));
  TRY(put_nodes(work, &rows, result, err));
  TRY(put_edges(work, &rows, result, err));
  if (ds_option_flag(&work->request->options, "rework"))
    TRY(ds_process_rework_put(work->request, &work->plan, work->nodes.names, by, result, err));
  put_notes(work, result);
  return DS_OK;
}

ds_code ds_process_answer(const ds_request *request, ds_result *result, ds_error *err) {
  process_work work = {.request = request};
  ds_arena_init(&work.arena, request->memory_bytes);
  const ds_code code = answer(&work, result, err);
  put_words(&work, result);
  if (work.state != NULL)
    ds_process_kernel.done(work.state);
  ds_breakdown_done(&work.by);
  ds_variants_filter_done(&work.filter);
  ds_nodes_done(&work.nodes);
  ds_arena_done(&work.arena);
  return code;
}
