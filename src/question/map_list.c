// SPDX-License-Identifier: Apache-2.0
// See map_list.h.
#include "question/map_list.h"

#include "question/list.h"

// The tables whose figures can be listed, and the columns.
typedef enum list_table {
  LIST_STAGES, LIST_TOUCHPOINTS, LIST_ROUTES, LIST_PROMISES, LIST_TABLES
} list_table;

// Parts of a cell, as bits.
enum { PART_COLUMN = 1, PART_STAGE = 2, PART_TOUCHPOINT = 4, PART_ROUTE = 8, PART_GROUP = 16 };

// The figure that is listed.
typedef struct list_cell {
  const map_context *map;
  const map_figures *figures;
  list_table table;
  uint32_t column; // of the table's
  uint32_t stage;
  uint32_t touchpoint;
  uint64_t route;
  uint32_t group;
} list_cell;

static const struct {
  const char *name;
  const char *columns[5];
  const char *choices;
  const char *needs;
  uint32_t parts;
} tables[LIST_TABLES] = {
    [LIST_STAGES] = {"stages", {"cases", "dropped"}, "cases or dropped", "stage= and column=",
                     PART_STAGE | PART_COLUMN},
    [LIST_TOUCHPOINTS] = {"touchpoints", {"cases", "occurrences"}, "cases or occurrences",
                          "stage=, touchpoint= and column=",
                          PART_STAGE | PART_TOUCHPOINT | PART_COLUMN},
    [LIST_ROUTES] = {"routes", {"cases"}, "cases", "route= and column=",
                     PART_ROUTE | PART_COLUMN},
    [LIST_PROMISES] = {"promises", {"deliveries", "promised", "kept", "late"},
                       "deliveries, promised, kept or late", "column=", PART_COLUMN},
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

static ds_code list_journey(const void *context, const ds_block *block, uint32_t j, ds_list *list,
                            ds_error *err) {
  const list_cell *cell = context;
  if (cell->table == LIST_PROMISES)
    return list_promises(cell, block, j, list, err);
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

// Stages joined by '>' with or without spaces, as routes are shown.
static ds_code read_route(ds_str text, uint64_t *ret_route, ds_error *err) {
  uint64_t route = 0;
  uint32_t stages = 0;
  for (uint32_t at = 0; at <= text.size; stages++) {
    uint32_t end = at;
    while (end < text.size && text.data[end] != '>')
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

static ds_code read_column(list_cell *cell, ds_str value, ds_error *err) {
  const char *const *columns = tables[cell->table].columns;
  for (uint32_t c = 0; columns[c] != NULL; c++)
    if (ds_str_equal(value, ds_str_of(columns[c]))) {
      cell->column = c;
      return DS_OK;
    }
  return ds_fail(err, DS_USAGE, "--list: column=%.*s cannot be listed: choose %s", DS_STR(value),
                 tables[cell->table].choices);
}

// Which part of the cell a name is; 0 for none of its table.
static uint32_t part_of(const list_cell *cell, ds_str name) {
  static const struct {
    const char *name;
    uint32_t part;
  } parts[] = {{"column", PART_COLUMN}, {"stage", PART_STAGE}, {"touchpoint", PART_TOUCHPOINT},
               {"route", PART_ROUTE}};
  const ds_breakdown *by = cell->map->by;
  if (by != NULL && ds_str_equal(name, ds_str_of(by->name)))
    return PART_GROUP;
  for (uint32_t p = 0; p < sizeof parts / sizeof *parts; p++)
    if (ds_str_equal(name, ds_str_of(parts[p].name)))
      return parts[p].part & tables[cell->table].parts;
  return 0;
}

// Reads one name=value; `seen` collects the parts.
static ds_code read_part(const ds_request *request, list_cell *cell, ds_str name, ds_str value,
                         uint32_t *seen, ds_error *err) {
  const uint32_t part = part_of(cell, name);
  *seen |= part;
  switch (part) {
  case PART_GROUP: return ds_list_group(cell->map->by, value, &cell->group, err);
  case PART_COLUMN: return read_column(cell, value, err);
  case PART_STAGE: return read_stage(value, &cell->stage, err);
  case PART_TOUCHPOINT: return ds_list_touchpoint(request, value, &cell->touchpoint, err);
  case PART_ROUTE: return read_route(value, &cell->route, err);
  default:
    return ds_fail(err, DS_USAGE, "--list: '%.*s' names no part of a row of %s, which needs %s",
                   DS_STR(name), tables[cell->table].name, tables[cell->table].needs);
  }
}

static ds_code read_cell(const ds_request *request, const char *text, list_cell *cell,
                         ds_error *err) {
  ds_list_cell words;
  TRY(ds_list_parse(text, &words, err));
  uint32_t table = 0, seen = 0;
  while (table < LIST_TABLES && !ds_str_equal(words.table, ds_str_of(tables[table].name)))
    table++;
  if (table == LIST_TABLES)
    return ds_fail(err, DS_USAGE, "--list: write 'stages stage=A column=cases', 'touchpoints "
                   "stage=A touchpoint=B column=cases', 'routes route=A>B column=cases' or "
                   "'promises column=late'");
  cell->table = (list_table)table;
  for (uint32_t p = 0; p < words.parts; p++)
    TRY(read_part(request, cell, words.name[p], words.value[p], &seen, err));
  if (cell->map->by != NULL && (seen & PART_GROUP) == 0)
    return ds_fail(err, DS_USAGE, "--list: with --by say which group: %s=VALUE",
                   cell->map->by->name);
  if ((seen & ~(uint32_t)PART_GROUP) != tables[table].parts)
    return ds_fail(err, DS_USAGE, "--list: a row of %s needs %s", tables[table].name,
                   tables[table].needs);
  if (cell->table == LIST_PROMISES && !cell->figures->has_promise)
    return ds_fail(err, DS_EXPRESSION, "--list: no event carries a promise: name its property with "
                   "--promise");
  return DS_OK;
}

ds_code ds_map_list(const ds_request *request, const ds_plan *plan, const map_figures *figures,
                    const char *text, ds_result *result, ds_error *err) {
  static const ds_column since = {"since_start_ms", DS_CELL_DURATION, "ms",
                                  "time since the first event of the case", false};
  list_cell cell = {.map = figures->map, .figures = figures};
  TRY(read_cell(request, text, &cell, err));
  const ds_list_plan list = {.by = figures->map->by, .group = cell.group, .journey = list_journey,
                             .context = &cell,
                             .duration = cell.table == LIST_ROUTES ? NULL : &since};
  return ds_list_run(request, plan, &list, result, err);
}
