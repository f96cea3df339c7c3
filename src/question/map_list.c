// SPDX-License-Identifier: Apache-2.0
// See map_list.h.
#include "question/map_list.h"

#include "question/list.h"

// The tables whose figures can be listed, and the columns.
typedef enum list_table {
  LIST_STAGES, LIST_TOUCHPOINTS, LIST_ANSWERS, LIST_ROUTES, LIST_PROMISES, LIST_TABLES
} list_table;

// The figure that is listed.
typedef struct list_cell {
  const map_context *map;
  const map_figures *figures;
  list_table table;
  uint32_t column; // of the table's
  uint32_t stage;
  uint32_t touchpoint;
  uint64_t route;
} list_cell;

static const ds_figures tables[LIST_TABLES] = {
    [LIST_STAGES] = {"stages", 1, {"stage"}, {"cases", "dropped"}, NULL, NULL},
    [LIST_TOUCHPOINTS] = {"touchpoints", 2, {"stage", "touchpoint"}, {"cases", "occurrences"}, NULL,
                          NULL},
    [LIST_ANSWERS] = {"answers", 2, {"stage", "touchpoint"}, {"asked", "answered", "unanswered"},
                      NULL, NULL},
    [LIST_ROUTES] = {"routes", 1, {"route"}, {"cases"}, NULL, NULL},
    [LIST_PROMISES] = {"promises", 0, {NULL}, {"deliveries", "promised", "kept", "late"}, NULL,
                       NULL},
};

const char *ds_map_stage_name(uint32_t stage) {
  return stage == 0 ? "(none)" : ds_stage_name((ds_stage)stage);
}

// Where a case stands after all its events.
typedef struct outcome {
  uint64_t route;
  uint32_t furthest;
  uint32_t found; // the first event of the stage that is listed, DS_NONE = none
} outcome;

static outcome follow(const list_cell *cell, const ds_block *block, uint32_t j) {
  outcome at = {.found = DS_NONE};
  uint32_t current = 0, reached = 0, stages = 0;
  for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++) {
    current = map_stage(&cell->map->touchpoint[block->touchpoint[e]], current);
    if ((reached >> current & 1) != 0)
      continue;
    reached |= 1u << current;
    at.route |= (uint64_t)(current + 1) << (stages++ * MAP_STAGE_BITS);
    at.furthest = current > at.furthest ? current : at.furthest;
    if (current == cell->stage)
      at.found = e;
  }
  return at;
}

static ds_code list_case(const list_cell *cell, const ds_block *block, uint32_t j, ds_list *list,
                         ds_error *err) {
  const outcome at = follow(cell, block, j);
  const uint32_t first = block->offset[j];
  if (cell->table == LIST_ROUTES)
    return at.route != cell->route ? DS_OK : ds_list_add(list, block, j, first, 0, err);
  if (at.found == DS_NONE || (cell->column == 1 && at.furthest != cell->stage))
    return DS_OK;
  return ds_list_add(list, block, j, at.found, block->time_ms[at.found] - block->time_ms[first],
                     err);
}

// The deliveries of which a column tells; a list of them says how long after the case's beginning.
static ds_code list_promises(const list_cell *cell, const ds_block *block, uint32_t j,
                             ds_list *list, ds_error *err) {
  static const uint32_t fates[] = {1u << MAP_FATE_UNPROMISED | 1u << MAP_FATE_KEPT |
                                       1u << MAP_FATE_LATE,
                                   1u << MAP_FATE_KEPT | 1u << MAP_FATE_LATE, 1u << MAP_FATE_KEPT,
                                   1u << MAP_FATE_LATE};
  map_promise promise = {.any = false};
  const uint32_t first = block->offset[j];
  for (uint32_t e = first; e < block->offset[j + 1]; e++)
    if ((fates[cell->column] >> ds_map_fate(cell->figures, block, e, &promise) & 1) != 0)
      TRY(ds_list_add(list, block, j, e, block->time_ms[e] - block->time_ms[first], err));
  return DS_OK;
}

// The first event that asks, by whether an answer comes after it.
static ds_code list_answers(const list_cell *cell, const ds_block *block, uint32_t j,
                            ds_list *list, ds_error *err) {
  const map_role *role = cell->figures->role;
  const uint32_t asks = role[cell->touchpoint].asks;
  const uint32_t first = block->offset[j];
  uint32_t current = 0, asked = DS_NONE;
  bool answered = false;
  for (uint32_t e = first; e < block->offset[j + 1]; e++) {
    const uint32_t touchpoint = block->touchpoint[e];
    current = map_stage(&cell->map->touchpoint[touchpoint], current);
    answered = answered || (asked != DS_NONE && (role[touchpoint].answers >> asks & 1) != 0);
    if (asked == DS_NONE && touchpoint == cell->touchpoint && current == cell->stage)
      asked = e;
  }
  return asked == DS_NONE || (cell->column != 0 && answered != (cell->column == 1))
             ? DS_OK
             : ds_list_add(list, block, j, asked, block->time_ms[asked] - block->time_ms[first],
                           err);
}

static ds_code list_journey(const void *context, const ds_block *block, uint32_t j, ds_list *list,
                            ds_error *err) {
  const list_cell *cell = context;
  if (cell->table == LIST_PROMISES)
    return list_promises(cell, block, j, list, err);
  if (cell->table == LIST_ANSWERS)
    return list_answers(cell, block, j, list, err);
  if (cell->table != LIST_TOUCHPOINTS)
    return list_case(cell, block, j, list, err);
  uint32_t current = 0;
  for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++) {
    current = map_stage(&cell->map->touchpoint[block->touchpoint[e]], current);
    if (block->touchpoint[e] != cell->touchpoint || current != cell->stage)
      continue;
    TRY(ds_list_add(list, block, j, e, block->time_ms[e] - block->time_ms[block->offset[j]],
                    err));
    if (cell->column == 0)
      break;
  }
  return DS_OK;
}

static ds_code read_stage(ds_str name, uint32_t *ret_stage, ds_error *err) {
  const char *names[MAP_STAGES];
  for (uint32_t s = 0; s < MAP_STAGES; s++) {
    names[s] = ds_map_stage_name(s);
    if (ds_str_equal(name, ds_str_of(names[s]))) {
      *ret_stage = s;
      return DS_OK;
    }
  }
  const char *near = ds_str_nearest(name, names, MAP_STAGES);
  return ds_fail(err, DS_USAGE, "--list: there is no stage '%.*s'%s%s%s", DS_STR(name),
                 near == NULL ? "" : "; did you mean '", near == NULL ? "" : near,
                 near == NULL ? "" : "'?");
}

// The stages of a route.
static ds_code read_route(ds_str text, uint64_t *ret_route, ds_error *err) {
  uint64_t route = 0;
  uint32_t stages = 0;
  for (uint32_t at = 0; at <= text.size; stages++) {
    uint32_t end = at;
    while (end < text.size && text.data[end] != DS_LIST_SEPARATOR)
      end++;
    ds_str name = {text.data + at, end - at};
    while (name.size > 0 && name.data[0] == ' ')
      name = (ds_str){name.data + 1, name.size - 1};
    while (name.size > 0 && name.data[name.size - 1] == ' ')
      name.size--;
    uint32_t stage = 0;
    TRY(read_stage(name, &stage, err));
    if (stages == MAP_STAGES)
      return ds_fail(err, DS_USAGE, "--list: a route enters each stage once");
    route |= (uint64_t)(stage + 1) << (stages * MAP_STAGE_BITS);
    at = end + 1;
  }
  *ret_route = route;
  return DS_OK;
}

static ds_code read_cell(const ds_request *request, const ds_list_figure *figure,
                         list_cell *cell, ds_error *err) {
  const ds_str *key = figure->key;
  cell->table = (list_table)figure->table;
  cell->column = figure->column;
  switch (cell->table) {
  case LIST_ROUTES: return read_route(ds_list_items(key[0], request->arena), &cell->route, err);
  case LIST_STAGES: return read_stage(key[0], &cell->stage, err);
  case LIST_TOUCHPOINTS:
    TRY(read_stage(key[0], &cell->stage, err));
    return ds_list_touchpoint(request, key[1], &cell->touchpoint, err);
  case LIST_ANSWERS:
    TRY(read_stage(key[0], &cell->stage, err));
    TRY(ds_list_touchpoint(request, key[1], &cell->touchpoint, err));
    return cell->figures->role[cell->touchpoint].asks != DS_NONE
               ? DS_OK
               : ds_fail(err, DS_EXPRESSION, "--list: nothing answers %.*s; docs/map.md says what "
                         "asks", DS_STR(key[1]));
  default:
    return cell->figures->has_promise
               ? DS_OK
               : ds_fail(err, DS_EXPRESSION, "--list: no event carries a promise: name its "
                         "property with --promise");
  }
}

void ds_map_listable(const ds_breakdown *by, ds_result *result) {
  ds_list_offer(result, tables, LIST_TABLES, by);
}

ds_code ds_map_list(const ds_request *request, const ds_plan *plan, const map_figures *figures,
                    const char *text, ds_result *result, ds_error *err) {
  static const ds_column since = {"since_start_ms", DS_CELL_DURATION, "ms",
                                  "time since the first event of the case", false};
  list_cell cell = {.map = figures->map, .figures = figures};
  ds_list_figure figure;
  TRY(ds_list_read(request, text, figures->map->by, result, &figure, err));
  TRY(read_cell(request, &figure, &cell, err));
  const ds_list_plan list = {.by = figures->map->by, .group = figure.group, .journey = list_journey,
                             .context = &cell,
                             .duration = cell.table == LIST_ROUTES ? NULL : &since};
  return ds_list_run(request, plan, &list, result, err);
}
