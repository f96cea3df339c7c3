// SPDX-License-Identifier: Apache-2.0
// The funnel's instead rows, and --list: a second scan that finds the same chains again.
#include <string.h>

#include "question/funnel.h"

// The more frequent first, then by name; nothing stands behind all names.
static bool before(const funnel_context *context, const uint64_t *count, const ds_names *names,
                   uint32_t a, uint32_t b) {
  if (count[a] != count[b])
    return count[a] > count[b];
  if (a == context->touchpoints || b == context->touchpoints)
    return b == context->touchpoints;
  return ds_str_compare(names->text[a], names->text[b]) < 0;
}

void ds_funnel_instead(const funnel_state *state, const ds_names *touchpoints, uint32_t group,
                       uint32_t step, funnel_instead *ret_instead) {
  const funnel_context *context = state->context;
  const size_t cell = (size_t)group * context->rules.steps + step;
  const uint64_t *count = state->instead + cell * (context->touchpoints + 1u);
  funnel_instead instead = {.shown = 0};
  for (uint32_t t = 0; t <= context->touchpoints; t++) {
    uint32_t next = t;
    if (count[t] == 0)
      continue;
    for (uint32_t i = 0; i < instead.shown; i++)
      if (before(context, count, touchpoints, next, instead.next[i])) {
        const uint32_t moved = instead.next[i];
        instead.next[i] = next;
        next = moved;
      }
    if (instead.shown < FUNNEL_INSTEAD)
      instead.next[instead.shown++] = next;
    else
      instead.other += count[next];
  }
  *ret_instead = instead;
}

enum { LIST_STEPS, LIST_INSTEAD, LIST_TIMES, LIST_PERIODS, LIST_TABLES };
enum { KEY_STEP, KEY_OTHER };
enum { COLUMN_REACHED, COLUMN_DROPPED, COLUMN_OPEN };
enum { COLUMN_CASES, COLUMN_SINCE_START, COLUMN_BEGAN = 1 };

// The figure that is listed.
typedef struct list_figure {
  const funnel_context *context;
  uint32_t table;
  uint32_t column;
  uint32_t step;
  uint32_t next; // what came next; DS_NONE = none of those shown
  funnel_instead instead;
  uint32_t class;  // of times
  uint32_t period;
} list_figure;

// Whether what came next is what the row counts.
static bool is_next(const list_figure *figure, uint32_t next) {
  if (figure->next != DS_NONE)
    return next == figure->next;
  for (uint32_t i = 0; i < figure->instead.shown; i++)
    if (figure->instead.next[i] == next)
      return false;
  return true;
}

// A list, and what finds its chains.
typedef struct list_target {
  const list_figure *figure;
  const funnel_state *state;
  ds_list *list;
} list_target;

// The mandatory step before, or the first one, of which the chain has an event.
static uint32_t timed_from(const list_figure *figure, const uint32_t *event) {
  uint32_t step = ds_funnel_previous(&figure->context->rules, figure->step);
  return event[figure->column == COLUMN_SINCE_START ? 0 : step];
}

// Whether a chain that holds the step is one that the figure of times or periods counts.
static bool is_detailed(const list_figure *figure, const uint32_t *event, const int64_t *time_ms) {
  if (figure->table == LIST_TIMES)
    return ds_funnel_class(time_ms[event[figure->step]] - time_ms[timed_from(figure, event)]) ==
           figure->class;
  return figure->table != LIST_PERIODS ||
         ds_calendar_find(&figure->context->calendar, time_ms[event[0]]) == figure->period;
}

static ds_code take(void *to, const funnel_found *found, ds_error *err) {
  const list_target *target = to;
  const list_figure *figure = target->figure;
  const uint32_t *event = found->chain.event;
  uint32_t listed = event[figure->step];
  uint32_t first = DS_NONE, last = 0;
  for (uint32_t s = 0; s < figure->context->rules.steps; s++) {
    if (event[s] == DS_NONE)
      continue;
    first = first == DS_NONE ? event[s] : first;
    last = event[s];
  }
  const int64_t *time_ms = found->block->time_ms + found->first;
  if (figure->table == LIST_INSTEAD ||
      (figure->table == LIST_STEPS && figure->column != COLUMN_REACHED)) {
    const funnel_end end = ds_funnel_end(target->state, found);
    const bool open = figure->table == LIST_STEPS && figure->column == COLUMN_OPEN;
    listed = end.step == figure->step && end.open == open &&
                     (figure->table == LIST_STEPS || is_next(figure, end.next))
                 ? last
                 : DS_NONE;
  }
  if (listed == DS_NONE || !is_detailed(figure, event, time_ms))
    return DS_OK;
  return ds_list_add(target->list, found->block, found->journey, found->first + listed,
                     time_ms[listed] - time_ms[first], err);
}

static ds_code list_block(const void *context, const ds_block *block, ds_list *list,
                          ds_error *err) {
  const list_figure *figure = context;
  funnel_state *state = ds_list_scratch(list);
  if (state->context == NULL)
    TRY(ds_funnel_open(state, figure->context, err));
  return ds_funnel_block(state, block, err);
}

static ds_code list_journey(const void *context, const ds_block *block, uint32_t j, ds_list *list,
                            ds_error *err) {
  funnel_state *state = ds_list_scratch(list);
  if (state->context->is_plain)
    ds_funnel_mark(state, block, j);
  list_target target = {context, state, list};
  return ds_funnel_journey(state, block, j, take, &target, err);
}

// What a row of `instead` names as what came next.
static ds_code next_read(const ds_request *request, ds_str name, list_figure *figure,
                         ds_error *err) {
  figure->next = figure->context->touchpoints;
  if (ds_str_equal(name, ds_str_of("(nothing)")))
    return DS_OK;
  figure->next = DS_NONE;
  if (ds_str_equal(name, ds_str_of("other")) &&
      ds_names_find(&request->snapshot->space.touchpoints, name) == DS_NONE)
    return DS_OK;
  return ds_list_touchpoint(request, name, &figure->next, err);
}

static ds_code class_read(ds_str name, list_figure *figure, ds_error *err) {
  figure->class = ds_funnel_class_named(name);
  if (figure->step == 0)
    return ds_fail(err, DS_USAGE, "--list: times are those of step 2 and later");
  return figure->class != DS_NONE
             ? DS_OK
             : ds_fail(err, DS_USAGE, "--list: time=%.*s: write it as in the table, as in "
                       "time=\"1 to 2 d\"", DS_STR(name));
}

static ds_code period_read(ds_str name, list_figure *figure, ds_error *err) {
  const ds_calendar *calendar = &figure->context->calendar;
  // All that began are those that have the first step.
  figure->step = figure->column == COLUMN_BEGAN ? 0 : figure->step;
  if (!figure->context->has_periods)
    return ds_fail(err, DS_USAGE, "--list periods needs --per day, week or month");
  for (figure->period = 0; figure->period < calendar->count; figure->period++) {
    char text[32];
    const size_t size = ds_calendar_name(calendar, figure->period, text);
    if (ds_str_equal(name, (ds_str){text, (uint32_t)size}))
      return DS_OK;
  }
  return ds_fail(err, DS_USAGE, "--list: period=%.*s is none of this answer", DS_STR(name));
}

void ds_funnel_listable(const funnel_context *context, ds_result *result) {
  static const ds_figures tables[LIST_TABLES] = {
      [LIST_STEPS] = {"steps", 1, {"step"}, {"reached", "dropped", "open"}, NULL, NULL},
      [LIST_INSTEAD] = {"instead", 2, {"step", "touchpoint"}, {"cases"}, NULL, NULL},
      [LIST_TIMES] = {"times", 2, {"step", "time"}, {"cases", "since_start"}, NULL, NULL},
      [LIST_PERIODS] = {"periods", 2, {"step", "period"}, {"reached", "began"}, NULL, NULL},
  };
  ds_list_offer(result, tables, LIST_TABLES, context->by);
}

bool ds_funnel_list_counts(const ds_list_figure *read) { return read->table == LIST_INSTEAD; }

ds_code ds_funnel_list(const ds_request *request, const ds_plan *plan,
                       const funnel_context *context, const funnel_state *state,
                       const ds_list_figure *read, ds_result *result, ds_error *err) {
  static const ds_column duration = {"duration_ms", DS_CELL_DURATION, "ms",
                                     "since the first event of the chain", false};
  list_figure figure = {.context = context};
  uint64_t step = 0;
  if (!ds_str_to_u64(read->key[KEY_STEP], &step) || step == 0 || step > context->rules.steps)
    return ds_fail(err, DS_USAGE, "--list: step=%.*s: there are steps 1 to %u",
                   DS_STR(read->key[KEY_STEP]), context->rules.steps);
  figure.table = read->table;
  figure.column = read->column;
  figure.step = (uint32_t)step - 1;
  if (read->table == LIST_INSTEAD) {
    ds_funnel_instead(state, &request->snapshot->space.touchpoints, read->group, figure.step,
                      &figure.instead);
    TRY(next_read(request, read->key[KEY_OTHER], &figure, err));
  }
  if (read->table == LIST_TIMES)
    TRY(class_read(read->key[KEY_OTHER], &figure, err));
  if (read->table == LIST_PERIODS)
    TRY(period_read(read->key[KEY_OTHER], &figure, err));
  const ds_list_plan list = {.by = context->by, .group = read->group, .duration = &duration,
                             .block = list_block, .journey = list_journey, .context = &figure,
                             .scratch_bytes = sizeof(funnel_state),
                             .scratch_done = ds_funnel_kernel.done, .touchpoints = true};
  // A list shows times, and whose they are.
  ds_plan listing = *plan;
  listing.columns.want = (listing.columns.want | DS_WANT_TIME) & ~(uint32_t)DS_WANT_TIME_LATER;
  return ds_list_run(request, &listing, &list, result, err);
}
