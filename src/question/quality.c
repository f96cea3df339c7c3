// SPDX-License-Identifier: Apache-2.0
// `quality`: what the data can bear, before any chart: what comes how regularly, which expected
// properties are there, and what is odd, each with advice.
#include "question/quality.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "model/identifier.h"
#include "question/common.h"
#include "store/identity.h"

// More days than this are not looked at one by one; of a customer, more than this share of all
// events is heavy, but never fewer than so many.
enum { DAYS_MAX = 40000, HEAVY_SHARE = 100, HEAVY_LEAST = 1000, HASH_SHARE = 16 };

#define DEFINITION                                                                             \
  "Counted over whole customers after --where and the period; days are those of %s. Coverage " \
  "is the share of a touchpoint's events that carry the property; expected are the "           \
  "properties that the catalogue names. The longest gap is the most days on end without such " \
  "an event between its first and its last."

const ds_option ds_quality_options[] = {
    {"anonymous", DS_OPTION_FLAG, "", "", NULL,
     "the examples of what is odd name no customer; a report asks so"},
};
const uint32_t ds_quality_options_count = 1;

static const ds_column touchpoint_columns[] = {
    {"touchpoint", DS_CELL_TEXT, "", "kind of event", false},
    {"events", DS_CELL_COUNT, "events", "events of it", false},
    {"customers", DS_CELL_COUNT, "customers", "customers with at least one", true},
    {"known", DS_CELL_TEXT, "", "whether the catalogue knows the name", false},
    {"per_day", DS_CELL_NUMBER, "events", "events a day between its first and its last", false},
    {"gap_days", DS_CELL_COUNT, "days", "the longest gap", false},
    {"out_of_order", DS_CELL_COUNT, "events", "events after a later stage of their case", true},
    {"late", DS_CELL_COUNT, "events", "events that arrived more than a day late", true},
    {"first", DS_CELL_TIME, "", "time of the first", true},
    {"last", DS_CELL_TIME, "", "time of the last", true},
};

static const ds_column property_columns[] = {
    {"touchpoint", DS_CELL_TEXT, "", "kind of event", false},
    {"property", DS_CELL_TEXT, "", "name of the property", false},
    {"values", DS_CELL_COUNT, "events", "events that carry it in its type", true},
    {"coverage", DS_CELL_SHARE, "", "share of the touchpoint's events", false},
    {"type", DS_CELL_TEXT, "", "type in which it is read", false},
    {"expected", DS_CELL_TEXT, "", "type that the catalogue expects", false},
};
enum { TOUCHPOINT_COLUMNS = 10, PROPERTY_COLUMNS = 6 };

static ds_code no_memory(ds_error *err) {
  return ds_fail(err, DS_MEMORY, "out of memory for looking at the data: give more --memory");
}

// What customers do moves no parcel, except that they order: they open mails and look at tracking
// pages when they like.
uint8_t ds_quality_stage(const ds_touchpoint *known) {
  if (known == NULL || known->stage < DS_STAGE_ORDER || known->stage > DS_STAGE_DELIVERY)
    return 0;
  if (known->actor == DS_ACTOR_CUSTOMER && strcmp(known->name, "order_placed") != 0)
    return 0;
  return (uint8_t)known->stage;
}

static ds_code context_make(quality_work *work, ds_error *err) {
  const ds_snapshot *snapshot = work->request->snapshot;
  const uint32_t touchpoints = snapshot->space.touchpoints.count;
  const uint32_t keys = snapshot->space.keys.count;
  uint8_t *stage = ds_arena_array(&work->arena, touchpoints + 1u, sizeof *stage);
  bool *key_is_kind = ds_arena_array(&work->arena, keys + 1u, sizeof *key_is_kind);
  work->known = ds_arena_array(&work->arena, touchpoints + 1u, sizeof *work->known);
  if (stage == NULL || key_is_kind == NULL || work->known == NULL)
    return no_memory(err);
  for (uint32_t t = 0; t < touchpoints; t++) {
    work->known[t] = ds_catalogue_find(work->request->catalogue,
                                       snapshot->space.touchpoints.text[t]);
    stage[t] = ds_quality_stage(work->known[t]);
  }
  // The case of an event log is its customer, and means no object.
  for (uint32_t k = 0; k < keys; k++)
    key_is_kind[k] = !ds_str_equal(snapshot->space.keys.text[k], ds_str_of("case_id"));
  work->context = (quality_context){
      .census = {&work->plan, touchpoints, false},
      .days = &work->days,
      .stage = stage,
      .key_is_kind = key_is_kind,
      .keys = &snapshot->space.keys,
      .order_key = DS_NONE,
      .now_ms = work->request->now_ms,
      .heavy_events = snapshot->events / HEAVY_SHARE,
      .hash_bytes_max = work->request->memory_bytes / HASH_SHARE,
  };
  if (work->context.heavy_events < HEAVY_LEAST)
    work->context.heavy_events = HEAVY_LEAST;
  return DS_OK;
}

static ds_code prepare(quality_work *work, ds_error *err) {
  const ds_request *request = work->request;
  TRY(ds_option_refuse(&request->options, "quality",
                       (const char *const[]){"by", "attach", "derive"}, 3, err));
  TRY(ds_question_plan(request, &work->plan, err));
  TRY(ds_plan_leave_links(request, &work->plan, err));
  const uint32_t case_key = work->plan.has_case ? work->plan.case_key : DS_NONE;
  work->plan.has_case = false;
  work->plan.columns.want |=
      DS_WANT_TIME | DS_WANT_TOUCHPOINT | DS_WANT_RECEIVED | DS_WANT_SUBJECT;
  TRY(ds_plan_all_keys(request, &work->plan, &work->arena, err));
  TRY(ds_census_values(request, false, &work->arena, &work->values_plan, &work->values_context,
                       err));
  // Nobody looks at what facts of identity carry.
  if (!work->values_plan.separate)
    TRY(ds_plan_leave_links(request, &work->values_plan, err));
  const ds_snapshot *snapshot = request->snapshot;
  if (snapshot->events > 0)
    TRY(ds_calendar_make(request, DS_PERIOD_DAY, snapshot->time_min_ms, snapshot->time_max_ms,
                         DAYS_MAX, &work->arena, &work->days, err));
  TRY(context_make(work, err));
  for (uint32_t k = 0; k < work->plan.columns.keys_count; k++)
    if (work->plan.columns.keys[k] == case_key)
      work->context.order_key = k;
  return DS_OK;
}

quality_gap ds_quality_gap(const quality_work *work, uint32_t touchpoint) {
  const uint32_t *days = work->state->touchpoint[touchpoint].days;
  const uint32_t count = work->days.count;
  quality_gap longest = {0}, run = {0};
  if (days == NULL)
    return longest;
  uint32_t first = 0, end = count;
  while (first < count && days[first] == 0)
    first++;
  while (end > first && days[end - 1] == 0)
    end--;
  // What a day of the week usually has: some are always silent.
  double events[7] = {0}, seen[7] = {0};
  for (uint32_t d = first; d < end; d++) {
    events[d % 7] += days[d];
    seen[d % 7]++;
  }
  for (uint32_t d = first; d < end; d++) {
    if (days[d] != 0) {
      run = (quality_gap){0};
      continue;
    }
    if (run.days == 0)
      run.first_day = d;
    run.days++;
    run.expected += events[d % 7] / seen[d % 7];
    if (run.days > longest.days)
      longest = run;
  }
  return longest;
}

// Touchpoints in an order: more events first, then by name.
static int most_first(const void *a, const void *b, void *context) {
  const quality_work *work = context;
  const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  const uint64_t of_x = work->state->census.touchpoint[x].events;
  const uint64_t of_y = work->state->census.touchpoint[y].events;
  const ds_names *names = &work->request->snapshot->space.touchpoints;
  if (of_x != of_y)
    return of_x > of_y ? -1 : 1;
  return ds_str_compare(names->text[x], names->text[y]);
}

static ds_code order_make(quality_work *work, ds_error *err) {
  const uint32_t touchpoints = work->context.census.touchpoints;
  uint32_t *order = ds_arena_array(&work->arena, touchpoints + 1u, sizeof *order);
  uint32_t count = 0;
  if (order == NULL)
    return no_memory(err);
  for (uint32_t t = 0; t < touchpoints; t++)
    if (work->state->census.touchpoint[t].events > 0)
      order[count++] = t;
  qsort_r(order, count, sizeof *order, most_first, work);
  work->order = order;
  work->order_count = count;
  return DS_OK;
}

static ds_code put_touchpoints(quality_work *work, ds_error *err) {
  const ds_names *names = &work->request->snapshot->space.touchpoints;
  ds_table *table = ds_result_table(work->result, "touchpoints", "What comes",
                                    touchpoint_columns, TOUCHPOINT_COLUMNS);
  for (uint32_t i = 0; i < work->order_count; i++) {
    const uint32_t t = work->order[i];
    const census_touchpoint *one = &work->state->census.touchpoint[t];
    const quality_touchpoint *odd = &work->state->touchpoint[t];
    ds_cell *cell = table == NULL ? NULL : ds_table_row(work->result, table);
    if (cell == NULL)
      return no_memory(err);
    const int64_t days = ds_question_day(work->request, one->last_ms) -
                         ds_question_day(work->request, one->first_ms) + 1;
    *cell++ = ds_cell_text(work->result, names->text[t]);
    *cell++ = ds_cell_i64((int64_t)one->events);
    *cell++ = ds_cell_i64((int64_t)one->journeys);
    *cell++ = ds_cell_text(work->result, ds_str_of(work->known[t] != NULL ? "yes" : "no"));
    *cell++ = ds_cell_double((double)one->events / (double)days);
    *cell++ = ds_cell_i64(ds_quality_gap(work, t).days);
    *cell++ = ds_cell_i64((int64_t)odd->out_of_order);
    *cell++ = ds_cell_i64((int64_t)odd->late);
    *cell++ = ds_cell_i64(one->first_ms);
    *cell++ = ds_cell_i64(one->last_ms);
  }
  return DS_OK;
}

static ds_code put_property(quality_work *work, ds_table *table, uint32_t t, ds_str name,
                            const census_property *property, const ds_expected *expected,
                            ds_error *err) {
  const uint64_t events = work->state->census.touchpoint[t].events;
  const uint64_t values =
      property == NULL || property->of_touchpoint == NULL ? 0 : property->of_touchpoint[t];
  ds_cell *cell = table == NULL ? NULL : ds_table_row(work->result, table);
  if (cell == NULL)
    return no_memory(err);
  *cell++ = ds_cell_text(work->result, work->request->snapshot->space.touchpoints.text[t]);
  *cell++ = ds_cell_text(work->result, name);
  *cell++ = ds_cell_i64((int64_t)values);
  *cell++ = ds_cell_double((double)values / (double)events);
  *cell++ = values == 0 ? ds_cell_null()
                        : ds_cell_text(work->result, ds_str_of(ds_type_name(property->type)));
  *cell++ = expected == NULL ? ds_cell_null()
                             : ds_cell_text(work->result, ds_str_of(ds_type_name(expected->type)));
  return DS_OK;
}

const ds_expected *ds_quality_expected(const ds_touchpoint *known, ds_str name) {
  for (uint32_t i = 0; known != NULL && i < known->expected_count; i++)
    if (ds_str_equal(ds_str_of(known->expected[i].name), name))
      return &known->expected[i];
  return NULL;
}

// Those that a touchpoint's events carry, then those expected that none carries.
static ds_code put_properties(quality_work *work, ds_error *err) {
  const ds_names *names = &work->request->snapshot->space.properties;
  const ds_columns *columns = &work->values_plan.columns;
  ds_table *table = ds_result_table(work->result, "properties", "What it carries",
                                    property_columns, PROPERTY_COLUMNS);
  if (table != NULL)
    table->bar = "coverage";
  for (uint32_t i = 0; i < work->order_count; i++) {
    const uint32_t t = work->order[i];
    const ds_touchpoint *known = work->known[t];
    for (uint32_t p = 0; p < columns->properties_count; p++) {
      const census_property *property = &work->values->property[p];
      const ds_str name = names->text[columns->properties[p]];
      if (property->of_touchpoint != NULL && property->of_touchpoint[t] > 0)
        TRY(put_property(work, table, t, name, property, ds_quality_expected(known, name), err));
    }
    for (uint32_t e = 0; known != NULL && e < known->expected_count; e++) {
      const ds_str name = ds_str_of(known->expected[e].name);
      bool carried = false;
      for (uint32_t p = 0; p < columns->properties_count; p++) {
        const uint64_t *of = work->values->property[p].of_touchpoint;
        carried |= ds_str_equal(names->text[columns->properties[p]], name) && of != NULL &&
                   of[t] > 0;
      }
      if (!carried)
        TRY(put_property(work, table, t, name, NULL, &known->expected[e], err));
    }
  }
  return DS_OK;
}

ds_code ds_quality_tables(quality_work *work, ds_error *err) {
  const ds_snapshot *snapshot = work->request->snapshot;
  void *memory = NULL;
  TRY(ds_scan(snapshot, &work->plan, &ds_quality_kernel, &work->context, &work->arena, &memory,
              err));
  work->state = memory;
  TRY(ds_scan(snapshot, &work->values_plan, &ds_census_kernel, &work->values_context, &work->arena,
              &memory, err));
  work->values = memory;
  TRY(order_make(work, err));
  TRY(put_touchpoints(work, err));
  TRY(put_properties(work, err));
  return ds_quality_problems(work, err);
}

static ds_code answer(quality_work *work, ds_error *err) {
  const char *list = ds_option_get(&work->request->options, "list");
  TRY(prepare(work, err));
  ds_quality_listable(work->result);
  return list != NULL ? ds_quality_list(work, list, err) : ds_quality_tables(work, err);
}

// What became of the facts of identity.
static void note_identity(const ds_identity *identity, ds_result *result) {
  char text[32], more[32];
  if (identity == NULL)
    return;
  const ds_identity_stats *stats = &identity->stats;
  if (stats->customers > 0)
    ds_result_note(result, false, "%s customer%s %s known by several identifiers; "
                   "docs/identity.md has the rules.", ds_human_count(text, stats->customers),
                   stats->customers == 1 ? "" : "s", stats->customers == 1 ? "is" : "are");
  if (stats->contradictions > 0)
    ds_result_note(result, true, "Not followed: %s link%s between identifiers, or objects with "
                   "several claimants, that would join persons known apart. doorstep link says "
                   "that two are one.", ds_human_count(text, stats->contradictions),
                   stats->contradictions == 1 ? "" : "s");
  if (stats->beyond > 0)
    ds_result_note(result, true, "Not followed: %s link%s between identifiers, because no customer "
                   "has more than %s.", ds_human_count(text, stats->beyond),
                   stats->beyond == 1 ? "" : "s",
                   ds_human_count(more, DS_CUSTOMER_SUBJECTS_MAX));
  if (stats->unreadable > 0)
    ds_result_note(result, true, "%s fact%s of identity name%s no other identifier as kind=text in "
                   "the property `" DS_LINK_PROPERTY "`.",
                   ds_human_count(text, stats->unreadable), stats->unreadable == 1 ? "" : "s",
                   stats->unreadable == 1 ? "s" : "");
}

ds_code ds_quality_answer(const ds_request *request, ds_result *result, ds_error *err) {
  quality_work work = {.request = request, .result = result};
  char definition[sizeof DEFINITION + 64];
  ds_arena_init(&work.arena, request->memory_bytes);
  ds_buf_init(&work.text, 1u << 20);
  const ds_code code = answer(&work, err);
  if (code == DS_OK)
    note_identity(request->snapshot->identity, result);
  if (work.state != NULL)
    ds_quality_kernel.done(work.state);
  if (work.values != NULL)
    ds_census_done(work.values);
  ds_buf_done(&work.text);
  ds_arena_done(&work.arena);
  snprintf(definition, sizeof definition, DEFINITION,
           request->zone_name == NULL ? "UTC" : request->zone_name);
  result->definition = ds_arena_text(result->arena, definition, strlen(definition));
  return code;
}
