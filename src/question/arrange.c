// SPDX-License-Identifier: Apache-2.0
// --sort and --limit, for any table of any question.
#include <assert.h>
#include <stdlib.h>

#include "question/common.h"

// One row's place in the new order.
typedef struct sort_row {
  const ds_cell *cell;
  uint32_t row;
} sort_row;

typedef struct sort_order {
  ds_cell_type type;
  bool reverse;
} sort_order;

static bool is_text(ds_cell_type type) {
  return type == DS_CELL_TEXT || type == DS_CELL_LIST || type == DS_CELL_ITEMS ||
         type == DS_CELL_EXACT;
}

static bool is_integer(ds_cell_type type) {
  return type == DS_CELL_COUNT || type == DS_CELL_TIME;
}

// Texts from the least, numbers from the greatest; null always last.
static int compare_cells(const ds_cell *a, const ds_cell *b, const sort_order *order) {
  if (a->null || b->null)
    return a->null - b->null;
  int result;
  if (is_text(order->type))
    result = ds_str_compare(a->text, b->text);
  else if (is_integer(order->type))
    result = (a->i < b->i) - (a->i > b->i);
  else
    result = (a->number < b->number) - (a->number > b->number);
  return order->reverse ? -result : result;
}

static int compare_rows(const void *a, const void *b, void *context) {
  const sort_row *x = a, *y = b;
  const int result = compare_cells(x->cell, y->cell, context);
  return result != 0 ? result : (x->row > y->row) - (x->row < y->row);
}

static ds_code sort_table(ds_table *table, uint32_t column, bool reverse, ds_arena *arena,
                          ds_error *err) {
  const size_t width = table->columns_count;
  sort_row *rows = ds_arena_array(arena, table->rows_count + 1u, sizeof *rows);
  ds_cell *cells = ds_arena_array(arena, (table->rows_count + 1u) * width, sizeof *cells);
  if (rows == NULL || cells == NULL)
    return ds_fail(err, DS_MEMORY, "out of memory for sorting a table");
  for (uint32_t r = 0; r < table->rows_count; r++)
    rows[r] = (sort_row){&table->cells[r * width + column], r};
  sort_order order = {table->columns[column].type, reverse};
  qsort_r(rows, table->rows_count, sizeof *rows, compare_rows, &order);
  for (uint32_t r = 0; r < table->rows_count; r++)
    memcpy(cells + r * width, table->cells + rows[r].row * width, width * sizeof *cells);
  table->cells = cells;
  table->rows_capacity = table->rows_count;
  return DS_OK;
}

static ds_code sort_all(const ds_request *request, ds_result *result, const char *spec,
                        ds_error *err) {
  const bool reverse = *spec == '-';
  const char *name = spec + reverse;
  const char *names[128];
  uint32_t names_count = 0;
  bool found = false;
  for (uint32_t t = 0; t < result->tables_count; t++) {
    ds_table *table = &result->tables[t];
    const uint32_t column = ds_table_column(table, name);
    for (uint32_t c = 0; c < table->columns_count && names_count < 128; c++)
      names[names_count++] = table->columns[c].name;
    if (column == UINT32_MAX)
      continue;
    found = true;
    TRY(sort_table(table, column, reverse, request->arena, err));
  }
  if (found)
    return DS_OK;
  const char *near = ds_str_nearest(ds_str_of(name), names, names_count);
  return ds_fail(err, DS_USAGE, "--sort %s: no table has this column%s%s%s", name,
                 near == NULL ? "" : "; did you mean '", near == NULL ? "" : near,
                 near == NULL ? "" : "'?");
}

ds_code ds_question_arrange(const ds_request *request, ds_result *result, ds_error *err) {
  const char *sort = ds_option_get(&request->options, "sort");
  if (sort != NULL)
    TRY(sort_all(request, result, sort, err));
  if (ds_option_get(&request->options, "limit") == NULL)
    return DS_OK;
  uint64_t limit = 0;
  TRY(ds_option_count(&request->options, "limit", 1, &limit, err));
  for (uint32_t t = 0; t < result->tables_count; t++) {
    ds_table *table = &result->tables[t];
    if (table->rows_count <= limit)
      continue;
    char rows[32], all[32];
    ds_result_note(result, false, "%s: %s of %s rows are shown.", table->name,
                   ds_human_count(rows, limit), ds_human_count(all, table->rows_count));
    table->rows_count = (uint32_t)limit;
  }
  return DS_OK;
}
