// SPDX-License-Identifier: Apache-2.0
// The list of what a row of paths counted: the anchors whose path leads there.
#include <assert.h>

#include "question/list.h"
#include "question/paths.h"

// The row asked for, and the rows from the root to it.
typedef struct list_context {
  const ds_paths *asked;
  const ds_paths_row *rows;
  uint32_t count;
  uint32_t way[DS_PATHS_DEPTH_MAX + 1]; // by depth
  uint32_t depth;
} list_context;

typedef struct list_target {
  const list_context *context;
  const ds_block *block;
  ds_list *list;
  uint32_t journey;
} list_target;

// Whether a step of that touchpoint stands by itself among the rows below `parent`.
static bool is_shown(const list_context *context, uint32_t parent, uint16_t touchpoint) {
  for (uint32_t r = parent + 1; r < context->count; r++) {
    if (context->rows[r].depth <= context->rows[parent].depth)
      break;
    if (context->rows[r].parent == parent && context->rows[r].touchpoint == touchpoint)
      return true;
  }
  return false;
}

static bool is_step(const list_context *context, uint32_t depth, uint16_t touchpoint) {
  const ds_paths_row *row = &context->rows[context->way[depth]];
  if (row->touchpoint == DS_PATHS_OTHER)
    return !is_shown(context, row->parent, touchpoint);
  return row->touchpoint == touchpoint;
}

static ds_code list_take(void *to, uint32_t anchor, const ds_path *path, ds_error *err) {
  const list_target *target = to;
  const list_context *context = target->context;
  bool there = path != NULL && path->count >= context->depth;
  for (uint32_t d = 1; there && d <= context->depth; d++)
    there = is_step(context, d, path->touchpoint[d - 1]);
  if (!there)
    return DS_OK;
  const uint32_t event = context->depth == 0 ? anchor : path->event[context->depth - 1];
  const int64_t apart_ms = target->block->time_ms[event] - target->block->time_ms[anchor];
  return ds_list_add(target->list, target->block, target->journey, event,
                     apart_ms < 0 ? -apart_ms : apart_ms, err);
}

static ds_code list_block(const void *context, const ds_block *block, ds_list *list,
                          ds_error *err) {
  const ds_paths *asked = ((const list_context *)context)->asked;
  ds_marks *marks = ds_list_scratch(list);
  if (marks->count == 0)
    TRY(ds_marks_init(marks, asked->mark, asked->marks, &asked->plan.columns, err));
  return ds_marks_run(marks, block, err);
}

static ds_code list_journey(const void *context, const ds_block *block, uint32_t j, ds_list *list,
                            ds_error *err) {
  const list_context *in = context;
  list_target target = {in, block, list, j};
  return ds_paths_walk(in->asked, ds_list_scratch(list), block, j, list_take, &target, err);
}

static void scratch_done(void *scratch) { ds_marks_done(scratch); }

void ds_paths_listable(const ds_paths *asked, ds_result *result) {
  // The number of a row is enough to name it, whatever its group.
  const ds_figures table = {"nodes", 1, {"id", asked->by.name}, {ds_paths_unit(asked)}, NULL, NULL};
  ds_list_offer(result, &table, 1, NULL);
}

ds_code ds_paths_list(const ds_paths *asked, const ds_paths_row *rows, uint32_t count,
                      const char *text, ds_result *result, ds_error *err) {
  static const ds_column apart = {"apart_ms", DS_CELL_DURATION, "ms", "time from the anchor",
                                  false};
  list_context context = {.asked = asked, .rows = rows, .count = count};
  ds_list_figure figure;
  uint64_t id = 0;
  TRY(ds_list_read(asked->request, text, NULL, result, &figure, err));
  if (!ds_str_to_u64(figure.key[0], &id) || id >= count)
    return ds_fail(err, DS_USAGE, "--list: no row has id=%.*s", DS_STR(figure.key[0]));
  uint32_t group = rows[id].group;
  if (figure.key[1].data != NULL)
    TRY(ds_list_group(&asked->by, figure.key[1], &group, err));
  if (group != rows[id].group)
    return ds_fail(err, DS_USAGE, "--list: id=%.*s is a row of %s=%s", DS_STR(figure.key[0]),
                   asked->by.name, asked->by.labels[rows[id].group]);
  context.depth = rows[id].depth;
  for (uint32_t row = (uint32_t)id; row != DS_NONE; row = rows[row].parent)
    context.way[rows[row].depth] = row;
  assert(context.depth <= DS_PATHS_DEPTH_MAX);
  const ds_list_plan plan = {.by = asked->grouped ? &asked->by : NULL, .group = group,
                             .duration = &apart, .block = list_block, .journey = list_journey,
                             .context = &context, .scratch_bytes = sizeof(ds_marks),
                             .scratch_done = scratch_done, .touchpoints = true};
  return ds_list_run(asked->request, &asked->plan, &plan, result, err);
}
