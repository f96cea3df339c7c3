// SPDX-License-Identifier: Apache-2.0
// The list of what a cell of retention counted.
#include "question/list.h"
#include "question/retention.h"

// The tables and their columns, in order.
enum { TABLE_CELLS, TABLE_CURVE, TABLE_RETURNS, TABLE_AGAIN, TABLES };
enum { CELLS_SIZE, CELLS_ACTIVE };
enum { RETURNS_STARTED, RETURNS_RETURNED, RETURNS_CENSORED };
enum { AGAIN_AT_RISK, AGAIN_RETURNED };

// Which figure, and what names its row.
typedef struct list_context {
  const ds_cohorts *asked;
  uint32_t table;
  uint32_t column;
  uint32_t cohort;
  uint32_t slot; // DS_NONE: not given
  uint32_t days;
} list_context;

// One journey being walked, and what the figure needs of it.
typedef struct list_target {
  const list_context *context;
  uint32_t cohort;
  uint32_t event; // that came back in the slot asked for; DS_NONE: none
} list_target;

static ds_code list_take(void *to, uint32_t cohort, uint32_t slot, uint32_t event, ds_error *err) {
  (void)err;
  list_target *target = to;
  const list_context *context = target->context;
  target->cohort = cohort;
  // Unbounded: in that period or any later one.
  if (slot != DS_NONE && context->slot != DS_NONE && target->event == DS_NONE &&
      (slot == context->slot || (context->asked->unbounded && slot > context->slot)))
    target->event = event;
  return DS_OK;
}

// The event that a cell or a point of the curve counts, DS_NONE for none.
static uint32_t counted_in_slot(const list_context *context, const list_target *target,
                                uint32_t start) {
  bool begun, complete = true;
  if (context->table == TABLE_CELLS && target->cohort != context->cohort)
    return DS_NONE;
  if (context->table == TABLE_CURVE)
    ds_cohorts_slot_state(context->asked, target->cohort, context->slot, &begun, &complete);
  if (!complete)
    return DS_NONE;
  return context->column == CELLS_SIZE ? start : target->event;
}

// The same for a figure of those who came back at all.
static uint32_t counted_in_time(const list_context *context, const ds_block *block, uint32_t start,
                                uint32_t first) {
  const ds_cohorts *asked = context->asked;
  const int64_t end_ms = first == DS_NONE ? asked->as_of_ms : block->time_ms[first];
  const uint32_t day = ds_cohorts_day(asked, end_ms - block->time_ms[start]);
  if (context->table == TABLE_AGAIN)
    return context->column == AGAIN_AT_RISK ? (day + 1 >= context->days ? start : DS_NONE)
                                            : (day < context->days ? first : DS_NONE);
  return context->column == RETURNS_RETURNED                     ? first
         : context->column == RETURNS_STARTED || first == DS_NONE ? start
                                                                  : DS_NONE;
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
  list_target target = {.context = in, .event = DS_NONE};
  uint32_t start, first;
  TRY(ds_cohorts_walk(in->asked, ds_list_scratch(list), block, j, list_take, &target, &start,
                      &first, err));
  if (start == DS_NONE)
    return DS_OK;
  const uint32_t event = in->table == TABLE_CELLS || in->table == TABLE_CURVE
                             ? counted_in_slot(in, &target, start)
                             : counted_in_time(in, block, start, first);
  if (event == DS_NONE)
    return DS_OK;
  return ds_list_add(list, block, j, event, block->time_ms[event] - block->time_ms[start], err);
}

static void scratch_done(void *scratch) { ds_marks_done(scratch); }

static ds_code read_cohort(const ds_cohorts *asked, ds_str text, uint32_t *ret_cohort,
                           ds_error *err) {
  char name[32];
  for (uint32_t c = 0; c < asked->cohorts; c++) {
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

static ds_code read_figure(const ds_cohorts *asked, const ds_list_figure *figure,
                           list_context *context, ds_error *err) {
  const ds_str *key = figure->key;
  const ds_str period = key[figure->table == TABLE_CELLS];
  uint64_t days = 0;
  context->table = figure->table;
  context->column = figure->column;
  if (figure->table == TABLE_AGAIN && (!ds_str_to_u64(key[0], &days) || days == 0 ||
                                       days > DS_COHORTS_DAYS_MAX))
    return ds_fail(err, DS_USAGE, "--list: days=%.*s: expected a number of days", DS_STR(key[0]));
  context->days = (uint32_t)days;
  if (figure->table > TABLE_CURVE)
    return DS_OK;
  if (figure->table == TABLE_CELLS)
    TRY(read_cohort(asked, key[0], &context->cohort, err));
  if (figure->column == CELLS_ACTIVE && period.data == NULL)
    return ds_fail(err, DS_USAGE, "--list: column=active needs period=");
  return period.data == NULL ? DS_OK : read_slot(asked, period, &context->slot, err);
}

void ds_cohorts_listable(const ds_cohorts *asked, ds_result *result) {
  static const ds_figures tables[TABLES] = {
      [TABLE_CELLS] = {"cells", 1, {"cohort", "period"}, {"size", "active"}, NULL, NULL},
      [TABLE_CURVE] = {"curve", 1, {"period"}, {"size", "active"}, NULL, NULL},
      [TABLE_RETURNS] = {"returns", 0, {NULL}, {"started", "returned", "censored"}, NULL, NULL},
      [TABLE_AGAIN] = {"again", 1, {"days"}, {"at_risk", "returned"}, NULL, NULL},
  };
  ds_list_offer(result, tables, TABLES, asked->grouped ? &asked->by : NULL);
}

ds_code ds_cohorts_list(const ds_cohorts *asked, const char *text, ds_result *result,
                        ds_error *err) {
  static const ds_column after = {"after_ms", DS_CELL_DURATION, "ms", "time since the start",
                                  false};
  ds_list_figure figure;
  list_context context = {.asked = asked, .slot = DS_NONE};
  TRY(ds_list_read(asked->request, text, &asked->by, result, &figure, err));
  TRY(read_figure(asked, &figure, &context, err));
  const ds_list_plan plan = {.by = asked->grouped ? &asked->by : NULL, .group = figure.group,
                             .duration = &after, .block = list_block, .journey = list_journey,
                             .context = &context, .scratch_bytes = sizeof(ds_marks),
                             .scratch_done = scratch_done, .touchpoints = true};
  return ds_list_run(asked->request, &asked->plan, &plan, result, err);
}
