// SPDX-License-Identifier: Apache-2.0
// See process_list.h.
#include "question/process_list.h"

#include <assert.h>

#include "question/list.h"

typedef enum list_table { TABLE_EDGES, TABLE_NODES, TABLE_REWORK, TABLES } list_table;

// What the columns of the tables count of a case: events that meet a condition, or the case, by the
// first such event.
typedef enum list_what {
  WHAT_EVENTS, WHAT_CASES, WHAT_STARTS, WHAT_ENDS, WHAT_REPEATS, WHAT_REWORK, WHAT_SELF, WHAT_LOOPS
} list_what;

static const ds_figures tables[TABLES] = {
    {"edges", 2, {"from", "to"}, {"occurrences", "cases"}, NULL, NULL},
    {"nodes", 1, {"touchpoint"}, {"occurrences", "cases", "starts", "ends"}, NULL, NULL},
    {"rework", 1, {"touchpoint"}, {"cases", "rework_cases", "repeats", "self_loops", "loops"},
     NULL, NULL},
};
static const list_what columns[TABLES][DS_FIGURES_COLUMNS_MAX] = {
    {WHAT_EVENTS, WHAT_CASES},
    {WHAT_EVENTS, WHAT_CASES, WHAT_STARTS, WHAT_ENDS},
    {WHAT_CASES, WHAT_REWORK, WHAT_REPEATS, WHAT_SELF, WHAT_LOOPS},
};

// The figure that is listed.
typedef struct list_cell {
  list_what what;
  uint32_t from; // of edges; else DS_NONE
  uint32_t to;
} list_cell;

// Whether event e of a journey that begins at `first` and has had `before` such events is counted.
static bool meets(const list_cell *cell, const ds_block *block, uint32_t first, uint32_t e,
                  uint32_t before) {
  const bool again = e > first && block->node[e - 1] == cell->to;
  switch (cell->what) {
  case WHAT_STARTS: return e == first;
  case WHAT_REPEATS:
  case WHAT_REWORK: return before > 0;
  case WHAT_SELF: return again;
  case WHAT_LOOPS: return before > 0 && !again;
  default:
    return cell->from == DS_NONE || (e > first && block->node[e - 1] == cell->from);
  }
}

static ds_code list_journey(const void *context, const ds_block *block, uint32_t j, ds_list *list,
                            ds_error *err) {
  const list_cell *cell = context;
  const uint32_t start = block->offset[j], last = block->offset[j + 1];
  const bool once = cell->what == WHAT_CASES || cell->what == WHAT_REWORK;
  uint32_t before = 0;
  assert(start < last);
  for (uint32_t e = cell->what == WHAT_ENDS ? last - 1 : start; e < last; e++) {
    if (block->node[e] != cell->to || !meets(cell, block, start, e, before++))
      continue;
    TRY(ds_list_add(list, block, j, e, block->gap_ms[e], err));
    if (once)
      break;
  }
  return DS_OK;
}

void ds_process_listable(const ds_breakdown *by, ds_result *result) {
  ds_list_offer(result, tables, TABLES, by);
}

ds_code ds_process_list(const ds_request *request, const ds_plan *plan, const ds_names *names,
                        const ds_breakdown *by, const char *text, ds_result *result,
                        ds_error *err) {
  static const ds_column gap = {"gap_ms", DS_CELL_DURATION, "ms",
                                "time since the event before in the case", false};
  ds_list_figure figure;
  list_cell cell = {.from = DS_NONE};
  TRY(ds_list_read(request, text, by, result, &figure, err));
  const bool edges = figure.table == TABLE_EDGES;
  const ds_str *key = figure.key;
  if (edges)
    TRY(ds_list_node(request, names, *key++, &cell.from, err));
  TRY(ds_list_node(request, names, *key, &cell.to, err));
  cell.what = columns[figure.table][figure.column];
  ds_plan listing = *plan;
  listing.columns.want |= DS_WANT_GAP;
  const ds_list_plan list = {.by = by, .group = figure.group, .journey = list_journey,
                             .context = &cell, .duration = edges ? &gap : NULL};
  return ds_list_run(request, &listing, &list, result, err);
}
