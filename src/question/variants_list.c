// SPDX-License-Identifier: Apache-2.0
// See variants_list.h.
#include "question/variants_list.h"

#include "question/list.h"

enum { TABLE_OVERALL, TABLE_VARIANTS };

// What the second scan compares with.
typedef struct list_context {
  const variants_context *variants;
  const variants_record *record; // NULL: every case
} list_context;

// Whether the journey is the record's sequence, code by code.
static bool is_variant(const list_context *in, const ds_block *block, uint32_t j) {
  const uint32_t width = variants_width(in->variants);
  const uint32_t count = in->record->size / width;
  uint32_t at = 0;
  for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++) {
    const uint16_t code = block->node[e];
    if (in->variants->collapse && e > block->offset[j] && code == block->node[e - 1])
      continue;
    if (at == count || variants_code(in->record, width, at) != code)
      return false;
    at++;
  }
  return at == count;
}

static ds_code list_journey(const void *context, const ds_block *block, uint32_t j, ds_list *list,
                            ds_error *err) {
  const list_context *in = context;
  if (in->record != NULL && !is_variant(in, block, j))
    return DS_OK;
  const uint32_t first = block->offset[j];
  int64_t duration_ms = 0;
  for (uint32_t e = first; e < block->offset[j + 1]; e++)
    duration_ms += block->gap_ms[e];
  return ds_list_add(list, block, j, first, duration_ms, err);
}

static ds_code list_events(const void *context, const ds_block *block, uint32_t j, ds_list *list,
                           ds_error *err) {
  (void)context;
  for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++)
    TRY(ds_list_add(list, block, j, e, 0, err));
  return DS_OK;
}

static ds_code read_rank(ds_str value, uint32_t *ret_rank, ds_error *err) {
  uint64_t rank = 0;
  if (!ds_str_to_u64(value, &rank) || rank == 0 || rank >= UINT32_MAX)
    return ds_fail(err, DS_USAGE, "--list: rank=%.*s: expected a whole number from 1",
                   DS_STR(value));
  *ret_rank = (uint32_t)rank;
  return DS_OK;
}

void ds_variants_listable(const ds_breakdown *by, ds_result *result) {
  static const ds_figures tables[] = {
      [TABLE_OVERALL] = {"overall", 0, {NULL}, {"cases", "events"}, NULL, NULL},
      [TABLE_VARIANTS] = {"variants", 1, {"rank"}, {"cases"}, NULL, NULL},
  };
  ds_list_offer(result, tables, 2, by);
}

ds_code ds_variants_cell_read(const ds_request *request, const char *text, const ds_breakdown *by,
                              const ds_result *result, variants_cell *ret_cell, ds_error *err) {
  ds_list_figure figure;
  TRY(ds_list_read(request, text, by, result, &figure, err));
  variants_cell cell = {.group = figure.group};
  if (figure.table == TABLE_VARIANTS)
    TRY(read_rank(figure.key[0], &cell.rank, err));
  cell.events = figure.table == TABLE_OVERALL && figure.column == 1;
  *ret_cell = cell;
  return DS_OK;
}

ds_code ds_variants_list(const ds_request *request, const ds_plan *plan,
                         const variants_context *context, const variants_cell *cell,
                         ds_result *result, ds_error *err) {
  static const ds_column duration = {"duration_ms", DS_CELL_DURATION, "ms",
                                     "time from the first event to the last", false};
  const list_context in = {context, cell->record};
  const ds_list_plan list = {.by = context->by, .group = cell->group,
                             .duration = cell->events ? NULL : &duration,
                             .journey = cell->events ? list_events : list_journey,
                             .context = &in, .touchpoints = cell->events};
  ds_plan listing = *plan;
  listing.columns.want |= DS_WANT_GAP;
  return ds_list_run(request, &listing, &list, result, err);
}
