// SPDX-License-Identifier: Apache-2.0
// See process_list.h.
#include "question/process_list.h"

#include <assert.h>

#include "question/list.h"

typedef enum list_column { LIST_OCCURRENCES, LIST_CASES, LIST_STARTS, LIST_ENDS } list_column;

// The figure that is listed.
typedef struct list_cell {
  bool edges;
  uint32_t from; // edges
  uint32_t to;   // edges; of nodes the touchpoint
  list_column column;
  const ds_breakdown *by;
  uint32_t group;
} list_cell;

// Whether event e of a journey that begins at `first` is counted by the cell's table.
static bool meets(const list_cell *cell, const ds_block *block, uint32_t first, uint32_t e) {
  if (block->touchpoint[e] != cell->to)
    return false;
  return !cell->edges || (e > first && block->touchpoint[e - 1] == cell->from);
}

static ds_code list_journey(const void *context, const ds_block *block, uint32_t j, ds_list *list,
                            ds_error *err) {
  const list_cell *cell = context;
  uint32_t first = block->offset[j], last = block->offset[j + 1];
  const uint32_t start = first;
  assert(first < last);
  if (cell->column == LIST_STARTS)
    last = first + 1;
  if (cell->column == LIST_ENDS)
    first = last - 1;
  for (uint32_t e = first; e < last; e++) {
    if (!meets(cell, block, start, e))
      continue;
    TRY(ds_list_add(list, block, j, e, block->gap_ms[e], err));
    if (cell->column == LIST_CASES)
      break;
  }
  return DS_OK;
}

static ds_code read_column(list_cell *cell, ds_str value, ds_error *err) {
  static const char *const names[] = {"occurrences", "cases", "starts", "ends"};
  const uint32_t count = cell->edges ? 2 : 4;
  for (uint32_t c = 0; c < count; c++)
    if (ds_str_equal(value, ds_str_of(names[c]))) {
      cell->column = (list_column)c;
      return DS_OK;
    }
  return ds_fail(err, DS_USAGE, "--list: column=%.*s cannot be listed: choose %s", DS_STR(value),
                 cell->edges ? "occurrences or cases" : "occurrences, cases, starts or ends");
}

// Reads one name=value; `seen` collects a bit per part of the cell.
static ds_code read_part(const ds_request *request, list_cell *cell, ds_str name, ds_str value,
                         uint32_t *seen, ds_error *err) {
  if (cell->by != NULL && ds_str_equal(name, ds_str_of(cell->by->name))) {
    *seen |= 8;
    return ds_list_group(cell->by, value, &cell->group, err);
  }
  if (ds_str_equal(name, ds_str_of("column"))) {
    *seen |= 4;
    return read_column(cell, value, err);
  }
  if (cell->edges && ds_str_equal(name, ds_str_of("from"))) {
    *seen |= 2;
    return ds_list_touchpoint(request, value, &cell->from, err);
  }
  if (ds_str_equal(name, ds_str_of(cell->edges ? "to" : "touchpoint"))) {
    *seen |= 1;
    return ds_list_touchpoint(request, value, &cell->to, err);
  }
  return ds_fail(err, DS_USAGE, "--list: '%.*s' names no part of a row of %s", DS_STR(name),
                 cell->edges ? "edges (from, to, column)" : "nodes (touchpoint, column)");
}

static ds_code read_cell(const ds_request *request, const char *text, list_cell *cell,
                         ds_error *err) {
  ds_list_cell words;
  TRY(ds_list_parse(text, &words, err));
  cell->edges = ds_str_equal(words.table, ds_str_of("edges"));
  if (!cell->edges && !ds_str_equal(words.table, ds_str_of("nodes")))
    return ds_fail(err, DS_USAGE, "--list: write 'edges from=A to=B column=cases' or "
                   "'nodes touchpoint=A column=cases'");
  uint32_t seen = 0;
  for (uint32_t p = 0; p < words.parts; p++)
    TRY(read_part(request, cell, words.name[p], words.value[p], &seen, err));
  const uint32_t needed = 5u | (cell->edges ? 2u : 0) | (cell->by != NULL ? 8u : 0);
  if (seen == needed)
    return DS_OK;
  if (cell->by != NULL && (seen & 8) == 0)
    return ds_fail(err, DS_USAGE, "--list: with --by say which group: %s=VALUE", cell->by->name);
  return ds_fail(err, DS_USAGE, "--list: a row of %s needs %s", cell->edges ? "edges" : "nodes",
                 cell->edges ? "from=, to= and column=" : "touchpoint= and column=");
}

ds_code ds_process_list(const ds_request *request, const ds_plan *plan, const ds_breakdown *by,
                        const char *text, ds_result *result, ds_error *err) {
  static const ds_column gap = {"gap_ms", DS_CELL_DURATION, "ms",
                                "time since the event before in the case", false};
  list_cell cell = {.by = by};
  TRY(read_cell(request, text, &cell, err));
  ds_plan listing = *plan;
  listing.columns.want |= DS_WANT_GAP;
  const ds_list_plan list = {.by = by, .group = cell.group, .journey = list_journey,
                             .context = &cell, .duration = cell.edges ? &gap : NULL};
  return ds_list_run(request, &listing, &list, result, err);
}
