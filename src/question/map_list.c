// SPDX-License-Identifier: Apache-2.0
// See map_list.h.
#include "question/map_list.h"

#include "question/list.h"

// The tables whose figures can be listed, and the columns.
typedef enum list_table { LIST_STAGES, LIST_TOUCHPOINTS, LIST_ROUTES } list_table;

// The figure that is listed.
typedef struct list_cell {
  const map_context *map;
  list_table table;
  bool second; // the second column of the table: dropped, or occurrences
  uint32_t stage;
  uint32_t touchpoint;
  uint64_t route;
  uint32_t group;
} list_cell;

static const struct {
  const char *name;
  const char *columns[2];
  const char *needs;
} tables[] = {
    [LIST_STAGES] = {"stages", {"cases", "dropped"}, "stage= and column="},
    [LIST_TOUCHPOINTS] = {"touchpoints", {"cases", "occurrences"},
                          "stage=, touchpoint= and column="},
    [LIST_ROUTES] = {"routes", {"cases", NULL}, "route= and column="},
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
  if (at.found == DS_NONE || (cell->second && at.furthest != cell->stage))
    return DS_OK;
  return ds_list_add(list, block, j, at.found, block->time_ms[at.found] - block->time_ms[first],
                     err);
}

static ds_code list_journey(const void *context, const ds_block *block, uint32_t j, ds_list *list,
                            ds_error *err) {
  const list_cell *cell = context;
  if (cell->table != LIST_TOUCHPOINTS)
    return list_case(cell, block, j, list, err);
  uint32_t current = 0;
  for (uint32_t e = block->offset[j]; e < block->offset[j + 1]; e++) {
    current = map_stage(&cell->map->touchpoint[block->touchpoint[e]], current);
    if (block->touchpoint[e] != cell->touchpoint || current != cell->stage)
      continue;
    TRY(ds_list_add(list, block, j, e, block->time_ms[e] - block->time_ms[block->offset[j]],
                    err));
    if (!cell->second)
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
  for (uint32_t c = 0; c < 2 && columns[c] != NULL; c++)
    if (ds_str_equal(value, ds_str_of(columns[c]))) {
      cell->second = c == 1;
      return DS_OK;
    }
  return ds_fail(err, DS_USAGE, "--list: column=%.*s cannot be listed: choose %s%s%s",
                 DS_STR(value), columns[0], columns[1] == NULL ? "" : " or ",
                 columns[1] == NULL ? "" : columns[1]);
}

// Reads one name=value; `seen` collects a bit per part of the cell.
static ds_code read_part(const ds_request *request, list_cell *cell, ds_str name, ds_str value,
                         uint32_t *seen, ds_error *err) {
  const ds_breakdown *by = cell->map->by;
  if (by != NULL && ds_str_equal(name, ds_str_of(by->name))) {
    *seen |= 8;
    return ds_list_group(by, value, &cell->group, err);
  }
  if (ds_str_equal(name, ds_str_of("column"))) {
    *seen |= 1;
    return read_column(cell, value, err);
  }
  if (cell->table != LIST_ROUTES && ds_str_equal(name, ds_str_of("stage"))) {
    *seen |= 2;
    return read_stage(value, &cell->stage, err);
  }
  if (cell->table == LIST_TOUCHPOINTS && ds_str_equal(name, ds_str_of("touchpoint"))) {
    *seen |= 4;
    return ds_list_touchpoint(request, value, &cell->touchpoint, err);
  }
  if (cell->table == LIST_ROUTES && ds_str_equal(name, ds_str_of("route"))) {
    *seen |= 2;
    return read_route(value, &cell->route, err);
  }
  return ds_fail(err, DS_USAGE, "--list: '%.*s' names no part of a row of %s, which needs %s",
                 DS_STR(name), tables[cell->table].name, tables[cell->table].needs);
}

static ds_code read_cell(const ds_request *request, const char *text, list_cell *cell,
                         ds_error *err) {
  ds_list_cell words;
  TRY(ds_list_parse(text, &words, err));
  uint32_t table = 0;
  while (table < 3 && !ds_str_equal(words.table, ds_str_of(tables[table].name)))
    table++;
  if (table == 3)
    return ds_fail(err, DS_USAGE, "--list: write 'stages stage=A column=cases', 'touchpoints "
                   "stage=A touchpoint=B column=cases' or 'routes route=A>B column=cases'");
  cell->table = (list_table)table;
  uint32_t seen = 0;
  for (uint32_t p = 0; p < words.parts; p++)
    TRY(read_part(request, cell, words.name[p], words.value[p], &seen, err));
  if (cell->map->by != NULL && (seen & 8) == 0)
    return ds_fail(err, DS_USAGE, "--list: with --by say which group: %s=VALUE",
                   cell->map->by->name);
  if ((seen & 7) != (cell->table == LIST_TOUCHPOINTS ? 7u : 3u))
    return ds_fail(err, DS_USAGE, "--list: a row of %s needs %s", tables[table].name,
                   tables[table].needs);
  return DS_OK;
}

ds_code ds_map_list(const ds_request *request, const ds_plan *plan, const map_context *context,
                    const char *text, ds_result *result, ds_error *err) {
  static const ds_column since = {"since_start_ms", DS_CELL_DURATION, "ms",
                                  "time since the first event of the case", false};
  list_cell cell = {.map = context};
  TRY(read_cell(request, text, &cell, err));
  const ds_list_plan list = {.by = context->by, .group = cell.group, .journey = list_journey,
                             .context = &cell,
                             .duration = cell.table == LIST_ROUTES ? NULL : &since};
  return ds_list_run(request, plan, &list, result, err);
}
