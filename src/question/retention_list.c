// SPDX-License-Identifier: Apache-2.0
// The list of what a cell of retention counted.
#include "question/list.h"
#include "question/retention.h"

// Which cell: a cohort's size when slot is DS_NONE.
typedef struct list_context {
  const ds_cohorts *asked;
  uint32_t cohort;
  uint32_t slot;
} list_context;

// One journey being walked.
typedef struct list_target {
  const list_context *context;
  const ds_block *block;
  ds_list *list;
  uint32_t journey;
  uint32_t start;
  bool taken;
} list_target;

static ds_code list_take(void *to, uint32_t cohort, uint32_t slot, uint32_t event, ds_error *err) {
  list_target *target = to;
  const list_context *context = target->context;
  if (slot == DS_NONE)
    target->start = event;
  const bool meant = slot == context->slot || (context->asked->unbounded && slot != DS_NONE &&
                                               context->slot != DS_NONE && slot > context->slot);
  if (cohort != context->cohort || !meant || target->taken)
    return DS_OK;
  target->taken = true;
  const int64_t *time_ms = target->block->time_ms;
  return ds_list_add(target->list, target->block, target->journey, event,
                     time_ms[event] - time_ms[target->start], err);
}

static ds_code list_block(const void *context, const ds_block *block, ds_list *list,
                          ds_error *err) {
  const ds_cohorts *asked = ((const list_context *)context)->asked;
  ds_marks *marks = ds_list_scratch(list);
  if (marks->count == 0)
    TRY(ds_marks_init(marks, asked->mark, 2, &asked->plan.columns, err));
  return ds_marks_run(marks, block, err);
}

static ds_code list_journey(const void *context, const ds_block *block, uint32_t j, ds_list *list,
                            ds_error *err) {
  const list_context *in = context;
  list_target target = {.context = in, .block = block, .list = list, .journey = j};
  uint32_t start, first;
  return ds_cohorts_walk(in->asked, ds_list_scratch(list), block, j, list_take, &target, &start,
                           &first, err);
}

static void scratch_done(void *scratch) { ds_marks_done(scratch); }

static ds_code read_cohort(const ds_cohorts *asked, ds_str text, uint32_t *ret_cohort,
                           ds_error *err) {
  char name[32];
  for (uint32_t c = 0; c < asked->calendar.count; c++) {
    const size_t size = ds_calendar_name(&asked->calendar, c, name);
    *ret_cohort = c;
    if (ds_str_equal(text, (ds_str){name, (uint32_t)size}))
      return DS_OK;
  }
  return ds_fail(err, DS_USAGE, "--list: no cohort is called %.*s", DS_STR(text));
}

static ds_code read_slot(const ds_cohorts *asked, ds_str text, uint32_t *ret_slot,
                         ds_error *err) {
  char name[32];
  for (uint32_t s = 0; s < asked->slots; s++) {
    const size_t size = ds_cohorts_slot_name(asked, s, name);
    *ret_slot = s;
    if (ds_str_equal(text, (ds_str){name, (uint32_t)size}))
      return DS_OK;
  }
  return ds_fail(err, DS_USAGE, "--list: no period of this answer is called %.*s", DS_STR(text));
}

ds_code ds_cohorts_list(const ds_cohorts *asked, const char *text, ds_result *result,
                          ds_error *err) {
  static const ds_column after = {"after_ms", DS_CELL_DURATION, "ms", "time since the start",
                                  false};
  enum { SIZE, ACTIVE };
  const bool grouped = asked->grouped;
  ds_list_table table = {.name = "cells", .needed = grouped ? 2 : 1, .columns = {"size", "active"}};
  table.keys[0] = asked->by.name;
  table.keys[grouped] = "cohort";
  table.keys[grouped + 1] = "period";
  ds_list_figure figure;
  list_context context = {.asked = asked, .slot = DS_NONE};
  uint32_t group = 0;
  TRY(ds_list_read(text, &table, 1, &figure, err));
  const ds_str period = figure.key[grouped + 1];
  if (grouped)
    TRY(ds_list_group(&asked->by, figure.key[0], &group, err));
  TRY(read_cohort(asked, figure.key[grouped], &context.cohort, err));
  if ((figure.column == ACTIVE) != (period.data != NULL))
    return ds_fail(err, DS_USAGE, "--list: column=active needs period=, column=size takes none");
  if (period.data != NULL)
    TRY(read_slot(asked, period, &context.slot, err));
  const ds_list_plan plan = {.by = grouped ? &asked->by : NULL, .group = group,
                             .duration = &after, .block = list_block, .journey = list_journey,
                             .context = &context, .scratch_bytes = sizeof(ds_marks),
                             .scratch_done = scratch_done, .touchpoints = true};
  return ds_list_run(asked->request, &asked->plan, &plan, result, err);
}
